"""CUT and FastCUT (Park et al. 2020): one direction, held together by contrast between patches instead of a cycle.

    L_GAN(G, D) + λ_X·L_PatchNCE(G, H, X) + λ_Y·L_PatchNCE(G, H, Y)

A patch of G(a) should be recognised as the partner of the patch of a at the same place, among the other patches of a.
Patches are features of G's own first half, G_enc, mapped by small heads H; the Y term asks the same of b and G(b).

| loss                                | G_enc | G_dec | H   | D   |
|-------------------------------------|-------|-------|-----|-----|
| D's own: b real, G(a) fake          | –     | –     | –   | yes |
| L_GAN: D should take G(a) for real  | yes   | yes   | –   | –   |
| λ_X·L_PatchNCE: of a and G(a)       | yes   | yes   | yes | –   |
| λ_Y·L_PatchNCE: of b and G(b)       | yes   | yes   | yes | –   |

Equation and authors' code differ, and the defaults here are the code's: means over patches and layers (printed are
sums), the two PatchNCE terms halved, no gradient into the features of the input. `reduction`, `halve` and
`key_gradient` give the printed objective, and so does the `paper` preset. FastCUT has λ_X = 10, λ_Y = 0 and flips G's
input at random, whose output's features, flipped back, must be those of the unflipped input. The features of the input
are those of the forward pass that translates it; only an unflipped partner is encoded once more.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from gritlib import losses
from gritlib.methods.base import Deterministic, MethodConfig, Player, evaluating
from gritlib.nets import PatchGAN, PatchSampler, ResNetGenerator
from gritlib.nets.blocks import has_batch_norm, jointly, reestimate_batchnorm
from gritlib.nets.init import init_normal, init_xavier
from gritlib.nets.patch_sampler import normalise

Features = dict[str, Tensor]


@dataclass
class CUTConfig(MethodConfig):
    """CUT's settings; the defaults train at 64 pixels on two CPU cores."""

    width: int = 16
    """channels of the generator's first layer"""
    blocks: int = 4
    """residual blocks: the paper has 9 at 256 pixels"""
    norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the generator"""
    antialias: bool = True
    """blur before halving and after doubling, in G and D"""
    init: Literal["xavier", "normal"] = "xavier"
    """first weights: CUT's code has Xavier's with gain 0.02, CycleGAN's a normal distribution"""
    d_width: int = 16
    """channels of the discriminator's first layer"""
    d_layers: int = 2
    """layers of the PatchGAN that halve the sides: 3 in the paper"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminator"""
    gan: Literal["bce", "lsgan", "hinge"] = "lsgan"
    """adversarial loss"""
    gan_weight: float = 1.0
    """weight of the adversarial term"""
    layers: tuple[str, ...] = ("rgb", "down1", "down2", "res1", "res3")
    """layers whose patches are compared: rgb, down1, down2, res1, res2, ...; the paper has res5 for the last"""
    patches: int = 64
    """places a layer: 256 in the paper; a layer of 16x16 has no more"""
    dim: int = 64
    """length of a patch's embedding, and width of the heads: 256 in the paper, four times a layer of width 16"""
    tau: float = 0.07
    """temperature"""
    nce_weight: float = 1.0
    """λ_X"""
    identity_weight: float = 1.0
    """λ_Y; 0 leaves the Y term out"""
    flip: bool = False
    """flip equivariance: G's input is mirrored with probability ½, the features of its output are mirrored back"""
    negatives: Literal["internal", "external", "both"] = "internal"
    """other patches of the same image, patches of other images from a bank, or both"""
    bank: int = 4096
    """external: patches kept a layer, 16384 in the paper; a momentum encoder makes them"""
    momentum: float = 0.999
    """external: of the momentum encoder"""
    encoder: Literal["shared", "separate"] = "shared"
    """separate: another encoder with heads of its own for the input"""
    decoder_gradient: bool = True
    """do the PatchNCE terms train the decoder?"""
    key_gradient: bool = False
    """do the PatchNCE terms flow into the features of the input? A separate encoder's always have it"""
    reduction: Literal["mean", "sum"] = "mean"
    """over patches and layers: sum as printed, mean as the code"""
    halve: bool = True
    """with both PatchNCE terms, take half of each, as the code"""
    lr: float = 2e-4
    """Adam's learning rate, both players; the thesis prints 0.002, but says it is CycleGAN's"""
    beta1: float = 0.5
    """Adam's β₁, both players"""


@dataclass
class FastCUTConfig(CUTConfig):
    """FastCUT's settings: CUT's with a larger λ_X, no Y term, and flips."""

    nce_weight: float = 10.0
    """λ_X"""
    identity_weight: float = 0.0
    """λ_Y; 0 leaves the Y term out"""
    flip: bool = True
    """flip equivariance: G's input is mirrored with probability ½, the features of its output are mirrored back"""


