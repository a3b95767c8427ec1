"""The table of claims and the rule of the verdicts: every claim once, with a verdict, and the rule on made values."""

import ast
import json
import re
from pathlib import Path

import pytest

from gritlib.studies import claims, runner, verdicts
from gritlib.studies.verdicts import Claim, Comparison, combine, judge, measure

ROOT = Path(__file__).parents[2]
MEASURED = claims.measured()
BY_ID = {claim.id: (claim, verdict, outcomes) for claim, verdict, outcomes in MEASURED}
EXACT, UNTOUCHED = {1, 12, 17, 18, 19, 25, 27, 33}, {23, 24}
NEAR_EXACT = {15}


def put(folder: Path, arm: str, values: dict, dataset: str = "sea", **more) -> None:
    """Committed runs of a study `toy`: seed -> metrics."""
    (folder / "toy").mkdir(exist_ok=True)
    for seed, metrics in values.items():
        record = {"dataset": dataset, "arm": arm, "seed": seed, "metrics": metrics, **more}
        (folder / "toy" / f"{dataset}-{arm}-seed{seed}.json").write_text(json.dumps(record))


def test_every_claim_stands_in_the_table_once_in_order():
    assert [claim.id for claim in claims.CLAIMS] == list(range(1, 35))
    assert {claim.id for claim in claims.CLAIMS if claim.tests} == EXACT
    assert {claim.id for claim in claims.CLAIMS if not claim.tests and not claim.comparisons} == UNTOUCHED
    exact = {claim.id for claim in claims.CLAIMS if any(c.kind == "exact" for c in claim.comparisons)}
    assert exact == NEAR_EXACT
    assert all(claim.text.endswith(".") and claim.source for claim in claims.CLAIMS)


def test_no_claim_without_a_verdict():
    missing = {f"C{claim.id}" for claim, verdict, _ in MEASURED if verdict == verdicts.MISSING}
    assert not missing, f"studies have no runs yet for {', '.join(sorted(missing))}"
    known = {*verdicts.VERDICTS, verdicts.EXACT, verdicts.UNTOUCHED}
    assert {verdict for _, verdict, _ in MEASURED} <= known
    for claim, verdict, outcomes in MEASURED:
        if claim.comparisons:
            assert verdict in verdicts.VERDICTS and any(o.verdict for o in outcomes), claim.id


def test_the_tests_that_show_exact_claims_exist():
    for claim in claims.CLAIMS:
        for node in claim.tests:
            file, function = node.split("::")
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            assert function in {part.name for part in tree.body if isinstance(part, ast.FunctionDef)}, node


def test_comparisons_name_arms_datasets_and_seeds_of_their_studies():
    for claim in claims.CLAIMS:
        for c in claim.comparisons:
            study = runner.get(c.study)
            arms = {c.subject, c.other} if isinstance(c.other, str) else {c.subject}
            assert arms <= set(study.arms) and set(c.datasets) <= set(study.datasets), (claim.id, c)
            assert c.predicted in ("higher", "lower", "") and c.kind in ("difference", "ratio", "exact")
            assert (c.against != "") == (c.other == c.subject), "an arm is compared with itself by another metric"


def test_every_comparison_has_its_metric_in_the_committed_runs():
    for claim, verdict, outcomes in MEASURED:
        if verdict != verdicts.MISSING:
            assert all(o.seeds for o in outcomes), claim.id


def test_three_seeds_show_a_direction_at_most():
    few = [o for _, _, outcomes in MEASURED for o in outcomes if o.comparison.kind != "exact" and len(o.seeds) < 5]
    many = [o for _, _, outcomes in MEASURED for o in outcomes if len(o.seeds) >= 5]
    assert len(few) > 10 and len(many) > 40
    assert {o.verdict for o in few} <= {"direction only", "inconclusive", "not reproduced", "", verdicts.MISSING}
    assert {o.verdict for o in many} <= {"reproduced", "inconclusive", "reversed", ""}
    assert all(o.low is None for o in few) and all(o.low <= o.estimate <= o.high for o in many)


