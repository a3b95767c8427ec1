"""The painter in a real browser: JupyterLab opens a notebook in headless Chromium, a stroke is painted with the mouse,
and the picture changes. Without Chromium this cannot be known: skipped on a person's machine, a failure in CI.
"""

import base64
import contextlib
import datetime
import io
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from gritlib.classroom.assemble import METADATA
from gritlib.data.images import colourise
from gritlib.show import paint_map
from gritlib.show.paint import Painter

pytestmark = pytest.mark.slow

OUTPUT = Path(__file__).parents[1] / "output"
LESSON = Path(__file__).parents[2] / "notebooks" / "05_spade.ipynb"
SCRIPT = Path(paint_map.__file__).with_name("paint.js")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ELSEWHERE = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
)
FLAGS = ("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync")
FLAGS += ("--disable-component-update", "--no-sandbox")  # the sandbox does not start for root
PAINTER, NEEDED = "painter", "needed-by-painter"  # tags of cells
INSERTED = ("install", "setup")  # ids of the cells that the builder of lessons puts first
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells outside of the window are on the page as well
}
SECONDS = 120  # for a server, a kernel or a first picture; what hangs fails

START = datetime.datetime(2026, 1, 1)  # on the clock of a page alone
STROKE = [(0.3, 0.26), (0.45, 0.51), (0.61, 0.76)]

SETUP = """
import torch
from gritlib.data.images import colourise
from gritlib.show.paint import Painter

classes, palette = ("crown", "grass", "bare", "shadow"), ((40, 120, 40), (150, 200, 90), (210, 190, 140), (40, 50, 90))
stripes = torch.arange(32)[:, None].div(8, rounding_mode="floor").expand(32, 48).contiguous()
maps = {"stripes": stripes, "all grass": torch.ones(32, 48, dtype=torch.int64)}
styles = {"dark": -torch.ones(3, 32, 48), "light": torch.ones(3, 32, 48)}


def render(labels, style, seed):
    if (labels == 3).sum() > 1200:
        raise ValueError("too much shadow")
    return colourise(labels[None], palette)[0] / (1 if style is None else 2 + style)
"""
PALETTE = ((40, 120, 40), (150, 200, 90), (210, 190, 140), (40, 50, 90))
STRIPES = (np.arange(32) // 8)[:, None].repeat(48, 1).astype(np.uint8)


def chromium() -> str:
    """The path of the browser; the test is skipped, or fails in CI, where there is none."""
    found = [path for name in NAMES if (path := shutil.which(name))]
    found += [path for path in ELSEWHERE if Path(path).exists()]
    if not found:
        why = "no Chromium on this machine: install it (on Debian: apt-get install chromium) to test the painter in it"
        pytest.fail(why) if os.environ.get("CI") else pytest.skip(why)
    return found[0]


def small_notebook(folder: Path) -> Path:
    """A notebook of two cells, tagged as in a lesson."""
    last = "painter = Painter(render, stripes, classes, palette, maps, styles, 'new style')\npainter"
    cells = [(SETUP, NEEDED), (last, PAINTER), ("raise RuntimeError('a cell that the painter does not need')", "core")]
    made = [v4.new_code_cell(text, metadata={"tags": [tag]}) for text, tag in cells]
    path = folder / "small.ipynb"
    path.write_text(v4.writes(v4.new_notebook(cells=made, metadata=METADATA)), encoding="utf-8")
    return path


def for_painting(source: Path, target: Path) -> None:
    """A copy of a notebook without outputs, in which only the cells that the painter needs are code: the two that the
    builder inserts, those tagged `needed-by-painter`, and the one tagged `painter`.

    Raises:
        ValueError: not exactly one cell has the tag `painter`.
    """
    notebook = v4.reads(source.read_text(encoding="utf-8"))
    tags = [set(cell.metadata.get("tags", ())) for cell in notebook.cells]
    if sum(PAINTER in tag for tag in tags) != 1:
        raise ValueError(f"{source}: {sum(PAINTER in tag for tag in tags)} cells have the tag {PAINTER!r}, needed is 1")
    cells = []
    for cell, tag in zip(notebook.cells, tags, strict=True):
        if cell.cell_type == "code":
            kept = cell.get("id") in INSERTED or tag & {PAINTER, NEEDED}
            cell = (v4.new_code_cell if kept else v4.new_raw_cell)(cell.source)
        cells.append(cell)
    copy = v4.new_notebook(cells=cells, metadata=notebook.metadata)
    target.write_text(v4.writes(copy), encoding="utf-8")


@contextlib.contextmanager
def jupyterlab(folder: Path, home: Path):
    """JupyterLab on 127.0.0.1 with a port and a token of its own and nothing of the user's; yields the address of its
    notebooks and the token."""
    names = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "GRITLIB_HOME")
    names += ("JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    places = {name: str(home / name.lower()) for name in names}
    for name, settings in SETTINGS.items():
        file = home / "jupyterlab_settings_dir" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    token = secrets.token_hex(16)
    words = ["--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0", f"--ServerApp.root_dir={folder}"]
    words += ["--LabApp.expose_app_in_browser=True"]
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *words],
        env={**os.environ, **places, "JUPYTER_TOKEN": token},
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )
    hangs = threading.Timer(SECONDS, server.kill)
    hangs.start()
    try:
        said = []
        for text in server.stderr:
            said.append(text)
            if found := re.search(r"http://127\.0\.0\.1:\d+/lab", text):
                break
        else:
            pytest.fail("JupyterLab did not start:\n" + "".join(said[-30:]))
        hangs.cancel()
        # What is written on must be read on, or the server stands still once the pipe is full.
        threading.Thread(target=server.stderr.read, daemon=True).start()
        yield f"{found[0]}/tree", token
    finally:
        hangs.cancel()
        server.terminate()
        server.wait(SECONDS)


