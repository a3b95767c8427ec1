"""Bands of spatial frequency: what a loss wants of each, the measurement of L1 against the adversarial loss, and how
much of a residual is coarse."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor


def bands(images: Tensor, edges: Sequence[float]) -> Tensor:
    """Images cut into bands of spatial frequency: (len(edges) − 1, B, C, H, W), float64.

    Band b keeps edges[b] ≤ frequency < edges[b + 1], relative to Nyquist and whatever the direction; the last keeps
    its upper edge too. From 0 to √2 (the corners) the bands add up to the images.

    Args:
        images: (B, C, H, W). edges: ascending, 0 or more.

    Raises:
        ValueError: fewer than two edges, or not ascending.
    """
    if len(edges) < 2 or edges[0] < 0 or any(low >= high for low, high in itertools.pairwise(edges)):
        raise ValueError(f"edges {list(edges)}: needed are two or more, ascending from 0 or above")
    fy, fx = (torch.fft.fftfreq(n, dtype=torch.float64, device=images.device) * 2 for n in images.shape[-2:])
    # The radius is the same for a frequency and its negative, so that what comes back is real.
    band = torch.bucketize(torch.hypot(fy[:, None], fx), torch.tensor(edges, dtype=torch.float64).to(fy), right=True)
    band[torch.isclose(torch.hypot(fy[:, None], fx), fy.new_tensor(edges[-1]), rtol=1e-12)] = len(edges) - 1
    spectrum = torch.fft.fft2(images.double())
    return torch.stack([torch.fft.ifft2(spectrum * (band == b)).real for b in range(1, len(edges))])


def gain_derivative(grad: Tensor, output: Tensor, edges: Sequence[float]) -> Tensor:
    """Does a loss want more (below 0) or less (above 0) of each band of the output? (len(edges) − 1,), float64.

        g_b = d/dα L(ŷ + (α − 1)·band_b(ŷ)) at α = 1 = ⟨∂L/∂ŷ, band_b(ŷ)⟩

    Summed over everything; from 0 to √2 the bands' values add up to ⟨∂L/∂ŷ, ŷ⟩.

    Args:
        grad, output: ∂L/∂ŷ and ŷ, (B, C, H, W). edges: as in `bands`.

    Raises:
        ValueError: shapes that differ, or edges that `bands` refuses. Source: course decision.
    """
    if grad.shape != output.shape or grad.ndim != 4:
        raise ValueError(f"gradient {tuple(grad.shape)} and output {tuple(output.shape)} must both be (B, C, H, W)")
    return (bands(output.detach(), edges) * grad.detach().double()).sum((1, 2, 3, 4))


def low_share(residual: Tensor, edge: float = 0.1) -> dict[str, float]:
    """How much of a residual is coarse, and by how much it shifts the colour: nothing in GRIT keeps it high-pass.

    Args:
        residual: (B, C, H, W), not clamped, in units of images in [-1, 1]. edge: relative to Nyquist.

    Returns:
        share: power of the frequencies below `edge` (whatever their direction, the mean too) by the power of all, of
        all images together; 0 for a residual that is 0. colour: |mean over the pixels| of each channel of each image,
        averaged, in grey levels of 0 to 255.

    Raises:
        ValueError: another shape, or an edge that is not above 0. Source: course decision (exercise 07.5).
    """
    if residual.ndim != 4 or not residual.numel():
        raise ValueError(f"residual of shape {tuple(residual.shape)}: needed is (B, C, H, W)")
    if not edge > 0:
        raise ValueError(f"edge {edge:g}: needed is a frequency above 0, relative to Nyquist")
    fy, fx = (torch.fft.fftfreq(n, dtype=torch.float64, device=residual.device) * 2 for n in residual.shape[-2:])
    power = torch.fft.fft2(residual.double()).abs().square().sum((0, 1))
    total = power.sum().item()
    low = power[torch.hypot(fy[:, None], fx) < edge].sum().item()
    colour = 127.5 * residual.double().mean((2, 3)).abs().mean().item()
    return {"share": low / total if total > 0 else 0.0, "colour": colour}
