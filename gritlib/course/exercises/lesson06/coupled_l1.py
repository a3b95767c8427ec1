"""06.1: the L1 that a noisy answer pays for a noisy truth.

Answers are compared with an average over draws, so that a formula, an integral and a simulation are equally right.
"""

import math

import torch

from gritlib.course.compare import brief, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part

DRAWS, BAND = 400_000, 0.01  # an average of so many strays by 0.0012 of itself; what is allowed
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)  # weights of the shape's part, in σ


def coupled_l1(sigma: float, w: float) -> float:
    return math.hypot(sigma, w) * math.sqrt(2 / math.pi)


def value_of(inputs, coupled_l1):
    return {"value": coupled_l1(inputs["sigma"], inputs["w"])}


def values_of(inputs, coupled_l1):
    return {"values": [coupled_l1(inputs["sigma"], w) for w in inputs["w"]]}


def scaled(inputs, coupled_l1):
    sigma, w, times = inputs["sigma"], inputs["w"], inputs["times"]
    return {"values": [coupled_l1(sigma, w), coupled_l1(times * sigma, times * w)]}


def simulated(inputs) -> float:
    """Mean |σ·ε − w·n| over draws that belong to these inputs."""
    generator = torch.Generator().manual_seed(DRAWS)
    truth, answer = torch.randn(2, DRAWS, generator=generator, dtype=torch.float64)
    return (inputs["sigma"] * truth - inputs["w"] * answer).abs().mean().item()


def far(got: float, wanted: float) -> bool:
    return not abs(got - wanted) <= BAND * abs(wanted)


def no_numbers(values) -> str | None:
    """What is wrong with the kind of the first value that is no number."""
    return next((returned(value, "one number") for value in values if number(value) is None), None)


def judge_value(inputs, got, wanted):
    if said := no_numbers([got["value"]]):
        return said
    value, measured = number(got["value"]), simulated(inputs)
    if not far(value, measured):
        return None
    return (
        f"sigma = {inputs['sigma']:g}, w = {inputs['w']:g}: |σ·ε − w·n| is {measured:.4g} on average over {DRAWS:,} "
        f"draws, yours is {brief(value)}"
    )


def judge_shape(inputs, got, wanted):
    if said := no_numbers(got["values"]):
        return said
    sigma, values, right = inputs["sigma"], [number(v) for v in got["values"]], wanted["values"]
    at = dict(zip(STEPS, values, strict=True))
    for step in (1.0, 2.0):
        if far(at[-step], at[step]):
            return (
                f"sigma = {sigma:g}: {brief(at[-step])} for w = {-step * sigma:g} and {brief(at[step])} for w = "
                f"{step * sigma:g}; n and −n are equally likely, so the sign of w plays no part"
            )
    if min(values) < at[0.0]:
        best = min(at, key=at.get)
        return (
            f"sigma = {sigma:g}: your value is least at w = {best * sigma:g}; noise that knows nothing of ε can only "
            "cost, so it is least at w = 0"
        )
    for step, wanted_value in zip(STEPS, right, strict=True):
        if far(at[step], wanted_value):
            return f"sigma = {sigma:g}, w = {step * sigma:g}: got {brief(at[step])}, wanted {wanted_value:.4g}"
    return None


def judge_scaled(inputs, got, wanted):
    if said := no_numbers(got["values"]):
        return said
    one, many = (number(v) for v in got["values"])
    times = inputs["times"]
    if not far(many, times * one):
        return None
    return (
        f"with {times:g} times the σ and the w your value is {brief(many / one if one else math.inf)} times as large, "
        f"wanted {times:g} times: it is a distance, not a square"
    )


def draw(generator):
    """One of the two is clearly the larger, so that no wrong formula comes near the right one."""
    ratio, size = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    ratio = 0.3 + 0.4 * ratio
    sigma = round(0.2 + 1.8 * size, 2)
    larger = bool(torch.randint(2, (), generator=generator))
    return {"sigma": sigma, "w": round(sigma / ratio if larger else sigma * ratio, 2)}


def draw_steps(generator):
    sigma = draw(generator)["sigma"]
    return {"sigma": sigma, "w": [step * sigma for step in STEPS]}


def draw_times(generator):
    return {**draw(generator), "times": float(torch.randint(3, 9, (), generator=generator))}


def of(formula):
    """A wrong answer from a formula of σ and w."""
    return lambda sigma, w: formula(sigma, w)


