"""Where a student's pieces of the unpaired lessons enter: with right ones the training is gritlib's. Also the exercises
that a class gets its own parameter of."""

import copy
import dataclasses
import re

import bank
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gritlib.course.examine import examine
from gritlib.course.exercises import load
from gritlib.data.source import Source
from gritlib.methods import CUT, CUTConfig, FastCUT, FastCUTConfig
from gritlib.training import fit

QUIET = {"batch_size": 2, "device": "cpu", "precision": "fp32", "progress": False}


def answers(id):
    exercise = load(id)
    entries = [entry for entry in bank.read(id[:2]) if entry.id == id and entry.kind == "right"]
    return [pytest.param(entry.objects(exercise)[0], id=entry.title) for entry in entries]


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (64, 64, 3)).astype(np.uint8) for _ in range(2)]
    windows = np.array([(0, y, x) for y in (0, 32) for x in (0, 32)])
    return Source("pairs", "train", 32, arrays[:1], arrays[1:], windows, np.tile([[0, 64, 0, 64]], (4, 1)))


SMALL = {"in_channels": 3, "out_channels": 3, "width": 4, "d_width": 4, "blocks": 3, "dim": 16, "patches": 20}


def weighed_negatives(w):
    def patch_nce(q, k, tau=0.07):
        s = F.normalize(q, dim=-1) @ F.normalize(k.detach(), dim=-1).mT / tau
        own = torch.eye(s.shape[-1], dtype=torch.bool)
        top = s.max(-1, keepdim=True).values
        counts = torch.where(own, torch.ones_like(s), torch.full_like(s, w))
        return ((s - top).exp() * counts).sum(-1).log() + top[..., 0] - s.diagonal(dim1=1, dim2=2)

    return patch_nce


def test_a_class_with_a_key_gets_its_own_weight_of_negatives():
    public, weights = load("04.1").reference[0], set()
    for key in ("autumn", "spring", "evening", "2031"):
        variant = load("04.1").variant(key)
        w = float(re.search(r"counts ([0-9.]+) times", variant.note).group(1))
        weights.add(w)
        report = examine(variant, weighed_negatives(w))
        assert report.status == "right" and report.points == 6, report.message
        answer = examine(variant, lambda *given, **named: public(*given, **named))
        assert answer.points == 0 and "This is the public version" in answer.message
        for mistake in variant.mistakes:
            wrong = examine(variant, lambda *given, answer=mistake.answer, **named: answer(*given, **named))
            assert wrong.status in ("wrong", "partly") and mistake.message in wrong.message
    assert len(weights) > 1


def contrastive_step(cut_losses):
    """As the lesson writes it."""

    def step(method, batch, optimizers):
        x, y, c = batch["A"], batch["B"], method.config
        cfg = dataclasses.replace(c, flip=c.flip and bool(torch.rand(()) < 0.5))
        with torch.no_grad():
            fake = method.G(x.flip(-1) if cfg.flip else x)
        d = 0.5 * ((method.D(y) - 1).square().mean() + method.D(fake).square().mean())
        optimizers["discriminator"].zero_grad()
        d.backward()
        optimizers["discriminator"].step()
        losses = cut_losses(method.G, method.D, method.H, x, y, cfg)
        optimizers["generator"].zero_grad()
        sum(losses.values()).backward()
        optimizers["generator"].step()
        return {"d": d.detach(), **{name: torch.as_tensor(loss).item() for name, loss in losses.items()}}

    return step


@pytest.mark.parametrize("kind", [(CUT, CUTConfig), (FastCUT, FastCUTConfig)], ids=["cut", "fastcut"])
@pytest.mark.parametrize("cut_losses", answers("04.4"))
def test_every_right_cut_loss_of_the_bank_trains_and_reports_the_losses_of_the_turns(cut_losses, kind, pairs):
    torch.manual_seed(0)
    # All places of every layer: the answers draw them in another order than the method.
    method = kind[0](kind[1](**{**SMALL, "patches": 32 * 32, "layers": ("down2", "res1")}))
    turns = fit(copy.deepcopy(method), pairs, steps=3, **QUIET).history[-1]
    mine = fit(copy.deepcopy(method), pairs, steps=3, step=contrastive_step(cut_losses), **QUIET).history[-1]
    wanted = {"d": turns["D_real"] + turns["D_fake"], "gan": turns["adv"], "nce_x": turns["NCE"]}
    wanted["nce_y"] = turns.get("NCE_Y", 0.0)
    assert {key: mine[key] for key in wanted} == pytest.approx(wanted, rel=1e-3)


@pytest.mark.parametrize("patch_nce", answers("04.1"))
def test_every_right_patch_nce_of_the_bank_trains_like_the_methods_own(patch_nce, pairs):
    torch.manual_seed(0)
    config = CUTConfig(**SMALL)
    theirs, mine = CUT(config), CUT(config, patch_nce=patch_nce)
    mine.load_state_dict(theirs.state_dict())
    runs = [fit(method, pairs, steps=2, **QUIET).history[-1] for method in (theirs, mine)]
    assert runs[1] == pytest.approx(runs[0], rel=1e-3)
