"""The contract of an exercise: what its parts promise, and that the bank's answers give the same values in another
process, which gets nothing but text and bytes."""

import subprocess
import sys
from pathlib import Path

import bank
import pytest
import torch

from gritlib.course import wire
from gritlib.course.compare import same
from gritlib.course.examine import SECONDS, examine, observe
from gritlib.course.exercises import LESSONS, lesson, load

EXERCISES = [exercise for number in LESSONS for exercise in lesson(number)]
ENTRIES = [entry for number in LESSONS for entry in bank.read(number)]


def jobs_of(entry):
    exercise = load(entry.id)
    for number, part in enumerate(exercise.parts):
        inputs = part.draw(torch.Generator().manual_seed(number))
        job = {"call": part.text(), "function": part.call.__name__, "answer": entry.source}
        yield part, {**job, "names": list(exercise.names), "inputs": inputs}


@pytest.fixture(scope="module")
def elsewhere():
    """What every part of every answer gave in another process."""
    jobs = [job for entry in ENTRIES for _, job in jobs_of(entry)]
    command = [sys.executable, str(Path(__file__).parent / "remote.py")]
    done = subprocess.run(command, input=wire.pack(jobs), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    results = iter(wire.unpack(done.stdout))
    return {entry: [next(results) for _ in jobs_of(entry)] for entry in ENTRIES}


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.id} {e.title}")
def test_an_answer_gives_the_same_in_another_process(entry, elsewhere):
    answer = entry.objects(load(entry.id))
    for (part, job), there in zip(jobs_of(entry), elsewhere[entry], strict=True):
        here = observe(part, job["inputs"], answer, SECONDS)
        if here.error:
            assert there == {"error": type(here.error).__name__}
        else:
            assert same(wire.unpack(wire.pack(here.values)), there["values"]), part.name


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_the_reference_is_right_at_other_draws_and_is_never_counted(exercise):
    assert examine(exercise, *exercise.reference).status == "reference"
    for number, part in enumerate(exercise.parts):
        generator = torch.Generator().manual_seed(77 + number)
        for _ in range(3):
            inputs = part.draw(generator)
            first, second = (observe(part, inputs, exercise.reference, SECONDS) for _ in range(2))
            assert first.error is None and first.conduct is None and same(first.values, second.values)
            if part.judge:
                assert part.judge(inputs, first.values, second.values) is None


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_points_are_for_answers_that_depend_on_what_was_drawn(exercise, monkeypatch):
    for part in exercise.parts:
        generator, wanted = torch.Generator().manual_seed(5), []
        for number in range(8):
            monkeypatch.setenv("GRITLIB_STUDENT", f"student {number}")  # the clinic's runs are drawn by the id
            wanted.append(observe(part, part.draw(generator), exercise.reference, SECONDS).values)
        if part.points:
            assert not all(same(values, wanted[0]) for values in wanted), f"{part.name}: a constant would earn points"


def unmarked(piece):
    """The same behaviour without gritlib's mark."""
    return type(piece.__name__, (piece,), {}) if isinstance(piece, type) else lambda *a, **k: piece(*a, **k)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_the_reference_without_its_mark_is_right(exercise):
    report = examine(exercise, *map(unmarked, exercise.reference))
    assert report.status == "right" and report.points == exercise.points, report.message


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_every_mistake_is_wrong_and_is_recognised(exercise):
    for mistake in exercise.mistakes:
        report = examine(exercise, *map(unmarked, exercise.wrong(mistake)))
        assert report.status in ("wrong", "partly") and mistake.message in report.message, mistake.message


@pytest.mark.parametrize("number", LESSONS)
def test_points_of_a_lesson_add_up_to_twenty(number):
    assert sum(exercise.points for exercise in lesson(number)) == 20
