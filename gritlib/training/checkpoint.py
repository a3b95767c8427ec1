"""Checkpoints: one file of tensors and plain data, loadable with `weights_only=True`, never half-written.

The configuration travels inside, so loading rebuilds the method; no option need be repeated. A step's randomness
follows from (seed, step), so a checkpoint needs no random state.
"""

import os
from pathlib import Path

import torch
from torch import Tensor

from gritlib.methods import Method, build

FORMAT = 1


def save(content: dict, path: str | Path) -> Path:
    """Write atomically: to a temporary name in the same folder, flushed to disk, then renamed. Killed at any moment,
    the old file or the new one is there, whole."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f".{path.name}.*.tmp"):  # of a process killed while it wrote
        abandoned.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            torch.save({"format": FORMAT, **content}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def taken_up(content: dict, device: torch.device) -> list[tuple[int, dict[str, Tensor]]]:
    """The losses of a log line that a stop cut short, as (step, named losses): the resumed run ends the line."""
    pending: dict[int, dict[str, Tensor]] = {}
    for name, step, value in content.get("unfinished", ()):
        pending.setdefault(step, {})[name] = torch.tensor(value, device=device)
    return list(pending.items())


def write_text(text: str, path: Path) -> None:
    """As `save`, for a small text file: a file that exists is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: str | Path) -> dict:
    """The content of a checkpoint: format, method, config, training, source, step, state (all weights),
    averaged (what differs from state when averages are used), optimizers, history, unfinished (losses of a log line
    that a stop cut short), best (metric, step and score of best.pt), versions.

    Args:
        path: the file, or a run folder that holds `checkpoint.pt`.

    Raises:
        FileNotFoundError: no such file. ValueError: not a checkpoint of this project, or of a newer format.
    """
    path = Path(path)
    path = path / "checkpoint.pt" if path.is_dir() else path
    if not path.exists():
        raise FileNotFoundError(f"no checkpoint at {path}: give a run folder or its checkpoint.pt")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ValueError(f"{path} is not a gritlib checkpoint: give a run folder or its checkpoint.pt") from error
    if not isinstance(content, dict) or "format" not in content:
        raise ValueError(f"{path} is not a gritlib checkpoint (no format number): it was written by something else")
    if content["format"] > FORMAT:
        raise ValueError(f"{path} has format {content['format']}, this gritlib reads up to {FORMAT}: update gritlib")
    return content


def load_method(path: str | Path, ema: bool = True, **pieces) -> Method:
    """Rebuild a trained method, in eval mode.

    Args:
        path: run folder or file. ema: carry the averaged weights (as `Run.method` does) or the last ones.
        pieces: a student's own networks, if the method was trained with some.

    Raises:
        FileNotFoundError, ValueError: as `read`; ValueError: the weights do not fit, naming the keys.
    """
    content = read(path)
    method = build(content["method"], content["config"], **pieces)
    try:
        method.load_state_dict({**content["state"], **(content["averaged"] if ema else {})})
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {path} do not fit its configuration; if it was trained with networks of your own, give "
            f"them: load_method(path, generator=...). {error}"
        ) from error
    return method.eval()


# Settings of a run that change nothing in its weights.
FREE = ("minutes", "log_every", "sample_every", "save_every", "device", "recompute", "compile")
FREE += ("keep_last", "keep_best", "tensorboard")


def described(source) -> dict:
    """What a checkpoint says of the data."""
    return source.describe() if hasattr(source, "describe") else {}


def check_same(content: dict, given: dict, where: Path) -> None:
    """Refuse to resume what would become another run.

    Args:
        content: of a checkpoint. given: method, config, training and source of the run that wants to go on; a source
            that does not say what it is (a student's own) is not compared.

    Raises:
        ValueError: naming each setting that differs, as it was and as it is.
    """
    for part, now in given.items():
        then = content[part]
        if isinstance(now, dict):
            keys = [k for k in {**then, **now} if k not in FREE and then.get(k) != now.get(k)] if then and now else []
            changed = [f"{k} {then.get(k)!r} -> {now.get(k)!r}" for k in keys]
        else:
            changed = [f"{then!r} -> {now!r}"] if then != now else []
        if changed:
            raise ValueError(
                f"cannot resume {where}, its {part} differs ({', '.join(changed)}): give the same settings, or choose "
                f"another folder"
            )
