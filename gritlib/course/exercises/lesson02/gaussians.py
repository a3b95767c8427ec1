"""Two sets of features taken for Gaussians: for exercise 02.4.

The matrix root is taken in its symmetric form, tr (Ca·Cb)^½ = tr (√Ca·Cb·√Ca)^½, so that it stays real where there are
fewer samples than dimensions.
"""

import torch
from torch import Tensor


def root(matrix: Tensor) -> Tensor:
    """Square root of a symmetric matrix without negative eigenvalues."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp(min=0).sqrt()) @ vectors.T


def trace_of_root(a: Tensor, b: Tensor) -> Tensor:
    half = root(a)
    return torch.linalg.eigvalsh(half @ b @ half).clamp(min=0).sqrt().sum()


def frechet_distance(a: Tensor, b: Tensor) -> float:
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    means = (a.mean(0) - b.mean(0)).square().sum()
    return float(means + cov_a.trace() + cov_b.trace() - 2 * trace_of_root(cov_a, cov_b))
