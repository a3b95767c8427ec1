"""Lesson 07's answers give gritlib's own numbers, intervals of every right kind are accepted and the normal one is not,
and a class's variants refuse the public answers."""

import math

import pytest
import torch
from scipy import stats

from gritlib import metrics
from gritlib.course.examine import examine
from gritlib.course.exercises import load
from gritlib.course.exercises.lesson07 import dprime
from gritlib.course.exercises.lesson07.dprime_shares import sensitivity, share
from gritlib.course.exercises.lesson07.low_share import SHAPES, right
from gritlib.course.exercises.lesson07.low_share_mistakes import disc

KEYS = [f"class {k}" for k in range(12)]


def of(generator, *shape):
    return torch.rand(*shape, generator=generator, dtype=torch.float64)


def test_the_answers_are_gritlibs_own_numbers():
    g = torch.Generator().manual_seed(0)
    answers = {id: load(id).reference[0] for id in ("07.1", "07.2", "07.5")}
    maps = of(g, 3, 8, 9), of(g, 3, 8, 9)
    assert answers["07.1"](*maps) == pytest.approx(metrics.calibration(*maps), rel=1e-9)
    samples = of(g, 7, 2, 3, 8, 9) ** 2
    assert answers["07.2"](samples) == pytest.approx(metrics.sampler_cost(samples), rel=1e-9)
    residual = of(g, 2, 3, 16, 12) - 0.6
    for edge in (0.1, 0.33):
        assert answers["07.5"](residual, edge) == pytest.approx(metrics.low_share(residual, edge), rel=1e-9)


def test_shares_of_two_three_and_four_pictures():
    d = torch.tensor([-1.0, 0.0, 1.0, 2.2], dtype=torch.float64)
    assert share(d, 2).tolist() == pytest.approx(stats.norm.cdf(d.numpy() / math.sqrt(2)), abs=1e-9)
    evidence = torch.randn(400_000, 4, generator=torch.Generator().manual_seed(0))
    for m in (3, 4):
        right = (evidence[:, :1] + d.float() > evidence[:, 1:m].amax(1, keepdim=True)).double().mean(0)
        assert share(d, m).tolist() == pytest.approx(right.tolist(), abs=3e-3)
        assert share(d, m)[1].item() == pytest.approx(1 / m, abs=1e-9)
        assert [sensitivity(p, m) for p in share(d, m).tolist()] == pytest.approx(d.tolist(), abs=1e-4)


def mapped(interval, m):
    """An answer with another interval of the share."""

    def dprime_2afc(correct, total):
        low, high = interval(correct, total)
        shares = (min(max(p, 0.5 / total), 1 - 0.5 / total) for p in (correct / total, low, high))
        return tuple(sensitivity(float(p), m) for p in shares)

    return dprime_2afc


def jeffreys(k, n):
    return stats.beta.ppf([0.025, 0.975], k + 0.5, n - k + 0.5)


def exact(k, n):
    return stats.beta.ppf(0.025, k, n - k + 1) if k else 0.0, stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1.0


def normal(k, n):
    width = 1.96 * math.sqrt(k / n * (1 - k / n) / n)
    return k / n - width, k / n + width


@pytest.mark.parametrize("m", [2, 3, 4])
def test_every_right_interval_is_accepted_and_the_normal_one_refused_whatever_the_number_of_trials(m):
    judge = dprime.judging_coverage(m)
    for n in (20, 23, 27, 32, 36):
        trials = {"trials": [(k, n) for k in range(n + 1)]}
        for interval, accepted in ((jeffreys, True), (exact, True), (normal, False)):
            got = dprime.all_counts(trials, mapped(interval, m))
            assert (judge(trials, got, None) is None) == accepted, (interval.__name__, n)


def test_coverage_is_that_of_simulated_students():
    n, answer = 30, load("07.4").reference[0]
    found = [answer(k, n) for k in range(n + 1)]
    held = dprime.coverage(found, n, 2)
    g = torch.Generator().manual_seed(1)
    for number in (0, 40, 88):
        d = float(dprime.TRUE[number])
        counts = (of(g, 20_000, n) < share(torch.tensor([d]).double(), 2)).sum(1).tolist()
        simulated = sum(found[k][1] <= d <= found[k][2] for k in counts) / len(counts)
        assert held[number].item() == pytest.approx(simulated, abs=0.006)


def test_a_class_with_three_or_four_pictures_refuses_the_public_answer():
    seen = {}
    for key in KEYS:
        variant = load("07.4").variant(key)
        (m,) = (m for m, word in dprime.PICTURES.items() if f"shows {word} pictures" in variant.note)
        seen[m] = variant
    assert set(seen) == {3, 4}
    for m, variant in seen.items():
        report = examine(variant, mapped(jeffreys, m))
        assert report.status == "right" and report.points == 5, report.message
        public = load("07.4").reference[0]
        report = examine(variant, lambda *given, public=public: public(*given))
        assert report.status == "partly" and "This is the public version" in report.message


def test_a_class_with_another_shape_refuses_the_public_answer():
    seen = {}
    for key in KEYS:
        variant = load("07.5").variant(key)
        (shape,) = (shape for shape, words in SHAPES.items() if words in variant.note)
        seen[shape] = variant
    assert set(seen) == set(SHAPES)
    for shape, variant in seen.items():
        report = examine(variant, lambda *given, shape=shape: right(shape)(*given))
        assert report.status == "right" and report.points == 4, report.message
        report = examine(variant, lambda *given: right(disc)(*given))
        assert report.status == "partly" and "This is the public version" in report.message
