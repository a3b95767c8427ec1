"""pix2pixHD's networks (Wang et al. 2018): a generator that goes down, through residual blocks, and up again; around it
a local enhancer for twice the resolution; and an encoder whose output is averaged over each object of the image.

The label map enters once, at the first convolution, in contrast to SPADE. Sizes and order are those of the authors'
code, whose convolutions keep their biases also before instance norm, where a bias does nothing. Sides that the halvings
do not divide are padded by reflection at the right and lower border, and cropped back. "sync" and `spectral` are
pix2pixHD++'s (Park et al. 2019): spectral norm on all convolutions but the last.
"""

import torch
from torch import Tensor, nn

from gritlib.nets.blocks import full_precision, make_norm, needs_bias
from gritlib.nets.init import trained_weight
from gritlib.nets.recompute import held
from gritlib.nets.resnet import ResidualBlock, pad_to

NORMS = ("batch", "sync", "instance", "none")


class GlobalGenerator(nn.Module):
    """Label map, with whatever else stands beside it, -> image in [-1, 1] of the same size.

    Args:
        in_channels: labels, edges and features together. width: channels of the first layer, doubled `downs` times.
        downs: halvings, and doublings. blocks: residual blocks at the coarsest resolution.
        norm: "instance" (the authors'), "batch", "sync" (batch norm over all processes) or "none".
        spectral: spectral norm on all convolutions but the last.

    Raises:
        ValueError: no halving, a negative number of blocks or an unknown norm; at forward, an image too small, naming
            the smallest that works.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 3,
        width: int = 64,
        downs: int = 4,
        blocks: int = 9,
        norm: str = "instance",
        spectral: bool = False,
    ):
        super().__init__()
        self.width, self.downs = width, downs
        self.trunk = trunk(in_channels, width, downs, blocks, norm, spectral)
        self.head = head(width, out_channels)

    recompute = False  # see nets.recompute

    def forward(self, x: Tensor) -> Tensor:  # (B, in_channels, H, W) -> (B, out_channels, H, W) float32
        return cropped(through(self, filled(x, 2**self.downs), self.trunk, self.head), x)


class LocalEnhancer(nn.Module):
    """Twice the resolution of a global generator: a halving of its own, to which the global network's last features
    are added, residual blocks, a doubling. The global network sees the input halved by averaging 3x3 pixels.

    Args:
        width: channels at full resolution; the global network has twice as many. local_blocks: residual blocks of the
            enhancer. coarse: a global network, perhaps trained at half the size, of which all but the last
            convolution becomes part of this one, the same modules; it brings its own width, downs, blocks, norm and
            spectral. The others as for `GlobalGenerator`.

    Raises:
        ValueError: as for `GlobalGenerator`, or a coarse network that does not have twice the width.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 3,
        width: int = 32,
        downs: int = 4,
        blocks: int = 9,
        norm: str = "instance",
        spectral: bool = False,
        local_blocks: int = 3,
        coarse: GlobalGenerator | None = None,
    ):
        super().__init__()
        if coarse is None:
            coarse = GlobalGenerator(in_channels, out_channels, 2 * width, downs, blocks, norm, spectral)
        if coarse.width != 2 * width:
            raise ValueError(f"coarse network of width {coarse.width}: an enhancer of width {width} needs {2 * width}")
        self.downs = coarse.downs + 1
        self.coarse = coarse.trunk
        # One halving, blocks and one doubling are a small global network, opened where the coarse features come in.
        parts = list(trunk(in_channels, width, 1, local_blocks, norm, spectral))
        self.down, self.up = nn.Sequential(*parts[:2]), nn.Sequential(*parts[2:])
        self.head = head(width, out_channels)

    recompute = False  # see nets.recompute

    def forward(self, x: Tensor, fixed: bool = False) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W) float32 in [-1, 1].

        Args:
            fixed: no gradient reaches the global network, so that the enhancer alone is trained, as in its first
                epochs.
        """
        full = filled(x, 2**self.downs)
        half = nn.functional.avg_pool2d(full, 3, 2, 1, count_include_pad=False)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not fixed):
            features = through(self, half, self.coarse)
        h = through(self, full, self.down) + features
        return cropped(through(self, h, self.up, self.head), x)


class InstanceEncoder(nn.Module):
    """Image -> a few features of each pixel, averaged over each object: all pixels of one id get the same. With the
    ids of a label map they are the style of each class.

    Args:
        in_channels: of the image. features: of the output, in [-1, 1]. The others as for `GlobalGenerator`; the
            defaults are the authors'.
    """

    def __init__(
        self,
        in_channels: int = 3,
        features: int = 3,
        width: int = 16,
        downs: int = 4,
        norm: str = "instance",
        spectral: bool = False,
    ):
        super().__init__()
        self.downs = downs
        self.trunk = trunk(in_channels, width, downs, 0, norm, spectral)
        self.head = head(width, features)

    recompute = False  # see nets.recompute

    def forward(self, image: Tensor, ids: Tensor) -> Tensor:
        """(B, C, H, W), ids (B, H, W) of any integers -> (B, features, H, W). The same id in two images is two objects.

        Raises:
            ValueError: image and ids of different size, or an image that is too small.
        """
        return instance_mean(self.each_pixel(image), ids)

    def each_pixel(self, image: Tensor) -> Tensor:  # (B, C, H, W) -> (B, features, H, W)
        """The features before they are averaged."""
        return cropped(through(self, filled(image, 2**self.downs), self.trunk, self.head), image)


def instance_mean(features: Tensor, ids: Tensor) -> Tensor:
    """Every pixel's features replaced by their mean over the pixels of its image that have its id, with the gradient.

    Args:
        features: (B, F, H, W). ids: (B, H, W) integers, negative and large ones too.

    Raises:
        ValueError: sizes that differ.
    """
    b, f, h, w = features.shape
    if ids.shape != (b, h, w):
        raise ValueError(f"ids of shape {tuple(ids.shape)} for features {tuple(features.shape)}: use {(b, h, w)}")
    present, place = torch.unique(ids, return_inverse=True)
    image = torch.arange(b, device=ids.device)[:, None, None]
    place, objects = (place + image * len(present)).flatten(), b * len(present)
    values = full_precision(features).permute(0, 2, 3, 1).reshape(-1, f)
    sums = values.new_zeros(objects, f).index_add(0, place, values)
    means = sums / torch.bincount(place, minlength=objects).clamp(min=1)[:, None]
    return means[place].view(b, h, w, f).permute(0, 3, 1, 2)


def class_means(features: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
    """Mean features of each class, (B, labels, F), zero for a class that the map does not show, and which it shows,
    (B, labels) bool.

    Args:
        features: (B, F, H, W). m: (B, labels, H, W) one-hot.
    """
    pixels = m.sum((2, 3))
    sums = torch.einsum("bkhw,bfhw->bkf", m.to(features), features)
    return sums / pixels.clamp(min=1)[..., None], pixels > 0


def paint(codes: Tensor, m: Tensor) -> Tensor:
    """The code of each class on its region: (B, labels, F), m (B, labels, H, W) one-hot -> (B, F, H, W)."""
    return torch.einsum("bkf,bkhw->bfhw", codes, m.to(codes))


def edges(ids: Tensor) -> Tensor:
    """The borders of objects: 1 where one of a pixel's four neighbours has another id, on both sides of the border.

    Args:
        ids: (B, H, W) integers.

    Returns:
        (B, 1, H, W) float32.
    """
    found = torch.zeros_like(ids, dtype=torch.bool)
    for axis in (1, 2):
        n = ids.shape[axis] - 1
        differs = ids.narrow(axis, 1, n) != ids.narrow(axis, 0, n)
        found.narrow(axis, 1, n).logical_or_(differs)
        found.narrow(axis, 0, n).logical_or_(differs)
    return found[:, None].float()


def init_weights(net: nn.Module, std: float = 0.02) -> nn.Module:
    """Initialise in place as pix2pixHD's code does: convolutions N(0, std²), their biases as PyTorch leaves them, batch
    norm's weights N(1, std²). Returns the network."""
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(trained_weight(module), 0.0, std)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.normal_(module.weight, 1.0, std)
    return net


