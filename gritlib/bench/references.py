"""How right: 26 scores beside implementations of somebody else."""

import itertools

import torch
from torch import Tensor

from gritlib.bench.speed import frechet_by_square_root, made


def references() -> list[tuple[str, str, float, float]]:
    """Every metric beside somebody else's implementation, on seeded inputs: a table of (metric, reference, both).

    Raises:
        ModuleNotFoundError: a package of the extra `test` is missing.
    """
    rows = [row for group in (_pixels, _features, _labels, _frequencies, _network) for row in group()]
    print("| metric | reference | gritlib | reference's value | difference |\n|---|---|---|---|---|")
    for name, reference, ours, theirs in rows:
        print(f"| {name} | {reference} | {ours:.8g} | {theirs:.8g} | {abs(ours - theirs):.1e} |")
    return rows


def _images() -> tuple[Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    smooth = torch.nn.functional.interpolate(torch.rand(4, 3, 6, 6, generator=g), (32, 32), mode="bicubic")
    y = (2 * smooth - 1).clamp(-1, 1).double()
    return (0.7 * y + 0.1 * torch.randn(y.shape, generator=g)).clamp(-1, 1), y


def _pixels():
    import numpy as np
    from skimage.color import rgb2lab
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity

    from gritlib.metrics import colour_overlap, l1_255, psnr, ssim

    x, y = _images()
    a, b = ((z.numpy() + 1) / 2 for z in (x, y))
    yield "l1_255", "NumPy", l1_255(x, y).mean().item(), float(np.abs(255 * a - 255 * b).mean())
    values = [peak_signal_noise_ratio(q, p, data_range=1) for p, q in zip(a, b, strict=True)]
    yield "psnr", "scikit-image", psnr(x, y).mean().item(), float(np.mean(values))
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1, "channel_axis": 0}
    values = [structural_similarity(p, q, **how) for p, q in zip(a, b, strict=True)]
    yield "ssim", "scikit-image", ssim(x, y).mean().item(), float(np.mean(values))
    labs = [rgb2lab(z.transpose(0, 2, 3, 1)) for z in (a, b)]
    edges = np.arange(-129, 130, 2)
    shares = [[np.histogram(lab[..., c], edges)[0] / lab[..., c].size for c in (1, 2)] for lab in labs]
    overlap = sum(np.minimum(p, q).sum() for p, q in zip(*shares, strict=True)) / 2
    yield "colour_overlap", "scikit-image, NumPy", colour_overlap(x, y), float(overlap)


