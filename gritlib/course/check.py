"""What a student calls: `check` beside their answer, `predict` before a run, `claim` after one."""

import contextlib
import io
import os
import sys

from gritlib.course import progress, session
from gritlib.course.compare import brief
from gritlib.course.examine import Report, examine
from gritlib.course.exercises import load


class CheckFailed(AssertionError):
    """A check or claim that failed in strict mode."""


class FirstLetters(io.TextIOBase):
    """Passes on what is printed first: a print in an endless loop would fill the notebook."""

    def __init__(self, out, letters: int = 3000):
        self.out, self.left = out, letters

    def write(self, text: str) -> int:
        if self.left:
            self.out.write(text[: self.left])
            if len(text) > self.left:
                self.out.write("\n… what your code prints further is left out\n")
            self.left = max(0, self.left - len(text))
        return len(text)

    def flush(self) -> None:
        self.out.flush()


def strict_mode() -> bool:
    """Is GRITLIB_STRICT set? CI runs the solved lessons so."""
    return os.environ.get("GRITLIB_STRICT", "") not in ("", "0")


def check(id: str, *answer, strict: bool | None = None):
    """Check an exercise, say what is right and what is not, and hand back a piece that works.

    Args:
        id: "01.3". answer: what the exercise asks for: a function or class, or several in the order it names them.
        strict: raise when something is wrong, by default only under GRITLIB_STRICT. An untouched stub and gritlib's
            own version fail then, too: neither shows that the cell's answer is right.

    Returns:
        The student's own objects if all is right and not far too slow, else gritlib's, marked so that they never count;
        after an exercise that differs in the student's class, gritlib's public ones, which the lesson goes on with.

    Raises:
        ValueError: unknown exercise. TypeError: another number of objects. CheckFailed: in strict mode.
    """
    exercise = public = load(id)
    cohort = session._session.cohort if session._session is not None else None
    if cohort and exercise.variant:
        exercise = exercise.variant(cohort)
    with contextlib.redirect_stdout(FirstLetters(sys.stdout)):
        report = examine(exercise, *answer)
    print(describe(report))
    own = report.status == "right" and not report.slow
    if session._session is not None:
        session._session.yours[id] = own
    if report.status not in ("reference", "not attempted"):
        progress.record_points(id, report.points, exercise.points, cohort if exercise is not public else None)
    if (strict_mode() if strict is None else strict) and report.status != "right":
        raise CheckFailed(describe(report))
    if not own or exercise is not public:
        return public.handed_back()
    return answer[0] if len(answer) == 1 else answer


def describe(report: Report) -> str:
    """A report as a student reads it."""
    exercise, names = report.exercise, " and ".join(report.exercise.names)
    if report.status == "reference":
        return f"{exercise.title}: this is gritlib's version; run the cell that defines yours, then check it."
    if report.status == "not attempted":
        where = next((f" (the stub's raise in {r.where} is reached)" for r in report.results if r.where), "")
        return f"{exercise.title}: not attempted yet{where}. Until then the notebook uses gritlib's."
    lines = [f"{exercise.title}: {report.points:g} of {exercise.points:g} points"]
    said: set[str] = set()
    for result in report.results:
        part = result.part
        worth = f" ({part.points:g})" if part.points else ""
        lines.append(f"  {'✓' if result.verdict == 'right' else '✗'} {part.name}{worth}")
        if result.verdict == "not attempted":
            lines.append("      not written yet")
        # The same explanation for three parts helps once, and inputs say nothing without one.
        new = [text for text in result.lines if text not in said]
        if new:
            shown = [result.inputs] if result.inputs and result.inputs not in said else []
            lines += [f"      {text}" for text in [*shown, *new]]
        said.update([*result.lines, result.inputs])
    stopped = [result for result in report.results if result.stopped]
    traces = dict.fromkeys(result.trace for result in report.results if result.trace and result not in stopped[1:])
    for trace in traces:
        lines += ["", *(f"  | {text}" for text in trace.rstrip().splitlines())]
    if report.status != "right":
        lines.append(f"  Until it is right the notebook goes on with gritlib's {names}.")
    elif report.slow:
        lines.append(f"  Right, but {report.slow:.0f} times slower than gritlib's, which therefore trains below.")
    return "\n".join(lines)


def predict(id: str, guess: dict) -> None:
    """Keep a guess before a run; `reveal` shows it beside the result. Nobody grades it.

    Args:
        id: "01.a". guess: names and your values; None where you have no idea.
    """
    guess = {str(name): value for name, value in guess.items()}
    progress.record(session.current().lesson, "predictions", id, {"guess": guess})
    known = {name: value for name, value in guess.items() if value is not None}
    print(f"{id}: kept. " + (", ".join(f"{k}: {brief(v)}" for k, v in known.items()) or "No guess yet: that is fine."))


def reveal(id: str, result: dict) -> None:
    """Show what was measured beside what was guessed.

    Args:
        result: the same names as in `predict`, with the measured values.
    """
    lesson = session.current().lesson
    guess = progress.read(lesson)["predictions"].get(id, {}).get("guess", {})
    result = {str(name): value for name, value in result.items()}
    width = max(map(len, result), default=0)
    print(f"{'':{width}}  {'your guess':>12}  {'measured':>12}")
    for name, value in result.items():
        guessed = guess.get(name)
        print(f"{name:{width}}  {brief(guessed) if guessed is not None else '–':>12}  {brief(value):>12}")


def claim(
    id: str, sentence: str, value: float, low: float, high: float, must: bool = False, band: str = "the study's band"
) -> bool:
    """Say whether a claim shows on this run, beside the committed study's band.

    Args:
        id: "C5". value: measured here. low, high: the band within which the claim counts as shown.
        must: raise in strict mode; only for identities and for effects of five or more standard deviations over seeds.
        band: where the band comes from, in words.

    Returns:
        Was it shown?

    Raises:
        CheckFailed: not shown, `must`, and strict mode.
    """
    value = float(value)
    shown = bool(low <= value <= high)
    verdict = "shown" if shown else "not shown"
    print(f"{id}: {sentence}: {verdict} on this run ({value:.3g}; {band} is {low:.3g} to {high:.3g})")
    entry = {"sentence": sentence, "value": value, "low": low, "high": high, "shown": shown}
    progress.record(session.current().lesson, "claims", id, entry)
    if must and not shown and strict_mode():
        raise CheckFailed(f"{id}: {sentence}: {value:.4g} is outside {low:.4g} to {high:.4g}")
    return shown
