"""How fast: Fréchet distance and PRDC beside pytorch-fid's and prdc's, timed and compared in one process."""

import contextlib
import os
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

INSTALL = 'pip install "gritlib[bench]"'


def made(n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two sets of n float32 features of dimension d that fall off as a network's do: most of the variance in d/8
    directions, the second set shifted and a little less varied."""
    g = torch.Generator().manual_seed(seed)
    few = max(2, d // 8)
    directions = torch.randn(few, d, generator=g) * torch.linspace(1, 0.05, few)[:, None]

    def draw(scale: float) -> Tensor:
        fine = 0.1 * torch.randn(n, d, generator=g)
        return (scale * torch.randn(n, few, generator=g) @ directions + fine).clamp(min=-30) + 1

    return draw(1.0), draw(0.97) + 0.02


def frechet_by_square_root(mean_a, cov_a, mean_b, cov_b) -> float:
    """pytorch-fid's formula on NumPy arrays, for a SciPy whose sqrtm no longer takes the argument that it gives."""
    import numpy as np
    from scipy import linalg

    root = np.real(linalg.sqrtm(cov_a @ cov_b))
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root))


def _published() -> tuple[Callable, Callable, list[str]]:
    """pytorch-fid's and prdc's functions, and what must be said about them.

    Raises:
        ModuleNotFoundError: a package is missing, with the line that installs both.
    """
    try:
        import prdc
        from pytorch_fid.fid_score import calculate_frechet_distance
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is needed to compare with: {INSTALL}", name=error.name) from error
    import numpy as np

    notes = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calculate_frechet_distance(np.zeros(2), np.eye(2), np.zeros(2), np.eye(2))
        frechet = calculate_frechet_distance
    except (TypeError, ValueError) as error:
        frechet = frechet_by_square_root
        notes.append(f"pytorch-fid does not run with this SciPy ({error}): its formula is timed instead")

    def four(real, fake, k):
        with contextlib.redirect_stdout(None):  # it prints the numbers of samples
            return prdc.compute_prdc(real, fake, k)

    return frechet, four, notes


@contextlib.contextmanager
def _equal_cores(threads: int):
    """Let this process and all threads it starts use `threads` cores, whoever's they are. Yields what to say of it."""
    before, count = getattr(os, "sched_getaffinity", lambda _: None)(0), torch.get_num_threads()
    limits, note = contextlib.nullcontext(), None
    with contextlib.suppress(ModuleNotFoundError):
        from threadpoolctl import threadpool_limits

        limits = threadpool_limits(threads)
    if before is None:
        note = "this system cannot bind a process to cores: prdc's 8 threads may use more than the others"
    try:
        if before is not None:
            os.sched_setaffinity(0, sorted(before)[-threads:])
        torch.set_num_threads(threads)
        with limits:
            yield note
    finally:
        torch.set_num_threads(count)
        if before is not None:
            os.sched_setaffinity(0, before)


def _interleaved(pairs: dict[str, tuple[Callable, Callable]], repeats: int) -> dict[str, tuple[list, list, list]]:
    """Median (seconds, CPU seconds of all threads) of ours and of theirs, taken in turns, and both answers."""
    times = {name: ([], []) for name in pairs}
    answers = {}
    for _ in range(repeats):
        for name, functions in pairs.items():
            answers[name] = []
            for function, seconds in zip(functions, times[name], strict=True):
                began, cpu = time.perf_counter(), time.process_time()
                answers[name].append(function())
                seconds.append((time.perf_counter() - began, time.process_time() - cpu))

    def medians(seconds: list) -> list[float]:
        return [statistics.median(column) for column in zip(*seconds, strict=True)]

    return {name: (medians(times[name][0]), medians(times[name][1]), answers[name]) for name in pairs}


def _difference(ours, theirs) -> float:
    """Largest relative difference of two numbers or of two dictionaries of them."""
    if not isinstance(ours, dict):
        ours, theirs = {"": ours}, {"": theirs}
    return max(abs(ours[key] - float(theirs[key])) / max(abs(float(theirs[key])), 1e-12) for key in theirs)


def metrics(n: int = 10_000, d: int = 2048, repeats: int = 3, k: int = 5, threads: int = 1, published=None) -> dict:
    """Time Fréchet distance and PRDC against pytorch-fid's and prdc's functions on the same features, in turns.

    Both get their input as their own pipeline has it: the Fréchet distance means and covariances in float64, PRDC
    float32 features. Medians are compared; a turn of small sizes warms up and is not counted.

    Args:
        n, d: samples of each set, and their dimension. repeats: turns. k: neighbour of PRDC. threads: cores that each
            side may use, also prdc, which starts 8 threads by itself. published: (fréchet, prdc, notes) to compare
            with instead of the packages.

    Returns:
        {"frechet": row, "prdc": row, "notes": [...]}, a row being ours, theirs (median seconds), ratio, cpu_ratio (of
        the processor time of all threads, which other programs on the machine disturb less), difference.

    Raises:
        ModuleNotFoundError: pytorch-fid or prdc is not installed. ValueError: sizes without a meaning.
    """
    from gritlib.metrics import Gaussian, frechet_distance, prdc

    if n < 2 or d < 1 or repeats < 1 or not 1 <= k < n or threads < 1:
        raise ValueError(
            f"n {n}, d {d}, repeats {repeats}, k {k}, threads {threads}: needed are n ≥ 2, k < n, rest ≥ 1"
        )
    their_frechet, their_prdc, notes = published or _published()
    load = os.getloadavg() if hasattr(os, "getloadavg") else None

    def pairs(n: int, d: int) -> dict:
        a, b = made(n, d)
        ga, gb = Gaussian(a), Gaussian(b)
        arrays = [x.numpy() for x in (ga.mean, ga.cov, gb.mean, gb.cov)]
        real, fake = a.numpy(), b.numpy()
        return {
            "frechet": (lambda: frechet_distance(ga, gb), lambda: their_frechet(*arrays)),
            "prdc": (lambda: prdc(a, b, k), lambda: their_prdc(real, fake, k)),
        }

    with _equal_cores(threads) as note, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples for the dimensions, SciPy's changes to come: the same for both
        _interleaved(pairs(max(k + 1, min(n, 100)), min(d, 16)), 1)
        measured = _interleaved(pairs(n, d), repeats)
    notes = [*notes, *([note] if note else [])]
    rows = {}
    for name, (ours, theirs, answers) in measured.items():
        rows[name] = {"ours": ours[0], "theirs": theirs[0], "ratio": theirs[0] / ours[0]}
        rows[name] |= {"cpu_ratio": theirs[1] / max(ours[1], 1e-9), "difference": _difference(*answers)}
    shown = "unknown" if load is None else f"{load[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"{n} samples, {d} dimensions, {repeats} turns, {threads} thread(s), load average {shown}")
    print("| metric | gritlib, s | published, s | ratio of medians | of CPU time | largest relative difference |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        seconds = f"{row['ours']:.3g} | {row['theirs']:.3g} | {row['ratio']:.1f} | {row['cpu_ratio']:.1f}"
        print(f"| {name} | {seconds} | {row['difference']:.1e} |")
    for line in notes:
        print(f"note: {line}")
    return {**rows, "notes": notes}
