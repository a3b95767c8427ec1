"""02.1: which one number a loss asks for, where several values may be right.

An answer is judged by what it costs, so any minimiser is right, however it was found. For a class that has a cohort key
the absolute error becomes a pinball loss, which weighs the two directions differently.
"""

import hashlib

import torch
from torch import Tensor

from gritlib.course.compare import number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson02.best_constant_mistakes import mistakes, tries
from gritlib.course.exercises.lesson02.costs import SHARES, SLOPES, best_constant, cost, minimiser

LEVELS = (0.2, 0.3, 0.7, 0.8)  # of a class's pinball loss
ENOUGH = 1e-5  # of the range of the values, at least of 1: what an answer may cost beyond the least
CLOSE = 0.02  # of the range of the values
APART = 5e-3  # answers nearer than this are taken for the same
PLAIN = {"values": (1.0, 0.0)}  # factor and offset
GREY = {"the same as grey levels of 0 to 255": (127.5, 127.5)}

BEYOND = (
    "\nYour constant lies beyond the values, where any step back to them costs less. Is it in their unit, and not an "
    "index?"
)
NEAR = (
    "\nThat is close, but a number near by costs less. A search over a grid, or by small steps, stops somewhere near; "
    "so does a formula that is right for another loss. Think of where the least cost can be, or refine the search."
)


def constants(inputs, best_constant):
    values, weights = inputs["values"], inputs["weights"]
    return {
        f"{loss}, {unit}": best_constant(values * factor + offset, weights.clone(), loss)
        for loss in inputs["losses"]
        for unit, (factor, offset) in inputs["units"].items()
    }


def drawer(slopes, *losses, units=None):
    """Draws values and weights of two decimals, so that a message can show them, and such that those common first tries
    which are wrong for them can be told apart. One try, drawn too, is always wrong."""
    known = tries(slopes)

    def draw(generator):
        loss, answer = (
            losses[0],
            known[losses[0]][int(torch.randint(len(known[losses[0]]), (), generator=generator))][1],
        )
        while True:
            n = int(torch.randint(5, 8, (), generator=generator))
            values = (torch.rand(n, generator=generator, dtype=torch.float64) * 200 - 100).round() / 100
            weights = shares_of(n, generator)
            best = minimiser(values, weights, SHARES[loss], slopes)
            if abs(answer(values, weights) - best) > APART and told_apart(values, weights, losses, known, slopes):
                return {"values": values, "weights": weights, "losses": list(losses), "units": units or PLAIN}

    return draw


def shares_of(n: int, generator) -> Tensor:
    """Weights that add up to 1."""
    parts = 0.15 + torch.rand(n, generator=generator, dtype=torch.float64)
    weights = (100 * parts / parts.sum()).round()
    weights[-1] += 100 - weights.sum()
    return weights / 100


def told_apart(values: Tensor, weights: Tensor, losses, known: dict, slopes) -> bool:
    running = weights[values.argsort()].cumsum(0)
    if weights.min() < 0.03 or (running - slopes[0] / sum(slopes)).abs().min() < 0.03:
        return False
    for loss in losses:
        found = {minimiser(values, weights, SHARES[loss], slopes): "right"}
        for message, answer in known[loss]:
            wrong = answer(values, weights)
            near = next((name for number, name in found.items() if abs(number - wrong) < APART), message)
            if near not in (message, "right"):
                return False
            found.setdefault(wrong, near)
    return True


def draw_shift(slopes):
    def draw(generator):
        far = round(2 + float(torch.rand((), generator=generator)), 2)
        return drawer(slopes, *SHARES, units={**PLAIN, f"all {far:g} higher": (1.0, far)})(generator)

    return draw


def draw_modes(generator):
    """Two values, the lighter of them in several pieces."""
    low, high = (torch.rand(2, generator=generator, dtype=torch.float64).mul(80).add(20).round() / 100).tolist()
    pieces = int(torch.randint(2, 5, (), generator=generator))
    light = (46 - int(torch.randint(8, (), generator=generator))) // pieces
    values = torch.tensor([-low, high] + [-low] * (pieces - 1), dtype=torch.float64)
    weights = torch.tensor([light, 100 - light * pieces] + [light] * (pieces - 1), dtype=torch.float64)
    return {"values": values, "weights": weights / 100, "losses": list(SHARES), "units": PLAIN}


def draw_papers(generator):
    """The example of the lesson."""
    two = {"values": torch.tensor([-1.0, 1.0]).double(), "weights": torch.tensor([0.3, 0.7]).double()}
    return {**two, "losses": list(SHARES), "units": PLAIN}


