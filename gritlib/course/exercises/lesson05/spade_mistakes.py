"""Common first tries at 05.2, as variations of a right layer, for the public exercise and for a class's."""

import torch
from torch import nn
from torch.nn import functional as F

from gritlib.course.exercise import Mistake

PUBLIC = "1 + γ"
SCALES = {PUBLIC: lambda gamma: 1 + gamma, "γ": lambda gamma: gamma, "exp γ": torch.exp}


def nearest(m, h):
    return F.interpolate(m, size=h.shape[2:], mode="nearest")


def as_it_is(x, *others):
    return x


def of_map(layer, h, m):
    return layer.shared(m)


def own_norm(layer, h):
    return layer.norm(h)


def scaled(scale, norm, gamma, beta, h):
    return scale(gamma) * norm + beta


def layer(
    scale=PUBLIC,
    *,
    build=lambda channels: nn.BatchNorm2d(channels, affine=False),
    resize=nearest,
    see=of_map,
    between=torch.relu,
    after=as_it_is,
    norm=own_norm,
    combine=scaled,
):
    """A layer, right or with one ingredient replaced.

    Args:
        scale: what norm(h) is multiplied by. build: channels -> the norm. resize: of the map. see: what the embedding
            is made of. between: embedding -> what gamma and beta see. after: of γ and β, with h. norm: of h.
        combine: (scale, norm(h), γ, β, h) -> the result.
    """

    class SPADE(nn.Module):
        def __init__(self, channels: int, labels: int, hidden: int = 128):
            super().__init__()
            self.norm = build(channels)
            self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
            self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
            self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)

        def forward(self, h, m):
            embedding = between(see(self, h, resize(m, h)))
            gamma, beta = (after(conv(embedding), h) for conv in (self.gamma, self.beta))
            return combine(SCALES[scale], norm(self, h), gamma, beta, h)

    return SPADE


def modulated_first(scale):
    """The norm behind the modulation."""

    class SPADE(layer(scale)):
        def forward(self, h, m):
            embedding = self.shared(nearest(m, h)).relu()
            return self.norm(SCALES[scale](self.gamma(embedding)) * h + self.beta(embedding))

    return SPADE


def of_h(scale, source):
    """γ and β read off the activations instead of the map."""

    class SPADE(layer(scale)):
        def forward(self, h, m):
            gamma, beta = source(self, h)
            return SCALES[scale](gamma) * self.norm(h) + beta

    return SPADE


def through_shared(self, h):
    embedding = self.shared(h).relu()
    return self.gamma(embedding), self.beta(embedding)


def through_shared_normed(self, h):
    return through_shared(self, self.norm(h))


def directly(self, h):
    return self.gamma(h), self.beta(h)


def directly_normed(self, h):
    return directly(self, self.norm(h))


def gamma_alone_of_h(scale):
    """γ of the activations, β of the map."""

    class SPADE(layer(scale)):
        def forward(self, h, m):
            embedding = self.shared(nearest(m, h)).relu()
            return SCALES[scale](self.gamma(h)) * self.norm(h) + self.beta(embedding)

    return SPADE


def gamma_normed(scale):
    """The same norm for h and for γ."""

    class SPADE(layer(scale)):
        def forward(self, h, m):
            embedding = self.shared(nearest(m, h)).relu()
            return SCALES[scale](self.norm(self.gamma(embedding))) * self.norm(h) + self.beta(embedding)

    return SPADE


def to_the_map(scale):
    """h enlarged to the map's size."""
    right = layer(scale)

    class SPADE(right):
        def forward(self, h, m):
            return super().forward(nearest(h, m), m)

    return SPADE


def mean_over_space(gamma, h):
    return gamma.mean((2, 3), keepdim=True)


def instance(x, *others):
    return F.instance_norm(x)


def batch(x, *others):
    return F.batch_norm(x, None, None, training=True)


def unmoved(layer, h):
    if layer.training:
        return batch(h)
    return F.batch_norm(h, layer.norm.running_mean, layer.norm.running_var)


def batch_of_embedding(self, h, m):
    return batch(self.shared(m))


def instance_of_embedding(self, h, m):
    return instance(self.shared(m))


def interpolated(mode):
    return lambda x, h: F.interpolate(x, size=h.shape[2:], mode=mode)


