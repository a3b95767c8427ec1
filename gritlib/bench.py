"""How fast, and how right: the metrics against the packages that published them, timed and compared in one process.

`metrics` times Fréchet distance and PRDC beside pytorch-fid's and prdc's, `references` puts every metric beside an
implementation of somebody else. Both print what they return.
"""

import contextlib
import itertools
import os
import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor

INSTALL = 'pip install "gritlib[bench]"'


def made(n: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two sets of n float32 features of dimension d that fall off as a network's do: most of the variance in d/8
    directions, the second set shifted and a little less varied."""
    g = torch.Generator().manual_seed(seed)
    few = max(2, d // 8)
    directions = torch.randn(few, d, generator=g) * torch.linspace(1, 0.05, few)[:, None]

    def draw(scale: float) -> Tensor:
        fine = 0.1 * torch.randn(n, d, generator=g)
        return (scale * torch.randn(n, few, generator=g) @ directions + fine).clamp(min=-30) + 1

    return draw(1.0), draw(0.97) + 0.02


def frechet_by_square_root(mean_a, cov_a, mean_b, cov_b) -> float:
    """pytorch-fid's formula on NumPy arrays, for a SciPy whose sqrtm no longer takes the argument that it gives."""
    import numpy as np
    from scipy import linalg

    root = np.real(linalg.sqrtm(cov_a @ cov_b))
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * np.trace(root))


def _published() -> tuple[Callable, Callable, list[str]]:
    """pytorch-fid's and prdc's functions, and what must be said about them.

    Raises:
        ModuleNotFoundError: a package is missing, with the line that installs both.
    """
    try:
        import prdc
        from pytorch_fid.fid_score import calculate_frechet_distance
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{error.name} is needed to compare with: {INSTALL}", name=error.name) from error
    import numpy as np

    notes = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            calculate_frechet_distance(np.zeros(2), np.eye(2), np.zeros(2), np.eye(2))
        frechet = calculate_frechet_distance
    except (TypeError, ValueError) as error:
        frechet = frechet_by_square_root
        notes.append(f"pytorch-fid does not run with this SciPy ({error}): its formula is timed instead")

    def four(real, fake, k):
        with contextlib.redirect_stdout(None):  # it prints the numbers of samples
            return prdc.compute_prdc(real, fake, k)

    return frechet, four, notes


@contextlib.contextmanager
def _equal_cores(threads: int):
    """Let this process and all threads it starts use `threads` cores, whoever's they are. Yields what to say of it."""
    before, count = getattr(os, "sched_getaffinity", lambda _: None)(0), torch.get_num_threads()
    limits, note = contextlib.nullcontext(), None
    with contextlib.suppress(ModuleNotFoundError):
        from threadpoolctl import threadpool_limits

        limits = threadpool_limits(threads)
    if before is None:
        note = "this system cannot bind a process to cores: prdc's 8 threads may use more than the others"
    try:
        if before is not None:
            os.sched_setaffinity(0, sorted(before)[-threads:])
        torch.set_num_threads(threads)
        with limits:
            yield note
    finally:
        torch.set_num_threads(count)
        if before is not None:
            os.sched_setaffinity(0, before)


def _interleaved(pairs: dict[str, tuple[Callable, Callable]], repeats: int) -> dict[str, tuple[list, list, list]]:
    """Median (seconds, CPU seconds of all threads) of ours and of theirs, taken in turns, and both answers."""
    times = {name: ([], []) for name in pairs}
    answers = {}
    for _ in range(repeats):
        for name, functions in pairs.items():
            answers[name] = []
            for function, seconds in zip(functions, times[name], strict=True):
                began, cpu = time.perf_counter(), time.process_time()
                answers[name].append(function())
                seconds.append((time.perf_counter() - began, time.process_time() - cpu))

    def medians(seconds: list) -> list[float]:
        return [statistics.median(column) for column in zip(*seconds, strict=True)]

    return {name: (medians(times[name][0]), medians(times[name][1]), answers[name]) for name in pairs}


def _difference(ours, theirs) -> float:
    """Largest relative difference of two numbers or of two dictionaries of them."""
    if not isinstance(ours, dict):
        ours, theirs = {"": ours}, {"": theirs}
    return max(abs(ours[key] - float(theirs[key])) / max(abs(float(theirs[key])), 1e-12) for key in theirs)


