"""What gives each fault away, in the order in which to look: one curve, one number of its last third, one threshold.

The thresholds were set on the runs of Earth and Grove, before those of Earth with height; the tests hold every run to
them with a margin. What does *not* tell: outputs of `no_detach` and `no_condition` look like a healthy run's, and their
L1 is as low, as it is with `learning_rate`; only what was logged besides the losses finds these three.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gritlib.studies.clinic.logs import Log, healthy

FAULTS: dict[str, str] = {
    "no_detach": "both zero_grad stand at the top of the step and the fake is not detached: G also descends D's loss",
    "labels_swapped": "real and fake are exchanged in D's half, not in G's",
    "learning_rate": "the learning rate of both players is ten times too high",
    "no_condition": "D judges the image without the input beside it",
    "jitter_not_joint": "input and target are cropped and mirrored by different draws",
    "lambda_on_gan": "λ = 100 multiplies the adversarial term instead of L1",
}
DISTRACTORS: dict[str, str] = {
    "d_too_strong": "D is too strong for G",
    "needs_longer": "nothing is wrong, the run is too short",
    "collapse": "mode collapse: G makes the same image for every input",
}
CHOICES: dict[str, str] = FAULTS | DISTRACTORS


@dataclass(frozen=True)
class Sign:
    """What decides for a fault.

    Args:
        curve: its name. number: log -> what is compared. threshold: with it. above: does the fault lie above it?
        line: the reason, for the one who has found the fault.
    """

    curve: str
    number: Callable[[Log], float]
    threshold: float
    above: bool
    line: str

    def shown(self, log: Log) -> bool:
        """Is the number on the fault's side of the threshold?"""
        return (self.number(log) > self.threshold) == self.above


def to_healthy(curve: str) -> Callable[[Log], float]:
    """The last third of a curve as a multiple of the healthy run's on the same dataset."""
    return lambda log: log.mean(curve) / healthy(log.dataset).mean(curve)


# In the order in which to look: L1 is high with `lambda_on_gan` too, so it comes last.
SIGNS: dict[str, Sign] = {
    "no_detach": Sign(
        "left",
        lambda log: log.mean("left"),
        0.01,
        True,
        "left is above 0: D's half has put a gradient into G, and nothing emptied it before G moved.",
    ),
    "no_condition": Sign(
        "D_looks",
        lambda log: log.mean("D_looks"),
        0.01,
        False,
        "D_looks is exactly 0: D's logits do not change when the input is exchanged, so D does not see it.",
    ),
    "lambda_on_gan": Sign(
        "pull",
        lambda log: log.mean("pull"),
        20.0,
        True,
        "pull is in the hundreds: the adversarial term alone moves G, and L1 and held_out stay high.",
    ),
    "learning_rate": Sign(
        "update",
        to_healthy("update"),
        2.5,
        True,
        "update is five to eight times the healthy run's, and D's losses begin higher: Adam's steps are as long as the "
        "learning rate lets them be.",
    ),
    "labels_swapped": Sign(
        "adv",
        lambda log: log.mean("adv"),
        0.1,
        False,
        "adv, D_real and D_fake all fall to 0: two opponents cannot both win, so they do not play the same game.",
    ),
    "jitter_not_joint": Sign(
        "L1",
        to_healthy("L1"),
        1.1,
        True,
        "L1 stays above the healthy run's although its gradient moves G as usual (pull): the targets do not fit the "
        "inputs.",
    ),
}


def rule(log: Log) -> str:
    """The fault of a run, from its curves alone: the first sign that is shown, "healthy" without any."""
    return next((fault for fault, sign in SIGNS.items() if sign.shown(log)), "healthy")


# What speaks against an answer, in every run where it is wrong (exceptions below).
AGAINST: dict[str, str] = {
    "no_detach": "left is 0 in this run: D's half left nothing in G's gradient.",
    "labels_swapped": "With the labels swapped in D's half adv falls to 0; here it does not.",
    "learning_rate": "update is no higher than in the healthy run: no weight moves faster than it should.",
    "no_condition": "D_looks is not 0: D's logits change when the input is exchanged, so D does see it.",
    "jitter_not_joint": "L1 is as low as in the healthy run: the targets fit the inputs.",
    "lambda_on_gan": "pull stays near 1 or below, as in the healthy run: the adversarial term does not drown L1.",
    "d_too_strong": "D_real and D_fake are no lower than a healthy D's: D does not win here.",
    "needs_longer": "L1 and held_out are level in the last third, and the healthy run had as many steps.",
    "collapse": "G_listens is far from 0: another input gives another output.",
}
# Where the general reason would not be true.
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("jitter_not_joint", "lambda_on_gan"): "L1 is high here for another reason: its gradient hardly reaches G.",
    ("lambda_on_gan", "labels_swapped"): "pull is far lower than in the healthy run, not higher.",
    ("d_too_strong", "labels_swapped"): "D_real and D_fake fall to 0, but against a strong D adv would rise.",
    ("d_too_strong", "jitter_not_joint"): "D wins more than a healthy D, but as a consequence: L1 is the odd curve.",
}
# Where to look, without naming what is there to be found.
LOOK: dict[str, str] = {
    "no_detach": "Look at left: what stands in G's gradient before its own half begins?",
    "labels_swapped": "Look at adv beside D_real and D_fake: can both players win at once?",
    "learning_rate": "Look at update: how far does a weight move in one step, here and in the healthy run?",
    "no_condition": "Look at D_looks: what does D say when the input is exchanged?",
    "jitter_not_joint": "Look at L1 and at pull: G is pulled to its targets as usual and does not get there. Why?",
    "lambda_on_gan": "Look at pull: which of the two terms moves G?",
}


def confusion(answered: str, planted: str) -> str:
    """What a student reads who answered one thing where another was planted: why not, and which curve decides. For the
    right answer, why it is right.

    Args:
        answered: a key of `CHOICES`. planted: a key of `FAULTS`.

    Raises:
        ValueError: another name, listing the known ones.
    """
    if answered not in CHOICES or planted not in FAULTS:
        known = f"answers are {', '.join(CHOICES)}; faults are {', '.join(FAULTS)}"
        raise ValueError(f"no reply to {answered!r} where {planted!r} was planted: {known}")
    if answered == planted:
        return f"Right: {SIGNS[planted].line}"
    return f"{EXCEPTIONS.get((answered, planted), AGAINST[answered])} {LOOK[planted]}"
