"""SPADE's objective: each term by hand, which network each of them reaches, and who is shown what."""

import pytest
import torch
from torch import nn

from gritlib import backbones, losses
from gritlib.methods import Spade, SpadeConfig
from gritlib.nets import SPADE, Concat, MultiscalePatchGAN, SPADEEncoder, SPADEGenerator

LABELS = torch.arange(2 * 16 * 16).view(2, 16, 16).mul(7).div(11, rounding_mode="floor") % 3
A = nn.functional.one_hot(LABELS, 3).permute(0, 3, 1, 2).double().contiguous()
B = torch.linspace(-30, 30, 2 * 3 * 256, dtype=torch.float64).cos().view(2, 3, 16, 16)
BATCH = {"A": A, "B": B}

SMALL = {"in_channels": 3, "out_channels": 3, "size": 16, "width": 4, "depth": 1, "start": "style", "z_dim": 5}
SMALL |= {"hidden": 4, "spectral": False, "e_width": 4, "e_norm": "none", "d_width": 4, "d_layers": 1, "d_scales": 2}
SMALL |= {"d_norm": "instance", "d_spectral": False, "gan": "hinge", "matching_weight": 10.0, "kl_weight": 0.05}
SMALL |= {"perceptual_weight": 0.0}


def small(pieces=None, **options):
    """Every setting that matters is named, so that no test depends on the recipe; in float64."""
    method = Spade(SpadeConfig(**{**SMALL, **options}), **(pieces or {})).double()
    torch.manual_seed(1)
    for p in method.parameters():
        nn.init.normal_(p, 0.0, 0.3)  # far from the initial state, where map and style do next to nothing
    return method


def gradients(terms, net):
    return torch.autograd.grad(losses.total(terms), list(net.parameters()), allow_unused=True, retain_graph=True)


def reached(terms, net):
    """Of a network's weights, does a loss move "all", "none" or "some"?"""
    moved = [g is not None and g.abs().max().item() > 0 for g in gradients(terms, net) if g is None or g.ndim > 1]
    return "all" if all(moved) else "some" if any(moved) else "none"


def judged(*scales):
    """What a discriminator might say: for each scale a list of logits and lists of activations."""
    return [(torch.tensor(logits).double(), [torch.tensor(a).double() for a in seen]) for logits, seen in scales]


# Who moves


def test_the_generator_moves_first_and_the_terms_have_their_names():
    assert [(player, list(terms)) for player, terms in small().turns(BATCH, 0)] == [
        ("generator", ["adv", "matching", "KL"]),
        ("discriminator", ["D_real", "D_fake"]),
    ]
    left = [
        ({"start": "map"}, ["adv", "matching"]),
        ({"matching_weight": 0.0}, ["adv", "KL"]),
        ({"kl_weight": 0.0}, ["adv", "matching"]),
    ]
    for options, names in left:
        assert list(dict(small(**options).turns(BATCH, 0))["generator"]) == names


def test_the_players():
    for start, moved in (("style", ("G", "E")), ("random", ("G",)), ("map", ("G",))):
        method = small(start=start, lr=1e-4, d_lr=4e-4, beta1=0.0, beta2=0.9)
        assert {name: (p.nets, p.lr, p.betas, p.ema) for name, p in method.players.items()} == {
            "generator": (moved, 1e-4, (0.0, 0.9), True),
            "discriminator": (("D",), 4e-4, (0.0, 0.9), False),
        }
        assert (method.E is None) == (start != "style")
        assert (method.styled, method.stochastic) == (start == "style", start == "random")
        assert method.multiple == 4
    assert small(variant="most", start="map").multiple == 16


def test_the_table_of_gradients():
    method = small()
    turns = dict(method.turns(BATCH, 0))
    G, E, D = method.G, method.E, method.D
    for key in ("adv", "matching"):
        assert [reached({key: turns["generator"][key]}, net) for net in (G, E)] == ["all", "all"]
    kl = {"KL": turns["generator"]["KL"]}
    assert reached(kl, E) == "all" and all(g is None for net in (G, D) for g in gradients(kl, net))
    own = turns["discriminator"]
    assert reached(own, D) == "all" and all(g is None for net in (G, E) for g in gradients(own, net))


