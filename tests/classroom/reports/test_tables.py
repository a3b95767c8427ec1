"""grades.csv, and the column of a learning management system."""

import csv
import io

import pytest

from gritlib.classroom.grading import tables


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_a_student_with_all_points(batch, grades):
    ana, ben, zoe = sorted(read(tables.grades_csv(batch, grades)), key=lambda row: row["student"].casefold())
    assert (ana["student"], ana["points"], ana["of"], ana["percent"]) == ("ana", "17", "20", "85")
    assert (ana["00.1"], ana["00.2"], ana["01.1"], ana["late"]) == ("4", "3", "10", "01")
    assert (ben["points"], ben["of"], ben["00 status"], ben["00.1"]) == ("0", "20", "missing", "")
    assert (zoe["00 points"], zoe["01 points"], zoe["01 status"], zoe["01.1"]) == ("5", "0", "unreadable", "")
    assert zoe["notes"] == "00: cell 3 is odd; 01: no notebook: it has no cells"


def test_points_of_lessons_that_were_not_asked_for_do_not_count(batch, grades):
    batch.lessons = ["00"]
    rows = {row["student"]: row for row in read(tables.grades_csv(batch, grades))}
    assert (rows["ana"]["points"], rows["ana"]["of"]) == ("7", "10") and "01.1" not in rows["ana"]


def test_names_cannot_compute(batch, grades):
    grades[0].student = '=HYPERLINK("http://x","y")'
    text = tables.grades_csv(batch, grades)
    assert not any(value.startswith("=") for row in read(text) for value in row.values())


def test_numbers_are_short():
    assert [tables.number(x) for x in (3.0, 2.5, 1 / 3, -0.0, 0.1 + 0.2, 1e-9)] == ["3", "2.5", "0.33", "0", "0.3", "0"]


EXPORT = '\ufeffStudent,ID,Lesson 01\n  Points Possible,,10\n"Ro, Ana",ANA ,\n"Bo, Ben",ben,3\nKim,kim,\n'


@pytest.fixture
def exported(tmp_path):
    path = tmp_path / "export.csv"
    path.write_text(EXPORT, encoding="utf-8")
    return path


def test_a_column_is_filled_and_the_rest_stays(exported, batch, grades):
    text, left, unknown = tables.fill(exported, batch, grades, "ID", "Lesson 01", "01", False)
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["Student", "ID", "Lesson 01"] and rows[1] == ["  Points Possible", "", "10"]
    assert rows[2:] == [["Ro, Ana", "ANA ", "10"], ["Bo, Ben", "ben", "0"], ["Kim", "kim", ""]]
    assert (left, unknown) == (["Zoé"], ["kim"])


def test_a_new_column_in_percent_of_all_lessons(exported, batch, grades):
    rows = read(tables.fill(exported, batch, grades, "ID", "GRIT", None, True)[0])
    assert [row["GRIT"] for row in rows] == ["", "85", "0", ""] and rows[3]["Lesson 01"] == ""


def test_letter_case_matters_where_it_tells_two_apart(exported, batch, grades):
    batch.students = ["Ana", "ben"]
    rows = read(tables.fill(exported, batch, grades, "ID", "n", None, False)[0])
    assert [row["n"] for row in rows] == ["", "", "0", ""], "ANA may be Ana or ana"


def test_a_group_shares_a_notebook(tmp_path, batch, grades):
    path = tmp_path / "export.csv"
    path.write_text("name,group\na,ana\nb,ana\nc,\n", encoding="utf-8")
    text, left, unknown = tables.fill(path, batch, grades, "group", "points", "00", False)
    assert [row["points"] for row in read(text)] == ["7", "7", ""] and unknown == []
    assert left == ["Zoé", "ben"]


@pytest.mark.parametrize(
    ("match", "lesson", "message"),
    [("Login", "01", "no column 'Login'.*Student, ID"), ("ID", "07", "'07' was not graded")],
)
def test_what_cannot_be_is_named(match, lesson, message, exported, batch, grades):
    with pytest.raises(ValueError, match=message):
        tables.fill(exported, batch, grades, match, "x", lesson, False)
