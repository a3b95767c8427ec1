"""Each layout gives the pixels that are on disk, and every refusal names the file and the remedy."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data import catalog, folders
from gritlib.data.folders import load, resize
from gritlib.data.source import Source, to_float
from gritlib.data.unpaired import Unpaired


def save(array, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array)).save(path)


def noise(seed, *shape, dtype=np.uint8):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, shape, dtype)


def flat(value, *shape):
    return np.full(shape, value, np.uint8)


@pytest.fixture
def pairs(tmp_path):
    """Two pairs of 20x20 in val: grey A, colour B."""
    for i, name in enumerate(("x", "y")):
        save(noise(i, 20, 20), tmp_path / "val" / "A" / f"{name}.png")
        save(noise(10 + i, 20, 20, 3), tmp_path / "val" / "B" / f"{name}.png")
    return tmp_path


@pytest.fixture
def masks(tmp_path):
    """One 20x24 mask with ids 0 and 2 of three classes, in train and test."""
    (tmp_path / "classes.txt").write_text("sky\ntree\nLärche\n", encoding="utf-8")
    for split in ("train", "test"):
        save((noise(1, 20, 24) % 2) * 2, tmp_path / split / "mask" / "x.png")
        save(noise(2, 20, 24, 3), tmp_path / split / "image" / "x.png")
    return tmp_path


def test_side_by_side_cuts_at_the_seam_and_direction_swaps(tmp_path):
    both = noise(0, 16, 32, 3)
    save(both, tmp_path / "val" / "x.png")
    source = load(tmp_path, "val", 16)
    batch = source.batch([0])
    assert source.name == str(tmp_path) and source.options["layout"] == "side-by-side"
    assert torch.equal(batch["A"], to_float(both[None, :, :16]))
    assert torch.equal(batch["B"], to_float(both[None, :, 16:]))
    back = load(tmp_path, "val", 16, direction="BtoA").batch([0])
    assert torch.equal(back["A"], batch["B"]) and torch.equal(back["B"], batch["A"])
    save(np.hstack([flat(0, 40, 40, 3), flat(255, 40, 40, 3)]), tmp_path / "train" / "x.png")
    source = load(tmp_path, "train", 16)  # shrunk, and nothing of B has come over the seam
    assert (source.inputs[0] == 0).all() and (source.targets[0] == 255).all()


@pytest.mark.parametrize("split_first", [True, False])
def test_pairs_in_either_order_of_folders(tmp_path, split_first):
    for name, side in (("A", noise(1, 16, 16)), ("B", noise(2, 16, 16, 3))):
        save(side, tmp_path / (f"val/{name}/p.png" if split_first else f"{name}/val/p.png"))
    source = load(tmp_path, "val", 16)
    assert source.options["layout"] == "pairs" and (source.in_channels, source.out_channels) == (1, 3)
    assert torch.equal(source.batch([0])["A"], to_float(noise(1, 16, 16)[None, :, :, None]))
    assert load(tmp_path, "val", 16, direction="BtoA").in_channels == 3


def test_order_is_by_name_and_other_files_are_ignored(tmp_path):
    for value in (9, 3, 5, 1):
        save(np.hstack([flat(value, 16, 16), flat(0, 16, 16)]), tmp_path / "val" / f"{value}.PNG")
    for other in ("._1.png", ".hidden.jpg", "notes.txt", "Thumbs.db"):
        (tmp_path / "val" / other).write_text("not an image", encoding="utf-8")
    assert [int(a[0, 0, 0]) for a in load(tmp_path, "val", 16).inputs] == [1, 3, 5, 9]


def test_16_bit_grey_is_kept_through_resizing(tmp_path):
    wide = np.full((24, 24), 65535, np.uint16)
    wide[:, :12] = 257
    for side in "AB":
        save(wide, tmp_path / "train" / side / "w.png")
    source = load(tmp_path, "train", 16)
    assert source.inputs[0].dtype == np.uint16 and source.inputs[0].shape == (18, 18, 1)
    batch = source.batch([0])["A"]
    assert batch.shape == (1, 1, 16, 16) and batch.max() == 1.0
    assert source.inputs[0][0, 0, 0] == 257 and source.inputs[0][0, -1, 0] == 65535


def test_resizing_agrees_with_pil_on_8_bits_and_keeps_16_bit_steps():
    image = noise(3, 30, 50, 3) // 2 + 64  # PIL clips 8 bits between its two passes, so stay off the ends
    ours = resize(image, 20)
    pil = np.asarray(Image.fromarray(image).resize((33, 20), Image.Resampling.BICUBIC))
    assert ours.shape == (20, 33, 3) and np.abs(ours.astype(int) - pil).max() <= 1
    ramp = (np.arange(64, dtype=np.uint16) + 30000)[None, :, None].repeat(64, 0)
    assert len(np.unique(resize(ramp, 32))) >= 30
    fine = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[:, :, None]
    assert resize(fine, 16)[4:-4, 4:-4].std() < 2  # a checkerboard becomes grey: antialiased, not subsampled


def test_masks_are_one_hot_and_nearest_keeps_ids(masks):
    source = load(masks, "train", 32)  # enlarged from 20 to 36 pixels
    assert source.classes == ("sky", "tree", "Lärche") and source.inputs[0].shape == (36, 43)
    assert set(np.unique(source.inputs[0])) == {0, 2}
    batch = source.batch([0])
    assert batch["A"].shape == (1, 3, 32, 32) and set(batch["label"].unique().tolist()) == {0, 2}
    exact = load(masks, "test", 20).batch([0])
    assert torch.equal(exact["label"][0], torch.from_numpy((noise(1, 20, 24) % 2) * 2).long()[:, 2:22])
    assert torch.equal(exact["B"], to_float(noise(2, 20, 24, 3)[None, :, 2:22]))


def test_classes_given_override_the_file_and_each_has_a_colour(masks):
    assert load(masks, "test", 20, classes=5).classes == ("0", "1", "2", "3", "4")
    source = load(masks, "test", 20, classes=["a", "b", "c"])
    assert source.classes == ("a", "b", "c") and source.palette == ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    assert len(set(folders.colours(256))) == 256 and folders.colours(256)[255] == (224, 224, 192)  # VOC's void


def test_default_load_size_and_the_region_of_random_crops(tmp_path):
    for split in ("train", "test"):
        save(np.hstack([noise(0, 100, 150, 3)] * 2), tmp_path / split / "x.png")
    test, train = load(tmp_path, "test", 64), load(tmp_path, "train", 64)
    assert test.inputs[0].shape == (64, 96, 3) and test.windows.tolist() == [[0, 0, 16]]
    assert train.inputs[0].shape == (72, 108, 3)  # 64 · 286/256 = 71.5
    assert train.windows.tolist() == [[0, 4, 22]] and train.bounds.tolist() == [[0, 72, 0, 108]] and train.flips == "h"
    assert load(tmp_path, "test", 64, load_size=100).inputs[0].shape == (100, 150, 3)


def test_random_crops_reach_every_corner(tmp_path):
    y, x = np.indices((20, 31), dtype=np.uint8)
    save(np.stack([y, x, 0 * x], axis=2), tmp_path / "train" / "A" / "x.png")
    save(noise(0, 20, 31, 3), tmp_path / "train" / "B" / "x.png")
    source = load(tmp_path, "train", 16, load_size=20)
    generator = torch.Generator().manual_seed(0)
    corners = ((source.batch([0] * 2000, generator)["A"] + 1) * 127.5).round()[:, :2].amin((2, 3))
    assert set(corners[:, 0].tolist()) == set(range(5)) and set(corners[:, 1].tolist()) == set(range(16))


def test_options_reopen_the_same_source_and_another_split(masks):
    source = load(masks, "train", 20, classes=["a", "b", "c"], max_gb=1.0)
    options = json.loads(json.dumps(source.options))
    again = load(source.name, "train", 20, **options)
    assert again.classes == source.classes and np.array_equal(again.inputs[0], source.inputs[0])
    assert again.options == source.options
    other = catalog.load(source.name, "test", 20, **options)
    assert other.classes == source.classes and other.inputs[0].shape == (20, 24)  # the size of its own split


def test_nothing_that_fits_lists_what_is_there_and_what_works(tmp_path):
    save(flat(0, 8, 8), tmp_path / "trainA" / "x.png")
    save(flat(0, 8, 8), tmp_path / "trainB" / "y.png")
    (tmp_path / "readme.txt").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=r"found readme\.txt, trainA/ \(1 images\), trainB/ \(1 images\)") as error:
        load(tmp_path)
    assert all(f"{layout}: <root>" in str(error.value) for layout in folders.LAYOUTS)
    with pytest.raises(ValueError, match=r"nowhere: is not a folder"):
        load(tmp_path / "nowhere")


def test_split_and_layout_are_checked_against_the_disk(pairs, masks):
    with pytest.raises(ValueError, match=r"no split 'dev': choose test, train, val, or make the folder"):
        load(pairs, "dev")
    with pytest.raises(ValueError, match=r"layout 'triples' is unknown: choose auto, side-by-side, pairs, mask"):
        load(pairs, "val", layout="triples")
    with pytest.raises(ValueError, match=r"split 'val' has layout pairs, not mask"):
        load(pairs, "val", layout="mask")
    save(flat(0, 20, 40), pairs / "val" / "both.png")
    with pytest.raises(ValueError, match=r"fits side-by-side and pairs: choose one with layout="):
        load(pairs, "val")
    assert len(load(pairs, "val", 20, layout="pairs")) == 2
    assert len(load(pairs, "val", 20, layout="side-by-side")) == 1


def test_images_without_a_partner_are_counted_and_named(pairs):
    for i in range(7):
        save(flat(0, 20, 20), pairs / "val" / "A" / f"left{i}.png")
    save(flat(0, 20, 20, 3), pairs / "val" / "B" / "right.png")
    with pytest.raises(ValueError, match=r"7 only in \S+A \(left0, left1, left2, left3, left4, …\)") as error:
        load(pairs, "val", 16)
    assert "1 only in" in str(error.value) and "(right): give both the same name or remove them" in str(error.value)


def test_a_name_used_twice_and_an_empty_folder(pairs):
    save(flat(0, 20, 20), pairs / "val" / "A" / "x.jpg")
    with pytest.raises(ValueError, match=r"A: 2 images are called 'x'.*keep one"):
        load(pairs, "val", 16)
    for side in "AB":
        (pairs / "test" / side).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"A: has no image \(\.png"):
        load(pairs, "test", 16)


def test_sizes_that_differ_or_do_not_halve_are_named(pairs):
    save(flat(0, 20, 21, 3), pairs / "val" / "B" / "y.png")
    with pytest.raises(ValueError, match=r"A/y\.png is 20x20 pixels, \S+B/y\.png is 21x20 pixels: make both the same"):
        load(pairs, "val", 16)
    save(flat(0, 20, 41), pairs / "test" / "odd.png")
    with pytest.raises(ValueError, match=r"odd\.png: is 41 pixels wide.*crop or pad"):
        load(pairs, "test", 16)


def test_an_image_unlike_the_others_is_named(pairs):
    save(noise(3, 20, 20), pairs / "val" / "A" / "z.png")
    save(noise(4, 20, 20, 3), pairs / "val" / "B" / "z.png")
    for image, seen in ((flat(0, 20, 20, 3), "3 channels uint8"), (np.zeros((20, 20), np.uint16), "1 channel uint16")):
        save(image, pairs / "val" / "A" / "x.png")
        with pytest.raises(ValueError, match=rf"A/x\.png: is {seen}, 2 others are 1 channel uint8: convert it"):
            load(pairs, "val", 16)


def test_classes_must_be_known_and_well_formed(masks):
    label = flat(0, 40, 40)
    label[0, 0] = 255  # one pixel, which resizing to 16 would drop
    save(label, masks / "test" / "mask" / "x.png")
    save(flat(0, 40, 40, 3), masks / "test" / "image" / "x.png")
    with pytest.raises(
        ValueError,
        match=r"x\.png: label map has ids \[255\], .* are 0\.\.2; .* ids 0 and 1 instead of .*: correct",
    ):
        load(masks, "test", 16)
    (masks / "classes.txt").write_text("sky\n\ntree\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"without empty lines"):
        load(masks, "train", 20)
    (masks / "classes.txt").unlink()
    with pytest.raises(ValueError, match=r"write \S+classes\.txt \(one name a line.*classes=19"):
        load(masks, "train", 20)


def test_options_that_do_not_fit_are_refused(pairs, masks):
    with pytest.raises(ValueError, match=r"pairs has no direction 'AB': use AtoB or BtoA"):
        load(pairs, "val", 16, direction="AB")
    with pytest.raises(ValueError, match=r"mask has no direction 'BtoA': use AtoB"):
        load(masks, "test", 16, direction="BtoA")
    with pytest.raises(ValueError, match=r"classes belong to the mask layout.*leave them out"):
        load(pairs, "val", 16, classes=3)
    with pytest.raises(ValueError, match=r"load_size=15 is smaller.*16 or more"):
        load(pairs, "val", 16, load_size=15)


def test_memory_is_estimated_before_decoding(tmp_path, monkeypatch):
    for name in "abc":
        save(noise(0, 200, 500, 3), tmp_path / "train" / f"{name}.png")  # halves of 200x250
    source = load(tmp_path, "train", 64, load_size=160, max_gb=576e-6)
    assert sum(image.nbytes for image in source.inputs + source.targets) == 576_000
    monkeypatch.setattr(folders, "read_image", lambda path: pytest.fail("decoded"))
    with pytest.raises(ValueError, match=r"0\.000576 GB, the limit is 0\.000575: load_size=159 fits, or raise max_gb"):
        load(tmp_path, "train", 64, load_size=160, max_gb=575e-6)
    with pytest.raises(ValueError, match=r"not even load_size=64 fits, use fewer images, or raise max_gb"):
        load(tmp_path, "train", 64, max_gb=1e-6)


def test_mirroring_can_be_switched_off_and_exchanges_sides(masks):
    (masks / "classes.txt").write_text("skin\nl_eye\nr_eye\n", encoding="utf-8")
    source = load(masks, "train", 20)
    assert source.flips == "h" and source.sides == ((1, 2),)
    crops = [source.batch([0] * 32, torch.Generator().manual_seed(seed))["label"] for seed in range(2)]
    seen = torch.cat(crops)
    assert (seen == 2).any() and (seen == 1).any(), "the mask has ids 0 and 2: a mirrored 2 is a 1"
    still = load(masks, "train", 20, flip=False)
    assert still.flips == "" and not (still.batch([0] * 32, torch.Generator().manual_seed(0))["label"] == 1).any()


@pytest.fixture
def two_sets(tmp_path):
    """CycleGAN's folders: three grey A and two colour B to train on, two pairs to test on; the value says the file."""
    for i in range(3):
        save(flat(10 + i, 20, 24 + i), tmp_path / "trainA" / f"horse {i}.png")
    for i in range(2):
        save(flat(100 + i, 30, 20, 3), tmp_path / "trainB" / f"zebra {i}.jpg")
        save(flat(20 + i, 16, 16), tmp_path / "testA" / f"{i}.png")
        save(flat(120 + i, 16, 16, 3), tmp_path / "testB" / f"{i}.png")
    return tmp_path


