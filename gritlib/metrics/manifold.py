"""Quality apart from variety: precision and recall (Kynkäänniemi et al. 2019), density and coverage (Naeem et al.
2020). A set of features is described by balls around its samples that reach to the k-th neighbour within the set.

Distances come from float32 matrix products, which are fast, and wherever their rounding could turn the answer from
float64 differences: float32 finds, float64 decides. So equal features are at distance exactly 0, and no batch size or
offset of the features changes a value.
"""

import torch
from torch import Tensor

from gritlib.metrics.distribution import check_features

CHUNK = 1024  # rows of a distance matrix held at a time
SPARE = 8  # neighbours beyond the k-th that are looked at exactly


def _squared(x: Tensor, y: Tensor, i: Tensor, j: Tensor) -> Tensor:
    """‖x_i − y_j‖² of pairs of rows, float64, by differences."""
    pairs = zip(i.split(CHUNK), j.split(CHUNK), strict=True)
    return torch.cat([(x[m].double() - y[n].double()).square().sum(1) for m, n in pairs])


class _Bounds:
    """Squared distances of the rows of one set to those of another by matrix products, from below, and their width."""

    def __init__(self, x: Tensor, y: Tensor, dtype: torch.dtype):
        finer = torch.promote_types(x.dtype, dtype)  # a large common offset goes before anything is rounded,
        centre = y.mean(0).to(finer)  # or the products of long vectors drown a small difference
        self.y = (y.to(finer) - centre).to(dtype)
        self.x = self.y if x is y else (x.to(finer) - centre).to(dtype)
        share = 4 * x.shape[1] ** 0.5 * torch.finfo(dtype).eps  # of ‖x‖² + ‖y‖², several times the rounding seen
        yy = self.y.square().sum(1)
        xx = (yy if x is y else self.x.square().sum(1))[:, None]
        self.low_x, self.low_y = xx * (1 - share), yy * (1 - share)
        self.width_x, self.width_y = xx * (2 * share), yy * (2 * share)  # (N, 1) and (M,): their sum is a pair's width

    def lower(self, rows: slice, columns: slice) -> Tensor:
        product = torch.addmm(self.low_y[columns], self.x[rows], self.y[columns].T, alpha=-2)
        return product.add_(self.low_x[rows])


def _precisions(device: torch.device) -> tuple[torch.dtype, ...]:
    """float32 before float64, where float32 is what it says: not so with TF32 on GPUs, bfloat16 or autocast."""
    plain = device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    return (torch.float32, torch.float64) if plain and not torch.is_autocast_enabled("cpu") else (torch.float64,)


def _slices(n: int) -> list[slice]:
    return [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]


def _nearest(bounds: _Bounds, few: int) -> tuple[Tensor, Tensor]:
    """The least lower bounds of each sample's distances within its set, ascending, and whose they are: (N, few) twice.

    The matrix is symmetric: half of its blocks are computed, each serves its rows and its columns.
    """
    n, device = len(bounds.x), bounds.x.device
    low = torch.full((n, few), torch.inf, dtype=bounds.x.dtype, device=device)
    near = torch.zeros(n, few, dtype=torch.long, device=device)

    def keep(rows: slice, columns: slice, lower: Tensor) -> None:
        best, at = lower.topk(min(few, lower.shape[1]), largest=False)
        low[rows], chosen = torch.cat([low[rows], best], 1).topk(few, largest=False)
        near[rows] = torch.cat([near[rows], at + columns.start], 1).gather(1, chosen)

    for number, rows in enumerate(_slices(n)):
        for columns in _slices(n)[number:]:
            lower = bounds.lower(rows, columns)
            if columns == rows:
                keep(rows, columns, lower.fill_diagonal_(torch.inf))  # itself is no neighbour
            else:
                keep(rows, columns, lower)
                keep(columns, rows, lower.T.contiguous())
    return low, near


