"""The measurement of the loader: what it measures is what training gets, and it leaves nothing behind."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib import presets
from gritlib.bench import loader as room
from gritlib.methods import Pix2PixConfig


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(room, "MADE", 3)
    monkeypatch.setattr(room._rates, "__defaults__", (0.05,))


def test_the_set_is_made_measured_and_removed(capsys, tmp_path):
    threads = torch.get_num_threads()
    result = room.loader(size=32, batch=2, threads=1, steps=0)
    assert result["mapped"] > result["decoded"] > 0 and result["step"] is None and result["mapped_cpu"] > 0
    said = capsys.readouterr().out
    assert "32 pixels, batch 2, 1 threads, 3 pairs" in said and "mapped file" in said and "pix2pix" not in said
    assert os.environ["GRITLIB_CACHE"] == str(tmp_path / "cache") and not (tmp_path / "cache").exists()
    assert torch.get_num_threads() == threads


def test_a_cache_that_was_not_set_stays_so(monkeypatch):
    monkeypatch.delenv("GRITLIB_CACHE")
    room.loader(size=32, batch=2, threads=1, steps=0)
    assert "GRITLIB_CACHE" not in os.environ


def test_the_step_is_that_of_the_preset(monkeypatch, capsys):
    asked = []
    small = presets.get("pix2pix", "smoke")._replace(method=Pix2PixConfig(width=4, depth=3, d_width=4))
    monkeypatch.setattr(presets, "get", lambda *names: asked.append(names) or small)
    result = room.loader(size=32, batch=2, threads=1, steps=2)
    assert asked == [("pix2pix", "paper")] and result["step"] > 0
    times = round(result["mapped"] / result["step"])
    assert f"the mapped file gives {times} times what the step takes" in capsys.readouterr().out


def test_a_folder_of_ones_own_is_measured_too(tmp_path):
    for side in "AB":
        (tmp_path / "own" / "train" / side).mkdir(parents=True)
        for i in range(2):
            pixels = np.full((32, 32, 3), 40 * i, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / "train" / side / f"{i}.png")
    result = room.loader(str(tmp_path / "own"), size=32, batch=2, threads=1, steps=0)
    assert result["mapped"] > 0 and result["decoded"] is None
