"""Interrupted and resumed is the same as never interrupted; a run is never mixed with another or written over."""

import os
import signal
import threading
import time
from dataclasses import replace

import pytest
import torch
from same import equal

from gritlib.data import images
from gritlib.training import TrainConfig, checkpoint, fit, read
from gritlib.training.device import deferred_interrupt

CONFIG = TrainConfig(
    steps=6, batch_size=2, precision="fp32", log_every=1, sample_every=0, save_every=0, ema=0.7, constant=0.3
)


class CtrlC:
    """A source that gets Ctrl-C while it reads the batch of call number `at`."""

    def __init__(self, source, at):
        self.source, self.at, self.calls = source, at, 0

    def __len__(self):
        return len(self.source)

    def batch(self, indices, generator=None):
        self.calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        return self.source.batch(indices, generator)


@pytest.mark.parametrize("kind", ["grit", "pix2pix", "student"])
def test_three_steps_ctrl_c_and_resume_are_six_steps(kind, toy, small_grit, small_pix2pix, adam_step, tmp_path):
    make = small_pix2pix if kind == "pix2pix" else small_grit
    source = toy(64, 2) if kind == "pix2pix" else toy()
    how = {"config": CONFIG, "progress": False, "step": adam_step() if kind == "student" else None}

    whole = fit(make(), source, tmp_path / "whole", **how)
    assert whole.finished and whole.step == 6

    handler = signal.getsignal(signal.SIGINT)
    half = fit(make(), CtrlC(source, at=3), tmp_path / "parts", **how)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not half.finished and half.step == 3 and read(tmp_path / "parts")["step"] == 3
    # Resuming takes everything from the file: the new method begins with other weights, the caller's seed is another.
    torch.manual_seed(99)
    rest = fit(make(seed=7), source, tmp_path / "parts", resume=True, **how)
    assert rest.finished and rest.step == 6

    assert equal(whole.trained.state_dict(), rest.trained.state_dict())
    assert equal(whole.method.state_dict(), rest.method.state_dict())
    assert whole.history == rest.history and len(whole.history) == 6
    logs = [(tmp_path / run / "log.jsonl").read_text() for run in ("whole", "parts")]
    assert logs[0] == logs[1]
    a, b = (read(tmp_path / run) for run in ("whole", "parts"))
    assert a["optimizers"]["generator"]["state"][0]["step"].item() == 6
    assert equal(a, {**b, "source": a["source"]})


def test_resuming_twice_and_resuming_what_is_finished_changes_nothing(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "progress": False}
    whole = fit(small_grit(), toy(), **how)
    for at in (2, 2):
        fit(small_grit(), CtrlC(toy(), at), tmp_path, resume=True, **how)
    assert read(tmp_path)["step"] == 4
    for _ in range(2):
        run = fit(small_grit(seed=3), toy(), tmp_path, resume=True, **how)
        assert equal(whole.method.state_dict(), run.method.state_dict()) and run.history == whole.history


def test_lines_logged_after_the_checkpoint_are_not_doubled(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "progress": False}
    fit(small_grit(), CtrlC(toy(), 3), tmp_path, **how)
    with open(tmp_path / "log.jsonl", "a") as file:  # what a run killed later would have left
        file.write('{"step": 4, "x": 1}\n')
    run = fit(small_grit(), toy(), tmp_path, resume=True, **how)
    assert [line["step"] for line in run.history] == [1, 2, 3, 4, 5, 6]
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6


def test_a_second_ctrl_c_raises_and_the_handler_comes_back():
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), deferred_interrupt() as event:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)
        assert event.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.5)
    assert signal.getsignal(signal.SIGINT) is handler


def test_training_off_the_main_thread_works(toy, small_grit):
    runs = []
    args = (small_grit(), toy())
    thread = threading.Thread(target=lambda: runs.append(fit(*args, config=CONFIG, progress=False)))
    thread.start()
    thread.join()
    assert runs[0].finished


