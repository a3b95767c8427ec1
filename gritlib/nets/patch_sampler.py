"""CUT's patch sampler (Park et al. 2020): takes the features of a few random places from each layer and maps each of
them onto a unit sphere, where patches are compared.

One head of two linear layers for every layer of the encoder. A place is one feature vector; what it sees of the image
is the layer's receptive field.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.nets.blocks import full_precision


class PatchSampler(nn.Module):
    """Heads H_l: Linear, ReLU, Linear, then unit length.

    Args:
        channels: of each encoder layer. dim: of the embedding.
    """

    def __init__(self, channels: Sequence[int], dim: int = 256):
        super().__init__()
        self.heads = nn.ModuleList(nn.Sequential(nn.Linear(c, dim), nn.ReLU(), nn.Linear(dim, dim)) for c in channels)

    def forward(
        self, features: Sequence[Tensor], n: int, places: Sequence[Tensor] | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Embeddings of n places a layer.

        Args:
            features: a (B, C_l, H_l, W_l) for each layer. n: places; a layer with fewer has all of them.
            places: those to take, as an earlier call returned them; None draws them, the same for all images.

        Returns:
            embeddings: a (B, S, dim) float32 of unit length for each layer. places: the (S,) int64 taken.
        """
        patches, places = sample_patches(features, n, places)
        return [normalise(head(p)) for head, p in zip(self.heads, patches, strict=True)], places


def sample_patches(
    features: Sequence[Tensor], n: int, places: Sequence[Tensor] | None = None, generator: torch.Generator | None = None
) -> tuple[list[Tensor], list[Tensor]]:
    """Feature vectors of n different random places of each map, row by row in `places`.

    Args:
        features: a (B, C, H, W) for each layer. n: places; a layer with fewer positions gives all. places: to take
            instead of random ones. generator: draws them.

    Returns:
        patches: (B, S, C) a layer. places: (S,) int64 a layer, y·W + x.
    """
    if places is None:
        # Drawn on the CPU, whatever the device: a seed means the same places everywhere.
        drawn = [torch.randperm(f[0, 0].numel(), generator=generator)[:n] for f in features]
        places = [p.to(f.device, non_blocking=True) for p, f in zip(drawn, features, strict=True)]
    return [f.flatten(2).transpose(1, 2)[:, p] for f, p in zip(features, places, strict=True)], list(places)


def normalise(v: Tensor) -> Tensor:
    """Unit length along the last axis, in float32; a zero vector stays zero."""
    return F.normalize(full_precision(v), dim=-1)
