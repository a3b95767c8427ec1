"""A term is graded by the checks it began with: a changed one is refused, with what to do."""

import json
from dataclasses import replace

import pytest

from gritlib.classroom.grading import release
from gritlib.course.exercises import LESSONS, lesson, load


def test_a_release_holds_every_exercise_and_passes_itself(tmp_path):
    path = release.write("spring", tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    asked = [exercise for number in LESSONS for exercise in lesson(number)]
    assert path.name == "spring.release.json" and set(content["checks"]) == {exercise.id for exercise in asked}
    release.verify(path, asked)
    assert release.write("spring", tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("change", [{"rtol": 0.5}, {"points": 2}, {"repeat": 99}, {"atol": 1.0}, {"name": "other"}])
def test_a_changed_part_is_refused_by_name(change, tmp_path):
    path, exercise = release.write("spring", tmp_path), load("01.4")
    changed = replace(exercise, parts=(replace(exercise.parts[0], **change), *exercise.parts[1:]))
    with pytest.raises(ValueError, match=r"exercise 01\.4 changed since release spring .* --regrade 01\.4"):
        release.verify(path, [load("01.3"), changed])


def test_a_changed_text_is_refused(tmp_path, monkeypatch):
    path = release.write("spring", tmp_path)
    real = release.inspect.getsource
    monkeypatch.setattr(release.inspect, "getsource", lambda module: real(module) + "\n# another line\n")
    with pytest.raises(ValueError, match="changed since"):
        release.verify(path, [load("02.1")])


def test_what_is_no_release_or_lacks_an_exercise_is_said(tmp_path):
    path = release.write("spring", tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["checks"]["00.1"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(ValueError, match=r"00\.1 are not part of release spring"):
        release.verify(path, [load("00.1")])
    for text in ("[]", "{", "{}"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="is no release: write one with"):
            release.verify(path, [load("00.1")])


def test_a_variant_of_a_class_has_checks_of_its_own():
    exercise = load("03.3")
    keys = {release.checks(exercise.variant(key)) for key in ("a", "b", "c", "d", "e", "f")}
    assert release.checks(exercise) not in keys
