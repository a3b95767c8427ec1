"""Grades one notebook: sends its bytes into a box, hands the answers inputs drawn here, and compares here.

What a box reports besides values explains: an exception, a changed input, random numbers drawn from elsewhere. As in
`check` each of these makes a part wrong; hiding one wins nothing for values that are not right.
"""

import contextlib
import hashlib
import os
import time
import warnings
from functools import partial
from itertools import count

import torch

import gritlib
from gritlib.classroom.grading.answering import warm
from gritlib.classroom.grading.material import Material, material, needed
from gritlib.classroom.grading.notebook import TOTAL, Notebook, Terms
from gritlib.classroom.grading.record import UNREADABLE, ExerciseGrade, Grade, PartGrade
from gritlib.classroom.grading.release import checks
from gritlib.classroom.grading.replies import Gone, Reply
from gritlib.classroom.grading.sandbox import BoxFailed
from gritlib.course.examine import Report, Result, drawn, examine_part, overall
from gritlib.course.exercise import Exercise
from gritlib.course.exercises import lesson as exercises_of
from gritlib.course.observe import OutOfTime, untouched, within

JUDGING = 120.0  # seconds, for comparing an exercise's outcomes


def mark(
    data: bytes, student: str, lesson: str, terms: Terms, known: Grade | None = None
) -> tuple[Grade, list[Report]]:
    """The grade of a notebook, and what `check` would have said of each exercise.

    Args:
        data: the file. lesson: as its name tells, or "". known: an earlier grade, of which `terms.only` is renewed.
    """
    began, notes = time.perf_counter(), []
    with Notebook(data, terms) as notebook:
        inside = notebook.said("lesson")
        number = lesson or inside or (terms.lessons[0] if len(terms.lessons) == 1 else "")
        grade = Grade(student, "", number, version=gritlib.__version__, level=terms.level, notes=notes)
        if "unreadable" in notebook.about:
            grade.status = UNREADABLE
            notes.append(notebook.said("unreadable"))
        elif number not in terms.lessons:
            grade.status = UNREADABLE
            graded = ", ".join(terms.lessons)
            notes.append(f"which lesson it is, {number or 'nobody can say'}, is none of those graded ({graded})")
        if grade.status == UNREADABLE:
            return grade, []
        grade.cohort = notebook.said("cohort") if terms.cohort is None else terms.cohort
        notes += differences(notebook, grade, inside)
        grade.exercises, reports = mark_exercises(notebook, grade, terms, known)
    grade.seconds = round(time.perf_counter() - began, 3)
    return grade, reports


def differences(notebook: Notebook, grade: Grade, inside: str) -> list[str]:
    """What the notebook says about itself that is not so, and its cells that cannot be read."""
    notes, version, cohort = [], notebook.said("version"), notebook.said("cohort")
    if inside and inside != grade.lesson:
        notes.append(f"the file's name says lesson {grade.lesson}, its cells say {inside}")
    if version and version != grade.version:
        notes.append(f"the notebook was handed out by gritlib {version}, graded by {grade.version}")
    if cohort != grade.cohort:
        notes.append(
            f"the notebook was handed out for class {cohort or '(none)'}, graded for {grade.cohort or '(none)'}"
        )
    broken = notebook.about.get("broken")
    return notes + [str(reason)[:300] for reason in (broken.values() if isinstance(broken, dict) else ())][:10]


def mark_exercises(
    notebook: Notebook, grade: Grade, terms: Terms, known: Grade | None
) -> tuple[list[ExerciseGrade], list[Report]]:
    """All exercises in order. An answer that uses an earlier one meets the course's, unless the earlier is right."""
    grades, reports, masked = [], [], set()
    cells = material(grade.lesson, terms.root)
    before = {exercise.id: exercise for exercise in known.exercises} if known else {}
    for public in exercises_of(grade.lesson):
        exercise = public.variant(grade.cohort) if grade.cohort and public.variant else public
        if terms.only and exercise.id not in terms.only and exercise.id in before:
            given, report = before[exercise.id], None
        else:
            given, report = mark_exercise(exercise, notebook, grade.student, cells, masked, terms)
        grades.append(given.worth(terms.points.get(exercise.id, exercise.points)))
        reports += [report] if report else []
        if given.status != "right" or exercise is not public:
            masked |= set(exercise.names)
    return grades, reports


