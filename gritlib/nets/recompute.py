"""Gradient checkpointing (Chen et al. 2016): a block keeps its input alone, and the backward pass computes what it held
again. A generator's memory falls to a fraction for about one more of its forward passes; its gradients are the same bit
for bit on a CPU, because the second pass draws the same random numbers, starts from the same buffers (spectral norm's
vectors) and leaves no trace in them (batch norm's running statistics).

A network takes part by having an attribute `recompute` and by calling its blocks through `held`.
"""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def recompute(net: nn.Module, on: bool = True) -> None:
    """Switch it on, or off, in every network inside that can.

    Raises:
        ValueError: on, and no network inside can.
    """
    able = [module for module in net.modules() if isinstance(getattr(module, "recompute", None), bool)]
    if on and not able:
        raise ValueError(
            f"recompute: no network of this {type(net).__name__} calls its blocks through nets.recompute.held: leave "
            f"it False, or train with one of this package's generators"
        )
    for module in able:
        module.recompute = on


def held(net: nn.Module, block: Callable, *given):
    """block(*given); where `net.recompute` is set and gradients are on, without what the block keeps for its backward.

    Args:
        net: the network that the block belongs to. block: a module of it, or a function that calls some.

    Raises:
        RuntimeError: in the backward pass, when weights or train/eval modes are no longer those of the forward pass.
            torch counts changes of weights; its fused optimisers do not, nor does autograd's own check see them.
    """
    if not (net.recompute and torch.is_grad_enabled()):
        return block(*given)
    modules = list((block if isinstance(block, nn.Module) else net).modules())
    # use_reentrant=True would silently give the weights no gradient under backward(inputs=...).
    return checkpoint(block, *given, use_reentrant=False, preserve_rng_state=True, context_fn=lambda: passes(modules))


def passes(modules: list[nn.Module]):
    """Contexts of a block's two passes. They share what the first one began with."""
    seen = condition(modules)
    buffers = [{name: b.clone() for name, b in module._buffers.items() if b is not None} for module in modules]
    return contextlib.nullcontext(), SecondPass(modules, seen, buffers)


def condition(modules: list[nn.Module]) -> list:
    """Versions of all weights, and all modes: what must not change between the passes."""
    return [(m.training, *(p._version for p in m._parameters.values() if p is not None)) for m in modules]


class SecondPass(contextlib.AbstractContextManager):
    """Works on copies of the buffers that the first pass found; afterwards the buffers are as before. May be entered
    again: a graph that is retained has a third pass."""

    def __init__(self, modules: list[nn.Module], seen: list, buffers: list[dict[str, Tensor]]):
        self.modules, self.seen, self.buffers = modules, seen, buffers

    def __enter__(self) -> None:
        if condition(self.modules) != self.seen:
            raise RuntimeError(
                "recompute: weights were moved, or train() or eval() was called, between a forward pass and its "
                "backward pass, which would now compute something else: call backward first, or leave recompute False"
            )
        self.now = [dict(module._buffers) for module in self.modules]
        for module, kept in zip(self.modules, self.buffers, strict=True):
            module._buffers.update({name: b.clone() for name, b in kept.items()})

    def __exit__(self, *error) -> None:
        for module, kept in zip(self.modules, self.now, strict=True):
            module._buffers.update(kept)
