"""Shapes: what each change changes and keeps, figures that can be found again, and who is shown to whom."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gritlib.data import catalog, shapes
from gritlib.data.source import Source
from gritlib.data.unpaired import Unpaired


def masks(kind, n=30, size=64):
    return torch.stack([shapes.mask("test", i, size, kind) for i in range(n)])


def iou(a, b):
    return (a & b).sum((-2, -1)) / (a | b).sum((-2, -1))


@pytest.fixture(scope="module", params=list(shapes.CHANGES))
def change(request):
    """A change, its test pairs as a batch, and the masks of its two figures."""
    before, after = shapes.CHANGES[request.param]
    batch = shapes.load("test", 64, request.param, n=30).batch(range(30))
    return request.param, batch, masks(before), masks(after)


def test_the_figure_is_found_in_every_true_picture(change):
    _, batch, before, after = change
    assert iou(shapes.foreground(batch["A"]), before).min() > 0.97
    assert iou(shapes.foreground(batch["B"]), after).min() > 0.97


@given(st.integers(0, 10_000), st.sampled_from(sorted({k for pair in shapes.CHANGES.values() for k in pair})))
@settings(max_examples=60, deadline=None)
def test_any_figure_lies_inside_the_picture_and_is_found(i, kind):
    picture = torch.from_numpy(shapes.picture("train", i, 32, kind)).permute(2, 0, 1) / 127.5 - 1
    mask = shapes.mask("train", i, 32, kind)
    assert iou(shapes.foreground(picture), mask) > 0.97
    border = torch.cat([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not border.any() and 0.03 < mask.float().mean() < 0.25


def test_what_foreground_cannot_see_is_an_empty_mask(change):
    _, batch, before, _ = change
    assert not shapes.foreground(torch.zeros(2, 3, 8, 8) + 0.6).any()
    noisy = batch["A"] + 0.1 * torch.randn(batch["A"].shape, generator=torch.Generator().manual_seed(0))
    assert iou(shapes.foreground(noisy), before).min() > 0.9  # the margin is wider than what a network leaves


def test_background_and_colour_stay(change):
    name, batch, before, after = change
    outside = ~(before | after)
    # One pixel off the edge, which is antialiased.
    outside = torch.nn.functional.max_pool2d((~outside).float(), 3, 1, 1) == 0
    a, b = batch["A"].permute(0, 2, 3, 1), batch["B"].permute(0, 2, 3, 1)
    assert torch.equal(a[outside], b[outside])
    inside = torch.nn.functional.max_pool2d((~(before & after)).float(), 3, 1, 1) == 0
    same = (a == b).all(-1)
    if name == "texture":
        assert 0.2 < same[inside].float().mean() < 0.8  # light stripes keep the colour
    else:
        assert same[inside].all()
    assert not same[before | after].all()


def test_texture_keeps_the_outline_and_darkens_half_of_it():
    batch = shapes.load("test", 64, "texture", n=30).batch(range(30))
    assert torch.equal(masks("square"), masks("striped square"))
    middle = (batch["A"].amax(1) + 0.3 * 2 - 1) / 2  # between the figure's brightest channel and its stripes' 0.3
    dark = (batch["B"].amax(1) < middle) & masks("square")
    share = dark.sum((1, 2)) / masks("square").sum((1, 2))
    assert share.min() > 0.35 and share.max() < 0.65 and abs(share.mean() - 0.5) < 0.05
    assert not ((batch["A"].amax(1) < middle) & masks("square")).any()


def test_shape_keeps_area_and_centre():
    square, disc = masks("square", size=128).float(), masks("disc", size=128).float()
    ratio = disc.sum((1, 2)) / square.sum((1, 2))
    assert (ratio - 1).abs().max() < 0.05 and abs(ratio.mean() - 1) < 0.02
    row = torch.arange(128.0)
    for axis in (1, 2):
        centre = [(m.sum(3 - axis) * row).sum(1) / m.sum((1, 2)) for m in (square, disc)]
        assert (centre[0] - centre[1]).abs().max() < 0.5
    assert iou(square.bool(), disc.bool()).max() < 0.9


def test_pose_lays_the_bar_down_about_its_centre():
    standing, lying = masks("standing bar"), masks("lying bar")
    for one, other in zip(standing, lying, strict=True):
        high, wide = (int(one.any(axis).sum()) for axis in (1, 0))
        assert high > 2 * wide and abs(int(other.any(0).sum()) - high) <= 1 and abs(int(other.any(1).sum()) - wide) <= 1
    assert iou(standing, lying).max() < 0.4


def test_colours_are_saturated_figures_on_pale_backgrounds(change):
    _, batch, before, _ = change
    darkest = (batch["A"].amin(1) + 1) / 2
    core = torch.nn.functional.max_pool2d((~before).float(), 3, 1, 1) == 0
    away = torch.nn.functional.max_pool2d(before.float(), 3, 1, 1) == 0
    assert (darkest[core] - shapes.FIGURE).abs().max() < 0.005 and (darkest[away] - shapes.PALE).abs().max() < 0.005
    colours = batch["A"].permute(0, 2, 3, 1)
    spread = torch.stack([colours[i][away[i]].std(0).max() for i in range(30)])
    assert (spread > 0.005).float().mean() > 0.9  # a ramp, no flat sheet


def test_train_is_unpaired_and_val_and_test_are_pairs():
    for name in shapes.CHANGES:
        source = shapes.load("train", 32, name, n=11)
        assert isinstance(source, Unpaired) and (len(source.first), len(source.second)) == (5, 6)
        before, after = shapes.CHANGES[name]
        for k in range(5):
            assert np.array_equal(source.first.inputs[k], shapes.picture("train", k, 32, before))
            assert np.array_equal(source.second.targets[k], shapes.picture("train", 5 + k, 32, after))
        for split in ("val", "test"):
            pairs = shapes.load(split, 32, name, n=3)
            assert isinstance(pairs, Source) and pairs.paired
            assert np.array_equal(pairs.inputs[2], shapes.picture(split, 2, 32, before))
            assert np.array_equal(pairs.targets[2], shapes.picture(split, 2, 32, after))


def test_figures_never_change_and_splits_differ():
    again = [shapes.picture("val", 4, 32, "square") for _ in range(2)]
    assert np.array_equal(*again)
    others = [("val", 5), ("test", 4), ("train", 4)]
    assert not any(np.array_equal(again[0], shapes.picture(s, i, 32, "square")) for s, i in others)
    small, large = shapes.mask("val", 4, 32, "disc"), shapes.mask("val", 4, 128, "disc")
    grown = small.repeat_interleave(4, 0).repeat_interleave(4, 1)
    assert iou(grown, large) > 0.85  # the same figure at every size


def test_default_counts_follow_the_card():
    counts = "/".join(str(shapes.COUNTS[split]) for split in catalog.SPLITS)
    assert counts in shapes.CARD.splits and shapes.CARD.licence.startswith("MIT")
    assert len(shapes.load("val", 16)) == 128
    source = catalog.load("shapes", "train", 16, change="pose", n=4)
    assert source.describe()["options"] == {"change": "pose", "n": 4}


def test_messages():
    with pytest.raises(ValueError, match="shapes have no change 'colour': choose one of texture, shape, pose"):
        shapes.load("train", 32, "colour")
    with pytest.raises(ValueError, match="n must be 2 or more, not 1"):
        shapes.load("train", 32, n=1)
    with pytest.raises(ValueError, match="n must be 1 or more, not 0"):
        shapes.load("test", 32, n=0)
    with pytest.raises(ValueError, match="split 'dev' is unknown"):
        shapes.load("dev")
    with pytest.raises(ValueError, match="figures are numbered from 0, not -1"):
        shapes.picture("val", -1, 32, "square")
