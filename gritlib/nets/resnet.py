"""The ResNet generator of CycleGAN (Zhu et al. 2017, after Johnson et al. 2016), and CUT's antialiased one.

A 7x7 convolution, two halvings, residual blocks at a quarter of the side, two doublings, a 7x7 convolution: nothing but
the residual path carries the layout, there are no skips. CUT's code halves and doubles with a blur (Zhang 2019), which
its paper does not mention; the patch sizes printed there (1, 9, 15, 35, 99) come out with it alone.

Layers have names, so that a loss can ask for them: "rgb" the input's pixels, "down1" and "down2" the outputs of the two
halving convolutions (before their norm), "res1", "res2", … those of the residual blocks. "rgb" is the image itself; the
authors' code takes the image after its reflection padding, which holds border pixels twice.
"""

from collections.abc import Callable, Iterable

from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.nets import draws
from gritlib.nets.blocks import Blur, full_precision, make_norm, needs_bias
from gritlib.nets.recompute import held


class ResidualBlock(nn.Module):
    """x + f(x), f = reflect, 3x3, norm, ReLU, reflect, 3x3, norm; no activation after the sum.

    Args:
        channels: of input and output. norm: see `make_norm`. dropout: one of 0.5 after the ReLU.
    """

    def __init__(self, channels: int, norm: str = "instance", dropout: bool = False):
        super().__init__()
        bias = needs_bias(norm)
        self.f = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            make_norm(norm, channels),
            nn.ReLU(),
            *([draws.Dropout(0.5)] if dropout else []),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3, bias=bias),
            make_norm(norm, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.f(x)


class ResNetGenerator(nn.Module):
    """Image -> image in [-1, 1] of the same size; sides that 4 does not divide are padded by reflection and cropped.

    Args:
        in_channels, out_channels: of the images. width: channels of the first layer, doubled twice.
        blocks: residual blocks; the paper has 6 at 128 pixels and 9 from 256 on, the course 4 at 64.
        norm: "batch", "instance" or "none". antialias: blur before halving and after doubling, as CUT's code does.
        dropout: in the residual blocks. block: builds a residual block from its channels: where a student's goes in.

    Raises:
        ValueError: no block; at forward, an image smaller than 8 pixels, or a layer name that is not known.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        blocks: int = 9,
        norm: str = "instance",
        antialias: bool = False,
        dropout: bool = False,
        block: Callable[[int], nn.Module] | None = None,
    ):
        super().__init__()
        if blocks < 1:
            raise ValueError(f"{blocks} residual blocks: a ResNet generator needs 1 or more")
        bias = needs_bias(norm)

        def activated(*convolution: nn.Module, channels: int) -> nn.Sequential:
            return nn.Sequential(*convolution, make_norm(norm, channels), nn.ReLU())

        self.stem = activated(nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7, bias=bias), channels=width)
        self.down = nn.ModuleList()
        for c in (width, 2 * width):
            stride = 1 if antialias else 2
            self.down.append(activated(nn.Conv2d(c, 2 * c, 3, stride, 1, bias=bias), channels=2 * c))
        build = block or (lambda channels: ResidualBlock(channels, norm, dropout))
        self.res = nn.ModuleList(build(4 * width) for _ in range(blocks))
        self.up = nn.ModuleList()
        for c in (4 * width, 2 * width):
            doubling = nn.Conv2d(c, c // 2, 3, 1, 1, bias=bias)
            if not antialias:
                doubling = nn.ConvTranspose2d(c, c // 2, 3, 2, 1, output_padding=1, bias=bias)
            self.up.append(activated(doubling, channels=c // 2))
        self.head = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh())
        self.blur = Blur() if antialias else None
        self.layers = ("rgb", "down1", "down2", *(f"res{i + 1}" for i in range(blocks)))

    recompute = False  # see nets.recompute

    def forward(self, x: Tensor, taps: Iterable[str] | None = None):
        """Image, or with `taps` (image, {name: features}), at the cost of the image alone.

        Args:
            x: (B, in_channels, H, W). taps: names out of `layers`.

        Returns:
            (B, out_channels, H, W) float32. Features are (B, C, H', W') at the padded size.
        """
        padded, taps = pad_to(x, 4), tuple(taps or ())
        h, features = self._down(padded, taps)
        for up in self.up:
            h = held(self, self._double, up, h)
        image = full_precision(held(self, self.head, h))[..., : x.shape[-2], : x.shape[-1]]
        return (image, features) if taps else image

    def _double(self, up: nn.Module, h: Tensor) -> Tensor:
        if self.blur is not None:  # doubling with [1, 3, 3, 1] is bilinear interpolation
            h = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)
        return up(h)

    def encode(self, x: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """Features alone; computes no further than the last one asked for."""
        taps = tuple(taps)
        return self._down(pad_to(x, 4), taps, stop=True)[1]

    def encoder_only(self) -> "ResNetGenerator":
        """This network without its second half: `encode` is all that is left. Returns itself."""
        self.up, self.head = nn.ModuleList(), nn.Identity()
        return self

    def _activate(self, norm: nn.Module, activation: nn.Module, h: Tensor) -> Tensor:
        h = activation(norm(h))
        return h if self.blur is None else self.blur(h)

    def _down(self, x: Tensor, taps: tuple[str, ...], stop: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        unknown = [name for name in taps if name not in self.layers]
        if unknown:
            raise ValueError(f"layer {unknown[0]!r} is unknown: this network has {', '.join(self.layers)}")
        found: dict[str, Tensor] = {}

        def seen(name: str, h: Tensor) -> bool:
            """Keep what was asked for; is everything there, and nothing else wanted?"""
            if name in taps:
                found[name] = h
            return stop and found.keys() >= set(taps)

        if seen("rgb", x):
            return x, found
        h = held(self, self.stem, x)
        for i, (convolution, norm, activation) in enumerate(self.down, 1):
            h = convolution(h)
            if seen(f"down{i}", h):
                return h, found
            h = held(self, self._activate, norm, activation, h)
        for i, block in enumerate(self.res, 1):
            h = held(self, block, h)
            if seen(f"res{i}", h):
                return h, found
        return h, found


def pad_to(x: Tensor, multiple: int) -> Tensor:
    """Reflect at the right and lower border up to sides that `multiple` divides.

    Raises:
        ValueError: a side of less than 8 pixels, which reflection cannot fill.
    """
    height, width = x.shape[-2:]
    if min(height, width) < 8:
        raise ValueError(
            f"image of {height}x{width} pixels is too small for this generator: it needs sides of 8 or more"
        )
    missing = (-width % multiple, -height % multiple)
    return F.pad(x, (0, missing[0], 0, missing[1]), mode="reflect") if any(missing) else x


def encoder_fields(antialias: bool = True, blocks: int = 9) -> dict[str, int]:
    """Receptive field, in input pixels, of each named layer: with the blur 1, 9, 15, 35 (res1), 99 (res5); without it
    1, 9, 13, 29, 93."""
    r, jump, fields = 1 + 6, 1, {"rgb": 1}
    for i in (1, 2):
        r += 2 * jump  # the 3x3 convolution
        fields[f"down{i}"] = r
        if antialias:
            r += 2 * jump  # the blur's three taps
        jump *= 2
    for i in range(1, blocks + 1):
        r += 2 * 2 * jump
        fields[f"res{i}"] = r
    return fields
