"""Widgets of the lessons, made of standard controls that the keyboard reaches. Each can be driven without a screen by
setting the values of its controls, and has a twin: a plain function that gives the same in an ordinary cell.
"""

import base64

import torch
from torch import Tensor

from gritlib.metrics import high_frequency_gap, l1_255, psnr, ssim
from gritlib.show.figures import draw_pictures, png

HALVINGS = 40  # of a bracket of 64 units: the level is met to far below a thousandth of a grey level
WIDEST = 64.0  # standard deviation of a blur in pixels, and amplitude of the noise in units of [-1, 1]
HIGHEST = 30.0  # grey levels at which the slider ends


def blur(image: Tensor, sigma: float) -> Tensor:
    """Gaussian blur of any width, with the image mirrored at its borders.

    Args:
        image: (C, H, W). sigma: standard deviation in pixels, 0 or more.
    """
    h, w = image.shape[-2:]
    mirrored = torch.cat([image, image.flip(-1)], -1)
    mirrored = torch.cat([mirrored, mirrored.flip(-2)], -2).double()
    fy, fx = (torch.fft.fftfreq(2 * n, dtype=torch.float64) for n in (h, w))
    gain = torch.exp(-2 * (torch.pi * sigma) ** 2 * (fy[:, None] ** 2 + fx[None] ** 2))
    return torch.fft.ifft2(torch.fft.fft2(mirrored) * gain).real[..., :h, :w]


def blur_noise(image: Tensor, l1: float, seed: int = 0) -> tuple[Tensor, Tensor, dict[str, dict[str, float]]]:
    """One picture spoiled in two ways that L1 cannot tell apart: blurred, and with grey noise.

    Args:
        image: (C, H, W) in [-1, 1], square. l1: distance of both from the picture, in grey levels of 0 to 255.
        seed: of the noise; it keeps its pattern while the level grows.

    Returns:
        blurred and noisy, (C, H, W) float64 in [-1, 1], and what each scores: L1, PSNR, SSIM, spectrum gap.

    Raises:
        ValueError: a level of 0 or less, or one that no blur of this picture reaches.
    """
    if image.ndim != 3:
        raise ValueError(f"image of shape {tuple(image.shape)}: needed is one picture (C, H, W)")
    image, highest = image.double(), reach(image)
    if not 0 < l1 <= highest:
        raise ValueError(f"l1 = {l1:g}: blurs of this picture have an L1 above 0 and up to {highest:.1f}")
    generator = torch.Generator().manual_seed(seed)
    grain = torch.randn(1, *image.shape[-2:], generator=generator, dtype=torch.float64)
    blurred = at_level(lambda sigma: blur(image, sigma), image, l1)
    noisy = at_level(lambda amount: (image + amount * grain).clamp(-1, 1), image, l1)
    return blurred, noisy, {"blurred": scored(blurred, image), "noisy": scored(noisy, image)}


def reach(image: Tensor) -> float:
    """L1 of the widest blur: beyond it no blur of this picture lies."""
    return l1_255(blur(image, WIDEST)[None], image[None].double()).item()


def at_level(spoil, image: Tensor, l1: float) -> Tensor:
    """spoil(amount) for the amount whose L1 to the image is l1, found by halving."""
    low, high = 0.0, WIDEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if l1_255(spoil(middle)[None], image[None]).item() < l1:
            low = middle
        else:
            high = middle
    return spoil(high)


def scored(image: Tensor, target: Tensor) -> dict[str, float]:
    """L1, PSNR, SSIM and spectrum gap of one picture."""
    pair = image[None], target[None]
    values = {name: metric(*pair).item() for name, metric in (("L1", l1_255), ("PSNR", psnr), ("SSIM", ssim))}
    return values | {"spectrum gap": high_frequency_gap(*pair)}


class BlurNoise:
    """Blur against noise at equal L1: a slider for the level, the pictures, a table of scores. Twin: `blur_noise`.

    Args:
        image: (C, H, W) in [-1, 1], square, at least 11 pixels. l1: the first level, in grey levels.

    Attributes:
        level: the slider; setting `level.value` redraws. picture, scores: HTML with a description in words.
    """

    def __init__(self, image: Tensor, l1: float = 8.0):
        import ipywidgets

        self.image = image
        highest = max(2.0, min(HIGHEST, float(int(reach(image)))))
        self.level = ipywidgets.FloatSlider(
            value=min(l1, highest), min=1.0, max=highest, step=0.5, description="L1", continuous_update=False
        )
        self.picture, self.scores = ipywidgets.HTML(), ipywidgets.HTML()
        self.box = ipywidgets.VBox([self.level, self.picture, self.scores])
        self.level.observe(lambda change: self.render(), "value")
        self.render()

    def render(self) -> None:
        """Draw the pictures and scores of the slider's level."""
        blurred, noisy, scores = blur_noise(self.image, self.level.value)
        figure = draw_pictures([[self.image, blurred, noisy]], ["truth", "blurred", "with noise"], scale=3)
        told = "; ".join(f"{name}: {', '.join(f'{k} {v:.2f}' for k, v in row.items())}" for name, row in scores.items())
        alt = f"A picture, the same blurred, and the same with noise, at L1 {self.level.value:g}. {told}."
        data = base64.b64encode(png(figure)).decode()
        self.picture.value = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
        self.scores.value = as_table(scores)

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.box)


def as_table(scores: dict[str, dict[str, float]]) -> str:
    """Rows of scores as an HTML table."""
    names = list(next(iter(scores.values())))
    head = "".join(f'<th scope="col">{name}</th>' for name in ["", *names])
    rows = "".join(
        f'<tr><th scope="row">{kind}</th>' + "".join(f"<td>{row[name]:.2f}</td>" for name in names) + "</tr>"
        for kind, row in scores.items()
    )
    return f"<table><tr>{head}</tr>{rows}</table>"
