"""The one-pixel laboratory: its closed forms against samples, what each arm may see and touch, and the trend."""

import math

import pytest
import torch

from gritlib import laboratory, losses
from gritlib.laboratory import ARMS, DETAILS, SIGMA, Candidate, Output, Truth, feasible, measure, mlp, train, twin

TRUTHS = [
    *map(Truth, DETAILS),
    Truth("two-mode", p=0.3, gap=1.2),
    Truth("freckle", p=0.05, gap=1.0),
    Truth("freckle", p=0.5),
]
every_truth = pytest.mark.parametrize("truth", TRUTHS, ids=lambda t: f"{t.detail} {t.p:g} {t.gap:g}")
N = 400_000


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def near(samples, expected):
    """Their mean lies within four standard errors of what was expected."""
    return abs(samples.mean().item() - expected) <= 4 * samples.std().item() / math.sqrt(len(samples)) + 1e-9


def at(x, n=N):
    return torch.full((n,), x, dtype=torch.float64)


@every_truth
def test_mean_median_and_std_are_those_of_samples(truth):
    x = at(0.3)
    y = truth.sample(x, generator())
    assert near(y, truth.mean(x[:1]).item())
    assert near((y - truth.mean(x)).square(), truth.std**2)
    below, above = ((y <= truth.median(x)).double(), (y >= truth.median(x)).double())
    assert below.mean() >= 0.497 and above.mean() >= 0.497


@every_truth
def test_l1_of_an_answer_is_the_mean_over_samples_and_least_at_the_median(truth):
    x = at(-0.7)
    y, middle = truth.sample(x, generator()), truth.median(x[:1])
    for shift in (-0.8, -0.2, 0.0, 0.1, 0.9):
        assert near((y - middle - shift).abs(), truth.l1(middle + shift, x[:1]).item())
    answers = torch.linspace(-2, 2, 401, dtype=torch.float64) + middle
    assert truth.l1(answers, x[:1]).min().item() == pytest.approx(truth.best_l1, abs=1e-9)


@every_truth
def test_a_perfect_sampler_pays_the_price(truth):
    x = at(0.1)
    y, other = truth.sample(x, generator()), truth.sample(x, generator(1))
    assert near((y - other).abs(), truth.best_l1 * truth.price)
    # In squares it is twice the least possible whatever the detail: −3.01 dB.
    assert near((y - other).square(), 2 * truth.std**2)
    assert -10 * math.log10(2) == pytest.approx(-3.01, abs=0.001)


def test_the_printed_closed_forms():
    a = SIGMA * math.sqrt(3)
    printed = {
        Truth("gaussian"): (SIGMA * math.sqrt(2 / math.pi), 2 * SIGMA / math.sqrt(math.pi)),
        Truth("uniform"): (a / 2, 2 * a / 3),
        Truth("two-mode"): (0.45, 0.45),
        Truth("two-mode", p=0.3, gap=1.0): (0.3, 0.42),
        Truth("freckle", p=0.05, gap=1.0): (0.05, 0.095),
    }
    for truth, (best, perfect) in printed.items():
        assert (truth.best_l1, truth.best_l1 * truth.price) == pytest.approx((best, perfect), rel=1e-12)
    assert [Truth(d).price for d in DETAILS] == pytest.approx([math.sqrt(2), 4 / 3, 1.0, 1.6])


def test_between_two_equally_likely_values_l1_is_flat_and_l2_is_not():
    truth, x = Truth("two-mode"), torch.zeros(19, dtype=torch.float64)
    answers = torch.linspace(-0.45, 0.45, 19, dtype=torch.float64)
    assert torch.allclose(truth.l1(answers, x), torch.full_like(x, 0.45))
    assert (answers.square() + 0.45**2).argmin() == 9


@every_truth
def test_quantiles_are_those_of_samples(truth):
    detail = truth.sample(at(0.0), generator())
    for q in (0.02, 0.25, 0.47, 0.77, 0.98):  # none where a share of the samples is a step
        expected = truth.quantile(torch.tensor([q], dtype=torch.float64)).item()
        assert torch.quantile(detail[:100_000], q).item() == pytest.approx(expected, abs=0.02)


