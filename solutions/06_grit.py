# %% [markdown]
# # 06 GRIT: let the two losses work on different things
#
# **Why not reconstruct only what can be reconstructed?**
#
# *45 minutes of reading, 72 of coding, about 4 of computing on two cores. The core path, all exercises and the cells between
# them with the tag `core`, takes about 90 minutes. You need: lesson 01's adversarial loss, lesson 02's answer to "what must a perfect
# answer pay?", lesson 05's instance norm and style code.*
#
# ## What you will be able to do
#
# 1. Say, with a formula, why a pixel loss silences noise, and where it does not.
# 2. Write the pieces of GRIT: the style layer, the noise layer, the two heads, the decoupled objective.
# 3. Show with a gradient that is exactly zero what "decoupled" means, and what it does not mean.
# 4. Measure whether a network uses its noise, without being fooled by contrast.
# 5. Read the paper's ablation, the missing row included, and say what is reproduced at this scale and what is not.

# %% tags=["core"]
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gritlib.course as course
from gritlib import laboratory, metrics, weights
from gritlib.course import check, pieces
from gritlib.data import catalog, faces
from gritlib.data.images import colourise
from gritlib.evaluation import Lent, translate_all
from gritlib.methods import GRIT, GRITConfig
from gritlib.nets import Output, blocks
from gritlib.show import curves, dots, gallery, numbers, pictures
from gritlib.show.knobs import Knobs
from gritlib.training import fit

smoke = course.session.current().preset == "smoke"

# %% [markdown] tags=["core"]
# ## Guess first
#
# The one-pixel laboratory of lesson 02: one number $x$ in, one number $y = \frac12\sin(\pi x)$ plus Gaussian detail of standard deviation 0.35
# out. Four small networks are given $x$ *and noise*. They differ in what they minimise: **L1** alone; **coupled**, L1 and a conditional discriminator
# on one output, as in pix2pix; **cGAN**, the discriminator alone; and **GRIT**, this lesson's. **Predict** how much each one's answers to the
# same $x$ vary: their standard deviation.

# %% tags=["core"]
ROWS = {"L1": "l1+noise", "coupled": "coupled", "cGAN": "cgan", "GRIT": "grit"}
course.predict("06.a", dict.fromkeys(ROWS))

# %% tags=["core"]
few = 20 if smoke else 2000
toys = {name: laboratory.train(arm, steps=few, pixel_weight=3.0) for name, arm in ROWS.items()}
found = {name: laboratory.measure(toy) for name, toy in toys.items()}
course.reveal("06.a", {name: m["std"] for name, m in found.items()})
x, random = torch.zeros(1), torch.Generator().manual_seed(1)
grid = torch.linspace(-1.2, 1.2, 61)
answers = {name: toy.draw(x, 20_000, random).image for name, toy in toys.items()}
answers["truth"] = laboratory.twin().draw(x, 20_000, random).image
density = {name: torch.histc(y, 60, -1.2, 1.2) / len(y) / 0.04 for name, y in answers.items()}
curves(
    {name: ((grid[1:] + grid[:-1]) / 2, d) for name, d in density.items()},
    "answer to x = 0",
    "density",
    ylim=(0, 3.5),
    alt="Densities of the answers to x = 0. The truth is a wide bell. Standard deviations: "
    + ", ".join(f"{name} {y.std():.2f}" for name, y in answers.items()),
)
print(f"{'':8} {'W1':>6} {'L1':>6} {'L1 of its reconstruction':>25}")
for name, m in found.items():
    print(f"{name:8} {m['W1']:6.3f} {m['L1']:6.3f} {m['L1_reconstruction']:25.3f}")
_ = course.claim("C28", "coupled: less spread than the truth", found["coupled"]["std"] / 0.35, 0, 0.8, band="the band")

# %% [markdown] tags=["core"]
# **What to notice.** All four were given noise. L1 learns to ignore it; the coupled network uses about half of what is there; GRIT about all of it, and its W1, the distance to the true distribution, is the smallest. (cGAN, the discriminator alone, varies nearly as much, at more than twice that distance.) Yet inside GRIT there is an answer, its *reconstruction*, with the L1 of
# the first row. What differs from the coupled network is a second head, and *one line* of the loss. This lesson is about that line.

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# GRIT on Grove, trained before and shipped with the course: for each unseen label map the reconstruction, the residual (around grey, doubled), their sum,
# and the sum with other noise. You will write the four pieces that make it.

# %% tags=["core"]
train, test = catalog.load("grove", "train"), catalog.load("grove", "test")
shipped = weights.load("grit-grove")
places = {"crowns": 30, "edge": 40}
batch = test.batch(list(places.values()))


def parts_of(method: GRIT, A: Tensor, noise: int = 1) -> dict[str, list[Tensor]]:
    """Rows of a figure: what the network makes of label maps with the mean style, and once more with other noise."""
    out, other = (translate_all(method, A, None, noise=k) for k in (noise, noise + 1))
    rows = {"reconstruction": out["reconstruction"], "residual, doubled": 2 * out["residual"], "sum": out["image"]}
    return {name: list(images) for name, images in {**rows, "other noise": other["image"]}.items()}


drawn = list(colourise(batch["label"], test.palette))
shown = {"label map": drawn, **parts_of(shipped, batch["A"]), "truth": list(batch["B"])}
pictures(
    list(shown.values()),
    titles=list(places),
    labels=list(shown),
    caption="shipped weights, gritlib's pieces, mean style",
    alt="Two unseen label maps of a forest. Rows: the map; a smooth reconstruction with the right colours; a residual of leaves and "
    "grain around grey; their sum, sharp; the sum with other noise, with other leaves in the same crowns; the true photo.",
)

# %% [markdown] tags=["core"]
# **What to notice.** The reconstruction is L1's blur. The residual holds what L1 could not decide, fine detail above all; it also makes crowns darker, which the blur hardly tells from grass. The two sums have the
# same crowns and *other leaves*. Neither has the leaves of the true photo; nobody could know them from the map.

# %% [markdown] tags=["core"]
# ## 1 Why does a pixel loss silence noise?
#
# Give a network noise $n$ and let it choose how strongly to use it: $\hat y = m + w\,n$. The truth has detail of its own, $y = m + \sigma\varepsilon$, and $\varepsilon$ and $n$
# know nothing of each other. What does L1 cost, on average, as a function of $w$? ($m$ is what the input decides.)

# %% [markdown] tags=["core"]
# ### Exercise 06.1: L1 of a noisy answer
#
# > 3 points · 12 minutes · *goes into*: the curves below
#
# $\varepsilon$ and $n$ are independent draws from $\mathcal N(0,1)$. Their weighted difference is normal again. The mean distance of a standard
# normal number from 0 is $\sqrt{2/\pi}$, about 0.80. A simulation counts as right, too, if it comes within 1 % and draws from a generator of its own, `torch.Generator().manual_seed(0)`.


