"""AdaIN sets the statistics it is told to, spatial noise is an outer product, batch statistics are plain means, a blur
is its kernel, one call for several batches is several calls."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gritlib.nets import UNet
from gritlib.nets.blocks import (
    NORMS,
    AdaIN,
    Blur,
    SpatialNoise,
    instance_norm,
    jointly,
    make_norm,
    needs_bias,
    reestimate_batchnorm,
)


def adain():
    layer = AdaIN(3, 4).double()
    with torch.no_grad():
        for i, p in enumerate(layer.parameters()):
            p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))
    return layer


def gamma_beta(layer, style):
    """Each (B, C), by the definition."""
    channels = layer.affine.out_features // 2
    both = style @ layer.affine.weight.T + layer.affine.bias
    return both[:, :channels], both[:, channels:]


H = torch.randn(2, 3, 7, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) * 3 + 1
Z = torch.tensor([[1.0, -2, 0.5, 0], [0, 1, 1, -1]], dtype=torch.float64)


def test_adain_sets_mean_and_spread_of_every_image_and_channel():
    layer = adain()
    out = layer(H, Z)
    gamma, beta = gamma_beta(layer, Z)
    shrink = (H.var((2, 3), unbiased=False) / (H.var((2, 3), unbiased=False) + 1e-5)).sqrt()
    assert (out.mean((2, 3)) - beta).abs().max() < 1e-12
    assert (out.std((2, 3), unbiased=False) - (1 + gamma).abs() * shrink).abs().max() < 1e-12
    assert ((1 + gamma).abs() > 0.05).all()


@pytest.mark.parametrize("a, b", [(3.0, 0.0), (1.0, -20.0), (0.5, 4.0), (200.0, 1.0)])
def test_adain_forgets_scale_and_shift_of_its_input(a, b):
    layer = adain()
    assert (layer(a * H + b, Z) - layer(H, Z)).abs().max() < 1e-4
    assert (layer(H.flip(3), Z) - layer(H, Z)).abs().max() > 0.1


def test_adain_with_a_zero_map_is_instance_norm():
    layer = AdaIN(3, 4).double()
    nn.init.zeros_(layer.affine.weight)
    nn.init.zeros_(layer.affine.bias)
    normalised = (H - H.mean((2, 3), keepdim=True)) / (H.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    assert (layer(H, Z) - normalised).abs().max() < 1e-12
    assert (instance_norm(H) - normalised).abs().max() < 1e-12


def test_a_single_pixel_has_no_spread_to_normalise_by_and_passes():
    pixel, layer = H[:, :, :1, :1], adain()
    gamma, beta = gamma_beta(layer, Z)
    assert torch.equal(instance_norm(pixel), pixel)
    assert torch.allclose(layer(pixel, Z)[:, :, 0, 0], (1 + gamma) * pixel[:, :, 0, 0] + beta)
    assert (instance_norm(H[:, :, :1, :2]).mean((2, 3))).abs().max() < 1e-12


def test_adain_without_style_has_a_learned_scale_and_shift_that_begin_at_identity():
    layer = AdaIN(3, 0).double()
    assert (layer(H, None) - nn.functional.instance_norm(H)).abs().max() == 0
    layer.affine.data = torch.tensor([1.0, 2, 3, 4, 5, 6], dtype=torch.float64)
    out = layer(H, None)
    assert torch.allclose(out.mean((2, 3)), torch.tensor([4.0, 5, 6], dtype=torch.float64).expand(2, 3))
    assert torch.allclose(out.std((2, 3), unbiased=False)[0], torch.tensor([2.0, 3, 4], dtype=torch.float64), 1e-5)


def test_spatial_noise_adds_the_outer_product_of_weight_and_map():
    layer, n = SpatialNoise(3).double(), torch.randn(2, 1, 7, 5, dtype=torch.float64)
    layer.weight.data = torch.tensor([0.0, -1.0, 2.5], dtype=torch.float64).view(1, 3, 1, 1)
    added = layer(H, n) - H
    assert (added - torch.einsum("c,bij->bcij", layer.weight.flatten(), n[:, 0])).abs().max() < 1e-14


def test_spatial_noise_begins_as_identity_and_can_still_learn():
    layer, n = SpatialNoise(3).double(), torch.randn(2, 1, 7, 5, dtype=torch.float64)
    out = layer(H, n)
    assert torch.equal(out, H)
    upstream = torch.randn_like(H)
    gradient = torch.autograd.grad((out * upstream).sum(), layer.weight)[0].flatten()
    assert (gradient - (upstream * n).sum((0, 2, 3))).abs().max() < 1e-12 and gradient.abs().min() > 0
    assert (SpatialNoise(3, 0.25).weight == 0.25).all()


def test_norms_by_name():
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "none": nn.Identity}
    assert {name: type(make_norm(name, 3)) for name in NORMS} == kinds
    assert {name: needs_bias(name) for name in NORMS} == {"batch": False, "instance": True, "none": True}
    assert not list(make_norm("instance", 3).parameters()) and not list(make_norm("instance", 3).buffers())
    with pytest.raises(ValueError, match="norm 'spade' is unknown: choose one of batch, instance, none"):
        make_norm("spade", 3)


def normalised_net():
    net = nn.Sequential(
        nn.BatchNorm2d(2, momentum=0.3), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.BatchNorm2d(3), nn.Dropout(0.5)
    )
    for layer in (net[0], net[3]):
        layer.running_mean.fill_(9.0)
        nn.init.normal_(layer.weight)
    return net.double().eval()


def test_reestimated_statistics_are_plain_means_over_the_batches():
    net = normalised_net().train()
    net(torch.randn(4, 2, 6, 6, dtype=torch.float64))  # statistics of earlier weights, to be forgotten
    net.eval()
    batches = [torch.randn(b, 2, 6, 6, dtype=torch.float64) * s + s for b, s in ((4, 1.0), (2, 3.0), (4, 0.5))]
    inputs = {0: [], 3: []}
    for i, seen in inputs.items():
        net[i].register_forward_hook(lambda m, x, out, seen=seen: seen.append(x[0]))
    reestimate_batchnorm(net, net, batches)
    for i, seen in inputs.items():
        assert len(seen) == 3
        means, variances = zip(*[(h.mean((0, 2, 3)), h.var((0, 2, 3))) for h in seen], strict=True)
        assert (net[i].running_mean - sum(means) / 3).abs().max() < 1e-12
        assert (net[i].running_var - sum(variances) / 3).abs().max() < 1e-12
    first = (batches[0] - batches[0].mean((0, 2, 3), keepdim=True)) / (
        batches[0].var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    assert (net[1](first * net[0].weight.view(1, 2, 1, 1)).relu() - inputs[3][0]).abs().max() < 1e-12


@pytest.mark.parametrize("training", [False, True])
def test_reestimating_leaves_mode_momentum_and_weights(training):
    net = normalised_net().train(training)
    before = [p.clone() for p in net.parameters()]
    reestimate_batchnorm(net, net, [torch.randn(4, 2, 6, 6, dtype=torch.float64)])
    assert [net[0].momentum, net[3].momentum] == [0.3, 0.1]
    assert {module.training for module in net.modules()} == {training}
    assert all(torch.equal(a, b) and b.grad is None for a, b in zip(before, net.parameters(), strict=True))


def test_reestimating_does_not_ask_for_batches_without_batch_norm():
    def batches():
        raise AssertionError("drawn for nothing")
        yield

    reestimate_batchnorm(UNet(width=1, depth=3, norm="instance"), None, batches())


@pytest.mark.parametrize("height, width", [(8, 6), (7, 5), (2, 2), (3, 2)])
def test_blur_is_the_binomial_kernel_at_every_other_pixel(height, width):
    h = torch.randn(2, 3, height, width, dtype=torch.float64)
    taps = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64) / 4
    kernel = torch.outer(taps, taps).expand(3, 1, 3, 3)
    wanted = F.conv2d(F.pad(h, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=3)
    out = Blur()(h)
    assert out.shape == wanted.shape == (2, 3, -(-height // 2), -(-width // 2))
    assert (out - wanted).abs().max() < 1e-14


def test_blur_keeps_constants_removes_the_finest_stripes_and_stores_nothing():
    stripes = torch.tensor([1.0, -1.0]).repeat(4).expand(1, 1, 6, 8)
    assert torch.equal(Blur()(torch.full((1, 1, 6, 8), 3.0)), torch.full((1, 1, 3, 4), 3.0))
    assert not Blur()(stripes).any() and stripes[..., ::2].all(), "which plain halving takes for a constant"
    assert not Blur().state_dict() and not list(Blur().buffers())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("sides", [(8, 12), (7, 9), (2, 3)], ids=str)
def test_the_blur_and_its_gradient_are_those_of_shifted_sums_bit_for_bit(dtype, sides):
    """Studies were trained with autograd's gradient of this formula."""
    seeded = torch.Generator().manual_seed(0)
    h = torch.randn(2, 3, *sides, generator=seeded).to(dtype).requires_grad_()
    padded = F.pad(h, (1, 1, 1, 1), mode="reflect")
    rows = padded[..., :-2:2] + 2 * padded[..., 1:-1:2] + padded[..., 2::2]
    wanted = (rows[..., :-2:2, :] + 2 * rows[..., 1:-1:2, :] + rows[..., 2::2, :]) / 16
    found = Blur()(h)
    assert found.dtype == dtype and torch.equal(found, wanted)
    weights = torch.randn(wanted.shape, generator=seeded).to(dtype)
    gradients = [torch.autograd.grad((image * weights).sum(), h)[0] for image in (found, wanted)]
    assert gradients[0].abs().sum() > 0 and torch.equal(*gradients)


