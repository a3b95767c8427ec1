"""01.2: the way through the whole U-Net.

In the lesson `MyUNet.forward` is `unet_forward(x, self.down, self.up, self.head)`, on gritlib's modules and with the
student's decoder steps.
"""

from itertools import zip_longest

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.compare import NO_RETURN, difference, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def unet_forward(x: Tensor, downs, ups, head) -> Tensor:
    encoded = []
    for down in downs:
        x = down(x)
        encoded.append(x)
    for up, skip in zip(ups, reversed(encoded[:-1]), strict=True):
        x = up(x, skip)
    return head(x)


def unet_calls(inputs, unet_forward):
    values, calls = inputs["stubs"]["values"], []
    labels = [f"downs[{i}]" for i in range(inputs["depth"])]
    labels += [f"ups[{i}]" for i in range(inputs["depth"] - 1)] + ["head"]
    known = {value: label for value, label in zip(values, [*labels, "x"], strict=True)}

    def name(thing):
        # Every block returns one number everywhere, so a tensor tells who made it.
        if not isinstance(thing, torch.Tensor):
            return repr(thing)[:40]
        numbers = thing.unique().tolist()
        return known.get(numbers[0], "something else") if len(numbers) == 1 else "something else"

    class Block(torch.nn.Module):
        def __init__(self, label, value, factor):
            super().__init__()
            self.label, self.value, self.factor = label, value, factor

        def forward(self, x, *more, **named):
            calls.append(f"{self.label}({', '.join(map(name, (x, *more, *named.values())))})")
            height, width = (round(side * self.factor) for side in x.shape[-2:])
            return torch.full((len(x), 1, height, width), self.value, dtype=x.dtype)

    factors = [0.5 if label.startswith("downs") else 2 for label in labels]
    blocks = [Block(*each) for each in zip(labels, values[:-1], factors, strict=True)]
    downs, ups = (torch.nn.ModuleList(b for b in blocks if b.label.startswith(kind)) for kind in ("downs", "ups"))
    x = torch.full(inputs["stubs"]["shape"], values[-1], dtype=torch.float64)
    gave = name(unet_forward(x, downs, ups, blocks[-1]))
    lists = {"downs": [b.label for b in downs], "ups": [b.label for b in ups]}
    return {"calls": calls, "returned": gave, "lists": lists}


def unet_image(inputs, unet_forward):
    F = torch.nn.functional

    class Down(torch.nn.Module):
        def __init__(self, kernel):
            super().__init__()
            self.kernel = kernel

        def forward(self, x):
            return F.conv2d(F.leaky_relu(x, 0.2), self.kernel, stride=2, padding=1)

    class Up(Down):
        def forward(self, x, skip):
            x = F.conv_transpose2d(F.relu(x), self.kernel[:, :2], stride=2, padding=1)
            # A skip of another size is made to fit: then a wrong order shows in the numbers and not as a crash.
            skip = F.interpolate(skip, x.shape[-2:])
            return F.instance_norm(x) + F.conv2d(skip, self.kernel[:, 2:, :1, :1])

    class Head(Down):
        def forward(self, x):
            return torch.tanh(F.conv_transpose2d(F.relu(x), self.kernel, stride=2, padding=1))

    downs, ups = (torch.nn.ModuleList(map(kind, inputs["state"][kind.__name__])) for kind in (Down, Up))
    return {"image": unet_forward(inputs["x"], downs, ups, Head(inputs["state"]["Head"]))}


