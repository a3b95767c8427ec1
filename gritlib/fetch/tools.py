"""Pairs of your own: put side by side or taken apart, cut into tiles, and edges drawn from photos.

The official script that combines two folders writes nothing and says nothing when sizes or names differ (pix2pix issues
#464, #700, #963). Here everything is compared first, the first mismatches are listed, and nothing is written before.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from gritlib.data.folders import SUFFIXES
from gritlib.data.images import Header, peek, read_image, save_png

SHOWN = 5  # mismatches that a message lists


def combine(a: str | Path, b: str | Path, out: str | Path) -> int:
    """Write files with A left and B right, from two folders whose files have the same names (any suffix).

    Folders below are followed, so A/train/1.png and B/train/1.jpg give OUT/train/1.png. Channels and depth are kept.

    Returns:
        How many files were written.

    Raises:
        ValueError: names, sizes, channels or depths differ; lists the first ones. Nothing is written then.
    """
    pairs = matched(Path(a), Path(b))
    odd = [f"{x} is {_kind(x)}, {y} is {_kind(y)}" for x, y in pairs.values() if _kind(x) != _kind(y)]
    _refuse(odd, "pairs differ in size or kind", "convert them so that both are alike")
    _spare([file for pair in pairs.values() for file in pair], [Path(out) / f"{name}.png" for name in pairs])
    for name, (x, y) in pairs.items():
        both = np.concatenate([read_image(x), read_image(y)], axis=1)
        save_png(_picture(both), Path(out) / f"{name}.png", description=f"{x.name} and {y.name} side by side")
    return len(pairs)


def split(ab: str | Path, out: str | Path) -> int:
    """The reverse: the left halves to OUT/A, the right ones to OUT/B, with the folders below.

    Raises:
        ValueError: no images, or files of odd width; lists the first ones. Nothing is written then.
    """
    files = _named(Path(ab))
    odd = [f"{file} is {_upright(file).width} pixels wide" for file in files.values() if _upright(file).width % 2]
    _refuse(odd, "files cannot be halved", "crop or pad one column")
    _spare(files.values(), [Path(out) / side / f"{name}.png" for name in files for side in "AB"])
    for name, file in files.items():
        halves = np.split(read_image(file), 2, axis=1)
        for side, half in zip("AB", halves, strict=True):
            save_png(_picture(half), Path(out) / side / f"{name}.png", description=f"half {side} of {file.name}")
    return len(files)


def tiles(a: str | Path, b: str | Path, out: str | Path, size: int = 256, held_out: float = 0.2) -> dict[str, int]:
    """Cut large pairs into tiles that share no pixel: OUT/train/A, OUT/train/B, OUT/test/A, OUT/test/B.

    The lowest part of every image becomes the test split, so no random crop of a training tile ever shows a test pixel.
    What is left at the right and lower rim is smaller than a tile and left out.

    Args:
        a, b: folders (or single files) of images that cover each other pixel by pixel. size: side of a tile in pixels.
        held_out: share of each image's rows of tiles for the test split, at least one row unless 0.

    Returns:
        Tiles a split.

    Raises:
        ValueError: names or sizes differ, or an image is too small; lists the first ones. Nothing is written then.
    """
    if not 0 <= held_out < 1 or size < 16:
        raise ValueError(f"held_out is {held_out} and size {size}: they must be in [0, 1), and 16 or more")
    a, b = Path(a), Path(b)
    pairs = {a.stem: (a, b)} if a.is_file() and b.is_file() else matched(a, b)
    odd = [f"{x} is {_shape(x)}, {y} is {_shape(y)}" for x, y in pairs.values() if _shape(x) != _shape(y)]
    _refuse(odd, "pairs differ in size", "resize one of each pair")
    least = 2 if held_out else 1
    small = [
        f"{x} is {_shape(x)}" for x, _ in pairs.values() if min(_upright(x).width, _upright(x).height // least) < size
    ]
    _refuse(small, f"images are smaller than one tile, {least} tiles high", "choose a smaller size, or held_out=0")
    plan = {name: _cuts(x, size, held_out) for name, (x, _) in pairs.items()}
    written = [
        Path(out) / where / s / f"{n}_{y:03d}_{x:03d}.png" for n in plan for where, y, x in plan[n] for s in "AB"
    ]
    _spare([file for pair in pairs.values() for file in pair], written)
    counts, places = {"train": 0, "test": 0}, iter(written)
    for name, pair in pairs.items():
        images = [read_image(file) for file in pair]
        for where, y, x in plan[name]:
            for file, image in zip(pair, images, strict=True):
                cut = image[y * size : (y + 1) * size, x * size : (x + 1) * size]
                save_png(_picture(cut), next(places), description=f"row {y}, column {x} of {file.name}")
            counts[where] += 1
    return counts


def _cuts(file: Path, size: int, held_out: float) -> list[tuple[str, int, int]]:
    """Split, row and column of every tile of an image."""
    rows, columns = _upright(file).height // size, _upright(file).width // size
    last = rows - (max(1, min(round(held_out * rows), rows - 1)) if held_out else 0)
    return [("train" if y < last else "test", y, x) for y in range(rows) for x in range(columns)]


def edges(photos: str | Path, out: str | Path, sigma: float = 2.0) -> int:
    """Edges of photos, black on white, one channel, under the photos' names: scikit-image's Canny detector.

    The edges of edges2shoes and edges2handbags come from a trained network (HED) and look different: softer, closed
    outlines. These are not called HED anywhere; every file says in its description what made it.

    Args:
        sigma: width of the Gaussian in pixels, before the gradient; larger keeps less.

    Raises:
        ValueError: no images, or scikit-image is not installed.
    """
    try:
        import skimage
        from skimage.color import rgb2gray
        from skimage.feature import canny
    except ModuleNotFoundError as error:
        raise ValueError(f'{error.name} is needed to find edges: pip install "gritlib[lab]"') from error
    files = _named(Path(photos))
    _spare(files.values(), [Path(out) / f"{name}.png" for name in files])
    for name, file in files.items():
        image = read_image(file)
        grey = image[:, :, 0] / np.iinfo(image.dtype).max if image.shape[2] == 1 else rgb2gray(image)
        drawn = np.where(canny(grey, sigma), 0, 255).astype(np.uint8)
        made = f"Canny edges of {file.name}, sigma {sigma:g}, scikit-image {skimage.__version__}; not HED"
        save_png(Image.fromarray(drawn), Path(out) / f"{name}.png", description=made)
    return len(files)


def matched(a: Path, b: Path) -> dict[str, tuple[Path, Path]]:
    """Name below the folder, without suffix -> the two files.

    Raises:
        ValueError: a file without a partner; lists the first ones.
    """
    left, right = _named(a), _named(b)
    alone = [f"{name} only in {a}" for name in left if name not in right]
    alone += [f"{name} only in {b}" for name in right if name not in left]
    _refuse(alone, "files have no partner", "give both the same name, or remove them")
    return {name: (left[name], right[name]) for name in left}


def _named(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise ValueError(f"{folder}: is not a folder")
    found: dict[str, Path] = {}
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or file.name.startswith(".") or not file.is_file():
            continue
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name in found:
            raise ValueError(f"{file} and {found[name]} have one name: keep one")
        found[name] = file
    if not found:
        raise ValueError(f"{folder}: has no image ({', '.join(SUFFIXES)})")
    return found


def _refuse(seen: Sequence[str], what: str, remedy: str) -> None:
    if seen:
        shown = "; ".join([*seen[:SHOWN], "…"] if len(seen) > SHOWN else seen)
        raise ValueError(f"{len(seen)} {what}: {shown}. To do: {remedy}; nothing was written")


def _spare(read: Iterable[Path], written: Iterable[Path]) -> None:
    """Refuse to write over what is read."""
    mine = {file.resolve() for file in read}
    _refuse([str(file) for file in written if file.resolve() in mine], "files would be lost", "choose another OUT")


def _upright(file: Path) -> Header:
    """Header with the size that `read_image` gives: a camera may store a picture lying and say so in its EXIF."""
    head = peek(file)
    with Image.open(file) as image:
        lying = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    return head._replace(width=head.height, height=head.width) if lying else head


def _shape(file: Path) -> str:
    return f"{_upright(file).width}x{_upright(file).height}"


def _kind(file: Path) -> str:
    return f"{_shape(file)}, {peek(file).channels} channel, {peek(file).dtype}"


def _picture(pixels: np.ndarray) -> Image.Image:
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
