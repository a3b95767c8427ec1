import itertools
import math
from statistics import NormalDist

import numpy as np
import torch
from scipy import stats
from torch import Tensor


# %% 07.1 right: torch.corrcoef, image by image
def calibration(std_map, true_std):
    rs = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] for a, b in zip(std_map, true_std)]
    return {"r": sum(rs) / len(rs), "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 right: NumPy, means of the maps
def calibration(std_map, true_std):
    a, b = std_map.numpy(), true_std.numpy()
    rs = [np.corrcoef(x.ravel(), y.ravel())[0, 1] for x, y in zip(a, b)]
    return {"r": np.mean(rs), "ratio": a.mean() / b.mean()}


# %% 07.1 right: covariance and variances in einsum
def calibration(std_map, true_std):
    n = std_map[0].numel()
    a = std_map - std_map.mean((1, 2), keepdim=True)
    b = true_std - true_std.mean((1, 2), keepdim=True)
    cov = torch.einsum("bhw,bhw->b", a, b) / n
    var = torch.einsum("bhw,bhw->b", a, a) / n * torch.einsum("bhw,bhw->b", b, b) / n
    return {"r": (cov / var.sqrt()).mean().item(), "ratio": float(std_map.sum()) / float(true_std.sum())}


# %% 07.1 wrong: variances
# says: the maps are squared
def calibration(std_map, true_std):
    a, b = (std_map**2).flatten(1), (true_std**2).flatten(1)
    ratio = a.sum() / b.sum()
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return {"r": ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean(), "ratio": ratio}


# %% 07.1 wrong: the mean of the pixels' ratios
# says: add up each map first
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return {"r": r.mean(), "ratio": (std_map / true_std).mean()}


# %% 07.1 wrong: the mean of ratios, guarded by a small number
# says: Where the truth does not vary that is a division by 0
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return {"r": r.mean(), "ratio": (std_map / (true_std + 1e-8)).mean()}


# %% 07.1 wrong: the mean of ratios over pixels that vary
# says: are divided one by one
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    some = true_std > 0
    return {"r": r.mean(), "ratio": (std_map[some] / true_std[some]).mean()}


# %% 07.1 wrong: each image its own ratio
# says: each image has a ratio of its own
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    ratio = (a.sum(1) / b.sum(1)).mean()
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    return {"r": ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))).mean(), "ratio": ratio}


