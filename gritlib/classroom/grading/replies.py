"""What a box says of an answer, read as what it is: bytes of a stranger. Nothing in here raises because of them."""

import contextlib
import json
import time
from dataclasses import dataclass, field

from torch import Tensor

from gritlib.classroom.grading.frames import DIED, END, HEAD, HEADER, OUTCOME, STOPPED
from gritlib.classroom.grading.sandbox import TOTAL, Box, BoxFailed
from gritlib.course import wire
from gritlib.course.observe import Failure, Outcome

TREE = 2 << 20  # bytes of an outcome that are not numbers in tensors
LONGEST = {"kind": 200, "line": 2000, "trace": 20_000, "where": 200}
NOTES = 20
ODD = "a value of another kind"  # as `answering` writes it


class Gone(Exception):
    """No outcome came for a call, and why."""


class Odd:
    """A value that could not be sent, by its description."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


@dataclass
class Reply:
    """What came of an exercise: about the definitions, the outcomes of each part, and how parts ended early."""

    missing: list[str] = field(default_factory=list)
    refused: str = ""
    notes: list[str] = field(default_factory=list)
    fingerprint: list[int] = field(default_factory=list)
    outcomes: dict[int, list[bytes]] = field(default_factory=dict)
    ended: dict[int, tuple[bool, str]] = field(default_factory=dict)
    headed: bool = False

    def outcome(self, part: int, draw: int) -> Outcome:
        """What a call gave.

        Raises:
            Gone: it gave nothing.
        """
        frames = self.outcomes.get(part, [])
        if draw < len(frames):
            return outcome(frames[draw])
        stopped, said = self.ended.get(part) or self.ended.get(0 if not self.headed else part) or (False, "")
        if stopped:
            return Outcome(failure=Failure("", said, stopped=True))
        raise Gone(said or "its process ended before this call")


def collect(box: Box, draws: list[int], seconds: float) -> Reply:
    """All that a box says about an exercise.

    Args:
        draws: number of calls of each part. seconds: until it must have ended.

    Raises:
        BoxFailed: it says something else, too much, or nothing.
    """
    reply, left, deadline = Reply(), TOTAL, time.monotonic() + seconds
    for _ in range(sum(draws) + 3 * len(draws) + 10):
        frame = box.receive(deadline)
        left -= len(frame)
        if left < 0 or len(frame) < HEADER.size:
            break
        (kind, part), content = HEADER.unpack_from(frame), frame[HEADER.size :]
        if kind == END:
            return reply
        if part >= len(draws):
            break
        if kind == HEAD:
            _head(reply, content)
        elif kind in (OUTCOME, STOPPED):
            kept = reply.outcomes.setdefault(part, [])
            if len(kept) < draws[part]:
                kept.append(content)
        elif kind == DIED:
            with contextlib.suppress(ValueError, TypeError):
                stopped, said = json.loads(content)
                reply.ended[part] = stopped is True, _word(said, 200)
    raise BoxFailed("the box says more than it may")


def _head(reply: Reply, content: bytes) -> None:
    with contextlib.suppress(ValueError):
        head = unpacked(content)
        reply.missing = [_word(name, 100) for name in head["missing"]]
        reply.refused = _word(head["refused"], 200)
        reply.notes = [_word(note, 500) for note in head["notes"][:NOTES]]
        reply.fingerprint = [number for number in head["fingerprint"] if isinstance(number, int)]
        reply.headed = True


def outcome(content: bytes) -> Outcome:
    """An outcome from its bytes.

    Raises:
        Gone: they are none.
    """
    try:
        told = unpacked(content)
        failure = told["failure"]
        if failure is not None:
            words = {name: _word(failure[name], most) for name, most in LONGEST.items()}
            failure = Failure(**words, unwritten=failure["unwritten"] is True, stopped=failure["stopped"] is True)
        conduct = told["conduct"]
        seconds = told["seconds"] if isinstance(told["seconds"], float) else 0.0
        return Outcome(restored(told["values"]), None, conduct and _word(conduct, 500), seconds, failure)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Gone(f"what it returned cannot be read ({type(error).__name__})") from None


def unpacked(content: bytes):
    """`wire.unpack`, of a tree of bounded size and of tensors without absurd shapes.

    Raises:
        ValueError: anything else.
    """
    if int.from_bytes(content[:8], "little") > TREE:
        raise ValueError(f"more than {TREE} bytes besides tensors")
    return _sane(wire.unpack(content), len(content))


def _sane(value, most: int):
    if isinstance(value, Tensor) and any(side > most for side in value.shape):
        raise ValueError(f"a tensor of shape {tuple(value.shape)}")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        _sane(item, most)
    return value


def restored(value):
    """A value with descriptions as `Odd` objects."""
    if isinstance(value, dict):
        if set(value) == {ODD}:
            return Odd(_word(value[ODD], 500))
        return {key: restored(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(restored(item) for item in value)
    return value


def _word(value, most: int) -> str:
    return value[:most] if isinstance(value, str) else ""
