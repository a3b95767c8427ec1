"""Dots: one a seed, at the values of the run files, with what is better in words."""

import re

import IPython.display
import numpy as np
import pytest

from gritlib.show import dots
from gritlib.show.figures import MARKERS
from gritlib.show.seeds import direction, draw_dots
from gritlib.studies import runner


@pytest.fixture
def shown(monkeypatch):
    """What reaches the notebook: a list of (data, metadata)."""
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, metadata=None, raw=False: seen.append((data, metadata))
    )
    return seen


def values(study: str, dataset: str, arm: str, metric: str) -> list[float]:
    records = runner.read(runner.get(study), runner.COMMITTED)
    mine = [r for r in records if (r["dataset"], r["arm"]) == (dataset, arm)]
    return [r["metrics"][metric] for r in sorted(mine, key=lambda r: r["seed"])]


def test_every_seed_of_every_arm_is_told_and_no_other(shown):
    dots("losses", ("L1", "lattice"), ("vgg", "l1"), "grove")
    alt = shown[0][1]["image/png"]["alt"]
    assert alt == shown[0][0]["text/plain"] and alt.startswith("Dots of study losses, grove, one a seed. ")
    for metric, title in (("L1", "L1 (lower is better)"), ("lattice", "lattice")):
        told = {arm: ", ".join(f"{v:.3g}" for v in values("losses", "grove", arm, metric)) for arm in ("vgg", "l1")}
        assert f"{title}: vgg {told['vgg']}; l1 {told['l1']}." in alt
    assert "cgan" not in alt and len(values("losses", "grove", "vgg", "L1")) == 3


def test_a_single_metric_and_all_arms_by_default(shown):
    dots("skips", "SSIM")
    alt = shown[0][1]["image/png"]["alt"]
    assert "SSIM (higher is better)" in alt and all(f"{arm} " in alt for arm in runner.get("skips").arms)


def test_dots_lie_where_their_values_are():
    figure = draw_dots({"L1": {"a": {1: 3.0, 2: 5.0}, "b": {2: 4.0}}, "spectrum_gap": {"a": {1: -1.0}, "b": {}}})
    first, second = figure.axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("L1 (lower is better)", "spectrum gap")
    assert [t.get_text() for t in first.get_yticklabels()] == ["a", "b"] and first.get_ylim() == (1.5, -0.5)
    one, two = (np.asarray(c.get_offsets()) for c in first.collections)
    assert one[:, 0].tolist() == [3.0] and two[:, 0].tolist() == [5.0, 4.0]
    assert np.abs(one[:, 1] - [0]).max() < 0.4 and np.abs(two[:, 1] - [0, 1]).max() < 0.4
    assert [len(c.get_offsets()) for c in second.collections] == [1, 0]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["seed 1", "seed 2"]
    shapes = {tuple(map(tuple, c.get_paths()[0].vertices.round(3))) for c in first.collections}
    assert len(shapes) == 2 and len(MARKERS) >= 6  # seeds are told apart without colour


def test_no_direction_is_given_where_none_is_better():
    assert (direction("PSNR"), direction("moved"), direction("L1_back")) == (
        " (higher is better)",
        "",
        " (lower is better)",
    )


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("nope", "L1"), "study 'nope' is unknown"),
        (("losses", "L1"), "study losses has the datasets faces, grove: choose one with dataset="),
        (("losses", "L1", None, "sea"), "dataset 'sea' is not in study losses: choose from faces, grove"),
        (("skips", "FID"), "metric 'FID' is not in study skips"),
        (("skips", "L1", ("unet",)), "arm 'unet' is not in study skips: choose from unet-cgan"),
    ],
)
def test_what_a_study_does_not_have_is_refused_by_name(arguments, message, shown):
    with pytest.raises(ValueError, match=re.escape(message)):
        dots(*arguments)
    assert not shown
