"""The spectrum detector: its numbers are those of scikit-learn, it finds what is there and nothing else, and blur or
JPEG change what it sees."""

import pytest
import torch
from scipy.stats import binomtest

from gritlib.detector import (
    ATTACKS,
    BINS,
    NOTE,
    PENALTY,
    attacked,
    average_precision,
    detect,
    features,
    jpeg,
    judged,
    score,
    table,
    train,
)
from gritlib.metrics import radial_spectrum
from gritlib.show.widgets import blur


def noise(n: int, seed: int, size: int = 64, amount: float = 0.3) -> torch.Tensor:
    return amount * torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def sets():
    """Noise, and the same kind of noise slightly blurred."""
    return noise(40, 0), blur(noise(40, 1), 0.35).float()


def test_the_features_are_the_logarithm_of_the_rings_without_the_mean():
    images = (noise(2, 3, amount=0.1) * 127.5).round() / 127.5 - 1 / 255
    found = features(images)
    assert found.shape == (2, BINS) and found.dtype == torch.float64
    for image, row in zip(images, found, strict=True):
        power = radial_spectrum(image[None])[1]
        assert torch.allclose(row, power[1:33].log(), atol=1e-4)
    assert torch.allclose(features(images.clamp(-0.5, 0.5)), features(images.clamp(-0.5, 0.5) + 10 / 127.5), atol=1e-4)
    wide = features(noise(2, 3, size=128))
    power = radial_spectrum(noise(2, 3, size=128)[:1])[1]
    assert wide[0, 4].item() == pytest.approx(power[[9, 10]].mean().log().item(), abs=1e-2), "two rings a bin"


def test_real_and_generated_images_are_rounded_alike(sets):
    rounded = ((sets[0] + 1) * 127.5).round().clamp(0, 255) / 127.5 - 1
    assert torch.equal(features(sets[0]), features(rounded))


def test_images_that_are_too_small_or_too_few_are_refused(sets):
    with pytest.raises(ValueError, match=r"32 rings need \(N, C, S, S\) with S >= 64"):
        features(noise(1, 0, size=62))
    with pytest.raises(ValueError, match="1 real and 40 generated images: a detector needs two"):
        train(sets[0][:1], sets[1])
    with pytest.raises(ValueError, match="40 real and 39 generated images: needed are as many"):
        detect(sets[0], sets[1][1:])


def test_the_regression_is_that_of_scikit_learn(sets):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    detector = train(*sets)
    x = torch.cat([features(images) for images in sets]).numpy()
    y = [0] * 40 + [1] * 40
    scaled = StandardScaler().fit_transform(x) * (79 / 80) ** 0.5  # theirs divides by n, ours by n − 1
    theirs = LogisticRegression(C=1 / PENALTY, tol=1e-10, max_iter=10_000).fit(scaled, y)
    assert torch.allclose(detector.weight, torch.from_numpy(theirs.coef_[0]), atol=1e-4)
    assert detector.bias == pytest.approx(theirs.intercept_[0], abs=1e-4)
    logits = torch.cat([detector.logits(images) for images in sets])
    assert torch.allclose(logits, torch.from_numpy(theirs.decision_function(scaled)), atol=1e-3)


def test_the_average_precision_is_that_of_scikit_learn():
    from sklearn.metrics import average_precision_score

    generator = torch.Generator().manual_seed(0)
    for digits in (9, 0):  # without ties, and with many
        real, fake = (torch.randn(n, generator=generator).double() for n in (60, 30))
        real, fake = (x.round(decimals=digits) for x in (real, fake + 0.5))
        y, logits = [0] * 60 + [1] * 30, torch.cat([real, fake]).numpy()
        assert average_precision(real, fake) == pytest.approx(average_precision_score(y, logits), abs=1e-12)
    assert (
        average_precision(torch.zeros(3), torch.ones(2)) == 1
        and average_precision(torch.zeros(3), torch.zeros(1)) == 0.25
    )


def test_it_finds_a_blur_that_is_there_and_nothing_where_nothing_is(sets):
    detector, found = detect(*sets)
    assert found.accuracy > 0.95 and found.ap > 0.98 and found.images == 40
    assert torch.equal(detector.weight, train(*(images[:20] for images in sets)).weight), "the second half is not seen"
    alike = noise(100, 5), noise(100, 6)
    detector, nothing = detect(*alike)
    assert nothing == score(detector, *(images[50:] for images in alike)), "scored on the second half"
    assert nothing.low < 0.5 < nothing.high and nothing.ap < 0.65


def test_the_score_counts_both_kinds_and_its_interval_is_wilsons():
    found = judged(torch.tensor([-1.0, -2.0, 3.0, -1.0]), torch.tensor([2.0, -1.0]))
    assert (found.accuracy, found.caught, found.accused, found.images) == (4 / 6, 0.5, 0.25, 6)
    wanted = binomtest(4, 6).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_jpeg_loses_more_at_lower_quality_and_keeps_shape_and_range(sets):
    smooth = blur(noise(4, 8), 3.0).float()
    errors = [(jpeg(smooth, quality) - smooth).abs().mean().item() for quality in (95, 50, 5)]
    assert 0 < errors[0] < errors[1] < errors[2] < 0.2
    grey = jpeg(smooth[:, :1], 90)
    assert grey.shape == (4, 1, 64, 64) and grey.abs().max() <= 1 and (grey - smooth[:, :1]).abs().mean() < 0.02


def test_blurring_real_images_too_makes_the_detector_accuse_them(sets):
    detector, real, fake = train(*sets), noise(30, 10), blur(noise(30, 11), 0.35).float()
    found = attacked(detector, real, fake)
    assert list(found) == list(ATTACKS) and found["as made"]["fakes"] == found["as made"]["both"]
    assert found["as made"]["both"].accuracy > 0.95
    assert found["blur σ 1"]["both"].accused > 0.9 and found["blur σ 1"]["fakes"].accused < 0.1
    sharper = attacked(detector, real, fake, {"grain": lambda images: images + noise(len(images), 12, amount=0.2)})
    assert sharper["grain"]["fakes"].caught < 0.5, "whoever knows the detector adds what it misses"


def test_the_table_has_every_number_and_what_the_interval_does_not_say(sets):
    found = attacked(train(*sets), *(images[:5] for images in sets), {"as made": ATTACKS["as made"]})
    s, said = found["as made"]["fakes"], table(found)
    assert f"| as made | the fakes | {s.accuracy:.2f} ({s.low:.2f} to {s.high:.2f}) | {s.ap:.2f} |" in said
    assert said.endswith(f"10 images a row. {NOTE}") and "Tiles of one scene are not" in said
