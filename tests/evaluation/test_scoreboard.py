"""Every group of scores is the plain metric on the whole set, however the images arrive; names and settings are honest
about the networks behind them."""

import itertools
import json
import socket

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional as F

from gritlib import backbones, metrics
from gritlib.backbones.segmenter import segmenter
from gritlib.data import catalog
from gritlib.evaluation import Scoreboard, networks, scoreboard, suited
from gritlib.evaluation.scoreboard import GROUPS, Patches

N = 8
OFFLINE = {**networks("offline"), "segmentation": {"dataset": "grove"}}
FREE = ("pixel", "spectrum", "colour", "patches")
SETS = ("Fréchet distance (Lite0-24@128)", "precision", "recall")
few_for_the_dimensions = pytest.mark.filterwarnings("ignore:Fréchet distance of n")


def pictures(n=N, size=32, seed=0):
    """Smooth colours with some grain, in [-1, 1]."""
    g = torch.Generator().manual_seed(seed)
    smooth = F.interpolate(torch.rand(n, 3, 4, 4, generator=g), (size, size), mode="bilinear")
    return (2 * smooth - 1 + 0.1 * torch.randn(n, 3, size, size, generator=g)).clamp(-1, 1)


@pytest.fixture(scope="module")
def pairs():
    """Outputs that vary less than the truths, the truths, and label maps."""
    label = torch.randint(4, (N, 32, 32), generator=torch.Generator().manual_seed(5))
    return 0.6 * pictures(seed=1), pictures(seed=2), label


@pytest.fixture
def from_few(monkeypatch):
    monkeypatch.setattr(scoreboard, "ENOUGH", N)


@few_for_the_dimensions
def test_each_score_is_the_plain_metric_on_the_whole_set(pairs, from_few):
    x, y, label = pairs
    vgg, lite, lite24 = backbones.distance("vgg16"), backbones.embedding("lite0"), backbones.embedding("lite0-24")
    (fake, real), (few_fake, few_real) = ((net.embed(x), net.embed(y)) for net in (lite, lite24))
    precision, recall = metrics.precision_recall(real, fake, k=3)
    assert precision != recall, "or this test could not tell them apart"
    wanted = {
        "L1": metrics.l1_255(x, y).mean().item(),
        "PSNR": metrics.psnr(x, y).mean().item(),
        "SSIM": metrics.ssim(x, y).mean().item(),
        "spectrum_gap": metrics.high_frequency_gap(x, y),
        "spectrum_distance": metrics.spectrum_distance(x, y),
        "lattice": metrics.lattice(x, y),
        "colour_overlap": metrics.colour_overlap(x, y),
        "SWD": metrics.sliced_wasserstein(x, y)[0],
        "perceptual distance (VGG16-relu3_3)": metrics.perceptual_distance(vgg.features(x), vgg.features(y))
        .mean()
        .item(),
        "kernel distance (Lite0-1280@128)": metrics.kid(fake, real),
        "Fréchet distance (Lite0-24@128)": metrics.frechet_distance(few_fake, few_real),
        "precision": precision,
        "recall": recall,
        **metrics.segmentation_scores(metrics.confusion(segmenter("grove").labels(x), label, 4)),
    }
    board = Scoreboard(GROUPS, **OFFLINE).update(x, y, label)
    assert board.n == N and list(board.scores()) == list(wanted)
    assert board.scores() == pytest.approx(wanted, rel=1e-6)
    assert board.scores() == board.scores(), "asking changes nothing"


def in_parts(groups, pairs, cuts):
    board = Scoreboard(groups, **OFFLINE)
    edges = [0, *sorted(cuts), N]
    for start, end in itertools.pairwise(edges):
        board.update(*(part[start:end] for part in pairs))
    assert board.n == N
    return board


CUTS = st.sets(st.integers(1, N - 1))


@settings(max_examples=8, deadline=None)
@given(cuts=CUTS)
def test_no_split_into_batches_changes_a_score_that_needs_no_network(cuts, pairs):
    whole, parts = in_parts(FREE, pairs, ()), in_parts(FREE, pairs, cuts)
    assert parts.scores() == pytest.approx(whole.scores(), rel=1e-9, abs=1e-9)
    assert parts.settings() == whole.settings()


