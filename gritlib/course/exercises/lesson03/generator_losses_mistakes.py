"""Common first tries at 03.1 and what is said about each.

The game is the same seen from both sides, so a wrong term is written once, for an image `a` that goes `there`, and
serves both sides.
"""

import torch
from torch.nn import functional

from gritlib.course.exercise import Mistake

TERMS = ("gan_g", "gan_f", "cyc_x", "cyc_y", "id_x", "id_y")


def l1(a, b):
    return (a - b).abs().mean()


def gan(there, back, d_here, d_there, a, b):
    return (d_there(there(a)) - 1).square().mean()


def cyc(there, back, d_here, d_there, a, b):
    return l1(back(there(a)), a)


def identity(there, back, d_here, d_there, a, b):
    return l1(back(a), a)


def right_weights(lam, lam_id):
    return 1, lam, lam * lam_id


def losses_with(*, gan=gan, cyc=cyc, identity=identity, weights=right_weights, names=TERMS):
    """The six terms, some of them replaced.

    Args:
        gan, cyc, identity: (generator that translates a, the other one, discriminator of a's side, of the other side,
            a, an image of the other side) -> term, without its weight. weights: (lam, lam_id) -> of gan, cyc, identity.
        names: of the results.
    """

    def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
        sides = ((G, F, Dx, Dy, x, y), (F, G, Dy, Dx, y, x))
        terms = [
            w * t(*side) for t, w in zip((gan, cyc, identity), weights(lam, lam_id), strict=True) for side in sides
        ]
        return dict(zip(names, terms, strict=True))

    return generator_losses


def after_backward(G, F, Dx, Dy, x, y, lam, lam_id):
    terms = losses_with()(G, F, Dx, Dy, x, y, lam, lam_id)
    sum(terms.values()).backward()
    return terms


def of_logits(term):
    """An adversarial term from the logits of the translated image."""
    return lambda there, back, d_here, d_there, a, b: term(d_there(there(a)))


def of_trip(distance):
    """A cycle term from the round trip and its start."""
    return lambda there, back, d_here, d_there, a, b: distance(back(there(a)), a)


def of_own(distance):
    """An identity term from what the generator makes of an image of its own side."""
    return lambda there, back, d_here, d_there, a, b: distance(back(a), a)


def squared(a, b):
    return (a - b).square().mean()


def summed(a, b):
    return (a - b).abs().sum()


def summed_by_image(a, b):
    return (a - b).abs().sum() / len(a)


def signed(a, b):
    return (a - b).mean()


def signed_back(a, b):
    return (b - a).mean()


def late_abs(a, b):
    return (a - b).mean().abs()


