import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


# %% 05.1 right: mean, centre, mean of squares
def instance_norm(h, eps=1e-5):
    centred = h - h.mean(dim=(2, 3), keepdim=True)
    var = (centred**2).mean(dim=(2, 3), keepdim=True)
    return centred / torch.sqrt(var + eps)


# %% 05.1 right: mean of squares minus square of mean, in einsum
def instance_norm(h, eps=1e-5):
    n = h.shape[2] * h.shape[3]
    mean = torch.einsum("bchw->bc", h) / n
    var = torch.einsum("bchw,bchw->bc", h, h) / n - mean**2
    return (h - mean[:, :, None, None]) * torch.rsqrt(var + eps)[..., None, None]


# %% 05.1 right: a loop over images and channels
def instance_norm(h, eps=1e-5):
    out = torch.empty_like(h)
    for b in range(h.shape[0]):
        for c in range(h.shape[1]):
            x = h[b, c]
            mu = x.sum() / x.numel()
            out[b, c] = (x - mu) / ((x - mu).pow(2).sum() / x.numel() + eps) ** 0.5
    return out


# %% 05.1 right: flat, with torch.var told what to do
def instance_norm(h, eps=1e-5):
    x = h.flatten(2)
    var, mean = torch.var_mean(x, dim=2, correction=0, keepdim=True)
    return ((x - mean) / (var + eps).sqrt()).reshape(h.shape)


# %% 05.1 right: each column summed before the rows
def instance_norm(h, eps=1e-5):
    mean = h.mean(3, keepdim=True).mean(2, keepdim=True)
    var = (h - mean).square().mean(2, keepdim=True).mean(3, keepdim=True)
    return (h - mean) / (var + eps).sqrt()


# %% 05.1 wrong: statistics over the batch
# says: That is batch norm
# says: of label
def instance_norm(h, eps=1e-5):
    mean = h.mean((0, 2, 3), keepdim=True)
    var = ((h - mean) ** 2).mean((0, 2, 3), keepdim=True)
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: statistics over the batch, with torch.var as it comes
# says: That is batch norm
def instance_norm(h, eps=1e-5):
    mean = h.mean(dim=(0, 2, 3), keepdim=True)
    var = h.var(dim=(0, 2, 3), keepdim=True)
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: over the channels too
# says: over the channels too, as layer norm's do
def instance_norm(h, eps=1e-5):
    mean = h.mean((1, 2, 3), keepdim=True)
    var = h.var((1, 2, 3), keepdim=True, unbiased=False)
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: over the rows alone
# says: over rows or over columns alone
def instance_norm(h, eps=1e-5):
    mean = h.mean(dim=-1, keepdim=True)
    var = ((h - mean) ** 2).mean(dim=-1, keepdim=True)
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: the unbiased variance
# says: divided by the number of pixels minus 1
# says: correction=0
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    var = h.var((2, 3), keepdim=True)
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: torch.std, and eps beside it
# says: divided by the number of pixels minus 1
def instance_norm(h, eps=1e-5):
    mean, std = h.mean((2, 3), keepdim=True), h.std((2, 3), keepdim=True)
    return (h - mean) / (std + eps)


# %% 05.1 wrong: eps outside the root
# says: It is added to the variance, under the root
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    std = ((h - mean) ** 2).mean((2, 3), keepdim=True).sqrt()
    return (h - mean) / (std + eps)


# %% 05.1 wrong: no eps
# says: 0/0 is NaN
# says: are NaN or infinite
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    std = torch.sqrt(((h - mean) ** 2).mean((2, 3), keepdim=True))
    return (h - mean) / std


# %% 05.1 wrong: eps written into the body
# says: that is only its default
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    var = ((h - mean) ** 2).mean((2, 3), keepdim=True)
    return (h - mean) / torch.sqrt(var + 1e-5)


# %% 05.1 wrong: torch's own, without eps
# says: that is only its default
def instance_norm(h, eps=1e-5):
    return F.instance_norm(h)


# %% 05.1 wrong: no root
# says: the root is missing
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    var = ((h - mean) ** 2).mean((2, 3), keepdim=True)
    return (h - mean) / (var + eps)


