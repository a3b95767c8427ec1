"""Where a student's pieces of lesson 05 enter: with right ones the networks, losses and scores are gritlib's. Also the
layer that a class gets its own scale of."""

import re

import bank
import pytest
import torch
from sklearn.metrics import confusion_matrix
from torch import nn
from torch.nn import functional as F

from gritlib import losses, metrics
from gritlib.course.examine import examine
from gritlib.course.exercises.lesson05 import EXERCISES
from gritlib.methods.spade import Spade, SpadeConfig
from gritlib.nets import SPADEGenerator

LOADED = {exercise.id: exercise for exercise in EXERCISES}
LABELS, SIDE = 4, 32
SMALL = {"in_channels": LABELS, "out_channels": 3, "size": SIDE, "width": 2, "hidden": 5, "e_width": 2, "d_width": 4}


def answers(id):
    entries = [entry for entry in bank.read(id[:2]) if entry.id == id and entry.kind == "right"]
    return [pytest.param(entry.objects(LOADED[id]), id=entry.title) for entry in entries]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(LABELS, (2, SIDE, SIDE), generator=generator)
    images = torch.randn(2, 3, SIDE, SIDE, generator=generator).tanh()
    return {"A": F.one_hot(ids, LABELS).movedim(3, 1).float(), "B": images}


SCALES = {"γ": lambda gamma: gamma, "exp γ": lambda gamma: gamma.exp()}


def spade_with(scale):
    """A student's layer, norm(h) multiplied by what a class asks for."""

    class SPADE(nn.Module):
        def __init__(self, channels, labels, hidden=128):
            super().__init__()
            self.shared = nn.Conv2d(labels, hidden, 3, padding=1)
            self.gamma, self.beta = (nn.Conv2d(hidden, channels, 3, padding=1) for _ in range(2))
            self.norm = nn.BatchNorm2d(channels, affine=False)

        def forward(self, h, m):
            step = m.shape[2] // h.shape[2]
            seen = self.shared(m[:, :, ::step, ::step]).relu()
            return self.norm(h) * scale(self.gamma(seen)) + self.beta(seen)

    return SPADE


def test_a_class_with_a_key_gets_its_own_scale_and_the_public_answer_is_named_so():
    drawn = {}
    for key in ("autumn", "spring", "evening", "2031"):
        variant = LOADED["05.2"].variant(key)
        drawn[re.search(r"multiplied by (.+?):", variant.note).group(1)] = variant
    assert set(drawn) == set(SCALES)
    for name, variant in drawn.items():
        report = examine(variant, spade_with(SCALES[name]))
        assert report.status == "right" and report.points == 6, report.message
        public = examine(variant, spade_with(lambda gamma: 1 + gamma))
        assert "This is the public version" in public.message
        assert public.points == 1, "that a label reaches two pixels far is as true of it"
        for mistake in variant.mistakes[:2]:  # those about the scale; the others are the public exercise's
            wrong = examine(variant, mistake.answer)
            assert wrong.points == 1 and mistake.message in wrong.message


@pytest.mark.parametrize("answer", [pytest.param(LOADED["05.2"].reference, id="reference"), *answers("05.2")])
def test_every_right_layer_of_the_bank_carries_the_networks_weights(answer, batch):
    torch.manual_seed(0)
    sizes = {"labels": LABELS, "width": 2, "depth": 2, "hidden": 5}
    theirs, mine = SPADEGenerator(**sizes), SPADEGenerator(**sizes, layer=answer[0])
    theirs(batch["A"])  # running statistics that are not those of the beginning
    mine.load_state_dict(theirs.state_dict())
    for mode in (True, False):
        images = [net.train(mode)(batch["A"]) for net in (mine, theirs)]
        assert torch.allclose(*images, atol=1e-5), mode


def played(method, batch):
    """What each player minimises in one step, and its gradient in the generator or in the discriminator."""
    torch.manual_seed(1)
    found = {}
    for player, terms in method.turns(batch, 0):
        loss, weights = sum(terms.values()), list((method.G if player == "generator" else method.D).parameters())
        slopes = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        found[player] = [loss.detach(), *(slope for slope in slopes if slope is not None)]
    return found


@pytest.mark.parametrize("kl", [answer.values[0][0] for answer in answers("05.3")][:2])
@pytest.mark.parametrize("answer", [pytest.param(LOADED["05.4"].reference, id="reference"), *answers("05.4")])
def test_right_losses_of_the_bank_are_the_methods_own(answer, kl, batch):
    hinge, feature_matching = answer

    def d_loss(real, fake):
        return {"d": sum(hinge(r, f)["d"] for (r, _), (f, _) in zip(real, fake, strict=True)) / len(real)}

    def g_loss(fake, B, judged, real, mu, logvar):
        g = sum(hinge(logits, logits)["g"] for logits, _ in judged) / len(judged)
        return {"g": g, "matching": 10 * feature_matching(real, judged), "kl": 0.05 * kl(mu, logvar).mean()}

    torch.manual_seed(0)
    config = SpadeConfig(**SMALL, perceptual_weight=0.0)
    theirs, mine = Spade(config), Spade(config, d_loss=d_loss, g_loss=g_loss)
    mine.load_state_dict(theirs.state_dict())
    a, b = played(theirs, batch), played(mine, batch)
    assert a.keys() == b.keys() == {"generator", "discriminator"}
    for player in a:
        for x, y in zip(a[player], b[player], strict=True):
            assert torch.allclose(x, y, rtol=1e-4, atol=1e-6), player


@pytest.mark.parametrize("answer", [pytest.param(LOADED["05.3"].reference, id="reference"), *answers("05.3")])
def test_right_style_codes_of_the_bank_are_the_packages(answer):
    kl, reparameterise = answer
    mu, logvar = torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(kl(mu, logvar), losses.kl(mu, logvar), rtol=1e-5)
    z = reparameterise(mu, logvar, torch.Generator().manual_seed(0))
    assert z.dtype == mu.dtype and ((z - mu) / (0.5 * logvar).exp()).abs().max() < 5


@pytest.mark.parametrize("answer", [pytest.param(LOADED["05.5"].reference, id="reference"), *answers("05.5")])
def test_right_scores_of_the_bank_are_the_packages(answer):
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(5, (3, 8, 9), generator=generator)
    pred = torch.where(torch.rand(target.shape, generator=generator) < 0.6, target, 5)  # class 6 occurs nowhere
    target[torch.rand(target.shape, generator=generator) < 0.1] = 255
    matrix = metrics.confusion(pred, target, 7, ignore=255)
    wanted, (scores,) = metrics.segmentation_scores(matrix), (f(pred, target, 7) for f in answer)
    known = target != 255
    assert (scores["matrix"] == matrix).all()
    assert (matrix.numpy() == confusion_matrix(target[known], pred[known], labels=range(7))).all()
    for name in ("pixel_accuracy", "mean_iou"):
        assert float(scores[name]) == pytest.approx(wanted[name], abs=1e-6)
    assert scores["iou"][:5].gt(0).all() and scores["iou"][5] == 0 and scores["iou"][6].isnan()
