"""Between two networks: the weighted sum is exact at its ends, what does not fit is named, and batch norm's statistics
are those of the new weights."""

import copy
import warnings

import pytest
import torch

from gritlib.interpolation import blend, interpolate, similarity
from gritlib.methods import build


def state(seed: int) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {"w": torch.randn(3, 2, generator=g), "half": torch.randn(5, generator=g).half(), "n": torch.tensor(seed)}


def small(seed: int, name: str = "grit", **options):
    torch.manual_seed(seed)
    own = {"grit": {"width": 4, "depth": 2, "d_width": 4}, "cyclegan": {"width": 4, "blocks": 1, "d_width": 4}}[name]
    return build(name, {"in_channels": 3, "out_channels": 3, **own, **options}).eval()


def nets_of(method) -> dict[str, torch.Tensor]:
    return {key: value for key, value in method.state_dict().items() if not key.startswith("D")}


@pytest.mark.parametrize("alpha", [0.25, 0.5, 0.9])
def test_it_is_the_weighted_sum_in_the_type_of_the_weights(alpha):
    a, b = state(1), state(2)
    kept = copy.deepcopy((a, b))
    made = interpolate(a, b, alpha)
    for key in ("w", "half"):
        wanted = (1 - alpha) * a[key].double() + alpha * b[key].double()
        assert made[key].dtype == a[key].dtype
        assert torch.allclose(made[key].double(), wanted, atol=1e-7 if key == "w" else 1e-3)
    assert made["n"] == (1 if alpha < 0.5 else 2), "a count is that of the nearer network"
    for before, after in zip(kept, (a, b), strict=True):
        assert all(torch.equal(before[key], after[key]) for key in before), "neither state dict is changed"


@pytest.mark.parametrize("alpha", [0, 1, 0.0, 1.0])
def test_the_ends_are_the_networks_themselves_and_no_views_of_them(alpha):
    ends = state(1), state(2)
    made = interpolate(*ends, alpha)
    for key, value in ends[int(alpha)].items():
        assert torch.equal(made[key], value) and made[key].data_ptr() != value.data_ptr()
    with_infinity = {"w": torch.tensor([float("inf")])}, {"w": torch.tensor([2.0])}
    assert interpolate(*with_infinity, 1)["w"].item() == 2.0


def test_beyond_the_ends_the_line_goes_on_with_a_warning():
    a, b = {"w": torch.tensor([1.0])}, {"w": torch.tensor([3.0])}
    for alpha, wanted in ((-0.5, 0.0), (1.5, 4.0)):
        with pytest.warns(UserWarning, match=f"alpha = {alpha:g} lies outside of \\[0, 1\\]"):
            assert interpolate(a, b, alpha)["w"].item() == wanted
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        interpolate(a, b, 0.3)


def test_what_does_not_fit_is_named():
    a = state(1)
    with pytest.raises(ValueError, match="only the first network has w: both must have one architecture"):
        interpolate(a, {key: a[key] for key in ("half", "n")}, 0.5)
    with pytest.raises(ValueError, match="only the second network has k0, k1, k2 and 2 more"):
        interpolate(a, a | {f"k{i}": a["w"] for i in range(5)}, 0.5)
    with pytest.raises(ValueError, match=r"w has shape \(3, 2\) in the first network and \(2, 3\) in the second"):
        interpolate(a, a | {"w": a["w"].T}, 0.5)
    with pytest.raises(ValueError, match=r"w has type torch.float32 in the first .* torch.float16 .*\.float\(\)"):
        interpolate(a, a | {"w": a["w"].half()}, 0.5)
    for alpha in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"alpha = {alpha}"):
            interpolate(a, a, alpha)


def test_a_blend_translates_with_weights_between_and_leaves_both_alone():
    a, b = small(0), small(1)
    kept = [copy.deepcopy(method.state_dict()) for method in (a, b)]
    A = torch.rand(2, 3, 16, 16) * 2 - 1
    middle = blend(a, b, 0.25)
    wanted = interpolate(nets_of(a), nets_of(b), 0.25)
    assert all(torch.equal(middle.state_dict()[key], value) for key, value in wanted.items())
    assert not middle.training
    for alpha, end in ((0, a), (1, b)):
        assert torch.equal(blend(a, b, alpha).translate(A, noise=1).image, end.translate(A, noise=1).image)
    for method, before in zip((a, b), kept, strict=True):
        assert all(torch.equal(method.state_dict()[key], value) for key, value in before.items())


def test_discriminators_may_differ():
    a, b = small(0), small(1, d_layers=3)
    assert all(torch.equal(p, q) for p, q in zip(blend(a, b, 0.5).D.parameters(), a.D.parameters(), strict=True))


def test_batch_norm_needs_batches_and_gets_the_statistics_of_the_new_weights():
    a, b = (small(seed, "cyclegan", norm="batch") for seed in (0, 1))
    with pytest.raises(ValueError, match=r"batch norm, whose running statistics .* training batches"):
        blend(a, b, 0.5)
    batches = [{"A": torch.randn(4, 3, 16, 16), "B": torch.randn(4, 3, 16, 16)} for _ in range(3)]
    middle = blend(a, b, 0.5, batches)
    seen = []
    first = next(m for m in middle.G.modules() if isinstance(m, torch.nn.BatchNorm2d))
    hook = first.register_forward_pre_hook(lambda module, given: seen.append(given[0].mean((0, 2, 3))))
    for batch in batches:
        middle.translate(batch["A"])
    hook.remove()
    assert torch.allclose(first.running_mean, torch.stack(seen).mean(0), atol=1e-5)
    assert first.running_mean.abs().max() > 1e-4 and not middle.training


def test_another_method_or_architecture_is_refused():
    a = small(0)
    with pytest.raises(ValueError, match="first network is grit, the second cyclegan"):
        blend(a, small(0, "cyclegan"), 0.5)
    for act in (lambda other: blend(a, other, 0.5), lambda other: similarity(a, other)):
        with pytest.raises(ValueError, match="has shape"):
            act(small(0, width=6))


def test_the_similarity_tells_a_fine_tuned_copy_from_a_stranger():
    a, stranger = small(0), small(1)
    tuned = copy.deepcopy(a)
    with torch.no_grad():
        for p in tuned.parameters():
            p += 0.1 * p.std(unbiased=False) * torch.randn_like(p)
    assert similarity(a, a) == pytest.approx(1, abs=1e-9)
    assert similarity(a, tuned) == pytest.approx(1 / (1 + 0.1**2) ** 0.5, abs=0.01)
    assert abs(similarity(a, stranger)) < 0.1
    with torch.no_grad():
        for p in stranger.parameters():
            if p.ndim < 2:
                p += 100
    assert abs(similarity(a, stranger)) < 0.1, "biases and scales do not count"
