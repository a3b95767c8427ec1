"""Bands that add up to the image, the gain derivative against finite differences, and known residuals."""

import math

import pytest
import torch

from gritlib.metrics import bands, gain_derivative, low_share

EDGES = (0, 0.06, 0.25, 0.5, 1, math.sqrt(2))


@pytest.mark.parametrize("size", [(16, 16), (15, 15), (12, 21), (64, 64)])
def test_bands_add_up_to_the_images_and_are_projections(size):
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    parts = bands(images, EDGES)
    assert parts.shape == (5, 2, 3, *size) and parts.dtype == torch.float64
    assert torch.allclose(parts.sum(0), images, atol=1e-12)
    assert parts.square().sum().item() == pytest.approx(images.square().sum().item(), rel=1e-10)  # orthogonal
    again = bands(parts[2], EDGES)
    assert torch.allclose(again[2], parts[2], atol=1e-12) and again[[0, 1, 3, 4]].abs().max() < 1e-12


@pytest.mark.parametrize("k", [(0, 0), (0, 4), (3, 4), (0, 8), (6, 8), (16, 16), (16, 0)])
def test_a_wave_lies_in_the_band_of_its_radius(k):
    y, x = torch.meshgrid(*[torch.arange(32, dtype=torch.float64)] * 2, indexing="ij")
    wave = torch.cos(2 * math.pi * (k[0] * y + k[1] * x) / 32).view(1, 1, 32, 32)
    edges = (0, 0.25, 0.5, 1, math.sqrt(2))
    radius = math.hypot(*k) / 16
    # An edge belongs to the band above it, the last one to the band below.
    band = 3 if radius >= 1 else sum(radius >= edge for edge in edges[1:3])
    parts = bands(wave, edges)
    assert torch.allclose(parts[band], wave, atol=1e-12)
    assert parts[[b for b in range(4) if b != band]].abs().max() < 1e-12


def test_edges_that_do_not_cover_everything_leave_the_rest_out():
    images = torch.randn(1, 1, 16, 16) + 3
    assert abs(bands(images, (0.1, 2)).sum(0).mean().item()) < 1e-12  # without the mean
    for bad in ((0.5,), (0, 0.5, 0.5), (0.5, 0.2), (-0.1, 1)):
        with pytest.raises(ValueError, match="ascending"):
            bands(images, bad)


def test_gain_derivative_is_the_finite_difference_and_adds_up():
    target = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    output = torch.randn(2, 3, 16, 16, dtype=torch.float64, requires_grad=True)

    def loss(y):
        return (y - target).abs().pow(1.5).mean() + y.sin().sum()

    (grad,) = torch.autograd.grad(loss(output), output)
    got = gain_derivative(grad, output, EDGES)
    h = 1e-5
    wanted = [(loss(output + h * b) - loss(output - h * b)) / (2 * h) for b in bands(output.detach(), EDGES)]
    assert got.tolist() == pytest.approx([w.item() for w in wanted], rel=1e-6)
    assert got.sum().item() == pytest.approx((grad * output).sum().item(), rel=1e-10)
    assert not got.requires_grad


def test_gain_derivative_of_the_energy_is_the_bands_energy():
    output = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    energy = bands(output, EDGES).square().sum((1, 2, 3, 4))
    assert torch.allclose(gain_derivative(output, output, EDGES), energy)
    assert torch.allclose(gain_derivative(-output, output, EDGES), -energy)  # wants more: below 0
    with pytest.raises(ValueError, match="must both be"):
        gain_derivative(output[:1], output, EDGES)


def wave(k, size=32):
    """A cosine of k = (rows, columns) periods."""
    y, x = torch.meshgrid(*[torch.arange(size, dtype=torch.float64)] * 2, indexing="ij")
    return torch.cos(2 * math.pi * (k[0] * y + k[1] * x) / size).view(1, 1, size, size)


@pytest.mark.parametrize("size", [(32, 32), (15, 15), (16, 21)])
def test_the_low_share_is_the_power_of_the_lowest_band(size):
    residual = torch.randn(3, 3, *size, dtype=torch.float64) * torch.tensor([0.1, 1, 4]).view(3, 1, 1, 1) + 0.2
    for edge in (0.11, 0.37, 0.93):
        low = bands(residual, (0, edge))[0]
        wanted = (low.square().sum() / residual.square().sum()).item()
        assert low_share(residual, edge)["share"] == pytest.approx(wanted, rel=1e-10)
    assert low_share(residual.float(), 0.37)["share"] == pytest.approx(low_share(residual, 0.37)["share"], rel=1e-5)


def test_a_known_residual():
    residual = 0.1 + 0.3 * wave((0, 1)) + 0.4 * wave((5, 12))  # radius 1/16 and 13/16 of Nyquist
    power = {"mean": 0.1**2, "coarse": 0.3**2 / 2, "fine": 0.4**2 / 2}
    got = low_share(residual)
    assert got["share"] == pytest.approx((power["mean"] + power["coarse"]) / sum(power.values()), rel=1e-12)
    assert got["colour"] == pytest.approx(12.75, rel=1e-12)
    assert low_share(residual, edge=1 / 16)["share"] == pytest.approx(power["mean"] / sum(power.values()), rel=1e-12)
    assert low_share(residual - 0.1 - 0.3 * wave((0, 1))) == pytest.approx({"share": 0, "colour": 0}, abs=1e-12)


def test_colours_of_channels_and_images_do_not_cancel():
    constant = torch.tensor([[0.1, -0.1, 0.0], [-1.5, 0.0, 0.3]], dtype=torch.float64)
    got = low_share(constant[:, :, None, None].expand(2, 3, 8, 8))
    assert got == pytest.approx({"share": 1, "colour": 127.5 * 2.0 / 6}, rel=1e-12)


def test_residuals_that_say_nothing():
    assert low_share(torch.zeros(1, 3, 8, 8)) == {"share": 0.0, "colour": 0.0}
    with pytest.raises(ValueError, match=r"\(3, 8, 8\): needed is"):
        low_share(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="edge 0: needed is a frequency above 0"):
        low_share(torch.zeros(1, 3, 8, 8), edge=0)
