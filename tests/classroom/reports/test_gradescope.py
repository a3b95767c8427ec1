"""What Gradescope gets: results.json by its specification, and a zip that grades with nothing else."""

import json
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gritlib.classroom.grading import gradescope, sandbox

ROOT = Path(gradescope.__file__).parents[3]
TOP = {"output", "output_format", "visibility", "stdout_visibility", "tests"}
TEST = {"number", "name", "name_format", "score", "max_score", "status", "output", "output_format", "visibility"}


def test_results_follow_the_specification(batch, grades):
    found = gradescope.results(batch, grades[0])
    assert set(found) == TOP and found["visibility"] == "visible" and found["stdout_visibility"] == "hidden"
    assert [set(test) for test in found["tests"]] == [TEST, TEST]
    assert [(t["number"], t["score"], t["max_score"], t["status"]) for t in found["tests"]] == [
        ("00.1", 4, 4, "passed"),
        ("00.2", 3, 6, "failed"),
    ]
    assert {t["output_format"] for t in found["tests"]} == {t["name_format"] for t in found["tests"]} == {"text"}
    assert json.loads(json.dumps(found)) == found


def test_the_words_are_those_of_the_students_page(batch, grades):
    said = gradescope.results(batch, grades[0])["tests"][1]["output"].splitlines()
    assert said == [
        "✓ half of it (3 of 3)",
        "✗ the rest (0 of 3)",
        "    got 3, wanted 4, difference 1",
        "    This is the sum, not the mean.",
    ]


def test_an_unreadable_notebook_has_every_exercise_with_nothing_and_the_reason(batch, grades):
    found = gradescope.results(batch, grades[3])
    assert [(test["number"], test["score"], test["max_score"]) for test in found["tests"]] == [("01.1", 0, 10)]
    assert found["output"].startswith("The notebook is unreadable.\nno notebook: it has no cells\n")
    assert "sandbox level namespaces" in found["output"]


def test_nothing_secret_and_nothing_that_steers(batch, grades):
    grades[0].notes, grades[0].seed = ["\x1b[31mred\u202e"], str(batch.seed)
    grades[0].exercises[1].parts[1].lines = ["<script>\x00"]
    text = json.dumps(gradescope.results(batch, grades[0]), ensure_ascii=False)
    assert str(batch.seed) not in text and "\\u001b" not in text and "\u202e" not in text and "⟨U+001B⟩[31mred" in text


@pytest.fixture
def zipped(tmp_path, monkeypatch):
    """The files of a zip for lesson 00."""
    monkeypatch.chdir(ROOT)
    path = gradescope.autograder(tmp_path / "a" / "00.zip", "00", seed=5)
    with zipfile.ZipFile(path) as archive:
        return path, {entry.filename: (entry, archive.read(entry)) for entry in archive.infolist()}


def test_the_zip_has_its_scripts_at_the_root_and_they_may_run(zipped):
    _, files = zipped
    for name in ("setup.sh", "run_autograder"):
        entry, text = files[name]
        assert stat.S_IMODE(entry.external_attr >> 16) == 0o755 and text.startswith(b"#!/usr/bin/env bash\n")
        assert b"\r" not in text and subprocess.run(["bash", "-n"], input=text).returncode == 0
    assert json.loads(files["autograder.json"][1]) == {"lesson": "00", "seed": 5, "cohort": None}
    lesson = [name for name in files if name.startswith(("solutions/", "notebooks/"))]
    assert lesson == ["notebooks/00_start_here.ipynb", "solutions/00_start_here.ipynb"]
    assert not [c for name in lesson for c in json.loads(files[name][1])["cells"] if c.get("outputs")]


def test_the_zip_has_the_package_and_not_what_grading_does_not_read(zipped):
    path, files = zipped
    sources = {f"gritlib/{file.relative_to(ROOT / 'gritlib').as_posix()}" for file in (ROOT / "gritlib").rglob("*.py")}
    assert sources - set(files) <= {name for name in sources if name.startswith("gritlib/weights/")}
    assert not [name for name in files if name.endswith((".png", ".pyc")) or name.startswith("gritlib/weights/")]
    assert path.stat().st_size < 20e6 and not list(path.parent.glob(".*"))
    wanted = files["requirements.txt"][1].decode()
    assert "torch>=2.6" in wanted and "safetensors" in wanted and "extra" not in wanted and "gritlib" not in wanted


