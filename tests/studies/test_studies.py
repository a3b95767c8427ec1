"""Studies: every run once whoever shares the work, the textbook interval, and committed results complete."""

import json
import math
import os

import numpy as np
import pytest
import torch
from scipy import stats

from gritlib.presets import get
from gritlib.studies import first_light, report, runner
from gritlib.studies.runner import Study
from gritlib.training import Run


@pytest.fixture
def study():
    calls = []

    def run(arm, dataset, seed, steps):
        calls.append((dataset, arm, seed, steps))
        base = {"grit": 3.0, "coupled": 1.0}[arm] * (2 if dataset == "sea" else 1)
        return {"std": base * (1 + 0.1 * seed), "L1": 20.0 + seed}

    made = Study(
        "toy", "a claim", ("grit", "coupled"), ("sea", "land"), (1, 2, 3), 50, run, lambda: {"width": 16}, ("std",)
    )
    return made, calls


def test_ratio_interval_is_scipys_on_the_logarithms():
    rng = np.random.default_rng(0)
    for n in (2, 5, 12):
        a, b = (np.exp(rng.normal(m, 0.3, n)) for m in (1.0, 0.2))
        logs = np.log(a / b)
        for level in (0.9, 0.95):
            mean, low, high = report.ratio_interval(a.tolist(), b.tolist(), level)
            wanted = stats.ttest_1samp(logs, 0).confidence_interval(level)
            assert mean == pytest.approx(stats.gmean(a / b))
            assert (low, high) == pytest.approx((math.exp(wanted.low), math.exp(wanted.high)))
            # Pairing matters, the order of the pairs and the scale do not.
            assert report.ratio_interval((7 * a[::-1]).tolist(), (7 * b[::-1]).tolist(), level) == pytest.approx(
                (mean, low, high)
            )
            back = report.ratio_interval(b.tolist(), a.tolist(), level)
            assert back == pytest.approx((1 / mean, 1 / high, 1 / low))


def test_ratio_interval_by_hand():
    # Ratios e and e³: mean of logs 2, spread √2, t(0.975, 1) = 12.7062.
    mean, low, high = report.ratio_interval([math.e, math.e**3], [1, 1])
    assert math.log(mean) == pytest.approx(2) and math.log(high) == pytest.approx(2 + 12.7062, abs=1e-4)
    assert math.log(low) == pytest.approx(2 - 12.7062, abs=1e-4)
    assert report.ratio_interval([2, 2], [1, 1]) == pytest.approx((2, 2, 2))


@pytest.mark.parametrize(("a", "b"), [([1], [1]), ([1, 2], [1]), ([1, 0], [1, 1]), ([1, 1], [1, -2])])
def test_ratio_interval_refuses(a, b):
    with pytest.raises(ValueError, match=r"pairs|logarithm"):
        report.ratio_interval(a, b)


def test_every_run_is_computed_once_and_never_again(study, tmp_path):
    study, calls = study
    written = runner.run(study, tmp_path)
    assert len(written) == len(set(calls)) == len(calls) == 12
    assert {c[3] for c in calls} == {50}
    content = written[0].read_bytes()
    assert runner.run(study, tmp_path) == [] and len(calls) == 12 and written[0].read_bytes() == content
    written[3].unlink()
    assert runner.run(study, tmp_path) == [written[3]] and len(calls) == 13


def test_an_interrupted_run_leaves_no_file_and_is_done_next_time(study, tmp_path):
    study, _ = study

    def interrupted(arm, dataset, seed, steps):
        if (arm, seed) == ("coupled", 2):
            raise KeyboardInterrupt
        return study.run(arm, dataset, seed, steps)

    broken = Study(**{**vars(study), "run": interrupted})
    with pytest.raises(KeyboardInterrupt):
        runner.run(broken, tmp_path)
    files = [f.name for f in (tmp_path / "toy").iterdir()]
    assert sorted(files) == ["sea-coupled-seed1.json", "sea-grit-seed1.json", "sea-grit-seed2.json"]
    assert len(runner.run(study, tmp_path)) == 9 and len(runner.read(study, tmp_path)) == 12


@pytest.mark.parametrize("n", [1, 2, 5, 20])
def test_shards_share_all_runs_without_overlap(n, study, tmp_path):
    study, calls = study
    parts = [runner.run(study, tmp_path, shard=(i, n)) for i in range(n)]
    assert sum(map(len, parts)) == len(calls) == len(set(calls)) == 12
    assert max(map(len, parts)) - min(map(len, parts)) <= 2
    for part in parts:  # what will be compared runs on one machine
        arms = [path.stem.split("-")[1] for path in part]
        assert arms.count("grit") == arms.count("coupled")


def test_a_run_of_another_recipe_or_length_is_not_mistaken_for_this_one(study, tmp_path):
    study, calls = study
    runner.run(study, tmp_path)
    changed = Study(**{**vars(study), "recipe": lambda: {"width": 32}})
    for other, steps in ((changed, None), (study, 4)):
        with pytest.raises(ValueError, match=r"sea-grit-seed1\.json was run with other steps or settings"):
            runner.run(other, tmp_path, steps=steps)
    assert len(calls) == 12


def test_ctrl_c_in_first_light_writes_no_truncated_run(monkeypatch, tmp_path):
    stopped = Run(method=None, trained=None, step=6, finished=False)
    monkeypatch.setattr(first_light, "fit", lambda *_, **__: stopped)
    with pytest.raises(KeyboardInterrupt):
        runner.run(runner.get("first-light"), tmp_path, datasets=("grove",), seeds=(1,))
    assert not list(tmp_path.rglob("*.json"))


