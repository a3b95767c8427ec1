"""Two distances between single images, from the feature maps of a network (Swapping Autoencoder, section 4): SIFID
compares what occurs, wherever it lies (style); self-similarity compares what resembles what (structure)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.metrics.distribution import Gaussian, frechet


def _vectors(fa: Tensor, fb: Tensor) -> tuple[Tensor, Tensor]:
    """(B, C, H, W) -> (B, H·W, C) float64."""
    if fa.ndim != 4 or fb.ndim != 4 or fa.shape[:2] != fb.shape[:2]:
        raise ValueError(f"feature maps {tuple(fa.shape)} and {tuple(fb.shape)}: needed are two times (B, C, H, W)")
    for name, x in (("first", fa), ("second", fb)):
        if not torch.isfinite(x).all():
            raise ValueError(f"the {name} feature maps have values that are not finite")
    return fa.double().flatten(2).mT, fb.to(fa.device).double().flatten(2).mT


@torch.no_grad()
def sifid(fa: Tensor, fb: Tensor) -> Tensor:
    """Fréchet distance between the features at all positions of one image and those of another, (B,); 0 is best.

    Only with the first maximum pooling of Inception is it the published SIFID. Positions are the samples: with fewer
    than twice the channels the value is biased upward, and values at other sizes of the maps do not compare.

    Args:
        fa, fb: feature maps (B, C, H, W) of one layer; H and W may differ.

    Raises:
        ValueError: other shapes, fewer than two positions, values that are not finite. Source: Shaham et al. 2019.
    """
    pairs = zip(*_vectors(fa, fb), strict=True)
    pairs = [(Gaussian(x), Gaussian(y)) for x, y in pairs]
    return torch.tensor([frechet(x.mean, x.cov, y.mean, y.cov) for x, y in pairs], dtype=torch.float64)


def _self_similarity(x: Tensor) -> Tensor:
    """(N, C) -> cosine distances between all positions (N, N), every row with sum 1."""
    unit = F.normalize(x, dim=1)
    distance = (1 - unit @ unit.T).clamp(min=0)
    total = distance.sum(1, keepdim=True)
    # All vectors alike: a row is rounding alone, which must not be blown up to a sum of one.
    return torch.where(total > 1e-9 * len(x), distance / total, 0.0)


@torch.no_grad()
def self_similarity_distance(fa: Tensor, fb: Tensor) -> Tensor:
    """Mean absolute difference of two images' self-similarities, (B,); 0 is best.

        D_ij = 1 − cos(f_i, f_j),   mean over i, j of |D^a_ij / Σ_j D^a_ij − D^b_ij / Σ_j D^b_ij|

    Positions i, j run over the whole map. As a row's sum is 1 an element is about 1/(H·W): values compare only at one
    size of the maps. The scale of the features does not count.

    Args:
        fa, fb: feature maps (B, C, H, W) of the same shape; memory grows with (H·W)².

    Raises:
        ValueError: other shapes, values that are not finite.

    Source: Kolkin et al. 2019 (STROTSS), equation 5; the thesis gives no formula.
    """
    if fa.shape != fb.shape:
        raise ValueError(f"feature maps {tuple(fa.shape)} and {tuple(fb.shape)} must have the same shape")
    pairs = zip(*_vectors(fa, fb), strict=True)
    return torch.stack([(_self_similarity(x) - _self_similarity(y)).abs().mean() for x, y in pairs])
