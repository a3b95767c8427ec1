"""What is kept of a student's work: best points, predictions, claims; a damaged or forbidden file costs nothing more
than itself."""

import json
from pathlib import Path

import pytest

from gritlib.course import exercises, progress, show_progress, start
from gritlib.course.exercise import Exercise, Part
from gritlib.course.lessons import LESSONS
from gritlib.course.progress import line, read, record, record_points, report, summary


def part(points):
    return Part("a property", points, lambda generator: {}, lambda inputs, f: {})


LESSON = tuple(Exercise(f"01.{k}", ("f",), (lambda x: x,), (part(k), part(0.5))) for k in (1, 2, 3))
EMPTY = {"exercises": {}, "predictions": {}, "claims": {}}


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(exercises, "lesson", lambda number: LESSON if number == "01" else LESSON[:1])


@pytest.fixture
def file(own_home):
    path = own_home / "progress" / "01.json"
    path.parent.mkdir(parents=True)
    return path


def test_an_exercise_of_another_class_begins_anew():
    record_points("01.3", 3, 3)
    record_points("01.3", 0, 3, "spring")
    assert read("01")["exercises"]["01.3"] == {"points": 0, "total": 3, "tries": 1, "cohort": "spring"}
    record_points("01.3", 2, 3, "spring")
    record_points("01.3", 1, 3, "spring")
    assert read("01")["exercises"]["01.3"] == {"points": 2, "total": 3, "tries": 3, "cohort": "spring"}


def test_nothing_is_recorded_at_first(own_home):
    assert read("01") == EMPTY and not own_home.exists()


def test_the_best_points_stay_and_tries_are_counted():
    for points in (1, 3.5, 2):
        record_points("01.3", points, 3.5)
    assert read("01")["exercises"] == {"01.3": {"points": 3.5, "total": 3.5, "tries": 3}}
    record_points("01.1", 0, 1.5)
    assert list(read("01")["exercises"]) == ["01.3", "01.1"] and read("00") == EMPTY


def test_entries_are_added_replaced_and_kept_apart():
    record("01", "claims", "C1", {"shown": True})
    record("01", "claims", "C2", {"shown": False})
    record("01", "claims", "C1", {"shown": False})
    record("01", "predictions", "C1", {"guess": {"ä": [1, None]}})
    assert read("01") == {
        "exercises": {},
        "predictions": {"C1": {"guess": {"ä": [1, None]}}},
        "claims": {"C1": {"shown": False}, "C2": {"shown": False}},
    }


def test_the_file_is_json_and_no_other_is_left(file):
    record_points("01.1", 1, 1.5)
    assert json.loads(file.read_text(encoding="utf-8"))["exercises"]["01.1"]["points"] == 1
    assert [path.name for path in file.parent.iterdir()] == ["01.json"]