def metrics(n: int = 10_000, d: int = 2048, repeats: int = 3, k: int = 5, threads: int = 1, published=None) -> dict:
    """Time Fréchet distance and PRDC against pytorch-fid's and prdc's functions on the same features, in turns.

    Both get their input as their own pipeline has it: the Fréchet distance means and covariances in float64, PRDC
    float32 features. Medians are compared; a turn of small sizes warms up and is not counted.

    Args:
        n, d: samples of each set, and their dimension. repeats: turns. k: neighbour of PRDC. threads: cores that each
            side may use, also prdc, which starts 8 threads by itself. published: (fréchet, prdc, notes) to compare
            with instead of the packages.

    Returns:
        {"frechet": row, "prdc": row, "notes": [...]}, a row being ours, theirs (median seconds), ratio, cpu_ratio (of
        the processor time of all threads, which other programs on the machine disturb less), difference.

    Raises:
        ModuleNotFoundError: pytorch-fid or prdc is not installed. ValueError: sizes without a meaning.
    """
    from gritlib.metrics import Gaussian, frechet_distance, prdc

    if n < 2 or d < 1 or repeats < 1 or not 1 <= k < n or threads < 1:
        raise ValueError(
            f"n {n}, d {d}, repeats {repeats}, k {k}, threads {threads}: needed are n ≥ 2, k < n, rest ≥ 1"
        )
    their_frechet, their_prdc, notes = published or _published()
    load = os.getloadavg() if hasattr(os, "getloadavg") else None

    def pairs(n: int, d: int) -> dict:
        a, b = made(n, d)
        ga, gb = Gaussian(a), Gaussian(b)
        arrays = [x.numpy() for x in (ga.mean, ga.cov, gb.mean, gb.cov)]
        real, fake = a.numpy(), b.numpy()
        return {
            "frechet": (lambda: frechet_distance(ga, gb), lambda: their_frechet(*arrays)),
            "prdc": (lambda: prdc(a, b, k), lambda: their_prdc(real, fake, k)),
        }

    with _equal_cores(threads) as note, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few samples for the dimensions, SciPy's changes to come: the same for both
        _interleaved(pairs(max(k + 1, min(n, 100)), min(d, 16)), 1)
        measured = _interleaved(pairs(n, d), repeats)
    notes = [*notes, *([note] if note else [])]
    rows = {}
    for name, (ours, theirs, answers) in measured.items():
        rows[name] = {"ours": ours[0], "theirs": theirs[0], "ratio": theirs[0] / ours[0]}
        rows[name] |= {"cpu_ratio": theirs[1] / max(ours[1], 1e-9), "difference": _difference(*answers)}
    shown = "unknown" if load is None else f"{load[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    print(f"{n} samples, {d} dimensions, {repeats} turns, {threads} thread(s), load average {shown}")
    print("| metric | gritlib, s | published, s | ratio of medians | of CPU time | largest relative difference |")
    print("|---|---|---|---|---|---|")
    for name, row in rows.items():
        seconds = f"{row['ours']:.3g} | {row['theirs']:.3g} | {row['ratio']:.1f} | {row['cpu_ratio']:.1f}"
        print(f"| {name} | {seconds} | {row['difference']:.1e} |")
    for line in notes:
        print(f"note: {line}")
    return {**rows, "notes": notes}


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

    from gritlib.metrics import gain_derivative, high_frequency_gap, radial_spectrum, spectrum_distance

    x, y = (z[..., :31, :31] for z in _images())  # odd: no frequency stands on both sides

    def rings(z):
        power = np.fft.fftshift((np.abs(np.fft.fft2(z.numpy())) ** 2).mean((0, 1))) / 31**2
        k = np.arange(-15, 16)
        radius = np.round(np.hypot(k[:, None], k)).astype(int)
        return np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())

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

    from gritlib.metrics import calibration, noise_use, pairwise_distance

    g = torch.Generator().manual_seed(0)
    true = torch.rand(2, 16, 16, generator=g, dtype=torch.float64)
    draws = true[:, None] * torch.randn(6, 2, 3, 16, 16, generator=g, dtype=torch.float64)
    std, array = noise_use(draws)[0], draws.numpy()
    yield "noise_use, mean std", "NumPy", std.mean().item(), float(array.std(0, ddof=1).mean())
    theirs = np.mean(
        [np.corrcoef(s.flatten(), t.flatten())[0, 1] for s, t in zip(std.numpy(), true.numpy(), strict=True)]
    )
    yield "calibration, r", "NumPy", calibration(std, true)["r"], float(theirs)
    ours = pairwise_distance(draws, lambda a, b: (a - b).square().mean((1, 2, 3)))
    yield "pairwise_distance, squares", "NumPy: 2·variance", ours, float(2 * array.var(0, ddof=1).mean())
