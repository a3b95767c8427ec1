"""What code in a box sees of the machine, what it can do, and what is left of it afterwards."""

import json
import os
import time
from pathlib import Path

import pytest

import gritlib
from gritlib.classroom.grading import sandbox, users
from gritlib.classroom.grading.notebook import Notebook, Terms

LEVEL = sandbox.best_level()
CI = os.environ.get("CI") == "true"  # there a missing sandbox is a failure
needs_namespaces = pytest.mark.skipif(LEVEL != "namespaces" and not CI, reason=f"the best level here is {LEVEL}")
ROOT = Path(__file__).parents[2]
PROBES = """
import json, os, socket
from pathlib import Path

def seen(action):
    try:
        return str(action())
    except BaseException as error:
        return type(error).__name__

def connect():
    socket.create_connection(("192.0.2.1", 9), 0.5)

def fork_all():
    pids = []
    try:
        for _ in range(40):
            pid = os.fork()
            if not pid:
                os.setsid()
                import time
                time.sleep(600)
            pids.append(pid)
    except OSError:
        pass
    return len(pids)

def fill(path, count):
    with open(path, "wb") as file:
        for _ in range(count):
            file.write(bytes(1 << 20))
    return os.path.getsize(path) >> 20

def fill_all(folder):
    try:
        for i in range(20):
            fill(f"{folder}/{i}", 8)
    finally:
        return sum(os.path.getsize(f"{folder}/{name}") for name in os.listdir(folder)) >> 20

def f(questions):
    here = os.getcwd()
    answers = {
        "uid": os.getuid, "home": lambda: os.environ["HOME"], "environment": lambda: sorted(os.environ),
        "network": connect, "pids": lambda: len([p for p in os.listdir("/proc") if p.isdigit()]),
        "capabilities": lambda: Path("/proc/self/status").read_text().split("CapEff:")[1].split()[0],
        "memory": lambda: len(bytearray(3 << 29)), "write": lambda: Path("/usr/x").write_text("x"),
        "root": lambda: Path("/x").write_text("x"), "shm": lambda: fill("/dev/shm/x", 8),
        "forks": fork_all, "file": lambda: fill(here + "/big", 40), "scratch": lambda: fill_all(here),
    }
    for path in questions.get("paths", []):
        answers[path] = lambda path=path: os.listdir(path) if os.path.isdir(path) else open(path).read()[:5]
    return {name: seen(answers[name]) for name in [*questions["ask"], *questions.get("paths", [])]}
"""


def ask(level, questions, hidden=()):
    """What the probes answer in a box of this level."""
    data = json.dumps({"cells": [{"cell_type": "code", "source": PROBES}], "metadata": {}}).encode()
    part = {"call": "def call(inputs, f):\n    return f(inputs)", "function": "call", "draws": [questions]}
    job = {"names": ["f"], "masked": [], "given": [], "needs": {}, "allowed": [], "parts": [part]}
    with users.throw_away_user() as uid, Notebook(data, Terms(1, level, uid, hidden=hidden)) as notebook:
        outcome = notebook.ask({**job, "seconds": 30.0, "total": 120.0}).outcome(0, 0)
        assert outcome.failure is None, outcome.failure
        left = notebook.box.scratch
    assert left is None or not left.exists()
    return outcome.values, uid


def processes_of(uid):
    """Those that still run five seconds later: what was killed may take a moment to go."""
    ends = time.monotonic() + 5
    while (left := [p for p in Path("/proc").glob("[0-9]*") if running(p, uid)]) and time.monotonic() < ends:
        os.sched_yield()
    return left


def running(process, uid):
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return process.stat().st_uid == uid and state != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@needs_namespaces
def test_a_box_shows_nothing_of_the_course_and_holds_its_limits(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTRUCTOR_SECRET", "42")
    paths = [str(ROOT / "solutions"), str(Path(gritlib.__file__).parent), str(tmp_path), "/etc/passwd", "/root"]
    one, two = {"ask": ["uid", "home", "environment", "capabilities", "network", "pids", "write", "root", "shm"]}, None
    seen, uid = ask("namespaces", {**one, "paths": paths})
    two, _ = ask("namespaces", {"ask": ["memory", "file", "scratch", "forks"]})
    assert all(seen[path] in ("FileNotFoundError", "PermissionError", "[]") or path == "/root" for path in paths), seen
    assert "INSTRUCTOR_SECRET" not in seen["environment"] and seen["home"] == "/scratch"
    assert seen["capabilities"] == "0" * 16 and seen["network"] == "OSError" and int(seen["pids"]) <= 4
    assert {seen["write"], seen["root"], seen["shm"]} <= {"OSError", "PermissionError"}, seen
    if not os.getuid():
        assert int(seen["uid"]) == uid >= users.FIRST and not processes_of(uid)
    assert two["memory"] == "MemoryError" and two["file"] == "OSError" and int(two["scratch"]) <= 64
    assert int(two["forks"]) < sandbox.PROCESSES


@needs_namespaces
def test_folders_inside_python_s_own_are_hidden(tmp_path):
    inside = Path(os.__file__).parent / "wsgiref"
    seen, _ = ask("namespaces", {"ask": [], "paths": [str(inside)]}, hidden=(inside, tmp_path))
    assert seen[str(inside)] == "[]"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_without_namespaces_a_throw_away_user_cannot_read_what_is_private_and_leaves_nothing(tmp_path):
    (tmp_path / "secret").write_text("grade")
    tmp_path.chmod(0o700)
    seen, uid = ask(
        "user", {"ask": ["uid", "environment", "write", "memory", "forks"], "paths": [str(tmp_path / "secret")]}
    )
    assert int(seen["uid"]) == uid and seen[str(tmp_path / "secret")] == "PermissionError"
    assert seen["write"] == "PermissionError" and seen["memory"] == "MemoryError"
    assert int(seen["forks"]) < sandbox.PROCESSES and not processes_of(uid)


def test_two_graders_on_one_machine_use_different_users():
    if os.getuid():
        with users.throw_away_user() as uid:
            assert uid == os.getuid()
        return
    with users.throw_away_user() as one, users.throw_away_user() as two:
        assert one != two and {one, two} <= set(range(users.FIRST, users.FIRST + users.USERS))
    with users.throw_away_user() as again:
        assert again == one


def test_only_throw_away_users_are_swept(monkeypatch):
    killed = []
    monkeypatch.setattr(users.os, "kill", lambda pid, signal: killed.append(pid))
    users.end_all_of(os.getuid())
    assert killed == []


def test_a_level_whose_tool_is_missing_is_not_chosen(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="is not installed"):
        sandbox.prefix("namespaces", os.getuid())
    sandbox.best_level.cache_clear()
    try:
        assert sandbox.best_level() == "none"
    finally:
        sandbox.best_level.cache_clear()


def test_a_box_that_says_nothing_or_too_much_is_given_up(monkeypatch):
    for boot, said in (
        ("import time; time.sleep(60)", "says nothing"),
        ("print('x' * 99)", "more than it may"),
        ("", "gone"),
    ):
        monkeypatch.setattr(sandbox, "BOOT", f"import sys; sys.stdin.buffer.read(8)\n{boot}")
        with sandbox.Box("none", os.getuid(), 5) as box, pytest.raises(sandbox.BoxFailed, match=said):
            box.receive(time.monotonic() + (1 if "sleep" in boot else 30))
        assert box.process.poll() is not None and not box.scratch.exists()
