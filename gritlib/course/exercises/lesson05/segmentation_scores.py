"""05.5: are the labels found again in a picture? Scores of a segmentation.

Every part draws labels of which a tenth is 255, "nobody said what this is", except where that is not the question.
"""

import torch
from torch import Tensor

from gritlib.course.compare import NO_RETURN, brief, number
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson05.segmentation_scores_mistakes import MISTAKES, UNKNOWN, segmentation_scores

KEYS = ("matrix", "pixel_accuracy", "iou", "mean_iou")


def scores_of(inputs, segmentation_scores):
    return {"scores": segmentation_scores(inputs["pred"], inputs["target"], inputs["n"])}


def renamed(inputs, segmentation_scores):
    pred, target, n, new = (inputs[name] for name in ("pred", "target", "n", "new"))
    names = torch.cat([torch.tensor(new), torch.full((256 - n,), 255)])  # 255 keeps its name
    before, after = segmentation_scores(pred, target, n), segmentation_scores(names[pred], names[target], n)
    return {"scores": before, "renamed": after}


def in_two_halves(inputs, segmentation_scores):
    pred, target, n = (inputs[name] for name in ("pred", "target", "n"))
    halves = [segmentation_scores(pred[half], target[half], n) for half in (slice(0, 1), slice(1, None))]
    return {"scores": segmentation_scores(pred, target, n), "first": halves[0], "rest": halves[1]}


def wrong_kind(scores, n: int, keys) -> str | None:
    """What is wrong with the dict and its values, whatever their size."""
    if not isinstance(scores, dict):
        return f"your function returned {brief(scores)}, wanted a dict" + (NO_RETURN if scores is None else "")
    if set(scores) != set(KEYS):
        return f"the dict has the keys {', '.join(sorted(map(str, scores))) or 'none'}; wanted {', '.join(KEYS)}"
    for name, shape in (("matrix", (n, n)), ("iou", (n,))):
        if name in keys and (not isinstance(scores[name], Tensor) or tuple(scores[name].shape) != shape):
            return f"{name} is {brief(scores[name])}, wanted a tensor of shape {shape}"
    for name in ("pixel_accuracy", "mean_iou"):
        if name in keys and number(scores[name]) is None:
            return f"{name} is {brief(scores[name])}, wanted a number"
    return None


def wrong_values(got: dict, wanted: dict, keys) -> str | None:
    if "matrix" in keys:
        a, b = (side["matrix"].double() for side in (got, wanted))
        for i, j in (a != b).nonzero().tolist()[:1]:
            return (
                f"matrix[{i}, {j}] is {a[i, j].item():g}, wanted {b[i, j].item():g}: the number of pixels whose truth "
                f"is {i} and whose prediction is {j}"
            )
    if "iou" in keys:
        a, b = (side["iou"].double() for side in (got, wanted))
        wrong = ~((a - b).abs() <= 1e-5) & ~(a.isnan() & b.isnan())
        for k in wrong.nonzero().flatten().tolist()[:1]:
            why = ": this class occurs nowhere" if b[k].isnan() else ""
            return f"iou[{k}] is {brief(a[k].item())}, wanted {brief(b[k].item())}{why}"
    for name in ("pixel_accuracy", "mean_iou"):
        if name in keys and not abs(float(number(got[name])) - number(wanted[name])) <= 1e-5:
            return f"{name} is {brief(number(got[name]))}, wanted {brief(number(wanted[name]))}"
    return None


def judging(*keys):
    """Looks at these scores alone, so that one fault costs one part."""

    def judge(inputs, got, wanted):
        said = wrong_kind(got["scores"], inputs["n"], keys)
        return said or wrong_values(got["scores"], wanted["scores"], keys)

    return judge


def judge_renamed(inputs, got, wanted):
    for side in got.values():
        if said := wrong_kind(side, inputs["n"], ("mean_iou",)):
            return said
    a, b = (float(number(got[side]["mean_iou"])) for side in ("scores", "renamed"))
    if abs(a - b) <= 1e-5:
        return None
    return f"with the classes numbered in another way mean_iou is {brief(b)}, before {brief(a)}: names must not matter"


