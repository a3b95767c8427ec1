"""Scores of outputs against truths that arrive batch by batch, so that a test set need not fit in memory.

| group        | scores                                                                                    |
|--------------|-------------------------------------------------------------------------------------------|
| pixel        | L1 (0 to 255), PSNR (dB), SSIM: of each image, then the mean                              |
| spectrum     | spectrum_gap above half of Nyquist, spectrum_distance, lattice (ln power; 0 is right)     |
| colour       | colour_overlap, 1 is best                                                                 |
| patches      | SWD: sliced Wasserstein distance of the finest pyramid level, first 256 images            |
| perceptual   | LPIPS, or the perceptual distance of the network that is named                            |
| distribution | KID; from 300 images on also the Fréchet distance, precision and recall (FID: 1,000)      |
| segmentation | does a segmenter find the label map in the output: pixel and class accuracy, two mean IOUs |

Scores that depend on a network carry its name; a Fréchet distance on other features than FID's is not called FID.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gritlib import backbones, metrics
from gritlib.backbones.segmenter import CLASSES, segmenter
from gritlib.metrics.colour import ColourHistogram
from gritlib.metrics.pixel import check_pair

PIXEL = {"L1": metrics.l1_255, "PSNR": metrics.psnr, "SSIM": metrics.ssim}
ENOUGH, WIDE = 300, 1000  # images for a Fréchet distance in 24 dimensions, and in a published network's 2,048
NEIGHBOURS = 3


class Pixel:
    """Mean over images of scores that each image has."""

    def __init__(self):
        self.values = {name: [] for name in PIXEL}

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        for name, metric in PIXEL.items():
            self.values[name].append(metric(images, targets).cpu())

    def scores(self) -> dict[str, float]:
        return {name: torch.cat(values).mean().item() for name, values in self.values.items()}

    def settings(self) -> dict:
        return {"pixel": "per image, then the mean; SSIM: Gaussian window of 11, sigma 1.5"}


class Spectrum:
    """Mean spectrum of the outputs against that of the truths."""

    def __init__(self):
        self.images, self.targets = metrics.MeanSpectrum(), metrics.MeanSpectrum()

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        self.images.update(images)
        self.targets.update(targets)

    def scores(self) -> dict[str, float]:
        both = self.images, self.targets
        named = {"spectrum_gap": metrics.high_frequency_gap, "spectrum_distance": metrics.spectrum_distance}
        if self.images.side % 8 == 0:  # else the periods do not fit
            named["lattice"] = metrics.lattice
        return {name: metric(*both) for name, metric in named.items()}

    def settings(self) -> dict:
        return {"spectrum": "gap: rings from 0.5 to 1 of Nyquist; lattice: periods 2, 4 and 8"}


class Colour:
    """Colour histograms."""

    def __init__(self):
        self.images, self.targets = ColourHistogram(), ColourHistogram()

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        self.images.update(images)
        self.targets.update(targets)

    def scores(self) -> dict[str, float]:
        return {"colour_overlap": metrics.colour_overlap(self.images, self.targets)}

    def settings(self) -> dict:
        return {"colour": "CIELAB, bins of 2 units"}


class Patches:
    """Patches of the Laplacian pyramid, of the first images only: they are kept until the end."""

    LIMIT = 256

    def __init__(self):
        self.images, self.targets = metrics.PatchBank(), metrics.PatchBank()

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        room = self.LIMIT - self.images.n
        if room > 0:
            self.images.update(images[:room].cpu())
            self.targets.update(targets[:room].cpu())

    def scores(self) -> dict[str, float]:
        return {"SWD": metrics.sliced_wasserstein(self.images, self.targets)[0]}

    def settings(self) -> dict:
        return {"SWD": {"images": self.images.n, "patches": 128, "size": 7, "projections": 512, "level": "finest"}}


class Perceptual:
    """Distance of two images to a network."""

    def __init__(self, network: str = "auto"):
        self.net, self.values = backbones.distance(network), []
        self.name = backbones.title("distance", self.net)

    @torch.no_grad()
    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        net = self.net.to(images.device)
        if isinstance(net, backbones.FeatureNet):
            found = metrics.perceptual_distance(net.features(images), net.features(targets))
        else:
            found = net(images, targets)
        self.values.append(found.flatten().cpu())

    def scores(self) -> dict[str, float]:
        return {self.name: torch.cat(self.values).mean().item()}

    def settings(self) -> dict:
        return {"perceptual": self.net.name}


class Distribution:
    """Features of the outputs and of the truths as two sets, whatever belongs to what."""

    def __init__(self, network: str = "auto", frechet: str = "auto"):
        self.nets = backbones.embedding(network), backbones.embedding(frechet, "frechet")
        self.found: dict[str, tuple[list, list]] = {net.name: ([], []) for net in self.nets}

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        for net in {net.name: net for net in self.nets}.values():
            for kept, batch in zip(self.found[net.name], (images, targets), strict=True):
                kept.append(net.embed(batch).cpu())

    def scores(self) -> dict[str, float]:
        kernel, frechet = self.nets
        fake, real = (torch.cat(part) for part in self.found[kernel.name])
        result = {backbones.title("kernel", kernel): metrics.kid(fake, real)}
        if len(fake) >= (ENOUGH if frechet.dim < 100 else WIDE):
            precision, recall = metrics.precision_recall(real, fake, NEIGHBOURS)
            fake, real = (torch.cat(part) for part in self.found[frechet.name])
            result |= {backbones.title("frechet", frechet): metrics.frechet_distance(fake, real)}
            result |= {"precision": precision, "recall": recall}
        return result

    def settings(self) -> dict:
        kernel, frechet = self.nets
        return {"kernel": kernel.name, "frechet": frechet.name, "precision_recall": f"{kernel.name}, k = {NEIGHBOURS}"}


class Segmentation:
    """Labels that the course's segmenter finds in the outputs."""

    def __init__(self, dataset: str):
        self.net, self.counts = segmenter(dataset), 0

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None) -> None:
        if label is None:
            raise ValueError("segmentation scores need the label maps of the images")
        found = self.net.to(images.device).labels(images)
        self.counts = self.counts + metrics.confusion(found.cpu(), label.cpu(), CLASSES[self.net.dataset])

    def scores(self) -> dict[str, float]:
        return metrics.segmentation_scores(self.counts)

    def settings(self) -> dict:
        return {"segmenter": self.net.name}


