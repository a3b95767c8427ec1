"""04.1: which patch of the input is the partner of this patch of the output?

Unit vectors are drawn where lengths are not the question, so that a missing normalisation costs its own part alone. For
a class that has a cohort key every negative counts several times, or a part of once.
"""

import hashlib
import math

import torch
from torch import Tensor

from gritlib import losses
from gritlib.course.compare import difference
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson04.patch_nce_mistakes import contrasting, mistakes, table
from gritlib.nets.patch_sampler import normalise

PUBLIC = 1.0  # how many times a negative counts
WEIGHTS = (0.25, 0.5, 3.0, 4.0)  # of a class


def patch_nce(q: Tensor, k: Tensor, tau: float = 0.07) -> Tensor:
    return losses.patch_nce(normalise(q), normalise(k.detach()), tau)


def loss_of(inputs, patch_nce):
    tau = {"tau": inputs["tau"]} if "tau" in inputs else {}
    return {"loss": patch_nce(inputs["q"], inputs["k"], **tau)}


def slopes_of(inputs, patch_nce):
    q, k = (inputs[name].requires_grad_() for name in ("q", "k"))
    loss = patch_nce(q, k, inputs["tau"])
    if not isinstance(loss, torch.Tensor) or loss.shape != inputs["weights"].shape:
        return {"loss": loss}
    # A zero of each keeps what the loss does not depend on inside the graph.
    total = (loss * inputs["weights"]).sum() + 0 * (q.sum() + k.sum())
    slopes = torch.autograd.grad(total, (q, k))
    return {"loss": loss, "gradient at q": slopes[0], "gradient at k": slopes[1]}


def normal(generator, *shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def uniform(generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def draw_units(generator, batch=1):
    """Queries that look a little like their keys; another number of places than of channels."""
    places, channels = (torch.randperm(5, generator=generator)[:2] + 5).tolist()
    k = normal(generator, batch, places, channels)
    return {"q": normalise(k + normal(generator, *k.shape)), "k": normalise(k)}


def draw_one(generator):
    # Far enough from 0.07 that a formula with that number in it shows.
    return {**draw_units(generator), "tau": round(uniform(generator, 0.12, 0.4), 3)}


def draw_four(generator):
    return draw_units(generator, batch=4)


def draw_lengths(generator):
    inputs = draw_units(generator)
    for side in ("q", "k"):
        inputs[side] = inputs[side] * 10 ** (4 * torch.rand(inputs[side].shape[:2], generator=generator)[..., None] - 1)
    return {**inputs, "tau": 0.2}


def draw_cold(generator):
    """A τ so small that the exponential of a similarity is beyond float64. Every second query looks like the key that
    is least like its own: the share of its own key is beyond float64 too."""
    inputs = draw_units(generator)
    k = inputs["k"]
    farthest = k[:, table(k, k)[0].argmin(1)]
    near = torch.where(torch.arange(k.shape[1])[:, None] % 2 == 0, k, farthest)
    q = normalise(near + 0.1 * normalise(normal(generator, *k.shape)))
    return {"q": q, "k": k, "tau": round(uniform(generator, 2e-4, 6e-4), 6)}


def draw_slopes(generator):
    inputs = draw_one(generator)
    return {**inputs, "weights": normal(generator, *inputs["q"].shape[:2])}


def draw_alike(generator):
    inputs = draw_units(generator, batch=2)
    return {name: side[:, :1].expand_as(side).contiguous() for name, side in inputs.items()}


def judge_slopes(inputs, got, wanted):
    slope = got.get("gradient at q")
    if slope is not None and not slope.any() and not got["gradient at k"].any():
        return "no gradient arrives at q, and none at k: the loss has no way back to anything"
    return difference(got, wanted, 1e-4, 1e-6)


def exercise(weight: float, reference, note: str = "") -> Exercise:
    alike = "log S" if weight == PUBLIC else f"log(1 + {weight:g}·(S − 1))"
    return Exercise(
        id="04.1",
        names=("patch_nce",),
        reference=(reference,),
        minutes=25,
        parts=(
            Part(
                "one image: for each place the cross-entropy among its S keys, with any τ",
                2,
                draw_one,
                loss_of,
                advice="In steps: all similarities of one image, S x S, a row for each query; divided by tau; the "
                "cross-entropy of each row, whose right answer stands on the diagonal.",
                rtol=1e-5,
                atol=1e-5,
                repeat=3,
            ),
            Part(
                "four images: negatives come from the same image",
                1,
                draw_four,
                loss_of,
                advice="Each image has a table of S x S similarities of its own: (B, S, S) in all. tau is not given "
                "here, so it is 0.07.",
                rtol=1e-5,
                atol=1e-5,
                repeat=2,
            ),
            Part(
                "the length of a feature vector plays no part",
                1,
                draw_lengths,
                loss_of,
                advice="Each of the B x S vectors of q and of k is divided by its own length, over the C channels.",
                rtol=1e-4,
                atol=1e-4,
                repeat=3,
            ),
            Part(
                "finite and exact with a very small τ",
                1,
                draw_cold,
                loss_of,
                advice="exp(1/τ) is beyond float64 for τ below 0.0014, in float32 already below 0.0113; and the "
                "softmax of what is far below the largest is 0, whose logarithm is infinite. Look for one function "
                "that takes softmax and logarithm at once.",
                rtol=1e-5,
                atol=1e-2,
                repeat=2,
            ),
            Part(
                "the gradient reaches q, and none flows into k",
                1,
                draw_slopes,
                slopes_of,
                judge_slopes,
                "q is what should move; k is where it should go.",
                repeat=2,
            ),
            Part(
                f"all patches alike: {alike}",
                0,
                draw_alike,
                loss_of,
                advice="With nothing to tell them apart, every key gets the same share of the softmax.",
                rtol=1e-5,
                atol=1e-5,
            ),
        ),
        mistakes=mistakes(weight),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: negatives that count ¼, ½, 3 or 4 times."""
    weight = WEIGHTS[hashlib.sha256(key.encode()).digest()[0] % len(WEIGHTS)]
    note = (
        f"In this class every negative counts {weight:g} times: below the fraction bar each exp(v·v⁻/τ) is multiplied "
        f"by {weight:g}, the exp(v·v⁺/τ) of the positive is not. S patches all alike then cost "
        f"log(1 + {weight:g}·(S − 1))."
    )
    return exercise(weight, contrasting(math.log(weight)), note)


PATCH_NCE = exercise(PUBLIC, patch_nce)
