"""Plain data as bytes and back: tensors in safetensors' format, the rest as JSON. No pickle, so bytes from an untrusted
process can be read.
"""

import json
import math

import torch
from torch import Tensor

KEY = "value"


def pack(value) -> bytes:
    """Nested dicts (with string keys), lists and tuples of tensors, numbers, strings, booleans and None as bytes.

    Raises:
        TypeError: a value of another kind, naming where it stands.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    tree = _flatten(value, tensors, "")
    return save(tensors or {"": torch.zeros(0)}, {KEY: json.dumps(tree)})


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
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{len(data)} bytes that are no packed value: {error}") from error


def copied(value):
    """A deep copy of plain data, without gradients."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(copied(item) for item in value)
    return value


def _flatten(value, tensors: dict[str, Tensor], where: str):
    if isinstance(value, Tensor):
        name = f"t{len(tensors)}"
        # A copy each: safetensors refuses tensors that share memory.
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys {list(value)[:3]} at {where or 'the top'}: only strings can be sent")
        return {"dict": {key: _flatten(item, tensors, f"{where}.{key}") for key, item in value.items()}}
    if isinstance(value, (list, tuple)):
        items = [_flatten(item, tensors, f"{where}[{i}]") for i, item in enumerate(value)]
        return {type(value).__name__ if type(value) in (list, tuple) else "tuple": items}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {"plain": value}
    raise TypeError(f"a {type(value).__name__} at {where or 'the top'} cannot be sent: tensors and plain data only")


def _build(tree: dict, tensors: dict[str, Tensor]):
    ((kind, content),) = tree.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _build(item, tensors) for key, item in content.items()}
    if kind in ("list", "tuple"):
        return {"list": list, "tuple": tuple}[kind](_build(item, tensors) for item in content)
    if kind == "float":
        return float(content)
    if kind == "plain":
        return content
    raise ValueError(f"kind {kind!r}")
