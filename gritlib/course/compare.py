"""What differs between two pieces of plain data, in words a student can act on: got, wanted, largest difference."""

import math
from numbers import Number

import torch
from torch import Tensor


def difference(got, wanted, rtol: float, atol: float, name: str = "") -> str | None:
    """The first thing in which got is not wanted, or None.

    Numbers are equal when |got − wanted| ≤ atol + rtol·|wanted|; NaN equals nothing. Tensors must also agree in shape
    and dtype, containers in their keys or length.

    Args:
        name: of the value, for the message.
    """
    at = f"{name}: " if name else ""
    if isinstance(wanted, Tensor):
        return _tensors(got, wanted, rtol, atol, at)
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or set(got) != set(wanted):
            keys = sorted(map(str, got)) if isinstance(got, dict) else type(got).__name__
            return f"{at}got {keys}, wanted a dict with the keys {sorted(wanted)}"
        triples = ((got[key], wanted[key], f"{name}.{key}" if name else key) for key in wanted)
        return next((d for g, w, n in triples if (d := difference(g, w, rtol, atol, n))), None)
    if isinstance(wanted, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(wanted):
            return f"{at}got {brief(got)}, wanted {brief(wanted)}"
        triples = ((g, w, f"{name}[{i}]") for i, (g, w) in enumerate(zip(got, wanted, strict=True)))
        return next((d for g, w, n in triples if (d := difference(g, w, rtol, atol, n))), None)
    if isinstance(wanted, Number) and not isinstance(wanted, bool):
        if isinstance(got, Tensor) and got.numel() == 1:
            got = got.item()
        if not isinstance(got, Number) or isinstance(got, bool):
            return f"{at}got {brief(got)}, wanted the number {wanted:.6g}"
        if abs(got - wanted) <= atol + rtol * abs(wanted) or got == wanted:
            return None
        return f"{at}got {got:.6g}, wanted {wanted:.6g}, difference {abs(got - wanted):.3g}"
    return None if type(got) is type(wanted) and got == wanted else f"{at}got {brief(got)}, wanted {brief(wanted)}"


def same(a, b) -> bool:
    """Are two outcomes the same to rounding? NaN equals NaN here: two wrong answers may fail alike."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.shape == b.shape and torch.allclose(a.double(), b.double(), 1e-6, 1e-9, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
    return type(a) is type(b) and a == b


def brief(value, limit: int = 90) -> str:
    """A value in at most `limit` letters: tensors by their shape and, when short, their numbers."""
    if isinstance(value, Tensor):
        shape = "x".join(map(str, value.shape)) or "0-d"
        numbers = f" [{', '.join(f'{x:.5g}' for x in value.flatten().tolist())}]" if value.numel() <= 6 else ""
        text = f"tensor {shape} {str(value.dtype).removeprefix('torch.')}{numbers}"
    elif isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {brief(item, 30)}" for key, item in value.items()) + "}"
    else:
        text = repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _tensors(got, wanted: Tensor, rtol: float, atol: float, at: str) -> str | None:
    if not isinstance(got, Tensor):
        return f"{at}got {brief(got)}, wanted a {brief(wanted)}"
    if got.shape != wanted.shape:
        return f"{at}got shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
    if got.dtype != wanted.dtype:
        return f"{at}got {got.dtype}, wanted {wanted.dtype}: keep the dtype of the input"
    a, b = got.detach().double(), wanted.detach().double()
    close = torch.isclose(a, b, rtol, atol)
    if bool(close.all()):
        return None
    if not bool(a.isfinite().all()) and bool(b.isfinite().all()):
        return f"{at}got {int((~a.isfinite()).sum())} values that are NaN or infinite"
    gap = (a - b).abs().nan_to_num(math.inf)
    worst = int(gap.argmax())
    place = tuple(int(i) for i in torch.unravel_index(torch.tensor(worst), wanted.shape)) if wanted.ndim else ()
    there = f" at {list(place)}" if wanted.numel() > 1 else ""
    got_value, wanted_value = a.flatten()[worst].item(), b.flatten()[worst].item()
    return f"{at}got {got_value:.6g}, wanted {wanted_value:.6g}{there}, largest difference {gap.max().item():.3g}"
