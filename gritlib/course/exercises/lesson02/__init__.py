"""Exercises of lesson 02: the constant a loss asks for, a perceptual loss, what a loss wants of each frequency band,
and two comparisons of sets: Fréchet's distance, precision and recall."""

from gritlib.course.exercises.lesson02.best_constant import BEST_CONSTANT
from gritlib.course.exercises.lesson02.frechet_distance import FRECHET_DISTANCE
from gritlib.course.exercises.lesson02.gain_derivative import GAIN_DERIVATIVE
from gritlib.course.exercises.lesson02.perceptual_loss import PERCEPTUAL_LOSS
from gritlib.course.exercises.lesson02.precision_recall import PRECISION_RECALL

EXERCISES = (BEST_CONSTANT, PERCEPTUAL_LOSS, GAIN_DERIVATIVE, FRECHET_DISTANCE, PRECISION_RECALL)