def test_a_metric_that_is_zero_has_no_ratio_and_stops_no_report(study, tmp_path):
    study, _ = study
    silent = Study(**{**vars(study), "run": lambda arm, *_: {"std": 0.0 if arm == "coupled" else 1.0, "L1": 20.0}})
    runner.run(silent, tmp_path)
    records = runner.read(silent, tmp_path)
    assert report.summarise(silent, records) == [] and "| sea | coupled | 0.000 |" in report.markdown(silent, records)


def test_fewer_datasets_seeds_and_steps(study, tmp_path):
    study, calls = study
    runner.run(study, tmp_path, datasets=("land",), seeds=(7,), steps=3)
    assert sorted(calls) == [("land", "coupled", 7, 3), ("land", "grit", 7, 3)]


def test_a_record_says_what_was_run_and_where(study, tmp_path):
    study, _ = study
    path = runner.run(study, tmp_path, seeds=(2,))[0]
    assert path == tmp_path / "toy" / "sea-grit-seed2.json"
    record = json.loads(path.read_text())
    assert [record[k] for k in ("study", "dataset", "arm", "seed", "steps")] == ["toy", "sea", "grit", 2, 50]
    assert record["metrics"] == pytest.approx({"std": 7.2, "L1": 22.0}) and record["seconds"] >= 0
    assert {"gritlib", "torch", "device", "precision", "threads"} <= set(record["environment"])


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *a: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        runner.write_text("{}", tmp_path / "x.json")
    assert not list(tmp_path.iterdir())


def test_the_report_pairs_by_seed_and_shows_ratios_means_and_counts(study, tmp_path):
    study, _ = study
    runner.run(study, tmp_path)
    (tmp_path / "toy" / "sea-coupled-seed3.json").unlink()  # no partner: out of the ratio, in the mean of its arm
    records = runner.read(study, tmp_path)
    rows = {row["dataset"]: row for row in report.summarise(study, records)}
    assert rows["sea"]["seeds"] == [1, 2] and rows["land"]["seeds"] == [1, 2, 3]
    assert rows["land"]["ratio"] == pytest.approx(3) and rows["land"]["low"] == pytest.approx(3)
    assert rows["sea"]["subject"] == pytest.approx(6 * 1.15) and rows["sea"]["other"] == pytest.approx(2 * 1.15)
    text = report.markdown(study, records)
    assert text.startswith("# toy\n\na claim\n")
    assert "| land | std | 3.6000 | 1.2000 | 3.00 | 3.00 to 3.00 | 3 |" in text
    assert "| sea | grit | 7.200 | 22.000 | 3 |" in text and "| sea | coupled | 2.300 | 21.500 | 2 |" in text


def test_a_dataset_with_one_pair_has_means_and_no_ratio(study, tmp_path):
    study, _ = study
    runner.run(study, tmp_path, seeds=(1,))
    assert report.summarise(study, runner.read(study, tmp_path)) == []
    assert "| sea | grit | 6.600 |" in report.markdown(study, runner.read(study, tmp_path))


def test_known_and_unknown_names():
    for name in runner.STUDIES:
        found = runner.get(name)
        assert found.name == name and len(found.arms) >= 2 and found.claim
    with pytest.raises(ValueError, match="study 'nope' is unknown: choose one of first-light"):
        runner.get("nope")


def test_the_two_arms_of_first_light_begin_with_the_same_weights():
    """What `first_light` says of its paired seeds: the same initial weights where the networks agree."""
    nets = []
    for residual in (True, False):
        config = get("grit", "smoke").method
        config.in_channels = config.out_channels = 3
        config.residual = residual
        nets.append(first_light.paired(config, seed=1).state_dict())
    shared = nets[0].keys() & nets[1].keys()
    assert nets[1].keys() == shared and len(nets[0]) > len(shared)
    differing = sorted(k for k in shared if not torch.equal(nets[0][k], nets[1][k]))
    assert not differing, f"{len(differing)} of {len(shared)} tensors begin differently, the first is {differing[0]}"


def test_committed_results_are_complete():
    study = runner.get("first-light")
    records = runner.read(study, runner.COMMITTED)
    files = sorted((runner.COMMITTED / "first-light").glob("*.json"))
    seen = sorted((r["dataset"], r["arm"], r["seed"]) for r in records)
    every = ((d, a, s) for d in study.datasets for a in study.arms for s in study.seeds)
    assert seen == sorted((d, a, s) for d, a, s in every if not study.left_out(a, d, s))
    assert len(seen) == 3 * 2 * 5
    assert {r["study"] for r in records} == {"first-light"} and {r["steps"] for r in records} == {study.steps}
    assert len({tuple(sorted(r["metrics"])) for r in records}) == 1
    assert all(r["recipe"] == study.recipe() for r in records), "the recipe changed after the runs"
    assert all(math.isfinite(value) for r in records for value in r["metrics"].values())
    assert all(
        file.stem == f"{r['dataset']}-{r['arm']}-seed{r['seed']}" for file, r in zip(files, records, strict=True)
    )
    # One code and one precision, or the pairs would compare machines.
    for key in ("gritlib", "precision", "device"):
        assert len({r["environment"][key] for r in records}) == 1, key
