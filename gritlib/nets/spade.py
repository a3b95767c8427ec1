"""SPADE (Park et al. 2019, figures 2 and 4): normalise without parameters, then scale and shift each pixel by numbers
that a small convolutional network reads off the label map. The map itself passes through no normalisation, so a map
of one label alone is not erased.

The generator is a chain of residual blocks with nearest-neighbour doubling between them and no encoder: it may begin
from the map at its coarsest resolution, from a random vector, or from the style code of an image. `Concat` is the
paper's baseline, a decoder that gets the map as further channels before every convolution. The figures leave widths
open; 64 and the hidden 128 are those of the authors' code, which also writes 1 + γ where the equation has γ. Here it is
1 + γ as well: at a zero network the layer is plain normalisation.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from gritlib.nets import draws
from gritlib.nets.blocks import full_precision, make_norm
from gritlib.nets.recompute import held

NORMS = ("batch", "sync", "instance")
STARTS = ("map", "random", "style")
VARIANTS = ("normal", "more", "most")
spectral_norm = nn.utils.parametrizations.spectral_norm


def parameter_free(name: str, channels: int, affine: bool = False) -> nn.Module:
    """(h − μ)/σ by name: "batch" over the batch with running statistics, "sync" the same over all processes (as
    "batch" in a single one), "instance" over each image.

    Raises:
        ValueError: any other name.
    """
    layers = {"batch": nn.BatchNorm2d, "sync": nn.SyncBatchNorm, "instance": nn.InstanceNorm2d}
    if name not in layers:
        raise ValueError(f"norm {name!r} is unknown to SPADE: choose one of {', '.join(NORMS)}")
    return layers[name](channels, affine=affine)


def resize(m: Tensor, h: Tensor) -> Tensor:
    """The map at the resolution of h, by nearest neighbour, which keeps it one-hot; as it is where they agree."""
    return m if m.shape[-2:] == h.shape[-2:] else nn.functional.interpolate(m, size=h.shape[-2:], mode="nearest")


class SPADE(nn.Module):
    """Spatially-adaptive normalisation (equation 1): (1 + γ(m))·(h − μ)/σ + β(m), γ and β different at each pixel.

    Args:
        channels: of h. labels: channels of the map. hidden: channels between the map and γ, β. kernel: side of the
            three convolutions, odd; the paper tries 1, 3 and 5. norm: "batch", "sync" or "instance".

    Raises:
        ValueError: an even kernel.
    """

    extra = 0  # channels that the layer adds to h

    def __init__(self, channels: int, labels: int, hidden: int = 128, kernel: int = 3, norm: str = "batch"):
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel}: the convolutions inside SPADE keep the sides, use an odd one: 1, 3, 5")
        self.norm = parameter_free(norm, channels)
        self.shared = nn.Conv2d(labels, hidden, kernel, 1, kernel // 2)
        self.gamma = nn.Conv2d(hidden, channels, kernel, 1, kernel // 2)
        self.beta = nn.Conv2d(hidden, channels, kernel, 1, kernel // 2)

    def forward(self, h: Tensor, m: Tensor) -> Tensor:  # (B, C, H, W), (B, labels, H', W') -> (B, C, H, W)
        embedding = self.shared(resize(m, h)).relu()
        return (1 + self.gamma(embedding)) * self.norm(h) + self.beta(embedding)


class Concat(nn.Module):
    """The baseline (table 2.3 of Park's thesis): ordinary normalisation with a learned scale and shift for each
    channel, then the map as further channels. Takes and ignores SPADE's `hidden` and `kernel`."""

    def __init__(self, channels: int, labels: int, hidden: int = 128, kernel: int = 3, norm: str = "batch"):
        super().__init__()
        self.norm, self.extra = parameter_free(norm, channels, affine=True), labels

    def forward(self, h: Tensor, m: Tensor) -> Tensor:  # -> (B, C + labels, H, W)
        return torch.cat([self.norm(h), resize(m, h)], 1)


class SPADEBlock(nn.Module):
    """Residual block: twice (SPADE, LeakyReLU, 3x3 convolution), and where the channels change a learned 1x1 shortcut
    with its own SPADE (figure 4, left).

    Args:
        in_channels, out_channels: the narrower of the two is the width in the middle. labels, hidden: as for `SPADE`.
        layer: builds the modulation, `layer(channels, labels, hidden)`, called with (h, m).
        spectral: spectral norm on the convolutions outside the modulation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        labels: int,
        hidden: int = 128,
        layer: Callable[[int, int, int], nn.Module] = SPADE,
        spectral: bool = True,
    ):
        super().__init__()
        wrap = spectral_norm if spectral else (lambda module: module)
        middle = min(in_channels, out_channels)
        norm_0, norm_1 = layer(in_channels, labels, hidden), layer(middle, labels, hidden)
        extra = getattr(norm_0, "extra", 0)
        learned = in_channels != out_channels
        self.conv_0 = wrap(nn.Conv2d(in_channels + extra, middle, 3, 1, 1))
        self.conv_1 = wrap(nn.Conv2d(middle + extra, out_channels, 3, 1, 1))
        self.conv_s = wrap(nn.Conv2d(in_channels + extra, out_channels, 1, bias=False)) if learned else None
        self.norm_0, self.norm_1 = norm_0, norm_1
        self.norm_s = layer(in_channels, labels, hidden) if learned else None

    def forward(self, h: Tensor, m: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C', H, W)
        shortcut = h if self.conv_s is None else self.conv_s(self.norm_s(h, m))
        h = self.conv_0(nn.functional.leaky_relu(self.norm_0(h, m), 0.2))
        return shortcut + self.conv_1(nn.functional.leaky_relu(self.norm_1(h, m), 0.2))


class SPADEGenerator(nn.Module):
    """Label map -> image.

    Args:
        labels: channels of the one-hot map. width: channels before the image, doubled going down `depth` times.
        depth: number of blocks that halve their channels; the authors' network has 4.
        size: side of the images, needed unless it starts from the map, which then may have any sides.
        start: "map", the map at the coarsest resolution through a convolution; "random", a vector z drawn for each
            image; "style", z from an encoder. z_dim: length of z.
        hidden, kernel, norm: of the SPADE layers.
        variant: "normal" doubles depth + 1 times; "more" once more, between the two middle blocks; "most" yet once
            more, with a further block.
        spectral: spectral norm in the blocks. layer: a student's own, `layer(channels, labels, hidden)`.

    Raises:
        ValueError: a word that is not understood, sides that do not fit, or a z of another shape.
    """

    def __init__(
        self,
        labels: int,
        out_channels: int = 3,
        width: int = 64,
        depth: int = 4,
        size: int | None = None,
        start: str = "map",
        z_dim: int = 256,
        hidden: int = 128,
        kernel: int = 3,
        norm: str = "batch",
        variant: str = "normal",
        spectral: bool = True,
        layer: Callable[[int, int, int], nn.Module] | None = None,
    ):
        super().__init__()
        if start not in STARTS or variant not in VARIANTS:
            raise ValueError(f"start {start!r}, variant {variant!r}: choose from {STARTS} and from {VARIANTS}")
        further = VARIANTS.index(variant)
        self.labels, self.start, self.z_dim, self.size = labels, start, z_dim, size
        self.doublings = depth + 1 + further
        widths = [width << depth] * 3 + [width << i for i in reversed(range(depth))]
        if variant == "most":
            widths.append(width // 2)
        if start == "map":
            self.begin = nn.Conv2d(labels, widths[0], 3, 1, 1)
        else:
            if size is None or size % 2**self.doublings:
                raise ValueError(f"size {size}: starting from {start}, it must be a multiple of {2**self.doublings}")
            self.bottom = size >> self.doublings
            self.begin = nn.Linear(z_dim, widths[0] * self.bottom**2)
        layer = layer or partial(SPADE, kernel=kernel, norm=norm)
        pairs = zip([widths[0], *widths], widths, strict=False)
        self.blocks = nn.ModuleList(SPADEBlock(a, b, labels, hidden, layer, spectral) for a, b in pairs)
        # The image is doubled before every block but the first and, unless there is "more" of it, the third.
        self.doubled = [i > 0 and (i != 2 or further > 0) for i in range(len(widths))]
        self.image = nn.Conv2d(widths[-1], out_channels, 3, 1, 1)

    recompute = False  # see nets.recompute

    def forward(self, m: Tensor, z: Tensor | None = None) -> Tensor:
        """Paint a batch of maps.

        Args:
            m: (B, labels, H, W), one-hot. z: (B, z_dim), unless it starts from the map.

        Returns:
            (B, out_channels, H, W) in [-1, 1].
        """
        h, here = self.coarsest(m, z)
        for block, doubled in zip(self.blocks, self.doubled, strict=True):
            if doubled:
                h = nn.functional.interpolate(h, scale_factor=2.0, mode="nearest")
                here = resize(m, h)  # once for each resolution, not once for each layer
            h = held(self, block, h, here)
        return full_precision(self.image(nn.functional.leaky_relu(h, 0.2)).tanh())

    def coarsest(self, m: Tensor, z: Tensor | None) -> tuple[Tensor, Tensor]:
        """What the first block gets: (B, C, H >> doublings, W >> doublings), and the map at that resolution."""
        sides = tuple(m.shape[-2:])
        if m.shape[1] != self.labels:
            raise ValueError(f"label map of {m.shape[1]} channels: this generator knows {self.labels} classes")
        if any(side % 2**self.doublings for side in sides):
            raise ValueError(f"map of {sides[0]}x{sides[1]} pixels: the sides must be multiples of {2**self.doublings}")
        small = nn.functional.interpolate(m, scale_factor=0.5**self.doublings, mode="nearest")
        if self.start == "map":
            return self.begin(small), small
        if sides != (self.size, self.size):
            raise ValueError(
                f"map of {sides[0]}x{sides[1]} pixels: starting from {self.start}, {self.size} is the side"
            )
        if z is None or z.shape != (len(m), self.z_dim):
            seen = None if z is None else tuple(z.shape)
            raise ValueError(f"z of shape {seen}: this generator needs ({len(m)}, {self.z_dim})")
        return self.begin(z).view(len(m), -1, self.bottom, self.bottom), small


class SPADEEncoder(nn.Module):
    """Image -> mean and log-variance of its style code (figure 14 of the paper's appendix): 3x3 convolutions of stride
    2 down to 4x4 pixels, then a linear map for each.

    Args:
        in_channels, size: of the image; the size is 4 times a power of two.
        width: channels of the first layer, doubled up to 8·width. z_dim: length of the code.
        norm: "instance" (the authors') or "none": instance norm takes away the mean colours, of which little comes back
            through the border.
        spectral: spectral norm on the convolutions.

    Raises:
        ValueError: a size that is not 8, 16, 32, ...; at forward, images of another size.
    """

    def __init__(
        self,
        in_channels: int = 3,
        width: int = 64,
        size: int = 256,
        z_dim: int = 256,
        norm: str = "instance",
        spectral: bool = True,
    ):
        super().__init__()
        levels = (size // 4).bit_length() - 1
        if size < 8 or size != 4 << levels:
            raise ValueError(f"size {size}: the encoder halves down to 4 pixels, use 8, 16, 32, 64, 128, 256")
        wrap = spectral_norm if spectral else (lambda module: module)
        channels = [in_channels] + [width * min(2**i, 8) for i in range(levels)]
        self.size = size
        self.convs = nn.ModuleList(wrap(nn.Conv2d(a, b, 3, 2, 1, bias=norm == "none")) for a, b in pairwise(channels))
        self.norms = nn.ModuleList(make_norm(norm, b) for b in channels[1:])
        self.mu = nn.Linear(channels[-1] * 16, z_dim)
        self.logvar = nn.Linear(channels[-1] * 16, z_dim)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:  # (B, C, size, size) in [-1, 1] -> (B, z_dim) twice
        if image.shape[-2:] != (self.size, self.size):
            raise ValueError(f"style image of {tuple(image.shape[-2:])} pixels: this encoder needs {self.size}")
        h = image
        for conv, norm in zip(self.convs, self.norms, strict=True):
            h = nn.functional.leaky_relu(norm(conv(h)), 0.2)
        h = h.flatten(1)
        return full_precision(self.mu(h)), full_precision(self.logvar(h))


def reparameterise(mu: Tensor, logvar: Tensor) -> Tensor:
    """z = μ + σ·ε, ε ~ N(0, 1) from torch's random state: a draw with a gradient to both (Kingma & Welling 2014)."""
    return mu + (0.5 * logvar).exp() * draws.randn(mu.shape, dtype=mu.dtype, device=mu.device)
