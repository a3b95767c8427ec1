"""The noise share on outputs whose noise is known."""

import math

import numpy as np
import pytest
import torch

from gritlib.metrics import calibration, noise_use, pairwise_distance, sampler_cost
from gritlib.metrics.diversity import high_pass


def made(n, s, size=(32, 32), images=4, seed=0):
    """n draws y = m + s·noise for each of some images, and the images m."""
    g = torch.Generator().manual_seed(seed)
    m = torch.randn(images, 3, *size, generator=g, dtype=torch.float64) * 0.4
    return m + s * torch.randn(n, images, 3, *size, generator=g, dtype=torch.float64), m


@pytest.mark.parametrize("s", [0.1, 0.5])
@pytest.mark.parametrize("size", [(32, 32), (20, 33)])
def test_known_noise_on_a_known_image(s, size):
    draws, m = made(100, s, size)
    std, share = noise_use(draws)
    assert std.shape == (4, *size) and std.mean().item() == pytest.approx(s, rel=0.03)
    one = high_pass(torch.randn(200, 3, *size, dtype=torch.float64)).square().mean().item()  # P_n of unit noise
    detail = high_pass(m).square().mean().item()  # P_m
    assert share == pytest.approx(s**2 * one / (detail + s**2 * one), rel=0.03)


def test_contrast_raises_the_std_and_not_the_share():
    draws, _ = made(20, 0.2)
    (std, share), (std3, share3) = noise_use(draws), noise_use(3 * draws)
    assert share3 == pytest.approx(share, rel=1e-9) and torch.allclose(std3, 3 * std)


def test_two_draws_estimate_the_share_without_bias():
    shares = [noise_use(made(2, 0.4, seed=k)[0])[1] for k in range(40)]
    many = noise_use(made(200, 0.4)[0])[1]
    assert sum(shares) / len(shares) == pytest.approx(many, rel=0.03)  # a biased variance would halve it


def test_the_two_ends():
    frozen = made(1, 0.0)[0].expand(5, -1, -1, -1, -1)
    std, share = noise_use(frozen)
    assert std.max() < 1e-12 and share == pytest.approx(0, abs=1e-12)
    pure = torch.randn(50, 4, 3, 32, 32, dtype=torch.float64)
    assert noise_use(pure)[1] == pytest.approx(1, abs=0.03)
    flat = torch.ones(3, 2, 3, 16, 16)
    assert noise_use(flat)[1] == pytest.approx(0, abs=1e-9)


def test_noise_in_low_frequencies_spreads_and_decides_no_detail():
    draws, _ = made(20, 0.0)
    brightness = torch.randn(20, 4, 3, 1, 1, dtype=torch.float64)
    std, share = noise_use(draws + brightness)
    assert std.mean() > 0.7 and share < 1e-12


def test_the_std_map_is_where_the_noise_is_and_the_mean_of_the_channels():
    draws = torch.zeros(2000, 1, 3, 8, 8, dtype=torch.float64)
    draws[:, 0, 0, :, :4] = torch.randn(2000, 8, 4, dtype=torch.float64)
    draws[:, 0, 1, :, :4] = 2 * torch.randn(2000, 8, 4, dtype=torch.float64)
    std, _ = noise_use(draws)
    assert std[0, :, 4:].max() == 0
    assert std[0, :, :4].mean().item() == pytest.approx((1 + 2 + 0) / 3, rel=0.02)


@pytest.mark.parametrize("size", [(16, 16), (15, 15), (16, 21)])
def test_high_pass_is_a_projection_that_keeps_and_cuts_by_frequency(size):
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    fine = high_pass(images)
    assert fine.shape == images.shape
    assert torch.allclose(high_pass(fine), fine, atol=1e-12)
    assert torch.allclose(high_pass(images + 7), fine, atol=1e-12)
    assert torch.allclose(high_pass(images, edge=0), images, atol=1e-12)
    x = torch.arange(64, dtype=torch.float64)
    for k, kept in ((15, 0.0), (16, 1.0), (31, 1.0)):  # half of Nyquist is 16 of 64
        wave = torch.cos(2 * torch.pi * k * x / 64).expand(64, 64)
        for direction in (wave, wave.T):
            assert torch.allclose(high_pass(direction), kept * direction, atol=1e-10)


def test_shapes_without_a_spread_are_refused():
    for shape in ((1, 2, 3, 8, 8), (2, 3, 8, 8)):
        with pytest.raises(ValueError, match=r"needed are \(n, B, C, H, W\)"):
            noise_use(torch.zeros(shape))


def test_pairwise_distance_is_the_mean_over_pairs():
    draws, _ = made(4, 0.3)

    def l1(a, b):
        return (a - b).abs().mean((1, 2, 3))

    wanted = [l1(draws[i], draws[j]).mean().item() for i in range(4) for j in range(4) if i != j]
    assert pairwise_distance(draws, l1) == pytest.approx(sum(wanted) / 12, rel=1e-12)
    assert pairwise_distance(draws[:1].expand(3, -1, -1, -1, -1), l1) == 0
    with pytest.raises(ValueError, match="one value an image, 4"):
        pairwise_distance(draws, lambda a, b: (a - b).abs().mean())
    with pytest.raises(ValueError, match="n of 2 or more"):
        pairwise_distance(draws[:1], l1)


