"""From a name to a prepared set: licence, lock, disk, download, preparing, manifest, rename, in this order.

A set is made in a hidden folder beside its place and renamed when its manifest is written, so a folder with the set's
name is complete. Whatever stops a run, the next one goes on: with the bytes that came, or with the archive that is
there. Two runs at once wait for each other.
"""

import contextlib
import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from gritlib import download
from gritlib.data import public
from gritlib.fetch import archive, manifest, prepare

SPARE = 100_000_000  # bytes that are left free on the disk
LISTED = 0.15  # a size that is known from a listing alone ("2.0G") may be off by this share


def fetch(
    name: str,
    root: str | Path | None = None,
    given: Sequence[str | Path] = (),
    *,
    urls: Sequence[str] = (),
    sha256: str | None = None,
    again: bool = False,
    keep: bool = False,
    progress: bool = True,
) -> Path:
    """Make a public set ready for `catalog.load`; if it is ready, do nothing.

    Args:
        name: one of `public.NAMES`. root: the folder that gets a folder of that name, by default `public.root()`.
        given: your own archives or folders, instead of a download. urls: instead of the known addresses, tried in
            order. sha256: that the archive must have, where none is published or it has changed. again: replace a set
            that is there. keep: keep the archive beside the set. progress: show bars.

    Returns:
        The set's folder.

    Raises:
        ValueError: unknown name, a full disk, a wrong or damaged archive, a set that is not whole; says what to do.
        FileNotFoundError: the set needs your own download, or no address answered.
        FileExistsError: another folder has the set's name.
    """
    from filelock import FileLock

    fact = _fact(name)
    if sha256 and not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise ValueError(f"sha256 {sha256!r}: give all 64 hexadecimal digits")
    root = Path(root).expanduser() if root else public.root()
    target = root / name
    if _is_there(target, again):
        print(f"{name} is there: {target}")
        return target
    print(terms(name))
    if not (given or fact.get("urls")):
        raise FileNotFoundError(f"{name} cannot be fetched for you: {fact['own']}")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{root} cannot be made ({error}): choose another with --root, or GRITLIB_DATA") from error
    lock = FileLock(root / f".{name}.lock")
    if lock_is_held(lock):
        print(f"another run prepares {name}: waiting for it")
    with lock, _full_disk(root):
        _bring_back(target)
        if _is_there(target, again):  # the other run was faster
            print(f"{name} is there: {target}")
            return target
        return _make(name, fact, target, given, urls, sha256, keep, progress)


def lock_is_held(lock) -> bool:
    """Whether another process holds the lock now; leaves it free."""
    from filelock import Timeout

    try:
        with lock.acquire(timeout=0):
            return False
    except Timeout:
        return True


def verify(name: str, root: str | Path | None = None) -> list[str]:
    """What is wrong with a prepared set, one line a problem: files missing, changed or too many. Reads every file.

    Raises:
        FileNotFoundError: it is not there.
    """
    _fact(name)
    target = (Path(root).expanduser() if root else public.root()) / name
    if public.manifest(target) is None:
        raise FileNotFoundError(f"{name} is not in {target.parent}: python -m gritlib data fetch {name}")
    return manifest.verify(target)


def terms(name: str) -> str:
    """What must be known before the first byte: licence, citation, size, and what the download is checked against."""
    fact = _fact(name)
    size = fact.get("bytes") or fact.get("about")
    lines = [f"{name}: {fact['title']}", f"  licence  {fact['licence']}", f"  cite     {fact['citation']}"]
    lines += [f"  from     {fact['origin']}; {fact['home']}"]
    lines += [f"  size     {'about ' if 'about' in fact else ''}{size / 1e6:,.0f} MB"] if size else []
    return "\n".join([*lines, f"  checked  {_checked(fact)}"])


