"""How good it is: pixels, colour, spectrum, diversity, and distances of features in distribution, style and structure.

Images are (B, C, H, W) in [-1, 1] throughout. Features come from any network (`gritlib.backbones`); a score carries a
published name only with the published network. Of images alone: pixel, colour, spectrum, bands, sliced; of sets of
features: distribution, manifold; of two images' features: perceptual, structure; of noise draws: diversity.
"""

from gritlib.metrics.bands import bands, gain_derivative, low_share
from gritlib.metrics.colour import colour_overlap
from gritlib.metrics.distribution import Gaussian, frechet_distance, kid
from gritlib.metrics.diversity import calibration, noise_use, pairwise_distance, sampler_cost
from gritlib.metrics.manifold import prdc, precision_recall
from gritlib.metrics.perceptual import perceptual_distance
from gritlib.metrics.pixel import l1_255, psnr, ssim
from gritlib.metrics.segmentation import confusion, segmentation_scores
from gritlib.metrics.sliced import PatchBank, laplacian_pyramid, sliced_wasserstein
from gritlib.metrics.spectrum import (
    MeanSpectrum,
    deviation_spectrum,
    high_frequency_gap,
    lattice,
    radial_spectrum,
    spectrum_distance,
)
from gritlib.metrics.structure import self_similarity_distance, sifid

__all__ = [
    "Gaussian", "MeanSpectrum", "PatchBank", "bands", "calibration", "colour_overlap", "confusion",
    "deviation_spectrum", "frechet_distance", "gain_derivative", "high_frequency_gap", "kid", "l1_255",
    "laplacian_pyramid", "lattice", "low_share", "noise_use", "pairwise_distance", "perceptual_distance", "prdc",
    "precision_recall", "psnr", "radial_spectrum", "sampler_cost", "segmentation_scores",
    "self_similarity_distance", "sifid", "sliced_wasserstein", "spectrum_distance", "ssim",
]  # fmt: skip
