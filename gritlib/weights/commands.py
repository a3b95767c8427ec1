"""The verbs of `python -m gritlib weights`."""

import tyro


def listing() -> None:
    """One line for each: name, size, and what it is."""
    from gritlib import weights

    for name in weights.NAMES:
        print(f"{name:16s} {weights.path(name).stat().st_size / 1e6:5.2f} MB  {weights.TEXTS[name].what}")


def card(name: tyro.conf.Positional[str]) -> None:
    """Show how some weights were trained and on what, what they score, and what was seen in their pictures.

    Args:
        name: as in the list.
    """
    from gritlib import weights

    print(weights.card(name))


VERBS = {"list": listing, "card": card}
