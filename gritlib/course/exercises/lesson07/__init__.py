"""Exercises of lesson 07, understanding GRIT: is the spread the truth's, what does a perfect sampler pay, the weights
between two networks, how well somebody tells real from made, and how coarse the residual is."""

from gritlib.course.exercises.lesson07.calibration import CALIBRATION
from gritlib.course.exercises.lesson07.dprime import DPRIME
from gritlib.course.exercises.lesson07.interpolate import INTERPOLATE
from gritlib.course.exercises.lesson07.low_share import LOW_SHARE
from gritlib.course.exercises.lesson07.sampler_cost import SAMPLER_COST

EXERCISES = (CALIBRATION, SAMPLER_COST, INTERPOLATE, DPRIME, LOW_SHARE)