def _checked(fact: dict) -> str:
    counts = "the number of files" if "counts" in fact else "the number of files of all splits together"
    if "sha256" in fact:
        return f"the archive's sha256 (as {fact['sha256_from']}) and {counts}"
    if "md5" in fact:
        size = "size" if "bytes" in fact else "size as listed"
        return (
            f"{size} and {counts}; no checksum is published, the md5 known from one third party is compared and "
            "only reported, the sha256 that came is recorded"
        )
    return f"{counts}; no checksum is published, sizes and hashes of what came are recorded"


def _make(name, fact, target, given, urls, sha256, keep, progress) -> Path:
    root, work = target.parent, target.with_name(f".{target.name}.part")
    shutil.rmtree(work, ignore_errors=True)  # of a run that was killed
    downloaded, came = None, False
    if not given:
        size = fact.get("bytes") or fact.get("about") or 0
        downloaded = root / ".downloads" / fact["archive"]
        done = sum(f.stat().st_size for f in downloaded.parent.glob(downloaded.name + "*"))
        _check_disk(root, max(0, size - done) + prepare.room(fact, size))
        came = not downloaded.is_file()  # else it was put there by hand, kept with --keep, or left by a killed run
        _get(fact, downloaded, urls, sha256, progress)
        given = [downloaded]
    seen = [_describe(Path(path), fact, sha256) for path in given]
    _check_disk(root, prepare.room(fact, sum(entry["bytes"] for entry in seen)))
    work.mkdir()
    try:
        about = prepare.run(fact, [Path(path) for path in given], work, progress)
        _check_counts(name, fact, about["counts"], seen)
        (work / "LICENCE.txt").write_text(terms(name) + "\n", encoding="utf-8")
        for size in about.get("sizes", [""]) if about.get("classes") else []:  # so that each is a folder as any other
            (work / str(size) / "classes.txt").write_text("\n".join(about["classes"]) + "\n", encoding="utf-8")
        about = {"name": name, "layout": fact["layout"], "direction": fact["direction"], **about, "archives": seen}
        manifest.write(work, about, progress)
        _put(work, target)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        if downloaded and isinstance(error, ValueError):  # or the next run would open the same archive
            if not came:
                raise ValueError(f"{error}. The archive was there already: {downloaded}, replace it") from error
            if sha256 or "sha256" in fact:  # another download would bring the same bytes
                raise ValueError(f"{error}. Its sha256 is the expected one, it is kept: {downloaded}") from error
            downloaded.unlink()
            raise ValueError(f"{error}. The download was removed: run again, or give your own archive") from error
        raise
    if downloaded and came and not keep:
        downloaded.unlink(missing_ok=True)
    elif downloaded:
        print(f"the archive stays: {downloaded}")
    print(f"{name} is ready: {target}\n  " + ", ".join(f"{split} {n:,}" for split, n in about["counts"].items()))
    if root != public.root():
        print(f"  use it by its path, --data {target}, or set GRITLIB_DATA={root}")
    return target


def _fact(name: str) -> dict:
    if name not in public.registry():
        raise ValueError(f"public set {name!r} is unknown: choose {', '.join(public.registry())}")
    return public.registry()[name]


def _is_there(target: Path, again: bool) -> bool:
    """Whether the set is ready and wanted as it is; a folder of that name that is none of ours is refused, also with
    `again`, and one that lacks files without it."""
    if not target.exists():
        return False
    if public.manifest(target) is None:
        raise FileExistsError(f"{target} exists and was not made by this command: move it away, or choose --root")
    if again:
        return False
    problems = manifest.quick(target)
    if problems:
        raise ValueError(f"{target} is no longer whole ({problems[0]}): --again makes it anew")
    return True


def _get(fact: dict, path: Path, urls: Sequence[str], sha256: str | None, progress: bool) -> None:
    """The archive at `path`: there already, or from the first address that gives it."""
    known = sha256 or fact.get("sha256")
    download.fetch(
        list(urls) or fact["urls"],
        (lambda file: _another(file, known)) if known else (lambda file: _implausible(file, fact)),
        name=path.name,
        folder=path.parent,
        size=None if sha256 else fact.get("bytes"),  # a changed archive has another size too
        allow=True,
        progress=progress,
    )


