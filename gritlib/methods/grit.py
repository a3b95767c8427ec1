"""GRIT (Suri et al. 2024): the generator's image is a reconstruction plus a residual, and each loss sees its own.

    Î = Î_rec + Î_res,   (Î_rec, Î_res) = G(I^A, z^s),   z^s = E(I^B)                       (equation 1)
    min  L_adv(Î, I^B) + λ_rec·L_rec(Î_rec, I^B),   L_rec = L1                              (equation 2)

| loss                                  | E, encoder, decoder | reconstruction head | residual head | D   |
|---------------------------------------|---------------------|---------------------|---------------|-----|
| D's own: truth is real, Î is fake     | –                   | –                   | –             | yes |
| L_adv: D should take Î for real       | yes                 | yes                 | yes           | –   |
| λ_rec·L_rec: L1 of Î_rec to the truth | yes                 | yes                 | exactly zero  | –   |

The two take turns: D minimises its own loss, then G and E minimise equation 2. No pixel loss sees Î or Î_res, and in
equation 2 nothing is detached inside the sum. `residual=False` is the paper's coupled baseline:
one head, whose output both losses see. `noise=False` leaves the noise out; the two switches make the 2x2 ablation, with
the same style encoder and AdaIN in all four (course decision). Further decisions of the course, the paper being silent:
discriminator without I^A (as equation 2 is printed), its patch size and instance norm, adversarial loss, λ_rec, Adam's
rates and β, averaged weights, constant-then-linear schedule, random crops, PyTorch's default initialisation of E and D
(N(0, 0.02²) for G), the mean training code as style at test time. The network's are listed in `nets.grit`, what was
tried in CONTRIBUTING.md.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gritlib import losses
from gritlib.methods.base import Method, MethodConfig, Player
from gritlib.nets import GRITGenerator, Output, PatchGAN, StyleEncoder
from gritlib.nets.grit import Noise
from gritlib.nets.init import init_normal
from gritlib.nets.patchgan import condition


@dataclass
class GRITConfig(MethodConfig):
    """GRIT's settings; the defaults train at 64 pixels on two CPU cores."""

    width: int = 16
    """channels of the generator's stem"""
    depth: int = 4
    """halvings in the U-Net"""
    style_dim: int = 8
    """length of the style code; 0 trains without style"""
    noise: bool = True
    """per-block spatial noise"""
    residual: bool = True
    """second head, seen by the adversarial loss only; False is the coupled baseline"""
    noise_init: float = 0.1
    """first value of every noise weight"""
    rec_weight: float = 20.0
    """λ_rec"""
    pixel: Literal["l1", "l2", "mix"] = "l1"
    """reconstruction loss"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """stride-2 layers of the PatchGAN: receptive field 1, 16, 34, 70, 142, 286 for 0 to 5"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    d_spectral: bool = False
    """spectral normalisation in the discriminator"""
    conditional: bool = False
    """does D see the input beside the image?"""
    gan: Literal["bce", "lsgan", "hinge"] = "bce"
    """adversarial loss"""
    lr: float = 1e-3
    """Adam's learning rate of generator and style encoder"""
    d_lr: float = 1e-3
    """Adam's learning rate of the discriminator"""
    beta1: float = 0.5
    """Adam's β₁, both players"""


