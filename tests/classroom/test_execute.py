"""Outputs that are committed: made in a fresh kernel of this interpreter, without anything of this run or machine."""

import base64
import io
import os
import sys
import tempfile
from html import escape

import numpy as np
import pytest
from nbformat import v4
from PIL import Image

from gritlib.classroom import builder, execute
from gritlib.show.figures import draw_curves, png

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
TEMPORARY = os.path.join(tempfile.gettempdir(), "ipykernel_12", "34.py")

CLEANED = {
    "trained in 12.3 s (9.1 steps/s, 130 images/s)": "trained in … s (… steps/s, … images/s)",
    "about 3 min, or 0.05 h at 1,200 it/s; 2.5e-3s/it": "about … min, or … h at … it/s; …s/it",
    "1 min 20 s, then 40ms and 7 µs, took 2 seconds.": "… min … s, then …ms and … µs, took … seconds.",
    "finished at 12:03:59": "finished at …",
    "<function f at 0x7f12ab34cd90>": "<function f at 0x…>",
    f"warning in {TEMPORARY}:3: x": "warning in …:3: x",
    "written to /tmp/abc/def.png, see it": "written to …, see it",
    "read /repo/solutions/runs/x": "read solutions/runs/x",
    "note: the machine is busy (load 3.1), expect fewer steps a second\nnext\n": "next\n",
    # Not times: lengths, minima, strides, shapes, announcements, words.
    "Reading about 30 minutes, coding 55": "Reading about 30 minutes, coding 55",
    "std 0.3 min 0.1 max 2.0; k 4 s 2; min: 3": "std 0.3 min 0.1 max 2.0; k 4 s 2; min: 3",
    "3 samples, 64 steps, 7 slides, PSNR 48.13, 16x16, 0x1f": "3 samples, 64 steps, 7 slides, PSNR 48.13, 16x16, 0x1f",
    "the 4:3 picture of x2s": "the 4:3 picture of x2s",
}


def notebook(*sources, outputs=()):
    cells = [v4.new_code_cell(source, id=f"cell-{k}") for k, source in enumerate(sources, 1)]
    if outputs:
        cells[0].outputs = list(outputs)
    return v4.new_notebook(cells=cells)


def display(**data):
    return v4.new_output("display_data", data={kind.replace("_", "/"): value for kind, value in data.items()})


def stream(text, name="stdout"):
    return v4.new_output("stream", text=text, name=name)


def cleaned(*outputs):
    one = notebook("1", outputs=outputs)
    execute.clean(one, [("/repo" + os.sep, "")] if os.sep == "/" else [("/repo/", "")])
    return one.cells[0].outputs


@pytest.mark.parametrize("text", CLEANED)
@pytest.mark.parametrize("kind", ["stream", "text_plain", "text_html", "text_markdown"])
def test_what_another_run_would_print_is_left_out(text, kind):
    wanted = CLEANED[text]
    if kind == "text_html":
        text, wanted = escape(text), escape(wanted)
    if kind == "stream":
        found = [output.text for output in cleaned(stream(text))]
    else:
        found = [output.data[kind.replace("_", "/")] for output in cleaned(display(**{kind: text}))]
    assert found == [wanted]


def test_cleaning_twice_changes_nothing_more():
    once = [output.text for output in cleaned(*(stream(text) for text in CLEANED))]
    assert [output.text for output in cleaned(*map(stream, once))] == once


def test_a_time_printed_in_two_pieces_is_still_one():
    assert [output.text for output in cleaned(stream("took 12"), stream("bar", "stderr"), stream(".3 s\n"))] == [
        "took … s\n"
    ]


def test_styles_and_attributes_of_html_stay():
    text = '<style>p {transition: 0.3s}</style><p style="animation: 2s" title="4 s">took 5 s</p>'
    (output,) = cleaned(display(text_html=text))
    assert output.data["text/html"] == text.replace("5 s", "… s")


def test_progress_bars_warnings_and_widget_state_go_and_what_a_widget_says_stays():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "a1", "version_major": 2, "version_minor": 0}}
    bar = v4.new_output("display_data", data={**view, "text/plain": "training:  10%|█    | 2/20 [00:01<00:09]"})
    plain_bar = v4.new_output("display_data", data={**view, "text/plain": "  0%|          | 0/20 [00:00<?, ?step/s]"})
    slider = v4.new_output("display_data", data={**view, "text/plain": "IntSlider(value=3)"})
    alone = v4.new_output("display_data", data=view)
    found = cleaned(bar, plain_bar, stream("UserWarning", "stderr"), slider, alone)
    assert [output.data for output in found] == [{"text/plain": "IntSlider(value=3)"}]


