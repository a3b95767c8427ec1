"""Images decoded once: what comes back is what was read, a half file never is, and memory stays free of it."""

import errno
import multiprocessing
import shutil

import numpy as np
import pytest

from gritlib import decoded

ITEMS = list(range(10))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "decoded"


def images(i):
    """A pair whose sizes differ from item to item: a photo and a label map."""
    rng = np.random.default_rng(i)
    shape = (4 + i, 5 + i % 3)
    return rng.integers(0, 256, (*shape, 3), np.uint8), rng.integers(0, 9, shape, np.uint8)


def load(key="set-train", items=ITEMS, read=images):
    return decoded.load(key, items, read, progress=False)


def test_what_comes_back_is_what_was_read(cache):
    for _ in range(2):
        found = load()
        assert len(found) == 10
        for i, pair in enumerate(found):
            for image, expected in zip(pair, images(i), strict=True):
                assert image.dtype == np.uint8 and image.shape == expected.shape and np.array_equal(image, expected)
    assert {f.name for f in (cache / "set-train").iterdir()} == {"pixels", "index.npy"}


def test_it_is_decoded_once_and_mapped(monkeypatch):
    asked = []
    load(read=lambda i: asked.append(i) or images(i))
    assert sorted(asked) == sorted([*ITEMS, 0])  # the first one also tells how much the disk must hold
    found = load(read=None)
    bases = {id(image.base.base if image.base.base is not None else image.base) for pair in found for image in pair}
    assert len(bases) == 1 and not found[0][0].flags.writeable and not found[0][0].flags.owndata


def test_order_is_kept_across_blocks(monkeypatch):
    monkeypatch.setattr(decoded, "BLOCK", 3)
    assert all(np.array_equal(found[0], images(i)[0]) for i, found in enumerate(load()))


def test_memory_is_bounded_by_a_block(monkeypatch):
    """No item is asked for before the block ahead of its own is written."""
    monkeypatch.setattr(decoded, "BLOCK", 2)
    asked = []
    blocks = decoded._decoded(ITEMS, lambda i: asked.append(i) or images(i))
    next(blocks)
    assert max(asked) < 2
    for _ in range(2):
        next(blocks)
    assert max(asked) < 4


def test_another_key_is_another_file(cache):
    load()
    load("set-val", ITEMS[:3])
    assert len(load("set-val", ITEMS[:3])) == 3 and len(load()) == 10


def test_a_broken_item_leaves_nothing(cache):
    def broken(i):
        if i == 7:
            raise ValueError("item 7 is broken")
        return images(i)

    with pytest.raises(ValueError, match="item 7 is broken"):
        load(read=broken)
    assert [f.name for f in cache.iterdir() if f.suffix != ".lock"] == []
    assert len(load()) == 10


def test_the_rest_of_a_killed_run_is_replaced(cache):
    (cache / "set-train.part").mkdir(parents=True)
    (cache / "set-train.part" / "pixels").write_bytes(b"half")
    assert np.array_equal(load()[9][0], images(9)[0]) and not (cache / "set-train.part").exists()


def test_a_file_that_was_cut_is_named(cache):
    load()
    pixels = cache / "set-train" / "pixels"
    pixels.write_bytes(pixels.read_bytes()[:-1])
    with pytest.raises(ValueError, match="set-train: does not hold the images of set-train: remove it"):
        load()


def test_a_file_of_another_set_is_named(cache):
    load()
    with pytest.raises(ValueError, match="does not hold the images"):
        load(items=ITEMS[:4])


def test_the_disk_is_looked_at_first(cache, monkeypatch):
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=decoded.SPARE + 10))
    with pytest.raises(ValueError, match=r"take about .* GB, 1e-08 GB are free: set GRITLIB_CACHE .* n="):
        load()
    assert [f.name for f in cache.iterdir() if f.suffix != ".lock"] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_fills_up_says_what_to_do_and_leaves_nothing(cache, monkeypatch, number):
    """There was room before, as for a person whose share of the disk is smaller than what is free."""

    def full(file):
        raise OSError(number, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(decoded.os, "fsync", full)
        with pytest.raises(ValueError, match=r"became full while decoding: set GRITLIB_CACHE .* n="):
            load()
    assert [f.name for f in cache.iterdir() if f.suffix != ".lock"] == []
    assert len(load()) == 10


def test_other_errors_of_a_disk_are_not_called_full(monkeypatch):
    def broken(file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(decoded.os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        load()


def _count(queue):
    def read(i):
        queue.put(i)
        return images(i)

    load(read=read)


def test_two_processes_decode_once():
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    runs = [context.Process(target=_count, args=(queue,)) for _ in range(2)]
    for run in runs:
        run.start()
    asked = [queue.get(timeout=30) for _ in range(len(ITEMS) + 1)]
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0] and queue.empty() and sorted(set(asked)) == ITEMS
