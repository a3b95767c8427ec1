import math

import numpy as np
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F


# %% 00.1 right: movedim, and scaling in another order
def to_model(img):
    return torch.movedim(img, -1, 0).to(torch.float32) / 255 * 2 - 1


def to_image(t):
    levels = torch.round(t * 127.5 + 127.5)
    return torch.movedim(levels.clamp(0, 255), 0, -1).to(torch.uint8)


# %% 00.1 right: channel by channel, clamped first, half a level added and cut
def to_model(img):
    return torch.stack([(img[:, :, c] - 127.5) / 127.5 for c in range(3)])


def to_image(t):
    t = torch.clip(t, -1.0, 1.0)
    return torch.stack([torch.floor((c + 1) / 2 * 255 + 0.5).byte() for c in t], dim=2)


# %% 00.1 wrong: [0, 1]
# says: values lie in [0, 1]
def to_model(img):
    return img.permute(2, 0, 1) / 255


def to_image(t):
    return (t * 255).round().clamp(0, 255).byte().permute(1, 2, 0)


# %% 00.1 wrong: divided by 128
# says: White comes out as 0.992
def to_model(img):
    return torch.movedim(img.float(), 2, 0) / 128 - 1


def to_image(t):
    return torch.movedim(((t + 1) * 127.5).round().clamp(0, 255), 0, 2).byte()


# %% 00.1 wrong: reshape instead of permute
# says: reshape keeps the order in memory
def to_model(img):
    h, w, _ = img.shape
    return img.float().reshape(3, h, w) / 127.5 - 1


def to_image(t):
    _, h, w = t.shape
    return ((t + 1) * 127.5).round().clamp(0, 255).byte().reshape(h, w, 3)


# %% 00.1 wrong: transposed
# says: lies on its side
def to_model(img):
    return img.permute(2, 1, 0).float() / 127.5 - 1


def to_image(t):
    return ((t + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 0)


# %% 00.1 wrong: decimals cut off
# says: decimals are cut off
def to_model(img):
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t):
    return (127.5 * t.clamp(-1, 1) + 127.5).permute(1, 2, 0).to(torch.uint8)


# %% 00.1 wrong: no clamp
# says: wrapped around
def to_model(img):
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t):
    return torch.round((t + 1) / 2 * 255).permute(1, 2, 0).byte()


# %% 00.1 wrong: cut off and no clamp
# says: decimals are cut off
# says: wrapped around
def to_model(img):
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t):
    return ((t + 1) * 127.5).byte().permute(1, 2, 0)


# %% 00.1 wrong: returns bytes of shape (3, H, W)
# says: got shape (3,
def to_model(img):
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t):
    return ((t + 1) * 127.5).round().clamp(0, 255).byte()


# %% 00.1 wrong: the input is scaled in place
# says: changes its input
def to_model(img):
    return img.permute(2, 0, 1).float() / 127.5 - 1


def to_image(t):
    t += 1
    t *= 127.5
    return t.round_().clamp_(0, 255).permute(1, 2, 0).byte()


# %% 00.2 right: a loop over the batch
def l1_255(a, b):
    return torch.stack([(x - y).abs().mean() * 127.5 for x, y in zip(a, b)])


def psnr(a, b):
    return torch.stack([10 * torch.log10(4 / ((x - y) ** 2).mean()) for x, y in zip(a, b)])


# %% 00.2 right: einsum, the root, and logarithms subtracted
def l1_255(a, b):
    n = a[0].numel()
    return torch.einsum("bchw->b", ((a + 1) * 127.5 - (b + 1) * 127.5).abs()) / n


def psnr(a, b):
    rmse = (torch.einsum("bchw,bchw->b", a - b, a - b) / a[0].numel()).sqrt()
    return 20 * (math.log10(2) - torch.log10(rmse))


# %% 00.2 wrong: L1 in units of [-1, 1]
# says: 127.5
def l1_255(a, b):
    return (a - b).abs().flatten(1).mean(1)


