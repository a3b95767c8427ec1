"""07.1: is the spread over noise draws where the truth varies, and as large?

Each true map is 0 in a part of the image, as Faces' is on plain skin, and each image of a batch has its own level.
"""

import torch
from torch import Tensor

from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson07.calibration_mistakes import MISTAKES
from gritlib.course.exercises.lesson07.scores import judging

KEYS = ("r", "ratio")


def calibration(std_map: Tensor, true_std: Tensor) -> dict:
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return {"r": r.mean().item(), "ratio": (std_map.sum() / true_std.sum()).item()}


def scores_of(inputs, calibration):
    return {"these maps": calibration(inputs["std_map"], inputs["true_std"])}


def scaled(inputs, calibration):
    std, true, c = inputs["std_map"], inputs["true_std"], inputs["c"]
    return {"20 draws of the truth": calibration(std, true), f"{c:g} times as much spread": calibration(c * std, true)}


def draw_true(generator, batch: int) -> Tensor:
    """Standard deviations of which a third is 0, at unequal levels."""
    height, width = (torch.randperm(4, generator=generator)[:2] + 8).tolist()
    true = 0.05 + torch.rand(batch, height, width, generator=generator, dtype=torch.float64)
    true[torch.rand(true.shape, generator=generator) < 1 / 3] = 0
    return true * 0.3 * levels(generator, batch)


def levels(generator, batch: int) -> Tensor:
    """One number an image, each about twice another, in any order."""
    order = torch.randperm(batch, generator=generator).double() - batch / 2
    return (2.0**order).view(-1, 1, 1)


def draw_maps(generator, batch: int):
    """A network that varies too much in some images, too little in others, and also where the truth does not."""
    true = draw_true(generator, batch)
    noise = torch.rand(true.shape, generator=generator, dtype=torch.float64)
    return {"std_map": (0.5 * true + 0.1 * noise) * levels(generator, batch), "true_std": true}


def draw_one(generator):
    return draw_maps(generator, 1)


def draw_batch(generator):
    return draw_maps(generator, int(torch.randint(3, 6, (), generator=generator)))


def draw_truth(generator):
    true = draw_true(generator, 3)
    draws = torch.randn(20, *true.shape, generator=generator, dtype=torch.float64) * true
    c = round(0.2 + float(torch.rand((), generator=generator)) * 0.6, 2)
    return {"std_map": draws.std(0), "true_std": true, "c": c}


def draw_shuffled(generator):
    """The right numbers in the wrong places."""
    true = draw_true(generator, 4)
    pixels = torch.randperm(true[0].numel(), generator=generator)
    return {"std_map": true.flatten(1)[:, pixels].view_as(true), "true_std": true}


CALIBRATION = Exercise(
    id="07.1",
    names=("calibration",),
    reference=(calibration,),
    minutes=15,
    parts=(
        Part(
            "r of one image: the correlation over its pixels",
            1,
            draw_one,
            scores_of,
            judging(KEYS, "r"),
            "Deviations from each map's mean; the sum of their products, divided by the root of both sums of squares.",
            repeat=2,
        ),
        Part(
            "r of a batch: the mean of the images' own correlations",
            1,
            draw_batch,
            scores_of,
            judging(KEYS, "r"),
            "flatten(1) keeps the images apart: one correlation each, then their mean.",
            repeat=2,
        ),
        Part(
            "ratio: the sum of one map over the sum of the other, all pixels of all images",
            1,
            draw_batch,
            scores_of,
            judging(KEYS, "ratio"),
            "Two sums and one division: pixels where the truth is 0 then do no harm.",
            repeat=2,
        ),
        Part(
            "20 draws of the truth: r near 1, ratio near 1; c times as much spread: the same r, c times the ratio",
            1,
            draw_truth,
            scaled,
            judging(KEYS, *KEYS),
            "r says where, ratio says how much.",
        ),
        Part(
            "the true map with its pixels shuffled: r near 0, ratio 1",
            0,
            draw_shuffled,
            scores_of,
            judging(KEYS, *KEYS),
        ),
    ),
    mistakes=MISTAKES,
)
