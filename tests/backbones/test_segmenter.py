"""The embedded segmenters: what they read in real photos, what they lose in blurred ones, and how they are stored."""

import numpy as np
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur

from gritlib.backbones.segmenter import ASSETS, CLASSES, SegmentationNet, segmenter
from gritlib.data import catalog
from gritlib.metrics import confusion, segmentation_scores

every_dataset = pytest.mark.parametrize("dataset", CLASSES)


@pytest.fixture(scope="module")
def photos():
    """dataset -> 64 of its photos, none of them trained on, with their label maps."""
    found = {"grove": catalog.load("grove", "val"), "faces": catalog.load("faces", "test", n=64)}
    picked = {name: source.batch(range(min(64, len(source)))) for name, source in found.items()}
    return {name: (batch["B"], batch["label"]) for name, batch in picked.items()}


def accuracy(dataset, images, label):
    found = segmenter(dataset).labels(images)
    return segmentation_scores(confusion(found, label, CLASSES[dataset]))["pixel_accuracy"]


@pytest.mark.parametrize(("dataset", "wanted"), [("grove", 0.75), ("faces", 0.93)])
def test_real_photos_are_read_and_blurred_ones_worse(dataset, wanted, photos):
    images, label = photos[dataset]
    sharp = accuracy(dataset, images, label)
    assert wanted <= sharp < 1
    assert accuracy(dataset, gaussian_blur(images, 19, 3.0), label) < sharp - 0.05
    assert accuracy(dataset, images.roll(1, 0), label) < sharp - 0.2, "a photo of another label map"
    # No picture at all: faces lie in the middle, so on them even grey finds 0.73 of the pixels.
    assert accuracy(dataset, torch.zeros_like(images), label) < sharp - 0.2


def test_a_segmenter_reads_its_own_dataset_alone(photos):
    images, label = photos["grove"]
    with pytest.raises(ValueError, match="ids"):
        segmentation_scores(confusion(segmenter("faces").labels(images), label, CLASSES["grove"]))


@every_dataset
def test_labels_are_ids_of_each_pixel_and_no_batch_changes_them(dataset, photos):
    images, _ = photos[dataset]
    net, images = segmenter(dataset), images[:5]
    found = net.labels(images)
    assert found.dtype == torch.int64 and found.shape == (5, 64, 64) and not found.is_floating_point()
    assert found.min() >= 0 and found.max() < CLASSES[dataset]
    assert torch.equal(found, torch.cat([net.labels(image[None]) for image in images]))
    assert torch.equal(found.flip(0), net.labels(images.flip(0)))
    assert torch.equal(found, net.net(images).argmax(1))


@every_dataset
def test_it_is_frozen_shared_and_stays_in_evaluation_mode(dataset, photos):
    net = segmenter(dataset)
    assert segmenter(dataset) is net and net.name == f"segmenter-{dataset}" and net.dataset == dataset
    assert not any(p.requires_grad for p in net.parameters())
    before = {key: value.clone() for key, value in net.state_dict().items()}
    torch.nn.ModuleList([net]).train()
    assert not any(module.training for module in net.modules())
    net.labels(photos[dataset][0][:2])
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def test_building_one_draws_nothing_from_torchs_generator():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    segmenter.__wrapped__("grove")
    assert torch.equal(before, torch.get_rng_state())


def test_what_it_cannot_read_is_refused():
    with pytest.raises(ValueError, match="no segmenter for 'earth': there is one for grove and faces"):
        segmenter("earth")
    with pytest.raises(ValueError, match="segmenter-grove looks at RGB images"):
        segmenter("grove").labels(torch.zeros(1, 1, 32, 32))
    with pytest.raises(ValueError, match="multiples of 16, for example 32x32 or 48x48"):
        segmenter("grove").labels(torch.zeros(1, 3, 40, 40))


@every_dataset
def test_classes_are_those_of_the_dataset(dataset):
    assert catalog.load(dataset, "val", **({"n": 1} if dataset == "faces" else {})).in_channels == CLASSES[dataset]


@every_dataset
def test_the_file_holds_the_whole_network_in_half_precision_and_is_small(dataset):
    path = ASSETS / f"segmenter_{dataset}_fp16.npz"
    assert path.stat().st_size < 800_000
    with np.load(path) as file:
        stored = {key: file[key] for key in file.files}
    wanted = SegmentationNet(CLASSES[dataset]).state_dict()
    assert stored.keys() == wanted.keys()
    for key, value in stored.items():
        assert value.dtype == (np.float16 if wanted[key].is_floating_point() else np.int64), key
        assert np.isfinite(value).all() and value.shape == tuple(wanted[key].shape)
    built = segmenter(dataset).net.state_dict()
    assert all(torch.equal(built[key], torch.from_numpy(value).to(built[key])) for key, value in stored.items())
    assert {value.dtype for value in built.values()} == {torch.float32, torch.int64}
