"""00.3, joint jitter: enlarge, crop and mirror an input, its target and its label map in the same way.

Students may draw in any order, so nothing is compared with the reference's random numbers: the judges find out from the
pictures themselves where each crop was taken and whether it was mirrored.
"""

from collections import Counter

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.compare import brief
from gritlib.course.exercise import Exercise, Part
from gritlib.data import augment

NAMES = ("a", "b", "label")
SIDES = ((4, 5), (6, 7), (8, 9))
GAP = 10  # between ids, so that a mixture of two is none of them
DRAWS = 400  # a share of one half has a standard deviation of 2.5 % in them


def joint_jitter(
    a: Tensor,
    b: Tensor,
    label: Tensor,
    load: int,
    crop: int,
    generator: torch.Generator,
    sides: tuple = SIDES,
) -> tuple[Tensor, Tensor, Tensor]:
    """Enlarge to load, cut out crop at a random place, mirror at random, all three alike."""
    size = (load, load)
    a, b = (F.interpolate(x[None], size, mode="bilinear", align_corners=False)[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), size, mode="nearest")[0, 0].to(label.dtype)

    corner, bounds = torch.zeros(1, 2, dtype=torch.int64), torch.tensor([[0, load, 0, load]])
    ((top, left),) = augment.random_offsets(corner, bounds, crop, load, generator).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))

    chosen = torch.rand(1, generator=generator) < 0.5
    a, b, label = (augment.flip(x[None], chosen, -1)[0] for x in (a, b, label))
    return a, b, augment.swap_sides(label[None], chosen, sides)[0]


def many(inputs, joint_jitter):
    arguments = [inputs[name] for name in ("a", "b", "label", "load", "crop")]
    generator = torch.Generator().manual_seed(inputs["seed"])
    return {"draws": [joint_jitter(*arguments, generator) for _ in range(inputs["draws"])]}


def twice(inputs, joint_jitter):
    arguments, draws = [inputs[name] for name in ("a", "b", "label", "load", "crop")], []
    for _ in range(2):  # the second run must repeat the first: the generator starts anew
        generator = torch.Generator().manual_seed(inputs["seed"])
        draws += [joint_jitter(*arguments, generator) for _ in range(inputs["draws"])]
    return {"draws": draws}


def draw_scene(generator, draws=200, load=12, crop=8):
    """a = b, no enlargement needed, every pixel unlike every other; the label's ids are none of the sides'."""
    a = torch.rand(3, load, load, generator=generator, dtype=torch.float64) * 2 - 1
    label = 20 + torch.randperm(load * load, generator=generator).reshape(load, load)
    seed = int(torch.randint(2**31, (), generator=generator))
    return {"a": a, "b": a.clone(), "label": label, "load": load, "crop": crop, "seed": seed, "draws": draws}


def draw_many(generator):
    return draw_scene(generator, draws=DRAWS)


def draw_face(generator):
    """All 19 ids of a face, so that sides exist that must change."""
    inputs = draw_scene(generator, draws=40, load=10, crop=9)
    return inputs | {"label": torch.randint(19, (10, 10), generator=generator)}


def draw_ramps(generator):
    """Pictures that tell at every pixel where it came from: ramps to the right and down, in units of source pixels."""
    size, load = 12, int(torch.randint(18, 25, (), generator=generator))
    x, y = torch.meshgrid(*2 * [torch.arange(size, dtype=torch.float64)], indexing="xy")
    scale = 0.02 + 0.05 * torch.rand(1, generator=generator).double()
    seed = int(torch.randint(2**31, (), generator=generator))
    a, b = torch.stack([x, y, x]) * scale - 0.5, torch.stack([y, x]) * scale - 0.5
    label = 20 + GAP * (size * y + x).long()
    return {"a": a, "b": b, "label": label, "load": load, "crop": 11, "seed": seed, "draws": 40}


# How the judges look at crops ----------------------------------------------------------------------------------------


def key(picture: Tensor) -> bytes:
    """Equal for pictures that are equal to rounding."""
    return (picture.double() * 1e4).round().long().numpy().tobytes()


