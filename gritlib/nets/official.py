"""The authors' networks by name, at the papers' sizes: `official("pix2pix_unet_256")` has 54,413,955 parameters.

Counts were read off the authors' own code; `tests/nets/test_official.py` pins them and the order and shapes of every
tensor. GRIT has no official code, so it has no name here.
"""

from torch import nn

from gritlib.nets.init import init_normal, init_xavier
from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import PatchGAN
from gritlib.nets.resnet import ResNetGenerator
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
}


def official(name: str, **sizes) -> nn.Module:
    """Build an authors' network, initialised as theirs.

    Args:
        name: one of `NAMES`. sizes: override `width=`, `in_channels=`, `out_channels=`, `norm=` and the like.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    if name not in NAMES:
        raise ValueError(f"network {name!r} is unknown: choose one of {', '.join(NAMES)}")
    build, defaults = NAMES[name]
    return (init_xavier if name.startswith("cut_") else init_normal)(build(**{**defaults, **sizes}))
