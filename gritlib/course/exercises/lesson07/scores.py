"""Answers that are a dict of numbers, as three exercises of lesson 07 ask for: what is wrong with one."""

from gritlib.course.compare import NO_RETURN, brief, number


def wrong_kind(scores, keys, looked) -> str | None:
    """What is wrong with the dict, its keys, or the kind of those values that are looked at."""
    if not isinstance(scores, dict):
        return f"your function returned {brief(scores)}, wanted a dict" + (NO_RETURN if scores is None else "")
    if set(scores) != set(keys):
        return f"the dict has the keys {', '.join(sorted(map(str, scores))) or 'none'}; wanted {', '.join(keys)}"
    for name in looked:
        if number(scores[name]) is None or isinstance(number(scores[name]), complex):
            return f"{name} is {brief(scores[name])}, wanted one real number"
    return None


def judging(keys, *looked, rtol: float = 1e-5, atol: float = 1e-8):
    """A judge of named dicts of numbers, which looks at some of their keys alone, so that one fault costs one part."""

    def judge(inputs, got, wanted):
        for case, scores in got.items():
            if said := wrong_kind(scores, keys, looked):
                return said
            for name in looked:
                mine, right = float(number(scores[name])), float(number(wanted[case][name]))
                if not abs(mine - right) <= atol + rtol * abs(right):
                    return f"{case}: {name} is {brief(mine)}, wanted {brief(right)}"
        return None

    return judge
