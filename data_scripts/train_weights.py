"""Trains the networks of lessons 06 and 07 and writes their files into gritlib/weights.

    python data_scripts/train_weights.py NAME ...      # grit-grove, about 6 minutes on one core

Seed 0 throughout, which no study uses. GRIT and its coupled baseline are narrower than in the study (width 10), for the
size of the files, and trained twice as long; on Faces with a style code of 32 numbers, since 8 cannot hold the colours
of a face. Each `dni` network is pix2pix' U-Net of width 8: one trained with L1 alone, one fine-tuned from it with the
conditional GAN beside L1, and one trained like the first from another seed, which is related to neither.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path

import torch

from gritlib import weights
from gritlib.data import catalog
from gritlib.methods import GRIT, Method, Pix2Pix, Pix2PixConfig
from gritlib.presets import get
from gritlib.studies.losses import LEARNING_RATE
from gritlib.training import fit

FOLDER = Path(__file__).parents[1] / "gritlib" / "weights"
WIDTH, STEPS = 10, 2400
GRITS = {
    "grit-grove": {},
    "grit-faces": {"style_dim": 32},
    "coupled-faces": {"style_dim": 32, "residual": False},
}
SEEDS = {"dni-l1-grove": 0, "dni-gan-grove": 0, "dni-other-grove": 100}
LEFT_OUT = ("D.",)


def trained(method: Method, name: str, dataset: str, steps: int, seed: int) -> Method:
    training = get(method.name, "cpu").training
    result = fit(method, catalog.load(dataset, "train"), config=training, steps=steps, seed=seed, progress=False)
    if not result.finished:
        raise KeyboardInterrupt(f"{name} was stopped: nothing is written")
    return result.method


def grit(name: str) -> Method:
    dataset = name.split("-")[1]
    config = replace(get("grit", "cpu").method, width=WIDTH, **GRITS[name])
    torch.manual_seed(0)
    return trained(GRIT(config.fit_to(catalog.load(dataset, "train"))), name, dataset, STEPS, 0)


def dni(name: str) -> Method:
    settings = {**asdict(get("pix2pix", "cpu").method), "lr": LEARNING_RATE, "width": 8}
    config = Pix2PixConfig(**settings).fit_to(catalog.load("grove", "train"))
    torch.manual_seed(SEEDS[name])
    start = trained(Pix2Pix(replace(config, gan_weight=0.0)), name, "grove", 1200, SEEDS[name])
    if name != "dni-gan-grove":
        return start
    method = Pix2Pix(config)
    method.G.load_state_dict(start.G.state_dict())
    return trained(method, name, "grove", 600, SEEDS[name])


if __name__ == "__main__":
    for name in sys.argv[1:] or (*GRITS, *SEEDS):
        print(weights.pack((grit if name in GRITS else dni)(name), FOLDER / f"{name}.pt", LEFT_OUT))
