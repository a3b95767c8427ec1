import torch
from torch import Tensor, nn
from torch.nn import functional as F


# %% 01.1 right: functional, the norm by hand
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = F.conv_transpose2d(x.clamp(min=0), self.conv.weight, self.conv.bias, stride=2, padding=1)
        h = (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), keepdim=True, unbiased=False) + 1e-5).sqrt()
        return torch.cat((skip, h), 1)


# %% 01.1 right: an empty tensor filled channel by channel
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        n = skip.shape[1]
        new = self.norm(self.conv(torch.where(x > 0, x, torch.zeros_like(x))))
        out = x.new_zeros(x.shape[0], n + new.shape[1], new.shape[2], new.shape[3])
        out[:, :n] = skip
        out[:, n:] = new
        return out


# %% 01.1 right: layers of its own kind, under the given names
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.activation = nn.ReLU()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, 4, 2, 1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        for layer in (self.activation, self.conv, self.norm):
            x = layer(x)
        return torch.cat([skip, x], dim=-3)


# %% 01.1 wrong: the skip last
# says: the skip stands behind the new channels
# says: in front of the new channels
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(F.relu(x))), skip], 1)


# %% 01.1 wrong: no concatenation
# says: the skip is never used
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        x = F.relu(x)
        x = self.conv(x)
        return self.norm(x)


# %% 01.1 wrong: cat without dim
# says: The channels are dimension 1
# says: your function returned tensor
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = self.norm(self.conv(F.relu(x)))
        return torch.cat((skip, h))


# %% 01.1 wrong: cat without dim, the skip last
# says: The channels are dimension 1
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(x.relu())), skip])


# %% 01.1 wrong: added
# says: the skip is added
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return skip + self.norm(self.conv(x.relu()))


# %% 01.1 wrong: joined before the transposed convolution
# says: x has half the skip's height and width
# says: RuntimeError
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        x = torch.cat([skip, x], dim=1)
        return self.norm(self.conv(F.relu(x)))


# %% 01.1 wrong: convolution, norm, ReLU
# says: the ReLU comes after the norm
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = F.relu(self.norm(self.conv(x)))
        return torch.cat([skip, h], 1)


# %% 01.1 wrong: convolution, ReLU, norm
# says: the ReLU stands between convolution and norm
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = self.conv(x)
        h = self.norm(torch.relu(h))
        return torch.cat([skip, h], 1)


# %% 01.1 wrong: norm, ReLU, convolution
# says: the norm works on x, before the convolution
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
        return torch.cat([skip, self.conv(F.relu(h))], 1)


# %% 01.1 wrong: ReLU, norm, convolution
# says: the norm works on x, before the convolution
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = F.relu(x)
        h = F.group_norm(h, h.shape[1])
        return torch.cat([skip, self.conv(h)], 1)


# %% 01.1 wrong: no ReLU
# says: there is no ReLU
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([skip, self.norm(self.conv(x))], 1)


# %% 01.1 wrong: no norm
# says: the norm is left out
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([skip, self.conv(torch.relu(x))], 1)


# %% 01.1 wrong: ReLU over everything
# says: a ReLU acts on the joined result
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = self.norm(self.conv(F.relu(x)))
        return F.relu(torch.cat([skip, h], 1))


# %% 01.1 wrong: the skip copied without its graph
# says: no gradient arrives at the skip
# says: the skip is detached
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = self.norm(self.conv(F.relu(x)))
        return torch.cat([skip.data, h], 1)


# %% 01.1 wrong: ReLU in place
# says: changes its input x in place
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        h = self.norm(self.conv(F.relu(x, inplace=True)))
        return torch.cat([skip, h], 1)


