"""A picture by bands of spatial frequency: for exercise 02.3."""

from itertools import pairwise

import torch
from torch import Tensor


def radius(n: int) -> Tensor:
    """Distance of each FFT coefficient of an n-pixel picture from frequency 0, in units of Nyquist."""
    f = torch.fft.fftfreq(n, dtype=torch.float64) / 0.5
    return torch.hypot(f[:, None], f[None])


def bands(output: Tensor, edges: list[float], radii: Tensor | None = None, back=torch.real) -> list[Tensor]:
    """What each band contributes to the output."""
    spectrum = torch.fft.fft2(output)
    r = radius(output.shape[-1]) if radii is None else radii
    pairs = pairwise(edges)
    return [back(torch.fft.ifft2(spectrum * ((low <= r) & (r < high)))) for low, high in pairs]


def gain_derivative(grad: Tensor, output: Tensor, edges: list[float]) -> Tensor:
    return torch.stack([(grad * band).sum() for band in bands(output, edges)])
