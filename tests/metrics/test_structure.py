"""SIFID and self-similarity against plain loops, and what each of the two reacts to (the corruption study)."""

import numpy as np
import pytest
import torch

from gritlib import backbones
from gritlib.data import catalog
from gritlib.metrics import frechet_distance, self_similarity_distance, sifid

pytestmark = pytest.mark.filterwarnings("ignore:Fréchet distance of n")


def maps(b=3, c=5, h=6, w=7, seed=0):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(b, c, h, w, generator=g, dtype=torch.float64) * 0.5 + torch.rand(c, 1, 1, generator=g)


def test_sifid_is_the_distance_of_the_positions_vectors():
    a, b = maps(seed=1), maps(seed=2)
    wanted = [frechet_distance(x.flatten(1).T, y.flatten(1).T) for x, y in zip(a, b, strict=True)]
    assert sifid(a, b).tolist() == pytest.approx(wanted, rel=1e-9)
    assert sifid(a[1:2], b[1:2]).item() == pytest.approx(wanted[1], rel=1e-12)
    assert sifid(a, b[..., :4]).shape == (3,)  # another size is another sample of positions


def test_sifid_does_not_see_where_features_lie_and_self_similarity_does():
    a = maps()
    moved = a.flatten(2)[..., torch.randperm(42)].view_as(a)
    assert sifid(a, moved).abs().max() < 1e-9
    assert self_similarity_distance(a, moved).min() > 1e-3
    assert sifid(a, a + 1).tolist() == pytest.approx([5] * 3)  # five channels, each moved by 1


def test_self_similarity_is_a_plain_loop():
    a, b = maps(2, seed=1), maps(2, seed=2)

    def matrix(x):
        v = x.flatten(1).T.numpy()
        d = np.array([[1 - p @ q / np.linalg.norm(p) / np.linalg.norm(q) for q in v] for p in v])
        return d / d.sum(1, keepdims=True)

    wanted = [np.abs(matrix(x) - matrix(y)).mean() for x, y in zip(a, b, strict=True)]
    assert self_similarity_distance(a, b).tolist() == pytest.approx(wanted, rel=1e-9)
    assert self_similarity_distance(a, 3 * a).max() < 1e-12  # the scale does not count
    rotated = torch.einsum("dc,bchw->bdhw", torch.linalg.qr(torch.randn(5, 5, dtype=torch.float64)).Q, a)
    assert self_similarity_distance(a, rotated).max() < 1e-12  # nor a rotation of all features


def test_maps_without_structure_are_finite():
    flat = torch.ones(1, 4, 5, 5) * torch.rand(4, 1, 1)
    assert self_similarity_distance(flat, flat).item() == 0
    assert self_similarity_distance(flat, torch.zeros(1, 4, 5, 5)).isfinite().all()
    assert sifid(flat, flat).item() == pytest.approx(0, abs=1e-12)


def test_other_shapes_are_refused():
    a = maps()
    with pytest.raises(ValueError, match="must have the same shape"):
        self_similarity_distance(a, a[..., :3])
    for bad in (a[0], a[:, :2], a[:2]):
        with pytest.raises(ValueError, match="feature maps"):
            sifid(a, bad)
    with pytest.raises(ValueError, match="second feature maps have values that are not finite"):
        sifid(a, a.where(a < 1, float("nan")))
    with pytest.raises(ValueError, match="2 samples or more"):
        sifid(a[..., :1, :1], a)


def blurred(x):
    g = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
    pad = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="reflect")
    g = (g[:, None] * g).expand(3, 1, -1, -1)
    return torch.nn.functional.conv2d(pad, g, groups=3)


def corruptions(x):
    g = torch.Generator().manual_seed(0)
    return {
        "blur": blurred(blurred(x)),
        "noise": (x + 0.3 * torch.randn(x.shape, generator=g)).clamp(-1, 1),
        "shift": x.roll((13, 9), (2, 3)),
        "rotation": x.rot90(1, (2, 3)),
    }


def test_sifid_reacts_to_style_and_self_similarity_to_structure():
    """The corruption study of the Swapping Autoencoder on aerial photos, with VGG's features.

    SIFID looks at a first layer, as the published one does; structure shows where vectors see more of the image.
    """
    photos = catalog.load("grove", "test")
    photos = photos.batch(range(0, len(photos), 9))["B"]
    net = backbones.perceptual()
    with torch.no_grad():
        clean = net.features(photos)
        seen = {name: net.features(x) for name, x in corruptions(photos).items()}
    style = {name: sifid(clean[0], f[0]).mean().item() for name, f in seen.items()}
    structure = {name: self_similarity_distance(clean[1], f[1]).mean().item() for name, f in seen.items()}
    assert min(style["blur"], style["noise"]) > 2 * max(style["shift"], style["rotation"]), style
    assert min(structure["shift"], structure["rotation"]) > 1.5 * max(structure["blur"], structure["noise"]), structure
