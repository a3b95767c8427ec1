"""Faces: the closed form against redrawn detail, what may vary and what may not, and the splits."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gritlib.data import faces

DRAWS = 2000
ID = faces.ID


@pytest.fixture(scope="module")
def source():
    return faces.load("train", 64, n=200)


@pytest.fixture(scope="module")
def drawn():
    """A freckled, long-haired face drawn many times: label, style, samples."""
    candidates = (faces.face("test", i) for i in range(200))
    label, style = next(
        (a, s) for a, s in candidates if s.freckles > 0.03 and min((a == 13).sum() / 4, (a == 18).sum()) > 220
    )
    return label, style, faces.conditional_samples(label, style, DRAWS, seed=1)


def swap(label):
    """A label map mirrored by hand: left-right flip, then each pair of sides exchanged."""
    table = torch.arange(19)
    for left, right in faces.SIDES:
        table[left], table[right] = right, left
    return table[label.flip(-1)]


def test_same_faces_every_time_and_whatever_n(source):
    again = faces.load("train", 64, n=7)
    for i in range(7):
        assert np.array_equal(again.inputs[i], source.inputs[i]) and np.array_equal(again.targets[i], source.targets[i])
    assert (
        again.palette == faces.PALETTE
        and again.options == {"n": 7}
        and again.sides == faces.SIDES
        and again.flips == "h"
    )


def test_default_counts_follow_the_card():
    assert len(faces.load("val", 16)) == faces.COUNTS["val"] and faces.load("val", 16).options == {}
    assert "2048/256/512" in faces.CARD.splits and tuple(faces.COUNTS.values()) == (2048, 256, 512)
    assert "drawn, nobody's face" in faces.CARD.origin


def test_splits_share_no_layout_and_no_style(source):
    layouts, colours = set(), set()
    for split in faces.COUNTS:
        for i in range(60):
            label, style = faces.face(split, i)
            layouts.add(label.numpy().tobytes())
            colours.add(style.colours["skin"])
    assert len(layouts) == len(colours) == 180


def test_face_gives_the_label_and_the_distribution_that_load_drew_from(source):
    errors, details = [], []
    for i in range(20):
        label, style = faces.face("train", i)
        assert np.array_equal(label.numpy(), source.inputs[i])
        mean, std = faces.conditional_moments(label, style)
        picture = source.batch([i])["B"][0]
        grain = label == ID["background"]
        details.append(((picture - mean) / 0.05)[0, :4, :4].flatten())  # a corner that is always background
        errors.append(((picture - mean) / std)[:, grain].pow(2).mean().item())
    assert np.mean(errors) == pytest.approx(1, abs=0.02)  # 8-bit rounding adds (1/255)²/3 to a variance of 0.05²
    assert torch.corrcoef(torch.stack(details)).fill_diagonal_(0).mean().abs() < 0.1, "the same detail in every face"


def test_every_class_occurs_and_common_ones_in_most_faces(source):
    present = np.stack([np.bincount(a.ravel(), minlength=19) > 0 for a in source.inputs])
    assert present.shape[1] == 19, "an id above 18 was painted"
    share = dict(zip(faces.CLASSES, present.mean(0), strict=True))
    assert all(
        share[k] > 0.95 for k in ("background", "skin", "nose", "l_eye", "r_eye", "u_lip", "l_lip", "neck", "cloth")
    )
    assert 0.85 < share["hair"] < 1
    assert all(0.03 < share[k] < 0.6 for k in ("eye_g", "hat", "ear_r", "neck_l", "mouth")), share


def test_left_classes_lie_left_in_the_picture(source):
    for left, right in faces.SIDES:
        for a in source.inputs:
            if (a == left).any() and (a == right).any():
                assert np.nonzero(a == left)[1].mean() < np.nonzero(a == right)[1].mean()


def test_mean_and_std_in_closed_form_agree_with_redrawn_detail(drawn):
    label, style, samples = drawn
    mean, std = faces.conditional_moments(label, style)
    error = (samples.mean(0) - mean).abs()
    assert (error <= 5 * std / DRAWS**0.5 + 1e-6).all()
    measured = samples.std(0)
    assert (measured[std == 0] < 1e-6).all()
    freckled = (label == ID["skin"]) | (label == ID["nose"])
    gaussian = ~freckled.expand(3, -1, -1) & (std > 0)
    assert (measured / std - 1)[gaussian].abs().max() < 5 / (2 * DRAWS) ** 0.5
    for name in ("background", "skin", "nose", "hair", "cloth", "l_brow"):
        where = label == ID[name]
        ratio = (measured.pow(2)[:, where].mean() / std.pow(2)[:, where].mean()).sqrt().item()
        assert ratio == pytest.approx(1, abs=0.02), name


def test_freckles_keep_their_share_at_twice_the_size():
    label, style = faces.face("test", 0, 128)
    plain = replace(style, freckles=0.0)
    where = label == ID["skin"]
    for share in (0.02, 0.05):
        freckled = replace(style, freckles=share)
        samples, (mean, std) = (
            faces.conditional_samples(label, freckled, 150),
            faces.conditional_moments(label, freckled),
        )
        depth = (faces.conditional_moments(label, plain)[0] - mean)[:, where].mean() / share
        drop = (faces.conditional_moments(label, plain)[0] - samples.mean(0))[:, where].mean()
        assert (drop / depth).item() == pytest.approx(share, rel=0.05)
        assert samples.var(0)[:, where].mean().item() == pytest.approx(std.pow(2)[:, where].mean().item(), rel=0.05)


def test_hair_and_grain_have_the_promised_strength():
    hair, background = [], []
    for i in range(100):
        label, style = faces.face("train", i)
        _, std = faces.conditional_moments(label, style)
        hair.append(std[:, label == ID["hair"]].mean().item())
        background.append(std[:, label == 0].mean().item())
    assert 0.13 < np.nanmean(hair) < 0.22 and np.nanmin(hair) > 0.08
    assert 0.03 < np.mean(background) <= 0.0501


def test_clipping_is_negligible():
    clipped = [
        (faces.conditional_samples(*faces.face("train", i), 20, seed=i).abs() >= 1).float().mean().item()
        for i in range(60)
    ]
    assert np.mean(clipped) < 1e-4 and max(clipped) < 5e-4


def test_a_perfect_sampler_pays_root_two_where_the_detail_is_gaussian(drawn):
    label, style, samples = drawn
    mean, _ = faces.conditional_moments(label, style)
    for name in ("background", "hair", "cloth"):
        where = label == ID[name]
        twin = (samples[: DRAWS // 2, :, where] - samples[DRAWS // 2 :, :, where]).abs().mean()
        best = (samples[:, :, where] - mean[:, where]).abs().mean()
        assert (twin / best).item() == pytest.approx(2**0.5, abs=0.01), name


def test_seed_fixes_the_detail_and_nothing_else_changes():
    label, style = faces.face("test", 3)
    a, b = faces.conditional_samples(label, style, 2, seed=5), faces.conditional_samples(label, style, 2, seed=6)
    assert torch.equal(a, faces.conditional_samples(label, style, 2, seed=5))
    _, std = faces.conditional_moments(label, style)
    assert torch.equal(a[0][std == 0], b[1][std == 0])
    assert (a[0] != a[1])[std > 0].float().mean() > 0.99 and (a[0] != b[0])[std > 0].float().mean() > 0.99


def test_strands_run_along_the_hair_and_grain_is_white(drawn):
    label, style, samples = drawn
    mean, std = faces.conditional_moments(label, style)
    z = (samples - mean) / std.clamp(min=1e-6)
    below = (z[:, 0, :-1] * z[:, 0, 1:]).mean(0)  # correlation of vertical neighbours
    for name, low, high in (("hair", 0.3, 1.0), ("background", -0.01, 0.01)):
        where = (label[:-1] == ID[name]) & (label[1:] == ID[name])
        assert low < below[where].mean().item() < high, name


def test_mirrored_label_and_style_give_the_mirrored_distribution(drawn):
    label, style, samples = drawn
    mirrored = style.mirrored()
    for ours, theirs in zip(
        faces.conditional_moments(swap(label), mirrored), faces.conditional_moments(label, style), strict=True
    ):
        assert torch.allclose(ours, theirs.flip(-1), atol=1e-5)

    def neighbours(x):  # covariance of horizontal neighbours and of one diagonal: the direction of the strands
        x = (x - x.mean(0))[:, 0]
        return torch.stack([(x[:, 1:, :-1] * x[:, :-1, 1:]).mean(0), (x[:, 1:, 1:] * x[:, :-1, :-1]).mean(0)])

    wanted = neighbours(samples.flip(-1))
    right = neighbours(faces.conditional_samples(swap(label), mirrored, DRAWS, seed=2))
    wrong = neighbours(faces.conditional_samples(swap(label), replace(mirrored, sweep=style.sweep), DRAWS, seed=2))
    assert (right - wanted).pow(2).mean() < 0.1 * (wrong - wanted).pow(2).mean()


def test_light_comes_from_both_sides_and_tones_span_the_palette():
    styles = [faces.Style.random((9, i)) for i in range(400)]
    light = np.array([s.light[0] for s in styles])
    assert abs(light.mean()) < 0.02 and light.min() < -0.15 and light.max() > 0.15
    skin = np.array([s.colours["skin"][0] for s in styles])
    assert skin.min() < -0.2 and skin.max() > 0.9
    hair = np.array([np.mean(s.colours["hair"]) for s in styles])
    assert abs(np.corrcoef(skin, hair)[0, 1]) < 0.15


def test_style_cannot_be_read_from_the_label(source):
    areas = np.stack([np.bincount(a.ravel(), minlength=19) for a in source.inputs])[:, [1, 10, 11, 13, 17, 18]]
    styles = [faces.face("train", i)[1] for i in range(len(source))]
    known = np.array([[*s.colours["skin"], *s.colours["hair"], s.light[0], s.freckles, s.curl] for s in styles])
    correlation = np.corrcoef(areas.T.astype(float), known.T)[: areas.shape[1], areas.shape[1] :]
    assert np.abs(correlation).max() < 4 / len(source) ** 0.5


def test_each_part_of_the_style_changes_the_face():
    label, style = faces.face("test", 1)
    other = {"light": (0.19, -0.1), "blush": 0.0 if style.blush > 0.04 else 0.08, "freckles": 0.05 - style.freckles}
    for name, value in other.items():
        changed = faces.conditional_moments(label, replace(style, **{name: value}))[0]
        assert (changed - faces.conditional_moments(label, style)[0]).abs().max() > 0.01, name
    for name, value in {"sweep": style.sweep / 2 + 0.5, "curl": 0.1 if style.curl < 0 else -0.1}.items():
        changed = faces.conditional_samples(label, replace(style, **{name: value}), 1)
        assert (changed - faces.conditional_samples(label, style, 1)).abs().max() > 0.05, name


def test_a_flip_in_a_batch_exchanges_the_sides(source):
    batch = source.batch(range(40), torch.Generator().manual_seed(0))
    flips = 0
    for i in range(40):
        original = torch.from_numpy(source.inputs[i]).long()
        flipped = torch.equal(batch["label"][i], swap(original))
        assert flipped or torch.equal(batch["label"][i], original)
        picture = source.batch([i])["B"][0]
        assert torch.equal(batch["B"][i], picture.flip(-1) if flipped else picture)
        flips += flipped
    assert 10 < flips < 30
    assert torch.equal(batch["A"].argmax(1), batch["label"])


def test_layout_is_the_same_at_every_size():
    for i in range(20):
        small, large = faces.face("val", i, 64)[0], faces.face("val", i, 128)[0]
        assert (large[::2, ::2] == small).float().mean() > 0.9
        assert faces.face("val", i, 64)[1] == faces.face("val", i, 128)[1]


def test_painted_labels_without_a_face_still_have_a_distribution():
    label, style = torch.full((32, 48), ID["hair"]), faces.Style.random(0)
    samples, (mean, std) = faces.conditional_samples(label, style, 400), faces.conditional_moments(label, style)
    assert ((samples.mean(0) - mean).abs() < 5 * std / 20).all()
    assert (samples.std(0) / std).mean().item() == pytest.approx(1, abs=0.01)


def test_errors_name_what_was_wrong():
    label, style = faces.face("test", 0)
    with pytest.raises(ValueError, match=r"ids \[19, 255\], the classes are 0..18"):
        bad = label.clone()
        bad[0, 0], bad[0, 1] = 19, 255
        faces.conditional_moments(bad, style)
    with pytest.raises(ValueError, match=r"below 0 \(-1\)"):
        faces.conditional_samples(label - 1, style, 1)
    with pytest.raises(ValueError, match=r"one map \(H, W\).*int64 \(1, 64, 64\)"):
        faces.conditional_moments(label[None], style)
    with pytest.raises(ValueError, match=r"integer ids.*float32"):
        faces.conditional_moments(label.float(), style)
    with pytest.raises(ValueError, match="n must be 1 or more, not 0"):
        faces.conditional_samples(label, style, 0)
    with pytest.raises(ValueError, match="n must be 1 or more, not 0"):
        faces.load("train", n=0)
    with pytest.raises(ValueError, match="'dev' is unknown: choose one of train, val, test"):
        faces.load("dev")
    with pytest.raises(ValueError, match="numbered from 0, not -1"):
        faces.face("train", -1)
