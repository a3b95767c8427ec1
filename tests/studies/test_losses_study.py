"""The study of losses: one beginning for all arms of a seed, a twin that is another sample of the truth, copies that
are training images, scores of as many images as announced, and which runs are no part of it."""

import json
import math
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib import backbones
from gritlib.data import catalog, faces
from gritlib.data.images import to_uint8
from gritlib.evaluation import load_all
from gritlib.metrics import frechet_distance, kid, l1_255, precision_recall, sliced_wasserstein
from gritlib.presets import get
from gritlib.studies import losses, report, runner
from gritlib.training import Run

STUDY = losses.STUDY
OF_SETS = ("FD_Lite0_24", "precision", "recall")  # Grove has too few tiles for them
EVERY = [(d, a, s) for d in STUDY.datasets for a in STUDY.arms for s in STUDY.seeds]
PART = [(d, a, s) for d, a, s in EVERY if not STUDY.left_out(a, d, s)]


@pytest.fixture
def few(monkeypatch):
    """Few images of each split; 20 faces as a set, 14 of them against their truths."""
    whole = catalog.load

    def load(name, split="train", size=64, **options):
        if name == "faces":
            return whole(name, split, size, **{"n": 24, **options})
        source = whole(name, split, size, **options)
        return replace(source, windows=source.windows[:24], bounds=source.bounds[:24])

    monkeypatch.setattr(catalog, "load", load)
    monkeypatch.setattr(losses, "COUNTS", {"grove": (24, 24), "faces": (14, 20)})
    monkeypatch.setitem(losses.SHOWN, "grove", {"a": 3, "b": 10, "c": 20, "d": 23})
    losses.scored_split.cache_clear()
    yield
    losses.scored_split.cache_clear()


@pytest.fixture
def begun(monkeypatch):
    """What `fit` is called with, in place of training."""
    calls = []

    def fit(method, source, **options):
        state = {key: value.clone() for key, value in method.state_dict().items()}
        calls.append({"state": state, "source": source.name, "split": source.split, **options})
        return Run(method=method, trained=method, step=options["steps"])

    monkeypatch.setattr(losses, "fit", fit)
    return calls


def test_runs_too_slow_or_without_a_meaning_are_left_out():
    left = Counter((arm, dataset) for dataset, arm, seed in EVERY if losses.left_out(arm, dataset, seed))
    slow = {(arm, dataset): 3 for arm in ("vgg", "vgg+cgan") for dataset in STUDY.datasets}
    assert left == {**slow, ("perfect", "grove"): 6}
    assert {s for d, a, s in PART if a == "vgg"} == {1, 2, 3} and len(PART) == 54 + 60
    # A pair that is compared has two seeds or more somewhere, and every picture its run.
    for pair in STUDY.pairs:
        assert any(len({s for d, a, s in PART if (d, a) == (where, pair[1])}) >= 2 for where in STUDY.datasets), pair
    assert set(STUDY.pictured) <= {1, 2, 3}


def test_every_arm_of_a_seed_begins_with_the_same_generator_and_sees_the_same_batches(begun):
    for arm in losses.ARMS:
        losses.train(arm, "grove", seed=3, steps=7)
    losses.train("l1", "grove", seed=4, steps=7)
    *arms, other = begun
    first = arms[0]
    for arm, call in zip(losses.ARMS, arms, strict=True):
        for key, value in call["state"].items():
            if value.shape == first["state"][key].shape:
                assert torch.equal(value, first["state"][key]), (arm, key)
            else:
                assert key.startswith("D.") and "gan" in arm and "cgan" not in arm, (arm, key)  # D sees no input
        shared = ("source", "split", "seed", "steps", "config")
        assert [call[key] for key in shared] == [first[key] for key in shared]
    assert (first["source"], first["split"], first["seed"], first["steps"]) == ("grove", "train", 3, 7)
    weights = [key for key, value in first["state"].items() if value.ndim == 4]
    assert not any(torch.equal(first["state"][key], other["state"][key]) for key in weights)


