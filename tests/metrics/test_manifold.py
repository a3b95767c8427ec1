"""Precision, recall, density and coverage against plain loops, and on features that rounding could spoil."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from gritlib.metrics import manifold, prdc, precision_recall


def loops(real, fake, k, closed):
    """The definitions, one sample after the other."""

    def distance(a, b):
        return float(((a.double() - b.double()) ** 2).sum())

    def radius(points):
        return [sorted(distance(a, b) for j, b in enumerate(points) if j != i)[k - 1] for i, a in enumerate(points)]

    def within(d, r):
        return d <= r if closed else d < r

    balls, reach = radius(real), radius(fake)
    hits = [[within(distance(f, r), balls[i]) for i, r in enumerate(real)] for f in fake]
    held = [any(within(distance(f, r), reach[j]) for j, f in enumerate(fake)) for r in real]
    return {
        "precision": np.mean([any(row) for row in hits]),
        "recall": np.mean(held),
        "density": np.mean([sum(row) for row in hits]) / k,
        "coverage": np.mean(np.any(hits, axis=0)),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 20), st.integers(5, 20), st.integers(1, 6), st.integers(1, 4), st.integers(0, 99), st.booleans())
def test_all_are_those_of_plain_loops(n, m, d, k, seed, ties):
    g = torch.Generator().manual_seed(seed)
    real, fake = torch.randn(n, d, generator=g), 0.8 * torch.randn(m, d, generator=g) + 0.2
    if ties:  # whole numbers: many equal distances, on which < and ≤ differ
        real, fake = real.round(), fake.round()
    assert prdc(real, fake, k) == pytest.approx(loops(real, fake, k, closed=False), abs=1e-12)
    wanted = loops(real, fake, k, closed=True)
    assert precision_recall(real, fake, k) == pytest.approx((wanted["precision"], wanted["recall"]), abs=1e-12)


def hard(kind, n=80, d=16):
    """Features whose squared distances matrix products in float32 get wrong."""
    g = torch.Generator().manual_seed(1)
    x, y = torch.randn(2, n, d, generator=g, dtype=torch.float64)
    if kind == "offset":
        return x + 1e6, y + 1e6
    if "clusters" in kind:  # two tight ones in each set, so far apart that float32 or even float64 products fail
        far = (1e9 if kind == "far clusters" else 1e5) * (torch.arange(n) % 2)[:, None]
        return x + far, y + far
    if kind == "outlier":
        x[0] *= 1e6
        return x, y
    if kind == "duplicates":
        return x[torch.arange(n) % 20], y[torch.arange(n) % 20]
    if kind == "near duplicates":
        return x, x[:1] + 1e-6 * y
    return x.float(), y.float()


KINDS = ("plain", "offset", "clusters", "far clusters", "outlier", "duplicates", "near duplicates")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("chunk", [1024, 17])
def test_rounding_decides_nothing(kind, chunk, monkeypatch):
    real, fake = hard(kind)
    monkeypatch.setattr(manifold, "CHUNK", chunk)
    monkeypatch.setattr(manifold, "SPARE", 2)
    assert prdc(real, fake, 3) == pytest.approx(loops(real, fake, 3, closed=False), abs=1e-12)
    wanted = loops(real, fake, 3, closed=True)
    assert precision_recall(real, fake) == pytest.approx((wanted["precision"], wanted["recall"]), abs=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_radii_are_scikit_learns(kind):
    x = hard(kind)[0]
    found = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(x.numpy()).kneighbors()[0][:, -1]
    assert manifold._radii(x, 5).sqrt().tolist() == pytest.approx(found.tolist(), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("how", ["bfloat16 products", "autocast"])
def test_low_precision_in_force_changes_nothing(how):
    real, fake = (x.float() for x in hard("offset"))
    wanted = prdc(real, fake)
    try:
        torch.set_float32_matmul_precision("medium" if how == "bfloat16 products" else "highest")
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=how == "autocast"):
            assert prdc(real, fake) == wanted
    finally:
        torch.set_float32_matmul_precision("highest")


def test_values_that_need_no_reference():
    g = torch.Generator().manual_seed(0)
    real = torch.randn(200, 8, generator=g)
    assert precision_recall(real, real) == (1, 1) == precision_recall(real, real.flip(0))
    same = prdc(real, real)
    assert (same["precision"], same["recall"], same["coverage"]) == (1, 1, 1)
    assert same["density"] == pytest.approx(1, abs=1e-12)  # k balls hold each sample: its own, and the border is out
    assert precision_recall(real, real + 100) == (0, 0)
    assert set(prdc(real, real + 100).values()) == {0}
    collapsed = real[:1] + 0.01 * torch.randn(200, 8, generator=g)
    precision, recall = precision_recall(real, collapsed)
    assert precision == 1 and recall < 0.05
    assert prdc(real, collapsed)["coverage"] < 0.2
    other = torch.randn(150, 8, generator=g)
    assert precision_recall(real, other) == precision_recall(other, real)[::-1]
    # One sample of one distribution is not covered by another: 1 is not reached.
    assert 0.5 < precision_recall(real, other)[0] < 1


def test_an_outlier_among_the_reals_spoils_precision_and_not_density():
    g = torch.Generator().manual_seed(0)
    real, fake = torch.randn(300, 4, generator=g), torch.randn(300, 4, generator=g) + 6
    before = prdc(real, fake)
    real[0] = 40.0
    after = prdc(real, fake)
    assert before["precision"] < 0.05 and after["precision"] > 0.9
    assert after["density"] < 0.3 and after["coverage"] <= before["coverage"] + 1 / 300


@pytest.mark.parametrize("metric", [precision_recall, prdc])
def test_what_cannot_be_compared_is_refused(metric):
    x = torch.randn(5, 3)
    with pytest.raises(ValueError, match="k = 5 neighbours: must be 1 or more and below the samples, 6 and 5"):
        metric(torch.randn(6, 3), x, k=5)
    with pytest.raises(ValueError, match="k = 0"):
        metric(x, x, k=0)
    with pytest.raises(ValueError, match="same dimension"):
        metric(x, torch.randn(5, 4))
    with pytest.raises(ValueError, match="fake: 1 of 5"):
        metric(x, torch.where(torch.arange(5)[:, None] == 2, float("nan"), x))
    with pytest.raises(ValueError, match=r"features reach 1.0e\+20, whose squares overflow"):
        metric(torch.where(torch.arange(5)[:, None] == 2, 1e20, x), x, k=2)
