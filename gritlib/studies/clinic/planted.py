"""One training step of pix2pix with places where a fault can be planted: every `in planted` below is one mistake, and
without any it is the step of lesson 01. Two faults stand outside the step: the learning rate, and input and target that
are shifted and mirrored apart.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from gritlib import losses
from gritlib.methods import Pix2Pix
from gritlib.nets.patchgan import condition

LAMBDA = 100.0
RATE = 5e-4  # the lesson's own
FACTOR = 10.0  # on the learning rate, where that is the fault

# What is planted for each fault. A missing detach alone, or zero_grad at the top alone, changes no weight.
PLANTED: dict[str, tuple[str, ...]] = {
    "healthy": (),
    "no_detach": ("zero_grad_at_top", "fake_not_detached"),
    "labels_swapped": ("labels_swapped",),
    "learning_rate": ("learning_rate",),
    "no_condition": ("no_condition",),
    "jitter_not_joint": ("jitter_not_joint",),
    "lambda_on_gan": ("lambda_on_gan",),
}


def train_step(
    method: Pix2Pix,
    batch: dict[str, Tensor],
    optimizers: dict[str, torch.optim.Optimizer],
    planted: Collection[str] = (),
) -> dict[str, Tensor]:
    """One step: D moves, then G.

    Args:
        method: its G, D and D's loss are used. batch: A and B. optimizers: of "discriminator" and "generator".
        planted: the mistakes to make; those of another place are ignored.

    Returns:
        D_real, D_fake, adv (unweighted), L1 (0-255), and two measurements that a usual step does not make: "pull", the
        adversarial term's gradient at G's output over that of the L1 term, and "left", the share of D's half in the
        gradient with which G moves.
    """
    A, B = batch["A"], batch["B"]
    opt_d, opt_g = optimizers["discriminator"], optimizers["generator"]
    given = None if "no_condition" in planted else A

    fake = method.G(A)
    opt_d.zero_grad()
    if "zero_grad_at_top" in planted:
        opt_g.zero_grad()

    judged = fake if "fake_not_detached" in planted else fake.detach()
    real_logits, fake_logits = method.D(condition(B, given)), method.D(condition(judged, given))
    if "labels_swapped" in planted:
        real_logits, fake_logits = fake_logits, real_logits
    d = method.d_loss(real_logits, fake_logits)
    # Who forgets the detach meets "backward through the graph a second time" and keeps the graph to silence it.
    losses.total(d).backward(retain_graph="fake_not_detached" in planted)
    opt_d.step()

    if "zero_grad_at_top" not in planted:
        opt_g.zero_grad()
    left = gradient_norm(method.G)

    adv, l1 = losses.g_adversarial(method.D(condition(fake, given))), losses.l1(fake, B)
    if "lambda_on_gan" in planted:
        weighted = LAMBDA * adv, l1
    else:
        weighted = adv, LAMBDA * l1
    at_output = [torch.autograd.grad(term, fake, retain_graph=True)[0].norm() for term in weighted]
    sum(weighted).backward()
    opt_g.step()

    measured = {"pull": at_output[0] / at_output[1], "left": left / gradient_norm(method.G).clamp(min=1e-12)}
    return {**d, "adv": adv, "L1": 127.5 * l1, **measured}


def gradient_norm(net: torch.nn.Module) -> Tensor:
    """Norm of all gradients of a network together; 0 where there is none."""
    norms = [p.grad.norm() for p in net.parameters() if p.grad is not None]
    return torch.stack(norms).norm() if norms else torch.tensor(0.0)


class SeparateJitter:
    """A source whose inputs and targets are cropped and mirrored by different draws."""

    def __init__(self, source):
        self.source = source

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, indices, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """As `Source.batch`; with a generator, A and B do not show the same place."""
        batch = self.source.batch(indices, generator)
        if generator is not None:
            batch["B"] = self.source.batch(indices, generator)["B"]
        return batch
