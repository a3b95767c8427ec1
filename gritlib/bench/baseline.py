"""What a step is measured against: the loop that a first tutorial writes, with the same networks, weights and batch.

float32; Adam as PyTorch's plain loop over the parameters; everything is differentiated as it comes, so that D's
gradients in G's turn and what else nobody uses are computed and thrown away; D is called on real and on fake images by
itself, a feature that was there is computed again; every loss is read with `.item()` in every step. The objective is
that of the method, term by term: a test compares the losses of the first step. No average of the weights is kept,
which is work that only our side has.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gritlib import backbones, losses
from gritlib.methods import Method

Adams = dict[str, torch.optim.Adam]


class Plain:
    """The plain loop around the networks of a method.

    Args:
        method: trained in place; where its networks are, the batch must be. batch: {"A": (B, C, H, W), "B": ...}.

    Raises:
        ValueError: a method that has no plain loop here.
    """

    def __init__(self, method: Method, batch: dict[str, Tensor]):
        if method.name not in STEPS:
            raise ValueError(f"there is no plain loop of {method.name}: choose one of {', '.join(STEPS)}")
        self.method, self.A, self.B = method.train(), batch["A"], batch["B"]
        self.adams = {}
        for name, player in method.players.items():
            moved = [p for net in player.nets for p in getattr(method, net).parameters()]
            self.adams[name] = torch.optim.Adam(moved, player.lr, player.betas, fused=False, foreach=False)

    def step(self) -> dict[str, float]:
        """One turn of every player. Returns the losses, under the names that the method gives them."""
        return STEPS[self.method.name](self.method, self.A, self.B, self.adams)


def update(adam: torch.optim.Adam, terms: dict[str, Tensor]) -> dict[str, float]:
    """Zero, backward, step; and the losses as numbers."""
    adam.zero_grad()
    sum(terms.values()).backward()
    adam.step()
    return {name: term.item() for name, term in terms.items()}


def taken_for(real: bool, logits: Tensor, kind: str) -> Tensor:
    """D's loss where it should take these images for real, or for fake."""
    if kind == "hinge":
        return F.relu(1 - logits if real else 1 + logits).mean()
    target = torch.ones_like(logits) if real else torch.zeros_like(logits)
    return (F.mse_loss if kind == "lsgan" else F.binary_cross_entropy_with_logits)(logits, target)


def fooled(logits: Tensor, kind: str) -> Tensor:
    """G's loss: D should take its images for real."""
    return -logits.mean() if kind == "hinge" else taken_for(True, logits, kind)


def both(images: Tensor, given: Tensor | None) -> Tensor:
    return images if given is None else torch.cat([given, images], 1)


