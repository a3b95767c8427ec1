"""What the course has of a lesson: its given cells, its solved ones, and what of gritlib its answers may use."""

import ast
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gritlib.classroom.grading.extract import Cell, Document, units
from gritlib.classroom.grading.sandbox import source
from gritlib.course.exercise import Exercise
from gritlib.course.lessons import get


@dataclass(frozen=True)
class Material:
    """Cells of a lesson's notebook in order: id and text, "" for an exercise; and name -> (id, text) of the solved cell
    that defines it."""

    cells: tuple[tuple[str, str], ...]
    solved: dict[str, tuple[str, str]]

    def given(self, masked: set[str]) -> list[dict]:
        """The cells, with the solved ones of these names in the exercises' places."""
        texts = dict(self.cells) | dict(self.solved[name] for name in masked if name in self.solved)
        return [{"id": id, "text": texts[id]} for id, _ in self.cells]


@cache
def material(number: str, root: Path) -> Material:
    """A lesson's cells, from the built notebooks in notebooks/ and solutions/.

    Raises:
        FileNotFoundError: they are not there.
    """
    file = f"{get(number).file}.ipynb"
    cells, solved = [], {}
    for folder in ("notebooks", "solutions"):
        path = root / folder / file
        if not path.is_file():
            raise FileNotFoundError(f"{path} is missing: grade in the root of the repository")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            exercise, text = cell["id"].startswith("exercise-"), "".join(cell["source"])
            if folder == "notebooks" and cell["cell_type"] == "code":
                cells.append((cell["id"], "" if exercise else text))
            elif folder == "solutions" and exercise:
                solved |= {name: (cell["id"], text) for unit in units(Cell(0, "", text)) for name in unit.binds}
    return Material(tuple(cells), solved)


def needed(exercise: Exercise) -> dict[str, str]:
    """Module -> text, with what an exercise's answers may use of gritlib and nothing else."""
    names: dict[str, list[str]] = {}
    for need in exercise.needs:
        module, _, name = need.rpartition(".")
        names.setdefault(module, []).append(name)
    return {module: _only(module, tuple(wanted)) for module, wanted in names.items()}


def _only(module: str, names: tuple[str, ...]) -> str:
    found = Document([Cell(1, "", source(module))], set(), []).answer(names)
    return "\n".join(["from __future__ import annotations", *(ast.unparse(unit.node) for unit in found)])
