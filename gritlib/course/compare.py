"""What a student is told: how two pieces of plain data differ (got, wanted, largest difference), where code failed."""

import cmath
import math
import re
import traceback
from pathlib import Path
from types import CodeType

import numpy as np
import torch
from torch import Tensor

STUB = "is yours to write"  # how the message of a stub's NotImplementedError ends
NO_RETURN = ": is a `return` missing?"


def difference(got, wanted, rtol: float, atol: float, name: str = "") -> str | None:
    """The first thing in which got is not wanted, or None.

    Numbers are equal when |got − wanted| ≤ atol + rtol·|wanted|; NaN equals nothing. Tensors must also agree in shape
    and dtype, containers in their keys or length.

    Args:
        name: of the value, for the message.
    """
    at = f"{name}: " if name else ""
    got, wanted = (value.item() if isinstance(value, np.generic) else value for value in (got, wanted))
    if got is None and wanted is not None:
        return f"{at}got None{NO_RETURN}"
    if isinstance(wanted, Tensor):
        return _tensors(got, wanted, rtol, atol, at)
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or set(got) != set(wanted):
            keys = brief(sorted(map(str, got)), 200) if isinstance(got, dict) else brief(got)
            return f"{at}got {keys}, wanted a dict with the keys {sorted(wanted)}"
        triples = ((got[key], wanted[key], f"{name}.{key}" if name else key) for key in wanted)
        return next((d for g, w, n in triples if (d := difference(g, w, rtol, atol, n))), None)
    if isinstance(wanted, (list, tuple)):
        if not isinstance(got, (list, tuple)) or len(got) != len(wanted):
            return f"{at}got {brief(got)}, wanted {brief(wanted)}"
        triples = ((g, w, f"{name}[{i}]") for i, (g, w) in enumerate(zip(got, wanted, strict=True)))
        return next((d for g, w, n in triples if (d := difference(g, w, rtol, atol, n))), None)
    if (goal := number(wanted)) is not None:
        if (value := number(got)) is None:
            return f"{at}got {brief(got)}, wanted the number {brief(goal)}"
        try:
            gap, allowed = float(abs(value - goal)), atol + rtol * abs(goal)
        except OverflowError:  # an integer beyond the range of floats
            gap, allowed = math.inf, 0.0
        if isinstance(value, int) and isinstance(goal, int):
            allowed = atol  # counts are exact
        if value == goal or gap <= allowed < math.inf:
            return None
        return f"{at}got {brief(value)}, wanted {brief(goal)}, difference {gap:.3g}"
    return None if type(got) is type(wanted) and got == wanted else f"{at}got {brief(got)}, wanted {brief(wanted)}"


def returned(value, wanted: str) -> str:
    """What is said of a value that is not of the kind asked for."""
    return f"your function returned {brief(value)}, wanted {wanted}" + ("" if value is not None else NO_RETURN)


def same(a, b) -> bool:
    """Are two outcomes the same to rounding? NaN equals NaN here: two wrong answers may fail alike."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        if a.shape != b.shape or a.is_complex() != b.is_complex() or not (_plain(a) and _plain(b)):
            return False
        return torch.allclose(_wide(a), _wide(b), 1e-6, 1e-9, equal_nan=True)
    if isinstance(a, dict) and isinstance(b, dict):
        return set(a) == set(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    x, y = number(a), number(b)
    if x is not None and y is not None:
        try:
            return cmath.isclose(x, y, rel_tol=1e-6, abs_tol=1e-9) or (x != x and y != y)
        except OverflowError:
            return x == y
    try:
        return type(a) is type(b) and bool(a == b)
    except Exception:  # a student's object may refuse to be compared
        return False


def number(value) -> int | float | complex | None:
    """A number as Python's own, also from numpy or a tensor of one element; None for all else, booleans too."""
    if isinstance(value, np.generic) or (isinstance(value, Tensor) and value.numel() == 1 and _plain(value)):
        value = value.item()
    if isinstance(value, bool):
        return None
    # Of the plain kind, so that a class with its own idea of equality has no say.
    return next((kind.__add__(value, kind(0)) for kind in (int, float, complex) if isinstance(value, kind)), None)