def test_the_same_content_is_the_same_zip_and_the_seed_is_drawn(zipped, tmp_path):
    again = gradescope.autograder(tmp_path / "b.zip", "00", seed=5)
    assert again.read_bytes() == zipped[0].read_bytes()
    drawn = []
    for name in ("c", "d"):
        with zipfile.ZipFile(gradescope.autograder(tmp_path / name, "00")) as archive:
            drawn.append(json.loads(archive.read("autograder.json"))["seed"])
    assert drawn[0] != drawn[1] and min(drawn) > 1000


def test_an_unknown_lesson_is_named(tmp_path):
    with pytest.raises(ValueError, match="lesson '99' is unknown"):
        gradescope.autograder(tmp_path / "x.zip", "99", root=ROOT)
    with pytest.raises(FileNotFoundError, match=r"00_start_here.ipynb is missing: run this in the root"):
        gradescope.autograder(tmp_path / "x.zip", "00", root=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def container(zipped, tmp_path):
    """A folder as Gradescope prepares it, and a function that runs the zip's autograder there."""
    folder = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (folder / name).mkdir(parents=True)
    with zipfile.ZipFile(zipped[0]) as archive:
        archive.extractall(folder / "source")

    def run():
        code = f"from gritlib.classroom.grading.gradescope import run; run({str(folder)!r})"
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder / "source"), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=folder / "source", env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert sorted(path.name for path in folder.iterdir()) == ["results", "source", "submission"]
        return json.loads((folder / "results" / "results.json").read_text(encoding="utf-8"))

    return folder, run


# In CI a missing sandbox is a failure.
missing = sandbox.best_level() == "none" and os.environ.get("CI") != "true"
grades_here = pytest.mark.skipif(missing, reason="no sandbox on this machine")


@grades_here
@pytest.mark.slow
def test_the_solved_notebook_earns_everything_in_the_container(container):
    folder, run = container
    solved = (ROOT / "solutions" / "00_start_here.ipynb").read_bytes()
    (folder / "submission" / "anything.ipynb").write_bytes(solved)
    found = run()
    assert sum(test["score"] for test in found["tests"]) == sum(test["max_score"] for test in found["tests"]) == 20


@grades_here
@pytest.mark.slow
def test_what_is_not_one_notebook_of_the_lesson_gets_nothing_and_a_reason(container):
    folder, run = container
    found = run()
    assert {test["score"] for test in found["tests"]} == {0} and len(found["tests"]) == 5
    assert "no notebooks were handed in: hand in one, 00_start_here.ipynb" in found["output"]
    for name in ("01_pix2pix", "02_losses"):
        (folder / "submission" / f"{name}.ipynb").write_bytes((ROOT / "notebooks" / f"{name}.ipynb").read_bytes())
    assert "2 notebooks were handed in" in run()["output"]


def test_the_notebook_is_the_only_one_or_the_one_named_as_the_lesson(tmp_path):
    assert gradescope.the_notebook(tmp_path, "01") == (
        None,
        "no notebooks were handed in: hand in one, 01_pix2pix.ipynb",
    )
    (tmp_path / "deep" / ".ipynb_checkpoints").mkdir(parents=True)
    (tmp_path / "deep" / ".ipynb_checkpoints" / "01_pix2pix-checkpoint.ipynb").touch()
    (tmp_path / "deep" / "mine.ipynb").touch()
    assert gradescope.the_notebook(tmp_path, "01")[0].name == "mine.ipynb"
    (tmp_path / "01_pix2pix (1).ipynb").touch()
    assert gradescope.the_notebook(tmp_path, "01")[0].name == "01_pix2pix (1).ipynb"
    (tmp_path / "01_pix2pix.ipynb").touch()
    assert gradescope.the_notebook(tmp_path, "01")[1].startswith("2 notebooks were handed in")
