"""The study of costs: operations by hand and at full size, turns in their order on a clock that the test moves, the
memory of a fresh process whatever this one has, and a run file that has everything."""

import json
import os
import statistics
import subprocess
import time
import types
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn

from gritlib.methods import METHODS
from gritlib.methods.base import Method, Player
from gritlib.nets.blocks import Blur
from gritlib.show import gallery
from gritlib.studies import report, runner, stopwatch
from gritlib.studies import unpaired_cost as cost

TINY = {"size": 32, "width": 4, "blocks": 5}
GENERATOR, DISCRIMINATOR, HEADS = 11_378_179, 2_764_737, 560_384  # as published, instance norm


class Toy(Method):
    """Two convolutions, one a player; with a coin, the second plays on one side alone."""

    name = "toy"

    def __init__(self, played=None, coin: bool = False):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 2, 1)
        self.played, self.coin = played or (lambda step: None), coin

    @property
    def players(self):
        return {"one": Player(("first",), 0.1, (0.5, 0.9), ema=True), "two": Player(("second",), 0.1, (0.5, 0.9))}

    def turns(self, batch, step):
        self.played(step)
        yield "one", {"a": self.first(batch["A"]).square().mean()}
        if not self.coin or torch.rand(()) < 0.5:
            yield "two", {"b": self.second(batch["B"]).square().mean()}


@pytest.fixture(scope="module")
def operations():
    """arm -> method -> GFLOP at full size."""
    full = {size: cost.SIZES[size] for size in ("width", "blocks")}
    made = {arm: cost.makers(arm, **full) for arm in cost.ARMS}
    found = {arm: {"cyclegan": stopwatch.gflop(make["cyclegan"], 256)} for arm, make in made.items()}
    for arm in ("identity", "papers"):
        found[arm] |= {name: stopwatch.gflop(made[arm][name], 256) for name in ("cut", "fastcut")}
    found["no-identity"] |= {name: found["identity"][name] for name in ("cut", "fastcut")}
    return found


@pytest.fixture
def remembered(monkeypatch):
    """Tiny networks, and a memory of 100, 60 and 40 MiB without a process."""
    peaks = {"cyclegan": 300.0, "cut": 260.0, "fastcut": 240.0}
    monkeypatch.setattr(cost, "memory", lambda arm, name, *rest: {"idle": 200.0, "peak": peaks[name]})
    monkeypatch.setattr(cost, "SIZES", TINY)
    return peaks


def test_operations_by_hand():
    # Forward and the gradient of the weights, of 3x3 from 3 to 4 and of 1x1 from 3 to 2; the image needs none.
    first, second = (2 * 2 * 3 * c * k * k * 16 * 16 / 1e9 for c, k in ((4, 3), (2, 1)))
    assert stopwatch.gflop(Toy, 16) == [pytest.approx(first + second)]
    assert stopwatch.gflop(lambda: Toy(coin=True), 16) == [pytest.approx(first + second), pytest.approx(first)]
    assert stopwatch.gflop(Toy, 32) == [pytest.approx(4 * (first + second))]


def test_the_counted_step_is_the_real_one():
    """Counted on shapes alone, and on numbers."""
    make = cost.makers("papers", 4, 5)["cut"]
    method, batch = make(), cost.random_batch(32)
    with stopwatch.FlopCounterMode(display=False) as counter:
        cost.clocked({"cut": method}, batch, 1, warm_up=0, device="cpu")
    assert stopwatch.gflop(make, 32) == [pytest.approx(counter.get_total_flops() / 1e9)]


@pytest.mark.parametrize(
    ("arm", "cut", "fastcut"), [("identity", 0.51, 0.28), ("no-identity", 0.74, 0.40), ("papers", 0.68, 0.37)]
)
def test_operations_at_full_size(operations, arm, cut, fastcut):
    counted = operations[arm]
    assert [len(counted[name]) for name in cost.METHODS] == [1, 1, 2]
    base = counted["cyclegan"][0]
    assert counted["cut"][0] / base == pytest.approx(cut, abs=0.02)
    assert statistics.mean(counted["fastcut"]) / base == pytest.approx(fastcut, abs=0.02)
    mirrored, plain = counted["fastcut"]
    assert 1.05 * plain < mirrored < 1.12 * plain, "one more encoding, without its gradient"