EQUATION = (
    "Your layer multiplies by γ, which is the printed equation. Equation and code differ here: the equation has γ, the "
    "authors' code 1 + γ, and this course follows the code, because a convolution begins with numbers around 0: with "
    "1 + γ the layer begins as plain normalisation, with γ it begins by taking nearly everything away. The shipped "
    "weights were trained with 1 + γ."
)
AFFINE = (
    "It looks as if the norm has a scale and a shift of its own. nn.BatchNorm2d has them unless told affine=False; "
    "here γ and β stand in their place, different at each pixel."
)
NO_RUNNING = (
    "It looks as if the norm keeps no running statistics. nn.BatchNorm2d does, which normalises over the batch; "
    "nn.InstanceNorm2d, GroupNorm and track_running_stats=False do not, and in eval mode the layer needs them."
)
INSTANCE = (
    "It looks as if each image is normalised by itself: that is instance norm. SPADE's μ and σ of a channel are those "
    "of the whole batch."
)
BLENDED = (
    "It looks as if the map is blended while it is made smaller. Half a street and half a tree is no label: "
    'F.interpolate(..., mode="nearest") takes one label, and the map stays one-hot.'
)
HALF_PIXEL = (
    'It looks as if the nearest neighbour is another one: "nearest-exact" takes the pixel at the cell\'s middle, '
    '"nearest" the one at its corner, as the authors\' code does. Shipped weights learned with that.'
)
SIZES = (
    "If the error speaks of sizes that must match: the map is finer than h. Bring it to h's height and width first, "
    'F.interpolate(m, size=h.shape[2:], mode="nearest").'
)
LATE = (
    "It looks as if γ and β are made at the map's size and brought to h's afterwards. Bring the map there first: the "
    "3x3 convolutions then see h's neighbours, and there is less to compute."
)
NOT_OF_MAP = (
    "It looks as if γ or β is made of h. Both come from the map alone: shared sees m, gamma and beta see what shared "
    "made of it. If the error speaks of channels: the map has `labels` of them, h has `channels`."
)
SKIPPED = (
    "It looks as if gamma and beta see the map itself. First comes shared, which makes `hidden` channels of the "
    "`labels` of the map, then a ReLU; that is what gamma and beta expect."
)
NORM_LAST = (
    "It looks as if the norm comes last, behind scale and shift. Then it takes away again what the map has brought in: "
    "normalise h first."
)
MAP_NORMED = (
    "It looks as if a norm acts on the map, or on γ, β or the embedding that are made of it. That is what washes the "
    "map away, as in exercise 05.1: a map of one label is flat, and nothing is left of it. Only h is normalised."
)
NOT_NORMED = "It looks as if h is not normalised: self.norm(h) is what scale and shift act on."
NO_RELU = "It looks as if no ReLU stands between shared and the other two: two convolutions alone are one convolution."
OWN_STATISTICS = (
    "It looks as if the statistics of the batch are used in eval mode too: then an image's result depends on the "
    "others of its batch. self.norm(h) takes the running ones there."
)
NEVER_MOVED = (
    "It looks as if the running statistics stay as they were. self.norm(h) moves them a little with every batch of "
    "training; a norm written out in forward has to do so too, or eval mode knows nothing of what was trained."
)
DETACHED = "It looks as if something is detached, or made under no_grad: then it never learns."


