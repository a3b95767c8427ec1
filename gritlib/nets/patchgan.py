"""The PatchGAN discriminator (Isola et al. 2017, appendix 6.1.2): a small convolutional network of which each output
judges one patch of the image; the image's score is their mean. Patches further apart than the receptive field are
treated as independent, as in a Markov random field.

`n_layers` 0, 1, 3 and 5 give the paper's 1x1, 16x16, 70x70 and 286x286 patches, `small_patch` a 4x4 one. The last layer
returns logits. `MultiscalePatchGAN` is pix2pixHD's and SPADE's: the same network at several resolutions.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gritlib.nets.blocks import Blur, full_precision, make_norm, needs_bias


class PatchGAN(nn.Module):
    """Patch discriminator.

    Args:
        in_channels: of the judged image plus, for a conditional discriminator, of the condition.
        width: channels of the first layer, doubled up to 8·width. n_layers: number of stride-2 convolutions; 0 builds
            the pixel discriminator of three 1x1 convolutions.
        norm: "batch", "instance" or "none", on the inner layers.
        spectral: spectral normalisation of every convolution (Miyato et al. 2018; not in pix2pix), or "inner": of all
            but the first and the last, as in SPADE's code, where a convolution with a norm behind it has no bias.
        antialias: halve by a blur after a convolution of stride 1, as CUT's code does; the patches grow a little.
        padding: of all convolutions; None is 1 (0 in the pixel discriminator), SPADE and pix2pixHD have 2.

    Raises:
        ValueError: a negative n_layers; at forward, an image too small for the network, naming the smallest that works.
    """

    def __init__(
        self,
        in_channels: int = 6,
        width: int = 64,
        n_layers: int = 3,
        norm: str = "batch",
        spectral: bool | str = False,
        antialias: bool = False,
        padding: int | None = None,
    ):
        super().__init__()
        if n_layers < 0:
            raise ValueError(f"n_layers is {n_layers}: 0 builds the pixel discriminator, 3 the 70x70 one")
        if spectral not in (False, True, "inner"):
            raise ValueError(f'spectral is {spectral!r}: choose False, True or "inner"')
        normed, plain = nn.utils.parametrizations.spectral_norm, lambda module: module
        inner, outer = normed if spectral else plain, normed if spectral is True else plain
        k = 4 if n_layers else 1
        p = k // 3 if padding is None else padding
        strides = [2] * n_layers + [1] if n_layers else [1, 1]
        layers, seen, c = [], [], in_channels
        for i, stride in enumerate(strides):
            blurred = antialias and stride == 2
            out = width * min(2**i, 8)
            layer_norm = norm if i else "none"
            # The first convolution keeps its bias under any norm, in the authors' code and here.
            bias = i == 0 or norm == "none" or (needs_bias(norm) and spectral != "inner")
            conv = (inner if i else outer)(nn.Conv2d(c, out, k, 1 if blurred else stride, p, bias=bias))
            blur = [Blur()] if blurred else []
            layers.append(nn.Sequential(conv, make_norm(layer_norm, out), nn.LeakyReLU(0.2), *blur))
            seen += [(k, 1, p), (3, 2, 1)] if blurred else [(k, stride, p)]
            c = out
        # The authors' pixel discriminator drops its last bias under batch norm, although no norm follows it.
        last = nn.Conv2d(c, 1, k, 1, p, bias=n_layers > 0 or needs_bias(norm))
        self.layers = nn.Sequential(*layers, outer(last))
        seen.append((k, 1, p))
        self.receptive_field = receptive_field([(kernel, stride) for kernel, stride, _ in seen])
        self.smallest = smallest_side(seen)

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> logits (B, 1, H', W')
        return self.judge(x)[0]

    def judge(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Logits, and the activations of all layers before them, for feature matching."""
        if min(x.shape[-2:]) < self.smallest:
            raise ValueError(
                f"image of {x.shape[-2]}x{x.shape[-1]} pixels is too small for this discriminator: it needs sides of "
                f"{self.smallest} or more, or fewer layers"
            )
        activations = []
        for layer in self.layers[:-1]:
            x = layer(x)
            activations.append(x)
        return full_precision(self.layers[-1](x)), activations


class MultiscalePatchGAN(nn.Module):
    """The same discriminator, with weights of its own, on the image and on the image halved once, twice, ... (Wang et
    al. 2018): the coarse ones see more of it. Halved by averaging 3x3 pixels, without those beyond the border.

    Args:
        scales: number of resolutions. The others as for `PatchGAN`; the defaults are SPADE's.

    Raises:
        ValueError: no scale; at forward, an image too small for the coarsest one.
    """

    def __init__(
        self,
        in_channels: int,
        width: int = 64,
        n_layers: int = 3,
        scales: int = 2,
        norm: str = "instance",
        spectral: bool | str = "inner",
        padding: int | None = 2,
    ):
        super().__init__()
        if scales < 1:
            raise ValueError(f"scales is {scales}: a discriminator needs one at least")
        self.scales = nn.ModuleList(
            PatchGAN(in_channels, width, n_layers, norm, spectral, padding=padding) for _ in range(scales)
        )
        self.smallest = (self.scales[0].smallest - 1) * 2 ** (scales - 1) + 1  # halving rounds up

    def forward(self, x: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        """(B, in_channels, H, W) -> (logits, activations) for each scale, the finest first."""
        if min(x.shape[-2:]) < self.smallest:
            raise ValueError(
                f"image of {x.shape[-2]}x{x.shape[-1]} pixels is too small for {len(self.scales)} scales: they need "
                f"sides of {self.smallest} or more, or fewer layers"
            )
        judged = []
        for net in self.scales:
            if judged:
                x = nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
            judged.append(net.judge(x))
        return judged


def small_patch(in_channels: int = 6, width: int = 64, norm: str = "batch") -> PatchGAN:
    """The pixel discriminator with a first convolution of 4x4: patches of 4x4 pixels, one at every pixel.

    At 64 pixels 1, 4, 16 and 70 are the same fractions of the image as the paper's 1, 16, 70 and 286 at 256, and no
    number of stride-2 layers gives 4. Arguments as for `PatchGAN`. Source: course decision.
    """
    net = PatchGAN(in_channels, width, 0, norm)
    net.layers[0][0] = nn.Conv2d(in_channels, width, 4, 1, 1)
    net.receptive_field, net.smallest = 4, 2
    return net


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """Side, in input pixels, of the patch one output of a stack of convolutions sees.

    r grows by (kernel − 1)·jump at each layer, the jump multiplies by the stride.

    Args:
        layers: (kernel, stride) from the input on. `[(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)]` gives 70.
    """
    r, jump = 1, 1
    for kernel, stride in layers:
        r += (kernel - 1) * jump
        jump *= stride
    return r


def smallest_side(layers: Iterable[tuple[int, int, int]]) -> int:
    """Smallest image side for which a stack of (kernel, stride, padding) convolutions has an output."""
    side = 1
    for kernel, stride, padding in reversed(list(layers)):
        side = max(1, (side - 1) * stride + kernel - 2 * padding)
    return side


def condition(image: Tensor, given: Tensor | None) -> Tensor:
    """What a conditional discriminator sees: the condition and the image, concatenated along the channels."""
    return image if given is None else torch.cat([given, image], 1)
