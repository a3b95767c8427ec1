"""What a student reads after each kind of answer, what the notebook goes on with, and what is kept of it."""

import sys
from dataclasses import replace

import pytest
import torch

from gritlib.course import check, claim, examine, exercises, pieces, predict, progress, reveal, session, start
from gritlib.course.check import CheckFailed, FirstLetters
from gritlib.course.exercise import Exercise, Mistake, Part, is_reference


def draw(generator):
    return {"x": torch.rand(5, generator=generator, dtype=torch.float64)}


def middle(x):
    return x.mean()


def width(x):
    return x.max() - x.min()


def call_middle(inputs, middle):
    return {"middle": float(middle(inputs["x"]))}


def call_shifted(inputs, middle):
    return {"middle": float(middle(inputs["x"] + 1)) - 1}


def call_sign(inputs, middle):
    return {"middle": float(middle(-inputs["x"]))}


def call_both(inputs, middle, width):
    return {"middle": middle(inputs["x"]), "width": width(inputs["x"])}


MIDDLE = Exercise(
    "01.1",
    ("middle",),
    (middle,),
    (
        Part("the mean", 2, draw, call_middle, advice="Look at the middle."),
        Part("follows a shift", 1, draw, call_shifted, advice="Look at the middle."),
        Part("its sign", 0, draw, call_sign),
    ),
    (Mistake("It looks like the sum.", lambda x: x.sum()),),
)
BOTH = Exercise("01.2", ("middle", "width"), (middle, width), (Part("both", 3, draw, call_both),))


def of_class(cohort):
    def double(x):
        return 2 * x.mean()

    public = Mistake("this is the public version: your class doubles it", lambda x: x.mean())
    return replace(MIDDLE, id="01.3", reference=(double,), mistakes=(public,), note=f"class {cohort}")


CLASSED = replace(MIDDLE, id="01.3", reference=(lambda x: x.mean(),), variant=of_class)
LESSON = (MIDDLE, BOTH, CLASSED)


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(exercises, "lesson", lambda number: LESSON if number == "01" else ())


@pytest.fixture
def lesson(capsys):
    start("01")
    capsys.readouterr()


def mean(x):
    return x.sum() / len(x)


def total(x):
    return x.sum()


def stub(x):
    raise NotImplementedError("01.1 is yours to write")


def kept(id="01.1"):
    return progress.read("01")["exercises"].get(id)


# What is printed -----------------------------------------------------------------------------------------------------


def test_right(capsys, lesson):
    assert check("01.1", mean) is mean
    assert capsys.readouterr().out == (
        "01.1 middle: 3 of 3 points\n  ✓ the mean (2)\n  ✓ follows a shift (1)\n  ✓ its sign\n"
    )


def test_wrong(capsys, lesson):
    assert check("01.1", total) is middle
    out = capsys.readouterr().out
    assert out.startswith("01.1 middle: 0 of 3 points\n  ✗ the mean (2)\n      middle: got ")
    assert "difference" in out and out.count("It looks like the sum.") == 1, "the same explanation helps once"
    assert out.endswith("  Until it is right the notebook goes on with gritlib's middle.\n")


def test_partly(capsys, lesson):
    assert check("01.1", lambda x: x.mean().abs()) is middle
    out = capsys.readouterr().out
    assert (
        "3 of 3 points\n  ✓ the mean (2)\n  ✓ follows a shift (1)\n  ✗ its sign\n" in out and "Until it is right" in out
    )


def test_not_attempted(capsys, lesson):
    assert check("01.1", stub) is middle
    assert capsys.readouterr().out == "01.1 middle: not attempted yet. Until then the notebook uses gritlib's.\n"
    assert kept() is None and pieces("01.1") == "gritlib: 01.1"


def test_a_class_of_which_one_method_is_written_is_told_the_other(capsys, lesson):
    class Half:
        def __init__(self):
            raise NotImplementedError

        def __call__(self, x):
            return x.mean()

    check("01.1", lambda x: Half()(x))
    said = "01.1 middle: not attempted yet (the stub's raise in __init__ is reached). Until then"
    assert capsys.readouterr().out.startswith(said)


def test_a_part_not_written(capsys, lesson):
    check("01.1", lambda x: mean(x) if x.min() > 0 else stub(x))
    assert "  ✗ its sign\n      not written yet\n" in capsys.readouterr().out