# %% 07.1 wrong: one correlation over the mixed batch
# says: over all pixels of the batch
# says: correlate each image
def calibration(std_map, true_std):
    both = torch.stack([std_map.flatten(), true_std.flatten()])
    return {"r": torch.corrcoef(both)[0, 1], "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 wrong: cosine similarity
# says: the means are not taken away
def calibration(std_map, true_std):
    r = torch.cosine_similarity(std_map.flatten(1), true_std.flatten(1), dim=1)
    return {"r": r.mean(), "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 wrong: torch.std with its n − 1
# says: n and n − 1 are mixed
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    cov = ((a - a.mean(1, keepdim=True)) * (b - b.mean(1, keepdim=True))).mean(1)
    return {"r": (cov / (a.std(1) * b.std(1))).mean(), "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 wrong: upside down
# says: ratio is upside down
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return {"r": r.mean(), "ratio": true_std.sum() / std_map.sum()}


# %% 07.1 wrong: one r an image
# says: r is tensor 3
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return {"r": r, "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 wrong: the covariance
# says: r is a covariance
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    cov = ((a - a.mean(1, keepdim=True)) * (b - b.mean(1, keepdim=True))).mean(1)
    return {"r": cov.mean(), "ratio": std_map.sum() / true_std.sum()}


# %% 07.1 wrong: a tuple
# says: wanted a dict
def calibration(std_map, true_std):
    a, b = std_map.flatten(1), true_std.flatten(1)
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    r = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1))
    return r.mean(), std_map.sum() / true_std.sum()


# %% 07.2 right: a loop over pairs
def sampler_cost(samples):
    n = len(samples)
    best = (samples - samples.median(0).values).abs().mean()
    pairs = [(samples[i] - samples[j]).abs().mean() for i in range(n) for j in range(i)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 right: all pairs at once, those with itself counted out
def sampler_cost(samples):
    n = len(samples)
    flat = samples.flatten(1)
    total = sum((flat - row).abs().sum() for row in flat)
    sampler = total / (n * (n - 1) * flat.shape[1])
    best = (samples - samples.quantile(0.5, dim=0)).abs().mean()
    return {"best": best.item(), "sampler": sampler.item(), "ratio": (sampler / best).item()}


# %% 07.2 right: NumPy, by rolling
def sampler_cost(samples):
    y = samples.numpy()
    n = len(y)
    best = np.abs(y - np.median(y, axis=0)).mean()
    sampler = np.mean([np.abs(y - np.roll(y, k, axis=0)).mean() for k in range(1, n)])
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 right: torch.cdist
def sampler_cost(samples):
    flat = samples.flatten(1)
    n, pixels = flat.shape
    sampler = torch.pdist(flat, p=1).mean() / pixels
    best = torch.cdist(flat, flat.median(0).values[None], p=1).mean() / pixels
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: pairs of a draw with itself
# says: each draw is paired with itself too
def sampler_cost(samples):
    best = (samples - samples.median(0).values).abs().mean()
    sampler = torch.stack([(samples - y).abs().mean() for y in samples]).mean()
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: the mean
# says: best is measured from the mean
def sampler_cost(samples):
    best = (samples - samples.mean(0)).abs().mean()
    pairs = [(a - b).abs().mean() for a, b in itertools.combinations(samples, 2)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: L2
# says: differences are squared
def sampler_cost(samples):
    best = samples.var(0, correction=0).mean()
    pairs = [((a - b) ** 2).mean() for a, b in itertools.combinations(samples, 2)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: root mean squares
# says: the root of mean squares is taken
def sampler_cost(samples):
    best = ((samples - samples.mean(0)) ** 2).mean().sqrt()
    pairs = [((a - b) ** 2).mean() for a, b in itertools.combinations(samples, 2)]
    sampler = (sum(pairs) / len(pairs)).sqrt()
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: the batch for the draws
# says: the images of the batch are taken for draws
def sampler_cost(samples):
    best = (samples - samples.median(1, keepdim=True).values).abs().mean()
    images = samples.shape[1]
    pairs = [(samples[:, i] - samples[:, j]).abs().mean() for i in range(images) for j in range(i)]
    sampler = sum(pairs) / max(1, len(pairs))
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: one median of everything
# says: one median is taken over everything
def sampler_cost(samples):
    best = (samples - samples.median()).abs().mean()
    pairs = [(a - b).abs().mean() for a, b in itertools.combinations(samples, 2)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: neighbours alone
# says: only some pairs are compared
def sampler_cost(samples):
    best = (samples - samples.median(0).values).abs().mean()
    sampler = (samples[1:] - samples[:-1]).abs().mean()
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: pairs counted once, divided by n·(n − 1)
# says: there are n·(n − 1)/2 pairs without order
def sampler_cost(samples):
    n = len(samples)
    best = (samples - samples.median(0).values).abs().mean()
    sampler = sum((a - b).abs().mean() for a, b in itertools.combinations(samples, 2)) / (n * (n - 1))
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: a mean of ratios
# says: pixels are divided one by one and then averaged
def sampler_cost(samples):
    n = len(samples)
    best = (samples - samples.median(0).values).abs().mean(0)
    sampler = sum((a - b).abs() for a, b in itertools.combinations(samples, 2)) / (n * (n - 1) / 2)
    return {"best": best.mean(), "sampler": sampler.mean(), "ratio": (sampler / best).mean()}


# %% 07.2 wrong: upside down
# says: ratio is upside down
def sampler_cost(samples):
    best = (samples - samples.median(0).values).abs().mean()
    pairs = [(a - b).abs().mean() for a, b in itertools.combinations(samples, 2)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": best / sampler}


# %% 07.2 wrong: the best draw
# says: best is the cost of the best draw
def sampler_cost(samples):
    best = min((samples - y).abs().mean() for y in samples)
    pairs = [(a - b).abs().mean() for a, b in itertools.combinations(samples, 2)]
    sampler = sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.2 wrong: sorted in place
# says: changes its input samples in place
def sampler_cost(samples):
    samples -= samples.median(0).values
    pairs = [(a - b).abs().mean() for a, b in itertools.combinations(samples, 2)]
    best, sampler = samples.abs().mean(), sum(pairs) / len(pairs)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}


# %% 07.3 right: a weighted sum, counters of the first network
def interpolate(theta_a, theta_b, alpha):
    missing = sorted(theta_a.keys() ^ theta_b.keys())
    if missing:
        raise ValueError(f"these entries are not in both networks: {missing}")
    out = {}
    for name, a in theta_a.items():
        out[name] = (1 - alpha) * a + alpha * theta_b[name] if a.is_floating_point() else a
    return out


# %% 07.3 right: from a towards b, counters of the second network
def interpolate(theta_a, theta_b, alpha):
    for name in (*theta_a, *theta_b):
        if name not in theta_a or name not in theta_b:
            raise KeyError(name)
    mixed = dict(theta_b)
    for name in theta_a:
        if theta_b[name].dtype.is_floating_point:
            mixed[name] = theta_a[name] + alpha * (theta_b[name] - theta_a[name])
    return mixed


# %% 07.3 right: in float64, back to the entry's dtype, sorted names
def interpolate(theta_a, theta_b, alpha):
    only_a, only_b = set(theta_a) - set(theta_b), set(theta_b) - set(theta_a)
    if only_a or only_b:
        raise RuntimeError(f"only in a: {only_a}; only in b: {only_b}")
    out = {}
    for name in sorted(theta_a):
        a, b = theta_a[name], theta_b[name]
        if a.dtype in (torch.int64, torch.int32):
            out[name] = torch.maximum(a, b)
        else:
            out[name] = torch.add(a.double() * (1 - alpha), b.double(), alpha=alpha).to(a.dtype)
    return out


# %% 07.3 wrong: alpha the other way round
# says: alpha is exchanged with 1 − alpha
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {k: alpha * a + (1 - alpha) * theta_b[k] if a.is_floating_point() else a for k, a in theta_a.items()}


# %% 07.3 wrong: a changed in place
# says: your code changes its input a in place
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    for k, a in theta_a.items():
        if a.is_floating_point():
            a.mul_(1 - alpha).add_(alpha * theta_b[k])
    return theta_a


# %% 07.3 wrong: counters averaged
# says: entries of integers are averaged
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {k: (1 - alpha) * a + alpha * theta_b[k] for k, a in theta_a.items()}


# %% 07.3 wrong: counters averaged and cut off
# says: half of one run's batches and half of another's is no number of batches
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {k: ((1 - alpha) * a + alpha * theta_b[k]).to(a.dtype) for k, a in theta_a.items()}


# %% 07.3 wrong: lerp of everything
# says: entries of integers are averaged
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {k: torch.lerp(a, theta_b[k], alpha) for k, a in theta_a.items()}


# %% 07.3 wrong: what only one of them has is passed over
# says: an entry that only one network has is passed over
def interpolate(theta_a, theta_b, alpha):
    out = {}
    for k, a in theta_a.items():
        if k in theta_b:
            out[k] = (1 - alpha) * a + alpha * theta_b[k] if a.is_floating_point() else a
    return out


# %% 07.3 wrong: nobody looks at the names
# says: stands in theta_b alone, and no error was raised
# says: Then two networks of another form are mixed silently
def interpolate(theta_a, theta_b, alpha):
    return {k: (1 - alpha) * a + alpha * theta_b[k] if a.is_floating_point() else a for k, a in theta_a.items()}


# %% 07.3 wrong: an error without the name
# says: the AssertionError raised does not name it
# says: Put the names into the message
def interpolate(theta_a, theta_b, alpha):
    assert theta_a.keys() == theta_b.keys(), "the networks differ"
    return {k: (1 - alpha) * a + alpha * theta_b[k] if a.is_floating_point() else a for k, a in theta_a.items()}


# %% 07.3 wrong: an assertion with the name
# says: but AssertionError does not fit
def interpolate(theta_a, theta_b, alpha):
    assert theta_a.keys() == theta_b.keys(), f"the networks differ in {theta_a.keys() ^ theta_b.keys()}"
    return {k: (1 - alpha) * a + alpha * theta_b[k] if a.is_floating_point() else a for k, a in theta_a.items()}


# %% 07.3 wrong: everything float32
# says: another dtype
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {
        k: (1 - alpha) * a.float() + alpha * theta_b[k].float() if a.is_floating_point() else a
        for k, a in theta_a.items()
    }


# %% 07.3 wrong: entries paired by their order
# says: entries are paired by their order
def interpolate(theta_a, theta_b, alpha):
    out = {}
    for (k, a), (_, b) in zip(theta_a.items(), theta_b.items()):
        out[k] = (1 - alpha) * a + alpha * b if a.is_floating_point() else a.clone()
    return out


# %% 07.3 wrong: the counters left out
# says: entries of integers are left out
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    return {k: torch.lerp(a, theta_b[k], alpha) for k, a in theta_a.items() if a.is_floating_point()}


# %% 07.3 wrong: alpha clamped
# says: alpha is clamped
def interpolate(theta_a, theta_b, alpha):
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"not in both: {odd}")
    alpha = min(max(alpha, 0), 1)
    return {k: torch.lerp(a, theta_b[k], alpha) if a.is_floating_point() else a for k, a in theta_a.items()}


# %% 07.4 right: Wilson's interval, standard library
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))

    def d(share):
        return math.sqrt(2) * NormalDist().inv_cdf(min(max(share, half), 1 - half))

    return d(p), d(middle - width), d(middle + width)


# %% 07.4 right: Jeffreys' interval, in torch and scipy
def dprime_2afc(correct, total):
    p = min(max(correct / total, 0.5 / total), 1 - 0.5 / total)
    ends = stats.beta.ppf([0.025, 0.975], correct + 0.5, total - correct + 0.5)
    shares = torch.tensor([p, *ends], dtype=torch.float64)
    return tuple(2 * torch.erfinv(2 * shares - 1))


# %% 07.4 right: Clopper and Pearson's interval, half an answer at the ends
def dprime_2afc(correct, total):
    p = np.clip(correct / total, 0.5 / total, 1 - 0.5 / total)
    lo = stats.beta.ppf(0.025, correct, total - correct + 1) if correct else 0
    hi = stats.beta.ppf(0.975, correct + 1, total - correct) if correct < total else 1
    lo, hi = np.clip([lo, hi], 0.25 / total, 1 - 0.25 / total)
    return np.sqrt(2) * stats.norm.ppf(p), np.sqrt(2) * stats.norm.ppf(lo), np.sqrt(2) * stats.norm.ppf(hi)


# %% 07.4 right: Agresti and Coull's interval, log-linear at the ends
def dprime_2afc(correct, total):
    def d(share):
        return math.sqrt(2) * stats.norm.ppf(min(max(share, 0.5 / (total + 1)), 1 - 0.5 / (total + 1)))

    n = total + 4
    p = (correct + 2) / n
    width = 1.96 * math.sqrt(p * (1 - p) / n)
    return d(correct / total), d(p - width), d(p + width)


# %% 07.4 right: an interval of d itself, by the slope of the normal distribution
def dprime_2afc(correct, total):
    normal = NormalDist()
    p = min(max(correct / total, 0.5 / total), 1 - 0.5 / total)
    z = normal.inv_cdf(p)
    spread = math.sqrt(p * (1 - p) / total) / normal.pdf(z)
    return tuple(math.sqrt(2) * (z + k * spread) for k in (0, -1.96, 1.96))


# %% 07.4 right: the shares that the data do not contradict, by a search over d
def dprime_2afc(correct, total):
    d = np.linspace(-6, 6, 1201)
    p = stats.norm.cdf(d / np.sqrt(2))
    tail_above, tail_below = stats.binom.sf(correct - 1, total, p), stats.binom.cdf(correct, total, p)
    kept = d[(tail_above > 0.025) & (tail_below > 0.025)]
    share = np.clip(correct / total, 0.5 / total, 1 - 0.5 / total)
    return np.sqrt(2) * stats.norm.ppf(share), kept.min(), kept.max()


# %% 07.4 wrong: no √2
# says: √2 is missing
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    return tuple(NormalDist().inv_cdf(min(max(s, half), 1 - half)) for s in (p, middle - width, middle + width))


# %% 07.4 wrong: hits minus false alarms
# says: That formula is for one picture a trial
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    phi = NormalDist().inv_cdf
    shares = [min(max(s, half), 1 - half) for s in (p, middle - width, middle + width)]
    return tuple(phi(hit) - phi(1 - hit) for hit in shares)


# %% 07.4 wrong: infinite at 100 %, by scipy
# says: not finite
# says: Nobody is infinitely sensitive
def dprime_2afc(correct, total):
    z = stats.norm.ppf(0.975)
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    half = 0.5 / total
    lo, hi = np.clip([middle - width, middle + width], half, 1 - half)
    return tuple(math.sqrt(2) * stats.norm.ppf([p, lo, hi]))


# %% 07.4 wrong: an error at 100 %, by the standard library
# says: your code raised StatisticsError
# says: keep every share, that of d and both ends of its interval
def dprime_2afc(correct, total):
    z = NormalDist().inv_cdf(0.975)
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(s) for s in (p, middle - width, middle + width))


# %% 07.4 wrong: the normal interval, beyond 1
# says: whose ends lie beyond 0 or 1
def dprime_2afc(correct, total):
    p = correct / total
    width = NormalDist().inv_cdf(0.975) * math.sqrt(p * (1 - p) / total)
    half = 0.5 / total
    d = stats.norm.ppf([min(max(p, half), 1 - half), p - width, p + width])
    return tuple(math.sqrt(2) * d)


# %% 07.4 wrong: the normal interval, clamped
# says: too narrow for 95 %
# says: With all answers right its width is 0
def dprime_2afc(correct, total):
    p, half = correct / total, 0.5 / total
    width = NormalDist().inv_cdf(0.975) * math.sqrt(p * (1 - p) / total)
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(min(max(s, half), 1 - half)) for s in (p, p - width, p + width))


# %% 07.4 wrong: shares as the interval
# says: lo and hi are shares of right answers
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    return math.sqrt(2) * NormalDist().inv_cdf(min(max(p, half), 1 - half)), middle - width, middle + width


# %% 07.4 wrong: half an answer added to every count
# says: here only 0 and total are corrected
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    shares = [(correct + 0.5) / (total + 1)] + [min(max(s, half), 1 - half) for s in (middle - width, middle + width)]
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(s) for s in shares)