class GRIT(Method):
    """GRIT and its ablations. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generator: module (A, style, noise) -> Output.
        encoder: module B -> style code. discriminator: module of cat(A, B) (or B alone) -> logits.
        norm_layer, noise_layer: classes handed to `GRITGenerator`.
        d_loss, g_loss: replace the methods of the same names, with the same arguments.
    """

    name = "grit"
    Config = GRITConfig

    def __init__(
        self,
        config: GRITConfig,
        generator: nn.Module | None = None,
        encoder: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        norm_layer: type[nn.Module] | None = None,
        noise_layer: type[nn.Module] | None = None,
        d_loss: Callable | None = None,
        g_loss: Callable | None = None,
    ):
        super().__init__()
        config.check_channels()
        self.config = c = config
        if generator is None:
            layers = {key: layer for key, layer in (("norm_layer", norm_layer), ("noise_layer", noise_layer)) if layer}
            sizes = (c.in_channels, c.out_channels, c.width, c.depth, c.style_dim)
            generator = init_normal(GRITGenerator(*sizes, c.noise, c.residual, c.noise_init, **layers))
        self.G = generator
        # PyTorch's default initialisation: at N(0, 0.02²) a net without normalisation passes on almost nothing.
        if encoder is None and c.style_dim:
            encoder = StyleEncoder(c.out_channels, c.style_dim)
        self.E = encoder if c.style_dim else None
        if discriminator is None:
            judged = c.out_channels + (c.in_channels if c.conditional else 0)
            discriminator = PatchGAN(judged, c.d_width, c.d_layers, c.d_norm, c.d_spectral)
        self.D = discriminator
        self.register_buffer("mean_style", torch.zeros(c.style_dim))
        self.replace_loss("d_loss", d_loss)
        self.replace_loss("g_loss", g_loss)
        self.stochastic, self.styled, self.multiple = c.noise, c.style_dim > 0, 2**c.depth

    @property
    def players(self) -> dict[str, Player]:
        c = self.config
        moved = ("G", "E") if self.E is not None else ("G",)
        return {
            "discriminator": Player(("D",), c.d_lr, (c.beta1, 0.999)),
            "generator": Player(moved, c.lr, (c.beta1, 0.999), ema=True),
        }

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        A, B = batch["A"], batch["B"]
        given = A if self.config.conditional else None
        out = self.G(A, self.encode(B), noise="fresh")
        # detach: D's turn must not move G.
        yield "discriminator", self.d_loss(self.D(condition(B, given)), self.D(condition(out.image.detach(), given)))
        yield "generator", self.g_loss(out, B, self.D(condition(out.image, given)))

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """Real term + fake term on logits."""
        return losses.d_adversarial(real, fake, self.config.gan)

    def g_loss(self, out: Output, B: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """Equation 2: L_adv on the image, λ_rec·L_rec on the reconstruction.

        Args:
            out: image, reconstruction and residual, (B, C, H, W). B: the truth in [-1, 1]. fake_logits: D(out.image).
        """
        c = self.config
        return {
            "adv": losses.g_adversarial(fake_logits, c.gan),
            "rec": c.rec_weight * losses.pixel(out.reconstruction, B, c.pixel),
        }

    def encode(self, image: Tensor) -> Tensor | None:
        """Style code of images, (B, C, H, W) -> (B, style_dim); None for a network without style."""
        return self.E(image) if self.E is not None else None

    @torch.no_grad()
    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """A -> Output(image, reconstruction, residual).

        Args:
            A: (B, in_channels, H, W). style: None for the mean code of the training images, (B, style_dim) codes, or
                (B, C, H, W) images whose style is taken (one image or code serves the whole batch).
            noise: "fresh", "zero", a seed, or the maps (`GRITGenerator.noise_maps`).

        Raises:
            ValueError: a style for a network without one, or of another shape.
        """
        A = A.to(next(self.G.parameters(), A).device)
        if not self.styled:
            if style is not None:
                raise ValueError("this GRIT was trained without style (style_dim=0): leave the style out")
            return self.G(A, None, noise)
        style = self.mean_style[None] if style is None else style.to(A.device)
        if style.ndim == 4:
            style = self.encode(style)
        if style.ndim == 2 and len(style) == 1:  # one for the whole batch
            style = style.expand(len(A), -1)
        return self.G(A, style, noise)

    @torch.no_grad()
    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Store the mean style code of training images, the default style of `translate`."""
        if self.styled:
            self.mean_style.copy_(torch.cat([self.encode(batch["B"]) for batch in batches]).mean(0))