OTHER_GAN = (
    "This is the other generator's adversarial term: G's is gan_g, F's is gan_f. Are the names exchanged, or one of "
    "the two written twice?"
)
OTHER_TRIP = (
    "This is the other side's round trip: cyc_x begins and ends at x, cyc_y begins and ends at y. Are the names "
    "exchanged, or one of the two written twice?"
)
OTHER_OWN = (
    "This is the other generator's identity term: id_x is about x, which F should leave alone, id_y about y, which G "
    "should leave alone. Are the names exchanged, or one of the two written twice?"
)
WRONG_D = (
    "It looks as if the wrong discriminator judges. G makes images of Y, so Dy is to be convinced, F makes images of "
    "X, so Dx is. The discriminator of the side an image comes from teaches the generator to leave it there."
)
FAKE_TARGET = (
    "It looks as if the target is 0, the discriminator's own target for translated images: then the generator helps "
    "it. A generator wants to be taken for real, and real is 1."
)
NOT_LEAST_SQUARES = (
    "It looks as if the adversarial term is the one of lesson 01 or another. CycleGAN's is a least squares loss: the "
    "squared distance of the raw output from 1, without sigmoid or logarithm."
)
PAIRED = (
    "It looks as if something is compared with an image of the other side. x and y show different places: there is no "
    "pair in this data, and nothing that is made from x has a y to be compared with."
)
SIGNED = (
    "It looks as if abs() is missing, or comes after the mean: values that are too bright and too dark cancel. Take "
    "the absolute difference of each value, then the mean."
)
SQUARED = (
    "It looks as if differences are squared. Cycle and identity terms are mean absolute differences; only the "
    "adversarial terms are squares."
)
SUM = "It looks as if you add up instead of averaging: each term is a mean over everything, batch included."
SOURCE_SIDE = (
    "It looks as if the identity term shows a generator an image of the side that it translates *from*, and asks it to "
    "do nothing: that is the opposite of its task. It gets an image of the side it translates *to*, which needs no "
    "translation: F gets x, G gets y."
)
CYCLE_AGAIN = "This is a round trip: the identity term passes one generator only, that of the image's own side."
ORDER = (
    "It looks as if the round trip is walked the wrong way round: G takes images of X and F images of Y. From x the "
    "way there is G and the way back F, from y the way there is F and the way back G."
)
NOTHING_TO_LEARN = (
    "It looks as if something between the generator and its discriminator is detached, or computed under no_grad. The "
    "values are right, and no error shows it, but nothing is learned. What must not move here is the discriminator: "
    "its optimiser stands still, or it is frozen; the gradient still has to pass through it."
)
ONE_LEARNS = (
    "It looks as if the translated image is detached before it goes back. Then only the way back learns to undo a "
    "translation; the way there should learn as well to make one that can be undone."
)
SHADOWED = (
    "Inside this function F is the generator from Y to X, the paper's name, and hides any `functional as F` of the "
    "notebook. Write the distance out, `(a - b).abs().mean()`, or call `torch.nn.functional` by its whole name."
)

