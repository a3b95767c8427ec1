"""The authors' checkpoints: read without running code that may stand in them, brought into one form, and compared with
the network tensor by tensor before anything is loaded.

A file fits when every tensor's name, kind and shape is the one that the authors' code would have written for this
network. Where its names are not exactly those (a number in a `Sequential` moves when a layer without weights is added),
order, kind and shape decide, and only such numbers may differ. What does not fit is named on both sides, with the
sizes or the network that the file would fit.
"""

import inspect
import itertools
import pickle
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from gritlib.nets.official import NAMES, official
from gritlib.nets.official_names import Slot, older_form, slots
from gritlib.nets.official_sizes import sizes_of

COUNTER = "num_batches_tracked"  # of batch norm; old files lack it, and with a momentum nothing reads it
STATISTICS = ("running_mean", "running_var")


class Misfit(ValueError):
    """The first tensor that does not fit, in words that go on after "the file"."""


def load_official(name: str, path_or_state_dict: str | Path | Mapping[str, Tensor], **sizes) -> nn.Module:
    """The authors' network with the weights of one of their checkpoints.

        net = load_official("resnet_9blocks", "checkpoints/horse2zebra/latest_net_G_A.pth")
        net.eval()
        fake = net(image)                                        # (B, 3, H, W) in [-1, 1]
        load_official("spade_generator", "latest_net_G.pth", labels=151)  # ADE20K
        torch.save(to_official(net), "latest_net_G.pth")         # and back, for their code

    Accepted are new and old files, with `module.` before the names, either form of spectral norm, and the running
    statistics that instance norm once stored, which are dropped. The result is a new network in float32, in training
    mode: pix2pix is tested by its authors as it is, with dropout and the batch's statistics, SPADE after `eval()`. No
    file tells padding, stride or dropout: they are the network's. Who trains on: PyTorch's newer spectral norm updates
    u before v, the older one v before u, so σ is half a power iteration from theirs.

    Args:
        name: one of `gritlib.nets.official.NAMES`. path_or_state_dict: a file, or what stood in it.
        sizes: as for `official`, where the checkpoint's network differs from the one of that name.

    Raises:
        FileNotFoundError: no such file. ValueError: an unknown name, a file that holds no state dict, or the first
            tensor that does not fit, with sizes that would.
    """
    with torch.random.fork_rng(devices=[]):  # what is drawn here is replaced: the caller's random state stays
        net = official(name, **sizes)
    where, state = read(path_or_state_dict)
    try:
        fitting = match(slots(net), state)
    except Misfit as misfit:
        raise ValueError(f"{where} does not fit {name!r}: {misfit}; {what_fits(name, state)}") from None
    net.load_state_dict(fitting)
    return net


def read(source: str | Path | Mapping[str, Tensor]) -> tuple[str, dict[str, Tensor]]:
    """What to call the source in a message, and its state dict in the older form of names.

    Raises:
        FileNotFoundError, ValueError: as `load_official`, for everything that is no state dict.
    """
    if isinstance(source, Mapping):
        where, content = "the state dict", source
    else:
        where, content = str(source), read_file(Path(source))
    if not isinstance(content, Mapping):
        raise ValueError(f"{where} holds a {type(content).__name__}, not a state dict: save net.state_dict()")
    if not content:
        raise ValueError(f"{where} holds an empty state dict: nothing was saved")
    if {"state", "param_groups"} <= content.keys():
        raise ValueError(f"{where} holds the state of an optimizer, not of a network: give the file of the network")
    if {"format", "method", "config"} <= content.keys():
        raise ValueError(f"{where} is a checkpoint of this project: gritlib.training.load_method reads it")
    strange = [key for key, value in content.items() if not (isinstance(key, str) and isinstance(value, Tensor))]
    if strange:
        inner = [key for key in strange if isinstance(content[key], Mapping)]
        advice = (
            f"give the entry that is one, of {', '.join(map(repr, inner))}" if inner else "it has to map to tensors"
        )
        raise ValueError(
            f"{where} is no state dict, {strange[0]!r} maps to a {type(content[strange[0]]).__name__}: {advice}"
        )
    state = dict(content)
    for prefix in ("module.", "_orig_mod."):  # of DataParallel and of torch.compile
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return where, complete_spectral({older_form(key): value for key, value in state.items()})


def read_file(path: Path):
    """What `torch.load` finds, or an error that says what was found instead."""
    if path.is_dir():
        inside = sorted(file.name for file in path.glob("*.pth")) or ["none"]
        raise ValueError(f"{path} is a folder: give one of its files; with the ending .pth: {', '.join(inside)}")
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist: give the path of a checkpoint such as latest_net_G.pth")
    if tarfile.is_tarfile(path):
        raise ValueError(
            f"{path} is a tar archive: unpack it if checkpoints lie in it. If it is one itself, as PyTorch's first "
            "versions wrote them, and you trust who made it, save torch.load(path, weights_only=False) with torch.save"
        )
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"Unsupported (?:global|class): (?:GLOBAL )?([\w.]+)", str(error))
        if found is None:
            raise ValueError(f"{path} is not a file that torch.save wrote") from None
        raise ValueError(
            f"{path} holds more than tensors ({found[1]}), which is not loaded because it could run code: if you trust "
            "who made it, load it with weights_only=False and save its state_dict()"
        ) from None
    except Exception as error:
        raise ValueError(f"{path} is not a file that torch.save wrote, or not all of it ({error})") from None


