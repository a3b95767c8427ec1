"""Builds the notebooks of all lessons from their sources, and says which ones on disk are not what the sources make.

Everything is made in memory first, so a source that is refused changes nothing; files are written to a temporary name
and renamed.
"""

import re
import sys
from pathlib import Path

from gritlib.classroom import assemble, execute, source
from gritlib.classroom.compare import differences
from gritlib.training.checkpoint import write_text

ADDRESS = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?/[A-Za-z0-9._-]+")
KEY = re.compile(r"[A-Za-z0-9._-]+")
COMMAND = "python -m gritlib course build"


def build(
    root: str | Path,
    repo: str | None = None,
    lessons: tuple[str, ...] = (),
    handout: str | Path | None = None,
    cohort: str | None = None,
    run: bool = False,
    registry=None,
) -> list[Path]:
    """Write solutions/NN_name.ipynb and notebooks/NN_name.ipynb, or a handout.

    Outputs of the solved notebook are kept where a cell's id and source are unchanged.

    Args:
        root: of the repository. repo: owner/name on GitHub instead of the one in pyproject.toml.
        lessons: numbers; none means all.
        handout: write only the student's notebooks, into this folder, without links to solutions or the public copy.
        cohort: key of the class, with handout: exercises that have variants are drawn for it.
        run: execute the solved notebooks before they are written.
        registry: where exercises are looked up; by default `gritlib.course.exercises`.

    Returns:
        The files that changed.

    Raises:
        source.SourceError: a source is refused; nothing was written.
        execute.ExecutionError: a notebook cannot be executed; its files were not written.
        FileNotFoundError, ValueError: no source, or an argument that cannot be.
    """
    root = Path(root).resolve()
    repo, registry = _settings(root, repo, registry)
    if cohort is not None and (handout is None or not KEY.fullmatch(cohort)):
        raise ValueError(f"cohort {cohort!r}: letters, digits and ._- only, together with handout")
    if handout is not None and run:
        raise ValueError("a handout has no outputs: build it without execute")
    read = [source.read(path, registry) for path in source.find(root, lessons)]
    if handout is not None:
        folder = Path(handout)
        if folder.resolve() in (root / "solutions", root / "notebooks"):
            raise ValueError(f"handout into {folder}: choose a folder of its own")
        texts = {folder / f"{one.name}.ipynb": _text(assemble.student(one, repo, True, cohort)) for one in read}
        return _write(texts)
    pairs = [_pair(root, lesson, repo) for lesson in read]
    changed = []
    for solved_path, solved, student_path, student in pairs:
        if run:
            print(f"executing {solved_path.name} …", flush=True)
            execute.run(solved, solved_path, root)
            solved.metadata["gritlib"]["executed"] = assemble.fingerprint(solved)
        changed += _write({solved_path: _text(solved), student_path: _text(student)})
    return changed


def check(root: str | Path, repo: str | None = None, lessons: tuple[str, ...] = (), registry=None) -> list[str]:
    """What on disk is not what the sources make: a line for each missing, edited, stale or orphaned notebook, and for
    outputs that other code made. Nothing is written.

    Raises:
        source.SourceError: a source is refused. FileNotFoundError, ValueError: as `build`.
    """
    root = Path(root).resolve()
    repo, registry = _settings(root, repo, registry)
    lines, made = [], set()
    for path in source.find(root, lessons):
        solved_path, solved, student_path, student = _pair(root, source.read(path, registry), repo)
        made |= {solved_path, student_path}
        for target, notebook, outputs in ((solved_path, solved, True), (student_path, student, False)):
            where = target.relative_to(root).as_posix()
            if not target.is_file():
                lines.append(f"{where}: is missing: run {COMMAND}")
                continue
            lines += differences(where, target.read_text(encoding="utf-8"), _text(notebook), outputs)
        if solved_path.is_file():
            lines += _stale(solved, solved_path.relative_to(root).as_posix(), path.name[:2])
    if not lessons:
        orphans = {path for folder in ("solutions", "notebooks") for path in (root / folder).glob("*.ipynb")} - made
        for path in sorted(orphans):
            lines.append(f"{path.relative_to(root).as_posix()}: has no source solutions/{path.stem}.py: remove it")
    return lines


def repository(root: Path) -> str:
    """owner/name as pyproject.toml says it, "" while the repository has no address.

    Raises:
        ValueError: another form.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib  # comes with jupytext, which building needs anyway

    path = root / "pyproject.toml"
    content = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return checked_address(content.get("tool", {}).get("gritlib", {}).get("repository", ""))


def checked_address(repo: str) -> str:
    """The address itself.

    Raises:
        ValueError: not owner/name.
    """
    if repo and (not ADDRESS.fullmatch(repo) or repo.endswith((".git", "/.", "/.."))):
        raise ValueError(f"repository {repo!r}: write owner/name as on GitHub, without https:// and .git")
    return repo


def _settings(root: Path, repo: str | None, registry) -> tuple:
    if registry is None:
        from gritlib.course import exercises as registry
    return (repository(root) if repo is None else checked_address(repo)), registry


def _pair(root: Path, lesson: source.Lesson, repo: str) -> tuple:
    """Paths and notebooks, the solved one with the outputs it has on disk."""
    solved_path, student_path = (root / folder / f"{lesson.name}.ipynb" for folder in ("solutions", "notebooks"))
    solved = assemble.solved(lesson, repo)
    _keep_outputs(solved, solved_path)
    return solved_path, solved, student_path, assemble.student(lesson, repo)


def _keep_outputs(notebook, path: Path) -> None:
    """Take over outputs of cells whose id and source are those of the file on disk, and which code they come from."""
    from nbformat import v4

    try:
        old = v4.reads(path.read_text(encoding="utf-8"))
        known = {cell.id: cell for cell in old.cells if cell.cell_type == "code"}
        executed = old.metadata.get("gritlib", {}).get("executed")
    except (OSError, ValueError, KeyError, AttributeError, TypeError):  # no file, or not one of ours
        return
    for cell in notebook.cells:
        before = known.get(cell.id)
        if cell.cell_type == "code" and before is not None and before.source == cell.source:
            cell.outputs, cell.execution_count = before.get("outputs", []), before.get("execution_count")
    if executed:
        notebook.metadata["gritlib"]["executed"] = executed


def _stale(solved, where: str, number: str) -> list[str]:
    """Whether the outputs on disk, of which `solved` has taken over the origin, are those of its code."""
    executed = solved.metadata.get("gritlib", {}).get("executed")
    if executed == assemble.fingerprint(solved):
        return []
    said = "outputs are of other code" if executed else "was never executed"
    return [f"{where}: {said}: run {COMMAND} --execute --lessons {number}"]


def _text(notebook) -> str:
    from nbformat import v4

    return v4.writes(notebook) + "\n"


def _write(texts: dict[Path, str]) -> list[Path]:
    """Write what differs from the disk; the paths written."""
    changed = [p for p, text in texts.items() if not p.is_file() or p.read_text(encoding="utf-8") != text]
    for path in changed:
        write_text(texts[path], path)
    return changed