MISTAKES = (
    Mistake(OTHER_GAN, losses_with(names=("gan_f", "gan_g", *TERMS[2:]))),
    Mistake(
        WRONG_D, losses_with(gan=lambda there, back, d_here, d_there, a, b: (d_here(there(a)) - 1).square().mean())
    ),
    Mistake(FAKE_TARGET, losses_with(gan=of_logits(lambda d: d.square().mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: functional.softplus(-d).mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: -functional.softplus(d).mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: (d.sigmoid() - 1).square().mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: -d.mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: (d - 1).abs().mean()))),
    Mistake(NOT_LEAST_SQUARES, losses_with(gan=of_logits(lambda d: (1 - d).relu().mean()))),
    Mistake(
        "It looks as if the mean is taken before the square: each patch is to be 1, not only their mean.",
        losses_with(gan=of_logits(lambda d: (d.mean() - 1).square())),
    ),
    Mistake(
        "It looks as if the adversarial term is halved. The discriminator's is, the generator's is not.",
        losses_with(gan=of_logits(lambda d: 0.5 * (d - 1).square().mean())),
    ),
    Mistake(SUM, losses_with(gan=of_logits(lambda d: (d - 1).square().sum()))),
    Mistake(
        "It looks as if the discriminator gets the input beside the image. CycleGAN's sees the image alone: there are "
        "no pairs that it could compare with.",
        losses_with(
            gan=lambda there, back, d_here, d_there, a, b: (d_there(torch.cat([a, there(a)], 1)) - 1).square().mean()
        ),
    ),
    Mistake(
        "It looks as if the discriminator is shown real images: a generator learns from what is said of its own.",
        losses_with(gan=lambda there, back, d_here, d_there, a, b: (d_there(b) - 1).square().mean()),
    ),
    Mistake(
        "It looks as if the adversarial term is multiplied by lam, which weighs the cycle against it.",
        losses_with(weights=lambda lam, lam_id: (lam, lam, lam * lam_id)),
    ),
    Mistake(
        NOTHING_TO_LEARN,
        losses_with(gan=lambda there, back, d_here, d_there, a, b: (d_there(there(a).detach()) - 1).square().mean()),
    ),
    Mistake(OTHER_TRIP, losses_with(names=(*TERMS[:2], "cyc_y", "cyc_x", *TERMS[4:]))),
    Mistake(ORDER, losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(there(back(a)), a))),
    Mistake(
        "It looks as if the same generator goes there and back.",
        losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(there(there(a)), a)),
    ),
    Mistake(PAIRED, losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(back(there(a)), b))),
    Mistake(PAIRED, losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(there(a), b))),
    Mistake(
        "It looks as if the way back is missing: the translation itself is compared with its input, which asks for "
        "none.",
        losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(there(a), a)),
    ),
    Mistake(
        "It looks as if the end of the round trip is compared with its middle: it must come back to its start.",
        losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(back(there(a)), there(a))),
    ),
    Mistake(
        "It looks as if lam is missing in the cycle terms: each is returned as it enters the sum, times lam.",
        losses_with(weights=lambda lam, lam_id: (1, 1, lam * lam_id)),
    ),
    Mistake(
        "It looks as if the cycle terms are multiplied by lam_id too: it is the identity terms' alone.",
        losses_with(weights=lambda lam, lam_id: (1, lam * lam_id, lam * lam_id)),
    ),
    Mistake(SQUARED, losses_with(cyc=of_trip(squared))),
    Mistake(SUM, losses_with(cyc=of_trip(summed))),
    Mistake(SUM, losses_with(cyc=of_trip(summed_by_image))),
    *(Mistake(SIGNED, losses_with(cyc=of_trip(distance))) for distance in (signed, signed_back, late_abs)),
    Mistake(ONE_LEARNS, losses_with(cyc=lambda there, back, d_here, d_there, a, b: l1(back(there(a).detach()), a))),
    Mistake(SOURCE_SIDE, losses_with(identity=lambda there, back, d_here, d_there, a, b: l1(there(a), a))),
    Mistake(SOURCE_SIDE, losses_with(identity=lambda there, back, d_here, d_there, a, b: l1(back(b), b))),
    Mistake(OTHER_OWN, losses_with(names=(*TERMS[:4], "id_y", "id_x"))),
    Mistake(CYCLE_AGAIN, losses_with(identity=cyc)),
    Mistake(PAIRED, losses_with(identity=lambda there, back, d_here, d_there, a, b: l1(there(a), b))),
    Mistake(PAIRED, losses_with(identity=lambda there, back, d_here, d_there, a, b: l1(back(b), a))),
    Mistake(
        "It looks as if the identity terms are multiplied by lam_id alone. It is relative to lam, as in the authors' "
        "code: the weight is lam·lam_id, so that 0.5 means half as much as the cycle.",
        losses_with(weights=lambda lam, lam_id: (1, lam, lam_id)),
    ),
    Mistake(
        "It looks as if the identity terms are multiplied by lam alone: their weight is lam·lam_id.",
        losses_with(weights=lambda lam, lam_id: (1, lam, lam)),
    ),
    Mistake(
        "It looks as if the identity terms have no weight: it is lam·lam_id.",
        losses_with(weights=lambda lam, lam_id: (1, lam, 1)),
    ),
    Mistake(
        "It looks as if the 0.5 of the authors' code stands there as a number: the weight is lam·lam_id.",
        losses_with(weights=lambda lam, lam_id: (1, lam, 0.5 * lam)),
    ),
    Mistake(SQUARED, losses_with(identity=of_own(squared))),
    Mistake(SUM, losses_with(identity=of_own(summed))),
    Mistake(SUM, losses_with(identity=of_own(summed_by_image))),
    *(Mistake(SIGNED, losses_with(identity=of_own(distance))) for distance in (signed, signed_back, late_abs)),
    Mistake(
        "If the error speaks of a graph used a second time: backward is called inside your function. It returns terms; "
        "the training loop adds them and calls backward, once.",
        after_backward,
    ),
    *(
        Mistake(SHADOWED, lambda G, F, *others, name=name: getattr(F, name))
        for name in ("l1_loss", "mse_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits")
    ),
)
