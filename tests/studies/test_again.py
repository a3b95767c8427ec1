"""Runs repeated and recorded: `study check` within its tolerances, the commit in a record, a preset's length."""

import json
import os
import subprocess
from dataclasses import replace

import pytest

from gritlib.studies import again, commands, runner
from gritlib.studies.runner import Study

VALUES = {"L1": 30.0, "gap": -1.0}


@pytest.fixture
def study(tmp_path):
    """Two arms with three committed seeds; what a run adds to L1 can be changed afterwards."""
    drift = {"L1": 0.0}

    def run(arm, dataset, seed, steps):
        metrics = {name: value + seed for name, value in VALUES.items()}
        return metrics | {"L1": metrics["L1"] + drift["L1"], "step_seconds": os.urandom(1)[0]}

    made = Study("toy", "a claim", ("a", "b"), ("sea",), (1, 2, 3), 50, run, lambda: {"width": 16})
    runner.run(made, tmp_path)
    return made, drift, tmp_path


def elsewhere(folder):
    """The committed runs as those of another machine."""
    for file in (folder / "toy").glob("*.json"):
        record = json.loads(file.read_text())
        record["environment"]["cpu"] = "another"
        file.write_text(json.dumps(record))


def test_the_same_environment_must_agree_to_a_ten_thousandth(study):
    made, drift, folder = study
    for add, holds in ((0.0, True), (0.002, True), (0.005, False), (-0.005, False)):
        drift["L1"] = add
        rows = again.check(made, (2,), ("a",), committed=folder)
        assert [(r.arm, r.seed, r.metric, r.holds) for r in rows] == [("a", 2, "L1", holds), ("a", 2, "gap", True)]
        assert rows[0].allowed == pytest.approx(0.0032) and rows[0].rule == "same environment"
    assert "| sea-a-seed2 | L1 | 32 | 31.995 | 0.005 | 0.0032 | **differs**, same environment |" in again.table(rows)


def test_another_environment_must_agree_to_three_deviations_of_the_seeds(study):
    made, drift, folder = study
    elsewhere(folder)
    for add, holds in ((2.9, True), (-2.9, True), (3.1, False)):
        drift["L1"] = add
        rows = again.check(made, (1, 3), committed=folder)
        assert len(rows) == 8 and {r.rule for r in rows} == {"another environment"}
        assert {r.holds for r in rows if r.metric == "L1"} == {holds} and all(
            r.holds for r in rows if r.metric == "gap"
        )


def test_one_committed_seed_is_no_spread(study):
    made, _, folder = study
    elsewhere(folder)
    for file in (folder / "toy").glob("*seed[23].json"):
        file.unlink()
    rows = again.check(made, (1, 2), committed=folder)
    assert {r.seed for r in rows} == {1}, "what is not committed is not run"
    assert {r.holds for r in rows} == {None} and "not judged, another environment, one seed" in again.table(rows)
    with pytest.raises(ValueError, match=r"no committed run of toy with seeds \(2,\)"):
        again.check(made, (2,), committed=folder)
    with pytest.raises(ValueError, match="arm 'c' is not in study toy: choose from a, b"):
        again.check(made, (1,), ("c",), committed=folder)


def test_a_metric_that_came_or_went_holds_under_no_rule(study):
    made, _, folder = study
    more = replace(made, run=lambda *where: {"L1": made.run(*where)["L1"], "new": 1.0})
    rows = {r.metric: r.holds for r in again.check(more, (1,), ("a",), committed=folder)}
    assert rows == {"L1": True, "gap": False, "new": False}


def test_the_command_ends_with_an_error_where_a_value_differs(study, monkeypatch, capsys):
    made, drift, folder = study
    monkeypatch.setattr(runner, "get", lambda name: made)
    monkeypatch.setattr(again.check, "__defaults__", (None, None, folder))
    commands.check("toy", arms=("b",))
    assert capsys.readouterr().out.count("| holds, same environment |") == 2
    drift["L1"] = 1.0
    with pytest.raises(ValueError, match="1 of 2 values differ"):
        commands.check("toy", arms=("b",))
    assert "**differs**" in capsys.readouterr().out


def git(folder, *words):
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True).stdout


def test_a_record_has_the_commit_and_whether_the_package_differs_from_it(tmp_path):
    package = tmp_path / "gritlib"
    (package / "studies" / "results").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    assert runner.commit(package) == "unknown"  # no repository
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    assert runner.commit(package) == "unknown"  # a repository of something else
    git(tmp_path, "add", "gritlib")
    git(tmp_path, "commit", "-q", "-m", "x")
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    (package / "studies" / "results" / "new.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("mine")
    assert len(head) == 40 and runner.commit(package) == head
    (package / "other.py").write_text("")
    assert runner.commit(package) == head + "+changes"


def test_the_commit_of_a_run_is_stored_and_without_git_unknown(study, tmp_path, monkeypatch):
    made, _, folder = study
    stored = {r["commit"] for r in runner.read(made, folder)}
    assert stored == {runner.commit()}
    monkeypatch.setenv("PATH", "")
    runner.run(made, tmp_path / "more")
    assert {r["commit"] for r in runner.read(made, tmp_path / "more")} == {"unknown"}


def test_a_preset_is_a_length(monkeypatch, capsys, tmp_path):
    lengths = {name: runner.steps_of(runner.get("spade"), name) for name in ("smoke", "ci", "cpu", "gpu")}
    assert lengths == {"smoke": 12, "ci": 233, "cpu": 700, "gpu": 3500}
    assert runner.steps_of(runner.get("unpaired-cost"), "smoke") == 1
    made = Study("toy", "a claim", ("a", "b"), ("sea",), (1,), 1200, lambda a, d, s, steps: {"n": steps}, dict)
    monkeypatch.setattr(runner, "get", lambda name: made)
    commands.run("toy", tmp_path, preset="smoke")
    assert {r["metrics"]["n"] for r in runner.read(made, tmp_path)} == {20}
    with pytest.raises(ValueError, match="steps 5 and preset ci: both set the length"):
        commands.run("toy", tmp_path, steps=5, preset="ci")
