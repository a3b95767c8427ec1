"""Label maps as the painting widget handles them: checked at the door, drawn on by lines and floods, told in words."""

from collections.abc import Sequence

import numpy as np


def as_ids(labels, size: Sequence[int], known: int) -> np.ndarray:
    """A label map as (H, W) uint8, refused at the door if a network could not read it.

    Args:
        labels: H·W bytes, or an array or tensor (H, W) of whole numbers. size: (H, W). known: number of classes.

    Raises:
        ValueError: another size or kind, or an id without a class, naming the ids.
    """
    if isinstance(labels, bytes | bytearray | memoryview):
        ids = np.frombuffer(labels, np.uint8)
        if ids.size != size[0] * size[1]:
            raise ValueError(f"label map of {ids.size} bytes: {size[0]} x {size[1]} pixels are {size[0] * size[1]}")
        ids = ids.reshape(*size)
    else:
        ids = np.asarray(labels)
    if ids.shape != tuple(size) or ids.dtype.kind not in "iu":
        raise ValueError(
            f"label map of shape {ids.shape} and type {ids.dtype}: needed are whole numbers, {size[0]} x {size[1]}"
        )
    unknown = np.unique(ids[(ids < 0) | (ids >= known)])
    if unknown.size:
        raise ValueError(f"label map has ids {unknown[:8].tolist()}, this model knows 0..{known - 1}")
    return ids.astype(np.uint8)


def line(ids: np.ndarray, start: tuple[int, int], end: tuple[int, int], id: int, radius: int) -> None:
    """Give an id to all pixels no farther than `radius` from a pixel of the line from start to end, both (y, x).

    As the browser does it: at each of n = max(|Δy|, |Δx|) steps the line's coordinates are rounded, halves up.
    """
    (b, a), (y, x) = start, end
    n = max(abs(y - b), abs(x - a), 1)
    rows, columns = np.ogrid[: ids.shape[0], : ids.shape[1]]
    for s in range(n + 1):
        cy, cx = b + (2 * s * (y - b) + n) // (2 * n), a + (2 * s * (x - a) + n) // (2 * n)
        ids[(rows - cy) ** 2 + (columns - cx) ** 2 <= radius**2] = id


def flood(ids: np.ndarray, y: int, x: int, id: int) -> None:
    """Give an id to the pixel and to all of its class that hang together with it by their sides."""
    (h, w), old = ids.shape, ids[y, x]
    todo = [] if old == id else [(y, x)]
    while todo:
        i, j = todo.pop()
        if 0 <= i < h and 0 <= j < w and ids[i, j] == old:
            ids[i, j] = id
            todo += [(i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)]


def described(ids: np.ndarray, classes: Sequence[str]) -> str:
    """A map in words: its classes with their shares, the largest first, at most six."""
    counts = np.bincount(ids.ravel(), minlength=len(classes))
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    shares = [f"{classes[i]} {100 * counts[i] / ids.size:.0f} %" for i in order]
    return ", ".join(shares[:6] + (["and others"] if len(shares) > 6 else []))
