"""05.2: the SPADE layer.

The student's class enters through `SPADEGenerator(layer=...)`. Its three convolutions are given, so that weights can be
handed to them by name; the norm is the student's line, because whether it has a scale and shift of its own is part of
the question. For a class that has a cohort key the scale is made of γ in another way.
"""

import hashlib

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gritlib.course.compare import difference, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson05.spade_mistakes import PUBLIC, SCALES, layer, mistakes

REACH = 2  # pixels: two 3x3 convolutions one after the other


class SPADE(nn.Module):
    """(1 + γ(m))·norm(h) + β(m)."""

    def __init__(self, channels: int, labels: int, hidden: int = 128):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)

    def forward(self, h: Tensor, m: Tensor) -> Tensor:
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        embedding = self.shared(m).relu()
        return (1 + self.gamma(embedding)) * self.norm(h) + self.beta(embedding)


def pass_through(inputs, SPADE):
    state, setup = inputs["state"], inputs["setup"]
    with torch.random.fork_rng(devices=[]):
        layer = SPADE(*inputs["sizes"]).double()
    has = {name: tuple(value.shape) for name, value in layer.state_dict().items()}
    wants = {name: tuple(value.shape) for name, value in state.items()}
    if has != wants:
        more, fewer = ({name: a[name] for name in a if b.get(name) != a[name]} for a, b in ((has, wants), (wants, has)))
        faults = [f"{what} {', '.join(sorted(found))}" for what, found in (("has", more), ("lacks", fewer)) if found]
        raise ValueError(
            f"compared with gritlib's the layer {' and '.join(faults)}: leave shared, gamma and beta as given; "
            "self.norm keeps running statistics and has no weights"
        )
    layer.load_state_dict(state)
    h, maps = inputs["h"], inputs["maps"]
    if not setup["train"]:  # a step of training, after which the running statistics are the last batch's
        for module in layer.modules():
            if hasattr(module, "momentum"):
                module.momentum = 1.0
        layer(2 * h + 1, maps[0].clone())
    layer.train(setup["train"])
    if setup["report"] == "outputs":
        return {"outputs": [layer(h.clone(), m.clone()) for m in maps]}
    if setup["report"] == "touched":
        a, b = (layer(h.clone(), m.clone()) for m in maps)
        if not all(isinstance(out, torch.Tensor) and out.shape == h.shape for out in (a, b)):
            return {"outputs": [a]}
        return {"touched": (a - b).detach().abs().amax((0, 1)) > 1e-12}

    h, weights = h.requires_grad_(), setup["weights"]
    output = layer(h * 1, maps[0])
    if not isinstance(output, torch.Tensor) or output.shape != weights.shape:
        return {"outputs": [output]}
    parameters = dict(layer.named_parameters())
    # A zero of each keeps what the output does not depend on inside the graph.
    loss = (output * weights).sum() + 0 * sum(p.sum() for p in (h, *parameters.values()))
    return dict(zip(["h", *parameters], torch.autograd.grad(loss, (h, *parameters.values())), strict=True))


def no_map(inputs, got) -> str | None:
    """What is wrong with the kind of an output that nothing could be made of."""
    if "outputs" not in got:
        return None
    return returned(got["outputs"][0], f"a tensor {'x'.join(map(str, inputs['h'].shape))}, as large as h")


def judge_output(inputs, got, wanted):
    for out, right in zip(got["outputs"], wanted["outputs"], strict=True):
        if not isinstance(out, Tensor):
            return no_map(inputs, {"outputs": [out]})
        if said := difference(out, right, 1e-6, 1e-9):
            return f"h {'x'.join(map(str, inputs['h'].shape))}, m {'x'.join(map(str, inputs['maps'][0].shape))}: {said}"
    return None


def judge_gradients(inputs, got, wanted):
    if said := no_map(inputs, got):
        return said
    for name in ("h", "gamma.weight", "beta.weight", "shared.weight"):
        if not got[name].any():
            return f"no gradient arrives in {name}: it never learns"
        if said := difference(got[name], wanted[name], 1e-6, 1e-9, f"gradient in {name}"):
            return said
    return None


def judge_touched(inputs, got, wanted):
    if said := no_map(inputs, got):
        return said
    y, x = inputs["setup"]["place"]
    where = got["touched"].nonzero()
    far = (where - torch.tensor([y, x])).abs().amax(1)
    if not len(far):
        return f"another label in row {y}, column {x} of the map changes nothing in your result"
    if far.max() <= REACH:
        return None
    return (
        f"another label in row {y}, column {x} of the map changes your result up to {int(far.max())} pixels away, in "
        f"{len(far)} of {got['touched'].numel()} places; two 3x3 convolutions see {REACH} pixels far"
    )


def judge_two(inputs, got, wanted):
    a, b = got["outputs"]
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or a.shape != inputs["h"].shape or b.shape != a.shape:
        return no_map(inputs, got)
    if (a - b).abs().max() > 1e-3:
        return None
    return "two maps of one label each, of different labels: your layer gives the same for both"


