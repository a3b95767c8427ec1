"""Exponential moving average of weights: what samples are drawn from. GAN players circle; their average does not."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    """Average of the parameters of some networks of a method.

    θ̄ ← d·θ̄ + (1 − d)·θ with d = min(decay, (1 + t)/(10 + t)), so that early averages forget the initialisation.
    Buffers are not averaged.

    Args:
        method: the module that owns the networks. nets: attribute names. decay: between 0 (no averaging) and 1.
    """

    def __init__(self, method: nn.Module, nets: tuple[str, ...], decay: float):
        # Without averaging the last weights are the average: no copy to keep, nothing to read or write in a step.
        self.decay, self.nets = decay, nets if decay else ()
        self.weights = {key: p.detach().clone() for key, p in self._parameters(method)}

    def _parameters(self, method: nn.Module) -> list[tuple[str, Tensor]]:
        return [(key, p) for key, p in method.named_parameters() if key.split(".")[0] in self.nets]

    @torch.no_grad()
    def update(self, method: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        now = self._parameters(method)
        if now:
            torch._foreach_lerp_([self.weights[key] for key, _ in now], [p.detach() for _, p in now], 1 - decay)

    def averaged(self, method: nn.Module) -> nn.Module:
        """A copy of the method, in eval mode, that carries the averaged weights."""
        twin = copy.deepcopy(method)
        with torch.no_grad():
            for key, p in self._parameters(twin):
                p.copy_(self.weights[key])
        return twin.eval()

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take the averages from a state dict that also holds other entries."""
        for key, weight in self.weights.items():
            weight.copy_(state[key])
