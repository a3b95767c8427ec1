"""Who minimises what, one paper a file. `build(config)` turns a configuration into its method."""

from gritlib.methods.base import Method, MethodConfig, Player, build
from gritlib.methods.cut import CUT, CUTConfig, FastCUT, FastCUTConfig
from gritlib.methods.cyclegan import CycleGAN, CycleGANConfig
from gritlib.methods.grit import GRIT, GRITConfig
from gritlib.methods.pix2pix import Pix2Pix, Pix2PixConfig
from gritlib.methods.pix2pixhd import Pix2PixHD, Pix2PixHDConfig, Pix2PixHDPlus, Pix2PixHDPlusConfig
from gritlib.methods.sincut import SinCUT, SinCUTConfig
from gritlib.methods.spade import Spade, SpadeConfig

ALL = (GRIT, Pix2Pix, CycleGAN, CUT, FastCUT, SinCUT, Spade, Pix2PixHD, Pix2PixHDPlus)
METHODS = {method.name: method for method in ALL}

__all__ = [
    "CUT",
    "GRIT",
    "METHODS",
    "CUTConfig",
    "CycleGAN",
    "CycleGANConfig",
    "FastCUT",
    "FastCUTConfig",
    "GRITConfig",
    "Method",
    "MethodConfig",
    "Pix2Pix",
    "Pix2PixConfig",
    "Pix2PixHD",
    "Pix2PixHDConfig",
    "Pix2PixHDPlus",
    "Pix2PixHDPlusConfig",
    "Player",
    "SinCUT",
    "SinCUTConfig",
    "Spade",
    "SpadeConfig",
    "build",
]
