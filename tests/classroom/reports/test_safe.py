"""Words of students cannot act: not in a page, a table, a terminal, nor as the name of a file."""

import csv
import io
import unicodedata

import pytest

from gritlib.classroom.grading import safe, tables

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202egnp.exe\x00\"'&\u2066\ud800\u2028"


def test_nothing_steers_and_everything_stays_visible():
    text = safe.visible(HOSTILE)
    assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert "⟨U+001B⟩[31m⟨U+202E⟩gnp.exe⟨U+0000⟩" in text and "⟨U+D800⟩⟨U+2028⟩" in text
    assert text.encode("utf-8")
    assert safe.visible("Zoé 高 فاطمة") == "Zoé 高 فاطمة"


def test_markup_is_text():
    assert safe.markup("<a href='x'>&\"") == "&lt;a href=&#x27;x&#x27;&gt;&amp;&quot;"
    assert safe.block(["a<b\n\tc", "\x1b"]) == "a&lt;b\n    c\n⟨U+001B⟩"


def test_length_is_bounded():
    assert safe.visible("x" * 10_000) == "x" * safe.LINE + "…"
    assert safe.visible("x" * safe.LINE) == "x" * safe.LINE
    many = safe.lines("\n".join(map(str, range(1000))))
    assert len(many) == safe.LINES + 1 and many[-1] == f"… {1000 - safe.LINES} more lines"


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", " =", "  @"])
def test_formulas_get_an_apostrophe(begin):
    assert safe.cell(f"{begin}HYPERLINK(1)").startswith("'")


@pytest.mark.parametrize(("value", "said"), [(-3, "-3"), (2.5, "2.5"), ("-1.5", "-1.5"), ("0012", "0012"), (None, "")])
def test_numbers_stay_numbers(value, said):
    assert safe.cell(value) == said


@pytest.mark.parametrize("text", ["-1+cmd", "-1\n", "- 1", "+1", "=1", "1-2@x"])
def test_what_only_looks_like_a_number_is_no_formula(text):
    assert safe.cell(text).startswith("'") == (text[0] in "=+-")
    assert "\n" not in safe.cell(text)


def test_a_row_stays_a_row():
    text = tables.table([['a"b', "c,d", "e\nf\r\ng", HOSTILE]])
    rows = list(csv.reader(io.StringIO(text)))
    assert len(rows) == 1 and rows[0][:2] == ['a"b', "c,d"] and rows[0][2] == "e⟨U+000A⟩f⟨U+000D⟩⟨U+000A⟩g"


NAMES = [
    *("ana", "Ana", "Añá", "aña", "../../etc/passwd", "a/b", "a\\b", "a b", "..", ".", "", " ", "con", "CON", "nul"),
    *("lpt1", "com9", "x" * 300, "x" * 301, "x" * 60, "高伟", "高", "a\x00b", "\ud800", "-rf", "ana.", "ana "),
    *("a\u202eb", "ana-3bc510626cd5", safe.file_name("Ana"), safe.file_name("a b"), "<b>", "com1.txt", "~", "$HOME"),
]


def test_names_of_files_do_not_collide_and_are_plain_everywhere():
    made = [safe.file_name(name) for name in NAMES]
    assert len({name.casefold() for name in made}) == len(set(NAMES))
    for name in made:
        assert safe.PLAIN.fullmatch(name) and name.split(".")[0] not in safe.RESERVED and len(name) <= 60
    assert made == [safe.file_name(name) for name in NAMES]
    assert safe.file_name("ana_b-2") == "ana_b-2" and safe.file_name("Zoé K.").startswith("zoe-k-")
