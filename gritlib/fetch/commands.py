"""The verbs of `python -m gritlib data VERB`, and the list of the papers' sets."""

import sys
from pathlib import Path
from typing import Literal

import tyro

from gritlib.data import public


def listing() -> str:
    """One line a public set: name, size, what it is, and whether it is here."""
    lines = ["the papers' sets, after `python -m gritlib data fetch NAME`:"]
    for name, fact in public.registry().items():
        amount = fact.get("bytes", fact.get("about"))
        size = f"{amount / 1e6:,.0f} MB" if amount else "your download"
        here = "  (here)" if public.manifest(public.root() / name) else ""
        lines.append(f"  {name:23s} {size:>13s}  {fact['title']}{here}")
    return "\n".join(lines)


def is_public(name: str) -> bool:
    """Whether a name, or the path of a prepared folder, is that of a public set."""
    return name in public.NAMES or public.manifest(name) is not None


def card(name: str) -> str:
    """A public set's card, and where it lies or how it is got."""
    try:
        where = f"here     {public.find(name)}"
    except FileNotFoundError as error:
        where = f"missing  {error}"
    return f"{public.card(name)}\n  {where}"


def fetch(
    name: tyro.conf.Positional[str],
    root: Path | None = None,
    verify: bool = False,
    again: bool = False,
    keep: bool = False,
    archive: tuple[Path, ...] = (),
    url: tuple[str, ...] = (),
    sha256: str | None = None,
) -> None:
    """Download a public set, verify and prepare it; a second run does nothing, an interrupted one goes on.

    Args:
        name: of the set; `python -m gritlib data` lists them.
        root: folder that gets the set; by default GRITLIB_DATA, or a folder of the cache.
        verify: read every file of a prepared set and compare it with its manifest instead.
        again: replace a set that is there.
        keep: keep the archive beside the set.
        archive: your own copy of the archive instead of a download.
        url: other addresses of the archive, tried in order.
        sha256: of the archive, where none is published or it has changed.
    """
    from gritlib import fetch as room

    if not verify:
        room.fetch(name, root, archive, urls=url, sha256=sha256, again=again, keep=keep)
        return
    problems = room.verify(name, root)
    print("\n".join(problems[:20]) if problems else f"{name}: every file is as it was prepared")
    if problems:
        sys.exit(f"error: {len(problems)} problems: fetch {name} --again makes the set anew")


def celebamask_hq(given: tyro.conf.Positional[tuple[Path, ...]], root: Path | None = None, again: bool = False) -> None:
    """Prepare CelebAMask-HQ from your own download: label maps merged, CelebA's splits, 256 and 512 pixels.

    A face takes about 0.06 s of processor time (measured on 40 made faces of the real sizes), all 30,000 half an hour.

    Args:
        given: CelebAMask-HQ.zip, or its unpacked folder.
        root: folder that gets the set; by default GRITLIB_DATA, or a folder of the cache.
        again: replace a set that is there.
    """
    from gritlib.fetch import fetch

    fetch("celebamask_hq", root, given, again=again)


def cityscapes(
    given: tyro.conf.Positional[tuple[Path, ...]],
    form: Literal["pix2pix", "labels"] = "pix2pix",
    root: Path | None = None,
    again: bool = False,
) -> None:
    """Prepare Cityscapes from your own download; nothing is fetched, the licence asks for registration.

    Args:
        given: gtFine_trainvaltest.zip and leftImg8bit_trainvaltest.zip, or the folders gtFine and leftImg8bit.
        form: pix2pix (pairs of photo and coloured labels, 256x256) or labels (label maps of 35 ids and photos, 512x256,
            for SPADE; its name is cityscapes_labels).
        root: folder that gets the set; by default GRITLIB_DATA, or a folder of the cache.
        again: replace a set that is there.
    """
    from gritlib.fetch import fetch

    fetch("cityscapes" if form == "pix2pix" else "cityscapes_labels", root, given, again=again)


def ade20k(given: tyro.conf.Positional[tuple[Path, ...]] = (), root: Path | None = None, again: bool = False) -> None:
    """Prepare ADE20K's challenge set (0 unknown, 1 to 150 classes), from your own archive or downloaded (967 MB).

    Args:
        given: ADEChallengeData2016.zip or its unpacked folder; without it the archive is downloaded.
        root: folder that gets the set; by default GRITLIB_DATA, or a folder of the cache.
        again: replace a set that is there.
    """
    from gritlib.fetch import fetch

    fetch("ade20k", root, given, again=again)


def edges(photos: tyro.conf.Positional[Path], out: tyro.conf.Positional[Path], sigma: float = 2.0) -> None:
    """Draw the edges of photos with scikit-image's Canny detector (not HED, which the papers' sets are made with).

    Args:
        photos: folder of photos, with the folders below it.
        out: folder of the edge maps, black on white, under the photos' names.
        sigma: width of the Gaussian in pixels; larger keeps fewer edges.
    """
    from gritlib.fetch import tools

    print(f"{tools.edges(photos, out, sigma)} Canny edge maps in {out}")


def pair(paths: tyro.conf.Positional[tuple[Path, ...]], reverse: bool = False) -> None:
    """Put two folders side by side, A B OUT, or take files apart with --reverse, AB OUT.

    Args:
        paths: the folders, the last one is written.
        reverse: the left half of each file goes to OUT/A, the right one to OUT/B.
    """
    from gritlib.fetch import tools

    if len(paths) != (2 if reverse else 3):
        raise ValueError(f"{len(paths)} folders given: write A B OUT, or --reverse AB OUT")
    count = tools.split(*paths) if reverse else tools.combine(*paths)
    print(f"{count} files {'taken apart' if reverse else 'put side by side'} in {paths[-1]}")


def tiles(
    a: tyro.conf.Positional[Path],
    b: tyro.conf.Positional[Path],
    out: tyro.conf.Positional[Path],
    size: int = 256,
    held_out: float = 0.2,
) -> None:
    """Cut large pairs into tiles that share no pixel; the lowest rows become the test split.

    Args:
        a: image or folder of the inputs.
        b: image or folder of the targets, the same sizes and names.
        out: folder that gets train/A, train/B, test/A and test/B.
        size: side of a tile in pixels.
        held_out: share of the rows for the test split.
    """
    from gritlib.fetch import tools

    counts = tools.tiles(a, b, out, size, held_out)
    print(", ".join(f"{split} {count}" for split, count in counts.items()) + f" tiles in {out}")


VERBS = {
    "fetch": fetch,
    "celebamask-hq": celebamask_hq,
    "cityscapes": cityscapes,
    "ade20k": ade20k,
    "edges": edges,
    "pair": pair,
    "tiles": tiles,
}