def test_operations_with_identity_are_about_half_and_a_quarter(operations):
    counted = operations["identity"]
    assert counted["cut"][0] / counted["cyclegan"][0] <= 0.52
    assert statistics.mean(counted["fastcut"]) / counted["cyclegan"][0] <= 0.29


@pytest.mark.parametrize("arm", cost.ARMS)
def test_networks_of_a_row(arm):
    methods = {name: make() for name, make in cost.makers(arm, 64, 9).items()}
    assert [type(method) for method in methods.values()] == [METHODS[name] for name in cost.METHODS]
    counts = {name: sum(p.numel() for p in stopwatch.trained(method)) for name, method in methods.items()}
    one_way = GENERATOR + DISCRIMINATOR + HEADS
    assert counts == {"cyclegan": 2 * (GENERATOR + DISCRIMINATOR), "cut": one_way, "fastcut": one_way}
    assert all(counts[name] == sum(p.numel() for p in method.parameters()) for name, method in methods.items())

    def blurs(net):
        return any(isinstance(module, Blur) for module in net.modules())

    cyclegan, cut, fastcut = methods.values()
    equal = arm != "papers"
    assert blurs(cyclegan.G) == blurs(cyclegan.F) == equal and not blurs(cyclegan.D_A) and not blurs(cyclegan.D_B)
    assert all(blurs(m.G) and blurs(m.D) is not equal for m in (cut, fastcut))
    if equal:
        assert str(cut.G) == str(fastcut.G) == str(cyclegan.G) and str(cut.D) == str(cyclegan.D_B)
    assert (cyclegan.config.identity_weight > 0) == (arm != "no-identity") and cyclegan.pool_A.size == 0
    for method in (cut, fastcut):
        c = method.config
        assert (c.patches, c.dim, c.layers[-1], c.reduction, c.key_gradient) == (256, 256, "res5", "mean", False)


def test_methods_take_turns_and_the_first_round_is_not_counted(monkeypatch):
    now, played = [0.0], []

    def player(name, seconds):
        def play(step):
            played.append((name, step))
            now[0] += 100 if step == 0 else seconds + step

        return play

    clock = types.SimpleNamespace(perf_counter=lambda: now[0], process_time=lambda: now[0] / 4)
    monkeypatch.setattr(stopwatch, "time", clock)
    methods = {"quick": Toy(player("quick", 1)), "slow": Toy(player("slow", 10))}
    begun = [method.first.weight.detach().clone() for method in methods.values()]
    batch = {key: torch.ones(2, 3, 8, 8) for key in "AB"}
    assert cost.timed(methods, batch, 3) == {"quick": [2, 3, 4], "slow": [11, 12, 13]}
    assert played == [(name, step) for step in range(4) for name in methods]
    assert all(not torch.equal(m.first.weight.cpu(), w) for m, w in zip(methods.values(), begun, strict=True))
    both = stopwatch.clocked({"slow": methods["slow"]}, batch, 1, warm_up=2)
    assert both == {"slow": [(12, 3)]}
    with pytest.raises(ValueError, match="rounds is 0: it must be 1 or more"):
        cost.timed(methods, batch, 0)


def test_timing_leaves_the_random_numbers_outside_alone():
    methods = {"toy": Toy(coin=True)}
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    cost.timed(methods, {key: torch.ones(1, 3, 8, 8) for key in "AB"}, 2)
    assert torch.equal(torch.rand(2), wanted)


