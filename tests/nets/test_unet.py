"""The U-Net is the authors' network: same size, values and gradients; its skips carry something; sides are checked."""

import re

import pytest
import torch
from torch import nn

from gritlib.nets import UNet
from gritlib.nets.unet import UpBlock


class Nested(nn.Module):
    """The authors' form of the same network, written independently: each block contains the next inner one, works in
    place, and returns its own input (by then gone through the in-place LeakyReLU) beside its output."""

    def __init__(self, inner, outside, inside, norm, drop=False, image=None):
        super().__init__()
        make, bias = {
            "batch": (lambda c: [nn.BatchNorm2d(c)], False),
            "instance": (lambda c: [nn.InstanceNorm2d(c)], True),
            "none": (lambda c: [], True),
        }[norm]
        self.outermost = image is not None
        down = [nn.Conv2d(image[0] if image else outside, inside, 4, 2, 1, bias=bias)]
        if image:
            up = [nn.ReLU(True), nn.ConvTranspose2d(2 * inside, image[1], 4, 2, 1), nn.Tanh()]
        else:
            down = [nn.LeakyReLU(0.2, True), *down, *(make(inside) if inner else [])]
            up = [nn.ReLU(True), nn.ConvTranspose2d(inside * (2 if inner else 1), outside, 4, 2, 1, bias=bias)]
            up += make(outside) + ([nn.Dropout(0.5)] if drop else [])
        self.layers = nn.Sequential(*down, *([inner] if inner else []), *up)

    def forward(self, x):
        return self.layers(x) if self.outermost else torch.cat([x, self.layers(x)], 1)


def nested_unet(depth, width, norm, dropout, channels=(3, 3)):
    w = width
    net = Nested(None, 8 * w, 8 * w, norm)
    for _ in range(depth - 5):
        net = Nested(net, 8 * w, 8 * w, norm, dropout)
    for c in (4 * w, 2 * w, w):
        net = Nested(net, c, 2 * c, norm)
    return Nested(net, None, w, norm, image=channels)


def copy_in_order(target, source):
    values = list(source.state_dict().values())
    keys = list(target.state_dict())
    target.load_state_dict(dict(zip(keys, values, strict=True)))


def shuffled_parameters(net):
    """Every parameter drawn at random, norm weights and biases too, so that a swapped pair cannot hide."""
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.2)
    return net


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "depth, norm, dropout", [(5, "batch", True), (6, "instance", True), (7, "batch", True), (7, "none", False)]
)
def test_values_and_gradients_are_those_of_the_nested_official_network(depth, norm, dropout, training):
    ours = shuffled_parameters(UNet(2, 3, 2, depth, norm, dropout)).double().train(training)
    theirs = nested_unet(depth, 2, norm, dropout, (2, 3)).double().train(training)
    copy_in_order(theirs, ours)
    x = torch.randn(2, 2, 2**depth, 2**depth, dtype=torch.float64)
    results = []
    for net in (ours, theirs):
        torch.manual_seed(7)  # the same dropout masks, if dropout stands at the same places
        image = net(x)
        grads = torch.autograd.grad(
            (image * torch.linspace(-1, 1, image.numel()).view_as(image)).sum(), net.parameters()
        )
        results.append((image, grads))
    assert results[0][0].std() > 0.05
    assert (results[0][0] - results[1][0]).abs().max() < 1e-6
    for mine, other in zip(results[0][1], results[1][1], strict=True):
        assert (mine - other).abs().max() <= 1e-6 * max(1.0, other.abs().max().item())


@pytest.mark.parametrize(
    "depth, norm, parameters",
    [(8, "batch", 54_413_955), (7, "batch", 41_828_995), (8, "instance", 54_409_603)],
)
def test_official_parameter_counts(depth, norm, parameters):
    with torch.device("meta"):
        net = UNet(depth=depth, norm=norm)
    assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.parametrize("depth, where", [(8, [2, 3, 4]), (7, [2, 3]), (6, [2]), (5, []), (3, [])])
def test_dropout_stands_in_the_official_decoder_layers(depth, where):
    net = UNet(width=1, depth=depth)
    probabilities = [up.dropout.p for up in net.up]
    assert [i for i, p in enumerate(probabilities, 1) if p] == where
    assert {p for p in probabilities if p} <= {0.5}
    assert not any(up.dropout.p for up in UNet(width=1, depth=depth, dropout=False).up)


def test_dropout_halves_the_units_in_training_and_none_in_evaluation():
    net, seen = UNet(width=4, depth=6), {}
    net.up[1].norm.register_forward_hook(lambda m, i, out: seen.update(before=out.detach().clone()))
    net.up[1].dropout.register_forward_hook(lambda m, i, out: seen.update(after=out.detach()))
    net(torch.randn(2, 3, 64, 64))
    zero = seen["after"] == 0
    assert 0.3 < zero.float().mean() < 0.7
    assert torch.allclose(seen["after"][~zero], 2 * seen["before"][~zero])
    net.eval()(torch.randn(2, 3, 64, 64))
    assert torch.equal(seen["after"], seen["before"])


def lively(**options):
    """Weights large enough, and no biases, so that no layer's ReLU is shut for all pixels."""
    net = UNet(width=4, dropout=False, **options)
    for m in net.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(m.weight, 0.0, 0.15)
            m.bias = None
    return net


def gradient_through_skip(net, x, i):
    """Activation of encoder layer i and the output's gradient to it, with the way further down cut off."""
    seen = []
    hooks = [net.down[i].register_forward_hook(lambda m, inputs, out: seen.append(out))]
    if i + 1 < net.depth:
        hooks.append(net.down[i + 1].register_forward_hook(lambda m, inputs, out: out.detach()))
    weights = torch.randn(x.shape[0], 3, *x.shape[2:])
    loss = (net(x) * weights).sum()
    for hook in hooks:
        hook.remove()
    return seen[0], torch.autograd.grad(loss, seen[0], allow_unused=True)[0]