def test_the_perceptual_term_reaches_g_and_e_and_never_d():
    method = small(perceptual_weight=10.0, gan_weight=0.0, matching_weight=0.0).float()
    seen = []
    method.G.register_forward_hook(lambda module, given, image: seen.append(image))
    A32, B32 = A.float(), B.float()
    ((player, terms),) = method.turns({"A": A32, "B": B32}, 0)
    assert player == "generator" and list(terms) == ["perceptual", "KL"] and list(method.players) == ["generator"]
    perceptual = {"perceptual": terms["perceptual"]}
    assert [reached(perceptual, net) for net in (method.G, method.E)] == ["all", "all"]
    net = backbones.perceptual("vgg16")
    wanted = 10 * losses.perceptual(net.features, seen[0], B32, net.weights)
    assert torch.allclose(terms["perceptual"], wanted) and method.config.perceptual == "vgg16"
    assert {key.split(".")[0] for key in method.state_dict()} == {"G", "E", "D", "mean_style", "style_std"}, (
        "not of the checkpoint"
    )


def test_what_d_says_of_the_real_images_serves_both_turns():
    method, calls = small(), []
    method.D.register_forward_hook(lambda module, given, out: calls.append(given[0].detach()))
    images = []
    method.G.register_forward_hook(lambda module, given, image: images.append(image))
    turns = method.turns(BATCH, 0)
    _, terms = next(turns)
    moved = [*method.G.parameters(), *method.E.parameters()]
    found = torch.autograd.grad(losses.total(terms), moved, retain_graph=True)
    (fake,) = images
    # The same, D asked anew about everything.
    again = method.g_loss(fake, B, method.D(torch.cat([A, fake], 1)), method.D(torch.cat([A, B], 1)))
    wanted = torch.autograd.grad(losses.total({**again, "KL": terms["KL"]}), moved, retain_graph=True)
    assert all((a - b).abs().max() < 1e-10 for a, b in zip(found, wanted, strict=True))
    with torch.no_grad():
        for p in moved:
            p.add_(0.1)  # the generator's optimiser; D goes on with the fake that it was made of
    _, terms = next(turns)
    found = gradients(terms, method.D)
    again = method.d_loss(method.D(torch.cat([A, B], 1)), method.D(torch.cat([A, fake.detach()], 1)))
    assert all((a - b).abs().max() < 1e-10 for a, b in zip(found, gradients(again, method.D), strict=True))
    assert next(turns, None) is None and len(images) == 1
    ours = [calls[i] for i in (0, 1, 4)]  # 2, 3, 5 and 6 are those of this test
    wanted = [torch.cat([A, x], 1) for x in (B, fake, fake)]
    assert len(calls) == 7 and all(torch.equal(a, b) for a, b in zip(ours, wanted, strict=True)), "the map comes first"


# Each term by hand


def test_hinge_by_hand_is_not_halved_and_a_mean_over_scales():
    method = small()
    real = judged(([2.0, 0.5], []), ([-1.0], []))
    fake = judged(([-3.0, 0.0], []), ([2.0], []))
    terms = method.d_loss(real, fake)
    assert terms["D_real"].item() == pytest.approx(((0 + 0.5) / 2 + 2) / 2)
    assert terms["D_fake"].item() == pytest.approx(((0 + 1) / 2 + 3) / 2)
    assert method.g_loss(B, B, fake, fake)["adv"].item() == pytest.approx((1.5 - 2) / 2), "minus the mean, unbounded"
    weighty = small(gan_weight=3.0)
    assert weighty.g_loss(B, B, fake, fake)["adv"].item() == pytest.approx(3 * -0.25)
    assert weighty.d_loss(real, fake) == terms, "the weight is the generator's"
    for gan in losses.GANS:
        other = small(gan=gan)
        wanted = [losses.d_adversarial(r, f, gan) for (r, _), (f, _) in zip(real, fake, strict=True)]
        assert other.d_loss(real, fake)["D_fake"] == (wanted[0]["D_fake"] + wanted[1]["D_fake"]) / 2
        adversarial = [losses.g_adversarial(f, gan) for f, _ in fake]
        assert other.g_loss(B, B, fake, fake)["adv"] == sum(adversarial) / 2


def test_feature_matching_by_hand_sees_no_logits_and_gives_nothing_to_the_real_side():
    real = judged(([100.0], [[1.0, 3.0], [2.0]]), ([-100.0], [[0.0], [5.0]]))
    fake = judged(([0.0], [[2.0, 1.0], [2.5]]), ([0.0], [[4.0], [5.0]]))
    for _, activations in (*real, *fake):
        for a in activations:
            a.requires_grad_()
    term = small(matching_weight=10.0).g_loss(B, B, fake, real)["matching"]
    assert term.item() == pytest.approx(10 * ((1.5 + 0.5) + (4 + 0)) / 2), "a sum over layers, a mean over scales"
    to_real = torch.autograd.grad(term, [a for _, seen in real for a in seen], retain_graph=True, allow_unused=True)
    to_fake = torch.autograd.grad(term, [a for _, seen in fake for a in seen])
    assert all(g is None for g in to_real) and to_fake[0].tolist() == [2.5, -2.5]


