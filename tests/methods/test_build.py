"""What holds for every method: a configuration rebuilds it, wrong settings are named, a student's pieces are used."""

import re
from dataclasses import asdict

import pytest
import torch
from torch import nn

from gritlib.methods import (
    CUT,
    GRIT,
    METHODS,
    CUTConfig,
    CycleGANConfig,
    FastCUTConfig,
    GRITConfig,
    Method,
    Pix2Pix,
    Pix2PixConfig,
    Pix2PixHDConfig,
    Pix2PixHDPlusConfig,
    SinCUT,
    SinCUTConfig,
    SpadeConfig,
    build,
)

CONFIGS = {
    "grit": GRITConfig(2, 3, width=3, depth=3, style_dim=2, residual=False, d_layers=1, gan="hinge", d_spectral=False),
    "pix2pix": Pix2PixConfig(2, 3, width=3, depth=3, norm="batch", skips=False, conditional=False, gan="hinge"),
    "cyclegan": CycleGANConfig(2, 3, width=3, blocks=1, norm="batch", antialias=True, d_layers=1, cycle="forward"),
    "cut": CUTConfig(3, 3, width=3, blocks=1, layers=("down1", "res1"), dim=3, d_layers=1, encoder="separate"),
    "fastcut": FastCUTConfig(3, 3, width=3, blocks=1, layers=("rgb",), dim=3, antialias=False, reduction="sum"),
    "sincut": SinCUTConfig(3, 3, width=3, blocks=1, layers=("rgb", "res1"), d_width=1, tile=8, dim=3, nce_y=False),
    "spade": SpadeConfig(
        2, 3, size=32, width=3, depth=1, start="random", layer="concat", norm="instance", perceptual_weight=0.0
    ),
    "pix2pixhd": Pix2PixHDConfig(2, 3, width=3, enhancer=True, edges=True, features=2, perceptual_weight=0.0),
    "pix2pixhd++": Pix2PixHDPlusConfig(2, 3, width=3, blocks=1, d_scales=1, perceptual_weight=0.0),
}
A, B = torch.linspace(-9, 9, 4096).view(2, 2, 32, 32).sin(), torch.linspace(-1, 1, 6144).view(2, 3, 32, 32)
EQUAL = ("cut", "fastcut", "sincut")  # their encoder sees both sides, so they have equal channels
RGB = ("spade", "pix2pixhd", "pix2pixhd++")  # their perceptual loss looks at RGB images
every_method = pytest.mark.parametrize("name", METHODS)


@every_method
def test_a_configuration_of_plain_data_rebuilds_the_method(name):
    method = build(name, CONFIGS[name])
    settings = asdict(method.config)
    plain = [x for value in settings.values() for x in (value if isinstance(value, tuple) else (value,))]
    assert all(isinstance(value, (int, float, str, bool)) for value in plain)
    twin = build(name, settings)
    assert type(twin) is type(method) is METHODS[name] and twin.name == name and twin.config == method.config
    twin.load_state_dict(method.state_dict())
    given = B if name in EQUAL else A
    assert torch.equal(twin.translate(given, noise=1).image, method.translate(given, noise=1).image)
    assert build(name, CONFIGS[name]).config is CONFIGS[name]


@every_method
def test_unknown_settings_are_refused_with_the_known_ones(name):
    said = rf"{re.escape(name)} has no setting \['lambda'\]: its settings are .*width, .*beta1"
    with pytest.raises(ValueError, match=said):
        build(name, {"lambda": 100, "width": 2})


def test_unknown_methods_are_refused_with_the_known_ones():
    known = r"grit, pix2pix, cyclegan, cut, fastcut, sincut, spade, pix2pixhd, pix2pixhd\+\+"
    with pytest.raises(ValueError, match=f"'stargan' is unknown: choose one of {known}$"):
        build("stargan", {})


@every_method
def test_channels_come_from_the_data(name):
    class Data:
        in_channels, out_channels, size = 5, 5 if name in EQUAL else 3 if name in RGB else 1, 32

    config = METHODS[name].Config(width=2, d_width=2)
    fitted = config.fit_to(Data)
    assert (fitted.in_channels, fitted.out_channels, fitted.width) == (5, Data.out_channels, 2)
    assert config.in_channels is None, "the original stays as it is"
    image = build(name, fitted).translate(torch.randn(1, 5, 32, 32)).image
    assert image.shape == (1, Data.out_channels, 32, 32)
    with pytest.raises(ValueError, match="no channels yet"):
        build(name, config)


@every_method
def test_state_dict_holds_every_network_of_every_player(name):
    method = build(name, CONFIGS[name])
    assert isinstance(method, Method)
    for player in method.players.values():
        for net in player.nets:
            assert any(key.startswith(f"{net}.") for key in method.state_dict())
    moved = {net for player in method.players.values() for net in player.nets}
    assert moved == {name for name, child in method.named_children() if list(child.parameters())}


@pytest.mark.parametrize("which", ["d_loss", "g_loss"])
@pytest.mark.parametrize("name", ["grit", "pix2pix"])
def test_a_loss_that_is_a_function_or_a_module_is_used(name, which):
    class Loss(nn.Module):
        def forward(self, first, second, third=None):
            return {"mine": second.mean()}

    for loss in (lambda first, second, third=None: {"mine": second.mean()}, Loss()):
        method = build(name, CONFIGS[name], **{which: loss})
        turns = dict(method.turns({"A": A, "B": B}, 0))
        mine, other = ("discriminator", "generator") if which == "d_loss" else ("generator", "discriminator")
        assert list(turns[mine]) == ["mine"] and len(turns[other]) == 2


@pytest.mark.parametrize(
    "cls, piece",
    [
        (Pix2Pix, "generator"),
        (Pix2Pix, "discriminator"),
        (GRIT, "discriminator"),
        (CUT, "discriminator"),
        (SinCUT, "discriminator"),
    ],
)
def test_a_network_without_layers_is_used(cls, piece):
    identity = nn.Sequential()  # has a length of zero, which Python reads as False
    method = cls(CONFIGS[cls.name], **{piece: identity})
    assert (method.G if piece == "generator" else method.D) is identity
