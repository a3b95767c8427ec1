"""04.5: where in the input a place of the output finds itself again.

Feature vectors have very different lengths, so that a map of products, not of cosines, has its maximum elsewhere.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.compare import NO_RETURN, brief, difference, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def similarity_map(fq: Tensor, fk: Tensor, yx: tuple[int, int], image_size: tuple[int, int]) -> Tensor:
    (_, h, w), (y, x), (height, width) = fq.shape, yx, image_size
    v = F.normalize(fq[:, y * h // height, x * w // width], dim=0)
    return torch.einsum("c,chw->hw", v, F.normalize(fk, dim=0))


def cell(y: int, x: int, h: int, w: int, height: int, width: int) -> tuple[int, int]:
    return y * h // height, x * w // width


SWAPPED = "It looks as if y and x are exchanged. yx is (y, x), row first, as a tensor is indexed: f[:, row, column]."
SIDES = "It looks as if height and width are exchanged: image_size is (H, W) and features are (C, h, w), height first."
UNSCALED = (
    "It looks as if the pixel is used as the cell. The features lie on a coarser grid: a cell of an h x w map covers "
    "H / h rows and W / w columns of the image."
)
ROUNDED = (
    "It looks as if the cell is rounded to the nearest, not rounded down. Pixels 0 to 3 lie in cell 0 when a cell is 4 "
    "wide: divide and drop the rest, y * h // H."
)
ONE_FACTOR = (
    "It looks as if one factor serves both axes. An image need not be as many times wider than the map as it is "
    "higher: rows with H / h, columns with W / w."
)
CORNERS = (
    "It looks as if the pixel is scaled by (h − 1) / (H − 1). A cell is an area of pixels, not a point: y * h // H."
)
NOWHERE = (
    "It looks as if the pixel is divided by the size of the image alone: that is its place between 0 and 1, and as a "
    "whole number always cell 0."
)

# What is said -> ways to take a pixel for a wrong cell.
WAYS = {
    SWAPPED: (
        lambda y, x, h, w, *image: cell(x, y, h, w, *image),
        lambda y, x, h, w, height, width: cell(x, y, h, w, width, height),
    ),
    SIDES: (
        lambda y, x, h, w, height, width: cell(y, x, h, w, width, height),
        lambda y, x, h, w, *image: cell(y, x, w, h, *image),
    ),
    UNSCALED: (lambda y, x, *sides: (y, x),),
    ONE_FACTOR: (
        lambda y, x, h, w, height, width: (y * h // height, x * h // height),
        lambda y, x, h, w, height, width: (y * w // width, x * w // width),
    ),
    NOWHERE: (lambda y, x, h, w, height, width: (y // height, x // width),),
    ROUNDED: (
        lambda y, x, h, w, height, width: (round(y * h / height), round(x * w / width)),
        lambda y, x, h, w, height, width: (int(y * h / height + 0.5), int(x * w / width + 0.5)),
        lambda y, x, h, w, height, width: (min(round(y * h / height), h - 1), min(round(x * w / width), w - 1)),
    ),
    CORNERS: (
        lambda y, x, h, w, height, width: (
            round(y * (h - 1) / (height - 1)),
            round(x * (w - 1) / (width - 1)),
        ),
    ),
}


def map_of(inputs, similarity_map):
    return {"map": similarity_map(inputs["fq"], inputs["fk"], tuple(inputs["yx"]), tuple(inputs["image_size"]))}


def maxima(inputs, similarity_map):
    found, (height, width) = {}, inputs["image_size"]
    for y, x in [(0, 0), (0, width - 1), (height - 1, 0), (height - 1, width - 1), inputs["yx"]]:
        answer = similarity_map(inputs["fq"], inputs["fq"].clone(), (y, x), (height, width))
        if not isinstance(answer, torch.Tensor) or answer.shape != inputs["fq"].shape[1:]:
            return {"map": answer}
        row, column = divmod(int(answer.argmax()), answer.shape[1])
        found[f"y = {y}, x = {x}"] = [row, column, answer[row, column].item()]
    return {"maxima": found}


def draw_features(generator, factors=(1, 1), size=None):
    """Maps wider than high, or higher than wide, and a pixel whose cell no wrong way finds by chance; nor do two of
    them find the same. Coarse maps have another factor for rows than for columns."""
    sides = size or (torch.randperm(6, generator=generator)[:2] + 5).tolist()
    channels = int(torch.randint(11, 15, (), generator=generator))

    def features():
        f = torch.randn(channels, *sides, generator=generator, dtype=torch.float64)
        return f * 10 ** (2 * torch.rand(sides, generator=generator, dtype=torch.float64) - 0.5)

    image_size = tuple(side * factor for side, factor in zip(sides, factors, strict=True))
    while True:
        yx = tuple(int(torch.randint(side, (), generator=generator)) for side in image_size)
        cells = [{cell(*yx, *sides, *image_size)}]
        for message, ways in WAYS.items():
            if max(factors) > 1 or message not in (UNSCALED, ROUNDED, CORNERS, ONE_FACTOR):  # right without a factor
                cells.append({where(*yx, *sides, *image_size) for where in ways})
        if len(set.union(*cells)) == sum(map(len, cells)):
            return {"fq": features(), "fk": features(), "yx": yx, "image_size": image_size}


def draw_same_size(generator):
    return draw_features(generator)


def draw_coarse(generator):
    # Of 5 to 10 cells a side these never make a square image, on which exchanged sides would do no harm.
    return draw_features(generator, factors=((3, 8), (8, 3))[int(torch.randint(2, (), generator=generator))])


def draw_corners(generator):
    return draw_features(generator, factors=(4, 2), size=[12, 20])


def judge_map(inputs, got, wanted):
    answer = got["map"]
    sides = tuple(inputs["fk"].shape[1:])
    if not isinstance(answer, Tensor) or tuple(answer.shape) != sides:
        return returned(answer, f"a tensor {sides[0]}x{sides[1]}, one number for each place of fk")
    return difference(got, wanted, 1e-5, 1e-5)


def judge_maxima(inputs, got, wanted):
    if "map" in got:
        return judge_map(inputs, got, wanted)
    (height, width), (h, w) = inputs["image_size"], inputs["fq"].shape[1:]
    for pixel, (row, column, value) in got["maxima"].items():
        (y, x, _), asked = wanted["maxima"][pixel], f"fq = fk, pixel {pixel} of an image of {height}x{width}"
        if (row, column) != (y, x):
            return (
                f"{asked}: the largest value lies in row {row}, column {column} of the {h}x{w} map, the pixel in row "
                f"{y}, column {x}"
            )
        if not abs(value - 1) < 1e-5:
            return f"{asked}: a place is as similar to itself as can be, 1; your map says {brief(value)}{_hint(value)}"
    return None


def _hint(value) -> str:
    return NO_RETURN if value is None else ""


def unit(f: Tensor) -> Tensor:
    return F.normalize(f, dim=0)


def as_it_is(f: Tensor) -> Tensor:
    return f


def mapping(*, where=cell, units=(unit, unit), sides=lambda fq, fk: (fq, fk), then=as_it_is):
    """similarity_map with one ingredient replaced: the cell of the pixel, what is done to the vectors of fq and fk,
    which of them is the query's, what is done with the map."""

    def similarity_map(fq, fk, yx, image_size):
        a, b = sides(fq, fk)
        row, column = where(*yx, *fq.shape[1:], *image_size)
        return then(torch.einsum("c,chw->hw", units[0](a)[:, row, column], units[1](b)))

    return similarity_map


