"""How the cost of training grows: time and memory of a step against pixels and images, of a run against its steps.

A power is the slope of a straight line through the logarithms, with its 95 % interval (Student's t): 1 is linear. The
sizes of one axis take turns step by step; memory is that of one fresh process that goes through them upwards, above
what it had before, weights and optimisers included. Small steps have a fixed part, so powers below 1 are usual.
"""

import json
import math
import statistics
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.bench.steps import FEWEST, in_turns, setting, short, trainer
from gritlib.presets import Preset
from gritlib.studies.stopwatch import Same, full_step, in_fresh_process, resident, watched
from gritlib.training import fit

METHODS = ("pix2pix", "cyclegan", "grit")
AXES = {
    "pixels": (64, 96, 128, 192, 256, 384),
    "images": (2, 4, 8, 16, 32),
    "steps": (10, 20, 40, 80),
}  # pixels: of a side
IMAGES, SIDE = 2, 64  # of the points of the other axes


def power(x: list[float], y: list[float]) -> list[float]:
    """Slope of ln y over ln x by least squares, and its 95 % interval: [slope, low, high].

    Raises:
        ValueError: fewer than three points, or values that have no logarithm.
    """
    if len(x) < 3 or min(*x, *y) <= 0:
        raise ValueError(f"a power needs three points or more above 0, not x {x}, y {y}")
    from scipy import stats

    u, v = ([math.log(value) for value in values] for values in (x, y))
    mean_u, mean_v = statistics.fmean(u), statistics.fmean(v)
    spread = sum((a - mean_u) ** 2 for a in u)
    slope = sum((a - mean_u) * (b - mean_v) for a, b in zip(u, v, strict=True)) / spread
    rest = sum((b - mean_v - slope * (a - mean_u)) ** 2 for a, b in zip(u, v, strict=True))
    half = stats.t.ppf(0.975, len(x) - 2) * math.sqrt(rest / (len(x) - 2) / spread)
    return [short(value) for value in (slope, slope - half, slope + half)]


def growth(
    method: str, axis: str, preset: str = "cpu", threads: int = 1, points: tuple[int, ...] | None = None
) -> dict:
    """One method along one axis.

    Args:
        axis: "pixels" (sides of square images), "images" (a step) or "steps" (of a run). threads: for torch.
            points: instead of those of `AXES`, upwards.

    Returns:
        method, axis, points, what the power is of ("x": pixels, images or steps), seconds and mib of each point,
        "seconds_power" and "mib_power" with their intervals (mib None where the system does not tell), how busy the
        machine was.

    Raises:
        ValueError: an unknown axis.
    """
    if axis not in AXES:
        raise ValueError(f"axis {axis!r} is unknown: choose one of {', '.join(AXES)}")
    points = points or AXES[axis]
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(), watched() as machine:
            seconds = (
                run_seconds(method, preset, points) if axis == "steps" else step_seconds(method, axis, preset, points)
            )
    finally:
        torch.set_num_threads(before)
    call = f"from gritlib.bench.growth import alone; alone{(method, axis, preset, tuple(points))}"
    mib = in_fresh_process(call, threads)["mib"]
    x = [side * side for side in points] if axis == "pixels" else list(points)
    row = {"method": method, "axis": axis, "preset": preset, "threads": threads, "points": list(points), "x": x}
    row |= {"seconds": [short(value) for value in seconds], "mib": mib, "seconds_power": power(x, seconds)}
    return row | {"mib_power": power(x, mib) if min(mib) > 0 else None, **machine}


def step_seconds(method: str, axis: str, preset: str, points: tuple[int, ...]) -> list[float]:
    """Median seconds of a step at each point."""
    arms = {}
    for point in points:
        ours = at(method, axis, preset, point)
        arms[str(point)] = lambda i, ours=ours: full_step(ours, i)
    in_turns(arms, 1, 0.0, torch.device("cpu"))  # warms up
    times = in_turns(arms, FEWEST + 2, 60.0, torch.device("cpu"))
    return [statistics.median(wall for wall, _ in times[str(point)]) for point in points]


def run_seconds(method: str, preset: str, points: tuple[int, ...]) -> list[float]:
    """Seconds that optimisation takes in a run of each length."""
    run(method, preset, points[0])  # warms up
    return [point / run(method, preset, point).steps_per_second for point in points]


def run(method: str, preset: str, steps: int):
    made, batch, chosen = changed(method, preset, IMAGES, SIDE)
    return fit(made, Same(batch), config=settings(chosen), steps=steps, progress=False)


def settings(chosen: Preset):
    """On the CPU in float32, so that every machine measures the same."""
    return replace(chosen.training, batch_size=IMAGES, precision="fp32", device="cpu")


def changed(method: str, preset: str, images: int, side: int) -> tuple:
    """As `setting`, with images of another side: the same ones, enlarged pixel by pixel."""
    made, batch, chosen = setting(method, preset, images, made=True)
    return made, {key: resized(batch[key], side) for key in "AB"}, chosen


def resized(images: Tensor, side: int) -> Tensor:
    return F.interpolate(images, (side, side), mode="nearest")


def at(method: str, axis: str, preset: str, point: int):
    """The trainer of one point of an axis of single steps."""
    images, side = (point, SIDE) if axis == "images" else (IMAGES, point)
    made, batch, chosen = changed(method, preset, images, side)
    return trainer(made, batch, chosen, "fp32", "cpu")


def alone(method: str, axis: str, preset: str, points: tuple[int, ...]) -> None:
    """What the fresh process does: print the largest memory in MiB above the first at each point."""
    run(method, "smoke", 1)
    idle, found = resident(), []
    for point in points:
        if axis == "steps":
            run(method, preset, point)
        else:
            ours = at(method, axis, preset, point)
            for i in range(2):
                full_step(ours, i)
            del ours
        found.append(round(resident() - idle, 1))
    print(json.dumps({"mib": found}))
