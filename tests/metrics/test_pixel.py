"""L1, PSNR and SSIM against scikit-image, torchmetrics and the formulas."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim

from gritlib.metrics import l1_255, psnr, ssim

SHAPES = {"rgb": (3, 3, 32, 32), "grey": (2, 1, 24, 24), "oblong": (2, 3, 20, 37), "window": (2, 3, 11, 11)}


def pair(shape, seed=0):
    """Images with structure, and the same with noise and another contrast."""
    g = torch.Generator().manual_seed(seed)
    y = torch.nn.functional.interpolate(torch.rand(*shape[:2], 5, 5, generator=g), shape[2:], mode="bicubic")
    y = (2 * y - 1).clamp(-1, 1)
    return (0.7 * y + 0.1 * torch.randn(shape, generator=g)).clamp(-1, 1), y


@pytest.mark.parametrize("kind", SHAPES)
def test_ssim_is_scikit_images(kind):
    x, y = pair(SHAPES[kind])
    a, b = (x.double() + 1) / 2, (y.double() + 1) / 2  # the luminance term needs black at 0
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1, "channel_axis": 0}
    wanted = [structural_similarity(u.numpy(), v.numpy(), **how) for u, v in zip(a, b, strict=True)]
    assert ssim(x, y).tolist() == pytest.approx(wanted, abs=1e-6)
    assert min(wanted) < 0.9
    if kind != "window":  # torchmetrics averages over reflected borders too, here they are cut off
        full = torchmetrics_ssim(a, b, data_range=1.0, reduction="none", return_full_image=True)[1]
        assert ssim(x, y).tolist() == pytest.approx(full[:, :, 5:-5, 5:-5].mean((1, 2, 3)).tolist(), abs=1e-6)


@pytest.mark.parametrize("kind", SHAPES)
def test_psnr_is_scikit_images_and_torchmetrics_for_each_image(kind):
    x, y = pair(SHAPES[kind])
    a, b = x.double().numpy(), y.double().numpy()
    wanted = [peak_signal_noise_ratio(b[i], a[i], data_range=2) for i in range(len(a))]
    assert psnr(x, y).tolist() == pytest.approx(wanted, abs=1e-6)
    for i in range(len(x)):
        reference = torchmetrics_psnr(x[i : i + 1].double(), y[i : i + 1].double(), data_range=2.0)
        assert psnr(x, y)[i].item() == pytest.approx(reference.item(), abs=1e-5)


@pytest.mark.parametrize("kind", SHAPES)
def test_l1_is_the_mean_difference_of_8_bit_values(kind):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, SHAPES[kind]).astype(np.uint8) for _ in range(2))
    wanted = np.abs(a.astype(float) - b.astype(float)).mean((1, 2, 3))
    x, y = (torch.from_numpy(i.astype(np.float32) / 127.5 - 1) for i in (a, b))
    assert l1_255(x, y).tolist() == pytest.approx(wanted.tolist(), abs=1e-4)


def test_values_that_need_no_reference():
    x, y = pair(SHAPES["rgb"])
    assert l1_255(x, x).tolist() == [0] * 3 and ssim(x, x).tolist() == pytest.approx([1] * 3)
    assert psnr(x, x).tolist() == [math.inf] * 3
    black, white = torch.full((1, 3, 16, 16), -1.0), torch.ones(1, 3, 16, 16)
    assert l1_255(black, white).item() == 255 and psnr(black, white).item() == 0
    assert l1_255(black, black + 2 / 255).item() == pytest.approx(1, abs=1e-5)  # one grey level
    assert psnr(black, black + 2 / 255).item() == pytest.approx(20 * math.log10(255), abs=1e-4)
    # Two flat images: only the luminance term is left, (2·mx·my + C1) / (mx² + my² + C1) with means 1/4 and 3/4.
    flat = ssim(torch.full_like(white, -0.5), torch.full_like(white, 0.5)).item()
    assert flat == pytest.approx((2 * 0.1875 + 1e-4) / (0.0625 + 0.5625 + 1e-4), abs=1e-9)
    for metric in (l1_255, psnr, ssim):
        assert torch.allclose(metric(x, y), metric(y, x), rtol=1e-12)
        # One value an image: scoring together or alone is the same.
        assert torch.allclose(metric(x, y)[1:2], metric(x[1:2], y[1:2]), rtol=1e-12)


@pytest.mark.parametrize("metric", [l1_255, psnr, ssim])
def test_what_cannot_be_compared_is_refused(metric):
    x, y = pair(SHAPES["rgb"])
    eight_bit = (x + 1) * 127.5
    with pytest.raises(ValueError, match=r"images have values in \[.*metrics expect \[-1, 1\]"):
        metric(eight_bit, y)
    with pytest.raises(ValueError, match="targets have values"):
        metric(x, eight_bit)
    for bad in (float("nan"), float("inf"), -float("inf"), 1.01):
        broken = x.clone()
        broken[1, 2, 3, 4] = bad
        with pytest.raises(ValueError, match="images have values"):
            metric(broken, y)
    with pytest.raises(ValueError, match="must both be"):
        metric(x, y[:, :1])  # would broadcast
    with pytest.raises(ValueError, match="must both be"):
        metric(x[0], y[0])


def test_ssim_refuses_images_smaller_than_its_window():
    with pytest.raises(ValueError, match=r"11 pixels or more, these have \(10, 30\)"):
        ssim(torch.zeros(1, 3, 10, 30), torch.zeros(1, 3, 10, 30))
