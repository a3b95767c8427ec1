"""The JSON keeps what was measured before, the tables show every number, and the README says what the JSON says."""

import json
from pathlib import Path

import pytest

from gritlib.bench import table

ROOT = Path(__file__).parents[2]


def row(method="grit", threads=1, **changed):
    arm = {"median": 0.5, "images_per_second": 16.0, "gflop": 9.35, "gflop_s": 18.7, "share": 0.25, "seconds": [0.5]}
    arms = {"plain": {**arm, "median": 0.75}, "fp32": {**arm, "mib": 512}, "bf16": {**arm, "mib": 300}}
    found = {"method": method, "preset": "cpu", "size": 64, "images": 8, "device": "cpu", "threads": threads}
    found |= {"rounds": 20, "others": 0.01, "load_average": [0.1, 0.9], "arms": arms}
    return {**found, "ratios": {"fp32": [1.1, 1.05, 1.15], "bf16": [1.5, 1.4, 1.6]}, **changed}


def grown(axis="pixels", **changed):
    found = {"method": "grit", "axis": axis, "preset": "cpu", "threads": 1, "points": [32, 64, 96]}
    return {**found, "seconds_power": [0.9, 0.8, 1.0], "mib_power": [0.7, 0.6, 0.8], **changed}


FULL = {
    "environment": {"device": "Some CPU", "cores": 2, "bf16": True, "torch": "2.9.0+cpu", "day": "2026-01-02"},
    "steps": [
        row(),
        row(threads=2),
        row("cyclegan", images=4, ratios={"fp32": [1.0, 0.9, 1.1], "bf16": [1.3, 1.2, 1.4]}),
    ],
    "growth": [grown(), grown("images"), grown("steps", mib_power=None)],
    "loading": [
        {
            "size": 64,
            "images": 8,
            "threads": 1,
            "source_per_second": 9000.0,
            "pil_per_second": 300.0,
            "ratio": [30.0, 28.0, 31.0],
        }
    ],
    "imports": {"seconds": {"torch": 1.5, "gritlib": 1.7, "06_grit": 3.25}},
    "notebooks": {"wall": {"solutions": 600.0, "notebooks": 300.0}, "seconds": {}, "failed": {}, "workers": 2},
    "demo": {"seconds": 111.4},
}
FULL["notebooks"] |= {"seconds": {k: {"01_pix2pix": 90.0} for k in ("solutions", "notebooks")}}
FULL["notebooks"] |= {"failed": {"solutions": 0, "notebooks": 0}}


def test_rows_measured_again_take_the_place_of_the_old_ones(tmp_path):
    file = tmp_path / "results" / "cpu.json"
    there = {"device": "this", "matmul_gflop_s": {"1": {"fp32": 90.0}}}
    table.write(file, {"environment": there, "steps": [row(), row("cut")], "demo": {"seconds": 9}})
    again = {"device": "this", "matmul_gflop_s": {"2": {"fp32": 170.0}}}
    result = table.write(file, {"environment": again, "steps": [row(rounds=5), row(threads=2)]})
    assert result == table.read(file)
    assert [(r["method"], r["threads"], r["rounds"]) for r in result["steps"]] == [
        ("grit", 1, 5),
        ("cut", 1, 20),
        ("grit", 2, 20),
    ]
    assert result["demo"] == {"seconds": 9}
    assert result["environment"]["matmul_gflop_s"] == {"1": {"fp32": 90.0}, "2": {"fp32": 170.0}}
    with pytest.raises(ValueError, match=r"holds this, this is another"):
        table.write(file, {"environment": {"device": "another"}})


