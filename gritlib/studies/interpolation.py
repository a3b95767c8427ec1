"""Interpolation: do the weights half-way between two networks still make a network (DNI, Wang et al. 2019)?

Three pix2pix U-Nets of width 8 a seed: one trained with L1 alone; one fine-tuned from it with the conditional GAN
beside L1 (`related`); one trained like the first from another seed, other first weights and other batches
(`unrelated`). The bump is a score of the network at α = ½ minus the mean of the two ends' scores: on a good path it is
near or below zero. The ends of `unrelated` minimise the same objective, so nothing but the weights can stand in the
way.

The recipe is that of the shipped `dni` networks of lesson 07, of which one triple was looked at before. What came out
(`python -m gritlib study report interpolation`; grove / faces, 95 % intervals over six seeds):

* C26 shows: the bump in L1 is −1.6 / −1.1 between related networks and +7.6 / +2.1 between unrelated ones, difference
  −9.2 (−11.7 to −6.7) / −3.2 (−4.2 to −2.2); the weights' cosine is 0.85 / 0.84 against 0.02 / 0.01.
* The middle of a related pair has a lower L1 than the mean of its ends, and detail in between. The middle of an
  unrelated pair is a picture still: paler, with blobs and a lattice, not noise.
"""

from dataclasses import asdict, replace
from functools import cache

import torch
from torch import Tensor

from gritlib.data import catalog
from gritlib.evaluation import load_all, scores, translate_all
from gritlib.interpolation import blend, similarity
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.presets import get
from gritlib.studies.losses import LEARNING_RATE
from gritlib.studies.runner import Study, stated
from gritlib.training import fit

WIDTH, STEPS = 8, 1200
OTHER = 100  # added to the seed of the network that is related to neither
ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
SHOWN = {
    "grove": {f"crowns {alpha}": 30 for alpha in ALPHAS},
    "faces": {f"face {alpha}": 1 for alpha in ALPHAS},
}
SCORED = 128  # images of the test split


def settings(dataset: str) -> Pix2PixConfig:
    """L1 and the conditional GAN; arms change the weights of the terms."""
    kept = {**asdict(get("pix2pix", "cpu").method), "lr": LEARNING_RATE, "width": WIDTH}
    return Pix2PixConfig(**kept).fit_to(catalog.load(dataset, "train"))


def trained(method: Pix2Pix, dataset: str, steps: int, seed: int) -> Pix2Pix:
    """Raises KeyboardInterrupt where the training was stopped before its end."""
    source, training = catalog.load(dataset, "train"), get("pix2pix", "cpu").training
    result = fit(method, source, config=training, steps=steps, seed=seed, progress=False)
    if not result.finished:
        raise KeyboardInterrupt
    return result.method


@cache
def with_l1(dataset: str, seed: int, steps: int) -> Pix2Pix:
    """Trained with L1 alone; both arms of a seed begin with it."""
    torch.manual_seed(seed)
    return trained(Pix2Pix(replace(settings(dataset), gan_weight=0.0)), dataset, steps, seed)


def ends(arm: str, dataset: str, seed: int, steps: int) -> tuple[Pix2Pix, Pix2Pix]:
    """The two networks between which the line is drawn; the fine-tuning takes half of the steps."""
    start = with_l1(dataset, seed, steps)
    if arm == "unrelated":
        return start, with_l1(dataset, seed + OTHER, steps)
    torch.manual_seed(seed)
    tuned = Pix2Pix(settings(dataset))
    tuned.G.load_state_dict(start.G.state_dict())
    return start, trained(tuned, dataset, max(1, steps // 2), seed)


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict, Tensor, dict]:
    """Train both ends, score five networks on the line between them."""
    a, b = ends(arm, dataset, seed, steps)
    source = catalog.load(dataset, "test", **({"n": SCORED} if dataset == "faces" else {}))
    batch, place = load_all(source), next(iter(SHOWN[dataset].values()))
    line, shown = [], []
    for alpha in ALPHAS:
        middle = blend(a, b, alpha)
        images = translate_all(middle, batch["A"], None, noise=0)["image"]
        line.append(scores({"image": images}, batch["B"]))
        shown.append(images[place])
    metrics = {"similarity": similarity(a, b)}
    for name in line[0]:
        values = [each[name] for each in line]
        metrics |= {f"{name}_a": values[0], f"{name}_middle": values[2], f"{name}_b": values[-1]}
        metrics[f"bump_{name}"] = values[2] - (values[0] + values[-1]) / 2
    rounded = {key: round(value, 5) for key, value in metrics.items()}
    path = {name: [round(each[name], 5) for each in line] for name in line[0]}
    return rounded, torch.stack(shown), {"alphas": list(ALPHAS), "line": path}


def recipe() -> dict:
    """The settings that both arms share, and what is scored."""
    preset = get("pix2pix", "cpu")
    kept = {**asdict(preset.method), **stated(preset.training), "lr": LEARNING_RATE, "width": WIDTH}
    kept["size"] = preset.size
    varied = {"in_channels", "out_channels", "seed", "steps", "gan_weight"}
    kept = {key: value for key, value in kept.items() if key not in varied}
    return {**kept, "alphas": list(ALPHAS), "scored": SCORED, "other": OTHER, "shown": SHOWN}


STUDY = Study(
    name="interpolation",
    claim="Between a network and its fine-tuned copy the weights half-way make a network, between two that were "
    "trained apart they do not (DNI; C26): scores at α = ½ minus the mean of both ends.",
    arms=("related", "unrelated"),
    datasets=tuple(SHOWN),
    seeds=(1, 2, 3, 4, 5, 6),
    steps=STEPS,
    run=run,
    recipe=recipe,
    differences=("bump_L1", "bump_PSNR", "bump_SSIM", "bump_spectrum_gap", "similarity"),
    shown=SHOWN,
    pictured=(1, 2),
)