# %% 05.1 wrong: keepdim forgotten
# says: keepdim=True keeps two dimensions of length 1
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3))
    var = ((h - mean) ** 2).mean((2, 3))
    return (h - mean) / torch.sqrt(var + eps)


# %% 05.1 wrong: in place
# says: changes its input h in place
def instance_norm(h, eps=1e-5):
    h -= h.mean((2, 3), keepdim=True)
    h /= ((h**2).mean((2, 3), keepdim=True) + eps).sqrt()
    return h


# %% 05.1 wrong: in float32
# says: another dtype
def instance_norm(h, eps=1e-5):
    h = h.float()
    mean = h.mean((2, 3), keepdim=True)
    return (h - mean) / (((h - mean) ** 2).mean((2, 3), keepdim=True) + eps).sqrt()


# %% 05.1 wrong: nothing returned
# says: is a `return` missing?
def instance_norm(h, eps=1e-5):
    mean = h.mean((2, 3), keepdim=True)
    h = (h - mean) / (((h - mean) ** 2).mean((2, 3), keepdim=True) + eps).sqrt()


# %% 05.2 right: nearest, shared, two convolutions
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        gamma = self.gamma(actv)
        beta = self.beta(actv)
        return self.norm(h) * (1 + gamma) + beta


# %% 05.2 right: the map by indexing, the sum another way round
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        fy, fx = m.shape[2] // h.shape[2], m.shape[3] // h.shape[3]
        embedding = self.shared(m[:, :, ::fy, ::fx]).clamp(min=0)
        x = self.norm(h)
        return x + self.gamma(embedding) * x + self.beta(embedding)


# %% 05.2 right: one convolution for both, addcmul, the norm as a function
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        size = tuple(h.shape[-2:])
        m = m if tuple(m.shape[-2:]) == size else nn.Upsample(size=size, mode="nearest")(m)
        weight, bias = (torch.cat([getattr(c, p) for c in (self.gamma, self.beta)]) for p in ("weight", "bias"))
        gamma, beta = F.conv2d(torch.relu(self.shared(m)), weight, bias, padding=1).chunk(2, dim=1)
        mean, var, of = self.norm.running_mean, self.norm.running_var, self.norm
        x = F.batch_norm(h, mean, var, training=self.training, momentum=of.momentum, eps=of.eps)
        return torch.addcmul(beta, gamma + 1, x)


# %% 05.2 right: the convolutions image by image, SyncBatchNorm's name for the norm
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False, track_running_stats=True)

    def forward(self, h, m):
        x, rows = self.norm(h), []
        for one, label in zip(x, m):
            label = F.interpolate(label[None], size=one.shape[1:])
            e = self.shared(label).relu()
            rows.append((one + one * self.gamma(e)[0]) + self.beta(e)[0])
        return torch.stack(rows)


# %% 05.2 wrong: the printed equation
# says: Equation and code differ here
# says: this course follows the code, because
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.gamma(actv) * self.norm(h) + self.beta(actv)


# %% 05.2 wrong: a norm with weights
# says: has norm.bias, norm.weight
# says: unless told affine=False
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: instance norm
# says: lacks norm.num_batches_tracked, norm.running_mean, norm.running_var
# says: keeps no running statistics
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.InstanceNorm2d(channels)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: the norm under another name
# says: has bn.num_batches_tracked, bn.running_mean, bn.running_var and lacks norm.num_batches_tracked
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.bn = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.bn(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: instance norm in forward
# says: that is instance norm
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return F.instance_norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: a bilinear map
# says: Half a street and half a tree is no label
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="bilinear", align_corners=False)
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: an averaged map
# says: the map is blended while it is made smaller
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.adaptive_avg_pool2d(m, h.shape[2:])
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: nearest-exact
# says: Shipped weights learned with that
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest-exact")
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: no resizing
# says: the map is finer than h
# says: your code raised RuntimeError
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: gamma and beta resized instead of the map
# says: Bring the map there first
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        actv = F.relu(self.shared(m))
        gamma, beta = (F.interpolate(conv(actv), size=h.shape[2:], mode="nearest") for conv in (self.gamma, self.beta))
        return self.norm(h) * (1 + gamma) + beta