def _radii(x: Tensor, k: int) -> Tensor:
    """Squared distance of each sample to its k-th neighbour within the set, itself left out, (N,) float64."""
    n, few = len(x), min(k + SPARE, len(x) - 1)
    everyone = torch.arange(n, device=x.device)
    for dtype in _precisions(x.device):
        bounds = _Bounds(x, x, dtype)
        low, near = _nearest(bounds, few)
        high = low + bounds.width_x + bounds.width_y[near]
        # The k-th distance lies between the k-th lower and the k-th upper bound: those that overlap them are looked at.
        least, most = low[:, k - 1 : k], high.kthvalue(k, keepdim=True).values
        exact = torch.where(high < least, -torch.inf, torch.inf).double()
        i, c = ((high >= least) & (low <= most)).nonzero(as_tuple=True)
        exact[i, c] = _squared(x, x, i, near[i, c])
        radii = exact.kthvalue(k).values
        # One that is not among the few may be as near, hidden by rounding.
        unsure = everyone[(low[:, -1] <= radii) & (radii > 0)] if few < n - 1 else everyone[:0]
        if len(unsure) < 0.01 * n:
            break
    for row in unsure:
        distance = _squared(x, x, row.expand(n), everyone)
        distance[row] = torch.inf
        radii[row] = distance.kthvalue(k).values
    return radii


def _compare(real: Tensor, fake: Tensor, k: int, closed: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Number of the reals' balls around each fake (M,), whether each real's ball holds a fake (N,), whether each real
    lies in a fake's ball (N,). Closed: a ball's border belongs to it."""
    check_features(real=real, fake=fake)
    if not 1 <= k < min(len(real), len(fake)):
        raise ValueError(f"k = {k} neighbours: must be 1 or more and below the samples, {len(real)} and {len(fake)}")
    size = max(abs(bound.item()) for x in (real, fake) for bound in x.aminmax())
    if size > 1e15:
        raise ValueError(f"features reach {size:.1e}, whose squares overflow: divide both sets by one number")
    kind = torch.float64 if torch.float64 in (real.dtype, fake.dtype) else torch.float32
    real, fake = real.to(kind), fake.to(real.device, kind)
    reach_real, reach_fake = _radii(real, k), _radii(fake, k)
    bounds = {}
    holds, held = torch.zeros(2, len(real), dtype=torch.bool, device=real.device)
    counts = []
    for rows in _slices(len(fake)):
        reaches = reach_real, reach_fake[rows, None]
        for dtype in _precisions(real.device):
            bound = bounds[dtype] = bounds.get(dtype) or _Bounds(fake, real, dtype)
            low = bound.lower(rows, slice(None))
            possible = [low <= reach.to(low) for reach in reaches]
            high = low.add_(bound.width_x[rows]).add_(bound.width_y)
            inside = [high < reach.to(low) for reach in reaches]
            doubtful = (possible[0] ^ inside[0]) | (possible[1] ^ inside[1])
            if doubtful.sum() < 0.001 * low.numel():
                break
        i, j = doubtful.nonzero(as_tuple=True)
        if len(i):
            exact = _squared(fake, real, i + rows.start, j)
            for mask, reach in zip(inside, (reach_real[j], reach_fake[i + rows.start]), strict=True):
                mask[i, j] = exact <= reach if closed else exact < reach
        counts.append(inside[0].sum(1))
        holds |= inside[0].any(0)
        held |= inside[1].any(0)
    return torch.cat(counts), holds, held


def _share(mask: Tensor) -> float:
    return mask.double().mean().item()


@torch.no_grad()
def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Share of fakes inside some ball of the reals, and share of reals inside some ball of the fakes; 1 is best.

        f(φ, Φ) = 1 if there is φ' in Φ with ‖φ − φ'‖ ≤ ‖φ' − NN_k(φ', Φ)‖

    Two samples of one distribution give less than 1, the less the more dimensions: print it beside real against real.

    Args:
        real, fake: (N, d) and (M, d) features. k: which neighbour a ball reaches to; the sample itself is none.

    Raises:
        ValueError: as `check_features`, or k not below the number of samples.
    """
    balls, _, held = _compare(real, fake, k, closed=True)
    return _share(balls > 0), _share(held)


@torch.no_grad()
def prdc(real: Tensor, fake: Tensor, k: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage as the package of that name counts them: on the border is outside.

    Density: mean number of the reals' balls around a fake, over k (1 for equal sets, may exceed it). Coverage: share
    of the reals whose ball holds a fake. One outlier among the reals, with its huge ball, spoils precision but not
    these. Arguments and errors are those of `precision_recall`.
    """
    balls, holds, held = _compare(real, fake, k, closed=False)
    density = balls.double().mean().item() / k
    return {"precision": _share(balls > 0), "recall": _share(held), "density": density, "coverage": _share(holds)}
