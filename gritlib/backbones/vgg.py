"""VGG (Simonyan & Zisserman 2015) as a source of features: for the perceptual loss, LPIPS' formula, SIFID.

Two networks, named in every result:

| name  | layers                      | weights                              | input                                   |
|-------|-----------------------------|--------------------------------------|-----------------------------------------|
| vgg16 | relu1_2, 2_2, 3_3           | the authors', fp16, embedded, 3.5 MB | Caffe's: BGR, 0 to 255, mean colour off |
| vgg19 | relu1_1, 2_1, 3_1, 4_1, 5_1 | torchvision's, fetched, 575 MB       | RGB, ImageNet's mean and deviation      |

vgg19 with the weights 1/32, 1/16, 1/8, 1/4, 1 is SPADE's and pix2pixHD's choice (they feed it images in [-1, 1] as they
are; here they are preprocessed, as the network was trained). vgg16 stops at relu3_3, so that the file stays small; its
origin stands in assets/NOTICE.md.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from gritlib.backbones.base import FeatureNet, fill, frozen, read_weights

ASSET = Path(__file__).parent / "assets" / "vgg16_caffe_relu3_3_fp16.npz"
BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}  # convolutions of a block
WIDTHS = (64, 128, 256, 512, 512)
CAFFE_MEAN = (103.939, 116.779, 123.68)  # blue, green, red of ImageNet, 0 to 255
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG(FeatureNet):
    """VGG16 or VGG19 up to its last tap.

    Args:
        name: "vgg16" or "vgg19". taps: (block, convolution), counted from 1, whose activations after ReLU are returned,
            in order. weights: of the taps. caffe: preprocessing of the original weights, else torchvision's.
    """

    def __init__(self, name: str, taps: tuple[tuple[int, int], ...], weights: tuple[float, ...], caffe: bool):
        super().__init__()
        self.name = f"{name.upper()}-relu{taps[-1][0]}_{taps[-1][1]}"
        self.taps, self.weights, self.caffe = taps, weights, caffe
        self.convs, channels = nn.ModuleDict(), 3
        for block, (count, width) in enumerate(zip(BLOCKS[name], WIDTHS, strict=True), 1):
            for number in range(1, count + 1):
                if (block, number) <= taps[-1]:
                    self.convs[f"{block}_{number}"] = nn.Conv2d(channels, width, 3, padding=1)
                    channels = width
        mean, std = (CAFFE_MEAN, (1.0,) * 3) if caffe else (IMAGENET_MEAN, IMAGENET_STD)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def preprocess(self, images: Tensor) -> Tensor:
        if self.caffe:
            return (images.flip(1) + 1) * 127.5 - self.mean
        return ((images + 1) / 2 - self.mean) / self.std

    def forward(self, prepared: Tensor) -> list[Tensor]:
        h, found = prepared, []
        for key, conv in self.convs.items():
            block, number = map(int, key.split("_"))
            if number == 1 and block > 1:
                h = nn.functional.max_pool2d(h, 2)
            h = conv(h).relu()
            if (block, number) in self.taps:
                found.append(h)
        return found


@frozen
def vgg16() -> VGG:
    """The embedded VGG16 up to relu3_3. The weights of its three layers double from one to the next, as SPADE's do, and
    are divided by 127.5: Caffe's input goes from 0 to 255 where the papers' goes from -1 to 1 (course decision)."""
    import numpy as np

    net = VGG("vgg16", ((1, 2), (2, 2), (3, 3)), tuple(w / 127.5 for w in (1 / 4, 1 / 2, 1)), caffe=True)
    with np.load(ASSET) as file:
        state = {name: torch.from_numpy(file[name]) for name in file.files}
    names = {}
    for key in net.convs:
        block, number = key.split("_")
        names |= {f"convs.{key}.{part}": f"block{block}_conv{number}_{part[0]}" for part in ("weight", "bias")}
    fill(net, state, names, ASSET)
    return net


@frozen
def vgg19(path: str | Path) -> VGG:
    """VGG19 as SPADE uses it, from torchvision's weights file.

    Args:
        path: file of a state dict with keys "features.0.weight" and so on.

    Raises:
        FileNotFoundError: no such file. ValueError: the file's tensors do not fit, naming the first that does not.
    """
    taps = ((1, 1), (2, 1), (3, 1), (4, 1), (5, 1))
    net = VGG("vgg19", taps, (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0), caffe=False)
    names = {}
    for i, key in enumerate(net.convs):
        # torchvision counts convolutions, ReLUs and poolings in one sequence
        place = 2 * i + int(key.split("_")[0]) - 1
        names |= {f"convs.{key}.{part}": f"features.{place}.{part}" for part in ("weight", "bias")}
    fill(net, read_weights(path), names, path)
    return net
