"""The command line: help without surprises, errors without tracebacks, and a run from training to pictures."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import gritlib.__main__ as cli
from gritlib.training import fit, read

VERBS = {
    (): ("demo", "train", "evaluate", "translate", "data", "study", "bench", "course", "quiz", "weights", "test"),
    ("demo",): ("--data", "--preset", "--steps", "--seed", "--out"),
    ("train",): ("grit", "pix2pix", "cyclegan", "cut", "fastcut", "sincut", "spade", "pix2pixhd", "pix2pixhd++"),
    ("train", "grit"): (
        "--keep-best",
        "--keep-last",
        "--tensorboard",
        "--recompute",
        "--compile",
        "--overwrite",
        "--rec-weight",
        "--noise-init",
        "--batch-size",
        "--precision",
    ),
    ("train", "pix2pix"): ("--resume", "--pixel-weight", "--gan-weight", "--ema", "--minutes", "--size"),
    ("train", "cyclegan"): ("--cycle", "both,forward,backward,none", "--pool", "--identity-weight", "earth)"),
    ("train", "fastcut"): ("--nce-weight", "--flip", "--no-flip", "--layers", "--negatives", "default: 10.0"),
    ("train", "sincut"): ("--zoom", "--tile", "--r1-weight", "earth)"),
    ("train", "pix2pixhd"): ("--enhancer", "--edges", "--features", "sum,mean,code", "grove)"),
    ("train", "pix2pixhd++"): ("--d-spectral", "--no-d-spectral", "batch,sync,instance"),
    ("train", "spade"): ("--start", "map,random,style", "--matching-weight", "--kl-sum", "grove)"),
    ("evaluate",): ("--split", "--json-out", "--scores", "--network", "auto,offline,papers", "--seed"),
    ("translate",): ("--run", "--style", "--noise", "--parts", "--tile", "--overlap"),
    ("data",): ("--picture", "--size"),
    ("bench",): (
        "steps",
        "growth",
        "memory",
        "max-batch",
        "loading",
        "imports",
        "notebooks",
        "demo",
        "report",
        "metrics",
        "references",
    ),
    ("bench", "steps"): ("--presets", "--against", "--pairs", "--threads", "--precision", "--strict", "--json"),
    ("bench", "report"): ("--readme",),
    ("study",): ("list", "run", "report", "page", "check"),
    ("weights",): ("list", "card"),
    ("quiz",): ("export", "pool"),
    ("quiz", "export"): ("--consent",),
    ("course",): (
        "build",
        "progress",
        "grade",
        "release",
        "report",
        "similarity",
        "gradebook",
        "autograder",
        "nbgrader",
    ),
    ("course", "grade"): ("--out", "--lessons", "--workers", "--cohort", "--regrade", "--unsafe", "--self"),
    ("study", "run"): ("--datasets", "--seeds", "--steps", "--shard", "--preset"),
    ("study", "check"): ("--seeds", "--arms", "--datasets"),
    ("study", "report"): ("--out",),
    ("course", "build"): ("--check", "--execute", "--lessons", "--repo", "--handout", "--cohort", "--out"),
    ("course", "progress"): ("exercises done",),
    ("test",): ("--quick", "--workers"),
}


def run(*words, capsys=None):
    """Exit code and what was printed; a message for the person counts as exit code 1."""
    try:
        cli.main([str(word) for word in words])
        code = 0
    except SystemExit as stop:
        code, message = (stop.code or 0, "") if isinstance(stop.code, int) else (1, stop.code)
        if code == 1 and message:
            print(message)
    printed = capsys.readouterr()
    return code, printed.out + printed.err


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_help_lists_the_options(verb, capsys):
    code, text = run(*verb, "--help", capsys=capsys)
    assert code == 0
    for word in VERBS[verb]:
        assert word in text, word


def test_the_help_of_a_preset_shows_its_values(capsys):
    texts = [run("train", "pix2pix", "--preset", name, "--help", capsys=capsys)[1] for name in ("smoke", "paper")]
    assert "default: 20)" in texts[0] and "default: 80000)" in texts[1] and "default: 256)" in texts[1]
    assert "in-channels" not in texts[0]  # the data's, never an option


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("data", "mars"),
            "error: dataset 'mars' is neither a known name (grove, earth, faces, shapes) nor an existing folder",
        ),
        (("demo", "--data", "mars", "--preset", "smoke"), "error: dataset 'mars' is neither a known name"),
        (("train", "grit", "--data", "mars", "--preset", "smoke"), "error: dataset 'mars' is neither a known name"),
        (("demo", "--preset", "fast"), "smoke"),
        (("train", "pix2pix", "--preset", "fast"), "smoke"),
        (("evaluate", "/nowhere/run"), "error: no checkpoint at /nowhere/run"),
        (("translate", "a.png", "b.png", "--run", "/nowhere"), "error: no checkpoint at /nowhere"),
        (("study", "report", "nope"), "error: study 'nope' is unknown"),
        (("weights", "card", "nope"), "error: weights 'nope' are unknown"),
        (("quiz", "export", "answers.csv"), "error: consent=False"),
        (("quiz", "pool", "nope.csv"), "error: [Errno 2] No such file or directory: 'nope.csv'"),
        (("study", "report", "first-light", "--out", "/nowhere"), "error: no run of first-light in /nowhere"),
        (("study", "run", "first-light", "--shard", "2/2"), "error: shard '2/2': write i/n"),
        (("study", "run", "first-light", "--shard", "x"), "error: shard 'x': write i/n"),
        (("course", "build"), "error: no lesson in"),
        (("course", "build", "--check"), "error: no lesson in"),
        (("train", "grit", "--preset", "smoke", "--steps", "0"), "error: steps is 0: it must be 1 or more"),
        (("bench", "speed"), "metrics"),
        (("bench", "steps", "--methods", "gan"), "error: method 'gan' is unknown: choose from pix2pix, cyclegan"),
        (("bench", "steps", "--precision", "fp16"), "error: precision 'fp16' is unknown: choose fp32, bf16"),
        (("bench", "steps", "--device", "tpu"), "error: device 'tpu' is unknown: choose cpu or cuda"),
        (("bench", "steps", "--pairs", "0"), "error: pairs 0, threads (): all must be 1 or more"),
        (("bench", "growth", "--axes", "width"), "error: axis 'width' is unknown: choose one of pixels, images, steps"),
        (("bench", "notebooks"), "error: no folder notebooks here: run this in the root of the repository"),
        (("bench", "report", "/nowhere.json"), "error: no measurement at /nowhere.json: make one with `bench steps"),
        (("trian",), "trian"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistakes_get_a_message_and_an_exit_code(words, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = run(*words, capsys=capsys)
    assert code != 0 and message in " ".join(text.split()) and "Traceback" not in text
    assert list(tmp_path.iterdir()) == []


def test_the_process_itself_ends_with_the_message(tmp_path):
    """Once for real: exit code, standard error, and the traceback for those who ask for it."""
    command = [sys.executable, "-m", "gritlib", "data", "mars"]
    places = [os.getcwd(), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.startswith("error: dataset 'mars' is neither a known name") and "Traceback" not in ended.stderr


def test_the_traceback_is_there_for_who_asks(monkeypatch):
    monkeypatch.setenv("GRITLIB_TRACEBACK", "1")
    with pytest.raises(ValueError, match="mars"):
        cli.main(["data", "mars"])


def test_a_preset_in_the_environment_that_does_not_exist_is_a_message_too(monkeypatch, capsys):
    monkeypatch.setenv("GRITLIB_PRESET", "fast")
    code, text = run("data", capsys=capsys)
    assert code == 0 or "error: GRITLIB_PRESET" in text


def test_a_demo_of_zero_steps_is_refused(monkeypatch, capsys, tmp_path):
    def seen(*args, config, **kwargs):
        raise ValueError(f"steps is {config.steps}")

    monkeypatch.setattr("gritlib.demo.fit", seen)
    assert "steps is 0" in run("demo", "--preset", "smoke", "--steps", "0", "--out", tmp_path, capsys=capsys)[1]


def test_data_lists_cards_and_draws_pairs(capsys, tmp_path):
    code, text = run("data", capsys=capsys)
    assert code == 0 and all(f"{name}: " in text for name in ("grove", "earth", "faces"))
    code, text = run("data", "grove", "--picture", tmp_path / "pairs.png", capsys=capsys)
    assert code == 0 and "CC0" in text and "train 272, val 51, test 72" in text
    assert Image.open(tmp_path / "pairs.png").text["Description"] == "pairs of grove"


def test_study_list_names_the_claim(capsys):
    code, text = run("study", "list", capsys=capsys)
    assert code == 0 and "first-light: With the losses decoupled" in text and "grit, coupled" in text


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["--preset", "ci"], "ci"),
        (["--preset=ci"], "ci"),
        (["--steps", "3"], None),
        (["--preset"], None),
        (["--presets", "ci"], None),
    ],
)
def test_the_preset_is_found_before_parsing(words, value):
    assert cli.option("preset", words) == value


class Anonymous:
    """A student's own source, which fit takes: it has no name to load it by."""

    def __len__(self):
        return 4

    def batch(self, indices, generator=None):
        return {key: torch.zeros(len(indices), 3, 16, 16) for key in "AB"}


