"""Pairs of one's own: what belongs together stays together, and what does not is listed before anything is written."""

import numpy as np
import pytest
from PIL import Image

from gritlib.data import catalog
from gritlib.fetch import tools


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def pixels(seed, height=20, width=24, channels=3, dtype=np.uint8):
    made = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (height, width, channels), dtype)
    return made[:, :, 0] if channels == 1 else made


def opened(path):
    return np.asarray(Image.open(path))


@pytest.fixture
def sides(tmp_path):
    """A/ and B/ with three pairs in two splits."""
    for side in "AB":
        for i, name in enumerate(("train/1", "train/2", "val/1")):
            save(tmp_path / side / f"{name}.png", pixels([ord(side), i]))
    return tmp_path / "A", tmp_path / "B", tmp_path / "out"


def written(out):
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()) if out.exists() else []


def test_pairs_are_put_side_by_side_and_taken_apart(sides, tmp_path):
    a, b, out = sides
    assert tools.combine(a, b, out) == 3 and written(out) == ["train/1.png", "train/2.png", "val/1.png"]
    assert np.array_equal(opened(out / "train" / "2.png"), np.hstack([pixels([65, 1]), pixels([66, 1])]))
    assert Image.open(out / "val" / "1.png").text["Description"] == "1.png and 1.png side by side"
    assert tools.split(out, tmp_path / "back") == 3
    for name in ("train/1", "train/2", "val/1"):
        for side, original in (("A", a), ("B", b)):
            assert np.array_equal(opened(tmp_path / "back" / side / f"{name}.png"), opened(original / f"{name}.png"))


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (1, np.uint16), (3, np.uint8)])
def test_channels_and_depth_are_kept(tmp_path, channels, dtype):
    for side, seed in (("A", 1), ("B", 2)):
        save(tmp_path / side / "x.png", pixels(seed, channels=channels, dtype=dtype))
    tools.combine(tmp_path / "A", tmp_path / "B", tmp_path / "out")
    expected = np.hstack([pixels(seed, channels=channels, dtype=dtype) for seed in (1, 2)])
    found = opened(tmp_path / "out" / "x.png")
    assert found.dtype == dtype and np.array_equal(found, expected)


def test_the_result_is_read_as_a_dataset(sides):
    a, b, out = sides
    tools.combine(a, b, out)
    source = catalog.load(str(out), "train", 16, load_size=20)
    assert np.array_equal(source.inputs[1], pixels([65, 1])) and np.array_equal(source.targets[1], pixels([66, 1]))


def test_files_without_a_partner_are_listed_and_nothing_is_written(sides):
    a, b, out = sides
    for i in range(7):
        save(a / "train" / f"more{i}.png", pixels(i))
    (a / "val" / "1.png").unlink()
    with pytest.raises(ValueError) as error:
        tools.combine(a, b, out)
    said = str(error.value)
    assert "8 files have no partner: train/more0 only in" in said and "train/more4" in said and "…" in said
    assert "more5" not in said and "nothing was written" in said and written(out) == []


def test_the_other_side_is_looked_at_too(sides):
    a, b, out = sides
    save(b / "val" / "7.png", pixels(7))
    with pytest.raises(ValueError, match=r"1 files have no partner: val/7 only in .*B"):
        tools.combine(a, b, out)


@pytest.mark.parametrize(
    ("other", "kind"),
    [
        (pixels(0, 21), "24x21, 3 channel, uint8"),
        (pixels(0, channels=1), "24x20, 1 channel, uint8"),
        (pixels(0, channels=1, dtype=np.uint16), "24x20, 1 channel, uint16"),
    ],
)
def test_pairs_that_differ_are_listed_and_nothing_is_written(sides, other, kind):
    a, b, out = sides
    save(b / "val" / "1.png", other)
    with pytest.raises(ValueError, match=r"1 pairs differ in size or kind: .*24x20, 3 channel, uint8") as error:
        tools.combine(a, b, out)
    assert kind in str(error.value) and written(out) == []


def test_odd_files_cannot_be_halved(tmp_path):
    save(tmp_path / "ab" / "1.png", pixels(0))
    save(tmp_path / "ab" / "2.png", pixels(0, width=25))
    with pytest.raises(ValueError, match=r"1 files cannot be halved: .*2.png is 25 pixels wide"):
        tools.split(tmp_path / "ab", tmp_path / "out")
    assert written(tmp_path / "out") == []


