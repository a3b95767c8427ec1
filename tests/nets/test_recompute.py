"""Recomputing changes only what is kept: weights, statistics and random numbers stay the same to the last bit."""

import pytest
import torch
from torch import nn

from gritlib.losses import total
from gritlib.methods import METHODS, build
from gritlib.nets import GRITGenerator, ResNetGenerator, UNet
from gritlib.nets.recompute import held, recompute

NO_VGG = {"perceptual_weight": 0.0}
SMALL = {
    "grit": {"width": 2, "depth": 2},
    "pix2pix": {"width": 2, "depth": 6, "norm": "batch", "dropout": True},
    "cyclegan": {"width": 2, "blocks": 2, "d_layers": 1},
    "cut": {"width": 2, "blocks": 3, "d_layers": 1, "patches": 8, "dim": 4, "norm": "batch"},
    "fastcut": {"width": 2, "blocks": 3, "d_layers": 1, "patches": 8, "dim": 4},
    "sincut": {"width": 2},
    "spade": {"width": 2, "depth": 1, "size": 64, "hidden": 4, "start": "random", "z_dim": 4, **NO_VGG},
    "pix2pixhd": {"width": 2, "enhancer": True, "features": 2, "norm": "batch", "spectral": True, **NO_VGG},
    "pix2pixhd++": {"width": 2, **NO_VGG},
}


def activations(call) -> tuple[object, int]:
    """What a call returns, and the bytes that it keeps for the backward pass, weights left out; each storage once."""
    kept, weights = {}, set()

    def pack(t):
        if isinstance(t, nn.Parameter):
            weights.add(t.untyped_storage().data_ptr())
        kept[t.untyped_storage().data_ptr()] = t
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        result = call()
    return result, sum(t.untyped_storage().nbytes() for pointer, t in kept.items() if pointer not in weights)


def trained(name: str, on: bool, precision: str, steps: int = 3) -> dict[str, torch.Tensor]:
    """All weights, buffers and Adam's moments after a few steps, each backward into one player's weights alone."""
    dtype = torch.float32 if precision == "bf16" else torch.float64
    torch.manual_seed(0)
    method = build(name, METHODS[name].Config(3, 3, **SMALL[name])).to(dtype)
    recompute(method, on)
    optimizers = {
        key: torch.optim.Adam([p for net in player.nets for p in getattr(method, net).parameters()], 1e-3, fused=True)
        for key, player in method.players.items()
    }
    for step in range(steps):
        torch.manual_seed(step)
        A = torch.zeros(2, 3, 64, 64, dtype=dtype).scatter_(1, torch.randint(0, 3, (2, 1, 64, 64)), 1.0)
        turns = method.turns({"A": A, "B": torch.rand(2, 3, 64, 64, dtype=dtype) * 2 - 1}, step)
        while True:
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
                turn = next(turns, None)
            if turn is None:
                break
            player, terms = turn
            total(terms).backward(inputs=optimizers[player].param_groups[0]["params"])
            optimizers[player].step()
            optimizers[player].zero_grad()
    moments = {
        f"{key} {i} {name}": value
        for key, optimizer in optimizers.items()
        for i, state in enumerate(optimizer.state.values())
        for name, value in state.items()
    }
    return {**method.state_dict(), **moments, "next random number": torch.rand(1)}


@pytest.mark.parametrize("precision", ["float64", "bf16"])
@pytest.mark.parametrize("name", METHODS)
def test_training_is_the_same_bit_for_bit(name, precision):
    plain, again = (trained(name, on, precision) for on in (False, True))
    assert plain.keys() == again.keys()
    different = [key for key in plain if not torch.equal(plain[key], again[key])]
    assert not different


NETS = {
    "grit": (lambda: GRITGenerator(3, 3, 4, 3, style_dim=0), {"noise": "zero"}, 0.55),
    "unet": (lambda: UNet(3, 3, 4, 4, "batch", dropout=False), {}, 0.75),
    "resnet": (lambda: ResNetGenerator(3, 3, 4, 4), {}, 0.45),
    "antialiased": (lambda: ResNetGenerator(3, 3, 4, 4, antialias=True), {}, 0.45),
}


@pytest.mark.parametrize("name", NETS)
def test_less_is_kept_for_the_backward_pass(name):
    make, how, share = NETS[name]
    net, x = make(), torch.randn(1, 3, 64, 64)
    _, before = activations(lambda: net(x, **how))
    recompute(net)
    _, after = activations(lambda: net(x, **how))
    assert 0 < after < share * before
    recompute(net, False)
    assert activations(lambda: net(x, **how))[1] == before


def test_features_of_cut_get_their_gradients_too():
    torch.manual_seed(0)
    net, x = ResNetGenerator(3, 3, 4, 3, norm="batch", antialias=True).double(), torch.randn(2, 3, 32, 32).double()
    gradients = []
    for on in (False, True):
        recompute(net, on)
        image, features = net(x, taps=("rgb", "down1", "down2", "res2"))
        loss = image.square().mean() + sum(f.square().mean() for f in features.values())
        loss = loss + sum(f.abs().mean() for f in net.encode(x, ("down2",)).values())
        gradients.append(torch.autograd.grad(loss, list(net.parameters())))
    assert all(torch.equal(a, b) and a.abs().sum() > 0 for a, b in zip(*gradients, strict=True))


class Net(nn.Module):
    """One block that moves a buffer, draws a number and multiplies by both."""

    recompute = False

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.register_buffer("count", torch.tensor(0.0))

    def block(self, x):
        self.count += 1
        return (self.weight * x * self.count.clone() * torch.rand(())).sin()

    def forward(self, x):
        return held(self, self.block, x)


def test_a_buffer_moves_once_and_the_second_pass_sees_what_the_first_saw():
    net, x = Net(), torch.tensor(0.7)
    found = []
    for on in (False, True):
        recompute(net, on)
        torch.manual_seed(3)
        net.count.zero_()
        first, second = net(x), net(x)
        grad = torch.autograd.grad(first + second, net.weight, retain_graph=True)[0]
        found.append((grad, torch.autograd.grad(first + second, net.weight)[0], net.count.clone(), torch.rand(())))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True)) and found[1][2] == 2


def test_weights_that_moved_in_between_are_refused_where_gradients_would_be_wrong():
    net, x = Net(), torch.tensor(0.7)
    recompute(net)
    for spoil in (lambda: net.weight.add_(1), net.eval):
        y = net.train()(x)
        with torch.no_grad():
            spoil()
        with pytest.raises(RuntimeError, match=r"weights were moved, or train\(\) or eval\(\) was called"):
            y.backward()


def test_without_gradients_nothing_is_computed_twice():
    net, x = Net(), torch.tensor(0.7)
    recompute(net)
    with torch.no_grad():
        assert not net(x).requires_grad
    assert net.count == 1


def test_a_network_that_cannot_is_refused():
    with pytest.raises(ValueError, match=r"recompute: no network of this Sequential calls its blocks"):
        recompute(nn.Sequential(nn.Conv2d(3, 3, 1)))
    recompute(nn.Sequential(nn.Conv2d(3, 3, 1)), False)  # nothing to switch off
