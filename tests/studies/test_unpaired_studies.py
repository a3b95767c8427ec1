"""The studies without pairs: one beginning for the arms of a seed, the sets they train on, the scores on hidden pairs,
what a short run leaves behind, and the committed runs."""

import json
from dataclasses import replace

import pytest
import torch

from gritlib.data import catalog, shapes
from gritlib.data.unpaired import Unpaired
from gritlib.evaluation import load_all
from gritlib.methods import CycleGAN
from gritlib.metrics import l1_255
from gritlib.studies import geometry, runner, unpaired, unpaired_choices
from gritlib.training import Run

STUDY = unpaired.STUDY


def weights(method):
    return {name: p.clone() for name, p in method.G.named_parameters()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def few(monkeypatch):
    """Ten tiles of Earth's test split, four of them shown."""
    whole = catalog.load

    def load(name, split="train", size=64, **options):
        source = whole(name, split, size, **options)
        if split != "test":
            return source
        return replace(source, windows=source.windows[:10], bounds=source.bounds[:10])

    monkeypatch.setattr(catalog, "load", load)
    monkeypatch.setitem(unpaired.SHOWN, "earth", {"a": 0, "b": 3, "c": 8, "d": 9})
    unpaired.test_pairs.cache_clear()
    yield
    unpaired.test_pairs.cache_clear()


def test_generators_of_a_seed_begin_alike_and_those_of_another_seed_do_not():
    cycle = [arm for arm, (kind, _) in unpaired.ARMS.items() if kind is CycleGAN]
    first = weights(unpaired.begin("cyclegan", 1))
    assert len(cycle) > 3 and all(same(weights(unpaired.begin(arm, 1)), first) for arm in [*cycle, "pix2pix"])
    assert same(weights(unpaired.begin("cut", 1)), weights(unpaired.begin("fastcut", 1)))
    assert not same(weights(unpaired.begin("cyclegan", 2)), first)


def test_arms_are_what_their_names_say():
    configs = {arm: unpaired.begin(arm, 1).config for arm in unpaired.ARMS}
    assert {arm: configs[arm].cycle for arm in ("gan", "gan+forward", "gan+backward", "cyclegan")} == {
        "gan": "none",
        "gan+forward": "forward",
        "gan+backward": "backward",
        "cyclegan": "both",
    }
    assert configs["cycle"].gan_weight == 0 and configs["cyclegan+identity"].identity_weight == 0.5
    assert not configs["cut-no-decoder"].decoder_gradient and configs["cut"].decoder_gradient
    assert (configs["fastcut"].nce_weight, configs["fastcut"].identity_weight, configs["fastcut"].flip) == (10, 0, True)
    for config in configs.values():
        assert (config.lr, config.d_norm, config.width) == (1e-3, "instance", 16)


def test_only_pix2pix_sees_pairs(monkeypatch):
    seen = {}

    def fit(method, source, **options):
        seen[method.name] = (source, options)
        return Run(method=method, trained=method, finished=False)

    monkeypatch.setattr(unpaired, "fit", fit)
    for arm in ("cyclegan", "cut", "pix2pix"):
        with pytest.raises(KeyboardInterrupt):  # a run that did not finish gives no scores
            unpaired.train(arm, "earth", 3, 5)
    assert isinstance(seen["cyclegan"][0], Unpaired) and isinstance(seen["cut"][0], Unpaired)
    assert seen["pix2pix"][0].paired and len(seen["pix2pix"][0]) > len(seen["cut"][0])
    assert all((o["steps"], o["seed"], o["batch_size"]) == (5, 3, unpaired.BATCH) for _, o in seen.values())


def test_scores_are_those_of_the_hidden_pairs(few):
    metrics, images = unpaired.score(None, "input", "earth", 1)
    batch = load_all(catalog.load("earth", "test", 64))
    assert metrics["L1"] == pytest.approx(l1_255(batch["A"], batch["B"]).mean().item(), abs=1e-4)
    assert metrics["moved"] == 0 and torch.equal(images, batch["A"][[0, 3, 8, 9]])
    copies, _ = unpaired.score(None, "copies", "earth", 1)
    assert copies["KD_Lite0"] < metrics["KD_Lite0"], (
        "real satellite images look more like satellite images than maps do"
    )


def test_there_and_back_with_noise_is_the_noise_where_back_is_linear(few):
    method = unpaired.begin("cyclegan", 1)

    class Scaled(torch.nn.Module):
        def __init__(self, gain):
            super().__init__()
            self.gain = gain

        def forward(self, x):
            return self.gain * x

    method.G, method.F = Scaled(0.5), Scaled(2.0)
    metrics, _ = unpaired.score(method, "cyclegan", "earth", 1)
    assert metrics["cycle_error"] == pytest.approx(0, abs=1e-3)
    expected = 2 * unpaired.NOISE * (2 / torch.pi) ** 0.5  # E|N(0, σ²)| = σ·√(2/π), doubled by F
    assert metrics["cycle_error_noisy"] == pytest.approx(expected, rel=0.05)


def test_wobble_is_the_spread_of_ds_loss_in_the_second_half_of_the_log():
    log = [{"step": i, "adv": 9.0 * i, "D_A_real": v, "D_B_fake": 1.0} for i, v in enumerate((50, -50, 1.0, 3.0))]
    assert unpaired.wobble(log) == pytest.approx(2**0.5)


def test_a_short_run_has_every_metric_its_pictures_and_its_record(few, monkeypatch, tmp_path):
    study = replace(STUDY, arms=("cyclegan", "cut", "input"), seeds=(1,), shown=unpaired.SHOWN)
    monkeypatch.setattr(unpaired, "LOG_EVERY", 1)
    runner.run(study, tmp_path, steps=4)
    records = {r["arm"]: r["metrics"] for r in runner.read(study, tmp_path)}
    assert set(unpaired.KEPT) <= records["cut"].keys() and records["cut"].keys() == {*unpaired.KEPT, "D_wobble"}
    assert records["cyclegan"].keys() == {*unpaired.KEPT, *unpaired.CYCLE, "D_wobble"}
    assert records["input"].keys() == set(unpaired.KEPT)
    pictures = sorted(path.name for path in (tmp_path / "unpaired").glob("*.png"))
    assert pictures == [
        f"earth-{name}.png" for name in ("cut-seed1", "cyclegan-seed1", "input-seed1", "input", "truth")
    ]


def test_iou_by_hand():
    a, b = torch.zeros(2, 4, 4, dtype=torch.bool), torch.zeros(2, 4, 4, dtype=torch.bool)
    a[0, :2], b[0, 1:3] = True, True  # 4 of 12 pixels in common; the second pair is empty
    assert geometry.iou(a, b) == pytest.approx((4 / 12 + 1) / 2)


@pytest.mark.parametrize("change", shapes.CHANGES)
def test_geometry_scores_a_perfect_answer_and_the_input(change):
    source = geometry.load(change, "test", 64)
    batch = source.batch(range(16))
    perfect = geometry.score(batch["B"], batch["A"], batch["B"])
    lazy = geometry.score(batch["A"], batch["A"], batch["B"])
    assert len(source) == geometry.FIGURES and perfect["iou_truth"] == lazy["iou_input"] == 1
    bounds = {"texture": (0.99, 1), "shape": (0.75, 0.9), "pose": (0.2, 0.4)}[change]
    assert bounds[0] <= lazy["iou_truth"] <= bounds[1]


def test_geometry_trains_without_pairs():
    assert isinstance(geometry.load("pose", "train", 32), Unpaired)


@pytest.mark.parametrize("study", [STUDY, geometry.STUDY], ids=lambda study: study.name)
def test_recipes_are_plain_data_and_places_are_in_the_test_split(study):
    assert json.loads(json.dumps(study.recipe())) == study.recipe()
    for dataset, places in study.shown.items():
        assert max(places.values()) < len(study.load(dataset, "test", 64))


def test_the_choices_are_complete_and_repeat_the_plain_arms_to_the_last_digit():
    study = unpaired_choices.STUDY
    here, there = (
        {(r["dataset"], r["arm"], r["seed"]): r for r in runner.read(name, runner.COMMITTED)}
        for name in (study.name, "unpaired")
    )
    assert set(here) == {(d, arm, seed) for d in study.datasets for arm in study.arms for seed in study.seeds}
    assert all(r["recipe"] == study.recipe() and r["steps"] == study.steps for r in here.values())
    both = set(here) & set(there)
    assert {arm for _, arm, _ in both} == {"cyclegan", "cut"} and len(both) == 2 * len(study.seeds)
    assert all(here[run]["metrics"] == there[run]["metrics"] for run in both)