# %% 01.1 wrong: other names in __init__
# says: leave __init__ as it was given
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.up = nn.ConvTranspose2d(in_ch, out_ch, 4, 2, 1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        return torch.cat([skip, self.norm(self.up(F.relu(x)))], 1)


# %% 01.1 wrong: return forgotten
# says: got None: is a `return` missing?
# says: your function returned None, wanted a tensor
class UpBlock(nn.Module):
    def __init__(self, in_ch, skip_ch, out_ch, norm="instance", dropout=False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)

    def forward(self, x, skip):
        x = self.norm(self.conv(F.relu(x)))
        x = torch.cat([skip, x], 1)


# %% 01.2 right: a stack, taken from its end
def unet_forward(x, downs, ups, head):
    stack = []
    for down in downs:
        x = down(x)
        stack.append(x)
    x = stack.pop()
    for up in ups:
        x = up(x, stack.pop())
    return head(x)


# %% 01.2 right: indices
def unet_forward(x, downs, ups, head):
    n = len(downs)
    h = {-1: x}
    for i in range(n):
        h[i] = downs[i](h[i - 1])
    x = h[n - 1]
    for j in range(n - 1):
        x = ups[j](x, skip=h[n - 2 - j])
    return head(x)


# %% 01.2 right: recursion, the bottleneck apart
def unet_forward(x, downs, ups, head):
    def inside(x, i):
        x = downs[i](x)
        if i == len(downs) - 1:
            return x
        return ups[len(downs) - 2 - i](inside(x, i + 1), x)

    return head(inside(x, 0))


# %% 01.2 right: the image kept too, and never used
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        skips.append(x)
        x = down(x)
    for up, skip in zip(ups, reversed(skips)):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: skips in the order of the way down
# says: in the order of the way down
# says: in the drawing ups[0](
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    skips = skips[:-1]
    for i, up in enumerate(ups):
        x = up(x, skips[i])
    return head(x)


# %% 01.2 wrong: the bottleneck as first skip
# says: the bottleneck is also used as a skip
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, reversed(skips)):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: the image as a skip
# says: the list begins with the image itself
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs[:-1]:
        skips.append(x)
        x = down(x)
    x = downs[-1](x)
    for up, skip in zip(ups, reversed(skips)):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: one skip missing
# says: one skip is missing from the list
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, skips[-2:0:-1]):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: two taken off the end
# says: one skip is missing from the list
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    skips.pop()
    skips.pop()
    skips.reverse()
    for up, skip in zip(ups, skips):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: normalised at every level
# says: activations are normalised here too
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        x = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), keepdim=True, unbiased=False) + 1e-5) ** 0.5
        skips.append(x)
    for up, skip in zip(ups, skips[-2::-1]):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: skip and x swapped
# says: x and skip are swapped
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, skips[-2::-1]):
        x = up(skip, x)
    return head(x)


# %% 01.2 wrong: no head
# says: after
# says: your code stops
# says: the last step is missing
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, skips[-2::-1]):
        x = up(x, skip)
    return x


# %% 01.2 wrong: tanh once more
# says: tanh acts twice
# says: all calls are right
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, skips[-2::-1]):
        x = up(x, skip)
    return head(x).tanh()


# %% 01.2 wrong: skips kept without their graph
# says: no gradient reaches what downs[
# says: the skips are detached
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x.detach())
    for up, skip in zip(ups, skips[-2::-1]):
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: the decoder steps popped off their list
# says: your code empties the list ups: a network is called many times
# says: or take from a copy, `list(ups)`
def unet_forward(x, downs, ups, head):
    acts = []
    for down in downs:
        x = down(x)
        acts.append(x)
    acts.pop()
    while len(ups):
        x = ups.pop(0)(x, acts.pop())
    return head(x)


# %% 01.2 wrong: the encoder layers popped off their list
# says: your code empties the list downs
def unet_forward(x, downs, ups, head):
    acts = []
    while len(downs):
        x = downs.pop(0)(x)
        acts.append(x)
    acts.pop()
    for up in ups:
        x = up(x, acts.pop())
    return head(x)


# %% 01.2 wrong: the bottleneck taken out of downs
# says: your code changes the list downs
# says: or take from a copy, `list(ups)`
def unet_forward(x, downs, ups, head):
    acts = []
    bottleneck = downs.pop(-1)
    for down in downs:
        x = down(x)
        acts.append(x)
    x = bottleneck(x)
    for up in ups:
        x = up(x, acts.pop())
    return head(x)


# %% 01.2 wrong: return forgotten
# says: None is returned and not what head gave: is a `return` missing?
# says: your function returned None, wanted an image: is a `return` missing?
def unet_forward(x, downs, ups, head):
    acts = []
    for down in downs:
        x = down(x)
        acts.append(x)
    acts.pop()
    for up in ups:
        x = up(x, acts.pop())
    x = head(x)


# %% 01.2 wrong: joined here as well
# says: something else
# says: nothing is joined, normalised or activated between them
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for up, skip in zip(ups, skips[-2::-1]):
        x = torch.cat([skip, F.interpolate(x, skip.shape[-2:])], 1)
        x = up(x, skip)
    return head(x)


