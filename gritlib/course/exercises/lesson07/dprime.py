"""07.4: how well does somebody tell real pictures from made ones, and how sure are we after so few trials?

Any interval is right that holds the true d as often as it says; this is judged by the binomial distribution itself, so
nothing is simulated. For a class that has a cohort key a trial shows three or four pictures.
"""

import hashlib
import itertools
import math

import torch
from torch import Tensor

from gritlib.course.compare import NO_RETURN, brief, number
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson07.dprime_mistakes import mistakes
from gritlib.course.exercises.lesson07.dprime_shares import dprime, sensitivity, share

TRUE = torch.linspace(0, 2.2, 89, dtype=torch.float64)  # from guessing to 94 % right of two
LEAST, MOST, WORST = 0.935, 0.98, 0.86  # of the coverage: its mean over TRUE, and at any of them
NEAR = 1e-3  # a numerical inverse is right to this
PICTURES = {3: "three", 4: "four"}  # of a class's trial


def answers(inputs, dprime_2afc):
    return {f"{k} of {n}": dprime_2afc(k, n) for k, n in inputs["trials"]}


def all_counts(inputs, dprime_2afc):
    told = {}
    for k, n in inputs["trials"]:
        try:
            told[f"{k} of {n}"] = dprime_2afc(k, n)
        except NotImplementedError:
            raise
        except Exception:
            if 0 < k < n:
                raise
            told[f"{k} of {n}"] = "an error"
    return told


def unbounded(got: dict) -> dict:
    """An interval of everything where 0 or all answers are right and none was found: that is another part's affair."""

    def none_found(answer) -> bool:
        values = triple(answer)
        return isinstance(answer, str) or (values is not None and any(map(math.isnan, values)))

    first, *_, last = got
    return {**got, **{case: (0.0, -math.inf, math.inf) for case in (first, last) if none_found(got[case])}}


def triple(answer) -> tuple[float, float, float] | None:
    """d, lo, hi as floats; None for anything else."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        return None
    values = [number(value) for value in answer]
    return None if any(v is None or isinstance(v, complex) for v in values) else tuple(map(float, values))


def read(inputs, got) -> tuple[list[tuple[float, float, float]], str | None]:
    """All answers in the order of the trials, or what is wrong with the first that is none."""
    found = []
    for case, answer in got.items():
        if (values := triple(answer)) is None:
            return [], f"{case}: your function returned {brief(answer)}, wanted three numbers, d, lo, hi" + (
                NO_RETURN if answer is None else ""
            )
        if any(map(math.isnan, values)):
            return [], f"{case}: d, lo, hi are {brief(values)}: not a number"
        found.append(values)
    return found, None


def judge_d(inputs, got, wanted):
    found, said = read(inputs, got)
    for (case, right), (d, _, _) in zip(wanted.items(), found, strict=False):
        if not abs(d - right[0]) <= NEAR:
            return f"{case}: d is {brief(d)}, wanted {brief(right[0])}"
    return said


def judging_ends(m: int):
    """Of 0, 1, total − 1 and total right answers: any finite d beyond its neighbour's, if the data decide it."""

    def judge(inputs, got, wanted):
        found, said = read(inputs, got)
        if said:
            return said
        n = inputs["trials"][0][1]
        for k, (d, lo, hi) in ((0, found[0]), (n, found[-1])):
            if not all(map(math.isfinite, (d, lo, hi))):
                return f"{k} of {n}: d, lo, hi are {brief((d, lo, hi))}: not finite"
            if not lo <= d <= hi:
                return f"{k} of {n}: d, lo, hi are {brief((d, lo, hi))}: d lies outside its interval"
        few, all_but_one = found[1][0], found[-2][0]
        if not (found[0][0] < few and all_but_one < found[-1][0]):
            return (
                f"d is {brief(found[-1][0])} for {n} of {n}, {brief(all_but_one)} for {n - 1}; {brief(found[0][0])} "
                f"for 0, {brief(few)} for 1: one more right answer must raise it"
            )
        least, most = (sensitivity(p, m) for p in (0.01 / n, 1 - 0.01 / n))
        if found[0][0] < least or found[-1][0] > most:
            return f"d is {brief(found[0][0])} for 0 of {n} and {brief(found[-1][0])} for {n} of {n}: too sure by far"
        return None

    return judge


def coverage(found, n: int, m: int) -> Tensor:
    """For each true d: the probability of a number of right answers whose interval holds it."""
    k = torch.arange(n + 1, dtype=torch.float64)
    p = share(TRUE, m)[:, None]
    ways = torch.lgamma(torch.tensor(n + 1.0).double()) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    chance = (ways + k * p.log() + (n - k) * (1 - p).log()).exp()
    lo, hi = (torch.tensor([values[i] for values in found], dtype=torch.float64) for i in (1, 2))
    return (chance * ((lo <= TRUE[:, None]) & (TRUE[:, None] <= hi))).sum(1)


