"""Presets: from a smoke test to the published configuration, one word.

| preset | for                                            | pixels |
|--------|------------------------------------------------|--------|
| smoke  | proves that everything runs, shows nothing     | 64     |
| ci     | still shows the effect, in about half a minute | 64     |
| cpu    | two CPU cores, about two minutes               | 64     |
| gpu    | one GPU, minutes                               | 128    |
| paper  | the published configuration                    | 256    |

The environment variable GRITLIB_PRESET overrides the choice that the device makes. GRIT's paper leaves its training
open, so its `paper` sizes are course decisions, also at its second size: `python -m gritlib train grit --preset paper
--size 512 --depth 7 --d-scales 2`. pix2pix' and CycleGAN's are the authors'. CUT's and FastCUT's are the equations as
printed, with sums and a gradient into the keys, at the learning rate of CycleGAN; what the authors' code computes
instead is `--reduction mean --halve True --key-gradient False`. SinCUT needs larger crops, which it shrinks.
"""

import os
from dataclasses import replace
from typing import NamedTuple

import torch

from gritlib.methods import (
    METHODS,
    CUTConfig,
    CycleGANConfig,
    FastCUTConfig,
    GRITConfig,
    MethodConfig,
    Pix2PixConfig,
    Pix2PixHDConfig,
    Pix2PixHDPlusConfig,
    SinCUTConfig,
    SpadeConfig,
)
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


def published(steps: int, **changed) -> TrainConfig:
    """A published training: batch 1, the last weights, full precision, unless said."""
    kept = {"batch_size": 1, "ema": 0.0, "precision": "fp32", "sample_every": 4000, "save_every": 4000}
    return TrainConfig(steps=steps, **{**kept, **changed})


# Two networks for two directions take twice the time of one, so half the images a step.
UNPAIRED = {
    "smoke": TrainConfig(steps=20, batch_size=2, log_every=10),
    "ci": TrainConfig(steps=400, batch_size=4),
    "cpu": TrainConfig(steps=1600, batch_size=4),
    "gpu": TrainConfig(steps=20_000, batch_size=4, ema=0.999, sample_every=2000, save_every=2000),
}
SINGLE = {
    "smoke": TrainConfig(steps=20, batch_size=2, log_every=10),
    "ci": TrainConfig(steps=200, batch_size=4, ema=0.99, precision="fp32"),
    "cpu": TrainConfig(steps=480, batch_size=4, ema=0.99, precision="fp32", sample_every=160),
    "gpu": TrainConfig(steps=6000, batch_size=16, sample_every=1000, save_every=1000),
    "paper": published(100_000, batch_size=16),
}
LENGTHS = {
    # 400 images, 200 epochs (facades)
    "pix2pix": {**TRAINING, "paper": published(80_000)},
    "grit": {**TRAINING, "paper": TrainConfig(steps=200_000, ema=0.999, sample_every=4000, save_every=4000)},
    # 1,096 images (maps), 200 epochs; CUT has 400
    "cyclegan": {**UNPAIRED, "paper": published(219_200)},
    "cut": {**UNPAIRED, "paper": published(438_400)},
    "fastcut": {**UNPAIRED, "paper": published(219_200)},
    "sincut": SINGLE,
    # 20,210 images in batches of 32, 200 epochs (ADE20K)
    "spade": {**TRAINING, "paper": published(126_300, batch_size=32)},
    # 2,975 images, 200 epochs (Cityscapes)
    "pix2pixhd": {**TRAINING, "paper": published(595_000)},
    "pix2pixhd++": {**TRAINING, "paper": published(126_300, batch_size=32)},
}

CUT_PAPER = {
    "width": 64,
    "blocks": 9,
    "d_width": 64,
    "d_layers": 3,
    "layers": ("rgb", "down1", "down2", "res1", "res5"),
    "patches": 256,
    "dim": 256,
    "bank": 16384,
    "reduction": "sum",
    "halve": False,
    "key_gradient": True,
}
HD_PAPER = {"width": 64, "downs": 4, "blocks": 9, "e_width": 16, "e_downs": 4, "d_width": 64, "d_layers": 3}
CHANGED = {
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
    "cyclegan": {
        "smoke": CycleGANConfig(width=8, d_width=8),
        "gpu": CycleGANConfig(width=32, blocks=6, d_width=32, d_layers=3),
        "paper": CycleGANConfig(width=64, blocks=9, d_width=64, d_layers=3, lr=2e-4),
    },
    "cut": {
        "smoke": CUTConfig(width=8, d_width=8, dim=16),
        "gpu": CUTConfig(width=32, blocks=6, d_width=32, d_layers=3, patches=128, dim=128),
        "paper": CUTConfig(**CUT_PAPER, lr=2e-4),
    },
    "fastcut": {
        "smoke": FastCUTConfig(width=8, d_width=8, dim=16),
        "gpu": FastCUTConfig(width=32, blocks=6, d_width=32, d_layers=3, patches=128, dim=128),
        "paper": FastCUTConfig(**CUT_PAPER, lr=2e-4),
    },
    "sincut": {
        "smoke": SinCUTConfig(width=8, d_width=8, dim=16),
        "gpu": SinCUTConfig(width=32, d_width=32, tile=64),
        "paper": SinCUTConfig(width=80, d_width=32, tile=64, zoom=2.67, patches=1, nce_weight=4.0),
    },
    "spade": {
        "smoke": SpadeConfig(width=4, hidden=8, d_width=8),
        "gpu": SpadeConfig(width=32, depth=3, hidden=64, d_width=32, d_layers=3, lr=2e-4, d_lr=8e-4),
        "paper": SpadeConfig(
            width=64,
            depth=4,
            start="map",
            z_dim=256,
            hidden=128,
            norm="sync",
            e_width=64,
            e_norm="instance",
            kl_weight=0.05,
            d_width=64,
            d_layers=3,
            lr=1e-4,
            d_lr=4e-4,
        ),
    },
    "pix2pixhd": {
        "smoke": Pix2PixHDConfig(width=4, blocks=1, d_width=8),
        "gpu": Pix2PixHDConfig(width=32, downs=3, blocks=6, d_width=32, d_layers=3),
        "paper": Pix2PixHDConfig(**HD_PAPER, edges=True, d_scales=3),
    },
    "pix2pixhd++": {
        "smoke": Pix2PixHDPlusConfig(width=4, blocks=1, d_width=8),
        "gpu": Pix2PixHDPlusConfig(width=32, downs=3, blocks=6, d_width=32, d_layers=3, lr=2e-4, d_lr=8e-4),
        "paper": Pix2PixHDPlusConfig(**HD_PAPER, norm="sync", lr=1e-4, d_lr=4e-4),
    },
}
# SinCUT's crops are larger than what its networks see: 342/2.67 is the paper's 128.
OTHER_SIZES = {"sincut": {"smoke": 128, "ci": 128, "cpu": 128, "gpu": 256, "paper": 342}}


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
    if method not in METHODS or name not in NAMES:
        raise ValueError(f"no preset {name!r} of {method!r}: methods {', '.join(METHODS)}, presets {', '.join(NAMES)}")
    size = OTHER_SIZES.get(method, SIZES)[name]
    config = CHANGED[method].get(name) or METHODS[method].Config()
    return Preset(size, replace(config), replace(LENGTHS[method][name]))
