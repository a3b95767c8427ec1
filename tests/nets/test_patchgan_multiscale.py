"""SPADE's discriminator: at which resolutions it judges, where spectral norm goes, what feature matching is given."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import is_parametrized

from gritlib.nets import MultiscalePatchGAN, PatchGAN


def convolutions(net):
    return [m for m in net.modules() if isinstance(m, nn.Conv2d)]


def wrapped(net):
    return [is_parametrized(c, "weight") for c in convolutions(net)]


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def test_the_published_discriminator():
    assert parameters(MultiscalePatchGAN(38)) == 5_599_362  # for real: the meta device is slow at spectral norm
    with torch.device("meta"):
        assert parameters(MultiscalePatchGAN(38, spectral=False)) == 5_599_362 + 2 * (128 + 256 + 512), "with biases"
    judge = MultiscalePatchGAN(5, width=1).eval()
    assert [net.receptive_field for net in judge.scales] == [70, 70]
    with torch.no_grad():
        judged = judge(torch.zeros(2, 5, 256, 256))
    assert [logits.shape for logits, _ in judged] == [(2, 1, 35, 35), (2, 1, 19, 19)], "the finest first"
    sides = [(1, 129), (2, 65), (4, 33), (8, 34)]
    assert [tuple(a.shape[1:]) for a in judged[0][1]] == [(c, s, s) for c, s in sides]
    assert [len(activations) for _, activations in judged] == [4, 4]


class Keeps(nn.Module):
    """Stands for a scale's network and keeps what it is shown."""

    def judge(self, x):
        self.seen = x
        return x.mean((1, 2, 3)), [x]


def test_the_first_scale_sees_the_image_as_it_is_and_the_next_the_mean_of_three_by_three_pixels():
    judge, x = MultiscalePatchGAN(2, 1, scales=3), torch.randn(2, 2, 7, 12, dtype=torch.float64)
    judge.scales = nn.ModuleList(Keeps() for _ in range(3))
    judge(x)
    assert judge.scales[0].seen is x
    for fine, coarse in ((x, judge.scales[1].seen), (judge.scales[1].seen, judge.scales[2].seen)):
        height, width = fine.shape[2:]
        wanted = torch.stack(
            [
                fine[:, :, max(0, i - 1) : i + 2, max(0, j - 1) : j + 2].mean((2, 3))  # the border counts for nothing
                for i in range(0, height, 2)
                for j in range(0, width, 2)
            ],
            -1,
        )
        assert (coarse.flatten(2) - wanted).abs().max() < 1e-12
    assert judge.scales[2].seen.shape[2:] == (2, 3)


def test_every_scale_has_weights_of_its_own_and_one_scale_is_a_patchgan():
    judge, x = MultiscalePatchGAN(2, 2, 2, scales=2).double().eval(), torch.randn(1, 2, 32, 32, dtype=torch.float64)
    assert not {id(p) for p in judge.scales[0].parameters()} & {id(p) for p in judge.scales[1].parameters()}
    before = [logits for logits, _ in judge(x)]
    with torch.no_grad():
        judge.scales[1].layers[-1].bias += 1
    after = [logits for logits, _ in judge(x)]
    assert torch.equal(before[0], after[0]) and torch.allclose(before[1] + 1, after[1])
    assert torch.equal(before[0], judge.scales[0](x)), "calling a PatchGAN gives its logits alone"


def test_the_options_reach_every_scale():
    judge = MultiscalePatchGAN(2, 3, 1, scales=3, norm="batch", spectral=True, padding=1)
    assert len(judge.scales) == 3
    for net in judge.scales:
        assert isinstance(net, PatchGAN) and all(wrapped(net)) and net.receptive_field == 16
        assert isinstance(net.layers[1][1], nn.BatchNorm2d)
        assert [c.padding for c in convolutions(net)] == [(1, 1)] * 3 and convolutions(net)[0].out_channels == 3
    assert {c.padding for c in convolutions(MultiscalePatchGAN(2, 1))} == {(2, 2)}


@pytest.mark.parametrize("n_layers", [0, 1, 3])
def test_inner_leaves_the_first_and_the_last_convolution_without_spectral_norm(n_layers):
    net = PatchGAN(2, 3, n_layers, "instance", spectral="inner")
    inner = max(n_layers, 1)
    assert wrapped(net) == [False] + [True] * inner + [False]
    assert [c.bias is not None for c in convolutions(net)] == [True] + [False] * inner + [True]
    everywhere = PatchGAN(2, 3, n_layers, "instance", spectral=True)
    assert wrapped(everywhere) == [True] * (inner + 2)
    assert all(c.bias is not None for c in convolutions(everywhere)), "as before"
    assert not any(wrapped(PatchGAN(2, 3, n_layers, "instance")))


