"""`official` builds the authors' networks: every tensor in their order, of their shape and kind, initialised as theirs.

official_keys.json holds, for each network, name and shape of every tensor of the authors' own state dict, in order.
"""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from gritlib.nets import PatchGAN, PatchSampler, ResNetGenerator, UNet, official, to_official
from gritlib.nets.init import trained_weight
from gritlib.nets.official import NAMES

KEYS = json.loads(Path(__file__).with_name("official_keys.json").read_text(encoding="utf-8"))


def test_every_name_is_pinned_and_no_fact_lies_idle():
    assert set(KEYS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_have_the_authors_names_order_and_shapes(name):
    with torch.device("meta"):
        net = official(name)
    state = to_official(net)
    assert [[key, *tensor.shape] for key, tensor in state.items()] == KEYS[name]
    # Names follow the order of our modules; that each is its tensor, and of its kind, is seen in our own names too.
    stored = [key for key in state if not key.endswith(".filt")]
    for ours, theirs in zip(net.state_dict(), stored, strict=True):
        kind = theirs.rsplit(".", 1)[1]
        assert ours.endswith({"weight_orig": "original", "weight_u": "_u", "weight_v": "_v"}.get(kind, kind))


@pytest.mark.parametrize(
    "name, parameters",
    [
        ("pix2pix_unet_256", 54_413_955),
        ("patchgan_70", 2_768_705),
        ("resnet_9blocks", 11_378_179),
        ("resnet_6blocks", 7_837_699),
        ("cut_generator", 11_378_179),
        ("cut_discriminator", 2_764_737),
        ("cut_patch_sampler", 560_384),
        ("spade_generator", 93_018_051),
        ("spade_discriminator", 5_599_362),
        ("spade_encoder", 10_463_424),
        ("pix2pixhd_global", 182_546_755),
    ],
)
def test_parameters_are_as_many_as_the_authors(name, parameters):
    with torch.device("meta"):
        assert sum(p.numel() for p in official(name).parameters()) == parameters


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"'unet' is unknown: choose one of pix2pix_unet_256, .*cut_patch_sampler, .*pix2pixhd_global"
    ):
        official("unet")


def test_sizes_can_be_overridden():
    net = official("pix2pix_unet_128", width=2, in_channels=5, out_channels=1, norm="none")
    assert isinstance(net, UNet) and net.depth == 7
    assert net(torch.randn(1, 5, 128, 128)).shape == (1, 1, 128, 128)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in net.modules())
    judge = official("patchgan_70_instance", width=2, n_layers=1, norm="batch")
    assert isinstance(judge, PatchGAN) and judge.receptive_field == 16
    assert judge.layers[0][0].in_channels == 3, "what is not overridden stays"
    with pytest.raises(TypeError):
        official("patchgan_70", no_such_size=1)


def test_cuts_networks_are_antialiased_and_cyclegans_are_not():
    sizes = {"width": 1, "blocks": 1}
    assert official("cut_generator", **sizes).blur is not None and official("resnet_9blocks", **sizes).blur is None
    assert official("cut_discriminator", width=1).receptive_field > official("patchgan_70", width=1).receptive_field
    sampler = official("cut_patch_sampler", channels=(2, 5), dim=4)
    assert isinstance(sampler, PatchSampler) and [head[0].in_features for head in sampler.heads] == [2, 5]
    assert len(official("resnet_6blocks", width=1).res) == 6
    assert isinstance(official("resnet_6blocks", width=1), ResNetGenerator)


@pytest.mark.parametrize(
    "name, sizes",
    [
        ("pix2pix_unet_128", {"width": 16}),
        ("patchgan_286", {}),
        ("patchgan_70_instance", {}),
        ("resnet_6blocks", {"width": 16}),
    ],
)
def test_initial_weights_are_the_papers(name, sizes):
    net = official(name, **sizes)
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            n = module.weight.numel()
            assert abs(module.weight.std() - 0.02) < 5 * 0.02 / (2 * n) ** 0.5
            assert abs(module.weight.mean()) < 5 * 0.02 / n**0.5
            assert module.bias is None or (module.bias == 0).all()
        elif isinstance(module, nn.BatchNorm2d):
            n = module.weight.numel()
            assert abs(module.weight.mean() - 1) < 5 * 0.02 / n**0.5
            assert abs(module.weight.std() - 0.02) < 6 * 0.02 / (2 * n) ** 0.5
            assert (module.bias == 0).all() and (module.running_mean == 0).all() and (module.running_var == 1).all()


@pytest.mark.parametrize(
    "name, sizes",
    [
        ("cut_generator", {"width": 8}),
        ("cut_discriminator", {"width": 16}),
        ("cut_patch_sampler", {}),
        ("spade_generator", {"width": 4, "labels": 5}),
        ("spade_discriminator", {"width": 16}),
        ("spade_encoder", {"width": 8}),
    ],
)
def test_initial_weights_of_cuts_and_spades_networks_are_xaviers_with_a_gain(name, sizes):
    for module in official(name, **sizes).modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            weight = trained_weight(module)
            n, area = weight.numel(), weight[0, 0].numel()
            std = 0.02 * (2 / (sum(weight.shape[:2]) * area)) ** 0.5  # fans in and out, times the kernel's area
            assert abs(weight.std() / std - 1) < 5 / (2 * n) ** 0.5
            assert abs(weight.mean()) < 5 * std / n**0.5
            assert module.bias is None or (module.bias == 0).all()


def test_initial_weights_of_pix2pixhd_are_normal_and_its_biases_pytorchs_own():
    for module in official("pix2pixhd_global", width=4, in_channels=3).modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            n, fan_in = module.weight.numel(), module.weight[0].numel()
            assert abs(module.weight.std() - 0.02) < 5 * 0.02 / (2 * n) ** 0.5
            assert abs(module.weight.mean()) < 5 * 0.02 / n**0.5
            assert 0 < module.bias.abs().max() <= fan_in**-0.5, "uniform in ±1/√fan_in"
