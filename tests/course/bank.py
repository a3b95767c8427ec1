"""Reads the banks of answers, `answers/NN.py`: sections as a student would write a cell, each with its expectation.

    # %% 01.3 wrong: adds k
    # says: adds k − 1
    def receptive_field(layers): ...

The first section holds the imports that every answer may use. "right" sections must be accepted, "wrong" ones refused
with a message that contains what follows "says:".
"""

import re
from dataclasses import dataclass
from pathlib import Path

from gritlib.course.exercise import Exercise

FOLDER = Path(__file__).parent / "answers"
HEADER = re.compile(r"^# %% (\d\d\.\d+) (right|wrong): (.+)$")


@dataclass(frozen=True)
class Entry:
    id: str
    kind: str
    title: str
    says: tuple[str, ...]
    source: str

    def objects(self, exercise: Exercise) -> tuple:
        """The objects that the section defines, as `check` would receive them."""
        space = {"__name__": "student"}
        exec(compile(self.source, f"<{self.id} {self.title}>", "exec"), space)
        return tuple(space[name] for name in exercise.names)


def read(number: str) -> list[Entry]:
    """All entries of a lesson's bank.

    Raises:
        ValueError: a header that is not understood, or a wrong answer without the words its message must have.
    """
    first, *sections = re.split(r"^(?=# %%)", (FOLDER / f"{number}.py").read_text(encoding="utf-8"), flags=re.M)
    entries = []
    for section in sections:
        header, *body = section.splitlines()
        match = HEADER.match(header)
        says = tuple(line.removeprefix("# says: ").strip() for line in body if line.startswith("# says: "))
        if not match or (match[2] == "wrong") != bool(says):
            raise ValueError(f"{number}.py: {header!r} must read '# %% NN.k right|wrong: title', wrong with '# says:'")
        entries.append(Entry(match[1], match[2], match[3], says, first + "\n" + "\n".join(body) + "\n"))
    return entries
