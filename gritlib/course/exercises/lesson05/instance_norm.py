"""05.1: normalisation of each channel of each image by itself, and what it leaves of a map of one label.

Values are compared loosely where ε is not the question, so that its place costs its own part alone.
"""

from itertools import product

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference, returned
from gritlib.course.exercise import Exercise, Mistake, Part

ERASED = 1e-4  # what may be left of a uniform map
TINY = 1e-12  # an ε that plays no part


def instance_norm(h: Tensor, eps: float = 1e-5) -> Tensor:
    mean = h.mean((2, 3), keepdim=True)
    variance = (h - mean).square().mean((2, 3), keepdim=True)
    return (h - mean) / (variance + eps).sqrt()


def output_of(inputs, instance_norm):
    eps = {"eps": inputs["eps"]} if "eps" in inputs else {}
    return {"output": instance_norm(inputs["h"], **eps)}


def uniform_maps(inputs, instance_norm):
    pad, weight = torch.nn.functional.pad, inputs["weight"]
    labels, (height, width) = weight.shape[1], inputs["sides"]
    one_hot = torch.eye(labels, dtype=weight.dtype)[:, :, None, None].repeat(1, 1, height, width)
    h = torch.nn.functional.conv2d(pad(one_hot, (1, 1, 1, 1), mode="reflect"), weight, inputs["bias"])
    of_single = instance_norm(h.float())
    kept = isinstance(of_single, torch.Tensor) and of_single.dtype == torch.float32
    return {"output": instance_norm(h), "dtype kept": kept}


def on_a_line(inputs, instance_norm):
    h, eps = inputs["h"], inputs["eps"]
    return {"of h": instance_norm(h, eps=eps), "of a·h + b": instance_norm(inputs["a"] * h + inputs["b"], eps=eps)}


def draw_maps(generator, batch=1):
    """Maps whose means and spreads differ from image to image and from channel to channel."""
    channels = int(torch.randint(2, 5, (), generator=generator))
    height, width = (torch.randperm(5, generator=generator)[:2] + 5).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    spread = 1 + 2 * torch.rand(batch, channels, 1, 1, generator=generator, dtype=torch.float64)
    return {"h": 2 * normal(batch, channels, 1, 1) + spread * normal(batch, channels, height, width)}


def draw_one(generator):
    return draw_maps(generator)


def draw_four(generator):
    return draw_maps(generator, batch=4)


def draw_faint(generator):
    """Faint channels, and one that is flat."""
    h = draw_maps(generator, batch=2)["h"]
    h = h * 10 ** -(1 + 2 * torch.rand(2, h.shape[1], 1, 1, generator=generator, dtype=torch.float64))
    h[0, int(torch.randint(h.shape[1], (), generator=generator))] = 0.5
    eps = 10 ** -float(2 + 2 * torch.rand((), generator=generator))
    return {"h": h, "eps": round(eps, 6)}


def draw_uniform(generator):
    labels, channels = (torch.randperm(4, generator=generator)[:2] + 3).tolist()
    return {
        "weight": torch.randn(channels, labels, 3, 3, generator=generator, dtype=torch.float64),
        "bias": torch.randn(channels, generator=generator, dtype=torch.float64),
        "sides": (torch.randperm(5, generator=generator)[:2] + 6).tolist(),
    }


def draw_line(generator):
    a, b = torch.rand(2, generator=generator).tolist()
    return {
        **draw_maps(generator, batch=2),
        "a": round(10 ** (2.4 * a - 1.2), 3),
        "b": round(8 * b - 4, 2),
        "eps": TINY,
    }


def judge_uniform(inputs, got, wanted):
    out, shape = got["output"], wanted["output"].shape
    if not isinstance(out, Tensor) or out.shape != shape:
        return returned(out, f"a tensor {'x'.join(map(str, shape))}")
    if not got["dtype kept"]:
        return "of a float32 h your result is no float32: does some tensor have a dtype of its own?"
    left = out.detach().abs().flatten(1).amax(1)
    label = int((~(left < ERASED)).int().argmax())
    if left[label] < ERASED:
        return None
    return (
        f"maps of one label each, a batch of {len(left)}, through one convolution: of label {label} your norm leaves "
        f"values of up to {brief(left[label].item())}; wanted is less than {ERASED:g} for every label, since each "
        "channel of each of these images is flat"
    )


def judge_line(inputs, got, wanted):
    for name in ("of h", "of a·h + b"):
        if not isinstance(got[name], Tensor) or got[name].shape != inputs["h"].shape:
            return difference(got, wanted, 1e-5, 1e-5)
    said = difference(got["of a·h + b"], got["of h"], 1e-5, 1e-5)
    line = f"{inputs['a']:g}·h {'−' if inputs['b'] < 0 else '+'} {abs(inputs['b']):g}"
    return said and f"your result of {line} against that of h, with ε = {TINY:g}: {said}"


def under(variance, eps):
    return (variance + eps).sqrt()


def beside(variance, eps):
    return variance.sqrt() + eps


def without(variance, eps):
    return variance.sqrt()


def norming(divisor=under, *, dims=(2, 3), correction=0, keepdim=True, finish=None):
    """instance_norm with one ingredient replaced.

    Args:
        divisor: (variance, eps) -> what is divided by. dims, correction, keepdim: of mean and variance.
        finish: (h, mean, divisor) -> the result.
    """

    def instance_norm(h, eps=1e-5):
        mean = h.mean(dims, keepdim=keepdim)
        by = divisor(h.var(dims, correction=correction, keepdim=keepdim), eps)
        return finish(h, mean, by) if finish else (h - mean) / by

    return instance_norm


def absolute(h, eps=1e-5):
    h = h - h.mean((2, 3), keepdim=True)
    return h / (h.abs().mean((2, 3), keepdim=True) + eps)


