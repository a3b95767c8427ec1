"""pix2pixHD and pix2pixHD++: who receives which gradient, sums over scales, edges, styles of classes, the enhancer."""

from dataclasses import asdict, replace

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gritlib import backbones, losses, presets
from gritlib.data.source import one_hot
from gritlib.methods import (
    Pix2PixHD,
    Pix2PixHDConfig,
    Pix2PixHDPlus,
    Pix2PixHDPlusConfig,
    Spade,
    SpadeConfig,
    build,
)
from gritlib.nets.pix2pixhd import GlobalGenerator, InstanceEncoder, LocalEnhancer, edges
from gritlib.training import fit

LABEL = torch.zeros(2, 32, 32, dtype=torch.int64)
LABEL[0, :12], LABEL[0, 20:, 8:], LABEL[1, :, 20:] = 1, 2, 1
A = one_hot(LABEL, 4)  # class 3 is nowhere, class 2 in the first image alone
B = torch.linspace(-1, 1, 6144).cos().view(2, 3, 32, 32) * torch.tensor([1.0, -0.5]).view(2, 1, 1, 1)
BATCH = {"A": A, "B": B, "label": LABEL}
SMALL = {"in_channels": 4, "out_channels": 3, "width": 2, "downs": 2, "blocks": 1, "e_width": 2, "e_downs": 2}
SMALL |= {"d_width": 2, "d_layers": 1, "perceptual_weight": 0.0}


def small(pieces=None, kind=Pix2PixHD, **options):
    torch.manual_seed(0)
    method = kind(kind.Config(**{**SMALL, **options}), **(pieces or {}))
    for p in (p for net in (method.G, method.E) if net is not None for p in net.parameters()):
        nn.init.normal_(p, 0.0, 0.3)  # far from the initial state, where the input does next to nothing
    return method


def gradients(terms, net):
    return torch.autograd.grad(losses.total(terms), list(net.parameters()), allow_unused=True, retain_graph=True)


def reached(terms, net):
    """Of a network's weights, does a loss move "all", "none" or "some"?"""
    moved = [g is not None and g.abs().max().item() > 0 for g in gradients(terms, net) if g is None or g.ndim > 1]
    return "all" if all(moved) else "some" if any(moved) else "none"


def test_the_generator_moves_first_and_the_terms_have_their_names():
    method = small(perceptual_weight=1.0)
    assert [(player, list(terms)) for player, terms in method.turns(BATCH, 0)] == [
        ("generator", ["adv", "matching", "perceptual"]),
        ("discriminator", ["D_real", "D_fake"]),
    ]
    players = {name: (p.nets, p.ema) for name, p in small(features=2).players.items()}
    assert players == {"generator": (("G", "E"), True), "discriminator": (("D",), False)}
    assert small().players["generator"].nets == ("G",) and small().E is None


def test_the_table_of_gradients():
    method = small(features=2, perceptual_weight=1.0, edges=True)
    turns = dict(method.turns(BATCH, 0))
    for key in ("adv", "matching", "perceptual"):
        term = {key: turns["generator"][key]}
        assert [reached(term, net) for net in (method.G, method.E)] == ["all"] * 2, key
    assert reached(turns["discriminator"], method.D) == "all"
    assert all(g is None for net in (method.G, method.E) for g in gradients(turns["discriminator"], net))
    assert all(g is None for g in gradients({"VGG": turns["generator"]["perceptual"]}, method.D))


def test_feature_matching_holds_the_real_activations_fixed():
    method = small()
    real = B.clone().requires_grad_()
    judged, fake = method.D(torch.cat([A, real], 1)), method.D(torch.cat([A, -B], 1))
    terms = method.g_loss(-B, real, fake, judged)
    assert torch.autograd.grad(terms["matching"], real, allow_unused=True, retain_graph=True) == (None,)


