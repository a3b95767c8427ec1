"""gritlib: the small tested package under the course "from pix2pix to GRIT".

Rooms: `data` (what goes in), `nets` (what is trained), `losses` (what is minimised), `methods` (who minimises what),
`training` (the one loop), `metrics` and `evaluation` (how good it is), `studies` (the claims, measured).
Importing gritlib imports torch and nothing else heavy.
"""

__version__ = "0.1.0"
