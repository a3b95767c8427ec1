"""The real lessons: built as their sources say, without a solution in the student's hands, with outputs that any run
would give."""

import ast
import json
import re
import sys
from pathlib import Path

import pytest
from nbformat import v4

import gritlib
from gritlib.classroom import builder, source, stub
from gritlib.classroom.assemble import SOLUTION_ONLY
from gritlib.course import exercises
from gritlib.course.examine import examine
from gritlib.course.lessons import LESSONS

ROOT = Path(gritlib.__file__).parents[1]
SOURCES = sorted((ROOT / "solutions").glob("*.py"))
EXERCISES = [(path, id) for path in SOURCES for id in exercises.ids(path.name[:2])]
# What depends on the run or the machine, written anew: the cleaning has patterns of its own.
LEAKS = {
    "a time": r"\b\d+\.\d+ ?(?:s|ms|min|h)\b|\b\d\d:\d\d:\d\d\b|\b\d+ ?(?:ms|seconds?)\b",
    "a speed": r"\d ?(?:it|steps?|images?)/s\b",
    "an address": r"\b0x[0-9a-f]{6,}",
    "a path": r"(?:^|[\s'\"(])/(?:tmp|home|root|Users|usr|var|opt|work)/|[A-Z]:\\\\",
    "a host": re.escape(str(ROOT)) + "|" + re.escape(sys.prefix),
}  # fmt: skip

each_lesson = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def notebook(folder, path):
    return v4.reads((ROOT / folder / f"{path.stem}.ipynb").read_text(encoding="utf-8"))


def outputs(path):
    """(cell, output) of the solved notebook."""
    return [(cell.id, out) for cell in notebook("solutions", path).cells for out in cell.get("outputs", [])]


def test_every_lesson_of_the_course_has_its_source():
    assert [path.stem for path in SOURCES] == [lesson.file for lesson in LESSONS.values()]


def test_the_notebooks_are_what_their_sources_make():
    assert builder.check(ROOT) == []


@pytest.mark.parametrize("path, id", EXERCISES, ids=lambda value: getattr(value, "stem", value))
def test_an_exercise_announces_its_points_and_minutes(path, id):
    exercise, cells = exercises.load(id), [cell.source for cell in notebook("notebooks", path).cells]
    announced = [text for text in cells if f"### Exercise {id}" in text]
    assert len(announced) == 1 and f"> {exercise.points:g} points · {exercise.minutes} minutes" in announced[0]


@each_lesson
@pytest.mark.parametrize("kind", ["notebooks", "handout"])
def test_no_line_of_a_solution_is_in_the_students_hands(path, kind, tmp_path):
    secret, shown = [], []
    for cell in source.read(path, exercises).cells:
        lines = cell.text.splitlines()
        hidden = {i for block in stub.blocks(cell.text) for i in range(block.begin, block.end + 1)}
        for number, line in enumerate(lines):
            (secret if number in hidden or SOLUTION_ONLY in cell.tags else shown).append(line.strip())
    known = "\n".join(shown)
    secret = {line for line in secret if len(line.replace(" ", "")) >= 12 and line not in known}
    assert len(secret) > len(exercises.ids(path.name[:2])), "a solution has lines of its own"
    if kind == "handout":
        builder.build(ROOT, lessons=(path.name[:2],), handout=tmp_path, cohort="test")
        students = v4.reads((tmp_path / f"{path.stem}.ipynb").read_text(encoding="utf-8"))
        assert "solutions/" not in json.dumps(students)
    else:
        students = notebook("notebooks", path)
    text = "\n".join(cell.source for cell in students.cells)
    assert [line for line in secret if line in text] == []


@pytest.mark.parametrize(("path", "id"), EXERCISES, ids=[id for _, id in EXERCISES])
def test_an_untouched_exercise_is_not_attempted(path, id):
    exercise, space = exercises.load(id), {"__name__": "student"}
    for cell in notebook("notebooks", path).cells:
        if cell.cell_type == "code":
            kept = [node for node in stub.parse(cell.source).body if defines(node)]
            exec(compile(ast.Module(kept, []), cell.id, "exec"), space)
            if cell.id == "exercise-" + id.replace(".", "-"):
                break
    report = examine(exercise, *(space[name] for name in exercise.names))
    assert report.status == "not attempted", report.message


def defines(node):
    """Is it an import, a definition, or a name for a plain value?"""
    if isinstance(node, ast.Assign):
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return False
        return True
    return isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef))


@each_lesson
def test_every_picture_is_described(path):
    pictures = 0
    for cell, output in outputs(path):
        for kind in output.get("data", {}):
            if kind.startswith("image/"):
                pictures += 1
                assert len(output.metadata[kind]["alt"].split()) >= 3, cell
    assert pictures > 0


@each_lesson
@pytest.mark.parametrize("folder", ["solutions", "notebooks"])
def test_a_notebook_is_small(path, folder):
    assert (ROOT / folder / f"{path.stem}.ipynb").stat().st_size <= 1_500_000


@each_lesson
def test_outputs_have_nothing_of_the_run_or_the_machine(path):
    found = []
    for cell, output in outputs(path):
        assert output.get("name") != "stderr", f"{cell}: a warning or a progress bar was kept"
        assert not [kind for kind in output.get("data", {}) if "jupyter.widget" in kind], f"{cell}: state of a widget"
        data = output.get("data", {})
        texts = [output.get("text", ""), *(data[kind] for kind in data if kind.startswith("text/"))]
        for text in texts:
            visible = re.sub(r"<style.*?</style>|<[^>]*>", "", text, flags=re.DOTALL)
            for what, leak in LEAKS.items():
                found += [(cell, what, match[0]) for match in re.finditer(leak, visible, re.MULTILINE)]
    assert found == []
