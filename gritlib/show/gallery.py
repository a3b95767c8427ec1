"""Committed studies in a lesson: the pictures of a few seeds with the same places in every row, a table of means with
their intervals, and what the paired seeds say, in words made from the numbers.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from gritlib.data.images import read_image
from gritlib.show.figures import pictures
from gritlib.studies import report, runner
from gritlib.studies.runner import Study

BETTER = dict.fromkeys(
    ("L1", "L1_back", "spectrum_distance", "SWD", "VGG16_distance", "KD_Lite0", "FD_Lite0_24"), "lower"
)
BETTER |= dict.fromkeys(
    ("PSNR", "SSIM", "colour_overlap", "pixel_accuracy", "mean_iou", "precision", "recall"), "higher"
)
STYLES = ("_truth", "_random", "_mean")  # how names of scores end that are measured with several style codes
NOTE = (
    "± is half of the 95 % t interval of the mean over seeds. Every interval stands for itself: of twenty comparisons "
    "without any difference, one shows one."
)
FEW_NOTE = (
    "In brackets, where three seeds or fewer have run: the least and the greatest of them. That is no interval: three "
    "seeds show a direction only, and where nothing differs three agree in a direction once in four times."
)
NEUTRAL = {"ratio": 1, "difference": 0}


def gallery(
    name: str,
    dataset: str | None = None,
    seeds: tuple[int, ...] | None = None,
    metrics: tuple[str, ...] | None = None,
    *,
    arms: tuple[str, ...] | None = None,
    compare: bool = True,
    folder: Path = runner.COMMITTED,
) -> list[dict]:
    """Show a study: a figure for each dataset whose pictures are kept, then means, intervals and verdicts.

    Args:
        name: see `gritlib.studies.runner.STUDIES`. dataset: one of the study's; by default all. seeds: whose pictures
            are shown, by default all that have some, () for none; the numbers are always those of all seeds. metrics:
            which ones; by default those that the study compares. arms: only these; by default all. compare: also say
            in words what the paired seeds show. folder: where the runs are, such as a folder of `study run`; by default
            the committed ones.

    Returns:
        The run records behind the numbers.

    Raises:
        ValueError: an unknown name, dataset, metric or arm, seeds without pictures, or a folder without runs.
    """
    from IPython.display import display

    study, records = load(name, folder)
    seeds = study.pictured if seeds is None else seeds
    if dataset is not None:
        check_known("dataset", (dataset,), sorted({r["dataset"] for r in records}), name)
        records = [r for r in records if r["dataset"] == dataset]
    if metrics is not None:
        check_known("metric", metrics, sorted({key for r in records for key in r["metrics"]}), name)
    if arms is not None:
        check_known("arm", arms, study.arms, name)
        pairs = tuple(pair for pair in study.pairs if set(pair) <= set(arms))
        study = replace(study, arms=arms, compared=pairs)
        records = [r for r in records if r["arm"] in arms]
    chosen = metrics or (*study.ratios, *study.differences)
    for place in sorted({r["dataset"] for r in records} & set(study.shown)) if seeds else ():
        check_known("seed", seeds, study.pictured, f"{name}, pictures")
        rows, labels = strips(study, place, seeds, folder / name)
        alt = describe(study, records, place, labels, chosen)
        pictures(rows, list(study.shown[place]), alt=alt, labels=labels, caption=f"study {name}, {place}, test split")
    text = table(study, records, chosen)
    if compare:
        text += "\n" + "\n".join(f"- {line}" for line in verdicts(study, records, chosen))
    display({"text/markdown": text, "text/plain": text}, raw=True)
    return records


def claims(name: str, folder: Path = runner.COMMITTED) -> None:
    """Print what a study's paired seeds say to each claim that it speaks to.

    Raises:
        ValueError: an unknown name, a study without claims, or a folder without runs.
    """
    study, records = load(name, folder)
    if not study.claims:
        raise ValueError(f"study {name} names no claims")
    rows = report.summarise(study, records)
    for claim, comparisons in study.claims.items():
        print(claim)
        for *arms, metric in comparisons:
            for row in rows:
                if (list(row["arms"]), row["metric"]) == (arms, metric):
                    print(f"  - {verdict(row)}")


def numbers(name: str, folder: Path = runner.COMMITTED) -> list[dict]:
    """What a study says, for a sentence of a lesson: the rows of `report.summarise`.

    Raises:
        ValueError: an unknown name, or a folder without runs.
    """
    return report.summarise(*load(name, folder))


def load(name: str, folder: Path) -> tuple[Study, list[dict]]:
    """A study and its records, at least one."""
    study = runner.get(name)
    records = runner.read(study, folder)
    if not records:
        raise ValueError(f"no run of study {name} in {folder}: compute some with `python -m gritlib study run {name}`")
    return study, records


def check_known(kind: str, given: tuple, known, where: str) -> None:
    """Raises ValueError for something that the study does not have, listing what it has."""
    for one in given:
        if one not in known:
            raise ValueError(f"{kind} {one!r} is not in study {where}: choose from {', '.join(map(str, known))}")


def strips(study: Study, dataset: str, seeds: tuple[int, ...], folder: Path) -> tuple[list, list[str]]:
    """The figure's rows: inputs, truths, then every arm's seeds that have run.

    Returns:
        rows of uint8 arrays (64, 64, 3), and a label for each.

    Raises:
        ValueError: no picture of these seeds.
    """
    files = {kind: folder / f"{dataset}-{kind}.png" for kind in ("input", "truth")}
    arms = [arm for arm in study.arms if arm != "input"]  # where the input is scored too, it is the first row already
    files |= {f"{arm} {seed}": folder / f"{dataset}-{arm}-seed{seed}.png" for arm in arms for seed in seeds}
    labels = [label for label, file in files.items() if file.exists()]
    if len(labels) < 3:
        raise ValueError(f"{folder} has no pictures of {dataset} with seeds {seeds}")
    count = len(study.shown[dataset])
    return [np.split(read_image(files[label]), count, axis=1) for label in labels], labels


def describe(study: Study, records: list[dict], dataset: str, labels: list[str], metrics: tuple[str, ...]) -> str:
    """The figure in words: what its rows and columns are, and the means of the arms."""
    means = []
    for arm in study.arms:
        found = [(m, list(report.by_seed(records, dataset, arm, m).values())) for m in metrics]
        parts = [f"{metric.replace('_', ' ')} {sum(v) / len(v):.3g}" for metric, v in found if v]
        means += [f"{arm}: {', '.join(parts)}"] if parts else []
    return (
        f"Outputs of study {study.name} for {len(study.shown[dataset])} unseen inputs of {dataset}, one a column: "
        f"{', '.join(study.shown[dataset])}. Rows, from the top: {', '.join(labels)} (arm and seed). "
        f"Means over all seeds: {'; '.join(means)}."
    )


def table(study: Study, records: list[dict], metrics: tuple[str, ...]) -> str:
    """Markdown, one row a dataset and arm: `estimate` of each metric, and below what stands beside the means."""
    counts = set()
    lines = ["| dataset | arm | " + " | ".join(metrics) + " | seeds |", "|---" * (len(metrics) + 3) + "|"]
    for dataset in sorted({r["dataset"] for r in records}):
        for arm in study.arms:
            runs = sum((r["dataset"], r["arm"]) == (dataset, arm) for r in records)
            columns = [list(report.by_seed(records, dataset, arm, metric).values()) for metric in metrics]
            counts |= set(map(len, columns))
            cells = " | ".join(map(estimate, columns))
            lines += [f"| {dataset} | {arm} | {cells} | {runs} |"] if runs else []
    notes = [NOTE] * (max(counts, default=0) > report.FEW) + [FEW_NOTE] * any(1 < n <= report.FEW for n in counts)
    return "\n".join([*lines, "", " ".join(notes), ""])


def estimate(values: list[float]) -> str:
    """ "mean ± half-width", or of few seeds "mean (least to greatest)"; the value alone of one seed, a dash of none."""
    if len(values) < 2:
        return f"{values[0]:.3f}" if values else "–"
    if len(values) <= report.FEW:
        return f"{sum(values) / len(values):.3f} ({min(values):.3f} to {max(values):.3f})"
    mean, low, _ = report.mean_interval(values)
    return f"{mean:.3f} ± {mean - low:.3f}"


def verdicts(study: Study, records: list[dict], metrics: tuple[str, ...]) -> list[str]:
    """One sentence for each comparison of the study: the paired estimate, its interval, and what that shows."""
    found = []
    for row in report.summarise(study, records):
        if row["metric"] in metrics:
            found.append(verdict(row))
    return found or ["No verdict: no comparison of these metrics has two paired seeds."]


def verdict(row: dict) -> str:
    """A row of `report.summarise` in words: with its interval, or of few seeds a direction, where all have the same."""
    kind, count = "ratio" if "ratio" in row else "difference", len(row["seeds"])
    (subject, other), digits = row["arms"], report.DIGITS[kind]
    sign = "+" if kind == "difference" else ""
    value, low, high = (f"{row[key]:{sign}.{digits}f}" for key in (kind, "low", "high"))
    begun = f"{row['dataset']}, {row['metric']}, {subject} against {other}: {kind} {value}"
    side, worth = "higher" if row[kind] > NEUTRAL[kind] else "lower", ""
    if wish := better(row["metric"]):
        worth = ", which is better" if side == wish else ", which is worse"
    if count <= report.FEW:
        if count in (row["above"], row["below"]):
            return f"{begun}: direction only, {side} in {count} of {count} paired seeds{worth}."
        return f"{begun}: no direction, higher in {row['above']} and lower in {row['below']} of {count} paired seeds."
    says = f"{side}{worth}"
    if row["low"] <= NEUTRAL[kind] <= row["high"]:
        says = f"no difference shown (the interval contains {NEUTRAL[kind]})"
    return f"{begun}, 95 % interval {low} to {high} over {count} paired seeds: {says}."


def better(metric: str) -> str | None:
    """Is "lower" or "higher" better? None where neither is. Whose style a score was measured with does not matter."""
    for ending in STYLES:
        metric = metric.removesuffix(ending)
    return BETTER.get(metric)
