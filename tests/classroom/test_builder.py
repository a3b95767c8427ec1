"""From one source two notebooks: the same bytes each time, the solution in one of them only, and a check that notices
one changed character."""

import json
import re
from types import SimpleNamespace

import pytest
from nbformat import v4, validate

from gritlib.classroom import builder, source


def notebook(root, folder, name="01_tiny.ipynb"):
    return v4.reads((root / folder / name).read_text(encoding="utf-8"))


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def change(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_both_notebooks_have_title_installation_setup_and_the_cells(built):
    solved, student = notebook(built, "solutions"), notebook(built, "notebooks")
    for one in (solved, student):
        validate(one)
        assert (one.nbformat, one.nbformat_minor) == (4, 5)
        assert one.cells[0].source.startswith("# 01 A tiny lesson")
        assert [cell.id for cell in one.cells[1:3]] == ["install", "setup"]
        assert one.cells[2].source == 'import gritlib.course\n\ngritlib.course.start("01")'
        assert one.cells[3].metadata == {"tags": ["core"]}
    ids = [cell.id for cell in solved.cells]
    assert len(set(ids)) == len(ids) and {"exercise-01-1", "exercise-01-2"} < set(ids)
    left = [cell.id for cell in solved.cells if "teachers_only" not in cell.source]
    assert [cell.id for cell in student.cells] == left and len(left) == len(ids) - 1


def test_the_student_gets_stubs_and_hints_but_no_solution(built, secrets):
    text = (built / "notebooks" / "01_tiny.ipynb").read_text(encoding="utf-8")
    assert not [secret for secret in secrets if secret in text]
    cells = by_id(notebook(built, "notebooks"))
    assert cells["exercise-01-1"].source == (
        'def double(x: int) -> int:\n    """Twice x."""\n    raise NotImplementedError("01.1 is yours to write")\n\n\n'
        'double = check("01.1", double)'
    )
    assert cells["exercise-01-2"].source.count('\n        raise NotImplementedError("01.2 is yours to write")') == 2
    hints = [cell.source for cell in cells.values() if "Hint 1" in cell.source]
    links = [re.findall(r"\]\((.*?)\)", text) for text in hints]
    assert links == [[f"../solutions/01_tiny.ipynb#cell-id=exercise-01-{k}"] for k in (1, 2)]
    assert all(text.count("<details>") == text.count("</details>") == 3 for text in hints)
    for cell in cells.values():
        assert cell.cell_type == "markdown" or (cell.outputs == [] and cell.execution_count is None)


def test_the_solved_notebook_has_the_solution_without_markers_or_link(built, secrets):
    text = (built / "solutions" / "01_tiny.ipynb").read_text(encoding="utf-8")
    assert [secret for secret in secrets if secret not in text] == ["BEGIN SOLUTION", "END SOLUTION"]
    assert "cell-id" not in text


def test_a_second_build_changes_no_byte(built, registry, pretend_executed):
    before = {path: path.read_bytes() for path in built.rglob("*.ipynb")}
    assert builder.build(built, registry=registry) == []
    for path in before:
        path.unlink()
    assert len(builder.build(built, registry=registry)) == 2
    students = built / "notebooks" / "01_tiny.ipynb"
    assert students.read_bytes() == before[students]
    pretend_executed(built)
    assert {path: path.read_bytes() for path in built.rglob("*.ipynb")} == before


def test_a_new_cell_changes_no_other_id(built, registry):
    before = [cell.id for cell in notebook(built, "solutions").cells]
    extra = "# %% [markdown]\n# A new thought.\n\n"
    change(
        built / "solutions" / "01_tiny.py", "# %% [markdown]\n# ## Doubling", f"{extra}# %% [markdown]\n# ## Doubling"
    )
    builder.build(built, registry=registry)
    after = [cell.id for cell in notebook(built, "solutions").cells]
    assert len(after) == len(before) + 1 and [id for id in after if id in before] == before


def test_equal_cells_get_different_ids(root, registry):
    path = root / "solutions" / "01_tiny.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# %%\n1\n\n# %%\n1\n\n# %%\n1\n", encoding="utf-8")
    builder.build(root, registry=registry)
    first, *others = [cell.id for cell in notebook(root, "notebooks").cells if cell.source == "1"]
    assert others == [f"{first}-2", f"{first}-3"]