def judging_coverage(m: int):
    def judge(inputs, got, wanted):
        found, said = read(inputs, unbounded(got))
        if said:
            return said
        n = inputs["trials"][0][1]
        for case, (_, lo, hi) in zip(got, found, strict=True):
            if not lo <= hi:
                return f"{case}: lo is {brief(lo)}, hi is {brief(hi)}: lo must not lie above hi"
        held = coverage(found, n, m)
        mean, worst = held.mean().item(), held.min().item()
        said = f"of {n} trials: over true d from 0 to 2.2 the interval holds it with {100 * mean:.1f} %"
        if mean < LEAST:
            return f"{said}: too narrow for 95 %, or in another place"
        if mean > MOST:
            return f"{said}: too wide for 95 %"
        if worst < WORST:
            return f"{said}, but for d = {TRUE[held.argmin()].item():.2g} with {100 * worst:.1f} % alone"
        return None

    return judge


def judge_widths(inputs, got, wanted):
    found, said = read(inputs, got)
    if said:
        return said
    few, many = (hi - lo for _, lo, hi in found)
    if few > 0 and 0.4 <= many / few <= 0.6:
        return None
    first, second = got
    return (
        f"the interval is {brief(few)} wide for {first} and {brief(many)} for {second}: four times as many trials "
        "make it about half as wide"
    )


def judge_order(inputs, got, wanted):
    found, said = read(inputs, got)
    if said:
        return said
    for case, (d, lo, hi) in zip(got, found, strict=True):
        if not lo <= d <= hi:
            return f"{case}: d, lo, hi are {brief((d, lo, hi))}: d lies outside its interval"
    for i, name in enumerate(("d", "lo", "hi")):
        for (before, after), case in zip(itertools.pairwise(found), list(got)[1:], strict=True):
            if not before[i] <= after[i]:
                return f"{case}: {name} is {brief(after[i])}, with one right answer less {brief(before[i])}"
    return None


def drawer(m: int):
    """Shares about that of a guesser and above."""

    def draw(generator):
        n = int(torch.randint(24, 61, (), generator=generator))
        p = 1 / m - 0.1 + 0.4 * torch.rand(3, generator=generator).sort().values
        p[0] = 1 / m - 0.1  # less often than by guessing
        return {"trials": [(k, n) for k in (p * n).round().int().tolist()]}

    return draw


def draw_ends(generator):
    n = int(torch.randint(20, 61, (), generator=generator))
    return {"trials": [(k, n) for k in (0, 1, n - 1, n)]}


def draw_all(generator):
    """Few trials: with many the normal interval is nearly right."""
    n = int(torch.randint(20, 37, (), generator=generator))
    return {"trials": [(k, n) for k in range(n + 1)]}


def draw_fourfold(generator):
    n, k = (int(torch.randint(*ends, (), generator=generator)) for ends in ((20, 41), (55, 76)))
    k = round(k / 100 * n)
    return {"trials": [(k, n), (4 * k, 4 * n)]}


def draw_known(generator):
    return {"trials": [(20, 40), (19, 25)]}


def exercise(m: int, note: str = "") -> Exercise:
    formula = "√2·Φ⁻¹(correct/total)" if m == 2 else f"the d whose share of right answers, one of {m}, is correct/total"
    known = Part("50 % right: 0; 76 % right: 1.00", 0, draw_known, answers, judge_d)
    return Exercise(
        id="07.4",
        names=("dprime_2afc",),
        reference=(dprime(m),),
        minutes=20,
        parts=(
            Part(
                f"d: {formula}",
                1,
                drawer(m),
                answers,
                judge_d,
                "How often is somebody right whose evidence for the real picture is d higher, on average?",
                repeat=2,
            ),
            Part(
                "0 and total right answers: d, lo and hi are finite, and d goes on rising",
                1,
                draw_ends,
                answers,
                judging_ends(m),
                "Keep every share 1/(2·total) away from 0 and 1 before it is mapped.",
            ),
            Part(
                "lo, hi: of few trials, 94 to 98 of 100 intervals hold the true d",
                2,
                draw_all,
                all_counts,
                judging_coverage(m),
                "An interval for the share first, Wilson's for one; then both ends mapped as the share is.",
                repeat=2,
            ),
            Part(
                "four times as many trials: half the width",
                1,
                draw_fourfold,
                answers,
                judge_widths,
                "The standard error of a share is √(p·(1 − p)/n).",
                repeat=2,
            ),
            Part("one right answer more: d, lo, hi do not fall; lo ≤ d ≤ hi", 0, draw_all, answers, judge_order),
            *((known,) if m == 2 else ()),
        ),
        mistakes=mistakes(m),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: three or four pictures a trial."""
    m = list(PICTURES)[hashlib.sha256(key.encode()).digest()[0] % len(PICTURES)]
    note = (
        f"In this class a trial shows {PICTURES[m]} pictures, one of them real. The share of right answers is then "
        f"∫ φ(t − d)·Φ(t)^{m - 1} dt over all t, with the normal density φ: find the d of a share numerically, "
        "instead of √2·Φ⁻¹."
    )
    return exercise(m, note)


DPRIME = exercise(2)
