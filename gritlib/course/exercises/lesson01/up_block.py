"""01.1: one step of the decoder.

The student's class enters through `UNet(block=UpBlock)`, which calls `block(in, skip, out, norm=, dropout=)`. Its
`__init__` is given, so that weights can be handed to it by name.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.course.compare import difference, returned
from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.nets.unet import UpBlock


def up_block(inputs, UpBlock):
    with torch.random.fork_rng(devices=[]):
        block = UpBlock(*inputs["channels"], norm="instance", dropout=False).double()
    if set(block.state_dict()) != set(inputs["state"]):
        raise ValueError(f"the block has {sorted(block.state_dict())}: leave __init__ as it was given (conv, norm)")
    block.load_state_dict(inputs["state"])
    if "loss" not in inputs:
        return {"output": block(inputs["x"], inputs["skip"])}

    weights = inputs["loss"]["weights"]
    x, skip = (inputs[name].requires_grad_() for name in ("x", "skip"))
    output = block(x * 1, skip * 1)
    if not isinstance(output, torch.Tensor) or output.ndim != 4:
        return {"output": output}
    if (len(output), *output.shape[2:]) != (len(weights), *weights.shape[2:]):
        return {"output": output}
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (output * weights[:, : output.shape[1]]).sum() + 0 * (x.sum() + skip.sum())
    by_x, by_skip = torch.autograd.grad(loss, (x, skip))
    return {"by skip": by_skip, "by x": by_x}


def draw_up(generator):
    # As in the U-Net, skip and result have the same number of channels: then a sum instead of the concatenation runs.
    i, o = torch.randperm(4, generator=generator)[:2].add(1).tolist()
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = torch.randint(2, 5, (2,), generator=generator).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "channels": [i, o, o],
        "state": {"conv.weight": normal(i, o, 4, 4), "conv.bias": normal(o)},
        "x": normal(batch, i, height, width),
        "skip": normal(batch, o, 2 * height, 2 * width),
    }


def draw_up_weighted(generator):
    inputs = draw_up(generator)
    batch, channels, height, width = inputs["skip"].shape
    weights = torch.randn(batch, 2 * channels, height, width, generator=generator, dtype=torch.float64)
    return {**inputs, "loss": {"weights": weights}}


def judge_first_channels(inputs, got, wanted):
    skip, output = inputs["skip"], got["output"]
    if not isinstance(output, Tensor) or output.ndim != 4:
        return difference(got, wanted, 1e-6, 1e-9)
    said = difference(output[:, : skip.shape[1]], skip, 1e-6, 1e-9)
    return said and f"the first {skip.shape[1]} channels of the output against the skip: {said}"


def judge_skip_gradient(inputs, got, wanted):
    if "by skip" not in got:
        batch, channels, height, width = inputs["loss"]["weights"].shape
        return returned(got["output"], f"a tensor {batch}x{channels}x{height}x{width}")
    if not got["by skip"].any():
        return "no gradient arrives at the skip: the encoder would learn nothing through it"
    # That of a skip behind the new channels is as good here: the first part is about the order.
    behind = inputs["loss"]["weights"][:, inputs["skip"].shape[1] :]
    if difference(got["by skip"], behind, 1e-6, 1e-9) is None:
        return None
    return difference(got["by skip"], wanted["by skip"], 1e-6, 1e-9, "gradient at the skip")


class Given(nn.Module):
    """What the stub gives: `__init__`, from which every mistake below starts."""

    def __init__(self, in_ch: int, skip_ch: int, out_ch: int, norm: str = "instance", dropout: bool = False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch)


class SkipLast(Given):
    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(F.relu(x))), skip], 1)


class AlongTheBatch(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.norm(self.conv(F.relu(x)))])


class AlongTheBatchSkipLast(Given):
    def forward(self, x, skip):
        return torch.cat([self.norm(self.conv(F.relu(x))), skip])


class Added(Given):
    def forward(self, x, skip):
        return self.norm(self.conv(F.relu(x))) + skip


class NoSkip(Given):
    def forward(self, x, skip):
        return self.norm(self.conv(F.relu(x)))


class ConcatenatedFirst(Given):
    def forward(self, x, skip):
        return self.norm(self.conv(F.relu(torch.cat([skip, x], 1))))


class ReluLast(Given):
    def forward(self, x, skip):
        return torch.cat([skip, F.relu(self.norm(self.conv(x)))], 1)


class ReluBetween(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.norm(F.relu(self.conv(x)))], 1)


class NormFirst(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.conv(F.relu(F.instance_norm(x)))], 1)


class ReluNormFirst(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.conv(F.instance_norm(F.relu(x)))], 1)


class NoRelu(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.norm(self.conv(x))], 1)


class NoNorm(Given):
    def forward(self, x, skip):
        return torch.cat([skip, self.conv(F.relu(x))], 1)


class ReluOverAll(Given):
    def forward(self, x, skip):
        return F.relu(torch.cat([skip, self.norm(self.conv(F.relu(x)))], 1))


class SkipDetached(Given):
    def forward(self, x, skip):
        return torch.cat([skip.detach(), self.norm(self.conv(F.relu(x)))], 1)


NO_DIM = (
    "It looks as if `torch.cat` is called without a dim: it then joins along dimension 0, the batch, and makes twice "
    "as many images. The channels are dimension 1."
)
NORM_EARLY = (
    "It looks as if the norm works on x, before the convolution. In this network it stands behind the convolution, on "
    "what the convolution has made."
)

UP_BLOCK = Exercise(
    id="01.1",
    names=("UpBlock",),
    reference=(UpBlock,),
    minutes=12,
    parts=(
        Part(
            "the skip's channels come first, unchanged",
            1,
            draw_up,
            up_block,
            judge_first_channels,
            "Look at what is joined, along which dimension, and in which order.",
            repeat=4,
        ),
        Part(
            "with the same weights, the same output as gritlib's block",
            1,
            draw_up,
            up_block,
            advice="Look at the order: ReLU, transposed convolution, norm; then the skip in front of the new channels.",
            repeat=4,
        ),
        Part(
            "the gradient reaches the skip unchanged",
            1,
            draw_up_weighted,
            up_block,
            judge_skip_gradient,
            "The encoder learns through its skips: the skip must enter the result, as it is, without a detach.",
        ),
    ),
    mistakes=(
        Mistake(
            "It looks as if the skip stands behind the new channels. The docstring has it in front of the new channels "
            "(skip_ch + out_ch): the next layer's weights belong to channels in that order, and shipped weights would "
            "meet the wrong ones.",
            SkipLast,
        ),
        Mistake(NO_DIM, AlongTheBatch),
        Mistake(NO_DIM, AlongTheBatchSkipLast),
        Mistake(
            "It looks as if the skip is added to the new channels. A residual network does that; a U-Net puts both "
            "side by side along the channels, so that the next layer can weigh them separately.",
            Added,
        ),
        Mistake(
            "It looks as if the skip is never used: the output holds the new channels alone, and everything fine has "
            "to pass the bottleneck. See where the skip joins in the drawing.",
            NoSkip,
        ),
        Mistake(
            "If the error speaks of sizes that must match: x has half the skip's height and width until the transposed "
            "convolution has doubled them, and that convolution expects x's channels alone. Print both shapes just "
            "before they are joined.",
            ConcatenatedFirst,
        ),
        Mistake(
            "It looks as if the ReLU comes after the norm. Here each step begins with it: it acts on x, before the "
            "transposed convolution.",
            ReluLast,
        ),
        Mistake(
            "It looks as if the ReLU stands between convolution and norm. Here each step begins with it: it acts on x.",
            ReluBetween,
        ),
        Mistake(NORM_EARLY, NormFirst),
        Mistake(NORM_EARLY, ReluNormFirst),
        Mistake(
            "It looks as if there is no ReLU: two linear layers after each other are one linear layer. See the first "
            "box of the step in the drawing.",
            NoRelu,
        ),
        Mistake("It looks as if the norm is left out: `self.norm` is never called.", NoNorm),
        Mistake(
            "It looks as if a ReLU acts on the joined result. Inside this U-Net that would change nothing, because the "
            "next step begins with a ReLU; but it is not this block's work, and the skip should arrive unchanged.",
            ReluOverAll,
        ),
        Mistake(
            "It looks as if the skip is detached. The values are right, but the encoder would learn nothing through "
            "its skips.",
            SkipDetached,
        ),
    ),
)