def judge_halves(inputs, got, wanted):
    for side in got.values():
        if said := wrong_kind(side, inputs["n"], ("matrix",)):
            return said
    whole, first, rest = (got[side]["matrix"].double() for side in ("scores", "first", "rest"))
    if bool((whole == first + rest).all()):
        return None
    return "the matrices of two parts of a batch do not add up to the matrix of the batch"


def draw_ids(generator, n, batch, unknown=True, absent=()):
    """Truths in which every image has its own favourite class, and predictions of which half are right.

    Args:
        absent: classes that occur neither in truth nor prediction.
    """
    height, width = (torch.randperm(4, generator=generator)[:2] + 8).tolist()
    share = torch.rand(batch, n, generator=generator) ** 2 + 0.15
    share[:, list(absent)] = 0.0
    target = torch.multinomial(share, height * width, replacement=True, generator=generator)
    other = torch.multinomial(share.mean(0).sqrt(), target.numel(), replacement=True, generator=generator)
    keep = torch.rand(target.shape, generator=generator) < 0.5
    pred = torch.where(keep, target, other.view_as(target)).view(batch, height, width)
    target = target.view(batch, height, width)
    if unknown:
        target = target.masked_fill(torch.rand(target.shape, generator=generator) < 0.1, UNKNOWN)
    return {"pred": pred, "target": target, "n": n}


def classes(generator):
    return int(torch.randint(4, 8, (), generator=generator))


def draw_one(generator):
    return draw_ids(generator, classes(generator), 1)


def draw_batch(generator):
    return draw_ids(generator, classes(generator), 4, unknown=False)


def draw_gaps(generator):
    """The last class occurs nowhere, where a count stops short; another is predicted that the truth does not have."""
    n = classes(generator)
    gone, invented = n - 1, int(torch.randint(n - 1, (), generator=generator))
    inputs = draw_ids(generator, n, 3, absent=(gone, invented))
    inputs["pred"][torch.rand(inputs["pred"].shape, generator=generator) < 0.05] = invented
    inputs["pred"][0, 0, 0], inputs["target"][0, 0, 0] = invented, (invented + 1) % n
    if inputs["target"][0, 0, 0] == gone:
        inputs["target"][0, 0, 0] = next(k for k in range(n) if k not in (gone, invented))
    return inputs


def draw_renamed(generator):
    n = classes(generator)
    return {**draw_ids(generator, n, 2), "new": torch.randperm(n, generator=generator).tolist()}


def draw_halves(generator):
    return draw_ids(generator, classes(generator), 3)


def draw_perfect(generator):
    inputs = draw_ids(generator, 5, 2, unknown=False)
    return {**inputs, "pred": inputs["target"].clone()}


SEGMENTATION_SCORES = Exercise(
    id="05.5",
    names=("segmentation_scores",),
    reference=(segmentation_scores,),
    minutes=15,
    parts=(
        Part(
            "matrix: pixels of each truth (row) by their prediction (column), without those of truth 255",
            1,
            draw_one,
            scores_of,
            judging("matrix"),
            "target[known] * n + pred[known] numbers the cells of the matrix; torch.bincount counts how often each "
            "occurs.",
            repeat=2,
        ),
        Part(
            "accuracy and IOU of a batch, all pixels together",
            1,
            draw_batch,
            scores_of,
            judging("pixel_accuracy", "iou", "mean_iou"),
            "All of them are made of the one matrix: hits on the diagonal, truths in the sums of the rows, predictions "
            "in the sums of the columns.",
            repeat=2,
        ),
        Part(
            "the same with pixels of truth 255, a class that occurs nowhere, and one that is only predicted",
            1,
            draw_gaps,
            scores_of,
            judging("pixel_accuracy", "iou", "mean_iou"),
            "Only known pixels count; only a class that neither truth nor prediction has is left out of the mean.",
            repeat=3,
        ),
        Part("other names for the classes: the same mean_iou", 0, draw_renamed, renamed, judge_renamed),
        Part("the matrices of two parts of a batch add up", 0, draw_halves, in_two_halves, judge_halves),
        Part("a perfect prediction: 1", 0, draw_perfect, scores_of, judging("pixel_accuracy", "iou", "mean_iou")),
    ),
    mistakes=MISTAKES,
)
