"""Galleries of studies: the right pictures in the right rows, numbers and words that follow from the runs."""

import base64
import io
import re
from collections import Counter

import IPython.display
import numpy as np
import pytest
from PIL import Image

from gritlib.show import gallery, numbers
from gritlib.show.gallery import claims, describe, estimate, table, verdict, verdicts
from gritlib.studies import report, runner

PICTURED = ("skips", "patches")


def rows_of(name: str) -> list[dict]:
    return runner.read(runner.get(name), runner.COMMITTED)


@pytest.fixture
def shown(monkeypatch):
    """What reaches the notebook: a list of (data, metadata)."""
    seen = []
    monkeypatch.setattr(
        IPython.display, "display", lambda data, metadata=None, raw=False: seen.append((data, metadata))
    )
    return seen


def canvas(data) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))


def tops(picture: np.ndarray, file) -> list[int]:
    """Rows of the figure in which the first tile of a strip begins, enlarged twice."""
    tile = np.asarray(Image.open(file))[:, :64].repeat(2, 0).repeat(2, 1)
    corners = np.argwhere((picture[:-127, :-127] == tile[0, 0]).all(-1))
    return [y for y, x in corners.tolist() if np.array_equal(picture[y : y + 128, x : x + 128], tile)]


@pytest.mark.parametrize("name", PICTURED)
def test_a_gallery_shows_input_truth_and_every_arm_and_seed_below_each_other(name, shown):
    study = runner.get(name)
    records = gallery(name, seeds=(1, 3))
    assert records == runner.read(study, runner.COMMITTED) and len(shown) == 2
    picture = canvas(shown[0][0])
    order = ["input", "truth", *(f"{arm}-seed{seed}" for arm in study.arms for seed in (1, 3))]
    found = [tops(picture, runner.COMMITTED / name / f"earth-{label}.png") for label in order]
    assert all(len(rows) == 1 for rows in found) and found == sorted(found)
    assert not tops(picture, runner.COMMITTED / name / f"earth-{study.arms[0]}-seed2.png")


def test_an_input_that_is_an_arm_too_is_shown_once(shown):
    gallery("geometry", seeds=(1, 2), compare=False)
    alts = [metadata["image/png"]["alt"] for _, metadata in shown[:3]]
    for change, alt in zip(("pose", "shape", "texture"), alts, strict=True):
        assert f"4 unseen inputs of {change}" in alt
        assert "Rows, from the top: input, truth, cyclegan 1, cyclegan 2 (arm and seed)" in alt
        assert "input: iou truth" in alt, "its numbers stay"


@pytest.mark.parametrize("name", PICTURED)
def test_the_description_names_rows_places_and_means(name, shown):
    study, records = runner.get(name), gallery(name, seeds=(2,))
    alt = shown[0][1]["image/png"]["alt"]
    assert shown[0][0]["text/plain"] == alt
    for word in ("coast, desert, forest, ice", "input, truth", *(f"{arm} 2" for arm in study.arms)):
        assert word in alt, word
    for arm in study.arms:
        values = [r["metrics"]["L1"] for r in records if r["arm"] == arm]
        assert f"{arm}: L1 {np.mean(values):.3g}" in alt and len(values) == 6


@pytest.mark.parametrize("name", runner.STUDIES)
def test_numbers_are_the_reports_and_stand_in_the_gallery(name, shown):
    study = runner.get(name)
    rows = numbers(name)
    assert rows == report.summarise(study, runner.read(study, runner.COMMITTED))
    scored = {(r["dataset"], r["arm"], m, r["seed"]) for r in rows_of(name) for m in r["metrics"]}
    known = [{(d, m, s) for d, arm, m, s in scored if arm == one} for pair in study.pairs for one in pair]
    shared = [Counter((d, m) for d, m, _ in a & b) for a, b in zip(known[::2], known[1::2], strict=True)]
    compared = {*study.ratios, *study.differences}
    wanted = sum(seeds > 1 and m in compared for pair in shared for (_, m), seeds in pair.items())
    assert len(rows) == wanted
    gallery(name)
    text = shown[-1][0]["text/markdown"]
    assert text == shown[-1][0]["text/plain"] and all(f"- {verdict(row)}" in text for row in rows)


def test_a_study_without_pictures_is_a_table(shown):
    records = gallery("first-light", "earth")
    assert {r["dataset"] for r in records} == {"earth"} and len(records) == 10
    assert len(shown) == 1 and "image/png" not in shown[0][0]
    lines = shown[0][0]["text/markdown"].splitlines()
    assert lines[0] == "| dataset | arm | noise_std | noise_share | seeds |"
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| earth", "| earth"] and lines[4] == ""
    assert "grove" not in shown[0][0]["text/markdown"]


