"""The history of generated images that CycleGAN's discriminators are trained on (Shrivastava et al. 2017), to damp the
oscillation of a discriminator that only ever sees the newest ones."""

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Up to `size` earlier images. While it fills, images pass unchanged; from then on each image is, with probability
    ½, exchanged for a random stored one and takes its place. The papers leave this rule open, it is the authors' code.

    What is stored belongs to the state of the method, so that a resumed run goes on with it. Each process of several
    has its own pool; a checkpoint holds the first one's.

    Args:
        size: 0 hands every image through.

    Raises:
        ValueError: a negative size.
    """

    def __init__(self, size: int = 50):
        super().__init__()
        if size < 0:
            raise ValueError(f"pool of {size} images: choose 0 for none, 50 as in the paper")
        self.size = size
        self.register_buffer("images", torch.zeros(0))

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> as many images, without a graph: new ones and stored ones."""
        images = images.detach()
        if self.size == 0:
            return images
        if self.images.shape[1:] != images.shape[1:]:  # the first batch, or another size of image
            self.images = images.new_zeros(0, *images.shape[1:])
        room = self.size - len(self.images)
        self.images = torch.cat([self.images, images[:room]]) if room > 0 else self.images
        handed = list(images[: max(room, 0)])
        for image in images[max(room, 0) :]:
            coin, slot = torch.rand(()), int(torch.randint(self.size, ()))
            if coin < 0.5:
                handed.append(self.images[slot].clone())
                self.images[slot] = image
            else:
                handed.append(image)
        return torch.stack(handed)

    def _load_from_state_dict(self, state: dict, prefix: str, *rest) -> None:
        stored = state.get(f"{prefix}images")
        if stored is not None:  # as many as there were, of the size they had
            self.images = torch.zeros_like(stored, device=self.images.device)
        super()._load_from_state_dict(state, prefix, *rest)
