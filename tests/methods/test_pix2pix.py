"""pix2pix: who moves when, which loss reaches whom, what dropout does at test time."""

import pytest
import torch
from torch import nn

from gritlib import backbones, losses
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.nets import PatchGAN

BATCH = {"A": torch.linspace(-9, 9, 2 * 2 * 1024).view(2, 2, 32, 32).sin(), "B": torch.linspace(-1, 1, 6144).cos()}
BATCH["B"] = BATCH["B"].view(2, 3, 32, 32)
A, B = BATCH["A"], BATCH["B"]


def small(pieces=None, **options):
    defaults = {"in_channels": 2, "out_channels": 3, "width": 2, "depth": 5, "d_width": 2}
    return Pix2Pix(Pix2PixConfig(**{**defaults, **options}), **(pieces or {}))


def droppy(**options):
    """Depth 6: one decoder layer has dropout; weights large enough for it to show."""
    method = small(depth=6, dropout=True, norm="batch", **options)
    for p in method.G.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, 0.0, 0.3)
    return method


WIDE = torch.linspace(-9, 9, 2 * 2 * 64 * 64).view(2, 2, 64, 64).sin()


def gradients(terms, net):
    return torch.autograd.grad(losses.total(terms), list(net.parameters()), allow_unused=True, retain_graph=True)


def test_discriminator_moves_first_and_the_terms_have_their_names():
    turns = list(small().turns(BATCH, 0))
    assert [(player, list(terms)) for player, terms in turns] == [
        ("discriminator", ["D_real", "D_fake"]),
        ("generator", ["L1", "adv"]),
    ]
    assert list(dict(small(pixel="mix").turns(BATCH, 0))["generator"]) == ["MIX", "adv"]
    players = small().players
    assert {name: (p.nets, p.ema) for name, p in players.items()} == {
        "discriminator": (("D",), False),
        "generator": (("G",), True),
    }


def test_discriminators_turn_moves_d_and_never_g():
    method = small()
    _, terms = next(method.turns(BATCH, 0))
    assert all(g is None for g in gradients(terms, method.G))
    assert all(g is not None and g.abs().max() > 0 for g in gradients(terms, method.D) if g is None or g.ndim > 1)


def test_generators_turn_leaves_d_untouched_and_reaches_all_of_g():
    method = small(norm="none")
    turns = method.turns(BATCH, 0)
    next(turns)
    _, terms = next(turns)
    losses.total(terms).backward(inputs=list(method.G.parameters()))
    assert all(p.grad is None for p in method.D.parameters())
    assert all(p.grad.abs().max() > 0 for p in method.G.parameters())
    assert next(turns, None) is None


def test_both_generator_terms_reach_g_and_the_adversarial_one_through_d():
    method = small(norm="none")
    terms = dict(method.turns(BATCH, 0))["generator"]
    for key in ("L1", "adv"):
        assert all(g is not None and g.abs().max() > 0 for g in gradients({key: terms[key]}, method.G))
    assert all(g is None for g in gradients({"L1": terms["L1"]}, method.D))


def test_generators_turn_is_judged_by_the_updated_discriminator():
    method = small()
    turns = method.turns(BATCH, 0)
    next(turns)
    with torch.no_grad():
        method.D.layers[-1].weight.zero_()
        method.D.layers[-1].bias.fill_(1.5)
    _, terms = next(turns)
    assert terms["adv"].item() == pytest.approx(torch.tensor(-1.5).exp().log1p().item(), abs=1e-6)


@pytest.mark.parametrize("gan", losses.GANS)
@pytest.mark.parametrize("conditional", [True, False])
def test_terms_are_those_of_the_paper_recomputed_by_hand(gan, conditional):
    method = small(gan=gan, conditional=conditional, gan_weight=0.3, pixel_weight=7.0, norm="none", d_norm="none")
    terms = {key: t for _, named in method.turns(BATCH, 0) for key, t in named.items()}
    fake = method.G(A)
    real_logits, fake_logits = (method.D(torch.cat([A, x], 1) if conditional else x) for x in (B, fake))
    full = losses.d_adversarial(real_logits, fake_logits, gan)
    assert torch.allclose(terms["D_real"], full["D_real"] / 2) and torch.allclose(terms["D_fake"], full["D_fake"] / 2)
    assert torch.allclose(terms["L1"], 7 * (fake - B).abs().mean())
    assert torch.allclose(terms["adv"], 0.3 * losses.g_adversarial(fake_logits, gan), atol=1e-7)


