"""Shipped weights: trained methods of about a megabyte, for lessons that show or continue what takes longer to train.

Generators alone, with the style encoder where there is one, and with discriminators only where a lesson trains on.
Half precision, without optimizer and image buffers; batch norm's statistics are part of it. Each file has a card that
says how it was trained and on what, what it scores, and the command that trains it again.
"""

from importlib import resources
from pathlib import Path

import torch
from torch import nn

from gritlib.methods import Method, build
from gritlib.nets import ResNetGenerator
from gritlib.weights import files
from gritlib.weights.cards import NAMES, TEXTS, written

__all__ = ["NAMES", "TEXTS", "about", "card", "hand_over", "load", "load_file", "pack", "path"]

POOLS = "pool_"  # buffers of old images


def path(name: str) -> Path:
    """The file of some weights.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    if name not in NAMES:
        raise ValueError(f"weights {name!r} are unknown: choose one of {', '.join(NAMES)}")
    return Path(str(resources.files("gritlib.weights") / f"{name}.safetensors"))


def about(name: str) -> dict:
    """What the file of some weights says of itself: method, config, left_out, data, steps, batch_size, seed, device,
    scores on the test split, and the L1 of six places. Raises as `load`."""
    return files.about_file(path(name))


def card(name: str) -> str:
    """What a person must know before using some weights: training, scores, what was seen, licence, and the command
    that trains them again. Raises as `load`."""
    return written(name, about(name), path(name).stat().st_size)


def load(name: str) -> Method:
    """A trained method, in float32 and eval mode. What was not stored, such as a buffer of old images, is as new.

    Raises:
        ValueError: unknown name, listing the known ones; else as `load_file`.
    """
    return load_file(path(name))


def load_file(file: str | Path) -> Method:
    """As `load`, from any file that `pack` wrote.

    Raises:
        FileNotFoundError: no such file. ValueError: a file that is cut off or of another kind, or weights that do not
            fit the method they name.
    """
    said, state = files.read(file)
    config = {key: tuple(value) if isinstance(value, list) else value for key, value in said["config"].items()}
    method, name = build(said["method"], config), Path(file).stem
    weights = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    try:
        missing = method.load_state_dict(weights, strict=False)
    except RuntimeError as error:  # a tensor of another shape
        raise ValueError(f"weights {name} do not fit {said['method']}: {error}") from error
    allowed = tuple(said.get("left_out", (POOLS,)))
    lost = [*missing.unexpected_keys, *(key for key in missing.missing_keys if not key.startswith(allowed))]
    if lost:
        raise ValueError(f"weights {name} do not fit {said['method']}: {', '.join(lost[:3])}")
    return method.eval()


def pack(method: Method, file: str | Path, left_out: tuple[str, ...] = (POOLS,), facts: dict | None = None) -> Path:
    """Write a method's weights as a file that `load_file` reads, in half precision.

    Args:
        left_out: beginnings of the names that are not stored, and as new after loading; by default image buffers.
        facts: plain data for the card.

    Raises:
        ValueError: a number too large for half precision.
    """
    state = {key: value for key, value in method.state_dict().items() if not key.startswith(left_out)}
    said = {"method": method.name, "config": vars(method.config), "left_out": list(left_out)}
    return files.write(files.halved(state), {**said, **(facts or {})}, file)


@torch.no_grad()
def hand_over(shipped: ResNetGenerator, own: ResNetGenerator) -> ResNetGenerator:
    """Copy a generator's weights to one with residual blocks of another class, by kind and order: first convolution to
    first convolution, second norm to second norm. Returns `own`.

    A convolution of the other class may have a bias where the shipped one has none: a norm follows, so it becomes zero.

    Args:
        shipped: gritlib's blocks. own: the same sizes, with blocks of your class.

    Raises:
        ValueError: a block without two convolutions, or without as many norms with weights as the shipped one.
    """
    outside = {key: value for key, value in shipped.state_dict().items() if not key.startswith("res.")}
    own.load_state_dict(outside, strict=False)
    for number, (given, block) in enumerate(zip(shipped.res, own.res, strict=True), 1):
        for kind, word in ((nn.Conv2d, "convolutions"), (nn.BatchNorm2d, "batch norms")):
            ours, theirs = ([m for m in one.modules() if isinstance(m, kind)] for one in (given, block))
            if len(theirs) != len(ours):
                raise ValueError(
                    f"residual block {number} has {len(theirs)} {word}, the shipped one has {len(ours)}: build two "
                    "convolutions, and norm(channels) twice, one norm for each of them"
                )
            for a, b in zip(ours, theirs, strict=True):
                if kind is nn.Conv2d and a.bias is None and b.bias is not None:
                    b.bias.zero_()
                b.load_state_dict(a.state_dict(), strict=kind is not nn.Conv2d)
    return own
