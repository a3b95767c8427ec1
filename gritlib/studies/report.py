"""From run files to a table: means, and ratios over paired seeds with their interval."""

import math
from collections.abc import Sequence

from gritlib.studies.runner import Study


def ratio_interval(subject: Sequence[float], other: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Geometric mean of subject / other over pairs, with its t-interval (computed on the logarithms).

    Args:
        subject, other: positive values, paired by seed.

    Returns:
        mean, low, high.

    Raises:
        ValueError: fewer than two pairs, unequal numbers, or values that are not positive.
    """
    from scipy import stats

    if len(subject) != len(other) or len(subject) < 2:
        raise ValueError(f"{len(subject)} and {len(other)} values: an interval needs two or more pairs")
    if min(*subject, *other) <= 0:
        raise ValueError("a ratio of values that are not positive has no logarithm")
    logs = [math.log(a / b) for a, b in zip(subject, other, strict=True)]
    n, mean = len(logs), sum(logs) / len(logs)
    spread = math.sqrt(sum((x - mean) ** 2 for x in logs) / (n - 1))
    half = stats.t.ppf((1 + level) / 2, n - 1) * spread / math.sqrt(n)
    return math.exp(mean), math.exp(mean - half), math.exp(mean + half)


def paired(study: Study, records: list[dict], dataset: str, metric: str) -> tuple[list[float], list[float], list[int]]:
    """Values of the study's first two arms on one dataset, for the seeds that both have, and those seeds."""
    values = {
        arm: {r["seed"]: r["metrics"][metric] for r in records if (r["dataset"], r["arm"]) == (dataset, arm)}
        for arm in study.arms
    }
    subject, other = (values[arm] for arm in study.arms[:2])
    seeds = sorted(set(subject) & set(other))
    return [subject[s] for s in seeds], [other[s] for s in seeds], seeds


def summarise(study: Study, records: list[dict]) -> list[dict]:
    """One row a dataset and ratio metric: both means, the ratio, its interval, and the seeds."""
    rows = []
    for dataset in sorted({r["dataset"] for r in records}):
        for metric in study.ratios:
            subject, other, seeds = paired(study, records, dataset, metric)
            if len(seeds) >= 2 and min(*subject, *other) > 0:
                ratio, low, high = ratio_interval(subject, other)
                means = sum(subject) / len(subject), sum(other) / len(other)
                rows.append(
                    {"dataset": dataset, "metric": metric, "subject": means[0], "other": means[1]}
                    | {"ratio": ratio, "low": low, "high": high, "seeds": seeds}
                )
    return rows


def markdown(study: Study, records: list[dict]) -> str:
    """The report: ratios with intervals, then the mean of every metric by dataset and arm."""
    subject, other = study.arms[:2]
    lines = [
        f"# {study.name}",
        "",
        study.claim,
        "",
        f"| dataset | metric | {subject} | {other} | ratio (geometric mean) | 95 % interval | paired seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in summarise(study, records):
        lines.append(
            f"| {row['dataset']} | {row['metric']} | {row['subject']:.4f} | {row['other']:.4f} | {row['ratio']:.2f} | "
            f"{row['low']:.2f} to {row['high']:.2f} | {len(row['seeds'])} |"
        )
    metrics = list(dict.fromkeys(key for r in records for key in r["metrics"]))
    lines += ["", "| dataset | arm | " + " | ".join(metrics) + " | runs |", "|---" * (len(metrics) + 3) + "|"]
    for dataset in sorted({r["dataset"] for r in records}):
        for arm in study.arms:
            rows = [r["metrics"] for r in records if (r["dataset"], r["arm"]) == (dataset, arm)]
            if rows:
                means = [f"{sum(r[m] for r in rows) / len(rows):.3f}" for m in metrics]
                lines.append(f"| {dataset} | {arm} | " + " | ".join(means) + f" | {len(rows)} |")
    return "\n".join(lines) + "\n"
