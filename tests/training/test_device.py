"""Seeds that spread, indices that cover, precision that the hardware has, and gradients averaged over processes.

Run as a script this file is one of two processes that `torchrun` starts.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gritlib.training.device import average_gradients, best_precision, mix, step_indices


def net_and_batch():
    torch.manual_seed(4)
    net = nn.Sequential(nn.Conv2d(3, 5, 3), nn.LeakyReLU(0.2), nn.InstanceNorm2d(5), nn.Conv2d(5, 1, 3)).double()
    return net, torch.randn(4, 3, 9, 9, dtype=torch.float64)


def worker(out: Path) -> None:
    """One process: averaged gradients of a plain net in float64, then a `fit` on half of each batch."""
    from gritlib.methods import GRIT, GRITConfig
    from gritlib.training import TrainConfig, fit

    torch.set_num_threads(1)
    torch.manual_seed(0)
    method = GRIT(GRITConfig(3, 3, width=4, depth=2, style_dim=2, noise=False, d_width=4, d_layers=1))
    world = int(os.environ.get("WORLD_SIZE", "1"))
    config = TrainConfig(steps=3, batch_size=4 // world, precision="fp32", device="cpu", ema=0.0)
    run = fit(method, Plain(), out / f"run{world}", config=config, progress=False)
    rank = int(os.environ.get("RANK", "0"))
    result = {"rank": rank, "world": world, "fit": run.trained.state_dict(), "log": run.history}
    if world > 1:
        # One process is late, both must stop at the same step.
        late = TrainConfig(steps=4000, batch_size=1, precision="fp32", device="cpu", minutes=0.01, log_every=5)
        time.sleep(0.2 * rank)
        other = GRIT(GRITConfig(3, 3, width=4, depth=2, style_dim=2, d_width=4, d_layers=1))
        result["stopped"] = fit(other, Plain(), config=late, progress=False).step
        result["seen"] = (torch.distributed.get_world_size(), torch.distributed.get_backend())
        net, batch = net_and_batch()
        net[3].bias.requires_grad_(False)  # a parameter without gradient takes no part
        net(batch[rank::world]).square().mean().backward()
        average_gradients(list(net.parameters()), world)
        result["grads"] = [p.grad for p in net.parameters()]
    torch.save(result, out / f"{world}-{rank}.pt")
    if world > 1:
        torch.distributed.destroy_process_group()


class Plain:
    """Eight fixed pairs, no augmentation: what a process sees follows from the indices alone."""

    def __init__(self):
        self.images = torch.rand(8, 6, 16, 16, generator=torch.Generator().manual_seed(2)) * 2 - 1

    def __len__(self):
        return 8

    def batch(self, indices, generator=None):
        chosen = self.images[list(indices)]
        return {"A": chosen[:, :3], "B": chosen[:, 3:]}


@pytest.mark.slow
def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    root = Path(__file__).parents[2]
    environment = {**os.environ, "ACCELERATE_USE_CPU": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), os.environ.get("PYTHONPATH", "")])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    for command in (torchrun, [sys.executable]):
        subprocess.run([*command, __file__, str(tmp_path)], env=environment, check=True, timeout=180)
    one, first, second = (torch.load(tmp_path / name, weights_only=True) for name in ("1-0.pt", "2-0.pt", "2-1.pt"))
    assert [r["seen"] for r in (first, second)] == [(2, "gloo")] * 2 and one["world"] == 1

    assert first["stopped"] == second["stopped"] < 4000 and first["stopped"] % 5 == 0

    net, batch = net_and_batch()
    net(batch).square().mean().backward()
    wanted = [p.grad for p in net.parameters()]
    for grads in (first["grads"], second["grads"]):
        assert grads[-1] is None
        for mine, whole in zip(grads[:-1], wanted[:-1], strict=True):
            assert torch.allclose(mine, whole, rtol=0, atol=1e-12)

    for key, value in first["fit"].items():
        assert torch.equal(value, second["fit"][key]), f"{key}: the replicas drifted apart"
        # Adam makes a full step of a gradient that is only rounding error, as a bias before a norm has: weights alone.
        if value.ndim == 4:
            assert torch.allclose(one["fit"][key], value, rtol=0, atol=1e-5), key
    # The log is the first process' own half, so only the weights are compared.
    assert (tmp_path / "run2" / "checkpoint.pt").exists()


def test_one_process_leaves_gradients_alone():
    net, batch = net_and_batch()
    net(batch).sum().backward()
    before = [p.grad.clone() for p in net.parameters()]
    average_gradients(list(net.parameters()), 1)
    assert all(torch.equal(a, p.grad) for a, p in zip(before, net.parameters(), strict=True))
    average_gradients([nn.Parameter(torch.zeros(1))], 2)  # no gradient, no message


def test_mix_spreads():
    seeds = [mix(seed, step, rank) for seed in range(10) for step in range(100) for rank in range(4)]
    seeds += [mix(a, b) for a in range(50) for b in range(50)]
    assert len(set(seeds)) == len(seeds) and all(0 <= s < 2**63 for s in seeds)
    assert mix(1, 2) != mix(2, 1) and mix(3) != mix(3, 0) and mix(1, 2, 3) == mix(1, 2, 3)
    bits = np.array([[s >> k & 1 for k in range(63)] for s in seeds[:4000]])
    assert abs(bits.mean(0) - 0.5).max() < 0.05  # five standard deviations
    # Neighbouring steps differ in about half of all bits.
    flips = np.array([bin(mix(0, step) ^ mix(0, step + 1)).count("1") for step in range(2000)])
    assert abs(flips.mean() - 31.5) < 0.5


@pytest.mark.parametrize(("n", "batch"), [(7, 3), (8, 4), (5, 8), (1, 4)])
def test_indices_visit_each_image_once_an_epoch(n, batch):
    steps = 40
    flat = [i for step in range(steps) for i in step_indices(n, batch, 3, step)]
    assert all(len(step_indices(n, batch, 3, step)) == batch for step in range(steps))
    epochs = [tuple(flat[i : i + n]) for i in range(0, len(flat) - n + 1, n)]
    assert all(sorted(epoch) == list(range(n)) for epoch in epochs)
    if n >= 5:
        assert len(set(epochs)) > len(epochs) / 2  # another order each time
        assert flat != [i for step in range(steps) for i in step_indices(n, batch, 4, step)]
    # A step's images need nothing but the step: that is what makes resuming possible.
    assert flat[17 * batch : 18 * batch] == step_indices(n, batch, 3, 17)


def test_best_precision_asks_the_hardware(monkeypatch):
    cpu = torch.device("cpu")
    for avx, amx in ((False, False), (True, False), (False, True)):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda avx=avx: avx, raising=False)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda amx=amx: amx, raising=False)
        assert best_precision(cpu) == ("bf16" if avx or amx else "fp32")
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)
    assert best_precision(torch.device("cuda")) == "fp32"  # a T4 only emulates it
    assert best_precision(torch.device("mps")) == "fp32"


if __name__ == "__main__":
    worker(Path(sys.argv[1]))
