"""What the authors' code calls each tensor of its networks, so that our state dicts and theirs translate into each
other.

Our modules are registered in the authors' order, so only the names of their layers are needed: numbers in a
`Sequential`, mostly, which count activations and paddings too. `tests/nets/official_keys.json` holds the names and
shapes that their code printed. Spectral norm stands in the older of PyTorch's two forms, the one they all use.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gritlib.nets.blocks import Blur, has_batch_norm
from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import MultiscalePatchGAN, PatchGAN
from gritlib.nets.pix2pixhd import GlobalGenerator
from gritlib.nets.resnet import ResNetGenerator
from gritlib.nets.spade import SPADEEncoder, SPADEGenerator
from gritlib.nets.unet import UNet

# PyTorch's newer spectral norm and its older one: the parameter, and the two vectors of the power iteration.
SPECTRAL = {
    "parametrizations.weight.original": "weight_orig",
    "parametrizations.weight.0._u": "weight_u",
    "parametrizations.weight.0._v": "weight_v",
}


class Slot(NamedTuple):
    """One tensor of an authors' network."""

    theirs: str  # its name in their state dict
    ours: str | None  # in ours; None for a constant that only they store, the kernel of a blur
    tensor: Tensor


class Kernel(NamedTuple):
    """The constant that the authors' blur stores, for each channel the same."""

    theirs: str
    doubles: bool

    def values(self) -> Tensor:
        """Binomial coefficients: 3x3 of sum 1 to halve with; 4x4 of sum 4 to double with, where three of four pixels
        are zeros."""
        row = torch.tensor([1.0, 3.0, 3.0, 1.0] if self.doubles else [1.0, 2.0, 1.0]) / 4
        return torch.outer(row, row)


def to_official(net: nn.Module) -> dict[str, Tensor]:
    """A network's state under the authors' names, in their order: their code loads it with `load_state_dict`.

    It is the inverse of `load_official`. Constants that only their code stores, the kernels of CUT's blurs, are there
    too. Tensors share their memory with the network's, as those of `state_dict` do.

    Raises:
        ValueError: a network of another class, or one with layers that the authors' does not have.
    """
    return {slot.theirs: slot.tensor for slot in slots(net)}


def slots(net: nn.Module) -> list[Slot]:
    """All tensors of the authors' network that corresponds to `net`, in their order. Raises as `to_official`."""
    if type(net) not in LAYERS:
        known = ", ".join(sorted(network.__name__ for network in LAYERS))
        raise ValueError(f"{type(net).__name__} has no official code here: give one of {known}")
    layers: dict[str, list[tuple[str, str, Tensor]]] = {}  # of ours, each with its tensors
    for key, tensor in net.state_dict().items():
        layer, kind = older_form(key).rsplit(".", 1)
        layers.setdefault(layer, []).append((kind, key, tensor))
    names = list(LAYERS[type(net)](net))
    theirs = sum(isinstance(name, str) for name in names)
    if theirs != len(layers):
        raise ValueError(f"this {type(net).__name__} has {len(layers)} layers with weights, the authors' has {theirs}")
    found, mine = [], iter(layers.values())
    for name in names:
        if isinstance(name, Kernel):
            channels = next(len(slot.tensor) for slot in reversed(found) if slot.tensor.dim())  # of the layer before
            found.append(Slot(name.theirs, None, name.values().expand(channels, 1, -1, -1)))
        else:
            found += [Slot(f"{name}.{kind}", key, tensor) for kind, key, tensor in next(mine)]
    return found


def older_form(key: str) -> str:
    """A tensor's name with spectral norm in PyTorch's older form."""
    for newer, older in SPECTRAL.items():
        key = key.replace(newer, older)
    return key


def numbered(prefix: str, layers: list) -> Iterator[str | Kernel]:
    """Names of the layers of a `Sequential` that store something: "conv", "norm", and the blurs "halve" and "double";
    a list is a residual block. All others only count."""
    for i, layer in enumerate(layers):
        if isinstance(layer, list):
            yield from numbered(f"{prefix}.{i}.conv_block", layer)
        elif layer in ("conv", "norm"):
            yield f"{prefix}.{i}"
        elif layer in ("halve", "double"):
            yield Kernel(f"{prefix}.{i}.filt", doubles=layer == "double")