def unet_gradients(inputs, unet_forward):
    F, outputs = torch.nn.functional, []

    class Down(torch.nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def forward(self, x):
            # Detached from what came before, so that only the way over its own skip leads back to a level.
            outputs.append((self.factor * F.avg_pool2d(x.detach(), 2)).requires_grad_())
            return outputs[-1]

    class Up(Down):
        def forward(self, x, skip):
            x = F.interpolate(x, scale_factor=2.0)
            return self.factor * (x + F.interpolate(skip, x.shape[-2:]))

    downs, ups = (torch.nn.ModuleList(map(kind, inputs["factors"][kind.__name__])) for kind in (Down, Up))
    image = unet_forward(inputs["x"], downs, ups, torch.nn.Upsample(scale_factor=2))
    if not isinstance(image, torch.Tensor):
        return {"image": image}
    # A zero of each keeps what the image does not depend on inside the graph.
    loss = image.mean() + 0 * sum(output.sum() for output in outputs)
    gradients = torch.autograd.grad(loss, outputs)
    return {"gradients": {f"what downs[{i}] gave": gradient.sum().item() for i, gradient in enumerate(gradients)}}


def draw_calls(generator):
    depth = int(torch.randint(3, 9, (), generator=generator))
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    values = torch.rand(2 * depth + 1, generator=generator, dtype=torch.float64).tolist()
    return {"depth": depth, "stubs": {"shape": [batch, 1, 2**depth, 2 ** (depth + 1)], "values": values}}


def draw_network(generator):
    depth = int(torch.randint(3, 6, (), generator=generator))
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    state = {
        "Down": [0.3 * normal(2, 2, 4, 4) for _ in range(depth)],
        "Up": [0.3 * normal(2, 4, 4, 4) for _ in range(depth - 1)],
        "Head": 0.3 * normal(2, 1, 4, 4),
    }
    return {"depth": depth, "state": state, "x": normal(batch, 2, 2**depth, 2 ** (depth + 1))}


def draw_factors(generator):
    depth = int(torch.randint(3, 7, (), generator=generator))

    def factors(n):
        return torch.rand(n, generator=generator, dtype=torch.float64).add(0.5).tolist()

    x = torch.rand(1, 1, 2**depth, 2 ** (depth + 1), generator=generator, dtype=torch.float64)
    return {"depth": depth, "factors": {"Down": factors(depth), "Up": factors(depth - 1)}, "x": x}


def judge_calls(inputs, got, wanted):
    for number, (yours, drawn) in enumerate(zip_longest(got["calls"], wanted["calls"]), start=1):
        if yours is None:
            return f"after {number - 1} calls your code stops; in the drawing {drawn} comes next"
        if drawn is None:
            return f"your code makes one call more than the drawing: {yours}"
        if yours != drawn:
            return f"call {number} is {yours}, in the drawing {drawn} (a block's name stands for what it gave)"
    if got["returned"] != wanted["returned"]:
        said = f"all calls are right, but {got['returned']} is returned and not what head gave"
        return said + (NO_RETURN if got["returned"] == "None" else "")
    for name, blocks in wanted["lists"].items():
        if got["lists"][name] != blocks:
            does = "changes" if got["lists"][name] else "empties"
            return (
                f"your code {does} the list {name}: a network is called many times, and the next image needs it whole"
            )
    return None


def judge_gradients(inputs, got, wanted):
    if "gradients" not in got:
        return returned(got["image"], "an image")
    for name, gradient in wanted["gradients"].items():
        if gradient and not got["gradients"][name]:
            return f"no gradient reaches {name}: its skip is not used, or it was detached"
        if said := difference(got["gradients"][name], gradient, 1e-6, 1e-9):
            return f"the gradient at {name}: {said}"
    return None


def skipping(choose):
    """The right way but for the skips: `choose(image, encoded)` lists them, the first for the innermost step."""

    def unet_forward(x, downs, ups, head):
        image, encoded = x, []
        for down in downs:
            x = down(x)
            encoded.append(x)
        for up, skip in zip(ups, choose(image, encoded), strict=False):
            x = up(x, skip)
        return head(x)

    return unet_forward


def normalised_again(x, downs, ups, head):
    return unet_forward(x, [lambda x, down=down: F.instance_norm(down(x)) for down in downs], ups, head)


def arguments_swapped(x, downs, ups, head):
    return unet_forward(x, downs, [lambda x, skip, up=up: up(skip, x) for up in ups], head)


def detached(x, downs, ups, head):
    return unet_forward(x, downs, [lambda x, skip, up=up: up(x, skip.detach()) for up in ups], head)


def no_head(x, downs, ups, head):
    return unet_forward(x, downs, ups, lambda x: x)


def tanh_twice(x, downs, ups, head):
    return unet_forward(x, downs, ups, lambda x: torch.tanh(head(x)))


def emptying(*names):
    """The right way, but each list named is empty afterwards."""

    def wrong(x, downs, ups, head):
        image = unet_forward(x, downs, ups, head)
        for blocks in [{"downs": downs, "ups": ups}[name] for name in names]:
            while len(blocks):
                blocks.pop(0)
        return image

    return wrong


def bottleneck_taken(x, downs, ups, head):
    image = unet_forward(x, downs, ups, head)
    downs.pop(-1)
    return image


EMPTIED = (
    "It looks as if `pop` takes the blocks themselves out of the list that you were given. Go through it with a loop "
    "or by index, or take from a copy, `list(ups)`; to empty your own list of skips is fine."
)

ONE_MISSING = (
    "It looks as if one skip is missing from the list: `zip` stops with the shorter list, without a word, so one "
    "decoder step is never called and the image stays half as large; `zip(..., strict=True)` would have complained. "
    "Which activations does the drawing use as skips? All but one."
)

UNET_FORWARD = Exercise(
    id="01.2",
    names=("unet_forward",),
    reference=(unet_forward,),
    minutes=15,
    parts=(
        Part(
            "the blocks are called as in the drawing, with 3 to 8 levels",
            2,
            draw_calls,
            unet_calls,
            judge_calls,
            "Follow the drawing with a finger: down on the left and keep what each block gave, then up on the right. "
            "The blocks do all the work: nothing is joined, normalised or activated between them.",
            repeat=5,
        ),
        Part(
            "the same image as gritlib's from a network with the same weights",
            1,
            draw_network,
            unet_image,
            advice="Print the shape before and after each call.",
            repeat=4,
        ),
        Part(
            "every skip receives a gradient",
            1,
            draw_factors,
            unet_gradients,
            judge_gradients,
            "Keep what each block gave as it is, without detach and without no_grad.",
        ),
    ),
    mistakes=(
        Mistake(
            "It looks as if the skips come in the order of the way down. The innermost decoder step needs the "
            "activation that was made last before the bottleneck: on the way up the list is read from its end.",
            skipping(lambda image, encoded: encoded),
        ),
        Mistake(
            "It looks as if the bottleneck is also used as a skip. It is what the way up begins with, so it is no "
            "skip: leave it out of the list that is read backwards.",
            skipping(lambda image, encoded: encoded[::-1]),
        ),
        Mistake(
            "It looks as if each activation is kept before its block is called, so that the list begins with the image "
            "itself and every skip is one level off. Keep what a block returns.",
            skipping(lambda image, encoded: [image, *encoded[:-2]][::-1]),
        ),
        Mistake(ONE_MISSING, skipping(lambda image, encoded: encoded[-2:0:-1])),
        Mistake(ONE_MISSING, skipping(lambda image, encoded: encoded[-3::-1])),
        Mistake(
            "It looks as if activations are normalised here too. The blocks contain their norm where one belongs, and "
            "the first and the innermost have none: at 1×1 pixel an instance norm has nothing to measure and fails.",
            normalised_again,
        ),
        Mistake("It looks as if x and skip are swapped: a decoder step is called as `up(x, skip)`.", arguments_swapped),
        Mistake(
            "It looks as if the last step is missing: `head` turns the last activation into the image, at full size.",
            no_head,
        ),
        Mistake(
            "It looks as if tanh acts twice: it is part of `head`, so what head returns is the image.",
            tanh_twice,
        ),
        Mistake(
            "It looks as if the skips are detached: the image is right, but the encoder would learn only through the "
            "bottleneck.",
            detached,
        ),
        Mistake(EMPTIED, emptying("ups")),
        Mistake(EMPTIED, emptying("downs")),
        Mistake(EMPTIED, emptying("downs", "ups")),
        Mistake(EMPTIED, bottleneck_taken),
    ),
)
