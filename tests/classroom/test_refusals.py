"""What a source must be: whatever would make a broken notebook is refused, with file, line and what to do."""

import re

import pytest

from gritlib.classroom import builder, source, stub

DOUBLE = '''\
def double(x: int) -> int:
    """Twice x."""
    # BEGIN SOLUTION
    twice_the_value = x + x
    return twice_the_value
    # END SOLUTION
'''
CALL = """\
    def __call__(self, x: int = 1) -> int:
        # BEGIN SOLUTION
        return x + self.n
        # END SOLUTION
"""
BRANCH = """\
    # BEGIN SOLUTION
    if x:
    # END SOLUTION
        return 2 * x
"""
WHOLE = """\
# BEGIN SOLUTION
def double(x: int) -> int:
    return x + x
# END SOLUTION
"""
METHOD = """\
    # BEGIN METHOD
    def __call__(self, x: int = 1) -> int:
        return x + self.n
    # END METHOD
""".replace("METHOD", "SOLUTION")
UNIT = """\
        self.n = 0

    # BEGIN SOLUTION
    unit = 1
    # END SOLUTION

    def reset(self):
        self.n = 0
"""
BODY = DOUBLE[DOUBLE.index("    # BEGIN") :]
CHECK = 'double = check("01.1", double)'
HINT_1 = "# %% [markdown]\n# <details><summary>Hint 1</summary>\n#\n"
HINT_2 = "# <details><summary>Hint 2</summary>\n#\n# x and x.\n#\n# </details>\n"
MARKED = "# BEGIN SOLUTION\nfour = double(2)\n# END SOLUTION"
LAST = "print(double(4)"

