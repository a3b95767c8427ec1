"""The authors' networks by name, at the papers' sizes: `official("pix2pix_unet_256")` has 54,413,955 parameters.

Counts were read off the authors' own code; `tests/nets/test_official.py` pins them and the order and shapes of every
tensor. GRIT has no official code, so it has no name here.
"""

from torch import nn

from gritlib.nets.init import init_normal, init_xavier
from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import MultiscalePatchGAN, PatchGAN
from gritlib.nets.pix2pixhd import GlobalGenerator, init_weights
from gritlib.nets.resnet import ResNetGenerator
from gritlib.nets.spade import SPADEEncoder, SPADEGenerator
from gritlib.nets.unet import UNet

NAMES = {
    "pix2pix_unet_256": (UNet, {"depth": 8}),
    "pix2pix_unet_128": (UNet, {"depth": 7}),
    "patchgan_1": (PatchGAN, {"n_layers": 0}),
    "patchgan_16": (PatchGAN, {"n_layers": 1}),
    "patchgan_70": (PatchGAN, {"n_layers": 3}),
    "patchgan_286": (PatchGAN, {"n_layers": 5}),
    "patchgan_70_instance": (PatchGAN, {"n_layers": 3, "in_channels": 3, "norm": "instance"}),
    "resnet_9blocks": (ResNetGenerator, {"blocks": 9}),
    "resnet_6blocks": (ResNetGenerator, {"blocks": 6}),
    "cut_generator": (ResNetGenerator, {"blocks": 9, "antialias": True}),
    "cut_discriminator": (PatchGAN, {"n_layers": 3, "in_channels": 3, "norm": "instance", "antialias": True}),
    "cut_patch_sampler": (PatchSampler, {"channels": (3, 128, 256, 256, 256)}),
    "spade_generator": (SPADEGenerator, {"labels": 35}),
    "spade_discriminator": (MultiscalePatchGAN, {"in_channels": 38}),
    "spade_encoder": (SPADEEncoder, {}),
    "pix2pixhd_global": (GlobalGenerator, {"in_channels": 36}),
}

INITS = {"cut": init_xavier, "spade": init_xavier, "pix2pixhd": init_weights}  # others: init_normal


def official(name: str, **sizes) -> nn.Module:
    """Build an authors' network, initialised as theirs.

    Args:
        name: one of `NAMES`. sizes: override `width=`, `in_channels=`, `labels=`, `norm=` and the like.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    if name not in NAMES:
        raise ValueError(f"network {name!r} is unknown: choose one of {', '.join(NAMES)}")
    build, defaults = NAMES[name]
    begin = INITS.get(name.split("_")[0], init_normal)
    return begin(build(**{**defaults, **sizes}))
