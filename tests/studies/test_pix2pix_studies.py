"""The studies of pix2pix: paired beginnings, the strips of pictures, and committed results complete with pictures."""

import json
import math
from itertools import combinations

import numpy as np
import pytest
import torch
from PIL import Image

from gritlib.data import catalog
from gritlib.data.images import to_uint8
from gritlib.presets import get
from gritlib.studies import maps, patches, runner, skips
from gritlib.studies.runner import Study
from gritlib.training import Run

MODULES = {"skips": skips, "patches": patches}
every_study = pytest.mark.parametrize("name", MODULES)


def states(name, seed):
    study = runner.get(name)
    return {arm: MODULES[name].begin(arm, seed).state_dict() for arm in study.arms}


@every_study
def test_arms_of_a_seed_begin_alike_wherever_they_agree_and_other_seeds_do_not(name):
    begun = states(name, 1)
    for (a, first), (b, second) in combinations(begun.items(), 2):
        shared = [k for k in first if k in second and first[k].shape == second[k].shape]
        differing = [k for k in shared if not torch.equal(first[k], second[k])]
        assert len(shared) >= 18 and not differing, f"{a} and {b} differ in {differing}"
    for arm, state in states(name, 2).items():
        weights = [k for k, value in state.items() if value.ndim == 4]
        assert all(not torch.equal(state[k], begun[arm][k]) for k in weights)


def test_generators_of_both_studies_are_one():
    one, other = skips.begin("unet-l1", 3).G.state_dict(), patches.begin("small", 3).G.state_dict()
    assert one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_copied_weights_are_drawn_as_the_others_are():
    for name in MODULES:
        for arm, state in states(name, 1).items():
            for key, value in state.items():
                if value.ndim == 4 and value.numel() > 1500:
                    assert value.std().item() == pytest.approx(0.02, rel=0.1), (arm, key)


def test_the_arms_are_what_their_names_say():
    fields = [patches.begin(arm, 1).D.receptive_field for arm in runner.get("patches").arms]
    assert fields == [1, 4, 16, 70]
    built = {arm: skips.begin(arm, 1) for arm in runner.get("skips").arms}
    assert {arm: (m.G.skips, m.config.gan_weight > 0) for arm, m in built.items()} == {
        "unet-cgan": (True, True),
        "unet-l1": (True, False),
        "plain-cgan": (False, True),
        "plain-l1": (False, False),
    }
    for method in built.values():
        assert method.D.receptive_field == 34 and method.config.conditional


@every_study
def test_the_recipe_is_the_presets_but_for_what_varies(name):
    recipe, preset = runner.get(name).recipe(), get("pix2pix", "cpu")
    assert recipe["shown"] == maps.SHOWN and recipe["size"] == preset.size == 64
    assert not {"seed", "steps", *{"skips": ("skips", "gan_weight"), "patches": ("d_layers",)}[name]} & set(recipe)
    for settings in (preset.method, preset.training):
        assert all(recipe[key] == value for key, value in vars(settings).items() if key in recipe)
    assert json.loads(json.dumps(recipe)) == recipe, "a recipe read from a file must equal this one"


def test_same_start_copies_what_fits_and_says_what():
    small, large = maps.config(d_layers=1), maps.config(d_layers=2)
    torch.manual_seed(5)
    method, reference = skips.Pix2Pix(small), skips.Pix2Pix(large)
    before = {k: v.clone() for k, v in method.state_dict().items()}
    copied = maps.same_start(method, reference)
    for key, value in method.state_dict().items():
        assert torch.equal(value, (reference.state_dict() if key in copied else before)[key])
    assert "G.head.1.weight" in copied and "D.layers.2.weight" not in copied


def test_a_short_run_gives_every_metric_and_the_outputs_for_the_places(monkeypatch):
    seen = {}

    def fit(method, train, **options):
        seen.update(options, split=train.split)
        last = {"step": 2, "D_real": 0.3, "D_fake": 0.25, "L1": 3.0}
        return Run(method=method, trained=method, history=[{"D_real": 9.0, "D_fake": 9.0}, last], step=2)

    monkeypatch.setattr(maps, "fit", fit)
    method = skips.begin("unet-cgan", 1)
    metrics, outputs = maps.train_and_score(method, "earth", seed=4, steps=2)
    assert seen["split"] == "train" and (seen["seed"], seen["steps"]) == (4, 2)
    assert list(metrics) == ["L1", "PSNR", "SSIM", "spectrum_gap", "colour_overlap", "D_loss"]
    assert metrics["D_loss"] == pytest.approx(0.55) and all(math.isfinite(value) for value in metrics.values())
    test = catalog.load("earth", "test", 64)
    wanted = method.translate(test.batch(list(maps.SHOWN["earth"].values()))["A"], noise=0).image
    assert torch.allclose(outputs, wanted, atol=1e-5)


