"""02.2: the distance of two images as a frozen network sees them.

A small network of drawn weights stands in for VGG. Its features are made pixel by pixel or in blocks, so that a picture
repeated 2x2 has exactly the same means.
"""

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def perceptual_loss(net, fake: Tensor, real: Tensor, weights: list[float]) -> Tensor:
    with torch.no_grad():
        wanted = net(net.preprocess(real))
    found = net(net.preprocess(fake))
    return sum(w * (a - b).abs().mean() for w, a, b in zip(weights, found, wanted, strict=True))


def look(inputs, perceptual_loss):
    F, state, weights = torch.nn.functional, inputs["state"], list(inputs["weights"])
    seen = {"prepared": 0, "looked at": 0}

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ParameterList(torch.nn.Parameter(w.clone(), False) for w in state["layers"])
            self.eval()

        def preprocess(self, images):
            seen["prepared"] += len(images)
            return images.flip(1) * state["scale"] + state["offset"]

        def forward(self, prepared):
            seen["looked at"] += len(prepared)
            h, found = prepared, []
            for layer in self.layers:
                h = F.avg_pool2d(h, 2) if found else h
                h = torch.tanh(F.conv2d(h, layer))
                found.append(h)
            return found

        def features(self, images):
            return self(self.preprocess(images))

    net = Net()
    fake, real = (inputs[name].requires_grad_() for name in ("fake", "real"))
    loss = perceptual_loss(net, fake, real, weights)
    told = {"loss": loss, "images prepared": seen["prepared"], "images looked at": seen["looked at"]}
    flows = isinstance(loss, torch.Tensor) and loss.ndim == 0 and loss.requires_grad
    for name, images in (("fake", fake), ("real", real)):
        slope = None
        if flows and images.requires_grad:
            (slope,) = torch.autograd.grad(loss, images, retain_graph=True, allow_unused=True)
        told[f"gradient at {name}"] = torch.zeros_like(images) if slope is None else slope
    if inputs["setup"]["pictures"]:
        told["of equal images"] = perceptual_loss(net, real, real.clone(), weights)
        told["of both repeated 2x2"] = perceptual_loss(
            net, fake.repeat(1, 1, 2, 2), real.repeat(1, 1, 2, 2), list(weights)
        )
    return {name: told[name] for name in inputs["setup"]["report"]}


def judge(inputs, got, wanted):
    loss = got["loss"]
    if isinstance(loss, Tensor) and loss.ndim:
        return f"the loss has the shape {tuple(loss.shape)}: it is one number, for all images together"
    if not isinstance(loss, Tensor):
        if number(loss) is None:
            several = isinstance(loss, (list, tuple)) and len(loss) > 1
            return returned(loss, "a tensor of one number" + (", the sum over the maps" if several else ""))
        return (
            f"the loss is the plain number {brief(loss)}: drop .item() or float(): it must stay a tensor that "
            "gradients can flow through"
        )
    return difference(got, wanted, 1e-6, 1e-9)


def judge_visits(inputs, got, wanted):
    if got["images prepared"] == got["images looked at"] > 0:
        return None
    return (
        f"net.preprocess was given {got['images prepared']} images, net looked at {got['images looked at']}: each "
        "image goes through net.preprocess once on its way into net"
    )


def draw_images(generator, *report, batch=1, pictures=False):
    maps = int(torch.randint(2, 4, (), generator=generator))
    height, width = (4 * torch.randint(1, 4, (2,), generator=generator)).tolist()
    channels = [3, *torch.randint(2, 6, (maps,), generator=generator).tolist()]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "fake": torch.tanh(normal(batch, 3, height, width)),
        "real": torch.tanh(normal(batch, 3, height, width)),
        "weights": [round(0.1 + float(torch.rand((), generator=generator)), 2) for _ in range(maps)],
        "state": {
            "layers": [normal(c, b, 1, 1) for b, c in pairwise(channels)],
            "scale": 1.5 + normal(1, 3, 1, 1).abs(),
            "offset": normal(1, 3, 1, 1),
        },
        "setup": {"report": ["loss", *report], "pictures": pictures},
    }


def draw_one(generator):
    return draw_images(generator)


def draw_four(generator):
    return draw_images(generator, batch=4)


def draw_for_fake(generator):
    return draw_images(generator, "gradient at fake", batch=(1, 4)[int(torch.randint(2, (), generator=generator))])


def draw_for_real(generator):
    return draw_images(generator, "gradient at real", batch=2)


def draw_repeated(generator):
    return draw_images(generator, "of equal images", "of both repeated 2x2", batch=2, pictures=True)


def draw_visits(generator):
    return draw_images(generator, "images prepared", "images looked at", batch=4)


def of_maps(term=None, prepare=(1, 1), detach=(False, True), join=None):
    """The loss with one ingredient replaced: term of a pair of maps, how often fake and real are prepared, which of
    the two is detached, how weights and terms are joined."""
    term = term or (lambda a, b: (a - b).abs().mean())
    join = join or (lambda weights, terms: sum(w * t for w, t in zip(weights, terms, strict=True)))

    def perceptual_loss(net, fake, real, weights):
        sides = []
        for images, times, cut in zip((fake, real), prepare, detach, strict=True):
            for _ in range(times):
                images = net.preprocess(images)
            sides.append([h.detach() if cut else h for h in net(images)])
        return join(weights, [term(a, b) for a, b in zip(*sides, strict=True)])

    return perceptual_loss


def all_at_once(net, fake, real, weights):
    pairs = zip(net(net.preprocess(fake)), net(net.preprocess(real)), weights, strict=True)
    return torch.cat([(w * (a - b.detach()).abs()).flatten() for a, b, w in pairs]).mean()


