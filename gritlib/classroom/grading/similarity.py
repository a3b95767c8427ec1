"""Which answers of a class look alike, from the fingerprints that grading kept. Information, not a verdict: two people
who read the same page, worked together as they may, or had only one way to write it, look alike too.

A fingerprint is a set of hashes of short runs of a syntax tree without names, numbers and comments. What the hand-out,
the reference and the bank's right answers contain is taken out first, and what most of the class wrote alike.
"""

import inspect
import re
import statistics
import textwrap
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from gritlib.classroom.grading import extract, outline, safe, tables
from gritlib.classroom.grading.pages import name, page, rows
from gritlib.classroom.grading.record import Batch, Grade

LEAST = 0.8  # share from which on a pair is listed
SMALLEST = 20  # hashes that an answer must have of its own to be compared
CLASS = 6  # answers from which on what more than half of them share counts as common
BANK = re.compile(r"^# %% (\d\d\.\d+) right: ")
SAID = (
    "Information, not a verdict. Of two answers to an exercise it is counted how much of the shorter one's structure "
    "the other one has too; names, numbers and comments play no part. Parts that the hand-out, gritlib's own answer or "
    "the course's right answers have, and those that more than half of the class have, are not counted. People who "
    "worked together, read the same page or asked the same assistant look alike, and so do some who did not. Read both "
    "answers, and talk to both people, before you conclude anything."
)


@dataclass(frozen=True)
class Pair:
    """Two students' answers to one exercise: hashes that both have, of the shorter one's `smaller`."""

    id: str
    one: str
    two: str
    shared: int
    smaller: int

    @property
    def share(self) -> float:
        return self.shared / self.smaller


@dataclass(frozen=True)
class Compared:
    """An exercise: the pairs, and the students whose answers have too little of their own to be compared."""

    id: str
    pairs: list[Pair]
    short: list[str]


def compare(batch: Batch, grades: list[Grade], known: dict[str, set[int]]) -> list[Compared]:
    """All pairs of answers, exercise by exercise.

    Args:
        known: id -> hashes that say nothing, as `taught` gives them.
    """
    found = []
    answers: dict[str, dict[str, set[int]]] = {id: {} for id in sorted(batch.exercises)}
    for grade in sorted(grades, key=lambda grade: grade.student):
        for exercise in grade.exercises:
            if exercise.fingerprint and exercise.id in answers:
                answers[exercise.id][grade.student] = set(exercise.fingerprint) - known.get(exercise.id, set())
    for id, by_student in answers.items():
        common = widespread(list(by_student.values()))
        own = {student: hashes - common for student, hashes in by_student.items()}
        long = {student: hashes for student, hashes in own.items() if len(hashes) >= SMALLEST}
        pairs = [
            Pair(id, a, b, len(long[a] & long[b]), min(len(long[a]), len(long[b]))) for a, b in combinations(long, 2)
        ]
        found.append(Compared(id, pairs, [student for student in own if student not in long]))
    return found


def widespread(sets: list[set[int]]) -> set[int]:
    """Hashes that more than half of a class share; none in a small class, where two copies would be half of it."""
    if len(sets) < CLASS:
        return set()
    counts: dict[int, int] = {}
    for hashes in sets:
        for one in hashes:
            counts[one] = counts.get(one, 0) + 1
    return {one for one, count in counts.items() if 2 * count > len(sets)}


def fingerprint(text: str) -> set[int]:
    """Of a text, as the box makes it of an answer."""
    return set(outline.fingerprint(extract.units(extract.Cell(1, "", text))))


def taught(ids: list[str], root: str | Path) -> dict[str, set[int]]:
    """Id -> hashes of what everybody was given or could have written: the reference, and if `root` is the repository's,
    the cell handed out and the bank's right answers."""
    from gritlib.classroom import source, stub
    from gritlib.course import exercises

    root, found = Path(root), {}
    for id in ids:
        pieces = exercises.load(id).reference
        found[id] = set().union(*(fingerprint(textwrap.dedent(inspect.getsource(piece))) for piece in pieces))
    for number in sorted({id.split(".")[0] for id in ids}):
        bank = root / "tests" / "course" / "answers" / f"{number}.py"
        for section in re.split(r"^(?=# %%)", bank.read_text("utf-8"), flags=re.M) if bank.is_file() else ():
            match = BANK.match(section)
            if match and match[1] in found:
                found[match[1]] |= fingerprint(section)
        for path in (root / "solutions").glob(f"{number}_*.py"):
            for cell in source.read(path, exercises).cells:
                if cell.exercise and cell.exercise.id in found:
                    found[cell.exercise.id] |= fingerprint(cell.stub) | fingerprint(stub.solved(cell.text))
    return found


def similarity_csv(compared: list[Compared], least: float = LEAST) -> str:
    """Pairs from `least` on, the most alike first: exercise, one, two, share, shared, of."""
    listed = sorted(
        (p for c in compared for p in c.pairs if p.share >= least), key=lambda p: (-p.share, p.id, p.one, p.two)
    )
    body = [[p.id, p.one, p.two, round(p.share, 2), p.shared, p.smaller] for p in listed]
    return tables.table([["exercise", "one", "two", "share", "shared", "of"], *body])


def similarity_page(compared: list[Compared], least: float = LEAST) -> str:
    """Pairs of students with the exercises in which they look alike; and how alike answers are in each exercise."""
    together: dict[tuple[str, str], list[Pair]] = {}
    for pair in (pair for one in compared for pair in one.pairs if pair.share >= least):
        together.setdefault((pair.one, pair.two), []).append(pair)
    # Several exercises alike weigh more than one, then more hashes than fewer.
    order = sorted(together.items(), key=lambda item: (-len(item[1]), -sum(p.shared for p in item[1]), item[0]))
    listed = [
        [name(one), name(two), ", ".join(f"{p.id}: {100 * p.share:.0f} % ({p.shared} of {p.smaller})" for p in pairs)]
        for (one, two), pairs in order
    ]
    body = [f"<h1>Answers that look alike</h1>\n<p>{safe.markup(SAID, len(SAID))}</p>", "<h2>Pairs</h2>"]
    if listed:
        caption = f"From {100 * least:.0f} % on, most exercises first"
        body.append(
            rows(["One", "Two", "Exercises: share (hashes in common, of the shorter answer's)"], listed, caption)
        )
    else:
        body.append(f"<p>No two answers have {100 * least:.0f} % or more in common.</p>")
    usual = []
    for one in compared:
        shares = [pair.share for pair in one.pairs]
        numbers = (
            [f"{100 * number:.0f} %" for number in (statistics.median(shares), max(shares))] if shares else ["–"] * 2
        )
        usual.append([safe.markup(one.id), str(len(one.pairs)), *numbers, str(len(one.short))])
    head = ["Exercise", "Pairs", "Median share", "Largest", "Answers with too little of their own"]
    caption = f"How alike answers are: those with fewer than {SMALLEST} hashes of their own are not compared"
    body += ["<h2>Exercises</h2>", rows(head, usual, caption, (1, 2, 3, 4))]
    return page("Answers that look alike", "\n".join(body))
