"""From archives to the layout that is read: one function a form of set, `run` chooses it.

Each writes below an empty folder and returns what the manifest must know: counts a split, and for label maps their
classes. What does not fit the form is refused by name; nothing is skipped.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gritlib.data.folders import SUFFIXES
from gritlib.fetch import archive, celebamask, cityscapes
from gritlib.fetch.archive import Given

ADE = r"(images|annotations)/(training|validation)/([\w-]+)\.(?:jpg|png)"
ADE_SPLITS = {"training": "train", "validation": "val"}
# Bytes on the disk for each byte of what is opened, and a block of the file system for each file.
ROOM = {"unpack": 1.1, "celebamask": 1.6, "cityscapes": 0.1, "cityscapes_labels": 0.1, "ade20k": 1.1}


def room(fact: dict, opened: int) -> int:
    """Bytes that the prepared set will need at most, roughly."""
    count = fact.get("total") or sum(fact.get("counts", {}).values())
    return int(ROOM[fact["prepare"]] * opened) + 4096 * min(count, opened // 1000)


def run(fact: dict, given: list[Path], work: Path, progress: bool = True) -> dict:
    """Prepare a set below `work`.

    Returns:
        "counts": files (pairs, or images of one side) a split, and what the form adds.

    Raises:
        ValueError: what is given is not whole or not the set; says which file. OSError: the disk is full.
    """
    if fact["prepare"] == "unpack":
        return unpack(fact, given, work, progress)
    makers: dict[str, Callable] = {
        "celebamask": celebamask.make,
        "cityscapes": cityscapes.pairs,
        "cityscapes_labels": cityscapes.labels,
        "ade20k": ade20k,
    }
    opened = Given(given)
    try:
        return makers[fact["prepare"]](opened, work, progress)
    finally:
        opened.close()


def unpack(fact: dict, given: list[Path], work: Path, progress: bool) -> dict:
    """A set whose archive has the right layout already: NAME/train/*.jpg, or NAME/trainA/*.jpg and so on."""
    if len(given) != 1 or given[0].is_dir():
        raise ValueError(f"{', '.join(map(str, given))}: give the one archive {fact['archive']}, as it was downloaded")
    raw = work / ".raw"
    archive.unpack(given[0], raw, progress=progress)
    splits = list(fact.get("counts") or fact["splits"])
    folders = [entry for entry in raw.rglob("*") if entry.is_dir()]
    homes = [home for home in (raw, *folders) if all((home / split).is_dir() for split in splits)]
    if len(homes) != 1:
        here = ", ".join(sorted(folder.relative_to(raw).as_posix() for folder in folders)[:8])
        raise ValueError(f"{given[0].name}: has the folders {here}, the set needs one with {', '.join(splits)}")
    counts = {}
    for split in splits:
        others = [file for file in (homes[0] / split).iterdir() if file.suffix.lower() not in SUFFIXES]
        if any(file.is_dir() for file in (homes[0] / split).iterdir()):
            raise ValueError(f"{given[0].name}: {split} has folders inside: this is not the set it should be")
        for file in others:  # a viewer's leftovers; the number of pictures is compared later
            file.unlink()
        counts[split] = sum(1 for _ in (homes[0] / split).iterdir())
        os.replace(homes[0] / split, work / split)
    shutil.rmtree(raw)
    return {"counts": counts}


def ade20k(given: Given, work: Path, progress: bool) -> dict:
    """ADE20K's challenge set: photos and label maps as they are, in the folders that `catalog.load` reads.

    Ids stay: 0 is unknown, 1 to 150 are the classes, so 151 channels. The names come from objectInfo150.txt, whose last
    column lists synonyms: the first is taken, with its id where two classes share it.
    """
    from tqdm.auto import tqdm

    found = given.find(ADE)
    if not found:
        raise ValueError("no images/training/ and annotations/training/ found: give ADEChallengeData2016.zip")
    counts = {}
    for (side, part, stem), name in tqdm(found.items(), desc="copying", disable=not progress):
        split = ADE_SPLITS[part]
        if (("annotations" if side == "images" else "images"), part, stem) not in found:
            raise ValueError(f"{name} has no partner of the same name: the archive is not whole")
        content = given.read(name)
        file = work / split / {"images": "image", "annotations": "mask"}[side] / Path(name).name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        if side == "annotations":
            counts[split] = counts.get(split, 0) + 1
            top = int(np.asarray(archive.picture(content, name)).max())
            if top > 150:
                raise ValueError(f"{name}: has id {top}, the challenge's ids are 0 to 150: this is the full ADE20K?")
    return {"counts": counts, "classes": _ade_names(given)}


def _ade_names(given: Given) -> list[str]:
    listing = given.find(r"objectInfo150\.txt")
    names = [str(i) for i in range(1, 151)]
    if listing:
        rows = given.read(listing[()]).decode("utf-8").strip().splitlines()[1:]
        names = [re.split("[,;]", row.split("\t")[-1])[0].strip() for row in rows]
        if len(names) != 150:
            raise ValueError(f"objectInfo150.txt lists {len(names)} classes instead of 150")
    return ["unknown", *(n if names.count(n) == 1 else f"{n} {i}" for i, n in enumerate(names, 1))]
