"""CycleGAN: who moves when, which loss reaches whom, what each ablation computes, what the pool and `inverse` do."""

import pytest
import torch
from torch import nn

from gritlib import losses
from gritlib.methods import CycleGAN, CycleGANConfig
from gritlib.nets import UNet
from gritlib.training import fit

A = torch.linspace(-9, 9, 3 * 2 * 16 * 16, dtype=torch.float64).view(3, 2, 16, 16).sin()
B = torch.linspace(-1, 1, 3 * 3 * 16 * 16, dtype=torch.float64).view(3, 3, 16, 16).mul(7).cos()
BATCH = {"A": A, "B": B}
ALIKE = {"A": B.roll(5, -1).flip(-2), "B": B}  # both sides have three channels
SMALL = {"in_channels": 2, "out_channels": 3, "width": 2, "blocks": 1, "d_width": 2, "d_layers": 1, "norm": "none"}
SMALL |= {"d_norm": "none", "gan": "lsgan", "cycle": "both", "cycle_weight": 10.0, "identity_weight": 0.0, "pool": 50}


def small(pieces=None, **options):
    """Float64, every setting that matters named, weights large enough for everything to show."""
    torch.manual_seed(0)
    method = CycleGAN(CycleGANConfig(**{**SMALL, **options}), **(pieces or {})).double()
    for p in method.parameters():
        nn.init.normal_(p, 0.0, 0.3)
    return method


def alike(pieces=None, **options):
    return small(pieces, **{"in_channels": 3, "identity_weight": 0.5, **options})


def played(method, batch=BATCH):
    """The terms of both turns under one roof."""
    return {key: term for _, terms in method.turns(batch, 0) for key, term in terms.items()}


def reached(term, net):
    """Does a loss move all weights of a network?"""
    weights = [p for p in net.parameters() if p.ndim > 1]
    gradients = torch.autograd.grad(term, weights, allow_unused=True, retain_graph=True)
    moved = {g is not None and g.abs().max().item() > 0 for g in gradients}
    assert len(moved) == 1, "some of the weights and not all"
    return moved.pop()


def watched(method):
    """The batches each network is called with, as a list for each name."""
    seen = {name: [] for name in ("G", "F", "D_A", "D_B")}
    for name, calls in seen.items():
        net = getattr(method, name)
        net.register_forward_hook(lambda m, inputs, out, calls=calls: calls.append(inputs[0].detach().clone()))
    return seen


def test_generators_move_first_and_the_terms_have_their_names():
    assert [(player, list(terms)) for player, terms in alike().turns(ALIKE, 0)] == [
        ("generators", ["adv_G", "adv_F", "cycle_A", "cycle_B", "identity_A", "identity_B"]),
        ("discriminators", ["D_A_real", "D_A_fake", "D_B_real", "D_B_fake"]),
    ]
    players = {name: (p.nets, p.lr, p.betas, p.ema) for name, p in small(lr=0.3, beta1=0.1).players.items()}
    assert players == {
        "generators": (("G", "F"), 0.3, (0.1, 0.999), True),
        "discriminators": (("D_A", "D_B"), 0.3, (0.1, 0.999), False),
    }
    assert CycleGAN.view == {"unpaired": True}


def test_who_receives_which_gradient():
    method = alike()
    table = {  # of G, F, D_A, D_B
        "adv_G": (True, False, False, True),  # D_B passes it on, and its player does not move
        "adv_F": (False, True, True, False),
        "cycle_A": (True, True, False, False),
        "cycle_B": (True, True, False, False),
        "identity_A": (False, True, False, False),
        "identity_B": (True, False, False, False),
        "D_A_real": (False, False, True, False),
        "D_A_fake": (False, False, True, False),
        "D_B_real": (False, False, False, True),
        "D_B_fake": (False, False, False, True),
    }
    terms, nets = played(method, ALIKE), (method.G, method.F, method.D_A, method.D_B)
    assert {name: tuple(reached(term, net) for net in nets) for name, term in terms.items()} == table


