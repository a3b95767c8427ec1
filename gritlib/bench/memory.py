"""How much memory images of each size take: a training step with and without `recompute`, a translation at once and in
tiles. One fresh process for each of the four goes through the sizes upwards; counted is its largest memory above what
it had before, weights and optimisers included. On a GPU it is what torch allocated.
"""

import json
from dataclasses import replace

import torch

from gritlib import tiles
from gritlib.bench.growth import changed
from gritlib.bench.steps import trainer
from gritlib.studies.stopwatch import full_step, in_fresh_process, resident
from gritlib.training.device import peak_memory

ARMS = ("step", "step, recompute", "translation", "translation, tiles")


def measure(method: str, preset: str, sides: tuple[int, ...], tile: int, device: str = "cpu") -> dict:
    """One method: {"method", "preset", "sides", "tile", "mib": {arm: [MiB at each side]}}.

    Raises:
        ValueError: sides that do not grow, or another device.
    """
    if list(sides) != sorted(set(sides)) or not sides or device not in ("cpu", "cuda"):
        raise ValueError(f"sides {sides}, device {device!r}: sides must grow, the device is cpu or cuda")
    found = {}
    for arm in ARMS:
        call = f"from gritlib.bench.memory import alone; alone{(method, preset, tuple(sides), tile, arm, device)}"
        found[arm] = in_fresh_process(call, threads=1)
    return {"method": method, "preset": preset, "sides": list(sides), "tile": tile, "mib": found}


def alone(method: str, preset: str, sides: tuple[int, ...], tile: int, arm: str, device: str) -> None:
    """What a fresh process does: print the MiB of one arm at each side."""
    act(method, "smoke", 64, 64, arm, device)  # everything imported, the libraries' own buffers allocated
    idle, found = largest(device), []
    for side in sides:
        act(method, preset, side, tile, arm, device)
        found.append(round(largest(device) - (idle if device == "cpu" else 0), 1))
    print(json.dumps(found))


def act(method: str, preset: str, side: int, tile: int, arm: str, device: str) -> None:
    """Two training steps, the second of which has the optimisers' state, or one translation."""
    made, batch, chosen = changed(method, preset, 1, side)
    if arm.startswith("step"):
        chosen = chosen._replace(training=replace(chosen.training, recompute=arm == "step, recompute"))
        ours = trainer(made, batch, chosen, "fp32", device)
        for i in range(2):
            full_step(ours, i)
    elif arm == "translation":
        made.to(device).eval().translate(batch["A"], noise="zero")
    else:
        made = made.to(device).eval()
        tiles.translate(made, batch["A"], tiles.plan(made, tile, overlap=None), noise="zero")


def largest(device: str) -> float:
    return resident() if device == "cpu" else peak_memory(torch.device(device))


def table(rows: list[dict]) -> str:
    """One line a method and side."""
    lines = ["| method | preset | side | " + " | ".join(f"{arm}, MiB" for arm in ARMS) + " |", "|---" * 7 + "|"]
    for row in rows:
        for i, side in enumerate(row["sides"]):
            cells = [row["method"], row["preset"], str(side), *(f"{row['mib'][arm][i]:.0f}" for arm in ARMS)]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
