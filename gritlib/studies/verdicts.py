"""From committed runs to the verdict on a claim, by one rule for all claims, written before it was applied.

One comparison on one dataset, from the values of its paired seeds:

* five seeds or more: the 95 % paired t-interval. Wholly on the predicted side "reproduced", wholly on the other
  "reversed", else "inconclusive".
* two to four seeds: no interval, only the seeds. All on the predicted side "direction only", all on the other "not
  reproduced", else "inconclusive". Where nothing differs, three seeds agree in one direction once in four times.
* one seed: "inconclusive". But what one run tells exactly, numbers of parameters or what a step takes, is "reproduced"
  on the predicted side and "reversed" elsewhere.
* no seed: "not measured".

A claim is the conjunction of its comparisons on all their datasets:

* all reproduced: "reproduced"; all reproduced or direction only: "direction only";
* all against it, reversed or not reproduced: "reversed" where an interval or an exact number says so, "not reproduced"
  where only single seeds do;
* some for and some against it: "not reproduced", and the number of those that hold says how far it was;
* else "inconclusive"; and "not measured" while one of them has no runs.

Intervals stand for themselves: of twenty comparisons without any difference, one shows one. No correction is made.
"""

from dataclasses import dataclass
from pathlib import Path

from gritlib.studies import report, runner

ENOUGH = 5  # seeds of which an interval is told
VERDICTS = ("reproduced", "direction only", "inconclusive", "not reproduced", "reversed")
EXACT, UNTOUCHED, MISSING = "shown by a test", "no lesson of this course touches it", "not measured"
FOR, AGAINST = ("reproduced", "direction only"), ("reversed", "not reproduced")


@dataclass(frozen=True)
class Comparison:
    """What a claim predicts of one number.

    Args:
        study, subject, metric: whose number; |metric| is its absolute value.
        other: the arm that it is compared with, or a number.
        predicted: is the subject "higher" or "lower", by the claim? Without it the comparison is shown, not judged.
        datasets: on which.
        kind: "difference" subject − other, "ratio" subject / other, or "exact", from one run.
        against: a second metric, where the other's is not the same.
    """

    study: str
    subject: str
    other: str | float
    metric: str
    predicted: str
    datasets: tuple[str, ...]
    kind: str = "difference"
    against: str = ""

    @property
    def neutral(self) -> float:
        """The value that speaks for neither side."""
        return self.other if isinstance(self.other, float) else float(self.kind == "ratio")


@dataclass(frozen=True)
class Claim:
    """A claim of spec section 19.

    Args:
        id: its number. text: in plain words. source: who says it, where. comparisons: what is measured.
        tests: the tests that show it, where it is exact. note: what a reader has to know beside the numbers.
    """

    id: int
    text: str
    source: str
    comparisons: tuple[Comparison, ...] = ()
    tests: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """One comparison on one dataset: `each` seed's value, their mean (of ratios the geometric one), and from five
    seeds on the 95 % interval `low` to `high`."""

    comparison: Comparison
    dataset: str
    seeds: tuple[int, ...]
    each: tuple[float, ...]
    estimate: float | None
    low: float | None
    high: float | None
    verdict: str


def values(records: list[dict], dataset: str, arm: str, metric: str) -> dict[int, float]:
    """seed -> an arm's metric; "|name|" is its absolute value."""
    found = report.by_seed(records, dataset, arm, metric.strip("|"))
    return {seed: abs(value) for seed, value in found.items()} if metric.startswith("|") else found


def outcome(comparison: Comparison, dataset: str, records: list[dict]) -> Outcome:
    """What the paired seeds say; see the module for the rule."""
    c = comparison
    mine = values(records, dataset, c.subject, c.metric)
    if isinstance(c.other, str):
        theirs = values(records, dataset, c.other, c.against or c.metric)
        pairs = {seed: (mine[seed], theirs[seed]) for seed in sorted(set(mine) & set(theirs))}
        each = tuple(a / b if c.kind == "ratio" else a - b for a, b in pairs.values())
    else:
        pairs, each = mine, tuple(mine.values())
    estimate, low, high = bounds(c, list(pairs.values()), each)
    verdict = judge(each, low, high, c.neutral, c.predicted, c.kind == "exact")
    return Outcome(c, dataset, tuple(pairs), each, estimate, low, high, verdict)


def bounds(c: Comparison, pairs: list, each: tuple[float, ...]) -> tuple[float | None, float | None, float | None]:
    """Mean, and from five seeds on its 95 % interval."""
    if not each:
        return None, None, None
    if len(each) == 1:
        return each[0], None, None
    if c.kind == "ratio":
        estimate, low, high = report.ratio_interval(*zip(*pairs, strict=True))
    else:
        estimate, low, high = report.mean_interval(each)
    return (estimate, low, high) if len(each) >= ENOUGH else (estimate, None, None)


def judge(
    each: tuple[float, ...], low: float | None, high: float | None, neutral: float, predicted: str, exact: bool = False
) -> str:
    """The verdict on one comparison.

    Args:
        each: the seeds' values. low, high: their interval, where there is one. neutral: the value that speaks for
            neither side. predicted: "higher" or "lower"; "" for a comparison that is shown and not judged.
    """
    if not each:
        return MISSING
    if not predicted:
        return ""
    sign = {"higher": 1, "lower": -1}[predicted]
    ahead = [sign * (value - neutral) for value in each]
    if exact:
        return "reproduced" if min(ahead) > 0 else "reversed"
    if len(each) == 1:
        return "inconclusive"
    if low is None:
        return "direction only" if min(ahead) > 0 else "not reproduced" if max(ahead) < 0 else "inconclusive"
    least, most = sorted((sign * (low - neutral), sign * (high - neutral)))
    return "reproduced" if least > 0 else "reversed" if most < 0 else "inconclusive"


def combine(verdicts: list[str]) -> str:
    """The verdict on a claim from those of its comparisons, at least one."""
    if MISSING in verdicts:
        return MISSING
    found = set(verdicts)
    if found <= set(FOR):
        return "direction only" if "direction only" in found else "reproduced"
    if found <= set(AGAINST):
        return "reversed" if "reversed" in found else "not reproduced"
    return "not reproduced" if found & set(FOR) and found & set(AGAINST) else "inconclusive"


def measure(claim: Claim, folder: Path = runner.COMMITTED) -> tuple[str, list[Outcome]]:
    """The verdict on a claim, and the outcome of every comparison on every dataset, in the order of the table."""
    records = {name: runner.read(name, folder) for name in {c.study for c in claim.comparisons}}
    outcomes = [outcome(c, dataset, records[c.study]) for c in claim.comparisons for dataset in c.datasets]
    if claim.tests:
        return EXACT, outcomes
    return (combine(judged) if (judged := [o.verdict for o in outcomes if o.verdict]) else UNTOUCHED), outcomes


def holds(outcomes: list[Outcome]) -> tuple[int, int]:
    """How many of the judged comparisons are on the claim's side, and how many there are."""
    judged = [o.verdict for o in outcomes if o.verdict]
    return sum(verdict in FOR for verdict in judged), len(judged)
