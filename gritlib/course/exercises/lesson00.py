"""Exercises of lesson 00."""

import torch

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.metrics import l1_255, psnr


def pixel_scores(inputs, l1_255, psnr):
    return {"l1": l1_255(inputs["a"], inputs["b"]), "psnr": psnr(inputs["a"], inputs["b"])}


def draw_pair(generator):
    a, b = (torch.rand(4, 3, 6, 5, generator=generator, dtype=torch.float64) * 2 - 1 for _ in range(2))
    return {"a": a, "b": b}


def l1_unscaled(a, b):
    return (a - b).abs().mean((1, 2, 3))


EXERCISES = (
    Exercise(
        id="00.2",
        names=("l1_255", "psnr"),
        reference=(l1_255, psnr),
        minutes=8,
        parts=(Part("values", 3, draw_pair, pixel_scores),),
        mistakes=(Mistake("L1 is in units of [−1, 1]: a step of the 0–255 scale is 1/127.5.", (l1_unscaled, None)),),
    ),
)
