"""Earth: no pixel belongs to two splits, tiles obey the card's rule, and the optional inputs mean what they say."""

import numpy as np
import pytest
import torch

from gritlib.data import catalog, earth


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
