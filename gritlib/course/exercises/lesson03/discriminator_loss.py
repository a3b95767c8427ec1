"""03.2: what each of CycleGAN's discriminators minimises, half of a least squares loss.

The translated images hang on a generator, whose gradient shows whether they are detached.
"""

import torch
from torch import Tensor
from torch.nn import functional

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def discriminator_loss(D, real: Tensor, fake: Tensor) -> Tensor:
    return 0.5 * ((D(real) - 1).square().mean() + D(fake.detach()).square().mean())


def look(inputs, discriminator_loss):
    state = inputs["state"]

    class Discriminator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = (torch.nn.Parameter(w.clone()) for w in (state["first"], state["last"]))

        def forward(self, images):
            h = torch.nn.functional.conv2d(images, self.first, stride=2, padding=1)
            return torch.nn.functional.conv2d(torch.tanh(h), self.last)

    D, of_g = Discriminator(), state["generator"].clone().requires_grad_()
    fake = torch.einsum("oc,bchw->bohw", of_g, inputs["fake"])
    loss = discriminator_loss(D, inputs["real"], fake)
    if not isinstance(loss, torch.Tensor) or loss.ndim:
        return {"loss": loss}
    told = {"loss": loss}

    def gradient(parameters):
        found = []
        for p in parameters:
            slope = None
            if loss.requires_grad and p.requires_grad:
                (slope,) = torch.autograd.grad(loss, p, retain_graph=True, allow_unused=True)
            found.append((torch.zeros_like(p) if slope is None else slope).flatten())
        return torch.cat(found)

    told["gradient in D"], told["gradient in the generator"] = gradient(D.parameters()), gradient([of_g])
    return {name: told[name] for name in inputs["setup"]["report"]}


def verdicts(inputs, discriminator_loss):
    class Discriminator(torch.nn.Module):
        def forward(self, images):
            return images[:, :1] * 1

    D, found = Discriminator(), {}
    for of_real, of_fake in inputs["pairs"]:
        real, fake = (torch.full((2, 3, 4, 4), value, dtype=torch.float64) for value in (of_real, of_fake))
        found[f"{of_real:g} for real, {of_fake:g} for fake"] = discriminator_loss(D, real, fake)
    return found


def judge(inputs, got, wanted):
    loss = got["loss"]
    if isinstance(loss, Tensor) and loss.ndim:
        return f"the loss has the shape {tuple(loss.shape)}: it is one number, a mean over all patches and images"
    if not isinstance(loss, Tensor):
        if number(loss) is None:
            return returned(loss, "a tensor of one number")
        return (
            f"the loss is the plain number {brief(loss)}: drop .item() or float(): it must stay a tensor that "
            "gradients can flow through"
        )
    said = difference(loss, wanted["loss"], 1e-6, 1e-9, "loss")
    if said or "gradient in D" not in wanted:
        return said
    if not got["gradient in D"].any():
        return "the value is right, but no gradient arrives in D, which then never learns"
    if got["gradient in the generator"].any():
        return "the value is right, but a gradient flows through fake into the generator that made it"
    return difference(got["gradient in D"], wanted["gradient in D"], 1e-6, 1e-9, "the value is right; gradient in D")


def judge_verdicts(inputs, got, wanted):
    # A plain number is as good here.
    numbers = {name: number(value) if number(value) is not None else value for name, value in got.items()}
    return difference(numbers, {name: number(value) for name, value in wanted.items()}, 1e-6, 1e-9)


def draw_images(generator, *report):
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = torch.randint(5, 9, (2,), generator=generator).tolist()

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return {
        "real": torch.tanh(normal(batch, 3, height, width)),
        # More of these: then one mean over both is not half of two means.
        "fake": torch.tanh(normal(batch + 2, 3, height, width)),
        "state": {"first": 0.4 * normal(4, 3, 4, 4), "last": 0.6 * normal(1, 4, 1, 1), "generator": normal(3, 3)},
        "setup": {"report": ["loss", *report]},
    }


def draw_value(generator):
    return draw_images(generator)


def draw_gradients(generator):
    return draw_images(generator, "gradient in D", "gradient in the generator")


def draw_verdicts(generator):
    return {"pairs": [[0.5, 0.5], [1.0, 0.0], [2.0, 1.0]]}


def of_logits(loss):
    return lambda D, real, fake: loss(D(real), D(fake.detach()))


def bce(real, fake):
    return 0.5 * (functional.softplus(-real).mean() + functional.softplus(fake).mean())


def without_way(D, real, fake):
    with torch.no_grad():
        return discriminator_loss(D, real, fake)


BCE = (
    "It looks as if this is the cross-entropy of lesson 01. CycleGAN's is a least squares loss: D's raw outputs are to "
    "be 1 for real images and 0 for translated ones, without sigmoid or logarithm."
)
SUM = "It looks as if you add up the patches instead of averaging them: the loss would grow with the image."
ONE_MEAN = (
    "It looks as if one mean is taken over real and translated images together. That is half of the two means only "
    "while there are as many of each; here there are more translated ones. Take a mean of each."
)
BOTH_SAME = "It looks as if both targets are the same: then D need not look at the images at all."
ONE_SIDE = "It looks as if only one of the two kinds of images counts: D must be shown both."

