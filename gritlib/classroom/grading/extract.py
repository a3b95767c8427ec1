"""Takes out of a notebook what an answer consists of. Runs in the box, with the standard library alone.

The rule: an answer is the last definition of each name asked for, in document order, and, transitively, the last
definitions of the names that these use: imports, functions, classes and assignments to plain names at the top level of
a cell. Other statements, magics and `f = check("01.3", f)` are left out. A cell that does not parse costs what it
defines and nothing else. Cells of the hand-out that are no exercise are taken from the course, not from the notebook.
"""

import __future__

import ast
import builtins
import copy
import json
import re
import symtable
from dataclasses import dataclass, field

MOST_CELLS = 2000
IMPORTS, DEFINITIONS = (ast.Import, ast.ImportFrom), (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|(?:[\w.]+\s*=\s*)[%!].*|[\w.]+\?{1,2}\s*)$")
KEPT_MAGICS = (
    "%%time",
    "%%timeit",
    "%%capture",
    "%%python",
    "%%python3",
)  # of a cell whose text is Python all the same
IMMEDIATE = ("listcomp", "setcomp", "dictcomp", "genexpr")
EXERCISE = re.compile(r"\d\d\.\d+")
COMPILE_FLAGS = __future__.annotations.compiler_flag  # an annotation is no use of a name


class Unreadable(ValueError):
    """No notebook, and why."""


@dataclass(frozen=True)
class Cell:
    """A code cell: its number among all cells, from 1, its id, or "", and its text."""

    number: int
    id: str
    text: str

    @property
    def place(self) -> str:
        return f"cell {self.number}"


@dataclass(eq=False)
class Unit:
    """A statement at the top level of a cell: the names it binds, those it needs at once, those its functions need
    later. The course's own have `given`."""

    node: ast.stmt
    cell: Cell
    order: tuple[int, int]
    binds: tuple[str, ...]
    now: set[str] = field(default_factory=set)
    later: set[str] = field(default_factory=set)
    given: bool = False


def read(data: bytes) -> tuple[list[Cell], dict]:
    """Code cells and metadata of a notebook.

    Raises:
        Unreadable: anything else than a notebook of format 4.
    """
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8, as a notebook is") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(f"no notebook: {str(error)[:100]}") from None
    if not isinstance(content, dict):
        raise Unreadable("no notebook: the file holds no JSON object")
    if not isinstance(content.get("cells"), list):
        old = "worksheets" in content
        raise Unreadable("a notebook of an old format: open it in Jupyter and save it" if old else "it has no cells")
    cells = []
    for number, cell in enumerate(content["cells"][:MOST_CELLS], 1):
        if not isinstance(cell, dict) or cell.get("cell_type") != "code":
            continue
        source, metadata = cell.get("source", ""), cell.get("metadata")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        if not isinstance(source, str):
            continue
        id = cell.get("id") or (metadata.get("id") if isinstance(metadata, dict) else "")
        cells.append(Cell(number, id if isinstance(id, str) else "", source))
    metadata = content.get("metadata")
    return cells, metadata if isinstance(metadata, dict) else {}


def parse(text: str) -> ast.Module:
    """The tree of a cell, with magics and shell lines taken out of one that has any.

    Raises:
        SyntaxError: no Python. RecursionError, MemoryError: nested too deeply.
    """
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError) as error:  # ValueError: a null byte
        lines = text.splitlines()
        first = next((line.split()[0] for line in lines if line.strip()), "")
        if first.startswith("%%") and first not in KEPT_MAGICS:
            return ast.parse("")
        kept = [MAGIC.sub(r"\1pass", line) for line in lines]
        if kept == lines:
            raise SyntaxError(*error.args) from None
        return ast.parse("\n".join(kept))


