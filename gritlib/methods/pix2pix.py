"""pix2pix (Isola et al. 2017): a conditional GAN plus a pixel loss, on the same output.

    G* = arg min_G max_D  L_cGAN(G, D) + λ·L_L1(G)

| loss    | G                      | D           |
|---------|------------------------|-------------|
| L_cGAN  | −log D(A, G(A))        | real + fake |
| λ·L1    | ‖B − G(A)‖₁ on G(A)    | –           |

Any of the terms can be left out, and a perceptual one put in, which is not in the paper: lesson 02 compares them.

D moves first and its loss is halved, as in the authors' code. The defaults are the course's size (64 pixels), with
instance norm and a bottleneck of 4x4, because instance norm on maps of 2x2 and less leaves blobs; the `paper` preset is
the published network at 256. At test time the authors keep dropout on and use the batch's own statistics; here both are
explicit: `translate(noise=...)` decides about dropout, batch norm uses running statistics re-estimated with the
averaged weights.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from gritlib import backbones, losses
from gritlib.methods.base import Method, MethodConfig, Player, evaluating, only_deterministic
from gritlib.nets import Output, PatchGAN, UNet
from gritlib.nets.blocks import reestimate_batchnorm
from gritlib.nets.grit import Noise
from gritlib.nets.init import init_normal
from gritlib.nets.patchgan import condition


@dataclass
class Pix2PixConfig(MethodConfig):
    """pix2pix' settings; the defaults train at 64 pixels on two CPU cores."""

    width: int = 16
    """channels of the generator's first layer"""
    depth: int = 4
    """halvings in the U-Net: the paper's 8 leave one pixel of 256, the course's 4 leave 4x4 of 64"""
    norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the generator"""
    dropout: bool = False
    """dropout in the inner decoder layers, of which there are some from depth 6 on"""
    skips: bool = True
    """U-Net skips; False is the encoder-decoder of the paper's table 2"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """stride-2 layers of the PatchGAN: receptive field 1, 16, 34, 70, 142, 286 for 0 to 5"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    conditional: bool = True
    """does D see the input beside the output?"""
    gan: Literal["bce", "lsgan", "hinge"] = "bce"
    """adversarial loss"""
    gan_weight: float = 1.0
    """weight of the adversarial term; 0 leaves the pixel loss alone"""
    pixel: Literal["l1", "l2", "mix"] = "l1"
    """pixel loss"""
    pixel_weight: float = 100.0
    """λ; 0 leaves the pixel loss out"""
    perceptual_weight: float = 0.0
    """weight of a perceptual loss beside or instead of the pixel loss"""
    perceptual: Literal["auto", "vgg16", "vgg19"] = "auto"
    """the feature network of the perceptual loss: vgg16 is embedded, vgg19 the papers', auto takes that if it may"""
    lr: float = 2e-4
    """Adam's learning rate, both players"""
    beta1: float = 0.5
    """Adam's β₁, both players"""


