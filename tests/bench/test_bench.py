"""The comparison with published implementations: that it compares, what it prints, and what it says when it cannot."""

import sys
import warnings

import pytest
import torch

from gritlib import bench
from gritlib.bench import speed
from gritlib.metrics import prdc


def four(real, fake, k):
    return prdc(torch.from_numpy(real), torch.from_numpy(fake), k)


STAND_INS = (speed.frechet_by_square_root, four, ["stand-ins"])


def test_speed_is_measured_and_values_compared(capsys):
    result = bench.metrics(n=200, d=16, repeats=3, published=STAND_INS)
    for name in ("frechet", "prdc"):
        row = result[name]
        assert row["ours"] > 0 and row["ratio"] == pytest.approx(row["theirs"] / row["ours"])
        assert row["difference"] < 1e-6
    assert result["notes"][0] == "stand-ins"
    out = capsys.readouterr().out
    assert "200 samples, 16 dimensions, 3 turns, 1 thread(s), load average" in out
    table = [line for line in out.splitlines() if line.startswith("|")]
    assert len(table) == 4 and len({line.count("|") for line in table}) == 1
    assert "| frechet |" in out and "| prdc |" in out and "note: stand-ins" in out


def test_another_answer_shows_in_the_difference():
    def doubled(*arguments):
        return 2 * speed.frechet_by_square_root(*arguments)

    def one_off(real, fake, k):
        found = four(real, fake, k)
        return {**found, "recall": found["recall"] * 1.1}

    result = bench.metrics(n=200, d=16, repeats=1, published=(doubled, one_off, []))
    assert result["frechet"]["difference"] == pytest.approx(0.5, abs=1e-6)
    assert result["prdc"]["difference"] == pytest.approx(0.1 / 1.1, abs=1e-6)


def test_cores_and_threads_are_given_back():
    import os

    torch.set_num_threads(2)
    before = getattr(os, "sched_getaffinity", lambda _: None)(0)
    with pytest.raises(ZeroDivisionError):
        bench.metrics(n=50, d=4, repeats=1, published=(lambda *_: 1 / 0, four, []))
    assert torch.get_num_threads() == 2
    assert before is None or os.sched_getaffinity(0) == before


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    for name in ("prdc", "pytorch_fid"):
        with monkeypatch.context() as patch:
            for module in ("prdc", "pytorch_fid", "pytorch_fid.fid_score"):
                patch.setitem(sys.modules, module, type(sys)(module))
            patch.setitem(sys.modules, name, None)
            patch.setitem(sys.modules, "pytorch_fid.fid_score", None)
            with pytest.raises(ModuleNotFoundError, match=r'needed to compare with: pip install "gritlib\[bench\]"'):
                bench.metrics(n=50, d=4, repeats=1)


@pytest.mark.parametrize("runs", [True, False])
def test_the_formula_stands_in_where_scipy_refuses_and_it_is_said(monkeypatch, runs):
    def published(mean_a, cov_a, mean_b, cov_b):
        if not runs:
            raise TypeError("sqrtm() got an unexpected keyword argument 'disp'")
        return speed.frechet_by_square_root(mean_a, cov_a, mean_b, cov_b)

    package, module = type(sys)("prdc"), type(sys)("pytorch_fid.fid_score")
    package.compute_prdc, module.calculate_frechet_distance = four, published
    for name, stand_in in (("prdc", package), ("pytorch_fid", type(sys)("f")), ("pytorch_fid.fid_score", module)):
        monkeypatch.setitem(sys.modules, name, stand_in)
    notes = bench.metrics(n=60, d=8, repeats=1)["notes"]
    assert any("its formula is timed instead" in note and "disp" in note for note in notes) != runs


@pytest.mark.parametrize("wrong", [{"n": 1}, {"d": 0}, {"repeats": 0}, {"k": 60}, {"threads": 0}])
def test_sizes_without_a_meaning_are_refused(wrong):
    with pytest.raises(ValueError, match="needed are n"):
        bench.metrics(**{"n": 60, "d": 8, "repeats": 1, "published": STAND_INS, **wrong})


def test_every_metric_agrees_with_its_reference(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        rows = bench.references()
    assert len(rows) > 25
    for name, reference, ours, theirs in rows:
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-9), (name, reference)
    out = capsys.readouterr().out.splitlines()
    assert len(out) == len(rows) + 2 and all(line.startswith("|") for line in out)