def units(cell: Cell, number: int = 0, given: bool = False) -> list[Unit]:
    """The statements of a cell that bind names, with what they need.

    Raises:
        Unreadable: a cell that is no Python, in words that name the cell.
    """
    try:
        return _units(cell, parse(cell.text), number, given)
    except SyntaxError as error:
        line = f", line {error.lineno}" if isinstance(error.lineno, int) else ""
        raise Unreadable(f"{cell.place}{line} is no Python ({str(error.msg)[:100]})") from None
    except (RecursionError, MemoryError, ValueError):
        raise Unreadable(f"{cell.place} is nested too deeply, or has numbers too long, to be read") from None


def _units(cell: Cell, tree: ast.Module, number: int, given: bool) -> list[Unit]:
    found = []
    for index, node in enumerate(tree.body):
        binds = bound(node)
        if not binds or is_check(node):
            continue
        if isinstance(node, IMPORTS):  # one by one: an answer that uses torch does not use what stands beside it
            for alias, name in zip(node.names, binds, strict=True):
                one = ast.copy_location(copy.copy(node), node)
                one.names = [alias]
                found.append(Unit(one, cell, (number, index), (name,), given=given))
            continue
        unit = Unit(node, cell, (number, index), binds, given=given)
        text = "from __future__ import annotations\n" + ast.unparse(node)
        _uses(symtable.symtable(text, cell.place, "exec"), unit, unit.now)
        found.append(unit)
    return found


def bound(node: ast.stmt) -> tuple[str, ...]:
    """Names that a statement binds at the top level; "*" for a star import."""
    if isinstance(node, IMPORTS):
        return tuple(alias.asname or alias.name.split(".")[0] for alias in node.names)
    if isinstance(node, DEFINITIONS):
        return (node.name,)
    if isinstance(node, ast.Assign):
        targets = [item for t in node.targets for item in (t.elts if isinstance(t, (ast.Tuple, ast.List)) else [t])]
        return tuple(t.id for t in targets if isinstance(t, ast.Name)) if all(map(_plain, targets)) else ()
    if isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        return (node.target.id,) if isinstance(node.target, ast.Name) and node.value else ()
    if isinstance(node, (ast.If, ast.Try)):  # such as an import that may fail
        blocks = [node.body, node.orelse, *([h.body for h in node.handlers] if isinstance(node, ast.Try) else [])]
        return tuple(dict.fromkeys(name for block in blocks for inner in block for name in bound(inner)))
    return ()


def is_check(node: ast.stmt) -> bool:
    """Is it `f = check("01.3", f)`, under whatever name? It hands back what it was given."""
    call = getattr(node, "value", None) if isinstance(node, (ast.Assign, ast.AnnAssign)) else None
    if not isinstance(call, ast.Call) or not call.args or not isinstance(call.args[0], ast.Constant):
        return False
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    first = call.args[0].value
    return name == "check" or (isinstance(first, str) and EXERCISE.fullmatch(first) is not None)


def _dotted(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import) and node.names[0].asname is None and "." in node.names[0].name


def _plain(target: ast.expr) -> bool:
    return isinstance(target, ast.Name)


def _uses(table: symtable.SymbolTable, unit: Unit, names: set[str]) -> None:
    """Adds the global names of a scope, and of those in it: of functions to what is needed later."""
    top = table.get_type() == "module"
    for symbol in table.get_symbols():
        used = symbol.is_referenced() or (not top and symbol.is_declared_global())
        if used and (top or symbol.is_global()):
            names.add(symbol.get_name())
    if isinstance(unit.node, ast.AugAssign) and top:
        names.update(unit.binds)
    for child in table.get_children():
        if child.get_type() == "annotation":
            continue
        later = child.get_type() == "function" and child.get_name().strip("<>") not in IMMEDIATE
        _uses(child, unit, unit.later if later else names)


