"""CycleGAN (Zhu et al. 2017): translation between two sets of images of which no pair is known.

    min_{G,F} max_{D_A,D_B}  L_GAN(G, D_B) + L_GAN(F, D_A) + λ·L_cyc(G, F)
    L_cyc(G, F) = ‖F(G(a)) − a‖₁ + ‖G(F(b)) − b‖₁                G: A -> B,  F: B -> A

| loss                               | G   | F   | D_A | D_B |
|------------------------------------|-----|-----|-----|-----|
| D_A's own: a real, F(b) fake       | –   | –   | yes | –   |
| D_B's own: b real, G(a) fake       | –   | –   | –   | yes |
| L_GAN: D_B should take G(a) for real | yes | – | –   | –   |
| L_GAN: D_A should take F(b) for real | – | yes | –   | –   |
| λ·forward cycle, ‖F(G(a)) − a‖₁    | yes | yes | –   | –   |
| λ·backward cycle, ‖G(F(b)) − b‖₁   | yes | yes | –   | –   |
| identity, ‖G(b) − b‖₁, ‖F(a) − a‖₁ | yes | yes | –   | –   |

Both generators move first, then both discriminators, which see a history of generated images, and no input. The
adversarial loss is least squares and D's is halved (the authors' code). The identity term is off, as in the paper,
which uses it for paintings alone; the authors' code has it on, with a weight of 0.5·λ. Leaving terms out gives the
paper's ablation. Defaults are the course's size, 64 pixels with 4 residual blocks; `paper` is the published network.

No image is translated twice, and images that go through the same network go through it together.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

from torch import Tensor, nn

from gritlib import losses
from gritlib.methods.base import Deterministic, MethodConfig, Player
from gritlib.methods.pool import ImagePool
from gritlib.nets import PatchGAN, ResNetGenerator, UNet
from gritlib.nets.blocks import jointly, reestimate_batchnorm
from gritlib.nets.init import init_normal


@dataclass
class CycleGANConfig(MethodConfig):
    """CycleGAN's settings; the defaults train at 64 pixels on two CPU cores."""

    generator: Literal["resnet", "unet"] = "resnet"
    """network of both generators"""
    width: int = 16
    """channels of the generators' first layer"""
    blocks: int = 4
    """residual blocks of a ResNet: the paper has 6 at 128 pixels, 9 at 256"""
    depth: int = 4
    """halvings in a U-Net"""
    norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the generators"""
    antialias: bool = False
    """ResNet: blur before halving and after doubling, as CUT's code does"""
    d_width: int = 16
    """channels of the discriminators' first layer"""
    d_layers: int = 2
    """stride-2 layers of the PatchGANs: receptive field 1, 16, 34, 70, 142, 286 for 0 to 5"""
    d_norm: Literal["batch", "instance", "none"] = "instance"
    """normalisation in the discriminators"""
    gan: Literal["bce", "lsgan", "hinge"] = "lsgan"
    """adversarial loss"""
    gan_weight: float = 1.0
    """weight of the adversarial terms; 0 leaves them out: cycle alone"""
    cycle: Literal["both", "forward", "backward", "none"] = "both"
    """which cycles: forward is a -> G -> F, backward b -> F -> G, none leaves the adversarial terms alone"""
    cycle_weight: float = 10.0
    """λ"""
    cycle_loss: Literal["l1", "l2", "mix"] = "l1"
    """distance in the cycle and identity terms"""
    identity_weight: float = 0.0
    """weight of the identity terms as a share of λ: 0.5 in the authors' code"""
    pool: int = 50
    """generated images kept for the discriminators; 0 shows them the newest alone"""
    lr: float = 2e-4
    """Adam's learning rate, both players"""
    beta1: float = 0.5
    """Adam's β₁, both players"""


class Translated(NamedTuple):
    """What the generators made of one batch: fake_B = G(a), fake_A = F(b), rec_A = F(fake_B), rec_B = G(fake_A),
    same_B = G(b), same_A = F(a); None where no loss asks for it."""

    fake_A: Tensor
    fake_B: Tensor
    rec_A: Tensor | None
    rec_B: Tensor | None
    same_A: Tensor | None
    same_B: Tensor | None