def norm_layer(net: nn.Module) -> str:
    """ "norm" if it stores something; instance norm only counts."""
    return "norm" if has_batch_norm(net) else "instance norm"


def unet(net: UNet) -> Iterator[str]:
    """A block in a block in a block: what goes down stands before the inner block, what goes up behind it."""
    norm = norm_layer(net)
    inner = ["model.model.1" + ".model.3" * i + ".model" for i in range(net.depth - 1)]
    yield "model.model.0"
    for path in inner[:-1]:
        yield from numbered(path, ["act", "conv", norm])
    yield from numbered(inner[-1], ["act", "conv", "act", "conv", norm])
    for path in reversed(inner[:-1]):
        yield from numbered(path, ["", "", "", "", "act", "conv", norm])
    yield "model.model.3"


def resnet(net: ResNetGenerator) -> Iterator[str | Kernel]:
    activated, blurred = ["conv", norm_layer(net), "act"], net.blur is not None
    down, up = [*activated, *blurred * ["halve"]], [*blurred * ["double"], *activated]
    dropout = any(isinstance(module, nn.Dropout) for module in net.res.modules()) * ["dropout"]
    block = ["pad", *activated, *dropout, "pad", *activated[:2]]
    blocks = [block] * len(net.res)
    yield from numbered("model", ["pad", *activated, *2 * down, *blocks, *2 * up, "pad", "conv", "tanh"])


def pix2pixhd_global(net: GlobalGenerator) -> Iterator[str]:
    activated = ["conv", norm_layer(net), "act"]
    blocks = [["pad", *activated, "pad", *activated[:2]]] * (len(net.trunk) - 2 * net.downs - 1)
    rest = [*net.downs * activated, *blocks, *net.downs * activated, "pad", "conv", "tanh"]
    yield from numbered("model", ["pad", *activated, *rest])


def patchgan(net: PatchGAN) -> Iterator[str | Kernel]:
    layers = []
    for i, layer in enumerate(net.layers[:-1]):
        halve = any(isinstance(module, Blur) for module in layer) * ["halve"]
        layers += ["conv", *(i > 0) * [norm_layer(net)], "act", *halve]
    yield from numbered("net" if net.layers[-1].kernel_size == (1, 1) else "model", [*layers, "conv"])


def multiscale(net: MultiscalePatchGAN) -> Iterator[str]:
    """SPADE's discriminator; each layer is a `Sequential`, and one with a norm holds another."""
    norm = norm_layer(net)
    for scale, judge in enumerate(net.scales):
        last = len(judge.layers) - 1
        for i in range(last + 1):
            path = f"discriminator_{scale}.model{i}"
            yield from numbered(f"{path}.0", ["conv", norm]) if 0 < i < last else [f"{path}.0"]


def patch_sampler(net: PatchSampler) -> Iterator[str]:
    for i in range(len(net.heads)):
        yield from numbered(f"mlp_{i}", ["conv", "act", "conv"])


def spade_generator(net: SPADEGenerator) -> Iterator[str]:
    free = has_batch_norm(net) * ["param_free_norm"]
    yield "fc"
    for i, block in enumerate(net.blocks):
        name = ("head_0", "G_middle_0", "G_middle_1")[i] if i < 3 else f"up_{i - 3}"
        places = "01" if block.conv_s is None else "01s"
        yield from (f"{name}.conv_{place}" for place in places)
        for place in places:
            yield from (f"{name}.norm_{place}.{x}" for x in (*free, "mlp_shared.0", "mlp_gamma", "mlp_beta"))
    yield "conv_img"


def spade_encoder(net: SPADEEncoder) -> Iterator[str]:
    yield from (f"layer{i + 1}.0" for i in range(len(net.convs)))
    yield from ("fc_mu", "fc_var")


# For each of our networks, the names of the authors' layers that store something, in order.
LAYERS: dict[type[nn.Module], Callable[[nn.Module], Iterator[str | Kernel]]] = {
    UNet: unet,
    ResNetGenerator: resnet,
    PatchGAN: patchgan,
    MultiscalePatchGAN: multiscale,
    PatchSampler: patch_sampler,
    SPADEGenerator: spade_generator,
    SPADEEncoder: spade_encoder,
    GlobalGenerator: pix2pixhd_global,
}
