"""Common first tries at 02.3."""

from itertools import pairwise

import torch
from torch.nn import functional as F

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson02.bands import bands, gain_derivative, radius


def of_bands(value, radii=None, back=torch.real):
    """gain_derivative with one ingredient replaced: the number of a pair of gradient and band, the distances of the
    frequencies from 0 (a function of the side), the way back from the FFT."""

    def gain_derivative(grad, output, edges):
        r = radii(output.shape[-1]) if radii else None
        return torch.stack([value(grad, band) for band in bands(output, edges, r, back)])

    return gain_derivative


def dot(grad, band):
    return (grad * band).sum()


def grid(axis):
    """Distances from 0 of a picture whose rows and columns have these frequencies, in units of Nyquist."""
    return lambda n: torch.hypot(axis(n)[:, None], axis(n)[None])


def along(n):
    return torch.fft.fftfreq(n, dtype=torch.float64) / 0.5


def half_shown(n):
    """Only frequencies to the right; the rest beyond every band."""
    return torch.where(along(n)[None] >= 0, radius(n), 9.0)


def quarter_shown(n):
    return torch.where(along(n)[:, None] >= 0, half_shown(n), 9.0)


def shifted(axis):
    """A mask that is made for the shifted spectrum and shifted back."""
    return lambda n: torch.fft.ifftshift(grid(axis)(n))


def sums(products, radii, edges):
    """Of one number for each FFT coefficient."""
    pairs = pairwise(edges)
    return torch.stack([products[..., (low <= radii) & (radii < high)].sum() for low, high in pairs])


