"""The lesson that a notebook runs: which one, with which preset, for whom, and whose pieces have passed so far."""

import os
import platform
from dataclasses import dataclass, field

from gritlib.course import progress
from gritlib.course.lessons import get


@dataclass
class Session:
    """State of one kernel. Running `start` again keeps what was checked."""

    lesson: str
    preset: str
    cohort: str | None = None
    yours: dict[str, bool] = field(default_factory=dict)


_session: Session | None = None
_student: str | None = None  # only where this machine cannot keep it


def start(lesson: str, cohort: str | None = None) -> None:
    """Begin a lesson: say what it will run on and how long it takes. May be run any number of times; downloads nothing.

    Args:
        lesson: "00" to "07". cohort: the key of a class whose exercises have their own parameters.

    Raises:
        ValueError: unknown lesson or preset.
    """
    global _session
    import torch

    import gritlib
    from gritlib.presets import automatic

    about, preset = get(lesson), automatic()
    kept = _session.yours if _session is not None and (_session.lesson, _session.cohort) == (lesson, cohort) else {}
    _session = Session(lesson, preset, cohort, kept)
    threads = torch.get_num_threads()
    cpu = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else cpu
    steps = sum(by_preset[preset] for by_preset in about.steps.values())
    wait = f"{steps} training steps" + (f", about {about.compute} minutes on two cores" if preset == "cpu" else "")
    print(f"Lesson {lesson}, {about.title}")
    print(f"{device}; preset {preset}: {wait if steps else 'nothing is trained'}")
    print(f"gritlib {gritlib.__version__}, torch {torch.__version__}, Python {platform.python_version()}")
    print(f"Reading about {about.reading} minutes, coding {about.coding}. So far: {progress.line(lesson)}")


def current() -> Session:
    """The running session.

    Raises:
        RuntimeError: no lesson was started.
    """
    if _session is None:
        raise RuntimeError('no lesson is running: run the setup cell first, gritlib.course.start("01")')
    return _session


def steps(run: str) -> int:
    """Training steps of one of the lesson's runs at the current preset.

    Raises:
        ValueError: a run that the lesson does not declare. RuntimeError: no lesson was started.
    """
    session = current()
    return get(session.lesson).steps_at(run, session.preset)


def pieces(*ids: str) -> str:
    """Whose pieces made a picture, for its caption: "yours: 01.1 01.3 · gritlib: 01.5"."""
    yours = [id for id in ids if _session is not None and _session.yours.get(id)]
    theirs = [id for id in ids if id not in yours]
    parts = [f"{who}: {' '.join(those)}" for who, those in (("yours", yours), ("gritlib", theirs)) if those]
    return " · ".join(parts)


def student(id: str | None = None) -> str:
    """The student's id, which decides what is drawn for them; kept on this machine.

    Args:
        id: sets it; None reads GRITLIB_STUDENT, or what was set before, or "guest".

    Raises:
        ValueError: an empty id.
    """
    global _student
    file = progress.home() / "student.txt"
    if id is not None:
        id = " ".join(str(id).split())
        if not id:
            raise ValueError("the student id is empty: give the one your course uses, or leave it out")
        try:
            progress.write_text(id + "\n", file)
            _student = None
        except OSError as error:
            _student = id
            print(f"your id is kept until the kernel restarts: {file} cannot be written ({error.strerror})")
        return id
    if kept := os.environ.get("GRITLIB_STUDENT", "").strip() or _student:
        return kept
    try:
        return file.read_text(encoding="utf-8").strip() or "guest"
    except (OSError, ValueError):
        return "guest"
