"""The same face by day and in the evening: the light's formula, its closed form, and who is shown to whom."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gritlib.data import catalog, faces
from gritlib.data.face_style import NIGHT, SKY, SUN, evening
from gritlib.data.source import Source
from gritlib.data.unpaired import Unpaired


@pytest.fixture(scope="module")
def pairs():
    return faces.load("test", 64, n=40, unpaired=True)


def test_evening_light_is_sky_and_a_sun_that_grows_to_the_right():
    grey, across = np.full((3, 2, 5), 0.0, np.float32), np.array([[-3.0, -1.0, 0.0, 1.0, 3.0]])
    background = np.array([[False] * 5, [True] * 5])
    seen = (evening(grey, background, across) + 1) / 2
    for k in range(3):
        wanted = [0.5 * (SKY[k] + w * SUN[k]) for w in (0, 0, 0.5, 1, 1)]
        assert np.allclose(seen[k, 0], wanted, atol=1e-6) and np.allclose(seen[k, 1], 0.5 * NIGHT[k], atol=1e-6)
    assert evening(grey + 0.95, background, across).max() <= 0.95
    assert evening(grey - 1, background, across).min() >= -0.95


def test_evening_follows_from_day_and_layout_whatever_the_style():
    for i in range(10):
        label, style = faces.face("test", i)
        gains = []
        for how in (style, faces.Style.random((i, 77))):
            how = replace(how, freckles=0.0)
            day, late = (faces.conditional_moments(label, how, view)[0] for view in ("day", "evening"))
            unclipped = (late.abs() < 0.94) & (day.abs() < 0.94)
            gains.append(torch.where(unclipped, (late + 1) / (day + 1), torch.nan))
        both = ~gains[0].isnan() & ~gains[1].isnan()
        assert both.float().mean() > 0.8 and torch.allclose(gains[0][both], gains[1][both], atol=1e-3)
        assert gains[0][both].max() < 1.09  # so nothing bright is lost beside the day


def test_evening_is_darker_warmer_and_lit_from_the_right(pairs):
    batch = pairs.batch(range(len(pairs)))
    day, late = ((batch[part] + 1) / 2 for part in ("A", "B"))
    assert (late.mean((1, 2, 3)) < 0.75 * day.mean((1, 2, 3))).all()
    for i in range(len(pairs)):
        label, _ = faces.face("test", i)
        skin, columns = label == faces.ID["skin"], torch.arange(64).expand(64, 64)
        middle = columns[skin].float().mean()
        left, right = skin & (columns < middle - 4), skin & (columns > middle + 4)
        gain = [late[i][:, side].mean(1) / day[i][:, side].mean(1) for side in (left, right)]
        assert (gain[1] > 1.1 * gain[0]).all()  # brighter on the right in every channel
        assert gain[1][0] > gain[1][1] > gain[1][2]  # and warm there


def test_moments_and_samples_of_an_evening_agree():
    label, style = faces.face("test", 3)
    style = replace(style, freckles=0.04)
    drawn = faces.conditional_samples(label, style, 1500, seed=5, view="evening")
    mean, std = faces.conditional_moments(label, style, "evening")
    z = (drawn.mean(0) - mean) / (std / 1500**0.5).clamp(min=1e-6)
    assert z.std() < 1.3 and z.abs().max() < 7
    ratio = (drawn.std(0) / std)[std > 0.01]
    assert abs(ratio.mean() - 1) < 0.01 and (ratio - 1).abs().max() < 0.3  # a rare freckle's estimate is rough
    assert drawn.min() >= -1 and drawn.max() <= 1


def test_test_pairs_are_one_face_in_both_lights_with_detail_of_their_own(pairs):
    assert isinstance(pairs, Source) and (pairs.in_channels, pairs.out_channels, pairs.classes) == (3, 3, None)
    assert "label" not in pairs.batch([0])
    for i in (0, 17, 39):
        label, style = faces.face("test", i)
        noise = []
        for part, view in (("A", "day"), ("B", "evening")):
            mean, std = faces.conditional_moments(label, style, view)
            there = std > 0.02
            noise.append((pairs.batch([i])[part][0] - mean) / std.clamp(min=0.02))
            assert 0.8 < noise[-1][there].std() < 1.25
        grain = (torch.from_numpy(faces.GRAIN)[label] > 0).expand(3, 64, 64)
        assert abs(np.corrcoef(noise[0][grain], noise[1][grain])[0, 1]) < 0.2


def test_a_by_day_is_the_picture_that_faces_always_had():
    usual, source = faces.load("train", 64, n=6), faces.load("train", 64, n=6, unpaired=True)
    for i in range(3):
        assert np.array_equal(source.first.inputs[i], usual.targets[i])


def test_people_of_a_are_not_people_of_b_and_nobody_is_mirrored():
    source = faces.load("train", 64, n=9, unpaired=True)
    assert isinstance(source, Unpaired) and (len(source.first), len(source.second)) == (4, 5)
    shown = source.batch(range(4), torch.Generator().manual_seed(0))["B"]
    later = [source.second.batch([k])["B"][0] for k in range(5)]
    assert all(any(torch.equal(image, one) for one in later) for image in shown)
    for part, view, offset in ((source.first, "day", 0), (source.second, "evening", 4)):
        for k in range(len(part)):
            mean, std = faces.conditional_moments(*faces.face("train", k + offset), view)
            image = part.batch([k], torch.Generator().manual_seed(k))["B" if offset else "A"][0]
            inside = std > 0.02
            assert ((image - mean) / std.clamp(min=0.02))[inside].abs().mean() < 1


def test_default_halves_and_options():
    half = faces.COUNTS["train"] // 2
    source = faces.load("train", 16, unpaired=True)
    assert (len(source.first), len(source.second)) == (half, half)
    assert source.describe()["options"] == {"unpaired": True}
    again = catalog.load("faces", "val", 16, **faces.load("train", 16, n=4, unpaired=True).describe()["options"])
    assert len(again) == 4 and again.options == {"n": 4, "unpaired": True}


def test_the_same_evening_every_time(pairs):
    again = faces.load("test", 64, n=3, unpaired=True)
    for i in range(3):
        assert np.array_equal(again.inputs[i], pairs.inputs[i]) and np.array_equal(again.targets[i], pairs.targets[i])


def test_messages():
    label, style = faces.face("test", 0)
    for call in (
        lambda: faces.conditional_samples(label, style, 1, view="noon"),
        lambda: faces.conditional_moments(label, style, "noon"),
    ):
        with pytest.raises(ValueError, match="faces have no view 'noon': choose day or evening"):
            call()
    with pytest.raises(ValueError, match="n must be 2 or more, not 1"):
        faces.load("train", 16, n=1, unpaired=True)
    assert len(faces.load("test", 16, n=1, unpaired=True)) == 1
