"""RESULTS.md and its figure: what is committed is what the runs say, to the byte; links, words, cells of tables."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from gritlib.studies import claims, commands, page, runner, words
from gritlib.studies.forest import MIDDLE, REACH, svg
from gritlib.studies.verdicts import Claim, Comparison, Outcome, holds

ROOT = Path(__file__).parents[2]
MARKDOWN, FIGURE = page.render()
SVG = "{http://www.w3.org/2000/svg}"


def outcome(each, low=None, high=None, verdict="reproduced", **more) -> Outcome:
    settings = {"study": "losses", "subject": "a", "other": "b", "metric": "L1", "predicted": "lower"} | more
    mean = sum(each) / len(each)
    seeds = tuple(range(1, len(each) + 1))
    return Outcome(Comparison(**settings, datasets=("sea",)), "sea", seeds, tuple(each), mean, low, high, verdict)


def test_the_committed_page_is_what_the_committed_runs_say():
    for name, wanted in ((page.PAGE, MARKDOWN), (page.FIGURE, FIGURE)):
        same = (ROOT / name).read_bytes().replace(b"\r\n", b"\n") == wanted.encode()  # Git's line ends on Windows
        assert same, f"{name} is not that of the runs: write it with `python -m gritlib study page`"


def test_the_page_is_made_of_the_runs_alone_and_changes_with_them(tmp_path, monkeypatch):
    folder = tmp_path / "scoreboard"
    folder.mkdir()
    for file in (runner.COMMITTED / "scoreboard").glob("*.json"):
        (folder / file.name).write_bytes(file.read_bytes())
    before = page.scoreboard(tmp_path)
    assert before == page.scoreboard(runner.COMMITTED) and before in MARKDOWN
    record = json.loads((folder / "faces-grit-seed1.json").read_text())
    record["metrics"]["L1"] += 1000
    (folder / "faces-grit-seed1.json").write_text(json.dumps(record))
    changed = [b for a, b in zip(before.splitlines(), page.scoreboard(tmp_path).splitlines(), strict=True) if a != b]
    assert len(changed) == 1 and changed[0].startswith("| grit | ")


def test_every_claim_has_one_row_and_one_section_with_its_verdict():
    for claim, verdict, outcomes in claims.measured():
        rows = [line for line in MARKDOWN.splitlines() if line.startswith(f"| C{claim.id} |")]
        good, all_ = holds(outcomes)
        assert len(rows) == 1 and f"| **{verdict}** | {f'{good} of {all_}' if all_ else '–'} |" in rows[0]
        assert MARKDOWN.count(f"\n### C{claim.id}: {verdict}\n") == 1
    listed = set(map(int, re.findall(r"^- \*\*C(\d+), ", MARKDOWN, re.M)))
    against = {c.id for c, _, found in claims.measured() if any(o.verdict in page.AGAINST for o in found)}
    assert listed == against and len(listed) >= 5
    assert {c.id for c, verdict, _ in claims.measured() if verdict in ("not reproduced", "reversed")} <= listed


def test_pictures_linked_exist_and_say_what_they_show():
    links = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", MARKDOWN)
    assert len(links) > 30 and links.count(next(link for link in links if link[1] == page.FIGURE)) == 1
    for alt, path in links:
        assert len(alt) > 20, path
        assert (ROOT / path).is_file(), path


def test_rows_of_a_table_have_as_many_cells_as_its_head():
    for block in re.findall(r"(?:^\|.*\n)+", MARKDOWN, re.M):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1, block[:200]
    for before, line in zip(MARKDOWN.splitlines(), MARKDOWN.splitlines()[1:], strict=False):
        if line.startswith("|") and not before.startswith("|"):
            assert before == "", f"a table needs an empty line before it: {line[:80]}"


def test_every_metric_of_the_claims_has_words_and_unknown_ones_are_refused():
    for claim in claims.CLAIMS:
        for c in claim.comparisons:
            assert words.comparison_words(c)
    assert words.metric_words("L1_truth") == "L1 (of 255; style of the truth)"
    assert words.metric_words("|spectrum_gap|") == "|spectrum gap| (ln power)" and words.metric_words("SSIM") == "SSIM"
    with pytest.raises(ValueError, match="metric 'FID' has no words"):
        words.metric_words("FID")


def test_numbers_carry_sign_interval_or_seeds():
    assert words.found(outcome((-1.0, -2.0, -3.5))) == "−2.17 (seeds −1.00, −2.00, −3.50)"
    assert words.found(outcome((-1.0,) * 5, -1.25, -0.75)) == "−1.00 (−1.25 to −0.75)"
    assert words.found(outcome((0.5198,), metric="cut_trained", other=1.0, kind="exact")) == "0.52"
    assert words.found(outcome((1.5, 1.2), kind="ratio")) == "1.35 (seeds 1.50, 1.20)"
    assert words.found(outcome((-0.001, 0.001))) == "0.00 (seeds 0.00, 0.00)", "no −0.00"
    assert (
        words.cell([], 2) == "–" and words.cell([2.0], 1) == "2.0" and words.cell([1.0, 2.0], 1) == "1.5 (1.0 to 2.0)"
    )
    assert words.cell([1.0, 2.0, 3.0, 4.0, 5.0], 2) == "3.00 ± 1.96"  # 2.7764 · 1.5811 / √5


def test_the_figure_has_a_row_for_each_judged_comparison():
    root = ElementTree.fromstring(FIGURE)
    judged = [o for _, _, outcomes in claims.measured() for o in outcomes if o.verdict and o.seeds]
    circles, bars = (
        root.findall(f"{SVG}circle"),
        [line for line in root.findall(f"{SVG}line") if line.get("stroke-width")],
    )
    assert len(bars) == sum(o.low is not None for o in judged) > 40
    assert len(circles) == sum(1 if o.low is not None else len(o.each) for o in judged)
    height = float(root.get("height"))
    assert all(0 < float(c.get("cy")) < height and abs(float(c.get("cx")) - MIDDLE) <= REACH for c in circles)
    assert root.find(f"{SVG}title").text and "prefers-color-scheme: dark" in FIGURE


def test_right_of_the_line_is_what_the_claim_predicts():
    claim = Claim(2, "x.", "y")
    for predicted, each, side in (("lower", (-1, -2), 1), ("higher", (-1, -2), -1), ("higher", (1, 2), 1)):
        root = ElementTree.fromstring(svg([(claim, "reversed", [outcome(each, predicted=predicted)])]))
        places = [float(c.get("cx")) - MIDDLE for c in root.findall(f"{SVG}circle")]
        assert places == pytest.approx([side * REACH / 2, side * REACH])
    exact = outcome((0.75,), metric="cut_time", other=1.0, kind="exact")
    circle = ElementTree.fromstring(svg([(claim, "x", [exact])])).find(f"{SVG}circle")
    assert float(circle.get("cx")) > MIDDLE, "less than 1, as predicted"
    bar = outcome((-1.0,) * 5, -1.5, 0.5, "inconclusive")
    lines = ElementTree.fromstring(svg([(claim, "x", [bar])])).findall(f"{SVG}line")
    assert [(float(lines[1].get("x1")), float(lines[1].get("x2")))] == [(MIDDLE - REACH / 3, MIDDLE + REACH)]


def test_the_commands_print_and_write(capsys, tmp_path):
    commands.report()
    assert capsys.readouterr().out == MARKDOWN
    with pytest.raises(ValueError, match="is no checkout of the repository"):
        page.write(tmp_path)
    (tmp_path / "gritlib" / "studies").mkdir(parents=True)
    commands.page(tmp_path)
    assert (tmp_path / page.PAGE).read_text(encoding="utf-8") == MARKDOWN
    assert (tmp_path / page.FIGURE).read_text(encoding="utf-8") == FIGURE
    assert capsys.readouterr().out.splitlines() == [str(tmp_path / page.PAGE), str(tmp_path / page.FIGURE)]
