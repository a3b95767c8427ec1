"""Is the noise used? Spread of the output over noise draws, for one input and one style (GRIT section 4.2.2)."""

import itertools
from collections.abc import Callable

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


def pairwise_distance(draws: Tensor, distance: Callable[[Tensor, Tensor], Tensor]) -> float:
    """Mean distance between two different draws for the same input; 0 when the noise is ignored.

    Args:
        draws: (n, B, C, H, W), n ≥ 2. distance: of (B, C, H, W) twice, one value an image, (B,); a perceptual one by
            custom. It must be the same in both orders: each pair is looked at once.

    Raises:
        ValueError: fewer than two draws, or a distance that does not give (B,).

    Source: Zhu et al. 2017 (BicycleGAN), section 5, with LPIPS.
    """
    if draws.ndim != 5 or len(draws) < 2:
        raise ValueError(f"draws of shape {tuple(draws.shape)}: needed are (n, B, C, H, W) with n of 2 or more")
    values = []
    for a, b in itertools.combinations(draws, 2):
        value = distance(a, b)
        if tuple(value.shape) != (draws.shape[1],):
            raise ValueError(f"the distance gave {tuple(value.shape)}, needed is one value an image, {draws.shape[1]}")
        values.append(value.double().mean().item())
    return sum(values) / len(values)


def sampler_cost(samples: Tensor) -> dict[str, float]:
    """What a perfect sampler of p(y|x) pays in L1 against a truth that is a draw too, and the least that any one answer
    pays: the conditional median.

        sampler = E|Y − Y'|, over all pairs of two different draws;   best = E|Y − median|

    Gaussian detail gives a ratio of √2, uniform detail 4/3, detail of a rare kind 2·(1 − p). The median is that of the
    same draws, which makes `best` too low: for Gaussian detail by about 0.8/n of its value.

    Args:
        samples: (n, B, C, H, W), n ≥ 2 draws of the same B images.

    Returns:
        best, sampler: means over images, channels and pixels, in the unit of the samples. ratio: sampler / best, NaN
        where nothing varies.

    Raises:
        ValueError: fewer than two draws. Source: course decision (exercise 07.2).
    """
    if samples.ndim != 5 or len(samples) < 2:
        raise ValueError(f"samples of shape {tuple(samples.shape)}: needed are (n, B, C, H, W) with n of 2 or more")
    n, ranked = len(samples), samples.double().sort(0).values
    best = (ranked - ranked[n // 2]).abs().mean().item()
    # In order of size the k-th of n is the larger one in k pairs and the smaller one in n − 1 − k.
    times = 2.0 * torch.arange(n, dtype=torch.float64, device=ranked.device) - (n - 1)
    sampler = torch.tensordot(times, ranked, 1).mean().item() / (n * (n - 1) / 2)
    return {"best": best, "sampler": sampler, "ratio": sampler / best if best > 0 else float("nan")}


def calibration(std_map: Tensor, true_std: Tensor) -> dict[str, float]:
    """Is the spread where the truth varies, and as large? Needs the true standard deviation, as Faces knows it.

    Args:
        std_map, true_std: (B, H, W), standard deviations per pixel; the true one may be 0 in places.

    Returns:
        r: correlation over the pixels of an image, mean over images; images where either map is constant have none
        and are left out, NaN if that leaves none. ratio: Σ std_map / Σ true_std over all pixels; 1 is right.

    Raises:
        ValueError: shapes that differ, negative values or NaN, or a truth that varies nowhere. Source: course decision.
    """
    if std_map.shape != true_std.shape or std_map.ndim != 3:
        raise ValueError(f"maps {tuple(std_map.shape)} and {tuple(true_std.shape)} must both be (B, H, W)")
    got, true = std_map.double().flatten(1), true_std.to(std_map.device).double().flatten(1)
    if not (got.min() >= 0 and true.min() >= 0 and torch.isfinite(got.sum() + true.sum())):
        raise ValueError("standard deviations must be finite and 0 or more")
    if true.sum() == 0:
        raise ValueError("the true standard deviation is 0 everywhere: there is nothing to compare with")
    a, b = got - got.mean(1, keepdim=True), true - true.mean(1, keepdim=True)
    # Of a constant map rounding leaves a deviation of about 1e-16 of its value, which correlates with nothing.
    varies = (a.norm(dim=1) > 1e-9 * got.norm(dim=1)) & (b.norm(dim=1) > 1e-9 * true.norm(dim=1))
    r = (a * b).sum(1)[varies] / (a.norm(dim=1) * b.norm(dim=1))[varies]
    return {"r": r.mean().item(), "ratio": (got.sum() / true.sum()).item()}
