"""Fetched sets as Sources: what is read is what `folders.load` reads, from a file that was decoded once."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data import catalog, folders, public
from gritlib.data.unpaired import Unpaired

SIDE = 40


@pytest.fixture(autouse=True)
def own_folders(tmp_path, monkeypatch):
    monkeypatch.setenv("GRITLIB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRITLIB_DATA", str(tmp_path / "sets"))


def draw(path, seed, width=SIDE, mode="RGB"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (SIDE, width, 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)


@pytest.fixture
def prepared(tmp_path):
    """Write a small prepared set and its manifest."""

    def make(name, counts, classes=None, sizes=None, form="png", mode="RGB", **more):
        fact, target = public.registry()[name], tmp_path / "sets" / name
        for split, count in counts.items():
            for i in range(count):
                for size in sizes or [""]:
                    here = target / str(size) / split
                    if fact["layout"] == "mask":
                        draw(here / "image" / f"{i}.{form}", i, mode=mode)
                        (here / "mask").mkdir(exist_ok=True)
                        ids = np.random.default_rng(i).integers(0, len(classes), (SIDE, SIDE), np.uint8)
                        Image.fromarray(ids).save(here / "mask" / f"{i}.png")
                    else:
                        width = 2 * SIDE if fact["layout"] == "side-by-side" else SIDE
                        draw(here / f"{split}_{i}.{form}", [i, len(split)], width, mode)
        if classes:
            (target / "classes.txt").write_text("\n".join(classes))
        content = {"name": name, "layout": fact["layout"], "direction": fact["direction"], "counts": counts}
        content |= {"files": "0123456789abcdef", "classes": classes, "sizes": sizes} | more
        (target / public.MANIFEST).write_text(json.dumps(content))
        return target

    return make


def load(name, split="train", size=24, **options):
    return catalog.load(name, split, size, progress=False, **options)


def same(a, b, steps=3):
    for step in range(steps):
        generators = [torch.Generator().manual_seed(step) for _ in range(2)]
        batches = [source.batch([0, len(source) - 1], g) for source, g in zip((a, b), generators, strict=True)]
        assert batches[0].keys() == batches[1].keys()
        assert all(torch.equal(batches[0][key], batches[1][key]) for key in batches[0])


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
@pytest.mark.parametrize("load_size", [None, 24, 50])
def test_pairs_are_those_of_the_folder_loader(prepared, direction, load_size):
    target = prepared("facades", {"train": 5, "val": 2})
    options = {"direction": direction, "load_size": load_size}
    for split in ("train", "val"):
        mine = load("facades", split, **options)
        same(mine, folders.load(target, split, 24, **options))
    assert mine.paired and mine.name == "facades" and mine.in_channels == mine.out_channels == 3


def test_labels_are_those_of_the_folder_loader(prepared):
    target = prepared("ade20k", {"train": 4}, classes=["unknown", "l_eye", "r_eye"])
    mine, theirs = load("ade20k"), folders.load(target, "train", 24)
    assert mine.classes == theirs.classes and mine.palette == theirs.palette and mine.sides == theirs.sides == ((1, 2),)
    same(mine, theirs, steps=6)


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_two_sides_are_those_of_the_folder_loader(prepared, direction):
    target = prepared("horse2zebra", {"trainA": 3, "trainB": 5, "testA": 2, "testB": 2})
    mine = load("horse2zebra", direction=direction)
    assert isinstance(mine, Unpaired) and (len(mine.first), len(mine.second))[:: 1 if direction == "AtoB" else -1] == (
        3,
        5,
    )
    same(mine, folders.load(target, "train", 24, unpaired=True, direction=direction))
    assert not load("horse2zebra", "test").paired


def test_pairs_drawn_apart_share_no_place(prepared):
    target = prepared("maps", {"train": 5, "val": 2})
    mine = load("maps", unpaired=True)
    assert (len(mine.first), len(mine.second)) == (3, 2) and load("maps", "val", unpaired=True).paired
    same(mine, folders.load(target, "train", 24, unpaired=True, direction="BtoA"))


def test_what_a_checkpoint_keeps_opens_the_same_data(prepared):
    prepared("facades", {"train": 5, "val": 2})
    source = load("facades", direction="AtoB", flip=False, n=3)
    same(source, load(source.describe()["name"], **source.describe()["options"]))
    assert load("facades").options["direction"] == "BtoA"  # as used, so that another default later changes nothing


def test_a_part_is_spread_over_the_split(prepared):
    prepared("facades", {"train": 9})
    whole, part = load("facades", load_size=24), load("facades", load_size=24, n=3)
    assert len(part) == 3 and len(load("facades", n=99)) == 9
    assert torch.equal(part.batch([0, 1, 2])["A"], whole.batch([0, 4, 8])["A"])


def test_grey_photos_become_rgb(prepared):
    prepared("apple2orange", {"trainA": 2, "trainB": 2}, mode="L")
    batch = load("apple2orange").batch([0, 1])
    assert batch["A"].shape == (2, 3, 24, 24) and torch.equal(batch["A"][:, 0], batch["A"][:, 2])


def test_a_path_works_like_the_name_and_needs_no_root(prepared, monkeypatch, tmp_path):
    target = prepared("facades", {"train": 3})
    by_name = load("facades")
    monkeypatch.setenv("GRITLIB_DATA", str(tmp_path / "elsewhere"))
    by_path = load(str(target))
    assert by_path.name == str(target.resolve()) and by_path.options == by_name.options
    same(by_path, by_name)
    with pytest.raises(FileNotFoundError, match=r"facades is not in .*elsewhere: python -m gritlib data fetch facades"):
        load("facades")


def test_a_path_with_several_sizes_opens_again_by_its_name(prepared):
    target = prepared("celebamask_hq", {"train": 3}, classes=["background", "skin"], sizes=[32, 64])
    source = load(str(target))
    assert source.name == str(target.resolve())
    same(source, load(source.describe()["name"], **source.describe()["options"]))


@pytest.mark.parametrize("text", ['{"name": "my site", "icons": []}', '{"name": "facades"}', "[]", "no JSON", ""])
def test_somebody_elses_manifest_is_none_of_ours(prepared, text):
    target = prepared("facades", {"train": 3})
    (target / public.MANIFEST).write_text(text)
    assert public.manifest(target) is None
    assert catalog.describe(str(target)).title == "your own images" and len(catalog.load(str(target), "train", 24)) == 3


def test_a_new_preparation_is_decoded_anew(prepared):
    target = prepared("facades", {"train": 3})
    old = load("facades").batch([0])["A"]
    for file in target.rglob("*.png"):
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)
    assert torch.equal(load("facades").batch([0])["A"], old)  # the same manifest: not decoded again
    kept = public.manifest(target) | {"files": "another"}
    (target / public.MANIFEST).write_text(json.dumps(kept))
    assert torch.allclose(load("facades").batch([0])["A"], -old, atol=1 / 64)


def test_sizes_and_splits_have_files_of_their_own(prepared, tmp_path):
    prepared("facades", {"train": 3, "val": 2})
    for split, size in (("train", 24), ("train", 32), ("val", 24)):
        load("facades", split, size)
    kept = sorted(f.name for f in (tmp_path / "cache" / "decoded").iterdir() if f.is_dir())
    assert kept == [
        "facades-0123456789ab-train-27-3",
        "facades-0123456789ab-train-36-3",
        "facades-0123456789ab-val-24-2",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "test"}, "facades: has no split 'test': choose train, val"),
        ({"direction": "A"}, "facades: has no direction 'A': use AtoB or BtoA"),
        ({"load_size": 20}, "facades: load_size=20 is smaller than the crops: choose 24 or more"),
        ({"colour": "red"}, "facades has no option colour: it takes direction, load_size, flip, n, unpaired"),
    ],
)
def test_messages(prepared, options, message):
    prepared("facades", {"train": 3, "val": 2})
    with pytest.raises(ValueError, match=message):
        load("facades", **options)


def test_a_split_without_images_is_none(prepared):
    prepared("facades", {"train": 3, "val": 0})
    with pytest.raises(ValueError, match=r"facades: has no split 'val': choose train$"):
        load("facades", "val")


def test_label_maps_have_one_direction(prepared):
    prepared("ade20k", {"train": 2}, classes=["unknown", "wall"])
    with pytest.raises(ValueError, match=r"ade20k: has no direction 'BtoA': use AtoB$"):
        load("ade20k", direction="BtoA")


@pytest.mark.parametrize("broken", ["odd width", "size", "id"])
def test_broken_files_are_named(prepared, broken):
    if broken == "odd width":
        target = prepared("facades", {"train": 2})
        draw(target / "train" / "train_1.png", 0, 2 * SIDE + 1)
        message = r"train_1.png: is 81 pixels wide, A and B need an even width"
    else:
        target = prepared("ade20k", {"train": 2}, classes=["unknown", "wall"])
        ids = np.full((SIDE, SIDE if broken == "id" else SIDE + 2), 5 if broken == "id" else 0, np.uint8)
        Image.fromarray(ids).save(target / "train" / "mask" / "1.png")
        message = (
            r"1.png: label map has ids \[5\]"
            if broken == "id"
            else r"1.png: is \(42, 40\) pixels, its image \(40, 40\)"
        )
    with pytest.raises(ValueError, match=message):
        load("facades" if broken == "odd width" else "ade20k")


def test_a_set_from_which_files_are_missing_is_refused(prepared):
    """Also where it was decoded before: a model must not be trained on what is left."""
    target = prepared("facades", {"train": 5, "val": 2})
    load("facades")
    (target / "train" / "train_3.png").unlink()
    with pytest.raises(ValueError, match=r"train: has 4 images, 5 were prepared: put back .*--again"):
        load("facades")
    assert len(load("facades", "val")) == 2
    draw(target / "val" / "more.png", 0, 2 * SIDE)
    with pytest.raises(ValueError, match=r"val: has 3 images, 2 were prepared"):
        load("facades", "val")


def test_one_missing_side_of_unpaired_sets_is_refused(prepared):
    target = prepared("horse2zebra", {"trainA": 3, "trainB": 5})
    (target / "trainB" / "trainB_0.png").unlink()
    with pytest.raises(ValueError, match=r"trainB: has 4 images, 5 were prepared"):
        load("horse2zebra")


@pytest.mark.parametrize("side", ["image", "mask"])
def test_one_missing_side_of_a_pair_is_refused(prepared, side):
    target = prepared("ade20k", {"train": 3}, classes=["unknown", "wall"])
    (target / "train" / side / "1.png").unlink()
    with pytest.raises(ValueError, match=rf"{side}: has 2 images, 3 were prepared"):
        load("ade20k")


def test_pairs_of_different_names_are_refused(prepared):
    """One mask and another image are gone: as many files on each side, and what lies between them no longer fits."""
    target = prepared("ade20k", {"train": 4}, classes=["unknown", "wall"])
    (target / "train" / "mask" / "0.png").unlink()
    (target / "train" / "image" / "2.png").unlink()
    kept = public.manifest(target) | {"counts": {"train": 3}}
    (target / public.MANIFEST).write_text(json.dumps(kept))
    with pytest.raises(ValueError, match=r"the names in train/mask and train/image differ: .*--again"):
        load("ade20k")


def test_what_file_viewers_leave_is_no_image(prepared):
    target = prepared("facades", {"train": 3})
    (target / "train" / "._train_0.png").write_bytes(b"x")
    assert len(load("facades")) == 3


def test_every_public_set_has_a_card_before_it_is_fetched():
    for name in public.NAMES:
        text = str(catalog.describe(name))
        fact = public.registry()[name]
        for key in ("licence", "citation", "home", "lesson", "note", "title"):
            assert fact[key] in text, (name, key)
        assert "download" in text.split("splits")[1]


def test_a_fetched_sets_card_has_the_counts_that_are_there(prepared):
    assert "train 400, val 100, test 106; download 30 MB" in catalog.describe("facades").splits
    target = prepared("facades", {"train": 1234, "val": 2})
    for name in ("facades", str(target)):
        card = catalog.describe(name)
        assert card.splits.startswith("train 1,234, val 2;") and card.name == name


def test_the_root_is_the_variable_or_the_cache(monkeypatch, tmp_path):
    assert public.root() == tmp_path / "sets"
    monkeypatch.delenv("GRITLIB_DATA")
    assert public.root() == tmp_path / "cache" / "data"


def test_unknown_names_list_the_papers_sets():
    for call in (catalog.load, catalog.describe):
        with pytest.raises(ValueError, match="nor an existing folder; the papers' sets are facades, maps, cityscapes"):
            call("mars")
