"""Faces, the laboratory: a seeded label map -> drawn face whose true conditional distribution is known.

A face is a label map (CelebAMask-HQ's classes) + `Style` (everything smooth: colours, light, how hair falls) + random
detail (hair strands, freckles, grain). Label and style fix every pixel's mean and standard deviation in closed form,
and `conditional_samples` redraws the detail alone, so a model's variation can be compared with the truth. Shapes,
palettes and amplitudes are course decisions.
"""

import math

import numpy as np
import torch
from torch import Tensor

from gritlib.data.face_layout import CLASSES, ID, grid, layout
from gritlib.data.face_style import VIEWS, Style, evening
from gritlib.data.source import Card, Source, check_labels, check_split
from gritlib.data.unpaired import Unpaired

# fmt: off
PALETTE = ((30, 30, 36), (230, 190, 150), (245, 150, 110), (20, 120, 190), (250, 250, 250), (150, 220, 255),
           (90, 50, 20), (150, 100, 20), (255, 130, 170), (200, 70, 130), (130, 0, 30), (230, 40, 60), (255, 100, 90),
           (110, 60, 160), (240, 200, 30), (0, 220, 200), (0, 150, 120), (190, 140, 100), (70, 140, 70))
SIDES = ((4, 5), (6, 7), (8, 9))
COUNTS = {"train": 2048, "val": 256, "test": 512}
# fmt: on

CARD = Card(
    name="faces",
    title="label map (19 parts of a face) -> drawn face with hair strands, freckles and grain",
    origin="drawn by gritlib.data.faces from a seed; drawn, nobody's face",
    licence="MIT, like the code that draws them",
    splits="2048/256/512 faces for train/val/test (any other number with n=...), seeds disjoint, face i never changes. "
    "unpaired=true: the first half of the training faces by day (A), the others in the evening (B); val and test show "
    "each face in both lights",
    note="classes of CelebAMask-HQ; l_ and r_ are the picture's left and right (course decision). Skin and hair tones "
    "are independent of each other and of the label. conditional_moments gives the true mean and standard deviation "
    "given label and style, apart from load's rounding to 8 bits.",
)

HEAD = np.isin(np.arange(19), [1, 2, 3, 4, 5, 6, 7, 10, 11, 12])  # classes that lie on the front of the head

# Standard deviation of the Gaussian detail by class, in units of [-1, 1]: a pixel has strands or grain, never both.
STRANDS, GRAIN = np.zeros((2, 19), np.float32)
STRANDS[[ID["hair"], ID["l_brow"], ID["r_brow"]]] = 0.22, 0.10, 0.10
GRAIN[[0, 1, 2, 8, 9, 11, 12, 14, 17, 18]] = 0.05, 0.035, 0.035, 0.035, 0.035, 0.03, 0.03, 0.07, 0.035, 0.08
# Standard deviations that fit between the smooth face and ±1, so that clipping cuts at most 1 value in 4,000.
ROOM = 3.5
DEPTH = 0.28  # share of the skin's light that a freckle takes away
WIDTH, LENGTH = 0.034, 0.26  # cells of the strand noise across and along the hair, in half images


