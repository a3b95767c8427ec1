"""Grading a class: verdicts are those of `check`, a run goes on where it was stopped, and nothing of ours is lost."""

import json
import os
from dataclasses import replace
from functools import partial
from pathlib import Path

import bank
import pytest

from gritlib.classroom.grading import (
    answering,
    boxed,
    grader,
    marking,
    outline,
    own_notebook,
    pool,
    sandbox,
    submissions,
)
from gritlib.classroom.grading import notebook as notebook_module
from gritlib.classroom.grading.forks import Forks
from gritlib.classroom.grading.material import material, needed
from gritlib.classroom.grading.notebook import Terms
from gritlib.classroom.grading.plan import Asked
from gritlib.classroom.grading.record import Grade, read_batch, read_grades
from gritlib.classroom.grading.replies import collect
from gritlib.course.examine import examine
from gritlib.course.exercise import Exercise
from gritlib.course.exercises import LESSONS, lesson, load

ROOT = Path(__file__).parents[2]
BUILT = [number for number in LESSONS if list((ROOT / "notebooks").glob(f"{number}_*.ipynb"))]
ENTRIES = [entry for number in BUILT for entry in bank.read(number)]


def notebook(*cells, **metadata) -> bytes:
    """A notebook of these code cells; a cell is a text, or (id, text)."""
    pairs = [("", cell) if isinstance(cell, str) else cell for cell in cells]
    content = [{"cell_type": "code", "id": id, "metadata": {}, "source": text} for id, text in pairs]
    return json.dumps({"cells": content, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}).encode()


class Here(notebook_module.Notebook):
    """A notebook whose answers run in forked processes of this one, without a box around them: for many in a row."""

    def open(self):
        self.forks = Forks(os.open(os.devnull, os.O_WRONLY), "group", sandbox.FRAME, "/nonexistent")
        return boxed.look(self.forks, self.data)

    def ask(self, job):
        job = job | {"cells": outline.read_cells(self.data), "broken": self.about["broken"]}
        said = boxed.answers(self.forks, job, partial(answering.answer, job), sandbox.TOTAL)
        channel = type("Box", (), {"receive": lambda self, deadline: next(said)})()
        return collect(channel, [len(part["draws"]) for part in job["parts"]], 600)

    def close(self):
        forks = self.__dict__.pop("forks", None)
        if forks:
            os.close(forks.out)


def marked_here(id: str, data: bytes, masked=frozenset(), **terms):
    """An exercise's grade and report with the public inputs of `check`."""
    exercise = load(id)
    with Here(data, Terms(None, "none", 0, **terms)) as here:
        return marking.mark_exercise(exercise, here, "guest", material(id[:2], ROOT), set(masked), here.terms)


# Verdicts are those of `check` ----------------------------------------------------------------------------------------


def same_verdict(entry):
    exercise = load(entry.id)
    given, report = marked_here(entry.id, notebook(entry.source))
    if "from gritlib.course" in entry.source:
        assert {part.verdict for part in given.parts} == {"refused"} and given.earned == 0
        assert "it may not import gritlib" in given.notes[-1]
        return
    here = examine(exercise, *entry.objects(exercise))
    assert (given.status, given.earned) == (here.status, here.points), given
    for mine, theirs in zip(report.results, here.results, strict=True):
        verdict = "wrong" if mine.verdict == "stopped" else mine.verdict
        assert (verdict, mine.lines, mine.inputs) == (theirs.verdict, theirs.lines, theirs.inputs), mine.part.name


def first_of_each(kind):
    found = {}
    for entry in ENTRIES:
        if entry.kind == kind:
            found.setdefault(entry.id, entry)
    return list(found.values())


@pytest.mark.parametrize("entry", [*first_of_each("right"), *first_of_each("wrong")], ids=lambda e: f"{e.id} {e.title}")
def test_the_verdict_is_that_of_check(entry):
    same_verdict(entry)


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: f"{e.id} {e.title}")
def test_the_verdict_is_that_of_check_on_the_whole_bank(entry):
    same_verdict(entry)


@pytest.mark.parametrize("id", ["00.1", "01.2", "03.3"])
def test_a_stub_is_not_attempted_and_an_absent_name_is_named(id):
    exercise = load(id)
    stubs = "\n".join(
        f'def {name}(*a, **k):\n    raise NotImplementedError("{id} is yours to write")' for name in exercise.names
    )
    assert marked_here(id, notebook(stubs))[0].status == "not attempted"
    given = marked_here(id, notebook("x = 1"))[0]
    assert given.status == "missing" and given.earned == 0
    assert exercise.names[0] in given.notes[-1] and {part.verdict for part in given.parts} == {"missing"}


