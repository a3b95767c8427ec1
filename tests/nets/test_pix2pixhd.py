"""pix2pixHD's networks: the authors' sizes and order, averages over objects equal to loops, edges, the enhancer."""

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from gritlib.nets.pix2pixhd import (
    GlobalGenerator,
    InstanceEncoder,
    LocalEnhancer,
    class_means,
    edges,
    init_weights,
    instance_mean,
    paint,
)

X = torch.linspace(-40, 40, 2 * 3 * 16 * 24, dtype=torch.float64).view(2, 3, 16, 24).sin()


def strong(net):
    """Weights large enough for every part to show in the output."""
    torch.manual_seed(0)
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return net.double()


def small(kind=GlobalGenerator, **options):
    sizes = {"in_channels": 3, "width": 2, "downs": 2} | ({} if kind is InstanceEncoder else {"blocks": 2})
    return strong(kind(**{**sizes, **options}))


def count(net):
    return sum(p.numel() for p in net.parameters())


def shapes(net):
    return [tuple(p.shape) for p in net.parameters()]


def test_official_parameter_counts():
    with torch.device("meta"):
        assert count(GlobalGenerator(36)) == 182_546_755
        assert count(GlobalGenerator(36 + 3)) == 182_556_163
        assert count(LocalEnhancer(36)) == 182_857_059
        assert count(InstanceEncoder()) == 788_803


def conv(a, b, k):
    return [(b, a, k, k), (b,)]


def up(a, b):  # a transposed convolution stores its input channels first
    return [(a, b, 3, 3), (b,)]


def test_tensors_stand_in_the_authors_order():
    with torch.device("meta"):
        net, enhancer, encoder = GlobalGenerator(36), LocalEnhancer(36), InstanceEncoder()
    trunk = conv(36, 64, 7) + conv(64, 128, 3) + conv(128, 256, 3) + conv(256, 512, 3) + conv(512, 1024, 3)
    trunk += 18 * conv(1024, 1024, 3) + up(1024, 512) + up(512, 256) + up(256, 128) + up(128, 64)
    assert shapes(net) == trunk + conv(64, 3, 7)
    local = conv(36, 32, 7) + conv(32, 64, 3) + 6 * conv(64, 64, 3) + up(64, 32) + conv(32, 3, 7)
    assert shapes(enhancer) == trunk + local
    first, last = conv(3, 16, 7) + conv(16, 32, 3) + conv(32, 64, 3), up(64, 32) + up(32, 16) + conv(16, 3, 7)
    deep = conv(64, 128, 3) + conv(128, 256, 3) + up(256, 128) + up(128, 64)
    assert shapes(encoder) == first + deep + last


def norm(h):
    return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


def convolve(weights, h, stride=1, by=0):
    """Reflected by some pixels, or where there are strides zeros at the border; takes its two tensors off the list."""
    h = F.pad(h, (by,) * 4, mode="reflect") if by else h
    return F.conv2d(h, weights.pop(0), weights.pop(0), stride, stride - 1)


def residual(weights, h):
    return h + norm(convolve(weights, norm(convolve(weights, h, by=1)).relu(), by=1))


def double(weights, h):
    return norm(F.conv_transpose2d(h, weights.pop(0), weights.pop(0), 2, 1, 1)).relu()


def trunk_written_out(weights, x, downs, blocks):
    h = norm(convolve(weights, x, by=3)).relu()
    for _ in range(downs):
        h = norm(convolve(weights, h, stride=2)).relu()
    for _ in range(blocks):
        h = residual(weights, h)
    for _ in range(downs):
        h = double(weights, h)
    return h


def test_values_are_those_of_the_layers_written_out():
    net = small(downs=3)
    weights = list(net.parameters())
    wanted = convolve(weights, trunk_written_out(weights, X, 3, 2), by=3).tanh()
    assert not weights and torch.allclose(net(X), wanted, atol=1e-10)


def test_the_enhancer_adds_the_coarse_features_between_its_halving_and_its_blocks():
    net = small(LocalEnhancer, downs=1, local_blocks=1)
    weights = list(net.parameters())
    # Means of 3x3 pixels around every second one; what lies beyond the border is not counted.
    ones = torch.ones(1, 1, 3, 3, dtype=X.dtype)
    counted = F.conv2d(torch.ones_like(X[:1, :1]), ones, None, 2, 1)
    half = F.conv2d(X, ones.expand(3, 1, 3, 3), None, 2, 1, groups=3) / counted
    coarse = trunk_written_out(weights, half, 1, 2)
    own = norm(convolve(weights, norm(convolve(weights, X, by=3)).relu(), stride=2)).relu()
    h = double(weights, residual(weights, own + coarse))
    wanted = convolve(weights, h, by=3).tanh()
    assert not weights and torch.allclose(net(X), wanted, atol=1e-10)


def moved(net, x, **how):
    net.zero_grad()
    net(x, **how).square().sum().backward()
    return {name: p.grad is not None and bool(p.grad.abs().max() > 0) for name, p in net.named_parameters()}