def _spread(where: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[float, float, float, float]:
    """Centre (x, y) and half-widths of a region; the middle of the picture where a painted label lacks it."""
    rows, columns = np.nonzero(where)
    if len(rows) == 0:
        return 0.0, 0.0, 0.5, 0.6
    px, py = x[0, columns], y[rows, 0]
    return float(px.mean()), float(py.mean()), 2 * float(px.std()) + 0.01, 2 * float(py.std()) + 0.01


def _below(mask: np.ndarray, steps: int) -> np.ndarray:
    """The mask moved down by `steps` pixels: where it casts a shadow."""
    moved = np.zeros_like(mask)
    moved[steps:] = mask[:-steps]
    return moved


def _smooth(label: np.ndarray, style: Style) -> np.ndarray:
    """(3, H, W) float32 in [-0.95, 0.95]: the face without any random detail."""
    x, y = grid(*label.shape)
    pixel, c = max(1, round(label.shape[0] / 64)), style.colours
    painted = c | {
        "eye_g": c["frame"],
        "ear_r": c["metal"],
        "neck_l": c["metal"],
        "u_lip": c["lips"],
        "l_lip": c["lips"],
    }
    painted |= {"l_eye": (0.86,) * 3, "r_eye": (0.86,) * 3, "mouth": (-0.2, -0.65, -0.6)}
    table = np.array([painted.get(name, c["skin"]) for name in CLASSES], np.float32)
    table[[ID["l_brow"], ID["r_brow"]]] = 0.75 * table[ID["hair"]] - 0.19
    light = ((table.T + 1) / 2)[:, label]  # (3, H, W) in [0, 1]: shading multiplies reflected light

    def is_(name: str) -> np.ndarray:
        return label == ID[name]

    head, skin, nose, upper_lip = HEAD[label], is_("skin"), is_("nose"), is_("u_lip")
    cx, cy, sx, sy = _spread(head, x, y)
    u, v = (x - cx) / sx, (y - cy) / sy
    lit = style.light[0] * np.clip(u, -1.5, 1.5) + style.light[1] * np.clip(v, -1.5, 1.5)
    shade = 1 + np.where(label == 0, 0.4 * lit, lit)
    shade[head] *= (1.04 - 0.12 * (u**2 + v**2))[head]
    shade[head & _below(is_("hair") | is_("hat"), 2 * pixel)] *= 0.86
    shade[is_("neck") & _below(head, 4 * pixel)] *= 0.84
    shade[skin & _below(nose, pixel)] *= 0.78
    shade[nose] *= np.broadcast_to(1.04 + 4 * style.light[0] * (x - _spread(nose, x, y)[0]), nose.shape)[nose]
    shade[upper_lip] *= 0.86
    cheeks = style.blush * np.exp(-4 * ((np.abs(u) - 0.62) ** 2 + (v - 0.4) ** 2)) * skin
    light = light * (shade + cheeks * np.array([1.4, -1.2, -0.8], np.float32)[:, None, None])

    for name in ("l_eye", "r_eye"):
        eye = is_(name)
        ex, ey, ew, eh = _spread(eye, x, y)
        radius, distance = 0.75 * math.sqrt(ew * eh), np.hypot(x - ex, y - ey)
        for colour, r in ((c["iris"], radius), ((-0.75,) * 3, 0.5 * radius)):
            cover = eye * np.clip((r - distance) * label.shape[0] / 2 + 0.5, 0, 1)
            light += cover * ((np.array(colour, np.float32)[:, None, None] + 1) / 2 - light)
        light[:, eye & ~_below(eye, pixel)] *= 0.3
    light[:, is_("mouth") & (_below(upper_lip, pixel) | _below(upper_lip, 2 * pixel))] = 0.9  # teeth
    return np.clip(2 * light - 1, -0.95, 0.95)


def _model(label: Tensor, style: Style, view: str = "day") -> tuple[np.ndarray, ...]:
    """The distribution's parts: ids (H, W), then smooth face, freckle, strand and grain scale, each (3, H, W)."""
    ids = torch.as_tensor(label).detach().cpu().numpy()
    if ids.ndim != 2 or min(ids.shape) < 16 or ids.dtype.kind not in "iu":
        raise ValueError(f"label must be one map (H, W) of integer ids, 16 pixels or more, not {ids.dtype} {ids.shape}")
    if ids.min() < 0:
        raise ValueError(f"faces: label map has ids below 0 ({ids.min()}), the classes are 0..{len(CLASSES) - 1}")
    check_labels(ids, CLASSES, "faces")
    if view not in VIEWS:
        raise ValueError(f"faces have no view {view!r}: choose {' or '.join(VIEWS)}")
    smooth = _smooth(ids, style)
    if view == "evening":
        x, y = grid(*ids.shape)
        middle, _, half, _ = _spread(HEAD[ids], x, y)
        smooth = evening(smooth, ids == ID["background"], (x - middle) / half)
    room = (1 - np.abs(smooth)) / ROOM
    freckle = -DEPTH * (smooth + 1) * ((ids == ID["skin"]) | (ids == ID["nose"]))
    return ids, smooth, freckle, np.minimum(STRANDS[ids], room), np.minimum(GRAIN[ids], room)


def _strand_noise(ids: np.ndarray, style: Style, n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Unit-variance Gaussian texture along the flow of the hair: pixels (K,) of the flattened image and noise (n, K).

    White noise on a grid of strand coordinates (across, along) is interpolated with bilinear weights divided by their
    root sum of squares, so the variance is 1 at every pixel, whatever the flow.
    """
    pixels = np.flatnonzero(STRANDS[ids])
    x, y = grid(*ids.shape)
    cx, cy, _, _ = _spread(HEAD[ids], x, y)
    px, py = x[0, pixels % ids.shape[1]] - cx, y[pixels // ids.shape[1], 0] - cy + 0.15
    # The conformal map sqrt(z) gives confocal parabolas, which lie over the head and fall at its sides; turning its
    # plane sweeps them into spirals and leaves their density alone.
    r = np.hypot(px, py)
    out, over = np.sqrt(np.maximum(r - py, 0)), np.sign(px) * np.sqrt(np.maximum(r + py, 0))
    along = math.cos(style.sweep) * over - math.sin(style.sweep) * out
    across = math.cos(style.sweep) * out + math.sin(style.sweep) * over + style.curl * np.sin(18 * along)
    across, along = across / WIDTH, along / LENGTH
    i, j = np.floor(across).astype(int), np.floor(along).astype(int)
    fi, fj = across - i, along - j
    i, j = i - i.min(initial=0), j - j.min(initial=0)
    white = rng.standard_normal((n, i.max(initial=0) + 2, j.max(initial=0) + 2), dtype=np.float32)
    corners = [(a, b, (fi if a else 1 - fi) * (fj if b else 1 - fj)) for a in (0, 1) for b in (0, 1)]
    scale = 1 / np.sqrt(sum(weight**2 for _, _, weight in corners))
    return pixels, sum(white[:, i + a, j + b] * (weight * scale).astype(np.float32) for a, b, weight in corners)


def _draw(model: tuple[np.ndarray, ...], style: Style, n: int, rng) -> np.ndarray:
    """(n, 3, H, W) float32: the smooth face plus freshly drawn detail, clipped to [-1, 1]."""
    ids, smooth, freckle, strand, grain = model
    height, width = ids.shape
    images = grain * rng.standard_normal((n, 1, height, width), dtype=np.float32) + smooth
    side = max(1, round(height / 64))  # a freckle is a square of one pixel at 64, of two by two at 128
    # A pixel is covered when any of side² possible corners is drawn: 1 - (1 - q)^(side²) is the style's share.
    q = 1 - (1 - style.freckles) ** (1 / side**2)
    seeds = rng.random((n, height + side - 1, width + side - 1), dtype=np.float32) < q
    shifts = [(a, b) for a in range(side) for b in range(side)]
    spots = np.logical_or.reduce([seeds[:, a : a + height, b : b + width] for a, b in shifts])
    images += freckle * spots[:, None]
    pixels, noise = _strand_noise(ids, style, n, rng)
    images.reshape(n, 3, -1)[:, :, pixels] += strand.reshape(3, -1)[:, pixels] * noise[:, None]
    return np.clip(images, -1, 1, out=images)


def conditional_samples(label: Tensor, style: Style, n: int, seed=0, view: str = "day") -> Tensor:
    """Independent faces from the true distribution given label and style: only strands, freckles and grain differ.

    Args:
        label: (H, W) integer ids 0..18. style: see `Style`. n: how many. seed: an int or several. view: "day", or
            "evening" for the same face in `evening` light.

    Returns:
        (n, 3, H, W) float32 in [-1, 1].

    Raises:
        ValueError: the label is not one map of known ids, n is below 1, or the view is unknown.
    """
    if n < 1:
        raise ValueError(f"n must be 1 or more, not {n}")
    return torch.from_numpy(_draw(_model(label, style, view), style, n, np.random.default_rng(seed)))


def conditional_moments(label: Tensor, style: Style, view: str = "day") -> tuple[Tensor, Tensor]:
    """True mean and standard deviation of each pixel given label and style, in closed form.

    With p the share of freckles and d their depth: mean = smooth + p d, variance = strand² + grain² + p (1 - p) d².
    Clipping to [-1, 1] is left out, it moves a mean by less than 1e-4 standard deviations (see ROOM).

    Args:
        label: (H, W) integer ids 0..18. style: see `Style`. view: "day" or "evening".

    Returns:
        mean and std, (3, H, W) float32 each, in units of [-1, 1].

    Raises:
        ValueError: the label is not one map of known ids, or the view is unknown.
    """
    _, smooth, freckle, strand, grain = _model(label, style, view)
    p = style.freckles
    std = np.sqrt(strand**2 + grain**2 + p * (1 - p) * freckle**2)
    return torch.from_numpy(smooth + p * freckle), torch.from_numpy(std)


def _number(split: str) -> int:
    check_split(split)
    return list(COUNTS).index(split)


def face(split: str, i: int, size: int = 64) -> tuple[Tensor, Style]:
    """Label map (size, size) int64 and style of face i of a split: what `load` drew its picture from.

    Raises:
        ValueError: unknown split, or a negative i.
    """
    number = _number(split)
    if i < 0:
        raise ValueError(f"faces are numbered from 0, not {i}")
    return torch.from_numpy(layout((number, i, 0), size)).long(), Style.random((number, i, 1))


def _picture(split: str, i: int, size: int, view: str) -> np.ndarray:
    """(size, size, 3) uint8: face i in one view, with detail of its own."""
    label, style = face(split, i, size)
    picture = conditional_samples(label, style, 1, (_number(split), i, 2 + VIEWS.index(view)), view)[0]
    return np.rint((picture.permute(1, 2, 0).numpy() + 1) * 127.5).astype(np.uint8)


def load(split: str = "train", size: int = 64, n: int | None = None, unpaired: bool = False) -> Source | Unpaired:
    """Faces as a Source: A one-hot (19 classes), B RGB face, mirrored left-right at random with the sides exchanged.

    Args:
        split: "train", "val" or "test". size: side in pixels. n: number of faces, by default 2048, 256 or 512.
        unpaired: A and B are RGB, faces by day and in the evening; for train the first half of the faces are A, the
            others B; val and test show each face in both views. None is mirrored: evening light comes from the right.

    Raises:
        ValueError: unknown split, n below 1, or n below 2 where two halves are needed.
    """
    least = 2 if unpaired and split == "train" else 1
    if n is not None and n < least:
        raise ValueError(f"n must be {least} or more, not {n}")
    check_split(split)
    options, people = {"n": n} if n else {}, range(n or COUNTS[split])

    def source(inputs: list[np.ndarray], targets: list[np.ndarray], **named) -> Source:
        windows, bounds = [(k, 0, 0) for k in range(len(inputs))], np.tile([[0, size, 0, size]], (len(inputs), 1))
        return Source("faces", split, size, inputs, targets, windows, bounds, options=options, **named)

    def pictures(people: range, view: str) -> list[np.ndarray]:
        return [_picture(split, i, size, view) for i in people]

    if not unpaired:
        labels = [face(split, i, size)[0].numpy().astype(np.uint8) for i in people]
        named = {"classes": CLASSES, "palette": PALETTE, "flips": "h", "sides": SIDES}
        return source(labels, pictures(people, "day"), **named)
    options["unpaired"] = True
    if split != "train":
        return source(*(pictures(people, view) for view in VIEWS))
    halves = zip(VIEWS, (people[: len(people) // 2], people[len(people) // 2 :]), strict=True)
    return Unpaired(*(source(*[pictures(some, view)] * 2) for view, some in halves))  # no truth is drawn
