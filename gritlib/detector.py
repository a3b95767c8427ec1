"""Can a detector tell generated images from real ones by their spectrum? Logistic regression on 32 numbers an image.

Generated images have given themselves away by their high frequencies (Durall et al. 2020). This is the smallest
detector of that kind, with what a reader must know of it: the interval of its accuracy on images that it has not seen,
and what blur or JPEG leave of it.
"""

import io
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gritlib.data.images import to_uint8
from gritlib.data.source import to_float
from gritlib.metrics.spectrum import FLOOR, radial_spectrum
from gritlib.quiz import wilson
from gritlib.show.widgets import blur

BINS = 32
PENALTY = 1.0  # of the squared weights, ½·PENALTY·‖w‖² beside the sum of the log losses
NOTE = (
    "The interval takes images as independent draws. Tiles of one scene are not: they share their light, their season "
    "and their camera, and all fakes come from one network. What holds for another scene, another network, or after "
    "another resizing or compression, this number does not say."
)


class Detector(NamedTuple):
    """Weights of the logistic regression, and the mean and deviation of the training half: (bins,) float64 each."""

    weight: Tensor
    bias: float
    mean: Tensor
    std: Tensor

    def logits(self, images: Tensor) -> Tensor:
        """(N, C, H, W) -> (N,): above 0 the image is taken for generated."""
        return ((features(images, len(self.weight)) - self.mean) / self.std) @ self.weight + self.bias


class Score(NamedTuple):
    """How a detector does on images that it has not seen. ap is the average precision, with the fakes as what is
    looked for; caught the share of fakes and accused the share of real images that are taken for generated."""

    accuracy: float
    low: float
    high: float
    ap: float
    caught: float
    accused: float
    images: int


def features(images: Tensor, bins: int = BINS) -> Tensor:
    """ln power in rings of equal width from just above the mean brightness up to Nyquist.

    Images are rounded to 8 bits first, as files are: else the rounding of the real ones would give them away.

    Args:
        images: (N, C, S, S) in [-1, 1]; S must be 2·bins or more.

    Returns:
        (N, bins) float64.

    Raises:
        ValueError: another shape, or images too small for so many rings.
    """
    if images.ndim != 4 or images.shape[-1] < 2 * bins:
        raise ValueError(f"images of shape {tuple(images.shape)}: {bins} rings need (N, C, S, S) with S >= {2 * bins}")
    images = to_float(to_uint8(images))
    frequency = radial_spectrum(images[:1])[0]
    ring = (frequency * bins).ceil().long() - 1  # ring 0 of the spectrum, the mean brightness, is in no bin
    inside = (ring >= 0) & (ring < bins)
    counts = torch.zeros(bins, dtype=torch.float64).index_add(0, ring[inside], torch.ones(int(inside.sum())).double())
    power = torch.stack([radial_spectrum(image[None])[1] for image in images])
    sums = torch.zeros(len(images), bins, dtype=torch.float64).index_add(1, ring[inside], power[:, inside])
    return (sums / counts).clamp(min=FLOOR).log()