@pytest.mark.parametrize("gan", losses.GANS)
@pytest.mark.parametrize("reduction, adv, matching", [("sum", 3, 3), ("mean", 1, 1), ("code", 3, 1)])
def test_sums_and_means_over_three_scales_recomputed_by_hand(gan, reduction, adv, matching):
    weights = {"gan_weight": 0.3, "matching_weight": 7.0}
    method = small(gan=gan, reduction=reduction, d_scales=3, **weights)
    terms = {key: t for _, named in method.turns(BATCH, 0) for key, t in named.items()}
    judged, real = (method.D(torch.cat([A, x], 1)) for x in (method.G(A), B))
    assert len(judged) == 3
    each = [losses.g_adversarial(logits, gan) for logits, _ in judged]
    near = [
        sum((a - b).abs().mean() for a, b in zip(f, r, strict=True))
        for (_, f), (_, r) in zip(judged, real, strict=True)
    ]
    assert torch.allclose(terms["adv"], 0.3 * adv * sum(each) / 3)
    assert torch.allclose(terms["matching"], 7 * matching * sum(near) / 3)
    both = [losses.d_adversarial(r, f, gan) for (r, _), (f, _) in zip(real, judged, strict=True)]
    for key in ("D_real", "D_fake"):
        assert torch.allclose(terms[key], adv * sum(term[key] for term in both) / 3), "not halved"


def test_least_squares_of_constant_logits_summed_over_the_scales():
    method = small(d_scales=3, matching_weight=0.0)
    for net in method.D.scales:
        nn.init.zeros_(net.layers[-1].weight)
        nn.init.constant_(net.layers[-1].bias, 3.0)
    terms = {key: t.item() for _, named in method.turns(BATCH, 0) for key, t in named.items()}
    assert terms == pytest.approx({"adv": 3 * 4.0, "D_real": 3 * 4.0, "D_fake": 3 * 9.0})


def test_d_judges_the_image_that_g_made_before_it_moved():
    method = small()
    turns = method.turns(BATCH, 0)
    next(turns)
    made = method.G(A).detach()
    with torch.no_grad():
        for p in method.G.parameters():
            p.add_(1.0)
    _, terms = next(turns)
    wanted = sum(
        losses.d_adversarial(logits, logits, "lsgan")["D_fake"] for logits, _ in method.D(torch.cat([A, made], 1))
    )
    assert torch.allclose(terms["D_fake"], wanted, atol=1e-6)