@pytest.mark.parametrize("kind", ["l1", "l2", "mix"])
@pytest.mark.parametrize("gan", losses.GANS)
def test_terms_are_those_of_the_paper_from_separate_calls(gan, kind):
    method = alike(gan=gan, cycle_loss=kind, gan_weight=0.3, cycle_weight=7.0, identity_weight=0.2, norm="instance")
    method.D_A.layers[1][1] = method.D_B.layers[1][1] = nn.InstanceNorm2d(4)
    a, b = ALIKE["A"], ALIKE["B"]
    terms, G, F, distance = played(method, ALIKE), method.G, method.F, losses.PIXEL[kind]
    wanted = {
        "adv_G": 0.3 * losses.g_adversarial(method.D_B(G(a)), gan),
        "adv_F": 0.3 * losses.g_adversarial(method.D_A(F(b)), gan),
        "cycle_A": 7 * distance(F(G(a)), a),
        "cycle_B": 7 * distance(G(F(b)), b),
        "identity_A": 7 * 0.2 * distance(F(a), a),
        "identity_B": 7 * 0.2 * distance(G(b), b),
    }
    for name, D, real, fake in (("D_A", method.D_A, a, F(b)), ("D_B", method.D_B, b, G(a))):
        full = losses.d_adversarial(D(real), D(fake), gan)
        wanted |= {f"{name}_real": full["D_real"] / 2, f"{name}_fake": full["D_fake"] / 2}
    assert {key: terms[key].item() for key in wanted} == pytest.approx(
        {key: term.item() for key, term in wanted.items()}, rel=1e-12
    )
    assert list(terms) == list(wanted)


class Add(nn.Module):
    """x + c."""

    def __init__(self, c):
        super().__init__()
        self.c = c

    def forward(self, x):
        return x + self.c


@pytest.mark.parametrize(
    "there, back, cycle, identity",
    [(0.0, 0.0, 0.0, (0.0, 0.0)), (0.3, -0.3, 0.0, (0.3, 0.3)), (0.3, 0.1, 0.4, (0.1, 0.3))],
)
def test_maps_that_undo_each_other_have_no_cycle_loss(there, back, cycle, identity):
    terms = played(alike({"generators": (Add(there), Add(back))}), ALIKE)
    assert [terms[key].item() for key in ("cycle_A", "cycle_B")] == pytest.approx([10 * cycle] * 2, abs=1e-12)
    assert [terms[key].item() for key in ("identity_A", "identity_B")] == pytest.approx([5 * d for d in identity])


@pytest.mark.parametrize(
    "options, G, F, D, terms",
    [
        ({}, [3, 3], [3, 3], [3, 6], "adv_G adv_F cycle_A cycle_B"),
        ({"cycle": "forward"}, [3], [3, 3], [3, 6], "adv_G adv_F cycle_A"),
        ({"cycle": "backward"}, [3, 3], [3], [3, 6], "adv_G adv_F cycle_B"),
        ({"cycle": "none"}, [3], [3], [3, 6], "adv_G adv_F"),
        ({"cycle_weight": 0.0}, [3], [3], [3, 6], "adv_G adv_F"),
        ({"gan_weight": 0.0}, [3, 3], [3, 3], [], "cycle_A cycle_B"),
        ({"identity_weight": 0.5}, [6, 3], [6, 3], [3, 6], "adv_G adv_F cycle_A cycle_B identity_A identity_B"),
        ({"identity_weight": 0.5, "norm": "batch"}, [3, 3, 3], [3, 3, 3], [3, 6], None),
        ({"d_norm": "batch"}, [3, 3], [3, 3], [3, 3, 3], None),
    ],
    ids=str,
)
def test_ablations_compute_what_they_need_and_no_image_twice(options, G, F, D, terms):
    method = small(in_channels=3, **options)
    seen = watched(method)
    turns = list(method.turns(ALIKE, 0))
    assert {name: [len(x) for x in calls] for name, calls in seen.items()} == {"G": G, "F": F, "D_A": D, "D_B": D}
    assert terms is None or list(turns[0][1]) == terms.split()
    assert [player for player, _ in turns] == (["generators", "discriminators"] if D else ["generators"])
    assert list(method.players) == [player for player, _ in turns]
    for name in ("G", "F"):
        shown = torch.cat(seen[name]).flatten(1)
        assert len(shown.unique(dim=0)) == len(shown)