def test_metrics_may_be_chosen(shown):
    gallery("patches", metrics=("SSIM", "D_loss"))
    metadata = shown[0][1]
    assert "D loss" in metadata["image/png"]["alt"] and "L1" not in metadata["image/png"]["alt"]
    text = shown[1][0]["text/markdown"]
    assert text.startswith("| dataset | arm | SSIM | D_loss | seeds |") and "PSNR" not in text
    gallery("patches", metrics=("D_loss",))
    assert "No verdict: no comparison of these metrics" in shown[-1][0]["text/markdown"]


def test_without_seeds_there_are_no_pictures(shown):
    gallery("skips", seeds=(), metrics=("L1",))
    assert len(shown) == 1 and "| earth | unet-cgan |" in shown[0][0]["text/plain"]


def test_claims_are_followed_by_the_verdicts_that_speak_to_them(capsys):
    claims("losses")
    lines, study = capsys.readouterr().out.splitlines(), runner.get("losses")
    rows = {(row["dataset"], *row["arms"], row["metric"]): row for row in numbers("losses")}
    wanted = []
    for claim, comparisons in study.claims.items():
        wanted.append(claim)
        wanted += [
            f"  - {verdict(rows[(d, *one)])}" for one in comparisons for d in ("faces", "grove") if (d, *one) in rows
        ]
    assert lines == wanted
    with pytest.raises(ValueError, match="scoreboard names no claims"):
        claims("scoreboard")


def test_arms_may_be_chosen(shown):
    study = runner.get("skips")
    records = gallery("skips", seeds=(1,), arms=("unet-l1", "plain-l1"), metrics=("L1",))
    assert {r["arm"] for r in records} == {"unet-l1", "plain-l1"} and len(records) == 2 * len(study.seeds)
    picture, text = canvas(shown[0][0]), shown[1][0]["text/plain"]
    folder = runner.COMMITTED / "skips"
    assert tops(picture, folder / "earth-plain-l1-seed1.png") and not tops(
        picture, folder / "earth-unet-cgan-seed1.png"
    )
    assert "cgan" not in text and text.count("- earth, L1, unet-l1 against plain-l1") == 1
    with pytest.raises(ValueError, match="arm 'plain' is not in study skips: choose from unet-cgan"):
        gallery("skips", arms=("plain",))


def test_the_comparison_in_words_may_be_left_for_later(shown):
    gallery("skips", seeds=(1,), metrics=("L1",), compare=False)
    text = shown[1][0]["text/plain"]
    assert text.startswith("| dataset | arm | L1 | seeds |") and "±" in text and "against" not in text


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"name": "nope"}, "study 'nope' is unknown: choose one of first-light, skips, patches"),
        ({"name": "skips", "dataset": "sea"}, "dataset 'sea' is not in study skips: choose from earth"),
        ({"name": "skips", "metrics": ("FID",)}, "metric 'FID' is not in study skips: choose from D_loss, L1"),
        ({"name": "skips", "seeds": (1, 5)}, "seed 5 is not in study skips, pictures: choose from 1, 2, 3"),
    ],
)
def test_what_a_study_does_not_have_is_refused_by_name(arguments, message, shown):
    with pytest.raises(ValueError, match=re.escape(message)):
        gallery(**arguments)
    assert not shown


def test_unknown_numbers_and_empty_folders(tmp_path):
    with pytest.raises(ValueError, match="study 'nope' is unknown"):
        numbers("nope")
    for show in (numbers, lambda name, folder: gallery(name, folder=folder)):
        with pytest.raises(ValueError, match=r"no run of study skips in .*study run skips"):
            show("skips", folder=tmp_path)


def test_runs_of_ones_own_are_shown_as_far_as_they_are_there(tmp_path, shown):
    committed, mine = runner.COMMITTED / "skips", tmp_path / "skips"
    mine.mkdir()
    for label in ("input.png", "truth.png", "unet-l1-seed1.png", "unet-l1-seed1.json"):
        (mine / f"earth-{label}").write_bytes((committed / f"earth-{label}").read_bytes())
    records = gallery("skips", folder=tmp_path)
    assert [(r["arm"], r["seed"]) for r in records] == [("unet-l1", 1)]
    assert "input, truth, unet-l1 1 (arm and seed)" in shown[0][1]["image/png"]["alt"]
    assert f"| {records[0]['metrics']['L1']:.3f} |" in shown[1][0]["text/plain"]
    assert "±" not in shown[1][0]["text/plain"] and "brackets" not in shown[1][0]["text/plain"]
    assert "No verdict" in shown[1][0]["text/plain"]
    with pytest.raises(ValueError, match=r"has no pictures of earth with seeds \(2,\)"):
        gallery("skips", seeds=(2,), folder=tmp_path)


def row(kind, estimate, low, high, metric="L1", seeds=4, above=0, below=0):
    means = {"subject": 2.0, "other": 1.0, "seeds": list(range(seeds)), "above": above, "below": below}
    return {"dataset": "sea", "arms": ("a", "b"), "metric": metric, kind: estimate, "low": low, "high": high, **means}


