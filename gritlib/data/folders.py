"""Your own images: side-by-side files, two folders, images with masks, or two sets without pairs, read from disk.

Nothing has to be combined first (the official `combine_A_and_B.py` fails silently, pix2pix issues #464, #700), and
whatever does not pair up is refused by name. Sizing follows pix2pix (Isola et al. 2017, appendix 6.2): enlarge, then
crop at random. Unlike there the aspect ratio is kept: the shorter side becomes `load_size`, val and test take the
centre square, and a training crop may lie anywhere in the image.
"""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from gritlib.data.images import Header, peek, read_image, read_labels
from gritlib.data.source import SPLITS, Source, check_labels
from gritlib.data.unpaired import Unpaired

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
LAYOUTS = {
    "side-by-side": "<root>/<split>/NAME.png, each file holds A and B next to each other",
    "pairs": "<root>/<split>/A/NAME.png and <root>/<split>/B/NAME.png, or <root>/A/<split>/ and <root>/B/<split>/",
    "mask": "<root>/<split>/mask/NAME.png (label ids) and <root>/<split>/image/NAME.png",
    "cyclegan": "<root>/trainA/, <root>/trainB/, <root>/testA/, <root>/testB/, any names, with unpaired=true",
}
# Folders that are one side of something else, never a split: trainA and trainB are CycleGAN's unpaired sets.
SIDES = {split + side for split in ("", "train", "val", "test") for side in "AB"} | {"image", "mask"}
WORKERS = 4


