"""Do the details of two sets of images look alike, scale by scale? Sliced Wasserstein distance between patches of the
levels of a Laplacian pyramid (Karras et al. 2018). Needs no network; blind to where a patch lies.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

PROJECTIONS_AT_ONCE = 64


def _blur(images: Tensor) -> Tensor:
    """Binomial filter of 5x5 pixels, mirrored at the borders."""
    g = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], dtype=images.dtype, device=images.device) / 16
    c = images.shape[1]
    h = F.conv2d(F.pad(images, (2, 2, 2, 2), mode="reflect"), g.view(1, 1, 5, 1).expand(c, 1, -1, 1), groups=c)
    return F.conv2d(h, g.view(1, 1, 1, 5).expand(c, 1, 1, -1), groups=c)


def _enlarge(images: Tensor) -> Tensor:
    """Twice the size: zeros between the pixels, then the filter with four times its weight."""
    b, c, h, w = images.shape
    wide = images.new_zeros(b, c, 2 * h, 2 * w)
    wide[..., ::2, ::2] = images
    return 4 * _blur(wide)


def laplacian_pyramid(images: Tensor, smallest: int = 16) -> list[Tensor]:
    """What each halving of the size loses, finest first, and the smallest image: (B, C, H, W), (B, C, H/2, W/2), …

    Enlarging the last and adding the one before, again and again, gives the images back. float64.

    Args:
        images: (B, C, H, W). smallest: sides are halved while they do not fall below it.

    Raises:
        ValueError: images smaller than that, or with a side that cannot be halved as often.

    Source: Burt & Adelson 1983, with filter and borders of Karras et al.'s code.
    """
    if images.ndim != 4 or min(images.shape[-2:]) < smallest:
        raise ValueError(f"images of shape {tuple(images.shape)}: needed are (B, C, H, W) of {smallest} pixels or more")
    levels, current = [], images.double()
    while min(current.shape[-2:]) // 2 >= smallest:
        if current.shape[-1] % 2 or current.shape[-2] % 2:
            raise ValueError(f"a side of {tuple(images.shape[-2:])} cannot be halved evenly down to {smallest} pixels")
        half = _blur(current)[..., ::2, ::2]
        levels.append(current - _enlarge(half))
        current = half
    return [*levels, current]


class PatchBank:
    """Random patches from each level of the pyramids of images that arrive in batches.

    Where patches lie depends on the seed and on the image's number alone, so no split into batches changes anything,
    and banks of outputs and truths with one seed look at the same places: equal images are at distance 0.

    Args:
        patches: from each image and level. size: their side in pixels. seed: decides where they lie.
    """

    def __init__(self, patches: int = 128, size: int = 7, seed: int = 0):
        self.patches, self.size, self.seed, self.n = patches, size, seed, 0
        self._levels: list[list[Tensor]] = []

    @torch.no_grad()
    def update(self, images: Tensor) -> "PatchBank":
        """Add images (B, C, H, W).

        Raises:
            ValueError: values that are not finite, another size than before, or what `laplacian_pyramid` refuses.
        """
        if not torch.isfinite(images).all():
            raise ValueError("images have values that are not finite")
        pyramid = laplacian_pyramid(images)
        shapes = [tuple(level.shape[1:]) for level in pyramid]
        if self.n and shapes != self.shapes:
            raise ValueError(f"images of {shapes[0]} (C, H, W) cannot join those of {self.shapes[0]}")
        self.shapes = shapes
        self._levels = self._levels or [[] for _ in pyramid]
        offsets = torch.arange(self.size, device=images.device)
        for b in range(len(images)):
            # The generator takes 32 bits of its seed: both numbers are spread over them.
            key = (self.seed * 0x9E3779B1 + (self.n + b) * 0x85EBCA6B) % 2**32
            generator = torch.Generator().manual_seed(key)
            for level, kept in zip(pyramid, self._levels, strict=True):
                y, x = (
                    torch.randint(side - self.size + 1, (self.patches, 1), generator=generator).to(images.device)
                    for side in level.shape[-2:]
                )
                cut = level[b][:, (y + offsets)[:, :, None], (x + offsets)[:, None]]  # (C, patches, size, size)
                kept.append(cut.transpose(0, 1).float())
        self.n += len(images)
        return self

    def descriptors(self) -> list[Tensor]:
        """For each level (n·patches, C·size²) float64, every channel with mean 0 and standard deviation 1 over all."""
        result = []
        for kept in self._levels:
            x = torch.cat(kept).double()
            x = x - x.mean((0, 2, 3), keepdim=True)
            spread = x.square().mean((0, 2, 3), keepdim=True).sqrt()
            # A flat level is nothing but rounding, which must not be blown up to one.
            result.append((x / torch.where(spread > 1e-6, spread, 1.0)).flatten(1))
        return result


@torch.no_grad()
def sliced_wasserstein(
    a: Tensor | PatchBank, b: Tensor | PatchBank, projections: int = 512, seed: int = 0
) -> list[float]:
    """Wasserstein distance of patches, mean over random directions, of each pyramid level, finest first; times 1000.

        1000 · mean over directions θ of mean |sort(Xθ) − sort(Yθ)|

    0 is best. As the channels of each set are brought to mean 0 and standard deviation 1 level by level, brightness and
    contrast do not count: use the spectrum's distance for them. Two samples of one distribution do not give 0.

    Args:
        a, b: equally many images (N, C, H, W) of one size, or banks that have seen them, with the same patches.
        projections: random directions. seed: decides them, and for images where patches lie.

    Raises:
        ValueError: other numbers of patches, sizes or channels; no images.

    Source: Karras et al. 2018, section 5: 128 patches of 7x7, 512 directions, levels down to 16 pixels. The same
        places in both sets are a course decision.
    """
    banks = [x if isinstance(x, PatchBank) else PatchBank(seed=seed).update(x) for x in (a, b)]
    if not banks[0].n or not banks[1].n:
        raise ValueError("a distance needs images: one of the two sets is empty")
    kinds = [(x.n, x.patches, x.size, x.shapes[0]) for x in banks]
    if kinds[0] != kinds[1]:
        raise ValueError(f"sets differ in (images, patches, their size, (C, H, W)): {kinds[0]} and {kinds[1]}")
    generator, distances = torch.Generator().manual_seed(seed), []
    for x, y in zip(*(bank.descriptors() for bank in banks), strict=True):
        directions = torch.randn(x.shape[1], projections, generator=generator, dtype=torch.float64)
        directions = (directions / directions.norm(dim=0)).to(x.device)
        total = sum(
            ((x @ some).sort(0).values - (y.to(x.device) @ some).sort(0).values).abs().mean(0).sum()
            for some in directions.split(PROJECTIONS_AT_ONCE, 1)
        )
        distances.append(1000 * total.item() / projections)
    return distances
