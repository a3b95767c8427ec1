"""Where a step's time goes, on both sides: operators by their own time, and what that says of a ratio."""

from collections.abc import Callable

import torch

SHOWN = 10  # operators a side
GROUPS = {  # the first group one of whose words is in the operator's name
    "Adam and the average": ("adam", "addcdiv", "addcmul", "sqrt", "lerp"),
    "convolutions and matrix products": ("conv", "mkldnn", "mm", "linear", "cudnn"),
    "normalisation": ("norm",),
}


def profile(step: Callable[[int], object], device: torch.device) -> list[tuple[str, float, int]]:
    """(operator, seconds of its own, calls) of one step, the longest first."""
    kinds = [torch.profiler.ProfilerActivity.CPU]
    if device.type == "cuda":
        kinds.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=kinds) as seen:
        step(0)
    own = f"self_{'device' if device.type == 'cuda' else 'cpu'}_time_total"
    found = [(event.key, getattr(event, own) / 1e6, event.count) for event in seen.key_averages()]
    return sorted(found, key=lambda entry: -entry[1])


def grouped(operators: list[tuple[str, float, int]]) -> dict[str, float]:
    """Seconds by kind of operator."""
    found = {**dict.fromkeys(GROUPS, 0.0), "everything else": 0.0}
    for name, seconds, _ in operators:
        kinds = (kind for kind, words in GROUPS.items() if any(word in name.lower() for word in words))
        found[next(kinds, "everything else")] += seconds
    return found


def compared(arms: dict[str, Callable[[int], object]], missed: list[str], device: torch.device) -> dict:
    """Profiles of the plain loop and of the arms that miss their target.

    Returns:
        "operators": arm -> the longest [name, seconds, calls]; "groups": arm -> kind -> seconds; "said": a sentence.
    """
    operators = {arm: profile(arms[arm], device) for arm in ("plain", *missed)}
    groups = {arm: grouped(found) for arm, found in operators.items()}
    said = [sentence(arm, groups["plain"], groups[arm]) for arm in missed]
    return {
        "operators": {
            arm: [[n, round(s, 6), calls] for n, s, calls in found[:SHOWN]] for arm, found in operators.items()
        },
        "groups": {arm: {kind: round(s, 6) for kind, s in found.items()} for arm, found in groups.items()},
        "said": " ".join(said),
    }


def sentence(arm: str, plain: dict[str, float], ours: dict[str, float]) -> str:
    """What the two profiles say, by group."""
    total = {"plain": sum(plain.values()), "ours": sum(ours.values())}
    parts = [
        f"{kind} {1000 * plain[kind]:.3g} and {1000 * ours[kind]:.3g} ms ({plain[kind] / total['plain']:.0%} and "
        f"{ours[kind] / total['ours']:.0%})"
        for kind in plain
    ]
    return f"{arm}: a profiled step of the plain loop and of ours spends on {', on '.join(parts)}."
