"""00.5, how sure we are of a difference: the t-interval of paired differences."""

import functools

import torch
from torch import Tensor

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.studies.report import difference_interval


def paired_interval(a: Tensor, b: Tensor, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of a − b over pairs, and the ends of its t-interval."""
    return difference_interval(a.tolist(), b.tolist(), level)


def as_numbers(inputs, paired_interval):
    answer = paired_interval(inputs["a"], inputs["b"])
    return {"diff, lo, hi": [float(x) for x in answer] if isinstance(answer, (tuple, list)) else answer}


def at_level(inputs, paired_interval):
    answer = paired_interval(inputs["a"], inputs["b"], level=inputs["level"])
    return {"diff, lo, hi": [float(x) for x in answer] if isinstance(answer, (tuple, list)) else answer}


def mirrored(inputs, paired_interval):
    a, b, offset = inputs["a"], inputs["b"], inputs["offset"]
    pairs = {"a and b": (a, b), "b and a": (b, a), "a + luck, b + luck": (a + offset, b + offset)}
    found = {name: paired_interval(*pair) for name, pair in pairs.items()}
    return {k: [float(x) for x in v] if isinstance(v, (tuple, list)) else v for k, v in found.items()}


def simulated(inputs, paired_interval):
    answers = [paired_interval(a, b) for a, b in zip(inputs["a"], inputs["b"], strict=True)]
    if any(not isinstance(answer, (tuple, list)) or len(answer) != 3 for answer in answers):
        return {"lo": answers[0], "hi": answers[0]}
    return {name: torch.tensor([float(answer[i]) for answer in answers]) for name, i in (("lo", 1), ("hi", 2))}


def draw_runs(generator):
    """Scores of two networks over a few seeds: a seed moves both by much more than they differ."""
    n = int(torch.randint(3, 10, (), generator=generator))
    luck = 20 + 2 * torch.randn(n, generator=generator, dtype=torch.float64)
    a, b = (luck + 0.5 * torch.randn(n, generator=generator, dtype=torch.float64) for _ in range(2))
    return {"a": a + 0.4, "b": b}


def draw_level(generator):
    return draw_runs(generator) | {"level": (0.8, 0.9, 0.99)[int(torch.randint(3, (), generator=generator))]}


def draw_offset(generator):
    inputs = draw_runs(generator)
    return inputs | {"offset": 5 * torch.randn(len(inputs["a"]), generator=generator, dtype=torch.float64)}


def draw_studies(generator, studies=2000, n=6):
    truth = float(torch.randn((), generator=generator))
    luck = torch.randn(studies, n, generator=generator, dtype=torch.float64)
    a, b = (luck + 0.5 * torch.randn(studies, n, generator=generator, dtype=torch.float64) for _ in range(2))
    return {"a": a + truth, "b": b, "truth": truth}


def covers(inputs, got, wanted):
    """Does the interval hold the true difference as often as it says?"""
    if got["lo"].shape != wanted["lo"].shape or not bool((got["lo"] <= got["hi"]).all()):
        return "an interval's first end must not lie above its second"
    share = float(((got["lo"] <= inputs["truth"]) & (inputs["truth"] <= got["hi"])).double().mean())
    said = f"the true difference lies in {100 * share:.1f} % of {len(got['lo'])} intervals of 95 %"
    if share < 0.5:
        return f"{said}: they lie elsewhere"
    if share < 0.93:
        return f"{said}: they are too narrow"
    if share > 0.97:
        return f"{said}: they are too wide"
    return None


@functools.lru_cache
def quantile(level: float, n: int) -> float:
    from scipy import stats

    return float(stats.t.ppf((1 + level) / 2, n - 1))


def around(middle, half) -> tuple[float, float, float]:
    return float(middle), float(middle - half), float(middle + half)


def unpaired(a, b, level=0.95):
    spread = (a.var() / len(a) + b.var() / len(b)).sqrt()
    return around(a.mean() - b.mean(), quantile(level, len(a) + len(b) - 1) * spread)


def unpaired_few(a, b, level=0.95):
    spread = (a.var() / len(a) + b.var() / len(b)).sqrt()
    return around(a.mean() - b.mean(), quantile(level, len(a)) * spread)


def not_of_the_mean(a, b, level=0.95):
    return around((a - b).mean(), quantile(level, len(a)) * (a - b).std())


def normal(a, b, level=0.95):
    from scipy import stats

    return around((a - b).mean(), stats.norm.ppf((1 + level) / 2) * (a - b).std() / len(a) ** 0.5)


def normal_fixed(a, b, level=0.95):
    return around((a - b).mean(), 1.96 * (a - b).std() / len(a) ** 0.5)


def divided_by_n(a, b, level=0.95):
    return around((a - b).mean(), quantile(level, len(a)) * (a - b).std(unbiased=False) / len(a) ** 0.5)


def one_sided(a, b, level=0.95):
    return around((a - b).mean(), quantile(2 * level - 1, len(a)) * (a - b).std() / len(a) ** 0.5)


def n_degrees(a, b, level=0.95):
    return around((a - b).mean(), quantile(level, len(a) + 1) * (a - b).std() / len(a) ** 0.5)


def other_way(a, b, level=0.95):
    return paired_interval(b, a, level)


def fixed_level(a, b, level=0.95):
    return paired_interval(a, b)


PAIRS = (
    "The pairs are lost: a lucky seed lifts both scores, and that shared luck is still in this spread. Subtract first, "
    "seed by seed."
)
NORMAL = (
    "This uses the normal distribution. With few seeds the spread itself is a guess, and Student's t, with n − 1 "
    "degrees of freedom, allows for that."
)

PAIRED_INTERVAL = Exercise(
    id="00.5",
    names=("paired_interval",),
    reference=(paired_interval,),
    minutes=10,
    parts=(
        Part(
            "mean difference and 95 % interval of a few seeds",
            1,
            draw_runs,
            as_numbers,
            repeat=3,
            rtol=1e-5,
            advice="The middle is the mean of the differences. Which spread, which n, which quantile make the width?",
        ),
        Part(
            "another level",
            1,
            draw_level,
            at_level,
            repeat=3,
            rtol=1e-5,
            advice="Half of what the level leaves out lies on each side.",
        ),
        Part(
            "2,000 simulated studies of six seeds: 93 to 97 of 100 intervals hold the truth",
            1,
            draw_studies,
            simulated,
            covers,
        ),
        Part(
            "b against a mirrors it; luck that a seed brings to both changes nothing",
            0,
            draw_offset,
            mirrored,
            rtol=1e-5,
        ),
    ),
    mistakes=(
        Mistake(PAIRS, unpaired),
        Mistake(PAIRS, unpaired_few),
        Mistake(
            "This is the spread of single differences: a mean of n of them varies less, by a factor that depends on n.",
            not_of_the_mean,
        ),
        Mistake(NORMAL, normal),
        Mistake(NORMAL, normal_fixed),
        Mistake(
            "The spread was divided by n: the mean is estimated from the same numbers, so divide by n − 1.",
            divided_by_n,
        ),
        Mistake("The interval leaves 5 % out on each side: it must leave out 5 % in all.", one_sided),
        Mistake("n differences have n − 1 degrees of freedom: one is used up by their mean.", n_degrees),
        Mistake("The sign is turned: the difference is a − b.", other_way),
        Mistake("The level is not used: 0.95 is only its default.", fixed_level),
    ),
)
