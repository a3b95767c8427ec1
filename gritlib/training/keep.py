"""Which checkpoints of a run stay: the newest always (checkpoint.pt), the last few where asked for, and the best.

Each is a complete checkpoint that `evaluate` and `translate` take. A stop between two savings (Ctrl-C, SIGTERM, the
time limit) writes checkpoint.pt alone, so that a run in pieces keeps the same files as a run in one.
"""

import contextlib
import math
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import torch

from gritlib.methods import Method
from gritlib.training.config import TrainConfig

# What a score is worth, smaller being better. The gap of a right spectrum is 0, from both sides.
WORTH = {"L1": lambda s: s, "PSNR": lambda s: -s, "SSIM": lambda s: -s, "spectrum_gap": abs}


def check(config: TrainConfig, out: Path | None, score: Callable | None) -> None:
    """Refuse what cannot be kept, before a step is taken.

    Raises:
        ValueError: see the messages.
    """
    if config.keep_last < 0:
        raise ValueError(f"keep_last is {config.keep_last}: it must be 0 (checkpoint.pt alone) or more")
    if config.keep_best is not None and config.keep_best not in WORTH:
        raise ValueError(f"keep_best is {config.keep_best!r}: choose one of {', '.join(WORTH)}, or None")
    if config.keep_best and score is None:
        raise ValueError(
            f"keep_best={config.keep_best!r} needs images that are not trained on: give "
            f"fit(score=scorer(val, {config.keep_best!r})) with scorer of gritlib.evaluation.scorer"
        )
    if score is not None and not config.keep_best:
        raise ValueError(f"score is given and keep_best is None: choose one of {', '.join(WORTH)}")
    if out is None and (config.keep_last or config.keep_best):
        raise ValueError("keep_last and keep_best need a folder to keep checkpoints in: give out")


def numbered(out: Path) -> dict[int, Path]:
    """step -> checkpoint_STEP.pt of a run folder, in order."""
    found = {int(path.stem.split("_")[1]): path for path in out.glob("checkpoint_*.pt") if path.stem[11:].isdigit()}
    return dict(sorted(found.items()))


def holds_run(out: Path) -> bool:
    """Is there a checkpoint that must not be written over by accident?"""
    return (out / "checkpoint.pt").exists() or (out / "best.pt").exists() or bool(numbered(out))


def clear(out: Path) -> None:
    """Remove an older run's log, checkpoints and pictures: what is begun anew must not be resumed from them."""
    old = (out / "log.jsonl", out / "checkpoint.pt", out / "best.pt", *numbered(out).values())
    for path in (*old, *out.glob("samples/step_*.png"), *out.glob("tensorboard/events.out.tfevents.*")):
        path.unlink(missing_ok=True)


def second_name(path: Path, name: str) -> None:
    """Keep a complete file under a second name of its folder, which is there whole or not at all: a link, or a copy
    where the file system has no links."""
    temporary = path.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        try:
            os.link(path, temporary)
        except OSError:
            shutil.copyfile(path, temporary)
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path.with_name(name))
    finally:
        temporary.unlink(missing_ok=True)


class Keeper:
    """What one run keeps beside its newest checkpoint.

    Args:
        config: says what. out: the run folder. score: method with averaged weights -> number, for `keep_best`.
    """

    def __init__(self, config: TrainConfig, out: Path | None, score: Callable[[Method], float] | None):
        self.config, self.out, self.score = config, out, score
        self.best: dict | None = None  # metric, step, score: travels in every checkpoint

    def judge(self, averaged: Method, line: dict) -> None:
        """Score the averaged weights, note it in the line of the log, and remember the best. What the scorer does to
        randomness stays here. A score that is not finite is never the best."""
        name = self.config.keep_best
        if name is None:
            return
        with torch.random.fork_rng():
            score = float(self.score(averaged))
        line[f"score_{name}"] = round(score, 5) if math.isfinite(score) else None
        worth = WORTH[name]
        if math.isfinite(score) and (self.best is None or worth(score) < worth(self.best["score"])):
            self.best = {"metric": name, "step": line["step"], "score": score}

    def after(self, step: int, regular: bool) -> None:
        """checkpoint.pt of this step is written: give it its other names, then delete what is older than the last few.

        Nothing is deleted before the new files are whole. Safe to repeat: a resumed run does what a killed one left
        undone.

        Args:
            regular: a saving, not a stop between two.
        """
        newest = self.out / "checkpoint.pt"
        for abandoned in (*self.out.glob(".checkpoint_*.tmp"), *self.out.glob(".best.pt.*.tmp")):
            abandoned.unlink(missing_ok=True)
        if self.best and self.best["step"] == step:
            second_name(newest, "best.pt")
        if self.config.keep_last and regular:
            second_name(newest, f"checkpoint_{step:06d}.pt")
            # Later ones are of a run that was taken back to an earlier checkpoint, and no concern of this saving.
            upto = [path for number, path in numbered(self.out).items() if number <= step]
            for old in upto[: -self.config.keep_last]:
                with contextlib.suppress(OSError):  # on Windows, while somebody reads it
                    old.unlink()

    def resume(self, content: dict, regular: bool) -> None:
        """Go on from the content of checkpoint.pt. The best by another metric is forgotten."""
        best = content.get("best")
        self.best = best if best and best["metric"] == self.config.keep_best else None
        self.after(content["step"], regular)
