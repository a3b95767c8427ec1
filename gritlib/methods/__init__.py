"""Who minimises what, one paper a file. `build(config)` turns a configuration into its method."""

from gritlib.methods.base import Method, MethodConfig, Player, build
from gritlib.methods.grit import GRIT, GRITConfig
from gritlib.methods.pix2pix import Pix2Pix, Pix2PixConfig

METHODS = {"grit": GRIT, "pix2pix": Pix2Pix}

__all__ = ["GRIT", "METHODS", "GRITConfig", "Method", "MethodConfig", "Pix2Pix", "Pix2PixConfig", "Player", "build"]
