"""Distances pixel by pixel: L1 on the 0-255 scale of GRIT's tables, PSNR, SSIM. One value an image."""

import torch
from torch import Tensor
from torch.nn import functional as F


def check_pair(images: Tensor, targets: Tensor) -> None:
    """Refuse images that cannot be compared.

    Raises:
        ValueError: shapes differ, or values lie outside [-1, 1] (a [0, 255] image would give a silent wrong score).
    """
    if images.shape != targets.shape or images.ndim != 4:
        raise ValueError(f"images {tuple(images.shape)} and targets {tuple(targets.shape)} must both be (B, C, H, W)")
    for name, x in (("images", images), ("targets", targets)):
        low, high = x.min().item(), x.max().item()
        if not -1.001 <= low <= high <= 1.001:  # also refuses NaN
            raise ValueError(f"{name} have values in [{low:.3g}, {high:.3g}]: metrics expect [-1, 1]")


def l1_255(images: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute difference on the 0-255 scale, (B,). Source: GRIT's tables (the scale follows from its PSNR)."""
    check_pair(images, targets)
    return 127.5 * (images.double() - targets.double()).abs().mean((1, 2, 3))


def psnr(images: Tensor, targets: Tensor) -> Tensor:
    """10·log10(MAX²/MSE) in dB, (B,), infinite for equal images. Averaged over images by the caller: course decision,
    the papers do not say whether the mean is taken before or after the logarithm."""
    check_pair(images, targets)
    mse = (images.double() - targets.double()).square().mean((1, 2, 3))
    return 10 * torch.log10(4 / mse)


def ssim(images: Tensor, targets: Tensor, sigma: float = 1.5, window: int = 11) -> Tensor:
    """Structural similarity (Wang et al. 2004), (B,): Gaussian window of 11x11, σ 1.5, C₁ = (0.01·MAX)²,
    C₂ = (0.03·MAX)², mean over channels and over the positions where the window fits.

    Raises:
        ValueError: images smaller than the window.
    """
    check_pair(images, targets)
    if min(images.shape[-2:]) < window:
        raise ValueError(f"SSIM needs images of {window} pixels or more, these have {tuple(images.shape[-2:])}")
    x, y = (images.double() + 1) / 2, (targets.double() + 1) / 2  # MAX = 1
    t = torch.arange(window, dtype=torch.float64, device=x.device) - window // 2
    g = torch.exp(-(t**2) / (2 * sigma**2))
    g = g / g.sum()
    channels = x.shape[1]

    def blur(h: Tensor) -> Tensor:  # separable, only where the window fits
        h = F.conv2d(h, g.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
        return F.conv2d(h, g.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)

    mx, my = blur(x), blur(y)
    vx, vy, cov = blur(x * x) - mx * mx, blur(y * y) - my * my, blur(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return similarity.mean((1, 2, 3))
