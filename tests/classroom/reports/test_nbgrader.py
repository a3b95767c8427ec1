"""The export for nbgrader: its metadata, nothing lost but what is said, and points that a wrong answer does not get."""

import ast
import contextlib
import io
from pathlib import Path

import pytest
from nbformat import v4

import gritlib.course as course
from gritlib.classroom import source
from gritlib.classroom.grading import nbgrader
from gritlib.course import exercises
from gritlib.course.lessons import LESSONS

ROOT = Path(nbgrader.__file__).parents[3]
KEYS = {"grade", "grade_id", "locked", "schema_version", "solution", "task", "cell_type"}


@pytest.fixture(scope="module")
def lesson():
    return source.read(ROOT / "solutions" / "01_pix2pix.py", exercises)


@pytest.fixture(scope="module")
def notebook(lesson):
    return nbgrader.notebook(lesson, "owner/name")


def cells(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_every_exercise_has_an_answer_cell_and_a_cell_of_points_after_it(notebook, lesson):
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert len(marked) == 2 * len(exercises.ids("01"))
    order = [cell.id for cell in notebook.cells]
    for exercise in exercises.lesson("01"):
        number = exercise.id.replace(".", "-")
        answer, points = cells(notebook)[f"exercise-{number}"], cells(notebook)[f"points-{number}"]
        assert order.index(points.id) == order.index(answer.id) + 1
        theirs, ours = answer.metadata["nbgrader"], points.metadata["nbgrader"]
        assert set(theirs) == KEYS and set(ours) == KEYS | {"points"} and ours["points"] == exercise.points
        assert (theirs["solution"], theirs["grade"], theirs["locked"]) == (True, False, False)
        assert (ours["solution"], ours["grade"], ours["locked"]) == (False, True, True)
        assert theirs["grade_id"] == answer.id and ours["grade_id"] == points.id
        assert "BEGIN SOLUTION" in answer.source and "END SOLUTION" in answer.source
        assert "check(" not in answer.source and f'check("{exercise.id}"' in points.source


def test_nothing_else_is_left_out_than_what_the_docstring_says(notebook, lesson):
    kept = {cell.id for cell in notebook.cells}
    from gritlib.classroom import assemble

    for id, cell in zip(assemble.ids(lesson), lesson.cells, strict=True):
        assert (id in kept) == (assemble.SOLUTION_ONLY not in cell.tags)
    assert "badges" not in kept and "setup" in kept and "install" in kept


def test_badges_that_lead_to_solutions_are_not_handed_out(notebook):
    assert not [cell for cell in notebook.cells if "solutions/01_pix2pix.ipynb" in cell.source]


@contextlib.contextmanager
def quiet():
    with contextlib.redirect_stdout(io.StringIO()) as out:
        yield out


def value(text, space):
    """Runs a cell and gives the value of its last line, as a kernel shows it."""
    *body, last = ast.parse(text).body
    with quiet():
        exec(compile(ast.Module(body, []), "cell", "exec"), space)
        return eval(compile(ast.Expression(last.value), "cell", "eval"), space)


def space():
    return {"check": course.check, "__name__": "notebook"}


@pytest.mark.parametrize(("change", "earned"), [(None, 3), ("raise NotImplementedError()", 0), ("return 7", 0)])
def test_the_last_line_is_what_the_answer_earns(change, earned, notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path))
    answer, points = cells(notebook)["exercise-01-3"].source, cells(notebook)["points-01-3"].source
    if change:  # what nbgrader hands out, or a wrong answer in its place
        begin, end = answer.index("# BEGIN SOLUTION"), answer.index("# END SOLUTION") + len("# END SOLUTION")
        answer = answer[:begin] + change + answer[end:]
    names = space()
    exec(answer, names)
    got = value(points, names)
    assert got == earned and isinstance(got, float) and repr(got) == repr(float(earned))
    assert names["receptive_field"]([(4, 2), (4, 1)]) == 10, "the notebook goes on with a right one"


def test_part_of_the_points_survives(notebook, monkeypatch, tmp_path):
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path))
    names = space()
    exec("def receptive_field(layers):\n    return 1 + sum(k - 1 for k, s in layers)", names)
    assert value(cells(notebook)["points-01-3"].source, names) == 1


def test_all_lessons_are_written_where_nbgrader_looks(tmp_path):
    written = nbgrader.export(ROOT, tmp_path, ("00", "05"))
    names = [path.relative_to(tmp_path).as_posix() for path in written]
    expected = [f"source/{LESSONS[n].file}/{LESSONS[n].file}.ipynb" for n in ("00", "05")]
    assert names == [*expected, "nbgrader_config.py"]
    for path in written[:2]:
        made = v4.reads(path.read_text(encoding="utf-8"))
        points = [cell.metadata["nbgrader"]["points"] for cell in made.cells if cell.id.startswith("points-")]
        assert sum(points) == 20


def test_a_configuration_of_ones_own_stays(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("mine")
    written = nbgrader.export(ROOT, tmp_path, ("00",))
    assert len(written) == 1 and (tmp_path / "nbgrader_config.py").read_text() == "mine"


def test_the_configuration_is_python_and_gives_training_time(tmp_path, monkeypatch):
    monkeypatch.delenv("GRITLIB_PRESET", raising=False)
    monkeypatch.setenv("GRITLIB_PRESET", "ci")  # kept: an instructor's own choice wins
    config = type("Config", (), {"__getattr__": lambda self, name: self.__dict__.setdefault(name, type(self)())})()
    exec(nbgrader.CONFIG.format(seconds=nbgrader.SECONDS), {"get_config": lambda: config})
    assert config.ExecutePreprocessor.timeout == nbgrader.SECONDS
