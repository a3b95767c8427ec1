"""Common first tries at 05.4, as variations of the right answers, and what is said about each."""

import torch
from torch.nn import functional as F

from gritlib.course.exercise import Mistake


def d_of(real, fake):
    return (1 - real).relu().mean() + (1 + fake).relu().mean()


def hinging(d=d_of, g=lambda fake: -fake.mean()):
    """hinge with one of its two losses replaced, beside the right feature_matching."""
    return (lambda real, fake: {"d": d(real, fake), "g": g(fake)}, None)


def two_means(of_real, of_fake):
    return hinging(lambda real, fake: of_real(real).mean() + of_fake(fake).mean())


def l1(a, b):
    return (a - b).abs().mean()


def matching(
    distance=l1,
    *,
    cut=("real",),
    layers=lambda logits, activations: activations,
    over_layers=sum,
    over_scales=lambda values: sum(values) / len(values),
    scales=lambda sides: sides,
):
    """feature_matching with one ingredient replaced, beside the right hinge.

    Args:
        distance: of two activations. cut: sides that are detached. layers: what of a scale is compared. over_layers,
            over_scales: what is done with the numbers. scales: which scales are compared.
    """

    def feature_matching(fr, ff):
        values = []
        for of_real, of_fake in scales(list(zip(fr, ff, strict=True))):
            pairs = zip(layers(*of_fake), layers(*of_real), strict=True)
            detached = [(a.detach() if "fake" in cut else a, b.detach() if "real" in cut else b) for a, b in pairs]
            values.append(over_layers([distance(a, b) for a, b in detached]))
        return over_scales(values)

    return (None, feature_matching)


def mean(values):
    return sum(values) / len(values)


def joined(fr, ff):
    """One mean over all numbers of a scale."""
    values = []
    for (_, of_real), (_, of_fake) in zip(fr, ff, strict=True):
        flat = [torch.cat([a.flatten() for a in side]) for side in (of_fake, of_real)]
        values.append(l1(flat[0], flat[1].detach()))
    return mean(values)


HINGE_ON_G = (
    "It looks as if g has a hinge too. The margin is D's: it stops D from learning what it knows already. G wants its "
    "logits higher, however high they are: minus their mean."
)
FLIPPED = (
    "It looks as if the hinge of the real logits is turned round: relu(real − 1) costs where D is right. What costs is "
    "what lies below 1: relu(1 − real)."
)
FAKE_FLIPPED = (
    "It looks as if the fake logits have the real ones' hinge, 1 − fake: D is to say less than −1 of fakes, so "
    "relu(1 + fake)."
)
RENAMED = (
    "It looks as if the two kinds of logits are exchanged: here D says more than 1 of real images and less than −1 of "
    "fakes."
)
NO_MARGIN = "It looks as if the margin of 1 is missing: D would stop learning as soon as a logit has the right sign."
NO_HINGE = (
    "It looks as if the hinge is missing: without max(0, …) D is rewarded for ever larger logits, and nothing holds it."
)
HALVED = "It looks as if d is halved. The hinge loss is the sum of two means; SPADE's code does not halve it."
SUMMED = "It looks as if you add up the patches instead of averaging them: the loss would grow with the image."
ONE_MEAN = (
    "It looks as if one mean is taken over real and fake logits together: with more fakes than real images that is not "
    "the sum, nor half the sum, of two means. Take a mean of each."
)
OTHER_LOSS = "It looks as if this is another GAN loss, {}: the hinge is max(0, 1 − real) and max(0, 1 + fake)."
CUT_IN_D = (
    "It looks as if logits are detached in d: then D never learns from them. What must not learn in D's turn is G, and "
    "that is cut at the image, before D sees it."
)

