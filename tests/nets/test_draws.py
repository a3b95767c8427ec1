"""Numbers that belong to images: torch's own in one process, and in several each process has those of its images."""

import pytest
import torch
from torch import nn

from gritlib.nets import ResNetGenerator, UNet, draws
from gritlib.nets.grit import GRITGenerator
from gritlib.nets.spade import reparameterise

SHAPES = [(6, 5), (6, 1, 4, 4), (12,)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_one_process_draws_what_torch_draws(shape, dtype):
    torch.manual_seed(3)
    mine = draws.randn(shape, dtype=dtype)
    after = torch.get_rng_state()
    torch.manual_seed(3)
    assert torch.equal(mine, torch.randn(shape, dtype=dtype)) and torch.equal(after, torch.get_rng_state())
    torch.manual_seed(3)
    assert torch.equal(mine, torch.randn_like(mine))


@pytest.mark.parametrize("world", [2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_processes_have_the_numbers_of_one_between_them(shape, world):
    torch.manual_seed(3)
    whole, next_whole = draws.randn(shape), torch.rand(())
    for rank in range(world):
        torch.manual_seed(3)
        with draws.shared(rank, world):
            mine = draws.randn((shape[0] // world, *shape[1:]))
        assert torch.equal(mine, whole[rank::world])
        assert torch.equal(torch.rand(()), next_whole), "what follows must be the same everywhere"


@pytest.mark.parametrize("world", [1, 2, 3])
def test_a_dropout_mask_is_that_of_all_images(world):
    x = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(5)
    wanted = nn.Dropout(0.4)(x)
    for rank in range(world):
        torch.manual_seed(5)
        own = x[rank::world].clone().requires_grad_()
        with draws.shared(rank, world):
            found = draws.Dropout(0.4)(own)
        assert torch.allclose(found, wanted[rank::world], rtol=1e-6, atol=0)
        found.sum().backward()
        assert torch.equal(own.grad != 0, wanted[rank::world] != 0)


def test_dropout_rests_in_eval_mode_and_at_zero():
    x = torch.randn(2, 3)
    state = torch.get_rng_state()
    with draws.shared(1, 2):
        assert torch.equal(draws.Dropout(0.5).eval()(x), x) and torch.equal(draws.Dropout(0.0)(x), x)
    assert torch.equal(state, torch.get_rng_state())


def test_a_block_ends_even_by_an_error():
    with pytest.raises(KeyError), draws.shared(1, 2):
        raise KeyError
    torch.manual_seed(0)
    mine = draws.randn((4,))
    torch.manual_seed(0)
    assert torch.equal(mine, torch.randn(4))


def test_the_networks_draw_through_it():
    """Whatever a network draws for its images, two halves of a batch have the numbers of the whole."""
    torch.manual_seed(1)
    unet = UNet(3, 3, 2, 6, "instance", dropout=True).double()
    resnet = ResNetGenerator(3, 3, 2, 1, dropout=True).double()
    grit = GRITGenerator(3, 3, 4, 2, style_dim=0, noise_init=1.0).double()
    x = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    for net, answer in (
        (unet, unet),
        (resnet, resnet),
        (grit, lambda x: grit(x).image),
        (None, lambda x: reparameterise(x.mean((2, 3)), x.mean((2, 3)))),
    ):
        if net in (unet, resnet):
            assert any(isinstance(module, nn.Dropout) and module.p > 0 for module in net.modules())
        torch.manual_seed(2)
        whole, other = answer(x), answer(x)
        assert not torch.allclose(whole, other)
        for rank in (0, 1):
            torch.manual_seed(2)
            with draws.shared(rank, 2):
                assert torch.allclose(answer(x[rank::2]), whole[rank::2], rtol=0, atol=1e-9)
