"""A class of honest students: solved notebooks score full marks, untouched ones zero; a killed run goes on; the same
seed gives the same grades.
"""

import json
import os
import signal
import subprocess
import time

import bank
import pytest
from nbformat import v4

from gritlib.classroom import assemble, source
from gritlib.classroom.grading import record
from gritlib.course import exercises

from .conftest import ROOT, command, environment, grade, said
from .submissions import FULL, notebook, right, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("namespaces")]

SOURCES = [path for number in exercises.LESSONS for path in sorted((ROOT / "solutions").glob(f"{number}_*.py"))]
SEED = ("--seed", "11")


@pytest.fixture(scope="module")
def lessons(tmp_path_factory):
    """Every lesson, once solved and once untouched."""
    home = tmp_path_factory.mktemp("lessons")
    for path in SOURCES:
        lesson = source.read(path, exercises)
        for student, make in (("solved", assemble.solved), ("untouched", assemble.student)):
            folder = home / "submissions" / student
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{path.stem}.ipynb").write_text(v4.writes(make(lesson, "")), encoding="utf-8")
    run = grade(home / "submissions", home / "grades", *SEED, "--workers", "2")
    assert run.status == 0, run.text[-2000:]
    return {(found.student, found.lesson): found for found in record.read_grades(run.out)}


@pytest.mark.parametrize("number", [path.name[:2] for path in SOURCES])
def test_a_solved_notebook_scores_full_marks(number, lessons):
    found = lessons["solved", number]
    assert [(e.id, e.earned) for e in found.exercises] == [(e.id, e.points) for e in exercises.lesson(number)], said(
        found
    )


@pytest.mark.parametrize("number", [path.name[:2] for path in SOURCES])
def test_an_untouched_notebook_scores_nothing(number, lessons):
    found = lessons["untouched", number]
    assert found.earned == 0
    assert {e.status for e in found.exercises} == {"not attempted"}, said(found)


def synthetic(folder, number: int) -> dict[str, tuple[str, ...]]:
    """A class of `number` students of lesson 01 from the bank: each answers 01.1, 01.3 and 01.4, the n-th with the n-th
    common first try of its kind. Student -> exercises that are right."""
    folder.mkdir()
    tries = {id: [entry for entry in bank.read("01") if entry.id == id and entry.kind == "wrong"] for id in FULL}
    answered = {}
    for n in range(number):
        good = tuple(id for k, id in enumerate(FULL) if n >> k & 1)
        cells = [right(id) if id in good else tries[id][n % len(tries[id])].source for id in FULL]
        # Later exercises first: a first try may define an earlier exercise's function besides, and the last one counts.
        write(folder, f"student{n:02d}", notebook(*reversed(cells)))
        answered[f"student{n:02d}"] = good
    return answered


@pytest.fixture(scope="module")
def twelve(tmp_path_factory):
    home = tmp_path_factory.mktemp("class")
    answered = synthetic(home / "submissions", 12)
    began = time.monotonic()
    run = grade(home / "submissions", home / "grades", *SEED, "--workers", "2", "--lessons", "01")
    return run, answered, home, time.monotonic() - began


def test_a_class_gets_its_points(twelve):
    run, answered, _, _ = twelve
    assert sorted(run.grades) == sorted(answered)
    for student, good in answered.items():
        statuses = {e.id: e.status for e in run.grades[student].exercises}
        assert tuple(id for id in FULL if statuses[id] == "right") == good, said(run.grades[student])


def test_a_submission_takes_seconds(twelve):
    assert twelve[3] / 12 < 10, "seconds each; about 2 on two free cores"


def table(out) -> str:
    """Everything in the records but when it was and how long it took."""
    content = [json.loads(path.read_text()) for path in sorted(out.glob("records/*/*.json"))]
    for one in content:
        del one["seconds"], one["graded"]
        for exercise in one["exercises"]:
            del exercise["seconds"]
    return json.dumps(content)


def when(out) -> dict[str, tuple[str, float]]:
    """Student -> when the record was made, and how long that took."""
    return {found.student: (found.graded, found.seconds) for found in record.read_grades(out)}


def test_a_killed_run_goes_on_where_it_was_and_comes_to_the_same_grades(twelve, tmp_path):
    run, _, home, _ = twelve
    out = tmp_path / "grades"
    process = subprocess.Popen(
        command(home / "submissions", out, *SEED, "--workers", "2", "--lessons", "01"),
        cwd=ROOT,
        env=environment(tmp_path / "temporary"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while len(list(out.glob("records/*/*.json"))) < 4:
        assert process.poll() is None, "it ended before it was killed"
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = when(out)
    assert 4 <= len(before) < 12
    again = grade(home / "submissions", out, *SEED, "--workers", "2", "--lessons", "01")
    assert again.status == 0 and again.processes == []
    assert when(out).items() >= before.items(), "graded again"
    assert table(out) == table(run.out), "the same seed gives the same grades"
    assert (out / "grades.csv").read_bytes() == (run.out / "grades.csv").read_bytes()
