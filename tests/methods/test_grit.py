"""GRIT: equation 2 and who receives which gradient, the two switches of the ablation, style and noise at test time."""

import pytest
import torch
from torch import nn

from gritlib import losses
from gritlib.methods import GRIT, GRITConfig
from gritlib.nets import GRITGenerator, Output, PatchGAN, StyleEncoder
from gritlib.nets.blocks import AdaIN, SpatialNoise

A = torch.linspace(-9, 9, 2 * 2 * 1024).view(2, 2, 32, 32).sin()
B = torch.linspace(-1, 1, 6144).cos().view(2, 3, 32, 32) * torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)
BATCH = {"A": A, "B": B}


SMALL = {"in_channels": 2, "out_channels": 3, "width": 2, "depth": 3, "style_dim": 4, "noise_init": 0.1}
SMALL |= {"conditional": True, "d_width": 2, "d_layers": 2, "d_norm": "none", "d_spectral": False, "gan": "lsgan"}


def small(pieces=None, **options):
    """Every setting that matters is named, so that no test depends on the recipe."""
    method = GRIT(GRITConfig(**{**SMALL, **options}), **(pieces or {}))
    for p in method.G.parameters():
        nn.init.normal_(p, 0.0, 0.3)  # far from the initial state, where style does next to nothing
    return method


def gradients(terms, net):
    return torch.autograd.grad(losses.total(terms), list(net.parameters()), allow_unused=True, retain_graph=True)


def reached(terms, net):
    """Of a network's weights, does a loss move "all", "none" or "some"?"""
    moved = [g is not None and g.abs().max().item() > 0 for g in gradients(terms, net) if g is None or g.ndim > 1]
    return "all" if all(moved) else "some" if any(moved) else "none"


def turns_of(method):
    """The discriminator's and the generator's terms, and the generator's output they were computed from."""
    seen = []
    hook = method.G.register_forward_hook(lambda m, inputs, out: seen.append(out))
    turns = dict(method.turns(BATCH, 0))
    hook.remove()
    assert len(seen) == 1, "one forward pass of G serves both turns"
    return turns["discriminator"], turns["generator"], seen[0]


def test_discriminator_moves_first_and_the_terms_have_their_names():
    assert [(player, list(terms)) for player, terms in small().turns(BATCH, 0)] == [
        ("discriminator", ["D_real", "D_fake"]),
        ("generator", ["adv", "rec"]),
    ]
    players = {name: (p.nets, p.ema) for name, p in small().players.items()}
    assert players == {"discriminator": (("D",), False), "generator": (("G", "E"), True)}
    assert small(style_dim=0).players["generator"].nets == ("G",)


