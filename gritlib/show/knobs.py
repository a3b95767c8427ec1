"""GRIT's knobs: noise off, frozen or fresh, whose style, and how strong the noise of each block is. Standard controls,
which the keyboard reaches; below the pictures stands the call that makes the same in an ordinary cell. Lesson 06.
"""

import base64
from collections.abc import Mapping, Sequence
from html import escape

import torch
from torch import Tensor

from gritlib.methods import Method
from gritlib.metrics import l1_255
from gritlib.nets import Output
from gritlib.show.anatomy import residual_picture
from gritlib.show.figures import draw_pictures, png
from gritlib.show.paint_page import MEAN, named

NOISES = ("off", "frozen", "fresh")
STRONGEST = 3.0  # times the trained strength
WIDE = {"description_width": "9em"}


class Knobs:
    """Reconstruction, residual and image of one place, under controls for noise, style and strengths. Twin: the call of
    `method.translate` that is written below the pictures.

    Args:
        method: a trained GRIT, or one of its ablations; controls that it does not have are left out. A: (B, C, H, W)
            inputs. styles: images whose style can be taken, (C, H, W) each, by name or numbered. truth: (B, C, H, W)
            to stand beside, or None. amplify: factor of the residual at first.

    Attributes:
        place, noise, style, strengths, enlarge: the controls; setting their `value` redraws. strengths has one slider a
            block, coarsest first. again, trained: buttons for another draw, and for strengths as trained. seed: of the
            draw that is shown. out: what is shown, an Output of one place. picture, told, call: HTML.

    Raises:
        ValueError: inputs that are no batch, a truth of another number, or styles for a network without.
    """

    def __init__(
        self,
        method: Method,
        A: Tensor,
        styles: Mapping[str, Tensor] | Sequence[Tensor] | Tensor = (),
        truth: Tensor | None = None,
        amplify: float = 1.0,
    ):
        import ipywidgets

        if A.ndim != 4 or (truth is not None and len(truth) != len(A)):
            count = "" if truth is None else f", truths {len(truth)}"
            raise ValueError(f"inputs of shape {tuple(A.shape)}{count}: needed are (B, C, H, W), and a truth for each")
        self.method, self.A, self.truth, self.seed, self._held = method, A, truth, 0, False
        self.styles = named(styles, "style of image")
        if self.styles and not method.styled:
            raise ValueError("this network was trained without style: leave the styles out")
        self.place = ipywidgets.IntSlider(value=0, min=0, max=len(A) - 1, description="place", style=WIDE)
        self.noise = ipywidgets.ToggleButtons(
            options=NOISES if method.stochastic else NOISES[:1],
            value="frozen" if method.stochastic else "off",
            description="noise",
            tooltips=["no noise", "the same noise while other knobs turn", "another draw at every change"],
            style=WIDE,
        )
        self.again = ipywidgets.Button(description="another draw")
        self.style = ipywidgets.Dropdown(options=[MEAN, *self.styles], description="style", style=WIDE)
        sides = [n.shape[-1] for n in method.G.noise_maps(A[:1], "zero")] if method.stochastic else []
        self.strengths = [
            ipywidgets.FloatSlider(
                value=1.0, min=0.0, max=STRONGEST, step=0.1, description=f"noise at {side} px", style=WIDE
            )
            for side in sides
        ]
        self.trained = ipywidgets.Button(description="as trained")
        self.enlarge = ipywidgets.FloatSlider(
            value=amplify, min=1.0, max=8.0, step=0.5, description="residual times", style=WIDE
        )
        self.picture, self.told, self.call = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        rows = [self.place] if len(A) > 1 else []
        rows += [ipywidgets.HBox([self.noise, self.again]), *self.strengths, self.trained] if method.stochastic else []
        rows += [self.style] if self.styles else []
        rows += [self.enlarge] if self.residual else []
        self.box = ipywidgets.VBox([*rows, self.picture, self.told, self.call])
        for control in (self.place, self.noise, self.style, self.enlarge, *self.strengths):
            control.continuous_update = False
            control.observe(self._changed, "value")
        self.again.on_click(lambda button: self.draw_again())
        self.trained.on_click(lambda button: self.as_trained())
        self.render()

    @property
    def residual(self) -> bool:
        return bool(getattr(self.method.config, "residual", False))

    def draw_again(self) -> None:
        """Another draw of the noise, at the same knobs."""
        self.seed += 1
        self.render()

    def as_trained(self) -> None:
        """All strengths back to 1."""
        self._held = True
        for slider in self.strengths:
            slider.value = 1.0
        self._held = False
        self.render()

    def _changed(self, change) -> None:
        if not self._held:
            self.seed += self.noise.value == "fresh"
            self.render()

    def translate(self, noise: str | int) -> Output:
        """What the knobs say, with a noise of its own choice, for the place that is shown."""
        i, image = self.place.value, self.styles.get(self.style.value)
        style = None if image is None else image[None]
        how = {"strength": [slider.value for slider in self.strengths]} if self.strengths else {}
        out = self.method.translate(self.A[i : i + 1], style=style, noise=noise, **how)
        return Output(*(None if part is None else part.detach().float().cpu() for part in out))

    @torch.no_grad()
    def render(self) -> None:
        """Draw what the knobs say."""
        noise = "zero" if self.noise.value == "off" else self.seed
        self.out, i = self.translate(noise), self.place.value
        shown = {"image": self.out.image}
        if self.residual:
            amplify = self.enlarge.value
            shown = {
                "reconstruction": self.out.reconstruction,
                f"{amplify:g} × residual": residual_picture(self.out.residual, amplify),
                **shown,
            }
        if self.truth is not None:
            shown["truth"] = self.truth[i : i + 1]
        change = l1_255(self.out.image.clamp(-1, 1), self.translate("zero").image.clamp(-1, 1)).item()
        knobs = [f"noise {self.noise.value}"] if self.method.stochastic else ["no noise in this network"]
        knobs += [f"{slider.description} times {slider.value:g}" for slider in self.strengths]
        knobs += [f"style: {self.style.value}"] if self.method.styled else []
        alt = f"Place {i}, {', '.join(knobs)}. From the left: {', '.join(shown)}."
        figure = draw_pictures([[x[0] for x in shown.values()]], list(shown), scale=3, caption="residual: grey is 0")
        self.picture.value = (
            f'<img alt="{escape(alt)}" src="data:image/png;base64,{base64.b64encode(png(figure)).decode()}">'
        )
        self.told.value = f"The noise changes the image by {change:.1f} of 255 on average."
        self.call.value = f"<code>{self.as_call(noise)}</code>"

    def as_call(self, noise: str | int) -> str:
        """The twin: what makes the same output in an ordinary cell."""
        i, words = self.place.value, []
        if self.styles and self.style.value != MEAN:
            number = list(self.styles).index(self.style.value)
            words.append(f"style=styles[{number}][None]")
        words.append(f"noise={noise!r}")
        if self.strengths:
            words.append(f"strength=[{', '.join(f'{slider.value:g}' for slider in self.strengths)}]")
        return f"method.translate(A[{i}:{i + 1}], {', '.join(words)})"

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)
