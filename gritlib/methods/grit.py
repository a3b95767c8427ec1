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
the same style encoder and AdaIN in all four (course decision). `compose="fuse"` replaces the sum by a small CNN, a
perceptual loss may stand beside or instead of L_rec's L1, the code may be a VAE's, D may see I^A and several scales.

COURSE DECISIONS about training, on which the paper is silent (the network's are listed in `nets.grit`; those marked *
follow the authors' earlier public work and are inferred; what was tried stands in CONTRIBUTING.md):

| open in the paper | here | why |
|-------------------|------|-----|
| does D see I^A? | no | equation 2 is printed without it; on Faces the noise died when D saw the label map |
| D | PatchGAN, 16 pixels, instance norm | the detail of these images is smaller than that |
| adversarial loss | logistic, non-saturating * | least squares did about as well |
| λ_rec | 20 | by single runs at 10, 20 and 30 |
| Adam | 1e-3 *, β (0.5, 0.999) | 1,200 steps are few: less L1 than with 5e-4 |
| averaged weights, schedule | EMA; constant, then linear to 0 | pix2pix' schedule |
| initialisation | N(0, 0.02²) for G, PyTorch's for E and D | E has no norm: so small weights pass on nothing |
| a VAE's λ_KL | 0.0005, mean over images | as in `methods.spade`, where 0.05 left the code unused |
| style at test time | the mean training code, unless one is given | the truth's style leaks the answer's colours |
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from gritlib import backbones, losses
from gritlib.methods.base import Method, MethodConfig, Player
from gritlib.nets import GRITGenerator, MultiscalePatchGAN, Output, PatchGAN, StyleEncoder
from gritlib.nets.grit import Noise
from gritlib.nets.init import init_normal
from gritlib.nets.patchgan import condition
from gritlib.nets.spade import reparameterise


@dataclass
class GRITConfig(MethodConfig):
    """GRIT's settings; the defaults train at 64 pixels on two CPU cores."""

    width: int = 16
    """channels of the generator's stem"""
    depth: int = 4
    """halvings in the U-Net"""
    style_dim: int = 8
    """length of the style code; 0 trains without style"""
    style: Literal["code", "vae"] = "code"
    """deterministic style code, or a VAE's with a KL loss, of which new ones can be drawn"""
    kl_weight: float = 0.0005
    """λ_KL of a VAE's style code"""
    noise: bool = True
    """per-block spatial noise"""
    residual: bool = True
    """second head, seen by the adversarial loss only; False is the coupled baseline"""
    compose: Literal["add", "fuse"] = "add"
    """image = reconstruction + residual, or a small CNN of both"""
    noise_init: float = 0.1
    """first value of every noise weight"""
    rec_weight: float = 20.0
    """λ_rec"""
    pixel: Literal["l1", "l2", "mix"] = "l1"
    """reconstruction loss"""
    perceptual_weight: float = 0.0
    """weight of a perceptual loss of the reconstruction, beside or (rec_weight 0) instead of the pixel loss"""
    perceptual: Literal["auto", "vgg16", "vgg19"] = "auto"
    """the feature network of the perceptual loss: vgg16 is embedded, vgg19 the papers', auto takes that if it may"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """stride-2 layers of the PatchGAN: receptive field 1, 16, 34, 70, 142, 286 for 0 to 5"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    d_spectral: bool = False
    """spectral normalisation in the discriminator"""
    d_scales: int = 1
    """number of discriminators, each on the image at half the size of the one before"""
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


Logits = Tensor | Sequence[tuple[Tensor, list[Tensor]]]  # of one discriminator, or of one at several scales


def scales(said: Logits) -> list[Tensor]:
    """The logits of each scale."""
    return [said] if isinstance(said, Tensor) else [logits for logits, _ in said]


class GRIT(Method):
    """GRIT and its ablations. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generator: module (A, style, noise) -> Output.
        encoder: module B -> style code. discriminator: module of cat(A, B) (or B alone) -> logits.
        norm_layer, noise_layer, heads: handed to `GRITGenerator`.
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
        heads: Callable[[Tensor, nn.Module, nn.Module], Output] | None = None,
        d_loss: Callable | None = None,
        g_loss: Callable | None = None,
    ):
        super().__init__()
        config.check_channels()
        if config.style == "vae" and not config.style_dim:
            raise ValueError("a VAE's style code of length 0: give style_dim, or leave style at code")
        if config.perceptual_weight:
            if config.out_channels != 3:
                raise ValueError(
                    f"a perceptual loss looks at RGB images, the outputs have {config.out_channels} channels"
                )
            # A checkpoint says which network it was, and goes on with the same one.
            config = replace(config, perceptual=backbones.choose("perceptual", config.perceptual))
        self.config = c = config
        if generator is None:
            pieces = {"norm_layer": norm_layer, "noise_layer": noise_layer, "heads": heads}
            given = {key: piece for key, piece in pieces.items() if piece}
            sizes = (c.in_channels, c.out_channels, c.width, c.depth, c.style_dim)
            net = GRITGenerator(*sizes, c.noise, c.residual, c.noise_init, compose=c.compose, **given)
            generator = init_normal(net)
        self.G = generator
        # PyTorch's default initialisation: at N(0, 0.02²) a net without normalisation passes on almost nothing.
        if encoder is None and c.style_dim:
            encoder = StyleEncoder(c.out_channels, c.style_dim, variational=c.style == "vae")
        self.E = encoder if c.style_dim else None
        if discriminator is None:
            judged = c.out_channels + (c.in_channels if c.conditional else 0)
            if c.d_scales == 1:
                discriminator = PatchGAN(judged, c.d_width, c.d_layers, c.d_norm, c.d_spectral)
            else:
                sizes = (judged, c.d_width, c.d_layers, c.d_scales, c.d_norm, c.d_spectral)
                discriminator = MultiscalePatchGAN(*sizes, padding=None)
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
        moments = self.E.moments(B) if self.config.style == "vae" else ()
        out = self.G(A, reparameterise(*moments) if moments else self.encode(B), noise="fresh")
        # detach: D's turn must not move G.
        yield "discriminator", self.d_loss(self.D(condition(B, given)), self.D(condition(out.image.detach(), given)))
        yield "generator", self.g_loss(out, B, self.D(condition(out.image, given)), *moments)

    def d_loss(self, real: Logits, fake: Logits) -> dict[str, Tensor]:
        """Real term + fake term on what D says, mean over its scales."""
        pairs = list(zip(scales(real), scales(fake), strict=True))
        terms = [losses.d_adversarial(r, f, self.config.gan) for r, f in pairs]
        return {key: sum(term[key] for term in terms) / len(terms) for key in terms[0]}

    def g_loss(self, out: Output, B: Tensor, fake_logits: Logits, *moments: Tensor) -> dict[str, Tensor]:
        """Equation 2: L_adv on the image, λ_rec·L_rec on the reconstruction.

        Args:
            out: image, reconstruction and residual, (B, C, H, W). B: the truth in [-1, 1]. fake_logits: D(out.image).
            moments: μ and ln σ² of a VAE's style code.
        """
        c = self.config
        said = [losses.g_adversarial(logits, c.gan) for logits in scales(fake_logits)]
        terms = {"adv": sum(said) / len(said)}
        if c.rec_weight:
            terms["rec"] = c.rec_weight * losses.pixel(out.reconstruction, B, c.pixel)
        if c.perceptual_weight:
            # Not a module of this one: frozen weights belong into no checkpoint, and translating needs none.
            net = backbones.perceptual(c.perceptual).to(B.device)
            distance = losses.perceptual(net.features, out.reconstruction, B, net.weights)
            terms["perceptual"] = c.perceptual_weight * distance
        if moments:
            terms["kl"] = c.kl_weight * losses.kl(*moments).mean()
        return terms

    def encode(self, image: Tensor) -> Tensor | None:
        """Style code of images, (B, C, H, W) -> (B, style_dim); None for a network without style."""
        return self.E(image) if self.E is not None else None

    @torch.no_grad()
    def translate(
        self,
        A: Tensor,
        *,
        style: Tensor | None = None,
        noise: Noise = "fresh",
        strength: float | Sequence[float] | None = None,
    ) -> Output:
        """A -> Output(image, reconstruction, residual).

        Args:
            A: (B, in_channels, H, W). style: None for the mean code of the training images, (B, style_dim) codes, or
                (B, C, H, W) images whose style is taken (one image or code serves the whole batch).
            noise: "fresh", "zero", a seed, or the maps (`GRITGenerator.noise_maps`). strength: what the noise is
                multiplied by, one number or one for each block, coarsest first.

        Raises:
            ValueError: a style for a network without one, or of another shape.
        """
        A = A.to(next(self.G.parameters(), A).device)
        if not self.styled:
            if style is not None:
                raise ValueError("this GRIT was trained without style (style_dim=0): leave the style out")
            return self.G(A, None, noise, strength)
        style = self.mean_style[None] if style is None else style.to(A.device)
        if style.ndim == 4:
            style = self.encode(style)
        if style.ndim == 2 and len(style) == 1:  # one for the whole batch
            style = style.expand(len(A), -1)
        return self.G(A, style, noise, strength)

    @torch.no_grad()
    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Store the mean style code of training images, the default style of `translate`."""
        if self.styled:
            self.mean_style.copy_(torch.cat([self.encode(batch["B"]) for batch in batches]).mean(0))
