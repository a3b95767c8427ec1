"""The papers' datasets: what is known of each, where a fetched one lies, and its splits as Sources.

`gritlib.fetch` downloads and prepares them (`python -m gritlib data fetch NAME`); here they are read. A prepared set is
a folder with `manifest.json`, which came to its name complete or not at all. The facts stand in assets/public.json:
addresses, hashes, counts, licence, citation.
"""

import functools
import json
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import numpy as np

from gritlib import decoded
from gritlib.data.folders import SUFFIXES, colours, resize, sides_of
from gritlib.data.images import read_image, read_labels
from gritlib.data.source import Card, Source, check_labels
from gritlib.data.unpaired import Unpaired
from gritlib.download import cache_folder

MANIFEST = "manifest.json"


@functools.cache
def registry() -> dict[str, dict]:
    """name -> what is known: title, layout, direction, licence, citation, urls, hashes, counts (see the file)."""
    return json.loads((resources.files("gritlib.data") / "assets" / "public.json").read_text(encoding="utf-8"))


NAMES = tuple(registry())


def root() -> Path:
    """Where fetched sets lie: GRITLIB_DATA, or the folder `data` in the cache."""
    given = os.environ.get("GRITLIB_DATA")
    return Path(given).expanduser() if given else cache_folder() / "data"