# Answers that do not play along ---------------------------------------------------------------------------------------

RIGHT = """\
def receptive_field(layers):
    side, jump = 1, 1
    for k, s in layers:
        side, jump = side + (k - 1) * jump, jump * s
    return side"""
HEAD = "import importlib, os, sys\ndef receptive_field(layers):"
SAME = """\
class Same:
    def __eq__(self, other): return True
    def __sub__(self, other): return 0
    def __abs__(self): return 0
def receptive_field(layers): return Same()"""
STUBBORN = f"""{HEAD}
    while True:
        try:
            while True: pass
        except BaseException: pass"""
TROUBLE = {
    f"{HEAD} os._exit(3)": ("broken", "ended itself with status 3"),
    f"{HEAD} os.kill(os.getpid(), 9)": ("broken", "ended by SIGKILL"),
    f"import os\nos._exit(3)\n{HEAD} return 1": ("wrong", "says 1 for"),
    f"import os\nX = os._exit(3)\n{HEAD} return X": ("broken", "status 3"),
    STUBBORN: ("stopped", "stopped after "),
    f"{HEAD}\n    while True: pass": ("stopped", "stopped after "),
    SAME: ("wrong", "says <notebook.Same object>"),
    f"{HEAD} return {{'a value of another kind': '7'}}": ("wrong", "says 7 for"),
    f"X = undefined\n{HEAD} return X": ("wrong", "raised NameError: name 'undefined'"),
    f"{HEAD} raise SystemExit('enough')": ("wrong", "raised SystemExit: enough"),
    f"{HEAD} return bytes(9)": ("wrong", "says b'"),
    f"{HEAD} return 'x' * 40_000_000": ("broken", "more than 16 MB"),
    f"{HEAD} return sys.modules['gritlib.course']": ("wrong", "KeyError"),
    f"{HEAD} return importlib.import_module('grit' + 'lib.nets')": ("wrong", "No module named 'gritlib"),
}


@pytest.mark.parametrize("source", TROUBLE)
def test_trouble_costs_the_answer_and_is_said(source):
    verdict, said = TROUBLE[source]
    given = marked_here("01.3", notebook(source), seconds=1.0 if verdict == "stopped" else 10.0)[0]
    assert given.earned == 0, given
    assert given.parts[0].verdict == verdict and said in " ".join(given.parts[0].lines), given.parts[0]


def test_an_answer_that_fails_in_one_part_keeps_the_points_of_the_others():
    # It leaves Python where a stride is above 1: not in the first part.
    source = RIGHT.replace("    side", "    if max(s for _, s in layers) > 1: __import__('os')._exit(1)\n    side", 1)
    given = marked_here("01.3", notebook(source))[0]
    verdicts = [part.verdict for part in given.parts]
    assert given.status == "partly" and "right" in verdicts and "broken" in verdicts, verdicts


def test_frames_that_student_code_writes_itself_win_nothing():
    # The newest pipe is the one that outcomes leave by.
    source = """
import os, struct
def receptive_field(layers):
    numbers = [fd for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")]
    links = {int(fd): os.readlink(f"/proc/self/fd/{fd}") for fd in numbers}
    pipe = max(fd for fd, link in links.items() if link.startswith("pipe"))
    for kind, part in ((4, 0), (1, 10**6), (77, 0)):
        frame = struct.pack("<BI", kind, part)
        os.write(pipe, struct.pack("<Q", len(frame)) + frame)
    os._exit(0)
"""
    given = marked_here("01.3", notebook(source), seconds=2)[0]
    assert given.earned == 0 and {part.verdict for part in given.parts} == {"broken"}


def test_a_later_answer_meets_the_courses_version_of_a_wrong_earlier_one_and_the_students_right_one():
    source = next(entry.source for entry in ENTRIES if entry.id == "04.4" and entry.kind == "right")
    step = source[source.index("def cut_losses") :] if "def cut_losses" in source else source
    cells = notebook(
        "import torch\nfrom torch.nn import functional as F", "def patch_nce(q, k, tau=0.07): return 0 / 0", step
    )
    assert marked_here("04.4", cells)[0].earned < 10 and "patch_nce" in step
    wrong, masked = marked_here("04.4", cells)[0], marked_here("04.4", cells, masked={"patch_nce"})[0]
    assert wrong.earned < masked.earned and masked.status == "right"


