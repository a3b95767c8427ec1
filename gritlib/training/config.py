"""Settings of a training run, and its result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gritlib.methods import Method


@dataclass
class TrainConfig:
    """How long, how fast, how precisely; saved in every checkpoint."""

    steps: int = 1200
    """optimisation steps, each one turn of every player"""
    batch_size: int = 8
    """images of a step; several processes share them"""
    seed: int = 0
    """decides the batches, crops, noise and dropout of every step, and in `train` and `demo` the initial weights"""
    constant: float = 0.5
    """share of the steps at full learning rate; then linear to zero"""
    ema: float = 0.995
    """decay of the averaged weights; 0 keeps the last weights"""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bfloat16 where the hardware computes it (AVX512-BF16 or AMX CPUs, recent GPUs), else float32"""
    device: Literal["auto", "cpu"] = "auto"
    """auto: the GPU if there is one"""
    minutes: float | None = None
    """stop after that many minutes, with a checkpoint to resume from"""
    recompute: bool = False
    """keep less of the generators' forward pass and compute it again in the backward pass: less memory, more time"""
    compile: bool = False
    """compile the networks: for long runs on a GPU, where nobody has tried it; a CPU waits a minute and gains little"""
    log_every: int = 50
    """steps between log lines; losses are read from the device only then"""
    sample_every: int = 400
    """steps between sample pictures; 0 draws only the last"""
    save_every: int = 400
    """steps between checkpoints; 0 writes only the last"""
    keep_last: int = 0
    """also keep the checkpoints of the last so many savings, as checkpoint_000400.pt; 0 keeps checkpoint.pt alone"""
    keep_best: Literal["L1", "PSNR", "SSIM", "spectrum_gap"] | None = None
    """score held-out images at every saving and keep the best as best.pt; of the gap the one nearest to 0 is best"""
    tensorboard: bool = False
    """also write losses, rates, scores and pictures for TensorBoard, to the run folder's tensorboard/"""


@dataclass
class Run:
    """What `fit` returns: the averaged method ready for use, the trained one, the log, how it ended and what it cost.

    `best` is the metric, step and score of best.pt, if one is kept. The two rates count optimisation alone (images over
    all processes), `seconds` everything; `peak_mib` is `device.peak_memory`.
    """

    method: Method
    trained: Method
    history: list[dict] = field(default_factory=list)
    step: int = 0
    finished: bool = True
    steps_per_second: float = 0.0
    images_per_second: float = 0.0
    seconds: float = 0.0
    peak_mib: float = 0.0
    out: Path | None = None
    best: dict | None = None


def check(config: TrainConfig, source) -> None:
    """Refuse settings that cannot work, naming what would.

    Raises:
        ValueError: see the messages.
    """
    for name in ("steps", "batch_size", "log_every"):
        if getattr(config, name) < 1:
            raise ValueError(f"{name} is {getattr(config, name)}: it must be 1 or more")
    for name in ("constant", "ema"):
        if not 0 <= getattr(config, name) <= 1:
            raise ValueError(f"{name} is {getattr(config, name)}: it must lie between 0 and 1")
    for name, choices in (("precision", ("auto", "fp32", "bf16")), ("device", ("auto", "cpu"))):
        if getattr(config, name) not in choices:
            raise ValueError(f"{name} is {getattr(config, name)!r}: choose one of {', '.join(choices)}")
    if config.compile and config.recompute:
        raise ValueError("compile and recompute are both True: compiled networks keep what they hold, choose one")
    if config.minutes is not None and config.minutes <= 0:
        raise ValueError(f"minutes is {config.minutes}: it must be more than 0, or None for no limit")
    if len(source) == 0:
        raise ValueError("the source is empty: nothing to train on")
