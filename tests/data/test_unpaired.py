"""A and B drawn apart: from places that share no pixel, evenly, independently, and from the generator alone."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gritlib.data import catalog
from gritlib.data.source import Source, grid_windows
from gritlib.data.unpaired import Unpaired
from gritlib.methods import CycleGAN, CycleGANConfig
from gritlib.training import TrainConfig, fit
from gritlib.training.checkpoint import read

H, W, SIZE = 48, 80, 8


def scene():
    """(H, W, 3) uint8: row, column and 0, so that every crop says where it came from."""
    y, x = np.mgrid[:H, :W]
    return np.stack([y, x, 0 * x], -1).astype(np.uint8)


def half(images, x0, x1, labels=False, **how):
    """Crops of the columns x0 to x1 of one pair of images."""
    given, wanted = images
    windows, bounds = grid_windows(0, 0, H, x0, x1, SIZE)
    named = {"classes": ("low", "high"), "palette": ((0, 0, 0), (9, 9, 9))} if labels else {}
    return Source("toy", "train", SIZE, [given], [wanted], windows, bounds, **named, **how)


@pytest.fixture
def toy():
    """A from the columns below 48, B from the others: 36 and 24 crops, shifted and mirrored."""
    images = (255 - scene(), scene())
    return Unpaired(*(half(images, *columns, jitter=4, flips="hv") for columns in ((0, 48), (48, 80))))


def pixels(batch, part):
    """(B, SIZE, SIZE, 2) int: row and column of every pixel of A, whose values are the negative, or of B."""
    values = ((batch[part].double() + 1) * 127.5).round().long()
    return (255 - values if part == "A" else values).permute(0, 2, 3, 1).numpy()[..., :2]


def draws(source, n, part):
    """A batch of 16 times place 14, row 16 and column 16, for each of n generators."""
    return np.concatenate([pixels(source.batch([14] * 16, torch.Generator().manual_seed(k)), part) for k in range(n)])


def test_without_a_generator_place_i_stands_beside_place_i_modulo_the_seconds_length(toy):
    assert (len(toy), len(toy.second)) == (36, 24)
    batch = toy.batch([0, 23, 24, 35])
    assert set(batch) == {"A", "B"}
    assert torch.equal(batch["A"], toy.first.batch([0, 23, 24, 35])["A"])
    assert torch.equal(batch["B"], toy.second.batch([0, 23, 0, 11])["B"])


def test_each_part_shows_its_own_places_alone(toy):
    for part, columns in (("A", range(48)), ("B", range(48, 80))):
        seen = np.concatenate([pixels(toy.batch(range(36), torch.Generator().manual_seed(k)), part) for k in range(30)])
        assert set(np.unique(seen[..., 1])) == set(columns)  # up to the border and never over it
        assert set(np.unique(seen[..., 0])) == set(range(H))


def test_a_batch_follows_its_generator_alone(toy):
    state = torch.get_rng_state()
    one, same, other = (toy.batch(range(9), torch.Generator().manual_seed(k)) for k in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    for part in ("A", "B"):
        assert torch.equal(one[part], same[part]) and not torch.equal(one[part], other[part])


def test_b_is_drawn_evenly_from_all_places_whatever_a_is_asked_for(toy):
    toy.second.jitter, toy.second.flips = 0, ""
    corners = draws(toy, 150, "B")[:, 0, 0]
    places, counts = np.unique(corners, axis=0, return_counts=True)
    assert len(places) == 24 and stats.chisquare(counts).pvalue > 1e-4


def test_shifts_and_mirrors_of_a_and_b_are_independent(toy):
    toy.second.windows, toy.second.bounds = toy.second.windows[9:10], toy.second.bounds[9:10]  # row 16, column 56
    for axis in (1, 2):
        mirrored, shift = [], []
        for part in ("A", "B"):
            coordinate = draws(toy, 100, part)[..., axis - 1]
            line = coordinate[:, :, 0] if axis == 1 else coordinate[:, 0]
            mirrored.append(line[:, 0] > line[:, -1])
            shift.append(coordinate.min((1, 2)))
        table = np.histogram2d(*(m.astype(int) for m in mirrored), bins=2)[0]
        assert table.min() > 300 and stats.chi2_contingency(table).pvalue > 1e-4
        assert all(len(set(s.tolist())) == 9 for s in shift)
        assert abs(np.corrcoef(*shift)[0, 1]) < 0.08


def test_label_maps_come_with_a(toy):
    levels = (np.indices((H, W))[1] // 3 % 2).astype(np.uint8)
    source = Unpaired(half((levels, scene()), 0, 48, labels=True), half((levels, scene()), 48, 80, labels=True))
    batch = source.batch([3, 4], torch.Generator().manual_seed(0))
    assert batch["A"].shape == (2, 2, SIZE, SIZE) and torch.equal(batch["A"].argmax(1), batch["label"])
    assert (source.in_channels, source.out_channels) == (2, 3)
    assert source.classes == ("low", "high") and source.describe()["classes"] == ["low", "high"]


def test_it_says_what_a_source_says_and_nothing_else(toy):
    assert (toy.name, toy.split, toy.size, toy.options) == ("toy", "train", SIZE, {})
    assert (toy.in_channels, toy.out_channels, toy.classes, toy.palette) == (3, 3, None, None)
    assert toy.describe() == toy.first.describe() and copy.deepcopy(toy).name == "toy"
    assert (toy.paired, toy.first.paired) == (False, True)
    with pytest.raises(AttributeError, match="an unpaired set has no 'windows': its first and second Source have"):
        toy.windows  # noqa: B018


def test_channels_are_those_of_as_inputs_and_bs_targets():
    grey, colour = scene()[:, :, :1], scene()
    source = Unpaired(half((grey, grey), 0, 48), half((colour, colour), 48, 80))
    assert (source.in_channels, source.out_channels) == (1, 3)
    batch = source.batch([0])
    assert (batch["A"].shape[1], batch["B"].shape[1]) == (1, 3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "other"}, "an unpaired set needs two sources of one name, not 'toy' and 'other'"),
        ({"split": "test"}, "one split, not 'train' and 'test'"),
        ({"size": 4}, "one size, not 8 and 4"),
        ({"options": {"height": True}}, "one options, not {} and {'height': True}"),
    ],
)
def test_two_sources_that_do_not_belong_together_are_refused(toy, change, message):
    for key, value in change.items():
        setattr(toy.second, key, value)
    with pytest.raises(ValueError, match=message):
        Unpaired(toy.first, toy.second)


def test_a_place_that_both_may_show_is_refused():
    images = (255 - scene(), scene())
    with pytest.raises(ValueError, match=r"toy/train: pixel \(0, 40\) of image 0 may be shown as A and as B"):
        Unpaired(half(images, 0, 48), half(images, 40, 80))
    # The windows do not meet, the bounds of their random shifts do.
    apart = half(images, 48, 80)
    apart.bounds[3] = (8, 16, 47, 80)
    with pytest.raises(ValueError, match=r"pixel \(8, 47\)"):
        Unpaired(half(images, 0, 48), apart)
    # The same place with the roles exchanged is the same place; another array is another image.
    with pytest.raises(ValueError, match="cut the bounds apart"):
        Unpaired(half(images, 0, 48), half(images[::-1], 0, 48))
    assert len(Unpaired(half(images, 0, 48), half(tuple(x.copy() for x in images), 0, 48))) == 36


rectangles = st.lists(
    st.tuples(st.integers(0, H - SIZE), st.integers(SIZE, 20), st.integers(0, W - SIZE), st.integers(SIZE, 20)),
    min_size=1,
    max_size=4,
)


@given(rectangles, rectangles)
@settings(max_examples=200, deadline=None)
def test_overlaps_are_found_exactly_where_masks_meet(one, other):
    image, masks, sources = scene(), [], []
    for regions in (one, other):
        bounds = np.array([(y, min(y + h, H), x, min(x + w, W)) for y, h, x, w in regions])
        mask = np.zeros((H, W), bool)
        for y0, y1, x0, x1 in bounds:
            mask[y0:y1, x0:x1] = True
        windows = np.column_stack([0 * bounds[:, 0], bounds[:, 0], bounds[:, 2]])
        masks.append(mask)
        sources.append(Source("toy", "train", SIZE, [image], [image], windows, bounds))
    if (masks[0] & masks[1]).any():
        with pytest.raises(ValueError, match="may be shown as A and as B"):
            Unpaired(*sources)
    else:
        assert len(Unpaired(*sources)) == len(one)


def test_a_part_of_a_source_is_that_part_of_the_whole_batch():
    levels = (np.indices((H, W))[1] // 3 % 2).astype(np.uint8)
    source = half((levels, scene()), 0, 48, labels=True, jitter=4, flips="hv", sides=((0, 1),))

    def batch(*parts):
        return source.batch(range(20), torch.Generator().manual_seed(2), *parts)

    whole, a, b = batch(), batch("A"), batch("B")
    assert list(whole) == ["A", "B", "label"] and set(a) == {"A", "label"} and set(b) == {"B"}
    assert all(torch.equal(part[key], whole[key]) for part in (a, b) for key in part)


def test_it_trains_and_its_checkpoint_opens_the_true_pairs(tmp_path):
    source = catalog.load("shapes", "train", 32, n=12)
    assert isinstance(source, Unpaired)
    method = CycleGAN(CycleGANConfig(width=4, blocks=1, d_width=4).fit_to(source))
    fit(method, source, config=TrainConfig(steps=2, batch_size=4), out=tmp_path, progress=False)
    kept = read(tmp_path)["source"]
    test = catalog.load(kept["name"], "test", kept["size"], **kept["options"])
    assert isinstance(test, Source) and len(test) == 12 and test.options == source.options
