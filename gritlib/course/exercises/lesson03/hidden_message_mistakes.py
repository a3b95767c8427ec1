"""The right answer to 03.5, and common first tries that no random number hides, with what is said about each."""

import torch
from torch import Tensor

from gritlib.course.exercise import Mistake
from gritlib.course.exercises.lesson03.generator_losses_mistakes import SHADOWED

UNIT = 127.5  # grey levels in one unit of [-1, 1]


def mean_abs(a: Tensor, b: Tensor) -> Tensor:
    """One number an image."""
    return (a - b).abs().mean((1, 2, 3))


def hidden_message(G, F, x: Tensor, sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        y = G(x)
        noise = torch.randn(y.shape, generator=generator, device=generator.device, dtype=y.dtype).to(y.device)
        return tuple(UNIT * mean_abs(F(image), x) for image in (y, y + sigma / UNIT * noise))


def as_it_is(z: Tensor) -> Tensor:
    return z


def message_with(
    *, error=mean_abs, unit=UNIT, aim=lambda x, y, back: x, limit=as_it_is, limit_clean=None, trip="there and back"
):
    """hidden_message with something replaced.

    Args:
        error: of a reconstruction and an aim. unit: factor of the results. aim: (x, G(x), F(G(x))) -> what the noisy
            reconstruction is compared with. limit: what happens to an image before F; limit_clean: to the one without
            noise, if something else. trip: or "there", without F.
    """

    def hidden_message(G, F, x, sigma, generator):
        with torch.no_grad():
            y = G(x)
            noise = torch.randn(y.shape, generator=generator, dtype=y.dtype)
            clean, noisy = (limit_clean or limit)(y), limit(y + sigma / UNIT * noise)
            back = (F(clean), F(noisy)) if trip == "there and back" else (clean, noisy)
            return unit * error(back[0], x), unit * error(back[1], aim(x, y, back[0]))

    return hidden_message


def against_translation(G, F, x, sigma, generator):
    y = G(x)
    clean = UNIT * mean_abs(F(y), y)
    return clean, clean


def other_way(G, F, x, sigma, generator):
    clean = UNIT * mean_abs(G(F(x)), x)
    return clean, clean


def exchanged(G, F, x, sigma, generator):
    clean, noisy = hidden_message(G, F, x, sigma, generator)
    return noisy, clean


SIGNS = (
    "It looks as if abs() comes after the mean, or is missing: values that come back too bright and too dark cancel. "
    "Absolute difference first, then the mean of each image."
)
SQUARES = "It looks as if differences are squared: wanted is the mean of the absolute differences."
GREY = (
    "It looks as if the error is in another unit. From −1 to 1 are two units for 255 grey levels: an error in grey "
    "levels is 127.5 times the error in [−1, 1]."
)

CLAMPED = (
    "It looks as if G's answer is clamped to [−1, 1] before it goes into F, with the noise or without. That changes "
    "the message; here it goes in as it is."
)

MISTAKES = (
    # Before those that make something else of x: with an F that undoes G some of them give its numbers.
    Mistake("It looks as if the two results are exchanged: clean comes first.", exchanged),
    Mistake(SIGNS, message_with(error=lambda a, b: (a - b).mean((1, 2, 3)).abs())),
    Mistake(SIGNS, message_with(error=lambda a, b: (a - b).mean((1, 2, 3)))),
    Mistake(SIGNS, message_with(error=lambda a, b: (b - a).mean((1, 2, 3)))),
    Mistake(SQUARES, message_with(error=lambda a, b: (a - b).square().mean((1, 2, 3)))),
    Mistake(SQUARES, message_with(error=lambda a, b: (UNIT * (a - b)).square().mean((1, 2, 3)), unit=1)),
    Mistake(SQUARES, message_with(error=lambda a, b: (a - b).square().mean((1, 2, 3)).sqrt())),
    Mistake(GREY, message_with(unit=1)),
    Mistake(GREY, message_with(unit=255)),
    Mistake(
        "It looks as if you add up the differences of an image instead of averaging them.",
        message_with(error=lambda a, b: (a - b).abs().sum((1, 2, 3))),
    ),
    Mistake(CLAMPED, message_with(limit=lambda z: z.clamp(-1, 1))),
    Mistake(CLAMPED, message_with(limit=lambda z: z.clamp(-1, 1), limit_clean=as_it_is)),
    Mistake(CLAMPED, message_with(limit_clean=lambda z: z.clamp(-1, 1))),
    Mistake(
        "It looks as if noisy is compared with the clean reconstruction. Both errors are distances from x, so that "
        "they can be compared with each other.",
        message_with(aim=lambda x, y, back: back),
    ),
    Mistake(
        "It looks as if noisy is compared with G(x): the reconstruction is one of x.",
        message_with(aim=lambda x, y, back: y),
    ),
    Mistake("It looks as if the reconstruction is compared with G(x): it is one of x.", against_translation),
    Mistake("It looks as if the way back is missing: x is compared with G(x) itself.", message_with(trip="there")),
    Mistake("It looks as if x goes through F first: G takes images of X, F brings back what G made.", other_way),
    *(Mistake(SHADOWED, lambda G, F, *others, name=name: getattr(F, name)) for name in ("l1_loss", "mse_loss")),
)
