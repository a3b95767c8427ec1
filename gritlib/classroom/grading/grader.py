"""Grades a class: finds the notebooks, grades those that have no record yet, and writes records and reports.

A record is written as soon as a notebook is graded, so a run that was killed goes on where it was: a notebook is graded
again only when its bytes, the checks of its exercises, the class or the version have changed.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import gritlib
from gritlib.classroom.grading import release as releases
from gritlib.classroom.grading.notebook import Terms
from gritlib.classroom.grading.plan import Asked, planned
from gritlib.classroom.grading.pool import Task, grade_all
from gritlib.classroom.grading.record import (
    GRADED,
    MISSING,
    UNREADABLE,
    Batch,
    Grade,
    read_batch,
    read_grades,
    record_path,
    write_batch,
    write_grade,
)
from gritlib.classroom.grading.sandbox import LEVELS, best_level
from gritlib.classroom.grading.submissions import NotReadable, Submission, content, find, text
from gritlib.course import exercises
from gritlib.course.lessons import get
from gritlib.training.checkpoint import write_text

DECISIVE = ("digest", "seed", "cohort", "version", "level")  # other ones: the record is of no use any more
OUR_OWN = ("file", "version", "level", "seed", "modified", "late", "digest")  # of a record, whatever a box says


def report(asked: Asked) -> str:
    """Grade, write the reports, and say what came of it in a few lines."""
    from gritlib.classroom.grading.reports import write_reports

    began = time.perf_counter()
    grades = grade(asked)
    batch, out = read_batch(asked.out), asked.out
    write_reports(batch, grades, out)
    counts = {status: sum(grade.status == status for grade in grades) for status in (GRADED, UNREADABLE, MISSING)}
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return (
        f"{said} ({time.perf_counter() - began:.0f} s)\nsandbox {batch.level}: {batch.unprotected}\n"
        f"see {out / 'summary.html'} and {out / 'grades.csv'}; keep {out / 'batch.json'} secret"
    )


def grade(asked: Asked) -> list[Grade]:
    """Grade what has no record yet; all grades of the folder.

    Raises:
        ValueError: a lesson, exercise, time, table or release that cannot be; a folder graded with another seed or for
            another class; no sandbox, without `unsafe`. FileNotFoundError: no submissions.
    """
    level = best_level()
    if level == "none" and not asked.unsafe:
        raise ValueError(
            "no sandbox works on this machine (bubblewrap on Linux, or root with setpriv): grade on a Linux machine, "
            f"or with --unsafe. {LEVELS['none']}"
        )
    batch = planned(asked, level)
    if asked.regrade is not None and asked.regrade not in batch.exercises:
        raise ValueError(f"--regrade {asked.regrade}: the exercises here are {', '.join(batch.exercises)}")
    if asked.release is not None:
        releases.verify(asked.release, [exercises.load(id) for id in batch.exercises])
    asked.out.mkdir(parents=True, exist_ok=True)
    write_batch(batch, asked.out)
    found = find(asked.submissions, {number: get(number).file for number in exercises.LESSONS})
    if asked.student is not None:
        found = [submission for submission in found if submission.student == asked.student]
        if not found:
            raise ValueError(f"no notebook of a student {asked.student!r} in {asked.submissions}")
    run = Run(asked, batch)
    for submission in found:
        run.take(submission)
    run.grade()
    run.note_missing([submission.student for submission in found])
    if asked.regrade is not None:
        run.log()
    return with_points(asked.out, batch)


class Run:
    """What is graded now, and what was before."""

    def __init__(self, asked: Asked, batch: Batch):
        self.asked, self.batch = asked, batch
        self.stamp = hashlib.sha256(str(batch.seed).encode()).hexdigest()[:12]
        only = (asked.regrade,) if asked.regrade else ()
        lessons, root = tuple(batch.lessons), asked.root.resolve()
        hidden = (root, asked.submissions.resolve(), asked.out.resolve())
        self.terms = Terms(
            batch.seed, batch.level, 0, asked.timeout, lessons, batch.cohort, only, batch.exercises, root, hidden
        )
        self.tasks: list[tuple[Submission, Grade | None]] = []
        self.blanks: list[Grade] = []
        self.done: dict[tuple[str, str], Grade] = {}
        self.records = {(grade.student, grade.file): grade for grade in read_grades(asked.out)}
        self.changes: list[str] = []
        self.checks = {
            number: {ex.id: releases.checks(varied(ex, batch.cohort)) for ex in exercises.lesson(number)}
            for number in batch.lessons
        }

    def take(self, submission: Submission) -> None:
        """Read a file; keep its record, or put it on the list."""
        if submission.lesson and submission.lesson not in self.batch.lessons:
            return
        file = submission.path.name
        if submission.path != self.asked.submissions:
            file = submission.path.relative_to(self.asked.submissions).as_posix()
        about = {"version": gritlib.__version__, "level": self.batch.level, "cohort": self.batch.cohort}
        blank = Grade(submission.student, text(file), submission.lesson, **about, seed=self.stamp)
        known = self.records.get((blank.student, blank.file))
        try:
            data, modified = content(submission.path)
        except NotReadable as error:
            self.keep(replace(blank, status=UNREADABLE, notes=[str(error)], graded=now()))
            return
        late = submission.late or bool(self.batch.deadline and modified > self.batch.deadline)
        blank = replace(blank, modified=modified, late=late, digest=hashlib.sha256(data).hexdigest())
        if known is not None and (self.asked.student is not None or not self.current(known, blank)):
            known = None
        regrade = self.asked.regrade is not None and known is not None and known.lesson == self.asked.regrade[:2]
        if known is not None and not regrade:
            self.keep(replace(known, late=late))
            return
        self.tasks.append((submission, known))
        self.blanks.append(blank)

    def current(self, known: Grade, blank: Grade) -> bool:
        """Would grading give this record again?"""
        if known.status != GRADED or any(getattr(known, name) != getattr(blank, name) for name in DECISIVE):
            return False
        return self.checks.get(known.lesson) == {ex.id: ex.checks for ex in known.exercises} or bool(self.asked.regrade)

    def handed_out(self) -> Iterator[Task]:
        """The list, each file read once more when its turn comes: not all of them are held in memory."""
        for number, (submission, known) in enumerate(self.tasks):
            try:
                data, modified = content(submission.path)
            except NotReadable:
                data, modified = b"", ""
            digest = hashlib.sha256(data).hexdigest()
            self.blanks[number] = replace(self.blanks[number], digest=digest, modified=modified)
            yield Task(number, data, submission.student, submission.lesson, known)

    def grade(self) -> None:
        """Grade the list; each record is written at once."""
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        workers = max(1, min(self.asked.workers or processors, len(self.tasks)))
        for task, given in grade_all(self.handed_out(), self.terms, workers):
            blank = self.blanks[task.key]
            grade = replace(given, **{name: getattr(blank, name) for name in OUR_OWN}, graded=now())
            if task.known is not None:
                self.changes += changed(task.known, grade, self.asked.regrade)
            self.keep(grade)

    def keep(self, grade: Grade) -> None:
        """Write a record; of two notebooks of one lesson by one student the one changed last counts."""
        key = grade.student, grade.lesson
        other = self.done.get(key)
        if other is not None:
            grade, other = (grade, other) if grade.modified >= other.modified else (other, grade)
            note = f"also handed in, and not counted: {other.file}"
            grade = replace(grade, notes=[*(n for n in grade.notes if n != note), note])
        self.done[key] = grade
        write_grade(grade, self.asked.out)

    def note_missing(self, students: list[str]) -> None:
        """Records for the notebooks that should be here and are not."""
        if self.asked.student is not None:
            return
        expected = self.asked.lessons or (self.batch.lessons if self.batch.students else ())
        for student in dict.fromkeys([*self.batch.students, *students]):
            unknown = (student, "") in self.done
            if not unknown:
                record_path(self.asked.out, student, "").unlink(missing_ok=True)
            for number in expected:
                if (student, number) not in self.done and not unknown:
                    missing = Grade(student, "", number, MISSING, seed=self.stamp, graded=now())
                    path = record_path(self.asked.out, student, number)
                    if not path.exists():
                        write_grade(missing, self.asked.out)

    def log(self) -> None:
        """Append what a regrading changed to changelog.md."""
        path = self.asked.out / "changelog.md"
        before = path.read_text(encoding="utf-8") if path.exists() else "# Regraded\n"
        lines = [f"- {line}" for line in sorted(self.changes) or ["no points changed"]]
        entry = "\n".join([f"\n## {self.asked.regrade}, {now()}, gritlib {gritlib.__version__}\n", *lines])
        write_text(before + entry + "\n", path)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def changed(before: Grade, after: Grade, id: str) -> list[str]:
    """A line about an exercise whose points are other ones now."""
    old, new = (next((ex.earned for ex in g.exercises if ex.id == id), 0.0) for g in (before, after))
    return [f"{after.student!a}: {old:g} → {new:g}"] if old != new else []


def varied(exercise, cohort: str):
    return exercise.variant(cohort) if cohort and exercise.variant else exercise


def with_points(out: Path, batch: Batch) -> list[Grade]:
    """All grades, with the points that the batch gives to exercises."""
    grades = []
    for grade in read_grades(out):
        worth = [ex.worth(batch.exercises.get(ex.id, ex.points)) for ex in grade.exercises]
        if [ex.points for ex in worth] != [ex.points for ex in grade.exercises]:
            grade = replace(grade, exercises=worth)
            write_grade(grade, out)
        grades.append(grade)
    return grades