def load(
    path: str | Path,
    split: str = "train",
    size: int = 64,
    *,
    layout: str = "auto",
    direction: str = "AtoB",
    load_size: int | None = None,
    classes: Sequence[str] | int | None = None,
    flip: bool = True,
    max_gb: float = 4.0,
    unpaired: bool = False,
) -> Source | Unpaired:
    """One split of a folder of images as a Source.

    Images are resized bicubically (antialiased when they shrink), label maps by nearest neighbour, depth and channels
    are kept. The options are recorded as given, so `load(name, other_split, size, **source.options)` opens another
    split of the same set with that split's own default `load_size`.

    Args:
        path: the root folder.
        split: the name of a split's folder.
        size: side of the square crops in pixels.
        layout: "side-by-side", "pairs", "mask", "cyclegan" (see `LAYOUTS`), or "auto": the one that is on disk.
        direction: "AtoB", or "BtoA" to make B the input. The mask layout always goes from mask to image.
        load_size: shorter side of a resized image in pixels, at least `size`; by default size · 286/256 for train (the
            ratio of pix2pix) and `size` for other splits.
        classes: for the mask layout, the names of the ids 0, 1, 2, … or their number; by default the lines of
            `<root>/classes.txt`, because a split that lacks the last class would otherwise count differently.
        flip: mirror random crops left-right; classes named l_X and r_X then change places. False for images that have
            a side: writing, relief lit from the north-west.
        max_gb: refuse a split that takes more memory than this once decoded.
        unpaired: draw A and B apart. Sides without a common name are two sets of any length. Where all names agree,
            each is a pair: of training pairs the first, third, … gives its A alone and the others their B, so that no
            partner is ever seen; val and test remain pairs.

    Raises:
        ValueError: no such layout, split, pairing, size or class, naming the file and what would work.
    """
    root = Path(path)
    layout, sides = _find(root, split, layout, unpaired)
    directions = ("AtoB",) if layout == "mask" else ("AtoB", "BtoA")
    if direction not in directions:
        raise ValueError(f"{root}: layout {layout} has no direction {direction!r}: use {' or '.join(directions)}")
    usual = round(size * 286 / 256) if split == "train" else size
    edge = usual if load_size is None else load_size
    if edge < size:
        raise ValueError(f"{root}: load_size={edge} is smaller than the crops: choose {size} or more")
    names = _class_names(root, layout, classes)
    files = _pair_up(sides, unpaired and names is None)
    matched = len(files) == 1 or _stems(files[0]) == _stems(files[1])

    with ThreadPoolExecutor(WORKERS) as pool:  # map keeps the order of the files; PIL decodes outside Python's lock
        headers = [list(pool.map(peek, side)) for side in files]
        for side, heads in list(zip(files, headers, strict=True))[names is not None :]:  # masks may differ in kind
            _check_same_kind(side, heads)
        _check_memory(root, headers, names is not None, size, edge, max_gb)
        if matched:
            a, b = zip(*pool.map(lambda *pair: _read_pair(pair, edge, names), *files), strict=True)
        else:
            a, b = (tuple(pool.map(lambda file: resize(read_image(file), edge), side)) for side in files)

    options = {"layout": layout, "direction": direction, "load_size": load_size, "flip": flip, "max_gb": max_gb}
    options["classes"] = list(names) if names else None
    options |= {"unpaired": True} if unpaired else {}
    labels = {"classes": names, "palette": colours(len(names)), "sides": sides_of(names)} if names else {}

    def source(a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> Source:
        shapes = np.array([image.shape[:2] for image in a])
        corners = (shapes - size) // 2
        windows = np.column_stack([np.arange(len(a)), corners])
        bounds = np.column_stack([shapes[:, :1] * [[0, 1]], shapes[:, 1:] * [[0, 1]]])
        how = {"jitter": int((shapes - size - corners).max()), "flips": "h" if flip else "", "options": options}
        return Source(str(root.resolve()), split, size, list(a), list(b), windows, bounds, **how, **labels)

    a, b = (a, b) if direction == "AtoB" else (b, a)
    if not matched:
        return Unpaired(source(a, a), source(b, b))
    if not unpaired or split != "train":
        return source(a, b)
    if len(a) < 2:
        raise ValueError(f"{root}: split {split!r} has one pair, which gives A or B: add a second, or rename one side")
    return Unpaired(source(a[::2], b[::2]), source(a[1::2], b[1::2]))


def sides_of(names: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """Pairs of ids that a left-right mirror exchanges: classes l_X and r_X, as CelebAMask-HQ names them."""
    right = {name[2:]: i for i, name in enumerate(names) if name.startswith("r_")}
    return tuple((i, right[name[2:]]) for i, name in enumerate(names) if name.startswith("l_") and name[2:] in right)


def colours(n: int) -> tuple[tuple[int, int, int], ...]:
    """A colour for each of n ids, all different up to 256: PASCAL VOC's map, the id's bits dealt to R, G, B in turn."""
    return tuple(tuple(sum((i >> 3 * k + c & 1) << 7 - k for k in range(3)) for c in range(3)) for i in range(n))


def resize(image: np.ndarray, edge: int) -> np.ndarray:
    """Scale until the shorter side is `edge` pixels: images bicubically, with antialiasing, label maps nearest.

    Args:
        image: (H, W, C) uint8 or uint16, or a label map (H, W) uint8.
    """
    height, width = _scaled(np.array([image.shape[:2]]), edge)[0].tolist()
    if image.shape[:2] == (height, width):
        return image
    if image.ndim == 2:
        return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST))
    # PIL interpolates 16 bits only as float, and float only one channel at a time; 8 bits take the same road.
    planes = [Image.fromarray(image[:, :, c].astype(np.float32)) for c in range(image.shape[2])]
    scaled = np.stack([np.asarray(plane.resize((width, height), Image.Resampling.BICUBIC)) for plane in planes], axis=2)
    return scaled.round().clip(0, np.iinfo(image.dtype).max).astype(image.dtype)


def _images(folder: Path) -> list[Path]:
    files = folder.iterdir() if folder.is_dir() else ()
    return sorted(f for f in files if f.suffix.lower() in SUFFIXES and not f.name.startswith(".") and f.is_file())