@contextlib.contextmanager
def browser(home: Path):
    """Headless Chromium with a home of its own."""
    from playwright.sync_api import sync_playwright

    executable = chromium()
    home.mkdir()
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=executable, args=list(FLAGS), env={**os.environ, "HOME": str(home)}
        )
        yield started
        started.close()


def empty_page(chrome):
    page = chrome.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(1000 * SECONDS)
    return page


def opened(page, notebook: Path, folder: Path, server: tuple[str, str]):
    """The painter of a notebook, run in JupyterLab from a copy of the notebook in the server's folder."""
    for_painting(notebook, folder / notebook.name)
    address, token = server
    page.goto(f"{address}/{notebook.name}?token={token}&reset")
    page.wait_for_function("window.jupyterapp && jupyterapp.shell.currentWidget?.context?.isReady")
    page.wait_for_function("jupyterapp.shell.currentWidget.context.sessionContext.session?.kernel")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    painter = page.locator(".gritlib-paint")
    painter.wait_for()
    page.wait_for_function("document.querySelector('.picture').naturalWidth > 0")
    painter.scroll_into_view_if_needed()
    page.evaluate(WATCH)
    return painter


# When the pointer was lifted last, and when a picture was shown last.
WATCH = """() => {
  window.times = {};
  document.querySelector('.map').addEventListener('pointerup', () => (times.up = performance.now()), true);
  document.querySelector('.picture').addEventListener('load', () => (times.shown = performance.now()));
}"""
FETCH = """async (image) => {
  const data = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
  return btoa(String.fromCharCode(...data));
}"""


def picture(painter) -> np.ndarray:
    """The picture that is shown, (H, W, 3) uint8; it says that it was generated."""
    image = Image.open(io.BytesIO(base64.b64decode(painter.locator(".picture").evaluate(FETCH))))
    assert image.info["Description"] == "generated by gritlib"
    return np.asarray(image)


def shown_after(page, act) -> None:
    """Do something, and wait until a picture is shown that was not there before."""
    page.evaluate("delete times.shown")
    act()
    page.wait_for_function("times.shown")