def mark_exercise(
    exercise: Exercise, notebook: Notebook, student: str, cells: Material, masked: set[str], terms: Terms
) -> tuple[ExerciseGrade, Report]:
    """One exercise."""
    began, best = time.perf_counter(), None
    given = ExerciseGrade(exercise.id, exercise.title, exercise.points, 0.0, "missing", checks=checks(exercise))
    ids = dict.fromkeys([notebook.said("student") or student, student, "guest"])
    reply = None
    with untouched(), warnings.catch_warnings(), variable("GRITLIB_STUDENT"):
        for id in ids:
            os.environ["GRITLIB_STUDENT"] = id
            generators = [
                seeded(terms.seed, exercise, number, notebook.key(student)) for number in range(len(exercise.parts))
            ]
            draws = [list(drawn(part, g)) for part, g in zip(exercise.parts, generators, strict=True)]
            if reply is None:
                reply = asked(exercise, draws, notebook, cells, masked, terms)
            results = judged(exercise, draws, reply)
            report = Report(exercise, overall({result.verdict for result in results}), results)
            if best is None or report.points > best.points:
                best = report
                said = f"drawn for the student {id}"
            if not any("student" in inputs for inputs in draws[0]) or best.status == "right":
                break
    given.parts = [part_grade(result) for result in best.results]
    given.earned = sum(part.earned for part in given.parts)
    given.status = "missing" if reply.missing else best.status
    best.status = given.status
    if "student" in draws[0][0] and given.status in ("right", "partly", "wrong") and not reply.refused:
        given.notes.append(said)
    given.notes += reply.notes
    if reply.missing:
        given.notes.append(f"no cell defines {' or '.join(reply.missing)} at its top level")
    if reply.refused:
        given.notes.append(
            f"the answer uses {reply.refused}: it may not import gritlib; an import that no answer uses costs nothing"
        )
    given.fingerprint = reply.fingerprint
    given.trace = next((result.trace for result in best.results if result.trace), "")
    given.seconds = round(time.perf_counter() - began, 3)
    return given, best


@contextlib.contextmanager
def variable(name: str):
    """Afterwards this environment variable is as before."""
    before = os.environ.get(name)
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def seeded(seed: int | None, exercise: Exercise, part: int, key: str) -> torch.Generator:
    """The generator of a part's inputs: of `check`'s own, or of this student's notebook."""
    if seed is None:
        import zlib

        return torch.Generator().manual_seed(1000 * zlib.crc32(exercise.id.encode()) + part)
    words = f"{seed}|{exercise.id}|{part}|{key}".encode("utf-8", "surrogatepass")
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(words).digest()[:8], "little") >> 1)


def asked(
    exercise, draws: list[list[dict]], notebook: Notebook, cells: Material, masked: set[str], terms: Terms
) -> Reply:
    """What the box says of the answer."""
    hidden = masked - set(exercise.names)
    warm(part.text() for part in exercise.parts)
    parts = [
        {"call": part.text(), "function": part.call.__name__, "draws": inputs}
        for part, inputs in zip(exercise.parts, draws, strict=True)
    ]
    job = {
        **{"names": list(exercise.names), "masked": sorted(hidden), "given": cells.given(hidden)},
        **{
            "needs": needed(exercise),
            "allowed": list(exercise.needs),
            "parts": parts,
            "seconds": terms.seconds,
            "total": TOTAL * terms.seconds,
        },
    }
    try:
        return notebook.ask(job)
    except BoxFailed as error:
        return Reply(ended={number: (False, str(error)) for number in range(len(parts))})


def judged(exercise: Exercise, draws: list[list[dict]], reply: Reply) -> list[Result]:
    """Verdicts about the parts, as `check` gives them; and "missing", "refused", "broken", "stopped"."""
    if reply.missing or reply.refused:
        return [Result(part, "missing" if reply.missing else "refused") for part in exercise.parts]
    results = []
    ends = time.monotonic() + JUDGING
    for number, (part, inputs) in enumerate(zip(exercise.parts, draws, strict=True)):
        calls = count()
        ask = lambda _, number=number, calls=calls: reply.outcome(number, next(calls))  # noqa: E731
        try:
            left = max(1.0, ends - time.monotonic())
            result = within(left, partial(examine_part, exercise, part, inputs, ask, JUDGING))
        except Gone as gone:
            result = Result(part, "broken", [str(gone)])
        except OutOfTime:
            result = Result(part, "broken", ["what it returned takes too long to compare"])
        result.verdict = "stopped" if result.stopped else result.verdict
        results.append(result)
    return results


def part_grade(result: Result) -> PartGrade:
    """A verdict as it is recorded."""
    part = result.part
    lines = [*([result.inputs] if result.inputs else []), *(line for line in result.lines if line != result.mistake)]
    earned = part.points if result.verdict == "right" else 0.0
    return PartGrade(part.name, part.points, earned, result.verdict, lines, result.mistake)
