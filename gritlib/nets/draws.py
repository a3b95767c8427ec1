"""Random numbers of training that belong to images: noise maps, codes, dropout.

In one process they are what torch draws. Several processes that train one network begin each step with the same random
state; each draws for all images of the step and keeps the numbers of its own, every `world`-th image. So a step is the
same step however many processes share it, which no choice of seeds a process would give.
"""

import contextlib
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

_share = (0, 1)


@contextlib.contextmanager
def shared(rank: int, world: int) -> Iterator[None]:
    """Inside the block this process has the images `rank`, `rank + world`, ... of a step."""
    global _share
    before, _share = _share, (rank, world)
    try:
        yield
    finally:
        _share = before


def randn(shape: Sequence[int], **options) -> Tensor:
    """`torch.randn` of the images that this process has.

    Args:
        shape: (B, ...), B the images of this process. options: dtype and device.
    """
    rank, world = _share
    return torch.randn((shape[0] * world, *shape[1:]), **options)[rank::world]


class Dropout(nn.Dropout):
    """`nn.Dropout` whose mask is drawn for the images of all processes."""

    def forward(self, x: Tensor) -> Tensor:  # (B, ...) -> (B, ...)
        rank, world = _share
        if world == 1 or not self.training or self.p == 0:
            return super().forward(x)
        return x * super().forward(x.new_ones(len(x) * world, *x.shape[1:]))[rank::world]