def softmax_of_map(s: Tensor) -> Tensor:
    return s.flatten().softmax(0).view_as(s)


NOT_UNIT = (
    "It looks as if vectors are compared as they are. Divide each by its length over the C channels, the query's and "
    "every one of fk: otherwise the longest vector of the image is similar to everything."
)
SIMILARITY_MAP = Exercise(
    id="04.5",
    names=("similarity_map",),
    reference=(similarity_map,),
    minutes=10,
    parts=(
        Part(
            "features as fine as the image: cosine of the place's vector in fq and every vector of fk",
            1,
            draw_same_size,
            map_of,
            judge_map,
            "In steps: the vector of fq at the place, its length made 1; every vector of fk, its length made 1; the "
            "product summed over the channels.",
            repeat=3,
        ),
        Part(
            "features coarser than the image: the cell in which the pixel lies",
            1,
            draw_coarse,
            map_of,
            judge_map,
            "Row y of H image rows lies in row y·h // H of h: a whole number, rounded down.",
            repeat=4,
        ),
        Part(
            "a map of 12x20 compared with itself: 1 at the pixel's own cell, at all four corners and inside",
            1,
            draw_corners,
            maxima,
            judge_maxima,
            "Nothing is more similar to a place than itself, once lengths play no part.",
            repeat=2,
        ),
    ),
    mistakes=(
        *(Mistake(message, mapping(where=where)) for message, ways in WAYS.items() for where in ways),
        Mistake(NOT_UNIT, mapping(units=(as_it_is, as_it_is))),
        Mistake(NOT_UNIT, mapping(units=(unit, as_it_is))),
        Mistake(NOT_UNIT, mapping(units=(as_it_is, unit))),
        Mistake(
            "It looks as if a softmax over the channels takes the place of the length. It makes a vector's numbers "
            "positive with sum 1: all directions but one corner of space are lost. Divide by the length.",
            mapping(units=(lambda f: f.softmax(0),) * 2),
        ),
        Mistake(
            "It looks as if the normalisation runs along another dimension. In (C, h, w) the channels are dimension 0; "
            "F.normalize takes dimension 1 if none is named, the rows here.",
            mapping(units=(F.normalize, F.normalize)),
        ),
        Mistake(
            "It looks as if the products are averaged over the channels: divide by the lengths of the two vectors.",
            mapping(units=(as_it_is, lambda f: f / len(f))),
        ),
        Mistake(
            "It looks as if query and key are exchanged: the place is taken from fq, the output's features, and "
            "compared with all of fk, the input's.",
            mapping(sides=lambda fq, fk: (fk, fq)),
        ),
        Mistake(
            "It looks as if fq is compared with itself: the places to compare with are those of fk.",
            mapping(sides=lambda fq, fk: (fq, fq)),
        ),
        Mistake(
            "It looks as if a softmax is taken over the map. Return the cosine itself, between −1 and 1: what is made "
            "of it, exp(s / τ) in the picture, is the cell's below.",
            mapping(then=softmax_of_map),
        ),
        Mistake(
            "It looks as if the map is exp(s / τ) already. Return the cosine itself, between −1 and 1: the picture's "
            "cell takes the exponential.",
            mapping(then=lambda s: (s / 0.07).exp()),
        ),
        Mistake("It looks as if the map is flat: give it the two sides of fk, (h, w).", mapping(then=torch.flatten)),
        Mistake(
            "It looks as if these are distances: 0 for the same direction. Wanted is the cosine, 1 for the same.",
            mapping(then=lambda s: 1 - s),
        ),
        Mistake(
            "It looks as if these are distances of unit vectors: 0 for the same direction. Wanted is the cosine.",
            mapping(then=lambda s: (2 - 2 * s).clamp(min=0).sqrt()),
        ),
    ),
)
