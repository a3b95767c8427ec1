"""Exercises of lesson 03, CycleGAN: the terms of both generators and of a discriminator, the buffer of old images, the
generator's residual block, and the message hidden in a translation."""

from gritlib.course.exercises.lesson03.discriminator_loss import DISCRIMINATOR_LOSS
from gritlib.course.exercises.lesson03.generator_losses import GENERATOR_LOSSES
from gritlib.course.exercises.lesson03.hidden_message import HIDDEN_MESSAGE
from gritlib.course.exercises.lesson03.image_buffer import IMAGE_BUFFER
from gritlib.course.exercises.lesson03.residual_block import RESIDUAL_BLOCK

EXERCISES = (GENERATOR_LOSSES, DISCRIMINATOR_LOSS, IMAGE_BUFFER, RESIDUAL_BLOCK, HIDDEN_MESSAGE)
