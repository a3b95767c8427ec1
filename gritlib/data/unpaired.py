"""Unpaired: a Source whose A and B are drawn apart, from two Sources that share no place.

CycleGAN (Zhu et al. 2017) and CUT (Park et al. 2020) train on two sets of images without any correspondence. Here the
two sets are cut from different places of one dataset, so nothing of A's true partner is ever shown, and the val and
test splits remain ordinary pairs on which an answer can be scored.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gritlib.data.source import Source


@dataclass
class Unpaired:
    """Inputs of one Source beside targets of another; works wherever a Source does.

    Args:
        first: its inputs are A; its targets, the truth of these places, are never shown.
        second: its targets are B.

    Raises:
        ValueError: the two differ in name, split, size or options, or a pixel of one image may be shown by both.
    """

    first: Source
    second: Source
    paired: ClassVar[bool] = False  # B is no truth of A
    shared: ClassVar[bool] = True  # `batch` knows shares

    def __post_init__(self):
        for key in ("name", "split", "size", "options"):
            a, b = getattr(self.first, key), getattr(self.second, key)
            if a != b:
                raise ValueError(f"an unpaired set needs two sources of one {key}, not {a!r} and {b!r}")
        if place := self._shared_place():
            raise ValueError(f"{self.name}/{self.split}: {place} may be shown as A and as B: cut the bounds apart")

    def _shared_place(self) -> str:
        """The first pixel that random crops of both Sources may show; "" if there is none.

        Images are the same when they are the same array, as scenes are that a loader cuts into two sets.
        """
        numbers = {id(x): i for i, pair in enumerate(_pairs(self.first)) for x in pair}
        for j, pair in enumerate(_pairs(self.second)):
            for i in {numbers[id(x)] for x in pair if id(x) in numbers}:
                a, b = _regions(self.first, i)[:, None], _regions(self.second, j)[None]
                y, x = np.maximum(a[..., 0], b[..., 0]), np.maximum(a[..., 2], b[..., 2])
                both = (y < np.minimum(a[..., 1], b[..., 1])) & (x < np.minimum(a[..., 3], b[..., 3]))
                if both.any():
                    return f"pixel ({y[both][0]}, {x[both][0]}) of image {i}"
        return ""

    def __len__(self) -> int:
        return len(self.first)

    def __getattr__(self, name: str):
        """What the two Sources have in common, and what describes A: name, split, size, options, classes, palette."""
        if name in ("name", "split", "size", "options", "classes", "palette", "in_channels", "describe"):
            return getattr(self.first, name)
        raise AttributeError(f"an unpaired set has no {name!r}: its first and second Source have")

    @property
    def out_channels(self) -> int:
        return self.second.out_channels

    def batch(
        self, indices: Sequence[int], generator: torch.Generator | None = None, share: tuple[int, int] = (0, 1)
    ) -> dict[str, Tensor]:
        """A at `indices` and B from elsewhere: with a generator drawn evenly from all of the second Source, shifted
        and mirrored apart from A; without one, place i stands beside place i modulo the second's length. `share` as in
        `Source.batch`.

        Returns:
            As `Source.batch`: A and label of the first Source, B of the second, in the order of the indices.
        """
        given = self.first.batch(indices, generator, parts="A", share=share)
        if generator is None:
            others = np.asarray(indices, np.int64) % len(self.second)
        else:
            others = torch.randint(len(self.second), (len(indices),), generator=generator).numpy()
        return given | self.second.batch(others, generator, parts="B", share=share)


def _pairs(source: Source) -> zip:
    return zip(source.inputs, source.targets, strict=True)


def _regions(source: Source, image: int) -> np.ndarray:
    """(n, 4) different regions y0, y1, x0, x1 of one image in which random crops lie."""
    return np.unique(source.bounds[source.windows[:, 0] == image], axis=0)
