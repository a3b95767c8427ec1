"""Geometry: what can be changed without pairs (CycleGAN, section 6)? One figure, and three changes: its texture, its
outline a little (square to disc of the same area), its pose (standing to lying bar). Lesson 03's last experiment.

Networks and recipe are those of study `unpaired`, for fewer steps. The figure is found again in the output by its
darkest channel and compared with the true one and with the input's.

What came out (three seeds, directions only): of the three only the pose speaks against C11. The lying bar overlaps the
true one by an IOU of 0.71, the standing one by 0.26. The square becomes no disc: 0.88 where doing nothing has 0.83, and
one seed stays nearer to the square (0.89) than to the disc (0.85). Texture loses some of the figure itself (0.76; the
input has 1). What survives in none is the figure's colour: nothing ties it to the input's, and a cycle can be closed by
any exchange of colours.
"""

import torch
from torch import Tensor

from gritlib.data import catalog, shapes
from gritlib.data.source import Source
from gritlib.evaluation import load_all, scores, translate_all
from gritlib.metrics import l1_255
from gritlib.studies import unpaired
from gritlib.studies.runner import Study
from gritlib.training import fit

ARMS = ("cyclegan",)
STEPS = 500
FIGURES = 128  # of the test split
SHOWN = {change: {f"figure {i}": i for i in (1, 4, 5, 10)} for change in shapes.CHANGES}


def load(change: str, split: str, size: int) -> Source:
    """The shapes of one change."""
    return catalog.load("shapes", split, size, change=change, **({"n": FIGURES} if split == "test" else {}))


def iou(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two sets of masks (n, H, W), the mean over pictures; two empty masks are equal."""
    both, either = (a & b).sum((1, 2)), (a | b).sum((1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0).mean().item()


def score(images: Tensor, A: Tensor, B: Tensor) -> dict[str, float]:
    """IOU of the output's figure with the true one and with the input's, L1, and how far the output is from the
    input."""
    found = shapes.foreground(images)
    metrics = {"iou_truth": iou(found, shapes.foreground(B)), "iou_input": iou(found, shapes.foreground(A))}
    metrics |= {"L1": scores({"image": images}, B)["L1"], "moved": l1_255(images, A).mean().item()}
    return {key: round(value, 5) for key, value in metrics.items()}


def run(arm: str, dataset: str, seed: int, steps: int) -> tuple[dict, Tensor]:
    """Train one arm on one change and find its figures; "input" is the untouched input."""
    batch = load_all(load(dataset, "test", 64))
    if arm == "input":
        images = batch["A"]
    else:
        result = fit(
            unpaired.begin(arm, seed),
            load(dataset, "train", 64),
            steps=steps,
            batch_size=unpaired.BATCH,
            seed=seed,
            save_every=0,
            progress=False,
        )
        if not result.finished:
            raise KeyboardInterrupt
        images = translate_all(result.method, batch["A"], None, noise=0)["image"]
    return score(images, batch["A"], batch["B"]), images[list(SHOWN[dataset].values())]


def recipe() -> dict:
    """The settings that all runs share."""
    kept = {"size": 64, "batch_size": unpaired.BATCH, "figures": FIGURES, "shown": SHOWN}
    return {**kept, **unpaired.SHARED, **unpaired.GENERATOR}


STUDY = Study(
    name="geometry",
    claim="Texture changes without pairs, geometry does not (CycleGAN, section 6; C11): one figure, three changes.",
    arms=(*ARMS, "input"),
    datasets=tuple(SHOWN),
    seeds=(1, 2, 3),
    steps=STEPS,
    run=run,
    recipe=recipe,
    differences=("iou_truth", "iou_input", "L1", "moved"),
    shown=SHOWN,
    pictured=(1, 2),
    load=load,
    real=("input",),
)
