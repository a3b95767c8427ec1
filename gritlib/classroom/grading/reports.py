"""Writes what people read of a grading run: grades.csv, summary.html and a page for each student.

All of it is made from the records alone, so it can be made again at any time, byte for byte the same.
"""

from pathlib import Path

from gritlib.classroom.grading import pages, safe, summary, tables
from gritlib.classroom.grading.record import Batch, Grade
from gritlib.training.checkpoint import write_text


def write_reports(batch: Batch, grades: list[Grade], out: str | Path) -> list[Path]:
    """Write the reports of all grades into a folder; pages of students who are no longer there are removed.

    Returns:
        The files, summary.html first.
    """
    out, batch = Path(out), tables.handed_in(batch, grades)
    students = tables.by_student(batch, grades)
    links = {student: f"students/{safe.file_name(student)}.html" for student in students}
    texts = {out / "summary.html": summary.summary_page(batch, grades, links)}
    texts[out / "grades.csv"] = tables.grades_csv(batch, grades)
    texts |= {out / links[student]: pages.student_page(student, theirs, batch) for student, theirs in students.items()}
    for path, text in texts.items():
        write_text(text, path)
    for old in (out / "students").glob("*.html"):
        if old not in texts:
            old.unlink()
    return list(texts)
