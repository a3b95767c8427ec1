"""Exercises of lesson 00: pixels, pixel scores, joint jitter, the radial spectrum, an interval over paired seeds."""

from gritlib.course.exercises.lesson00.interval import PAIRED_INTERVAL
from gritlib.course.exercises.lesson00.jitter import JOINT_JITTER
from gritlib.course.exercises.lesson00.pixels import PIXELS
from gritlib.course.exercises.lesson00.scores import PIXEL_SCORES
from gritlib.course.exercises.lesson00.spectrum import RADIAL_SPECTRUM

EXERCISES = (PIXELS, PIXEL_SCORES, JOINT_JITTER, RADIAL_SPECTRUM, PAIRED_INTERVAL)
