"""LPIPS (Zhang et al. 2018) with AlexNet, as papers report it: version 0.1, from the authors' package `lpips`.

The package holds the linear heads; its trunk, torchvision's AlexNet, it would download by itself. Here the trunk's file
is given. Only this network's distances may be called LPIPS: the same formula on other features is another distance.
"""

import warnings
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from gritlib.backbones.base import Frozen, check_rgb, fill, frozen, read_weights

FILE = "alexnet-owt-7be5be79.pth"
LEAST = 31  # pixels; AlexNet's poolings leave nothing of less
ROOM = 1e-3  # rounding beyond [-1, 1] that is let through


class LPIPSAlex(Frozen):
    """Distance of pairs of images.

    Args:
        net: the package's module.
    """

    name = "LPIPS-Alex"
    published: ClassVar = {"distance": "LPIPS (AlexNet)"}

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """a, b: (B, 3, H, W) in [-1, 1], 31 pixels or more a side -> (B,).

        Raises:
            ValueError: other shapes, sizes or values.
        """
        for images in (a, b):
            check_rgb(images, self.name)
            low, high = (round(v.item(), 3) for v in images.detach().aminmax())
            if not (low >= -1 - ROOM and high <= 1 + ROOM):
                raise ValueError(f"{self.name} takes images in [-1, 1], these go from {low} to {high}")
            if min(images.shape[2:]) < LEAST:
                raise ValueError(f"{self.name} needs {LEAST} pixels a side, these have {tuple(images.shape[2:])}")
        if a.shape != b.shape:
            raise ValueError(f"{self.name} compares pairs: {tuple(a.shape)} and {tuple(b.shape)} differ")
        return self.net(a, b).flatten()


@frozen
def lpips_alex(path: str | Path) -> LPIPSAlex:
    """LPIPS with AlexNet's weights from torchvision's file.

    Args:
        path: of alexnet-owt-7be5be79.pth.

    Raises:
        FileNotFoundError: no such file. ValueError: the file's tensors do not fit.
    """
    import lpips

    state = read_weights(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package builds torchvision's network in an older way
        net = lpips.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
    # the package cuts "features" into slices and keeps the numbers: net.slice2.3.weight is features.3.weight
    trunk = [key for key in net.state_dict() if key.startswith("net.slice")]
    fill(net, state, {key: f"features.{key.split('.', 2)[2]}" for key in trunk}, path)
    return LPIPSAlex(net)