# %% tags=["core"]
def coupled_l1(sigma: float, w: float) -> float:
    """Mean of |y − ŷ| for a truth y = m + σ·ε and an answer ŷ = m + w·n, ε and n independent draws of N(0, 1).

    Args:
        sigma: 0 or more. w: the weight of the noise, of either sign.
    """
    # BEGIN SOLUTION
    return math.hypot(sigma, w) * math.sqrt(2 / math.pi)
    # END SOLUTION


coupled_l1 = check("06.1", coupled_l1)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# What matters is the difference $y-\hat y=\sigma\varepsilon-w\,n$; $m$ is gone. What is the variance of a difference of two independent numbers?
#
# </details>
# <details><summary>Hint 2</summary>
#
# The variance is $\sigma^2+w^2$, so the difference is $\sqrt{\sigma^2+w^2}$ times a standard normal number. Take its mean absolute value.
#
# </details>

# %% [markdown] tags=["core"]
# Now put a second wish beside it. A discriminator wants answers that are distributed as the truth is. In the place of its loss, which has no simple formula, take
# the distance W1 of the two normal distributions, $\sqrt{2/\pi}\;|\sigma-|w||$. Coupled, the network minimises λ·L1 + W1, and chooses $w$. Below: the sum
# for three λ. With λ = 0 only the second wish is left.

# %% tags=["core"]
sigma, ws = 0.35, [i / 100 for i in range(61)]


def wish(w: float, lam: float) -> float:
    return lam * coupled_l1(sigma, w) + math.sqrt(2 / math.pi) * abs(sigma - w)


sums = {lam: [wish(w, lam) - wish(0, lam) for w in ws] for lam in (0.0, 1.5, 3.0)}
chosen = {lam: ws[values.index(min(values))] for lam, values in sums.items()}
curves(
    {f"λ = {lam:g}": (ws, values) for lam, values in sums.items()},
    "weight w of the noise (the truth has σ = 0.35)",
    "λ·L1 + W1, minus its value at 0",
    alt="The sum as a function of w. Its least value is at "
    + ", ".join(f"w = {w:.2f} for λ = {lam:g}" for lam, w in chosen.items()),
)
print("the best w:", ", ".join(f"{w:.2f} with λ = {lam:g}" for lam, w in chosen.items()), f"; {pieces('06.1')}")
alone = min(ws, key=lambda w: coupled_l1(sigma, w))
_ = course.claim(
    "C33", "L1 of an answer with independent noise is least without noise: w", alone, 0, 1e-9, True, "exact"
)

# %% [markdown] tags=["core"]
# **What to notice.** L1 alone wants $w=0$, whatever σ is (claim C33). Near 0 its curve is flat: the pull grows with $w$. The second wish alone wants $w=\sigma$. Their sum
# lies between, and λ decides where: L1 pulls the noise down, the discriminator pulls it up, and what you measure is the outcome. Does the laboratory agree? There the
# discriminator is a network, no formula.

# %% tags=["core"]
lams = (1.0, 10.0, 30.0)
sweep = {
    name: {3.0: found[name]["std"]}
    | {lam: laboratory.measure(laboratory.train(arm, steps=few, pixel_weight=lam))["std"] for lam in lams}
    for name, arm in (("coupled", "coupled"), ("GRIT", "grit"))
}
curves(
    {name: (sorted(row), [row[lam] for lam in sorted(row)]) for name, row in sweep.items()},
    "λ, weight of L1",
    "standard deviation of the answers",
    logx=True,
    ylim=(0, 0.45),
    markers=True,
    lines={"truth": 0.35},
    alt="Spread of the answers against λ; the truth has 0.35. "
    + "; ".join(f"{name}: " + ", ".join(f"{row[k]:.2f} at {k:g}" for k in sorted(row)) for name, row in sweep.items()),
)

# %% [markdown] tags=["core"]
# **What to notice.** The more L1 weighs, the less the coupled network's answers vary. GRIT's do not care. There λ is no compromise between two wishes of one output; it only says how
# much the reconstruction matters.

# %% [markdown]
# <details><summary><b>Think.</b> The truth is −1 or +1 with equal probability, and so is the noise. How does L1 depend on w?</summary>
#
# Not at all, for $w$ from 0 to 1: half of the time the answer is $1-w$ away, half of the time $1+w$, and the mean is 1. Between two equally likely values L1 is flat (exercise 02.1), so it
# silences nothing. Keep this for section 9.
#
# </details>

# %% [markdown] tags=["core"]
# ## 2 The line
#
# GRIT (Suri et al. 2024) lets the generator make two images from the same features: a *reconstruction* and a *residual*. Their sum is the output:
#
# $$\hat I=\hat I_{rec}+\hat I_{res},\qquad \min\;\mathcal L_{adv}(\hat I)+\lambda_{rec}\,\lVert\hat I_{rec}-I\rVert_1$$
#
# The discriminator judges the sum. L1 judges the reconstruction, *and nothing else*. No pixel loss sees the output or the residual. So the answer to this lesson's question: it does.
# The reconstruction may be as blurred as L1 likes; the residual may be as random as the discriminator likes.

# %% [markdown] tags=["core"]
# Three more parts make it work. The network needs noise to be random *with*: a map of random numbers is added in every upsampling block, with learned weights. It needs to know
# what the map does not say, colours and light: a style code from an encoder, as in lesson 05, here through AdaIN. (Beware of names: GRIT's "style code" $z^s$ has nothing to do with the $z_s$
# of other papers, where $s$ means structure.) And a U-Net, which carries the layout. You write AdaIN, noise and heads now.

# %% [markdown] tags=["core"]
# ### Exercise 06.2: AdaIN
#
# > 3 points · 10 minutes · *goes into*: the network with the shipped weights, and your training
#
# *Adaptive instance norm*: normalise each channel of each image by its own mean and deviation (exercise 05.1), then scale by $1+\gamma$ and shift by β. Both come from the
# style code $z$ by one linear map, `affine`, which is given: its first `ch` outputs are γ, the others β. So every image of a batch has its own style, and every pixel of an image the same.


# %% tags=["core"]
class AdaIN(nn.Module):
    """(1 + γ(z))·(h − μ)/σ + β(z), with mean μ and deviation σ of each channel of each image.

    Args:
        ch: channels of h. z_dim: length of the style code.

    Attributes:
        affine: linear map z_dim -> 2·ch; of what it makes the first ch numbers are γ, the others β.
    """

    def __init__(self, ch: int, z_dim: int):
        super().__init__()
        self.affine = nn.Linear(z_dim, 2 * ch)

    def forward(self, h: Tensor, z: Tensor) -> Tensor:
        """h (B, ch, H, W), z (B, z_dim) -> (B, ch, H, W)."""
        # BEGIN SOLUTION
        gamma, beta = self.affine(z)[:, :, None, None].chunk(2, dim=1)
        return (1 + gamma) * F.instance_norm(h) + beta
        # END SOLUTION