# What is replaced, by what, a piece of the line that is named, words of the message.
REFUSED = {
    "end missing": ("    # END SOLUTION\n\n\ndouble", "\n\ndouble", "# BEGIN", "without '# END SOLUTION' below it"),
    "begin missing": (BODY, BODY[BODY.index("    twice") :], "# END", "without '# BEGIN SOLUTION' above it"),
    "nested": (
        BODY,
        BODY.replace("    return", "    # BEGIN SOLUTION  \n    return"),
        "SOLUTION  ",
        "close the one of line 3",
    ),
    "misspelt": (BODY, BODY.replace("BEGIN", "begin"), "begin", "'# begin SOLUTION' is no marker"),
    "marker after code": (BODY, BODY.replace("    # END", "    y = 1  # END"), "y = 1", "on a line of its own"),
    "indented apart": (
        BODY,
        BODY.replace("    # END", "# END"),
        "# END",
        "is indented by 0, its '# BEGIN SOLUTION' by 4",
    ),
    "nothing to solve": (BODY, "    # BEGIN SOLUTION\n\n    # END SOLUTION\n", "# END", "nothing between the markers"),
    "in a text cell": ("# ## Doubling", "# # BEGIN SOLUTION\n# x\n# # END SOLUTION", "# BEGIN", "in a text cell"),
    "stub does not parse": (BODY, BRANCH, "# BEGIN", "without the solution the cell does not parse"),
    "signature lost": (DOUBLE, WHOLE, "# BEGIN", r"takes in the signature of double\(x: int\) -> int"),
    "method lost": (CALL, METHOD, "BEGIN", r"the signature of Adder.__call__\(self, x: int=1\) -> int"),
    "docstring lost": (
        '    """Twice x."""\n    # BEGIN SOLUTION\n',
        '    # BEGIN SOLUTION\n    """Twice x."""\n',
        "# BEGIN",
        "takes in the docstring of double",
    ),
    "at the top": (CHECK, f"{MARKED}\n{CHECK}", "# BEGIN", "outside a function would stop the student's notebook"),
    "in a class's body": ("        self.n = 0\n", UNIT, "    # BEGIN", "outside a function"),
    "no check": (CHECK + "\n", "", "# BEGIN", "an exercise without a check"),
    "check in another cell": (CHECK, f"# %%\n{CHECK}", "# BEGIN", "an exercise without a check"),
    "another check": (CHECK, 'double = training.check("01.1", double)', "# BEGIN", "an exercise without a check"),
    "check inside a function": (CHECK, f"def later():\n    {CHECK}", "# BEGIN", "an exercise without a check"),
    "check in the solution": (
        CHECK,
        f"if 1:\n    # BEGIN SOLUTION\n    {CHECK}\n    # END SOLUTION",
        "# BEGIN",
        "outside",
    ),
    "check without a solution": (LAST, f'check("01.3", double)\n{LAST}', "01.3", "a check without a solution"),
    "two checks": (CHECK, f"{CHECK}\n{CHECK}  # again", "# again", "a second check in one cell"),
    "computed id": (CHECK, "double = check(ID, double)", "(ID", "the first argument of check is an id such as '01.1'"),
    "id unknown": (CHECK, CHECK.replace(".1", ".9"), "01.9", "exercise '01.9' is unknown: there are 01.1, 01.2"),
    "id twice": ('check("01.2"', 'check("01.1"', '= check("01.1", Adder', "01.1 stands already in the cell of line 16"),
    "another lesson's": (CHECK, CHECK.replace("01.1", "00.1"), "00.1", "the ids of this one begin with 01."),
    "named otherwise": ("def double(", "def twice(", "def twice", "asks for double, which this cell does not define"),
    "no docstring": ('    """Twice x."""\n', "", "def double", "double has no docstring"),
    "one hint": (HINT_2, "", "def double", "exercise 01.1 needs a text cell right after it with two hints"),
    "hints not closed": (HINT_2, HINT_2.replace("</d", "<d"), "def double", "exercise 01.1 needs a text cell"),
    "hints not next": (HINT_1, f"# %%\n1\n\n{HINT_1}", "def double", "exercise 01.1 needs a text cell"),
    "does not parse": (f"{LAST},", f"x = 1\n{LAST}],", "4)]", "the cell does not parse"),
    "setup": (LAST, f'gritlib.course.start("01")\n{LAST}', "start(", "the builder inserts installation and setup"),
    "start": (LAST, f"from gritlib.course import check, start\n{LAST}", "start", "the builder inserts installation"),
    "installation": (LAST, f'x = 1\n%pip install -q "gritlib"\n{LAST}', "%pip", "the builder inserts installation"),
    "another title": ("# # 01 A tiny", "# # 02 A tiny", "# # 02", "begins with '# 01 Title'"),
    "text before": (
        "# %% [markdown]\n# # 01",
        "import os\n# %% [markdown]\n# # 01",
        "os",
        r"begins with the line '# %% \[ma",
    ),
    "empty cell": (f"# %%\n{LAST}", f"# %%  \n\n# %%\n{LAST}", "# %%  ", "this cell is empty"),
    "cell in a string": (LAST, f'text = """\n# %%\n"""\n{LAST}', "# %%", "is there a '# %%' inside a string"),
    "raw cell": (f"# %%\n{LAST}", f"# %% [raw]\n# {LAST}", "[raw]", r"\[raw\] is not understood"),
    "cell with a name": (f"# %%\n{LAST}", f"# %% last\n{LAST}", "# %% last", "title is not understood: only"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_source_that_would_break_is_refused_and_changes_nothing(case, root, registry):
    old, new, at, words = REFUSED[case]
    path = root / "solutions" / "01_tiny.py"
    text = path.read_text(encoding="utf-8")
    builder.build(root, registry=registry)
    before = {file: file.read_bytes() for file in root.rglob("*.ipynb")}
    assert text.count(old) == 1, "a case replaces one place"
    path.write_text(text.replace(old, new), encoding="utf-8")
    for act in (builder.build, builder.check):
        with pytest.raises(source.SourceError, match=words) as refusal:
            act(root, registry=registry)
        named = re.match(r"solutions/01_tiny\.py:(\d+): ", str(refusal.value))
        line = text.replace(old, new).splitlines()[int(named[1]) - 1]
        assert at in line, (str(refusal.value), line)
    assert {file: file.read_bytes() for file in root.rglob("*.ipynb")} == before


def test_an_exercise_that_has_no_cell_is_missed(root, registry):
    registry.known["01.3"] = registry.known["01.2"]
    with pytest.raises(source.SourceError, match=r"01_tiny\.py:1: exercise 01.3 of this lesson has no cell here"):
        builder.build(root, registry=registry)


def test_a_lesson_that_the_registry_does_not_know(root, registry):
    registry.known.clear()
    path = root / "solutions" / "01_tiny.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("# %% [markdown]\n# ## Doubling")], encoding="utf-8")
    with pytest.raises(source.SourceError, match="lesson '01' is unknown"):
        builder.build(root, registry=registry)


@pytest.mark.parametrize("name", ["tiny.py", "1_tiny.py", "01-tiny.py", "01_Tiny.py"])
def test_a_source_of_another_name_is_refused(name, root, registry):
    (root / "solutions" / name).write_text("", encoding="utf-8")
    with pytest.raises(source.SourceError, match=f"{name}: the name of a lesson's source is like 01_pix2pix.py"):
        builder.build(root, registry=registry)


def test_two_lessons_of_one_number_are_refused(root, registry):
    (root / "solutions" / "01_other.py").write_text("", encoding="utf-8")
    with pytest.raises(source.SourceError, match=r"01_tiny\.py: number 01 is also that of 01_other\.py"):
        builder.build(root, registry=registry)


def test_no_source_and_unknown_numbers_are_messages(root, registry, tmp_path):
    with pytest.raises(ValueError, match="lesson '7' has no source: choose of 01"):
        builder.build(root, lessons=("7",), registry=registry)
    (root / "solutions" / "01_tiny.py").unlink()
    for act in (builder.build, builder.check):
        with pytest.raises(FileNotFoundError, match=r"no lesson in .*solutions: run this in the root"):
            act(root, registry=registry)


def test_magics_are_no_syntax_errors(root, registry):
    path = root / "solutions" / "01_tiny.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n# %%\n%time double(4)\n\n# %%\n%%timeit\ndouble(4)\n", encoding="utf-8")
    builder.build(root, registry=registry)
    assert "%%timeit" in (root / "notebooks" / "01_tiny.ipynb").read_text(encoding="utf-8")


def test_check_may_be_called_through_the_package(root, registry):
    path = root / "solutions" / "01_tiny.py"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("= check(", "= gritlib.course.check("), encoding="utf-8")
    builder.build(root, registry=registry)
    assert 'gritlib.course.check(\\"01.1\\"' in (root / "notebooks" / "01_tiny.ipynb").read_text(encoding="utf-8")


