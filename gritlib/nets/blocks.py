"""Small parts that several networks share: normalisation by name, AdaIN, spatial noise."""

import torch
from torch import Tensor, nn

NORMS = ("batch", "instance", "none")


def full_precision(x: Tensor) -> Tensor:
    """float32 from half precision; float32 and float64 as they are. Networks end with it, so that losses never see
    bfloat16."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def make_norm(name: str, channels: int) -> nn.Module:
    """Normalisation layer by name: "batch" (learned scale and shift, running statistics), "instance" (neither, as in
    the authors' PyTorch code) or "none".

    Raises:
        ValueError: any other name.
    """
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "instance":
        return nn.InstanceNorm2d(channels)
    if name == "none":
        return nn.Identity()
    raise ValueError(f"norm {name!r} is unknown: choose one of {', '.join(NORMS)}")


def needs_bias(norm: str) -> bool:
    """Whether a convolution before this norm keeps its bias. Batch norm subtracts the channel mean and adds its own
    shift, so a bias before it does nothing; the official code keeps it before instance norm, where it does as little.
    """
    return norm != "batch"


def instance_norm(h: Tensor) -> Tensor:
    """(h − μ)/σ per sample and channel, nothing learned; a single pixel, which has no σ, passes unchanged."""
    return nn.functional.instance_norm(h) if h.shape[-1] * h.shape[-2] > 1 else h


class AdaIN(nn.Module):
    """Adaptive instance normalisation: (1 + γ(z))·(h − μ)/σ + β(z), statistics per sample and channel.

    γ and β are one linear map of the style code. Huang & Belongie 2017 write γ; 1 + γ (identity at a zero map) is
    inferred from the GRIT authors' earlier public work.

    Args:
        channels: of the feature map.
        style_dim: length of the style code; 0 leaves plain instance normalisation with a learned scale and shift.
    """

    def __init__(self, channels: int, style_dim: int):
        super().__init__()
        self.style_dim = style_dim
        if style_dim:
            self.affine = nn.Linear(style_dim, 2 * channels)
        else:
            self.affine = nn.Parameter(torch.zeros(2 * channels))

    def forward(self, h: Tensor, style: Tensor | None) -> Tensor:  # (B, C, H, W), (B, style_dim)
        affine = self.affine(style) if self.style_dim else self.affine.expand(len(h), -1)
        gamma, beta = affine[:, :, None, None].chunk(2, dim=1)  # (B, C, 1, 1) each
        return (1 + gamma) * instance_norm(h) + beta


class SpatialNoise(nn.Module):
    """Adds one noise map per sample, broadcast over the channels with a learned weight each: h + w_c·n(y, x).

    Weights begin at `init`. Source: Karras et al. 2019 (StyleGAN), one weight per channel.
    """

    def __init__(self, channels: int, init: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, channels, 1, 1), float(init)))

    def forward(self, h: Tensor, noise: Tensor) -> Tensor:  # (B, C, H, W), (B, 1, H, W)
        return h + self.weight * noise


@torch.no_grad()
def reestimate_batchnorm(net: nn.Module, forward, batches) -> None:
    """Set batch norm's running statistics to the mean over `batches`, with the weights the network has now.

    Averaged weights never saw the running statistics of the trained ones. Does nothing without batch norm.

    Args:
        net: contains the layers. forward: called with each batch. batches: training batches.
    """
    layers = [m for m in net.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    if not layers:
        return
    before = [(layer.momentum, layer.training) for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches
        layer.train()
    try:
        for batch in batches:
            forward(batch)
    finally:
        for layer, (momentum, training) in zip(layers, before, strict=True):
            layer.momentum = momentum
            layer.train(training)


class Blur(nn.Module):
    """Halve the sides with a binomial blur, [1, 2, 1]/4 along each axis, reflected at the border (Zhang 2019).

    Nothing is learned and nothing is stored. Sides must be 2 or more; odd ones are rounded up.
    """

    def forward(self, h: Tensor) -> Tensor:  # (B, C, H, W) -> (B, C, ⌈H/2⌉, ⌈W/2⌉)
        h = nn.functional.pad(h, (1, 1, 1, 1), mode="reflect")
        return Thinned.apply(Thinned.apply(h, -1), -2) / 16


def every_other(h: Tensor, axis: int, first: int, n: int) -> Tensor:
    """View of n entries along an axis, two apart, from `first` on."""
    h = h.movedim(axis, -1)
    return h[..., first : first + 2 * n - 1 : 2].movedim(-1, axis)


class Thinned(torch.autograd.Function):
    """h[2i] + 2·h[2i + 1] + h[2i + 2] along one axis. Shifted sums are up to three times faster on a CPU than a pooling
    or a convolution for each channel, and the gradient by hand than autograd's, which fills a map of zeros for each
    of the three; both are bit for bit what autograd has."""

    @staticmethod
    def forward(ctx, h: Tensor, axis: int) -> Tensor:
        ctx.length, ctx.axis = h.shape[axis], axis
        n = (ctx.length - 1) // 2
        left, middle, right = (every_other(h, axis, first, n) for first in range(3))
        return torch.add(left, middle, alpha=2).add_(right)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return Spread.apply(gradient, ctx.axis, ctx.length), None


class Spread(torch.autograd.Function):
    """The gradient of `Thinned`, of which it is the gradient in turn: terms like R1 differentiate twice."""

    @staticmethod
    def forward(ctx, gradient: Tensor, axis: int, length: int) -> Tensor:
        ctx.axis = axis
        n, shape = gradient.shape[axis], list(gradient.shape)
        shape[axis] = length
        spread = gradient.new_zeros(shape)
        every_other(spread, axis, 0, n).copy_(gradient)
        every_other(spread, axis, 1, n).copy_(gradient).mul_(2)
        every_other(spread, axis, 2, n).add_(gradient)
        return spread

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return Thinned.apply(gradient, ctx.axis), None, None


def has_batch_norm(net: nn.Module) -> bool:
    """Does an image's output depend on the other images of its batch?"""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in net.modules())


def jointly(net: nn.Module, *images: Tensor) -> list[Tensor]:
    """net(x) for each of several batches of equal shape, in one call. Only batch norm, whose statistics belong to the
    batch, has a call for each."""
    if has_batch_norm(net):
        return [net(x) for x in images]
    return list(net(torch.cat(images)).chunk(len(images)))
