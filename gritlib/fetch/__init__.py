"""The papers' datasets: downloaded, verified, unpacked, prepared, and never half.

The room stands beside the core, because none of it is needed to understand a method. `gritlib.data.public` reads what
is made here.
"""

from gritlib.fetch.engine import fetch, verify

__all__ = ["fetch", "verify"]
