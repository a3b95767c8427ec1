"""A notebook in its box, as the grader talks to it."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from gritlib.classroom.grading.replies import Reply, collect
from gritlib.classroom.grading.sandbox import STARTING, Box, BoxFailed
from gritlib.course import wire
from gritlib.course.examine import SECONDS

LOOKING = 60.0  # seconds, for reading the notebook
TOTAL = 12  # times a call's limit: an exercise's
SLACK = 10.0  # seconds that a box may be late


@dataclass(frozen=True)
class Terms:
    """How notebooks are graded.

    Args:
        seed: secret; None for the public inputs of `check`. level, uid: of the boxes. seconds: that a call may compute.
        lessons: numbers that may be graded. cohort: key of the class; None takes the notebook's own. only: ids to
            grade, all if empty. points: id -> adjusted points. root: of the repository. hidden: folders that no box may
            show.
    """

    seed: int | None
    level: str
    uid: int
    seconds: float = SECONDS
    lessons: tuple[str, ...] = ()
    cohort: str | None = ""
    only: tuple[str, ...] = ()
    points: dict[str, float] = field(default_factory=dict)
    root: Path = Path()
    hidden: tuple[Path, ...] = ()


class Notebook:
    """A notebook in a box, which is opened again when it breaks; a context manager."""

    def __init__(self, data: bytes, terms: Terms):
        self.data, self.terms, self.box, self.served = data, terms, None, 0
        self.about = self.open()

    def open(self) -> dict:
        """What the notebook says about itself, or {"unreadable": why}."""
        self.close()
        try:
            self.box = Box(self.terms.level, self.terms.uid, TOTAL * self.terms.seconds, self.terms.hidden)
            self.box.send(self.data)
            about = json.loads(self.box.receive(time.monotonic() + STARTING + LOOKING))
        except (BoxFailed, ValueError, RecursionError) as error:
            about = {"unreadable": f"no box survives it ({error})"}
        self.ready, self.served = False, 0
        return about if isinstance(about, dict) else {"unreadable": "no box survives it"}

    def ask(self, job: dict) -> Reply:
        """What came of an exercise. A box that an earlier exercise may have harmed is replaced by a fresh one.

        Raises:
            BoxFailed: the box did not survive it.
        """
        try:
            return self.ask_once(job)
        except BoxFailed:
            if not self.served:
                raise
            self.served = 0
            return self.ask_once(job)

    def ask_once(self, job: dict) -> Reply:
        """As `ask`, in the box that there is."""
        if self.box is None and "unreadable" in self.open():
            raise BoxFailed("no box opens again")
        try:
            if not self.ready and self.box.receive(time.monotonic() + STARTING) != b"ready":
                raise BoxFailed("the box does not start as it should")
            self.ready = True
            self.box.send(wire.pack(job))
            draws = [len(part["draws"]) for part in job["parts"]]
            reply = collect(self.box, draws, job["total"] + SLACK)
        except BoxFailed:
            self.close()
            raise
        self.served += 1
        return reply

    def key(self, student: str) -> str:
        """Whose inputs these are. Another version of the file gets other ones, so that what a page tells about one
        cannot be hard-coded into the next."""
        return f"{student}|{hashlib.sha256(self.data).hexdigest()}"

    def said(self, name: str) -> str:
        """A word that the notebook says about itself, fit for any use as text."""
        value = self.about.get(name)
        return value.replace("\0", "").encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else ""

    def close(self) -> None:
        if self.box is not None:
            self.box.close()
        self.box = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
