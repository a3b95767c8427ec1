"""Common first tries at 07.2, as variations of the right answer, and what is said about each."""

import torch

from gritlib.course.exercise import Mistake


def distance(a, b):
    return (a - b).abs().mean()


def median_cost(samples):
    return distance(samples, samples.median(0).values)


def pairs(samples):
    """Mean over pairs of two different draws, for each pixel. In order of size the k-th of n is the larger one in k
    pairs and the smaller one in n − 1 − k."""
    n = len(samples)
    times = 2 * torch.arange(n, dtype=samples.dtype) - (n - 1)
    return torch.tensordot(times, samples.sort(0).values, 1) / (n * (n - 1) / 2)


def pair_cost(samples):
    return pairs(samples).mean()


def costing(best=median_cost, sampler=pair_cost, ratio=lambda best, sampler: sampler / best):
    """sampler_cost with one ingredient replaced.

    Args:
        best, sampler: samples -> number. ratio: of both.
    """

    def sampler_cost(samples):
        values = best(samples), sampler(samples)
        return {"best": values[0], "sampler": values[1], "ratio": ratio(*values)}

    return sampler_cost


def squares(samples):
    return 2 * samples.var(0).mean()


def with_itself(samples):
    return pair_cost(samples) * (len(samples) - 1) / len(samples)


def neighbours(samples):
    return distance(samples[1:], samples[:-1])


def ring(samples):
    return distance(samples, samples.roll(1, 0))


def halves(samples):
    half = len(samples) // 2
    return distance(samples[:half], samples[half : 2 * half])


def of_pixels(samples):
    """Ratios one by one."""
    return pairs(samples) / (samples - samples.median(0).values).abs().mean(0)


def ratio_of_pixels(average):
    def sampler_cost(samples):
        right = costing()(samples)
        return {**right, "ratio": average(of_pixels(samples))}

    return sampler_cost


def over_batch(samples):
    """Images taken for draws."""
    return samples.transpose(0, 1)


def one_median(samples):
    return distance(samples, samples.median())


def root(samples):
    return (samples - samples.mean(0)).square().mean().sqrt()


def best_of_the_draws(samples):
    return torch.stack([distance(samples, draw) for draw in samples]).min()


ITSELF = (
    "It looks as if each draw is paired with itself too: n of the n² differences are 0, and the mean comes out lower "
    "by a factor (n − 1)/n. Two people drawn from p(y|x) are two draws: divide by n·(n − 1)."
)
HALF = (
    "It looks as if pairs are counted once and divided by n·(n − 1), or counted twice and divided by half of it: there "
    "are n·(n − 1)/2 pairs without order."
)
MEAN = (
    "It looks as if best is measured from the mean: that is the constant of the squared error. The one that costs "
    "least in L1 is the median, as 02.1 found."
)
L2 = "It looks as if differences are squared: wanted is L1, absolute differences. In squares the ratio is always 2."
ROOTS = "It looks as if the root of mean squares is taken: wanted is L1, the mean of absolute differences."
BATCH = (
    "It looks as if the images of the batch are taken for draws: dimension 0 counts draws of the same input, "
    "dimension 1 different inputs."
)
PIXELS = (
    "It looks as if one median is taken over everything: each pixel of each channel of each image has its own, over "
    "the draws: samples.median(0).values."
)
FEW = (
    "It looks as if only some pairs are compared, such as neighbours. That has the same expectation and scatters more: "
    "wanted is the mean over all pairs."
)
RATIOS = (
    "It looks as if pixels are divided one by one and then averaged. Where no draw differs that is 0/0, and elsewhere "
    "it is another number: divide the two means."
)
INVERSE = "It looks as if ratio is upside down: sampler / best, 1.41 for Gaussian detail."
CONFUSED = "It looks as if best and sampler are exchanged: best is the smaller one, measured from the median."
DRAW = (
    "It looks as if best is the cost of the best draw. The best answer need not be a draw: the median of each pixel, "
    "blurred as it is, costs less than any sharp picture."
)
SUMS = "It looks as if differences are added up over pixels: wanted are means."
GREY = "It looks as if the result is in grey levels: best and sampler keep the unit of the samples."
PAIRED = "It looks as if sampler compares a draw with the median: it compares two draws."

MISTAKES = (
    Mistake(ITSELF, costing(sampler=with_itself)),
    Mistake(HALF, costing(sampler=lambda samples: pair_cost(samples) / 2)),
    Mistake(HALF, costing(sampler=lambda samples: 2 * pair_cost(samples))),
    Mistake(MEAN, costing(lambda samples: distance(samples, samples.mean(0)))),
    Mistake(L2, costing(sampler=squares)),
    Mistake(L2, costing(lambda samples: (samples - samples.mean(0)).square().mean(), squares)),
    Mistake(L2, costing(lambda samples: (samples - samples.median(0).values).square().mean(), squares)),
    Mistake(L2, costing(lambda samples: (samples - samples.median(0).values).square().mean())),
    Mistake(ROOTS, costing(root)),
    Mistake(ROOTS, costing(root, lambda samples: squares(samples).sqrt())),
    Mistake(BATCH, lambda samples: costing()(over_batch(samples))),
    Mistake(BATCH, costing(lambda samples: median_cost(over_batch(samples)))),
    Mistake(BATCH, costing(sampler=lambda samples: pair_cost(over_batch(samples)))),
    Mistake(PIXELS, costing(one_median)),
    Mistake(FEW, costing(sampler=neighbours)),
    Mistake(FEW, costing(sampler=ring)),
    Mistake(FEW, costing(sampler=halves)),
    Mistake(FEW, costing(sampler=lambda samples: distance(samples[0], samples[1]))),
    Mistake(FEW, costing(sampler=lambda samples: distance(samples[1:], samples[:1]))),
    Mistake(RATIOS, ratio_of_pixels(torch.mean)),
    Mistake(RATIOS, ratio_of_pixels(torch.nanmean)),
    Mistake(INVERSE, costing(ratio=lambda best, sampler: best / sampler)),
    Mistake(CONFUSED, costing(pair_cost, median_cost)),
    Mistake(DRAW, costing(best_of_the_draws)),
    Mistake(SUMS, costing(*(lambda samples, f=f: f(samples) * samples[0].numel() for f in (median_cost, pair_cost)))),
    Mistake(GREY, costing(*(lambda samples, f=f: 127.5 * f(samples) for f in (median_cost, pair_cost)))),
    Mistake(PAIRED, costing(sampler=median_cost)),
)
