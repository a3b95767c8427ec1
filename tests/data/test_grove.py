"""Grove: the bytes are the pinned ones, map and photo lie on each other, and no split shares a pixel with another."""

import hashlib
from importlib import resources

import numpy as np
import pytest
import torch

from gritlib.data import catalog, grove

ASSETS = {
    "grove_test.jpg": "db7818bdbecb621c176f16f53c896a1065ad94abf461e08058c833566885222c",
    "grove_test_label.png": "46b3bd6cc2e03bad0c2965b33b09d12de153f3bcb6e7f780bc064b37f38010a9",
    "grove_train.jpg": "9dd5cdf5b64d656ef701d51f32c21cb7825fd7cd1412468c3e8e9a8d0bb2ec79",
    "grove_train_label.png": "9f08adb53b9132e208baebc17be4f05068f5a64c9c9abe1b5627b53fd71e1d50",
}


@pytest.fixture(scope="module")
def splits():
    return {split: grove.load(split) for split in catalog.SPLITS}


def covered(source):
    """Pixels of the source's (only) image that a crop may show."""
    mask = np.zeros(source.inputs[0].shape[:2], bool)
    for y0, y1, x0, x1 in source.bounds:
        mask[y0:y1, x0:x1] = True
    return mask


def test_the_asset_files_are_the_pinned_ones():
    folder = resources.files("gritlib.data") / "assets"
    assert sorted(f.name for f in folder.iterdir() if f.name.startswith("grove")) == sorted(ASSETS)
    for name, digest in ASSETS.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


def test_splits_are_disjoint_and_test_is_another_scene(splits):
    train, val, test = (splits[split] for split in catalog.SPLITS)
    assert np.array_equal(train.targets[0], val.targets[0]) and train.targets[0].shape != test.targets[0].shape
    seen_in_training, seen_in_validation = covered(train), covered(val)
    assert not (seen_in_training & seen_in_validation).any()
    assert (seen_in_training | seen_in_validation).all()  # nothing is wasted either
    assert seen_in_validation.sum(0).max() == grove.VAL_ROWS
    for source in splits.values():  # windows lie in their bounds, and jitter cannot leave them
        tops, lefts = source.windows[:, 1], source.windows[:, 2]
        assert (tops >= source.bounds[:, 0]).all() and (tops + 64 <= source.bounds[:, 1]).all()
        assert (lefts >= source.bounds[:, 2]).all() and (lefts + 64 <= source.bounds[:, 3]).all()
        assert len({tuple(w) for w in source.windows}) == len(source)


def test_random_crops_of_validation_stay_out_of_training(splits):
    """The one array in which every pixel knows its row: crops of val come from the last rows only."""
    for split in ("train", "val"):
        source = grove.load(split)
        rows = np.arange(source.targets[0].shape[0], dtype=np.uint16)[:, None, None]
        source.targets = [np.broadcast_to(rows, source.targets[0].shape)]
        drawn = source.batch(range(len(source)), torch.Generator().manual_seed(0))["B"]
        row, border = (drawn + 1) * (65535 / 2), len(rows) - grove.VAL_ROWS
        assert (row.max() < border - 0.5) if split == "train" else (row.min() > border - 0.5)


def test_the_map_lies_on_the_photo(splits):
    for split in ("train", "test"):
        label, photo = splits[split].inputs[0], splits[split].targets[0].astype(float)
        assert label.shape == photo.shape[:2] and set(np.unique(label)) == {0, 1, 2, 3}
        means = np.array([photo[label == k].mean(0) for k in range(4)])
        grey = dict(zip(grove.CLASSES, means.mean(1), strict=True))
        assert all(grey["shadow"] < value - 40 for name, value in grey.items() if name != "shadow")
        # Shifted by half a tile, the classes lose most of their difference: it is an alignment, not a coincidence.
        shifted = np.roll(label, (32, 32), (0, 1))
        spread = np.std([photo[shifted == k].mean() for k in range(4)])
        assert spread < 0.6 * np.std(list(grey.values()))


def test_the_class_order_is_the_palettes():
    assert len(grove.CLASSES) == len(grove.PALETTE) == 4
    assert min(grove.PALETTE, key=sum) == grove.PALETTE[grove.CLASSES.index("shadow")]


def test_the_card_counts_what_is_there(splits):
    counts = "/".join(str(len(splits[split])) for split in catalog.SPLITS)
    height, width = splits["train"].inputs[0].shape
    text = grove.CARD.splits
    assert f"{counts} disjoint tiles of 64 pixels" in text and f"one {width}x{height} scene" in text
    height, width = splits["test"].inputs[0].shape
    assert f"second scene of {width}x{height} pixels" in text
    assert f"lowest {grove.VAL_ROWS} rows" in text


def test_augmentation_is_what_the_loader_says(splits):
    source = splits["train"]
    assert (source.jitter, source.flips, source.sides) == (32, "hv", ())
    assert (source.in_channels, source.out_channels, source.name) == (4, 3, "grove")
    for size in (32, 128):
        assert grove.load("test", size).jitter == size // 2


def test_a_size_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="grove/val has no window of 256 pixels"):
        grove.load("val", 256)
    assert len(grove.load("train", 256)) > 0 and len(grove.load("test", 256)) > 0


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="nope"):
        grove.load("nope")
