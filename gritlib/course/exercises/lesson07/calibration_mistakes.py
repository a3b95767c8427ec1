"""Common first tries at 07.1, as variations of the right answer, and what is said about each."""

import torch

from gritlib.course.exercise import Mistake


def correlation(a, b):
    """Over the last dimension."""
    a, b = a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


def by_image(got, true):
    return correlation(got.flatten(1), true.flatten(1)).mean()


def all_pixels(got, true):
    return got.sum() / true.sum()


def calibrating(r=by_image, ratio=all_pixels, first=lambda maps: maps):
    """calibration with one ingredient replaced.

    Args:
        r, ratio: (std map, true map) -> number. first: what is done to both maps before.
    """

    def calibration(std_map, true_std):
        got, true = first(std_map), first(true_std)
        return {"r": r(got, true), "ratio": ratio(got, true)}

    return calibration


def covariance(got, true, divisor=lambda n: n):
    a, b = (x.flatten(1) - x.flatten(1).mean(1, keepdim=True) for x in (got, true))
    return (a * b).sum(1) / divisor(a.shape[1])


def mixed_divisors(got, true):
    """Sum of products by n, standard deviations by n − 1."""
    return (covariance(got, true) / (got.flatten(1).std(1) * true.flatten(1).std(1))).mean()


def cosine(got, true):
    a, b = got.flatten(1), true.flatten(1)
    return ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean()


def ranks(maps):
    return maps.flatten(1).argsort(1).argsort(1).double()


VARIANCE = (
    "It looks as if the maps are squared: both hold standard deviations already, and a variance that is a quarter "
    "stands for half of the spread."
)
PIXEL_RATIOS = (
    "It looks as if pixels are divided one by one. Where the truth does not vary that is a division by 0, and beside "
    "it a small pixel decides as much as a large one: add up each map first, then divide once."
)
IMAGE_RATIOS = (
    "It looks as if each image has a ratio of its own, and these are averaged: ratio divides the sum over all pixels "
    "of all images by the same of the truth."
)
MIXED = (
    "It looks as if one correlation is taken over all pixels of the batch. An image that varies more than another "
    "raises it, though no pixel is in its right place: correlate each image, then average the images."
)
AVERAGED = "It looks as if the maps are averaged over the batch before they are correlated: each image has its own r."
COSINE = (
    "It looks as if the means are not taken away: two maps of positive numbers then agree before anything is known. A "
    "correlation is made of deviations from each image's mean."
)
INVERSE = "It looks as if ratio is upside down: std_map over true_std, so that 0.5 says half of the right spread."
COVARIANCE = (
    "It looks as if r is a covariance, which grows with both maps: divide by both standard deviations over the pixels."
)
DIVISORS = (
    "It looks as if n and n − 1 are mixed: torch.std divides by n − 1, .mean() by n. Take correction=0, or divide by "
    "both norms, where no n is needed."
)
ROWS = "It looks as if each row of pixels has a correlation of its own: take all pixels of an image together."
RANKS = "It looks as if r is that of the ranks: wanted is the plain (Pearson) correlation of the values."
SQUARED = "It looks as if r is squared: the sign of r is lost, and 0.5 reads as 0.25."
SLOPE = "It looks as if ratio is the slope of a fitted line: wanted is sum by sum."
CUT = (
    "It looks as if pixels where the truth does not vary are left out. A network that varies there is wrong there, "
    "and both numbers must see it."
)


def varying_only(got, true):
    return torch.stack([correlation(g[t > 0], t[t > 0]) for g, t in zip(got, true, strict=True)]).mean()


def sum_where_varying(got, true):
    return got[true > 0].sum() / true.sum()


def slope(got, true):
    return (covariance(got, true) / covariance(true, true)).mean()


def of_pixels(got, true):
    return (got / true).mean()


MISTAKES = (
    Mistake(VARIANCE, calibrating(first=torch.square)),
    Mistake(VARIANCE, calibrating(ratio=lambda got, true: got.square().sum() / true.square().sum())),
    Mistake(PIXEL_RATIOS, calibrating(ratio=of_pixels)),
    Mistake(PIXEL_RATIOS, calibrating(ratio=lambda got, true: (got / true)[true > 0].mean())),
    Mistake(PIXEL_RATIOS, calibrating(ratio=lambda got, true: (got / true).nanmean())),
    Mistake(PIXEL_RATIOS, calibrating(ratio=lambda got, true: (got / (true + 1e-8)).mean())),
    Mistake(PIXEL_RATIOS, calibrating(ratio=lambda got, true: (got / (true + 1e-6)).mean())),
    Mistake(IMAGE_RATIOS, calibrating(ratio=lambda got, true: (got.flatten(1).sum(1) / true.flatten(1).sum(1)).mean())),
    Mistake(MIXED, calibrating(lambda got, true: correlation(got.flatten(), true.flatten()))),
    Mistake(AVERAGED, calibrating(lambda got, true: correlation(got.mean(0).flatten(), true.mean(0).flatten()))),
    Mistake(COSINE, calibrating(cosine)),
    Mistake(INVERSE, calibrating(ratio=lambda got, true: true.sum() / got.sum())),
    Mistake(COVARIANCE, calibrating(lambda got, true: covariance(got, true).mean())),
    Mistake(COVARIANCE, calibrating(lambda got, true: covariance(got, true, lambda n: n - 1).mean())),
    Mistake(DIVISORS, calibrating(mixed_divisors)),
    Mistake(ROWS, calibrating(lambda got, true: correlation(got, true).nanmean())),
    Mistake(RANKS, calibrating(lambda got, true: by_image(ranks(got), ranks(true)))),
    Mistake(SQUARED, calibrating(lambda got, true: correlation(got.flatten(1), true.flatten(1)).square().mean())),
    Mistake(SLOPE, calibrating(ratio=slope)),
    Mistake(CUT, calibrating(varying_only)),
    Mistake(CUT, calibrating(ratio=sum_where_varying)),
)