def test_the_tables_have_a_line_for_every_arm_and_every_number():
    text = table.markdown(FULL)
    assert text.count("| grit | cpu | 64, 8 | 1 |") == 3 and text.count("| grit | cpu | 64, 8 | 2 |") == 3
    assert "| plain | 0.75 | 16 | – | 9.35 | 18.7 | 25% | – | 20 | 0.01 |" in text
    assert "| bf16 | 0.5 | 16 | 1.50 (1.40 to 1.60) | 9.35 | 18.7 | 25% | 300 | 20 | 0.01 |" in text
    assert "| grit | pixels | 32, 64, 96 a side | 0.90 (0.80 to 1.00) | 0.70 (0.60 to 0.80) |" in text
    assert "| grit | steps | 32, 64, 96 | 0.90 (0.80 to 1.00) | – |" in text
    assert "| 8 of 64 pixels | 1 | 9000 | 300 | 30.00 (28.00 to 31.00) |" in text
    assert "Imports, s: torch 1.50, gritlib 1.70, 06_grit 3.25." in text and "Demo: 111 s." in text
    assert "solutions/ under nbval, 2 processes: 600 s, failed cells: 0 (01_pix2pix 90)." in text
    assert "misses" not in text
    missed = table.markdown({"steps": [row(profile={"said": "fp32: all of it."})]})
    assert "grit at cpu, 1 thread(s), misses its target. fp32: all of it." in missed


def test_the_section_says_what_the_json_says():
    def section(**changed):
        text = table.section({**FULL, **changed})
        assert max(map(len, text.splitlines())) < 160 and text.endswith("\n") and not text.endswith("\n\n")
        return text.splitlines(), " ".join(text.split())

    lines, text = section()
    assert "Some CPU, 2 cores, bfloat16 in hardware, torch 2.9.0, 2026-01-02." in text
    assert "| float32, 1 thread | float32, 2 threads | bfloat16, 1 thread | bfloat16, 2 threads | rounds |" in text
    one, two = "**1.10 (1.05 to 1.15)**", "**1.50 (1.40 to 1.60)**"
    assert f"| grit, 64, 8 | 16 | 25% | {one} | {one} | {two} | {two} | 20 |" in lines
    assert "| cyclegan, 64, 4 | 16 | 25% | 1.00 (0.90 to 1.10) | – | 1.30 (1.20 to 1.40) | – | 20 |" in lines
    assert "Bold: the aims, bfloat16 1.4 at 64 pixels" in text and "missed" not in text
    assert (
        "Time grows at most with the power 0.90 of pixels, 0.90 of images, 0.90 of steps; "
        "memory with 0.70 of pixels, 0.70 of images. Batches come"
    ) in text
    assert "Batches come 30 times (at 64 pixels) as fast as by PIL and transforms from files." in text
    assert "Importing torch takes 1.5 s, gritlib 1.70, a notebook's first cells at most 3.2 (aim: 4)." in text
    assert "All notebooks of both sets run in 15 minutes on 2 cores (aim: 20)." in text
    assert "The demo takes 111 s (aim: 180). `python -m gritlib bench` measures it on your machine" in text
    groups = {"plain": {table.DEAR: 6.0, "else": 4.0}, "fp32": {table.DEAR: 5.0}, "bf16": {table.DEAR: 3.0}}
    few = {"plain": {table.DEAR: 8.0, "else": 2.0}, "bf16": {table.DEAR: 2.0}}
    _, missed = section(
        steps=[row(profile={"said": "", "groups": groups}), row(threads=2, profile={"said": "", "groups": few})]
    )
    assert (
        f"float32 1.05 and 1.15. Where missed, {table.DEAR} take 60% to 80% of the plain step and are "
        "1.20 to 4.00 times as fast in ours (profiles: `bench report`)."
    ) in missed
    alone = table.section({key: FULL[key] for key in ("environment", "steps")})
    assert not any(word in alone for word in ("grows", "Batches", "Importing", "notebooks", "demo"))


def test_a_device_has_one_file():
    assert table.file_of("AMD EPYC 9R14 (96-Core)") == "amd-epyc-9r14-96-core.json"
    told = table.environment("cpu", {1: {"fp32": 90.0}})
    assert told["device"] == table.name_of("cpu") != "" and told["cores"] >= 1
    assert told["matmul_gflop_s"] == {"1": {"fp32": 90.0}} and {"torch", "python", "capability", "day"} <= set(told)
    assert json.loads(json.dumps(told)) == told


def test_the_readme_says_what_was_measured():
    files = sorted(table.COMMITTED.glob("*.json"))
    assert files, "no measurement is committed"
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "\n## How fast\n" in text
    said = text.split("\n## How fast\n")[1].split("\n## ")[0].strip()
    assert said == "\n\n".join(table.section(table.read(file)).strip() for file in files)
    assert len(said.splitlines()) <= 25