def _another(path: Path, known: str) -> str | None:
    """Why a file is not the one with this sha256, or None."""
    if archive.kind(path) is None:
        return f"its {path.stat().st_size:,} bytes are no archive"
    found = archive.hashes(path)["sha256"]
    return None if found == known.lower() else _differs(found, known.lower())


def _differs(found: str, known: str) -> str:
    return f"its sha256 is {found}, expected {known}. If you know it to be right, --sha256 {found} takes it"


def _implausible(path: Path, fact: dict) -> str | None:
    """Why a file without a published hash cannot be the archive, or None."""
    size = path.stat().st_size
    if archive.kind(path) is None:
        return f"sent {size:,} bytes that are no archive"
    if "bytes" in fact and size != fact["bytes"]:
        return f"sent {size:,} bytes, expected {fact['bytes']:,}"
    if "about" in fact and abs(size / fact["about"] - 1) > LISTED:
        return f"sent {size:,} bytes, expected about {fact['about']:,}"
    return None


def _describe(path: Path, fact: dict, sha256: str | None) -> dict:
    """What the manifest says of an archive: size, hashes, and what they were compared with."""
    if path.is_dir():
        return {"name": path.name, "bytes": archive.size(path), "checked": "a folder of your own: nothing to compare"}
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there: give the archive that you downloaded, or its folder")
    found = {"name": path.name, "bytes": path.stat().st_size, **archive.hashes(path)}
    if sha256 or "sha256" in fact:
        known = (sha256 or fact["sha256"]).lower()
        if found["sha256"] != known:
            raise ValueError(f"{path}: {_differs(found['sha256'], known)}")
        return found | {"checked": f"sha256 as {'given' if sha256 else fact['sha256_from']}"}
    if "md5" not in fact:
        return found | {"checked": "no checksum is published: these are recorded"}
    if found["md5"] == fact["md5"]:
        return found | {"checked": "md5 as one third party has it; no other checksum is published"}
    print(
        f"warning: the md5 of {path.name} is {found['md5']}, one third party has {fact['md5']}. No other checksum is "
        "published: the file is used, and both stand in the manifest"
    )
    return found | {"checked": "md5 differs from the one a third party has", "md5_expected": fact["md5"]}


def _check_counts(name: str, fact: dict, counts: dict[str, int], seen: list[dict]) -> None:
    expected, total = fact.get("counts"), sum(counts.values())
    if expected and counts != expected:
        raise ValueError(
            f"{name}: {seen[0]['name']} gives {counts}, the set has {expected}: it is not whole, or another"
        )
    if "total" in fact and total != fact["total"]:
        raise ValueError(f"{name}: {seen[0]['name']} gives {total:,} files, the set has {fact['total']:,}")


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _bring_back(target: Path) -> None:
    """The replaced set, if a run was killed between the two renames of `_put`."""
    if _old(target).is_dir() and not target.exists():
        os.replace(_old(target), target)


def _put(work: Path, target: Path) -> None:
    """Give a prepared set its name. The set that was there is removed after that, and comes back if it fails."""
    _remove(_old(target))
    if target.exists():
        os.replace(target, _old(target))
    try:
        os.replace(work, target)
    except BaseException:
        _bring_back(target)
        raise
    _remove(_old(target))


def _remove(folder: Path) -> None:
    if folder.is_symlink():  # a set that was moved to another disk: what it names is left alone
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _check_disk(root: Path, needed: int) -> None:
    free = shutil.disk_usage(root).free - SPARE
    if needed > free:
        raise ValueError(
            f"{root}: about {needed / 1e9:.3g} GB are needed, {max(0, free) / 1e9:.3g} GB are free: "
            "choose another disk with --root, or set GRITLIB_DATA"
        )


@contextlib.contextmanager
def _full_disk(root: Path):
    """A disk that fills up on the way ends with a message; what was downloaded stays for the next run."""
    try:
        yield
    except OSError as error:
        if error.errno not in download.FULL:
            raise
        raise ValueError(
            f"the disk of {root} is full: make room, or choose another with --root. What was downloaded is kept, the "
            "next run goes on from there"
        ) from error