def test_pictures_stay_as_they_are_and_their_description_is_cleaned_too():
    alt = "Loss over 20 steps, after 3.2 s."
    picture = v4.new_output("display_data", data={"image/png": PIXEL}, metadata={"image/png": {"alt": alt}})
    (output,) = cleaned(picture)
    assert output.data["image/png"] == PIXEL and output.metadata["image/png"]["alt"] == "Loss over 20 steps, after … s."


def test_cells_are_numbered_anew_and_keep_only_their_tags():
    one = notebook("1", "2", "3")
    one.cells.insert(1, v4.new_markdown_cell("text", id="text"))
    result = v4.new_output("execute_result", data={"text/plain": "2"}, execution_count=17)
    one.cells[2].outputs, one.cells[2].execution_count = [result], 17
    one.cells[2].metadata.update(execution={"iopub.execute_input": "2031-01-01T10:00:00"}, tags=["core"])
    execute.clean(one, [])
    assert [cell.get("execution_count") for cell in one.cells] == [1, None, 2, 3]
    assert one.cells[2].outputs[0].execution_count == 2 and one.cells[2].metadata == {"tags": ["core"]}


@pytest.mark.parametrize(
    ("data", "metadata", "missing"),
    [
        ({"image/png": PIXEL}, {}, True),
        ({"image/png": PIXEL}, {"image/png": {"alt": ""}}, True),
        ({"image/png": PIXEL}, {"image/png": {"width": 3}}, True),
        ({"image/svg+xml": "<svg/>"}, {"image/png": {"alt": "of another"}}, True),
        ({"text/html": '<p><img src="data:,"></p>'}, {}, True),
        ({"text/html": '<p><IMG alt="A grey square" src="data:,"></p>'}, {}, False),
        ({"image/png": PIXEL}, {"image/png": {"alt": "A grey square"}}, False),
        ({"text/plain": "no picture"}, {}, False),
    ],
)
def test_a_picture_without_a_description_is_noticed(data, metadata, missing):
    one = notebook("1", outputs=[v4.new_output("display_data", data=data, metadata=metadata)])
    assert execute.undescribed(one.cells[0]) is missing


def test_the_environment_is_one_thread_strict_at_ci_unless_said(monkeypatch):
    monkeypatch.delenv("GRITLIB_PRESET", raising=False)
    monkeypatch.setenv("GRITLIB_HOME", "mine")
    found = execute.environment("temporary")
    assert (found["GRITLIB_PRESET"], found["GRITLIB_STRICT"], found["OMP_NUM_THREADS"]) == ("ci", "1", "1")
    assert found["GRITLIB_HOME"] == "temporary" and found["PATH"] == os.environ["PATH"]
    monkeypatch.setenv("GRITLIB_PRESET", "smoke")
    assert execute.environment("temporary")["GRITLIB_PRESET"] == "smoke"


def without_kernel(monkeypatch, outputs):
    def kernel(notebook, *args):
        notebook.cells[0].outputs = outputs

    monkeypatch.setattr(execute, "kernel", kernel)


def test_a_large_notebook_is_refused(monkeypatch, tmp_path):
    without_kernel(monkeypatch, [stream("abcdefg " * 200_000)])
    with pytest.raises(execute.ExecutionError, match=r"solutions/01_tiny\.ipynb: 1\.6 MB, at most 1\.5 MB"):
        execute.run(notebook("1"), tmp_path / "solutions" / "01_tiny.ipynb", tmp_path)


def test_a_notebook_with_an_undescribed_picture_is_refused(monkeypatch, tmp_path):
    without_kernel(monkeypatch, [display(image_png=PIXEL)])
    with pytest.raises(execute.ExecutionError, match=r"01_tiny\.ipynb: cell 1 \(cell-1\) shows a picture without"):
        execute.run(notebook("1"), tmp_path / "solutions" / "01_tiny.ipynb", tmp_path)