@pytest.mark.parametrize("gan", losses.GANS)
@pytest.mark.parametrize("pixel", losses.PIXEL)
@pytest.mark.parametrize("residual", [True, False])
def test_equation_2_recomputed_by_hand(gan, pixel, residual):
    method = small(gan=gan, pixel=pixel, residual=residual, rec_weight=7.0)
    d, g, out = turns_of(method)
    difference = out.reconstruction - B
    l1, l2 = difference.abs().mean(), difference.square().mean()
    rec = {"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[pixel]
    logits = [method.D(torch.cat([A, x], 1)) for x in (B, out.image)]
    assert torch.allclose(g["rec"], 7 * rec)
    assert torch.allclose(g["adv"], losses.g_adversarial(logits[1], gan))
    full = losses.d_adversarial(*logits, gan)
    assert torch.allclose(d["D_real"], full["D_real"]) and torch.allclose(d["D_fake"], full["D_fake"]), "not halved"
    assert torch.equal(out.image, out.reconstruction + out.residual if residual else out.reconstruction)


def test_the_table_of_gradients():
    method = small()
    d, g, _ = turns_of(method)
    adv, rec = {"adv": g["adv"]}, {"rec": g["rec"]}
    G = method.G
    trunk = nn.ModuleList([G.stem, G.down, G.up])
    assert [reached(adv, net) for net in (method.E, trunk, G.reconstruction, G.residual, method.D)] == ["all"] * 5
    assert [reached(rec, net) for net in (method.E, trunk, G.reconstruction)] == ["all"] * 3
    assert all(p is None for net in (G.residual, method.D) for p in gradients(rec, net)), "exactly zero"
    assert all(p is None for net in (G, method.E) for p in gradients(d, net)), "D's turn is D's alone"
    assert reached(d, method.D) == "all"


def test_the_coupled_baseline_has_one_head_that_both_losses_see():
    method = small(residual=False)
    _, g, out = turns_of(method)
    assert method.G.residual is None and out.residual is None
    for key in ("adv", "rec"):
        assert reached({key: g[key]}, method.G) == reached({key: g[key]}, method.E) == "all"


def test_generators_turn_leaves_d_untouched():
    method = small()
    turns = method.turns(BATCH, 0)
    next(turns)
    _, terms = next(turns)
    losses.total(terms).backward(inputs=[*method.G.parameters(), *method.E.parameters()])
    assert all(p.grad is None for p in method.D.parameters())
    assert all(p.grad is not None for net in (method.G, method.E) for p in net.parameters())
    assert next(turns, None) is None


def test_generators_turn_is_judged_by_the_updated_discriminator():
    method = small()
    turns = method.turns(BATCH, 0)
    next(turns)
    with torch.no_grad():
        method.D.layers[-1].weight.zero_()
        method.D.layers[-1].bias.fill_(3.0)
    assert next(turns)[1]["adv"].item() == 4.0  # (3 − 1)²


def test_training_draws_fresh_noise_every_step():
    method = small()
    images = [turns_of(method)[2].image for _ in range(2)]
    assert (images[0] - images[1]).abs().max() > 1e-3
    quiet = small(noise=False)
    assert torch.equal(turns_of(quiet)[2].image, turns_of(quiet)[2].image)
    assert not quiet.stochastic and method.stochastic


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
    _, _, out = turns_of(small({"discriminator": judge}, conditional=conditional))
    wanted = [torch.cat([A, x], 1) if conditional else x for x in (B, out.image, out.image)]
    assert all(torch.equal(seen, x) for seen, x in zip(judge.seen, wanted, strict=True))
    assert small(conditional=conditional).D.layers[0][0].in_channels == (5 if conditional else 3)


@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("residual", [True, False])
def test_the_four_arms_of_the_ablation_differ_in_nothing_but_their_switches(noise, residual):
    full, arm = small(), small(noise=noise, residual=residual)
    kept = {k for k in full.state_dict() if (noise or ".noise." not in k) and (residual or "G.residual" not in k)}
    assert set(arm.state_dict()) == kept and any(".norm.affine" in key for key in kept)
    assert all(arm.state_dict()[key].shape == full.state_dict()[key].shape for key in kept)


def test_style_is_taken_from_the_truth_in_training():
    class Colour(nn.Module):
        def forward(self, image):
            return image.mean((2, 3))

    class Flat(nn.Module):
        def forward(self, x, style, noise):
            assert x is A and noise == "fresh"
            image = style[:, :, None, None].expand(-1, -1, *x.shape[2:])
            return Output(image, image)

    pieces = {"generator": Flat(), "encoder": Colour(), "discriminator": Recorder()}
    method = small(pieces, style_dim=3)
    assert method.G is pieces["generator"] and method.E is pieces["encoder"] and method.D is pieces["discriminator"]
    _, _, out = turns_of(method)
    assert torch.equal(out.image[:, :, 0, 0], B.mean((2, 3)))


def test_custom_layers_reach_the_generator():
    MyNorm, MyNoise = type("MyNorm", (AdaIN,), {}), type("MyNoise", (SpatialNoise,), {})
    G = small({"norm_layer": MyNorm, "noise_layer": MyNoise}).G
    assert isinstance(G, GRITGenerator)
    assert [(type(up.norm), type(up.noise)) for up in G.up] == [(MyNorm, MyNoise)] * 3


@torch.no_grad()
def test_style_of_a_translation_is_the_mean_a_code_or_an_image():
    method = small()
    method.E.code.weight *= 20  # an untrained encoder hardly tells two images apart
    codes = method.E(B)
    method.mean_style.copy_(torch.tensor([1.0, -2, 0.5, 3]))
    mean = method.mean_style.expand(2, -1)
    for style, wanted in ((None, mean), (codes, codes), (B, codes), (codes[:1], codes[:1].expand(2, -1))):
        assert torch.equal(method.translate(A, style=style, noise=1).image, method.G(A, wanted, 1).image)
    one = method.translate(A, style=B[1:], noise=1).image
    assert torch.allclose(one, method.G(A, codes[1:].expand(2, -1), 1).image, atol=1e-4)
    images = [method.translate(A, style=s, noise=1).image for s in (None, codes, codes.flip(0))]
    assert all((images[i] - images[j]).abs().max() > 1e-3 for i, j in ((0, 1), (0, 2), (1, 2)))


@pytest.mark.parametrize("style", [torch.zeros(3, 4), torch.zeros(2, 5), torch.zeros(1, 3), torch.zeros(3, 32, 32)])
def test_a_style_of_another_shape_is_refused(style):
    with pytest.raises(ValueError, match="style"):
        small().translate(A, style=style)


def test_a_method_without_style_translates_without_and_refuses_one():
    method = small(style_dim=0)
    assert method.E is None and not method.styled and small().styled and method.encode(B) is None
    assert torch.equal(method.translate(A, noise=1).image, method.G(A, None, 1).image)
    assert [len(terms) for _, terms in method.turns(BATCH, 0)] == [2, 2]
    method.finish([BATCH])
    with pytest.raises(ValueError, match="trained without style"):
        method.translate(A, style=torch.zeros(2, 4))


def test_finish_stores_the_mean_code_of_all_training_images():
    method = small()
    method.finish([BATCH, {"A": A[:1], "B": -B[:1]}])  # not of one size: a mean over images
    wanted = torch.stack([method.E(x[None])[0] for x in (B[0], B[1], -B[0])]).mean(0)
    assert torch.allclose(method.mean_style, wanted, atol=1e-6) and wanted.abs().min() > 0
    assert "mean_style" in method.state_dict(), "it travels in the checkpoint"
    assert torch.equal(method.translate(A, noise=1).image, method.G(A, method.mean_style.expand(2, -1), 1).image)


def test_noise_of_a_translation():
    method = small()
    state = torch.get_rng_state()
    seeded = [method.translate(A, noise=noise) for noise in (5, 5, 6, "zero", "zero")]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(seeded[0].image, seeded[1].image) and torch.equal(seeded[3].image, seeded[4].image)
    for other in (seeded[2], seeded[3], method.translate(A)):
        assert (seeded[0].image - other.image).abs().max() > 1e-3
    assert torch.equal(method.translate(A, noise=method.G.noise_maps(A, 5)).image, seeded[0].image)
    assert not seeded[0].image.requires_grad
    with pytest.raises(ValueError, match="not understood"):
        method.translate(A, noise="one")


@pytest.mark.parametrize("depth", [2, 3])
def test_the_multiple_is_the_smallest_side_that_works(depth):
    method = small(depth=depth, style_dim=0)
    assert method.multiple == 2**depth
    method.translate(torch.zeros(1, 2, method.multiple, 3 * method.multiple))
    with pytest.raises(ValueError, match=f"multiples of {method.multiple}"):
        method.translate(torch.zeros(1, 2, method.multiple, method.multiple // 2))


def test_initial_weights():
    method = GRIT(GRITConfig(3, 3, width=16, depth=4, noise_init=0.1))
    assert isinstance(method.E, StyleEncoder) and isinstance(method.D, PatchGAN)
    assert method.G.noise_strength() == pytest.approx([0.1] * 4), "initialisation leaves the noise weights alone"
    assert abs(method.G.up[0].conv.weight.std() - 0.02) < 1e-3 and not method.G.stem.bias.any()
    assert abs(method.E.layers[2].weight.std() - 0.02) > 5e-3, "the style encoder keeps PyTorch's own initialisation"


def test_a_perceptual_loss_judges_the_reconstruction_alone():
    method = small(perceptual_weight=2.0, perceptual="vgg16", rec_weight=0.0)
    _, terms, out = turns_of(method)
    assert list(terms) == ["adv", "perceptual"]
    alone = {"perceptual": terms["perceptual"]}
    assert reached(alone, method.G.residual) == "none" and reached(alone, method.G.reconstruction) == "all"
    assert reached(alone, method.E) == "all"
    twice = small(perceptual_weight=4.0, perceptual="vgg16", rec_weight=0.0).g_loss(out, B, torch.zeros(2, 1, 2, 2))
    assert twice["perceptual"].item() == pytest.approx(2 * terms["perceptual"].item(), rel=1e-5)
    with pytest.raises(ValueError, match="RGB images, the outputs have 1 channels"):
        small(perceptual_weight=1.0, out_channels=1)


def test_a_vaes_code_is_drawn_in_training_and_its_mean_at_test_time():
    method = small(style="vae", kl_weight=0.5)
    codes = []
    hook = method.G.register_forward_pre_hook(lambda m, inputs: codes.append(inputs[1]))
    torch.manual_seed(0)
    terms = dict(method.turns(BATCH, 0))["generator"]
    mu, logvar = method.E.moments(B)
    assert terms["kl"].item() == pytest.approx(0.5 * losses.kl(mu, logvar).mean().item(), rel=1e-5)
    torch.manual_seed(0)
    drawn = mu + (0.5 * logvar).exp() * torch.randn_like(mu)
    assert torch.allclose(codes[0], drawn, atol=1e-6) and (drawn - mu).abs().max() > 1e-3
    for net, kl in ((method.E, "all"), (method.G, "none")):
        assert reached({"kl": terms["kl"]}, net) == kl
    method.translate(A, style=B, noise=1)
    assert torch.equal(codes[1], mu)
    hook.remove()
    with pytest.raises(ValueError, match="length 0"):
        small(style="vae", style_dim=0)


def test_several_scales_are_judged_in_the_mean():
    method = small(d_scales=2, gan="lsgan")
    d_terms, g_terms, out = turns_of(method)
    said = [logits for logits, _ in method.D(torch.cat([A, out.image], 1))]
    assert len(said) == 2 and said[0].shape != said[1].shape
    mean = sum(losses.g_adversarial(logits, "lsgan") for logits in said) / 2
    assert g_terms["adv"].item() == pytest.approx(mean.item(), rel=1e-5)
    assert all(reached(d_terms, net) == "all" for net in method.D.scales)


def test_strength_of_a_translation():
    method = small()
    off = method.translate(A, style=B, noise=3, strength=0.0).image
    assert torch.equal(off, method.translate(A, style=B, noise="zero").image)
    assert not torch.equal(off, method.translate(A, style=B, noise=3).image)
    assert len(method.G.noise_strength()) == 3