def draw_layer(generator, batch, factor=1, train=True, report="outputs"):
    channels, labels, hidden = (torch.randperm(5, generator=generator)[:3] + 2).tolist()
    sides = (torch.randperm(4, generator=generator)[:2] + 5).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    state = {"norm.running_mean": normal(channels), "norm.running_var": normal(channels).exp()}
    state["norm.num_batches_tracked"] = torch.tensor(1000)
    for name, (a, b) in {"shared": (labels, hidden), "gamma": (hidden, channels), "beta": (hidden, channels)}.items():
        state |= {f"{name}.weight": 0.4 * normal(b, a, 3, 3), f"{name}.bias": 0.4 * normal(b)}
    ids = torch.randint(labels, (batch, *(factor * side for side in sides)), generator=generator)
    return {
        "sizes": [channels, labels, hidden],
        "state": state,
        "h": 2 * normal(batch, channels, *sides) + normal(1, channels, 1, 1),
        "maps": [one_hot(ids, labels)],
        "setup": {"train": train, "report": report},
    }


def one_hot(ids: Tensor, labels: int) -> Tensor:
    """(B, H, W) ids -> (B, labels, H, W) of 0 and 1, float64."""
    return F.one_hot(ids, labels).movedim(3, 1).double().contiguous()


def draw_same(generator):
    return draw_layer(generator, batch=4)


def draw_finer(generator):
    return draw_layer(generator, batch=1, factor=int(torch.randint(2, 5, (), generator=generator)))


def draw_still(generator):
    return draw_layer(generator, batch=3, train=False)


def draw_gradients(generator):
    inputs = draw_layer(generator, batch=3, report="gradients")
    inputs["setup"]["weights"] = torch.randn(inputs["h"].shape, generator=generator, dtype=torch.float64)
    return inputs


def draw_one_label(generator):
    inputs = draw_layer(generator, batch=2, report="touched")
    labels, (m,) = inputs["sizes"][1], inputs["maps"]
    # In a corner or on a border as often as not: there is room for what reaches too far.
    y, x = (int(torch.randint(side, (), generator=generator)) for side in m.shape[2:])
    ids = m.argmax(1)
    ids[:, y, x] = (ids[:, y, x] + 1) % labels
    inputs["maps"].append(one_hot(ids, labels))
    inputs["setup"]["place"] = [y, x]
    return inputs


def draw_constant(generator):
    inputs = draw_layer(generator, batch=4)
    for name in ("gamma.weight", "beta.weight"):
        inputs["state"][name] = torch.zeros_like(inputs["state"][name])
    return inputs


def draw_two_labels(generator):
    inputs = draw_layer(generator, batch=1)
    labels, (m,) = inputs["sizes"][1], inputs["maps"]
    ids = torch.zeros_like(m[:, 0]).long()
    a, b = torch.randperm(labels, generator=generator)[:2].tolist()
    return {**inputs, "maps": [one_hot(ids + a, labels), one_hot(ids + b, labels)]}


def exercise(scale: str, reference, note: str = "") -> Exercise:
    formula = f"{scale if scale != PUBLIC else f'({scale})'}·norm(h) + β"
    return Exercise(
        id="05.2",
        names=("SPADE",),
        reference=(reference,),
        minutes=25,
        parts=(
            Part(
                f"in training, with the same weights: {formula}, of a map as large as h",
                2,
                draw_same,
                pass_through,
                judge_output,
                "In steps: the map through shared and a ReLU; what comes out through gamma and through beta; norm of h "
                f"and of nothing else; {formula}.",
                repeat=3,
            ),
            Part(
                "a finer map: at each place of h the nearest label",
                1,
                draw_finer,
                pass_through,
                judge_output,
                "The map is brought to the size of h before the convolutions see it, by nearest neighbour: it stays "
                "one-hot.",
                repeat=3,
            ),
            Part(
                "in eval mode: norm uses the running statistics, which training has moved",
                1,
                draw_still,
                pass_through,
                judge_output,
                "self.norm(h) does both: in training it moves the running statistics, in eval mode it uses them.",
                repeat=2,
            ),
            Part(
                "the gradients at h and in the three convolutions",
                1,
                draw_gradients,
                pass_through,
                judge_gradients,
                "Nothing in the layer is detached.",
            ),
            Part(
                f"another label at one pixel changes the result within {REACH} pixels, and nothing else",
                1,
                draw_one_label,
                pass_through,
                judge_touched,
                "What normalises, or averages over all pixels, must not have seen the map.",
                repeat=3,
            ),
            Part(
                "constant γ and β: conditional batch norm",
                0,
                draw_constant,
                pass_through,
                judge_output,
                "With gamma and beta that see nothing, each channel has one scale and one shift.",
            ),
            Part(
                "two maps of one label each: different results",
                0,
                draw_two_labels,
                pass_through,
                judge_two,
                "This is what the layer is for: exercise 05.1 made both maps the same.",
                repeat=2,
            ),
        ),
        mistakes=mistakes(scale),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: γ as the equation prints it, or exp γ."""
    others = [scale for scale in SCALES if scale != PUBLIC]
    scale = others[hashlib.sha256(key.encode()).digest()[0] % len(others)]
    why = {
        "γ": "as the paper's equation is printed, without the 1 that the authors' code adds",
        "exp γ": "so that the scale is never negative",
    }
    return exercise(scale, layer(scale), f"In this class norm(h) is multiplied by {scale}: {why[scale]}.")


SPADE_LAYER = exercise(PUBLIC, SPADE)
