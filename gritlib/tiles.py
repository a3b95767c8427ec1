"""Images of any size in bounded memory: overlapping tiles are translated one at a time, and of each the inner part is
kept, or faded into its neighbour.

What a network sees is measured and not typed: NaN is put into some columns of an image, and every output that has seen
them is NaN. An overlap of twice that reach gives the untiled image to rounding. No overlap does where a layer looks at
the whole image: instance norm (GRIT, CycleGAN and CUT as published) takes its mean and spread from the tile. Then
the tiles differ, and fading hides their borders. GRIT on grove, 256 pixels in tiles of 64: jumps across the borders are
0.99 times those elsewhere (1.49 without overlap), its image 15 of 255 levels from the untiled one (`seam`).
"""

import copy
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from gritlib.methods import Method
from gritlib.nets import Output
from gritlib.nets.grit import Noise

NORMS = {F.instance_norm, F.group_norm}
SAMPLERS = {torch.conv2d, torch.conv_transpose2d, F.interpolate, F.avg_pool2d, F.max_pool2d}
WIDEST = 32  # heights of the measured strip: what reaches further is taken to see everything


class Sight(NamedTuple):
    """What a network sees: tiles begin at multiples of `stride`; an output depends on no input further than `reach`
    pixels beyond a tile's border; `whole`: some layer normalises over all that it is given."""

    stride: int
    reach: int
    whole: bool


class Plan(NamedTuple):
    """Tiles of side `tile`, neighbours sharing `overlap` pixels, of which `margin` at each border are thrown away and
    the rest is faded. `exact`: the result is the untiled one."""

    tile: int
    overlap: int
    margin: int
    stride: int
    exact: bool


class Watch(TorchFunctionMode):
    """While it is active, norms over the image pass their input on, and the narrowest features are noted."""

    def __init__(self):
        super().__init__()
        self.whole, self.narrowest = False, None

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in NORMS:
            self.whole = True
            return args[0]
        result = function(*args, **(kwargs or {}))
        if function in SAMPLERS:
            width = result.shape[-1]
            self.narrowest = width if self.narrowest is None else min(width, self.narrowest)
        return result


