"""One exercise, one object, shared by `check`, the bank of common first tries and the grader.

A right answer is described by parts, each a property worth some points: `draw` makes inputs, `call` hands them to the
student's object and returns named values, and these are compared with what the reference gives for the same inputs.
Only `call` touches the student's object, and it uses nothing but its arguments and torch, so that it can be shipped as
text to wherever that object lives: the notebook's kernel for `check`, a sandbox for the grader.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

MARK = "__gritlib_reference__"


@dataclass(frozen=True)
class Part:
    """A property of a right answer.

    Args:
        name: what is true of a right answer, in words: it is printed before ✓ or ✗.
        points: what it is worth; 0 for a property whose right outcome does not depend on the drawn inputs (a shape, a
            zero gradient, True), because such an answer could be given without doing the work: it explains only.
        draw: generator -> inputs, a dict of plain data (tensors, numbers, strings, and lists, tuples, dicts of them).
        call: (inputs, *answer) -> named values, plain data again. A top-level function whose text needs only torch.
        judge: (inputs, got, wanted) -> None if right, else the message; for outcomes that are compared by bands.
            Without one, got must equal wanted to rtol and atol.
        advice: what to look at when no known mistake fits.
        repeat: number of draws, all of which must be right.
    """

    name: str
    points: float
    draw: Callable[[torch.Generator], dict]
    call: Callable[..., dict]
    judge: Callable[[dict, dict, dict], str | None] | None = None
    advice: str = ""
    rtol: float = 1e-6
    atol: float = 1e-9
    repeat: int = 1

    def text(self) -> str:
        """Source of `call`, as it is shipped."""
        return textwrap.dedent(inspect.getsource(self.call))


@dataclass(frozen=True)
class Mistake:
    """A typical wrong answer: recognised by computing it on the same inputs.

    Args:
        message: what to tell the student: what seems to have happened, and what to look at.
        answer: the wrong object; where the exercise asks for several a tuple of them, None standing for a right one.
    """

    message: str
    answer: object


@dataclass(frozen=True)
class Exercise:
    """What is asked, what is right, and what is said about wrong answers.

    Args:
        id: "01.3". names: of the objects asked for, in the order `check` takes them. reference: the objects themselves.
        parts: their points add up to the exercise's. mistakes: known wrong answers, the more specific ones first.
        minutes: for the middle student. needs: definitions of gritlib that an answer may use, as
            "gritlib.nets.grit.Output"; the grader's box has no others.
        variant: cohort key -> the same exercise with one parameter drawn for that class. note: what the variant asks
            beyond the public exercise, a sentence for the docstring.

    Raises:
        ValueError: numbers of names and references that differ.
    """

    id: str
    names: tuple[str, ...]
    reference: tuple[object, ...]
    parts: tuple[Part, ...]
    mistakes: tuple[Mistake, ...] = ()
    minutes: int = 10
    needs: tuple[str, ...] = ()
    variant: Callable[[str], Exercise] | None = field(default=None, repr=False)
    note: str = ""

    def __post_init__(self):
        if len(self.names) != len(self.reference):
            raise ValueError(f"exercise {self.id} names {len(self.names)} objects and has {len(self.reference)}")
        for piece in self.reference:
            setattr(piece, MARK, self.id)

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @property
    def title(self) -> str:
        return f"{self.id} {', '.join(self.names)}"

    def wrong(self, mistake: Mistake) -> tuple:
        """The objects of somebody who makes this mistake and no other."""
        pieces = mistake.answer if isinstance(mistake.answer, tuple) else (mistake.answer,)
        return tuple(right if piece is None else piece for piece, right in zip(pieces, self.reference, strict=True))

    def handed_back(self) -> object:
        """The reference as `check` returns it: the object, or a tuple of several."""
        return self.reference[0] if len(self.reference) == 1 else self.reference


def is_reference(piece: object) -> bool:
    """Was this object handed out by gritlib? A class that inherits from a reference is the student's own."""
    return MARK in getattr(piece, "__dict__", {})
