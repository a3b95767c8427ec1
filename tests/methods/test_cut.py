"""CUT and FastCUT: who moves when, which loss reaches whom, what is computed once, PatchNCE by hand, flips."""

import math

import pytest
import torch
from scipy import stats
from torch import nn

from gritlib import losses
from gritlib.methods import CUT, CUTConfig, FastCUT

A = torch.linspace(-9, 9, 2 * 3 * 16 * 16, dtype=torch.float64).view(2, 3, 16, 16).sin()
B = torch.linspace(-1, 1, 2 * 3 * 16 * 16, dtype=torch.float64).view(2, 3, 16, 16).mul(7).cos()
BATCH = {"A": A, "B": B}
LAYERS = ("rgb", "down1", "res1")
SMALL = {"in_channels": 3, "out_channels": 3, "width": 2, "blocks": 2, "norm": "none", "d_width": 2, "d_layers": 1}
SMALL |= {"d_norm": "none", "layers": LAYERS, "patches": 6, "dim": 4, "tau": 0.3, "antialias": False, "gan": "lsgan"}
MIRRORED = {"flip": True, "nce_weight": 10.0, "identity_weight": 0.0}


def small(pieces=None, **options):
    """Float64, every setting that matters named, weights large enough for everything to show."""
    torch.manual_seed(0)
    method = CUT(CUTConfig(**{**SMALL, **options}), **(pieces or {})).double()
    for p in method.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return method


def played(method, batch=BATCH, seed=0):
    torch.manual_seed(seed)
    return {key: term for _, terms in method.turns(batch, 0) for key, term in terms.items()}


def flips(seed):
    """Does a method with flips mirror its input after this seed?"""
    torch.manual_seed(seed)
    return bool(torch.rand(()) < 0.5)


YES, NO = (next(seed for seed in range(99) if flips(seed) is wanted) for wanted in (True, False))


def reached(term, weights):
    """Of some weights, does a loss move "all", "none" or "some"?"""
    gradients = torch.autograd.grad(term, weights, allow_unused=True, retain_graph=True)
    moved = [g is not None and g.abs().max().item() > 0 for g in gradients]
    return "all" if all(moved) else "some" if any(moved) else "none"


def weights(*modules):
    return [p for module in modules for p in module.parameters() if p.ndim > 1]


def parts(method):
    """Weights before and after the last layer whose patches are compared, of the heads, and of D."""
    G = method.G
    before, after = weights(G.stem, G.down, G.res[0]), weights(G.res[1], G.up, G.head)
    return {"G_enc": before, "G_dec": after, "H": weights(method.H), "D": weights(method.D)}


def table(method, seed=0):
    terms = played(method, seed=seed)
    return {name: tuple(reached(term, part) for part in parts(method).values()) for name, term in terms.items()}


OWN = {"D_real": ("none", "none", "none", "all"), "D_fake": ("none", "none", "none", "all")}
ADV = {"adv": ("all", "all", "none", "all")}  # D passes it on, and its player does not move


def test_discriminator_moves_first_and_the_terms_have_their_names():
    for options, terms in (
        ({}, ["NCE", "NCE_Y", "adv"]),
        ({"identity_weight": 0.0}, ["NCE", "adv"]),
        ({"nce_weight": 0.0, "identity_weight": 0.0}, ["adv"]),
    ):
        turns = [(player, list(terms)) for player, terms in small(**options).turns(BATCH, 0)]
        assert turns == [("discriminator", ["D_real", "D_fake"]), ("generator", terms)]
    alone = small(gan_weight=0.0)
    assert [(player, list(terms)) for player, terms in alone.turns(BATCH, 0)] == [("generator", ["NCE", "NCE_Y"])]
    assert list(alone.players) == ["generator"]
    players = {name: (p.nets, p.lr, p.betas, p.ema) for name, p in small(lr=0.3, beta1=0.1).players.items()}
    assert players == {
        "generator": (("G", "H"), 0.3, (0.1, 0.999), True),
        "discriminator": (("D",), 0.3, (0.1, 0.999), False),
    }
    assert CUT.view == FastCUT.view == {"unpaired": True}


@pytest.mark.parametrize("key_gradient", [False, True])
def test_who_receives_which_gradient(key_gradient):
    nce = ("all", "all", "all", "none")
    assert table(small(key_gradient=key_gradient)) == {**OWN, "NCE": nce, "NCE_Y": nce, **ADV}
    assert table(small(key_gradient=key_gradient, **MIRRORED), YES) == {**OWN, "NCE": nce, **ADV}


