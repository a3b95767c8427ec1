"""The measurement of steps: turns in their order on a clock that the test moves, operations, ratios, missed targets,
the memory of a fresh process, and what a busy machine does to a strict one."""

import json
import statistics
import time

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from gritlib.bench import prepare, profile, steps
from gritlib.bench.baseline import STEPS
from gritlib.methods import METHODS
from gritlib.studies import stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that moves only when told: clock.now += seconds."""
    moved = type("Clock", (), {"now": 0.0})()
    monkeypatch.setattr(time, "perf_counter", lambda: moved.now)
    monkeypatch.setattr(time, "process_time", lambda: 2 * moved.now)
    return moved


def arms(clock, seconds, played):
    def arm(name):
        def step(i):
            played.append((name, i))
            clock.now += seconds[name](i)

        return step

    return {name: arm(name) for name in seconds}


def test_steps_take_turns_and_each_has_its_own_seconds(clock):
    played = []
    contestants = arms(clock, {"plain": lambda i: 2.0 + i, "fp32": lambda i: 1.0}, played)
    times = steps.in_turns(contestants, 3, 1000.0, torch.device("cpu"))
    assert played == [("plain", 0), ("fp32", 0), ("plain", 1), ("fp32", 1), ("plain", 2), ("fp32", 2)]
    assert times == {"plain": [(2, 4), (3, 6), (4, 8)], "fp32": [(1, 2)] * 3}


def test_both_sides_draw_the_same_in_a_round_and_what_training_draws():
    drawn = {"plain": [], "fp32": []}
    steps.in_turns(
        {arm: lambda i, arm=arm: drawn[arm].append(torch.rand(()).item()) for arm in drawn}, 3, 9.0, torch.device("cpu")
    )
    assert drawn["plain"] == drawn["fp32"] and len(set(drawn["plain"])) == 3
    method, batch, chosen = steps.setting("fastcut", "smoke", 1)
    ours, seen = steps.trainer(method, batch, chosen, "fp32", "cpu"), []

    def turns(batch, step):
        seen.append(torch.rand(()).item())
        yield from ()

    method.turns = turns
    for i in range(3):
        ours.one_step(i, None)
    assert seen == drawn["fp32"]


def test_a_slow_row_stops_at_its_limit_but_not_before_five_rounds(clock):
    for limit, rounds in ((0.0, 5), (65.0, 7), (1000.0, 20)):
        times = steps.in_turns(arms(clock, {"fp32": lambda i: 10.0}, []), 20, limit, torch.device("cpu"))
        assert len(times["fp32"]) == rounds


@pytest.fixture
def toys(monkeypatch, clock):
    """Rows of arms that take 3, 2 and 1 second, of 6, 4 and 4 GFLOP, on a machine where nobody else works."""
    monkeypatch.setattr(stopwatch, "machine_seconds", lambda: 2 * clock.now)
    found = arms(clock, {"plain": lambda i: 3.0, "fp32": lambda i: 2.0, "bf16": lambda i: 1.0}, [])
    monkeypatch.setattr(steps, "contestants", lambda *_: (found, 4, 64))
    operations = {found["plain"]: 6.0, found["fp32"]: 4.0, found["bf16"]: 4.0}
    monkeypatch.setattr(steps, "counted", lambda step: [operations[step]])
    return found


def test_a_row_says_rates_shares_and_ratios(toys):
    rates = {"fp32": 10.0, "bf16": 20.0}
    row = steps.measure("grit", "cpu", 1, 6, ("fp32", "bf16"), memory=False, rates=rates)
    assert {key: row[key] for key in ("method", "preset", "size", "images", "threads", "rounds", "warm_up")} == {
        "method": "grit",
        "preset": "cpu",
        "size": 64,
        "images": 4,
        "threads": 1,
        "rounds": 6,
        "warm_up": 1,
    }
    assert row["ratios"] == {"fp32": [1.5, 1.5, 1.5], "bf16": [3.0, 3.0, 3.0]}
    assert row["cpu_ratios"] == {"fp32": 1.5, "bf16": 3.0}
    plain, bf16 = row["arms"]["plain"], row["arms"]["bf16"]
    assert (plain["median"], plain["images_per_second"], plain["gflop_s"], plain["share"]) == (3.0, 1.3333, 2.0, 0.2)
    assert (bf16["median"], bf16["images_per_second"], bf16["gflop_s"], bf16["share"]) == (1.0, 4.0, 4.0, 0.2)
    assert bf16["seconds"] == [1.0] * 6 and row["others"] == 0 and "profile" not in row
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize(
    ("preset", "device", "images", "ratios", "missed"),
    [
        ("cpu", "cpu", 8, {"fp32": 1.05, "bf16": 1.4}, []),
        ("cpu", "cpu", 8, {"fp32": 1.04, "bf16": 1.39}, ["fp32", "bf16"]),
        ("paper", "cpu", 1, {"fp32": 1.14, "bf16": 1.7}, ["fp32"]),
        ("paper", "cuda", 1, {"fp32": 1.0, "bf16": 2.9}, ["bf16"]),
        ("paper", "cuda", 16, {"bf16": 1.69}, ["bf16"]),
        ("paper", "cuda", 16, {"bf16": 1.7}, []),
        ("gpu", "cpu", 8, {"fp32": 0.5}, []),
    ],
)
def test_targets_are_those_of_the_course(preset, device, images, ratios, missed):
    row = {"preset": preset, "device": device, "images": images, "ratios": {k: [v, v, v] for k, v in ratios.items()}}
    assert steps.misses(row) == missed


def test_a_busy_machine_is_said_and_a_strict_measurement_refuses(toys, clock, monkeypatch):
    monkeypatch.setattr(stopwatch, "machine_seconds", lambda: 2.5 * clock.now)
    with pytest.warns(UserWarning, match=r"other programs used 0\.50 of a core"):
        assert steps.measure("grit", "cpu", 1, 5, ("fp32",), memory=False)["others"] == 0.5
    with (
        pytest.warns(UserWarning),
        pytest.raises(ValueError, match=r"grit at cpu: other programs used 0\.50 of a core"),
    ):
        steps.measure("grit", "cpu", 1, 5, ("fp32",), memory=False, strict=True)


@pytest.mark.slow
def test_a_real_row_its_profile_and_its_memory(monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setitem(steps.TARGETS, ("cpu", "ci", None), {"fp32": 1e9})
    row = steps.measure("grit", "ci", 1, 2, ("fp32",), rates={"fp32": 100.0})
    assert row["rounds"] == 2 and row["arms"]["fp32"]["mib"] > 10 and "mib" not in row["arms"]["plain"]
    # Ours has no gradients of D in G's turn: fewer operations, of the same networks.
    assert 0.7 < row["arms"]["fp32"]["gflop"] / row["arms"]["plain"]["gflop"] < 1
    operators = row["profile"]["operators"]
    assert set(operators) == {"plain", "fp32"} and all(len(found) == profile.SHOWN for found in operators.values())
    for arm in operators:
        longest = [seconds for _, seconds, _ in operators[arm]]
        assert longest == sorted(longest, reverse=True) and any("conv" in name for name, _, _ in operators[arm])
    assert row["profile"]["said"].startswith("fp32: a profiled step of the plain loop and of ours")
    assert torch.get_num_threads() == threads


def test_the_coin_of_fastcut_counts_both_its_sides():
    arms, images, size = steps.contestants("fastcut", "smoke", ("fp32",), True, "cpu", 1)
    assert (images, size) == (1, 64)
    for step in arms.values():
        mirrored, straight = steps.counted(step)
        assert mirrored >= straight > 0
    assert steps.counted(arms["fp32"])[0] > steps.counted(arms["fp32"])[1]  # one more encoding
    grit, _, _ = steps.contestants("grit", "smoke", ("fp32",), False, "cpu", 1)
    assert list(grit) == ["fp32"] and len(steps.counted(grit["fp32"])) == 1


@pytest.mark.parametrize("name", ["grit", "cut", "spade"])
def test_operations_are_those_that_torch_counts(name):
    arms, _, _ = steps.contestants(name, "smoke", ("fp32",), True, "cpu", 1)
    for step in arms.values():
        with FlopCounterMode(display=False) as counter:
            step(0)
        assert steps.counted(step) == [counter.get_total_flops() / 1e9]


def test_operations_of_a_gradient_of_a_gradient_are_counted():
    found = {}
    for weight in (0.0, 1.0):
        method, batch, chosen = steps.setting("sincut", "smoke", 1)
        method.config.r1_weight = weight
        ours = steps.trainer(method, batch, chosen, "fp32", "cpu")
        (found[weight],) = steps.counted(lambda i, ours=ours: steps.ours_at(ours, i))
    assert found[1.0] > found[0.0] > 0


def test_methods_compared_are_the_papers_and_those_with_a_plain_loop():
    assert set(STEPS) | {"sincut"} == set(steps.COMPARED) and set(steps.COMPARED) < set(METHODS)


def test_a_made_batch_has_what_a_method_asks_of_a_source():
    images, maps = prepare.Made(64, 2), prepare.Made(64, 2, 5)
    assert images.classes is None and images.in_channels == 3 and images.images["A"].shape == (2, 3, 64, 64)
    assert len(maps.classes) == maps.in_channels == 5 and maps.images["A"].sum(1).eq(1).all()
    assert all(-1 <= x.min() < x.max() <= 1 for x in (*images.images.values(), maps.images["B"]))
    assert torch.equal(prepare.Made(64, 2).images["B"], images.images["B"])


@pytest.mark.parametrize("name", ["pix2pix", "spade", "cut"])
def test_a_made_batch_has_the_shape_of_the_lessons(name, monkeypatch):
    _, lesson, _ = steps.setting(name, "cpu", 2)
    monkeypatch.setattr(prepare.catalog, "load", None)
    method, made, _ = steps.setting(name, "cpu", 2, made=True)
    assert all(made[key].shape == lesson[key].shape == (2, *made[key].shape[1:2], 64, 64) for key in "AB")
    assert bool((made["A"].sum(1) == 1).all()) == (name != "cut") and method.config.in_channels == made["A"].shape[1]


def test_the_published_size_is_the_published_network():
    method, batch, chosen = steps.setting("pix2pix", "paper")
    assert batch["A"].shape == batch["B"].shape == (1, 3, 256, 256) and chosen.method.width == 64
    assert sum(p.numel() for p in method.G.parameters()) == 54_413_955
    for same in (steps.setting("pix2pix", "smoke")[0], steps.setting("pix2pix", "smoke")[0]):
        assert statistics.fmean(p.double().sum().item() for p in same.parameters()) == pytest.approx(
            statistics.fmean(p.double().sum().item() for p in steps.setting("pix2pix", "smoke")[0].parameters())
        )


def test_the_rate_of_a_matrix_product_comes_from_its_fastest(monkeypatch, clock):
    seconds = iter([9.0, *[0.5] * 4, 0.25, *[0.5] * 5])
    monkeypatch.setattr(steps, "in_turns", lambda arms, n, *_: {"product": [(next(seconds), 0.0) for _ in range(n)]})
    assert steps.matmul_rates("cpu", 1, ("fp32",), side=1000) == {"fp32": 8.0}


def test_groups_of_operators():
    found = [
        ("aten::_fused_adam_", 1.0, 1),
        ("aten::convolution_backward", 4.0, 2),
        ("aten::native_batch_norm", 2.0, 3),
    ]
    groups = profile.grouped([*found, ("aten::relu", 1.0, 1)])
    assert groups == {
        "Adam and the average": 1.0,
        "convolutions and matrix products": 4.0,
        "normalisation": 2.0,
        "everything else": 1.0,
    }
    said = profile.sentence("fp32", groups, {**groups, "Adam and the average": 0.0})
    assert "spends on Adam and the average 1e+03 and 0 ms (12% and 0%), on convolutions" in said