def psnr(a, b):
    return 10 * torch.log10(4 / ((a - b) ** 2).flatten(1).mean(1))


# %% 00.2 wrong: L1 times 255
# says: twice too large
def l1_255(a, b):
    return F.l1_loss(a, b, reduction="none").flatten(1).mean(1) * 255


def psnr(a, b):
    return 10 * torch.log10(4 / ((a - b) ** 2).flatten(1).mean(1))


# %% 00.2 wrong: L1 of the whole batch
# says: one L1 for the whole batch
def l1_255(a, b):
    return F.l1_loss(a, b) * 127.5


def psnr(a, b):
    return 10 * torch.log10(4 / ((a - b) ** 2).flatten(1).mean(1))


# %% 00.2 wrong: MAX = 1
# says: 6.02 dB too low
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    return -10 * torch.log10(((a - b) ** 2).mean(dim=(1, 2, 3)))


# %% 00.2 wrong: MAX = 255
# says: 42 dB too high
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    mse = ((a - b) ** 2).mean(dim=(1, 2, 3))
    return 20 * torch.log10(255 / mse.sqrt())


# %% 00.2 wrong: MSE over the batch
# says: one number for the whole batch
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    return 10 * torch.log10(4 / F.mse_loss(a, b))


# %% 00.2 wrong: MSE over the batch, repeated
# says: one number for the whole batch
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    mse = ((a - b) ** 2).mean()
    return (10 * torch.log10(4 / mse)).repeat(a.shape[0])


# %% 00.2 wrong: natural logarithm
# says: base 10
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    mse = ((a - b) ** 2).mean(dim=(1, 2, 3))
    return 10 * (4 / mse).log()


# %% 00.2 wrong: the root forgotten
# says: root of the MSE
def l1_255(a, b):
    return 127.5 * (a - b).abs().mean(dim=(1, 2, 3))


def psnr(a, b):
    mse = ((a - b) ** 2).mean(dim=(1, 2, 3))
    return 20 * torch.log10(2 / mse)


# %% 00.3 right: the coin first, randint for the places, ids through a table
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    mirror = torch.rand((), generator=generator).item() < 0.5
    left = torch.randint(load - crop + 1, (), generator=generator).item()
    top = torch.randint(0, load - crop + 1, (), generator=generator).item()
    table = list(range(int(label.max()) + 20))
    for x, y in sides:
        table[x], table[y] = y, x
    out = []
    for x in (a, b, label[None].to(torch.float64)):
        mode = "nearest" if x is not a and x is not b else "bilinear"
        x = F.interpolate(x.unsqueeze(0), size=(load, load), mode=mode).squeeze(0)
        x = x[:, top : top + crop, left : left + crop]
        out.append(torch.flip(x, dims=[2]) if mirror else x)
    ids = out[2][0].long()
    return out[0], out[1], torch.tensor(table)[ids] if mirror else ids


# %% 00.3 right: mirrored before the crop, indices instead of interpolation for the label, bicubic pictures
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    u = torch.rand(3, generator=generator, dtype=torch.float64)
    top, left = (int(v * (load - crop + 1)) for v in u[:2])
    a, b = (F.interpolate(x[None], (load, load), mode="bicubic", align_corners=True)[0] for x in (a, b))
    rows = ((torch.arange(load) + 0.5) * label.shape[0] / load).long()
    columns = ((torch.arange(load) + 0.5) * label.shape[1] / load).long()
    label = label[rows][:, columns]
    if u[2] > 0.5:
        a, b, label = a.flip(-1), b.flip(-1), label.flip(-1)
        old = label
        for x, y in sides:
            label = torch.where(old == x, y, torch.where(old == y, x, label))
    window = (..., slice(top, top + crop), slice(left, left + crop))
    return a[window], b[window], label[window]


