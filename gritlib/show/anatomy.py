"""GRIT taken apart, as figures: its three outputs beside the truth, the spectra of all of them, and where the noise
acts beside where the truth varies. Lessons 06 and 07.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gritlib.metrics import calibration, radial_spectrum
from gritlib.nets import Output
from gritlib.show.figures import check_alt, draw_curves, draw_pictures, present

NAMES = {
    "truth": "truth",
    "image": "image",
    "reconstruction": "reconstruction",
    "residual": "residual",
    "deviation": "deviation over noise draws",
}
TOLD = (0.1, 0.5, 0.9)  # frequencies whose ln power is said in words
FLOOR = 1e-12  # power below this is rounding
TOP = 0.995  # quantile of all standard deviations that is white: a few pixels must not darken the maps


def residual_picture(residual: Tensor, amplify: float = 1.0) -> Tensor:
    """A residual as it is shown: 0 is mid-grey, `amplify` times enlarged, and what exceeds the range is cut."""
    return (amplify * residual).clamp(-1, 1)


def draw_parts(out: Output, truth: Tensor | None = None, amplify: float = 1.0, labels: Sequence[str] = ()):
    """The figure behind `parts`."""
    if out.residual is None:
        raise ValueError("this output has no residual: the network has one head, and its image is all there is")
    shown = {
        "reconstruction": out.reconstruction,
        "residual" if amplify == 1 else f"{amplify:g} × residual": residual_picture(out.residual, amplify),
        "image": out.image,
    }
    if truth is not None:
        shown["truth"] = truth
    rows = [list(row) for row in zip(*shown.values(), strict=True)]
    return draw_pictures(rows, list(shown), labels, caption="residual: mid-grey is 0")


def parts(
    out: Output, truth: Tensor | None = None, *, alt: str, amplify: float = 1.0, labels: Sequence[str] = ()
) -> None:
    """Reconstruction, residual, image and truth side by side, a place a row.

    Args:
        out: of `method.translate`, (B, C, H, W) each. truth: (B, C, H, W) or None. alt: the description in words.
            amplify: factor of the residual. labels: one for each row.

    Raises:
        ValueError: an output without residual, parts of different numbers, no description.
    """
    check_alt(alt)
    present(draw_parts(out, truth, amplify, labels), alt)


def measured(**images: Tensor) -> dict[str, list[float]]:
    """Spectra of images as a study keeps them: "frequency", relative to Nyquist and up to it, and each name's ln power.

    Args:
        images: name -> (B, C, N, N), all of one size; the names that `spectra` knows are those of `NAMES`.

    Raises:
        ValueError: no images, or sizes that differ.
    """
    if not images or len({tuple(x.shape[-2:]) for x in images.values()}) > 1:
        sizes = ", ".join(f"{name} {tuple(x.shape[-2:])}" for name, x in images.items())
        raise ValueError(f"spectra of {sizes or 'nothing'}: give images of one size")
    found = {}
    for name, x in images.items():
        frequency, power = radial_spectrum(x)
        inside = frequency <= 1
        found |= {"frequency": frequency[inside].tolist(), name: power[inside].clamp(min=FLOOR).log().tolist()}
    return found


def draw_spectra(found: Mapping[str, Sequence[float]], names: Sequence[str] | None = None, title: str = ""):
    """The figure behind `spectra`."""
    series = {NAMES.get(name, name): (found["frequency"], found[name]) for name in chosen(found, names)}
    return draw_curves(series, "frequency relative to Nyquist", "ln power", title)


def chosen(found: Mapping[str, Sequence[float]], names: Sequence[str] | None) -> list[str]:
    """The curves to draw: those asked for, or all, the usual ones first."""
    have = [name for name in found if name != "frequency"]
    if "frequency" not in found or not have:
        raise ValueError(
            f"spectra with {', '.join(found) or 'nothing'}: needed are frequency and a curve, see `measured`"
        )
    if names is None:
        return [name for name in NAMES if name in have] + [name for name in have if name not in NAMES]
    if unknown := [name for name in names if name not in have]:
        raise ValueError(f"no spectrum of {', '.join(unknown)}: there are {', '.join(have)}")
    return list(names)


def spectra(
    found: Mapping[str, Sequence[float]], names: Sequence[str] | None = None, *, alt: str, title: str = ""
) -> None:
    """Spectra of reconstruction, residual, image and truth: ln power, averaged over directions, over the frequency.

    The ln power of each curve at three frequencies is added to the description.

    Args:
        found: "frequency" and curves, from `measured` or from a study's `details["spectra"]`. names: which curves, in
            this order; by default all. alt: the description in words.

    Raises:
        ValueError: no curve, one that is not there, no description.
    """
    check_alt(alt)
    frequency, told = list(found["frequency"]), []
    for name in chosen(found, names):
        at = [min(range(len(frequency)), key=lambda i: abs(frequency[i] - f)) for f in TOLD]
        told.append(f"{NAMES.get(name, name)} {', '.join(f'{found[name][i]:.1f}' for i in at)}")
    where = ", ".join(f"{f:g}" for f in TOLD)
    present(draw_spectra(found, names, title), f"{alt} ln power at {where} times Nyquist: {'; '.join(told)}.")


def draw_std_maps(maps: Mapping[str, Tensor], images: Tensor | None = None, labels: Sequence[str] = ()):
    """The figure behind `std_maps`."""
    shapes = {tuple(x.shape) for x in maps.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        seen = ", ".join(f"{name} {tuple(x.shape)}" for name, x in maps.items())
        raise ValueError(f"std maps {seen or 'missing'}: needed is one shape, (B, H, W)")
    top = torch.cat([x.double().flatten() for x in maps.values()]).quantile(TOP).item() or 1.0
    columns = {name: (2 * x[:, None].double() / top - 1).clamp(-1, 1).float() for name, x in maps.items()}
    if images is not None:
        columns = {"image": images, **columns}
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    caption = f"one scale: black is 0, white a standard deviation of {top:.2f} or more, of images in [-1, 1]"
    return draw_pictures(rows, list(columns), labels, caption=caption)


def std_maps(maps: Mapping[str, Tensor], images: Tensor | None = None, *, alt: str, labels: Sequence[str] = ()) -> None:
    """Standard deviations over noise draws as grey maps of one scale, a place a row, beside the true one.

    Each map's mean is added to the description, and with a map "truth" each one's correlation with it and ratio to it.

    Args:
        maps: name -> (B, H, W), in units of [-1, 1], for example {"GRIT": noise_use(draws)[0], "truth": std}. images:
            (B, C, H, W) to show first. alt: the description in words. labels: one for each row.

    Raises:
        ValueError: no map, shapes that differ, no description.
    """
    check_alt(alt)
    figure, told = draw_std_maps(maps, images, labels), []
    for name, x in maps.items():
        said = f"{name} has a mean of {x.double().mean():.3f}"
        if "truth" in maps and name != "truth":
            c = calibration(x, maps["truth"])
            said += f", r = {c['r']:.2f} with the truth and {c['ratio']:.2f} of its deviation"
        told.append(said)
    present(figure, f"{alt} {'; '.join(told)}.")