def test_with_the_global_network_fixed_the_enhancer_alone_gets_a_gradient():
    net = small(LocalEnhancer, norm="none")
    assert all(moved(net, X).values())
    fixed = moved(net, X, fixed=True)
    assert fixed == {name: not name.startswith("coarse.") for name in fixed}
    assert all(p.grad is None for p in net.coarse.parameters()), "nothing is computed and thrown away"
    assert torch.equal(net(X), net(X, fixed=True))
    kept = []
    net.coarse.register_forward_hook(lambda module, inputs, out: kept.append(out.requires_grad))
    with torch.no_grad():
        net(X)
    assert kept == [False], "fixed=False does not switch gradients on"


def test_an_enhancer_takes_a_trained_global_network_without_its_last_convolution():
    trained = small(width=4)
    net = LocalEnhancer(3, width=2, local_blocks=1, coarse=trained).double()
    assert net.coarse is trained.trunk and net.downs == 3
    assert count(net) == count(trained.trunk) + count(net.down) + count(net.up) + count(net.head)
    assert net(X).shape == X.shape and trained(X).shape == X.shape, "the global network still works"
    with pytest.raises(ValueError, match="coarse network of width 4: an enhancer of width 4 needs 8"):
        LocalEnhancer(3, width=4, coarse=trained)


@pytest.mark.parametrize("kind", [GlobalGenerator, LocalEnhancer])
def test_two_images_in_a_batch_are_each_what_it_is_alone(kind):
    net = small(kind)
    assert torch.allclose(net(X), torch.cat([net(X[:1]), net(X[1:])]), atol=1e-12)


@pytest.mark.parametrize("kind, sides", [(GlobalGenerator, (4, 4)), (LocalEnhancer, (8, 8)), (InstanceEncoder, (4, 4))])
def test_sides_that_do_not_fit_are_padded_by_reflection_and_cropped(kind, sides):
    net, x = small(kind), X[..., :13, :22]
    call = net.each_pixel if kind is InstanceEncoder else net
    filled = F.pad(x, (0, -22 % sides[1], 0, -13 % sides[0]), mode="reflect")
    assert call(x).shape == (2, 3, 13, 22)
    assert torch.equal(call(x), call(filled)[..., :13, :22])


@pytest.mark.parametrize(
    "kind, downs, smallest", [(GlobalGenerator, 2, 8), (GlobalGenerator, 3, 9), (LocalEnhancer, 3, 17)]
)
def test_the_smallest_image_works_and_a_smaller_one_is_refused(kind, downs, smallest):
    net = small(kind, downs=downs)
    x = X[..., :1, :].expand(2, 3, 20, 24)
    assert net(x[..., :smallest, :smallest]).isfinite().all()
    side = smallest - 1
    with pytest.raises(ValueError, match=f"{side}x24 pixels is too small .* needs sides of {smallest} or more"):
        net(x[..., :side, :])


@pytest.mark.parametrize("norm, layer", [("batch", nn.BatchNorm2d), ("sync", nn.SyncBatchNorm), ("none", None)])
def test_other_norms(norm, layer):
    net = small(norm=norm)
    norms = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    assert len(norms) == (9 if layer else 0) and all(type(m) is layer for m in norms)
    assert not any(isinstance(m, nn.InstanceNorm2d) for m in net.modules())
    assert net(X).shape == X.shape
    if layer:  # in one process sync is batch
        twin = small(norm="batch")
        twin.load_state_dict(net.state_dict())
        assert torch.equal(twin.train()(X), net.train()(X))


def test_spectral_norm_on_all_convolutions_but_the_last():
    torch.manual_seed(0)
    net = GlobalGenerator(3, width=4, downs=2, blocks=1, spectral=True)
    convs = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert [is_parametrized(m, "weight") for m in convs] == [True] * 7 + [False]
    for _ in range(200):  # the power iteration converges
        net(X.float())
    for m in convs[:-1]:
        rows = m.weight.transpose(0, 1) if isinstance(m, nn.ConvTranspose2d) else m.weight
        assert torch.linalg.matrix_norm(rows.flatten(1).detach(), 2).item() == pytest.approx(1, abs=2e-3)


