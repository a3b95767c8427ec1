"""Every wrong answer of the banks is refused with the intended words, every right one accepted; the table of what is
said goes to tests/output/common_first_tries.md."""

from pathlib import Path

import bank
import pytest

from gritlib.course.examine import examine
from gritlib.course.exercises import LESSONS, lesson, load

ENTRIES = [entry for number in LESSONS for entry in bank.read(number)]
TABLE = Path(__file__).parents[1] / "output" / "common_first_tries.md"


@pytest.fixture(scope="module")
def reports():
    return {entry: examine(load(entry.id), *entry.objects(load(entry.id))) for entry in ENTRIES}


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.kind == "right"], ids=lambda e: f"{e.id} {e.title}")
def test_another_right_answer_is_accepted(entry, reports):
    assert reports[entry].status == "right", reports[entry].message
    assert reports[entry].points == load(entry.id).points


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.kind == "wrong"], ids=lambda e: f"{e.id} {e.title}")
def test_a_common_first_try_is_refused_with_the_words_that_help(entry, reports):
    report = reports[entry]
    assert report.status in ("wrong", "partly"), "accepted"
    for words in entry.says:
        assert words in report.message, report.message


@pytest.mark.parametrize("number", LESSONS)
def test_every_exercise_has_both_kinds(number):
    for exercise in lesson(number):
        kinds = [entry.kind for entry in ENTRIES if entry.id == exercise.id]
        assert kinds.count("right") >= 1 and kinds.count("wrong") >= 3, exercise.id


def test_the_table_of_first_tries_names_every_one(reports):
    rows = ["| exercise | answer | verdict | points | what is said |", "|---|---|---|---|---|"]
    for entry, report in reports.items():
        said = report.message.replace("|", "\\|").replace("\n", "<br>")
        total = load(entry.id).points
        rows.append(f"| {entry.id} | {entry.title} | {report.status} | {report.points:g} of {total:g} | {said} |")
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text("# Common first tries and what the checks say\n\n" + "\n".join(rows) + "\n", encoding="utf-8")
    text = TABLE.read_text(encoding="utf-8")
    assert all(f"| {entry.id} | {entry.title} |" in text for entry in ENTRIES)
    assert not [entry for entry, report in reports.items() if entry.kind == "wrong" and report.status == "right"]
