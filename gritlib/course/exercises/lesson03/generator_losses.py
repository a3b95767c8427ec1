"""03.1: the six terms that CycleGAN's two generators minimise.

Each term is a part of its own: its value, and the gradient that it leaves in G and in F. What it leaves in the
discriminators is not judged: freezing them for this half is right, and so is not freezing them.
"""

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson03.generator_losses_mistakes import MISTAKES, TERMS


def generator_losses(G, F, Dx, Dy, x, y, lam, lam_id):
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": (Dy(fake_y) - 1).square().mean(),
        "gan_f": (Dx(fake_x) - 1).square().mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }


def play(inputs, generator_losses):
    state, setup = inputs["state"], inputs["setup"]

    class Net(torch.nn.Module):
        def __init__(self, first, last):
            super().__init__()
            self.first, self.last = torch.nn.Parameter(first.clone()), torch.nn.Parameter(last.clone())

        def forward(self, images):
            # Takes fewer channels too: then a D that also sees x shows in the numbers and not as a crash.
            h = torch.einsum("oc,bc...->bo...", self.first[:, : images.shape[1]], images)
            return torch.einsum("oc,bc...->bo...", self.last, torch.tanh(h))

    nets = {name: Net(*state[name]) for name in ("G", "F", "Dx", "Dy")}
    losses = generator_losses(*nets.values(), inputs["x"], inputs["y"], setup["lam"], setup["lam_id"])
    if setup["term"] is None:
        return {
            "terms": sorted(map(str, losses)) if isinstance(losses, dict) else None,
            "frozen": [name for name, net in nets.items() if not all(p.requires_grad for p in net.parameters())],
            "pushed": [name for name, net in nets.items() if any(p.grad is not None for p in net.parameters())],
            "in eval mode": [name for name, net in nets.items() if not net.training],
        }
    term = losses.get(setup["term"]) if isinstance(losses, dict) else None
    if not isinstance(term, torch.Tensor) or term.ndim:
        return {"losses": losses}

    told = {"value": term}
    for name in "GF":
        weights = list(nets[name].parameters())
        slopes = [None] * len(weights)
        if term.requires_grad and all(w.requires_grad for w in weights):
            slopes = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
        pairs = zip(weights, slopes, strict=True)
        told[f"gradient in {name}"] = torch.cat([(torch.zeros_like(w) if s is None else s).flatten() for w, s in pairs])
    return told


def shifts(inputs, generator_losses):
    class Shift(torch.nn.Module):
        def __init__(self, by):
            super().__init__()
            self.by = torch.nn.Parameter(torch.tensor(by, dtype=torch.float64))

        def forward(self, images):
            return images + self.by

    class Judge(torch.nn.Module):
        def forward(self, images):
            return images.mean(1, keepdim=True)

    c, lam, lam_id = inputs["c"], inputs["lam"], inputs["lam_id"]
    G, F = Shift(c), Shift(-c)
    losses = generator_losses(G, F, Judge(), Judge(), inputs["x"], inputs["y"], lam, lam_id)
    if not isinstance(losses, dict):
        return {"losses": losses}
    return {name: losses.get(name) for name in ("cyc_x", "cyc_y", "id_x", "id_y")}


def judge_term(inputs, got, wanted):
    term = inputs["setup"]["term"]
    if "losses" in got:
        losses = got["losses"]
        if not isinstance(losses, dict):
            return returned(losses, f"a dict of six tensors: {', '.join(TERMS)}")
        if term not in losses:
            return f"the dict has {', '.join(map(str, losses)) or 'nothing in it'}: {term} is missing"
        value = losses[term]
        if isinstance(value, Tensor):
            return f"{term} has the shape {tuple(value.shape)}: each term is one number, the mean over everything"
        if number(value) is not None:
            return (
                f"{term} is the plain number {brief(value)}: drop .item() or float(): a term must stay a tensor that "
                "gradients can flow through"
            )
        return f"{term} is {brief(value)}, wanted a tensor of one number"
    said = difference(got["value"], wanted["value"], 1e-6, 1e-9, term)
    if said:
        return said
    for net in "GF":
        yours, right = (values[f"gradient in {net}"] for values in (got, wanted))
        if right.any() and not yours.any():
            return (
                f"the value of {term} is right, but it leaves no gradient in {net}, which then learns nothing from it"
            )
        if difference(yours, right, 1e-6, 1e-9):
            return f"the value of {term} is right, but not the gradient that it leaves in {net}"
    return None


def judge_shifts(inputs, got, wanted):
    if "losses" in got:
        return returned(got["losses"], f"a dict of six tensors: {', '.join(TERMS)}")
    c, lam, lam_id = inputs["c"], inputs["lam"], inputs["lam_id"]
    missing = [name for name in wanted if got[name] is None]
    if missing:
        return f"{missing[0]} is missing in the dict"
    for name in wanted:
        # A plain 0 is as good a term as any where lam_id is 0.
        yours, right = number(got[name]), round(number(wanted[name]), 9)
        said = difference(yours if yours is not None else got[name], right, 1e-6, 1e-8, name)
        if said:
            return f"G adds {c:g}, F takes {c:g} away, lam = {lam:g}, lam_id = {lam_id:g}: {said}"
    return None