def pix2pix(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    c, given = m.config, A if m.config.conditional else None
    fake = m.G(A)
    real_logits, fake_logits = m.D(both(B, given)), m.D(both(fake.detach(), given))
    terms = {"D_real": 0.5 * taken_for(True, real_logits, c.gan), "D_fake": 0.5 * taken_for(False, fake_logits, c.gan)}
    told = update(adams["discriminator"], terms)
    terms = {"L1": c.pixel_weight * F.l1_loss(fake, B), "adv": fooled(m.D(both(fake, given)), c.gan)}
    return told | update(adams["generator"], terms)


def grit(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    c, given = m.config, A if m.config.conditional else None
    out = m.G(A, m.E(B), noise="fresh")
    real_logits, fake_logits = m.D(both(B, given)), m.D(both(out.image.detach(), given))
    terms = {"D_real": taken_for(True, real_logits, c.gan), "D_fake": taken_for(False, fake_logits, c.gan)}
    told = update(adams["discriminator"], terms)
    terms = {"adv": fooled(m.D(both(out.image, given)), c.gan)}
    terms["rec"] = c.rec_weight * F.l1_loss(out.reconstruction, B)
    return told | update(adams["generator"], terms)


def cyclegan(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    c = m.config
    fake_B, fake_A = m.G(A), m.F(B)
    rec_A, rec_B = m.F(fake_B), m.G(fake_A)
    terms = {"adv_G": fooled(m.D_B(fake_B), c.gan), "adv_F": fooled(m.D_A(fake_A), c.gan)}
    terms |= {"cycle_A": c.cycle_weight * F.l1_loss(rec_A, A), "cycle_B": c.cycle_weight * F.l1_loss(rec_B, B)}
    if c.identity_weight:
        weight = c.cycle_weight * c.identity_weight
        terms |= {"identity_A": weight * F.l1_loss(m.F(A), A), "identity_B": weight * F.l1_loss(m.G(B), B)}
    told = update(adams["generators"], terms)
    terms = {}
    for name, D, real, fake in (("D_A", m.D_A, A, m.pool_A(fake_A)), ("D_B", m.D_B, B, m.pool_B(fake_B))):
        terms[f"{name}_real"] = 0.5 * taken_for(True, D(real), c.gan)
        terms[f"{name}_fake"] = 0.5 * taken_for(False, D(fake.detach()), c.gan)
    return told | update(adams["discriminators"], terms)


def cut(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    c = m.config
    mirrored = c.flip and bool(torch.rand(()) < 0.5)
    fake = m.G(A.flip(-1) if mirrored else A)
    same = m.G(B) if c.identity_weight else None
    terms = {
        "D_real": 0.5 * taken_for(True, m.D(B), c.gan),
        "D_fake": 0.5 * taken_for(False, m.D(fake.detach()), c.gan),
    }
    told = update(adams["discriminator"], terms)
    share = 0.5 if c.halve and same is not None else 1.0
    terms = {"NCE": share * c.nce_weight * contrast(m, A, fake, mirrored)}
    if same is not None:
        terms["NCE_Y"] = share * c.identity_weight * contrast(m, B, same, False)
    terms["adv"] = c.gan_weight * fooled(m.D(fake), c.gan)
    return told | update(adams["generator"], terms)


def contrast(m: Method, source: Tensor, image: Tensor, mirrored: bool) -> Tensor:
    """PatchNCE: both images are encoded for it."""
    c = m.config
    keys, places = m.H(list(m.G.encode(source, c.layers).values()), c.patches)
    features = [f.flip(-1) if mirrored else f for f in m.G.encode(image, c.layers).values()]
    queries, _ = m.H(features, c.patches, places)
    keys = keys if c.key_gradient else [k.detach() for k in keys]
    found = [losses.patch_nce(q, k, c.tau) for q, k in zip(queries, keys, strict=True)]
    return sum(f.sum(1).mean() for f in found) if c.reduction == "sum" else sum(f.mean() for f in found) / len(found)


def spade(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    moments = () if m.E is None else m.E(B)
    fake = m.G(A, m.code(A, *(moments or (None, None))))
    terms = {"KL": m.config.kl_weight * losses.kl(*moments).mean()} if moments else {}
    return multiscale(m, A, fake, B, adams, terms, 1, 1)


def pix2pixhd(m: Method, A: Tensor, B: Tensor, adams: Adams) -> dict[str, float]:
    given, times = m.given(A), m.config.d_scales
    adversarial, matching = {"sum": (times, times), "code": (times, 1), "mean": (1, 1)}[m.config.reduction]
    return multiscale(m, given, m.G(given), B, adams, {}, adversarial, matching)


def multiscale(
    m: Method, given: Tensor, fake: Tensor, B: Tensor, adams: Adams, terms: dict, adversarial: int, matching: int
) -> dict[str, float]:
    """Both turns against a discriminator of several scales, which sees the real images anew in each."""
    c = m.config
    judged, real = m.D(torch.cat([given, fake], 1)), m.D(torch.cat([given, B], 1))
    n = len(judged)
    terms = {**terms, "adv": adversarial / n * sum(fooled(logits, c.gan) for logits, _ in judged)}
    apart = [
        F.l1_loss(f, r.detach())
        for (_, fs), (_, rs) in zip(judged, real, strict=True)
        for f, r in zip(fs, rs, strict=True)
    ]
    terms["matching"] = c.matching_weight * matching / n * sum(apart)
    net = backbones.perceptual(c.perceptual).to(B.device)
    terms["perceptual"] = c.perceptual_weight * losses.perceptual(net.features, fake, B, net.weights)
    told = update(adams["generator"], terms)
    real, judged = m.D(torch.cat([given, B], 1)), m.D(torch.cat([given, fake.detach()], 1))
    terms = {"D_real": adversarial / n * sum(taken_for(True, logits, c.gan) for logits, _ in real)}
    terms["D_fake"] = adversarial / n * sum(taken_for(False, logits, c.gan) for logits, _ in judged)
    return told | update(adams["discriminator"], terms)


STEPS: dict[str, Callable[..., dict[str, float]]] = {
    "pix2pix": pix2pix,
    "cyclegan": cyclegan,
    "cut": cut,
    "fastcut": cut,
    "spade": spade,
    "pix2pixhd": pix2pixhd,
    "grit": grit,
}