def trunk(in_channels: int, width: int, downs: int, blocks: int, norm: str, spectral: bool) -> nn.Sequential:
    """7x7 convolution, `downs` halvings, residual blocks, as many doublings: all of a generator but its head."""
    if downs < 1 or blocks < 0 or norm not in NORMS:
        choice = ", ".join(NORMS)
        raise ValueError(f"downs {downs}, blocks {blocks}, norm {norm!r}: needed are 1, 0 or more, and one of {choice}")
    kind = "batch" if norm == "sync" else norm
    bias = needs_bias(kind)

    def activated(*convolution: nn.Module, channels: int) -> nn.Sequential:
        return nn.Sequential(*convolution, make_norm(kind, channels), nn.ReLU())

    widths = [width << i for i in range(downs + 1)]
    layers = [activated(nn.ReflectionPad2d(3), nn.Conv2d(in_channels, width, 7, bias=bias), channels=width)]
    for c in widths[:-1]:
        layers.append(activated(nn.Conv2d(c, 2 * c, 3, 2, 1, bias=bias), channels=2 * c))
    layers += [ResidualBlock(widths[-1], kind) for _ in range(blocks)]
    for c in reversed(widths[1:]):
        layers.append(activated(nn.ConvTranspose2d(c, c // 2, 3, 2, 1, output_padding=1, bias=bias), channels=c // 2))
    net = nn.Sequential(*layers)
    for module in list(net.modules()) if spectral else []:
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.utils.parametrizations.spectral_norm(module)
    return nn.SyncBatchNorm.convert_sync_batchnorm(net) if norm == "sync" else net


def head(width: int, out_channels: int) -> nn.Sequential:
    """Features at full resolution -> (-1, 1)."""
    return nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(width, out_channels, 7), nn.Tanh())


def through(net: nn.Module, h: Tensor, *parts: nn.Sequential) -> Tensor:
    """One part of `net` after the other; with `recompute` each layer by itself (`held`), but the head at once."""
    for part in parts:
        for layer in part if net.recompute and part is not net.head else [part]:
            h = held(net, layer, h)
    return h


def filled(x: Tensor, multiple: int) -> Tensor:
    """Padded by reflection to sides that `multiple` divides; at the coarsest resolution 2 pixels or more must remain,
    or its reflection padding has nothing to reflect."""
    smallest, sides = max(8, multiple + 1), x.shape[-2:]
    if min(sides) < smallest:
        raise ValueError(
            f"image of {sides[0]}x{sides[1]} pixels is too small for this network: it needs sides of {smallest} or "
            f"more, or fewer halvings"
        )
    return pad_to(x, multiple)


def cropped(image: Tensor, x: Tensor) -> Tensor:
    """The image without what `filled` added, in full precision."""
    return full_precision(image)[..., : x.shape[-2], : x.shape[-1]]
