"""What a notebook says about itself, and what its answers look like; runs in the box, on the standard library."""

import ast
import hashlib
import json
import re

from gritlib.classroom.grading.extract import EXERCISE, IMPORTS, Cell, Document, Unit, Unreadable, parse, read, units
from gritlib.classroom.grading.frames import END, HEAD, HEADER

MOST_NOTES = 10
LONGEST = 200  # letters of a word that a notebook says about itself
SHINGLE = 12  # nodes of a syntax tree in a row


def look(data: bytes, broken: dict[int, str], send) -> None:
    """Read every cell once, saying which before it, and send what the notebook says about itself as JSON."""
    try:
        cells, metadata = read(data)
    except Unreadable as error:
        send(HEADER.pack(END, 0) + json.dumps({"unreadable": str(error)}).encode())
        return
    for cell in cells:
        if cell.number not in broken:
            send(HEADER.pack(HEAD, cell.number))
            try:
                units(cell)
            except Unreadable as error:
                broken[cell.number] = str(error)
    send(HEADER.pack(END, 0) + json.dumps(outline(cells, metadata, broken)).encode())


def read_cells(data: bytes) -> list[Cell]:
    """The notebook's code cells."""
    return read(data)[0]


def outline(cells: list[Cell], metadata: dict, broken: dict[int, str]) -> dict:
    """What the grader has to know before it grades.

    Args:
        broken: number of a cell -> what is wrong with it, for those that cannot be read.

    Returns:
        lesson, version, cohort and student, as the notebook names them, or ""; broken: number -> what is wrong with it;
        exercises: ids that its cells check.
    """
    stamp = metadata.get("gritlib")
    said = {key: _word(stamp.get(key)) if isinstance(stamp, dict) else "" for key in ("lesson", "version", "cohort")}
    said |= {"student": "", "broken": {str(number): reason for number, reason in broken.items()}, "exercises": []}
    for cell in cells:
        if cell.number in broken:
            continue
        for call in (node for node in ast.walk(parse(cell.text)) if isinstance(node, ast.Call)):
            name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
            first = _constant(call.args[0]) if call.args else ""
            if name == "start" and re.fullmatch(r"\d\d", first):
                said["lesson"] = said["lesson"] or first
                keys = [_constant(k.value) for k in call.keywords if k.arg == "cohort"]
                said["cohort"] = said["cohort"] or (keys[0] if keys else "")
            elif name == "student" and first:
                said["student"] = first
            elif name == "check" and EXERCISE.fullmatch(first):
                said["exercises"].append(first)
    return said


def notes(document: Document, names: tuple[str, ...], cells: list[Cell], broken: dict[str, str]) -> list[str]:
    """What a student should know about how these names were found."""
    said = []
    for cell in cells:
        here = [n for n in names if re.search(rf"^[ \t]*(?:def|class)[ \t]+{re.escape(n)}\b", cell.text, re.MULTILINE)]
        if here and str(cell.number) in broken:
            said.append(f"{broken[str(cell.number)]}: its {', '.join(here)} does not count")
    for name in names:
        numbers = document.duplicates(name)
        if numbers:
            listed = ", ".join(map(str, numbers[:-1]))
            said.append(f"{name} is defined in cells {listed} and {numbers[-1]}: the last definition counts")
    return said[:MOST_NOTES]


def fingerprint(found: list[Unit]) -> list[int]:
    """Hashes of all runs of nodes in the student's own functions, classes and assignments. Names, numbers, strings and
    annotations play no part, so that renaming changes nothing."""
    hashes = set()
    for unit in found:
        if unit.given or isinstance(unit.node, IMPORTS):
            continue
        kinds = list(_kinds(unit.node))
        for i in range(max(1, len(kinds) - SHINGLE + 1)):
            text = " ".join(kinds[i : i + SHINGLE])
            hashes.add(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "little"))
    return sorted(hashes)


def fingerprint_of(source: str, names: tuple[str, ...]) -> list[int]:
    """The fingerprint of an answer that stands in one cell.

    Raises:
        Unreadable: no Python.
    """
    return fingerprint(Document([Cell(1, "", source)], set(), []).answer(names))


def _kinds(root: ast.AST):
    """The kinds of nodes of a tree, from the top down and in the order of the text."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):  # a docstring
            continue
        if not isinstance(node, (ast.expr_context, ast.Constant, ast.arguments)):
            yield type(node).__name__
        fields = [value for name, value in ast.iter_fields(node) if name not in ("annotation", "returns")]
        children = [v for f in fields for v in (f if isinstance(f, list) else [f]) if isinstance(v, ast.AST)]
        todo += reversed(children)


def _constant(node: ast.expr) -> str:
    return _word(node.value) if isinstance(node, ast.Constant) else ""


def _word(value) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""