def test_evaluating_a_run_of_an_unnamed_source_is_a_message(tmp_path, capsys):
    from gritlib.methods import GRIT, GRITConfig

    method = GRIT(GRITConfig(3, 3, width=4, depth=2, style_dim=2, d_width=4, d_layers=1))
    fit(method, Anonymous(), tmp_path, steps=1, batch_size=2, progress=False)
    code, text = run("evaluate", tmp_path, capsys=capsys)
    assert code == 1 and "error:" in text


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """A run folder of a method with style and noise on earth, which has no label maps."""
    from gritlib.data import catalog
    from gritlib.methods import GRIT, GRITConfig

    out, source = tmp_path_factory.mktemp("tiny") / "run", catalog.load("earth", "train", 64)
    torch.manual_seed(0)
    method = GRIT(GRITConfig(3, 3, width=4, depth=2, style_dim=2, d_width=4, d_layers=1))
    fit(method, source, out, steps=1, batch_size=2, progress=False)
    return out


def test_a_run_is_scored_with_the_groups_that_are_asked_for(tiny_run, capsys, tmp_path):
    file = tmp_path / "scores.json"
    words = ("evaluate", tiny_run, "--scores", "pixel", "colour", "--json-out", file)
    code, text = run(*words, capsys=capsys)
    assert code == 0 and "colour overlap" in text and "training images" in text and "SWD" not in text
    result = json.loads(file.read_text())
    names = {"L1", "PSNR", "SSIM", "colour_overlap", "L1_reconstruction", "spectrum_gap_reconstruction"}
    assert set(result["scores"]) == {"truth", "random", "mean"}
    assert all(set(row) == names for row in result["scores"].values())
    assert list(result["references"]) == ["training images"] and list(result["settings"]) == ["pixel", "colour"]
    assert result["seed"] == 0 and (result["dataset"], result["split"]) == ("earth", "test")
    assert f"{result['scores']['random']['L1']:.3f}" in text
    code, text = run(*words, "--seed", "5", "--split", "val", capsys=capsys)
    other = json.loads(file.read_text())
    assert code == 0 and (other["seed"], other["split"]) == (5, "val") and "earth/val" in text and "seed 5" in text