def test_reference(capsys, lesson):
    assert check("01.1", middle) is middle
    words = "01.1 middle: this is gritlib's version; run the cell that defines yours, then check it.\n"
    assert capsys.readouterr().out == words and kept() is None and pieces("01.1") == "gritlib: 01.1"


def test_an_error_with_its_traceback_once(capsys, lesson):
    space = {}
    exec("def middle(x):\n    return x.men()", space)
    assert check("01.1", space["middle"]) is middle
    out = capsys.readouterr().out
    assert out.count("Traceback") == 1 and '  |   File "<string>", line 2, in middle' in out
    assert "your code raised AttributeError: 'Tensor' object has no attribute 'men'" in out
    assert "examine.py" not in out


def test_an_endless_loop_with_the_place_where_it_was_stopped_once(capsys, lesson, monkeypatch):
    monkeypatch.setattr(examine, "SECONDS", 0.1)
    monkeypatch.setattr(examine.examine, "__kwdefaults__", {"seed": None, "seconds": 0.1})
    space = {}
    exec("def middle(x):\n    while True:\n        pass", space)
    assert check("01.1", space["middle"]) is middle
    out = capsys.readouterr().out
    assert "      stopped after 0.1 s: is there a loop that does not end?\n" in out
    assert out.count("Traceback") == 1 and 'File "<string>", line' in out and "examine.py" not in out


def test_the_same_error_in_every_part_is_explained_once(capsys, lesson):
    check("01.1", lambda x: x.nothing)
    out = capsys.readouterr().out
    assert out.count("your code raised") == 1 and out.count("for x = ") == 1


def test_what_a_judge_says_is_printed_however_it_begins(capsys, lesson, monkeypatch):
    part = replace(MIDDLE.parts[0], judge=lambda inputs, got, wanted: "for a batch of 5 your function returned a list")
    monkeypatch.setattr(exercises, "lesson", lambda number: (replace(MIDDLE, parts=(part,)),))
    check("01.1", mean)
    assert "      for a batch of 5 your function returned a list\n" in capsys.readouterr().out


def test_slow(capsys, lesson, monkeypatch):
    monkeypatch.setattr(examine, "SLOW_SECONDS", -1.0)
    monkeypatch.setattr(examine, "SLOW", 0.0)
    assert check("01.1", mean) is middle, "gritlib's trains"
    out = capsys.readouterr().out
    assert "3 of 3 points" in out and "times slower than gritlib's, which therefore trains below." in out
    assert kept()["points"] == 3 and pieces("01.1") == "gritlib: 01.1"
    check("01.1", mean, strict=True)


def test_what_the_code_prints_is_shown_but_not_without_end(capsys, lesson):
    assert check("01.1", lambda x: print("here", len(x)) or mean(x))
    out = capsys.readouterr().out
    assert out.count("here 5") == 3 and "left out" not in out
    check("01.1", lambda x: [print("noise" * 20) for _ in range(500)] and mean(x))
    out = capsys.readouterr().out
    assert len(out) < 4000 and out.count("left out") == 1 and out.count("3 of 3 points") == 1


def test_letters_beyond_the_limit_are_dropped_and_counted_as_written(capsys):
    out = FirstLetters(sys.stdout, 5)
    assert out.write("abc") == 3 and out.write("defgh") == 5 and out.write("i") == 1
    out.flush()
    assert capsys.readouterr().out == "abcde\n… what your code prints further is left out\n"


# What comes back -----------------------------------------------------------------------------------------------------


def test_several_objects_come_back_as_several(lesson, capsys):
    mine = mean, lambda x: -(x.min() - x.max())
    assert check("01.2", *mine) == mine
    assert check("01.2", mean, total) == (middle, width)
    assert "gritlib's middle and width." in capsys.readouterr().out


def test_running_the_check_again_never_turns_a_wrong_answer_into_a_pass(lesson, capsys):
    f = check("01.1", total)
    for _ in range(3):
        f = check("01.1", f)
    assert is_reference(f) and pieces("01.1") == "gritlib: 01.1"
    assert kept() == {"points": 0, "total": 3, "tries": 1}
    both = check("01.2", total, lambda x: x.max() - x.min())
    assert check("01.2", *both) == (middle, width)
    assert check("01.2", both[0], lambda x: x.max() - x.min()) == (middle, width), "one of gritlib's is enough"
    assert kept("01.2") == {"points": 0, "total": 3, "tries": 1} and "✓" not in capsys.readouterr().out


