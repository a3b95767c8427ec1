"""The one loop, and what makes it safe to interrupt: schedule, averaged weights, checkpoints."""

from gritlib.training.checkpoint import load_method, read
from gritlib.training.config import Run, TrainConfig
from gritlib.training.fit import fit

__all__ = ["Run", "TrainConfig", "fit", "load_method", "read"]