def test_the_objectives_are_what_their_names_say():
    terms = {}
    for arm in losses.ARMS:
        c = losses.config(arm, 4)
        weights = (c.pixel_weight, c.perceptual_weight, c.gan_weight)
        terms[arm] = (*weights, c.pixel if c.pixel_weight else None, c.conditional if c.gan_weight else None)
    assert terms == {
        "l1": (100, 0, 0, "l1", None),
        "l2": (100, 0, 0, "l2", None),
        "l1+l2": (100, 0, 0, "mix", None),
        "vgg": (0, 10, 0, None, None),
        "vgg+cgan": (0, 10, 1, None, True),
        "gan": (0, 0, 1, None, False),
        "cgan": (0, 0, 1, None, True),
        "l1+gan": (100, 0, 1, "l1", False),
        "l1+cgan": (100, 0, 1, "l1", True),
    }
    assert {losses.config(arm, 4).perceptual for arm in losses.ARMS} == {"vgg16"}


def test_the_recipe_is_the_presets_with_the_arms_and_what_is_scored():
    recipe, preset = STUDY.recipe(), get("pix2pix", "cpu")
    assert json.loads(json.dumps(recipe)) == recipe, "a recipe read from a file must equal this one"
    assert recipe["arms"] == losses.ARMS and recipe["shown"] == losses.SHOWN
    assert recipe["scored"] == {name: list(counts) for name, counts in losses.COUNTS.items()}
    settings = {**asdict(preset.method), **runner.stated(preset.training), "size": preset.size}
    changed = {key for key in recipe.keys() & settings.keys() if recipe[key] != settings[key]}
    assert changed == {"lr", "perceptual"} and recipe["lr"] == 5e-4
    # Every setting is in the recipe once: what all arms share, or else among those that an arm varies.
    varied = {key for arm in losses.ARMS.values() for key in arm}
    missing = settings.keys() - recipe.keys()
    assert missing == varied | ({"in_channels", "out_channels", "seed", "steps"} & settings.keys())


def test_a_perfect_answer_has_the_label_map_and_a_style_of_its_own():
    label, style = faces.face("test", 5)
    mean, std = faces.conditional_moments(label, style)
    near, far = (
        ((answer(5, 1)[0] - mean) / std.clamp(min=0.02)).abs().mean() for answer in (losses.twin, losses.perfect)
    )
    assert far > 3 * near  # the twin's style is the face's
    again = losses.perfect(5, 1)
    assert torch.equal(again, losses.perfect(5, 1)) and not torch.equal(again, losses.perfect(5, 2))
    from gritlib.backbones.segmenter import segmenter

    images = torch.cat([losses.perfect(i, 1) for i in range(16)])
    labels = torch.stack([faces.face("test", i)[0] for i in range(16)])
    found = segmenter("faces").labels(images)
    assert (found == labels).double().mean() > 0.9 > 0.85 > (found == labels.roll(1, 0)).double().mean()


def test_a_twin_is_another_sample_of_the_same_distribution_in_8_bits():
    errors, likeness = [], []
    test = catalog.load("faces", "test", n=24)
    for i in range(24):
        mean, std = faces.conditional_moments(*faces.face("test", i))
        truth = test.batch([i])["B"]
        twin = losses.twin(i, seed=1)
        assert twin.shape == truth.shape and torch.equal(twin, losses.twin(i, seed=1))
        assert not torch.equal(twin, losses.twin(i, seed=3)) and not torch.equal(twin, truth)
        steps = (twin + 1) * 127.5
        assert torch.allclose(steps, steps.round(), atol=1e-3) and -1 <= twin.min() <= twin.max() <= 1
        shown = torch.from_numpy(to_uint8(twin)).permute(0, 3, 1, 2)
        assert torch.allclose(shown.float(), steps, atol=1e-3), "a picture keeps all of it"
        errors.append([l1_255(guess, truth).item() for guess in (twin, mean[None])])
        varies = std.mean(0) > 0.02
        a, b = (((x[0] - mean) / std.clamp(min=1e-3)).mean(0)[varies] for x in (twin, truth))
        likeness.append(np.corrcoef(a, b)[0, 1])
    # Two samples are √2 times as far apart as a sample is from the centre of a Gaussian, below which no method gets.
    twins, centres = np.mean(errors, 0)
    assert twins / centres == pytest.approx(math.sqrt(2), abs=0.04)
    assert all(1.25 < twin / centre < 1.7 for twin, centre in errors)
    assert abs(np.mean(likeness)) < 0.05