def listed(values: Tensor, weights: Tensor) -> str:
    return ", ".join(f"{v:g} with weight {w:g}" for v, w in zip(values.tolist(), weights.tolist(), strict=True))


def judge(slopes):
    def dearer(inputs, got, wanted):
        for loss in inputs["losses"]:
            for unit, (factor, offset) in inputs["units"].items():
                answer, best = got[f"{loss}, {unit}"], wanted[f"{loss}, {unit}"]
                c = number(answer)
                if c is None or isinstance(c, complex):
                    return f'for loss = "{loss}" {returned(answer, "one number")}'
                values, weights = inputs["values"] * factor + offset, inputs["weights"]
                both = torch.tensor([c, best], dtype=torch.float64)
                yours, least = cost(both, values, weights, SHARES[loss], slopes).tolist()
                if yours <= least + ENOUGH * max(1.0, (values.max() - values.min()).item()):
                    continue
                said = f'"{loss}" for {listed(values, weights)}: your {c:.6g} costs {yours:.6g}, '
                said += f"{best:.6g} costs only {least:.6g}"
                low, high = values.min().item(), values.max().item()
                if not low - 1e-9 <= c <= high + 1e-9:
                    return said + BEYOND
                if abs(c - best) < CLOSE * (high - low):
                    return said + NEAR
                return said
        return None

    return dearer


def exercise(slopes, reference, note: str = "") -> Exercise:
    judged = judge(slopes)
    two = draw_papers(None)
    best = {loss: minimiser(two["values"], two["weights"], SHARES[loss], slopes) for loss in SHARES}
    example = ", ".join(f"{loss} {constant:.3g}" for loss, constant in best.items())
    # With two values several first tries are the same number, too many for a class's.
    known = (
        Part(
            "two values, one of them listed several times: their weights add up",
            0,
            draw_modes,
            constants,
            judged,
            repeat=3,
        ),
        Part(f"-1 with weight 0.3, 1 with weight 0.7: {example}", 0, draw_papers, constants, judged),
    )
    return Exercise(
        id="02.1",
        names=("best_constant",),
        reference=(reference,),
        minutes=15,
        parts=(
            Part(
                "l1: no constant costs less",
                1,
                drawer(slopes, "l1"),
                constants,
                judged,
                "Move your constant a little to the right: which values then cost more, and which less?",
                repeat=16,
            ),
            Part(
                "l2: no constant costs less",
                1,
                drawer(slopes, "l2"),
                constants,
                judged,
                "Where is the derivative of Σ w·(v − c)² by c zero?",
                repeat=4,
            ),
            Part(
                "mix, half of each: no constant costs less",
                1,
                drawer(slopes, "mix"),
                constants,
                judged,
                "Does your own formula, half of each of the two sums, give these two costs? Draw it for two values: a "
                "parabola between them, with a kink at each.",
                repeat=8,
            ),
            Part(
                "mix, of values from 0 to 255: the halves weigh differently in another unit",
                1,
                drawer(slopes, "mix", units=GREY),
                constants,
                judged,
                "In units 127.5 times smaller absolute errors grow by 127.5 and squared ones by 127.5². A search that "
                "knows values from −1 to 1 alone, or whose steps are too coarse or too few for 0 to 255, ends "
                "elsewhere.",
                repeat=8,
            ),
            Part(
                "all values moved by the same amount: so is the constant",
                0,
                draw_shift(slopes),
                constants,
                judged,
                "If the other parts are right: what in your function knows where the values lie?",
                repeat=3,
            ),
            *(known if slopes == SLOPES else ()),
        ),
        mistakes=mistakes(slopes),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: a pinball loss of level 0.2, 0.3, 0.7 or 0.8 in place of |v − c|."""
    level = LEVELS[hashlib.sha256(key.encode()).digest()[0] % len(LEVELS)]
    up, down = level, round(1 - level, 2)
    note = (
        f'In this class "l1" is a pinball loss, in "mix" too: a value v above the constant c costs {up:g}·(v − c), one '
        f"below it {down:g}·(c − v), each times its weight."
    )
    return exercise((up, down), pinball(up, down), note)


def pinball(up: float, down: float):
    def best_constant(values: Tensor, weights: Tensor, loss: str) -> float:
        return minimiser(values, weights, SHARES[loss], (up, down))

    return best_constant


BEST_CONSTANT = exercise(SLOPES, best_constant)