# %% 07.4 wrong: clamped to a millionth
# says: too sure by far
# says: then that number decides what d is
def dprime_2afc(correct, total):
    z = NormalDist().inv_cdf(0.975)
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    shares = [min(max(s, 1e-6), 1 - 1e-6) for s in (p, middle - width, middle + width)]
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(s) for s in shares)


# %% 07.4 wrong: 90 %
# says: the interval's level is 90 %
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.95), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    shares = [min(max(s, half), 1 - half) for s in (p, middle - width, middle + width)]
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(s) for s in shares)


# %% 07.4 wrong: the interval first
# says: wanted are d, lo, hi
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    shares = [min(max(s, half), 1 - half) for s in (middle - width, p, middle + width)]
    return tuple(math.sqrt(2) * NormalDist().inv_cdf(s) for s in shares)


# %% 07.4 wrong: nobody is worse than a guesser
# says: d stops at 0
def dprime_2afc(correct, total):
    z, half = NormalDist().inv_cdf(0.975), 0.5 / total
    p = correct / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    width = z / (1 + z * z / total) * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2))
    shares = [min(max(s, half), 1 - half) for s in (p, middle - width, middle + width)]
    d, lo, hi = (math.sqrt(2) * NormalDist().inv_cdf(s) for s in shares)
    return max(0.0, d), lo, hi


