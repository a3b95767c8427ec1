"""CUT's ablations: a bank of other images' patches, an encoder of its own for the input, a student's pieces; FastCUT's
settings; translation, training and what is refused."""

import math
from dataclasses import asdict

import pytest
import torch
from torch import nn

from gritlib import losses
from gritlib.methods import CUT, CUTConfig, FastCUT, FastCUTConfig
from gritlib.methods.cut import Bank
from gritlib.nets import PatchSampler, ResNetGenerator
from gritlib.training import fit

A = torch.linspace(-9, 9, 2 * 3 * 16 * 16).view(2, 3, 16, 16).sin()
B = torch.linspace(-1, 1, 2 * 3 * 16 * 16).view(2, 3, 16, 16).mul(7).cos()
BATCH = {"A": A, "B": B}
SMALL = {"in_channels": 3, "out_channels": 3, "width": 2, "blocks": 2, "norm": "none", "d_width": 2, "d_layers": 1}
SMALL |= {"d_norm": "none", "layers": ("rgb", "down1", "res1"), "patches": 6, "dim": 4, "antialias": False}
SMALL |= {"bank": 40, "momentum": 0.9, "tau": 0.3}


def small(pieces=None, cls=CUT, **options):
    torch.manual_seed(0)
    method = cls(cls.Config(**{**SMALL, **options}), **(pieces or {}))
    for p in method.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return method


def played(method, batch=BATCH):
    torch.manual_seed(0)
    return {key: term for _, terms in method.turns(batch, 0) for key, term in terms.items()}


def trained(method, terms):
    """Which networks a loss moves."""
    losses.total(terms).backward()
    return {name for name, net in method.named_children() if any(p.grad is not None for p in net.parameters())}


def test_fastcut_is_cut_with_three_other_settings():
    cut, fast = asdict(CUTConfig()), asdict(FastCUTConfig())
    assert {key: fast[key] for key in cut if cut[key] != fast[key]} == {
        "nce_weight": 10.0,
        "identity_weight": 0.0,
        "flip": True,
    }
    assert (cut["nce_weight"], cut["identity_weight"], cut["flip"]) == (1.0, 1.0, False)
    assert FastCUT.name == "fastcut" and list(played(small(cls=FastCUT))) == ["D_real", "D_fake", "NCE", "adv"]
    assert (cut["tau"], cut["gan"], cut["reduction"], cut["halve"]) == (0.07, "lsgan", "mean", True)


@pytest.mark.parametrize("negatives", ["external", "both"])
def test_external_negatives_are_the_banks_patches_of_the_layer_from_before_this_step(negatives):
    method, asked, keys = small(negatives=negatives, identity_weight=0.0), [], []
    real = method.H.forward
    method.H.forward = lambda f, n, places=None: asked.append(real(f, n, places)) or asked[-1]
    stored = method.bank.patches.clone()
    terms = played(method)
    keys, queries = (found for found, _ in asked)
    wanted = [
        losses.patch_nce(q, k, 0.3, stored[layer], internal=negatives == "both").mean()
        for layer, (q, k) in enumerate(zip(queries, keys, strict=True))
    ]
    assert terms["NCE"].item() == pytest.approx(sum(wanted).item() / 3, rel=1e-6)
    assert trained(method, {key: terms[key] for key in ("NCE", "adv")}) == {"G", "H", "D"}
    assert not torch.equal(method.bank.patches, stored)


def test_the_bank_takes_the_newest_patches_in_place_of_the_oldest_layer_by_layer():
    # At 16 pixels res1 has 16 places and rgb 256: two images bring 32 and 48 patches into 40 slots of each layer.
    method = small(negatives="external", layers=("rgb", "res1"), patches=24)
    bank, made = method.bank, []
    bank.H.register_forward_hook(lambda m, inputs, out: made.append(out[0]))
    first, expected = bank.patches.clone(), [list(layer) for layer in bank.patches.clone()]
    ends = [0, 0]
    for _ in range(5):
        played(method)
        for layer, patches in enumerate(made[-1]):
            new = list(patches.flatten(0, 1)[-40:])
            for patch in new:
                expected[layer][ends[layer] % 40] = patch
                ends[layer] += 1
        assert torch.equal(bank.patches, torch.stack([torch.stack(layer) for layer in expected]))
    assert [len(p.flatten(0, 1)) for p in made[0]] == [48, 32] and len(made) == 5
    assert not (bank.patches[:, :, None] == first[:, None]).all(-1).any(), "no slot is never reached"
    assert not bank.patches.requires_grad


