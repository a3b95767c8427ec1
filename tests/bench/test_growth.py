"""Powers by hand, points in their order, and a real curve of a tiny network."""

import math

import pytest
import torch
from scipy import stats

from gritlib.bench import growth as room


def test_a_power_is_the_slope_of_the_logarithms():
    x = [1.0, 2.0, 4.0, 8.0]
    for slope in (0.0, 1.0, 2.0):
        found = room.power(x, [3.0 * value**slope for value in x])
        assert found == pytest.approx([slope] * 3, abs=1e-9)
    bent = [value * factor for value, factor in zip(x, (1.0, 1.1, 0.9, 1.0), strict=True)]
    found, low, high = room.power(x, bent)
    # By hand: ln x is 0, 1, 2, 3 times ln 2; the slope of the logarithms of the factors is −0.02007 / ln 2.
    assert found == pytest.approx(1 - 0.028952, abs=1e-4) and low < found < high
    told = stats.linregress([math.log(value) for value in x], [math.log(value) for value in bent])
    half = stats.t.ppf(0.975, 2) * told.stderr
    assert (low, high) == (pytest.approx(found - half, abs=1e-4), pytest.approx(found + half, abs=1e-4))


@pytest.mark.parametrize(("x", "y"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 0, 2])])
def test_what_has_no_power_is_refused(x, y):
    with pytest.raises(ValueError, match="needs three points"):
        room.power(x, y)
    with pytest.raises(ValueError, match="axis 'width' is unknown: choose one of pixels, images, steps"):
        room.growth("grit", "width")


def test_memory_that_is_not_told_has_no_power(monkeypatch):
    monkeypatch.setattr(room, "step_seconds", lambda *_: [1.0, 4.0, 16.0])
    monkeypatch.setattr(room, "in_fresh_process", lambda call, threads: {"mib": [0.0, 0.0, 0.0]})
    row = room.growth("grit", "pixels", points=(8, 16, 32))
    assert row["x"] == [64, 256, 1024] and row["seconds_power"] == pytest.approx([1, 1, 1])
    assert row["mib_power"] is None


def test_pixels_and_images_are_those_of_the_point():
    for axis, point, shape in (("pixels", 32, (2, 32)), ("images", 3, (3, 64))):
        ours = room.at("spade" if axis == "images" else "grit", axis, "smoke", point)
        batch = ours.source.batch([])
        assert all((len(x), x.shape[-1], x.shape[-2]) == (*shape, shape[1]) for x in batch.values())
        assert batch["A"].sum(1).eq(1).all() and ours.precision == "fp32"


def test_a_run_is_as_long_as_its_point(monkeypatch):
    asked = []

    class Ran:
        steps_per_second = 4.0

    monkeypatch.setattr(room, "fit", lambda *_, steps, **given: asked.append((steps, given["config"].device)) or Ran())
    assert room.run_seconds("grit", "smoke", (4, 8)) == [1.0, 2.0]
    assert asked == [(4, "cpu"), (4, "cpu"), (8, "cpu")]


@pytest.mark.slow
@pytest.mark.parametrize("axis", ["images", "steps"])
def test_a_real_curve(axis, monkeypatch):
    threads = torch.get_num_threads()
    monkeypatch.setattr(room, "FEWEST", 1)
    row = room.growth("pix2pix", axis, "smoke", 1, (1, 2, 4))
    assert row["points"] == row["x"] == [1, 2, 4] and len(row["seconds"]) == len(row["mib"]) == 3
    assert all(value > 0 for value in row["seconds"]) and row["mib"] == sorted(row["mib"])
    assert row["seconds_power"][1] < row["seconds_power"][0] < row["seconds_power"][2]
    assert torch.get_num_threads() == threads
