"""Full training steps of both players, as `fit` takes them, beside the plain loop of `baseline`.

A step is seed, batch (fixed, in memory), turns, backward, optimisers, average. Plain loop and ours stand in one process
and take turns step by step, with the same first weights, so that what slows the machine slows both. Ratios are of
medians, with a bootstrap interval over the rounds. Rounds before the first counted one warm up; in them the operations
are counted. The setting `cpu` is a lesson's: its dataset, 64 pixels; `paper` is the published network on one made batch
of 256 pixels (SinCUT has its own sizes).

On a GPU the clock is read when it has done all it was told; that path has not run yet.
"""

import copy
import os
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gritlib.bench.baseline import STEPS, Plain
from gritlib.bench.prepare import peak, setting, trainer
from gritlib.bench.profile import compared
from gritlib.studies.stopwatch import (
    BUSY,
    Coin,
    full_step,
    ratio_of_medians,
    wait,
    watched,
)
from gritlib.training import speed
from gritlib.training.device import best_precision, mix
from gritlib.training.fit import Trainer

COMPARED = ("pix2pix", "cyclegan", "cut", "fastcut", "spade", "pix2pixhd", "grit", "sincut")
FEWEST = 5  # rounds, however long they take
TARGETS = {  # ratio to the plain loop: (device, preset, images a step or None for any) -> precision -> at least
    ("cpu", "cpu", None): {"bf16": 1.4, "fp32": 1.05},
    ("cpu", "paper", None): {"bf16": 1.7, "fp32": 1.15},
    ("cuda", "paper", 1): {"bf16": 3.0},
    ("cuda", "paper", 16): {"bf16": 1.7},
}


def contestants(
    name: str, preset: str, precisions: tuple[str, ...], against: bool, device: str, images: int | None = None
) -> tuple[dict[str, Callable[[int], object]], int, int]:
    """name -> step(i): "plain" and one for each precision; images a step, and pixels of a side."""
    method, batch, chosen = setting(name, preset, images)
    arms = {}
    if against:
        there = {key: value.to(device) for key, value in batch.items()}
        plain = Plain(copy.deepcopy(method).to(device), there)
        arms["plain"] = lambda i: plain.step()
    for precision in precisions:
        ours = trainer(copy.deepcopy(method), batch, chosen, precision, device)
        arms[precision] = lambda i, ours=ours: ours_at(ours, i)
    return arms, len(batch["B"]), batch["B"].shape[-1]


def ours_at(ours: Trainer, i: int) -> None:
    """A step of our side, with what `fit` sets for all of them."""
    with speed.trying_algorithms(ours.device):
        full_step(ours, i)


class Operations(TorchDispatchMode):
    """Adds up floating-point operations inside the block, forward and backward, by torch's own formulas.

    torch's counter also sorts them by module, with hooks that SinCUT's R1, a gradient of a gradient, cannot pass.
    """

    def __init__(self):
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        if function.overloadpacket in flop_registry:
            self.total += flop_registry[function.overloadpacket](*args, **(kwargs or {}), out_val=out)
        return out


def counted(step: Callable[[int], object]) -> list[float]:
    """GFLOP of a step, of convolutions and matrix products; where a method throws a coin, of a step for each side."""
    found = []
    for value in (0.0, 1.0):
        with Coin(value) as coin, Operations() as counter:
            step(0)
        found.append(counter.total / 1e9)
        if not coin.thrown:
            break
    return found


def in_turns(
    arms: dict[str, Callable[[int], object]], rounds: int, seconds: float, device: torch.device
) -> dict[str, list[tuple[float, float]]]:
    """(seconds, processor seconds of all threads) of each arm's steps, one of each a round; fewer rounds than asked
    for, but not fewer than five, once they have taken `seconds`."""
    times = {name: [] for name in arms}
    began = time.perf_counter()
    for i in range(rounds):
        if i >= FEWEST and time.perf_counter() - began > seconds:
            break
        for name, step in arms.items():
            torch.manual_seed(mix(0, i, 0))  # as training does: FastCUT's coin falls alike on both sides
            wait(device)
            tick, cpu = time.perf_counter(), time.process_time()
            step(i)
            wait(device)
            times[name].append((time.perf_counter() - tick, time.process_time() - cpu))
    return times


