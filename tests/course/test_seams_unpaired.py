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

from gritlib import weights
from gritlib.course.examine import examine
from gritlib.course.exercises import load
from gritlib.data.source import Source
from gritlib.methods import CUT, CUTConfig, CycleGAN, CycleGANConfig, FastCUT, FastCUTConfig
from gritlib.nets import ResNetGenerator
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


def cycle_step(generator_losses, discriminator_loss, buffers):
    """As lesson 03 writes it."""

    def step(method, batch, optimizers):
        x, y = batch["A"], batch["B"]
        terms = generator_losses(method.G, method.F, method.D_A, method.D_B, x, y, 10.0, 0.5)
        optimizers["generators"].zero_grad()
        sum(terms.values()).backward()
        optimizers["generators"].step()
        with torch.no_grad():
            fake_y, fake_x = method.G(x), method.F(y)
        loss = discriminator_loss(method.D_A, x, buffers[0].query(fake_x))
        loss = loss + discriminator_loss(method.D_B, y, buffers[1].query(fake_y))
        optimizers["discriminators"].zero_grad()
        loss.backward()
        optimizers["discriminators"].step()
        return {"D": loss, **terms}

    return step


CYCLE = CycleGANConfig(3, 3, width=4, d_width=4, blocks=1, d_layers=1, identity_weight=0.5, pool=0)
REFERENCE = {id: load(id).reference[0] for id in ("03.1", "03.2", "03.3")}


def cycle_history(pairs, steps=2, **pieces):
    """Losses of training with the lesson's step, references in place of what is not given; a line each step."""
    losses, judge, buffer = (pieces.get(id, REFERENCE[id]) for id in REFERENCE)
    torch.manual_seed(0)
    method = CycleGAN(CYCLE)
    buffers = [buffer(3, torch.Generator().manual_seed(5)) for _ in range(2)]
    step = cycle_step(losses, judge, buffers)
    return fit(method, pairs, steps=steps, step=step, log_every=1, **QUIET).history


def test_the_lessons_cycle_step_minimises_what_the_method_minimises(pairs):
    torch.manual_seed(0)
    turns = fit(CycleGAN(CYCLE), pairs, steps=1, log_every=1, **QUIET).history[0]
    mine = cycle_history(pairs, steps=1)[0]
    wanted = {"gan_g": "adv_G", "gan_f": "adv_F", "cyc_x": "cycle_A", "cyc_y": "cycle_B"}
    wanted |= {"id_x": "identity_A", "id_y": "identity_B"}
    assert {key: mine[key] for key in wanted} == pytest.approx({k: turns[v] for k, v in wanted.items()}, rel=1e-4)


@pytest.mark.parametrize(
    "piece", [pytest.param((id, *p.values), id=f"{id} {p.id}") for id in REFERENCE for p in answers(id)]
)
def test_every_right_piece_of_lesson_03_trains_like_the_reference(piece, pairs):
    id, answer = piece
    theirs, mine = cycle_history(pairs, steps=4), cycle_history(pairs, steps=4, **{id: answer})
    if id == "03.3":
        # Coins may fall in another order: both remember, so D sees old images and no loss explodes.
        assert all(np.isfinite(list(line.values())).all() for line in mine)
        assert mine[0] == pytest.approx(theirs[0], rel=1e-4)  # the buffers are not full yet
    else:
        assert mine[-1] == pytest.approx(theirs[-1], rel=1e-3)


@pytest.mark.parametrize("block", answers("03.4"))
def test_shipped_weights_in_a_right_block_give_the_shipped_picture(block):
    shipped = weights.load("cyclegan-earth").G.eval()

    def mine(channels):
        return block(channels, torch.nn.BatchNorm2d)

    generator = weights.hand_over(shipped, ResNetGenerator(3, 3, 16, 4, "batch", antialias=True, block=mine)).eval()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        assert torch.allclose(generator(x), shipped(x), atol=1e-5)