# %% 01.2 wrong: one decoder step too many
# says: your code raised IndexError
def unet_forward(x, downs, ups, head):
    skips = []
    for down in downs:
        x = down(x)
        skips.append(x)
    for i in range(len(downs)):
        x = ups[i](x, skips[-i - 2])
    return head(x)


# %% 01.3 right: from the last layer back
def receptive_field(layers):
    side = 1
    for kernel, stride in reversed(layers):
        side = (side - 1) * stride + kernel
    return side


# %% 01.3 right: the sum written out
def receptive_field(layers):
    strides = torch.tensor([1] + [s for _, s in layers]).cumprod(0)
    return 1 + sum((k - 1) * int(j) for (k, _), j in zip(layers, strides))


# %% 01.3 right: counting the pixels that are seen
def receptive_field(layers):
    seen = {0}
    for kernel, stride in layers[::-1]:
        seen = {stride * i + j for i in seen for j in range(kernel)}
    return len(seen)


# %% 01.3 right: a float
def receptive_field(layers):
    side, step = 1.0, 1.0
    for kernel, stride in layers:
        side, step = side + (kernel - 1) * step, step * stride
    return side


# %% 01.3 wrong: the jump multiplied first
# says: a layer's own stride already counts
# says: first let the side grow
# says: (kernel, stride); the gradient of one output spans
def receptive_field(layers):
    r, jump = 1, 1
    for k, s in layers:
        jump *= s
        r += (k - 1) * jump
    return r


# %% 01.3 wrong: adds k
# says: adds k − 1
def receptive_field(layers):
    field, jump = 1, 1
    for i in range(len(layers)):
        field = field + layers[i][0] * jump
        jump = jump * layers[i][1]
    return field


# %% 01.3 wrong: the jump forgotten
# says: strides have no effect
def receptive_field(layers):
    return 1 + sum(k - 1 for k, s in layers)


# %% 01.3 wrong: strides summed
# says: strides are added up
def receptive_field(layers):
    r, jump = 1, 1
    for k, s in layers:
        r += (k - 1) * jump
        jump += s
    return r


# %% 01.3 wrong: strides summed, less one
# says: strides are added up
def receptive_field(layers):
    r, jump = 1, 1
    for k, s in layers:
        r += (k - 1) * jump
        jump += s - 1
    return r


# %% 01.3 wrong: strides summed from nothing
# says: strides are added up
def receptive_field(layers):
    r, jump = 1, 0
    for k, s in layers:
        r += (k - 1) * jump
        jump += s
    return r


# %% 01.3 wrong: begins with 0
# says: you begin with 0
def receptive_field(layers):
    r, jump = 0, 1
    for k, s in layers:
        r += (k - 1) * jump
        jump *= s
    return r


# %% 01.3 wrong: the recursion from the wrong end
# says: begins at the first layer
def receptive_field(layers):
    side = 1
    for kernel, stride in layers:
        side = (side - 1) * stride + kernel
    return side


# %% 01.3 wrong: the largest kernel
# says: the gradient of one output spans
# says: Then put a second one behind it
def receptive_field(layers):
    return max(k for k, s in layers)


# %% 01.3 wrong: printed, not returned
# says: your function says None: is a `return` missing?
def receptive_field(layers):
    r, jump = 1, 1
    for k, s in layers:
        r, jump = r + (k - 1) * jump, jump * s


# %% 01.4 right: BCE with logits
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 right: logsigmoid
def adversarial_losses(real, fake):
    d = -(F.logsigmoid(real).mean() + F.logsigmoid(-fake).mean()) / 2
    return dict(d=d, g=-F.logsigmoid(fake).mean())


# %% 01.4 right: logaddexp, image by image
def adversarial_losses(real, fake):
    zero = torch.zeros((), dtype=fake.dtype)
    d = 0.5 * (torch.logaddexp(zero, -real).mean((1, 2, 3)).mean() + torch.logaddexp(zero, fake).mean((1, 2, 3)).mean())
    return {"d": d, "g": torch.logaddexp(zero, -fake).mean((1, 2, 3)).mean()}


# %% 01.4 wrong: sigmoid twice
# says: a sigmoid acts twice
def adversarial_losses(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    bce = nn.BCEWithLogitsLoss()
    d = (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))) / 2
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 wrong: the printed game, saturating
# says: it saturates
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    g = F.logsigmoid(-fake).mean()
    return {"d": d, "g": g}


# %% 01.4 wrong: g is minus d
# says: it saturates
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": -d}


