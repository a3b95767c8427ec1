"""Runs the grader as an instructor does, and watches what it leaves behind."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from gritlib.classroom.grading import record, sandbox

ROOT = Path(__file__).parents[3]
SECRET = "SECRET-of-the-instructor"
SUBREAPER = 36  # prctl's option: orphans below this process become its children


@dataclass
class Run:
    """A finished `course grade`: what it printed, its status, its records, and what it left."""

    out: Path
    text: str
    status: int
    grades: dict[str, record.Grade]
    processes: list[int]
    files: list[Path]


@pytest.fixture(scope="session")
def namespaces():
    """The red team runs only in a box that holds it; on a machine for tests a missing box is a failure."""
    level = sandbox.best_level()
    if level != "namespaces":
        reason = f"the sandbox reports {level!r}, the red team needs 'namespaces'"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


def command(folder: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "gritlib", "course", "grade", str(folder), "--out", str(out), *options]


def environment(temporary: Path) -> dict[str, str]:
    """With a secret to find, and a folder for temporary files that must be empty afterwards."""
    temporary.mkdir(exist_ok=True)
    more = {"GRADER_SECRET": SECRET, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1", "GRITLIB_HOME": str(temporary)}
    return {**os.environ, **more}


def children() -> list[int]:
    """Direct children of this process."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def still_running(orphans: set[int]) -> list[int]:
    """Those that have not ended a moment later; the kernel takes its time with what is in a box."""
    deadline = time.monotonic() + 2
    while orphans and time.monotonic() < deadline:
        orphans -= {pid for pid in orphans if os.waitpid(pid, os.WNOHANG)[0]}
        time.sleep(0.02)
    for pid in orphans:
        os.kill(pid, signal.SIGKILL)
    return sorted(orphans)


def grade(folder: Path, out: Path, *options: str, seconds: float = 1200) -> Run:
    """Grade a folder; orphans of the run become our children, so none can hide."""
    temporary = out.with_name(f"{out.name}-temporary")
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    before = set(children())
    done = subprocess.run(
        command(folder, out, *options),
        cwd=ROOT,
        env=environment(temporary),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds,
    )
    processes = still_running(set(children()) - before)
    grades = {found.student: found for found in record.read_grades(out)} if out.exists() else {}
    text = done.stdout.decode("utf-8", "surrogateescape")
    # Importing torch's compiler makes an empty folder of that name.
    files = sorted(path for path in temporary.rglob("*") if not path.name.startswith("torchinductor"))
    return Run(out, text, done.returncode, grades, processes, files)


def earned(grade: record.Grade) -> dict[str, tuple[float, ...]]:
    """Exercise -> points by part, of those that earned anything or were handed in."""
    return {e.id: tuple(part.earned for part in e.parts) for e in grade.exercises}


def said(grade: record.Grade) -> str:
    """Everything a student is told."""
    return json.dumps([grade.notes, [[e.notes, [[p.lines, p.mistake] for p in e.parts]] for e in grade.exercises]])
