"""What makes a step faster and changes no result beyond rounding, apart from precision: the order of numbers in a GPU's
memory, cuDNN's choice of algorithms, compiled networks. No GPU has run any of it; the tests force it on a CPU.

On a CPU channels_last costs 3 to 5 % (GRIT at 64 pixels) or 8 to 10 % (pix2pix at 256), so it is a GPU's alone. CUDA
graphs are not here: they would replay recorded memory that no GPU was there to check, and they fit badly to CycleGAN's
pool, FastCUT's flips and SinCUT's windows, which the host draws anew in every step.
"""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor


def layout(device: torch.device) -> torch.memory_format:
    """Order in memory of weights and images: tensor cores want the channels last."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def place(value: Tensor, device: torch.device, order: torch.memory_format) -> Tensor:
    """A part of a batch on the device; images, (B, C, H, W), in that order. The host does not wait for the copy, which
    is safe in this direction: CUDA has read ordinary memory when the call returns."""
    if value.ndim != 4:
        return value.to(device, non_blocking=True)
    return value.to(device, non_blocking=True, memory_format=order)


def follow_weights(optimizer: torch.optim.Optimizer) -> None:
    """Store an optimiser's averages in the order of their weights. Those of a checkpoint have the order of the device
    that wrote it, and a fused optimiser of a GPU refuses another one."""
    for weight, state in optimizer.state.items():
        for key, value in state.items():
            if value.shape == weight.shape and value.stride() != weight.stride():
                state[key] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


@contextlib.contextmanager
def trying_algorithms(device: torch.device) -> Iterator[None]:
    """On a GPU cuDNN tries its algorithms for each new size of convolution and keeps the fastest; the sizes of a
    training never change. Afterwards the setting is what it was."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or device.type == "cuda"
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def compile_networks(method) -> None:
    """Compile the forward and backward passes of a method's networks, in place: weights keep their names, so that
    checkpoints are the same, and copies (the averaged weights) are not compiled. Random numbers stay torch's.

    Raises:
        ValueError: the method differentiates twice, which compiled networks cannot.
    """
    if getattr(method.config, "r1_weight", 0):
        raise ValueError(
            f"compile: R1 of {method.name} differentiates twice, leave compile False or set r1_weight to 0"
        )
    for net in dict.fromkeys(net for player in method.players.values() for net in player.nets):
        getattr(method, net).compile(options={"fallback_random": True})