def values(source, indices, part, seed=None):
    """The grey value of each crop, whose image is flat."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    crops = ((source.batch(indices, generator)[part][:, 0] + 1) * 127.5).round().flatten(1)
    assert (crops == crops[:, :1]).all()
    return [int(value) for value in crops[:, 0]]


def move(root, split, sides):
    """CycleGAN's folders of a split as one of the two forms of pairs."""
    for side in "AB":
        target = root / side / split if sides == "side first" else root / split / side
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / f"{split}{side}").rename(target)


@pytest.mark.parametrize("form", ["cyclegan", "split first", "side first"])
def test_two_sets_need_neither_common_names_nor_equal_numbers_nor_sizes(two_sets, form):
    for split in ("train", "test") if form != "cyclegan" else ():
        move(two_sets, split, form)
    source = catalog.load(str(two_sets), "train", 16, unpaired=True)
    assert isinstance(source, Unpaired) and (len(source.first), len(source.second)) == (3, 2)
    assert (source.in_channels, source.out_channels) == (1, 3)
    assert source.options["layout"] == ("cyclegan" if form == "cyclegan" else "pairs") and source.options["unpaired"]
    assert values(source, [0, 1, 2], "A") == [10, 11, 12] and values(source, [0, 1, 2], "B") == [100, 101, 100]
    seen = {(values(source, [i], "A", k)[0], values(source, [i], "B", k)[0]) for i in (0, 2) for k in range(20)}
    assert seen == {(a, b) for a in (10, 12) for b in (100, 101)}
    assert source.first.inputs[2].shape == (18, 23, 1) and source.second.targets[0].shape == (27, 18, 3)


