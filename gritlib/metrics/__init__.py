"""How good it is: pixels, colour, spectrum, diversity. Images are (B, C, H, W) in [-1, 1] throughout."""

from gritlib.metrics.colour import colour_overlap
from gritlib.metrics.diversity import noise_use
from gritlib.metrics.pixel import l1_255, psnr, ssim
from gritlib.metrics.spectrum import high_frequency_gap, radial_spectrum

__all__ = ["colour_overlap", "high_frequency_gap", "l1_255", "noise_use", "psnr", "radial_spectrum", "ssim"]
