"""Confusion matrix and scores against scikit-learn."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, jaccard_score

from gritlib.metrics import confusion, segmentation_scores


def maps(n=6, seed=0, shape=(3, 8, 9), right=0.6):
    g = torch.Generator().manual_seed(seed)
    target, other = (torch.randint(n, shape, generator=g) for _ in range(2))
    return torch.where(torch.rand(shape, generator=g) < right, target, other), target


def test_matrix_is_scikit_learns_and_batches_add_up():
    pred, target = maps()
    matrix = confusion(pred, target, 6)
    assert matrix.dtype == torch.int64 and matrix.sum() == pred.numel()
    assert (matrix.numpy() == confusion_matrix(target.flatten(), pred.flatten(), labels=range(6))).all()
    assert torch.equal(sum(confusion(p, t, 6) for p, t in zip(pred, target, strict=True)), matrix)
    assert torch.equal(confusion(pred.to(torch.uint8), target.int(), 6), matrix)
    assert torch.equal(confusion(target, pred, 6), matrix.T)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 8), st.integers(0, 999), st.floats(0, 1))
def test_scores_are_scikit_learns(n, seed, right):
    pred, target = maps(n, seed, (2, 4, 5), right)
    if n > 3:  # a class that nobody has, and one that is predicted only
        pred, target = pred.where(pred != 1, 0), target.where((target != 1) & (target != 2), 0)
    t, p = target.flatten().numpy(), pred.flatten().numpy()
    got = segmentation_scores(confusion(pred, target, n))
    present = sorted({*t.tolist(), *p.tolist()})
    assert got["pixel_accuracy"] == pytest.approx((t == p).mean())
    assert got["mean_iou"] == pytest.approx(jaccard_score(t, p, labels=present, average="macro", zero_division=0))
    assert got["frequency_weighted_iou"] == pytest.approx(jaccard_score(t, p, average="weighted", zero_division=0))
    recall = confusion_matrix(t, p, labels=range(n))
    recall = [row[i] / row.sum() for i, row in enumerate(recall) if row.sum()]
    assert got["class_accuracy"] == pytest.approx(sum(recall) / len(recall))
    if set(p.tolist()) <= set(t.tolist()):
        assert got["class_accuracy"] == pytest.approx(balanced_accuracy_score(t, p))


def test_scores_by_hand():
    matrix = torch.tensor([[3, 1, 0], [2, 2, 0], [0, 0, 0]])  # the third class is nowhere
    assert segmentation_scores(matrix) == pytest.approx(
        {
            "pixel_accuracy": 5 / 8,
            "class_accuracy": (3 / 4 + 2 / 4) / 2,
            "mean_iou": (3 / 6 + 2 / 5) / 2,
            "frequency_weighted_iou": (4 * 3 / 6 + 4 * 2 / 5) / 8,
        }
    )
    matrix[0, 2] = 1  # now it is predicted: an IOU of 0
    assert segmentation_scores(matrix)["mean_iou"] == pytest.approx((3 / 7 + 2 / 5 + 0) / 3)
    assert segmentation_scores(matrix)["class_accuracy"] == pytest.approx((3 / 5 + 2 / 4) / 2)


def test_perfect_is_one_and_renaming_classes_changes_nothing():
    pred, target = maps()
    assert set(segmentation_scores(confusion(target, target, 6)).values()) == {1.0}
    new = torch.randperm(6)
    renamed = segmentation_scores(confusion(new[pred], new[target], 6))
    assert renamed == pytest.approx(segmentation_scores(confusion(pred, target, 6)))


@pytest.mark.parametrize("ignore", [255, -1, 5])
def test_ignored_pixels_do_not_count_whatever_is_predicted_there(ignore):
    pred, target = maps()
    keep = torch.rand(target.shape) < 0.7
    masked = torch.where(keep, target, ignore)
    keep &= target != ignore
    wanted = confusion(pred[keep], target[keep], 6)
    assert torch.equal(confusion(pred, masked, 6, ignore), wanted)
    wild = torch.where(masked == ignore, 99, pred)
    assert torch.equal(confusion(wild, masked, 6, ignore), wanted)


def test_ids_out_of_range_are_named():
    pred, target = maps(4)
    target[0, 0, 0], target[0, 1, 1] = 19, 255
    with pytest.raises(ValueError, match=r"truth has ids \[19, 255\], known are 0 to 3"):
        confusion(pred, target, 4)
    pred[0, 0, 0] = -1
    with pytest.raises(ValueError, match=r"prediction has ids \[-1\]"):
        confusion(pred, target.clamp(max=3), 4)
    with pytest.raises(ValueError, match=r"truth has ids \[19\]"):
        confusion(pred.clamp(min=0), target, 4, ignore=255)


def test_what_is_no_pair_of_id_maps_is_refused():
    pred, target = maps()
    with pytest.raises(ValueError, match="must have the same shape"):
        confusion(pred[:, None], target, 6)
    with pytest.raises(ValueError, match=r"prediction is torch.float32: .* argmax"):
        confusion(pred.float(), target, 6)
    for bad in (torch.zeros(2, 3), torch.tensor([[1, -1], [0, 1]])):
        with pytest.raises(ValueError, match="counts of 0 or more"):
            segmentation_scores(bad)
    with pytest.raises(ValueError, match="no pixel was counted"):
        segmentation_scores(torch.zeros(3, 3))
