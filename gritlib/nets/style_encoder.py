"""The style encoder E of GRIT: an image -> one flat code z, the same for every position.

GRIT (Suri et al. 2024) cites style encoders without drawing one. Course decision: strided convolutions without
normalisation (instance norm would remove the very colours the code must carry), global average pooling, one linear map.
"""

from torch import Tensor, nn

from gritlib.nets.blocks import full_precision


class StyleEncoder(nn.Module):
    """Image -> style code, deterministic; or, as a VAE's, the mean and ln variance of one.

    Args:
        in_channels: of the image. style_dim: length of the code. width: channels of the first layer, doubled up to
            8·width. n_layers: number of stride-2 convolutions. variational: with a variance (`moments`).
    """

    def __init__(
        self,
        in_channels: int = 3,
        style_dim: int = 8,
        width: int = 16,
        n_layers: int = 4,
        variational: bool = False,
    ):
        super().__init__()
        layers, c = [], in_channels
        for i in range(n_layers):
            out = width * min(2**i, 8)
            layers += [nn.Conv2d(c, out, 4, 2, 1), nn.LeakyReLU(0.2)]
            c = out
        self.layers = nn.Sequential(*layers)
        self.code = nn.Linear(c, style_dim)
        self.spread = nn.Linear(c, style_dim) if variational else None

    def forward(self, image: Tensor) -> Tensor:  # (B, C, H, W) in [-1, 1] -> (B, style_dim)
        return full_precision(self.code(self.features(image)))

    def moments(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """μ and ln σ² of the code, (B, style_dim) each; of a variational encoder only."""
        features = self.features(image)
        return full_precision(self.code(features)), full_precision(self.spread(features))

    def features(self, image: Tensor) -> Tensor:
        return self.layers(image).mean((2, 3))