def drag(page, painter, places: list[tuple[float, float]]) -> None:
    """Press the mouse at the first place of the map, move over the others, and lift it; (y, x), shares of its sides."""
    box = painter.locator(".map").bounding_box()
    for number, (y, x) in enumerate(places):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def stroke_with_the_mouse(page, painter, file: Path) -> float:
    """Paint a stroke of another class through the middle of the map; the picture must change.

    Returns:
        seconds from lifting the pointer to the new picture; a screenshot is written to the file.
    """
    before = picture(painter)
    painter.locator(".map").hover()
    under = painter.locator(".place").inner_text().split(": ")[1]
    names = painter.get_by_role("group", name="class").get_by_role("button").all_inner_texts()
    other = next(name for name in names if name.strip() != under)
    painter.get_by_role("button", name=other.strip(), exact=True).click()
    shown_after(page, lambda: drag(page, painter, STROKE))
    after = picture(painter)
    seconds = page.evaluate("(times.shown - times.up) / 1000")
    file.parent.mkdir(exist_ok=True)
    page.screenshot(path=file)
    assert after.shape == before.shape and (after != before).any(), "a stroke changes the picture"
    return seconds


@pytest.fixture(scope="module")
def chrome(tmp_path_factory):
    with browser(tmp_path_factory.mktemp("browser") / "home") as started:
        yield started


@pytest.fixture(scope="module")
def lab(chrome, tmp_path_factory):
    """The painter of the small notebook in JupyterLab: (page, painter)."""
    folder, source = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("source")
    with jupyterlab(folder, tmp_path_factory.mktemp("jupyter")) as server:
        page = empty_page(chrome)
        yield page, opened(page, small_notebook(source), folder, server)


@pytest.fixture(scope="module")
def lesson(chrome, tmp_path_factory):
    """The painter of lesson 05, the student's notebook, with the shipped weights: (page, painter)."""
    folder = tmp_path_factory.mktemp("lesson")
    with jupyterlab(folder, tmp_path_factory.mktemp("lesson_home")) as server:
        page = empty_page(chrome)
        yield page, opened(page, LESSON, folder, server)


# A model as anywidget hands it to the script, without Python: it keeps what is sent, and `answer` changes its state.
ALONE = """async ([script, page, state]) => {
  const { default: widget, line, flood } = await import("data:text/javascript;base64," + script);
  const binary = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  for (const name of ["labels", "result"]) state[name] = binary(state[name]);
  const heard = [];
  const model = {
    get: (name) => (name === "page" ? page : state[name]), set: (name, value) => (state[name] = value),
    save_changes: () => heard.forEach((act) => act()), on: (_, act) => heard.push(act), off: () => {},
    send: (content, _, buffers) => sent.push([content, buffers.map((buffer) => [...new Uint8Array(buffer)])]),
  };
  const answer = (more) => (Object.assign(state, more), heard.forEach((act) => act()));
  Object.assign(window, { line, flood, sent: [], answer });
  widget.render({ model, el: document.body });
}"""


@pytest.fixture
def alone(chrome):
    """(page, painter in Python): the script alone on an empty page, in the state of that painter."""
    page = empty_page(chrome)
    page.clock.install(time=START)

    def render(labels, style, seed):
        return colourise(labels[None], PALETTE)[0]

    twin = Painter(render, STRIPES, ("crown", "grass", "bare", "shadow"), PALETTE, [STRIPES])
    state = {name: value for name, value in twin.get_state().items() if name in Painter.class_own_traits()}
    state |= {name: base64.b64encode(state[name]).decode() for name in ("labels", "result")}
    page.evaluate(ALONE, [base64.b64encode(SCRIPT.read_bytes()).decode(), state.pop("page"), state])
    yield page, twin
    page.close()


