"""The ResNet generator: named layers see what they claim to see, cost nothing, and blur as CUT's code does."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d
from torch import nn
from torch.nn import functional as F

from gritlib.nets import ResNetGenerator
from gritlib.nets.resnet import ResidualBlock, encoder_fields, pad_to

X = torch.linspace(-40, 40, 2 * 3 * 16 * 12, dtype=torch.float64).view(2, 3, 16, 12).sin()
both_ways = pytest.mark.parametrize("antialias", [False, True])
LAYERS = ("rgb", "down1", "down2", "res1", "res2")


def small(blocks=2, **options):
    """Weights large enough for every part to show in the output."""
    torch.manual_seed(0)
    net = ResNetGenerator(**{"in_channels": 3, "out_channels": 2, "width": 2, "blocks": blocks, **options}).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return net


def run_modules(net, function):
    """Names of the layers that ran during a call."""
    ran = []
    watched = [("stem", net.stem), *((f"down{i}", down[0]) for i, down in enumerate(net.down, 1))]
    watched += [*((f"res{i}", res) for i, res in enumerate(net.res, 1)), *(("up", up) for up in net.up)]
    hooks = [m.register_forward_hook(lambda *_, n=name: ran.append(n)) for name, m in [*watched, ("head", net.head)]]
    function()
    for hook in hooks:
        hook.remove()
    return ran


@both_ways
def test_layers_see_exactly_the_pixels_they_claim(antialias):
    net = ResNetGenerator(1, 1, 1, 5, "none", antialias).double()
    for p in net.parameters():
        nn.init.uniform_(p, 0.1, 1.0)  # no path may cancel another
    fields = encoder_fields(antialias, 5)
    assert list(fields) == list(net.layers) and fields["res5"] == (99 if antialias else 93)
    side = 128
    x = torch.rand(1, 1, side, side, dtype=torch.float64, requires_grad=True)  # positive, so every ReLU is open
    for name, h in net.encode(x, net.layers).items():
        middle = h.shape[-1] // 2
        gradient = torch.autograd.grad(h[0, 0, middle, middle], x, retain_graph=True)[0][0, 0]
        rows, columns = gradient.abs().sum(1).nonzero().flatten(), gradient.abs().sum(0).nonzero().flatten()
        assert len(rows) == len(columns) == fields[name], name
        assert rows[-1] - rows[0] + 1 == len(rows) and rows[0] > 0 and rows[-1] < side - 1, name
        assert torch.equal(rows, columns) and (gradient[rows][:, columns] != 0).all(), "the field has holes"


def test_receptive_fields_are_those_printed_and_those_of_the_plain_network():
    named = ("rgb", "down1", "down2", "res1", "res5")
    assert [encoder_fields()[name] for name in named] == [1, 9, 15, 35, 99]
    assert [encoder_fields(antialias=False)[name] for name in named] == [1, 9, 13, 29, 93]
    assert list(encoder_fields(blocks=2)) == list(LAYERS)


@both_ways
def test_values_are_those_of_the_layers_written_out(antialias):
    net = small(antialias=antialias, norm="instance")
    weights = list(net.parameters())

    def conv(h, stride=1, padding=0):
        return F.conv2d(h, weights.pop(0), weights.pop(0), stride, padding)

    def reflect(h, by):
        return F.pad(h, (by,) * 4, mode="reflect")

    def norm(h):
        return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()

    h, features = norm(conv(reflect(X, 3))).relu(), {"rgb": X}
    for name in ("down1", "down2"):
        features[name] = h = conv(h, 1 if antialias else 2, 1)
        h = halved(norm(h).relu()) if antialias else norm(h).relu()
    for name in ("res1", "res2"):
        f = norm(conv(reflect(norm(conv(reflect(h, 1))).relu(), 1)))
        features[name] = h = h + f
    for _ in range(2):
        if antialias:
            h = conv(doubled(h), 1, 1)
        else:
            h = F.conv_transpose2d(h, weights.pop(0), weights.pop(0), 2, 1, output_padding=1)
        h = norm(h).relu()
    wanted = conv(reflect(h, 3)).tanh()
    image, seen = net(X, taps=net.layers)
    assert not weights and wanted.std() > 0.05
    assert image.shape == (2, 2, 16, 12) and image.dtype == torch.float64
    assert (image - wanted).abs().max() < 1e-10
    assert all((seen[name] - features[name]).abs().max() < 1e-10 for name in features)


def halved(h):
    """CUT's blur by SciPy: [1, 2, 1]/4 along both axes, reflected without repeating the border, every other pixel."""
    kernel = np.array([1.0, 2.0, 1.0]) / 4
    blurred = convolve1d(convolve1d(h.detach().numpy(), kernel, axis=2, mode="mirror"), kernel, axis=3, mode="mirror")
    return torch.from_numpy(blurred[:, :, ::2, ::2].copy())


def doubled(h):
    """CUT's doubling: a transposed convolution with [1, 3, 3, 1]/4 along both axes over replicated borders."""
    taps, channels = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=h.dtype) / 4, h.shape[1]
    kernel = torch.outer(taps, taps).expand(channels, 1, 4, 4)
    padded = F.pad(h, (1,) * 4, mode="replicate")
    return F.conv_transpose2d(padded, kernel, stride=2, padding=2, groups=channels)[..., 1:-1, 1:-1]


