"""Two processes on a CPU train what one trains, stop together, and are missed when they are gone. What they do is in
`several.py`."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import several
import torch
from several import CONFIG, HOW, Doubled, Simple, cases, grit, interrupt, outcome, scene
from torch import nn

from gritlib.__main__ import main
from gritlib.training import fit, load_method, processes, read
from gritlib.training.processes import average_gradients


def launch(*words, timeout=300):
    """`torchrun --nproc_per_node 2` with these words."""
    environment = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    root = str(Path(__file__).parents[2])
    environment["PYTHONPATH"] = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    return subprocess.run(
        [*torchrun, *map(str, words)], env=environment, capture_output=True, text=True, timeout=timeout
    )


def distance(a, b):
    """Largest difference of two outcomes' weights. A bias before a norm does nothing: it begins at zero, its gradient
    is rounding error, and Adam makes of that what it likes (up to 1e-7 in five steps)."""
    assert a.keys() == b.keys()
    idle = {key for key in b if key.endswith("bias") and b[key].abs().max() < 1e-6}
    return max((a[key] - b[key]).abs().max().item() for key in b if key not in idle and b[key].numel())


@pytest.mark.slow
def test_two_processes_are_one_with_all_images(tmp_path):
    half = fit(grit(), Doubled(scene(16), 3, interrupt, rank=0), tmp_path / "one", config=CONFIG, **HOW)
    assert half.step == 3 and not half.finished
    shutil.copytree(tmp_path / "one", tmp_path / "apart1")
    before = read(tmp_path / "one")["step"]
    done = launch(several.__file__, "agree", tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert first["world"] == second["world"] == (2, "gloo")

    alone = {name: outcome(fit(*case, config=CONFIG, **HOW)) for name, case in cases().items()}
    begun = {name: method.state_dict() for name, (method, _) in cases().items()}
    for name, one in alone.items():
        for kind in ("trained", "averaged"):
            assert distance(first[name][kind], second[name][kind]) == 0, name
            assert distance(first[name][kind], one[kind]) < 1e-9, name
            assert distance(begun[name], one[kind]) > 1e-4, name
        assert [line["step"] for line in first[name]["log"]] == [1, 2, 3, 4, 5]
        for line, wanted in zip(first[name]["log"], one["log"], strict=True):
            assert line == pytest.approx(wanted, abs=2e-5), name

    # Stopped on two processes and resumed on one, and the other way round.
    assert first["interrupted"] == second["interrupted"] == (3, False) and read(tmp_path / "two")["step"] == 3
    rest = fit(grit(seed=9), Doubled(scene(16)), tmp_path / "two", config=CONFIG, resume=True, **HOW)
    assert before == 3 and rest.step == 5 == read(tmp_path / "one")["step"]
    for resumed in (outcome(rest), first["resumed"], second["resumed"]):
        assert distance(resumed["trained"], alone["grit"]["trained"]) < 1e-9
        assert distance(resumed["averaged"], alone["grit"]["averaged"]) < 1e-9
    assert first["limit"] == second["limit"] < 100_000

    assert first["refused"] == second["refused"]
    assert first["refused"]["nan"].startswith("FloatingPointError: loss rec is nan at step 3; no checkpoint was saved")
    assert first["refused"]["odd"].endswith(
        "batch_size is 7: 2 processes share the images of a step evenly, give 6 or 8"
    )
    assert 'norm "sync" shares its statistics between GPUs, not on cpu' in first["refused"]["sync"]
    assert "would go on from step 0 and from step 3: the run folder must lie on a disk" in first["refused"]["apart"]


@pytest.mark.slow
def test_a_killed_process_ends_the_run_with_words_and_the_rest_is_resumed_by_one(tmp_path):
    began = time.perf_counter()
    done = launch(several.__file__, "lose", tmp_path)
    assert done.returncode != 0 and time.perf_counter() - began < 120
    assert "another process of this run has ended" in done.stderr and "start again with --resume" in done.stderr
    assert read(tmp_path / "lost")["step"] == 4
    assert load_method(tmp_path / "lost").name == "grit"
    rest = fit(grit(), Doubled(scene(16)), tmp_path / "lost", config=CONFIG, steps=6, save_every=2, resume=True, **HOW)
    whole = fit(grit(), Doubled(scene(16)), config=CONFIG, steps=6, **HOW)
    assert rest.finished and distance(rest.trained.state_dict(), whole.trained.state_dict()) < 1e-9


@pytest.mark.slow
def test_a_launcher_that_is_asked_to_end_leaves_a_checkpoint(tmp_path):
    done = launch(several.__file__, "stop", tmp_path)
    assert done.returncode != 0
    assert 3 <= read(tmp_path / "stopped")["step"] < 100_000


@pytest.mark.slow
def test_the_launched_command_says_how_many_processes_and_speaks_once(tmp_path):
    words = ["-m", "gritlib", "train", "grit", "--preset", "smoke", "--steps", "4", "--size", "32", "--log-every", "2"]
    done = launch(*words, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("processes: 2") == 1 and done.stdout.count("Finished at step 4") == 1
    assert "processes: 1" not in done.stdout
    assert [line["step"] for line in read(tmp_path / "run")["history"]] == [2, 4]
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == 2
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"checkpoint.pt", "log.jsonl", "samples"}

    scored = ["evaluate", tmp_path / "run", "--scores", "pixel", "spectrum", "--json-out"]
    two = launch("-m", "gritlib", *scored, tmp_path / "two.json")
    assert two.returncode == 0, two.stderr
    main([str(word) for word in [*scored, tmp_path / "one.json"]])
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert one["images"] > 2 * 32, "more than two turns of two chunks"
    assert one == two


@pytest.mark.parametrize(("rank", "said"), [("0", "error: steps is 0: it must be 1 or more"), ("1", 1)])
def test_of_several_processes_one_speaks(rank, said, monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main(["train", "grit", "--preset", "smoke", "--size", "32", "--steps", "0"])
    assert caught.value.code == said
    main(["data", "grove"])
    assert ("grove" in capsys.readouterr().out) == (rank == "0")


def net_and_batch():
    torch.manual_seed(4)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.Conv2d(5, 1, 3)).double()
    return net, torch.randn(4, 3, 9, 9, dtype=torch.float64)


def test_one_process_leaves_gradients_alone():
    net, batch = net_and_batch()
    net(batch).sum().backward()
    before = [p.grad.clone() for p in net.parameters()]
    average_gradients(list(net.parameters()), 1)
    assert all(torch.equal(a, p.grad) for a, p in zip(before, net.parameters(), strict=True))
    average_gradients([nn.Parameter(torch.zeros(1))], 2)  # no gradient, no message


def test_every_way_to_share_a_batch_gives_its_images_as_they_are_in_the_whole():
    for make in (Doubled, Simple):
        for source in (scene(16), cases()["cut"][1].source):
            whole = make(source).batch([4, 0, 7, 7, 2, 1], torch.Generator().manual_seed(3))
            for world in (1, 2, 3):
                for rank in range(world):
                    generator = torch.Generator().manual_seed(3)
                    mine = processes.share(make(source), [4, 0, 7, 7, 2, 1], generator, rank, world)
                    assert mine.keys() == whole.keys()
                    assert all(torch.equal(mine[key], whole[key][rank::world]) for key in mine)


@pytest.mark.parametrize(("images", "world", "near"), [(6, 4, "4 or 8"), (3, 4, "4"), (1, 2, "2"), (17, 8, "16 or 24")])
def test_a_batch_that_cannot_be_shared_names_those_that_can(images, world, near):
    with pytest.raises(ValueError, match=f"batch_size is {images}: {world} processes .* give {near}$"):
        processes.check_share(images, world)
    processes.check_share(2 * world, world)


def test_shared_batch_norm_keeps_its_names_and_comes_back():
    net, batch = net_and_batch()
    for _ in range(3):
        net(batch)
    method = nn.ModuleDict({"G": net})
    names, weights = list(method.state_dict()), list(method.parameters())
    wanted = net.eval()(batch)
    processes.share_statistics(method, torch.device("cuda"), 1)
    assert not any(isinstance(m, nn.SyncBatchNorm) for m in method.modules())
    processes.share_statistics(method, torch.device("cuda"), 2)
    assert isinstance(method["G"][1], nn.SyncBatchNorm) and list(method.state_dict()) == names
    assert all(a is b for a, b in zip(method.parameters(), weights, strict=True))  # what the optimisers hold
    processes.own_statistics(method)
    assert type(method["G"][1]) is nn.BatchNorm2d and list(method.state_dict()) == names
    assert torch.equal(method["G"](batch), wanted) and not method["G"][1].training


def test_what_torch_says_of_a_lost_connection_is_said_in_words(capsys):
    with pytest.raises(ConnectionError, match=r"has ended.*start again with --resume") as caught, processes.answered():
        raise RuntimeError("Connection closed by peer")
    assert capsys.readouterr().err == f"error: {caught.value}\n"
    with pytest.raises(KeyError), processes.answered():
        raise KeyError
