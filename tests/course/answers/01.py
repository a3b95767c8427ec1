import torch
from torch import Tensor, nn
from torch.nn import functional as F


# %% 01.1 right: functional, norm before the addition of nothing
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = F.conv_transpose2d(x.clamp(min=0), self.conv.weight, self.conv.bias, stride=2, padding=1)
        h = (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        return torch.cat((skip, h), 1)


# %% 01.1 wrong: the skip last
# says: after the new channels
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(F.relu(x))), skip], 1)


# %% 01.3 right: from the last layer back
def receptive_field(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


# %% 01.3 wrong: adds k
# says: adds k − 1
def receptive_field(layers):
    field, jump = 1, 1
    for i in range(len(layers)):
        field = field + layers[i][0] * jump
        jump = jump * layers[i][1]
    return field
