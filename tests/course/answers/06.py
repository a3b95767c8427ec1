import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.nets import Output


# %% 06.1 right: the standard deviation of the difference, times √(2/π)
def coupled_l1(sigma, w):
    return math.sqrt(sigma**2 + w**2) * math.sqrt(2 / math.pi)


# %% 06.1 right: the integral of |t| under the density
def coupled_l1(sigma, w):
    std = (sigma**2 + w**2) ** 0.5
    t = torch.linspace(0, 10, 20_001, dtype=torch.float64)
    density = torch.exp(-t.square() / 2) / math.sqrt(2 * math.pi)
    return std * 2 * torch.trapezoid(t * density, t)


# %% 06.1 right: a simulation with a generator of its own
def coupled_l1(sigma, w):
    g = torch.Generator().manual_seed(0)
    eps, n = torch.randn(2, 500_000, generator=g)
    return (sigma * eps - w * n).abs().mean().item()


# %% 06.1 right: given n it is a folded normal, whose mean is averaged over n
def coupled_l1(sigma, w):
    n = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    weight = torch.exp(-n.square() / 2)
    mu = w * n
    z = mu / max(sigma, 1e-12)
    folded = sigma * math.sqrt(2 / math.pi) * torch.exp(-z.square() / 2) + mu * torch.erf(z / math.sqrt(2))
    return float((folded * weight).sum() / weight.sum())


# %% 06.1 wrong: the sizes added up
# says: the variances add up
# says: on average over 400,000 draws, yours is
def coupled_l1(sigma, w):
    return sigma + w


# %% 06.1 wrong: two mean sizes added up
# says: the variances add up
def coupled_l1(sigma, w):
    return math.sqrt(2 / math.pi) * (sigma + abs(w))


# %% 06.1 wrong: the standard deviation
# says: The mean distance from 0 is smaller
def coupled_l1(sigma, w):
    return math.sqrt(sigma**2 + w**2)


# %% 06.1 wrong: the variance
# says: L1 is a mean of absolute values
# says: it is a distance, not a square
def coupled_l1(sigma, w):
    return sigma**2 + w**2


# %% 06.1 wrong: least when the noise is as large as the truth's
# says: Here n is a draw of its own
# says: the sign of w plays no part
def coupled_l1(sigma, w):
    return abs(sigma - w) * math.sqrt(2 / math.pi)


# %% 06.1 wrong: least when the noise is as large as the truth's, of either sign
# says: Here n is a draw of its own
# says: your value is least at w =
def coupled_l1(sigma, w):
    return abs(sigma - abs(w)) * math.sqrt(2 / math.pi)


# %% 06.1 wrong: the difference without its absolute value
# says: Here n is a draw of its own
def coupled_l1(sigma, w):
    return sigma - w


# %% 06.1 wrong: the noise forgotten
# says: w plays no part
def coupled_l1(sigma, w):
    return sigma * math.sqrt(2 / math.pi)


# %% 06.1 wrong: variances subtracted
# says: of a difference of independent draws the variances add up
def coupled_l1(sigma, w):
    return math.sqrt(abs(sigma**2 - w**2)) * math.sqrt(2 / math.pi)


# %% 06.1 wrong: the price of a perfect sampler, once more
# says: the second σ is counted twice
def coupled_l1(sigma, w):
    return 2 * math.sqrt(sigma**2 + w**2) / math.sqrt(math.pi)


# %% 06.1 wrong: the constant upside down
# says: √(2/π) is upside down
def coupled_l1(sigma, w):
    return math.sqrt(math.pi / 2) * math.hypot(sigma, w)


# %% 06.1 wrong: π and 2 without a root
# says: its root is missing
def coupled_l1(sigma, w):
    return 2 / math.pi * math.hypot(sigma, w)


# %% 06.1 wrong: draws from the global state
# says: draws from the global random state
def coupled_l1(sigma, w):
    torch.manual_seed(0)
    return (sigma * torch.randn(100_000) - w * torch.randn(100_000)).abs().mean().item()