@every_truth
def test_the_twin_pays_exactly_that_and_its_distance_is_the_floor(truth):
    numbers = measure(twin(truth))
    assert numbers["std"] == pytest.approx(truth.std, rel=0.03) and numbers["true_std"] == truth.std
    assert numbers["L1_reconstruction"] == pytest.approx(truth.best_l1, rel=1e-5)
    assert numbers["ratio"] == pytest.approx(truth.price, rel=0.03)
    assert numbers["noise_in_reconstruction"] < 1e-7
    assert 0 < numbers["W1"] < 0.02  # falls as 1/√draws
    assert measure(twin(truth), draws=16_000)["W1"] == pytest.approx(numbers["W1"] / 4, rel=0.25)


def test_w1_is_the_size_of_a_shift():
    truth = Truth()

    def shifted(x, g):
        y = truth.sample(x, g) + 0.5
        return Output(y, y)

    assert measure(Candidate(truth, shifted))["W1"] == pytest.approx(0.5, abs=0.01)


@every_truth
def test_the_feasible_curve_runs_from_the_best_l1_to_the_perfect_sampler(truth):
    start, *middle, end = (measure(feasible(alpha, truth)) for alpha in (0, 0.25, 0.5, 0.75, 1))
    assert start["L1"] == pytest.approx(truth.best_l1, rel=1e-5) and start["std"] < 1e-7
    assert end == measure(twin(truth))
    distances = [start["W1"], *(m["W1"] for m in middle), end["W1"]]
    assert distances == sorted(distances, reverse=True)
    for alpha, m in zip((0.25, 0.5, 0.75), middle, strict=True):
        assert m["std"] == pytest.approx(alpha * truth.std, rel=0.03)
        if truth.detail == "gaussian":
            assert m["L1"] == pytest.approx(truth.best_l1 * math.sqrt(1 + alpha**2), rel=0.01)


def test_l1_drives_the_weight_of_gaussian_noise_to_zero():
    """E|m + w·n − y|: n and y − m are independent, so for Gaussians it is √(σ² + w²)·√(2/π), least at w = 0."""
    truth, x = Truth(), at(0.2)
    noise = torch.randn(N, generator=generator(), dtype=torch.float64)
    weights = torch.linspace(-1, 1, 21, dtype=torch.float64)
    expected = torch.sqrt(SIGMA**2 + weights**2) * math.sqrt(2 / math.pi)
    assert expected.argmin() == 10
    for w, value in zip(weights, expected, strict=True):
        assert near(truth.l1(laboratory.smooth(x) + w * noise, x), value.item())
    w = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(truth.l1(laboratory.smooth(x) + w * (noise - noise.mean()), x).mean(), w)
    assert abs(slope.item()) < 1e-12


def test_l1_does_not_mind_noise_of_two_values_between_two_modes():
    truth = Truth("two-mode", gap=2.0)
    for w in (0.0, 0.5, 1.0):
        paid = [truth.l1(torch.tensor([sign * w]), torch.zeros(1)).item() for sign in (-1, 1)]
        assert sum(paid) / 2 == pytest.approx(1.0, abs=1e-6)
    assert truth.l1(torch.tensor([1.5]), torch.zeros(1)).item() > 1.4


@pytest.mark.parametrize("name", ARMS)
def test_every_arm_trains_repeats_itself_and_leaves_the_global_random_state_alone(name):
    before = torch.random.get_rng_state()
    runs = [train(name, steps=6, seed=seed) for seed in (3, 3, 4)]
    assert torch.equal(torch.random.get_rng_state(), before)
    first, second, other = (measure(run, draws=20) for run in runs)
    assert first == second != other and all(map(math.isfinite, first.values()))
    x = torch.linspace(-1, 1, 7)
    image, reconstruction = runs[0].draw(x, 5, generator())
    assert image.shape == reconstruction.shape == (5, 7) and not image.requires_grad
    assert torch.equal(image, reconstruction) == (name != "grit")
    assert (first["std"] > 0) == ARMS[name].noise


