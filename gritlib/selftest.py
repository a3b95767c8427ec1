"""The tests of the repository, as the README's second command runs them."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CELL_SECONDS = 600  # several times what a whole lesson may take at preset ci; a cell beyond it hangs


def run_tests(quick: bool, workers: int) -> int:
    """pytest on tests/, then whether the notebooks are what their sources make, then nbval on every notebook: the
    solved ones at preset ci, where a claim that is not shown fails, and the students' at smoke.

    Each part has a folder of its own for what a student's run would leave in theirs, and says how long it took.

    Returns:
        The exit status of the first part that fails, 0 when none does.

    Raises:
        FileNotFoundError: called outside the repository.
    """
    if not Path("tests").is_dir():
        raise FileNotFoundError("no folder tests here: run this in the root of the repository")
    for words, extra in parts(quick, workers):
        print(" ".join(words), flush=True)
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as home:
            # One thread a process: two of them beat one with two threads, and do not depend on who else computes.
            fixed = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "GRITLIB_HOME": home}
            status = subprocess.call([sys.executable, "-m", *words], env={**os.environ, **fixed, **extra})
        print(f"{time.perf_counter() - began:.0f} s", flush=True)
        if status:
            return status
    return 0


def parts(quick: bool, workers: int) -> list[tuple[list[str], dict[str, str]]]:
    """The commands after `python -m`, in order, and what each adds to the environment."""
    shared = ["-q", "-n", str(workers), "--dist", "loadfile"]
    if quick:
        return [(["pytest", "tests", *shared, "-m", "not slow"], {})]
    found = [(["pytest", "tests", *shared], {})]
    if any(Path("solutions").glob("*.py")) or any(Path("notebooks").glob("*.ipynb")):
        found.append((["gritlib", "course", "build", "--check"], {}))
    nbval = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={CELL_SECONDS}"]
    presets = {"solutions": {"GRITLIB_PRESET": "ci", "GRITLIB_STRICT": "1"}, "notebooks": {"GRITLIB_PRESET": "smoke"}}
    for folder, extra in presets.items():
        if any(Path(folder).glob("*.ipynb")):
            found.append((["pytest", folder, *nbval, *shared], extra))
    return found
