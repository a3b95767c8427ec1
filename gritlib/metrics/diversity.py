"""Is the noise used? Spread of the output over noise draws, for one input and one style (GRIT section 4.2.2)."""

import torch
from torch import Tensor


def high_pass(images: Tensor, edge: float = 0.5) -> Tensor:
    """Keep the spatial frequencies above `edge` times Nyquist. Images (..., H, W), any square or oblong size."""
    h, w = images.shape[-2:]
    fy, fx = torch.fft.fftfreq(h, device=images.device), torch.fft.fftfreq(w, device=images.device)
    keep = torch.hypot(fy[:, None], fx[None]) >= edge / 2
    # The complex transform: torch 2.6's inverse real one fails on some CPUs (oneMKL, inconsistent configuration).
    return torch.fft.ifft2(torch.fft.fft2(images.double()) * keep).real


def noise_use(draws: Tensor, edge: float = 0.5) -> tuple[Tensor, float]:
    """Standard deviation over noise draws, and the share of the fine detail that the noise decides.

        share = E‖hp(y_n − ȳ)‖² / E‖hp(y_n)‖²,   hp = frequencies above edge·Nyquist

    The numerator is the unbiased variance over draws. 0: the noise is ignored; 1: all fine detail is noise. A higher
    contrast raises the standard deviation but not the share.

    Args:
        draws: (n, B, C, H, W), n ≥ 2 outputs for the same B inputs and styles.

    Returns:
        std map (B, H, W), the mean over channels of each channel's standard deviation, and the share.

    Raises:
        ValueError: fewer than two draws. Source: course decision (exercise 06.6).
    """
    if draws.ndim != 5 or len(draws) < 2:
        raise ValueError(f"draws of shape {tuple(draws.shape)}: needed are (n, B, C, H, W) with n of 2 or more")
    std = draws.double().std(0).mean(1)
    fine = high_pass(draws, edge)
    total = fine.square().mean().item()
    return std, fine.var(0).mean().item() / total if total > 0 else 0.0