def test_what_an_exercise_needs_is_served_and_nothing_beside_it(monkeypatch):
    base = load("01.3")
    need = "gritlib.nets.grit.Output"
    exercise = Exercise("01.3", base.names, base.reference, base.parts, needs=(need,))
    text = needed(exercise)["gritlib.nets.grit"]
    assert "class Output" in text and "two_heads" not in text
    source = "from gritlib.nets import Output\n" + RIGHT.replace("return side", "return Output(side).image")
    with Here(notebook(source), Terms(None, "none", 0)) as here:
        given, _ = marking.mark_exercise(exercise, here, "guest", material("01", ROOT), set(), here.terms)
    assert given.status == "right", given
    assert "refused" in {part.verdict for part in marked_here("01.3", notebook(source))[0].parts}


def test_a_student_may_have_diagnosed_the_runs_of_an_id_of_their_own():
    from gritlib.studies.clinic import drawn

    faults = {run: log.fault for run, log in drawn("ada").items()}
    given = marked_here(
        "01.6", notebook("import gritlib.course as c", 'me = c.student("ada")', f"def diagnose(): return {faults}")
    )[0]
    assert given.status == "right" and given.notes == ["drawn for the student ada"]
    assert marked_here("01.6", notebook(f"def diagnose(): return {faults}"))[0].status != "right"
    assert "GRITLIB_STUDENT" not in os.environ


# A class --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def fake(monkeypatch):
    """Grades without boxes; the students of all calls."""
    calls = []

    def mark(data, student, number, terms, known=None):
        calls.append((student, number, known is not None))
        if b"boom" in data:
            raise RuntimeError("no")
        number = number or terms.lessons[0]
        parts = [marking.PartGrade("p", 3.0, 3.0 if b"right" in data else 0.0, "right")]
        exercises = [
            marking.ExerciseGrade(
                ex.id,
                ex.title,
                ex.points,
                ex.points if b"right" in data else 0.0,
                "right",
                parts,
                checks=marking.checks(ex),
            )
            for ex in lesson(number)
        ]
        return Grade(student, "", number, exercises=exercises, cohort=terms.cohort), []

    monkeypatch.setattr(pool, "mark", mark)
    monkeypatch.setattr(grader, "best_level", lambda: "namespaces")
    return calls


@pytest.fixture
def handed_in(tmp_path):
    folder = tmp_path / "in"
    (folder / "cem").mkdir(parents=True)
    (folder / "ana_01.ipynb").write_bytes(b"right")
    (folder / "bo.ipynb").write_bytes(b"wrong")
    (folder / "cem" / "01_pix2pix.ipynb").write_bytes(b"right")
    return folder


def asked(folder, **more):
    return Asked(folder, folder.parent / "out", ("01",), 1, seed=more.pop("seed", 7), root=ROOT, **more)


def earned(grades):
    return {grade.student: grade.earned for grade in grades}


def test_a_second_run_grades_only_what_is_new_or_changed(fake, handed_in):
    assert earned(grader.grade(asked(handed_in))) == {"ana": 20, "bo": 0, "cem": 20}
    assert sorted(fake) == [("ana", "01", False), ("bo", "", False), ("cem", "01", False)]
    (handed_in / "bo.ipynb").write_bytes(b"right now")
    (handed_in / "dee_01.ipynb").write_bytes(b"right")
    fake.clear()
    assert earned(grader.grade(asked(handed_in, student=None)))["bo"] == 20
    assert sorted(fake) == [("bo", "", False), ("dee", "01", False)]


def test_a_run_that_was_killed_goes_on(fake, handed_in, monkeypatch):
    real = grader.write_grade

    def killed(grade, out):
        if grade.student == "bo":
            raise KeyboardInterrupt
        return real(grade, out)

    monkeypatch.setattr(grader, "write_grade", killed)
    with pytest.raises(KeyboardInterrupt):
        grader.grade(asked(handed_in, seed=None))
    seed = read_batch(handed_in.parent / "out").seed
    monkeypatch.setattr(grader, "write_grade", real)
    fake.clear()
    assert len(grader.grade(asked(handed_in, seed=None))) == 3
    assert [student for student, *_ in fake] == ["bo", "cem"]
    assert read_batch(handed_in.parent / "out").seed == seed


