"""Between two networks: a slider for Deep Network Interpolation, of standard controls that the keyboard reaches. Its
twin is `gritlib.interpolation.blend`. Lesson 07.
"""

import base64
import warnings
from collections.abc import Iterable, Sequence
from html import escape

import torch
from torch import Tensor

from gritlib.interpolation import blend
from gritlib.methods import Method
from gritlib.metrics import high_frequency_gap, l1_255
from gritlib.show.figures import draw_pictures, png

STEP = 0.05


class Blend:
    """A slider over the line between two networks: the first, the blend, the second, and the truth of one place. Twin:
    `blend(a, b, alpha).translate(A)`.

    Args:
        a, b: trained methods of one architecture. A: (n, C, H, W) inputs. truth: (n, C, H, W) for scores and to stand
            beside, or None. batches: see `blend`; needed for batch norm. names: of the two networks. beyond: how far
            the slider goes on beyond both of them. options: for `translate`, such as a style and the noise; by default
            the noise of seed 0.

    Attributes:
        alpha, place: the sliders; setting their `value` redraws. picture, told: HTML; told has the scores over all
            inputs, and a note beyond the ends. image: the blend's outputs, (n, C, H, W).

    Raises:
        ValueError: inputs that are no batch, a truth of another number, or two methods that do not fit.
    """

    def __init__(
        self,
        a: Method,
        b: Method,
        A: Tensor,
        truth: Tensor | None = None,
        batches: Iterable[dict[str, Tensor]] | None = None,
        names: Sequence[str] = ("first", "second"),
        beyond: float = 0.0,
        **options,
    ):
        import ipywidgets

        if A.ndim != 4 or (truth is not None and len(truth) != len(A)):
            count = "" if truth is None else f", truths {len(truth)}"
            raise ValueError(f"inputs of shape {tuple(A.shape)}{count}: needed are (n, C, H, W), and a truth for each")
        self.ends, self.A, self.truth, self.names = (a, b), A, truth, tuple(names)
        self.batches = None if batches is None else list(batches)  # they are needed again at every step
        self.options, self.made = {"noise": 0, **options}, {}
        self.alpha = ipywidgets.FloatSlider(
            value=0.5, min=-beyond, max=1 + beyond, step=STEP, description="alpha", continuous_update=False
        )
        self.place = ipywidgets.IntSlider(value=0, min=0, max=len(A) - 1, description="place", continuous_update=False)
        self.picture, self.told = ipywidgets.HTML(), ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.alpha, *([self.place] if len(A) > 1 else []), self.picture, self.told])
        for slider in (self.alpha, self.place):
            slider.observe(lambda change: self.render(), "value")
        self.render()

    @torch.no_grad()
    def at(self, alpha: float) -> Tensor:
        """The blend's images, (n, C, H, W) clamped to [-1, 1], computed once for every alpha."""
        key = round(alpha, 4)
        if key not in self.made:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # beyond the ends, which `told` says
                method = blend(*self.ends, key, self.batches)
            self.made[key] = method.translate(self.A, **self.options).image.float().clamp(-1, 1).cpu()
        return self.made[key]

    def render(self) -> None:
        """Draw the place at the slider's alpha."""
        alpha, i = self.alpha.value, self.place.value
        self.image = self.at(alpha)
        shown = {self.names[0]: self.at(0.0), f"alpha {alpha:g}": self.image, self.names[1]: self.at(1.0)}
        told = []
        if self.truth is not None:
            told.append("; ".join(f"{name}: {self.scored(images)}" for name, images in shown.items()))
            shown["truth"] = self.truth
        if not 0 <= alpha <= 1:
            told.append(f"Alpha {alpha:g} lies beyond the networks: there, neither of them was trained to be.")
        columns = list(shown.values())
        figure = draw_pictures([[images[i] for images in columns]], list(shown), scale=3)
        alt = f"Place {i}. From the left: {', '.join(shown)}."
        self.picture.value = (
            f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png(figure)).decode()}">'
        )
        self.told.value = "<br>".join(map(escape, told))

    def scored(self, images: Tensor) -> str:
        """L1 and spectrum gap over all inputs, in words."""
        l1 = l1_255(images, self.truth).mean().item()
        return f"L1 {l1:.1f}, spectrum gap {high_frequency_gap(images, self.truth):+.2f}"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)
