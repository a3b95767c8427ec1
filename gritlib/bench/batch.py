"""The largest batch whose training step fits into memory: found by doubling, then by halving the gap.

On a GPU memory is the limit, and what does not fit raises an error. A CPU has no such error before the machine swaps,
so there a limit is given and the memory is measured: the growth of the peak resident memory of a process.
"""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from gritlib import presets
from gritlib.bench.steps import setting, trainer
from gritlib.studies.stopwatch import full_step, in_fresh_process, resident
from gritlib.training.device import peak_memory

MOST = 4096
ROOM = 0.5  # of the memory that is free: twice a batch that fits takes at most twice the limit


def max_batch(
    method: str,
    preset: str = "cpu",
    limit_mib: float | None = None,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
    most: int = MOST,
) -> dict:
    """The largest batch of a method at a preset whose step fits.

    Each probe takes two full steps of all players, the second of which has the optimisers' state and the averaged
    weights, in a process of its own: memory that one process gave back would be counted, or be missing, in the next
    probe. What the process had before, with everything imported, is not counted ("idle_mib"); weights are.

    Args:
        limit_mib: growth of memory that is allowed, in MiB; needed on the CPU. On a GPU it is what torch allocates.
        device: cpu or cuda. precision: auto, fp32 or bf16. threads: for torch. most: where the search ends.

    Returns:
        "batch" (0 if not even one image fits), "mib" at this batch, "idle_mib", and "probes": [batch, MiB or None for
        what did not fit at all], in the order in which they were made.

    Raises:
        ValueError: no limit on the CPU, or one for which the machine has not the memory: it would swap.
    """
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} is unknown: choose cpu or cuda")
    if device == "cpu":
        free = available()
        if limit_mib is None:
            raise ValueError("on the CPU nothing says that memory is full before the machine swaps: give limit_mib")
        if limit_mib > ROOM * free:
            raise ValueError(f"limit_mib is {limit_mib:.0f} and {free:.0f} MiB are free: at most {ROOM * free:.0f}")
    if (limit_mib is not None and limit_mib <= 0) or most < 1:
        raise ValueError(f"limit_mib {limit_mib}, most {most}: both must be more than 0")
    idle = []

    def probe(batch: int) -> float:
        call = f"from gritlib.bench.batch import alone; alone{(method, preset, batch, device, precision)}"
        told = in_fresh_process(call, threads)
        idle.append(told["idle_mib"])
        return math.inf if told["mib"] is None else told["mib"]

    best, probes = search(probe, math.inf if limit_mib is None else limit_mib, most)
    shown = [[batch, None if mib == math.inf else mib] for batch, mib in probes]
    return {"batch": best, "mib": dict(shown).get(best), "idle_mib": idle[-1], "probes": shown}


def search(probe: Callable[[int], float], limit: float, most: int = MOST) -> tuple[int, list[tuple[int, float]]]:
    """The largest batch up to `most` for which probe(batch) is at most the limit: doubling, then halving the gap.

    Memory grows almost along a line, so from two probes on the straight line through them ends the doubling: probes
    stay near the limit, and none is beyond twice the limit but the first. The line decides nothing: the
    answer is a batch that was tried and fits, and the next larger one was tried and does not.

    Args:
        probe: batch -> MiB, infinite for what does not fit.

    Returns:
        The batch, 0 if one image does not fit, and all (batch, MiB) in the order tried.
    """
    tried: list[tuple[int, float]] = []
    fits, fails, beyond = 0, most + 1, 1
    while fails - fits > 1:
        guess = (fits + fails) // 2 if fails <= most else min(max(1, 2 * fits), most)
        line = line_to(limit, tried)
        if fails > most and line is not None:
            if line <= fits:  # it was wrong, or is right to the image
                line, beyond = fits + beyond, 2 * beyond
            guess = min(guess, line)
        mib = probe(guess)
        tried.append((guess, mib))
        fits, fails = (guess, fails) if mib <= limit and math.isfinite(mib) else (fits, guess)
    return fits, tried


def line_to(limit: float, tried: list[tuple[int, float]]) -> int | None:
    """Where the straight line through the probes reaches the limit; None without two probes, without a limit, or where
    the line does not rise."""
    points = [(batch, mib) for batch, mib in tried if math.isfinite(mib)]
    if len(points) < 2 or not math.isfinite(limit):
        return None
    slope, start = np.polyfit(*np.array(points, float).T, 1)
    return int((limit - start) / slope) if slope > 1e-6 else None


def alone(method: str, preset: str, batch: int, device: str, precision: str) -> None:
    """What the fresh process does: print what it had before, and the growth of its largest memory over two steps."""
    steps(method, "smoke", 1, device, precision)  # everything imported, the libraries' own buffers allocated
    before = resident() if device == "cpu" else 0.0
    mib = None
    try:
        steps(method, preset, batch, device, precision)
        mib = round((resident() if device == "cpu" else peak_memory(torch.device(device))) - before, 1)
    except RuntimeError as error:  # of which torch.OutOfMemoryError is one
        if not is_full(error):
            raise
    print(json.dumps({"idle_mib": round(before, 1), "mib": mib}))


def is_full(error: RuntimeError) -> bool:
    """Does an error say that memory is full, on a GPU or on the CPU?"""
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def steps(method: str, preset: str, batch: int, device: str, precision: str) -> None:
    """Two full steps with a batch of this many images."""
    made, images, chosen = setting(method, preset, batch, made=True)
    ours = trainer(made, images, chosen, precision, device)
    for i in range(2):
        full_step(ours, i)


def available() -> float:
    """Memory in MiB that can be had without swapping; infinite where the system does not say."""
    info = Path("/proc/meminfo")
    if info.exists():
        lines = dict(line.split(":", 1) for line in info.read_text(encoding="utf-8").splitlines())
        return float(lines["MemAvailable"].split()[0]) / 2**10
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**20
    return math.inf


def told(method: str, preset: str, limit_mib: float | None, device: str, precision: str, threads: int) -> dict:
    """Search and print."""
    if method not in presets.METHODS:
        raise ValueError(f"method {method!r} is unknown: choose one of {', '.join(presets.METHODS)}")
    found = max_batch(method, preset, limit_mib, device, precision, threads)
    print("| batch | MiB |\n|---|---|")
    for batch, mib in sorted(found["probes"]):
        print(f"| {batch} | {'does not fit' if mib is None else f'{mib:.0f}'} |")
    limit = "" if limit_mib is None else f" of {limit_mib:.0f} MiB"
    end = f"{found['batch']} images, {found['mib']:.0f} MiB{limit}" if found["batch"] else f"not one image fits{limit}"
    print(f"largest batch of {method} at {preset}: {end}, beside {found['idle_mib']:.0f} MiB of an idle process")
    return found