def manifest(folder: str | Path) -> dict | None:
    """What a prepared set says of itself; None for any other folder, also one with somebody else's manifest."""
    try:
        kept = json.loads((Path(folder) / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and kept.get("name") in NAMES and "files" in kept else None


def find(name: str) -> Path:
    """The folder of a fetched set, by its name or its path.

    Raises:
        FileNotFoundError: it is not on this machine; says how to get it.
    """
    if name not in NAMES:
        return Path(name)
    if manifest(root() / name) is None:
        fact = registry()[name]
        way = f"python -m gritlib data fetch {name}" if "urls" in fact else fact["own"]
        raise FileNotFoundError(f"{name} is not in {root()}: {way} (elsewhere: GRITLIB_DATA=FOLDER, or its path)")
    return root() / name


def card(name: str) -> Card:
    """The card of a public set, by its name or the path of a prepared one: with the counts that are there."""
    kept = manifest(root() / name if name in NAMES else name)
    fact = registry()[kept["name"] if kept else name]
    counts = kept["counts"] if kept else fact.get("counts", {"in all": fact.get("total")})
    amount = fact.get("bytes", fact.get("about"))
    load = f"download {amount / 1e6:,.0f} MB" if amount else "your own download"
    return Card(
        name=name,
        title=fact["title"],
        origin=f"{fact['origin']}; {fact['home']}; cite {fact['citation']}",
        licence=fact["licence"],
        splits=", ".join(f"{split} {count:,}" for split, count in counts.items()) + f"; {load}",
        note=f"{fact['note']} Lesson: {fact['lesson']}.",
    )


class Mapped(Source):
    """A Source over images that lie decoded on disk: each was checked when it was decoded, not again at every start."""

    def __post_init__(self):
        self.windows, self.bounds = np.asarray(self.windows, np.int64), np.asarray(self.bounds, np.int64)


def load(
    name: str,
    split: str = "train",
    size: int = 256,
    *,
    direction: str | None = None,
    load_size: int | None = None,
    flip: bool = True,
    n: int | None = None,
    unpaired: bool = False,
    progress: bool = True,
) -> Source | Unpaired:
    """One split of a fetched set as a Source over mapped files; decoded at the first call (`gritlib.decoded`).

    Sizing and cropping are those of `folders.load`. Grey photos become RGB, as in the papers' loaders.

    Args:
        name: of a fetched set, or the path of its folder. split: one that it has. size: side of the crops in pixels.
        direction: "AtoB" or "BtoA"; by default the usual one of the set (its card says which). load_size: shorter side
            of a resized image, by default size · 286/256 for train and size otherwise. flip: mirror left-right.
        n: so many images, evenly spread over the split, instead of all. unpaired: of training pairs the first, third, …
            gives its A alone and the others their B; a set without pairs is always drawn apart.

    Raises:
        FileNotFoundError: the set is not here. ValueError: it has no such split or direction, or a file is broken.
    """
    folder = find(name)
    kept, where = manifest(folder), name if name in NAMES else str(folder.resolve())
    layout, classes = kept["layout"], tuple(kept["classes"]) if kept.get("classes") else None
    direction = direction or kept["direction"]
    if direction not in (("AtoB",) if classes else ("AtoB", "BtoA")):
        raise ValueError(f"{name}: has no direction {direction!r}: use AtoB" + ("" if classes else " or BtoA"))
    edge = load_size or (round(size * 286 / 256) if split == "train" else size)
    if edge < size:
        raise ValueError(f"{name}: load_size={edge} is smaller than the crops: choose {size} or more")
    if kept.get("sizes"):  # prepared at several sizes: the smallest that need not be enlarged
        folder = folder / str(min((s for s in kept["sizes"] if s >= edge), default=max(kept["sizes"])))

    def images(parts: Sequence[str]) -> list[tuple[np.ndarray, ...]]:
        files = [_files(folder / part) for part in parts]
        for part, side in zip(parts, files, strict=True):
            expected = kept["counts"][part.partition("/")[0]]
            if len(side) != expected:
                raise ValueError(
                    f"{folder / part}: has {len(side):,} images, {expected:,} were prepared: put back what is missing, "
                    "or prepare the set again with --again"
                )
        if [file.stem for file in files[0]] != [file.stem for file in files[-1]]:
            raise ValueError(f"{folder}: the names in {' and '.join(parts)} differ: prepare the set again with --again")
        chosen = np.linspace(0, len(files[0]) - 1, min(n or len(files[0]), len(files[0]))).round().astype(int)
        items = [tuple(side[i] for side in files) for i in chosen]
        key = "-".join([kept["name"], kept["files"][:12], *parts, str(edge), str(len(items))]).replace("/", "-")
        return decoded.load(key, items, lambda item: _read(item, edge, classes, layout), progress)

    splits = sorted({split.rstrip("AB") for split, count in kept["counts"].items() if count})
    if split not in splits:
        raise ValueError(f"{name}: has no split {split!r}: choose {', '.join(splits)}")
    options = {"direction": direction, "load_size": load_size, "flip": flip, "n": n}
    options |= {"unpaired": True} if unpaired else {}
    labels = {"classes": classes, "palette": _palette(kept), "sides": sides_of(classes)} if classes else {}

    def source(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> Source:
        shapes = np.array([image.shape[:2] for image in a])
        corners = (shapes - size) // 2
        windows = np.column_stack([np.arange(len(a)), corners])
        bounds = np.column_stack([shapes[:, :1] * [[0, 1]], shapes[:, 1:] * [[0, 1]]])
        how = {"jitter": int((shapes - size - corners).max()), "flips": "h" if flip else "", "options": options}
        return Mapped(where, split, size, list(a), list(b), windows, bounds, **how, **labels)

    if layout == "cyclegan":
        a, b = ([image for (image,) in images([f"{split}{side}"])] for side in "AB")
    else:
        a, b = zip(*images([f"{split}/mask", f"{split}/image"] if layout == "mask" else [split]), strict=True)
    a, b = (a, b) if direction == "AtoB" else (b, a)
    if layout == "cyclegan":
        return Unpaired(source(a, a), source(b, b))
    if unpaired and split == "train":
        return Unpaired(source(a[::2], b[::2]), source(a[1::2], b[1::2]))
    return source(a, b)


def _files(folder: Path) -> list[Path]:
    seen = (file for file in folder.iterdir() if not file.name.startswith("."))
    return sorted(file for file in seen if file.suffix.lower() in SUFFIXES)


def _palette(kept: dict) -> tuple[tuple[int, int, int], ...]:
    given = kept.get("palette")
    return tuple(map(tuple, given)) if given else colours(len(kept["classes"]))


def _read(files: tuple[Path, ...], edge: int, classes: Sequence[str] | None, layout: str) -> tuple[np.ndarray, ...]:
    """An item's images, resized apart: the two halves of a file, an image alone, or a label map and its image."""
    image = read_image(files[-1])
    image = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    if layout == "side-by-side":
        half, odd = divmod(image.shape[1], 2)
        if odd:
            raise ValueError(f"{files[-1]}: is {image.shape[1]} pixels wide, A and B need an even width")
        return resize(image[:, :half], edge), resize(image[:, half:], edge)
    if classes is None:
        return (resize(image, edge),)
    label = read_labels(files[0])
    check_labels(label, classes, str(files[0]))
    if label.shape != image.shape[:2]:
        raise ValueError(f"{files[0]}: is {label.shape[::-1]} pixels, its image {image.shape[1::-1]}")
    return resize(label, edge), resize(image, edge)
