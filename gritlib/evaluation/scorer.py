"""One number of a method on a few held-out images: what `keep_best` chooses a checkpoint by."""

from collections.abc import Callable

import torch

from gritlib.evaluation.scoreboard import PIXEL, Scoreboard
from gritlib.methods import Method

CHUNK = 32  # images at once; a seed's noise depends on it, as in `evaluate`
GROUP = {**dict.fromkeys(PIXEL, "pixel"), "spectrum_gap": "spectrum"}


def scorer(source, metric: str, images: int = 64) -> Callable[[Method], float]:
    """A function method -> score, for `fit(keep_best=metric, score=...)`.

    Outputs have the mean style, which owes nothing to the truth, and noise of seed 0, the same at every call.

    Args:
        source: a split that is not trained on. metric: L1, PSNR, SSIM or spectrum_gap. images: spread evenly over the
            source; all of them where it has fewer.

    Raises:
        ValueError: another metric, no images, or a comparison with truths on a set without pairs.
    """
    if metric not in GROUP:
        raise ValueError(f"metric {metric!r} is unknown: choose one of {', '.join(GROUP)}")
    if images < 1 or len(source) == 0:
        raise ValueError(f"{images} images of {len(source)} cannot be scored: one or more are needed")
    if not source.paired and GROUP[metric] == "pixel":
        raise ValueError(f"{metric} compares with truths, and {source.name}/{source.split} has no pairs")
    chosen = torch.linspace(0, len(source) - 1, min(images, len(source))).long().tolist()

    @torch.no_grad()
    def score(method: Method) -> float:
        board, device = Scoreboard((GROUP[metric],)), next(method.parameters()).device
        for i in range(0, len(chosen), CHUNK):
            batch = source.batch(chosen[i : i + CHUNK])
            out = method.translate(batch["A"].to(device), style=None, noise=i)
            board.update(out.image.clamp(-1, 1).cpu(), batch["B"])
        return board.scores()[metric]

    return score