def brief(value, limit: int = 90) -> str:
    """A value in at most `limit` letters: tensors by their shape and, when short, their numbers."""
    if limit < 4:
        return "…"
    try:
        text = " ".join(re.sub(r" at 0x[0-9a-fA-F]+", "", _words(value, limit // 3)).split())
    except Exception:  # a student's object may fail to describe itself
        text = f"a {type(value).__name__}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def first_line(error: BaseException) -> str:
    """Of an exception's message."""
    try:
        return (str(error).splitlines() or [""])[0]
    except Exception:  # a student's exception may fail to describe itself
        return ""


def unwritten(error: BaseException | None) -> bool:
    """Is it a stub's? Torch raises NotImplementedError too, for kinds of tensors and paddings it does not know."""
    return isinstance(error, NotImplementedError) and (not first_line(error) or first_line(error).endswith(STUB))


def student_traceback(error: BaseException, call) -> str:
    """The traceback without gritlib's frames: from what `call` called, or the line of `call` that failed itself."""
    ours, top = set(_nested(call.__code__)), error.__traceback__
    while top and top.tb_next and (top.tb_frame.f_code not in ours or top.tb_next.tb_frame.f_code in ours):
        top = top.tb_next
    story = traceback.TracebackException(type(error), error, (top and top.tb_next) or top)
    machinery = str(Path(__file__).with_name("observe.py"))
    story.stack[:] = [frame for frame in story.stack if frame.filename != machinery]
    lines = "".join(story.format()).splitlines()
    if len(lines) > 60:  # functions that call each other without end
        lines[30:-20] = [f"  … {len(lines) - 50} more lines"]
    return "\n".join(lines)


def _nested(code: CodeType):
    """A function's code and that of the comprehensions and functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _words(value, limit: int) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Tensor):
        shape = "x".join(map(str, value.shape)) or "0-d"
        short = value.numel() <= 6 and _plain(value)
        numbers = f" [{', '.join(f'{x:.5g}' for x in value.flatten().tolist())}]" if short else ""
        return f"tensor {shape} {str(value.dtype).removeprefix('torch.')}{numbers}"
    if isinstance(value, (float, complex)):
        return f"{value:.6g}"
    if isinstance(value, int) and value.bit_length() > 300:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {brief(item, limit)}" for key, item in list(value.items())[:30]) + "}"
    if isinstance(value, (list, tuple)):
        items = ", ".join(brief(item, limit) for item in value[:30])
        return f"[{items}]" if isinstance(value, list) else f"({items}{',' if len(value) == 1 else ''})"
    return repr(value)


def _plain(tensor: Tensor) -> bool:
    """Does it hold its values, one by one?"""
    return tensor.layout == torch.strided and not tensor.is_meta


def _wide(tensor: Tensor) -> Tensor:
    return tensor.detach().cpu().to(torch.complex128 if tensor.is_complex() else torch.float64)


def _tensors(got, wanted: Tensor, rtol: float, atol: float, at: str) -> str | None:
    if not isinstance(got, Tensor):
        return f"{at}got {brief(got)}, wanted a {brief(wanted)}"
    if got.shape != wanted.shape:
        return f"{at}got shape {tuple(got.shape)}, wanted {tuple(wanted.shape)}"
    if got.dtype != wanted.dtype:
        return f"{at}got {got.dtype}, wanted {wanted.dtype}: another dtype"
    if not _plain(got):
        return f"{at}got a tensor that does not hold its values (sparse, or on meta), wanted a plain one"
    a, b = _wide(got), _wide(wanted)
    close = torch.isclose(a, b, rtol, atol)
    if bool(close.all()):
        return None
    gap = (a - b).abs().nan_to_num(math.inf, math.inf)
    worst = int(torch.where(close, -1.0, gap).argmax())
    # numpy's, since torch's own makes the first wrong answer wait a second for an import
    there = f" at {[int(i) for i in np.unravel_index(worst, wanted.shape)]}" if wanted.numel() > 1 else ""
    got_value, wanted_value = a.flatten()[worst].item(), b.flatten()[worst].item()
    both = f"got {got_value:.6g}, wanted {wanted_value:.6g}{there}"
    broken = int((~a.isfinite()).sum())
    if broken and bool(b.isfinite().all()):
        return f"{at}{both}; {broken} of {a.numel()} values are NaN or infinite"
    return f"{at}{both}, largest difference {gap.flatten()[worst].item():.3g}"
