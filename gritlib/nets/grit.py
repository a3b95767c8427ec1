"""The GRIT generator (Suri et al. 2024, figure 5): a U-Net whose upsampling blocks take a style code through AdaIN and
per-pixel noise, and which ends in two heads: a reconstruction and a residual. Their sum is the image (equation 1).

The paper gives the parts and leaves most sizes open; no official code is public. These are the COURSE DECISIONS
(those marked * follow the authors' earlier public work, "Learned Spatial Representations", and are inferred):

| open in the paper          | here                                                      | why |
|----------------------------|-----------------------------------------------------------|-----|
| encoder                    | 3x3 stem, then 4x4 stride-2 convolutions, instance norm   | pix2pix' encoder |
| upsampling                 | bilinear x2 *, skip concatenated, 3x3 convolution         | no checkerboard |
| order in a block           | AdaIN, LeakyReLU *, upsample, skip, convolution, noise    | a last norm erases colour |
| noise weights              | one per channel *, 0.1 at first (LSR: 0)                  | used from the start |
| AdaIN                      | 1 + γ *, one linear map of the code                       | identity at zero |
| where the heads split      | after the last block, two 3x3 convolutions each           | one leaves grain |
| range of the heads         | both linear, the sum is clamped for display only          | a clamp would cut gradients |
| fusing CNN (tried there)   | two 3x3 convolutions of both images, `compose="fuse"`     | the smallest that can mix |
| style code                 | `style_dim` numbers, deterministic or a VAE's             | the simplest that works |
| noise distribution         | N(0, 1), one map per block and image                      | StyleGAN |
"""

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gritlib.nets import draws
from gritlib.nets.blocks import AdaIN, SpatialNoise, full_precision, instance_norm
from gritlib.nets.recompute import held
from gritlib.nets.unet import check_sides

Noise = str | int | Sequence[Tensor]


class Output(NamedTuple):
    """What a translation returns: the image and, from GRIT, its two parts; (B, C, H, W), nominally in [-1, 1]."""

    image: Tensor
    reconstruction: Tensor | None = None
    residual: Tensor | None = None


def two_heads(h: Tensor, reconstruction: nn.Module, residual: nn.Module) -> Output:
    """Equation 1: Î_rec and Î_res from the same features, and their sum; nothing is clamped or detached.

    Args:
        h: the last features (B, C, H, W). reconstruction, residual: the heads, features -> (B, out_channels, H, W).
    """
    rec, res = full_precision(reconstruction(h)), full_precision(residual(h))
    return Output(rec + res, rec, res)


