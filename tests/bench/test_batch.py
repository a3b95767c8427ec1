"""The search finds the largest batch that fits with few probes, and never tries one far beyond the limit."""

import math
import sys
from pathlib import Path

import pytest
import torch

import gritlib.__main__ as cli
from gritlib.bench import batch as room
from gritlib.bench.batch import available, is_full, line_to, max_batch, search


def recorded(cost, limit=math.inf, most=4096):
    found, tried = search(cost, limit, most)
    assert len({batch for batch, _ in tried}) == len(tried), "a batch was tried twice"
    return found, [batch for batch, _ in tried]


@pytest.mark.parametrize("largest", [0, 1, 2, 3, 5, 8, 21, 100, 127, 128])
def test_doubling_and_halving_find_it_where_only_an_error_speaks(largest):
    found, tried = recorded(lambda b: 10.0 * b if b <= largest else math.inf)
    assert found == largest and largest + 1 in tried and (largest == 0 or largest in tried)
    assert len(tried) <= 2 * max(largest, 1).bit_length() + 1
    if largest >= 2:
        assert tried[:3] == [1, 2, 4]


@pytest.mark.parametrize("limit", [99.0, 105.0, 106.0, 500.0, 777.0, 3000.0])
def test_with_a_limit_the_line_ends_the_doubling_just_beside_it(limit):
    def cost(b):
        return 100.0 + 5.5 * b

    found, tried = recorded(cost, limit)
    assert found == max(0, int((limit - 100) / 5.5))
    assert max(map(cost, tried)) <= max(limit + 5.5, cost(1)), "one image beyond the limit at most"


@pytest.mark.parametrize("bend", [0.97, 1.03])
def test_a_bent_line_and_a_noisy_one_change_the_number_of_probes_not_the_answer(bend):
    def cost(b):
        return 50 + 4 * b**bend + 3 * ((b * 7919) % 5) / 5

    found, tried = recorded(cost, 600.0)
    assert cost(found) <= 600 < cost(found + 1) and found + 1 in tried
    assert max(map(cost, tried)) < 660 and len(tried) < 20


def test_the_search_ends_where_it_is_told_to():
    assert recorded(lambda b: 1.0, 10.0, most=50)[0] == 50
    assert recorded(lambda b: float(b), most=1) == (1, [1])
    assert recorded(lambda b: math.inf) == (0, [1])


def test_the_line_needs_two_points_a_limit_and_a_slope():
    assert line_to(100.0, [(1, 10.0), (2, 15.0)]) == 19
    assert line_to(100.0, [(1, 10.0), (2, 15.0), (4, math.inf)]) == 19
    assert line_to(100.0, [(1, 10.0)]) is None and line_to(math.inf, [(1, 10.0), (2, 15.0)]) is None
    assert line_to(100.0, [(1, 10.0), (2, 10.0)]) is None


def test_each_probe_is_a_process_of_its_own_and_full_memory_is_no_error(monkeypatch):
    calls = []

    def process(statement, threads):
        calls.append((statement, threads))
        count = int(statement.split("(")[1].split(",")[2])
        return {"idle_mib": 300.0, "mib": 40.0 * count if count <= 6 else None}

    monkeypatch.setattr(room, "in_fresh_process", process)
    found = max_batch("grit", "ci", None, device="cuda", precision="bf16", threads=3)
    assert (found["batch"], found["mib"], found["idle_mib"]) == (6, 240.0, 300.0)
    assert found["probes"] == [[1, 40.0], [2, 80.0], [4, 160.0], [8, None], [6, 240.0], [7, None]]
    assert calls[0] == ("from gritlib.bench.batch import alone; alone('grit', 'ci', 1, 'cuda', 'bf16')", 3)
    assert max_batch("grit", limit_mib=10.0)["batch"] == 0


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "nothing says that memory is full before the machine swaps: give limit_mib"),
        ({"limit_mib": 900.0}, "limit_mib is 900 and 1000 MiB are free: at most 500"),
        ({"limit_mib": 0.0}, "both must be more than 0"),
        ({"limit_mib": 10.0, "most": 0}, "both must be more than 0"),
        ({"device": "tpu"}, "device 'tpu' is unknown: choose cpu or cuda"),
    ],
)
def test_what_cannot_be_searched_is_refused(how, message, monkeypatch):
    monkeypatch.setattr(room, "available", lambda: 1000.0)
    monkeypatch.setattr(room, "in_fresh_process", lambda *_: pytest.fail("nothing may be tried"))
    with pytest.raises(ValueError, match=message):
        max_batch("grit", **how)


def test_full_memory_is_told_from_other_errors(monkeypatch, capsys):
    assert is_full(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_full(caught.value) and not is_full(RuntimeError("shapes differ"))

    def full(method, preset, batch, device, precision):
        if preset != "smoke":
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(room, "steps", full)
    room.alone("grit", "ci", 4, "cuda", "auto")
    assert capsys.readouterr().out == '{"idle_mib": 0.0, "mib": null}\n'


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_free_memory_is_less_than_all_of_it():
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = next(line for line in lines if line.startswith("MemTotal"))
    assert 0 < available() < int(total.split()[1]) / 1024


def test_the_command_prints_the_probes_and_the_answer(monkeypatch, capsys):
    monkeypatch.setattr(room, "in_fresh_process", lambda call, threads: {"idle_mib": 300.0, "mib": 25.0})
    monkeypatch.setattr(room, "MOST", 4)
    monkeypatch.setattr(room.max_batch, "__defaults__", (*room.max_batch.__defaults__[:-1], 4))
    cli.main(["bench", "max-batch", "grit", "--preset", "smoke", "--limit-mib", "30"])
    said = capsys.readouterr().out
    assert "| 4 | 25 |" in said and "4 images, 25 MiB of 30 MiB, beside 300 MiB of an idle process" in said
    with pytest.raises(SystemExit, match="method 'gritt' is unknown"):
        cli.main(["bench", "max-batch", "gritt", "--limit-mib", "30"])


@pytest.mark.slow
def test_a_real_probe_grows_with_the_batch():
    # Small batches live in what the libraries hold already, and do not grow: 48 images do.
    found = max_batch("pix2pix", "smoke", limit_mib=400.0, precision="fp32", most=48)
    mib = dict(map(tuple, found["probes"]))
    assert found["batch"] == 48 and 0 < 1.5 * mib[8] < mib[48] <= 400 and found["idle_mib"] > 100
