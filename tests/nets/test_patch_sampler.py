"""The patch sampler takes the same places everywhere, the features that are there, and puts them on a sphere."""

import pytest
import torch

from gritlib.nets import PatchSampler
from gritlib.nets.patch_sampler import normalise, sample_patches

# Every feature tells where it is: image, channel, row, column.
PLACED = torch.stack(torch.meshgrid(*(torch.arange(float(n)) for n in (2, 3, 4, 5)), indexing="ij"))  # (4, 2, 3, 4, 5)
MAPS = [PLACED[3] + 10 * PLACED[2] + 100 * PLACED[1] + 1000 * PLACED[0], torch.randn(2, 2, 6, 7)]


def test_places_are_rows_times_width_plus_column():
    (patches, _), _ = sample_patches(MAPS, 4, [torch.tensor([0, 4, 5, 13]), torch.tensor([1])])
    wanted = torch.tensor([[0, 0], [0, 4], [1, 0], [2, 3]])  # row, column
    for image in range(2):
        for s, (row, column) in enumerate(wanted.tolist()):
            assert torch.equal(patches[image, s], MAPS[0][image, :, row, column])


def test_places_are_different_the_same_for_all_images_and_drawn_anew_for_each_layer():
    patches, places = sample_patches([MAPS[0], MAPS[0]], 12)
    assert [tuple(p.shape) for p in patches] == [(2, 12, 3)] * 2 and [len(set(p.tolist())) for p in places] == [12, 12]
    assert places[0].dtype == torch.int64 and not torch.equal(*places)
    assert torch.equal(patches[0][1] - patches[0][0], torch.full((12, 3), 1000.0)), "one place in both images"
    assert torch.equal(patches[0][0, :, 0], (places[0] // 5 * 10 + places[0] % 5).float())


def test_every_place_comes_up_equally_often():
    counts = torch.zeros(20)
    for _ in range(2000):
        counts[sample_patches(MAPS[:1], 5)[1][0]] += 1
    # 500 each, binomial with p = 1/4: σ = 19.4
    assert (counts - 500).abs().max() < 4.5 * 19.4 and counts.sum() == 10_000


def test_a_layer_with_fewer_places_gives_all_of_them():
    patches, places = sample_patches(MAPS, 40)
    assert [p.shape[1] for p in patches] == [20, 40]
    assert sorted(places[0].tolist()) == list(range(20))


def test_places_of_an_earlier_call_are_taken_again_and_nothing_is_drawn():
    sampler, state = PatchSampler((3, 2), 4), torch.get_rng_state()
    first, places = sampler(MAPS, 6)
    assert not torch.equal(torch.get_rng_state(), state)
    state = torch.get_rng_state()
    second, again = sampler(MAPS, 999, places)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(first + places, second + again, strict=True))


def test_a_generator_decides_the_places_and_leaves_torchs_own_state_alone():
    state = torch.get_rng_state()
    places = [sample_patches(MAPS, 6, generator=torch.Generator().manual_seed(seed))[1] for seed in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(places[0][0], places[1][0]) and not torch.equal(places[0][0], places[2][0])


def test_embeddings_are_each_layers_own_head_on_its_patches_at_unit_length():
    torch.manual_seed(0)
    sampler = PatchSampler((3, 2), 4)
    embeddings, places = sampler(MAPS, 6)
    patches, _ = sample_patches(MAPS, 6, places)
    for v, p, head in zip(embeddings, patches, sampler.heads, strict=True):
        w1, b1, w2, b2 = head.parameters()
        raw = (p @ w1.T + b1).relu() @ w2.T + b2
        assert v.shape == (2, 6, 4)
        assert torch.allclose(v, raw / raw.square().sum(-1, keepdim=True).sqrt(), atol=1e-6)
    assert [tuple(p.shape) for p in sampler.parameters()][:4] == [(4, 3), (4,), (4, 4), (4,)]


def test_a_number_of_layers_that_differs_is_refused():
    for features in (MAPS[:1], [*MAPS, MAPS[1]]):
        with pytest.raises(ValueError, match="zip"):
            PatchSampler((3, 2), 4)(features, 5)
    with pytest.raises(ValueError, match="zip"):
        sample_patches(MAPS, 5, [torch.tensor([0])])


def test_gradients_reach_the_places_taken_and_no_others():
    features = [m.clone().requires_grad_() for m in MAPS]
    sampler = PatchSampler((3, 2), 4)
    embeddings, places = sampler(features, 6)
    sum((v * torch.randn_like(v)).sum() for v in embeddings).backward()
    for f, p in zip(features, places, strict=True):
        touched = f.grad.abs().sum((0, 1)).flatten() > 0
        assert sorted(touched.nonzero().flatten().tolist()) == sorted(p.tolist())
    assert all(w.grad.abs().sum() > 0 for w in sampler.parameters())


def test_normalise_forgets_the_length_alone_and_leaves_zero_at_zero():
    v = torch.tensor([[3.0, -4.0], [1e-3, 0.0], [0.0, 0.0]], requires_grad=True)
    out = normalise(v)
    assert torch.allclose(out, torch.tensor([[0.6, -0.8], [1.0, 0.0], [0.0, 0.0]]))
    assert torch.allclose(normalise(1e4 * v), out)
    out.square().sum().backward()
    assert v.grad.isfinite().all() and v.grad.abs().max() < 1e-3, "the length has no gradient"
    assert normalise(v.double()).dtype == torch.float64


def test_half_precision_features_are_compared_at_full_length():
    sampler = PatchSampler((3, 2), 8)
    with torch.autocast("cpu", torch.bfloat16):
        embeddings, _ = sampler(MAPS, 6)
    assert all(v.dtype == torch.float32 and (v.norm(dim=-1) - 1).abs().max() < 1e-6 for v in embeddings)
