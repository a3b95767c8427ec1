"""Runs a student's answer through the parts of an exercise and says what is right, what is not, and why.

The answer is called where it lives: by `examine` in this process, by the grader in a box that sends the outcomes back.
"""

import contextlib
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

import torch

from gritlib.course.compare import brief, difference, first_line
from gritlib.course.exercise import Exercise, Part, is_reference
from gritlib.course.observe import Outcome, observe, untouched

SECONDS = 10.0  # for one call of a student's code
SLOW = 20.0  # times the reference, and more than SLOW_SECONDS
SLOW_SECONDS = 0.5


@dataclass
class Result:
    """One part's verdict: "right", "wrong" or "not attempted", with the words to print below it. `inputs` is a line
    that names the values, for these words; `mistake` that one of the words which names a known mistake."""

    part: Part
    verdict: str
    lines: list[str] = field(default_factory=list)
    trace: str = ""
    slow: float = 0.0
    stopped: bool = False
    inputs: str = ""
    where: str = ""
    mistake: str = ""


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
            ask = partial(observe, part, answer=answer, seconds=seconds)
            results.append(examine_part(exercise, part, drawn(part, generator), ask, seconds))
            if results[-1].stopped:  # nobody waits the full time for every part
                seconds = min(seconds, SECONDS / 5)
    return Report(exercise, overall({result.verdict for result in results}), results)


def overall(verdicts: set[str]) -> str:
    """An exercise's status from the verdicts about its parts."""
    if verdicts == {"right"}:
        return "right"
    if "right" in verdicts:
        return "partly"
    return "not attempted" if verdicts == {"not attempted"} else "wrong"


def drawn(part: Part, generator: torch.Generator) -> Iterator[dict]:
    """The inputs of a part, one draw after the other."""
    for _ in range(part.repeat):
        yield part.draw(generator)


def examine_part(
    exercise: Exercise, part: Part, draws: Iterable[dict], ask: Callable[[dict], Outcome], seconds: float = SECONDS
) -> Result:
    """The verdict about one part: right only if every draw is.

    Args:
        draws: inputs. ask: inputs -> what the answer made of them, here or in another process. seconds: for the
            reference, at least.
    """
    slow = 0.0
    for inputs in draws:
        wanted = observe(part, inputs, exercise.reference, max(seconds, SECONDS))
        if wanted.error:
            raise wanted.error  # a defect of ours, never the student's
        got = ask(inputs)
        failure = got.failure
        if failure and failure.unwritten:
            return Result(part, "not attempted", where=failure.where)
        lines, shown, mistake = verdict(exercise, part, inputs, got, wanted)
        if lines:
            trace, stopped = (failure.trace, failure.stopped) if failure else ("", False)
            return Result(part, "wrong", lines, trace, stopped=stopped, inputs=shown, mistake=mistake)
        if got.seconds > SLOW_SECONDS and got.seconds > SLOW * wanted.seconds:
            slow = max(slow, got.seconds / max(wanted.seconds, 1e-9))
    return Result(part, "right", slow=slow)


def verdict(exercise: Exercise, part: Part, inputs: dict, got: Outcome, wanted: Outcome) -> tuple[list[str], str, str]:
    """Lines about what is wrong, none if nothing is; the inputs in a line, where no other line says them; and the known
    mistake, the last of the lines, if it is one."""
    if got.failure:
        if got.failure.stopped:
            return [got.failure.line], "", ""
        lines = [f"your code raised {got.failure.name}: {got.failure.line}"]
    elif got.conduct:
        return [got.conduct], "", ""
    else:
        said = compared(part, inputs, got.values, wanted.values)
        lines = said.splitlines() if said else []
    if not lines:
        return [], "", ""
    for mistake in exercise.mistakes:
        theirs = observe(part, inputs, exercise.wrong(mistake), SECONDS)
        if theirs.like(got) and not theirs.like(wanted):
            return [*lines, mistake.message], "", mistake.message
    advice = "" if got.failure else part.advice
    if part.judge and not got.failure:  # a judge says itself what it looked at
        return [*lines, *filter(None, [advice])], "", ""
    shown = [f"{name} = {brief(value)}" for name, value in inputs.items() if not isinstance(value, dict)]
    return [*lines, *filter(None, [advice])], "for " + ", ".join(shown) if shown else "", ""


def compared(part: Part, inputs: dict, got: dict, wanted: dict) -> str | None:
    """What the judge says, or the difference; never an error, whatever a student's code returned."""
    try:
        return part.judge(inputs, got, wanted) if part.judge else difference(got, wanted, part.rtol, part.atol)
    except Exception as error:  # values of a kind that was not expected
        unexpected = f"got {brief(got)}, of which nothing could be made ({type(error).__name__}: {first_line(error)})"
    with contextlib.suppress(Exception):
        return difference(got, wanted, part.rtol, part.atol) or unexpected
    return unexpected