def mistakes(scale: str) -> tuple[Mistake, ...]:
    def wrong(message: str, **change) -> Mistake:
        return Mistake(message, layer(scale, **change))

    first = ()
    if scale == PUBLIC:
        first = (Mistake(EQUATION, layer("γ")),)
    else:
        first = (
            Mistake(
                f"This is the public version, with the scale {PUBLIC}. In your class norm(h) is multiplied by {scale}: "
                "see the last sentence of the docstring.",
                layer(PUBLIC),
            ),
            *(
                Mistake(f"It looks as if the scale is {other}: in your class it is {scale}.", layer(other))
                for other in SCALES
                if other not in (PUBLIC, scale)
            ),
        )
    return (
        *first,
        wrong(AFFINE, build=nn.BatchNorm2d),
        wrong(AFFINE, build=lambda c: nn.InstanceNorm2d(c, affine=True)),
        wrong(AFFINE, build=lambda c: nn.InstanceNorm2d(c, affine=True, track_running_stats=True)),
        wrong(NO_RUNNING, build=nn.InstanceNorm2d),
        wrong(INSTANCE, build=lambda c: nn.InstanceNorm2d(c, track_running_stats=True)),
        wrong(INSTANCE, norm=lambda layer, h: F.instance_norm(h)),
        *(wrong(BLENDED, resize=interpolated(mode)) for mode in ("bilinear", "area", "bicubic")),
        wrong(BLENDED, resize=lambda m, h: F.interpolate(m, size=h.shape[2:], mode="bilinear", antialias=True)),
        wrong(BLENDED, resize=lambda m, h: F.adaptive_max_pool2d(m, h.shape[2:])),
        wrong(HALF_PIXEL, resize=interpolated("nearest-exact")),
        wrong(SIZES, resize=as_it_is),
        wrong(SIZES, resize=as_it_is, combine=lambda s, n, g, b, h: n * s(g) + b),
        wrong(SIZES, resize=as_it_is, combine=lambda s, n, g, b, h: n + n * g + b),
        *(wrong(LATE, resize=as_it_is, after=interpolated(mode)) for mode in ("nearest", "bilinear", "area")),
        Mistake("It looks as if h is enlarged to the map's size: the result is as large as h.", to_the_map(scale)),
        *(
            Mistake(NOT_OF_MAP, of_h(scale, source))
            for source in (through_shared, through_shared_normed, directly, directly_normed)
        ),
        Mistake(NOT_OF_MAP, gamma_alone_of_h(scale)),
        wrong(SKIPPED, see=lambda layer, h, m: m, between=as_it_is),
        Mistake(NORM_LAST, modulated_first(scale)),
        wrong(NORM_LAST, combine=lambda s, n, g, b, h: batch(s(g) * n + b)),
        *(wrong(MAP_NORMED, resize=lambda m, h, f=f: f(nearest(m, h))) for f in (batch, instance)),
        *(wrong(MAP_NORMED, see=f) for f in (batch_of_embedding, instance_of_embedding)),
        *(wrong(MAP_NORMED, after=f) for f in (batch, instance)),
        Mistake(MAP_NORMED, gamma_normed(scale)),
        wrong(NO_RELU, between=as_it_is),
        wrong(
            "It looks as if a leaky ReLU follows shared. The leaky ones stand in the block around the layer; here it "
            "is an ordinary one.",
            between=lambda e: F.leaky_relu(e, 0.2),
        ),
        wrong(
            "It looks as if a ReLU acts on the layer's result: what follows the layer is the block's affair.",
            combine=lambda s, n, g, b, h: scaled(s, n, g, b, h).relu(),
        ),
        wrong(
            "It looks as if a leaky ReLU acts on the layer's result: what follows the layer is the block's affair.",
            combine=lambda s, n, g, b, h: F.leaky_relu(scaled(s, n, g, b, h), 0.2),
        ),
        wrong(
            "It looks as if γ and β are exchanged: γ scales, β is added.",
            combine=lambda s, n, g, b, h: s(b) * n + g,
        ),
        wrong("It looks as if β is missing.", combine=lambda s, n, g, b, h: s(g) * n),
        wrong(NOT_NORMED, combine=lambda s, n, g, b, h: s(g) * h + b),
        wrong(
            "It looks as if β is added before the scaling: norm(h) is scaled, then β is added.",
            combine=lambda s, n, g, b, h: s(g) * (n + b),
        ),
        wrong(
            "It looks as if h itself is added: the 1 of 1 + γ stands for norm(h), not for h.",
            combine=lambda s, n, g, b, h: h + g * n + b,
        ),
        wrong(
            "It looks as if γ and β are averaged over all pixels. Then every pixel gets the same, as in AdaIN: here "
            "each has its own.",
            after=mean_over_space,
        ),
        wrong(OWN_STATISTICS, norm=lambda layer, h: batch(h)),
        wrong(NEVER_MOVED, norm=unmoved),
        wrong(DETACHED, norm=lambda layer, h: layer.norm(h.detach())),
        wrong(DETACHED, see=lambda layer, h, m: layer.shared(m).detach()),
        wrong(DETACHED, after=lambda x, h: x.detach()),
    )
