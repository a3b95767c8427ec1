"""06.3: the layer that adds a noise map.

The student's class enters through `GRITGenerator(noise_layer=...)`, which builds it with a first value for its weights.
Maps are always given, so that a picture can be repeated: a layer that draws is told so.
"""

import torch
from torch import Tensor, nn

from gritlib.course.compare import difference, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson06.spatial_noise_mistakes import MISTAKES


class SpatialNoise(nn.Module):
    def __init__(self, ch: int, init: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), float(init)))

    def forward(self, h: Tensor, noise: Tensor) -> Tensor:
        return h + self.weight * noise


def pass_through(inputs, SpatialNoise):
    with torch.random.fork_rng(devices=[]):
        # A state that no answer seeds itself to, so that one which seeds and draws is seen everywhere.
        torch.manual_seed(8_675_309)
        layer = SpatialNoise(*inputs["built with"]).double()
        if "weight" in inputs:
            has, weight = {name: tuple(w.shape) for name, w in layer.state_dict().items()}, inputs["weight"]
            if has != {"weight": tuple(weight.shape)}:
                raise ValueError(
                    f"the layer keeps {has or 'nothing'}; it must keep its weights as weight, an nn.Parameter of shape "
                    f"(1, ch, 1, 1), here {tuple(weight.shape)}: one number a channel"
                )
            layer.load_state_dict({"weight": weight})
        h = inputs["h"].requires_grad_()
        before = torch.get_rng_state()
        given = h * 1
        output, changed = layer(given, inputs["noise"]), not torch.equal(given, h)
        again = layer(h * 1, inputs["noise"])
        drew = not torch.equal(before, torch.get_rng_state())
    told = {"output": output} | ({"drew": True} if drew else {}) | ({"changed": True} if changed else {})
    if "gradients" not in inputs["report"] or not isinstance(output, torch.Tensor) or output.shape != h.shape:
        return told | ({"again": again} if "again" in inputs["report"] else {})
    parameters = list(layer.parameters())
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (output * inputs["pull"]).sum() + 0 * sum(p.sum() for p in (h, *parameters))
    slopes = torch.autograd.grad(loss, (h, *parameters))
    weights = torch.cat([h.new_zeros(0), *(slope.flatten() for slope in slopes[1:])])
    return told | {"gradient in h": slopes[0], "gradient in the weights": weights}


def wrong_kind(inputs, got) -> str | None:
    """What is wrong with the layer's manners: it draws, or it returns something else."""
    if "drew" in got:
        return (
            "your layer draws noise of its own. The map is given, as noise: the generator draws it once for each block "
            "and image, so that the same maps give the same picture again"
        )
    if "changed" in got:
        return "your layer changes h in place: work on a copy, h + … instead of h += …"
    h, out = inputs["h"], got["output"]
    if not isinstance(out, Tensor) or out.shape != h.shape or out.dtype != h.dtype:
        return returned(out, f"a tensor {'x'.join(map(str, h.shape))} of {h.dtype}, like h")
    return None


def judge_new(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    change = (got["output"].detach() - inputs["h"]).abs().max().item()
    if change > 1e-9:
        return f"a new layer changes h by up to {change:.3g}: its weights begin at init, 0 unless said"
    return judge_gradients(inputs, got, wanted)


def judge_output(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    said = difference(got["output"], wanted["output"], 1e-6, 1e-9)
    return said and f"h {'x'.join(map(str, inputs['h'].shape))}: {said}"


def judge_gradients(inputs, got, wanted):
    if said := judge_output(inputs, got, wanted):
        return said
    slopes, right = (side["gradient in the weights"] for side in (got, wanted))
    if not len(slopes):
        return "the layer has no parameters: self.weight must be an nn.Parameter, or no optimizer finds it"
    if not slopes.any():
        return "no gradient arrives at the weights: they stay as they are"
    if len(slopes) != len(right):
        return f"the layer has {len(slopes)} weights for {len(right)} channels: each channel has one"
    if said := difference(slopes, right, 1e-6, 1e-9, "gradient in the weights"):
        return said
    return difference(got["gradient in h"], wanted["gradient in h"], 1e-6, 1e-9, "gradient in h")


def judge_again(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    if not torch.equal(got["output"], got["again"]):
        return "the same h and the same map give two results"
    maps = (got["output"] - inputs["h"]).detach().flatten(1)
    if bool((maps - maps[:1]).abs().amax() < 1e-9):
        return "all images of the batch get the same change, though each has a map of its own"
    return None


def draw_layer(generator, batch, report, built_with=(), weight=True):
    """Different sizes, so that no wrong broadcast fits."""
    channels, height, width = (torch.randperm(4, generator=generator)[:3] + 5).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    inputs = {"built with": [channels, *built_with], "h": normal(batch, channels, height, width), "report": [report]}
    inputs |= {"noise": normal(batch, 1, height, width), "pull": normal(batch, channels, height, width)}
    return {**inputs, "weight": normal(1, channels, 1, 1)} if weight else inputs


def draw_new(generator):
    return draw_layer(generator, (1, 4)[int(torch.randint(2, (), generator=generator))], "gradients", weight=False)


def draw_init(generator):
    # Of float32, as parameters are made: it has exactly this value in float64 too.
    init = torch.rand((), generator=generator).add(0.1).item()
    return draw_layer(generator, 4, "gradients", (init,), weight=False)


def draw_trained(generator):
    return draw_layer(generator, (1, 4)[int(torch.randint(2, (), generator=generator))], "gradients")


def draw_again(generator):
    return draw_layer(generator, 3, "again")


SPATIAL_NOISE = Exercise(
    id="06.3",
    names=("SpatialNoise",),
    reference=(SpatialNoise,),
    minutes=12,
    parts=(
        Part(
            "SpatialNoise(ch), new: h as it is, and yet a gradient at every weight",
            1,
            draw_new,
            pass_through,
            judge_new,
            "The weights begin at 0: h + 0·n is h. The derivative by a weight is the noise itself, which is not 0.",
            repeat=2,
        ),
        Part(
            "SpatialNoise(ch, init), as a network builds it: every weight begins at init",
            1,
            draw_init,
            pass_through,
            judge_gradients,
            "self.weight is an nn.Parameter of shape (1, ch, 1, 1), filled with init.",
            repeat=2,
        ),
        Part(
            "with trained weights: to channel c of image n comes w_c times the map of image n",
            1,
            draw_trained,
            pass_through,
            judge_gradients,
            "One map for each image, (B, 1, H, W), one weight for each channel, (1, ch, 1, 1): their product is (B, "
            "ch, H, W) by itself.",
            repeat=3,
        ),
        Part(
            "the same map repeats the result bit for bit; another image has another map",
            0,
            draw_again,
            pass_through,
            judge_again,
            "This is what a fixed seed needs: nothing is drawn in here.",
        ),
    ),
    mistakes=MISTAKES,
)
