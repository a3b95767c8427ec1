"""LPIPS through its authors' package: the value is the formula's, and nothing is downloaded for it.

The trunk's real weights are not here: random ones of the same names and shapes are made on the spot.
"""

import socket

import pytest
import torch
from torch.nn import functional as F

from gritlib.backbones import lpips

LAYERS = {0: (64, 3, 11), 3: (192, 64, 5), 6: (384, 192, 3), 8: (256, 384, 3), 10: (256, 256, 3)}  # out, in, kernel


@pytest.fixture(scope="module")
def state():
    """The convolutions of torchvision's alexnet file."""
    generator, state = torch.Generator().manual_seed(0), {}
    for i, (outputs, inputs, kernel) in LAYERS.items():
        weight = torch.randn(outputs, inputs, kernel, kernel, generator=generator)
        state[f"features.{i}.weight"] = weight * (2 / (inputs * kernel**2)) ** 0.5
        state[f"features.{i}.bias"] = 0.1 * torch.randn(outputs, generator=generator)
    return state


@pytest.fixture(scope="module")
def path(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("alexnet") / lpips.FILE
    torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, path)
    return path


@pytest.fixture(scope="module")
def net(path):
    return lpips.lpips_alex(path)


def features(state, x):
    """AlexNet's five activations by hand."""
    x = (x - torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)) / torch.tensor([0.458, 0.448, 0.450]).view(
        1, 3, 1, 1
    )
    found = []
    for i, (_, _, kernel) in LAYERS.items():
        if i in (3, 6):
            x = F.max_pool2d(x, 3, 2)
        stride, padding = (4, 2) if i == 0 else (1, kernel // 2)
        x = F.relu(F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], stride, padding))
        found.append(x)
    return found


def test_it_is_the_formula(net, state):
    a, b = torch.rand(2, 3, 3, 64, 64) * 2 - 1
    heads = [net.net.lins[i].model[-1].weight for i in range(5)]
    wanted = 0
    for x, y, head in zip(features(state, a), features(state, b), heads, strict=True):
        difference = (F.normalize(x, dim=1) - F.normalize(y, dim=1)).square()
        wanted = wanted + (head * difference).sum(1).mean((1, 2))
    found = net(a, b)
    assert found.shape == (3,)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)
    assert torch.equal(net(a, a), torch.zeros(3)) and (found > 0).all()


def test_the_linear_heads_are_the_trained_ones(net):
    heads = [net.net.lins[i].model[-1].weight.flatten() for i in range(5)]
    assert [len(h) for h in heads] == [64, 192, 384, 256, 256] and all((h >= 0).all() for h in heads)
    assert heads[0].sum() > 1  # random heads of this width would lie around 0


def test_it_is_frozen_and_the_gradient_reaches_the_image(net):
    a = torch.zeros(1, 3, 32, 32, requires_grad=True)
    net(a, torch.rand(1, 3, 32, 32)).sum().backward()
    assert a.grad.abs().sum() > 0
    assert not net.train().training and not net.net.training and not any(p.requires_grad for p in net.parameters())
    assert net.name == "LPIPS-Alex"


@pytest.mark.parametrize(
    "a, b, message",
    [
        (
            torch.full((1, 3, 64, 64), 255.0),
            torch.zeros(1, 3, 64, 64),
            r"images in \[-1, 1\], these go from 255\.0 to 255\.0",
        ),
        (torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), -1.1), r"from -1\.1 to -1\.1"),
        (torch.zeros(1, 3, 64, 64), torch.full((1, 3, 64, 64), float("nan")), "from nan"),
        (torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64), "looks at RGB images"),
        (torch.zeros(1, 3, 64, 64), torch.zeros(2, 3, 64, 64), "compares pairs"),
        (torch.zeros(1, 3, 30, 64), torch.zeros(1, 3, 30, 64), "needs 31 pixels a side"),
    ],
)
def test_what_it_cannot_compare_is_refused(net, a, b, message):
    with pytest.raises(ValueError, match=message):
        net(a, b)


def test_rounding_beyond_the_range_is_let_through(net):
    assert net(torch.full((1, 3, 31, 31), 1.0001), torch.zeros(1, 3, 31, 31)).shape == (1,)


def test_building_needs_no_network_and_leaves_the_generator_alone(path, monkeypatch, recwarn, capsys):
    def refuse(*arguments):
        raise AssertionError("the package wanted to download")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    torch.manual_seed(5)
    wanted = torch.rand(2)
    torch.manual_seed(5)
    lpips.lpips_alex(path)
    assert torch.equal(torch.rand(2), wanted)
    assert not recwarn.list and capsys.readouterr().out == ""


def test_a_file_that_does_not_fit_is_refused_by_name(state, tmp_path):
    torch.save({key: value for key, value in state.items() if key != "features.8.weight"}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth: features\.8\.weight is missing"):
        lpips.lpips_alex(tmp_path / "other.pth")
