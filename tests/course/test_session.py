"""Beginning a lesson, any number of times; its steps at each preset; whose pieces; who the student is."""

import pytest
import torch

import gritlib
from gritlib.course import pieces, progress, session, start, steps, student
from gritlib.course.lessons import LESSONS
from gritlib.presets import NAMES

PRESETS = [name for name in NAMES]


def test_start_says_what_it_runs_on_and_how_long_it_takes(capsys, monkeypatch):
    monkeypatch.setenv("GRITLIB_PRESET", "smoke")
    start("01")
    out = capsys.readouterr().out
    lesson = LESSONS["01"]
    assert out.startswith(f"Lesson 01, {lesson.title}\n")
    assert f"preset smoke: {sum(run['smoke'] for run in lesson.steps.values())} training steps" in out
    assert "minutes on two cores" not in out and f"Reading about {lesson.reading} minutes" in out
    assert f"coding {lesson.coding}" in out
    assert f"gritlib {gritlib.__version__}, torch {torch.__version__}, Python 3." in out
    assert ("CPU, 1 thread" in out) or torch.cuda.is_available()
    assert "So far: 01 pix2pix" in out and "0 of " in out


def test_how_long_it_takes_is_said_for_the_preset_it_was_measured_at(monkeypatch, capsys):
    monkeypatch.setenv("GRITLIB_PRESET", "cpu")
    start("01")
    assert f"training steps, about {LESSONS['01'].compute} minutes on two cores" in capsys.readouterr().out


def test_a_lesson_without_training_says_so_and_names_the_preset_too(capsys):
    start("00")
    out = capsys.readouterr().out
    assert "preset c" in out or "preset g" in out
    assert ("nothing is trained" in out) == (not LESSONS["00"].steps)


def test_start_leaves_no_file_behind(own_home, capsys):
    start("01")
    assert not own_home.exists()


def test_start_again_keeps_what_was_checked(capsys, monkeypatch):
    start("01")
    session.current().yours["01.1"] = True
    first = capsys.readouterr().out
    start("01")
    assert session.current().yours == {"01.1": True} and capsys.readouterr().out == first
    monkeypatch.setenv("GRITLIB_PRESET", "ci")
    start("01")
    assert session.current().yours == {"01.1": True} and session.current().preset == "ci"


@pytest.mark.parametrize("again", [("00",), ("01", "spring")])
def test_another_lesson_or_class_begins_anew(again, capsys):
    start("01")
    session.current().yours["01.1"] = True
    start(*again)
    assert session.current().yours == {} and pieces("01.1") == "gritlib: 01.1"
    start("01")
    assert session.current().yours == {}, "the other lesson's kernel state is gone"


@pytest.mark.parametrize("lesson", ["99", "1", 1, None, ""])
def test_an_unknown_lesson_names_those_there_are_and_changes_nothing(lesson, capsys):
    start("01")
    before = session.current()
    with pytest.raises(ValueError, match="the lessons are 00, 01"):
        start(lesson)
    assert session.current() is before


def test_an_unknown_preset_is_refused_before_anything_changes(monkeypatch):
    monkeypatch.setenv("GRITLIB_PRESET", "huge")
    with pytest.raises(ValueError, match="GRITLIB_PRESET is 'huge'"):
        start("01")
    with pytest.raises(RuntimeError):
        session.current()


@pytest.mark.parametrize("preset", PRESETS)
def test_steps_are_those_of_the_preset(preset, monkeypatch, capsys):
    monkeypatch.setenv("GRITLIB_PRESET", preset)
    start("01")
    assert {run: steps(run) for run in LESSONS["01"].steps} == {r: s[preset] for r, s in LESSONS["01"].steps.items()}


def test_steps_of_a_run_that_is_not_declared_or_before_the_start():
    with pytest.raises(RuntimeError, match=r'run the setup cell first, gritlib.course.start\("01"\)'):
        steps("yours")
    start("01")
    with pytest.raises(ValueError, match=f"lesson 01 has no run 'more': it declares {', '.join(LESSONS['01'].steps)}"):
        steps("more")
    start("00")
    with pytest.raises(ValueError, match="lesson 00 has no run 'yours'"):
        steps("yours")


def test_pieces_name_whose_they_are_in_the_order_asked():
    assert pieces("01.1", "01.3") == "gritlib: 01.1 01.3" and pieces() == ""
    start("01")
    session.current().yours.update({"01.3": True, "01.1": True, "01.5": False})
    assert pieces("01.1", "01.3", "01.5") == "yours: 01.1 01.3 · gritlib: 01.5"
    assert pieces("01.3") == "yours: 01.3"


# Who the student is --------------------------------------------------------------------------------------------------


def test_a_student_is_a_guest_until_named(own_home):
    assert student() == "guest"
    assert student("  ada  ") == "ada" and student() == "ada"
    assert (own_home / "student.txt").read_text(encoding="utf-8") == "ada\n"
    assert student("björn") == "björn" and student() == "björn", "the last one counts"


def test_the_environment_comes_first(monkeypatch):
    student("ada")
    monkeypatch.setenv("GRITLIB_STUDENT", " grace ")
    assert student() == "grace"
    monkeypatch.setenv("GRITLIB_STUDENT", "  ")
    assert student() == "ada", "an empty one is none"


@pytest.mark.parametrize("id", ["", "   ", "\n"])
def test_an_empty_id_is_refused_and_the_old_one_stays(id):
    student("ada")
    with pytest.raises(ValueError, match="the student id is empty"):
        student(id)
    assert student() == "ada"


@pytest.mark.parametrize(("id", "kept"), [(12345, "12345"), ("a\nb", "a b"), ("x" * 500, "x" * 500), (0, "0")])
def test_odd_ids_are_one_line_of_text(id, kept):
    assert student(id) == kept and student() == kept


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00"])
def test_a_file_without_an_id_means_guest(content, own_home):
    own_home.mkdir()
    (own_home / "student.txt").write_bytes(content)
    assert student() == "guest"


def test_where_nothing_can_be_kept_the_id_lasts_as_long_as_the_kernel(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "file"))
    assert student() == "guest" and student("ada") == "ada"
    assert "your id is kept until the kernel restarts" in capsys.readouterr().out
    assert student() == "ada"
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "elsewhere"))
    assert student("grace") == "grace" and student() == "grace"


def test_progress_and_id_lie_in_the_same_folder(own_home):
    assert progress.home() == own_home and progress.path("01") == own_home / "progress" / "01.json"
