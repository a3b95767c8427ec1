"""Common first tries at 06.2, as variations of a right layer, and what is said about each."""

import torch
from torch import nn
from torch.nn import functional as F

from gritlib.course.exercise import Mistake

EPS = 1e-5


def halves(affine, z):
    return affine(z)[:, :, None, None].chunk(2, dim=1)


def normed(h):
    return F.instance_norm(h)


def modulated(n, gamma, beta, h):
    return (1 + gamma) * n + beta


def layer(*, norm=normed, read=halves, combine=modulated):
    """A layer, right or with one ingredient replaced.

    Args:
        norm: of h. read: (affine, z) -> γ and β. combine: (norm(h), γ, β, h) -> the result.
    """

    class AdaIN(nn.Module):
        def __init__(self, ch, z_dim):
            super().__init__()
            self.affine = nn.Linear(z_dim, 2 * ch)

        def forward(self, h, z):
            gamma, beta = read(self.affine, z)
            return combine(norm(h), gamma, beta, h)

    return AdaIN


def by_statistics(dims=(2, 3), correction=0, divide=lambda var: (var + EPS).sqrt(), centre=True, still=False):
    """A norm written out, with other dimensions, divisor or without the mean; `still` leaves it out of the graph."""

    def norm(h):
        of = h.detach() if still else h
        var, mean = torch.var_mean(of, dims, correction=correction, keepdim=True)
        return (h - mean if centre else h) / divide(var)

    return norm


def modulated_first(n, gamma, beta, h):
    return F.instance_norm((1 + gamma) * h + beta)


def flat(affine, z):
    """γ and β without the two dimensions of a picture."""
    return affine(z).chunk(2, dim=1)


def in_pairs(affine, z):
    both = affine(z).unflatten(1, (-1, 2))[..., None, None]
    return both[:, :, 0], both[:, :, 1]


EQUATION = (
    "Your layer multiplies by γ. Equation and course differ here: Huang and Belongie's equation has γ, the GRIT "
    "authors' earlier public work has 1 + γ, and this course follows that: a linear map begins with numbers around 0, "
    "so with 1 + γ the layer begins as plain instance norm, with γ it takes nearly everything away."
)
BATCH = (
    "It looks as if mean and deviation are those of the batch. AdaIN gives every image a style of its own, so an image "
    "must not see the others: dimensions 2 and 3 of (B, C, H, W)."
)
CHANNELS = "It looks as if mean and deviation run over the channels too: each channel is normalised by itself, (2, 3)."
PIXEL = "It looks as if each pixel is normalised over its channels: mean and deviation run over the pixels, (2, 3)."
FIRST = (
    "It looks as if scale and shift come before the norm. Then the norm takes both away again, and nothing of the code "
    "is left: normalise first."
)
ONE_CODE = (
    "It looks as if one code serves the whole batch. Row n of z is the code of image n: affine(z) has a row for each, "
    "and [:, :, None, None] makes it (B, 2·ch, 1, 1)."
)
SHAPES = (
    "If the error speaks of sizes that must match: affine(z) has the shape (B, 2·ch); [:, :, None, None] makes it "
    "(B, 2·ch, 1, 1), which fits to (B, ch, H, W) once it is halved."
)
UNBIASED = (
    "It looks as if the deviation is divided by the number of pixels minus 1, as torch.std is unless told "
    "correction=0: instance norm takes the plain mean of the squared distances."
)
DETACHED = "It looks as if something is detached, or made under no_grad: the values are right, the gradients are not."

MISTAKES = (
    Mistake(EQUATION, layer(combine=lambda n, g, b, h: g * n + b)),
    Mistake(FIRST, layer(combine=modulated_first)),
    Mistake(FIRST, layer(combine=lambda n, g, b, h: F.instance_norm(g * h + b))),
    *(Mistake(BATCH, layer(norm=by_statistics((0, 2, 3), c))) for c in (0, 1)),
    *(Mistake(CHANNELS, layer(norm=by_statistics((1, 2, 3), c))) for c in (0, 1)),
    *(Mistake(PIXEL, layer(norm=by_statistics((1,), c))) for c in (0, 1)),
    Mistake(
        "It looks as if there is no ε: a flat channel has the deviation 0, and 0/0 is NaN.",
        layer(norm=by_statistics(divide=torch.sqrt)),
    ),
    *(
        Mistake(UNBIASED, layer(norm=by_statistics((2, 3), 1, divide)))
        for divide in (torch.sqrt, lambda v: v**0.5 + EPS)
    ),
    Mistake(UNBIASED, layer(norm=by_statistics((2, 3), 1))),
    *(Mistake(ONE_CODE, layer(read=lambda a, z, f=f: halves(a, f(z)))) for f in (lambda z: z[:1], lambda z: z[-1:])),
    Mistake(ONE_CODE, layer(read=lambda a, z: halves(a, z.mean(0, keepdim=True)))),
    Mistake(SHAPES, layer(read=flat)),
    Mistake(SHAPES, layer(read=flat, combine=lambda n, g, b, h: n * (1 + g) + b)),
    Mistake(SHAPES, layer(read=flat, combine=lambda n, g, b, h: n + n * g + b)),
    Mistake(
        "It looks as if γ and β are exchanged: the first ch numbers of affine(z) are γ, the others β.",
        layer(combine=lambda n, g, b, h: (1 + b) * n + g),
    ),
    Mistake(
        "It looks as if γ and β are read in pairs, one number of each in turn: the first ch numbers of affine(z) are "
        "γ, the others β. The shipped weights were trained so.",
        layer(read=in_pairs),
    ),
    Mistake("It looks as if β is missing.", layer(combine=lambda n, g, b, h: (1 + g) * n)),
    Mistake(
        "It looks as if β is taken away: it is added.",
        layer(combine=lambda n, g, b, h: (1 + g) * n - b),
    ),
    Mistake(
        "It looks as if β is added before the scaling: the normalised h is scaled, then β is added.",
        layer(combine=lambda n, g, b, h: (1 + g) * (n + b)),
    ),
    Mistake(
        "It looks as if h itself is added: the 1 of 1 + γ stands for the normalised h, not for h.",
        layer(combine=lambda n, g, b, h: h + g * n + b),
    ),
    Mistake("It looks as if h is not normalised.", layer(norm=lambda h: h)),
    Mistake("It looks as if the mean is not taken away.", layer(norm=by_statistics(centre=False))),
    Mistake(
        "It looks as if nothing is divided: only the mean is taken away.",
        layer(norm=by_statistics(divide=torch.ones_like)),
    ),
    Mistake(
        "It looks as if you divide by the variance: the root is missing.",
        layer(norm=by_statistics(divide=lambda v: v + EPS)),
    ),
    Mistake("It looks as if the scale is exp γ: here it is 1 + γ.", layer(combine=lambda n, g, b, h: g.exp() * n + b)),
    Mistake(
        "It looks as if the layer ends with an activation: what follows it is the block's affair.",
        layer(combine=lambda n, g, b, h: modulated(n, g, b, h).relu()),
    ),
    Mistake(
        "It looks as if the layer ends with an activation: what follows it is the block's affair.",
        layer(combine=lambda n, g, b, h: F.leaky_relu(modulated(n, g, b, h), 0.2)),
    ),
    Mistake(DETACHED, layer(norm=by_statistics(still=True))),
    Mistake(DETACHED, layer(norm=lambda h: F.instance_norm(h.detach()))),
    Mistake(DETACHED, layer(read=lambda a, z: halves(a, z.detach()))),
    Mistake(DETACHED, layer(read=lambda a, z: [half.detach() for half in halves(a, z)])),
)
