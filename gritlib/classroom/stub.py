"""What a student gets instead of a solution: the text between `# BEGIN SOLUTION` and `# END SOLUTION` gives way to one
`raise NotImplementedError`, and everything around it stays. Refuses what would leave a notebook that does not run, or
a function whose task cannot be read.
"""

import ast
import re
import textwrap
from dataclasses import dataclass

BEGIN, END = "# BEGIN SOLUTION", "# END SOLUTION"
# Anything that looks like a marker must be one: a misspelt marker would publish the solution.
LIKE_A_MARKER = re.compile(r"#\s*(begin|end)[\s_-]*solution", re.IGNORECASE)
NOTE_WIDTH = 100


class Fault(ValueError):
    """What is wrong in a cell, and on which of its lines (from 1)."""

    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.line = line


@dataclass(frozen=True)
class Block:
    """Lines from one marker to the other, both included, counted from 0."""

    begin: int
    end: int
    indent: str


def parse(text: str) -> ast.Module:
    """The tree of a code cell; IPython's magics become calls, on the same lines.

    Raises:
        Fault: not Python.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except SyntaxError as error:
        raise Fault(error.lineno or 1, f"the cell does not parse: {error.msg}") from error


def blocks(text: str) -> list[Block]:
    """The marked parts of a cell, in order.

    Raises:
        Fault: markers that are misspelt, nest, do not pair, differ in indentation or hold nothing.
    """
    found, begin = [], None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not LIKE_A_MARKER.search(line):
            continue
        mark, indent = line.strip(), line[: len(line) - len(line.lstrip())]
        if mark not in (BEGIN, END):
            raise Fault(number + 1, f"{mark!r} is no marker: write {BEGIN!r} or {END!r} on a line of its own")
        if mark == BEGIN:
            if begin is not None:
                raise Fault(number + 1, f"{BEGIN!r} inside a solution: close the one of line {begin.begin + 1} first")
            begin = Block(number, number, indent)
            continue
        if begin is None:
            raise Fault(number + 1, f"{END!r} without {BEGIN!r} above it")
        if indent != begin.indent:
            raise Fault(number + 1, f"{END!r} is indented by {len(indent)}, its {BEGIN!r} by {len(begin.indent)}")
        if not any(line.strip() for line in lines[begin.begin + 1 : number]):
            raise Fault(number + 1, "nothing between the markers: a solution goes there")
        found.append(Block(begin.begin, number, indent))
        begin = None
    if begin is not None:
        raise Fault(begin.begin + 1, f"{BEGIN!r} without {END!r} below it")
    return found


def solved(text: str) -> str:
    """A cell without its marker lines."""
    return "\n".join(line for line in text.splitlines() if line.strip() not in (BEGIN, END))


def stub(text: str, id: str) -> str:
    """A cell as the student gets it.

    Raises:
        Fault: as `blocks`; or the result does not parse, lost a signature or a docstring, or would raise when the cell
            runs instead of when the function is called.
    """
    lines, out, raises, at = text.splitlines(), [], [], 0
    marked = blocks(text)
    for block in marked:
        out += lines[at : block.begin]
        out.append(f'{block.indent}raise NotImplementedError("{id} is yours to write")')
        raises.append(len(out))
        at = block.end + 1
    out += lines[at:]
    result = "\n".join(out)
    first = marked[0].begin + 1
    try:
        left = parse(result)
    except Fault as fault:
        raise Fault(first, f"without the solution {fault}: move the markers so that whole statements go") from fault
    _nothing_lost(definitions(parse(solved(text))), definitions(left), first)
    functions = [node for node in ast.walk(left) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    for line, block in zip(raises, marked, strict=True):
        if not any(node.lineno < line <= node.end_lineno for node in functions):
            message = "a solution outside a function would stop the student's notebook: put the markers inside its body"
            raise Fault(block.begin + 1, message)
    return result


def definitions(tree: ast.Module) -> dict[str, tuple[str, str | None]]:
    """Dotted name -> (signature, docstring) of the functions, classes and methods, without those inside functions."""
    found = {}

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                arrow = f" -> {ast.unparse(child.returns)}" if child.returns else ""
                found[prefix + child.name] = (f"({ast.unparse(child.args)}){arrow}", ast.get_docstring(child))
            elif isinstance(child, ast.ClassDef):
                bases = ", ".join(map(ast.unparse, child.bases))
                found[prefix + child.name] = (f"({bases})", ast.get_docstring(child))
                visit(child, f"{prefix}{child.name}.")

    visit(tree, "")
    return found


def _nothing_lost(before: dict, after: dict, line: int) -> None:
    for name, (signature, docstring) in before.items():
        if name not in after or after[name][0] != signature:
            raise Fault(line, f"the solution takes in the signature of {name}{signature}: it stays outside the markers")
        if after[name][1] != docstring:
            raise Fault(line, f"the solution takes in the docstring of {name}: it stays outside the markers")


def add_note(text: str, note: str) -> str:
    """The cell with a note at the end of the docstring of its first function or class.

    Raises:
        ValueError: no docstring there, or a note that cannot stand in one.
    """
    node = next(
        (n for n in parse(text).body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))), None
    )
    if node is None or ast.get_docstring(node) is None:
        raise ValueError(f"no function or class with a docstring to put the note in: {note!r}")
    place = node.body[0].value
    lines = text.splitlines()
    # ast counts columns in bytes of UTF-8.
    opening = lines[place.lineno - 1].encode()[: place.col_offset].decode()
    closing = lines[place.end_lineno - 1].encode()[place.end_col_offset :].decode()
    prefix, quote, body = re.fullmatch(
        r"""(?s)([rRuU]?)(\"{3}|'{3}|"|')(.*)\2""", ast.get_source_segment(text, place)
    ).groups()
    quote = quote if len(quote) == 3 else quote * 3
    indent = " " * (place.col_offset if not opening.strip() else node.col_offset + 4)
    wrapped = [indent + line for line in textwrap.wrap(note, NOTE_WIDTH - len(indent))]
    written = "\n".join([f"{opening}{prefix}{quote}{body.rstrip()}", "", *wrapped, f"{indent}{quote}{closing}"])
    result = "\n".join([*lines[: place.lineno - 1], written, *lines[place.end_lineno :]])
    said = next((doc for _, doc in definitions(parse(result)).values()), None) or ""
    if " ".join(note.split()) not in " ".join(said.split()):
        raise ValueError(f"note {note!r} cannot stand in a docstring: leave out backslashes and quotation marks")
    return result
