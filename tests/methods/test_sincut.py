"""SinCUT: who moves when, which loss reaches whom, R1 and PatchNCE by hand, random scales, pictures of any size."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from gritlib import losses
from gritlib.data.source import Source
from gritlib.methods.sincut import SinCUT, SinCUTConfig, rescaled
from gritlib.training import fit

A = torch.linspace(-9, 9, 3 * 3 * 32 * 32).view(3, 3, 32, 32).sin()
B = torch.linspace(-1, 1, 3 * 3 * 32 * 32).view(3, 3, 32, 32).mul(7).cos()
BATCH = {"A": A, "B": B}
SMALL = {"in_channels": 3, "out_channels": 3, "width": 2, "blocks": 3, "d_width": 2, "tile": 8, "zoom": 2.0, "dim": 8}
SMALL |= {"layers": ("rgb", "down1", "res2"), "patches": 2, "nce_weight": 4.0}


def small(pieces=None, **options):
    """Every setting that matters is named, so that no test depends on the recipe."""
    torch.manual_seed(0)
    return SinCUT(SinCUTConfig(**{**SMALL, **options}), **(pieces or {}))


def reached(term, parameters):
    """Of some weights, does a loss move "all", "none" or "some"?"""
    gradients = torch.autograd.grad(term, parameters, allow_unused=True, retain_graph=True)
    moved = [g is not None and g.abs().max().item() > 0 for g in gradients if g is None or g.ndim > 1]
    return "all" if all(moved) else "some" if any(moved) else "none"


def weights(*modules):
    return [p for module in modules for p in module.parameters() if p.ndim > 1]


def test_discriminator_moves_first_and_the_terms_have_their_names():
    assert [(player, list(terms)) for player, terms in small().turns(BATCH, 0)] == [
        ("discriminator", ["D_real", "D_fake", "R1"]),
        ("generator", ["adv", "NCE", "NCE_Y", "identity"]),
    ]
    bare = small(r1_weight=0.0, nce_y=False, identity_weight=0.0)
    assert [list(terms) for _, terms in bare.turns(BATCH, 0)] == [["D_real", "D_fake"], ["adv", "NCE"]]
    assert list(dict(small(nce_weight=0.0).turns(BATCH, 0))["generator"]) == ["adv", "identity"]
    players = {name: (p.nets, p.lr, p.betas, p.ema) for name, p in small(lr=0.3, beta1=0.1).players.items()}
    assert players == {
        "discriminator": (("D",), 0.3, (0.1, 0.99), False),
        "generator": (("G", "H"), 0.3, (0.1, 0.99), True),
    }


def test_who_receives_which_gradient():
    method = small()
    parts = {
        "G_enc": weights(method.G.stem, method.G.down, *method.G.res[:2]),
        "G_dec": weights(method.G.res[2], method.G.up, method.G.head),
        "H": weights(method.H),
        "D": weights(method.D),
    }
    table = {
        "D_real": ("none", "none", "none", "all"),
        "D_fake": ("none", "none", "none", "all"),
        "R1": ("none", "none", "none", "all"),
        "NCE": ("all", "all", "all", "none"),
        "NCE_Y": ("all", "all", "all", "none"),
        "identity": ("all", "all", "none", "none"),
    }
    turns = method.turns(BATCH, 0)
    terms = next(turns)[1] | next(turns)[1]
    for name, row in table.items():
        assert tuple(reached(terms[name], part) for part in parts.values()) == row, name
    assert [reached(terms["adv"], parts[part]) for part in ("G_enc", "G_dec", "H")] == ["all", "all", "none"]
    assert next(turns, None) is None


def test_each_turn_leaves_the_other_player_untouched():
    method = small()
    for player, terms in method.turns(BATCH, 0):
        moved = [p for net in method.players[player].nets for p in getattr(method, net).parameters()]
        losses.total(terms).backward(inputs=moved)
        assert {id(p) for p in method.parameters() if p.grad is not None} <= {id(p) for p in moved}
        method.zero_grad()
    assert not BATCH["B"].requires_grad, "R1's gradient is on a copy"


class Judge(nn.Module):
    """A linear discriminator, ⟨w, x⟩, that keeps what it was shown."""

    def __init__(self, size=8):
        super().__init__()
        self.w, self.seen = nn.Parameter(torch.linspace(-1, 1, 3 * size * size)), []

    def forward(self, x):
        self.seen.append(x.detach())
        return x.flatten(1) @ self.w[:, None]


def test_r1_of_a_linear_discriminator_is_half_its_squared_weights():
    judge = Judge()
    method = small({"discriminator": judge}, r1_weight=0.7)
    _, terms = next(method.turns(BATCH, 0))
    assert terms["R1"].item() == pytest.approx(0.7 / 2 * judge.w.square().sum().item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(terms["R1"], judge.w)
    assert torch.allclose(gradient, 0.7 * judge.w)


def test_the_discriminator_is_shown_tiles_of_the_truth_and_of_the_output():
    judge = Judge()
    method = small({"discriminator": judge}, zoom=1.0)
    list(method.turns(BATCH, 0))
    fake = method.G(A).detach()
    real_tiles, fake_tiles, again = judge.seen
    assert real_tiles.shape == fake_tiles.shape == (3 * 16, 3, 8, 8)
    assert torch.equal(real_tiles[16 + 5], B[1, :, 8:16, 8:16])
    assert torch.allclose(fake_tiles[32 + 7], fake[2, :, 8:16, 24:32], atol=1e-6) and torch.equal(fake_tiles, again)
    list(small({"discriminator": judge}, zoom=2.0).turns(BATCH, 0))
    assert [len(seen) for seen in judge.seen[3:]] == [3 * 4] * 3, "of crops of half the side"


def test_adversarial_and_identity_terms_by_hand():
    judge = Judge()
    method = small({"discriminator": judge}, zoom=1.0, identity_weight=3.0)
    turns = dict(method.turns(BATCH, 0))
    real, fake = (x.flatten(1) @ judge.w for x in judge.seen[:2])
    d, g = turns["discriminator"], turns["generator"]
    assert torch.allclose(d["D_real"], 0.5 * F.softplus(-real).mean())
    assert torch.allclose(d["D_fake"], 0.5 * F.softplus(fake).mean())
    assert torch.allclose(g["adv"], F.softplus(-fake).mean()), "non-saturating"
    assert torch.allclose(g["identity"], 3 * (method.G(B) - B).abs().mean())


def test_generators_turn_is_judged_by_the_updated_discriminator():
    method = small()
    turns = method.turns(BATCH, 0)
    next(turns)
    with torch.no_grad():
        method.D.out.weight.zero_()
        method.D.out.bias.fill_(1.5)
    assert next(turns)[1]["adv"].item() == pytest.approx(math.log1p(math.exp(-1.5)), abs=1e-6)


def heads_of(method, x, places):
    """Unit embeddings (crops, dim) of one place of each crop, a layer."""
    features = method.G.encode(x, method.config.layers)
    for head, f, place in zip(method.H.heads, features.values(), places, strict=True):
        v = head(f.flatten(2)[:, :, place])
        yield v / v.norm(dim=1, keepdim=True)


def test_one_patch_a_crop_is_told_from_those_of_the_other_crops():
    method = small(patches=1, zoom=1.0, tau=0.5)
    for p in method.H.parameters():
        nn.init.normal_(p)
    torch.manual_seed(5)
    terms = dict(method.turns(BATCH, 0))["generator"]
    torch.manual_seed(5)
    places = [torch.randperm(n)[0].item() for n in (1024, 256, 256)]
    for name, x in (("NCE", A), ("NCE_Y", B)):
        wanted = []
        for q, k in zip(heads_of(method, method.G(x), places), heads_of(method, x, places), strict=True):
            alike = (q @ k.T / 0.5).exp()  # (crops, crops): a row is one query
            wanted += [-(alike[i, i] / alike[i].sum()).log() for i in range(3)]
        assert terms[name].item() == pytest.approx(4 / 2 * torch.stack(wanted).mean().item(), rel=1e-4), name
    alone = small(patches=1, zoom=1.0, tau=0.5, nce_y=False)
    alone.load_state_dict(method.state_dict())
    torch.manual_seed(5)
    assert dict(alone.turns(BATCH, 0))["generator"]["NCE"].item() == pytest.approx(2 * terms["NCE"].item(), rel=1e-5)


@pytest.mark.parametrize("negatives, rows", [("batch", (2, 3 * 5)), ("internal", (2 * 3, 5))])
def test_negatives_come_from_the_batch_or_from_the_crop(negatives, rows, monkeypatch):
    seen = []

    def watched(q, k, tau):
        seen.append((q.detach(), k, tau))
        return real(q, k, tau)

    real = losses.patch_nce
    monkeypatch.setattr(losses, "patch_nce", watched)
    list(small(patches=5, negatives=negatives).turns(BATCH, 0))
    assert [tuple(q.shape[:2]) for q, _, _ in seen] == [rows] * 3 and [tau for *_, tau in seen] == [0.07] * 3
    assert not any(k.requires_grad for _, k, _ in seen), "nothing flows into the input's features"


def test_one_side_is_no_negative_of_the_other():
    method = small(patches=3, zoom=1.0)
    torch.manual_seed(5)
    before = dict(method.turns(BATCH, 0))["generator"]
    torch.manual_seed(5)
    after = dict(method.turns({"A": A, "B": -B.roll(3, -1)}, 0))["generator"]
    assert torch.allclose(before["NCE"], after["NCE"], rtol=1e-5) and not torch.allclose(
        before["NCE_Y"], after["NCE_Y"]
    )


def test_random_scales_shrink_and_never_enlarge():
    torch.manual_seed(0)
    places = torch.stack(torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij"))[None]
    seen = torch.cat([rescaled(places, 2.0) for _ in range(300)])  # where each pixel comes from: y, x
    assert seen.shape == (300, 2, 32, 32)
    steps = seen[:, 0, 20, 5] - seen[:, 0, 19, 5]  # picture pixels in one pixel of the crop
    assert torch.allclose(steps, seen[:, 1, 5, 20] - seen[:, 1, 5, 19], atol=1e-3)
    assert steps.min() >= 1 - 1e-4 and steps.max() <= 2 + 1e-4
    # Uniform is the width of the picture, that is 1/step: mean 3/4, an eighth of the range below 0.5625.
    assert (1 / steps).mean().item() == pytest.approx(0.75, abs=0.03)
    assert (1 / steps < 0.5625).float().mean().item() == pytest.approx(0.125, abs=0.06)
    y, x = seen[:, :, 16, 16].T
    assert y.max() - y.min() > 20 and x.max() - x.min() > 20 and (y - x).abs().max() > 10, "the window wanders"


def test_at_full_scale_a_window_is_copied_and_without_zoom_nothing_is_drawn(monkeypatch):
    state = torch.get_rng_state()
    assert rescaled(A, 1.0) is A and torch.equal(torch.get_rng_state(), state)
    monkeypatch.setattr(torch, "rand", lambda n: torch.tensor([1.0, 0.5, 0.25]))
    assert torch.allclose(rescaled(A, 2.0), A[..., 8:24, 4:20], atol=1e-6)
    monkeypatch.setattr(torch, "rand", lambda n: torch.tensor([0.0, 0.9, 0.9]))
    assert torch.allclose(
        rescaled(A, 2.0)[..., 2:-2, 2:-2],
        F.interpolate(A, scale_factor=0.5, mode="bilinear", antialias=True)[..., 2:-2, 2:-2],
        atol=1e-5,
    )


def test_a_step_is_decided_by_its_seed():
    def terms(seed):
        torch.manual_seed(seed)
        return [term.item() for _, named in method.turns(BATCH, 0) for term in named.values()]

    method = small()
    assert terms(3) == terms(3) != terms(4)


@pytest.mark.parametrize("height, width", [(48, 80), (33, 21)])
def test_a_picture_of_any_size_is_translated_at_once_and_within_range(height, width):
    method = small()
    with torch.no_grad():
        method.G.head.bias.copy_(torch.tensor([0.0, 3.0, -3.0]))
    picture = torch.linspace(-1, 1, 3 * height * width).view(1, 3, height, width)
    image = method.translate(picture).image
    assert image.shape == picture.shape and not image.requires_grad
    assert torch.equal(image, method.G(picture).clamp(-1, 1)) and image.max() == 1 and image.min() == -1
    assert torch.equal(image, method.translate(picture, noise=3).image) and not method.stochastic and not method.styled


def test_style_and_unknown_noise_are_refused():
    with pytest.raises(ValueError, match="sincut has no style code"):
        small().translate(A, style=torch.zeros(2, 8))
    with pytest.raises(ValueError, match='use "fresh", "zero" or a seed'):
        small().translate(A, noise="one")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"in_channels": 2}, "have 2 and 3 channels"),
        ({"zoom": 0.5}, "zoom is 0.5"),
        ({"layers": ()}, "needs a layer"),
        ({"patches": 0}, "0 patches"),
        ({"patches": 1, "negatives": "internal"}, "1 patches .* internal negatives"),
        ({"layers": ("rgb", "res9")}, "layer 'res9' is unknown"),
    ],
)
def test_settings_that_cannot_work_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)
    small(patches=1)


def picture_source():
    """One map and one picture as a source of random crops, in memory."""
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 256, (40, 40, 3)).astype(np.uint8) for _ in range(2)]
    windows = np.array([[0, 0, 0], [0, 8, 8]])
    return Source("toy", "train", 32, arrays[:1], arrays[1:], windows, np.tile([[0, 40, 0, 40]], (2, 1)), jitter=8)


def test_training_resumes_bit_for_bit(tmp_path):
    settings = {"steps": 3, "batch_size": 2, "precision": "fp32", "progress": False}
    whole = fit(small(), picture_source(), **settings)
    for step in (1, 2, 3):  # a time limit ends each of them after one step
        run = fit(small(), picture_source(), tmp_path, resume=True, minutes=1e-9, **settings)
        assert (run.step, run.finished) == (step, step == 3)
    ours, theirs, fresh = run.trained.state_dict(), whole.trained.state_dict(), small().state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    for key in ("G.stem.weight", "D.out.weight", "H.heads.0.0.weight"):
        assert not torch.equal(ours[key], fresh[key])


def test_initial_weights():
    method = SinCUT(SinCUTConfig(3, 3, width=16, d_width=16, dim=256))
    assert abs(method.G.res[0].conv1.weight.std() - 1) < 0.05 and abs(method.D.last.weight.std() - 1) < 0.05
    head = method.H.heads[2][2]
    assert head.weight.std().item() == pytest.approx(0.02 * (2 / 512) ** 0.5, rel=0.05) and not head.bias.any()
