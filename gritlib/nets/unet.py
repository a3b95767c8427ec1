"""The U-Net generator of pix2pix (Isola et al. 2017, appendix 6.1.1): an encoder-decoder whose encoder activations are
concatenated to the decoder's input at the same resolution, so that fine structure need not pass the bottleneck.

With depth 8 and width 64 it is the authors' network for 256 pixels, to the parameter (54,413,955). Modules are
registered in the authors' order: the way down, then the way up from the inside. Two differences in form, none in
value: skips carry activations before the LeakyReLU (the next operation is a ReLU, and relu(lrelu(x)) = relu(x)), and
`norm="none"` keeps the biases that the official code drops by accident.
"""

import torch
from torch import Tensor, nn

from gritlib.nets import draws
from gritlib.nets.blocks import full_precision, make_norm, needs_bias
from gritlib.nets.recompute import held


class UNet(nn.Module):
    """U-Net (or, without skips, the encoder-decoder it is compared with).

    Args:
        in_channels, out_channels: of the images. width: channels of the first layer, doubled up to 8·width.
        depth: number of halvings; 8 for 256 pixels, 7 for 128, 6 for 64. Image sides must be multiples of 2**depth.
        norm: "batch", "instance" or "none". dropout: 0.5 after the inner decoder layers (depth − 5 of them), the only
            randomness pix2pix has.
        skips: False removes the concatenations.
        block: class of one decoder step, `block(in_channels, skip_channels, out_channels, norm=, dropout=)`, called
            with (x, skip), skip being None without skips: where a student's own enters.

    Raises:
        ValueError: depth below 2; at forward, an image whose sides do not fit, naming sides that do.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        depth: int = 8,
        norm: str = "batch",
        dropout: bool = True,
        skips: bool = True,
        block: type[nn.Module] | None = None,
    ):
        super().__init__()
        if depth < 2:
            raise ValueError(f"depth {depth} is too small: a U-Net needs 2 or more halvings")
        self.depth, self.skips = depth, skips
        block = block or UpBlock
        channels = [min(2**i, 8) * width for i in range(depth)]

        self.down = nn.ModuleList()
        for i, c in enumerate(channels):
            # No norm on the first layer, nor at the bottleneck: there one pixel is left, whose norm would be zero.
            layer_norm = norm if 0 < i < depth - 1 else "none"
            conv = nn.Conv2d(channels[i - 1] if i else in_channels, c, 4, 2, 1, bias=needs_bias(norm))
            before = [nn.LeakyReLU(0.2)] if i else []
            self.down.append(nn.Sequential(*before, conv, make_norm(layer_norm, c)))

        self.up, c = nn.ModuleList(), channels[-1]
        for i in reversed(range(1, depth)):  # from the inside out
            skip, out = channels[i - 1] if skips else 0, channels[i - 1]
            middle = i < depth - 1 and out == channels[i] == 8 * width
            self.up.append(block(c, skip, out, norm=norm, dropout=dropout and middle))
            c = skip + out
        self.head = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(c, out_channels, 4, 2, 1), nn.Tanh())

    recompute = False  # see nets.recompute

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) in [-1, 1] -> (B, out_channels, H, W)
        check_sides(x, self.depth)
        encoded = []
        for down in self.down:
            x = held(self, down, x)
            encoded.append(x)
        for up, skip in zip(self.up, reversed(encoded[:-1]), strict=True):
            x = held(self, up, x, skip if self.skips else None)
        return full_precision(held(self, self.head, x))


class UpBlock(nn.Module):
    """One decoder step: ReLU, transposed convolution (doubles the sides), norm, dropout; then the encoder's activation
    of that size is put before the result: (B, in, H, W), (B, skip, 2H, 2W) -> (B, skip + out, 2H, 2W)."""

    def __init__(
        self, in_channels: int, skip_channels: int, out_channels: int, norm: str = "batch", dropout: bool = False
    ):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_channels, out_channels, 4, 2, 1, bias=needs_bias(norm))
        self.norm = make_norm(norm, out_channels)
        self.dropout = draws.Dropout(0.5 if dropout else 0.0)

    def forward(self, x: Tensor, skip: Tensor | None) -> Tensor:
        x = self.dropout(self.norm(self.conv(nn.functional.relu(x))))
        return x if skip is None else torch.cat([skip, x], 1)


def check_sides(x: Tensor, halvings: int) -> None:
    """Refuse an image whose sides cannot be halved that often.

    Raises:
        ValueError: naming the sides seen and the nearest sides that work.
    """
    step = 2**halvings
    height, width = x.shape[-2:]
    if height % step or width % step:
        below = [max(step, side // step * step) for side in (height, width)]
        above = [-(-side // step) * step for side in (height, width)]
        near = " or ".join(dict.fromkeys(f"{h}x{w}" for h, w in (below, above)))
        raise ValueError(
            f"image of {height}x{width} pixels: this network halves {halvings} times, so both sides must be multiples "
            f"of {step}, for example {near}"
        )
