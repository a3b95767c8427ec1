"""Common first tries at 05.3, as variations of the right answers, which stand here too, and what is said about each."""

import torch
from torch import Tensor

from gritlib.course.exercise import Mistake


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)


def reparameterise(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype).to(mu.device)
    return mu + (0.5 * logvar).exp() * noise


def each(mu, logvar):
    """The divergence of every single number."""
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def of_each(term=each, *, join=lambda terms: terms.sum(1)):
    return (lambda mu, logvar: join(term(mu, logvar)), None)


def drawing(sigma=lambda logvar: (0.5 * logvar).exp(), *, noise=torch.Tensor.size, add=lambda mu, s, e: mu + s * e):
    """reparameterise with another σ, with noise of another shape (None: none), or put together differently."""

    def reparameterise(mu, logvar, generator):
        epsilon = torch.randn(noise(mu), generator=generator, dtype=mu.dtype) if noise else torch.zeros_like(mu)
        return add(mu, sigma(logvar), epsilon)

    return (None, reparameterise)


def without_way(mu, logvar, generator):
    with torch.no_grad():
        return reparameterise(mu, logvar, generator)


def sampled(mu, logvar, generator):
    return torch.normal(mu, (0.5 * logvar).exp(), generator=generator)


WHOLE_BATCH = (
    "Your distance is summed over the images of the batch too. Equation and code differ here: the equation is about "
    "one image, SPADE's code adds up all images of a batch; this course follows the equation, one number an image, "
    "because the weight 0.05 then means the same with every batch size. Whoever wants a single number takes a mean "
    "later."
)
MEAN_BATCH = (
    "It looks as if the images of the batch are averaged: wanted is one number for each, (B,). What is done with them "
    "is the caller's choice."
)
MEAN_CODE = (
    "It looks as if the numbers of a code are averaged. The divergence of independent numbers is the sum of theirs; "
    "with a mean, the weight 0.05 would mean something else for every length of the code."
)
EVERYTHING = "It looks as if there is one number in all: wanted is one for each image, summed over its code."
SIGN = (
    "It looks as if the sign is the other one. A divergence is never negative: ½·(1 + logvar − μ² − exp(logvar)) is "
    "minus the divergence, a term to be maximised."
)
HALF = "It looks as if the ½ is missing: it stands in front of all four terms."
AS_SIGMA = (
    "It looks as if logvar is taken for ln σ: it is ln σ², so exp(logvar) is σ² already, and its root σ is "
    "exp(logvar / 2)."
)
ONE_NOISE = "One draw serves more than one number of the batch: torch.randn(mu.shape, generator=generator)."
NO_WAY = (
    "It looks as if no gradient can flow: a sample by itself has none. That is what the trick is for: noise without "
    "parameters is drawn first, and z = μ + σ·ε is made of it by a formula."
)

MISTAKES = (
    Mistake(AS_SIGMA, drawing(torch.exp)),
    Mistake(
        "It looks as if logvar itself multiplies the noise: it is ln σ², so σ = exp(logvar / 2).",
        drawing(lambda logvar: logvar),
    ),
    Mistake("It looks as if logvar has the other sign: σ = exp(logvar / 2).", drawing(lambda v: (-0.5 * v).exp())),
    Mistake("It looks as if logvar is not used: σ = exp(logvar / 2) multiplies the noise.", drawing(torch.ones_like)),
    Mistake(ONE_NOISE, drawing(noise=lambda mu: (1, mu.shape[1]))),
    Mistake(ONE_NOISE, drawing(noise=lambda mu: (len(mu), 1))),
    Mistake(ONE_NOISE, drawing(noise=lambda mu: ())),
    Mistake(
        "It looks as if no noise is drawn: without it the encoder's σ has no effect, and every style is one point.",
        drawing(noise=None),
    ),
    Mistake("It looks as if μ is missing.", drawing(add=lambda mu, s, e: s * e)),
    Mistake("It looks as if the noise is added to μ before σ multiplies.", drawing(add=lambda mu, s, e: s * (mu + e))),
    Mistake("It looks as if the noise multiplies μ: z = μ + σ·ε.", drawing(add=lambda mu, s, e: mu * e + s)),
    Mistake(NO_WAY, (None, without_way)),
    Mistake(NO_WAY, (None, sampled)),
    Mistake(
        "It looks as if σ is detached: the encoder's logvar would never learn.",
        drawing(add=lambda mu, s, e: mu + s.detach() * e),
    ),
    Mistake(
        "It looks as if μ is detached: the encoder's mu would never learn.",
        drawing(add=lambda mu, s, e: mu.detach() + s * e),
    ),
    Mistake(HALF, of_each(lambda mu, logvar: 2 * each(mu, logvar))),
    Mistake(SIGN, of_each(lambda mu, logvar: -each(mu, logvar))),
    Mistake(SIGN, of_each(lambda mu, logvar: -2 * each(mu, logvar))),
    Mistake(MEAN_CODE, of_each(join=lambda terms: terms.mean(1))),
    Mistake(WHOLE_BATCH, of_each(join=torch.sum)),
    Mistake(MEAN_BATCH, of_each(join=lambda terms: terms.sum(1).mean())),
    Mistake(EVERYTHING, of_each(join=torch.mean)),
    Mistake(EVERYTHING, of_each(join=lambda terms: terms.sum(0))),
    Mistake(HALF, of_each(lambda mu, logvar: 2 * each(mu, logvar), join=torch.sum)),
    Mistake(SIGN, of_each(lambda mu, logvar: -each(mu, logvar), join=torch.sum)),
    Mistake(AS_SIGMA, of_each(lambda mu, logvar: each(mu, 2 * logvar))),
    Mistake(AS_SIGMA, of_each(lambda mu, logvar: 0.5 * (mu.square() + logvar.exp().square() - 1 - logvar))),
    Mistake(AS_SIGMA, of_each(lambda mu, logvar: each(mu, logvar / 2))),
    Mistake(
        "It looks as if σ stands where σ² should: exp(logvar) is σ², no root of it is taken here.",
        of_each(lambda mu, logvar: 0.5 * (mu.square() + (0.5 * logvar).exp() - 1 - logvar)),
    ),
    Mistake("It looks as if μ is not squared.", of_each(lambda mu, logvar: 0.5 * (mu + logvar.exp() - 1 - logvar))),
    Mistake(
        "It looks as if logvar has the other sign: the last term is minus ln σ².",
        of_each(lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - 1 + logvar)),
    ),
    Mistake(
        "It looks as if the 1 is not taken away: without it the distance of N(0, 1) from itself is not 0.",
        of_each(lambda mu, logvar: 0.5 * (mu.square() + logvar.exp() - logvar)),
    ),
    Mistake(
        "It looks as if this is the distance the other way round, of N(0, 1) from the code: the code's comes "
        "first, D(q ‖ N(0, 1)).",
        of_each(lambda mu, logvar: 0.5 * ((1 + mu.square()) * (-logvar).exp() - 1 + logvar)),
    ),
)
