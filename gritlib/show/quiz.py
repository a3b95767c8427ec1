"""The quiz on a screen: two pictures, two buttons, which the arrow keys press too. What is sent to the browser does not
say where the real picture is. Twin: `look` and `Quiz.answer`, in ordinary cells.
"""

import base64
import io
from html import escape
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from PIL import Image, PngImagePlugin
from torch import Tensor

from gritlib.data.images import to_uint8
from gritlib.quiz import CONSENT, Quiz, table
from gritlib.show.figures import pictures
from gritlib.show.paint_page import own

SIDE = 320  # pictures are enlarged by a whole number to about this side, in pixels
GAP = 0.3  # seconds between two pictures that follow each other
QUESTION = "Which picture is real?"
STYLE = """
.gritlib-quiz { display: flex; flex-direction: column; gap: 8px; font: 14px/1.4 sans-serif; max-width: 760px; }
.gritlib-quiz { padding: 4px; }
.gritlib-quiz p { margin: 0 !important; max-width: 70ch; }
.gritlib-quiz .row { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
.gritlib-quiz figure { margin: 0; }
.gritlib-quiz img { image-rendering: pixelated; display: block; }
.gritlib-quiz button { background: none; border: 1px solid #808080; border-radius: 4px; padding: 4px 12px; }
.gritlib-quiz button { font: inherit; color: inherit; cursor: pointer; }
.gritlib-quiz table { border-collapse: collapse; }
.gritlib-quiz th, .gritlib-quiz td { padding: 2px 8px; text-align: left; }
.gritlib-quiz .stack { display: grid; }
.gritlib-quiz .stack figure { grid-area: 1 / 1; visibility: hidden; }
.gritlib-quiz .looked-0:checked ~ .stack figure:nth-child(1) { visibility: visible; }
.gritlib-quiz .looked-1:checked ~ .stack figure:nth-child(2) { visibility: visible; }
.gritlib-quiz .timed figure { animation: gritlib-quiz-show linear; visibility: hidden; }
.gritlib-quiz :focus-visible { outline: 3px solid #e69f00; outline-offset: 2px; }
@keyframes gritlib-quiz-show { from, to { visibility: visible; } }
"""


class QuizWidget(anywidget.AnyWidget):
    """A session of the quiz, with buttons and arrow keys, and the scores at its end. Without a screen it is driven by
    `press`. Twin: `look(quiz)` and `quiz.answer(...)`.

    Args:
        quiz: the session; one that was left goes on.

    Attributes:
        page: what the browser shows. number: of the page, which an answer must name, so that a double click on one page
            is no answer to the next.
    """

    _esm = Path(__file__).with_suffix(".js")
    _css = STYLE

    page = traitlets.Unicode().tag(sync=True)
    number = traitlets.Int(0).tag(sync=True)

    def __init__(self, quiz: Quiz):
        super().__init__()
        self.quiz, self._answered = quiz, None
        self._turn(start_page(quiz))
        self.on_msg(lambda widget, content, buffers: self._heard(content))

    def _heard(self, content: dict) -> None:
        if content.get("page") == self.number:
            self.press(str(content.get("answer")))

    def press(self, word: str) -> None:
        """Press a button of the page: "begin", "next", or an answer; another word does nothing."""
        asked, trial = self.quiz, self.quiz.trial
        if self.page.count(f'data-answer="{escape(word)}"') == 0:
            return
        if word in asked.words:
            told = asked.answer(word)
            if told is not None:
                self._turn(feedback_page(asked, trial, told))
                return
        self._turn(trial_page(asked) if asked.trial else end_page(asked))

    def _turn(self, page: str) -> None:
        with self.hold_sync():
            self.number += 1
            self.page = page


def framed(*parts: str) -> str:
    """The widget's HTML around some parts."""
    keys = "quiz: left arrow key for the left or first button, right arrow key for the other"
    return f'<div class="gritlib-quiz" tabindex="0" role="group" aria-label="{keys}" {own()}>{"".join(parts)}</div>'


def buttons(**names: str) -> str:
    """A row of buttons, word -> text."""
    made = (f'<button type="button" {own(answer=word)}>{escape(text)}</button>' for word, text in names.items())
    return f'<div class="row">{"".join(made)}</div>'


def start_page(asked: Quiz) -> str:
    """What the person should know before the first trial."""
    if asked.trial is None:
        return end_page(asked)
    s, done = asked.settings, len(asked.answers)
    seconds = s["seconds"]
    time = (
        "There is no time limit." if seconds is None else f"Pictures are shown for {seconds:g} s; then take your time."
    )
    lines = [
        f"Of two pictures one is real and one was generated. {QUESTION} {s['practice']} practice trials tell you "
        f"whether you were right, {s['scored']} scored ones do not. {time}",
        "Answer with the buttons, or click here once and use the left and right arrow keys. Answers stay in "
        f"{asked.folder}, under a random number and without your name; nothing is sent anywhere. You may stop at any "
        "time.",
    ]
    lines += [f"{done} trials are answered already: the session goes on."] * (done > 0)
    return framed(*(f"<p>{escape(line)}</p>" for line in lines), buttons(begin="go on" if done else "begin"))


