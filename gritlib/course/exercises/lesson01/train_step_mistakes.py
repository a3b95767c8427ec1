"""The training steps that people write before the right one, as variations of the right one, and what is said about
each. Those that are special cases of others come first."""

import operator

import torch
from torch.nn import functional as F

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson01.adversarial_losses import adversarial_losses


def joined(x, image):
    return torch.cat([x, image], 1)


def both(g, l1, lam):
    return g + lam * l1


def stepping(
    *, detach=True, cut=False, zero="dg", join=joined, swap=False, again="", total=both, pixel=F.l1_loss, factor=None
):
    """The right step, or one with something different.

    Args:
        detach: the image in D's half. cut: detach it in G's half too. zero: whose gradients are emptied before their
            half, or "top" for both at the beginning. join: what D sees. swap: the labels in D's half. again: "step"
            moves D once more at the end, "fresh" with nothing but the gradient of G's half. total: what G minimises.
            pixel: the distance. factor: lam -> what multiplies the distance that is returned.
    """

    def train_step(x, y, G, D, opt_g, opt_d, lam):
        if zero == "top":
            opt_d.zero_grad()
            opt_g.zero_grad()
        fake = G(x)
        real_logits, fake_logits = D(join(x, y)), D(join(x, fake.detach() if detach else G(x)))
        d = adversarial_losses(*((fake_logits, real_logits) if swap else (real_logits, fake_logits)))["d"]
        if "d" in zero:
            opt_d.zero_grad()
        d.backward()
        opt_d.step()

        logits = D(join(x, fake.detach() if cut else fake))
        g, distance = adversarial_losses(logits, logits)["g"], pixel(fake, y)
        if "g" in zero:
            opt_g.zero_grad()
        if again == "fresh":
            opt_d.zero_grad()
        total(g, distance, lam).backward()
        opt_g.step()
        if again:
            opt_d.step()
        return {"d": d.detach(), "g": g.detach(), "l1": distance.detach() * (factor(lam) if factor else 1)}

    return train_step


def ordered(*calls):
    """The same losses, whose gradients and steps are taken in another order: "d zero", "d backward", "d step" …"""

    def train_step(x, y, G, D, opt_g, opt_d, lam):
        fake = G(x)
        told = {}

        def d_loss():
            told["d"] = adversarial_losses(D(joined(x, y)), D(joined(x, fake.detach())))["d"]
            return told["d"]

        def g_loss():
            logits = D(joined(x, fake))
            told["g"], told["l1"] = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
            return told["g"] + lam * told["l1"]

        does = {"zero": lambda o, loss: o.zero_grad(), "step": lambda o, loss: o.step()}
        does["backward"] = lambda o, loss: loss().backward()
        for call in calls:
            who, what = call.split()
            does[what](*((opt_d, d_loss) if who == "d" else (opt_g, g_loss)))
        return {name: value.detach() for name, value in told.items()}

    return train_step