class Document:
    """The definitions of a notebook, and the course's own beside them.

    Args:
        cells: the notebook's. broken: numbers of cells to leave out. given: the course's cells of the lesson in order,
            text "" for an exercise. masked: names of which only the course's definition counts.
    """

    def __init__(self, cells: list[Cell], broken: set[int], given: list[Cell], masked: set[str] = frozenset()):
        self.theirs: list[Unit] = []
        self.ours: list[Unit] = []
        for number, cell in enumerate(given):
            self.ours += units(cell, number, True)
        by_id = {cell.id: cell for cell in given}
        texts = {cell.text.strip() for cell in given if cell.text.strip()}
        for number, cell in enumerate(cells):
            if cell.number in broken or cell.text.strip() in texts:
                continue
            own = by_id.get(cell.id)
            kept = {name for unit in self.ours if unit.cell is own for name in unit.binds} if own else set()
            self.theirs += [u for u in units(cell, number) if not kept & set(u.binds)]
        self.theirs = [u for u in self.theirs if not masked & set(u.binds)]

    def resolve(self, name: str, user: Unit | None, at_once: bool) -> Unit | None:
        """The definition that a use of a name means: the last one; for a use at once the last before it, if any."""
        for pool in (self.theirs, self.ours):
            found = [unit for unit in pool if name in unit.binds and unit is not user]
            if not found:
                continue
            before = [u for u in found if user is not None and u.given == user.given and u.order < user.order]
            return before[-1] if at_once and before else found[-1]
        return None

    def answer(self, names: tuple[str, ...]) -> list[Unit]:
        """What has to run, in order, so that the names are defined. Names without a definition have none here."""
        wanted: dict[Unit, list[Unit]] = {}
        stars = [unit for unit in self.theirs if "*" in unit.binds]
        todo = [unit for unit in (self.resolve(name, None, False) for name in names) if unit]
        while todo:
            unit = todo.pop()
            if unit in wanted:
                continue
            found = []
            for used, at_once in [*((n, True) for n in unit.now), *((n, False) for n in unit.later - unit.now)]:
                if at_once and used in unit.binds and not self.resolve(used, unit, True):
                    continue
                target = self.resolve(used, None if not at_once else unit, at_once)
                if target is None and not hasattr(builtins, used):
                    todo += stars
                if target is not None and target is not unit:
                    todo.append(target)
                    if isinstance(target.node, ast.Import):  # import a.b and import a.c both bind a
                        todo += [u for u in (*self.ours, *self.theirs) if u.binds == target.binds and _dotted(u.node)]
                    found += [target] if at_once else []
            wanted[unit] = found
        ordered: dict[Unit, None] = {}

        def place(unit: Unit, waiting: frozenset) -> None:
            for first in wanted[unit]:
                if first not in waiting and first not in ordered:
                    place(first, waiting | {unit})
            ordered[unit] = None

        for unit in sorted(wanted, key=lambda u: (not u.given, not isinstance(u.node, IMPORTS), u.order)):
            if unit not in ordered:
                place(unit, frozenset())
        return list(ordered)

    def duplicates(self, name: str) -> list[int]:
        """Numbers of the notebook's cells that define a name, if there are several."""
        found = [u.cell.number for u in self.theirs if name in u.binds and not isinstance(u.node, IMPORTS)]
        return found if len(found) > 1 else []


def forbidden(found: list[Unit], needs: tuple[str, ...]) -> str | None:
    """The first thing of gritlib that an answer imports although its exercise does not need it.

    Args:
        needs: as "gritlib.nets.grit.Output"; packages above may hand it on.
    """
    allowed = {".".join(words) for need in needs for words in _chains(need)}
    for node in (node for unit in found for node in ast.walk(unit.node)):
        wanted = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            module = node.module or "" if not node.level else "gritlib"
            wanted = [f"{module}.{alias.name}" for alias in node.names]
        for name in wanted:
            if name.split(".")[0] == "gritlib" and name not in allowed:
                return name
    return None


def _chains(need: str):
    """Where a definition may be imported from: its module and the packages above it; and these themselves."""
    *modules, name = need.split(".")
    for count in range(1, len(modules) + 1):
        yield modules[:count]
        yield [*modules[:count], name]
