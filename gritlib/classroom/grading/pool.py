"""Grades notebooks in several processes. One that dies, because of what came out of a box or of the machine, costs the
notebook it was at, and is replaced.
"""

import contextlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait

from gritlib.classroom.grading.marking import mark
from gritlib.classroom.grading.notebook import Terms
from gritlib.classroom.grading.record import UNREADABLE, Grade
from gritlib.classroom.grading.users import throw_away_user


@dataclass(frozen=True)
class Task:
    """A notebook to grade: its bytes, whose it is, the lesson that its name says, and an earlier grade to renew."""

    key: int
    data: bytes
    student: str
    lesson: str
    known: Grade | None = None


def grade_all(tasks: Iterable[Task], terms: Terms, workers: int) -> Iterator[tuple[Task, Grade]]:
    """Grades, in the order in which they are ready; with one worker in this process."""
    if workers == 1:
        with throw_away_user() as uid:
            for task in tasks:
                yield task, attempt(task, replace(terms, uid=uid))
        return
    tasks = iter(tasks)
    at: dict[Connection, tuple[multiprocessing.Process, Task]] = {}
    idle = [_start(terms) for _ in range(workers)]
    try:
        while True:
            while idle and (task := next(tasks, None)) is not None:
                pipe, process = idle.pop()
                at[pipe] = process, task
                pipe.send(task)
            if not at:
                return
            for pipe in wait(list(at)):
                process, task = at.pop(pipe)
                try:
                    grade = pipe.recv()
                    idle.append((pipe, process))
                except (EOFError, OSError):
                    grade = lost(task, "the process that graded it ended")
                    idle.append(_start(terms))
                yield task, grade
    finally:
        for pipe, process in [*idle, *((pipe, process) for pipe, (process, _) in at.items())]:
            pipe.close()
            process.terminate()
            process.join()


def lost(task: Task, why: str) -> Grade:
    """The grade of a notebook that could not be graded: nobody's fault but ours."""
    again = f"{why}: grade it again with --student {task.student!r}"
    return Grade(task.student, "", task.lesson, UNREADABLE, notes=[again])


def attempt(task: Task, terms: Terms) -> Grade:
    """A grade, also when our own code fails on what came out of the box."""
    try:
        return mark(task.data, task.student, task.lesson, terms, task.known)[0]
    except Exception as error:
        if os.environ.get("GRITLIB_TRACEBACK"):
            raise
        return lost(task, f"grading failed ({type(error).__name__}: {str(error)[:200]})")


def _start(terms: Terms) -> tuple[Connection, multiprocessing.Process]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, terms), daemon=False)
    process.start()
    theirs.close()
    return ours, process


def _serve(pipe: Connection, terms: Terms) -> None:
    with throw_away_user() as uid, contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            pipe.send(attempt(pipe.recv(), replace(terms, uid=uid)))