def test_discriminators_see_the_pools_images_beside_the_real_ones():
    given = []

    def pool(mark):
        def trade(images):
            assert not images.requires_grad
            given.append(images)
            return torch.full_like(images, mark)

        return trade

    method = small({"pools": (pool(0.25), pool(0.5))})
    seen = watched(method)
    list(method.turns(BATCH, 0))
    fake_A, fake_B = seen["D_A"][0], seen["D_B"][0]  # what the generators are judged by
    assert torch.equal(given[0], fake_A) and torch.equal(given[1], fake_B)
    assert fake_A.shape == A.shape and fake_B.shape == B.shape
    assert torch.equal(seen["D_A"][1], torch.cat([A, torch.full_like(A, 0.25)]))
    assert torch.equal(seen["D_B"][1], torch.cat([B, torch.full_like(B, 0.5)]))


def test_each_side_has_a_pool_of_its_own_of_the_size_asked_for():
    method = small(pool=4)
    for _ in range(3):
        list(method.turns(BATCH, 0))
    assert method.pool_A.images.shape == (4, 2, 16, 16) and method.pool_B.images.shape == (4, 3, 16, 16)
    none = small(pool=0)
    list(none.turns(BATCH, 0))
    assert none.pool_A.images.numel() == 0 and {"pool_A.images", "pool_B.images"} <= set(none.state_dict())


def test_discriminators_are_shown_the_images_from_before_the_generators_moved():
    first, second = played(small()), small()
    turns = second.turns(BATCH, 0)
    next(turns)
    with torch.no_grad():
        for p in second.G.parameters():
            p.zero_()
    assert torch.equal(next(turns)[1]["D_B_fake"], first["D_B_fake"]) and next(turns, None) is None


def test_a_students_networks_are_used_and_an_empty_one_too():
    pieces = {"generators": (nn.Sequential(), Add(0.1)), "discriminators": (nn.Conv2d(3, 1, 3), nn.Sequential())}
    method = alike(pieces)
    assert (*pieces["generators"], *pieces["discriminators"]) == (method.G, method.F, method.D_A, method.D_B)
    assert len(played(method, ALIKE)) == 10


def test_settings_that_cannot_work_are_refused():
    for options in ({"cycle": "none"}, {"cycle_weight": 0.0}):
        with pytest.raises(ValueError, match="nothing is left to minimise"):
            small(gan_weight=0.0, **options)
    with pytest.raises(ValueError, match="these have 2 and 3 channels: set identity_weight to 0"):
        small(identity_weight=0.5)
    with pytest.raises(ValueError, match="nothing is left"):
        alike(gan_weight=0.0, cycle_weight=0.0)
    assert len(played(alike(gan_weight=0.0, cycle="none"), ALIKE)) == 2, "identity alone is something"


def test_the_u_net_generator_translates_both_ways():
    method = small(generator="unet", depth=3)
    assert isinstance(method.G, UNet) and isinstance(method.F, UNet) and method.multiple == 8
    assert method.translate(A).image.shape == B.shape and method.inverse().translate(B).image.shape == A.shape
    assert method.inverse().multiple == 8 and small().multiple == 1
    assert len(played(method)) == 8


