"""PatchNCE against torch's cross-entropy and a slow sum, its closed forms, and what it does not depend on."""

import math

import pytest
import torch
from torch.nn import functional as F

from gritlib.losses import patch_nce


def unit(*shape, dtype=torch.float64):
    return F.normalize(torch.randn(*shape, dtype=dtype), dim=-1)


@pytest.fixture
def patches():
    """Queries and keys of 3 images with 5 patches, and 7 patches of other images."""
    torch.manual_seed(1)
    return unit(3, 5, 8), unit(3, 5, 8), unit(7, 8)


def by_hand(q, k, tau, others=None, internal=True):
    """The equation, one patch at a time."""
    rows = []
    for image, keys in zip(q, k, strict=True):
        row = []
        for s, v in enumerate(image):
            negatives = [keys[t] for t in range(len(keys)) if t != s] if internal else []
            negatives += list(others) if others is not None else []
            positive = math.exp((v @ keys[s]).item() / tau)
            row.append(-math.log(positive / (positive + sum(math.exp((v @ n).item() / tau) for n in negatives))))
        rows.append(row)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("tau", [0.07, 0.5])
@pytest.mark.parametrize("others, internal", [(False, True), (True, False), (True, True)])
def test_it_is_the_equation(patches, others, internal, tau):
    q, k, bank = patches
    bank = bank if others else None
    found = patch_nce(q, k, tau, bank, internal)
    assert found.shape == (3, 5) and torch.allclose(found, by_hand(q, k, tau, bank, internal), rtol=1e-10)


def test_it_is_torchs_cross_entropy_of_similarities(patches):
    q, k, _ = patches
    for image in range(3):
        wanted = F.cross_entropy(q[image] @ k[image].T / 0.07, torch.arange(5), reduction="none")
        assert torch.allclose(patch_nce(q, k)[image], wanted), "0.07 unless told otherwise"


def test_with_patches_all_alike_it_is_the_log_of_their_number():
    v = unit(1, 1, 8)
    q, bank = v.expand(2, 6, 8), v[0].expand(9, 8)
    for found, among in (
        (patch_nce(q, q), 6),
        (patch_nce(q, q, 0.07, bank, internal=False), 1 + 9),
        (patch_nce(q, q, 0.07, bank), 6 + 9),
    ):
        assert torch.allclose(found, torch.full((2, 6), math.log(among), dtype=torch.float64))


def test_partners_that_match_cost_nothing_and_swapped_ones_two_over_tau():
    k = torch.eye(4, dtype=torch.float64)[None]
    assert patch_nce(k, k, 0.05).max() < 1e-7
    assert patch_nce(-k, k, 0.5)[0, 0].item() == pytest.approx(math.log(1 + 3 * math.exp(2)))
    assert patch_nce(k.roll(1, 1), k, 0.01).min().item() == pytest.approx(100)


@pytest.mark.parametrize("internal", [True, False])
def test_the_gradient_is_the_softmax_minus_the_target(patches, internal):
    q, k, bank = (x.clone().requires_grad_() for x in patches)
    to_q, to_k, to_bank = torch.autograd.grad(patch_nce(q, k, 0.2, bank, internal).sum(), (q, k, bank))
    for b in range(3):
        for s in range(5):
            rows = torch.cat([k[b] if internal else k[b, s : s + 1], bank])
            share = F.softmax(rows @ q[b, s] / 0.2, 0) - F.one_hot(torch.tensor(s if internal else 0), len(rows))
            assert torch.allclose(to_q[b, s], share @ rows / 0.2)
    assert to_k.abs().min() > 0 and to_bank.abs().min() > 0, "what must not move is the caller's to detach"


def test_images_stand_for_themselves(patches):
    q, k, bank = patches
    order = torch.tensor([2, 0, 1])
    assert torch.allclose(patch_nce(q[order], k[order], 0.07, bank), patch_nce(q, k, 0.07, bank)[order])
    assert torch.allclose(patch_nce(q[:1], k[:1]), patch_nce(q, k)[:1]), "other images are no negatives"
    places = torch.tensor([4, 2, 0, 3, 1])
    assert torch.allclose(patch_nce(q[:, places], k[:, places]), patch_nce(q, k)[:, places])
    assert torch.allclose(patch_nce(q, k, 0.07, bank.flip(0)), patch_nce(q, k, 0.07, bank))


def test_half_precision_is_never_computed_with():
    torch.manual_seed(2)
    q, k, bank = unit(2, 20, 16).bfloat16(), unit(2, 20, 16).bfloat16(), unit(30, 16).bfloat16()
    for extra in (None, bank):
        wanted = patch_nce(q.float(), k.float(), 0.07, extra if extra is None else extra.float())
        assert torch.equal(patch_nce(q, k, 0.07, extra), wanted)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(patch_nce(q, k, 0.07, extra), wanted) and wanted.dtype == torch.float32


def test_what_has_no_negative_or_no_partner_is_refused(patches):
    q, k, _ = patches
    with pytest.raises(ValueError, match=r"queries \(3, 5, 8\) and keys \(3, 4, 8\) must have the same shape"):
        patch_nce(q, k[:, :4])
    with pytest.raises(ValueError, match="no negatives: internal is off and others is None"):
        patch_nce(q, k, internal=False)
