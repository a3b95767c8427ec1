"""Blur against noise: both at the level that was asked for, and the widget follows its slider without a screen."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data import faces
from gritlib.metrics import l1_255, psnr, ssim
from gritlib.show.widgets import BlurNoise, blur, blur_noise, reach


@pytest.fixture(scope="module")
def face():
    return faces.load("test", 64, n=1).batch([0])["B"][0]


@pytest.mark.parametrize("l1", [0.5, 3.0, 8.0, 15.0])
def test_both_have_exactly_the_l1_that_was_asked_for(face, l1):
    blurred, noisy, scores = blur_noise(face, l1)
    for name, picture in (("blurred", blurred), ("noisy", noisy)):
        assert picture.shape == face.shape and picture.abs().max() <= 1
        pair = picture[None], face[None].double()
        assert l1_255(*pair).item() == pytest.approx(l1, abs=1e-6) == scores[name]["L1"]
        assert scores[name]["PSNR"] == psnr(*pair).item() and scores[name]["SSIM"] == ssim(*pair).item()
    assert scores["blurred"]["spectrum gap"] < 0 < scores["noisy"]["spectrum gap"]


def test_the_pattern_of_the_noise_stays_while_the_level_grows(face):
    inside = (slice(None), slice(20, 40), slice(20, 40))  # away from values that the clamp cuts
    little, more = (blur_noise(0.5 * face, l1)[1] - 0.5 * face for l1 in (2.0, 4.0))
    ratio = more[inside] / little[inside]
    assert ratio.std() < 1e-6 and ratio.mean() == pytest.approx(2, abs=1e-6)
    assert not torch.equal(blur_noise(face, 4.0, seed=1)[1], blur_noise(face, 4.0)[1])


def test_the_blur_is_a_gaussian_that_keeps_the_mean(face):
    assert torch.allclose(blur(face, 0.0), face.double(), atol=1e-12)
    assert blur(face, 5.0).mean().item() == pytest.approx(face.double().mean().item(), abs=1e-12)
    point = torch.zeros(1, 33, 33)
    point[0, 16, 16] = 1
    t = torch.arange(-16, 17).double()
    wanted = torch.exp(-(t[:, None] ** 2 + t[None] ** 2) / (2 * 1.5**2)) / (2 * np.pi * 1.5**2)
    assert torch.allclose(blur(point, 1.5)[0], wanted, atol=1e-4)


@pytest.mark.parametrize("l1", [0.0, -1.0, 200.0, float("nan")])
def test_levels_that_cannot_be_are_refused_with_the_range(face, l1):
    with pytest.raises(ValueError, match=f"above 0 and up to {reach(face):.1f}"):
        blur_noise(face, l1)
    with pytest.raises(ValueError, match="one picture"):
        blur_noise(face[None], 5.0)


def pixels(html: str) -> np.ndarray:
    data = html.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_widget_follows_its_slider_and_describes_what_it_shows(face):
    widget = BlurNoise(face)
    before = widget.picture.value, widget.scores.value
    widget.level.value = 12.0
    assert widget.picture.value != before[0] and widget.scores.value != before[1]
    assert (pixels(widget.picture.value) != pixels(before[0])).any()
    _, _, scores = blur_noise(face, 12.0)
    for row in scores.values():
        for value in row.values():
            assert f"{value:.2f}" in widget.scores.value and f"{value:.2f}" in widget.picture.value
    assert 'alt="A picture, the same blurred' in widget.picture.value and "at L1 12." in widget.picture.value
    assert '<th scope="row">noisy</th>' in widget.scores.value
    widget.level.value = 8.0
    assert (widget.picture.value, widget.scores.value) == before


def test_the_slider_ends_where_blur_ends(face):
    flat = BlurNoise(0.2 * face, l1=50.0)
    assert flat.level.value == flat.level.max == int(reach(0.2 * face)) < 30


def test_the_widget_shows_itself_in_a_notebook(face, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    widget = BlurNoise(face)
    widget._ipython_display_()
    assert shown == [widget.box] and widget.box.children == (widget.level, widget.picture, widget.scores)
