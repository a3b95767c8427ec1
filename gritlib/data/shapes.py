"""Shapes: one coloured figure on a pale background, translated by a change of texture, of shape or of pose.

CycleGAN changes colours and textures well and geometry hardly (Zhu et al. 2017, section 6). Here the three kinds of
change stand side by side on one figure, the true answer to every input is known, and the figure can be found again in
any output by its colour. Figures, colours and sizes are course decisions.
"""

import math
from colorsys import hsv_to_rgb

import numpy as np
import torch
from torch import Tensor

from gritlib.data.face_layout import grid
from gritlib.data.source import SPLITS, Card, Source, check_split
from gritlib.data.unpaired import Unpaired

CHANGES = {
    "texture": ("square", "striped square"),
    "shape": ("square", "disc"),
    "pose": ("standing bar", "lying bar"),
}
COUNTS = {"train": 1024, "val": 128, "test": 256}
# The darkest channel, in [0, 1], of every figure, also of its stripes, and of every background.
FIGURE, PALE = 0.1, 0.62
STRIPES = 3  # light ones, and as many dark ones, along an edge
SAMPLES = 5  # points across a pixel: one on an edge takes the figure's share, which is never exactly half

CARD = Card(
    name="shapes",
    title="a figure on a pale background -> the same figure with another texture, shape or pose",
    origin="drawn by gritlib.data.shapes from a seed",
    licence="MIT, like the code that draws them",
    splits="1024/128/256 pictures for train/val/test (any other number with n=...), seeds disjoint; always unpaired: "
    "the first half of the training figures are A, the others B; val and test are true pairs",
    note="change=texture: square -> striped square; shape: square -> disc of the same area; pose: standing bar -> "
    "lying bar. Place, colour and background stay. foreground() finds the figure in a picture by its darkest channel.",
)


def _points(split: str, i: int, size: int, kind: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """Whether each sample point lies in figure i and on a dark stripe, (size · SAMPLES,) * 2 bool, and its colours."""
    check_split(split)
    if i < 0:
        raise ValueError(f"figures are numbered from 0, not {i}")
    rng = np.random.default_rng((SPLITS.index(split), i))
    half, (cx, cy) = rng.uniform(0.3, 0.42), rng.uniform(-0.42, 0.42, 2)
    x, y = grid(size * SAMPLES, size * SAMPLES)
    x, y = x - cx, y - cy
    wide, high = {"standing bar": (half / 2, 1.2 * half), "lying bar": (1.2 * half, half / 2)}.get(kind, (half, half))
    inside = (np.abs(x) < wide) & (np.abs(y) < high)
    if kind == "disc":
        inside = x**2 + y**2 < 4 / math.pi * half**2
    dark = inside & (kind == "striped square") & ((x + y) / (2 * half) * STRIPES % 1 < 0.5)

    hue, bright = rng.random(), rng.uniform(0.75, 1)
    figure = [hsv_to_rgb(hue, 1 - FIGURE / value, value) for value in (bright, 0.3)]  # so that min(rgb) is FIGURE
    ground = rng.uniform(PALE + 0.05, 1, (2, 3))  # a ramp from one pale colour to another
    ground[:, np.argmin(figure[0])] = PALE  # the same channel, or a pixel on the edge would look too pale
    return inside, dark, {"figure": figure, "ground": ground, "turn": rng.uniform(0, 2 * math.pi)}


def _share(points: np.ndarray) -> np.ndarray:
    """(size, size, 1) share of each pixel's sample points."""
    size = len(points) // SAMPLES
    return points.reshape(size, SAMPLES, size, SAMPLES).mean((1, 3))[:, :, None]


def picture(split: str, i: int, size: int, kind: str) -> np.ndarray:
    """(size, size, 3) uint8: figure i of a split as `kind`, one of the words in `CHANGES`."""
    inside, dark, colours = _points(split, i, size, kind)
    x, y = grid(size, size)
    ramp = (0.5 + 0.35 * (math.cos(colours["turn"]) * x + math.sin(colours["turn"]) * y))[:, :, None]
    image = colours["ground"][0] + ramp * (colours["ground"][1] - colours["ground"][0])
    plain, stripe = (np.array(rgb) for rgb in colours["figure"])
    image = image * (1 - _share(inside)) + plain * _share(inside & ~dark) + stripe * _share(dark)
    return np.rint(255 * image).astype(np.uint8)


def mask(split: str, i: int, size: int, kind: str) -> Tensor:
    """(size, size) bool: the pixels of which the figure covers more than half."""
    return torch.from_numpy(_share(_points(split, i, size, kind)[0])[:, :, 0] > 0.5)


def foreground(images: Tensor) -> Tensor:
    """Where a picture shows a figure: where its darkest channel is nearer to a figure's than to a background's.

    These are 0.1 and 0.62 of 1 for all figures and backgrounds, in the same channel, so a pixel that both share half
    and half lies on the border. Neither input nor truth is needed, and an output may differ from the truth in colour.

    Args:
        images: (..., 3, H, W) in [-1, 1], of this dataset or translated to it.

    Returns:
        (..., H, W) bool. Source: course decision.
    """
    return (images.amin(-3) + 1) / 2 < (FIGURE + PALE) / 2


def load(
    split: str = "train", size: int = 64, change: str = "texture", n: int | None = None, unpaired: bool = True
) -> Source | Unpaired:
    """Shapes as a Source: A the figure before the change, B after it; for train of different figures.

    Args:
        split: "train", "val" or "test". size: side in pixels. change: "texture", "shape" or "pose". n: number of
            figures, by default 1024, 128 or 256. unpaired: False is refused, there are no pairs to train on.

    Raises:
        ValueError: unknown split or change, n below 1, for train below 2, or unpaired=False.
    """
    check_split(split)
    least = 2 if split == "train" else 1
    if change not in CHANGES:
        raise ValueError(f"shapes have no change {change!r}: choose one of {', '.join(CHANGES)}")
    if not unpaired:
        raise ValueError("shapes are for methods without pairs: unpaired is always true")
    if n is not None and n < least:
        raise ValueError(f"n must be {least} or more, not {n}")
    options, figures = {"change": change} | ({"n": n} if n else {}), range(n or COUNTS[split])

    def source(figures: range) -> Source:
        before, after = ([picture(split, i, size, kind) for i in figures] for kind in CHANGES[change])
        windows = [(k, 0, 0) for k in range(len(figures))]
        bounds = np.tile([[0, size, 0, size]], (len(figures), 1))
        return Source("shapes", split, size, before, after, windows, bounds, options=options)

    if split != "train":
        return source(figures)
    half = len(figures) // 2
    return Unpaired(source(figures[:half]), source(figures[half:]))
