"""A checkpoint is whole or absent, loads without running code, and rebuilds its method."""

import os
import pickle
import random
import signal
import time

import pytest
import torch

from gritlib.training import checkpoint, fit, load_method, read

HOW = {"steps": 3, "batch_size": 2, "precision": "fp32", "ema": 0.9, "progress": False}


@pytest.fixture
def trained(toy, small_grit, tmp_path):
    return fit(small_grit(), toy(), tmp_path / "run", **HOW)


def test_a_checkpoint_loads_without_running_code_and_holds_plain_data(trained):
    content = torch.load(trained.out / "checkpoint.pt", weights_only=True)
    assert content["format"] == checkpoint.FORMAT and content["method"] == "grit" and content["step"] == 3
    assert content["config"]["rec_weight"] == 10.0 and content["training"]["steps"] == 3
    assert content["source"]["name"] == "toy" and content["source"]["size"] == 16
    assert content["versions"]["torch"] == torch.__version__ and content["versions"]["precision"] == "fp32"
    assert content["history"] == trained.history


def test_the_method_comes_back_with_averaged_or_last_weights(trained):
    averaged, last = load_method(trained.out), load_method(trained.out / "checkpoint.pt", ema=False)
    for loaded, wanted in ((averaged, trained.method), (last, trained.trained)):
        assert not loaded.training and loaded.config == wanted.config
        for (key, a), (_, b) in zip(loaded.state_dict().items(), wanted.state_dict().items(), strict=True):
            assert torch.equal(a, b), key
    assert not torch.equal(averaged.G.stem.weight, last.G.stem.weight)
    A = torch.randn(2, 3, 16, 16)
    assert torch.equal(averaged.translate(A, noise=1).image, trained.method.translate(A, noise=1).image)


def test_pix2pix_comes_back_with_the_running_statistics_of_its_averaged_weights(toy, small_pix2pix, tmp_path):
    run = fit(small_pix2pix(), toy(64, 2), tmp_path, **HOW)
    loaded, A = load_method(tmp_path), torch.randn(1, 3, 64, 64)
    assert torch.equal(loaded.translate(A, noise="zero").image, run.method.translate(A, noise="zero").image)
    assert not torch.equal(loaded.G.down[1][2].running_mean, run.trained.G.down[1][2].running_mean)


def test_the_messages_for_files_that_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere: give a run folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint at .*checkpoint\.pt"):
        read(tmp_path)  # an empty run folder
    (tmp_path / "text.pt").write_text("not a checkpoint")
    with pytest.raises(ValueError, match=r"text\.pt is not a gritlib checkpoint"):
        read(tmp_path / "text.pt")
    torch.save({"weights": torch.zeros(2)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt is not a gritlib checkpoint"):
        read(tmp_path / "other.pt")
    torch.save(torch.zeros(2), tmp_path / "tensor.pt")
    with pytest.raises(ValueError, match=r"tensor\.pt is not a gritlib checkpoint"):
        read(tmp_path / "tensor.pt")
    checkpoint.save({"format": checkpoint.FORMAT + 1}, tmp_path / "new.pt")
    with pytest.raises(ValueError, match=rf"format {checkpoint.FORMAT + 1}, this gritlib reads up to .*update"):
        read(tmp_path / "new.pt")


class Evil:
    def __reduce__(self):
        return os.mkdir, ("owned",)


@pytest.mark.filterwarnings("ignore")  # torch warns about the pickle too
def test_a_malicious_file_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"format": 1, "x": Evil()}, tmp_path / "evil.pt")
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.pt", "evil.pkl"):
        with pytest.raises(ValueError, match="is not a gritlib checkpoint"):
            read(tmp_path / name)
    assert not (tmp_path / "owned").exists()


def test_weights_that_do_not_fit_are_named(trained):
    content = read(trained.out)
    del content["state"]["G.stem.weight"]
    content["averaged"].pop("G.stem.weight")
    path = checkpoint.save(content, trained.out / "checkpoint.pt")
    with pytest.raises(ValueError, match=r"networks of your own(.|\n)*G\.stem\.weight"):
        load_method(path)


@pytest.mark.parametrize("where", ["replace", "fsync", "save"])
def test_a_save_that_fails_leaves_the_old_file_and_no_other(where, tmp_path, monkeypatch):
    path = checkpoint.save({"step": 1}, tmp_path / "sub" / "checkpoint.pt")

    def fail(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(torch if where == "save" else os, where, fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoint.save({"step": 2}, path)
    monkeypatch.undo()
    assert read(path)["step"] == 1 and [f.name for f in path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_file_is_complete_and_on_disk_before_it_takes_the_name(tmp_path, monkeypatch):
    events = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (events.append("fsync"), fsync(fd))[1])
    monkeypatch.setattr(
        os, "replace", lambda a, b: (events.append(torch.load(a, weights_only=True)["step"]), replace(a, b))[1]
    )
    path = checkpoint.save({"step": 5}, tmp_path / "checkpoint.pt")
    assert events == ["fsync", 5] and path.exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_the_file_is_whole(tmp_path):
    """Children that only save, forked from this process (importing torch twenty times would take a minute)."""
    path, moments, steps = tmp_path / "checkpoint.pt", random.Random(0), []

    def content(step):
        return {"step": step, "state": {str(i): torch.full((50_000,), float(step)) for i in range(8)}}

    checkpoint.save(content(0), path)
    inside = 0
    for _ in range(20):
        child = os.fork()
        if child == 0:
            step = steps[-1] if steps else 0
            while True:
                step += 1
                checkpoint.save(content(step), path)
        time.sleep(moments.uniform(0.02, 0.2))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        temporary = list(tmp_path.glob(".*.tmp"))
        inside += len(temporary)
        for file in temporary:
            file.unlink()
        seen = read(path)
        assert all((value == seen["step"]).all() for value in seen["state"].values())
        steps.append(seen["step"])
    assert steps == sorted(steps) and len(set(steps)) > 10, "the children saved nothing, so nothing was tested"
    assert inside > 0, "no child was killed while it wrote, so nothing was tested"