class Pix2Pix(Method):
    """pix2pix. A student's own pieces enter as `generator=`, `discriminator=`, `d_loss=`, `g_loss=`.

    Args:
        config: settings, with the channels filled in. generator: module A -> B. discriminator: module of cat(A, B) (or
            B alone) -> logits. d_loss, g_loss: replace the methods of the same names, with the same arguments.
    """

    name = "pix2pix"
    Config = Pix2PixConfig

    def __init__(
        self,
        config: Pix2PixConfig,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        d_loss: Callable | None = None,
        g_loss: Callable | None = None,
    ):
        super().__init__()
        config.check_channels()
        self.config = c = config
        if g_loss is None and not (c.gan_weight or c.pixel_weight or c.perceptual_weight):
            raise ValueError("gan_weight, pixel_weight and perceptual_weight are all 0: nothing is left to minimise")
        if generator is None:
            if c.dropout and c.depth < 6:
                raise ValueError(f"dropout with depth {c.depth}: it follows inner layers that only depth 6 or more has")
            sizes = (c.in_channels, c.out_channels, c.width, c.depth)
            generator = init_normal(UNet(*sizes, c.norm, c.dropout, c.skips))
        self.G = generator
        judged = c.out_channels + (c.in_channels if c.conditional else 0)
        if discriminator is None:
            discriminator = init_normal(PatchGAN(judged, c.d_width, c.d_layers, c.d_norm))
        self.D = discriminator
        if c.perceptual_weight:
            if c.out_channels != 3:
                raise ValueError(f"a perceptual loss looks at RGB images, the outputs have {c.out_channels} channels")
            # A checkpoint says which network it was, and goes on with the same one.
            self.config = c = replace(c, perceptual=backbones.choose("perceptual", c.perceptual))
        self.replace_loss("d_loss", d_loss)
        self.replace_loss("g_loss", g_loss)
        self.multiple = 2**c.depth
        self.stochastic = any(isinstance(m, nn.Dropout) and m.p > 0 for m in self.G.modules())

    @property
    def players(self) -> dict[str, Player]:
        betas = (self.config.beta1, 0.999)
        return {
            "discriminator": Player(("D",), self.config.lr, betas),
            "generator": Player(("G",), self.config.lr, betas, ema=True),
        }

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        A, B = batch["A"], batch["B"]
        fake = self.G(A)
        if self.config.gan_weight:
            given = A if self.config.conditional else None
            real_logits, fake_logits = self.D(condition(B, given)), self.D(condition(fake.detach(), given))
            yield "discriminator", self.d_loss(real_logits, fake_logits)
            yield "generator", self.g_loss(fake, B, self.D(condition(fake, given)))
        else:
            yield "generator", self.g_loss(fake, B, None)

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """½·(real term + fake term): the halving slows D down. Source: the authors' code."""
        return {key: 0.5 * term for key, term in losses.d_adversarial(real, fake, self.config.gan).items()}

    def g_loss(self, fake: Tensor, B: Tensor, fake_logits: Tensor | None) -> dict[str, Tensor]:
        """L_cGAN + λ·L_pixel, both on the same image.

        Args:
            fake, B: (B, C, H, W) in [-1, 1]. fake_logits: D's judgement of fake, None without an adversarial term.
        """
        c, terms = self.config, {}
        if c.pixel_weight:
            terms[c.pixel.upper()] = c.pixel_weight * losses.pixel(fake, B, c.pixel)
        if c.perceptual_weight:
            # Not a module of this one: frozen weights belong into no checkpoint, and translating needs none.
            net = backbones.perceptual(c.perceptual).to(fake.device)
            terms["perceptual"] = c.perceptual_weight * losses.perceptual(net.features, fake, B, net.weights)
        if fake_logits is not None:
            terms["adv"] = c.gan_weight * losses.g_adversarial(fake_logits, c.gan)
        return terms

    @torch.no_grad()
    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """A -> Output(image). pix2pix' only noise is dropout: "fresh" or a seed keeps it on, "zero" switches it off.

        Args:
            A: (B, in_channels, H, W). noise: "fresh", "zero" or a seed.

        Raises:
            ValueError: a style is given, or noise maps: pix2pix has neither.
        """
        only_deterministic(self.name, style, noise)
        A = A.to(next(self.G.parameters(), A).device)
        with evaluating(self.G), torch.random.fork_rng(enabled=isinstance(noise, int)):
            for module in self.G.modules():
                if isinstance(module, nn.Dropout):
                    module.train(noise != "zero")
            if isinstance(noise, int):
                torch.manual_seed(noise)
            return Output(self.G(A))

    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Batch norm's running statistics for the averaged weights, with dropout on as in training and as `translate`
        keeps it."""
        dropouts = [module for module in self.G.modules() if isinstance(module, nn.Dropout)]
        modes = [module.training for module in dropouts]
        for module in dropouts:
            module.train()
        reestimate_batchnorm(self.G, lambda batch: self.G(batch["A"]), batches)
        for module, mode in zip(dropouts, modes, strict=True):
            module.train(mode)
