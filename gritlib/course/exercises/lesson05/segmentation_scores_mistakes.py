"""Common first tries at 05.5, as variations of the right answer, which stands here too, and what is said about each."""

import torch
from torch import Tensor

from gritlib.course.exercise import Mistake

UNKNOWN = 255


def segmentation_scores(pred: Tensor, target: Tensor, n: int) -> dict:
    known = target != UNKNOWN
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).reshape(n, n)
    hit = matrix.diagonal()
    iou = hit / (matrix.sum(0) + matrix.sum(1) - hit)  # 0/0, a class that nobody names, is NaN
    return {
        "matrix": matrix,
        "pixel_accuracy": (hit.sum() / matrix.sum()).item(),
        "iou": iou,
        "mean_iou": iou.nanmean().item(),
    }


def counted(pred, target, n):
    """The matrix of known pixels, truth in rows."""
    known = target != UNKNOWN
    return torch.bincount(target[known] * n + pred[known], minlength=n * n).reshape(n, n)


def ratio(hit, matrix):
    return hit / (matrix.sum(0) + matrix.sum(1) - hit)


def scoring(
    *,
    count=counted,
    shown=lambda matrix: matrix,
    of_class=ratio,
    average=torch.nanmean,
    accuracy=lambda matrix, pred, target: matrix.diagonal().sum() / matrix.sum(),
    iou=lambda values: values,
):
    """segmentation_scores with one ingredient replaced.

    Args:
        count: (pred, target, n) -> matrix. shown: of the matrix, what is returned. of_class: (hits, matrix) -> iou.
            average: of iou. accuracy: (matrix, pred, target) -> number. iou: of iou, what is returned.
    """

    def segmentation_scores(pred, target, n):
        matrix = count(pred, target, n)
        values = of_class(matrix.diagonal(), matrix)
        return {
            "matrix": shown(matrix),
            "pixel_accuracy": accuracy(matrix, pred, target),
            "iou": iou(values),
            "mean_iou": average(values),
        }

    return segmentation_scores


def per_image(pred, target, n):
    right = segmentation_scores(pred, target, n)
    single = [segmentation_scores(p, t, n) for p, t in zip(pred, target, strict=True)]
    return {**right, "mean_iou": sum(s["mean_iou"] for s in single) / len(single)}


def per_image_and_class(pred, target, n):
    right = segmentation_scores(pred, target, n)
    iou = torch.stack([segmentation_scores(p, t, n)["iou"] for p, t in zip(pred, target, strict=True)]).nanmean(0)
    return {**right, "iou": iou, "mean_iou": iou.nanmean()}


def all_counted(pred, target, n):
    return torch.bincount((target * n + pred).flatten(), minlength=n * n).reshape(n, n)


def as_last_class(pred, target, n):
    return counted(pred, target.clamp(max=n - 1), n)


def as_class_zero(pred, target, n):
    return counted(pred, target.masked_fill(target == UNKNOWN, 0), n)


def by_masks(pred, target, n):
    """Classes one by one, with every pixel in the unions."""
    matrix = counted(pred, target, n)
    masks = [(pred == k, target == k) for k in range(n)]
    iou = torch.stack([(p & t).sum() / (p | t).sum() for p, t in masks])
    right = (pred == target).double().mean().item()
    return {"matrix": matrix, "pixel_accuracy": right, "iou": iou, "mean_iou": iou.nanmean().item()}


