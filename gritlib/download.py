"""Files that are too large or not free to lie in the repository: fetched once, verified, kept in one folder.

Nothing is downloaded unless `GRITLIB_ALLOW_DOWNLOAD=1` is set (or the caller allows it), so no import, test or training
run waits for a server. A file counts as there only after its hash was verified: it is written under another name, a
connection that breaks is taken up where it stopped (pooch's own downloaders begin anew), and renamed at the end.
"""

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ALLOW = "GRITLIB_ALLOW_DOWNLOAD"
CHUNK = 1 << 14  # bytes; of what a connection brought before it broke, less than this is lost
TRIES = 2  # connections that bring nothing new before the next address is tried
TIMEOUT = (10, 60)  # seconds to connect, and between two chunks
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # the disk, or a person's share of it


def allowed() -> bool:
    """Whether GRITLIB_ALLOW_DOWNLOAD=1 is set."""
    return os.environ.get(ALLOW) == "1"


def cache_folder() -> Path:
    """Where files are kept: GRITLIB_CACHE, or the platform's folder for caches."""
    if os.environ.get("GRITLIB_CACHE"):
        return Path(os.environ["GRITLIB_CACHE"]).expanduser()
    import pooch

    return Path(pooch.os_cache("gritlib"))


def fetch(
    urls: str | Sequence[str],
    known: str | Callable[[Path], str | None],
    name: str | None = None,
    folder: str | Path | None = None,
    size: int | None = None,
    allow: bool | None = None,
    progress: bool = True,
) -> Path:
    """The path of a file: in the cache, among torch.hub's checkpoints, or downloaded into the cache.

    Args:
        urls: addresses of the same file, tried in order. known: its hash as far as it is known, 8 or more hexadecimal
            digits from the beginning: of sha256, or "md5:" and the digits. Where none is published, a function that
            says what is wrong with a file, None for nothing. name: under which it is kept, by default
            the end of the first address. folder: instead of `cache_folder()`. size: in bytes; an address that
            announces another size is passed over. allow: instead of GRITLIB_ALLOW_DOWNLOAD. progress: show a bar.

    Raises:
        FileNotFoundError: it is not there and must not or cannot be downloaded; says where to put it by hand.
        OSError: the disk is full.
    """
    if isinstance(known, str):
        _parts(known)  # refuses what is no hash before anything else
    urls = [urls] if isinstance(urls, str) else list(urls)
    name = name or urls[0].rsplit("/", 1)[-1]
    target, notes = Path(folder or cache_folder()) / name, []
    for path in (target, *_elsewhere(urls)):
        if path.is_file():
            problem = _wrong(path, known)
            if problem is None:
                return path
            notes.append(f"{path} is there, but {problem}")
    if not (allowed() if allow is None else allow):
        large = f" ({size / 1e6:,.0f} MB)" if size else ""
        raise FileNotFoundError(
            f"{name}{large} is not on this machine and downloads are off: set {ALLOW}=1, or fetch {urls[0]} and put it "
            f"into {target.parent}" + "".join(f"; {note}" for note in notes)
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileNotFoundError(f"{name} cannot be kept in {target.parent} ({error}): set GRITLIB_CACHE") from None
    partial = target.with_name(target.name + ".part")
    with _alone(target.with_name(target.name + ".lock")):
        if target.is_file() and _wrong(target, known) is None:  # another process was faster
            return target
        for url in urls:
            problem = _attempt(url, partial, known, size, progress)
            if problem is None:
                os.replace(partial, target)
                return target
            notes.append(f"{url}: {problem}")
    kept = f"; {_size(partial):,} bytes are kept, run again to go on from there" if _size(partial) else ""
    raise FileNotFoundError(
        f"{name} could not be downloaded ({'; '.join(notes)}){kept}. By hand: put it into {target.parent}"
    )


class RangeDownloader:
    """A downloader in pooch's sense that continues a file begun earlier, if the server knows byte ranges.

    Args:
        size: in bytes, if known. progress: show a bar.
    """

    def __init__(self, size: int | None = None, progress: bool = False):
        self.size, self.progress = size, progress

    def __call__(self, url: str, output_file: str | Path, pooch=None) -> None:
        """Append what is missing to `output_file`, or write it anew where the server sends it from the beginning.

        Raises:
            OSError: refused, cut, or of another size than expected; what came stays in the file.
        """
        import requests  # comes with pooch
        from tqdm.auto import tqdm

        path = Path(output_file)
        begun = _size(path)
        headers = {"Accept-Encoding": "identity"}  # as stored: a compressed answer cannot be continued
        if begun:
            headers["Range"] = f"bytes={begun}-"
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
            if answer.status_code == 416:  # nothing lies behind what is there; whether it is right, the hash tells
                return
            answer.raise_for_status()
            if answer.status_code != 206:
                begun = 0
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {begun}-"):
                raise OSError(f"asked for bytes from {begun}, got {answer.headers.get('Content-Range')}")
            length = answer.headers.get("Content-Length")
            total = begun + int(length) if length else None
            if self.size and total and total != self.size:
                raise OSError(f"the server announces {total:,} bytes, expected {self.size:,}")
            with open(path, "ab" if begun else "wb") as file:
                bar = {"total": total, "initial": begun, "unit": "B", "unit_scale": True, "desc": path.stem}
                with tqdm(**bar, disable=not self.progress) as shown:
                    for chunk in answer.iter_content(CHUNK):
                        file.write(chunk)
                        shown.update(len(chunk))
        if total and _size(path) < total:
            raise OSError(f"the connection ended after {_size(path):,} of {total:,} bytes")


def _attempt(url: str, partial: Path, known, size: int | None, progress: bool) -> str | None:
    """Download from one address into `partial` until it is what it should be (None), or the reason why not."""
    download, failures, most, again = RangeDownloader(size, progress), 0, _size(partial), _size(partial) > 0
    while True:
        try:
            download(url, partial)
        except OSError as error:  # requests' errors are among them
            if error.errno in FULL:  # no other address helps
                raise
            failures = 0 if _size(partial) > most else failures + 1
            most = max(most, _size(partial))
            status = getattr(getattr(error, "response", None), "status_code", 500)
            if failures == TRIES or status < 500 or "announces" in str(error):
                # what requests says about a connection is long, and names the address once more
                return type(error).__name__ if type(error).__name__.endswith("ConnectionError") else str(error)
            continue
        problem = _wrong(partial, known)
        if problem is None:
            return None
        partial.unlink()
        if not again:
            return problem
        again = False  # what was begun earlier, perhaps elsewhere, may be to blame: once more from the beginning


def _wrong(path: Path, known: str | Callable[[Path], str | None]) -> str | None:
    """What is wrong with a file by its hash, or by the caller's function; None for nothing."""
    if not isinstance(known, str):
        return known(path)
    digest, digits = _digest(path, known), _parts(known)[1]
    return None if digest.startswith(digits) else f"its hash is {digest[:8]}… instead of {digits[:8]}…"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _elsewhere(urls: list[str]) -> list[Path]:
    """Where torch.hub keeps what was downloaded from these addresses."""
    import torch

    return [Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1] for url in urls]


def _parts(known: str) -> tuple[str, str]:
    algorithm, _, digits = known.lower().rpartition(":")
    if len(digits) < 8 or set(digits) - set("0123456789abcdef") or algorithm not in ("", "sha256", "md5"):
        raise ValueError(f"hash {known!r}: give 8 or more hexadecimal digits of sha256, or md5: and the digits")
    return algorithm or "sha256", digits


def _digest(path: Path, known: str) -> str:
    total = hashlib.new(_parts(known)[0], usedforsecurity=False)
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            total.update(chunk)
    return total.hexdigest()


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """One process at a time, so that those of one distributed run do not write into the same file. Not on Windows."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with open(lock, "w") as file:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
