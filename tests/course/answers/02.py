import math
from itertools import pairwise

import numpy as np
import torch
from scipy import linalg, optimize
from torch import Tensor
from torch.nn import functional as F


# %% 02.1 right: sorted, the point where half of the weight is passed; a loop over the gaps
def best_constant(values, weights, loss):
    mean = float((weights * values).sum())
    if loss == "l2":
        return mean
    pairs = sorted(zip(values.tolist(), weights.tolist()))
    if loss == "l1":
        passed = 0.0
        for v, w in pairs:
            passed += w
            if passed >= 0.5:
                return v
    below, edges = 0.0, [-math.inf] + [v for v, _ in pairs] + [math.inf]
    for i, (left, right) in enumerate(zip(edges, edges[1:])):
        c = mean + ((1 - below) - below) / 2
        if c <= left:
            return left
        if c <= right:
            return c
        below += pairs[i][1]


# %% 02.1 right: ternary search, 200 steps
def best_constant(values, weights, loss):
    def cost(c):
        l1, l2 = (weights * (values - c).abs()).sum(), (weights * (values - c) ** 2).sum()
        return {"l1": l1, "l2": l2, "mix": 0.5 * l1 + 0.5 * l2}[loss]

    low, high = values.min().item(), values.max().item()
    for _ in range(200):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if cost(a) < cost(b):
            high = b
        else:
            low = a
    return (low + high) / 2


# %% 02.1 right: SciPy's bounded search, a value where one is as good
def best_constant(values, weights, loss):
    v, w = values.numpy(), weights.numpy()
    share = {"l1": 1, "l2": 0, "mix": 0.5}[loss]

    def cost(c):
        return (w * (share * np.abs(v - c) + (1 - share) * (v - c) ** 2)).sum()

    found = optimize.minimize_scalar(cost, bounds=(v.min(), v.max()), method="bounded", options={"xatol": 1e-9}).x
    return min([found, *v], key=cost)


