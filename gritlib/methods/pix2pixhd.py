"""pix2pixHD (Wang et al. 2018) and pix2pixHD++ (Park et al. 2019): label map -> image, judged at several scales.

    min_{G,E}  Σ_k L_GAN(G, D_k) + λ·Σ_k L_FM(G, D_k) + λ·L_VGG,   k = 1 … number of scales             D_k: L_GAN

| loss                                   | G   | E   | D   |
|----------------------------------------|-----|-----|-----|
| D's own: least squares, real and fake  | –   | –   | yes |
| L_GAN: D takes the fake for real       | yes | yes | –   |
| L_FM: activations of D, fake and real  | yes | yes | –   |
| L_VGG: activations of a frozen network | yes | yes | –   |

E is there with `features` only. G (and E) move first; D then judges the image that G made before it moved, as in the
authors' code. Paper and code differ. The paper sums both terms over three scales; the code has two by default, sums
L_GAN, averages L_FM and halves D's loss, which Adam does not notice (`reduction="code"` is its sums). The paper prints
no weights of VGG's layers, its code has 1/32 to 1, also used here, and feeds images in [-1, 1] as they are; here they
are prepared as VGG was trained. `paper` follows the paper. Weights begin at N(0, 0.02²), biases as PyTorch leaves them.

The course's data have no objects, only classes. So the edges (`edges`) are those between classes, of which the map
alone would tell, and `features` are averaged over the region of each class: the semantic-specific style codes that the
GRIT authors switched on for this baseline. At test time a class has its mean code of the training images (the authors
draw from clusters of codes), or that of a given image.

pix2pixHD++ is all of SPADE's recipe but its layer: batch norm, spectral norm, hinge loss with means over the scales,
two time scales, Glorot's initialisation.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gritlib.methods.base import MethodConfig, evaluating, only_deterministic
from gritlib.methods.multiscale import Judged, Multiscale
from gritlib.nets import MultiscalePatchGAN, Output
from gritlib.nets.blocks import reestimate_batchnorm
from gritlib.nets.grit import Noise
from gritlib.nets.init import init_xavier
from gritlib.nets.pix2pixhd import (
    GlobalGenerator,
    InstanceEncoder,
    LocalEnhancer,
    class_means,
    edges,
    init_weights,
    paint,
)
from gritlib.nets.spade import resize


@dataclass
class Pix2PixHDConfig(MethodConfig):
    """pix2pixHD's settings; the defaults train at 64 pixels on two CPU cores, with about as many parameters in the
    generator as SPADE has there without a style."""

    width: int = 20
    """channels of the generator's first layer"""
    downs: int = 2
    """halvings, and doublings, of the global generator"""
    blocks: int = 5
    """its residual blocks"""
    norm: Literal["batch", "sync", "instance"] = "instance"
    """normalisation in the generator"""
    spectral: bool = False
    """spectral normalisation in generator and encoder"""
    enhancer: bool = False
    """local enhancer: coarse to fine, `width` at full resolution around a global generator of twice the width"""
    local_blocks: int = 3
    """residual blocks of the enhancer"""
    fixed: int = 0
    """first steps in which the enhancer alone is trained, the global generator rests"""
    edges: bool = False
    """the edges of the label map as a further input channel, also of the discriminator"""
    features: int = 0
    """length of the style code of each class; 0 trains without style"""
    e_width: int = 8
    """channels of the style encoder's first layer"""
    e_downs: int = 3
    """its halvings"""
    e_norm: Literal["instance", "none"] = "instance"
    """normalisation in the style encoder; instance norm takes away the mean colours"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """stride-2 layers of the discriminator"""
    d_scales: int = 2
    """resolutions at which it judges"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    d_spectral: bool = False
    """spectral normalisation of the discriminator's inner layers"""
    gan: Literal["bce", "lsgan", "hinge"] = "lsgan"
    """adversarial loss"""
    gan_weight: float = 1.0
    """weight of the adversarial term; 0 leaves the discriminator out"""
    matching_weight: float = 10.0
    """λ of feature matching; 0 leaves it out"""
    perceptual_weight: float = 10.0
    """λ of the perceptual loss; 0 leaves it out"""
    perceptual: Literal["auto", "vgg16", "vgg19"] = "auto"
    """the feature network of the perceptual loss: vgg16 is embedded, vgg19 the papers', auto takes that if it may"""
    reduction: Literal["sum", "mean", "code"] = "sum"
    """over the scales: the paper's sums, SPADE's means, or as pix2pixHD's code a sum with a mean of feature matching"""
    init: Literal["normal", "xavier"] = "normal"
    """first weights: N(0, 0.02²) as in pix2pixHD, or Glorot's with gain 0.02 as in SPADE"""
    lr: float = 2e-4
    """Adam's learning rate of generator and encoder"""
    d_lr: float = 2e-4
    """Adam's learning rate of the discriminator"""
    beta1: float = 0.5
    """Adam's β₁, both players"""
    beta2: float = 0.999
    """Adam's β₂, both players"""

    def fit_to(self, source) -> "Pix2PixHDConfig":
        if (self.edges or self.features) and not getattr(source, "classes", None):
            raise ValueError("edges and features need label maps, these inputs are images: use edges False, features 0")
        return super().fit_to(source)


