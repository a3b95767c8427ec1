"""What a person waits for besides steps: images from files, imports, the notebooks, the demo."""

import ast
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gritlib.bench import loader
from gritlib.bench.steps import all_threads, in_turns, short
from gritlib.data import folders
from gritlib.studies.stopwatch import in_fresh_process, load_average, ratio_of_medians, watched

# As `selftest.parts`, which a test compares.
NBVAL = ("--nbval-lax", "--nbval-current-env", "--nbval-cell-timeout=600")
SETS = {"solutions": {"GRITLIB_PRESET": "ci", "GRITLIB_STRICT": "1"}, "notebooks": {"GRITLIB_PRESET": "smoke"}}


def loading(size: int = 256, images: int = 8, rounds: int = 20, threads: int = 1) -> dict:
    """Batches of random, mirrored crops of 256 made pairs: `Source.batch`, which has them in memory, beside one image
    after the other from its file with PIL and torchvision's transforms. The same files and augmentation: scaled to
    size · 286/256, cropped, mirrored with probability one half, float32 in [-1, 1].

    Files are in the operating system's cache: what a slow disk adds is not in these numbers.

    Args:
        size: side of the crops. images: pairs a batch. rounds: batches of each, in turns.

    Returns:
        size, images, threads, rounds, "source" and "pil" (median seconds of a batch), their pairs a second, "ratio"
        with its interval, how busy the machine was.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with tempfile.TemporaryDirectory(prefix="gritlib-", ignore_cleanup_errors=True) as folder:
            root = loader._made(Path(folder) / "made")
            source = folders.load(root, "train", size, layout="side-by-side")
            files = sorted((root / "train").glob("*.jpg"))

            def ours(i: int) -> dict[str, Tensor]:
                generator = torch.Generator().manual_seed(i)
                return source.batch(torch.randint(len(files), (images,), generator=generator).tolist(), generator)

            def theirs(i: int) -> dict[str, Tensor]:
                return one_by_one(files, size, images, np.random.default_rng(i))

            arms = {"source": ours, "pil": theirs}
            in_turns(arms, 1, 0.0, torch.device("cpu"))
            with watched() as machine:
                times = in_turns(arms, rounds, 120.0, torch.device("cpu"))
    finally:
        torch.set_num_threads(before)
    walls = {name: [wall for wall, _ in found] for name, found in times.items()}
    medians = {name: short(statistics.median(found)) for name, found in walls.items()}
    row = {"size": size, "images": images, "threads": threads, "rounds": len(walls["pil"]), **medians}
    row |= {f"{name}_per_second": short(images / median) for name, median in medians.items()}
    return row | {"ratio": [short(x) for x in ratio_of_medians(walls["pil"], walls["source"])], **machine}


def one_by_one(files: list[Path], size: int, images: int, rng: np.random.Generator) -> dict[str, Tensor]:
    """A batch as tutorials load it: for each pair a file, and for each half its transforms."""
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms import functional as T

    edge, sides = round(size * 286 / 256), {"A": [], "B": []}
    for number in rng.integers(0, len(files), images):
        with Image.open(files[number]) as file:
            both = file.convert("RGB")
        half = both.width // 2
        top, left = rng.integers(0, edge - size + 1, 2).tolist()
        mirrored = rng.random() < 0.5
        for side, box in (("A", (0, 0, half, both.height)), ("B", (half, 0, both.width, both.height))):
            image = T.resize(both.crop(box), [edge, edge], InterpolationMode.BICUBIC)
            image = T.crop(image, top, left, size, size)
            image = T.hflip(image) if mirrored else image
            sides[side].append(T.normalize(T.to_tensor(image), [0.5] * 3, [0.5] * 3))
    return {side: torch.stack(found) for side, found in sides.items()}


def imports(repeats: int = 3, folder: Path = Path("notebooks")) -> dict:
    """Seconds until fresh processes have imported torch, gritlib, and what the first cells of each notebook ask for
    (the lesson's start included), medians. Without a folder of notebooks, torch and gritlib alone."""
    statements = {"torch": "import torch", "gritlib": "import gritlib"}
    for file in sorted(folder.glob("*.ipynb")):
        statements[file.stem] = first_cells(json.loads(file.read_text(encoding="utf-8")))
    found = {}
    before = load_average()
    with tempfile.TemporaryDirectory() as home:
        for name, statement in statements.items():
            timed = [
                "import json, os, time",
                f"os.environ['GRITLIB_HOME'] = {home!r}",
                "began = time.perf_counter()",
                statement,
                "print(); print(json.dumps({'seconds': time.perf_counter() - began}))",
            ]
            runs = [in_fresh_process("\n".join(timed), all_threads())["seconds"] for _ in range(repeats)]
            found[name] = short(statistics.median(runs))
    return {"seconds": found, "repeats": repeats, "load_average": before}


def first_cells(notebook: dict) -> str:
    """The imports of a notebook up to and with its first cell of the lesson, and the call that starts the lesson."""
    found = []
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        lines = [line for line in "".join(cell["source"]).splitlines() if not line.startswith(("%", "!"))]
        for node in ast.parse("\n".join(lines)).body:
            if isinstance(node, ast.Import | ast.ImportFrom) or ast.unparse(node).startswith("gritlib.course.start("):
                found.append(ast.unparse(node))
        if "core" in cell["metadata"].get("tags", []):
            break
    return "\n".join(found)


def notebooks(workers: int = 2, lessons: tuple[str, ...] = ()) -> dict:
    """Every notebook under nbval, as `python -m gritlib test` runs them: the solved ones at preset ci, the students' at
    smoke, one thread a process.

    Args:
        workers: processes. lessons: numbers, for example 00 01; by default all.

    Returns:
        "seconds": folder -> notebook -> seconds of its cells; "wall": folder -> seconds of the whole set; "failed":
        how many cells failed in each; workers, cores.

    Raises:
        FileNotFoundError: called outside the repository.
    """
    if not Path("notebooks").is_dir():
        raise FileNotFoundError("no folder notebooks here: run this in the root of the repository")
    row = {"seconds": {}, "wall": {}, "failed": {}, "workers": workers, "cores": all_threads()}
    for folder, extra in SETS.items():
        files = [str(file) for file in sorted(Path(folder).glob("*.ipynb")) if not lessons or file.name[:2] in lessons]
        with tempfile.TemporaryDirectory() as home:
            report = Path(home) / "report.xml"
            fixed = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "GRITLIB_HOME": home}
            command = [sys.executable, "-m", "pytest", *files, *NBVAL, "-q", "-n", str(workers), "--dist", "loadfile"]
            command.append(f"--junitxml={report}")
            began = time.perf_counter()
            subprocess.call(command, env={**os.environ, **fixed, **extra}, stdout=subprocess.DEVNULL)
            row["wall"][folder] = round(time.perf_counter() - began, 1)
            row["seconds"][folder], row["failed"][folder] = cells(report)
    return row


def cells(report: Path) -> tuple[dict[str, float], int]:
    """Of a JUnit file of nbval: notebook -> seconds of its cells, and how many cells failed."""
    found, failed = {}, 0
    for case in ElementTree.parse(report).iter("testcase"):
        name = Path(case.get("classname", "")).name.removesuffix(".ipynb").rpartition(".")[2]
        found[name] = round(found.get(name, 0.0) + float(case.get("time", 0)), 2)
        failed += any(child.tag in ("failure", "error") for child in case)
    return found, failed


def demo() -> dict:
    """Seconds of `python -m gritlib demo` in a process of its own, with all cores, from the first import to the last
    picture. It says whether it ended well."""
    before = load_average()
    with tempfile.TemporaryDirectory() as folder:
        env = {key: value for key, value in os.environ.items() if key not in ("GRITLIB_PRESET", "OMP_NUM_THREADS")}
        began = time.perf_counter()
        command = [sys.executable, "-m", "gritlib", "demo", "--out", str(Path(folder) / "run")]
        status = subprocess.call(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seconds = time.perf_counter() - began
    return {"seconds": round(seconds, 1), "status": status, "load_average": before}
