"""Earth: no pixel belongs to two splits, tiles obey the card's rule, and the optional inputs mean what they say."""

import copy

import numpy as np
import pytest
import torch

from gritlib.data import augment, catalog, earth
from gritlib.data.source import Source


@pytest.fixture(scope="module")
def splits():
    return {split: earth.load(split) for split in catalog.SPLITS}


def region(source):
    """Pixels that a crop of the split may show, random shifts included."""
    mask = np.zeros(source.inputs[0].shape[:2], bool)
    for y0, y1, x0, x1 in source.bounds:
        mask[y0:y1, x0:x1] = True
    return mask


def test_splits_share_no_pixel_even_with_jitter(splits):
    masks = {split: region(source) for split, source in splits.items()}
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not (masks[one] & masks[other]).any()
    for split, source in splits.items():
        corners = source.windows[:, 1:]
        assert (corners >= source.bounds[:, 0::2]).all() and (corners + 64 <= source.bounds[:, 1::2]).all()
        # By longitude, counted anew: of every six blocks of 15 degrees the sixth is test, the third val.
        blocks = np.unique(np.flatnonzero(masks[split].any(0)) // 225 % 6)
        assert blocks.tolist() == {"train": [0, 1, 3, 4], "val": [2], "test": [5]}[split]


def test_random_crops_show_only_their_own_split(splits):
    for split, source in splits.items():
        marked = earth.load(split)
        marked.targets = [np.broadcast_to(region(source)[:, :, None], (2700, 5400, 3)).astype(np.uint8) * 255]
        for seed in range(3):
            drawn = marked.batch(range(len(marked)), torch.Generator().manual_seed(seed))["B"]
            assert drawn.min() == 1


def test_tiles_obey_the_rule_and_the_others_do_not(splits):
    planet = earth._planet()
    kept = {(y, x) for source in splits.values() for _, y, x in source.windows.tolist()}
    for y, x in kept:
        tile = planet["satellite"][y : y + 64, x : x + 64]
        assert planet["land"][y : y + 64, x : x + 64].mean() > 0.3
        assert (tile.min(-1) > 200).mean() < 0.3 and tile.astype(float).mean(-1).std() > 8
        assert 90 - y / 15 <= 72 and 90 - (y + 64) / 15 >= -57
    # Of the same columns, the tiles left out fail it: a whole column of the grid for each split.
    for source in splits.values():
        x = int(source.windows[len(source) // 2, 2])
        for y in range(270, 2205 - 63, 64):
            assert earth._worth_showing(planet, y, x, 64) == ((y, x) in kept)


def test_land_and_map_and_photo_lie_on_each_other():
    planet = earth._planet()
    assert planet["map"].shape == planet["satellite"].shape == planet["height"].shape == (2700, 5400, 3)

    def at(name, latitude, longitude):
        return planet[name][int((90 - latitude) * 15), int((longitude + 180) * 15)]

    for place, is_land in (((0, -150), 0), ((23, 10), 1), ((-10, -55), 1), ((30, -45), 0), ((-25, 134), 1)):
        assert at("land", *place) == is_land, place
        red, _, blue = at("satellite", *place).astype(int)
        assert is_land or blue > red
    assert at("satellite", 23, 10)[0] > at("satellite", -10, -55)[0] + 50  # the Sahara is brighter than the Amazon
    # Seen over the whole globe: the sea is bluer than the land, in the drawn map and in the photo.
    for name in ("map", "satellite"):
        picture = planet[name][270:2145:5, ::5].astype(float)
        land = planet["land"][270:2145:5, ::5]
        bluer = picture[..., 2] - picture[..., 0]
        assert bluer[~land].mean() > bluer[land].mean() + 20


def test_height_and_latitude_are_appended_and_right(splits):
    plain = splits["val"]
    full = earth.load("val", height=True, latitude=True)
    assert (plain.in_channels, full.in_channels) == (3, 8)
    assert [earth.load("val", **{k: True}).in_channels for k in ("height", "latitude")] == [6, 5]
    assert np.array_equal(plain.windows, full.windows)
    indices = [0, len(plain) // 2, len(plain) - 1]
    a, b = plain.batch(indices), full.batch(indices)
    assert torch.equal(a["A"], b["A"][:, :3]) and torch.equal(a["B"], b["B"])
    for k, (_, y, x) in enumerate(plain.windows[indices]):
        height = earth._planet()["height"][y : y + 64, x : x + 64]
        assert np.allclose((b["A"][k, 3:6].permute(1, 2, 0).numpy() + 1) * 127.5, height, atol=1e-4)
        degrees = 90 - (y + np.arange(64) + 0.5) / 15
        signed, absolute = b["A"][k, 6].numpy(), b["A"][k, 7].numpy()
        step = 1.01 / 255  # half a grey level, in [-1, 1]
        assert np.abs(signed - (degrees / 90)[:, None]).max() < step
        assert np.abs(absolute - (2 * np.abs(degrees) / 90 - 1)[:, None]).max() < step
        assert (np.diff(signed, axis=0) <= 0).all() and signed[0, 0] > signed[-1, 0]  # southwards
        assert (signed == signed[:, :1]).all()


def test_options_reach_the_checkpoint_and_load_again(splits):
    source = catalog.load("earth", "val", 64, height=True)
    assert source.describe()["options"] == {"height": True, "latitude": False}
    again = catalog.load(source.name, "test", source.size, **source.describe()["options"])
    assert again.in_channels == source.in_channels


def test_the_relief_is_never_mirrored(splits):
    assert all((source.flips, source.jitter) == ("", 32) for source in splits.values())


def test_the_card_counts_what_is_there(splits):
    counts = "/".join(str(len(splits[split])) for split in catalog.SPLITS)
    assert f"{counts} tiles of 64 pixels" in earth.CARD.splits
    assert "57 S and 72 N" in earth.CARD.note and (earth.SOUTH, earth.NORTH) == (-57, 72)
    assert f"gamma {earth.GAMMA}" in earth.CARD.note and "more than 30 % land, less than 30 % ice" in earth.CARD.note


def test_other_sizes():
    assert len(earth.load("test", 225)) > 0
    assert len(earth.load("train", 128)) > 0


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_size_wider_than_a_block_is_refused(split):
    with pytest.raises(ValueError, match=f"earth/{split} has no window of 256 pixels"):
        earth.load(split, 256)


@pytest.fixture(scope="module")
def unpaired():
    return earth.load("train", unpaired=True)


def test_maps_and_satellite_images_of_other_places_share_no_pixel_even_with_jitter(unpaired, splits):
    maps, photos = region(unpaired.first), region(unpaired.second)
    assert not (maps & photos).any()
    assert not ((maps | photos) & ~region(splits["train"])).any()
    # By longitude, counted anew: even blocks show maps, odd ones satellite images.
    blocks = [np.unique(np.flatnonzero(mask.any(0)) // 225).tolist() for mask in (maps, photos)]
    assert blocks[0] == [0, 4, 6, 10, 12, 16, 18, 22] and blocks[1] == [1, 3, 7, 9, 13, 15, 19, 21]


def test_random_crops_of_a_and_b_show_only_their_own_places(unpaired):
    marked = copy.deepcopy(unpaired)
    marked.first.inputs = [np.repeat(region(unpaired.first)[:, :, None], 3, 2).astype(np.uint8) * 255]
    marked.second.targets = [np.repeat(region(unpaired.second)[:, :, None], 3, 2).astype(np.uint8) * 255]
    for seed in range(3):
        drawn = marked.batch(range(len(marked)), torch.Generator().manual_seed(seed))
        assert drawn["A"].min() == 1 and drawn["B"].min() == 1


def test_unpaired_a_is_the_map_and_b_the_satellite_image(unpaired):
    planet, batch = earth._planet(), unpaired.batch([0, 100])
    for part, source, name in (("A", unpaired.first, "map"), ("B", unpaired.second, "satellite")):
        for k, (_, y, x) in zip((0, 1), source.windows[[0, 100]], strict=True):
            there = planet[name][y : y + 64, x : x + 64]
            assert np.allclose((batch[part][k].permute(1, 2, 0).numpy() + 1) * 127.5, there, atol=1e-4)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_val_and_test_of_unpaired_data_are_the_ordinary_pairs(splits, direction):
    for split in ("val", "test"):
        plain, source = splits[split], earth.load(split, unpaired=True, direction=direction)
        assert isinstance(source, Source) and source.paired
        assert np.array_equal(source.windows, plain.windows) and np.array_equal(source.bounds, plain.bounds)
        ours, theirs = source.batch([0, 50]), plain.batch([0, 50])
        a, b = ("A", "B") if direction == "AtoB" else ("B", "A")
        assert torch.equal(ours["A"], theirs[a]) and torch.equal(ours["B"], theirs[b])


def test_both_directions_train_on_the_same_two_sets(unpaired):
    back = earth.load("train", unpaired=True, direction="BtoA")
    assert np.array_equal(back.first.windows, unpaired.second.windows)
    assert np.array_equal(back.second.windows, unpaired.first.windows)
    assert torch.equal(back.first.batch([7])["A"], unpaired.second.batch([7])["B"])
    assert torch.equal(back.second.batch([7])["B"], unpaired.first.batch([7])["A"])
    wide = earth.load("val", height=True, direction="BtoA")  # what is added is added to the input
    assert (wide.in_channels, wide.out_channels) == (6, 3)
    assert torch.equal(wide.batch([0])["A"][:, 3:], earth.load("val", height=True).batch([0])["A"][:, 3:])


def test_land_cover_of_maps_and_satellite_images_is_as_alike_as_random_halves(unpaired, splits):
    cover, distance = earth.land_cover, earth.land_cover_distance
    apart = distance(cover(unpaired, "A"), cover(unpaired, "B"))
    tiles, one = [], copy.copy(unpaired.first)
    for window in np.concatenate([unpaired.first.windows, unpaired.second.windows]):
        one.windows = window[None]
        tiles.append(list(cover(one).values()))
    random, rng = [], np.random.default_rng(0)
    for _ in range(500):
        halves = np.split(np.array(tiles)[rng.permutation(len(tiles))], [len(unpaired)])
        random.append(distance(*(dict(zip(earth.COVER, half.mean(0), strict=True)) for half in halves)))
    unseen = distance(cover(splits["test"]), cover(splits["train"]))
    assert apart < np.mean(random) + 2 * np.std(random) and apart < unseen / 2
    note = earth.CARD.note
    assert f"map places against satellite places {apart:.3f}" in note
    assert f"random halves of their tiles {np.mean(random):.2f} on average" in note
    assert f"test places against training places {unseen:.3f}" in note


def test_land_cover_names_what_a_person_sees():
    known = {
        "water": (30, -150),
        "ice": (70, 100),
        "forest": (-5, -62),
        "grass": (41, -90),
        "steppe": (40, -101),
        "desert": (23, 10),
    }
    assert tuple(known) == earth.COVER
    source = copy.copy(earth.load("train", 16))
    for name, (latitude, longitude) in known.items():
        source.windows = np.array([[0, int((90 - latitude) * 15) - 8, int((longitude + 180) * 15) - 8]])
        cover = earth.land_cover(source)
        assert max(cover, key=cover.get) == name and cover[name] > 0.5
        assert list(cover) == list(earth.COVER) and abs(sum(cover.values()) - 1) < 1e-9


def test_the_distance_of_two_land_covers_is_the_share_that_differs():
    one = dict.fromkeys(earth.COVER, 0.0) | {"water": 0.5, "desert": 0.5}
    other = dict.fromkeys(earth.COVER, 0.0) | {"water": 0.2, "desert": 0.6, "ice": 0.2}
    assert earth.land_cover_distance(one, other) == pytest.approx(0.3)
    assert earth.land_cover_distance(one, one) == 0


def test_single_shows_one_map_and_one_satellite_image_anywhere_inside(splits):
    source, planet = earth.load("train", single=True), earth._planet()
    for part, name in ((source.first, "map"), (source.second, "satellite")):
        top, left, side = earth.SINGLE[name]
        mask = np.zeros((2700, 5400), bool)
        mask[top : top + side, left : left + side] = True
        assert np.array_equal(region(part), mask) and side == 384
        assert not (mask & ~region(splits["train"])).any()
        # Whichever window it begins from, a crop may lie in any corner.
        corners, bounds = (torch.from_numpy(x[[0] * 4000]) for x in (part.windows[:, 1:], part.bounds))
        drawn = augment.random_offsets(corners, bounds, 64, part.jitter, torch.Generator().manual_seed(0))
        assert (drawn.amin(0) < torch.tensor([top + 4, left + 4])).all()
        assert (drawn.amax(0) > torch.tensor([top + 316, left + 316])).all()
    whole = earth.load("train", 384, single=True)
    assert len(whole) == 1
    for part, name in (("A", "map"), ("B", "satellite")):
        top, left, side = earth.SINGLE[name]
        shown = (whole.batch([0])[part][0].permute(1, 2, 0).numpy() + 1) * 127.5
        assert np.allclose(shown, planet[name][top : top + side, left : left + side], atol=1e-4)
    assert len(earth.load("test", single=True)) == len(splits["test"])


def test_the_options_of_unpaired_data_reach_the_checkpoint_and_defaults_stay_as_they_were(unpaired, splits):
    assert splits["train"].options == {"height": False, "latitude": False}
    assert unpaired.describe()["options"] == {"height": False, "latitude": False, "unpaired": True}
    again = catalog.load(
        "earth", "test", 64, **earth.load("train", single=True, direction="BtoA").describe()["options"]
    )
    assert again.options == {"height": False, "latitude": False, "direction": "BtoA", "single": True}
    assert f"{len(unpaired.first)} and {len(unpaired.second)} tiles" in earth.CARD.splits


def test_what_does_not_work_is_named(unpaired):
    with pytest.raises(ValueError, match="earth has no direction 'both': use AtoB or BtoA"):
        earth.load("test", direction="both")
    with pytest.raises(ValueError, match="earth/train has no window of 400 pixels: choose a smaller size"):
        earth.load("train", 400, single=True)
    with pytest.raises(ValueError, match="earth/train has no window of 226 pixels"):
        earth.load("train", 226, unpaired=True)
    with pytest.raises(ValueError, match="land cover of 'earth', side 'C': needed are earth and the side A or B"):
        earth.land_cover(unpaired, "C")
    with pytest.raises(ValueError, match="land cover of 'grove'"):
        earth.land_cover(catalog.load("grove", "val"))