def _features():
    import numpy as np
    from scipy.stats import wasserstein_distance
    from sklearn.neighbors import NearestNeighbors
    from torchmetrics.image.fid import _compute_fid
    from torchmetrics.image.kid import poly_mmd

    from gritlib.metrics import (
        Gaussian,
        PatchBank,
        frechet_distance,
        kid,
        perceptual_distance,
        prdc,
        precision_recall,
        self_similarity_distance,
        sifid,
        sliced_wasserstein,
    )

    a, b = (x.double() for x in made(300, 16))
    ga, gb = Gaussian(a), Gaussian(b)
    theirs = frechet_by_square_root(*(x.numpy() for x in (ga.mean, ga.cov, gb.mean, gb.cov)))
    yield "frechet_distance", "SciPy sqrtm", frechet_distance(a, b), theirs
    theirs = _compute_fid(ga.mean, ga.cov, gb.mean, gb.cov).item()
    yield "frechet_distance", "torchmetrics", frechet_distance(ga, gb), theirs
    yield "kid", "torchmetrics", kid(a, b), poly_mmd(a, b).item()

    def radii(x, k):
        return NearestNeighbors(n_neighbors=k, algorithm="kd_tree").fit(x).kneighbors()[0][:, -1]

    between = np.linalg.norm(a.numpy()[:, None] - b.numpy()[None], axis=2)  # (real, fake)
    for k, ours in ((3, dict(zip(("precision", "recall"), precision_recall(a, b), strict=True))), (5, prdc(a, b))):
        real, fake = between <= radii(a, k)[:, None], between <= radii(b, k)[None]
        theirs = {"precision": real.any(0).mean(), "recall": fake.any(1).mean()}
        theirs |= {"density": real.sum(0).mean() / k, "coverage": real.any(1).mean()}
        for name, value in ours.items():
            yield f"{name}, k = {k}", "scikit-learn, all pairs", value, float(theirs[name])

    x, y = _images()
    banks = [PatchBank(patches=8).update(z[..., :16, :16]) for z in (x, y)]
    u, v = (bank.descriptors()[0] for bank in banks)
    directions = torch.randn(u.shape[1], 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lines = (directions / directions.norm(dim=0)).T
    theirs = 1000 * np.mean([wasserstein_distance((u @ line).numpy(), (v @ line).numpy()) for line in lines])
    yield "sliced_wasserstein", "SciPy, line by line", sliced_wasserstein(*banks, projections=16)[0], float(theirs)

    p, q = x[:1, :, :9, :9], y[:1, :, :9, :9]
    vectors = [z[0].flatten(1).T.numpy() for z in (p, q)]
    moments = [f(z) for z in vectors for f in (lambda z: z.mean(0), lambda z: np.cov(z, rowvar=False))]
    yield "sifid", "SciPy sqrtm", sifid(p, q).item(), frechet_by_square_root(*moments)
    from scipy.spatial.distance import cdist

    matrices = [cdist(z, z, "cosine") for z in vectors]
    matrices = [m / m.sum(1, keepdims=True) for m in matrices]
    theirs = float(np.abs(matrices[0] - matrices[1]).mean())
    yield "self_similarity_distance", "SciPy cdist", self_similarity_distance(p, q).item(), theirs
    units = [z / np.linalg.norm(z, axis=1, keepdims=True) for z in vectors]
    theirs = float(((units[0] - units[1]) ** 2).sum(1).mean())
    yield "perceptual_distance", "NumPy", perceptual_distance([p], [q]).item(), theirs


def _labels():
    import numpy as np
    from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, jaccard_score

    from gritlib.metrics import confusion, segmentation_scores

    g = torch.Generator().manual_seed(0)
    target, other = (torch.randint(6, (4, 16, 16), generator=g) for _ in range(2))
    pred = torch.where(torch.rand(target.shape, generator=g) < 0.6, target, other)
    t, p = target.flatten().numpy(), pred.flatten().numpy()
    matrix = confusion(pred, target, 6)
    ours, scores = matrix.numpy(), segmentation_scores(matrix)
    yield "confusion, pixels elsewhere", "scikit-learn", float(np.abs(ours - confusion_matrix(t, p)).sum()), 0.0
    yield "pixel_accuracy", "scikit-learn", scores["pixel_accuracy"], float(accuracy_score(t, p))
    yield "class_accuracy", "scikit-learn", scores["class_accuracy"], float(balanced_accuracy_score(t, p))
    yield "mean_iou", "scikit-learn", scores["mean_iou"], float(jaccard_score(t, p, average="macro"))
    theirs = float(jaccard_score(t, p, average="weighted"))
    yield "frequency_weighted_iou", "scikit-learn", scores["frequency_weighted_iou"], theirs


def _frequencies():
    import numpy as np

    from gritlib.metrics import gain_derivative, high_frequency_gap, low_share, radial_spectrum, spectrum_distance

    x, y = (z[..., :31, :31] for z in _images())  # odd: no frequency stands on both sides

    def rings(z):
        power = np.fft.fftshift((np.abs(np.fft.fft2(z.numpy())) ** 2).mean((0, 1))) / 31**2
        k = np.arange(-15, 16)
        radius = np.round(np.hypot(k[:, None], k)).astype(int)
        return np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())

    power = (np.abs(np.fft.fft2(x.numpy())) ** 2).sum((0, 1))
    f = 2 * np.fft.fftfreq(31)
    theirs = float(power[np.hypot(f[:, None], f) < 0.3].sum() / power.sum())
    yield "low_share", "NumPy", low_share(x, 0.3)["share"], theirs
    p, q = rings(x), rings(y)
    ours = radial_spectrum(x)[1].numpy()
    yield "radial_spectrum, largest relative difference", "NumPy", float(np.abs(ours / p - 1).max()), 0.0
    ratio = np.log(p / q)
    yield "high_frequency_gap", "NumPy", high_frequency_gap(x, y), float(ratio[8:16].mean())
    yield "spectrum_distance", "NumPy", spectrum_distance(x, y), float(np.sqrt((ratio[1:16] ** 2).mean()))
    grad, edges = (x - y).sign(), (0, 0.25, 0.5, 1, 1.5)
    spectra = [np.fft.fft2(z.numpy()) for z in (grad, x)]
    f = np.fft.fftfreq(31) * 2
    radius = np.hypot(f[:, None], f)
    theirs = [  # Parseval: the inner product taken among frequencies
        (spectra[0].conj() * spectra[1]).real[..., (radius >= low) & (radius < high)].sum() / 31**2
        for low, high in itertools.pairwise(edges)
    ]
    for band, (mine, value) in enumerate(zip(gain_derivative(grad, x, edges).tolist(), theirs, strict=True)):
        yield f"gain_derivative, band {band}", "NumPy, Parseval", mine, float(value)


def _network():
    import numpy as np

    from gritlib.metrics import calibration, noise_use, pairwise_distance, sampler_cost

    g = torch.Generator().manual_seed(0)
    true = torch.rand(2, 16, 16, generator=g, dtype=torch.float64)
    draws = true[:, None] * torch.randn(6, 2, 3, 16, 16, generator=g, dtype=torch.float64)
    std, array = noise_use(draws)[0], draws.numpy()
    yield "noise_use, mean std", "NumPy", std.mean().item(), float(array.std(0, ddof=1).mean())
    theirs = np.mean(
        [np.corrcoef(s.flatten(), t.flatten())[0, 1] for s, t in zip(std.numpy(), true.numpy(), strict=True)]
    )
    yield "calibration, r", "NumPy", calibration(std, true)["r"], float(theirs)
    cost = sampler_cost(draws)
    theirs = float(np.abs(array - np.median(array, 0)).mean())
    yield "sampler_cost, best", "NumPy", cost["best"], theirs
    apart = [float(np.abs(a - b).mean()) for a, b in itertools.combinations(array, 2)]
    yield "sampler_cost, sampler", "NumPy: all pairs", cost["sampler"], sum(apart) / len(apart)
    ours = pairwise_distance(draws, lambda a, b: (a - b).square().mean((1, 2, 3)))
    yield "pairwise_distance, squares", "NumPy: 2·variance", ours, float(2 * array.var(0, ddof=1).mean())