def test_two_files_of_one_name_and_empty_folders(tmp_path):
    save(tmp_path / "ab" / "1.png", pixels(0))
    save(tmp_path / "ab" / "1.jpg", pixels(0))
    with pytest.raises(ValueError, match="have one name: keep one"):
        tools.split(tmp_path / "ab", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no image"):
        tools.split(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(ValueError, match="nowhere: is not a folder"):
        tools.split(tmp_path / "nowhere", tmp_path / "out")


# Tiles


def test_tiles_cover_the_image_and_splits_share_no_pixel(tmp_path):
    """Every pixel of A has a number of its own, B is A inverted."""
    numbers = np.arange(100 * 70, dtype=np.uint16).reshape(100, 70)
    save(tmp_path / "a.png", numbers)
    save(tmp_path / "b.png", 65535 - numbers)
    counts = tools.tiles(tmp_path / "a.png", tmp_path / "b.png", tmp_path / "out", 16, 0.2)
    assert counts == {"train": 5 * 4, "test": 1 * 4}
    seen = {"train": set(), "test": set()}
    for split in seen:
        for file in sorted((tmp_path / "out" / split / "A").iterdir()):
            tile = opened(file)
            assert tile.shape == (16, 16)
            assert np.array_equal(opened(tmp_path / "out" / split / "B" / file.name), 65535 - tile)
            assert not seen[split] & set(tile.flatten().tolist())
            seen[split] |= set(tile.flatten().tolist())
    assert not seen["train"] & seen["test"] and max(seen["train"]) < min(seen["test"])
    assert seen["train"] | seen["test"] == set(numbers[:96, :64].flatten().tolist())
    row, column = opened(tmp_path / "out" / "train" / "A" / "a_002_003.png"), numbers[32:48, 48:64]
    assert np.array_equal(row, column)


@pytest.mark.parametrize(("held_out", "test"), [(0.0, 0), (0.01, 1), (0.5, 2), (0.9, 3)])
def test_the_share_that_is_held_out(tmp_path, held_out, test):
    save(tmp_path / "a.png", pixels(0, 64, 20))
    counts = tools.tiles(tmp_path / "a.png", tmp_path / "a.png", tmp_path / "out", 16, held_out)
    assert counts == {"train": 4 - test, "test": test}  # at least one row of tiles on each side


def test_folders_of_large_pairs_are_read_as_a_dataset(sides):
    for side in sides[:2]:
        for i in range(2):
            save(side / f"map{i}.png", pixels(i, 48, 32))
        for name in ("train", "val"):
            for file in (side / name).iterdir():
                file.unlink()
    assert tools.tiles(*sides, size=16) == {"train": 8, "test": 4}
    assert len(catalog.load(str(sides[2]), "test", 16, load_size=16)) == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "held_out is 0.2 and size 8"),
        ({"held_out": 1.0}, "held_out is 1.0"),
        ({"size": 32}, r"images are smaller than one tile, 2 tiles high: .*24x20"),
        ({"size": 32, "held_out": 0}, "smaller than one tile, 1 tiles high"),
    ],
)
def test_tiles_that_cannot_be_cut(sides, options, message):
    with pytest.raises(ValueError, match=message):
        tools.tiles(*sides, **options)
    assert written(sides[2]) == []


def test_tiles_of_pairs_of_different_size(sides):
    a, b, out = sides
    save(b / "val" / "1.png", pixels(0, 40, 40))
    with pytest.raises(ValueError, match=r"1 pairs differ in size: .*24x20, .*40x40"):
        tools.tiles(a, b, out, 16)
    assert written(out) == []


# Edges


def test_edges_are_cannys_and_say_so(tmp_path):
    """A bright disc on dark ground: a thin closed outline at its rim, nothing inside or far outside."""
    y, x = np.mgrid[:64, :64]
    radius = np.hypot(y - 31.5, x - 31.5)
    disc = np.where(radius < 20, 220, 30).astype(np.uint8)
    save(tmp_path / "photos" / "deep" / "disc.png", np.dstack([disc] * 3))
    assert tools.edges(tmp_path / "photos", tmp_path / "out", 2.0) == 1
    image = Image.open(tmp_path / "out" / "deep" / "disc.png")
    drawn = np.asarray(image)
    assert image.mode == "L" and set(np.unique(drawn)) == {0, 255} and drawn[0, 0] == 255
    assert np.abs(radius[drawn == 0] - 20).max() < 2.5 and (drawn == 0).sum() > 90
    said = image.text["Description"]
    assert said.startswith("Canny edges of disc.png, sigma 2, scikit-image") and said.endswith("not HED")


def test_a_wider_filter_keeps_the_step_and_drops_the_noise(tmp_path):
    step = (np.arange(64) >= 32)[None, :] * np.uint8(150) + pixels(0, 64, 64, 1) // 3
    save(tmp_path / "photos" / "noisy.png", step)
    columns = []
    for sigma in (1.0, 4.0):
        tools.edges(tmp_path / "photos", tmp_path / f"out{sigma}", sigma)
        columns.append(np.nonzero(opened(tmp_path / f"out{sigma}" / "noisy.png") == 0)[1])
    assert len(columns[0]) > 2 * len(columns[1]) > 80 and np.abs(columns[1] - 31.5).max() < 4 < np.ptp(columns[0])


