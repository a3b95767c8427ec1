"""Common first tries at 03.4, as variations of a right block, and what is said about each."""

import torch
from torch import nn
from torch.nn import functional

from gritlib.course.exercise import Mistake


class Given(nn.Module):
    """A right `__init__`, from which every mistake below starts."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.norm1, self.norm2 = norm(channels), norm(channels)


def pad(h, mode="reflect"):
    return functional.pad(h, (1, 1, 1, 1), mode=mode)


def norm(h):
    return functional.instance_norm(h)


def block(*, before=lambda h: h, padded=pad, first=None, between=torch.relu, second=None, sum=torch.add):
    """A block with some of its steps replaced.

    Args:
        before: what happens to x on its way into f. padded: before each convolution. first, second: in place of the two
            norms. between: of the ReLU. sum: of x and f(x).
    """

    class Wrong(Given):
        def forward(self, x):
            h = between((first or self.norm1)(self.conv1(padded(before(x)))))
            return sum(x, (second or self.norm2)(self.conv2(padded(h))))

    return Wrong


class OneConvolution(Given):
    def forward(self, x):
        h = torch.relu(self.norm1(self.conv1(pad(x))))
        return x + self.norm2(self.conv1(pad(h)))


class OtherOrder(Given):
    def forward(self, x):
        h = torch.relu(self.norm1(self.conv2(pad(x))))
        return x + self.norm2(self.conv1(pad(h)))


class NormFirst(Given):
    def forward(self, x):
        h = self.conv1(pad(torch.relu(self.norm1(x))))
        return x + self.conv2(pad(torch.relu(self.norm2(h))))


class PaddedOnce(Given):
    def forward(self, x):
        h = functional.pad(x, (2, 2, 2, 2), mode="reflect")
        return x + self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(h)))))


def sized(more: int, sum):
    """f(x) comes out larger by this at each side, from too much padding or from too little."""

    class Wrong(Given):
        def forward(self, x):
            return sum(x, functional.pad(x, 4 * (more,)))

    return Wrong


def unbiased(h):
    return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), keepdim=True) + 1e-5).sqrt()


def beside_the_root(h):
    return (h - h.mean((2, 3), keepdim=True)) / (h.var((2, 3), keepdim=True, correction=0).sqrt() + 1e-5)


def of_the_batch(h):
    return functional.batch_norm(h, None, None, training=True)


def of_all_channels(h):
    return functional.group_norm(h, 1)


def as_it_is(h):
    return h


SIZES = (
    "If the error speaks of sizes that must match: a 3x3 convolution without padding takes a pixel off each side. One "
    "reflection of 1 pixel before each convolution makes up for it, no more (so no padding=1 beside it) and no less."
)
PADDING = (
    "It looks as if the border is not filled by reflection. With zeros a frame of darkness enters the image at each of "
    "the generator's many convolutions: `nn.ReflectionPad2d(1)` before the convolution, or its padding_mode."
)
OTHER_NORM = (
    "It looks as if the norm does not work on each image and channel by itself, as instance norm does: mean and "
    "variance over the pixels of one map."
)
BOTH_NORMS = "It looks as if a norm is missing: one follows each of the two convolutions."
AFTER_SUM = (
    "It looks as if something acts on the sum. ResNets for classification have a ReLU there; here the block ends with "
    "the addition, so that x passes through all the blocks as it is, negative values too."
)

MISTAKES = (
    Mistake(
        "It looks as if x is not added: this is f alone, the change that the block makes.", block(sum=lambda x, h: h)
    ),
    Mistake(AFTER_SUM, block(sum=lambda x, h: torch.relu(x + h))),
    Mistake(AFTER_SUM, block(sum=lambda x, h: norm(x + h))),
    Mistake(AFTER_SUM, block(second=as_it_is, sum=lambda x, h: norm(x + h))),
    Mistake(AFTER_SUM, block(second=as_it_is, sum=lambda x, h: torch.relu(norm(x + h)))),
    Mistake(
        "It looks as if a ReLU follows the second norm: then the block can only add to x, never take away.",
        block(second=lambda h: torch.relu(norm(h))),
    ),
    *(
        Mistake(PADDING, block(padded=lambda h, mode=mode: pad(h, mode)))
        for mode in ("constant", "replicate", "circular")
    ),
    Mistake(
        "It looks as if two pixels are added at once, before the first convolution. Then the second one meets at the "
        "border what the first has made beyond it: reflect one pixel before each.",
        PaddedOnce,
    ),
    *(Mistake(SIZES, sized(more, sum)) for more in (2, 1, -1, -2) for sum in (lambda x, h: x + h, lambda x, h: h + x)),
    Mistake(BOTH_NORMS, block(second=as_it_is)),
    Mistake(BOTH_NORMS, block(first=as_it_is)),
    Mistake(BOTH_NORMS, block(first=as_it_is, second=as_it_is)),
    Mistake("It looks as if f is taken away from x instead of added.", block(sum=lambda x, h: x - h)),
    Mistake("It looks as if there is no ReLU between the convolutions.", block(between=as_it_is)),
    Mistake(
        "It looks as if a leaky ReLU stands between the convolutions, as in the discriminator: here it is an ordinary "
        "one.",
        block(between=lambda h: functional.leaky_relu(h, 0.2)),
    ),
    Mistake(
        "It looks as if the ReLU comes before the norm: the order is convolution, norm, ReLU.",
        block(first=as_it_is, between=lambda h: norm(torch.relu(h))),
    ),
    Mistake(
        "It looks as if a ReLU acts on x before the first convolution: x enters f as it is.",
        block(before=torch.relu),
    ),
    Mistake(
        "It looks as if norm and ReLU come before each convolution, as in later residual networks. Here they follow "
        "it.",
        NormFirst,
    ),
    Mistake("It looks as if conv1 is used twice: each place has its own weights.", OneConvolution),
    Mistake("It looks as if conv2 comes first: shipped weights would meet the wrong place.", OtherOrder),
    Mistake(OTHER_NORM, block(first=of_the_batch, second=of_the_batch)),
    Mistake(OTHER_NORM, block(first=of_all_channels, second=of_all_channels)),
    Mistake(
        "It looks as if the variance is divided by the number of pixels minus 1: instance norm divides by their "
        "number.",
        block(first=unbiased, second=unbiased),
    ),
    Mistake(
        "It looks as if ε is added to the standard deviation: instance norm adds 1e-5 to the variance, under the root.",
        block(first=beside_the_root, second=beside_the_root),
    ),
)
