"""00.2, two scores that compare pixel by pixel. The references are the package's own metrics."""

import math

import torch

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.metrics import l1_255, psnr


def l1_of_batches(inputs, l1_255, psnr):
    a, b = inputs["a"], inputs["b"]
    return {"four images": l1_255(a, b), "one image": l1_255(a[2:3], b[2:3])}


def psnr_of_one(inputs, l1_255, psnr):
    return {"psnr": psnr(inputs["a"], inputs["b"])}


def psnr_of_four(inputs, l1_255, psnr):
    return {"psnr": psnr(inputs["a"], inputs["b"])}


def one_level_apart(inputs, l1_255, psnr):
    a, one = inputs["a"], 1 / 127.5
    return {"l1": l1_255(a, a + one), "psnr": psnr(a, a + one), "psnr at 3 levels": psnr(a, a + 3 * one)}


def draw_pair(generator, batch=4):
    """Images of very different quality, so that an average over the batch is no image's value."""
    b = torch.rand(batch, 3, 6, 5, generator=generator, dtype=torch.float64) * 2 - 1
    size = torch.tensor([0.02, 0.1, 0.4, 1.0], dtype=torch.float64)[:batch].view(-1, 1, 1, 1)
    a = b + size * torch.randn(b.shape, generator=generator, dtype=torch.float64)
    return {"a": a.clamp(-1, 1), "b": b}


def draw_single(generator):
    return draw_pair(generator, batch=1)


def draw_grey(generator):
    return {"a": torch.rand(2, 3, 4, 4, generator=generator, dtype=torch.float64) - 0.5}


def mse(a, b):
    return (a - b).square().mean((1, 2, 3))


def l1_model_units(a, b):
    return (a - b).abs().mean((1, 2, 3))


def l1_twice(a, b):
    return 255 * (a - b).abs().mean((1, 2, 3))


def l1_together(a, b):
    return 127.5 * (a - b).abs().mean()


def psnr_max_one(a, b):
    return 10 * torch.log10(1 / mse(a, b))


def psnr_max_255(a, b):
    return 10 * torch.log10(255**2 / mse(a, b))


def psnr_together(a, b):
    return 10 * torch.log10(4 / (a - b).square().mean())


def psnr_repeated(a, b):
    return psnr_together(a, b).expand(len(a))


def psnr_natural(a, b):
    return 10 * torch.log(4 / mse(a, b))


def psnr_no_root(a, b):
    return 20 * torch.log10(2 / mse(a, b))


TOGETHER = (
    "This is one number for the whole batch: the squared errors of all images were averaged before the logarithm. "
    "Average over the axes of one image and keep the first axis."
)

PIXEL_SCORES = Exercise(
    id="00.2",
    names=("l1_255", "psnr"),
    reference=(l1_255, psnr),
    minutes=8,
    parts=(
        Part(
            "L1 in grey levels of 0 to 255, one value an image",
            1,
            draw_pair,
            l1_of_batches,
            advice="Average the absolute differences over channels, rows and columns of each image.",
        ),
        Part(
            "PSNR of one image, in decibels", 1, draw_single, psnr_of_one, advice="Compare your formula term by term."
        ),
        Part(
            "PSNR of four images: each has its own value, whatever the others are",
            1,
            draw_pair,
            psnr_of_four,
            advice="The mean square runs over the axes of one image only.",
        ),
        Part(
            f"one grey level apart: L1 is 1, PSNR is 20·log10(255) = {20 * math.log10(255):.2f} dB",
            0,
            draw_grey,
            one_level_apart,
        ),
    ),
    mistakes=(
        Mistake("L1 is in units of [−1, 1]: one step of the 0–255 scale is 1/127.5 there.", (l1_model_units, None)),
        Mistake("L1 is twice too large: from −1 to 1 are 2 units, and they are 255 grey levels.", (l1_twice, None)),
        Mistake("This is one L1 for the whole batch: keep the first axis, one value an image.", (l1_together, None)),
        Mistake(
            "PSNR is 6.02 dB too low: MAX is the largest possible difference of two pixels. How far is −1 from 1?",
            (None, psnr_max_one),
        ),
        Mistake(
            "PSNR is 42 dB too high: MAX = 255 belongs to pixels from 0 to 255, these go from −1 to 1.",
            (None, psnr_max_255),
        ),
        Mistake(TOGETHER, (None, psnr_together)),
        Mistake(TOGETHER, (None, psnr_repeated)),
        Mistake("PSNR is 2.3 times too large: decibels use the logarithm to base 10.", (None, psnr_natural)),
        Mistake("20·log10 belongs to MAX over the root of the MSE, 10·log10 to the squares.", (None, psnr_no_root)),
    ),
)
