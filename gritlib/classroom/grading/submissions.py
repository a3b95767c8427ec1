"""Finds the notebooks that were handed in, and says whose and of which lesson each is, by names alone.

    SUBMISSIONS/alice.ipynb, alice_01.ipynb                         flat: the student, then perhaps the lesson
    SUBMISSIONS/alice/01_pix2pix.ipynb                              a folder for each student
    SUBMISSIONS/lovelaceada_LATE_123_4567_01_pix2pix.ipynb          Canvas: the student is lovelaceada_123
    SUBMISSIONS/Ada Lovelace_123_assignsubmission_file/01….ipynb    Moodle, folder or flat: Ada Lovelace_123

Only regular files are read, and what is in them is not looked at here. Links are not followed, archives not opened.
"""

import csv
import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

LARGEST = 10 << 20  # bytes of a notebook
DEPTH = 3  # folders below a student's
MOODLE = re.compile(r"(?P<student>.+?_\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.DOTALL)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_\d+_(?P<rest>.+)", re.DOTALL)
# How a browser or Jupyter numbers a copy; a number without brackets is the student's own.
COPY = r"(?:\s*\(\d+\)|-Copy\d+)?$"
NUMBER = re.compile(rf"(?:^|[_\s-])(\d\d){COPY}")


@dataclass(frozen=True)
class Submission:
    """A file: whose, of which lesson ("" where its name does not say), its path, and whether its name says LATE."""

    student: str
    lesson: str
    path: Path
    late: bool = False


class NotReadable(ValueError):
    """A file that is not read, and why."""


def find(folder: Path, names: dict[str, str]) -> list[Submission]:
    """All notebooks in a folder, or the one that is a file, in the order of their names.

    Args:
        names: number of a lesson -> its file's name without ending, "01" -> "01_pix2pix".

    Raises:
        FileNotFoundError: no such folder.
    """
    folder = Path(folder)
    if folder.is_file():
        return [_flat(folder, names)]
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder of notebooks")
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.name.startswith((".", "__MACOSX")):
            continue
        if entry.name.lower().endswith(".ipynb"):
            found.append(_flat(path, names))
        elif entry.is_dir(follow_symlinks=False):
            moodle = MOODLE.fullmatch(entry.name)
            student = moodle["student"] if moodle else entry.name
            found += [Submission(text(student), lesson_of(p.stem, names), p) for p in _below(path, DEPTH)]
    return found


def _flat(path: Path, names: dict[str, str]) -> Submission:
    stem = path.name[: -len(".ipynb")] if path.name.lower().endswith(".ipynb") else path.name
    for pattern in (MOODLE, CANVAS):
        if match := pattern.fullmatch(stem):
            parts = match.groupdict()
            student = parts.get("student") or f"{parts['name']}_{parts['id']}"
            return Submission(text(student), lesson_of(parts["rest"], names), path, bool(parts.get("late")))
    lesson = lesson_of(stem, names)
    student = stem
    if lesson:
        student = re.sub(rf"(?:^|[_\s-]+)(?:{re.escape(names[lesson])}|{lesson}){COPY}", "", stem) or stem
    return Submission(text(student), lesson, path)


def _below(folder: Path, depth: int) -> list[Path]:
    found = []
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith((".", "__MACOSX")):
            continue
        if entry.name.lower().endswith(".ipynb"):
            found.append(Path(entry.path))
        elif depth and entry.is_dir(follow_symlinks=False):
            found += _below(Path(entry.path), depth - 1)
    return found


def text(name: str) -> str:
    """A file's name as text: bytes that are no UTF-8 stay visible."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def lesson_of(stem: str, names: dict[str, str]) -> str:
    """Number of the lesson that a file's name tells, by the lesson's own name or by a number at its end; else ""."""
    for number, name in names.items():
        if name in stem:
            return number
    found = NUMBER.search(stem)
    return found[1] if found and found[1] in names else ""


def content(path: Path) -> tuple[bytes, str]:
    """Bytes of a notebook, and the ISO time at which it was changed.

    Raises:
        NotReadable: no regular file, too large, or not to be opened.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        link = (
            "a symbolic link, which is not followed" if os.path.islink(path) else f"cannot be opened: {error.strerror}"
        )
        raise NotReadable(link) from None
    try:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode):
            raise NotReadable("no regular file")
        if about.st_size > LARGEST:
            raise NotReadable(f"{about.st_size / 1e6:.1f} MB; at most {LARGEST >> 20} MB are read: clear the outputs")
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NotReadable(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(handle)
    if not data.strip():
        raise NotReadable("an empty file")
    return data, datetime.fromtimestamp(about.st_mtime, timezone.utc).isoformat(timespec="seconds")


def class_list(path: Path) -> list[str]:
    """Names of a class: the column "student" of a CSV table, or its first one.

    Raises:
        ValueError: an empty table.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    if not rows:
        raise ValueError(f"{path} names nobody: write one student a line, below the word student")
    header = [cell.strip().lower() for cell in rows[0]]
    column = header.index("student") if "student" in header else 0
    names = [row[column].strip() for row in rows[1 if "student" in header else 0 :] if len(row) > column]
    return list(dict.fromkeys(filter(None, names)))
