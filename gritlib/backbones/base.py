"""What the feature networks share: they are frozen, they have a name that stands beside every number they give, and
their weights are read without running code from the file."""

import functools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn


class Frozen(nn.Module):
    """A network that is never trained: `frozen` cuts its weights off from gradients, and it stays in evaluation mode
    also when a module that holds it is put into training mode.

    Args:
        name: said wherever a number depends on the network. published: names that papers gave to measures with it.
    """

    name: str
    published: ClassVar[dict[str, str]] = {}

    def train(self, mode: bool = True):
        return super().train(False)


class FeatureNet(Frozen):
    """A frozen network that returns the activations of some of its layers.

    Args:
        weights: of each layer in a perceptual loss.
    """

    weights: tuple[float, ...]

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] -> what the network was trained on."""
        raise NotImplementedError

    def forward(self, prepared: Tensor) -> list[Tensor]:
        """Preprocessed images -> feature maps, (B, C_i, H_i, W_i)."""
        raise NotImplementedError

    def features(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) in [-1, 1] -> feature maps.

        Raises:
            ValueError: not three channels.
        """
        check_rgb(images, self.name)
        return self(self.preprocess(images))


class Embedding(Frozen):
    """A frozen network that turns an image into one vector, for distances between sets of images.

    Args:
        dim: length of the vector.
    """

    dim: int

    def preprocess(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] -> what the network was trained on, at its size."""
        raise NotImplementedError

    def forward(self, prepared: Tensor) -> Tensor:
        """Preprocessed images -> (B, dim)."""
        raise NotImplementedError

    def embed(self, images: Tensor, batch: int = 64) -> Tensor:
        """Images (B, 3, H, W) in [-1, 1] -> (B, dim) float32 on the images' device, `batch` at a time, without gradient
        and without autocast.

        Raises:
            ValueError: not three channels.
        """
        check_rgb(images, self.name)
        self.to(images.device)
        with torch.no_grad(), torch.autocast(images.device.type, enabled=False):
            parts = [self(self.preprocess(part.float())) for part in images.split(batch)]
        return torch.cat(parts)


def check_rgb(images: Tensor, name: str) -> None:
    """Raises ValueError for what is not (B, 3, H, W)."""
    if images.ndim != 4 or images.shape[1] != 3:
        raise ValueError(f"{name} looks at RGB images (B, 3, H, W), these are {tuple(images.shape)}")


def frozen(build: Callable[..., Frozen]) -> Callable[..., Frozen]:
    """Decorator of a function that builds a network: the result is frozen, and torch's generator is left as it was, so
    that nothing random depends on whether the network was built before."""

    @functools.wraps(build)
    def built(*arguments, **options):
        with torch.random.fork_rng(devices=[]):
            return build(*arguments, **options).requires_grad_(False).eval()

    return built


def read_weights(path: str | Path) -> dict[str, Tensor]:
    """The state dict in a file, read without running code that may stand in it.

    Raises:
        FileNotFoundError: no such file. ValueError: the file holds something else.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"weights file {path} does not exist")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(f"{path} is not a file of weights ({type(error).__name__})") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} holds no state dict: expected a dict from names to tensors")
    return state


def fill(module: nn.Module, state: dict[str, Tensor], names: dict[str, str], path: str | Path) -> None:
    """Copy a file's tensors into a network.

    Args:
        names: of each tensor of the network, in the file. path: for the message.

    Raises:
        ValueError: naming the first tensor that the file lacks or has in another shape.
    """
    for key, tensor in module.state_dict(keep_vars=True).items():
        if key not in names:
            continue
        found = state.get(names[key])
        if found is None or found.shape != tensor.shape:
            has = "is missing" if found is None else f"has shape {tuple(found.shape)}"
            raise ValueError(f"{path}: {names[key]} {has}, expected {tuple(tensor.shape)}")
        tensor.data.copy_(found)
