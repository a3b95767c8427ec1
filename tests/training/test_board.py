"""TensorBoard's file holds what the log holds, resumed runs go on in it, and a missing package is told early."""

import sys

import numpy as np
import pytest

from gritlib.training import TrainConfig, board, fit, read

CONFIG = TrainConfig(
    steps=6, batch_size=2, precision="fp32", log_every=2, sample_every=3, save_every=3, ema=0.7, tensorboard=True
)


def test_a_missing_package_is_told_before_anything_happens(toy, small_grit, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    method = small_grit()
    before = method.G.stem.weight.clone()
    with pytest.raises(ValueError, match="needs a package: pip install tensorboard"):
        fit(method, toy(), tmp_path, config=CONFIG, progress=False)
    assert list(tmp_path.iterdir()) == [] and method.G.stem.weight.equal(before)
    board.check(False, None)


def read_back(folder):
    """tag -> {step: value}; and the pictures."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    tags = events.Tags()
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in tags["scalars"]}
    return scalars, {tag: [(e.step, e.width, e.height) for e in events.Images(tag)] for tag in tags["images"]}


def test_it_holds_the_log_the_rates_the_scores_and_the_pictures(toy, small_grit, tmp_path):
    pytest.importorskip("tensorboard")
    scores = iter([3.0, 2.0])
    how = {"config": CONFIG, "keep_best": "L1", "score": lambda method: next(scores), "progress": False}
    run = fit(small_grit(), toy(), tmp_path, **how)
    scalars, pictures = read_back(tmp_path)
    assert [line["step"] for line in run.history] == [2, 3, 4, 6]
    for name in ("D_real", "adv"):
        logged = [(line["step"], line[name]) for line in run.history]
        assert [step for step, _ in scalars[f"loss/{name}"]] == [2, 3, 4, 6]
        assert np.allclose(scalars[f"loss/{name}"], logged, rtol=1e-6)
    assert scalars["score/L1"] == [(3, 3.0), (6, 2.0)] and scalars["best/L1"] == [(3, 3.0), (4, 3.0), (6, 2.0)]
    rates = dict(scalars["learning_rate/generator"])
    assert rates[2] == pytest.approx(run.method.config.lr) and 0 < rates[6] < rates[4]
    assert [step for step, _ in scalars["images_per_second"]] == [2, 3, 4, 6]
    assert all(rate > 0 for _, rate in scalars["images_per_second"])
    assert [step for step, *_ in pictures["samples"]] == [3, 6] and pictures["samples"][0][1] > 16
    assert not any("step" in tag for tag in scalars)


def test_a_resumed_run_goes_on_in_the_same_curves_and_an_overwritten_one_removes_them(toy, small_grit, tmp_path):
    pytest.importorskip("tensorboard")

    class Broken(Exception):
        pass

    class Breaks:
        def __init__(self, source, at):
            self.source, self.at, self.steps = source, at, 0

        def __len__(self):
            return 2

        def batch(self, indices, generator=None):
            self.steps += generator is not None
            if self.steps == self.at:
                raise Broken
            return self.source.batch(indices, generator)

    how = {"config": CONFIG, "progress": False, "sample_every": 0}
    # Five steps, and the batch that the averaged copy sees at step 3: it dies in step 6.
    with pytest.raises(Broken):
        fit(small_grit(), Breaks(toy(), at=7), tmp_path, **how)
    assert read(tmp_path)["step"] == 3
    assert [step for step, _ in read_back(tmp_path)[0]["loss/adv"]] == [2, 3, 4]
    run = fit(small_grit(), Breaks(toy(), at=None), tmp_path, resume=True, **how)
    scalars, _ = read_back(tmp_path)
    assert [step for step, _ in scalars["loss/adv"]] == [2, 3, 4, 6] == [line["step"] for line in run.history]
    fit(small_grit(), toy(), tmp_path, overwrite=True, **{**how, "config": CONFIG, "steps": 2})
    assert [step for step, _ in read_back(tmp_path)[0]["loss/adv"]] == [2]
