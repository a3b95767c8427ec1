"""The verbs of `python -m gritlib course`."""

import sys
from pathlib import Path


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


VERBS = {"build": build, "progress": progress}