def test_without_a_gradient_into_the_decoder_patches_train_encoder_and_heads_alone():
    nce = ("all", "none", "all", "none")
    assert table(small(decoder_gradient=False)) == {**OWN, "NCE": nce, "NCE_Y": nce, **ADV}
    assert table(small(decoder_gradient=False, key_gradient=True))["NCE"] == nce


def test_features_of_the_input_are_constants_unless_key_gradient_lets_it_flow():
    for key_gradient in (False, True):
        method, keys = small(key_gradient=key_gradient, identity_weight=0.0), []
        method.patch_nce = lambda q, k, tau, keys=keys: keys.append((q, k)) or losses.patch_nce(q, k, tau)
        played(method)
        assert [k.requires_grad for _, k in keys] == [key_gradient] * 3 and all(q.requires_grad for q, _ in keys)


def embedded(method, image, places):
    """Unit vectors of some places of each layer, one place at a time, with the layers run by hand."""
    G, vectors = method.G, []
    h = G.stem(image)
    features = [image, G.down[0][0](h)]
    h = G.down[0][1:](features[1])
    features.append(G.res[0](G.down[1](h)))
    for f, head, wanted in zip(features, method.H.heads, places, strict=True):
        columns = [head(f[:, :, p // f.shape[3], p % f.shape[3]]) for p in wanted.tolist()]
        vectors.append([v / v.norm(dim=1, keepdim=True) for v in columns])  # places × (B, C)
    return vectors


def nce_by_hand(method, output, source, places):
    """Mean over patches and images, one number a layer."""
    layers = []
    for queries, keys in zip(embedded(method, output, places), embedded(method, source, places), strict=True):
        values = []
        for image in range(len(source)):
            for s, q in enumerate(queries):
                logits = [(q[image] @ k[image]).item() / method.config.tau for k in keys]
                values.append(math.log(sum(math.exp(v) for v in logits)) - logits[s])
        layers.append(sum(values) / len(values))
    return layers


@pytest.mark.parametrize("halve, reduction", [(True, "mean"), (False, "mean"), (True, "sum"), (False, "sum")])
def test_patch_nce_is_a_slow_and_independent_one(halve, reduction):
    method = small(halve=halve, reduction=reduction, nce_weight=2.0, identity_weight=3.0)
    drawn, real = [], method.H.forward
    method.H.forward = lambda f, n, places=None: drawn.append(places) or real(f, n, places)
    terms = played(method)
    places = [p for p in drawn if p is not None]  # those of the queries, which the keys had before
    assert len(drawn) == 4 and [len(p) for p in places[0]] == [6, 6, 6]
    for name, weight, source, where in (("NCE", 2, A, places[0]), ("NCE_Y", 3, B, places[1])):
        layers = nce_by_hand(method, method.G(source), source, where)
        value = sum(layers) / 3 if reduction == "mean" else 6 * sum(layers)
        assert terms[name].item() == pytest.approx(weight * (0.5 if halve else 1) * value, rel=1e-9)


def test_a_sum_is_patches_times_layers_times_the_mean_and_a_single_term_is_not_halved():
    mean, summed = (played(small(reduction=kind))["NCE"].item() for kind in ("mean", "sum"))
    assert summed == pytest.approx(6 * 3 * mean)
    alone = [played(small(identity_weight=0.0, halve=halve))["NCE"].item() for halve in (True, False)]
    assert alone[0] == alone[1]


@pytest.mark.parametrize("gan", losses.GANS)
def test_adversarial_terms_by_hand(gan):
    method = small(gan=gan, gan_weight=0.3)
    terms, fake = played(method), method.G(A)
    full = losses.d_adversarial(method.D(B), method.D(fake), gan)
    wanted = [full["D_real"] / 2, full["D_fake"] / 2, 0.3 * losses.g_adversarial(method.D(fake), gan)]
    assert [terms[key].item() for key in ("D_real", "D_fake", "adv")] == pytest.approx([w.item() for w in wanted])


def counted(method, seed=0):
    """Images that each part of the networks worked on in one step."""
    images = {"stem": [], "head": [], "D": []}
    for name, module in (("stem", method.G.stem), ("head", method.G.head), ("D", method.D)):
        module.register_forward_hook(lambda m, inputs, out, seen=images[name]: seen.append(len(inputs[0])))
    played(method, seed=seed)
    return images


@pytest.mark.parametrize(
    "options, seed, stem, head",
    [
        ({}, 0, [4, 4], [4]),  # G on a and b at once; its first half on both outputs
        ({"norm": "batch"}, 0, [2, 2, 2, 2], [2, 2]),  # the same in a call for each side
        ({"identity_weight": 0.0}, 0, [2, 2], [2]),
        (MIRRORED, NO, [2, 2], [2]),
        (MIRRORED, YES, [2, 2, 2], [2]),  # and on the input as it was before the flip
        ({"nce_weight": 0.0, "identity_weight": 0.0}, 0, [2], [2]),
    ],
)
def test_no_image_is_encoded_twice(options, seed, stem, head):
    assert counted(small(**options), seed) == {"stem": stem, "head": head, "D": [4, 2]}


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_one_sides_terms_do_not_know_the_other_side(norm):
    method = small(norm=norm, d_norm="instance")
    before, after = played(method), played(method, {"A": A, "B": -B.roll(3, -1)})
    for name in ("D_fake", "NCE", "adv"):
        assert after[name].item() == pytest.approx(before[name].item(), rel=1e-9)
    for name in ("D_real", "NCE_Y"):
        assert after[name].item() != pytest.approx(before[name].item(), rel=1e-3)


def test_keys_are_the_very_features_of_the_forward_pass():
    method, seen, asked = small(), [], []
    method.G.res[0].register_forward_hook(lambda m, inputs, out: seen.append(out))
    real = method.H.forward
    method.H.forward = lambda f, n, places=None: asked.append(f) or real(f, n, places)
    played(method)
    for i, keys in enumerate(asked[::2]):  # keys, queries, keys, queries
        assert torch.equal(keys[2], seen[0][2 * i : 2 * i + 2]) and keys[2].data_ptr() == seen[0][2 * i :].data_ptr()
        assert torch.equal(keys[0], (A, B)[i])


class Pointwise(nn.Module):
    """A generator that works on every pixel alike: it commutes with flips."""

    layers = ("rgb", "mixed")

    def __init__(self):
        super().__init__()
        self.mix, self.head = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def encode(self, x, taps):
        return {name: x if name == "rgb" else self.mix(x) for name in self.layers if name in taps}

    def forward(self, x, taps=None):
        image = self.head(self.mix(x).tanh())
        return (image, self.encode(x, taps)) if taps else image


def after_the_coin(method):
    """The terms of a step whose input is mirrored if the method flips at all, with the same places drawn."""
    torch.manual_seed(YES)
    if not method.config.flip:
        torch.rand(())
    return {key: term.item() for _, terms in method.turns(BATCH, 0) for key, term in terms.items()}


def test_a_flip_equivariant_generator_has_one_loss_with_and_without_the_flip():
    def both(pieces, **options):
        return [after_the_coin(small(pieces(), **options, **{**MIRRORED, "flip": flip})) for flip in (True, False)]

    mirrored, straight = both(lambda: {"generator": Pointwise()}, layers=Pointwise.layers)
    assert mirrored["NCE"] == pytest.approx(straight["NCE"], rel=1e-12)
    assert mirrored["D_fake"] != pytest.approx(straight["D_fake"], rel=1e-6), "D does see the mirrored output"
    mirrored, straight = both(dict)
    assert mirrored["NCE"] != pytest.approx(straight["NCE"], rel=1e-3), "which a ResNet is not"


def test_with_flips_the_features_of_the_mirrored_output_are_mirrored_back():
    method, asked = small(**MIRRORED), []
    real = method.H.forward
    method.H.forward = lambda f, n, places=None: asked.append(f) or real(f, n, places)
    played(method, seed=YES)
    keys, queries = asked
    output = method.G(A.flip(-1))
    for k, q, name in zip(keys, queries, LAYERS, strict=True):
        assert torch.equal(k, method.G.encode(A, [name])[name])
        assert torch.allclose(q, method.G.encode(output, [name])[name].flip(-1))


def test_only_the_first_input_is_mirrored_and_only_half_of_the_time():
    method, shown = small({"generator": Pointwise()}, layers=("rgb",), **{**MIRRORED, "identity_weight": 1.0}), []
    method.G.register_forward_hook(lambda m, inputs, out: shown.append(inputs[0]))
    for seed in range(300):
        played(method, seed=seed)
    mirrored = [torch.equal(x[:2], A.flip(-1)) for x in shown]
    assert all(torch.equal(x[2:], B) and (m or torch.equal(x[:2], A)) for x, m in zip(shown, mirrored, strict=True))
    low, high = stats.binom.interval(0.999, 300, 0.5)
    assert low <= sum(mirrored) <= high and len(mirrored) == 300
