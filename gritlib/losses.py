"""What is minimised, in the papers' symbols: pure functions of tensors, never computed in half precision.

D's outputs are logits. "Real" and "fake" terms are means over all patches and images of the batch.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

GANS = ("bce", "lsgan", "hinge")


def full(x: Tensor) -> Tensor:
    """float32 from half precision, float32 and float64 as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def d_adversarial(real: Tensor, fake: Tensor, kind: str = "bce") -> dict[str, Tensor]:
    """The discriminator's terms, one for real and one for fake logits.

    Args:
        real, fake: logits of any shape.
        kind: "bce" (Goodfellow et al. 2014, pix2pix), "lsgan" (Mao et al. 2017, CycleGAN; targets 1 and 0) or "hinge"
            (Lim & Ye 2017, SPADE).

    Raises:
        ValueError: unknown kind.
    """
    real, fake = full(real), full(fake)
    if kind == "bce":  # −log D(real), −log(1 − D(fake))
        return {"D_real": F.softplus(-real).mean(), "D_fake": F.softplus(fake).mean()}
    if kind == "lsgan":
        return {"D_real": (real - 1).square().mean(), "D_fake": fake.square().mean()}
    if kind == "hinge":
        return {"D_real": F.relu(1 - real).mean(), "D_fake": F.relu(1 + fake).mean()}
    raise ValueError(f"GAN loss {kind!r} is unknown: choose one of {', '.join(GANS)}")


def g_adversarial(fake: Tensor, kind: str = "bce") -> Tensor:
    """The generator's adversarial term; for "bce" the non-saturating −log D(fake), not the printed log(1 − D(fake)),
    whose gradient vanishes while D wins.

    Raises:
        ValueError: unknown kind.
    """
    fake = full(fake)
    if kind == "bce":
        return F.softplus(-fake).mean()
    if kind == "lsgan":
        return (fake - 1).square().mean()
    if kind == "hinge":
        return -fake.mean()
    raise ValueError(f"GAN loss {kind!r} is unknown: choose one of {', '.join(GANS)}")


