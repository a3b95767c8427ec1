"""Which runs the test command starts, with what around them, and that the first failure ends it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gritlib import selftest


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A repository with a lesson; every run that is started is noted, and ends with the status given for its folder."""
    for name in ("tests", "solutions", "notebooks"):
        (tmp_path / name).mkdir()
    for name in ("solutions/01_tiny.py", "solutions/01_tiny.ipynb", "notebooks/01_tiny.ipynb"):
        (tmp_path / name).write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    noted, status = [], {}

    def call(words, env):
        assert words[:2] == [sys.executable, "-m"]
        home = Path(env["GRITLIB_HOME"])
        assert home.is_dir() and list(home.iterdir()) == []
        (home / "progress").mkdir()
        noted.append((words[2:], env))
        return status.get(words[3], 0)

    monkeypatch.setattr(subprocess, "call", call)
    return noted, status


def test_the_whole_run_is_tests_check_solutions_notebooks(calls, capsys, monkeypatch):
    monkeypatch.delenv("GRITLIB_STRICT", raising=False)
    noted, _ = calls
    assert selftest.run_tests(False, 2) == 0
    assert [words[:4] for words, _ in noted] == [
        ["pytest", "tests", "-q", "-n"],
        ["gritlib", "course", "build", "--check"],
        ["pytest", "solutions", "--nbval-lax", "--nbval-current-env"],
        ["pytest", "notebooks", "--nbval-lax", "--nbval-current-env"],
    ]
    for words, env in (noted[0], *noted[2:]):
        assert words[-4:] == ["-n", "2", "--dist", "loadfile"] and env["OMP_NUM_THREADS"] == "1"
    solutions, notebooks = noted[2:]
    assert "--nbval-cell-timeout=600" in solutions[0] and "--nbval-cell-timeout=600" in notebooks[0]
    assert (solutions[1]["GRITLIB_PRESET"], solutions[1]["GRITLIB_STRICT"]) == ("ci", "1")
    assert notebooks[1]["GRITLIB_PRESET"] == "smoke" and "GRITLIB_STRICT" not in notebooks[1]
    homes = {env["GRITLIB_HOME"] for _, env in noted}
    assert len(homes) == 4 and not any(os.path.exists(home) for home in homes)
    assert capsys.readouterr().out.count("0 s\n") == 4


@pytest.mark.parametrize(("part", "runs"), [("tests", 1), ("course", 2), ("solutions", 3), ("notebooks", 4)])
def test_the_first_part_that_fails_ends_it(part, runs, calls):
    noted, status = calls
    status[part] = 3
    assert selftest.run_tests(False, 2) == 3 and len(noted) == runs


def test_the_quick_run_is_the_quick_tests(calls):
    noted, _ = calls
    assert selftest.run_tests(True, 5) == 0
    wanted = ["pytest", "tests", "-q", "-n", "5", "--dist", "loadfile", "-m", "not slow"]
    assert [words for words, _ in noted] == [wanted]


def test_a_lesson_that_lost_its_notebooks_is_still_checked(calls):
    noted, _ = calls
    for path in Path().glob("*/*.ipynb"):
        path.unlink()
    assert selftest.run_tests(False, 2) == 0
    assert [words[0] for words, _ in noted] == ["pytest", "gritlib"]


def test_outside_the_repository_it_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="run this in the root of the repository"):
        selftest.run_tests(False, 2)
