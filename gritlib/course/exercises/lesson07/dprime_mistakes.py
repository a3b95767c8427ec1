"""Common first tries at 07.4, as variations of the right answer, and what is said about each."""

import math

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson07.dprime_shares import NORMAL, Z, dprime, half_an_answer, sensitivity, wilson

ROUNDED = 1.96  # as everybody types the quantile


def sensing(m, *, d_of=None, end_of=None, point=None, interval=wilson, ends=half_an_answer, result=None):
    """dprime_2afc with one ingredient replaced.

    Args:
        d_of, end_of: share -> d, for the estimate and for both ends of the interval; end_of is d_of unless given.
        point: (correct, total) -> the share that d is made of. interval: (correct, total) -> two shares. ends: (share,
            total) -> the share that is mapped. result: (d, lo, hi) -> what is returned.
    """
    d_of = d_of or (lambda p: sensitivity(p, m))
    point = point or (lambda correct, total: half_an_answer(correct / total, total))

    def dprime_2afc(correct, total):
        d = d_of(point(correct, total))
        lo, hi = ((end_of or d_of)(ends(p, total)) for p in interval(correct, total))
        return result(d, lo, hi) if result else (d, lo, hi)

    return dprime_2afc


def normal(correct, total, z=Z):
    p = correct / total
    width = z * math.sqrt(p * (1 - p) / total)
    return p - width, p + width


def normal_within(correct, total):
    return tuple(min(max(p, 0.0), 1.0) for p in normal(correct, total))


def spread_of_one(correct, total):
    p = correct / total
    width = Z * math.sqrt(p * (1 - p))
    return p - width, p + width


def variance(correct, total):
    p = correct / total
    return p - Z * p * (1 - p) / total, p + Z * p * (1 - p) / total


def wilson_at(z):
    return lambda correct, total: wilson(correct, total, z)


def unchanged(p, total):
    return p


def clamped(tiny):
    return lambda p, total: min(max(p, tiny), 1 - tiny)


def probit(p):
    return NORMAL.inv_cdf(p)


def infinite(inverse):
    """Φ⁻¹ as scipy and torch have it: infinite at 0 and 1, NaN beyond."""

    def extended(p):
        if 0 < p < 1:
            return inverse(p)
        return {0.0: -math.inf, 1.0: math.inf}.get(p, math.nan)

    return extended


def plain(correct, total):
    return correct / total


def log_linear(correct, total):
    return (correct + 0.5) / (total + 1)


def around_d(m):
    def dprime_2afc(correct, total):
        p = half_an_answer(correct / total, total)
        d, width = sensitivity(p, m), Z * math.sqrt(p * (1 - p) / total)
        return d, d - width, d + width

    return dprime_2afc


PUBLIC = (
    "This is the public version, for two pictures a trial: in this class a trial shows {m}, and somebody who guesses "
    "is right in 1 of {m}. See the docstring."
)
NO_ROOT = (
    "It looks as if √2 is missing. Two pictures are compared, each with a scatter of its own; their difference "
    "scatters by √2: p = Φ(d/√2), and d = √2·Φ⁻¹(p)."
)
YES_NO = (
    "It looks as if d is Φ⁻¹(hits) − Φ⁻¹(false alarms), with false alarms 1 − p. That formula is for one picture a "
    "trial and a yes or no. Here two pictures stand side by side: d = √2·Φ⁻¹(p)."
)
DIVIDED = "It looks as if Φ⁻¹(p) is divided by √2: p = Φ(d/√2), so d is √2 times as large."
ENDS_DIFFER = "It looks as if √2 stands at d alone: lo and hi are mapped in the same way."
LOGISTIC = "It looks as if the log of the odds stands for Φ⁻¹: d′ is made of the normal distribution's quantiles."
INFINITE = (
    "Φ⁻¹(0) and Φ⁻¹(1) are infinite, and beyond 0 and 1 there is nothing. Nobody is infinitely sensitive after so "
    "few trials: keep every share, that of d and both ends of its interval, 1/(2·total) away from 0 and 1."
)
OUTSIDE = (
    "It looks as if this is p ± 1.96·√(p·(1 − p)/n), whose ends lie beyond 0 or 1 when nearly all answers are right. "
    "Take an interval for shares: Wilson's, Jeffreys' or Clopper and Pearson's."
)
NARROW_NORMAL = (
    "It looks as if this is p ± 1.96·√(p·(1 − p)/n), its ends clamped. With all answers right its width is 0, as if "
    "you knew; near 1 it holds the truth far too seldom. Take an interval for shares: Wilson's, Jeffreys' or Clopper "
    "and Pearson's."
)
UNMAPPED = "It looks as if lo and hi are shares of right answers: map them to d as you map the share itself."
LOG_LINEAR = (
    "It looks as if half an answer is added to every count. That is a known correction (log-linear), and it moves all "
    "values; here only 0 and total are corrected, in between d is that of correct/total."
)
TINY = (
    "It looks as if shares are clamped to a tiny number: then that number decides what d is when all answers are "
    "right, and not how many there were. Half an answer, 1/(2·total), is what so many trials can tell."
)
LEVEL = "It looks as if the interval's level is {level} %: for 95 % the quantile of the normal distribution is 1.96."
SPREAD = "It looks as if the spread is that of one answer: the share of n answers scatters by √(p·(1 − p)/n)."
NO_SQUARE_ROOT = "It looks as if the variance p·(1 − p)/n stands where its root belongs."
AROUND_D = (
    "It looks as if the spread of the share is laid around d: it is in another unit. Make the interval of the share "
    "and map its ends."
)
ORDER = "It looks as if the three come in another order: wanted are d, lo, hi."
NEVER_BELOW = (
    "It looks as if d stops at 0. Somebody may have been right less often than a guesser is, by chance or by mixing up "
    "the buttons; cutting that off makes the mean of a class too large."
)
PERCENT = "It looks as if shares are in percent: they lie between 0 and 1."
ONE_WIDE = "It looks as if lo and hi both are d: the interval has no width."


