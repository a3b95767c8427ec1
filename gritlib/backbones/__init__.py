"""Feature networks, frozen, and named in every result that depends on them.

| for                                 | role       | offline                   | as in the papers    |
|-------------------------------------|------------|---------------------------|---------------------|
| perceptual loss                     | perceptual | vgg16 (embedded)          | vgg19 (575 MB)      |
| sets of images, KID, precision      | kernel     | lite0 (in a package)      | inception (96 MB)   |
| sets of images, FID                 | frechet    | lite0-24 (in a package)   | inception (96 MB)   |
| two images, LPIPS                   | distance   | vgg16 (embedded)          | lpips-alex (244 MB) |

"auto" takes the papers' network if its file is on this machine or may be downloaded (`GRITLIB_ALLOW_DOWNLOAD=1`), else
the offline one, and says so once. Numbers of different networks cannot be compared: `title` names them for a table.
"""

import functools
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from gritlib import download
from gritlib.backbones.base import Embedding, FeatureNet, Frozen

__all__ = ["Embedding", "FeatureNet", "Frozen", "choose", "distance", "embedding", "perceptual", "title"]

# role: the papers' network, the offline choice, others
ROLES = {
    "perceptual": ("vgg19", "vgg16"),
    "kernel": ("inception", "lite0", "lite0-24"),
    "frechet": ("inception", "lite0-24", "lite0"),
    "distance": ("lpips-alex", "vgg16"),
}
BUILDERS = {
    "vgg16": "vgg.vgg16",
    "vgg19": "vgg.vgg19",
    "lite0": "lite0.lite0",
    "lite0-24": "lite0.lite0_24",
    "inception": "inception.inception",
    "lpips-alex": "lpips.lpips_alex",
}


class Weights(NamedTuple):
    """A file of weights: addresses of the same bytes, sha256, size in bytes."""

    urls: tuple[str, ...]
    sha256: str
    size: int


PYTORCH = "https://download.pytorch.org/models"
FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"
FIDELITY = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
DOWNLOADED = {
    "vgg19": Weights(
        (f"{PYTORCH}/vgg19-dcbb9e9d.pth",),
        "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
        574_673_361,
    ),
    "inception": Weights(
        (FID, FIDELITY), "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2", 95_628_359
    ),
    "lpips-alex": Weights(
        (f"{PYTORCH}/alexnet-owt-7be5be79.pth",),
        "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        244_408_911,
    ),
}
GENERIC = {"kernel": "kernel distance", "frechet": "Fréchet distance", "distance": "perceptual distance"}


def perceptual(name: str = "auto") -> FeatureNet:
    """The network of the perceptual loss: "auto", "vgg16" or "vgg19". There is one instance, shared by all who ask for
    it, so `.to(device)` moves it for all.

    Raises:
        ValueError: unknown name. FileNotFoundError: its weights are not here and must not or cannot be downloaded.
    """
    return load(choose("perceptual", name))


def embedding(name: str = "auto", measure: str = "kernel") -> Embedding:
    """The network for distances between sets of images: "lite0", "lite0-24", "inception", or "auto", which offline is
    lite0 for the measure "kernel" (and precision and recall), lite0-24 for "frechet". Shared and raising like
    `perceptual`."""
    if measure not in ("kernel", "frechet"):
        raise ValueError(f"measure {measure!r} of two sets of images is unknown: choose kernel or frechet")
    return load(choose(measure, name))


def distance(name: str = "auto") -> Frozen:
    """The network for the distance of two images: "auto", "lpips-alex", a module (a, b) -> (B,), or "vgg16", a
    `FeatureNet`, on whose features `gritlib.metrics` computes it. Shared and raising like `perceptual`."""
    return load(choose("distance", name))


def title(measure: str, net: Frozen) -> str:
    """What a number may be called in a table: "FID", "KID" and "LPIPS" only with the published network.

    Args:
        measure: "kernel" or "frechet" (of an `Embedding`), or "distance" (of two images).

    Raises:
        ValueError: unknown measure.
    """
    if measure not in GENERIC:
        raise ValueError(f"measure {measure!r} is unknown: choose one of {', '.join(GENERIC)}")
    return net.published.get(measure) or f"{GENERIC[measure]} ({net.name})"


def choose(role: str, name: str = "auto") -> str:
    """The network that a name means in a role.

    Raises:
        ValueError: unknown role or name.
    """
    if role not in ROLES:
        raise ValueError(f"role {role!r} is unknown: choose one of {', '.join(ROLES)}")
    if name != "auto":
        if name not in ROLES[role]:
            raise ValueError(f"no {role} network is called {name!r}: choose one of auto, {', '.join(ROLES[role])}")
        return name
    return _decide(role)


@functools.lru_cache
def _decide(role: str) -> str:
    """What "auto" means in a role: decided, and said, once a process."""
    papers, offline = ROLES[role][:2]
    try:
        weights(papers)
    except FileNotFoundError as error:
        if download.allowed():
            print(f"{role} network: {offline}, because {error}")
        else:
            size = f"{DOWNLOADED[papers].size / 1e6:.0f} MB"
            print(
                f"{role} network: {offline}, no download needed; with {download.ALLOW}=1 {papers} as in papers ({size})"
            )
        return offline
    print(f"{role} network: {papers}, as in papers; by name: {offline}, no download needed")
    return papers


@functools.lru_cache
def weights(name: str) -> Path:
    """The file of a network that is downloaded; its hash is looked at once a process.

    Raises:
        FileNotFoundError: it is not here and must not or cannot be downloaded; says where to put it.
    """
    wanted = DOWNLOADED[name]
    return download.fetch(wanted.urls, wanted.sha256, size=wanted.size)


@functools.lru_cache
def load(name: str) -> Frozen:
    """Build a network by its name, once a process."""
    module, builder = BUILDERS[name].split(".")
    build = getattr(import_module(f"gritlib.backbones.{module}"), builder)
    return build(weights(name)) if name in DOWNLOADED else build()
