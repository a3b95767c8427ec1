"""The Inception network of the FID (Heusel et al. 2017): TensorFlow's Inception-V3 of 2015-12-05, with the weights that
pytorch-fid ported. Features of this network, and of no other, may be called FID and KID.

Against torchvision's Inception-V3 (Szegedy et al. 2016) it differs in the pooling beside the convolutions:

|                                  | torchvision               | here, as in TensorFlow's graph             |
|----------------------------------|---------------------------|--------------------------------------------|
| 3x3 averages in Mixed_5b … 7b    | padding is counted as 0   | only the pixels inside are averaged        |
| pooling in Mixed_7c, the last    | the same average          | 3x3 maximum                                |
| classes; auxiliary classifier    | 1000; yes                 | 1008; no (the classifier is not used here) |

Input as in pytorch-fid: resized to 299x299, bilinear, corners not aligned, no antialiasing; in [-1, 1]. pytorch-fid
reads images from 8-bit files; here they come as they are, so round them to 8 bits to repeat its number.
"""

from functools import partial
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.backbones.base import Embedding, fill, frozen, read_weights

SIZE = 299
FILE = "pt_inception-2015-12-05-6726825d.pth"
average = partial(F.avg_pool2d, kernel_size=3, stride=1, padding=1, count_include_pad=False)
maximum = partial(F.max_pool2d, kernel_size=3, stride=1, padding=1)


def pooled(block: type[nn.Module], pool) -> type[nn.Module]:
    """torchvision's block with another pooling in its last branch."""

    class Pooled(block):
        def _forward(self, x: Tensor) -> list[Tensor]:
            return [*super()._forward(x)[:-1], self.branch_pool(pool(x))]

    Pooled.__name__ = f"{block.__name__}With{pool.func.__name__}"
    return Pooled


def network() -> nn.Module:
    """The network without weights, as the file has it."""
    from torchvision.models import inception as tv

    blocks = [tv.BasicConv2d, pooled(tv.InceptionA, average), tv.InceptionB, pooled(tv.InceptionC, average)]
    blocks += [tv.InceptionD, pooled(tv.InceptionE, average), tv.InceptionAux]
    net = tv.Inception3(num_classes=1008, aux_logits=False, init_weights=False, inception_blocks=blocks)
    net.Mixed_7c = pooled(tv.InceptionE, maximum)(2048)
    return net


class InceptionFID(Embedding):
    """pool3, 2048 numbers an image.

    Args:
        net: as `network()` builds it.
    """

    name, dim = "Inception-FID", 2048
    published: ClassVar = {"frechet": "FID", "kernel": "KID"}

    def __init__(self, net: nn.Module):
        super().__init__()
        net.dropout, net.fc = nn.Identity(), nn.Identity()
        self.net = net

    def preprocess(self, images: Tensor) -> Tensor:
        return F.interpolate(images, (SIZE, SIZE), mode="bilinear", align_corners=False)

    def forward(self, prepared: Tensor) -> Tensor:
        return self.net(prepared)


@frozen
def inception(path: str | Path) -> InceptionFID:
    """The network with the weights of pytorch-fid's file.

    Args:
        path: of pt_inception-2015-12-05-6726825d.pth.

    Raises:
        FileNotFoundError: no such file. ValueError: another file, for example torchvision's Inception, whose features
            give no FID; names the first tensor that does not fit.
    """
    net, state = network(), read_weights(path)
    extra = sorted(key for key in state if key.startswith("AuxLogits."))
    if extra:
        raise ValueError(
            f"{path} has {extra[0]}: this is torchvision's Inception, whose features give no FID; use {FILE}"
        )
    names = {key: key for key in net.state_dict() if not key.endswith("num_batches_tracked")}
    fill(net, state, names, path)
    return InceptionFID(net)
