"""Exercises of lesson 06, GRIT: what coupling makes of noise, the two layers of its upsampling blocks, the two heads
and what each loss sees of them, and a measure of how much of the picture the noise decides."""

from gritlib.course.exercises.lesson06.adain import ADAIN
from gritlib.course.exercises.lesson06.coupled_l1 import COUPLED_L1
from gritlib.course.exercises.lesson06.grit_loss import GRIT_LOSS
from gritlib.course.exercises.lesson06.noise_use import NOISE_USE
from gritlib.course.exercises.lesson06.spatial_noise import SPATIAL_NOISE
from gritlib.course.exercises.lesson06.two_heads import TWO_HEADS

EXERCISES = (COUPLED_L1, ADAIN, SPATIAL_NOISE, TWO_HEADS, GRIT_LOSS, NOISE_USE)