@pytest.mark.parametrize(
    "given, says",
    [
        (
            row("difference", 1.0, 0.5, 1.5),
            "+1.000, 95 % interval +0.500 to +1.500 over 4 paired seeds: higher, which is worse.",
        ),
        (row("difference", -1.0, -1.5, -0.5), "lower, which is better."),
        (row("difference", 1.0, 0.5, 1.5, "SSIM"), "higher, which is better."),
        (row("difference", -1.0, -1.5, -0.5, "colour_overlap"), "lower, which is worse."),
        (row("difference", 1.0, 0.5, 1.5, "spectrum_gap"), ": higher."),
        (row("difference", 1.0, -0.5, 2.5), "no difference shown (the interval contains 0)."),
        (row("ratio", 1.3, 1.1, 1.5, "noise_std"), "1.30, 95 % interval 1.10 to 1.50 over 4 paired seeds: higher."),
        (row("ratio", 0.7, 0.5, 0.9, "noise_std"), ": lower."),
        (row("ratio", 1.3, 0.9, 1.9, "noise_std"), "no difference shown (the interval contains 1)."),
    ],
)
def test_words_follow_from_the_interval(given, says):
    text = verdict(given)
    assert text.startswith(f"sea, {given['metric']}, a against b: ") and text.endswith(says)


@pytest.mark.parametrize(
    "given, says",
    [
        (
            row("difference", -1.0, -9.0, 7.0, seeds=3, below=3),
            "-1.000: direction only, lower in 3 of 3 paired seeds, ",
        ),
        (row("difference", 1.0, 0.9, 1.1, seeds=3, above=3), "+1.000: direction only, higher in 3 of 3 paired seeds, "),
        (
            row("difference", 1.0, -9.0, 9.0, seeds=2, above=2),
            "+1.000: direction only, higher in 2 of 2 paired seeds, ",
        ),
        (
            row("difference", 1.0, -9.0, 9.0, seeds=3, above=2, below=1),
            "no direction, higher in 2 and lower in 1 of 3 ",
        ),
        (row("difference", 1.0, 0.9, 1.1, seeds=3, above=2), "no direction, higher in 2 and lower in 0 of 3 paired "),
        (row("ratio", 0.7, 0.1, 4.0, seeds=3, below=3), "0.70: direction only, lower in 3 of 3 paired seeds, "),
    ],
)
def test_few_seeds_show_a_direction_or_nothing_and_never_an_interval(given, says):
    text = verdict(given)
    assert says in text and "interval" not in text
    assert (text.endswith("which is better."), text.endswith("which is worse.")) == (
        "direction only, lower" in says,
        "direction only, higher" in says,
    )


def test_rows_count_the_seeds_on_either_side():
    study, records = runner.get("losses"), runner.read(runner.get("losses"), runner.COMMITTED)
    for row in report.summarise(study, records):
        first, second = (report.by_seed(records, row["dataset"], arm, row["metric"]) for arm in row["arms"])
        assert row["above"] == sum(first[s] > second[s] for s in row["seeds"])
        assert row["below"] == sum(first[s] < second[s] for s in row["seeds"])


def test_estimates_have_half_the_interval_from_four_seeds_on_and_the_range_before():
    mean, low, high = report.mean_interval([1.0, 2.0, 4.0, 5.0])
    assert estimate([1.0, 2.0, 4.0, 5.0]) == f"{mean:.3f} ± {(high - low) / 2:.3f}" == "3.000 ± 2.905"
    assert estimate([2.0, 4.0, 1.0]) == "2.333 (1.000 to 4.000)"
    assert (estimate([0.5]), estimate([])) == ("0.500", "–")


def test_a_table_explains_what_stands_in_it():
    study = runner.get("losses")
    records = [r for r in runner.read(study, runner.COMMITTED) if r["dataset"] == "grove"]
    both = table(study, records, ("L1",))
    few = table(study, [r for r in records if r["arm"] == "vgg"], ("L1",))
    many = table(study, [r for r in records if r["arm"] == "l1"], ("L1",))
    assert [("t interval" in text, "In brackets" in text) for text in (both, few, many)] == [
        (True, True),
        (False, True),
        (True, False),
    ]


def test_tables_and_descriptions_leave_out_what_an_arm_does_not_have():
    study = runner.get("skips")
    records = runner.read(study, runner.COMMITTED)
    lines = table(study, records, ("L1", "D_loss")).splitlines()
    assert [line.split(" | ")[3] == "–" for line in lines[2:6]] == [False, True, False, True]
    assert all(line.endswith("| 6 |") for line in lines[2:6])
    alt = describe(study, records, "earth", ["input", "truth"], ("D_loss",))
    assert "unet-cgan: D loss" in alt and "unet-l1" not in alt
    assert len(verdicts(study, records, ("L1", "SSIM"))) == 8
