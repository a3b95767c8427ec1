"""Presets: every name gives a whole configuration, and nobody can change the table by using it."""

from dataclasses import replace

import pytest
import torch

from gritlib import presets
from gritlib.methods import METHODS
from gritlib.training import TrainConfig


@pytest.mark.parametrize("name", presets.NAMES)
@pytest.mark.parametrize("method", METHODS)
def test_every_preset_builds_a_method_that_takes_its_size(method, name):
    preset = presets.get(method, name)
    assert isinstance(preset.training, TrainConfig) and isinstance(preset.method, METHODS[method].Config)
    config = replace(preset.method, in_channels=4, out_channels=3)
    with torch.device("meta"):  # shapes alone, or `paper` would cost seconds and memory
        network = METHODS[method](config)
        assert preset.size % network.multiple == 0 and preset.size >= network.D.smallest
        if method == "grit":
            style = network.encode(torch.zeros(1, 3, preset.size, preset.size))
            image = network.G(torch.zeros(1, 4, preset.size, preset.size), style).image
        else:
            image = network.G(torch.zeros(2, 4, preset.size, preset.size))
    assert image.shape[1:] == (3, preset.size, preset.size)


def test_sizes_and_lengths_grow_from_smoke_to_paper():
    assert [presets.SIZES[name] for name in presets.NAMES] == [64, 64, 64, 128, 256]
    for method in METHODS:
        steps = [presets.get(method, name).training.steps for name in presets.NAMES]
        assert steps == sorted(steps) and len(set(steps)) == len(steps)


def test_pix2pix_on_paper_is_the_authors_network_and_recipe():
    preset = presets.get("pix2pix", "paper")
    with torch.device("meta"):
        mine = METHODS["pix2pix"](replace(preset.method, in_channels=3, out_channels=3))
        size = sum(p.numel() for p in mine.G.parameters())
        assert size == 54_413_955 and sum(p.numel() for p in mine.D.parameters()) == 2_768_705
    c, t = preset.method, preset.training
    assert (c.lr, c.beta1, c.pixel, c.pixel_weight) == (2e-4, 0.5, "l1", 100.0)
    assert (c.gan, c.dropout, c.norm, c.d_norm) == ("bce", True, "batch", "batch")
    assert (t.batch_size, t.steps, t.ema, t.constant) == (1, 400 * 200, 0.0, 0.5)


def test_using_a_preset_does_not_change_the_next_one():
    first = presets.get("grit", "smoke")
    first.method.width, first.training.steps = 999, 999
    second = presets.get("grit", "smoke")
    assert second.method.width != 999 and second.training.steps != 999
    default = presets.get("grit", "cpu")
    default.method.width = 999
    assert presets.get("grit", "cpu").method.width != 999


def test_the_device_suggests_and_the_environment_decides(monkeypatch):
    monkeypatch.delenv("GRITLIB_PRESET", raising=False)
    for gpu, name in ((False, "cpu"), (True, "gpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda gpu=gpu: gpu)
        assert presets.automatic() == name and presets.get("grit").size == presets.SIZES[name]
    monkeypatch.setenv("GRITLIB_PRESET", "ci")
    assert presets.automatic() == "ci" and presets.get("grit").training == presets.TRAINING["ci"]
    assert presets.get("grit", "smoke").training.steps == presets.TRAINING["smoke"].steps  # a word beats it
    monkeypatch.setenv("GRITLIB_PRESET", "fast")
    with pytest.raises(ValueError, match="GRITLIB_PRESET is 'fast': choose one of smoke, ci, cpu, gpu, paper"):
        presets.automatic()


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"no preset 'tiny' of 'grit': .*presets smoke, ci, cpu, gpu, paper"):
        presets.get("grit", "tiny")
    with pytest.raises(ValueError, match="of 'cyclegan': methods grit, pix2pix"):
        presets.get("cyclegan", "cpu")