GROUPS = {
    "pixel": Pixel,
    "spectrum": Spectrum,
    "colour": Colour,
    "patches": Patches,
    "perceptual": Perceptual,
    "distribution": Distribution,
    "segmentation": Segmentation,
}
RGB = ("colour", "perceptual", "distribution", "segmentation")
PAIRED = {"pixel", "perceptual"}  # image by image with its truth


class Scoreboard:
    """Several groups of scores of the same images.

    Args:
        groups: names from `GROUPS`. options: group -> keyword arguments, such as {"perceptual": {"network": "vgg16"}};
            "segmentation" needs {"dataset": name}.

    Raises:
        ValueError: unknown groups.
    """

    def __init__(self, groups: Sequence[str] = ("pixel", "spectrum"), **options: dict):
        unknown = [name for name in [*groups, *options] if name not in GROUPS]
        if unknown:
            raise ValueError(f"scores {', '.join(unknown)} are unknown: choose from {', '.join(GROUPS)}")
        self.groups, self.n = {name: GROUPS[name](**options.get(name, {})) for name in groups}, 0

    def update(self, images: Tensor, targets: Tensor, label: Tensor | None = None) -> "Scoreboard":
        """Add outputs and their truths, (B, C, H, W) in [-1, 1], and where they have them label maps (B, H, W).

        Raises:
            ValueError: shapes that differ, values outside [-1, 1].
        """
        check_pair(images, targets)
        for group in self.groups.values():
            group.update(images, targets, label)
        self.n += len(images)
        return self

    def scores(self) -> dict[str, float]:
        """All scores so far."""
        return {name: value for group in self.groups.values() for name, value in group.scores().items()}

    def settings(self) -> dict:
        """What the numbers depend on beside the images."""
        return {name: value for group in self.groups.values() for name, value in group.settings().items()}


def suited(source) -> tuple[str, ...]:
    """The groups that a `Source` allows: networks look at RGB, a segmenter knows its own dataset, sides must
    halve, a set has several images, and what compares with a truth needs one."""
    left_out = set() if source.out_channels == 3 else set(RGB)
    if not source.paired:
        left_out |= PAIRED
    if not (source.classes and source.name in CLASSES and source.size % 16 == 0):
        left_out.add("segmentation")
    side = source.size
    while side >= 32 and side % 2 == 0:
        side //= 2
    if side >= 32:
        left_out.add("patches")
    if source.size < 32:
        left_out.add("perceptual")  # LPIPS' network needs 31 pixels
    if len(source) <= NEIGHBOURS:
        left_out.add("distribution")
    return tuple(name for name in GROUPS if name not in left_out)


def networks(which: str = "auto") -> dict[str, dict]:
    """Options of `Scoreboard`: which networks judge, "auto", "offline" (they come with the package) or "papers".

    Raises:
        ValueError: another word.
    """
    chosen = {
        "auto": ("auto", "auto", "auto"),
        "offline": ("vgg16", "lite0", "lite0-24"),
        "papers": ("lpips-alex", "inception", "inception"),
    }
    if which not in chosen:
        raise ValueError(f"networks {which!r} are unknown: choose one of {', '.join(chosen)}")
    distance, kernel, frechet = chosen[which]
    return {"perceptual": {"network": distance}, "distribution": {"network": kernel, "frechet": frechet}}