def train(real: Tensor, fake: Tensor, bins: int = BINS) -> Detector:
    """Fit the regression.

    Args:
        real, fake: (N, C, S, S) and (M, C, S, S) in [-1, 1], two or more of each.

    Raises:
        ValueError: fewer images, or images too small.
    """
    if min(len(real), len(fake)) < 2:
        raise ValueError(f"{len(real)} real and {len(fake)} generated images: a detector needs two or more of each")
    x = torch.cat([features(real, bins), features(fake, bins)])
    y = torch.cat([torch.zeros(len(real)), torch.ones(len(fake))]).double()
    mean, std = x.mean(0), x.std(0).clamp(min=1e-9)
    x = (x - mean) / std
    w = torch.zeros(bins + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w], max_iter=500, tolerance_grad=1e-9, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        misfit = torch.nn.functional.binary_cross_entropy_with_logits(x @ w[:-1] + w[-1], y, reduction="sum")
        value = misfit + PENALTY / 2 * w[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return Detector(w[:-1].detach(), w[-1].item(), mean, std)


def score(detector: Detector, real: Tensor, fake: Tensor) -> Score:
    """Accuracy with its 95 % interval, average precision, and the share of each kind that is taken for generated.

    Args:
        real, fake: images that the detector has not seen, one or more of each; as many of both, or the accuracy
            says mostly how the larger part does.
    """
    return judged(detector.logits(real), detector.logits(fake))


def judged(real: Tensor, fake: Tensor) -> Score:
    """A `Score` from logits, (N,) and (M,)."""
    accused, caught = int((real > 0).sum()), int((fake > 0).sum())
    right, n = len(real) - accused + caught, len(real) + len(fake)
    low, high = wilson(right, n)
    return Score(right / n, low, high, average_precision(real, fake), caught / len(fake), accused / len(real), n)


def average_precision(real: Tensor, fake: Tensor) -> float:
    """Σ (R_k − R_{k−1})·P_k over falling thresholds, the fakes being what is looked for; equal scores count at once.

    1 is a perfect order. Guessing gives the share of fakes.
    """
    scores = torch.cat([real, fake]).double()
    positive = torch.cat([torch.zeros(len(real)), torch.ones(len(fake))]).double()
    levels, place = scores.unique(return_inverse=True)
    zero = torch.zeros(len(levels), dtype=torch.float64)
    found = zero.index_add(0, place, positive).flip(0)  # fakes at each threshold, from the highest
    taken = zero.index_add(0, place, torch.ones_like(scores)).flip(0)
    precision = found.cumsum(0) / taken.cumsum(0)
    return (found / found.sum() * precision).sum().item()


def detect(real: Tensor, fake: Tensor, bins: int = BINS) -> tuple[Detector, Score]:
    """Train on the first half of the images and score on the second.

    The halves are not shuffled: neighbouring tiles of a scene stay in one half but for those at the border, and a
    place's real and generated image always do.

    Args:
        real, fake: (N, C, S, S) each, in the order of the source, four or more.

    Raises:
        ValueError: unequal numbers, or fewer than four.
    """
    if len(real) != len(fake) or len(real) < 4:
        raise ValueError(f"{len(real)} real and {len(fake)} generated images: needed are as many of both, 4 or more")
    half = len(real) // 2
    detector = train(real[:half], fake[:half], bins)
    return detector, score(detector, real[half:], fake[half:])


def jpeg(images: Tensor, quality: int) -> Tensor:
    """Images written as JPEG and read again.

    Args:
        images: (N, 1 or 3, H, W) in [-1, 1]. quality: 1 to 95.
    """
    read = []
    for pixels in to_uint8(images):
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, format="JPEG", quality=quality)
        read.append(np.asarray(Image.open(file)))
    return to_float(np.stack(read))[:, : images.shape[1]]


ATTACKS: dict[str, Callable[[Tensor], Tensor]] = {
    "as made": lambda images: images,
    "blur σ 0.5": lambda images: blur(images, 0.5),
    "blur σ 1": lambda images: blur(images, 1.0),
    "JPEG 90": lambda images: jpeg(images, 90),
    "JPEG 50": lambda images: jpeg(images, 50),
}


def attacked(
    detector: Detector, real: Tensor, fake: Tensor, attacks: Mapping[str, Callable[[Tensor], Tensor]] = ATTACKS
) -> dict[str, dict[str, Score]]:
    """What is left of a detector when images are blurred or compressed before it sees them.

    Args:
        real, fake: images that the detector has not seen. attacks: name -> function of images (N, C, H, W).

    Returns:
        attack -> {"fakes": only the fakes were treated, as by somebody who hides them; "both": real images too, as by
        a site that compresses whatever is uploaded}.
    """
    plain, found = detector.logits(real), {}
    for name, attack in attacks.items():
        fakes = detector.logits(attack(fake))
        found[name] = {"fakes": judged(plain, fakes), "both": judged(detector.logits(attack(real)), fakes)}
    return found


def table(found: Mapping[str, Mapping[str, Score]]) -> str:
    """The result of `attacked` as Markdown, with what its interval does not say."""
    head = "| attack | treated | accuracy (95 % interval) | average precision | fakes caught | real images accused |"
    lines = [head, "|---" * 6 + "|"]
    for attack, kinds in found.items():
        for kind, s in kinds.items():
            treated = {"fakes": "the fakes", "both": "all images"}[kind]
            interval = f"{s.accuracy:.2f} ({s.low:.2f} to {s.high:.2f})"
            lines.append(f"| {attack} | {treated} | {interval} | {s.ap:.2f} | {s.caught:.0%} | {s.accused:.0%} |")
    images = next(iter(next(iter(found.values())).values())).images
    return "\n".join([*lines, "", f"{images} images a row. {NOTE}"])