# %% 06.1 wrong: ten draws
# says: on average over 400,000 draws, yours is
def coupled_l1(sigma, w):
    eps, n = torch.randn(2, 10, generator=torch.Generator().manual_seed(0))
    return (sigma * eps - w * n).abs().mean().item()


# %% 06.1 wrong: one draw for truth and noise
# says: Here n is a draw of its own
def coupled_l1(sigma, w):
    t = torch.linspace(-10, 10, 20_001, dtype=torch.float64)
    density = torch.exp(-t.square() / 2) / math.sqrt(2 * math.pi)
    return torch.trapezoid((sigma * t - w * t).abs() * density, t).item()


# %% 06.1 wrong: nothing returned
# says: is a `return` missing?
def coupled_l1(sigma, w):
    math.hypot(sigma, w) * math.sqrt(2 / math.pi)


# %% 06.2 right: chunk, instance norm
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z).chunk(2, dim=1)
        return (1 + gamma[:, :, None, None]) * F.instance_norm(h) + beta[:, :, None, None]


# %% 06.2 right: a loop over images and channels
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        both, images = self.affine(z), []
        channels = h.shape[1]
        for x, row in zip(h, both):
            new = []
            for c in range(channels):
                mu = x[c].mean()
                sigma = ((x[c] - mu).square().mean() + 1e-5).sqrt()
                new.append((x[c] - mu) / sigma * (row[c] + 1) + row[channels + c])
            images.append(torch.stack(new))
        return torch.stack(images)


# %% 06.2 right: einsum, one multiplication and one addition
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)
        self.ch = ch

    def forward(self, h, z):
        affine = z @ self.affine.weight.T + self.affine.bias
        gamma, beta = affine[:, : self.ch], affine[:, self.ch :]
        pixels = h.shape[2] * h.shape[3]
        mean = torch.einsum("bchw->bc", h) / pixels
        var = torch.einsum("bchw,bchw->bc", h, h) / pixels - mean**2
        scale = (1 + gamma) * torch.rsqrt(var.clamp(min=0) + 1e-5)
        shift = beta - mean * scale
        return torch.einsum("bchw,bc->bchw", h, scale) + shift[..., None, None]


# %% 06.2 right: nn.InstanceNorm2d as a module, addcmul
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)
        self.norm = nn.InstanceNorm2d(ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z).unflatten(1, (2, -1))[..., None, None].unbind(1)
        n = self.norm(h)
        return torch.addcmul(n + beta, gamma, n)


# %% 06.2 wrong: the printed equation
# says: Equation and course differ here
# says: the layer begins as plain instance norm
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return gamma * F.instance_norm(h) + beta


# %% 06.2 wrong: statistics of the batch
# says: an image must not see the others
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        mean, var = h.mean((0, 2, 3), keepdim=True), h.var((0, 2, 3), keepdim=True, unbiased=False)
        return (1 + gamma) * (h - mean) / (var + 1e-5).sqrt() + beta


# %% 06.2 wrong: nn.BatchNorm2d
# says: what normalises has neither weights nor running statistics
# says: has norm.num_batches_tracked, norm.running_mean, norm.running_var
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)
        self.norm = nn.BatchNorm2d(ch, affine=False)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * self.norm(h) + beta


# %% 06.2 wrong: an instance norm with weights
# says: has norm.bias, norm.weight
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)
        self.norm = nn.InstanceNorm2d(ch, affine=True)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * self.norm(h) + beta


# %% 06.2 wrong: affine first, the norm after it
# says: nothing of the code is left
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return F.instance_norm((1 + gamma) * h + beta)


# %% 06.2 wrong: the first code for all images
# says: one code serves the whole batch
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z[0]).chunk(2)
        return (1 + gamma.view(1, -1, 1, 1)) * F.instance_norm(h) + beta.view(1, -1, 1, 1)


# %% 06.2 wrong: the mean code of the batch
# says: one code serves the whole batch
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z.mean(0, keepdim=True))[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * F.instance_norm(h) + beta


# %% 06.2 wrong: no dimensions for the pixels
# says: makes it (B, 2·ch, 1, 1)
# says: your code raised RuntimeError
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z).chunk(2, dim=1)
        return (1 + gamma) * F.instance_norm(h) + beta