DOCSTRINGS = {
    '"""One line."""': '"""One line.\n\n    NOTE\n    """',
    '"""Two.\n\n    Lines.\n    """': '"""Two.\n\n    Lines.\n\n    NOTE\n    """',
    "'One line.'": "'''One line.\n\n    NOTE\n    '''",
    'r"""Größe \\d."""  # noqa': 'r"""Größe \\d.\n\n    NOTE\n    """  # noqa',
}


@pytest.mark.parametrize("docstring", DOCSTRINGS)
def test_a_note_goes_to_the_end_of_the_docstring(docstring):
    cell = 'import os\n\n\ndef f(größe="ä"):\n    {}\n    return 1\n\n\nf = check("01.1", f)'
    noted = stub.add_note(cell.format(docstring), "Add s·b, not b.")
    assert noted == cell.format(DOCSTRINGS[docstring].replace("NOTE", "Add s·b, not b."))


def test_a_note_beside_the_definition_and_a_long_one():
    assert stub.add_note('class A: "Short."', "More of it.") == 'class A: """Short.\n\n    More of it.\n    """'
    noted = stub.add_note('def f():\n    """Short."""', "word " * 60)
    assert max(map(len, noted.splitlines())) <= 100 and " ".join(noted.split()).count("word") == 60


@pytest.mark.parametrize("note", ['say """this""" here', "a b\\"])
def test_a_note_that_cannot_stand_in_a_docstring_is_refused(note):
    with pytest.raises(ValueError, match=r"cannot stand in a docstring|does not parse"):
        stub.add_note('def f():\n    """Short."""', note)


def test_a_note_needs_a_docstring():
    with pytest.raises(ValueError, match="no function or class with a docstring"):
        stub.add_note("def f():\n    return 1", "More.")
