"""Content of notebooks that are broken or that do mischief in a quiet way, and names that mean mischief."""

import json

from .submissions import FIELD, FULL, GIVEN, LOSSES, SETUP, code, inside, notebook, nothing

WRONG_FIELD = FIELD.replace("def receptive_field(layers):", "def receptive_field(layers):\n    return 1\n")
MANY = 10**6

# What is no notebook, as bytes.
CONTENTS = {
    "empty": b"",
    "latin": json.dumps(notebook(FIELD)).replace("pix2pix", "pix2pix \xe9").encode("latin-1"),
    "utf16": json.dumps(notebook(FIELD)).encode("utf-16"),
    "prose": b"Dear teacher, my notebook is in the other folder.",
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "list": b"[]",
    "null": b"null",
    "number": b"9" * MANY,
    "truncated": json.dumps(notebook(FIELD, LOSSES)).encode()[:-40],
    "brackets": b"[" * MANY,
    "braces": b'{"cells":' * 200_000,
    "nocells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    "wrongcells": b'{"cells": {"a": 1}, "nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
}


# Cells that are broken, or more than a parser takes: each costs itself alone, between two right answers.
BESIDE = {
    "plain": (
        "def helper(:\n    pass",
        "def helper():\n  x = 1\n\ty = 2",
        "x = " + "f'{" * 50 + "1" + "}'" * 50,
        "big = " + "9" * 1_000_000,
        "x = 1\0",
        "x = '\ud800'",
        "%matplotlib inline\n!rm -rf /scratch/*\nx = !ls\n?print\nget_ipython().run_line_magic('x', '')",
        "%%bash\nrm -rf /scratch/*; exit 1",
        "await something()\nreturn 5",
        "\n" * 100_000,
    ),
    "deep": (
        "-" * 500_000 + "1",
        "(" * 100_000 + ")" * 100_000,
        "lambda: " * 50_000 + "1",
        "x" + ".a" * 100_000,
        "f" + "()" * 100_000,
        "1" + "**1" * 100_000,
        "x = 1" + " + 1" * 100_000,
        "{" * 60,
    ),
    "large": (
        "big = '" + "a" * 9_000_000 + "'",
        "\n".join(f"def helper{n}():\n    return helper{n + 1}()" for n in range(2_000)),
    ),
}


def changed(**cells) -> dict:
    """A right notebook with other entries of its cells."""
    return notebook(FIELD, LOSSES) | cells


def without_ids() -> dict:
    content = notebook(FIELD, LOSSES)
    for cell in content["cells"]:
        del cell["id"]
    return content | {"nbformat_minor": 2}


def lines_of_sources() -> dict:
    content = notebook(FIELD, LOSSES)
    for cell in content["cells"]:
        cell["source"] = cell["source"].splitlines(keepends=True)
    return content


def odd_cells() -> dict:
    """Cells of no known shape between the right ones."""
    content = notebook(FIELD, LOSSES)
    odd = [None, 7, [], "text", {}, {"cell_type": "code"}, code(None), code(5), code([1, None]), code({"a": 1})]
    content["cells"] = [*odd, *content["cells"], {"cell_type": 3, "source": "x"}, *odd]
    return content


def reversed_cells() -> dict:
    """A helper below the answer that uses it, the hand-out's cells at the end."""
    uses = "def receptive_field(layers):\n    return by_hand(layers)\n"
    helper = FIELD.replace("def receptive_field", "def by_hand")
    return notebook(LOSSES, uses, helper, GIVEN, SETUP, setup=False)


STAMP = {"lesson": "../../etc", "version": "\x1b[31m0.0", "cohort": "\ud800", "student": ["x"]}
BOTH = {"01.3": FULL["01.3"], "01.4": FULL["01.4"]}
ONLY_LOSSES = {"01.3": nothing("01.3"), "01.4": FULL["01.4"]}
# name -> (notebook, what it deserves, words the student must be told)
NOTEBOOKS = {
    "right": (notebook(FIELD, LOSSES), BOTH, ()),
    "deleted": (notebook(FIELD, LOSSES, setup=False), BOTH, ()),
    "onecell": (notebook(FIELD, setup=False), {"01.3": FULL["01.3"]}, ("adversarial_losses",)),
    "alone": (notebook(), {}, ("receptive_field",)),
    "twice-right-last": (notebook(WRONG_FIELD, LOSSES, FIELD), BOTH, ()),
    "twice-wrong-last": (notebook(FIELD, LOSSES, WRONG_FIELD), ONLY_LOSSES, ()),
    "renamed": (
        notebook(FIELD.replace("receptive_field", "receptive_fields"), LOSSES),
        ONLY_LOSSES,
        ("receptive_field",),
    ),
    "reordered": (reversed_cells(), BOTH, ()),
    "noids": (without_ids(), BOTH, ()),
    "lines": (lines_of_sources(), BOTH, ()),
    "odd": (odd_cells(), BOTH, ()),
    "nometadata": (changed(metadata=None), BOTH, ()),
    "stamped": (changed(metadata={"gritlib": STAMP}), BOTH, ()),
    "student": (notebook("course.student('\\ud800\\0/../x')", FIELD, LOSSES), BOTH, ()),
    "checks": (
        notebook("def check(id, *answer):\n    return answer[0]\n", WRONG_FIELD, 'check("01.3", 3)', LOSSES),
        ONLY_LOSSES,
        (),
    ),
    "rebound": (notebook(FIELD + '\nreceptive_field = check("01.3", receptive_field)\n', LOSSES), BOTH, ()),
    "answerless": (notebook("receptive_field = 22\n", LOSSES), ONLY_LOSSES, ()),
    "brokenanswer": (notebook(FIELD + "\n)", LOSSES), ONLY_LOSSES, ("receptive_field",)),
    "hooked": (
        notebook("get_ipython().input_transformers_post.append(print)\n", inside("return 1"), LOSSES),
        ONLY_LOSSES,
        (),
    ),
    **{f"beside-{name}": (notebook(FIELD, *texts, LOSSES), BOTH, ()) for name, texts in BESIDE.items()},
}

# Names of students: what may not act on a page, in a table, on a terminal, in a folder.
STRANGE = (
    "<img src=x onerror=alert(1)>",
    "=cmd|' !C0'!A1",
    "+1+2",
    "@SUM(1)",
    "-rf",
    "\x1b[31mred\x1b[0m\x1b]0;owned\x07",
    "two\nlines",
    "tab\tand\rreturn",
    "\u202egpj.exe",
    "x..\\..\\windows",
    "%2e%2e%2fetc",
    "x..",
    "CON",
    "long-" + "n" * 200,
    "Ana",
    "ana",
    "Añá",
    "$(touch left-behind);`touch left-behind`",
    "a'b\"c&amp;",
)
