"""How a face looks beyond its label map: a style drawn from a seed, and the light in which it is seen.

By day the style's own light falls on the face. `evening` is a second look at the same face, for translation without
pairs: a warm low sun from the right and a dim sky. It follows from the day's look, so a true answer exists.
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass, replace

import numpy as np

# fmt: off
# Skin is drawn evenly along this walk from light to dark, hair evenly from natural, grey and dyed tones; no hair tone
# is near black or white, because strands need room on both sides.
SKIN = ((250, 220, 198), (240, 200, 168), (224, 176, 138), (200, 148, 108), (168, 116, 80), (132, 88, 62), (92, 62, 48))
TONES = {
    "hair": ((64, 60, 66), (84, 66, 60), (120, 86, 64), (144, 84, 64), (184, 108, 70), (190, 156, 100), (188, 174, 140),
             (140, 138, 140), (182, 182, 184), (70, 140, 150), (134, 94, 166), (188, 104, 146)),
    "lips": ((190, 80, 84), (160, 60, 70), (150, 90, 80), (200, 110, 110)),
    "iris": ((92, 60, 38), (60, 44, 36), (120, 92, 50), (80, 120, 80), (80, 120, 160), (110, 120, 130)),
    "frame": ((40, 40, 46), (120, 40, 44), (60, 70, 120), (150, 110, 60)),
    "metal": ((222, 186, 80), (200, 204, 212), (200, 90, 110)),
}
HSV = {"background": ((0.12, 0.45), (0.55, 0.88)), "cloth": ((0.3, 0.75), (0.4, 0.85)), "hat": ((0.3, 0.7), (0.4, 0.8))}
# fmt: on
VIEWS = ("day", "evening")
# What evening light does to red, green and blue: the sun where it falls, the sky everywhere, the room behind.
SUN, SKY, NIGHT = (0.78, 0.50, 0.22), (0.30, 0.26, 0.38), (0.42, 0.28, 0.36)


@dataclass(frozen=True)
class Style:
    """Everything smooth about a face that its label map does not say.

    Args:
        colours: RGB triples in [-1, 1] for skin, hair, lips, iris, frame, metal, background, cloth and hat.
        light: gain of brightness from the middle of the head to its right and to its lower edge, in [-0.2, 0.2].
        blush: reddening of the cheeks, in [0, 0.08].
        freckles: share of the skin that freckles cover, in [0, 0.05].
        sweep: turn of the strands in radians, in [-1, 1]; 0 lays them over the head and down both its sides.
        curl: signed height of the waves in a strand, in [-0.1, 0.1] half images.
    """

    colours: dict[str, tuple[float, float, float]]
    light: tuple[float, float]
    blush: float
    freckles: float
    sweep: float
    curl: float

    @classmethod
    def random(cls, seed) -> "Style":
        """A style drawn from `seed` (an int or several), independent of any layout."""
        rng = np.random.default_rng(seed)
        rgb = {k: np.array(tones[rng.integers(len(tones))]) for k, tones in TONES.items()}
        place = rng.uniform(0, len(SKIN) - 1)
        rgb["skin"] = np.array([np.interp(place, range(len(SKIN)), channel) for channel in zip(*SKIN, strict=True)])
        rgb["lips"] = (rgb["lips"] + rgb["skin"]) / 2
        for name, (saturation, value) in HSV.items():
            rgb[name] = 255 * np.array(hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value)))
        return cls(
            colours={name: tuple((c / 127.5 - 1).tolist()) for name, c in rgb.items()},
            light=(rng.uniform(-0.2, 0.2), rng.uniform(-0.2, 0.05)),
            blush=rng.uniform(0, 0.08),
            freckles=rng.uniform(0.01, 0.05) if rng.random() < 0.6 else 0.0,
            sweep=rng.uniform(-1, 1),
            curl=rng.uniform(-0.1, 0.1),
        )

    def mirrored(self) -> "Style":
        """The style of the left-right mirrored picture; as likely as this one, so mirroring keeps the distribution."""
        return replace(self, light=(-self.light[0], self.light[1]), sweep=-self.sweep, curl=-self.curl)


def evening(smooth: np.ndarray, background: np.ndarray, across: np.ndarray) -> np.ndarray:
    """A smooth face in evening light (course decision).

    With s the reflected light in [0, 1], a pixel becomes s · (sky + w · sun), w from 0 left of the head to 1 right of
    it, and the background s · night: a multiplication, so the day can be told from the evening as well.

    Args:
        smooth: (3, H, W) in [-1, 1]. background: (H, W) bool. across: distance to the right of the head's middle, in
            half head widths, (H, W) or broadcasting to it.

    Returns:
        (3, H, W) float32 in [-0.95, 0.95], as a face by day.
    """
    w = np.clip(0.5 + 0.5 * across, 0, 1)
    sun, sky, night = (np.array(rgb, np.float32)[:, None, None] for rgb in (SUN, SKY, NIGHT))
    gain = np.where(background, night, sky + w * sun)
    return np.clip((smooth + 1) * gain - 1, -0.95, 0.95).astype(np.float32)
