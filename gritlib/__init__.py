"""gritlib: the small tested package under the course "from pix2pix to GRIT".

Rooms: `data` (what goes in), `nets` (what is trained), `losses` (what is minimised), `methods` (who minimises what),
`training` (the one loop), `metrics` and `evaluation` (how good it is), `studies` (the claims, measured).
Importing gritlib alone loads nothing; a room brings torch and nothing else heavy. `gritlib.load("grit-grove")` is a
trained network.
"""

__version__ = "0.1.0"


def load(name: str):
    """A trained method that comes with the package, in eval mode; `python -m gritlib weights list` has the names.

    Raises:
        ValueError: unknown name, listing the known ones.
    """
    from gritlib import weights

    return weights.load(name)
