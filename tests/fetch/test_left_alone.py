"""What a run must not destroy: folders and archives that it did not make, and the old set while a new one is made."""

import hashlib
import multiprocessing
import os
import signal
import time

import pytest

from gritlib import fetch as room
from gritlib.data import public
from gritlib.fetch import engine

COUNTS = {"train": 4, "val": 2, "test": 3}


def fetch(name="facades", **options):
    return room.fetch(name, progress=False, **options)


def here(sets):
    """What lies in the sets' folder, without locks."""
    return {entry.name for entry in sets.iterdir() if not entry.name.endswith(".lock")}


@pytest.fixture
def waiting(sets):
    """Put an archive where downloads lie."""

    def put(content):
        (sets / ".downloads").mkdir(parents=True)
        (sets / ".downloads" / "facades.tar.gz").write_bytes(content)
        return sets / ".downloads" / "facades.tar.gz"

    return put


# Folders


def test_again_touches_no_folder_that_is_not_ours(facades, server, sets):
    (sets / "facades").mkdir(parents=True)
    (sets / "facades" / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="was not made by this command: move it away"):
        fetch(again=True)
    assert server.asked == [] and (sets / "facades" / "mine.txt").read_text() == "mine"


def test_a_rename_that_fails_leaves_the_old_set(facades, sets, monkeypatch):
    target = fetch()
    before = public.manifest(target) | {"mark": "old"}
    (target / public.MANIFEST).write_text(engine.manifest.json.dumps(before))
    replace = os.replace

    def fails(source, goal):
        if str(source).endswith(".facades.part"):
            raise OSError(5, "Input/output error")
        replace(source, goal)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fails)
        with pytest.raises(OSError, match="Input/output error"):
            fetch(again=True)
    assert public.manifest(target) == before and room.verify("facades") == []
    assert "facades" in here(sets) and not here(sets) & {".facades.part", ".facades.old"}


def _stop_between_renames(ready):
    """In a child: replace the set, and stand still when the old one has been renamed."""
    replace = os.replace

    def slow(source, goal):
        if str(source).endswith(".facades.part"):
            ready.set()
            time.sleep(60)
        replace(source, goal)

    os.replace = slow
    fetch(again=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the child is forked here, so that it has the fixture")
def test_a_set_is_back_after_a_kill_between_the_renames(facades, server, sets):
    fetch()
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    child = context.Process(target=_stop_between_renames, args=(ready,))
    child.start()
    assert ready.wait(30)
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert {".facades.old", ".facades.part"} <= here(sets) and "facades" not in here(sets)
    server.asked.clear()
    assert fetch() == sets / "facades" and server.asked == [] and room.verify("facades") == []
    assert ".facades.old" not in here(sets)


def test_a_set_that_was_moved_is_replaced_by_its_link(facades, sets, tmp_path):
    """The link is what is replaced; the folder that it names is left."""
    os.rename(fetch(), tmp_path / "moved")
    (sets / "facades").symlink_to(tmp_path / "moved")
    for _ in range(2):
        fetch(again=True)
    assert not (sets / "facades").is_symlink() and room.verify("facades") == []
    assert public.manifest(tmp_path / "moved") and ".facades.old" not in here(sets)


def test_what_file_viewers_leave_is_no_part_of_a_set(facades, server):
    target = fetch()
    for name in (".DS_Store", "train/.DS_Store", "val/._0.jpg", ".Trash/x.jpg"):
        (target / name).parent.mkdir(exist_ok=True)
        (target / name).write_bytes(b"x")
    assert fetch() == target and len(server.asked) == 1 and room.verify("facades") == []
    (target / "train" / "0.jpg").rename(target / "train" / ".0.jpg")
    assert room.verify("facades") == ["train/0.jpg is missing"]


# Archives


def test_an_archive_that_was_there_stays(facades, waiting, server, capsys):
    own = waiting(facades)
    fetch()
    assert own.read_bytes() == facades and server.asked == []
    assert f"the archive stays: {own}" in capsys.readouterr().out


def test_an_archive_kept_once_is_kept_by_again(facades, sets):
    fetch(keep=True)
    fetch(again=True)
    assert (sets / ".downloads" / "facades.tar.gz").read_bytes() == facades


def test_an_archive_that_was_there_stays_when_it_is_not_the_set(make, register, waiting):
    content = make.tar(make.pairs({"train": 1}))
    register("facades", content, COUNTS, checked=None)
    own = waiting(content)
    with pytest.raises(ValueError, match=rf"has the folders .*\. The archive was there already: {own}, replace it"):
        fetch()
    assert own.read_bytes() == content


@pytest.mark.parametrize("option", [False, True])
def test_a_download_of_the_right_hash_is_kept_when_counts_differ(make, register, sets, server, option):
    """Another download would bring the same bytes."""
    content = make.tar(make.pairs(COUNTS | {"train": 5}))
    register("facades", content, COUNTS, checked=None if option else "sha256")
    sha256 = hashlib.sha256(content).hexdigest() if option else None
    with pytest.raises(ValueError, match=r"the set has .*Its sha256 is the expected one, it is kept: .*facades.tar.gz"):
        fetch(sha256=sha256)
    assert (sets / ".downloads" / "facades.tar.gz").read_bytes() == content and len(server.asked) == 1


# Hashes


def test_an_archive_that_changed_is_taken_by_its_hash(facades, register, server):
    fact = register("facades", facades, COUNTS)
    fact |= {"sha256": "0" * 64, "bytes": len(facades) + 7}
    with pytest.raises(FileNotFoundError, match="announces"):
        fetch()
    fact["bytes"] = len(facades)
    found = hashlib.sha256(facades).hexdigest()
    with pytest.raises(
        FileNotFoundError, match=f"its sha256 is {found}, expected {'0' * 64}.*--sha256 {found} takes it"
    ):
        fetch()
    fact["bytes"] += 7
    assert public.manifest(fetch(sha256=found))["archives"][0]["checked"] == "sha256 as given"


@pytest.mark.parametrize("length", [8, 63, 65])
def test_a_hash_in_part_is_refused_at_once(facades, server, length):
    part = (hashlib.sha256(facades).hexdigest() + "0")[:length]
    with pytest.raises(ValueError, match=f"sha256 '{part}': give all 64 hexadecimal digits"):
        fetch(sha256=part)
    assert server.asked == []


def test_a_page_in_place_of_an_archive_is_no_changed_archive(facades, server):
    server.files["facades.tar.gz"] = b"<html>moved</html>".ljust(len(facades))
    with pytest.raises(FileNotFoundError, match="bytes are no archive") as error:
        fetch()
    assert "--sha256" not in str(error.value)