@few_for_the_dimensions
@pytest.mark.parametrize("cuts", [{1}, {3, 5}, set(range(1, N))], ids=str)
def test_no_split_into_batches_changes_a_networks_score(cuts, pairs, from_few):
    groups = ("perceptual", "distribution", "segmentation")
    found, whole = in_parts(groups, pairs, cuts).scores(), in_parts(groups, pairs, ()).scores()
    assert set(SETS) < set(whole) and found == pytest.approx(whole, rel=1e-4, abs=1e-5)


def test_equal_images_get_the_best_scores(pairs):
    _, y, label = pairs
    found = Scoreboard([name for name in GROUPS if name != "segmentation"], **OFFLINE).update(y, y, label).scores()
    best = {"L1": 0, "PSNR": float("inf"), "SSIM": 1, "spectrum_gap": 0, "spectrum_distance": 0, "lattice": 0}
    best |= {"colour_overlap": 1, "SWD": 0, "perceptual distance (VGG16-relu3_3)": 0}
    assert {name: found[name] for name in best} == pytest.approx(best, abs=1e-9)
    assert found["kernel distance (Lite0-1280@128)"] < 0  # unbiased: that of a set with itself is below zero


def test_patches_are_those_of_the_first_images(pairs, monkeypatch):
    x, y, _ = pairs
    monkeypatch.setattr(Patches, "LIMIT", 5)
    wanted = metrics.sliced_wasserstein(x[:5], y[:5])[0]
    for cuts in ((), (3,), (5,), (6,), range(1, N)):
        board = in_parts(("patches",), pairs, cuts)
        assert board.scores()["SWD"] == pytest.approx(wanted, rel=1e-9)
        assert board.settings()["SWD"]["images"] == 5


@few_for_the_dimensions
def test_few_images_have_no_frechet_distance_precision_or_recall(pairs, from_few):
    x, y, _ = pairs
    board = Scoreboard(("distribution",), **OFFLINE).update(x[:-1], y[:-1])
    assert list(board.scores()) == ["kernel distance (Lite0-1280@128)"]
    assert set(SETS) < set(board.update(x[-1:], y[-1:]).scores())


def test_a_name_that_is_no_group_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="scores beauty, truth are unknown: choose from pixel, spectrum, colour"):
        Scoreboard(("pixel", "beauty", "truth"))
    with pytest.raises(ValueError, match="scores perceptive are unknown"):
        Scoreboard(("pixel",), perceptive={"network": "vgg16"})


def test_images_on_another_scale_or_of_another_shape_are_refused_and_leave_nothing(pairs):
    x, y, _ = pairs
    board = Scoreboard(FREE)
    for images, targets, name in (((x + 1) * 127.5, y, "images"), (x, (y + 1) * 127.5, "targets")):
        with pytest.raises(ValueError, match=rf"{name} have values in .*metrics expect \[-1, 1\]"):
            board.update(images, targets)
    with pytest.raises(ValueError, match=r"have values in \[nan"):
        board.update(x * torch.nan, y)
    with pytest.raises(ValueError, match=r"must both be \(B, C, H, W\)"):
        board.update(x, y[:3])
    assert board.n == 0
    assert board.update(x, y).scores() == Scoreboard(FREE).update(x, y).scores()


def test_a_segmentation_needs_labels_and_a_dataset_that_has_a_segmenter(pairs):
    x, y, _ = pairs
    with pytest.raises(ValueError, match="segmentation scores need the label maps"):
        Scoreboard(("segmentation",), **OFFLINE).update(x, y)
    with pytest.raises(ValueError, match="no segmenter for 'earth': there is one for grove and faces"):
        Scoreboard(("segmentation",), segmentation={"dataset": "earth"})


def grey_folder(path, n=3, size=32):
    rng = np.random.default_rng(0)
    for side in "AB":
        (path / "test" / side).mkdir(parents=True)
        for k in range(n):
            Image.fromarray(rng.integers(0, 256, (size, size), np.uint8)).save(path / "test" / side / f"{k}.png")
    return path


