"""The FID's Inception: its blocks differ from torchvision's exactly where TensorFlow's do, and only its file is taken.

The real weights are not here: random ones of the same names and shapes are made on the spot.
"""

import pytest
import torch
from torch.nn import functional as F

from gritlib.backbones import inception


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file with the names and shapes of pytorch-fid's: 1008 classes, no auxiliary head."""
    from torchvision.models import inception as tv

    net = tv.Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    generator = torch.Generator().manual_seed(0)
    for key, value in net.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point():
            value.normal_(0, 1 / max(value[0].numel(), 50) ** 0.5, generator=generator)
    path = tmp_path_factory.mktemp("fid") / inception.FILE
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def net(path):
    return inception.inception(path)


@pytest.fixture(scope="module")
def torchvisions(path):
    from torchvision.models import inception as tv

    net = tv.Inception3(num_classes=1008, aux_logits=False, init_weights=False).eval()
    net.load_state_dict(torch.load(path))
    return net.requires_grad_(False)


def test_pool3_has_2048_numbers(net):
    found = net.embed(torch.rand(2, 3, 64, 64) * 2 - 1)
    assert found.shape == (2, 2048) and torch.isfinite(found).all() and not found.requires_grad
    assert (net.name, net.dim) == ("Inception-FID", 2048)
    assert not net.train().training and not any(p.requires_grad for p in net.parameters())
    torch.testing.assert_close(found[0].std() > 0, torch.tensor(True))


def test_input_is_resized_like_pytorch_fids(net):
    x = torch.rand(1, 3, 64, 40) * 2 - 1
    wanted = 2 * F.interpolate((x + 1) / 2, (299, 299), mode="bilinear", align_corners=False, antialias=False) - 1
    torch.testing.assert_close(net.preprocess(x), wanted)
    assert net.preprocess(torch.ones(1, 3, 512, 512)).shape[2:] == (299, 299)


CHANNELS = {"Mixed_5b": 192, "Mixed_5d": 288, "Mixed_6b": 768, "Mixed_6e": 768, "Mixed_7b": 1280, "Mixed_7c": 2048}


@pytest.mark.parametrize("block", CHANNELS)
def test_blocks_differ_from_torchvisions_in_the_pooling_branch_alone(net, torchvisions, block):
    ours, theirs = getattr(net.net, block), getattr(torchvisions, block)
    x = torch.rand(1, CHANNELS[block], 8, 8)
    a, b = ours(x), theirs(x)
    pooled = theirs.branch_pool.conv.out_channels  # the last of the concatenated branches
    torch.testing.assert_close(a[:, :-pooled], b[:, :-pooled])
    if block == "Mixed_7c":
        wanted = F.max_pool2d(x, 3, 1, 1)
    else:
        inside = F.avg_pool2d(torch.ones(1, 1, 8, 8), 3, 1, 1)  # the share of a window that lies in the map
        wanted = F.avg_pool2d(x, 3, 1, 1) / inside
        torch.testing.assert_close(a[..., 1:-1, 1:-1], b[..., 1:-1, 1:-1])  # away from the border nothing differs
    torch.testing.assert_close(a[:, -pooled:], theirs.branch_pool(wanted))
    assert (a[:, -pooled:] - b[:, -pooled:])[..., 0, 0].abs().max() > 1e-3


@pytest.mark.parametrize("part", ["Conv2d_1a_3x3", "Conv2d_4a_3x3", "Mixed_6a", "Mixed_7a"])
def test_what_has_no_average_is_torchvisions(net, torchvisions, part):
    channels = {"Conv2d_1a_3x3": 3, "Conv2d_4a_3x3": 80, "Mixed_6a": 288, "Mixed_7a": 768}[part]
    x = torch.rand(1, channels, 9, 9)
    torch.testing.assert_close(getattr(net.net, part)(x), getattr(torchvisions, part)(x))


def test_torchvisions_own_file_gives_no_fid(path, tmp_path):
    state = torch.load(path)
    other = tmp_path / "inception_v3_google.pth"
    torch.save({**state, "fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}, other)
    with pytest.raises(ValueError, match=r"fc\.weight has shape \(1000, 2048\), expected \(1008, 2048\)"):
        inception.inception(other)
    torch.save({**state, "AuxLogits.fc.bias": torch.zeros(1000)}, other)
    with pytest.raises(ValueError, match="whose features give no FID"):
        inception.inception(other)
    del state["Mixed_7c.branch_pool.bn.running_var"]
    torch.save(state, other)
    with pytest.raises(ValueError, match=r"Mixed_7c\.branch_pool\.bn\.running_var is missing"):
        inception.inception(other)


def test_older_files_without_counters_are_read(path, net, tmp_path):
    state = {key: value for key, value in torch.load(path).items() if not key.endswith("num_batches_tracked")}
    torch.save(state, tmp_path / "old.pth")
    x = torch.rand(1, 3, 32, 32)
    assert torch.equal(inception.inception(tmp_path / "old.pth").embed(x), net.embed(x))
