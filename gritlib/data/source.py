"""A Source: paired images in memory, cut into square crops a batch at a time.

Every dataset of the course is one of these: a few large uint8 images (scenes, or one array per photo), a list of
windows into them, and for each window the region a random crop may wander in. Decoding happens once, in the loader;
a batch is sliced and converted in bulk. `fit` and `evaluate` know nothing else about data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from gritlib.data import augment

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Card:
    """What a person must know before using a dataset: where it comes from, under which licence, and how it is cut."""

    name: str
    title: str
    origin: str
    licence: str
    splits: str
    note: str = ""

    def __str__(self) -> str:
        rows = [("origin", self.origin), ("licence", self.licence), ("splits", self.splits), ("note", self.note)]
        return f"{self.name}: {self.title}\n" + "\n".join(f"  {key:8s} {value}" for key, value in rows if value)


@dataclass
class Source:
    """Paired crops of one split of a dataset.

    Args:
        name: dataset name, kept in checkpoints.
        split: "train", "val" or "test".
        size: side of the square crops in pixels.
        inputs: one array per image: (H, W, C) uint8 or uint16, or with `classes` a label map (H, W) uint8.
        targets: one array per image: (H, W, C) uint8 or uint16, aligned with `inputs`.
        windows: (n, 3) int: image number, top, left of each crop.
        bounds: (n, 4) int: y0, y1, x0, x1 (ends excluded), the region in which a random crop of this window may lie.
        classes: names of the label ids, when the input is a label map; it is then one-hot encoded.
        palette: (R, G, B) of each class in 0..255, for pictures of label maps.
        jitter: largest random shift of a crop, in pixels along each axis.
        flips: axes along which a random crop may be mirrored: "h" left-right, "v" up-down.
        sides: pairs of label ids that change places under a left-right flip.
        options: what the loader was called with beyond split and size, kept in checkpoints.

    Raises:
        ValueError: an input and its target differ in size, a window leaves its image, or a label id has no class.
    """

    name: str
    split: str
    size: int
    inputs: list[np.ndarray]
    targets: list[np.ndarray]
    windows: np.ndarray
    bounds: np.ndarray
    classes: tuple[str, ...] | None = None
    palette: tuple[tuple[int, int, int], ...] | None = None
    jitter: int = 0
    flips: str = ""
    sides: tuple[tuple[int, int], ...] = ()
    options: dict = field(default_factory=dict)
    paired: ClassVar[bool] = True  # B is the truth of A; not so in `Unpaired`
    shared: ClassVar[bool] = True  # `batch` knows shares

    def __post_init__(self):
        self.windows, self.bounds = np.asarray(self.windows, np.int64), np.asarray(self.bounds, np.int64)
        if len(self.windows) == 0:
            raise ValueError(f"{self.name}/{self.split} has no window of {self.size} pixels: choose a smaller size")
        for number, (a, b) in enumerate(zip(self.inputs, self.targets, strict=True)):
            if a.shape[:2] != b.shape[:2]:
                raise ValueError(f"{self.name}: pair {number} has input {a.shape[:2]} and target {b.shape[:2]} pixels")
            if self.classes is not None:
                check_labels(a, self.classes, f"{self.name}, image {number}")
        shapes = np.array([a.shape[:2] for a in self.inputs])[self.windows[:, 0]]
        outside = (self.windows[:, 1:] < 0) | (self.windows[:, 1:] + self.size > shapes)
        if outside.any():
            raise ValueError(f"{self.name}: window {int(outside.any(1).argmax())} leaves its image")

    def __len__(self) -> int:
        return len(self.windows)

    @property
    def in_channels(self) -> int:
        """Channels of A: the number of classes for a label map."""
        return len(self.classes) if self.classes else self.inputs[0].shape[2]

    @property
    def out_channels(self) -> int:
        return self.targets[0].shape[2]

    def describe(self) -> dict:
        """Plain data for a checkpoint: enough to load the set again, and to read a stranger's input the same way."""
        kept = {"name": self.name, "size": self.size, "options": self.options}
        return kept | {
            "classes": self.classes and list(self.classes),
            "palette": self.palette and [list(c) for c in self.palette],
        }

    def batch(
        self,
        indices: Sequence[int],
        generator: torch.Generator | None = None,
        parts: str = "AB",
        share: tuple[int, int] = (0, 1),
    ) -> dict[str, Tensor]:
        """The crops at `indices`, as they are; with a generator, randomly shifted and mirrored (input, target and
        label alike).

        Args:
            parts: "A" (the label belongs to it) or "B" crops that part alone, from the same random numbers.
            share: (rank, world) returns every `world`-th image from number `rank` on, as it is in the whole batch.

        Returns:
            A: (B, in_channels, H, W) float32, in [-1, 1], or one-hot in {0, 1} for a label map.
            B: (B, out_channels, H, W) float32 in [-1, 1].
            label: (B, H, W) int64, only for label maps.
        """
        indices = np.asarray(indices, np.int64)
        images, corners = self.windows[indices, 0], torch.from_numpy(self.windows[indices, 1:])
        mine = slice(share[0], None, share[1])
        if generator is not None:
            bounds = torch.from_numpy(self.bounds[indices])
            corners = augment.random_offsets(corners, bounds, self.size, self.jitter, generator)
        images_of = {"A": self.inputs, "B": self.targets}
        crops = {part: self._crop(images_of[part], images[mine], corners[mine]) for part in parts}

        if generator is not None:
            for axis, letter in ((-1, "h"), (-2, "v")):
                if letter in self.flips:
                    chosen = (torch.rand(len(indices), generator=generator) < 0.5)[mine]
                    crops = {part: augment.flip(crop, chosen, axis) for part, crop in crops.items()}
                    if letter == "h" and self.sides and "A" in crops:
                        crops["A"] = augment.swap_sides(crops["A"], chosen, self.sides)
        if self.classes is not None and "A" in crops:
            crops |= {"A": one_hot(crops["A"], len(self.classes)), "label": crops["A"]}
        return crops

    def _crop(self, arrays: list[np.ndarray], images: np.ndarray, corners: Tensor) -> Tensor:
        s = self.size
        crops = np.stack([arrays[i][y : y + s, x : x + s] for i, (y, x) in zip(images, corners.tolist(), strict=True)])
        if crops.ndim == 3:  # (B, H, W) label ids
            return torch.from_numpy(crops).long()
        return to_float(crops)


