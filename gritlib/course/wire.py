"""Plain data as bytes and back: tensors in safetensors' format, the rest as JSON. No pickle, so bytes from an untrusted
process can be read.
"""

import json
import math

import numpy as np
import torch
from torch import Tensor

KEY = "value"
DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
LONGEST = 10_000  # bits of an integer: Python refuses to read or write more than 4,300 digits


def pack(value) -> bytes:
    """Nested dicts (with string keys), lists and tuples of tensors, numbers, strings, booleans and None as bytes.

    Raises:
        TypeError: a value of another kind, naming where it stands.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    try:
        tree = json.dumps(_flatten(value, tensors, ""))
    except RecursionError:
        raise TypeError("a value nested too deeply, or containing itself, cannot be sent") from None
    return save(tensors or {"": torch.zeros(0)}, {KEY: tree})


def unpack(data: bytes):
    """Inverse of `pack`.

    Raises:
        ValueError: bytes that `pack` did not write.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
        length = int.from_bytes(data[:8], "little")
        tree = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][KEY])
        return _build(tree, tensors)
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"{len(data)} bytes that are no packed value: {error}") from error


def copied(value):
    """A deep copy of plain data, without gradients, laid out in memory as `unpack` lays it out."""
    if isinstance(value, Tensor):
        return value.detach().clone(memory_format=torch.contiguous_format)
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return (list if isinstance(value, list) else tuple)(map(copied, value))
    return value


def _flatten(value, tensors: dict[str, Tensor], where: str):
    at = where or "the top"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, Tensor):
        if value.layout != torch.strided or value.is_meta:
            raise TypeError(f"a tensor without plain values at {at} cannot be sent")
        if value.is_complex():
            return {"complex": _flatten(torch.view_as_real(value.resolve_conj()), tensors, where)}
        if value.dtype not in DTYPES:
            raise TypeError(f"a tensor of {value.dtype} at {at} cannot be sent")
        name = f"t{len(tensors)}"
        # A copy each: safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().resolve_neg().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys {list(value)[:3]} at {at}: only strings can be sent")
        return {"dict": {key: _flatten(item, tensors, f"{where}.{key}") for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        items = [_flatten(item, tensors, f"{where}[{i}]") for i, item in enumerate(value)]
        return {"list" if isinstance(value, list) else "tuple": items}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(float(value))}
    if isinstance(value, int) and value.bit_length() > LONGEST:
        raise TypeError(f"an integer of {value.bit_length()} bits at {at} cannot be sent")
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"plain": value}
    raise TypeError(f"a {type(value).__name__} at {at} cannot be sent: tensors and plain data only")


def _build(tree: dict, tensors: dict[str, Tensor]):
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "complex":
        return torch.view_as_complex(_build(content, tensors))
    if kind == "dict":
        return {key: _build(item, tensors) for key, item in content.items()}
    if kind in ("list", "tuple") and isinstance(content, list):
        return {"list": list, "tuple": tuple}[kind](_build(item, tensors) for item in content)
    if kind == "float" and content in ("nan", "inf", "-inf"):
        return float(content)
    if kind == "plain" and not isinstance(content, (list, dict)):
        return content
    raise ValueError(f"kind {str(kind)!r} with a {type(content).__name__}")
