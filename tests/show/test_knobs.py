"""GRIT's knobs: what is shown is what the call below it makes, and each control does what it says."""

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.methods import build
from gritlib.show.knobs import Knobs
from gritlib.show.paint_page import MEAN


def small(**options):
    torch.manual_seed(0)
    sizes = {"in_channels": 3, "out_channels": 3, "width": 4, "depth": 3, "d_width": 4, "noise_init": 0.5}
    return build("grit", {**sizes, **options}).eval()


@pytest.fixture
def A():
    return torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def styles():
    return {"dark": -torch.ones(3, 32, 32), "a < light": torch.rand(3, 32, 32)}


def again(widget: Knobs, method, A, styles) -> torch.Tensor:
    """The image that the call below the pictures makes."""
    code = re.fullmatch("<code>(.*)</code>", widget.call.value)[1]
    return eval(code, {"method": method, "A": A, "styles": list(styles.values())}).image


def pixels(html: str) -> np.ndarray:
    data = html.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_every_knob_changes_the_picture_and_the_call_makes_the_same(A, styles):
    method = small()
    widget = Knobs(method, A, styles)
    seen = [widget.out.image]

    def turned(what: str) -> None:
        assert torch.equal(widget.out.image, again(widget, method, A, styles)), what
        assert all(not torch.equal(widget.out.image, before) for before in seen), f"{what}: nothing changed"
        seen.append(widget.out.image)

    widget.strengths[0].value = 2.0
    turned("strength of the coarsest")
    widget.strengths[2].value = 0.0
    turned("strength of the finest")
    widget.style.value = "a < light"
    turned("style")
    widget.again.click()
    turned("another draw")
    widget.place.value = 2
    turned("place")
    widget.noise.value = "off"
    turned("noise off")
    assert "noise='zero'" in widget.call.value


def test_frozen_noise_stays_and_fresh_noise_is_another_at_every_change(A):
    method = small()
    widget = Knobs(method, A)
    first = widget.out.image
    widget.enlarge.value = 5.0
    assert torch.equal(widget.out.image, first), "frozen"
    widget.noise.value = "fresh"
    second = widget.out.image
    widget.enlarge.value = 3.0
    assert not torch.equal(widget.out.image, second) and not torch.equal(second, first)
    assert torch.equal(widget.out.image, again(widget, method, A, {}))


def test_strengths_are_named_by_the_side_of_their_block_and_go_back_together(A):
    widget = Knobs(small(), A)
    assert [s.description for s in widget.strengths] == ["noise at 8 px", "noise at 16 px", "noise at 32 px"]
    before, drawn = widget.picture.value, []
    for slider in widget.strengths:
        slider.value = 0.0
    off = widget.out.image
    assert "changes the image by 0.0 of 255" in widget.told.value and "noise at 16 px times 0" in widget.picture.value
    widget.noise.value = "off"
    assert torch.equal(widget.out.image, off), "no strength is no noise"
    widget.noise.value = "frozen"
    render, widget.render = widget.render, lambda: drawn.append(render())
    widget.trained.click()
    assert widget.picture.value == before and len(drawn) == 1, "drawn once"


def test_the_residual_is_shown_around_grey_and_enlarged(A):
    widget = Knobs(small(), A, truth=A, amplify=2)
    assert "From the left: reconstruction, 2 × residual, image, truth." in widget.picture.value
    shown = pixels(widget.picture.value)
    widget.enlarge.value = 1.0
    assert "1 × residual" in widget.picture.value
    changed = np.abs(shown.astype(int) - pixels(widget.picture.value)).max((0, 2)) > 0
    columns = np.flatnonzero(changed)
    assert columns.min() > 100 and columns.max() < 204, "only the residual changes"


def test_a_network_without_noise_style_or_residual_has_no_such_control(A, styles):
    plain = Knobs(small(noise=False, residual=False, style_dim=0), A[:1])
    assert plain.box.children == (plain.picture, plain.told, plain.call)
    assert plain.noise.value == "off"
    assert "no noise in this network. From the left: image." in plain.picture.value
    assert torch.equal(plain.out.image, again(plain, plain.method, A, {}))
    assert not Knobs(small(noise=False), A).strengths
    with pytest.raises(ValueError, match="without style: leave the styles out"):
        Knobs(small(style_dim=0), A, styles)


def test_names_of_styles_are_words_and_no_html(A, styles):
    widget = Knobs(small(), A, styles)
    assert widget.style.options == (MEAN, "dark", "a < light")
    widget.style.value = "a < light"
    assert "style: a &lt; light" in widget.picture.value


def test_inputs_that_do_not_fit_are_refused(A):
    with pytest.raises(ValueError, match=r"inputs of shape \(3, 32, 32\)"):
        Knobs(small(), A[0])
    with pytest.raises(ValueError, match=r"\(3, 3, 32, 32\), truths 2"):
        Knobs(small(), A, truth=A[:2])


def test_the_widget_shows_itself_in_a_notebook(A, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    widget = Knobs(small(), A)
    widget._ipython_display_()
    assert shown == [widget.box] and widget.box.children[0] is widget.place