AdaIN = check("06.2", AdaIN)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `F.instance_norm(h)` is (h − μ)/σ. γ and β are numbers for each image and channel: give them two more dimensions of size 1, and they fit to (B, ch, H, W).
#
# </details>
# <details><summary>Hint 2</summary>
#
# `self.affine(z)[:, :, None, None]` has the shape (B, 2·ch, 1, 1); `.chunk(2, dim=1)` cuts it into γ and β.
#
# </details>

# %% [markdown] tags=["core"]
# ### Exercise 06.3: noise for every pixel
#
# > 3 points · 12 minutes · *goes into*: the same
#
# $h+w\cdot n$: one map $n$ of random numbers an image, the same for all its channels, and one learned weight a channel. The map is *given* to `forward`: whoever calls decides
# whether it is new, repeated or zero. With weights of 0 the layer does nothing; it must be able to learn from there.


# %% tags=["core"]
class SpatialNoise(nn.Module):
    """h + w·n, one map n for all channels of an image, one learned weight w for each channel.

    Args:
        ch: channels of h. init: first value of every weight.

    Attributes:
        weight: parameter (1, ch, 1, 1).
    """

    def __init__(self, ch: int, init: float = 0.0):
        super().__init__()
        # BEGIN SOLUTION
        self.weight = nn.Parameter(torch.full((1, ch, 1, 1), float(init)))
        # END SOLUTION

    def forward(self, h: Tensor, noise: Tensor) -> Tensor:
        """h (B, ch, H, W), noise (B, 1, H, W) -> (B, ch, H, W)."""
        # BEGIN SOLUTION
        return h + self.weight * noise
        # END SOLUTION


SpatialNoise = check("06.3", SpatialNoise)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Broadcasting does the rest: what are the shapes (1, ch, 1, 1) and (B, 1, H, W) together? Draw nothing in the layer.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `nn.Parameter(torch.full((1, ch, 1, 1), float(init)))`, and `forward` is one line.
#
# </details>

# %% [markdown] tags=["core"]
# ### Exercise 06.4: two heads
#
# > 3 points · 8 minutes · *goes into*: the same
#
# The last features $h$ go through two heads, small networks that each make an image. `Output` holds three: image, reconstruction, residual. The image is the plain sum. No tanh, no clamp: a
# value above 1 must still feel a gradient; only pictures for people are clamped. Nothing is detached.


# %% tags=["core"]
def two_heads(h: Tensor, rec: nn.Module, res: nn.Module) -> Output:
    """The two parts of the output and their sum.

    Args:
        h: features (B, C, H, W). rec, res: the heads of reconstruction and residual, each (B, C, H, W) -> (B, 3, H, W).

    Returns:
        Output(image=..., reconstruction=..., residual=...), each (B, 3, H, W).
    """
    # BEGIN SOLUTION
    reconstruction, residual = rec(h), res(h)
    return Output(image=reconstruction + residual, reconstruction=reconstruction, residual=residual)
    # END SOLUTION


two_heads = check("06.4", two_heads)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Both heads are given the same features, and each is called once. Name the three fields when you build the `Output`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `Output(image=a + b, reconstruction=a, residual=b)` with `a = rec(h)` and `b = res(h)`.
#
# </details>

# %% [markdown] tags=["core"]
# ## 3 Weights prove the layers
#
# The shipped weights were trained with gritlib's layers. Put them into a network with *your* AdaIN, noise and heads. If your pieces compute the same, the picture is there at once,
# for the same seed to the same leaf. The last two rows have gritlib's layers with one fault each: γ in the place of 1 + γ; the residual forgotten.


# %% tags=["core"]
class GammaAlone(blocks.AdaIN):
    def forward(self, h: Tensor, z: Tensor) -> Tensor:
        return super().forward(h, z) - F.instance_norm(h)


def forgotten(h: Tensor, rec: nn.Module, res: nn.Module) -> Output:
    return Output(image=rec(h), reconstruction=rec(h), residual=res(h))


def with_pieces(**given) -> GRIT:
    """The shipped network with other layers or heads."""
    method = GRIT(shipped.config, **given)
    method.load_state_dict(shipped.state_dict())
    return method.eval()


# %% tags=["core"]
versions = {
    "gritlib's pieces": shipped,
    "your pieces": with_pieces(norm_layer=AdaIN, noise_layer=SpatialNoise, heads=two_heads),
    "γ for 1 + γ": with_pieces(norm_layer=GammaAlone),
    "no residual": with_pieces(heads=forgotten),
}
made = {name: translate_all(method, batch["A"], None, noise=1)["image"] for name, method in versions.items()}
pictures(
    [drawn, *map(list, made.values())],
    titles=list(places),
    labels=["label map", *made],
    caption=pieces("06.2", "06.3", "06.4"),
    alt="Two label maps; the picture by gritlib's pieces; by yours, the same if they are right; with γ for 1 + γ, dull and "
    "without edges; without the residual, blurred.",
)
for name, images in made.items():
    worst = 127.5 * (images - made["gritlib's pieces"]).abs().max()
    print(f"{name:16} differs from the first row by at most {worst:8.4f} of 255")

# %% [markdown] tags=["core"]
# **What to notice.** Your row is the first row: same seed, same leaves. The faults are seen at once, and no training was needed to see them.

# %% [markdown] tags=["core"]
# ## 4 Who learns from which loss?
#
# | loss | encoder, decoder, style encoder | reconstruction head | residual head |
# |---|---|---|---|
# | adversarial, of the sum | yes | yes | yes |
# | λ·L1, of the reconstruction | yes | yes | **exactly zero** |
#
# Read it twice. The *residual head* is free of L1. The shared features are not: both heads read them. And the reconstruction is *not* shielded from the discriminator, since the sum
# contains it. What keeps it a reconstruction is L1 alone.

# %% [markdown] tags=["core"]
# ### Exercise 06.5: the objective
#
# > 4 points · 15 minutes · *goes into*: the gradients below, and your training
#
# The adversarial term is exercise 01.4's, non-saturating: the mean of $-\log\sigma(\text{logit})$ over all patches. The reconstruction term is λ times the mean absolute difference. Which of the
# three images it looks at is the whole lesson.


# %% tags=["core"]
def grit_loss(out: Output, target: Tensor, logits_fake: Tensor, lam: float) -> dict:
    """What GRIT's generator minimises.

    Args:
        out: image, reconstruction and residual, (B, 3, H, W). target: the truth, (B, 3, H, W) in [-1, 1].
        logits_fake: D's logits of out.image, (B, 1, h, w). lam: λ, the weight of the reconstruction.

    Returns:
        adv: mean of −log σ(logits). rec: λ times the mean absolute difference. Tensors of one number; nothing is
        detached, nothing clamped.
    """
    # BEGIN SOLUTION
    return {"adv": F.softplus(-logits_fake).mean(), "rec": lam * (out.reconstruction - target).abs().mean()}
    # END SOLUTION


