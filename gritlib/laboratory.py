"""The one-pixel laboratory: x -> y, one number each, with a p(y|x) that is known exactly.

    y = m(x) + detail,   m(x) = ½ sin(πx),   x uniform in [-1, 1],   detail independent of x

What a loss asks for, what a network makes of it, and what a perfect answer costs are numbers here: the truth has closed
forms, and a run takes seconds on one core. The losses are those of pix2pix and GRIT; networks and recipe are course
decisions. `measure(train(arm, detail, seed=s))`, std over draws at λ = 3, means of seeds 1 to 6, for l1+noise /
coupled / cgan / grit: Gaussian detail (true 0.35) 0.02 / 0.19 / 0.34 / 0.35; two equal modes (0.45), between which L1
is flat, 0.04 / 0.42 / 0.43 / 0.43; the same with p = 0.3 (0.41) 0.01 / 0.01 / 0.40 / 0.39; where GRIT fails, freckle,
gap 1 (0.40), 0.01 / 0.01 / 0.29 / 0.08. Gaussian detail and λ = 1 or 10 (three seeds): coupled 0.28 or 0.13, grit 0.35.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gritlib import losses

SIGMA = 0.35
DETAILS = {"gaussian": (0.0, 0.0), "uniform": (0.0, 0.0), "two-mode": (0.5, 0.9), "freckle": (0.2, 0.5)}  # p, gap
WIDTH, NOISE, BATCH = 32, 4, 256  # hidden units, numbers in z, samples a step


def smooth(x: Tensor) -> Tensor:
    """m(x), what x decides."""
    return 0.5 * torch.sin(math.pi * x)


@dataclass(frozen=True)
class Truth:
    """p(y|x) in closed form. No answer has less L1 than the median; a perfect sampler draws Y' from p(y|x) without
    knowing Y and pays E|Y − Y'|. In L2 it pays 2·std² instead of the best std², whatever the detail: −3.01 dB in PSNR.

    | detail     | what it adds to m(x)              | best L1 | perfect L1    | price    |
    |------------|-----------------------------------|---------|---------------|----------|
    | "gaussian" | N(0, σ²)                          | σ√(2/π) | 2σ/√π         | √2       |
    | "uniform"  | uniform in ±σ√3                   | σ√3/2   | 2σ/√3         | 4/3      |
    | "two-mode" | −gap/2, with probability p +gap/2 | gap·p   | 2gap·p(1 − p) | 2(1 − p) |
    | "freckle"  | 0, with probability p gap         | gap·p   | 2gap·p(1 − p) | 2(1 − p) |

    Raises:
        ValueError: unknown detail; p not above 0 and at most ½, gap not above 0, or either for a detail without them.
    """

    detail: str = "gaussian"
    p: float | None = None
    gap: float | None = None

    def __post_init__(self):
        if self.detail not in DETAILS:
            raise ValueError(f"detail {self.detail!r} is unknown: choose one of {', '.join(DETAILS)}")
        for name, default in zip(("p", "gap"), DETAILS[self.detail], strict=True):
            value = default if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, value)  # the dataclass is frozen
            if value != default and not (default and 0 < value <= (0.5 if name == "p" else math.inf)):
                takes = "p above 0, at most 0.5, and gap above 0" if default else "neither p nor gap"
                raise ValueError(f"{self.detail} detail with {name} = {value}: it takes {takes}")

    @property
    def low(self) -> float:
        """The commoner of two values; 0 where there are more."""
        return -self.gap / 2 if self.detail == "two-mode" else 0.0

    @property
    def std(self) -> float:
        """Of Y given x."""
        return self.gap * math.sqrt(self.p * (1 - self.p)) if self.gap else SIGMA

    def quantile(self, q: Tensor) -> Tensor:
        """The value below which a share q of the detail lies, 0 < q < 1."""
        if self.detail == "gaussian":
            return SIGMA * torch.special.ndtri(q)
        if self.detail == "uniform":
            return SIGMA * math.sqrt(3) * (2 * q - 1)
        return self.low + self.gap * (q > 1 - self.p).to(q.dtype)

    def sample(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """One y for each x, of the same shape."""
        q = torch.rand(x.shape, generator=generator, dtype=torch.float64)  # in float32, 0 would come up, and so −∞
        return smooth(x) + self.quantile(q).to(x.dtype)

    def mean(self, x: Tensor) -> Tensor:
        """E[Y|x], the best answer by L2."""
        return smooth(x) + self.low + self.gap * self.p

    def median(self, x: Tensor) -> Tensor:
        """A best answer by L1; with two equally likely values all between them are best, and this is the middle."""
        return smooth(x) + self.low + (self.gap / 2 if self.p == 0.5 else 0.0)

    def l1(self, answer: Tensor, x: Tensor) -> Tensor:
        """E|Y − answer| for each answer to x."""
        c = answer - smooth(x)
        if self.detail == "gaussian":
            t = c / SIGMA
            return SIGMA * (t * torch.erf(t / math.sqrt(2)) + math.sqrt(2 / math.pi) * torch.exp(-t.square() / 2))
        if self.detail == "uniform":
            a = SIGMA * math.sqrt(3)
            return torch.where(c.abs() < a, (c.square() + a * a) / (2 * a), c.abs())
        return (1 - self.p) * (c - self.low).abs() + self.p * (c - self.low - self.gap).abs()

    @property
    def best_l1(self) -> float:
        """E|Y − median|."""
        x = torch.zeros(1, dtype=torch.float64)  # any x: the detail does not depend on it
        return self.l1(self.median(x), x).item()

    @property
    def price(self) -> float:
        """E|Y − Y'| / E|Y − median|: how many times the best L1 a perfect sampler pays, no more and no less."""
        return {"gaussian": math.sqrt(2), "uniform": 4 / 3}.get(self.detail, 2 * (1 - self.p))


