"""Common first tries at 04.1, as variations of the right answer, for the public exercise and for a class's."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.exercise import Mistake


def unit(v: Tensor) -> Tensor:
    return F.normalize(v, dim=-1)


def as_it_is(v: Tensor) -> Tensor:
    return v


def table(q: Tensor, k: Tensor) -> Tensor:
    """Similarities of one image's queries (rows) and keys: (B, S, S)."""
    return q @ k.transpose(1, 2)


def cross_entropy(logits: Tensor) -> Tensor:
    return -F.log_softmax(logits, 2).diagonal(dim1=1, dim2=2)


def off_diagonal(logits: Tensor) -> Tensor:
    return ~torch.eye(logits.shape[-1], dtype=torch.bool)


def more_negative(logits: Tensor, bonus: float) -> Tensor:
    """Negatives count exp(bonus) times."""
    return logits + bonus * off_diagonal(logits)


def contrasting(
    bonus: float = 0.0,
    *,
    units=(unit, unit),
    cut=(False, True),
    pairs=table,
    scaled=lambda s, tau: s / tau,
    weigh=more_negative,
    loss=cross_entropy,
):
    """patch_nce with one ingredient replaced by a wrong one.

    Args:
        bonus: ln of how many times a negative counts. units: what is done to q and to k. cut: which of them are
            detached. pairs: the similarities. scaled: what τ does to them. weigh: adds the bonus. loss: of the logits.
    """

    def patch_nce(q, k, tau=0.07):
        q, k = (f(v.detach() if c else v) for f, v, c in zip(units, (q, k), cut, strict=True))
        return loss(weigh(scaled(pairs(q, k), tau), bonus))

    return patch_nce


def among_queries(logits):
    return cross_entropy(logits.transpose(1, 2))


def both_ways(logits):
    return (cross_entropy(logits) + among_queries(logits)) / 2


def first_is_right(logits):
    return -F.log_softmax(logits, 2)[..., 0]


def without_positive(logits):
    rest = logits.masked_fill(~off_diagonal(logits), -math.inf)
    return rest.logsumexp(2) - logits.diagonal(dim1=1, dim2=2)


def positive_twice(logits):
    positive = logits.diagonal(dim1=1, dim2=2)
    return torch.cat([positive[..., None], logits], 2).logsumexp(2) - positive


def softmax_of_softmax(logits):
    return cross_entropy(logits.softmax(2))


def share(logits):
    return logits.softmax(2).diagonal(dim1=1, dim2=2)


def then(change):
    return lambda logits: change(cross_entropy(logits))


# What somebody's own softmax gives where the exponential is infinite depends on how it is written.


def ratio(logits):
    e = logits.exp()
    return -(e.diagonal(dim1=1, dim2=2) / e.sum(2)).log()


def ratio_masked(logits):
    e = logits.exp()
    positive = e.diagonal(dim1=1, dim2=2)
    return -(positive / (positive + (e * off_diagonal(logits)).sum(2))).log()


def ratio_split(logits):
    e = logits.exp()
    positive = e.diagonal(dim1=1, dim2=2)
    return -(positive / (positive + e.masked_fill(~off_diagonal(logits), 0).sum(2))).log()


def log_of_sum(logits):
    return logits.exp().sum(2).log() - logits.diagonal(dim1=1, dim2=2)


def log_of_softmax(logits):
    return -share(logits).log()


def all_images(bonus):
    """The places of all images among each other."""
    right = contrasting(bonus)

    def patch_nce(q, k, tau=0.07):
        return right(q.flatten(0, 1)[None], k.flatten(0, 1)[None], tau).view(q.shape[:2])

    return patch_nce


def other_images(bonus):
    """The positive, and the places of the other images alone."""

    def patch_nce(q, k, tau=0.07):
        q, k = unit(q), unit(k.detach())
        s = torch.einsum("bsc,dtc->bsdt", q, k) / tau
        same = torch.eye(len(q), dtype=torch.bool)[:, None, :, None]
        negatives = s.masked_fill(same, -math.inf).flatten(2) + bonus
        positive = (q * k).sum(-1)[..., None] / tau
        return torch.cat([positive, negatives], 2).logsumexp(2) - positive[..., 0]

    return patch_nce


