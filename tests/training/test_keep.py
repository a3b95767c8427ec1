"""Killed at any moment a run folder holds a whole checkpoint; the last few and the best are those they should be."""

import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gritlib.evaluation import evaluate
from gritlib.evaluation.scorer import scorer
from gritlib.training import TrainConfig, fit, keep, load_method, read

CONFIG = TrainConfig(
    steps=6, batch_size=2, precision="fp32", log_every=1, sample_every=0, save_every=1, ema=0.7, keep_last=2
)


def weights(run):
    return torch.cat([value.flatten().float() for value in run.method.state_dict().values()])


def steps(folder):
    return [read(path)["step"] for path in keep.numbered(folder).values()]


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


def given(values):
    """A scorer that answers these numbers one after the other."""
    left = iter(values)
    return lambda method: next(left)


def test_the_last_few_stay_and_each_is_a_checkpoint(toy, small_grit, tmp_path):
    run = fit(small_grit(), toy(), tmp_path, config=CONFIG, progress=False)
    assert steps(tmp_path) == [5, 6] and list(keep.numbered(tmp_path)) == [5, 6] and read(tmp_path)["step"] == 6
    last = load_method(tmp_path / "checkpoint_000006.pt")
    assert all(
        torch.equal(a, b) for a, b in zip(last.state_dict().values(), run.method.state_dict().values(), strict=True)
    )
    assert not torch.equal(load_method(tmp_path / "checkpoint_000005.pt").G.stem.weight, last.G.stem.weight)
    assert not list(tmp_path.glob(".*"))


def test_more_than_there_are_and_seven_digits(tmp_path):
    for step in (999_999, 1_000_000, 200):
        (tmp_path / f"checkpoint_{step:06d}.pt").write_bytes(b"x")
    (tmp_path / "checkpoint_mine.pt").write_bytes(b"x")
    assert list(keep.numbered(tmp_path)) == [200, 999_999, 1_000_000]
    (tmp_path / "checkpoint.pt").write_bytes(b"new")
    keep.Keeper(replace(CONFIG, keep_last=9), tmp_path, None).after(1_000_001, True)
    assert len(keep.numbered(tmp_path)) == 4
    keep.Keeper(CONFIG, tmp_path, None).after(1_000_001, True)
    assert list(keep.numbered(tmp_path)) == [1_000_000, 1_000_001]
    assert (tmp_path / "checkpoint_mine.pt").exists()


def test_later_checkpoints_of_a_run_that_was_taken_back_do_not_push_out_the_new_ones(tmp_path):
    for step in (4, 8, 12):
        (tmp_path / f"checkpoint_{step:06d}.pt").write_bytes(b"x")
    (tmp_path / "checkpoint.pt").write_bytes(b"new")
    keep.Keeper(CONFIG, tmp_path, None).after(6, True)
    assert list(keep.numbered(tmp_path)) == [4, 6, 8, 12]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("links", [True, False])
def test_killed_between_any_two_operations_a_whole_checkpoint_is_left_and_resuming_tidies_up(
    links, toy, small_grit, tmp_path, monkeypatch
):
    config = replace(CONFIG, steps=4, keep_best="L1")
    how = {"progress": False, "resume": True}
    scores = [9.0, 5.0, 7.0, 3.0]

    def run(folder, start=0):
        return fit(small_grit(), toy(), folder, config=config, score=given(scores[start:]), **how)

    run(tmp_path / "whole")
    operations = {(os, "replace"), (os, "link"), (shutil, "copyfile"), (Path, "unlink"), (os, "fsync")}
    calls = {"n": 0, "kill": math.inf}

    def counted(module, name):
        original = getattr(module, name)

        def operation(*args, **more):
            if name == "link" and not links:
                raise OSError("no links here")
            calls["n"] += 1
            if calls["n"] >= calls["kill"]:  # dead: nothing that would tidy up happens either
                raise Killed
            return original(*args, **more)

        monkeypatch.setattr(module, name, operation)

    for module, name in operations:
        counted(module, name)
    run(tmp_path / "counted")
    total, survived = calls["n"], 0
    for kill in range(2, total + 1, 3 if links else 5):
        folder = tmp_path / f"killed-{kill}"
        calls.update(n=0, kill=kill)
        with pytest.raises(Killed):
            run(folder)
        calls.update(n=0, kill=math.inf)
        left = [path for path in folder.glob("*.pt") if path.name[0] != "."]
        assert all(read(path)["method"] == "grit" for path in left), "a half-written file has a real name"
        if not (folder / "checkpoint.pt").exists():
            assert not left, "killed before the first checkpoint was whole"
            continue
        survived += 1
        done = read(folder)["step"]
        run(folder, done)
        assert files(folder) == files(tmp_path / "whole"), f"killed at operation {kill} of {total}"
        assert read(folder / "best.pt")["step"] == 4 and steps(folder) == [3, 4]
    assert survived >= 5


def test_killed_before_the_best_got_its_name_resuming_gives_it(toy, small_grit, tmp_path, monkeypatch):
    config = replace(CONFIG, keep_best="PSNR", keep_last=0)

    def killed(path, name):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(keep, "second_name", killed)
        fit(small_grit(), toy(), tmp_path, config=config, score=given([20.0]), progress=False)
    assert not (tmp_path / "best.pt").exists() and read(tmp_path)["best"]["step"] == 1
    run = fit(small_grit(), toy(), tmp_path, config=config, score=given([19.0] * 5), resume=True, progress=False)
    assert run.best == {"metric": "PSNR", "step": 1, "score": 20.0} and read(tmp_path / "best.pt")["step"] == 1


