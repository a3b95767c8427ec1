"""Runs studies: a study varies one thing over datasets and paired seeds and writes one JSON a run, and where it wants
one a strip of pictures beside it.

A run that has its JSON is never computed again, so a study can be interrupted, resumed, and spread over processes or
machines with `shard`.
"""

import json
import platform
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gritlib.data import catalog, images
from gritlib.data.source import Source
from gritlib.training import TrainConfig
from gritlib.training.checkpoint import write_text
from gritlib.training.samples import input_picture

STUDIES = (
    *("first-light", "skips", "patches", "losses", "unpaired", "geometry", "unpaired-cost", "spade"),
    *("unpaired-choices", "interpolation", "grit-ablation", "scoreboard"),
)
COMMITTED = Path(__file__).parent / "results"
# Settings of a training that came after the first committed runs; they change no result.
LATER = {"recompute", "compile", "keep_last", "keep_best", "tensorboard"}


@dataclass(frozen=True)
class Study:
    """What varies, over what, and how it is judged.

    Args:
        name, claim: what is measured, in words. arms: the things compared. run: (arm, dataset, seed, steps) -> metrics,
            a dict of plain numbers; after them may come the outputs (n, 3, H, W) for the places of `shown`, and a dict
            of details, which is stored beside the metrics.
        recipe: the settings that all arms share; a run under others is not mistaken for one of these.
        ratios: metrics of which the report gives the geometric mean of subject / other over paired seeds.
        differences: metrics of which it gives the mean of subject − other: those that may be negative or zero.
        compared: pairs (subject, other) of arms; without any, the first arm with each of the rest.
        shown: dataset -> name -> index in the test split, the places whose outputs are kept as pictures.
        pictured: the seeds of which pictures are kept. left_out: (arm, dataset, seed) -> is this run no part of the
            study, because it is too slow, or makes no sense? real: arms whose outputs are the dataset's own images.
        load: (dataset, split, size) -> its images, where the name alone does not say which. table: records -> the
            report in Markdown, where a mean over seeds says little.
    """

    name: str
    claim: str
    arms: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    steps: int
    run: Callable[[str, str, int, int], dict | tuple]
    recipe: Callable[[], dict]
    ratios: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    compared: tuple[tuple[str, str], ...] = ()
    shown: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    pictured: tuple[int, ...] = ()
    left_out: Callable[[str, str, int], bool] = lambda arm, dataset, seed: False
    real: tuple[str, ...] = ()
    load: Callable[[str, str, int], Source] = catalog.load
    table: Callable[[list[dict]], str] | None = None

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """What the report compares: (subject, other)."""
        return self.compared or tuple((self.arms[0], other) for other in self.arms[1:])

    @property
    def claims(self) -> dict[str, tuple[tuple[str, str, str], ...]]:
        """What a paper says -> the comparisons (subject, other, metric) that speak to it, from the table of claims."""
        from gritlib.studies import claims

        return claims.of(self.name)


def stated(training: TrainConfig) -> dict:
    """The settings of a training that a recipe states: the same today as in the committed runs."""
    return {key: value for key, value in asdict(training).items() if key not in LATER}


def get(name: str) -> Study:
    """A study by name.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    if name not in STUDIES:
        raise ValueError(f"study {name!r} is unknown: choose one of {', '.join(STUDIES)}")
    return import_module(f"gritlib.studies.{name.replace('-', '_')}").STUDY


def steps_of(study: Study, preset: str) -> int:
    """Steps of a study at another preset's length: its own are those of `cpu`, the others in proportion."""
    from gritlib.presets import TRAINING

    return max(1, round(study.steps * TRAINING[preset].steps / TRAINING["cpu"].steps))


