"""What answers of a quiz say: d′ and its interval, sessions exported as CSV, and a class counted together."""

import csv
import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

from gritlib.course import progress
from gritlib.studies.report import mean_interval
from gritlib.training.checkpoint import write_text

COLUMNS = ("session", "layout", "seconds", "trial", "method", "place", "real", "answer")
WORDS = {"beside": ("left", "right"), "in turn": ("first", "second")}
PEOPLE = 4  # sessions from which the spread between people is told
CONSENT = (
    "The file has a line for each scored trial: a random session number, which picture was shown where, and the "
    "answer. No name, no time, no address. Hand it on only if you want to; whoever collects such files asks first, "
    "says what they are for, and deletes them afterwards."
)
NOTE = (
    "d′ is 0 for guessing, 1 for 76 % right; the interval of 95 % takes answers as independent draws. With 40 answers "
    "it is more than one unit wide: one session cannot rank methods. Answers of one person resemble each other more "
    "than those of several: of four sessions or more the interval over people is given too, and is the one to believe."
)


class Score(NamedTuple):
    """Right answers, d′ with its 95 % interval over answers, and how many sessions they come from. Of four sessions or
    more, people_low and people_high are the interval over people, who differ; else they are None."""

    correct: int
    total: int
    d: float
    low: float
    high: float
    sessions: int = 1
    people_low: float | None = None
    people_high: float | None = None