def test_copies_are_training_images_whatever_is_asked(few):
    train = load_all(catalog.load("grove", "train"))["B"]
    test = load_all(catalog.load("grove", "test"))
    found = list(losses.outputs(None, "grove", "copies", 1))
    images, asked = torch.cat([images for images, _ in found]), torch.cat([batch["B"] for _, batch in found])
    assert torch.equal(asked, test["B"]) and len(images) == len(asked)
    assert all((train == image).flatten(1).all(1).any() for image in images)
    assert len({image.numpy().tobytes() for image in images}) > 10, "many of them"
    other = torch.cat([images for images, _ in losses.outputs(None, "grove", "copies", 2)])
    assert not torch.equal(images, other)
    again = torch.cat([images for images, _ in losses.outputs(None, "grove", "copies", 1)])
    assert torch.equal(images, again)


@pytest.mark.filterwarnings("ignore:Fréchet distance of n")
def test_a_short_run_has_every_metric_its_pictures_and_its_record_and_is_never_run_again(few, tmp_path, capsys):
    study = replace(STUDY, arms=("l1+cgan",), datasets=("faces",), seeds=(1,))
    (path,) = runner.run(study, tmp_path, steps=2)
    record = json.loads(path.read_text())
    assert path == tmp_path / "losses" / "faces-l1+cgan-seed1.json"
    assert [record[k] for k in ("study", "dataset", "arm", "seed", "steps")] == ["losses", "faces", "l1+cgan", 1, 2]
    assert tuple(record["metrics"]) == losses.KEPT and record["recipe"] == STUDY.recipe()
    assert all(math.isfinite(value) for value in record["metrics"].values())
    pictures = {file.name: Image.open(file) for file in path.parent.glob("*.png")}
    assert set(pictures) == {"faces-l1+cgan-seed1.png", "faces-input.png", "faces-truth.png"}
    assert all(picture.size == (4 * 64, 64) for picture in pictures.values())
    truth = catalog.load("faces", "test").batch(list(losses.SHOWN["faces"].values()))["B"]
    assert np.array_equal(np.asarray(pictures["faces-truth.png"]), np.concatenate(list(to_uint8(truth)), 1))
    content = path.read_bytes()
    never = replace(study, run=lambda *_: pytest.fail("a run that has its record was computed again"))
    assert runner.run(never, tmp_path, steps=2) == [] and path.read_bytes() == content


@pytest.mark.filterwarnings("ignore:Fréchet distance of n")
def test_scores_of_pairs_and_of_sets_are_those_of_as_many_images_as_announced(few, monkeypatch):
    perfect = losses.perfect
    monkeypatch.setattr(losses, "perfect", lambda i, seed: 0.2 * perfect(i, seed))  # less varied: recall != precision
    metrics, shown = losses.score(None, "faces", "perfect", 1)
    images = torch.cat([losses.perfect(i, 1) for i in range(20)])
    truth = catalog.load("faces", "test", n=20).batch(range(20))["B"]
    assert torch.equal(shown, images[list(losses.SHOWN["faces"].values())])
    (fake, real), (few_fake, few_real) = (
        (net.embed(images), net.embed(truth)) for net in (backbones.embedding(name) for name in ("lite0", "lite0-24"))
    )
    precision, recall = precision_recall(real, fake)
    assert precision != recall
    wanted = {
        "L1": l1_255(images[:14], truth[:14]).mean().item(),
        "SWD": sliced_wasserstein(images[:14], truth[:14])[0],
        "KD_Lite0": kid(fake, real),
        "FD_Lite0_24": frechet_distance(few_fake, few_real),
        "precision": precision,
        "recall": recall,
    }
    assert {name: metrics[name] for name in wanted} == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def test_grove_has_too_few_tiles_for_what_needs_many(few):
    metrics, shown = losses.score(None, "grove", "copies", 1)
    assert set(losses.KEPT) - set(metrics) == set(OF_SETS) and len(shown) == 4
    images = torch.cat([images for images, _ in losses.outputs(None, "grove", "copies", 1)])
    assert torch.equal(shown, images[[3, 10, 20, 23]])


