"""The script that trains the segmenters: repeatable to the bit, and the file it writes is the one that is scored."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gritlib.backbones.segmenter import ASSETS, CLASSES
from gritlib.data import catalog

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "train_segmenters.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("train_segmenters", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_training_repeats_itself_whatever_was_drawn_before(script):
    first = script.train("grove", steps=3)
    torch.rand(7)
    again, longer = script.train("grove", steps=3).state_dict(), script.train("grove", steps=4).state_dict()
    assert all(torch.equal(value, again[key]) for key, value in first.state_dict().items())
    assert any(not torch.equal(value, longer[key]) for key, value in first.state_dict().items())
    assert not any(module.training for module in first.modules())


def test_tinted_photos_keep_their_edges_and_the_generator_decides(script):
    photos = 0.5 * torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    one, same, other = (script.tinted(photos, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)
    for image, tinted in zip(photos.flatten(0, 1), one.flatten(0, 1), strict=True):
        gain, offset = np.polyfit(image.flatten(), tinted.flatten(), 1)
        assert 0.9 <= gain <= 1.1 and abs(offset) <= 0.1
        assert np.allclose(gain * image + offset, tinted, atol=1e-4)
    assert (
        len({round((b - a).mean().item(), 6) for a, b in zip(photos.flatten(0, 1), one.flatten(0, 1), strict=True)})
        == 18
    )
    assert script.tinted(2 * photos + 0.5, torch.Generator()).max() <= 1


def test_what_is_said_of_the_file_is_true_of_it(script, monkeypatch, tmp_path, capsys):
    """The whole script, with a short training: scores are printed of what was stored, val before test."""
    nets, scored = {}, []
    train, scores = script.train, script.scores
    monkeypatch.setattr(script, "train", lambda dataset, steps: nets.setdefault(dataset, train(dataset, steps)))
    monkeypatch.setattr(script, "scores", lambda net, *where: scored.append(where) or scores(net, *where))
    monkeypatch.setattr(sys, "argv", ["train_segmenters", str(tmp_path / "new"), "--datasets", "grove", "--steps", "2"])
    script.main()
    assert scored == [("grove", "val"), ("grove", "test")]
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in printed] == [["grove", "val"], ["grove", "test"]]
    with np.load(tmp_path / "new" / "segmenter_grove_fp16.npz") as file:
        with np.load(ASSETS / "segmenter_grove_fp16.npz") as kept:
            assert file.files == kept.files and all(file[k].dtype == kept[k].dtype for k in kept.files)
        assert all(torch.equal(nets["grove"].state_dict()[k], torch.from_numpy(file[k]).float()) for k in file.files)


def test_the_table_of_the_script_is_that_of_the_files(script):
    """Grove, whose photos are few; the backbones' tests look at faces."""
    from gritlib.backbones.segmenter import segmenter

    row = next(line for line in script.__doc__.splitlines() if line.startswith("| grove"))
    for cell, split in zip(row.split("|")[2:4], ("val", "test"), strict=True):
        found = script.scores(segmenter("grove").net, "grove", split)
        assert [float(x) for x in cell.split("/")] == pytest.approx(
            [found["pixel_accuracy"], found["mean_iou"]], abs=6e-4
        )
    assert set(CLASSES) == {"grove", "faces"} and len(catalog.load("grove", "test")) == 72
