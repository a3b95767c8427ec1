"""06.6: how much of the picture does the noise decide?

Sides and edges are drawn so that no frequency lies on an edge, where rounding would decide. For a class that has a
cohort key the fine detail is a band, which ends a little below or above Nyquist.
"""

import hashlib
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference, number, returned
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson06.noise_use_mistakes import PUBLIC, fine, mistakes, radius

UPPERS = (0.83, 0.93, 1.07, 1.17)  # where a class's band ends, in Nyquist
BAND = 0.03  # of a known answer


def noise_use(draws: Tensor, edge: float = 0.5) -> tuple[Tensor, float]:
    return up_to(draws, edge, PUBLIC)


def up_to(draws, edge=0.5, upper=PUBLIC):
    detail = fine(draws, edge, upper)
    return draws.std(0).mean(1), (detail.var(0).mean() / detail.square().mean()).item()


def used(inputs, noise_use):
    edge, reports = ({"edge": inputs["edge"]} if "edge" in inputs else {}), {}
    for name, times in (("one", 1.0), *((("louder", inputs["times"]),) if "times" in inputs else ())):
        found = noise_use(times * inputs["draws"], **edge)
        if not isinstance(found, (tuple, list)) or len(found) != 2:
            return {"returned": found}
        reports[name] = dict(zip(("std map", "share"), found, strict=True))
    return {name: {key: found[key] for key in inputs["report"]} for name, found in reports.items()}


def wrong_kind(inputs, got) -> str | None:
    """What is wrong with the kinds and shapes of the two results."""
    if "returned" in got:
        return returned(got["returned"], "two things: the std map and the share")
    draws = inputs["draws"]
    shape = (draws.shape[1], *draws.shape[3:])
    for found in got.values():
        if "std map" in found:
            std = found["std map"]
            if not isinstance(std, Tensor):
                return f"the std map is {brief(std)}, wanted a tensor {'x'.join(map(str, shape))}"
            if std.shape != shape:
                return f"the std map has the shape {tuple(std.shape)}, wanted (B, H, W), here {shape}"
        if "share" in found and number(found["share"]) is None:
            return f"the share is {brief(found['share'])}, wanted one number for all images"
    return None


