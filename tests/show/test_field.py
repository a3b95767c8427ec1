"""The patch that the widget draws is the one the discriminator sees."""

import io

import pytest
import torch
from PIL import Image

from gritlib.nets import PatchGAN
from gritlib.show.field import FieldViewer, layers_of, patch_of


def footprint(n_layers, cell, size):
    """Rows and columns of the input that one output depends on, by its gradient."""
    net = PatchGAN(3, width=2, n_layers=n_layers, norm="none").double()
    x = torch.randn(1, 3, size, size, dtype=torch.float64, requires_grad=True)
    net(x)[0, 0, cell[0], cell[1]].backward()
    seen = x.grad[0].abs().sum(0) > 0
    rows, columns = seen.any(1).nonzero().flatten(), seen.any(0).nonzero().flatten()
    return rows.min().item(), rows.max().item() + 1, columns.min().item(), columns.max().item() + 1


@pytest.mark.parametrize("n_layers, cell", [(0, (5, 9)), (1, (3, 12)), (2, (0, 6)), (3, (2, 3)), (3, (5, 5))])
def test_the_patch_is_the_gradients_footprint_cut_at_the_border(n_layers, cell):
    top, left, side = patch_of(cell, layers_of(n_layers))
    cut = [min(max(v, 0), 64) for v in (top, top + side, left, left + side)]
    assert tuple(cut) == footprint(n_layers, cell, 64)
    assert side == PatchGAN(3, 1, n_layers).receptive_field


def test_the_sliders_draw_anew_without_a_browser():
    viewer = FieldViewer(torch.zeros(3, 64, 48), n_layers=1)
    first = viewer.picture.value
    assert Image.open(io.BytesIO(first)).size == (192, 256) and viewer.box[2] == 16
    viewer.layers.value = 3
    assert viewer.picture.value != first and viewer.box[2] == 70 and "70 x 70" in viewer.text.value
    rows, columns = viewer.cells()
    assert (viewer.row.max, viewer.column.max) == (rows - 1, columns - 1) and viewer.row.value <= viewer.row.max
    viewer.layers.value = 0
    viewer.row.value, viewer.column.value = 10, 20
    assert viewer.box == (10, 20, 1) and "64 x 48 outputs" in viewer.text.value


def test_every_position_of_the_sliders_can_be_drawn():
    viewer = FieldViewer(torch.zeros(3, 32, 32))
    for layers in (0, 2, 1):
        viewer.layers.value = layers
        for place in (0, viewer.row.max):
            viewer.row.value = viewer.column.value = place
            assert viewer.box == patch_of((place, place), layers_of(layers))