def test_the_blur_can_be_differentiated_twice():
    """A gradient penalty on an antialiased discriminator does."""
    h = torch.randn(1, 2, 5, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    assert torch.autograd.gradcheck(Blur(), h)
    assert torch.autograd.gradgradcheck(lambda h: Blur()(h).pow(3), h)


def counted(*layers):
    """A network and the sizes of the batches it was called with."""
    net, calls = nn.Sequential(*layers).double(), []
    net.register_forward_hook(lambda m, inputs, out: calls.append(len(inputs[0])))
    return net, calls


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_jointly_is_one_call_with_the_values_of_several(norm):
    net, calls = counted(nn.Conv2d(2, 3, 3), make_norm(norm, 3), nn.Tanh())
    batches = [torch.randn(2, 2, 6, 6, dtype=torch.float64) * s for s in (1, 5, 0.1)]
    together = jointly(net, *batches)
    assert calls == [6] and len(together) == 3
    assert all((a - net(x)).abs().max() < 1e-12 for a, x in zip(together, batches, strict=True))


def test_jointly_calls_for_each_batch_where_statistics_belong_to_the_batch():
    net, calls = counted(nn.Conv2d(2, 3, 3), nn.Sequential(nn.BatchNorm2d(3)))
    batches = [torch.randn(2, 2, 6, 6, dtype=torch.float64) * s for s in (1, 5)]
    apart = jointly(net, *batches)
    assert calls == [2, 2] and net[1][0].num_batches_tracked == 2
    for out in apart:
        assert out.mean((0, 2, 3)).abs().max() < 1e-9, "each normalised by itself"