DISCRIMINATOR_LOSS = Exercise(
    id="03.2",
    names=("discriminator_loss",),
    reference=(discriminator_loss,),
    minutes=6,
    parts=(
        Part(
            "its value: half of two means",
            1,
            draw_value,
            look,
            judge,
            "Two means, one over D's outputs for real images, squared distance from 1, one over those for translated "
            "images, squared distance from 0; half of their sum.",
            repeat=3,
        ),
        Part(
            "D learns from it, the generator that made fake does not",
            1,
            draw_gradients,
            look,
            judge,
            "D's weights get a gradient from both means; fake is cut off from its generator before D sees it.",
            repeat=2,
        ),
        Part("D says ½ of everything: 0.25; 1 and 0: 0; 2 and 1: 1", 0, draw_verdicts, verdicts, judge_verdicts),
    ),
    mistakes=(
        Mistake(
            "It looks as if fake is not detached: its values are right, but D's loss also reaches the generator, where "
            "it asks for images that are easy to tell from real ones. That does harm when nobody empties the "
            "generator's gradients in between; detach() says what you mean: this loss is D's.",
            lambda D, real, fake: 0.5 * ((D(real) - 1).square().mean() + D(fake).square().mean()),
        ),
        Mistake(
            "It looks as if the loss is not halved. The halving slows D down against the generators; the authors' code "
            "does it.",
            of_logits(lambda real, fake: (real - 1).square().mean() + fake.square().mean()),
        ),
        Mistake(
            "It looks as if the loss is halved twice: ½ of the sum of two means, or the mean of the two, not both.",
            of_logits(lambda real, fake: 0.25 * ((real - 1).square().mean() + fake.square().mean())),
        ),
        Mistake(
            "It looks as if the targets are swapped: here 1 means real and 0 translated. The generators want 1, so "
            "with swapped targets D would agree with them.",
            of_logits(lambda real, fake: 0.5 * (real.square().mean() + (fake - 1).square().mean())),
        ),
        Mistake(
            BOTH_SAME, of_logits(lambda real, fake: 0.5 * ((real - 1).square().mean() + (fake - 1).square().mean()))
        ),
        Mistake(BOTH_SAME, of_logits(lambda real, fake: 0.5 * (real.square().mean() + fake.square().mean()))),
        Mistake(
            "It looks as if the target of translated images is −1: here it is 0.",
            of_logits(lambda real, fake: 0.5 * ((real - 1).square().mean() + (fake + 1).square().mean())),
        ),
        Mistake(BCE, of_logits(bce)),
        Mistake(BCE, of_logits(lambda real, fake: 2 * bce(real, fake))),
        Mistake(
            "It looks as if a sigmoid acts on D's outputs: least squares takes them as they are.",
            of_logits(lambda real, fake: 0.5 * ((real.sigmoid() - 1).square().mean() + fake.sigmoid().square().mean())),
        ),
        Mistake(
            "It looks as if this is the hinge loss, which lesson 05 has: least squares goes on pulling at outputs "
            "beyond their target.",
            of_logits(lambda real, fake: 0.5 * ((1 - real).relu().mean() + (1 + fake).relu().mean())),
        ),
        Mistake(
            "It looks as if absolute values stand where squares should.",
            of_logits(lambda real, fake: 0.5 * ((real - 1).abs().mean() + fake.abs().mean())),
        ),
        Mistake(
            "It looks as if the mean is taken before the square: each patch is to reach its target, not only the mean.",
            of_logits(lambda real, fake: 0.5 * ((real.mean() - 1).square() + fake.mean().square())),
        ),
        Mistake(SUM, of_logits(lambda real, fake: 0.5 * ((real - 1).square().sum() + fake.square().sum()))),
        Mistake(ONE_MEAN, of_logits(lambda real, fake: torch.cat([real - 1, fake]).square().mean())),
        Mistake(ONE_MEAN, of_logits(lambda real, fake: 0.5 * torch.cat([real - 1, fake]).square().mean())),
        Mistake(
            "It looks as if D's outputs for translated images are taken from those for real ones, which is an error of "
            "sizes where there are more of one kind. Each kind has its own target: two means, never one difference.",
            of_logits(lambda real, fake: 0.5 * (real - fake - 1).square().mean()),
        ),
        Mistake(ONE_SIDE, of_logits(lambda real, fake: 0.5 * (real - 1).square().mean())),
        Mistake(ONE_SIDE, of_logits(lambda real, fake: 0.5 * fake.square().mean())),
        Mistake(
            "It looks as if D's output for fake is detached. What must not learn here is the generator, so the image "
            "is detached, before D sees it; with a detached output D never learns from a translated image.",
            lambda D, real, fake: 0.5 * ((D(real) - 1).square().mean() + D(fake).detach().square().mean()),
        ),
        Mistake(
            "It looks as if D works under no_grad: then nobody learns from this loss. Only fake is cut off.",
            without_way,
        ),
    ),
)
