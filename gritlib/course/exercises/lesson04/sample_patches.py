"""04.2: the features of a few random places, the same for query and key.

Random numbers may be drawn in any order, so drawn ids are judged by what they must have in common with any other right
draw, and by how often each place comes.
"""

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson04.sample_patches_mistakes import MISTAKES
from gritlib.nets import patch_sampler

PAIR = "a pair: the list of patches and the list of ids, one for each layer"
WIDTH = 5.5  # standard deviations: how far a count may lie from the expected one
RARE = 5  # and so many more, where few are expected


def sample_patches(
    feats: list[Tensor], n: int, ids: list[Tensor] | None = None, generator: torch.Generator | None = None
) -> tuple[list[Tensor], list[Tensor]]:
    return patch_sampler.sample_patches(feats, n, ids, generator)


def take_given(inputs, sample_patches):
    feats = [f.requires_grad_() for f in inputs["feats"]]
    generator = torch.Generator().manual_seed(inputs["seed"])
    answer = sample_patches(feats, inputs["n"], list(inputs["ids"]), generator)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2 or not isinstance(answer[0], (tuple, list)):
        return {"answer": answer}
    patches, ids = answer
    told = {"ids": ids, "patches": patches}
    if [getattr(p, "shape", None) for p in patches] == [w.shape for w in inputs["weights"]]:
        # A zero of each keeps what the patches do not depend on inside the graph.
        total = sum((p * w).sum() for p, w in zip(patches, inputs["weights"], strict=True)) + 0 * sum(
            f.sum() for f in feats
        )
        told["gradient at feats"] = list(torch.autograd.grad(total, feats))
    return told


def take_drawn(inputs, sample_patches):
    generator = torch.Generator().manual_seed(inputs["seed"])
    answer = sample_patches(list(inputs["feats"]), inputs["n"], None, generator)
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"answer": answer}
    told = {"ids": answer[1], "patches": answer[0]}
    if "others" in inputs:
        again = sample_patches(list(inputs["others"]), inputs["n"], answer[1], generator)
        if not isinstance(again, (tuple, list)) or len(again) != 2:
            return {"answer": again}
        told["of other features"] = again[0]
    return told


def take_often(inputs, sample_patches):
    generator = torch.Generator().manual_seed(inputs["seed"])
    sizes = [f.shape[2] * f.shape[3] for f in inputs["feats"]]
    # How often two places came in the same call; on the diagonal, how often one came at all.
    pairs, alike = [torch.zeros(size, size, dtype=torch.int64) for size in sizes], 0
    for _ in range(inputs["calls"]):
        answer = sample_patches(list(inputs["feats"]), inputs["n"], None, generator)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return {"answer": answer}
        for pair, taken in zip(pairs, answer[1], strict=False):
            here = torch.zeros(len(pair), dtype=torch.int64)
            here[taken] = 1
            pair += here[:, None] * here
        first, third = (sorted(torch.as_tensor(answer[1][i]).flatten().tolist()) for i in (0, 2))
        alike += first == third
    return {"pairs": pairs, "alike": alike}


