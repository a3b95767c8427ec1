"""Do the outputs have the truth's colours? Overlap of colour histograms in CIELAB, the comparison of pix2pix' figure 7:
a pixel loss alone paints averages, which are greyer than the world. Blind to where a colour lies, and to sharpness.
"""

import torch
from torch import Tensor

from gritlib.metrics.pixel import check_pair

# sRGB (linear) -> CIE XYZ at D65, and the white point that belongs to it. Source: IEC 61966-2-1.
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
BIN = 2  # width of a histogram's bin, in units of a* and b*


def to_lab(images: Tensor) -> Tensor:
    """sRGB images (B, 3, H, W) in [-1, 1] -> L* (0 to 100), a* (green to red), b* (blue to yellow), float64."""
    rgb = (images.double() + 1) / 2
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)
    matrix = torch.tensor(TO_XYZ, dtype=torch.float64, device=images.device)
    white = matrix.sum(1).view(1, 3, 1, 1)  # what (1, 1, 1) becomes, so that greys have a* = b* = 0
    t = torch.einsum("xc,bchw->bxhw", matrix, linear) / white
    f = torch.where(t > (6 / 29) ** 3, t.clamp(min=1e-6) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


class ColourHistogram:
    """How often each a* and each b* occurs in images that arrive in batches.

    Attributes:
        counts: pixels a bin, (2, bins); `shares` divides them by the number of pixels.
    """

    def __init__(self, images: Tensor | None = None):
        # Zero lies in the middle of a bin, or rounding would scatter greys over two.
        self.edges = torch.arange(-128 - BIN / 2, 128 + BIN, BIN, dtype=torch.float64)
        self.counts = torch.zeros(2, len(self.edges) - 1, dtype=torch.float64)
        if images is not None:
            self.update(images)

    @torch.no_grad()
    def update(self, images: Tensor) -> "ColourHistogram":
        """Add images (B, 3, H, W) in [-1, 1].

        Raises:
            ValueError: images that are not RGB, values outside [-1, 1].
        """
        check_pair(images, images)
        if images.shape[1] != 3:
            raise ValueError(f"images of {images.shape[1]} channels have no colour: needed are (B, 3, H, W)")
        channels = to_lab(images)[:, 1:].unbind(1)
        self.counts += torch.stack([torch.histogram(channel.flatten().cpu(), self.edges)[0] for channel in channels])
        return self

    @property
    def shares(self) -> Tensor:
        if not self.counts.any():
            raise ValueError("no images yet: a histogram needs one or more")
        return self.counts / self.counts.sum(1, keepdim=True)


def colour_overlap(images: Tensor | ColourHistogram, targets: Tensor | ColourHistogram) -> float:
    """Histogram intersection of all images' a* and of all images' b* with the targets', the mean of the two.

        ½·Σ_channel Σ_bin min(p, q),   p and q the shares of pixels in a bin

    1: the same colours as often; 0: no colour in common. Two samples of one distribution lie a little below 1.

    Args:
        images, targets: (B, 3, H, W) in [-1, 1], or histograms that have seen them.

    Raises:
        ValueError: shapes that differ, values outside [-1, 1], or images that are not RGB. Source: Isola et al. 2017,
            figure 7 (per channel, over the whole test set); bins of 2 units and the mean of the two are course
            decisions.
    """
    if isinstance(images, Tensor) and isinstance(targets, Tensor):
        check_pair(images, targets)
    p, q = (x if isinstance(x, ColourHistogram) else ColourHistogram(x) for x in (images, targets))
    return torch.minimum(p.shares, q.shares).sum().item() / 2
