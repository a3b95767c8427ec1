"""Answers that look alike: copies are found under other names, and what everybody had is not counted."""

import re
import textwrap
from pathlib import Path

import pytest

from gritlib.classroom.grading import record, similarity, verbs
from gritlib.classroom.grading.record import Batch, ExerciseGrade, Grade

ROOT = Path(similarity.__file__).parents[3]
OWN = '''
def spread(values, weights):
    """Weighted spread."""
    total = 0.0
    for value, weight in zip(values, weights):
        if weight > 0:
            total += weight * (value - 1) ** 2
        elif value is None:
            continue
    scale = max(abs(w) for w in weights) or 1
    return (total / scale) ** 0.5 if total else {"none": [v for v in values]}
'''
OTHER = """
def spread(values, weights):
    import torch

    v, w = torch.as_tensor(values), torch.as_tensor(weights)
    mean = (v * w).sum() / w.sum()
    centred = (v - mean).abs().clamp(min=0).square().mul(w)
    assert centred.shape == v.shape, "shapes"
    while centred.dim() > 1:
        centred = centred.mean(dim=-1)
    return centred.sum().sqrt().item()
"""


def renamed(text):
    """A copy with other names, numbers, strings and comments."""
    for old, new in {"values": "xs", "weights": "ps", "total": "s", "value": "x", "weight": "p", "scale": "z"}.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text.replace("Weighted spread.", "Something else.").replace("- 1", "- 2.5") + "# mine\n"


def graded(**answers):
    exercises = {
        student: ExerciseGrade("01.1", "01.1 x", 3, 3, "right", fingerprint=sorted(f)) for student, f in answers.items()
    }
    return [Grade(student, "", "01", exercises=[exercise]) for student, exercise in exercises.items()]


@pytest.fixture
def asked():
    return Batch(["01"], 1, "namespaces", "0", {"01.1": 3.0})


def many(start, count):
    return set(range(start, start + count))


def test_a_copy_under_other_names_is_the_same_and_another_solution_is_not(asked):
    one, copy, other = map(similarity.fingerprint, (OWN, renamed(OWN), OTHER))
    assert len(one) > similarity.SMALLEST and one == copy
    (found,) = similarity.compare(asked, graded(ana=one, ben=copy, eve=other), {})
    shares = {(pair.one, pair.two): pair.share for pair in found.pairs}
    assert shares["ana", "ben"] == 1 and shares["ana", "eve"] < 0.1 and shares["ben", "eve"] < 0.1


def test_an_inserted_line_does_not_hide_a_copy(asked):
    edited = renamed(OWN).replace("    z = ", "    unused = [1, 2, 3]\n    z = ")
    (found,) = similarity.compare(
        asked, graded(ana=similarity.fingerprint(OWN), ben=similarity.fingerprint(edited)), {}
    )
    assert similarity.LEAST <= found.pairs[0].share < 1


def test_what_was_handed_out_is_not_counted(asked):
    given, own = many(0, 100), similarity.SMALLEST
    answers = graded(ana=given | many(1000, own), ben=given | many(2000, own), eve=given | many(3000, own - 1))
    (found,) = similarity.compare(asked, answers, {"01.1": given})
    assert [(pair.one, pair.two, pair.shared) for pair in found.pairs] == [("ana", "ben", 0)] and found.short == ["eve"]


def test_what_most_of_a_class_has_is_not_counted_and_a_ring_still_is(asked):
    usual = many(0, 50)
    students = {f"s{i}": usual | many(1000 * (i + 1), 30) for i in range(8)}
    students["s1"] = students["s2"] = students["s3"] = usual | many(9000, 30)
    (found,) = similarity.compare(asked, graded(**students), {})
    alike = {(pair.one, pair.two) for pair in found.pairs if pair.share >= similarity.LEAST}
    assert alike == {("s1", "s2"), ("s1", "s3"), ("s2", "s3")}
    assert all(pair.shared in (0, 30) for pair in found.pairs)


def test_in_a_small_class_two_copies_are_not_what_most_have(asked):
    copies = many(0, 30)
    (found,) = similarity.compare(asked, graded(a=copies, b=copies, c=many(100, 30)), {})
    assert [pair.share for pair in found.pairs] == [1, 0, 0]


def test_the_share_is_of_the_shorter_answer(asked):
    (found,) = similarity.compare(asked, graded(a=many(0, 200), b=many(0, 40)), {})
    assert (found.pairs[0].shared, found.pairs[0].smaller, found.pairs[0].share) == (40, 40, 1)


def test_the_page_names_pairs_and_concludes_nothing(asked):
    students = {"<b>a</b>": many(0, 30), "=b": many(0, 30), "c": many(100, 30), "d": many(200, 5)}
    compared = similarity.compare(asked, graded(**students), {})
    page = similarity.similarity_page(compared)
    assert "Information, not a verdict" in page and "&lt;b&gt;a&lt;/b&gt;" in page and "<b>" not in page
    assert "01.1: 100 % (30 of 30)" in page and page.count("100 % (") == 1
    assert similarity.similarity_csv(compared).splitlines() == [
        "exercise,one,two,share,shared,of",
        "01.1,<b>a</b>,'=b,1,30,30",
    ]
    backwards = similarity.compare(asked, graded(**dict(reversed(students.items()))), {})
    assert similarity.similarity_page(backwards) == page


def test_nobody_alike_is_said():
    assert "No two answers have 80 % or more in common" in similarity.similarity_page([])


def test_what_the_course_shows_is_known():
    known = similarity.taught(["01.3"], ROOT)["01.3"]
    handed_out = (ROOT / "solutions" / "01_pix2pix.py").read_text(encoding="utf-8")
    start = handed_out.index("def receptive_field")
    solved = textwrap.dedent(handed_out[start : handed_out.index("receptive_field = check")])
    assert similarity.fingerprint(solved) <= known and len(known) > 20
    bank = (ROOT / "tests" / "course" / "answers" / "01.py").read_text(encoding="utf-8")
    right = [s for s in bank.split("# %% ") if s.startswith("01.3 right")]
    wrong = [s for s in bank.split("# %% ") if s.startswith("01.3 wrong")]
    assert right and all(similarity.fingerprint("# " + section) <= known for section in right)
    assert not all(similarity.fingerprint("# " + section) <= known for section in wrong)
    assert similarity.taught(["01.3"], Path("/nowhere"))["01.3"] < known


def test_the_verb_reads_records_and_writes_beside_them(asked, tmp_path, capsys):
    record.write_batch(asked, tmp_path)
    for grade in graded(ana=many(0, 30), ben=many(0, 30)):
        record.write_grade(grade, tmp_path)
    verbs.similarity(tmp_path, root=tmp_path)
    said = capsys.readouterr().out
    assert "only gritlib's own answers are taken out" in said and "1 pairs of answers with 80 % or more" in said
    assert "ana" in (tmp_path / "similarity.html").read_text() and "ben" in (tmp_path / "similarity.csv").read_text()
    with pytest.raises(ValueError, match="a share between 0 and 1"):
        verbs.similarity(tmp_path, least=80)
