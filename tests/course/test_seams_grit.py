"""Where a student's pieces of lesson 06 enter: with right ones the training is gritlib's, with wrong ones it is not.
Also the exercises that a class gets its own parameter of.
"""

import math
import re

import bank
import numpy as np
import pytest
import torch

from gritlib import metrics
from gritlib.course.examine import examine
from gritlib.course.exercises.lesson06 import EXERCISES
from gritlib.data.source import Source
from gritlib.laboratory import Truth
from gritlib.methods.grit import GRIT, GRITConfig
from gritlib.nets import Output
from gritlib.training import fit

LOADED = {exercise.id: exercise for exercise in EXERCISES}
SIDE = 16
SIZES = {"width": 2, "depth": 2, "style_dim": 4, "d_width": 4, "d_layers": 1}
SMALL = {"in_channels": 3, "out_channels": 3, **SIZES}
SEAMS = {"06.2": "norm_layer", "06.3": "noise_layer", "06.4": "heads", "06.5": "g_loss"}
KEYS = ("autumn", "spring", "evening", "2031")


def entries(id, kind):
    found = [entry for entry in bank.read("06") if entry.id == id and entry.kind == kind]
    return [(entry.title, entry.objects(LOADED[id])[0]) for entry in found]


def answers(*ids, kind="right"):
    return [pytest.param(id, piece, id=f"{id} {title}") for id in ids for title, piece in entries(id, kind)]


def references(*ids):
    return [pytest.param(id, LOADED[id].reference[0], id=f"{id} reference") for id in ids]


def entering(id, piece, config):
    """A piece as the argument of `GRIT`, as the lesson writes it."""
    if id == "06.5":
        return {"g_loss": lambda out, B, logits: piece(out, B, logits, config.rec_weight)}
    return {SEAMS[id]: piece}


@pytest.fixture
def config():
    return GRITConfig(**SMALL)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(2, 3, SIDE, SIDE, generator=generator).tanh() for name in "AB"}


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (2 * SIDE, 2 * SIDE, 3)).astype(np.uint8) for _ in range(2)]
    windows = np.array([(0, y, x) for y in (0, SIDE) for x in (0, SIDE)])
    return Source(
        "pairs", "train", SIDE, arrays[:1], arrays[1:], windows, np.tile([[0, 2 * SIDE, 0, 2 * SIDE]], (4, 1))
    )


def made(config, **pieces):
    torch.manual_seed(0)
    return GRIT(config, **pieces)