@torch.no_grad()
def sight(method: Method) -> Sight:
    """Measure what `method.translate` sees, on the CPU, in a strip of an image.

    Raises:
        ValueError: a method that translates images of one size only.
    """
    like = next(method.parameters())
    twin = method if like.device.type == "cpu" else copy.deepcopy(method).cpu()
    height = max(64, method.multiple)
    plain = torch.zeros(1, method.config.in_channels, height, 4 * height, dtype=like.dtype)
    try:
        with Watch() as watch:
            twin.translate(plain, noise="zero")
    except ValueError as error:
        raise ValueError(f"this {method.name} cannot translate in tiles: {error}") from error
    stride = max(method.multiple, plain.shape[-1] // watch.narrowest)
    for times in (4, 8, 16, WIDEST):
        width, begin = times * height, times * height // 2  # a multiple of the stride
        strip = plain[..., :1].repeat(1, 1, 1, width)
        strip[..., begin : begin + stride] = torch.nan
        with Watch():
            seen = twin.translate(strip, noise="zero").image.isnan().any(dim=2).any(dim=1).nonzero()[:, 1]
        left, right = int(seen.min()), int(seen.max()) + 1
        if left > 0 and right < width:
            # An edge between two classes is drawn on both of its pixels, and NaN is of no class.
            edge = bool(getattr(method.config, "edges", False))
            return Sight(stride, max(begin - left, right - begin - stride) + edge, watch.whole)
    return Sight(stride, width, True)


def plan(method: Method, tile: int, overlap: int | None = None) -> Plan:
    """How a method's images are cut.

    Args:
        tile: side of the tiles. overlap: what neighbours share; None is twice the reach, where a layer sees the whole
            image as much again for fading, and never more than half of the tile.

    Raises:
        ValueError: a tile or an overlap that the network's stride does not divide, naming the nearest that work; a tile
            smaller than twice the overlap.
    """
    stride, reach, whole = sight(method)
    smallest = stride if overlap == 0 else 2 * stride
    if tile < smallest or tile % stride:
        raise ValueError(
            f"tile {tile}: this network works in steps of {stride} pixels, {nearest(tile, stride, smallest)}"
        )
    if overlap is None:
        overlap = min(-(-2 * reach * (1 + whole) // stride) * stride, tile // 2 // stride * stride)
    if overlap < 0 or overlap % stride:
        raise ValueError(
            f"overlap {overlap}: this network works in steps of {stride} pixels, {nearest(overlap, stride, 0)}"
        )
    if tile < 2 * overlap:
        most = tile // 2 // stride * stride
        raise ValueError(
            f"tile {tile} is smaller than twice the overlap {overlap}: give a tile of {2 * overlap} pixels or more, or "
            f"an overlap of {most} or less"
        )
    covered = 2 * reach <= overlap
    return Plan(tile, overlap, reach if covered else overlap // 4, stride, covered and not whole)


def nearest(side: int, stride: int, smallest: int) -> str:
    """The multiples of the stride beside a number, in words."""
    below = max(smallest, side // stride * stride)
    above = max(smallest, -(-side // stride) * stride)
    return f"use {below}" if below == above else f"use {below} or {above}"


def cuts(side: int, plan: Plan) -> list[tuple[int, int, Tensor]]:
    """The tiles of one axis: (start, stop, weights), float64 weights of each pixel that sum to one over the tiles. The
    last tile ends with the image and shares more with its neighbour."""
    last = max(0, -(-(side - plan.tile) // plan.stride) * plan.stride)
    fade = plan.overlap - 2 * plan.margin
    found, total = [], torch.zeros(side, dtype=torch.float64)
    for start in [*range(0, last, plan.tile - plan.overlap), last]:
        stop = min(start + plan.tile, side)
        middles = torch.arange(start, stop, dtype=torch.float64) + 0.5
        weights = torch.ones_like(middles)
        for inside, distance in ((start > 0, middles - start), (stop < side, stop - middles)):
            if inside:  # the image's own border is the network's business
                rise = distance - plan.margin
                weights *= (rise / fade).clamp(0, 1) if fade else (rise > 0).to(rise)
        total[start:stop] += weights
        found.append((start, stop, weights))
    return [(start, stop, weights / total[start:stop]) for start, stop, weights in found]


@torch.no_grad()
def translate(method: Method, A: Tensor, plan: Plan, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
    """`method.translate` tile by tile; of an image no larger than a tile at once.

    The style is encoded once, from the whole style image; GRIT's noise maps are drawn once for the whole image, those
    that the untiled translation would draw, and cut with it.

    Args:
        A: (B, in_channels, H, W), sides that are multiples of `method.multiple`; may stay on the CPU, only tiles go to
            the method's device. style, noise: as for `translate`.

    Returns:
        Output on A's device.

    Raises:
        ValueError: dropout as noise, which would be drawn anew in each tile.
    """
    height, width = A.shape[-2:]
    if max(height, width) <= plan.tile:
        return method.translate(A, style=style, noise=noise)
    maps = getattr(method.G, "noise_maps", None)
    if maps is None and method.stochastic and noise != "zero":
        raise ValueError(
            f'noise {noise!r}: the dropout of {method.name} would be drawn anew in each tile, use "zero" for tiles'
        )
    device = next(method.G.parameters()).device
    style, drawn = shared(method, A, style), None if maps is None else maps(A, noise)
    parts: dict[str, Tensor] = {}
    for top, bottom, rows in cuts(height, plan):
        for left, right, columns in cuts(width, plan):
            if drawn is not None:
                noise = [cut(n, height, top, bottom, left, right, device) for n in drawn]
            out = method.translate(A[..., top:bottom, left:right].to(device), style=style, noise=noise)
            for name, part in out._asdict().items():
                if part is not None:
                    whole = parts.setdefault(name, A.new_zeros(*part.shape[:2], height, width, dtype=part.dtype))
                    weights = (rows[:, None] * columns).to(part)
                    whole[..., top:bottom, left:right] += (weights * part).to(A.device)
    return Output(**parts)


def cut(noise: Tensor | None, height: int, top: int, bottom: int, left: int, right: int, device) -> Tensor | None:
    """A tile of a noise map, which may be smaller than the image, (B, 1, H_l, W_l)."""
    if noise is None:
        return None
    k = height // noise.shape[-2]
    return noise[..., top // k : bottom // k, left // k : right // k].to(device)


def shared(method: Method, A: Tensor, style: Tensor | None) -> Tensor | None:
    """The style that all tiles get: a code in place of an image of it."""
    if style is None or style.ndim != 4 or not method.styled:
        return style
    device = next(method.G.parameters()).device
    if hasattr(method, "chosen"):  # codes of classes, which are found with the whole map
        return method.chosen(A.to(device), style)
    return method.encode(style.to(device))


def seam(image: Tensor, lines: Sequence[int], axis: int = -1) -> float:
    """Mean absolute jump between pixels across some lines over that across all others: 1 where nothing shows.

    Args:
        image: (B, C, H, W). lines: 1 to side − 1, line k lies before pixel k. axis: −1 for columns, −2 for rows.

    Raises:
        ValueError: lines outside the image, or no other line left.
    """
    jumps = image.diff(dim=axis).abs().movedim(axis, 0).flatten(1).mean(1)
    there = torch.zeros(len(jumps), dtype=torch.bool)
    if not lines or min(lines) < 1 or max(lines) > len(jumps):
        raise ValueError(f"lines {list(lines)} of an image of {len(jumps) + 1} pixels: use 1 to {len(jumps)}")
    there[[line - 1 for line in lines]] = True
    return float(jumps[there].mean() / jumps[~there].mean())