REAL_MOVES = (
    "A gradient flows into the real side too. It is the aim and must stay where it is: G cannot change what D sees in "
    "a real image. Use .detach() on the real image's activations."
)
FAKE_AIM = "G learns from the fake side; the real side is the aim, a constant: .detach() belongs there."
FAKE_STAYS = "It looks as if both sides are detached. " + FAKE_AIM
LOGITS = (
    "It looks as if the final logits are compared too. Of each scale's pair only the second part counts, the "
    "activations: what D concludes, the logits, is the hinge loss's affair."
)
ONLY_LOGITS = "It looks as if the logits are compared. Of each scale's pair the second part counts, the activations."
SUM = "It looks as if differences are added up over positions or channels: each layer's number is a mean."
SCALES = (
    "Your loss adds up the scales. Equation and code differ here: the equation sums over scales and layers, the "
    "authors' code divides by the number of scales; this course follows the code, because the weight 10 then means the "
    "same with one, two or three scales."
)
LAYERS = "It looks as if layers are averaged: a scale's numbers are added up over its layers."
SQUARED = "It looks as if differences are squared: wanted are absolute ones."
ONE_SCALE = "It looks as if one scale alone counts: perhaps the loop overwrites the sum, or returns inside itself."
ONE_LAYER = "It looks as if one layer of each scale alone counts: perhaps the loop overwrites the sum."