grit_loss = check("06.5", grit_loss)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# $-\log\sigma(t)$ is `F.softplus(-t)`; it stays finite for large logits. λ belongs to one of the two terms. `lam` multiplies a *mean*, over images, channels and pixels.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `(out.reconstruction - target).abs().mean()`: not `out.image`, not `out.residual`, no `clamp`, no `detach`.
#
# </details>

# %% [markdown] tags=["core"]
# ### Exactly zero (claim C27)
#
# One step of the shipped network on Grove's training tiles: the gradient of each of your two terms in each part of the generator. Beside it a *coupled* objective, in which L1 judges the sum:
# the paper's baseline, if it had two heads.

# %% tags=["core"]
probe = with_pieces(norm_layer=AdaIN, noise_layer=SpatialNoise, heads=two_heads)
tiles = train.batch(range(8))
out = probe.G(tiles["A"], probe.encode(tiles["B"]), 0)
terms = grit_loss(out, tiles["B"], probe.D(out.image), probe.config.rec_weight)
terms["L1 of the sum"] = probe.config.rec_weight * (out.image - tiles["B"]).abs().mean()
regions = {
    "style encoder": probe.E,
    "first down block": probe.G.down[0],
    "last up block": probe.G.up[-1],
    "reconstruction head": probe.G.reconstruction,
    "residual head": probe.G.residual,
}
size = {}
print(f"{'largest |gradient| in':22}" + "".join(f"{name:>16}" for name in terms))
for region, module in regions.items():
    for name, term in terms.items():
        slopes = torch.autograd.grad(term, list(module.parameters()), retain_graph=True, allow_unused=True)
        size[region, name] = max(0.0 if g is None else g.abs().max().item() for g in slopes)
    print(f"{region:22}" + "".join(f"{size[region, name]:16.2e}" for name in terms))
both = [torch.autograd.grad(terms["adv"], part, retain_graph=True)[0] for part in (out.reconstruction, out.residual)]
apart = (both[0] - both[1]).abs().max()
print(f"adversarial gradient in the two images: largest difference {apart:.1e}; {pieces('06.5')}")
_ = course.claim("C27", "L1's gradient in the residual head", size["residual head", "rec"], 0, 0, True, "exact")

# %% [markdown] tags=["core"]
# **What to notice.** In the column `rec` the residual head has 0, not a small number: it is not part of that graph. The adversarial gradient enters both images, pixel by pixel the same. With L1 on the
# sum the zero is gone: there two heads would be one head written in two parts. So it is the *place of the loss*, not the second head, that decouples.

# %% [markdown]
# <details><summary><b>Think.</b> Would it be better to detach the reconstruction inside the sum?</summary>
#
# Then the reconstruction would answer to L1 alone, and the discriminator would teach the residual alone. It is a variant worth trying, and it is not GRIT: the equation has no stop-gradient, and the
# paper mentions none. The other way round, nothing forces the residual to have only fine detail either: it may shift colours, and no loss objects unless the discriminator does. Lesson 07 measures it.
#
# </details>
# <details><summary><b>Think.</b> The residual head has no L1. Is the residual free of L1's influence?</summary>
#
# No. L1 shapes the features that both heads read, and uses up their capacity: the noise that enters these features disturbs the reconstruction, too, and L1 wants it gone from there. In the laboratory it is not quite gone: `found["GRIT"]["noise_in_reconstruction"]` is small, but not 0. The head can only use noise that the features still carry.
#
# </details>

# %% [markdown] tags=["core"]
# ## 5 Train with your pieces
#
# Grove, from nothing, with your AdaIN, your noise, your heads and your objective. U-Net, style encoder and discriminator are given. L1 has the weight λ = 20; the discriminator sees the
# image alone, not the map. **Predict** two things for the test maps: the L1 of the sum, divided by that of the reconstruction; and the share of the fine detail that the noise decides, from 0 to 1.

# %% tags=["core"]
course.predict("06.b", {"L1 of sum / of reconstruction": None, "noise share": None})

# %% tags=["core"]
config = GRITConfig().fit_to(train)


