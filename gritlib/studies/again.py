"""Is a study reproducible? A seed is run anew and compared with what is committed.

The tolerance of a metric: in the environment of the committed run (device, CPU capability, precision, threads,
versions) a relative 1e-4, or what rounding to five digits hides. Elsewhere trajectories part after some steps, so that
a run is like another seed: within three standard deviations of the committed seeds of its arm and data set, which says
little where there are three. Seconds and memory are the machine's, and are not compared.
"""

import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from gritlib.studies import runner
from gritlib.studies.report import by_seed
from gritlib.studies.runner import Study

RELATIVE, ROUNDING, DEVIATIONS = 1e-4, 2e-5, 3.0
MACHINE = ("_seconds", "_time", "_time_low", "_time_high", "_mib", "_memory")  # how such metrics end


@dataclass(frozen=True)
class Row:
    """One value: of `arm` on `dataset` with `seed`, as committed and run anew; how far apart they may be, by which
    rule, and whether that holds (None: there is nothing to judge it by)."""

    dataset: str
    arm: str
    seed: int
    metric: str
    committed: float
    anew: float
    allowed: float
    rule: str
    holds: bool | None


def check(
    study: Study,
    seeds: tuple[int, ...],
    arms: tuple[str, ...] | None = None,
    datasets: tuple[str, ...] | None = None,
    committed: Path = runner.COMMITTED,
) -> list[Row]:
    """Run seeds anew and compare every value.

    Args:
        arms, datasets: only these; by default all. committed: folder of the runs to compare with.

    Raises:
        ValueError: an arm that the study does not have, or no committed run to compare with.
    """
    if unknown := set(arms or ()) - set(study.arms):
        raise ValueError(
            f"arm {sorted(unknown)[0]!r} is not in study {study.name}: choose from {', '.join(study.arms)}"
        )
    known = runner.read(study, committed)
    old = {(r["dataset"], r["arm"], r["seed"]): r for r in known}
    chosen = replace(study, arms=arms or study.arms)
    planned = [(d, a, s) for d in datasets or study.datasets for a in chosen.arms for s in seeds]
    if not any(key in old for key in planned):
        raise ValueError(f"no committed run of {study.name} with seeds {seeds}, arms {arms}, datasets {datasets}")
    steps = next(old[key]["steps"] for key in planned if key in old)
    missing = [key for key in planned if key not in old]
    chosen = replace(chosen, left_out=lambda a, d, s: (d, a, s) in missing or study.left_out(a, d, s))
    with tempfile.TemporaryDirectory() as folder:
        runner.run(chosen, Path(folder), datasets, seeds, steps)
        fresh = runner.read(study, Path(folder))
    return [row for r in fresh for row in compare(old[r["dataset"], r["arm"], r["seed"]], r, known)]


def compare(committed: dict, anew: dict, known: list[dict]) -> list[Row]:
    """The rows of one run.

    Args:
        committed, anew: its records. known: all committed records of the study, whose spread is the other tolerance.
    """
    same, rows = committed["environment"] == anew["environment"], []
    dataset, arm, seed = (committed[key] for key in ("dataset", "arm", "seed"))
    for metric in sorted({*committed["metrics"], *anew["metrics"]}):
        if metric.endswith(MACHINE):
            continue
        before, now = (record["metrics"].get(metric, math.nan) for record in (committed, anew))
        spread = deviation(list(by_seed(known, dataset, arm, metric).values()))
        if same:
            rule, allowed = "same environment", max(RELATIVE * abs(before), ROUNDING)
        elif spread is not None:
            rule, allowed = "another environment", max(DEVIATIONS * spread, RELATIVE * abs(before), ROUNDING)
        else:
            rule, allowed = "another environment, one seed", math.nan
        # A metric that only one of them has (nan) holds under no rule.
        holds = None if math.isnan(allowed) and before == before and now == now else abs(now - before) <= allowed
        rows.append(Row(dataset, arm, seed, metric, before, now, allowed, rule, holds))
    return rows


def deviation(values: list[float]) -> float | None:
    """Standard deviation over seeds; None of one."""
    if len(values) < 2:
        return None
    mean = sum(values) / len(values)
    return math.sqrt(sum((x - mean) ** 2 for x in values) / (len(values) - 1))


def table(rows: list[Row]) -> str:
    """All rows in Markdown."""
    lines = ["| run | metric | committed | anew | apart | allowed | |", "|---" * 7 + "|"]
    for r in rows:
        said = {True: "holds", False: "**differs**", None: "not judged"}[r.holds]
        numbers = f"{r.committed:.5g} | {r.anew:.5g} | {abs(r.anew - r.committed):.2g} | {r.allowed:.2g}"
        lines.append(f"| {r.dataset}-{r.arm}-seed{r.seed} | {r.metric} | {numbers} | {said}, {r.rule} |")
    return "\n".join(lines) + "\n"