def test_a_trained_arm_answers_the_same_x_alone_or_among_others():
    run = train("l1", steps=6)
    x = torch.linspace(-1, 1, 7)
    assert torch.allclose(run.draw(x, 2, generator()).image[:, 3:4], run.draw(x[3:4], 2, generator()).image)


def test_no_pixel_loss_reaches_the_residual_head():
    G = train("grit", steps=2).answer
    x = torch.linspace(-1, 1, 9)
    G.zero_grad()
    losses.l1(G(x, generator()).reconstruction, Truth().sample(x, generator())).backward()
    assert G.residual.weight.grad is None and G.residual.bias.grad is None
    assert G.reconstruction.weight.grad.abs().sum() > 0 and G.body[0].weight.grad.abs().sum() > 0
    G.zero_grad()
    losses.l1(G(x, generator()).image, x).backward()
    assert G.residual.weight.grad.abs().sum() > 0


def test_the_weight_of_the_pixel_loss_and_the_detail_matter():
    numbers = [measure(train("grit", *more, steps=6), draws=20)["L1"] for more in ((), ("uniform",))]
    numbers.append(measure(train("grit", steps=6, pixel_weight=30.0), draws=20)["L1"])
    assert len(set(numbers)) == 3


def test_only_the_unconditional_discriminator_does_not_see_x(monkeypatch):
    seen = []
    monkeypatch.setattr(laboratory, "mlp", lambda inputs, outputs=1: seen.append(inputs) or mlp(inputs, outputs))
    for name, sizes in {"gan": [5, 1], "cgan": [5, 2], "grit": [5, 2], "l1": [1, 1]}.items():
        seen.clear()
        train(name, steps=1)
        assert seen == sizes, name


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: train("pix2pix"), ["pix2pix", *ARMS]),
        (lambda: train("l1", "laplace"), ["laplace", *DETAILS]),
        (lambda: twin("laplace"), list(DETAILS)),
        (lambda: Truth("two-mode", p=0.7), ["p = 0.7", "at most 0.5"]),
        (lambda: Truth("freckle", p=0.0), ["p = 0.0", "above 0"]),
        (lambda: Truth("freckle", gap=-1.0), ["gap = -1.0", "above 0"]),
        (lambda: Truth("gaussian", p=0.2), ["gaussian", "neither"]),
        (lambda: Truth("uniform", gap=0.2), ["uniform", "neither"]),
    ],
)
def test_errors_say_what_works(make, words):
    with pytest.raises(ValueError) as caught:
        make()
    assert all(word in str(caught.value) for word in words), caught.value


def test_regression_finds_median_and_mean():
    """Where they differ, L1 answers with the one and L2 with the other."""
    truth = Truth("freckle", p=0.3, gap=1.0)
    x = torch.linspace(-0.9, 0.9, 19)
    for name, best, other in (("l1", truth.median, truth.mean), ("l2", truth.mean, truth.median)):
        answer = train(name, truth, steps=600).draw(x, 1, generator()).image[0]
        assert (answer - best(x)).abs().mean() < 0.1 < 0.2 < (answer - other(x)).abs().mean()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_grit_draws_what_the_coupled_loss_suppresses(seed):
    """Six seeds: GRIT's std is 1.79 times the coupled one's, standard deviation 0.08, and its ratio 1.41 ± 0.03."""
    coupled, grit = (measure(train(name, seed=seed)) for name in ("coupled", "grit"))
    assert grit["std"] > 1.35 * coupled["std"]
    assert abs(grit["ratio"] - math.sqrt(2)) < 0.15
    assert grit["W1"] < coupled["W1"] / 2 and grit["noise_in_reconstruction"] < 0.06


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_the_coupled_loss_suppresses_nothing_between_equal_modes_and_all_between_unequal_ones(seed):
    """Six seeds: 0.94 of the true std with p = 0.5, 0.03 of it with p = 0.3."""
    equal, unequal = (measure(train("coupled", Truth("two-mode", p=p), seed=seed)) for p in (0.5, 0.3))
    assert equal["std"] > 0.85 * equal["true_std"] and unequal["std"] < 0.2 * unequal["true_std"]
