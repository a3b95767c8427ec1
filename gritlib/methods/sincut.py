"""SinCUT (Park et al. 2020): CUT learned from two pictures, one of each domain, of which random crops at
random scales are the data.

    L_GAN(G, D) + λ_NCE·½·(L_PatchNCE(G, H, X) + L_PatchNCE(G, H, Y)) + λ_idt·‖G(b) − b‖₁,  D also λ_R1·R1

| loss                                   | G_enc | G_dec | H   | D   |
|----------------------------------------|-------|-------|-----|-----|
| D's own: tiles of b real, of G(a) fake | –     | –     | –   | yes |
| λ_R1·R1: D's slope at tiles of b       | –     | –     | –   | yes |
| L_GAN: D should take G(a)'s for real   | yes   | yes   | –   | –   |
| λ_NCE·½·L_PatchNCE of a and G(a)       | yes   | yes   | yes | –   |
| λ_NCE·½·L_PatchNCE of b and G(b)       | yes   | yes   | yes | –   |
| λ_idt·‖G(b) − b‖₁                      | yes   | yes   | –   | –   |

D sees small tiles alone: with all of a crop before it, it would have G copy the one picture it knows. The thesis prints
non-saturating GAN, R1 and PatchNCE, and no weights. From the public code are λ_R1 and λ_idt, the identity term itself,
the layers, negatives from the other crops of the batch, the halved sums and Adam's numbers; R1 comes in every step, as
there (lazily it would save a tenth of the time). Scales: the paper shrinks the picture to a random width of 384 to 1024
pixels and crops 128 from it; here the data gives larger crops and the method shrinks a random window of them. Course
decisions: widths, sizes, averaged weights, and 16 patches a crop with λ_NCE = 1 for a few hundred steps of 4 crops,
where the public code has 1 patch and λ_NCE = 4 for 100,000 steps of 16.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib import losses
from gritlib.methods.base import Deterministic, MethodConfig, Player
from gritlib.nets import Output, PatchSampler
from gritlib.nets.init import init_xavier
from gritlib.nets.sincut import SinCUTGenerator, TileDiscriminator, tiles


@dataclass
class SinCUTConfig(MethodConfig):
    """SinCUT's settings; the defaults train on two CPU cores."""

    width: int = 16
    """channels of the generator at full size, twice as many at half: 80 in the public code"""
    blocks: int = 6
    """residual blocks at half size"""
    d_width: int = 16
    """channels of the discriminator at full size: 32 in the public code"""
    tile: int = 32
    """side of the tiles that the discriminator judges: 64 in the paper, of crops of 128"""
    zoom: float = 2.0
    """random scale: crops of S pixels become crops of S/zoom, shrunk by 1 to zoom; 1 leaves them as they are"""
    layers: tuple[str, ...] = ("rgb", "down1", "res2")
    """layers whose patches are compared: rgb, down1, res1, res2, ..."""
    patches: int = 16
    """places a layer and crop: 1 in the public code, with 16 crops"""
    negatives: Literal["batch", "internal"] = "batch"
    """a patch's negatives: those of all crops of the batch, or those of its own crop, as in CUT"""
    dim: int = 256
    """length of a patch's embedding"""
    tau: float = 0.07
    """temperature"""
    nce_weight: float = 1.0
    """λ_NCE: 4 in the public code; 0 leaves PatchNCE out"""
    nce_y: bool = True
    """does PatchNCE compare b and G(b) as well, with half of the weight each?"""
    identity_weight: float = 1.0
    """λ_idt; 0 leaves the L1 term out"""
    r1_weight: float = 1.0
    """λ_R1; 0 leaves R1 out"""
    lr: float = 2e-3
    """Adam's learning rate, both players"""
    beta1: float = 0.0
    """Adam's β₁, both players"""
    beta2: float = 0.99
    """Adam's β₂, both players"""


