"""Names lead to sources and cards, and everything else to a message that names what would work."""

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data import catalog
from gritlib.data.source import Card


def test_every_name_has_a_card_and_three_splits():
    for name in catalog.NAMES:
        card = catalog.describe(name)
        assert isinstance(card, Card) and card.name == name
        text = str(card)
        assert text.startswith(f"{name}: ") and all(word in text for word in ("origin", "licence", "splits"))
        assert card.licence and card.origin


def test_a_card_prints_what_it_has():
    card = Card("x", "a title", "from there", "MIT", "one")
    assert str(card) == "x: a title\n  origin   from there\n  licence  MIT\n  splits   one"
    assert str(Card("x", "a title", "from there", "MIT", "one", "beware")).endswith("\n  note     beware")


@pytest.mark.parametrize(("name", "options"), [("grove", {}), ("earth", {}), ("faces", {"n": 3}), ("shapes", {"n": 4})])
def test_the_splits_of_a_name_are_sources_of_that_name(name, options):
    for split in catalog.SPLITS:
        source = catalog.load(name, split, 64, **options)
        assert (source.name, source.split, source.size) == (name, split, 64) and len(source) > 0
        batch = source.batch([0, len(source) - 1])
        assert batch["A"].shape == (2, source.in_channels, 64, 64)
        assert batch["B"].min() >= -1 and batch["B"].max() <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("groove",),
            r"dataset 'groove' is neither a known name \(grove, earth, faces, shapes\) nor an existing folder",
        ),
        (("grove", "training"), "split 'training' is unknown: choose one of train, val, test"),
        (("grove", "train", 8), "size 8 is too small"),
        (("grove", "val", 500), "grove/val has no window of 500 pixels: choose a smaller size"),
    ],
)
def test_messages(arguments, message):
    with pytest.raises(ValueError, match=message):
        catalog.load(*arguments)


def test_describe_of_an_unknown_name():
    with pytest.raises(ValueError, match="dataset 'mars' is neither a known name"):
        catalog.describe("mars")


def test_a_folder_works_like_a_name(tmp_path):
    (tmp_path / "train").mkdir()
    both = np.arange(20 * 40 * 3, dtype=np.uint8).reshape(20, 40, 3)
    Image.fromarray(both).save(tmp_path / "train" / "a.png")
    source = catalog.load(str(tmp_path), "train", 16, load_size=20, direction="BtoA")
    assert source.name == str(tmp_path) and source.options["direction"] == "BtoA"
    assert np.array_equal(source.inputs[0], both[:, 20:]) and np.array_equal(source.targets[0], both[:, :20])
    with pytest.raises(ValueError, match="val"):
        catalog.load(str(tmp_path), "val", 16)


def test_an_option_the_dataset_does_not_take_is_named(tmp_path):
    with pytest.raises(ValueError, match="grove has no option height: it takes none"):
        catalog.load("grove", height=True)
    with pytest.raises(ValueError, match="earth has no option hight: it takes height, latitude"):
        catalog.load("earth", hight=True)
    with pytest.raises(ValueError, match="has no option n: it takes layout, direction"):
        catalog.load(str(tmp_path), n=3)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("earth", {"unpaired": True}),
        ("earth", {"unpaired": True, "direction": "BtoA"}),
        ("earth", {"single": True}),
        ("faces", {"n": 6, "unpaired": True}),
        ("shapes", {"n": 6, "change": "shape"}),
    ],
)
def test_unpaired_sets_train_apart_and_are_scored_on_pairs(name, options):
    sources = {split: catalog.load(name, split, 64, **options) for split in catalog.SPLITS}
    assert [source.paired for source in sources.values()] == [False, True, True]
    for split, source in sources.items():
        assert (source.name, source.split, source.size) == (name, split, 64)
        # What a checkpoint keeps opens the same data again.
        again = catalog.load(name, split, 64, **source.describe()["options"])
        batch, same = source.batch([0, len(source) - 1]), again.batch([0, len(source) - 1])
        assert set(batch) == {"A", "B"} and all(torch.equal(batch[part], same[part]) for part in batch)
        assert batch["A"].shape == batch["B"].shape == (2, 3, 64, 64)
        assert min(part.min() for part in batch.values()) >= -1 and max(part.max() for part in batch.values()) <= 1
