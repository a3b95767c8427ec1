"""From an address to sample pictures, one training run a layout, on archives shaped like the real ones."""

import json

import pytest
from PIL import Image

import gritlib.__main__ as cli
from gritlib.data import public
from gritlib.fetch import celebamask

pytestmark = pytest.mark.slow
STEPS = 4


def trained(method, data, out, *more):
    """Train for a few steps on the command line; the last line of the log."""
    words = ["train", method, "--data", data, "--preset", "smoke", "--steps", STEPS, "--out", out, *more]
    cli.main([str(word) for word in words])
    with Image.open(out / "samples" / f"step_{STEPS:06d}.png") as picture:
        assert picture.size[0] > 64 and len(set(picture.convert("L").tobytes())) > 50
    return json.loads((out / "log.jsonl").read_text().splitlines()[-1])


def test_pairs_in_one_file(make, register, tmp_path):
    counts = {"train": 6, "val": 2, "test": 2}
    register("facades", make.tar(make.pairs(counts)), counts, checked="md5")
    cli.main(["data", "fetch", "facades"])
    assert trained("pix2pix", "facades", tmp_path / "run")["step"] == STEPS
    cli.main(["evaluate", str(tmp_path / "run"), "--scores", "pixel", "--json-out", str(tmp_path / "scores.json")])
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["dataset"] == "facades" and scores["split"] == "test"


def test_two_folders_without_pairs(make, register, tmp_path):
    counts = {"trainA": 4, "trainB": 6, "testA": 2, "testB": 2}
    files = {f"horse2zebra/{s}/{i}.jpg": make.picture([i, len(s)]) for s, n in counts.items() for i in range(n)}
    register("horse2zebra", make.zipped(files), counts)
    cli.main(["data", "fetch", "horse2zebra"])
    assert trained("cyclegan", "horse2zebra", tmp_path / "run")["step"] == STEPS


def test_pairs_drawn_apart(make, register, tmp_path):
    register("maps", make.tar(make.pairs({"train": 6, "val": 2}, "maps")), {"train": 6, "val": 2}, checked="md5")
    cli.main(["data", "fetch", "maps"])
    assert trained("fastcut", "maps", tmp_path / "run")["step"] == STEPS


@pytest.mark.parametrize("method", ["grit", "pix2pix"])
def test_faces_with_their_label_maps(make, register, tmp_path, monkeypatch, method):
    monkeypatch.setattr(celebamask, "SIZES", (64, 128))
    register("celebamask_hq", b"", {"train": 6, "val": 2, "test": 1}, checked=None)
    own = tmp_path / "CelebAMask-HQ.zip"
    own.write_bytes(make.zipped(make.celebamask([1, 2, 3, 4, 5, 6, 170_000, 170_001, 200_000])))
    cli.main(["data", "celebamask-hq", str(own)])
    assert public.manifest(public.root() / "celebamask_hq")["counts"] == {"train": 6, "val": 2, "test": 1}
    assert trained(method, "celebamask_hq", tmp_path / "run")["step"] == STEPS
