"""Unpaired choices: what smaller decisions of CycleGAN and CUT do, with networks, data and recipe of study `unpaired`.

CycleGAN's image buffer of 50 should damp the discriminators' swings (C10): `D_wobble` is the standard deviation of
their loss over the second half of the log, one value for 20 steps. CUT's thesis finds negatives from the same image
better than those from others, many layers better than the last alone, and one encoder better than one for each side
(C14).

The two plain arms, `cyclegan` and `cut`, are those of study `unpaired`, run again beside the others; their numbers are
the same to the last digit. Nothing was tried before: the recipe is that study's, fixed there.

What came out (three seeds, directions only):

* C10 does not show: the swing is 0.028, 0.019 and 0.023 with the buffer, 0.017, 0.046 and 0.017 without. Without it the
  cycle closes worse in all three (13.8 to 22.5, with it 13.1 to 14.3), and the kernel distance is lower (0.46 to 0.69,
  with it 0.75 to 0.80). Land covers are exchanged in two of three seeds either way; one sea is a glaring white.
* C14 in two of its three parts, by kernel distance. With negatives from other images it is 0.67 to 0.72 against 0.38:
  relief becomes blur or stripes, and the sea green. With an encoder of its own for the input it is 0.59, and L1 54 to
  57 against 40 to 42: relief fades, the sea is black in two seeds. With the last layer alone neither has a direction
  (0.36 to 0.42; L1 35 to 47): relief is a coarse grain, and desert, forest and steppe have one tint in two seeds.
"""

from torch import Tensor

from gritlib.methods import CUT, CycleGAN
from gritlib.studies import unpaired
from gritlib.studies.runner import Study

ARMS = {
    "cyclegan": (CycleGAN, {}),
    "cyclegan-no-pool": (CycleGAN, {"pool": 0}),
    "cut": (CUT, {}),
    "cut-external": (CUT, {"negatives": "external"}),
    "cut-last-layer": (CUT, {"layers": ["res3"]}),
    "cut-separate": (CUT, {"encoder": "separate"}),
}


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict, Tensor]:
    """Train one arm and score it on the hidden pairs."""
    method, history = unpaired.train(arm, dataset, seed, steps, ARMS)
    metrics, images = unpaired.score(method, arm, dataset, seed)
    return metrics | {"D_wobble": round(unpaired.wobble(history), 5)}, images


STUDY = Study(
    name="unpaired-choices",
    claim="CycleGAN's image buffer damps oscillation (C10); CUT does better with negatives from the same image, with "
    "patches of many layers, and with one encoder for both sides (C14).",
    arms=tuple(ARMS),
    datasets=tuple(unpaired.SHOWN),
    seeds=(1, 2, 3),
    steps=unpaired.STEPS,
    run=run,
    recipe=lambda: unpaired.recipe(ARMS),
    differences=(*unpaired.KEPT, *unpaired.CYCLE, "D_wobble"),
    compared=(
        ("cyclegan", "cyclegan-no-pool"),
        ("cut", "cut-external"),
        ("cut", "cut-last-layer"),
        ("cut", "cut-separate"),
    ),
    shown=unpaired.SHOWN,
    pictured=(1, 2, 3),
)
