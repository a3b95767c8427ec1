"""What a student sees of their own notebook: it is read as the grader reads it, with the public inputs of `check`."""

from pathlib import Path

from gritlib.classroom.grading.marking import mark
from gritlib.classroom.grading.notebook import Terms
from gritlib.classroom.grading.safe import lines, visible
from gritlib.classroom.grading.sandbox import best_level
from gritlib.classroom.grading.submissions import content, lesson_of
from gritlib.classroom.grading.users import throw_away_user
from gritlib.course import exercises
from gritlib.course.check import describe
from gritlib.course.lessons import get
from gritlib.course.session import student


def told(path: Path, seconds: float, cohort: str | None = None, root: Path = Path()) -> str:
    """The verdicts about a notebook, as `check` prints them, with what the grader notes about it.

    Raises:
        NotReadable: no notebook of at most 10 MB.
    """
    data, _ = content(path)
    number = lesson_of(path.stem, {number: get(number).file for number in exercises.LESSONS})
    with throw_away_user() as uid:
        terms = Terms(None, best_level(), uid, seconds, exercises.LESSONS, cohort, root=root.resolve())
        grade, reports = mark(data, student(), number, terms)
    said = [visible(note) for note in grade.notes]
    for given, report in zip(grade.exercises, reports, strict=True):
        said += ["", *lines(describe(report)), *(f"  {visible(note)}" for note in given.notes)]
    return "\n".join([f"Lesson {grade.lesson or 'unknown'}: {grade.earned:g} of {grade.points:g} points", *said])