def places(image: Tensor, crop: int) -> dict[bytes, tuple[int, int, str]]:
    """What each possible crop looks like -> (top, left, how it was mirrored)."""
    found, steps = {}, range(image.shape[-1] - crop + 1)
    ways = {"upside down": (-2,), "turned": (-2, -1), "mirrored": (-1,), "as it is": ()}
    for way, axes in ways.items():
        for top, left in ((t, s) for t in steps for s in steps):
            found[key(image[..., top : top + crop, left : left + crop].flip(axes))] = top, left, way
    return found


def located(inputs: dict, name: str, crops: list[Tensor]) -> list[tuple | None]:
    """Where each crop was taken from its input; None for what is no crop of it."""
    known = places(inputs[name], inputs["crop"])
    return [known.get(key(crop)) for crop in crops]


def shapes(got: dict, wanted: dict) -> str | None:
    """The first draw that is not a, b and a label of the shapes and dtypes asked for."""
    for answer, right in zip(got["draws"], wanted["draws"], strict=True):
        if not isinstance(answer, (tuple, list)) or len(answer) != 3:
            return f"got {brief(answer)}, wanted three tensors: return a, b, label"
        for name, one, other in zip(NAMES, answer, right, strict=True):
            if not isinstance(one, Tensor) or one.shape != other.shape:
                seen = f"has the shape {tuple(one.shape)}" if isinstance(one, Tensor) else f"is {brief(one)}"
                return f"{name} {seen}, wanted {tuple(other.shape)}"
            if one.dtype != other.dtype:
                return f"{name} is {one.dtype}, wanted {other.dtype}: keep the dtype it came in"
    return None


def together(inputs, got, wanted):
    """Were a, b and the label cut at one place and mirrored together?"""
    said = shapes(got, wanted)
    if said:
        return said
    found = {name: located(inputs, name, [draw[i] for draw in got["draws"]]) for i, name in enumerate(NAMES)}
    for name, crops in found.items():
        if None in crops:
            return f"{crops.count(None)} of {len(crops)} times {name} is no crop of its input, mirrored or not"
    if len(set(found["a"])) == 1:
        return f"nothing moves: all {len(found['a'])} draws are the same crop"
    for name, pair in (("b", "a and b"), ("label", "a and the label")):
        both = list(zip(found["a"], found[name], strict=True))
        moved, turned = sum(one[:2] != other[:2] for one, other in both), sum(one[2] != other[2] for one, other in both)
        if moved:
            return f"{pair} are cut at different places in {moved} of {len(both)} draws: draw the place once for all"
        if turned:
            return f"only one of {pair} is mirrored in {turned} of {len(both)} draws: throw one coin for all"
    return None


def spread(inputs, got, wanted):
    """Do all places come, and both sides about equally often?"""
    said = shapes(got, wanted)
    if said:
        return said
    half = inputs["draws"]
    first, again = ([x for draw in draws for x in draw] for draws in (got["draws"][:half], got["draws"][half:]))
    if any(not torch.equal(one, other) for one, other in zip(first, again, strict=True)):
        return "the same state of the generator gave other crops: draw everything from the generator you are given"
    found = located(inputs, "a", first[::3])
    if None in found:
        return f"{found.count(None)} of {half} times a is no crop of its input, mirrored or not"
    last = inputs["load"] - inputs["crop"]
    for axis, name in enumerate(("top", "left")):
        missing = sorted(set(range(last + 1)) - {one[axis] for one in found})
        if missing == [last]:
            return (
                f"{name} = {last} never came in {half} draws: it is the last place where a crop of {inputs['crop']} "
                f"fits into {inputs['load']}. Does your random integer include its upper end?"
            )
        if missing:
            return f"{name} = {', '.join(map(str, missing))} never came in {half} draws; possible are 0 to {last}"
    pairs = len({one[:2] for one in found})
    if pairs < (last + 1) ** 2 // 2:
        return f"only {pairs} of {(last + 1) ** 2} places came: rows and columns need a draw each"
    ways = Counter(one[2] for one in found)
    standing = ways["mirrored"] + ways["as it is"]
    if standing < half:
        return f"{half - standing} of {half} crops are upside down: mirror left and right only, the last axis"
    if not 0.4 <= ways["mirrored"] / half <= 0.6:
        return f"{ways['mirrored']} of {half} crops are mirrored, wanted about half of them"
    return None