def test_features_of_a_forward_pass_are_those_of_encode_and_cost_nothing():
    net = small(3)
    ran = run_modules(net, lambda: net(X, taps=net.layers))
    assert (
        ran
        == run_modules(net, lambda: net(X))
        == ["stem", "down1", "down2", "res1", "res2", "res3", *2 * ["up"], "head"]
    )
    image, features = net(X, taps=["res2", "rgb", "down1"])
    encoded = net.encode(X, ["res2", "rgb", "down1"])
    assert list(features) == list(encoded) == ["rgb", "down1", "res2"], "in the network's order, whatever was asked"
    assert all(torch.equal(features[name], encoded[name]) for name in features)
    assert torch.equal(image, net(X)) and features["rgb"] is X
    assert features["down1"].shape == (2, 4, 8, 6) and features["res2"].shape == (2, 8, 4, 3)


@pytest.mark.parametrize(
    "taps, computed",
    [
        (["rgb"], []),
        (["down1", "rgb"], ["stem", "down1"]),
        (["down1", "down1"], ["stem", "down1"]),
        (["down2"], ["stem", "down1", "down2"]),
        (["res1", "down1"], ["stem", "down1", "down2", "res1"]),
        (["res3"], ["stem", "down1", "down2", "res1", "res2", "res3"]),
    ],
)
def test_encode_computes_no_further_than_the_last_layer_asked_for(taps, computed):
    net = small(3)
    assert run_modules(net, lambda: net.encode(X, taps)) == computed


def test_an_encoder_alone_has_lost_its_second_half_and_nothing_else():
    net = small(antialias=True)
    wanted = net.encode(X, LAYERS)
    alone = net.encoder_only()
    assert alone is net and not any(name.startswith(("up", "head")) for name, _ in net.named_parameters())
    assert all(torch.equal(net.encode(X, LAYERS)[name], wanted[name]) for name in LAYERS)


@both_ways
@pytest.mark.parametrize("height, width", [(9, 8), (10, 15), (11, 12), (8, 9)])
def test_other_sides_are_reflected_and_cropped(antialias, height, width):
    net, x = small(antialias=antialias), torch.randn(2, 3, height, width, dtype=torch.float64)
    image, features = net(x, taps=["rgb", "res1"])
    bottom, right = -height % 4, -width % 4
    padded = torch.from_numpy(np.pad(x.numpy(), ((0, 0), (0, 0), (0, bottom), (0, right)), mode="reflect"))
    assert image.shape == (2, 2, height, width)
    assert torch.equal(image, net(padded)[..., :height, :width]) and torch.equal(features["rgb"], padded)
    assert features["res1"].shape[2:] == ((height + bottom) // 4, (width + right) // 4)
    assert torch.equal(net.encode(x, ["res1"])["res1"], features["res1"])


def test_sides_that_fit_are_left_alone():
    assert pad_to(X, 4) is X and pad_to(X, 2) is X
    assert pad_to(X[..., :9, :], 2).shape == (2, 3, 10, 12) and pad_to(X[..., :11], 2).shape == (2, 3, 16, 12)


@pytest.mark.parametrize("height, width", [(7, 20), (20, 7), (1, 1)])
def test_images_too_small_are_refused(height, width):
    for call in (small(), lambda x: small().encode(x, ["rgb"])):
        with pytest.raises(ValueError, match=f"image of {height}x{width} pixels is too small.*sides of 8 or more"):
            call(torch.zeros(1, 3, height, width, dtype=torch.float64))
    assert small(antialias=True)(X[..., :8, :8]).isfinite().all()


def test_a_residual_block_with_zero_weights_is_the_identity_without_an_activation():
    block, x = ResidualBlock(4, "batch").double().eval(), torch.randn(2, 4, 5, 6, dtype=torch.float64)
    for p in block.parameters():
        nn.init.zeros_(p)
    assert torch.equal(block(x), x) and (x < 0).any(), "a ReLU after the sum would show"
    nn.init.constant_(block.f[-1].bias, 0.5)
    assert torch.allclose(block(x), x + 0.5)
    assert ResidualBlock(3, "none", dropout=True).f[4].p == 0.5 and len(ResidualBlock(3, "none").f) == 7


def test_blocks_of_a_students_own_go_in():
    class Mine(nn.Module):
        def __init__(self, channels):
            super().__init__()
            self.channels = channels

        def forward(self, h):
            return 2 * h

    net = small(3, block=Mine)
    assert [block.channels for block in net.res] == [8, 8, 8]
    features = net.encode(X, ["res1", "res3"])
    assert torch.equal(features["res3"], 4 * features["res1"])


@pytest.mark.parametrize(
    "norm, kind", [("batch", nn.BatchNorm2d), ("instance", nn.InstanceNorm2d), ("none", nn.Identity)]
)
def test_every_inner_convolution_has_the_norm_it_was_asked_for(norm, kind):
    net = small(norm=norm, dropout=True)
    norms = [net.stem[-2], *(layer[1] for layer in [*net.down]), *(layer[-2] for layer in net.up)]
    norms += [block.f[i] for block in net.res for i in (2, 7)]
    assert [type(m) for m in norms] == 9 * [kind]
    convolutions = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    assert [c.bias is not None for c in convolutions] == [norm != "batch"] * 9 + [True]
    assert net(X).isfinite().all() and net(X).abs().max() <= 1


def test_under_autocast_the_image_is_full_precision():
    net = small().float()
    with torch.autocast("cpu", torch.bfloat16):
        image, features = net(X.float(), taps=["down1"])
    assert image.dtype == torch.float32 and features["down1"].dtype == torch.bfloat16


def test_unknown_layers_and_no_blocks_are_refused():
    for call in (lambda net: net.encode(X, ["res3"]), lambda net: net(X, taps=("rgb", "res3"))):
        with pytest.raises(ValueError, match="layer 'res3' is unknown: this network has rgb, down1, down2, res1, res2"):
            call(small())
    with pytest.raises(ValueError, match="0 residual blocks: a ResNet generator needs 1 or more"):
        ResNetGenerator(blocks=0)
