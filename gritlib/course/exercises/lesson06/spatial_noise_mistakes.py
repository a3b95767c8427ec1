"""Common first tries at 06.3, as variations of a right layer, and what is said about each."""

import torch
from torch import nn

from gritlib.course.exercise import Mistake


def added(h, weight, noise):
    return h + weight * noise


def layer(*, shape=lambda ch: (1, ch, 1, 1), first=lambda init: init, keep=nn.Parameter, combine=added):
    """A layer, right or with one ingredient replaced.

    Args:
        shape: channels -> the weights'. first: init -> their first value. keep: tensor -> what is stored.
        combine: (h, weights, noise) -> the result.
    """

    class SpatialNoise(nn.Module):
        def __init__(self, ch, init=0.0):
            super().__init__()
            self.weight = keep(torch.full(shape(ch), float(first(init))))

        def forward(self, h, noise):
            return combine(h, self.weight, noise)

    return SpatialNoise


def mapped(combine_map):
    """With another map than the given one."""
    return layer(combine=lambda h, w, n: h + w * combine_map(n))


def drawing(shape):
    """Noise drawn inside the layer."""
    return layer(combine=lambda h, w, n: h + w * torch.randn(shape(h), dtype=h.dtype))


INIT_ONE = (
    "It looks as if the weights begin at 1, whatever init says. Noise as loud as the features drowns everything at "
    "first, and the reconstruction loss then teaches the network to turn all of it off."
)
SCALAR = (
    "It looks as if one weight serves all channels. Each channel has its own, so that some can carry the noise and "
    "others the layout: shape (1, ch, 1, 1)."
)
ONE_A_CHANNEL = (
    "If the error speaks of sizes that must match: weights of shape (ch,) are taken for a row of pixels. In the shape "
    "(1, ch, 1, 1) they belong to the channels."
)
ONE_MAP = "It looks as if one map serves the whole batch: row n of noise is the map of image n."
OWN_NOISE = (
    "It looks as if noise is drawn, and another map for each channel besides. One map goes to all channels, so that "
    "they can agree on what happens at a place; the weights decide how much."
)
NO_PARAMETER = (
    "It looks as if the weights are a plain tensor: without nn.Parameter no optimizer finds them, and they stay at "
    "their first value."
)
NO_WAY = "It looks as if something is detached, or made under no_grad: then it never learns."

MISTAKES = (
    Mistake(INIT_ONE, layer(first=lambda init: 1.0)),
    Mistake(
        "It looks as if the weights begin at 0, whatever init says: it is an argument, and 0 only its default.",
        layer(first=lambda init: 0.0),
    ),
    *(
        Mistake(
            f"It looks as if the weights begin at {value}, whatever init says.", layer(first=lambda init, v=value: v)
        )
        for value in (0.1, 0.01)
    ),
    *(Mistake(SCALAR, layer(shape=lambda ch, s=s: s)) for s in ((), (1,), (1, 1, 1, 1))),
    Mistake(ONE_A_CHANNEL, layer(shape=lambda ch: (ch,))),
    Mistake(ONE_A_CHANNEL, layer(shape=lambda ch: (ch,), combine=lambda h, w, n: h + n * w)),
    Mistake(ONE_A_CHANNEL, layer(shape=lambda ch: (1, ch))),
    Mistake(ONE_MAP, mapped(lambda n: n[:1])),
    Mistake(ONE_MAP, mapped(lambda n: n[0])),
    Mistake(ONE_MAP, mapped(lambda n: n.mean(0, keepdim=True))),
    Mistake(OWN_NOISE, drawing(lambda h: h.shape)),
    *(
        Mistake("It looks as if noise is drawn although it is given: use the map.", drawing(lambda h, f=f: f(h)))
        for f in (
            lambda h: (len(h), 1, *h.shape[2:]),
            lambda h: (1, 1, *h.shape[2:]),
            lambda h: (len(h), h.shape[1], 1, 1),
        )
    ),
    Mistake(NO_PARAMETER, layer(keep=lambda w: w)),
    Mistake("It looks as if the weights play no part.", layer(combine=lambda h, w, n: h + n + 0 * w)),
    Mistake("It looks as if the noise plays no part.", layer(combine=lambda h, w, n: h + w)),
    Mistake(
        "It looks as if the noise multiplies h: it is added.",
        layer(combine=lambda h, w, n: h * (1 + w * n)),
    ),
    Mistake(
        "It looks as if the noise multiplies h: it is added, and a new layer leaves h as it is.",
        layer(combine=lambda h, w, n: h * w * n),
    ),
    Mistake(
        "It looks as if h is scaled too: the weights multiply the noise alone.",
        layer(combine=lambda h, w, n: w * (h + n)),
    ),
    Mistake(
        "It looks as if h and noise are mixed, (1 − w)·h + w·n: h stays as it is, and the noise is added.",
        layer(combine=lambda h, w, n: (1 - w) * h + w * n),
    ),
    Mistake(
        "It looks as if the size of a weight is used, not the weight: its sign belongs to it.",
        layer(combine=lambda h, w, n: h + w.abs() * n),
    ),
    Mistake(
        "It looks as if the map is averaged over its pixels: each pixel has its own noise.",
        mapped(lambda n: n.mean((2, 3), keepdim=True)),
    ),
    Mistake("It looks as if the noise is taken away: it is added.", layer(combine=lambda h, w, n: h - w * n)),
    Mistake(NO_WAY, layer(combine=lambda h, w, n: h + w.detach() * n)),
    Mistake(NO_WAY, layer(combine=lambda h, w, n: h.detach() + w * n)),
)
