"""Patches: how large should the patches be that the discriminator judges (pix2pix, table 3)?

The paper's 1, 16, 70 and 286 pixels of 256 are, as fractions of a 64-pixel image, 1, 4, 16 and 70. The recipe is the
preset's and was fixed before the seeds ran, after one look at seed 0 of every arm that changed nothing in it. Instance
norm in the discriminator divides by statistics of the whole image: the patches are those of the convolutions, as in the
paper, whose batches of one make batch norm do the same.

What came out, six paired seeds (`python -m gritlib study report patches`, 95 % intervals):

* 1 and 4 pixels do next to nothing. No interval of a difference between them excludes zero, and their pictures look
  like those of L1 alone (study `skips`, arm `unet-l1`: same generator weights and batches), blurred. Their
  discriminators do tell truth from output (loss 0.59, ln 2 = 0.69 being blindness); the generator does not follow.
* 16 and 70 pixels draw texture: gap −1.13 and −0.93 against −1.87, for 0.3 and 0.6 more L1, 0.08 and 0.10 less SSIM.
* 16 against 70, the paper's best against the whole image: for 16 L1 −0.26 (−0.52 to −0.00), PSNR +0.10 dB and SSIM
  +0.03; for 70 a spectrum nearer to the truth's (by 0.20) and, in the pictures, less of a repeated pattern; colours
  alike. That one pixel is too little is shown, that the whole image is too much is not.
* Colour, which the paper's 1x1 discriminator brings: not here. Overlap of `pixel` 0.756, of `unet-l1` 0.758, paired
  difference −0.002 (−0.005 to 0.001); 16 and 70 pixels add 0.018 each to `pixel`.
"""

import torch

from gritlib.methods import Pix2Pix
from gritlib.nets.init import init_normal
from gritlib.nets.patchgan import small_patch
from gritlib.studies import maps
from gritlib.studies.runner import Study

LAYERS = {"pixel": 0, "quarter": 1, "whole": 3}
ARMS = ("pixel", "small", "quarter", "whole")


def build(arm: str, seed: int) -> Pix2Pix:
    """The arm with weights of its own; the generator is drawn first and is the same in every arm."""
    torch.manual_seed(seed)
    if arm != "small":
        return Pix2Pix(maps.config(d_layers=LAYERS[arm]))
    c = maps.config()
    return Pix2Pix(c, discriminator=init_normal(small_patch(c.in_channels + c.out_channels, c.d_width, c.d_norm)))


def begin(arm: str, seed: int) -> Pix2Pix:
    """The arm before training: every tensor that it has in common with another arm is the same in both."""
    method = build(arm, seed)
    for reference in ("pixel", "whole"):  # layers of 1x1 and of 4x4: between them they have all that is shared
        maps.same_start(method, build(reference, seed))
    return method


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict, torch.Tensor]:
    """Train one arm and score it on the test split."""
    return maps.train_and_score(begin(arm, seed), dataset, seed, steps)


STUDY = Study(
    name="patches",
    claim="A discriminator of patches of a quarter of the image's side does best, one of a sixteenth about as well, "
    "one of the whole image or of single pixels worse (pix2pix, table 3): patches of 70, 16, 286 and 1 pixels of 256 "
    "there, of 16, 4, 70 and 1 of 64 here.",
    arms=ARMS,
    run=run,
    recipe=lambda: maps.recipe("d_layers"),
    compared=(
        ("small", "pixel"),
        ("quarter", "pixel"),
        ("whole", "pixel"),
        ("quarter", "small"),
        ("quarter", "whole"),
        ("small", "whole"),
    ),
    **maps.COMMON,
)