def test_a_write_that_breaks_leaves_the_old_record(file, monkeypatch, capsys):
    record_points("01.1", 1, 1.5)
    before = file.read_bytes()

    def full(self, text, **options):
        self.write_bytes(text.encode()[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    record_points("01.2", 2, 2.5)
    assert "cannot be written (No space left on device)" in capsys.readouterr().out
    assert file.read_bytes() == before and [path.name for path in file.parent.iterdir()] == ["01.json"]


GOOD = json.dumps({"exercises": {"01.1": {"points": 1, "total": 1.5, "tries": 2}}, "predictions": {}, "claims": {}})
DAMAGED = {
    "empty": b"",
    "cut": GOOD[:30].encode(),
    "no text": b"\xff\xfe\x00\x01",
    "a list": b"[1, 2]",
    "a number": b"5",
    "null": b"null",
    "a list of exercises": b'{"exercises": [1]}',
    "an exercise that is a number": b'{"exercises": {"01.1": 3}}',
    "claims null": b'{"claims": null}',
    "a claim that is text": b'{"claims": {"C": "yes"}}',
    "points in words": b'{"exercises": {"01.1": {"points": "many"}}}',
    "points null": b'{"exercises": {"01.1": {"points": null}}}',
    "tries in words": b'{"exercises": {"01.1": {"tries": "many"}}}',
    "very deep": b"[" * 100_000,
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_set_aside_with_a_note(name, file, capsys):
    file.write_bytes(DAMAGED[name])
    assert read("01") == EMPTY
    assert "could not be read: it is now 01.unreadable, and progress starts anew" in capsys.readouterr().out
    assert file.with_suffix(".unreadable").read_bytes() == DAMAGED[name] and not file.exists()
    record_points("01.1", 1, 1.5)
    assert read("01")["exercises"]["01.1"]["points"] == 1 and summary("01")["points"] == 1
    assert capsys.readouterr().out == ""


def test_a_file_of_fewer_or_more_kinds_is_fine(file, capsys):
    file.write_text('{"exercises": {"01.1": {"points": 1}, "01.9": {}}, "newer": [1]}', encoding="utf-8")
    assert read("01")["exercises"]["01.1"]["points"] == 1 and summary("01")["points"] == 1
    record_points("01.1", 0.5, 1.5)
    assert read("01")["exercises"]["01.1"] == {"points": 1, "total": 1.5, "tries": 1}
    assert capsys.readouterr().out == ""


def test_a_folder_in_its_place_is_set_aside(file, capsys):
    file.mkdir()
    assert read("01") == EMPTY and "set" not in capsys.readouterr().err
    record_points("01.1", 1, 1.5)
    assert read("01")["exercises"]


def test_a_folder_that_cannot_be_written_costs_a_note(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "file"))
    record_points("01.1", 1, 1.5)
    assert "cannot be written" in capsys.readouterr().out
    assert summary("01")["points"] == 0 and line("01").startswith("01 ")


def test_a_read_only_folder_costs_a_note(file, monkeypatch, capsys):
    def refuse(text, path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(progress, "write_text", refuse)
    record_points("01.1", 1, 1.5)
    assert capsys.readouterr().out == f"progress is not kept: {file} cannot be written (Permission denied)\n"


@pytest.mark.parametrize(("value", "stored"), [(1.5, 1.5), (float("inf"), float("inf")), (True, True), ({1}, "{1}")])
def test_values_that_json_lacks_are_kept_in_words(value, stored):
    record("01", "claims", "C", {"value": value})
    assert read("01")["claims"]["C"] == {"value": stored}


def test_gritlib_home_is_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "me"))
    monkeypatch.setenv("GRITLIB_HOME", "~/course")
    assert progress.home() == tmp_path / "me" / "course"
    for unset in ("", None):
        monkeypatch.delenv("GRITLIB_HOME") if unset is None else monkeypatch.setenv("GRITLIB_HOME", unset)
        assert progress.home() == tmp_path / "me" / ".gritlib"


def test_a_user_without_a_home_still_has_a_place(tmp_path, monkeypatch):
    def homeless(self):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GRITLIB_HOME")
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert progress.home().name == "gritlib"


# Sums ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def some():
    record_points("01.1", 1.5, 1.5)
    record_points("01.3", 0.5, 3.5)
    record("01", "claims", "C1", {"shown": True})
    record("01", "claims", "C2", {"shown": False})


def test_a_summary_counts(some):
    assert summary("01") == {
        **{"done": 1, "exercises": 3, "points": 2.0, "total": 7.5, "shown": 1, "claims": 2},
        "by_exercise": {"01.1": 1.5, "01.2": 0, "01.3": 0.5},
    }
    assert line("01").endswith("1 of 3 exercises, 2 of 7.5 points, 1 of 2 claims shown on this machine")
    assert line("00").endswith("0 of 1 exercises, 0 of 1.5 points"), "no claims, no words about them"


def test_points_of_an_exercise_that_is_now_worth_less_or_gone_do_not_count_twice(some):
    record_points("01.2", 99, 99)
    record_points("01.8", 5, 5)
    assert summary("01")["by_exercise"]["01.2"] == 2.5 and summary("01")["points"] == 4.5
    assert summary("01")["done"] == 2


def test_the_report_has_a_line_a_lesson_and_the_place(some, own_home):
    lines = report().splitlines()
    assert [text[:2] for text in lines[:-1]] == list(LESSONS) and lines[1] == line("01")
    assert lines[-1] == f"(kept in {own_home / 'progress'})"


# The widget ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("argument", [("01",), ()])
def test_the_widget_and_its_words_say_the_same(argument, some, capsys):
    widgets = pytest.importorskip("ipywidgets")
    start("01")
    capsys.readouterr()
    box = show_progress(*argument)
    said = capsys.readouterr().out.splitlines()
    assert isinstance(box, widgets.VBox)
    title, *rows = box.children
    assert title.value == said[0] == line("01")
    bars, texts = zip(*(row.children for row in rows), strict=True)
    assert [(b.description, b.value, b.max) for b in bars] == [("01.1", 1.5, 1.5), ("01.2", 0, 2.5), ("01.3", 0.5, 3.5)]
    assert [b.bar_style for b in bars] == ["success", "", ""]
    assert [t.value for t in texts] == ["1.5 of 1.5 points", "0 of 2.5 points", "0.5 of 3.5 points"], (
        "not by colour only"
    )
    assert said[1:] == [f"  {b.description}: {t.value}" for b, t in zip(bars, texts, strict=True)]


def test_the_widget_follows_when_the_cell_runs_again(some, capsys):
    pytest.importorskip("ipywidgets")
    show_progress("01")
    record_points("01.2", 2.5, 2.5)
    assert show_progress("01").children[2].children[0].value == 2.5
    assert "2 of 3 exercises" in capsys.readouterr().out


def test_the_widget_needs_a_lesson():
    with pytest.raises(RuntimeError, match="run the setup cell first"):
        show_progress()
