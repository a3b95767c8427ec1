"""Do two sets of images have the same distribution of features? Fréchet distance (Heusel et al. 2017) and kernel
distance (Bińkowski et al. 2018). Features of any network go in, so the names say nothing of Inception: only with the
papers' network and resize may a Fréchet distance be called FID, a kernel distance KID as published.
"""

import warnings

import torch
from torch import Tensor

CHUNK = 1024  # rows of a kernel matrix held at a time


def check_features(**sets: Tensor) -> None:
    """Refuse what is no set of feature vectors.

    Raises:
        ValueError: not (N, d), N below 2, values that are not finite, or dimensions that differ.
    """
    for name, x in sets.items():
        if x.ndim != 2 or len(x) < 2 or x.shape[1] < 1:
            raise ValueError(f"{name} of shape {tuple(x.shape)}: needed are (N, d) features of 2 samples or more")
        # The sum of finite numbers is finite or, rarely, overflows: only then is each looked at.
        if not torch.isfinite(x.sum()) and (bad := (~torch.isfinite(x)).any(1).sum().item()):
            raise ValueError(f"{name}: {bad} of {len(x)} feature vectors have values that are not finite")
    if len({x.shape[1] for x in sets.values()}) > 1:
        widths = ", ".join(f"{name} {x.shape[1]}" for name, x in sets.items())
        raise ValueError(f"features must have the same dimension, these have: {widths}")


class Gaussian:
    """Mean and covariance of features that arrive in batches, the same to rounding however they are split.

    Attributes:
        n: samples so far. mean: (d,) float64. cov: (d, d) float64, unbiased as numpy.cov.

    Source: Chan et al. 1979: deviations from the running mean, which a large common offset does not drown.
    """

    def __init__(self, features: Tensor | None = None):
        self.n, self.mean, self._scatter = 0, None, None
        if features is not None:
            self.update(features)

    @torch.no_grad()
    def update(self, features: Tensor) -> "Gaussian":
        """Add a batch of features (B, d), B ≥ 1; an empty batch changes nothing.

        Raises:
            ValueError: not (B, d), or values that are not finite.
        """
        if features.ndim != 2 or not torch.isfinite(features).all():
            raise ValueError(f"features of shape {tuple(features.shape)} must be (B, d) and finite")
        if len(features):
            x = features.double()
            mean = x.mean(0)
            self._add(len(x), mean, (x - mean).T @ (x - mean))
        return self

    def merge(self, other: "Gaussian") -> "Gaussian":
        """Add all samples that another one has seen."""
        if other.n:
            self._add(other.n, other.mean, other._scatter)
        return self

    def _add(self, n: int, mean: Tensor, scatter: Tensor) -> None:
        if self.n == 0:
            self.n, self.mean, self._scatter = n, mean.clone(), scatter.clone()
            return
        if len(mean) != len(self.mean):
            raise ValueError(f"features of dimension {len(mean)} cannot join those of dimension {len(self.mean)}")
        delta, total = mean.to(self.mean) - self.mean, self.n + n
        self._scatter = self._scatter + scatter.to(self.mean) + torch.outer(delta, delta) * (self.n * n / total)
        self.mean, self.n = self.mean + delta * (n / total), total

    @property
    def cov(self) -> Tensor:
        if self.n < 2:
            raise ValueError(f"a covariance needs 2 samples or more, there are {self.n}")
        return self._scatter / (self.n - 1)