# %% 06.2 wrong: torch.std as it comes
# says: the number of pixels minus 1
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        mean, std = h.mean((2, 3), keepdim=True), h.std((2, 3), keepdim=True)
        return (1 + gamma) * (h - mean) / (std + 1e-5) + beta


# %% 06.2 wrong: no ε
# says: 0/0 is NaN
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        mean = h.mean((2, 3), keepdim=True)
        return (1 + gamma) * (h - mean) / (h - mean).square().mean((2, 3), keepdim=True).sqrt() + beta


# %% 06.2 wrong: over the channels too
# says: each channel is normalised by itself
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * F.layer_norm(h, h.shape[1:]) + beta


# %% 06.2 wrong: β and γ exchanged
# says: γ and β are exchanged
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        beta, gamma = self.affine(z)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * F.instance_norm(h) + beta


# %% 06.2 wrong: read in pairs
# says: one number of each in turn
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        both = self.affine(z)[:, :, None, None]
        return (1 + both[:, 0::2]) * F.instance_norm(h) + both[:, 1::2]


# %% 06.2 wrong: h itself plus the modulated one
# says: the 1 of 1 + γ stands for the normalised h
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return h + gamma * F.instance_norm(h) + beta


# %% 06.2 wrong: no norm
# says: h is not normalised
# says: in training, image
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * h + beta


# %% 06.2 wrong: the code detached
# says: no gradient arrives in z
# says: the values are right, the gradients are not
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z.detach())[:, :, None, None].chunk(2, 1)
        return (1 + gamma) * F.instance_norm(h) + beta


# %% 06.2 wrong: statistics under no_grad
# says: the values are right, the gradients are not
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h, z):
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, 1)
        with torch.no_grad():
            mean = h.mean((2, 3), keepdim=True)
            std = (h.var((2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
        return (1 + gamma) * (h - mean) / std + beta


# %% 06.2 wrong: a second linear map
# says: leave affine as given
class AdaIN(nn.Module):
    def __init__(self, ch, z_dim):
        super().__init__()
        self.gamma, self.beta = nn.Linear(z_dim, ch), nn.Linear(z_dim, ch)

    def forward(self, h, z):
        gamma, beta = (f(z)[:, :, None, None] for f in (self.gamma, self.beta))
        return (1 + gamma) * F.instance_norm(h) + beta


# %% 06.3 right: a weight a channel, broadcasting
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(init * torch.ones(1, ch, 1, 1))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 right: the outer product by einsum
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, ch, 1, 1).fill_(init))

    def forward(self, h, noise):
        return h + torch.einsum("c,byx->bcyx", self.weight.flatten(), noise[:, 0])


# %% 06.3 right: a loop over channels
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, ch, 1, 1) + init)

    def forward(self, h, noise):
        return torch.stack([x + w * noise[:, 0] for x, w in zip(h.unbind(1), self.weight.flatten())], dim=1)


# %% 06.3 right: nn.init, addcmul, the map expanded
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, ch, 1, 1))
        nn.init.constant_(self.weight, init)

    def forward(self, h, noise):
        return torch.addcmul(h, self.weight, noise.expand_as(h))


# %% 06.3 wrong: weights of 1
# says: the weights begin at 1, whatever init says
# says: a new layer changes h
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, ch, 1, 1))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: weights of 0, whatever init says
# says: it is an argument, and 0 only its default
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, ch, 1, 1))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: random first values
# says: its weights begin at init, 0 unless said
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, ch, 1, 1))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: one weight for all channels
# says: one weight serves all channels
# says: the layer has 1 weights for
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(float(init)))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: weights in a row
# says: they belong to the channels
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((ch,), init))

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: another map for each channel
# says: your layer draws noise of its own
# says: One map goes to all channels
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h + self.weight * torch.randn_like(h)


# %% 06.3 wrong: draws although the map is given
# says: your layer draws noise of its own
# says: use the map
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        noise = torch.randn(h.shape[0], 1, h.shape[2], h.shape[3], dtype=h.dtype)
        return h + self.weight * noise


