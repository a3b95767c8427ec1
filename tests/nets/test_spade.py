"""SPADE keeps the map that other normalisation erases; every part is compared with its equation, written out here."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from gritlib.nets import SPADE, Concat, SPADEBlock, SPADEGenerator
from gritlib.nets.blocks import AdaIN


def maps(batch=2, labels=3, side=8, seed=0):
    """Random one-hot maps in float64."""
    ids = torch.randint(labels, (batch, side, side), generator=torch.Generator().manual_seed(seed))
    return F.one_hot(ids, labels).permute(0, 3, 1, 2).double()


def uniform(label, labels=3, side=8, batch=1):
    m = torch.zeros(batch, labels, side, side, dtype=torch.float64)
    m[:, label] = 1
    return m


def strong(net):
    """In float64, with weights so large that no part of it can be left out unnoticed."""
    torch.manual_seed(1)
    for p in net.double().parameters():
        nn.init.normal_(p, 0.0, 0.4)
    return net


def normalised(h, axes):
    return (h - h.mean(axes, keepdim=True)) / (h.var(axes, unbiased=False, keepdim=True) + 1e-5).sqrt()


def leaky(x):
    return torch.where(x > 0, x, 0.2 * x)


def count(net):
    return sum(p.numel() for p in net.parameters())


H = torch.randn(2, 4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(9)) * 3 + 1
AXES = {"batch": (0, 2, 3), "sync": (0, 2, 3), "instance": (2, 3)}


# The layer


@pytest.mark.parametrize("norm", AXES)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_the_layer_is_equation_1_with_one_plus_gamma(norm, kernel):
    layer, m = strong(SPADE(4, 3, 6, kernel, norm)), maps()
    ways = {"padding": kernel // 2}
    embedding = F.conv2d(m, layer.shared.weight, layer.shared.bias, **ways).clamp(min=0)
    gamma, beta = (F.conv2d(embedding, conv.weight, conv.bias, **ways) for conv in (layer.gamma, layer.beta))
    wanted = (1 + gamma) * normalised(H, AXES[norm]) + beta
    assert (layer(H, m) - wanted).abs().max() < 1e-12
    assert layer.shared.weight.shape == (6, 3, kernel, kernel) and layer.gamma.weight.shape == (4, 6, kernel, kernel)


def test_the_normalisation_learns_nothing_and_at_zero_the_layer_is_plain_normalisation():
    for norm, axes in AXES.items():
        layer = SPADE(4, 3, 6, norm=norm).double()
        assert not list(layer.norm.parameters())
        for p in layer.parameters():
            nn.init.zeros_(p)
        assert (layer(H, maps()) - normalised(H, axes)).abs().max() < 1e-12


def test_constant_gamma_and_beta_are_a_batch_norm_with_scale_and_shift():
    for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-6)):
        layer, h, m = strong(SPADE(4, 3, 6)), H.to(dtype), maps().to(dtype)
        with torch.no_grad():
            layer.gamma.weight.zero_()
            layer.beta.weight.zero_()
        layer.to(dtype)
        wanted = F.batch_norm(h, None, None, 1 + layer.gamma.bias, layer.beta.bias, training=True)
        assert (layer(h, m) - wanted).abs().max() <= tolerance * wanted.abs().max()


def test_a_map_of_one_label_for_each_image_makes_it_conditional_batch_norm():
    layer = strong(SPADE(4, 3, 6, kernel=1))
    m = torch.cat([uniform(2), uniform(0)])
    table = layer.shared(torch.eye(3).double()[..., None, None]).relu()
    gamma, beta = (conv(table)[[2, 0]] for conv in (layer.gamma, layer.beta))  # (2, 4, 1, 1): of each image's class
    wanted = F.batch_norm(H, None, None, training=True) * (1 + gamma) + beta
    assert (layer(H, m) - wanted).abs().max() < 1e-12 and (gamma[0] - gamma[1]).abs().min() > 1e-2


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_a_single_image_of_one_label_makes_it_adain(norm):
    layer, adain, h = strong(SPADE(4, 3, 6, 1, norm)), AdaIN(4, 0).double(), H[:1]
    embedding = layer.shared(uniform(1, side=1)).relu()
    with torch.no_grad():
        adain.affine.copy_(torch.cat([layer.gamma(embedding), layer.beta(embedding)], 1).flatten())
    assert (layer(h, uniform(1)) - adain(h, None)).abs().max() < 1e-12


def test_batch_statistics_are_kept_for_test_time_and_instance_norm_has_none():
    layer, m = strong(SPADE(4, 3, 6)), maps()
    for _ in range(300):
        layer(H, m)
    layer.eval()
    seen = [layer(H[i : i + 1], m[i : i + 1]) for i in range(2)]
    unbiased = (2 * 64 - 1) / (2 * 64)  # the running variance divides by n - 1
    mean, var = H.mean((0, 2, 3)), H.var((0, 2, 3), unbiased=False) / unbiased
    assert torch.allclose(layer.norm.running_mean, mean) and torch.allclose(layer.norm.running_var, var)
    assert (torch.cat(seen) - layer(H, m)).abs().max() < 1e-12, "an image's output depends on no other"
    alone = strong(SPADE(4, 3, 6, norm="instance"))
    assert not list(alone.buffers()) and torch.equal(alone(H, m), alone.eval()(H, m))


@pytest.mark.parametrize("kernel, reach", [(1, 0), (3, 2), (5, 4)])
def test_one_label_changes_the_output_within_the_kernels_reach_and_all_of_it(kernel, reach):
    layer = SPADE(1, 3, 2, kernel, "instance").double()
    for p in layer.parameters():
        nn.init.uniform_(p, 0.1, 1.0)  # no path may cancel another
    h, m = torch.randn(1, 1, 15, 15, dtype=torch.float64), uniform(0, side=15)
    other = m.clone()
    other[0, :, 6, 8] = torch.tensor([0.0, 0, 1])
    changed = (layer(h, m) != layer(h, other))[0, 0]
    wanted = torch.zeros(15, 15, dtype=torch.bool)
    wanted[6 - reach : 7 + reach, 8 - reach : 9 + reach] = True
    assert torch.equal(changed, wanted)


@pytest.mark.parametrize("layer", [SPADE, Concat])
def test_the_map_is_resized_by_nearest_neighbour_to_the_activations(layer):
    layer = strong(layer(4, 3, 6)).eval()
    fine, coarse = maps(side=32), maps(side=4)
    for m, wanted in ((fine, fine[..., ::4, ::4]), (coarse, coarse.repeat_interleave(2, 2).repeat_interleave(2, 3))):
        assert wanted.shape[2:] == (8, 8) and (layer(H, m) - layer(H, wanted)).abs().max() < 1e-12


def test_concat_is_ordinary_normalisation_beside_the_map():
    m = maps()
    for norm, axes in AXES.items():
        layer = strong(Concat(4, 3, norm=norm))
        scale, shift = (p.view(1, 4, 1, 1) for p in (layer.norm.weight, layer.norm.bias))
        out = layer(H, m)
        assert (out[:, :4] - (normalised(H, axes) * scale + shift)).abs().max() < 1e-12
        assert torch.equal(out[:, 4:], m) and layer.extra == 3 and SPADE.extra == 0
    assert count(Concat(4, 3, 99, 5)) == 8 == count(Concat(4, 3)), "it has neither a hidden width nor a kernel"


# Why (thesis, figure 2.3): of a map of one label, normalisation leaves nothing


def test_convolution_and_instance_norm_erase_a_uniform_map():
    torch.manual_seed(0)
    for label in range(3):
        m = uniform(label, side=32).float()
        for _ in range(5):
            inside, bordered = (nn.Conv2d(3, 8, 3, 1, 1, padding_mode=mode) for mode in ("reflect", "zeros"))
            erased = F.instance_norm(inside(m))
            assert erased.isfinite().all() and erased.abs().max() < 1e-4
            zeros = F.instance_norm(bordered(m))
            edge = zeros.clone()
            edge[..., 1:-1, 1:-1] = 0
            assert edge.abs().max() > 1, "zero padding leaves a frame"
            assert zeros[..., 1:-1, 1:-1].std((2, 3)).max() < 1e-4, "and nothing inside"


def test_spade_tells_two_uniform_maps_apart_where_convolution_and_norm_cannot():
    layer, m = strong(SPADE(4, 3, 6, norm="instance")), [uniform(label, side=8) for label in (0, 1)]
    conv = strong(nn.Conv2d(3, 4, 3, 1, 1, padding_mode="reflect"))
    apart = [F.instance_norm(conv(x)) for x in m]
    assert (apart[0] - apart[1]).abs().max() < 1e-9
    assert (layer(H[:1], m[0]) - layer(H[:1], m[1])).abs().mean() > 0.1
    # Also where the map is concatenated at every layer: the next convolution and norm make the same of both.
    concat = strong(Concat(4, 3, norm="instance"))
    following = strong(nn.Conv2d(7, 4, 3, 1, 1, padding_mode="reflect"))
    apart = [F.instance_norm(following(concat(H[:1], x))) for x in m]
    assert (apart[0] - apart[1]).abs().max() < 1e-9


# The block


@pytest.mark.parametrize("layer", [SPADE, Concat])
@pytest.mark.parametrize("channels", [(4, 4), (4, 6), (4, 2)])
def test_the_block_written_out(layer, channels):
    block, m = strong(SPADEBlock(*channels, 3, 5, layer, spectral=False)), maps()
    middle = F.conv2d(leaky(block.norm_0(H, m)), block.conv_0.weight, block.conv_0.bias, padding=1)
    wanted = F.conv2d(leaky(block.norm_1(middle, m)), block.conv_1.weight, block.conv_1.bias, padding=1)
    assert middle.shape[1] == min(channels), "the narrower of the two is the width in the middle"
    if channels[0] == channels[1]:
        assert block.conv_s is None and block.norm_s is None
        wanted = wanted + H
    else:
        assert block.conv_s.kernel_size == (1, 1) and block.conv_s.bias is None
        wanted = wanted + F.conv2d(block.norm_s(H, m), block.conv_s.weight)  # no activation before it
    assert wanted.shape[1] == channels[1] and (block(H, m) - wanted).abs().max() < 1e-10


def wrapped(net):
    return [name for name, module in net.named_modules() if is_parametrized(module, "weight")]


def test_spectral_norm_holds_the_convolutions_outside_the_modulation_at_one():
    G = SPADEGenerator(3, width=2, depth=1, hidden=4)
    names = [f"blocks.{i}.conv_{k}" for i, ks in ((0, "01"), (1, "01"), (2, "01"), (3, "01s")) for k in ks]
    assert wrapped(G) == names and wrapped(SPADEGenerator(3, width=2, depth=1, spectral=False)) == []
    convs = [G.get_submodule(name) for name in names]
    with torch.no_grad():
        for conv in convs:
            conv.parametrizations.weight.original.normal_(0.0, 5.0)
        for _ in range(60):  # one power iteration a forward
            G(maps(1).float())
    for conv in convs:
        assert abs(torch.linalg.matrix_norm(conv.weight.flatten(1), 2).item() - 1) < 1e-2
        assert torch.linalg.matrix_norm(conv.parametrizations.weight.original.flatten(1), 2) > 5
