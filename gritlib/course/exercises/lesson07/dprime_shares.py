"""Shares of right answers and the sensitivity they stand for, when one of m pictures is real; and 07.4's right answer.

An observer sees an evidence for each picture, normal with standard deviation 1, whose mean is d for the real one and 0
for the others, and picks the largest: Green and Swets 1966. For m = 2 the share is Φ(d/√2), for more an integral.
"""

import functools
import math
from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor

NORMAL = NormalDist()
Z = NORMAL.inv_cdf(0.975)


def share(d: Tensor, m: int) -> Tensor:
    """Share of right answers for each of some sensitivities, (K,) -> (K,)."""
    t = torch.linspace(-8, 8, 801, dtype=torch.float64) + d[:, None]
    density = torch.exp(-((t - d[:, None]) ** 2) / 2) / math.sqrt(2 * math.pi)
    return torch.trapezoid(density * torch.special.ndtr(t) ** (m - 1), t)


@functools.lru_cache
def table(m: int) -> tuple[Tensor, Tensor]:
    """Sensitivities from -11 to 11, and their shares."""
    d = torch.linspace(-11, 11, 2201, dtype=torch.float64)
    return d, share(d, m)


def sensitivity(p: float, m: int) -> float:
    """Inverse of `share`, for 0 < p < 1; for m > 2 between the lines of a table, to 1e-4."""
    if m == 2:
        return math.sqrt(2) * NORMAL.inv_cdf(p)
    return float(np.interp(p, *reversed(table(m))))


def wilson(correct: int, total: int, z: float = Z) -> tuple[float, float]:
    """Interval of a share: all shares from which the one seen is less than z of their standard errors away.

    Source: Wilson 1927.
    """
    p = correct / total
    middle, width = p + z * z / (2 * total), z * math.sqrt(p * (1 - p) / total + z * z / (4 * total * total))
    return (middle - width) / (1 + z * z / total), (middle + width) / (1 + z * z / total)


def half_an_answer(p: float, total: int) -> float:
    """A share, no nearer to 0 and 1 than half an answer."""
    return min(max(p, 0.5 / total), 1 - 0.5 / total)


def dprime(m: int) -> Callable[[int, int], tuple[float, float, float]]:
    """The right answer where one of m pictures is real."""

    def dprime_2afc(correct: int, total: int) -> tuple[float, float, float]:
        low, high = wilson(correct, total)
        d, lo, hi = (sensitivity(half_an_answer(p, total), m) for p in (correct / total, low, high))
        return d, lo, hi

    return dprime_2afc