def test_the_networks_asked_for_are_those_in_the_settings(tiny_run, capsys, tmp_path, monkeypatch):
    from gritlib import evaluation

    seen = {}

    def stopped(method, test, train, **options):
        seen.update(options, split=test.split)
        raise ValueError("seen")

    monkeypatch.setattr(evaluation, "evaluate", stopped)
    assert run("evaluate", tiny_run, "--network", "offline", "--split", "val", capsys=capsys)[0] == 1
    assert seen["options"] == evaluation.networks("offline") and seen["split"] == "val" and seen["seed"] == 0
    assert seen["groups"] == ("pixel", "spectrum", "colour", "patches", "perceptual", "distribution")
    run("evaluate", tiny_run, capsys=capsys)
    assert seen["options"] == evaluation.networks("auto")
    assert run("evaluate", tiny_run, "--network", "best", capsys=capsys)[0] != 0


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (("pixel", "beauty"), "error: scores beauty are unknown: choose from pixel, spectrum, colour, patches"),
        (("segmentation",), "error: no segmenter for 'earth': there is one for grove and faces"),
    ],
    ids=str,
)
def test_scores_that_there_are_not_get_a_message_and_leave_no_file(scores, message, tiny_run, capsys, tmp_path):
    file = tmp_path / "scores.json"
    code, text = run("evaluate", tiny_run, "--scores", *scores, "--json-out", file, capsys=capsys)
    assert code == 1 and message in text and not file.exists()