def test_a_split_whose_names_match_is_scored_as_pairs(two_sets):
    source = load(two_sets, "test", 16, unpaired=True)
    assert isinstance(source, Source) and source.paired
    assert values(source, [0, 1], "A") == [20, 21] and values(source, [0, 1], "B") == [120, 121]
    for i in range(2):
        (two_sets / "testB" / f"{i}.png").rename(two_sets / "testB" / f"b{i}.png")
    source = load(two_sets, "test", 16, unpaired=True)
    assert isinstance(source, Unpaired) and not source.paired


def test_direction_swaps_the_two_sets(two_sets):
    back = load(two_sets, "train", 16, unpaired=True, direction="BtoA")
    assert (len(back.first), len(back.second), back.in_channels, back.out_channels) == (2, 3, 3, 1)
    assert values(back, [0, 1], "A") == [100, 101] and values(back, [0, 1], "B") == [10, 11]
    pairs = load(two_sets, "test", 16, unpaired=True, direction="BtoA")
    assert values(pairs, [1], "A") == [121] and values(pairs, [1], "B") == [21]


def test_unpaired_training_on_pairs_shows_one_side_of_each(tmp_path):
    for i in range(5):
        both = np.hstack([flat(10 + i, 16, 16, 3), flat(100 + i, 16, 16, 3)])
        save(both, tmp_path / "train" / f"{i}.png")
        save(both, tmp_path / "test" / f"{i}.png")
    source = load(tmp_path, "train", 16, unpaired=True)
    assert values(source, range(3), "A") == [10, 12, 14] and values(source, range(2), "B") == [101, 103]
    assert len(load(tmp_path, "test", 16, unpaired=True)) == 5 and len(load(tmp_path, "train", 16)) == 5
    for i in range(1, 5):
        (tmp_path / "train" / f"{i}.png").unlink()
    with pytest.raises(ValueError, match="split 'train' has one pair, which gives A or B: add a second"):
        load(tmp_path, "train", 16, unpaired=True)


