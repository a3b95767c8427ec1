"""Frequency spectrum by azimuthal averaging (GRIT section 4.4, after Schwarz et al. 2021): how much power an image has
at each spatial frequency, whatever its direction."""

import functools

import torch
from torch import Tensor


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


def radial_spectrum(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power over rings of integer radius.

    Args:
        images: (B, C, N, N).

    Returns:
        frequency relative to Nyquist, (K,), from 0 to √2 (the corners), and power, (K,), float64.
    """
    power = power_spectrum(images)
    radius = _radius(images.shape[-1]).to(power.device)
    count = torch.zeros(int(radius.max()) + 1, dtype=torch.float64, device=power.device)
    rings = count.index_add(0, radius.flatten(), power.flatten())
    count = count.index_add(0, radius.flatten(), torch.ones_like(power).flatten())
    frequency = torch.arange(len(count), dtype=torch.float64, device=power.device) / (images.shape[-1] / 2)
    return frequency, rings / count


def high_frequency_gap(images: Tensor, targets: Tensor, edge: float = 0.5) -> float:
    """Mean of ln(power of images) − ln(power of targets) over the rings from `edge` to 1 times Nyquist.

    0 is right, −2.3 means a tenth of the true power (blur), positive values too much texture. Source: course decision.
    """
    frequency, power = radial_spectrum(images)
    _, wanted = radial_spectrum(targets)
    band = (frequency >= edge) & (frequency <= 1)
    return (power[band].clamp(min=1e-12).log() - wanted[band].clamp(min=1e-12).log()).mean().item()
