"""Streets and scenes from a person's own archives: two forms of Cityscapes, and ADE20K with its 151 channels."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from gritlib import fetch as room
from gritlib.data import catalog, public
from gritlib.fetch import cityscapes


def fetch(name, *given, **options):
    return room.fetch(name, given=given, progress=False, **options)


def opened(path):
    return np.asarray(Image.open(path))


# Cityscapes


@pytest.fixture
def streets(make, register, tmp_path):
    """Two zips as the registered download has them: three photos with ids and colours, and one test photo without."""
    ids = np.zeros((64, 128), np.uint8)
    ids[:, 64:], ids[:8] = 26, 255
    colours = np.zeros((64, 128, 3), np.uint8)
    colours[:, 64:] = (0, 0, 142)
    photos, marked = {"README": b"x"}, {"license.txt": b"x"}
    for split, city, n in (("train", "aachen", 2), ("val", "ulm", 1)):
        for i in range(n):
            stem = f"{city}_00000{i}_000019"
            photos[f"leftImg8bit/{split}/{city}/{stem}_leftImg8bit.png"] = make.picture(i, 128, 64, "PNG")
            for kind, pixels in (("labelIds", ids), ("color", colours), ("instanceIds", ids)):
                marked[f"gtFine/{split}/{city}/{stem}_gtFine_{kind}.png"] = make.png(pixels)
    photos["leftImg8bit/test/bonn/bonn_0_leftImg8bit.png"] = make.picture(0, 128, 64, "PNG")
    for name in ("cityscapes", "cityscapes_labels"):
        register(name, b"", {"train": 2, "val": 1}, checked=None)
    paths = tmp_path / "gtFine_trainvaltest.zip", tmp_path / "leftImg8bit_trainvaltest.zip"
    for path, files in zip(paths, (marked, photos), strict=True):
        path.write_bytes(make.zipped(files))
    return paths


def test_streets_become_pix2pix_pairs(streets):
    target = fetch("cityscapes", *streets)
    file = target / "train" / "aachen_000000_000019.jpg"
    both = opened(file)
    assert both.shape == (256, 512, 3)
    assert np.abs(both[:, 256 + 140 :].astype(int) - (0, 0, 142)).max() <= 2 and both[:, 256 : 256 + 110].max() <= 2
    with zipfile.ZipFile(streets[1]) as archive:
        photo = Image.open(io.BytesIO(archive.read("leftImg8bit/train/aachen/aachen_000000_000019_leftImg8bit.png")))
    expected = np.asarray(photo.resize((256, 256), Image.Resampling.BICUBIC)).astype(int)
    assert np.abs(both[:, :256].astype(int) - expected).mean() < 1
    source = catalog.load("cityscapes", "val", 256, progress=False)
    assert source.options["direction"] == "BtoA" and len(source) == 1
    assert source.batch([0])["A"][0, 2, 0, -1] == pytest.approx(142 / 127.5 - 1, abs=0.02)  # the labels are the input


def test_streets_become_spades_label_maps(streets):
    target = fetch("cityscapes_labels", *streets)
    label = opened(target / "val" / "mask" / "ulm_000000_000019.png")
    assert label.shape == (256, 512) and set(np.unique(label)) == {0, 26, 34}
    assert label[0, 0] == 34 and label[-1, 0] == 0 and label[-1, -1] == 26
    source = catalog.load("cityscapes_labels", "val", 256, progress=False)
    assert source.in_channels == 35 and source.classes[26] == "car" and source.classes[34] == "license plate"


@pytest.mark.parametrize(("which", "message"), [(0, "no photos found"), (1, "no annotations found")])
def test_both_archives_of_streets_are_needed(streets, which, message):
    with pytest.raises(ValueError, match=f"{message}: give gtFine_trainvaltest.zip and leftImg8bit"):
        fetch("cityscapes", streets[which])


def test_a_street_without_its_annotation_is_named(streets, make):
    with zipfile.ZipFile(streets[0]) as archive:
        files = {n: archive.read(n) for n in archive.namelist() if "ulm" not in n}
    streets[0].write_bytes(make.zipped(files))
    with pytest.raises(ValueError, match="1 files have no annotation, the first is ulm_000000_000019"):
        fetch("cityscapes", *streets)


@pytest.mark.parametrize("form", ["cityscapes", "cityscapes_labels"])
@pytest.mark.parametrize("which", [0, 1], ids=["annotation", "photo"])
@pytest.mark.parametrize("left", [0, 60])
def test_a_broken_street_is_named(streets, make, sets, form, which, left):
    """Cut before it was put into the archive, which itself is whole."""
    kind = ("gtFine_color" if form == "cityscapes" else "gtFine_labelIds", "leftImg8bit")[which]
    with zipfile.ZipFile(streets[which]) as archive:
        files = {n: archive.read(n) for n in archive.namelist()}
    (name,) = [n for n in files if n.endswith(f"ulm_000000_000019_{kind}.png")]
    files[name] = files[name][:left]
    streets[which].write_bytes(make.zipped(files))
    with pytest.raises(ValueError, match=rf"{name}: cannot be read as an image \(.*\): download the archive again"):
        fetch(form, *streets)
    assert public.manifest(sets / form) is None


def test_the_35_classes_of_streets():
    assert len(cityscapes.CLASSES) == len(set(cityscapes.CLASSES)) == 35
    known = {0: "unlabeled", 7: "road", 11: "building", 19: "traffic light", 23: "sky", 24: "person", 33: "bicycle"}
    assert {i: cityscapes.CLASSES[i] for i in known} == known


# ADE20K


def scenes(make, top=150):
    files = {}
    for part, stem in (
        ("training", "ADE_train_00000001"),
        ("training", "ADE_train_00000002"),
        ("validation", "ADE_val_1"),
    ):
        label = np.zeros((40, 56), np.uint8)
        label[:, 30:], label[:5] = 3, top
        files[f"ADEChallengeData2016/images/{part}/{stem}.jpg"] = make.picture(len(files), 56, 40)
        files[f"ADEChallengeData2016/annotations/{part}/{stem}.png"] = make.png(label)
    rows = [f"{i}\t0.1\t1\t1\t0\t{'screen' if i in (7, 9) else f'name{i}, synonym{i}'}" for i in range(1, 151)]
    text = "\n".join(["Idx\tRatio\tTrain\tVal\tStuff\tName", *rows])
    return files | {"ADEChallengeData2016/objectInfo150.txt": text.encode()}


def test_scenes_have_151_channels_and_0_is_unknown(make, register, server):
    register("ade20k", make.zipped(scenes(make)), {"train": 2, "val": 1})
    target = room.fetch("ade20k", progress=False)
    assert len(server.asked) == 1
    source = catalog.load("ade20k", "val", 32, progress=False)
    assert source.in_channels == 151 and source.classes[0] == "unknown" and source.classes[3] == "name3"
    assert source.classes[7] == "screen 7" and source.classes[9] == "screen 9"
    stored = opened(target / "val" / "mask" / "ADE_val_1.png")
    assert set(np.unique(stored)) == {0, 3, 150}  # as in the archive: nothing is shifted
    assert set(source.batch([0])["label"].unique().tolist()) == {0, 3, 150}


def test_scenes_keep_their_bytes_and_sizes(make, register):
    files = scenes(make)
    register("ade20k", make.zipped(files), {"train": 2, "val": 1})
    target = room.fetch("ade20k", progress=False)
    name = "ADEChallengeData2016/images/training/ADE_train_00000001.jpg"
    assert (target / "train" / "image" / "ADE_train_00000001.jpg").read_bytes() == files[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.pop("ADEChallengeData2016/annotations/training/ADE_train_00000002.png"), "has no partner"),
        (lambda f: f.pop("ADEChallengeData2016/images/training/ADE_train_00000002.jpg"), "has no partner"),
        (lambda f: f.update({"ADEChallengeData2016/objectInfo150.txt": b"Idx\n1\n"}), "lists 1 classes instead of 150"),
    ],
)
def test_scenes_with_holes_give_nothing(make, register, sets, change, message):
    files = scenes(make)
    change(files)
    register("ade20k", make.zipped(files), {"train": 2, "val": 1})
    with pytest.raises(ValueError, match=message):
        room.fetch("ade20k", progress=False)
    assert public.manifest(sets / "ade20k") is None


def test_a_broken_label_map_of_a_scene_is_named(make, register):
    files, name = scenes(make), "ADEChallengeData2016/annotations/training/ADE_train_00000002.png"
    files[name] = files[name][:60]
    register("ade20k", make.zipped(files), {"train": 2, "val": 1})
    with pytest.raises(ValueError, match=f"{name}: cannot be read as an image"):
        room.fetch("ade20k", progress=False)


def test_the_full_ade20k_is_not_the_challenge(make, register):
    register("ade20k", make.zipped(scenes(make, top=151)), {"train": 2, "val": 1})
    with pytest.raises(ValueError, match="has id 151, the challenge's ids are 0 to 150"):
        room.fetch("ade20k", progress=False)
    register("ade20k", make.zipped({"ADE20K_2016/images/x.jpg": b"x"}), {"train": 2, "val": 1})
    with pytest.raises(ValueError, match=r"give ADEChallengeData2016.zip"):
        room.fetch("ade20k", progress=False)
