"""The verdicts about an image buffer, for exercise 03.3, from nothing but what went in and what came out.

Chances are judged by bands of five standard deviations: of a million right buffers about one is outside of a band, and
the wrong ones that are known lie many times further away.
"""

from collections import Counter

import torch
from torch import Tensor

from gritlib.course.compare import brief
from gritlib.course.exercises.lesson03.ledger import ALWAYS, HANDED, OLDEST, books, explain, fits, numbers

PUBLIC = (0.5, HANDED)  # probability of an old image, and which one leaves
SIGMAS = 5


def odd(inputs, out) -> str | None:
    """What is wrong with the kind of what came out."""
    if isinstance(out, Tensor):
        return None
    one, part = out["odd"], out["batch"]
    if not out["intact"]:
        return "query changes the images that it is given in place: write into a copy, the generator still needs them"
    if isinstance(one, Tensor) and one.shape == part.shape:
        return f"what comes out is {one.dtype}, wanted {part.dtype}: keep the dtype of the images"
    said = f"query returned {brief(one)} for a batch of {tuple(part.shape)}, wanted as many images in one tensor"
    if one is None:
        return said + ": is a `return` missing?"
    return said + (": join them with torch.stack" if isinstance(one, (list, tuple)) else "")


def numbered(inputs, out: Tensor) -> tuple[list[int], str | None]:
    """Numbers of the images that came out, or what is wrong with them."""
    came = numbers(inputs["images"], out)
    if None in came:
        return came, (
            f"what came out for image {came.index(None) + 1} is none of the images given so far: they must come out as "
            "they went in"
        )
    if all(out == t for t, out in enumerate(came)):
        return came, (
            "what came out was always the image just given. Does a coin decide, is the old image returned, and is it "
            "taken out before the new one is written over it? `old = buffer[k]` of a tensor is no copy: clone it first"
        )
    return came, None


def judge_books(leaves):
    def judge(inputs, got, wanted):
        for name, out in got.items():
            if name == "new buffers":
                continue
            said = odd(inputs, out)
            if said:
                return said
            came, said = numbered(inputs, out)
            if said:
                return said
            said = explain(came, inputs["size"], leaves)
            if said:
                return f"size {inputs['size']}, {name}: {said}"
        size, batch, times = inputs["new"]
        if all(came == list(range(batch)) for came in (numbers(inputs["images"], out) for out in got["new buffers"])):
            return (
                f"{times} new buffers of size {size} were each given one batch of {batch}, and every image came "
                f"straight back: from image {size + 1} on the buffer is full and a coin decides. Look before each "
                "image whether there is still room, not once for the batch"
            )
        return None

    return judge


def strays(count: int, of: int, chance: float) -> bool:
    """Is a count further than SIGMAS from what so many throws with this chance give?"""
    return abs(count - of * chance) > SIGMAS * (of * chance * (1 - chance)) ** 0.5


def judge_coins(share):
    def judge(inputs, got, wanted):
        size = inputs["size"]
        for out in got.values():
            said = odd(inputs, out)
            if said:
                return said
        out, once_more, other = got.values()
        came, said = numbered(inputs, out)
        if said:
            return said
        if not torch.equal(out[: len(once_more)], once_more):
            return "the same state of the generator gave other images: draw everything from the generator you are given"
        if torch.equal(once_more, other):
            return "another state of the generator gave the same images: draw from the generator you are given"
        old = [t != one for t, one in enumerate(came)]
        n = len(came) - size
        count = sum(old[size:])
        if count == n:
            return f"all {n} images that came out of the full buffer were old ones: a coin decides for each"
        if strays(count, n, share):
            said = f"{count} of {n} images that came out of the full buffer were old ones, wanted a share of {share:g}"
            if share != PUBLIC[0] and not strays(count, n, PUBLIC[0]):
                return said + ". This is the public version: see the last sentence of the docstring"
            return said
        batch = inputs["batches"][-1]
        full = range(batch * (size // batch + 1), len(came), batch)
        mixed = sum(0 < sum(old[t : t + batch]) < batch for t in full)
        chance = 1 - share**batch - (1 - share) ** batch
        if not mixed:
            return f"all {batch} images of a batch are old, or none is: throw a coin for each image, not for the batch"
        if strays(mixed, len(full), chance):
            return (
                f"in {mixed} of {len(full)} batches of {batch} old and new images are mixed, with a coin for each "
                f"about {len(full) * chance:.0f} would be: one coin must not depend on another"
            )
        return None

    return judge


def judge_chances(leaves):
    def judge(inputs, got, wanted):
        size, batch, followed = inputs["size"], inputs["batches"][-1], []
        for out in got.values():
            said = odd(inputs, out)
            if said:
                return said
            came, said = numbered(inputs, out)
            if said:
                return said
            rule = next((rule for rule in (leaves, HANDED, OLDEST, ALWAYS) if fits(came, size, rule)), None)
            if rule is None:
                return "what the buffer holds cannot be followed: see the first property"
            followed.append(books(came, size, rule))
        # One by one, since it is as good to draw places for a whole batch, none of them twice.
        told, batches = followed[0], followed[-1]
        n = len(told.places)
        pairs = [i for i in range(1, len(batches.at)) if batches.at[i] // batch == batches.at[i - 1] // batch]
        if rule == HANDED and pairs and all(batches.places[i] == batches.places[i - 1] for i in pairs):
            return "all old images of a batch come from one place: draw a place for each image"
        for ranks, name in ((set(told.ranks), "stored longest"), ({size - 1 - r for r in told.ranks}, "stored last")):
            if ranks == {0}:
                return f"the old image that comes out is always the one {name}: draw one of all"
        for found, name in ((told.places, "place"), (told.ranks, "age")):
            counts = Counter(found)
            missing = [k for k in range(size) if not counts[k]]
            if missing:
                who = (
                    f"from place {missing[0] + 1}" if name == "place" else f"of age {size - missing[0]}, 1 the newest,"
                )
                return f"an image {who} never came out in {n} draws from {size}: does your random integer reach it?"
            k = max(range(size), key=lambda k: abs(counts[k] - n / size))
            if strays(counts[k], n, 1 / size):
                who = f"place {k + 1}" if name == "place" else f"age {size - k} (1 is the newest)"
                return f"{counts[k]} of {n} old images had {who}, wanted about {n / size:.0f}: all are equally likely"
        return None

    return judge


def judge_kept(inputs, got, wanted):
    said = odd(inputs, got["came"])
    if said:
        return said
    lines, came = [], got["came"]
    written = came.flatten(1).eq(inputs["scribble"]).all(1)
    if written.any():
        lines.append(
            "an image was written over after query had returned, and the buffer's changed with it: it keeps the same "
            "memory. detach() and slices share it, clone() does not"
        )
    if got["queries with a way back"]:
        lines.append(
            f"from what {got['queries with a way back']} queries returned a gradient flows back to images of earlier "
            "queries: the buffer keeps the graph that made them, and with it all of its memory. Detach what is kept"
        )
    if lines:
        return "\n".join(lines)
    return numbered(inputs, came)[1]


def judge_empty(inputs, got, wanted):
    for out in got.values():
        said = odd(inputs, out)
        if said:
            return said
        if not torch.equal(out, inputs["images"]):
            return "a buffer of size 0 keeps nothing: every image comes straight back"
    return None