class Output(NamedTuple):
    """An answer and its reconstruction, the part that a pixel loss sees; with one head both are the same numbers."""

    image: Tensor
    reconstruction: Tensor


@dataclass
class Candidate:
    """Anything that answers x. Args: truth: of the question. answer: (x, generator) -> Output, all of x's shape."""

    truth: Truth
    answer: Callable[[Tensor, torch.Generator], Output]

    @torch.no_grad()
    def draw(self, x: Tensor, n: int, generator: torch.Generator) -> Output:
        """n answers to each x, (k,) -> image and reconstruction of (n, k)."""
        return self.answer(x.expand(n, -1), generator)


def feasible(alpha: float, detail: str | Truth = "gaussian") -> Candidate:
    """ŷ_α = median + α(Y' − median), Y' a fresh true sample: from the best L1 (α = 0) to a perfect sampler (α = 1),
    without training. A feasible curve in the plane of Blau & Michaeli (2018), not its lower bound."""
    truth = Truth(detail) if isinstance(detail, str) else detail

    def answer(x: Tensor, generator: torch.Generator) -> Output:
        middle = truth.median(x)
        return Output(middle + alpha * (truth.sample(x, generator) - middle), middle)

    return Candidate(truth, answer)


def twin(detail: str | Truth = "gaussian") -> Candidate:
    """The perfect answer, a second true sample; its reconstruction is the median."""
    return feasible(1.0, detail)


def mlp(inputs: int, outputs: int = 1) -> nn.Sequential:
    """Two hidden layers, (..., inputs) -> (..., outputs)."""
    hidden = nn.Linear(inputs, WIDTH), nn.LeakyReLU(0.2), nn.Linear(WIDTH, WIDTH), nn.LeakyReLU(0.2)
    return nn.Sequential(*hidden, nn.Linear(WIDTH, outputs))


class Arm(NamedTuple):
    """Pixel loss of the reconstruction; what a D that judges the image sees; does G get noise, has it a second head?"""

    pixel: str | None = None
    judge: str | None = None
    noise: bool = False
    residual: bool = False


ARMS = {
    "l1": Arm("l1"),
    "l2": Arm("l2"),
    "l1+noise": Arm("l1", noise=True),
    "gan": Arm(None, "y", noise=True),
    "cgan": Arm(None, "x and y", noise=True),
    "coupled": Arm("l1", "x and y", noise=True),
    "grit": Arm("l1", "x and y", noise=True, residual=True),
}