def test_without_a_norm_behind_it_an_inner_convolution_keeps_its_bias():
    net = PatchGAN(2, 3, 2, "none", "inner")
    assert all(c.bias is not None for c in convolutions(net)) and wrapped(net) == [False, True, True, False]


@pytest.mark.parametrize("scales", [1, 2, 3])
def test_the_smallest_image_is_the_smallest_whose_coarsest_scale_works(scales):
    judge = MultiscalePatchGAN(2, 1, 2, scales, "none", padding=1)
    small = judge.smallest
    assert small == {1: 12, 2: 23, 3: 45}[scales] and len(judge(torch.zeros(1, 2, small, small))) == scales
    message = f"{small - 1}x99 pixels is too small for {scales} scales: they need sides of {small} or more"
    with pytest.raises(ValueError, match=message):
        judge(torch.zeros(1, 2, small - 1, 99))


def test_inner_layers_are_held_at_one_and_the_others_are_free():
    net = PatchGAN(2, 4, 2, "instance", "inner")
    with torch.no_grad():
        for c in convolutions(net):
            (c.parametrizations.weight.original if is_parametrized(c, "weight") else c.weight).normal_(0.0, 5.0)
        for _ in range(100):
            net(torch.randn(1, 2, 16, 16))
    sizes = [torch.linalg.matrix_norm(c.weight.flatten(1), 2).item() for c in convolutions(net)]
    assert sizes[1:3] == pytest.approx([1, 1], abs=1e-2) and min(sizes[0], sizes[3]) > 5


@pytest.mark.parametrize("padding, sides", [(None, (8, 4, 3)), (1, (8, 4, 3)), (2, (9, 5, 6)), (0, (7, 2))])
def test_padding_is_that_of_all_convolutions(padding, sides):
    net, x = PatchGAN(2, 2, 2, "none", padding=padding).double(), torch.randn(1, 2, 16, 16, dtype=torch.float64)
    if padding == 0:
        with pytest.raises(ValueError, match=r"16x16 pixels is too small .* sides of 34 or more"):
            net(x)
        return
    assert [a.shape[2] for a in net.judge(x)[1]] == list(sides)
    h, p = x, padding or 1
    for layer, stride in zip(net.layers, (2, 2, 1, 1), strict=True):
        conv = layer if isinstance(layer, nn.Conv2d) else layer[0]
        h = F.conv2d(h, conv.weight, conv.bias, stride, p)
        h = h if conv is layer else torch.where(h > 0, h, 0.2 * h)
    assert (net(x) - h).abs().max() < 1e-12


@pytest.mark.parametrize("n_layers", [0, 2])
def test_what_it_judges_by_are_the_activations_before_the_logits(n_layers):
    net, x = PatchGAN(3, 2, n_layers, "instance").double(), torch.randn(2, 3, 32, 32, dtype=torch.float64)
    logits, activations = net.judge(x)
    assert torch.equal(logits, net(x)) and len(activations) == max(n_layers, 1) + 1
    h = x
    for layer, activation in zip(net.layers[:-1], activations, strict=True):
        h = layer(h)
        assert torch.equal(activation, h) and (h < 0).any(), "after LeakyReLU, nothing cut off"
    assert torch.equal(net.layers[-1](h), logits)
    gradients = torch.autograd.grad(net.judge(x.requires_grad_())[1][0].square().sum(), x)
    assert gradients[0].abs().max() > 0, "feature matching moves the image"


def test_logits_are_never_in_half_precision():
    judge = MultiscalePatchGAN(2, 2, 1)
    with torch.autocast("cpu", torch.bfloat16):
        judged = judge(torch.randn(1, 2, 16, 16))
    assert all(logits.dtype is torch.float32 for logits, _ in judged)


def test_wrong_words_and_numbers_are_named():
    with pytest.raises(ValueError, match="scales is 0: a discriminator needs one at least"):
        MultiscalePatchGAN(3, scales=0)
    with pytest.raises(ValueError, match="spectral is 'outer': choose False, True or \"inner\""):
        PatchGAN(3, spectral="outer")
    with pytest.raises(ValueError, match="norm 'layer' is unknown"):
        MultiscalePatchGAN(3, norm="layer")
