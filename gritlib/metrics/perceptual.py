"""How different two images look to a network: the distance of LPIPS (Zhang et al. 2018) for any feature maps. Without
LPIPS' network and learned weights the value must not be called LPIPS."""

from collections.abc import Sequence

import torch
from torch import Tensor


def perceptual_distance(
    features_a: Sequence[Tensor], features_b: Sequence[Tensor], weights: Sequence[Tensor | float] | None = None
) -> Tensor:
    """Squared distance of feature vectors of length 1, mean over positions, sum over layers: (B,); 0 is best.

        Σ_l 1/(H_l·W_l) Σ_hw Σ_c w_lc (f^a_lchw/‖f^a_lhw‖ − f^b_lchw/‖f^b_lhw‖)²

    Args:
        features_a, features_b: for each layer a map (B, C_l, H_l, W_l).
        weights: for each layer (C_l,) weights of the squared differences, as LPIPS stores them, or one number; by
            default 1, which is LPIPS' `lpips=False`.

    Raises:
        ValueError: numbers of layers, shapes or weights that do not fit, values that are not finite.
    """
    layers = [1.0] * len(features_a) if weights is None else list(weights)
    if not len(features_a) == len(features_b) == len(layers) > 0:
        raise ValueError(f"{len(features_a)} and {len(features_b)} layers with {len(layers)} weights: must be equal")
    total = 0.0
    for a, b, w in zip(features_a, features_b, layers, strict=True):
        if a.shape != b.shape or a.ndim != 4:
            raise ValueError(f"features {tuple(a.shape)} and {tuple(b.shape)} must both be (B, C, H, W)")
        if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
            raise ValueError("features have values that are not finite")
        w = torch.as_tensor(w, dtype=torch.float64, device=a.device).flatten()
        if len(w) not in (1, a.shape[1]):
            raise ValueError(f"{len(w)} weights for a layer of {a.shape[1]} channels")
        a, b = (x.double() / (x.double().square().sum(1, keepdim=True).sqrt() + 1e-10) for x in (a, b))
        total = total + ((a - b).square() * w.view(1, -1, 1, 1)).sum(1).mean((1, 2))
    return total
