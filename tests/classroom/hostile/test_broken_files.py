"""Files that are no notebook, broken notebooks, names that mean mischief: each is named, none stops the class."""

import csv
import json
import os
import socket
import zipfile

import pytest

from gritlib.classroom.grading import record

from .broken import CONTENTS, NOTEBOOKS, STRANGE
from .conftest import earned, grade, said
from .submissions import FIELD, FULL, LOSSES, notebook, nothing, write

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("namespaces")]

CAN_MAKE_DEVICES = hasattr(os, "geteuid") and os.geteuid() == 0


def special_files(folder, outside) -> dict[str, str]:
    """Everything under a notebook's name that is no ordinary file, or too large for one: name -> what is said of it."""
    (outside / "secret_01.ipynb").write_text(json.dumps(notebook(FIELD, LOSSES)))
    kinds = {"passwd": "link", "neighbour": "link", "elsewhere": "link", "dangling": "link", "loop": "link"}
    os.symlink("/etc/passwd", folder / "passwd_01.ipynb")
    os.symlink("right_01.ipynb", folder / "neighbour_01.ipynb")
    os.symlink(outside / "secret_01.ipynb", folder / "elsewhere_01.ipynb")
    os.symlink("nowhere_01.ipynb", folder / "dangling_01.ipynb")
    os.symlink("loop_01.ipynb", folder / "loop_01.ipynb")
    os.mkfifo(folder / "fifo_01.ipynb")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket_01.ipynb"))
    kinds |= {"fifo": "regular", "socket": "opened", "folder": "regular"}
    if CAN_MAKE_DEVICES:
        os.mknod(folder / "device_01.ipynb", 0o20666, os.makedev(1, 5))  # /dev/zero, which never ends
        kinds["device"] = "regular"
    with open(folder / "sparse_01.ipynb", "wb") as file:
        file.truncate(500 * 2**20)
    (folder / "large_01.ipynb").write_bytes(b" " * (10 * 2**20 + 1))
    return kinds | {"sparse": "MB", "large": "MB"}


def folders(folder):
    """A folder with a notebook's name, an archive that would unpack to a gigabyte, a student who is a folder, a folder
    that links out, and folders in folders."""
    (folder / "folder_01.ipynb").mkdir()
    (folder / "folder_01.ipynb" / "inner.txt").write_text("x")
    packed = folder / "packed"
    packed.mkdir()
    with zipfile.ZipFile(packed / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(16):
            archive.writestr(f"{number}.ipynb", bytes(2**26))
    tidy = folder / "tidy"
    tidy.mkdir()
    (tidy / "01_pix2pix.ipynb").write_text(json.dumps(notebook(FIELD, LOSSES)))
    os.symlink("/etc", folder / "etc")
    deep = folder.joinpath("nested", *"abcdefghijklmnopqrstuvwxyz")
    deep.mkdir(parents=True)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    home = tmp_path_factory.mktemp("files")
    folder = home / "submissions"
    folder.mkdir()
    for name, content in CONTENTS.items():
        write(folder, name, content)
    write(folder, "right", notebook(FIELD, LOSSES))
    kinds = special_files(folder, home)
    folders(folder)
    return grade(folder, home / "grades", "--seed", "3", "--workers", "2", "--lessons", "01"), kinds


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    home = tmp_path_factory.mktemp("notebooks")
    (home / "submissions").mkdir()
    for name, (content, _, _) in NOTEBOOKS.items():
        write(home / "submissions", name, content)
    return grade(home / "submissions", home / "grades", "--seed", "3", "--workers", "2", "--lessons", "01")


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    home = tmp_path_factory.mktemp("names")
    (home / "submissions").mkdir()
    for name in STRANGE:
        write(home / "submissions", name, notebook(FIELD) if name.isalpha() else b"null")
    write(home / "submissions", os.fsdecode(b"caf\xe9"), b"null")
    return grade(home / "submissions", home / "grades", "--seed", "3", "--workers", "2", "--lessons", "01"), home


@pytest.mark.parametrize("name", CONTENTS)
def test_what_is_no_notebook_is_named_and_costs_nobody_else(name, files):
    found = files[0].grades[name]
    assert (found.status, found.earned) == (record.UNREADABLE, 0)
    assert all(found.notes) and found.notes, "the reason"


def test_what_is_no_ordinary_file_is_not_opened(files):
    run, kinds = files
    for name, word in kinds.items():
        found = run.grades[name]
        assert (found.status, found.earned, found.digest) == (record.UNREADABLE, 0, ""), name
        assert word in " ".join(found.notes), found.notes
    assert "root:" not in "".join(path.read_text() for path in run.out.rglob("*.json"))


def test_folders_and_archives_are_no_submissions_and_the_others_are_graded(files):
    run, _ = files
    assert earned(run.grades["right"])["01.3"] == FULL["01.3"]
    assert earned(run.grades["tidy"])["01.4"] == FULL["01.4"]
    assert "etc" not in run.grades
    assert run.grades.get("packed") is None or run.grades["packed"].earned == 0
    assert sum(path.stat().st_size for path in run.out.rglob("*") if path.is_file()) < 10**7
    assert run.status == 0 and run.processes == [] and run.files == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_what_is_broken_beside_an_answer_costs_nothing(name, notebooks):
    _, deserves, says = NOTEBOOKS[name]
    found = notebooks.grades[name]
    assert found.status == record.GRADED, found.notes
    assert {id: earned(found)[id] for id in FULL} == {id: deserves.get(id, nothing(id)) for id in FULL}, said(found)
    assert [words for words in says if words not in said(found)] == []


def test_broken_notebooks_leave_nothing(notebooks):
    assert notebooks.status == 0 and notebooks.processes == [] and notebooks.files == []


def test_every_strange_name_has_its_own_grade(names):
    run, _ = names
    assert run.status == 0, run.text[-2000:]
    assert len(run.grades) == len(STRANGE) + 1
    for name, found in run.grades.items():
        assert found.earned == (sum(FULL["01.3"]) if name.isalpha() else 0), name


def test_a_strange_name_writes_nowhere_else(names):
    run, home = names
    assert sorted(path.name for path in home.iterdir()) == ["grades", "grades-temporary", "submissions"]
    assert len(list((home / "submissions").iterdir())) == len(STRANGE) + 1
    assert all(path.resolve().is_relative_to(run.out.resolve()) for path in run.out.rglob("*"))
    assert run.files == [] and run.processes == []


def test_a_strange_name_does_not_act_on_the_terminal_a_table_or_a_page(names):
    run, _ = names
    assert not any(letter in run.text for letter in ("\x1b", "\x07", "\u202e", "\r"))
    pages = list(run.out.rglob("*.html"))
    assert len(pages) > len(STRANGE)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert "<img" not in text and "<script" not in text and "\x1b" not in text and "\u202e" not in text, page
    with open(run.out / "grades.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert len(rows) == len(STRANGE) + 2
    assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
