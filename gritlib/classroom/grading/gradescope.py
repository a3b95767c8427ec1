"""Grading on Gradescope: a zip that its autograder runs, and the results.json that it shows.

The zip carries a copy of the package, so the checks stay those of the day it was made, and needs nothing from this
repository's address. Gradescope's containers allow no namespaces: the level there is `user`, one container a
submission. The format is that of https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import json
import os
import secrets
import tempfile
import zipfile
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import gritlib
from gritlib.classroom.grading import safe, tables
from gritlib.classroom.grading.pages import VERDICTS
from gritlib.classroom.grading.record import GRADED, UNREADABLE, Batch, ExerciseGrade, Grade, read_batch, read_grades
from gritlib.course.lessons import LESSONS, get
from gritlib.training.checkpoint import write_text

SETTINGS = "autograder.json"
LEFT_OUT = ("__pycache__", "weights")  # folders of the package that no check reads
DAY = (2020, 1, 1, 0, 0, 0)  # of the files in the zip, so that the same content is the same zip
SETUP = """\
#!/usr/bin/env bash
# Runs once, as root, when Gradescope builds the image.
set -euo pipefail
apt-get update
apt-get install -y --no-install-recommends python3 python3-venv util-linux
python3 -m venv /opt/grading
/opt/grading/bin/pip install --no-cache-dir torch torchvision --index-url https://download.pytorch.org/whl/cpu
/opt/grading/bin/pip install --no-cache-dir -r /autograder/source/requirements.txt
chmod -R go-rwx /autograder/source
"""
# gritlib is not installed, only found by this process: student code runs with the same Python and must not find it.
RUN = """\
#!/usr/bin/env bash
# Runs for each submission, as root, in a container of its own.
set -euo pipefail
cd /autograder/source
PYTHONPATH=/autograder/source OMP_NUM_THREADS=1 exec /opt/grading/bin/python -c \\
  "from gritlib.classroom.grading.gradescope import run; run('/autograder')"