def _layouts(root: Path, split: str, unpaired: bool) -> dict[str, tuple[Path, ...]]:
    """The layouts a split is on disk in, with the folders of each: input side first."""
    here = root / split
    found = {"side-by-side": (here,)} if _images(here) else {}
    for layout, a, b in (
        ("pairs", root / "A" / split, root / "B" / split),
        ("pairs", here / "A", here / "B"),
        ("mask", here / "mask", here / "image"),
        ("cyclegan", root / f"{split}A", root / f"{split}B"),
    ):
        if a.is_dir() and b.is_dir() and (unpaired or layout != "cyclegan"):
            found[layout] = (a, b)
    return found


def _find(root: Path, split: str, layout: str, unpaired: bool) -> tuple[str, tuple[Path, ...]]:
    """The layout asked for, or the one on disk, and its folders."""
    if layout != "auto" and layout not in LAYOUTS:
        raise ValueError(f"layout {layout!r} is unknown: choose auto, {', '.join(LAYOUTS)}")
    if not root.is_dir():
        raise ValueError(f"{root}: is not a folder: give the folder that holds the splits")
    works = "\n".join(f"  {name}: {where}" for name, where in LAYOUTS.items())
    names = {f.name for folder in (root, root / "A") if folder.is_dir() for f in folder.iterdir() if f.is_dir()}
    names = names - SIDES | {name for name in SPLITS if f"{name}A" in names}
    on_disk = {name: found for name in sorted(names) if (found := _layouts(root, name, unpaired))}
    if not on_disk:
        seen = [f"{f.name}/ ({len(_images(f))} images)" if f.is_dir() else f.name for f in sorted(root.iterdir())]
        seen = ", ".join(seen[:10] + ["…"] * (len(seen) > 10)) or "nothing"
        raise ValueError(f"{root}: no layout fits, found {seen}. These work:\n{works}")
    if split not in on_disk:
        raise ValueError(f"{root}: has no split {split!r}: choose {', '.join(on_disk)}, or make the folder")
    found = on_disk[split]
    if layout == "auto" and len(found) > 1:
        raise ValueError(f"{root}: split {split!r} fits {' and '.join(found)}: choose one with layout=")
    layout = next(iter(found)) if layout == "auto" else layout
    if layout not in found:
        raise ValueError(f"{root}: split {split!r} has layout {', '.join(found)}, not {layout}. These work:\n{works}")
    return layout, found[layout]


def _class_names(root: Path, layout: str, classes: Sequence[str] | int | None) -> tuple[str, ...] | None:
    if layout != "mask":
        if classes is not None:
            raise ValueError(f"{root}: classes belong to the mask layout, this is {layout!r}: leave them out")
        return None
    listing = root / "classes.txt"
    if isinstance(classes, int):
        names = [str(i) for i in range(classes)]
    elif classes is not None:
        names = list(classes)
    elif listing.is_file():
        names = [line.strip() for line in listing.read_text(encoding="utf-8-sig").rstrip().splitlines()]
    else:
        remedy = f"write {listing} (one name a line, the first is id 0), or pass classes=19 or classes=[names]"
        raise ValueError(f"{root}: masks need their classes: {remedy}")
    if not names or "" in names or len(set(names)) < len(names) or len(names) > 256:
        raise ValueError(f"{root}: classes are {names}: give 1 to 256 different names, without empty lines")
    return tuple(names)


def _stems(files: list[Path]) -> list[str]:
    return [file.stem for file in files]