def test_unpaired_masks_keep_their_classes_and_lose_their_images(masks):
    save(flat(1, 20, 20), masks / "train" / "mask" / "y.png")
    save(flat(7, 20, 20, 3), masks / "train" / "image" / "y.png")
    source = load(masks, "train", 16, unpaired=True)
    assert (len(source.first), len(source.second), source.in_channels) == (1, 1, 3)
    batch = source.batch([0])
    assert set(batch["label"].unique().tolist()) == {0, 2} and batch["B"].unique().numel() == 1
    (masks / "train" / "image" / "y.png").rename(masks / "train" / "image" / "z.png")
    (masks / "train" / "mask" / "x.png").unlink()  # no common name is left, and a mask is still no image
    with pytest.raises(ValueError, match="images without a partner"):
        load(masks, "train", 16, unpaired=True)


def test_refusals_of_unpaired_folders(two_sets):
    with pytest.raises(ValueError, match="no layout fits") as error:
        load(two_sets, "train", 16)
    assert "cyclegan: <root>/trainA/" in str(error.value) and "unpaired=true" in str(error.value)
    with pytest.raises(ValueError, match="has no split 'val': choose test, train"):
        load(two_sets, "val", 16, unpaired=True)
    (two_sets / "testB" / "1.png").rename(two_sets / "testB" / "c.png")
    with pytest.raises(ValueError, match=r"1 only in .*testA \(1\); 1 only in .*testB \(c\): give both the same name"):
        load(two_sets, "test", 16, unpaired=True)
    with pytest.raises(ValueError, match=r"would take .* GB, the limit is 1e-07"):
        load(two_sets, "train", 16, unpaired=True, max_gb=1e-7)
    save(flat(0, 20, 20, 3), two_sets / "trainA" / "colour.png")
    with pytest.raises(ValueError, match=r"colour\.png: is 3 channels uint8, 3 others are 1 channel uint8"):
        load(two_sets, "train", 16, unpaired=True)
    for file in (two_sets / "trainB").iterdir():
        file.unlink()
    with pytest.raises(ValueError, match="trainB: has no image"):
        load(two_sets, "train", 16, unpaired=True)


def test_paired_options_do_not_mention_unpaired(pairs):
    assert "unpaired" not in load(pairs, "val", 16).options


def test_options_of_two_sets_reopen_another_split(two_sets):
    source = load(two_sets, "train", 16, unpaired=True)
    options = json.loads(json.dumps(source.describe()["options"]))
    assert len(catalog.load(source.name, "test", 16, **options)) == 2