def complete_spectral(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first form of PyTorch's spectral norm stored the normalised weight and no v: drop the one, add the other."""
    complete = {}
    for key, value in state.items():
        layer, kind = key.rsplit(".", 1) if "." in key else ("", key)
        original, normalised = state.get(f"{layer}.weight_orig"), state.get(f"{layer}.weight")
        if original is None or kind != "weight":
            complete[key] = value
        if original is None or kind != "weight_u" or f"{layer}.weight_v" in state or value.shape != original.shape[:1]:
            continue
        matrix = original.flatten(1)
        v = nn.functional.normalize(matrix.T @ value, dim=0)
        if normalised is not None:  # σ = uᵀWv must be the number that they divided by
            v = v * (matrix / normalised.flatten(1)).nanmean() / (value @ matrix @ v)
        complete[f"{layer}.weight_v"] = v
    return complete


def match(wanted: Sequence[Slot], state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict from theirs.

    Raises:
        Misfit: at the first tensor whose name, kind, order or shape is not the one wanted.
    """
    tensors = {key: value for key, value in state.items() if not key.endswith(f".{COUNTER}")}
    if not any(slot.theirs.endswith(STATISTICS) for slot in wanted):  # instance norm stored them until PyTorch 0.4
        tensors = {key: value for key, value in tensors.items() if not key.endswith(STATISTICS)}
    counters = [slot for slot in wanted if slot.theirs.endswith(f".{COUNTER}")]
    wanted = [slot for slot in wanted if not slot.theirs.endswith(f".{COUNTER}")]
    names = [slot.theirs for slot in wanted]
    if tensors.keys() == set(names):
        tensors = {name: tensors[name] for name in names}  # some tools sort by name
    for slot, key in itertools.zip_longest(wanted, tensors):
        check(slot, key, tensors)
    found = {slot.ours: tensor for slot, tensor in zip(wanted, tensors.values(), strict=True) if slot.ours}
    same = dict(zip(names, tensors, strict=True))  # the file's name for each of theirs
    for slot in counters:
        layer = same[slot.theirs.replace(COUNTER, STATISTICS[1])].rsplit(".", 1)[0]
        found[slot.ours] = state.get(f"{layer}.{COUNTER}", torch.tensor(0))
    return found


def check(slot: Slot | None, key: str | None, tensors: Mapping[str, Tensor]) -> None:
    """Compare one tensor of the network with the one at its place in the file; either may be missing."""
    if slot is None:
        raise Misfit(f"it goes on with {key} of shape {tuple(tensors[key].shape)} where this network has ended")
    here = f" (here {slot.ours})" if slot.ours else ""
    want = f"this network wants {slot.theirs}{here} of shape {tuple(slot.tensor.shape)}"
    if key is None:
        raise Misfit(f"it ends where {want}")
    found = tensors[key]
    if without_numbers(key) != without_numbers(slot.theirs) or found.shape != slot.tensor.shape:
        raise Misfit(f"it has {key} of shape {tuple(found.shape)} where {want}")
    if slot.ours is None and not torch.allclose(found.to(slot.tensor), slot.tensor, atol=1e-4):
        raise Misfit(f"its {key} is not the binomial kernel that this network blurs with")


def without_numbers(name: str) -> str:
    """A name without its numbers in a `Sequential`; conv_0 and conv_1 stay different."""
    return re.sub(r"(?<![^.])\d+(?![^.])", "#", name)


def what_fits(name: str, state: Mapping[str, Tensor]) -> str:
    """The name and the sizes that the file does fit, tried out: `name` if it can be, and as few sizes as possible."""
    fitting = []
    for other, (build, defaults) in NAMES.items():
        usual = {k: p.default for k, p in inspect.signature(build).parameters.items()} | defaults
        try:
            sizes = {k: v for k, v in sizes_of(build, state).items() if usual[k] != v}
            with torch.random.fork_rng(devices=[]):
                net = official(other, **sizes)
            match(slots(net), state)
        except (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError):
            continue
        fitting.append((len(sizes), other != name, other, sizes))
    if not fitting:
        return f"nor does it fit any other network of the authors ({', '.join(NAMES)})"
    *_, best, sizes = min(fitting, key=lambda found: found[:2])
    return f"it fits load_official({', '.join([repr(best), '...', *(f'{k}={v!r}' for k, v in sizes.items())])})"
