"""03.4: the residual block of CycleGAN's generator.

The student's class enters through `ResNetGenerator(block=...)`. Its two convolutions have prescribed names, so that
weights can be handed to them. On Earth it is asked for batch norm, with the weights that were shipped: a last part asks
for another norm as well, and sees that the block holds two of it, each behind its own convolution.
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
    # A convolution that is an attribute and stands in a Sequential too has two names and is one.
    held = dict(block.named_parameters(remove_duplicate=False))
    right = {id(held[name]) for name in state if name in held}
    more = [name for name, p in held.items() if id(p) not in right]
    more += [name for name in block.state_dict() if name not in held]  # statistics
    if len(right) < len(state) or more:
        return {"weights": {"held": sorted(block.state_dict()), "more": more}}
    if any(held[name].shape != weight.shape for name, weight in state.items()):
        return {"weights": {"shapes": {name: list(p.shape) for name, p in held.items() if p.ndim == 4}}}
    with torch.no_grad():
        for name, weight in state.items():
            held[name].copy_(weight)
    if inputs["setup"]["report"] != "gradients":
        outputs = {"output": block(inputs["x"])}
        if "other" in inputs:  # many faults look alike on a uniform image, so mistakes are recognised on this one too
            outputs["of the other"] = block(inputs["other"].clone())
        return outputs

    x, weights = inputs["x"].requires_grad_(), inputs["setup"]["weights"]
    output = block(x * 1)
    if not isinstance(output, torch.Tensor) or output.shape != weights.shape:
        return {"output": output}
    parameters = {name: held[name] for name in state}
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (output * weights).sum() + 0 * sum(p.sum() for p in (x, *parameters.values()))
    return dict(zip(["at x", *parameters], torch.autograd.grad(loss, (x, *parameters.values())), strict=True))


def asked_for(inputs, ResidualBlock):
    state, built = inputs["state"], []

    class Norm(torch.nn.BatchNorm2d):
        def __init__(self, *sizes, **options):
            super().__init__(*sizes, **options)
            built.append(self)

    with torch.random.fork_rng(devices=[]):
        try:
            block = ResidualBlock(inputs["channels"], Norm)
        except TypeError as error:
            if built:
                raise
            return {"refused": str(error)}
    block = block.double().eval()
    norms = [module for module in block.modules() if isinstance(module, Norm)]
    told = {"built": len(built), "held": len(norms)}
    own = block.state_dict()
    if len(norms) == 2 and all(name in own and own[name].shape == weight.shape for name, weight in state.items()):
        block.load_state_dict(state, strict=False)
        for norm, weights in zip(norms, inputs["norms"], strict=True):
            norm.load_state_dict(weights, strict=False)
        told["output"] = block(inputs["x"])
    return told


def judge_norms(inputs, got, wanted):
    if "refused" in got:
        return (
            f"ResidualBlock(channels, nn.BatchNorm2d) raised TypeError: {got['refused']}. Keep `norm` in the signature "
            "of __init__"
        )
    if got["held"] != wanted["held"]:
        called = {0: "is never called", 1: "is called once"}.get(got["built"], f"is called {got['built']} times")
        return (
            f"ResidualBlock(channels, nn.BatchNorm2d) holds {got['held']} batch norms, wanted two, and norm {called}: "
            "call norm(channels) twice, once for each convolution, and keep both as attributes, so that their weights "
            "belong to the block"
        )
    if "output" not in got:
        return "conv1 and conv2 do not take the weights given: see the first property"
    said = difference(got["output"], wanted["output"], 1e-6, 1e-9)
    return said and f"with two batch norms that have weights, the first one built behind conv1: {said}"


def judge_weights(inputs, got):
    """What is wrong with the block's weights, before anything is computed with them."""
    if "shapes" in got["weights"]:
        return f"the block has weights {got['weights']['shapes']}: wanted 3x3 from channels to channels, both times"
    held, more = got["weights"]["held"], got["weights"]["more"]
    if set(inputs["state"]) <= set(held):
        return (
            f"beside conv1 and conv2 the block has {', '.join(more)}, wanted none: a norm has weights of its own only "
            "as batch norm, or with affine or track_running_stats. Build both norms with norm(channels), as norm comes"
        )
    return (
        f"the block has {', '.join(held) or 'no weights'}, wanted {', '.join(inputs['state'])}: two nn.Conv2d with "
        "bias, named conv1 and conv2"
    )


def judge_output(inputs, got, wanted):
    return judge_weights(inputs, got) if "weights" in got else difference(got, wanted, 1e-6, 1e-9)


def judge_gradients(inputs, got, wanted):
    if "weights" in got:
        return judge_weights(inputs, got)
    if "output" in got:
        return returned(got["output"], f"a tensor {'x'.join(map(str, inputs['x'].shape))}")
    for name in ("at x", "conv2.weight", "conv1.weight"):
        said = difference(got[name], wanted[name], 1e-6, 1e-9, f"gradient {name}" if name == "at x" else f"at {name}")
        if said:
            return said
    return None


def judge_unchanged(inputs, got, wanted):
    if "weights" in got:
        return judge_weights(inputs, got)
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


def draw_norms(generator):
    """Two batch norms with weights and statistics beside the convolutions."""
    inputs, norms = draw_block(generator, batch=2), []
    for _ in range(2):
        names = ("weight", "bias", "running_mean", "running_var")
        drawn = torch.randn(len(names), inputs["channels"], generator=generator, dtype=torch.float64)
        norms.append(dict(zip(names, [drawn[0], drawn[1], drawn[2], 0.5 + drawn[3].abs()], strict=True)))
    return inputs | {"norms": norms}


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
            judge_output,
            "Reflect, convolution, norm, ReLU, reflect, convolution, norm; then x is added, nothing follows.",
            repeat=3,
        ),
        Part(
            "four images, each normalised by itself",
            1,
            draw_four,
            pass_through,
            judge_output,
            "Is the result of each image the same as if it came alone?",
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
        Part(
            "asked for batch norm, it holds two, one behind each convolution",
            0,
            draw_norms,
            asked_for,
            judge_norms,
            "No points depend on this, but the lesson needs it: on Earth your block is asked for nn.BatchNorm2d, whose "
            "weights were shipped.",
        ),
    ),
    mistakes=MISTAKES,
)
