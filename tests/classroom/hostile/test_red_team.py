"""Hostile students in one class: each gets the points it deserves, by part, and costs nobody else anything."""

import contextlib
import ctypes
import os
import socket
import threading
import time

import pytest

from gritlib.classroom.grading import record

from . import floods, forgeries, prying
from .conftest import ROOT, SECRET, earned, grade, said
from .submissions import FULL, nothing, write_cases

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("namespaces")]

SEED = 918273645546372
PRYING = ("reader", "writer", "network", "watcher", "guest0", "guest1", "guest2")
KEY = 0x6772  # of a shared memory segment
CREATE = 0o1600  # IPC_CREAT, readable by its owner
REMOVE = 0  # IPC_RMID


class Outside:
    """What lies outside the box: a port, two sockets and a shared memory segment, and who came by."""

    def __init__(self, folder):
        self.abstract, self.path, self.visitors = f"\0red-team-{os.getpid()}", folder / "socket", []
        self.listeners = [
            self.listen(socket.AF_INET, ("127.0.0.1", 0)),
            self.listen(socket.AF_UNIX, self.abstract),
            self.listen(socket.AF_UNIX, str(self.path)),
        ]
        self.port = self.listeners[0].getsockname()[1]
        self.libc = ctypes.CDLL(None)
        self.segment = self.libc.shmget(KEY, 4096, CREATE)

    def listen(self, family, address):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen()
        threading.Thread(target=self.wait, args=(listener, address), daemon=True).start()
        return listener

    def wait(self, listener, address):
        with contextlib.suppress(OSError):
            while True:
                listener.accept()
                self.visitors.append(address)

    def close(self):
        for listener in self.listeners:
            listener.close()
        self.libc.shmctl(self.segment, REMOVE, None)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """(run, cases by name, visitors, seconds) of the whole class."""
    home = tmp_path_factory.mktemp("hostile")
    folder, out = home / "submissions", home / "grades"
    folder.mkdir(mode=0o755)
    outside = Outside(home)
    around = prying.Surroundings(ROOT, folder, out, outside.port, outside.abstract, outside.path, os.getpid(), KEY)
    cases = [*forgeries.CASES, *floods.CASES, *prying.cases(around)]
    write_cases(folder, cases)
    began = time.monotonic()
    try:
        run = grade(folder, out, "--seed", str(SEED), "--workers", "2", "--timeout", "2", "--lessons", "01")
    finally:
        outside.close()
    return run, {case.name: case for case in cases}, outside.visitors, time.monotonic() - began


NAMES = [*(case.name for case in (*forgeries.CASES, *floods.CASES)), *PRYING]


def test_every_student_is_named_once(hostile):
    run, cases, _, _ = hostile
    assert sorted(NAMES) == sorted(cases) == sorted(run.grades)
    assert run.status == 0, run.text[-2000:]


@pytest.mark.parametrize("name", NAMES)
def test_a_student_gets_what_the_answer_deserves(name, hostile):
    run, cases, _, _ = hostile
    grade, case = run.grades[name], cases[name]
    assert grade.status == record.GRADED, grade.notes
    points = earned(grade)
    wanted = {id: case.deserves.get(id, nothing(id)) for id in FULL}
    assert {id: points[id] for id in FULL} == wanted, said(grade)
    assert not any(sum(parts) for id, parts in points.items() if id not in FULL)
    assert [words for words in case.says if words not in said(grade)] == []


def test_no_one_learns_the_seed_the_secret_or_the_solutions(hostile):
    run, _, _, _ = hostile
    told = "".join(map(said, run.grades.values()))
    assert str(SEED) not in told and SECRET not in told
    assert str(SEED) not in run.text and SECRET not in run.text


def test_no_page_acts_on_what_a_student_returned(hostile):
    run, cases, _, _ = hostile
    pages = sorted(run.out.rglob("*.html"))
    assert len(pages) > len(cases)
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert not [bad for bad in ("<img src=x", "<script>alert", "\x1b", "\u202e") if bad in text], page


def test_nobody_came_through_the_network(hostile):
    assert hostile[2] == []


def test_no_process_and_no_file_stays(hostile):
    run, _, _, _ = hostile
    assert run.processes == []
    assert run.files == []
    assert [path for path in run.out.rglob("*") if path.name.endswith((".part", ".tmp")) or path.is_symlink()] == []
    places = [run.out.parent, ROOT, *map(type(ROOT), ("/tmp", "/var/tmp", "/dev/shm", "/etc", "/usr", "/"))]
    assert [place for place in places for name in ("left-behind", "guest0", "pickled") if (place / name).exists()] == []


def test_the_worst_class_is_graded_in_good_time(hostile):
    assert hostile[3] < 600, "seconds; the bombs must not add up"
