"""There and back over a training: the snapshot is what the networks made, and the widget follows both its sliders."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gritlib.show.scrub import ENLARGED, Scrub, there_and_back


@pytest.fixture
def x():
    return torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8


def brighter(by):
    return lambda images: images + by


@pytest.fixture
def shots(x):
    return [there_and_back(brighter(0.1), brighter(-0.1 + 0.024 * k), x, 10 * k) for k in (3, 2, 1)]


def test_a_snapshot_is_what_the_networks_make(x):
    shot = there_and_back(brighter(0.1), brighter(-0.05), x, 7)
    assert shot.step == 7 and torch.equal(shot.x, x)
    assert torch.allclose(shot.there, x + 0.1) and torch.allclose(shot.back, x + 0.05)
    assert torch.allclose(shot.difference, torch.full_like(x, ENLARGED * 0.05), atol=1e-6)
    assert shot.error(1) == pytest.approx(0.05 * 127.5, rel=1e-5)
    far = there_and_back(brighter(0.0), brighter(1.5), x)
    assert far.step == 0 and torch.equal(far.difference, torch.ones_like(x)), "cut at the end of the range"


def test_a_snapshot_keeps_no_graph_and_leaves_the_mode(x):
    nets = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    shot = there_and_back(*nets, x)
    assert not shot.back.requires_grad and nets[1].training
    assert shot.back.mean((0, 2, 3)).abs().max() < 1e-5, "batch norm took the statistics of these places"


def pixels(html: str) -> np.ndarray:
    data = html.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_widget_follows_both_sliders_and_says_what_it_shows(shots):
    widget = Scrub(shots, place=1)
    assert [label for label, _ in widget.moment.options] == ["step 30", "step 20", "step 10"]
    last = widget.picture.value
    assert 'alt="Place 1 after step 10:' in last and f"is {0.024 * 127.5:.1f} of 255" in last
    widget.moment.value = 0
    assert "Place 1 after step 30" in widget.picture.value and f"is {0.072 * 127.5:.1f} of" in widget.picture.value
    assert (pixels(widget.picture.value) != pixels(last)).any()
    widget.place.value = 2
    assert "Place 2 after step 30" in widget.picture.value
    widget.moment.value, widget.place.value = 2, 1
    assert widget.picture.value == last


def test_the_widget_shows_itself_in_a_notebook(shots, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    widget = Scrub(shots)
    widget._ipython_display_()
    assert shown == [widget.box] and widget.box.children == (widget.moment, widget.place, widget.picture)


def test_what_cannot_be_shown_is_refused(shots):
    with pytest.raises(ValueError, match="no snapshot: keep some of `there_and_back`"):
        Scrub([])
    with pytest.raises(ValueError, match="place 3: the snapshots have 3, numbered from 0"):
        Scrub(shots, place=3)