class CUT(Deterministic):
    """CUT and its ablations. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generator: module A -> B with named layers, as `ResNetGenerator`.
            discriminator: module of an image -> logits. heads: module as `PatchSampler`. patch_nce: function of
            queries, keys (B, S, C) and τ -> losses (B, S), for internal negatives.

    Raises:
        ValueError: layers the generator does not have, images of different channels, fewer than 2 patches, nothing to
            minimise, or a `patch_nce` of one's own with external negatives.
    """

    name = "cut"
    Config = CUTConfig
    view: ClassVar = {"unpaired": True}

    def __init__(
        self,
        config: CUTConfig,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        heads: nn.Module | None = None,
        patch_nce: Callable | None = None,
    ):
        super().__init__()
        config.check_channels()
        self.config = c = config
        if c.in_channels != c.out_channels:
            raise ValueError(f"CUT's encoder sees both sides, which have {c.in_channels} and {c.out_channels} channels")
        if not (c.gan_weight or c.nce_weight or c.identity_weight):
            raise ValueError("gan_weight, nce_weight and identity_weight are all 0: nothing is left to minimise")
        if c.patches < 2 or not c.layers:
            raise ValueError(f"{c.patches} patches of layers {c.layers}: PatchNCE needs 2 or more, and a layer")
        if patch_nce is not None and c.negatives != "internal":
            raise ValueError("a patch_nce of your own knows internal negatives alone: set negatives to internal")
        init = init_xavier if c.init == "xavier" else init_normal
        if generator is None:
            sizes = (c.in_channels, c.out_channels, c.width, c.blocks, c.norm, c.antialias)
            generator = init(ResNetGenerator(*sizes))
        self.G = generator
        if discriminator is None:
            net = PatchGAN(c.out_channels, c.d_width, c.d_layers, c.d_norm, antialias=c.antialias)
            discriminator = init(net)
        self.D = discriminator
        with torch.no_grad(), evaluating(self.G):  # batch norm's statistics are not to see these zeros
            widths = [f.shape[1] for f in self.encode(self.G, torch.zeros(1, c.in_channels, 16, 16)).values()]
        self.H = heads if heads is not None else init(PatchSampler(widths, c.dim))
        self.patch_nce = patch_nce or losses.patch_nce
        if c.encoder == "separate":
            self.G_X, self.H_X = copy.deepcopy(self.G).encoder_only(), init(PatchSampler(widths, c.dim))
        if c.negatives != "internal":
            self.bank = Bank(self.G, self.H, len(widths), c.dim, c.bank, c.momentum)

    @property
    def players(self) -> dict[str, Player]:
        c = self.config
        betas = (c.beta1, 0.999)
        nets = ("G", "H") + (("G_X", "H_X") if c.encoder == "separate" else ())
        players = {"generator": Player(nets, c.lr, betas, ema=True)}
        if c.gan_weight:
            players["discriminator"] = Player(("D",), c.lr, betas)
        return players

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        c, A, B = self.config, batch["A"], batch["B"]
        mirrored = c.flip and bool(torch.rand(()) < 0.5)
        images, seen = self.translate_and_encode([A.flip(-1) if mirrored else A] + ([B] if c.identity_weight else []))
        fake = images[0]
        if c.gan_weight:
            yield "discriminator", self.d_loss(*jointly(self.D, B, fake.detach()))
        terms = {}
        if c.nce_weight or c.identity_weight:
            if mirrored and c.encoder == "shared":
                with torch.set_grad_enabled(c.key_gradient):
                    seen[0] = self.encode(self.G, A)
            sources = [A, B][: len(images)]
            terms = self.nce(images, seen, sources, mirrored)
            if c.negatives != "internal":
                self.bank.enqueue(self.G, self.H, A, c)
        yield "generator", terms | self.g_loss(self.D(fake) if c.gan_weight else None)

    def encode(self, net: nn.Module, x: Tensor) -> Features:
        return net.encode(x, self.config.layers)

    def encode_each(self, images: list[Tensor]) -> list[Features]:
        """Features of several batches of images: in one call, or with batch norm, whose statistics belong to one side's
        images, in a call for each."""
        if has_batch_norm(self.G):
            return [self.encode(self.G, x) for x in images]
        return split(self.encode(self.G, torch.cat(images)), len(images))

    def translate_and_encode(self, images: list[Tensor]) -> tuple[list[Tensor], list[Features]]:
        """G of several batches of images and, at no further cost, the features G's first half made of them."""
        if has_batch_norm(self.G):
            made, features = zip(*(self.G(x, taps=self.config.layers) for x in images), strict=True)
            return list(made), list(features)
        made, features = self.G(torch.cat(images), taps=self.config.layers)
        return list(made.chunk(len(images))), split(features, len(images))

    def nce(
        self, images: list[Tensor], seen: list[Features], sources: list[Tensor], mirrored: bool
    ) -> dict[str, Tensor]:
        """The PatchNCE terms of G(a), and with λ_Y of G(b).

        Args:
            images: outputs. seen: features of their inputs. sources: these inputs. mirrored: does images[0] come from a
                mirrored input?
        """
        c = self.config
        features = self.encode_each(images if c.decoder_gradient else [image.detach() for image in images])
        weights = {"NCE": c.nce_weight, "NCE_Y": c.identity_weight}
        share = 0.5 if c.halve and len(images) == 2 else 1.0
        terms = {}
        for i, name in enumerate(list(weights)[: len(images)]):
            queries = [f.flip(-1) if mirrored and i == 0 else f for f in features[i].values()]
            keys, places = self.keys(seen[i], sources[i])
            queries, _ = self.H(queries, c.patches, places)
            found = [self.contrast(q, k, layer) for layer, (q, k) in enumerate(zip(queries, keys, strict=True))]
            if c.reduction == "sum":
                value = sum(f.sum(1).mean() for f in found)
            else:
                value = sum(f.mean() for f in found) / len(found)
            terms[name] = share * weights[name] * value
        return terms

    def keys(self, seen: Features, source: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Embeddings of the input's patches, and their places."""
        c = self.config
        if c.encoder == "separate":  # nothing else trains it
            return self.H_X(list(self.encode(self.G_X, source).values()), c.patches)
        with torch.set_grad_enabled(c.key_gradient and torch.is_grad_enabled()):
            return self.H(list(seen.values()), c.patches)

    def contrast(self, q: Tensor, k: Tensor, layer: int) -> Tensor:
        """PatchNCE of one layer, (B, S)."""
        c = self.config
        if c.negatives == "internal":
            return self.patch_nce(q, k, c.tau)
        return losses.patch_nce(q, k, c.tau, self.bank.patches[layer], internal=c.negatives == "both")

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """½·(real term + fake term), from logits."""
        return {key: 0.5 * term for key, term in losses.d_adversarial(real, fake, self.config.gan).items()}

    def g_loss(self, fake_logits: Tensor | None) -> dict[str, Tensor]:
        """The adversarial term, from D's logits of the output."""
        if fake_logits is None:
            return {}
        return {"adv": self.config.gan_weight * losses.g_adversarial(fake_logits, self.config.gan)}

    def finish(self, batches) -> None:
        """Batch norm's running statistics for the averaged weights."""
        reestimate_batchnorm(self.G, lambda batch: self.G(batch["A"]), batches)


def split(features: Features, n: int) -> list[Features]:
    """The features of n batches that went through the network as one."""
    parts = {name: f.chunk(n) for name, f in features.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(n)]


class FastCUT(CUT):
    """CUT with FastCUT's settings."""

    name = "fastcut"
    Config = FastCUTConfig


class Bank(nn.Module):
    """Patches of earlier images as negatives for all (the thesis' ablation, after MoCo, He et al. 2020): made by a
    slowly following copy of encoder and heads, the newest in place of the oldest. It begins with random directions.

    Args:
        generator, heads: copied. layers: number of. dim: of an embedding. size: patches a layer. momentum: of the copy.
    """

    def __init__(self, generator: nn.Module, heads: nn.Module, layers: int, dim: int, size: int, momentum: float):
        super().__init__()
        self.G, self.H = copy.deepcopy(generator).encoder_only(), copy.deepcopy(heads)
        self.momentum = momentum
        self.register_buffer("patches", normalise(torch.randn(layers, size, dim)))
        self.register_buffer("next", torch.zeros(layers, dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, generator: nn.Module, heads: nn.Module, images: Tensor, config: CUTConfig) -> None:
        """Follow the networks, and store the patches of these images."""
        for mine, theirs in ((self.G, generator), (self.H, heads)):
            now = dict(theirs.named_parameters())
            for name, p in mine.named_parameters():
                p.lerp_(now[name].to(p), 1 - self.momentum)
        embedded, _ = self.H(list(self.G.encode(images, config.layers).values()), config.patches)
        self.patches = self.patches.clone()  # this step's losses still need the old ones for their gradients
        size = self.patches.shape[1]
        for layer, patches in enumerate(embedded):  # small layers give fewer patches, so each has its own end
            new = patches.flatten(0, 1)[-size:].to(self.patches)
            self.patches[layer, (self.next[layer] + torch.arange(len(new), device=new.device)) % size] = new
            self.next[layer] += len(new)
