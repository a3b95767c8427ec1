"""What a student has done, in one small file a lesson on their own machine: exercises, predictions, claims measured.

The folder is `~/.gritlib/progress`, or `progress` under the environment variable GRITLIB_HOME. No account, no upload.
"""

import json
import os
from pathlib import Path

from gritlib.course.lessons import LESSONS
from gritlib.training.checkpoint import write_text

EMPTY = {"exercises": {}, "predictions": {}, "claims": {}}


def home() -> Path:
    """Where this machine keeps a student's files."""
    return Path(os.environ.get("GRITLIB_HOME") or Path.home() / ".gritlib")


def path(lesson: str) -> Path:
    return home() / "progress" / f"{lesson}.json"


def read(lesson: str) -> dict:
    """What is recorded of a lesson. A file that cannot be read is set aside, with a note, and counts as empty."""
    file = path(lesson)
    empty = {key: {} for key in EMPTY}
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return {key: dict(stored.get(key, {})) for key in EMPTY}
    except FileNotFoundError:
        return empty
    except (OSError, ValueError, AttributeError, TypeError):
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
        path(lesson).parent.mkdir(parents=True, exist_ok=True)
        write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", path(lesson))
    except OSError as error:
        print(f"progress is not kept: {path(lesson)} cannot be written ({error.strerror})")


def record_points(id: str, points: float, total: float) -> None:
    """The best result of an exercise so far, and how often it was tried."""
    lesson = id.split(".")[0]
    before = read(lesson)["exercises"].get(id, {})
    best, tries = max(points, before.get("points", 0)), before.get("tries", 0) + 1
    record(lesson, "exercises", id, {"points": best, "total": total, "tries": tries})


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
        The widget; its `value` texts follow when the cell is run again.
    """
    import ipywidgets
    from IPython.display import display

    from gritlib.course import exercises
    from gritlib.course.session import current

    lesson = lesson or current().lesson
    points = summary(lesson)["by_exercise"]
    print(line(lesson))
    bars = [
        ipywidgets.FloatProgress(
            value=points[e.id],
            max=e.points,
            description=e.id,
            bar_style="success" if points[e.id] == e.points else "",
            tooltip=f"{points[e.id]:g} of {e.points:g} points",
        )
        for e in exercises.lesson(lesson)
    ]
    box = ipywidgets.VBox([ipywidgets.Label(line(lesson)), *bars])
    display(box)
    return box