def judge_left(inputs, got, wanted):
    if got["terms"] is None:
        return f"your function returned no dict: wanted one of six tensors, {', '.join(TERMS)}"
    if got["terms"] != wanted["terms"]:
        return (
            f"the dict has {', '.join(got['terms'])}, wanted {', '.join(TERMS)} and no more: training adds them all up"
        )
    if got["pushed"]:
        return f"{', '.join(got['pushed'])} hold a gradient afterwards: backward is the training loop's work"
    if got["frozen"]:
        return f"{', '.join(got['frozen'])} stay frozen: after requires_grad_(False) they would never learn again"
    if got["in eval mode"]:
        return f"{', '.join(got['in eval mode'])} stay in eval mode: leave the mode of the networks as it is"
    return None


def draw_domains(generator):
    """A batch of each side: pictures, or points of a plane. The lesson's toy uses points."""

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def random(*choices):
        return choices[int(torch.randint(len(choices), (), generator=generator))]

    channels = random(2, 3)
    shape = (random(1, 4), channels, *random((), (3, 4)))
    lam, lam_id = (
        torch.rand(2, generator=generator).double() * torch.tensor([5, 0.25]) + torch.tensor([6, 0.2])
    ).tolist()
    return {
        "x": torch.tanh(normal(*shape)),
        "y": torch.tanh(normal(*shape)),
        "state": {
            "G": [normal(4, channels), normal(channels, 4)],
            "F": [normal(4, channels), normal(channels, 4)],
            "Dx": [normal(4, 2 * channels), normal(1, 4)],
            "Dy": [normal(4, 2 * channels), normal(1, 4)],
        },
        "setup": {"lam": round(lam, 2), "lam_id": round(lam_id, 2), "term": None},
    }


def drawer(term):
    def draw(generator):
        inputs = draw_domains(generator)
        return inputs | {"setup": inputs["setup"] | {"term": term}}

    return draw


def draw_shift(generator, identity=True):
    inputs = draw_domains(generator)
    setup = inputs["setup"]
    c = round(0.3 + float(torch.rand((), generator=generator)), 2)
    return {"x": inputs["x"], "y": inputs["y"], "c": c, "lam": setup["lam"], "lam_id": identity * setup["lam_id"]}


def draw_nothing(generator):
    return draw_shift(generator) | {"c": 0.0}


def draw_no_identity(generator):
    return draw_shift(generator, identity=False)


ADVICE = {
    "gan_g": "G makes images of Y, and Dy judges those: the mean of the squared distances from 1. Do not "
    "detach G(x) here.",
    "gan_f": "F makes images of X, and Dx judges those: the mean of the squared distances from 1. Do not "
    "detach F(y) here.",
    "cyc_x": "x goes to Y with G and comes back with F; lam times the mean absolute difference from x. Both generators "
    "learn from it.",
    "cyc_y": "y goes to X with F and comes back with G; lam times the mean absolute difference from y. Both generators "
    "learn from it.",
    "id_x": "x is an image of X already, so F, which makes images of X, should leave it as it is: lam times lam_id "
    "times the mean absolute difference.",
    "id_y": "y is an image of Y already, so G, which makes images of Y, should leave it as it is: lam times lam_id "
    "times the mean absolute difference.",
}
LEARNS = {"gan_g": "G", "gan_f": "F", "cyc_x": "both", "cyc_y": "both", "id_x": "F", "id_y": "G"}
DOES = {"G": "G learns from it", "F": "F learns from it", "both": "G and F learn from it"}

GENERATOR_LOSSES = Exercise(
    id="03.1",
    names=("generator_losses",),
    reference=(generator_losses,),
    minutes=25,
    parts=(
        *(
            Part(
                f"{term}: its value, and {DOES[LEARNS[term]]}",
                1,
                drawer(term),
                play,
                judge_term,
                ADVICE[term],
                repeat=3,
            )
            for term in TERMS
        ),
        Part(
            "G and F that change nothing: no cycle loss, no identity loss",
            0,
            draw_nothing,
            shifts,
            judge_shifts,
            repeat=2,
        ),
        Part(
            "G adds c, F takes it away: no cycle loss, the identity loss is lam·lam_id·c",
            0,
            draw_shift,
            shifts,
            judge_shifts,
            repeat=2,
        ),
        Part(
            "lam_id = 0: no identity loss",
            0,
            draw_no_identity,
            shifts,
            judge_shifts,
            "No points depend on this, but the lesson needs it: all six terms are in the dict, also those that are 0.",
            repeat=2,
        ),
        Part("six terms and nothing else: the networks are left as they were", 0, draw_domains, play, judge_left),
    ),
    mistakes=MISTAKES,
)