class SinCUT(Deterministic):
    """SinCUT. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generator: module A -> B with named layers, as `SinCUTGenerator`.
            discriminator: module of tiles -> logits. heads: module as `PatchSampler`.

    Raises:
        ValueError: sides of different channels, a zoom below 1, or no layer or negative for PatchNCE.
    """

    name = "sincut"
    Config = SinCUTConfig
    view: ClassVar = {"single": True}

    def __init__(
        self,
        config: SinCUTConfig,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        heads: nn.Module | None = None,
    ):
        super().__init__()
        config.check_channels()
        self.config = c = config
        if c.in_channels != c.out_channels:
            raise ValueError(
                f"SinCUT's encoder sees both sides, which have {c.in_channels} and {c.out_channels} channels"
            )
        if c.zoom < 1:
            raise ValueError(f"zoom is {c.zoom}: 1 keeps the crops, 2 shrinks them by up to 2")
        if not c.layers or c.patches < (2 if c.negatives == "internal" else 1):
            raise ValueError(
                f"{c.patches} patches of layers {c.layers}, {c.negatives} negatives: PatchNCE needs a layer and a "
                f"patch, and 2 or more patches where the negatives come from the same crop"
            )
        sizes = (c.in_channels, c.out_channels, c.width, c.blocks)
        self.G = generator if generator is not None else SinCUTGenerator(*sizes)
        self.D = discriminator if discriminator is not None else TileDiscriminator(c.out_channels, c.d_width, c.tile)
        if heads is None:
            with torch.no_grad():
                features = self.G.encode(torch.zeros(1, c.in_channels, 16, 16), c.layers)
            heads = init_xavier(PatchSampler([f.shape[1] for f in features.values()], c.dim))
        self.H = heads

    @property
    def players(self) -> dict[str, Player]:
        c = self.config
        return {
            "discriminator": Player(("D",), c.lr, (c.beta1, c.beta2)),
            "generator": Player(("G", "H"), c.lr, (c.beta1, c.beta2), ema=True),
        }

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        c = self.config
        A, B = rescaled(batch["A"], c.zoom), rescaled(batch["B"], c.zoom)
        images, seen = self.G(torch.cat([A, B]), taps=c.layers)
        fake, same = images.chunk(2)

        real = tiles(B, c.tile).detach().requires_grad_(c.r1_weight > 0)
        logits = self.D(real)
        terms = losses.d_adversarial(logits, self.D(tiles(fake.detach(), c.tile)))
        terms = {key: 0.5 * term for key, term in terms.items()}
        if c.r1_weight:
            terms["R1"] = c.r1_weight * losses.r1(logits, real)
        yield "discriminator", terms

        terms = {"adv": losses.g_adversarial(self.D(tiles(fake, c.tile)))}
        if c.nce_weight:
            terms |= self.nce(images if c.nce_y else fake, seen)
        if c.identity_weight:
            terms["identity"] = c.identity_weight * losses.l1(same, B)
        yield "generator", terms

    def nce(self, images: Tensor, seen: dict[str, Tensor]) -> dict[str, Tensor]:
        """The PatchNCE terms of G(a) and, if it is there, of G(b).

        Args:
            images: G(a), or G(a) and G(b) one after the other. seen: features of a and b, in this order.
        """
        c = self.config
        crops = len(seen[c.layers[0]]) // 2
        names = ("NCE", "NCE_Y")[: len(images) // crops]
        q, places = self.H(list(self.G.encode(images, c.layers).values()), c.patches)
        with torch.no_grad():
            k, _ = self.H([f[: len(images)] for f in seen.values()], c.patches, places)
        if c.negatives == "batch":  # all patches of one side stand in one row
            q, k = ([v.unflatten(0, (-1, crops)).flatten(1, 2) for v in side] for side in (q, k))
        found = [losses.patch_nce(*pair, c.tau).view(len(names), -1).mean(1) for pair in zip(q, k, strict=True)]
        return dict(zip(names, c.nce_weight / len(names) * torch.stack(found).mean(0), strict=True))

    def translate(self, A: Tensor, **given) -> Output:
        """As `Deterministic.translate`, a picture of any size at once, clamped to [-1, 1]."""
        return Output(super().translate(A, **given).image.clamp(-1, 1))


def rescaled(crops: Tensor, zoom: float) -> Tensor:
    """A random window of the crops, the same for the batch, shrunk to a side of S/zoom: as if the picture were shrunk
    to a random width, uniform between 1/zoom and 1 of its own, and cropped then.

    Args:
        crops: (B, C, S, S). zoom: 1 or more; 1 draws nothing.

    Returns:
        (B, C, s, s) with s = round(S/zoom). Never enlarged, so that no blur is shown to D as real.
    """
    full = crops.shape[-1]
    side = round(full / zoom)
    if side == full:
        return crops
    scale, y, x = torch.rand(3).tolist()
    window = min(full, round(side / (1 / zoom + (1 - 1 / zoom) * scale)))
    y, x = (int(place * (full - window + 1)) for place in (y, x))
    crops = crops[..., y : y + window, x : x + window]
    return F.interpolate(crops, (side, side), mode="bilinear", align_corners=False, antialias=True)