def test_suited_groups_are_those_that_the_dataset_allows(tmp_path):
    assert suited(catalog.load("grove", "val")) == suited(catalog.load("faces", "test", n=4)) == tuple(GROUPS)
    assert "distribution" not in suited(catalog.load("faces", "test", n=3))  # neighbours need more
    assert "perceptual" not in suited(catalog.load("faces", "test", 16, n=4))
    assert suited(catalog.load("earth", "test")) == tuple(name for name in GROUPS if name != "segmentation")
    grey = catalog.load(str(grey_folder(tmp_path)), "test", 32)
    assert grey.out_channels == 1 and suited(grey) == ("pixel", "spectrum", "patches")
    B = grey.batch(range(3))["B"]
    assert Scoreboard(suited(grey)).update(B, -B).scores()["L1"] > 0
    for name in set(GROUPS) - set(suited(grey)) - {"segmentation"}:
        with pytest.raises(ValueError, match=r"RGB|colour"):
            Scoreboard((name,), **OFFLINE).update(B, B)


def test_the_words_for_networks_choose_what_the_roles_know():
    roles = {"perceptual": {"network": "distance"}, "distribution": {"network": "kernel", "frechet": "frechet"}}
    for which, place in (("papers", 0), ("offline", 1)):
        chosen = networks(which)
        assert {
            group: {key: backbones.ROLES[role][place] for key, role in keys.items()} for group, keys in roles.items()
        } == chosen
    assert {name for options in networks().values() for name in options.values()} == {"auto"}
    assert networks() == networks("auto")
    with pytest.raises(ValueError, match="networks 'best' are unknown: choose one of auto, offline, papers"):
        networks("best")


@few_for_the_dimensions
def test_offline_networks_lend_no_score_a_published_name(pairs, from_few):
    names = list(Scoreboard(GROUPS, **OFFLINE).update(*pairs).scores())
    assert not [name for name in names for word in ("FID", "LPIPS", "KID") if word.lower() in name.lower()]
    assert all("(" in name for name in names if "distance" in name and name != "spectrum_distance")


class Published(backbones.Frozen):
    """Stands in for the papers' network of two images."""

    name, published = "stand-in", {"distance": "LPIPS"}

    def forward(self, a, b):
        return (a - b).abs().mean((1, 2, 3), keepdim=True)  # (B, 1, 1, 1), as LPIPS returns it


@few_for_the_dimensions
def test_with_the_network_cut_off_every_group_is_scored(pairs, from_few, monkeypatch, tmp_path):
    def refuse(*_, **__):
        raise OSError("no way out of this machine")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbones._decide.cache_clear()
    images, targets, labels = pairs
    found = Scoreboard(tuple(GROUPS), segmentation={"dataset": "grove"}).update(images, targets, labels).scores()
    backbones._decide.cache_clear()
    assert {"L1", "SWD", "recall", "mean_iou"} <= set(found) and all(map(np.isfinite, found.values()))
    assert not any(published in name for name in found for published in ("FID", "KID", "LPIPS"))


def test_a_network_of_two_images_is_asked_itself_and_gives_its_published_name(pairs, monkeypatch):
    monkeypatch.setattr(backbones, "distance", lambda name: Published())
    x, y, _ = pairs
    board = Scoreboard(("perceptual",), **networks("papers")).update(x[:3], y[:3]).update(x[3:], y[3:])
    assert board.scores() == {"LPIPS": pytest.approx((x - y).abs().mean().item(), rel=1e-6)}
    assert board.settings() == {"perceptual": "stand-in"}


def test_settings_are_plain_and_name_every_network(pairs):
    board = Scoreboard(GROUPS, **OFFLINE).update(*pairs)
    assert json.loads(json.dumps(board.settings())) == board.settings()
    assert json.loads(json.dumps(board.scores())) == board.scores()
    said = json.dumps(board.settings())
    for net in (backbones.distance("vgg16"), backbones.embedding("lite0"), backbones.embedding("lite0-24")):
        assert f'"{net.name}' in said
    assert segmenter("grove").name == "segmenter-grove" and '"segmenter-grove"' in said
    assert board.settings()["SWD"]["images"] == N
