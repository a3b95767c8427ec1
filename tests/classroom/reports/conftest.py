"""A small class with its records, as a grading run leaves them."""

import pytest

from gritlib.classroom.grading.record import Batch, ExerciseGrade, Grade, PartGrade

SEED = 7412365098721


def answer(id, status, *parts, notes=(), fingerprint=()):
    """An exercise's grade of parts (name, points, earned, verdict, lines, mistake)."""
    made = [PartGrade(*part) for part in parts]
    points, earned = sum(part.points for part in made), sum(part.earned for part in made)
    return ExerciseGrade(id, f"{id} thing", points, earned, status, made, list(notes), sorted(fingerprint))


def right(id, points, fingerprint=()):
    return answer(id, "right", ("all of it", points, points, "right"), fingerprint=fingerprint)


def wrong(id, points, mistake="", lines=("got 3, wanted 4, difference 1",), **more):
    parts = [
        ("half of it", points / 2, points / 2, "right"),
        ("the rest", points / 2, 0, "wrong", list(lines), mistake),
    ]
    return answer(id, "partly", *parts, **more)


@pytest.fixture
def batch():
    points = {"00.1": 4.0, "00.2": 6.0, "01.1": 10.0}
    left_open = "It does not protect against a friend's code."
    return Batch(["00", "01"], SEED, "namespaces", "0.1.0", points, students=["ana", "ben"], unprotected=left_open)


@pytest.fixture
def grades():
    def grade(student, lesson, *exercises, **more):
        stamp = {"version": "0.1.0", "level": "namespaces", "modified": "2026-03-01T10:00:00+01:00"}
        file = f"{student}/{lesson}.ipynb"
        made = Grade(student, file, lesson, exercises=list(exercises), **(stamp | more))
        made.graded = "2026-03-02T12:30:00Z"
        return made

    return [
        grade("ana", "00", right("00.1", 4), wrong("00.2", 6, "This is the sum, not the mean.")),
        grade("ana", "01", right("01.1", 10), late=True),
        grade(
            "Zoé", "00", wrong("00.1", 4), wrong("00.2", 6, "This is the sum, not the mean."), notes=["cell 3 is odd"]
        ),
        grade("Zoé", "01", status="unreadable", notes=["no notebook: it has no cells"]),
    ]
