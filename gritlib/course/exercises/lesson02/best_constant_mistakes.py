"""Common first tries at 02.1, for the public exercise and for a class's pinball loss."""

import torch

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson02.costs import SHARES, SLOPES, cost, minimiser


def with_one(loss: str, answer, slopes):
    """Right for the other losses, wrong for this one."""

    def best_constant(values, weights, asked):
        return answer(values, weights) if asked == loss else minimiser(values, weights, SHARES[asked], slopes)

    return best_constant


def mean(values, weights):
    return float((weights * values).sum() / weights.sum())


def passes(values, running, level):
    return float(values[int((running >= level).nonzero()[0])])


def at_the_mean(slopes):
    """mix, its sides counted once, around the mean."""

    def answer(values, weights):
        middle = mean(values, weights)
        above, below = weights[values > middle].sum(), weights[values < middle].sum()
        return middle + float(slopes[0] * above - slopes[1] * below) / 2

    return answer


def tries(slopes) -> dict[str, list[tuple]]:
    """Loss -> (message, wrong answer from values and weights)."""
    level = slopes[0] / sum(slopes)

    def alike(loss):
        return lambda values, weights: minimiser(values, torch.ones_like(weights) / len(weights), SHARES[loss], slopes)

    def among_values(loss):
        return lambda values, weights: float(values[cost(values, values, weights, SHARES[loss], slopes).argmin()])

    def least(shares, slopes=slopes):
        return lambda values, weights: minimiser(values, weights, shares, slopes)

    def between(centred):
        def answer(values, weights):
            order = values.argsort()
            v, w = values[order], weights[order]
            running = w.cumsum(0) - centred * w
            i = int((running < level).sum())
            if i in (0, len(v)):
                return float(v[0 if i == 0 else -1])
            return float(v[i - 1] + (v[i] - v[i - 1]) * (level - running[i - 1]) / (running[i] - running[i - 1]))

        return answer

    no_weights = (
        "It looks as if every value counts alike: the weights are not used. A value with weight 0.4 counts as four "
        "times the one with weight 0.1."
    )
    between_values = (
        "It looks as if you interpolate between two neighbouring values. From one value to the next the cost of "
        '"l1" is a straight line, so its lowest point is at a value.'
    )
    public = {"l1": [], "l2": [], "mix": []}
    if slopes != SLOPES:
        up, down = slopes
        for loss in ("l1", "mix"):
            public[loss] = [
                (
                    "This is the public version, with the absolute error for both directions. In your class a value "
                    f"above the constant costs {up:g} a unit, one below it {down:g}: see the last sentence of the "
                    "docstring.",
                    least(SHARES[loss], SLOPES),
                ),
                (
                    "It looks as if the two directions are exchanged: the first number belongs to values above the "
                    "constant.",
                    least(SHARES[loss], (down, up)),
                ),
            ]
    mean_for_l1 = (
        'This is the mean, the constant of the squared error. A step to the right changes the cost of "l1" by the '
        "weights on either side alone, however far away the values lie. At which point do the two sides balance?"
    )
    l1 = [
        (mean_for_l1, mean),
        (no_weights, alike("l1")),
        (
            "This is the value with the largest weight. It is best only where it outweighs all others together; else "
            "ask how much weight lies on either side.",
            lambda values, weights: float(values[weights.argmax()]),
        ),
        (
            "It looks as if the weights are added up in the order in which the values come: sort the values first.",
            lambda values, weights: passes(values, weights.cumsum(0), level),
        ),
        (
            "It looks as if the values are sorted and the weights are not: each weight must move with its value.",
            lambda values, weights: passes(values.sort().values, weights.cumsum(0), level),
        ),
        (between_values, between(0.0)),
        (between_values, between(0.5)),
    ]
    if slopes == SLOPES:
        l1 += [(no_weights, lambda v, w: float(v.median())), (no_weights, lambda v, w: float(v.quantile(0.5)))]
    l2 = [
        (no_weights, lambda values, weights: float(values.mean())),
        (
            "It looks as if the weighted sum is divided by the number of values. The weights add up to 1, so the sum "
            "is the mean already.",
            lambda values, weights: float((weights * values).mean()),
        ),
        (
            "It looks as if only the values themselves were tried. A parabola can have its lowest point between two "
            "values.",
            among_values("l2"),
        ),
    ]
    mix = [
        (no_weights, alike("mix")),
        (
            'It looks as if "mix" is the average of the two minimisers. Where a sum is least is not half-way between '
            "the places where its terms are: write the sum down, and look for its own lowest point.",
            lambda values, weights: (least(SHARES["l1"])(values, weights) + mean(values, weights)) / 2,
        ),
        ('This is the constant of the squared error alone: "mix" has an absolute half too.', mean),
        ('This is the constant of "l1" alone: "mix" has a squared half too.', least(SHARES["l1"])),
        (
            "It looks as if only the values themselves were tried. The squared half makes parabolas between the "
            "values, which can have their lowest point there.",
            among_values("mix"),
        ),
        (
            "It looks as if the 2 is lost that the square brings down: the derivative of ½·(v − c)² by c is c − v.",
            least((0.5, 0.25)),
        ),
        (
            "It looks as if the ½ of the squared half is lost: then the absolute half has too little to say.",
            least((0.5, 1.0)),
        ),
    ]
    own = {"l1": l1, "l2": l2, "mix": mix}
    return {loss: public[loss] + own[loss] for loss in own}


def mistakes(slopes) -> tuple[Mistake, ...]:
    def what_it_costs(values, weights, loss):
        best = torch.tensor([minimiser(values, weights, SHARES[loss], slopes)], dtype=torch.float64)
        return float(cost(best, values, weights, SHARES[loss], slopes))

    return (
        *(
            Mistake(message, with_one(loss, answer, slopes))
            for loss, pairs in tries(slopes).items()
            for message, answer in pairs
        ),
        Mistake(
            "It looks as if the two sides are counted once, around the mean. When the constant moves away from the "
            "mean it may pass a value, which then lies on the other side.",
            with_one("mix", at_the_mean(slopes), slopes),
        ),
        Mistake(
            "It looks as if you return what the best constant costs. Wanted is the constant itself.", what_it_costs
        ),
        Mistake(
            "This is half-way between the smallest and the largest value, which no loss here asks for.",
            lambda values, weights, loss: float((values.min() + values.max()) / 2),
        ),
    )
