"""03.3: the buffer of old translations that a discriminator sees (Shrivastava et al. 2017).

The paper leaves open which images are replaced; the rule is that of the authors' code. For a class that has a cohort
key the probability changes, and which image leaves.
"""

import hashlib

import torch
from torch import Tensor

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.course.exercises.lesson03.image_buffer_judges import (
    PUBLIC,
    judge_books,
    judge_chances,
    judge_coins,
    judge_empty,
    judge_kept,
)
from gritlib.course.exercises.lesson03.ledger import HANDED, OLDEST

VARIANTS = ((0.3, HANDED), (0.7, HANDED), (0.3, OLDEST), (0.7, OLDEST))
DRAWS = 4000
REPEATED = 60  # of the draws, once more from the same state and once from another
SCRIBBLE = 7.0  # written over a given image


def buffer(share: float, leaves: str) -> type:
    """An image buffer that hands out an old image with this probability."""

    class ImageBuffer:
        """The last images of a generator, as a discriminator gets to see them: see 03.3."""

        def __init__(self, size: int, generator: torch.Generator):
            self.size, self.generator, self.images = size, generator, []

        def query(self, images: Tensor) -> Tensor:
            out, g = [], self.generator
            for image in images:
                if len(self.images) < self.size:
                    self.images.append(image.detach().clone())
                elif self.size and torch.rand((), generator=g, device=g.device) < share:
                    k = int(torch.randint(self.size, (), generator=g, device=g.device))
                    old = self.images[k]
                    self.images.pop(k if leaves == HANDED else 0)
                    self.images.append(image.detach().clone())
                    image = old
                out.append(image)
            return torch.stack(out)

    return ImageBuffer


def ask(inputs, ImageBuffer):
    def run(seed, batch, images, size):
        buffer = ImageBuffer(size, torch.Generator().manual_seed(seed))
        out = []
        for part in images.split(batch):
            given = part.clone()
            out.append(buffer.query(given))
            one, intact = out[-1], torch.equal(given, part)
            if not intact or not isinstance(one, torch.Tensor) or one.shape != part.shape or one.dtype != part.dtype:
                return {"odd": one, "batch": part, "intact": intact}
        return torch.cat(out)

    images, seed = inputs["images"], inputs["seed"]
    found = {f"batches of {batch}": run(seed, batch, images, inputs["size"]) for batch in inputs["batches"]}
    if inputs["again"]:
        batch, first = inputs["batches"][-1], images[: inputs["again"]]
        found["once more"] = run(seed, batch, first, inputs["size"])
        found["from another state"] = run(seed + 1, batch, first, inputs["size"])
    if "new" in inputs:
        size, batch, times = inputs["new"]
        found["new buffers"] = [run(seed + i, batch, images[:batch], size) for i in range(times)]
    return found


def keep(inputs, ImageBuffer):
    buffer = ImageBuffer(inputs["size"], torch.Generator().manual_seed(inputs["seed"]))
    sources, found, back = [], [], 0
    for part in inputs["images"].split(4):
        source = part.clone().requires_grad_()
        given = source * 1  # as a generator's output, it remembers how it was made
        out = buffer.query(given)
        intact = torch.equal(given.detach(), part)
        if not intact or not isinstance(out, torch.Tensor) or out.shape != part.shape or out.dtype != part.dtype:
            return {"came": {"odd": out, "batch": part, "intact": intact}}
        if out.requires_grad and sources:
            slopes = torch.autograd.grad(out.sum(), sources, retain_graph=True, allow_unused=True)
            back += any(slope is not None and bool(slope.any()) for slope in slopes)
        sources.append(source)
        found.append(out.detach().clone())
        given.data.fill_(inputs["scribble"])
    return {"came": torch.cat(found), "queries with a way back": back}


def draw_images(generator, images=240, batches=(1, 4), again=0, size=None):
    # Never a multiple of the batch: it fills up in the middle of one.
    size = (5, 6, 7, 9)[int(torch.randint(4, (), generator=generator))] if size is None else size
    return {
        "images": torch.randn(images, 2, 1, 2, generator=generator, dtype=torch.float64),
        "size": size,
        "batches": list(batches),
        "seed": int(torch.randint(2**31, (), generator=generator)),
        "again": again,
    }


def draw_books(generator):
    """Also 70 new buffers that fill up in the middle of their first batch: of 210 coins thrown there one falls so that
    an old image comes out. They hold more than what is left of the batch, whose places may be drawn at once."""
    return draw_images(generator) | {"new": [5, 8, 70]}


def draw_coins(generator):
    return draw_images(generator, DRAWS, (4,), REPEATED)


def draw_places(generator):
    return draw_images(generator, DRAWS)


def draw_kept(generator):
    return draw_images(generator, 120) | {"scribble": SCRIBBLE}


def draw_empty(generator):
    return draw_images(generator, 24, size=0)


class NoPlace(buffer(*PUBLIC)):
    """Draws a place among none."""

    def query(self, images):
        if not self.size:
            torch.randint(0, (1,), generator=self.generator)
        return super().query(images)


class NoImage(buffer(*PUBLIC)):
    """Takes an image out of none."""

    def query(self, images):
        return super().query(images) if self.size else [][0]


NO_ROOM = "With size 0 there is no place to draw and no image to take out: the images come straight back."


def exercise(share: float, leaves: str, note: str = "") -> Exercise:
    half = "half" if share == 0.5 else f"{100 * share:.0f} %"
    chance = "a coin of its own" if share == 0.5 else "a draw of its own"
    return Exercise(
        id="03.3",
        names=("ImageBuffer",),
        reference=(buffer(share, leaves),),
        minutes=20,
        parts=(
            Part(
                "it fills up; then a new image comes straight back, or an old one does and the new one is kept",
                1,
                draw_books,
                ask,
                judge_books(leaves),
                repeat=4,
            ),
            Part(
                f"full: {half} of what comes out is old, each image has {chance}",
                1,
                draw_coins,
                ask,
                judge_coins(share),
            ),
            Part("each kept image is equally likely to come out", 1, draw_places, ask, judge_chances(leaves)),
            Part("what it keeps are copies, without the graph that made them", 1, draw_kept, keep, judge_kept),
            Part("size 0: every image comes straight back", 0, draw_empty, ask, judge_empty),
        ),
        mistakes=(Mistake(NO_ROOM, NoPlace), Mistake(NO_ROOM, NoImage)),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: another probability, and perhaps another image that leaves."""
    share, leaves = VARIANTS[hashlib.sha256(key.encode()).digest()[0] % len(VARIANTS)]
    note = f"In this class an old image comes out with probability {share:g} instead of one half"
    if leaves == HANDED:
        return exercise(share, leaves, f"{note}; it is still the one handed out that leaves the buffer.")
    return exercise(
        share,
        leaves,
        f"{note}, and the image that then leaves the buffer is the one stored longest, whichever is handed out (which "
        "may come out again).",
    )


IMAGE_BUFFER = exercise(*PUBLIC)
