"""Offsets are uniform and stay inside, flips are fair, and only a left-right flip changes sides."""

import numpy as np
import pytest
import torch
from scipy import stats

from gritlib.data.augment import flip, random_offsets, swap_sides


def gen(seed=0):
    return torch.Generator().manual_seed(seed)


# window, bounds, jitter (size 8) -> allowed tops and lefts
CASES = [
    ((16, 24), (0, 40, 0, 60), 4, range(12, 21), range(20, 29)),
    ((0, 52), (0, 40, 0, 60), 5, range(0, 6), range(47, 53)),  # in a corner: one-sided
    ((10, 10), (10, 18, 0, 60), 3, range(10, 11), range(7, 14)),  # no room along one axis
    ((3, 9), (0, 40, 0, 60), 0, range(3, 4), range(9, 10)),
]


@pytest.mark.parametrize(("window", "bounds", "jitter", "tops", "lefts"), CASES)
def test_offsets_are_uniform_over_the_allowed_positions(window, bounds, jitter, tops, lefts):
    n = 20_000
    corners = random_offsets(torch.tensor([window] * n), torch.tensor([bounds] * n), 8, jitter, gen())
    for column, allowed in ((0, tops), (1, lefts)):
        values, counts = np.unique(corners[:, column].numpy(), return_counts=True)
        assert values.tolist() == list(allowed)
        if len(values) > 1:
            assert stats.chisquare(counts).pvalue > 1e-4
    if len(tops) > 1 and len(lefts) > 1:
        table, *_ = np.histogram2d(*corners.T.numpy(), bins=(len(tops), len(lefts)))
        assert stats.chi2_contingency(table).pvalue > 1e-4  # the two axes are independent


def test_each_window_keeps_to_its_own_bounds():
    windows = torch.tensor([[0, 0], [30, 4]])
    bounds = torch.tensor([[0, 10, 0, 10], [28, 40, 0, 20]])
    drawn = torch.stack([random_offsets(windows, bounds, 8, 100, gen(k)) for k in range(200)])
    assert drawn.amin(0).tolist() == [[0, 0], [28, 0]] and drawn.amax(0).tolist() == [[2, 2], [32, 12]]


def test_offsets_follow_the_generator_alone():
    args = torch.full((50, 2), 20), torch.tensor([[0, 60, 0, 60]] * 50), 8, 9
    first, again, other = (random_offsets(*args, gen(k)) for k in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (4, 5, 6)])
def test_flip_mirrors_the_chosen_and_only_those(shape):
    images = torch.arange(int(np.prod(shape))).reshape(shape)
    chosen = torch.tensor([True, False, False, True])
    for axis in (-1, -2):
        out = flip(images, chosen, axis)
        for i in range(4):
            wanted = np.flip(images[i].numpy(), axis) if chosen[i] else images[i].numpy()
            assert np.array_equal(out[i].numpy(), wanted)
        assert torch.equal(flip(out, chosen, axis), images) and out.dtype == images.dtype


def test_sides_change_places_in_the_chosen_maps_and_twice_is_nothing():
    label = torch.randint(0, 7, (3, 6, 6), generator=gen())
    chosen = torch.tensor([True, False, True])
    pairs = ((1, 2), (4, 6))
    out = swap_sides(label, chosen, pairs)
    table = torch.tensor([0, 2, 1, 3, 6, 5, 4])
    assert torch.equal(out[chosen], table[label[chosen]]) and torch.equal(out[1], label[1])
    assert torch.equal(swap_sides(out, chosen, pairs), label)
