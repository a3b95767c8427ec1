"""What an encoder holds for similar: choose a pixel of the output, and see which places of the input look like it to
the network. Lesson 04.
"""

import base64
from collections.abc import Callable

import numpy as np
from torch import Tensor

from gritlib.data.images import to_uint8
from gritlib.show.figures import check_alt, draw_pictures, png, present

SCALE = 4
MARK = (213, 94, 0)
TAU = 0.07  # CUT's temperature
TITLES = ("output: the chosen place", "input: the same place", "similarity to the input")


def cell_of(yx: tuple[int, int], shape: tuple[int, int], image_size: tuple[int, int]) -> tuple[int, int]:
    """Row and column of the cell, of a map of `shape`, that holds a pixel of the image.

    Raises:
        ValueError: a pixel outside of the image, or an image whose sides the map's do not divide.
    """
    for name, at, side, cells in zip(("y", "x"), yx, image_size, shape, strict=True):
        if side % cells:
            raise ValueError(f"a map of {shape[0]}x{shape[1]} cells does not divide an image of {image_size} pixels")
        if not 0 <= at < side:
            raise ValueError(f"{name} = {at} lies outside of the image: choose 0 to {side - 1}")
    return yx[0] * shape[0] // image_size[0], yx[1] * shape[1] // image_size[1]


def rank(similarity: Tensor, cell: tuple[int, int]) -> int:
    """How many cells are more similar than this one, plus 1: 1 is the most similar of all."""
    return int((similarity > similarity[cell]).sum()) + 1


def told(similarity: Tensor, yx: tuple[int, int], image_size: tuple[int, int]) -> str:
    """The map in words: where the most similar cell lies, and how similar the cell at the same place is."""
    cell = cell_of(yx, tuple(similarity.shape), image_size)
    best = divmod(int(similarity.argmax()), similarity.shape[1])
    return (
        f"Pixel {yx[0]}, {yx[1]} lies in row {cell[0]}, column {cell[1]} of {similarity.shape[0]} x "
        f"{similarity.shape[1]} cells. Most similar in the input is row {best[0]}, column {best[1]}, cosine "
        f"{similarity[best].item():.2f}; the same place has {similarity[cell].item():.2f}, rank "
        f"{rank(similarity, cell)} of {similarity.numel()}."
    )


def draw_similarity(image_in: Tensor, image_out: Tensor, similarity: Tensor, yx: tuple[int, int], tau: float = TAU):
    """The figure behind `similarity_figure`."""
    if similarity.ndim != 2 or image_in.shape != image_out.shape:
        raise ValueError(
            f"similarity of shape {tuple(similarity.shape)}, images of {tuple(image_in.shape)} and "
            f"{tuple(image_out.shape)}: needed are a map (h, w) and two images (3, H, W) of one size"
        )
    size = tuple(image_in.shape[-2:])
    cell = cell_of(yx, tuple(similarity.shape), size)
    high, wide = (SCALE * side // cells for side, cells in zip(size, similarity.shape, strict=True))
    light = ((similarity.detach().double() - similarity.max()) / tau).exp()
    heat = np.round(255 * light.numpy()).astype(np.uint8).repeat(high, 0).repeat(wide, 1)
    pictures = [to_uint8(image[None])[0].repeat(SCALE, 0).repeat(SCALE, 1) for image in (image_out, image_in)]
    sheets = [*pictures, heat[..., None].repeat(3, 2)]
    return draw_pictures([[framed(sheet, cell, high, wide) for sheet in sheets]], TITLES, scale=1)


def framed(sheet: np.ndarray, cell: tuple[int, int], high: int, wide: int) -> np.ndarray:
    """A copy of a picture (H, W, 3) with a frame around one cell of high x wide pixels, two pixels outside of it."""
    top, left = cell[0] * high, cell[1] * wide
    box = slice(max(top - 2, 0), top + high + 2), slice(max(left - 2, 0), left + wide + 2)
    inside = slice(top, top + high), slice(left, left + wide)
    out = sheet.copy()
    out[box] = MARK
    out[inside] = sheet[inside]
    return out


def similarity_figure(
    image_in: Tensor, image_out: Tensor, similarity: Tensor, yx: tuple[int, int], *, tau: float = TAU, alt: str
) -> None:
    """Show a place of the output, the same place of the input, and how similar every place of the input is to it.

    Args:
        image_in, image_out: (3, H, W) in [-1, 1]. similarity: (h, w), cosines of the output's place with those of the
            input; drawn is e^(s/τ), the brightest cell white. yx: row and column of a pixel of the output.
            tau: the smaller, the fewer cells are bright. alt: the description in words; what `told` says is added.

    Raises:
        ValueError: a pixel outside of the image, sizes that do not fit, or no description.
    """
    check_alt(alt)
    figure = draw_similarity(image_in, image_out, similarity, yx, tau)
    present(figure, f"{alt} {told(similarity, yx, tuple(image_in.shape[-2:]))}")


class SimilarityViewer:
    """Sliders for the picture and the pixel of the output; beside it where the input looks like it. Twin:
    `similarity_figure`.

    Args:
        images_in, images_out: (n, 3, H, W) in [-1, 1]. similarity: (i, y, x) -> (h, w), the map of picture i for the
            pixel in row y and column x. tau: see `similarity_figure`.

    Attributes:
        number, y, x: the sliders; setting a value redraws. picture, text: HTML, described in words.
    """

    def __init__(
        self,
        images_in: Tensor,
        images_out: Tensor,
        similarity: Callable[[int, int, int], Tensor],
        tau: float = TAU,
    ):
        import ipywidgets

        self.images, self.similarity, self.tau = (images_in, images_out), similarity, tau
        count, _, height, width = images_in.shape

        def slider(name: str, value: int, most: int):
            return ipywidgets.IntSlider(value, 0, most, description=name, continuous_update=False)

        self.number = slider("picture", 0, count - 1)
        self.y, self.x = slider("row y", height // 2, height - 1), slider("column x", width // 2, width - 1)
        self.picture, self.text = ipywidgets.HTML(), ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.number, self.y, self.x, self.picture, self.text])
        for control in (self.number, self.y, self.x):
            control.observe(lambda change: self.render(), "value")
        self.render()

    def render(self) -> None:
        """Draw the map of the sliders' pixel."""
        i, yx = self.number.value, (self.y.value, self.x.value)
        image_in, image_out = (images[i] for images in self.images)
        similarity = self.similarity(i, *yx)
        self.text.value = told(similarity, yx, tuple(image_in.shape[-2:]))
        data = base64.b64encode(png(draw_similarity(image_in, image_out, similarity, yx, self.tau))).decode()
        alt = f"Output, input and similarity map of picture {i}, the chosen place framed. {self.text.value}"
        self.picture.value = f'<img alt="{alt}" src="data:image/png;base64,{data}">'

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)
