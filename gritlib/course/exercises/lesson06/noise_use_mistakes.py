"""Common first tries at 06.6, as variations of a right answer, for the public exercise and for a class's."""

import math

import torch
from torch import Tensor

from gritlib.course.exercise import Mistake

PUBLIC = math.inf  # where the fine detail ends


def radius(height: int, width: int) -> Tensor:
    """Distance of each FFT coefficient from frequency 0, in units of Nyquist."""
    fy, fx = (torch.fft.fftfreq(side, dtype=torch.float64) / 0.5 for side in (height, width))
    return torch.hypot(fy[:, None], fx[None])


def fine(images: Tensor, edge: float, upper: float = PUBLIC) -> Tensor:
    """What frequencies from edge to upper, in units of Nyquist, contribute to images (..., H, W)."""
    r = radius(*images.shape[-2:])
    return torch.fft.ifft2(torch.fft.fft2(images) * ((edge <= r) & (r < upper))).real


def spread(draws):
    return draws.std(0).mean(1)


def unbiased(detail):
    return detail.var(0).mean() / detail.square().mean()


def use(*, std=spread, hp=fine, share=unbiased, upper=PUBLIC):
    """noise_use, right or with one ingredient replaced.

    Args:
        std: of draws. hp: of (draws, edge, upper). share: of hp(draws). upper: where the fine detail ends.
    """

    def noise_use(draws, edge=0.5):
        return std(draws), share(hp(draws, edge, upper)).item()

    return noise_use


def square_ring(images, edge, upper):
    fy, fx = (torch.fft.fftfreq(side, dtype=torch.float64).abs() / 0.5 for side in images.shape[-2:])
    r = torch.maximum(fy[:, None], fx[None])
    return torch.fft.ifft2(torch.fft.fft2(images) * ((edge <= r) & (r < upper))).real


def of_radius(scale):
    """The band with distances in another unit."""

    def hp(images, edge, upper):
        return fine(images, edge * scale, upper * scale)

    return hp


def low(images, edge, upper):
    return images - fine(images, edge)


def strictly_centred(images, edge, upper):
    """A mask with frequency 0 in the middle, on a spectrum that has it in the corner."""
    r = torch.fft.fftshift(radius(*images.shape[-2:]))
    return torch.fft.ifft2(torch.fft.fft2(images) * ((edge <= r) & (r < upper))).real


def without_mean(images, edge, upper):
    """Everything but frequency 0."""
    return images - images.mean((-2, -1), keepdim=True)


def var_of_images(x):
    """Variance over the images instead of the draws, NaN of a single one, as torch.var gives with a warning."""
    return (x - x.mean(1, keepdim=True)).square().sum(1) / torch.tensor(x.shape[1] - 1.0)


def of_grey(draws):
    return draws.mean(2).std(0)


ALL_BANDS = (
    "It looks as if all frequencies count. Then the share is mostly about the coarse layout, which the input decides, "
    "and it is small whatever the noise does: both parts of the ratio come after the high-pass."
)
UNIT = (
    "It looks as if the edge is in another unit: torch.fft.fftfreq gives cycles a pixel, up to 0.5, and Nyquist is "
    "0.5, so edge times Nyquist is edge / 2."
)
SQUARE = "It looks as if the edge is a square: the distance of a frequency from 0 is the hypot of both its parts."
LOW = "It looks as if the frequencies below the edge are kept: fine detail is above it."
SHIFT = (
    "It looks as if mask and spectrum are laid out differently: fft2 has frequency 0 in the corner, as fftfreq has it; "
    "fftshift moves it to the middle, of both or of neither."
)
BIASED = (
    "It looks as if the squared distances are divided by n. They are taken from the mean of the same few draws, to "
    "which each is a little too near: n − 1 makes up for that, and a share of pure noise is then 1."
)
OVER_BATCH = (
    "It looks as if the deviation runs over the images: it runs over the draws, dimension 0 of (n, B, C, H, W)."
)
GREY_FIRST = (
    "It looks as if the channels are averaged before the deviation is taken: colours that move against each other then "
    "cancel. First the deviation of each channel, then their mean."
)
ROOT_MEAN = (
    "It looks as if variances are averaged over the channels, and the root comes last: wanted is the mean of the "
    "channels' standard deviations."
)
RATIOS = (
    "It looks as if a ratio is taken at each place or for each image and averaged: where there is hardly any detail it "
    "would count as much as elsewhere. Average numerator and denominator first, then divide once."
)
DENOMINATOR = (
    "It looks as if the denominator is another one: it is the mean square of the high-passed draws themselves, which "
    "contains both what they share and what noise adds."
)


def per(dims):
    return lambda d: (d.var(0).mean(dims) / d.square().mean(0).mean(dims)).mean()


