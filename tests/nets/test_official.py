"""`official` builds the authors' networks: every tensor in their order, of their shape and kind, initialised as theirs.

official_keys.json holds, for each network, kind and shape of every tensor of the authors' own state dict, in order.
"""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from gritlib.nets import PatchGAN, UNet, official
from gritlib.nets.official import NAMES

KEYS = json.loads(Path(__file__).with_name("official_keys.json").read_text(encoding="utf-8"))


def test_every_name_is_pinned_and_no_fact_lies_idle():
    assert set(KEYS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_have_the_authors_order_kind_and_shape(name):
    with torch.device("meta"):
        state = official(name).state_dict()
    ours = [[key.rsplit(".", 1)[1], *value.shape] for key, value in state.items()]
    assert [entry for entry in ours if entry[0] != "num_batches_tracked"] == KEYS[name]


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'unet' is unknown: choose one of pix2pix_unet_256, .*patchgan_70_instance"):
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


@pytest.mark.parametrize(
    "name, sizes", [("pix2pix_unet_128", {"width": 16}), ("patchgan_286", {}), ("patchgan_70_instance", {})]
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
