"""07.2: what a perfect sampler pays in L1, beside the least that one answer can pay.

The median of an even number of draws may be any number between the middle two: all of them cost the same.
"""

import math

import torch
from torch import Tensor

from gritlib.course.compare import brief, number
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson07.sampler_cost_mistakes import MISTAKES, median_cost, pair_cost
from gritlib.course.exercises.lesson07.scores import judging, wrong_kind

KEYS = ("best", "sampler", "ratio")
CLOSE = 0.02  # of a ratio that theory gives, with so many draws


def sampler_cost(samples: Tensor) -> dict:
    best, sampler = median_cost(samples).item(), pair_cost(samples).item()
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


def costs(inputs, sampler_cost):
    return {"these samples": sampler_cost(inputs["samples"])}


def of_each(inputs, sampler_cost):
    return {name: sampler_cost(samples) for name, samples in inputs["samples"].items()}


def moved(inputs, sampler_cost):
    samples, scale, shift = inputs["samples"], inputs["scale"], inputs["shift"]
    return {"these samples": sampler_cost(samples), "scaled and shifted": sampler_cost(scale * samples + shift)}


def judge_theory(inputs, got, wanted):
    """Against the ratios of the distributions, which no median of the draws knows."""
    p = inputs["p"]
    theory = {"Gaussian": math.sqrt(2), "uniform": 4 / 3, f"1 with probability {p:g}, else 0": 2 * (1 - p)}
    for name, right in theory.items():
        if said := wrong_kind(got[name], KEYS, ("ratio",)):
            return said
        ratio = float(number(got[name]["ratio"]))
        if not abs(ratio / right - 1) <= CLOSE:
            return f"{len(inputs['samples'][name])} draws, {name}: ratio is {brief(ratio)}, theory says {brief(right)}"
    return None


def skewed(generator, n: int, batch: int) -> Tensor:
    """Detail whose mean and median differ."""
    height, width = (torch.randperm(3, generator=generator)[:2] + 4).tolist()
    samples = torch.rand(n, batch, 3, height, width, generator=generator, dtype=torch.float64)
    strength = 0.2 + torch.rand(samples.shape[1:], generator=generator, dtype=torch.float64)
    return strength * samples**3 - 0.3


def draw_few(generator):
    """An odd or an even number of draws, never as many as images."""
    n = int(torch.randint(5, 9, (), generator=generator))
    return {"samples": skewed(generator, n, int(torch.randint(2, 5, (), generator=generator)))}


def draw_one(generator):
    return {"samples": skewed(generator, int(torch.randint(5, 9, (), generator=generator)), 1)}


def draw_still(generator):
    """Pixels of unequal spread, a quarter of which do not vary at all."""
    samples = draw_few(generator)["samples"]
    still = torch.rand(samples.shape[1:], generator=generator) < 0.25
    return {"samples": torch.where(still, samples[:1], samples)}


def draw_known(generator, n=81):
    shape = (n, 1, 3, 20, 20)
    p = round(0.05 + 0.25 * float(torch.rand((), generator=generator)), 2)
    normal = torch.randn(shape, generator=generator, dtype=torch.float64)
    uniform, chance = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    rare = (chance < p).double()
    samples = {"Gaussian": 0.3 * normal, "uniform": uniform - 0.5, f"1 with probability {p:g}, else 0": rare}
    return {"samples": samples, "p": p}


def draw_moved(generator):
    scale, shift = (1 + torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
    return {**draw_few(generator), "scale": round(scale, 2), "shift": round(shift, 2)}


SAMPLER_COST = Exercise(
    id="07.2",
    names=("sampler_cost",),
    reference=(sampler_cost,),
    minutes=15,
    parts=(
        Part(
            "best: the mean distance to the median over the draws",
            1,
            draw_few,
            costs,
            judging(KEYS, "best"),
            "The median runs over dimension 0, the draws: one median for each pixel of each image.",
            repeat=4,
        ),
        Part(
            "sampler: the mean distance between two different draws",
            1,
            draw_few,
            costs,
            judging(KEYS, "sampler"),
            "All pairs i ≠ j of draws of the same image, each as often as any other.",
            repeat=2,
        ),
        Part(
            "ratio: the one mean by the other, also where pixels do not vary",
            1,
            draw_still,
            costs,
            judging(KEYS, "ratio"),
            "sampler / best, after both have been averaged.",
            repeat=2,
        ),
        Part(
            "81 draws of known distributions: √2, 4/3 and 2·(1 − p), to 2 %",
            1,
            draw_known,
            of_each,
            judge_theory,
            "Gaussian: E|Y − Y'| = 2σ/√π and E|Y − median| = σ·√(2/π). Which of the two is off?",
        ),
        Part("one image alone", 0, draw_one, costs, judging(KEYS, *KEYS)),
        Part("scaled and shifted samples: the same ratio", 0, draw_moved, moved, judging(KEYS, *KEYS)),
    ),
    mistakes=MISTAKES,
)
