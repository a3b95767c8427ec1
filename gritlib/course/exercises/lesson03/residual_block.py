"""03.4: the residual block of CycleGAN's generator.

The student's class enters through `ResNetGenerator(block=...)`. Its two convolutions have prescribed names, so that
weights can be handed to them. It is called with the channels alone here; that it builds the norms that it is asked for,
two of them, `weights.hand_over` demands in the lesson.
"""

import torch
from torch import Tensor, nn

from gritlib.course.compare import difference, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson03.residual_block_mistakes import MISTAKES


class ResidualBlock(nn.Module):
    """x + f(x), f = reflect, 3x3, norm, ReLU, reflect, 3x3, norm; norm(channels) builds a norm."""

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.pad, self.norm1, self.norm2 = nn.ReflectionPad2d(1), norm(channels), norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))


def pass_through(inputs, ResidualBlock):
    state = inputs["state"]
    with torch.random.fork_rng(devices=[]):
        block = ResidualBlock(inputs["channels"]).double()
    names = sorted(block.state_dict())
    if set(names) != set(state):
        more = "; a norm has weights of its own only with affine or track_running_stats: leave both off"
        held = any(name.split(".")[-1] in ("running_mean", "running_var") or "norm" in name for name in names)
        raise ValueError(
            f"the block has {names or 'no weights'}, wanted {sorted(state)}: two nn.Conv2d with bias, named conv1 and "
            f"conv2{more if held else ''}"
        )
    if any(block.state_dict()[name].shape != weight.shape for name, weight in state.items()):
        shapes = {name: tuple(value.shape) for name, value in block.state_dict().items() if value.ndim == 4}
        raise ValueError(f"the block has weights {shapes}: wanted 3x3 from channels to channels, both times")
    block.load_state_dict(state)
    if inputs["setup"]["report"] != "gradients":
        outputs = {"output": block(inputs["x"])}
        if "other" in inputs:  # many faults look alike on a uniform image, so mistakes are recognised on this one too
            outputs["of the other"] = block(inputs["other"].clone())
        return outputs

    x, weights = inputs["x"].requires_grad_(), inputs["setup"]["weights"]
    output = block(x * 1)
    if not isinstance(output, torch.Tensor) or output.shape != weights.shape:
        return {"output": output}
    parameters = dict(block.named_parameters())
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (output * weights).sum() + 0 * sum(p.sum() for p in (x, *parameters.values()))
    return dict(zip(["at x", *parameters], torch.autograd.grad(loss, (x, *parameters.values())), strict=True))


def judge_gradients(inputs, got, wanted):
    if "output" in got:
        return returned(got["output"], f"a tensor {'x'.join(map(str, inputs['x'].shape))}")
    for name in ("at x", "conv2.weight", "conv1.weight"):
        said = difference(got[name], wanted[name], 1e-6, 1e-9, f"gradient {name}" if name == "at x" else f"at {name}")
        if said:
            return said
    return None


def judge_unchanged(inputs, got, wanted):
    said = difference(got["output"], wanted["output"], 1e-4, 1e-4)
    return said and f"wanted x itself: {said}"


def draw_block(generator, batch=1):
    channels = int(torch.randint(2, 6, (), generator=generator))
    height, width = torch.randint(6, 10, (2,), generator=generator).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    state = {}
    for name in ("conv1", "conv2"):
        state |= {f"{name}.weight": 0.5 * normal(channels, channels, 3, 3), f"{name}.bias": normal(channels)}
    x = normal(batch, channels, height, width) + 0.5
    return {"channels": channels, "state": state, "x": x, "setup": {"report": "output"}}


def draw_one(generator):
    return draw_block(generator)


def draw_four(generator):
    return draw_block(generator, batch=4)


def draw_gradients(generator):
    inputs = draw_block(generator, batch=2)
    weights = torch.randn(inputs["x"].shape, generator=generator, dtype=torch.float64)
    return inputs | {"setup": {"report": "gradients", "weights": weights}}


def draw_silent(generator):
    inputs = draw_block(generator, batch=2)
    return inputs | {"state": {name: torch.zeros_like(weight) for name, weight in inputs["state"].items()}}


def draw_constant(generator):
    inputs = draw_block(generator, batch=2)
    x = inputs["x"]
    return inputs | {"x": x.mean((2, 3), keepdim=True).expand_as(x).contiguous(), "other": x}


RESIDUAL_BLOCK = Exercise(
    id="03.4",
    names=("ResidualBlock",),
    reference=(ResidualBlock,),
    minutes=10,
    parts=(
        Part(
            "one image, with the same weights: the output of gritlib's block",
            1,
            draw_one,
            pass_through,
            advice="Reflect, convolution, norm, ReLU, reflect, convolution, norm; then x is added, nothing follows.",
            repeat=3,
        ),
        Part(
            "four images, each normalised by itself",
            1,
            draw_four,
            pass_through,
            advice="Is the result of each image the same as if it came alone?",
            repeat=2,
        ),
        Part(
            "the gradients at x and in both convolutions",
            1,
            draw_gradients,
            pass_through,
            judge_gradients,
            "Nothing in a block is detached; x has two ways to the output, through f and past it.",
        ),
        Part("weights of zero: x comes out unchanged", 0, draw_silent, pass_through, judge_unchanged),
        Part("a uniform image: x comes out, at the border too", 0, draw_constant, pass_through, judge_unchanged),
    ),
    mistakes=MISTAKES,
)