class Generator(nn.Module):
    """x (and noise) -> Output. As in GRIT, noise enters what both heads share: the reconstruction may use it too."""

    def __init__(self, noise: bool, residual: bool):
        super().__init__()
        self.noise = NOISE if noise else 0
        self.body = mlp(1 + self.noise)[:-1]
        self.reconstruction = nn.Linear(WIDTH, 1)
        self.residual = nn.Linear(WIDTH, 1) if residual else None

    def forward(self, x: Tensor, generator: torch.Generator) -> Output:
        z = torch.randn(*x.shape, self.noise, generator=generator)
        h = self.body(torch.cat([x[..., None], z], -1))
        rec = self.reconstruction(h)[..., 0]
        return Output(rec if self.residual is None else rec + self.residual(h)[..., 0], rec)


def train(
    name: str, detail: str | Truth = "gaussian", steps: int = 2000, seed: int = 0, pixel_weight: float = 3.0
) -> Candidate:
    """Train one of the `ARMS` on the CPU, with fresh samples at every step; its `answer` is the generator network. λ is
    pixel_weight. Global random state stays as it is. ValueError: unknown arm or detail."""
    if name not in ARMS:
        raise ValueError(f"arm {name!r} is unknown: choose one of {', '.join(ARMS)}")
    arm, generator = ARMS[name], torch.Generator().manual_seed(seed)
    truth = Truth(detail) if isinstance(detail, str) else detail
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reach the GPU's generators
        G, D = Generator(arm.noise, arm.residual), mlp(2 if arm.judge == "x and y" else 1)

    def logits(y: Tensor) -> Tensor:
        return D(torch.stack([x, y] if arm.judge == "x and y" else [y], -1))

    opt_g, opt_d = (torch.optim.Adam(net.parameters(), betas=(0.5, 0.99), fused=True) for net in (G, D))
    for step in range(steps):
        rate = min(1.0, 2 - 2 * step / steps)  # constant, then linearly to 0
        opt_g.param_groups[0]["lr"], opt_d.param_groups[0]["lr"] = 1e-3 * rate, 3e-3 * rate
        x = 2 * torch.rand(BATCH, generator=generator) - 1
        y, out, terms = truth.sample(x, generator), G(x, generator), {}
        if arm.judge:
            opt_d.zero_grad()
            (0.5 * losses.total(losses.d_adversarial(logits(y), logits(out.image.detach())))).backward()
            opt_d.step()
            terms["adv"] = losses.g_adversarial(logits(out.image))
        if arm.pixel:
            terms["pixel"] = pixel_weight * losses.pixel(out.reconstruction, y, arm.pixel)
        opt_g.zero_grad()
        losses.total(terms).backward()
        opt_g.step()
    return Candidate(truth, G)


def measure(candidate: Candidate, draws: int = 1000, seed: int = 0) -> dict[str, float]:
    """Means over 41 values of x: std over draws and true_std; W1 to the true p(y|x), whose floor with so many draws is
    the `twin`'s; L1 of single draws, L1_reconstruction and their ratio, 1 with one head; noise_in_reconstruction: its
    std over draws."""
    truth, x = candidate.truth, torch.linspace(-1, 1, 41, dtype=torch.float64)
    out = candidate.draw(x.float(), draws, torch.Generator().manual_seed(seed))
    image, reconstruction = out.image.double(), out.reconstruction.double()
    q = (torch.arange(draws, dtype=torch.float64) + 0.5) / draws
    l1, l1_reconstruction = truth.l1(image, x).mean().item(), truth.l1(reconstruction, x).mean().item()
    return {
        "std": image.std(0).mean().item(),
        "true_std": truth.std,
        "W1": ((image - smooth(x)).sort(0).values - truth.quantile(q)[:, None]).abs().mean().item(),
        "L1": l1,
        "L1_reconstruction": l1_reconstruction,
        "ratio": l1 / l1_reconstruction,
        "noise_in_reconstruction": reconstruction.std(0).mean().item(),
    }