@pytest.mark.parametrize(
    ("each", "interval", "predicted", "wanted"),
    [
        ((1, 2, 3, 4, 5), (1.0, 5.0), "higher", "reproduced"),
        ((1, 2, 3, 4, 5), (1.0, 5.0), "lower", "reversed"),
        ((1, 2, 3, 4, 5), (-0.1, 6.0), "higher", "inconclusive"),
        ((-1, -2, -3, -4, -5), (-5.0, -1.0), "lower", "reproduced"),
        ((1, 2, 3, 4, 5), (0.0, 5.0), "higher", "inconclusive"),  # touches zero
        ((1, 2, 3, 4), None, "higher", "direction only"),
        ((1, 2, 3), None, "lower", "not reproduced"),
        ((1, 2, -3), None, "higher", "inconclusive"),
        ((1, 2, 0), None, "higher", "inconclusive"),
        ((1, 2), None, "higher", "direction only"),
        ((5,), None, "higher", "inconclusive"),
        ((), None, "higher", "not measured"),
        ((1, 2, 3), None, "", ""),
    ],
)
def test_the_rule_for_one_comparison(each, interval, predicted, wanted):
    low, high = interval or (None, None)
    assert judge(tuple(map(float, each)), low, high, 0.0, predicted) == wanted


def test_the_rule_looks_at_the_neutral_value_and_at_exact_numbers():
    assert judge((0.5, 0.6, 0.7), None, None, 1.0, "lower") == "direction only"
    assert judge((0.5, 0.6, 1.7), None, None, 1.0, "lower") == "inconclusive"
    assert judge((0.5,), None, None, 1.0, "lower", exact=True) == "reproduced"
    assert judge((1.0,), None, None, 1.0, "lower", exact=True) == "reversed"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (["reproduced"] * 3, "reproduced"),
        (["reproduced", "direction only"], "direction only"),
        (["direction only"], "direction only"),
        (["reversed", "reversed"], "reversed"),
        (["reversed", "not reproduced"], "reversed"),
        (["not reproduced"] * 2, "not reproduced"),  # dots cannot show a reversal
        (["reproduced", "reversed"], "not reproduced"),
        (["direction only", "not reproduced", "inconclusive"], "not reproduced"),
        (["reproduced", "inconclusive"], "inconclusive"),
        (["reversed", "inconclusive"], "inconclusive"),
        (["inconclusive"], "inconclusive"),
        (["reproduced", "not measured"], "not measured"),
    ],
)
def test_the_rule_for_a_claim(given, wanted):
    assert combine(given) == combine(given[::-1]) == wanted


def test_seeds_are_paired_and_the_interval_is_the_reports(tmp_path):
    put(tmp_path, "a", {s: {"L1": 10.0 + s, "gap": -1.0 - s} for s in (1, 2, 3, 4, 5, 6)})
    put(tmp_path, "b", {s: {"L1": 11.5 + s + 0.1 * s, "gap": 0.5} for s in (2, 3, 4, 5, 6, 7)})
    claim = Claim(0, "x.", "y", (Comparison("toy", "a", "b", "L1", "lower", ("sea",)),))
    verdict, (o,) = measure(claim, tmp_path)
    assert verdict == o.verdict == "reproduced" and o.seeds == (2, 3, 4, 5, 6)
    assert o.each == pytest.approx([-1.5 - 0.1 * s for s in o.seeds]) and o.estimate == pytest.approx(-1.9)
    assert (o.low, o.high) == pytest.approx((-1.9 - 0.19632, -1.9 + 0.19632), abs=1e-4)  # 2.7764 · 0.15811 / √5
    (o,) = measure(Claim(0, "x.", "y", (Comparison("toy", "a", "b", "|gap|", "higher", ("sea",)),)), tmp_path)[1]
    assert o.verdict == "reproduced" and o.each == pytest.approx([0.5 + s for s in o.seeds])
    (o,) = measure(
        Claim(0, "x.", "y", (Comparison("toy", "a", "a", "gap", "lower", ("sea",), against="L1"),)), tmp_path
    )[1]
    assert o.each == pytest.approx([-11.0 - 2 * s for s in range(1, 7)])
    (o,) = measure(Claim(0, "x.", "y", (Comparison("toy", "a", 13.0, "L1", "lower", ("sea",)),)), tmp_path)[1]
    assert o.each == (11, 12, 13, 14, 15, 16) and o.verdict == "inconclusive"
    (o,) = measure(
        Claim(0, "x.", "y", (Comparison("toy", "b", "a", "L1", "higher", ("sea",), kind="ratio"),)), tmp_path
    )[1]
    assert o.verdict == "reproduced" and o.estimate == pytest.approx(1.135, abs=0.01) and o.comparison.neutral == 1


