"""The exercises, a folder a lesson."""

from importlib import import_module

from gritlib.course.exercise import Exercise

LESSONS = ("00", "01", "02", "03", "04", "05", "06", "07")


def lesson(number: str) -> tuple[Exercise, ...]:
    """All exercises of a lesson, in order.

    Raises:
        ValueError: unknown lesson.
    """
    if number not in LESSONS:
        raise ValueError(f"lesson {number!r} is unknown: the lessons are {', '.join(LESSONS)}")
    return import_module(f"gritlib.course.exercises.lesson{number}").EXERCISES


def ids(number: str) -> tuple[str, ...]:
    """Ids of a lesson's exercises."""
    return tuple(exercise.id for exercise in lesson(number))


def load(id: str) -> Exercise:
    """An exercise by its id, such as "01.3".

    Raises:
        ValueError: unknown id, listing those of its lesson.
    """
    known = {exercise.id: exercise for exercise in lesson(str(id).split(".")[0])}
    if id not in known:
        raise ValueError(f"exercise {id!r} is unknown: lesson {id.split('.')[0]} has {', '.join(known)}")
    return known[id]
