"""A dataset as a person wants to see it: its card, its splits, a picture of some images, some pairs as files."""

from pathlib import Path

import torch
from PIL import Image

from gritlib.data import catalog, images
from gritlib.training.samples import input_picture


def all_cards() -> str:
    """The cards of all datasets of the catalog."""
    return "\n\n".join(str(catalog.describe(name)) for name in catalog.NAMES)


def show(name: str, options: dict, picture: Path | None = None, export: Path | None = None, size: int = 64) -> None:
    """Print a dataset's card, splits and classes, and write what is asked for.

    Args:
        name, options, size: as `catalog.load`. picture: PNG with some training images. export: folder for some test
            pairs, N_input.png (label ids for a label map) and N_target.png; inputs alone where no truth exists.

    Raises:
        ValueError: as `catalog.load`.
    """
    card = catalog.describe(name)
    present = [s for s in catalog.SPLITS if name in catalog.NAMES or s == "train" or on_disk(Path(name), s)]
    splits = {split: catalog.load(name, split, size, **options) for split in present}
    print(card)
    print(f"  at {size} px " + ", ".join(f"{split} {count(source)}" for split, source in splits.items()))
    source = splits["train"]
    if source.classes:
        print("  classes  " + ", ".join(f"{i} {label}" for i, label in enumerate(source.classes)))
    if "layout" in source.options:
        print(f"  layout   {source.options['layout']}, direction {source.options['direction']}")
    if picture:
        batch = source.batch(some(source))
        shown = [images.to_uint8(x) for x in (input_picture(batch, source), batch["B"])]
        if source.paired:
            drawn, title = images.grid([list(row) for row in shown], None), f"pairs of {name}"
        else:
            titles = ["A", "B, no pair"]
            drawn, title = images.grid(list(zip(*shown, strict=True)), titles), f"A and B of {name}, no pairs"
        images.save_png(drawn, picture, description=title)
        print(f"  picture  {picture}")
    if export:
        source = splits.get("test") or source
        batch = source.batch(some(source))
        for i, target in enumerate(images.to_uint8(batch["B"])):
            given = batch["label"][i].byte().numpy() if "label" in batch else images.to_uint8(batch["A"])[i]
            images.save_png(Image.fromarray(given), export / f"{i}_input.png", description=f"input of {name}")
            if source.paired:
                images.save_png(Image.fromarray(target), export / f"{i}_target.png", description=f"target of {name}")
        print(f"  exported {len(batch['B'])} {'pairs' if source.paired else 'inputs'} to {export}")


def on_disk(root: Path, split: str) -> bool:
    """Whether a folder has this split in one of its layouts."""
    return any(folder.is_dir() for folder in (root / split, root / "A" / split, root / f"{split}A"))


def count(source) -> str:
    """How many crops a split has, of each side where A and B are drawn apart."""
    return str(len(source)) if source.paired else f"{len(source.first)} A and {len(source.second)} B"


def some(source, n: int = 8) -> list[int]:
    """Indices of n crops, drawn with a fixed seed: evenly spaced ones may all lie in one column of a scene."""
    return torch.randperm(len(source), generator=torch.Generator().manual_seed(0))[:n].tolist()