"""


def results(batch: Batch, grade: Grade) -> dict:
    """A grade as Gradescope's results.json: a test for each exercise, with the words that the student's page has.

    A notebook that was not graded has every test with 0 points and the reason above them.
    """
    by_id = {exercise.id: exercise for exercise in grade.exercises}
    asked = tables.exercises(batch, grade.lesson)
    tests = [_test(id, points, by_id.get(id)) for id, points in asked.items()]
    above = [*grade.notes] if grade.status == GRADED else [f"The notebook is {grade.status}.", *grade.notes]
    above.append(f"Graded with gritlib {grade.version}, sandbox level {grade.level}.")
    return {
        "output": "\n".join(line for text in above for line in safe.lines(text)),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }


def _test(id: str, points: float, exercise: ExerciseGrade | None) -> dict:
    earned = exercise.earned if exercise else 0.0
    title, said = (exercise.title, _words(exercise)) if exercise else (id, ["not graded"])
    return {
        "number": id,
        "name": safe.visible(title),
        "name_format": "text",
        "score": round(earned, 4),
        "max_score": round(points, 4),
        "status": "passed" if exercise and exercise.status == "right" else "failed",
        "output": "\n".join(said),
        "output_format": "text",
        "visibility": "visible",
    }


def _words(exercise: ExerciseGrade) -> list[str]:
    """An exercise as plain text, the same explanation once."""
    out, said = [line for note in exercise.notes for line in safe.lines(note)], set()
    for part in exercise.parts:
        right = part.verdict == "right"
        worth = f" ({tables.number(part.earned)} of {tables.number(part.points)})" if part.points else ""
        why = "" if right or part.verdict == "wrong" else f": {VERDICTS.get(part.verdict, part.verdict)}"
        out.append(f"{'✓' if right else '✗'} {safe.visible(part.name)}{worth}{why}")
        new = [] if right else [text for text in [*part.lines, part.mistake] if text and text not in said]
        out += [f"    {line}" for text in new for line in safe.lines(text)]
        said.update(new)
    failed = exercise.trace if exercise.status != "right" else ""
    return out + (["", *safe.lines(failed)] if failed else [])


def run(folder: str | Path) -> Path:
    """Grade the submission in Gradescope's folder and write results/results.json there.

    A failure of the grader itself raises, so that Gradescope reports it instead of a grade.
    """
    folder = Path(folder)
    source = folder / "source"
    for private in (source, folder / "submission", folder / "results"):
        private.chmod(0o700)  # student code runs as another user
    settings = json.loads((source / SETTINGS).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(dir=folder) as work:
        batch, grade = _graded(folder / "submission", Path(work), settings, source)
    path = folder / "results" / "results.json"
    write_text(json.dumps(results(batch, grade), indent=1) + "\n", path)
    return path


def _graded(submission: Path, work: Path, settings: dict, source: Path) -> tuple[Batch, Grade]:
    from gritlib.classroom.grading import grader, plan

    lesson = settings["lesson"]
    found, reason = the_notebook(submission, lesson)
    # Without a notebook an empty folder is graded, which tells what there was to earn.
    (work / "nothing").mkdir()
    asked = plan.Asked(found or work / "nothing", work / "graded", (lesson,), 1, seed=settings["seed"])
    points = source / settings["points"] if "points" in settings else None
    print(grader.report(replace(asked, cohort=settings["cohort"], points=points)))
    batch, grades = read_batch(work / "graded"), read_grades(work / "graded")
    of_lesson = [grade for grade in grades if grade.lesson == lesson]
    if of_lesson:
        return batch, of_lesson[0]
    others = "; ".join(note for grade in grades for note in grade.notes)
    said = reason or others or f"it is no notebook of lesson {lesson}"
    return batch, Grade("", "", lesson, UNREADABLE, notes=[said], version=batch.version, level=batch.level)


def the_notebook(submission: Path, lesson: str) -> tuple[Path | None, str]:
    """The one notebook to grade, or why there is none: the only one, or the only one named as the lesson is."""
    from gritlib.classroom.grading.submissions import lesson_of

    found = sorted(path for path in submission.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
    if len(found) > 1:
        names = {number: one.file for number, one in LESSONS.items()}
        found = [path for path in found if lesson_of(path.stem, names) == lesson] or found
    if len(found) == 1:
        return found[0], ""
    return None, f"{len(found) or 'no'} notebooks were handed in: hand in one, {LESSONS[lesson].file}.ipynb"


def autograder(
    out: str | Path,
    lesson: str,
    seed: int | None = None,
    cohort: str | None = None,
    points: Path | None = None,
    root: str | Path = ".",
) -> Path:
    """Write the zip for one lesson.

    Args:
        out: its path. lesson: number. seed: of the drawn inputs, by default a secret one, kept in the zip alone.
        cohort: key of the class. points: a file of adjusted points, as `grade` takes it.
        root: of the repository, for the lesson's notebooks, from which given cells are taken.

    Raises:
        ValueError: unknown lesson. FileNotFoundError: its notebooks, or the file of points, are not there.
    """
    about = get(lesson)
    settings = {"lesson": lesson, "seed": secrets.randbits(63) if seed is None else seed, "cohort": cohort}
    names = [f"{place}/{about.file}.ipynb" for place in ("notebooks", "solutions")]
    files = {name: _without_outputs(Path(root) / name) for name in names}
    if points is not None:
        settings["points"] = Path(points).name
        files[settings["points"]] = Path(points).read_bytes()
    package = Path(gritlib.__file__).parent
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package)
        if path.is_file() and path.suffix != ".png" and not set(LEFT_OUT) & set(inside.parts):
            files[f"gritlib/{inside.as_posix()}"] = path.read_bytes()
    texts = {"setup.sh": SETUP, "run_autograder": RUN, "requirements.txt": requirements()}
    files |= {name: text.encode() for name, text in texts.items()}
    files[SETTINGS] = json.dumps(settings, indent=1).encode()
    out = Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(files.items()):
                entry = zipfile.ZipInfo(name, DAY)
                entry.external_attr = (0o755 if name in texts and name != "requirements.txt" else 0o644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, data)
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def _without_outputs(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run this in the root of the repository")
    content = json.loads(path.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = []
    return json.dumps(content, indent=1).encode()


def requirements() -> str:
    """What the copy of the package needs."""
    return "".join(f"{line}\n" for line in metadata.requires("gritlib") or () if "extra ==" not in line)
