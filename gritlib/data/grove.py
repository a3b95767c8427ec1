"""Grove: four-class layout map -> aerial photo of a forest edge (real, CC0), embedded in the package (1.4 MB).

Fine texture is 46 % of the photo's variance and the layout explains 1-3 % of it: the dataset on which a reconstruction
loss has nothing to say about the detail, and GRIT's residual and noise have everything to do.
`data_scripts/build_grove.py` rebuilds the four files from their source package.
"""

from importlib import resources

import numpy as np
from PIL import Image

from gritlib.data.source import Card, Source, check_split, grid_windows

CLASSES = ("crown", "grass", "bare", "shadow")
PALETTE = ((40, 120, 40), (150, 200, 90), (210, 190, 140), (40, 50, 90))
VAL_ROWS = 192  # the training scene's lowest rows, held back for validation

CARD = Card(
    name="grove",
    title="layout map (crown, grass, bare, shadow) -> aerial photo at 20 cm a pixel",
    origin="NEON airborne camera, Yellowstone 2019, with tree boxes drawn by people, from the package deepforest 2.1.0",
    licence="photo CC0 1.0 (NEON), boxes MIT (deepforest)",
    splits="by scene: train and val are disjoint parts of one 1149x1236 scene (val: its lowest 192 rows), test is a "
    "second scene of 624x517 pixels, another flight tile of the site; 272/51/72 disjoint tiles of 64 pixels",
    note="crowns are ellipses in human boxes; shadow, grass and bare come from thresholds on the blurred photo, so the "
    "map fixes the layout and asks for texture. The test scene has a road, labelled bare, that training never saw. "
    "One site, two scenes: no interval over tiles generalises.",
)


def load(split: str = "train", size: int = 64) -> Source:
    """Grove as a Source: A one-hot (4 classes), B RGB photo. Random crops shift by half a tile and mirror both ways.

    Raises:
        ValueError: unknown split, or a size larger than the split's smallest region.
    """
    check_split(split)
    scene = "test" if split == "test" else "train"
    assets = resources.files("gritlib.data") / "assets"
    with (assets / f"grove_{scene}.jpg").open("rb") as file:
        photo = np.asarray(Image.open(file).convert("RGB"))
    with (assets / f"grove_{scene}_label.png").open("rb") as file:
        label = np.asarray(Image.open(file))
    height, width = label.shape
    rows = {"train": (0, height - VAL_ROWS), "val": (height - VAL_ROWS, height), "test": (0, height)}
    windows, bounds = grid_windows(0, *rows[split], 0, width, size)
    return Source(
        "grove", split, size, [label], [photo], windows, bounds, CLASSES, PALETTE, jitter=size // 2, flips="hv"
    )
