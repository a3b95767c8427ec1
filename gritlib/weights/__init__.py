"""Shipped weights: trained methods of a megabyte or two, for lessons that continue a training instead of beginning one.

Half precision, without optimizer and image buffers; batch norm's statistics are part of it. Each file has a card that
says how it was trained and on what.
"""

from importlib import resources
from pathlib import Path

import torch
from torch import nn

from gritlib.methods import Method, build
from gritlib.nets import ResNetGenerator
from gritlib.training import checkpoint

HOW = "data_scripts/train_weights.py trains it again"
LONGER = f"2,400 steps of 8 images, seed 0, averaged weights, without the discriminator; {HOW}"
ALONE = "1,200 steps of 8 images, averaged weights, for network interpolation"
FOREST = f"{HOW}. Made from a CC0 image (NEON); these weights are CC0."
CARDS = {
    "cyclegan-earth": "CycleGAN, drawn map <-> satellite image at 64 pixels: arm cyclegan of study unpaired, seed 0, "
    "1,600 steps of 4 images on earth with unpaired=True, averaged weights of G and F. Seed 0 is no part of the study. "
    "It was taken because its colours are right: the study's seeds 1 and 2 have them permuted, sea becomes land. Made "
    "from public domain images (Natural Earth, NASA); these weights are CC0.",
    "spade-grove": "SPADE, layout map -> aerial photo at 64 pixels: arm style of study spade, seed 0, 1,800 steps of 4 "
    "images, averaged weights of G and E, with the discriminator. Seed 0 is no part of the study. Made from a CC0 "
    "image (NEON); these weights are CC0.",
    "spade-faces": "SPADE, label map -> drawn face at 64 pixels: as spade-grove, without the discriminator, for the "
    "size of the file. Made from faces that gritlib draws; these weights are CC0.",
    "grit-grove": f"GRIT, layout map -> aerial photo at 64 pixels: width 10, {LONGER}. Made from a CC0 image (NEON); "
    "these weights are CC0.",
    "grit-faces": f"GRIT, label map -> drawn face at 64 pixels: width 10, style code of 32 numbers, {LONGER}. Made "
    "from faces that gritlib draws; these weights are CC0.",
    "coupled-faces": f"The same network with noise and one head that both losses see: as grit-faces, {LONGER}. Made "
    "from faces that gritlib draws; these weights are CC0.",
    "dni-l1-grove": f"pix2pix' U-Net, layout map -> aerial photo, width 8, trained with L1 alone: {ALONE}; {FOREST}",
    "dni-gan-grove": "The same, trained on for 600 steps of 8 images with L1 and the conditional GAN, averaged "
    f"weights; {FOREST}",
    "dni-other-grove": f"Trained as dni-l1-grove, from seed 100: {ALONE}; {FOREST}",
}
NAMES = tuple(CARDS)
POOLS = "pool_"  # buffers of old images


def path(name: str) -> Path:
    """The file of some weights.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    if name not in CARDS:
        raise ValueError(f"weights {name!r} are unknown: choose one of {', '.join(NAMES)}")
    return Path(str(resources.files("gritlib.weights") / f"{name}.pt"))


def load(name: str) -> Method:
    """A trained method, in float32 and eval mode. What was not stored, such as a buffer of old images, is as new.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    content = checkpoint.read(path(name))
    method = build(content["method"], content["config"])
    weights = {key: value.float() if value.is_floating_point() else value for key, value in content["state"].items()}
    missing = method.load_state_dict(weights, strict=False)
    allowed = tuple(content.get("left_out", (POOLS,)))
    lost = [*missing.unexpected_keys, *(key for key in missing.missing_keys if not key.startswith(allowed))]
    if lost:
        raise ValueError(f"weights {name} do not fit {content['method']}: {', '.join(lost[:3])}")
    return method.eval()


def pack(method: Method, file: str | Path, left_out: tuple[str, ...] = (POOLS,)) -> Path:
    """Write a method's weights as a file that `load` reads, in half precision.

    Args:
        left_out: beginnings of the names that are not stored, and as new after loading; by default image buffers.
    """
    state = {
        key: value.detach().cpu().half() if value.is_floating_point() else value.detach().cpu()
        for key, value in method.state_dict().items()
        if not key.startswith(left_out)
    }
    content = {"method": method.name, "config": vars(method.config), "state": state, "left_out": list(left_out)}
    return checkpoint.save(content, file)


@torch.no_grad()
def hand_over(shipped: ResNetGenerator, own: ResNetGenerator) -> ResNetGenerator:
    """Copy a generator's weights to one with residual blocks of another class, by kind and order: first convolution to
    first convolution, second norm to second norm. Returns `own`.

    A convolution of the other class may have a bias where the shipped one has none: a norm follows, so it becomes zero.

    Args:
        shipped: gritlib's blocks. own: the same sizes, with blocks of your class.

    Raises:
        ValueError: a block without two convolutions, or without as many norms with weights as the shipped one.
    """
    outside = {key: value for key, value in shipped.state_dict().items() if not key.startswith("res.")}
    own.load_state_dict(outside, strict=False)
    for number, (given, block) in enumerate(zip(shipped.res, own.res, strict=True), 1):
        for kind, word in ((nn.Conv2d, "convolutions"), (nn.BatchNorm2d, "batch norms")):
            ours, theirs = ([m for m in one.modules() if isinstance(m, kind)] for one in (given, block))
            if len(theirs) != len(ours):
                raise ValueError(
                    f"residual block {number} has {len(theirs)} {word}, the shipped one has {len(ours)}: build two "
                    "convolutions, and norm(channels) twice, one norm for each of them"
                )
            for a, b in zip(ours, theirs, strict=True):
                if kind is nn.Conv2d and a.bias is None and b.bias is not None:
                    b.bias.zero_()
                b.load_state_dict(a.state_dict(), strict=kind is not nn.Conv2d)
    return own