# %% 06.3 wrong: one map for the batch
# says: row n of noise is the map of image n
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h + self.weight * noise[:1]


# %% 06.3 wrong: no parameter
# says: self.weight must be an nn.Parameter
# says: no optimizer finds them
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = torch.full((1, ch, 1, 1), init)

    def forward(self, h, noise):
        return h + self.weight * noise


# %% 06.3 wrong: the weight under another name
# says: it must keep its weights as weight
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h + self.scale * noise


# %% 06.3 wrong: the noise without a weight
# says: the weights play no part
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h + noise


# %% 06.3 wrong: h is scaled too
# says: the weights multiply the noise alone
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return self.weight * (h + noise)


# %% 06.3 wrong: noise that multiplies
# says: the noise multiplies h
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h * (1 + self.weight * noise)


# %% 06.3 wrong: identity while the weights are 0
# says: no gradient arrives at the weights
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        if not self.weight.any():
            return h
        return h + self.weight * noise


# %% 06.3 wrong: the weight squared
# says: no gradient arrives at the weights
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        return h + self.weight**2 * noise


# %% 06.3 wrong: added in place
# says: your layer changes h in place
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        h += self.weight * noise
        return h


# %% 06.3 wrong: the map changed in place
# says: changes its input noise in place
class SpatialNoise(nn.Module):
    def __init__(self, ch, init=0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), init))

    def forward(self, h, noise):
        noise -= noise.mean()
        return h + self.weight * noise


# %% 06.4 right: by name
def two_heads(h, rec, res):
    reconstruction = rec(h)
    residual = res(h)
    return Output(reconstruction=reconstruction, residual=residual, image=reconstruction + residual)


# %% 06.4 right: by order, torch.add
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output(torch.add(a, b), a, b)


# %% 06.4 right: a sum of a stack, a loop over heads
def two_heads(h, rec, res):
    parts = torch.stack([head(h) for head in (rec, res)])
    return Output(parts.sum(0), *parts)


# %% 06.4 right: einsum, image by image
def two_heads(h, rec, res):
    a = torch.cat([rec(one[None]) for one in h]) if len(h) == 1 else rec(h)
    b = res(h)
    image = torch.einsum("kbcyx,k->bcyx", torch.stack([b, a]), torch.ones(2, dtype=a.dtype))
    return Output(image=image, residual=b, reconstruction=a)


# %% 06.4 wrong: tanh on the sum
# says: only a display clamps
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output(torch.tanh(a + b), a, b)


# %% 06.4 wrong: the sum clamped
# says: only a display clamps
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output((a + b).clamp(-1, 1), a, b)


# %% 06.4 wrong: the reconstruction detached in the sum
# says: a variant, not GRIT
# says: gives no gradient at the reconstruction
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output(a.detach() + b, a, b)


# %% 06.4 wrong: the reconstruction detached
# says: from no loss at all
def two_heads(h, rec, res):
    a, b = rec(h).detach(), res(h)
    return Output(a + b, a, b)


# %% 06.4 wrong: the residual detached in the sum
# says: D is the only one that teaches it
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output(a + b.detach(), a, b)


# %% 06.4 wrong: the same head twice
# says: the same head is used twice
def two_heads(h, rec, res):
    a, b = rec(h), rec(h)
    return Output(a + b, a, b)


# %% 06.4 wrong: a residual between 0 and 1
# says: darken as well as to brighten
def two_heads(h, rec, res):
    a, b = rec(h), res(h).sigmoid()
    return Output(a + b, a, b)


# %% 06.4 wrong: tanh on both heads
# says: both heads are linear
def two_heads(h, rec, res):
    a, b = rec(h).tanh(), res(h).tanh()
    return Output(a + b, a, b)


# %% 06.4 wrong: the table's order
# says: With their names
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output(a, b, a + b)


# %% 06.4 wrong: the residual as what is left over
# says: Both heads make parts
def two_heads(h, rec, res):
    image, a = res(h), rec(h)
    return Output(image, a, image - a)


