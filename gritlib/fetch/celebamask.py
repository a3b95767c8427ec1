"""CelebAMask-HQ: the masks of each face's parts merged into one label map, split by CelebA's partition.

The archive has 30,000 photos of 1024 pixels and about 373,000 masks of 512, one file for each part that a face has.
Source: Lee et al. 2020 and the authors' preprocessing; the order of painting below is theirs, later parts lie on top.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from gritlib.data.face_layout import CLASSES  # the drawn faces have these classes too: background, then the parts
from gritlib.fetch.archive import Given, picture

SIZES = (256, 512)
QUALITY = 95  # of the photos, stored again as JPEG with full colour resolution
FACES, COUNTS = 30_000, {"train": 24_183, "val": 2_993, "test": 2_824}
LAST = {"train": 162_770, "val": 182_637}  # CelebA's partition: the last file number of a split
WORKERS, BLOCK = 4, 64
# Colours of the authors' preview script, in the order of the ids.
PALETTE = (
    *((0, 0, 0), (204, 0, 0), (76, 153, 0), (204, 204, 0), (51, 51, 255), (204, 0, 204), (0, 255, 255)),
    *((255, 204, 204), (102, 51, 0), (255, 0, 0), (102, 204, 0), (255, 255, 0), (0, 0, 153), (0, 0, 204)),
    *((255, 51, 153), (0, 204, 204), (0, 51, 0), (255, 153, 51), (0, 204, 0)),
)


def make(given: Given, work: Path, progress: bool = True) -> dict:
    """Write SIZE/SPLIT/image/NNNNN.jpg and SIZE/SPLIT/mask/NNNNN.png for both sizes.

    Photos shrink by Lanczos, label maps take the nearest pixel. A face without photo, mask or row in the mapping file
    is an error, so a half-unpacked folder gives nothing.
    """
    from tqdm.auto import tqdm

    split_of = partition(given)
    photos = {int(i): name for (i,), name in given.find(r"CelebA-HQ-img/(\d+)\.jpg").items()}
    masks: dict[int, dict[str, str]] = {}
    for (i, part), name in given.find(r"CelebAMask-?HQ-mask-anno/\d+/(\d{5})_(\w+)\.png").items():
        if part not in CLASSES[1:]:
            raise ValueError(f"{name}: part {part!r} is unknown, the parts are {', '.join(CLASSES[1:])}")
        masks.setdefault(int(i), {})[part] = name
    for what, have in (("photo in CelebA-HQ-img", photos), ("mask in CelebAMask-HQ-mask-anno", masks)):
        missing, more = sorted(set(split_of) - set(have)), sorted(set(have) - set(split_of))
        if missing:
            raise ValueError(f"{len(missing):,} faces have no {what}, the first is {missing[0]}: it is not whole")
        if more:
            raise ValueError(f"face {more[0]} has a {what} and no row in the mapping file")
    for size in SIZES:
        for split in COUNTS:
            for side in ("image", "mask"):
                (work / str(size) / split / side).mkdir(parents=True)

    def one(face: int) -> None:
        label = merge({part: mask(given.read(name), name) for part, name in masks[face].items()})
        photo = picture(given.read(photos[face]), photos[face]).convert("RGB")
        for size in SIZES:
            where = work / str(size) / split_of[face]
            shrunk = photo.resize((size, size), Image.Resampling.LANCZOS)
            shrunk.save(where / "image" / f"{face:05d}.jpg", quality=QUALITY, subsampling=0)
            ids = Image.fromarray(label).resize((size, size), Image.Resampling.NEAREST)
            ids.save(where / "mask" / f"{face:05d}.png")

    faces = sorted(split_of)
    with ThreadPoolExecutor(WORKERS) as pool, tqdm(total=len(faces), desc="merging", disable=not progress) as bar:
        for start in range(0, len(faces), BLOCK):  # an error ends the work after a block, not after all faces
            for _ in pool.map(one, faces[start : start + BLOCK]):
                bar.update()
    counts = {split: list(split_of.values()).count(split) for split in COUNTS}
    return {"counts": counts, "sizes": list(SIZES), "classes": list(CLASSES), "palette": [list(c) for c in PALETTE]}


def partition(given: Given) -> dict[int, str]:
    """Face -> split, by the number of its CelebA file in the mapping file (columns idx, orig_idx, orig_file).

    Raises:
        ValueError: no mapping file, a row that cannot be read, or 30,000 faces with other counts than the published.
    """
    listing = given.find(r"CelebA-HQ-to-CelebA-mapping\.txt")
    if not listing:
        raise ValueError("no CelebA-HQ-to-CelebA-mapping.txt found: give CelebAMask-HQ.zip or its whole folder")
    found = {}
    for row in given.read(listing[()]).decode("utf-8").splitlines():
        words = row.split()
        if not words or words[0] == "idx":
            continue
        try:
            face, number = int(words[0]), int(words[2].removesuffix(".jpg"))
        except (ValueError, IndexError):
            raise ValueError(f"mapping file: row {row!r} is not a face, an index and a file name") from None
        found[face] = "train" if number <= LAST["train"] else "val" if number <= LAST["val"] else "test"
    counts = {split: list(found.values()).count(split) for split in COUNTS}
    if len(found) == FACES and counts != COUNTS:
        raise ValueError(f"mapping file: the splits are {counts}, CelebA's partition gives {COUNTS}")
    return found


def mask(content: bytes, name: str) -> np.ndarray:
    """(H, W) bool, where the first channel of a part's file is above 0."""
    opened = picture(content, name)
    pixels = np.asarray(opened.convert("RGB") if opened.mode == "P" else opened)
    return (pixels if pixels.ndim == 2 else pixels[:, :, 0]) > 0


def merge(parts: dict[str, np.ndarray]) -> np.ndarray:
    """Parts of one face -> (H, W) uint8 ids: background 0, then each part over what lies below it, in fixed order.

    Raises:
        ValueError: masks of different sizes.
    """
    shapes = {part: found.shape for part, found in parts.items()}
    if len(set(shapes.values())) != 1:
        raise ValueError(f"masks of one face differ in size: {shapes}")
    label = np.zeros(next(iter(shapes.values())), np.uint8)
    for number, part in enumerate(CLASSES):
        if part in parts:
            label[parts[part]] = number
    return label