def true_std(seed=0):
    """Standard deviations of three images, 0 in a quarter of each."""
    std = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    std[:, :8, :8] = 0
    return std * torch.tensor([0.1, 1.0, 0.4]).view(3, 1, 1)


def test_calibration_of_maps_that_are_known():
    true = true_std()
    assert calibration(true, true) == pytest.approx({"r": 1, "ratio": 1})
    assert calibration(0.3 * true, true) == pytest.approx({"r": 1, "ratio": 0.3})
    got = true * (1 + 0.3 * torch.randn(true.shape, dtype=torch.float64)).clamp(min=0)
    r = np.mean([np.corrcoef(a.flatten(), b.flatten())[0, 1] for a, b in zip(got.numpy(), true.numpy(), strict=True)])
    wanted = {"r": r, "ratio": (got.sum() / true.sum()).item()}
    assert calibration(got, true) == pytest.approx(wanted, rel=1e-9) and 0.8 < r < 1
    assert calibration(2 * got, true) == pytest.approx({"r": r, "ratio": 2 * wanted["ratio"]})
    shuffled = true.flatten(1)[:, torch.randperm(256)].view_as(true)
    assert abs(calibration(shuffled, true)["r"]) < 0.15


def test_samples_of_the_truth_are_calibrated():
    true = true_std()
    draws = torch.randn(20, 3, 3, 16, 16, dtype=torch.float64) * true[:, None]
    got = calibration(noise_use(draws)[0], true)
    assert 0.95 < got["ratio"] < 1.05 and got["r"] > 0.9


def test_calibration_of_maps_that_do_not_vary():
    true = true_std()
    assert math.isnan(calibration(torch.full_like(true, 0.1), true)["r"])
    assert calibration(torch.zeros_like(true), true)["ratio"] == 0
    one_flat = true.clone()
    one_flat[1] = 0.123456789
    assert calibration(one_flat, true)["r"] == pytest.approx(1)  # of the two others
    with pytest.raises(ValueError, match="0 everywhere"):
        calibration(true, torch.zeros_like(true))
    with pytest.raises(ValueError, match="finite and 0 or more"):
        calibration(true - 1, true)
    with pytest.raises(ValueError, match=r"must both be \(B, H, W\)"):
        calibration(true[0], true[0])


@pytest.mark.parametrize("n", [2, 5, 8])
def test_sampler_cost_is_the_mean_over_pairs_and_the_distance_to_the_median(n):
    samples = torch.rand(n, 2, 3, 5, 6, generator=torch.Generator().manual_seed(n), dtype=torch.float64) ** 3
    array = samples.numpy()
    pairs = [np.abs(array[i] - array[j]).mean() for i in range(n) for j in range(n) if i != j]
    wanted = {"best": np.abs(array - np.median(array, 0)).mean(), "sampler": np.mean(pairs)}
    wanted["ratio"] = wanted["sampler"] / wanted["best"]
    assert sampler_cost(samples) == pytest.approx(wanted, rel=1e-12)
    assert sampler_cost(samples.float())["sampler"] == pytest.approx(wanted["sampler"], rel=1e-6)
    moved = sampler_cost(0.4 * samples - 2)
    assert moved == pytest.approx(
        {"best": 0.4 * wanted["best"], "sampler": 0.4 * wanted["sampler"]} | {"ratio": wanted["ratio"]}
    )


def test_sampler_cost_of_known_distributions():
    g = torch.Generator().manual_seed(3)
    shape = (400, 1, 3, 10, 10)
    uniform = torch.rand(shape, generator=g, dtype=torch.float64)
    drawn = {math.sqrt(2): torch.randn(shape, generator=g, dtype=torch.float64), 4 / 3: uniform}
    drawn |= {2 * (1 - p): (torch.rand(shape, generator=g) < p).double() for p in (0.1, 0.3)}
    for ratio, samples in drawn.items():
        assert sampler_cost(samples)["ratio"] == pytest.approx(ratio, rel=0.01)
    assert sampler_cost(2 * uniform - 1)["sampler"] == pytest.approx(2 / 3, rel=0.01)


def test_sampler_cost_with_few_draws_underrates_the_best_by_what_is_said():
    samples = torch.randn(20, 4, 3, 40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    got = sampler_cost(samples)
    assert got["best"] == pytest.approx(math.sqrt(2 / math.pi) * (1 - 0.8 / 20), rel=0.01)
    assert got["sampler"] == pytest.approx(2 / math.sqrt(math.pi), rel=0.01)


def test_sampler_cost_of_draws_that_do_not_vary():
    got = sampler_cost(torch.ones(4, 1, 3, 8, 8))
    assert got["best"] == got["sampler"] == 0 and math.isnan(got["ratio"])
    for shape in ((1, 2, 3, 8, 8), (2, 3, 8, 8)):
        with pytest.raises(ValueError, match=r"needed are \(n, B, C, H, W\)"):
            sampler_cost(torch.zeros(shape))