def l1(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference: its minimiser is the conditional median."""
    return (full(image) - full(target)).abs().mean()


def l2(image: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference: its minimiser is the conditional mean."""
    return (full(image) - full(target)).square().mean()


def mix(image: Tensor, target: Tensor, weight: float = 0.5) -> Tensor:
    """weight·L1 + (1 − weight)·L2. The two have different units, so the balance depends on the images' scale."""
    return weight * l1(image, target) + (1 - weight) * l2(image, target)


PIXEL = {"l1": l1, "l2": l2, "mix": mix}


def pixel(image: Tensor, target: Tensor, kind: str = "l1") -> Tensor:
    """Pixel loss by name: "l1", "l2" or "mix".

    Raises:
        ValueError: unknown kind, or images of different shape (broadcasting would hide it).
    """
    if kind not in PIXEL:
        raise ValueError(f"pixel loss {kind!r} is unknown: choose one of {', '.join(PIXEL)}")
    if image.shape != target.shape:
        raise ValueError(f"pixel loss of shapes {tuple(image.shape)} and {tuple(target.shape)}: they must agree")
    return PIXEL[kind](image, target)


def perceptual(
    features: Callable[[Tensor], list[Tensor]], image: Tensor, target: Tensor, weights: Sequence[float] | None = None
) -> Tensor:
    """Σ_i w_i·‖φ_i(image) − φ_i(target)‖₁, means over positions, channels and images; nothing flows to the target.

    Args:
        features: images -> feature maps φ_i of a frozen network, preprocessing included. image, target: (B, 3, H, W) in
            [-1, 1]. weights: w_i, by default 1. Source: Johnson et al. 2016; L1 and weights as in pix2pixHD and SPADE.

    Raises:
        ValueError: numbers of weights and feature maps that differ.
    """
    with torch.no_grad():
        wanted = features(target)
    found = features(image)
    weights = [1.0] * len(found) if weights is None else weights
    if len(weights) != len(found):
        raise ValueError(f"{len(weights)} weights for {len(found)} feature maps: give one for each")
    return sum(w * l1(a, b) for w, a, b in zip(weights, found, wanted, strict=True))


def feature_matching(fake: Sequence[Sequence[Tensor]], real: Sequence[Sequence[Tensor]]) -> Tensor:
    """Mean L1 between a discriminator's intermediate activations for fake and for real images, which get no gradient.

    Args:
        fake, real: one list of activations for each scale of the discriminator, without the final logits. Averaged over
            scales, summed over layers. Source: pix2pixHD, as SPADE's code weighs it.

    Raises:
        ValueError: different numbers of scales or layers.
    """
    if [len(scale) for scale in fake] != [len(scale) for scale in real] or not fake:
        counts = [[len(scale) for scale in side] for side in (fake, real)]
        raise ValueError(f"activations of fake and real images differ in number, {counts[0]} and {counts[1]} a scale")
    pairs = [(a, b.detach()) for f, r in zip(fake, real, strict=True) for a, b in zip(f, r, strict=True)]
    return sum(l1(a, b) for a, b in pairs) / len(fake)


def patch_nce(q: Tensor, k: Tensor, tau: float = 0.07, others: Tensor | None = None, internal: bool = True) -> Tensor:
    """PatchNCE, ℓ(v, v⁺, v⁻) = −log of the softmax share of the positive, for each patch: which of the patches is this
    one's partner? With S patches all alike it is log S.

    Args:
        q, k: (B, S, C), unit vectors; q_s and k_s come from the same place, the other k of the same image are the
            negatives. tau: temperature. others: (M, C) unit vectors, further negatives for all, from other images.
            internal: are the image's own other patches negatives?

    Returns:
        (B, S). Whether anything flows into k is the caller's choice: the equation says nothing, the authors' code stops
        it. Source: Park et al. 2020, equations 3 and 4.

    Raises:
        ValueError: q and k of different shape, or no negative at all.
    """
    if q.shape != k.shape:
        raise ValueError(f"queries {tuple(q.shape)} and keys {tuple(k.shape)} must have the same shape")
    if not internal and others is None:
        raise ValueError("no negatives: internal is off and others is None")
    q, k = full(q), full(k)
    with torch.autocast(q.device.type, enabled=False):  # which would multiply in bfloat16
        logits = q @ k.transpose(1, 2) if internal else (q * k).sum(-1, keepdim=True)  # (B, S, S) or (B, S, 1)
        if others is not None:
            logits = torch.cat([logits, q @ full(others).T], -1)
    places = torch.arange(q.shape[1], device=q.device) if internal else q.new_zeros(q.shape[1], dtype=torch.int64)
    target = places.expand(len(q), -1)
    return F.cross_entropy(logits.flatten(0, 1) / tau, target.flatten(), reduction="none").view(q.shape[:2])


def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(μ, σ²) from N(0, 1) for each image, summed over the code: (B,). SPADE's code sums over the
    batch too; here that is left to the caller.

    Args:
        mu, logvar: (B, d), logvar = ln σ².
    """
    mu, logvar = full(mu), full(logvar)
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).flatten(1).sum(1)


def r1(real_logits: Tensor, real: Tensor) -> Tensor:
    """½·E‖∂D(real)/∂real‖², to be weighed by γ (Mescheder et al. 2018). The gradient is of the sum of each image's mean
    logit, so that a PatchGAN's number of patches does not matter (course decision; one logit an image is the paper's).

    Args:
        real_logits: D(real), (B, ...). real: (B, C, H, W), which requires a gradient.

    Raises:
        ValueError: real does not require a gradient.
    """
    if not real.requires_grad:
        raise ValueError("R1 needs the gradient on the real images: call real.requires_grad_() before D sees them")
    score = full(real_logits).flatten(1).mean(1).sum()
    (gradient,) = torch.autograd.grad(score, real, create_graph=True)
    return 0.5 * full(gradient).square().flatten(1).sum(1).mean()


def total(terms: dict[str, Tensor]) -> Tensor:
    """Sum of named terms: what one player minimises in its turn."""
    return torch.stack(list(terms.values())).sum()
