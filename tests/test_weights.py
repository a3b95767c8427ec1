"""Shipped weights: every file loads, is small, has a card, and gives images; what is packed comes back."""

import pytest
import torch
from torch import nn

from gritlib import weights
from gritlib.backbones.segmenter import segmenter
from gritlib.data import catalog
from gritlib.methods import CycleGAN, CycleGANConfig
from gritlib.metrics import l1_255
from gritlib.nets import ResNetGenerator

LARGEST = 2_000_000


class Block(nn.Module):
    """A residual block as a student writes it: convolutions with a bias, norms named by hand."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__()
        self.norm2, self.norm1 = norm(channels), norm(channels)  # their order in the class is that of the copy
        self.norm1, self.norm2 = self.norm2, self.norm1
        self.conv1, self.conv2 = nn.Conv2d(channels, channels, 3), nn.Conv2d(channels, channels, 3)
        self.pad = nn.ReflectionPad2d(1)

    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


@pytest.fixture(scope="module")
def places():
    return catalog.load("earth", "test", 64).batch([37, 20, 60])


@pytest.mark.parametrize("name", weights.NAMES)
def test_every_file_is_small_described_and_loads(name):
    assert weights.path(name).stat().st_size < LARGEST and "CC0" in weights.CARDS[name]
    method = weights.load(name)
    assert not method.training and all(p.dtype == torch.float32 for p in method.parameters())


def test_cyclegans_translate_both_ways(places):
    method = weights.load("cyclegan-earth")
    image = method.translate(places["A"]).image
    assert image.isfinite().all() and l1_255(image, places["A"]).mean() > 5, "a translation, not a copy"
    assert not torch.equal(method.translate(places["A"]).image, method.inverse().translate(places["A"]).image)


@pytest.mark.parametrize("dataset", ["grove", "faces"])
def test_spades_paint_the_map_and_take_a_style(dataset):
    method, source = weights.load(f"spade-{dataset}"), catalog.load(dataset, "test", 64)
    batch = source.batch(range(8))
    found = segmenter(dataset)
    image = method.translate(batch["A"]).image
    right = (found.labels(image) == batch["label"]).float().mean()
    elsewhere = (found.labels(image) == batch["label"].roll(1, 0)).float().mean()
    assert right > elsewhere + 0.1, "the segmenter finds this map in it, not another one"
    own, other = (method.translate(batch["A"], style=batch["B"].roll(k, 0)).image for k in (0, 1))
    assert l1_255(own, batch["B"]).mean() < l1_255(other, batch["B"]).mean(), "the truth's style is nearer the truth"
    new = method.translate(batch["A"][:1].expand(4, -1, -1, -1), style=method.new_styles(4)).image
    assert l1_255(new[1:], new[:1].expand(3, -1, -1, -1)).min() > 1


def test_the_files_are_those_of_the_cards():
    found = {file.stem for file in weights.path(weights.NAMES[0]).parent.glob("*.pt")}
    assert found == set(weights.NAMES)


def test_unknown_weights_are_refused_by_name():
    with pytest.raises(ValueError, match=r"weights 'nope' are unknown: choose one of cyclegan-earth"):
        weights.load("nope")


def test_what_is_packed_comes_back_but_for_buffers_and_half_precision(tmp_path, monkeypatch, places):
    torch.manual_seed(0)
    config = CycleGANConfig(in_channels=3, out_channels=3, width=4, blocks=1, norm="batch", d_width=4, d_layers=1)
    method = CycleGAN(config)
    for one in method.turns(places, 0):
        one[1]["D_A_real" if one[0] == "discriminators" else "cycle_A"].detach()
    file = weights.pack(method, tmp_path / "small.pt")
    monkeypatch.setitem(weights.CARDS, "small", "")
    monkeypatch.setattr(weights, "path", lambda name: file)
    again = weights.load("small")
    assert again.config == config and len(method.pool_A.images) and not len(again.pool_A.images)
    state = method.state_dict()
    for key, value in again.state_dict().items():
        if not key.startswith("pool_"):
            assert torch.allclose(value.float(), state[key].float(), rtol=1e-3, atol=1e-6), key
    assert not torch.equal(again.G.stem[2].running_mean, torch.zeros(4)), "batch norm's statistics travel too"


def small(block=None) -> ResNetGenerator:
    net = ResNetGenerator(3, 3, 4, 2, "batch", antialias=True, block=block)
    for norm in (m for m in net.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.normal_(norm.weight)
    net(torch.randn(2, 3, 16, 16))
    return net


def test_a_block_of_another_class_gets_the_weights_by_order(places):
    torch.manual_seed(1)
    shipped = small().eval()
    own = weights.hand_over(shipped, small(lambda c: Ordered(c, nn.BatchNorm2d))).eval()
    assert torch.allclose(own(places["A"]), shipped(places["A"]), atol=1e-5)
    swapped = weights.hand_over(shipped, small(lambda c: Block(c, nn.BatchNorm2d))).eval()
    assert not torch.allclose(swapped(places["A"]), shipped(places["A"]), atol=1e-3), "the order decides"


class Ordered(Block):
    """The same with norms in the order of their use."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__(channels, norm)
        del self.norm1, self.norm2
        self.norm1, self.norm2 = norm(channels), norm(channels)


class Shared(Block):
    """One norm used twice: right without weights, wrong with them."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__(channels, norm)
        self.norm1 = self.norm2


@pytest.mark.parametrize(
    "block, says",
    [
        (
            lambda c: Shared(c, nn.BatchNorm2d),
            r"block 1 has 1 batch norms, the shipped one has 2: .* norm\(channels\) twice",
        ),
        (lambda c: Ordered(c), "block 1 has 0 batch norms"),
        (lambda c: nn.Conv2d(c, c, 3, padding=1), "block 1 has 1 convolutions, the shipped one has 2"),
    ],
)
def test_blocks_that_cannot_hold_the_weights_are_refused(block, says):
    with pytest.raises(ValueError, match=says):
        weights.hand_over(small(), small(block))
