"""Are the labels found again? Scores of a segmentation from its confusion matrix, which adds up over batches: the
numbers of pix2pix' FCN-score, of SPADE and CyCADA."""

import torch
from torch import Tensor


def confusion(pred: Tensor, target: Tensor, n: int, ignore: int | None = None) -> Tensor:
    """Pixels of each class (row) by the class they were given (column): (n, n) int64. Sum it over batches.

    Args:
        pred, target: class ids of the same shape, integers in 0 … n − 1. ignore: pixels whose true id is this one do
            not count, whatever their prediction.

    Raises:
        ValueError: shapes that differ, scores or one-hot maps instead of ids, ids out of range.
    """
    if pred.shape != target.shape:
        raise ValueError(f"prediction {tuple(pred.shape)} and truth {tuple(target.shape)} must have the same shape")
    for name, ids in (("prediction", pred), ("truth", target)):
        if ids.is_floating_point() or ids.is_complex():
            raise ValueError(f"{name} is {ids.dtype}: class ids are integers, of scores take the argmax over classes")
    pred, target = pred.flatten().to(target.device).long(), target.flatten().long()
    if ignore is not None:
        counts = target != ignore
        pred, target = pred[counts], target[counts]
    for name, ids in (("prediction", pred), ("truth", target)):
        outside = ids[(ids < 0) | (ids >= n)].unique().tolist()
        if outside:
            raise ValueError(f"{name} has ids {outside[:10]}, known are 0 to {n - 1}")
    return torch.bincount(target * n + pred, minlength=n * n).view(n, n)


def segmentation_scores(matrix: Tensor) -> dict[str, float]:
    """Four scores of a confusion matrix n_ij (truth i, prediction j), with t_i = Σ_j n_ij; 1 is best.

        pixel_accuracy                Σ_i n_ii / Σ_i t_i
        class_accuracy                mean of n_ii / t_i
        mean_iou                      mean of n_ii / (t_i + Σ_j n_ji − n_ii)
        frequency_weighted_iou        Σ_i t_i · iou_i / Σ_i t_i

    A class that occurs neither in truth nor prediction has no IOU and is left out of its mean; one that the truth does
    not have is left out of class_accuracy, but costs mean_iou when it is predicted.

    Args:
        matrix: (n, n), of all images together: means of scores of single images are other numbers.

    Raises:
        ValueError: not square, negative counts, or no pixel at all. Source: Long et al. 2015, as pix2pix uses them.
    """
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or (matrix < 0).any():
        raise ValueError(f"matrix of shape {tuple(matrix.shape)}: needed are (n, n) counts of 0 or more")
    m = matrix.double()
    hit, truth = m.diagonal(), m.sum(1)
    union = truth + m.sum(0) - hit
    total = truth.sum()
    if total == 0:
        raise ValueError("the confusion matrix is empty: no pixel was counted")
    iou = hit / union.clamp(min=1)
    return {
        "pixel_accuracy": (hit.sum() / total).item(),
        "class_accuracy": (hit / truth)[truth > 0].mean().item(),
        "mean_iou": iou[union > 0].mean().item(),
        "frequency_weighted_iou": ((truth * iou).sum() / total).item(),
    }
