"""Metrics and outcomes in words, for the results page and its figure: names, units, and how many digits say something.

Texts are made with Python's own formatting of numbers alone, so that they are the same bytes everywhere.
"""

from collections.abc import Sequence

from gritlib.studies import report
from gritlib.studies.verdicts import ENOUGH, Comparison, Outcome

# name -> in words, unit, digits
METRICS = {
    "L1": ("L1", "of 255", 2),
    "L1_back": ("L1 of the way back", "of 255", 2),
    "PSNR": ("PSNR", "dB", 2),
    "SSIM": ("SSIM", "", 3),
    "spectrum_gap": ("spectrum gap", "ln power", 2),
    "spectrum_distance": ("spectrum distance", "ln power", 2),
    "reconstruction_gap": ("spectrum gap of the reconstruction", "ln power", 2),
    "lattice": ("lattice", "ln power", 2),
    "colour_overlap": ("overlap of colours", "", 3),
    "overlap_lent": ("overlap of colours with the image that lends its style", "", 3),
    "overlap_mean": ("the same with the mean style", "", 3),
    "VGG16_distance": ("VGG16 distance", "", 3),
    "KD_Lite0": ("kernel distance", "", 3),
    "FD_Lite0_24": ("Fréchet distance", "", 1),
    "mean_iou": ("mean IOU", "", 3),
    "moved": ("difference from the input", "of 255", 1),
    "D_wobble": ("swing of D's loss", "", 3),
    "iou_truth": ("IOU with the true figure", "", 2),
    "iou_input": ("IOU with the input's", "", 2),
    "noise_std": ("spread over noise draws", "of [-1, 1]", 3),
    "noise_share": ("share of the detail that noise decides", "", 2),
    "calibration_r": ("correlation with the true spread", "r", 2),
    "calibration_ratio": ("ratio to the true spread", "", 2),
    "residual_low_share": ("coarse share of the residual", "", 2),
    "z_std": ("spread over new styles", "of [-1, 1]", 4),
    "bump_L1": ("bump of L1", "of 255", 2),
    "cut_trained": ("CUT's trained parameters", "of CycleGAN's", 2),
    "cut_time": ("CUT's seconds a step", "of CycleGAN's", 2),
    "cut_memory": ("CUT's memory", "of CycleGAN's", 2),
}
STYLES = {"_random": "style of a training image", "_truth": "style of the truth", "_mean": "mean style"}


def parts(metric: str) -> tuple[str, str, str, int]:
    """A metric's words, unit, style and digits.

    Raises:
        ValueError: a metric that has no words yet.
    """
    name, style = metric.strip("|"), ""
    if name not in METRICS:
        style = next((ending for ending in STYLES if name.endswith(ending)), "")
        name = name.removesuffix(style) if style else name
    if name not in METRICS:
        raise ValueError(f"metric {metric!r} has no words: add it to gritlib.studies.words.METRICS")
    words, unit, digits = METRICS[name]
    return (f"|{words}|" if metric.startswith("|") else words), unit, STYLES.get(style, ""), digits


def metric_words(metric: str) -> str:
    """ "L1 (of 255; style of the truth)"."""
    words, unit, style, _ = parts(metric)
    inside = "; ".join(part for part in (unit, style) if part)
    return f"{words} ({inside})" if inside else words


def comparison_words(c: Comparison) -> str:
    """What is compared, and what the claim predicts."""
    wish = f" {c.predicted}" if c.predicted else ", without a prediction"
    if isinstance(c.other, float):
        return f"`{c.subject}`: {metric_words(c.metric)}{wish} than {c.other:g}"
    if c.against:
        return f"`{c.subject}`: {metric_words(c.metric)}{wish} than {metric_words(c.against)}"
    kind = "ratio of " if c.kind == "ratio" else ""
    return f"`{c.subject}` against `{c.other}`: {kind}{metric_words(c.metric)}{wish}"


def number(value: float, c: Comparison) -> str:
    """A value of a comparison; differences carry their sign."""
    digits = 2 if c.kind == "ratio" else parts(c.metric)[3]
    sign = "+" if c.kind == "difference" and isinstance(c.other, str) else ""
    text = f"{value:{sign}.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def found(o: Outcome) -> str:
    """The number with its interval, or with the single seeds; a dash where nothing has run."""
    if o.estimate is None:
        return "–"
    estimate = number(o.estimate, o.comparison)
    if o.low is not None:
        return f"{estimate} ({number(o.low, o.comparison)} to {number(o.high, o.comparison)})"
    if len(o.each) == 1:
        return estimate
    return f"{estimate} (seeds {', '.join(number(value, o.comparison) for value in o.each)})"


def cell(values: Sequence[float], digits: int) -> str:
    """Mean of an arm's seeds: "± half an interval" from five on, of two to four the least and the greatest, else the
    value alone; a dash of none."""
    if not values:
        return "–"
    mean = sum(values) / len(values)
    text = f"{mean:.{digits}f}"
    if len(values) >= ENOUGH:
        text += f" ± {mean - report.mean_interval(values)[1]:.{digits}f}"
    elif len(values) > 1:
        text += f" ({min(values):.{digits}f} to {max(values):.{digits}f})"
    return text.replace("-", "−")