# %% 07.4 wrong: never surprised
# says: too wide for 95 %
def dprime_2afc(correct, total):
    p, half = correct / total, 0.5 / total
    d = math.sqrt(2) * NormalDist().inv_cdf(min(max(p, half), 1 - half))
    return d, d - 9 / total**0.5, d + 9 / total**0.5


# %% 07.4 wrong: an interval of one fixed width
# says: four times as many trials make it about half as wide
def dprime_2afc(correct, total):
    p, half = correct / total, 0.5 / total
    d = math.sqrt(2) * NormalDist().inv_cdf(min(max(p, half), 1 - half))
    return d, d - 0.6, d + 0.6


# %% 07.4 wrong: the number alone
# says: wanted three numbers, d, lo, hi
def dprime_2afc(correct, total):
    p, half = correct / total, 0.5 / total
    return math.sqrt(2) * NormalDist().inv_cdf(min(max(p, half), 1 - half))


# %% 07.5 right: fft2 and a mask
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 right: shifted both, in NumPy
def low_share(residual, edge=0.1):
    x = residual.numpy()
    power = np.abs(np.fft.fftshift(np.fft.fft2(x), axes=(-2, -1))) ** 2
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n)) * 2 for n in x.shape[-2:])
    low = np.sqrt(fy[:, None] ** 2 + fx[None, :] ** 2) < edge
    return {"share": (power * low).sum() / power.sum(), "colour": np.abs(x.mean(axis=(2, 3)) * 127.5).mean()}