class GRITGenerator(nn.Module):
    """U-Net with style, spatial noise and two heads.

    Args:
        in_channels, out_channels: of the images. width: channels of the stem, doubled up to 8·width.
        depth: number of halvings; image sides must be multiples of 2**depth.
        style_dim: length of the style code, 0 for a network without style.
        noise: False leaves the noise out. residual: False leaves one head, whose output is both reconstruction and
            image (the coupled baselines of the paper's table 4).
        noise_init: first value of every noise weight. compose: "add" sums the heads; "fuse" lets a small CNN make the
            image of both, the paper's other attempt.
        norm_layer: class of the style layer, `norm_layer(channels, style_dim)`, called with (h, style).
        noise_layer: class of the noise layer, `noise_layer(channels, noise_init)`, called with (h, noise map).
        heads: makes the output of the last features and the two heads, as `two_heads` does.

    Raises:
        ValueError: another composition, or a fused one without residual; at forward, sides that do not fit, a missing
            style code, or noise that is not understood.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        width: int = 64,
        depth: int = 6,
        style_dim: int = 8,
        noise: bool = True,
        residual: bool = True,
        noise_init: float = 0.1,
        norm_layer: type[nn.Module] = AdaIN,
        noise_layer: type[nn.Module] = SpatialNoise,
        compose: str = "add",
        heads: Callable[[Tensor, nn.Module, nn.Module], Output] = two_heads,
    ):
        super().__init__()
        if compose not in ("add", "fuse"):
            raise ValueError(f'compose {compose!r} is unknown: choose "add" or "fuse"')
        if compose == "fuse" and not residual:
            raise ValueError('compose "fuse" needs two images to fuse: leave residual at True')
        self.depth, self.style_dim, self.noise = depth, style_dim, noise
        channels = [min(2**i, 8) * width for i in range(depth + 1)]
        self.stem = nn.Conv2d(in_channels, channels[0], 3, 1, 1)
        self.down = nn.ModuleList(DownBlock(channels[i], channels[i + 1]) for i in range(depth))
        self.up = nn.ModuleList(
            UpBlock(
                channels[i + 1] + channels[i],
                channels[i],
                norm_layer(channels[i + 1], style_dim),
                noise_layer(channels[i], noise_init) if noise else None,
            )
            for i in reversed(range(depth))
        )
        self.reconstruction = Head(channels[0], out_channels)
        self.residual = Head(channels[0], out_channels) if residual else None
        self.heads = heads
        self.fuse = Fuse(out_channels, channels[0]) if compose == "fuse" else None

    recompute = False  # see nets.recompute

    def forward(
        self,
        x: Tensor,
        style: Tensor | None = None,
        noise: Noise = "fresh",
        strength: float | Sequence[float] | None = None,
    ) -> Output:
        """Translate a batch.

        Args:
            x: (B, in_channels, H, W). style: (B, style_dim). noise: see `noise_maps`. strength: what the noise is
                multiplied by, one number or one for each block, coarsest first; None is 1, as trained.
        """
        check_sides(x, self.depth)
        if self.style_dim and (style is None or style.shape != (len(x), self.style_dim)):
            seen = None if style is None else tuple(style.shape)
            raise ValueError(f"style code of shape {seen}: this generator needs ({len(x)}, {self.style_dim})")
        maps = self.scaled(self.noise_maps(x, noise), strength)

        h = self.stem(x)
        skips = []
        for down in self.down:
            skips.append(h)
            h = held(self, down, h)
        for up, skip, n in zip(self.up, reversed(skips), maps, strict=True):
            h = held(self, up, h, skip, style, n)

        if self.residual is None:
            reconstruction = full_precision(held(self, self.reconstruction, h))
            return Output(reconstruction, reconstruction)
        out = held(self, self.heads, h, self.reconstruction, self.residual)  # equation 1: Î = Î_rec + Î_res
        if self.fuse is None:
            return out
        return out._replace(image=self.fuse(out.reconstruction, out.residual))

    def noise_maps(self, x: Tensor, noise: Noise = "fresh") -> list[Tensor | None]:
        """One (B, 1, H_l, W_l) map per upsampling block, from the coarsest to the finest.

        Args:
            noise: "fresh" draws new maps from torch's random state; an int draws from that seed, the same maps at every
                call; "zero" gives zeros; a sequence of tensors is taken as it is.

        Raises:
            ValueError: another word, or given maps of the wrong number or shape.
        """
        if isinstance(noise, str) and noise not in ("fresh", "zero"):
            raise ValueError(f'noise {noise!r} is not understood: use "fresh", "zero", a seed, or the maps themselves')
        if not self.noise:
            return [None] * self.depth
        shapes = [(len(x), 1, x.shape[2] >> i, x.shape[3] >> i) for i in reversed(range(self.depth))]
        if isinstance(noise, str):
            draw = torch.zeros if noise == "zero" else draws.randn
            return [draw(s, device=x.device) for s in shapes]
        if isinstance(noise, Integral):
            # Drawn on the CPU, so that a seed means the same picture on every device.
            generator = torch.Generator().manual_seed(int(noise))
            return [torch.randn(s, generator=generator).to(x.device) for s in shapes]
        if [tuple(n.shape) for n in noise] != shapes:
            raise ValueError(f"noise maps of shapes {[tuple(n.shape) for n in noise]}: this input needs {shapes}")
        return list(noise)

    def scaled(self, maps: list[Tensor | None], strength: float | Sequence[float] | None) -> list[Tensor | None]:
        """Noise maps times the strength of their blocks.

        Raises:
            ValueError: another number of strengths than blocks.
        """
        if strength is None or not self.noise:
            return maps
        each = [strength] * self.depth if isinstance(strength, Real) else list(strength)
        if len(each) != self.depth:
            raise ValueError(f"{len(each)} noise strengths: this generator has {self.depth} blocks, coarsest first")
        return [n * s for n, s in zip(maps, each, strict=True)]

    def noise_strength(self) -> list[float]:
        """Mean |weight| of each block's noise, coarsest first. A small weight can matter and a large one may not: AdaIN
        rescales what follows. The spread of the output over draws is the evidence, this is a reading."""
        return [up.noise.weight.detach().abs().mean().item() for up in self.up] if self.noise else []


class DownBlock(nn.Module):
    """LeakyReLU, 4x4 stride-2 convolution, instance norm."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 4, 2, 1)

    def forward(self, h: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C', H/2, W/2)
        return instance_norm(self.conv(nn.functional.leaky_relu(h, 0.2)))


class UpBlock(nn.Module):
    """AdaIN, LeakyReLU, bilinear x2, concatenate the skip, convolution, noise (figure 5, right).

    The norm stands before the convolution: instance norm as the last word would erase the image's mean colour, which
    the stem's skip carries.
    """

    def __init__(self, in_channels: int, out_channels: int, norm: nn.Module, noise: nn.Module | None = None):
        super().__init__()
        self.norm = norm
        self.conv = nn.Conv2d(in_channels, out_channels, 3, 1, 1)
        self.noise = noise

    def forward(self, h: Tensor, skip: Tensor, style: Tensor | None, noise: Tensor | None) -> Tensor:
        h = nn.functional.leaky_relu(self.norm(h, style), 0.2)
        h = nn.functional.interpolate(h, scale_factor=2, mode="bilinear", align_corners=False)
        h = self.conv(torch.cat([h, skip], 1))  # (B, C', 2H, 2W)
        return h if self.noise is None else self.noise(h, noise)


class Head(nn.Sequential):
    """Features -> image: two 3x3 convolutions, the last one linear."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.LeakyReLU(0.2),
            nn.Conv2d(in_channels, in_channels, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(in_channels, out_channels, 3, 1, 1),
        )


class Fuse(nn.Module):
    """C of equation 1 as a small CNN: reconstruction and residual -> image."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(2 * channels, width, 3, 1, 1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, channels, 3, 1, 1),
        )

    def forward(self, reconstruction: Tensor, residual: Tensor) -> Tensor:  # (B, C, H, W) twice -> (B, C, H, W)
        return full_precision(self.layers(torch.cat([reconstruction, residual], 1)))
