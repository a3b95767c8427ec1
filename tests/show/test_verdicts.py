"""The table of claims that lesson 07 shows: the results page's rows, and what an empty folder says."""

import IPython.display

from gritlib.show import claim_table
from gritlib.studies import claims, page, runner, verdicts


def lines_of(monkeypatch, **more) -> list[str]:
    """The lines of the table that reaches the notebook."""
    seen = []
    monkeypatch.setattr(IPython.display, "display", lambda data, raw=False: seen.append(data))
    claim_table(**more)
    (data,) = seen
    assert data["text/markdown"] == data["text/plain"]
    return data["text/markdown"].splitlines()


def test_the_lessons_table_has_every_row_of_the_results_page(monkeypatch):
    lines = lines_of(monkeypatch)
    wanted = page.table(claims.measured(runner.COMMITTED)).splitlines()
    assert lines[0] == "|  | claim | source | verdict | holds |" and len(lines) == 2 + len(claims.CLAIMS)
    assert [line for line in wanted if line.startswith("| C")] == lines[2:]


def test_without_runs_only_what_tests_show_has_another_verdict(monkeypatch, tmp_path):
    lines = lines_of(monkeypatch, folder=tmp_path)[2:]
    found = {line.split(" | ")[0].removeprefix("| "): line.split(" | ")[3].strip("*") for line in lines}
    exact = {f"C{claim.id}": verdicts.EXACT for claim in claims.CLAIMS if claim.tests}
    compared = {f"C{claim.id}": verdicts.MISSING for claim in claims.CLAIMS if claim.comparisons}
    assert {id: verdict for id, verdict in found.items() if verdict != verdicts.UNTOUCHED} == exact | compared
