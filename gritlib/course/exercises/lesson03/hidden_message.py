"""03.5: how much of an image comes back from its translation, as it is and with a little noise on it.

Noise is judged by what it does to a linear F, whose gain for noise is known, never by its values: students may draw it
in any order. The mean over an image strays by 0.3 % from what is expected, so the band of 3 % refuses no right answer.
"""

import torch
from torch import Tensor

from gritlib.course.compare import brief, difference
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson03.hidden_message_mistakes import MISTAKES, UNIT, hidden_message

MEAN_ABS = (2 / torch.pi) ** 0.5  # of a Gaussian of standard deviation 1
BAND = 0.03
WIDE = 0.15  # where neighbouring pixels and channels are mixed before the error is measured


def listen(inputs, hidden_message):
    state, setup = inputs["state"], inputs["setup"]
    seen = {}

    class Generator(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(state["G"].clone())

        def forward(self, images):
            # Of an image seen before it makes another one, as a generator with dropout does; each for itself, so that
            # a loop over the images is as good as a batch.
            times = []
            for image in images.detach():
                key = tuple(image.flatten()[:50].tolist())
                seen[key] = seen.get(key, 0) + 1
                times.append(seen[key] - 1)
            drift = setup["drift"] * torch.tensor(times, dtype=images.dtype).reshape(-1, 1, 1, 1)
            return torch.einsum("oc,bchw->bohw", self.weight, images) + drift

    class Way(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.weight = torch.nn.Parameter(state[name].clone())

        def forward(self, images):
            more = self.weight.shape[-1] - 1
            images = torch.nn.functional.pad(images, (0, more, 0, more), mode="circular") if more else images
            return torch.nn.functional.conv2d(images, self.weight)

    answers = []
    for seed, way in setup["runs"]:
        generator = torch.Generator().manual_seed(seed)
        answer = hidden_message(Generator(), Way(way), inputs["x"], setup["sigma"], generator)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            return {"pair": answer}
        answers.append(answer)
    told = {"clean": answers[0][0], "translated": sum(seen.values())}
    told |= {name: answer[1] for name, answer in zip(("noisy", "second", "third"), answers, strict=False)}
    return {name: told[name] for name in setup["report"]}


def odd(inputs, got) -> str | None:
    """What is wrong with the kind of the answer."""
    if "pair" in got:
        said = f"your function returned {brief(got['pair'])}, wanted a pair of tensors: clean, noisy"
        return said + (": is a `return` missing?" if got["pair"] is None else "")
    x = inputs["x"]
    for name, value in got.items():
        if name == "translated":
            continue
        if not isinstance(value, Tensor) or value.shape != x.shape[:1]:
            return f"{name} is {brief(value)}, wanted one number an image, a tensor of shape ({len(x)},)"
        if value.dtype != x.dtype:
            return f"{name} is {value.dtype} for images of {x.dtype}: does some tensor begin with a dtype of its own?"
    return None


def judge_clean(inputs, got, wanted):
    return odd(inputs, got) or difference(got, wanted, 1e-6, 1e-9)


def judge_still(inputs, got, wanted):
    said = odd(inputs, got)
    if said:
        return said
    count = len(inputs["x"])
    if got["translated"] > count:
        return (
            f"G translated {got['translated']} images for a batch of {count}: ask it once and use its answer twice. A "
            "G with random numbers in it, such as dropout's, never makes the same image again: the two errors would be "
            "those of two translations"
        )
    pair = {name: got[name] for name in ("clean", "noisy")}
    return difference(pair, {name: wanted[name] for name in pair}, 1e-6, 1e-9)


def noisy_only(got) -> dict:
    """Without clean, which parts of its own judge."""
    return {name: value for name, value in got.items() if name != "clean"}


def exchanged(got) -> str | None:
    """Where F undoes G, clean is 0 and noisy is not."""
    clean, noisy = got["clean"], got["noisy"]
    if isinstance(clean, Tensor) and clean.abs().min() > 0.01 > 1e-6 > noisy.abs().max():
        return (
            f"F undoes G, clean is {brief(clean)} and noisy is {brief(noisy)}: the two results are exchanged, clean "
            "comes first"
        )
    return None


def judge_gain(inputs, got, wanted):
    said = odd(inputs, noisy_only(got))
    if said:
        return said
    a, sigma = inputs["a"], inputs["setup"]["sigma"]
    right = a * sigma * MEAN_ABS
    if said := exchanged(got):
        return said
    ratio = got["noisy"].detach() / right
    if bool(((ratio - 1).abs() <= BAND).all()):
        return None
    said = (
        f"F makes noise {a:g} times as large, sigma = {sigma:g}: noisy is {brief(got['noisy'])}, wanted "
        f"{a:g}·{sigma:g}·√(2/π) = {right:.4g} for each image, ±3 %"
    )
    causes = (
        (UNIT, "sigma comes in grey levels of 0 to 255, G's answer lies in [−1, 1]: divide sigma by 127.5"),
        (UNIT**2, "sigma comes in grey levels of 0 to 255, G's answer lies in [−1, 1]: divide sigma by 127.5"),
        (1 / UNIT, "too small by 127.5: the errors are wanted in grey levels, and sigma is divided by 127.5 only once"),
        (1 / a, "the noise comes back as it was put in: it belongs on G(x), where F meets it; not on x, not behind F"),
        (0.5, "half of it: from −1 to 1 are two units for 255 grey levels, so one unit is 127.5"),
        (2.0, "twice too much: from −1 to 1 are two units for 255 grey levels, so one unit is 127.5"),
        (0.5 / MEAN_ABS, "that fits uniform noise from −1 to 1 or 0 to 1: wanted is Gaussian noise, torch.randn"),
        (0.25 / MEAN_ABS, "that fits uniform noise from −½ to ½: wanted is Gaussian noise, torch.randn"),
        (1 / MEAN_ABS, "that is the root of the mean square: wanted is the mean of the absolute differences"),
        ((UNIT / sigma) ** 0.5, "that fits noise of *variance* sigma/127.5: sigma is its standard deviation"),
    )
    cause = next((text for factor, text in causes if bool(((ratio / factor - 1).abs() <= BAND).all())), None)
    if cause is None and ratio.abs().max() < 1e-6:
        cause = "no noise arrives in F, or it is taken away again: noisy is the error of F(G(x) + noise)"
    elif cause is None and ratio.abs().max() < 0.05:
        cause = "take the absolute value of each difference before the mean: the signs of noise cancel"
    elif cause is None and ratio.max() > 1.2 * ratio.min():
        cause = "all values of an image seem to get the same noise: every value has a draw of its own"
    return f"{said}; {cause}" if cause else said


def judge_own(inputs, got, wanted):
    """Free of scale: how much weaker is noise after a mixture of twelve values than through a plain F?"""
    if said := odd(inputs, noisy_only(got)) or exchanged(got):
        return said
    weight, mixed = inputs["state"]["F"], got["noisy"].detach()
    ratio = mixed / got["second"].detach()

    def expected(gains):
        return float(gains.flatten(1).norm(dim=1).mean() / inputs["state"]["plain"].amax())

    def near(value):
        return bool(((ratio / value - 1).abs() <= WIDE).all())

    if near(expected(weight)):
        if len(set(mixed.tolist())) == 1:
            return f"four images that are alike give four times {mixed[0]:.6g}: draw the noise of each image anew"
        return None
    said = (
        f"an F that mixes the values of neighbouring pixels leaves {', '.join(f'{r:.3g}' for r in ratio.tolist())} of "
        f"the noise in four images that are alike, wanted is about {expected(weight):.3g}"
    )
    causes = (
        (weight.sum(1, keepdim=True), "the three colours of a pixel get the same noise, each value needs its own"),
        (weight.sum((2, 3)), "all pixels of a colour get the same noise, each value needs its own"),
        (
            weight.sum((1, 2, 3))[:, None],
            "all values of an image get the same noise, its signs cancel, or it does not pass F",
        ),
    )
    cause = next((text for gains, text in causes if near(expected(gains))), None)
    if cause is None and ratio.max() > 1.5 * ratio.min():
        cause = "do all values of an image get the same noise, or do its signs cancel?"
    return f"{said}: {cause}" if cause else said


def judge_states(inputs, got, wanted):
    said = odd(inputs, got)
    if said:
        return said
    if not torch.equal(got["noisy"], got["second"]):
        return "the same state of the generator gave other numbers: draw the noise from the generator you are given"
    if torch.equal(got["noisy"], got["third"]):
        return "another state of the generator gave the same numbers: draw the noise from the generator you are given"
    return None


def random(generator, low: float, high: float) -> float:
    """To two digits."""
    return round(low + (high - low) * float(torch.rand((), generator=generator)), 2)


def inputs_with(generator, x, G, F, *report, sigma=None, drift=0.0, runs=1):
    seed = int(torch.randint(2**31, (), generator=generator))
    setup = {
        "sigma": random(generator, 1, 6) if sigma is None else sigma,
        "drift": drift,
        "runs": [[seed, "F"], [seed, "F"], [seed + 1, "F"]][:runs],
        "report": list(report),
    }
    return {"x": x, "state": {"G": G, "F": F}, "setup": setup}


def draw_networks(generator, *report, **options):
    """Small images, a G whose answers leave [−1, 1] here and there, an F that is not its inverse."""
    batch = (1, 4)[int(torch.randint(2, (), generator=generator))]

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    x = torch.tanh(normal(batch, 3, 5, 6))
    return inputs_with(generator, x, normal(3, 3), 0.4 * normal(3, 3, 2, 2), *report, **options)


def draw_clean(generator):
    return draw_networks(generator, "clean")


def draw_still(generator):
    return draw_networks(generator, "clean", "noisy", "translated", sigma=0.0, drift=random(generator, 0.1, 0.3))


def draw_states(generator):
    return draw_networks(generator, "noisy", "second", "third", runs=3)


def draw_gain(generator):
    a, eye = random(generator, 4, 6), torch.eye(3, dtype=torch.float64)
    x = torch.tanh(torch.randn(2, 3, 128, 128, generator=generator, dtype=torch.float64))
    return inputs_with(generator, x, eye / a, a * eye[..., None, None], "clean", "noisy") | {"a": a}


def draw_own(generator):
    """Four uniform grey images, and two ways back to them: one value by value, one that mixes twelve values."""
    scale, eye = random(generator, 0.6, 0.8), torch.eye(3, dtype=torch.float64)
    weight = 1 + torch.rand(3, 3, 2, 2, generator=generator, dtype=torch.float64)
    weight /= scale * weight.sum((1, 2, 3), keepdim=True)
    grey = random(generator, 0.2, 0.5) * torch.ones(4, 3, 64, 64, dtype=torch.float64)
    inputs = inputs_with(generator, grey, scale * eye, weight, "clean", "noisy", "second")
    ((seed, way),) = inputs["setup"]["runs"]
    inputs["setup"]["runs"] = [[seed, way], [seed, "plain"]]
    inputs["state"]["plain"] = eye[..., None, None] / scale
    return inputs


HIDDEN_MESSAGE = Exercise(
    id="03.5",
    names=("hidden_message",),
    reference=(hidden_message,),
    minutes=15,
    parts=(
        Part(
            "clean: the error of F(G(x)) for each image, in grey levels",
            1,
            draw_clean,
            listen,
            judge_clean,
            "The mean over colours, rows and columns of |F(G(x)) − x|, times 127.5: one number an image.",
            repeat=3,
        ),
        Part(
            "sigma = 0: noisy is clean, also of a G that never makes the same image twice",
            1,
            draw_still,
            listen,
            judge_still,
            "Both errors are taken against x, and both begin with the same G(x).",
            repeat=2,
        ),
        Part("F undoes G and enlarges noise a times: noisy is a·sigma·√(2/π)", 1, draw_gain, listen, judge_gain),
        Part("each value of each image has noise of its own", 1, draw_own, listen, judge_own),
        Part("the noise comes from the generator", 1, draw_states, listen, judge_states),
    ),
    mistakes=MISTAKES,
)
