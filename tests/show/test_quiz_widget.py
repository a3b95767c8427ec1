"""The quiz on a screen: the browser is told nothing that gives the answer away, buttons and arrow keys answer once, and
a driven session scores as it was answered."""

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import IPython.display
import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.quiz import Pair, Quiz
from gritlib.show import quiz as shown_quiz
from gritlib.show.quiz import QuizWidget, look

SCRIPT = Path(shown_quiz.__file__).with_suffix(".js")


def made_up(n: int) -> list[Pair]:
    """Pairs whose real picture is lighter than the fake."""
    shade = torch.linspace(0.1, 0.9, n)
    return [Pair(s.expand(3, 16, 16), -s.expand(3, 16, 16), "grit") for s in shade]


@pytest.fixture
def session(tmp_path):
    return lambda n=6, practice=2, **settings: Quiz(made_up(n), practice, n - practice, folder=tmp_path, **settings)


def images(page: str) -> list[Image.Image]:
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in re.findall(r'base64,([^"]+)"', page)]


def words(page: str) -> list[str]:
    """What the buttons of a page say to Python."""
    return re.findall(r'data-answer="([^"]+)"', page)


def without_pictures(page: str) -> str:
    return re.sub(r'base64,[^"]+"', '"', page)


def test_a_driven_session_scores_as_it_was_answered(session):
    widget = QuizWidget(session())
    assert words(widget.page) == ["begin"] and "2 practice trials" in widget.page and "no time limit" in widget.page
    widget.press("begin")
    for number, trial in enumerate(widget.quiz.trials):
        assert words(widget.page) == ["left", "right"]
        light = [np.asarray(image).mean() for image in images(widget.page)]
        assert widget.quiz.words[int(light[1] > light[0])] == trial.real, "pictures stand where the trial says"
        widget.press(trial.real if number != 1 else {"left": "right", "right": "left"}[trial.real])
        if trial.phase == "practice":
            told = ("Right", "Wrong")[number == 1]
            assert f"Practice {number + 1} of 2. {told}: the {trial.real} one is real." in widget.page
            assert words(widget.page) == ["next"]
            captions = re.findall("<figcaption>(.*?)</figcaption>", widget.page)
            assert captions[widget.quiz.words.index(trial.real)] == "real" and sorted(captions) == ["generated", "real"]
            widget.press("next")
    assert widget.quiz.scores()["grit"][:2] == (4, 4)
    assert "<td>4 of 4</td>" in widget.page and "No name, no time, no address" in widget.page and not words(widget.page)


@pytest.mark.parametrize("layout", ["beside", "in turn"])
@pytest.mark.parametrize("seconds", [None, 0.5])
def test_the_browser_is_told_the_same_wherever_the_real_picture_is(session, layout, seconds):
    widget = QuizWidget(session(12, 0, layout=layout, seconds=seconds, seed=3))
    widget.press("begin")
    seen = {}
    for trial in widget.quiz.trials:
        page = without_pictures(widget.page).replace(f"Trial {trial.number} of 12", "Trial")
        seen.setdefault(page, set()).add(trial.real)
        assert {image.info["Description"] for image in images(widget.page)} == {
            "picture of a quiz by gritlib, real or generated"
        }
        widget.press(widget.quiz.words[0])
    assert list(seen.values()) == [set(widget.quiz.words)], "one page for both, but for its pictures"
    assert set(QuizWidget.class_own_traits(sync=True)) - {"_esm", "_css"} == {"page", "number"}


def test_scored_trials_tell_nothing(session):
    widget = QuizWidget(session(4, 0))
    widget.press("begin")
    for word in ("left", "right", "left"):
        widget.press(word)
        assert words(widget.page) == ["left", "right"] and "Right" not in widget.page and "Wrong" not in widget.page


def test_pictures_are_enlarged_by_a_whole_number(session):
    widget = QuizWidget(session())
    widget.press("begin")
    for image in images(widget.page):
        assert image.size == (320, 320) and 'width="320" height="320"' in widget.page
        pixels = np.asarray(image)
        assert (pixels.reshape(16, 20, 16, 20, 3) == pixels[::20, ::20][:, None, :, None]).all()


def test_every_picture_and_button_has_a_name(session):
    class Reader(HTMLParser):
        def handle_starttag(self, tag, given):
            given = dict(given)
            found.append(given.get("alt") if tag == "img" else given.get("data-lm-suppress-shortcuts"))

    widget = QuizWidget(session(layout="in turn"))
    widget.press("begin")
    found = []
    tags = re.findall("<(?:img|button|input)[^>]*>", widget.page)
    for tag in tags:
        Reader().feed(tag)
    assert len(tags) == 6 and all(found)
    assert 'role="group"' in widget.page and 'aria-live="polite"' in widget.page


def test_words_that_are_not_on_the_page_and_late_clicks_do_nothing(session):
    widget = QuizWidget(session())
    before = widget.page
    for word in ("left", "next", "", "<script>", "begin "):
        widget.press(word)
    assert widget.page == before and not widget.quiz.answers
    widget._handle_custom_msg({"page": 1, "answer": "begin"}, [])
    assert widget.number == 2
    for late in ({"page": 1, "answer": "left"}, {"answer": "left"}, {}, {"page": 2, "answer": None}):
        widget._handle_custom_msg(late, [])
    assert not widget.quiz.answers
    widget._handle_custom_msg({"page": 2, "answer": "left"}, [])
    assert widget.quiz.answers == ["left"]