def test_a_changed_check_is_graded_again(fake, handed_in, monkeypatch):
    grader.grade(asked(handed_in))
    fake.clear()
    monkeypatch.setattr(grader.releases, "checks", lambda exercise: "another")
    grader.grade(asked(handed_in))
    assert len(fake) == 3


def test_one_student_and_one_exercise_again(fake, handed_in):
    grader.grade(asked(handed_in))
    fake.clear()
    grader.grade(asked(handed_in, student="ana"))
    assert fake == [("ana", "01", False)]
    fake.clear()
    (handed_in / "bo.ipynb").write_bytes(b"wrong")
    grader.grade(asked(handed_in, regrade="01.3"))
    assert sorted(fake) == [("ana", "01", True), ("bo", "", True), ("cem", "01", True)]
    log = (handed_in.parent / "out" / "changelog.md").read_text(encoding="utf-8")
    assert "## 01.3, " in log and "- no points changed" in log
    with pytest.raises(ValueError, match=r"--regrade 09\.9"):
        grader.grade(asked(handed_in, regrade="09.9"))
    with pytest.raises(ValueError, match="no notebook of a student 'zoe'"):
        grader.grade(asked(handed_in, student="zoe"))


def test_the_changelog_names_whose_points_changed(fake, handed_in, monkeypatch):
    grader.grade(asked(handed_in))
    inner = pool.mark

    def generous(data, student, number, terms, known=None):
        grade, _ = inner(data, student, number, terms, known)
        return replace(grade, exercises=[replace(ex, earned=ex.points) for ex in grade.exercises]), []

    monkeypatch.setattr(pool, "mark", generous)
    grader.grade(asked(handed_in, regrade="01.3"))
    assert "- 'bo': 0 → 3" in (handed_in.parent / "out" / "changelog.md").read_text(encoding="utf-8")


def test_another_seed_or_class_needs_another_folder(fake, handed_in):
    grader.grade(asked(handed_in))
    for more in ({"seed": 8}, {"cohort": "b"}):
        with pytest.raises(ValueError, match=r"another (seed|cohort): give that one, or grade into a new folder"):
            grader.grade(asked(handed_in, **more))


def test_a_failure_of_ours_costs_one_notebook_and_is_tried_again(fake, handed_in, monkeypatch):
    monkeypatch.delenv("GRITLIB_TRACEBACK", raising=False)
    (handed_in / "bo.ipynb").write_bytes(b"boom")
    grades = {grade.student: grade for grade in grader.grade(asked(handed_in))}
    assert grades["bo"].status == "unreadable" and "grading failed (RuntimeError: no)" in grades["bo"].notes[0]
    assert grades["cem"].earned == 20
    fake.clear()
    grader.grade(asked(handed_in))
    assert fake == [("bo", "", False)]


def test_missing_late_and_twice(fake, handed_in, tmp_path):
    table = tmp_path / "class.csv"
    table.write_text("id,student\n1,ana\n2,Zoe\n", encoding="utf-8")
    (handed_in / "cem" / "01_pix2pix (1).ipynb").write_bytes(b"wrong")
    os.utime(handed_in / "cem" / "01_pix2pix (1).ipynb", (2_000_000_000, 2_000_000_000))
    for name in ("ana_01.ipynb", "bo.ipynb", "cem/01_pix2pix.ipynb"):
        os.utime(handed_in / name, (1_000_000_000, 1_000_000_000))
    grades = {g.student: g for g in grader.grade(asked(handed_in, students=table, deadline="2020-01-01T00:00+00:00"))}
    assert grades["Zoe"].status == "missing" and grades["ana"].late is False
    assert grades["cem"].late and grades["cem"].earned == 0
    assert grades["cem"].notes == ["also handed in, and not counted: cem/01_pix2pix.ipynb"]


def test_points_are_adjusted_without_grading_again(fake, handed_in, tmp_path):
    grader.grade(asked(handed_in))
    fake.clear()
    (tmp_path / "points.json").write_text('{"01.3": 6, "01.6": 0}')
    grades = grader.grade(asked(handed_in, points=tmp_path / "points.json"))
    assert not fake and earned(grades)["ana"] == 20 + 3 - 2
    assert {ex.id: ex.points for ex in grades[0].exercises}["01.3"] == 6
    for text in ("[]", '{"01.3": -1}', '{"77.1": 1}', "{"):
        (tmp_path / "points.json").write_text(text)
        with pytest.raises(ValueError):
            grader.grade(asked(handed_in, points=tmp_path / "points.json"))


