"""`course build` as it is typed: what it prints, and the exit status that stops CI."""

import pytest

import gritlib.__main__ as cli


@pytest.fixture
def typed(root, registry, monkeypatch, capsys):
    """Types a command in the repository; gives exit status and what was printed."""
    for name in ("load", "ids"):
        monkeypatch.setattr(f"gritlib.course.exercises.{name}", getattr(registry, name))
    monkeypatch.chdir(root)

    def type(*words):
        try:
            cli.main(["course", *words])
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, capsys.readouterr().out

    return type


def test_build_check_edit_check(typed, root, pretend_executed):
    status, text = typed("build")
    assert status == 0 and text.count("wrote ") == 2 and "01_tiny.ipynb" in text
    assert typed("build") == (0, "nothing changed\n")
    status, text = typed("build", "--check")
    assert status == 1 and "was never executed" in text
    pretend_executed(root)
    assert typed("build", "--check") == (0, "all notebooks are what their sources make\n")
    path = root / "notebooks" / "01_tiny.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("Twice x", "Twice y"), encoding="utf-8")
    status, text = typed("build", "--check", "--lessons", "01")
    assert status == 1 and text.startswith("notebooks/01_tiny.ipynb: cell 6 (exercise-01-1) differs: line 2 is '")
    assert "Twice y" in path.read_text(encoding="utf-8"), "--check writes nothing"


def test_handout_goes_where_it_is_told(typed, root):
    assert typed("build", "--handout", "--cohort", "k", "--out", "given") == (0, "wrote given/01_tiny.ipynb\n")
    assert typed("build", "--handout")[1] == "wrote handout/01_tiny.ipynb\n"
    assert not (root / "notebooks").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--check", "--execute"), "error: --check compares and writes nothing"),
        (("--check", "--handout"), "error: --check compares and writes nothing"),
        (("--cohort", "k"), "error: cohort 'k': letters, digits and ._- only, together with handout"),
        (("--repo", "here"), "error: repository 'here': write owner/name"),
        (("--lessons", "9"), "error: lesson '9' has no source: choose of 01"),
    ],
)
def test_mistakes_are_messages(words, message, typed, root):
    status, _ = typed("build", *words)
    assert str(status).startswith(message) and not list(root.rglob("*.ipynb"))


def test_progress_prints_the_report(typed, monkeypatch):
    monkeypatch.setattr("gritlib.course.progress.report", lambda: "01: 1 of 2 exercises")
    assert typed("progress") == (0, "01: 1 of 2 exercises\n")
