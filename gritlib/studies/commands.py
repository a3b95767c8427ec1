"""The verbs of `python -m gritlib study`."""

from pathlib import Path

import tyro


def list_all() -> None:
    """List the studies and what they claim."""
    from gritlib.studies import runner

    for name in runner.STUDIES:
        study = runner.get(name)
        print(f"{name}: {study.claim}")
        print(f"  {', '.join(study.arms)} on {', '.join(study.datasets)}, seeds {study.seeds}, {study.steps} steps\n")


def run(
    name: tyro.conf.Positional[str],
    out: Path = Path("runs/studies"),
    datasets: tuple[str, ...] | None = None,
    seeds: tuple[int, ...] | None = None,
    steps: int | None = None,
    shard: str = "0/1",
) -> None:
    """Compute the runs of a study that are not there yet, one JSON each, and print the report.

    Args:
        name: see `study list`.
        out: folder of the run files.
        datasets: only these.
        seeds: these instead of the study's.
        steps: training steps instead of the study's.
        shard: i/n computes every n-th run from the i-th on: start n processes to share the work.
    """
    from gritlib.studies import runner

    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise ValueError(f"shard {shard!r}: write i/n with i from 0 to n-1, for example 0/2")
    study = runner.get(name)
    runner.run(study, out, datasets, seeds, steps, (int(part), int(parts)))
    report(name, out)


def report(name: tyro.conf.Positional[str], out: Path | None = None) -> None:
    """Print the table of a study.

    Args:
        name: see `study list`.
        out: folder of the run files; by default the committed ones.
    """
    from gritlib.studies import runner
    from gritlib.studies.report import markdown

    study = runner.get(name)
    records = runner.read(study, out or runner.COMMITTED)
    if not records:
        raise ValueError(f"no run of {name} in {out or runner.COMMITTED}: compute some with `study run {name}`")
    print(markdown(study, records))


VERBS = {"list": list_all, "run": run, "report": report}
