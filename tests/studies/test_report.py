"""Reports of several arms: which pairs are compared, differences against SciPy's t-test, and what is missing."""

import math

import numpy as np
import pytest
from scipy import stats

from gritlib.studies import report, runner
from gritlib.studies.runner import Study

GAPS = {"a": -1.0, "b": 0.5, "c": 0.0}


def toy(**changed) -> Study:
    """Three arms; the metric "gap" crosses zero, "judged" is missing from arm c."""

    def run(arm, dataset, seed, steps):
        noise = 0.01 * math.sin(7 * seed + len(arm) + ord(arm))
        metrics = {"gap": GAPS[arm] + 0.1 * seed + noise, "std": 1 + GAPS[arm] ** 2 + noise}
        return metrics if arm == "c" else metrics | {"judged": 0.7}

    settings = {"arms": ("a", "b", "c"), "differences": ("gap",), "run": run, "recipe": dict, "seeds": (1, 2, 3, 4)}
    return Study("toy", "a claim", datasets=("sea",), steps=5, **{**settings, **changed})


def ran(study, folder):
    runner.run(study, folder)
    return runner.read(study, folder)


def test_mean_interval_is_scipys():
    rng = np.random.default_rng(1)
    for n in (2, 3, 6, 12):
        x = rng.normal(0.3, 1.0, n)
        for level in (0.9, 0.95):
            wanted = stats.ttest_1samp(x, 0).confidence_interval(level)
            assert report.mean_interval(x.tolist(), level) == pytest.approx((x.mean(), wanted.low, wanted.high))
    with pytest.raises(ValueError, match="1 values: an interval needs two or more"):
        report.mean_interval([1.0])


def test_difference_interval_is_scipys_paired_test():
    rng = np.random.default_rng(0)
    for n in (2, 6):
        a, b = rng.normal(-1, 1, n), rng.normal(1, 1, n)
        wanted = stats.ttest_rel(a, b).confidence_interval(0.95)
        got = report.difference_interval(a.tolist(), b.tolist())
        assert got == pytest.approx(((a - b).mean(), wanted.low, wanted.high))
        assert report.difference_interval((a + 9).tolist(), (b + 9).tolist()) == pytest.approx(got)
        assert report.difference_interval(b.tolist(), a.tolist()) == pytest.approx((-got[0], -got[2], -got[1]))
    for a, b in (([1.0], [1.0]), ([1.0, 2.0], [1.0])):
        with pytest.raises(ValueError, match="an interval needs two or more pairs"):
            report.difference_interval(a, b)


def test_without_a_list_the_first_arm_is_compared_with_each_of_the_rest(tmp_path):
    study = toy()
    rows = report.summarise(study, ran(study, tmp_path))
    assert [(row["arms"], row["metric"]) for row in rows] == [(("a", "b"), "gap"), (("a", "c"), "gap")]
    assert [row["seeds"] for row in rows] == [[1, 2, 3, 4]] * 2
    for row, wanted in zip(rows, (-1.5, -1.0), strict=True):
        assert row["difference"] == pytest.approx(row["subject"] - row["other"])
        assert row["difference"] == pytest.approx(wanted, abs=0.02)
        assert row["low"] < row["difference"] < row["high"] < 0 and "ratio" not in row


def test_the_study_may_say_which_pairs_and_mix_ratios_with_differences(tmp_path):
    study = toy(compared=(("b", "c"), ("c", "a")), ratios=("std",))
    rows = report.summarise(study, ran(study, tmp_path))
    assert [(row["arms"], row["metric"]) for row in rows] == [
        (("b", "c"), "std"),
        (("b", "c"), "gap"),
        (("c", "a"), "std"),
        (("c", "a"), "gap"),
    ]
    assert rows[0]["ratio"] == pytest.approx(1.25, abs=0.03) and rows[3]["difference"] == pytest.approx(1, abs=0.02)


def test_the_table_of_several_arms_reads(tmp_path):
    study = toy(compared=(("b", "c"), ("c", "a")), ratios=("std",))
    records = ran(study, tmp_path)
    rows, text = report.summarise(study, records), report.markdown(study, records)
    for a, b in study.compared:
        for kind in ("ratio (geometric mean)", "difference (mean)"):
            assert f"| dataset | metric | {a} | {b} | {kind} | 95 % interval | paired seeds |\n|---|" in text
    gap = rows[1]
    assert f"| sea | gap | {gap['subject']:.4f} | {gap['other']:.4f} | {gap['difference']:.3f} | " in text
    assert f" | {gap['low']:.3f} to {gap['high']:.3f} | 4 |" in text
    width = {line.count("|") for line in text.split("\n\n")[2].splitlines()}
    assert width == {8}, "a table's rows have one width"


def test_three_seeds_have_no_interval_but_their_least_and_greatest_value(tmp_path):
    study = toy(seeds=(1, 2, 3))
    records = ran(study, tmp_path)
    row, text = report.summarise(study, records)[0], report.markdown(study, records)
    subject, other = (report.by_seed(records, "sea", arm, "gap") for arm in "ab")
    assert row["each"] == [subject[seed] - other[seed] for seed in (1, 2, 3)]
    assert "95 %" not in text and "| least to greatest seed | paired seeds |" in text
    assert f" | {min(row['each']):.3f} to {max(row['each']):.3f} | 3 |" in text


def test_a_metric_that_an_arm_does_not_have_is_a_dash_and_no_comparison(tmp_path):
    study = toy(differences=("judged",))
    records = ran(study, tmp_path)
    assert [row["arms"] for row in report.summarise(study, records)] == [("a", "b")]
    text = report.markdown(study, records)
    assert [line.endswith("| 0.700 | 4 |") for line in text.splitlines()[-3:]] == [True, True, False]
    assert text.splitlines()[-1].endswith("| – | 4 |") and "| a | c |" not in text


def test_by_seed_is_in_the_order_of_the_seeds():
    records = [{"dataset": "sea", "arm": "a", "seed": s, "metrics": {"gap": s / 10}} for s in (10, 2, 1)]
    assert list(report.by_seed(records, "sea", "a", "gap").items()) == [(1, 0.1), (2, 0.2), (10, 1.0)]
    assert report.by_seed(records, "sea", "b", "gap") == report.by_seed(records, "sea", "a", "std") == {}