def test_the_inverse_is_the_same_networks_the_other_way_round():
    method = small(cycle="forward")
    method.D_A.eval()  # a mixed state must survive as well
    modes = [m.training for m in method.modules()]
    other = method.inverse()
    assert [m.training for m in method.modules()] == modes and other.training
    assert torch.equal(other.translate(B).image, method.F(B)) and torch.equal(other.translate(B).image, other.G(B))
    assert (other.G, other.F, other.D_A, other.D_B) == (method.F, method.G, method.D_B, method.D_A)
    assert (other.pool_A, other.pool_B) == (method.pool_B, method.pool_A)
    assert (other.config.in_channels, other.config.out_channels) == (3, 2)
    swapped = {"adv_G": "adv_F", "adv_F": "adv_G", "cycle_A": "cycle_B"}
    swapped |= {f"D_{x}_{kind}": f"D_{y}_{kind}" for x, y in ("AB", "BA") for kind in ("real", "fake")}
    ours = played(method)
    theirs = played(other, {"A": B, "B": A})
    assert {swapped[key]: value.item() for key, value in ours.items()} == {k: v.item() for k, v in theirs.items()}
    assert other.inverse().config == method.config
    assert not any(m.training for m in small().eval().inverse().modules())


@pytest.mark.parametrize("training", [True, False])
def test_translation_neither_reads_nor_changes_the_mode(training):
    method = small(norm="batch").train(training)
    method.G.res.train(not training)
    modes, state = [m.training for m in method.modules()], torch.get_rng_state()
    buffers = [b.clone() for b in method.buffers()]
    images = [method.translate(A, noise=noise).image for noise in ("fresh", "zero", 3)]
    with pytest.raises(ValueError, match="too small"):
        method.translate(A[..., :4])
    assert [m.training for m in method.modules()] == modes and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(buffers, method.buffers(), strict=True)), "statistics moved"
    assert all(torch.equal(image, method.G.eval()(A)) for image in images) and not images[0].requires_grad
    assert not method.stochastic and not method.styled


def test_style_and_unknown_noise_are_refused():
    with pytest.raises(ValueError, match="cyclegan has no style code"):
        small().translate(A, style=torch.zeros(3, 8))
    with pytest.raises(ValueError, match='use "fresh", "zero" or a seed'):
        small().translate(A, noise=[torch.zeros(3, 1, 16, 16)])


def test_finish_takes_each_generators_statistics_from_its_own_side():
    method = small(norm="batch").eval()
    method.finish({"A": A + i, "B": B - i} for i in range(3))  # batches come once, as in training
    for net, inputs in ((method.G, [A + i for i in range(3)]), (method.F, [B - i for i in range(3)])):
        convolved = [net.stem[:2](x) for x in inputs]
        assert torch.allclose(net.stem[2].running_mean, sum(h.mean((0, 2, 3)) for h in convolved) / 3)
        assert torch.allclose(net.stem[2].running_var, sum(h.var((0, 2, 3)) for h in convolved) / 3)


def test_initial_weights_are_the_papers():
    method = CycleGAN(CycleGANConfig(3, 3, width=16, d_width=16))
    for m in method.modules():
        if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d)) and m.weight.numel() > 5000:
            assert abs(m.weight.std() - 0.02) < 1e-3 and not m.bias.any()


def test_training_resumes_bit_for_bit_with_its_pool(photos, tmp_path):
    def make(seed=0):
        torch.manual_seed(seed)
        return CycleGAN(CycleGANConfig(**{**SMALL, "in_channels": 3, "pool": 3, "d_norm": "batch"}))

    settings = {"steps": 4, "batch_size": 2, "precision": "fp32", "progress": False}
    whole = fit(make(), photos(), **settings)
    for step in range(1, 5):  # a time limit ends each of them after one step
        run = fit(make(seed=step - 1), photos(), tmp_path, resume=True, minutes=1e-9, **settings)
        assert (run.step, run.finished) == (step, step == 4)
    for ours, theirs in ((run.trained, whole.trained), (run.method, whole.method)):
        ours, theirs = ours.state_dict(), theirs.state_dict()
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert len(run.trained.pool_A.images) == 3, "full, so that images were traded"
    fresh = make().state_dict()
    for name in ("G.head.1.weight", "F.head.1.weight", "D_A.layers.0.0.weight", "D_B.layers.0.0.weight"):
        assert not torch.equal(theirs[name], fresh[name])