@pytest.mark.parametrize(
    ("metric", "scores", "best"),
    [
        ("L1", [30.0, 20.0, 25.0, 20.0, 21.0, 40.0], 2),
        ("PSNR", [math.nan, 20.0, 25.0, 25.0, math.inf, 4.0], 3),
        ("SSIM", [-0.5, -0.1, 0.0, 0.3, 0.2, 0.1], 4),
        ("spectrum_gap", [3.0, -2.0, 0.9, -0.5, 0.6, -4.0], 4),
    ],
)
def test_each_metric_knows_what_is_better(metric, scores, best, toy, small_grit, tmp_path):
    config = replace(CONFIG, keep_best=metric)
    run = fit(small_grit(), toy(), tmp_path, config=config, score=given(scores), progress=False)
    content = read(tmp_path / "best.pt")
    assert run.best == content["best"] == {"metric": metric, "step": best, "score": scores[best - 1]}
    assert content["step"] == best and read(tmp_path)["step"] == 6
    logged = [line[f"score_{metric}"] for line in run.history]
    assert logged == [s if math.isfinite(s) else None for s in scores]


def test_a_resumed_run_remembers_the_best_and_another_metric_begins_anew(toy, small_grit, tmp_path):
    config = replace(CONFIG, keep_best="L1")

    def stopped(values):
        left = given(values)

        def score(method):
            try:
                return left(method)
            except StopIteration:
                raise Killed from None

        return score

    with pytest.raises(Killed):
        fit(small_grit(), toy(), tmp_path, config=config, score=stopped([5.0, 2.0, 3.0]), progress=False)
    shutil.copytree(tmp_path, tmp_path.with_name("other"))
    how = {"resume": True, "progress": False}
    run = fit(small_grit(), toy(), tmp_path, config=config, score=given([4.0, 2.5, 9.0]), **how)
    assert run.best["step"] == 2 and read(tmp_path / "best.pt")["step"] == 2
    config = replace(config, keep_best="SSIM")
    run = fit(small_grit(), toy(), tmp_path.with_name("other"), config=config, score=given([0.1, 0.2, 0.1]), **how)
    assert run.best == {"metric": "SSIM", "step": 5, "score": 0.2}
    assert read(tmp_path.with_name("other") / "best.pt")["step"] == 5


def test_scoring_changes_nothing_in_the_training(toy, small_grit, tmp_path):
    config = replace(CONFIG, steps=4, save_every=1)
    plain = fit(small_grit(), toy(), config=replace(config, keep_last=0), progress=False)

    def greedy(method):
        torch.manual_seed(1)
        torch.rand(7)
        return real(method)

    real = scorer(toy(seed=3), "L1", images=4)
    before = torch.get_rng_state()
    scored = fit(small_grit(), toy(), tmp_path, config=replace(config, keep_best="L1"), score=greedy, progress=False)
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights(plain), weights(scored)) and scored.best["score"] > 0
    assert [{k: v for k, v in line.items() if k != "score_L1"} for line in scored.history] == plain.history


def test_the_score_is_that_of_evaluate_with_the_mean_style(toy, small_grit, tmp_path):
    held_out = toy(size=32, seed=5)
    method = fit(small_grit(), toy(size=32), config=CONFIG, steps=2, keep_last=0, progress=False).method
    wanted = evaluate(method, held_out, toy(size=32), styles=("mean",))["scores"]["mean"]
    for metric in ("L1", "PSNR", "SSIM", "spectrum_gap"):
        assert scorer(held_out, metric)(method) == pytest.approx(wanted[metric], rel=1e-5), metric
    assert scorer(held_out, "L1", images=2)(method) != pytest.approx(wanted["L1"], rel=1e-5)


def test_what_cannot_be_scored_is_refused(toy):
    for bad, message in ((("FID",), "metric 'FID' is unknown: choose one of L1, PSNR"), (("L1", 0), "one or more")):
        with pytest.raises(ValueError, match=message):
            scorer(toy(), *bad)
    unpaired = toy()
    unpaired.__dict__["paired"] = False
    with pytest.raises(ValueError, match="L1 compares with truths, and toy/train has no pairs"):
        scorer(unpaired, "L1")
    assert callable(scorer(unpaired, "spectrum_gap"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"keep_last": -1}, "keep_last is -1: it must be 0"),
        ({"keep_best": "FID"}, "keep_best is 'FID': choose one of L1, PSNR, SSIM, spectrum_gap, or None"),
        ({"keep_best": "L1"}, r"keep_best='L1' needs images that are not trained on: give fit\(score=scorer"),
        ({"score": lambda method: 0.0}, "score is given and keep_best is None"),
        ({"out": None, "keep_last": 1}, "need a folder to keep checkpoints in: give out"),
        ({"out": None, "tensorboard": True}, "tensorboard=True needs a folder to write to"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_removed(setting, message, toy, small_grit, tmp_path):
    (tmp_path / "checkpoint_000002.pt").write_bytes(b"precious")
    with pytest.raises(ValueError, match=message):
        fit(small_grit(), toy(), **{"out": tmp_path, **setting}, overwrite=True, steps=1, progress=False)
    assert (tmp_path / "checkpoint_000002.pt").exists()


def test_a_folder_with_old_checkpoints_is_no_empty_folder_and_overwriting_removes_them(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "steps": 2, "save_every": 1, "progress": False}
    fit(small_grit(), toy(), tmp_path, keep_best="L1", score=given([1.0, 2.0]), **how)
    (tmp_path / "checkpoint.pt").unlink()
    with pytest.raises(FileExistsError, match="already holds a run"):
        fit(small_grit(), toy(), tmp_path, **how)
    fit(small_grit(), toy(), tmp_path, overwrite=True, **{**how, "keep_last": 0})
    assert files(tmp_path) == ["checkpoint.pt", "log.jsonl"]
