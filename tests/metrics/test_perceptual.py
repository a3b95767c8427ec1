"""The formula of LPIPS against its package, with random networks."""

import pytest
import torch

from gritlib.metrics import perceptual_distance


@pytest.fixture(scope="module")
def package():
    lpips = pytest.importorskip("lpips")
    torch.manual_seed(0)
    return lpips


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision")
@pytest.mark.parametrize("learned", [False, True])
def test_it_is_the_packages_value(package, learned):
    net = package.LPIPS(net="squeeze", pretrained=False, pnet_rand=True, lpips=learned, verbose=False).eval()
    a, b = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        if learned:
            for lin in net.lins:
                lin.model[-1].weight.abs_()
        wanted = net(a, b).flatten()
        fa, fb = (net.net(net.scaling_layer(x)) for x in (a, b))
    weights = [lin.model[-1].weight.detach() for lin in net.lins] if learned else None
    got = perceptual_distance(list(fa), list(fb), weights)
    assert got.shape == (3,) and got.tolist() == pytest.approx(wanted.tolist(), rel=1e-5)
    assert got.min() > 0


def layers(seed=0):
    g = torch.Generator().manual_seed(seed)
    return [torch.randn(2, c, s, s + 1, generator=g, dtype=torch.float64) for c, s in ((4, 6), (7, 3))]


def test_identities():
    a, b = layers(0), layers(1)
    value = perceptual_distance(a, b)
    assert torch.allclose(perceptual_distance(b, a), value) and perceptual_distance(a, a).abs().max() == 0
    assert torch.allclose(perceptual_distance([3 * x for x in a], b), value)  # vectors of length 1
    opposite = perceptual_distance(a, [-x for x in a])
    assert torch.allclose(opposite, torch.full((2,), 8.0, dtype=torch.float64))  # 2² for each of two layers
    tiled = [[x.repeat(1, 1, 2, 3) for x in f] for f in (a, b)]
    assert torch.allclose(perceptual_distance(*tiled), value)
    first = perceptual_distance(a, b, [1.0, 0.0])
    assert torch.allclose(first, perceptual_distance(a[:1], b[:1])) and (first < value).all()
    assert torch.allclose(perceptual_distance(a, b, [2.0, torch.full((7,), 2.0)]), 2 * value)


def test_a_gradient_passes():
    a, b = layers(0), layers(1)
    a[0].requires_grad_()
    perceptual_distance(a, b).sum().backward()
    assert a[0].grad.abs().sum() > 0


def test_what_does_not_fit_is_refused():
    a, b = layers(0), layers(1)
    with pytest.raises(ValueError, match="2 and 1 layers with 2 weights"):
        perceptual_distance(a, b[:1])
    with pytest.raises(ValueError, match="3 weights for a layer of 4 channels"):
        perceptual_distance(a, b, [torch.ones(3), 1.0])
    with pytest.raises(ValueError, match=r"must both be \(B, C, H, W\)"):
        perceptual_distance(a, [b[0][..., :3], b[1]])
    with pytest.raises(ValueError, match="not finite"):
        perceptual_distance([a[0] / 0, a[1]], b)