def test_the_ratio_of_medians_and_its_interval_are_scipys():
    rng = np.random.default_rng(0)
    slow = rng.lognormal(0, 0.3, 15)  # of the machine, in a round
    a, b = 0.5 * slow * rng.lognormal(0, 0.02, 15), slow
    ratio, low, high = stopwatch.ratio_of_medians(a.tolist(), b.tolist(), resamples=20_000)
    assert ratio == pytest.approx(np.median(a) / np.median(b))

    def of_medians(x, y, axis):
        return np.median(x, axis) / np.median(y, axis)

    settings = {"paired": True, "vectorized": True, "method": "percentile", "n_resamples": 20_000}
    wanted = stats.bootstrap((a, b), of_medians, **settings, random_state=1).confidence_interval
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=0.004)
    apart = stats.bootstrap((a, b), of_medians, **{**settings, "paired": False}, random_state=1).confidence_interval
    assert apart.high - apart.low > 3 * (high - low), "pairing counts"
    assert stopwatch.ratio_of_medians([1.0, 2.0, 9.0], [2.0, 4.0, 18.0]) == pytest.approx((0.5, 0.5, 0.5))
    assert stopwatch.ratio_of_medians([3.0], [4.0]) == pytest.approx((0.75, 0.75, 0.75))


@pytest.mark.slow
def test_memory_is_the_fresh_process_own():
    ballast = np.ones(2**27)  # 1 GiB here must not be seen there
    small = cost.memory("identity", "fastcut", "cpu", 32, 4, 5)
    large = cost.memory("identity", "fastcut", "cpu", 128, 16, 5)
    assert small["peak"] >= small["idle"] > 50 and large["idle"] < small["idle"] + 100
    assert large["peak"] - large["idle"] > small["peak"] - small["idle"] + 50
    assert stopwatch.resident() > ballast.nbytes / 2**20


def test_a_process_that_fails_says_why(monkeypatch):
    for code, stderr, words in (
        (1, "Traceback\nValueError: bad", "with 1: ValueError: bad"),
        (-9, "", "with -9: killed"),
    ):
        done = subprocess.CompletedProcess([], code, "", stderr)
        monkeypatch.setattr(subprocess, "run", lambda *_, done=done, **__: done)
        with pytest.raises(RuntimeError, match=f"memory of cut ended {words}"):
            cost.memory("identity", "cut", "cpu", 32, 4, 5)


@pytest.mark.parametrize(("work", "others"), [(30.0, 2.0), (11.5, 0.15), (9.0, 0.0)])
def test_what_other_programs_use(monkeypatch, work, others):
    """Ten seconds, ten of processor time of our own."""
    now = [0.0]
    clock = types.SimpleNamespace(perf_counter=lambda: now[0], process_time=lambda: now[0])
    monkeypatch.setattr(stopwatch, "time", clock)
    monkeypatch.setattr(stopwatch, "machine_seconds", lambda: now[0] * work / 10)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with stopwatch.watched() as machine:
            now[0] = 10.0
    assert machine["others"] == pytest.approx(others) and len(machine["load_average"]) == 2
    assert [f"used {others:.2f} of a core" in str(w.message) for w in told] == [True] * (others > 0.2)


def test_where_the_system_does_not_say_nothing_is_claimed(monkeypatch):
    monkeypatch.setattr(stopwatch, "machine_seconds", lambda: None)
    with stopwatch.watched() as machine:
        pass
    assert machine["others"] is None


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="this system has no /proc/stat")
def test_the_machines_work_contains_ours():
    before, own = stopwatch.machine_seconds(), time.process_time()
    while time.process_time() - own < 0.3:
        pass
    worked = stopwatch.machine_seconds() - before
    assert 0.25 < worked < 1e6 and stopwatch.machine_seconds() > 0.3
    assert (stopwatch.load_average() is None) == (not hasattr(os, "getloadavg"))


