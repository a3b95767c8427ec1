"""Images decoded once into one file of uint8 on disk, and mapped into memory from then on.

A set of 137,000 photos fits no memory, and decoding JPEG again in every epoch costs more than a training step on a GPU.
The file is as large as the pixels; the operating system keeps what is in use. It is written under another name and
renamed when it is complete, and a second process waits for the first.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gritlib.download import FULL, cache_folder

WORKERS, BLOCK = 4, 256  # threads that decode; items decoded before they are written, which bounds the memory
SPARE = 100_000_000  # bytes that are left free on the disk
REMEDY = "set GRITLIB_CACHE to a larger disk, choose a smaller size, or take a part with n="

Item = tuple[np.ndarray, ...]


def load(key: str, items: Sequence, read: Callable[..., Item], progress: bool = True) -> list[Item]:
    """The images of all items, from the file of an earlier call or decoded now.

    Args:
        key: name of the file's folder below `cache_folder()/decoded`: it must change whenever the pixels would.
        items: what `read` takes, for example the two paths of a pair.
        read: item -> its images, (H, W, C) or (H, W) uint8, of any size; called in threads.
        progress: show a bar while decoding.

    Returns:
        For each item its images, read-only views of the mapped file.

    Raises:
        ValueError: the disk is too small, saying by how much, or fills up on the way, or `read` refused an item.
    """
    from filelock import FileLock

    folder = cache_folder() / "decoded" / key
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock"):
            if not folder.is_dir():  # another process was faster
                _write(folder, items, read, progress)
    index = np.load(folder / "index.npy")
    flat = np.asarray(np.memmap(folder / "pixels", np.uint8, "r"))
    if len(index) != len(items) or index[-1, -1, 0] + index[-1, -1, 1:].prod() != len(flat):
        raise ValueError(f"{folder}: does not hold the images of {key}: remove it, it is made again")
    return [tuple(_view(flat, *row) for row in rows) for rows in index.tolist()]


def _view(flat: np.ndarray, start: int, height: int, width: int, channels: int) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return flat[start : start + height * width * channels].reshape(shape)


def _write(folder: Path, items: Sequence, read: Callable[..., Item], progress: bool) -> None:
    from tqdm.auto import tqdm

    work = folder.with_name(folder.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    try:
        _check_disk(folder, len(items) * sum(image.nbytes for image in read(items[0])))
        rows, end = [], 0
        with open(work / "pixels", "wb") as file, tqdm(total=len(items), desc="decoding", disable=not progress) as bar:
            for images in _decoded(items, read):
                row = []
                for image in images:
                    row.append((end, *image.shape[:2], 1 if image.ndim == 2 else image.shape[2]))
                    end += file.write(np.ascontiguousarray(image, np.uint8))
                rows.append(row)
                bar.update()
            file.flush()
            os.fsync(file.fileno())  # the rename must not reach the disk before the pixels
        np.save(work / "index.npy", np.array(rows, np.int64))
        os.replace(work, folder)
    except BaseException as error:
        shutil.rmtree(work, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in FULL:  # others write too, or a share is smaller than the disk
            raise ValueError(f"{folder.parent}: the disk became full while decoding: {REMEDY}") from error
        raise


def _decoded(items: Sequence, read: Callable[..., Item]) -> Iterator[Item]:
    with ThreadPoolExecutor(WORKERS) as pool:  # PIL decodes outside Python's lock; map keeps the order
        for start in range(0, len(items), BLOCK):
            yield from pool.map(read, items[start : start + BLOCK])


def _check_disk(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder.parent).free - SPARE
    if needed > free:
        raise ValueError(
            f"{folder.parent}: the decoded images take about {needed / 1e9:.3g} GB, {max(0, free) / 1e9:.3g} GB are "
            f"free: {REMEDY}"
        )
