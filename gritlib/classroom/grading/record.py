"""What grading leaves behind: a grade for each notebook, as JSON that tables, pages and the next run read.

`DIR/batch.json` says what was graded and how; `DIR/records/STUDENT/LESSON.json` holds one grade. Only the seed is
secret, and it stands in batch.json alone. Words come from students' notebooks and file names: whoever shows them must
escape them.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gritlib.classroom.grading.safe import file_name

SCHEMA = 1
# of a part: right; another outcome; the stub's raise was reached; no definition; stopped after its time; the process
# ended, by a crash or a call that leaves Python; refused because the answer imports gritlib
VERDICTS = ("right", "wrong", "not attempted", "missing", "stopped", "broken", "refused")
STATUSES = ("right", "partly", "wrong", "not attempted", "missing")  # of an exercise
GRADED, UNREADABLE, MISSING = "graded", "unreadable", "missing"  # of a notebook


@dataclass
class PartGrade:
    """One property: `points` is what it is worth, `earned` what was given. `lines` say for which inputs, what came and
    what was wanted; `mistake` is the message of the known mistake that was recognised, or empty."""

    name: str
    points: float
    earned: float
    verdict: str
    lines: list[str] = field(default_factory=list)
    mistake: str = ""


@dataclass
class ExerciseGrade:
    """One exercise. `notes` are about the whole answer: a duplicate, a missing name, a refused import. `trace`: of the
    first exception. `fingerprint`: sorted hashes of pieces of the answer's syntax tree, without names and numbers.
    `checks`: hash of the checks that graded it. `seconds`: how long the box took."""

    id: str
    title: str
    points: float
    earned: float
    status: str
    parts: list[PartGrade] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fingerprint: list[int] = field(default_factory=list)
    seconds: float = 0.0
    checks: str = ""
    trace: str = ""

    def worth(self, points: float) -> "ExerciseGrade":
        """The same grade with other points for the exercise; its parts keep their shares."""
        scale = points / self.points if self.points else 0.0
        parts = [PartGrade(**{**asdict(p), "points": p.points * scale, "earned": p.earned * scale}) for p in self.parts]
        return ExerciseGrade(**{**self.__dict__, "points": points, "earned": self.earned * scale, "parts": parts})


@dataclass
class Grade:
    """One notebook of one student.

    Args:
        student: as the file or folder names them. file: path inside the submissions, or "" if there is none.
        status: "graded"; "unreadable", with the reason in notes; "missing". version, cohort: of gritlib, and of the
            class that it was graded for. level: of the sandbox. seed: a hash of the secret seed, which stands in
            batch.json alone.
        modified: ISO time of the file. late: after the deadline. digest: of the file's bytes. graded: ISO time of this
            record, which a resumed run keeps.
    """

    student: str
    file: str
    lesson: str
    status: str = GRADED
    exercises: list[ExerciseGrade] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    version: str = ""
    cohort: str = ""
    level: str = ""
    seed: str = ""
    modified: str = ""
    late: bool = False
    seconds: float = 0.0
    digest: str = ""
    graded: str = ""

    @property
    def earned(self) -> float:
        return sum(exercise.earned for exercise in self.exercises)

    @property
    def points(self) -> float:
        return sum(exercise.points for exercise in self.exercises)


@dataclass
class Batch:
    """What a grading run was asked for. `seed` is secret: who knows it knows the inputs. `exercises`: id -> points,
    also adjusted ones. `students`: of the class list, if there is one. `unprotected`: what the level means."""

    lessons: list[str]
    seed: int
    level: str
    version: str
    exercises: dict[str, float]
    cohort: str = ""
    students: list[str] = field(default_factory=list)
    unprotected: str = ""
    deadline: str = ""
    release: str = ""


def record_path(out: Path, student: str, lesson: str) -> Path:
    """Where the grade of this student's lesson stands; `lesson` may be empty when nobody could say which one it is."""
    return Path(out) / "records" / file_name(student) / f"{lesson or 'unknown'}.json"


def write_grade(grade: Grade, out: Path) -> Path:
    """Write one record, under a temporary name first."""
    path = record_path(out, grade.student, grade.lesson)
    write_json({"schema": SCHEMA, **asdict(grade)}, path)
    return path


def read_grade(path: Path) -> Grade:
    """A grade from its file.

    Raises:
        ValueError: no record of this version.
    """
    content = _content(path)
    exercises = [
        ExerciseGrade(**{**exercise, "parts": [PartGrade(**part) for part in exercise["parts"]]})
        for exercise in content.pop("exercises")
    ]
    return Grade(**content, exercises=exercises)


def read_grades(out: Path) -> list[Grade]:
    """All grades in a folder, sorted by student and lesson."""
    found = [read_grade(path) for path in sorted((Path(out) / "records").glob("*/*.json"))]
    return sorted(found, key=lambda grade: (grade.student, grade.lesson))


def write_batch(batch: Batch, out: Path) -> None:
    write_json({"schema": SCHEMA, **asdict(batch)}, Path(out) / "batch.json")


def read_batch(out: Path) -> Batch:
    """What the folder was graded with.

    Raises:
        ValueError: no batch.json of this version. FileNotFoundError: none at all.
    """
    return Batch(**_content(Path(out) / "batch.json"))


def write_json(content: dict, path: Path) -> None:
    """Readable by the owner alone; complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    temporary.touch(mode=0o600)
    temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _content(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("schema")
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{path} is no record of a grading run: {error}") from None
    if version != SCHEMA:
        raise ValueError(f"{path} has version {version}, this gritlib reads {SCHEMA}: grade into a new folder")
    return content
