"""Unpaired cost: what a step of CycleGAN, CUT and FastCUT takes on the CPU and, where there is one, the GPU. Seconds,
memory, floating-point operations and trained parameters, with their ratios to CycleGAN's; no image is judged.

Three rows, all at 256 pixels, batch 1 and the published widths:

| row         | generators                              | discriminators              | CycleGAN's identity term |
|-------------|-----------------------------------------|-----------------------------|--------------------------|
| identity    | equal: ResNet of 9 blocks, antialiased  | equal: CycleGAN's           | on, as the authors' code |
| no-identity | the same                                | the same                    | off, as the paper        |
| papers      | CycleGAN's is not antialiased, CUT's is | CUT's is antialiased as well | on                      |

CUT and FastCUT minimise what their authors' code does; the printed objective, with a gradient into the keys, costs
FastCUT 10 % more operations. CycleGAN's history of images is left out, which spares it some copies and 75 MiB.

A step is `fit`'s: seeding, turns, backward, optimisers, average, in float32. The three methods take turns step by step
in one process, so that what slows the machine slows all of them. FastCUT mirrors its input with probability one half
and then encodes once more, a tenth of its step: its operations are the mean of both cases, its memory that of the
dearer, its seconds those of whatever the coin gave.

On one quiet core of a server a step of CycleGAN takes about twenty seconds and a round of the three half a minute or
more, so the study takes a quarter of an hour, longer on a laptop; its interval over five rounds is a rough one. A GPU
gets twenty rounds for each of them.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from gritlib.methods import CUT, CycleGAN, FastCUT, Method
from gritlib.nets import PatchGAN
from gritlib.nets.init import init_xavier
from gritlib.presets import get
from gritlib.studies.runner import Study
from gritlib.studies.stopwatch import (
    Coin,
    clocked,
    gflop,
    ratio_of_medians,
    resident,
    timed,
    trained,
    watched,
)
from gritlib.training.device import peak_memory

__all__ = ["STUDY", "timed"]

ARMS = {
    "identity": {"identity_weight": 0.5, "equal": True},
    "no-identity": {"identity_weight": 0.0, "equal": True},
    "papers": {"identity_weight": 0.5, "equal": False},
}
METHODS = ("cyclegan", "cut", "fastcut")
SIZES = {"size": 256, "width": 64, "blocks": 9}
OBJECTIVE = {"reduction": "mean", "halve": True, "key_gradient": False}
GPU_ROUNDS = 20  # for each of the CPU's: a round takes a fraction of a second there


def memory(arm: str, name: str, device: str, size: int, width: int, blocks: int) -> dict[str, float]:
    """Largest memory in MiB of a fresh process that takes two steps of one method: the second has Adam's state.

    On the CPU it is resident memory, which Windows does not tell (nan). "idle" is what the process had before, with
    everything imported and two steps of a tiny network taken. On a GPU it is what torch allocated there; idle is 0.

    Returns:
        {"idle": MiB, "peak": MiB}.

    Raises:
        RuntimeError: the process failed, with the last line it wrote.
    """
    call = f"alone({arm!r}, {name!r}, {device!r}, {size}, {width}, {blocks})"
    done = subprocess.run(
        [sys.executable, "-c", f"from gritlib.studies.unpaired_cost import alone; {call}"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed: more memory is needed"])[-1]
        raise RuntimeError(f"the process that measures the memory of {name} ended with {done.returncode}: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def alone(arm: str, name: str, device: str, size: int, width: int, blocks: int) -> None:
    """What the fresh process does: print its memory before and after."""
    cuda = device == "cuda"
    where = "auto" if cuda else "cpu"
    with Coin(0.0):  # mirrored: FastCUT's dearer case
        clocked({name: makers(arm, 4, 5)[name]()}, random_batch(32), 1, device=where)
        idle = 0.0 if cuda else resident()
        clocked({name: makers(arm, width, blocks)[name]()}, random_batch(size), 1, device=where)
    print(json.dumps({"idle": idle, "peak": peak_memory(torch.device("cuda")) if cuda else resident()}))


def makers(arm: str, width: int, blocks: int) -> dict[str, Callable[[], Method]]:
    """name -> a function that builds the method. Published settings but for the width and the number of blocks."""
    sizes = {"in_channels": 3, "out_channels": 3, "width": width, "blocks": blocks, "d_width": width}
    equal, identity = ARMS[arm]["equal"], ARMS[arm]["identity_weight"]

    def cyclegan() -> CycleGAN:
        config = get("cyclegan", "paper").method
        return CycleGAN(replace(config, **sizes, antialias=equal, identity_weight=identity, pool=0))

    def contrastive(kind: type[CUT]) -> CUT:
        config = replace(get(kind.name, "paper").method, **sizes, dim=4 * width, **OBJECTIVE)
        plain = PatchGAN(3, width, config.d_layers, config.d_norm) if equal else None
        return kind(config, discriminator=init_xavier(plain) if equal else None)

    return {"cyclegan": cyclegan, "cut": partial(contrastive, CUT), "fastcut": partial(contrastive, FastCUT)}


def random_batch(size: int) -> dict[str, Tensor]:
    """One image of noise a side, always the same."""
    images = torch.rand(2, 1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return {"A": images[0], "B": images[1]}


def measure(
    arm: str, device: str, seed: int, rounds: int, size: int, width: int, blocks: int
) -> tuple[dict[str, float], dict]:
    """All numbers of one row on one device.

    Args:
        device: "cpu" or "cuda". rounds: counted steps of each method. size: pixels. width, blocks: of the networks.

    Returns:
        metrics: of each method "seconds" (median), "gflop", "parameters" and "mib"; of CUT and FastCUT the ratios to
        CycleGAN "time" with its interval "time_low" to "time_high", on the CPU "cpu_time" (of processor time), "flops",
        "trained" and "memory". What the system does not tell is left out.
        details: every step's seconds, and how busy the machine was.
    """
    make, where = makers(arm, width, blocks), "auto" if device == "cuda" else "cpu"
    used = {name: memory(arm, name, device, size, width, blocks) for name in METHODS}
    operations = {name: gflop(make[name], size) for name in METHODS}
    torch.manual_seed(seed)
    methods = {name: make[name]() for name in METHODS}
    warm_up = GPU_ROUNDS if device == "cuda" else 1
    with watched() as machine:
        times = clocked(methods, random_batch(size), rounds, warm_up, where, seed)

    metrics, walls, cpus = {}, {}, {}
    for name in METHODS:
        walls[name], cpus[name] = (list(column) for column in zip(*times[name], strict=True))
        metrics[f"{name}_seconds"] = statistics.median(walls[name])
        metrics[f"{name}_gflop"] = statistics.mean(operations[name])
        metrics[f"{name}_parameters"] = sum(p.numel() for p in trained(methods[name]))
        metrics[f"{name}_mib"] = used[name]["peak"] - used[name]["idle"]
    for name in METHODS[1:]:
        estimate = ratio_of_medians(walls[name], walls["cyclegan"])
        metrics |= dict(zip((f"{name}_time", f"{name}_time_low", f"{name}_time_high"), estimate, strict=True))
        if device == "cpu":
            metrics[f"{name}_cpu_time"] = statistics.median(cpus[name]) / statistics.median(cpus["cyclegan"])
        for kind, unit in (("flops", "gflop"), ("trained", "parameters"), ("memory", "mib")):
            base = metrics[f"cyclegan_{unit}"]
            metrics[f"{name}_{kind}"] = metrics[f"{name}_{unit}"] / base if base else float("nan")
    told = {name: {key: mib if mib == mib else None for key, mib in both.items()} for name, both in used.items()}
    details = {"seconds": walls, "cpu_seconds": cpus, "gflop": operations, "mib": told, "warm_up": warm_up}
    details |= {"threads": torch.get_num_threads(), **machine}
    return {key: round(value, 5) for key, value in metrics.items() if value == value}, details


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict[str, float], dict]:
    """One row on one device; here a "dataset" is a device, and "steps" are rounds."""
    if dataset == "cpu":
        print(f"three processes for memory, then {steps + 1} rounds: about half a minute each on one core", flush=True)
    return measure(arm, dataset, seed, steps * (GPU_ROUNDS if dataset == "cuda" else 1), **SIZES)


COLUMNS = {
    "seconds": ("seconds", "time"),
    "GFLOP": ("gflop", "flops"),
    "MiB": ("mib", "memory"),
    "parameters": ("parameters", "trained"),
}


def table(records: list[dict]) -> str:
    """Markdown: one row a device, networks and method; beside each number its ratio to CycleGAN's."""
    head = "".join(f"| {unit} | ratio " for unit in COLUMNS)
    lines = [f"| device | networks | method {head}|", "|---" * (3 + 2 * len(COLUMNS)) + "|"]
    notes = []
    order = list(ARMS)
    for record in sorted(records, key=lambda r: (r["dataset"], order.index(r["arm"]), r["seed"])):
        m, place = record["metrics"], f"{record['dataset']}, {record['arm']}"
        for name in METHODS:
            cells = []
            for unit, ratio in COLUMNS.values():
                value, share = (m.get(f"{name}_{key}") for key in (unit, ratio))
                cells += ["–" if value is None else f"{value:,}" if unit == "parameters" else f"{value:.3f}"]
                cells += ["–" if share is None else f"{share:.3f}"]
            if f"{name}_time_low" in m:
                cells[1] += f" ({m[f'{name}_time_low']:.3f} to {m[f'{name}_time_high']:.3f})"
            lines.append(f"| {record['dataset']} | {record['arm']} | {name} | " + " | ".join(cells) + " |")
        threads, others = record["details"]["threads"], record["details"]["others"]
        busy = "unknown" if others is None else f"{others:.2f} cores"
        cpu = [f"{name} {m[f'{name}_cpu_time']:.3f}" for name in METHODS[1:] if f"{name}_cpu_time" in m]
        of_cpu = f"; ratio of processor time: {', '.join(cpu)}" if cpu else ""
        rounds = len(record["details"]["seconds"]["cyclegan"])
        notes.append(f"{place}: {rounds} rounds, {threads} thread(s), used by other programs: {busy}{of_cpu}")
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)]) + "\n"


STUDY = Study(
    name="unpaired-cost",
    claim="At equal networks CUT takes at most 0.60 and FastCUT at most 0.37 of CycleGAN's time a step, and 0.69 and "
    "0.47 of its memory (Park et al. 2020: 0.24 and 0.15 s against 0.40 s, 3.33 and 2.25 GB against 4.81 GB).",
    arms=tuple(ARMS),
    datasets=("cpu", "cuda"),
    seeds=(1,),
    steps=5,
    run=run,
    recipe=lambda: {**SIZES, **OBJECTIVE, "arms": ARMS, "batch_size": 1, "precision": "fp32", "ema": 0.0, "pool": 0},
    left_out=lambda arm, dataset, seed: dataset == "cuda" and not torch.cuda.is_available(),
    table=table,
)