MISTAKES = (
    Mistake(HINGE_ON_G, hinging(g=lambda fake: (1 - fake).relu().mean())),
    Mistake(HINGE_ON_G, hinging(g=lambda fake: (-fake).relu().mean())),
    Mistake(HINGE_ON_G, hinging(g=lambda fake: -fake.relu().mean())),
    Mistake(HINGE_ON_G, hinging(g=lambda fake: -(1 + fake).relu().mean())),
    Mistake("It looks as if g has the other sign: it is minus the mean, so that G wants more.", hinging(g=torch.mean)),
    Mistake(
        "It looks as if g is −log D, the loss of lesson 01: with the hinge it is minus the mean of the logits.",
        hinging(g=lambda fake: F.softplus(-fake).mean()),
    ),
    Mistake(
        "It looks as if g is D's own loss of the fakes: then G helps D.",
        hinging(g=lambda fake: (1 + fake).relu().mean()),
    ),
    Mistake("It looks as if g is halved: it is minus the mean.", hinging(g=lambda fake: -0.5 * fake.mean())),
    Mistake("It looks as if 1 is added to g: it is minus the mean.", hinging(g=lambda fake: (1 - fake).mean())),
    Mistake("It looks as if g is detached: then G learns nothing.", hinging(g=lambda fake: -fake.detach().mean())),
    Mistake(FLIPPED, two_means(lambda real: (real - 1).relu(), lambda fake: (1 + fake).relu())),
    Mistake(FLIPPED, two_means(lambda real: (real - 1).relu(), lambda fake: (-1 - fake).relu())),
    Mistake(FLIPPED, two_means(lambda real: (real - 1).relu(), lambda fake: (fake + 1).relu().neg())),
    Mistake(FAKE_FLIPPED, two_means(lambda real: (1 - real).relu(), lambda fake: (1 - fake).relu())),
    Mistake(FAKE_FLIPPED, two_means(lambda real: (1 - real).relu(), lambda fake: (fake - 1).relu())),
    Mistake(RENAMED, hinging(lambda real, fake: d_of(fake, real))),
    Mistake(RENAMED, two_means(lambda real: (1 + real).relu(), lambda fake: (1 - fake).relu())),
    Mistake(NO_MARGIN, two_means(lambda real: (-real).relu(), lambda fake: fake.relu())),
    Mistake(NO_HINGE, two_means(lambda real: 1 - real, lambda fake: 1 + fake)),
    Mistake(NO_HINGE, two_means(lambda real: -real, lambda fake: fake)),
    Mistake(
        "It looks as if the sign of d is the other one: D minimises it.", hinging(lambda real, fake: -d_of(real, fake))
    ),
    Mistake(HALVED, hinging(lambda real, fake: 0.5 * d_of(real, fake))),
    Mistake(
        "It looks as if the fake logits alone count in d: D must learn from both kinds.",
        hinging(lambda real, fake: (1 + fake).relu().mean()),
    ),
    Mistake(
        "It looks as if the real logits alone count in d: D must learn from both kinds.",
        hinging(lambda real, fake: (1 - real).relu().mean()),
    ),
    Mistake(
        "It looks as if the mean is taken before the hinge: each patch has its own margin.",
        hinging(lambda real, fake: (1 - real.mean()).relu() + (1 + fake.mean()).relu()),
    ),
    Mistake(SUMMED, hinging(lambda real, fake: (1 - real).relu().sum() + (1 + fake).relu().sum())),
    Mistake(SUMMED, hinging(g=lambda fake: -fake.sum())),
    Mistake(ONE_MEAN, hinging(lambda real, fake: torch.cat([1 - real, 1 + fake]).relu().mean())),
    Mistake(ONE_MEAN, hinging(lambda real, fake: 2 * torch.cat([1 - real, 1 + fake]).relu().mean())),
    Mistake(OTHER_LOSS.format("the cross-entropy of lesson 01"), two_means(lambda r: F.softplus(-r), F.softplus)),
    Mistake(
        OTHER_LOSS.format("the least squares of lesson 03"), two_means(lambda r: (r - 1).square(), lambda f: f.square())
    ),
    Mistake(
        "It looks as if the hinge is squared: it is max(0, …) as it is.",
        two_means(lambda r: (1 - r).relu().square(), lambda f: (1 + f).relu().square()),
    ),
    Mistake(CUT_IN_D, hinging(lambda real, fake: d_of(real, fake.detach()))),
    Mistake(CUT_IN_D, hinging(lambda real, fake: d_of(real.detach(), fake))),
    Mistake(CUT_IN_D, hinging(lambda real, fake: d_of(real.detach(), fake.detach()))),
    Mistake(LOGITS, matching(layers=lambda logits, activations: [*activations, logits])),
    Mistake(
        LOGITS,
        matching(layers=lambda logits, activations: [*activations, logits], over_scales=sum),
    ),
    Mistake(LOGITS, matching(layers=lambda logits, activations: [*activations, logits], cut=())),
    Mistake(LOGITS, matching(layers=lambda logits, activations: [*activations, logits], over_layers=mean)),
    Mistake(ONLY_LOGITS, matching(layers=lambda logits, activations: [logits])),
    Mistake(ONLY_LOGITS, matching(layers=lambda logits, activations: [logits], over_scales=sum)),
    Mistake(
        "It looks as if the last layer is left out, as it would have to be if it were the logits. They stand in front "
        "here: all activations count.",
        matching(layers=lambda logits, activations: activations[:-1]),
    ),
    Mistake(ONE_LAYER, matching(layers=lambda logits, activations: activations[:1])),
    Mistake(ONE_LAYER, matching(layers=lambda logits, activations: activations[-1:])),
    Mistake(ONE_SCALE, matching(scales=lambda sides: sides[:1])),
    Mistake(ONE_SCALE, matching(scales=lambda sides: sides[-1:])),
    Mistake(SCALES, matching(over_scales=sum)),
    Mistake(LAYERS, matching(over_layers=mean)),
    Mistake(LAYERS, matching(over_layers=mean, over_scales=sum)),
    Mistake(
        "It looks as if all numbers of a scale go into one mean: then the largest layer decides. Each layer has a mean "
        "of its own; these are added up.",
        (None, joined),
    ),
    Mistake(SUM, matching(lambda a, b: (a - b).abs().sum())),
    Mistake(SUM, matching(lambda a, b: (a - b).abs().sum(), over_scales=sum)),
    Mistake(SUM, matching(lambda a, b: (a - b).abs().sum() / len(a))),
    Mistake(SUM, matching(lambda a, b: (a - b).abs().sum((2, 3)).mean())),
    Mistake(SUM, matching(lambda a, b: (a - b).abs().sum(1).mean())),
    Mistake(SQUARED, matching(lambda a, b: (a - b).square().mean())),
    Mistake(SQUARED, matching(lambda a, b: (a - b).square().mean().sqrt())),
    Mistake(SQUARED, matching(lambda a, b: (a - b).norm())),
    Mistake(
        "It looks as if the differences go through a smooth L1 or Huber loss, which squares those below 1.",
        matching(F.smooth_l1_loss),
    ),
    Mistake(
        "It looks as if the absolute value is left out: differences of both signs cancel in the mean.",
        matching(lambda a, b: (a - b).mean()),
    ),
    Mistake(REAL_MOVES, matching(cut=())),
    Mistake("It looks as if the fake side is detached in place of the real one. " + FAKE_AIM, matching(cut=("fake",))),
    Mistake(FAKE_STAYS, matching(cut=("fake", "real"))),
)
