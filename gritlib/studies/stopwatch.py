"""What a training step costs: seconds and processor time of several methods in turns, floating-point operations,
parameters, resident memory, and how busy the machine is with other things."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from gritlib.losses import total
from gritlib.methods import Method
from gritlib.nets import draws
from gritlib.training import TrainConfig
from gritlib.training.device import peak_memory
from gritlib.training.fit import Trainer

BUSY = 0.2  # of a core: what other programs may use beside a measurement


class Same:
    """A source whose every batch is this one."""

    def __init__(self, batch: dict[str, Tensor]):
        self.images = batch

    def __len__(self) -> int:
        return len(next(iter(self.images.values())))

    def batch(self, indices: list[int], generator: torch.Generator | None = None) -> dict[str, Tensor]:
        return self.images


def timed(methods: dict[str, Method], batch: dict[str, Tensor], rounds: int) -> dict[str, list[float]]:
    """Seconds of training steps, the methods in turns: one step of each is a round. A first round is not counted.

    Args:
        methods: name -> method, a student's own pieces and all. They are trained, in place and in float32.
        batch: {"A": (B, C, H, W), "B": ...}, the same for every step. rounds: counted steps of each method.

    Returns:
        name -> seconds of each step, `rounds` of them.

    Raises:
        ValueError: less than one round.
    """
    return {name: [wall for wall, _ in steps] for name, steps in clocked(methods, batch, rounds).items()}


def clocked(
    methods: dict[str, Method],
    batch: dict[str, Tensor],
    rounds: int,
    warm_up: int = 1,
    device: str = "auto",
    seed: int = 0,
) -> dict[str, list[tuple[float, float]]]:
    """As `timed`, with the processor time of all threads beside the seconds: other programs disturb it less.

    Args:
        warm_up: rounds that are not counted. device: "auto" for the GPU if there is one, or "cpu". seed: of the steps.
    """
    if rounds < 1:
        raise ValueError(f"rounds is {rounds}: it must be 1 or more")
    # Twice the steps: the learning rate stays where it begins.
    config = TrainConfig(
        steps=2 * (warm_up + rounds), batch_size=len(batch["A"]), seed=seed, ema=0.0, precision="fp32", device=device
    )
    trainers = {name: Trainer(method.train(), Same(batch), config, None, None) for name, method in methods.items()}
    times = {name: [] for name in methods}
    with torch.random.fork_rng():
        for step in range(warm_up + rounds):
            for name, trainer in trainers.items():
                wait(trainer.device)
                wall, cpu = time.perf_counter(), time.process_time()
                full_step(trainer, step)
                wait(trainer.device)
                if step >= warm_up:
                    times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return times


def full_step(trainer: Trainer, step: int) -> None:
    """What `fit` does between two log lines: seed, batch, turns, backward, optimisers, average."""
    with draws.shared(trainer.rank, trainer.world):
        trainer.one_step(step, None)
    trainer.ema.update(trainer.method, step)


def wait(device: torch.device) -> None:
    """Until the GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def ratio_of_medians(
    subject: list[float], other: list[float], level: float = 0.95, resamples: int = 2000
) -> tuple[float, float, float]:
    """Median of subject / median of other, with a bootstrap interval over rounds.

    Args:
        subject, other: one value a round, paired: a round drawn again is drawn for both.

    Returns:
        ratio, low, high.
    """
    values = torch.tensor([subject, other], dtype=torch.float64)
    drawn = torch.randint(len(subject), (resamples, len(subject)), generator=torch.Generator().manual_seed(0))
    medians = values[:, drawn].quantile(0.5, dim=2)
    edges = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)
    low, high = (medians[0] / medians[1]).quantile(edges).tolist()
    return statistics.median(subject) / statistics.median(other), low, high


class Coin(TorchFunctionMode):
    """Inside the block, `torch.rand(())` is `value`: a method that throws a coin gets the side that is asked for."""

    def __init__(self, value: float):
        super().__init__()
        self.value, self.thrown = value, False

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is torch.rand and args == ((),):
            self.thrown = True
            return torch.tensor(self.value)
        return function(*args, **(kwargs or {}))


def gflop(make: Callable[[], Method], size: int) -> list[float]:
    """Billions of floating-point operations of one step at batch 1, forward and backward of all turns: of convolutions
    and matrix products, which are nearly all. Nothing is computed, shapes are enough; the machine plays no part.

    Returns:
        One number; for a method that throws a coin two, for a coin that shows 0 and one that shows 1.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    found = []
    for value in (0.0, 1.0):
        with FakeTensorMode(), Coin(value) as coin:
            method = make()
            images = {key: torch.zeros(1, 3, size, size) for key in "AB"}
            with FlopCounterMode(display=False) as counter:
                for player, terms in method.turns(images, 0):
                    total(terms).backward(inputs=trained(method, method.players[player].nets))
        found.append(counter.get_total_flops() / 1e9)
        if not coin.thrown:
            break
    return found


def trained(method: Method, nets: tuple[str, ...] | None = None) -> list[Tensor]:
    """Parameters of these networks of a method; by default of all that a player moves."""
    nets = nets or tuple(net for player in method.players.values() for net in player.nets)
    return [p for net in nets for p in getattr(method, net).parameters()]


def in_fresh_process(statement: str, threads: int) -> dict:
    """What a statement prints last, as JSON, in a process of its own.

    Args:
        statement: Python. threads: for torch.

    Raises:
        RuntimeError: the process failed, with the last line it wrote.
    """
    env = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, env=env)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed: more memory is needed"])[-1]
        raise RuntimeError(f"the process of {statement!r} ended with {done.returncode}: {last}")
    return json.loads(done.stdout.splitlines()[-1])


def resident() -> float:
    """Largest resident memory of this process so far in MiB, nan where the system does not say.

    Linux counts into `ru_maxrss` what the process that started this one had.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return float(lines["VmHWM"].split()[0]) / 2**10
    return peak_memory(torch.device("cpu"))


@contextlib.contextmanager
def watched() -> Iterator[dict]:
    """How busy other programs keep the machine. After the block the dictionary has "others", the processor cores that
    they used on average (None where the system does not say), and "load_average", before and after. Warns of more than
    a fifth of a core."""
    found = {"load_average": [load_average()]}
    wall, own, all_of_them = time.perf_counter(), time.process_time(), machine_seconds()
    yield found
    found["load_average"].append(load_average())
    found["others"] = None
    if all_of_them is not None:
        used = machine_seconds() - all_of_them - (time.process_time() - own)
        found["others"] = round(max(0.0, used / (time.perf_counter() - wall)), 3)
        if found["others"] > BUSY:
            told = f"other programs used {found['others']:.2f} of a core: measure again on a quiet machine"
            warnings.warn(told, stacklevel=3)


def machine_seconds() -> float | None:
    """Seconds that all processors together have worked since the start; None where the system does not say."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return None
    user, nice, system, _idle, _waiting, *interrupts = map(int, stat.read_text(encoding="utf-8").split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def load_average() -> float | None:
    """Processes that want to run, on average over the last minute; None on Windows."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