@pytest.mark.parametrize("wrong", [{"downs": 0}, {"blocks": -1}, {"norm": "layer"}])
def test_settings_that_cannot_be_are_named(wrong):
    ((key, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"{key} {value!r}.*batch, sync, instance, none"):
        GlobalGenerator(3, **wrong)


def looped(features, ids):
    """Average by three loops, as the definition says."""
    out = features.clone()
    for b, f in product(range(len(features)), range(features.shape[1])):
        for i in ids[b].unique():
            here = ids[b] == i
            out[b, f, here] = features[b, f, here].mean()
    return out


# Objects in two pieces, in both images, of a single pixel; numbers as Cityscapes writes them, and a negative one.
IDS = torch.full((2, 16, 24), 7)
IDS[0, :5, :9], IDS[0, 10:, 20:], IDS[0, 7, 7], IDS[1, :, ::2], IDS[1, 3:, 3] = 26001, 26001, -1, 26001, 26002


def test_averages_over_objects_equal_the_loop_and_so_do_their_gradients():
    a, b = (X.clone().requires_grad_() for _ in range(2))
    ours, wanted = instance_mean(a, IDS), looped(b, IDS)
    assert torch.allclose(ours, wanted, atol=1e-14)
    weights = torch.linspace(0, 9, X.numel(), dtype=X.dtype).view(X.shape).cos()
    for result in (ours, wanted):
        (result * weights).sum().backward()
    assert a.grad.abs().max() > 0.01 and torch.allclose(a.grad, b.grad, atol=1e-14)
    assert torch.autograd.gradcheck(
        lambda x: instance_mean(x, IDS[:, ::4, ::6]), a.detach()[..., ::4, ::6].clone().requires_grad_()
    )


def test_the_same_number_in_two_images_is_two_objects():
    together = instance_mean(X, IDS)
    alone = torch.cat([instance_mean(X[i : i + 1], IDS[i : i + 1]) for i in range(2)])
    assert torch.allclose(together, alone, atol=1e-14)
    first, second = (together[i][:, IDS[i] == 7][:, 0] for i in range(2))
    assert (first - second).abs().min() > 1e-3


def test_averages_are_taken_in_full_precision_and_sizes_must_agree():
    assert instance_mean(X.bfloat16(), IDS).dtype == torch.float32
    with pytest.raises(ValueError, match=r"ids of shape \(2, 8, 8\) for features \(2, 3, 16, 24\): use \(2, 16, 24\)"):
        instance_mean(X, IDS[:, :8, :8])


def test_the_encoder_averages_what_it_says_of_each_pixel():
    net = small(InstanceEncoder, features=2)
    pixels = net.each_pixel(X)
    assert pixels.shape == (2, 2, 16, 24) and pixels.abs().max() <= 1
    assert torch.allclose(net(X, IDS), looped(pixels, IDS), atol=1e-12)
    net(X, IDS)[0, 0, 0, 0].backward()  # one pixel of one object reaches all of the network
    assert all(p.grad is not None for p in net.parameters())
    assert next(iter(net.parameters())).grad.abs().max() > 0


def test_class_codes_painted_are_averages_over_the_regions_of_the_classes():
    label = torch.where(IDS == 7, 0, torch.where(IDS == 26001, 1, 3))
    m = F.one_hot(label, 5).permute(0, 3, 1, 2).float()
    codes, there = class_means(X, m)
    assert there.tolist() == [[True, True, False, True, False]] * 2 and codes.shape == (2, 5, 3)
    assert torch.allclose(paint(codes, m), looped(X, label), atol=1e-12)
    assert (codes[~there] == 0).all()
    assert torch.allclose(codes[1, 3], X[1][:, label[1] == 3].mean(1))


def test_edges_of_a_map_drawn_by_hand():
    ids = torch.tensor([[0, 0, 0, 0, 5], [0, 0, 0, 0, 5], [0, 0, 9, 0, 0], [0, 0, 0, 0, 0]])
    wanted = [[0, 0, 0, 1, 1], [0, 0, 1, 1, 1], [0, 1, 1, 1, 1], [0, 0, 1, 0, 0]]
    found = edges(torch.stack([ids, torch.zeros_like(ids)]))
    assert found.shape == (2, 1, 4, 5) and found.dtype == torch.float32
    assert found[0, 0].tolist() == wanted and not found[1].any(), "images do not touch"
    assert edges(ids[None].to(torch.uint8))[0, 0].tolist() == wanted
    # turned and mirrored maps have turned and mirrored edges
    assert torch.equal(edges(ids.T[None])[0, 0], found[0, 0].T)
    assert torch.equal(edges(ids.flip(0)[None])[0, 0], found[0, 0].flip(0))


@pytest.mark.parametrize("norm, spectral", [("instance", False), ("batch", True)])
def test_initial_weights_are_the_authors_and_biases_pytorchs(norm, spectral):
    torch.manual_seed(0)
    net = GlobalGenerator(8, width=16, downs=1, blocks=2, norm=norm, spectral=spectral)
    before = {name: p.clone() for name, p in net.named_parameters() if name.endswith("bias")}
    assert init_weights(net) is net
    convs = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    for m in convs:
        weight = m.parametrizations.weight.original if is_parametrized(m, "weight") else m.weight
        n = weight.numel()
        assert abs(weight.std() - 0.02) < 5 * 0.02 / (2 * n) ** 0.5 and abs(weight.mean()) < 5 * 0.02 / n**0.5
    assert all(torch.equal(p, before[name]) for name, p in net.named_parameters() if name in before)
    assert convs[-1].bias.abs().max() > 1e-3
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            assert 0.005 < (m.weight - 1).abs().mean() < 0.04 and not m.bias.any()
