"""A lesson's solved source as nbgrader takes it, for those whose server runs nbgrader. nbgrader itself is not needed.

What is lost: the checks run in the student's own kernel, which a student controls; their inputs are the public ones,
the same for everybody; variants of a class are not drawn; cells tagged "solution" are left out, because nbgrader hands
out every cell; and the whole notebook runs for each student, training included. `course grade` has none of these
limits.
"""

import ast
from pathlib import Path

from gritlib.classroom import assemble, builder, source, stub
from gritlib.training.checkpoint import write_text

SCHEMA = 3  # of nbgrader's cell metadata, since its version 0.6
SECONDS = 1800  # a cell of a lesson may train
CHECK = """\
# Graded by nbgrader: the last line is what the answer earns of {points:g} points.
from gritlib.course.examine import examine
from gritlib.course.exercises import load

_answer = ({names},)
{check}
float(examine(load("{id}"), *_answer).points)"""
CONFIG = """\
# nbgrader reads this file in the folder where its commands run.
import os

c = get_config()
c.CourseDirectory.course_id = "gritlib"
c.ExecutePreprocessor.timeout = {seconds}
os.environ.setdefault("GRITLIB_PRESET", "smoke")  # a few training steps: what is graded are the exercises
"""


def export(root: str | Path, out: str | Path, lessons: tuple[str, ...] = (), registry=None) -> list[Path]:
    """Write out/source/NN_name/NN_name.ipynb, nbgrader's folders, and out/nbgrader_config.py.

    Args:
        root: of the repository, with solutions/. lessons: numbers; none means all.
        registry: where exercises are looked up; by default `gritlib.course.exercises`.

    Returns:
        The files written. A configuration that is there stays as it is.

    Raises:
        source.SourceError: a source is refused; nothing was written. FileNotFoundError, ValueError: as `source.find`.
    """
    from nbformat import v4

    if registry is None:
        from gritlib.course import exercises as registry
    root, out = Path(root).resolve(), Path(out)
    repo = builder.repository(root)
    texts = {}
    for path in source.find(root, lessons):
        lesson = source.read(path, registry)
        target = out / "source" / lesson.name / f"{lesson.name}.ipynb"
        texts[target] = v4.writes(notebook(lesson, repo)) + "\n"
    config = out / "nbgrader_config.py"
    if not config.exists():
        texts[config] = CONFIG.format(seconds=SECONDS)
    for path, text in texts.items():
        write_text(text, path)
    return list(texts)


def notebook(lesson: source.Lesson, repo: str = ""):
    """The solved notebook with nbgrader's cells: an exercise is an answer cell, whose solution nbgrader takes out
    between the course's own markers, and a locked cell after it that earns its points.

    Args:
        repo: owner/name, for the installing cell.
    """
    from nbformat import v4

    made = assemble.solved(lesson, repo)
    written = dict(zip(assemble.ids(lesson), lesson.cells, strict=True))
    cells = []
    for node in made.cells:
        cell = written.get(node.id)
        if node.id == "badges" or (cell is not None and assemble.SOLUTION_ONLY in cell.tags):
            continue  # badges of this notebook lead to the solutions
        cells.append(node)
        if cell is not None and cell.exercise:
            node.source, check = divided(cell.text)
            node.metadata["nbgrader"] = metadata(node.id, solution=True)
            text = CHECK.format(
                points=cell.exercise.points, names=", ".join(cell.exercise.names), check=check, id=cell.exercise.id
            )
            id = node.id.replace("exercise-", "points-")
            graded = metadata(id, points=float(cell.exercise.points))
            cells.append(v4.new_code_cell(text, id=id, metadata={"nbgrader": graded}))
    made.cells = cells
    return made


def divided(text: str) -> tuple[str, str]:
    """The text of an exercise's cell without its check, markers kept, and the check."""
    body = stub.parse(text).body
    place = next(node for node in body if source.check_calls(ast.Module([node], [])))
    lines = text.splitlines()
    check = "\n".join(lines[place.lineno - 1 : place.end_lineno])
    rest = "\n".join(lines[: place.lineno - 1] + lines[place.end_lineno :])
    return rest.rstrip(), check


def metadata(id: str, solution: bool = False, points: float | None = None) -> dict:
    """nbgrader's metadata of an answer cell, or with points of a locked cell that earns them."""
    graded = points is not None
    found = {
        "grade": graded,
        "grade_id": id,
        "locked": graded,
        "schema_version": SCHEMA,
        "solution": solution,
        "task": False,
    }
    return found | {"cell_type": "code", "points": points} if graded else found | {"cell_type": "code"}