# %% 00.3 wrong: two crops
# says: a and b are cut at different places
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    def one(x, mode):
        x = F.interpolate(x[None], (load, load), mode=mode)[0]
        top = torch.randint(load - crop + 1, (), generator=generator)
        left = torch.randint(load - crop + 1, (), generator=generator)
        return x[..., top : top + crop, left : left + crop]

    a, b, label = one(a, "bilinear"), one(b, "bilinear"), one(label[None].double(), "nearest")[0].long()
    if torch.rand((), generator=generator) < 0.5:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.3 wrong: two flips
# says: only one of a and b is mirrored
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()

    def one(x, mode):
        x = F.interpolate(x[None], (load, load), mode=mode)[0][..., top : top + crop, left : left + crop]
        return x.flip(-1) if torch.rand((), generator=generator) < 0.5 else x

    return one(a, "bilinear"), one(b, "bilinear"), one(label[None].double(), "nearest")[0].long()


# %% 00.3 wrong: the label is not mirrored
# says: only one of a and the label is mirrored
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b = a.flip(-1), b.flip(-1)
    return a, b, label


# %% 00.3 wrong: bilinear label
# says: no class between two classes
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    stack = torch.cat([a, b, label[None].to(a.dtype)])
    stack = F.interpolate(stack[None], (load, load), mode="bilinear")[0]
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    stack = stack[:, top : top + crop, left : left + crop]
    mirror = torch.rand((), generator=generator) < 0.5
    stack = stack.flip(-1) if mirror else stack
    label = stack[-1].long()
    if mirror:
        old = label.clone()
        for x, y in sides:
            label[old == x] = y
            label[old == y] = x
    return stack[: len(a)], stack[len(a) : -1], label


# %% 00.3 wrong: blocks in the pictures
# says: enlarged in blocks
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    stack = torch.cat([a, b, label[None].to(a.dtype)])
    stack = F.interpolate(stack[None], (load, load))[0]
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    stack = stack[:, top : top + crop, left : left + crop]
    mirror = torch.rand((), generator=generator) < 0.5
    stack = stack.flip(-1) if mirror else stack
    label = stack[-1].long()
    if mirror:
        old = label.clone()
        for x, y in sides:
            label[old == x] = y
            label[old == y] = x
    return stack[: len(a)], stack[len(a) : -1], label


# %% 00.3 wrong: not enlarged
# says: taken from the picture as it was
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    room = a.shape[-1] - crop
    top, left = torch.randint(room + 1, (2,), generator=generator).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.3 wrong: sides keep their ids
# says: the left eye (4) has become the right one (5)
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, label = a.flip(-1), b.flip(-1), label.flip(-1)
    return a, b, label


# %% 00.3 wrong: sides merged by two assignments in a row
# says: one of two sides is gone
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, label = a.flip(-1), b.flip(-1), label.flip(-1)
        for x, y in sides:
            label[label == x] = y
            label[label == y] = x
    return a, b, label


# %% 00.3 wrong: sides always change
# says: although the picture is not mirrored
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    swapped = label.clone()
    for x, y in sides:
        swapped[label == x] = y
        swapped[label == y] = x
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, swapped))
    if torch.rand((), generator=generator) < 0.5:
        a, b, label = a.flip(-1), b.flip(-1), label.flip(-1)
    return a, b, label


# %% 00.3 wrong: the last place never drawn
# says: include its upper end
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    top = int(torch.randint(0, load - crop, (1,), generator=generator))
    left = int(torch.randint(0, load - crop, (1,), generator=generator))
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.3 wrong: nothing is random
# says: nothing moves
# says: none of 40 draws is mirrored
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    edge = (load - crop) // 2
    return tuple(x[..., edge : edge + crop, edge : edge + crop] for x in (a, b, label))


