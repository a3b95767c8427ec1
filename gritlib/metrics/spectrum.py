"""Frequency spectrum by azimuthal averaging (GRIT section 4.4, after Schwarz et al. 2021): how much power an image has
at each spatial frequency, whatever its direction."""

import functools

import torch
from torch import Tensor

FLOOR = 1e-12  # power below this is rounding


@functools.lru_cache(maxsize=8)
def _radius(n: int) -> Tensor:
    """Integer radius of each coefficient of the shifted spectrum of an n-pixel image, Nyquist on both sides."""
    k = torch.arange(-(n // 2), n // 2 + 1)
    return torch.hypot(k[:, None].double(), k[None].double()).round().long()


def power_spectrum(images: Tensor) -> Tensor:
    """Centred 2-D power spectrum, mean over channels and images: (n', n') for square images of side n, n' = n or n + 1.

    Normalised so that white noise of variance σ² is flat at σ². For even sides the Nyquist row and column stand on both
    sides, which makes the spectrum symmetric.

    Raises:
        ValueError: images that are not square.
    """
    n = images.shape[-1]
    if images.shape[-2] != n:
        raise ValueError(f"spectrum of {images.shape[-2]}x{n} images: they must be square, crop or resize them first")
    power = torch.fft.fft2(images.double(), norm="ortho").abs().square().mean((0, 1))
    power = torch.fft.fftshift(power)
    if n % 2 == 0:
        power = torch.cat([power, power[:1]], 0)
        power = torch.cat([power, power[:, :1]], 1)
    return power


class MeanSpectrum:
    """Mean power spectrum of images that arrive in batches; two of them compare like two tensors of images.

    Attributes:
        n: images so far. grid: centred 2-D spectrum, (n', n'). frequency, power: rings, as `radial_spectrum`.
    """

    def __init__(self, images: Tensor | None = None):
        self.n, self.grid = 0, None
        if images is not None:
            self.update(images)

    @torch.no_grad()
    def update(self, images: Tensor) -> "MeanSpectrum":
        """Add images (B, C, N, N).

        Raises:
            ValueError: images that are not square or of another shape than before.
        """
        if images.ndim != 4 or (self.n and tuple(images.shape[1:]) != self.shape):
            before = f" {self.shape} as before" if self.n else ""
            raise ValueError(f"images of shape {tuple(images.shape)}: needed are (B, C, N, N){before}")
        if len(images):
            grid, self.shape, self.n = power_spectrum(images), tuple(images.shape[1:]), self.n + len(images)
            old = grid if self.grid is None else self.grid
            self.grid = old + (grid - old) * (len(images) / self.n)
        return self

    @property
    def side(self) -> int:
        if not self.n:
            raise ValueError("no images yet: a spectrum needs one or more")
        return self.shape[-1]

    @property
    def frequency(self) -> Tensor:
        rings = int(_radius(self.side).max()) + 1
        return torch.arange(rings, dtype=torch.float64, device=self.grid.device) / (self.side / 2)

    @property
    def power(self) -> Tensor:
        return self.rings(torch.ones_like(self.grid))

    def rings(self, weight: Tensor) -> Tensor:
        """Weighted mean of the 2-D spectrum over rings of integer radius."""
        radius = _radius(self.side).to(self.grid.device).flatten()
        zero = torch.zeros(int(radius.max()) + 1, dtype=torch.float64, device=self.grid.device)
        total = zero.index_add(0, radius, (self.grid * weight).flatten())
        return total / zero.index_add(0, radius, weight.flatten())


def radial_spectrum(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power over rings of integer radius.

    Args:
        images: (B, C, N, N).

    Returns:
        frequency relative to Nyquist, (K,), from 0 to √2 (the corners), and power, (K,), float64.
    """
    spectrum = MeanSpectrum(images)
    return spectrum.frequency, spectrum.power


def _pair(images: Tensor | MeanSpectrum, targets: Tensor | MeanSpectrum) -> tuple[MeanSpectrum, MeanSpectrum]:
    a, b = (x if isinstance(x, MeanSpectrum) else MeanSpectrum(x) for x in (images, targets))
    if a.side and b.side and a.shape != b.shape:
        raise ValueError(f"images of {a.shape} and targets of {b.shape} (C, N, N): their spectra do not compare")
    return a, b


def _ln_ratio(a: MeanSpectrum, b: MeanSpectrum) -> Tensor:
    return a.power.clamp(min=FLOOR).log() - b.power.to(a.power).clamp(min=FLOOR).log()


def high_frequency_gap(images: Tensor | MeanSpectrum, targets: Tensor | MeanSpectrum, edge: float = 0.5) -> float:
    """Mean of ln(power of images) − ln(power of targets) over the rings from `edge` to 1 times Nyquist.

    0 is right, −2.3 means a tenth of the true power (blur), positive values too much texture. Source: course decision.
    """
    a, b = _pair(images, targets)
    band = (a.frequency >= edge) & (a.frequency <= 1)
    return _ln_ratio(a, b)[band].mean().item()


def spectrum_distance(images: Tensor | MeanSpectrum, targets: Tensor | MeanSpectrum) -> float:
    """Root mean square of ln(power of images) − ln(power of targets) over the rings from 1 up to Nyquist; 0 is best.

    Where the gap lets too much cancel too little, this counts both. Twice the contrast is ln 4. The mean brightness
    does not count. Source: course decision.
    """
    a, b = _pair(images, targets)
    return _ln_ratio(a, b)[1 : int((a.frequency <= 1).sum())].square().mean().sqrt().item()


def deviation_spectrum(draws: Tensor) -> tuple[Tensor, Tensor]:
    """Spectrum of what noise draws add to their mean, y_n − ȳ, as (frequency, power) of `radial_spectrum`.

    Multiplied by n/(n − 1), as the mean is that of the draws themselves: white noise of standard deviation s is flat
    at s². Fine detail that noise decides has the truth's spectrum, noise that is merely added is flat.

    Args:
        draws: (n, B, C, N, N), n ≥ 2 outputs for the same B inputs and styles.

    Raises:
        ValueError: another shape. Source: course decision.
    """
    if draws.ndim != 5 or len(draws) < 2:
        raise ValueError(f"draws of shape {tuple(draws.shape)}: needed are (n, B, C, N, N) with n of 2 or more")
    draws = draws.double()
    frequency, power = radial_spectrum((draws - draws.mean(0)).flatten(0, 1))
    return frequency, power * (len(draws) / (len(draws) - 1))


def lattice(images: Tensor | MeanSpectrum, targets: Tensor | MeanSpectrum, period: int = 8) -> float:
    """How much a grid that repeats every `period` pixels (or 2, 4, … of them) stands out, against the truth.

        ln mean_k (P_k / ring_k) of the images − the same of the targets

    k runs over the frequencies that are multiples of N/period in both directions, without the mean brightness; ring_k
    is the mean power of the other frequencies of the same radius. 0 is like the truth; ln 2 means that these
    frequencies stand out twice as much. The usual cause are upsampling layers. Blur and contrast cancel within a ring.

    Args:
        images, targets: (B, C, N, N), N a multiple of `period` and at least twice as large.

    Raises:
        ValueError: sides that differ or do not fit. Source: course decision.
    """
    a, b = _pair(images, targets)
    if period < 2 or a.side % period or a.side < 2 * period:
        raise ValueError(f"a grid of period {period} needs images whose side is 2, 3, … times as large, not {a.side}")
    k = torch.arange(-(a.side // 2), a.side // 2 + 1, device=a.grid.device) % (a.side // period) == 0
    grid = k[:, None] & k

    def excess(spectrum: MeanSpectrum) -> Tensor:
        rings = spectrum.rings((~grid).to(spectrum.grid))
        rings = rings.where(~rings.isnan(), rings.roll(1))  # the four corners can be a ring of their own
        ratio = spectrum.grid.clamp(min=FLOOR) / rings[_radius(a.side).to(grid.device)].clamp(min=FLOOR)
        points = grid.clone()
        points[a.side // 2, a.side // 2] = False
        return ratio[points].mean().log()

    return (excess(a) - excess(b).to(a.grid.device)).item()
