"""Where and how precisely a step is computed, and where its randomness comes from.

Every step is seeded by (seed, step), and so are its images: nothing random has to be stored, and a run can be resumed
at any step.
"""

import contextlib
import functools
import signal
import sys
import threading
from collections.abc import Iterator

import torch
from torch import Tensor


def best_device() -> torch.device:
    """The GPU if there is one, else the CPU: where a trained method is used."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def best_precision(device: torch.device) -> str:
    """ "bf16" where the hardware itself computes it, else "fp32".

    Emulated bfloat16 is slower than float32 (most laptops, and a T4 GPU). float16 needs loss scaling and is not used.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    if device.type == "cpu":
        native = [getattr(torch.cpu, f"_is_{isa}_supported", lambda: False) for isa in ("avx512_bf16", "amx_tile")]
        return "bf16" if any(is_supported() for is_supported in native) else "fp32"
    return "fp32"


def peak_memory(device: torch.device) -> float:
    """Largest memory so far in MiB: allocated on a GPU, resident of the whole process on the CPU (nan on Windows)."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    with contextlib.suppress(ImportError):  # no such module on Windows
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**20 if sys.platform == "darwin" else 2**10)
    return float("nan")


def mix(*numbers: int) -> int:
    """One well-spread 63-bit seed from several small integers (splitmix64's finaliser after each)."""
    state = 0x9E3779B97F4A7C15
    for number in numbers:
        state = (state + number * 0xBF58476D1CE4E5B9 + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1


@functools.lru_cache(maxsize=2)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(mix(seed, epoch)))


def step_indices(n: int, batch_size: int, seed: int, step: int) -> list[int]:
    """Indices of one step's images: consecutive pieces of one random order per pass over the data.

    Args:
        n: images in the source. batch_size: images a step, over all processes.
    """
    positions = range(step * batch_size, (step + 1) * batch_size)
    return [int(_permutation(n, seed, p // n)[p % n]) for p in positions]


@contextlib.contextmanager
def deferred_interrupt(terminate: bool = False) -> Iterator[threading.Event]:
    """Ctrl-C sets the event instead of raising, so that the step in progress can end; a second one raises. With
    `terminate` so does SIGTERM, the notice of a machine or a queue that is about to take the process away.

    Off the main thread, where signals cannot be caught, the event stays unset.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    signals = (signal.SIGINT, signal.SIGTERM) if terminate else (signal.SIGINT,)
    before = {number: signal.getsignal(number) for number in signals}

    def handler(number, frame):
        # A queue may send SIGTERM to a process and to its parent, which passes it on: twice is no impatience.
        if event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        event.set()

    for number in signals:
        signal.signal(number, handler)
    try:
        yield event
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
