"""The verbs of `python -m gritlib course`."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import tyro

from gritlib.classroom.grading.verbs import VERBS as MORE


def build(
    check: bool = False,
    execute: bool = False,
    lessons: tuple[str, ...] = (),
    repo: str | None = None,
    handout: bool = False,
    cohort: str | None = None,
    out: Path = Path("handout"),
) -> None:
    """Build the notebooks from solutions/NN_name.py: the solved ones there, the students' in notebooks/.

    Args:
        check: write nothing; list what on disk is not what the sources make, and end with status 1 if anything is.
        execute: run the solved notebooks and keep their cleaned outputs. GRITLIB_PRESET is ci unless it is set.
        lessons: numbers, for example 00 01; by default all.
        repo: owner/name on GitHub instead of the address in pyproject.toml.
        handout: build only students' notebooks to hand out, without links to the solutions.
        cohort: key of a class: the handout's exercises that have variants are drawn for it.
        out: folder of the handout.
    """
    from gritlib.classroom import builder

    if check and (execute or handout):
        raise ValueError("--check compares and writes nothing: leave out --execute and --handout")
    if check:
        lines = builder.check(Path(), repo, lessons)
        print("\n".join(lines) if lines else "all notebooks are what their sources make")
        sys.exit(1 if lines else 0)
    changed = builder.build(Path(), repo, lessons, out if handout else None, cohort, execute)
    for path in changed:
        print(f"wrote {path}")
    if not changed:
        print("nothing changed")


def progress() -> None:
    """Show the exercises done, points and claims reproduced on this machine."""
    from gritlib.course.progress import report

    print(report())


def grade(
    submissions: Annotated[Path, tyro.conf.Positional],
    out: Path | None = None,
    lessons: tuple[str, ...] = (),
    workers: int = 0,
    timeout: float = 10.0,
    seed: int | None = None,
    cohort: str | None = None,
    student: str | None = None,
    students: Path | None = None,
    regrade: str | None = None,
    release: Path | None = None,
    deadline: str | None = None,
    points: Path | None = None,
    unsafe: bool = False,
    own: Annotated[bool, tyro.conf.arg(name="self")] = False,
) -> None:
    """Grade a folder of notebooks in a sandbox: one file or one folder a student; Canvas' and Moodle's names are known.

    Args:
        submissions: the folder. A notebook's lesson is read off its name, else from what it starts.
        out: folder of the records, tables and pages; a run that was stopped goes on there.
        lessons: numbers, for example 01 02; by default all. A notebook that is not there is then reported as missing.
        workers: processes; by default one a processor.
        timeout: seconds that one call of a student's code may compute, and six times that on the clock; an exercise may
            take twelve times as long.
        seed: of the inputs; by default drawn once for the folder and kept in its batch.json.
        cohort: key of the class whose variants of the exercises were handed out.
        student: grade only this student's notebooks, again.
        students: a table with a column "student" of all who should have handed in.
        regrade: grade one exercise, such as 02.4, again for all; what changes is added to changelog.md.
        release: refuse checks that are not those of this file; see `course release`.
        deadline: what was changed later is marked as late, for example 2026-05-04T23:59.
        points: a JSON file with other points for some exercises, such as {"01.3": 4}.
        unsafe: grade although no sandbox works here.
        own: check your own notebook, one file, as the grader would read it; with the inputs of `check`.
    """
    from gritlib.classroom.grading import grader, own_notebook, plan

    if own:
        print(own_notebook.told(submissions, timeout, cohort))
        return
    if out is None:
        raise ValueError("--out is missing: it names the folder of the records, tables and pages")
    asked = plan.Asked(submissions, out, lessons, workers, timeout, seed, cohort, student, students)
    print(
        grader.report(replace(asked, regrade=regrade, release=release, deadline=deadline, points=points, unsafe=unsafe))
    )


def release(term: Annotated[str, tyro.conf.Positional], out: Path = Path()) -> None:
    """Write TERM.release.json, by which `course grade --release` refuses checks that have changed since.

    Args:
        term: a name, such as spring-2026. out: the folder.
    """
    from gritlib.classroom.grading.release import write

    print(f"wrote {write(term, out)}")


VERBS = {"build": build, "progress": progress, "grade": grade, "release": release, **MORE}
