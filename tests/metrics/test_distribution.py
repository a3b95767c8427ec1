"""Fréchet and kernel distance against SciPy's square root, torchmetrics, closed forms, and identities."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_mmd

from gritlib.metrics import Gaussian, frechet_distance, kid

pytestmark = pytest.mark.filterwarnings("ignore:Fréchet distance of n")


def sets(n=300, m=200, d=12, seed=0):
    """Two sets of correlated features with other means and covariances."""
    g = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(d, d, generator=g, dtype=torch.float64) for _ in range(2))
    x, y = (torch.randn(k, d, generator=g, dtype=torch.float64) for k in (n, m))
    return x @ a, y @ b + 0.5


def by_square_root(a, b):
    """The formula as printed, with SciPy's matrix square root."""
    ca, cb = np.cov(a.numpy(), rowvar=False), np.cov(b.numpy(), rowvar=False)
    root = sqrtm(ca @ cb).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum()) + np.trace(ca + cb - 2 * root)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.sampled_from([0.0, 1e3, -1e6]), st.integers(0, 99))
def test_statistics_do_not_depend_on_the_split(sizes, offset, seed):
    x = torch.randn(2 + sum(sizes), 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + offset
    parts = x.split([2, *sizes])
    whole, streamed, merged = Gaussian(x), Gaussian(), Gaussian()
    for part in parts:
        streamed.update(part)
        merged = Gaussian(part).merge(merged)
    for g in (whole, streamed, merged):
        assert g.n == len(x)
        assert np.abs(g.mean.numpy() - x.numpy().mean(0)).max() < 1e-9
        assert np.abs(g.cov.numpy() - np.cov(x.numpy(), rowvar=False)).max() < 1e-9


def test_float32_features_with_a_large_offset_are_summed_in_float64():
    x = torch.randn(500, 3) + 4096
    assert np.abs(Gaussian(x).cov.numpy() - np.cov(x.double().numpy(), rowvar=False)).max() < 1e-9


def test_an_empty_batch_changes_nothing_and_too_few_samples_are_refused():
    g = Gaussian(torch.randn(1, 4)).update(torch.zeros(0, 4)).merge(Gaussian())
    assert g.n == 1
    with pytest.raises(ValueError, match="2 samples or more, there are 1"):
        g.cov  # noqa: B018
    with pytest.raises(ValueError, match="dimension 3 cannot join those of dimension 4"):
        g.update(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"\(B, d\) and finite"):
        g.update(torch.full((2, 4), float("nan")))


@pytest.mark.parametrize("seed", range(3))
def test_frechet_is_scipys_and_torchmetrics(seed):
    a, b = sets(seed=seed)
    ga, gb = Gaussian(a), Gaussian(b)
    value = frechet_distance(a, b)
    assert value == pytest.approx(by_square_root(a, b), rel=1e-9)
    assert value == pytest.approx(_compute_fid(ga.mean, ga.cov, gb.mean, gb.cov).item(), rel=1e-6)
    assert value == frechet_distance(ga, gb) == frechet_distance(a, gb)


def test_frechet_of_known_gaussians():
    """Samples whose mean and covariance are exactly those wanted."""
    a, _ = sets(d=6)
    white = torch.linalg.solve_triangular(torch.linalg.cholesky(Gaussian(a).cov), (a - a.mean(0)).T, upper=False).T
    s, t = torch.rand(2, 6, dtype=torch.float64) + 0.2
    mean = torch.randn(6, dtype=torch.float64)
    wanted = (mean.square() + (s - t).square()).sum().item()
    assert frechet_distance(white * s, white * t + mean) == pytest.approx(wanted, rel=1e-9)
    # In one dimension (m₁ − m₂)² + (σ₁ − σ₂)².
    assert frechet_distance(white[:, :1], 3 * white[:, :1] + 2) == pytest.approx(8, rel=1e-9)


@pytest.mark.parametrize("n", [300, 7])  # 7 samples in 12 dimensions: singular covariances
def test_frechet_identities(n):
    a, b = sets(n, n)
    v = torch.randn(12, dtype=torch.float64)
    scale = Gaussian(a).cov.trace().item()
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9 * scale)
    assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9 * scale)
    assert frechet_distance(a, a + v) == pytest.approx(v.square().sum().item(), rel=1e-8)
    value = frechet_distance(a, b)
    assert math.isfinite(value) and value > 0
    assert frechet_distance(b, a) == pytest.approx(value, rel=1e-9)
    q = torch.linalg.qr(torch.randn(12, 12, dtype=torch.float64)).Q
    assert frechet_distance(a @ q, b @ q) == pytest.approx(value, rel=1e-8)
    assert frechet_distance(3 * a, 3 * b) == pytest.approx(9 * value, rel=1e-8)