def test_grey_and_16_bit_photos_have_edges(tmp_path):
    step = np.where(np.arange(40) < 20, 1000, 60000).astype(np.uint16) * np.ones((40, 1), np.uint16)
    save(tmp_path / "photos" / "step.png", step)
    tools.edges(tmp_path / "photos", tmp_path / "out")
    rows, columns = np.nonzero(opened(tmp_path / "out" / "step.png") == 0)
    assert len(rows) > 20 and set(columns.tolist()) <= {18, 19, 20, 21}


def test_without_scikit_image_the_remedy_is_said(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ValueError, match=r'skimage is needed to find edges: pip install "gritlib\[lab\]"'):
        tools.edges(tmp_path, tmp_path / "out")


# What is read is not written over


@pytest.mark.parametrize("place", ["A", "B"])
def test_pairs_do_not_replace_their_sides(sides, place):
    a, b, _ = sides
    with pytest.raises(ValueError, match=r"3 files would be lost: .*1.png.*choose another OUT; nothing was written"):
        tools.combine(a, b, a.parent / place)
    assert np.array_equal(opened(a / "train" / "1.png"), pixels([65, 0]))
    assert np.array_equal(opened(b / "val" / "1.png"), pixels([66, 2]))


def test_edges_do_not_replace_their_photos(tmp_path):
    save(tmp_path / "photos" / "x.png", pixels(1))
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    for out in (tmp_path / "photos", tmp_path / "link"):
        with pytest.raises(ValueError, match="1 files would be lost"):
            tools.edges(tmp_path / "photos", out)
    assert np.array_equal(opened(tmp_path / "photos" / "x.png"), pixels(1))


def test_tiles_do_not_replace_their_images(tmp_path):
    """An image whose name is that of its own tile."""
    for side in "AB":
        save(tmp_path / "train" / side / "x_000_000.png", pixels(1, 32, 32))
        save(tmp_path / "train" / side / "x.png", pixels(2, 32, 32))
    with pytest.raises(ValueError, match=r"2 files would be lost: .*x_000_000.png"):
        tools.tiles(tmp_path / "train" / "A", tmp_path / "train" / "B", tmp_path, 16)
    assert len(written(tmp_path)) == 4 and opened(tmp_path / "train" / "A" / "x_000_000.png").shape == (32, 32, 3)


def test_halves_do_not_replace_the_pairs(tmp_path):
    save(tmp_path / "x.png", pixels(1))
    save(tmp_path / "A" / "x.png", pixels(2))
    with pytest.raises(ValueError, match=r"1 files would be lost: .*A/x.png"):
        tools.split(tmp_path, tmp_path)
    assert written(tmp_path) == ["A/x.png", "x.png"] and np.array_equal(opened(tmp_path / "A" / "x.png"), pixels(2))


# Pictures that a camera stored lying


def lying(path, upright):
    """Store a picture turned, with the EXIF tag that says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tag = Image.Exif()
    tag[0x0112] = 6
    Image.fromarray(np.rot90(upright)).save(path, exif=tag)


@pytest.fixture
def turned(tmp_path):
    """A lying A whose B is stored upright, 48 high and 32 wide as seen."""
    lying(tmp_path / "A" / "x.png", pixels(1, 48, 32))
    save(tmp_path / "B" / "x.png", pixels(2, 48, 32))
    return tmp_path / "A", tmp_path / "B", tmp_path / "out"


def test_pairs_are_compared_as_they_are_seen(turned):
    a, b, out = turned
    tools.combine(a, b, out)
    assert np.array_equal(opened(out / "x.png"), np.hstack([pixels(1, 48, 32), pixels(2, 48, 32)]))
    save(b / "x.png", pixels(2, 32, 48))  # as A is stored
    with pytest.raises(ValueError, match=r"1 pairs differ in size or kind: .*32x48.*48x32"):
        tools.combine(a, b, out)


def test_tiles_are_cut_as_they_are_seen(turned):
    assert tools.tiles(*turned, size=16) == {"train": 4, "test": 2}
    assert np.array_equal(opened(turned[2] / "test" / "A" / "x_002_001.png"), pixels(1, 48, 32)[32:, 16:])
    lying(turned[0] / "x.png", pixels(1, 20, 32))
    save(turned[1] / "x.png", pixels(1, 20, 32))
    with pytest.raises(ValueError, match=r"smaller than one tile, 2 tiles high: .*32x20"):
        tools.tiles(*turned, size=16)


def test_odd_is_what_is_odd_as_seen(tmp_path):
    lying(tmp_path / "ab" / "x.png", pixels(1, 24, 21))
    with pytest.raises(ValueError, match=r"x.png is 21 pixels wide"):
        tools.split(tmp_path / "ab", tmp_path / "out")
    lying(tmp_path / "ab" / "x.png", pixels(1, 21, 24))
    tools.split(tmp_path / "ab", tmp_path / "out")
    assert np.array_equal(opened(tmp_path / "out" / "B" / "x.png"), pixels(1, 21, 24)[:, 12:])
