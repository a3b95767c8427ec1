"""What is trained: one file per network that a paper draws. `official(name)` builds the authors' exact sizes."""

from gritlib.nets.grit import GRITGenerator, Output
from gritlib.nets.official import official
from gritlib.nets.official_files import load_official
from gritlib.nets.official_names import to_official
from gritlib.nets.patch_sampler import PatchSampler
from gritlib.nets.patchgan import MultiscalePatchGAN, PatchGAN
from gritlib.nets.resnet import ResNetGenerator
from gritlib.nets.spade import SPADE, Concat, SPADEBlock, SPADEEncoder, SPADEGenerator
from gritlib.nets.style_encoder import StyleEncoder
from gritlib.nets.unet import UNet

__all__ = [
    "SPADE",
    "Concat",
    "GRITGenerator",
    "MultiscalePatchGAN",
    "Output",
    "PatchGAN",
    "PatchSampler",
    "ResNetGenerator",
    "SPADEBlock",
    "SPADEEncoder",
    "SPADEGenerator",
    "StyleEncoder",
    "UNet",
    "load_official",
    "official",
    "to_official",
]