# %% 06.4 wrong: a tuple without names
# says: wanted Output(image=…, reconstruction=…, residual=…)
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return a, b, a + b


# %% 06.4 wrong: no residual in it
# says: wanted Output(image=…, reconstruction=…, residual=…)
def two_heads(h, rec, res):
    a = rec(h)
    return Output(a + res(h), a)


# %% 06.4 wrong: the mean of the parts
# says: it is their sum
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    return Output((a + b) / 2, a, b)


# %% 06.4 wrong: nothing returned
# says: is a `return` missing?
def two_heads(h, rec, res):
    a, b = rec(h), res(h)
    Output(a + b, a, b)


# %% 06.4 wrong: the features detached for the reconstruction
# says: but not the decoder below
# says: gives no gradient at the features
def two_heads(h, rec, res):
    a, b = rec(h.detach()), res(h)
    return Output(a + b, a, b)


# %% 06.5 right: softplus, mean absolute difference
def grit_loss(out, target, logits_fake, lam):
    adv = F.softplus(-logits_fake).mean()
    rec = lam * (out.reconstruction - target).abs().mean()
    return {"adv": adv, "rec": rec}


# %% 06.5 right: torch's own losses
def grit_loss(out, target, logits_fake, lam):
    adv = F.binary_cross_entropy_with_logits(logits_fake, torch.ones_like(logits_fake))
    return {"rec": F.l1_loss(out.reconstruction, target) * lam, "adv": adv}


# %% 06.5 right: logsigmoid, a loop over images
def grit_loss(out, target, logits_fake, lam):
    adv = -F.logsigmoid(logits_fake).sum() / logits_fake.numel()
    per_image = [torch.linalg.vector_norm(r - t, 1) / t.numel() for r, t in zip(out.reconstruction, target)]
    return {"adv": adv, "rec": lam * torch.stack(per_image).mean()}


# %% 06.5 right: unpacked, logaddexp
def grit_loss(out, target, logits_fake, lam):
    image, reconstruction, residual = out
    adv = torch.logaddexp(torch.zeros_like(logits_fake), -logits_fake).mean()
    difference = reconstruction - target
    return {"adv": adv, "rec": lam * torch.maximum(difference, -difference).mean()}


# %% 06.5 wrong: L1 on the sum
# says: Decoupling is this line
# says: rec gives a gradient in the residual head
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.l1_loss(out.image, target)}


# %% 06.5 wrong: L1 on the sum with the residual detached
# says: the reconstruction must still make up for what the residual adds
# says: the same reconstruction and another residual
def grit_loss(out, target, logits_fake, lam):
    image = out.reconstruction + out.residual.detach()
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.l1_loss(image, target)}


# %% 06.5 wrong: the reconstruction detached
# says: rec gives no gradient in the trunk
# says: nobody learns from it
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.l1_loss(out.reconstruction.detach(), target)}


# %% 06.5 wrong: L1 on the residual too
# says: a pixel loss sees the residual too
def grit_loss(out, target, logits_fake, lam):
    rec = F.l1_loss(out.reconstruction, target) + out.residual.abs().mean()
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * rec}


# %% 06.5 wrong: the residual taught what the reconstruction lacks
# says: a pixel loss sees the residual too
def grit_loss(out, target, logits_fake, lam):
    rec = F.l1_loss(out.reconstruction, target) + F.l1_loss(out.residual, target - out.reconstruction.detach())
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * rec}


# %% 06.5 wrong: λ at adv
# says: λ stands at adv
# says: λ is missing
def grit_loss(out, target, logits_fake, lam):
    return {"adv": lam * F.softplus(-logits_fake).mean(), "rec": F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: no λ
# says: λ is missing
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: the image clamped
# says: no gradient that could bring it back
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.l1_loss(out.image.clamp(-1, 1), target)}


# %% 06.5 wrong: the reconstruction clamped
# says: no gradient that could bring it back
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.l1_loss(out.reconstruction.clamp(-1, 1), target)}


