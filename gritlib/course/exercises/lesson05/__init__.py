"""Exercises of lesson 05, SPADE: instance norm by hand, the layer that reads its scale and shift off the map, the style
code's two formulas, what discriminator and generator minimise, and the scores of a segmentation."""

from gritlib.course.exercises.lesson05.hinge_matching import HINGE_MATCHING
from gritlib.course.exercises.lesson05.instance_norm import INSTANCE_NORM
from gritlib.course.exercises.lesson05.segmentation_scores import SEGMENTATION_SCORES
from gritlib.course.exercises.lesson05.spade import SPADE_LAYER
from gritlib.course.exercises.lesson05.style_code import STYLE_CODE

EXERCISES = (INSTANCE_NORM, SPADE_LAYER, STYLE_CODE, HINGE_MATCHING, SEGMENTATION_SCORES)
