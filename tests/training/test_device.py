"""Seeds that spread, indices that cover, precision that the hardware has."""

import numpy as np
import pytest
import torch

from gritlib.training.device import best_precision, mix, step_indices


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
