"""First weights: what is drawn is what is trained, also where spectral norm computes the weight from it."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from gritlib.nets import MultiscalePatchGAN, SPADEEncoder, SPADEGenerator
from gritlib.nets.init import init_normal, init_xavier, trained_weight

LAYERS = {
    "convolution": lambda: nn.Conv2d(20, 60, 3),
    "transposed": lambda: nn.ConvTranspose2d(60, 20, 4),
    "linear": lambda: nn.Linear(90, 70),
}
every_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def close_to_normal(weight, std):
    """Mean 0 and standard deviation `std`, within five standard errors."""
    return abs(weight.std() / std - 1) < 5 / (2 * weight.numel()) ** 0.5 and abs(weight.mean()) < 5 * std / (
        weight.numel() ** 0.5
    )


@pytest.mark.parametrize("normed", [False, True])
@every_layer
def test_xavier_draws_the_trained_weight(layer, normed):
    net = layer()
    fans = sum(net.weight.shape[:2]) * net.weight[0, 0].numel()
    nn.init.ones_(net.bias)
    net = spectral_norm(net) if normed else net
    assert init_xavier(net) is net
    weight = net.parametrizations.weight.original if normed else net.weight
    assert close_to_normal(weight, 0.02 * (2 / fans) ** 0.5) and not net.bias.any()
    assert trained_weight(net) is weight and isinstance(weight, nn.Parameter)
    init_xavier(net, gain=1.0)
    assert close_to_normal(trained_weight(net), (2 / fans) ** 0.5)


@pytest.mark.parametrize("normed", [False, True])
@every_layer
def test_normal_draws_the_trained_weight(layer, normed):
    net = spectral_norm(layer()) if normed else layer()
    assert close_to_normal(trained_weight(init_normal(net, 0.3)), 0.3) and not net.bias.any()


@pytest.mark.parametrize(
    "net",
    [
        SPADEGenerator(3, width=4, depth=2, hidden=8),
        SPADEGenerator(3, width=4, depth=2, hidden=8, start="random", size=16, z_dim=8),
        SPADEEncoder(3, 8, 32, 8, "none"),
        MultiscalePatchGAN(6, 8),
    ],
    ids=["G from a map", "G from z", "E", "D"],
)
def test_no_layer_of_spades_networks_keeps_pytorchs_own_weights(net):
    torch.manual_seed(0)
    init_xavier(net)
    layers = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    assert len(layers) >= 5
    for module in layers:
        weight = trained_weight(module)
        fans = sum(weight.shape[:2]) * (weight[0, 0].numel() if weight.ndim > 2 else 1)
        assert close_to_normal(weight, 0.02 * (2 / fans) ** 0.5)
        assert module.bias is None or not module.bias.any()


def test_spectral_norm_follows_the_new_weights_within_a_few_forwards():
    torch.manual_seed(0)
    net = init_xavier(spectral_norm(nn.Conv2d(8, 8, 3)))
    for _ in range(20):
        weight = net.weight
    assert torch.linalg.matrix_norm(weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)
