"""A committed study as dots, one a seed: with three seeds nothing else is honest, since a mean hides them and an
interval promises too much.
"""

from pathlib import Path

from gritlib.show.figures import COLOURS, MARKERS, blank, present
from gritlib.show.gallery import better, check_known, load
from gritlib.studies import report, runner


def draw_dots(dots: dict[str, dict[str, dict[int, float]]]):
    """The figure behind `dots`.

    Args:
        dots: metric -> arm -> seed -> value; an arm that has no such metric has no dot.
    """
    arms = list(dict.fromkeys(arm for rows in dots.values() for arm in rows))
    seeds = sorted({seed for rows in dots.values() for values in rows.values() for seed in values})
    figure = blank(1.6 + 2.3 * len(dots), 1.0 + 0.26 * len(arms))
    grid = figure.subplots(1, len(dots), sharey=True, squeeze=False)[0]
    for axes, (metric, rows) in zip(grid, dots.items(), strict=True):
        for i, seed in enumerate(seeds):
            # Seeds a little above each other, so that equal values stay apart.
            found = [
                (rows[arm][seed], y + 0.14 * (i - (len(seeds) - 1) / 2))
                for y, arm in enumerate(arms)
                if seed in rows[arm]
            ]
            style = {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)], "label": f"seed {seed}"}
            axes.scatter(*zip(*found, strict=True) if found else ([], []), s=20, linewidths=0, **style)
        axes.set_xlabel(f"{metric.replace('_', ' ')}{direction(metric)}", fontsize=8)
        axes.set_yticks(range(len(arms)), arms)
        axes.set_ylim(len(arms) - 0.5, -0.5)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower center", ncol=6, fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.22 / (1.0 + 0.26 * len(arms)), 1, 1))
    return figure


def direction(metric: str) -> str:
    """ " (lower is better)", or higher; nothing where neither is."""
    return f" ({better(metric)} is better)" if better(metric) else ""


def dots(
    name: str,
    metrics: str | tuple[str, ...],
    arms: tuple[str, ...] | None = None,
    dataset: str | None = None,
    *,
    folder: Path = runner.COMMITTED,
) -> None:
    """One dot for every seed and arm of a committed study, a panel a metric. The description in words has every value.

    Args:
        name: see `gritlib.studies.runner.STUDIES`. metrics: one, or several beside each other. arms: only these, from
            top to bottom; by default all. dataset: needed where the study has several. folder: where the runs are.

    Raises:
        ValueError: an unknown name, metric, arm or dataset, or several datasets and none chosen.
    """
    study, records = load(name, folder)
    known = sorted({r["dataset"] for r in records})
    if dataset is None and len(known) > 1:
        raise ValueError(f"study {name} has the datasets {', '.join(known)}: choose one with dataset=")
    dataset = dataset or known[0]
    metrics, arms = (metrics,) if isinstance(metrics, str) else metrics, arms or study.arms
    check_known("dataset", (dataset,), known, name)
    check_known("metric", metrics, sorted({key for r in records for key in r["metrics"]}), name)
    check_known("arm", arms, study.arms, name)
    found = {m: {arm: report.by_seed(records, dataset, arm, m) for arm in arms} for m in metrics}
    told = []
    for metric, rows in found.items():
        values = [f"{arm} {', '.join(f'{v:.3g}' for v in seeds.values())}" for arm, seeds in rows.items() if seeds]
        told.append(f"{metric.replace('_', ' ')}{direction(metric)}: {'; '.join(values)}")
    present(draw_dots(found), f"Dots of study {name}, {dataset}, one a seed. {'. '.join(told)}.")
