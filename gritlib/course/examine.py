"""Runs a student's answer through the parts of an exercise and says what is right, what is not, and why.

Nothing is left changed: inputs are copies, the random state, threads and gradient mode are put back. An error in the
student's code is an outcome with its traceback; an endless loop is interrupted.
"""

import contextlib
import random
import signal
import threading
import time
import traceback
import zlib
from dataclasses import dataclass, field

import numpy as np
import torch

from gritlib.course import wire
from gritlib.course.compare import brief, difference, same
from gritlib.course.exercise import Exercise, Part, is_reference

SECONDS = 10.0  # for one call of a student's code
SLOW = 20.0  # times the reference, and more than SLOW_SECONDS
SLOW_SECONDS = 0.5


class OutOfTime(Exception):
    """Raised inside the student's code when its time is over."""


@dataclass
class Outcome:
    """What a call gave: values, or the exception it raised; and how it behaved."""

    values: dict | None = None
    error: BaseException | None = None
    conduct: str | None = None
    seconds: float = 0.0

    def like(self, other: "Outcome") -> bool:
        """The same values to rounding, or an error of the same kind."""
        if self.error or other.error:
            return type(self.error) is type(other.error)
        return same(self.values, other.values)


@dataclass
class Result:
    """One part's verdict: "right", "wrong" or "not attempted", with the words to print below it."""

    part: Part
    verdict: str
    lines: list[str] = field(default_factory=list)
    trace: str = ""
    slow: float = 0.0


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
        return "\n".join(line for r in self.results for line in r.lines)


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
    with untouched():
        for number, part in enumerate(exercise.parts):
            base = zlib.crc32(exercise.id.encode()) if seed is None else seed
            generator = torch.Generator().manual_seed(1000 * base + number)
            results.append(examine_part(exercise, part, answer, generator, seconds))
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
        wanted = observe(part, inputs, exercise.reference, seconds)
        if wanted.error:
            raise wanted.error  # a defect of ours, never the student's
        got = observe(part, inputs, answer, seconds)
        if isinstance(got.error, NotImplementedError):
            return Result(part, "not attempted")
        lines = verdict(exercise, part, inputs, got, wanted)
        if lines:
            crashed = got.error and not isinstance(got.error, OutOfTime)
            return Result(part, "wrong", lines, student_traceback(got.error) if crashed else "")
        if got.seconds > SLOW_SECONDS and got.seconds > SLOW * wanted.seconds:
            slow = max(slow, got.seconds / max(wanted.seconds, 1e-9))
    return Result(part, "right", slow=slow)


def verdict(exercise: Exercise, part: Part, inputs: dict, got: Outcome, wanted: Outcome) -> list[str]:
    """Lines about what is wrong; none if nothing is."""
    if isinstance(got.error, OutOfTime):
        return [str(got.error)]
    if got.error:
        lines = [f"your code raised {type(got.error).__name__}: {first_line(got.error)}"]
    elif got.conduct:
        return [got.conduct]
    elif part.judge:
        try:
            said = part.judge(inputs, got.values, wanted.values)
        except Exception as error:  # values of a kind the judge did not expect
            said = difference(got.values, wanted.values, part.rtol, part.atol) or f"unexpected values ({error})"
        lines = [said] if said else []
    else:
        said = difference(got.values, wanted.values, part.rtol, part.atol)
        lines = [said] if said else []
    if not lines:
        return []
    for mistake in exercise.mistakes:
        theirs = observe(part, inputs, exercise.wrong(mistake), SECONDS)
        if theirs.like(got) and not theirs.like(wanted):
            return [*lines, mistake.message]
    shown = [f"{name} = {brief(value)}" for name, value in inputs.items() if not isinstance(value, dict)]
    return ["for " + ", ".join(shown), *lines, *([part.advice] if part.advice else [])]


def observe(part: Part, inputs: dict, answer: tuple, seconds: float) -> Outcome:
    """Call the answer with a copy of the inputs, in a time limit, and note what it changed besides."""
    given = wire.copied(inputs)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    began = time.perf_counter()
    outcome = Outcome()
    try:
        with time_limit(seconds):
            outcome.values = part.call(given, *answer)
    except Exception as error:
        outcome.error = error
    outcome.seconds = time.perf_counter() - began
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tobytes()
    changed = [name for name in inputs if not same(inputs[name], given[name])]
    if changed:
        outcome.conduct = f"your code changes its input {changed[0]} in place: work on a copy"
    elif not torch.equal(before[0], after[0]) or before[1:] != after[1:]:
        outcome.conduct = "your code draws from the global random state: use the generator it is given"
    torch.set_rng_state(before[0])
    return outcome


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [""])[0]


def student_traceback(error: BaseException) -> str:
    """The traceback without gritlib's own frames at its top."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [i for i, frame in enumerate(frames) if "gritlib" in frame.filename and "course" in frame.filename]
    skip = own[-1] + 1 if own and own[-1] + 1 < len(frames) else 0
    lines = traceback.format_list(frames[skip:]) + traceback.format_exception_only(error)
    return "".join(lines)


@contextlib.contextmanager
def untouched():
    """Put the random states, the number of threads and the gradient mode back."""
    threads, grad = torch.get_num_threads(), torch.is_grad_enabled()
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    torch.set_num_threads(1)
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_grad_enabled(grad)
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])


@contextlib.contextmanager
def time_limit(seconds: float):
    """Interrupt what runs inside after some seconds.

    On POSIX, in the main thread, by a timer signal; elsewhere by the same interrupt that Ctrl-C sends. One call into
    compiled code that never returns to Python cannot be stopped.

    Raises:
        OutOfTime: in the code that is interrupted.
    """
    message = f"stopped after {seconds:g} s: is there a loop that does not end?"
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():

        def ring(signum, frame):
            raise OutOfTime(message)

        previous = signal.signal(signal.SIGALRM, ring)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        return

    import _thread

    rang = threading.Event()

    def interrupt():
        rang.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    except KeyboardInterrupt:
        if rang.is_set():
            raise OutOfTime(message) from None
        raise
    finally:
        timer.cancel()
