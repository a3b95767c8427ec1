import torch
from torch import Tensor


# %% 00.2 right: a loop over the batch
def l1_255(a, b):
    return torch.stack([(x - y).abs().mean() * 127.5 for x, y in zip(a, b)])


def psnr(a, b):
    return torch.stack([10 * torch.log10(4 / ((x - y) ** 2).mean()) for x, y in zip(a, b)])


# %% 00.2 wrong: L1 in units of [-1, 1]
# says: 127.5
def l1_255(a, b):
    return (a - b).abs().flatten(1).mean(1)


def psnr(a, b):
    return 10 * torch.log10(4 / ((a - b) ** 2).flatten(1).mean(1))
