"""Files beside memory, imports, notebooks, demo: each with small stand-ins, and once for real where that is quick."""

import json
import subprocess
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib import selftest
from gritlib.bench import around, loader


@pytest.fixture
def few(monkeypatch, tmp_path):
    monkeypatch.setattr(loader, "MADE", 3)
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))


def test_both_ways_of_loading_are_measured_on_the_same_files(few):
    threads = torch.get_num_threads()
    row = around.loading(32, 2, rounds=5)
    assert (row["size"], row["images"], row["threads"], row["rounds"]) == (32, 2, 1, 5)
    # Two pairs of 256 pixels decoded and scaled, beside two crops of 32 from memory.
    assert row["ratio"][0] > 2 and row["source_per_second"] > row["pil_per_second"] > 0
    assert row["pil_per_second"] == pytest.approx(2 / row["pil"], rel=1e-3)
    assert torch.get_num_threads() == threads


def test_images_from_files_are_what_the_source_has(few, tmp_path):
    """The source's whole crops as they are, and PIL's from the only window that a set of that size has."""
    from gritlib.data import folders

    root = loader._made(tmp_path / "made")
    files = sorted((root / "train").glob("*.jpg"))
    source = folders.load(root, "train", 256, layout="side-by-side")
    found = around.one_by_one(files, 256, 40, np.random.default_rng(0))
    ours = source.batch([i % 3 for i in range(40)], torch.Generator().manual_seed(0))
    for side in "AB":
        assert found[side].shape == ours[side].shape == (40, 3, 256, 256) and found[side].dtype == torch.float32
        assert -1 <= found[side].min() < -0.5 and 0.5 < found[side].max() <= 1
        assert found[side].mean().item() == pytest.approx(ours[side].mean().item(), abs=0.02)
        assert found[side].std().item() == pytest.approx(ours[side].std().item(), rel=0.05)
    again = around.one_by_one(files, 256, 40, np.random.default_rng(0))
    assert torch.equal(found["A"], again["A"]) and not torch.equal(found["A"], found["B"])


def test_images_from_files_are_mirrored_and_shifted_together(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], (64, 2, 3))  # both halves from dark to light
    Image.fromarray(ramp).save(tmp_path / "0.png")
    found = around.one_by_one([tmp_path / "0.png"], 32, 40, np.random.default_rng(0))
    assert torch.equal(found["A"], found["B"])
    mirrored = (found["A"][..., 0].mean((1, 2)) > found["A"][..., -1].mean((1, 2))).tolist()
    assert 8 < sum(mirrored) < 32
    left = {round(float(x[0, 0].min()), 3) for x in found["A"]}
    assert len(left) > 2  # 36 pixels leave five places for 32


def notebook(*cells):
    made = [{"cell_type": "markdown", "metadata": {}, "source": ["import nothing"]}]
    made += [{"cell_type": "code", "metadata": {"tags": tags}, "source": [source]} for tags, source in cells]
    return {"cells": made}


def test_the_first_cells_are_the_imports_and_the_start_of_the_lesson():
    made = notebook(
        ([], "%matplotlib inline\nimport importlib.util\nif True:\n    x = 1"),
        ([], 'import gritlib.course\ngritlib.course.start("06")'),
        (["core"], "import math\nfrom json import dumps\nsmoke = 2"),
        (["core"], "import never"),
    )
    assert around.first_cells(made).splitlines() == [
        "import importlib.util",
        "import gritlib.course",
        "gritlib.course.start('06')",
        "import math",
        "from json import dumps",
    ]


def test_imports_are_timed_in_fresh_processes(monkeypatch, tmp_path):
    (tmp_path / "01_a.ipynb").write_text(json.dumps(notebook((["core"], "import math"))), encoding="utf-8")
    told, asked = iter([3.0, 1.0, 2.0, 6.0, 4.0, 5.0, 9.0, 7.0, 8.0]), []

    def fresh(statement, threads):
        asked.append(statement)
        return {"seconds": next(told)}

    monkeypatch.setattr(around, "in_fresh_process", fresh)
    found = around.imports(3, tmp_path)
    assert found["seconds"] == {"torch": 2.0, "gritlib": 5.0, "01_a": 8.0} and found["repeats"] == 3
    assert ["import math" in statement for statement in asked] == [False] * 6 + [True] * 3
    monkeypatch.undo()
    assert around.in_fresh_process(asked[-1], 1)["seconds"] > 0  # it runs


def test_cells_of_a_report_are_added_up(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        textwrap.dedent("""\
        <testsuites><testsuite>
        <testcase classname="solutions.01_pix2pix.ipynb" name="Cell 0" time="1.5"/>
        <testcase classname="solutions.01_pix2pix.ipynb" name="Cell 1" time="2.25"><failure message="x"/></testcase>
        <testcase classname="solutions.02_losses.ipynb" name="Cell 0" time="0.5"/>
        </testsuite></testsuites>"""),
        encoding="utf-8",
    )
    assert around.cells(report) == ({"01_pix2pix": 3.75, "02_losses": 0.5}, 1)


def test_notebooks_run_as_the_tests_run_them(monkeypatch, tmp_path):
    for folder in ("solutions", "notebooks"):
        (tmp_path / folder).mkdir()
        for name in ("00_a.ipynb", "01_b.ipynb"):
            (tmp_path / folder / name).write_text("{}", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    called = []

    def call(command, env, **_):
        called.append((command, env))
        report = Path(command[-1].removeprefix("--junitxml="))
        report.write_text('<t><testcase classname="x.01_b.ipynb" time="2"/></t>', encoding="utf-8")

    monkeypatch.setattr(subprocess, "call", call)
    found = around.notebooks(1, ("01",))
    assert found["seconds"] == {"solutions": {"01_b": 2.0}, "notebooks": {"01_b": 2.0}}
    assert found["failed"] == {"solutions": 0, "notebooks": 0} and set(found["wall"]) == {"solutions", "notebooks"}
    tested = [(words, extra) for words, extra in selftest.parts(False, 1) if words[1] in found["wall"]]
    assert len(called) == len(tested) == 2
    for (command, env), (words, extra) in zip(called, tested, strict=True):
        assert set(words[2:]) < set(command) and {**env, **extra} == env and env["OMP_NUM_THREADS"] == "1"
    assert [[word for word in words if word.endswith("ipynb")] for words, _ in called] == [
        [str(Path(folder) / "01_b.ipynb")] for folder in ("solutions", "notebooks")
    ]


def test_notebooks_are_looked_for_in_the_repository(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="root of the repository"):
        around.notebooks()


@pytest.mark.parametrize("status", [0, 1])
def test_the_demo_runs_as_a_person_would_start_it(monkeypatch, status):
    called = []
    monkeypatch.setenv("GRITLIB_PRESET", "smoke")
    monkeypatch.setattr(subprocess, "call", lambda command, env, **_: called.append((command, env)) or status)
    found = around.demo()
    (command, env) = called[0]
    assert command[1:4] == ["-m", "gritlib", "demo"] and not {"GRITLIB_PRESET", "OMP_NUM_THREADS"} & set(env)
    assert found["status"] == status and found["seconds"] >= 0