@pytest.mark.filterwarnings("ignore:other programs used")
def test_a_run_file_has_everything_and_the_report_reads(remembered, tmp_path, capsys):
    study = replace(cost.STUDY, arms=("papers",))
    (path,) = runner.run(study, tmp_path, datasets=("cpu",), steps=3)
    assert path.name == "cpu-papers-seed1.json" and runner.run(study, tmp_path, datasets=("cpu",), steps=3) == []

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    record = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    assert record["steps"] == 3 and record["recipe"]["precision"] == "fp32" and record["recipe"]["size"] == 32
    metrics, details = record["metrics"], record["details"]
    units, ratios = ("seconds", "gflop", "parameters", "mib"), ("flops", "trained", "memory")
    timing = ("time", "time_low", "time_high", "cpu_time")
    wanted = {f"{name}_{unit}" for name in cost.METHODS for unit in units}
    assert set(metrics) == wanted | {f"{name}_{key}" for name in ("cut", "fastcut") for key in (*ratios, *timing)}
    assert all(len(details[key][name]) == 3 for key in ("seconds", "cpu_seconds") for name in cost.METHODS)
    assert details["threads"] == torch.get_num_threads() and {"others", "load_average", "gflop"} <= set(details)
    assert metrics["cut_memory"] == pytest.approx(0.6) and metrics["fastcut_memory"] == pytest.approx(0.4)
    for name in ("cut", "fastcut"):
        medians = [statistics.median(details["seconds"][key]) for key in (name, "cyclegan")]
        assert metrics[f"{name}_time"] == pytest.approx(medians[0] / medians[1], abs=1e-4)
        assert metrics[f"{name}_time_low"] <= metrics[f"{name}_time"] <= metrics[f"{name}_time_high"]
        shares = [statistics.mean(details["gflop"][key]) for key in (name, "cyclegan")]
        assert metrics[f"{name}_flops"] == pytest.approx(shares[0] / shares[1], abs=1e-4) != 1
        trained = metrics[f"{name}_parameters"] / metrics["cyclegan_parameters"]
        assert metrics[f"{name}_trained"] == pytest.approx(trained, abs=1e-5)

    text = report.markdown(study, [record])
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 3 and len({row.count("|") for row in rows}) == 1
    assert [row.split("|")[3].strip() for row in rows[2:]] == list(cost.METHODS)
    assert f"| {metrics['fastcut_gflop']:.3f} | {metrics['fastcut_flops']:.3f} | 40.000 | 0.400 |" in rows[4]
    assert (
        f"{metrics['cut_time']:.3f} ({metrics['cut_time_low']:.3f} to " in rows[3] and "| 60.000 | 0.600 |" in rows[3]
    )
    assert "cpu, papers: 3 rounds" in text and f"fastcut {metrics['fastcut_cpu_time']:.3f}" in text
    chosen = ("cut_time", "fastcut_time", "cut_flops", "fastcut_flops")
    assert gallery("unpaired-cost", metrics=chosen, compare=False, folder=tmp_path) == [record]
    assert " | ".join(f"{metrics[key]:.3f}" for key in chosen) in capsys.readouterr().out


@pytest.mark.filterwarnings("ignore:other programs used")
def test_what_the_system_does_not_tell_is_left_out(remembered, monkeypatch):
    nan = float("nan")
    monkeypatch.setattr(cost, "memory", lambda *_: {"idle": nan, "peak": nan})
    monkeypatch.setattr(cost, "gflop", lambda make, size: [1.0])
    monkeypatch.setattr(cost, "clocked", lambda methods, *_: {name: [(1.0, 1.0)] for name in methods})
    metrics, details = cost.measure("identity", "cpu", 1, 1, **TINY)
    assert not [key for key in metrics if "mib" in key or "memory" in key]
    assert details["mib"]["cut"] == {"idle": None, "peak": None}
    text = cost.table([{"dataset": "cpu", "arm": "identity", "seed": 1, "metrics": metrics, "details": details}])
    assert "| cyclegan | 1.000 | – | 1.000 | – | – | – |" in text
    assert "| cut | 1.000 | 1.000 (1.000 to 1.000) | 1.000 | 1.000 | – | – |" in text


def test_a_gpu_takes_part_where_there_is_one(monkeypatch):
    asked = []
    monkeypatch.setattr(cost, "measure", lambda arm, device, seed, rounds, **sizes: asked.append((device, rounds)))
    for available in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        left = {d: cost.STUDY.left_out("identity", d, 1) for d in cost.STUDY.datasets}
        assert left == {"cpu": False, "cuda": not available}
    for device in ("cpu", "cuda"):
        cost.run("identity", device, 1, 5)
    assert asked == [("cpu", 5), ("cuda", 100)]


def test_the_recipe_survives_json():
    recipe = cost.STUDY.recipe()
    assert json.loads(json.dumps(recipe)) == recipe and recipe["width"] == 64 and recipe["arms"] == cost.ARMS