def test_outputs_stay_where_id_and_source_stayed(built, registry):
    change(built / "solutions" / "01_tiny.py", "twice_the_value = x + x", "twice_the_value = 2 * x")
    change(built / "solutions" / "01_tiny.py", "print(double(4)", "print(double(5)")
    builder.build(built, registry=registry)
    cells = [cell for cell in notebook(built, "solutions").cells if cell.cell_type == "code"]
    empty = [cell.source for cell in cells if not cell.outputs]
    assert len(empty) == 2 and "twice_the_value = 2 * x" in empty[0] and empty[1].startswith("print(double(5)")
    assert cells[1].outputs[0].text == "output 2\n" and cells[1].execution_count == 2
    assert builder.check(built, registry=registry) == [
        "solutions/01_tiny.ipynb: outputs are of other code: run python -m gritlib course build --execute --lessons 01"
    ]


def test_prose_may_change_without_new_outputs(built, registry):
    change(built / "solutions" / "01_tiny.py", "# What it asks.", "# What it asks of you.")
    builder.build(built, registry=registry)
    assert builder.check(built, registry=registry) == []


def test_what_was_never_executed_is_said(root, registry):
    builder.build(root, registry=registry)
    (line,) = builder.check(root, registry=registry)
    assert line.startswith("solutions/01_tiny.ipynb: was never executed: run python -m gritlib course build --execute")


STUDENT, SOLVED = "notebooks/01_tiny.ipynb", "solutions/01_tiny.ipynb"
EXERCISE = r"cell 6 \(exercise-01-1\) differs: line"
KERNEL = ('"display_name": "Python 3"', '"display_name": "Python 2"')
# Where one character changes, what it was, what it becomes, and what the line says after the file's name.
CHANGES = {
    "a stub": (STUDENT, "Twice x.", "Twice y.", rf"{EXERCISE} 2 is '    .*y"),
    "prose": (
        STUDENT,
        "What it asks.",
        "What it asks!",
        r"cell 1 \(\w+\) differs: line 3 is 'What it asks!', the",
    ),
    "the setup": (STUDENT, 'start(\\"01\\")', 'start(\\"02\\")', r"cell 3 \(setup\) differs: line 3 is 'gritlib"),
    "an id": (STUDENT, '-01-1",', '-01-3",', "cell 6 is 'exercise-01-3', the source has 'exercise-01-1' there"),
    "a key": (STUDENT, '"id": "setup"', '"x": 1, "id": "setup"', r"cell 3 \(setup\) differs: x is 1"),
    "the kernel": (STUDENT, *KERNEL, "metadata of the notebook is"),
    "the version": (STUDENT, '"nbformat_minor": 5', '"nbformat_minor": 4', "nbformat_minor of the notebook is 4"),
    "the form": (STUDENT, '"nbformat": 4', '"nbformat":  4', "is written in another form"),
    "no json": (STUDENT, '"nbformat": 4', '"nbformat": ,', "is not a notebook"),
    "a solved cell": (SOLVED, "the_value = x + x", "the_value = x * x", f"{EXERCISE} 3"),
    "the solved kernel": (SOLVED, *KERNEL, "metadata of the notebook is"),
}


@pytest.mark.parametrize("place", CHANGES)
def test_one_changed_character_is_found_and_the_file_named(place, built, registry):
    file, old, new, words = CHANGES[place]
    change(built / file, old, new)
    lines = builder.check(built, registry=registry)
    assert re.match(f"{file}: {words}", lines[0]), lines
    assert all(line.startswith(f"{file}: ") for line in lines)


def test_one_changed_character_of_the_source_is_found(built, registry):
    change(built / "solutions" / "01_tiny.py", "x + self.n", "x - self.n")
    lines = builder.check(built, registry=registry)
    assert re.match(rf"{SOLVED}: cell 8 \(exercise-01-2\) differs: line \d+ is '.*x \+ self.n', the source", lines[0])
    assert all(line.startswith(SOLVED) for line in lines), "the student's notebook does not show the solution"
    change(built / "solutions" / "01_tiny.py", "Twice x.", "Twice y.")
    assert any(re.match(f"{STUDENT}: {EXERCISE} 2", line) for line in builder.check(built, registry=registry))