@pytest.mark.parametrize("i", range(4))
def test_every_skip_carries_information_past_the_bottleneck(i):
    net, x = lively(depth=5, norm="none"), torch.randn(1, 3, 32, 32)
    activation, gradient = gradient_through_skip(net, x, i)
    assert torch.equal(gradient != 0, activation > 0), (
        "what the decoder's ReLU lets through reaches the image, all of it"
    )
    assert gradient_through_skip(lively(depth=5, norm="none", skips=False), x, i)[1] is None


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_without_skips_nothing_passes_around_the_bottleneck(norm, skips):
    net = lively(depth=4, norm=norm, skips=skips)
    x = torch.randn(2, 3, 64, 32, requires_grad=True)
    open_way = torch.autograd.grad(net(x).sum(), x)[0]
    assert open_way.abs().max() > 0
    net.down[-1].register_forward_hook(lambda m, inputs, out: torch.zeros_like(out))
    out = net(x)
    assert out.requires_grad
    passed = torch.autograd.grad(out.sum(), x, allow_unused=True)[0]
    assert (passed is not None and passed.abs().max() > 0) == skips
    assert torch.equal(net(x), net(x + 1)) != skips


def test_encoder_decoder_has_narrower_decoder_layers():
    with torch.device("meta"):
        net = UNet(width=8, depth=6, skips=False)
    assert [up.conv.in_channels for up in net.up] == [64, 64, 64, 32, 16] and net.head[1].in_channels == 8


@pytest.mark.parametrize("norm, biased", [("none", True), ("instance", True), ("batch", False)])
def test_which_convolutions_keep_their_bias(norm, biased):
    net = UNet(width=2, depth=5, norm=norm)
    convolutions = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert len(convolutions) == 10
    assert [m.bias is not None for m in convolutions] == [biased] * 9 + [True]


def test_norm_layers_leave_out_the_first_layer_and_the_bottleneck():
    net = UNet(width=2, depth=5, norm="batch")
    assert [isinstance(down[-1], nn.BatchNorm2d) for down in net.down] == [False, True, True, True, False]
    assert all(isinstance(up.norm, nn.BatchNorm2d) for up in net.up)
    with pytest.raises(ValueError, match="'layer' is unknown: choose one of batch, instance, none"):
        UNet(width=2, norm="layer")


@pytest.mark.parametrize(
    "side, depth", [((64, 64), 6), ((128, 128), 7), ((256, 256), 8), ((512, 512), 8), ((512, 512), 9), ((64, 192), 6)]
)
def test_image_sides_that_fit(side, depth):
    with torch.device("meta"):
        assert UNet(depth=depth)(torch.empty(1, 3, *side)).shape == (1, 3, *side)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("side", [(32, 32), (32, 96)])
def test_one_image_of_the_smallest_side_trains_and_stays_in_range(norm, side):
    net = UNet(width=2, depth=5, norm=norm)
    image = net(torch.randn(1, 3, *side))
    assert image.shape[-2:] == side and image.isfinite().all() and image.abs().max() <= 1 and image.std() > 0
    net.head[1].bias.data.fill_(100.0)
    assert torch.equal(net(torch.randn(1, 3, *side)), torch.ones(1, 3, *side))


@pytest.mark.parametrize(
    "side, depth, near",
    [
        ((260, 256), 8, "256x256 or 512x256"),
        ((100, 64), 6, "64x64 or 128x64"),
        ((100, 200), 6, "64x192 or 128x256"),
        ((32, 32), 6, "64x64"),
        ((300, 20), 5, "288x32 or 320x32"),
    ],
)
def test_other_sides_are_refused_and_the_named_ones_work(side, depth, near):
    with torch.device("meta"):
        net = UNet(width=1, depth=depth)
    with pytest.raises(ValueError) as error:
        net(torch.empty(1, 3, *side, device="meta"))
    message = str(error.value)
    assert f"{side[0]}x{side[1]} pixels" in message and f"multiples of {2**depth}" in message and near in message
    for height, width in re.findall(r"(\d+)x(\d+)", message.split("for example")[1]):
        net(torch.empty(1, 3, int(height), int(width), device="meta"))


def test_one_halving_is_refused():
    with pytest.raises(ValueError, match="depth 1 is too small"):
        UNet(depth=1)
    assert UNet(width=1, depth=2, norm="none")(torch.randn(1, 3, 4, 4)).shape == (1, 3, 4, 4)


def test_a_students_block_replaces_every_decoder_step():
    class Loud(UpBlock):
        def forward(self, x, skip):
            return super().forward(x, skip) + 100.0

    asked = []

    def block(*sizes, **options):
        asked.append((sizes, options))
        return Loud(*sizes, **options)

    net = UNet(width=2, depth=6, norm="instance", block=block)
    wanted = [(16, 16, 16, False), (32, 16, 16, True), (32, 8, 8, False), (16, 4, 4, False), (8, 2, 2, False)]
    assert asked == [(tuple(sizes), {"norm": "instance", "dropout": drop}) for *sizes, drop in wanted]
    torch.manual_seed(1)
    loud = net(torch.randn(1, 3, 64, 64))
    for up in net.up:
        up.forward = UpBlock.forward.__get__(up)
    torch.manual_seed(1)
    assert (net(torch.randn(1, 3, 64, 64)) - loud).abs().max() > 0.1