def half_spectrum(grad, output, edges):
    a, b, n = torch.fft.rfft2(grad), torch.fft.rfft2(output), output.shape[-1]
    return sums((a.conj() * b).real / n**2, radius(n)[:, : n // 2 + 1], edges)


def not_conjugated(grad, output, edges):
    n = output.shape[-1]
    return sums((torch.fft.fft2(grad) * torch.fft.fft2(output)).real / n**2, radius(n), edges)


def mean_of_rings(grad, output, edges):
    counts = sums(torch.ones_like(radius(output.shape[-1])), radius(output.shape[-1]), edges)
    return gain_derivative(grad, output, edges) / counts


def magnitudes(grad, output, edges):
    n = output.shape[-1]
    return sums(torch.fft.fft2(grad).abs() * torch.fft.fft2(output).abs() / n**2, radius(n), edges)


def low_passes(grad, output, edges):
    return gain_derivative(grad, output, [0.0, *edges]).cumsum(0)[1:]


def cosine_of_bands(grad, output, edges):
    pairs = zip(bands(grad, edges), bands(output, edges), strict=True)
    return torch.stack([dot(a, b) / (a.norm() * b.norm()) for a, b in pairs])


def colours_first(grad, output, edges):
    return gain_derivative(grad.mean(1, keepdim=True), output.mean(1, keepdim=True), edges)


def batch_first(grad, output, edges):
    return gain_derivative(grad.mean(0, keepdim=True), output.mean(0, keepdim=True), edges)


HALF = (
    "It looks as if only one half of the frequencies is in the mask. A real picture has every frequency twice, at "
    "(fy, fx) and at (−fy, −fx): the distance from 0 is the same for both, so a mask by distance has both."
)
OFF_CENTRE = (
    "It looks as if the distances are not measured from frequency 0, so the mask is not symmetric and the way back "
    "leaves an imaginary rest. Print the distance that belongs to frequency 0: it must be exactly 0. Where frequency 0 "
    "stands depends on fftshift, and for odd sides on rounding."
)
AVERAGED = (
    "It looks as if you average where you should add up: the derivative by α is the sum of what every pixel of every "
    "image contributes. If the loss is a mean, its gradient is divided by their number already."
)
COSINE = (
    "It looks as if you divide by lengths, as for a cosine. Wanted is the plain product: it says how much the loss "
    "changes with the band's gain, and a band that is hardly there must count little."
)
UNITS = (
    "It looks as if frequencies are counted in another unit. The distances are in units of the Nyquist frequency, "
    "which is half a period a pixel: along one axis they end at 1, in the corners at √2. "
)

MISTAKES = (
    Mistake(COSINE, of_bands(lambda grad, band: dot(grad, band) / (grad.norm() * band.norm()))),
    Mistake(COSINE, of_bands(lambda grad, band: dot(grad, band) / band.norm())),
    Mistake(COSINE, of_bands(lambda grad, band: dot(grad, band) / grad.norm())),
    Mistake(COSINE, cosine_of_bands),
    Mistake(COSINE, of_bands(lambda grad, band: F.cosine_similarity(grad.flatten(1), band.flatten(1)).mean())),
    Mistake(
        "The sign is turned: a positive number says that the loss grows when the band's gain α grows.",
        of_bands(lambda grad, band: -dot(grad, band)),
    ),
    Mistake(
        "It looks as if absolute values are added up. Pixels where the loss wants more of the band and pixels where "
        "it wants less must cancel: keep the signs.",
        of_bands(lambda grad, band: (grad * band).abs().sum()),
    ),
    Mistake(
        "It looks as if the result is made positive. Its sign says whether the loss wants less of the band (+) or "
        "more (−): keep it.",
        of_bands(lambda grad, band: dot(grad, band).abs()),
    ),
    Mistake(
        "It looks as if the masked coefficients are not brought back: the gradient belongs to pixels, so it is "
        "multiplied with the band as a picture.",
        of_bands(dot, back=lambda band: torch.fft.fft2(band).real),
    ),
    Mistake(
        "It looks as if FFT coefficients are multiplied as they are. The sum of products of two pictures is the sum of "
        "their coefficients' products with one of the two complex conjugated.",
        not_conjugated,
    ),
    Mistake(
        "It looks as if a mean is taken over each band's coefficients. A spectrum is such a mean; here the band's "
        "total counts, so that the bands add up to the whole.",
        mean_of_rings,
    ),
    Mistake(
        "It looks as if magnitudes |F| are multiplied: then it is lost whether gradient and picture agree in phase.",
        magnitudes,
    ),
    Mistake(
        "It looks as if the way back from the FFT ends with the magnitude, .abs(): it makes negative pixels "
        "positive. With a symmetric mask the imaginary part is zero to rounding; take .real.",
        of_bands(dot, back=torch.abs),
    ),
    Mistake(
        "This is the energy of each band of the output: the gradient is not used.",
        of_bands(lambda grad, band: band.square().sum()),
    ),
    Mistake(AVERAGED, of_bands(lambda grad, band: (grad * band).mean())),
    Mistake(AVERAGED, of_bands(lambda grad, band: dot(grad, band) / len(grad))),
    Mistake(AVERAGED, of_bands(lambda grad, band: dot(grad, band) / grad[0, 0].numel())),
    Mistake(
        "It looks as if colours are averaged before the product: what differs between them cancels. Multiply "
        "first, then add up over everything.",
        colours_first,
    ),
    Mistake(
        "It looks as if images are averaged before the product: what differs between them cancels. Multiply "
        "first, then add up over everything.",
        batch_first,
    ),
    Mistake(
        "It looks as if the product is taken between FFT coefficients without dividing by N²: torch's fft2 makes "
        "sums of products N·N times larger; with norm='ortho' they stay.",
        of_bands(lambda grad, band: dot(grad, band) * grad.shape[-1] ** 2),
    ),
    Mistake(
        UNITS + "fftfreq gives periods a pixel, which end at 0.5.",
        of_bands(dot, grid(lambda n: along(n) / 2)),
    ),
    Mistake(UNITS + "It looks as if your corners are at 1.", of_bands(dot, lambda n: radius(n) / 2**0.5)),
    Mistake(UNITS, of_bands(dot, grid(lambda n: 2 * along(n)))),
    Mistake(
        "The rings are squares: a diagonal frequency of (f, f) lies at a distance of f·√2 from 0, not f.",
        of_bands(dot, lambda n: torch.maximum(along(n).abs()[:, None], along(n).abs()[None])),
    ),
    Mistake(
        "The rings are diamonds: the distance of (f, f) from 0 is f·√2, not 2·f.",
        of_bands(dot, lambda n: along(n).abs()[:, None] + along(n).abs()[None]),
    ),
    Mistake(HALF, of_bands(dot, half_shown)),
    Mistake(HALF, of_bands(dot, quarter_shown)),
    Mistake(HALF, half_spectrum),
    Mistake(OFF_CENTRE, of_bands(dot, lambda n: torch.fft.fftshift(radius(n)))),
    Mistake(OFF_CENTRE, of_bands(dot, shifted(lambda n: torch.linspace(-1, 1, n, dtype=torch.float64)))),
    Mistake(OFF_CENTRE, of_bands(dot, shifted(lambda n: (torch.arange(n) - n / 2).double() / (n / 2)))),
    Mistake("It looks as if each band begins at frequency 0: it holds what all bands below it hold too.", low_passes),
)
