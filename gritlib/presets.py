"""Presets: from a smoke test to the published configuration, one word.

| preset | for                                            | pixels |
|--------|------------------------------------------------|--------|
| smoke  | proves that everything runs, shows nothing     | 64     |
| ci     | still shows the effect, in about half a minute | 64     |
| cpu    | two CPU cores, about two minutes               | 64     |
| gpu    | one GPU, minutes                               | 128    |
| paper  | the published configuration                    | 256    |

The environment variable GRITLIB_PRESET overrides the choice that the device makes. GRIT's paper leaves its training
open, so its `paper` sizes are course decisions; pix2pix' are the authors'.
"""

import os
from dataclasses import replace
from typing import NamedTuple

import torch

from gritlib.methods import GRITConfig, MethodConfig, Pix2PixConfig
from gritlib.training import TrainConfig

NAMES = ("smoke", "ci", "cpu", "gpu", "paper")
SIZES = {"smoke": 64, "ci": 64, "cpu": 64, "gpu": 128, "paper": 256}


class Preset(NamedTuple):
    """Everything a run needs but the data."""

    size: int
    method: MethodConfig
    training: TrainConfig


TRAINING = {
    "smoke": TrainConfig(steps=20, log_every=10),
    "ci": TrainConfig(steps=400),
    "cpu": TrainConfig(steps=1200),
    "gpu": TrainConfig(steps=6000, batch_size=16, ema=0.999, sample_every=1000, save_every=1000),
}
# pix2pix on facades: 400 images, 200 epochs, batch 1, no averaging of weights.
PIX2PIX_PAPER = TrainConfig(steps=80_000, batch_size=1, ema=0.0, precision="fp32", sample_every=4000, save_every=4000)
GRIT_PAPER = TrainConfig(steps=200_000, batch_size=8, ema=0.999, sample_every=4000, save_every=4000)

METHODS = {
    "grit": {
        "smoke": GRITConfig(width=8, d_width=8),
        "gpu": GRITConfig(width=32, depth=5, d_width=32, d_layers=3),
        "paper": GRITConfig(width=64, depth=6, style_dim=256, d_width=64, d_layers=3, lr=2e-4, d_lr=2e-4),
    },
    "pix2pix": {
        "smoke": Pix2PixConfig(width=8, d_width=8),
        "gpu": Pix2PixConfig(width=32, depth=5, d_width=32, d_layers=3),
        "paper": Pix2PixConfig(
            width=64, depth=8, norm="batch", dropout=True, d_width=64, d_layers=3, d_norm="batch", gan="bce"
        ),
    },
}
DEFAULTS = {"grit": GRITConfig, "pix2pix": Pix2PixConfig}


def automatic() -> str:
    """GRITLIB_PRESET if it is set, else "gpu" with a CUDA device and "cpu" without.

    Raises:
        ValueError: the variable names no preset.
    """
    name = os.environ.get("GRITLIB_PRESET") or ("gpu" if torch.cuda.is_available() else "cpu")
    if name not in NAMES:
        raise ValueError(f"GRITLIB_PRESET is {name!r}: choose one of {', '.join(NAMES)}")
    return name


def get(method: str, name: str | None = None) -> Preset:
    """Preset of a method; None lets `automatic` choose.

    Raises:
        ValueError: unknown method or preset.
    """
    name = name or automatic()
    if method not in DEFAULTS or name not in NAMES:
        raise ValueError(f"no preset {name!r} of {method!r}: methods {', '.join(DEFAULTS)}, presets {', '.join(NAMES)}")
    training = TRAINING.get(name) or {"grit": GRIT_PAPER, "pix2pix": PIX2PIX_PAPER}[method]
    return Preset(SIZES[name], replace(METHODS[method].get(name) or DEFAULTS[method]()), replace(training))
