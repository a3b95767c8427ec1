"""Tiny data and methods on which six steps take a fraction of a second."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gritlib.data.source import Source
from gritlib.methods import GRIT, GRITConfig, Pix2Pix, Pix2PixConfig

sys.path.insert(0, str(Path(__file__).parent))  # same.py; several.py, which processes run as a script


@pytest.fixture
def toy():
    """Maker of a source: smooth random pairs of the wanted size, one scene, jitter and both flips."""

    def make(size=16, tiles=3, seed=0):
        rng = np.random.default_rng(seed)
        side = size * tiles
        arrays = [rng.integers(0, 256, (side, side, 3)).astype(np.uint8) for _ in range(2)]
        windows = np.array([(0, y, x) for y in range(0, side, size) for x in range(0, side, size)])
        bounds = np.tile([[0, side, 0, side]], (len(windows), 1))
        return Source("toy", "train", size, arrays[:1], arrays[1:], windows, bounds, jitter=size // 2, flips="hv")

    return make


@pytest.fixture
def small_grit():
    def make(seed=0, **pieces):
        torch.manual_seed(seed)
        config = GRITConfig(
            3, 3, width=4, depth=2, style_dim=2, d_width=4, d_layers=1, conditional=True, rec_weight=10.0
        )
        config.d_norm, config.d_spectral, config.gan = "none", True, "lsgan"  # spectral norm has buffers to restore
        return GRIT(config, **pieces)

    return make


@pytest.fixture
def small_pix2pix():
    """With batch norm and dropout, which only a U-Net of six halvings (64 pixels) has."""

    def make(seed=0, **pieces):
        torch.manual_seed(seed)
        method = Pix2Pix(
            Pix2PixConfig(3, 3, width=2, depth=6, norm="batch", dropout=True, d_width=4, d_norm="batch"), **pieces
        )
        assert method.stochastic and any(isinstance(m, torch.nn.BatchNorm2d) for m in method.G.modules())
        return method

    return make


@pytest.fixture
def adam_step():
    """A student's step for GRIT in plain torch; `seen` collects what it was handed."""

    def make(seen=None):
        def step(method, batch, optimizers):
            if seen is not None:
                seen.append((batch, {k: o.param_groups[0]["lr"] for k, o in optimizers.items()}))
            A, B = batch["A"], batch["B"]
            out = method.G(A, method.E(B))
            d_terms = method.d_loss(method.D(torch.cat([A, B], 1)), method.D(torch.cat([A, out.image.detach()], 1)))
            optimizers["discriminator"].zero_grad()
            (d_terms["D_real"] + d_terms["D_fake"]).backward()
            optimizers["discriminator"].step()
            g_terms = method.g_loss(out, B, method.D(torch.cat([A, out.image], 1)))
            optimizers["generator"].zero_grad()
            (g_terms["adv"] + g_terms["rec"]).backward()
            optimizers["generator"].step()
            return {**d_terms, **g_terms}

        return step

    return make
