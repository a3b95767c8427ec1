"""Common first tries at 06.5, as variations of a right answer, and what is said about each."""

import torch
from torch.nn import functional as F

from gritlib.course.exercise import Mistake


def non_saturating(logits, lam):
    return F.softplus(-logits).mean()


def l1(out, target, lam):
    return lam * (out.reconstruction - target).abs().mean()


def loss(*, adv=non_saturating, rec=l1):
    """grit_loss, right or with one term replaced: adv of (logits, λ), rec of (out, target, λ)."""

    def grit_loss(out, target, logits_fake, lam):
        return {"adv": adv(logits_fake, lam), "rec": rec(out, target, lam)}

    return grit_loss


def pixels(of, reduce=lambda x: x.abs().mean()):
    """rec with another pair of images: of (out, target) -> their difference."""
    return loss(rec=lambda out, target, lam: lam * reduce(of(out, target)))


def beside_rec(of):
    """rec with a second pixel term."""
    return loss(rec=lambda out, target, lam: l1(out, target, lam) + lam * of(out, target).abs().mean())


def unweighted(out, target, lam):
    return (out.reconstruction - target).abs().mean()


COUPLED = (
    "It looks as if rec looks at the image, the sum. That is the coupled network: L1 then asks the sum for the one "
    "answer that is least wrong, D asks it for any realistic one. Decoupling is this line: rec sees the reconstruction "
    "alone."
)
RESIDUAL_TOO = (
    "It looks as if a pixel loss sees the residual too. It would teach the residual to be the truth's own detail, "
    "which nobody can know, so it would make it small: the residual has D alone for a teacher."
)
REC_DETACHED = (
    "It looks as if the reconstruction, or the whole term, is detached: the value is right, but nobody learns from it."
)
CLAMPED = (
    "It looks as if something is clamped or goes through a tanh before it is compared: where it is beyond ±1 there is "
    "then no gradient that could bring it back."
)
LAMBDA_ON_ADV = "It looks as if λ stands at adv: it weighs rec."
NO_LAMBDA = "It looks as if λ is missing: rec is λ times the mean absolute difference."
MEAN = (
    "It looks as if the differences are summed where they should be averaged: then λ would mean another thing for "
    "every batch and every image size."
)
SATURATING = (
    "It looks as if adv is log(1 − σ(logit)), the printed game. Its gradient vanishes while D wins: minimise −log "
    "σ(logit) instead, as in exercise 01.4."
)
AS_FAKE = "It looks as if adv asks D to call the image fake: that is D's wish. G's target is 1."
OTHER_GAN = (
    "It looks as if adv is another adversarial loss, {}. Each works; GRIT's paper leaves it open, and this course's "
    "runs use −log σ(logit)."
)
UNSTABLE = (
    "It looks as if the sigmoid is taken first and the logarithm after it: of −10,000 the sigmoid is 0, and log 0 is "
    "infinite. softplus, logsigmoid or binary_cross_entropy_with_logits do both at once."
)

MISTAKES = (
    Mistake(COUPLED, pixels(lambda out, target: out.image - target)),
    Mistake(COUPLED, pixels(lambda out, target: out.reconstruction + out.residual - target)),
    Mistake(COUPLED, loss(rec=lambda out, target, lam: (out.image - target).abs().mean())),
    Mistake(COUPLED, beside_rec(lambda out, target: out.image - target)),
    Mistake(
        "It looks as if rec looks at the sum with the residual detached. The residual head is left alone, but the "
        "reconstruction must still make up for what the residual adds: rec sees the reconstruction alone.",
        pixels(lambda out, target: out.reconstruction + out.residual.detach() - target),
    ),
    *(
        Mistake(RESIDUAL_TOO, beside_rec(of))
        for of in (
            lambda out, target: out.residual,
            lambda out, target: out.residual - target,
            lambda out, target: out.residual - (target - out.reconstruction.detach()),
        )
    ),
    Mistake(RESIDUAL_TOO, pixels(lambda out, target: out.residual - target)),
    Mistake(RESIDUAL_TOO, pixels(lambda out, target: out.residual - (target - out.reconstruction.detach()))),
    Mistake(REC_DETACHED, pixels(lambda out, target: out.reconstruction.detach() - target)),
    Mistake(REC_DETACHED, loss(rec=lambda out, target, lam: l1(out, target, lam).detach())),
    *(
        Mistake(CLAMPED, pixels(lambda out, target, f=f, part=part: f(getattr(out, part)) - target))
        for part in ("reconstruction", "image")
        for f in (lambda x: x.clamp(-1, 1), torch.tanh)
    ),
    Mistake(NO_LAMBDA, loss(rec=unweighted)),
    Mistake(LAMBDA_ON_ADV, loss(adv=lambda t, lam: lam * non_saturating(t, lam), rec=unweighted)),
    Mistake(LAMBDA_ON_ADV, loss(adv=lambda t, lam: lam * non_saturating(t, lam))),
    Mistake(MEAN, pixels(lambda out, target: out.reconstruction - target, lambda x: x.abs().sum())),
    Mistake(MEAN, pixels(lambda out, target: out.reconstruction - target, lambda x: x.abs().flatten(1).sum(1).mean())),
    Mistake(MEAN, loss(adv=lambda t, lam: F.softplus(-t).sum())),
    Mistake(
        "It looks as if squares are averaged: L1 takes absolute values.",
        pixels(lambda out, target: out.reconstruction - target, lambda x: x.square().mean()),
    ),
    Mistake(
        "It looks as if rec is in the unit of a display, 0 to 255: the loss takes the images as they are, in [−1, 1].",
        pixels(lambda out, target: 127.5 * (out.reconstruction - target)),
    ),
    Mistake(
        "It looks as if the absolute value is missing: differences of both signs cancel.",
        pixels(lambda out, target: out.reconstruction - target, torch.mean),
    ),
    Mistake(SATURATING, loss(adv=lambda t, lam: -F.softplus(t).mean())),
    Mistake(AS_FAKE, loss(adv=lambda t, lam: F.softplus(t).mean())),
    Mistake(OTHER_GAN.format("least squares"), loss(adv=lambda t, lam: (t - 1).square().mean())),
    Mistake(OTHER_GAN.format("the hinge's, −logit"), loss(adv=lambda t, lam: -t.mean())),
    Mistake(UNSTABLE, loss(adv=lambda t, lam: -t.sigmoid().log().mean())),
    *(
        Mistake(
            "It looks as if a small number is added inside the logarithm, or the sigmoid is kept away from 0: then the "
            "loss is no longer −log σ(logit), and far out it has no gradient.",
            loss(adv=lambda t, lam, e=e: -(t.sigmoid() + e).log().mean()),
        )
        for e in (1e-8, 1e-7, 1e-6, 1e-12)
    ),
    Mistake(
        "It looks as if the sigmoid acts twice: the logits are what it takes, and the loss contains it already.",
        loss(adv=lambda t, lam: F.softplus(-t.sigmoid()).mean()),
    ),
    Mistake(
        "It looks as if adv is halved: that is D's loss, which has two halves.",
        loss(adv=lambda t, lam: non_saturating(t, lam) / 2),
    ),
    Mistake(
        "It looks as if adv is detached: G learns nothing from D.",
        loss(adv=lambda t, lam: non_saturating(t.detach(), lam)),
    ),
)