def test_what_has_no_runs_is_not_measured_and_counts_against_the_whole_claim(tmp_path):
    put(tmp_path, "a", {1: {"L1": 1.0}, 2: {"L1": 1.0}})
    put(tmp_path, "b", {1: {"L1": 2.0}, 2: {"L1": 2.0}})
    two = Comparison("toy", "a", "b", "L1", "lower", ("sea", "land"))
    verdict, outcomes = measure(Claim(0, "x.", "y", (two,)), tmp_path)
    assert verdict == "not measured" and [o.verdict for o in outcomes] == ["direction only", "not measured"]
    assert verdicts.holds(outcomes) == (1, 2)
    assert measure(Claim(0, "x.", "y"), tmp_path) == (verdicts.UNTOUCHED, [])


def test_a_lesson_sees_the_claims_of_its_study():
    found = runner.get("losses").claims
    assert [heading.split(" (")[0] for heading in found] == ["C2", "C3", "C6", "C7", "C34"]
    assert ("l1+cgan", "l1", "L1") in next(iter(found.values()))
    assert [heading.split(" (")[0] for heading in runner.get("grit-ablation").claims] == ["C28", "C29", "C31", "C32"]
    assert runner.get("scoreboard").claims == {}


def told(text: str) -> list[tuple[int, str, tuple[int, int] | None]]:
    """What a text says of whole claims, "C5 is *not reproduced* (3 of 8)": number, verdict, how many hold."""
    joined = re.sub(r"\s+", " ", re.sub(r"\n# ?", " ", text))
    found = re.findall(r"\bC(\d+) is \*([^*]+)\*(?: \((\d+) of (\d+)\))?", joined)
    return [(int(id), verdict, (int(good), int(all_)) if all_ else None) for id, verdict, good, all_ in found]


def test_what_lessons_say_of_whole_claims_is_read_across_lines():
    text = "# So C5 is *not\n# reproduced* (3 of 8). C7 is\n# *inconclusive*, and C2 *is* blurred."
    assert told(text) == [(5, "not reproduced", (3, 8)), (7, "inconclusive", None)]


def test_lessons_and_readme_give_the_tables_verdicts():
    said = {path.name: told(path.read_text(encoding="utf-8")) for path in (ROOT / "solutions").glob("0*.py")}
    compared = {claim.id for claim, _, _ in MEASURED if claim.comparisons}
    assert {id for sentences in said.values() for id, _, _ in sentences} == compared, "a lesson says each verdict"
    said["README.md"] = told((ROOT / "README.md").read_text(encoding="utf-8"))
    for name, sentences in said.items():
        for id, verdict, held in sentences:
            _, wanted, outcomes = BY_ID[id]
            assert (verdict, held or verdicts.holds(outcomes)) == (wanted, verdicts.holds(outcomes)), f"{name}, C{id}"


def test_verdicts_that_the_committed_intervals_settle():
    """Far from every border of the rule: these do not depend on which seed is added."""
    for id, wanted in {2: "reproduced", 34: "reproduced", 31: "not reproduced", 4: "not reproduced"}.items():
        assert BY_ID[id][1] == wanted