def my_loss(out: Output, B: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
    return grit_loss(out, B, fake_logits, config.rec_weight)


torch.manual_seed(0)
method = GRIT(config, norm_layer=AdaIN, noise_layer=SpatialNoise, heads=two_heads, g_loss=my_loss)
run = fit(method, train, steps=course.steps("yours"))
yours = run.method

# %% tags=["core"]
rows = {"label map": drawn, **parts_of(yours, batch["A"]), "truth": list(batch["B"])}
pictures(
    list(rows.values()),
    titles=list(places),
    labels=list(rows),
    caption=f"{run.step} steps, {pieces('06.2', '06.3', '06.4', '06.5')}, mean style",
    alt="Two unseen label maps; what the run made of them: a smooth reconstruction, a residual of fine detail around grey, "
    "their sum, the sum with other noise, and the true photos.",
)
everything = test.batch(range(len(test)))
lent = Lent(train, len(test), seed=0)[: len(test)]
scores = {}
for style, given in (("truth", everything["B"]), ("random", lent), ("mean", None)):
    parts = translate_all(yours, everything["A"], given, noise=1)
    scores[style] = {k: metrics.l1_255(parts[k], everything["B"]).mean().item() for k in ("reconstruction", "image")}
    told = ", ".join(f"{part} {value:.1f}" for part, value in scores[style].items())
    print(f"style of {style:7} L1 of {told}")
ratio = scores["mean"]["image"] / scores["mean"]["reconstruction"]

# %% [markdown] tags=["core"]
# **What to notice.** Two minutes or so, and the parts are there: a blur, a residual around grey (where it is tinted, it moves colours), leaves that change with the noise. The sum has a *larger* L1 than the reconstruction, as it must if
# the detail cannot be known. As in lesson 05, three styles give three scores, and only the last two are honest.

# %% [markdown] tags=["core"]
# ## 6 Is the noise used?
#
# "The outputs differ" is easily fooled. A network with too much contrast varies more in everything. Random brightness varies too, and is no detail. So two numbers. The
# *std map*: at each pixel the standard deviation over draws. And the *noise share*: of the fine detail, how much is decided by the noise? With $y_n$ the draws, $\bar y$ their mean, hp the frequencies from half of Nyquist on, and $E$ the mean over everything:
#
# $$\text{share}=\frac{E\,\lVert \mathrm{hp}(y_n-\bar y)\rVert^2}{E\,\lVert \mathrm{hp}(y_n)\rVert^2}$$

# %% [markdown] tags=["core"]
# ### Exercise 06.6: noise use
#
# > 4 points · 15 minutes · *goes into*: the measurements of your run
#
# The draws are n outputs for the same B inputs and styles. Variance and standard deviation over the draws divide by n − 1. Filter with `torch.fft`, as in exercise 02.3. Both means of the share run
# over everything, images, channels and pixels; then divide.


# %% tags=["core"]
def noise_use(draws: Tensor, edge: float = 0.5) -> tuple[Tensor, float]:
    """Standard deviation over noise draws, and the share of the fine detail that the noise decides.

    Args:
        draws: (n, B, C, H, W), n ≥ 2 outputs for the same B inputs and styles. edge: fine detail begins here, in Nyquist.

    Returns:
        std map (B, H, W), each channel's standard deviation over the draws, then the mean over channels; and the share:
        mean variance over draws of what is finer than the edge, divided by its mean square.
    """
    # BEGIN SOLUTION
    std_map = draws.std(0).mean(1)
    fy, fx = (torch.fft.fftfreq(side, dtype=torch.float64, device=draws.device) / 0.5 for side in draws.shape[-2:])
    keep = torch.hypot(fy[:, None], fx) >= edge  # Nyquist is 0.5 cycles a pixel
    fine = torch.fft.ifft2(torch.fft.fft2(draws) * keep).real
    return std_map, (fine.var(0).mean() / fine.square().mean()).item()
    # END SOLUTION


noise_use = check("06.6", noise_use)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Which of the five dimensions counts the draws? For the share filter every draw first; the filter is linear, so hp(yₙ − ȳ) is hp(yₙ) minus the mean of hp(yₙ).
#
# </details>
# <details><summary>Hint 2</summary>
#
# `draws.std(0).mean(1)` is the map. `torch.fft.fftfreq(H)` has Nyquist at 0.5; `torch.hypot` of both directions; keep what is `>= edge`; `fine.var(0).mean()` over `fine.square().mean()`.
#
# </details>

# %% tags=["core"]
count, some = (3, 4) if smoke else (20, 16)
asked = everything["A"][:: len(test) // some][:some]
styles = lent[:: len(test) // some][:some]
draws = torch.stack([translate_all(yours, asked, styles, noise=1000 * (n + 1))["image"] for n in range(count)])
std_map, share = noise_use(draws)
course.reveal("06.b", {"L1 of sum / of reconstruction": ratio, "noise share": share})
print(f"mean of the std map {std_map.mean():.3f} in units of [-1, 1]; {pieces('06.6')}")
label = everything["label"][:: len(test) // some][:some]
fine = metrics.diversity.high_pass(everything["B"][:: len(test) // some][:some]).square().mean(1).sqrt()
print(f"{'':8}{'std of your run':>16}{'fine detail of the truth':>26}")
for k, name in enumerate(test.classes):
    print(f"{name:8}{std_map[label == k].mean():16.3f}{fine[label == k].mean():26.3f}")

# %% tags=["core"]
i = [5, 11, 14] if not smoke else [0, 1, 2]
maps = colourise(label[i], test.palette)
shades = [(2 * std_map[k] / 0.4 - 1).clamp(-1, 1)[None] for k in i]
pictures(
    [list(maps), list(draws[0, i]), shades],
    labels=["label map", "one draw", "std over draws"],
    caption="std from 0, black, to 0.4, white",
    alt="Three label maps, one draw for each, and the map of the standard deviation over twenty draws: bright in crowns and on "
    "bare ground, dark in shadow.",
)

# %% [markdown] tags=["core"]
# **What to notice.** The noise decides most of the fine detail. It counts least in shadow, and more in crowns than in grass, as the detail of the photos does; nobody told the network where leaves are. But it counts most on bare ground, which in the photos is smoother than grass. So this run shows half of claim C29. (Compare the orders of
# the two columns, not their sizes: one is all deviation, the other detail above half of Nyquist.)

# %% [markdown] tags=["core"]
# ## 7 The ablation
#
# One run is no evidence. The committed study `grit-ablation` trains four networks, on Grove and Faces, six paired seeds, 1,200 steps each. All have the same U-Net, style encoder and AdaIN. `unet`: one head, no noise. `noise`: one
# head, noise; these two are *coupled*. `residual`: two heads without noise, a row that the paper does not have. `grit`: both. **Predict** for Faces, with the style of random training images: whose outputs look most
# like real faces to lesson 02's Fréchet distance, and whose to its kernel distance?

# %% tags=["core"]
CORE = ("unet", "noise", "residual", "grit")
course.predict("06.c", {"lowest Fréchet distance": None, "lowest kernel distance": None})

# %% tags=["core"]
_ = gallery("grit-ablation", "faces", seeds=(1,), metrics=("L1_random",), arms=("noise", "grit"), compare=False)
_ = gallery("grit-ablation", "grove", seeds=(1,), metrics=("L1_random",), arms=CORE, compare=False)

# %% [markdown] tags=["core"]
# **What to notice.** Each place stands twice, for two draws. `unet` and `residual` have no noise: the two are the same picture, *by construction*. Look at what they invent on Grove: curls, drawn from the map's borders. Texture from nothing looks like that. With
# noise, in `noise` as in `grit`, curls become grain. The road is covered with grain: for the map it is bare ground. On Faces look at the hair: a regular mesh in `noise`, grain in `grit`, other grain in the next draw. Faces with haloes and tinted skin are no good faces, in either row.

# %% [markdown] tags=["core"]
# ### The table, with three styles
#
# The paper's scores seem to take the style of the *true* image; it says so only between the lines. That tells the network the true colours (lesson 05), so a score with it is no score of what the network knows. All three are printed; rank by the
# last two. `unet` and `residual` have no noise, hence a dash where its use is measured.

# %% tags=["core"]
names = ("L1", "PSNR", "SSIM", "VGG16_distance", "spectrum_distance")
for style, also in (("truth", ("KD_Lite0",)), ("random", ("KD_Lite0",)), ("mean", ())):
    told = tuple(f"{name}_{style}" for name in (*names, *also))
    _ = gallery("grit-ablation", seeds=(), metrics=told, arms=CORE, compare=False)
uses = ("noise_std", "noise_share", "calibration_r", "calibration_ratio", "FD_Lite0_24_random")
records = gallery("grit-ablation", seeds=(), metrics=uses, arms=CORE, compare=False)


def mean_of(arm: str, dataset: str, metric: str) -> float:
    """Mean over the study's seeds."""
    values = [r["metrics"][metric] for r in records if (r["arm"], r["dataset"]) == (arm, dataset)]
    return sum(values) / len(values)


coupled = [r["metrics"]["noise_share"] for r in records if (r["arm"], r["dataset"]) == ("noise", "grove")]
_ = course.claim("C29", "noise share of your run", share, max(coupled), 1, band="above the study's coupled runs: it")
course.reveal(
    "06.c",
    {
        "lowest Fréchet distance": min(CORE, key=lambda arm: mean_of(arm, "faces", "FD_Lite0_24_random")),
        "lowest kernel distance": min(CORE, key=lambda arm: mean_of(arm, "faces", "KD_Lite0_random")),
    },
)

# %% tags=["core"]
dots("grit-ablation", ("noise_share", "KD_Lite0_random", "L1_random"), CORE, "faces")

# %% [markdown] tags=["core"]
# ### The claims, one line each
#
# For each claim: what is compared, the means of both arms, the 95 % interval of their difference over paired seeds, and a word made from it. The scores are those with the truth's style, as the paper's seem to be. *Reproduced*: the interval lies wholly on the paper's side of 0. *Reversed*: wholly on the
# other. *Not shown*: it contains 0. With three seeds there is no interval: then a direction, if all three agree.

# %% tags=["core"]
CLAIMS = [  # claim, arms, metric, is a higher value of the first what the paper says?
    ("C28 noise share, grit / noise", ("grit", "noise"), "noise_share", True),
    ("C28 std over draws, grit / noise", ("grit", "noise"), "noise_std", True),
    ("C28 KD gets worse, noise / unet", ("noise", "unet"), "KD_Lite0_truth", True),
    ("C28 FD gets worse, noise / unet", ("noise", "unet"), "FD_Lite0_24_truth", True),
    ("C29 r with the true std, grit / noise", ("grit", "noise"), "calibration_r", True),
    ("C29 size of the std, grit / noise", ("grit", "noise"), "calibration_ratio", True),
    ("C31 L1, grit / unet", ("grit", "unet"), "L1_truth", False),
    ("C31 PSNR, grit / unet", ("grit", "unet"), "PSNR_truth", True),
    ("C31 SSIM, grit / unet", ("grit", "unet"), "SSIM_truth", True),
    ("C31 KD, grit / unet", ("grit", "unet"), "KD_Lite0_truth", False),
    ("C31 FD, grit / unet", ("grit", "unet"), "FD_Lite0_24_truth", False),
    ("C31 perceptual worse, grit / unet", ("grit", "unet"), "VGG16_distance_truth", True),
    ("C32 L1, grit / fuse", ("grit", "fuse"), "L1_truth", False),
    ("C32 KD, grit / fuse", ("grit", "fuse"), "KD_Lite0_truth", False),
    ("missing row, as C31: KD, residual / unet", ("residual", "unet"), "KD_Lite0_truth", False),
    ("missing row, as C31: L1, residual / unet", ("residual", "unet"), "L1_truth", False),
    ("C31 of decoupling: KD, grit / noise", ("grit", "noise"), "KD_Lite0_truth", False),
    ("C31 of decoupling: FD, grit / noise", ("grit", "noise"), "FD_Lite0_24_truth", False),
]


def word(row: dict, higher: bool) -> str:
    """What paired seeds say to a claim."""
    if len(row["seeds"]) <= 3:
        if len(row["seeds"]) not in (row["above"], row["below"]):
            return "no direction"
        return "direction " + ("as claimed" if (row["difference"] > 0) == higher else "opposite")
    if row["low"] <= 0 <= row["high"]:
        return "not shown"
    return "reproduced" if (row["difference"] > 0) == higher else "reversed"


rows = {(row["dataset"], tuple(row["arms"]), row["metric"]): row for row in numbers("grit-ablation")}
print(f"{'':41}{'':6} {'mean of each':>15}  difference")
for claim, arms, metric, higher in CLAIMS:
    both = [rows[key] for key in (("faces", arms, metric), ("grove", arms, metric)) if key in rows]
    for row in both:
        means = f"{row['subject']:7.3f} {row['other']:7.3f}"
        interval = f"{row['low']:+.3f} to {row['high']:+.3f}" if len(row["seeds"]) > 3 else f"{len(row['seeds'])} seeds"
        print(f"{claim:41}{row['dataset']:6} {means}  {interval:18} {word(row, higher)}")
    if not both:
        print(f"{claim:41}fewer than two paired seeds: not decided")

# %% [markdown] tags=["core"]
# **What to notice.** *C28*: GRIT's noise decides more of the detail, and its outputs vary more, on both sets. But the paper's evidence for it is reversed: there noise alone makes FID a little worse; here it brings most of what GRIT gains. It halves the kernel distance on Grove and the Fréchet distance on Faces, whose kernel distance stays as it was. *C29*: on Faces GRIT varies as much as the truth, the coupled network by less than two thirds of it. Whose std map lies better, r, is not decided.

# %% [markdown] tags=["core"]
# RESULTS.md judges whole claims, C28 with random styles, C31 with these and the truth's. C28 is *not reproduced* (4 of 7): the noise is used more, and alone it does not harm. C29 is
# *inconclusive* (6 of 7), because of r alone. C31 is *not reproduced* (4 of 18): what holds is the kernel distance on Grove and the Fréchet distance on Faces, with both styles.

# %% [markdown] tags=["core"]
# *C31*: L1, PSNR and SSIM are *reversed* on both sets; the perceptual distance gets worse, as in the paper. (With random styles the L1 of all four differs by less than 1 on Faces: wrong colours outweigh all detail.) On Grove GRIT's kernel distance is less than half of its U-Net's. On Faces two judges contradict each other: the Fréchet distance
# of an early layer falls, the kernel distance of the last one rises.

# %% [markdown] tags=["core"]
# **The row that the paper lacks**, residuals *without* noise: with the truth's style no gain in the kernel distance is shown, and L1 is higher. With random styles, by which we rank, Grove's kernel distance falls from 1.22 to 0.94, half as far as by noise alone; Faces' does not. So at this scale it is above all the noise that brings realism. Decoupling lets it be used fully. On Grove that brings a little more realism; on Faces the kernel distance rises; and with the truth's style it costs L1 on both. It is worth its price where fine texture that nobody
# can know is the task, and only together with noise.

# %% [markdown]
# ### Spectrum and size of the variation, against a known truth
#
# On Faces label map and style fix the true standard deviation of every pixel. `calibration_r` correlates it with the std map over the pixels of a face; `calibration_ratio` divides their sums, 1 is right. Below the spectra of
# the deviations, mean of six seeds, beside those of true faces around their true mean.

# %%
people = range(4) if smoke else range(16)
true_draws = torch.stack([faces.conditional_samples(*faces.face("test", i), 20, seed=(i, 99)) for i in people], 1)
frequency, power = metrics.deviation_spectrum(true_draws)
inside = frequency <= 1
lines = {"true detail": (frequency[inside], power[inside].log())}
for arm in ("grit", "noise"):
    found = [r["details"]["spectra"] for r in records if (r["arm"], r["dataset"]) == (arm, "faces")]
    lines[arm] = (found[0]["frequency"], torch.tensor([s["deviation"] for s in found]).mean(0))
curves(
    lines,
    "frequency, relative to Nyquist",
    "ln power of the deviations",
    alt="Spectra of what varies over draws on Faces: true detail falls with frequency; GRIT's deviations rise and cross it; those of "
    "the coupled network with noise rise too and lie below GRIT's.",
)

# %% [markdown]
# **What to notice.** The power of true detail falls with frequency: strands are long. GRIT's deviations *rise*: too little of what is coarse, too much of the finest grain. The sizes agree in the sum, and the kind does not. So a ratio near 1 is no proof of right variation, as little as a share. Section 11 shows why, on Grove: only the finest block's noise counts. The coupled network has the same shape, with less power.

# %% [markdown] tags=["core"]
# ## 8 Why the sum loses in L1, and why the paper's table can differ
#
# In the paper GRIT has the *lowest* L1 of its ablation: 18.34 against 21.68 for its own U-Net. Here its sum has a higher one. Lesson 02 says why that is right: whoever draws detail of their own pays
# $E|Y-Y'|$ instead of $E|Y-\text{median}|$, √2 times as much if the detail is Gaussian. A coupled network draws less, and pays less. But is √2 all that GRIT pays? On Faces we can ask: shipped weights, style of the truth.

# %% tags=["core"]
_ = gallery(
    "grit-ablation",
    seeds=(),
    metrics=("L1_truth", "reconstruction_L1_truth", "sum_over_reconstruction"),
    arms=("unet", "residual", "grit"),
    compare=False,
)
known = catalog.load("faces", "test").batch(range(8 if smoke else 64))
who = [faces.face("test", i) for i in range(len(known["B"]))]
middle = torch.stack([faces.conditional_moments(*face)[0] for face in who]).clamp(-1, 1)
twins = torch.cat([faces.conditional_samples(*face, 1, seed=(i, 98)) for i, face in enumerate(who)])
made = translate_all(weights.load("grit-faces"), known["A"], known["B"], noise=1)
answers = {
    "the true mean": middle,
    "a second true face": twins,
    "GRIT's reconstruction": made["reconstruction"],
    "the same, with true detail": (made["reconstruction"] + twins - middle).clamp(-1, 1),
    "GRIT's sum": made["image"],
}
paid = {name: metrics.l1_255(answer, known["B"]).mean().item() for name, answer in answers.items()}
for name, value in paid.items():
    base = paid["the true mean" if name in list(answers)[:2] else "GRIT's reconstruction"]
    print(f"{name:27} L1 {value:5.2f}, {value / base:.2f} times the L1 of the answer without detail")

# %% [markdown] tags=["core"]
# **What to notice.** The second true face pays √2 times the true mean. GRIT's reconstruction pays twice the true mean: it errs as much again, in what is *not* detail. True detail added to it would cost a little more. Its own sum costs *twice* as much. The study's ratio on Faces is about √2, of a worse reconstruction (half the steps, a smaller code), and that proves nothing: the residual changes more than detail, colours too, and no loss objects. Lesson 07 takes it apart.

# %% [markdown] tags=["core"]
# How can the paper's GRIT *win* in L1, then? We have not its code, and can only say what would explain it. If most of the error is colour and shape, as above, honest detail costs little. A coupled network may do worse in colour and shape, because a
# discriminator pulls at its only output. And a style code of the truth that is large enough carries what varies. In its table LPIPS gets *worse*, 0.222 to 0.245, while L1 gets better. The paper does not comment on that.

# %% [markdown] tags=["core"]
# ## 9 What decoupling does not do
#
# Back to the laboratory, with other details. *Two modes*: the truth is one of two equally likely values, between which L1 is flat. *Two modes, 3 : 7*: the same, but one is rarer. *Rare freckle*: nothing, and in one case of five a large
# jump. **Predict** the spread of three networks, as a share of the true one.

# %% tags=["core"]
DETAILS = {
    "two modes": laboratory.Truth("two-mode"),
    "two modes, 3 : 7": laboratory.Truth("two-mode", p=0.3),
    "rare freckle": laboratory.Truth("freckle", gap=1.0),
}
ARMS = {name: ROWS[name] for name in ("coupled", "cGAN", "GRIT")}
course.predict("06.d", {f"{detail}, {name}": None for detail in DETAILS for name in ARMS})

# %% tags=["core"]
spread = {}
for detail, truth in DETAILS.items():
    for name, arm in ARMS.items():
        spread[f"{detail}, {name}"] = (
            laboratory.measure(laboratory.train(arm, truth, steps=few, pixel_weight=3.0))["std"] / truth.std
        )
course.reveal("06.d", spread)

# %% [markdown] tags=["core"]
# **What to notice.** With two equal modes the coupled network varies as much as GRIT: L1 silences nothing where it is flat. With 3 : 7 it is silent, and GRIT is not. And the rare freckle: the discriminator alone finds it, and *GRIT fails*. Its
# answers hardly vary, although no loss forbids it. (Perhaps since L1 shapes the features that both heads share, and wants no noise in them. That we have not tested.) Decoupling takes one hindrance away, not every one.

# %% [markdown] tags=["core"]
# Grove lies between: there the coupled network uses its noise, too, if less (`noise_share` above). So do not learn "coupled networks ignore noise". Learn: L1 pulls down where it has one best answer, the discriminator
# pulls up, and *you have to measure*.

# %% [markdown]
# ## 10 A small CNN instead of a sum, VGG instead of L1
#
# The paper tried a small network that makes the output of both images, and found plain addition better and more stable (claim C32). `fuse` is that. `vgg` is GRIT whose reconstruction answers to lesson 02's perceptual loss
# instead of L1. The table says how many seeds ran.

# %%
told_of = ("L1_random", "KD_Lite0_random", "noise_share", "reconstruction_gap_random", "residual_colour")
_ = gallery("grit-ablation", "grove", seeds=(), metrics=told_of, arms=("grit", "fuse", "vgg"), compare=False)

# %% [markdown]
# **What to notice.** Count the seeds first: one is a lead, three are a direction. The sum has the lower kernel distance in every seed, L1 and the spectrum have no direction: C32 is *inconclusive* (1 of 3). And `fuse` is unsteady: the worst of its seeds has an L1 far from the others'. The paper says the same, better and more stable. The last column, the mean
# colour of the "residual" in grey levels, suggests why: a CNN behind both images may mix them as it likes, and the two lose their meaning. The sum keeps it.

# %% [markdown]
# `vgg`, one seed, scores well. But its reconstruction is not blurred, the gap is near 0, since VGG asks for texture. So both parts make detail, and the work is no longer divided by what can be predicted.

# %% [markdown] tags=["core"]
# ## 11 Turn the knobs
#
# Noise off, frozen or fresh; the strength of each block's noise, from the coarsest to the finest; whose style. *Frozen* keeps one draw while you turn the other knobs. Turn the style with frozen noise: which of the two moves the colours, and which moves the leaves?

# %% tags=["core"]
looks = train.batch([97, 114, 134, 152])["B"]
Knobs(shipped, batch["A"], styles=looks, truth=batch["B"])

# %% [markdown] tags=["core"]
# The same without a widget: one number for each block, coarsest first. Change a list and run the cell again.

# %% tags=["core"]
A = batch["A"]
strengths = {"off": 0.0, "all but the finest": [1, 1, 1, 0], "finest only": [0, 0, 0, 1], "all": None}
turned = {name: shipped.translate(A, noise=1, strength=strength).image for name, strength in strengths.items()}
pictures(
    [list(images) for images in turned.values()],
    titles=list(places),
    labels=list(turned),
    caption="shipped weights, mean style",
    alt="Two places. Without noise, and with that of the three coarser blocks: smooth crowns with a rim; with that of the finest "
    "block, and of all: leaves and grain.",
)
read = " ".join(f"{value:.2f}" for value in shipped.G.noise_strength())
print(f"mean |w| of the blocks, coarsest first: {read}")
for name, images in turned.items():
    print(f"{name:18} differs from 'off' by {127.5 * (images - turned['off']).abs().mean():5.1f} of 255 on average")

# %% [markdown] tags=["core"]
# **What to notice.** Without noise the network paints smooth crowns with a rim: it cannot make leaves of nothing. The finest block's noise makes nearly all of the grain, the others next to nothing. So the variation is *fine*: no draw moves a tree, or a clump of
# leaves. The paper does not say how its blocks share the work.

# %% [markdown]
# <details><summary><b>Think.</b> Why not read the use of noise off the learned weights w?</summary>
#
# Behind the noise comes AdaIN, which divides by the deviation of the features, and convolutions, which may ignore or amplify it. A small weight can matter and a large one need not. What the *output* does is
# the evidence.
#
# </details>
# <details><summary><b>Think.</b> A colleague shows two models: A's std over draws is 1.4 times B's. What do you ask?</summary>
#
# Whether A's contrast is 1.4 times B's; the share does not care. What the spectrum of the deviations is: texture, or grain. Where it varies. How it compares with the true standard deviation, if there is one. And how many seeds.
#
# </details>

# %% [markdown]
# ## Paper, official code, gritlib
#
# No code of GRIT is public, as far as we could find; the project page lists the paper. So every entry in the last column is a decision of this course. Those marked * follow the authors' earlier public work, *Learned Spatial
# Representations* and *StEP*: they are inferred, not known.
#
# | | paper | official code | gritlib, this lesson |
# |---|---|---|---|
# | reconstruction | L1; λ not said | not public | L1, λ = 20 |
# | adversarial loss | "discriminator-based" | – | non-saturating * |
# | discriminator | not said; the formula shows no input | – | PatchGAN, patches of 34 pixels, instance norm, without the map |
# | regularisation of D | not said | – | none (their earlier work: R1 and R2) |
# | composition | sum; a small CNN was worse | – | sum; `compose="fuse"` |
# | stop-gradient | none mentioned | – | none |
# | where the heads split | not said | – | behind the last block, two 3x3 convolutions each |
# | range of the outputs | not said | – | linear, clamped for display only |
# | style | flat code through AdaIN; layers not said | – | 8 numbers, deterministic; `style="vae"` |
# | AdaIN | not said | – | 1 + γ * |
# | noise | learned weights W, in each upsampling block | – | one weight a channel *, 0.1 at first (there: 0) |
# | upsampling | not said | – | bilinear *, then 3x3 convolution |
# | style at test time | implied: the truth's | – | three conditions, ranked without the truth's |
# | size, data | 256 and 512, CelebAMask-HQ, Edges2Handbags | – | 64, Grove, drawn faces |
# | optimiser, rates, length | not said | – | Adam, 10⁻³, β₁ = 0.5; 1,200 steps of 8 images |
# | weights used | not said | – | averaged over the steps |

# %% [markdown]
# ## What is not true or not shown here
#
# - "Coupled networks ignore noise": only where L1 has one best answer, and even there in part.
# - "The residual is high-pass": no loss says so. It may move colours; lesson 07 measures it.
# - "GRIT improves L1, PSNR and SSIM": reversed in this study. "GRIT looks more real": on Grove, by one judge; on Faces two judges contradict each other. And most of it noise brings alone.
# - "The variation is that of the truth": on Faces its size is, its spectrum is not.
# - That these settings are the paper's. They were chosen by looking at single runs (CONTRIBUTING.md lists them), on the test split, before the study's seeds ran. No photos of faces, no 256 pixels, no human judges; Grove's test tiles are of one scene.
# - LPIPS and FID are the paper's; VGG16's distance, KD and FD of Lite0 are offline relatives of theirs, and may rank differently.

# %% [markdown]
# ## References
#
# - S. Suri, M. Meshry, L. S. Davis, A. Shrivastava. *GRIT: GAN Residuals for Paired Image-to-Image Translation.* WACV 2024.
# - M. Meshry, S. Suri, L. S. Davis, A. Shrivastava. *Learned Spatial Representations for Few-Shot Talking-Head Synthesis.* ICCV 2021. arXiv:2104.14557.
# - M. Meshry, Y. Ren, L. S. Davis, A. Shrivastava. *StEP: Style-Based Encoder Pre-Training for Multi-Modal Image Synthesis.* CVPR 2021. arXiv:2104.07098.
# - T. Karras, S. Laine, T. Aila. *A Style-Based Generator Architecture for Generative Adversarial Networks.* CVPR 2019. arXiv:1812.04948. (Noise in every block.)
# - X. Huang, S. Belongie. *Arbitrary Style Transfer in Real-Time with Adaptive Instance Normalization.* ICCV 2017. arXiv:1703.06868.
# - J.-Y. Zhu, R. Zhang, D. Pathak, T. Darrell, A. A. Efros, O. Wang, E. Shechtman. *Toward Multimodal Image-to-Image Translation.* NIPS 2017. arXiv:1711.11586. (BicycleGAN: another cure for ignored noise.)
# - M. Mathieu, C. Couprie, Y. LeCun. *Deep Multi-Scale Video Prediction Beyond Mean Square Error.* ICLR 2016. arXiv:1511.05440. (Reports that a conditional generator learned to ignore its noise.)
# - Y. Blau, T. Michaeli. *The Perception-Distortion Tradeoff.* CVPR 2018. arXiv:1711.06077.
# - K. Schwarz, Y. Liao, A. Geiger. *On the Frequency Bias of Generative Models.* NeurIPS 2021. arXiv:2111.02447.
#
# Lesson text and figures: CC BY 4.0. Aerial photos: NEON, CC0. Faces are drawn; they are nobody's. Generated images are not real places or people.

# %%
course.show_progress()
