"""Where a run's numbers and pictures go while it trains: log.jsonl, samples/, and TensorBoard where it is wanted."""

import json
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gritlib.data import images
from gritlib.training.checkpoint import write_text


def check(wanted: bool, out: Path | None) -> None:
    """Refuse TensorBoard where it cannot work, before a step is taken.

    Raises:
        ValueError: the package is missing, or there is no folder to write to.
    """
    if not wanted:
        return
    if out is None:
        raise ValueError("tensorboard=True needs a folder to write to: give out")
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: F401
    except ImportError as error:
        raise ValueError('tensorboard=True needs a package: pip install tensorboard (or "gritlib[board]")') from error


def announce(name: str, parameters: int, device: torch.device, precision: str, world: int) -> None:
    """Say what is about to be trained, and on what."""
    print(
        f"{name}: {parameters / 1e6:.2f} M parameters, {device}, {precision}, {torch.get_num_threads()} threads, "
        f"processes: {world}"
    )
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if device.type == "cpu" and load > (os.cpu_count() or 1):
        print(f"note: the machine is busy (load {load:.1f}), expect fewer steps a second")


class Board:
    """The log of one run.

    Args:
        out: the run folder; None writes nothing, as in all processes but the first. tensorboard: also write
            out/tensorboard.
    """

    def __init__(self, out: Path | None, tensorboard: bool = False):
        self.out, self.tensorboard, self.writer = out, tensorboard, None
        self.written, self.before = 0, (0, 0.0)

    def begin(self, history: list[dict], step: int) -> None:
        """A run begins, or goes on at `step` after the lines of `history`: what was logged later will be again."""
        if self.out is None:
            return
        self.written, self.before = len(history), (step, 0.0)
        if history:
            write_text("".join(json.dumps(line) + "\n" for line in history), self.out / "log.jsonl")
        if self.tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            purge = history[-1]["step"] + 1 if history else 0
            self.writer = SummaryWriter(str(self.out / "tensorboard"), purge_step=purge)

    def line(self, history: list[dict], images: int, seconds: float, optimizers: dict, best: dict | None) -> None:
        """Write the last line of the history, if it is not written yet.

        Args:
            images: of a step. seconds: of optimisation since the run began or went on. optimizers: of the
                players, for their learning rates. best: the best score so far, if one is kept.
        """
        if self.out is None or len(history) == self.written:
            return
        self.written, line = len(history), history[-1]
        self.out.mkdir(parents=True, exist_ok=True)
        with open(self.out / "log.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        if self.writer is None:
            return
        step, (earlier, spent) = line["step"], self.before
        self.before = (step, seconds)
        values = {f"learning_rate/{player}": o.param_groups[0]["lr"] for player, o in optimizers.items()}
        if seconds > spent:
            values["images_per_second"] = (step - earlier) * images / (seconds - spent)
        if best:
            values[f"best/{best['metric']}"] = best["score"]
        for key, value in line.items():
            if key != "step" and value is not None:
                values[f"score/{key[6:]}" if key.startswith("score_") else f"loss/{key}"] = value
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def sample(self, picture: Image.Image, step: int) -> None:
        """Keep a sample picture."""
        images.save_png(picture, self.out / "samples" / f"step_{step:06d}.png")
        if self.writer is not None:
            self.writer.add_image("samples", np.asarray(picture.convert("RGB")), step, dataformats="HWC")

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
