"""07.3: the weights between two networks (Deep Network Interpolation, Wang et al. 2019).

State dicts are drawn as small networks with batch norm have them, once with their entries in unlike order.
"""

import torch
from torch import Tensor

from gritlib.course.compare import NO_RETURN, brief, difference
from gritlib.course.exercise import Exercise, Part
from gritlib.course.exercises.lesson07.interpolate_mistakes import MISTAKES

CLOSE = 1e-6  # of weights, which may be of single precision
NAMING = ("KeyError", "ValueError", "RuntimeError")  # errors that are fit to name an entry


def interpolate(theta_a: dict[str, Tensor], theta_b: dict[str, Tensor], alpha: float) -> dict[str, Tensor]:
    if odd := set(theta_a) ^ set(theta_b):
        raise KeyError(f"entries of one network only: {', '.join(sorted(odd))}")
    near = theta_a if alpha < 0.5 else theta_b
    return {
        name: torch.lerp(a, theta_b[name], alpha) if a.is_floating_point() else near[name].clone()
        for name, a in theta_a.items()
    }


def between(inputs, interpolate):
    return {f"alpha = {alpha:g}": interpolate(inputs["a"], inputs["b"], alpha) for alpha in inputs["alphas"]}


def refusals(inputs, interpolate):
    told = {}
    for case, (a, b) in inputs["cases"].items():
        try:
            answer = interpolate(a, b, inputs["alpha"])
        except NotImplementedError:
            raise
        except Exception as error:
            told[case] = {"raised": type(error).__name__, "says": str(error)}
        else:
            told[case] = {"returned": answer}
    return told


def wrong_entry(name: str, got, wanted: Tensor, a: Tensor, b: Tensor) -> str | None:
    """What is wrong with one entry. One of integers may be either network's."""
    if not wanted.is_floating_point():
        if isinstance(got, Tensor) and any(difference(got, side, 0, 0) is None for side in (a, b)):
            return None
        return f"{name} counts {brief(a)} in theta_a and {brief(b)} in theta_b: got {brief(got)}, wanted one of the two"
    return difference(got, wanted, CLOSE, CLOSE, name)


def judge_entries(inputs, got, wanted):
    for case, right in wanted.items():
        answer = got[case]
        if not isinstance(answer, dict):
            said = f"your function returned {brief(answer)}, wanted a dict"
            return said + (NO_RETURN if answer is None else "")
        if set(answer) != set(right):
            odd = sorted(map(str, set(answer) ^ set(right)))
            return f"the result and the networks differ in the entries {', '.join(odd)}"
        for name, value in right.items():
            if said := wrong_entry(name, answer[name], value, inputs["a"][name], inputs["b"][name]):
                return f"{case}: {said}"
    return None


def judge_weights(inputs, got, wanted):
    """Whatever their dtype, which is the next part's affair."""

    def widened(answer):
        if not isinstance(answer, dict):
            return answer
        return {k: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in answer.items()}

    return judge_entries(inputs, {case: widened(answer) for case, answer in got.items()}, wanted)


def judge_refusals(inputs, got, wanted):
    for case, told in got.items():
        name = inputs["odd"]
        if "returned" in told:
            return f"{name} stands in {case} alone, and no error was raised"
        if name not in told["says"]:
            return f"{name} stands in {case} alone: the {told['raised']} raised does not name it: {told['says']!r}"
        if told["raised"] not in NAMING:
            return f"the error names {name}, but {told['raised']} does not fit: raise a KeyError or a ValueError"
    return None


def names(generator) -> list[str]:
    """Of a convolution and a norm in three places."""
    places = torch.randperm(9, generator=generator)[:3].tolist()
    kinds = ("conv.weight", "conv.bias", "norm.running_var")
    return [f"blocks.{place}.{kind}" for place in places for kind in kinds]


def draw_floats(generator):
    """Two networks, float64 throughout."""
    shapes = {name: torch.randint(2, 5, (2,), generator=generator).tolist() for name in names(generator)}
    a, b = (
        {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
        for _ in range(2)
    )
    return {"a": a, "b": b, "alphas": [draw_alpha(generator)]}


def draw_shuffled(generator):
    inputs = draw_floats(generator)
    order = torch.randperm(len(inputs["b"]), generator=generator).tolist()
    return {**inputs, "b": {list(inputs["b"])[i]: inputs["b"][list(inputs["b"])[i]] for i in order}}


def draw_alpha(generator) -> float:
    """Between 0 and 1, away from both ends and the middle."""
    low = 0.1 + 0.3 * float(torch.rand((), generator=generator))
    return round(low if torch.rand((), generator=generator) < 0.5 else 1 - low, 2)


def draw_kinds(generator):
    """Batch norm's counters beside weights of single and of double precision."""
    inputs = draw_floats(generator)
    counts = torch.randperm(900, generator=generator)[:6] + 100
    for k, side in enumerate((inputs["a"], inputs["b"])):
        for i, name in enumerate(sorted(side)):
            if name.endswith("bias"):
                side[name] = side[name].float()
            if name.endswith("running_var"):
                side[name.replace("running_var", "num_batches_tracked")] = counts[2 * (i // 3) + k].clone()
    return inputs


def draw_ends(generator):
    return {**draw_floats(generator), "alphas": [0.0, 1.0]}


def draw_beyond(generator):
    return {**draw_floats(generator), "alphas": [-draw_alpha(generator), 1 + draw_alpha(generator)]}


def draw_odd(generator):
    """An entry that one of the networks does not have, once each way."""
    inputs = draw_floats(generator)
    odd = list(inputs["a"])[int(torch.randint(9, (), generator=generator))]
    less = [{name: value for name, value in inputs[side].items() if name != odd} for side in "ab"]
    cases = {"theta_a": (inputs["a"], less[1]), "theta_b": (less[0], inputs["b"])}
    return {"cases": cases, "odd": odd, "alpha": inputs["alphas"][0]}


INTERPOLATE = Exercise(
    id="07.3",
    names=("interpolate",),
    reference=(interpolate,),
    minutes=10,
    parts=(
        Part(
            "weights: (1 − alpha)·theta_a + alpha·theta_b, entry by entry",
            1,
            draw_shuffled,
            between,
            judge_weights,
            "Loop over the names; both networks have an entry of each.",
            repeat=2,
        ),
        Part(
            "each entry keeps its dtype, and counters of integers are copied",
            1,
            draw_kinds,
            between,
            judge_entries,
            "a.is_floating_point() tells weights from counters.",
            repeat=2,
        ),
        Part(
            "an entry that only one of them has: an error that names it",
            1,
            draw_odd,
            refusals,
            judge_refusals,
            "Before the loop: set(theta_a) ^ set(theta_b) holds what stands in one of them alone.",
            repeat=2,
        ),
        Part("alpha = 0 gives theta_a, alpha = 1 gives theta_b", 0, draw_ends, between, judge_entries),
        Part("beyond the ends the line goes on", 0, draw_beyond, between, judge_entries),
    ),
    mistakes=MISTAKES,
)