def test_the_bank_is_made_of_the_input_by_a_slow_copy_of_encoder_and_heads():
    method, shown = small(negatives="external"), []
    bank = method.bank
    bank.G.stem.register_forward_hook(lambda m, inputs, out: shown.append(inputs[0]))
    assert not any(name.startswith(("up", "head")) for name, _ in bank.G.named_parameters())
    with torch.no_grad():
        for p in bank.parameters():
            p.fill_(1.0)
    before = {name: p.clone() for net in (method.G, method.H) for name, p in net.named_parameters()}
    played(method)
    for mine in (bank.G, bank.H):
        for name, p in mine.named_parameters():
            assert torch.allclose(p, 0.9 + 0.1 * before[name]), name
    assert len(shown) == 1 and torch.equal(shown[0], A)
    for net in (method.G, method.H):
        assert all(torch.equal(p, before[name]) for name, p in net.named_parameters()), "theirs stay"
    fresh = CUT(CUTConfig(**{**SMALL, "negatives": "external"}))
    for mine, theirs in ((fresh.bank.G, fresh.G), (fresh.bank.H, fresh.H)):
        now = dict(theirs.named_parameters())
        assert all(torch.equal(p, now[name]) and p is not now[name] for name, p in mine.named_parameters())


def test_the_bank_begins_with_random_directions_and_is_part_of_the_state():
    method = small(negatives="both")
    assert isinstance(method.bank, Bank) and method.bank.patches.shape == (3, 40, 4)
    assert (method.bank.patches.norm(dim=-1) - 1).abs().max() < 1e-6
    assert method.bank.patches.mean().abs() < 0.1 and len(method.bank.patches.unique(dim=1)[0]) == 40
    played(method)
    twin = small(negatives="both")
    twin.load_state_dict(method.state_dict())
    assert played(twin)["NCE"] == played(method)["NCE"]
    assert "bank" not in {net for player in method.players.values() for net in player.nets}
    assert not hasattr(small(), "bank")


@pytest.mark.parametrize("flip", [False, True])
def test_a_separate_encoder_sees_the_input_alone_and_learns(flip):
    method, shown = small(encoder="separate", flip=flip), []
    assert method.players["generator"].nets == ("G", "H", "G_X", "H_X")
    method.G_X.stem.register_forward_hook(lambda m, inputs, out: shown.append(inputs[0]))
    for seed in range(6):  # mirrored and not
        torch.manual_seed(seed)
        terms = {key: term for _, named in method.turns(BATCH, 0) for key, term in named.items()}
    assert len(shown) == 12 and all(torch.equal(x, (A, B)[i % 2]) for i, x in enumerate(shown))
    assert trained(method, {"NCE": terms["NCE"]}) == {"G", "H", "G_X", "H_X"}
    encoder = [*method.G_X.stem.parameters(), *method.G_X.down.parameters(), *method.G_X.res[0].parameters()]
    assert all(p.grad.abs().max() > 0 for p in [*encoder, *method.H_X.parameters()] if p.ndim > 1)


def test_a_separate_encoder_is_a_copy_and_no_part_of_g():
    method = CUT(CUTConfig(**{**SMALL, "encoder": "separate"}))
    assert torch.equal(method.G_X.stem[1].weight, method.G.stem[1].weight)
    assert method.G_X.stem[1].weight is not method.G.stem[1].weight
    assert not list(method.G_X.up) and [head[0].in_features for head in method.H_X.heads] == [3, 4, 8]
    assert not torch.equal(method.H_X.heads[0][0].weight, method.H.heads[0][0].weight)


def test_a_students_pieces_are_used():
    asked = []

    def patch_nce(q, k, tau):
        asked.append((q.shape, k.shape, tau))
        return torch.full(q.shape[:2], 2.0) + 0 * q.sum()

    pieces = {"generator": ResNetGenerator(3, 3, 3, 1, "none"), "discriminator": nn.Sequential()}
    pieces |= {"heads": PatchSampler((3, 6, 12), 5), "patch_nce": patch_nce}
    method = CUT(CUTConfig(**SMALL), **pieces)
    assert (pieces["generator"], pieces["discriminator"], pieces["heads"]) == (method.G, method.D, method.H)
    terms = played(method)
    assert asked == [((2, 6, 5), (2, 6, 5), 0.3)] * 6
    assert terms["NCE"].item() == terms["NCE_Y"].item() == 1.0, "half of each"


def test_a_students_batch_norm_arrives_as_it_was_given():
    net = ResNetGenerator(3, 3, 2, 1, "batch")
    net.res.eval()
    state, modes = {key: value.clone() for key, value in net.state_dict().items()}, [m.training for m in net.modules()]
    method = CUT(CUTConfig(**{**SMALL, "layers": ("down1", "res1")}), generator=net)
    assert all(torch.equal(value, state[key]) for key, value in method.G.state_dict().items())
    assert [m.training for m in net.modules()] == modes