def _pair_up(sides: tuple[Path, ...], unpaired: bool = False) -> list[list[Path]]:
    """The files of each side in the same order, paired by stem; unpaired sides without a common stem as they are."""
    files = [_images(side) for side in sides]
    two_sets = unpaired and len(files) == 2 and not set(_stems(files[0])) & set(_stems(files[1]))
    if len(files) == 2 and not two_sets:
        for side, inside in zip(sides, files, strict=True):
            stem, number = Counter(f.stem for f in inside).most_common(1)[0] if inside else ("", 0)
            if number > 1:
                raise ValueError(f"{side}: {number} images are called {stem!r}, pairs are found by name: keep one")
        a, b = ({f.stem: f for f in inside} for inside in files)
        alone = ((sides[0], sorted(a.keys() - b.keys())), (sides[1], sorted(b.keys() - a.keys())))
        seen = [f"{len(n)} only in {side} ({', '.join(n[:5] + ['…'] * (len(n) > 5))})" for side, n in alone if n]
        if seen:
            remedy = "give both the same name or remove them; two sets without any pair need unpaired=true"
            raise ValueError(f"images without a partner, {'; '.join(seen)}: {remedy}")
        files = [[a[stem] for stem in sorted(a)], [b[stem] for stem in sorted(a)]]
    for side, inside in zip(sides, files, strict=True):
        if not inside:
            raise ValueError(f"{side}: has no image ({', '.join(SUFFIXES)})")
    return files


def _check_same_kind(files: list[Path], headers: list[Header]) -> None:
    kinds = [f"{h.channels} channel{'s' * (h.channels > 1)} {h.dtype}" for h in headers]
    common, count = Counter(kinds).most_common(1)[0]
    for file, kind in zip(files, kinds, strict=True):
        if kind != common:
            raise ValueError(f"{file}: is {kind}, {count} others are {common}: convert it so that all agree")


def _scaled(shapes: np.ndarray, edge: int) -> np.ndarray:
    """(n, 2) heights and widths once the shorter of the two is `edge`."""
    return np.rint(shapes * (edge / shapes.min(axis=1, keepdims=True))).astype(np.int64)


def _check_memory(root: Path, headers: list[list[Header]], mask: bool, size: int, edge: int, max_gb: float) -> None:
    halves = 3 - len(headers)  # one file a pair holds two images
    shapes = np.array([(h.height, max(1, h.width // halves)) for side in headers for h in side])
    depth = np.array([h.channels * h.dtype.itemsize * halves for side in headers for h in side])
    if mask:
        depth[: len(headers[0])] = 1  # ids are kept as uint8, however the file stores them

    def gigabytes(edge: int) -> float:
        return float((_scaled(shapes, edge).prod(axis=1) * depth).sum()) / 1e9

    if gigabytes(edge) > max_gb:
        fits = next((e for e in range(edge - 1, size - 1, -1) if gigabytes(e) <= max_gb), None)
        remedy = f"load_size={fits} fits" if fits else f"not even load_size={size} fits, use fewer images"
        needed = f"{gigabytes(edge):.3g} GB, the limit is {max_gb:g}"
        raise ValueError(f"{root}: would take {needed}: {remedy}, or raise max_gb")


def _read_pair(files: tuple[Path, ...], edge: int, names: tuple[str, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """Decode, check and resize one pair: one file with both sides, or a file for each (labels if there are names)."""
    if len(files) == 1:
        both = read_image(files[0])
        width = both.shape[1]
        if width % 2:
            raise ValueError(f"{files[0]}: is {width} pixels wide, A and B need an even width: crop or pad one column")
        # The halves are resized apart, or pixels of A would bleed over the seam into B.
        return resize(both[:, : width // 2], edge), resize(both[:, width // 2 :], edge)
    a, b = read_image(files[0]) if names is None else read_labels(files[0]), read_image(files[1])
    if a.shape[:2] != b.shape[:2]:
        seen = [f"{file} is {x.shape[1]}x{x.shape[0]} pixels" for file, x in zip(files, (a, b), strict=True)]
        raise ValueError(f"{', '.join(seen)}: make both the same size")
    if names is not None:
        try:
            check_labels(a, names, str(files[0]))  # before resizing, which may drop a rare id
        except ValueError as error:
            raise ValueError(f"{error}: correct the mask, or name every class in classes.txt or classes=") from error
    return resize(a, edge), resize(b, edge)
