"""Losses against torch's own and against closed forms, what their minimisers are, and what they refuse."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from gritlib.losses import (
    GANS,
    PIXEL,
    d_adversarial,
    feature_matching,
    g_adversarial,
    kl,
    l1,
    l2,
    mix,
    perceptual,
    pixel,
    r1,
    total,
)

numbers = st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=12)
quick = settings(max_examples=40, deadline=None, derandomize=True)
every_gan = pytest.mark.parametrize("kind", GANS)


def tensor(values):
    return torch.tensor(values, dtype=torch.float32)


@quick
@given(numbers, numbers)
def test_bce_is_torchs_cross_entropy_with_logits(real, fake):
    def torchs(logits, target):  # in float64: torch's own float32 loses digits where D is sure
        return F.binary_cross_entropy_with_logits(logits.double(), torch.full_like(logits, target).double()).item()

    real, fake = tensor(real), tensor(fake)
    terms = d_adversarial(real, fake, "bce")
    assert terms["D_real"].item() == pytest.approx(torchs(real, 1.0), rel=1e-5)
    assert terms["D_fake"].item() == pytest.approx(torchs(fake, 0.0), rel=1e-5)
    assert g_adversarial(fake, "bce").item() == pytest.approx(torchs(fake, 1.0), rel=1e-5)


@quick
@given(numbers, numbers)
def test_lsgan_is_the_mean_square_to_one_and_zero(real, fake):
    real, fake = tensor(real), tensor(fake)
    terms = d_adversarial(real, fake, "lsgan")
    assert torch.allclose(terms["D_real"], F.mse_loss(real, torch.ones_like(real)))
    assert torch.allclose(terms["D_fake"], F.mse_loss(fake, torch.zeros_like(fake)))
    assert torch.allclose(g_adversarial(fake, "lsgan"), F.mse_loss(fake, torch.ones_like(fake)))


@quick
@given(numbers, numbers)
def test_hinge_is_the_hinge(real, fake):
    terms = d_adversarial(tensor(real), tensor(fake), "hinge")
    assert terms["D_real"].item() == pytest.approx(sum(max(0.0, 1 - v) for v in real) / len(real), 1e-5, 1e-6)
    assert terms["D_fake"].item() == pytest.approx(sum(max(0.0, 1 + v) for v in fake) / len(fake), 1e-5, 1e-6)
    assert g_adversarial(tensor(fake), "hinge").item() == pytest.approx(-sum(fake) / len(fake), 1e-5, 1e-5)


@pytest.mark.parametrize(
    "kind, logit, real, fake, generator",
    [
        ("bce", 0.0, math.log(2), math.log(2), math.log(2)),
        ("bce", math.log(3), math.log(4 / 3), math.log(4), math.log(4 / 3)),  # D says 3/4
        ("lsgan", 0.0, 1.0, 0.0, 1.0),
        ("lsgan", 0.5, 0.25, 0.25, 0.25),
        ("hinge", 0.0, 1.0, 1.0, 0.0),
        ("hinge", 2.0, 0.0, 3.0, -2.0),
    ],
)
def test_values_that_can_be_computed_by_hand(kind, logit, real, fake, generator):
    logits = torch.full((2, 1, 3, 3), logit)
    terms = d_adversarial(logits, logits, kind)
    assert list(terms) == ["D_real", "D_fake"]
    assert [t.item() for t in terms.values()] == pytest.approx([real, fake], abs=1e-6)
    assert g_adversarial(logits, kind).item() == pytest.approx(generator, abs=1e-6)


@every_gan
def test_terms_are_means_over_all_patches_and_images(kind):
    torch.manual_seed(1)
    one, two = torch.randn(4, 1, 5, 5), torch.randn(4, 1, 5, 5)
    for loss in (lambda x: g_adversarial(x, kind), lambda x: total(d_adversarial(x, -x, kind))):
        assert torch.allclose(loss(torch.cat([one, two])), (loss(one) + loss(two)) / 2)
        assert torch.allclose(loss(one.tile(1, 1, 2, 3)), loss(one)), "independent of the number of patches"


@every_gan
def test_discriminator_wants_real_up_and_fake_down_and_generator_fake_up(kind):
    real, fake = torch.zeros(3, requires_grad=True), torch.full((3,), 0.2, requires_grad=True)
    to_real, to_fake = torch.autograd.grad(total(d_adversarial(real, fake, kind)), (real, fake))
    assert (to_real < 0).all() and (to_fake > 0).all()
    assert (torch.autograd.grad(g_adversarial(fake, kind), fake)[0] < 0).all()


@pytest.mark.parametrize("logit", [-5.0, -20.0, -80.0, -1e4])
def test_the_generators_bce_keeps_its_gradient_while_d_wins(logit):
    fake = torch.tensor([logit], requires_grad=True)
    assert torch.autograd.grad(g_adversarial(fake, "bce"), fake)[0].item() < -0.99
    printed = -F.softplus(fake).mean()  # log(1 − D)
    assert abs(torch.autograd.grad(printed, fake)[0].item()) < 0.01


@pytest.mark.parametrize("logit", [-1e4, 1e4])
@every_gan
def test_extreme_logits_stay_finite_with_their_gradients(kind, logit):
    real, fake = (torch.tensor([logit, -logit], requires_grad=True) for _ in range(2))
    loss = total(d_adversarial(real, fake, kind)) + g_adversarial(fake, kind)
    assert loss.isfinite()
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, (real, fake)))


@every_gan
def test_bf16_logits_are_judged_in_float32(kind):
    torch.manual_seed(2)
    real, fake = torch.randn(999).bfloat16(), torch.randn(999).bfloat16()
    for mine, wanted in (
        (d_adversarial(real, fake, kind), d_adversarial(real.float(), fake.float(), kind)),
        ({"G": g_adversarial(fake, kind)}, {"G": g_adversarial(fake.float(), kind)}),
    ):
        assert all(mine[k].dtype == torch.float32 and torch.equal(mine[k], wanted[k]) for k in wanted)


@pytest.mark.parametrize("kind", PIXEL)
def test_bf16_images_are_compared_in_float32(kind):
    image, target = torch.rand(2, 3, 9, 9).bfloat16(), torch.rand(2, 3, 9, 9).bfloat16()
    assert torch.equal(pixel(image, target, kind), pixel(image.float(), target.float(), kind))
    assert pixel(image, target, kind).dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(pixel(image, target, kind), pixel(image.float(), target.float(), kind))


@quick
@given(numbers, st.floats(-30, 30, width=32), st.floats(0, 1))
def test_pixel_losses_are_torchs(values, other, weight):
    a, b = tensor(values), torch.full((len(values),), other)
    assert torch.allclose(l1(a, b), F.l1_loss(a, b)) and torch.allclose(l2(a, b), F.mse_loss(a, b))
    assert torch.allclose(mix(a, b, weight), weight * F.l1_loss(a, b) + (1 - weight) * F.mse_loss(a, b), rtol=1e-4)
    assert torch.equal(l1(a, b), l1(b, a)) and l1(a, a) == l2(a, a) == mix(a, a) == 0


def test_mix_goes_from_l2_to_l1():
    a, b = torch.tensor([0.0, 3.0]), torch.tensor([1.0, 1.0])  # L1 1.5, L2 2.5
    assert [mix(a, b, w).item() for w in (0, 0.2, 1)] == pytest.approx([2.5, 2.3, 1.5])
    assert [pixel(a, b, kind).item() for kind in ("l1", "l2", "mix")] == pytest.approx([1.5, 2.5, 2.0])
    assert pixel(a, b).item() == 1.5, "L1 unless told otherwise"


GRID = torch.linspace(-1, 1, 2001)


def best_constant(loss, sample):
    """The one value that fits a sample best, by trying them all."""
    return GRID[torch.stack([loss(g.expand_as(sample), sample) for g in GRID]).argmin()].item()


def test_l1_is_minimised_by_the_median_and_l2_by_the_mean():
    sample = torch.tensor([-0.9, -0.5, -0.4, 0.1, 0.95])
    assert best_constant(l1, sample) == pytest.approx(-0.4, abs=2e-3)
    assert best_constant(l2, sample) == pytest.approx(-0.15, abs=2e-3)
    assert -0.4 + 2e-3 < best_constant(mix, sample) < -0.15 - 2e-3


@pytest.mark.parametrize("share", [0.6, 0.75])
def test_of_two_modes_l1_takes_the_larger_and_l2_neither(share):
    sample = torch.full((20,), -0.8)
    sample[: int(20 * share)] = 0.8
    assert best_constant(l1, sample) == pytest.approx(0.8, abs=2e-3)
    assert best_constant(l2, sample) == pytest.approx(0.8 * (2 * share - 1), abs=2e-3)


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 1, 4, 4), (2, 3, 4, 1), (3, 4, 4), ()])
def test_pixel_refuses_shapes_that_would_broadcast(shape):
    with pytest.raises(ValueError, match=r"shapes \(2, 3, 4, 4\) and .*must agree"):
        pixel(torch.zeros(2, 3, 4, 4), torch.zeros(shape))


def test_unknown_names_are_refused_with_the_known_ones():
    x = torch.zeros(2)
    with pytest.raises(ValueError, match="pixel loss 'L1' is unknown: choose one of l1, l2, mix"):
        pixel(x, x, "L1")
    for call in (lambda: d_adversarial(x, x, "wgan"), lambda: g_adversarial(x, "wgan")):
        with pytest.raises(ValueError, match="GAN loss 'wgan' is unknown: choose one of bce, lsgan, hinge"):
            call()


@quick
@given(st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=6))
def test_total_is_the_sum_of_the_terms(values):
    terms = {str(i): torch.tensor(v, requires_grad=True) for i, v in enumerate(values)}
    assert total(terms).item() == pytest.approx(sum(values), abs=1e-4)
    assert all(g == 1 for g in torch.autograd.grad(total(terms), list(terms.values())))


def two_maps(images):  # a pointwise feature, and one that sees edges
    return [images * 2, (images[..., 1:] - images[..., :-1]).abs()]


def test_perceptual_is_the_weighted_sum_of_mean_differences_of_features():
    x, y = torch.randn(2, 3, 3, 8, 8, dtype=torch.float64)
    wanted = [(a - b).abs().mean().item() for a, b in zip(two_maps(x), two_maps(y), strict=True)]
    assert perceptual(two_maps, x, y).item() == pytest.approx(sum(wanted), rel=1e-12)
    weighted = perceptual(two_maps, x, y, (0.25, 3)).item()
    assert weighted == pytest.approx(0.25 * wanted[0] + 3 * wanted[1], rel=1e-12)
    assert perceptual(two_maps, x, x).item() == 0


def test_perceptual_moves_the_image_and_never_the_target():
    x, y = (torch.randn(1, 3, 8, 8, requires_grad=True) for _ in range(2))
    perceptual(two_maps, x, y).backward()
    assert x.grad.abs().sum() > 0 and y.grad is None


def test_perceptual_needs_a_weight_for_each_layer():
    with pytest.raises(ValueError, match="3 weights for 2 feature maps"):
        perceptual(two_maps, torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8), (1, 1, 1))


def test_feature_matching_sums_layers_averages_scales_and_leaves_the_real_side_alone():
    shapes = [(2, 4, 8, 8), (2, 8, 4, 4)], [(2, 4, 4, 4), (2, 8, 2, 2)]
    fake, real = ([[torch.randn(s, requires_grad=True) for s in scale] for scale in shapes] for _ in range(2))
    by_hand = [[(a - b).abs().mean() for a, b in zip(f, r, strict=True)] for f, r in zip(fake, real, strict=True)]
    loss = feature_matching(fake, real)
    assert loss.item() == pytest.approx((sum(by_hand[0]) + sum(by_hand[1])).item() / 2, rel=1e-6)
    loss.backward()
    assert all(a.grad.abs().sum() > 0 for scale in fake for a in scale)
    assert all(b.grad is None for scale in real for b in scale)
    assert feature_matching(real, real).item() == 0


def test_feature_matching_refuses_discriminators_of_different_depth():
    a = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match=r"\[2\] and \[1\]"):
        feature_matching([[a, a]], [[a]])
    with pytest.raises(ValueError, match="differ"):
        feature_matching([], [])


def test_kl_is_torchs_for_every_image():
    mu, logvar = torch.randn(2, 5, 8, dtype=torch.float64)
    normal = torch.distributions.Normal
    wanted = torch.distributions.kl_divergence(
        normal(mu, (0.5 * logvar).exp()), normal(torch.zeros_like(mu), torch.ones_like(mu))
    )
    assert torch.allclose(kl(mu, logvar), wanted.sum(1))
    assert torch.equal(kl(torch.zeros(2, 3), torch.zeros(2, 3)), torch.zeros(2))


def test_r1_of_a_linear_critic_is_half_its_squared_weights():
    weight = torch.randn(3, 8, 8, dtype=torch.float64)
    real = torch.randn(4, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    logits = (real * weight).flatten(1).sum(1, keepdim=True)
    assert r1(logits, real).item() == pytest.approx(0.5 * weight.square().sum().item(), rel=1e-12)


def test_r1_reaches_the_critics_weights_and_ignores_how_often_a_logit_is_repeated():
    critic = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Softplus(), torch.nn.Conv2d(4, 1, 6)).double()
    real = torch.randn(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)
    logits = critic(real)
    penalty = r1(logits, real)
    assert r1(critic(real).expand(-1, 1, 5, 5), real).item() == pytest.approx(penalty.item(), rel=1e-9)
    gradients = torch.autograd.grad(penalty, [p for p in critic.parameters() if p.ndim > 1])
    assert all(g.abs().sum() > 0 for g in gradients)


def test_r1_of_images_without_a_gradient_says_what_is_missing():
    with pytest.raises(ValueError, match="requires_grad_"):
        r1(torch.zeros(2, 1), torch.zeros(2, 3, 8, 8))
