"""What happens to a set when the disk is full, a run is killed, two run at once, or somebody changes its files."""

import errno
import multiprocessing
import os
import shutil
import signal
import threading
import time

import pytest

from gritlib import download
from gritlib import fetch as room
from gritlib.data import public
from gritlib.fetch import archive, engine, manifest

COUNTS = {"train": 4, "val": 2, "test": 3}


def fetch(name="facades", **options):
    return room.fetch(name, progress=False, **options)


def here(sets):
    """What lies in the sets' folder, without locks."""
    return {entry.name for entry in sets.iterdir() if not entry.name.endswith(".lock")} if sets.exists() else set()


def asked(server):
    return [request for _, request in server.asked]


# Disks


def test_the_disk_is_looked_at_first(facades, server, sets, monkeypatch):
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=engine.SPARE + len(facades)))
    with pytest.raises(ValueError, match=r"GB are needed, .* GB are free: choose another disk with --root"):
        fetch()
    assert server.asked == [] and here(sets) == set()


def test_what_is_downloaded_already_needs_no_room(facades, server, sets, monkeypatch):
    (sets / ".downloads").mkdir(parents=True)
    (sets / ".downloads" / "facades.tar.gz").write_bytes(facades)
    needed = engine.prepare.room(public.registry()["facades"], len(facades))
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=engine.SPARE + needed))
    assert fetch().is_dir()


def full(monkeypatch, where, after):
    """Files below folders whose path has `where` take `after` bytes together, then the disk is full."""
    import builtins

    left, opened = [after], builtins.open

    def open_(path, mode="r", *arguments, **options):
        file = opened(path, mode, *arguments, **options)
        if where in str(path) and set(mode) & set("wxa") and "b" in mode:
            write = file.write

            class Full:
                def __enter__(self):
                    return self

                def __exit__(self, *error):
                    file.close()

                def write(self, data):
                    left[0] -= len(data)
                    if left[0] < 0:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return write(data)

            return Full()
        return file

    monkeypatch.setattr(builtins, "open", open_)


def test_a_disk_that_fills_up_in_the_download_keeps_what_came(facades, server, sets, monkeypatch):
    monkeypatch.setattr(download, "CHUNK", 1000)
    with monkeypatch.context() as patch:
        full(patch, ".downloads", 2500)
        with pytest.raises(ValueError, match=r"the disk of .* is full: make room"):
            fetch()
    assert here(sets) == {".downloads"} and len(server.asked) == 1
    fetch()
    assert asked(server)[1] == "bytes=2000-"


def test_a_disk_that_fills_up_in_unpacking_keeps_the_archive(facades, server, sets, monkeypatch):
    with monkeypatch.context() as patch:
        full(patch, ".facades.part", 4000)
        with pytest.raises(ValueError, match=r"the disk of .* is full: make room"):
            fetch()
    assert here(sets) == {".downloads"} and (sets / ".downloads" / "facades.tar.gz").is_file()
    fetch()
    assert len(server.asked) == 1


# Interrupted, twice, at once

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="children are forked here, so that they have the fixture")


def _stop_in_unpacking(ready):
    """In a child: fetch, and stand still when the fifth file is about to be written."""
    inside, seen = archive.inside, []

    def slow(name):
        seen.append(name)
        if len(seen) == 5:
            ready.set()
            time.sleep(60)
        return inside(name)

    archive.inside = slow
    fetch()


@forks
def test_a_killed_run_leaves_no_set_and_the_next_one_needs_no_download(facades, server, sets):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=_stop_in_unpacking, args=(ready,))
    child.start()
    assert ready.wait(30)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert here(sets) == {".downloads", ".facades.part"} and list((sets / ".facades.part").rglob("*.jpg"))
    assert public.manifest(sets / "facades") is None
    assert fetch().is_dir() and here(sets) == {".downloads", "facades"} and len(server.asked) == 1
    assert room.verify("facades") == []


@forks
def test_two_runs_at_once_make_one_set(facades, server, sets):
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=fetch) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0] and asked(server) == [None]
    assert here(sets) == {".downloads", "facades"} and room.verify("facades") == []


@forks
def test_the_second_run_says_that_it_waits(facades, sets, capsys):
    from filelock import FileLock

    sets.mkdir()
    lock = FileLock(sets / ".facades.lock")
    assert not engine.lock_is_held(lock)
    context = multiprocessing.get_context("fork")
    held, leave = context.Event(), context.Event()

    def hold():
        with FileLock(sets / ".facades.lock"):
            held.set()
            leave.wait(30)

    child = context.Process(target=hold)
    child.start()
    assert held.wait(30) and engine.lock_is_held(lock)
    threading.Timer(0.3, leave.set).start()
    assert fetch().is_dir() and "another run prepares facades: waiting for it" in capsys.readouterr().out
    child.join()
    assert not engine.lock_is_held(lock)
    fetch(again=True)
    assert "waiting" not in capsys.readouterr().out


def test_a_root_that_cannot_be_made_is_named(facades, server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ValueError, match=r"sets cannot be made \(.*\): choose another with --root"):
        fetch(root=tmp_path / "file" / "sets")
    assert server.asked == []


def test_again_replaces_a_set_and_keeps_it_if_that_fails(facades, make, register, sets):
    target = fetch()
    (target / "train" / "0.jpg").unlink()
    with pytest.raises(ValueError, match=r"no longer whole \(.*train has 3 files instead of 4\): --again"):
        fetch()
    register("facades", make.tar(make.pairs({"train": 1})), COUNTS)
    with pytest.raises(ValueError, match="has the folders facades, facades/train"):
        fetch(again=True)
    assert len(list((target / "train").iterdir())) == 3  # as it was
    register("facades", facades, COUNTS)
    fetch(again=True)
    assert room.verify("facades") == [] and here(sets) == {".downloads", "facades"}


def test_a_folder_that_is_not_ours_is_left_alone(facades, server, sets):
    (sets / "facades").mkdir(parents=True)
    (sets / "facades" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="was not made by this command: move it away"):
        fetch()
    assert server.asked == [] and (sets / "facades" / "mine.txt").read_text() == "mine"


# Verify


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda t: (t / "train" / "1.jpg").unlink(), ["train/1.jpg is missing"]),
        (lambda t: (t / "val" / "0.jpg").write_bytes(b"other"), ["val/0.jpg was changed"]),
        (lambda t: (t / "val" / "new.jpg").write_bytes(b"new"), ["val/new.jpg does not belong to the set"]),
        (lambda t: (t / manifest.LISTING).write_text(""), ["files.sha256 is missing or was changed"]),
        (lambda t: (t / manifest.LISTING).unlink(), ["files.sha256 is missing or was changed"]),
        (lambda t: None, []),
    ],
    ids=["missing", "changed", "added", "listing emptied", "listing gone", "nothing"],
)
def test_verify_finds_what_was_done_to_a_set(facades, damage, said):
    target = fetch()
    damage(target)
    problems = room.verify("facades")
    assert [p.removeprefix(f"{target}/") for p in problems] == said


def test_verify_of_what_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"facades is not in .*data fetch facades"):
        room.verify("facades")