def test_frechet_at_n_below_d_is_that_of_the_small_matrix():
    """tr((CaCb)^½) of singular covariances is the sum of singular values of XaXbᵀ: no large matrix at all."""
    a, b = sets(9, 15, d=40)
    xa, xb = ((x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b))
    wanted = (a.mean(0) - b.mean(0)).square().sum() + xa.square().sum() + xb.square().sum()
    wanted = (wanted - 2 * torch.linalg.svdvals(xa @ xb.T).sum()).item()
    assert frechet_distance(a, b) == pytest.approx(wanted, rel=1e-8)
    mixed, many = a, torch.randn(500, 40, dtype=torch.float64)  # one singular, one not
    assert frechet_distance(mixed, many) == pytest.approx(by_square_root(mixed, many), rel=1e-4)


def test_sets_without_any_spread():
    same = torch.ones(5, 3)
    assert frechet_distance(same, same) == 0
    assert frechet_distance(same, same + 2) == pytest.approx(12)
    a, _ = sets(d=3)
    assert frechet_distance(a, a.mean(0).expand(5, 3)) == pytest.approx(Gaussian(a).cov.trace().item())


def test_bias_at_few_samples_is_announced_once():
    a, b = sets(20, 30)
    with pytest.warns(UserWarning, match="n = 20 samples in d = 12 dimensions: biased upward") as seen:
        few = frechet_distance(a, b)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frechet_distance(*sets(24, 24))
    assert few > 0


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_kid_is_a_loop_over_pairs_and_torchmetrics(degree):
    a, b = sets(30, 20, d=5)

    def k(x, y):
        return (float(x @ y) / 5 + 1) ** degree

    within = [np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    wanted = sum(within) - 2 * np.mean([k(x, y) for x in a for y in b])
    assert kid(a, b, degree) == pytest.approx(wanted, rel=1e-9)
    assert kid(a[:20], b, degree) == pytest.approx(poly_mmd(a[:20], b, degree=degree).item(), rel=1e-9)
    assert kid(b, a, degree) == pytest.approx(wanted, rel=1e-9)


def test_kid_does_not_depend_on_chunks(monkeypatch):
    a, b = sets(100, 70)
    whole = kid(a, b)
    monkeypatch.setattr("gritlib.metrics.distribution.CHUNK", 7)
    assert kid(a, b) == pytest.approx(whole, rel=1e-10)


def test_kid_is_unbiased_while_frechet_is_not():
    g = torch.Generator().manual_seed(3)
    pairs = [torch.randn(2, 40, 8, generator=g, dtype=torch.float64) for _ in range(60)]
    values = torch.tensor([kid(a, b) for a, b in pairs])
    assert abs(values.mean()) < 3 * values.std() / 60**0.5 and (values < 0).any()
    assert min(frechet_distance(a, b) for a, b in pairs) > 0.1


@pytest.mark.parametrize("metric", [frechet_distance, kid])
def test_what_is_no_set_of_features_is_refused(metric):
    a, b = sets(d=4)
    with pytest.raises(ValueError, match=r"same dimension.*4.*3"):
        metric(a, b[:, :3])
    for bad in (a[:1], a[0], a[None]):
        with pytest.raises(ValueError, match=r"b of shape .* of 2 samples or more"):
            metric(a, bad)
    broken = a.clone()
    broken[3, 1] = float("inf")
    broken[5, 2] = float("nan")
    with pytest.raises(ValueError, match="a: 2 of 300 feature vectors"):
        metric(broken, b)
