"""Archives of strangers: unpacked only below one folder and only so large, or read by name without being unpacked.

An archive may name `../x`, an absolute path, a link out of its folder, a device, or a file that unpacks to a terabyte.
What is refused is refused as a whole and by name: a set with holes would be worse than none. Python's own filter for
tar files exists from 3.12 on, and none for zip files.
"""

import contextlib
import errno
import gzip
import hashlib
import lzma
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image

CHUNK = 1 << 20
CODECS = (zlib.error, lzma.LZMAError, NotImplementedError)
FILES = 1_000_000  # members; the largest set of the course has 138,767
GROWTH, ROOM = 3, 50_000_000  # photos hardly shrink: unpacked, an archive is at most 3 times as large and 50 MB more
MEMBER = 256_000_000  # bytes of one file that is read into memory


def kind(path: Path) -> str | None:
    """ "zip" or "tar.gz" by the file's first bytes, None for anything else: a dead host often sends an HTML page."""
    with open(path, "rb") as file:
        begins = file.read(4)
    return "zip" if begins == b"PK\x03\x04" else "tar.gz" if begins[:2] == b"\x1f\x8b" else None


def unpack(path: Path, target: Path, limit: int | None = None, progress: bool = True) -> int:
    """Write the files of a zip or tar.gz below `target`, a folder that is made; folders of it follow the names.

    Nothing else than plain files is written: no links, modes, owners or dates. Hidden files and `__MACOSX` are left
    out. Every member's checksum is compared, and the archive is read to its end.

    Args:
        limit: bytes that may be written; by default 3 times the archive and 50 MB more.

    Returns:
        How many files were written.

    Raises:
        ValueError: no archive, damaged, or it holds what is refused; says which member.
        OSError: the disk is full.
    """
    from tqdm.auto import tqdm

    limit = GROWTH * path.stat().st_size + ROOM if limit is None else limit
    target.mkdir(parents=True)
    seen, written = set(), 0
    with tqdm(unit="file", desc="unpacking", disable=not progress) as bar, _members(path) as members:
        for name, opened in members:
            parts = inside(name)
            if not parts or any(part.startswith(".") or part == "__MACOSX" for part in parts):
                continue
            if "/".join(parts).casefold() in seen:
                raise ValueError(f"{path.name}: holds {name!r} twice, and on some systems one replaces the other")
            seen.add("/".join(parts).casefold())
            if len(seen) > FILES:
                raise ValueError(f"{path.name}: holds more than {FILES:,} files: this is not the set it should be")
            file = target.joinpath(*parts)
            with opened() as source, _new(file, path, name) as sink:
                while chunk := source.read(CHUNK):
                    written += len(chunk)
                    if written > limit:
                        raise ValueError(f"{path.name}: unpacks to more than {limit:,} bytes, seen at {name!r}")
                    sink.write(chunk)
            bar.update()
    return len(seen)


def _new(file: Path, path: Path, name: str) -> BinaryIO:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        return open(file, "xb")
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL):
            raise ValueError(f"{path.name}: {name!r} cannot be written here ({error.strerror})") from error
        raise


def inside(name: str) -> tuple[str, ...]:
    """The parts of a member's name, if it stays below the folder it is unpacked in; letters that are no part of a
    name on Windows become "_" (some photos are called after their time, with colons).

    Raises:
        ValueError: it does not.
    """
    if name.startswith("/") or re.search(r"\\|[\x00-\x1f]|^[A-Za-z]:", name) or ".." in name.split("/"):
        raise ValueError(f"the archive holds {name!r}, a path that leads out of its folder")
    return tuple(re.sub(r'[:*?"<>|]|[. ]$', "_", part) for part in name.split("/") if part not in ("", "."))


@contextlib.contextmanager
def _members(path: Path) -> Iterator[Iterator[tuple[str, Callable[[], BinaryIO]]]]:
    """Name of each file and what opens it; every way in which an archive is damaged becomes a ValueError."""
    form = kind(path)
    if form is None:
        raise ValueError(f"{path.name}: is neither a zip nor a tar.gz file")
    try:
        with zipfile.ZipFile(path) if form == "zip" else gzip.open(path) as opened:
            yield _zip_members(opened) if form == "zip" else _tar_members(opened)
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, *CODECS) as error:
        raise ValueError(f"{path.name}: is damaged ({error})") from error


