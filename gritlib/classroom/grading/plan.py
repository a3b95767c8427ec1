"""What a grading run is asked for, and what follows from that and from the runs before it in the same folder."""

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import gritlib
from gritlib.classroom.grading.record import Batch, read_batch
from gritlib.classroom.grading.sandbox import LEVELS
from gritlib.classroom.grading.submissions import class_list
from gritlib.course import exercises


@dataclass(frozen=True)
class Asked:
    """What `course grade` was asked for; see `gritlib.classroom.commands.grade`."""

    submissions: Path
    out: Path
    lessons: tuple[str, ...] = ()
    workers: int = 0
    timeout: float = 10.0
    seed: int | None = None
    cohort: str | None = None
    student: str | None = None
    students: Path | None = None
    regrade: str | None = None
    release: Path | None = None
    deadline: str | None = None
    points: Path | None = None
    unsafe: bool = False
    root: Path = Path()


def planned(asked: Asked, level: str) -> Batch:
    """The terms of this run: those of the folder's earlier runs, if there were any."""
    lessons = asked.lessons or exercises.LESSONS
    for number in lessons:
        exercises.lesson(number)
    worth = {ex.id: float(ex.points) for number in lessons for ex in exercises.lesson(number)} | adjusted(asked.points)
    worth = {id: worth[id] for number in lessons for id in exercises.ids(number)}
    deadline = iso(asked.deadline) if asked.deadline else ""
    names = class_list(asked.students) if asked.students else []
    seed = secrets.randbits(62) if asked.seed is None else asked.seed
    batch = Batch(
        lessons=list(lessons),
        seed=seed,
        level=level,
        version=gritlib.__version__,
        exercises=worth,
        cohort=asked.cohort or "",
        students=names,
        unprotected=LEVELS[level],
        deadline=deadline,
        release=str(asked.release or ""),
    )
    try:
        earlier = read_batch(asked.out)
    except FileNotFoundError:
        return batch
    for name, now in (("seed", asked.seed), ("cohort", asked.cohort)):
        if now is not None and now != getattr(earlier, name):
            raise ValueError(f"{asked.out} was graded with another {name}: give that one, or grade into a new folder")
    numbers = sorted({*earlier.lessons, *lessons})
    return replace(
        batch,
        seed=earlier.seed,
        lessons=numbers,
        exercises={id: (earlier.exercises | worth)[id] for number in numbers for id in exercises.ids(number)},
        students=names or earlier.students,
        deadline=deadline or earlier.deadline,
        release=batch.release or earlier.release,
    )


def adjusted(path: Path | None) -> dict[str, float]:
    """Points of exercises from a JSON file: {"01.3": 4}.

    Raises:
        ValueError: something else.
    """
    if path is None:
        return {}
    try:
        points = {str(id): float(value) for id, value in json.loads(Path(path).read_text(encoding="utf-8")).items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f'{path} must read like {{"01.3": 4, "01.6": 0}}: {error}') from None
    for id, value in points.items():
        exercises.load(id)
        if not 0 <= value < float("inf"):
            raise ValueError(f"{path}: {id} cannot be worth {value:g} points")
    return points


def iso(text: str) -> str:
    """An ISO time in UTC; without a zone it is this machine's.

    Raises:
        ValueError: no time.
    """
    try:
        return datetime.fromisoformat(text).astimezone(timezone.utc).isoformat(timespec="seconds")
    except ValueError:
        raise ValueError(f"--deadline {text!r}: write it like 2026-05-04T23:59 or 2026-05-04T23:59+02:00") from None
