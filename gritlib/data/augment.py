"""Joint augmentation: whatever moves the input moves the target and the label map with it.

pix2pix (Isola et al. 2017, appendix 6.2) enlarges an image from 256 to 286 pixels, crops 256 at random and mirrors it.
Here crops are windows into larger images that are already in memory, so only the offset is drawn.
"""

import torch
from torch import Tensor


def random_offsets(windows: Tensor, bounds: Tensor, size: int, jitter: int, generator: torch.Generator) -> Tensor:
    """Shift each window by up to ±`jitter` pixels without leaving its bounds.

    Args:
        windows: (B, 2) int64, top and left corner of each crop.
        bounds: (B, 4) int64, the region y0, y1, x0, x1 (ends excluded) that a crop must stay in.
        size: side of the square crop in pixels.
        jitter: largest shift in pixels along each axis.
        generator: source of randomness; the same state gives the same offsets.

    Returns:
        (B, 2) int64 corners, uniform over the allowed positions. Source: course decision (after pix2pix' random crop).
    """
    lowest = torch.maximum(windows - jitter, bounds[:, 0::2])  # (B, 2)
    highest = torch.minimum(windows + jitter, bounds[:, 1::2] - size)
    u = torch.rand(windows.shape, generator=generator, dtype=torch.float64)
    return lowest + (u * (highest - lowest + 1)).long()


def flip(images: Tensor, chosen: Tensor, axis: int) -> Tensor:
    """Mirror the chosen images of a batch along `axis` (-1: left-right, -2: up-down).

    Args:
        images: (B, ..., H, W), any dtype. chosen: (B,) bool.
    """
    shape = (-1,) + (1,) * (images.ndim - 1)
    return torch.where(chosen.view(shape), images.flip(axis), images)


def swap_sides(label: Tensor, chosen: Tensor, pairs: tuple[tuple[int, int], ...]) -> Tensor:
    """Exchange left and right classes in the chosen label maps.

    After a left-right flip the left eye of a face has become its right eye, so the ids of each pair change places.

    Args:
        label: (B, H, W) int64 ids. chosen: (B,) bool. pairs: for example ((4, 5), (6, 7), (8, 9)) for CelebAMask-HQ.
    """
    swapped = label.clone()
    for left, right in pairs:
        swapped[label == left] = right
        swapped[label == right] = left
    return torch.where(chosen.view(-1, 1, 1), swapped, label)