def judge(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    for key, value in wanted["one"].items():
        if said := difference(got["one"][key], value, 1e-5, 1e-9, f"the {key}"):
            n, *shape = inputs["draws"].shape
            edge = f", edge = {inputs['edge']:.3g}" if "edge" in inputs else ""
            return f"{n} draws of images {'x'.join(map(str, shape))}{edge}: {said}"
    return None


def judge_known(inputs, got, wanted):
    """y = m + s·n: the deviation is s, and both powers are known."""
    if said := wrong_kind(inputs, got):
        return said
    found, s = got["one"], inputs["s"]
    spread = found["std map"].mean().item()
    if not abs(spread - s) <= BAND * s:
        return f"pictures with noise of the deviation {s:g} added: your std map is {spread:.4g} on average"
    share, right = number(found["share"]), inputs["known share"]
    if not abs(share - right) <= BAND * right:
        return (
            f"pictures with noise of the deviation {s:g} added, whose powers above the edge are known: the share is "
            f"{right:.4g}, yours is {share:.4g}"
        )
    return None


def judge_louder(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    one, many = (number(got[name]["share"]) for name in ("one", "louder"))
    if abs(one - many) <= 1e-6 * abs(one):
        return None
    return f"the same draws with {inputs['times']:g} times the contrast: the share was {one:.6g} and is {many:.6g}"


def judge_ends(inputs, got, wanted):
    if said := wrong_kind(inputs, got):
        return said
    share, right = number(got["one"]["share"]), inputs["known share"]
    if abs(share - right) <= (2 * BAND if right else 1e-9):
        return None
    what = "draws that have nothing in common" if right else "draws that are all the same picture"
    return f"{what}: the share is {right:g}, yours is {share:.4g}"


def uniform(generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator, dtype=torch.float64))


def draw_sides(generator) -> tuple[int, int]:
    """Two different sides; no frequency near the default edge, nor near the end of any class's band."""
    while True:
        height, width = (torch.randperm(9, generator=generator)[:2] + 8).tolist()
        r = radius(height, width)
        if all((r - edge).abs().min() > 1e-3 for edge in (0.5, *UPPERS)):
            return height, width


def draw_edge(generator, height: int, width: int) -> float:
    values = radius(height, width).flatten().sort().values.tolist()
    gaps = [(a + b) / 2 for a, b in pairwise(values) if b - a > 0.02 and a > 0.2 and b < 0.75]
    return gaps[int(torch.randint(len(gaps), (), generator=generator))]


def draw_noisy(generator, *report, batch=1, edge=True):
    """Draws around pictures of unequal contrast, with unequal noise in their channels, each with a mean."""
    n = int(torch.randint(4, 8, (), generator=generator))
    height, width = draw_sides(generator)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    contrast = 0.3 + torch.rand(batch, 3, 1, 1, generator=generator, dtype=torch.float64)
    loudness = 0.2 + torch.rand(batch, 3, 1, 1, generator=generator, dtype=torch.float64)
    pictures = contrast * normal(batch, 3, height, width) + 0.5 * normal(batch, 3, 1, 1)
    inputs = {"draws": pictures + loudness * normal(n, batch, 3, height, width), "report": list(report)}
    return {**inputs, "edge": draw_edge(generator, height, width)} if edge else inputs


def draw_map(generator):
    return draw_noisy(generator, "std map")


def draw_maps(generator):
    return draw_noisy(generator, "std map", batch=4)


def draw_share(generator):
    return draw_noisy(generator, "share", edge=False)


def draw_shares(generator):
    return draw_noisy(generator, "share", batch=4)


def draw_known(generator, upper=PUBLIC):
    """Forty draws of two pictures, 27x25 pixels."""
    s, edge = uniform(generator, 0.3, 1.5), 0.41
    pictures = torch.randn(2, 3, 27, 25, generator=generator, dtype=torch.float64)
    noise = torch.randn(40, 2, 3, 27, 25, generator=generator, dtype=torch.float64)
    r = radius(27, 25)
    of_noise = s**2 * ((edge <= r) & (r < upper)).double().mean().item()  # white: equal power at every frequency
    of_pictures = fine(pictures, edge, upper).square().mean().item()
    inputs = {"draws": pictures + s * noise, "edge": edge, "report": ["std map", "share"]}
    return {**inputs, "s": round(s, 4), "known share": of_noise / (of_pictures + of_noise)}


def draw_louder(generator):
    return {**draw_noisy(generator, "share", batch=2), "times": round(uniform(generator, 1.5, 4), 2)}


def draw_ends(generator):
    """A frozen net's, or pure noise."""
    inputs, frozen = draw_noisy(generator, "share", batch=2), bool(torch.randint(2, (), generator=generator))
    draws = inputs["draws"]
    if frozen:
        return {**inputs, "draws": draws[:1].expand_as(draws).clone(), "known share": 0.0}
    pure = torch.randn(24, *draws.shape[1:], generator=generator, dtype=torch.float64)
    return {**inputs, "draws": pure, "known share": 1.0}


def exercise(upper: float, reference, note: str = "") -> Exercise:
    band = "edge·Nyquist or more" if upper == PUBLIC else f"from edge to {upper:g} times Nyquist"
    return Exercise(
        id="06.6",
        names=("noise_use",),
        reference=(reference,),
        minutes=15,
        parts=(
            Part(
                "the std map of one image: the standard deviation over draws, then the mean over channels",
                1,
                draw_map,
                used,
                judge,
                "draws is (n, B, C, H, W): dimension 0 counts the draws. The deviation is divided by n − 1, as "
                "torch.std does.",
                repeat=2,
            ),
            Part(
                "the std maps of four images, (B, H, W)",
                1,
                draw_maps,
                used,
                judge,
                "Each image's map is what it would be alone.",
                repeat=2,
            ),
            Part(
                f"the share of one image: frequencies {band}",
                1,
                draw_share,
                used,
                judge,
                f"In steps: FFT of each draw over its last two dimensions; keep the frequencies {band}; back. Then the "
                "variance over draws, averaged, divided by the mean square, both of what was kept.",
                repeat=2,
            ),
            Part(
                "the share of four images: one ratio of two means, with another edge",
                1,
                draw_shares,
                used,
                judge,
                "Numerator and denominator are each averaged over images, channels and pixels; then divided, once.",
                repeat=2,
            ),
            Part(
                f"y = m + s·n with known powers: std = s and share = s²·Pₙ/(Pₘ + s²·Pₙ), within {BAND:.0%}",
                0,
                partial(draw_known, upper=upper),
                used,
                judge_known,
            ),
            Part("more contrast leaves the share as it is", 0, draw_louder, used, judge_louder),
            Part("a share of 0 for a net that ignores its noise, of 1 for pure noise", 0, draw_ends, used, judge_ends),
        ),
        mistakes=mistakes(upper),
        variant=variant,
        note=note,
    )


def variant(key: str) -> Exercise:
    """The exercise of the class with this key: fine detail that ends at another frequency than the last."""
    upper = UPPERS[hashlib.sha256(key.encode()).digest()[0] % len(UPPERS)]
    note = (
        f"In this class fine detail is a band: hp keeps the frequencies from edge up to, not including, {upper:g} "
        "times Nyquist, and what lies beyond plays no part."
    )
    return exercise(upper, lambda draws, edge=0.5: up_to(draws, edge, upper), note)


NOISE_USE = exercise(PUBLIC, noise_use)
