"""How fast images come, beside how fast a training step takes them."""

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gritlib.data import catalog, public
from gritlib.data.folders import resize
from gritlib.data.images import read_image
from gritlib.data.source import to_float

MADE = 256  # pairs of a set that is made when none is named


def loader(data: str | None = None, size: int = 256, batch: int = 16, threads: int = 2, steps: int = 1) -> dict:
    """Pairs a second of three things on the same set: mapped crops, decoding anew, and pix2pix' published step.

    Crops are those that training gets: random places and mirrors, float32 in [-1, 1], A and B. Decoding anew reads the
    file, resizes both halves and makes the same tensors, in `threads` threads. The step has its batch in memory. All
    files are in the operating system's cache: what a slow disk adds is not in these numbers.

    Args:
        data: a prepared set or folder of pairs; by default 256 made pairs of 256 pixels, stored as JPEG.
        size: side of the crops. batch: pairs a batch. threads: for torch, and for decoding. steps: of training; 0
            leaves the training out.

    Returns:
        "mapped", "decoded" (None if a file is no pair) and "step" (None without training): pairs a second; the first
        two also with "_cpu": pairs a second of processor time, which other programs on the machine disturb less.
    """
    before, cache = torch.get_num_threads(), os.environ.get("GRITLIB_CACHE")
    torch.set_num_threads(threads)
    try:
        with tempfile.TemporaryDirectory(prefix="gritlib-", ignore_cleanup_errors=True) as folder:
            if data is None:
                data, os.environ["GRITLIB_CACHE"] = str(_made(Path(folder) / "facades")), folder
            source = catalog.load(data, "train", size)
            result = _mapped(source, batch) | _decoded(data, size, batch, threads)
            result["step"] = _step(source, batch, steps) if steps else None
    finally:
        torch.set_num_threads(before)
        os.environ.pop("GRITLIB_CACHE", None)
        os.environ |= {"GRITLIB_CACHE": cache} if cache else {}
    print(f"{size} pixels, batch {batch}, {threads} threads, {len(source)} pairs. Pairs a second (of processor time):")
    for name, words in (("mapped", "mapped file"), ("decoded", "decoding anew")):
        if result[name]:
            print(f"  {words:14s} {result[name]:8.0f} ({result[name + '_cpu']:.0f})")
    if steps:
        print(f"  {'pix2pix step':14s} {result['step']:8.2f}")
        print(f"the mapped file gives {result['mapped'] / result['step']:.0f} times what the step takes")
    return result


def _rates(name: str, work: Callable[[int], int], seconds: float = 3.0) -> dict[str, float]:
    """Images a second of work(i) -> images, and of processor time; one call before is not counted."""
    work(0)
    count, i, began, cpu = 0, 1, time.perf_counter(), time.process_time()
    while time.perf_counter() - began < seconds:
        count, i = count + work(i), i + 1
    return {name: count / (time.perf_counter() - began), f"{name}_cpu": count / (time.process_time() - cpu)}


def _mapped(source, batch: int) -> dict[str, float]:
    def work(i: int) -> int:
        generator = torch.Generator().manual_seed(i)
        indices = torch.randint(len(source), (batch,), generator=generator).tolist()
        return len(source.batch(indices, generator)["B"])

    return _rates("mapped", work)


def _decoded(data: str, size: int, batch: int, threads: int) -> dict[str, float | None]:
    files = sorted((public.find(data) / "train").glob("*.jpg"))
    if not files:
        return {"decoded": None}
    edge = round(size * 286 / 256)

    def read(file: Path) -> list[np.ndarray]:
        return [resize(half, edge)[:size, :size] for half in np.split(read_image(file), 2, axis=1)]

    with ThreadPoolExecutor(threads) as pool:

        def work(i: int) -> int:
            chosen = np.random.default_rng(i).integers(0, len(files), batch)
            a, b = (to_float(np.stack(side)) for side in zip(*pool.map(read, [files[j] for j in chosen]), strict=True))
            return min(len(a), len(b))

        return _rates("decoded", work)


def _step(source, batch: int, steps: int) -> float:
    """Full steps of both players with the published networks, on one batch that stays in memory."""
    from gritlib import presets
    from gritlib.methods import Pix2Pix
    from gritlib.training import fit

    chosen = list(range(min(batch, len(source))))
    kept = source.batch(chosen, torch.Generator().manual_seed(0))

    class Fixed:
        paired, name, classes = True, "fixed", source.classes
        in_channels, out_channels = source.in_channels, source.out_channels

        def __len__(self) -> int:
            return len(chosen)

        def batch(self, indices, generator=None) -> dict[str, torch.Tensor]:
            return kept

    method = Pix2Pix(presets.get("pix2pix", "paper").method.fit_to(Fixed()))
    return fit(method, Fixed(), steps=steps, batch_size=len(chosen), ema=0.0, progress=False).images_per_second


def _made(folder: Path) -> Path:
    """A prepared set of smooth pairs with some grain, so that decoding costs what it costs on photos."""
    from gritlib.fetch import manifest

    rng = np.random.default_rng(0)
    (folder / "train").mkdir(parents=True)
    for i in range(MADE):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 32, 3), np.uint8)).resize(
            (512, 256), Image.Resampling.BICUBIC
        )
        grain = rng.normal(0, 8, (256, 512, 1))
        pixels = (np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / "train" / f"{i}.jpg", quality=90)
    about = {"name": "facades", "layout": "side-by-side", "direction": "BtoA", "counts": {"train": MADE}}
    manifest.write(folder, about, progress=False)
    return folder
