"""The clinic's figures: six runs with the same axes over the healthy one, described with numbers and without names."""

import IPython.display
import numpy as np
import pytest

from gritlib.show import clinic
from gritlib.studies.clinic import CURVES, DISTRACTORS, FAULTS, drawn, healthy


@pytest.fixture
def shown(monkeypatch):
    """What reaches the notebook: a list of (data, metadata)."""
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, metadata, raw: seen.append((data, metadata)))
    return seen


def test_a_ward_shows_curves_and_pictures_of_six_runs(shown):
    clinic.ward("ada")
    assert len(shown) == 12
    for (letter, log), curves, outputs in zip(drawn("ada").items(), shown[::2], shown[1::2], strict=True):
        for data, metadata in (curves, outputs):
            alt = metadata["image/png"]["alt"]
            assert alt == data["text/plain"] and alt.startswith(f"Run {letter}") and log.dataset in alt
    assert len({data["image/png"] for data, _ in shown}) == 12


def test_descriptions_have_the_numbers_and_no_names(shown):
    clinic.ward("ada")
    for (_, log), (data, _) in zip(drawn("ada").items(), shown[::2], strict=True):
        for name in CURVES:
            assert f"{name} {log.mean(name, 0, 1 / 3):.3g}, " in data["text/plain"]
            assert f"{healthy(log.dataset).mean(name):.3g})" in data["text/plain"]
    words = {word for choice in (*FAULTS, *DISTRACTORS) for word in choice.split("_") if len(word) > 4}
    assert {"detach", "labels", "condition", "jitter", "lambda"} <= words
    for data, _ in shown:
        assert not any(word in data["text/plain"].lower() for word in words)


def test_every_curve_is_drawn_once_in_words_that_tell_nothing():
    assert sorted(name for names in clinic.PANELS.values() for name in names) == sorted(CURVES)
    logs = drawn("ada")
    letter, log = next((k, v) for k, v in logs.items() if v.fault == "labels_swapped")
    figure = clinic.draw_run(letter, log, healthy(log.dataset), clinic.limits([log, healthy(log.dataset)]))
    texts = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    assert texts == [f"Run {letter}: {log.dataset} (grey, dotted: the healthy run on {log.dataset})", *clinic.PANELS]


def test_all_runs_have_the_same_axes_and_nothing_is_cut():
    logs = drawn("ada")
    ranges = clinic.limits([*logs.values(), *(healthy(log.dataset) for log in logs.values())])
    seen = set()
    for letter, log in logs.items():
        figure = clinic.draw_run(letter, log, healthy(log.dataset), ranges)
        seen.add(tuple(axes.get_ylim() for axes in figure.axes))
        for axes in figure.axes:
            low, high = axes.get_ylim()
            assert all(low <= y <= high for line in axes.lines for y in line.get_ydata()), axes.get_title()
        grey = [line for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"]
        assert len(grey) == len(CURVES) and {line.get_color() for line in grey} == {"0.55"}
    assert len(seen) == 1


def test_the_healthy_run_beside_is_the_one_on_the_same_dataset():
    log = drawn("ada")["A"]
    reference = healthy(log.dataset)
    rows, titles = clinic.compared(log, reference)
    assert titles == ["input", "step 100", "step 300", "step 700", "healthy, 700", "truth"]
    assert all(len(row) == len(titles) for row in rows) and len(rows) == 4
    assert all(np.array_equal(row[4], picture) for row, picture in zip(rows, reference.strip()[3], strict=True))
    assert all(np.array_equal(row[3], picture) for row, picture in zip(rows, log.strip()[3], strict=True))


def test_smoothing_keeps_length_level_and_ends():
    assert clinic.smooth([2.0] * 9).tolist() == pytest.approx([2.0] * 9)
    line = [float(i) for i in range(9)]
    assert clinic.smooth(line)[2:-2].tolist() == pytest.approx(line[2:-2])
    assert clinic.smooth(line)[0] == pytest.approx(1.0) and len(clinic.smooth([1.0, 3.0])) == 2
