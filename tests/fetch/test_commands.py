"""`python -m gritlib data VERB` and the scripts: what is printed, what ends with an error."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gritlib
import gritlib.__main__ as cli
from gritlib.data import public
from gritlib.fetch import commands

SCRIPTS = Path(gritlib.__file__).parents[1] / "data_scripts"
COUNTS = {"train": 2, "val": 1, "test": 1}


@pytest.fixture
def run(capsys):
    """Exit code and what was printed; a message for the person counts as exit code 1."""

    def call(*words):
        code, message = 0, ""
        try:
            cli.main([str(word) for word in words])
        except SystemExit as stop:
            code, message = (stop.code or 0, "") if isinstance(stop.code, int) else (1, stop.code)
        printed = capsys.readouterr()
        return code, " ".join(f"{printed.out} {message}".split())

    return call


@pytest.fixture
def facades(make, register):
    content = make.tar(make.pairs(COUNTS))
    register("facades", content, COUNTS, checked="md5")
    return content


def test_the_list_names_every_set_and_what_is_here(facades, run):
    code, text = run("data")
    assert code == 0 and "grove: " in text and all(f" {name} " in text for name in public.NAMES)
    assert "your download" in text and "8,600 MB" in text and "(here)" not in text
    run("data", "fetch", "facades")
    assert commands.listing().count("(here)") == 1


def test_a_set_is_fetched_verified_and_shown(facades, run, sets):
    code, text = run("data", "facades")
    assert code == 0 and "facades: photos of facades" in text and "missing facades is not in" in text
    code, text = run("data", "fetch", "facades")
    assert code == 0 and "licence" in text and f"facades is ready: {sets / 'facades'}" in text
    code, text = run("data", "facades")
    assert code == 0 and f"here {sets / 'facades'}" in text and "train 2, val 1, test 1" in text
    assert run("data", "fetch", "facades", "--verify") == (0, "facades: every file is as it was prepared")
    (sets / "facades" / "train" / "0.jpg").write_bytes(b"other")
    code, text = run("data", "fetch", "facades", "--verify")
    assert code == 1 and "train/0.jpg was changed" in text and "1 problems: fetch facades --again" in text
    code, text = run("data", "fetch", "facades", "--again", "--keep", "--root", sets)
    assert code == 0 and (sets / ".downloads" / "facades.tar.gz").exists()


def test_options_reach_the_download(facades, run, server, tmp_path):
    code, text = run("data", "fetch", "facades", "--url", f"{server.address}/gone", f"{server.address}/facades.tar.gz")
    assert code == 0 and [name for name, _ in server.asked] == ["gone", "facades.tar.gz"]
    code, text = run("data", "fetch", "facades", "--root", tmp_path / "x", "--sha256", "0" * 64)
    assert code == 1 and "its sha256 is" in text
    (tmp_path / "own.tgz").write_bytes(facades)
    code, text = run("data", "fetch", "facades", "--root", tmp_path / "y", "--archive", tmp_path / "own.tgz")
    assert code == 0 and (tmp_path / "y" / "facades").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("data", "fetch", "mars"), "error: public set 'mars' is unknown: choose facades"),
        (("data", "fetch", "cityscapes"), "error: cityscapes cannot be fetched for you: register at https://www.city"),
        (("data", "fetch", "celebamask_hq"), "python -m gritlib data celebamask-hq CelebAMask-HQ.zip"),
        (("data", "celebamask-hq", "nowhere.zip"), "error: nowhere.zip is not there"),
        (("data", "cityscapes", "nowhere.zip"), "error: nowhere.zip is not there"),
        (("data", "cityscapes", "nowhere.zip", "--form", "labels"), "error: nowhere.zip is not there"),
        (("data", "ade20k", "nowhere.zip"), "error: nowhere.zip is not there"),
        (("data", "pair", "a"), "error: 1 folders given: write A B OUT, or --reverse AB OUT"),
        (("data", "pair", "a", "b", "c"), "error: a: is not a folder"),
        (("data", "tiles", "a", "b", "c"), "error: a: is not a folder"),
        (("data", "edges", "a", "b"), "error: a: is not a folder"),
        (("train", "pix2pix", "--data", "facades", "--preset", "smoke"), "error: facades is not in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_get_a_message(run, words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = run(*words)
    assert code == 1 and message in text


@pytest.mark.parametrize("verb", commands.VERBS)
def test_every_verb_has_help(run, verb):
    code, text = run("data", verb, "--help")
    assert code == 0 and f"python -m gritlib data {verb}" in text


def test_pairs_tiles_and_edges_on_the_command_line(run, tmp_path):
    for side in "AB":
        for name in "12":
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)).save(
                tmp_path / side / f"{name}.png"
            )
    a, b = tmp_path / "A", tmp_path / "B"
    assert run("data", "pair", a, b, tmp_path / "ab") == (0, f"2 files put side by side in {tmp_path / 'ab'}")
    assert run("data", "pair", "--reverse", tmp_path / "ab", tmp_path / "x")[1].startswith("2 files taken apart in")
    code, text = run("data", "tiles", a, b, tmp_path / "tiles", "--size", "20")
    assert (code, text) == (0, f"train 4, test 4 tiles in {tmp_path / 'tiles'}")
    code, text = run("data", "edges", a, tmp_path / "edges", "--sigma", "1")
    assert (code, text) == (0, f"2 Canny edge maps in {tmp_path / 'edges'}")


@pytest.mark.parametrize(
    ("script", "verb"),
    [
        ("celebamask_hq", "celebamask-hq"),
        *((v, v) for v in ("fetch", "cityscapes", "ade20k", "edges", "pair", "tiles")),
    ],
)
def test_the_scripts_are_the_same_commands(script, verb, monkeypatch):
    assert verb in commands.VERBS
    asked = []
    monkeypatch.setattr(cli, "main", asked.append)
    monkeypatch.setattr(sys, "argv", [f"{script}.py", "NAME", "--again"])
    runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="__main__")
    assert asked == [["data", verb, "NAME", "--again"]]
    assert len((SCRIPTS / f"{script}.py").read_text().splitlines()) <= 9
    runpy.run_path(str(SCRIPTS / f"{script}.py"), run_name="imported")
    assert len(asked) == 1