def two_pictures():
    """First tries that know of two pictures."""
    return (
        Mistake(NO_ROOT, sensing(2, d_of=probit)),
        Mistake(NO_ROOT, sensing(2, d_of=probit, interval=wilson_at(ROUNDED))),
        Mistake(YES_NO, sensing(2, d_of=lambda p: 2 * probit(p))),
        Mistake(DIVIDED, sensing(2, d_of=lambda p: probit(p) / math.sqrt(2))),
        Mistake(ENDS_DIFFER, sensing(2, end_of=probit)),
        Mistake(ENDS_DIFFER, sensing(2, end_of=probit, interval=wilson_at(ROUNDED))),
        Mistake(LOGISTIC, sensing(2, d_of=lambda p: math.log(p / (1 - p)))),
        Mistake(LOGISTIC, sensing(2, d_of=lambda p: math.sqrt(2) * math.log(p / (1 - p)))),
    )


def mistakes(m: int) -> tuple[Mistake, ...]:
    def d_of(p):
        return sensitivity(p, m)

    first = two_pictures() if m == 2 else (Mistake(PUBLIC.format(m=m), dprime(2)),)
    return (
        *first,
        Mistake(OUTSIDE, sensing(m, end_of=infinite(d_of), interval=normal, ends=unchanged)),
        Mistake(OUTSIDE, sensing(m, d_of=infinite(d_of), point=plain, interval=normal, ends=unchanged)),
        Mistake(NARROW_NORMAL, sensing(m, interval=normal)),
        Mistake(NARROW_NORMAL, sensing(m, interval=lambda correct, total: normal(correct, total, ROUNDED))),
        Mistake(INFINITE, sensing(m, d_of=infinite(d_of), point=plain, interval=normal_within, ends=unchanged)),
        Mistake(INFINITE, sensing(m, d_of=infinite(d_of), point=plain, ends=unchanged)),
        Mistake(INFINITE, sensing(m, d_of=infinite(d_of), point=plain)),
        Mistake(INFINITE, sensing(m, d_of=d_of, point=plain, ends=unchanged)),
        Mistake(INFINITE, sensing(m, end_of=infinite(d_of), ends=unchanged)),
        Mistake(UNMAPPED, sensing(m, end_of=lambda p: p)),
        Mistake(UNMAPPED, sensing(m, end_of=lambda p: p, ends=unchanged)),
        Mistake(UNMAPPED, sensing(m, end_of=lambda p: p, interval=normal, ends=unchanged)),
        Mistake(LOG_LINEAR, sensing(m, point=log_linear)),
        *(
            Mistake(TINY, sensing(m, point=lambda c, t, e=tiny: clamped(e)(c / t, t), ends=clamped(tiny)))
            for tiny in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12)
        ),
        Mistake(LEVEL.format(level=90), sensing(m, interval=wilson_at(NORMAL.inv_cdf(0.95)))),
        Mistake(LEVEL.format(level=68), sensing(m, interval=wilson_at(1.0))),
        Mistake(LEVEL.format(level=99), sensing(m, interval=wilson_at(NORMAL.inv_cdf(0.995)))),
        Mistake(SPREAD, sensing(m, interval=spread_of_one)),
        Mistake(NO_SQUARE_ROOT, sensing(m, interval=variance)),
        Mistake(AROUND_D, around_d(m)),
        Mistake(ORDER, sensing(m, result=lambda d, lo, hi: (lo, d, hi))),
        Mistake(ORDER, sensing(m, result=lambda d, lo, hi: (lo, hi, d))),
        Mistake(ORDER, sensing(m, result=lambda d, lo, hi: (d, hi, lo))),
        Mistake(NEVER_BELOW, sensing(m, d_of=lambda p: max(0.0, d_of(p)))),
        Mistake(NEVER_BELOW, sensing(m, result=lambda d, lo, hi: (max(0.0, d), lo, hi))),
        Mistake(PERCENT, sensing(m, end_of=lambda p: 100 * p)),
        Mistake(ONE_WIDE, sensing(m, interval=lambda correct, total: (correct / total, correct / total))),
    )
