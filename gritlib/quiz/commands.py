"""The verbs of `python -m gritlib quiz`; the quiz itself is asked in lesson 07."""

from pathlib import Path

import tyro


def export(to: tyro.conf.Positional[Path], consent: bool = False) -> None:
    """Write the finished sessions of this machine as one CSV.

    Args:
        to: a file in .csv.
        consent: you have read what the file holds, and hand it on of your own will.
    """
    from gritlib import quiz

    print(f"wrote {quiz.export(to, consent)}")


def pool(files: tyro.conf.Positional[tuple[Path, ...]]) -> None:
    """Count a class: d′ of each method over all sessions of some CSV files.

    Args:
        files: what `quiz export` wrote.
    """
    from gritlib import quiz

    print(quiz.table(quiz.pool(files)))


VERBS = {"export": export, "pool": pool}
