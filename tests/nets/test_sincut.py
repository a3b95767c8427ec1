"""SinCUT's networks: equalised learning rate, a blur that moves nothing, named layers, any size, tiles, their judge."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gritlib.nets.sincut import (
    EqualBlock,
    EqualConv2d,
    EqualLinear,
    SinCUTGenerator,
    TileDiscriminator,
    activate,
    blur,
    tiles,
)

X = torch.linspace(-40, 40, 2 * 3 * 24 * 20).view(2, 3, 24, 20).sin()


def small(blocks=3):
    torch.manual_seed(0)
    return SinCUTGenerator(3, 3, 4, blocks)


def test_equalised_layers_begin_with_unit_weights_and_keep_the_variance():
    torch.manual_seed(0)
    for layer, x in (
        (EqualConv2d(48, 64, 3), torch.randn(4, 48, 20, 20)),
        (EqualLinear(400, 300), torch.randn(99, 400)),
    ):
        assert layer.weight.std().item() == pytest.approx(1, rel=0.02) and not layer.bias.any()
        assert layer(x).var().item() == pytest.approx(1, rel=0.05)
        fan_in = layer.weight[0].numel()
        plain = nn.functional.conv2d if x.ndim == 4 else nn.functional.linear
        assert torch.allclose(layer(x), plain(x, layer.weight / fan_in**0.5), atol=1e-5)


def test_a_step_of_adam_moves_narrow_and_wide_layers_by_the_same_share():
    torch.manual_seed(0)
    shares = []
    for channels in (4, 64):
        layer = EqualConv2d(channels, 8, 3, padding=1)
        before = layer(x := torch.randn(2, channels, 8, 8)).detach()
        optimizer = torch.optim.Adam(layer.parameters(), 0.01)
        layer(x).square().sum().backward()
        old = layer.weight.detach().clone()
        optimizer.step()
        effective = (layer.weight - old) * layer.scale
        shares.append((effective.norm() / (old * layer.scale).norm()).item())
        assert not torch.equal(layer(x), before)
    assert shares == pytest.approx([0.01, 0.01], rel=0.1)


def test_activation_keeps_the_mean_square():
    torch.manual_seed(0)
    assert activate(torch.randn(100_000)).square().mean().item() == pytest.approx(1.04, abs=0.02)
    assert activate(torch.tensor([1.0, -1.0])).tolist() == pytest.approx([2**0.5, -0.2 * 2**0.5])


def test_the_scale_of_features_neither_grows_nor_dies_with_depth():
    torch.manual_seed(0)
    net = SinCUTGenerator(3, 3, 32, 8)
    deepest = net.encode(torch.randn(2, 3, 32, 32), ["down1", "res8"])
    first, last = (deepest[name].square().mean().sqrt().item() for name in ("down1", "res8"))
    assert 0.5 < last / first < 3, "without the division by √2 it is 16 times that"


def test_blur_is_its_kernel_and_keeps_the_middle_where_it_was():
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    dot = torch.zeros(1, 2, 9, 9)
    dot[0, 1, 4, 4] = 1
    spread = blur(dot, 1)
    assert spread.shape == (1, 2, 10, 10) and not spread[0, 0].any()
    assert torch.allclose(spread[0, 1, 3:7, 3:7], torch.outer(taps, taps)) and spread.sum().item() == pytest.approx(1)
    ramp = torch.arange(16.0).expand(1, 1, 16, 16)
    halved = blur(ramp, 2)
    assert halved.shape == (1, 1, 8, 8)
    middles = (ramp[..., ::2] + ramp[..., 1::2]) / 2  # of the two pixels that become one
    assert torch.allclose(halved[0, 0, 3, 1:-1], middles[0, 0, 3, 1:-1])
    doubled = F.interpolate(halved, scale_factor=2.0, mode="bilinear", align_corners=False)
    assert torch.allclose(doubled[0, 0, 8, 4:-4], ramp[0, 0, 8, 4:-4]), "down and up again, nothing has moved"


@pytest.mark.parametrize("halve", [False, True])
def test_a_block_is_what_it_says(halve):
    torch.manual_seed(0)
    block = EqualBlock(4, 8 if halve else 4, halve)
    for p in block.parameters():
        nn.init.normal_(p)  # biases too
    x = torch.randn(2, 4, 12, 10)
    h = F.leaky_relu(F.conv2d(x, block.conv1.weight / 6, block.conv1.bias, padding=1), 0.2) * 2**0.5
    skip, grid = x, (1, 1)
    if halve:
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        kernel = torch.outer(taps, taps).expand(4, 1, 4, 4)
        h, grid = F.conv2d(h, kernel, padding=2, groups=4), (2, 0)
        skip = F.conv2d(F.conv2d(x, kernel, padding=1, groups=4)[..., ::2, ::2], block.skip.weight / 2)
    h = F.leaky_relu(F.conv2d(h, block.conv2.weight / 6, block.conv2.bias, *grid), 0.2) * 2**0.5
    assert h.shape[1:] == ((8, 6, 5) if halve else (4, 12, 10))
    assert torch.allclose(block(x), (h + skip) / 2**0.5, atol=1e-5)


def test_taps_are_the_features_of_a_full_forward_pass():
    net, seen = small(), {}
    assert net.layers == ("rgb", "down1", "res1", "res2", "res3")
    hooks = [net.down.register_forward_hook(lambda m, i, out: seen.update(down1=out))]
    for n, block in enumerate(net.res, 1):
        hooks.append(block.register_forward_hook(lambda m, i, out, n=n: seen.update({f"res{n}": out})))
    image, features = net(X, taps=net.layers)
    wanted = {"rgb": X} | dict(seen)
    assert torch.equal(image, net(X)) and list(features) == list(net.layers)
    assert all(torch.equal(features[name], wanted[name]) for name in net.layers)
    assert [tuple(f.shape[1:]) for f in features.values()] == [(3, 24, 20), *[(8, 12, 10)] * 4]
    for hook in hooks:
        hook.remove()
    encoded = net.encode(X, ["res2", "rgb"])
    assert set(encoded) == {"rgb", "res2"} and all(torch.equal(encoded[name], wanted[name]) for name in encoded)


def test_encode_stops_at_the_last_layer_asked_for():
    net, calls = small(), []
    for name, module in (("down1", net.down), *((f"res{n}", block) for n, block in enumerate(net.res, 1))):
        module.register_forward_hook(lambda m, i, out, name=name: calls.append(name))
    for asked, computed in ((["rgb"], []), (["down1", "down1"], ["down1"]), (["res1"], ["down1", "res1"])):
        calls.clear()
        net.encode(X, asked)
        assert calls == computed


def test_unknown_layers_no_blocks_and_tiny_images_are_refused():
    with pytest.raises(ValueError, match="layer 'down2' is unknown: this network has rgb, down1, res1, res2, res3"):
        small().encode(X, ["down2"])
    with pytest.raises(ValueError, match="0 residual blocks"):
        SinCUTGenerator(blocks=0)
    with pytest.raises(ValueError, match="7x20 pixels is too small"):
        small()(X[..., :7, :])


@pytest.mark.parametrize("height, width", [(9, 8), (8, 13), (17, 19)])
def test_odd_sides_are_padded_and_cropped_back(height, width):
    net, x = small(), X[..., :height, :width]
    image, features = net(x, taps=["rgb", "res1"])
    assert image.shape == x.shape
    even = F.pad(x, (0, width % 2, 0, height % 2), mode="reflect")
    assert torch.equal(features["rgb"], even) and torch.equal(image, net(even)[..., :height, :width])


def test_away_from_the_border_the_network_is_one_and_the_same_everywhere():
    net = small(blocks=1).double()
    torch.manual_seed(0)
    x = torch.randn(1, 3, 72, 80, dtype=torch.float64)
    whole, edge = net(x), 16
    for dy, dx in ((4, 0), (2, 6)):  # shifts by the grid of the halved features
        part = net(x[..., dy : dy + 60, dx : dx + 60])
        inner = whole[..., dy + edge : dy + 60 - edge, dx + edge : dx + 60 - edge]
        assert torch.allclose(part[..., edge:-edge, edge:-edge], inner, atol=1e-10)
    odd = net(x[..., 1:61, :60])
    assert not torch.allclose(odd[..., edge:-edge, edge:-edge], whole[..., 1 + edge : 61 - edge, edge : 60 - edge])


def test_outputs_are_full_precision_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        assert small()(X).dtype == torch.float32
        assert TileDiscriminator(3, 2, 8)(X[..., :8, :8]).dtype == torch.float32


def test_sizes_of_the_public_code():
    with torch.device("meta"):
        net, judge = SinCUTGenerator(), TileDiscriminator()
    assert [b.conv1.in_channels for b in (net.down, net.res[0])] == [80, 160] and len(net.res) == 6
    assert [block.conv2.out_channels for block in judge.blocks] == [64, 128, 256, 384]
    assert judge.hidden.in_features == 4 * 4 * 384


def test_tiles_are_cut_row_by_row_and_lose_nothing():
    cut = tiles(X[..., :16], 8)
    assert cut.shape == (2 * 3 * 2, 3, 8, 8)
    assert torch.equal(cut[3], X[0, :, 8:16, 8:16]) and torch.equal(cut[6 + 4], X[1, :, 16:24, 0:8])
    back = cut.view(2, 3, 2, 3, 8, 8).permute(0, 3, 1, 4, 2, 5).reshape(2, 3, 24, 16)
    assert torch.equal(back, X[..., :16])
    assert torch.equal(tiles(X[..., :16, :16], 16), X[..., :16, :16])


def test_crops_that_do_not_divide_and_tiles_of_another_size_are_refused():
    with pytest.raises(ValueError, match="crops of 24x20 pixels do not divide into tiles of 8"):
        tiles(X, 8)
    with pytest.raises(ValueError, match="tiles of 24x20 pixels: this discriminator judges 16x16"):
        TileDiscriminator(3, 2, 16)(X)
    for size in (4, 24, 0):
        with pytest.raises(ValueError, match=f"tiles of {size} pixels"):
            TileDiscriminator(3, 2, size)


@pytest.mark.parametrize("size", [8, 32])
def test_one_logit_a_tile(size):
    torch.manual_seed(0)
    judge = TileDiscriminator(3, 2, size)
    x = torch.randn(5, 3, size, size)
    assert judge(x).shape == (5, 1) and len(set(judge(x).flatten().tolist())) == 5


def test_the_discriminator_sees_the_standard_deviation_of_its_batch():
    torch.manual_seed(0)
    judge, seen = TileDiscriminator(3, 2, 8), []
    judge.last.register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
    x = torch.randn(6, 3, 8, 8)
    judge(x)
    features, spread = seen[0][:, :-1], seen[0][:, -1]
    wanted = (features.var(0, unbiased=False) + 1e-8).sqrt().mean()
    assert torch.allclose(spread, wanted.expand(6, 4, 4)) and wanted > 0.1
    judge(x[:1].expand(6, -1, -1, -1))
    assert seen[1][:, -1].max() < 1e-3, "tiles all alike"
    assert torch.isfinite(judge(x[:1])).all()
