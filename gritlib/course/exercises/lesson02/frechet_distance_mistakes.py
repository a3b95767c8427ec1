"""Common first tries at 02.4."""

import torch

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson02.gaussians import root, trace_of_root


def built(means=None, traces=None, cross=None, cov=None, factor=2.0, whole=None):
    """frechet_distance with one ingredient replaced."""

    def wrong(a, b):
        cov_a, cov_b = (cov(x) if cov else torch.cov(x.T) for x in (a, b))
        gap = a.mean(0) - b.mean(0)
        first = means(gap) if means else gap.square().sum()
        sides = traces(cov_a, cov_b) if traces else cov_a.trace() + cov_b.trace()
        answer = first + sides - factor * (cross or trace_of_root)(cov_a, cov_b)
        return whole(answer) if whole else answer

    return wrong


def spreads(a, b):
    return (a.diagonal() * b.diagonal()).sqrt().sum()


def not_clamped(a, b):
    half = root(a)
    return torch.linalg.eigvalsh(half @ b @ half).sqrt().sum()


def by_cholesky(a, b):
    lower = torch.linalg.cholesky(a)
    return torch.linalg.eigvalsh(lower.T @ b @ lower).sqrt().sum()


def rows_as_features(cross, as_arrays=False):
    """Covariances of samples in place of features: their product fails where there is another number of each."""

    def wrong(a, b):
        cov_a, cov_b = torch.cov(a), torch.cov(b)
        if as_arrays:
            cov_a, cov_b = cov_a.numpy(), cov_b.numpy()
        return (a.mean(0) - b.mean(0)).square().sum() + cov_a.trace() + cov_b.trace() - 2 * cross(cov_a, cov_b)

    return wrong


NEGATIVE = (
    "With fewer samples than dimensions many eigenvalues are 0, and rounding makes some of them −1e−17: their roots "
    "are not a number. The true ones are never negative, so clamp them at 0 before the root."
)
ELEMENTWISE = (
    "It looks as if the root is taken of each element of a matrix. (Ca·Cb)^½ is a matrix whose product with itself is "
    "Ca·Cb. Its trace needs no such matrix: the trace is the sum of the eigenvalues."
)
ROWS = (
    "It looks as if samples are taken for features: torch.cov and np.cov take rows for features unless told otherwise, "
    "and here a row is a sample. Covariances of d features are d x d."
)
COMMUTES = (
    "It looks as if the last term is tr(√Ca·√Cb). The root of a product is the product of the roots only where the two "
    "matrices commute, such as diagonal ones."
)
NOT_SYMMETRIC = "It looks as if the product Ca·Cb is taken for a symmetric matrix, which it is not. "
NO_TRACE = "It looks as if a term is missing: traces of both covariances are added, the last term is subtracted twice."

MISTAKES = (
    Mistake(NEGATIVE, built(cross=not_clamped)),
    Mistake(
        "It looks as if only variances are compared: correlations between features are left out. Two sets may "
        "agree in every feature alone and yet be different clouds.",
        built(cross=spreads),
    ),
    Mistake(
        NOT_SYMMETRIC + "eigh and eigvalsh read one triangle only and take the other for its mirror image.",
        built(cross=lambda a, b: torch.linalg.eigvalsh(a @ b).clamp(min=0).sqrt().sum()),
    ),
    Mistake(
        NOT_SYMMETRIC + "Its singular values are not its eigenvalues.",
        built(cross=lambda a, b: torch.linalg.svdvals(a @ b).sqrt().sum()),
    ),
    Mistake(COMMUTES, built(cross=lambda a, b: (root(a) @ root(b)).trace())),
    Mistake(ELEMENTWISE, built(cross=lambda a, b: (a @ b).sqrt().trace())),
    Mistake(ELEMENTWISE, built(cross=lambda a, b: (a @ b).abs().sqrt().trace())),
    Mistake(ELEMENTWISE, built(cross=lambda a, b: (a.sqrt() @ b.sqrt()).trace())),
    Mistake(
        "It looks as if the root is taken of the trace. Wanted is the trace of the root: take roots of the "
        "eigenvalues, then add them up.",
        built(cross=lambda a, b: (a @ b).trace().sqrt()),
    ),
    Mistake(
        "It looks as if covariances are compared element by element.",
        lambda a, b: float((a.mean(0) - b.mean(0)).square().sum() + (torch.cov(a.T) - torch.cov(b.T)).square().sum()),
    ),
    Mistake(
        "It looks as if no root is taken of the product Ca·Cb.",
        built(cross=lambda a, b: (a @ b).trace()),
    ),
    Mistake(
        "It looks as if the distance of the means is not squared.",
        built(means=lambda gap: gap.norm()),
    ),
    Mistake(
        "It looks as if the squared differences of the means are averaged over the features: they are added up.",
        built(means=lambda gap: gap.square().mean()),
    ),
    Mistake(
        "It looks as if one mean is taken over all numbers of a set: each feature has its own.",
        built(means=lambda gap: gap.mean().square()),
    ),
    Mistake(
        "It looks as if absolute differences of the means are added up: they are squared first.",
        built(means=lambda gap: gap.abs().sum()),
    ),
    Mistake(
        "It looks as if the means are not compared: two sets of the same shape at different places are far apart.",
        built(means=lambda gap: 0 * gap.sum()),
    ),
    Mistake(
        "It looks as if the last root is subtracted once. It is subtracted twice, as in (x − y)² = x² + y² − 2xy.",
        built(factor=1.0),
    ),
    Mistake(NO_TRACE, built(traces=lambda a, b: a.trace())),
    Mistake(NO_TRACE, built(traces=lambda a, b: 0 * a.trace())),
    Mistake(
        "It looks as if the root is taken of the whole: the distance is used without it, as FID is.",
        built(whole=lambda answer: answer.clamp(min=0).sqrt()),
    ),
    Mistake(
        "It looks as if covariances are divided by N: the mean is estimated from the same samples, so N − 1.",
        built(cov=lambda x: torch.cov(x.T, correction=0)),
    ),
    Mistake(
        "It looks as if the means are not subtracted before products are averaged: a covariance is taken around "
        "the mean.",
        built(cov=lambda x: x.T @ x / len(x)),
    ),
    Mistake(
        "It looks as if the means are not subtracted before products are averaged: a covariance is taken around "
        "the mean.",
        built(cov=lambda x: x.T @ x / (len(x) - 1)),
    ),
    Mistake(
        "A Cholesky factor exists only where all eigenvalues are above 0, so not with fewer samples than "
        "dimensions. A root from eigenvalues and eigenvectors exists for those that are 0, too.",
        built(cross=by_cholesky),
    ),
    Mistake(ROWS, rows_as_features(trace_of_root)),
    Mistake(ROWS, rows_as_features(lambda a, b: (a + b).trace())),
    Mistake(ROWS, rows_as_features(lambda a, b: (a @ b).trace(), as_arrays=True)),
    Mistake(ROWS, rows_as_features(lambda a, b: (a + b).trace(), as_arrays=True)),
)