# %% 02.1 right: a grid, refined five times, as a tensor without dimensions
def best_constant(values, weights, loss):
    low, high = values.min(), values.max()
    for _ in range(8):
        c = torch.linspace(low.item(), high.item(), 101, dtype=torch.float64)
        gap = values[None] - c[:, None]
        l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
        best = c[{"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin()]
        step = c[1] - c[0]
        low, high = best - step, best + step
    return best


# %% 02.1 wrong: the mean for l1
# says: This is the mean, the constant of the squared error
def best_constant(values, weights, loss):
    mean = float((weights * values).sum())
    if loss in ("l1", "l2"):
        return mean
    gaps = torch.cat([values, torch.linspace(-1, 1, 2001).double()])
    cost = (weights * ((values - gaps[:, None]).abs() + (values - gaps[:, None]) ** 2)).sum(1)
    return float(gaps[cost.argmin()])


# %% 02.1 wrong: the median of the list, the mean of the list
# says: every value counts alike
def best_constant(values, weights, loss):
    if loss == "l1":
        return values.median().item()
    if loss == "l2":
        return values.mean().item()
    return (values.median().item() + values.mean().item()) / 2


# %% 02.1 wrong: NumPy's median
# says: every value counts alike
def best_constant(values, weights, loss):
    best = {"l1": np.median(values.numpy()), "l2": np.average(values.numpy(), weights=weights.numpy())}
    return best[loss] if loss in best else (best["l1"] + best["l2"]) / 2


# %% 02.1 wrong: the weights left out of every loss
# says: every value counts alike
def best_constant(values, weights, loss):
    c = torch.cat([values, torch.linspace(values.min().item(), values.max().item(), 200001).double()])[:, None]
    l1, l2 = (values - c).abs().mean(1), ((values - c) ** 2).mean(1)
    return float(c[{"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin()])


# %% 02.1 wrong: the weighted sum divided by n
# says: the weighted sum is divided by the number of values
def best_constant(values, weights, loss):
    if loss == "l2":
        return torch.mean(weights * values).item()
    order = values.argsort()
    return values[order][weights[order].cumsum(0) >= 0.5][0].item()


# %% 02.1 wrong: mix is the average of the two constants
# says: "mix" is the average of the two minimisers
def best_constant(values, weights, loss):
    order = values.argsort()
    l1 = values[order][weights[order].cumsum(0) >= 0.5][0].item()
    l2 = (weights * values).sum().item()
    return {"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss]


# %% 02.1 wrong: a coarse grid
# says: stops somewhere near
def best_constant(values, weights, loss):
    c = torch.linspace(values.min().item(), values.max().item(), 101, dtype=torch.float64)
    gap = values - c[:, None]
    l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
    return c[{"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin()].item()


# %% 02.1 wrong: gradient steps
# says: or by small steps, stops somewhere near
# says: lies beyond the values
def best_constant(values, weights, loss):
    c = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([c], lr=0.02)
    for _ in range(100):
        gap = values - c
        l1, l2 = (weights * gap.abs()).sum(), (weights * gap**2).sum()
        optimizer.zero_grad()
        {"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].backward()
        optimizer.step()
    return c.item()


# %% 02.1 wrong: the index of the value
# says: Is it in their unit, and not an index?
def best_constant(values, weights, loss):
    gap = values - values[:, None]
    l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
    return {"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin().item()


# %% 02.1 wrong: a fine grid, but from -1 to 1
# says: lies beyond the values
# says: what in your function knows where the values lie?
def best_constant(values, weights, loss):
    c = torch.cat([torch.linspace(-1, 1, 200001).double(), values[(values >= -1) & (values <= 1)]])
    gap = values - c[:, None]
    l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
    return c[{"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin()].item()


# %% 02.1 wrong: the heaviest value
# says: the value with the largest weight
def best_constant(values, weights, loss):
    mode, mean = values[weights.argmax()].item(), (weights * values).sum().item()
    return {"l1": mode, "l2": mean, "mix": (mode + mean) / 2}[loss]


# %% 02.1 wrong: weights passed in the order of the list
# says: sort the values first
def best_constant(values, weights, loss):
    if loss == "l1":
        return values[torch.searchsorted(weights.cumsum(0), 0.5)].item()
    return (weights * values).sum().item()


# %% 02.1 wrong: values sorted, weights not
# says: each weight must move with its value
def best_constant(values, weights, loss):
    if loss == "l1":
        ordered, _ = torch.sort(values)
        return ordered[torch.searchsorted(torch.cumsum(weights, 0), 0.5)].item()
    return (weights * values).sum().item()


# %% 02.1 wrong: interpolated median
# says: interpolate between two neighbouring values
def best_constant(values, weights, loss):
    if loss == "l1":
        order = values.argsort()
        return float(np.interp(0.5, weights[order].cumsum(0).numpy(), values[order].numpy()))
    return (weights * values).sum().item()


# %% 02.1 wrong: only the values are tried
# says: A parabola can have its lowest point between two values
# says: The squared half makes parabolas between the values
def best_constant(values, weights, loss):
    gap = values - values[:, None]
    l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
    return values[{"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].argmin()].item()


# %% 02.1 wrong: else means l2
# says: the constant of the squared error alone
def best_constant(values, weights, loss):
    if loss == "l1":
        order = values.argsort()
        return values[order][weights[order].cumsum(0) >= 0.5][0].item()
    else:
        return (weights * values).sum().item()


# %% 02.1 wrong: anything but l2 means l1
# says: This is the constant of "l1" alone
def best_constant(values, weights, loss):
    if loss == "l2":
        return (weights * values).sum().item()
    order = values.argsort()
    return values[order][weights[order].cumsum(0) >= 0.5][0].item()


# %% 02.1 wrong: the 2 of the derivative lost
# says: the 2 is lost that the square brings down
def best_constant(values, weights, loss):
    low, high = values.min().item(), values.max().item()
    share = {"l1": (1, 0), "l2": (0, 1), "mix": (0.5, 0.5)}[loss]
    for _ in range(200):
        c = (low + high) / 2
        slope = (weights * (share[0] * torch.sign(c - values) + share[1] * (c - values))).sum()
        if slope > 0:
            high = c
        else:
            low = c
    return c


# %% 02.1 wrong: the whole square beside half of the absolute value
# says: the ½ of the squared half is lost
def best_constant(values, weights, loss):
    share = {"l1": (1, 0), "l2": (0, 1), "mix": (0.5, 1)}[loss]
    low, high = values.min().item(), values.max().item()
    for _ in range(200):
        c = (low + high) / 2
        slope = (weights * (share[0] * torch.sign(c - values) + share[1] * 2 * (c - values))).sum()
        if slope > 0:
            high = c
        else:
            low = c
    return c


# %% 02.1 wrong: the sides counted around the mean
# says: the two sides are counted once, around the mean
def best_constant(values, weights, loss):
    mean = (weights * values).sum().item()
    if loss == "l1":
        order = values.argsort()
        return values[order][weights[order].cumsum(0) >= 0.5][0].item()
    if loss == "l2":
        return mean
    return mean + 0.5 * (weights[values > mean].sum() - weights[values < mean].sum()).item()


# %% 02.1 wrong: the cost itself
# says: Wanted is the constant itself
def best_constant(values, weights, loss):
    c = torch.cat([values, torch.linspace(values.min().item(), values.max().item(), 2000001).double()])
    costs = []
    for chunk in c.split(100000):
        gap = values - chunk[:, None]
        l1, l2 = (weights * gap.abs()).sum(1), (weights * gap**2).sum(1)
        costs.append({"l1": l1, "l2": l2, "mix": (l1 + l2) / 2}[loss].min().item())
    return min(costs)


# %% 02.1 wrong: half-way between the ends
# says: half-way between the smallest and the largest value
def best_constant(values, weights, loss):
    return ((values.min() + values.max()) / 2).item()


# %% 02.1 wrong: return forgotten
# says: your function returned None, wanted one number: is a `return` missing?
def best_constant(values, weights, loss):
    if loss == "l2":
        (weights * values).sum().item()


# %% 02.1 wrong: all constants of the grid
# says: wanted one number
def best_constant(values, weights, loss):
    c = torch.linspace(-1, 1, 101).double()
    return (weights * (values - c[:, None]).abs()).sum(1)


# %% 02.2 right: one pass for both images, the real half cut off
def perceptual_loss(net, fake, real, weights):
    loss = 0
    for w, maps in zip(weights, net(net.preprocess(torch.cat([fake, real])))):
        a, b = maps.chunk(2)
        loss = loss + w * F.l1_loss(a, b.detach())
    return loss


# %% 02.2 right: einsum over a stack of means
def perceptual_loss(net, fake, real, weights):
    found = net(net.preprocess(fake))
    wanted = [h.detach() for h in net(net.preprocess(real.detach()))]
    means = torch.stack([(a - b).abs().flatten(1).mean(1).mean() for a, b in zip(found, wanted)])
    return torch.einsum("i,i->", means, torch.tensor(weights, dtype=means.dtype))


# %% 02.2 right: sums divided by their number, in a loop by index, zero to begin with
def perceptual_loss(net, fake, real, weights):
    loss = torch.zeros((), dtype=fake.dtype, device=fake.device)
    with torch.no_grad():
        y = net.forward(net.preprocess(real))
    x = net.forward(net.preprocess(fake))
    for i in range(len(weights)):
        loss = loss + weights[i] * torch.sum(torch.abs(x[i] - y[i])) / x[i].numel()
    return loss


# %% 02.2 wrong: not preprocessed
# says: The official code of SPADE and of pix2pixHD does the same
# says: net.preprocess was given 0 images, net looked at 8
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        wanted = net(real)
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, net(fake), wanted))


# %% 02.2 wrong: a preprocessing of one's own
# says: net.preprocess was given 0 images, net looked at 8
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        wanted = net((real + 1) / 2)
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, net((fake + 1) / 2), wanted))


# %% 02.2 wrong: only the real image preprocessed
# says: only one of the two images goes through net.preprocess
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        wanted = net(net.preprocess(real))
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, net(fake), wanted))


# %% 02.2 wrong: only the fake image preprocessed
# says: only one of the two images goes through net.preprocess
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        wanted = net(real)
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, net(net.preprocess(fake)), wanted))


# %% 02.2 wrong: preprocessed twice
# says: go through net.preprocess twice
def perceptual_loss(net, fake, real, weights):
    fake, real = net.preprocess(fake), net.preprocess(real)
    with torch.no_grad():
        wanted = net(net.preprocess(real))
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, net(net.preprocess(fake)), wanted))


# %% 02.2 wrong: the real side with gradient
# says: A gradient flows into the real images too
def perceptual_loss(net, fake, real, weights):
    x, y = net(net.preprocess(fake)), net(net.preprocess(real))
    return sum(w * (a - b).abs().mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: no gradient at all
# says: No gradient arrives at fake
# says: gradients must still pass through it
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        x, y = net(net.preprocess(fake)), net(net.preprocess(real))
        return sum(w * (a - b).abs().mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: the fake side detached
# says: the fake side is detached in place of the real one
def perceptual_loss(net, fake, real, weights):
    x, y = net(net.preprocess(fake.detach())), net(net.preprocess(real))
    return sum(w * (a - b).abs().mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: sums over everything
# says: added up where they should be averaged
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * (a - b).abs().sum() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: sums over positions
# says: added up where they should be averaged
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * (a - b).abs().sum(dim=(2, 3)).mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: sums over channels, as LPIPS has them
# says: added up where they should be averaged
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * (a - b).abs().sum(dim=1).mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: sum of each image
# says: added up where they should be averaged
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * (a - b).abs().flatten(1).sum(1).mean() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: weights left out
# says: the weights are not used
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return sum(F.l1_loss(a, b) for a, b in zip(net(net.preprocess(fake)), y))


# %% 02.2 wrong: the mean of the maps' means
# says: the weights are not used, and the maps' means are averaged
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return torch.stack([F.l1_loss(a, b) for a, b in zip(net(net.preprocess(fake)), y)]).mean()


# %% 02.2 wrong: weighted, then averaged over the maps
# says: the weighted means are averaged over the maps
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return torch.stack([w * F.l1_loss(a, b) for w, a, b in zip(weights, x, y)]).mean()


# %% 02.2 wrong: divided by the sum of the weights
# says: divided by the sum of the weights
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, x, y)) / sum(weights)


# %% 02.2 wrong: the sum overwritten
# says: only the last map counts
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    for w, a, b in zip(weights, x, y):
        loss = w * F.l1_loss(a, b)
    return loss


# %% 02.2 wrong: return inside the loop
# says: only the first map counts
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    loss = 0
    for w, a, b in zip(weights, x, y):
        loss += w * F.l1_loss(a, b)
        return loss


# %% 02.2 wrong: all maps joined
# says: all maps are joined into one long list
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return torch.cat([(w * (a - b).abs()).flatten() for w, a, b in zip(weights, x, y)]).mean()


# %% 02.2 wrong: squared
# says: the differences are squared
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return sum(w * F.mse_loss(a, b) for w, a, b in zip(weights, net(net.preprocess(fake)), y))


# %% 02.2 wrong: Euclidean norm
# says: the differences are squared
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return sum(w * torch.linalg.norm((a - b).flatten()) for w, a, b in zip(weights, net(net.preprocess(fake)), y))


# %% 02.2 wrong: smooth L1
# says: a smooth L1 or Huber loss
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return sum(w * F.huber_loss(a, b) for w, a, b in zip(weights, net(net.preprocess(fake)), y))


# %% 02.2 wrong: features of length 1
# says: divided by their length over the channels
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = [F.normalize(h) for h in net(net.preprocess(real))]
    x = [F.normalize(h) for h in net(net.preprocess(fake))]
    return sum(w * F.l1_loss(a, b) for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: a list of terms
# says: wanted a tensor of one number, the sum over the maps
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return [w * F.l1_loss(a, b) for w, a, b in zip(weights, net(net.preprocess(fake)), y)]


# %% 02.2 wrong: without the absolute value
# says: differences of both signs cancel
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    return sum(w * (a - b).mean() for w, a, b in zip(weights, net(net.preprocess(fake)), y))


# %% 02.2 wrong: a plain number
# says: drop .item() or float()
def perceptual_loss(net, fake, real, weights):
    x, y = net(net.preprocess(fake)), net(net.preprocess(real))
    return sum(w * F.l1_loss(a, b).item() for w, a, b in zip(weights, x, y))


# %% 02.2 wrong: one value an image
# says: the loss has the shape (1,)
# says: the loss has the shape (4,)
def perceptual_loss(net, fake, real, weights):
    with torch.no_grad():
        y = net(net.preprocess(real))
    x = net(net.preprocess(fake))
    return sum(w * (a - b).abs().mean((1, 2, 3)) for w, a, b in zip(weights, x, y))


# %% 02.3 right: sums over FFT coefficients, without the way back
def gain_derivative(grad, output, edges):
    n = output.shape[-1]
    k = torch.fft.fftfreq(n) * n
    r = torch.sqrt(k[:, None] ** 2 + k[None, :] ** 2) / (n / 2)
    product = (torch.fft.fft2(grad, norm="ortho").conj() * torch.fft.fft2(output, norm="ortho")).real
    product = product.sum((0, 1))
    return torch.stack([product[(r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 right: half spectra, there and back
def gain_derivative(grad, output, edges):
    n = output.shape[-1]
    fy, fx = torch.fft.fftfreq(n)[:, None], torch.fft.rfftfreq(n)[None, :]
    r = torch.hypot(fy, fx) / 0.5
    g = torch.empty(len(edges) - 1, dtype=output.dtype)
    for b in range(len(edges) - 1):
        mask = (edges[b] <= r) * (r < edges[b + 1])
        band = torch.fft.irfft2(torch.fft.rfft2(output) * mask, s=(n, n))
        g[b] = torch.einsum("bchw,bchw->", grad, band)
    return g


# %% 02.3 right: shifted spectrum, NumPy's grid, autograd of the dot product by the gain
def gain_derivative(grad, output, edges):
    n = output.shape[-1]
    y, x = np.indices((n, n)) - n // 2
    r = torch.from_numpy(np.hypot(y, x) / (n / 2))
    found = []
    for lo, hi in zip(edges[:-1], edges[1:]):
        spectrum = torch.fft.fftshift(torch.fft.fft2(output), dim=(-2, -1))
        spectrum = torch.where((r >= lo) & (r < hi), spectrum, 0)
        band = torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real
        alpha = torch.ones((), dtype=output.dtype, requires_grad=True)
        (slope,) = torch.autograd.grad((grad * (output + (alpha - 1) * band)).sum(), alpha)
        found.append(slope)
    return torch.stack(found)


# %% 02.3 right: the band of the gradient, image by image
def gain_derivative(grad, output, edges):
    n, g = output.shape[-1], torch.zeros(len(edges) - 1, dtype=output.dtype)
    f = 2 * torch.fft.fftfreq(n, dtype=torch.float64)
    r = (f[:, None] ** 2 + f**2).sqrt()
    for d, y in zip(grad.flatten(0, 1), output.flatten(0, 1)):
        for b in range(len(g)):
            keep = ((r >= edges[b]) & (r < edges[b + 1])).double()
            g[b] += torch.dot(torch.fft.ifft2(torch.fft.fft2(d) * keep).real.flatten(), y.flatten())
    return g


# %% 02.3 wrong: cosine of gradient and band
# says: as for a cosine
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append(F.cosine_similarity(grad.flatten(), band.flatten(), dim=0))
    return torch.stack(g)


# %% 02.3 wrong: cosine of two bands
# says: as for a cosine
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        d, y = (torch.fft.ifft2(torch.fft.fft2(x) * ((r >= lo) & (r < hi))).real.flatten() for x in (grad, output))
        g.append((d * y).sum() / (d.norm() * y.norm()))
    return torch.stack(g)


# %% 02.3 wrong: divided by the band's length
# says: as for a cosine
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band / band.norm()).sum())
    return torch.stack(g)


# %% 02.3 wrong: the sign turned
# says: The sign is turned
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((-grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: absolute values added up
# says: absolute values are added up
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad.abs() * band.abs()).sum())
    return torch.stack(g)


# %% 02.3 wrong: absolute value of the result
# says: the result is made positive
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = (torch.fft.fft2(grad) * torch.fft.fft2(output).conj()).sum((0, 1)) / f.numel() ** 2
    return torch.stack([product[(r >= lo) & (r < hi)].sum().abs() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: magnitudes multiplied
# says: magnitudes |F| are multiplied
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = torch.fft.fft2(grad, norm="ortho").abs() * torch.fft.fft2(output, norm="ortho").abs()
    return torch.stack([product[:, :, (r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: coefficients multiplied as they are
# says: one of the two complex conjugated
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = (torch.fft.fft2(grad, norm="ortho") * torch.fft.fft2(output, norm="ortho")).real
    return torch.stack([product[:, :, (r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: not brought back
# says: the masked coefficients are not brought back
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.fft2(output) * ((r >= lo) & (r < hi))
        g.append((grad * band.real).sum())
    return torch.stack(g)


# %% 02.3 wrong: mean of each ring
# says: a mean is taken over each band's coefficients
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = (torch.fft.fft2(grad, norm="ortho").conj() * torch.fft.fft2(output, norm="ortho")).real.sum((0, 1))
    return torch.stack([product[(r >= lo) & (r < hi)].mean() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: a list
# says: your function returned a list of 5, wanted one tensor
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum().item())
    return g


# %% 02.3 wrong: zeros of another dtype
# says: does some tensor begin with a dtype of its own?
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), torch.zeros(len(edges) - 1)
    for b in range(len(g)):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= edges[b]) & (r < edges[b + 1]))).real
        g[b] = (grad * band).sum()
    return g


# %% 02.3 wrong: back with .abs()
# says: it makes negative pixels positive
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).abs()
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: energy of the output's bands
# says: the gradient is not used
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    power = torch.fft.fft2(output, norm="ortho").abs() ** 2
    return torch.stack([power[:, :, (r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: mean over everything
# says: average where you should add up
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).mean())
    return torch.stack(g)


# %% 02.3 wrong: mean over the batch
# says: average where you should add up
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum((1, 2, 3)).mean())
    return torch.stack(g)


# %% 02.3 wrong: one row an image
# says: got shape (1,
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum((1, 2, 3)))
    return torch.stack(g, 1)


# %% 02.3 wrong: the batch averaged first
# says: images are averaged before the product
def gain_derivative(grad, output, edges):
    grad, output = grad.mean(0), output.mean(0)
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: the colours averaged first
# says: colours are averaged before the product
def gain_derivative(grad, output, edges):
    grad, output = grad.mean(1), output.mean(1)
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: products of coefficients without N²
# says: without dividing by N²
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = (torch.fft.fft2(grad) * torch.fft.fft2(output).conj()).real
    return torch.stack([product[:, :, (r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: Nyquist is 1
# says: fftfreq gives periods a pixel, which end at 0.5
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64)
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: the corners are 1
# says: your corners are at 1
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64)
    r, g = torch.hypot(f[:, None], f[None]) / math.sqrt(0.5), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: square rings
# says: The rings are squares
def gain_derivative(grad, output, edges):
    f = (torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2).abs()
    r, g = torch.maximum(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: diamonds
# says: The rings are diamonds
def gain_derivative(grad, output, edges):
    f = (torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2).abs()
    r, g = f[:, None] + f[None], []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: only frequencies to the right
# says: only one half of the frequencies
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        mask = (r >= lo) & (r < hi) & (f[None] >= 0)
        g.append((grad * torch.fft.ifft2(torch.fft.fft2(output) * mask).real).sum())
    return torch.stack(g)


# %% 02.3 wrong: distances from signed frequencies
# says: only one half of the frequencies
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for lo, hi in pairwise(edges):
        mask = (r >= lo) & (r < hi) & (f[:, None] >= 0) & (f[None] >= 0)
        g.append((grad * torch.fft.ifft2(torch.fft.fft2(output) * mask).real).sum())
    return torch.stack(g)


# %% 02.3 wrong: half spectra, each coefficient once
# says: only one half of the frequencies
def gain_derivative(grad, output, edges):
    n = output.shape[-1]
    r = torch.hypot(torch.fft.fftfreq(n)[:, None], torch.fft.rfftfreq(n)[None]) * 2
    product = (torch.fft.rfft2(grad, norm="ortho").conj() * torch.fft.rfft2(output, norm="ortho")).real.sum((0, 1))
    return torch.stack([product[(r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.3 wrong: a centred mask on a spectrum that is not
# says: the distances are not measured from frequency 0
def gain_derivative(grad, output, edges):
    n = output.shape[-1]
    k = torch.arange(n, dtype=torch.float64) - n // 2
    r, g = torch.hypot(k[:, None], k[None]) / (n / 2), []
    for lo, hi in pairwise(edges):
        band = torch.fft.ifft2(torch.fft.fft2(output) * ((r >= lo) & (r < hi))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: frequencies by linspace
# says: the distances are not measured from frequency 0
def gain_derivative(grad, output, edges):
    k = torch.linspace(-1, 1, output.shape[-1], dtype=torch.float64)
    r, g = torch.hypot(k[:, None], k[None]), []
    for lo, hi in pairwise(edges):
        spectrum = torch.fft.fftshift(torch.fft.fft2(output), dim=(-2, -1)) * ((r >= lo) & (r < hi))
        band = torch.fft.ifft2(torch.fft.ifftshift(spectrum, dim=(-2, -1))).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: every band begins at 0
# says: each band begins at frequency 0
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r, g = torch.hypot(f[:, None], f[None]), []
    for hi in edges[1:]:
        band = torch.fft.ifft2(torch.fft.fft2(output) * (r < hi)).real
        g.append((grad * band).sum())
    return torch.stack(g)


# %% 02.3 wrong: a complex result
# says: the result is complex
def gain_derivative(grad, output, edges):
    f = torch.fft.fftfreq(output.shape[-1], dtype=torch.float64) * 2
    r = torch.hypot(f[:, None], f[None])
    product = (torch.fft.fft2(grad, norm="ortho").conj() * torch.fft.fft2(output, norm="ortho")).sum((0, 1))
    return torch.stack([product[(r >= lo) & (r < hi)].sum() for lo, hi in pairwise(edges)])


# %% 02.4 right: eigenvalues of the product, their real part, clamped
def frechet_distance(a, b):
    ca, cb = np.cov(a.numpy(), rowvar=False), np.cov(b.numpy(), rowvar=False)
    roots = np.sqrt(np.maximum(np.linalg.eigvals(ca @ cb).real, 0))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum()) + np.trace(ca) + np.trace(cb) - 2 * roots.sum()


# %% 02.4 right: SciPy's matrix root, its real part
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    root = linalg.sqrtm(ca @ cb)
    return float((a.mean(0) - b.mean(0)).square().sum()) + float(np.trace(ca + cb - 2 * root.real))


# %% 02.4 right: as FID's code, a little added to the diagonals
def frechet_distance(a, b):
    a, b = a.numpy(), b.numpy()
    gap, ca, cb = a.mean(0) - b.mean(0), np.cov(a.T), np.cov(b.T)
    small = 1e-10 * np.eye(len(ca))
    root = linalg.sqrtm((ca + small) @ (cb + small))
    return gap @ gap + np.trace(ca) + np.trace(cb) - 2 * np.trace(np.real(root))


# %% 02.4 right: singular values of the centred samples' product
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 right: covariances by einsum, torch's complex eigenvalues
def frechet_distance(a, b):
    x, y = a - a.mean(dim=0, keepdim=True), b - b.mean(dim=0, keepdim=True)
    ca = torch.einsum("ni,nj->ij", x, x) / (a.shape[0] - 1)
    cb = torch.einsum("ni,nj->ij", y, y) / (b.shape[0] - 1)
    roots = torch.linalg.eigvals(ca @ cb).real.clamp(min=0).sqrt()
    means = torch.linalg.norm(a.mean(0) - b.mean(0)) ** 2
    return means + torch.trace(ca) + torch.trace(cb) - 2 * roots.sum()


# %% 02.4 wrong: the root of each element
# says: the root is taken of each element
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    gap = a.mean(0) - b.mean(0)
    return (gap @ gap + torch.trace(ca + cb - 2 * torch.sqrt(ca @ cb))).item()


# %% 02.4 wrong: NumPy's sqrt of each matrix
# says: the root is taken of each element
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    gap = a.mean(0) - b.mean(0)
    return (gap @ gap + ca.trace() + cb.trace() - 2 * (ca.sqrt() @ cb.sqrt()).trace()).item()


# %% 02.4 wrong: variances only
# says: only variances are compared
def frechet_distance(a, b):
    return ((a.mean(0) - b.mean(0)) ** 2).sum() + ((a.std(0) - b.std(0)) ** 2).sum()


# %% 02.4 wrong: the product of the roots
# says: the last term is tr(√Ca·√Cb)
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    roots = [v * np.sqrt(np.maximum(w, 0)) @ v.T for w, v in map(np.linalg.eigh, (ca, cb))]
    return float((a.mean(0) - b.mean(0)).square().sum()) + np.trace(ca + cb - 2 * roots[0] @ roots[1])


# %% 02.4 wrong: the product of the roots, not clamped
# says: the last term is tr(√Ca·√Cb)
# says: rounding makes some of them
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    (la, va), (lb, vb) = torch.linalg.eigh(ca), torch.linalg.eigh(cb)
    ra, rb = va @ torch.diag(la.sqrt()) @ va.T, vb @ torch.diag(lb.sqrt()) @ vb.T
    return (a.mean(0) - b.mean(0)).square().sum() + (ca + cb - 2 * ra @ rb).trace()


# %% 02.4 wrong: eigvalsh of the product
# says: read one triangle only
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvalsh(ca @ cb).clamp(min=0).sqrt()
    return ((a.mean(0) - b.mean(0)).square().sum() + ca.trace() + cb.trace() - 2 * roots.sum()).item()


# %% 02.4 wrong: singular values of the product
# says: Its singular values are not its eigenvalues
def frechet_distance(a, b):
    ca, cb = np.cov(a.numpy().T), np.cov(b.numpy().T)
    roots = np.sqrt(np.linalg.svd(ca @ cb, compute_uv=False)).sum()
    return float((a.mean(0) - b.mean(0)).square().sum()) + np.trace(ca) + np.trace(cb) - 2 * roots


# %% 02.4 wrong: covariances element by element
# says: covariances are compared element by element
def frechet_distance(a, b):
    return (F.mse_loss(a.mean(0), b.mean(0), reduction="sum") + (torch.cov(a.T) - torch.cov(b.T)).norm() ** 2).item()


# %% 02.4 wrong: one mean a set
# says: one mean is taken over all numbers of a set
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean() - b.mean()) ** 2 + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: the means' distance not squared
# says: the distance of the means is not squared
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: the means' mean squared difference
# says: averaged over the features
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return (F.mse_loss(a.mean(0), b.mean(0)) + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: absolute differences of the means
# says: absolute differences of the means
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).abs().sum() + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: the means left out
# says: the means are not compared
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    return (x.square().sum() + y.square().sum() - 2 * torch.linalg.svdvals(x @ y.T).sum()).item()


# %% 02.4 wrong: the root subtracted once
# says: It is subtracted twice
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() + y.square().sum() - roots).item()


# %% 02.4 wrong: no root of the product
# says: no root is taken of the product
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + (ca + cb - 2 * ca @ cb).trace()).item()


# %% 02.4 wrong: root of the trace
# says: the root is taken of the trace
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + ca.trace() + cb.trace() - 2 * (ca @ cb).trace().sqrt()).item()


# %% 02.4 wrong: one trace missing
# says: a term is missing
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() - 2 * roots).item()


# %% 02.4 wrong: the root of the whole
# says: the root is taken of the whole
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s) - 1) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    squared = (a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() + y.square().sum() - 2 * roots
    return squared.sqrt().item()


# %% 02.4 wrong: divided by N
# says: covariances are divided by N
def frechet_distance(a, b):
    x, y = ((s - s.mean(0)) / math.sqrt(len(s)) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: not around the mean
# says: a covariance is taken around the mean
def frechet_distance(a, b):
    x, y = (s / math.sqrt(len(s)) for s in (a, b))
    roots = torch.linalg.svdvals(x @ y.T).sum()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + x.square().sum() + y.square().sum() - 2 * roots).item()


# %% 02.4 wrong: NaN with few samples
# says: rounding makes some of them
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(ca @ cb).real.sqrt()
    return ((a.mean(0) - b.mean(0)).norm() ** 2 + ca.trace() + cb.trace() - 2 * roots.sum()).item()


# %% 02.4 wrong: complex eigenvalues
# says: the result is complex
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    roots = torch.linalg.eigvals(ca @ cb).sqrt()
    return (a.mean(0) - b.mean(0)).norm() ** 2 + ca.trace() + cb.trace() - 2 * roots.sum()


# %% 02.4 wrong: Cholesky
# says: A Cholesky factor exists only where
def frechet_distance(a, b):
    ca, cb = torch.cov(a.T), torch.cov(b.T)
    lower = torch.linalg.cholesky(ca)
    roots = torch.linalg.eigvalsh(lower.T @ cb @ lower).clamp(min=0).sqrt().sum()
    return (a.mean(0) - b.mean(0)).norm() ** 2 + ca.trace() + cb.trace() - 2 * roots


# %% 02.4 wrong: rows taken for features
# says: torch.cov and np.cov take rows for features
def frechet_distance(a, b):
    ca, cb = torch.cov(a), torch.cov(b)
    roots = torch.linalg.eigvals(ca @ cb).real.clamp(min=0).sqrt().sum()
    return (a.mean(0) - b.mean(0)).norm() ** 2 + ca.trace() + cb.trace() - 2 * roots


# %% 02.4 wrong: one number a feature
# says: your function returned tensor
def frechet_distance(a, b):
    return (a.mean(0) - b.mean(0)) ** 2 + (a.std(0) - b.std(0)) ** 2


# %% 02.5 right: loops, sorted distances
def precision_recall(real, fake, k=3):
    def radii(points):
        return [sorted(math.dist(p, q) for q in points)[k] for p in points]

    def share(points, others):
        reach = radii(others)
        return sum(any(math.dist(p, q) <= r for q, r in zip(others, reach)) for p in points) / len(points)

    real, fake = real.tolist(), fake.tolist()
    return share(fake, real), share(real, fake)


# %% 02.5 right: broadcasting, squared distances, the point itself at infinity, strictly inside
def precision_recall(real, fake, k=3):
    def square(a, b):
        return ((a[:, None] - b[None]) ** 2).sum(-1)

    def reach(points):
        d = square(points, points)
        d.fill_diagonal_(math.inf)
        return d.topk(k, largest=False).values[:, -1]

    d = square(fake, real)
    p = (d < reach(real)).any(dim=1).double().mean()
    r = (d < reach(fake)[:, None]).any(dim=0).double().mean()
    return p, r


# %% 02.5 right: products by einsum, counts
def precision_recall(real, fake, k=3):
    def distance(a, b):
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * torch.einsum("id,jd->ij", a, b)
        return squares.clamp(min=0).sqrt()

    found = []
    for points, others in ((fake, real), (real, fake)):
        reach = distance(others, others).sort(dim=1).values[:, k]
        hits = (distance(points, others) <= reach[None, :] + 1e-12).sum(1)
        found.append(int((hits > 0).sum()) / len(points))
    return found


# %% 02.5 right: torch.cdist and kthvalue
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    precision = (d <= r_real).any(1).float().mean().item()
    recall = (d.T <= r_fake).any(1).float().mean().item()
    return precision, recall


# %% 02.5 wrong: all for any
# says: one is enough
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_real).all(1).double().mean().item(), (d.T <= r_fake).all(1).double().mean().item()


# %% 02.5 wrong: itself a neighbour
# says: each point counts as its own nearest neighbour
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).topk(k, largest=False).values[:, -1]
    r_fake = torch.cdist(fake, fake).topk(k, largest=False).values[:, -1]
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: one neighbour too far
# says: the (k + 1)-th other point
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).sort().values[:, k + 1]
    r_fake = torch.cdist(fake, fake).sort().values[:, k + 1]
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: k is not used
# says: k is always 3
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).sort().values[:, 3]
    r_fake = torch.cdist(fake, fake).sort().values[:, 3]
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: each point's own radius
# says: each point's own radius decides
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_fake[:, None]).any(1).double().mean().item(), (d <= r_real).any(0).double().mean().item()


# %% 02.5 wrong: radii along the wrong axis
# says: the radii run along the wrong axis
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    precision = (d <= r_real[:, None]).any(1).double().mean().item()
    return precision, (d.T <= r_fake[:, None]).any(1).double().mean().item()


# %% 02.5 wrong: neighbours in the other set
# says: neighbours are points of the same set
def precision_recall(real, fake, k=3):
    d = torch.cdist(fake, real)
    r_real, r_fake = d.kthvalue(k, dim=0).values, d.kthvalue(k, dim=1).values
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: share of balls
# says: the balls are counted, not the points
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_real).any(0).double().mean().item(), (d.T <= r_fake).any(0).double().mean().item()


# %% 02.5 wrong: all pairs
# says: A point that lies in many balls counts once
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_real).double().mean().item(), (d.T <= r_fake).double().mean().item()


# %% 02.5 wrong: counts
# says: divide by how many there are
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).sum().item(), (d.T <= r_fake).any(1).sum().item()


# %% 02.5 wrong: the nearest only
# says: compared with its nearest one only
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    p, i = torch.cdist(fake, real).min(1)
    r, j = torch.cdist(real, fake).min(1)
    return (p <= r_real[i]).double().mean().item(), (r <= r_fake[j]).double().mean().item()


# %% 02.5 wrong: a mean radius
# says: one radius is used for all points
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values.mean()
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values.mean()
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: the mean of k distances
# says: the mean of the distances to k neighbours
def precision_recall(real, fake, k=3):
    r_real, r_fake = (torch.cdist(x, x).topk(k + 1, largest=False).values[:, 1:].mean(1) for x in (real, fake))
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: the farthest
# says: are the radii distances, and those of the nearest points?
def precision_recall(real, fake, k=3):
    r_real, r_fake = (torch.cdist(x, x).topk(k).values[:, -1] for x in (real, fake))
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: radii of squares
# says: distances are compared with squares of distances
def precision_recall(real, fake, k=3):
    def square(a, b):
        return ((a[:, None] - b) ** 2).sum(-1)

    r_real, r_fake = (square(x, x).sort().values[:, k] for x in (real, fake))
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d.T <= r_fake).any(1).double().mean().item()


# %% 02.5 wrong: the radii's own set, for recall only
# says: each point's own radius decides
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1).double().mean().item(), (d <= r_real).any(0).double().mean().item()


# %% 02.5 wrong: per cent
# says: A share lies between 0 and 1
def precision_recall(real, fake, k=3):
    r_real, r_fake = (torch.cdist(x, x).kthvalue(k + 1).values for x in (real, fake))
    d = torch.cdist(fake, real)
    return 100 * (d <= r_real).any(1).double().mean(), 100 * (d.T <= r_fake).any(1).double().mean()


# %% 02.5 wrong: who lies inside
# says: A share is one number
def precision_recall(real, fake, k=3):
    r_real, r_fake = (torch.cdist(x, x).kthvalue(k + 1).values for x in (real, fake))
    d = torch.cdist(fake, real)
    return (d <= r_real).any(1), (d.T <= r_fake).any(1)


# %% 02.5 wrong: precision and recall exchanged
# says: Precision and recall are exchanged
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    r_fake = torch.cdist(fake, fake).kthvalue(k + 1).values
    d = torch.cdist(real, fake)
    return (d <= r_fake).any(1).double().mean().item(), (d.T <= r_real).any(1).double().mean().item()


# %% 02.5 wrong: the same share twice
# says: both numbers are the same share
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    precision = (torch.cdist(fake, real) <= r_real).any(1).double().mean().item()
    recall = (torch.cdist(real, fake).T <= r_real).any(1).double().mean().item()
    return precision, recall


# %% 02.5 wrong: only precision
# says: wanted a pair of numbers: precision, recall
def precision_recall(real, fake, k=3):
    r_real = torch.cdist(real, real).kthvalue(k + 1).values
    return (torch.cdist(fake, real) <= r_real).any(1).double().mean().item()