# %% 01.4 wrong: G wants fake
# says: then G helps D
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))
    return {"d": d, "g": bce(fake, torch.zeros_like(fake))}


# %% 01.4 wrong: real for both in D
# says: D learns to say 'real' of everything
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.ones_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 wrong: fake for both in D
# says: D learns to say 'fake' of everything
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.zeros_like(real)) + bce(fake, torch.zeros_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 wrong: D's targets swapped
# says: no longer play against each other
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.zeros_like(real)) + bce(fake, torch.ones_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 wrong: all names swapped, a consistent game
# says: a positive logit means 'real'
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(real).mean() + F.softplus(-fake).mean())
    return {"d": d, "g": F.softplus(fake).mean()}


# %% 01.4 wrong: not halved
# says: d is not halved
def adversarial_losses(real, fake):
    return {"d": F.softplus(-real).mean() + F.softplus(fake).mean(), "g": F.softplus(-fake).mean()}


# %% 01.4 wrong: both halved
# says: g is halved too
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": 0.5 * F.softplus(-fake).mean()}


# %% 01.4 wrong: log of the sigmoid
# says: its logarithm is −inf
# says: NaN or infinite
def adversarial_losses(real, fake):
    p_real, p_fake = 1 / (1 + torch.exp(-real)), 1 / (1 + torch.exp(-fake))
    d = -0.5 * (torch.log(p_real).mean() + torch.log(1 - p_fake).mean())
    return {"d": d, "g": -torch.log(p_fake).mean()}


# %% 01.4 wrong: BCE on probabilities
# says: cuts the logarithm at −100
def adversarial_losses(real, fake):
    bce = nn.BCELoss()
    p_real, p_fake = torch.sigmoid(real), torch.sigmoid(fake)
    d = (bce(p_real, torch.ones_like(real)) + bce(p_fake, torch.zeros_like(fake))) * 0.5
    return {"d": d, "g": bce(p_fake, torch.ones_like(fake))}


# %% 01.4 wrong: BCE on logits
# says: RuntimeError
# says: Logits are no probabilities
def adversarial_losses(real, fake):
    bce = nn.BCELoss()
    d = (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))) / 2
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


# %% 01.4 wrong: both in one tensor, whose mean halves by itself
# says: one mean is taken over real and fake logits together
def adversarial_losses(real, fake):
    logits, target = torch.cat([real, fake]), torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    criterion = nn.BCEWithLogitsLoss()
    return {"g": criterion(fake, torch.ones_like(fake)), "d": criterion(logits, target)}


# %% 01.4 wrong: targets in the shape of the real logits
# says: use `ones_like(fake)` and `zeros_like(fake)`
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    one, nought = torch.ones_like(real), torch.zeros_like(real)
    return {"d": (bce(real, one) + bce(fake, nought)) / 2, "g": bce(fake, one)}


# %% 01.4 wrong: numbers instead of tensors
# says: d is the plain number
# says: g is the plain number
# says: drop .item() or float(): a loss must stay a tensor that gradients can flow through
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d.item(), "g": F.softplus(-fake).mean().item()}


# %% 01.4 wrong: return forgotten
# says: wanted a dict of two tensors, d and g: is a `return` missing?
# says: losses: got None: is a `return` missing?
def adversarial_losses(real, fake):
    losses = {}
    losses["d"] = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    losses["g"] = F.softplus(-fake).mean()


# %% 01.4 wrong: a small number against infinity
# says: the probability rounds to 0 or 1 first
def adversarial_losses(real, fake):
    p_real, p_fake, eps = torch.sigmoid(real), torch.sigmoid(fake), 1e-12
    d = -0.5 * (torch.log(p_real + eps).mean() + torch.log(1 - p_fake + eps).mean())
    return {"d": d, "g": -torch.log(p_fake + eps).mean()}


# %% 01.4 wrong: sums
# says: you add up the patches
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).sum() + F.softplus(fake).sum())
    return {"d": d, "g": F.softplus(-fake).sum()}


# %% 01.4 wrong: fake detached in d
# says: D never learns from a fake
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake.detach()).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


# %% 01.4 wrong: least squares
# says: d.value: got
# says: −log P(D says 'real')
def adversarial_losses(real, fake):
    d = 0.5 * ((real - 1).pow(2).mean() + fake.pow(2).mean())
    return {"d": d, "g": (fake - 1).pow(2).mean()}


# %% 01.4 wrong: a tuple
# says: wanted a dict of two tensors, d and g
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return d, F.softplus(-fake).mean()