def test_running_a_right_cell_again_stays_right(lesson, capsys):
    f = check("01.1", mean)
    assert check("01.1", f) is mean and pieces("01.1") == "yours: 01.1"
    assert kept() == {"points": 3, "total": 3, "tries": 2}


def test_the_caption_follows_what_the_notebook_goes_on_with(lesson, capsys):
    check("01.1", mean)
    assert pieces("01.1", "01.2") == "yours: 01.1 · gritlib: 01.2"
    check("01.1", middle)
    assert pieces("01.1") == "gritlib: 01.1", "it was given gritlib's"
    check("01.1", mean)
    check("01.1", total)
    assert pieces("01.1") == "gritlib: 01.1" and kept()["points"] == 3, "the best result stays"


def test_without_a_lesson_it_checks_all_the_same(capsys):
    assert check("01.1", mean) is mean and kept()["points"] == 3


def test_unknown_exercises_and_counts_are_errors_with_a_way_out():
    with pytest.raises(ValueError, match=r"lesson 01 has 01\.1, 01\.2, 01\.3"):
        check("01.9", mean)
    with pytest.raises(TypeError, match="takes 2 objects, 1 were given"):
        check("01.2", mean)
    with pytest.raises(TypeError, match=r'check\("01.1", middle\) takes 1 objects, 0 were given'):
        check("01.1")


# Strict mode ---------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["argument", "environment"])
def strict(request, monkeypatch):
    """How strict mode is turned on."""
    if request.param == "argument":
        return {"strict": True}
    monkeypatch.setenv("GRITLIB_STRICT", "1")
    return {}


@pytest.mark.parametrize("answer", [total, stub, middle, lambda x: x.mean().abs()])
def test_strict_mode_raises_whatever_is_not_right(answer, strict, lesson, capsys):
    with pytest.raises(CheckFailed) as raised:
        check("01.1", answer, **strict)
    assert str(raised.value) + "\n" == capsys.readouterr().out


def test_strict_mode_lets_the_right_answer_pass_as_often_as_the_cell_runs(strict, lesson, capsys):
    f = check("01.1", mean, **strict)
    assert check("01.1", f, **strict) is mean


def test_strict_mode_can_be_turned_off(monkeypatch, lesson, capsys):
    monkeypatch.setenv("GRITLIB_STRICT", "1")
    assert check("01.1", total, strict=False) is middle
    for off in ("", "0"):
        monkeypatch.setenv("GRITLIB_STRICT", off)
        assert check("01.1", total) is middle


def test_a_failure_in_strict_mode_is_recorded_as_any_other(lesson, capsys):
    with pytest.raises(CheckFailed):
        check("01.1", total, strict=True)
    assert kept()["tries"] == 1 and pieces("01.1") == "gritlib: 01.1"


# Cohorts -------------------------------------------------------------------------------------------------------------


def test_a_class_gets_its_own_variant(capsys):
    start("01", cohort="spring")
    handed_back = check("01.3", lambda x: 2 * x.sum() / len(x))
    assert handed_back(torch.ones(2)) == 1, "the lesson goes on with the public piece"
    assert pieces("01.3") == "yours: 01.3" and kept("01.3")["points"] == 3
    given_back = check("01.3", mean)
    assert "this is the public version" in capsys.readouterr().out and given_back(torch.ones(2)) == 1
    check("01.3", given_back)
    assert "this is gritlib's version" in capsys.readouterr().out
    check("01.3", CLASSED.reference[0])
    assert "this is gritlib's version" in capsys.readouterr().out, "nor does the public reference count"
    assert check("01.1", mean) is mean, "an exercise without variants is the public one"


def test_without_a_cohort_the_public_exercise_is_checked(capsys):
    start("01")
    assert check("01.3", mean) is mean


# Predictions and claims ----------------------------------------------------------------------------------------------


