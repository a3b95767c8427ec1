"""The pyramid and its patches against the published recipe written with SciPy, the distance against SciPy's."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from scipy.stats import wasserstein_distance

from gritlib.metrics import PatchBank, laplacian_pyramid, sliced_wasserstein
from gritlib.metrics.sliced import _enlarge


def photos(n=6, size=64, seed=0, c=3):
    """Noise whose power falls with frequency, as that of photos does."""
    g = torch.Generator().manual_seed(seed)
    f = torch.fft.fftfreq(size, dtype=torch.float64) * size
    falls = 1 / torch.hypot(f[:, None], f[None]).clamp(min=1)
    noise = torch.fft.fft2(torch.randn(n, c, size, size, generator=g, dtype=torch.float64))
    return (torch.fft.ifft2(noise * falls).real * 8).clamp(-1, 1)


FILTER = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def published(image):
    """One channel's pyramid, as in the code of Karras et al."""
    levels = [image]
    while levels[-1].shape[0] // 2 >= 16:
        fine = levels[-1]
        coarse = convolve(fine, FILTER, mode="mirror")[::2, ::2]
        wide = np.zeros_like(fine)
        wide[::2, ::2] = coarse
        levels[-1] = fine - convolve(wide, FILTER * 4, mode="mirror")
        levels.append(coarse)
    return levels


def test_the_pyramid_is_the_published_one():
    images = photos(2)
    levels = laplacian_pyramid(images)
    assert [tuple(level.shape) for level in levels] == [(2, 3, 64, 64), (2, 3, 32, 32), (2, 3, 16, 16)]
    for b in range(2):
        for c in range(3):
            for level, wanted in zip(levels, published(images[b, c].numpy()), strict=True):
                assert np.abs(level[b, c].numpy() - wanted).max() < 1e-12


@pytest.mark.parametrize("size", [(64, 64), (32, 96), (100, 60), (16, 16), (31, 33)])
def test_the_levels_give_the_images_back(size):
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    levels = laplacian_pyramid(images)
    back = levels[-1]
    for level in reversed(levels[:-1]):
        back = level + _enlarge(back)
    assert torch.allclose(back, images, atol=1e-12)
    assert min(levels[-1].shape[-2:]) in range(16, 32)


def test_the_distance_is_scipys_along_each_direction():
    """One direction at a time, with the directions that the function draws."""
    banks = [PatchBank(patches=5).update(photos(3, 16, seed=s)) for s in (0, 1)]
    x, y = (bank.descriptors()[0] for bank in banks)
    assert x.shape == (15, 3 * 49)
    directions = torch.randn(147, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    directions /= directions.norm(dim=0)
    wanted = [wasserstein_distance((x @ d).numpy(), (y @ d).numpy()) for d in directions.T]
    assert sliced_wasserstein(*banks, projections=6, seed=4) == pytest.approx([1000 * np.mean(wanted)], rel=1e-9)


def test_descriptors_are_normalised_channel_by_channel():
    images = photos() * torch.tensor([0.1, 1.0, 0.5]).view(3, 1, 1) + 0.3
    for x in PatchBank().update(images).descriptors():
        channels = x.view(len(x), 3, 49)
        assert channels.mean((0, 2)).abs().max() < 1e-9
        assert torch.allclose(channels.square().mean((0, 2)), torch.ones(3, dtype=torch.float64), atol=1e-6)
    a, b = photos(seed=1), photos(seed=2)
    assert sliced_wasserstein(0.3 * a - 0.2, b) == pytest.approx(sliced_wasserstein(a, b), rel=1e-4)


def test_patches_are_cut_from_the_pyramid_at_places_that_cover_it():
    rows, columns = torch.meshgrid(*[torch.arange(16, dtype=torch.float64)] * 2, indexing="ij")
    bank = PatchBank(patches=2000).update(torch.stack([rows, columns])[None])
    y, x = torch.cat(bank._levels[0]).unbind(1)  # each (2000, 7, 7)
    assert ((y - y[:, :1, :1]) == torch.arange(7)[:, None]).all() and ((x - x[:, :1, :1]) == torch.arange(7)).all()
    corners = {(int(a), int(b)) for a, b in zip(y[:, 0, 0], x[:, 0, 0], strict=True)}
    assert corners == {(a, b) for a in range(10) for b in range(10)}


def test_batches_change_nothing_and_seeds_and_images_move_the_patches():
    a, b = photos(seed=1), photos(seed=2)
    one, two = PatchBank(), PatchBank()
    for part in a.split([1, 3, 2]):
        one.update(part)
    two.update(b[:5]).update(b[5:])
    assert sliced_wasserstein(one, two) == pytest.approx(sliced_wasserstein(a, b), rel=1e-5)
    same = a[:1].expand(2, -1, -1, -1)  # the same image twice: cut in other places
    first, second = PatchBank().update(same).descriptors()[0].view(2, 128, -1)
    assert not torch.equal(first, second)
    assert not torch.equal(PatchBank(seed=1).update(a).descriptors()[0], PatchBank(seed=2).update(a).descriptors()[0])


def test_levels_tell_at_which_scale_images_differ():
    a, b, c = (photos(12, seed=s) for s in (1, 2, 3))
    noise = sliced_wasserstein(a, b, projections=128)
    assert sliced_wasserstein(a, a, projections=128) == [0, 0, 0] and len(noise) == 3
    assert sliced_wasserstein(b, a, projections=128) == pytest.approx(noise, rel=1e-9)
    detail = laplacian_pyramid(c)[0]
    stripes = 0.3 * torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(16)
    fine = sliced_wasserstein(a, c - detail + stripes, projections=128)
    assert fine[0] > 6 * noise[0] and max(fine[1] / noise[1], fine[2] / noise[2]) < 3
    sky = c + torch.linspace(-3, 3, 64).view(1, 1, 64, 1)  # brighter from top to bottom
    coarse = sliced_wasserstein(a, sky, projections=128)
    assert coarse[2] > 2 * noise[2] and coarse[0] < 1.6 * noise[0]


def test_flat_images_give_a_finite_distance():
    flat = torch.full((3, 3, 32, 32), 0.3)
    assert sliced_wasserstein(flat, flat * 0.5) == [0, 0]
    assert all(math.isfinite(v) and v > 300 for v in sliced_wasserstein(flat, photos(3, 32)))


def test_what_cannot_be_compared_is_refused():
    a = photos(3, 32)
    with pytest.raises(ValueError, match=r"sets differ in .*\(3, 128, 7, \(3, 32, 32\)\) and \(2, 128"):
        sliced_wasserstein(a, a[:2])
    with pytest.raises(ValueError, match="sets differ"):
        sliced_wasserstein(a, a[:, :1])
    with pytest.raises(ValueError, match="one of the two sets is empty"):
        sliced_wasserstein(a, PatchBank())
    with pytest.raises(ValueError, match="cannot join"):
        PatchBank().update(a).update(photos(1, 64))
    with pytest.raises(ValueError, match="not finite"):
        PatchBank().update(torch.full((1, 3, 16, 16), float("nan")))
    with pytest.raises(ValueError, match="cannot be halved evenly"):
        laplacian_pyramid(torch.zeros(1, 3, 33, 36))
    with pytest.raises(ValueError, match=r"needed are \(B, C, H, W\) of 16 pixels or more"):
        laplacian_pyramid(torch.zeros(1, 3, 15, 36))