def played(method, batch):
    """What generator and encoder minimise in one step, and the gradient of every weight; far from the first values,
    which are so small that every network makes the same grey."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in method.G.parameters():
            weight += 0.3 * torch.randn_like(weight)
    found = {}
    for player, terms in method.turns(batch, 0):
        if player == "generator":
            named = dict([*method.G.named_parameters(), *((f"E.{n}", p) for n, p in method.E.named_parameters())])
            slopes = torch.autograd.grad(sum(terms.values()), list(named.values()), allow_unused=True)
            found = {name: slope for name, slope in zip(named, slopes, strict=True) if slope is not None}
            found["losses"] = torch.stack([terms[name].detach() for name in sorted(terms)])
    return found


def alike(a, b):
    return a.keys() == b.keys() and all(torch.allclose(a[name], b[name], rtol=1e-3, atol=1e-5) for name in a)


@pytest.mark.parametrize(("id", "piece"), references(*SEAMS) + answers(*SEAMS))
def test_every_right_piece_of_the_bank_begins_and_learns_as_gritlibs(id, piece, config, batch):
    theirs, mine = made(config), made(config, **entering(id, piece, config))
    state = theirs.state_dict()
    assert state.keys() == mine.state_dict().keys()
    assert all(torch.equal(value, state[name]) for name, value in mine.state_dict().items())
    a, b = played(theirs, batch), played(mine, batch)
    assert "up.0.noise.weight" in a and "up.0.norm.affine.weight" in a and "residual.3.weight" in a
    assert alike(a, b)


def test_pieces_that_check_hands_back_train_to_bitwise_the_same_weights_as_a_students(config, pairs):
    students = {id: entries(id, "right")[0][1] for id in SEAMS}
    trained = []
    for chosen in ({}, {id: LOADED[id].handed_back() for id in SEAMS}, students):
        pieces = {key: value for id in chosen for key, value in entering(id, chosen[id], config).items()}
        method = made(config, **pieces)
        fit(method, pairs, steps=3, batch_size=2, device="cpu", precision="fp32", progress=False)
        trained.append(method.state_dict())
    start = made(config).state_dict()
    for state in trained[1:]:
        assert all(torch.equal(state[name], trained[0][name]) for name in start)
    assert not any(torch.equal(trained[0][name], start[name]) for name in start if name.startswith("G.up"))


WRONG = {
    "06.2": ("the printed equation", "statistics of the batch", "the mean code of the batch", "the code detached"),
    "06.3": ("weights of 0, whatever init says", "one weight for all channels", "one map for the batch"),
    "06.4": ("tanh on the sum", "the reconstruction detached in the sum", "the same head twice"),
    "06.5": ("L1 on the sum", "λ at adv", "the reconstruction detached", "the printed game"),
}


@pytest.mark.parametrize(("id", "title"), [(id, title) for id, titles in WRONG.items() for title in titles])
def test_a_wrong_piece_does_not_learn_as_gritlibs(id, title, config, batch):
    (piece,) = (piece for name, piece in entries(id, "wrong") if name == title)
    assert not alike(played(made(config), batch), played(made(config, **entering(id, piece, config)), batch))


@pytest.mark.parametrize(("id", "coupled_l1"), references("06.1") + answers("06.1"))
def test_right_prices_of_the_bank_are_the_laboratorys(id, coupled_l1):
    truth = Truth("gaussian")
    assert float(coupled_l1(truth.std, 0.0)) == pytest.approx(truth.std * math.sqrt(2 / math.pi), rel=0.01)
    assert float(coupled_l1(truth.std, truth.std)) == pytest.approx(2 * truth.std / math.sqrt(math.pi), rel=0.01)


@pytest.mark.parametrize(("id", "noise_use"), references("06.6") + answers("06.6"))
def test_right_measures_of_the_bank_are_the_packages(id, noise_use):
    draws = torch.randn(5, 2, 3, 18, 14, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    draws = draws[:1] + 0.4 * draws
    for edge in ({}, {"edge": 0.37}):
        std, share = noise_use(draws, **edge)
        wanted_std, wanted_share = metrics.noise_use(draws, **edge)
        assert torch.allclose(std, wanted_std)
        assert 0.05 < wanted_share < 0.95 and float(share) == pytest.approx(wanted_share, rel=1e-5)


def heads_with(s):
    def two_heads(h, rec, res):
        reconstruction, residual = rec(h), res(h)
        return Output(reconstruction + s * residual, reconstruction, residual)

    return two_heads


def use_up_to(upper):
    def noise_use(draws, edge=0.5):
        fy, fx = (torch.fft.fftfreq(side, d=0.5).double() for side in draws.shape[-2:])
        r = (fy[:, None] ** 2 + fx**2).sqrt()
        spectrum = torch.fft.fft2(draws)
        detail = torch.fft.ifft2(torch.where((r >= edge) & (r < upper), spectrum, 0)).real
        return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()

    return noise_use


@pytest.mark.parametrize(
    ("id", "pattern", "answer", "public", "kept"),
    [
        # A loss of the reconstruction alone gives the same gradients, and one does where the parts are right.
        ("06.4", r"plus ([0-9.]+) times the residual", heads_with, 1.0, 1),
        ("06.6", r"including, ([0-9.]+) times Nyquist", use_up_to, math.inf, 2),
    ],
)
def test_a_class_with_a_key_gets_its_own_parameter_and_the_public_answer_is_named_so(id, pattern, answer, public, kept):
    drawn = {}
    for key in KEYS:
        variant = LOADED[id].variant(key)
        drawn[float(re.search(pattern, variant.note).group(1))] = variant
    assert len(drawn) > 1 and public not in drawn
    for value, variant in drawn.items():
        report = examine(variant, answer(value))
        assert report.status == "right" and report.points == LOADED[id].points, report.message
        report = examine(variant, answer(public))
        assert "This is the public version" in report.message
        assert report.points == kept, "what the parameter does not touch is as true of it"
        for mistake in variant.mistakes[:2]:
            assert mistake.message in examine(variant, mistake.answer).message
