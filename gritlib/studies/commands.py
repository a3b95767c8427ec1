"""The verbs of `python -m gritlib study`."""

from pathlib import Path
from typing import Literal

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
    preset: Literal["smoke", "ci", "cpu", "gpu"] | None = None,
    shard: str = "0/1",
) -> None:
    """Compute the runs of a study that are not there yet, one JSON each, and print the report.

    Args:
        name: see `study list`.
        out: folder of the run files.
        datasets: only these.
        seeds: these instead of the study's.
        steps: training steps instead of the study's.
        preset: another length: the study's steps in the presets' own proportion, of which `cpu` is the study's own;
            smoke is a handful, gpu five times as many. Networks, images a step and recipe stay the study's.
        shard: i/n computes every n-th run from the i-th on: start n processes to share the work.
    """
    from gritlib.studies import runner

    part, _, parts = shard.partition("/")
    if not (part.isdigit() and parts.isdigit() and int(part) < int(parts)):
        raise ValueError(f"shard {shard!r}: write i/n with i from 0 to n-1, for example 0/2")
    if preset is not None and steps is not None:
        raise ValueError(f"steps {steps} and preset {preset}: both set the length, give one")
    study = runner.get(name)
    steps = runner.steps_of(study, preset) if preset else steps
    runner.run(study, out, datasets, seeds, steps, (int(part), int(parts)))
    report(name, out)


def report(name: tyro.conf.Positional[str | None] = None, out: Path | None = None) -> None:
    """Print the table of a study, or without a name the results page of all; nothing is written.

    Args:
        name: see `study list`.
        out: folder of the run files; by default the committed ones.
    """
    from gritlib.studies import runner
    from gritlib.studies.report import markdown

    if name is None:
        from gritlib.studies.page import render

        print(render(out or runner.COMMITTED)[0], end="")
        return
    study = runner.get(name)
    records = runner.read(study, out or runner.COMMITTED)
    if not records:
        raise ValueError(f"no run of {name} in {out or runner.COMMITTED}: compute some with `study run {name}`")
    print(markdown(study, records))


def page(root: Path = Path(".")) -> None:
    """Write RESULTS.md and its figure from the committed runs.

    Args:
        root: of the checkout.
    """
    from gritlib.studies.page import write

    for path in write(root):
        print(path)


def check(
    name: tyro.conf.Positional[str],
    seeds: tuple[int, ...] = (1,),
    arms: tuple[str, ...] | None = None,
    datasets: tuple[str, ...] | None = None,
) -> None:
    """Run seeds of a study anew, in a temporary folder, and compare them with the committed runs.

    In the environment of the committed run every metric must agree to a relative 1e-4; in another one, where trainings
    take other paths, to three standard deviations of the committed seeds. Ends with an error where one does not.

    Args:
        name: see `study list`.
        seeds: which; the study must have them.
        arms: only these.
        datasets: only these.
    """
    from gritlib.studies import again, runner

    rows = again.check(runner.get(name), seeds, arms, datasets)
    print(again.table(rows))
    if wrong := [row for row in rows if row.holds is False]:
        raise ValueError(f"{len(wrong)} of {len(rows)} values differ from the committed ones by more than is allowed")


VERBS = {"list": list_all, "run": run, "report": report, "page": page, "check": check}
