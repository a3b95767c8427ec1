"""A file of weights: safetensors in half precision, with what rebuilds the method as JSON in the header. Nothing in it
can run code when it is read, and a file that is not whole is refused."""

import json
import os
from pathlib import Path

from torch import Tensor

FORMAT = 1
KEY = "gritlib"  # the header's only entry: one JSON object


def write(state: dict[str, Tensor], about: dict, file: str | Path) -> Path:
    """Write a file atomically: the old one stays until the new one is complete.

    Args:
        state: tensors by name. about: plain data, such as method and config; tuples come back as lists.
    """
    from safetensors.torch import save

    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    text = json.dumps({"format": FORMAT, **about}, ensure_ascii=False)
    try:
        # Not save_file, whose files only their owner may read.
        temporary.write_bytes(save({key: value.contiguous() for key, value in state.items()}, {KEY: text}))
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)
    return file


def read(file: str | Path) -> tuple[dict, dict[str, Tensor]]:
    """What `write` was given: (about, state).

    Raises:
        FileNotFoundError: no such file. ValueError: as `about_file`.
    """
    from safetensors import safe_open

    about = about_file(file)
    with safe_open(file, "pt") as content:
        return about, {key: content.get_tensor(key) for key in content.keys()}  # noqa: SIM118, it is no dictionary


def about_file(file: str | Path) -> dict:
    """The JSON of a file's header, without its tensors.

    Raises:
        FileNotFoundError: no such file. ValueError: no safetensors, cut off, written by something else, or of a newer
            format.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(file)
    if not file.is_file():
        raise FileNotFoundError(f"no weights at {file}: install gritlib again, or train them")
    try:
        with safe_open(file, "pt") as content:
            text = (content.metadata() or {}).get(KEY)
    except SafetensorError as error:
        size = file.stat().st_size
        raise ValueError(f"{file}, {size:,} bytes, is cut off or no safetensors ({error}): get it again") from error
    try:
        about = json.loads(text or "null")
    except json.JSONDecodeError:
        about = None
    if not isinstance(about, dict) or not {"format", "method", "config"} <= set(about):
        raise ValueError(f"{file} does not say which method it holds: only files of gritlib.weights.pack are read")
    if about["format"] > FORMAT:
        raise ValueError(f"{file} has format {about['format']}, this gritlib reads up to {FORMAT}: update gritlib")
    return about


def halved(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, floating-point numbers in half precision.

    Raises:
        ValueError: a number that half precision cannot hold, naming its tensor.
    """
    found = {}
    for key, value in state.items():
        found[key] = value.detach().cpu()
        if value.is_floating_point():
            found[key] = found[key].half()
            if not found[key].isfinite().all():
                largest = value.abs().max()
                raise ValueError(f"{key} holds {largest:g}, and half precision ends at 65504: it cannot be packed")
    return found
