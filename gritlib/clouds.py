"""The two-dimensional laboratory: two clouds of points, a true map between them that no arm is told, and CycleGAN.

    x = (p, q),   T(x) = (a, b),   b = 8q + w·sin(2p),   a = p + w·sin(2b)

X is long, lopsided and thin, Y = T(X) the same cloud bent and eight times as thick: of q, which Y shows openly, X keeps
a trace, as a drawn map does of a satellite image. T is one to one, so every point has a true partner; training sees the
clouds apart. Who is right, who only looks right and who is merely consistent are numbers here, and an arm takes seconds
on one core. The losses are CycleGAN's (Zhu et al. 2017), least squares; the rest is the course's decision.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gritlib import losses

GROUPS = ((-1.3, 0.60), (0.0, 0.25), (1.0, 0.15))  # centre and share of p's three overlapping groups
SPREAD, THIN, STRETCH, WARP = 0.35, 0.05, 8.0, 0.15  # std of a group, std of q, thickness of Y over X's, w
WIDTH, BATCH = 64, 256  # hidden units, points of either cloud a step
RADIUS, VIEWS = 0.1, 5  # a point is covered by an answer so near, a quarter of Y's thickness; pictures of a training

# What the two generators of an arm minimise, in the names of `generator_losses`.
ARMS = {
    "cycle": ("cyc_x", "cyc_y"),
    "gan": ("gan_g", "gan_f"),
    "forward": ("gan_g", "gan_f", "cyc_x"),
    "backward": ("gan_g", "gan_f", "cyc_y"),
    "cyclegan": ("gan_g", "gan_f", "cyc_x", "cyc_y"),
    "identity": ("gan_g", "gan_f", "cyc_x", "cyc_y", "id_x", "id_y"),
}


@dataclass(frozen=True)
class Truth:
    """The two clouds and the map between them.

    Args:
        symmetric: is q as often above as below 0? Then T has a twin: T after `mirror` makes the same cloud of X, and
            nothing that is unpaired can tell the two. By default q has a long tail on one side.
    """

    symmetric: bool = False

    def sample_x(self, n: int, generator: torch.Generator) -> Tensor:
        """n points of X, (n, 2)."""
        centres, shares = torch.tensor(GROUPS).T
        group = torch.multinomial(shares, n, replacement=True, generator=generator)
        p = centres[group] + SPREAD * torch.randn(n, generator=generator)
        if self.symmetric:
            q = torch.randn(n, generator=generator)
        else:
            q = torch.empty(n).exponential_(generator=generator) - 1
        return torch.stack([p, THIN * q], 1)

    def sample_y(self, n: int, generator: torch.Generator) -> Tensor:
        """n points of Y, (n, 2); their partners are thrown away."""
        return self.forth(self.sample_x(n, generator))

    def forth(self, x: Tensor) -> Tensor:
        """T, X -> Y: the true partner of each x, (..., 2)."""
        p, q = x.unbind(-1)
        b = STRETCH * q + WARP * torch.sin(2 * p)
        return torch.stack([p + WARP * torch.sin(2 * b), b], -1)

    def back(self, y: Tensor) -> Tensor:
        """The inverse of T, Y -> X."""
        a, b = y.unbind(-1)
        p = a - WARP * torch.sin(2 * b)
        return torch.stack([p, (b - WARP * torch.sin(2 * p)) / STRETCH], -1)


def mirror(x: Tensor) -> Tensor:
    """X turned over along its length: (p, q) -> (p, −q)."""
    return x * torch.tensor([1.0, -1.0])


class View(NamedTuple):
    """What two maps make of the same 300 points of X and of Y, which are not partners, after so many steps."""

    step: int
    x: Tensor
    y: Tensor
    gx: Tensor
    fy: Tensor
    fgx: Tensor
    gfy: Tensor


@dataclass
class Result:
    """A pair of maps, G: X -> Y and F: Y -> X, both (n, 2) -> (n, 2), and what they made of fixed points on the way."""

    truth: Truth
    G: Callable[[Tensor], Tensor]
    F: Callable[[Tensor], Tensor]
    history: list[View]


@torch.no_grad()
def look(truth: Truth, G: Callable[[Tensor], Tensor], F: Callable[[Tensor], Tensor], step: int = 0) -> View:
    """The picture of two maps."""
    generator = torch.Generator().manual_seed(0)
    x, y = truth.sample_x(300, generator), truth.sample_y(300, generator)
    gx, fy = G(x), F(y)
    return View(step, x, y, gx, fy, F(gx), G(fy))


def known(truth: Truth) -> dict[str, Result]:
    """Three pairs of maps that need no training and whose cycles both close.

    "perfect": T and its inverse; what its scores are above 0, two samples of one cloud differ by. "mirrored": T after
    `mirror`, for symmetric clouds as good as "perfect" by every score that needs no partner. "permuted": a table that
    hands each x the partner of the one before; the cloud is right, the partners are chance. What that G makes of a
    point depends on its place in the batch, as no network's answer does.
    """
    maps = {
        "perfect": (truth.forth, truth.back),
        "mirrored": (lambda x: truth.forth(mirror(x)), lambda y: mirror(truth.back(y))),
        "permuted": (lambda x: truth.forth(x.roll(1, 0)), lambda y: truth.back(y).roll(-1, 0)),
    }
    return {name: Result(truth, G, F, [look(truth, G, F)]) for name, (G, F) in maps.items()}


def mlp(outputs: int) -> nn.Sequential:
    """Two hidden layers, (n, 2) -> (n, outputs)."""
    hidden = nn.Linear(2, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2)
    return nn.Sequential(*hidden, nn.Linear(WIDTH, outputs))


class Generator(nn.Module):
    """Points -> points, (n, 2). With keep it is x + change and begins with a tenth of what an `mlp` says: points begin
    near where they were, as places do in networks for images. Without, it begins as any map."""

    def __init__(self, keep: bool):
        super().__init__()
        self.keep, self.body = keep, mlp(2)
        for last in self.body[-1].parameters():
            last.data.mul_(0.1 if keep else 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.keep else self.body(x)


def generator_losses(
    G: Callable, F: Callable, Dx: Callable, Dy: Callable, x: Tensor, y: Tensor, lam: float, lam_id: float
) -> dict[str, Tensor]:
    """All terms that the two generators may minimise, without those whose weight is 0. Exercise 03.1 has the same.

    | term  | what is small            | G   | F   |
    |-------|--------------------------|-----|-----|
    | gan_g | (Dy(G(x)) − 1)²          | yes | –   |
    | gan_f | (Dx(F(y)) − 1)²          | –   | yes |
    | cyc_x | lam·‖F(G(x)) − x‖₁       | yes | yes |
    | cyc_y | lam·‖G(F(y)) − y‖₁       | yes | yes |
    | id_x  | lam·lam_id·‖F(x) − x‖₁   | –   | yes |
    | id_y  | lam·lam_id·‖G(y) − y‖₁   | yes | –   |
    """
    gx, fy = G(x), F(y)
    terms = {"gan_g": losses.g_adversarial(Dy(gx), "lsgan"), "gan_f": losses.g_adversarial(Dx(fy), "lsgan")}
    if lam:
        terms |= {"cyc_x": lam * losses.l1(F(gx), x), "cyc_y": lam * losses.l1(G(fy), y)}
    if lam * lam_id:
        terms |= {"id_x": lam * lam_id * losses.l1(F(x), x), "id_y": lam * lam_id * losses.l1(G(y), y)}
    return terms


def train(
    arm: str,
    truth: Truth | None = None,
    steps: int = 1500,
    seed: int = 0,
    lam: float = 1.0,
    lam_id: float = 0.5,
    keep: bool = True,
    terms: Callable[..., Mapping[str, Tensor]] = generator_losses,
) -> Result:
    """Train one of the `ARMS` on the CPU, with fresh points at every step. Global random state stays as it is.

    Args:
        arm: whose terms are minimised. truth: the clouds, by default `Truth()`. lam, lam_id: λ, and the weight of the
            identity terms as a share of it. keep: of `Generator`. terms: `generator_losses`, or your own.

    Returns:
        The maps, and `VIEWS` pictures of them, evenly spaced from before the first step to after the last.

    Raises:
        ValueError: an unknown arm, or terms without one that the arm minimises.
    """
    if arm not in ARMS:
        raise ValueError(f"arm {arm!r} is unknown: choose one of {', '.join(ARMS)}")
    wanted, cycles = ARMS[arm], any(name.startswith("cyc") for name in ARMS[arm])
    truth, generator = truth or Truth(), torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPU's generators
        G, F, Dx, Dy = Generator(keep), Generator(keep), mlp(1), mlp(1)
    makers, judges = (
        torch.optim.Adam([*one.parameters(), *other.parameters()], betas=(0.5, 0.99), fused=True)
        for one, other in ((G, F), (Dx, Dy))
    )
    seen = {round(i * steps / (VIEWS - 1)) for i in range(VIEWS)}
    history = [look(truth, G, F)]
    for step in range(steps):
        for player in (makers, judges):
            player.param_groups[0]["lr"] = 1e-3 * min(1.0, 2 - 2 * step / steps)  # constant, then linearly to 0
        x, y = truth.sample_x(BATCH, generator), truth.sample_y(BATCH, generator)
        with torch.no_grad():
            gx, fy = G(x), F(y)
        found = terms(G, F, Dx, Dy, x, y, lam if cycles else 0.0, lam_id if "id_x" in wanted else 0.0)
        if missing := [name for name in wanted if name not in found]:
            raise ValueError(f"{arm} lacks the terms {', '.join(missing)} with lam {lam:g}, lam_id {lam_id:g}")
        makers.zero_grad()
        losses.total({name: found[name] for name in wanted}).backward()
        makers.step()
        if "gan_g" in wanted:
            for D in (Dx, Dy):
                D.requires_grad_(True)  # `terms` may have frozen them
            pairs = (Dx, x, fy), (Dy, y, gx)
            judged = [losses.d_adversarial(*D(torch.cat([real, fake])).chunk(2), "lsgan") for D, real, fake in pairs]
            judges.zero_grad()  # the generators' half left gradients here
            (0.5 * sum(map(losses.total, judged))).backward()
            judges.step()
        if step + 1 in seen:
            history.append(look(truth, G, F, step + 1))
    return Result(truth, G, F, history)


def sliced_w1(a: Tensor, b: Tensor) -> float:
    """Distance of two clouds of as many points, (n, 2): the mean over 64 directions of the mean difference of sorted
    projections. A shift by d costs 2d/π; two samples of one cloud keep a floor that falls as 1/√n."""
    angles = torch.arange(64, dtype=a.dtype) * math.pi / 64
    directions = torch.stack([angles.cos(), angles.sin()])
    return ((a @ directions).sort(0).values - (b @ directions).sort(0).values).abs().mean().item()


@torch.no_grad()
def measure(result: Result, n: int = 2000, seed: int = 0) -> dict[str, float]:
    """Scores on points that training did not see, in units of the plane.

    to_Y, to_X: `sliced_w1` of G(X) and of F(Y) to points that are not their partners. cover_Y: the share of such points
    of Y with a G(x) within `RADIUS`. partner: mean distance of G(x) from T(x). cycle_X, cycle_Y: mean distance of
    F(G(x)) from x, of G(F(y)) from y. `known`'s "perfect" says what the first three are at best.
    """
    truth, generator = result.truth, torch.Generator().manual_seed(2**31 + seed)  # not a training seed's; of 32 bits
    x, other, y = (truth.sample_x(n, generator) for _ in range(3))
    y, there = truth.forth(y), truth.forth(other)
    gx, fy = result.G(x), result.F(y)

    def distance(a: Tensor, b: Tensor) -> float:
        return (a - b).norm(dim=1).mean().item()

    return {
        "to_Y": sliced_w1(gx, there),
        "to_X": sliced_w1(fy, other),
        "cover_Y": (torch.cdist(there, gx).amin(1) < RADIUS).double().mean().item(),
        "partner": distance(gx, truth.forth(x)),
        "cycle_X": distance(result.F(gx), x),
        "cycle_Y": distance(result.G(fy), y),
    }
