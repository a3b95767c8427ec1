"""Cityscapes from a person's own archives: pix2pix' pairs, or SPADE's label maps with photos.

Nothing is downloaded here, the licence asks for registration. Both forms need gtFine_trainvaltest.zip and
leftImg8bit_trainvaltest.zip, or the folders gtFine and leftImg8bit.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from gritlib.fetch.archive import Given, picture

SPLITS = ("train", "val")  # the test images' labels are not public
QUALITY = 100  # of pix2pix' files
PAIR, WIDE = (256, 256), (512, 256)
WORKERS, BLOCK = 4, 64
# fmt: off
CLASSES = ("unlabeled", "ego vehicle", "rectification border", "out of roi", "static", "dynamic", "ground", "road",
           "sidewalk", "parking", "rail track", "building", "wall", "fence", "guard rail", "bridge", "tunnel", "pole",
           "polegroup", "traffic light", "traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car",
           "truck", "bus", "caravan", "trailer", "train", "motorcycle", "bicycle", "license plate")
# fmt: on


def pairs(given: Given, work: Path, progress: bool = True) -> dict:
    """SPLIT/NAME.jpg, photo left and coloured labels right, 256x256 each, as pix2pix' script makes them; but labels
    take the nearest pixel (course decision: interpolated colours belong to no class)."""

    def one(photo: Image.Image, colours: Image.Image, split: str, stem: str) -> None:
        right = colours.convert("RGB").resize(PAIR, Image.Resampling.NEAREST)
        both = Image.new("RGB", (2 * PAIR[0], PAIR[1]))
        both.paste(_photo(photo, PAIR), (0, 0))
        both.paste(right, (PAIR[0], 0))
        both.save(work / split / f"{stem}.jpg", quality=QUALITY, subsampling=0)

    for split in SPLITS:
        (work / split).mkdir()
    return {"counts": _each(given, "color", one, progress)}


def labels(given: Given, work: Path, progress: bool = True) -> dict:
    """SPLIT/mask/NAME.png with ids and SPLIT/image/NAME.jpg, 512x256; 255, some files' licence plate, is id 34."""

    def one(photo: Image.Image, ids: Image.Image, split: str, stem: str) -> None:
        label = np.asarray(ids.resize(WIDE, Image.Resampling.NEAREST))
        label = np.where(label == 255, len(CLASSES) - 1, label).astype(np.uint8)
        if label.ndim != 2 or label.max() >= len(CLASSES):
            raise ValueError(f"{stem}: label map has shape {label.shape} and ids up to {label.max()}: no labelIds file")
        Image.fromarray(label).save(work / split / "mask" / f"{stem}.png")
        _photo(photo, WIDE).save(work / split / "image" / f"{stem}.jpg", quality=QUALITY, subsampling=0)

    for split in SPLITS:
        for side in ("mask", "image"):
            (work / split / side).mkdir(parents=True)
    return {"counts": _each(given, "labelIds", one, progress), "classes": list(CLASSES)}


def _photo(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.convert("RGB").resize(size, Image.Resampling.BICUBIC)


def _each(
    given: Given, kind: str, one: Callable[[Image.Image, Image.Image, str, str], None], progress: bool
) -> dict[str, int]:
    """Call `one` for every photo with its annotation, in threads; the number of pairs a split."""
    from tqdm.auto import tqdm

    photos = given.find(r"leftImg8bit/(train|val)/[\w-]+/([\w-]+)_leftImg8bit\.png")
    marked = given.find(rf"gtFine/(train|val)/[\w-]+/([\w-]+)_gtFine_{kind}\.png")
    for what, have, other in (("photo", photos, marked), ("annotation", marked, photos)):
        if not have:
            raise ValueError(
                f"no {what}s found: give gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip, or their folders"
            )
        alone = sorted(set(other) - set(have))
        if alone:
            raise ValueError(f"{len(alone):,} files have no {what}, the first is {alone[0][1]}: it is not whole")
    keys = sorted(photos)

    def work(key: tuple[str, ...]) -> None:
        one(*(picture(given.read(name), name) for name in (photos[key], marked[key])), *key)

    with ThreadPoolExecutor(WORKERS) as pool, tqdm(total=len(keys), desc="resizing", disable=not progress) as bar:
        for start in range(0, len(keys), BLOCK):
            for _ in pool.map(work, keys[start : start + BLOCK]):
                bar.update()
    return {split: sum(key[0] == split for key in keys) for split in SPLITS}