# %% 07.5 right: back to a picture, sums of squares of pixels
def low_share(residual, edge=0.1):
    h, w = residual.shape[2:]
    fy, fx = torch.fft.fftfreq(h, d=0.5)[:, None], torch.fft.fftfreq(w, d=0.5)[None]
    keep = ((fy**2 + fx**2).sqrt() < edge).double()
    low = torch.fft.ifft2(torch.fft.fft2(residual) * keep).real
    colour = sum(127.5 * abs(c.mean().item()) for image in residual for c in image) / (len(residual) * 3)
    return {"share": (low**2).sum().item() / (residual**2).sum().item(), "colour": colour}


# %% 07.5 right: rfft2, the columns in between counted twice
def low_share(residual, edge=0.1):
    h, w = residual.shape[2:]
    spectrum = torch.fft.rfft2(residual)
    times = torch.full((w // 2 + 1,), 2.0, dtype=torch.float64)
    times[0] = 1
    if w % 2 == 0:
        times[-1] = 1
    power = (spectrum.real**2 + spectrum.imag**2) * times
    distance = torch.hypot(2 * torch.fft.fftfreq(h)[:, None], 2 * torch.fft.rfftfreq(w))
    return {
        "share": power[..., distance < edge].sum() / power.sum(),
        "colour": residual.mean((-2, -1)).abs().mean() * 127.5,
    }


# %% 07.5 wrong: the absolute value before the mean
# says: the absolute value comes before the mean
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.abs().mean()}


# %% 07.5 wrong: amplitudes
# says: amplitudes are added up
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs()
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: clamped first
# says: the residual is clamped first
def low_share(residual, edge=0.1):
    residual = residual.clamp(-1, 1)
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: units of [-1, 1]
# says: colour is in units of [-1, 1]
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: times 255
# says: from -1 to 1 are two units
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 255 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: one mean of everything
# says: redder in one channel and greener in another then cancel
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean().abs()}