def test_bench_calls_what_is_asked_and_names_the_packages_it_misses(monkeypatch, capsys):
    from gritlib import bench

    called = []
    for name in ("metrics", "references"):
        monkeypatch.setattr(bench, name, lambda name=name, **_: called.append(name))
        assert run("bench", name, capsys=capsys) == (0, "") and called[-1] == name

    def missing(**_):
        raise ModuleNotFoundError("No module named 'other'", name="other")

    for name, extra in (("metrics", "bench"), ("references", "test")):
        monkeypatch.setattr(bench, name, missing)
        code, text = run("bench", name, capsys=capsys)
        assert code == 1 and text == f'error: other is needed to compare with: pip install "gritlib[{extra}]"\n'


def test_bench_hands_its_options_on(monkeypatch, capsys):
    from gritlib.bench import around, growth, loader, table

    called = []
    for room, name in ((growth, "growth"), (around, "loading"), (around, "imports"), (around, "notebooks")):
        monkeypatch.setattr(room, name, lambda *a, name=name, **k: called.append((name, a, k)) or {"method": name})
    monkeypatch.setattr(around, "demo", lambda: called.append(("demo", (), {})) or {})
    monkeypatch.setattr(loader, "loader", lambda *a, **k: called.append(("loader", a, k)))
    monkeypatch.setattr(table, "markdown", lambda found: " ".join(found))
    words = ("bench growth --methods grit cut --axes steps --threads 2", "bench loading --threads 2 --sizes 64")
    words += ("bench imports --repeats 5", "bench notebooks --workers 1 --lessons 00 01", "bench demo")
    words += ("bench loader --data some --threads 1",)
    printed = [run(*line.split(), capsys=capsys)[1].strip() for line in words]
    assert printed == ["growth", "loading", "imports", "notebooks", "demo", ""]
    assert called == [
        ("growth", ("grit", "steps"), {"threads": 2}),
        ("growth", ("cut", "steps"), {"threads": 2}),
        ("loading", (64,), {"threads": 2}),
        ("imports", (5,), {}),
        ("notebooks", (1, ("00", "01")), {}),
        ("demo", (), {}),
        ("loader", ("some",), {"threads": 1}),
    ]


