"""Trains the runs of the clinic and keeps what a student sees of them: curves, and outputs at three moments.

To record everything anew (about twenty minutes on one core; what has its file is skipped, so delete first):

    python -c "from gritlib.studies.clinic.record import record_all; record_all()"
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gritlib.data import catalog, images
from gritlib.data.source import Source
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.metrics import high_frequency_gap, l1_255
from gritlib.nets.patchgan import condition
from gritlib.studies.clinic.logs import CASES, DATASETS, FOLDER, stem
from gritlib.studies.clinic.planted import FACTOR, LAMBDA, PLANTED, RATE, SeparateJitter, train_step
from gritlib.studies.runner import environment
from gritlib.training import fit
from gritlib.training.checkpoint import write_text
from gritlib.training.samples import input_picture

STEPS, BATCH, EVERY, SIZE = 700, 4, 10, 64
HELD_OUT = 48  # validation images on which the networks are looked at
PICTURED = (100, 300, 700)  # the outputs after so many steps are kept
PLACES = 4
COLOURS, BYTES = (256, 192, 128, 64), 60_000  # of a strip: the largest palette with which it is small enough


def recipe() -> dict:
    """The settings that all runs share but for what is planted."""
    return {
        "steps": STEPS,
        "batch_size": BATCH,
        "lr": RATE,
        "factor_planted": FACTOR,
        "lambda": LAMBDA,
        "size": SIZE,
        "held_out": HELD_OUT,
        "pictured": list(PICTURED),
    }


class Recorder:
    """A step for `fit` that plants a fault, looks at the networks every `EVERY` steps and keeps outputs.

    Args:
        fault: a key of `PLANTED`. held_out: a batch of images that are not trained on.
    """

    def __init__(self, fault: str, held_out: dict[str, Tensor]):
        self.planted, self.held_out = PLANTED[fault], held_out
        self.step, self.outputs = 0, []

    def __call__(self, method: Pix2Pix, batch: dict, optimizers: dict) -> dict[str, Tensor]:
        before = weights(method)
        terms = train_step(method, batch, optimizers, self.planted)
        terms["update"] = (weights(method) - before).square().mean().sqrt()
        self.step += 1
        if self.step % EVERY == 0:
            terms |= self.look(method)
        if self.step in PICTURED:
            with torch.no_grad():
                self.outputs.append(method.G(places(self.held_out)["A"]))
        return terms

    @torch.no_grad()
    def look(self, method: Pix2Pix) -> dict[str, float]:
        """What the networks do with held-out images.

        Returns:
            "held_out": L1 (0-255). "gap": high-frequency gap of the outputs. "G_listens": mean absolute difference
            (0-255) between the outputs for the right input and for another image's. "D_looks": mean absolute
            difference between D's logits for a true image beside its own input and beside another's.
        """
        x, y = self.held_out["A"], self.held_out["B"]
        other = x.roll(1, 0)
        made = method.G(x).clamp(-1, 1)
        conditional = "no_condition" not in self.planted
        beside = [method.D(condition(y, given if conditional else None)) for given in (x, other)]
        return {
            "held_out": l1_255(made, y).mean().item(),
            "gap": high_frequency_gap(made, y),
            "G_listens": 127.5 * (made - method.G(other).clamp(-1, 1)).abs().mean().item(),
            "D_looks": (beside[0] - beside[1]).abs().mean().item(),
        }


def weights(method: Pix2Pix) -> Tensor:
    """A copy of all of G's weights in one row."""
    return torch.nn.utils.parameters_to_vector(method.G.parameters()).detach().clone()


def places(held_out: dict[str, Tensor]) -> dict[str, Tensor]:
    """The few images of which the outputs are kept."""
    chosen = torch.linspace(0, len(held_out["A"]) - 1, PLACES).long()
    return {key: value[chosen] for key, value in held_out.items()}


def record(fault: str, case: int, folder: Path = FOLDER) -> Path:
    """Train one run and write its curves (JSON) and its pictures (PNG) under a name that does not tell the fault.

    Args:
        fault: a key of `PLANTED`. case: 0, 1 or 2, see `CASES`.

    Returns:
        The JSON's path.

    Raises:
        KeyboardInterrupt: the training was stopped before its end.
    """
    dataset, seed = CASES[fault][case]
    name, options = DATASETS[dataset]
    train, val = (catalog.load(name, split, SIZE, **options) for split in ("train", "val"))
    held_out = val.batch(torch.linspace(0, len(val) - 1, HELD_OUT).long().tolist())
    planted = PLANTED[fault]
    settings = Pix2PixConfig(
        lr=FACTOR * RATE if "learning_rate" in planted else RATE, conditional="no_condition" not in planted
    )
    source = SeparateJitter(train) if "jitter_not_joint" in planted else train
    torch.manual_seed(seed)
    method, recorder = Pix2Pix(settings.fit_to(train)), Recorder(fault, held_out)
    began = time.perf_counter()
    run = fit(method, source, step=recorder, steps=STEPS, batch_size=BATCH, seed=seed, log_every=EVERY, progress=False)
    if not run.finished:
        raise KeyboardInterrupt
    curves = {name: [float(f"{row[name]:.4g}") for row in run.history] for name in run.history[0]}
    kept = {
        "fault": fault,
        "case": case,
        "dataset": dataset,
        "seed": seed,
        "recipe": recipe(),
        "seconds": round(time.perf_counter() - began, 1),
        "environment": environment() | {"precision": "fp32"},  # what `fit` computes a step of one's own in
        "curves": curves,
    }
    path = folder / f"{stem(fault, case)}.json"
    description = f"{dataset}: inputs, outputs of a training run (generated), the dataset's own images"
    sheet = strip(places(held_out), recorder.outputs, train)
    for colours in COLOURS:
        picture = images.save_png(
            sheet.quantize(colours, dither=Image.Dither.NONE), path.with_suffix(".png"), description
        )
        if picture.stat().st_size <= BYTES:
            break
    # The JSON comes last: where it is, everything is.
    write_text(json.dumps(kept) + "\n", path)
    return path


def strip(few: dict[str, Tensor], outputs: list[Tensor], source: Source) -> Image.Image:
    """Rows: input, the outputs, truth; columns: places."""
    rows = [input_picture(few, source), *outputs, few["B"]]
    return Image.fromarray(np.concatenate([np.concatenate(list(images.to_uint8(row)), 1) for row in rows]))


def record_all(folder: Path = FOLDER) -> list[Path]:
    """Record every run of `CASES` that has no file yet.

    Returns:
        The JSON files written by this call.
    """
    todo = [(fault, case) for fault, cases in CASES.items() for case in range(len(cases))]
    written = []
    for number, (fault, case) in enumerate(todo):
        if not (folder / f"{stem(fault, case)}.json").exists():
            print(f"[{number + 1}/{len(todo)}] {fault} {case}", flush=True)
            written.append(record(fault, case, folder))
    return written
