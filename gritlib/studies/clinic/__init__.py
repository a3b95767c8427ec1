"""The bug clinic of lesson 01: recorded runs of pix2pix with one planted fault each, and what gives each fault away.

`planted` is the training step with its faults, `record` trains and keeps the runs, `logs` hands them to a student,
`diagnosis` has the answers and the replies.
"""

from gritlib.studies.clinic.diagnosis import CHOICES, DISTRACTORS, FAULTS, confusion, rule
from gritlib.studies.clinic.logs import CURVES, Log, drawn, healthy

__all__ = ["CHOICES", "CURVES", "DISTRACTORS", "FAULTS", "Log", "confusion", "drawn", "healthy", "rule"]