@pytest.mark.slow
def test_a_lesson_is_executed_and_checked(root, registry, tmp_path, monkeypatch):
    path = root / "solutions" / "01_tiny.py"
    monkeypatch.setenv("GRITLIB_PRESET", "smoke")
    more = """
# %%
import os, sys, tempfile, time, warnings
from pathlib import Path
print(Path.cwd().name, Path(sys.executable) == Path(os.environ["EXPECTED"]), os.environ["GRITLIB_PRESET"])
print(tempfile.mkdtemp(), object(), end=" ")
print(f"took {time.perf_counter():.1f} s", file=sys.stdout)
warnings.warn("not kept")

# %%
from tqdm.auto import tqdm
for _ in tqdm(range(3)):
    print("step", _)

# %%
import numpy as np
from gritlib.show import pictures
pictures([[np.zeros((8, 8), np.uint8)]], alt="A black square of 8 pixels")

# %%
import ipywidgets
ipywidgets.IntSlider(value=3)
"""
    monkeypatch.setenv("EXPECTED", sys.executable)
    path.write_text(path.read_text(encoding="utf-8") + more, encoding="utf-8")
    assert len(builder.build(root, run=True, registry=registry)) == 2
    assert builder.check(root, registry=registry) == []
    solved = v4.reads((root / "solutions" / "01_tiny.ipynb").read_text(encoding="utf-8"))
    setup, machine, bar, picture, slider = (solved.cells[i].outputs for i in (2, -4, -3, -2, -1))
    assert "Lesson 01" in setup[0].text
    assert [output.text for output in machine] == ["solutions True smoke\n… <object object at 0x…> took … s\n"]
    assert [output.text for output in bar] == ["step 0\nstep 1\nstep 2\n"]
    assert picture[0].metadata["image/png"]["alt"] == picture[0].data["text/plain"] == "A black square of 8 pixels"
    assert list(slider[0].data) == ["text/plain"] and "widgets" not in solved.metadata
    assert [cell.execution_count for cell in solved.cells if cell.cell_type == "code"] == list(range(1, 12))
    assert not list((root / "solutions").glob("progress"))

    before = {file: file.read_bytes() for file in root.rglob("*.ipynb")}
    assert builder.build(root, run=True, registry=registry) == [], "another execution gives the same bytes"
    path.write_text(path.read_text(encoding="utf-8") + "\n# %%\n1 / 0\n", encoding="utf-8")
    with pytest.raises(execute.ExecutionError, match=r"01_tiny\.ipynb: cell 16 \(\w+\) raised ZeroDivisionError"):
        builder.build(root, run=True, registry=registry)
    assert {file: file.read_bytes() for file in root.rglob("*.ipynb")} == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import time; time.sleep(60)", r"x: cell 2 \(cell-2\) took longer than 2 s"),
        ("import os; os._exit(1)", r"x: cell 2 \(cell-2\) killed the kernel"),
        ("check = 1\ncheck(2)", r"x: cell 2 \(cell-2\) raised TypeError: 'int' object is not callable"),
    ],
)
def test_a_cell_that_does_not_end_well_is_named(code, words, tmp_path):
    with pytest.raises(execute.ExecutionError, match=words):
        execute.kernel(notebook("1", code), tmp_path, "x", dict(os.environ), seconds=2)


def test_a_large_drawing_keeps_its_kind_with_fewer_colours():
    figure = draw_curves({"a": (range(200), [i * (200 - i) for i in range(200)])}, "x", "y")
    data = base64.b64encode(png(figure)).decode()
    output = v4.new_output("display_data", {"image/png": data}, metadata={"image/png": {"alt": "a b c"}})
    notebook = v4.new_notebook(cells=[v4.new_code_cell("x", outputs=[output])])
    execute.clean(notebook, [])
    (kept,) = notebook.cells[0].outputs
    before, after = (Image.open(io.BytesIO(base64.b64decode(d))) for d in (data, kept.data["image/png"]))
    assert kept.metadata == {"image/png": {"alt": "a b c"}} and after.info["Description"] == "generated by gritlib"
    assert len(kept.data["image/png"]) < 0.6 * len(data) and after.size == before.size
    apart = np.asarray(before.convert("RGB")).astype(int) - np.asarray(after.convert("RGB"))
    assert abs(apart).mean() < 1


def test_a_large_picture_is_kept_as_a_jpeg_with_its_description():
    def picture(side):
        noise = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
        data = io.BytesIO()
        Image.fromarray(noise).save(data, "png")
        return base64.b64encode(data.getvalue()).decode()

    small, large = picture(20), picture(200)
    outputs = [
        v4.new_output("display_data", {"image/png": data, "text/plain": "a"}, metadata={"image/png": {"alt": "a b c"}})
        for data in (small, large)
    ]
    notebook = v4.new_notebook(cells=[v4.new_code_cell("x", outputs=outputs)])
    execute.clean(notebook, [])
    kept, changed = notebook.cells[0].outputs
    assert kept.data["image/png"] == small
    assert set(changed.data) == {"image/jpeg", "text/plain"} and changed.metadata == {"image/jpeg": {"alt": "a b c"}}
    jpeg = Image.open(io.BytesIO(base64.b64decode(changed.data["image/jpeg"])))
    assert jpeg.size == (200, 200) and jpeg.info["comment"] == b"generated by gritlib"
    assert len(changed.data["image/jpeg"]) < len(large)
    assert not execute.undescribed(notebook.cells[0])
