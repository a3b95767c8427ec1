"""06.2: AdaIN, the layer through which the style code enters.

The student's class enters through `GRITGenerator(norm_layer=...)`. Its linear map is given, so that weights can be
handed to it by name. Values are compared loosely: neither the place of ε nor its size is asked.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.course.compare import difference, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson06.adain_mistakes import MISTAKES

CLOSE = 1e-3  # what ε may change


class AdaIN(nn.Module):
    def __init__(self, ch: int, z_dim: int):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h: Tensor, z: Tensor) -> Tensor:
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, dim=1)
        return (1 + gamma) * F.instance_norm(h) + beta


def pass_through(inputs, AdaIN):
    state, report = inputs["state"], inputs["report"]
    with torch.random.fork_rng(devices=[]):
        layer = AdaIN(*inputs["sizes"]).double()
    has = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    wants = {name: tuple(value.shape) for name, value in state.items()}
    if has != wants:
        more, fewer = ({name: a[name] for name in a if b.get(name) != a[name]} for a, b in ((has, wants), (wants, has)))
        faults = [f"{what} {', '.join(sorted(found))}" for what, found in (("has", more), ("lacks", fewer)) if found]
        raise ValueError(
            f"compared with gritlib's the layer {' and '.join(faults)}: leave affine as given; what "
            "normalises has neither weights nor running statistics: F.instance_norm, or nn.InstanceNorm2d(ch)"
        )
    layer.load_state_dict(state)
    h, z = inputs["h"].requires_grad_(), inputs["z"].requires_grad_()
    outputs = [layer.train(mode)(h * 1, z * 1) for mode in (True, False)]
    if report == "outputs":
        return {"outputs": outputs}
    if report == "on a line":
        return {"outputs": [outputs[0], layer(inputs["a"] * h + inputs["b"], z * 1)]}
    if not isinstance(outputs[0], torch.Tensor) or outputs[0].shape != h.shape:
        return {"outputs": outputs}
    parameters = {"h": h, "z": z, **dict(layer.named_parameters())}
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (outputs[0] * inputs["weights"]).sum() + 0 * sum(p.sum() for p in parameters.values())
    return dict(zip(parameters, torch.autograd.grad(loss, list(parameters.values())), strict=True))


def wrong_kind(inputs, outputs) -> str | None:
    h = inputs["h"]
    for out in outputs:
        if not isinstance(out, Tensor) or out.shape != h.shape or out.dtype != h.dtype:
            return returned(out, f"a tensor {'x'.join(map(str, h.shape))} of {h.dtype}, like h")
    return None


def judge_outputs(inputs, got, wanted):
    """By mean and standard deviation of each channel first: they are what β and γ say."""
    if said := wrong_kind(inputs, got["outputs"]):
        return said
    for mode, out, right in zip(("in training", "in eval mode"), got["outputs"], wanted["outputs"], strict=True):
        if difference(out, right, CLOSE, CLOSE) is None:
            continue
        statistics = [(x.detach().mean((2, 3)), x.detach().std((2, 3), correction=0)) for x in (out, right)]
        off = sum((a - b).abs() for a, b in zip(*statistics, strict=True)).nan_to_num(torch.inf)
        n, c = divmod(int(off.argmax()), off.shape[1])
        (mean, std), (beta, scale) = ((a[n, c].item(), b[n, c].item()) for a, b in statistics)
        if off[n, c] > CLOSE:
            return (
                f"{mode}, image {n}, channel {c} of your result: mean {mean:.4g} and standard deviation {std:.4g}, "
                f"wanted β = {beta:.4g} and |1 + γ| = {scale:.4g}"
            )
        return f"{mode}: {difference(out, right, CLOSE, CLOSE)}"
    return None


def judge_gradients(inputs, got, wanted):
    if "outputs" in got:
        return wrong_kind(inputs, got["outputs"])
    for name in ("h", "z", "affine.weight", "affine.bias"):
        if not got[name].any():
            return f"no gradient arrives in {name}"
        if said := difference(got[name], wanted[name], CLOSE, CLOSE, f"gradient in {name}"):
            return said
    return None


def judge_line(inputs, got, wanted):
    if said := wrong_kind(inputs, got["outputs"]):
        return said
    said = difference(got["outputs"][1], got["outputs"][0], CLOSE, CLOSE)
    line = f"{inputs['a']:g}·h {'−' if inputs['b'] < 0 else '+'} {abs(inputs['b']):g}"
    return said and f"your result of {line} against that of h, with the same code: {said}"


def draw_layer(generator, batch, report="outputs"):
    """Five different sizes, so that no wrong broadcast fits."""
    channels, codes, height, width = ((torch.randperm(4, generator=generator) + 5).tolist())[:4]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    state = {"affine.weight": 0.5 * normal(2 * channels, codes), "affine.bias": 0.5 * normal(2 * channels)}
    spread = 1 + 2 * torch.rand(batch, channels, 1, 1, generator=generator, dtype=torch.float64)
    h = 2 * normal(batch, channels, 1, 1) + spread * normal(batch, channels, height, width)
    sizes = [channels, codes]
    return {"sizes": sizes, "state": state, "h": h, "z": normal(batch, codes), "report": report}


def draw_one(generator):
    return draw_layer(generator, batch=1)


def draw_four(generator):
    return draw_layer(generator, batch=4)


def draw_gradients(generator):
    inputs = draw_layer(generator, batch=3, report="gradients")
    return {**inputs, "weights": torch.randn(inputs["h"].shape, generator=generator, dtype=torch.float64)}


def draw_line(generator):
    a, b = torch.rand(2, generator=generator).tolist()
    return {**draw_layer(generator, batch=2, report="on a line"), "a": round(2 + 3 * a, 2), "b": round(4 * b - 2, 2)}


def draw_flat(generator):
    inputs = draw_layer(generator, batch=2)
    return {**inputs, "h": inputs["h"].mean((2, 3), keepdim=True).expand_as(inputs["h"]).clone()}


ADAIN = Exercise(
    id="06.2",
    names=("AdaIN",),
    reference=(AdaIN,),
    minutes=10,
    parts=(
        Part(
            "one image: each channel with mean β and standard deviation |1 + γ|",
            1,
            draw_one,
            pass_through,
            judge_outputs,
            "In steps: affine of z gives 2·ch numbers, the first half γ, the second β; h minus its mean, divided by "
            "its standard deviation; times 1 + γ, plus β.",
            repeat=3,
        ),
        Part(
            "four images: each by its own mean and deviation and its own code, in training as in eval mode",
            1,
            draw_four,
            pass_through,
            judge_outputs,
            "Is the result of an image the same whatever else is in the batch? γ and β have the shape (B, ch, 1, 1).",
            repeat=2,
        ),
        Part(
            "the gradients in h, in the code and in affine",
            1,
            draw_gradients,
            pass_through,
            judge_gradients,
            "Nothing in the layer is detached: the code's gradient is what the style encoder learns from, and mean and "
            "deviation of h are functions of h.",
            repeat=2,
        ),
        Part(
            "a·h + b gives the same as h, as in exercise 05.1",
            0,
            draw_line,
            pass_through,
            judge_line,
            "The mean takes b away, the standard deviation a: only the code decides mean and deviation.",
        ),
        Part(
            "a flat channel becomes β, not NaN",
            0,
            draw_flat,
            pass_through,
            judge_outputs,
            "A small ε under the root, 1e-5, keeps 0/0 away.",
        ),
    ),
    mistakes=MISTAKES,
)