def run(
    study: Study,
    out: Path,
    datasets: tuple[str, ...] | None = None,
    seeds: tuple[int, ...] | None = None,
    steps: int | None = None,
    shard: tuple[int, int] = (0, 1),
) -> list[Path]:
    """Compute the runs that have no JSON yet.

    Args:
        out: folder; run files go to out/<study>/<dataset>-<arm>-seed<k>.json, a run's pictures beside it as .png, the
            inputs and truths of the places shown to <dataset>-input.png and -truth.png. datasets, seeds, steps: fewer
            or others than the study's own. shard: (i, n) computes every n-th dataset and seed, all arms, beginning at
            the i-th.

    Returns:
        Paths of the run files written by this call.
    """
    steps = study.steps if steps is None else steps
    # Arms that will be compared run on the same machine.
    pairs = [(d, s) for d in datasets or study.datasets for s in seeds or study.seeds][shard[0] :: shard[1]]
    todo = [(d, a, s) for d, s in pairs for a in study.arms if not study.left_out(a, d, s)]
    written, code = [], commit()  # of the code that this process has loaded, whatever happens to the files later
    for number, (dataset, arm, seed) in enumerate(todo):
        path = out / study.name / f"{dataset}-{arm}-seed{seed}.json"
        if path.exists():
            done = json.loads(path.read_text(encoding="utf-8"))
            if (done["steps"], done["recipe"]) != (steps, study.recipe()):
                raise ValueError(f"{path} was run with other steps or settings than now: choose another folder")
            continue
        print(f"[{number + 1}/{len(todo)}] {path.stem}", flush=True)
        began = time.perf_counter()
        outcome = study.run(arm, dataset, seed, steps)
        metrics, *more = outcome if isinstance(outcome, tuple) else (outcome,)
        record = {
            "study": study.name,
            "dataset": dataset,
            "arm": arm,
            "seed": seed,
            "steps": steps,
            "recipe": study.recipe(),
            "metrics": metrics,
            "seconds": round(time.perf_counter() - began, 1),
            "environment": environment(),
            "commit": code,
        }
        for part in more:
            if isinstance(part, dict):
                record["details"] = part
            elif seed in study.pictured:
                save_references(study, dataset, path.parent)
                real = arm in study.real
                made = f"{arm} of {dataset}: the dataset's, not generated" if real else "generated by gritlib"
                images.save_png(strip(part), path.with_suffix(".png"), made)
        # The run file comes last: where it is, everything is.
        write_text(json.dumps(record, indent=1) + "\n", path)
        written.append(path)
    return written


def strip(pictures: Tensor) -> Image.Image:
    """(n, C, H, W) in [-1, 1] as one picture, side by side without a gap."""
    return Image.fromarray(np.concatenate(list(images.to_uint8(pictures)), 1))


def save_references(study: Study, dataset: str, folder: Path) -> None:
    """The inputs and the truths of the places shown, as strips; files that are there stay."""
    paths = {kind: folder / f"{dataset}-{kind}.png" for kind in ("input", "truth")}
    if all(path.exists() for path in paths.values()):
        return
    source = study.load(dataset, "test", study.recipe()["size"])
    batch = source.batch(list(study.shown[dataset].values()))
    for kind, pictures in (("input", input_picture(batch, source)), ("truth", batch["B"])):
        # A satellite's or a camera's picture must not call itself generated.
        images.save_png(strip(pictures), paths[kind], f"{kind} of {dataset}, test split: the dataset's, not generated")


def environment() -> dict:
    """What the numbers may depend on beside the code."""
    from gritlib import __version__
    from gritlib.training.device import best_precision

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return {
        "gritlib": __version__,
        "torch": torch.__version__.split("+")[0],
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name() if device.type == "cuda" else f"cpu ({platform.machine()})",
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "precision": best_precision(device),
        "threads": torch.get_num_threads(),
    }


def commit(package: Path = Path(__file__).parents[1]) -> str:
    """The commit of the checkout that the package lies in, with "+changes" where files of the package differ from it;
    "unknown" without git, or where the package is installed without its repository.

    Results do not count as changes: the runs of one study are written while the next one runs.
    """

    def git(*words: str) -> str:
        call = ["git", "--no-optional-locks", "-C", str(package), *words]
        return subprocess.run(call, capture_output=True, encoding="utf-8", check=True, timeout=20).stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")  # else it is the repository of somebody's environment
        head, changes = git("rev-parse", "HEAD"), git("status", "--porcelain", "--", ".", ":(exclude)studies/results")
    except (OSError, ValueError, subprocess.SubprocessError):
        return "unknown"
    return head + "+changes" * bool(changes)


def read(study: Study | str, folder: Path) -> list[dict]:
    """All records of a study, or of the study of this name, in a stable order."""
    files = sorted((folder / (study if isinstance(study, str) else study.name)).glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]
