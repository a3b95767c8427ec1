"""07.5: how coarse is the residual, and does it move the colour?

Edges are drawn between the frequencies that a picture has, so that no frequency lies on an edge, where rounding would
decide. For a class that has a cohort key the low frequencies are those of a square or a diamond in place of a disc.
"""

import hashlib
import itertools

import torch
from torch import Tensor

from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson07.low_share_mistakes import GREY, diamond, disc, mistakes, square
from gritlib.course.exercises.lesson07.scores import judging

KEYS = ("share", "colour")
SHAPES = {square: "the larger of its two components", diamond: "the sum of its two components"}  # of a class


def right(frequency):
    """The right answer where a frequency counts by this measure, 1 at Nyquist."""

    def low_share(residual: Tensor, edge: float = 0.1) -> dict:
        power = torch.fft.fft2(residual).abs().square().sum((0, 1))
        low = frequency(power.shape, residual.dtype) < edge
        colour = GREY * residual.mean((2, 3)).abs().mean()
        return {"share": (power[low].sum() / power.sum()).item(), "colour": colour.item()}

    return low_share


def of_edge(inputs, low_share):
    return {f"edge = {inputs['edge']:.3g}": low_share(inputs["residual"], inputs["edge"])}


def by_default(inputs, low_share):
    return {"the edge left out": low_share(inputs["residual"])}


def extremes(inputs, low_share):
    return {name: low_share(inputs[name], inputs["edge"]) for name in ("a constant", "a fine wave")}


def draw_residual(generator, frequency, batch: int):
    """Fine and coarse detail, stronger in some images than in others and beyond 1, and a colour of its own for each."""
    height, width = (torch.randperm(4, generator=generator)[:2] + 11).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    coarse = torch.nn.functional.interpolate(normal(batch, 3, 3, 3), (height, width), mode="bilinear")
    strength = 2.0 ** (torch.randperm(batch, generator=generator).double() - batch / 2).view(-1, 1, 1, 1)
    residual = strength * (coarse + normal(batch, 3, height, width)) + 0.5 * normal(batch, 3, 1, 1)
    return {"residual": residual, "edge": draw_edge(generator, frequency((height, width), torch.float64))}


def draw_edge(generator, frequencies: Tensor) -> float:
    """Between two frequencies of the lower half, with some below it besides the mean."""
    values = [value for value in frequencies.flatten().sort().values.tolist() if 0.15 < value < 0.7]
    gaps = [(a + b) / 2 for a, b in itertools.pairwise(values) if b - a > 0.01]
    return gaps[int(torch.randint(len(gaps), (), generator=generator))]


def wave(k: int, size: int) -> Tensor:
    """k periods along the rows, (size, size)."""
    return torch.cos(2 * torch.pi * k * torch.arange(size, dtype=torch.float64) / size).expand(size, size)


def waves(generator, size=24):
    """A coarse and a fine wave, an edge between them, and a constant for each of three channels of two images."""
    coarse, fine = (int(torch.randint(*ends, (), generator=generator)) for ends in ((1, 3), (7, 12)))
    constant = 0.1 + torch.rand(2, 3, 1, 1, generator=generator, dtype=torch.float64)
    sign = 1.0 - 2.0 * torch.randint(2, constant.shape, generator=generator)
    edge = 0.3 + 0.2 * float(torch.rand((), generator=generator))
    return wave(coarse, size), wave(fine, size), 0.2 * constant * sign, edge


def draw_waves(generator):
    coarse, fine, constant, edge = waves(generator)
    strength = 0.1 + 0.25 * torch.rand(2, generator=generator, dtype=torch.float64)
    return {"residual": constant + strength[0] * coarse + strength[1] * fine.T, "edge": edge}


def draw_extremes(generator):
    _, fine, constant, edge = waves(generator)
    return {"a constant": constant.expand(2, 3, 24, 24).clone(), "a fine wave": fine.repeat(2, 3, 1, 1), "edge": edge}


def draw_default(generator):
    return {"residual": torch.randn(2, 3, 45, 45, generator=generator, dtype=torch.float64).cumsum(2) / 8}


def exercise(frequency, note: str = "") -> Exercise:
    def draw_one(generator):
        return draw_residual(generator, frequency, 1)

    def draw_batch(generator):
        return draw_residual(generator, frequency, int(torch.randint(3, 5, (), generator=generator)))

    return Exercise(
        id="07.5",
        names=("low_share",),
        reference=(right(frequency),),
        minutes=12,
        parts=(
            Part(
                "share of one image: power below edge, by all power",
                1,
                draw_one,
                of_edge,
                judging(KEYS, "share"),
                "fft2, the squares of the absolute values, a mask of the frequencies below edge times Nyquist; two "
                "sums and one division.",
                repeat=2,
            ),
            Part(
                "share of a batch: all images and channels together",
                1,
                draw_batch,
                of_edge,
                judging(KEYS, "share"),
                "Add up the power of all images, then divide once.",
                repeat=2,
            ),
            Part(
                "colour: the size of each channel's mean, in grey levels",
                1,
                draw_batch,
                of_edge,
                judging(KEYS, "colour"),
                "The mean over the pixels, then the absolute value, then the mean over channels and images; times "
                "127.5.",
                repeat=2,
            ),
            Part(
                "a constant, a coarse and a fine wave, both by their known power",
                1,
                draw_waves,
                of_edge,
                judging(KEYS, *KEYS),
                "A wave of height a has the power a²/2, a constant c has c².",
                repeat=2,
            ),
            Part(
                "a constant c: share 1, colour 127.5·|c|; a fine wave: 0 and 0",
                0,
                draw_extremes,
                extremes,
                judging(KEYS, *KEYS),
            ),
            Part("without an edge: 0.1", 0, draw_default, by_default, judging(KEYS, *KEYS)),
        ),
        mistakes=mistakes(frequency),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: a square or a diamond of frequencies."""
    frequency = list(SHAPES)[hashlib.sha256(key.encode()).digest()[0] % len(SHAPES)]
    return exercise(frequency, f"In this class a frequency counts by {SHAPES[frequency]}, |fy| and |fx|, 1 at Nyquist.")


LOW_SHARE = exercise(disc)
