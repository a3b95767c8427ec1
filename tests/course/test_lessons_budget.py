"""Budgets are counted: a training run of a lesson takes its steps from the lesson's table, and the table is whole."""

import ast
from pathlib import Path

import pytest

from gritlib.course import exercises
from gritlib.course.lessons import LESSONS, get, runs
from gritlib.presets import NAMES

SOLUTIONS = Path(__file__).parents[2] / "solutions"
LOOPS = ast.For | ast.While | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def sources() -> list[Path]:
    return sorted(SOLUTIONS.glob("[0-9][0-9]_*.py"))


def called(node: ast.AST) -> str:
    """The last name of what a call calls."""
    function = node.func if isinstance(node, ast.Call) else None
    return getattr(function, "attr", getattr(function, "id", ""))


def run_of(call: ast.Call) -> str | None:
    """The run whose steps a `fit` takes: "yours" in `fit(…, steps=steps("yours"))`."""
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "steps"), None)
    if (
        called(given) != "steps"
        or len(given.args) != 1
        or given.keywords
        or not isinstance(given.args[0], ast.Constant)
    ):
        return None
    return given.args[0].value


def faults(text: str, declared) -> list[str]:
    """What is wrong with the budget of a lesson's source."""
    tree, found, used = ast.parse(text), [], []
    repeated = {inner for node in ast.walk(tree) if isinstance(node, LOOPS) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if called(node) == "fit":
            run = run_of(node)
            used.append(run)
            if run is None:
                found.append(f'line {node.lineno}: fit( must take steps=steps("…")')
            if node in repeated:
                found.append(f"line {node.lineno}: fit( in a loop spends its steps more than once")
    named = [run for run in used if run is not None]
    found += [f"run {run!r} is not declared" for run in sorted(set(named) - set(declared))]
    found += [f"run {run!r} is declared and not used" for run in sorted(set(declared) - set(named))]
    found += [f"run {run!r} is used {named.count(run)} times" for run in sorted(set(named)) if named.count(run) > 1]
    return found


@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_a_lesson_trains_what_it_declares(source):
    lesson = get(source.stem[:2])
    assert source.stem == lesson.file
    assert faults(source.read_text(encoding="utf-8"), lesson.steps) == []


GOOD = 'run = fit(method, source, steps=steps("yours"))\nother = gritlib.training.fit(m, s, steps=course.steps("b"))\n'
BAD = {
    "a number": ("fit(m, s, steps=300)", "must take"),
    "nothing": ("fit(m, s)", "must take"),
    "a configuration": ("fit(m, s, config=TrainConfig(steps=300))", "must take"),
    "arithmetic": ('fit(m, s, steps=steps("yours") * 2)', "must take"),
    "a computed name": ("fit(m, s, steps=steps(name))", "must take"),
    "undeclared": ('fit(m, s, steps=steps("c"))', "'c' is not declared"),
    "twice": (GOOD + GOOD, "is used 2 times"),
    "unused": ('fit(m, s, steps=steps("yours"))', "'b' is declared and not used"),
    "in a loop": ('for lam in (1, 100):\n    fit(m, s, steps=steps("yours"))', "in a loop"),
    "in a comprehension": ('[fit(m, s, steps=steps("yours")) for lam in (1, 100)]', "in a loop"),
}


def test_the_reader_accepts_what_it_should():
    assert faults(GOOD, ["yours", "b"]) == [] and faults("x = 1", []) == []


@pytest.mark.parametrize("name", BAD)
def test_the_reader_finds_every_kind_of_fault(name):
    text, says = BAD[name]
    assert says in " ".join(faults(text, ["yours", "b"]))


@pytest.mark.parametrize("number", LESSONS)
def test_the_table_is_whole(number):
    lesson = LESSONS[number]
    assert lesson.number == number and lesson.file.startswith(f"{number}_") and lesson.title and lesson.question
    assert all(minutes > 0 for minutes in (lesson.reading, lesson.coding, lesson.compute, lesson.seconds))
    for run, by_preset in lesson.steps.items():
        assert set(by_preset) == set(NAMES), run
        assert 0 < by_preset["smoke"] <= by_preset["ci"] <= by_preset["cpu"] <= by_preset["gpu"] == by_preset["paper"]
        assert all(isinstance(steps, int) for steps in by_preset.values())
        assert lesson.steps_at(run, "ci") == by_preset["ci"]


def test_numbers_titles_and_files_are_distinct_and_in_order():
    assert list(LESSONS) == sorted(LESSONS) and tuple(LESSONS) == exercises.LESSONS
    assert len({lesson.file for lesson in LESSONS.values()}) == len({x.title for x in LESSONS.values()}) == len(LESSONS)


def test_a_run_is_asked_for_by_its_name():
    assert runs(1, 2, 3, 4) == {"smoke": 1, "ci": 2, "cpu": 3, "gpu": 4, "paper": 4}
    with pytest.raises(ValueError, match="lesson 01 has no run 'x': it declares"):
        LESSONS["01"].steps_at("x", "ci")
    with pytest.raises(ValueError, match="the lessons are 00, 01"):
        get("7")
