"""Files in, files out: a trained run applied to images of any size."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gritlib import tiles
from gritlib.data import images
from gritlib.data.folders import SUFFIXES, resize
from gritlib.data.source import check_labels, one_hot, to_float
from gritlib.methods import Method
from gritlib.nets import Output
from gritlib.nets.grit import Noise
from gritlib.training import checkpoint
from gritlib.training.device import best_device


def read_input(path: Path, source: dict, in_channels: int, size: int | None = None) -> Tensor:
    """An input file as a network of this run takes it, (1, C, H, W): one-hot for label maps.

    Args:
        source: what the checkpoint says about its data (`Source.describe`). size: shorter side to scale to first.

    Raises:
        ValueError: unknown label ids, or another number of channels; names the file.
    """
    if source.get("classes"):
        label = images.read_labels(path)
        check_labels(label, source["classes"], str(path))
        label = label if size is None else resize(label, size)
        return one_hot(torch.from_numpy(label.astype(np.int64))[None], len(source["classes"]))
    image = images.read_image(path)
    if image.shape[2] != in_channels:
        raise ValueError(
            f"{path} has {image.shape[2]} channels, this run was trained on inputs of {in_channels}: convert it"
        )
    return to_float((image if size is None else resize(image, size))[None])


def padded(method: Method, A: Tensor, plan: tiles.Plan | None = None, **how) -> Output:
    """`method.translate` for any image size: the input is enlarged at its lower and right edge, by repeating the last
    pixels, to sides that the network takes, and the output is cropped back. With a plan it goes tile by tile."""
    height, width = A.shape[-2:]
    extra = [-side % method.multiple for side in (height, width)]
    A = torch.nn.functional.pad(A, (0, extra[1], 0, extra[0]), mode="replicate")
    out = method.translate(A, **how) if plan is None else tiles.translate(method, A, plan, **how)
    return Output(*(None if part is None else part[..., :height, :width] for part in out))


def translate_files(
    run: Path,
    source: Path,
    target: Path,
    style: Path | None = None,
    noise: Noise = "fresh",
    parts: bool = False,
    size: int | None = None,
    tile: int | None = None,
    overlap: int | None = None,
) -> list[Path]:
    """Translate an image, or every image of a folder.

    Args:
        run: run folder or checkpoint. source: input file or folder. target: output file (PNG) or folder.
        style: image whose style is taken; None uses the mean training style. noise: "fresh", "zero" or a seed.
        parts: also write NAME_reconstruction.png and NAME_residual.png, where the method has them.
        size: shorter side in pixels that inputs are scaled to first; None takes them as they are.
        tile: side of the tiles in which larger images are translated; None takes each image at once. overlap: see
            `tiles.plan`.

    Returns:
        Paths written, each PNG marked as generated.

    Raises:
        FileNotFoundError: no such input. ValueError: an input that the run cannot take, naming the file.
    """
    if size is not None and size < 1:
        raise ValueError(f"size {size}: the shorter side needs 1 pixel or more")
    if overlap is not None and tile is None:
        raise ValueError(f"overlap {overlap} of what? Give the side of the tiles: tile=512, --tile 512")
    content = checkpoint.read(run)
    method = checkpoint.load_method(run).to(best_device())
    plan = None if tile is None else tiles.plan(method, tile, overlap)
    if source.is_dir():
        files = sorted(f for f in source.iterdir() if f.suffix.lower() in SUFFIXES and not f.name.startswith("."))
        if not files:
            raise FileNotFoundError(f"{source} holds no image ({', '.join(SUFFIXES)})")
        clash = [f.name for f, other in itertools.pairwise(files) if f.stem == other.stem]
        if clash:
            raise ValueError(f"{clash[0]} and another file of {source} have the same name but for the suffix")
        pairs = [(file, target / f"{file.stem}.png") for file in files]
    elif source.exists():
        if not target.is_dir() and target.suffix.lower() != ".png":
            raise ValueError(f"{target}: pictures are saved as PNG, choose a name in .png or an existing folder")
        pairs = [(source, target / f"{source.stem}.png" if target.is_dir() else target)]
    else:
        raise FileNotFoundError(f"no file or folder at {source}")

    if parts and getattr(method.config, "residual", None) is None:
        raise ValueError(f"{run} was made with {method.name}, whose output has no parts: leave them out")
    code = to_float(images.read_image(style)[None]) if style is not None else None
    if code is not None and code.shape[1] != method.config.out_channels:
        raise ValueError(
            f"{style} has {code.shape[1]} channels, the style of this run has {method.config.out_channels}"
        )
    # All inputs are read once, and all names checked, before anything is written: a bad one leaves no half-done folder.
    reading = (content["source"], method.config.in_channels, size)
    for file, _ in pairs:
        read_input(file, *reading)
    names = [to for _, to in pairs]
    if parts:
        names += [to.with_name(f"{to.stem}_{part}.png") for to in names for part in ("reconstruction", "residual")]
    taken = {file.resolve() for file, _ in pairs} & {to.resolve() for to in names}
    if taken:
        raise ValueError(f"{min(taken)} would be written over, and it is an input: choose another output")
    twice = [to for to, count in Counter(names).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]} would be written twice: rename the input, or leave out the parts")
    written = []
    for file, to in pairs:
        out = padded(method, read_input(file, *reading), plan, style=code, noise=noise)
        for name, part in out._asdict().items():
            if part is not None and (name == "image" or parts):
                path = to if name == "image" else to.with_name(f"{to.stem}_{name}.png")
                written.append(images.save_png(Image.fromarray(images.to_uint8(part.cpu())[0]), path))
    return written