# %% 07.5 wrong: the batch averaged first
# says: images are averaged before the absolute value
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((0, 2, 3)).abs().mean()}


# %% 07.5 wrong: edge in cycles a pixel
# says: edge is measured in cycles a pixel
def low_share(residual, edge=0.1):
    fy, fx = (torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: a square of frequencies
# says: the larger of both components decides
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n).abs() for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = (fy[:, None] < edge) & (fx[None] < edge)
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: the spectrum shifted, the frequencies not
# says: fftshift moved the spectrum but not the frequencies
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fftshift(torch.fft.fft2(residual), dim=(-2, -1)).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: half of the spectrum
# says: rfft2's half spectrum is added up as it is
def low_share(residual, edge=0.1):
    fy, fx = 2 * torch.fft.fftfreq(residual.shape[2]), 2 * torch.fft.rfftfreq(residual.shape[3])
    power = torch.fft.rfft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: without the mean
# says: the mean is left out of the low power
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    distance = torch.hypot(fy[:, None], fx[None])
    low = (distance > 0) & (distance < edge)
    return {"share": power[..., low].sum() / power.sum(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}


# %% 07.5 wrong: a mean of the images' shares
# says: share divides the low power of all by the power of all
def low_share(residual, edge=0.1):
    fy, fx = (2 * torch.fft.fftfreq(n) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs() ** 2
    low = torch.hypot(fy[:, None], fx[None]) < edge
    share = power[..., low].sum((1, 2)) / power.sum((1, 2, 3))
    return {"share": share.mean(), "colour": 127.5 * residual.mean((2, 3)).abs().mean()}