def test_ctrl_c_writes_no_truncated_run(monkeypatch, tmp_path):
    monkeypatch.setattr(maps, "fit", lambda *_, **__: Run(method=None, trained=None, step=6, finished=False))
    with pytest.raises(KeyboardInterrupt):
        runner.run(runner.get("patches"), tmp_path, seeds=(1,))
    assert not list(tmp_path.rglob("*.*"))


def picturing(**changed) -> Study:
    """A toy study on earth whose outputs are flat colours, by arm and seed."""

    def run(arm, dataset, seed, steps):
        colour = torch.tensor([0.1 * seed, -0.5 if arm == "a" else 0.5, 0.0]).view(1, 3, 1, 1)
        return {"L1": 1.0 + seed}, colour + torch.linspace(-0.4, 0.4, 2).view(2, 1, 1, 1) + torch.zeros(2, 3, 64, 64)

    settings = {"shown": {"earth": {"sea": 37, "sand": 42}}, "pictured": (1, 2), "differences": ("L1",)}
    settings |= {"run": run, "recipe": lambda: {"size": 64}}
    return Study("toy", "c", ("a", "b"), ("earth",), (1, 2, 3), 5, **{**settings, **changed})


def test_a_run_with_outputs_leaves_a_strip_and_the_truth_beside_it(tmp_path):
    written = runner.run(picturing(), tmp_path)
    assert len(written) == 6 and all(path.suffix == ".json" for path in written)
    strips = {f"earth-{arm}-seed{seed}.png" for arm in "ab" for seed in (1, 2)}  # seed 3 leaves numbers only
    assert {path.name for path in (tmp_path / "toy").glob("*.png")} == strips | {"earth-input.png", "earth-truth.png"}
    for name in strips:
        image = Image.open(tmp_path / "toy" / name)
        assert (image.size, image.mode, image.text["Description"]) == ((128, 64), "RGB", "generated by gritlib")
    _, outputs = picturing().run("b", "earth", 2, 5)
    strip = np.asarray(Image.open(tmp_path / "toy" / "earth-b-seed2.png"))
    assert np.array_equal(strip[:, :64], to_uint8(outputs)[0]) and np.array_equal(strip[:, 64:], to_uint8(outputs)[1])
    assert "outputs" not in json.loads(written[0].read_text())

    test = catalog.load("earth", "test", 64).batch([37, 42])
    for kind, key in (("input", "A"), ("truth", "B")):
        image = Image.open(tmp_path / "toy" / f"earth-{kind}.png")
        assert np.array_equal(np.asarray(image), np.concatenate(list(to_uint8(test[key])), 1))
        assert image.text["Description"] == f"{kind} of earth, test split: the dataset's, not generated"


def test_strips_are_written_before_the_run_file_that_says_all_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(runner.images, "save_png", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        runner.run(picturing(), tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_a_study_without_pictures_writes_none(tmp_path):
    runner.run(picturing(pictured=()), tmp_path)
    assert not list(tmp_path.rglob("*.png"))


@every_study
def test_committed_results_are_complete(name):
    study, folder = runner.get(name), runner.COMMITTED / name
    records = runner.read(study, runner.COMMITTED)
    seen = sorted((r["dataset"], r["arm"], r["seed"]) for r in records)
    every = ((d, a, s) for d in study.datasets for a in study.arms for s in study.seeds)
    assert seen == sorted((d, a, s) for d, a, s in every if not study.left_out(a, d, s))
    assert len(seen) == 4 * 6 and {r["steps"] for r in records} == {study.steps} == {1200}
    assert all(r["recipe"] == study.recipe() for r in records), "the recipe changed after the runs"
    assert all(math.isfinite(value) for r in records for value in r["metrics"].values())
    for r in records:
        judged = not r["arm"].endswith("-l1")
        assert set(r["metrics"]) == {*study.differences, *(("D_loss",) if judged else ())}
        assert (folder / f"{r['dataset']}-{r['arm']}-seed{r['seed']}.json").exists()
    # One code and one precision, or the pairs would compare machines.
    for key in ("gritlib", "precision", "device", "threads"):
        assert len({r["environment"][key] for r in records}) == 1, key


@every_study
def test_committed_pictures_are_complete_small_and_what_the_dataset_shows(name):
    study, folder = runner.get(name), runner.COMMITTED / name
    strips = {f"earth-{arm}-seed{seed}.png" for arm in study.arms for seed in study.pictured}
    assert {path.name for path in folder.glob("*.png")} == strips | {"earth-input.png", "earth-truth.png"}
    for file in folder.glob("*.png"):
        image = Image.open(file)
        assert (image.size, image.mode) == ((4 * 64, 64), "RGB")
        assert ("not generated" in image.text["Description"]) == (file.name not in strips)
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 700_000
    test = catalog.load("earth", "test", 64).batch(list(study.shown["earth"].values()))
    for kind, key in (("input", "A"), ("truth", "B")):
        strip, wanted = (
            np.asarray(Image.open(folder / f"earth-{kind}.png")),
            np.concatenate(list(to_uint8(test[key])), 1),
        )
        assert np.abs(strip.astype(int) - wanted).mean() < 1  # another decoder of JPEG may round otherwise
