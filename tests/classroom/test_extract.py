"""What counts as an answer: the last definition of a name and what it uses, and nothing else of a notebook."""

import ast
import json

import pytest

from gritlib.classroom.grading import outline
from gritlib.classroom.grading.extract import (
    COMPILE_FLAGS,
    Cell,
    Document,
    Unreadable,
    forbidden,
    is_check,
    parse,
    read,
    units,
)


def notebook(*cells, **more):
    content = [{"cell_type": "code", "id": f"c{i}", "metadata": {}, "source": text} for i, text in enumerate(cells)]
    return json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more}).encode()


def document(*texts, given=(), masked=(), ids=None):
    cells = [Cell(i, ids[i - 1] if ids else "", text) for i, text in enumerate(texts, 1)]
    broken = set()
    for cell in cells:
        try:
            units(cell)
        except Unreadable:
            broken.add(cell.number)
    return Document(cells, broken, [Cell(0, id, text) for id, text in given], set(masked))


def answer(*texts, names=("f",), **more):
    """First lines of the statements that run, in order."""
    return [ast.unparse(u.node).splitlines()[0] for u in document(*texts, **more).answer(names)]


def value(*texts, names=("f",), **more):
    """What the answer f() gives."""
    space = {}
    for unit in document(*texts, **more).answer(names):
        exec(compile(ast.Module([unit.node], []), "cell", "exec", COMPILE_FLAGS, True), space)
    return space["f"]()


# The closure ----------------------------------------------------------------------------------------------------------


def test_only_what_the_answer_uses_is_taken_in_document_order():
    texts = (
        "import torch, os\nfrom math import pi as p",
        "EPS = 1e-5\nloss = train_for_hours()\nprint(EPS)\ndel os",
        "def helper(x):\n    loss = x + EPS\n    return later(loss)",
        "def f():\n    return helper(p)",
        "def later(x): return x",
    )
    assert answer(*texts) == [
        *("from math import pi as p", "EPS = 1e-05", "def helper(x):", "def f():"),
        "def later(x):",
    ]


@pytest.mark.parametrize(
    ("texts", "wanted"),
    [
        (("def f(): return 1", "def f(): return 2"), 2),
        (("def f(): return g()", "def g(): return 1", "def g(): return 2"), 2),
        (("N = 1\nN = N + 1\nN += 1", "def f(): return N"), 3),
        (("def g(): return 1\ng = (lambda old: lambda: old() + 1)(g)", "f = lambda: g()"), 2),
        (("class A: n = 1", "class B(A): pass", "class A: n = 2", "def f(): return B.n, A.n"), (1, 2)),
        (("f = lambda: g", "a, g = 1, 2"), 2),
        (("def f(n: Missing = 1, *a: Missing) -> Missing: return n",), 1),
        (("try:\n    import nothing_such\nexcept ImportError:\n    nothing_such = 5", "f = lambda: nothing_such"), 5),
        (("from math import *", "f = lambda: floor(2.5)"), 2),
        (("import os.path\nimport os", "f = lambda: os.path.sep + os.sep"), "//"),
        (("import xml.dom\nimport xml.sax", "f = lambda: xml.dom.__name__ + xml.sax.__name__"), "xml.domxml.sax"),
        (("rows = [N for _ in range(2)]", "def f(): return rows", "N = 3"), [3, 3]),
        (("def f():\n    global G\n    return G", "G = 4"), 4),
        (("def d(g): return lambda: g() + 1", "@d\ndef f(): return 1"), 2),
        (("x: int = 3", "def f(): return x"), 3),
        (("class A:\n    @staticmethod\n    def g(): return k()", "def k(): return 7", "f = lambda: A.g()"), 7),
    ],
)
def test_names_mean_what_they_meant_in_the_notebook(texts, wanted):
    assert value(*texts) == wanted


def test_cells_in_another_order_cost_nothing():
    assert value("def f(): return g() + N", "class B(A): n = 2", "class A: pass", "def g(): return B.n", "N = 1") == 3


