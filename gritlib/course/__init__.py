"""What a student imports: `start` a lesson, `check` an answer, `predict` a result, see the progress."""

from gritlib.course.check import check, claim, predict, reveal
from gritlib.course.progress import show_progress
from gritlib.course.session import pieces, start, steps, student

__all__ = ["check", "claim", "pieces", "predict", "reveal", "show_progress", "start", "steps", "student"]
