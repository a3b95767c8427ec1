"""There, back, difference, scrubbed over a training: a slider of standard controls, which the keyboard reaches, and its
twin for an ordinary cell. Lesson 03.
"""

import base64
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gritlib.metrics import l1_255
from gritlib.show.figures import draw_pictures, png

ENLARGED = 4  # times the difference, so that an error of a few levels is seen
TITLES = ("x", "G(x)", "F(G(x))", f"{ENLARGED} × difference")


class Snapshot(NamedTuple):
    """What a pair of generators made of the same places after so many steps: (n, C, H, W) on the CPU each."""

    step: int
    x: Tensor
    there: Tensor
    back: Tensor

    @property
    def difference(self) -> Tensor:
        """F(G(x)) − x, enlarged; 0 is grey, and what exceeds the range is cut."""
        return (ENLARGED * (self.back - self.x)).clamp(-1, 1)

    def error(self, place: int) -> float:
        """L1 of there and back for one place, of 255."""
        return l1_255(self.back[place][None], self.x[place][None]).item()


@torch.no_grad()
def there_and_back(G: Callable[[Tensor], Tensor], F: Callable[[Tensor], Tensor], x: Tensor, step: int = 0) -> Snapshot:
    """x, G(x) and F(G(x)). The networks' train or eval mode is left as it is: in training, batch norm takes its
    statistics from these places.

    Args:
        G, F: X -> Y and Y -> X, images in [-1, 1]. x: (n, C, H, W).
    """
    there = G(x)
    return Snapshot(step, *(images.detach().float().cpu() for images in (x, there, F(there))))


class Scrub:
    """A slider over the snapshots of a training: x, G(x), F(G(x)) and the difference of one place. Twin: a snapshot's
    own tensors, shown by `pictures`.

    Args:
        snapshots: in the order of their steps. place: which of their images is shown first.

    Attributes:
        moment, place: the sliders; setting their `value` redraws. picture: HTML with a description in words.

    Raises:
        ValueError: no snapshot, or a place that they do not have.
    """

    def __init__(self, snapshots: Sequence[Snapshot], place: int = 0):
        import ipywidgets

        if not snapshots:
            raise ValueError("no snapshot: keep some of `there_and_back` during the training")
        count = len(snapshots[0].x)
        if not 0 <= place < count:
            raise ValueError(f"place {place}: the snapshots have {count}, numbered from 0")
        self.snapshots = list(snapshots)
        steps = [(f"step {shot.step}", i) for i, shot in enumerate(self.snapshots)]
        self.moment = ipywidgets.SelectionSlider(options=steps, value=len(steps) - 1, description="training")
        self.place = ipywidgets.IntSlider(value=place, min=0, max=count - 1, description="place")
        self.picture = ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.moment, self.place, self.picture])
        for slider in (self.moment, self.place):
            slider.observe(lambda change: self.render(), "value")
        self.render()

    def render(self) -> None:
        """Draw the moment and the place of the sliders."""
        shot, place = self.snapshots[self.moment.value], self.place.value
        row = [images[place] for images in (shot.x, shot.there, shot.back, shot.difference)]
        data = base64.b64encode(png(draw_pictures([row], TITLES, scale=3))).decode()
        alt = (
            f"Place {place} after step {shot.step}: the image, its translation, the way back, and their difference "
            f"{ENLARGED} times enlarged; the mean error there and back is {shot.error(place):.1f} of 255."
        )
        self.picture.value = f'<img alt="{alt}" src="data:image/png;base64,{data}">'

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)
