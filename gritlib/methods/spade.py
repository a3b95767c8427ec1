"""SPADE (Park et al. 2019): label map -> image, with pix2pixHD's objective and the hinge loss.

    min_{G,E}  L_adv + λ_FM·L_FM + λ_VGG·L_VGG + λ_KL·D_KL(q(z|B) ‖ N(0, 1))        D: hinge, at several scales

| loss                                   | G   | E   | D   |
|----------------------------------------|-----|-----|-----|
| D's own: hinge, real and fake          | –   | –   | yes |
| L_adv: −D(A, G(A, z))                  | yes | yes | –   |
| L_FM: activations of D, fake and real  | yes | yes | –   |
| L_VGG: activations of a frozen network | yes | yes | –   |
| KL: the code of an image and N(0, 1)   | –   | yes | –   |

Each term can be left out. G (and E) move first, as in the authors' code. D sees the map beside the image; its rates are
four times G's (two time scales, TTUR). Where the code differs from the paper: β₂ is 0.9, the paper prints 0.999; the KL
term is summed over the batch, here it is the mean (`kl_sum`); the images enter VGG as they are, here they are prepared
as VGG was trained; a new fake is made for D's turn, here D judges the one that G's turn made, and D sees the real
images once for both turns.

`start="style"` is a variational autoencoder: at test time z is the code of any image, or a new one.
Defaults are the course's size, 64 pixels; `paper` is the published network. λ_KL is 0.05 there and a hundredth of it
here: after 700 steps on Grove (seed 0, one run each) codes weighed by 0.05 and 0.005 carried 0.4 and 5 nats and the
generator did not use them, at 0.0005 it did.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Annotated, Literal

import torch
from torch import Tensor, nn
from tyro.conf import Suppress

from gritlib import losses
from gritlib.methods.base import MethodConfig, evaluating, only_deterministic
from gritlib.methods.multiscale import Judged, Multiscale
from gritlib.nets import Concat, MultiscalePatchGAN, Output, SPADEEncoder, SPADEGenerator, draws
from gritlib.nets.blocks import reestimate_batchnorm
from gritlib.nets.grit import Noise
from gritlib.nets.init import init_xavier, settle
from gritlib.nets.spade import reparameterise


@dataclass
class SpadeConfig(MethodConfig):
    """SPADE's settings; the defaults train at 64 pixels on two CPU cores."""

    size: Annotated[int | None, Suppress] = None
    width: int = 16
    """channels of the generator before the image"""
    depth: int = 2
    """blocks that halve the generator's channels; it doubles the image depth + 1 times"""
    start: Literal["map", "random", "style"] = "style"
    """where the generator begins: the label map, a random vector, or the style code of an image"""
    z_dim: int = 16
    """length of the random vector or style code"""
    layer: Literal["spade", "concat"] = "spade"
    """how the map enters each block: SPADE, or as further channels"""
    hidden: int = 32
    """channels inside a SPADE layer"""
    kernel: int = 3
    """side of the convolutions inside a SPADE layer: 1, 3 or 5"""
    norm: Literal["batch", "sync", "instance"] = "batch"
    """the normalisation inside a SPADE layer"""
    variant: Literal["normal", "more", "most"] = "normal"
    """more doublings: one in the middle, and one with a further block"""
    spectral: bool = True
    """spectral normalisation in generator and encoder"""
    e_width: int = 16
    """channels of the style encoder's first layer"""
    e_norm: Literal["instance", "none"] = "none"
    """normalisation in the style encoder"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """stride-2 layers of the discriminator"""
    d_scales: int = 2
    """resolutions at which it judges"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    d_spectral: bool = True
    """spectral normalisation of the discriminator's inner layers"""
    gan: Literal["bce", "lsgan", "hinge"] = "hinge"
    """adversarial loss"""
    gan_weight: float = 1.0
    """weight of the adversarial term; 0 leaves the discriminator out"""
    matching_weight: float = 10.0
    """λ_FM, feature matching; 0 leaves it out"""
    perceptual_weight: float = 10.0
    """λ_VGG, perceptual loss; 0 leaves it out"""
    perceptual: Literal["auto", "vgg16", "vgg19"] = "auto"
    """the feature network of the perceptual loss: vgg16 is embedded, vgg19 the papers', auto takes that if it may"""
    kl_weight: float = 5e-4
    """λ_KL, with start=style"""
    kl_sum: bool = False
    """sum the KL term over the batch, as the authors' code does, instead of its mean"""
    lr: float = 1e-3
    """Adam's learning rate of generator and encoder"""
    d_lr: float = 4e-3
    """Adam's learning rate of the discriminator"""
    beta1: float = 0.0
    """Adam's β₁, both players"""
    beta2: float = 0.999
    """Adam's β₂, both players"""

    def fit_to(self, source) -> "SpadeConfig":
        return replace(super().fit_to(source), size=source.size)


