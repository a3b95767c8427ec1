"""What a prepared set says of itself: how many files, and the sha256 of each, so that it can be checked later.

`files.sha256` has the form that `sha256sum -c` reads; `manifest.json` has its hash, the counts, and where the archive
came from. Both are the last files written. Names that begin with "." are no part of a set: file viewers leave them.
"""

import hashlib
import json
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gritlib import __version__
from gritlib.data.public import MANIFEST

LISTING = "files.sha256"
WORKERS, BLOCK = 4, 4096


def write(folder: Path, about: dict, progress: bool = True) -> None:
    """Finish a folder: hash every file, write the listing, then the manifest."""
    names = _files(folder)
    lines = [f"{digest}  {name}\n" for name, digest in zip(names, _digests(folder, names, progress), strict=True)]
    text = "".join(lines)
    (folder / LISTING).write_text(text, encoding="utf-8", newline="\n")
    content = {
        **about,
        "folders": dict(sorted(Counter(name.rpartition("/")[0] for name in names).items())),
        "files": hashlib.sha256(text.encode()).hexdigest(),
        "gritlib": __version__,
    }
    with open(folder / MANIFEST, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())


def quick(folder: Path) -> list[str]:
    """Problems that counting finds: folders with another number of files than when they were prepared."""
    expected = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["folders"]
    problems = []
    for name, count in expected.items():
        here = folder / name
        entries = os.scandir(here) if here.is_dir() else ()
        found = sum(entry.is_file() and not entry.name.startswith(".") for entry in entries)
        found -= 2 if name == "" else 0  # the listing and the manifest
        if found != count:
            problems.append(f"{here} has {found:,} files instead of {count:,}")
    return problems


def verify(folder: Path, progress: bool = True) -> list[str]:
    """Problems that reading every file finds."""
    listing = folder / LISTING
    text = listing.read_bytes() if listing.is_file() else b""
    if hashlib.sha256(text).hexdigest() != json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files"]:
        return [f"{listing} is missing or was changed"]
    expected = {name: digest for digest, _, name in (line.partition("  ") for line in text.decode().splitlines())}
    here = set(_files(folder)) - {LISTING, MANIFEST}
    both = sorted(here & set(expected))
    digests = _digests(folder, both, progress)
    problems = [f"{name} is missing" for name in sorted(set(expected) - here)]
    problems += [f"{name} was changed" for name, d in zip(both, digests, strict=True) if d != expected[name]]
    return problems + [f"{name} does not belong to the set" for name in sorted(here - set(expected))]


def _files(folder: Path) -> list[str]:
    found = (Path(where, file).relative_to(folder) for where, _, files in os.walk(folder) for file in files)
    return sorted(file.as_posix() for file in found if not any(part.startswith(".") for part in file.parts))


def _digests(folder: Path, names: list[str], progress: bool) -> list[str]:
    from tqdm.auto import tqdm

    def digest(name: str) -> str:
        return hashlib.sha256((folder / name).read_bytes()).hexdigest()

    found = []
    with ThreadPoolExecutor(WORKERS) as pool, tqdm(total=len(names), desc="hashing", disable=not progress) as bar:
        for start in range(0, len(names), BLOCK):  # pictures are small: each is read whole
            for one in pool.map(digest, names[start : start + BLOCK]):
                found.append(one)
                bar.update()
    return found
