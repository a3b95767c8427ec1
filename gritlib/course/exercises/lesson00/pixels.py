"""00.1, from bytes to what a network sees, and back."""

import torch
from torch import Tensor

from gritlib.course.exercise import Exercise, Mistake, Part


def to_model(img: Tensor) -> Tensor:
    """(H, W, 3) uint8 -> (3, H, W) float32 in [-1, 1]."""
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t: Tensor) -> Tensor:
    """(3, H, W) float -> (H, W, 3) uint8."""
    return ((t + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)


def model_values(inputs, to_model, to_image):
    return {"picture": to_model(inputs["img"])}


def image_values(inputs, to_model, to_image):
    return {"image": to_image(inputs["t"])}


def there_and_back(inputs, to_model, to_image):
    return {"image": to_image(to_model(inputs["img"]))}


def sides(generator):
    """Unequal height and width: a transposed picture must not pass."""
    return tuple(int(n) for n in torch.randperm(5, generator=generator)[:2] + 3)


def draw_bytes(generator):
    return {"img": torch.randint(256, (*sides(generator), 3), generator=generator, dtype=torch.uint8)}


def draw_one_channel(generator):
    img = torch.zeros(*sides(generator), 3, dtype=torch.uint8)
    channel, value = (int(torch.randint(n, (), generator=generator)) for n in (3, 200))
    img[..., channel] = value + 56
    return {"img": img}


def draw_inside(generator):
    return {"t": torch.rand(3, *sides(generator), generator=generator, dtype=torch.float64) * 2 - 1}


def draw_outside(generator):
    """Levels below 0 and above 255, off the exact levels so that cutting decimals and rounding give the same."""
    shape = (3, *sides(generator))
    beyond = torch.randint(1, 60, shape, generator=generator) + 0.25
    level = torch.where(torch.rand(shape, generator=generator) < 0.5, -beyond, 255 + beyond)
    return {"t": level.double() / 127.5 - 1}


def draw_all_levels(generator):
    return {"img": torch.randperm(768, generator=generator).remainder(256).to(torch.uint8).reshape(32, 8, 3)}


def model_to_one(img):
    return img.permute(2, 0, 1).float() / 255


def model_128(img):
    return img.permute(2, 0, 1).float() / 128 - 1


def model_reshaped(img):
    return img.reshape(3, *img.shape[:2]).float() / 127.5 - 1


def model_transposed(img):
    return img.permute(2, 1, 0).float() / 127.5 - 1


def image_cut(t):
    return ((t + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(1, 2, 0)


def image_wrapped(t):
    return ((t + 1) * 127.5).round().to(torch.uint8).permute(1, 2, 0)


def image_reshaped(t):
    return ((t + 1) * 127.5).round().clamp(0, 255).to(torch.uint8).reshape(*t.shape[1:], 3)


def image_from_one(t):
    return (t * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)


ORDER = (
    "All numbers are there, in other places: reshape keeps the order in memory, where red, green and blue of one pixel "
    "are neighbours. Here whole axes must change places."
)

PIXELS = Exercise(
    id="00.1",
    names=("to_model", "to_image"),
    reference=(to_model, to_image),
    minutes=8,
    parts=(
        Part(
            "to_model: 0 becomes −1, 255 becomes 1, channels first, float32",
            1,
            draw_bytes,
            model_values,
            rtol=0,
            atol=1e-6,
            advice="Which two numbers take 0 to −1 and 255 to 1 by one division and one subtraction?",
        ),
        Part(
            "to_model: what is lit in one colour stays in that colour",
            1,
            draw_one_channel,
            model_values,
            rtol=0,
            atol=1e-6,
            advice="Print the mean of each of the three channels of a purely red picture.",
        ),
        Part(
            "to_image: the nearest of the 256 levels, channels last, uint8",
            1,
            draw_inside,
            image_values,
            advice="Undo to_model step by step, in the opposite order.",
        ),
        Part(
            "to_image: what lies outside [−1, 1] becomes 0 or 255",
            1,
            draw_outside,
            image_values,
            advice="A network's output can be 1.02. Look at what your function makes of it.",
        ),
        Part("there and back: every one of the 256 levels returns", 0, draw_all_levels, there_and_back),
    ),
    mistakes=(
        Mistake("The values lie in [0, 1]: here black is −1, and the middle grey is near 0.", (model_to_one, None)),
        Mistake(
            "White comes out as 0.992: 255 must become exactly 1, so half of the range is not 128.", (model_128, None)
        ),
        Mistake(ORDER, (model_reshaped, None)),
        Mistake(
            "Rows and columns have changed places: the picture lies on its side. Only the channels move.",
            (model_transposed, None),
        ),
        Mistake("The decimals are cut off: 253.99 became 253. Which whole number is nearest?", (None, image_cut)),
        Mistake(
            "Values outside [−1, 1] wrapped around: 1.02 became nearly black, because uint8 counts on from 0 after "
            "255. Keep them at the ends before you convert.",
            (None, image_wrapped),
        ),
        Mistake(ORDER, (None, image_reshaped)),
        Mistake("This reads the values as [0, 1]: everything below the middle grey is black.", (None, image_from_one)),
    ),
)
