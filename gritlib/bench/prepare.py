"""What a measured step begins with: a method with its first weights, the one batch of all its steps, and the trainer
that `fit` would use; and how much memory such steps take."""

import json
from dataclasses import replace

import torch
from torch import Tensor

from gritlib import presets
from gritlib.data import catalog, grove
from gritlib.methods import METHODS, Method
from gritlib.studies.stopwatch import Coin, Same, full_step, in_fresh_process, resident
from gritlib.training.device import peak_memory
from gritlib.training.fit import Trainer

LABELS = 35  # classes of a made label map: those of Cityscapes


class Made(Same):
    """A source of one batch of smooth noise, or of a map of square regions for a method that learns from label maps."""

    name, paired, out_channels = "made", True, 3

    def __init__(self, size: int, images: int, labels: int = 0):
        g = torch.Generator().manual_seed(0)
        coarse = torch.rand(2, images, 3, size // 8, size // 8, generator=g)
        pair = [torch.nn.functional.interpolate(x, (size, size), mode="bicubic").clamp(0, 1) * 2 - 1 for x in coarse]
        if labels:
            regions = torch.randint(labels, (images, size // 16, size // 16), generator=g)
            regions = regions.repeat_interleave(16, 1).repeat_interleave(16, 2)
            pair[0] = torch.nn.functional.one_hot(regions, labels).permute(0, 3, 1, 2).float().contiguous()
        super().__init__({"A": pair[0], "B": pair[1]})
        self.size, self.in_channels, self.classes = size, labels or 3, tuple(map(str, range(labels))) or None


def setting(
    name: str, preset: str, images: int | None = None, made: bool = False
) -> tuple[Method, dict[str, Tensor], presets.Preset]:
    """A method with its first weights, and the batch of all its steps.

    Args:
        preset: `paper` has a made batch, of one image; the others the dataset of the lesson. images: in the batch,
            instead of the preset's. made: a made batch of the same shape at every preset, where memory is measured:
            decoding a dataset takes more than a small step.
    """
    chosen, view = presets.get(name, preset), METHODS[name].view
    count = images or (1 if preset == "paper" else chosen.training.batch_size)
    if made or preset == "paper":
        mapped = {"paper": LABELS if name.startswith(("spade", "pix2pixhd")) else 0}
        source = Made(chosen.size, count, mapped.get(preset, 0 if view else len(grove.CLASSES)))
        batch = source.images
    else:
        source = catalog.load("earth" if view else "grove", "train", chosen.size, **view)
        indices = [i % len(source) for i in range(count)]
        batch = source.batch(indices, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    return METHODS[name](chosen.method.fit_to(source)), batch, chosen


def trainer(method: Method, batch: dict, chosen: presets.Preset, precision: str, device: str) -> Trainer:
    """As `fit` has it, at the first learning rate for as long as anybody measures."""
    where = "auto" if device == "cuda" else "cpu"
    own = {"steps": 10**6, "batch_size": len(batch["B"]), "precision": precision, "device": where, "minutes": None}
    return Trainer(method.train(), Same(batch), replace(chosen.training, **own), None, None)


def peak(name: str, preset: str, images: int, device: str, precision: str, threads: int) -> int:
    """MiB that two steps take in a process of their own beyond what it had before."""
    call = f"from gritlib.bench.prepare import alone; alone{(name, preset, images, device, precision)}"
    both = in_fresh_process(call, threads)
    return round(both["peak"] - both["idle"])


def alone(name: str, preset: str, images: int, device: str, precision: str) -> None:
    """What a fresh process does: print its largest memory in MiB before and after two steps, the second of which has
    the optimisers' state. Before means: everything imported, and a step of a tiny network taken."""
    with Coin(0.0):  # FastCUT's dearer case
        full_step(trainer(*setting(name, "smoke", 1, made=True), precision, device), 0)
        idle = resident() if device == "cpu" else 0.0
        ours = trainer(*setting(name, preset, images, made=True), precision, device)
        for i in range(2):
            full_step(ours, i)
    print(json.dumps({"idle": idle, "peak": peak_memory(torch.device(device)) if device == "cuda" else resident()}))