SWAPPED = (
    "It looks as if rows and columns are exchanged: a row belongs to a truth, a column to a prediction. IOU is the "
    "same either way, but who reads the matrix learns the wrong thing: is grass taken for trees, or trees for grass?"
)
ABSENT = (
    "It looks as if a class that occurs nowhere counts as {}. It has no IOU, 0/0: it is NaN in iou and is left out of "
    "the mean. nanmean does that."
)
PER_IMAGE = (
    "It looks as if scores are made for each image and then averaged: an image with three pixels of a class then "
    "counts as much as one full of it. Add up the pixels of the whole batch first, in one matrix."
)
COUNTED = (
    "It looks as if pixels of truth 255 are counted. Nobody said what they show, so no prediction there is right or "
    "wrong: leave them out before anything is counted, of truth and prediction alike."
)
INVENTED = (
    "It looks as if classes are left out that the truth does not have. If one of them is predicted, its IOU is 0, and "
    "it counts: only what occurs neither in truth nor in prediction has none."
)
DICE = "It looks as if this is Dice's measure, 2·hits / (truth + prediction): in IOU the union counts each pixel once."
RECALL = (
    "It looks as if hits are divided by the class's pixels in the {} alone: IOU divides by the union, truth plus "
    "prediction minus hits."
)
UNION = "It looks as if the hits are not taken away from truth plus prediction: they would count twice in the union."

MISTAKES = (
    Mistake(SWAPPED, scoring(shown=lambda matrix: matrix.T)),
    Mistake(ABSENT.format("0"), scoring(average=lambda iou: iou.nan_to_num(0).mean(), iou=lambda i: i.nan_to_num(0))),
    Mistake(ABSENT.format("0"), scoring(average=lambda iou: iou.nan_to_num(0).mean())),
    Mistake(ABSENT.format("0"), scoring(of_class=lambda hit, m: hit / (m.sum(0) + m.sum(1) - hit).clamp(min=1))),
    Mistake(ABSENT.format("0"), scoring(average=lambda iou: iou.nansum() / len(iou))),
    Mistake(ABSENT.format("1"), scoring(average=lambda iou: iou.nan_to_num(1).mean(), iou=lambda i: i.nan_to_num(1))),
    Mistake(ABSENT.format("1"), scoring(average=lambda iou: iou.nan_to_num(1).mean())),
    Mistake(
        "It looks as if the mean runs over a NaN too, the IOU of a class that occurs nowhere: it is left out of "
        "the mean. nanmean does that.",
        scoring(average=torch.mean),
    ),
    Mistake(PER_IMAGE, per_image),
    Mistake(PER_IMAGE, per_image_and_class),
    Mistake(COUNTED, scoring(count=all_counted)),
    Mistake(COUNTED, scoring(count=as_last_class)),
    Mistake(COUNTED, scoring(count=as_class_zero)),
    Mistake(COUNTED, by_masks),
    Mistake(COUNTED, scoring(accuracy=lambda matrix, pred, target: (pred == target).double().mean())),
    Mistake(
        INVENTED,
        scoring(
            of_class=lambda hit, m: torch.where(m.sum(1) > 0, ratio(hit, m), torch.nan),
        ),
    ),
    Mistake(DICE, scoring(of_class=lambda hit, m: 2 * hit / (m.sum(0) + m.sum(1)))),
    Mistake(RECALL.format("truth"), scoring(of_class=lambda hit, m: hit / m.sum(1))),
    Mistake(RECALL.format("prediction"), scoring(of_class=lambda hit, m: hit / m.sum(0))),
    Mistake(UNION, scoring(of_class=lambda hit, m: hit / (m.sum(0) + m.sum(1)))),
    Mistake(
        "It looks as if pixel_accuracy is the mean over classes: it is the share of all pixels that are right.",
        scoring(accuracy=lambda matrix, pred, target: (matrix.diagonal() / matrix.sum(1)).nanmean()),
    ),
    Mistake(
        "It looks as if classes are weighed by their number of pixels: mean_iou is their plain mean.",
        lambda pred, target, n: (
            lambda s: {**s, "mean_iou": ((s["matrix"].sum(1) / s["matrix"].sum()) * s["iou"]).nansum()}
        )(segmentation_scores(pred, target, n)),
    ),
    Mistake(
        "It looks as if the matrix holds shares instead of numbers of pixels: numbers can be added up over "
        "batches, shares cannot.",
        scoring(shown=lambda matrix: matrix / matrix.sum(1, keepdim=True)),
    ),
    Mistake(
        "It looks as if the matrix holds shares instead of numbers of pixels: numbers can be added up over "
        "batches, shares cannot.",
        scoring(shown=lambda matrix: matrix / matrix.sum()),
    ),
)
