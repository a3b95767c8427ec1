"""Every wrong answer of the banks is refused with the intended words, every right one accepted; the table of what is
said goes to tests/output/common_first_tries.md."""

import collections
import functools
from pathlib import Path

import bank
import pytest

from gritlib.course.examine import examine
from gritlib.course.exercises import LESSONS, lesson, load

ENTRIES = [entry for number in LESSONS for entry in bank.read(number)]
TABLE = Path(__file__).parents[1] / "output" / "common_first_tries.md"


FIRST = 3  # of each exercise and kind that the quick suite examines


@functools.cache
def report_of(entry):
    return examine(load(entry.id), *entry.objects(load(entry.id)))


def entries(kind):
    """All of a kind; those beyond the first few of an exercise are slow tests."""
    seen = collections.Counter()
    for entry in (e for e in ENTRIES if e.kind == kind):
        seen[entry.id] += 1
        marks = [pytest.mark.slow] if seen[entry.id] > FIRST else []
        yield pytest.param(entry, id=f"{entry.id} {entry.title}", marks=marks)


@pytest.mark.parametrize("entry", list(entries("right")))
def test_another_right_answer_is_accepted(entry):
    assert report_of(entry).status == "right", report_of(entry).message
    assert report_of(entry).points == load(entry.id).points


@pytest.mark.parametrize("entry", list(entries("wrong")))
def test_a_common_first_try_is_refused_with_the_words_that_help(entry):
    report = report_of(entry)
    assert report.status in ("wrong", "partly"), "accepted"
    for words in entry.says:
        assert words in report.message, report.message


@pytest.mark.parametrize("number", LESSONS)
def test_every_exercise_has_both_kinds(number):
    for exercise in lesson(number):
        kinds = [entry.kind for entry in ENTRIES if entry.id == exercise.id]
        assert kinds.count("right") >= 1 and kinds.count("wrong") >= 3, exercise.id


@pytest.mark.slow
def test_the_table_of_first_tries_names_every_one():
    rows = ["| exercise | answer | verdict | points | what is said |", "|---|---|---|---|---|"]
    reports = {entry: report_of(entry) for entry in ENTRIES}
    for entry, report in reports.items():
        said = report.message.replace("|", "\\|").replace("\n", "<br>")
        total = load(entry.id).points
        rows.append(f"| {entry.id} | {entry.title} | {report.status} | {report.points:g} of {total:g} | {said} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("# Common first tries and what the checks say\n\n" + "\n".join(rows) + "\n", encoding="utf-8")
    text = TABLE.read_text(encoding="utf-8")
    assert all(f"| {entry.id} | {entry.title} |" in text for entry in ENTRIES)
    assert not [entry for entry, report in reports.items() if entry.kind == "wrong" and report.status == "right"]