def sides_change(inputs, got, wanted):
    """In a mirrored crop left has become right, in another it has not."""
    said = shapes(got, wanted)
    if said:
        return said
    names, ways, where = set(), set(), places(inputs["a"], inputs["crop"])
    swapped = inputs["label"].clone()
    for left, right in SIDES:
        swapped[inputs["label"] == left], swapped[inputs["label"] == right] = right, left
    for a, _, label in got["draws"]:
        place = where.get(key(a))
        if place is None or place[2] not in ("mirrored", "as it is"):
            return "a is not a crop of its input, or stands upside down: see the first two properties"
        top, left, way = place
        ways.add(way)
        plain, other = (
            x[top : top + inputs["crop"], left : left + inputs["crop"]].flip((-1,) if way == "mirrored" else ())
            for x in (inputs["label"], swapped)
        )
        right, unchanged = (other, plain) if way == "mirrored" else (plain, other)
        if not torch.equal(label, right):
            names.add((way, "other" if torch.equal(label, unchanged) else "merged" if merged(label, right) else "?"))
    if "mirrored" not in ways:
        return f"none of {inputs['draws']} draws is mirrored"
    if not names:
        return None
    if names == {("mirrored", "other")}:
        return "mirrored labels keep their sides: in a mirrored picture the left eye (4) has become the right one (5)"
    if ("as it is", "other") in names:
        return "labels change their sides although the picture is not mirrored"
    if ("mirrored", "merged") in names:
        return (
            "after the swap one of two sides is gone: the second assignment also changed what the first had written. "
            "Look the ids up in a copy that stays as it was"
        )
    return "the label is not the crop that belongs to a: see the first property"


def merged(label: Tensor, right: Tensor) -> bool:
    """Equal but for sides that have become the same."""
    first, second = label.clone(), right.clone()
    for x in (first, second):
        for left, other in SIDES:
            x[x == other] = left
    return torch.equal(first, second)


def enlarged(inputs, got, wanted):
    """Are pictures enlarged smoothly, the label by repeating ids, and do they still fit each other?"""
    said = shapes(got, wanted)
    if said:
        return said
    size, load = inputs["a"].shape[-1], inputs["load"]
    step = size / load
    scale = float(inputs["a"][0, 0, 1] - inputs["a"][0, 0, 0])
    known, inside = set(inputs["label"].flatten().tolist()), slice(2, -2)  # the border repeats pixels
    for a, b, label in got["draws"]:
        strange = sorted(set(label.flatten().tolist()) - known)
        if strange:
            return (
                f"the enlarged label holds ids that were not in it, such as {strange[0]}: there is no class between "
                "two classes, so ids must be repeated, not mixed"
            )
        right, down = (a[0] + 0.5) / scale, (a[1] + 0.5) / scale  # source column and row at every pixel
        moves = right.diff(dim=1).abs()[inside, inside]
        if abs(float(moves.mean()) - 1) < 0.05 and abs(step - 1) > 0.1:
            return f"the crop is taken from the picture as it was: enlarge it to {load} x {load} first"
        if moves.numel() and float(moves.max()) > (1 + step) / 2:
            return "the pictures are enlarged in blocks: repeating pixels is for labels, pictures are interpolated"
        if abs(float(moves.mean()) - step) > 0.08:
            return (
                f"neighbouring pixels lie {float(moves.mean()):.2f} pixels of the input apart, wanted {step:.2f}: "
                f"is the enlarged side {load}?"
            )
        rows, columns = (label - 20) // GAP // size, (label - 20) // GAP % size
        apart = [down - rows, right - columns, (b[0] + 0.5) / scale - down, (b[1] + 0.5) / scale - right]
        if max(float(x.abs().max()) for x in apart) > 1.05:
            return "after enlarging, a, b and the label no longer show the same places: see the first property"
    return None


JOINT_JITTER = Exercise(
    id="00.3",
    names=("joint_jitter",),
    reference=(joint_jitter,),
    minutes=15,
    parts=(
        Part("a, b and the label are cut at one place and mirrored together", 2, draw_scene, many, judge=together),
        Part("every place comes, half of the crops are mirrored", 1, draw_many, twice, judge=spread),
        Part("a mirrored label: left and right ids have changed places", 1, draw_face, many, judge=sides_change),
        Part("pictures are enlarged smoothly, the label keeps its ids", 1, draw_ramps, many, judge=enlarged),
    ),
)
