"""Where a notebook is opened and handed out: the repository's address, badges, installation, cohorts."""

import re

import pytest
from nbformat import v4

from gritlib import __version__
from gritlib.classroom import builder


def notebook(root, folder):
    return v4.reads((root / folder / "01_tiny.ipynb").read_text(encoding="utf-8"))


def by_id(notebook):
    return {cell.id: cell for cell in notebook.cells}


def test_the_address_makes_badges_and_the_installing_line(built, registry):
    (built / "pyproject.toml").write_text('[tool.gritlib]\nrepository = "some-one/some.name"\n', encoding="utf-8")
    assert "cell 2 is 'install', the source has 'badges'" in builder.check(built, registry=registry)[0]
    builder.build(built, registry=registry)
    assert builder.check(built, registry=registry) == [], "a new address does not make outputs stale"
    for folder in ("solutions", "notebooks"):
        badges, install = notebook(built, folder).cells[1:3]
        page = f"some-one/some.name/blob/main/{folder}/01_tiny.ipynb"
        colab, kaggle, download = re.findall(r"\]\((https://[^()]*/01_tiny\.ipynb)\)", badges.source)
        assert colab == f"https://colab.research.google.com/github/{page}"
        assert kaggle == f"https://kaggle.com/kernels/welcome?src=https://github.com/{page}"
        assert download == f"https://raw.githubusercontent.com/some-one/some.name/main/{folder}/01_tiny.ipynb"
        assert "![Open in Colab](" in badges.source and "![Open in Kaggle](" in badges.source
        assert install.source.endswith('\n    %pip install -q "gritlib @ git+https://github.com/some-one/some.name"')
    builder.build(built, repo="other/place", registry=registry)
    assert "git+https://github.com/other/place" in by_id(notebook(built, "notebooks"))["install"].source
    assert builder.check(built, repo="other/place", registry=registry) == []
    assert builder.check(built, registry=registry) != []


@pytest.mark.parametrize("installed", [True, False])
def test_without_an_address_the_installing_cell_says_what_to_do(installed, built, monkeypatch):
    cell = by_id(notebook(built, "notebooks"))["install"]
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ModuleNotFoundError, match=r"without the address to fetch it from.*pip install -r req"):
            exec(cell.source, {})
    else:
        exec(cell.source, {})
    assert "badges" not in by_id(notebook(built, "notebooks"))


@pytest.mark.parametrize("repo", ["name", "https://github.com/a/b", "a/b.git", "a/b/c", "a/ b", "-a/b", "a/..", 'a/b"'])
def test_an_address_that_is_none_is_refused(repo, root, registry):
    with pytest.raises(ValueError, match="write owner/name as on GitHub"):
        builder.build(root, repo=repo, registry=registry)
    (root / "pyproject.toml").write_text(f"[tool.gritlib]\nrepository = '{repo}'\n", encoding="utf-8")
    with pytest.raises(ValueError, match="write owner/name as on GitHub"):
        builder.check(root, registry=registry)
    assert not list(root.rglob("*.ipynb"))


def test_a_handout_has_the_cohorts_variants_and_no_links(root, registry, secrets, tmp_path):
    out = tmp_path / "given out"
    assert builder.build(root, repo="a/b", handout=out, cohort="2031-x", registry=registry) == [out / "01_tiny.ipynb"]
    assert list(root.rglob("*.ipynb")) == [out / "01_tiny.ipynb"]
    text = (out / "01_tiny.ipynb").read_text(encoding="utf-8")
    assert not [secret for secret in (*secrets, "../solutions", "badge", "cell-id") if secret in text]
    cells = by_id(notebook(tmp_path, "given out"))
    assert cells["setup"].source.endswith('gritlib.course.start("01", cohort="2031-x")')
    assert cells["exercise-01-1"].source.startswith(
        'def double(x: int) -> int:\n    """Twice x.\n\n    In class 2031-x, add 1 to the result.\n    """\n'
    )
    builder.build(root, handout=tmp_path / "public", registry=registry)
    builder.build(root, registry=registry)
    public, student = by_id(notebook(tmp_path, "public")), by_id(notebook(root, "notebooks"))
    assert [id for id in student if student[id].source != public[id].source] == [
        id for id in student if "cell-id" in student[id].source
    ]
    assert list(cells) == list(public) == list(student)
    assert cells["exercise-01-2"].source == student["exercise-01-2"].source, "it has no variant"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cohort": "a"}, "together with handout"),
        ({"handout": "out", "cohort": 'a"); print("'}, "letters, digits and"),
        ({"handout": "out", "run": True}, "a handout has no outputs"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, words, root, registry):
    with pytest.raises(ValueError, match=words):
        builder.build(root, registry=registry, **arguments)


def test_a_handout_does_not_overwrite_the_public_notebooks(built, registry):
    for folder in ("solutions", "notebooks"):
        with pytest.raises(ValueError, match="choose a folder of its own"):
            builder.build(built, handout=built / folder, registry=registry)


def test_a_notebook_says_which_version_lesson_and_class_it_was_made_for(built, registry, tmp_path):
    known = {"version": __version__, "lesson": "01"}
    assert notebook(built, "notebooks").metadata["gritlib"] == known
    assert notebook(built, "solutions").metadata["gritlib"].items() >= known.items()
    builder.build(built, registry=registry, handout=tmp_path / "given", cohort="spring")
    text = (tmp_path / "given" / "01_tiny.ipynb").read_text(encoding="utf-8")
    assert v4.reads(text).metadata["gritlib"] == known | {"cohort": "spring"}
