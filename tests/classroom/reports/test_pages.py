"""Pages of students and of the class: what they say, what they must not, and that nothing in them acts."""

from html.parser import HTMLParser

import pytest

from gritlib.classroom.grading import pages
from gritlib.classroom.grading.record import Grade
from gritlib.classroom.grading.reports import write_reports

BAD = "<script>x</script><img src=x onerror=y>\x1b]0;\u202e'\"&"
ALLOWED = {"html", "head", "meta", "title", "style", "body", "main", "section", "h1", "h2", "h3", "p", "strong", "bdi"}
ALLOWED |= {"span", "br", "a", "ul", "li", "pre", "div", "table", "caption", "thead", "tbody", "tr", "th", "td"}
VOID = {"meta", "br"}


class Strict(HTMLParser):
    """Reads a page; unknown tags, attributes that act, and tags that do not close are faults."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.faults, self.ids, self.links, self.text = [], [], [], [], ""

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        if tag not in ALLOWED or any(name.startswith("on") or name == "src" for name in names):
            self.faults.append((tag, attrs))
        self.ids += [names["id"]] if "id" in names else []
        self.links += [names["href"]] if "href" in names else []
        if tag == "th" and names.get("scope") not in ("col", "row"):
            self.faults.append(("th without scope", attrs))
        if names.get("role") == "img" and not names.get("aria-label"):
            self.faults.append(("picture without words", attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append(("closes", tag))

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def parsed(path):
    page = Strict()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    assert not page.faults and not page.open and len(set(page.ids)) == len(page.ids)
    for link in page.links:
        target = path.parent / link.split("#")[0] if not link.startswith("#") else path
        assert target.is_file() and (not link.startswith("#") or link[1:] in page.ids), link
    return page


def written(batch, grades, out):
    return {path.relative_to(out).as_posix(): path for path in write_reports(batch, grades, out)}


def test_every_student_has_a_page_and_the_class_has_one(batch, grades, tmp_path):
    files = written(batch, grades, tmp_path)
    assert len(files) == 5 and {"summary.html", "grades.csv", "students/ana.html", "students/ben.html"} <= set(files)
    for name, path in files.items():
        if name.endswith(".html"):
            assert "<!DOCTYPE html>" in path.read_text(encoding="utf-8") and parsed(path).text


def test_a_students_page_says_what_happened(batch, grades, tmp_path):
    page = parsed(written(batch, grades, tmp_path)["students/ana.html"]).text
    for words in (
        *("17 of 20 points", "graded, late", "00.2 thing", "3 of 6 points", "the rest (0 of 3)"),
        *("got 3, wanted 4, difference 1", "Likely mistake: This is the sum, not the mean."),
        *("Handed in: 2026-03-01 09:00 UTC, after the deadline", "Graded: 2026-03-02 12:30 UTC", "gritlib 0.1.0"),
    ):
        assert words in page, words
    missing = parsed(tmp_path / "students" / "ben.html").text
    assert "0 of 20 points" in missing and missing.count("missing") == 2


@pytest.mark.parametrize(("verdict", "words"), list(pages.VERDICTS.items())[1:])
def test_every_verdict_is_explained(verdict, words, batch, grades, tmp_path):
    part = grades[0].exercises[0].parts[0]
    part.verdict, part.earned = verdict, 0
    assert words in parsed(written(batch, grades, tmp_path)["students/ana.html"]).text


def test_an_unwritten_exercise_takes_one_line(batch, grades, tmp_path):
    exercise = grades[0].exercises[1]
    exercise.status = "not attempted"
    for part in exercise.parts:
        part.verdict, part.lines, part.earned = "not attempted", [], 0
    page = parsed(written(batch, grades, tmp_path)["students/ana.html"]).text
    assert "Not written yet." in page and "the rest" not in page


def test_a_traceback_stands_below_an_answer_that_is_not_right(batch, grades, tmp_path):
    grades[0].exercises[0].trace = grades[0].exercises[1].trace = "Traceback\n  line 3\nZeroDivisionError: <x>"
    page = parsed(written(batch, grades, tmp_path)["students/ana.html"]).text
    assert page.count("Traceback\n  line 3\nZeroDivisionError: <x>") == 1


def test_the_same_words_stand_once(batch, grades, tmp_path):
    parts = grades[0].exercises[1].parts
    parts[0].verdict, parts[0].lines, parts[0].mistake = "wrong", list(parts[1].lines), parts[1].mistake
    page = parsed(written(batch, grades, tmp_path)["students/ana.html"]).text
    assert page.count("wanted 4") == 1 and page.count("the sum, not the mean") == 1


def test_no_page_has_the_seed_and_no_students_page_another_students_words(batch, grades, tmp_path):
    grades[2].exercises[0].parts[1].lines = ["for x = 0.123456789"]
    grades[2].exercises[0].parts[1].lines.append("got 1, wanted 2")
    for grade in grades:
        grade.seed = str(batch.seed)
    files = written(batch, grades, tmp_path)
    texts = {name: path.read_text(encoding="utf-8") for name, path in files.items()}
    assert not [name for name, text in texts.items() if str(batch.seed) in text]
    assert [name[:13] for name, text in texts.items() if "0.123456789" in text] == ["students/zoe-"]
    assert not [name for name, text in texts.items() if "Zoé" in text and name.startswith(("students/a", "students/b"))]


def test_hostile_words_are_shown_and_do_nothing(batch, grades, tmp_path):
    grades[0].student = grades[1].student = BAD
    grades[0].file = grades[0].version = grades[0].cohort = grades[0].modified = BAD
    grades[0].notes = [BAD]
    exercise = grades[0].exercises[1]
    exercise.notes, exercise.title, exercise.trace = [BAD], BAD, BAD
    exercise.parts[1].lines, exercise.parts[1].mistake, exercise.parts[1].name = [BAD, "a\x1b[2J\nb"], BAD, BAD
    grades.append(Grade("ben", BAD, "", status="unreadable", notes=[BAD]))
    grades[-1].graded = BAD
    for name, path in written(batch, grades, tmp_path).items():
        raw = path.read_text(encoding="utf-8")
        assert "\x1b" not in raw and "\u202e" not in raw
        if name.endswith(".html"):
            parsed(path)
            assert "<script" not in raw and "<img" not in raw
    page = parsed(tmp_path / "students" / "ben.html").text
    assert "<script>x</script>" in page and "⟨U+001B⟩" in page and "⟨U+202E⟩" in page


def test_the_summary_says_what_an_instructor_needs(batch, grades, tmp_path):
    page = parsed(written(batch, grades, tmp_path)["summary.html"])
    for words in (
        *(
            "3 students",
            "Sandbox: namespaces. It does not protect against a friend's code.",
            "no notebook: it has no cells",
        ),
        *("1 right, 1 partly, 1 not graded", "2 partly, 1 not graded", "This is the sum, not the mean. (2 students)"),
        *(
            "No notebook of 00: ben.",
            "No notebook of 01: ben.",
            "2 of 3",
            "the rest (1 student)",
            "17 of 20",
            "5 of 20",
            "0 of 20",
        ),
    ):
        assert words in page.text, words
    assert page.text.index("Look at these first") < page.text.index("Points") < page.text.index("Common mistakes")
    assert {link.split("/")[0] for link in page.links} == {"students"} and len(page.links) == 3


def test_the_distribution_counts_every_student_once(batch, grades, tmp_path):
    raw = written(batch, grades, tmp_path)["summary.html"].read_text(encoding="utf-8")
    assert "Students by share of the points: 1 from 0 to 10 %, 1 from 20 to 30 %, 1 from 80 to 90 %" in raw


def test_the_most_common_mistake_does_not_depend_on_the_order(batch, grades, tmp_path):
    grades[2].exercises[1].parts[1].mistake = "Another one."
    one = written(batch, grades, tmp_path / "a")["summary.html"].read_bytes()
    two = written(batch, grades[::-1], tmp_path / "b")["summary.html"].read_bytes()
    assert one == two and b"Another one. <span class='worth'>(1 student)" in one


def test_twice_the_same_bytes_and_old_pages_go(batch, grades, tmp_path):
    first = {name: path.read_bytes() for name, path in written(batch, grades, tmp_path).items()}
    (tmp_path / "students" / "gone.html").write_text("x")
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "kept.html").write_text("x")
    second = {name: path.read_bytes() for name, path in written(batch, grades[::-1], tmp_path).items()}
    assert first == second and not (tmp_path / "students" / "gone.html").exists()
    assert (tmp_path / "records" / "kept.html").exists()


def test_lessons_that_nobody_has_come_to_are_not_owed(batch, grades, tmp_path):
    batch.lessons.append("02")
    batch.exercises["02.1"] = 7.0
    files = written(batch, grades, tmp_path)
    assert (
        "17 of 20 points" in parsed(files["students/ana.html"]).text and "02.1" not in files["grades.csv"].read_text()
    )
    grades.append(Grade("ben", "", "02", status="missing"))
    page = parsed(written(batch, grades, tmp_path)["students/ana.html"]).text
    assert "17 of 27 points" in page and "0 of 7" in page


def test_a_class_without_submissions(batch, tmp_path):
    batch.students = []
    files = written(batch, [], tmp_path)
    assert set(files) == {"summary.html", "grades.csv"} and "No student" in parsed(files["summary.html"]).text


def test_a_time_is_shown_in_utc():
    assert pages.date("2026-03-01T10:00:00+01:00") == "2026-03-01 09:00 UTC"
    assert pages.date("2026-03-01T10:00:00") == "2026-03-01 10:00" and pages.date("soon") == "soon"