def to_float(images: np.ndarray) -> Tensor:
    """(B, H, W, C) uint8 or uint16 -> (B, C, H, W) float32 in [-1, 1]; 0 and the type's largest value are the ends."""
    half = np.iinfo(images.dtype).max / 2
    # Transposed while they are small: twice as fast as the other way round.
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).astype(np.float32)
    planes /= np.float32(half)
    planes -= 1
    return torch.from_numpy(planes)


def one_hot(label: Tensor, n: int) -> Tensor:
    """(B, H, W) int64 ids -> (B, n, H, W) float32 in {0, 1}, on the same device.

    Raises:
        ValueError: another shape or type, or ids outside 0..n − 1, which a GPU would only report as a failed assertion.
    """
    if label.ndim != 3 or label.is_floating_point():
        raise ValueError(f"label map of shape {tuple(label.shape)} and type {label.dtype}: needed are (B, H, W) ids")
    low, high = int(label.min()), int(label.max())
    if low < 0 or high >= n:
        wrong = [i for i in label.unique().tolist() if not 0 <= i < n]
        raise ValueError(f"label map has ids {wrong}, this model knows 0..{n - 1}")
    label = label.long().unsqueeze(1)
    return torch.zeros(len(label), n, *label.shape[2:], device=label.device).scatter_(1, label, 1.0)


def check_split(split: str) -> None:
    """Refuse a split that no embedded dataset has.

    Raises:
        ValueError: naming the splits.
    """
    if split not in SPLITS:
        raise ValueError(f"split {split!r} is unknown: choose one of {', '.join(SPLITS)}")


def check_labels(label: np.ndarray, classes: Sequence[str], where: str) -> None:
    """Refuse ids without a class, by name, before they reach a network.

    Raises:
        ValueError: naming the ids seen and the ids known.
    """
    unknown = [int(i) for i in np.unique(label) if i >= len(classes)]
    if unknown:
        binary = set(np.unique(label).tolist()) <= {0, 255}
        hint = "; this looks like a black-and-white mask: save the ids 0 and 1 instead of 0 and 255" if binary else ""
        raise ValueError(f"{where}: label map has ids {unknown}, the classes are 0..{len(classes) - 1}{hint}")


def grid_windows(image: int, y0: int, y1: int, x0: int, x1: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Disjoint windows that tile a region of one image, with the region as their bounds.

    Returns:
        windows (n, 3) and bounds (n, 4), as `Source` takes them.
    """
    corners = [(image, y, x) for y in range(y0, y1 - size + 1, size) for x in range(x0, x1 - size + 1, size)]
    windows = np.array(corners, np.int64).reshape(-1, 3)
    return windows, np.tile(np.array([[y0, y1, x0, x1]], np.int64), (len(windows), 1))