class Recorder(nn.Module):
    """A discriminator that keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.scale, self.seen = nn.Parameter(torch.ones(())), []

    def forward(self, x):
        self.seen.append(x.detach())
        return [(self.scale * x.mean((1, 2, 3)), [self.scale * x])]


@pytest.mark.parametrize("with_edges", [False, True])
def test_what_generator_and_discriminator_are_shown(with_edges):
    judge, shown = Recorder(), []
    method = small({"discriminator": judge}, edges=with_edges, features=2)
    method.G.register_forward_hook(lambda module, inputs, out: shown.append((inputs[0].detach(), out.detach())))
    list(method.turns(BATCH, 0))
    given = torch.cat([A, edges(LABEL)], 1) if with_edges else A
    ((x, fake),) = shown
    assert torch.equal(x, torch.cat([given, method.E(B, LABEL)], 1)), "features are G's alone"
    assert len(judge.seen) == 3, "the real images are judged once"
    for seen, image in zip(judge.seen, (B, fake, fake), strict=True):
        assert torch.equal(seen, torch.cat([given, image], 1))


def test_without_gan_weight_only_the_generator_plays():
    judge = Recorder()
    method = small({"discriminator": judge}, gan_weight=0.0, matching_weight=0.0, perceptual_weight=10.0)
    turns = list(method.turns(BATCH, 0))
    assert [(player, list(terms)) for player, terms in turns] == [("generator", ["perceptual"])]
    assert not judge.seen and list(method.players) == ["generator"]
    net = backbones.perceptual("vgg16")
    wanted = 10 * losses.perceptual(net.features, method.G(A), B, net.weights)
    assert torch.allclose(turns[0][1]["perceptual"], wanted, rtol=1e-4), "not multiplied by the scales"
    assert method.config.perceptual == "vgg16"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"gan_weight": 0.0, "matching_weight": 0.0}, "nothing is left to minimise"),
        ({"gan_weight": 0.0, "perceptual_weight": 1.0}, "feature matching needs the discriminator"),
        ({"perceptual_weight": 1.0, "out_channels": 4}, "4 channels"),
        ({"fixed": 5}, "fixed 5: without the enhancer nothing would be trained"),
        ({"in_channels": None}, "no channels yet"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options)


def test_edges_and_features_need_label_maps():
    class Images:
        in_channels, out_channels, classes = 3, 3, None

    class Maps(Images):
        in_channels, classes = 4, ("a", "b", "c", "d")

    for options in ({"edges": True}, {"features": 3}):
        with pytest.raises(ValueError, match="need label maps, these inputs are images"):
            Pix2PixHDConfig(**options).fit_to(Images)
        assert Pix2PixHDConfig(**options).fit_to(Maps).in_channels == 4
    assert Pix2PixHDConfig().fit_to(Images).in_channels == 3


def test_while_the_global_network_is_fixed_the_enhancer_alone_is_trained():
    method = small(enhancer=True, fixed=2, features=2)
    assert isinstance(method.G, LocalEnhancer)
    for step, rests in ((0, True), (1, True), (2, False)):
        terms = dict(method.turns(BATCH, step))["generator"]
        coarse = gradients(terms, method.G.coarse)
        assert all(g is None for g in coarse) if rests else any(g.abs().max() > 0 for g in coarse)
        local = nn.ModuleList([method.G.down, method.G.up, method.G.head])
        assert reached(terms, local) == reached(terms, method.E) == "all"


def test_a_students_pieces_are_used():
    pieces = {"generator": GlobalGenerator(4 + 2, 3, 1, 1, 0), "encoder": InstanceEncoder(3, 2, 1, 1)}
    pieces |= {"discriminator": Recorder(), "d_loss": lambda real, fake: {"mine": real[0][0].mean()}}
    pieces |= {"g_loss": lambda fake, truth, judged, real: {"also mine": fake.mean()}}
    method = small(pieces, features=2)
    assert [(name, list(terms)) for name, terms in method.turns(BATCH, 0)] == [
        ("generator", ["also mine"]),
        ("discriminator", ["mine"]),
    ]
    assert method.G is pieces["generator"] and method.E is pieces["encoder"] and method.D is pieces["discriminator"]
    assert small({"encoder": pieces["encoder"]}).E is None, "without features no encoder"


def test_initial_weights_are_the_authors():
    torch.manual_seed(0)
    hd = Pix2PixHD(Pix2PixHDConfig(4, 3, width=16, features=2, e_width=16, perceptual_weight=0.0))
    for net in (hd.G, hd.E, hd.D):
        convs = [m for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
        assert not any(is_parametrized(m) for m in convs)
        assert all(abs(m.weight.std() - 0.02) < 2e-3 for m in convs if m.weight.numel() > 2000)
        assert all(m.bias.abs().max() > 1e-4 for m in convs), "PyTorch's biases"
    plus = Pix2PixHDPlus(Pix2PixHDPlusConfig(4, 3, width=16, features=2, perceptual_weight=0.0))
    convs = [m for net in (plus.G, plus.E) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    for m in convs:
        weight = m.parametrizations.weight.original if is_parametrized(m, "weight") else m.weight
        std = 0.02 * (2 / (sum(weight.shape[:2]) * weight[0, 0].numel())) ** 0.5
        assert weight.numel() < 2000 or abs(weight.std() / std - 1) < 0.1
        assert m.bias is None or not m.bias.any()
    assert [is_parametrized(m, "weight") for m in convs].count(False) == 2, "the last ones of G and E"
    inner = [is_parametrized(layer[0], "weight") for layer in plus.D.scales[0].layers[:-1]]
    assert inner == [False, True, True]
    plain = Pix2PixHD(Pix2PixHDConfig(4, 3, features=2, e_norm="none", perceptual_weight=0.0)).E
    assert plain.each_pixel(B).std() > 1e-3, "an encoder without normalisation says something from the start"


def test_plus_is_spades_recipe():
    ours, spades = Pix2PixHDPlusConfig(), SpadeConfig()
    shared = ("norm", "d_width", "d_layers", "d_scales", "d_norm", "d_spectral", "gan", "gan_weight", "lr", "d_lr")
    shared += ("matching_weight", "perceptual_weight", "perceptual", "beta1", "beta2", "spectral")
    assert {key: getattr(ours, key) for key in shared} == {key: getattr(spades, key) for key in shared}
    assert (ours.reduction, ours.init) == ("mean", "xavier")
    hd = Pix2PixHDConfig()
    assert (hd.gan, hd.norm, hd.spectral, hd.d_spectral, hd.reduction) == ("lsgan", "instance", False, False, "sum")
    assert (hd.matching_weight, hd.perceptual_weight, hd.lr, hd.d_lr, hd.beta1) == (10.0, 10.0, 2e-4, 2e-4, 0.5)


@pytest.mark.parametrize("labels", [4, 19])
def test_as_many_parameters_as_spade_without_style(labels):
    ours = Pix2PixHDPlus(Pix2PixHDPlusConfig(labels, 3))
    spades = Spade(SpadeConfig(labels, 3, size=64, start="map"))
    counts = [sum(p.numel() for p in method.G.parameters()) for method in (ours, spades)]
    assert abs(counts[0] / counts[1] - 1) < 0.05
    assert [p.shape for p in ours.D.parameters()] == [p.shape for p in spades.D.parameters()]


class Maps:
    """Two maps with their images, as a training set."""

    name, size, paired, classes, in_channels, out_channels = "toy", 32, True, ("a", "b", "c", "d"), 4, 3

    def __len__(self):
        return 2

    def batch(self, indices, generator=None):
        return {key: value[list(indices)] for key, value in BATCH.items()}


@pytest.mark.parametrize(
    "kind, options",
    [(Pix2PixHD, {"features": 2, "edges": True, "enhancer": True, "fixed": 2}), (Pix2PixHDPlus, {"norm": "batch"})],
)
def test_three_steps_of_training_move_every_network(kind, options):
    method = kind(kind.Config(**{**SMALL, **options, "lr": 1e-2, "d_lr": 1e-2}))
    before = {name: p.clone() for name, p in method.named_parameters()}
    run = fit(method, Maps(), steps=3, batch_size=2, precision="fp32", device="cpu", progress=False)
    assert run.step == 3 and all(isinstance(value, (int, float)) for value in run.history[-1].values())
    trained = dict(run.trained.named_parameters())
    still = [name for name, p in before.items() if torch.equal(p, trained[name])]
    # A bias before instance norm does nothing, and gets what rounding leaves.
    assert not [name for name in still if not name.endswith("bias")]
    twin = build(method.name, asdict(run.method.config))
    twin.load_state_dict(run.method.state_dict())
    assert torch.equal(twin.translate(A).image, run.method.translate(A).image)


def styled(**options):
    """With mean codes as after training, class 3 never seen."""
    method = small(features=2, **options)
    method.finish([BATCH])
    return method


def test_a_style_of_its_own_image_is_what_training_sees():
    method = styled(edges=True)
    x = torch.cat([A, edges(LABEL), method.E(B, LABEL)], 1)
    image = method.translate(A, style=B).image
    assert torch.allclose(image, method.G(x), atol=1e-5) and not image.requires_grad
    codes, there = method.encode(B, A)
    assert codes.shape == (2, 4, 2) and there.tolist() == [[True, True, True, False], [True, True, False, False]]
    assert torch.allclose(image, method.translate(A, style=codes).image, atol=1e-5)


def test_the_mean_style_is_each_class_mean_over_the_images_that_show_it():
    method = styled()
    codes, _ = method.encode(B, A)
    assert torch.allclose(method.mean_style[:2], codes[:, :2].mean(0), atol=1e-6)
    assert torch.allclose(method.mean_style[2], codes[0, 2], atol=1e-6), "only the first image shows class 2"
    assert not method.mean_style[3].any()
    wanted = method.translate(A, style=method.mean_style[None]).image
    assert torch.equal(method.translate(A).image, wanted)
    two = small(features=2)
    two.finish([{key: value[i : i + 1] for key, value in BATCH.items()} for i in range(2)])
    assert torch.allclose(two.mean_style, method.mean_style, atol=1e-6), "batches do not matter"


def test_a_class_that_the_style_image_does_not_show_has_its_mean_code():
    method = styled()
    codes, _ = method.encode(B[:1].expand(2, -1, -1, -1), A)
    assert (codes[1, 2] == 0).all() and method.mean_style[2].abs().min() > 1e-3
    chosen = method.chosen(A, B[:1])
    assert torch.equal(chosen[1, 2], method.mean_style[2]) and torch.equal(chosen[:, 0], codes[:, 0])


def test_the_code_of_a_class_changes_the_picture():
    method = styled()
    codes, _ = method.encode(B, A)
    other = codes.clone()
    other[:, 3] += 1
    assert torch.equal(method.translate(A, style=other).image, method.translate(A, style=codes).image), "nowhere in A"
    other[:, 1] += 1
    assert (method.translate(A, style=other).image - method.translate(A, style=codes).image).abs().max() > 1e-2


@pytest.mark.parametrize("style", [torch.zeros(2, 2), torch.zeros(3, 4, 2), torch.zeros(2, 4, 3), torch.zeros(2, 2, 4)])
def test_a_style_of_another_shape_is_refused(style):
    with pytest.raises(ValueError, match=r"give images, or codes of shape \(2, 4, 2\)"):
        styled().translate(A, style=style)


def test_style_and_noise_are_refused_where_there_are_none():
    with pytest.raises(ValueError, match="pix2pixhd has no style code"):
        small().translate(A, style=B)
    for noise in ("none", None, 0.5):
        with pytest.raises(ValueError, match='use "fresh", "zero" or a seed'):
            small().translate(A, noise=noise)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "kind, options", [(Pix2PixHD, {"features": 2}), (Pix2PixHDPlus, {"features": 2, "edges": True})]
)
def test_translation_is_one_image_and_neither_reads_nor_changes_the_mode(kind, options, training):
    method, maps, truths = small(kind=kind, **options).double().train(training), A.double(), B.double()
    method.G.trunk[1].train(not training)  # a mixed state must survive as well
    modes, state = [m.training for m in method.modules()], torch.get_rng_state()
    kept = {key: value.clone() for key, value in method.state_dict().items()}
    images = [method.translate(maps, style=truths, noise=noise).image for noise in ("fresh", "zero", 3)]
    assert all(torch.equal(image, images[0]) for image in images) and not method.stochastic and method.styled
    assert [m.training for m in method.modules()] == modes and torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, kept[key]) for key, value in method.state_dict().items()), "statistics moved"
    method.train(not training)
    assert torch.equal(method.translate(maps, style=truths).image, images[0])
    alone = torch.cat([method.translate(maps[i : i + 1], style=truths[i : i + 1]).image for i in range(2)])
    assert torch.allclose(alone, images[0], atol=1e-9)


def test_any_side_is_translated():
    method = styled(edges=True)
    image = method.translate(A[..., :21, :30], style=B[..., :21, :30]).image
    assert image.shape == (2, 3, 21, 30) and method.multiple == 1


def test_finish_takes_batch_norms_statistics_of_training_inputs():
    method = small(kind=Pix2PixHDPlus, spectral=False, edges=True, features=2)
    batches = [{"A": A, "B": B + i} for i in range(2)]
    method.finish(batches)
    first = method.G.trunk[0]
    inputs = [torch.cat([A, edges(LABEL), method.E(batch["B"], LABEL)], 1) for batch in batches]
    means = [first[1](first[0](x)).mean((0, 2, 3)) for x in inputs]
    assert torch.allclose(first[2].running_mean, sum(means) / 2, atol=1e-5)
    assert not any(m.training for m in method.modules())


def test_on_paper_it_is_the_authors_networks_and_the_papers_recipe():
    preset = presets.get("pix2pixhd", "paper")
    with torch.device("meta"):
        mine = build("pix2pixhd", replace(preset.method, in_channels=35, out_channels=3, features=3))
    counts = [sum(p.numel() for p in net.parameters()) for net in (mine.G, mine.E)]
    assert counts == [182_556_163, 788_803], "35 labels, edges, 3 features"
    scale = [sum(p.numel() for p in net.parameters()) for net in mine.D.scales]
    assert scale == [5_603_202 // 2] * 3
    c, t = preset.method, preset.training
    assert (c.gan, c.reduction, c.init, c.norm, c.edges) == ("lsgan", "sum", "normal", "instance", True)
    assert (c.lr, c.d_lr, c.beta1, c.beta2) == (2e-4, 2e-4, 0.5, 0.999)
    assert (t.batch_size, t.steps, t.ema, t.constant) == (1, 2975 * 200, 0.0, 0.5)
    plus, spades = (presets.get(name, "paper") for name in ("pix2pixhd++", "spade"))
    shared = (
        "norm",
        "d_width",
        "d_layers",
        "d_scales",
        "gan",
        "lr",
        "d_lr",
        "beta1",
        "beta2",
        "spectral",
        "d_spectral",
    )
    assert [getattr(plus.method, key) for key in shared] == [getattr(spades.method, key) for key in shared]
    assert plus.training == spades.training