def trial_page(asked: Quiz) -> str:
    """A trial: the question, the pictures, two buttons."""
    trial, (one, other) = asked.trial, asked.words
    arrows = {one: f"← the {one} one is real", other: f"the {other} one is real →"}
    question = f'<p aria-live="polite">{heading(asked, trial)}. {QUESTION}</p>'
    return framed(question, shown(asked, trial, asked.words), buttons(**arrows))


def feedback_page(asked: Quiz, trial, right: bool) -> str:
    """After a practice trial: the same pictures, and which was which."""
    told = "Right" if right else "Wrong"
    captions = ["real" if word == trial.real else "generated" for word in asked.words]
    said = f'<p aria-live="polite">{heading(asked, trial)}. {told}: the {trial.real} one is real.</p>'
    return framed(said, shown(asked, trial, captions, told=True), buttons(next="next →"))


def end_page(asked: Quiz) -> str:
    """The scores, and what they do not say."""
    lines = table(asked.scores()).split("\n")
    head, rows = (cells(lines[0]), [cells(line) for line in lines[2:-2]])
    html = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    call = '<code>gritlib.quiz.export("answers.csv", consent=True)</code>'
    last = f"<p>For a class: {call} writes your finished sessions as a CSV. {escape(CONSENT)}</p>"
    thanks = '<p aria-live="polite">All trials are answered.</p>'
    return framed(thanks, f"<table><tr>{html}</tr>{body}</table>", f"<p>{escape(lines[-1])}</p>", last)


def cells(line: str) -> list[str]:
    """The cells of a row of a Markdown table."""
    return [cell.strip() for cell in line.strip("|").split("|")]


def heading(asked: Quiz, trial) -> str:
    """ "Practice 3 of 10", "Trial 7 of 40"."""
    practice, scored = asked.settings["practice"], asked.settings["scored"]
    if trial.phase == "practice":
        return f"Practice {trial.number} of {practice}"
    return f"Trial {trial.number - practice} of {scored}"


def shown(asked: Quiz, trial, captions, told: bool = False) -> str:
    """The two pictures with their captions: beside each other, or in one place one after the other, which without a
    time limit the person switches. With the feedback they stand beside each other."""
    seconds, turns = (None, False) if told else (asked.settings["seconds"], asked.settings["layout"] == "in turn")
    figures = []
    for i, (picture, caption) in enumerate(zip(asked.shown(trial), captions, strict=True)):
        begin = (seconds + GAP) * i if seconds and turns else 0
        style = f' style="animation-duration: {seconds:g}s; animation-delay: {begin:g}s"' if seconds else ""
        figures.append(f"<figure{style}>{as_img(picture, caption)}<figcaption>{caption}</figcaption></figure>")
    classes = " ".join(["stack" if turns else "row", *["timed"] * bool(seconds)])
    row = f'<div class="{classes}">{"".join(figures)}</div>'
    if not turns or seconds:
        return row
    name = f"looked-{asked.session}"  # several quizzes may be on one page
    looks = "".join(
        f'<input type="radio" class="looked-{i}" name="{name}" id="{name}-{i}" {own()}{" checked" * (i == 0)}>'
        f'<label for="{name}-{i}">look at the {word}</label> '
        for i, word in enumerate(asked.words)
    )
    return f"<div>{looks}{row}</div>"


def as_img(picture: Tensor, caption: str) -> str:
    """A picture as an HTML image, enlarged by a whole number. Real and generated ones are written in one way: name,
    description and metadata do not tell them apart."""
    scale = max(1, SIDE // max(picture.shape[-2:]))
    pixels = np.kron(to_uint8(picture[None])[0], np.ones((scale, scale, 1), np.uint8))
    text, out = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text("Description", "picture of a quiz by gritlib, real or generated")
    Image.fromarray(pixels).save(out, format="PNG", pnginfo=text)
    data, (height, width) = base64.b64encode(out.getvalue()).decode(), pixels.shape[:2]
    alt = f"the {caption} picture of this trial"
    return f'<img alt="{alt}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'


def look(asked: Quiz) -> None:
    """The next trial in an ordinary cell; answer it with `quiz.answer`.

    Raises:
        ValueError: no trial is left.
    """
    trial = asked.trial
    if trial is None:
        raise ValueError("all trials are answered: see quiz.scores()")
    alt = f"{heading(asked, trial)}: two pictures, {' and '.join(asked.words)}, one real and one generated."
    scale = max(1, SIDE // max(asked.shown(trial)[0].shape[-2:]))
    pictures([list(asked.shown(trial))], list(asked.words), alt=alt, scale=scale)
