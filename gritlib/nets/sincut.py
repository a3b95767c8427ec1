"""SinCUT's networks (Park et al. 2020): a generator of StyleGAN2's residual blocks without style, and
StyleGAN2's discriminator for tiles (Karras et al. 2020).

Weights begin as N(0, 1) and are scaled in the forward pass (equalised learning rate): a step of Adam then moves a
weight by the same share of its size in every layer. The upsampling block of the public code still scales its weights to
unit length and adds noise; here nothing is normalised and one picture has one translation (course decision).
"""

import itertools
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.nets.blocks import full_precision
from gritlib.nets.recompute import held
from gritlib.nets.resnet import pad_to

GAIN = 2**0.5
WIDEST = 12  # the discriminator's channels, in widths: the public code's 384 at a width of 32


class EqualConv2d(nn.Conv2d):
    """Convolution with weights N(0, 1) times 1/√fan_in; input of variance 1 leaves it with variance 1."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ):
        super().__init__(in_channels, out_channels, kernel, stride, padding, bias=bias)
        equalise(self)

    def forward(self, x: Tensor) -> Tensor:
        return self._conv_forward(x, self.weight * self.scale, self.bias)


class EqualLinear(nn.Linear):
    """Linear layer with weights N(0, 1) times 1/√in_features."""

    def __init__(self, in_features: int, out_features: int):
        super().__init__(in_features, out_features)
        equalise(self)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.scale, self.bias)


def equalise(layer: nn.Module) -> None:
    """Weights N(0, 1), bias 0, and the `scale` with which the layer multiplies its weights."""
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    layer.scale = layer.weight[0].numel() ** -0.5


def activate(h: Tensor) -> Tensor:
    """Leaky ReLU of slope 0.2 times √2, which keeps the mean square of what is normally distributed."""
    return F.leaky_relu(h, 0.2) * GAIN


def blur(h: Tensor, stride: int) -> Tensor:
    """[1, 3, 3, 1]/8 along each axis, zeros outside; `blocks.Blur` has three taps and keeps the corner, this one keeps
    the middle of the image where it was.

    Returns:
        stride 2: sides halved. stride 1: sides one larger, as a 3x3 convolution of stride 2 without padding needs them
        to halve.
    """
    row = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=h.dtype).to(h.device, non_blocking=True) / 8
    kernel = torch.outer(row, row).expand(h.shape[1], 1, 4, 4)
    return F.conv2d(h, kernel, stride=stride, padding=3 - stride, groups=h.shape[1])


class EqualBlock(nn.Module):
    """(f(x) + x)/√2, f = two 3x3 convolutions with activation; or StyleGAN2's discriminator block, of which the second
    convolution and the skip, then a 1x1 convolution, blur and halve.

    Args:
        in_channels, out_channels: the same unless it halves. halve: does it?
    """

    def __init__(self, in_channels: int, out_channels: int, halve: bool = False):
        super().__init__()
        self.halve = halve
        self.conv1 = EqualConv2d(in_channels, in_channels, 3, padding=1)
        self.conv2 = EqualConv2d(in_channels, out_channels, 3, 1 + halve, padding=1 - halve)
        self.skip = EqualConv2d(in_channels, out_channels, 1, bias=False) if halve else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = activate(self.conv1(x))
        h = activate(self.conv2(blur(h, 1) if self.halve else h))
        return (h + self.skip(blur(x, 2) if self.halve else x)) / GAIN


class SinCUTGenerator(nn.Module):
    """Image -> image of the same size, fully convolutional: a 1x1 convolution, one halving block, residual blocks, one
    doubling (blurred, then a 3x3 convolution), a 1x1 convolution to RGB. Odd sides are padded by reflection, and the
    output is cropped.

    Layers have names, as those of `ResNetGenerator`: "rgb" the input's pixels, "down1" the halving block's output,
    "res1", "res2", … those of the residual blocks.

    Args:
        in_channels, out_channels: of the images. width: channels at full size, twice as many at half size (80 in the
            public code). blocks: residual blocks, 6 in the paper.

    Raises:
        ValueError: no block; at forward, an image smaller than 8 pixels, or a layer name that is not known.
    """

    def __init__(self, in_channels: int = 3, out_channels: int = 3, width: int = 80, blocks: int = 6):
        super().__init__()
        if blocks < 1:
            raise ValueError(f"{blocks} residual blocks: this generator needs 1 or more")
        self.stem = EqualConv2d(in_channels, width, 1)
        self.down = EqualBlock(width, 2 * width, halve=True)
        self.res = nn.ModuleList(EqualBlock(2 * width, 2 * width) for _ in range(blocks))
        self.up = EqualConv2d(2 * width, width, 3, padding=1)
        self.head = EqualConv2d(width, out_channels, 1)
        self.layers = ("rgb", "down1", *(f"res{i + 1}" for i in range(blocks)))

    recompute = False  # see nets.recompute

    def forward(self, x: Tensor, taps: Iterable[str] | None = None):
        """Image, or with `taps` (image, {name: features}), at the cost of the image alone.

        Args:
            x: (B, in_channels, H, W). taps: names out of `layers`.

        Returns:
            (B, out_channels, H, W) float32, meant for [-1, 1] but not bounded. Features are (B, C, H', W') at the
            padded size.
        """
        taps = tuple(taps or ())
        h, features = self._down(pad_to(x, 2), taps)
        image = full_precision(held(self, self._out, h))[..., : x.shape[-2], : x.shape[-1]]
        return (image, features) if taps else image

    def _out(self, h: Tensor) -> Tensor:
        # Doubling with [1, 3, 3, 1] is bilinear interpolation; blur and convolution may change places.
        h = F.interpolate(h, scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.head(activate(self.up(h)))

    def encode(self, x: Tensor, taps: Iterable[str]) -> dict[str, Tensor]:
        """Features alone; computes no further than the last one asked for."""
        return self._down(pad_to(x, 2), tuple(taps), stop=True)[1]

    def _down(self, x: Tensor, taps: tuple[str, ...], stop: bool = False) -> tuple[Tensor, dict[str, Tensor]]:
        unknown = [name for name in taps if name not in self.layers]
        if unknown:
            raise ValueError(f"layer {unknown[0]!r} is unknown: this network has {', '.join(self.layers)}")
        found = {"rgb": x} if "rgb" in taps else {}
        h, blocks = x, (lambda x: self.down(activate(self.stem(x))), *self.res)
        for name, block in zip(self.layers[1:], blocks, strict=True):
            if stop and len(found) == len(set(taps)):
                break
            h = held(self, block, h)
            if name in taps:
                found[name] = h
        return h, found


class TileDiscriminator(nn.Module):
    """StyleGAN2's discriminator: residual blocks that halve a tile down to 4x4, the batch's standard deviation as one
    more channel, a 3x3 convolution, two linear layers, one logit a tile.

    The deviation is taken over all tiles of the call, StyleGAN2 takes it over groups of 4 (course decision: any number
    of tiles will do). The public code of SinCUT has it switched off.

    Args:
        in_channels: of the images. width: channels at full size, doubled with every halving up to 12·width. size: side
            of the tiles, a power of 2 from 8 on.

    Raises:
        ValueError: another size; at forward, tiles of another size.
    """

    def __init__(self, in_channels: int = 3, width: int = 32, size: int = 64):
        super().__init__()
        if size < 8 or size & (size - 1):
            raise ValueError(f"tiles of {size} pixels: this discriminator halves down to 4, use 8, 16, 32, 64, …")
        self.size = size
        channels = [width * min(2**i, WIDEST) for i in range(size.bit_length() - 2)]
        self.stem = EqualConv2d(in_channels, width, 1)
        self.blocks = nn.Sequential(*(EqualBlock(a, b, halve=True) for a, b in itertools.pairwise(channels)))
        self.last = EqualConv2d(channels[-1] + 1, channels[-1], 3, padding=1)
        self.hidden = EqualLinear(16 * channels[-1], channels[-1])
        self.out = EqualLinear(channels[-1], 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, size, size) -> logits (B, 1)
        if x.shape[-2:] != (self.size, self.size):
            height, width = x.shape[-2:]
            raise ValueError(f"tiles of {height}x{width} pixels: this discriminator judges {self.size}x{self.size}")
        h = self.blocks(activate(self.stem(x)))
        spread = (full_precision(h).var(0, unbiased=False) + 1e-8).sqrt().mean()
        h = torch.cat([h, spread.to(h.dtype).expand(len(h), 1, 4, 4)], 1)
        h = activate(self.last(h)).flatten(1)
        return full_precision(self.out(activate(self.hidden(h))))


def tiles(x: Tensor, size: int) -> Tensor:
    """Cut images into tiles, row by row: (B, C, H, W) -> (B·k, C, size, size), k = H·W/size².

    Raises:
        ValueError: sides that the size does not divide.
    """
    if x.shape[-2] % size or x.shape[-1] % size:
        raise ValueError(f"crops of {x.shape[-2]}x{x.shape[-1]} pixels do not divide into tiles of {size}")
    return x.unfold(2, size, size).unfold(3, size, size).permute(0, 2, 3, 1, 4, 5).flatten(0, 2)