def test_a_changed_tag_a_moved_cell_and_a_missing_one_are_found(built, registry):
    path = built / "notebooks" / "01_tiny.ipynb"
    whole = path.read_text(encoding="utf-8")

    def said(edit):
        content = json.loads(whole)
        edit(content["cells"])
        path.write_text(json.dumps(content), encoding="utf-8")
        return builder.check(built, registry=registry)

    tag = said(lambda cells: cells[5]["metadata"].update(tags=["core", "solution"]))
    assert "cell 6 (exercise-01-1) differs: metadata is {'tags': ['core', 'solution']}" in tag[0]
    assert "cell 5 is 'exercise-01-1'" in said(lambda cells: cells.insert(4, cells.pop(5)))[0]
    assert said(lambda cells: cells.pop())[-1].endswith("9 cells, the source makes 10")
    assert "source says 'code'" in said(lambda cells: cells[1].update(cell_type="markdown"))[0]
    outputs = {"outputs": [{"name": "stdout", "output_type": "stream", "text": ["1"]}], "execution_count": 1}
    assert said(lambda cells: cells[2].update(outputs)) == [
        "notebooks/01_tiny.ipynb: cell 3 (setup) has outputs: a student's notebook is committed without"
    ]


def test_outputs_of_the_solved_notebook_may_be_anything(built, registry):
    change(built / "solutions" / "01_tiny.ipynb", "output 2", "something else")
    assert builder.check(built, registry=registry) == []


@pytest.mark.parametrize("folder", ["solutions", "notebooks"])
def test_missing_and_orphaned_notebooks_are_listed(folder, built, registry):
    path = built / folder / "01_tiny.ipynb"
    path.rename(path.with_name("02_old.ipynb"))
    lines = builder.check(built, registry=registry)
    assert lines == [
        f"{folder}/01_tiny.ipynb: is missing: run python -m gritlib course build",
        f"{folder}/02_old.ipynb: has no source solutions/02_old.py: remove it",
    ]
    assert builder.check(built, lessons=("01",), registry=registry) == lines[:1]


def test_a_refused_lesson_stops_the_build_of_all(built, registry):
    (built / "solutions" / "02_next.py").write_text("# %% [markdown]\n# # 02\n", encoding="utf-8")
    change(built / "solutions" / "01_tiny.py", "# What it asks.", "# What it asks of you.")
    before = {path: path.read_bytes() for path in built.rglob("*.ipynb")}
    with pytest.raises(source.SourceError, match=r"02_next\.py:2: the first cell is text and begins with '# 02 Title'"):
        builder.build(built, registry=registry)
    assert {path: path.read_bytes() for path in built.rglob("*.ipynb")} == before


def test_a_write_that_fails_leaves_the_old_file_whole(built, registry, monkeypatch):
    change(built / "solutions" / "01_tiny.py", "# What it asks.", "# What it asks of you.")
    before = {path: path.read_bytes() for path in built.rglob("*.ipynb")}

    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr("gritlib.training.checkpoint.os.replace", full)
    with pytest.raises(OSError, match="no space"):
        builder.build(built, registry=registry)
    names = {path.name for path in built.rglob("*") if path.is_file()}
    assert names == {"pyproject.toml", "01_tiny.py", "01_tiny.ipynb"}, "no temporary file is left"
    assert {path: path.read_bytes() for path in before} == before


def test_only_the_lessons_asked_for_are_built(root, registry):
    text = (root / "solutions" / "01_tiny.py").read_text(encoding="utf-8")
    (root / "solutions" / "02_more.py").write_text(text.replace("01", "02"), encoding="utf-8")
    for id in tuple(registry.known):
        registry.known[id.replace("01", "02")] = SimpleNamespace(**{**vars(registry.known[id]), "id": "02" + id[2:]})
    built = builder.build(root, lessons=("02",), registry=registry)
    assert [path.relative_to(root).as_posix() for path in built] == [
        "solutions/02_more.ipynb",
        "notebooks/02_more.ipynb",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": []}', '{"cells": [{"cell_type": "code"}], "metadata": {}}'])
def test_a_broken_notebook_is_named_and_built_anew(text, built, registry):
    path = built / "solutions" / "01_tiny.ipynb"
    path.write_text(text, encoding="utf-8")
    assert builder.check(built, registry=registry)[0].startswith("solutions/01_tiny.ipynb: ")
    assert builder.build(built, registry=registry) == [path]
    assert "twice_the_value" in path.read_text(encoding="utf-8")