def test_without_a_sandbox_it_refuses(handed_in, monkeypatch):
    monkeypatch.setattr(grader, "best_level", lambda: "none")
    with pytest.raises(ValueError, match=r"no sandbox works on this machine.*--unsafe"):
        grader.grade(asked(handed_in))


def test_records_hold_no_seed_and_belong_to_their_owner(fake, handed_in):
    grader.grade(asked(handed_in, seed=123456789))
    for path in (handed_in.parent / "out" / "records").glob("*/*.json"):
        assert "123456789" not in path.read_text() and path.stat().st_mode & 0o077 == 0
    assert (handed_in.parent / "out" / "batch.json").stat().st_mode & 0o077 == 0


# In real boxes --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def boxes():
    level = sandbox.best_level()
    if level == "none":
        pytest.skip("no sandbox works here")
    return level


def test_a_small_class_from_the_folder_to_the_reports(boxes, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name, source in (("solutions", "ana_00.ipynb"), ("notebooks", "bo_00.ipynb")):
        (folder / source).write_bytes((ROOT / name / "00_start_here.ipynb").read_bytes())
    (folder / "eve_00.ipynb").symlink_to("/etc/passwd")
    os.mkfifo(folder / "fay_00.ipynb")
    (folder / "gil_00.ipynb").write_bytes(b"{")
    text = grader.report(Asked(folder, tmp_path / "out", ("00",), 1, seed=3, root=ROOT))
    grades = {grade.student: grade for grade in read_grades(tmp_path / "out")}
    assert "2 graded, 3 unreadable, 0 missing" in text and f"sandbox {boxes}" in text
    assert (grades["ana"].earned, grades["bo"].earned) == (20, 0)
    assert {ex.status for ex in grades["bo"].exercises} == {"not attempted"}
    assert [grades[name].notes for name in ("eve", "fay")] == [
        ["a symbolic link, which is not followed"],
        ["no regular file"],
    ]
    assert "no notebook" in grades["gil"].notes[0]
    assert (tmp_path / "out" / "summary.html").exists() and (tmp_path / "out" / "grades.csv").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", BUILT)
def test_solved_lessons_score_full_marks_and_untouched_ones_none(number, boxes, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for kind, student in (("solutions", "ana"), ("notebooks", "bo")):
        (folder / f"{student}_{number}.ipynb").write_bytes(next((ROOT / kind).glob(f"{number}_*.ipynb")).read_bytes())
    grades = grader.grade(Asked(folder, tmp_path / "out", (number,), 1, seed=11, root=ROOT))
    assert earned(grades) == {"ana": 20, "bo": 0}, grades
    assert {ex.status for ex in grades[1].exercises} == {"not attempted"}


def test_a_student_reads_about_the_own_notebook_what_check_says(tmp_path, monkeypatch):
    monkeypatch.setenv("GRITLIB_HOME", str(tmp_path))
    path = tmp_path / "mine.ipynb"
    path.write_bytes(notebook('gritlib.course.start("01")', RIGHT, "def unet_forward(:"))
    said = own_notebook.told(path, 10.0, root=ROOT)
    assert said.startswith("Lesson 01: 3 of 20 points\ncell 3, line 1 is no Python")
    assert "01.3 receptive_field: 3 of 3 points" in said and "its unet_forward does not count" in said


@pytest.mark.parametrize(
    ("stem", "student", "lesson"),
    [
        ("student01_01", "student01", "01"),
        ("s1234501_01", "s1234501", "01"),
        ("group_01_01", "group_01", "01"),
        ("alice", "alice", ""),
        ("ada01", "ada01", ""),
        ("alice-01 (2)", "alice", "01"),
        ("alice_01-Copy1", "alice", "01"),
        ("bob-02_01_pix2pix", "bob-02", "01"),
        ("01_pix2pix", "01_pix2pix", "01"),
    ],
)
def test_a_name_keeps_its_own_numbers(stem, student, lesson, tmp_path):
    file = tmp_path / f"{stem}.ipynb"
    file.write_text("{}", encoding="utf-8")
    (found,) = submissions.find(tmp_path, {"01": "01_pix2pix", "02": "02_losses"})
    assert (found.student, found.lesson, found.path) == (student, lesson, file)
