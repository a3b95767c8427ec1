"""The one loop, and what makes it safe to interrupt: schedule, averaged weights, checkpoints."""

from gritlib.training.checkpoint import load_method, read
from gritlib.training.config import TrainConfig
from gritlib.training.fit import Run, fit

__all__ = ["Run", "TrainConfig", "fit", "load_method", "read"]
