"""VGG: the embedded weights are the published ones, images reach them as in their training, torchvision's file fits."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch.nn import functional as F

from gritlib.backbones.vgg import ASSET, CAFFE_MEAN, VGG, vgg16, vgg19
from gritlib.data import catalog


@pytest.fixture(scope="module")
def net():
    return vgg16()


@pytest.fixture(scope="module")
def torchvision19():
    from torchvision.models import vgg19 as build

    with torch.device("meta"):  # the classifier alone has 120 million weights, which nobody needs here
        whole = build(weights=None)
    features = whole.features.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(0)
    for parameter in features.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) / max(parameter[0].numel(), 100) ** 0.5
    return features.requires_grad_(False)


@pytest.fixture
def file19(torchvision19, tmp_path):
    path = tmp_path / "vgg19.pth"
    state = {f"features.{key}": torch.nn.Parameter(value) for key, value in torchvision19.state_dict().items()}
    torch.save(state, path, _use_new_zipfile_serialization=False)  # as the file is that torchvision offers
    return path


def test_weights_are_the_published_ones(net):
    """Values that public code asserts for Keras' VGG16; float16 keeps three digits."""
    first, second, third = net.convs["1_1"], net.convs["1_2"], net.convs["2_1"]
    assert first.weight[0, 0, 0, 0].item() == pytest.approx(0.42947057, rel=5e-4)
    assert first.bias[25].item() == pytest.approx(0.7446502, rel=5e-4)
    assert second.weight[63, 63, 2, 2].item() == pytest.approx(0.016082443, rel=5e-4)  # stored there as (y, x, in, out)
    assert third.bias[1].item() == pytest.approx(0.06440781, rel=5e-4)
    with np.load(ASSET) as file:
        assert all(file[name].dtype == np.float16 for name in file.files) and len(file.files) == 14
    assert sum(p.numel() for p in net.parameters()) == 1_735_488


def test_feature_maps_have_the_shapes_of_their_layers(net):
    shapes = [tuple(f.shape) for f in net.features(torch.zeros(2, 3, 64, 48))]
    assert shapes == [(2, 64, 64, 48), (2, 128, 32, 24), (2, 256, 16, 12)]
    assert net.name == "VGG16-relu3_3" and len(net.weights) == 3
    assert all((f >= 0).all() for f in net.features(torch.rand(1, 3, 32, 32)))


