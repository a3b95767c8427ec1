"""Colours against scikit-image's CIELAB, and the overlap against histograms by hand."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from gritlib.metrics import colour_overlap
from gritlib.metrics.colour import to_lab


def test_lab_is_scikit_images():
    images = torch.rand(2, 3, 16, 12, dtype=torch.float64) * 2 - 1
    images[0, :, 0, :6] = torch.tensor([-1.0, 1.0, 0.0, -0.99, -0.95, -0.92], dtype=torch.float64)  # both branches
    wanted = rgb2lab((images.permute(0, 2, 3, 1).numpy() + 1) / 2)
    assert np.abs(to_lab(images).permute(0, 2, 3, 1).numpy() - wanted).max() < 0.02  # its matrix has other last digits


def test_greys_have_no_colour_and_white_is_a_hundred():
    greys = torch.linspace(-1, 1, 9).view(9, 1, 1, 1).expand(9, 3, 2, 2)
    lab = to_lab(greys)
    assert lab[:, 1:].abs().max() < 1e-6  # float32 inputs
    assert lab[0, 0].abs().max() < 1e-9 and lab[-1, 0].sub(100).abs().max() < 1e-9


def flat(*colour, n=2):
    return torch.tensor(colour).view(1, 3, 1, 1).expand(n, 3, 4, 4)


def test_overlap_is_one_for_the_same_colours_in_any_order_and_zero_for_none_in_common():
    images = torch.rand(4, 3, 16, 16) * 2 - 1
    mixed = images.flip(0).transpose(2, 3).flip(3)
    assert colour_overlap(images, images) == colour_overlap(images, mixed) == pytest.approx(1)
    red, blue = flat(1.0, -1.0, -1.0), flat(-1.0, -1.0, 1.0)
    green = flat(-1.0, 1.0, -1.0)
    assert colour_overlap(red, green) == colour_overlap(blue, green) == 0
    assert colour_overlap(red, blue) == 0.5  # each channel for itself: both have an a* of 80


def test_overlap_by_hand():
    """Half of the pixels grey, half red: of a* and of b* half the mass lies where grey's is."""
    grey, red = flat(0.0, 0.0, 0.0), flat(1.0, -1.0, -1.0)
    half = torch.cat([grey[:1], red[:1]])
    assert colour_overlap(half, grey) == colour_overlap(grey, half) == pytest.approx(0.5)
    assert colour_overlap(half, half) == pytest.approx(1)


def test_overlap_is_that_of_numpys_histograms():
    images, targets = (torch.rand(3, 3, 8, 8).pow(p) * 1.6 - 0.8 for p in (1, 2))
    wanted = 0
    for channel in (1, 2):
        p, q = (
            np.histogram(to_lab(x)[:, channel].numpy(), np.arange(-129, 130, 2))[0] / 192 for x in (images, targets)
        )
        wanted += np.minimum(p, q).sum() / 2
    assert colour_overlap(images, targets) == pytest.approx(wanted, abs=1e-12) and 0.1 < wanted < 0.95


def test_averages_are_greyer_and_lose_overlap_while_brightness_and_place_change_nothing():
    colours = torch.rand(64, 3, 8, 8) * 0.6 - 0.3
    average = colours.mean((2, 3), keepdim=True).expand_as(colours)
    assert colour_overlap(average, colours) < 0.6
    assert colour_overlap(colours.roll(3, -1), colours) == pytest.approx(1)
    grey = torch.rand(4, 1, 8, 8).expand(4, 3, 8, 8)
    assert colour_overlap(grey, 0.3 * grey) == pytest.approx(1)  # brighter or darker, still grey


def test_refuses_what_has_no_colour_and_other_ranges():
    with pytest.raises(ValueError, match="1 channels have no colour"):
        colour_overlap(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="metrics expect"):
        colour_overlap(torch.full((1, 3, 4, 4), 255.0), torch.zeros(1, 3, 4, 4))
