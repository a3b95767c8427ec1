"""The runner in the box: reads the notebook, then keeps torch loaded and forks for each exercise a process in which
student code runs.

Frames come in on one pipe and go out on another, which student code does not hold. Whatever it does to the runner or to
the box, it can only spoil its own student's grade: inputs come one exercise at a time, and right outcomes are not here.
"""

import contextlib
import ctypes
import gc
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from gritlib.classroom.grading import outline, served
from gritlib.classroom.grading.forks import Ended, Forks, Slow
from gritlib.classroom.grading.frames import DIED, END, HEAD, HEADER, OUTCOME, STOPPED, read, write

GRACE = 2.0  # seconds beyond a call's own time limit
READING = 30.0  # seconds for a whole notebook, and 5 for a cell
MOST_CRASHES = 20  # cells that no parser survives


def main(settings: dict) -> None:
    """Say what the notebook is, then answer jobs until the other side closes its pipe.

    Args:
        settings: sweep and scratch (see Forks), limits (resource -> number), frame and total (bytes of one outcome, and
            of all of an exercise).
    """
    out, nothing = os.dup(1), os.open(os.devnull, os.O_RDWR)
    for number in (1, 2):
        os.dup2(nothing, number)
    restrict(settings["limits"])
    forks = Forks(out, settings["sweep"], settings["frame"], settings["scratch"])
    data = read(sys.stdin.buffer) or b""
    about = look(forks, data)
    write(out, json.dumps(about).encode())
    if "unreadable" in about:
        return

    import torch

    from gritlib.classroom.grading import answering
    from gritlib.course import wire

    torch.set_num_threads(1)
    wire.unpack(wire.pack({"warm": torch.zeros(1)}))
    cells = outline.read_cells(data)
    served.serve({})
    gc.freeze()
    write(out, b"ready")
    while (frame := read(sys.stdin.buffer)) is not None:
        job = wire.unpack(frame) | {"cells": cells, "broken": about["broken"]}
        answering.warm((part["call"] for part in job["parts"]), cells)
        for said in answers(forks, job, partial(answering.answer, job), settings["total"]):
            write(out, said)


def restrict(limits: dict[str, int]) -> None:
    """Limits for everything that runs in the box, and no way to look into this process from those it starts."""
    import resource

    with contextlib.suppress(OSError):  # a machine short of memory ends what is in a box first
        Path("/proc/self/oom_score_adj").write_text("1000")
    for name, value in limits.items():
        with contextlib.suppress(ValueError, OSError, AttributeError):  # a system without this limit
            resource.setrlimit(getattr(resource, name), (value, value))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE


def look(forks: Forks, data: bytes) -> dict:
    """What a notebook says about itself. A cell that kills the parser costs only itself."""
    broken, ends = {}, time.monotonic() + READING
    for _ in range(MOST_CRASHES):
        at = 0
        try:
            for frame in forks.run(partial(outline.look, data, broken), READING / 6, ends):
                kind, at = HEADER.unpack_from(frame)
                if kind == END:
                    return json.loads(frame[HEADER.size :])
        except (Ended, Slow, ValueError):
            broken[at] = f"cell {at} cannot be read: the parser does not survive it"
            if not at:
                break
    return {"unreadable": "no reader of notebooks survives it"}


def answers(forks: Forks, job: dict, work, left: int):
    """Frames about the calls of the student's code, each part in a process that the part before did not end; at last
    an END.

    Args:
        work: (first part, seconds, send) -> None, for a forked process. left: bytes that it may send in all.
    """
    start, seconds, headed = 0, job["seconds"], False
    ends = time.monotonic() + job["total"]
    while start < len(job["parts"]):
        at = start
        try:
            for frame in forks.run(partial(work, start, seconds), seconds + GRACE, ends):
                kind, at = HEADER.unpack_from(frame)
                left -= len(frame)
                if kind == END:
                    start = len(job["parts"])
                    break
                if left < 0 or kind not in (HEAD, OUTCOME, STOPPED) or not start <= at < len(job["parts"]):
                    raise Ended("it returned too much")
                if kind == STOPPED:
                    seconds = min(seconds, job["seconds"] / 5)
                if kind != HEAD or not headed:
                    yield frame
                headed = headed or kind == HEAD
        except (Ended, Slow) as end:
            slow = isinstance(end, Slow)
            said = f"stopped after {seconds:g} s: is there a loop that does not end?" if slow else str(end)
            yield HEADER.pack(DIED, min(at, len(job["parts"]) - 1)) + json.dumps([slow, said]).encode()
            if not headed:  # the definitions themselves
                break
            start, seconds = max(start, min(at, len(job["parts"]))) + 1, min(seconds, job["seconds"] / 5)
    yield HEADER.pack(END, 0)
