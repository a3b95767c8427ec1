"""Reads a lesson's source, `solutions/NN_name.py`: solved, in the percent format, the only file of a lesson that is
written by hand. Whatever would become a notebook that does not run, or an exercise that cannot be checked, is refused
with file, line and what to do.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from gritlib.classroom import stub

NAME = re.compile(r"\d\d_[a-z0-9_]+\.py")
CELL = re.compile(r"\s*#\s*%%+(\s|$)")
SUMMARY = re.compile(r"<details>\s*<summary>\s*(.*?)\s*</summary>", re.DOTALL)
INSERTED = re.compile(
    r"\bcourse\.start\s*\(|from\s+gritlib\.course\s+import\s[^\n]*\bstart\b|\bpip3?\s+install\b.*gritlib"
)


class SourceError(ValueError):
    """A lesson's source that cannot be built: file, line, and what to do."""


@dataclass(frozen=True)
class Cell:
    """A cell of the source: kind "markdown" or "code", text with its markers, tags, and the line of the file on which
    its text begins. An exercise cell has the exercise and the student's text."""

    kind: str
    text: str
    tags: tuple[str, ...]
    line: int
    exercise: object = None
    stub: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson as its source says it: number "01", name "01_pix2pix", cells."""

    number: str
    name: str
    cells: tuple[Cell, ...]


def find(root: Path, lessons: tuple[str, ...] = ()) -> list[Path]:
    """Sources under root/solutions, in order, all or those of the given numbers.

    Raises:
        FileNotFoundError: there is none. SourceError: a file of another name, or two lessons of one number.
        ValueError: a number that no source has.
    """
    paths = sorted((root / "solutions").glob("*.py"))
    if not paths:
        raise FileNotFoundError(f"no lesson in {root / 'solutions'}: run this in the root of the repository")
    known = {}
    for path in paths:
        if not NAME.fullmatch(path.name):
            raise SourceError(f"solutions/{path.name}: the name of a lesson's source is like 01_pix2pix.py")
        if path.name[:2] in known:
            raise SourceError(
                f"solutions/{path.name}: number {path.name[:2]} is also that of {known[path.name[:2]].name}"
            )
        known[path.name[:2]] = path
    unknown = [number for number in lessons if number not in known]
    if unknown:
        raise ValueError(f"lesson {unknown[0]!r} has no source: choose of {', '.join(known)}")
    return [path for number, path in known.items() if not lessons or number in lessons]


def read(path: Path, registry) -> Lesson:
    """A lesson.

    Args:
        registry: `load(id) -> Exercise` and `ids(number) -> ids of a lesson`, as `gritlib.course.exercises` has them.

    Raises:
        SourceError: the source is refused.
    """
    number, where = path.name[:2], f"solutions/{path.name}"
    cells: list[Cell] = []
    seen: dict[str, int] = {}
    for cell in split(path):
        try:
            cell = examined(cell, number, registry, seen)
        except stub.Fault as fault:
            raise SourceError(f"{where}:{cell.line + fault.line - 1}: {fault}") from fault
        cells.append(cell)
    if cells[0].kind != "markdown" or not re.match(rf"# {number} \S", cells[0].text):
        raise SourceError(f"{where}:{cells[0].line}: the first cell is text and begins with '# {number} Title'")
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if cell.exercise and not has_hints(following):
            raise SourceError(
                f"{where}:{cell.line}: exercise {cell.exercise.id} needs a text cell right after it with two hints, "
                "each '<details><summary>Hint 1</summary> … </details>'"
            )
    try:
        missing = [id for id in registry.ids(number) if id not in seen]
    except ValueError as error:
        raise SourceError(f"{where}:1: {error}") from error
    if missing:
        raise SourceError(f"{where}:1: exercise {missing[0]} of this lesson has no cell here: write it with its check")
    return Lesson(number, path.stem, tuple(cells))


def split(path: Path) -> list[Cell]:
    """The cells of a percent file.

    Raises:
        SourceError: text before the first cell, a line in a string that looks like the start of a cell, an empty cell,
            or something else than `[markdown]` and `tags=[...]` on such a line.
    """
    import jupytext

    where, text = f"solutions/{path.name}", path.read_text(encoding="utf-8")
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if CELL.match(line)]
    if not starts or any(line.strip() for line in lines[: starts[0]]):
        raise SourceError(f"{where}:1: the file begins with the line '# %% [markdown]'")
    nodes = jupytext.reads(text, fmt="py:percent").cells
    if len(nodes) != len(starts):
        raise SourceError(
            f"{where}:1: {len(starts)} lines look like the start of a cell, but there are {len(nodes)} cells: "
            "is there a '# %%' inside a string, or a '# In[1]'?"
        )
    cells = []
    for node, start in zip(nodes, starts, strict=True):
        first = next((i for i in range(start + 1, len(lines)) if lines[i].strip()), start)
        line = first + (2 if lines[first].strip() in ('"""', "'''") else 1)
        extra = sorted(set(node.metadata) - {"tags", "lines_to_next_cell", "cell_marker"})
        if node.cell_type not in ("code", "markdown") or extra:
            said = ", ".join(extra) or f"[{node.cell_type}]"
            raise SourceError(f"{where}:{start + 1}: {said} is not understood: only [markdown] and tags=[...] are")
        if not node.source.strip():
            raise SourceError(f"{where}:{start + 1}: this cell is empty: remove it")
        cells.append(Cell(node.cell_type, node.source, tuple(node.metadata.get("tags", ())), line))
    return cells


