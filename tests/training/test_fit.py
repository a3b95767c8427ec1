"""The loop: reproducible, honest about losses that are not finite, and the same as a student's own few lines."""

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.training import TrainConfig, fit, load_method, read
from gritlib.training.ema import EMA
from gritlib.training.fit import Trainer
from gritlib.training.samples import sample_grid
from gritlib.training.schedule import constant_then_linear

FAST = {"batch_size": 2, "precision": "fp32", "progress": False, "log_every": 1}


def same(a, b):
    a, b = (x if isinstance(x, dict) else x.state_dict() for x in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def test_one_seed_is_bit_for_bit_reproducible_and_another_differs(toy, small_grit, small_pix2pix):
    for make, source in ((small_grit, toy()), (small_pix2pix, toy(64, 2))):
        first, again, other = (fit(make(), source, steps=3, seed=seed, **FAST) for seed in (5, 5, 6))
        assert same(first.trained, again.trained) and same(first.method, again.method)
        assert first.history == again.history and first.history != other.history
        assert not same(first.trained, other.trained)


def test_the_callers_randomness_neither_matters_nor_is_touched(toy, small_grit):
    methods = [small_grit(), small_grit()]
    runs = []
    for seed, method in zip((1, 2), methods, strict=True):
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        runs.append(fit(method, toy(), steps=2, **FAST))
        assert torch.equal(before, torch.get_rng_state())
    assert same(runs[0].trained, runs[1].trained)


def test_a_students_plain_torch_step_gives_bitwise_the_weights_of_the_turns(toy, small_grit, adam_step):
    turns = fit(small_grit(), toy(), steps=5, **FAST)
    student = fit(small_grit(), toy(), steps=5, step=adam_step(), **FAST)
    assert same(turns.trained, student.trained) and same(turns.method, student.method)
    assert turns.history == student.history
    assert not same(turns.trained, small_grit())


def test_a_students_step_runs_in_float32_whatever_the_precision(toy, small_grit):
    kinds = []

    def step(method, batch, optimizers):
        out = method.G.stem(batch["A"])
        kinds.append((out.dtype, torch.is_autocast_enabled("cpu")))
        return {"nothing": 0.0}

    fit(small_grit(), toy(), steps=1, step=step, **{**FAST, "precision": "bf16"})
    assert kinds == [(torch.float32, False)]


def test_every_image_is_seen_once_an_epoch_in_an_order_that_changes(toy, small_grit, monkeypatch):
    source, seen = toy(), []
    original = type(source).batch
    monkeypatch.setattr(type(source), "batch", lambda s, i, g=None: (seen.append(list(i)), original(s, i, g))[1])
    fit(small_grit(), source, steps=9, step=lambda *_: {"x": 0.0}, **{**FAST, "batch_size": 3})
    flat = [i for step in seen[:9] for i in step]  # what follows is `finish`
    epochs = [flat[i : i + 9] for i in (0, 9, 18)]
    assert all(sorted(epoch) == list(range(9)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_noise_and_crops_are_new_at_every_step_apart_from_each_other_and_agreed_by_all_processes(toy, small_grit):
    source, seeds, shares = toy(), {0: [], 1: []}, []

    class Watched(type(source)):
        def batch(self, indices, generator=None, share=(0, 1)):
            seeds[share[0]].append(generator.initial_seed())
            batch = super().batch(indices, generator, share=share)
            shares.append((len(indices), len(batch["A"])))
            return batch

    source.__class__ = Watched
    for seed in (0, 1):
        for rank in (0, 1):
            trainer = Trainer(small_grit(), source, TrainConfig(seed=seed, batch_size=2), None, None)
            trainer.rank, trainer.world = rank, 2
            for step in range(5):
                trainer.one_step(step, lambda *_, rank=rank: seeds[rank].append(torch.initial_seed()) or {"x": 0.0})
    assert seeds[0] == seeds[1] and len(seeds[0]) == len(set(seeds[0])) == 2 * 5 * 2
    assert set(shares) == {(2, 1)}


def test_learning_rates_follow_the_schedule_as_the_step_sees_them(toy, small_grit, adam_step):
    seen = []
    method = small_grit()
    method.config.d_lr = 3e-4
    fit(method, toy(), steps=8, constant=0.25, step=adam_step(seen), **FAST)
    wanted = [1, 1] + [(8 - k) / 6 for k in range(2, 8)]
    assert [lr["generator"] for _, lr in seen] == pytest.approx([method.config.lr * f for f in wanted], rel=1e-12)
    assert [lr["discriminator"] for _, lr in seen] == pytest.approx([3e-4 * f for f in wanted], rel=1e-12)


@pytest.mark.parametrize("constant", [0, 0.3, 0.5, 1])
def test_schedule_end_points(constant):
    factors = [constant_then_linear(k, 10, constant) for k in range(10)]
    flat = math.ceil(10 * constant)
    assert factors[: max(1, flat)] == [1] * max(1, flat)
    falling = factors[flat:]
    if falling:
        # A straight line that would meet zero at step 10, never on the way.
        slope = 1 / (10 - 10 * constant)
        assert falling == pytest.approx([slope * (10 - k) for k in range(flat, 10)]) and falling[-1] > 0


def test_average_against_a_hand_computation(toy, small_grit, adam_step):
    method, path = small_grit(), []
    start = {k: p.detach().clone().double() for k, p in method.named_parameters()}

    def step(method, batch, optimizers):
        path.append({k: p.detach().clone().double() for k, p in method.named_parameters()})
        return adam_step()(method, batch, optimizers)

    run = fit(method, toy(), steps=5, ema=0.3, step=step, **FAST)
    path = [*path[1:], {k: p.detach().double() for k, p in run.trained.named_parameters()}]
    averaged = dict(run.method.named_parameters())
    for key, mean in start.items():
        if key.split(".")[0] == "D":
            assert torch.equal(averaged[key], dict(run.trained.named_parameters())[key])
            continue
        for t, weights in enumerate(path):
            d = min(0.3, (1 + t) / (10 + t))  # 0.1, 2/11, 0.25, then the cap
            mean = d * mean + (1 - d) * weights[key]
        assert torch.allclose(averaged[key].double(), mean, rtol=0, atol=1e-7)


def test_average_of_decay_zero_is_the_last_weights_and_the_loop_keeps_training_the_raw_ones(toy, small_grit):
    plain, averaged = (fit(small_grit(), toy(), steps=4, ema=e, **FAST) for e in (0, 0.99))
    for (key, a), (_, b) in zip(plain.method.named_parameters(), plain.trained.named_parameters(), strict=True):
        assert torch.equal(a, b), key
    assert same(plain.trained, averaged.trained) and not same(averaged.method, averaged.trained)
    assert not plain.method.training and not plain.trained.training


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_average_twin_shares_no_memory_with_the_trained_network(decay, small_grit):
    method = small_grit()
    ema = EMA(method, ("G",), decay)
    twin, before = ema.averaged(method), method.G.stem.weight.detach().clone()
    with torch.no_grad():
        method.G.stem.weight.add_(1)
    assert torch.equal(twin.G.stem.weight, before)
    assert method.training and not twin.training


def test_an_average_of_decay_zero_costs_nothing(small_grit):
    """It would be written in every step, at full size about as dear as Adam, and is the weights themselves."""
    method = small_grit()
    ema = EMA(method, ("G",), 0.0)
    ema.update(method, 5)
    with torch.no_grad():
        method.G.stem.weight.add_(1)
    assert not ema.weights and torch.equal(ema.averaged(method).G.stem.weight, method.G.stem.weight)


def test_bf16_ends_where_fp32_ends_and_its_losses_are_float32(toy, small_grit):
    kinds = set()

    def g_loss(out, B, logits):
        terms = type(method).g_loss(method, out, B, logits)
        kinds.update(t.dtype for t in (out.image, logits, *terms.values()))
        return terms

    ends = {}
    for precision in ("fp32", "bf16"):
        method = small_grit(g_loss=g_loss)
        run = fit(method, toy(), steps=20, **{**FAST, "precision": precision, "log_every": 20})
        ends[precision] = run.history[-1]
    assert kinds == {torch.float32}
    assert ends["fp32"] != ends["bf16"]
    for name in ("D_real", "D_fake", "adv", "rec"):
        assert ends["bf16"][name] == pytest.approx(ends["fp32"][name], rel=0.03), name


def test_log_holds_the_means_since_the_last_line(toy, small_grit, tmp_path):
    values = iter([1.0, 2.0, 4.0, 8.0, 16.0])
    run = fit(small_grit(), toy(), tmp_path, steps=5, step=lambda *_: {"x": next(values)}, **{**FAST, "log_every": 2})
    assert run.history == [{"step": 2, "x": 1.5}, {"step": 4, "x": 6.0}, {"step": 5, "x": 16.0}]
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == run.history == read(tmp_path)["history"]


SHEET = [0, 1, 3, 4, 6, 8]  # six of nine tiles, evenly spread


def test_sample_pictures_are_of_the_averaged_weights_on_the_preview(toy, small_grit, tmp_path):
    preview = toy(seed=9)
    run = fit(small_grit(), toy(), tmp_path, steps=5, sample_every=2, preview=preview, **FAST)
    assert sorted(f.name for f in (tmp_path / "samples").iterdir()) == [f"step_00000{k}.png" for k in (2, 4, 5)]
    drawn = np.asarray(Image.open(tmp_path / "samples" / "step_000005.png"))
    assert np.array_equal(drawn, np.asarray(sample_grid(run.method, preview, SHEET)))
    assert not np.array_equal(drawn, np.asarray(sample_grid(run.trained, preview, SHEET)))
    default = fit(small_grit(), toy(), tmp_path / "b", steps=5, **FAST)
    drawn = np.asarray(Image.open(default.out / "samples" / "step_000005.png"))
    assert np.array_equal(drawn, np.asarray(sample_grid(default.method, toy(), SHEET)))


def test_a_loss_that_is_not_finite_is_named_and_the_checkpoint_stays_good(toy, small_grit, tmp_path):
    calls = []

    def g_loss(out, B, logits):
        calls.append(1)
        terms = type(method).g_loss(method, out, B, logits)
        return {**terms, "rec": terms["rec"] * (float("nan") if len(calls) > 4 else 1)}

    method = small_grit(g_loss=g_loss)
    # Read only every 6 steps, and the network is lost from the fifth on: the message still names the first.
    with pytest.raises(FloatingPointError, match=r"loss rec is nan at step 5; .*checkpoint\.pt") as caught:
        fit(method, toy(), tmp_path, steps=12, save_every=3, sample_every=0, **{**FAST, "log_every": 6})
    assert str(tmp_path / "checkpoint.pt") in str(caught.value)
    assert read(tmp_path)["step"] == 3
    assert all(v.isfinite().all() for v in load_method(tmp_path).state_dict().values())

    calls.clear()
    method = small_grit(g_loss=g_loss)
    with pytest.raises(FloatingPointError, match="rec is nan at step 5; no checkpoint was saved"):
        fit(method, toy(), steps=12, **FAST)


def test_weights_that_are_not_finite_are_never_saved(toy, small_grit, tmp_path):
    steps = []

    def step(method, batch, optimizers):
        steps.append(1)
        with torch.no_grad():
            method.G.stem.weight[0] = float("inf") if len(steps) > 2 else 0.0
        return {"x": 0.0}

    with pytest.raises(FloatingPointError, match=r"G\.stem\.weight are not finite after step 4; .*checkpoint\.pt"):
        fit(small_grit(), toy(), tmp_path, steps=4, step=step, save_every=2, sample_every=0, **FAST)
    assert read(tmp_path)["step"] == 2 and load_method(tmp_path, ema=False).G.stem.weight.isfinite().all()
