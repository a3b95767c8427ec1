"""GRIT's ablation and the scoreboard: fair beginnings, what is measured of whom, and the committed runs."""

import math
from dataclasses import asdict

import pytest
import torch

from gritlib.data import catalog, faces
from gritlib.methods import GRIT
from gritlib.metrics import calibration
from gritlib.studies import grit_ablation, report, runner, scoreboard
from gritlib.studies.losses import twin

ABLATION, BOARD = runner.get("grit-ablation"), runner.get("scoreboard")


@pytest.mark.parametrize("arm", [arm for arm in grit_ablation.ARMS if arm != "grit"])
def test_arms_differ_in_their_switches_alone_and_begin_with_the_same_weights(arm):
    mine, full = grit_ablation.begin(arm, "grove", 3), grit_ablation.begin("grit", "grove", 3)
    changed = {k: v for k, v in asdict(mine.config).items() if v != asdict(full.config)[k]}
    assert changed == grit_ablation.ARMS[arm]
    shared = mine.state_dict().keys() & full.state_dict().keys()
    assert all(torch.equal(mine.state_dict()[key], full.state_dict()[key]) for key in shared)
    named = {"unet": ("G.residual.", ".noise."), "noise": ("G.residual.",), "residual": (".noise.",)}
    missing = full.state_dict().keys() - shared
    assert all(any(word in key for word in named.get(arm, ())) for key in missing)
    parts = {".".join(key.split(".")[:2]) for key in shared}
    assert {"G.stem", "G.down", "G.up", "G.reconstruction", "E.layers", "D.layers"} <= parts


@pytest.mark.slow
@pytest.mark.parametrize("arm", ["unet", "grit"])
def test_what_is_scored_depends_on_what_an_arm_has(arm, monkeypatch):
    source = catalog.load("faces", "test", n=20)
    monkeypatch.setattr(grit_ablation, "COUNTS", {"faces": (16, 20)})
    real = {net.name: net.embed(source.batch(range(20))["B"]) for net in grit_ablation.embeddings("faces")}
    monkeypatch.setattr(grit_ablation, "scored_split", lambda dataset: (source, real))
    monkeypatch.setattr(grit_ablation, "DRAWS", 2)
    found, shown, details = grit_ablation.score(grit_ablation.begin(arm, "faces", 1), "faces", 1)
    styled = {f"{name}_{style}" for name in grit_ablation.SCORES for style in ("truth", "random")}
    assert styled <= set(found) and "KD_Lite0_mean" not in found and "L1_mean" in found
    of_noise = {"noise_std", "noise_share", "calibration_r", "calibration_ratio"}
    of_residual = {"sum_over_reconstruction", "residual_low_share", "residual_colour", "reconstruction_L1_truth"}
    assert (of_noise <= set(found)) == (of_residual <= set(found)) == (arm == "grit")
    assert all(math.isfinite(value) for value in found.values())
    assert shown.shape == (len(grit_ablation.SHOWN["faces"]), 3, 64, 64)
    draws = (shown[0::2] - shown[1::2]).abs().amax()
    assert (draws > 0) == (arm == "grit"), "two draws of each place, which differ where there is noise"
    spectra = details["spectra"]
    assert {"truth", "image", "reconstruction"} <= set(spectra) and ("residual" in spectra) == (arm == "grit")
    assert len({len(values) for values in spectra.values()}) == 1 and spectra["frequency"][-1] == 1


@pytest.mark.parametrize("study", [ABLATION, BOARD], ids=lambda study: study.name)
def test_committed_runs_are_complete_and_of_this_recipe(study):
    records = runner.read(study, runner.COMMITTED)
    seen = {(r["dataset"], r["arm"], r["seed"]) for r in records}
    every = {(d, a, s) for d in study.datasets for a in study.arms for s in study.seeds}
    assert seen == {run for run in every if not study.left_out(run[1], run[0], run[2])}
    assert all(r["recipe"] == study.recipe() and r["steps"] == study.steps for r in records)
    assert len({r["environment"]["precision"] for r in records}) == 1


def test_what_the_ablation_shows_in_every_seed():
    """The story of lessons 06 and 07, with the margin that lets a lesson assert it."""
    records = runner.read(ABLATION, runner.COMMITTED)
    for dataset in ABLATION.datasets:
        values = {arm: report.by_seed(records, dataset, arm, "noise_share") for arm in ("grit", "noise")}
        assert all(values["grit"][seed] > values["noise"][seed] for seed in ABLATION.seeds)
        for record in (r for r in records if (r["dataset"], r["arm"]) == (dataset, "grit")):
            assert record["metrics"]["reconstruction_gap_truth"] < -1, "the reconstruction is cut off"


def test_an_unpaired_set_of_label_maps_shows_nobody_twice():
    source = catalog.load("faces", "train", n=6)
    apart = scoreboard.unpaired(scoreboard.coloured(source))
    assert len(apart) == 3 and len(apart.second) == 3 and apart.in_channels == apart.out_channels == 3
    batch, pairs = apart.batch(range(3)), source.batch(range(6))
    assert torch.equal(batch["B"], pairs["B"][3:])
    colours = torch.tensor(source.palette)[pairs["label"][:3]].permute(0, 3, 1, 2) / 127.5 - 1
    assert torch.allclose(batch["A"], colours, atol=1e-6)


@pytest.mark.slow
def test_real_answers_are_what_they_are_called(monkeypatch):
    monkeypatch.setattr(scoreboard, "scored_split", lambda dataset: (catalog.load("faces", "test", n=4), {}))
    source = catalog.load("faces", "test", n=4)
    answers = {arm: torch.cat([x for x, _ in scoreboard.answers(None, arm, 1, "random")]) for arm in scoreboard.REAL}
    assert torch.equal(answers["twin"], torch.cat([twin(k, 1) for k in range(4)]))
    mean = torch.stack([faces.conditional_moments(*faces.face("test", k))[0] for k in range(4)])
    apart = {arm: (images - mean).square().mean().sqrt().item() for arm, images in answers.items()}
    own = (source.batch(range(4))["B"] - mean).square().mean().sqrt().item()
    assert apart["twin"] == pytest.approx(own, rel=0.1), "as far from the mean of its face as the truth itself"
    assert min(apart["perfect"], apart["copies"]) > 3 * own
    assert isinstance(grit_ablation.begin("grit", "faces", 1), GRIT)


def test_calibration_of_true_draws_is_what_a_perfect_network_would_get():
    """The scale of `calibration_r`: 20 draws of the truth itself."""
    maps, true = [], []
    for k in range(4):
        label, style = faces.face("test", k)
        maps.append(faces.conditional_samples(label, style, 20, seed=(7, k)).std(0).mean(0))
        true.append(faces.conditional_moments(label, style)[1].mean(0))
    found = calibration(torch.stack(maps), torch.stack(true))
    assert found["r"] > 0.85 and 0.9 < found["ratio"] < 1.05
