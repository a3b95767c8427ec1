"""Grades as tables: one row a student in grades.csv, and a column of points written into the table that a learning
management system exports and takes back.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from gritlib.classroom.grading.record import GRADED, MISSING, Batch, Grade
from gritlib.classroom.grading.safe import cell, visible

By = dict[str, dict[str, Grade]]  # student -> lesson -> grade


def by_student(batch: Batch, grades: list[Grade]) -> By:
    """Every student of the class list and of the submissions, sorted, with what there is of each lesson."""
    found: By = {student: {} for student in sorted({*batch.students, *(grade.student for grade in grades)})}
    for grade in grades:
        found[grade.student][grade.lesson] = grade
    return found


def handed_in(batch: Batch, grades: list[Grade]) -> Batch:
    """The batch with those lessons only of which there is a record, handed in or noted as missing: grading without
    --lessons looks for all of them, and nobody owes those that the class has not come to."""
    known = {grade.lesson for grade in grades}
    return replace(batch, lessons=[lesson for lesson in batch.lessons if lesson in known] or batch.lessons)


def exercises(batch: Batch, lesson: str) -> dict[str, float]:
    """Id -> points of a lesson's exercises, as they were graded."""
    return {id: points for id, points in sorted(batch.exercises.items()) if id.startswith(f"{lesson}.")}


def worth(batch: Batch, lesson: str) -> float:
    """Points of a lesson; a notebook that is missing or unreadable has 0 of these."""
    return sum(exercises(batch, lesson).values())


def number(points: float) -> str:
    """Points as they are printed: at most two decimals, none where they are 0."""
    return f"{round(points, 2) + 0:g}"


def status(grade: Grade | None) -> str:
    """Of a notebook, also of one that is not there."""
    return grade.status if grade is not None else MISSING


def total(batch: Batch, theirs: dict[str, Grade]) -> tuple[float, float]:
    """What a student earned in the lessons that were asked for, and what there was to earn."""
    earned = sum(theirs[lesson].earned for lesson in batch.lessons if lesson in theirs)
    return earned, sum(worth(batch, lesson) for lesson in batch.lessons)


def remarks(theirs: dict[str, Grade]) -> list[str]:
    """The notes about a student's notebooks and answers, each with what it is about."""
    found = []
    for lesson, grade in sorted(theirs.items()):
        found += [f"{lesson or grade.file}: {note}" for note in grade.notes]
        found += [f"{exercise.id}: {note}" for exercise in grade.exercises for note in exercise.notes]
    return found


def grades_csv(batch: Batch, grades: list[Grade]) -> str:
    """The table of the class: student, points, of, percent, status and points of each lesson, points of each exercise,
    lessons handed in late, notes.

    An exercise of a notebook that was not graded stays empty, so that "nothing handed in" and "nothing right" differ;
    in the sum both are 0.
    """
    ids = [id for lesson in batch.lessons for id in exercises(batch, lesson)]
    head = ["student", "points", "of", "percent"]
    for lesson in batch.lessons:
        head += [f"{lesson} status", f"{lesson} points"]
    rows = [[*head, *ids, "late", "notes"]]
    for student, theirs in by_student(batch, grades).items():
        earned, of = total(batch, theirs)
        row = [student, number(earned), number(of), number(100 * earned / of if of else 0.0)]
        for lesson in batch.lessons:
            grade = theirs.get(lesson)
            row += [status(grade), number(grade.earned) if grade else "0"]
        graded = [grade for grade in theirs.values() if grade.status == GRADED]
        points = {exercise.id: number(exercise.earned) for grade in graded for exercise in grade.exercises}
        late = " ".join(lesson for lesson, grade in sorted(theirs.items()) if grade.late)
        rows.append([*row, *(points.get(id, "") for id in ids), late, "; ".join(remarks(theirs))])
    return table(rows)


def table(rows: Iterable[Iterable]) -> str:
    """Rows as CSV, every cell made safe for a spreadsheet."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell(value) for value in row] for row in rows)
    return out.getvalue()


def fill(
    exported: Path, batch: Batch, grades: list[Grade], match: str, column: str, lesson: str | None, percent: bool
) -> tuple[str, list[str], list[str]]:
    """The table of a learning management system with one column of points filled in.

    Rows are matched by one column; letter case and outer spaces do not matter where they tell no two students apart.
    Several rows may name the same notebook, as those of a group do. Rows that match nothing stay as they are, and so do
    all other columns.

    Args:
        exported: its CSV export, in UTF-8. match: the column that holds what `grade` calls the student.
        column: the column to fill; added at the end if it is not there. lesson: by default the sum of all graded ones.
        percent: of what there was to earn, instead of points.

    Returns:
        The table; the students graded whom no row names; the values of `match` for which there is no grade.

    Raises:
        ValueError: a lesson that was not graded, or a column that the table does not have. FileNotFoundError.
    """
    if lesson is not None and lesson not in batch.lessons:
        raise ValueError(f"lesson {lesson!r} was not graded here: the lessons are {', '.join(batch.lessons)}")
    with open(exported, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    head = rows[0] if rows else []
    if match not in head:
        raise ValueError(f"{exported} has no column {match!r}: its columns are {', '.join(head) or 'none'}")
    if column not in head:
        rows = [[*row, column if number == 0 else ""] for number, row in enumerate(rows)]
    key, place = rows[0].index(match), rows[0].index(column)
    students = by_student(batch, grades)
    folded = Counter(student.strip().casefold() for student in students)
    alike = {s.strip().casefold(): s for s in students if folded[s.strip().casefold()] == 1}
    lessons, named, unknown = [lesson] if lesson else batch.lessons, set(), []
    for row in rows[1:]:
        row += [""] * (len(rows[0]) - len(row))
        value = row[key].strip()
        student = value if value in students else alike.get(value.casefold())
        if student is None:
            unknown.append(value)
            continue
        named.add(student)
        of = sum(worth(batch, one) for one in lessons)
        earned = sum(students[student][one].earned for one in lessons if one in students[student])
        row[place] = number(100 * earned / of if of else 0.0) if percent else number(earned)
    left = [visible(student) for student in students if student not in named]
    return table(rows), left, [visible(value) for value in unknown if value]
