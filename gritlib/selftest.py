"""The tests of the repository, as the README's second command runs them."""

import os
import subprocess
import sys
from pathlib import Path


def run_tests(quick: bool, workers: int) -> int:
    """pytest on tests/, then nbval on the notebooks that are there.

    Returns:
        The exit status of the first run that fails, 0 when none does.

    Raises:
        FileNotFoundError: called outside the repository.
    """
    if not Path("tests").is_dir():
        raise FileNotFoundError("no folder tests here: run this in the root of the repository")
    # One thread a process: two of them beat one with two threads, and results do not depend on who else computes.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    shared = ["-q", "-n", str(workers), "--dist", "loadfile"]
    runs = [(["tests", *shared, *(["-m", "not slow"] if quick else [])], {})]
    if not quick:
        for folder, preset in (("solutions", "ci"), ("notebooks", "smoke")):
            if list(Path(folder).glob("*.ipynb")):
                runs.append(([folder, "--nbval-lax", *shared], {"GRITLIB_PRESET": preset}))
    for arguments, extra in runs:
        print("pytest " + " ".join(arguments), flush=True)
        status = subprocess.call([sys.executable, "-m", "pytest", *arguments], env={**environment, **extra})
        if status:
            return status
    return 0
