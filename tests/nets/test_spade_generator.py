"""SPADE's generator and style encoder: the published sizes, every value written out, and what they refuse."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from gritlib.nets import SPADE, Concat, SPADEEncoder, SPADEGenerator
from gritlib.nets.spade import reparameterise


def maps(batch=2, labels=3, side=8, seed=0):
    """Random one-hot maps in float64."""
    ids = torch.randint(labels, (batch, side, side), generator=torch.Generator().manual_seed(seed))
    return F.one_hot(ids, labels).permute(0, 3, 1, 2).double()


def strong(net):
    """In float64, with weights so large that no part of it can be left out unnoticed."""
    torch.manual_seed(1)
    for p in net.double().parameters():
        nn.init.normal_(p, 0.0, 0.4)
    return net


def count(net):
    return sum(p.numel() for p in net.parameters())


def wrapped(net):
    """How many layers have spectral norm."""
    return sum(is_parametrized(module, "weight") for module in net.modules())


@pytest.mark.parametrize(
    "options, parameters",
    [
        ({"labels": 35}, 93_018_051),
        ({"labels": 13}, 92_359_107),
        ({"labels": 35, "variant": "more"}, 93_018_051),
        ({"labels": 35, "start": "style", "size": 256}, 109_537_219),
    ],
)
def test_published_parameter_counts(options, parameters):
    with torch.device("meta"):
        assert count(SPADEGenerator(**options, spectral=False)) == parameters  # whose vectors are no parameters


@pytest.mark.parametrize(
    "variant, sides, last, start",
    [
        ("normal", (8, 16, 16, 32, 64, 128, 256), 2, "map"),
        ("more", (4, 8, 16, 32, 64, 128, 256), 2, "random"),
        ("most", (2, 4, 8, 16, 32, 64, 128, 256), 1, "map"),
    ],
)
def test_widths_and_sides_of_the_published_generators_at_a_32nd_of_their_width(variant, sides, last, start):
    G = SPADEGenerator(3, width=2, hidden=2, variant=variant, start=start, size=256, z_dim=4, spectral=False)
    seen = []
    for block in G.blocks:
        block.register_forward_hook(lambda module, given, out: seen.append((tuple(given[1].shape[1:]), out.shape)))
    with torch.no_grad():
        assert G(torch.zeros(2, 3, 256, 256), None if start == "map" else torch.zeros(2, 4)).shape == (2, 3, 256, 256)
    widths = [32, 32, 32, 16, 8, 4, 2] + ([1] if variant == "most" else [])
    assert seen == [((3, s, s), (2, w, s, s)) for s, w in zip(sides, widths, strict=True)]
    assert G.doublings == {"normal": 5, "more": 6, "most": 7}[variant] and G.image.in_channels == last


@pytest.mark.parametrize("variant, convolutions", [("normal", 18), ("more", 18), ("most", 21)])
def test_the_authors_have_as_many_spectral_norms_as_modulations(variant, convolutions):
    G = SPADEGenerator(3, width=2, hidden=2, variant=variant)
    assert wrapped(G) == sum(isinstance(m, SPADE) for m in G.modules()) == convolutions


@pytest.mark.parametrize("variant, doubled", [("normal", "0101"), ("more", "0111"), ("most", "01111")])
@pytest.mark.parametrize("start", ["map", "style"])
def test_the_generator_written_out(variant, doubled, start):
    side = 2 ** (doubled.count("1") + 1)
    sizes = {"width": 2, "depth": 1, "size": side, "z_dim": 5, "hidden": 4, "start": start, "variant": variant}
    G = strong(SPADEGenerator(3, **sizes, spectral=False))
    with torch.no_grad():
        G.image.weight.div_(8)
    m, z = maps(2, 3, side), torch.randn(2, 5, dtype=torch.float64)
    bottom = m[..., :: side // 2, :: side // 2]
    if start == "map":
        h = F.conv2d(bottom, G.begin.weight, G.begin.bias, padding=1)
    else:
        h = (z @ G.begin.weight.T + G.begin.bias).view(2, -1, 2, 2)
    for block, twice in zip(G.blocks, doubled, strict=True):
        if twice == "1":
            h = h.repeat_interleave(2, 2).repeat_interleave(2, 3)
        h = block(h, m[..., :: side // h.shape[-1], :: side // h.shape[-1]])
    wanted = F.conv2d(torch.where(h > 0, h, 0.2 * h), G.image.weight, G.image.bias, padding=1).tanh()
    out = G(m, z)
    assert out.shape == (2, 3, side, side) and wanted.abs().median() < 0.99 and (out - wanted).abs().max() < 1e-10


SMALL = {"width": 2, "depth": 1, "hidden": 4, "z_dim": 5}


def test_the_map_is_resized_once_for_each_resolution_by_nearest_neighbour(monkeypatch):
    G, seen, real = SPADEGenerator(3, size=16, start="random", **{**SMALL, "depth": 2}), [], F.interpolate

    def watched(x, *args, mode="bilinear", **kwargs):
        out = real(x, *args, mode=mode, **kwargs)
        seen.append((x.shape[1] == 3, out.shape[-1], mode))
        return out

    monkeypatch.setattr(nn.functional, "interpolate", watched)
    G(maps(2, 3, 16).float(), torch.zeros(2, 5))
    assert {mode for _, _, mode in seen} == {"nearest"}
    assert [side for is_map, side, _ in seen if is_map] == [2, 4, 8], "10 layers, 3 resolutions below the map's own"
    assert [side for is_map, side, _ in seen if not is_map] == [4, 8, 16]


def test_z_and_the_map_both_reach_the_image():
    G, m, z = strong(SPADEGenerator(3, size=8, start="random", spectral=False, **SMALL)), maps(2), torch.randn(2, 5)
    z = z.double()
    z.requires_grad_()
    m.requires_grad_()
    grads = torch.autograd.grad(G(m, z).square().sum(), [z, m])
    assert all(g.abs().amax(tuple(range(1, g.ndim))).min() > 1e-4 for g in grads)
    with torch.no_grad():
        assert (G(m, z) - G(m, z.flip(0))).abs().max() > 1e-2
        assert (G(m, z) - G(maps(2, seed=1), z)).abs().max() > 1e-2


def test_a_map_may_have_any_sides_that_are_multiples_and_z_needs_its_own_size():
    free, fixed = SPADEGenerator(3, **SMALL), SPADEGenerator(3, size=8, start="random", **SMALL)
    assert free.doublings == 2 and free(torch.zeros(1, 3, 12, 20)).shape == (1, 3, 12, 20)
    with pytest.raises(ValueError, match="map of 12x18 pixels: the sides must be multiples of 4"):
        free(torch.zeros(1, 3, 12, 18))
    with pytest.raises(ValueError, match="map of 8x12 pixels: starting from random, 8 is the side"):
        fixed(torch.zeros(1, 3, 8, 12), torch.zeros(1, 5))
    for size in (None, 10):
        with pytest.raises(ValueError, match=f"size {size}: starting from style, it must be a multiple of 4"):
            SPADEGenerator(3, size=size, start="style", **SMALL)


@pytest.mark.parametrize("z", [None, torch.zeros(1, 5), torch.zeros(2, 4), torch.zeros(10)])
def test_a_z_of_another_shape_is_refused(z):
    G = SPADEGenerator(3, size=8, start="style", **SMALL)
    seen = "None" if z is None else str(tuple(z.shape)).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(ValueError, match=rf"z of shape {seen}: this generator needs \(2, 5\)"):
        G(maps(2).float(), z)


def test_mistakes_name_what_was_seen():
    with pytest.raises(ValueError, match="label map of 4 channels: this generator knows 3 classes"):
        SPADEGenerator(3, **SMALL)(torch.zeros(1, 4, 8, 8))
    with pytest.raises(ValueError, match=r"start 'noise', .*'map', 'random', 'style'"):
        SPADEGenerator(3, start="noise", **SMALL)
    with pytest.raises(ValueError, match=r"variant 'huge': .*'normal', 'more', 'most'"):
        SPADEGenerator(3, variant="huge", **SMALL)
    with pytest.raises(ValueError, match="norm 'layer' is unknown to SPADE: choose one of batch, sync, instance"):
        SPADEGenerator(3, norm="layer", **SMALL)


def test_settings_reach_every_layer_and_a_layer_of_ones_own_gets_its_three_sizes():
    G = SPADEGenerator(3, kernel=5, norm="instance", **SMALL)
    layers = [m for m in G.modules() if isinstance(m, SPADE)]
    assert len(layers) == 9
    assert {(x.shared.kernel_size[0], x.shared.out_channels, type(x.norm)) for x in layers} == {
        (5, 4, nn.InstanceNorm2d)
    }
    asked = []

    def mine(channels, labels, hidden):
        asked.append((channels, labels, hidden))
        return SPADE(channels, labels, hidden, kernel=1)

    G = SPADEGenerator(3, layer=mine, **SMALL)
    assert asked == [(4, 3, 4)] * 7 + [(2, 3, 4), (4, 3, 4)], "norm_0, norm_1 of each block, then the shortcut's"
    assert {m.shared.kernel_size for m in G.modules() if isinstance(m, SPADE)} == {(1, 1)}
    baseline = SPADEGenerator(3, layer=Concat, **SMALL)
    assert baseline(maps().float()).shape == (2, 3, 8, 8) and baseline.blocks[0].conv_0.in_channels == 7


def test_images_are_bounded_and_never_in_half_precision():
    G = strong(SPADEGenerator(3, **SMALL)).float()
    with torch.no_grad():
        G.image.weight.mul_(100)
        with torch.autocast("cpu", torch.bfloat16):
            image = G(maps().float())
    assert image.dtype is torch.float32 and image.min() == -1 and image.max() == 1


def test_starting_from_the_map_resizes_it_no_more_often(monkeypatch):
    G, sides, real = SPADEGenerator(3, **{**SMALL, "depth": 2}), [], F.interpolate

    def watched(x, *args, **kwargs):
        out = real(x, *args, **kwargs)
        sides.extend([out.shape[-1]] if x.shape[1] == 3 else [])
        return out

    monkeypatch.setattr(nn.functional, "interpolate", watched)
    G(maps(2, 3, 16).float())
    assert sides == [2, 4, 8]


# The style encoder


def test_the_published_encoder():
    with torch.device("meta"):
        E = SPADEEncoder(spectral=False)
    assert count(E) == 10_463_424 and E.mu.weight.shape == E.logvar.weight.shape == (256, 8192)
    assert [c.out_channels for c in E.convs] == [64, 128, 256, 512, 512, 512] and E.convs[0].bias is None
    assert wrapped(SPADEEncoder(width=1)) == 6 and wrapped(E) == 0


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_the_encoder_written_out(norm):
    E = strong(SPADEEncoder(2, 3, 16, 5, norm, spectral=False))
    h = x = torch.randn(2, 2, 16, 16, dtype=torch.float64)
    for conv in E.convs:
        assert (conv.bias is None) == (norm == "instance"), "a bias before the norm would do nothing"
        h = F.conv2d(h, conv.weight, conv.bias, 2, 1)
        if norm == "instance":
            h = (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
        h = torch.where(h > 0, h, 0.2 * h)
    assert h.shape == (2, 6, 4, 4)
    for out, head in zip(E(x), (E.mu, E.logvar), strict=True):
        assert (out - (h.flatten(1) @ head.weight.T + head.bias)).abs().max() < 1e-10
    assert not torch.equal(*E(x))


@pytest.mark.parametrize("size", [0, 4, 12, 24, 100])
def test_sizes_that_do_not_halve_down_to_four_pixels_are_refused(size):
    with pytest.raises(ValueError, match=f"size {size}: the encoder halves down to 4 pixels, use 8, 16, 32"):
        SPADEEncoder(size=size)


def test_images_of_another_size_are_refused():
    assert len(SPADEEncoder(width=2, size=8).convs) == 1 and len(SPADEEncoder(width=2, size=64).convs) == 4
    for shape in ((16, 16), (8, 16)):
        with pytest.raises(
            ValueError, match=rf"style image of \({shape[0]}, {shape[1]}\) pixels: this encoder needs 8"
        ):
            SPADEEncoder(width=2, size=8)(torch.zeros(1, 3, *shape))


def test_instance_norm_takes_the_mean_colour_out_of_the_code():
    """Inside the image; a zero border brings a little back. Without the norm the code carries it."""
    x, shifts = torch.randn(1, 3, 32, 32, dtype=torch.float64) * 0.3, []
    for norm in ("instance", "none"):
        E = strong(SPADEEncoder(3, 4, 32, 5, norm, spectral=False))
        codes = [E(x + colour)[0] for colour in (0.0, 0.5)]
        shifts.append((codes[0] - codes[1]).norm() / codes[0].norm())
    assert shifts[0] < 0.5 * shifts[1]


def test_the_code_is_never_in_half_precision():
    with torch.autocast("cpu", torch.bfloat16):
        code = SPADEEncoder(width=2, size=8)(torch.randn(2, 3, 8, 8))
    assert [out.dtype for out in code] == [torch.float32] * 2


def test_reparameterisation_is_mean_plus_deviation_times_a_normal_draw():
    mu, logvar = (torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
    torch.manual_seed(5)
    z = reparameterise(mu, logvar)
    torch.manual_seed(5)
    noise = torch.randn(4, 3, dtype=torch.float64)
    assert (z - (mu + logvar.exp().sqrt() * noise)).abs().max() < 1e-12
    to_mu, to_logvar = torch.autograd.grad(z.sum(), [mu, logvar])
    assert torch.equal(to_mu, torch.ones(4, 3).double())
    assert torch.allclose(to_logvar, 0.5 * logvar.exp().sqrt() * noise)
    assert not torch.equal(z, reparameterise(mu, logvar))
