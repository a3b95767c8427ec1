"""Common first tries at 07.5, as variations of the right answer, and what is said about each."""

import torch

from gritlib.course.exercise import Mistake

GREY = 127.5


def axes(size, dtype):
    fy, fx = (2 * torch.fft.fftfreq(n, dtype=dtype).abs() for n in size)
    return fy[:, None], fx


def disc(size, dtype):
    return torch.hypot(*axes(size, dtype))


def square(size, dtype):
    return torch.maximum(*axes(size, dtype))


def diamond(size, dtype):
    return sum(axes(size, dtype))


def below(frequency, edge):
    return frequency < edge


def summed(power, low):
    return power[..., low].sum() / power.sum()


def power_of(residual):
    return torch.fft.fft2(residual).abs().square()


def of_means(residual):
    return GREY * residual.mean((2, 3)).abs().mean()


def sharing(
    frequency,
    *,
    keep=below,
    power=power_of,
    share=summed,
    colour=of_means,
    first=lambda residual: residual,
    shifted=False,
):
    """low_share with one ingredient replaced.

    Args:
        frequency: (size, dtype) -> of each coefficient. keep: (frequency, edge) -> mask. power: residual -> of each
            coefficient. share: (power, mask) -> number. colour: residual -> number. first: what is done to the
            residual before. shifted: the spectrum is shifted, its frequencies are not.
    """

    def low_share(residual, edge=0.1):
        residual = first(residual)
        values = power(residual)
        if shifted:
            values = torch.fft.fftshift(values, dim=(-2, -1))
        mask = keep(frequency(residual.shape[-2:], residual.dtype), edge)
        return {"share": share(values, mask), "colour": colour(residual)}

    return low_share


def without_mean(frequency, edge):
    return (frequency < edge) & (frequency > 0)


def by_image(power, low):
    return (power[..., low].sum((1, 2)) / power.sum((1, 2, 3))).mean()


def by_channel(power, low):
    return (power[..., low].sum(2) / power.sum((2, 3))).mean()