class Spade(Multiscale):
    """SPADE and its baselines. A student's own pieces enter as arguments.

    Args:
        config: settings, with channels and size filled in. generator: module (A, z) -> image. encoder: module
            B -> (μ, log σ²). discriminator: module cat(A, B) -> [(logits, activations), ...].
        layer: class of the modulation, `layer(channels, labels, hidden)`, handed to `SPADEGenerator`.
        d_loss, g_loss: replace the methods of the same names, with the same arguments.
    """

    name = "spade"
    Config = SpadeConfig

    def __init__(
        self,
        config: SpadeConfig,
        generator: nn.Module | None = None,
        encoder: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        layer: Callable[[int, int, int], nn.Module] | None = None,
        d_loss: Callable | None = None,
        g_loss: Callable | None = None,
    ):
        super().__init__()
        self.config = c = self.settle(config, g_loss)
        self.G = init_xavier(self.build_generator(layer)) if generator is None else generator
        self.E = self.build_encoder(encoder) if c.start == "style" else None
        if discriminator is None:
            spectral = "inner" if c.d_spectral else False
            judged = c.in_channels + c.out_channels
            discriminator = init_xavier(
                MultiscalePatchGAN(judged, c.d_width, c.d_layers, c.d_scales, c.d_norm, spectral)
            )
        self.D = discriminator
        self.register_buffer("mean_style", torch.zeros(c.z_dim))
        self.register_buffer("style_std", torch.ones(c.z_dim))
        self.replace_loss("d_loss", d_loss)
        self.replace_loss("g_loss", g_loss)
        self.stochastic, self.styled = c.start == "random", c.start == "style"
        self.multiple = 2 ** getattr(self.G, "doublings", c.depth + 1)

    def build_generator(self, layer: Callable | None) -> nn.Module:
        c = self.config
        if c.layer not in ("spade", "concat"):
            raise ValueError(f"layer {c.layer!r} is unknown: choose spade or concat")
        if layer is None and c.layer == "concat":
            layer = partial(Concat, norm=c.norm)
        sizes = (c.in_channels, c.out_channels, c.width, c.depth, c.size, c.start, c.z_dim)
        return SPADEGenerator(*sizes, c.hidden, c.kernel, c.norm, c.variant, c.spectral, layer)

    def build_encoder(self, encoder: nn.Module | None) -> nn.Module:
        c = self.config
        if encoder is not None:
            return encoder
        return init_xavier(SPADEEncoder(c.out_channels, c.e_width, c.size, c.z_dim, c.e_norm, c.spectral))

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        A, B = batch["A"], batch["B"]
        mu, logvar = (None, None) if self.E is None else self.E(B)
        fake = self.G(A, self.code(A, mu, logvar))
        yield from self.moves(A, fake, B, mu, logvar)

    def code(self, A: Tensor, mu: Tensor | None, logvar: Tensor | None) -> Tensor | None:
        """What the generator starts from in training, (B, z_dim); None for one that starts from the map."""
        if mu is not None:
            return reparameterise(mu, logvar)
        c = self.config
        return draws.randn((len(A), c.z_dim), dtype=A.dtype, device=A.device) if c.start == "random" else None

    def g_loss(
        self,
        fake: Tensor,
        B: Tensor,
        judged: Judged | None,
        real: Judged | None,
        mu: Tensor | None = None,
        logvar: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """L_adv + λ_FM·L_FM + λ_VGG·L_VGG + λ_KL·KL.

        Args:
            fake, B: (B, C, H, W) in [-1, 1]. judged, real: what D says of fake and of B, None without it.
            mu, logvar: the code of B, (B, z_dim), None without an encoder.
        """
        c, terms = self.config, super().g_loss(fake, B, judged, real)
        if mu is not None and c.kl_weight:
            each = losses.kl(mu, logvar)
            terms["KL"] = c.kl_weight * (each.sum() if c.kl_sum else each.mean())
        return terms

    def encode(self, image: Tensor) -> Tensor:
        """The style of images: the means of their codes, (B, C, H, W) -> (B, z_dim)."""
        with evaluating(self.E):
            return self.E(image)[0]

    def new_styles(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Codes that no image has, (n, z_dim), for `translate`: each number normal, with its mean and spread over
        training images (course decision). The paper draws from N(0, 1), to which its λ_KL holds the codes.
        """
        draws = torch.randn(n, self.config.z_dim, generator=generator).to(self.mean_style)
        return self.mean_style + self.style_std * draws

    @torch.no_grad()
    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """A -> Output(image), with the running statistics of the normalisations.

        Args:
            A: (B, labels, H, W), one-hot. style: with `start="style"` only: None for the mean code of the training
                images, (B, z_dim) codes (`new_styles` draws some), or (B, C, H, W) images whose style is
                taken; one serves the whole batch. noise: with `start="random"`: "fresh", "zero" or a seed for z.

        Raises:
            ValueError: a style for a method without one, or of another shape, or noise that is not understood.
        """
        A = A.to(next(self.G.parameters(), A).device)
        only_deterministic(self.name, None if self.styled else style, noise)
        with evaluating(self.G):
            return Output(self.G(A, self.chosen(A, style, noise)))

    def chosen(self, A: Tensor, style: Tensor | None, noise: Noise) -> Tensor | None:
        """z for `translate`."""
        shape = (len(A), self.config.z_dim)
        if self.stochastic:
            if noise == "zero":
                return torch.zeros(shape, device=A.device)
            # A seed is drawn on the CPU, so that it means the same picture on every device.
            generator = torch.Generator().manual_seed(int(noise)) if isinstance(noise, Integral) else None
            return torch.randn(shape, generator=generator).to(A.device)
        if not self.styled:
            return None
        style = self.mean_style[None] if style is None else style.to(A.device)
        style = self.encode(style) if style.ndim == 4 else style
        return style.expand(len(A), -1) if style.ndim == 2 and len(style) == 1 else style

    @torch.no_grad()
    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Batch norm's running statistics and spectral norm's vectors for the averaged weights, and mean and
        spread of the codes."""
        batches = list(batches)
        codes: list[Tensor | None] = [None] * len(batches)
        if self.styled:
            settle(self.E)
            codes = [self.encode(batch["B"]) for batch in batches]
            self.mean_style.copy_(torch.cat(codes).mean(0))
            self.style_std.copy_(torch.cat(codes).std(0, unbiased=False))
        elif self.stochastic:  # the same whenever it is asked, also after a run that had ended
            generator = torch.Generator().manual_seed(0)
            codes = [torch.randn(len(b["A"]), self.config.z_dim, generator=generator).to(b["A"]) for b in batches]
        settle(self.G)
        reestimate_batchnorm(
            self.G, lambda pair: self.G(*pair), [(b["A"], z) for b, z in zip(batches, codes, strict=True)]
        )
        self.eval()