class CycleGAN(Deterministic):
    """CycleGAN and its ablations. A student's own pieces enter as arguments.

    Args:
        config: settings, with the channels filled in. generators: modules (G, F), A -> B and B -> A. discriminators:
            modules (D_A, D_B), image -> logits. pools: callables (of fakes of A, of B), images -> images.

    Raises:
        ValueError: settings that leave nothing to minimise, or an identity term between images of different channels.
    """

    name = "cyclegan"
    Config = CycleGANConfig
    view: ClassVar = {"unpaired": True}

    def __init__(
        self,
        config: CycleGANConfig,
        generators: tuple[nn.Module, nn.Module] | None = None,
        discriminators: tuple[nn.Module, nn.Module] | None = None,
        pools: tuple[Callable, Callable] | None = None,
    ):
        super().__init__()
        config.check_channels()
        self.config = c = config
        if not c.gan_weight and not (c.cycle_weight and (c.cycle != "none" or c.identity_weight)):
            raise ValueError("gan_weight and all cycles are 0: nothing is left to minimise")
        if c.identity_weight and c.in_channels != c.out_channels:
            raise ValueError(
                f"an identity term needs images of the same kind, these have {c.in_channels} and {c.out_channels} "
                f"channels: set identity_weight to 0"
            )
        ways = ((c.in_channels, c.out_channels), (c.out_channels, c.in_channels))
        self.G, self.F = generators or (init_normal(self.network(*way)) for way in ways)
        self.D_A, self.D_B = discriminators or (
            init_normal(PatchGAN(channels, c.d_width, c.d_layers, c.d_norm)) for channels in ways[0]
        )
        self.pool_A, self.pool_B = pools or (ImagePool(c.pool), ImagePool(c.pool))
        self.multiple = 2**c.depth if c.generator == "unet" and generators is None else 1

    def network(self, channels: int, out_channels: int) -> nn.Module:
        c = self.config
        if c.generator == "unet":
            return UNet(channels, out_channels, c.width, c.depth, c.norm)
        return ResNetGenerator(channels, out_channels, c.width, c.blocks, c.norm, c.antialias)

    @property
    def players(self) -> dict[str, Player]:
        betas = (self.config.beta1, 0.999)
        players = {"generators": Player(("G", "F"), self.config.lr, betas, ema=True)}
        if self.config.gan_weight:
            players["discriminators"] = Player(("D_A", "D_B"), self.config.lr, betas)
        return players

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterator[tuple[str, dict[str, Tensor]]]:
        A, B = batch["A"], batch["B"]
        made = self.both_ways(A, B)
        if not self.config.gan_weight:
            yield "generators", self.g_loss(A, B, made, None, None)
            return
        yield "generators", self.g_loss(A, B, made, self.D_A(made.fake_A), self.D_B(made.fake_B))
        terms = {}
        for name, D, real, fake in (
            ("D_A", self.D_A, A, self.pool_A(made.fake_A.detach())),
            ("D_B", self.D_B, B, self.pool_B(made.fake_B.detach())),
        ):
            terms |= {key.replace("D", name): term for key, term in self.d_loss(*jointly(D, real, fake)).items()}
        yield "discriminators", terms

    def both_ways(self, A: Tensor, B: Tensor) -> Translated:
        """All translations that the losses ask for."""
        c = self.config
        same_A = same_B = None
        if c.identity_weight:
            fake_B, same_B = jointly(self.G, A, B)
            fake_A, same_A = jointly(self.F, B, A)
        else:
            fake_B, fake_A = self.G(A), self.F(B)
        rec_A = self.F(fake_B) if c.cycle_weight and c.cycle in ("both", "forward") else None
        rec_B = self.G(fake_A) if c.cycle_weight and c.cycle in ("both", "backward") else None
        return Translated(fake_A, fake_B, rec_A, rec_B, same_A, same_B)

    def d_loss(self, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """½·(real term + fake term) of one discriminator, from its logits."""
        return {key: 0.5 * term for key, term in losses.d_adversarial(real, fake, self.config.gan).items()}

    def g_loss(
        self, A: Tensor, B: Tensor, made: Translated, logits_A: Tensor | None, logits_B: Tensor | None
    ) -> dict[str, Tensor]:
        """L_GAN + λ·L_cyc + identity.

        Args:
            A, B: real images. made: of `both_ways`. logits_A, logits_B: D_A's of fake_A, D_B's of fake_B.
        """
        c, terms = self.config, {}

        def add(name: str, weight: float, image: Tensor | None, target: Tensor) -> None:
            if image is not None:
                terms[name] = weight * losses.pixel(image, target, c.cycle_loss)

        if logits_A is not None:
            terms["adv_G"] = c.gan_weight * losses.g_adversarial(logits_B, c.gan)
            terms["adv_F"] = c.gan_weight * losses.g_adversarial(logits_A, c.gan)
        add("cycle_A", c.cycle_weight, made.rec_A, A)
        add("cycle_B", c.cycle_weight, made.rec_B, B)
        add("identity_A", c.cycle_weight * c.identity_weight, made.same_A, A)
        add("identity_B", c.cycle_weight * c.identity_weight, made.same_B, B)
        return terms

    def inverse(self) -> "CycleGAN":
        """The same networks the other way round: its `translate` goes from B to A."""
        c = self.config
        cycle = {"forward": "backward", "backward": "forward"}.get(c.cycle, c.cycle)
        c = replace(c, in_channels=c.out_channels, out_channels=c.in_channels, cycle=cycle)
        other = CycleGAN(c, (self.F, self.G), (self.D_B, self.D_A), (self.pool_B, self.pool_A))
        other.multiple, other.training = self.multiple, self.training
        return other

    def finish(self, batches) -> None:
        """Batch norm's running statistics for the averaged weights, each generator on its own side's images."""
        both = nn.ModuleList([self.G, self.F])
        reestimate_batchnorm(both, lambda batch: (self.G(batch["A"]), self.F(batch["B"])), batches)
