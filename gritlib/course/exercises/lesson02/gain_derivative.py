"""02.3: does a loss want more or less of a frequency band?

Band edges are drawn between the frequencies that a picture has, so that no frequency lies on an edge, where rounding
would decide.
"""

import torch
from torch import Tensor

from gritlib.course.compare import difference
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson02.bands import bands, gain_derivative, radius
from gritlib.course.exercises.lesson02.gain_derivative_mistakes import MISTAKES

BEYOND = 1.5  # of Nyquist, above the corners' √2
STEP = 1e-3  # of α in the finite difference


def derivatives(inputs, gain_derivative):
    g = gain_derivative(inputs["grad"], inputs["output"], list(inputs["edges"]))
    if isinstance(g, torch.Tensor) and g.is_complex():
        return {"real and imaginary part": torch.view_as_real(g)}
    return {"g": g}


def total(inputs, gain_derivative):
    g = gain_derivative(inputs["grad"], inputs["output"], list(inputs["edges"]))
    if isinstance(g, torch.Tensor) and g.is_complex():
        return {"real and imaginary part": torch.view_as_real(g)}
    return {"sum of all bands": g.sum() if isinstance(g, torch.Tensor) else g}


def judge(inputs, got, wanted, rtol=1e-6, atol=1e-9):
    if "real and imaginary part" in got:
        return (
            "the result is complex. The derivative of a real loss is real: with a symmetric mask the imaginary parts "
            "are zero to rounding, so take the real part"
        )
    for value in got.values():
        if isinstance(value, (list, tuple)):
            return (
                f"your function returned a {type(value).__name__} of {len(value)}, wanted one tensor, one number a band"
            )
        if isinstance(value, Tensor) and value.dtype != inputs["output"].dtype:
            return (
                f"your function returned {value.dtype} for an output of {inputs['output'].dtype}: does some tensor "
                "begin with a dtype of its own?"
            )
    said = difference(got, wanted, rtol, atol)
    edges = ", ".join(f"{edge:.3g}" for edge in inputs["edges"])
    return said and f"for pictures of side {inputs['output'].shape[-1]} and the edges {edges}: {said}"


def judge_slope(inputs, got, wanted):
    """Against a measurement without the formula: the loss with a little more and a little less of the band."""
    said = judge(inputs, got, wanted, rtol=1e9, atol=1e9)
    if said:  # not even the right kind or shape
        return said
    edges, output = inputs["edges"], inputs["output"]
    for b, band in enumerate(bands(output, edges)):
        more, less = (loss_of(output + step * band, inputs["target"]) for step in (STEP, -STEP))
        measured, yours = float(more - less) / (2 * STEP), float(got["g"][b])
        if not abs(yours - measured) <= 1e-4 * abs(measured) + 1e-7:
            return (
                f"g[{b}], frequencies from {edges[b]:.3g} to {edges[b + 1]:.3g}: {STEP:g} more and {STEP:g} less of "
                f"the band change the loss at a rate of {measured:.4g}, yours is {yours:.4g}"
            )
    return None


def loss_of(output: Tensor, target: Tensor) -> Tensor:
    """A smooth L1."""
    return ((output - target).square() + 0.01).sqrt().mean()


def draw_pictures(generator, batch=1, whole=True):
    """Pictures and gradients of unequal strength, with a mean; edges that cover all frequencies, or leave some out."""
    n = int(torch.randint(9, 17, (), generator=generator))
    shape = (batch, 3, n, n)
    strength = 0.5 + torch.rand(batch, 3, 1, 1, generator=generator, dtype=torch.float64)
    output = strength * torch.randn(shape, generator=generator, dtype=torch.float64) + 0.3
    grad = torch.randn(shape, generator=generator, dtype=torch.float64) + 0.4 * output
    count = int(torch.randint(3, 6, (), generator=generator))
    return {"grad": grad, "output": output, "edges": draw_edges(generator, n, count, whole)}


def draw_edges(generator, n: int, count: int, whole: bool) -> list[float]:
    values = radius(n).flatten().sort().values
    gaps = [(a, b) for a, b in zip(values.tolist(), values.tolist()[1:], strict=False) if b - a > 0.02]
    chosen = torch.randperm(len(gaps), generator=generator)[: count + 1].sort().values.tolist()
    edges = [sum(gaps[i]) / 2 for i in chosen]
    return [0.0, *edges[1:-1], BEYOND] if whole else edges


def draw_one(generator):
    return draw_pictures(generator)


def draw_four(generator):
    return draw_pictures(generator, batch=4, whole=False)


def draw_four_whole(generator):
    return draw_pictures(generator, batch=4)


def draw_loss(generator):
    inputs = draw_pictures(generator, batch=2)
    shape = inputs["output"].shape
    target = inputs["output"] + torch.randn(shape, generator=generator, dtype=torch.float64)
    output = inputs["output"].clone().requires_grad_()
    (grad,) = torch.autograd.grad(loss_of(output, target), output)
    return {**inputs, "grad": grad, "target": target}


def draw_energy(generator):
    """L = ½·‖ŷ‖², whose gradient is ŷ."""
    inputs = draw_pictures(generator, batch=2)
    return {**inputs, "grad": inputs["output"].clone()}


GAIN_DERIVATIVE = Exercise(
    id="02.3",
    names=("gain_derivative",),
    reference=(gain_derivative,),
    minutes=15,
    parts=(
        Part(
            "one image: how the loss changes with the gain of each band",
            1,
            draw_one,
            derivatives,
            judge,
            "FFT, keep the coefficients of one band, back to a picture; then its product with the gradient, added up.",
            repeat=4,
        ),
        Part(
            "four images, bands that leave frequencies out",
            1,
            draw_four,
            derivatives,
            judge,
            "One number for each band, whatever the number of images: edges[b] ≤ distance < edges[b + 1].",
            repeat=2,
        ),
        Part(
            "measured: the loss with a little more and a little less of a band",
            1,
            draw_loss,
            derivatives,
            judge_slope,
            "Differentiate L(ŷ + (α − 1)·band) by α: the chain rule gives one product.",
            repeat=2,
        ),
        Part(
            "for L = ½·‖ŷ‖², whose gradient is ŷ itself: the energy of each band",
            1,
            draw_energy,
            derivatives,
            judge,
            "Here every number is a sum of squares: positive, and together the energy of the whole picture.",
            repeat=2,
        ),
        Part(
            "bands that cover everything: together ⟨∂L/∂ŷ, ŷ⟩",
            0,
            draw_four_whole,
            total,
            judge,
            "The bands add up to the picture.",
        ),
    ),
    mistakes=MISTAKES,
)