# %% 05.2 wrong: gamma from h
# says: Both come from the map alone
# says: your code raised RuntimeError
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(h))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: gamma from the normalised h
# says: Both come from the map alone
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        x = self.norm(h)
        actv = F.relu(self.shared(x))
        return x * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: modulation before the norm
# says: normalise h first
# says: places; two 3x3 convolutions see 2 pixels far
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.norm(h * (1 + self.gamma(actv)) + self.beta(actv))


# %% 05.2 wrong: the map normalised
# says: a map of one label is flat, and nothing is left of it
# says: your layer gives the same for both
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(F.instance_norm(m)))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: the embedding normalised
# says: Only h is normalised
# says: changes your result up to
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(F.batch_norm(self.shared(m), None, None, training=True))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: gamma through the same norm
# says: Only h is normalised
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.norm(self.gamma(actv))) + self.beta(actv)


# %% 05.2 wrong: no ReLU
# says: two convolutions alone are one convolution
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        e = self.shared(m)
        return self.norm(h) * (1 + self.gamma(e)) + self.beta(e)


# %% 05.2 wrong: no shared
# says: which makes `hidden` channels
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        return self.norm(h) * (1 + self.gamma(m)) + self.beta(m)


# %% 05.2 wrong: h not normalised
# says: h is not normalised
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return h * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: h added
# says: stands for norm(h), not for h
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return h + self.norm(h) * self.gamma(actv) + self.beta(actv)


# %% 05.2 wrong: one scale for all pixels
# says: as in AdaIN
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        gamma, beta = (conv(actv).mean((2, 3), keepdim=True) for conv in (self.gamma, self.beta))
        return self.norm(h) * (1 + gamma) + beta


# %% 05.2 wrong: the batch's statistics always
# says: self.norm(h) takes the running ones there
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        mean, var = h.mean((0, 2, 3), keepdim=True), h.var((0, 2, 3), keepdim=True, unbiased=False)
        x = (h - mean) / torch.sqrt(var + 1e-5)
        return x * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: a norm that is written out and never moves
# says: eval mode knows nothing of what was trained
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        size = tuple(h.shape[-2:])
        m = m if tuple(m.shape[-2:]) == size else nn.Upsample(size=size, mode="nearest")(m)
        weight, bias = (torch.cat([getattr(c, p) for c in (self.gamma, self.beta)]) for p in ("weight", "bias"))
        gamma, beta = F.conv2d(torch.relu(self.shared(m)), weight, bias, padding=1).chunk(2, dim=1)
        if self.training:
            mean = h.mean((0, 2, 3))
            var = ((h - mean[:, None, None]) ** 2).mean((0, 2, 3))
        else:
            mean, var = self.norm.running_mean, self.norm.running_var
        x = (h - mean[:, None, None]) / torch.sqrt(var[:, None, None] + self.norm.eps)
        return torch.addcmul(beta, gamma + 1, x)


# %% 05.2 wrong: the embedding without a gradient
# says: no gradient arrives in shared.weight
# says: under no_grad
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        with torch.no_grad():
            m = F.interpolate(m, size=h.shape[2:], mode="nearest")
            actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.2 wrong: a pair returned
# says: wanted a tensor
# says: as large as h
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        return self.norm(h) * (1 + self.gamma(actv)), self.beta(actv)


