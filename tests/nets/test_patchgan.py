"""The PatchGAN sees exactly the patches it names, has the official sizes, and says what is too small for it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from gritlib.nets import PatchGAN
from gritlib.nets.patchgan import condition, receptive_field, small_patch, smallest_side

FIELDS = {0: 1, 1: 16, 2: 34, 3: 70, 4: 142, 5: 286}
every_depth = pytest.mark.parametrize("n_layers", FIELDS)


def convolutions(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv2d)]


@pytest.mark.parametrize(
    "n_layers, in_channels, norm, parameters",
    [
        (0, 6, "batch", 9_024),
        (1, 6, "batch", 139_585),
        (2, 6, "batch", 666_433),
        (3, 6, "batch", 2_768_705),
        (4, 6, "batch", 6_964_033),
        (5, 6, "batch", 11_159_361),
        (6, 6, "batch", 15_354_689),
        (3, 3, "instance", 2_764_737),
        (0, 3, "instance", 8_705),
    ],
)
def test_official_parameter_counts(n_layers, in_channels, norm, parameters):
    with torch.device("meta"):
        net = PatchGAN(in_channels, n_layers=n_layers, norm=norm)
    assert sum(p.numel() for p in net.parameters()) == parameters


@pytest.mark.parametrize("n_layers, side", [(0, 256), (1, 126), (2, 62), (3, 30), (4, 14), (5, 6), (6, 2)])
def test_judgements_of_a_256_pixel_image(n_layers, side):
    with torch.device("meta"):
        assert PatchGAN(n_layers=n_layers)(torch.empty(2, 6, 256, 256)).shape == (2, 1, side, side)


def footprint(net, x, row, column):
    """First and last row and column of the input pixels that one output unit depends on."""
    gradient = torch.autograd.grad(net(x)[0, 0, row, column], x)[0].abs().sum((0, 1))
    rows, columns = gradient.sum(1).nonzero().flatten(), gradient.sum(0).nonzero().flatten()
    assert (gradient[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] > 0).all(), "the patch has holes"
    return rows[0].item(), rows[-1].item(), columns[0].item(), columns[-1].item()


@every_depth
def test_receptive_field_is_the_gradient_footprint_of_one_output(n_layers):
    torch.manual_seed(3)
    net = PatchGAN(1, 1 if n_layers > 3 else 2, n_layers, norm="none").double()
    for p in net.parameters():
        nn.init.uniform_(p, 0.1, 1.0)  # no path may cancel another
    side = FIELDS[n_layers] + 4 * 2**n_layers + 40
    x = torch.randn(1, 1, side, side + 8, dtype=torch.float64, requires_grad=True)
    height, width = net(x).shape[2:]
    top, bottom, left, right = footprint(net, x, height // 2, width // 2)
    assert bottom - top + 1 == right - left + 1 == net.receptive_field == FIELDS[n_layers]
    assert min(top, left) > 0 and bottom < side - 1 and right < side + 7, "the image cuts the patch: enlarge it"
    below = footprint(net, x, height // 2 + 1, width // 2)
    assert below == (top + 2**n_layers, bottom + 2**n_layers, left, right), "patches are one total stride apart"


def test_small_patch_sees_four_by_four_pixels_and_judges_one_at_every_pixel():
    net = small_patch(1, 2, norm="none").double()
    for p in net.parameters():
        nn.init.uniform_(p, 0.1, 1.0)
    x = torch.randn(1, 1, 12, 15, dtype=torch.float64, requires_grad=True)
    assert net(x).shape == (1, 1, 11, 14)
    assert footprint(net, x, 5, 6) == (4, 7, 5, 8) and footprint(net, x, 6, 6) == (5, 8, 5, 8)
    assert net.receptive_field == receptive_field([(4, 1), (1, 1), (1, 1)]) == 4


def test_small_patch_is_the_pixel_discriminator_but_for_its_first_kernel():
    pixel, small = PatchGAN(5, 3, 0, "instance"), small_patch(5, 3, "instance")
    shapes = [{name: tuple(p.shape) for name, p in net.named_parameters()} for net in (pixel, small)]
    assert shapes[0].pop("layers.0.0.weight") == (3, 5, 1, 1) and shapes[1].pop("layers.0.0.weight") == (3, 5, 4, 4)
    assert shapes[0] == shapes[1]
    assert small_patch(2, 1, "none")(torch.randn(1, 2, 2, 9)).shape == (1, 1, 1, 8)
    with pytest.raises(ValueError, match=r"1x9 pixels is too small.*sides of 2 or more"):
        small(torch.randn(1, 5, 1, 9))


@pytest.mark.parametrize(
    "layers, side", [([(3, 1)], 3), ([(3, 1), (3, 1)], 5), ([(3, 2), (3, 1)], 7), ([(1, 2), (5, 1)], 9), ([], 1)]
)
def test_receptive_field_of_small_stacks_by_hand(layers, side):
    assert receptive_field(layers) == side


@pytest.mark.parametrize("n_layers", range(7))
def test_smallest_image_is_the_smallest_that_the_convolutions_take(n_layers):
    net = PatchGAN(2, 1, n_layers, norm="none")
    small = net.smallest
    assert net(torch.randn(1, 2, small, small + 30)).shape[2] >= 1
    if n_layers == 0:
        assert small == 1
        return
    with pytest.raises(RuntimeError):  # what torch says without our check
        net.layers(torch.randn(1, 2, small - 1, small))
    for height, width in ((small - 1, 200), (200, small - 1)):
        with pytest.raises(ValueError, match=f"{height}x{width} pixels is too small.*sides of {small} or more"):
            net(torch.randn(1, 2, height, width))


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("n_layers", [1, 2, 3, 5])
def test_smallest_image_also_has_pixels_to_normalise(norm, n_layers):
    net = PatchGAN(2, 1, n_layers, norm=norm)
    assert net(torch.randn(1, 2, net.smallest, net.smallest)).isfinite().all()


def test_smallest_side_by_hand():
    assert smallest_side([(4, 2, 1), (4, 2, 1), (4, 2, 1), (4, 1, 1), (4, 1, 1)]) == 24
    assert smallest_side([(1, 1, 0)] * 3) == 1
    assert smallest_side([(7, 1, 0)]) == 7


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@every_depth
def test_which_layers_have_a_norm_and_a_bias(n_layers, norm):
    net = PatchGAN(2, 1, n_layers, norm=norm)
    kinds = {"batch": nn.BatchNorm2d, "instance": nn.InstanceNorm2d, "none": nn.Identity}
    inner = max(n_layers, 1)
    assert [type(layer[1]) for layer in net.layers[:-1]] == [nn.Identity] + [kinds[norm]] * inner
    assert type(net.layers[-1]) is nn.Conv2d, "logits come straight from a convolution"
    last = n_layers > 0 or norm != "batch"
    assert [c.bias is not None for c in convolutions(net)] == [True] + [norm != "batch"] * inner + [last]


@pytest.mark.parametrize("n_layers, width", [(0, 2), (1, 3), (3, 2), (5, 1)])
def test_values_are_those_of_the_layers_written_out(n_layers, width):
    net = PatchGAN(3, width, n_layers).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    weights = list(net.parameters())
    x = torch.randn(2, 3, 128, 96, dtype=torch.float64)
    strides = [2] * n_layers + [1, 1] if n_layers else [1, 1, 1]
    padding = 1 if n_layers else 0
    h = F.leaky_relu(F.conv2d(x, weights.pop(0), weights.pop(0), strides[0], padding), 0.2)
    for stride in strides[1:-1]:
        h = F.conv2d(h, weights.pop(0), None, stride, padding)
        mean, var = h.mean((0, 2, 3), keepdim=True), h.var((0, 2, 3), unbiased=False, keepdim=True)
        scale, shift = weights.pop(0).view(1, -1, 1, 1), weights.pop(0).view(1, -1, 1, 1)
        h = F.leaky_relu((h - mean) / (var + 1e-5).sqrt() * scale + shift, 0.2)
    h = F.conv2d(h, weights.pop(0), weights.pop(0) if n_layers else None, 1, padding)
    assert not weights and h.std() > 1e-3
    assert (net(x) - h).abs().max() < 1e-5 * h.abs().max()


@pytest.mark.parametrize("n_layers", [0, 2])
def test_spectral_norm_holds_the_largest_singular_value_of_every_convolution_at_one(n_layers):
    net = PatchGAN(3, 4, n_layers, norm="none", spectral=True)
    assert len(convolutions(net)) == n_layers + (2 if n_layers else 3)
    assert all(parametrize.is_parametrized(c, "weight") for c in convolutions(net))
    with torch.no_grad():
        for c in convolutions(net):
            c.parametrizations.weight.original.normal_(0.0, 5.0)
        for _ in range(200):  # one power iteration a forward
            net(torch.randn(1, 3, 24, 24))
    for c in convolutions(net):
        assert abs(torch.linalg.matrix_norm(c.weight.flatten(1), 2).item() - 1) < 1e-2
        assert torch.linalg.matrix_norm(c.parametrizations.weight.original.flatten(1), 2) > 5


def test_spectral_norm_makes_the_logits_blind_to_the_scale_of_the_weights():
    plain, spectral = PatchGAN(3, 4, 2, "none"), PatchGAN(3, 4, 2, "none", spectral=True).eval()
    x = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        before = [plain(x), spectral(x)]
        plain.layers[1][0].weight.mul_(7)
        spectral.layers[1][0].parametrizations.weight.original.mul_(7)
        after = [plain(x), spectral(x)]
    assert torch.allclose(before[1], after[1], atol=1e-6)
    assert (before[0] - after[0]).abs().max() > 1e-3


def test_conditional_input_is_condition_first():
    image, given = torch.randn(2, 3, 4, 4), torch.randn(2, 5, 4, 4)
    assert torch.equal(condition(image, given)[:, :5], given) and torch.equal(condition(image, given)[:, 5:], image)
    assert condition(image, None) is image


# A blur of three taps before each halving: two more pixels at each of the sides 1, 2, 4, ...
BLURRED = {1: 18, 2: 40, 3: 84}


@pytest.mark.parametrize("n_layers", BLURRED)
def test_antialiased_patches_are_the_gradient_footprint_of_one_output(n_layers):
    net = PatchGAN(1, 1, n_layers, "none", antialias=True).double()
    for p in net.parameters():
        nn.init.uniform_(p, 0.1, 1.0)
    side = BLURRED[n_layers] + 40
    x = torch.randn(1, 1, side, side + 8, dtype=torch.float64, requires_grad=True)
    height, width = net(x).shape[2:]
    top, bottom, left, right = footprint(net, x, height // 2, width // 2)
    assert bottom - top + 1 == right - left + 1 == net.receptive_field == BLURRED[n_layers]
    assert min(top, left) > 0 and bottom < side - 1 and right < side + 7, "the image cuts the patch: enlarge it"
    assert footprint(net, x, height // 2 + 1, width // 2)[:2] == (top + 2**n_layers, bottom + 2**n_layers)


def test_antialiasing_keeps_weights_and_the_number_of_judgements():
    with torch.device("meta"):
        plain, blurred = PatchGAN(3, norm="instance"), PatchGAN(3, norm="instance", antialias=True)
        assert blurred(torch.empty(1, 3, 256, 256)).shape == plain(torch.empty(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    assert [p.shape for p in plain.parameters()] == [p.shape for p in blurred.parameters()]
    assert plain.receptive_field == 70 and PatchGAN(3, 1, 0, antialias=True).receptive_field == 1


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_antialiased_values_are_those_of_the_layers_written_out(norm):
    net = PatchGAN(3, 2, 2, norm, antialias=True).double()
    for p in net.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    weights, taps = list(net.parameters()), torch.tensor([0.25, 0.5, 0.25], dtype=torch.float64)
    h = x = torch.randn(2, 3, 21, 24, dtype=torch.float64)
    for i, halved in enumerate((True, True, False)):
        h = F.conv2d(h, weights.pop(0), weights.pop(0), 1, 1)
        if i and norm == "instance":
            h = F.instance_norm(h)
        h = F.leaky_relu(h, 0.2)
        if halved:
            kernel = torch.outer(taps, taps).expand(h.shape[1], 1, 3, 3)
            h = F.conv2d(F.pad(h, (1,) * 4, mode="reflect"), kernel, stride=2, groups=h.shape[1])
    wanted = F.conv2d(h, *weights, 1, 1)
    assert wanted.std() > 1e-2 and (net(x) - wanted).abs().max() < 1e-10


@pytest.mark.parametrize("n_layers", [1, 2, 3])
def test_the_smallest_image_with_antialiasing_is_the_smallest_that_works(n_layers):
    net = PatchGAN(2, 1, n_layers, "none", antialias=True)
    small = net.smallest
    for norm in ("none", "instance", "batch"):
        assert PatchGAN(2, 1, n_layers, norm, antialias=True)(torch.randn(1, 2, small, small)).isfinite().all()
    with pytest.raises(RuntimeError):
        net.layers(torch.randn(1, 2, small - 1, small - 1))
    with pytest.raises(ValueError, match=f"too small.*sides of {small} or more"):
        net(torch.randn(1, 2, small - 1, 99))