# %% 06.5 wrong: the printed game
# says: Its gradient vanishes while D wins
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.logsigmoid(-logits_fake).mean(), "rec": lam * F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: the fake called fake
# says: that is D's wish
def grit_loss(out, target, logits_fake, lam):
    adv = F.binary_cross_entropy_with_logits(logits_fake, torch.zeros_like(logits_fake))
    return {"adv": adv, "rec": lam * F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: least squares
# says: another adversarial loss, least squares
def grit_loss(out, target, logits_fake, lam):
    return {"adv": ((logits_fake - 1) ** 2).mean(), "rec": lam * F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: log of the sigmoid
# says: of −10,000 the sigmoid is 0
def grit_loss(out, target, logits_fake, lam):
    return {"adv": -logits_fake.sigmoid().log().mean(), "rec": lam * F.l1_loss(out.reconstruction, target)}


# %% 06.5 wrong: the sum over the image
# says: λ would mean another thing
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * (out.reconstruction - target).abs().sum()}


# %% 06.5 wrong: squares
# says: L1 takes absolute values
def grit_loss(out, target, logits_fake, lam):
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * F.mse_loss(out.reconstruction, target)}


# %% 06.5 wrong: plain numbers
# says: it must stay a tensor that gradients can flow through
def grit_loss(out, target, logits_fake, lam):
    adv, rec = F.softplus(-logits_fake).mean(), lam * F.l1_loss(out.reconstruction, target)
    return {"adv": adv.item(), "rec": rec.item()}


# %% 06.5 wrong: one number
# says: wanted a dict of two tensors, adv and rec
def grit_loss(out, target, logits_fake, lam):
    return F.softplus(-logits_fake).mean() + lam * F.l1_loss(out.reconstruction, target)


# %% 06.5 wrong: a third loss
# says: the dict has the keys adv, rec, res
def grit_loss(out, target, logits_fake, lam):
    adv, rec = F.softplus(-logits_fake).mean(), lam * F.l1_loss(out.reconstruction, target)
    return {"adv": adv, "rec": rec, "res": out.residual.abs().mean()}


# %% 06.5 wrong: adv detached
# says: adv gives no gradient in the trunk
def grit_loss(out, target, logits_fake, lam):
    adv = F.softplus(-logits_fake.detach()).mean()
    return {"adv": adv, "rec": lam * F.l1_loss(out.reconstruction, target)}


# %% 06.6 right: mask, fft, two means
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    fy = torch.fft.fftfreq(h, dtype=torch.float64)[:, None]
    fx = torch.fft.fftfreq(w, dtype=torch.float64)[None, :]
    keep = torch.sqrt(fy**2 + fx**2) >= edge * 0.5
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    share = detail.var(dim=0).mean() / (detail**2).mean()
    return draws.std(dim=0).mean(dim=1), float(share)


# %% 06.6 right: in the frequency domain, by Parseval
def noise_use(draws, edge=0.5):
    n = len(draws)
    fy, fx = (torch.fft.fftfreq(s, d=0.5, dtype=draws.dtype) for s in draws.shape[-2:])
    keep = torch.hypot(*torch.meshgrid(fy, fx, indexing="ij")) >= edge
    spectrum = torch.fft.fft2(draws)[..., keep]
    noise = (spectrum - spectrum.mean(0)).abs().square().sum() / (n - 1)
    centred = draws - draws.mean(0)
    std = (centred.square().sum(0) / (n - 1)).sqrt().mean(1)
    return std, noise / spectrum.abs().square().sum() * n


# %% 06.6 right: half of the pairs' distances, loops
def noise_use(draws, edge=0.5):
    n, batch, channels, height, width = draws.shape
    keep = torch.zeros(height, width, dtype=torch.bool)
    for i in range(height):
        for j in range(width):
            y, x = min(i, height - i) / (height / 2), min(j, width - j) / (width / 2)
            keep[i, j] = math.hypot(y, x) >= edge
    detail = torch.stack([torch.fft.ifft2(torch.fft.fft2(one) * keep).real for one in draws])
    noise = sum((detail[i] - detail[j]).square().mean() / 2 for i in range(n) for j in range(n) if i != j)
    std = torch.zeros(batch, height, width, dtype=draws.dtype)
    for c in range(channels):
        std = std + torch.std(draws[:, :, c], dim=0) / channels
    return std, (noise / (n * (n - 1)) / detail.square().mean()).item()