def measure(
    name: str,
    preset: str,
    threads: int,
    rounds: int = 20,
    precisions: tuple[str, ...] | None = None,
    against: bool = True,
    seconds: float = 300.0,
    images: int | None = None,
    device: str = "cpu",
    strict: bool = False,
    rates: dict[str, float] | None = None,
    memory: bool = True,
) -> dict:
    """One row: a method at a preset.

    Args:
        threads: for torch. rounds: counted steps of each. precisions: "fp32", "bf16"; by default fp32, and bf16 where
            the hardware computes it. against: also the plain loop. seconds: see `in_turns`. images: see `setting`.
            strict: refuse a busy machine. rates: precision -> GFLOP/s of a matrix product. memory: also that, each in a
            process of its own.

    Returns:
        What was asked for, and "arms": name -> seconds (of each step), median, images_per_second, gflop, gflop_s, share
        (of the matrix product's rate, which convolutions can pass: another library computes them), mib; "ratios":
        precision -> ratio to the plain loop, low, high; "profile" where a ratio misses its target; "cpu_ratios" of
        the processor time, which other programs disturb less.

    Raises:
        ValueError: `strict`, and other programs use more than a fifth of a core.
    """
    place = torch.device(device)
    best = best_precision(place)
    precisions = precisions or tuple(dict.fromkeys(("fp32", best)))
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng():
            against = against and name in STEPS
            arms, images, size = contestants(name, preset, precisions, against, device, images)
            operations = {arm: counted(step) for arm, step in arms.items()}
            with warnings.catch_warnings(), watched() as machine:
                warnings.simplefilter("default")
                times = in_turns(arms, rounds, seconds, place)
            if strict and (machine["others"] or 0) > BUSY:
                raise ValueError(
                    f"{name} at {preset}: other programs used {machine['others']:.2f} of a core: quiet them"
                )
            row = {"method": name, "preset": preset, "size": size, "images": images, "device": device}
            row |= {"threads": threads, "rounds": len(times[precisions[0]]), "warm_up": 1, **machine}
            row |= numbers(times, operations, images, rates)
            missed = misses(row)
            if missed:
                row["profile"] = compared(arms, missed, place)
    finally:
        torch.set_num_threads(before)
    if memory:
        for precision in precisions:
            row["arms"][precision]["mib"] = peak(name, preset, images, device, precision, threads)
    return row


def numbers(times: dict, operations: dict, images: int, rates: dict[str, float] | None) -> dict:
    """The parts of a row that follow from what was clocked and counted: "arms", "ratios", "cpu_ratios"."""
    found = {"arms": {}, "ratios": {}, "cpu_ratios": {}}
    times, cpu = ({arm: [pair[i] for pair in pairs] for arm, pairs in times.items()} for i in (0, 1))
    for arm, walls in times.items():
        median, gflop = statistics.median(walls), statistics.mean(operations[arm])
        told = {"median": median, "images_per_second": images / median, "gflop": gflop, "gflop_s": gflop / median}
        if rates:
            told["share"] = told["gflop_s"] / rates["fp32" if arm == "plain" else arm]
        found["arms"][arm] = {key: short(value) for key, value in told.items()}
        found["arms"][arm]["seconds"] = [short(wall) for wall in walls]
        if "plain" in times and arm != "plain":
            found["ratios"][arm] = [short(x) for x in ratio_of_medians(times["plain"], walls)]
            found["cpu_ratios"][arm] = short(statistics.median(cpu["plain"]) / statistics.median(cpu[arm]))
    return found


def misses(row: dict) -> list[str]:
    """The precisions whose ratio misses its target."""
    wanted = {}
    for (device, preset, images), aims in TARGETS.items():
        if (device, preset) == (row["device"], row["preset"]) and images in (None, row["images"]):
            wanted = aims
    return [arm for arm, ratio in row["ratios"].items() if ratio[0] < wanted.get(arm, 0.0)]


def short(value: float) -> float:
    """Five digits."""
    return float(f"{value:.5g}")


def matmul_rates(device: str, threads: int, precisions: tuple[str, ...], side: int | None = None) -> dict[str, float]:
    """GFLOP/s of a matrix product of this side, the best of ten: what the same device can do in each precision."""
    side, place = side or (8192 if device == "cuda" else 2048), torch.device(device)
    before, found = torch.get_num_threads(), {}
    torch.set_num_threads(threads)
    try:
        for precision in precisions:
            kind = torch.bfloat16 if precision == "bf16" else torch.float32
            a, b = (torch.rand(side, side, device=place).to(kind) for _ in range(2))
            best = min(in_turns({"product": lambda i, a=a, b=b: a @ b}, 11, 60.0, place)["product"][1:])
            found[precision] = short(2 * side**3 / best[0] / 1e9)
    finally:
        torch.set_num_threads(before)
    return found


def all_threads() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
