"""05.3: a distance of a style code from N(0, 1), and a draw from it that gradients can flow through.

Draws are judged by their moments and by their derivatives, never by their values: students may draw in any order. Of
20,000 draws mean, deviation and correlation stray by less than a fifth of the bands below.
"""

import torch

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson05.style_code_mistakes import MISTAKES, kl, reparameterise

ROWS = 20_000
MEAN, SPREAD, TOGETHER = 0.04, 0.03, 0.05  # bands: of mean and deviation in units of σ, of correlations


def distance_of(inputs, kl, reparameterise):
    return {"kl": kl(inputs["mu"], inputs["logvar"])}


def moments_of(inputs, kl, reparameterise):
    mu, logvar = (inputs[name].repeat(inputs["rows"], 1) for name in ("mu", "logvar"))
    generator = torch.Generator().manual_seed(inputs["seed"])
    draws = [reparameterise(mu, logvar, generator) for _ in range(2)]
    if not all(isinstance(z, torch.Tensor) and z.shape == mu.shape and z.dtype == mu.dtype for z in draws):
        return {"z": draws[0]}
    first, second = ((z.detach() - mu) / (0.5 * logvar).exp() for z in draws)
    noise = first - first.mean(0)
    noise = noise / noise.square().mean(0).sqrt().clamp(min=1e-9)
    return {
        "mean": first.mean(0),
        "deviation": first.std(0, correction=0),
        "of columns": (noise.T @ noise / len(noise)).fill_diagonal_(0).abs().amax(),
        "of neighbours": (noise[1:] * noise[:-1]).mean(0).abs().amax(),
        "again": (first - second).abs().amax(),
    }


def slopes_of(inputs, kl, reparameterise):
    mu, logvar = (inputs[name].requires_grad_() for name in ("mu", "logvar"))
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(inputs["seed"]))
    if not isinstance(z, torch.Tensor) or z.shape != mu.shape or z.dtype != mu.dtype:
        return {"z": z}
    # A zero of each keeps what the result does not depend on inside the graph.
    loss = (z * inputs["weights"]).sum() + 0 * (mu.sum() + logvar.sum())
    by_mu, by_logvar = torch.autograd.grad(loss, (mu, logvar))
    return {"noise": z - mu, "by mu": by_mu / inputs["weights"], "by logvar": by_logvar / inputs["weights"]}


def judge_sum(inputs, got, wanted):
    """Of one image: summed over the batch or not is the next part's question."""
    value = number(got["kl"])
    if value is None:
        return difference(got["kl"], wanted["kl"], 1e-6, 1e-9)
    return difference(value, number(wanted["kl"]), 1e-6, 1e-9)


def odd(inputs, got) -> str | None:
    """What is wrong with the kind of z."""
    if "z" not in got:
        return None
    rows = inputs.get("rows", len(inputs["mu"]))
    return returned(got["z"], f"a tensor {rows}x{inputs['mu'].shape[1]} of {inputs['mu'].dtype}, like mu")


def judge_moments(inputs, got, wanted):
    if said := odd(inputs, got):
        return said
    sigma = (0.5 * inputs["logvar"]).exp()[0]
    mean, deviation = got["mean"], got["deviation"]
    if bool((deviation < 1e-6).all()):
        if bool((mean.abs() < 1e-6).all()):
            return "z is mu itself: no noise is added"
        return (
            "all images of a batch get the same noise: every image has a draw of its own, and every number of its code "
            "too; draw in the shape of mu"
        )
    if not bool(((deviation - 1).abs() <= SPREAD).all()):
        said = (
            f"{inputs['rows']} draws with σ = {brief(sigma)}: their standard deviation is {brief(deviation * sigma)}, "
            f"wanted within {SPREAD:.0%} of σ"
        )
        guesses = (
            (sigma, "that fits σ = exp(logvar), but exp(logvar) is σ²: σ = exp(logvar / 2)"),
            (1 / sigma.square(), "that fits σ = exp(−logvar / 2): there is no minus sign"),
            (sigma.log().mul(2).abs() / sigma, "that fits σ = logvar: logvar is ln σ², so σ = exp(logvar / 2)"),
            (sigma.log().abs() / sigma, "that fits σ = logvar / 2: the exponential is missing"),
            (1 / sigma, "that fits a σ of 1, whatever logvar says"),
            (sigma.sqrt().reciprocal(), "that fits σ = exp(logvar / 4): the root is taken twice"),
            (torch.full_like(sigma, 12**-0.5), "that fits uniform noise: wanted is Gaussian noise, torch.randn"),
        )
        fits = [text for ratio, text in guesses if bool(((deviation / ratio - 1).abs() <= SPREAD).all())]
        return "; ".join([said, *fits[:1]])
    if not bool((mean.abs() <= MEAN).all()):
        return (
            f"{inputs['rows']} draws with μ = {brief(inputs['mu'][0])}: their mean is "
            f"{brief(inputs['mu'][0] + mean * sigma)}; wanted within {MEAN} of a σ"
        )
    if not got["of columns"] <= TOGETHER:
        return "the numbers of a code all get the same noise: each has a draw of its own; draw in the shape of mu"
    if not got["of neighbours"] <= TOGETHER:
        return "images that follow each other get related noise: each has a draw of its own; draw in the shape of mu"
    if not got["again"] > 1e-6:
        return "two calls with one generator gave the same noise: draw from it, and do not set a seed"
    return None