# %% 00.3 wrong: one number for rows and columns
# says: rows and columns need a draw each
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    at = int(torch.randint(load - crop + 1, (1,), generator=generator))
    a, b, label = (x[..., at : at + crop, at : at + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.3 wrong: upside down
# says: mirror left and right only
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, label = a.flip(-2), b.flip(-2), label.flip(-2)
    return a, b, label


# %% 00.3 wrong: mirrored one time in four
# says: wanted about half of them
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.randn((), generator=generator) > 0.6745:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.3 wrong: the global random state
# says: global random state
def joint_jitter(a, b, label, load, crop, generator, sides=((4, 5), (6, 7), (8, 9))):
    torch.manual_seed(int(torch.randint(10**6, (), generator=generator)))
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load))[0, 0].long()
    top, left = torch.randint(load - crop + 1, (2,)).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand(()) < 0.5:
        a, b, old = a.flip(-1), b.flip(-1), label.flip(-1)
        label = old.clone()
        for x, y in sides:
            label[old == x], label[old == y] = y, x
    return a, b, label


# %% 00.4 right: a loop over rings, distances from fftfreq
def radial_spectrum(x):
    n = x.shape[-1]
    power = (torch.fft.fft2(x).abs() ** 2 / n**2).mean((0, 1))
    f = torch.fft.fftfreq(n, dtype=torch.float64) * n
    radius = torch.sqrt(f[:, None] ** 2 + f[None, :] ** 2)
    rings = [power[(radius >= r - 0.5) & (radius < r + 0.5)].mean() for r in range(int(radius.max().round()) + 1)]
    return torch.arange(len(rings)) / (n / 2), torch.stack(rings)


# %% 00.4 right: bincount, image by image, mean at the end
def radial_spectrum(x):
    n = x.shape[-1]
    c = n // 2
    iy, ix = torch.meshgrid(torch.arange(n) - c, torch.arange(n) - c, indexing="ij")
    ring = (iy.double() ** 2 + ix.double() ** 2).sqrt().add(0.5).floor().long().flatten()
    curves = []
    for image in x:
        for channel in image:
            spectrum = torch.fft.fftshift(torch.fft.fft2(channel, norm="ortho"))
            power = (spectrum.real**2 + spectrum.imag**2).flatten()
            curves.append(torch.bincount(ring, weights=power) / torch.bincount(ring))
    freq = 2 * torch.arange(len(curves[0]), dtype=torch.float64) / n
    return freq, torch.stack(curves).mean(0)


# %% 00.4 wrong: |F| instead of its square
# says: These are magnitudes
def radial_spectrum(x):
    n = x.shape[-1]
    power = torch.fft.fftshift(torch.fft.fft2(x, norm="ortho").abs(), dim=(-2, -1)).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: the batch averaged first
# says: The batch was averaged before the FFT
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x.mean(0), norm="ortho"), dim=(-2, -1))
    power = (spectrum.abs() ** 2).mean(0)
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: grey first
# says: The colours were averaged before the FFT
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x.mean(1), norm="ortho"), dim=(-2, -1))
    power = (spectrum.abs() ** 2).mean(0)
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: the logarithm before the mean
# says: logarithm was taken before the mean
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1))
    power = (2 * spectrum.abs().log()).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean().exp() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: square rings
# says: The rings are squares
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1))
    power = (spectrum.abs() ** 2).mean((0, 1))
    k = (torch.arange(n) - n // 2).abs()
    ring = torch.maximum(k[:, None], k[None, :])
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: sums over rings
# says: These are sums over rings
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1))
    power = (spectrum.abs() ** 2).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.bincount(ring.flatten(), weights=power.flatten())
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: whole distances by cutting
# says: was cut to a whole number
def radial_spectrum(x):
    n = x.shape[-1]
    spectrum = torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1))
    power = (spectrum.abs() ** 2).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: not normalised
# says: N·N times too large
def radial_spectrum(x):
    n = x.shape[-1]
    power = (torch.fft.fftshift(torch.fft.fft2(x), dim=(-2, -1)).abs() ** 2).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: zero frequency left in the corner
