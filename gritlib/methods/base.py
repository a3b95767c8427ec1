"""The protocol every method follows: networks, players, turns.

A method is a generator of turns: `turns(batch, step)` yields who moves and the named terms that player minimises, so
order, alternation and lazy terms are visible Python. `training.fit` does the rest.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn
from tyro.conf import Suppress

from gritlib.losses import GANS
from gritlib.nets import Output
from gritlib.nets.grit import Noise


@dataclass
class MethodConfig:
    """What rebuilds a method, saved in every checkpoint. The channels are the data's, never an option."""

    in_channels: Annotated[int | None, Suppress] = None
    out_channels: Annotated[int | None, Suppress] = None

    def __post_init__(self):
        gan = getattr(self, "gan", None)
        if gan is not None and gan not in GANS:
            raise ValueError(f"GAN loss {gan!r} is unknown: choose one of {', '.join(GANS)}")

    def check_channels(self) -> None:
        """Raises ValueError while the channels are unknown."""
        if self.in_channels is None or self.out_channels is None:
            raise ValueError("the configuration has no channels yet: use config.fit_to(source), or give both numbers")

    def fit_to(self, source) -> "MethodConfig":
        """A copy with the channels of a `Source` filled in."""
        return replace(self, in_channels=source.in_channels, out_channels=source.out_channels)


@dataclass(frozen=True)
class Player:
    """One optimiser: the networks it moves (attribute names), its learning rate and Adam's betas, and whether their
    exponential moving average is kept."""

    nets: tuple[str, ...]
    lr: float
    betas: tuple[float, float]
    ema: bool = False


class Method(nn.Module):
    """Base of all methods. Networks, pools and helpers are plain attributes, so `state_dict` has them all."""

    name: ClassVar[str]
    Config: ClassVar[type[MethodConfig]]
    config: MethodConfig
    stochastic = False  # does `translate` depend on its noise?
    styled = False  # does `translate` depend on its style?
    multiple = 1  # image sides must be multiples of this
    view: ClassVar[Mapping[str, bool]] = {}  # options of a dataset, for the view of it that this method trains on

    @property
    def players(self) -> dict[str, Player]:
        raise NotImplementedError

    def turns(self, batch: dict[str, Tensor], step: int) -> Iterable[tuple[str, dict[str, Tensor]]]:
        """Yield (player, named terms) in the order of play; the loop updates the player before it asks for the next."""
        raise NotImplementedError

    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """Inference, explicit about style and noise; the networks' train/eval mode is neither read nor changed."""
        raise NotImplementedError

    def replace_loss(self, name: str, loss: Callable | None) -> None:
        """Let a student's function or module stand in for the method `name` of this object."""
        if loss is not None:
            # nn.Module keeps a module under its name where the class's own method would hide it: so both are set.
            self.__dict__[name] = loss
            if isinstance(loss, nn.Module):
                self.add_module(f"{name}_module", loss)

    def finish(self, batches: Iterable[dict[str, Tensor]]) -> None:
        """Called on the averaged networks with training batches: running statistics and the like."""


def only_deterministic(name: str, style: Tensor | None, noise: Noise) -> None:
    """Refuse a style or noise maps for a method that has neither. A seed, "fresh" and "zero" all give its one answer.

    Raises:
        ValueError: naming the method.
    """
    if style is not None:
        raise ValueError(f"{name} has no style code: leave the style out")
    if not (noise in ("fresh", "zero") or isinstance(noise, int)):
        raise ValueError(f'noise {noise!r} is not understood by {name}: use "fresh", "zero" or a seed')


@contextlib.contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """Eval mode inside the block; afterwards each module has the mode it had."""
    modes = {module: module.training for module in net.modules()}
    net.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


class Deterministic(Method):
    """Base of methods whose answer is G(A), and one: neither style nor noise changes it."""

    @torch.no_grad()
    def translate(self, A: Tensor, *, style: Tensor | None = None, noise: Noise = "fresh") -> Output:
        """A -> Output(image), with G. Whatever `noise` says, the answer is one.

        Args:
            A: (B, in_channels, H, W) in [-1, 1]; of any size where G takes it.

        Raises:
            ValueError: a style is given, or noise maps.
        """
        only_deterministic(self.name, style, noise)
        with evaluating(self.G):
            return Output(self.G(A.to(next(self.G.parameters(), A).device)))


def build(name: str, config: MethodConfig | dict, **pieces) -> Method:
    """A method from its name and configuration, as stored in a checkpoint.

    Args:
        pieces: a student's own networks, as the method's constructor takes them.

    Raises:
        ValueError: unknown name or configuration field, listing the known ones.
    """
    from gritlib.methods import METHODS

    if name not in METHODS:
        raise ValueError(f"method {name!r} is unknown: choose one of {', '.join(METHODS)}")
    if isinstance(config, dict):
        known = METHODS[name].Config.__dataclass_fields__
        unknown = [key for key in config if key not in known]
        if unknown:
            raise ValueError(f"{name} has no setting {unknown}: its settings are {', '.join(known)}")
        config = METHODS[name].Config(**config)
    return METHODS[name](config, **pieces)
