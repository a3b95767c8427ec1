"""01.4: what D and G minimise, on logits; D's loss halved, G's not saturating.

The values are `gritlib.losses`' own. Logits of ±10,000 tell apart formulas that agree on paper.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib import losses
from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Mistake, Part


def adversarial_losses(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    d = 0.5 * losses.total(losses.d_adversarial(real, fake))
    return {"d": d, "g": losses.g_adversarial(fake)}


def loss_values(inputs, adversarial_losses):
    return {"losses": adversarial_losses(inputs["real"], inputs["fake"])}


def one_loss(inputs, adversarial_losses):
    real, fake = (inputs[name].requires_grad_() for name in ("real", "fake"))
    losses = adversarial_losses(real, fake)
    loss = losses.get(inputs["loss"]) if isinstance(losses, dict) else None
    if not isinstance(loss, torch.Tensor) or loss.ndim:
        return {"losses": losses}
    # A zero of each keeps what the loss does not depend on inside the graph.
    slopes = torch.autograd.grad(loss + 0 * (real.sum() + fake.sum()), (real, fake))
    return {"value": loss, "gradient by real": slopes[0], "gradient by fake": slopes[1]}


def judge_one_loss(inputs, got, wanted):
    if "losses" in got:
        name = inputs["loss"]
        loss = got["losses"].get(name) if isinstance(got["losses"], dict) else None
        if isinstance(loss, Tensor):
            return f"{name} has the shape {tuple(loss.shape)}: a loss is one number, the mean over all patches"
        if number(loss) is not None:
            return (
                f"{name} is the plain number {brief(loss)}: drop .item() or float(): a loss must stay a tensor that "
                "gradients can flow through"
            )
        return returned(got["losses"], "a dict of two tensors, d and g")
    return difference(got, wanted, 1e-6, 1e-9, inputs["loss"])


def draw_logits(generator, more_fakes=0):
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]
    height, width = torch.randint(2, 5, (2,), generator=generator).tolist()

    def logits(images):
        return 2 * torch.randn(images, 1, height, width, generator=generator, dtype=torch.float64)

    return {"real": logits(batch), "fake": logits(batch + more_fakes)}


def draw_for_d(generator):
    # Of different number: then one mean over both is not half of two means.
    return {"loss": "d", **draw_logits(generator, more_fakes=2)}


def draw_for_g(generator):
    inputs = draw_logits(generator)
    # D is sure about some fakes: this is where a saturating loss has nothing left to say.
    inputs["fake"][..., 0, :] -= 20
    return {"loss": "g", **inputs}


def draw_sure(generator):
    inputs = draw_logits(generator)
    return {name: logits.sign() * 10 ** (1 + 3 * torch.sigmoid(logits)) for name, logits in inputs.items()}


def draw_zeros(generator):
    return {name: torch.zeros(4, 1, 3, 3, dtype=torch.float64) for name in ("real", "fake")}


def losses_with(d=None, g=None):
    """The right losses, one of them replaced by a wrong one."""

    def wrong(real, fake):
        right = adversarial_losses(real, fake)
        return {"d": d(real, fake) if d else right["d"], "g": g(fake) if g else right["g"]}

    return wrong


def sigmoid_twice(real, fake):
    return adversarial_losses(torch.sigmoid(real), torch.sigmoid(fake))


def log_of_sigmoid(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    return {"d": -0.5 * (real.log().mean() + (1 - fake).log().mean()), "g": -fake.log().mean()}


def probabilities(real, fake):
    real, fake = torch.sigmoid(real), torch.sigmoid(fake)
    one, nought, bce = torch.ones_like(real), torch.zeros_like(fake), F.binary_cross_entropy
    return {"d": 0.5 * (bce(real, one) + bce(fake, nought)), "g": bce(fake, one)}


def logits_as_probabilities(real, fake):
    bce = F.binary_cross_entropy
    d = 0.5 * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))
    return {"d": d, "g": bce(fake, torch.ones_like(fake))}


def targets_of_real(real, fake):
    bce = F.binary_cross_entropy_with_logits
    one, nought = torch.ones_like(real), torch.zeros_like(real)
    return {"d": 0.5 * (bce(real, one) + bce(fake, nought)), "g": bce(fake, one)}


def minus_d(real, fake):
    d = adversarial_losses(real, fake)["d"]
    return {"d": d, "g": -d}


def not_halved(real, fake):
    return losses.total(losses.d_adversarial(real, fake))


SATURATING = (
    "It looks as if G minimises log(1 − D(fake)), the printed min-max game. Where D is sure that an image is fake this "
    "loss is flat, so G learns nothing just when it is worst: it saturates. What is trained, here and in the paper's "
    "own code, is the non-saturating loss: G wants D to say 'real' of its image."
)

RENAMED = (
    "It looks as if both of D's targets are swapped. With g as asked D calls fakes real and G wants just that, so they "
    "no longer play against each other. With g swapped as well the game is whole, only the names are not: here a "
    "positive logit means 'real', as in all pictures and shipped networks."
)

ADVERSARIAL_LOSSES = Exercise(
    id="01.4",
    names=("adversarial_losses",),
    reference=(adversarial_losses,),
    minutes=10,
    parts=(
        Part(
            "d: its value, and its gradients at both kinds of logits",
            1,
            draw_for_d,
            one_loss,
            judge_one_loss,
            "d is half of two means: of −log P(D says 'real') over real images and −log P(D says 'fake') over fake "
            "ones. Nothing is detached in here.",
            repeat=3,
        ),
        Part(
            "g: its value, and a gradient that pushes every fake logit up, hardest where D is surest",
            1,
            draw_for_g,
            one_loss,
            judge_one_loss,
            "g is the mean of −log P(D says 'real') over fake images; it depends on nothing else and is not halved.",
            repeat=3,
        ),
        Part(
            "both exact where D is sure, with logits up to ±10,000",
            1,
            draw_sure,
            loss_values,
            advice="log and sigmoid must not be taken one after the other: the probability rounds to 0 or 1 first.",
            repeat=3,
        ),
        Part("logits of 0, when D gives no information: both are ln 2 = 0.693", 0, draw_zeros, loss_values),
    ),
    mistakes=(
        Mistake(
            "It looks as if a sigmoid acts twice: functions whose name ends in `with_logits`, and softplus, contain it "
            "already. Give them the logits as they are.",
            sigmoid_twice,
        ),
        Mistake(SATURATING, losses_with(g=lambda fake: -F.softplus(fake).mean())),
        Mistake(SATURATING, minus_d),
        Mistake(
            "It looks as if G's target is 'fake', D's own: then G helps D. G wants D to say 'real' of its image.",
            losses_with(g=lambda fake: F.softplus(fake).mean()),
        ),
        Mistake(
            "It looks as if D's target for the fake logits is 'real' too: then D learns to say 'real' of everything.",
            losses_with(d=lambda real, fake: 0.5 * (F.softplus(-real).mean() + F.softplus(-fake).mean())),
        ),
        Mistake(
            "It looks as if D's target for the real logits is 'fake' too: then D learns to say 'fake' of everything.",
            losses_with(d=lambda real, fake: 0.5 * (F.softplus(real).mean() + F.softplus(fake).mean())),
        ),
        Mistake(RENAMED, losses_with(d=lambda real, fake: adversarial_losses(-real, -fake)["d"])),
        Mistake(RENAMED, lambda real, fake: adversarial_losses(-real, -fake)),
        Mistake(
            "It looks as if d is not halved. The paper divides D's loss by 2, which slows D down against G.",
            losses_with(d=not_halved),
        ),
        Mistake(
            "It looks as if g is halved too: only D's loss is.",
            losses_with(g=lambda fake: 0.5 * F.softplus(-fake).mean()),
        ),
        Mistake(
            "It looks as if you take log(sigmoid(…)). At a logit of −1,000 the sigmoid rounds to 0 and its logarithm "
            "is −inf: one such patch and all weights are NaN. Look for one function that does both at once.",
            log_of_sigmoid,
        ),
        Mistake(
            "It looks as if you use `F.binary_cross_entropy` on probabilities: it cuts the logarithm at −100 to hide "
            "the infinity, so loss and gradient are wrong where D is sure. There is a version for logits.",
            probabilities,
        ),
        Mistake(
            "It looks as if logits go into `F.binary_cross_entropy`, which takes probabilities. Logits are no "
            "probabilities: they lie anywhere between −∞ and ∞. There is a version for logits.",
            logits_as_probabilities,
        ),
        Mistake(
            "It looks as if one mean is taken over real and fake logits together. That is half of the two means only "
            "while there are as many of each; here there are more fakes. Take a mean of each.",
            losses_with(d=lambda real, fake: F.softplus(torch.cat([-real, fake])).mean()),
        ),
        Mistake(
            "It looks as if the fake logits get targets in the shape of the real ones. There may be more of one than "
            "of the other: use `ones_like(fake)` and `zeros_like(fake)`.",
            targets_of_real,
        ),
        Mistake(
            "It looks as if you add up the patches instead of averaging them: the loss would grow with the image.",
            lambda real, fake: {
                "d": 0.5 * (F.softplus(-real).sum() + F.softplus(fake).sum()),
                "g": F.softplus(-fake).sum(),
            },
        ),
        Mistake(
            "It looks as if the fake logits are detached in d. What must not learn in D's half is G, so the image is "
            "detached there, before D sees it; with detached logits D never learns from a fake.",
            losses_with(d=lambda real, fake: adversarial_losses(real, fake.detach())["d"]),
        ),
    ),
)
