"""Skips: do a U-Net's skips help, and does the adversarial term help only with them (pix2pix, table 2)?

The recipe is the preset's and was fixed before the seeds ran, after one look at seed 0 of every arm that changed
nothing in it. Depth stays 4: its bottleneck of 4x4x128 squeezes an image 6-fold where the paper's squeezes 384-fold,
but the look said that without skips the coast is lost all the same; a bottleneck of one pixel would measure instance
norm's blobs.

What came out, six paired seeds (`python -m gritlib study report skips`, 95 % intervals):

* Skips help: L1 −1.8 (−2.2 to −1.4) with cGAN and −2.2 (−2.8 to −1.5) without, PSNR +0.65 and +0.66 dB. In the
  pictures the coast of the U-Net is the map's, that of the encoder-decoder a smear.
* That the adversarial term helps *only* with skips does not show. It costs PSNR (−0.34 and −0.32 dB) and SSIM (−0.10
  and −0.11) with skips and without, and L1 with them (+0.54). It brings fine detail in both (gap +0.98 and +1.24), and
  truer colours mostly without skips: overlap +0.12 (0.10 to 0.15); with them +0.02 (−0.00 to 0.03).
* The spectrum flatters the encoder-decoder with cGAN (−0.75 against the U-Net's −0.93): part of its power is a lattice
  and specks at the same places whatever the map, which the U-Net has less of.

The paper scores with a segmentation network on street scenes; there are no labels here. Pixel scores must favour the
arms without cGAN, which minimise nothing else: they judge the skips, not the adversarial term.
"""

import torch

from gritlib.methods import Pix2Pix
from gritlib.studies import maps
from gritlib.studies.runner import Study

ARMS = {
    "unet-cgan": {},
    "unet-l1": {"gan_weight": 0.0},
    "plain-cgan": {"skips": False},
    "plain-l1": {"skips": False, "gan_weight": 0.0},
}


def begin(arm: str, seed: int) -> Pix2Pix:
    """The arm before training: weights of the U-Net of this seed wherever the encoder-decoder has the same tensor."""
    torch.manual_seed(seed)
    unet = Pix2Pix(maps.config())
    method = Pix2Pix(maps.config(**ARMS[arm]))
    maps.same_start(method, unet)
    return method


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict, torch.Tensor]:
    """Train one arm and score it on the test split."""
    return maps.train_and_score(begin(arm, seed), dataset, seed, steps)


STUDY = Study(
    name="skips",
    claim="Skips help, and the adversarial term helps only with skips (pix2pix, table 2): U-Net and encoder-decoder, "
    "each with L1 + cGAN and with L1 alone.",
    arms=tuple(ARMS),
    run=run,
    recipe=lambda: maps.recipe("skips", "gan_weight"),
    compared=(
        ("unet-cgan", "plain-cgan"),
        ("unet-l1", "plain-l1"),
        ("unet-cgan", "unet-l1"),
        ("plain-cgan", "plain-l1"),
    ),
    **maps.COMMON,
)
