"""The course's own segmenter: a small U-Net that finds the label map in a photo, for the FCN-score of pix2pix' table 1.

If a generated photo shows what its label map asked for, a segmenter trained on real photos finds the map again. The
papers use FCN-8s and others trained on street scenes; this one is trained on the training split of Grove or Faces by
`data_scripts/train_segmenters.py`. Scores of two segmenters cannot be compared.
"""

import functools
from pathlib import Path

import torch
from torch import Tensor, nn

from gritlib.backbones.base import Frozen, check_rgb, frozen
from gritlib.nets import UNet

ASSETS = Path(__file__).parent / "assets"
CLASSES = {"grove": 4, "faces": 19}
WIDTH, DEPTH = 16, 4


class SegmentationNet(nn.Module):
    """RGB images (B, 3, H, W) in [-1, 1] -> logits (B, classes, H, W); sides are multiples of 16."""

    def __init__(self, classes: int):
        super().__init__()
        self.net = UNet(3, classes, WIDTH, DEPTH, norm="batch")
        self.net.head = self.net.head[:2]  # logits: no tanh

    def forward(self, images: Tensor) -> Tensor:
        return self.net(images)


class Segmenter(Frozen):
    """A trained `SegmentationNet` of one dataset."""

    def __init__(self, dataset: str):
        super().__init__()
        self.dataset, self.name = dataset, f"segmenter-{dataset}"
        self.net = SegmentationNet(CLASSES[dataset])

    @torch.no_grad()
    def labels(self, images: Tensor) -> Tensor:
        """The likeliest class of each pixel of RGB images in [-1, 1]: (B, H, W) int64.

        Raises:
            ValueError: images that are not RGB, or sides that are no multiples of 16.
        """
        check_rgb(images, self.name)
        return self.net(images).argmax(1)


@functools.lru_cache
@frozen
def segmenter(dataset: str) -> Segmenter:
    """The trained segmenter of a dataset.

    Raises:
        ValueError: a dataset without one, listing those that have one.
    """
    import numpy as np

    if dataset not in CLASSES:
        raise ValueError(f"no segmenter for {dataset!r}: there is one for {' and '.join(CLASSES)}")
    net = Segmenter(dataset)
    with np.load(ASSETS / f"segmenter_{dataset}_fp16.npz") as file:
        net.net.load_state_dict({key: torch.from_numpy(file[key]) for key in file.files})
    return net
