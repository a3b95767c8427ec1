"""06.5: what GRIT's generator minimises, and whom each of its two losses teaches.

A small network of drawn weights, a trunk with two heads and a judge, says where the gradients arrive. Gradients are
compared by their direction, so that a wrong factor costs its own part alone.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson06.grit_loss_mistakes import MISTAKES
from gritlib.nets import Output

PLACES = ("the trunk", "the reconstruction head", "the residual head")


def grit_loss(out: Output, target: Tensor, logits_fake: Tensor, lam: float) -> dict[str, Tensor]:
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * (out.reconstruction - target).abs().mean()}


def play(inputs, grit_loss):
    from collections import namedtuple

    F, report = torch.nn.functional, inputs["report"]
    Output = namedtuple("Output", ["image", "reconstruction", "residual"])
    trunk, rec, res = (inputs[name].requires_grad_() for name in ("trunk", "rec", "res"))
    h = torch.tanh(F.conv2d(inputs["x"], trunk, padding=1))
    reconstruction, residual = F.conv2d(h, rec, padding=1), F.conv2d(h, res, padding=1)
    image = reconstruction + residual
    logits = inputs["logits"] if "logits" in inputs else F.conv2d(image, inputs["D"], stride=2)

    def losses_of(residual):
        out = Output(image if residual is None else reconstruction + residual, reconstruction, residual)
        return grit_loss(out, inputs["target"].clone(), logits * 1, inputs["lam"])

    name, losses = inputs["loss"], losses_of(residual)
    loss = losses.get(name) if isinstance(losses, dict) else None
    if not isinstance(loss, torch.Tensor) or loss.ndim or set(losses) != {"adv", "rec"}:
        return {"losses": losses}
    if report == "value":
        return {"value": loss}
    if report == "another residual":
        return {"values": [loss, losses_of(residual + inputs["shift"])[name]]}
    # A zero of each keeps what the loss does not depend on inside the graph.
    slopes = torch.autograd.grad(loss + 0 * sum(w.sum() for w in (trunk, rec, res)), (trunk, rec, res))
    length = sum(slope.square().sum() for slope in slopes).sqrt().clamp(min=1e-30)
    return dict(
        zip(("the trunk", "the reconstruction head", "the residual head"), [s / length for s in slopes], strict=True)
    )


def wrong_kind(inputs, got) -> str | None:
    if "losses" not in got:
        return None
    losses, name = got["losses"], inputs["loss"]
    if not isinstance(losses, dict):
        return returned(losses, "a dict of two tensors, adv and rec")
    if set(losses) != {"adv", "rec"}:
        return f"the dict has the keys {', '.join(sorted(map(str, losses))) or 'none'}; wanted adv, rec"
    if isinstance(losses[name], Tensor):
        return f"{name} has the shape {tuple(losses[name].shape)}: a loss is one number"
    if number(losses[name]) is None:
        return f"{name} is {brief(losses[name])}, wanted a tensor of one number"
    return f"{name} is the plain number {brief(losses[name])}: it must stay a tensor that gradients can flow through"


def judge_value(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    lam = f", lam = {inputs['lam']:g}" if inputs["loss"] == "rec" else ""
    return difference(got["value"], wanted["value"], 1e-6, 1e-9, f"{inputs['loss']}{lam}")


def judge_gradients(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    name = inputs["loss"]
    for place in PLACES:
        if got[place].any() and not wanted[place].any():
            return (
                f"{name} gives a gradient in {place}: it must be exactly zero there, or the residual is taught to be "
                "like the one truth of this pair"
            )
        if wanted[place].any() and not got[place].any():
            return f"{name} gives no gradient in {place}: it learns nothing from this loss"
    for place in PLACES:
        if said := difference(got[place], wanted[place], 1e-6, 1e-8, f"direction of {name}'s gradient in {place}"):
            return said
    return None


def judge_other_residual(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    if any(number(value) is None for value in got["values"]):
        return returned(got["values"][1], "a tensor of one number")
    before, after = map(number, got["values"])
    if abs(before - after) <= 1e-9 * abs(before):
        return None
    return f"the same reconstruction and another residual: rec was {before:.6g} and is {after:.6g}"


def draw_network(generator, loss, report="value"):
    """Parts and sums of which many lie beyond ±1, so that a clamp shows."""
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = (2 * (torch.randperm(3, generator=generator)[:2] + 3)).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    weights = {"trunk": 0.5 * normal(5, 2, 3, 3), "rec": 0.3 * normal(3, 5, 3, 3), "res": 0.3 * normal(3, 5, 3, 3)}
    lam = round(5 + 25 * float(torch.rand((), generator=generator)), 1)
    images = {"x": normal(batch, 2, height, width), "target": normal(batch, 3, height, width).tanh()}
    return {**weights, "D": normal(1, 3, 2, 2), **images, "lam": lam, "loss": loss, "report": report}


def draw_adv(generator):
    inputs = draw_network(generator, "adv")
    height, width = torch.randint(3, 6, (2,), generator=generator).tolist()
    logits = 3 * torch.randn(len(inputs["x"]), 1, height, width, generator=generator, dtype=torch.float64) - 1
    return {**inputs, "logits": logits}


def draw_sure(generator):
    inputs = draw_adv(generator)
    return {**inputs, "logits": 1e4 * inputs["logits"].sign()}


def draw_rec(generator):
    return draw_network(generator, "rec")


def draw_adv_gradients(generator):
    return draw_network(generator, "adv", "gradients")


def draw_rec_gradients(generator):
    return draw_network(generator, "rec", "gradients")


def draw_other_residual(generator):
    inputs = draw_network(generator, "rec", "another residual")
    shift = torch.randn(inputs["target"].shape, generator=generator, dtype=torch.float64)
    return {**inputs, "shift": shift}


GRIT_LOSS = Exercise(
    id="06.5",
    names=("grit_loss",),
    needs=("gritlib.nets.grit.Output",),
    reference=(grit_loss,),
    minutes=15,
    parts=(
        Part(
            "adv: the mean of −log σ(logit), as in exercise 01.4",
            1,
            draw_adv,
            play,
            judge_value,
            "−log σ(t) is softplus(−t). Neither λ nor the target plays a part in it.",
            repeat=3,
        ),
        Part(
            "rec: λ times the mean absolute difference of reconstruction and target",
            1,
            draw_rec,
            play,
            judge_value,
            "One mean over everything, images, channels and pixels; the reconstruction as it is, also beyond ±1.",
            repeat=3,
        ),
        Part(
            "rec teaches the trunk and the reconstruction head, and the residual head not at all",
            1,
            draw_rec_gradients,
            play,
            judge_gradients,
            "No pixel loss sees the image or the residual, and nothing is detached.",
            repeat=2,
        ),
        Part(
            "adv teaches all three: trunk, reconstruction head and residual head",
            1,
            draw_adv_gradients,
            play,
            judge_gradients,
            "The logits are D's of the image, the image is the sum of both parts: the gradient finds its way alone.",
            repeat=2,
        ),
        Part(
            "logits of ±10,000: finite",
            0,
            draw_sure,
            play,
            judge_value,
            "softplus takes the logarithm and the sigmoid together; apart, the sigmoid is rounded to 0 first.",
        ),
        Part(
            "another residual leaves rec as it is",
            0,
            draw_other_residual,
            play,
            judge_other_residual,
        ),
    ),
    mistakes=MISTAKES,
)
