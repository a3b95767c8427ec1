"""A Source on images whose pixels are their own coordinates, so that every crop says where it came from."""

import numpy as np
import pytest
import torch
from scipy import stats

from gritlib.data.source import Source, check_labels, grid_windows, one_hot, to_float

H, W, SIZE = 40, 48, 8
CLASSES = ("sky", "left", "right", "ground")


def coordinates():
    """(H, W, 3) uint8: row, column, and a third channel that no mirror image shares."""
    y, x = np.mgrid[:H, :W]
    return np.stack([y, x, (3 * y + 7 * x) % 256], -1).astype(np.uint8)


def make(labels=False, **how):
    """Target: the coordinates. Input: their negative (255 − value), or a label map that is a function of them."""
    target = coordinates()
    source = 255 - target if not labels else ((target[:, :, 0] // 3 + target[:, :, 1] // 5) % 4).astype(np.uint8)
    windows, bounds = grid_windows(0, 0, H, 0, W, SIZE)
    classes = CLASSES if labels else None
    return Source("toy", "train", SIZE, [source], [target], windows, bounds, classes, **how)


def decode(B):
    """(B, 3, H, W) in [-1, 1] -> the uint8 values, (B, H, W, 3)."""
    values = (B.double() + 1) * 127.5
    assert (values - values.round()).abs().max() < 1e-4
    return values.round().to(torch.uint8).permute(0, 2, 3, 1).numpy()


def test_without_a_generator_a_batch_is_the_exact_crops():
    for labels in (False, True):
        source = make(labels, jitter=9, flips="hv", sides=((1, 2),))
        indices = [7, 0, 29, 7]
        batch = source.batch(indices)
        for k, (_, y, x) in enumerate(source.windows[indices]):
            target, given = (array[0][y : y + SIZE, x : x + SIZE] for array in (source.targets, source.inputs))
            assert np.array_equal(decode(batch["B"])[k], target)
            if labels:
                assert np.array_equal(batch["label"][k].numpy(), given)
                assert torch.equal(batch["A"][k], torch.nn.functional.one_hot(batch["label"][k]).permute(2, 0, 1))
            else:
                assert np.array_equal(decode(batch["A"])[k], given) and set(batch) == {"A", "B"}


@pytest.mark.parametrize("flips", ["", "h", "v", "hv"])
@pytest.mark.parametrize("labels", [False, True])
def test_input_target_and_label_move_together(flips, labels):
    source = make(labels, jitter=SIZE // 2, flips=flips)
    drawn, mirrored = source.batch(range(30), torch.Generator().manual_seed(1)), {"h": 0, "v": 0}
    moved = 0
    for k, pixels in enumerate(decode(drawn["B"])):
        rows, columns = pixels[:, :, 0], pixels[:, :, 1]
        # Each crop is a window of the image, mirrored or not, at a place its own pixels name.
        top, left = int(rows.min()), int(columns.min())
        window = coordinates()[top : top + SIZE, left : left + SIZE]
        for letter, axis, line in (("h", 1, columns[0]), ("v", 0, rows[:, 0])):
            if line[0] > line[-1]:
                mirrored[letter] += 1
                window = np.flip(window, axis)
        assert np.array_equal(pixels, window)
        moved += (top, left) != tuple(source.windows[k, 1:])
        assert abs(top - source.windows[k, 1]) <= SIZE // 2 and abs(left - source.windows[k, 2]) <= SIZE // 2
        if labels:
            wanted = (pixels[:, :, 0] // 3 + pixels[:, :, 1] // 5) % 4
            assert np.array_equal(drawn["label"][k].numpy(), wanted)
            assert torch.equal(drawn["A"][k].argmax(0), drawn["label"][k]) and (drawn["A"][k].sum(0) == 1).all()
        else:
            assert np.array_equal(decode(drawn["A"][k : k + 1])[0], 255 - pixels)
    assert moved > 20
    for letter, count in mirrored.items():
        assert (5 <= count <= 25) if letter in flips else count == 0


def test_crops_stay_in_their_bounds_and_reach_all_of_them():
    source = make(jitter=5)
    source.bounds[:] = (8, 32, 16, 40)
    inside = [i for i, (_, y, x) in enumerate(source.windows) if 8 <= y <= 24 and 16 <= x <= 32]
    seen = []
    for seed in range(300):
        pixels = decode(source.batch(inside, torch.Generator().manual_seed(seed))["B"])
        seen.append(np.stack([pixels[:, 0, 0, 0], pixels[:, 0, 0, 1]], 1))
    seen = np.concatenate(seen).astype(int)
    assert seen.min(0).tolist() == [8, 16] and seen.max(0).tolist() == [32 - SIZE, 40 - SIZE]


def test_flips_are_fair_and_independent():
    source, table = make(flips="hv"), np.zeros((2, 2))
    for seed in range(100):
        pixels = decode(source.batch(range(30), torch.Generator().manual_seed(seed))["B"])
        h = pixels[:, 0, 0, 1] > pixels[:, 0, -1, 1]
        v = pixels[:, 0, 0, 0] > pixels[:, -1, 0, 0]
        np.add.at(table, (h.astype(int), v.astype(int)), 1)
    assert table.sum() == 3000 and stats.chisquare(table.ravel()).pvalue > 1e-4


@pytest.mark.parametrize("flips", ["h", "v", "hv"])
def test_sides_swap_under_left_right_flips_only(flips):
    source = make(labels=True, flips=flips, sides=((1, 2),))
    batch, swapped = source.batch(range(30), torch.Generator().manual_seed(3)), np.array([0, 2, 1, 3])
    kinds = set()
    for k, pixels in enumerate(decode(batch["B"])):
        left_right = pixels[0, 0, 1] > pixels[0, -1, 1]
        kinds.add(bool(left_right))
        plain = (pixels[:, :, 0] // 3 + pixels[:, :, 1] // 5) % 4
        assert np.array_equal(batch["label"][k].numpy(), swapped[plain] if left_right else plain)
        assert torch.equal(batch["A"][k].argmax(0), batch["label"][k])
    assert kinds == ({True, False} if "h" in flips else {False})


def test_a_batch_follows_its_generator_alone():
    source = make(jitter=4, flips="hv")
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, again, other = (source.batch(range(9), torch.Generator().manual_seed(k)) for k in (1, 1, 2))
    assert torch.equal(first["B"], again["B"]) and not torch.equal(first["B"], other["B"])
    assert torch.equal(before, torch.get_rng_state())


def test_several_images_of_different_sizes_and_16_bits():
    small = np.full((8, 9, 1), 65535, np.uint16)
    large = np.zeros((20, 12, 1), np.uint16)
    large[12:, 4:] = 257 * 100
    source = Source(
        "toy", "val", 8, [large, small], [large, small], [[0, 12, 4], [1, 0, 1]], [[0, 20, 0, 12], [0, 8, 0, 9]]
    )
    batch = source.batch([1, 0])
    assert (batch["A"][0] == 1).all() and torch.allclose(batch["B"][1], torch.tensor(2 * 100 / 255 - 1))
    assert (len(source), source.in_channels, source.out_channels) == (2, 1, 1)


def test_one_hot_and_to_float():
    label = torch.randint(0, 5, (2, 3, 4))
    hot = one_hot(label, 6)
    assert hot.dtype == torch.float32
    assert torch.equal(hot, torch.nn.functional.one_hot(label, 6).permute(0, 3, 1, 2).float())
    # The order of the operations, and so every bit, is that of the formula.
    for dtype in (np.uint8, np.uint16):
        images = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (2, 5, 4, 3)).astype(dtype)
        planes, half = to_float(images), np.float32(np.iinfo(dtype).max / 2)
        wanted = (images.astype(np.float32) / half - 1).transpose(0, 3, 1, 2)
        assert planes.is_contiguous() and planes.dtype == torch.float32 and np.array_equal(planes, wanted)
    values = to_float(np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)).flatten()
    assert values[0] == -1 and values[255] == 1 and values.dtype == torch.float32
    assert torch.allclose(values.diff(), torch.tensor(2 / 255), atol=1e-6)


@pytest.mark.parametrize(
    "label, said",
    [
        (torch.tensor([[[0, 19], [255, 3]]]), r"ids \[19, 255\], this model knows 0\.\.18"),
        (torch.tensor([[[-1, 0]]]), r"ids \[-1\]"),
        (torch.zeros(1, 4, 4), "float32"),
        (torch.zeros(4, 4, dtype=torch.int64), r"shape \(4, 4\)"),
    ],
)
def test_ids_that_no_class_has_are_refused_before_a_network_sees_them(label, said):
    with pytest.raises(ValueError, match=said):
        one_hot(label, 19)


def test_labels_without_a_class_are_named():
    with pytest.raises(ValueError, match=r"eye\.png: label map has ids \[4, 9\], the classes are 0\.\.3"):
        check_labels(np.array([[0, 9], [4, 3]], np.uint8), CLASSES, "eye.png")
    windows, bounds = grid_windows(0, 0, 8, 0, 8, 8)
    with pytest.raises(ValueError, match=r"toy, image 0: label map has ids \[7\]"):
        args = ([np.full((8, 8), 7, np.uint8)], [np.zeros((8, 8, 3), np.uint8)])
        Source("toy", "train", 8, *args, windows, bounds, CLASSES)


def test_what_cannot_be_a_source_is_refused():
    image, windows = np.zeros((16, 16, 3), np.uint8), [[0, 0, 0], [0, 8, 8]]
    whole = [[0, 16, 0, 16]] * 2
    with pytest.raises(ValueError, match=r"pair 0 has input \(16, 16\) and target \(16, 12\)"):
        Source("toy", "train", 8, [image], [image[:, :12]], windows, whole)
    for bad in ([0, 9, 0], [0, 0, 9], [0, -1, 0]):
        with pytest.raises(ValueError, match="toy: window 1 leaves its image"):
            Source("toy", "train", 8, [image], [image], [windows[0], bad], whole)
    with pytest.raises(ValueError, match="toy/train has no window of 20 pixels: choose a smaller size"):
        Source("toy", "train", 20, [image], [image], *grid_windows(0, 0, 16, 0, 16, 20))


def test_grid_windows_tile_without_overlap_and_carry_their_region():
    windows, bounds = grid_windows(3, 5, 30, 10, 47, 8)
    assert sorted(map(tuple, windows)) == [(3, y, x) for y in (5, 13, 21) for x in (10, 18, 26, 34)]
    assert (bounds == [5, 30, 10, 47]).all() and len(bounds) == len(windows)


def test_describe_is_plain_and_complete():
    import json

    source = make(labels=True, palette=((0, 0, 0),) * 4, options={"height": True})
    told = source.describe()
    assert json.loads(json.dumps(told)) == told
    assert told["classes"] == list(CLASSES) and told["options"] == {"height": True}
    assert (told["name"], told["size"]) == ("toy", SIZE) and make().describe()["classes"] is None