def test_a_name_of_the_notebook_that_is_only_local_to_the_answer_is_left_out():
    texts = ("x = wait()", "def f():\n    x = 1\n    return [x for x in (x, 2)], (lambda x: x)(3)")
    assert answer(*texts) == ["def f():"]


@pytest.mark.parametrize(
    "line",
    [
        'f = check("01.3", f)',
        'f, g = check("01.3", f, g)',
        'f = course.check("01.3", f)',
        'f = proven("01.3", f)',
        "f = check(ID, f)",
        'f: object = check("01.3", f)',
    ],
)
def test_handing_an_answer_to_check_is_no_definition(line):
    assert is_check(ast.parse(line).body[0]) == (line != "f = check(ID, f)")
    assert not is_check(ast.parse("f = checkerboard(8)").body[0])
    texts = ("def f(): return 1", line.replace("ID", '"01.3"'))
    assert answer(*texts) == ["def f():"] and document(*texts).duplicates("f") == []


def test_duplicates_are_counted_and_imports_are_not():
    texts = ("import f", "def f(): pass", "f = 1", "class f: pass")
    assert document(*texts).duplicates("f") == [2, 3, 4]
    notes = outline.notes(document(*texts), ("f",), [], {})
    assert notes == ["f is defined in cells 2, 3 and 4: the last definition counts"]


# Magics, and cells that do not parse ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "%matplotlib inline\ndef f(): return 1",
        "%%time\ndef f(): return 1",
        "%%capture out\n!pip install x\ndef f(): return 1",
        "files = !ls\nt = %timeit -o 1\ndef f(): return 1\nf?\n?f\nf??",
        "if True:\n    !ls\n    %cd x\ndef f(): return 1",
    ],
)
def test_magics_and_shell_lines_are_taken_out(text):
    assert value(text) == 1


def test_a_cell_of_another_language_is_empty_and_a_string_keeps_its_lines():
    assert parse("%%bash\ndef f(").body == []
    assert value('def f(): return """\n%x\n!y\n"""') == "\n%x\n!y\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n  pass", "cell 2, line 1 is no Python"),
        ("x = 1\nreturn (", "cell 2, line 2 is no Python"),
        ("x = '\x00'", "cell 2 is no Python"),
        ("x = " + "(" * 500 + ")" * 500, "cell 2"),
        ("x = " + "-" * 50_000 + "1", "cell 2 is nested too deeply"),
        ("x = " + "1" * 5000, "cell 2"),
    ],
)
def test_a_cell_that_is_no_python_costs_itself_and_is_named(text, said):
    with pytest.raises(Unreadable, match=said):
        units(Cell(2, "", text))
    assert value("def f(): return 1", text) == 1


def test_a_broken_cell_is_said_where_it_defines_the_name():
    cells = [Cell(1, "", "def f(:"), Cell(2, "", "def g(:"), Cell(3, "", "\n" * 1_000_000)]
    broken = {"1": "cell 1, line 1 is no Python", "2": "cell 2 …"}
    notes = outline.notes(Document(cells[2:], set(), []), ("f",), cells, broken)
    assert notes == ["cell 1, line 1 is no Python: its f does not count"]


# The course's own cells -----------------------------------------------------------------------------------------------

GIVEN = (("aa", "import math\nN = 5"), ("exercise-01-1", ""), ("bb", "def g(): return 1"))


def test_given_cells_come_from_the_course_whatever_the_notebook_made_of_them():
    texts = ("import nothing as math\nN = 0\nOWN = 2", "def f(): return math.floor(N) + g() + OWN")
    assert value(*texts, given=GIVEN, ids=["aa", "exercise-01-1"]) == 8
    assert value(texts[1].replace("+ OWN", ""), given=GIVEN) == 6


def test_a_given_cell_without_its_id_is_known_by_its_text_and_an_own_name_wins():
    assert value("def g(): return 1\n", "def f(): return g()", given=GIVEN) == 1
    assert document("def g(): return 1\n", given=GIVEN).theirs == []
    assert value("def g(): return 10", "def f(): return g() + N", given=GIVEN) == 15


