"""The azimuthal spectrum against a loop over coefficients, and against signals whose spectrum is known."""

import math

import numpy as np
import pytest
import torch

from gritlib.metrics import (
    MeanSpectrum,
    bands,
    deviation_spectrum,
    high_frequency_gap,
    lattice,
    radial_spectrum,
    spectrum_distance,
)
from gritlib.metrics.spectrum import power_spectrum


def blurred(images, sigma):
    t = torch.arange(-6, 7, dtype=images.dtype)
    g = torch.exp(-(t**2) / (2 * sigma**2))
    g, c = (g / g.sum()), images.shape[1]
    padded = torch.nn.functional.pad(images, (6, 6, 6, 6), mode="circular")
    h = torch.nn.functional.conv2d(padded, g.view(1, 1, -1, 1).expand(c, 1, -1, 1), groups=c)
    return torch.nn.functional.conv2d(h, g.view(1, 1, 1, -1).expand(c, 1, 1, -1), groups=c)


def naive(images):
    """Ring means by a loop: every frequency (ky, kx), those at Nyquist once with each sign."""
    n = images.shape[-1]
    spectrum = np.fft.fft2(images.numpy().astype(np.float64))
    power = (np.abs(spectrum) ** 2 / n**2).mean((0, 1))
    sums, counts = {}, {}
    for ky in range(-(n // 2), n // 2 + 1):
        for kx in range(-(n // 2), n // 2 + 1):
            r = round(math.hypot(ky, kx))
            sums[r] = sums.get(r, 0) + power[ky % n, kx % n]
            counts[r] = counts.get(r, 0) + 1
    return [sums[r] / counts[r] for r in range(max(sums) + 1)]


@pytest.mark.parametrize("n", [8, 9, 16, 21])
def test_rings_are_those_of_a_plain_loop(n):
    images = torch.randn(2, 3, n, n, dtype=torch.float64)
    frequency, power = radial_spectrum(images)
    assert power.tolist() == pytest.approx(naive(images), rel=1e-10)
    assert frequency.tolist() == pytest.approx([r / (n / 2) for r in range(len(power))])
    half = n // 2
    assert len(power) == round(math.hypot(half, half)) + 1  # the corners, at √2 times Nyquist


@pytest.mark.parametrize("n", [8, 9])
def test_parseval_and_symmetry(n):
    images = torch.randn(2, 3, n, n, dtype=torch.float64)
    power = power_spectrum(images)
    assert torch.allclose(power, power.flip(0).flip(1), rtol=1e-9)  # real images
    inside = power[:n, :n]  # each coefficient once
    assert inside.mean().item() == pytest.approx(images.square().mean().item(), rel=1e-12)
    centre = power[n // 2, n // 2].item()
    assert centre == pytest.approx((images.mean((2, 3)) ** 2).mean().item() * n * n, rel=1e-12)


@pytest.mark.parametrize("n", [32, 33])
def test_white_noise_is_flat_at_its_variance(n):
    noise = 0.3 * torch.randn(200, 3, n, n, dtype=torch.float64)
    _, power = radial_spectrum(noise)
    assert power.mean().item() == pytest.approx(0.09, rel=0.02)
    assert power[2:].min() > 0.09 * 0.9 and power[2:].max() < 0.09 * 1.1
    low, high = power[1 : n // 4].mean(), power[n // 4 : n // 2].mean()
    assert (low / high).item() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("k", [(0, 3), (5, 0), (6, 8), (16, 0), (16, 16)])
def test_a_sinusoid_peaks_in_the_bin_of_its_frequency(k):
    n = 32
    y, x = torch.meshgrid(*[torch.arange(n, dtype=torch.float64)] * 2, indexing="ij")
    wave = torch.cos(2 * math.pi * (k[0] * y + k[1] * x) / n + 0.4).view(1, 1, n, n)
    frequency, power = radial_spectrum(wave)
    ring = round(math.hypot(*k))
    assert power.argmax().item() == ring
    assert frequency[ring].item() == pytest.approx(math.hypot(*k) / 16, abs=0.5 / 16)
    assert power[[r for r in range(len(power)) if r != ring]].max() < 1e-20


def test_blur_cuts_high_bins_and_leaves_the_mean():
    images = torch.randn(20, 3, 32, 32, dtype=torch.float64)
    for sigma in (0.7, 1.5):
        _, before = radial_spectrum(images)
        frequency, after = radial_spectrum(blurred(images, sigma))
        assert after[0] == pytest.approx(before[0].item(), rel=1e-9)
        ratio = after / before
        assert ratio[frequency > 0.75].max() < ratio[(frequency > 0.1) & (frequency < 0.3)].min() / 2
        wanted = torch.exp(-((math.pi * frequency * sigma) ** 2))  # |transfer|² of the Gaussian
        band = (frequency > 0) & (frequency < 0.6)
        assert torch.allclose(ratio[band], wanted[band], rtol=0.2, atol=0.01)


def test_gap_is_zero_for_equal_ln_4_for_twice_the_contrast_and_negative_for_blur():
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64) * 0.2
    assert high_frequency_gap(images, images) == 0
    assert high_frequency_gap(2 * images, images) == pytest.approx(math.log(4), abs=1e-12)
    assert high_frequency_gap(images * math.sqrt(0.1), images) == pytest.approx(-2.3026, abs=1e-4)
    assert high_frequency_gap(images + 0.5, images) == pytest.approx(0, abs=1e-12)  # brightness is no detail
    assert high_frequency_gap(blurred(images, 1.0), images) < -2
    assert abs(high_frequency_gap(images.roll(5, -1), images)) < 1e-10  # a shift changes phases only


def test_gap_looks_at_the_band_from_the_edge_to_nyquist_only():
    n = 32
    y, x = torch.meshgrid(*[torch.arange(n, dtype=torch.float64)] * 2, indexing="ij")
    images = torch.randn(8, 1, n, n, dtype=torch.float64)
    for k, counts in (((0, 7), False), ((0, 8), True), ((0, 16), True), ((16, 16), False)):
        wave = torch.cos(2 * math.pi * (k[0] * y + k[1] * x) / n)
        gap = high_frequency_gap(images + 3 * wave, images)
        assert (gap > 0.05) == counts, k
        assert high_frequency_gap(images + 3 * wave, images, edge=0.3) > 0.05 or k == (16, 16)


def test_a_flat_image_gives_a_finite_gap_and_oblong_ones_are_refused():
    flat, images = torch.zeros(1, 3, 16, 16), torch.randn(1, 3, 16, 16)
    assert -40 < high_frequency_gap(flat, images) < -20
    with pytest.raises(ValueError, match="16x20 images: they must be square"):
        radial_spectrum(torch.zeros(1, 3, 16, 20))


def test_streamed_spectra_compare_like_images():
    images, targets = 0.5 * torch.randn(9, 3, 32, 32, dtype=torch.float64), torch.randn(7, 3, 32, 32)
    for sizes in ([9], [1, 5, 3], [2] * 4 + [1]):
        streamed = MeanSpectrum()
        for part in images.split(sizes):
            streamed.update(part)
        streamed.update(images[:0])
        frequency, power = radial_spectrum(images)
        assert streamed.n == 9 and torch.equal(streamed.frequency, frequency)
        assert torch.allclose(streamed.power, power, rtol=1e-10)
        for metric in (high_frequency_gap, spectrum_distance, lattice):
            wanted = metric(images, targets)
            assert metric(streamed, targets) == pytest.approx(wanted, abs=1e-9)
            assert metric(streamed, MeanSpectrum(targets)) == pytest.approx(wanted, abs=1e-9)


def test_distance_counts_too_much_and_too_little():
    images = torch.randn(4, 3, 32, 32, dtype=torch.float64) * 0.2
    assert spectrum_distance(images, images) == 0
    assert spectrum_distance(2 * images, images) == pytest.approx(math.log(4), abs=1e-12)
    assert spectrum_distance(images + 0.5, images) == pytest.approx(0, abs=1e-10)  # not the mean brightness
    # Rings 1 to 16 by hand, half of them with twice the contrast, half with half of it.
    power, wanted = naive(images)[1:17], naive(blurred(images, 1.0))[1:17]
    by_hand = np.sqrt(np.mean(np.log(np.array(power) / np.array(wanted)) ** 2))
    assert spectrum_distance(images, blurred(images, 1.0)) == pytest.approx(by_hand, rel=1e-9)
    low = bands(images, (0, 0.5))[0]
    mixed = 2 * low + 0.5 * (images - low)
    assert abs(high_frequency_gap(mixed, images, edge=0.05)) < 0.3 < spectrum_distance(mixed, images)


@pytest.mark.parametrize("n", [2, 5])
def test_deviations_of_white_noise_are_flat_at_its_variance(n):
    images = torch.randn(1, 40, 3, 32, 32, dtype=torch.float64)
    frequency, power = deviation_spectrum(images + 0.3 * torch.randn(n, 40, 3, 32, 32, dtype=torch.float64))
    assert len(frequency) == len(power) and torch.allclose(power[2:], torch.full_like(power[2:], 0.09), rtol=0.1)
    assert power.mean().item() == pytest.approx(0.09, rel=0.03)
    assert deviation_spectrum(images.expand(n, -1, -1, -1, -1))[1].max() < 1e-20
    with pytest.raises(ValueError, match="n of 2 or more"):
        deviation_spectrum(images)


def photos(n=16, size=64, seed=0):
    """Noise whose power falls with frequency, with more of it along the axes, as in photos of houses."""
    g = torch.Generator().manual_seed(seed)
    f = torch.fft.fftfreq(size, dtype=torch.float64) * size
    falls = 1 / torch.hypot(f[:, None], f[None]).clamp(min=1) * (1 + 2.0 * ((f[:, None] == 0) | (f[None] == 0)))
    noise = torch.fft.fft2(torch.randn(n, 3, size, size, generator=g, dtype=torch.float64))
    return torch.fft.ifft2(noise * falls).real * 2


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_grid_raises_the_lattice_and_blur_contrast_and_noise_do_not(period):
    truth = photos(64, seed=1)
    images = photos(64, seed=2)
    quiet = lattice(images, truth)
    assert abs(quiet) < 0.15 and lattice(images, images) == 0
    x = torch.arange(64) % period == 0
    grid = (x[:, None] & x).double() * 0.2
    assert lattice(images + grid, truth) > 1
    assert lattice(images * (1 + grid), truth) > quiet  # brighter where the image is bright
    rows = torch.zeros(64, 64, dtype=torch.float64)
    rows[::period] = 0.2
    assert lattice(images + rows, truth) > 0.5
    for changed in (blurred(images, 0.7), 3 * images, images + 0.5, images.roll((3, 5), (2, 3))):
        assert abs(lattice(changed, truth)) < 0.3
    assert abs(lattice(images + 0.1 * torch.randn(64, 3, 64, 64), truth)) < 0.6  # drowns the axes, adds no grid


def test_lattice_is_a_loop_over_its_frequencies():
    images, n = torch.randn(5, 3, 16, 16, dtype=torch.float64), 16
    power = (np.abs(np.fft.fft2(images.numpy())) ** 2).mean((0, 1))
    excess, axis = [], range(-8, 9)
    for ky in (-8, -4, 0, 4, 8):
        for kx in (-8, -4, 0, 4, 8):
            if (ky, kx) != (0, 0):
                r = round(math.hypot(ky, kx))
                ring = [
                    power[j % n, i % n] for j in axis for i in axis if round(math.hypot(j, i)) == r and (j % 4 or i % 4)
                ]
                excess.append(power[ky % n, kx % n] / np.mean(ring))
    flat = torch.zeros(1, 3, 16, 16)
    assert lattice(images, flat, period=4) == pytest.approx(math.log(np.mean(excess)), rel=1e-9)


def test_spectra_that_do_not_match_are_refused():
    a, b = torch.randn(2, 3, 32, 32), torch.randn(2, 3, 64, 64)
    for metric in (high_frequency_gap, spectrum_distance, lattice):
        for other, shape in ((b, "3, 64, 64"), (a[:, :1], "1, 32, 32")):
            with pytest.raises(ValueError, match=rf"images of \(3, 32, 32\) and targets of \({shape}\)"):
                metric(a, other)
        with pytest.raises(ValueError, match="no images yet"):
            metric(a, MeanSpectrum())
    with pytest.raises(ValueError, match=r"\(B, C, N, N\) \(3, 32, 32\) as before"):
        MeanSpectrum(a).update(b)
    for period in (1, 5, 32):
        with pytest.raises(ValueError, match="a grid of period"):
            lattice(a, a, period)
