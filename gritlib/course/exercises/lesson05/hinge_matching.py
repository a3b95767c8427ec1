"""05.4: the hinge loss of both players, and feature matching.

What a discriminator says is drawn in the form of `MultiscalePatchGAN`: logits and activations for each scale.
"""

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson05.hinge_matching_mistakes import MISTAKES


def hinge(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    return {"d": (1 - real).relu().mean() + (1 + fake).relu().mean(), "g": -fake.mean()}


def feature_matching(fr: list, ff: list) -> Tensor:
    scales = [
        sum((a - b.detach()).abs().mean() for a, b in zip(of_fake, of_real, strict=True))
        for (_, of_real), (_, of_fake) in zip(fr, ff, strict=True)
    ]
    return sum(scales) / len(scales)


def one_loss(inputs, hinge, feature_matching):
    real, fake = (inputs[name].requires_grad_() for name in ("real", "fake"))
    losses = hinge(real, fake)
    loss = losses.get(inputs["loss"]) if isinstance(losses, dict) else None
    if not isinstance(loss, torch.Tensor) or loss.ndim:
        return {"losses": losses}
    # A zero of each keeps what the loss does not depend on inside the graph.
    slopes = torch.autograd.grad(loss + 0 * (real.sum() + fake.sum()), (real, fake))
    return {"value": loss, "gradient at real": slopes[0], "gradient at fake": slopes[1]}


def match(inputs, hinge, feature_matching):
    def fresh(side, times=1):
        return [
            (logits.clone(), [a.repeat(1, 1, times, times).requires_grad_() for a in activations])
            for logits, activations in side
        ]

    fr, ff = fresh(inputs["fr"]), fresh(inputs["ff"])
    loss = feature_matching(fr, ff)
    told = {"loss": loss}
    if not isinstance(loss, torch.Tensor) or loss.ndim:
        return told
    for name, side in (("gradient at the fakes'", ff), ("gradient at the real images'", fr)):
        activations = [a for _, found in side for a in found]
        slopes = torch.autograd.grad(loss + 0 * sum(a.sum() for a in activations), activations, retain_graph=True)
        told[name] = torch.cat([slope.flatten() for slope in slopes])
    told["of equal activations"] = feature_matching(fresh(inputs["fr"]), fresh(inputs["fr"]))
    told["of activations repeated 2x2"] = feature_matching(fresh(inputs["fr"], 2), fresh(inputs["ff"], 2))
    return {name: told[name] for name in inputs["setup"]["report"]}


def no_loss(loss, name: str) -> str:
    """What is wrong with something that is no tensor of one number."""
    if isinstance(loss, Tensor):
        return f"{name} has the shape {tuple(loss.shape)}: a loss is one number"
    return (
        f"{name} is the plain number {brief(loss)}: drop .item() or float(): a loss must stay a tensor that gradients "
        "can flow through"
    )


def judge_one_loss(inputs, got, wanted):
    name = inputs["loss"]
    if "losses" in got:
        loss = got["losses"].get(name) if isinstance(got["losses"], dict) else None
        if isinstance(loss, Tensor) or number(loss) is not None:
            return no_loss(loss, name)
        return returned(got["losses"], "a dict of two tensors, d and g")
    for what in ("value", "gradient at real", "gradient at fake"):
        if said := difference(got[what], wanted[what], 1e-6, 1e-9, f"{name}: {what}"):
            return said
    return None


def judge_match(inputs, got, wanted):
    loss = got["loss"]
    if not isinstance(loss, Tensor) or loss.ndim:
        if isinstance(loss, Tensor) or number(loss) is not None:
            return no_loss(loss, "the loss")
        return returned(loss, "a tensor of one number")
    if said := difference(loss, wanted["loss"], 1e-6, 1e-9, "loss"):
        return said
    name = "gradient at the fakes'"
    if name not in wanted:
        return difference(got, wanted, 1e-6, 1e-9)
    if not got[name].any():
        return "the value is right, but no gradient arrives at the activations of the fakes: G learns nothing"
    if got["gradient at the real images'"].any():
        return "the value is right, but a gradient flows into the activations of the real images"
    return difference(got[name], wanted[name], 1e-6, 1e-9, f"the value is right; {name} activations")


def draw_logits(generator):
    """On both sides of ±1, their means beyond it, as of a D that knows much; and more fakes than real ones: then one
    mean over both is not half of two means."""
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = torch.randint(3, 6, (2,), generator=generator).tolist()

    def logits(images, mean):
        x = 2.5 * torch.randn(images, 1, height, width, generator=generator, dtype=torch.float64)
        return x - x.mean() + mean

    middle = 1.5 + float(torch.rand((), generator=generator, dtype=torch.float64))
    return {"real": logits(batch, middle), "fake": logits(batch + 2, -middle)}


def draw_for_d(generator):
    return {"loss": "d", **draw_logits(generator)}


def draw_for_g(generator):
    return {"loss": "g", **draw_logits(generator)}


def draw_sure(generator):
    inputs = draw_logits(generator)
    return {"loss": "d", "real": 1.01 + inputs["real"].abs(), "fake": -1.01 - inputs["fake"].abs()}


def draw_judged(generator, *report, batch=None):
    """What D says of real and of fake images: a pair (logits, activations) for each scale, the finest first."""
    scales = int(torch.randint(2, 4, (), generator=generator))
    batch = batch or (1, 4)[int(torch.randint(2, (), generator=generator))]
    channels = torch.randint(2, 6, (int(torch.randint(2, 4, (), generator=generator)),), generator=generator).tolist()
    height, width = (torch.randperm(3, generator=generator)[:2] + 4).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def judged():
        said = []
        for scale in range(scales):
            sides = [max(1, (side << 2 - scale) >> 1) for side in (height, width)]
            activations = [
                (1 + i) * normal(batch, c, *(max(1, side >> i) for side in sides)) for i, c in enumerate(channels)
            ]
            said.append((3 * normal(batch, 1, *activations[-1].shape[2:]), activations))
        return said

    return {"fr": judged(), "ff": judged(), "setup": {"report": ["loss", *report]}}


def draw_value(generator):
    return draw_judged(generator)


def draw_slopes(generator):
    return draw_judged(generator, "gradient at the fakes'", "gradient at the real images'")


def draw_pictures(generator):
    return draw_judged(generator, "of equal activations", "of activations repeated 2x2", batch=2)


HINGE_MATCHING = Exercise(
    id="05.4",
    names=("hinge", "feature_matching"),
    reference=(hinge, feature_matching),
    minutes=15,
    parts=(
        Part(
            "hinge, d: its value, and its gradients at both kinds of logits",
            1,
            draw_for_d,
            one_loss,
            judge_one_loss,
            "Two means, added: of max(0, 1 − real) over real logits and of max(0, 1 + fake) over fake ones. Nothing is "
            "detached in here.",
            repeat=3,
        ),
        Part(
            "hinge, g: its value, and the same gradient −1/N at every fake logit",
            1,
            draw_for_g,
            one_loss,
            judge_one_loss,
            "g is minus the mean of the fake logits: G's wish has no margin.",
            repeat=3,
        ),
        Part(
            "hinge, d: real logits above 1 and fake ones below −1 cost nothing and get no gradient",
            0,
            draw_sure,
            one_loss,
            judge_one_loss,
            "Beyond the margin D has nothing left to gain.",
        ),
        Part(
            "feature_matching: mean absolute differences, added up over layers, averaged over scales",
            1,
            draw_value,
            match,
            judge_match,
            "Each layer of each scale gives one number, the mean absolute difference of its two activations. The "
            "logits play no part.",
            repeat=3,
        ),
        Part(
            "feature_matching: the gradient reaches the fakes, and none flows into the real side",
            1,
            draw_slopes,
            match,
            judge_match,
            "The real image's activations are the aim, a constant.",
            repeat=2,
        ),
        Part(
            "feature_matching: 0 for equal activations; repeated 2x2 they give what they gave before",
            0,
            draw_pictures,
            match,
            judge_match,
            "A mean stays when a picture is repeated, a sum does not.",
        ),
    ),
    mistakes=MISTAKES,
)