def _root_trace(a: Tensor, b: Tensor) -> Tensor:
    """tr((ab)^½) of two covariances, real and finite also for singular ones.

    With a = ssᵀ the eigenvalues of ab are those of the symmetric sᵀbs: no square root of a matrix, no complex numbers.
    """
    factor, failed = torch.linalg.cholesky_ex(a)
    if failed:
        a, b = b, a
        factor, failed = torch.linalg.cholesky_ex(a)
    if failed:  # both singular: as many directions as the rank, the others are rounding
        values, vectors = torch.linalg.eigh(a)
        keep = values > values[-1].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
        if not keep.any():
            return a.new_zeros(())
        factor = vectors[:, keep] * values[keep].sqrt()
    product = factor.T @ b @ factor
    values = torch.linalg.eigvalsh((product + product.T) / 2)
    noise = values[-1].clamp(min=0) * len(values) * torch.finfo(values.dtype).eps
    return values[values > noise].sqrt().sum()


def frechet(mean_a: Tensor, cov_a: Tensor, mean_b: Tensor, cov_b: Tensor) -> float:
    """‖μa − μb‖² + tr(Ca + Cb − 2(CaCb)^½) of two Gaussians given by (d,) means and (d, d) covariances, float64."""
    spread = cov_a.trace() + cov_b.trace() - 2 * _root_trace(cov_a, cov_b)
    # Never negative, but for rounding: the spread is a difference of equal traces when the covariances are equal.
    return ((mean_a - mean_b).square().sum() + spread.clamp(min=0)).item()


@torch.no_grad()
def frechet_distance(a: Tensor | Gaussian, b: Tensor | Gaussian) -> float:
    """Squared Fréchet distance of the Gaussians with the mean and covariance of two sets of features; 0 is best.

    The estimate is too large, the more so the fewer the samples for the dimensions: two samples of one distribution
    do not give 0. Print it beside real against real of the same N.

    Args:
        a, b: (N, d) and (M, d) features, or what has seen them batch by batch.

    Raises:
        ValueError: fewer than two samples, dimensions that differ, values that are not finite.

    Warns:
        UserWarning: fewer samples than twice the dimension.

    Source: Heusel et al. 2017 (FID); pytorch-fid's value at a fraction of its time, as no matrix square root is taken.
    """
    for name, x in (("a", a), ("b", b)):
        if isinstance(x, Tensor):
            check_features(**{name: x})
    a, b = (x if isinstance(x, Gaussian) else Gaussian(x) for x in (a, b))
    n, d = min(a.n, b.n), len(a.mean) if a.n else 0
    cov_a, cov_b = a.cov, b.cov  # refuses fewer than two samples
    if d != len(b.mean):
        raise ValueError(f"features must have the same dimension, these have: a {d}, b {len(b.mean)}")
    if n < 2 * d:
        warnings.warn(
            f"Fréchet distance of n = {n} samples in d = {d} dimensions: biased upward, "
            "comparable only with distances at the same n",
            stacklevel=2,
        )
    return frechet(a.mean, cov_a, b.mean.to(a.mean), cov_b.to(a.mean))


@torch.no_grad()
def kid(a: Tensor, b: Tensor, degree: int = 3) -> float:
    """Kernel distance: unbiased squared maximum mean discrepancy with the kernel (x·y/d + 1)^degree.

    Its mean over independent samples of one distribution is 0 at every N, so single values may be negative; that of a
    set with itself is. All samples enter once; published values are the mean over 100 random subsets of 1,000, which
    has the same expectation and more noise.

    Args:
        a, b: (N, d) and (M, d) features, N, M ≥ 2.

    Raises:
        ValueError: as `check_features`. Source: Bińkowski et al. 2018, equation 4.
    """
    check_features(a=a, b=b)
    a, b = a.double(), b.to(a.device).double()

    def total(x: Tensor, y: Tensor) -> Tensor:
        return sum(((rows @ y.T / x.shape[1] + 1) ** degree).sum() for rows in x.split(CHUNK))

    def among(x: Tensor) -> Tensor:  # pairs of two different samples
        own = ((x.square().sum(1) / x.shape[1] + 1) ** degree).sum()
        return (total(x, x) - own) / (len(x) * (len(x) - 1))

    return (among(a) + among(b) - 2 * total(a, b) / (len(a) * len(b))).item()
