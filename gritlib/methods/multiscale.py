"""What pix2pixHD's objective consists of, for all methods that minimise it: an adversarial term and feature matching,
means over the scales of a discriminator, and a perceptual loss. Each may be left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from torch import Tensor

from gritlib import backbones, losses
from gritlib.methods.base import Method, MethodConfig, Player
from gritlib.nets.patchgan import condition

Judged = Sequence[tuple[Tensor, list[Tensor]]]


class Multiscale(Method):
    """Base of pix2pixHD and SPADE: players, turns and losses; G, D and perhaps E are theirs."""

    def settle(self, config: MethodConfig, g_loss: Callable | None) -> MethodConfig:
        """The configuration with the perceptual network that it will go on with.

        Raises:
            ValueError: an objective that cannot be.
        """
        config.check_channels()
        if g_loss is None and not (config.gan_weight or config.perceptual_weight):
            raise ValueError("gan_weight and perceptual_weight are both 0: nothing is left to minimise")
        if config.matching_weight and not config.gan_weight:
            raise ValueError("feature matching needs the discriminator: set matching_weight to 0 beside gan_weight 0")
        if not config.perceptual_weight:
            return config
        if config.out_channels != 3:
            raise ValueError(f"a perceptual loss looks at RGB images, the outputs have {config.out_channels} channels")
        return replace(config, perceptual=backbones.choose("perceptual", config.perceptual))

    @property
    def players(self) -> dict[str, Player]:
        c = self.config
        betas = (c.beta1, c.beta2)
        players = {"generator": Player(("G",) if self.E is None else ("G", "E"), c.lr, betas, ema=True)}
        return players | ({"discriminator": Player(("D",), c.d_lr, betas)} if c.gan_weight else {})

    def moves(self, given: Tensor, fake: Tensor, B: Tensor, *code) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Both turns, G's first.

        Args:
            given: what D sees beside the image. code: further arguments of `g_loss`.
        """
        if not self.config.gan_weight:
            yield "generator", self.g_loss(fake, B, None, None, *code)
            return
        # D does not move before its own turn: what it says of the real images serves both.
        real = self.D(condition(B, given))
        yield "generator", self.g_loss(fake, B, self.D(condition(fake, given)), real, *code)
        yield "discriminator", self.d_loss(real, self.D(condition(fake.detach(), given)))

    def d_loss(self, real: Judged, fake: Judged) -> dict[str, Tensor]:
        """Real term + fake term, mean over the scales."""
        terms = [losses.d_adversarial(r, f, self.config.gan) for (r, _), (f, _) in zip(real, fake, strict=True)]
        return {key: sum(term[key] for term in terms) / len(terms) for key in terms[0]}

    def g_loss(self, fake: Tensor, B: Tensor, judged: Judged | None, real: Judged | None) -> dict[str, Tensor]:
        """The weighed terms.

        Args:
            fake, B: (B, C, H, W) in [-1, 1]. judged, real: what D says of fake and of B, None without it.
        """
        c, terms = self.config, {}
        if judged is not None:
            adversarial = sum(losses.g_adversarial(logits, c.gan) for logits, _ in judged) / len(judged)
            terms["adv"] = c.gan_weight * adversarial
            if c.matching_weight:
                activations = [[side for _, side in judgement] for judgement in (judged, real)]
                terms["matching"] = c.matching_weight * losses.feature_matching(*activations)
        if c.perceptual_weight:
            # Not a module of this one: frozen weights belong into no checkpoint, and translating needs none.
            net = backbones.perceptual(c.perceptual).to(fake.device)
            terms["perceptual"] = c.perceptual_weight * losses.perceptual(net.features, fake, B, net.weights)
        return terms