# %% 01.5 right: floats, D frozen in G's half
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    opt_d.zero_grad()
    with torch.no_grad():
        fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1)))["d"]
    d.backward()
    opt_d.step()

    for p in D.parameters():
        p.requires_grad_(False)
    opt_g.zero_grad()
    fake = G(x)
    out = D(torch.cat([x, fake], 1))
    g = adversarial_losses(out, out)["g"]
    l1 = F.l1_loss(fake, y)
    (g + lam * l1).backward()
    opt_g.step()
    for p in D.parameters():
        p.requires_grad_(True)
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 right: gradients asked for by name
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat((x, y), 1)), D(torch.cat((x, fake.detach()), 1)))["d"]
    for p, grad in zip(D.parameters(), torch.autograd.grad(d, list(D.parameters()))):
        p.grad = grad
    opt_d.step()
    logits = D(torch.cat((x, fake), 1))
    g, l1 = F.softplus(-logits).mean(), torch.mean(torch.abs(y - fake))
    for p, grad in zip(G.parameters(), torch.autograd.grad(lam * l1 + g, list(G.parameters()))):
        p.grad = grad
    opt_g.step()
    return {"l1": l1.detach(), "g": g.detach(), "d": d.detach()}


# %% 01.5 right: backward with inputs, no detach needed
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1))
    d = adversarial_losses(real_logits, fake_logits)["d"]
    d.backward(inputs=list(D.parameters()), retain_graph=True)
    opt_d.step()
    opt_d.zero_grad()
    g = adversarial_losses(real_logits, D(torch.cat([x, fake], 1)))["g"]
    l1 = (y - fake).abs().flatten(1).mean(1).mean()
    (g + lam * l1).backward(inputs=list(G.parameters()))
    opt_g.step()
    opt_g.zero_grad()
    return {"d": d.detach(), "g": g.detach(), "l1": l1.detach()}


# %% 01.5 right: one batch for D, both zero_grad at the top but detached
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    opt_g.zero_grad()
    opt_d.zero_grad()
    fake = G(x)
    pairs = torch.cat([torch.cat([x, y], 1), torch.cat([x, fake.detach()], 1)], 0)
    d = adversarial_losses(*D(pairs).chunk(2))["d"]
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(y, fake)
    g.backward(retain_graph=True)
    (lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no detach, harmless in this order
# says: In your order that is harmless
# says: or a fresh G(x)
# says: G's parameters hold a gradient already
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, G(x)], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    fake = G(x)
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no detach, the graph kept
# says: In your order that is harmless
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1)))["d"]
    opt_d.zero_grad()
    d.backward(retain_graph=True)
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: both zero_grad at the top and no detach
# says: both zero_grad stand at the top
# says: most when D is fooled, little when D wins
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    opt_d.zero_grad()
    opt_g.zero_grad()
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1)))["d"]
    d.backward(retain_graph=True)
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: D without x
# says: D does not see x
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(y), D(fake.detach()))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(fake)
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: the image before x
# says: D gets the image first
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([y, x], 1)), D(torch.cat([fake.detach(), x], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([fake, x], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: joined along the batch
# says: joined along the batch
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 0)), D(torch.cat([x, fake.detach()], 0)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 0))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: labels swapped in D's half
# says: the labels are swapped in D's half
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, fake.detach()], 1)), D(torch.cat([x, y], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: lam on the adversarial term
# says: lam multiplies the adversarial term
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (lam * g + l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: lam forgotten
# says: lam is not used
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no pixel loss
# says: the pixel loss is missing
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    g.backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: D moves in G's half too
# says: D moves in G's half too
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    opt_d.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: D moves in G's half too, with emptied gradients
# says: D moves in G's half too
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    opt_d.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    opt_d.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: opt_d.step before backward
# says: step() comes before backward
# says: D does not move
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    opt_d.step()
    d.backward()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: every step before its backward
# says: step() comes before backward
# says: G does not move
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    opt_d.step()
    d.backward()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    opt_g.step()
    (g + lam * l1).backward()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: G moves first
# says: G moves before D
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: both backward, then both steps
# says: both backward calls come before both steps
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_d.zero_grad()
    opt_g.zero_grad()
    d.backward()
    (g + lam * l1).backward()
    opt_d.step()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no zero_grad at all
# says: gradients are never emptied
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no zero_grad for D
# says: D's gradients are never emptied
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: no zero_grad for G
# says: G's gradients are never emptied
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: detached once and for all
# says: detached in G's half as well
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    shown = fake.detach()
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, shown], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, shown], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: squared error
# says: the pixel loss is squared
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.mse_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: the difference without abs
# says: abs() is missing, or comes after the mean
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], (fake - y).mean()
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: the difference the other way round, without abs
# says: abs() is missing, or comes after the mean
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], (y - fake).mean()
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: abs after the mean
# says: abs() is missing, or comes after the mean
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], torch.abs((fake - y).mean())
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: None for the real logits, softplus
# says: TypeError
# says: the fake logits can be passed twice
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(None, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: None for the real logits, BCE with logits
# says: TypeError
# says: the fake logits can be passed twice
def adversarial_losses(real, fake):
    bce = F.binary_cross_entropy_with_logits
    d = 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(None, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: logits detached in D's half
# says: computed under no_grad or from detached logits
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)).detach(), D(torch.cat([x, fake], 1)).detach())["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: l1 returned times lam
# says: multiplied by lam already
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": lam * l1.item()}


# %% 01.5 wrong: one graph for both halves
# says: through the graph a second time
# says: detach it there
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    real_logits, fake_logits = D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1))
    d = adversarial_losses(real_logits, fake_logits)["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: backward for g and for l1 apart
# says: through the graph a second time
# says: or, if backward is called for g and for l1 apart
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    g.backward()
    (lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: G's loss from the old logits
# says: G's loss uses logits from before opt_d.step()
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    losses = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake], 1)))
    opt_d.zero_grad()
    losses["d"].backward(retain_graph=True)
    opt_d.step()
    l1 = F.l1_loss(fake, y)
    opt_g.zero_grad()
    (losses["g"] + lam * l1).backward()
    opt_g.step()
    return {"d": losses["d"].item(), "g": losses["g"].item(), "l1": l1.item()}


