"""Where a student's pieces enter: with right ones the network and its training are gritlib's, bit for bit. Also the
exercises that a class gets its own parameter of."""

import copy
import re

import bank
import numpy as np
import pytest
import torch

from gritlib import backbones
from gritlib.course.examine import examine
from gritlib.course.exercises import load
from gritlib.data.source import Source
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.nets import UNet
from gritlib.nets.init import init_normal
from gritlib.training import fit

QUIET = {"batch_size": 2, "device": "cpu", "precision": "fp32", "progress": False}


def answers(id):
    """Every right answer of the bank to an exercise that asks for one object."""
    exercise = load(id)
    entries = [entry for entry in bank.read(id[:2]) if entry.id == id and entry.kind == "right"]
    return [pytest.param(entry.objects(exercise)[0], id=entry.title) for entry in entries]


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (64, 64, 3)).astype(np.uint8) for _ in range(2)]
    windows = np.array([(0, y, x) for y in (0, 32) for x in (0, 32)])
    return Source("pairs", "train", 32, arrays[:1], arrays[1:], windows, np.tile([[0, 64, 0, 64]], (4, 1)))


@pytest.fixture
def config():
    return Pix2PixConfig(3, 3, width=4, d_width=4)


def network(config, block, unet_forward):
    """As the lesson writes it."""

    class MyUNet(UNet):
        def forward(self, x):
            return unet_forward(x, self.down, self.up, self.head)

    return MyUNet(
        config.in_channels, config.out_channels, config.width, config.depth, config.norm, config.dropout, block=block
    )


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("block", answers("01.1"))
def test_a_decoder_of_own_blocks_takes_gritlibs_weights_and_gives_its_picture(config, block):
    torch.manual_seed(0)
    theirs = UNet(3, 3, config.width, config.depth, config.norm, config.dropout)
    mine = network(config, block, load("01.2").handed_back())
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64)
    assert torch.allclose(mine(x), theirs(x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("unet_forward", answers("01.2"))
def test_an_own_way_through_the_unet_gives_bitwise_gritlibs_picture(config, unet_forward):
    torch.manual_seed(0)
    theirs = UNet(3, 3, config.width, config.depth, config.norm, config.dropout)
    mine = network(config, load("01.1").handed_back(), unet_forward)
    mine.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 3, 64, 64)
    assert torch.equal(mine(x), theirs(x))


def test_a_network_of_own_pieces_trains_to_bitwise_the_same_weights(config, pairs):
    torch.manual_seed(0)
    theirs = Pix2Pix(config)
    block, unet_forward = (answers(id)[-1].values[0] for id in ("01.1", "01.2"))
    mine = Pix2Pix(config, generator=init_normal(network(config, block, unet_forward)))
    mine.load_state_dict(theirs.state_dict())
    runs = [fit(method, pairs, steps=3, **QUIET) for method in (theirs, mine)]
    assert same(*(run.trained.state_dict() for run in runs))


def test_pieces_that_check_hands_back_fit_the_seam_too(config, pairs):
    block, unet_forward = load("01.1").handed_back(), load("01.2").handed_back()
    run = fit(Pix2Pix(config, generator=init_normal(network(config, block, unet_forward))), pairs, steps=1, **QUIET)
    assert run.finished


def as_step(train_step):
    """As the lesson writes it."""
    return lambda method, batch, optimizers: train_step(
        batch["A"], batch["B"], method.G, method.D, optimizers["generator"], optimizers["discriminator"], 100.0
    )


def test_the_reference_step_gives_bitwise_the_weights_of_the_turns(config, pairs):
    torch.manual_seed(0)
    method = Pix2Pix(config)
    turns = fit(copy.deepcopy(method), pairs, steps=4, **QUIET)
    mine = fit(copy.deepcopy(method), pairs, steps=4, step=as_step(load("01.5").handed_back()), **QUIET)
    assert same(turns.trained.state_dict(), mine.trained.state_dict())
    assert same(turns.method.state_dict(), mine.method.state_dict())
    assert mine.history[-1].keys() == {"step", "d", "g", "l1"}


@pytest.mark.parametrize("train_step", answers("01.5"))
def test_every_right_step_of_the_bank_trains_and_reports_the_losses_of_the_turns(config, pairs, train_step):
    torch.manual_seed(0)
    method = Pix2Pix(config)
    turns = fit(copy.deepcopy(method), pairs, steps=3, **QUIET).history[-1]
    mine = fit(copy.deepcopy(method), pairs, steps=3, step=as_step(train_step), **QUIET).history[-1]
    wanted = {"d": turns["D_real"] + turns["D_fake"], "g": turns["adv"], "l1": turns["L1"] / 100}
    assert {key: mine[key] for key in wanted} == pytest.approx(wanted, rel=1e-3)


def dilated(d):
    def receptive_field(layers):
        side = 1
        for kernel, stride in reversed(layers):
            side = (side - 1) * stride + d * (kernel - 1) + 1
        return side

    return receptive_field


def test_a_class_with_a_key_gets_its_own_dilation_and_the_public_answer_is_named_so():
    drawn = set()
    for key in ("autumn", "spring", "evening", "2031"):
        variant = load("01.3").variant(key)
        (d,) = (d for d in (2, 3, 4) if f"dilated by {d}" in variant.note)
        drawn.add(d)
        report = examine(variant, dilated(d))
        assert report.status == "right" and report.points == 3, report.message
        public = examine(variant, dilated(1))
        assert public.points == 0 and "This is the public version" in public.message
        for mistake in variant.mistakes:
            wrong = examine(variant, lambda layers, answer=mistake.answer: answer(layers))
            assert wrong.status in ("wrong", "partly") and mistake.message in wrong.message
    assert len(drawn) > 1


def test_a_class_with_a_key_gets_its_own_pinball_loss():
    public, notes = load("02.1").reference[0], set()
    for key in ("autumn", "spring", "evening", "2031"):
        variant = load("02.1").variant(key)
        notes.add(variant.note)
        up = float(re.search(r"constant c costs ([0-9.]+)", variant.note).group(1))

        def best_constant(values, weights, loss, up=up):
            """A ternary search: the cost is convex."""
            share, low, high = {"l1": 1, "l2": 0, "mix": 0.5}[loss], values.min().item(), values.max().item()

            def cost(c):
                gap = values - c
                pinball = torch.where(gap > 0, up * gap, (up - 1) * gap)
                return (weights * (share * pinball + (1 - share) * gap**2)).sum()

            for _ in range(120):
                a, b = low + (high - low) / 3, high - (high - low) / 3
                low, high = (low, b) if cost(a) < cost(b) else (a, high)
            return (low + high) / 2

        report = examine(variant, best_constant)
        assert report.status == "right" and report.points == 4, report.message
        answer = examine(variant, lambda *given: public(*given))
        assert answer.points == 1 and "This is the public version" in answer.message  # l2 is the same for all
    assert len(notes) > 1


@pytest.mark.parametrize("perceptual_loss", answers("02.2"))
def test_every_right_perceptual_loss_of_the_bank_trains_like_the_methods_own(perceptual_loss, pairs):
    net = backbones.perceptual("vgg16")
    sizes = {"in_channels": 3, "out_channels": 3, "width": 2, "depth": 2, "gan_weight": 0.0}

    def g_loss(fake, real, logits):
        return {"perceptual": 10 * perceptual_loss(net, fake, real, net.weights)}

    trained = []
    for options, pieces in (
        ({"pixel_weight": 0.0, "perceptual_weight": 10.0, "perceptual": "vgg16"}, {}),
        ({}, {"g_loss": g_loss}),
    ):
        torch.manual_seed(0)
        method = fit(Pix2Pix(Pix2PixConfig(**sizes, **options), **pieces), pairs, steps=2, **QUIET).method
        trained.append(torch.cat([p.flatten() for p in method.G.parameters()]))
    assert torch.allclose(*trained, rtol=1e-4, atol=1e-6)
