"""Common first tries at 07.3, as variations of the right answer, and what is said about each."""

import torch

from gritlib.course.exercise import Mistake


def same_names(a, b):
    if odd := set(a) ^ set(b):
        raise KeyError(f"entries of one network only: {sorted(odd)}")


def blend(a, b, alpha):
    return (1 - alpha) * a + alpha * b


def nearer(a, b, alpha):
    return (a if alpha < 0.5 else b).clone()


def interpolating(floats=blend, integers=nearer, check=same_names, names=lambda a, b: list(a)):
    """interpolate with one ingredient replaced.

    Args:
        floats, integers: (entry of a, entry of b, alpha) -> entry; None leaves it out. check: of the two dicts. names:
            of the two dicts, the entries of the result.
    """

    def interpolate(theta_a, theta_b, alpha):
        check(theta_a, theta_b)
        out = {}
        for name in names(theta_a, theta_b):
            a, b = theta_a[name], theta_b[name]
            out[name] = (floats if a.is_floating_point() else integers)(a, b, alpha)
        return {name: value for name, value in out.items() if value is not None}

    return interpolate


def nothing(a, b):
    pass


def rounded(a, b, alpha):
    return blend(a, b, alpha).round().to(a.dtype)


def cut_off(a, b, alpha):
    return blend(a, b, alpha).to(a.dtype)


def sphere(a, b, alpha):
    """Along the arc between the two directions."""
    x, y = a.flatten(), b.flatten()
    angle = torch.acos((x @ y / (x.norm() * y.norm())).clamp(-1, 1))
    return (torch.sin((1 - alpha) * angle) * a + torch.sin(alpha * angle) * b) / torch.sin(angle)


def clamped(a, b, alpha):
    return blend(a, b, min(max(alpha, 0.0), 1.0))


SWAPPED = "It looks as if alpha is exchanged with 1 − alpha: 0 must give theta_a and 1 theta_b."
FIXED = "It looks as if alpha is not used: the result is half of each."
COUNTERS = (
    "It looks as if entries of integers are averaged. They are counters, such as num_batches_tracked of batch norm: "
    "half of one run's batches and half of another's is no number of batches, and a float in their place changes the "
    "dtype. Copy one network's: a.is_floating_point() tells them apart."
)
DROPPED = (
    "It looks as if entries of integers are left out: load_state_dict then misses them. Copy them from one network."
)
COMMON = (
    "It looks as if an entry that only one network has is passed over. Then two networks of another form are mixed "
    "silently: compare set(theta_a) with set(theta_b) first and raise a KeyError or ValueError that names what differs."
)
NAMELESS = (
    "An error is raised, but it does not name the entry: who reads it must look through two long lists. Put the names "
    "into the message: sorted(set(theta_a) ^ set(theta_b))."
)
SUM = "It looks as if theta_a keeps its full weight: the two weights, 1 − alpha and alpha, add up to 1."
CLAMPED = "It looks as if alpha is clamped to 0…1: beyond the ends the line goes on, and the exercise wants it to."
SPHERE = "It looks as if you go along an arc: Deep Network Interpolation is a plain weighted sum."
GEOMETRIC = "It looks as if weights are multiplied: wanted is a weighted sum."
RENAMED = "It looks as if the result's names are not those of the networks: load_state_dict wants them unchanged."


def assertion(a, b):
    assert a.keys() == b.keys(), "the networks differ"


def nameless(a, b):
    if a.keys() != b.keys():
        raise ValueError("the networks differ")


def counted(a, b):
    if len(a) != len(b):
        raise ValueError("the networks differ")


def as_list(theta_a, theta_b, alpha):
    return list(interpolating()(theta_a, theta_b, alpha).values())


def zipped(theta_a, theta_b, alpha):
    out = {}
    for (name, a), (_, b) in zip(theta_a.items(), theta_b.items(), strict=False):
        out[name] = blend(a, b, alpha) if a.is_floating_point() else a.clone()
    return out


BY_ORDER = (
    "It looks as if entries are paired by their order: two state dicts may list them in another one. Pair them by name."
)
AS_LIST = "A list has lost the names: return a dict, name -> tensor."

MISTAKES = (
    Mistake(BY_ORDER, zipped),
    Mistake(SWAPPED, interpolating(lambda a, b, alpha: blend(b, a, alpha))),
    Mistake(FIXED, interpolating(lambda a, b, alpha: blend(a, b, 0.5))),
    Mistake(FIXED, interpolating(lambda a, b, alpha: (a + b) / 2)),
    Mistake(COUNTERS, interpolating(integers=blend)),
    Mistake(COUNTERS, interpolating(integers=rounded)),
    Mistake(COUNTERS, interpolating(integers=cut_off)),
    Mistake(COUNTERS, interpolating(integers=torch.lerp)),
    Mistake(COUNTERS, interpolating(integers=lambda a, b, alpha: a + alpha * (b - a))),
    Mistake(COUNTERS, interpolating(integers=lambda a, b, alpha: (a + alpha * (b - a)).to(a.dtype))),
    Mistake(COUNTERS, interpolating(integers=lambda a, b, alpha: (a + alpha * (b - a)).round().to(a.dtype))),
    Mistake(DROPPED, interpolating(integers=lambda a, b, alpha: None)),
    Mistake(COMMON, interpolating(check=nothing, names=lambda a, b: [name for name in a if name in b])),
    Mistake(COMMON, interpolating(check=nothing)),
    Mistake(COMMON, interpolating(check=nothing, names=lambda a, b: list(b))),
    Mistake(NAMELESS, interpolating(check=nameless)),
    Mistake(NAMELESS, interpolating(check=assertion)),
    Mistake(NAMELESS, interpolating(check=counted, names=lambda a, b: [name for name in a if name in b])),
    Mistake(SUM, interpolating(lambda a, b, alpha: a + alpha * b)),
    Mistake(CLAMPED, interpolating(clamped)),
    Mistake(SPHERE, interpolating(sphere)),
    Mistake(GEOMETRIC, interpolating(lambda a, b, alpha: a.sign() * a.abs() ** (1 - alpha) * b.abs() ** alpha)),
    Mistake(RENAMED, lambda a, b, alpha: {str(i): v for i, v in enumerate(as_list(a, b, alpha))}),
    Mistake(AS_LIST, as_list),
)