def test_places_shown_are_among_the_images_scored():
    for dataset, places in losses.SHOWN.items():
        pairs, sets = losses.COUNTS[dataset]
        assert len(set(places.values())) == 4 and max(places.values()) < pairs <= sets
    assert losses.COUNTS["grove"] == (len(catalog.load("grove", "test")),) * 2


def test_all_runs_but_those_left_out_are_computed_once_and_reported_over_the_seeds_they_have(tmp_path, capsys):
    done = []

    def run(arm, dataset, seed, steps):
        done.append((dataset, arm, seed))
        kept = [name for name in losses.KEPT if dataset == "faces" or name not in OF_SETS]
        return {name: float(seed + len(arm)) for name in kept}

    study = replace(STUDY, run=run, pictured=())
    for part in range(3):
        runner.run(study, tmp_path, shard=(part, 3))
    assert sorted(done) == sorted(PART)
    assert runner.run(study, tmp_path) == [] and len(done) == len(PART)
    records = runner.read(study, tmp_path)
    rows = {(row["dataset"], *row["arms"], row["metric"]): row["seeds"] for row in report.summarise(study, records)}
    assert rows["grove", "vgg", "l1", "L1"] == [1, 2, 3] and rows["faces", "cgan", "gan", "recall"] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert ("faces", "l1", "perfect", "L1") in rows and ("grove", "l1", "perfect", "L1") not in rows
    assert ("grove", "l1+cgan", "l1", "recall") not in rows
    text = report.markdown(study, records)
    assert "| grove | vgg |" in text and "| faces | perfect |" in text and "| grove | perfect |" not in text


def test_ctrl_c_writes_no_truncated_run(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(losses, "fit", lambda *_, **__: Run(method=None, trained=None, step=6, finished=False))
    with pytest.raises(KeyboardInterrupt):
        runner.run(STUDY, tmp_path, datasets=("grove",), seeds=(1,))
    assert not list(tmp_path.rglob("*.*"))


def test_committed_results_are_complete():
    records, folder = runner.read(STUDY, runner.COMMITTED), runner.COMMITTED / STUDY.name
    assert sorted((r["dataset"], r["arm"], r["seed"]) for r in records) == sorted(PART)
    assert {r["steps"] for r in records} == {STUDY.steps} == {1200}
    assert all(r["recipe"] == STUDY.recipe() for r in records), "the recipe changed after the runs"
    for r in records:
        missing = set() if r["dataset"] == "faces" else set(OF_SETS)
        assert set(r["metrics"]) == set(losses.KEPT) - missing, (r["dataset"], r["arm"], r["seed"])
        assert all(math.isfinite(value) for value in r["metrics"].values())
    for key in ("gritlib", "precision", "device", "threads"):
        assert len({r["environment"][key] for r in records}) == 1, key
    strips = {f"{d}-{a}-seed{s}.png" for d, a, s in PART if s in STUDY.pictured}
    references = {f"{d}-{kind}.png" for d in STUDY.datasets for kind in ("input", "truth")}
    assert {path.name for path in folder.glob("*.png")} == strips | references
    assert all(Image.open(path).size == (4 * 64, 64) for path in folder.glob("*.png"))