def test_time_limit_stops_with_a_checkpoint(toy, small_grit, tmp_path):
    def step(*_):
        time.sleep(0.02)
        return {"x": 0.0}

    run = fit(small_grit(), toy(), tmp_path, config=CONFIG, steps=10_000, minutes=0.2 / 60, step=step, progress=False)
    assert not run.finished and 0.2 <= run.seconds < 5
    assert 2 <= run.step <= 10 and read(tmp_path)["step"] == run.step


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 1}, r"training differs \(seed 0 -> 1\)"),
        ({"batch_size": 3}, r"training differs \(batch_size 2 -> 3\)"),
        ({"steps": 7}, r"training differs \(steps 6 -> 7\)"),
        ({"constant": 0.9}, "training"),
        ({"ema": 0.1}, "training"),
        ({"precision": "bf16"}, "training"),
    ],
)
def test_resume_refuses_other_training(change, named, toy, small_grit, tmp_path):
    fit(small_grit(), CtrlC(toy(), 1), tmp_path, config=CONFIG, progress=False)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(ValueError, match=f"cannot resume .*, its {named}"):
        fit(small_grit(), toy(), tmp_path, config=replace(CONFIG, **change), resume=True, progress=False)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_resume_allows_what_leaves_the_weights_alone(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "progress": False}
    whole = fit(small_grit(), toy(), **how)
    fit(small_grit(), CtrlC(toy(), 2), tmp_path, **how)
    free = {"minutes": 60.0, "log_every": 4, "sample_every": 2, "save_every": 2, "device": "cpu", "keep_last": 2}
    free |= {"keep_best": "PSNR", "score": lambda method: 1.0}
    run = fit(small_grit(), toy(), tmp_path, resume=True, **how, **free)
    assert equal(whole.method.state_dict(), run.method.state_dict())


def test_resume_refuses_another_method_and_another_network(toy, small_grit, small_pix2pix, tmp_path):
    fit(small_grit(), CtrlC(toy(), 1), tmp_path, config=CONFIG, progress=False)
    with pytest.raises(ValueError, match=r"its method differs .'grit' -> 'pix2pix'"):
        fit(small_pix2pix(), toy(64, 2), tmp_path, config=CONFIG, resume=True, progress=False)
    other = small_grit()
    other.config.rec_weight = 3.0
    with pytest.raises(ValueError, match=r"its config differs \(rec_weight 10\.0 -> 3\.0\)"):
        fit(other, toy(), tmp_path, config=CONFIG, resume=True, progress=False)


def test_resume_refuses_other_data(toy, small_grit, tmp_path):
    fit(small_grit(), toy(), tmp_path / "a", config=CONFIG, progress=False)
    other = toy()
    other.options = {"direction": "BtoA"}
    with pytest.raises(ValueError, match=r"its source differs \(options .*BtoA.*give the same settings"):
        fit(small_grit(), other, tmp_path / "a", config=CONFIG, resume=True, progress=False)


def test_a_run_is_not_written_over_by_accident(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "progress": False}
    first = fit(small_grit(), toy(), tmp_path, **how)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(FileExistsError, match=f"{tmp_path} already holds a run"):
        fit(small_grit(1), toy(), tmp_path, **how)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6
    anew = fit(small_grit(1), toy(), tmp_path, overwrite=True, **how)
    assert not equal(first.method.state_dict(), anew.method.state_dict())
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 6
    assert checkpoint.load_method(tmp_path).G.stem.weight.equal(anew.method.G.stem.weight)


def test_an_overwritten_run_killed_before_its_first_checkpoint_does_not_resume_the_old_one(toy, small_grit, tmp_path):
    how = {"config": CONFIG, "progress": False}
    old = fit(small_grit(), toy(), tmp_path, **how)

    def killed(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(small_grit(1), toy(), tmp_path, overwrite=True, step=killed, **how)
    new = fit(small_grit(1), toy(), tmp_path, resume=True, **how)
    assert not equal(old.method.state_dict(), new.method.state_dict())


def test_without_a_folder_nothing_is_written(toy, small_grit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fit(small_grit(), toy(), config=CONFIG, sample_every=1, save_every=1, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_sample_picture_does_not_lose_the_weights(toy, small_grit, tmp_path, monkeypatch):
    """A step's checkpoint is written before its picture is drawn."""
    broken = {"on": False}
    monkeypatch.setattr(images, "save_png", lambda *a, **k: 1 / 0 if broken["on"] else None)
    fit(small_grit(), CtrlC(toy(), 2), tmp_path, config=CONFIG, save_every=1, progress=False)
    broken["on"] = True
    with pytest.raises(ZeroDivisionError):
        fit(small_grit(), toy(), tmp_path, config=CONFIG, sample_every=4, save_every=1, resume=True, progress=False)
    assert read(tmp_path)["step"] == 4
