"""The history of images: it fills, then trades half of the time, holds no graph, and belongs to the state."""

import pytest
import torch
from scipy import stats

from gritlib.methods.pool import ImagePool


def numbered(first, count=1, size=2):
    """Images that carry their number in every pixel."""
    return torch.arange(first, first + count, dtype=torch.float32).view(-1, 1, 1, 1).expand(count, 3, size, size)


def numbers(images):
    return images[:, 0, 0, 0].int().tolist()


def filled(size):
    pool = ImagePool(size)
    pool(numbered(0, size))
    return pool


def test_while_it_fills_images_pass_unchanged_and_draw_nothing():
    pool, state = ImagePool(), torch.get_rng_state()
    for n in range(0, 48, 4):
        assert numbers(pool(numbered(n, 4))) == [n, n + 1, n + 2, n + 3]
    assert pool.size == 50 and len(pool.images) == 48 and torch.equal(torch.get_rng_state(), state)
    out = numbers(pool(numbered(48, 4)))
    assert out[:2] == [48, 49], "the last two places"
    assert len(pool.images) == 50 and not torch.equal(torch.get_rng_state(), state)


def test_it_never_holds_more_and_what_it_hands_out_is_new_or_was_stored():
    pool, held = filled(50), set(range(50))
    for n in range(50, 450, 2):
        handed = numbers(pool(numbered(n, 2)))
        held |= {n, n + 1}
        assert set(handed) <= held and len(handed) == len(set(handed)) == 2
        held -= set(handed)
        assert set(numbers(pool.images)) == held and len(pool.images) == 50, "every image is either held or handed out"


def test_half_of_the_time_an_old_image_comes_back_and_every_slot_equally_often():
    pool, draws, slots = filled(10), 4000, [0] * 10
    for n in range(10, 10 + draws):
        before = numbers(pool.images)
        (handed,) = numbers(pool(numbered(n)))
        if handed == n:
            assert numbers(pool.images) == before
        else:
            slot = before.index(handed)
            slots[slot] += 1
            assert numbers(pool.images) == [*before[:slot], n, *before[slot + 1 :]]
    low, high = stats.binom.interval(0.999, draws, 0.5)
    assert low <= sum(slots) <= high
    assert stats.chisquare(slots).pvalue > 0.001


def test_what_it_hands_out_has_no_graph_and_shares_no_memory():
    pool, images = ImagePool(3), torch.rand(2, 3, 4, 4, requires_grad=True)
    first = pool(2 * images)
    assert not first.requires_grad and not pool.images.requires_grad
    assert torch.equal(first, 2 * images)
    given = torch.rand(4, 3, 4, 4)
    kept = given.clone()
    pool.images[0] = 9.0
    assert torch.equal(first, 2 * images)
    handed = pool(given)
    known = [*kept, *(2 * images.detach()), torch.full((3, 4, 4), 9.0)]
    for tensor in (handed, given):
        tensor.zero_()
    assert all(any(torch.equal(image, other) for other in known) for image in pool.images)


def test_an_exchanged_image_survives_its_slot():
    pool = filled(1)
    while (handed := pool(numbered(7))).max() == 7:
        pass  # until the coin says to exchange
    assert numbers(handed) == [0] and numbers(pool.images) == [7]


def test_without_size_every_image_passes_and_nothing_is_kept():
    pool, images = ImagePool(0), torch.rand(3, 3, 4, 4, requires_grad=True)
    state = torch.get_rng_state()
    for _ in range(3):
        assert torch.equal(pool(images), images) and not pool(images).requires_grad
    assert pool.images.numel() == 0 and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("held", [0, 2, 3])
def test_a_fresh_pool_goes_on_where_the_stored_one_was(held):
    pool = ImagePool(3)
    if held:
        pool(numbered(0, held))
    state = pool.state_dict()
    assert list(state) == ["images"]
    twin = ImagePool(3)
    twin.load_state_dict({key: value.clone() for key, value in state.items()})
    outs = []
    for p in (pool, twin):
        torch.manual_seed(4)
        outs.append(torch.cat([p(numbered(10 + 2 * i, 2)) for i in range(9)]))
    assert torch.equal(*outs) and torch.equal(pool.images, twin.images)


def test_loading_replaces_a_fuller_pool_inside_a_larger_module():
    nets = [torch.nn.ModuleDict({"pool": ImagePool(4)}) for _ in range(2)]
    nets[0]["pool"](numbered(0, 2))
    nets[1]["pool"](numbered(50, 4, size=8))
    nets[1].load_state_dict(nets[0].state_dict(), strict=True)
    assert numbers(nets[1]["pool"].images) == [0, 1] and nets[1]["pool"].images.shape == (2, 3, 2, 2)


def test_another_size_of_image_begins_anew():
    pool = filled(3)
    assert pool(numbered(5, 2, size=8)).shape == (2, 3, 8, 8)
    assert numbers(pool.images) == [5, 6] and pool.images.shape == (2, 3, 8, 8)


def test_a_negative_size_is_refused():
    with pytest.raises(ValueError, match="pool of -1 images: choose 0 for none, 50 as in the paper"):
        ImagePool(-1)
