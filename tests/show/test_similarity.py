"""The similarity map of a place: the right cell is framed, the brightest is the most similar, and the widget follows
its sliders without a screen."""

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data.images import to_uint8
from gritlib.show import similarity as module
from gritlib.show.similarity import MARK, SCALE, SimilarityViewer, cell_of, draw_similarity, rank, similarity_figure


@pytest.fixture
def images():
    return torch.rand(2, 2, 3, 32, 48, generator=torch.Generator().manual_seed(0)).mul(1.6).sub(0.8)  # in/out, n, …


@pytest.fixture
def cosines():
    """8 x 12 cells: most similar is row 6, column 1; row 2, column 9 comes second."""
    values = torch.linspace(-0.6, -0.3, 96).view(8, 12)
    values[6, 1], values[2, 9] = 0.9, 0.83
    return values


def test_a_pixel_lies_in_the_cell_that_covers_it():
    assert [cell_of((y, 0), (8, 12), (32, 48))[0] for y in (0, 3, 4, 31)] == [0, 0, 1, 7]
    assert [cell_of((0, x), (8, 12), (32, 48))[1] for x in (0, 3, 4, 47)] == [0, 0, 1, 11]
    assert cell_of((5, 7), (32, 48), (32, 48)) == (5, 7)


@pytest.mark.parametrize("yx, says", [((32, 0), "y = 32"), ((0, 48), "x = 48"), ((-1, 0), "y = -1")])
def test_a_pixel_outside_of_the_image_is_refused_with_the_range(yx, says):
    with pytest.raises(ValueError, match=f"{says} lies outside of the image: choose 0 to"):
        cell_of(yx, (8, 12), (32, 48))


def test_sizes_that_do_not_fit_are_refused(images, cosines):
    with pytest.raises(ValueError, match="does not divide"):
        cell_of((0, 0), (7, 12), (32, 48))
    with pytest.raises(ValueError, match="two images"):
        draw_similarity(images[0, 0], images[1, 0, :, :16], cosines, (0, 0))
    with pytest.raises(ValueError, match="a map"):
        draw_similarity(images[0, 0], images[1, 0], cosines[None], (0, 0))


def test_rank_counts_the_cells_that_are_more_similar(cosines):
    assert rank(cosines, (6, 1)) == 1 and rank(cosines, (2, 9)) == 2 and rank(cosines, (0, 0)) == 96


@pytest.fixture
def sheets(monkeypatch):
    """What is handed to the drawing of pictures."""
    kept = []

    def keep(rows, titles=(), labels=(), scale=2, caption=""):
        kept.extend(rows[0])
        assert scale == 1 and len(titles) == len(rows[0]) == 3
        return None

    monkeypatch.setattr(module, "draw_pictures", keep)
    return kept


def test_the_chosen_cell_is_framed_in_all_three_and_nothing_else_is_changed(images, cosines, sheets):
    image_in, image_out = images[0, 0], images[1, 0]
    draw_similarity(image_in, image_out, cosines, (9, 37))  # row 2, column 9 of cells of 4 x 4
    plain = [to_uint8(image[None])[0].repeat(SCALE, 0).repeat(SCALE, 1) for image in (image_out, image_in)]
    frame = np.zeros((32 * SCALE, 48 * SCALE), bool)
    frame[8 * SCALE - 2 : 12 * SCALE + 2, 36 * SCALE - 2 : 40 * SCALE + 2] = True
    frame[8 * SCALE : 12 * SCALE, 36 * SCALE : 40 * SCALE] = False
    for sheet, wanted in zip(sheets, plain, strict=False):
        assert (sheet[frame] == MARK).all() and (sheet[~frame] == wanted[~frame]).all()
    assert (sheets[2][frame] == MARK).all()


def test_a_frame_at_the_border_is_cut_there(images, cosines, sheets):
    draw_similarity(images[0, 0], images[1, 0], cosines, (0, 0))
    marked = (sheets[2] == MARK).all(-1)
    assert marked[4 * SCALE : 4 * SCALE + 2, : 4 * SCALE + 2].all() and marked.sum() == 2 * (8 * SCALE + 2)


def test_brightness_is_the_exponential_of_the_cosine_and_the_most_similar_is_white(images, cosines, sheets):
    draw_similarity(images[0, 0], images[1, 0], cosines, (31, 47))
    heat = sheets[2][:: 4 * SCALE, :: 4 * SCALE, 0]
    assert heat.shape == (8, 12) and heat[6, 1] == 255
    assert heat[2, 9] == round(255 * np.exp((0.83 - 0.9) / 0.07)) == 94
    assert heat[0, 0] == 0
    sheets.clear()
    draw_similarity(images[0, 0], images[1, 0], cosines, (31, 47), tau=0.7)
    assert sheets[2][2 * 4 * SCALE, 9 * 4 * SCALE, 0] == round(255 * np.exp(-0.1)) == 231


def test_the_plain_cell_presents_the_figure_with_words(images, cosines, monkeypatch):
    shown = []
    monkeypatch.setattr(module, "present", lambda figure, alt: shown.append(alt))
    similarity_figure(images[0, 0], images[1, 0], cosines, (9, 37), alt="A place at the coast.")
    assert shown == [
        "A place at the coast. Pixel 9, 37 lies in row 2, column 9 of 8 x 12 cells. Most similar in the input is row "
        "6, column 1, cosine 0.90; the same place has 0.83, rank 2 of 96."
    ]
    with pytest.raises(ValueError, match="describe the figure"):
        similarity_figure(images[0, 0], images[1, 0], cosines, (9, 37), alt="")


def pixels(html: str) -> np.ndarray:
    data = html.split("base64,")[1].split('"')[0]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))


def test_the_widget_follows_its_sliders_and_describes_what_it_shows(images, cosines):
    asked = []

    def similarity(i, y, x):
        asked.append((i, y, x))
        return cosines.roll(i, 1)

    widget = SimilarityViewer(*images, similarity)
    assert asked == [(0, 16, 24)] and (widget.y.max, widget.x.max, widget.number.max) == (31, 47, 1)
    first = widget.picture.value, widget.text.value
    widget.y.value = 9
    widget.x.value = 37
    assert asked[1:] == [(0, 9, 24), (0, 9, 37)]
    assert "the same place has 0.83, rank 2 of 96" in widget.text.value and widget.text.value in widget.picture.value
    assert (pixels(widget.picture.value) != pixels(first[0])).any()
    widget.number.value = 1
    assert asked[-1] == (1, 9, 37) and "row 6, column 2, cosine 0.90" in widget.text.value
    widget.number.value, widget.y.value, widget.x.value = 0, 16, 24
    assert (widget.picture.value, widget.text.value) == first


def test_the_widget_shows_itself_in_a_notebook(images, cosines, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    widget = SimilarityViewer(*images, lambda *where: cosines)
    widget._ipython_display_()
    assert shown == [widget.box]
    assert widget.box.children == (widget.number, widget.y, widget.x, widget.picture, widget.text)
