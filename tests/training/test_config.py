"""Every field of TrainConfig does something, and values that cannot work are refused by name."""

import json
import sys
import time
from dataclasses import fields

import accelerate
import pytest
import torch

from gritlib.training import TrainConfig, fit
from gritlib.training.fit import Trainer, check

BASE = {"steps": 4, "batch_size": 2, "precision": "fp32", "log_every": 1, "sample_every": 0, "save_every": 0}


def weights(run):
    return torch.cat([p.detach().flatten() for p in run.trained.parameters()]).tolist()


def steps_on_disk(run):
    return sorted(f.name for f in (run.out / "samples").iterdir())


# For each field: two values, and what must differ between the two runs.
CHANGES = {
    "steps": (2, 3, lambda run, seen: run.step),
    "batch_size": (1, 2, lambda run, seen: seen["sizes"][0]),
    "seed": (0, 1, lambda run, seen: weights(run)),
    "constant": (0.0, 1.0, lambda run, seen: seen["rates"][3]),
    "ema": (0.0, 0.9, lambda run, seen: run.method.G.stem.weight.tolist()),
    "precision": ("fp32", "bf16", lambda run, seen: weights(run)),
    "device": ("cpu", "auto", lambda run, seen: seen["device"]),
    "recompute": (False, True, lambda run, seen: run.trained.G.recompute),
    "compile": (False, True, lambda run, seen: seen["compiled"]),
    "minutes": (None, 0.05 / 60, lambda run, seen: (run.step, run.finished)),
    "log_every": (1, 3, lambda run, seen: [line["step"] for line in run.history]),
    "sample_every": (2, 3, lambda run, seen: steps_on_disk(run)),
    "save_every": (2, 3, lambda run, seen: seen["saved"]),
    "keep_last": (0, 1, lambda run, seen: (run.out / "checkpoint_000004.pt").exists()),
    "keep_best": (None, "L1", lambda run, seen: (run.out / "best.pt").exists()),
    "tensorboard": (False, True, lambda run, seen: (run.out / "tensorboard").exists()),
}


@pytest.mark.parametrize("name", [f.name for f in fields(TrainConfig)])
def test_changing_a_field_changes_something(name, toy, small_grit, tmp_path, monkeypatch):
    assert name in CHANGES, f"TrainConfig.{name} is new: say in CHANGES what it changes"
    first, second, observe = CHANGES[name]
    if name == "tensorboard":
        pytest.importorskip("tensorboard")
    observed = []
    for number, value in enumerate((first, second)):
        seen = {"sizes": [], "rates": [], "saved": [], "compiled": []}

        class Watched(Trainer):
            def one_step(self, step, student_step, seen=seen):
                terms = super().one_step(step, student_step)
                seen["device"] = self.device
                seen["sizes"].append(len(self.batch(step)["A"]))
                seen["rates"].append(self.optimizers["generator"].param_groups[0]["lr"])
                if name == "minutes":
                    time.sleep(0.06)
                return terms

            def save(self, step, averaged, seen=seen):
                seen["saved"].append(step)
                return super().save(step, averaged)

        class OnAnotherDevice(accelerate.Accelerator):
            device = torch.device("cpu", 0)  # what an accelerator would answer on a machine with a GPU, in small

        # What compiling does is tested in test_speed.py.
        monkeypatch.setattr(torch.nn.Module, "compile", lambda net, seen=seen, **_: seen["compiled"].append(type(net)))
        monkeypatch.setattr(accelerate, "Accelerator", OnAnotherDevice)
        monkeypatch.setattr(sys.modules["gritlib.training.fit"], "Trainer", Watched)
        settings = {**BASE, name: value}
        score = {"score": lambda method: 1.0} if value == "L1" else {}
        out = tmp_path / str(number)
        run = fit(small_grit(), toy(), out, config=TrainConfig(**settings), progress=False, **score)
        observed.append(observe(run, seen))
    assert observed[0] != observed[1]


def test_recompute_changes_no_weight_and_may_be_switched_on_when_a_run_goes_on(toy, small_pix2pix, tmp_path):
    def trained(out, **settings):
        return fit(small_pix2pix(), toy(64, 1), out, config=TrainConfig(**BASE), progress=False, **settings)

    plain, again = trained(None), trained(None, recompute=True)
    assert weights(plain) == weights(again) and plain.history == again.history
    statistics = [run.trained.G.state_dict() for run in (plain, again)]
    assert all(torch.equal(statistics[0][key], statistics[1][key]) for key in statistics[0])
    trained(tmp_path, minutes=1e-9)
    assert weights(trained(tmp_path, resume=True, recompute=True)) == weights(plain)


def test_an_override_replaces_one_field_and_leaves_the_config_alone(toy, small_grit):
    config = TrainConfig(**BASE)
    run = fit(small_grit(), toy(), config=config, steps=1, progress=False)
    assert run.step == 1 and config.steps == 4
    with pytest.raises(TypeError, match="stepps"):
        fit(small_grit(), toy(), config=config, stepps=1, progress=False)


def test_saved_at_the_steps_asked_for_and_always_at_the_end(toy, small_grit, tmp_path, monkeypatch):
    saved = []
    original = Trainer.save
    monkeypatch.setattr(Trainer, "save", lambda self, step, a: (saved.append(step), original(self, step, a))[1])
    fit(small_grit(), toy(), tmp_path / "a", config=TrainConfig(**{**BASE, "save_every": 2}), steps=5, progress=False)
    assert saved == [2, 4, 5]
    saved.clear()
    fit(small_grit(), toy(), tmp_path / "b", config=TrainConfig(**{**BASE, "save_every": 2}), progress=False)
    assert saved == [2, 4]
    lines = (tmp_path / "b" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"steps": 0}, "steps is 0: it must be 1 or more"),
        ({"batch_size": 0}, "batch_size is 0: it must be 1 or more"),
        ({"log_every": 0}, "log_every is 0: it must be 1 or more"),
        ({"constant": 1.5}, "constant is 1.5: it must lie between 0 and 1"),
        ({"ema": -0.1}, "ema is -0.1: it must lie between 0 and 1"),
        ({"ema": float("nan")}, "ema is nan: it must lie between 0 and 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(setting, message, toy, small_grit):
    with pytest.raises(ValueError, match=message):
        fit(small_grit(), toy(), progress=False, **setting)
    check(TrainConfig(), toy())  # the defaults pass


def test_an_empty_source_is_refused(small_grit):
    with pytest.raises(ValueError, match="source is empty"):
        fit(small_grit(), [], progress=False)


@pytest.mark.parametrize("setting", [{"precision": "fp16"}, {"precision": "bfloat16"}, {"device": "cuda"}])
def test_a_misspelt_choice_is_refused(setting, toy, small_grit):
    with pytest.raises(ValueError, match="|".join(setting)):
        fit(small_grit(), toy(), steps=1, progress=False, **setting)


def test_a_time_limit_of_zero_is_refused(toy, small_grit):
    with pytest.raises(ValueError, match="minutes is 0"):
        fit(small_grit(), toy(), steps=3, minutes=0, progress=False)
