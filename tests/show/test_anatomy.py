"""GRIT's figures show what they say: parts with the residual around grey, spectra on a logarithmic scale, and standard
deviations on one scale."""

import io

import IPython.display
import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.metrics import calibration, radial_spectrum
from gritlib.nets import Output
from gritlib.show.anatomy import (
    NAMES,
    draw_parts,
    draw_spectra,
    draw_std_maps,
    measured,
    parts,
    residual_picture,
    spectra,
    std_maps,
)
from gritlib.show.figures import png

ALT = "three words enough"


@pytest.fixture
def said(monkeypatch):
    """The descriptions of what reaches the notebook."""
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, metadata=None, raw=False: seen.append(data["text/plain"])
    )
    return seen


@pytest.fixture
def out():
    g = torch.Generator().manual_seed(0)
    reconstruction = torch.rand(2, 3, 16, 16, generator=g) - 0.5
    residual = 0.1 * torch.randn(2, 3, 16, 16, generator=g)
    return Output(reconstruction + residual, reconstruction, residual)


def pixels(figure) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))


def words(figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def test_the_residual_is_grey_where_it_is_zero_and_enlarged():
    residual = torch.tensor([0.0, 0.1, -0.3])
    assert residual_picture(residual, 5).tolist() == pytest.approx([0, 0.5, -1])
    flat = torch.zeros(1, 3, 16, 16)
    picture = pixels(draw_parts(Output(flat + 0.5, flat + 0.5, flat), amplify=4))
    colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
    many = {tuple(colour): count for colour, count in zip(colours.tolist(), counts, strict=True)}
    assert many[128, 128, 128] >= 32 * 32 and many[191, 191, 191] >= 2 * 32 * 32, "one residual, two pictures"


def test_the_columns_are_named_and_the_truth_is_the_last(out, said):
    assert words(draw_parts(out))[:3] == ["reconstruction", "residual", "image"]
    figure = draw_parts(out, out.image, amplify=3, labels=["one", "two"])
    assert [w for w in words(figure) if w not in ("one", "two")][:4] == [
        "reconstruction",
        "3 × residual",
        "image",
        "truth",
    ]
    parts(out, alt=ALT)
    assert said == [ALT]


def test_spectra_are_those_of_the_metric_up_to_nyquist(out):
    found = measured(image=out.image, residual=out.residual)
    frequency, power = radial_spectrum(out.residual)
    assert list(found) == ["frequency", "image", "residual"]
    assert found["frequency"] == frequency[:9].tolist() and frequency[8] == 1
    assert found["residual"] == pytest.approx(power[:9].log().tolist())
    assert all(np.isfinite(measured(flat=torch.zeros(1, 1, 8, 8))["flat"])), "no power is the floor"


def test_the_curves_are_drawn_in_the_usual_order_with_their_values(out):
    found = measured(other=out.image, residual=out.residual, truth=out.image, image=out.image)
    axes = draw_spectra(found).axes[0]
    assert [line.get_label() for line in axes.lines] == ["truth", NAMES["image"], "residual", "other"]
    assert axes.lines[2].get_ydata().tolist() == found["residual"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("frequency relative to Nyquist", "ln power")
    assert [line.get_label() for line in draw_spectra(found, ["other", "truth"]).axes[0].lines] == ["other", "truth"]


def test_the_description_of_spectra_has_their_values(out, said):
    frequency = [0, 0.1, 0.5, 0.9, 1]
    spectra({"frequency": frequency, "truth": [9, 1, 2, 3, 9], "image": [9, -1, -2.25, -3, 9]}, alt=f"{ALT}.")
    assert said == [f"{ALT}. ln power at 0.1, 0.5, 0.9 times Nyquist: truth 1.0, 2.0, 3.0; image -1.0, -2.2, -3.0."]


def test_std_maps_share_one_scale_and_say_how_they_compare_with_the_truth(said):
    true = torch.linspace(0, 0.4, 256).view(1, 16, 16).repeat(2, 1, 1)
    figure = draw_std_maps({"GRIT": true / 2, "truth": true})
    picture = pixels(figure)
    assert words(figure)[:2] == ["GRIT", "truth"] and "white a standard deviation of 0.40 or more" in words(figure)[-1]
    side, top = 32, 22
    left, right = (picture[top : top + side, x : x + side].astype(float) for x in (4, 4 + side + 4))
    assert right.max() == 255 and right.min() == 0 and np.abs(left - right / 2).max() <= 2
    std_maps({"GRIT": true / 2, "truth": true}, torch.zeros(2, 3, 16, 16), alt=f"{ALT}.")
    c = calibration(true / 2, true)
    assert c["r"] == pytest.approx(1)
    assert said == [
        f"{ALT}. GRIT has a mean of 0.100, r = 1.00 with the truth and 0.50 of its deviation; "
        "truth has a mean of 0.200."
    ]
    std_maps({"noise": torch.zeros(2, 16, 16)}, alt=ALT)
    assert said[-1] == f"{ALT} noise has a mean of 0.000."


def test_what_cannot_be_shown_is_refused(out, said):
    for draw in (lambda: parts(out, alt=""), lambda: spectra({}, alt=""), lambda: std_maps({}, alt="no")):
        with pytest.raises(ValueError, match="describe the figure"):
            draw()
    with pytest.raises(ValueError, match="no residual: the network has one head"):
        parts(Output(out.image, out.image), alt=ALT)
    with pytest.raises(ValueError, match=r"spectra of nothing"):
        measured()
    with pytest.raises(ValueError, match=r"a \(16, 16\), b \(8, 8\): give images of one size"):
        measured(a=torch.zeros(1, 1, 16, 16), b=torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="needed are frequency and a curve"):
        draw_spectra({"truth": [1]})
    with pytest.raises(ValueError, match="no spectrum of sum: there are truth"):
        draw_spectra({"frequency": [1], "truth": [1]}, ["sum"])
    for maps in ({}, {"a": torch.zeros(2, 4, 4), "b": torch.zeros(1, 4, 4)}, {"a": torch.zeros(4, 4)}):
        with pytest.raises(ValueError, match=r"needed is one shape, \(B, H, W\)"):
            draw_std_maps(maps)
    assert not said
