"""What a forked process in the box does: load an answer and hand it inputs. Student code runs in here, so nothing that
comes out is believed; it is compared.
"""

import linecache
import signal
import sys
from collections.abc import Iterable
from dataclasses import asdict
from types import ModuleType, SimpleNamespace

import torch

from gritlib.classroom.grading import extract, outline, served
from gritlib.classroom.grading.frames import CLOCK, END, HEAD, HEADER, OUTCOME, STOPPED
from gritlib.course import wire
from gritlib.course.compare import brief
from gritlib.course.observe import Failure, Outcome, OutOfTime, observe

ODD = "a value of another kind"  # stands for what cannot be sent, with its description
MODULE = "notebook"


def answer(job: dict, start: int, seconds: float, send) -> None:
    """Send what is said of the definitions; then, part by part from number `start`, what each call gave.

    Args:
        job: names, cells, broken, given (the course's cells), masked, needs (module -> text), allowed
            (names in them), parts (call, function and
            draws of inputs each). seconds: for a call, and for loading.
    """
    names, broken = tuple(job["names"]), {int(number) for number in job["broken"]}
    given = [extract.Cell(0, cell["id"], cell["text"]) for cell in job["given"]]
    document = extract.Document(job["cells"], broken, given, set(job["masked"]))
    missing = [name for name in names if not any(name in unit.binds for unit in document.theirs)]
    found = [] if missing else document.answer(names)
    head = {
        "missing": missing,
        "refused": extract.forbidden(found, tuple(job["allowed"])),
        "notes": outline.notes(document, names, job["cells"], job["broken"]),
        "fingerprint": outline.fingerprint(found),
    }
    job["given"] = document = None  # student code runs from here on
    send(HEADER.pack(HEAD, start) + wire.pack(head))
    if missing or head["refused"]:
        send(HEADER.pack(END, 0))
        return
    served.serve(job["needs"])
    pieces, broke = loaded(found, names, seconds)
    for number, part in enumerate(job["parts"][start:], start):
        call = compiled(part)
        for inputs in part["draws"]:
            outcome = broke or timed(call, inputs, pieces, seconds)
            stopped = outcome.failure is not None and outcome.failure.stopped
            send(HEADER.pack(STOPPED if stopped else OUTCOME, number) + packed(outcome))
            if stopped:  # nobody waits the full time for every part
                seconds = min(seconds, job["seconds"] / 5)
            if stopped or broke:
                break
    send(HEADER.pack(END, 0))


def timed(call, inputs: dict, pieces: tuple, seconds: float) -> Outcome:
    """As `observe`, with a limit on the time that the processor spends on the call, and a longer one on the clock:
    what else the machine does is no fault of the student's."""
    said = f"stopped after {seconds:g} s: is there a loop that does not end?"

    def ring(number, frame):
        raise OutOfTime(said)

    signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        outcome = observe(SimpleNamespace(call=call), inputs, pieces, CLOCK * seconds)
    except OutOfTime:  # it rang when the call was over
        outcome = Outcome(failure=Failure("", said, stopped=True))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    if outcome.failure and outcome.failure.stopped and outcome.seconds < CLOCK * seconds:
        outcome.failure.line = said
    return outcome


def warm(calls: Iterable[str], cells: Iterable[extract.Cell] = ()) -> None:
    """Import what takes seconds before it would count as a call's time: torch's compiler, which its optimisers import
    by themselves, and scipy."""
    if any("torch.optim" in call for call in calls):
        import torch._dynamo  # noqa: F401
    if any("scipy" in cell.text for cell in cells):
        import scipy.linalg
        import scipy.optimize
        import scipy.stats  # noqa: F401


def loaded(found: list[extract.Unit], names: tuple[str, ...], seconds: float) -> tuple[tuple, Outcome | None]:
    """The objects of these names after the definitions have run, or how that failed."""
    module = sys.modules[MODULE] = ModuleType(MODULE)

    def run(inputs):
        for unit in found:
            file = unit.cell.place
            text = unit.cell.text
            linecache.cache[file] = (len(text), None, text.splitlines(True), file)
            tree = extract.ast.Module([unit.node], [])
            exec(compile(tree, file, "exec", extract.COMPILE_FLAGS, True), module.__dict__)
        return tuple(module.__dict__[name] for name in names)

    outcome = timed(run, {}, (), seconds)
    return (outcome.values, None) if outcome.failure is None else ((), outcome)


def compiled(part: dict):
    """The function `call` of a part, from its text."""
    space = {"torch": torch}
    exec(compile(part["call"], "call", "exec"), space)
    return space[part["function"]]


def packed(outcome: Outcome) -> bytes:
    """An outcome as bytes; what cannot be sent is described."""
    told = {"conduct": outcome.conduct, "seconds": outcome.seconds, "failure": None, "values": None}
    if outcome.failure:
        told["failure"] = asdict(outcome.failure)
        return wire.pack(told)
    try:
        return wire.pack({**told, "values": outcome.values})
    except (TypeError, ValueError, RuntimeError):
        return wire.pack({**told, "values": sendable(outcome.values)})


def sendable(value, depth: int = 0):
    """Plain data as it is, with a description in the place of anything else."""
    if isinstance(value, dict) and depth < 50 and all(type(key) is str for key in value):
        return {key: sendable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and depth < 50:
        items = [sendable(item, depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    try:
        wire.pack(value)
        return value
    except (TypeError, ValueError, RuntimeError):
        return {ODD: brief(value)}
