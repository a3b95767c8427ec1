"""The way of a student on Colab: packages are there, gritlib is not; installing it moves none of them, brings all files
of the package, and the lesson runs."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from nbformat import v4

import gritlib
from gritlib.classroom import execute

ROOT = Path(gritlib.__file__).parents[1]
SOURCES = sorted((ROOT / "solutions").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="links to folders need rights there, and Colab is Linux"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """What is installed, copied, so that building leaves nothing in the repository."""
    copy = tmp_path_factory.mktemp("address")
    shutil.copytree(ROOT / "gritlib", copy / "gritlib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    return copy


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An interpreter that sees all packages of this one except gritlib, as a fresh Colab kernel does."""
    place = tmp_path_factory.mktemp("colab")
    preinstalled = place / "preinstalled"
    preinstalled.mkdir()
    for folder in reversed([Path(path) for path in sys.path if path.endswith(("site-packages", "dist-packages"))]):
        for entry in folder.iterdir():
            # Not the files that an editable installation leads with: of those and of its record nothing may be seen.
            if "gritlib" not in entry.name.lower() and entry.suffix != ".pth":
                link = preinstalled / entry.name
                link.unlink(missing_ok=True)
                link.symlink_to(entry)
    venv.create(place / "venv", with_pip=False, symlinks=True)
    (site,) = (place / "venv").glob("lib/python*/site-packages")
    (site / "preinstalled.pth").write_text(f"{preinstalled}\n", encoding="utf-8")
    return place / "venv" / "bin" / "python"


@pytest.fixture
def call(python, tmp_path):
    """Runs words with that interpreter in an empty folder."""
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}

    def run(*words, check=True):
        ended = subprocess.run([python, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert not check or ended.returncode == 0, ended.stdout + ended.stderr
        return ended

    return run


def test_installing_brings_gritlib_alone_and_whole_and_a_lesson_runs(call, python, address, tmp_path):
    missing = call("-c", "import torch, ipykernel, gritlib", check=False)
    assert missing.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'gritlib'")

    install = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-index", "--no-build-isolation"]
    requirement = f"gritlib @ {address.as_uri()}"
    call(*install, "--dry-run", "--report", "report.json", requirement)
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert [item["metadata"]["name"] for item in report["install"]] == ["gritlib"]
    before = packages(call)
    assert {"torch", "numpy", "ipython", "ipykernel", "tornado"} <= set(before)
    call(*install, requirement)
    after = packages(call)
    assert after.pop("gritlib") == gritlib.__version__ and after == before

    place = Path(call("-c", "import gritlib; print(gritlib.__file__)").stdout.strip()).parent
    assert place.is_relative_to(python.parents[1])
    assert files(place) == files(ROOT / "gritlib"), "a file of the package is not package data: see pyproject.toml"

    if not SOURCES:
        return
    assert NOTEBOOKS, "the lessons are not built: run python -m gritlib course build"
    lesson = v4.reads(NOTEBOOKS[0].read_text(encoding="utf-8"))
    environment = {**os.environ, **execute.environment(str(tmp_path / "home")), "GRITLIB_PRESET": "smoke"}
    environment |= {"GRITLIB_STRICT": "0", "PYTHONPATH": ""}
    (tmp_path / "empty").mkdir()
    execute.kernel(lesson, tmp_path / "empty", NOTEBOOKS[0].name, environment, str(python))
    printed = "".join(output.get("text", "") for cell in lesson.cells for output in cell.get("outputs", []))
    assert f"Lesson {NOTEBOOKS[0].name[:2]}" in printed and "not attempted yet" in printed


def packages(call):
    """name -> version of all that the interpreter sees."""
    listed = json.loads(call("-m", "pip", "list", "--format=json", "--disable-pip-version-check").stdout)
    return {item["name"].lower(): item["version"] for item in listed}


def files(package):
    found = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}
    return {name for name in found if "__pycache__" not in name}