def test_kl_by_hand_is_a_mean_over_images_or_their_sum():
    mu, logvar = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).double(), torch.tensor([[0.0, 0.0], [1.0, 0.0]]).double()
    each = [0.5, 0.5 * (2.718281828459045 - 1 - 1) + 2]
    terms = small(kl_weight=0.5).g_loss(B, B, None, None, mu, logvar)
    assert list(terms) == ["KL"] and terms["KL"].item() == pytest.approx(0.5 * sum(each) / 2)
    summed = small(kl_weight=0.5, kl_sum=True).g_loss(B, B, None, None, mu, logvar)
    assert summed["KL"].item() == pytest.approx(0.5 * sum(each))


# What the networks are given


class Flat(nn.Module):
    """A generator that shows its code, and keeps it."""

    def forward(self, m, z):
        self.z = z
        return m if z is None else z[:, :3, None, None].expand(-1, -1, *m.shape[2:]) + 0 * m


class Colour(nn.Module):
    """An encoder whose code is the mean colour, with a variance of 4."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, image):
        mu = image.mean((2, 3)) * self.scale
        return mu, torch.full_like(mu, 4.0).log()


def test_in_training_the_code_is_drawn_around_that_of_the_truth():
    method = small({"generator": Flat(), "encoder": Colour()}, z_dim=3)
    nn.init.ones_(method.E.scale)
    torch.manual_seed(3)
    next(method.turns(BATCH, 0))
    torch.manual_seed(3)
    assert (method.G.z - (B.mean((2, 3)) + 2 * torch.randn(2, 3, dtype=torch.float64))).abs().max() < 1e-12


def test_in_training_a_random_start_is_drawn_for_each_image_and_a_map_needs_none():
    method = small({"generator": Flat()}, start="random", z_dim=2000).float()
    batch, codes = {key: value.float() for key, value in BATCH.items()}, []
    for _ in range(2):
        next(method.turns(batch, 0))
        codes.append(method.G.z)
    assert codes[0].shape == (2, 2000) and abs(codes[0].mean()) < 0.1 and abs(codes[0].std() - 1) < 0.1
    assert not torch.equal(codes[0], codes[1]) and not torch.equal(codes[0][0], codes[0][1])
    blank = small({"generator": Flat()}, start="map")
    next(blank.turns(BATCH, 0))
    assert blank.G.z is None and blank.E is None


# A student's own pieces


def test_networks_of_ones_own_are_used():
    pieces = {"generator": Flat(), "encoder": Colour(), "discriminator": MultiscalePatchGAN(6, 1, 1, 1)}
    method = small(pieces, z_dim=3)
    assert method.G is pieces["generator"] and method.E is pieces["encoder"] and method.D is pieces["discriminator"]
    assert len(list(method.turns(BATCH, 0))) == 2


def test_a_layer_of_ones_own_enters_the_generator():
    asked = []

    class Mine(nn.Module):
        def __init__(self, channels, labels, hidden):
            super().__init__()
            asked.append((channels, labels, hidden))
            self.scale = nn.Parameter(torch.ones(channels, 1, 1))

        def forward(self, h, m):
            return self.scale * h

    method = small({"layer": Mine}, width=2, hidden=7)
    assert len(asked) == 9 and set(asked) == {(4, 3, 7), (2, 3, 7)}
    assert reached(dict(method.turns(BATCH, 0))["generator"], method.G) == "all"
    assert not any(isinstance(m, SPADE) for m in method.G.modules())
    over = small({"layer": Mine}, layer="concat")
    assert not any(isinstance(m, Concat) for m in over.G.modules()), "it goes before the option"


def test_the_option_layer_and_the_settings_of_the_networks():
    layers = [m for m in small(layer="concat", norm="instance").G.modules() if isinstance(m, Concat)]
    assert len(layers) == 9 and all(isinstance(x.norm, nn.InstanceNorm2d) and x.norm.affine for x in layers)
    spades = [m for m in small(kernel=5, hidden=6, norm="sync").G.modules() if isinstance(m, SPADE)]
    assert {(x.shared.kernel_size[0], x.shared.out_channels, type(x.norm)) for x in spades} == {
        (5, 6, nn.SyncBatchNorm)
    }
    method = small(spectral=True, d_spectral=True, d_scales=3, e_norm="instance")
    assert isinstance(method.G, SPADEGenerator) and isinstance(method.E, SPADEEncoder)
    assert [nn.utils.parametrize.is_parametrized(net) for net in (method.G.blocks[0].conv_0, method.E.convs[0])] == [
        True,
        True,
    ]
    assert isinstance(method.E.norms[0], nn.InstanceNorm2d) and len(method.D.scales) == 3
    inner, first = (method.D.scales[0].layers[i][0] for i in (1, 0))
    assert nn.utils.parametrize.is_parametrized(inner) and not nn.utils.parametrize.is_parametrized(first)


@pytest.mark.parametrize("which", ["d_loss", "g_loss"])
def test_a_loss_that_is_a_function_or_a_module_replaces_the_methods(which):
    seen = []

    class Loss(nn.Module):
        def forward(self, *given):
            seen.append(given)
            return {"mine": sum(logits.mean() for logits, _ in given[1 if which == "d_loss" else 2])}

    for loss in (Loss(), Loss().forward):
        turns = dict(small({which: loss}).turns(BATCH, 0))
        mine, other = ("discriminator", "generator") if which == "d_loss" else ("generator", "discriminator")
        assert list(turns[mine]) == ["mine"] and len(turns[other]) == (3 if which == "d_loss" else 2)
    assert len(seen) == 2 and len(seen[0]) == (2 if which == "d_loss" else 6)
    if which == "g_loss":
        fake, truth, _, _, mu, logvar = seen[0]
        assert truth is B and fake.shape == B.shape and mu.shape == logvar.shape == (2, 5)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"gan_weight": 0.0, "matching_weight": 0.0}, "gan_weight and perceptual_weight are both 0"),
        ({"gan_weight": 0.0, "perceptual_weight": 1.0}, "set matching_weight to 0 beside gan_weight 0"),
        ({"perceptual_weight": 1.0, "out_channels": 1}, "RGB images, the outputs have 1 channels"),
        ({"perceptual_weight": 1.0, "perceptual": "vgg11"}, "no perceptual network is called 'vgg11'"),
        ({"in_channels": None}, "no channels yet"),
        ({"gan": "wgan"}, "GAN loss 'wgan' is unknown: choose one of bce, lsgan, hinge"),
        ({"start": "noise"}, "start 'noise'"),
        ({"variant": "huge"}, "variant 'huge'"),
        ({"norm": "group"}, "norm 'group' is unknown to SPADE"),
        ({"e_norm": "group"}, "norm 'group' is unknown"),
        ({"d_norm": "group"}, "norm 'group' is unknown"),
        ({"layer": "spad"}, "layer 'spad' is unknown: choose spade or concat"),
        ({"kernel": 4}, "kernel 4: the convolutions inside SPADE keep the sides, use an odd one"),
        ({"d_scales": 0}, "scales is 0"),
        ({"d_layers": -1}, "n_layers is -1"),
        ({"size": None}, "size None: starting from style, it must be a multiple of 4"),
        ({"size": 12}, "size 12: the encoder halves down to 4 pixels"),
        ({"size": 18}, "size 18: starting from style, it must be a multiple of 4"),
    ],
)
def test_settings_that_cannot_work_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Spade(SpadeConfig(**{**SMALL, **options}))


def test_a_loss_of_ones_own_may_need_neither_of_ours():
    def mine(fake, truth, *_):
        return {"mine": losses.l1(fake, truth)}

    method = small({"g_loss": mine}, gan_weight=0.0, matching_weight=0.0)
    assert [(player, list(terms)) for player, terms in method.turns(BATCH, 0)] == [("generator", ["mine"])]


def test_all_three_networks_begin_with_xaviers_small_weights():
    method = Spade(SpadeConfig(**SMALL))
    for layer in (method.G.begin, method.E.mu, method.D.scales[0].layers[0][0]):
        fans = sum(layer.weight.shape[:2]) * (layer.weight[0, 0].numel() if layer.weight.ndim > 2 else 1)
        n, std = layer.weight.numel(), 0.02 * (2 / fans) ** 0.5
        assert abs(layer.weight.std() / std - 1) < 5 / (2 * n) ** 0.5 and not layer.bias.any()