def crowded(bonus):
    """Images where places belong: place s of one image against place s of the others."""
    right = contrasting(bonus)
    return lambda q, k, tau=0.07: right(q.transpose(0, 1), k.transpose(0, 1), tau).T


KEYS_MOVE = (
    "Your values are right, and they are those of the printed equation; but the gradient flows into k too. Equation "
    "and code differ here: the equation does not say which side may move, the authors' code stops the gradient at k, "
    "and this course follows the code. k comes from the encoder's features of the input. With a gradient there the "
    "loss could also be lowered by changing what the encoder says of the input until it agrees with the output; "
    "without it the input's features are the aim, and the output has to follow. Use k.detach()."
)
NO_GRADIENT = (
    "It looks as if q is detached: then neither generator nor heads learn anything from this loss. Only k is to stay "
    "where it is."
)
NOT_UNIT = (
    "It looks as if vectors are compared as they are. Divide each by its length first, in q and in k: otherwise a long "
    "vector is similar to everything, and the loss falls when features merely grow."
)
ONE_UNIT = "It looks as if only one of q and k is normalised: both sides lie on the unit sphere."
WRONG_UNIT = (
    "It looks as if the normalisation runs along another dimension. Each feature vector is divided by its own length: "
    "the sum of squares runs over its C channels, the last dimension. F.normalize takes dimension 1 if none is named, "
    "which is S here."
)
OTHER_IMAGES = (
    "It looks as if places of other images of the batch are negatives too. Here all S − 1 negatives come from the same "
    "image: one table of S x S for each. In the paper's experiments external negatives made the results worse."
)
AMONG_QUERIES = (
    "It looks as if the softmax runs over the queries. Each query chooses among the S keys of its image: in a table "
    "whose rows are queries it runs along a row. F.cross_entropy expects the classes in dimension 1, so give it (B·S, "
    "S) logits, or a table whose dimension 1 is the keys."
)
OVERFLOW = (
    "It looks as if an exponential overflows: e to the power of s/τ is infinite for a small τ, and infinite by "
    "infinite is NaN. With cosines and τ = 0.07 it cannot happen (1/0.07 is 14), but whoever tries τ = 0.01 in float32 "
    "meets it. `F.cross_entropy`, `log_softmax` and `logsumexp` subtract the largest number first."
)
UNDERFLOW = (
    "It looks as if the logarithm is taken of a softmax. A share far below the largest one rounds to 0, and log 0 is "
    "−inf. `log_softmax`, `logsumexp` and `F.cross_entropy` take both at once."
)
ONE_NUMBER = (
    "It looks as if the losses are already averaged or added up. Wanted is one for each image and place, (B, S): what "
    'is done with them later is the caller\'s choice. F.cross_entropy averages unless told reduction="none".'
)