def test_lines_and_floods_are_the_same_in_the_browser_and_in_python(alone):
    page, _ = alone
    rng = np.random.default_rng(0)
    for _ in range(20):
        ids = rng.integers(0, 3, (17, 23)).astype(np.uint8)
        ends, radius = rng.integers(-6, 30, (2, 2)).tolist(), int(rng.integers(0, 6))
        y, x = int(rng.integers(17)), int(rng.integers(23))
        script = (
            "([ids, ends, radius, yx]) => (line(ids, [17, 23], ...ends, 3, radius), flood(ids, [17, 23], yx, 4), ids)"
        )
        drawn = page.evaluate(script, [ids.ravel().tolist(), ends, radius, [y, x]])
        paint_map.line(ids, *ends, 3, radius)
        paint_map.flood(ids, y, x, 4)
        assert drawn == ids.ravel().tolist()


def sent(page) -> list:
    return [(content["do"], content["more"], map) for content, map in page.evaluate("sent")]


def test_one_job_at_a_time_is_with_python_in_order_and_all_but_the_last_say_that_more_wait(alone):
    page, twin = alone
    painter = page.locator(".gritlib-paint")
    maps = []
    for x in (0.1, 0.5, 0.9):
        drag(page, painter, [(0.1, x), (0.9, x)])
        painter.get_by_role("button", name=("grass", "bare", "shadow")[len(maps)], exact=True).click()
        twin.stroke([(3, int(48 * x)), (28, int(48 * x))], len(maps))
        maps.append([list(twin.labels)])
    assert sent(page) == [("paint", False, maps[0])]
    page.evaluate("answer({answered: 1})")
    assert sent(page)[1:] == [("paint", True, maps[1])]
    page.evaluate("answer({answered: 2})")
    assert sent(page)[2:] == [("paint", False, maps[2])]
    page.evaluate("answer({answered: 3, seconds: 0.125})")
    assert len(sent(page)) == 3
    assert re.fullmatch(r"picture after \d+\.\d\d s, 0\.13 s of it in Python", painter.locator(".time").inner_text())


def test_python_s_map_is_taken_unless_a_stroke_is_on_its_way(alone):
    page, _ = alone
    painter = page.locator(".gritlib-paint")
    place = painter.locator(".place")
    flat = "answer({labels: new DataView(new Uint8Array(32 * 48).fill(2).buffer), steps: 1, answered: %d})"
    drag(page, painter, [(0.95, 0.5)])
    page.evaluate(flat % 0)
    assert place.inner_text() == "row 30, column 24: crown", "the stroke is not wiped out"
    page.evaluate(flat % 1)
    assert place.inner_text() == "row 30, column 24: bare"
    painter.get_by_role("button", name="undo").click()
    drag(page, painter, [(0.5, 0.5)])
    assert place.inner_text() == "row 16, column 24: bare" and len(sent(page)) == 2, "not while another map is to come"
    page.evaluate(flat % 2)
    drag(page, painter, [(0.5, 0.5)])
    assert place.inner_text() == "row 16, column 24: crown" and len(sent(page)) == 3


def test_a_silent_python_is_told(alone):
    page, _ = alone
    painter = page.locator(".gritlib-paint")
    page.clock.pause_at(START + datetime.timedelta(hours=1))
    drag(page, painter, [(0.5, 0.5)])
    page.clock.run_for(2900)
    assert painter.locator(".time").inner_text() == ""
    page.clock.run_for(200)
    assert painter.locator(".time").inner_text().startswith("waiting for Python")


def colours(painter) -> np.ndarray:
    """The ids of a picture that is the coloured map."""
    distances = [np.abs(picture(painter).astype(int) - colour).sum(-1) for colour in PALETTE]
    assert (np.min(distances, 0) == 0).all()
    return np.argmin(distances, 0).astype(np.uint8)


def test_a_stroke_in_jupyterlab_changes_the_picture(lab):
    page, painter = lab
    seconds = stroke_with_the_mouse(page, painter, OUTPUT / "paint_browser.png")
    print(f"\nfrom lifting the pointer to the new picture: {seconds:.3f} s")
    ids = STRIPES.copy()
    places = [(int(32 * y), int(48 * x)) for y, x in STROKE]
    for start, end in itertools.pairwise(places):
        paint_map.line(ids, start, end, 0, 3)
    assert (colours(painter) == ids).all(), "the map in Python is the one that was painted"


