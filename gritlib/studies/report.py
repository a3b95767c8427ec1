"""From run files to tables: means, and ratios or differences over paired seeds with their interval."""

import itertools
import math
from collections.abc import Sequence

from gritlib.studies.runner import Study

COLUMN = {"ratio": "ratio (geometric mean)", "difference": "difference (mean)"}
DIGITS = {"ratio": 2, "difference": 3}
FEW = 3  # seeds of which no interval is told: with three it is 2.5 standard deviations wide on either side


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean with its t-interval.

    Args:
        values: one a seed, taken as independent draws of a normal distribution.

    Returns:
        mean, low, high.

    Raises:
        ValueError: fewer than two values.
    """
    from scipy import stats

    n = len(values)
    if n < 2:
        raise ValueError(f"{n} values: an interval needs two or more")
    mean = sum(values) / n
    spread = math.sqrt(sum((x - mean) ** 2 for x in values) / (n - 1))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread / math.sqrt(n)
    return mean, mean - half, mean + half


def difference_interval(
    subject: Sequence[float], other: Sequence[float], level: float = 0.95
) -> tuple[float, float, float]:
    """Mean of subject − other over pairs, with its t-interval.

    Args:
        subject, other: values paired by seed.

    Returns:
        mean, low, high.

    Raises:
        ValueError: fewer than two pairs, or unequal numbers.
    """
    check_pairs(subject, other)
    return mean_interval([a - b for a, b in zip(subject, other, strict=True)], level)


def ratio_interval(subject: Sequence[float], other: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Geometric mean of subject / other over pairs, with its t-interval (computed on the logarithms).

    Args:
        subject, other: positive values, paired by seed.

    Returns:
        mean, low, high.

    Raises:
        ValueError: fewer than two pairs, unequal numbers, or values that are not positive.
    """
    check_pairs(subject, other)
    if min(*subject, *other) <= 0:
        raise ValueError("a ratio of values that are not positive has no logarithm")
    logs = [math.log(a / b) for a, b in zip(subject, other, strict=True)]
    mean, low, high = mean_interval(logs, level)
    return math.exp(mean), math.exp(low), math.exp(high)


def check_pairs(subject: Sequence[float], other: Sequence[float]) -> None:
    """Raises ValueError for unequal numbers and for fewer than two pairs."""
    if len(subject) != len(other) or len(subject) < 2:
        raise ValueError(f"{len(subject)} and {len(other)} values: an interval needs two or more pairs")


def by_seed(records: list[dict], dataset: str, arm: str, metric: str) -> dict[int, float]:
    """seed -> value of one arm's metric on one dataset, in the order of the seeds; runs without this metric are left
    out."""
    mine = [r for r in records if (r["dataset"], r["arm"]) == (dataset, arm) and metric in r["metrics"]]
    return {r["seed"]: r["metrics"][metric] for r in sorted(mine, key=lambda r: r["seed"])}


def summarise(study: Study, records: list[dict]) -> list[dict]:
    """What the study compares, one row a dataset, pair of arms and metric, where two seeds or more have both arms.

    Returns:
        Rows with dataset, arms (the pair), metric, the means "subject" and "other", "ratio" or "difference" with its
        95 % interval "low" to "high", the seeds, "each" of their ratios or differences, and how many of them are
        "above" and "below": the subject's value greater, or less, than the other's.
    """
    rows = []
    metrics = [(m, "ratio") for m in study.ratios] + [(m, "difference") for m in study.differences]
    for dataset in sorted({r["dataset"] for r in records}):
        for arms in study.pairs:
            for metric, kind in metrics:
                first, second = (by_seed(records, dataset, arm, metric) for arm in arms)
                seeds = sorted(set(first) & set(second))
                subject, other = [first[s] for s in seeds], [second[s] for s in seeds]
                if len(seeds) < 2 or (kind == "ratio" and min(*subject, *other) <= 0):
                    continue
                interval = {"ratio": ratio_interval, "difference": difference_interval}[kind](subject, other)
                means = {"subject": sum(subject) / len(seeds), "other": sum(other) / len(seeds)}
                row = {"dataset": dataset, "arms": arms, "metric": metric, **means}
                row |= dict(zip((kind, "low", "high"), interval, strict=True))
                pairs = list(zip(subject, other, strict=True))
                each = [a / b if kind == "ratio" else a - b for a, b in pairs]
                signs = [(a > b) - (a < b) for a, b in pairs]
                rows.append({**row, "seeds": seeds, "each": each, "above": signs.count(1), "below": signs.count(-1)})
    return rows


def markdown(study: Study, records: list[dict]) -> str:
    """The report: for each pair of arms the ratios or differences with intervals, then the mean of every metric by
    dataset and arm; or the study's own table. Up to three seeds have no interval: the least and the greatest of them
    stand in its place.
    """
    lines = [f"# {study.name}", "", study.claim, ""]
    if study.table is not None:
        return "\n".join([*lines, study.table(records)])
    rows = summarise(study, records)
    for arms, kind in itertools.product(study.pairs, DIGITS):
        table = [row for row in rows if row["arms"] == arms and kind in row]
        if table:
            few = all(len(row["seeds"]) <= FEW for row in table)
            told = "least to greatest seed" if few else "95 % interval"
            columns = ("dataset", "metric", *arms, COLUMN[kind], told, "paired seeds")
            lines += ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
        for row in table:
            bounds = (min(row["each"]), max(row["each"])) if len(row["seeds"]) <= FEW else (row["low"], row["high"])
            estimate, low, high = (f"{value:.{DIGITS[kind]}f}" for value in (row[kind], *bounds))
            mark = " (seeds)" if len(row["seeds"]) <= FEW and not few else ""
            lines.append(
                f"| {row['dataset']} | {row['metric']} | {row['subject']:.4f} | {row['other']:.4f} | {estimate} | "
                f"{low} to {high}{mark} | {len(row['seeds'])} |"
            )
        lines += [""] * bool(table)
    metrics = list(dict.fromkeys(key for r in records for key in r["metrics"]))
    lines += ["| dataset | arm | " + " | ".join(metrics) + " | runs |", "|---" * (len(metrics) + 3) + "|"]
    for dataset in sorted({r["dataset"] for r in records}):
        for arm in study.arms:
            runs = sum((r["dataset"], r["arm"]) == (dataset, arm) for r in records)
            columns = [list(by_seed(records, dataset, arm, metric).values()) for metric in metrics]
            means = [f"{sum(column) / len(column):.3f}" if column else "–" for column in columns]
            lines += [f"| {dataset} | {arm} | " + " | ".join(means) + f" | {runs} |"] * bool(runs)
    return "\n".join(lines) + "\n"