def range_of(h, eps=1e-5):
    low = h.amin((2, 3), keepdim=True)
    return (h - low) / (h.amax((2, 3), keepdim=True) - low + eps)


BATCH = (
    "It looks as if mean and variance run over the batch too. That is batch norm; instance norm takes them over the "
    "pixels of one channel of one image: dimensions 2 and 3 of (B, C, H, W)."
)
CHANNELS = (
    "It looks as if mean and variance run over the channels too, as layer norm's do: instance norm takes each channel "
    "by itself, dimensions 2 and 3 of (B, C, H, W)."
)
ONE_SIDE = "It looks as if mean and variance run over rows or over columns alone: they run over both, (2, 3)."
UNBIASED = (
    "It looks as if the variance is divided by the number of pixels minus 1, as torch.var and torch.std do unless told "
    "correction=0. Here it is the plain mean of the squared distances."
)
BESIDE = (
    "It looks as if ε is added to the standard deviation. It is added to the variance, under the root: the smallest "
    "divisor is then √ε, not ε."
)
NO_EPS = (
    "It looks as if there is no ε: a channel that is flat has variance 0, and 0/0 is NaN; one that is nearly flat is "
    "blown up to full size. Both are what a map of one label gives."
)
SHAPES = (
    "If the error speaks of sizes that must match: h.mean((2, 3)) has the shape (B, C), which does not fit to (B, C, "
    "H, W). keepdim=True keeps two dimensions of length 1."
)
EVERY = tuple(product((0, 1), (under, beside, without)))

INSTANCE_NORM = Exercise(
    id="05.1",
    names=("instance_norm",),
    reference=(instance_norm,),
    minutes=10,
    parts=(
        Part(
            "one image: each channel with mean 0 and variance 1 over its pixels",
            1,
            draw_one,
            output_of,
            advice="In steps: the mean over the pixels of each channel; the mean of the squared distances from it, the "
            "variance; the distance divided by the root of variance plus ε.",
            rtol=1e-4,
            atol=1e-4,
            repeat=3,
        ),
        Part(
            "four images: each normalised by itself",
            1,
            draw_four,
            output_of,
            advice="Is the result of an image the same whatever else is in the batch?",
            rtol=1e-4,
            atol=1e-4,
            repeat=2,
        ),
        Part(
            "faint and flat channels: ε under the root, as large as it is given",
            1,
            draw_faint,
            output_of,
            advice="The divisor is the root of the sum of variance and eps, nothing else.",
            rtol=1e-5,
            atol=1e-7,
            repeat=3,
        ),
        Part(
            "maps of one label, through a convolution with reflect padding: nothing is left, whatever the label",
            0,
            draw_uniform,
            uniform_maps,
            judge_uniform,
            "A flat channel minus its mean is 0, up to rounding, which ε keeps small.",
            repeat=2,
        ),
        Part(
            "a·h + b gives the same as h when ε is tiny",
            0,
            draw_line,
            on_a_line,
            judge_line,
            "The mean takes b away; the standard deviation, which is a times as large, takes away a.",
            repeat=2,
        ),
    ),
    mistakes=(
        Mistake(SHAPES, norming(keepdim=False)),
        Mistake(SHAPES, norming(keepdim=False, finish=lambda h, mean, by: h / by)),
        *(Mistake(UNBIASED, norming(divisor, correction=1)) for divisor in (under, beside, without)),
        Mistake(BESIDE, norming(beside)),
        Mistake(NO_EPS, norming(without)),
        Mistake(
            "It looks as if ε is always 1e-5: that is only its default.",
            norming(lambda variance, eps: (variance + 1e-5).sqrt()),
        ),
        Mistake(
            "It looks as if the square of eps is added: it is the variance that grows by eps.",
            norming(lambda variance, eps: (variance + eps**2).sqrt()),
        ),
        Mistake(
            "It looks as if the variance is only kept from falling below eps: it is added, whatever the variance.",
            norming(lambda variance, eps: variance.clamp(min=eps).sqrt()),
        ),
        Mistake(
            "It looks as if you divide by the variance: the root is missing.",
            norming(lambda variance, eps: variance + eps),
        ),
        Mistake(
            "It looks as if the mean is not taken away.",
            norming(finish=lambda h, mean, by: h / by),
        ),
        Mistake(
            "It looks as if the mean is taken away after the division: h − μ comes first, and both are divided.",
            norming(finish=lambda h, mean, by: h / by - mean),
        ),
        Mistake(
            "It looks as if nothing is divided: only the mean is taken away.",
            norming(finish=lambda h, mean, by: h - mean),
        ),
        Mistake(
            "It looks as if the second moment stands for the variance: the mean of h² minus the square of the mean.",
            lambda h, eps=1e-5: (
                (h - h.mean((2, 3), keepdim=True)) / (h.square().mean((2, 3), keepdim=True) + eps).sqrt()
            ),
        ),
        Mistake("It looks as if absolute distances stand for the standard deviation.", absolute),
        Mistake("It looks as if each channel is stretched to 0 … 1: wanted are mean 0 and variance 1.", range_of),
        *(
            Mistake(message, norming(divisor, dims=dims, correction=n))
            for message, dims in ((BATCH, (0, 2, 3)), (CHANNELS, (1, 2, 3)), (BATCH, (0, 1, 2, 3)))
            for n, divisor in EVERY
        ),
        *(Mistake(CHANNELS, norming(divisor, dims=(1,), correction=n)) for n, divisor in EVERY),
        *(Mistake(ONE_SIDE, norming(divisor, dims=dims, correction=n)) for dims in (2, 3) for n, divisor in EVERY),
    ),
)