class Recorder(nn.Module):
    """A discriminator that keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.scale, self.seen = nn.Parameter(torch.ones(())), []

    def forward(self, x):
        self.seen.append(x.detach())
        return self.scale * x.mean((1, 2, 3))


@pytest.mark.parametrize("conditional", [True, False])
def test_what_the_discriminator_is_shown(conditional):
    judge = Recorder()
    method = small({"discriminator": judge}, conditional=conditional)
    list(method.turns(BATCH, 0))
    fake = method.G(A).detach()
    wanted = [torch.cat([A, x], 1) if conditional else x for x in (B, fake, fake)]
    assert len(judge.seen) == 3
    assert all(torch.allclose(seen, x, atol=1e-6) for seen, x in zip(judge.seen, wanted, strict=True))


def test_without_gan_weight_only_the_generator_plays():
    judge = Recorder()
    turns = list(small({"discriminator": judge}, gan_weight=0).turns(BATCH, 0))
    assert [(player, list(terms)) for player, terms in turns] == [("generator", ["L1"])]
    assert not judge.seen, "D is not computed for nothing"


def test_a_perceptual_loss_beside_or_instead_of_the_pixel_loss():
    turns = list(small(perceptual_weight=10.0, gan_weight=0.0).turns(BATCH, 0))
    assert [list(terms) for _, terms in turns] == [["L1", "perceptual"]]
    method = small(perceptual_weight=10.0, gan_weight=0.0, pixel_weight=0.0)
    ((_, terms),) = method.turns(BATCH, 0)
    net = backbones.perceptual("vgg16")
    wanted = losses.perceptual(net.features, method.G(A), B, net.weights)
    assert list(terms) == ["perceptual"] and terms["perceptual"].item() == pytest.approx(10 * wanted.item(), rel=1e-5)
    assert all(g is not None for g in gradients(terms, method.G))
    assert not any("features" in key for key in method.state_dict())  # a checkpoint holds what is trained


def test_the_network_of_the_perceptual_loss_is_the_one_named(monkeypatch):
    asked, real = [], backbones.perceptual
    monkeypatch.setattr(backbones, "perceptual", lambda name: asked.append(name) or real("vgg16"))
    for name in ("vgg19", "auto"):
        list(small(perceptual_weight=1.0, perceptual=name).turns(BATCH, 0))
    assert asked == ["vgg19", "vgg16"]  # without the papers' file "auto" is the embedded one, and the config says so
    assert small(perceptual_weight=1.0).config.perceptual == "vgg16" and small().config.perceptual == "auto"


def test_objectives_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="nothing is left to minimise"):
        small(gan_weight=0.0, pixel_weight=0.0)
    with pytest.raises(ValueError, match="4 channels"):
        small(perceptual_weight=1.0, out_channels=4)


def test_custom_networks_and_losses_are_used():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.value = nn.Parameter(torch.tensor(0.25))

        def forward(self, x):
            return self.value.expand(len(x), 3, *x.shape[2:])

    asked = []

    def d_loss(real, fake):
        asked.append((real.shape, fake.shape))
        return {"mine": (real - fake).mean()}

    def g_loss(fake, truth, logits):
        assert torch.equal(truth, B) and (fake == 0.25).all()
        return {"also mine": fake.mean(), "judged": logits.mean()}

    pieces = {"generator": Constant(), "discriminator": PatchGAN(5, 1, 1), "d_loss": d_loss, "g_loss": g_loss}
    method = small(pieces)
    assert [list(terms) for _, terms in method.turns(BATCH, 0)] == [["mine"], ["also mine", "judged"]]
    assert method.G is pieces["generator"] and method.D is pieces["discriminator"] and asked == [((2, 1, 14, 14),) * 2]
    assert (method.translate(A).image == 0.25).all() and not method.stochastic


def test_initial_weights_are_the_papers():
    method = small(width=16, d_width=16)
    for net in (method.G, method.D):
        for m in net.modules():
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) and m.weight.numel() > 5000:
                assert abs(m.weight.std() - 0.02) < 1e-3 and (m.bias is None or not m.bias.any())


def test_without_dropout_translation_is_one_image_for_any_noise():
    method = small(norm="batch")
    assert not method.stochastic and not method.styled and method.multiple == 32
    images = [method.translate(A, noise=noise).image for noise in ("fresh", "zero", 3)]
    assert torch.equal(images[0], images[1]) and torch.equal(images[0], images[2])
    assert torch.equal(images[0], method.G.eval()(A)) and not images[0].requires_grad
    assert method.translate(A).reconstruction is None and method.translate(A).residual is None


def test_noise_decides_about_dropout():
    method = droppy()
    assert method.stochastic
    seeded = [method.translate(WIDE, noise=seed).image for seed in (5, 5, 6)]
    assert torch.equal(seeded[0], seeded[1]) and (seeded[0] - seeded[2]).abs().max() > 1e-3
    fresh = [method.translate(WIDE).image for _ in range(2)]
    assert (fresh[0] - fresh[1]).abs().max() > 1e-3
    zero = method.translate(WIDE, noise="zero").image
    assert torch.equal(zero, method.translate(WIDE, noise="zero").image) and torch.equal(zero, method.G.eval()(WIDE))


def test_a_seed_leaves_torchs_random_state_alone_and_fresh_follows_it():
    method = droppy()
    state = torch.get_rng_state()
    for noise in (5, "zero"):
        method.translate(WIDE, noise=noise)
        assert torch.equal(torch.get_rng_state(), state)
    first = method.translate(WIDE).image
    assert not torch.equal(torch.get_rng_state(), state)
    torch.set_rng_state(state)
    assert torch.equal(method.translate(WIDE).image, first)


@pytest.mark.parametrize("training", [True, False])
def test_translation_neither_reads_nor_changes_the_mode(training):
    method = droppy().train(training)
    method.G.up[0].train(not training)  # a mixed state must survive as well
    modes = [m.training for m in method.modules()]
    buffers = [b.clone() for b in method.G.buffers()]
    images = [method.translate(WIDE, noise=noise).image for noise in (1, "zero")]
    with pytest.raises(ValueError, match="multiples of 64"):
        method.translate(WIDE[..., :32])
    assert [m.training for m in method.modules()] == modes
    assert all(torch.equal(a, b) for a, b in zip(buffers, method.G.buffers(), strict=True)), "statistics moved"
    method.train(not training)
    for image, noise in zip(images, (1, "zero"), strict=True):
        assert torch.equal(image, method.translate(WIDE, noise=noise).image)


def test_style_and_unknown_noise_are_refused():
    with pytest.raises(ValueError, match="pix2pix has no style code"):
        small().translate(A, style=torch.zeros(2, 8))
    for noise in ("none", [torch.zeros(2, 1, 32, 32)], None, 0.5):
        with pytest.raises(ValueError, match='use "fresh", "zero" or a seed'):
            small().translate(A, noise=noise)


def test_finish_takes_the_statistics_of_training_inputs():
    method = small(norm="batch").eval()
    batches = [{"A": A + i, "B": B} for i in range(3)]
    method.finish(batches)
    convolved = [method.G.down[1][:2](method.G.down[0](b["A"])) for b in batches]
    norm = method.G.down[1][2]
    assert torch.allclose(norm.running_mean, sum(h.mean((0, 2, 3)) for h in convolved) / 3, atol=1e-6)
    assert torch.allclose(norm.running_var, sum(h.var((0, 2, 3)) for h in convolved) / 3, rtol=1e-4)


def test_dropout_without_a_layer_for_it_is_refused():
    with pytest.raises(ValueError, match=r"dropout with depth 4: .* depth 6 or more"):
        Pix2Pix(Pix2PixConfig(3, 3, width=2, depth=4, dropout=True))
    assert Pix2Pix(Pix2PixConfig(3, 3, width=2, depth=6, dropout=True)).stochastic