def test_bench_alone_measures_steps_and_prints_and_keeps_the_table(monkeypatch, capsys, tmp_path):
    from gritlib.bench import prepare, steps

    called, file = [], tmp_path / "here.json"
    arm = {"median": 0.5, "images_per_second": 16.0, "gflop": 9.35, "gflop_s": 18.7, "seconds": [0.5]}

    def measure(name, preset, threads, *rest):
        called.append((name, preset, threads, *rest))
        row = {"method": name, "preset": preset, "size": 64, "images": 8, "device": "cpu", "threads": threads}
        return {**row, "rounds": 7, "others": None, "arms": {"fp32": arm}, "ratios": {}}

    monkeypatch.setattr(steps, "measure", measure)
    monkeypatch.setattr(steps, "matmul_rates", lambda device, count, asked: {"fp32": 10.0 * count})
    code, text = run("bench", capsys=capsys)
    everything = (20, None, True, 300.0, None, "cpu", False, {"fp32": 10.0 * steps.all_threads()}, True)
    assert code == 0 and called == [(name, "cpu", steps.all_threads(), *everything) for name in steps.COMPARED]
    assert all(f"| {name} | cpu | 64, 8 |" in text for name in steps.COMPARED)

    options = "--methods grit --presets cpu paper --no-against --pairs 3 --threads 1 2 --precision fp32 --batch 2"
    options += f" --seconds 9 --no-memory --strict --json {file}"
    called.clear()
    assert run("bench", "steps", *options.split(), capsys=capsys)[0] == 0
    assert called == [
        ("grit", preset, n, 3, ("fp32",), False, 9.0, 2, "cpu", True, {"fp32": 10.0 * n}, False)
        for preset in ("cpu", "paper")
        for n in (1, 2)
    ]
    monkeypatch.setattr(prepare, "peak", lambda *asked: called.append(asked) or 123)
    called.clear()
    for _ in range(2):  # the second time nothing is missing
        assert run("bench", "peaks", file, capsys=capsys)[0] == 0
    assert called == [("grit", preset, 8, "cpu", "fp32", 2) for preset in ("cpu", "paper")]
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert [row["arms"]["fp32"].get("mib") for row in kept["steps"]] == [None, 123, None, 123]
    assert len(kept["steps"]) == 4 and kept["environment"]["matmul_gflop_s"] == {"1": {"fp32": 10}, "2": {"fp32": 20}}
    code, text = run("bench", "report", file, capsys=capsys)
    assert code == 0 and text.startswith(kept["environment"]["device"]) and "| grit | paper | 64, 8 | 2 |" in text


@pytest.fixture(scope="module")
def demo_run(tmp_path_factory):
    """One demo, in a process of its own as a person would start it."""
    out = tmp_path_factory.mktemp("demo") / "run"
    places = [os.getcwd(), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "gritlib", "demo", "--preset", "smoke", "--steps", "4", "--out", str(out)]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=out.parent)
    assert ended.returncode == 0, ended.stderr
    return out, ended.stdout


@pytest.mark.slow
def test_the_demo_leaves_picture_scores_and_checkpoint(demo_run):
    out, text = demo_run
    assert {"demo.png", "metrics.json", "checkpoint.pt", "log.jsonl", "samples"} == {f.name for f in out.iterdir()}
    width, height = Image.open(out / "demo.png").size
    assert width > 8 * 128 and height > 6 * 128  # six rows; input, parts, sum, draws, spread, truth
    result = json.loads((out / "metrics.json").read_text())
    assert set(result["scores"]) == {"truth", "random", "mean"} and result["images"] == 72
    assert set(result["baselines"]) == {"training_mean_colour", "class_mean_colour", "own_mean_colour"}
    assert result["spread"]["draws"] == 20 and result["spread"]["noise_std"] > 0
    assert result["run"]["steps"] == 4 and result["run"]["seed"] == 0
    content = read(out)
    assert content["step"] == 4 and content["source"]["name"] == "grove"
    for word in ("272 training tiles, 72 unseen", "L1 of class mean colour", "over 20 noise draws", "demo.png"):
        assert word in text, word


@pytest.mark.slow
def test_the_demos_run_can_be_scored_and_used(demo_run, capsys, tmp_path):
    out, _ = demo_run
    code, text = run("evaluate", out, "--json-out", tmp_path / "scores.json", capsys=capsys)
    assert code == 0 and "grove/test, 72 images" in text
    again = json.loads((tmp_path / "scores.json").read_text())
    said = json.loads((out / "metrics.json").read_text())
    for style, row in said["scores"].items():  # the loaded method is the one that was scored, now in more ways
        assert {name: again["scores"][style][name] for name in row} == pytest.approx(row, rel=1e-4), style
        assert {"mean_iou", "kernel distance (Lite0-1280@128)"} <= set(again["scores"][style]) - set(row)
    assert again["baselines"] == pytest.approx(said["baselines"])

    ids = np.random.default_rng(0).integers(0, 4, (50, 70)).astype(np.uint8)
    Image.fromarray(ids).save(tmp_path / "map.png")
    words = ("translate", tmp_path / "map.png", tmp_path / "out.png", "--run", out)
    code, text = run(*words, "--noise", "7", "--parts", capsys=capsys)
    assert code == 0 and len(text.split()) == 3 and Image.open(tmp_path / "out.png").size == (70, 50)
    code, text = run(*words, "--noise", "loud", capsys=capsys)
    assert code == 1 and "error: noise 'loud' is not understood" in text
    code, text = run("demo", "--preset", "smoke", "--out", out, capsys=capsys)
    assert code == 1 and "already holds a run" in text


