"""The recorded runs as a student gets them: six logs, one a fault, chosen and ordered by the student's id, and the
healthy run of the same dataset beside each. File names are hashes, so that a listing tells nothing; only who opens a
file finds its fault.
"""

import functools
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gritlib.data.images import read_image

FOLDER = Path(__file__).parents[1] / "results" / "clinic"
LETTERS = "ABCDEF"
SIDE = 64  # of one picture in a strip

# Name -> dataset and its options. Faces are left out: they are never shifted, only mirrored, and with a mirrored target
# L1 hardly rises (39.5 against 39.0); and D wins there from the start, so that "D is too strong" would not be wrong.
DATASETS: dict[str, tuple[str, dict]] = {
    "earth": ("earth", {}),
    "grove": ("grove", {}),
    "earth with height": ("earth", {"height": True}),
}
RECORDED = (
    "healthy",
    "no_detach",
    "labels_swapped",
    "learning_rate",
    "no_condition",
    "jitter_not_joint",
    "lambda_on_gan",
)
# What was planted -> dataset and seed of its runs; no two runs share a seed.
CASES: dict[str, tuple[tuple[str, int], ...]] = {
    fault: tuple((dataset, 3 * number + k) for k, dataset in enumerate(DATASETS, 1))
    for number, fault in enumerate(RECORDED)
}

# Means over ten steps of training batches, but for those on held-out images, which are looked at every tenth step.
CURVES: dict[str, str] = {
    "D_real": "D's loss on real images, halved; ½ ln 2 = 0.35 is what a D has that knows nothing",
    "D_fake": "D's loss on generated images, halved",
    "adv": "G's adversarial loss −log D, without a weight",
    "L1": "mean absolute difference to the target on the training batch, 0-255, without λ",
    "held_out": "the same on images that are not trained on",
    "G_listens": "how much the output changes (0-255) when the input is exchanged for another image's",
    "D_looks": "how much D's logits for a real image change when the input beside it is exchanged",
    "gap": "fine detail of the outputs in ln power, 0 being the truth's, negative blur",
    "pull": "gradient of the adversarial term at G's output, as a multiple of the L1 term's; both with their weights",
    "update": "how far one step moves a weight of G (root mean square)",
    "left": "what D's half leaves in G's gradient, as a share of the gradient with which G then moves",
}


@dataclass(frozen=True)
class Log:
    """One recorded run.

    Args:
        dataset: on what it was trained, a key of `DATASETS`. curves: "step" and the names of `CURVES`, 70 values each.
        picture: PNG strip. steps: after which the outputs in it were made. fault: the answer; not shown when a log is
            printed.
    """

    dataset: str
    curves: dict[str, list[float]] = field(repr=False)
    picture: Path = field(repr=False)
    steps: tuple[int, ...] = field(repr=False)
    fault: str = field(repr=False)

    def mean(self, name: str, start: float = 2 / 3, end: float = 1.0) -> float:
        """Mean of a curve over a part of the run; without arguments over its last third."""
        values = self.curves[name]
        part = values[round(start * len(values)) : round(end * len(values))]
        return sum(part) / len(part)

    def strip(self) -> list[list[np.ndarray]]:
        """Pictures (64, 64, 3) uint8, one list a row: inputs, the outputs after each of `steps`, truths."""
        sheet = read_image(self.picture)
        return [list(np.split(row, sheet.shape[1] // SIDE, 1)) for row in np.split(sheet, sheet.shape[0] // SIDE)]


def digest(*words: object) -> int:
    """A number that follows from the words alone, the same on every machine and with every Python."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, words)).encode()).digest()[:8], "big")


def stem(fault: str, case: int) -> str:
    """File name of a run, without suffix."""
    return f"log-{digest('clinic', fault, case):016x}"[:12]


@functools.lru_cache(maxsize=32)
def read(fault: str, case: int, folder: Path = FOLDER) -> Log:
    """A recorded run.

    Args:
        fault: a key of `CASES`. case: which of its runs, from 0.

    Raises:
        FileNotFoundError: it was not recorded.
    """
    path = folder / f"{stem(fault, case)}.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: record the runs with gritlib.studies.clinic.record.record_all()")
    kept = json.loads(path.read_text(encoding="utf-8"))
    pictured = tuple(kept["recipe"]["pictured"])
    return Log(kept["dataset"], kept["curves"], path.with_suffix(".png"), pictured, kept["fault"])


def healthy(dataset: str) -> Log:
    """The run without a fault on a dataset.

    Raises:
        ValueError: no run on this dataset.
    """
    if dataset not in DATASETS:
        raise ValueError(f"no healthy run on {dataset!r}: there is one on each of {', '.join(DATASETS)}")
    return read("healthy", list(DATASETS).index(dataset))


def drawn(student: str) -> dict[str, Log]:
    """The six logs of a student, "A" to "F": one for each fault, in an order that follows from the id alone.

    Args:
        student: any text that names the student.

    Raises:
        ValueError: an empty id.
    """
    if not student:
        raise ValueError("the student's id is empty: give any text that is theirs alone")
    faults = [fault for fault in CASES if fault != "healthy"]
    order = sorted(faults, key=lambda fault: digest("order", student, fault))
    cases = [digest("case", student, fault) % len(CASES[fault]) for fault in order]
    return {letter: read(fault, case) for letter, fault, case in zip(LETTERS, order, cases, strict=True)}