def mistakes(upper: float) -> tuple[Mistake, ...]:
    """What is said in a class whose fine detail ends at this frequency."""

    def wrong(message: str, **change) -> Mistake:
        return Mistake(message, use(upper=upper, **change))

    first = ()
    if upper != PUBLIC:
        first = (
            Mistake(
                "This is the public version, whose fine detail has no upper end. In your class it ends at "
                f"{upper:g} times Nyquist: see the last sentence of the docstring.",
                use(),
            ),
        )
    return (
        *first,
        wrong(OVER_BATCH, std=lambda d: var_of_images(d).sqrt().mean(1)),
        wrong(OVER_BATCH, std=lambda d: d.std((0, 1)).mean(0).expand(d.shape[1], -1, -1)),
        wrong(OVER_BATCH, std=lambda d: d.std((0, 1)).mean(0)),
        wrong(GREY_FIRST, std=of_grey),
        wrong(GREY_FIRST, std=lambda d: d.mean(2).std(0, correction=0)),
        wrong(ROOT_MEAN, std=lambda d: d.var(0).mean(1).sqrt()),
        wrong(ROOT_MEAN, std=lambda d: d.var(0, correction=0).mean(1).sqrt()),
        wrong(BIASED, std=lambda d: d.std(0, correction=0).mean(1)),
        wrong("It looks as if the map is a variance: its root is missing.", std=lambda d: d.var(0).mean(1)),
        wrong(
            "It looks as if draws and channels share one deviation: the channels' own means would count as noise. "
            "First each channel over the draws, then the mean over channels.",
            std=lambda d: d.std((0, 2)),
        ),
        wrong("It looks as if the channels are kept: the map has their mean, (B, H, W).", std=lambda d: d.std(0)),
        wrong(
            "It looks as if the deviation runs over the channels: it runs over the draws.",
            std=lambda d: d.std(2).mean(0),
        ),
        wrong(
            "It looks as if absolute distances from the mean are averaged: wanted is the standard deviation.",
            std=lambda d: (d - d.mean(0)).abs().mean(0).mean(1),
        ),
        wrong(
            "It looks as if the map is made of the fine detail: the standard deviation is of the draws as they are.",
            std=lambda d: spread(fine(d, 0.5, upper)),
        ),
        wrong(ALL_BANDS, hp=lambda d, edge, end: d),
        wrong(ALL_BANDS, hp=without_mean),
        wrong(LOW, hp=low),
        wrong(
            "It looks as if edge is always 0.5: that is only its default.",
            hp=lambda d, edge, end: fine(d, 0.5, end),
        ),
        wrong(UNIT, hp=of_radius(2)),
        wrong(UNIT, hp=of_radius(math.sqrt(2))),
        wrong(UNIT, hp=of_radius(0.5)),
        wrong(SQUARE, hp=square_ring),
        wrong(SHIFT, hp=strictly_centred),
        wrong(BIASED, share=lambda d: d.var(0, correction=0).mean() / d.square().mean()),
        wrong(RATIOS, share=per((1, 2, 3))),
        wrong(RATIOS, share=per((0, 2, 3))),
        wrong(RATIOS, share=per((2, 3))),
        wrong(RATIOS, share=lambda d: (d.var(0) / d.square().mean(0)).mean()),
        wrong(
            "It looks as if the deviation runs over the images in the share: draws of one image are compared.",
            share=lambda d: var_of_images(d).mean() / d.square().mean(),
        ),
        wrong(
            "It looks as if everything that varies counts, over images, channels and pixels too: what the draws of one "
            "image have in common is not the noise's.",
            share=lambda d: d.var() / d.square().mean(),
        ),
        wrong(
            "It looks as if standard deviations are compared instead of powers: the root of the share.",
            share=lambda d: unbiased(d).sqrt(),
        ),
        wrong(
            "It looks as if standard deviations are averaged instead of variances.",
            share=lambda d: d.std(0).mean() / d.square().mean().sqrt(),
        ),
        wrong(
            "It looks as if the fraction is upside down: the noise's part stands above.",
            share=lambda d: 1 / unbiased(d),
        ),
        wrong(
            "It looks as if this is the part that the draws share: 1 minus it is the noise's.",
            share=lambda d: 1 - unbiased(d),
        ),
        wrong(DENOMINATOR, share=lambda d: d.var(0).mean() / d.mean(0).square().mean()),
        wrong(DENOMINATOR, share=lambda d: d.var(0).mean() / (d.var(0).mean() + d.mean(0).square().mean())),
        wrong(DENOMINATOR, share=lambda d: d.var(0).mean() / d.var()),
        wrong(DENOMINATOR, share=lambda d: d.var(0).mean() / d[0].square().mean()),
        Mistake(
            "It looks as if the fine detail is compared with all of the picture: the mean square below the bar is of "
            "the high-passed draws too.",
            lambda draws, edge=0.5: (
                spread(draws),
                (fine(draws, edge, upper).var(0).mean() / draws.square().mean()).item(),
            ),
        ),
        Mistake(
            "It looks as if the two results are exchanged: first the std map, then the share.",
            lambda draws, edge=0.5: use(upper=upper)(draws, edge)[::-1],
        ),
    )