class Pix2PixHD(Multiscale):
    """pix2pixHD. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generator: module cat(A, edges, features) -> image, for example a
            `LocalEnhancer` around a trained global network. encoder: an `InstanceEncoder`.
        discriminator: module cat(A, edges, image) -> [(logits, activations), ...].
        d_loss, g_loss: replace the methods of the same names, with the same arguments.
    """

    name = "pix2pixhd"
    Config = Pix2PixHDConfig

    def __init__(
        self,
        config: Pix2PixHDConfig,
        generator: nn.Module | None = None,
        encoder: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        d_loss: Callable | None = None,
        g_loss: Callable | None = None,
    ):
        super().__init__()
        self.config = c = self.settle(config, g_loss)
        if c.fixed and not c.enhancer:
            raise ValueError(f"fixed {c.fixed}: without the enhancer nothing would be trained in these steps, use 0")
        begin = init_xavier if c.init == "xavier" else init_weights
        given = c.in_channels + c.edges
        if generator is None:
            sizes = (given + c.features, c.out_channels, c.width, c.downs, c.blocks, c.norm, c.spectral)
            generator = begin(LocalEnhancer(*sizes, c.local_blocks) if c.enhancer else GlobalGenerator(*sizes))
        self.G = generator
        if encoder is None and c.features:
            encoder = InstanceEncoder(c.out_channels, c.features, c.e_width, c.e_downs, c.e_norm, c.spectral)
            # At N(0, 0.02²) a net without normalisation passes on almost nothing.
            encoder = encoder if c.e_norm == "none" and not c.spectral else begin(encoder)
        self.E = encoder if c.features else None
        if discriminator is None:
            spectral = "inner" if c.d_spectral else False
            judged = given + c.out_channels
            discriminator = begin(MultiscalePatchGAN(judged, c.d_width, c.d_layers, c.d_scales, c.d_norm, spectral))
        self.D = discriminator
        self.register_buffer("mean_style", torch.zeros(c.in_channels, c.features))
        self.replace_loss("d_loss", d_loss)
        self.replace_loss("g_loss", g_loss)
        self.styled = c.features > 0

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        A, B = batch["A"], batch["B"]
        given = self.given(A)
        x = given if self.E is None else torch.cat([given, self.E(B, A.argmax(1))], 1)
        fake = self.G(x, fixed=True) if step < self.config.fixed else self.G(x)
        yield from self.moves(given, fake, B)

    def given(self, A: Tensor) -> Tensor:
        """What D sees beside the image, and G beside the features: the map and its edges."""
        return torch.cat([A, edges(A.argmax(1))], 1) if self.config.edges else A

    def d_loss(self, real: Judged, fake: Judged) -> dict[str, Tensor]:
        """Least squares (or another) loss, real term + fake term, summed over the scales or their mean."""
        times = 1 if self.config.reduction == "mean" else len(real)
        return {key: times * term for key, term in super().d_loss(real, fake).items()}

    def g_loss(self, fake: Tensor, B: Tensor, judged: Judged | None, real: Judged | None) -> dict[str, Tensor]:
        """Σ L_GAN + λ·Σ L_FM + λ·L_VGG.

        Args:
            fake, B: (B, C, H, W) in [-1, 1]. judged, real: what D says of fake and of B, None without it.
        """
        summed = {"sum": ("adv", "matching"), "code": ("adv",), "mean": ()}[self.config.reduction]
        terms = super().g_loss(fake, B, judged, real)
        return {key: len(judged) * term if key in summed else term for key, term in terms.items()}

    def encode(self, image: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
        """The style code of each class: mean features of its region.

        Args:
            image: (B, C, H, W). A: its own label map, (B, labels, H', W') one-hot.

        Returns:
            Codes (B, labels, features), zero for a class that is not there, and which are there, (B, labels) bool.
        """
        with evaluating(self.E):
            return class_means(self.E.each_pixel(image), resize(A, image))

    @torch.no_grad()
    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """A -> Output(image), with the running statistics of the normalisations. Whatever `noise` says, it is one.

        Args:
            A: (B, in_channels, H, W), one-hot where edges or features are used. style: with `features` only: None for
                each class' mean code of the training images, codes (B, labels, features), or images (B, C, H, W), taken
                as pictures of A itself: a class has the code of what the image shows in A's region of it. The codes of
                an image with another map are `encode`'s. One serves the whole batch.

        Raises:
            ValueError: a style for a method without one, or of another shape, or noise that is not understood.
        """
        A = A.to(next(self.G.parameters(), A).device)
        only_deterministic(self.name, None if self.styled else style, noise)
        x = self.given(A)
        if self.styled:
            x = torch.cat([x, paint(self.chosen(A, style), A)], 1)
        with evaluating(self.G):
            return Output(self.G(x))

    def chosen(self, A: Tensor, style: Tensor | None) -> Tensor:
        """The codes for `translate`, (B, labels, features)."""
        codes = self.mean_style[None] if style is None else style.to(A.device)
        if codes.ndim == 4:
            # A class that the image does not show has the training images' code.
            codes, there = self.encode(codes.expand(len(A), -1, -1, -1), A)
            codes = torch.where(there[..., None], codes, self.mean_style)
        if codes.shape[1:] != self.mean_style.shape or len(codes) not in (1, len(A)):
            wanted = (len(A), *self.mean_style.shape)
            raise ValueError(f"style of shape {tuple(style.shape)}: give images, or codes of shape {wanted}")
        return codes.expand(len(A), -1, -1)

    @torch.no_grad()
    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Batch norm's running statistics for the averaged weights, and the mean code of each class over the images
        that show it (zero for a class that none does)."""
        batches, codes = list(batches), []
        if self.styled:
            found = [self.encode(batch["B"], batch["A"]) for batch in batches]
            codes = [paint(code, batch["A"]) for (code, _), batch in zip(found, batches, strict=True)]
            each, there = (torch.cat(parts) for parts in zip(*found, strict=True))
            self.mean_style.copy_(each.sum(0) / there.sum(0).clamp(min=1)[:, None])
        painted = iter(codes)

        def forward(batch: dict[str, Tensor]) -> None:
            x = self.given(batch["A"])
            self.G(torch.cat([x, next(painted)], 1) if self.styled else x)

        reestimate_batchnorm(self.G, forward, batches)
        self.eval()


@dataclass
class Pix2PixHDPlusConfig(Pix2PixHDConfig):
    """pix2pixHD++'s settings: SPADE's recipe."""

    norm: Literal["batch", "sync", "instance"] = "batch"
    """normalisation in the generator"""
    spectral: bool = True
    """spectral normalisation in generator and encoder"""
    d_spectral: bool = True
    """spectral normalisation of the discriminator's inner layers"""
    gan: Literal["bce", "lsgan", "hinge"] = "hinge"
    """adversarial loss"""
    reduction: Literal["sum", "mean", "code"] = "mean"
    """over the scales: the paper's sums, SPADE's means, or as pix2pixHD's code a sum with a mean of feature matching"""
    init: Literal["normal", "xavier"] = "xavier"
    """first weights: N(0, 0.02²) as in pix2pixHD, or Glorot's with gain 0.02 as in SPADE"""
    lr: float = 1e-3
    """Adam's learning rate of generator and encoder"""
    d_lr: float = 4e-3
    """Adam's learning rate of the discriminator"""
    beta1: float = 0.0
    """Adam's β₁, both players"""


class Pix2PixHDPlus(Pix2PixHD):
    """pix2pixHD with pix2pixHD++'s settings."""

    name = "pix2pixhd++"
    Config = Pix2PixHDPlusConfig
