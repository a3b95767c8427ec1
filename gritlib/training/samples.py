"""Pictures of a method at work, drawn while it trains and by the demo."""

import torch
from PIL import Image
from torch import Tensor

from gritlib.data import images
from gritlib.methods import Method

PARTS = {"reconstruction": "reconstruction", "residual": "residual", "image": "sum"}


def input_picture(batch: dict[str, Tensor], source) -> Tensor:
    """The input as (B, C, H, W) in [-1, 1]: label maps in their palette, images in their first three channels."""
    if "label" in batch:
        return images.colourise(batch["label"], source.palette)
    return batch["A"][:, :3] if batch["A"].shape[1] >= 3 else batch["A"][:, :1]


def sample_grid(method: Method, source, indices, draws: int = 1, seed: int = 0) -> Image.Image:
    """One row an example; columns are the input, the parts that the method returns, more draws of its noise, the truth.

    The style, where there is one, is the mean training code: nothing of the truth reaches the network.

    Args:
        draws: how many noise draws to show, for a method with noise; from two on, their standard deviation is shown
            too, stretched so that its largest value is white.
    """
    device = next(method.parameters()).device
    batch = source.batch(list(indices))
    outputs = [method.translate(batch["A"].to(device), noise=seed + n) for n in range(draws)]
    columns = [("input", input_picture(batch, source))]
    first = outputs[0]._asdict()
    if first["residual"] is not None:
        columns += [(PARTS[part], first[part].cpu()) for part in PARTS]
    else:
        columns += [("output", first["image"].cpu())]
    if draws > 1 and method.stochastic:
        columns += [(f"draw {n + 1}", outputs[n].image.cpu()) for n in range(1, min(draws, 3))]
        spread = torch.stack([out.image for out in outputs]).std(0).mean(1, keepdim=True).cpu()
        largest = spread.max().clamp(min=1e-6)
        columns += [(f"std over noise, white: {largest.item():.2f}", 2 * spread / largest - 1)]
    columns += [("truth" if getattr(source, "paired", True) else "B, no pair", batch["B"])]
    pictures = [images.to_uint8(column) for _, column in columns]
    rows = [[picture[i] for picture in pictures] for i in range(len(batch["B"]))]
    return images.grid(rows, [title for title, _ in columns])
