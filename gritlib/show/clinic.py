"""The bug clinic in a notebook: a student's six runs, each with its curves over those of the healthy run on the same
dataset, and its outputs beside the healthy run's last ones. No name, title or description tells what was planted.
"""

from collections.abc import Mapping

import numpy as np

from gritlib.show.figures import COLOURS, DASHES, blank, pictures, present
from gritlib.studies.clinic import CURVES, Log, drawn, healthy

# Title -> its curves; three rows: the losses, what the networks do with held-out images, what moves G.
PANELS: dict[str, tuple[str, ...]] = {
    "D_real, D_fake": ("D_real", "D_fake"),
    "adv": ("adv",),
    "L1, held_out (0-255)": ("L1", "held_out"),
    "G_listens (0-255)": ("G_listens",),
    "D_looks (logits)": ("D_looks",),
    "gap (ln power)": ("gap",),
    "pull (times L1's)": ("pull",),
    "update (a step)": ("update",),
    "left (share)": ("left",),
}
LOGARITHMIC = ("pull", "update")
SMOOTH = 5  # points in the moving average that is drawn


def ward(student: str, places: int = 4) -> None:
    """Show the six runs of a student: for each the curves, then the outputs.

    Args:
        student: the id that decides which runs, and in which order. places: rows of pictures, 1 to 4.
    """
    logs = drawn(student)
    ranges = limits([*logs.values(), *(healthy(log.dataset) for log in logs.values())])
    for letter, log in logs.items():
        reference = healthy(log.dataset)
        present(draw_run(letter, log, reference, ranges), describe(letter, log, reference))
        rows, titles = compared(log, reference)
        pictures(
            rows[:places],
            titles,
            alt=f"Run {letter}, {log.dataset}: unseen inputs, one a row, with the outputs after "
            f"{', '.join(map(str, log.steps))} steps, the last outputs of the healthy run, and the truths.",
        )


def limits(logs: list[Log]) -> dict[str, tuple[float, float]]:
    """Panel title -> lowest and highest value that is drawn in any run: the same axes for all."""
    found = {}
    for title, names in PANELS.items():
        values = np.concatenate([smooth(log.curves[name]) for log in logs for name in names])
        found[title] = (float(values.min()), float(values.max()))
    return found


def smooth(values: list[float]) -> np.ndarray:
    """Centred moving average, over fewer points at the ends."""
    ones = np.ones(min(SMOOTH, len(values)))
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")


def draw_run(letter: str, log: Log, reference: Log, ranges: Mapping[str, tuple[float, float]]):
    """The figure of one run: a panel for each entry of `PANELS`, the healthy run dotted and grey."""
    figure = blank(9.6, 6.4)
    figure.suptitle(f"Run {letter}: {log.dataset} (grey, dotted: the healthy run on {log.dataset})", fontsize=10)
    for number, (title, names) in enumerate(PANELS.items()):
        axes = figure.add_subplot(3, 3, number + 1)
        for i, name in enumerate(names):
            steps, style = log.curves["step"], {"color": COLOURS[i], "linestyle": DASHES[i], "label": name}
            axes.plot(reference.curves["step"], smooth(reference.curves[name]), color="0.55", lw=1.4, ls=":")
            axes.plot(steps, smooth(log.curves[name]), lw=1.6, **style)
        low, high = ranges[title]
        if names[0] in LOGARITHMIC:
            axes.set_yscale("log")
            axes.set_ylim(low / 1.5, high * 1.5)
        else:
            room = 0.06 * (high - low) or 1.0
            axes.set_ylim(low - room, high + room)
        if len(names) > 1:
            axes.legend(fontsize=7)
        axes.set_title(title, fontsize=9)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.tight_layout()
    return figure


def describe(letter: str, log: Log, reference: Log) -> str:
    """The curves in words: their means over the first, second and last third, and the healthy run's."""

    def thirds(run: Log, name: str) -> str:
        return ", ".join(f"{run.mean(name, i / 3, (i + 1) / 3):.3g}" for i in range(3))

    told = [f"{name} {thirds(log, name)} (healthy {thirds(reference, name)})" for name in CURVES]
    return (
        f"Run {letter} on {log.dataset}, curves over {log.curves['step'][-1]:.0f} steps: means over the first, second "
        f"and last third, in brackets those of the healthy run. {'; '.join(told)}."
    )


def compared(log: Log, reference: Log) -> tuple[list[list[np.ndarray]], list[str]]:
    """Rows of pictures, one a place: input, outputs of this run, last output of the healthy run, truth; and titles."""
    inputs, *outputs, truths = log.strip()
    usual = reference.strip()[len(reference.steps)]
    titles = ["input", *(f"step {step}" for step in log.steps), f"healthy, {reference.steps[-1]}", "truth"]
    return [list(row) for row in zip(inputs, *outputs, usual, truths, strict=True)], titles
