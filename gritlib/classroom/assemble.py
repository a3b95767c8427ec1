"""Makes the two notebooks of a lesson, the solved one and the student's. The same source gives the same bytes: ids of
cells follow from their content, exercises and inserted cells have fixed ones, metadata holds nothing of the machine.
"""

import hashlib
from collections import Counter

from gritlib import __version__
from gritlib.classroom import stub
from gritlib.classroom.source import Cell, Lesson

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SOLUTION_ONLY = "solution"  # a cell with this tag is not in the student's notebook
INSTALL = """\
# For Colab and Kaggle: where gritlib is installed, this cell does nothing.
import importlib.util

if importlib.util.find_spec("gritlib") is None:
    {action}"""
NO_ADDRESS = """\
raise ModuleNotFoundError(
        "gritlib is not installed here, and this copy of the lesson was built without the address to fetch it from. "
        "Install it from a copy of the repository (in its root: pip install -r requirements.txt), then choose the "
        "kernel of that environment and run this cell again."
    )"""


def solved(lesson: Lesson, repo: str):
    """The solved notebook, without outputs.

    Args:
        repo: owner/name on GitHub, or "" while there is no address.
    """
    cells = [_node(cell, id, stub.solved(cell.text)) for cell, id in zip(lesson.cells, ids(lesson), strict=True)]
    return _notebook(cells, badges(repo, f"solutions/{lesson.name}.ipynb"), repo, lesson.number, None)


def student(lesson: Lesson, repo: str, handout: bool = False, cohort: str | None = None):
    """The student's notebook.

    Args:
        handout: leave out the links to the solutions, and the badges, which lead to the public version.
        cohort: key of the class whose variants of the exercises are drawn.
    """
    cells, hints_of = [], None
    for cell, id in zip(lesson.cells, ids(lesson), strict=True):
        text = cell.text
        if cell.exercise:
            text = cell.stub
            if cohort and cell.exercise.variant:
                text = stub.add_note(text, cell.exercise.variant(cohort).note)
        elif hints_of and not handout:
            text = f"{text}\n\n{solution_link(lesson.name, hints_of)}"
        hints_of = id if cell.exercise else None
        if SOLUTION_ONLY not in cell.tags:
            cells.append(_node(cell, id, text))
    shown = "" if handout else badges(repo, f"notebooks/{lesson.name}.ipynb")
    return _notebook(cells, shown, repo, lesson.number, cohort)


def ids(lesson: Lesson) -> list[str]:
    """An id for each cell: of its exercise, or of its content, so that a new cell changes no other's."""
    found, repeated = [], Counter()
    for cell in lesson.cells:
        if cell.exercise:
            found.append("exercise-" + cell.exercise.id.replace(".", "-"))
            continue
        id = hashlib.sha256(f"{cell.kind}\n{cell.text}".encode()).hexdigest()[:12]
        repeated[id] += 1
        found.append(id if repeated[id] == 1 else f"{id}-{repeated[id]}")
    return found


def fingerprint(notebook) -> str:
    """Hash of the code that outputs come from. The installing cell does not count: where outputs are made it does
    nothing, and a new address of the repository does not make them stale."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code" and cell.id != "install"]
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:16]


def badges(repo: str, path: str) -> str:
    """Links that open a notebook of the repository on Colab and Kaggle, and download it; none without an address."""
    if not repo:
        return ""
    page = f"github.com/{repo}/blob/main/{path}"
    colab = f"https://colab.research.google.com/{page.replace('github.com', 'github')}"
    kaggle = f"https://kaggle.com/kernels/welcome?src=https://{page}"
    return (
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab}) "
        f"[![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]({kaggle}) "
        f"[Download](https://raw.githubusercontent.com/{repo}/main/{path})"
    )


def solution_link(name: str, id: str) -> str:
    """A folded link to an exercise in the solved notebook, as JupyterLab follows it."""
    link = f"[The solved cell, with its outputs](../solutions/{name}.ipynb#cell-id={id})"
    return f"<details><summary>Solution</summary>\n\n{link}\n\n</details>"


def _notebook(cells: list, shown: str, repo: str, number: str, cohort: str | None):
    from nbformat import v4, validate

    install = f'%pip install -q "gritlib @ git+https://github.com/{repo}"' if repo else NO_ADDRESS
    key = f', cohort="{cohort}"' if cohort else ""
    inserted = [v4.new_markdown_cell(shown, id="badges")] if shown else []
    inserted.append(v4.new_code_cell(INSTALL.format(action=install), id="install"))
    inserted.append(v4.new_code_cell(f'import gritlib.course\n\ngritlib.course.start("{number}"{key})', id="setup"))
    metadata = {key: dict(value) for key, value in METADATA.items()}
    # The grader reads it: whose checks a submission was written against.
    metadata["gritlib"] = {"version": __version__, "lesson": number} | ({"cohort": cohort} if cohort else {})
    notebook = v4.new_notebook(cells=[cells[0], *inserted, *cells[1:]], metadata=metadata)
    notebook.nbformat_minor = 5
    validate(notebook)
    return notebook


def _node(cell: Cell, id: str, text: str):
    from nbformat import v4

    make = v4.new_code_cell if cell.kind == "code" else v4.new_markdown_cell
    return make(text, id=id, metadata={"tags": list(cell.tags)} if cell.tags else {})