L1_OF_ONE = math.sqrt(2 / math.pi)  # E|ε|
SUM = (
    "It looks as if σ and w are added up. They belong to independent draws, which sometimes cancel: the variances add "
    "up, σ² + w², and the standard deviation of the difference is the root of that."
)
NO_CONSTANT = (
    "It looks as if your value is the standard deviation of σ·ε − w·n, √(σ² + w²). The mean distance from 0 is "
    "smaller: of a normal distribution it is √(2/π), about 0.80, times the standard deviation."
)
VARIANCE = "It looks as if a variance is taken, σ² + w²: L1 is a mean of absolute values, in the unit of y itself."
MATCHED = (
    "It looks as if σ and w are subtracted, so that w = σ would cost nothing. That holds for n = ε, for a generator "
    "that knows the truth's noise. Here n is a draw of its own: as large as ε, but in other places."
)
IGNORED = (
    "It looks as if w plays no part: this is what an answer without noise pays. Noise in the answer is a second error "
    "beside the truth's."
)

COUPLED_L1 = Exercise(
    id="06.1",
    names=("coupled_l1",),
    reference=(coupled_l1,),
    minutes=12,
    parts=(
        Part(
            f"within {BAND:.0%} of the average of |σ·ε − w·n| over draws",
            2,
            draw,
            value_of,
            judge_value,
            "The difference of two independent normal variables is normal again. Which is its variance, and how far is "
            "such a variable from 0 on average?",
            repeat=4,
        ),
        Part(
            "as a function of w: the same for w and −w, least at w = 0, where an answer without noise stands",
            1,
            draw_steps,
            values_of,
            judge_shape,
            "Try a few w by hand: 0, σ, −σ.",
            repeat=2,
        ),
        Part(
            "with σ and w several times as large the value is so many times as large",
            0,
            draw_times,
            scaled,
            judge_scaled,
        ),
    ),
    mistakes=(
        Mistake(SUM, of(lambda s, w: s + w)),
        Mistake(SUM, of(lambda s, w: s + abs(w))),
        Mistake(SUM, of(lambda s, w: L1_OF_ONE * (s + w))),
        Mistake(SUM, of(lambda s, w: L1_OF_ONE * (s + abs(w)))),
        Mistake(NO_CONSTANT, of(math.hypot)),
        Mistake(VARIANCE, of(lambda s, w: s**2 + w**2)),
        Mistake(VARIANCE, of(lambda s, w: L1_OF_ONE * (s**2 + w**2))),
        Mistake(VARIANCE, of(lambda s, w: 2 / math.pi * (s**2 + w**2))),
        *(Mistake(MATCHED, of(lambda s, w, c=c: c * abs(s - w))) for c in (1, L1_OF_ONE)),
        *(Mistake(MATCHED, of(lambda s, w, c=c: c * (s - w))) for c in (1, L1_OF_ONE)),
        *(Mistake(MATCHED, of(lambda s, w, c=c: c * abs(s - abs(w)))) for c in (1, L1_OF_ONE)),
        Mistake(MATCHED, of(lambda s, w: (s - w) ** 2)),
        Mistake(
            "It looks as if the variance of the noise is taken away from that of the truth: of a difference of "
            "independent draws the variances add up.",
            of(lambda s, w: L1_OF_ONE * math.sqrt(abs(s**2 - w**2))),
        ),
        *(Mistake(IGNORED, of(lambda s, w, c=c: c * s)) for c in (1, L1_OF_ONE)),
        Mistake(
            "It looks as if √(2/π) is upside down: the mean distance from 0 is smaller than the standard deviation.",
            of(lambda s, w: math.hypot(s, w) / L1_OF_ONE),
        ),
        Mistake(
            "It looks as if the factor is 2/√π: that is E|Y − Y'|/σ of two draws with the same σ, so the second σ is "
            "counted twice here.",
            of(lambda s, w: 2 / math.sqrt(math.pi) * math.hypot(s, w)),
        ),
        Mistake(
            "It looks as if the factor is 2/π: its root is missing.",
            of(lambda s, w: 2 / math.pi * math.hypot(s, w)),
        ),
        Mistake(
            "It looks as if the factor is 0.6745, which is the median of |ε|: L1 is a mean.",
            of(lambda s, w: 0.6744897501960817 * math.hypot(s, w)),
        ),
        Mistake(
            "It looks as if the factor is 1/√(2π), the height of the normal curve: |ε| counts both sides of 0, √(2/π).",
            of(lambda s, w: math.hypot(s, w) / math.sqrt(2 * math.pi)),
        ),
        Mistake(
            "It looks as if the two absolute values are multiplied: L1 looks at the difference of truth and answer.",
            of(lambda s, w: 2 / math.pi * s * abs(w)),
        ),
    ),
)
