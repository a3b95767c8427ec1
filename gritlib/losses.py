"""What is minimised, in the papers' symbols: pure functions of tensors, never computed in half precision.

D's outputs are logits. "Real" and "fake" terms are means over all patches and images of the batch.
"""

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


def total(terms: dict[str, Tensor]) -> Tensor:
    """Sum of named terms: what one player minimises in its turn."""
    return torch.stack(list(terms.values())).sum()