@pytest.mark.parametrize(
    "options, message",
    [
        ({"in_channels": 2}, "which have 2 and 3 channels"),
        ({"patches": 1}, "1 patches of layers"),
        ({"layers": ()}, r"6 patches of layers \(\): PatchNCE needs 2 or more, and a layer"),
        ({"layers": ("rgb", "res9")}, "layer 'res9' is unknown: this network has rgb, down1, down2, res1, res2"),
        ({"gan_weight": 0.0, "nce_weight": 0.0, "identity_weight": 0.0}, "nothing is left to minimise"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


@pytest.mark.parametrize("negatives", ["external", "both"])
def test_a_patch_nce_of_ones_own_knows_no_bank(negatives):
    with pytest.raises(ValueError, match="internal negatives alone: set negatives to internal"):
        small({"patch_nce": losses.patch_nce}, negatives=negatives)


@pytest.mark.parametrize("training", [True, False])
def test_translation_neither_reads_nor_changes_the_mode(training):
    method = small(norm="batch").train(training)
    method.G.res.train(not training)
    modes, state = [m.training for m in method.modules()], torch.get_rng_state()
    buffers = [b.clone() for b in method.buffers()]
    images = [method.translate(A, noise=noise).image for noise in ("fresh", "zero", 3)]
    assert [m.training for m in method.modules()] == modes and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(buffers, method.buffers(), strict=True)), "statistics moved"
    assert all(torch.equal(image, method.G.eval()(A)) for image in images) and not images[0].requires_grad
    assert not method.stochastic and not method.styled


@pytest.mark.parametrize("cls", [CUT, FastCUT])
def test_style_and_unknown_noise_are_refused(cls):
    with pytest.raises(ValueError, match=f"^{cls.name} has no style code"):
        small(cls=cls).translate(A, style=torch.zeros(2, 8))
    with pytest.raises(ValueError, match=f'by {cls.name}: use "fresh", "zero" or a seed'):
        small(cls=cls).translate(A, noise=0.5)


def test_finish_takes_the_statistics_of_training_inputs():
    method = small(norm="batch").eval()
    method.finish({"A": A + i, "B": B} for i in range(3))
    convolved = [method.G.stem[:2](A + i) for i in range(3)]
    assert torch.allclose(method.G.stem[2].running_mean, sum(h.mean((0, 2, 3)) for h in convolved) / 3, atol=1e-6)
    assert torch.allclose(method.G.stem[2].running_var, sum(h.var((0, 2, 3)) for h in convolved) / 3, rtol=1e-4)


@pytest.mark.parametrize(
    "init, spread", [("xavier", lambda fans: 0.02 * (2 / fans) ** 0.5), ("normal", lambda _: 0.02)]
)
def test_initial_weights_are_those_asked_for(init, spread):
    method = CUT(CUTConfig(3, 3, width=8, d_width=16, init=init, encoder="separate"))
    for net in (method.G, method.D, method.H, method.H_X):
        for m in net.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)) and m.weight.numel() > 4000:
                std = spread(sum(m.weight.shape[:2]) * math.prod(m.weight.shape[2:]))
                assert m.weight.std().item() == pytest.approx(std, rel=0.06) and not m.bias.any()


@pytest.mark.parametrize("cls, options", [(CUT, {"negatives": "both", "encoder": "separate"}), (FastCUT, {})])
def test_training_resumes_bit_for_bit_with_its_bank(cls, options, photos, tmp_path):
    def make(seed=0):
        torch.manual_seed(seed)
        return cls(cls.Config(**{**SMALL, **options}))

    settings = {"steps": 4, "batch_size": 2, "precision": "fp32", "progress": False}
    whole = fit(make(), photos(), **settings)
    for step in range(1, 5):  # a time limit ends each of them after one step
        run = fit(make(seed=step - 1), photos(), tmp_path, resume=True, minutes=1e-9, **settings)
        assert (run.step, run.finished) == (step, step == 4)
    for ours, theirs in ((run.trained, whole.trained), (run.method, whole.method)):
        ours, theirs = ours.state_dict(), theirs.state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in theirs)
    fresh = make().state_dict()
    moved = {key for key in fresh if not torch.equal(theirs[key], fresh[key])}
    assert {"G.head.1.weight", "D.layers.0.0.weight", "H.heads.0.0.weight"} <= moved
    extra = {"bank.patches", "bank.next", "bank.G.stem.1.weight", "G_X.stem.1.weight", "H_X.heads.0.0.weight"}
    assert extra & moved == (extra if options else set())
