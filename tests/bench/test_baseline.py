"""The plain loop trains the same networks on the same objective: its losses are the method's, its gradients too."""

import copy

import pytest
import torch

from gritlib import backbones
from gritlib.bench import steps
from gritlib.bench.baseline import STEPS, Plain, fooled, taken_for
from gritlib.losses import d_adversarial, g_adversarial
from gritlib.methods import METHODS

# Spectral norm's vectors move with every call of D in training, and the plain loop calls it more often.
STILL = {"spade": {"spectral": False, "d_spectral": False}}
PAPERS = {  # what the published objectives have and the lessons' do not, on small networks
    "pix2pix": {"norm": "batch", "d_norm": "batch", "depth": 6, "dropout": True},
    "cyclegan": {"identity_weight": 0.5},
    "cut": {"reduction": "sum", "halve": False, "key_gradient": True},
    "fastcut": {"reduction": "sum", "halve": False, "key_gradient": True},
    "spade": {"start": "map"},
    "pix2pixhd": {"edges": True, "d_scales": 3},
    "grit": {"conditional": True},
}
CASES = [(name, {}) for name in STEPS] + list(PAPERS.items())


def pair(name, changed):
    """A method and the plain loop around a copy, both in double precision, and the batch."""
    method, batch, chosen = steps.setting(name, "smoke", 2)
    if changed or name in STILL:
        settings = {**vars(method.config), **STILL.get(name, {}), **changed}
        torch.manual_seed(0)
        method = METHODS[name](METHODS[name].Config(**settings))
    method = method.double()
    return method, Plain(copy.deepcopy(method), doubled(batch)), doubled(batch), chosen


def doubled(batch):
    return {key: value.double() for key, value in batch.items() if value.is_floating_point()}


@pytest.mark.parametrize(
    ("name", "changed"), CASES, ids=lambda value: value if isinstance(value, str) else "-".join(value)
)
def test_the_first_step_has_the_same_losses_and_moves_the_same_way(name, changed, monkeypatch):
    method, plain, batch, chosen = pair(name, changed)
    ours = steps.trainer(method, batch, chosen, "fp32", "cpu")
    for (
        name,
        player,
    ) in method.players.items():  # the gradient itself instead of Adam's step, which makes signs of rounding
        for side, optimizers in ((method, ours.optimizers), (plain.method, plain.adams)):
            moved = [p for net in player.nets for p in getattr(side, net).parameters()]
            optimizers[name] = torch.optim.SGD(moved, player.lr)
    start = copy.deepcopy(method)
    precise = copy.deepcopy(backbones.perceptual("vgg16")).double()
    monkeypatch.setattr(backbones, "perceptual", lambda _: precise)
    seeds, real = [], torch.manual_seed
    with monkeypatch.context() as patch:
        patch.setattr(torch, "manual_seed", lambda seed: seeds.append(seed) or real(seed))
        found = ours.one_step(0, None)
    torch.manual_seed(seeds[0])
    expected = plain.step()
    assert found.keys() == expected.keys()
    for term, value in found.items():
        assert float(value) == pytest.approx(expected[term], rel=1e-6), term
    both = (method.named_parameters(), plain.method.parameters(), start.parameters())
    for (key, mine), theirs, before in zip(*both, strict=True):
        assert torch.allclose(mine - before, theirs - before, rtol=1e-5, atol=1e-12), key
    assert any(
        not torch.equal(mine, before) for mine, before in zip(method.parameters(), start.parameters(), strict=True)
    )


@pytest.mark.parametrize("kind", ["bce", "lsgan", "hinge"])
def test_adversarial_losses_written_out_are_those_of_the_package(kind):
    real, fake = torch.randn(2, 3, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    terms = d_adversarial(real, fake, kind)
    assert taken_for(True, real, kind).item() == pytest.approx(terms["D_real"].item())
    assert taken_for(False, fake, kind).item() == pytest.approx(terms["D_fake"].item())
    assert fooled(fake, kind).item() == pytest.approx(g_adversarial(fake, kind).item())


def test_the_plain_loop_has_none_of_the_tricks():
    _, plain, _, _ = pair("pix2pix", {})
    plain.step()
    assert all(
        group["fused"] is False and group["foreach"] is False for a in plain.adams.values() for group in a.param_groups
    )
    assert all(p.requires_grad for p in plain.method.parameters())
    # G's turn came last, and D's gradients of it are there: computed, never used.
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in plain.method.D.parameters() if p.ndim > 1)


def test_a_method_without_a_plain_loop_is_named():
    method, batch, _ = steps.setting("sincut", "smoke", 1)
    with pytest.raises(ValueError, match="no plain loop of sincut: choose one of pix2pix"):
        Plain(method, batch)
