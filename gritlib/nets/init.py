"""How weights begin. GANs are sensitive to it: PyTorch's default is not what any of the papers used."""

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized


def trained_weight(module: nn.Module) -> nn.Parameter:
    """A layer's weight as it is trained: under spectral norm `weight` is computed, the parameter stands behind it."""
    return module.parametrizations.weight.original if is_parametrized(module, "weight") else module.weight


@torch.no_grad()
def settle(net: nn.Module, rounds: int = 15) -> None:
    """Spectral norm's vectors for the weights as they are now, however they came about; torch begins with 15 rounds."""
    for module in net.modules():
        if is_parametrized(module, "weight"):
            mode = module.training
            module.train()
            for _ in range(rounds):  # in train mode each look at the weight is a power iteration
                module.weight  # noqa: B018
            module.train(mode)


def init_normal(net: nn.Module, std: float = 0.02) -> nn.Module:
    """Initialise in place as pix2pix and CycleGAN do: convolution and linear weights N(0, std²), biases 0, batch-norm
    weights N(1, std²). Returns the network.

    Source: Isola et al. 2017, appendix 6.2.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(trained_weight(module), 0.0, std)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, std)
            nn.init.zeros_(module.bias)
    return net


def init_xavier(net: nn.Module, gain: float = 0.02) -> nn.Module:
    """Initialise in place as CUT's and SPADE's code does: weights of convolutions and linear maps N(0, gain²·2/(fan in
    + fan out)), biases 0. Returns the network.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.xavier_normal_(trained_weight(module), gain)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return net
