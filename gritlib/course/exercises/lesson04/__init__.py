"""Exercises of lesson 04, CUT: the contrast between patches, where patches are taken, what they see, the whole loss,
and a map of where a place finds itself again."""

from gritlib.course.exercises.lesson04.cut_losses import CUT_LOSSES
from gritlib.course.exercises.lesson04.encoder_fields import ENCODER_FIELDS
from gritlib.course.exercises.lesson04.patch_nce import PATCH_NCE
from gritlib.course.exercises.lesson04.sample_patches import SAMPLE_PATCHES
from gritlib.course.exercises.lesson04.similarity_map import SIMILARITY_MAP

EXERCISES = (PATCH_NCE, SAMPLE_PATCHES, ENCODER_FIELDS, CUT_LOSSES, SIMILARITY_MAP)
