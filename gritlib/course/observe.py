"""Calls a student's answer and notes what came of it: in the notebook's kernel for `check`, in a box for the grader.

Nothing is left changed: inputs are copies; the random state, threads, default dtype and device and the gradient mode
are put back after every call. An error in the student's code is an outcome with its traceback; an endless loop is
interrupted.
"""

import _thread
import contextlib
import ctypes
import random
import signal
import sys
import threading
import time
from dataclasses import dataclass

import numpy as np
import torch

from gritlib.course import wire
from gritlib.course.compare import first_line, same, student_traceback, unwritten

AGAIN = 0.05  # seconds between interrupts of code that goes on all the same


class OutOfTime(BaseException):
    """Raised inside the student's code when its time is over; no Exception, so that `except Exception` lets it pass."""


@dataclass
class Failure:
    """What is said of an exception. Plain data, as it also comes out of a box.

    Args:
        kind: the class, as module and name. line: the first of its message. trace: where it was raised, without
            gritlib's frames. where: the method that raised, such as forward; empty for a plain function.
        unwritten: is it a stub's? stopped: was the time over?
    """

    kind: str
    line: str
    trace: str = ""
    where: str = ""
    unwritten: bool = False
    stopped: bool = False

    @property
    def name(self) -> str:
        return self.kind.rpartition(".")[2]


@dataclass
class Outcome:
    """What a call gave: values, or how it failed (and, in the same process, with what); and how it behaved."""

    values: dict | None = None
    error: BaseException | None = None
    conduct: str | None = None
    seconds: float = 0.0
    failure: Failure | None = None

    def like(self, other: "Outcome") -> bool:
        """The same values to rounding, or the same error: every wrong shape raises some RuntimeError."""
        if self.failure and other.failure:
            return (self.failure.kind, self.failure.line) == (other.failure.kind, other.failure.line)
        return not self.failure and not other.failure and same(self.values, other.values)


def failed(error: BaseException, call) -> Failure:
    """What is to be said of an exception that `call` raised."""
    kind, stopped = type(error), isinstance(error, OutOfTime)
    line = str(error) if stopped else first_line(error)
    trace = student_traceback(error, call)
    return Failure(f"{kind.__module__}.{kind.__name__}", line, trace, raised_in(error), unwritten(error), stopped)


def raised_in(error: BaseException) -> str:
    """The method that raised, as __init__ or forward; empty for a plain function, whose name the exercise says."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return last.tb_frame.f_code.co_name if last and "self" in last.tb_frame.f_locals else ""


def observe(part, inputs: dict, answer: tuple, seconds: float) -> Outcome:
    """Call the answer with a copy of the inputs, in a time limit, and note what it changed besides.

    Args:
        part: has `call`, as `exercise.Part`.
    """
    given, outcome = wire.copied(inputs), Outcome()
    with untouched():
        before, began = random_states(), time.perf_counter()
        try:
            outcome.values = within(seconds, part.call, given, *answer)
        except KeyboardInterrupt:  # the student's Ctrl-C
            raise
        except BaseException as error:  # also sys.exit()
            if isinstance(error, OutOfTime):
                error.args = (f"stopped after {seconds:g} s: is there a loop that does not end?",)
            outcome.error, outcome.failure = error, failed(error, part.call)
        outcome.seconds, after = time.perf_counter() - began, random_states()
    changed = [name for name in inputs if not same(inputs[name], given.get(name))]
    if changed:
        outcome.conduct = f"your code changes its input {changed[0]} in place: work on a copy"
    elif not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        outcome.conduct = (
            "your code draws from the global random state: use the generator it is given, or where none is, one of its "
            "own, torch.Generator().manual_seed(0)"
        )
    return outcome


def random_states() -> list:
    """Torch's, Python's and numpy's global random states, as they can be compared."""
    _, keys, *rest = np.random.get_state()
    return [torch.get_rng_state().numpy(), random.getstate()[1], random.getstate()[2] or 0.0, keys, rest]


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


@contextlib.contextmanager
def untouched():
    """One thread, gradients, float32 and the CPU inside; afterwards all these and the random states as before."""
    threads, dtype, device = torch.get_num_threads(), torch.get_default_dtype(), torch.get_default_device()
    strict = _deterministic()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    gpus = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    here = contextlib.nullcontext() if device.type == "cpu" else torch.device("cpu")
    try:
        with here, torch.inference_mode(False):  # on leaving also puts the gradient mode back
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device if device.type != "cpu" else None)
        if _deterministic() != strict:  # setting it takes torch seconds the first time
            torch.use_deterministic_algorithms(strict[0], warn_only=strict[1])
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])
        if gpus:
            torch.cuda.set_rng_state_all(gpus)


def within(seconds: float, function, *arguments):
    """Call a function, but interrupt it after some seconds, and again until it stops.

    In the main thread by a timer signal, on Windows by the same interrupt that Ctrl-C sends; in another thread by an
    asynchronous exception. One call into compiled code that never returns to Python cannot be stopped.

    Raises:
        OutOfTime: in the code that is interrupted.
    """
    main = threading.current_thread() is threading.main_thread()
    posix, thread = main and hasattr(signal, "setitimer"), ctypes.c_ulong(threading.get_ident())
    over, rang, rings, done, tracing = False, posix, 0, threading.Event(), sys.gettrace()

    def trace(frame, event, argument):
        if event == "line" and not over:
            raise OutOfTime
        return trace

    def ring(number, frame):
        nonlocal rings
        if over:
            return
        if not rang:  # Ctrl-C itself
            raise KeyboardInterrupt
        rings += 1
        if rings > 1:  # The first was swallowed by an `except:`, so stop also at the lines inside it.
            sys.settrace(trace)
            while frame and frame.f_code is not within.__code__:
                frame.f_trace, frame = trace, frame.f_back
        raise OutOfTime

    def watch():
        nonlocal rang
        pause = seconds
        while not done.wait(pause) and not over:
            pause, rang = AGAIN, True
            if main:
                _thread.interrupt_main()
            else:
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(OutOfTime))

    number, watcher = signal.SIGALRM if posix else signal.SIGINT, threading.Thread(target=watch, daemon=True)
    handler = signal.signal(number, ring) if main else None
    timer = signal.getitimer(signal.ITIMER_REAL) if posix else None
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN) if posix else watcher.start()
        return function(*arguments)
    finally:
        over = True
        if posix:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            done.set()
            watcher.join()
        if rings > 1:
            sys.settrace(tracing)
        if main:
            signal.signal(number, handler or signal.SIG_DFL)
        if posix:
            signal.setitimer(signal.ITIMER_REAL, *timer)
