"""Keeps the books of an image buffer from outside, for exercise 03.3: from what went in and what came out, what it
must hold.

Students draw their random numbers in any order, so nothing is compared with the reference's: the books say whether an
image could come out at all, and from which place.
"""

from dataclasses import dataclass, field

from torch import Tensor

# Which image leaves when one enters. NOTHING: none enters. ALWAYS: the oldest leaves, also when the new one came out.
HANDED, OLDEST, NOTHING, ALWAYS = "the one handed out", "the one stored longest", "nothing", "always"


@dataclass
class Books:
    """What happened to a buffer of this size under this rule.

    Args:
        fault: number of the image for which one came out that the buffer could not hold; None if all agrees.
        places, ranks: of each old image that came out, its place in the buffer and its rank by age, 0 the oldest.
        at: for which image it came.
    """

    fault: int | None = None
    places: list[int] = field(default_factory=list)
    ranks: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)


def numbers(given: Tensor, out: Tensor) -> list[int | None]:
    """Which of the given images each one that came out is; None for an image that was never given."""
    known = {image.numpy().tobytes(): i for i, image in enumerate(given)}
    return [known.get(image.numpy().tobytes()) for image in out.detach()]


def books(came: list[int], size: int, leaves: str = HANDED) -> Books:
    """Follow a buffer. `came`: number of the image that came out for image 0, 1, …"""
    kept, by_age, told = [], [], Books()
    for t, out in enumerate(came):
        full = len(kept) == size
        if out != t and (not full or out not in kept):
            told.fault = t
            return told
        if not full:
            kept.append(t)
            by_age.append(t)
            continue
        if out != t:
            told.places.append(kept.index(out))
            told.ranks.append(by_age.index(out))
            told.at.append(t)
        if leaves != NOTHING and (out != t or leaves == ALWAYS) and size:
            gone = out if leaves == HANDED else by_age[0]
            by_age.remove(gone)
            by_age.append(t)
            kept[kept.index(gone)] = t
    return told


def fits(came: list[int], size: int, leaves: str) -> bool:
    return books(came, size, leaves).fault is None


def explain(came: list[int], size: int, leaves: str) -> str | None:
    """What is wrong with the bookkeeping, in words; None if it can be that of a buffer of this rule."""
    told = books(came, size, leaves)
    if told.fault is None:
        return None
    t = told.fault
    out, first = came[t], next((i for i in range(size, len(came)) if came[i] == came[t] != i), None)
    if t < size:
        return (
            f"image {t + 1} brought back image {out + 1}, although {t} of {size} places were taken: until all are, "
            "every image is kept and comes straight back"
        )
    if fits(came, size, NOTHING):
        return "old images come out, but no new one ever enters: what comes out is always one of the first " + str(size)
    other = OLDEST if leaves == HANDED else HANDED
    if fits(came, size, other):
        return f"your buffer lets {other} go: wanted is that {leaves} goes and the new image takes its place" + (
            "" if other == OLDEST else ". This is the public version: see the last sentence of the docstring"
        )
    more = next((more for more in range(1, 8) if fits(came, size + more, leaves)), None)
    if more:
        return (
            f"your buffer holds {size + more} images, not {size}: look before each image whether there is still room, "
            "since it may fill up in the middle of a batch"
        )
    if fits(came, size, ALWAYS):
        return (
            "every new image enters, also when it comes straight back itself: one that comes straight back is not kept"
        )
    number = f"image {out + 1} came out for image {t + 1}"
    if first is not None and first < t:
        return (
            f"{number} and before that for image {first + 1}: "
            + (
                "what is handed out leaves the buffer"
                if leaves == HANDED
                else "the one stored longest leaves the buffer"
            )
            + ", and the new image takes its place"
        )
    return (
        f"{number}, although it cannot have been in the buffer of {size}: one that came straight back is not kept, and "
        f"of the kept ones {leaves} goes when a new one enters"
    )
