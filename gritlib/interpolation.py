"""Deep Network Interpolation (Wang et al. 2019): a network between two of one architecture, by a weighted sum of their
weights.

    θ = (1 − α)·θ_a + α·θ_b

The paper fine-tunes the second network from the first, so that their weights correspond one by one; between networks
that were trained apart, what stands in the middle is no network at all. `similarity` says which of the two it is.
"""

import copy
import math
import warnings
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from gritlib.methods import Method
from gritlib.nets.blocks import has_batch_norm

JUDGES = ("D.", "D_A.", "D_B.")  # discriminators take no part in a translation
SHOWN = 3  # names of tensors in an error message


def interpolate(a: Mapping[str, Tensor], b: Mapping[str, Tensor], alpha: float) -> dict[str, Tensor]:
    """The state dict (1 − α)·a + α·b; neither of the two is changed.

    Sums are taken in float64 and rounded to the type of the weights. Whole numbers, such as batch norm's count of
    batches, have no middle: they are those of the nearer network. Beyond 0 and 1 the line goes on, with a warning.

    Args:
        a, b: state dicts with the same names, shapes and types. alpha: 0 gives a and 1 gives b, exactly.

    Raises:
        ValueError: names, shapes or types that differ, with the first of them, or an α that is no number.

    Source: Wang et al. 2019.
    """
    if not math.isfinite(alpha):
        raise ValueError(f"alpha = {alpha}: needed is a number, from 0 (the first network) to 1 (the second)")
    check_alike(a, b)
    if not 0 <= alpha <= 1:
        warnings.warn(
            f"alpha = {alpha:g} lies outside of [0, 1]: this goes on beyond one of the networks, where neither of them "
            "was trained to be",
            stacklevel=2,
        )
    if alpha in (0, 1):
        return {key: value.clone() for key, value in (b if alpha else a).items()}
    nearer = a if alpha < 0.5 else b
    return {
        key: torch.lerp(x.double(), b[key].to(x.device).double(), alpha).to(x.dtype)
        if x.is_floating_point()
        else nearer[key].clone()
        for key, x in a.items()
    }


def check_alike(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> None:
    """Raises ValueError for tensors that only one of the two has, or that differ in shape or type."""
    for one, other, which in ((a, b, "first"), (b, a, "second")):
        if alone := [key for key in one if key not in other]:
            more = f" and {len(alone) - SHOWN} more" if len(alone) > SHOWN else ""
            raise ValueError(
                f"only the {which} network has {', '.join(alone[:SHOWN])}{more}: both must have one architecture"
            )
    for key, x in a.items():
        for name, mine, theirs in (("shape", tuple(x.shape), tuple(b[key].shape)), ("type", x.dtype, b[key].dtype)):
            if mine != theirs:
                remedy = "build both with the same settings" if name == "shape" else "convert one, as with .float()"
                raise ValueError(f"{key} has {name} {mine} in the first network and {theirs} in the second: {remedy}")


def blend(a: Method, b: Method, alpha: float, batches: Iterable[dict[str, Tensor]] | None = None) -> Method:
    """A trained method between two others, in eval mode; both stay as they are.

    Args:
        a, b: of one class and architecture, best with b fine-tuned from a. Discriminators may differ: a's is kept.
        alpha: see `interpolate`. batches: training batches from which `Method.finish` takes what does not follow from
            the weights: batch norm's running statistics, and the mean style code of a GRIT, which is interpolated
            without them.

    Raises:
        ValueError: two methods that do not fit each other, or batch norm and no batches.
    """
    if a.name != b.name:
        raise ValueError(f"the first network is {a.name}, the second {b.name}: there is nothing between two methods")
    twin = copy.deepcopy(a)
    mine, theirs = (
        {key: value for key, value in method.state_dict().items() if not key.startswith(JUDGES)} for method in (a, b)
    )
    twin.load_state_dict({**a.state_dict(), **interpolate(mine, theirs, alpha)})
    if batches is not None:
        twin.finish(batches)
    elif any(has_batch_norm(net) for name, net in twin.named_children() if f"{name}." not in JUDGES):
        raise ValueError(
            "these networks have batch norm, whose running statistics belong to the weights they were measured with: "
            "give some training batches, blend(a, b, alpha, batches)"
        )
    return twin.eval()


def similarity(a: Method, b: Method) -> float:
    """Cosine between the weights of two networks, as one long list: near 1 for a network and its fine-tuned copy, near
    0 for two that were trained apart.

    Biases and the scales of normalisation layers are left out: they begin at the same values in every network.

    Raises:
        ValueError: two methods that do not fit each other.
    """
    mine, theirs = (
        {key: value for key, value in method.state_dict().items() if not key.startswith(JUDGES)} for method in (a, b)
    )
    check_alike(mine, theirs)
    x, y = (
        torch.cat([state[key].double().flatten() for key, value in mine.items() if value.ndim >= 2])
        for state in (mine, theirs)
    )
    return (x @ y / (x.norm() * y.norm())).item()
