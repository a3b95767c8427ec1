"""What is trained: one file per network that a paper draws. `official(name)` builds the authors' exact sizes."""

from gritlib.nets.grit import GRITGenerator, Output
from gritlib.nets.official import official
from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import PatchGAN
from gritlib.nets.resnet import ResNetGenerator
from gritlib.nets.style_encoder import StyleEncoder
from gritlib.nets.unet import UNet

__all__ = ["GRITGenerator", "Output", "PatchGAN", "PatchSampler", "ResNetGenerator", "StyleEncoder", "UNet", "official"]