# %% 06.6 right: shifted spectra, everything but the low frequencies
def noise_use(draws, edge=0.5):
    fy, fx = (torch.fft.fftshift(torch.fft.fftfreq(s)) * 2 for s in draws.shape[-2:])
    low = torch.einsum("y,x->yx", fy**2, torch.ones_like(fx)) + fx**2 < edge**2
    spectrum = torch.fft.fftshift(torch.fft.fft2(draws), dim=(-2, -1))
    smooth = torch.fft.ifft2(torch.fft.ifftshift(spectrum * low, dim=(-2, -1))).real
    fine = draws - smooth
    return draws.var(0).sqrt().mean(1), fine.var(0).sum() / (fine.square().sum() / len(fine))


# %% 06.6 wrong: spread over the batch
# says: it runs over the draws, dimension 0
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    mean = draws.mean(1, keepdim=True)
    std = ((draws - mean).square().sum(1) / torch.tensor(draws.shape[1] - 1.0)).sqrt()
    return std.mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: the channels averaged first
# says: colours that move against each other then cancel
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.mean(2).std(0), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: divided by n, everywhere
# says: a share of pure noise is then 1
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    share = (detail - detail.mean(0)).square().mean() / detail.square().mean()
    return draws.std(0, unbiased=False).mean(1), share.item()


# %% 06.6 wrong: all bands
# says: it is small whatever the noise does
def noise_use(draws, edge=0.5):
    return draws.std(0).mean(1), (draws.var(0).mean() / draws.square().mean()).item()


# %% 06.6 wrong: all bands, the mean taken away
# says: all frequencies count
def noise_use(draws, edge=0.5):
    x = draws - draws.mean((-2, -1), keepdim=True)
    return draws.std(0).mean(1), (x.var(0).mean() / x.square().mean()).item()


# %% 06.6 wrong: the low frequencies
# says: fine detail is above it
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) < edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: the edge in cycles a pixel
# says: Nyquist is 0.5
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: a square edge
# says: the hypot of both its parts
def noise_use(draws, edge=0.5):
    fy, fx = (torch.fft.fftfreq(s).abs() for s in draws.shape[-2:])
    keep = torch.maximum(fy[:, None], fx) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: a centred mask, no shift
# says: of both or of neither
def noise_use(draws, edge=0.5):
    fy, fx = (torch.fft.fftshift(torch.fft.fftfreq(s)) for s in draws.shape[-2:])
    keep = torch.hypot(fy[:, None], fx) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: the variance for the map
# says: its root is missing
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.var(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: a ratio for each image, averaged
# says: Average numerator and denominator first
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    ratio = detail.var(0).mean((1, 2, 3)) / detail.square().mean((0, 2, 3, 4))
    return draws.std(0).mean(1), ratio.mean().item()


# %% 06.6 wrong: standard deviations in the ratio
# says: the root of the share
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).sqrt().item()


# %% 06.6 wrong: noise against what the draws share
# says: the denominator is another one
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.mean(0).square().mean()).item()


# %% 06.6 wrong: fine noise against the whole picture
# says: is of the high-passed draws too
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / draws.square().mean()).item()


# %% 06.6 wrong: edge written into the body
# says: that is only its default
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= 0.25
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: the channels kept
# says: the std map has the shape
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0), (detail.var(0).mean() / detail.square().mean()).item()


# %% 06.6 wrong: a share for each image
# says: wanted one number for all images
def noise_use(draws, edge=0.5):
    h, w = draws.shape[-2:]
    keep = torch.hypot(torch.fft.fftfreq(h)[:, None], torch.fft.fftfreq(w)) >= edge / 2
    detail = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return draws.std(0).mean(1), detail.var(0).mean((1, 2, 3)) / detail.square().mean((0, 2, 3, 4))


# %% 06.6 wrong: only the map
# says: wanted two things: the std map and the share
def noise_use(draws, edge=0.5):
    return draws.std(0).mean(1)
