"""CelebAMask-HQ from a person's own archive: the authors' labels, the official splits, and nothing skipped."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from gritlib import fetch as room
from gritlib.data import catalog, public
from gritlib.fetch import celebamask
from gritlib.fetch.archive import Given

# The ends of CelebA's partition: 162,770 is the last training file, 182,637 the last one of validation.
NUMBERS = (1, 162_770, 162_771, 182_637, 182_638, 202_599)
SPLITS = ("train", "train", "val", "val", "test", "test")
FACES = {"train": 2, "val": 2, "test": 2}


def fetch(name, *given, **options):
    return room.fetch(name, given=given, progress=False, **options)


def opened(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(celebamask, "SIZES", (32, 64))


@pytest.fixture
def faces(make, register, tmp_path, small):
    """A zip of six faces at the ends of the partition."""
    register("celebamask_hq", b"", FACES, checked=None)
    path = tmp_path / "CelebAMask-HQ.zip"
    path.write_bytes(make.zipped(make.celebamask(NUMBERS)))
    return path


def test_faces_are_split_by_celebas_partition(faces):
    target = fetch("celebamask_hq", faces)
    for size in ("32", "64"):
        for face, split in enumerate(SPLITS):
            for kind, suffix in (("image", "jpg"), ("mask", "png")):
                file = target / size / split / kind / f"{face:05d}.{suffix}"
                assert file.is_file() and opened(file).shape[:2] == (int(size), int(size))
        assert len(list((target / size).rglob("*.png"))) == 6
        assert (target / size / "classes.txt").read_text().split() == list(celebamask.CLASSES)
    kept = public.manifest(target)
    assert kept["counts"] == FACES and kept["sizes"] == [32, 64] and len(kept["palette"]) == 19
    assert kept["archives"][0]["checked"] == "no checksum is published: these are recorded"
    assert room.verify("celebamask_hq") == []


def test_the_published_partition_of_all_faces_is_asserted(make, tmp_path):
    assert sum(celebamask.COUNTS.values()) == celebamask.FACES == 30_000
    assert public.registry()["celebamask_hq"]["counts"] == celebamask.COUNTS

    def partition(counts):
        first = {"train": 1, "val": 162_771, "test": 182_638}
        numbers = [first[split] for split, count in counts.items() for _ in range(count)]
        rows = ["idx orig_idx orig_file", *(f"{i} {n - 1} {n:06d}.jpg" for i, n in enumerate(numbers))]
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / "CelebA-HQ-to-CelebA-mapping.txt").write_text("\n".join(rows))
        return celebamask.partition(Given([tmp_path / "set"]))

    assert len(partition(celebamask.COUNTS)) == 30_000
    with pytest.raises(ValueError, match=r"the splits are .*24184.* CelebA's partition gives"):
        partition({"train": 24_184, "val": 2_992, "test": 2_824})
    assert len(partition({"train": 3, "val": 2, "test": 1})) == 6  # a fixture follows its own file


def test_a_part_of_the_set_is_not_the_set(make, register, tmp_path, small):
    register("celebamask_hq", b"", {"train": 24_183, "val": 2_993, "test": 2_824}, checked=None)
    (tmp_path / "CelebAMask-HQ.zip").write_bytes(make.zipped(make.celebamask(NUMBERS)))
    with pytest.raises(ValueError, match="it is not whole, or another"):
        fetch("celebamask_hq", tmp_path / "CelebAMask-HQ.zip")


def test_later_parts_lie_on_earlier_ones():
    """Each part covers its own row and all of the rows before it, so that one pixel a row tells the order."""
    n = len(celebamask.CLASSES)
    parts = {name: np.arange(n) <= i for i, name in enumerate(celebamask.CLASSES) if i}
    shuffled = dict(sorted(parts.items()))
    label = celebamask.merge({name: np.tile(row, (4, 1)) for name, row in shuffled.items()})
    assert label.dtype == np.uint8 and np.array_equal(label, np.full((4, n), n - 1))
    under = {name: np.tile(np.arange(n) >= i, (4, 1)) for i, name in enumerate(celebamask.CLASSES) if i}
    assert np.array_equal(celebamask.merge(under), np.tile(np.arange(n), (4, 1)))


def test_the_classes_are_the_authors_in_their_order():
    below = "background skin nose eye_g l_eye r_eye l_brow r_brow l_ear r_ear mouth u_lip l_lip"
    assert list(celebamask.CLASSES) == f"{below} hair hat ear_r neck_l neck cloth".split()
    assert len(celebamask.PALETTE) == 19 and len(set(celebamask.PALETTE)) == 19
    assert celebamask.PALETTE[1] == (204, 0, 0) and celebamask.PALETTE[18] == (0, 204, 0)


def test_merged_ids_and_photos_are_those_of_the_archive(faces):
    target = fetch("celebamask_hq", faces)
    label = opened(target / "64" / "train" / "mask" / "00000.png")
    expected = np.zeros((64, 64), np.uint8)
    expected[4:-4, 4:-4], expected[28:36, 28:36] = 1, 2
    expected[8:16, 8:20], expected[8:16, -20:-8] = 4, 5
    assert np.array_equal(label, expected)
    assert set(np.unique(opened(target / "32" / "train" / "mask" / "00000.png"))) == {0, 1, 2, 4, 5}
    with zipfile.ZipFile(faces) as archive:
        photo = Image.open(io.BytesIO(archive.read("CelebAMask-HQ/CelebA-HQ-img/3.jpg")))
    shown = opened(target / "64" / "val" / "image" / "00003.jpg").astype(int)
    assert np.abs(shown - np.asarray(photo.resize((64, 64), Image.Resampling.LANCZOS))).mean() < 1.5


def test_a_mirrored_face_exchanges_its_sides(faces):
    import torch

    fetch("celebamask_hq", faces)
    source = catalog.load("celebamask_hq", "train", 64, load_size=64, progress=False)
    assert source.sides == ((4, 5), (6, 7), (8, 9)) and source.in_channels == 19
    kept = source.batch([0])["label"][0]
    seen = {tuple(source.batch([0], torch.Generator().manual_seed(i))["label"][0].flatten().tolist()) for i in range(9)}
    assert seen == {tuple(kept.flatten().tolist())}  # the fixture is symmetric: its mirror image has the eyes exchanged
    assert set(kept[8:16, :32].unique().tolist()) == {0, 1, 4} and set(kept[8:16, 32:].unique().tolist()) == {0, 1, 5}


def test_the_smallest_prepared_size_that_need_not_grow_is_read(faces, monkeypatch):
    fetch("celebamask_hq", faces)
    read = []
    monkeypatch.setattr(
        public, "read_image", lambda path, old=public.read_image: read.append(path.parts[-4]) or old(path)
    )
    for size, load_size, folder in ((16, None, "32"), (32, 32, "32"), (32, None, "64"), (64, 90, "64")):
        catalog.load("celebamask_hq", "train", size, load_size=load_size, progress=False)
        assert set(read) == {folder}
        read.clear()


@pytest.mark.parametrize("form", ["folder", "folder around", "two parts"])
def test_folders_and_parts_work_like_the_archive(make, register, tmp_path, small, form):
    register("celebamask_hq", b"", FACES, checked=None)
    files = make.celebamask(NUMBERS)
    for name, content in files.items():
        file = tmp_path / "own" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    top = tmp_path / "own" / "CelebAMask-HQ"
    given = {"folder": [top], "folder around": [tmp_path / "own"], "two parts": sorted(top.iterdir())[:3]}[form]
    if form == "two parts":  # the masks' folder under the name that the authors' scripts use
        (top / "CelebAMask-HQ-mask-anno").rename(top / "CelebAMaskHQ-mask-anno")
        given = [top / "CelebA-HQ-img", top / "CelebAMaskHQ-mask-anno", tmp_path / "map"]
        (tmp_path / "map").mkdir()
        (top / "CelebA-HQ-to-CelebA-mapping.txt").rename(tmp_path / "map" / "CelebA-HQ-to-CelebA-mapping.txt")
    assert public.manifest(fetch("celebamask_hq", *given))["counts"] == FACES
    assert len(list((tmp_path / "own").rglob("*.jpg"))) == 7  # and the hidden one


def damaged(files, how):
    top = "CelebAMask-HQ"
    if how == "no photo":
        del files[f"{top}/CelebA-HQ-img/3.jpg"]
    elif how == "no mask":
        for part in ("skin", "nose", "l_eye", "r_eye"):
            del files[f"{top}/CelebAMask-HQ-mask-anno/0/00003_{part}.png"]
    elif how == "another photo":
        files[f"{top}/CelebA-HQ-img/6.jpg"] = files[f"{top}/CelebA-HQ-img/3.jpg"]
    elif how == "unknown part":
        files[f"{top}/CelebAMask-HQ-mask-anno/0/00003_tail.png"] = files[
            f"{top}/CelebAMask-HQ-mask-anno/0/00003_skin.png"
        ]
    elif how == "broken mask":
        files[f"{top}/CelebAMask-HQ-mask-anno/0/00003_nose.png"] = b"\x89PNG broken"
    elif how == "broken photo":
        files[f"{top}/CelebA-HQ-img/3.jpg"] = files[f"{top}/CelebA-HQ-img/3.jpg"][:60]
    elif how == "no mapping":
        del files[f"{top}/CelebA-HQ-to-CelebA-mapping.txt"]
    elif how == "odd row":
        files[f"{top}/CelebA-HQ-to-CelebA-mapping.txt"] += b"7 none\n"
    return files


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("no photo", "1 faces have no photo in CelebA-HQ-img, the first is 3"),
        ("no mask", "1 faces have no mask in CelebAMask-HQ-mask-anno, the first is 3"),
        ("another photo", "face 6 has a photo in CelebA-HQ-img and no row in the mapping file"),
        ("unknown part", "part 'tail' is unknown, the parts are skin, nose"),
        ("broken mask", r"00003_nose.png: cannot be read as an image"),
        ("broken photo", r"3.jpg: cannot be read as an image"),
        ("no mapping", r"no CelebA-HQ-to-CelebA-mapping.txt found"),
        ("odd row", "row '7 none' is not a face, an index and a file name"),
    ],
)
def test_an_archive_with_holes_gives_nothing(make, register, tmp_path, small, sets, how, message):
    register("celebamask_hq", b"", FACES, checked=None)
    own = tmp_path / "CelebAMask-HQ.zip"
    own.write_bytes(make.zipped(damaged(make.celebamask(NUMBERS), how)))
    with pytest.raises(ValueError, match=message):
        fetch("celebamask_hq", own)
    assert [p.name for p in sets.iterdir() if p.suffix != ".lock"] == [] and own.exists()


def test_masks_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"differ in size: \{'skin': \(4, 4\), 'nose': \(5, 4\)\}"):
        celebamask.merge({"skin": np.ones((4, 4), bool), "nose": np.ones((5, 4), bool)})


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1"])
def test_a_mask_is_where_its_first_channel_is_above_zero(mode):
    drawn = np.zeros((4, 6, 3), np.uint8)
    drawn[1:3, 2:5] = (255, 0, 0) if mode == "RGB" else 255
    drawn[0, 0] = (0, 255, 255) if mode == "RGB" else 0
    file = io.BytesIO()
    Image.fromarray(drawn).convert(mode).save(file, "PNG")
    expected = np.zeros((4, 6), bool)
    expected[1:3, 2:5] = True
    assert np.array_equal(celebamask.mask(file.getvalue(), "x"), expected)