def draw_maps(generator, batch=None):
    """Two or three maps, higher than wide or wider than high, each smaller than the one before."""
    batch = batch or (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = (4 * (torch.randperm(3, generator=generator)[:2] + 2)).tolist()
    layers = int(torch.randint(2, 4, (), generator=generator))
    channels = torch.randint(2, 6, (layers,), generator=generator).tolist()
    return [
        torch.randn(batch, c, height >> i, width >> i, generator=generator, dtype=torch.float64)
        for i, c in enumerate(channels)
    ]


def seed_of(generator) -> int:
    return int(torch.randint(2**30, (), generator=generator))


def draw_given(generator):
    feats = draw_maps(generator)
    # Fewer than n of them in the first layer, more in the others: given ids are taken as they are.
    ids = [torch.randperm(f[0, 0].numel(), generator=generator)[: 3 + 4 * i] for i, f in enumerate(feats)]
    shapes = [(len(f), len(i), f.shape[1]) for f, i in zip(feats, ids, strict=True)]
    weights = [torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes]
    return {"feats": feats, "n": 5, "ids": ids, "weights": weights, "seed": seed_of(generator)}


def draw_pair(generator):
    feats = draw_maps(generator, batch=2)
    others = [torch.randn(f.shape, generator=generator, dtype=torch.float64) for f in feats]
    n = int(torch.randint(3, 6, (), generator=generator))
    return {"feats": feats, "others": others, "n": n, "seed": seed_of(generator)}


def draw_counted(generator):
    """More places than the last map has, and most of those of the second: a repetition is all but certain."""
    feats = draw_maps(generator)
    last = feats[-1][0, 0].numel()
    n = last + 1 + int(torch.randint(last, (), generator=generator))
    return {"feats": feats, "n": n, "seed": seed_of(generator)}


def draw_often(generator):
    """The third map has the size of the first."""
    feats = [f[:1, :1, : 6 - 2 * i, :6].contiguous() for i, f in enumerate(draw_maps(generator)[:2])]
    feats.append(torch.randn(feats[0].shape, generator=generator, dtype=torch.float64))
    n = int(torch.randint(3, 6, (), generator=generator))
    return {"feats": feats, "n": n, "calls": 400, "seed": seed_of(generator)}


def wrong_ids(inputs, ids) -> str | None:
    """What is wrong with the ids of any draw, but for their number and for repetitions."""
    if not isinstance(ids, (list, tuple)) or len(ids) != len(inputs["feats"]):
        return f"ids: got {brief(ids)}, wanted a list of {len(inputs['feats'])}, one tensor for each layer"
    for layer, (taken, f) in enumerate(zip(ids, inputs["feats"], strict=True)):
        here, size = f"ids of layer {layer}", f[0, 0].numel()
        if not isinstance(taken, Tensor) or taken.dtype != torch.int64:
            return f"{here}: got {brief(taken)}, wanted a tensor of int64"
        if taken.ndim == 2 and len(taken) == len(f):
            return f"{here} have the shape {tuple(taken.shape)}: the same places serve all images of the batch, (S,)"
        if taken.ndim != 1 or not taken.numel():
            return f"{here} have the shape {tuple(taken.shape)}, wanted (S,)"
        if taken.min() < 0 or taken.max() >= size:
            low, high = int(taken.min()), int(taken.max())
            return f"{here} go from {low} to {high}: a map of {f.shape[2]}x{f.shape[3]} has the places 0 to {size - 1}"
    return None


def judge_given(inputs, got, wanted):
    if "answer" in got:
        return returned(got["answer"], PAIR)
    if said := wrong_ids(inputs, got["ids"]):
        return said
    if said := difference(got["ids"], wanted["ids"], 0, 0, "ids"):
        return f"the ids given are not those that come back: {said}"
    if said := difference(got["patches"], wanted["patches"], 1e-9, 1e-9, "patches"):
        return said
    return difference(got, wanted, 1e-9, 1e-9)


def judge_drawn(inputs, got, wanted):
    if "answer" in got:
        return returned(got["answer"], PAIR)
    if said := wrong_ids(inputs, got["ids"]):
        return said
    for name, feats in (("patches", "feats"), ("of other features", "others")):
        there = [f.flatten(2)[..., taken].mT.contiguous() for f, taken in zip(inputs[feats], got["ids"], strict=True)]
        if said := difference(got[name], there, 1e-9, 1e-9, f"{name}, against what lies at the ids returned"):
            return said
    return None


def judge_counted(inputs, got, wanted):
    if "answer" in got:
        return returned(got["answer"], PAIR)
    if said := wrong_ids(inputs, got["ids"]):
        return said
    for layer, (taken, f) in enumerate(zip(got["ids"], inputs["feats"], strict=True)):
        size = f[0, 0].numel()
        most, different = min(inputs["n"], size), len(taken.unique())
        if different < len(taken):
            return (
                f"layer {layer}: {len(taken)} ids, of which only {different} differ. A place that is taken twice is "
                "its own negative: draw without replacement"
            )
        if len(taken) != most:
            return f"layer {layer}: {len(taken)} ids, wanted {most}: n = {inputs['n']}, and the map has {size} places"
    return None


def judge_often(inputs, got, wanted):
    if "answer" in got:
        return returned(got["answer"], PAIR)
    calls, n = inputs["calls"], inputs["n"]
    for layer, (pairs, f) in enumerate(zip(got["pairs"], inputs["feats"], strict=True)):
        count, width = pairs.diagonal(), f.shape[3]
        share = min(1.0, n / count.numel())
        off = (count - calls * share).abs()
        if off.max() > WIDTH * (calls * share * (1 - share)) ** 0.5 + 0.5:
            worst = int(count.argmin() if not count.all() else off.argmax())
            return (
                f"layer {layer}, {f.shape[2]}x{width}: in {calls} calls with n = {n} the place y = "
                f"{worst // width}, x = {worst % width} was drawn {int(count[worst])} times, where about "
                f"{calls * share:.0f} are expected"
            )
        together = pairs.triu(1)
        expected = calls * n * (n - 1) / (len(pairs) * (len(pairs) - 1))
        if together.max() > expected + WIDTH * expected**0.5 + RARE:
            a, b = divmod(int(together.argmax()), len(pairs))
            return (
                f"layer {layer}, {f.shape[2]}x{width}: in {calls} calls with n = {n} the places {a} and {b} came "
                f"together {int(together.max())} times, where about {expected:.0f} are expected: every choice of n "
                "places is as likely as any other, so no window and no pattern"
            )
    if got["alike"] > calls / 10:
        return (
            f"layers 0 and 2 have the same size, and in {got['alike']} of {calls} calls they got the same places: draw "
            "for each layer anew. Is the generator set back between layers?"
        )
    return None


SAMPLE_PATCHES = Exercise(
    id="04.2",
    names=("sample_patches",),
    reference=(sample_patches,),
    minutes=15,
    parts=(
        Part(
            "given ids: the feature vectors at these places, in this order, with their gradient",
            1,
            draw_given,
            take_given,
            judge_given,
            "Place i lies in row i // W and column i % W. Its patch is what all C channels say there, and it stays "
            "part of the graph. n does not matter when ids are given.",
            repeat=3,
        ),
        Part(
            "drawn ids: they say where the patches come from, and give the same places of other features",
            1,
            draw_pair,
            take_drawn,
            judge_drawn,
            "The ids returned with the keys are handed in again for the queries.",
            repeat=2,
        ),
        Part(
            "no place twice; n places, or all where there are fewer",
            1,
            draw_counted,
            take_drawn,
            judge_counted,
            repeat=3,
        ),
        Part(
            "every choice of places is as likely as any other, anew in each layer, drawn by the generator",
            1,
            draw_often,
            take_often,
            judge_often,
            "Draw from all H·W places of each map, anew in each call, with the generator as it comes.",
            repeat=2,
        ),
    ),
    mistakes=MISTAKES,
)