def test_a_guess_is_kept_and_shown_beside_the_result(lesson, capsys):
    predict("01.a", {"l1": 12.5, "psnr": None, "winner": "U-Net"})
    assert capsys.readouterr().out == "01.a: kept. l1: 12.5, winner: 'U-Net'\n"
    assert progress.read("01")["predictions"] == {"01.a": {"guess": {"l1": 12.5, "psnr": None, "winner": "U-Net"}}}
    reveal("01.a", {"l1": 10.123456, "psnr": torch.tensor(31.5), "new": 1})
    title, *rows = capsys.readouterr().out.splitlines()
    assert title.split() == ["your", "guess", "measured"]
    assert rows[0].split() == ["l1", "12.5", "10.1235"] and rows[2].split() == ["new", "–", "1"]
    assert rows[1].startswith("psnr  ") and "–" in rows[1] and "31.5" in rows[1]
    assert len({row.index("–") for row in rows[1:]}) == 1, "in columns"


def test_no_guess_is_fine(lesson, capsys):
    predict("01.a", {"l1": None})
    assert "No guess yet: that is fine." in capsys.readouterr().out
    reveal("01.b", {"l1": 1.0})
    reveal("01.b", {})
    predict("01.b", {})
    assert "–" in capsys.readouterr().out


def test_guesses_of_any_kind_are_kept(lesson, capsys):
    import numpy as np

    predict("01.a", {"a": torch.tensor(1.5), "b": np.float32(2), "c": torch.arange(2), "d": object, 5: 1})
    assert progress.read("01")["predictions"]["01.a"]["guess"] | {"d": 0} == {
        "a": 1.5,
        "b": 2.0,
        "c": [0, 1],
        "d": 0,
        "5": 1,
    }
    reveal("01.a", {5: 2})
    assert capsys.readouterr().out.splitlines()[-1].split() == ["5", "1", "2"]


def test_predictions_and_claims_need_a_lesson():
    for ask in (lambda: predict("a", {}), lambda: reveal("a", {"x": 1}), lambda: claim("C", "s", 1, 0, 2)):
        with pytest.raises(RuntimeError, match="run the setup cell first"):
            ask()


def test_a_claim_says_what_was_measured_beside_the_studys_band(lesson, capsys):
    assert claim("C5", "GRIT varies more", 1.5, 1.2, 1.9) is True
    words = "C5: GRIT varies more: shown on this run (1.5; the study's band is 1.2 to 1.9)\n"
    assert capsys.readouterr().out == words
    assert claim("C6", "coupled varies less", torch.tensor(3.0), 1.2, 1.9) is False
    assert "not shown on this run (3; " in capsys.readouterr().out
    stored = progress.read("01")["claims"]
    assert stored["C5"] == {"sentence": "GRIT varies more", "value": 1.5, "low": 1.2, "high": 1.9, "shown": True}
    assert stored["C6"]["shown"] is False and stored["C6"]["value"] == 3.0


def test_bounds_belong_to_the_band_and_nan_never_does(lesson, capsys):
    assert claim("C", "s", 1, 1, 2) and claim("C", "s", 2, 1, 2)
    assert claim("C", "s", float("nan"), 0, 1) is False
    assert claim("C", "s", 5, 1, float("inf")) is True


@pytest.mark.parametrize(("must", "environment", "raises"), [(1, "1", True), (1, "", False), (0, "1", False)])
def test_a_claim_raises_only_where_it_must_and_in_strict_mode(must, environment, raises, lesson, monkeypatch, capsys):
    monkeypatch.setenv("GRITLIB_STRICT", environment)
    assert claim("C", "an identity", 1.0, 0.0, 2.0, must=bool(must)) is True
    if raises:
        with pytest.raises(CheckFailed, match="C: an identity: 3 is outside 0 to 2"):
            claim("C", "an identity", 3.0, 0.0, 2.0, must=bool(must))
    else:
        assert claim("C", "an identity", 3.0, 0.0, 2.0, must=bool(must)) is False
    assert progress.read("01")["claims"]["C"]["shown"] is False, "recorded before it raises"


def test_a_record_that_cannot_be_kept_costs_no_check(lesson, monkeypatch, tmp_path, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path / "file"))
    assert check("01.1", mean) is mean and session.current().yours == {"01.1": True}
    predict("01.a", {"x": 1})
    assert claim("C", "s", 1, 0, 2) is True
    assert "progress is not kept" in capsys.readouterr().out