def mistakes(weight: float) -> tuple[Mistake, ...]:
    bonus = math.log(weight)

    def wrong(message: str, **change) -> Mistake:
        return Mistake(message, contrasting(bonus, **change))

    common = (
        Mistake(OTHER_IMAGES, all_images(bonus)),
        Mistake(OTHER_IMAGES, other_images(bonus)),
        Mistake(
            "It looks as if images are compared where places belong: each place is compared with the same place of the "
            "other images. Which dimension is B, and which is S?",
            crowded(bonus),
        ),
        wrong(AMONG_QUERIES, loss=among_queries),
        wrong(
            "It looks as if the loss runs both ways, over keys and over queries, and the two are averaged. Here each "
            "query chooses among keys, and no more.",
            loss=both_ways,
        ),
        wrong("It looks as if tau is not used: similarities are divided by it.", scaled=lambda s, tau: s),
        wrong("It looks as if similarities are multiplied by tau: divide by it.", scaled=lambda s, tau: s * tau),
        wrong("It looks as if τ is always 0.07: that is only its default.", scaled=lambda s, tau: s / 0.07),
        wrong(NOT_UNIT, units=(as_it_is, as_it_is)),
        wrong(ONE_UNIT, units=(unit, as_it_is)),
        wrong(ONE_UNIT, units=(as_it_is, unit)),
        wrong(WRONG_UNIT, units=(F.normalize, F.normalize)),
        wrong(WRONG_UNIT, units=(lambda v: v / v.norm(),) * 2),
        wrong(WRONG_UNIT, units=(lambda v: F.normalize(v, dim=0),) * 2),
        wrong(
            "It looks as if vectors are divided by the square of their length: the root is missing.",
            units=(lambda v: v / v.square().sum(-1, keepdim=True),) * 2,
        ),
        wrong(
            "It looks as if k is reshaped where it should be transposed: `view` and `reshape` keep the order of the "
            "numbers and cut it anew, so channels and places are mixed. k.transpose(1, 2) exchanges the dimensions.",
            pairs=lambda q, k: q @ k.reshape(len(k), k.shape[2], k.shape[1]),
        ),
        wrong(
            "It looks as if the right answer is key 0 for every query. In the authors' code the positive is put in "
            "front of the others; in a plain table of S x S it stands on the diagonal: place s belongs to place s.",
            loss=first_is_right,
        ),
        wrong(
            "It looks as if the sum below the fraction bar has the negatives alone. The positive is one of the S "
            "classes and belongs to the sum; without it the loss could fall below zero.",
            loss=without_positive,
        ),
        wrong(
            "It looks as if the positive counts twice: once in front, and once more in the table, on its diagonal. The "
            "authors' code puts −10 there before it divides by τ.",
            loss=positive_twice,
        ),
        wrong(
            "It looks as if a softmax is taken twice: F.cross_entropy and log_softmax contain one, and expect the "
            "similarities themselves, divided by τ.",
            loss=softmax_of_softmax,
        ),
        wrong("It looks as if the minus sign is missing: the loss is −log of a share.", loss=then(torch.neg)),
        wrong("It looks as if you return the share itself: the loss is minus its logarithm.", loss=share),
        *(wrong(ONE_NUMBER, loss=then(f)) for f in (torch.mean, torch.sum, lambda e: e.mean(1), lambda e: e.mean(0))),
        *(wrong(OVERFLOW, loss=f) for f in (ratio, ratio_masked, ratio_split, log_of_sum)),
        wrong(UNDERFLOW, loss=log_of_softmax),
        wrong(KEYS_MOVE, cut=(False, False)),
        wrong(NO_GRADIENT, cut=(True, False)),
        wrong(NO_GRADIENT, cut=(True, True)),
    )
    if not bonus:
        return common
    return (
        Mistake(
            f"This is the public version, in which every negative counts once. In your class it counts {weight:g} "
            "times: see the last sentences of the docstring.",
            contrasting(),
        ),
        wrong(
            f"It looks as if the positive below the fraction bar is multiplied by {weight:g} too: then the factor only "
            "moves every loss by the same amount. The negatives alone count more or less.",
            weigh=lambda logits, bonus: logits,
            loss=then(lambda e: e + bonus),
        ),
        wrong(
            f"It looks as if {weight:g} multiplies the similarities of the negatives. It multiplies their "
            "exponentials: in the exponent that is adding a logarithm.",
            weigh=lambda logits, bonus: logits * torch.where(off_diagonal(logits), weight, 1.0),
        ),
        wrong(
            f"It looks as if {weight:g} is added to the logits of the negatives. What multiplies an exponential is "
            "added in the exponent as its logarithm.",
            weigh=lambda logits, bonus: more_negative(logits, weight),
        ),
        wrong(
            f"It looks as if {weight:g} belongs to the positive in your sum: it belongs to each negative.",
            weigh=lambda logits, bonus: logits,
            loss=lambda logits: more_negative(logits, -bonus).logsumexp(2) + bonus - logits.diagonal(dim1=1, dim2=2),
        ),
        *common,
    )