def judge_slopes(inputs, got, wanted):
    if said := odd(inputs, got):
        return said
    noise, by_mu, by_logvar = got["noise"].detach(), got["by mu"], got["by logvar"]
    if not noise.any():
        return "z is mu itself: no noise is added"
    if said := difference(by_mu, torch.ones_like(by_mu), 1e-6, 1e-9, "∂z/∂mu"):
        return said if by_mu.any() else "no gradient arrives at mu"
    if not by_logvar.any():
        return "no gradient arrives at logvar: the encoder would never learn how sure it may be"
    if said := difference(by_logvar, noise / 2, 1e-5, 1e-9, "∂z/∂logvar"):
        fits = difference(by_logvar, noise, 1e-5, 1e-9) is None
        why = "; that fits σ = exp(logvar), but exp(logvar) is σ²: σ = exp(logvar / 2)" if fits else ""
        return f"{said}, where wanted is half of what z lies beside mu{why}"
    return None


def draw_codes(generator, batch=1):
    width = int(torch.randint(3, 7, (), generator=generator))
    signs = torch.rand(batch, width, generator=generator, dtype=torch.float64).sub(0.5).sign()
    size = 0.7 + 1.3 * torch.rand(batch, width, generator=generator, dtype=torch.float64)
    mu = 2 * torch.randn(batch, width, generator=generator, dtype=torch.float64)
    return {"mu": mu, "logvar": signs * size}


def draw_four(generator):
    return draw_codes(generator, batch=4)


def draw_moments(generator):
    return {**draw_codes(generator), "rows": ROWS, "seed": int(torch.randint(2**30, (), generator=generator))}


def draw_slopes(generator):
    inputs = draw_codes(generator, batch=(1, 4)[int(torch.randint(2, (), generator=generator))])
    weights = 1 + torch.rand(inputs["mu"].shape, generator=generator, dtype=torch.float64)
    return {**inputs, "weights": weights, "seed": int(torch.randint(2**30, (), generator=generator))}


def draw_standard(generator):
    return {name: torch.zeros(3, 5, dtype=torch.float64) for name in ("mu", "logvar")}


STYLE_CODE = Exercise(
    id="05.3",
    names=("kl", "reparameterise"),
    reference=(kl, reparameterise),
    minutes=12,
    parts=(
        Part(
            "kl of one image: half the sum over its code of μ² + σ² − 1 − ln σ²",
            1,
            draw_codes,
            distance_of,
            judge_sum,
            "σ² is logvar.exp(), ln σ² is logvar itself.",
            repeat=3,
        ),
        Part(
            "kl of four images: four numbers",
            1,
            draw_four,
            distance_of,
            advice="The sum runs over the code, dimension 1, and over nothing else.",
            repeat=2,
        ),
        Part("kl of codes that are N(0, 1) already: 0", 0, draw_standard, distance_of),
        Part(
            "reparameterise: 20,000 draws have mean μ and standard deviation σ, and each its own noise",
            1,
            draw_moments,
            moments_of,
            judge_moments,
            "z = μ + σ·ε, σ = exp(logvar / 2), ε Gaussian noise in the shape of mu, drawn from generator.",
        ),
        Part(
            "reparameterise: ∂z/∂μ = 1 and ∂z/∂logvar = ½·σ·ε",
            1,
            draw_slopes,
            slopes_of,
            judge_slopes,
            "Both mu and logvar stay in the graph; the noise is a constant.",
            repeat=2,
        ),
    ),
    mistakes=MISTAKES,
)
