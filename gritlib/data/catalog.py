"""The catalog: name -> Source, with its card. A path to a folder of your own images works like a name, and so do the
papers' datasets once they are fetched."""

import inspect
from importlib import import_module
from pathlib import Path

from gritlib.data import public
from gritlib.data.source import SPLITS, Card, Source, check_split
from gritlib.data.unpaired import Unpaired

__all__ = ["NAMES", "SPLITS", "describe", "load"]

NAMES = ("grove", "earth", "faces", "shapes")


def load(name: str, split: str = "train", size: int = 64, **options) -> Source | Unpaired:
    """Load one split of a dataset into memory.

    Args:
        name: "grove", "earth", "faces", "shapes", a fetched set (see `gritlib.data.public`), or the path of a folder of
            images (see `gritlib.data.folders`).
        split: "train", "val" or "test".
        size: side of the square crops in pixels, 16 or more.
        options: what the dataset's own `load` takes beyond these, for example `height=True` for earth; `unpaired=True`,
            which earth, faces and folders take, draws A and B of the training split apart.

    Raises:
        ValueError: unknown name, split, size or option, naming what would work.
        FileNotFoundError: a public set that is not fetched, saying how.
    """
    check_split(split)
    if size < 16:
        raise ValueError(f"size {size} is too small: choose 16 pixels or more")
    if name in NAMES:
        loader = import_module(f"gritlib.data.{name}").load
        arguments = (split, size)
    elif name in public.NAMES or public.manifest(name):
        loader = public.load
        arguments = (name, split, size)
    elif Path(name).is_dir():
        loader = import_module("gritlib.data.folders").load
        arguments = (name, split, size)
    else:
        raise ValueError(_unknown(name))
    takes = list(inspect.signature(loader).parameters)[len(arguments) :]
    unknown = [key for key in options if key not in takes]
    if unknown == ["unpaired"] and options["unpaired"]:
        raise ValueError(
            f"{name} has pairs alone: methods that learn without pairs train on earth, faces, shapes or a folder"
        )
    if unknown:
        raise ValueError(f"{name} has no option {', '.join(unknown)}: it takes {', '.join(takes) or 'none'}")
    return loader(*arguments, **options)


def describe(name: str) -> Card:
    """The dataset's card: origin, licence, splits, and what to keep in mind; for a folder, how it is read.

    Raises:
        ValueError: the name is unknown.
    """
    if name in public.NAMES or (name not in NAMES and public.manifest(name)):
        return public.card(name)
    if Path(name).is_dir() and name not in NAMES:
        from gritlib.data.folders import LAYOUTS

        found = sorted(f.name for f in Path(name).iterdir() if f.is_dir())
        layouts = "; ".join(f"{layout}: {where}" for layout, where in LAYOUTS.items())
        return Card(name, "your own images", str(Path(name).resolve()), "yours", f"folders {', '.join(found)}", layouts)
    if name not in NAMES:
        raise ValueError(_unknown(name))
    return import_module(f"gritlib.data.{name}").CARD


def _unknown(name: str) -> str:
    known, papers = ", ".join(NAMES), ", ".join(public.NAMES)
    return f"dataset {name!r} is neither a known name ({known}) nor an existing folder; the papers' sets are {papers}"