def examined(cell: Cell, number: str, registry, seen: dict[str, int]) -> Cell:
    """The cell, with its exercise if it is one; `seen` (id -> line) is brought up to date.

    Raises:
        stub.Fault: the cell is refused.
    """
    marked = stub.blocks(cell.text)
    if cell.kind == "markdown":
        if marked:
            raise stub.Fault(marked[0].begin + 1, "a solution in a text cell: the markers are for code")
        return cell
    inserted = INSERTED.search(cell.text)
    if inserted:
        line = cell.text[: inserted.start()].count("\n") + 1
        raise stub.Fault(line, "the builder inserts installation and setup after the title: remove this line")
    calls = check_calls(stub.parse(cell.text))
    if not calls and not marked:
        return cell
    if not calls:
        message = f"an exercise without a check: end the cell with a line like f = check({number + '.1'!r}, f)"
        raise stub.Fault(marked[0].begin + 1, message)
    if not marked:
        message = f"a check without a solution: put the solution between {stub.BEGIN!r} and {stub.END!r} in this cell"
        raise stub.Fault(calls[0].lineno, message)
    if len(calls) > 1:
        raise stub.Fault(calls[1].lineno, "a second check in one cell: one exercise a cell")
    exercise = asked(calls[0], number, registry, seen)
    seen[exercise.id] = cell.line
    text = stub.stub(cell.text, exercise.id)
    top = {node.name: node for node in stub.parse(text).body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for name in exercise.names:
        if name not in top:
            raise stub.Fault(1, f"exercise {exercise.id} asks for {name}, which this cell does not define")
    for name, node in top.items():
        if not ast.get_docstring(node):
            line = node.lineno
            raise stub.Fault(line, f"{name} has no docstring: say there what the student is to write, with shapes")
    return Cell(cell.kind, cell.text, cell.tags, cell.line, exercise, text)


def check_calls(tree: ast.Module) -> list[ast.Call]:
    """Calls of `check` or `course.check` that run when the cell runs."""
    inside = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    nodes = [node for top in tree.body if not isinstance(top, inside) for node in ast.walk(top)]
    return [n for n in nodes if isinstance(n, ast.Call) and re.fullmatch(r"(.*\bcourse\.)?check", ast.unparse(n.func))]


def asked(call: ast.Call, number: str, registry, seen: dict[str, int]):
    """The exercise that a check names."""
    id = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if not isinstance(id, str):
        raise stub.Fault(call.lineno, f"{ast.unparse(call)}: the first argument of check is an id such as '{number}.1'")
    if id in seen:
        raise stub.Fault(call.lineno, f"exercise {id} stands already in the cell of line {seen[id]}")
    if id.split(".")[0] != number:
        raise stub.Fault(
            call.lineno, f"exercise {id} belongs to another lesson: the ids of this one begin with {number}."
        )
    try:
        return registry.load(id)
    except ValueError as error:
        raise stub.Fault(call.lineno, str(error)) from error


def has_hints(cell: Cell | None) -> bool:
    """Is this a text cell with the two folded hints?"""
    if cell is None or cell.kind != "markdown" or cell.text.count("<details>") != cell.text.count("</details>"):
        return False
    return SUMMARY.findall(cell.text) == ["Hint 1", "Hint 2"]
