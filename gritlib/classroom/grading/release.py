"""What a term's checks are: hashes of them, so that a class is graded to its end by the checks it began with."""

import hashlib
import inspect
import json
import sys
from pathlib import Path

import gritlib
from gritlib.course import exercises
from gritlib.course.exercise import Exercise
from gritlib.training.checkpoint import write_text


def checks(exercise: Exercise) -> str:
    """Hash of what decides about an exercise: the texts of its modules; names, points and tolerances of its parts."""
    digest = hashlib.sha256()
    for part in exercise.parts:
        digest.update(repr((part.name, part.points, part.rtol, part.atol, part.repeat)).encode())
    pieces = [piece for part in exercise.parts for piece in (part.draw, part.call, part.judge)]
    modules = {piece.__module__ for piece in (*pieces, *exercise.reference) if piece is not None}
    for name in sorted(name for name in modules if name.startswith(exercises.__name__)):
        digest.update(inspect.getsource(sys.modules[name]).encode())
    return digest.hexdigest()[:16]


def write(term: str, folder: Path = Path()) -> Path:
    """Write TERM.release.json with the hash of every exercise's checks."""
    path = Path(folder) / f"{term}.release.json"
    found = {ex.id: checks(ex) for number in exercises.LESSONS for ex in exercises.lesson(number)}
    content = {"term": term, "version": gritlib.__version__, "checks": found}
    write_text(json.dumps(content, indent=1) + "\n", path)
    return path


def verify(path: Path, asked: list[Exercise]) -> None:
    """Refuse checks that are not those of a release.

    Raises:
        ValueError: a check that changed, or is not in the release; or the file is none.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        released, version, term = content["checks"], content["version"], content["term"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no release: write one with `python -m gritlib course release TERM`") from error
    for exercise in asked:
        if released.get(exercise.id) != checks(exercise):
            what = "changed since" if exercise.id in released else "are not part of"
            raise ValueError(
                f"the checks of exercise {exercise.id} {what} release {term} (gritlib {version}; here is "
                f"{gritlib.__version__}): install that version to grade this term, or, if the change is meant, write a "
                f"new release and grade {exercise.id} again for all with --regrade {exercise.id}"
            )