UNPREPARED = (
    "It looks as if images in [−1, 1] go into net as they are. The official code of SPADE and of pix2pixHD does the "
    "same, and trains well with it. Here net.preprocess comes first: net was trained on images prepared so."
)
ONE_SIDE = (
    "It looks as if only one of the two images goes through net.preprocess: then even equal images seem to differ."
)
SUM = (
    "It looks as if differences are added up where they should be averaged: the loss would grow with the picture, and "
    "large maps would outweigh small ones whatever their weights. Take a mean over each whole map."
)
SQUARED = (
    "It looks as if the differences are squared. Wanted is the mean of absolute differences: the square lets the few "
    "largest differences decide."
)
NO_GRADIENT = (
    "No gradient arrives at fake: then the generator learns nothing from this loss. Only the real side is a fixed aim. "
    "That net is frozen means that its weights stay as they are; gradients must still pass through it."
)

PERCEPTUAL_LOSS = Exercise(
    id="02.2",
    names=("perceptual_loss",),
    reference=(perceptual_loss,),
    minutes=15,
    parts=(
        Part("each image goes through net.preprocess once", 0, draw_visits, look, judge_visits),
        Part(
            "one image: the weighted means of the absolute differences, added up",
            1,
            draw_one,
            look,
            judge,
            "net returns a list of maps. Each gives one number, the mean absolute difference; each has its weight.",
            repeat=3,
        ),
        Part(
            "four images: means over the batch too",
            1,
            draw_four,
            look,
            judge,
            "The means run over images, channels, rows and columns alike.",
            repeat=2,
        ),
        Part(
            "the gradient that arrives at the fake images",
            1,
            draw_for_fake,
            look,
            judge,
            "Is everything between fake and the loss inside the graph, and nothing else?",
            repeat=2,
        ),
        Part(
            "none arrives at the real images, while the loss is right",
            1,
            draw_for_real,
            look,
            judge,
            "The real image's features are the aim, a constant.",
            repeat=2,
        ),
        Part(
            "equal images give 0, and a picture repeated 2x2 what it gave before",
            0,
            draw_repeated,
            look,
            advice="A mean stays when a picture is repeated, a sum does not.",
        ),
    ),
    mistakes=(
        Mistake(UNPREPARED, of_maps(prepare=(0, 0))),
        Mistake(ONE_SIDE, of_maps(prepare=(1, 0))),
        Mistake(ONE_SIDE, of_maps(prepare=(0, 1))),
        Mistake(
            "It looks as if the images go through net.preprocess twice: what comes out of it is net's input already.",
            of_maps(prepare=(2, 2)),
        ),
        Mistake(
            "It looks as if the weights are not used: each map's mean is multiplied by its own.",
            of_maps(join=lambda weights, terms: sum(terms)),
        ),
        Mistake(
            "It looks as if the weights are not used, and the maps' means are averaged.",
            of_maps(join=lambda weights, terms: sum(terms) / len(terms)),
        ),
        Mistake(
            "It looks as if the weighted means are averaged over the maps: they are added up.",
            of_maps(join=lambda weights, terms: sum(w * t for w, t in zip(weights, terms, strict=True)) / len(terms)),
        ),
        Mistake(
            "It looks as if the result is divided by the sum of the weights: they need not add up to 1.",
            of_maps(join=lambda weights, terms: sum(w * t for w, t in zip(weights, terms, strict=True)) / sum(weights)),
        ),
        Mistake(
            "It looks as if only the last map counts: perhaps the loop overwrites the sum, or returns inside itself.",
            of_maps(join=lambda weights, terms: weights[-1] * terms[-1]),
        ),
        Mistake(
            "It looks as if only the first map counts: perhaps `return` stands inside the loop.",
            of_maps(join=lambda weights, terms: weights[0] * terms[0]),
        ),
        Mistake(SUM, of_maps(lambda a, b: (a - b).abs().sum())),
        Mistake(SUM, of_maps(lambda a, b: (a - b).abs().sum() / len(a))),
        Mistake(SUM, of_maps(lambda a, b: (a - b).abs().sum((2, 3)).mean())),
        Mistake(SUM, of_maps(lambda a, b: (a - b).abs().sum(1).mean())),
        Mistake(
            "It looks as if all maps are joined into one long list before the mean: then the largest map decides, "
            "whatever the weights say. Take a mean over each map.",
            all_at_once,
        ),
        Mistake(SQUARED, of_maps(lambda a, b: (a - b).square().mean())),
        Mistake(SQUARED, of_maps(lambda a, b: (a - b).square().mean().sqrt())),
        Mistake(SQUARED, of_maps(lambda a, b: (a - b).norm())),
        Mistake(
            "It looks as if the differences go through a smooth L1 or Huber loss, which squares those below 1.",
            of_maps(F.smooth_l1_loss),
        ),
        Mistake(
            "It looks as if features are divided by their length over the channels, as LPIPS does: here they are "
            "compared as they are.",
            of_maps(lambda a, b: (F.normalize(a, dim=1) - F.normalize(b, dim=1)).abs().mean()),
        ),
        Mistake(
            "It looks as if the absolute value is left out: differences of both signs cancel in the mean.",
            of_maps(lambda a, b: (a - b).mean()),
        ),
        Mistake(
            "A gradient flows into the real images too. Their features are the aim and must stay where they are: "
            "nothing on that side belongs into the graph, which also saves its memory.",
            of_maps(detach=(False, False)),
        ),
        Mistake(
            "It looks as if the fake side is detached in place of the real one. " + NO_GRADIENT,
            of_maps(detach=(True, False)),
        ),
        Mistake(NO_GRADIENT, of_maps(detach=(True, True))),
    ),
)
