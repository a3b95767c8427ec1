"""Exercises of lesson 01, pix2pix, one file each."""

from gritlib.course.exercises.lesson01.adversarial_losses import ADVERSARIAL_LOSSES
from gritlib.course.exercises.lesson01.diagnose import DIAGNOSE
from gritlib.course.exercises.lesson01.receptive_field import RECEPTIVE_FIELD
from gritlib.course.exercises.lesson01.train_step import TRAIN_STEP
from gritlib.course.exercises.lesson01.unet_forward import UNET_FORWARD
from gritlib.course.exercises.lesson01.up_block import UP_BLOCK

EXERCISES = (UP_BLOCK, UNET_FORWARD, RECEPTIVE_FIELD, ADVERSARIAL_LOSSES, TRAIN_STEP, DIAGNOSE)
