"""00.4, how much power an image has at each spatial frequency. Squares of odd side are drawn, or rings below
Nyquist compared: the Nyquist frequency itself, which the package counts on both sides, exists for even sides only, and
without it a plain reading of the definition gives the same numbers."""

import math

import torch

from gritlib.course.exercise import Exercise, Mistake, Part
from gritlib.metrics import radial_spectrum


def rings(inputs, radial_spectrum):
    answer = radial_spectrum(inputs["x"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"freq": answer, "power": None}
    return {"freq": torch.as_tensor(answer[0]).double(), "power": answer[1]}


def flatness(inputs, radial_spectrum):
    answer = radial_spectrum(inputs["x"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"low": answer, "middle": None, "high": None}
    bands = {"low": (4, 8), "middle": (8, 12), "high": (12, 16)}
    return {name: answer[1][first:last].mean() for name, (first, last) in bands.items()}


def peak(inputs, radial_spectrum):
    answer = radial_spectrum(inputs["x"])
    if not isinstance(answer, (tuple, list)) or len(answer) != 2:
        return {"ring": answer, "frequency": None, "share of it": None}
    freq, power = answer
    ring = int(power.argmax())
    return {"ring": ring, "frequency": float(freq[ring]), "share of it": float(power[ring] / power.sum())}


def shifted_energy(inputs, radial_spectrum):
    x, n = inputs["x"], inputs["x"].shape[-1]
    answers = [radial_spectrum(x), radial_spectrum(x.roll(inputs["shift"], (2, 3)))]
    if any(not isinstance(answer, (tuple, list)) or len(answer) != 2 for answer in answers):
        return {"energy in all rings": answers[0], "shifted": None, "power": None}
    power, moved = (answer[1] for answer in answers)
    k = torch.arange(n) - n // 2
    ring = (k[:, None] ** 2 + k[None] ** 2).double().sqrt().round().long().flatten()
    count = torch.bincount(ring, minlength=len(power)).double()[: len(power)]
    return {
        "energy in all rings": (count * power).sum() / n**2,
        "shifted": (count * moved).sum() / n**2,
        "power": moved,
    }


def odd_side(generator):
    return 9 + 2 * int(torch.randint(5, (), generator=generator))


def draw_batch(generator, batch=4):
    """Images of unequal strength with a mean, so that an average taken too early shows."""
    side = odd_side(generator)
    x = torch.randn(batch, 3, side, side, generator=generator, dtype=torch.float64)
    strength = torch.rand(batch, 3, 1, 1, generator=generator, dtype=torch.float64)
    return {"x": strength * x + 0.3}


def draw_one(generator):
    return draw_batch(generator, batch=1)


def draw_noise(generator):
    """Of even side; of it only rings below Nyquist are compared."""
    std = 0.2 + float(torch.rand((), generator=generator))
    return {"x": std * torch.randn(2, 3, 32, 32, generator=generator, dtype=torch.float64), "variance": std**2}


def draw_wave(generator):
    """A wave to the right, downwards or along the diagonal, with k periods along each axis it runs on."""
    side, k = odd_side(generator) + 8, int(torch.randint(2, 6, (), generator=generator))
    down, right = ((0, k), (k, 0), (k, k))[int(torch.randint(3, (), generator=generator))]
    phase = 2 * math.pi * float(torch.rand((), generator=generator))
    t = 2 * math.pi * torch.arange(side, dtype=torch.float64) / side
    wave = torch.sin(down * t[:, None] + right * t[None] + phase)
    return {"x": wave.expand(2, 1, side, side).clone(), "periods": [down, right]}


def draw_shift(generator):
    return draw_batch(generator, batch=2) | {"shift": torch.randint(1, 8, (2,), generator=generator).tolist()}


def sorted_by(
    x, radius=torch.hypot, whole=torch.round, centred=True, before=None, after=None, summed=False, scale=1.0, zero=None
):
    """The definition with one step exchanged."""
    n = x.shape[-1]
    zero = n // 2 if zero is None else zero
    spectrum = torch.fft.fft2(x if before is None else before(x), norm="ortho")
    power = (spectrum.abs().square() if after is None else after(spectrum)) * scale
    if centred:
        power = torch.fft.fftshift(power, (-2, -1))
    power = power.mean((0, 1))
    k = (torch.arange(n) - zero).double()
    ring = whole(radius(*torch.broadcast_tensors(k[:, None], k[None]))).long().flatten()
    totals = torch.zeros(int(ring.max()) + 1, dtype=x.dtype).index_add(0, ring, power.flatten())
    freq = torch.arange(len(totals), dtype=torch.float64) / (n / 2)
    return freq, totals if summed else totals / torch.bincount(ring)


def amplitude(x):
    return sorted_by(x, after=torch.abs)


def batch_first(x):
    return sorted_by(x, before=lambda x: x.mean(0, keepdim=True))


def colours_first(x):
    return sorted_by(x, before=lambda x: x.mean(1, keepdim=True))


def log_first(x):
    return sorted_by(x, after=lambda s: s.abs().square().log())


def geometric(x):
    freq, power = log_first(x)
    return freq, power.exp()


def square_rings(x):
    return sorted_by(x, radius=lambda y, x: torch.maximum(y.abs(), x.abs()))


def diamond_rings(x):
    return sorted_by(x, radius=lambda y, x: y.abs() + x.abs())


def ring_sum(x):
    return sorted_by(x, summed=True)


def floored(x):
    return sorted_by(x, whole=torch.floor)


def up_to_nyquist(x):
    freq, power = sorted_by(x)
    return freq[freq <= 1], power[freq <= 1]


def half_a_step_off(x):
    return sorted_by(x, zero=x.shape[-1] / 2)


def not_normalised(x):
    return sorted_by(x, scale=x.shape[-1] ** 2)


def not_centred(x):
    return sorted_by(x, centred=False)


LOG = "The logarithm was taken before the mean: the mean of logarithms is not the logarithm of the mean power."

RADIAL_SPECTRUM = Exercise(
    id="00.4",
    names=("radial_spectrum",),
    reference=(radial_spectrum,),
    minutes=15,
    parts=(
        Part(
            "power of one image, averaged over rings",
            2,
            draw_one,
            rings,
            advice="Write it in steps: FFT, squared magnitude, centre, distance from the centre, mean over each ring.",
        ),
        Part(
            "power of a batch: every image and colour counts by its own power",
            1,
            draw_batch,
            rings,
            advice="The mean over images and colours comes after the squared magnitude.",
        ),
        Part("white noise is flat, at its variance", 1, draw_noise, flatness, rtol=1e-5),
        Part("a wave has its peak in its own ring, whatever its direction", 1, draw_wave, peak, rtol=1e-5, repeat=4),
        Part("a circular shift changes nothing, and the energy adds up", 0, draw_shift, shifted_energy, rtol=1e-5),
    ),
    mistakes=(
        Mistake("These are magnitudes |F|: power is the square of the magnitude.", amplitude),
        Mistake(
            "The batch was averaged before the FFT: details of different images cancel there. Average their powers.",
            batch_first,
        ),
        Mistake(
            "The colours were averaged before the FFT: detail that differs between them cancels. Average their powers.",
            colours_first,
        ),
        Mistake(LOG, log_first),
        Mistake(LOG, geometric),
        Mistake(
            "The rings are squares: a diagonal frequency of (k, k) lies at a distance of k·√2 from the centre, not k.",
            square_rings,
        ),
        Mistake("The rings are diamonds: the distance of (k, k) from the centre is k·√2, not 2·k.", diamond_rings),
        Mistake(
            "These are sums over rings: larger rings hold more coefficients, so white noise rises. Take their mean.",
            ring_sum,
        ),
        Mistake("The distance was cut to a whole number: ring r holds the distances that round to r.", floored),
        Mistake(
            "The distances are half a step off: after the shift frequency 0 stands at N // 2, for odd N not at N / 2.",
            half_a_step_off,
        ),
        Mistake("The corners are missing: the distances go up to √2 times the Nyquist frequency.", up_to_nyquist),
        Mistake(
            "The power is N·N times too large: with norm='ortho' white noise has the power of its variance.",
            not_normalised,
        ),
        Mistake(
            "The rings are not around frequency 0: the FFT puts it into the corner, so distances start there.",
            not_centred,
        ),
    ),
)
