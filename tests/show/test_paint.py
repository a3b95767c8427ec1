"""The painter without a browser: what its tools draw, what is refused at the door, when a picture is made, and what is
handed to the network."""

import io
import json
import re
import threading
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from skimage.segmentation import flood as flooded

from gritlib.data import catalog
from gritlib.data.images import colourise, to_uint8
from gritlib.nets import Output
from gritlib.show import paint as module
from gritlib.show.paint import Painter, paint
from gritlib.show.paint_map import as_ids, described, flood, line
from gritlib.show.paint_page import MEAN

CLASSES, PALETTE = ("crown", "grass", "bare"), ((40, 120, 40), (150, 200, 90), (210, 190, 140))
SCRIPT = Path(module.__file__).with_suffix(".js").read_text(encoding="utf-8")


@pytest.fixture
def start():
    """Three stripes, 12 x 20."""
    return torch.arange(12)[:, None].div(4, rounding_mode="floor").repeat(1, 20)


class Render:
    """The coloured map, darker by style and seed; keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, labels, style, seed):
        self.asked.append((labels, style, seed))
        return colourise(labels[None], PALETTE)[0] / (1 + (style or 0) + (seed or 0))


@pytest.fixture
def render():
    return Render()


@pytest.fixture
def painter(render, start):
    styles = [torch.full((3, 12, 20), value) for value in (-0.5, 0.5)]
    return Painter(render, start, CLASSES, PALETTE, [start, 0 * start + 1], styles, "new style")


def decoded(painter) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(painter.result)))


# --- what the tools draw


@given(st.integers(0, 2**32 - 1), st.integers(0, 11), st.integers(0, 19), st.integers(0, 2))
@settings(deadline=None, max_examples=50)
def test_a_flood_is_that_of_scikit_image(seed, y, x, id):
    ids = np.random.default_rng(seed).integers(0, 3, (12, 20)).astype(np.uint8)
    wanted = np.where(flooded(ids, (y, x), connectivity=1), np.uint8(id), ids)
    flood(ids, y, x, id)
    assert (ids == wanted).all()


@given(*[st.integers(-5, 25) for _ in range(4)], st.integers(0, 5))
@settings(deadline=None, max_examples=50)
def test_a_line_is_all_that_lies_near_its_pixels(y0, x0, y1, x1, radius):
    ids = np.zeros((12, 20), np.uint8)
    line(ids, (y0, x0), (y1, x1), 2, radius)
    n = max(abs(y1 - y0), abs(x1 - x0), 1)
    along = np.arange(n + 1) / n
    # Exact for these lengths: the halves that are rounded up are whole multiples of 1/2 up to a float's error.
    cy, cx = (np.floor(a + along * (b - a) + 0.5 + 1e-9) for a, b in ((y0, y1), (x0, x1)))
    yy, xx = np.mgrid[:12, :20]
    near = ((yy[..., None] - cy) ** 2 + (xx[..., None] - cx) ** 2).min(-1) <= radius**2
    assert ((ids == 2) == near).all() and set(np.unique(ids)) <= {0, 2}


def test_a_stroke_goes_through_all_its_points(painter, start):
    painter.stroke([(1, 1), (1, 6), (9, 6)], "bare", 0)
    wanted = start.clone()
    wanted[1, 1:7], wanted[1:10, 6] = 2, 2
    assert torch.equal(painter.ids, wanted)
    painter.stroke([(10, 15)], 0, 1)
    wanted[9:12, 15], wanted[10, 14:17] = 0, 0
    assert torch.equal(painter.ids, wanted)
    painter.chosen, painter.brush = 1, 30
    painter.stroke([(100, 100)])
    assert torch.equal(painter.ids, wanted), "all of it lies outside"
    painter.stroke([(6, 6)])
    assert (painter.ids == 1).all(), "the chosen class and the brush of the controls"
    painter.stroke([])
    assert painter.steps == 3, "nothing was drawn by the one outside and by the empty one"


def test_fill_and_what_it_refuses(painter, start):
    painter.fill(0, 19, "grass")
    assert torch.equal(painter.ids, start.clamp(min=1))
    painter.chosen = 2
    painter.fill(3, 3)
    assert (painter.ids == 2).all()
    for y, x in ((12, 0), (0, 20), (-1, 0)):
        with pytest.raises(ValueError, match=f"pixel {y}, {x} lies outside of the map of 12 x 20"):
            painter.fill(y, x)
    with pytest.raises(ValueError, match="class 'tree' is unknown: choose one of crown, grass, bare"):
        painter.fill(0, 0, "tree")
    with pytest.raises(ValueError, match=r"class 3: this model knows 0\.\.2"):
        painter.stroke([(0, 0)], 3)


def test_undo_goes_back_change_by_change_also_over_a_loaded_map(painter, start, render):
    painter.undo()
    assert painter.steps == 0 and torch.equal(painter.ids, start) and len(render.asked) == 1
    painter.fill(0, 0, 1)
    one = painter.ids
    painter.load(1)
    assert painter.loaded == 1 and (painter.ids == 1).all() and painter.steps == 2
    painter.undo()
    assert torch.equal(painter.ids, one) and painter.steps == 1
    painter.fill(11, 0, 0)
    painter.undo()
    painter.undo()
    assert torch.equal(painter.ids, start) and painter.steps == 0
    assert (decoded(painter) == to_uint8(colourise(start[None], PALETTE))[0]).all()


def test_undo_remembers_a_limited_number(painter, monkeypatch):
    for number in range(module.STEPS + 5):
        painter.stroke([(0, 0)], number % 2 + 1, 0)
    assert painter.steps == module.STEPS
    for _ in range(module.STEPS):
        painter.undo()
    assert painter.steps == 0


def test_a_map_that_is_not_there_is_refused(painter, start):
    with pytest.raises(ValueError, match="map 2: there are 2, numbered from 0"):
        painter.load(2)
    assert torch.equal(painter.ids, start) and painter.loaded == 0


# --- what is refused at the door


@pytest.mark.parametrize("kind", [np.ndarray.tobytes, np.copy, torch.from_numpy, lambda ids: ids.astype(np.int64)])
def test_labels_are_taken_as_bytes_array_or_tensor(painter, start, kind):
    ids = start.flip(0).to(torch.uint8).numpy()
    painter.labels = kind(ids)
    assert torch.equal(painter.ids, start.flip(0)) and painter.labels == ids.tobytes()


def test_unknown_ids_are_named_and_map_and_picture_stay(painter, start, render):
    kept = painter.labels, painter.result
    bad = start.clone()
    bad[0, 0], bad[5, 5] = 19, 255
    for labels in (bad, bad.numpy(), bad.to(torch.uint8).numpy().tobytes()):
        with pytest.raises(ValueError, match=re.escape("label map has ids [19, 255], this model knows 0..2")):
            painter.labels = labels
    with pytest.raises(ValueError, match=re.escape("ids [-1, 256]")):
        painter.labels = torch.where(bad == 19, 256, torch.where(bad == 255, -1, bad))
    assert (painter.labels, painter.result) == kept and painter.steps == 0 and len(render.asked) == 1


def test_other_sizes_and_kinds_are_refused(start):
    with pytest.raises(ValueError, match="label map of 5 bytes: 12 x 20 pixels are 240"):
        as_ids(b"12345", (12, 20), 3)
    with pytest.raises(ValueError, match=r"shape \(20, 12\) and type uint8: needed are whole numbers, 12 x 20"):
        as_ids(np.zeros((20, 12), np.uint8), (12, 20), 3)
    for wrong in (start.float(), start == 1):
        with pytest.raises(ValueError, match="needed are whole numbers"):
            as_ids(wrong, (12, 20), 3)


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"labels": torch.zeros(1, 4, 4, dtype=torch.int64)}, r"shape \(1, 4, 4\): a painter takes one map"),
        ({"palette": PALETTE[:2]}, "3 classes and 2 colours"),
        ({"fresh": "new hat"}, "fresh='new hat' is unknown: choose one of None, 'new style', 'new noise'"),
        ({"maps": [torch.full((12, 20), 3)]}, r"ids \[3\], this model knows 0..2"),
        ({"render": lambda labels, style, seed: torch.zeros(1, 3, 4, 4)}, r"render gave shape \(1, 3, 4, 4\)"),
    ],
)
def test_a_painter_that_cannot_work_is_refused(render, start, changed, says):
    with pytest.raises(ValueError, match=says):
        Painter(**{"render": render, "labels": start, "classes": CLASSES, "palette": PALETTE} | changed)


# --- when a picture is made, and which


def test_the_picture_is_the_rendered_image_and_says_that_it_was_generated(painter, render, start):
    assert (decoded(painter) == to_uint8(colourise(start[None], PALETTE))[0]).all()
    assert Image.open(io.BytesIO(painter.result)).info["Description"] == "generated by gritlib"
    labels, style, seed = render.asked[0]
    assert labels.dtype == torch.int64 and torch.equal(labels, start) and style is seed is None
    painter.fill(0, 0, 2)
    assert (decoded(painter) == to_uint8(painter.image[None])[0]).all()
    assert torch.equal(painter.image, colourise(painter.ids[None], PALETTE)[0])


def test_no_graph_is_kept(start):
    weight = torch.ones(3, 1, 1, requires_grad=True)
    painter = Painter(lambda labels, style, seed: weight * labels / 2, start, CLASSES, PALETTE)
    assert not painter.image.requires_grad


def test_style_and_seed_reach_the_network_each_with_one_picture(painter, render):
    painter.choose(1)
    painter.new_seed()
    painter.new_seed()
    painter.choose(0)
    painter.choose(None)
    assert [asked[1:] for asked in render.asked] == [
        (None, None),
        (1, None),
        (None, 0),
        (None, 1),
        (0, None),
        (None, None),
    ]
    painter.style = 1
    painter.seed = 5
    assert render.asked[-1][1:] == (1, 5)
    for name, value in (("style", 2), ("style", -1), ("chosen", 3)):
        with pytest.raises(
            ValueError, match=f"{name} {value}: there are {3 if name == 'chosen' else 2}, numbered from 0"
        ):
            setattr(painter, name, value)


def test_noise_goes_with_any_style(render, start):
    painter = Painter(render, start, CLASSES, PALETTE, styles=[torch.zeros(3, 4, 4)], fresh="new noise", seed=3)
    painter.choose(0)
    painter.new_seed()
    assert [asked[1:] for asked in render.asked] == [(None, 3), (0, 3), (0, 4)]
    assert painter.look == 0, "the image whose style it is stays pressed"


def test_a_failing_network_is_told_and_nothing_is_lost(start):
    def render(labels, style, seed):
        if (labels == 2).all():
            raise RuntimeError("a shape does not fit")
        return colourise(labels[None], PALETTE)[0]

    painter = Painter(render, start, CLASSES, PALETTE)
    kept = painter.result
    painter.labels = torch.full((12, 20), 2)
    assert painter.message == "no picture of this map, RuntimeError: a shape does not fit"
    assert painter.result == kept and (painter.ids == 2).all() and painter.steps == 1
    painter.stroke([(0, 0)], 1)
    assert painter.message == "" and painter.result != kept


def test_one_picture_at_a_time_and_of_what_arrives_meanwhile_the_last(start):
    maps = [torch.full((12, 20), id) for id in (0, 1, 2)]
    asked, active = [], []

    def render(labels, style, seed):
        active.append(len(active))
        asked.append(labels.unique().tolist())
        if len(asked) == 2:
            painter.labels = maps[1]
            painter.labels = maps[2]
        assert len(active) == 1, "no picture is begun while one is made"
        active.pop()
        return colourise(labels[None], PALETTE)[0]

    painter = Painter(render, start, CLASSES, PALETTE)
    painter.labels = maps[0]
    assert asked == [[0, 1, 2], [0], [2]] and painter.steps == 3 and painter.message == ""
    assert (decoded(painter) == PALETTE[2]).all()


def test_another_thread_does_not_begin_a_second_picture(start):
    begun, go_on, asked = threading.Event(), threading.Event(), []

    def render(labels, style, seed):
        asked.append(labels.unique().tolist())
        if len(asked) == 2:
            begun.set()
            assert go_on.wait(60)
        return colourise(labels[None], PALETTE)[0]

    painter = Painter(render, start, CLASSES, PALETTE)
    thread = threading.Thread(target=painter.fill, args=(0, 0, 1))
    thread.start()
    assert begun.wait(60)
    painter.labels = torch.zeros(12, 20, dtype=torch.int64)
    assert len(asked) == 2, "the caller does not wait"
    go_on.set()
    thread.join(60)
    assert asked[2:] == [[0]] and (decoded(painter) == PALETTE[0]).all()


# --- jobs of the browser


def job(painter, what, value=None, more=False, map=None):
    painter._handle_custom_msg({"do": what, "value": value, "more": more}, [] if map is None else [memoryview(map)])


def test_jobs_of_the_browser_do_what_the_methods_do(painter, start, render):
    turned = start.flip(0).to(torch.uint8).numpy().tobytes()
    job(painter, "paint", map=turned)
    assert torch.equal(painter.ids, start.flip(0)) and len(render.asked) == 2
    job(painter, "load", 1)
    job(painter, "undo")
    assert torch.equal(painter.ids, start.flip(0)) and painter.steps == 1
    job(painter, "again")
    assert (painter.ids == 1).all()
    job(painter, "style", 1)
    job(painter, "seed")
    assert render.asked[-1][1:] == (None, 0) and painter.answered == 6
    job(painter, "style", 7)
    assert painter.message == "style 7: there are 2, numbered from 0" and painter.answered == 7
    job(painter, "paint", map=bytes([9]) + turned[1:])
    assert painter.message == "label map has ids [9], this model knows 0..2" and painter.answered == 8


def test_while_jobs_wait_no_picture_is_made_and_each_map_is_a_step(painter, render):
    maps = [np.full(240, id, np.uint8).tobytes() for id in range(3)]
    job(painter, "paint", map=maps[0], more=True)
    job(painter, "style", 1, more=True)
    job(painter, "paint", map=maps[1], more=True)
    assert len(render.asked) == 1 and painter.steps == 2 and painter.answered == 3
    job(painter, "paint", map=maps[2])
    assert len(render.asked) == 2 and (render.asked[1][0] == 2).all() and render.asked[1][1] == 1
    job(painter, "undo")
    assert (painter.ids == 1).all()
    job(painter, "paint", map=maps[0], more=True)
    job(painter, "undo")
    assert len(render.asked) == 4 and (render.asked[3][0] == 1).all(), (
        "a picture is owed though the last job changes nothing"
    )


def test_the_answer_to_a_job_is_one_message(painter, monkeypatch):
    sent = []
    monkeypatch.setattr(painter, "send_state", lambda key=None: sent.append(set(key)))
    job(painter, "load", 1)
    assert len(sent) == 1 and sent[0] >= {"labels", "result", "told", "steps", "loaded", "answered"}


# --- the page and the words


class Controls(HTMLParser):
    """The controls of a page: (tag, attributes, text inside, with the descriptions of pictures)."""

    def __init__(self, page):
        super().__init__()
        self.found, self.open, self.label = [], [], None
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "label":
            self.label = ""
        if tag in ("button", "select", "input"):
            self.found.append([tag, attributes, self.label or ""])
        if tag == "button":
            self.open.append(self.found[-1])
        if tag == "img" and self.open:
            self.open[-1][2] += attributes["alt"]

    def handle_endtag(self, tag):
        if tag == "button":
            self.open.pop()
        if tag == "label":
            self.label = None

    def handle_data(self, data):
        if self.open:
            self.open[-1][2] += data
        elif self.label is not None:
            self.label += data


def test_every_control_is_a_real_one_with_a_name_and_belongs_to_a_trait_or_a_job(painter):
    controls = Controls(painter.page).found
    names = [text.strip() for _, _, text in controls]
    assert names == [
        *("brush", "fill", "brush radius", "undo", "colours", "map", "load again"),
        *CLASSES,
        *(MEAN, "style 0", "style 1", "new style"),
    ]
    jobs = set()
    for _, data, _ in controls:
        jobs.add(data.get("data-ask"))
        mark = data.get("data-mark")
        assert mark is None or mark in painter.traits(sync=True)
        if "data-value" in data and "data-ask" not in data:
            setattr(painter, mark, json.loads(data["data-value"]))
    for what in jobs - {None}:
        job(painter, what, 0)
        assert painter.message == ""
    assert painter.answered == len(jobs - {None}) == 5


def test_names_are_text_and_not_html(render, start):
    names = ("<b>crown", 'a "tree"', "x & y")
    page = Painter(render, start, names, PALETTE, {"<i>": start}, {"<u>": torch.zeros(3, 4, 4)}).page
    assert not re.search("<b>|<i>|<u>", page)
    assert [text.strip() for tag, _, text in Controls(page).found if tag == "button"][4:7] == [
        "<b>crown",
        'a "tree"',
        "x & y",
    ]


def test_without_maps_styles_and_seeds_there_are_no_such_controls(render, start):
    controls = Controls(Painter(render, start, CLASSES, PALETTE).page).found
    assert len(controls) == 8 and not {data.get("data-ask") for _, data, _ in controls} - {None, "undo"}


def test_the_script_is_small_and_asks_nobody():
    assert SCRIPT.count("\n") <= 120
    for text in (SCRIPT, Path(module.__file__).with_name("paint_page.py").read_text(encoding="utf-8")):
        assert "//" not in re.sub(r"^ *// .*$| // .*$", "", text, flags=re.M) and "import " not in SCRIPT


def test_the_jobs_and_marks_of_the_script_exist(painter):
    traits = set(re.findall(r'get\("(\w+)"\)', SCRIPT))
    assert traits <= set(painter.traits(sync=True)) and {"labels", "result", "answered"} <= traits


def test_a_map_is_told_by_its_classes_and_the_picture_by_its_style(painter):
    assert described(np.array([[0, 0, 0], [2, 2, 1]]), CLASSES) == "crown 50 %, bare 33 %, grass 17 %"
    many = np.arange(8).repeat(range(9, 1, -1))
    assert described(many[None], [f"c{i}" for i in range(8)]).endswith("c5 9 %, and others")
    assert painter.told.endswith(f"bare 33 %; style: {MEAN}.")
    painter.choose(1)
    assert painter.told.endswith("; style: style 1.")
    painter.new_seed()
    assert painter.told.endswith("; style: new, seed 0.") and painter.look == "new"
    assert repr(painter) == f"Painter, 12 x 20. {painter.told}"


def test_the_twin_shows_map_and_picture_described(painter, monkeypatch):
    shown, drawn = [], []
    monkeypatch.setattr(module, "present", lambda figure, alt: shown.append(alt))
    monkeypatch.setattr(module, "draw_pictures", lambda rows, titles, scale: drawn.extend(rows[0]))
    painter.fill(0, 0, 2)
    painter.figure(alt="A meadow with bare ground.")
    assert shown == [f"A meadow with bare ground. {painter.told}"]
    assert torch.equal(drawn[0], colourise(painter.ids[None], PALETTE)[0]) and torch.equal(drawn[1], painter.image)
    with pytest.raises(ValueError, match="describe the figure"):
        painter.figure(alt="")


# --- a trained method


class Trained:
    """A method that keeps what it is asked to translate."""

    def __init__(self, styled, stochastic):
        self.styled, self.stochastic, self.asked = styled, stochastic, []

    def new_styles(self, n, generator):
        return torch.randn(n, 5, generator=generator)

    def translate(self, A, *, style, noise):
        self.asked.append((A, style, noise))
        return Output(torch.zeros(1, 3, *A.shape[-2:]))


@pytest.fixture(scope="module")
def grove():
    return catalog.load("grove", "test", 64), catalog.load("grove", "train", 64)


def test_a_method_with_style_takes_those_of_training_images_and_draws_new_ones(grove):
    method, (test, train) = Trained(styled=True, stochastic=False), grove
    painter = paint(method, test, styles=(3, 5), start=2)
    A, style, noise = method.asked[0]
    assert torch.equal(A, test.batch([2])["A"]) and style is None and noise == "zero"
    assert painter.loaded == 2 and painter.styles == ["training image 3", "training image 5"]
    assert painter.classes == list(test.classes) and list(painter.maps)[:1] == ["grove, test 0"]
    painter.choose(1)
    assert torch.equal(method.asked[-1][1], train.batch([5])["B"])
    painter.new_seed()
    first = method.asked[-1][1]
    assert first.shape == (1, 5) and method.asked[-1][2] == 0
    painter.new_seed()
    assert not torch.equal(method.asked[-1][1], first)
    painter.seed = 0
    assert torch.equal(method.asked[-1][1], first)


def test_a_method_with_noise_gets_seeds_and_one_without_either_no_such_controls(grove):
    method = Trained(styled=False, stochastic=True)
    painter = paint(method, grove[0], styles=(1,))
    painter.new_seed()
    assert [asked[1:] for asked in method.asked] == [(None, 0), (None, 1)]
    assert painter.styles == [] and "new noise" in painter.page and MEAN not in painter.page
    plain = paint(Trained(styled=False, stochastic=False), grove[0], count=3)
    assert "new " not in plain.page and len(plain.maps) == 3


def test_data_without_label_maps_and_wrong_starts_are_refused(grove):
    method = Trained(styled=False, stochastic=False)
    with pytest.raises(ValueError, match="shapes has no label maps to paint"):
        paint(method, catalog.load("shapes", "test", 64))
    with pytest.raises(ValueError, match="start=12: there are 12 maps, numbered from 0"):
        paint(method, grove[0], start=12)