def _zip_members(archive: zipfile.ZipFile) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    for info in archive.infolist():
        form = stat.S_IFMT(info.external_attr >> 16)
        if form not in (0, stat.S_IFREG, stat.S_IFDIR) or info.flag_bits & 1:
            raise ValueError(
                f"the archive holds {info.filename!r}, a link, a device or encrypted: only files are taken"
            )
        if not info.is_dir():
            yield info.filename, lambda info=info: archive.open(info)


class _Bounded:
    """tarfile reads a long name or a pax header in one piece, however many gigabytes it says to have."""

    def __init__(self, stream: BinaryIO):
        self.stream, self.seek, self.tell = stream, stream.seek, stream.tell

    def read(self, size: int) -> bytes:
        if size > CHUNK:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.stream.read(size)


def _tar_members(stream: BinaryIO) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    with tarfile.open(fileobj=_Bounded(stream), mode="r:") as archive:
        for info in archive:
            if not (info.isreg() or info.isdir()):
                raise ValueError(f"the archive holds {info.name!r}, a link or a device: only files are taken")
            if info.isreg():
                yield info.name, lambda info=info: archive.extractfile(info)
            archive.members = []  # tarfile would keep every header
    while stream.read(CHUNK):  # behind the last file stand gzip's length and checksum
        pass


class Given:
    """What a person downloaded: zip files or folders, as one set of names that are read without unpacking.

    Raises:
        FileNotFoundError: a path is not there. ValueError: a file that is no zip.
    """

    def __init__(self, paths: Sequence[str | Path]):
        self.paths, self.places, self.archives = [Path(path).expanduser() for path in paths], {}, []
        for path in self.paths:
            if path.is_dir():
                for folder, _, files in os.walk(path):
                    for file in files:
                        full = Path(folder, file)
                        self.places[full.relative_to(path.parent).as_posix()] = full
            elif not path.exists():
                raise FileNotFoundError(f"{path} is not there: give the archive that you downloaded, or its folder")
            elif kind(path) != "zip":
                raise ValueError(
                    f"{path}: is no zip file ({path.stat().st_size:,} bytes): downloads behind a login "
                    "often end as a page that says so"
                )
            else:
                try:
                    archive = zipfile.ZipFile(path)
                except zipfile.BadZipFile as error:
                    raise ValueError(f"{path}: is damaged ({error}): download it again") from error
                self.archives.append(archive)
                self.places |= {info.filename: (archive, info) for info in archive.infolist() if not info.is_dir()}

    def find(self, pattern: str) -> dict[tuple[str, ...], str]:
        """Groups of the pattern -> name, for every name whose end matches from the beginning of one of its folders.

        Raises:
            ValueError: two names match with the same groups.
        """
        found, compiled = {}, re.compile(rf"(?:^|.*/){pattern}$")
        for name in sorted(self.places):
            match = compiled.match(name)
            if match and "__MACOSX" not in name:
                if match.groups() in found:
                    raise ValueError(f"{name} and {found[match.groups()]} are the same part of the set: give it once")
                found[match.groups()] = name
        return found

    def read(self, name: str) -> bytes:
        """The bytes of one file.

        Raises:
            ValueError: too large for a picture, or damaged.
        """
        place = self.places[name]
        size = place.stat().st_size if isinstance(place, Path) else place[1].file_size
        if size > MEMBER:
            raise ValueError(f"{name}: takes {size:,} bytes, more than any picture of the set")
        if isinstance(place, Path):
            return place.read_bytes()
        try:
            return place[0].read(place[1])
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            raise ValueError(f"{name}: is damaged in its archive ({error}): download it again") from error

    def close(self) -> None:
        for archive in self.archives:
            archive.close()


def picture(content: bytes, name: str) -> Image.Image:
    """An image of a set, decoded; a broken one is named.

    Raises:
        ValueError: not an image, or cut short.
    """
    try:
        image = Image.open(BytesIO(content))
        image.load()
    except Exception as error:  # decoders raise OSError, SyntaxError, struct.error … for a broken file
        raise ValueError(f"{name}: cannot be read as an image ({error}): download the archive again") from error
    return image


def size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder."""
    return sum(f.stat().st_size for f in ([path] if path.is_file() else path.rglob("*")) if f.is_file())


def hashes(path: Path) -> dict[str, str]:
    """sha256 and md5 of a file."""
    totals = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", "md5")}
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            for total in totals.values():
                total.update(chunk)
    return {name: total.hexdigest() for name, total in totals.items()}
