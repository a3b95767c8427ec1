"""Writes hostile and broken submissions of lesson 01 into a folder, as a class would hand them in.

A student's notebook has a hostile answer to 01.3 (receptive_field) and a right one to 01.4 (adversarial_losses), unless
its case says otherwise; nothing else is answered. So a case states what its trick deserves, and that the trick costs
the other exercise nothing. Bombs are bounded, in case the sandbox fails.
"""

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path

import bank

# points of the parts
FULL = {
    "01.1": (1, 1, 1),
    "01.2": (2, 1, 1),
    "01.3": (1, 2, 0, 0),
    "01.4": (1, 1, 1, 0),
    "01.5": (1, 1, 1, 1, 1),
}
NAMES = {"01.2": "unet_forward", "01.3": "receptive_field", "01.4": "adversarial_losses", "01.5": "train_step"}
SETUP = 'import gritlib.course\n\ngritlib.course.start("01")'
GIVEN = (
    "import torch\nfrom torch import Tensor, nn\nfrom torch.nn import functional as F\n\ncheck = gritlib.course.check"
)


def right(id: str) -> str:
    """A cell with a right answer, from the bank."""
    return next(entry.source for entry in bank.read(id[:2]) if entry.id == id and entry.kind == "right")


FIELD, LOSSES = right("01.3"), right("01.4")


def nothing(id: str) -> tuple[float, ...]:
    return (0,) * len(FULL[id])


@dataclass(frozen=True)
class Case:
    """One hostile student.

    Args:
        name: of the student, in one word. cells: code cells, after those of the hand-out's beginning.
        deserves: exercise -> points by part; nothing for those it does not name.
        says: words that must stand in what the student is told.
    """

    name: str
    cells: tuple[str, ...]
    deserves: dict[str, tuple[float, ...]]
    says: tuple[str, ...] = ()


def attack(name: str, source: str, *says: str, earns: bool = False) -> Case:
    """A case with this cell for 01.3 and a right 01.4; `earns`: the answer is right, the rest must have no effect."""
    field = FULL["01.3"] if earns else nothing("01.3")
    return Case(name, (clean(source), LOSSES), {"01.3": field, "01.4": FULL["01.4"]}, says)


def together(name: str, *sources: str, honest: str = "01.4") -> Case:
    """A case with up to three cells for 01.3, each made one for an exercise of its own, and one right answer."""
    slots = [id for id in NAMES if id != honest]
    cells = [
        clean(text).replace("receptive_field(layers", f"{NAMES[id]}(*layers")
        for id, text in zip(slots, sources, strict=False)
    ]
    return Case(name, (*cells, right(honest)), {honest: FULL[honest]})


def in_threes(name: str, sources: list[str], honest: str = "01.4") -> list[Case]:
    """All these, three to a student: a box takes seconds to open."""
    return [together(f"{name}{n}", *sources[n : n + 3], honest=honest) for n in range(0, len(sources), 3)]


def on_losses(name: str, source: str, *says: str) -> Case:
    """A case with this cell for 01.4, which deserves nothing, and a right 01.3."""
    return Case(name, (FIELD, clean(source)), {"01.3": FULL["01.3"], "01.4": nothing("01.4")}, says)


def inside(body: str, imports: str = "import os") -> str:
    """A cell whose receptive_field has this body. `RIGHT` in the body stands for a right rest."""
    body = clean(body).replace("RIGHT", RIGHT_REST)
    return f"{imports}\n\n\ndef receptive_field(layers):\n{textwrap.indent(body, '    ')}\n"


RIGHT_REST = """\
side, jump = 1, 1
for kernel, stride in layers:
    side, jump = side + (kernel - 1) * jump, jump * stride
return side"""


def clean(text: str) -> str:
    return textwrap.dedent(text).strip("\n") + "\n"


def code(source: str | list[str], **more) -> dict:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source, **more}


def notebook(*sources: str, setup: bool = True) -> dict:
    """A notebook of these code cells, as JSON."""
    first = (
        [{"cell_type": "markdown", "metadata": {}, "source": "# pix2pix"}, code(SETUP), code(GIVEN)] if setup else []
    )
    cells = [{**cell, "id": f"cell-{number}"} for number, cell in enumerate([*first, *map(code, sources)])]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def write(folder: Path, name: str, content: dict | str | bytes) -> Path:
    """`folder/NAME_01.ipynb` with this content, a notebook or any bytes."""
    if isinstance(content, dict):
        content = json.dumps(content)
    path = folder / f"{name}_01.ipynb"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def write_cases(folder: Path, cases: list[Case]) -> None:
    """A notebook for each case."""
    folder.mkdir(parents=True, exist_ok=True)
    for case in cases:
        write(folder, case.name, notebook(*case.cells))
