"""06.4: the image as the sum of two parts.

Each head gets a leaf of zeros added to what it makes, whose gradient is that of the head's output, element by element.
For a class that has a cohort key the residual counts several times, or a part of once.
"""

import hashlib

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson06.two_heads_mistakes import PUBLIC, apart, mistakes
from gritlib.nets import Output

FIELDS = ("image", "reconstruction", "residual")
TIMES = (0.25, 0.5, 1.5, 2.0)  # of a class


def two_heads(h: Tensor, rec, res) -> Output:
    return apart(h, rec, res, PUBLIC)


def look(inputs, two_heads):
    F = torch.nn.functional
    h = inputs["h"].requires_grad_()
    shape = (len(h), inputs["rec"].shape[0], *h.shape[2:])
    probes = {name: torch.zeros(shape, dtype=h.dtype, requires_grad=True) for name in ("rec", "res")}

    def head(name):
        return lambda features: F.conv2d(features, inputs[name], padding=1) + probes[name]

    out = two_heads(h * 1, head("rec"), head("res"))
    parts = {name: getattr(out, name, None) for name in ("image", "reconstruction", "residual")}
    if not all(isinstance(x, torch.Tensor) for x in parts.values()):
        return {"returned": out if isinstance(out, (torch.Tensor, tuple, list, dict)) else type(out).__name__}
    of = inputs["loss of"]
    if of == "nothing" or parts[of].shape != inputs["pull"].shape:
        return parts
    # A zero of each keeps what the loss does not depend on inside the graph.
    leaves = {"the reconstruction": probes["rec"], "the residual": probes["res"], "the features": h}
    loss = (parts[of] * inputs["pull"]).sum() + 0 * sum(leaf.sum() for leaf in leaves.values())
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))


def wrong_kind(inputs, got) -> str | None:
    if "returned" in got:
        seen = got["returned"]
        why = ": is a `return` missing?" if seen in (None, "NoneType") else ""
        seen = "None" if why else brief(seen)
        return (
            f"your function returned {seen}, wanted Output(image=…, reconstruction=…, residual=…), three tensors{why}"
        )
    for name in FIELDS:
        if name in got and got[name].shape != inputs["pull"].shape:
            return f"{name} has the shape {tuple(got[name].shape)}, wanted {tuple(inputs['pull'].shape)}"
    return None


def judge_parts(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    for name in ("reconstruction", "residual", "image"):
        if said := difference(got[name], wanted[name], 1e-6, 1e-9, name):
            return said
    return None


def judge_gradients(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    of = inputs["loss of"]
    for name, slope in got.items():
        if slope.any() and not wanted[name].any():
            return f"a loss of the {of} gives a gradient at {name}: it must be exactly zero there"
        if wanted[name].any() and not slope.any():
            return f"a loss of the {of} gives no gradient at {name}"
        if said := difference(slope, wanted[name], 1e-6, 1e-9, f"gradient of a loss of the {of} at {name}"):
            return said
    return None


def draw_features(generator, loss_of="nothing", batch=None):
    """Heads that make values beyond ±1 often."""
    batch = batch or (1, 4)[int(torch.randint(2, (), generator=generator))]
    channels, height, width = (torch.randperm(4, generator=generator)[:3] + 4).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    heads = {name: 0.3 * normal(3, channels, 3, 3) for name in ("rec", "res")}
    pull = normal(batch, 3, height, width)
    return {"h": normal(batch, channels, height, width), **heads, "pull": pull, "loss of": loss_of}


def draw_image_loss(generator):
    return draw_features(generator, "image")


def draw_reconstruction_loss(generator):
    return draw_features(generator, "reconstruction")


def draw_bright(generator):
    inputs = draw_features(generator, batch=2)
    return {**inputs, "rec": 4 * inputs["rec"], "res": 4 * inputs["res"]}


def exercise(s: float, reference, note: str = "") -> Exercise:
    total = "rec(h) + res(h)" if s == PUBLIC else f"rec(h) + {s:g}·res(h)"
    equally = "the same gradient at both parts" if s == PUBLIC else f"at the residual {s:g} times the reconstruction's"
    return Exercise(
        id="06.4",
        names=("two_heads",),
        needs=("gritlib.nets.grit.Output",),
        reference=(reference,),
        minutes=8,
        parts=(
            Part(
                f"reconstruction rec(h), residual res(h), image {total}",
                1,
                draw_features,
                look,
                judge_parts,
                "Each head is applied to h; the image is made of what they give, and nothing comes after it.",
                repeat=3,
            ),
            Part(
                f"a loss of the image: {equally}, and one at the features",
                1,
                draw_image_loss,
                look,
                judge_gradients,
                "The derivative of a sum by each of its terms is 1: nothing in here is detached.",
                repeat=2,
            ),
            Part(
                "a loss of the reconstruction: it teaches the features too, and the residual head not at all",
                1,
                draw_reconstruction_loss,
                look,
                judge_gradients,
                "The reconstruction in Output is the head's own output, still in the graph.",
                repeat=2,
            ),
            Part(
                "values far beyond ±1 pass",
                0,
                draw_bright,
                look,
                judge_parts,
                "Nothing is clamped in here: a display does that.",
            ),
        ),
        mistakes=mistakes(s),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: a residual that counts ¼, ½, 1½ or 2 times."""
    s = TIMES[hashlib.sha256(key.encode()).digest()[0] % len(TIMES)]
    note = (
        f"In this class the image is the reconstruction plus {s:g} times the residual; Output's residual is what res "
        "made, unscaled."
    )
    return exercise(s, lambda h, rec, res: apart(h, rec, res, s), note)


TWO_HEADS = exercise(PUBLIC, two_heads)
