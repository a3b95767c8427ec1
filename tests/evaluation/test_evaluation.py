"""Scores of methods whose outputs are known, baselines computed by hand, and styles that never are the truth's."""

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from gritlib import evaluation
from gritlib.data import catalog
from gritlib.data.source import Source, grid_windows
from gritlib.methods import Method, MethodConfig
from gritlib.metrics import colour_overlap, l1_255, psnr, ssim
from gritlib.nets import Output


@dataclass
class NoConfig(MethodConfig):
    pass


class Known(Method):
    """Returns its input plus seeded noise of a known size; records what it was called with."""

    name, Config = "known", NoConfig

    def __init__(self, noise=0.0, styled=False, reconstruction=None):
        super().__init__()
        self.config, self.level, self.styled, self.stochastic = NoConfig(), noise, styled, noise > 0
        self.parts, self.calls = reconstruction, []
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def translate(self, A, *, style=None, noise="fresh"):
        self.calls.append((A, style, noise))
        image = A + self.level * torch.randn(A.shape, generator=torch.Generator().manual_seed(noise))
        return Output(image) if self.parts is None else Output(image, image * self.parts, image * (1 - self.parts))


def photos(split="test", n=6, size=16, seed=0, labels=False):
    """n photos whose input is the truth itself, or a label map of three classes."""
    rng = np.random.default_rng(seed)
    images = [rng.integers(64, 192, (size, size, 3)).astype(np.uint8) for _ in range(n)]
    inputs = [((image[:, :, 0] - 64) // 43).astype(np.uint8) for image in images] if labels else images
    windows = np.array([(k, 0, 0) for k in range(n)])
    bounds = np.tile([[0, size, 0, size]], (n, 1))
    return Source("toy", split, size, inputs, images, windows, bounds, ("a", "b", "c") if labels else None)


def test_a_method_that_knows_the_truth_gets_the_best_scores():
    result = evaluation.evaluate(Known(), photos(), photos("train", seed=1))
    assert list(result["scores"]) == ["none"]
    scores = result["scores"]["none"]
    assert scores["L1"] == 0 and scores["PSNR"] == float("inf") and scores["spectrum_gap"] == 0
    assert scores["SSIM"] == pytest.approx(1) and "L1_reconstruction" not in scores
    assert "spread" not in result  # a method without noise has none
    assert (result["dataset"], result["split"], result["images"]) == ("toy", "test", 6)


def test_scores_are_the_means_over_images_of_the_displayed_picture():
    method, source = Known(noise=0.8), photos()
    truth = source.batch(range(6))["B"]
    image = method.translate(truth, noise=5).image.clamp(-1, 1)  # far outside the range before
    result = evaluation.evaluate(method, source, photos("train", seed=1), seed=5)["scores"]["none"]
    for name, metric in (("L1", l1_255), ("PSNR", psnr), ("SSIM", ssim)):
        assert result[name] == pytest.approx(metric(image, truth).mean().item(), rel=1e-12)


def test_the_reconstruction_is_scored_beside_the_image():
    result = evaluation.evaluate(Known(reconstruction=0.5), photos(), photos("train"))["scores"]["none"]
    truth = photos().batch(range(6))["B"]
    assert result["L1"] == 0 and result["L1_reconstruction"] == pytest.approx(127.5 * truth.abs().mean().item() / 2)
    assert result["spectrum_gap_reconstruction"] == pytest.approx(np.log(0.25), abs=1e-5)


def test_three_styles_and_only_one_of_them_is_the_truths():
    method, test, train = Known(styled=True, noise=0.1), photos(), photos("train", n=40, seed=1)
    result = evaluation.evaluate(method, test, train)
    assert list(result["scores"]) == ["truth", "random", "mean"]
    truth, random, mean = (style for _, style, _ in method.calls[:3])
    B, lent = test.batch(range(6))["B"], train.batch(range(40))["B"]
    assert torch.equal(truth, B) and mean is None
    for k in range(6):
        assert any(torch.equal(random[k], image) for image in lent)
        assert not any(torch.equal(random[k], image) for image in B)
    assert len({tuple(image.flatten().tolist()) for image in random}) > 1
    # The spread is measured with the styles of random training images too: nothing of the truth reaches the network.
    for _, style, _ in method.calls[3:]:
        assert torch.equal(style, random)
    again = Known(styled=True, noise=0.1)
    evaluation.evaluate(again, test, train, seed=1)
    assert not torch.equal(again.calls[1][1], random)
    chosen = evaluation.evaluate(Known(styled=True), test, train, styles=("mean",))
    assert list(chosen["scores"]) == ["mean"]


def test_the_spread_is_that_of_twenty_different_draws():
    method, source = Known(noise=0.05), photos(n=20)
    result = evaluation.evaluate(method, source, photos("train"))
    spread = result["spread"]
    assert (spread["draws"], spread["images"]) == (20, 16)
    assert spread["noise_std"] == pytest.approx(0.05, rel=0.03)
    drawn = method.calls[1:]
    assert len({noise for _, _, noise in drawn}) == len(drawn) == 20
    A = source.batch(range(20))["A"]
    assert all(torch.equal(call[0], drawn[0][0]) for call in drawn) and len(drawn[0][0]) == 16
    assert torch.equal(drawn[0][0][0], A[0]) and torch.equal(drawn[0][0][-1], A[-1])  # spread over the whole set
    v = A.var().item()  # of a white truth, whose detail has the same variance
    assert spread["noise_share"] == pytest.approx(0.05**2 / (v + 0.05**2), rel=0.1)


def test_translate_all_seeds_each_batch_and_repeats():
    method, A = Known(noise=0.1), photos(n=7).batch(range(7))["A"]
    first, again, other = (evaluation.translate_all(method, A, None, noise, batch_size=3) for noise in (0, 0, 9))
    assert torch.equal(first["image"], again["image"]) and not torch.equal(first["image"], other["image"])
    assert first["image"].shape == A.shape and [noise for _, _, noise in method.calls[:3]] == [0, 3, 6]
    noise = first["image"] - A
    assert not torch.allclose(noise[:3], noise[3:6], atol=1e-3)  # batches do not share their draw
    by_hand = torch.cat([method.translate(A[i : i + 3], noise=i).image.clamp(-1, 1) for i in (0, 3, 6)])
    assert torch.equal(first["image"], by_hand)
    assert list(first) == ["image"]
    styled = Known(styled=True)
    evaluation.translate_all(styled, A, A * 0.5, 0, batch_size=3)
    assert all(torch.equal(style, given * 0.5) for given, style, _ in styled.calls)


def test_translate_all_leaves_the_parts_displayable():
    parts = evaluation.translate_all(Known(noise=3.0, reconstruction=0.7), torch.zeros(2, 3, 8, 8), None, 0)
    assert set(parts) == {"image", "reconstruction", "residual"}
    assert all(part.min() >= -1 and part.max() <= 1 for part in parts.values())


@pytest.mark.parametrize("labels", [False, True])
def test_baselines_by_hand(labels):
    train, test = photos("train", n=5, seed=3, labels=labels), photos(n=2, seed=4, labels=labels)
    seen, truth = (np.stack(s.targets).astype(float) for s in (train, test))  # (n, H, W, 3), 0..255
    mean = seen.reshape(-1, 3).mean(0)
    wanted = {"training_mean_colour": np.abs(truth - mean).mean()}
    if labels:
        maps, asked = np.stack(train.inputs), np.stack(test.inputs)
        colours = np.array([seen[maps == k].mean(0) for k in range(3)])
        wanted["class_mean_colour"] = np.abs(truth - colours[asked]).mean()
    wanted["own_mean_colour"] = np.abs(truth - truth.mean((1, 2), keepdims=True)).mean()
    assert evaluation.baselines(train, test) == pytest.approx(wanted, abs=1e-4)


def test_a_class_that_training_never_showed_takes_the_mean_colour():
    train, test = photos("train", n=3, seed=3, labels=True), photos(n=1, seed=4, labels=True)
    for label in train.inputs:
        label[label == 2] = 0
    test.inputs[0][:] = 2
    found = evaluation.baselines(train, test)
    assert found["class_mean_colour"] == pytest.approx(found["training_mean_colour"], abs=1e-5)


def test_load_all_is_unaugmented():
    source = photos(n=5)
    source.flips, source.jitter = "hv", 4
    assert torch.equal(evaluation.load_all(source)["B"], source.batch(range(5))["B"])


def test_style_images_are_training_images_chosen_by_the_seed():
    train = photos("train", n=30, seed=2)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    a, b, c = (evaluation.Lent(train, 50, seed)[:] for seed in (0, 0, 1))
    assert torch.equal(a, b) and not torch.equal(a, c) and torch.equal(before, torch.get_rng_state())


def test_a_set_of_real_images_has_none_of_them_twice_where_there_are_enough():
    train = photos("train", n=30, seed=2)
    chosen = evaluation.Lent(train, 30, 0, distinct=True).chosen
    assert sorted(chosen.tolist()) == list(range(30)) and chosen.tolist() != list(range(30))
    assert len(evaluation.Lent(train, 31, 0, distinct=True)[:]) == 31


@pytest.mark.parametrize("method", [Known(), Known(noise=0.1, styled=True, reconstruction=0.5)])
def test_the_table_shows_every_number(method):
    result = evaluation.evaluate(method, photos(labels=False), photos("train", n=9))
    text = evaluation.table(result)
    lines = text.splitlines()
    assert lines[0].startswith("toy/test, 6 images of 16 pixels, seed 0")
    styles = list(result["scores"])
    assert all(("output" if style == "none" else f"style of {style}") in lines[1] for style in styles)
    for name in result["scores"][styles[0]]:
        line = next(line for line in lines[2:] if line.startswith(evaluation.said(name) + "  "))
        columns = [*result["scores"].values(), *result["references"].values()]
        cells = [f"{column[name]:.3f}" for column in columns if name in column]
        assert line.split()[-len(cells) :] == cells
        if len(cells) == len(columns):
            assert len(line) == len(lines[1])  # columns stand under their titles
    for name, value in result["baselines"].items():
        assert f"L1 of {name.replace('_', ' ')}: {value:.2f}" in text
    assert ("over 20 noise draws" in text) == ("spread" in result)


def test_a_source_of_windows_is_scored_on_all_of_them():
    image = np.random.default_rng(0).integers(0, 256, (48, 32, 3)).astype(np.uint8)
    source = Source("toy", "val", 16, [image], [image], *grid_windows(0, 0, 48, 0, 32, 16))
    assert evaluation.evaluate(Known(), source, source)["images"] == 6


class Oracle(Known):
    """Knows the truth of each label map."""

    def __init__(self, source):
        super().__init__()
        batch = source.batch(range(len(source)))
        self.answers = {a.numpy().tobytes(): b for a, b in zip(batch["A"], batch["B"], strict=True)}

    def translate(self, A, *, style=None, noise="fresh"):
        return Output(torch.stack([self.answers[a.numpy().tobytes()] for a in A]))


def some(source, n):
    return replace(source, windows=source.windows[:n], bounds=source.bounds[:n])


OFFLINE = evaluation.networks("offline")


def test_references_are_the_scores_of_real_images_in_the_outputs_place():
    train, test = (some(catalog.load("grove", split), 10) for split in ("train", "test"))
    groups = evaluation.suited(test)
    result = evaluation.evaluate(Oracle(test), test, train, seed=3, groups=groups, options=OFFLINE)
    found, references = result["scores"]["none"], result["references"]
    assert set(references) == {"training images", "the truth"}
    # What knows the truth is segmented like the truth, which the segmenter does not read without a fault.
    assert references["the truth"] == {name: found[name] for name in references["the truth"]}
    assert set(references["the truth"]) >= {"pixel_accuracy", "mean_iou"} and references["the truth"]["mean_iou"] < 1
    lent, batch = evaluation.Lent(train, 10, 3, distinct=True)[:], test.batch(range(10))
    sets = ("spectrum", "colour", "patches", "distribution")
    by_hand = evaluation.Scoreboard(sets, **OFFLINE).update(lent, batch["B"]).scores()
    assert references["training images"] == pytest.approx(by_hand, rel=1e-5)
    assert "kernel distance (Lite0-1280@128)" in by_hand and "L1" not in by_hand  # a pair by chance has no L1
    # All of it can be kept, but for the infinite PSNR of equal images, and says which networks judged.
    assert found.pop("PSNR") == float("inf")
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    for name in ("VGG16-relu3_3", "Lite0-1280@128", "Lite0-24@128", "segmenter-grove"):
        assert name in json.dumps(result["settings"])
    text = evaluation.table(result | {"scores": {"none": found}})
    assert not [word for word in ("FID", "LPIPS", "KID") if word in text]
    titles, rows = text.splitlines()[1], text.splitlines()[2:]
    assert titles.split("  ")[-1] == "the truth" and "training images" in titles and titles.split()[0] == "output"
    assert len(next(row for row in rows if row.startswith("SWD")).split()) == 1 + 2
    assert len(next(row for row in rows if row.startswith("mean iou")).split()) == 2 + 2
    assert len(next(row for row in rows if row.startswith("L1  ")).split()) == 1 + 1


def test_scores_that_compare_pairs_have_no_reference():
    assert evaluation.evaluate(Known(), photos(), photos("train"), groups=("pixel",))["references"] == {}


def test_a_set_of_any_length_is_read_a_few_images_at_a_time(monkeypatch):
    test, train = photos(n=100), photos("train", n=150, seed=1)
    asked = {test.split: [], train.split: []}
    batch = Source.batch

    def watched(self, indices, generator=None):
        asked[self.split].append([int(i) for i in indices])
        return batch(self, indices, generator)

    monkeypatch.setattr(Source, "batch", watched)
    monkeypatch.setattr(evaluation, "load_all", lambda source: pytest.fail("the whole set was loaded at once"))
    groups = ("pixel", "spectrum", "colour", "patches")
    method = Known(noise=0.1, styled=True, reconstruction=0.5)
    result = evaluation.evaluate(method, test, train, ("random",), groups=groups)
    assert result["images"] == 100 and result["settings"]["SWD"]["images"] == 100
    assert max(map(len, asked["test"])) == evaluation.CHUNK == 32
    assert max(map(len, asked["train"])) <= 64  # of the mean colours
    first = asked["test"][: 100 // 32 + 1]
    assert [i for indices in first for i in indices] == list(range(100))
    assert max(len(A) for A, _, _ in method.calls) == 32


def test_chunks_cover_a_source_once_in_order():
    source = photos(n=70)
    found = list(evaluation.chunks(source))
    assert [i for i, _ in found] == [0, 32, 64] and [len(batch["B"]) for _, batch in found] == [32, 32, 6]
    assert torch.equal(torch.cat([batch["B"] for _, batch in found]), source.batch(range(70))["B"])


def test_scores_of_more_images_than_a_chunk_are_those_of_all_at_once():
    method, source, train = Known(noise=0.2), photos(n=70), photos("train", seed=1)
    B = source.batch(range(70))["B"]
    image = evaluation.translate_all(method, B, None, noise=9)["image"]
    found = evaluation.evaluate(method, source, train, seed=9)["scores"]["none"]
    for name, value in evaluation.scores({"image": image}, B).items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    overlap = evaluation.evaluate(method, source, train, seed=9, groups=("colour",))["scores"]["none"]
    assert overlap == {"colour_overlap": pytest.approx(colour_overlap(image, B), rel=1e-9)}


def test_the_seed_decides_noise_and_lent_styles_and_is_in_the_result():
    test, train = photos(n=40), photos("train", n=60, seed=1)
    results, calls = {}, {}
    for turn, seed in enumerate((0, 0, 7)):
        method = Known(noise=0.1, styled=True)
        results[turn] = evaluation.evaluate(method, test, train, seed=seed, groups=("pixel", "colour"))
        calls[turn] = method.calls[:6]  # two chunks of three styles
        assert results[turn]["seed"] == seed and f"seed {seed};" in evaluation.table(results[turn])
        assert [noise for _, _, noise in calls[turn]] == [seed] * 3 + [seed + 32] * 3
    assert results[0] == results[1]
    for style in ("truth", "random", "mean"):  # its image does not depend on the style: the noise differs
        assert results[0]["scores"][style]["L1"] != results[2]["scores"][style]["L1"]
    assert results[0]["references"]["training images"] != results[2]["references"]["training images"]
    lent = [[style for _, style, _ in calls[turn][1::3]] for turn in (0, 1, 2)]
    assert torch.equal(torch.cat(lent[0]), evaluation.Lent(train, 40, 0)[:])
    assert all(torch.equal(a, b) for a, b in zip(lent[0], lent[1], strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(lent[0], lent[2], strict=True))
    assert results[0]["baselines"] == results[2]["baselines"]


def test_a_group_that_the_source_does_not_allow_is_refused_before_anything_is_translated():
    method = Known()
    for groups, message in ((("segmentation",), "no segmenter for 'toy'"), (("beauty",), "scores beauty are unknown")):
        with pytest.raises(ValueError, match=message):
            evaluation.evaluate(method, photos(labels=True), photos("train", labels=True), groups=groups)
    assert not method.calls


def test_options_reach_their_group():
    asked = {"perceptual": {"network": "vgg16"}}
    result = evaluation.evaluate(Known(), photos(), photos("train"), groups=("perceptual",), options=asked)
    assert result["scores"]["none"] == {"perceptual distance (VGG16-relu3_3)": 0}
    with pytest.raises(ValueError, match="no distance network is called 'lite0'"):
        evaluation.evaluate(
            Known(), photos(), photos("train"), groups=("perceptual",), options={"perceptual": {"network": "lite0"}}
        )