def test_the_sum_is_that_of_the_layers_by_hand(net):
    images = torch.rand(1, 3, 16, 16) * 2 - 1
    h = ((images + 1) / 2 * 255)[:, [2, 1, 0]] - torch.tensor(CAFFE_MEAN).view(1, 3, 1, 1)
    found = []
    for block, count in ((1, 2), (2, 2), (3, 3)):
        h = F.max_pool2d(h, 2) if block > 1 else h
        for number in range(1, count + 1):
            conv = net.convs[f"{block}_{number}"]
            h = F.relu(F.conv2d(h, conv.weight, conv.bias, padding=1))
        found.append(h)
    for ours, wanted in zip(net.features(images), found, strict=True):
        torch.testing.assert_close(ours, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("channel", range(3))
def test_channels_arrive_in_caffes_order(net, channel):
    """Red is the last of the network's channels."""
    images = -torch.ones(1, 3, 2, 2)
    images[:, channel] = 1
    prepared = net.preprocess(images)
    for place in range(3):
        value = (255 if place == 2 - channel else 0) - CAFFE_MEAN[place]
        torch.testing.assert_close(prepared[:, place], torch.full((1, 2, 2), value))


def test_it_is_frozen_and_the_gradient_reaches_the_image(net):
    image = torch.zeros(1, 3, 16, 16, requires_grad=True)
    net.train()
    assert not net.training and not any(p.requires_grad for p in net.parameters())
    sum(f.mean() for f in net.features(image)).backward()
    assert image.grad.abs().sum() > 0 and all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("shape", [(1, 1, 16, 16), (3, 16, 16), (1, 4, 16, 16)])
def test_what_is_not_rgb_is_refused(net, shape):
    with pytest.raises(ValueError, match="VGG16-relu3_3 looks at RGB images"):
        net.features(torch.zeros(shape))


def test_building_leaves_the_generator_alone():
    torch.manual_seed(3)
    wanted = torch.rand(2)
    torch.manual_seed(3)
    vgg16()
    assert torch.equal(torch.rand(2), wanted)


def test_vgg19_gives_torchvisions_activations(file19, torchvision19):
    ours = vgg19(file19)
    images = torch.rand(1, 3, 32, 32) * 2 - 1
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    h, wanted = ((images + 1) / 2 - mean) / std, []
    for i, layer in enumerate(torchvision19):
        h = layer(h.clone())
        if i in (1, 6, 11, 20, 29):  # relu1_1, 2_1, 3_1, 4_1, 5_1
            wanted.append(h)
    found = ours.features(images)
    assert ours.name == "VGG19-relu5_1" and ours.weights == (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1) and len(found) == 5
    for a, b in zip(found, wanted, strict=True):
        torch.testing.assert_close(a, b)
    assert not any(p.requires_grad for p in ours.parameters())


def test_a_file_that_does_not_fit_is_refused_by_name(file19, tmp_path):
    state = torch.load(file19)
    other = tmp_path / "other.pth"
    torch.save({**state, "features.5.weight": torch.zeros(3, 3)}, other)
    with pytest.raises(
        ValueError, match=r"other\.pth: features\.5\.weight has shape \(3, 3\), expected \(128, 64, 3, 3\)"
    ):
        vgg19(other)
    torch.save({key: value for key, value in state.items() if key != "features.28.bias"}, other)
    with pytest.raises(ValueError, match=r"features\.28\.bias is missing"):
        vgg19(other)
    for content in (b"no weights", b""):
        other.write_bytes(content)
        with pytest.raises(ValueError, match="is not a file of weights"):
            vgg19(other)
    torch.save([1], other)
    with pytest.raises(ValueError, match="holds no state dict"):
        vgg19(other)
    with pytest.raises(FileNotFoundError, match=r"gone\.pth does not exist"):
        vgg19(tmp_path / "gone.pth")


def test_code_in_a_file_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return print, ("it ran",)

    torch.save({"features.0.weight": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ValueError, match="is not a file of weights"):
        vgg19(tmp_path / "bomb.pth")


def distances(net, images, others):
    """LPIPS' formula with all weights 1."""
    total = 0
    for a, b in zip(net.features(images), net.features(others), strict=True):
        total = total + (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(1).mean((1, 2))
    return total


def test_a_warped_sharp_copy_is_nearer_than_a_blurred_one(net):
    """What squared error denies, and the same network with random weights too. Measured: 1.00, 0.00, 0.00."""
    source = catalog.load("grove", "train", 64)
    photos = source.batch(range(0, len(source), len(source) // 16))["B"][:16]
    rng = np.random.default_rng(0)
    shift = ndimage.gaussian_filter(rng.standard_normal((16, 2, 64, 64)), (0, 0, 4, 4))
    shift *= 1.5 / np.sqrt(np.square(shift).sum(1).mean())  # pixels, root mean square length
    shift = torch.from_numpy(shift / 32).float()  # in half images
    grid = F.affine_grid(torch.eye(2, 3).repeat(16, 1, 1), (16, 3, 64, 64), align_corners=False)
    warped = F.grid_sample(
        photos, grid + shift.permute(0, 2, 3, 1), mode="bicubic", padding_mode="reflection", align_corners=False
    ).clamp(-1, 1)
    blurred = torch.from_numpy(ndimage.gaussian_filter(photos.numpy(), (0, 0, 1.5, 1.5)))

    def warp_wins(distance):
        return (distance(photos, warped) < distance(photos, blurred)).float().mean().item()

    assert warp_wins(lambda a, b: (a - b).square().mean((1, 2, 3))) <= 0.1
    assert warp_wins(lambda a, b: distances(net, a, b)) >= 0.9
    random = VGG("vgg16", net.taps, net.weights, caffe=True)
    assert warp_wins(lambda a, b: distances(random, a, b)) <= 0.1
