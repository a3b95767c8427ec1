"""How fast, and how right: the metrics against the packages that published them. Both print what they return."""

from gritlib.bench.references import references
from gritlib.bench.speed import metrics

__all__ = ["metrics", "references"]
