"""What a student has done, in one small file a lesson on their own machine: exercises, predictions, claims measured.

The folder is `~/.gritlib/progress`, or `progress` under the environment variable GRITLIB_HOME. No account, no upload.
"""

import json
import os
import tempfile
from pathlib import Path

from gritlib.course.lessons import LESSONS
from gritlib.training.checkpoint import write_text

KINDS = ("exercises", "predictions", "claims")


def home() -> Path:
    """Where this machine keeps a student's files."""
    try:
        return Path(os.environ.get("GRITLIB_HOME") or "~/.gritlib").expanduser()
    except RuntimeError:  # a container's user without a home
        return Path(tempfile.gettempdir()) / "gritlib"


def path(lesson: str) -> Path:
    return home() / "progress" / f"{lesson}.json"


def read(lesson: str) -> dict:
    """What is recorded of a lesson. A file that cannot be read is set aside, with a note, and counts as empty."""
    file = path(lesson)
    empty = {kind: {} for kind in KINDS}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        content = {kind: {key: dict(value) for key, value in stored.get(kind, {}).items()} for kind in KINDS}
        for entry in content["exercises"].values():
            entry.update(points=float(entry.get("points", 0)), tries=int(entry.get("tries", 0)))
        return content
    except FileNotFoundError:
        return empty
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        aside = file.with_suffix(".unreadable")
        try:
            os.replace(file, aside)
            print(f"{file} could not be read: it is now {aside.name}, and progress starts anew")
        except OSError:
            print(f"{file} cannot be read: progress is not kept")
        return empty


def record(lesson: str, kind: str, key: str, value: dict) -> None:
    """Add or replace an entry. A folder that cannot be written costs the record, never the lesson."""
    content = read(lesson)
    content[kind][key] = value
    try:
        write_text(json.dumps(content, indent=1, default=_plain) + "\n", path(lesson))
    except OSError as error:
        print(f"progress is not kept: {path(lesson)} cannot be written ({error.strerror})")


def _plain(value):
    """A number of numpy or torch as JSON has it, anything else in words."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def record_points(id: str, points: float, total: float, cohort: str | None = None) -> None:
    """The best result of an exercise so far, and how often it was tried. An exercise that differs in a class begins
    anew there."""
    lesson = id.split(".")[0]
    before = read(lesson)["exercises"].get(id, {})
    before = before if before.get("cohort") == cohort else {}
    best, tries = max(points, before.get("points", 0)), before.get("tries", 0) + 1
    entry = {"points": best, "total": total, "tries": tries} | ({"cohort": cohort} if cohort else {})
    record(lesson, "exercises", id, entry)


def summary(lesson: str) -> dict:
    """Exercises done and all, points and all, claims shown and measured."""
    from gritlib.course import exercises

    stored, asked = read(lesson), exercises.lesson(lesson)
    points = {e.id: min(stored["exercises"].get(e.id, {}).get("points", 0), e.points) for e in asked}
    claims = stored["claims"].values()
    return {
        "done": sum(points[e.id] == e.points for e in asked),
        "exercises": len(asked),
        "points": sum(points.values()),
        "total": sum(e.points for e in asked),
        "shown": sum(bool(claim.get("shown")) for claim in claims),
        "claims": len(claims),
        "by_exercise": points,
    }


def line(lesson: str) -> str:
    """A lesson's progress in one line."""
    s = summary(lesson)
    text = f"{lesson} {LESSONS[lesson].title}: {s['done']} of {s['exercises']} exercises, "
    text += f"{s['points']:g} of {s['total']:g} points"
    return text + (f", {s['shown']} of {s['claims']} claims shown on this machine" if s["claims"] else "")


def report() -> str:
    """All lessons, one line each, and where the record lies."""
    return "\n".join([*map(line, LESSONS), f"(kept in {home() / 'progress'})"])


def show_progress(lesson: str | None = None):
    """The lesson's progress as a widget with a bar an exercise, and the same in words.

    Args:
        lesson: by default the one that `start` began.

    Returns:
        The widget, which the notebook draws when this is the last line of a cell: a title, then a bar and a text for
        each exercise.
    """
    import ipywidgets

    from gritlib.course import exercises
    from gritlib.course.session import current

    lesson = lesson or current().lesson
    points, rows = summary(lesson)["by_exercise"], []
    print(line(lesson))
    for exercise in exercises.lesson(lesson):
        got = points[exercise.id]
        text = f"{got:g} of {exercise.points:g} points"
        print(f"  {exercise.id}: {text}")
        style = "success" if got == exercise.points else ""
        bar = ipywidgets.FloatProgress(value=got, max=exercise.points, description=exercise.id, bar_style=style)
        rows.append(ipywidgets.HBox([bar, ipywidgets.Label(text)]))
    return ipywidgets.VBox([ipywidgets.Label(line(lesson)), *rows])