def test_lesson_05_paints_a_place_with_the_shipped_weights(lesson):
    page, painter = lesson
    seconds = stroke_with_the_mouse(page, painter, OUTPUT / "paint_lesson05.png")
    print(f"\nlesson 05, from lifting the pointer to the new picture: {seconds:.3f} s")
    assert picture(painter).shape == (64, 64, 3)


def test_fill_undo_load_and_styles_in_jupyterlab(lab):
    page, painter = lab
    before = colours(painter)
    painter.get_by_role("button", name="fill", exact=True).click()
    painter.get_by_role("button", name="bare", exact=True).click()
    shown_after(page, lambda: drag(page, painter, [(0.95, 0.11), (0.2, 0.9)]))
    filled = before.copy()
    paint_map.flood(filled, 30, 5, 2)  # where the pointer went down, not where it was lifted
    assert (colours(painter) == filled).all()
    shown_after(page, painter.get_by_role("button", name="undo").click)
    assert (colours(painter) == before).all()
    shown_after(page, lambda: painter.get_by_label("map", exact=True).select_option("all grass"))
    assert (colours(painter) == 1).all()
    plain = picture(painter)
    shown_after(page, painter.get_by_role("button", name="light").click)
    assert (picture(painter) != plain).any()
    shown_after(page, painter.get_by_role("button", name="mean of the training images").click)
    assert (picture(painter) == plain).all()
    shown_after(page, painter.get_by_role("button", name="undo").click)


def test_an_error_is_shown_and_the_last_picture_stays(lab):
    page, painter = lab
    painter.get_by_label("map", exact=True).select_option("stripes")
    page.wait_for_function("document.querySelector('.picture').alt.includes('grass 25 %, bare 25 %')")
    painter.get_by_role("button", name="fill", exact=True).click()
    painter.get_by_role("button", name="shadow", exact=True).click()
    for height in (0.1, 0.35):
        shown_after(page, lambda height=height: drag(page, painter, [(height, 0.1)]))
    before, said = colours(painter), painter.get_by_role("alert")
    drag(page, painter, [(0.6, 0.1)])
    page.wait_for_function("document.querySelector('.error').textContent")
    assert said.inner_text() == "no picture of this map, ValueError: too much shadow"
    assert (colours(painter) == before).all() and (before == 3).sum() == 3 * 8 * 48
    painter.get_by_role("button", name="undo").click()
    page.wait_for_function("!document.querySelector('.error').textContent")
    assert (colours(painter) == before).all()


def test_the_keyboard_reaches_the_painter_and_not_the_notebook(lab):
    page, painter = lab
    cells = page.locator(".jp-Cell").count()
    painter.get_by_label("colours", exact=True).focus()
    page.keyboard.press("ArrowDown")
    assert painter.get_by_label("colours", exact=True).input_value() == "true"
    painter.get_by_label("brush radius").focus()
    page.keyboard.press("ArrowRight")
    assert painter.get_by_label("brush radius").input_value() == "4"
    painter.locator(".map").focus()
    for key in "ddxa":
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == cells, "single letters are commands of the notebook"
    painter.get_by_role("button", name="brush", exact=True).click()
    painter.get_by_role("button", name="bare", exact=True).click()
    painter.locator(".map").focus()
    for key in ["Shift+ArrowUp"] * 4 + ["Shift+ArrowLeft"] * 6 + ["ArrowDown"] * 3 + ["ArrowRight", "Shift+ArrowRight"]:
        page.keyboard.press(key)
    assert painter.locator(".place").inner_text() == "row 3, column 9: shadow"
    wanted = colours(painter)
    shown_after(page, lambda: page.keyboard.press("Space"))
    paint_map.line(wanted, (3, 9), (3, 9), 2, 4)
    assert (colours(painter) == wanted).all()
    page.screenshot(path=OUTPUT / "paint_hatched.png")
