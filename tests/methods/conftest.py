"""Tiny data for the methods that train without pairs."""

import numpy as np
import pytest

from gritlib.data.source import Source


@pytest.fixture
def photos():
    """Maker of a source of random crops of 16 pixels; what B shows has nothing to do with A."""

    def make(channels=3):
        rng = np.random.default_rng(0)
        arrays = [rng.integers(0, 256, (48, 48, channels)).astype(np.uint8) for _ in range(2)]
        windows = np.array([(0, y, x) for y in (0, 16, 32) for x in (0, 16, 32)])
        bounds = np.tile([[0, 48, 0, 48]], (len(windows), 1))
        return Source("toy", "train", 16, arrays[:1], arrays[1:], windows, bounds, jitter=8, flips="h")

    return make