# says: not around frequency 0
def radial_spectrum(x):
    n = x.shape[-1]
    power = (torch.fft.fft2(x, norm="ortho").abs() ** 2).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: the middle at N / 2
# says: half a step off
def radial_spectrum(x):
    n = x.shape[-1]
    power = (torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1)).abs() ** 2).mean((0, 1))
    y, x = np.indices((n, n))
    r = torch.from_numpy(np.rint(np.hypot(y - n / 2, x - n / 2)).astype(int)).flatten()
    power = torch.bincount(r, power.flatten()) / torch.bincount(r)
    return torch.arange(len(power)) / (n / 2), power


# %% 00.4 wrong: corners left out
# says: The corners are missing
def radial_spectrum(x):
    n = x.shape[-1]
    power = (torch.fft.fftshift(torch.fft.fft2(x, norm="ortho"), dim=(-2, -1)).abs() ** 2).mean((0, 1))
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None, :]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(n // 2 + 1)])
    return torch.arange(len(power)) / (n / 2), power


# %% 00.5 right: scipy's own interval
def paired_interval(a, b, level=0.95):
    d = (a - b).numpy()
    lo, hi = stats.t.interval(level, len(d) - 1, loc=d.mean(), scale=stats.sem(d))
    return d.mean(), lo, hi


# %% 00.5 right: plain Python
def paired_interval(a, b, level=0.95):
    d = [float(x) - float(y) for x, y in zip(a, b)]
    n = len(d)
    mean = math.fsum(d) / n
    s = math.sqrt(math.fsum((x - mean) ** 2 for x in d) / (n - 1))
    half = -stats.t.ppf((1 - level) / 2, n - 1) * s / math.sqrt(n)
    return [mean, mean - half, mean + half]


# %% 00.5 wrong: unpaired
# says: The pairs are lost
def paired_interval(a, b, level=0.95):
    n = len(a)
    pooled = ((a.var() + b.var()) / 2).sqrt()
    half = stats.t.ppf((1 + level) / 2, 2 * n - 2) * pooled * math.sqrt(2 / n)
    diff = a.mean() - b.mean()
    return diff, diff - half, diff + half


# %% 00.5 wrong: s not divided by the root of n
# says: spread of single differences
def paired_interval(a, b, level=0.95):
    d = a - b
    half = stats.t.ppf(0.5 + level / 2, len(d) - 1) * d.std()
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: the normal distribution
# says: uses the normal distribution
def paired_interval(a, b, level=0.95):
    d = a - b
    lo, hi = stats.norm.interval(level, loc=d.mean(), scale=d.std() / math.sqrt(len(d)))
    return d.mean(), lo, hi


# %% 00.5 wrong: 1.96
# says: uses the normal distribution
def paired_interval(a, b, level=0.95):
    d = a - b
    half = 1.96 * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: NumPy's standard deviation
# says: divided by n
def paired_interval(a, b, level=0.95):
    d = (a - b).numpy()
    half = stats.t.ppf((1 + level) / 2, len(d) - 1) * np.std(d) / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: all of it on one side
# says: 5 % in all
def paired_interval(a, b, level=0.95):
    d = a - b
    half = stats.t.ppf(level, len(d) - 1) * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: n degrees of freedom
# says: n − 1 degrees of freedom
def paired_interval(a, b, level=0.95):
    d = a - b
    half = stats.t.ppf((1 + level) / 2, len(d)) * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: b - a
# says: The sign is turned
def paired_interval(a, b, level=0.95):
    d = b - a
    half = stats.t.ppf((1 + level) / 2, len(d) - 1) * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half


# %% 00.5 wrong: the level is not used
# says: The level is not used
def paired_interval(a, b, level=0.95):
    d = a - b
    half = stats.t.ppf(0.975, len(d) - 1) * d.std() / math.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half
