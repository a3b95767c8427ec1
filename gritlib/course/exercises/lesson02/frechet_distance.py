"""02.4: how far apart two sets of features are, each taken for a Gaussian.

Tolerances leave room for other ways to a square root; with fewer samples than dimensions for FID's own, which adds a
little to the diagonals.
"""

import torch

from gritlib.course.compare import difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson02.frechet_distance_mistakes import MISTAKES
from gritlib.course.exercises.lesson02.gaussians import frechet_distance

COMPLEX = (
    "the result is complex. A product of two covariances has real eigenvalues that are not negative; but it is not "
    "symmetric, so a general method returns complex numbers, and rounding makes zeros a little negative. Take the "
    "real part and clamp it at 0 before the root."
)


def distance_of(inputs, frechet_distance):
    answer = frechet_distance(inputs["a"], inputs["b"])
    if isinstance(answer, complex) or (isinstance(answer, torch.Tensor) and answer.is_complex()):
        return {"real and imaginary part": torch.view_as_real(torch.as_tensor(answer))}
    return {"distance": answer}


def distances_of(inputs, frechet_distance):
    a, b, turn = inputs["a"], inputs["b"], inputs["turn"]
    pairs = {"a to b": (a, b), "b to a": (b, a), "both turned": (a @ turn, b @ turn)}
    answers = {name: frechet_distance(*pair) for name, pair in pairs.items()}
    for answer in answers.values():
        if isinstance(answer, complex) or (isinstance(answer, torch.Tensor) and answer.is_complex()):
            return {"real and imaginary part": torch.view_as_real(torch.as_tensor(answer))}
    return answers


def judge(rtol):
    def compare(inputs, got, wanted):
        if "real and imaginary part" in got:
            return COMPLEX
        for answer in got.values():
            if number(answer) is None:
                return returned(answer, "one number")
        return difference(got, wanted, rtol, 1e-6)

    return compare


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def draw_sets(generator, more=20):
    """Two sets of different size, whose features are correlated in different ways."""
    d = int(torch.randint(3, 7, (), generator=generator))
    n, m = (d + more + torch.randint(1, 20, (2,), generator=generator)).tolist()
    m += n == m
    a, b = (normal(generator, count, d) @ normal(generator, d, d) + normal(generator, d) for count in (n, m))
    return {"a": a, "b": b}


def draw_moved(generator):
    """b is a, moved."""
    a = draw_sets(generator)["a"]
    return {"a": a, "b": a + 2 * normal(generator, a.shape[1])}


def uncorrelated(generator, n, d):
    """A set whose covariances are exactly 0."""
    x = normal(generator, n, d)
    x = torch.linalg.qr(x - x.mean(0)).Q * (n - 1) ** 0.5
    return x * (0.5 + 2 * torch.rand(d, generator=generator, dtype=torch.float64)) + normal(generator, d)


def draw_uncorrelated(generator):
    d = int(torch.randint(2, 6, (), generator=generator))
    n, m = torch.randint(30, 60, (2,), generator=generator).tolist()
    return {"a": uncorrelated(generator, n, d), "b": uncorrelated(generator, m, d)}


def draw_few(generator):
    """Fewer samples than dimensions, as with every small test set."""
    n, m = torch.randint(8, 13, (2,), generator=generator).tolist()
    a, b = (normal(generator, count, 24) @ normal(generator, 24, 24) / 5 for count in (n, m))
    return {"a": a, "b": b + 0.5}


def draw_turned(generator):
    inputs = draw_sets(generator)
    d = inputs["a"].shape[1]
    return {**inputs, "turn": torch.linalg.qr(normal(generator, d, d)).Q}


FRECHET_DISTANCE = Exercise(
    id="02.4",
    names=("frechet_distance",),
    reference=(frechet_distance,),
    minutes=20,
    parts=(
        Part(
            "b is a, moved by v: the distance is ‖v‖²",
            1,
            draw_moved,
            distance_of,
            judge(1e-5),
            "Only the means differ here. What should the covariances' terms add up to?",
            repeat=3,
        ),
        Part(
            "features without correlation: ‖v‖² and the squared differences of the standard deviations",
            1,
            draw_uncorrelated,
            distance_of,
            judge(1e-5),
            "Covariances divide by N − 1. For diagonal matrices roots and products are those of their elements.",
            repeat=3,
        ),
        Part(
            "correlated features",
            1,
            draw_sets,
            distance_of,
            judge(1e-5),
            "Compare your last term with a matrix root computed another way, for 2x2 matrices.",
            repeat=3,
        ),
        Part(
            "fewer samples than dimensions: real and finite all the same",
            1,
            draw_few,
            distance_of,
            judge(1e-3),
            "Look at the eigenvalues before the root is taken.",
            repeat=3,
        ),
        Part(
            "the same from b to a, and after turning both sets",
            0,
            draw_turned,
            distances_of,
            judge(1e-5),
            "Turning the feature space changes no distance, but it changes every single variance.",
            repeat=2,
        ),
    ),
    mistakes=MISTAKES,
)