def one_graph_twice(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    adversarial_losses(D(joined(x, y)), D(joined(x, fake)))["d"].backward()
    F.l1_loss(fake, y).backward()


def stale_logits(x, y, G, D, opt_g, opt_d, lam):
    losses = adversarial_losses(D(joined(x, y)), D(joined(x, G(x))))
    opt_d.zero_grad()
    losses["d"].backward(retain_graph=True)
    opt_d.step()
    losses["g"].backward()


def left_frozen(x, y, G, D, opt_g, opt_d, lam):
    losses = stepping()(x, y, G, D, opt_g, opt_d, lam)
    D.requires_grad_(False)
    return losses


def no_way_back(x, y, G, D, opt_g, opt_d, lam):
    with torch.no_grad():
        d = D(joined(x, y)).mean()
    d.backward()


def without_real(first):
    """G's half with None for the real logits, in an `adversarial_losses` that does `first` with them."""

    def train_step(x, y, G, D, opt_g, opt_d, lam):
        first(None)

    return train_step


# What somebody's adversarial_losses may do first with the real logits: the error's words depend on it.
FIRST_OF_REAL = (
    operator.neg,
    torch.ones_like,
    torch.zeros_like,
    torch.sigmoid,
    F.logsigmoid,
    F.softplus,
    lambda real: torch.cat([real, torch.zeros(1)]),
    lambda real: adversarial_losses(real, torch.zeros(1)),
)

D_HALF, G_HALF = ("d zero", "d backward", "d step"), ("g zero", "g backward", "g step")

LEFTOVERS = (
    "It looks as if gradients are never emptied: backward adds to what .grad holds, and G's half leaves a gradient in "
    "D too. The first step is right, from the second on old gradients count again. Each half empties its own player's "
    "gradients before its backward."
)
D_AGAIN = (
    "It looks as if D moves in G's half too. G's backward goes through D and leaves a gradient there, which asks D to "
    "be fooled: opt_d.step() must not be called with it. It belongs to D's half alone."
)
STEP_EARLY = (
    "It looks as if step() comes before backward: an optimiser steps with the gradients it finds, and they have just "
    "been emptied. The order is zero_grad, backward, step."
)
SECOND_TIME = (
    "The graph of the generated image has been used up by a backward before. If that was D's: D's half needs the "
    "image without its way back to G, detach it there; or, if backward is called for g and for l1 apart, add them."
)
IN_PLACE = (
    "It looks as if G's loss uses logits from before opt_d.step(), which has changed D's weights since: ask D again "
    "afterwards."
)
NO_WAY_BACK = (
    "The loss has no way back to any weight: it was computed under no_grad or from detached logits, or the weights are "
    "still frozen (requires_grad_(False)) since the step before."
)
NO_REAL = (
    "If you call adversarial_losses(None, logits) in G's half: g does not use real, so the fake logits can be passed "
    "twice; but a tensor has to be there, for d is computed too."
)
SIGNED = (
    "It looks as if abs() is missing, or comes after the mean: with their signs, pixels that are too bright and too "
    "dark cancel. Take the absolute difference of each pixel, then the mean."
)

MISTAKES = (
    Mistake(
        "It looks as if both zero_grad stand at the top of the step while the generated image is not detached in D's "
        "half. Then D's loss leaves its gradient in G and G descends D's loss too. How much of its own this takes away "
        "depends on how sure D is, ½σ(f) against σ(−f) at a fake's logit f: most when D is fooled, little when D wins, "
        "and then the images do not show it. Look at G's .grad just before G's half. Detach the image in D's half, or "
        "empty G's gradients after it; best both.",
        stepping(detach=False, zero="top"),
    ),
    Mistake(
        "It looks as if the generated image is not detached in D's half. In your order that is harmless: G's gradients "
        "are emptied before G's half, so your weights are right. It runs only because the graph is kept "
        "(retain_graph=True) or a fresh G(x) has another; and D's backward ran through all of G for nothing. The day "
        "somebody moves the zero_grad to the top it becomes a fault that no error shows. `detach()` says what you "
        "mean: this half is D's.",
        stepping(detach=False),
    ),
    Mistake(
        "It looks as if D does not see x. Then it can only ask whether an image looks real, not whether it fits the "
        "map, and G may answer every map with the same image. D gets x and the image, joined along the channels.",
        stepping(join=lambda x, image: image),
    ),
    Mistake(
        "It looks as if D gets the image first and then x. That trains as well, but here x comes first, as D's weights "
        "expect it.",
        stepping(join=lambda x, image: torch.cat([image, x], 1)),
    ),
    Mistake(
        "It looks as if x and the image are joined along the batch (dimension 0): D then judges them one by one. They "
        "belong side by side along the channels (dimension 1).",
        stepping(join=lambda x, image: torch.cat([x, image], 0)),
    ),
    Mistake(
        "It looks as if the labels are swapped in D's half: D learns to call generated pairs real, and in its own half "
        "G wants just that. Which of the two logits comes first in adversarial_losses(real, fake)?",
        stepping(swap=True),
    ),
    Mistake(
        "It looks as if lam multiplies the adversarial term. λ weighs the pixel loss: G minimises g + lam·l1.",
        stepping(total=lambda g, l1, lam: lam * g + l1),
    ),
    Mistake("It looks as if lam is not used: G minimises g + lam·l1.", stepping(total=lambda g, l1, lam: g + l1)),
    Mistake(
        "It looks as if G minimises its adversarial term alone: the pixel loss is missing.",
        stepping(total=lambda g, l1, lam: g),
    ),
    Mistake(D_AGAIN, stepping(again="step")),
    Mistake(D_AGAIN, stepping(again="fresh")),
    Mistake(STEP_EARLY, ordered("d zero", "d step", "d backward", *G_HALF)),
    Mistake(STEP_EARLY, ordered("d zero", "d step", "d backward", "g zero", "g step", "g backward")),
    Mistake(
        "It looks as if G moves before D. CycleGAN's authors do it so; in pix2pix D moves first, and G is judged by a "
        "D that has moved already.",
        ordered(*G_HALF, *D_HALF),
    ),
    Mistake(
        "It looks as if both backward calls come before both steps: D then steps with the sum of its own gradient and "
        "the one G's backward left in it. Finish D's half, its step included, before G's half begins.",
        ordered("d zero", "g zero", "d backward", "g backward", "d step", "g step"),
    ),
    Mistake(LEFTOVERS, stepping(zero="")),
    Mistake(
        "It looks as if D's gradients are never emptied: G's backward goes through D and leaves a gradient there, "
        "which D's next step then takes along.",
        stepping(zero="g"),
    ),
    Mistake(
        "It looks as if G's gradients are never emptied: from the second step on G also moves along its old ones.",
        stepping(zero="d"),
    ),
    Mistake(
        "It looks as if the image is detached in G's half as well: then D's judgement has no way back to G, which "
        "learns from L1 alone. No error shows it. Only D's half needs the detached image.",
        stepping(cut=True),
    ),
    Mistake(
        "It looks as if the pixel loss is squared. pix2pix takes the mean absolute difference, which blurs less.",
        stepping(pixel=F.mse_loss),
    ),
    Mistake(
        "It looks as if the l1 you return is multiplied by lam already. Weights and curves stay comparable between "
        "runs when it is returned as it is.",
        stepping(factor=lambda lam: lam),
    ),
    Mistake(SIGNED, stepping(pixel=lambda fake, y: (fake - y).mean())),
    Mistake(SIGNED, stepping(pixel=lambda fake, y: (y - fake).mean())),
    Mistake(SIGNED, stepping(pixel=lambda fake, y: (fake - y).mean().abs())),
    Mistake(SECOND_TIME, one_graph_twice),
    Mistake(IN_PLACE, stale_logits),
    Mistake(NO_WAY_BACK, no_way_back),
    Mistake(NO_WAY_BACK, left_frozen),
    *(Mistake(NO_REAL, without_real(first)) for first in FIRST_OF_REAL),
)