# %% 01.5 wrong: D left frozen
# says: still frozen (requires_grad_(False)) since the step before
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    D.requires_grad_(False)
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.item(), "g": g.item(), "l1": l1.item()}


# %% 01.5 wrong: nothing returned
# says: your function returned None, wanted a dict of three numbers: d, g, l1: is a `return` missing?
def adversarial_losses(real, fake):
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}


def train_step(x, y, G, D, opt_g, opt_d, lam):
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()
    logits = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(logits, logits)["g"], F.l1_loss(fake, y)
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()


# %% 01.6 right: the curves, in the order in which to look
def diagnose():
    from gritlib.course import student
    from gritlib.studies.clinic import drawn, rule

    return {run: rule(log) for run, log in drawn(student()).items()}


# %% 01.6 wrong: D too strong wherever D does not see the condition
# says: D_looks
def diagnose():
    from gritlib.course import student
    from gritlib.studies.clinic import drawn, rule

    found = {run: rule(log) for run, log in drawn(student()).items()}
    return {run: "d_too_strong" if fault == "no_condition" else fault for run, fault in found.items()}


# %% 01.6 wrong: the learning rate and the labels exchanged
# says: update
# says: adv
def diagnose():
    from gritlib.course import student
    from gritlib.studies.clinic import drawn, rule

    found = {run: rule(log) for run, log in drawn(student()).items()}
    other = {"learning_rate": "labels_swapped", "labels_swapped": "learning_rate"}
    return {run: other.get(fault, fault) for run, fault in found.items()}


# %% 01.6 wrong: everything needs longer
# says: as many steps
def diagnose():
    return dict.fromkeys("ABCDEF", "needs_longer")


# %% 01.6 wrong: a wrong lambda taken for collapse
# says: another input gives another output
def diagnose():
    from gritlib.course import student
    from gritlib.studies.clinic import drawn, rule

    found = {run: rule(log) for run, log in drawn(student()).items()}
    return {run: "collapse" if fault == "lambda_on_gan" else fault for run, fault in found.items()}


# %% 01.6 wrong: only two runs looked at
# says: no answer yet
def diagnose():
    from gritlib.course import student
    from gritlib.studies.clinic import drawn, rule

    found = {run: rule(log) for run, log in drawn(student()).items()}
    return {run: found[run] for run in "AB"}


# %% 01.6 wrong: own words
# says: is not in the list
def diagnose():
    return dict.fromkeys("ABCDEF", "overfitting")


# %% 01.6 wrong: a list
# says: wanted a dict
def diagnose():
    return ["no_detach", "labels_swapped", "learning_rate", "no_condition", "jitter_not_joint", "lambda_on_gan"]
