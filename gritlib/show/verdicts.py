"""The table of claims in a lesson: what the papers say, and what the committed runs say to it."""

from pathlib import Path

from gritlib.studies import runner
from gritlib.studies.claims import measured
from gritlib.studies.page import grid
from gritlib.studies.verdicts import holds


def claim_table(folder: Path = runner.COMMITTED) -> None:
    """Show one line for each claim: its number, the claim, its source, the verdict of `gritlib.studies.verdicts`, and
    how many of its judged comparisons hold.

    Args:
        folder: where the runs of the studies are, by default the committed ones.
    """
    from IPython.display import display

    rows = []
    for claim, verdict, outcomes in measured(folder):
        good, all_ = holds(outcomes)
        held = f"{good} of {all_}" if all_ else "–"
        rows.append((f"C{claim.id}", claim.text, claim.source, f"**{verdict}**", held))
    text = grid(("", "claim", "source", "verdict", "holds"), rows)
    display({"text/markdown": text, "text/plain": text}, raw=True)