def test_a_session_that_was_left_says_so_and_goes_on(session):
    first = QuizWidget(session())
    for word in ("begin", "left", "next", "right"):
        first.press(word)
    again = QuizWidget(session())
    assert "2 trials are answered already" in again.page and ">go on<" in again.page
    again.press("begin")
    assert "Trial 1 of 4" in again.page
    for _ in range(4):
        again.press("left")
    assert QuizWidget(again.quiz).page == again.page, "a finished one shows its scores"


def test_the_twin_shows_the_same_pictures_and_does_not_tell(session, monkeypatch):
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, metadata=None, raw=False: seen.append(data))
    asked = session()
    look(asked)
    alt = seen[0]["text/plain"]
    assert alt == "Practice 1 of 2: two pictures, left and right, one real and one generated."
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(seen[0]["image/png"]))).convert("RGB")).astype(int)
    left, right = (picture[200, x].mean() for x in (100, 424))
    assert (left > right) == (asked.trial.real == "left")
    for _ in asked.trials:
        asked.answer("left")
    with pytest.raises(ValueError, match=r"all trials are answered: see quiz\.scores\(\)"):
        look(asked)


# A model as anywidget hands it to the script, without Python: it keeps what is sent, and `turn` gives it another page.
ALONE = """async ([script, style, page]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const { default: widget } = await import("data:text/javascript;base64," + script);
  const state = { page, number: 1 }, heard = [], sent = [];
  const model = { get: (name) => state[name], send: (content) => sent.push(content), off: () => {} };
  model.on = (name, act) => heard.push(act);
  const turn = (page) => (Object.assign(state, { page, number: state.number + 1 }), heard.forEach((act) => act()));
  Object.assign(window, { sent, turn });
  document.body.innerHTML = "<div id=widget></div><button>outside</button>";
  widget.render({ model, el: document.getElementById("widget") });
}"""


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    from .test_paint_browser import browser

    with browser(tmp_path_factory.mktemp("browser") / "home") as started:
        yield started


@pytest.fixture
def page(chrome):
    opened = chrome.new_page(viewport={"width": 900, "height": 700})
    yield opened
    opened.close()


def alone(page, widget: QuizWidget) -> None:
    page.evaluate(ALONE, [base64.b64encode(SCRIPT.read_bytes()).decode(), shown_quiz.STYLE, widget.page])


@pytest.mark.slow
def test_clicks_and_arrow_keys_are_answers_in_a_browser(page, session):
    widget = QuizWidget(session())
    alone(page, widget)

    def answered() -> None:
        """Hand what was sent to Python, and its page to the browser."""
        content = page.evaluate("sent.at(-1)")
        widget._handle_custom_msg(content, [])
        page.evaluate("turn", widget.page)
        assert page.evaluate("sent.length") == widget.number - 1

    page.get_by_role("button", name="begin").click()
    answered()
    page.keyboard.press("ArrowLeft")
    answered()
    page.keyboard.press("ArrowRight")
    answered()
    page.get_by_role("button", name="the right one is real").click()
    answered()
    page.keyboard.press("ArrowLeft")
    answered()
    page.keyboard.down("ArrowRight")
    page.keyboard.down("ArrowRight")
    page.keyboard.up("ArrowRight")
    answered()
    assert widget.quiz.answers == ["left", "right", "right"], "begin, left, next, right, next, right"
    page.get_by_role("button", name="outside").focus()
    before = page.evaluate("sent.length")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("sent.length") == before, "keys count where the quiz has the focus"


def visible(page) -> list[str]:
    return page.eval_on_selector_all("figure", "all => all.map((one) => getComputedStyle(one).visibility)")


@pytest.mark.slow
def test_pictures_go_after_their_time_and_come_one_after_the_other(page, session):
    widget = QuizWidget(session(seconds=1.0))
    widget.press("begin")
    alone(page, widget)
    assert visible(page) == ["visible"] * 2
    pause = "() => document.getAnimations().forEach((one) => (one.pause(), one.currentTime = %d))"
    page.evaluate(pause % 1100)
    assert visible(page) == ["hidden"] * 2 and page.get_by_role("button").count() == 3
    widget = QuizWidget(session(seconds=1.0, layout="in turn"))
    widget.press("begin")
    alone(page, widget)
    for time, wanted in ((500, "first"), (1150, None), (1800, "second"), (2400, None)):
        page.evaluate(pause % time)
        assert visible(page) == ["visible" if wanted == word else "hidden" for word in ("first", "second")]


@pytest.mark.slow
def test_without_a_limit_the_person_switches_between_two_pictures_in_one_place(page, session):
    widget = QuizWidget(session(layout="in turn"))
    widget.press("begin")
    alone(page, widget)
    assert visible(page) == ["visible", "hidden"]
    page.get_by_label("look at the second").check()
    assert visible(page) == ["hidden", "visible"]
    page.keyboard.press("ArrowLeft")
    assert visible(page) == ["visible", "hidden"] and page.evaluate("sent.length") == 0, "arrows move the radio button"
    boxes = [figure.bounding_box() for figure in page.locator("figure").all()]
    assert boxes[0]["x"] == boxes[1]["x"] and boxes[0]["y"] == boxes[1]["y"]
