"""First light: GRIT on real images in about two minutes on two CPU cores, from one command.

Trains on one of the course's datasets, then shows layouts it has never seen: input, reconstruction, residual, their
sum, further draws of the noise and their spread, the truth; writes picture, scores and checkpoint to a run folder.
"""

import json
from dataclasses import replace
from pathlib import Path

import torch

from gritlib.data import catalog, images
from gritlib.evaluation import evaluate, table
from gritlib.methods import GRIT
from gritlib.presets import get
from gritlib.studies import report, runner
from gritlib.training import fit
from gritlib.training.checkpoint import write_text
from gritlib.training.samples import sample_grid

SHOWN = 6


def free_folder(base: Path) -> Path:
    """`base`, or base-2, base-3 … : a finished run is never written over."""
    number, path = 1, base
    while path.exists():
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return path


def demo(
    data: str = "grove", preset: str | None = None, steps: int | None = None, seed: int = 0, out: Path | None = None
) -> Path:
    """Train GRIT, score it, draw it.

    Args:
        data: dataset of the catalog or a folder. preset, steps: as `train`; None takes what the device suggests.
        seed: of weights, batches and noise. out: run folder, by default the next free runs/demo-<data>.

    Returns:
        The run folder, with demo.png, metrics.json, checkpoint.pt, log.jsonl and samples/.
    """
    chosen = get("grit", preset)
    out = out or free_folder(Path("runs") / f"demo-{Path(data).name}")
    print(f"1/3  Reading {data} ...")
    train, test = (catalog.load(data, split, chosen.size) for split in ("train", "test"))
    print(f"     {len(train)} training tiles, {len(test)} unseen test tiles of {chosen.size} pixels")
    torch.manual_seed(seed)
    method = GRIT(chosen.method.fit_to(train))

    print(f"2/3  Training GRIT; pictures appear in {out / 'samples'}")
    training = replace(chosen.training, seed=seed, steps=chosen.training.steps if steps is None else steps)
    run = fit(method, train, out, config=training, preview=test)
    if not run.finished:
        print(f"Stopped at step {run.step}; what was learned so far is in {out}")
        print(
            f"Go on with: python -m gritlib train grit --data {data} --seed {seed} --out {out} --resume (same preset)"
        )

    print("3/3  Scoring on the test tiles ...")
    result = evaluate(run.method, test, train)
    result["run"] = {
        "steps": run.step,
        "seed": seed,
        "seconds": round(run.seconds, 1),
        "images_per_second": round(run.images_per_second, 1),
        "peak_memory_mib": round(run.peak_mib),
    }
    write_text(json.dumps(result, indent=1) + "\n", out / "metrics.json")
    shown = torch.linspace(0, len(test) - 1, SHOWN).long().tolist()
    picture = images.save_png(sample_grid(run.method, test, shown, draws=20), out / "demo.png")

    print("\n" + table(result))
    if training.steps < get("grit", "ci").training.steps:
        print(f"  {training.steps} steps only show that everything runs: judge nothing by them")
    elif data in runner.get("first-light").datasets:
        print(first_light(data))
    print(f"\nOpen {picture}: unseen inputs, GRIT's reconstruction + residual = sum, the noise, the truth.")
    print(f"More of it:   python -m gritlib translate --help   (this run is {out})")
    lessons = Path("notebooks").is_dir()
    print(
        "The lessons:  jupyter lab notebooks/00_start_here.ipynb"
        if lessons
        else "JupyterLab:   jupyter lab (lessons are in work)"
    )
    return out


def first_light(data: str) -> str:
    """What the committed study says about the spread over noise on this dataset, in one line."""
    study = runner.get("first-light")
    rows = [row for row in report.summarise(study, runner.read(study, runner.COMMITTED)) if row["dataset"] == data]
    if not rows:
        return f"  study first-light has no runs on {data}"
    said = [
        f"{row['metric'].replace('_', ' ')} {row['subject']:.4g}, {row['ratio']:.2f} times that of the coupled network "
        f"(95 % interval {row['low']:.2f} to {row['high']:.2f})"
        for row in rows
    ]
    return f"  study first-light, {len(rows[0]['seeds'])} seeds: " + "; ".join(said)
