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
    channels, side = 3 if method in ("cut", "fastcut", "sincut") else 4, preset.size
    config = replace(preset.method, in_channels=channels, out_channels=3)
    if method == "spade":  # spectral norm changes no shape and is slow without memory
        config = replace(config, size=side, spectral=False, d_spectral=False)
    if method == "sincut":  # its networks see crops shrunk to this, cut into tiles
        side = round(preset.size / config.zoom)
        assert side % config.tile == 0 and side >= 2 * config.tile
    with torch.device("meta"):  # shapes alone, or `paper` would cost seconds and memory
        network = METHODS[method](config)
        judges = (network.D_A, network.D_B) if method == "cyclegan" else (network.D,)
        judges = network.D.scales if method.startswith(("spade", "pix2pixhd")) else judges
        assert preset.size % network.multiple == 0
        assert method == "sincut" or all(preset.size >= judge.smallest for judge in judges)
        given = torch.zeros(2, channels, side, side)
        if method == "grit":
            image = network.G(given, network.encode(torch.zeros(2, 3, side, side))).image
        elif method == "spade":
            image = network.G(given, network.E(torch.zeros(2, 3, side, side))[0] if network.styled else None)
        elif method.startswith("pix2pixhd"):
            image = network.G(network.given(given))
        else:
            image = network.G(given)
    assert image.shape == (2, 3, side, side)


def test_sizes_and_lengths_grow_from_smoke_to_paper():
    for method in METHODS:
        sizes = [128, 128, 128, 256, 342] if method == "sincut" else [64, 64, 64, 128, 256]
        assert [presets.get(method, name).size for name in presets.NAMES] == sizes
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


def sizes(*networks):
    return [sum(p.numel() for p in network.parameters()) for network in networks]


def test_cyclegan_on_paper_is_the_authors_networks_and_the_papers_recipe():
    preset = presets.get("cyclegan", "paper")
    with torch.device("meta"):
        mine = METHODS["cyclegan"](replace(preset.method, in_channels=3, out_channels=3))
    assert sizes(mine.G, mine.F, mine.D_A, mine.D_B) == [11_378_179] * 2 + [2_764_737] * 2
    assert {net.receptive_field for net in (mine.D_A, mine.D_B)} == {70}
    c, t = preset.method, preset.training
    assert (c.lr, c.beta1, c.gan, c.cycle_weight, c.cycle_loss) == (2e-4, 0.5, "lsgan", 10.0, "l1")
    assert (c.identity_weight, c.pool, c.norm, c.antialias, c.cycle) == (0.0, 50, "instance", False, "both")
    assert (t.batch_size, t.steps, t.ema, t.constant, t.precision) == (1, 1096 * 200, 0.0, 0.5, "fp32")


@pytest.mark.parametrize("name, epochs, weights", [("cut", 400, (1.0, 1.0)), ("fastcut", 200, (10.0, 0.0))])
def test_cut_on_paper_is_the_authors_networks_and_the_printed_objective(name, epochs, weights):
    preset = presets.get(name, "paper")
    with torch.device("meta"):
        mine = METHODS[name](replace(preset.method, in_channels=3, out_channels=3))
    assert sizes(mine.G, mine.D, mine.H) == [11_378_179, 2_764_737, 560_384]
    c, t = preset.method, preset.training
    assert (c.nce_weight, c.identity_weight) == weights and c.flip == (name == "fastcut")
    assert (c.layers, c.patches, c.tau) == (("rgb", "down1", "down2", "res1", "res5"), 256, 0.07)
    assert (c.reduction, c.halve, c.key_gradient, c.decoder_gradient) == ("sum", False, True, True)
    assert (c.negatives, c.encoder, c.antialias, c.init, c.lr) == ("internal", "shared", True, "xavier", 2e-4)
    assert (c.bank, c.momentum) == (16384, 0.999)
    assert (t.batch_size, t.steps, t.ema, t.constant) == (1, 1096 * epochs, 0.0, 0.5)


def test_spade_on_paper_is_the_authors_networks_and_the_papers_recipe():
    preset = presets.get("spade", "paper")
    assert preset.size == 256
    for changed, wanted in (
        ({}, [93_018_051, 5_599_362]),
        ({"start": "style"}, [109_537_219, 5_599_362, 10_463_424]),
    ):
        # Spectral norm counts no parameter and takes seconds to build without memory.
        config = replace(preset.method, in_channels=35, out_channels=3, size=256, spectral=False, **changed)
        with torch.device("meta"):
            mine = METHODS["spade"](config)
        networks = (mine.G, mine.D) if mine.E is None else (mine.G, mine.D, mine.E)
        assert sizes(*networks) == wanted
    c, t = preset.method, preset.training
    assert (c.start, c.norm, c.kernel, c.variant, c.spectral, c.layer) == ("map", "sync", 3, "normal", True, "spade")
    assert (c.gan, c.matching_weight, c.perceptual_weight, c.kl_weight) == ("hinge", 10.0, 10.0, 0.05)
    assert (c.lr, c.d_lr, c.beta1, c.beta2, c.d_scales, c.d_spectral) == (1e-4, 4e-4, 0.0, 0.999, 2, True)
    assert (t.batch_size, t.ema, t.constant, t.precision) == (32, 0.0, 0.5, "fp32")
    assert abs(t.steps - 200 * 20_210 / 32) < 50


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
    with pytest.raises(ValueError, match="of 'stargan': methods grit, pix2pix, cyclegan, cut, fastcut, sincut"):
        presets.get("stargan", "cpu")


@pytest.mark.parametrize(("side", "changed"), [(256, {}), (512, {"depth": 7, "d_scales": 2})])
def test_grits_paper_preset_reaches_as_deep_at_both_of_the_papers_sizes(side, changed):
    config = replace(presets.get("grit", "paper").method, in_channels=19, out_channels=3, **changed)
    with torch.device("meta"):
        network = METHODS["grit"](config)
        A, B = torch.zeros(1, 19, side, side), torch.zeros(1, 3, side, side)
        out, said = network.G(A, network.encode(B)), network.D(B)
    assert out.image.shape == B.shape and side // 2 ** len(network.G.down) == 4
    assert len(said) == changed.get("d_scales", 1)