def wilson(correct: int, total: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share.

    Raises:
        ValueError: a count outside of 0..total, no trial, or a level outside of (0, 1).
    """
    if not (0 <= correct <= total and total >= 1):
        raise ValueError(f"{correct} right of {total}: needed are one trial or more, and 0 to {total} right answers")
    if not 0 < level < 1:
        raise ValueError(f"level {level}: choose one between 0 and 1, such as 0.95")
    z, p = NormalDist().inv_cdf((1 + level) / 2), correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def sensitivity(share: float, total: int) -> float:
    """d′ = √2·Φ⁻¹(share right), with the share kept half an answer, 1/(2·total), away from 0 and 1."""
    half = 0.5 / total
    return math.sqrt(2) * NormalDist().inv_cdf(min(max(share, half), 1 - half))


def dprime_2afc(correct: int, total: int, level: float = 0.95) -> tuple[float, float, float]:
    """Sensitivity of somebody who picked the real picture of two in `correct` of `total` trials.

    0 is guessing, 1 is 76 % right. Not Z(hits) − Z(false alarms), the d′ of a yes-no task: here both pictures are seen
    at once, which makes the same eye √2 better. 40 trials reach no further than 3.17.

    Returns:
        d′, and the low and high end of Wilson's interval for the share, mapped in the same way. Source: Macmillan and
        Creelman 2005, chapter 7; the interval and the half answer at both ends are course decisions.

    Raises:
        ValueError: as `wilson`.
    """
    low, high = wilson(correct, total, level)
    return tuple(sensitivity(share, total) for share in (correct / total, low, high))


def home() -> Path:
    """Where this machine keeps sessions."""
    return progress.home() / "quiz"


def read(file: Path) -> dict | None:
    """A stored session; None for a file that is none."""
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        return stored if {"session", "seed", "settings", "trials"} <= set(stored) else None
    except (OSError, ValueError, TypeError):
        return None


def finished(stored: dict) -> bool:
    """Were all its trials answered?"""
    return len(stored["trials"]) == stored["settings"]["practice"] + stored["settings"]["scored"]


def count(rows: Iterable[dict]) -> dict[str, Score]:
    """Scores by method, in the order of their names.

    Args:
        rows: scored trials, each with session, method, real and answer.
    """
    right: dict[str, dict[str, list[bool]]] = {}
    for row in rows:
        right.setdefault(row["method"], {}).setdefault(row["session"], []).append(row["answer"] == row["real"])
    found = {}
    for method, sessions in sorted(right.items()):
        answers = [answer for own in sessions.values() for answer in own]
        score = Score(sum(answers), len(answers), *dprime_2afc(sum(answers), len(answers)), len(sessions))
        if len(sessions) >= PEOPLE:
            _, *ends = mean_interval([sum(own) / len(own) for own in sessions.values()])
            low, high = (sensitivity(share, len(answers)) for share in ends)
            score = score._replace(people_low=low, people_high=high)
        found[method] = score
    return found


def export(to: str | Path, consent: bool = False, sessions: Iterable[str | Path] | None = None) -> Path:
    """Write finished sessions of this machine as one CSV, scored trials alone.

    Args:
        to: a file in .csv. consent: True, from the person who answered, who has read `CONSENT`. sessions: their files;
            by default all finished ones.

    Raises:
        ValueError: no consent, another suffix, a file that is no session or not finished, or no session at all.
    """
    to = Path(to)
    if consent is not True:
        raise ValueError(f"consent={consent!r}: {CONSENT} To write it, say consent=True")
    if to.suffix.lower() != ".csv":
        raise ValueError(f"{to}: answers are exported as CSV, choose a name that ends in .csv")
    chosen = sorted(home().glob("*.json")) if sessions is None else [Path(file) for file in sessions]
    stored = {file: read(file) for file in chosen}
    if sessions is not None:
        for file, content in stored.items():
            if content is None or not finished(content):
                raise ValueError(f"{file} is {'no' if content is None else 'not a finished'} session of the quiz")
    kept = [content for content in stored.values() if content is not None and finished(content)]
    if not kept:
        raise ValueError(f"no finished session in {home()}: answer all trials of a quiz first")
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for content in kept:
        own = {"session": content["session"], **content["settings"]}
        writer.writerows(own | row for row in content["trials"] if row["phase"] == "scored")
    write_text(out.getvalue(), to)
    return to


def pool(files: Iterable[str | Path]) -> dict[str, Score]:
    """Count a class: scores by method over all sessions of some CSV files. A session that is in several files counts
    once.

    Raises:
        ValueError: no file, one that is no export of the quiz, an answer that the quiz does not know, or a session with
            two different answers to one trial.
    """
    rows: dict[tuple[str, str], dict] = {}
    for file in files:
        with open(file, encoding="utf-8-sig", newline="") as lines:  # a spreadsheet writes a mark at the beginning
            reader = csv.DictReader(lines)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise ValueError(
                    f"{file} has columns {reader.fieldnames}, an export of the quiz has {', '.join(COLUMNS)}"
                )
            for number, row in enumerate(reader, 2):
                words = WORDS.get(row["layout"], ())
                if row["real"] not in words or row["answer"] not in words:
                    seen = f"layout {row['layout']!r}, real {row['real']!r}, answer {row['answer']!r}"
                    raise ValueError(f"{file}, line {number}: {seen} is nothing that the quiz writes")
                key = row["session"], row["trial"]
                if rows.setdefault(key, row) != row:
                    raise ValueError(
                        f"{file}, line {number}: trial {key[1]} of session {key[0]} has another answer elsewhere"
                    )
    if not rows:
        raise ValueError("no answers: give one exported CSV file or more")
    return count(rows.values())


def table(scores: dict[str, Score]) -> str:
    """Scores as Markdown, with what the intervals say and do not say."""
    lines = [
        "| method | right | fooled (95 % interval) | d′ (95 % interval) | over people | sessions |",
        "|---" * 6 + "|",
    ]
    for method, s in scores.items():
        low, high = (1 - share for share in wilson(s.correct, s.total)[::-1])
        people = "–" if s.people_low is None else f"{s.people_low:.2f} to {s.people_high:.2f}"
        lines.append(
            f"| {method} | {s.correct} of {s.total} | {1 - s.correct / s.total:.0%} ({low:.0%} to {high:.0%}) | "
            f"{s.d:.2f} ({s.low:.2f} to {s.high:.2f}) | {people} | {s.sessions} |"
        )
    return "\n".join([*lines, "", NOTE])