def half_spectrum(frequency):
    """With rfft2, most of whose columns stand for two coefficients, and nobody said so."""

    def power(residual):
        whole = torch.fft.fft2(residual).abs().square()
        whole[..., residual.shape[-1] // 2 + 1 :] = 0
        return whole

    return sharing(frequency, power=power)


ABS = (
    "It looks as if the absolute value comes before the mean: that is how strong the residual is, detail and all. A "
    "shift of the colour is what is left when detail cancels: the mean over the pixels first, then its absolute value."
)
AMPLITUDE = (
    "It looks as if amplitudes are added up: their sums are no energies and depend on how many coefficients there are. "
    "Power is the square, |F|², and adds up to the sum of squares of the pixels."
)
ROOT = "It looks as if share has a root: it is power by power."
CLAMPED = (
    "It looks as if the residual is clamped first. It is not an image: it may be larger than 1, since only the "
    "sum must look real."
)
UNITS = (
    "It looks as if colour is in units of [-1, 1]: one unit is 127.5 grey levels, as L1 in the tables of this course."
)
UNITS_255 = "It looks as if colour is multiplied by 255: from -1 to 1 are two units, so one unit is 127.5 grey levels."
SIGNED = (
    "It looks as if colour keeps its sign, or loses it after averaging: redder in one channel and greener in another "
    "then cancel. Each channel of each image has its own absolute value; average these."
)
GREY_FIRST = (
    "It looks as if channels are averaged before the absolute value: a shift from red to blue would count as 0."
)
BATCH_FIRST = (
    "It looks as if images are averaged before the absolute value: one image that turns warmer and one that turns "
    "colder would count as 0."
)
IMAGES = (
    "It looks as if each image or channel has a share of its own, and these are averaged: share divides the low power "
    "of all by the power of all."
)
CYCLES = (
    "It looks as if edge is measured in cycles a pixel, of which Nyquist is 0.5: torch.fft.fftfreq gives those; times "
    "2 they are relative to Nyquist."
)
PUBLIC = "This is the public version, in which a frequency counts by its distance from 0: see the docstring."
SHAPE = (
    "It looks as if {shape} decides which frequencies are low: a frequency counts by its distance from 0, whatever the "
    "direction. torch.hypot(fy[:, None], fx) gives it."
)
HIGH = "It looks as if the high frequencies are counted: share is what lies below edge."
NO_MEAN = "It looks as if the mean is left out of the low power: a colour shift is the lowest frequency of all."
NO_MEAN_AT_ALL = (
    "It looks as if the mean is taken away before the transform: a colour shift is the lowest frequency of all, and it "
    "counts in both powers."
)
SHIFTED = (
    "It looks as if fftshift moved the spectrum but not the frequencies: fftfreq is in the order of fft2, its zero "
    "first. Shift both or neither."
)
HALF = (
    "It looks as if rfft2's half spectrum is added up as it is: most of its columns stand for two coefficients, f and "
    "−f. Take fft2, or count those columns twice."
)
SPREAD = "It looks as if colour is a standard deviation: wanted is the size of the means."
EDGE = "edge is not used: 0.1 is only its default."
ORDINARY = "It looks as if a mean of coefficients stands where their sum belongs: there are many more fine ones."
POWER_COLOUR = "It looks as if colour is made of squares: wanted is the mean of absolute values."


def shapes():
    """First tries at a disc."""
    return (
        Mistake(SHAPE.format(shape="the larger of both components"), sharing(square)),
        Mistake(SHAPE.format(shape="the sum of both components"), sharing(diamond)),
    )


def mistakes(frequency) -> tuple[Mistake, ...]:
    first = shapes() if frequency is disc else (Mistake(PUBLIC, sharing(disc)),)
    return (
        *first,
        Mistake(ABS, sharing(frequency, colour=lambda r: GREY * r.abs().mean())),
        Mistake(AMPLITUDE, sharing(frequency, power=lambda r: torch.fft.fft2(r).abs())),
        Mistake(ROOT, sharing(frequency, share=lambda power, low: summed(power, low).sqrt())),
        Mistake(CLAMPED, sharing(frequency, first=lambda r: r.clamp(-1, 1))),
        Mistake(CLAMPED, sharing(frequency, first=torch.tanh)),
        Mistake(UNITS, sharing(frequency, colour=lambda r: of_means(r) / GREY)),
        Mistake(UNITS, sharing(frequency, colour=lambda r: r.abs().mean())),
        Mistake(UNITS_255, sharing(frequency, colour=lambda r: 2 * of_means(r))),
        Mistake(SIGNED, sharing(frequency, colour=lambda r: GREY * r.mean())),
        Mistake(SIGNED, sharing(frequency, colour=lambda r: GREY * r.mean().abs())),
        Mistake(GREY_FIRST, sharing(frequency, colour=lambda r: GREY * r.mean((1, 2, 3)).abs().mean())),
        Mistake(BATCH_FIRST, sharing(frequency, colour=lambda r: GREY * r.mean((0, 2, 3)).abs().mean())),
        Mistake(IMAGES, sharing(frequency, share=by_image)),
        Mistake(IMAGES, sharing(frequency, share=by_channel)),
        Mistake(CYCLES, sharing(lambda size, dtype: frequency(size, dtype) / 2)),
        Mistake(CYCLES, sharing(lambda size, dtype: 2 * frequency(size, dtype))),
        Mistake(HIGH, sharing(frequency, keep=lambda f, edge: f >= edge)),
        Mistake(NO_MEAN, sharing(frequency, keep=without_mean)),
        Mistake(NO_MEAN_AT_ALL, sharing(frequency, power=lambda r: power_of(r - r.mean((2, 3), keepdim=True)))),
        Mistake(SHIFTED, sharing(frequency, shifted=True)),
        Mistake(HALF, half_spectrum(frequency)),
        Mistake(SPREAD, sharing(frequency, colour=lambda r: GREY * r.std())),
        Mistake(SPREAD, sharing(frequency, colour=lambda r: GREY * r.mean((2, 3)).std())),
        Mistake(EDGE, lambda residual, edge=0.1: sharing(frequency)(residual, 0.1)),
        Mistake(ORDINARY, sharing(frequency, share=lambda power, low: power[..., low].mean() / power.mean())),
        Mistake(ORDINARY, sharing(frequency, share=lambda power, low: power[..., low].mean() / power.sum())),
        Mistake(POWER_COLOUR, sharing(frequency, colour=lambda r: GREY * r.mean((2, 3)).square().mean())),
        Mistake(POWER_COLOUR, sharing(frequency, colour=lambda r: GREY * r.mean((2, 3)).square().mean().sqrt())),
    )