def test_a_method_without_pairs_trains_on_its_view_of_earth_and_is_scored_on_pairs(capsys, tmp_path):
    out = tmp_path / "run"
    words = ("train", "cyclegan", "--preset", "smoke", "--steps", "2", "--options", "latitude=true", "--out", out)
    code, text = run(*words, "--width", "2", "--blocks", "1", "--d-width", "2", capsys=capsys)
    assert code == 0 and "Finished at step 2" in text
    content = read(out)
    assert (content["method"], content["source"]["name"]) == ("cyclegan", "earth")
    assert content["source"]["options"] == {"height": False, "latitude": True, "unpaired": True}
    assert (content["config"]["in_channels"], content["config"]["width"]) == (5, 2)
    assert content["state"]["pool_A.images"].shape == (4, 5, 64, 64)
    code, text = run("evaluate", out, "--scores", "pixel", capsys=capsys)
    assert code == 0 and "earth/test, 100 images" in text


@pytest.mark.slow
def test_train_stop_resume(capsys, tmp_path):
    words = ("train", "pix2pix", "--preset", "smoke", "--steps", "4", "--out", tmp_path / "run")
    code, text = run(*words, "--minutes", "0.00001", capsys=capsys)
    assert code == 0 and "Stopped at step 1" in text and "--resume" in text
    code, text = run(*words, capsys=capsys)
    assert code == 1 and "already holds a run" in text
    code, text = run(*words, "--resume", "--lr", "0.1", capsys=capsys)
    assert code == 1 and "cannot resume" in text
    code, text = run(*words, "--resume", capsys=capsys)
    assert code == 0 and "Finished at step 4" in text
    run("train", "pix2pix", "--preset", "smoke", "--steps", "4", "--out", tmp_path / "whole", capsys=capsys)
    a, b = (read(tmp_path / name)["state"] for name in ("run", "whole"))
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert run(*words, "--overwrite", "--seed", "1", capsys=capsys)[0] == 0
    assert not torch.equal(read(tmp_path / "run")["state"]["G.head.1.weight"], b["G.head.1.weight"])


def test_free_folder_counts_up(tmp_path):
    from gritlib.demo import free_folder

    assert free_folder(tmp_path / "run") == tmp_path / "run"
    for name in ("run", "run-2"):
        (tmp_path / name).mkdir()
    assert free_folder(tmp_path / "run") == tmp_path / "run-3"


def test_exported_pairs_are_files_that_translate_takes(tmp_path, capsys):
    from PIL import Image

    from gritlib.data import catalog, images
    from gritlib.data.source import check_labels

    code, text = run("data", "grove", "--export", tmp_path / "tiles", capsys=capsys)
    assert code == 0 and "0 crown, 1 grass, 2 bare, 3 shadow" in text
    inputs, targets = (sorted((tmp_path / "tiles").glob(f"*_{kind}.png")) for kind in ("input", "target"))
    assert len(inputs) == len(targets) == 8
    test = catalog.load("grove", "test")
    for given, target in zip(inputs, targets, strict=True):
        ids = images.read_labels(given)
        check_labels(ids, test.classes, given.name)
        whole = test.batch(range(len(test)))
        same = [i for i in range(len(test)) if (whole["label"][i].numpy() == ids).all()]
        assert any((images.to_uint8(whole["B"][i : i + 1])[0] == Image.open(target)).all() for i in same)


def test_a_reader_who_has_enough_is_no_error():
    words = [sys.executable, "-m", "gritlib", "study", "list"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as done:
        done.stdout.close()
        said = done.stderr.read()
    assert (done.returncode, said) == (0, "")