def test_a_masked_name_is_the_courses():
    given = (*GIVEN, ("exercise-01-2", "def h(): return 'right'"))
    assert value("def h(): return 'wrong'", "def f(): return h()", given=given, masked=("h",)) == "right"
    assert value("def h(): return 'wrong'", "def f(): return h()", given=given) == "wrong"


# Imports of gritlib ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import gritlib.nets.unet\ndef f(): return gritlib", "gritlib.nets.unet"),
        ("from gritlib.nets import unet as u\ndef f(): return u", "gritlib.nets.unet"),
        ("def f():\n    from gritlib.course.exercises import load\n    return load", "gritlib.course.exercises.load"),
        ("def f():\n    import gritlib.nets.grit as g\n    return g.two_heads", None),
        ("from gritlib.nets import Output\ndef f(): return Output", None),
        ("from gritlib.nets.grit import Output\ndef f(): return Output", None),
        ("from gritlib.nets import two_heads\ndef f(): return two_heads", "gritlib.nets.two_heads"),
        ("from gritlib import *\ndef f(): return zzz", "gritlib.*"),
        ("import torch, gritlib\ndef f(): return torch", None),
        ("from gritlib.nets import PatchGAN\ndef f(x: PatchGAN) -> PatchGAN: return x", None),
        ("from . import x\ndef f(): return x", "gritlib.x"),
    ],
)
def test_gritlib_is_named_where_the_answer_uses_it_and_nowhere_else(text, said):
    found = document(text).answer(("f",))
    assert forbidden(found, ("gritlib.nets.grit.Output",)) == said
    assert bool(forbidden(found, ())) == ("torch" not in text and "x: PatchGAN" not in text)


# The file, and what it says about itself ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"[", "no notebook"),
        (b"[]", "no JSON object"),
        (b"{}", "no cells"),
        (b'{"worksheets": []}', "old format"),
        (b'{"cells": {}}', "no cells"),
        (b"[" * 100_000, "no notebook"),
    ],
)
def test_what_is_no_notebook_is_said(data, said):
    with pytest.raises(Unreadable, match=said):
        read(data)


def test_cells_of_a_strange_shape_are_passed_over():
    odd = [None, 3, {}, {"cell_type": "code"}, {"cell_type": "code", "source": 3}, {"cell_type": "markdown"}]
    good = {"cell_type": "code", "source": ["def f():\n", 5, "    return 1"], "metadata": {"id": "x"}}
    cells, metadata = read(json.dumps({"cells": [*odd, good], "metadata": None}).encode())
    assert [(c.number, c.id, c.text) for c in cells][-1] == (7, "x", "def f():\n    return 1") and metadata == {}


def test_a_notebook_says_lesson_class_version_and_student():
    cells, metadata = read(
        notebook(
            'import gritlib.course\ngritlib.course.start("03", cohort="b7")',
            'me = course.student("ada")',
            'f = check("03.1", f)',
            metadata={"gritlib": {"version": "9.9", "lesson": 3}},
        )
    )
    said = outline.outline(cells, metadata, {})
    assert (said["lesson"], said["cohort"], said["version"], said["student"]) == ("03", "b7", "9.9", "ada")
    assert said["exercises"] == ["03.1"]


# Fingerprints ---------------------------------------------------------------------------------------------------------


def test_a_fingerprint_ignores_names_numbers_and_words_and_notices_the_rest():
    text = 'def f(x, n: int = 2):\n    """Words."""\n    y = [x * i for i in range(n)]\n    return sum(y) / len(y) + 1'
    other = text.replace("y", "zz").replace("x", "abc").replace("Words", "Other").replace("2", "7").replace(": int", "")
    prints = [outline.fingerprint_of(source, ("f",)) for source in (text, other, text.replace("sum(y) /", "max(y) *"))]
    assert prints[0] == prints[1] and len(prints[0]) > 5
    assert 0 < len(set(prints[0]) & set(prints[2])) < len(prints[0])