# %% 05.2 wrong: nothing returned
# says: is a `return` missing?
class SPADE(nn.Module):
    def __init__(self, channels, labels, hidden=128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.norm = nn.BatchNorm2d(channels, affine=False)

    def forward(self, h, m):
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        actv = F.relu(self.shared(m))
        h = self.norm(h) * (1 + self.gamma(actv)) + self.beta(actv)


# %% 05.3 right: the formulas
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    std = torch.exp(0.5 * logvar)
    eps = torch.randn(mu.shape, generator=generator)
    return mu + std * eps


# %% 05.3 right: torch.distributions, and noise drawn number by number
def kl(mu, logvar):
    q = torch.distributions.Normal(mu, logvar.exp().sqrt())
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(q, p).sum(-1)


def reparameterise(mu, logvar, generator):
    columns = [torch.randn(len(mu), generator=generator, dtype=mu.dtype) for _ in range(mu.shape[1])]
    return torch.addcmul(mu, torch.stack(columns, 1), logvar.exp().sqrt())


# %% 05.3 right: the printed sign taken back, einsum, normal_ in place
def kl(mu, logvar):
    return -0.5 * (torch.einsum("bd->b", 1 + logvar - logvar.exp()) - torch.einsum("bd,bd->b", mu, mu))


def reparameterise(mu, logvar, generator):
    noise = torch.empty_like(mu).normal_(generator=generator)
    return noise.mul(torch.exp(logvar / 2)).add(mu)


# %% 05.3 right: a loop over the images
def kl(mu, logvar):
    found = []
    for m, v in zip(mu, logvar):
        found.append(sum(0.5 * (a * a + math.e**b - 1 - b) for a, b in zip(m, v)))
    return torch.stack(found)


def reparameterise(mu, logvar, generator):
    normal = torch.normal(0.0, 1.0, mu.shape, generator=generator).to(mu)
    return normal * logvar.mul(0.5).exp() + mu


# %% 05.3 wrong: sigma is the exponential
# says: but exp(logvar) is σ²: σ = exp(logvar / 2)
# says: wanted is half of what z lies beside mu
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: sigma is the exponential in both
# says: that fits σ = exp(logvar)
# says: logvar is taken for ln σ
def kl(mu, logvar):
    sigma = logvar.exp()
    return 0.5 * (mu**2 + sigma**2 - 1 - 2 * sigma.log()).sum(1)


def reparameterise(mu, logvar, generator):
    eps = torch.randn(mu.shape, generator=generator, dtype=mu.dtype)
    return mu + torch.exp(logvar) * eps


# %% 05.3 wrong: no half
# says: the ½ is missing
def kl(mu, logvar):
    return torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: the sign
# says: A divergence is never negative
def kl(mu, logvar):
    return 0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp(), dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: a mean over the code
# says: the numbers of a code are averaged
def kl(mu, logvar):
    return 0.5 * torch.mean(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: the sum over the batch, as the code has it
# says: Equation and code differ here
# says: this course follows the equation, one number an image, because
def kl(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: the mean over everything
# says: there is one number in all
def kl(mu, logvar):
    return -0.5 * torch.mean(1 + logvar - mu.pow(2) - logvar.exp())


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: the mean over the batch
# says: the images of the batch are averaged
def kl(mu, logvar):
    return (-0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum(dim=1)).mean(dim=0)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: the other way round
# says: the distance the other way round
def kl(mu, logvar):
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return torch.distributions.kl_divergence(p, q).sum(1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: one draw for the batch
# says: all images of a batch get the same noise
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape[1], generator=generator)


# %% 05.3 wrong: one draw an image
# says: the numbers of a code all get the same noise
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.randn(len(mu), 1, generator=generator)


# %% 05.3 wrong: uniform noise
# says: that fits uniform noise
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + torch.exp(0.5 * logvar) * torch.rand(mu.shape, generator=generator)


# %% 05.3 wrong: randn_like, after a seed for all
# says: draws from the global random state
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    torch.manual_seed(len(mu))
    return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)


# %% 05.3 wrong: its own seed
# says: draw from it, and do not set a seed
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    generator = generator.manual_seed(0)
    return mu + torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: a sample of torch.normal
# says: a sample by itself has none
# says: no gradient arrives at mu
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return torch.normal(mu, torch.exp(0.5 * logvar), generator=generator)


# %% 05.3 wrong: no noise
# says: z is mu itself
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu


# %% 05.3 wrong: logvar as sigma
# says: that fits σ = logvar
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu + logvar * torch.randn(mu.shape, generator=generator)


# %% 05.3 wrong: mu and sigma exchanged
# says: z = μ + σ·ε
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    return mu * torch.randn(mu.shape, generator=generator, dtype=mu.dtype) + torch.exp(0.5 * logvar)


# %% 05.3 wrong: sigma detached
# says: no gradient arrives at logvar
def kl(mu, logvar):
    return 0.5 * torch.sum(mu**2 + logvar.exp() - logvar - 1, dim=1)


def reparameterise(mu, logvar, generator):
    with torch.no_grad():
        noise = torch.exp(0.5 * logvar) * torch.randn(mu.shape, generator=generator)
    return mu + noise


# %% 05.4 right: relu, loops
def hinge(real, fake):
    d = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    total = 0
    for (_, acts_real), (_, acts_fake) in zip(fr, ff):
        for a, b in zip(acts_real, acts_fake):
            total = total + F.l1_loss(b, a.detach())
    return total / len(fr)


# %% 05.4 right: the printed minimum, indices
def hinge(real, fake):
    zero = torch.zeros((), dtype=real.dtype)
    d = -torch.minimum(zero, real - 1).mean() - torch.minimum(zero, -1 - fake).mean()
    return dict(g=fake.mean() * -1, d=d)


def feature_matching(fr, ff):
    scales = []
    for k in range(len(fr)):
        layers = [(ff[k][1][i] - fr[k][1][i].detach()).abs().mean() for i in range(len(fr[k][1]))]
        scales.append(torch.stack(layers).sum())
    return torch.stack(scales).mean()


# %% 05.4 right: clamp and sums over counts, each image by itself
def hinge(real, fake):
    below = (1 - real).clamp(min=0).sum() / real.numel()
    above = (1 + fake).clamp(min=0).sum() / fake.numel()
    return {"d": below + above, "g": -fake.sum() / fake.numel()}


def feature_matching(fr, ff):
    with torch.no_grad():
        aims = [[a.clone() for a in activations] for _, activations in fr]
    pairs = [(a, b) for (_, found), wanted in zip(ff, aims) for a, b in zip(found, wanted)]
    each = [(a - b).abs().flatten(1).mean(1).mean() for a, b in pairs]
    return sum(each) / len(aims)


# %% 05.4 right: margins written out
def hinge(real, fake):
    d_real = torch.where(real < 1, 1 - real, torch.zeros_like(real))
    d_fake = torch.where(fake > -1, 1 + fake, torch.zeros_like(fake))
    return {"d": torch.mean(d_real) + torch.mean(d_fake), "g": torch.mean(-fake)}


def feature_matching(fr, ff):
    distance = nn.L1Loss()
    return sum(sum(distance(b, a.detach()) for a, b in zip(r[1], f[1])) * (1 / len(ff)) for r, f in zip(fr, ff))


# %% 05.4 wrong: a hinge on g
# says: g has a hinge too
def hinge(real, fake):
    d = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return {"d": d, "g": F.relu(1 - fake).mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: the hinge turned round
# says: relu(real − 1) costs where D is right
def hinge(real, fake):
    d = F.relu(real - 1).mean() + F.relu(1 + fake).mean()
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: both hinges for real
# says: D is to say less than −1 of fakes
def hinge(real, fake):
    d = F.relu(1 - real).mean() + F.relu(1 - fake).mean()
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: halved
# says: d is halved
def hinge(real, fake):
    d = 0.5 * (F.relu(1 - real).mean() + F.relu(1 + fake).mean())
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: no hinge
# says: nothing holds it
def hinge(real, fake):
    return {"d": (1 - real).mean() + (1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: sums in the hinge
# says: the loss would grow with the image
def hinge(real, fake):
    return {"d": F.relu(1 - real).sum() + F.relu(1 + fake).sum(), "g": -fake.sum()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: one mean over both kinds
# says: Take a mean of each
def hinge(real, fake):
    d = F.relu(1 + torch.cat([-real, fake])).mean()
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: fake logits detached in d
# says: then D never learns from them
def hinge(real, fake):
    d = F.relu(1 - real).mean() + F.relu(1 + fake.detach()).mean()
    return {"d": d, "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: the real side with a gradient
# says: a gradient flows into the activations of the real images
# says: Use .detach() on the real image's activations
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: the fake side detached
# says: no gradient arrives at the activations of the fakes
# says: the fake side is detached in place of the real one
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b.detach(), a) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: final logits included
# says: the final logits are compared too
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = []
    for (logits_r, acts_r), (logits_f, acts_f) in zip(fr, ff):
        pairs = zip([*acts_r, logits_r], [*acts_f, logits_f])
        per_scale.append(sum(F.l1_loss(b, a.detach()) for a, b in pairs))
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: the logits alone
# says: the second part counts, the activations
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    return sum(F.l1_loss(f[0], r[0].detach()) for r, f in zip(fr, ff)) / len(fr)


# %% 05.4 wrong: sums instead of means
# says: each layer's number is a mean
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum((b - a.detach()).abs().sum() for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: squares
# says: differences are squared
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    per_scale = [sum(F.mse_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: the printed sum over scales
# says: Equation and code differ here
# says: this course follows the code, because the weight 10
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    total = 0.0
    for r, f in zip(fr, ff):
        for a, b in zip(r[1], f[1]):
            total = total + (b - a.detach()).abs().mean()
    return total


# %% 05.4 wrong: layers averaged
# says: layers are averaged
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    each = [F.l1_loss(b, a.detach()) for r, f in zip(fr, ff) for a, b in zip(r[1], f[1])]
    return sum(each) / len(each)


# %% 05.4 wrong: return inside the loop
# says: one scale alone counts
def hinge(real, fake):
    return {"d": F.relu(1 - real).mean() + F.relu(1 + fake).mean(), "g": -fake.mean()}


def feature_matching(fr, ff):
    total = 0
    for r, f in zip(fr, ff):
        for a, b in zip(r[1], f[1]):
            total = total + F.l1_loss(b, a.detach())
        return total


# %% 05.4 wrong: plain numbers
# says: drop .item() or float()
def hinge(real, fake):
    d = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return {"d": d.item(), "g": -fake.mean().item()}


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()).item() for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.4 wrong: a pair instead of a dict
# says: wanted a dict of two tensors, d and g
def hinge(real, fake):
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean(), -fake.mean()


def feature_matching(fr, ff):
    per_scale = [sum(F.l1_loss(b, a.detach()) for a, b in zip(r[1], f[1])) for r, f in zip(fr, ff)]
    return sum(per_scale) / len(per_scale)


# %% 05.5 right: bincount
def segmentation_scores(pred, target, n):
    known = target != 255
    p, t = pred[known], target[known]
    matrix = torch.bincount(t * n + p, minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(dim=0) + matrix.sum(dim=1) - hits)
    mean_iou = iou[~iou.isnan()].mean()
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": mean_iou}


# %% 05.5 right: one-hot and einsum, in float64
def segmentation_scores(pred, target, n):
    known = (target != 255).double()
    p = F.one_hot(pred, n).double()
    t = F.one_hot(target.clamp(max=n - 1), n).double() * known[..., None]
    matrix = torch.einsum("bhwi,bhwj->ij", t, p)
    hits = torch.diagonal(matrix)
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    accuracy = float(hits.sum() / known.sum())
    return {"mean_iou": float(torch.nanmean(iou)), "iou": iou, "pixel_accuracy": accuracy, "matrix": matrix}


# %% 05.5 right: loops over classes
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.zeros(n, n, dtype=torch.int64)
    for i in range(n):
        for j in range(n):
            matrix[i, j] = ((target == i) & (pred == j)).sum()
    iou = torch.full((n,), float("nan"))
    for k in range(n):
        union = (((pred == k) | (target == k)) & known).sum()
        if union > 0:
            iou[k] = matrix[k, k] / union
    present = [x for x in iou.tolist() if x == x]
    right = (pred[known] == target[known]).float().mean().item()
    return {"matrix": matrix, "pixel_accuracy": right, "iou": iou, "mean_iou": sum(present) / len(present)}


# %% 05.5 right: index_put, images one after the other
def segmentation_scores(pred, target, n):
    matrix = torch.zeros(n, n)
    for p, t in zip(pred, target):
        keep = t < n
        one = torch.ones(int(keep.sum()))
        matrix.index_put_((t[keep], p[keep]), one, accumulate=True)
    rows, columns, hits = matrix.sum(1), matrix.sum(0), matrix.diag()
    iou = torch.where(rows + columns > 0, hits / (rows + columns - hits), torch.tensor(float("nan")))
    return {
        "matrix": matrix,
        "pixel_accuracy": (hits.sum() / rows.sum()).item(),
        "iou": iou,
        "mean_iou": iou.nanmean().item(),
    }


# %% 05.5 wrong: an absent class is 0
# says: a class that occurs nowhere counts as 0
# says: nanmean does that
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = torch.nan_to_num(hits / (matrix.sum(0) + matrix.sum(1) - hits))
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.mean()}


# %% 05.5 wrong: a small number in the denominator
# says: this class occurs nowhere
# says: a class that occurs nowhere counts as 0
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits + 1e-8)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.mean()}


# %% 05.5 wrong: an absent class is 1
# says: a class that occurs nowhere counts as 1
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = torch.nan_to_num(hits / (matrix.sum(0) + matrix.sum(1) - hits), nan=1.0)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.mean()}


# %% 05.5 wrong: NaN in the mean
# says: the mean runs over a NaN too
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.mean()}


# %% 05.5 wrong: rows and columns swapped
# says: a row belongs to a truth, a column to a prediction
# says: the number of pixels whose truth is
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(pred[known] * n + target[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: a mean of the images' means
# says: scores are made for each image and then averaged
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    means = []
    for p, t in zip(pred, target):
        k = t != 255
        m = torch.bincount(t[k] * n + p[k], minlength=n * n).view(n, n)
        means.append((m.diag() / (m.sum(0) + m.sum(1) - m.diag())).nanmean())
    accuracy = hits.sum() / matrix.sum()
    return {"matrix": matrix, "pixel_accuracy": accuracy, "iou": iou, "mean_iou": torch.stack(means).mean()}


# %% 05.5 wrong: 255 counted
# says: Nobody said what they show
def segmentation_scores(pred, target, n):
    matrix = torch.bincount((target * n + pred).flatten(), minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: 255 counted in the unions
# says: leave them out before anything is counted
def segmentation_scores(pred, target, n):
    matrix = torch.zeros(n, n, dtype=torch.int64)
    iou = torch.full((n,), float("nan"))
    for i in range(n):
        for j in range(n):
            matrix[i, j] = ((target == i) & (pred == j)).sum()
    for k in range(n):
        union = ((pred == k) | (target == k)).sum()
        if union > 0:
            iou[k] = ((pred == k) & (target == k)).sum() / union
    accuracy = (pred == target).float().mean()
    return {"matrix": matrix, "pixel_accuracy": accuracy, "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: 255 counted in the accuracy
# says: Nobody said what they show
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    accuracy = (pred == target).double().mean().item()
    return {"matrix": matrix, "pixel_accuracy": accuracy, "iou": iou, "mean_iou": iou.nanmean().item()}


# %% 05.5 wrong: classes of the truth alone
# says: classes are left out that the truth does not have
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    iou[matrix.sum(1) == 0] = float("nan")
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: Dice
# says: Dice's measure
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = 2 * hits / (matrix.sum(0) + matrix.sum(1))
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: accuracy of each class
# says: IOU divides by the union
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / matrix.sum(1)
    return {"matrix": matrix, "pixel_accuracy": hits.sum() / matrix.sum(), "iou": iou, "mean_iou": iou.nanmean()}


# %% 05.5 wrong: another name
# says: wanted matrix, pixel_accuracy, iou, mean_iou
def segmentation_scores(pred, target, n):
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).view(n, n)
    hits = matrix.diag()
    iou = hits / (matrix.sum(0) + matrix.sum(1) - hits)
    return {"matrix": matrix, "accuracy": hits.sum() / matrix.sum(), "iou": iou, "miou": iou.nanmean()}
