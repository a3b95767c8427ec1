"""A run in pieces, cut by time limits or by SIGTERM, is bit for bit the run in one, with all that it keeps."""

import os
import signal
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import pytest
from same import equal

from gritlib.evaluation.scorer import scorer
from gritlib.training import TrainConfig, fit, load_method, read
from gritlib.training.device import deferred_interrupt

CONFIG = TrainConfig(
    steps=11, batch_size=2, precision="fp32", log_every=4, sample_every=0, save_every=3, ema=0.7, keep_last=2
)


class Minutes:
    """A source on whose clock every step takes a minute."""

    def __init__(self, source, monkeypatch):
        self.source, self.now = source, 0.0
        clock = types.SimpleNamespace(perf_counter=lambda: self.now)
        monkeypatch.setattr(sys.modules["gritlib.training.fit"], "time", clock)

    def __len__(self):
        return len(self.source)

    def batch(self, indices, generator=None):
        self.now += 60.0
        return self.source.batch(indices, generator)


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("kind", ["grit", "pix2pix"])
def test_several_time_limits_in_a_row_are_the_run_without(kind, toy, small_grit, small_pix2pix, tmp_path, monkeypatch):
    make, source = (small_grit, toy()) if kind == "grit" else (small_pix2pix, toy(64, 2))
    held_out = toy(seed=1) if kind == "grit" else toy(64, 1, seed=1)
    config = replace(CONFIG, keep_best="L1")
    how = {"score": scorer(held_out, "L1", images=3), "progress": False}
    whole = fit(make(), Minutes(source, monkeypatch), tmp_path / "whole", config=config, **how)
    assert whole.finished and [line["step"] for line in whole.history] == [3, 4, 6, 8, 9, 11]

    stops = []
    for minutes in (0.5, 0.5, 2.5, 4.5, 60.0):  # a saving takes some too: the averaged copy sees batches
        slow = Minutes(source, monkeypatch)
        config = replace(config, minutes=minutes)
        run = fit(make(seed=len(stops)), slow, tmp_path / "parts", config=config, resume=True, **how)
        stops.append(run.step)
        assert run.history[-1]["step"] == run.step and read(tmp_path / "parts")["step"] == run.step
    assert run.finished and stops == [1, 2, 4, 7, 11]  # before a saving, at a line of the log, between both

    assert equal(whole.trained.state_dict(), run.trained.state_dict())
    assert equal(whole.method.state_dict(), run.method.state_dict())
    assert whole.history == run.history and whole.best == run.best
    assert files(tmp_path / "whole") == files(tmp_path / "parts")
    kept = ["best.pt", "checkpoint.pt", "checkpoint_000009.pt", "checkpoint_000011.pt"]
    assert files(tmp_path / "whole") == [*kept, "log.jsonl"]
    logs = [(tmp_path / name / "log.jsonl").read_text() for name in ("whole", "parts")]
    assert logs[0] == logs[1]
    for name in kept:
        a, b = (read(tmp_path / folder / name) for folder in ("whole", "parts"))
        assert a["training"].pop("minutes") is None and b["training"].pop("minutes") is not None
        assert equal(a, b), name


def test_a_stop_within_a_line_of_the_log_is_taken_up_again(toy, small_grit, tmp_path, monkeypatch):
    config = replace(CONFIG, save_every=0, keep_last=0)
    whole = fit(small_grit(), toy(), config=config, progress=False)
    short = {"config": replace(config, minutes=1.5), "progress": False}
    run = fit(small_grit(), Minutes(toy(), monkeypatch), tmp_path, **short)
    assert [line["step"] for line in run.history] == [2] and read(tmp_path)["history"] == []
    assert (tmp_path / "log.jsonl").read_text().count("\n") == 1
    assert {step for _, step, _ in read(tmp_path)["unfinished"]} == {0, 1}
    run = fit(small_grit(), toy(), tmp_path, config=config, resume=True, progress=False)
    assert run.history == whole.history and run.history[0]["step"] == 4


CHILD = """
import os, signal, sys, torch
sys.path.insert(0, {root!r})
from gritlib.methods import GRIT, GRITConfig
from gritlib.training import fit

class Preempted:
    calls = 0
    def __len__(self):
        return 4
    def batch(self, indices, generator=None):
        Preempted.calls += 1
        if Preempted.calls == 3:
            print("at step 3", flush=True)
            sys.stdin.readline()
        images = torch.rand(len(indices), 6, 16, 16, generator=torch.Generator().manual_seed(indices[0]))
        return {{"A": images[:, :3], "B": images[:, 3:]}}

torch.set_num_threads(1)
torch.manual_seed(0)
method = GRIT(GRITConfig(3, 3, width=4, depth=2, style_dim=2, d_width=4, d_layers=1))
run = fit(method, Preempted(), {out!r}, steps=50, batch_size=2, precision="fp32", device="cpu", progress=False)
print("stopped" if not run.finished else "finished", run.step)
"""


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_sigterm_finishes_the_step_saves_and_returns(tmp_path):
    code = CHILD.format(root=str(Path(__file__).parents[2]), out=str(tmp_path))
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "at step 3\n"
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGTERM)  # as a queue does that tells the process and its parent
    said, _ = child.communicate("go on\n", timeout=300)
    assert child.returncode == 0 and said == "stopped 3\n"
    assert read(tmp_path)["step"] == 3 and load_method(tmp_path).name == "grit"


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without a signal")
def test_sigterm_twice_does_not_raise_ctrl_c_after_it_does_and_both_handlers_come_back():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with deferred_interrupt(terminate=True) as event:
        for _ in range(2):
            signal.raise_signal(signal.SIGTERM)
        assert event.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
