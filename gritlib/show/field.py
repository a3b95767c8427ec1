"""What one output of a PatchGAN sees: a widget that draws its patch on the image. Lesson 01."""

import io

from PIL import Image
from torch import Tensor

from gritlib.data.images import to_uint8
from gritlib.nets import PatchGAN

SCALE = 4
EDGE = (213, 94, 0)


def patch_of(cell: tuple[int, int], layers: list[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Top, left and side of the patch that an output sees, in input pixels; parts of it may lie in the padding.

    Args:
        cell: row and column of the output. layers: (kernel, stride, padding) from the input on.
    """
    start, jump, side = 0, 1, 1
    for kernel, stride, padding in layers:
        start -= padding * jump
        side += (kernel - 1) * jump
        jump *= stride
    return start + cell[0] * jump, start + cell[1] * jump, side


def layers_of(n_layers: int) -> list[tuple[int, int, int]]:
    """(kernel, stride, padding) of every convolution of `PatchGAN(n_layers=…)`."""
    if n_layers == 0:
        return [(1, 1, 0)] * 3
    return [(4, 2, 1)] * n_layers + [(4, 1, 1)] * 2


class FieldViewer:
    """Sliders for the number of layers and the output's place; the image with the patch that this output judges.

    Setting `layers.value`, `row.value` or `column.value` from Python draws anew; `picture.value` holds the PNG, `box`
    top, left and side of the patch, `text.value` the same in words.

    Args:
        image: (3, H, W) in [-1, 1].
    """

    def __init__(self, image: Tensor, n_layers: int = 2):
        import ipywidgets

        self.image = Image.fromarray(to_uint8(image[None])[0])
        self.layers = ipywidgets.IntSlider(
            n_layers, 0, 3, description="stride-2 layers", style={"description_width": "initial"}
        )
        self.row = ipywidgets.IntSlider(0, 0, 1, description="row")
        self.column = ipywidgets.IntSlider(0, 0, 1, description="column")
        self.picture = ipywidgets.Image(format="png")
        self.text = ipywidgets.Label()
        self.box = (0, 0, 0)
        for control in (self.layers, self.row, self.column):
            control.observe(self.draw, "value")
        self.draw()
        self.row.value = self.column.value = self.row.max // 2
        self.view = ipywidgets.VBox([self.layers, self.row, self.column, self.picture, self.text])

    def draw(self, change=None) -> None:
        from PIL import ImageDraw

        width, height = self.image.size
        cells = self.cells()
        # A slider whose maximum shrinks moves its value, which draws again.
        self.row.max, self.column.max = cells[0] - 1, cells[1] - 1
        top, left, side = self.box = patch_of((self.row.value, self.column.value), layers_of(self.layers.value))
        sheet = self.image.resize((width * SCALE, height * SCALE), Image.Resampling.NEAREST)
        box = [max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)]
        corners = [value * SCALE - (i > 1) for i, value in enumerate(box)]
        ImageDraw.Draw(sheet).rectangle(corners, outline=EDGE, width=2)
        data = io.BytesIO()
        sheet.save(data, "png")
        self.picture.value = data.getvalue()
        seen = (box[2] - box[0]) * (box[3] - box[1]) / (width * height)
        self.text.value = (
            f"{cells[0]} x {cells[1]} outputs; this one sees {side} x {side} pixels: rows {box[1]} to {box[3] - 1}, "
            f"columns {box[0]} to {box[2] - 1} of the image, {seen:.2%} of it"
        )

    def cells(self) -> tuple[int, int]:
        """Rows and columns of the discriminator's output."""
        import torch

        with torch.device("meta"):
            net = PatchGAN(3, width=1, n_layers=self.layers.value, norm="none")
            return tuple(net(torch.empty(1, 3, self.image.height, self.image.width)).shape[-2:])

    def _ipython_display_(self) -> None:
        from IPython.display import display

        print(self.text.value)
        display(self.view)
