"""Verbs of `python -m gritlib course` around grading: how alike answers are, Gradescope, nbgrader, the gradebook of a
learning management system."""

from pathlib import Path

import tyro


def similarity(graded: tyro.conf.Positional[Path], least: float = 0.8, root: Path = Path()) -> None:
    """Compare the answers of a graded class: writes similarity.html and similarity.csv. Information, not a verdict.

    Args:
        graded: folder that `course grade --out` wrote.
        least: list pairs from this share of the shorter answer on.
        root: of the repository; what its hand-outs and right answers contain is not counted.
    """
    from gritlib.classroom.grading import record
    from gritlib.classroom.grading import similarity as similar
    from gritlib.training.checkpoint import write_text

    if not 0 < least <= 1:
        raise ValueError(f"--least {least:g}: a share between 0 and 1, for example 0.8")
    batch, grades = record.read_batch(graded), record.read_grades(graded)
    known = similar.taught(sorted(batch.exercises), root)
    if not (root / "solutions").is_dir():
        print(f"{root / 'solutions'} is not there: only gritlib's own answers are taken out of the comparison")
    compared = similar.compare(batch, grades, known)
    write_text(similar.similarity_page(compared, least), graded / "similarity.html")
    write_text(similar.similarity_csv(compared, least), graded / "similarity.csv")
    count = sum(pair.share >= least for one in compared for pair in one.pairs)
    print(f"{count} pairs of answers with {100 * least:.0f} % or more in common: {graded / 'similarity.html'}")


def autograder(
    out: tyro.conf.Positional[Path],
    lesson: str,
    cohort: str | None = None,
    points: Path | None = None,
    seed: int | None = None,
) -> None:
    """Make the zip that grades one lesson on Gradescope. Run it in the root of the repository.

    Args:
        out: the zip, for example lesson01.zip.
        lesson: number, for example 01.
        cohort: key of the class, as for the hand-out.
        points: file of adjusted points, as for `course grade`.
        seed: of the drawn inputs; by default a secret one that only the zip has.
    """
    from gritlib.classroom.grading import gradescope

    path = gradescope.autograder(out, lesson, seed, cohort, points)
    print(
        f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB): upload it as the assignment's autograder. Keep it secret"
    )


def nbgrader(out: tyro.conf.Positional[Path], lessons: tuple[str, ...] = ()) -> None:
    """Write solved lessons with nbgrader's cell metadata, as its source folder. Run it in the root of the repository.

    Args:
        out: nbgrader's course folder; files of the same name there are replaced.
        lessons: numbers, for example 00 01; by default all.
    """
    from gritlib.classroom.grading import nbgrader as export

    for path in export.export(Path(), out, lessons):
        print(f"wrote {path}")


def gradebook(
    graded: tyro.conf.Positional[Path],
    exported: tyro.conf.Positional[Path],
    out: tyro.conf.Positional[Path],
    match: str,
    column: str,
    lesson: str | None = None,
    percent: bool = False,
) -> None:
    """Fill one column of the table that a learning management system exports, to be imported there again.

    Args:
        graded: folder that `course grade --out` wrote.
        exported: the table, CSV in UTF-8.
        out: the filled table.
        match: column that holds what the files call the student, for example the login, or the group.
        column: column to fill; added if it is not there.
        lesson: number; by default the sum of all that were graded.
        percent: write percent instead of points.
    """
    from gritlib.classroom.grading import record, tables
    from gritlib.training.checkpoint import write_text

    grades = record.read_grades(graded)
    batch = tables.handed_in(record.read_batch(graded), grades)
    text, left, unknown = tables.fill(exported, batch, grades, match, column, lesson, percent)
    write_text(text, out)
    print(f"wrote {out}")
    for what, names in (("graded, but in no row", left), ("in a row, but not graded", unknown)):
        if names:
            print(f"{what}: {', '.join(names)}")


def report(graded: tyro.conf.Positional[Path]) -> None:
    """Write grades.csv, summary.html and the students' pages again, from the records alone.

    Args:
        graded: folder that `course grade --out` wrote.
    """
    from gritlib.classroom.grading import record, reports

    paths = reports.write_reports(record.read_batch(graded), record.read_grades(graded), graded)
    print(f"wrote {len(paths)} files: {paths[0]}")


VERBS = {
    "report": report,
    "similarity": similarity,
    "gradebook": gradebook,
    "autograder": autograder,
    "nbgrader": nbgrader,
}
