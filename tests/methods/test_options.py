"""No option without effect: changing any field of a configuration changes what it says it changes, and nothing before.

Each field stands here with two values and the first thing that going from one to the other must change, in this order:
the generator's initial image, D's judgement of a real image, the loss terms, the optimisers. A field that is missing
here fails the test. The first values are the base of all comparisons, so that nothing depends on the recipe.
"""

from dataclasses import asdict, fields

import pytest
import torch

from gritlib.methods import METHODS, GRITConfig, Pix2PixConfig, build

GIVEN_BY_THE_DATA = {"in_channels", "out_channels"}
# Its other value needs a file of 575 MB: test_pix2pix.py shows that the network named is the network asked for.
ELSEWHERE = {"perceptual"}
CHANGES = {
    "grit": {
        "width": (2, 4, "image"),
        "depth": (4, 3, "image"),
        "style_dim": (8, 3, "image"),
        "noise": (True, False, "image"),
        "residual": (True, False, "image"),
        "noise_init": (0.1, 0.7, "image"),
        "d_width": (2, 4, "judgement"),
        "d_layers": (2, 3, "judgement"),
        "d_norm": ("none", "instance", "judgement"),
        "d_spectral": (False, True, "judgement"),
        "conditional": (True, False, "judgement"),
        "gan": ("lsgan", "bce", "terms"),
        "rec_weight": (10.0, 3.0, "terms"),
        "pixel": ("l1", "mix", "terms"),
        "lr": (1e-4, 1e-3, "optimisers"),
        "d_lr": (1e-4, 1e-3, "optimisers"),
        "beta1": (0.5, 0.0, "optimisers"),
    },
    "pix2pix": {
        "width": (2, 4, "image"),
        "depth": (6, 5, "image"),
        "norm": ("instance", "batch", "image"),
        "dropout": (False, True, "image"),
        "skips": (True, False, "image"),
        "d_width": (2, 4, "judgement"),
        "d_layers": (2, 3, "judgement"),
        "d_norm": ("instance", "batch", "judgement"),
        "conditional": (True, False, "judgement"),
        "gan": ("bce", "lsgan", "terms"),
        "gan_weight": (1.0, 0.5, "terms"),
        "pixel": ("l1", "l2", "terms"),
        "pixel_weight": (100.0, 10.0, "terms"),
        "perceptual_weight": (0.0, 10.0, "terms"),
        "lr": (1e-4, 1e-3, "optimisers"),
        "beta1": (0.5, 0.0, "optimisers"),
    },
}
CONFIGS = {"grit": GRITConfig, "pix2pix": Pix2PixConfig}


def configured(name, **changed):
    base = {"in_channels": 2, "out_channels": 3} | {key: entry[0] for key, entry in CHANGES[name].items()}
    return build(name, CONFIGS[name](**{**base, **changed}))


def observe(name, **changed):
    """Everything an option can change, from the same seed."""
    torch.manual_seed(11)
    method = configured(name, **changed)
    random = torch.Generator().manual_seed(5)
    A, B = (torch.rand(2, c, 64, 64, generator=random) * 2 - 1 for c in (2, 3))
    torch.manual_seed(12)
    out = method.G(A, method.encode(B), noise=3) if name == "grit" else method.G(A)
    judged = torch.cat([A, B], 1) if method.config.conditional else B
    terms = {}
    torch.manual_seed(13)
    for player, named in method.turns({"A": A, "B": B}, 0):
        terms |= {f"{player} {key}": value.item() for key, value in named.items()}
    return {
        "image": (out.image if name == "grit" else out).tolist(),
        "judgement": method.D(judged).tolist(),
        "terms": terms,
        "optimisers": {key: asdict(player) for key, player in method.players.items()},
    }


@pytest.fixture(scope="module")
def unchanged():
    return {name: observe(name) for name in METHODS}


@pytest.mark.parametrize(
    "name, field",
    [(name, f.name) for name in METHODS for f in fields(CONFIGS[name]) if f.name not in GIVEN_BY_THE_DATA | ELSEWHERE],
)
def test_every_option_changes_what_it_says_and_nothing_before(name, field, unchanged):
    assert field in CHANGES[name], f"{name} has a new option {field}: say in CHANGES what it must change"
    _, value, first = CHANGES[name][field]
    seen = observe(name, **{field: value})
    assert [key for key in unchanged[name] if seen[key] != unchanged[name][key]][0:1] == [first]


def test_the_table_names_no_option_that_is_gone():
    assert set(CHANGES) == set(METHODS) == set(CONFIGS)
    for name, changes in CHANGES.items():
        known = {f.name for f in fields(METHODS[name].Config)}
        assert set(changes) | GIVEN_BY_THE_DATA == known - ELSEWHERE


@pytest.mark.parametrize("name", METHODS)
def test_observations_repeat_so_that_a_difference_means_something(name, unchanged):
    assert observe(name) == unchanged[name]


@pytest.mark.parametrize(
    "name, option, changed",
    [
        ("grit", {"lr": 7e-3}, {"generator": "lr"}),
        ("grit", {"d_lr": 7e-3}, {"discriminator": "lr"}),
        ("pix2pix", {"lr": 7e-3}, {"generator": "lr", "discriminator": "lr"}),
        ("grit", {"beta1": 0.1}, {"generator": "betas", "discriminator": "betas"}),
        ("pix2pix", {"beta1": 0.1}, {"generator": "betas", "discriminator": "betas"}),
    ],
)
def test_optimiser_options_reach_the_players_they_name(name, option, changed):
    before, after = (configured(name, **changes).players for changes in ({}, option))
    for player in before:
        old, new = asdict(before[player]), asdict(after[player])
        assert {key for key in old if old[key] != new[key]} == ({changed[player]} if player in changed else set())
    for player, key in changed.items():
        value = asdict(after[player])[key]
        assert value == (7e-3 if key == "lr" else (0.1, 0.999))


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", ["l1", "l2", "mix"])
@pytest.mark.parametrize("gan", ["bce", "lsgan", "hinge"])
def test_every_combination_of_losses_plays(name, kind, gan):
    seen = observe(name, pixel=kind, gan=gan)["terms"]
    assert len(seen) == 4 and all(abs(value) < 1e3 for value in seen.values())
