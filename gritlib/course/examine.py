"""Runs a student's answer through the parts of an exercise and says what is right, what is not, and why.

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
import warnings
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch

from gritlib.course import wire
from gritlib.course.compare import brief, difference, first_line, same, student_traceback, unwritten
from gritlib.course.exercise import Exercise, Part, is_reference

SECONDS = 10.0  # for one call of a student's code
AGAIN = 0.05  # between interrupts of code that goes on all the same
SLOW = 20.0  # times the reference, and more than SLOW_SECONDS
SLOW_SECONDS = 0.5


class OutOfTime(BaseException):
    """Raised inside the student's code when its time is over; no Exception, so that `except Exception` lets it pass."""


@dataclass
class Outcome:
    """What a call gave: values, or the exception it raised; and how it behaved."""

    values: dict | None = None
    error: BaseException | None = None
    conduct: str | None = None
    seconds: float = 0.0

    def like(self, other: "Outcome") -> bool:
        """The same values to rounding, or the same error: every wrong shape raises some RuntimeError."""
        if self.error or other.error:
            return type(self.error) is type(other.error) and first_line(self.error) == first_line(other.error)
        return same(self.values, other.values)


@dataclass
class Result:
    """One part's verdict: "right", "wrong" or "not attempted", with the words to print below it. `inputs` is a line
    that names the values, for these words."""

    part: Part
    verdict: str
    lines: list[str] = field(default_factory=list)
    trace: str = ""
    slow: float = 0.0
    stopped: bool = False
    inputs: str = ""
    where: str = ""


@dataclass
class Report:
    """An exercise's verdict: "right", "partly", "wrong", "not attempted", or "reference" when gritlib's own object
    came back."""

    exercise: Exercise
    status: str
    results: list[Result] = field(default_factory=list)

    @property
    def points(self) -> float:
        return sum(r.part.points for r in self.results if r.verdict == "right")

    @property
    def slow(self) -> float:
        return max((r.slow for r in self.results), default=0.0)

    @property
    def message(self) -> str:
        """Every line said about what is wrong, without tracebacks."""
        return "\n".join(line for r in self.results for line in [*filter(None, [r.inputs]), *r.lines])


def examine(exercise: Exercise, *answer, seed: int | None = None, seconds: float = SECONDS) -> Report:
    """Check an answer; never raises because of what is wrong with it.

    Args:
        answer: the objects the exercise names. seed: of the drawn inputs; by default one that belongs to the exercise.
        seconds: time limit of one call.

    Raises:
        TypeError: another number of objects than the exercise asks for.
    """
    if len(answer) != len(exercise.names):
        asked = ", ".join(exercise.names)
        raise TypeError(
            f'check("{exercise.id}", {asked}) takes {len(exercise.names)} objects, {len(answer)} were given'
        )
    if any(map(is_reference, answer)):
        return Report(exercise, "reference")
    results = []
    with untouched(), warnings.catch_warnings():
        for number, part in enumerate(exercise.parts):
            base = zlib.crc32(exercise.id.encode()) if seed is None else seed
            generator = torch.Generator().manual_seed(1000 * base + number)
            results.append(examine_part(exercise, part, answer, generator, seconds))
            if results[-1].stopped:  # nobody waits the full time for every part
                seconds = min(seconds, SECONDS / 5)
    verdicts = {result.verdict for result in results}
    if verdicts == {"right"}:
        status = "right"
    elif "right" in verdicts:
        status = "partly"
    else:
        status = "not attempted" if verdicts == {"not attempted"} else "wrong"
    return Report(exercise, status, results)


def examine_part(exercise: Exercise, part: Part, answer: tuple, generator: torch.Generator, seconds: float) -> Result:
    """The verdict about one part: right only if every draw is."""
    slow = 0.0
    for _ in range(part.repeat):
        inputs = part.draw(generator)
        wanted = observe(part, inputs, exercise.reference, max(seconds, SECONDS))
        if wanted.error:
            raise wanted.error  # a defect of ours, never the student's
        got = observe(part, inputs, answer, seconds)
        if unwritten(got.error):
            return Result(part, "not attempted", where=raised_in(got.error))
        lines, shown = verdict(exercise, part, inputs, got, wanted)
        if lines:
            trace = student_traceback(got.error, part.call) if got.error else ""
            return Result(part, "wrong", lines, trace, stopped=isinstance(got.error, OutOfTime), inputs=shown)
        if got.seconds > SLOW_SECONDS and got.seconds > SLOW * wanted.seconds:
            slow = max(slow, got.seconds / max(wanted.seconds, 1e-9))
    return Result(part, "right", slow=slow)


def raised_in(error: BaseException) -> str:
    """The method that raised, as __init__ or forward; empty for a plain function, whose name the exercise says."""
    last = error.__traceback__
    while last and last.tb_next:
        last = last.tb_next
    return last.tb_frame.f_code.co_name if last and "self" in last.tb_frame.f_locals else ""


def verdict(exercise: Exercise, part: Part, inputs: dict, got: Outcome, wanted: Outcome) -> tuple[list[str], str]:
    """Lines about what is wrong, none if nothing is; and the inputs in a line, where no other line says them."""
    if isinstance(got.error, OutOfTime):
        return [str(got.error)], ""
    if got.error:
        lines = [f"your code raised {type(got.error).__name__}: {first_line(got.error)}"]
    elif got.conduct:
        return [got.conduct], ""
    else:
        said = compared(part, inputs, got.values, wanted.values)
        lines = said.splitlines() if said else []
    if not lines:
        return [], ""
    for mistake in exercise.mistakes:
        theirs = observe(part, inputs, exercise.wrong(mistake), SECONDS)
        if theirs.like(got) and not theirs.like(wanted):
            return [*lines, mistake.message], ""
    if part.judge and not got.error:  # a judge says itself what it looked at
        return [*lines, *filter(None, [part.advice])], ""
    shown = [f"{name} = {brief(value)}" for name, value in inputs.items() if not isinstance(value, dict)]
    advice = "" if got.error else part.advice
    return [*lines, *filter(None, [advice])], "for " + ", ".join(shown) if shown else ""


def compared(part: Part, inputs: dict, got: dict, wanted: dict) -> str | None:
    """What the judge says, or the difference; never an error, whatever a student's code returned."""
    try:
        return part.judge(inputs, got, wanted) if part.judge else difference(got, wanted, part.rtol, part.atol)
    except Exception as error:  # values of a kind that was not expected
        unexpected = f"got {brief(got)}, of which nothing could be made ({type(error).__name__}: {first_line(error)})"
    with contextlib.suppress(Exception):
        return difference(got, wanted, part.rtol, part.atol) or unexpected
    return unexpected


def observe(part: Part, inputs: dict, answer: tuple, seconds: float) -> Outcome:
    """Call the answer with a copy of the inputs, in a time limit, and note what it changed besides."""
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
            outcome.error = error
        outcome.seconds, after = time.perf_counter() - began, random_states()
    changed = [name for name in inputs if not same(inputs[name], given.get(name))]
    if changed:
        outcome.conduct = f"your code changes its input {changed[0]} in place: work on a copy"
    elif not all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        outcome.conduct = "your code draws from the global random state: use the generator it is given"
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
