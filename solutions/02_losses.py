# %% [markdown]
# # 02 What should the loss be?
#
# **What does each loss ask for, and why do they disagree?**
#
# *45 minutes of reading, 80 of coding, about 4 of computing on two cores. The core path, all exercises and the cells
# between them with the tag `core`, takes about two hours. You need: lesson 01 (pix2pix, the adversarial losses), lesson 00's spectrum, the
# mean and the median, Fourier transforms as far as `torch.fft.fft2`.*
#
# ## What you will be able to do
#
# 1. Say what the best answer to L1, to L2 and to their mix is, and why "L1 gives the median" ends in blur.
# 2. Say what a *perfect* generator must pay in L1 and in PSNR, and why no pixel score likes it.
# 3. Write a perceptual loss, and recognise the grid that it leaves.
# 4. Measure, frequency by frequency, whether a loss wants more or less detail than there is.
# 5. Compare *sets* of images with a Fréchet distance, precision and recall, and say how such scores can be fooled.

# %% tags=["core"]
import copy
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional as F

import gritlib.course as course
from gritlib import backbones, laboratory, metrics
from gritlib.backbones.segmenter import segmenter
from gritlib.course import check, pieces
from gritlib.data import catalog, faces
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.show import claims, curves, gallery, pictures
from gritlib.show.widgets import blur
from gritlib.studies.losses import perfect, twin
from gritlib.training import fit
from gritlib.training.samples import input_picture

smoke = course.session.current().preset == "smoke"

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# One network, one task, several losses: from a layout of crowns, grass, bare ground and shadow to an aerial photo. This is a
# part of the committed study `losses`, one seed of six. The last row is no output: `copies` are real photos of *other*
# places. Which row would you call best? Which one do the scores?

# %% tags=["core"]
_ = gallery(
    "losses",
    dataset="grove",
    seeds=(1,),
    metrics=("L1", "spectrum_gap", "lattice"),
    arms=("l1", "l2", "vgg", "cgan", "l1+cgan", "copies"),
    compare=False,
)

# %% [markdown] tags=["core"]
# **What to notice.** `l1` and `l2` are smooth. `vgg` is sharp and full of a fine grid. `cgan`, a discriminator alone, has
# texture of the wrong kind; with L1 beside it there is something like leaves and grass. The lowest L1 belongs to the smooth
# rows. *Spectrum gap* is lesson 00's: ln power of the fine detail, minus the truth's. (The training scene is sharper than the
# test scene: its real photos, `copies`, have about +0.5.) *Lattice*: how many times, in ln, the power at the frequencies of a
# regular grid exceeds that around them, minus the same for the truth; +4 is a factor of 55.

# %% [markdown] tags=["core"]
# ## 1 One question, many right answers
#
# The layout says "grass". It does not say where each blade stands. So to one input $x$ belong many right outputs $y$, some
# likelier than others: a distribution $p(y|x)$. A generator without noise must give *one* answer to all of them. Which one?
# The loss decides: training looks for the constant $c$ whose expected loss over all right answers is smallest.

# %% [markdown] tags=["core"]
# ### Exercise 02.1: the best constant
#
# > 4 points · 15 minutes · *goes into*: the table below
#
# Right answers `values` come with probabilities `weights` (they sum to 1). Find a constant $c$ with the smallest expected
# loss: `"l1"` is $\sum_i w_i |v_i - c|$, `"l2"` is $\sum_i w_i (v_i - c)^2$, `"mix"` is half of the one plus half of the
# other. If several constants are equally good, any is right. A search
# is as good as a formula if it comes near enough: its cost may exceed the least by 1/100,000 of the range of the values.


# %% tags=["core"]
def best_constant(values: Tensor, weights: Tensor, loss: str) -> float:
    """The constant with the smallest expected loss.

    Args:
        values: (n,) right answers. weights: (n,) their probabilities, summing to 1. loss: "l1", "l2" or "mix".
    """
    # BEGIN SOLUTION
    mean = (weights * values).sum()
    if loss == "l2":
        return float(mean)
    order = values.argsort()
    v, w = values[order], weights[order]
    below = w.cumsum(0)  # weight at or below each value
    if loss == "l1":
        return float(v[(below >= 0.5 - 1e-12).nonzero()[0, 0]])
    # mix: the slope is c − mean + (weight below c − weight above c) / 2; candidates are the values and its zeros.
    share = torch.cat([below.new_zeros(1), below])
    zeros = mean + (1 - 2 * share) / 2
    candidates = torch.cat([v, zeros])
    gap = values[None] - candidates[:, None]
    cost = (weights * (gap.abs() + gap.square())).sum(1)
    return float(candidates[cost.argmin()])
    # END SOLUTION


best_constant = check("02.1", best_constant)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# For L1, move $c$ a little to the right: every value below it costs more, every value above it costs less. When do the two
# weights balance? For L2 set the derivative to zero.
#
# </details>
# <details><summary>Hint 2</summary>
#
# For the mix no formula is needed: the cost is convex in $c$, so any careful search finds it. Its minimum lies at one of the
# values or between two of them, and a grid that is fine enough, refined around its best point, is accepted.
#
# </details>

# %% tags=["core"]
values, weights = torch.tensor([-1.0, 1.0], dtype=torch.float64), torch.tensor([0.3, 0.7], dtype=torch.float64)
for loss in ("l1", "l2", "mix"):
    small = best_constant(values, weights, loss)
    large = best_constant((values + 1) * 127.5, weights, loss) / 127.5 - 1
    print(f"{loss:4} best constant {small:+.2f}; computed on 0 to 255 and scaled back {large:+.2f}")

# %% [markdown] tags=["core"]
# **What to notice.** Of two answers, −1 with weight 0.3 and +1 with weight 0.7, L2 takes the mean, 0.4, which is *neither*.
# L1 takes +1: a right and perfectly sharp answer. The mix depends on the unit: squared errors grow faster than absolute
# ones, so ½ L1 + ½ L2 is one loss on [−1, 1] and another on 0 to 255. Whoever writes such a mix must say which.

# %% [markdown] tags=["core"]
# ### If L1 likes sharp answers, why does it blur?
#
# Because it decides pixel by pixel. On Faces we can ask the truth: 400 faces drawn for the *same* label map and the same
# style; only hair strands, freckles and grain differ. Below: two of them, the mean of all, and the median of each pixel.

# %% tags=["core"]
label, style = faces.face("test", 5)
many = faces.conditional_samples(label, style, 40 if smoke else 400, seed=1)
first, second = many[0], many[1]
middle = many.median(0).values
pictures(
    [[first, second, many.mean(0), middle]],
    titles=["a right answer", "another", "mean of all", "median of all"],
    scale=3,
    alt="Four drawn faces with the same label map: two right answers with different strands of hair and grain; the mean and "
    "the pixel-wise median of 400 right answers, both smooth, without strands and without grain.",
)

# %% [markdown] tags=["core"]
# **What to notice.** At one pixel the hair is sometimes lighter and sometimes darker, and a freckle is seldom there: the median
# lies in the middle, without either. Each pixel's median is a possible value, but all medians together are a face that never
# occurs. So "the median is sharp" holds for one number and fails for an image. Mean and median look the same here.

# %% [markdown] tags=["core"]
# ## 2 What must a perfect answer pay?
#
# Imagine a perfect generator: it draws its own right answer $Y'$, independent of the one in the file, $Y$. Its expected L1 is
# $E|Y - Y'|$, no more and no less. The best constant pays $E|Y - \text{median}|$. **Predict** their ratio when the detail is
# Gaussian, when it is uniform, and when it is a freckle (a fixed offset, at one pixel in five).

# %% tags=["core"]
course.predict("02.a", {"gaussian": None, "uniform": None, "freckle": None})

# %% tags=["core"]
x = torch.zeros(200_000, dtype=torch.float64)
measured = {}
for detail in ("gaussian", "uniform", "freckle"):
    truth = laboratory.Truth(detail)
    random = torch.Generator().manual_seed(0)
    Y, other = truth.sample(x, random), truth.sample(x, random)
    measured[detail] = ((Y - other).abs().mean() / (Y - truth.median(x)).abs().mean()).item()
course.reveal("02.a", measured)
print("closed forms:", {detail: round(laboratory.Truth(detail).price, 3) for detail in measured})

# %% [markdown] tags=["core"]
# **What to notice.** √2 for Gaussian detail: $Y - Y'$ is Gaussian too, with twice the variance, so √2 times as wide. 4/3 for
# uniform, $2(1-p)$ for a freckle of probability $p$. In squared error always 2: $E(Y-Y')^2 = 2\,\mathrm{Var}(Y)$, because the
# two are independent. So a perfect generator's PSNR lies 3.01 dB *below* that of the mean, whatever the data. A cleverer one
# cannot beat that: whoever draws from $p(y|x)$ without knowing $Y$ pays exactly this.

# %% [markdown] tags=["core"]
# ### The one-pixel laboratory
#
# $x$ and $y$ are one number each, $y = \frac12 \sin(\pi x)$ plus Gaussian detail, so everything about the truth is known.
# The curve needs no training: $\hat y_\alpha = \text{median} + \alpha\,(Y' - \text{median})$ goes from the best L1 ($\alpha = 0$)
# to a perfect sampler ($\alpha = 1$). W1 is lesson 01's: the mean distance between sorted answers and sorted truths. The dots
# are three small networks, trained now: L1 alone, a conditional GAN alone, and both on one output, L1 with weight λ = 3.

# %% tags=["core"]
runs = {
    name: laboratory.train(name, steps=20 if smoke else 2000, pixel_weight=3.0) for name in ("l1", "cgan", "coupled")
}
dots = {name: laboratory.measure(run) for name, run in runs.items()}
walk = [laboratory.measure(laboratory.feasible(alpha / 10)) for alpha in range(11)]
curves(
    {"median + α (Y' − median)": ([m["L1"] for m in walk], [m["W1"] for m in walk])}
    | {name: ([m["L1"]], [m["W1"]]) for name, m in dots.items()},
    "L1 (distortion): lower is better",
    "W1 (perception): lower is better",
    markers=True,
    alt="A falling curve from the best L1 with a large W1 to a perfect sampler with √2 times the L1 and almost no W1. "
    + "; ".join(f"{name}: L1 {m['L1']:.2f}, W1 {m['W1']:.2f}" for name, m in dots.items()),
)
for name, m in dots.items():
    print(
        f"{name:8} L1 {m['L1']:.3f}  W1 {m['W1']:.3f}  spread of its answers {m['std']:.2f}, true {m['true_std']:.2f}"
    )

# %% [markdown] tags=["core"]
# **What to notice.** On the left the best L1, on the right the perfect sampler: along the curve one costs the other. This is
# the *perception–distortion* trade-off (Blau & Michaeli 2018). We do not claim that nothing lies below this curve. The network
# with both losses stops half-way; λ decides where. And its answers spread less than the true ones: L1 pulled the noise down.
# Lesson 06 removes that pull. (For `l1`, W1 equals L1: all its answers to an $x$ are one number.)

# %% [markdown] tags=["core"]
# ### The truth's twin
#
# The same on images. For 64 unseen faces: the true mean given label map and style (the best possible blur), and a *twin*, a
# second true sample for the same label map and style. We score both against the face in the file.

# %% tags=["core"]
source = catalog.load("faces", "test")
B = source.batch(range(64))["B"]
blurred = torch.stack([faces.conditional_moments(*faces.face("test", i))[0] for i in range(64)]).clamp(-1, 1)
twins = torch.cat([twin(i, seed=7) for i in range(64)])
for name, answer in (("conditional mean", blurred), ("twin", twins)):
    scores = [metric(answer, B).mean().item() for metric in (metrics.l1_255, metrics.psnr, metrics.ssim)]
    gap = metrics.high_frequency_gap(answer, B)
    print(f"{name:17} L1 {scores[0]:5.2f}  PSNR {scores[1]:5.2f} dB  SSIM {scores[2]:.3f}  spectrum gap {gap:+.2f}")
price = metrics.l1_255(twins, B).mean() / metrics.l1_255(blurred, B).mean()
drop = (metrics.psnr(blurred, B) - metrics.psnr(twins, B)).mean()
print(f"the twin pays {price:.2f} times the L1 and {drop:.2f} dB")
assert 1.3 < price < 1.5 and 2.7 < drop < 3.3  # √2 and 3.01 dB, but for clipping, freckles and 8 bits

# %% [markdown] tags=["core"]
# **What to notice.** Every pixel score, SSIM too, prefers the blur to a second true face; only the spectrum knows better. So a
# table sorted by PSNR puts a perfect generator *below* a perfect blurrer with the same knowledge. Both know the style here. The
# networks below see the label map alone: their best blur is grey, and their perfect answer has a style of its own.

# %% [markdown] tags=["core"]
# ## 3 A perceptual loss
#
# Do not compare pixels, compare what a trained network makes of them. VGG was trained to name objects; its layers turn an
# image into *feature maps* $\phi_i$, grids of numbers that react to edges, then to textures, then to parts of things.
# The perceptual loss sums L1 distances of features: $\sum_i w_i \,\lVert\phi_i(\hat y)-\phi_i(y)\rVert_1$, a mean over each map.

# %% tags=["core"]
# The offline network: VGG16 up to relu3_3; weights by the University of Oxford, CC BY 4.0.
vgg = backbones.perceptual("vgg16")
grove = catalog.load("grove", "test")
photo = grove.batch([3])["B"]
for phi in vgg(vgg.preprocess(photo)):
    print(f"feature map of {phi.shape[1]} channels, {phi.shape[2]} x {phi.shape[3]}: values 0 to {phi.max():.0f}")
print(f"{vgg.name}; weights of its layers: {', '.join(f'{127.5 * w:g}' for w in vgg.weights)}, each divided by 127.5")

# %% [markdown] tags=["core"]
# ### Exercise 02.2: the perceptual loss
#
# > 4 points · 15 minutes · *goes into*: `Pix2Pix(..., g_loss=...)` below
#
# `net.preprocess(images)` turns images in [−1, 1] into what the network was trained on (here: blue, green, red from 0 to
# 255, minus the mean colour of ImageNet). `net(prepared)` returns the list of feature maps. Weigh the mean absolute
# difference of each and add them up. No gradient may arrive at the real side; `detach` and
# `torch.no_grad` are both right, the second saves memory.


# %% tags=["core"]
def perceptual_loss(net, fake: Tensor, real: Tensor, weights: list[float]) -> Tensor:
    """Weighted sum of the mean absolute differences of feature maps.

    Args:
        net: net.preprocess(images) -> prepared, net(prepared) -> list of feature maps.
        fake, real: (B, 3, H, W) in [-1, 1]. weights: one number for each feature map.
    """
    # BEGIN SOLUTION
    with torch.no_grad():
        wanted = net(net.preprocess(real))
    found = net(net.preprocess(fake))
    return sum(w * (a - b).abs().mean() for w, a, b in zip(weights, found, wanted, strict=True))
    # END SOLUTION


perceptual_loss = check("02.2", perceptual_loss)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two passes through the network, one for each image. Under `torch.no_grad()` nothing remembers how it was computed.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `(a - b).abs().mean()` for each pair of maps, times its weight. A mean, not a sum: the value must not depend on the size
# of the image.
#
# </details>

# %% [markdown] tags=["core"]
# ### What does it prefer?
#
# Take real photos. Make a *blurred* copy of each, and a *warped* one: sharp, but every pixel moved a little, in another
# direction here and there. Which copy is closer to the original? That depends on how strong the blur is and how far the warp
# goes, so we try nine pairs, with squared error and with your loss.


# %% tags=["core"]
def warp(images: Tensor, pixels: float, seed: int = 0) -> Tensor:
    """Move every pixel by a smooth random displacement of root mean square `pixels`."""
    n, _, h, w = images.shape
    random = torch.randn(n, 2, h // 8, w // 8, generator=torch.Generator().manual_seed(seed))
    shift = F.interpolate(random, (h, w), mode="bicubic")
    shift = shift * pixels / shift.square().sum(1).mean((1, 2)).sqrt().view(n, 1, 1, 1)
    ys, xs = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    grid = torch.stack([(xs + shift[:, 0]) * 2 / w - 1, (ys + shift[:, 1]) * 2 / h - 1], -1)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


photos = grove.batch(range(0, 72, 9))["B"]
blurs = {sigma: blur(photos, sigma).float() for sigma in (0.7, 1.0, 1.5)}
warps = {far: warp(photos, far) for far in (0.5, 1.0, 1.5)}
pictures(
    [list(row[:5]) for row in (photos, blurs[1.5], warps[1.5])],
    labels=["original", "blur 1.5", "warp 1.5"],
    alt="Five aerial photos of trees, the same blurred, and the same warped by about one and a half pixels, still sharp.",
)


# %% tags=["core"]
def closer(how, sharp: Tensor, soft: Tensor) -> int:
    """On how many photos is the sharp copy closer than the soft one?"""
    with torch.no_grad():
        return sum(
            bool(how(a[None], p[None]) < how(b[None], p[None])) for a, b, p in zip(sharp, soft, photos, strict=True)
        )


def squared(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).square().mean()


def by_features(a: Tensor, b: Tensor) -> Tensor:
    return perceptual_loss(vgg, a, b, vgg.weights)


print(f"photos of {len(photos)} on which the warped copy is the closer one: squared error / your loss")
print(f"{'':12}" + "".join(f"{f'warp {far}':>12}" for far in warps))
for sigma, soft in blurs.items():
    cells = [f"{closer(squared, sharp, soft)} / {closer(by_features, sharp, soft)}" for sharp in warps.values()]
    print(f"{f'blur {sigma}':12}" + "".join(f"{cell:>12}" for cell in cells))

# %% [markdown] tags=["core"]
# **What to notice.** Neither loss always prefers the same copy. What differs is the rate of exchange: your loss accepts a warp
# in place of a blur which squared error would still prefer. So it *shifts* the price between "not there" and "at the wrong
# place". It remains a comparison with one right answer.

# %% [markdown] tags=["core"]
# ## 4 A start, and two forks
#
# Now train, on Grove. L1 alone for a while. From its weights we go on in two ways: with your perceptual loss instead of L1,
# for a short while, because each step costs five times as much; and, in section 5, with L1 plus a conditional
# discriminator, as in pix2pix. So all three share their first steps, and what differs between them the loss has done.

# %% tags=["core"]
train, test = catalog.load("grove", "train"), catalog.load("grove", "test")
l1_alone = Pix2PixConfig(lr=5e-4, gan_weight=0.0).fit_to(train)
torch.manual_seed(0)
from_l1 = fit(Pix2Pix(l1_alone), train, steps=course.steps("start"))


# %% tags=["core"]
def vgg_alone(fake: Tensor, real: Tensor, logits: None) -> dict[str, Tensor]:
    return {"perceptual": 10 * perceptual_loss(vgg, fake, real, vgg.weights)}


def fork(config: Pix2PixConfig, g_loss=None) -> Pix2Pix:
    """A pix2pix whose generator begins where L1 ended; g_loss(fake, real, D's logits or None) replaces its loss."""
    torch.manual_seed(1)
    return Pix2Pix(config, generator=copy.deepcopy(from_l1.method.G), g_loss=g_loss)


by_vgg = fit(fork(l1_alone, vgg_alone), train, steps=course.steps("vgg"))

# %% tags=["core"]
places = [3, 10, 30, 40, 50, 60]
shown = test.batch(places)
layouts = [input_picture(shown, test)[i] for i in range(len(places))]
with torch.no_grad():
    made = {name: run.method.translate(shown["A"]).image for name, run in (("L1", from_l1), ("then VGG", by_vgg))}
pictures(
    [layouts, *(list(row) for row in (*made.values(), shown["B"]))],
    labels=["layout", *made, "truth"],
    caption=pieces("02.2"),
    alt="Six unseen layouts of a forest; rows: the layout; L1 alone, smooth colours; continued with the perceptual loss, sharper and "
    "covered by a fine regular grid; the real photos.",
)

# A control: as many more steps of L1.
more_l1 = fit(fork(l1_alone), train, steps=course.steps("more"), progress=False)
with torch.no_grad():
    images = {**made, "more L1": more_l1.method.translate(shown["A"]).image}
print("lattice:", {name: round(metrics.lattice(image, shown["B"]), 2) for name, image in images.items()})

# %% [markdown] tags=["core"]
# **What to notice.** A few steps are enough: the colours keep their places, and a fine *grid* covers them. The paper of GRIT
# reports such a grid (its figure 3; claim C7). L1 has a faint one too, from the transposed convolutions of lesson 01, and more
# steps of L1 do not make it strong. Perhaps the features ask for "some texture" and hardly say where, and the cheapest texture
# of a network without noise is a regular one. That reason we have not tested.

# %% [markdown] tags=["core"]
# ## 5 Does this loss want more or less?
#
# Before the second fork, a tool. An output $\hat y$ is a sum of *bands*: its coarse part, finer parts, the finest. Turn up one
# band a little: multiply it by $\alpha$, near 1. Does the loss fall or rise? The slope,
# $g_b = \frac{d}{d\alpha} L(\hat y + (\alpha - 1)\,\text{band}_b\,\hat y)\big|_{\alpha=1} = \langle \nabla L, \text{band}_b\,\hat y\rangle$,
# is the **gain derivative**. Positive: the loss wants less of this band. Negative: it wants more.

# %% [markdown] tags=["core"]
# ### Exercise 02.3: the gain derivative
#
# > 4 points · 15 minutes · *goes into*: the loss of the second fork
#
# `grad` is $\partial L / \partial\hat y$, `output` is $\hat y$. Band $b$ holds the spatial frequencies whose distance from
# zero, in units of the Nyquist frequency (half a cycle a pixel), is at least `edges[b]` and below `edges[b + 1]`. Filter the
# output with `torch.fft`. The brackets ⟨ , ⟩ mean: multiply value by value, and sum over everything.


# %% tags=["core"]
def gain_derivative(grad: Tensor, output: Tensor, edges: list[float]) -> Tensor:
    """Slope of a loss in the strength of each frequency band of the output.

    Args:
        grad, output: (B, C, N, N). edges: borders of the bands, relative to Nyquist, rising.

    Returns:
        (n_bands,), one number a band, summed over images, channels and pixels.
    """
    # BEGIN SOLUTION
    f = torch.fft.fftfreq(output.shape[-1], dtype=output.dtype, device=output.device) / 0.5
    radius = torch.hypot(f[:, None], f[None])
    spectrum = torch.fft.fft2(output)
    bands = []
    for low, high in pairwise(edges):
        mask = (radius >= low) & (radius < high)
        bands.append(torch.fft.ifft2(spectrum * mask).real)
    return torch.stack([(grad * band).sum() for band in bands])
    # END SOLUTION


gain_derivative = check("02.3", gain_derivative)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `torch.fft.fftfreq(N)` gives the frequencies in cycles a pixel, negative ones too; Nyquist is 0.5. The distance of a
# coefficient from zero takes both directions: `torch.hypot`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `mask = (radius >= a) & (radius < b)` keeps a frequency and its negative together, so the filtered image is real but for
# rounding: take `.real`.
#
# </details>

# %% [markdown] tags=["core"]
# Now the second fork, with a log: every tenth step the gain derivatives of both terms, on the batch at hand. You may
# **predict** the signs in the finest band, at the end: +1 for "wants less", −1 for "wants more".

# %% tags=["core"]
course.predict("02.b", {"L1": None, "adv": None})

# %% tags=["core"]
EDGES = [0.0, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.5]
BANDS = ["0 to 1/16", "to 1/8", "to 1/4", "to 1/2", "finest"]
gains: list[dict[str, Tensor]] = []


def both(fake: Tensor, real: Tensor, logits: Tensor) -> dict[str, Tensor]:
    """pix2pix' two terms; looks at their gradients on the way."""
    terms = {"L1": 100 * (fake - real).abs().mean(), "adv": F.softplus(-logits.float()).mean()}
    both.calls += 1
    if both.calls % 10 == 0:
        slopes = {name: torch.autograd.grad(term, fake, retain_graph=True)[0] for name, term in terms.items()}
        gains.append({name: gain_derivative(g.float(), fake.detach().float(), EDGES) for name, g in slopes.items()})
    return terms


both.calls = 0
by_both = fit(fork(Pix2PixConfig(lr=5e-4).fit_to(train), both), train, steps=course.steps("gan"))

# %% tags=["core"]
with torch.no_grad():
    made["then L1 + cGAN"] = by_both.method.translate(shown["A"]).image
pictures(
    [layouts, *(list(row) for row in (*made.values(), shown["B"]))],
    labels=["layout", *made, "truth"],
    caption=pieces("02.2", "02.3"),
    alt="Six unseen layouts of a forest; rows: the layout; L1 alone, smooth; then VGG, a fine grid; then L1 with a "
    "discriminator, irregular fine texture, in places clumps of black and white; the real photos.",
)

# %% tags=["core"]
late = gains[len(gains) // 2 :]
mean = {name: torch.stack([entry[name] for entry in late]).mean(0) for name in ("L1", "adv")}
error = {
    name: torch.stack([entry[name] for entry in late]).std(0, correction=min(1, len(late) - 1)) / len(late) ** 0.5
    for name in mean
}
f = torch.fft.fftfreq(64) / 0.5
radius = torch.hypot(f[:, None], f[None])
shares = [((radius >= low) & (radius < high)).float().mean().item() for low, high in pairwise(EDGES)]
print(f"second half of the fork, mean ± standard error over {len(late)} steps, which are not independent")
print(f"{'band (of Nyquist)':18}" + "".join(f"{band:>16}" for band in BANDS))
print(f"{'frequencies in it':18}" + "".join(f"{share:>16.1%}" for share in shares))
for name in mean:
    cells = [f"{m:+.2f} ± {e:.2f}" for m, e in zip(mean[name].tolist(), error[name].tolist(), strict=True)]
    print(f"{name:18}" + "".join(f"{cell:>16}" for cell in cells))
course.reveal("02.b", {name: float(mean[name][-1].sign()) for name in mean})

# %% [markdown] tags=["core"]
# **What to notice.** In the finer bands the two losses pull against each other: L1 *erases*, the adversarial loss *adds*. The
# same output must please both, so it ends where the slopes cancel. (A gain is a sum over its band, and the finest holds four
# fifths of all frequencies: compare signs and rows, not bands.) The adversarial loss knows no position: any leaves will do. L1
# knows only positions: leaves at the wrong place cost twice, where they are and where they should be. This is the conflict that
# GRIT resolves.

# %% [markdown]
# ### Why not simply the angle between the gradients?
#
# You may meet the *cosine* between the gradients of two losses as a measure of conflict. Here it is, band by band, for 64
# outputs, and beside it a control: the same cosine with the images of one gradient exchanged, so that the two no longer belong
# together.


# %%
def slopes_at(answer: Tensor, A: Tensor, real: Tensor) -> dict[str, Tensor]:
    """Gradients of both terms with respect to an answer, judged by the fork's discriminator."""
    answer = answer.clone().requires_grad_()
    logits = by_both.method.D(torch.cat([A, answer], 1))
    terms = {"L1": 100 * (answer - real).abs().mean(), "adv": F.softplus(-logits).mean()}
    return {name: torch.autograd.grad(term, answer)[0] for name, term in terms.items()}


batch = test.batch(range(64))
with torch.no_grad():
    output = by_both.method.translate(batch["A"]).image
slopes = slopes_at(output, batch["A"], batch["B"])
in_bands = {name: metrics.bands(g, EDGES).flatten(2) for name, g in slopes.items()}  # (bands, images, values)
print(f"{'band (of Nyquist)':18}" + "".join(f"{band:>12}" for band in BANDS))
for name, other in (("cosine", in_bands["adv"]), ("shuffled", in_bands["adv"].roll(1, 1))):
    cosine = F.cosine_similarity(in_bands["L1"], other, dim=-1).mean(1)
    print(f"{name:18}" + "".join(f"{c:+12.3f}" for c in cosine.tolist()))

# %% [markdown]
# **What to notice.** In the finer bands the cosine is negative too, but small (the gradient of L1 is a field of +1 and −1: perhaps
# mostly noise). And the control is not zero: part of the cosine has nothing to do with the pair, and without the second row
# you would not know. One more trap: where the *sum* of two losses is at a minimum, their gradients by the network's parameters
# add up to zero, so they are opposite whatever the losses are. Report gains.

# %% [markdown] tags=["core"]
# ### Is it the output that is bad, or the loss?
#
# Ask L1 for its slope in the finest band at answers that we know, on Faces: the best blur, the truth, and the twin.

# %% tags=["core"]
for name, answer in (("conditional mean", blurred), ("truth", B), ("twin", twins)):
    answer = answer.clone().requires_grad_()
    (slope,) = torch.autograd.grad(100 * (answer - B).abs().mean(), answer)
    print(f"{name:18} finest band {gain_derivative(slope, answer.detach(), EDGES)[-1]:+.2f}")

# %% [markdown] tags=["core"]
# **What to notice.** At the truth the slope is 0 (as PyTorch defines the slope of |0|), at the blur it is small. At the twin,
# *which is just as right as the truth*, L1 wants the fine detail gone. So it is the loss. For a discriminator that has not
# seen the file the two are alike: they have the same distribution.

# %% [markdown] tags=["core"]
# ## 6 Nine losses
#
# Back to the study, now whole: nine losses, two data sets, six seeds (three where VGG takes part). On Faces an arm `perfect` joins:
# another true face for the same label map, with a style of its own. Two scores are new. *mean_iou* asks a small segmentation
# network, trained on real images, to find the label map in the output: the share of pixels that found and true areas have in
# common, mean over classes. *KD_Lite0* compares the outputs with the truths as two sets, by KID's formula: mean similarity within
# the sets minus that between them, in the features of a network that no loss uses. 0 is the same set, more is worse.

# %% tags=["core"]
told = ("L1", "PSNR", "spectrum_gap", "lattice", "mean_iou", "KD_Lite0")
some = ("l1", "vgg", "gan", "cgan", "l1+cgan", "perfect")
_ = gallery("losses", dataset="faces", seeds=(1,), metrics=("L1",), arms=some, compare=False)
_ = gallery("losses", seeds=(), metrics=told, compare=False)

# %% [markdown] tags=["core"]
# **What to notice.** On Faces a discriminator, alone or beside L1, fails in 1,200 steps; on Grove the same recipe works. (Perhaps
# because a face's colours may be any, and this network has no noise to choose them by. We have not tested that.) `perfect` has as
# large an L1 as the worst network, and a KD of zero. `copies` are real photos of *other* places: look where they do well.

# %% [markdown] tags=["core"]
# What do the claims of the papers become here? Each line compares two losses over the seeds they share, which began with the
# same weights and saw the same batches.

# %% tags=["core"]
claims("losses")

# %% [markdown] tags=["core"]
# **What to notice.** C2 is *reproduced* (4 of 4): all its comparisons hold, on both data sets. C3 is *not reproduced* (5 of 10): on
# Grove, L1 + cGAN is read better than L1 alone, as in the paper, but cGAN alone is read a little better still; on Faces it is read
# *worse* than L1. That D sees the label map matters much where no L1 ties the generator to it; beside L1 it does not (Grove), or
# it harms (Faces).

# %% [markdown] tags=["core"]
# C6 is *not reproduced* (1 of 3): L1 blurs a little less than L2, and of its distances of sets one is worse (kernel, Grove), one
# better (Fréchet, Faces). C7 is *inconclusive* (3 of 4): the grid is large on Grove; on Faces it is weaker, GANs alone have as much,
# and with an adversarial term one seed of three has more. C34 is *reproduced* (6 of 6). Your own claims will look like this: a
# sign, a condition, an interval.

# %% [markdown] tags=["core"]
# ## 7 Judging sets of images
#
# For a random answer no single truth is the measure. So one compares two *sets*, outputs and real images, in the feature
# space of a network. The **Fréchet distance** summarises each set by mean $\mu$ and covariance $C$:
# $\lVert\mu_a-\mu_b\rVert^2+\mathrm{tr}\big(C_a+C_b-2(C_aC_b)^{1/2}\big)$. Only with the features of one certain Inception
# network may it be called *FID*. Ours are 24
# numbers an image, from an early layer of EfficientNet-Lite0: few numbers need few images, and an early layer sees texture.

# %% [markdown] tags=["core"]
# ### Exercise 02.4: the Fréchet distance
#
# > 4 points · 20 minutes · *goes into*: the table of sets
#
# Rows are samples (`torch.cov` wants them as columns). Covariances divide by $N - 1$. The root is that of a *matrix*, not of its entries; its trace is the sum
# of the square roots of the eigenvalues of $C_aC_b$. They are real and not negative, but rounding may say otherwise, above
# all with fewer samples than dimensions. `torch.linalg` has what you need.


# %% tags=["core"]
def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance between two sets of features, each taken as a Gaussian.

    Args:
        a: (N, d) features. b: (M, d) features.
    """
    # BEGIN SOLUTION
    a, b = a.double(), b.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T  # of C_a
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()  # the eigenvalues of C_a·C_b
    mean = (a.mean(0) - b.mean(0)).square().sum()
    return float(mean + cov_a.trace() + cov_b.trace() - 2 * cross)
    # END SOLUTION


frechet_distance = check("02.4", frechet_distance)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# $C_aC_b$ is not symmetric, but it has the same eigenvalues as $C_a^{1/2} C_b\, C_a^{1/2}$, which is. `torch.linalg.eigh` gives
# the root of a symmetric matrix, `torch.linalg.eigvalsh` its eigenvalues.
#
# </details>
# <details><summary>Hint 2</summary>
#
# With `values, vectors = torch.linalg.eigh(C)`, the root is `vectors @ diag(sqrt(values)) @ vectors.T`. Clamp tiny negative
# eigenvalues to zero before every square root.
#
# </details>

# %% [markdown] tags=["core"]
# One number cannot say *what* is wrong. **Precision** asks how many outputs look real, **recall** how many real images could
# have been output (Kynkäänniemi et al. 2019). Around each sample of a set lies a ball that reaches to its $k$-th nearest
# neighbour in the same set; together the balls are the set's territory. Precision is the share of outputs in the territory
# of the real images; recall the share of real images in that of the outputs.

# %% [markdown] tags=["core"]
# ### Exercise 02.5: precision and recall
#
# > 4 points · 15 minutes · *goes into*: the table of sets


# %% tags=["core"]
def precision_recall(real: Tensor, fake: Tensor, k: int = 3) -> tuple[float, float]:
    """Precision and recall of a set of outputs.

    Args:
        real: (N, d), fake: (M, d) features. k: which neighbour, itself not counted, is the radius of a sample's ball.

    Returns:
        (precision, recall), each between 0 and 1.
    """

    # BEGIN SOLUTION
    def share_inside(points: Tensor, centres: Tensor) -> float:
        radius = torch.cdist(centres, centres).kthvalue(k + 1, dim=1).values  # the nearest of all is the centre itself
        return float((torch.cdist(points, centres) <= radius).any(1).double().mean())

    return share_inside(fake, real), share_inside(real, fake)
    # END SOLUTION


precision_recall = check("02.5", precision_recall)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Write one function for "share of these points that lie in a ball around one of those centres", and use it twice.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `torch.cdist(centres, centres)` holds each centre's distance to itself, 0. So its $k$-th neighbour is the $(k+1)$-th
# smallest of its row: `kthvalue`. A point needs *one* ball around it: `any`, not `all`.
#
# </details>

# %% [markdown] tags=["core"]
# ### A table of sets
#
# Faces of the test split against four sets of as many: a *perfect* answer to each label map, in a style of its own; *copies* of
# other real faces, whatever the label map says; the perfect answers, blurred; and ten real faces repeated again and again. Beside
# them stands a score of another kind: does the segmentation network find the label map in the image? **Predict**: which has
# the largest Fréchet distance, and how many times that of the perfect answers is the blur's, 3 or 30 or 300?

# %% tags=["core"]
course.predict("02.c", {"largest": None, "blurred / perfect": None})

# %% tags=["core"]
judge, reader = backbones.embedding("lite0-24", "frechet"), segmenter("faces")
count = {"smoke": 40, "ci": 300}.get(course.session.current().preset, 1000)
asked = catalog.load("faces", "test", n=count).batch(range(count))
answers = torch.cat([perfect(i, seed=7) for i in range(count)])
sets = {
    "perfect": answers,
    "copies": catalog.load("faces", "train", n=count).batch(range(count))["B"],
    "perfect, blurred": blur(answers, 1.0).float(),
    "ten, repeated": asked["B"][:10].repeat(count // 10, 1, 1, 1),
}
features, real_features = {name: judge.embed(images) for name, images in sets.items()}, judge.embed(asked["B"])

# %% tags=["core"]
table = {}
print(f"{judge.name}, {count} images each; {pieces('02.4', '02.5')}")
print(f"{'':18}{'Fréchet':>9} {'precision':>10} {'recall':>7} {'label map found':>16}")
for name, found in features.items():
    table[name] = frechet_distance(found, real_features)
    precision, recall = precision_recall(real_features, found)
    counts = sum(
        metrics.confusion(reader.labels(x), y, 19)
        for x, y in zip(sets[name].split(50), asked["label"].split(50), strict=True)
    )
    overlap = metrics.segmentation_scores(counts)["mean_iou"]
    print(f"{name:18}{table[name]:9.2f} {precision:10.2f} {recall:7.2f} {overlap:16.2f}")
ratio = table["perfect, blurred"] / table["perfect"]
course.reveal("02.c", {"largest": max(table, key=table.get), "blurred / perfect": ratio})
worse = table["copies"] / table["perfect, blurred"]
_ = course.claim("C34", "copies of real images beat answers that are only blurred", worse, 0, 0.5, band="the band")

# %% [markdown] tags=["core"]
# **What to notice.** Perfect answers and copies that answer nothing are nearly as good as each other: no score of sets asks which image
# belongs to which question. The segmentation network does. So a Fréchet distance alone can be *gamed* (claim C34). Ten faces, repeated,
# still beat the blur: these features care much for grain and little for variety. Recall does see it: *mode collapse*. And precision
# of real against real is not 1. Two scores, one for "fits the question" and one for "looks real", are harder to fool than any one.

# %% [markdown]
# ### It also measures how many images you had
#
# Two sets of real faces, drawn from the same distribution: the true distance is zero. Your function, on more and more of them,
# in 24 dimensions, and on 1,280 numbers an image from the last layer of the same network.

# %%
wide = backbones.embedding("lite0")
few = min(count, 100)
wide_a, wide_b = wide.embed(asked["B"][:few]), wide.embed(sets["copies"][:few])
sizes = [n for n in (20, 40, 60, 100, 200, 300, 600, 1000) if n <= count]
narrow = [frechet_distance(features["copies"][:n], real_features[:n]) for n in sizes]
broad = [frechet_distance(wide_a[:n], wide_b[:n]) for n in sizes if n <= few]
curves(
    {"24 dimensions": (sizes, narrow), "1280 dimensions": (sizes[: len(broad)], broad)},
    "images in each set",
    "Fréchet distance of real to real",
    logx=True,
    logy=True,
    markers=True,
    alt="Fréchet distance between two sets of real faces falls as the sets grow: in 24 dimensions from "
    f"{narrow[0]:.2g} with {sizes[0]} images to {narrow[-1]:.2g} with {sizes[-1]}; in 1280 dimensions it is still {broad[-1]:.2g} "
    f"with {sizes[len(broad) - 1]}.",
)

# %% [markdown]
# **What to notice.** Both curves should lie at zero. With enough images the lower one falls towards it. In 1,280 dimensions the
# covariance of 100 samples is mostly chance. So Fréchet distances of different $N$ cannot be compared, and each needs the same number for
# *real against real* beside it. The kernel distance of the study's table is built without this bias (Bińkowski et al. 2018).

# %% [markdown]
# <details><summary><b>Think.</b> Grove's test split is 72 tiles of one scene. What does an interval over them say?</summary>
#
# Nothing about forests. Neighbouring tiles share light, season and camera: they are not independent, and there is one scene. What
# varies in our intervals is the *seed*: they say how another training run would have ended, on the same tiles.
#
# </details>
# <details><summary><b>Think.</b> In the opening picture's study, why does C3 need an arm without L1?</summary>
#
# With L1 beside it, the generator is tied to its question by L1, whether or not D sees the layout: on Grove `l1+gan` and `l1+cgan`
# find about as much of it. Only without L1 does the condition decide: `gan` can ignore the layout, and its mean_iou says how far it does. Two
# effects would look like one.
#
# </details>
# <details><summary><b>Think.</b> Could a better perceptual network avoid the blur altogether?</summary>
#
# No comparison with one right answer can. If several $y$ are equally right, the best single answer lies between them in *its*
# space, whichever space that is. A network without noise has nothing else to give. A random output with a distance to one
# truth is pulled back to the middle: that was `coupled` in the laboratory.
#
# </details>

# %% [markdown]
# ## Paper, official code, gritlib
#
# | | papers | official code | gritlib, this lesson |
# |---|---|---|---|
# | perceptual network | VGG-19, relu1_1 to relu5_1 (SPADE, pix2pixHD) | torchvision's VGG-19 | VGG-16 up to relu3_3, embedded; `"vgg19"` where a download is allowed |
# | its input | not said | images in [−1, 1], not preprocessed | preprocessed as in its training |
# | weights of layers | 1/32, 1/16, 1/8, 1/4, 1 | the same | 1/4, 1/2, 1, divided by 127.5 for the input's range |
# | weight of the loss | 10 | 10 | 10 |
# | ½ L1 + ½ L2 | unit not said | – | on [−1, 1] |
# | C3's score | FCN-8s on Cityscapes | the same | the course's own segmenter, on Grove and Faces |
# | FID | Inception, 2,048 numbers | the same | Fréchet distance of 24 numbers of Lite0; Inception where a download is allowed |
# | precision, recall | Inception or VGG-16, k = 3 | k = 3 | k = 3; your table: 24 numbers of Lite0, study and `evaluate`: 1,280 |
#
# ## What is not shown here
#
# One small U-Net, 64 pixels, 1,200 steps; the arms with VGG have three seeds, a direction and no more. The grid of C7 grows on a
# network with transposed convolutions, which make a faint lattice of their own (lesson 01): the comparison is fair, the size is this
# network's. The segmenter knows the training scene of Grove better than the test scene, so an output may be read more easily than
# the real photo. Nobody was asked which picture they prefer: that is lesson 07.
#
# ## References
#
# - P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros. *Image-to-Image Translation with Conditional Adversarial Networks.* CVPR 2017. arXiv:1611.07004.
# - S. Suri, M. Meshry, L. S. Davis, A. Shrivastava. *GRIT: GAN Residuals for Paired Image-to-Image Translation.* WACV 2024.
# - J. Johnson, A. Alahi, L. Fei-Fei. *Perceptual Losses for Real-Time Style Transfer and Super-Resolution.* ECCV 2016. arXiv:1603.08155.
# - R. Zhang, P. Isola, A. A. Efros, E. Shechtman, O. Wang. *The Unreasonable Effectiveness of Deep Features as a Perceptual Metric.* CVPR 2018. arXiv:1801.03924.
# - Y. Blau, T. Michaeli. *The Perception-Distortion Tradeoff.* CVPR 2018. arXiv:1711.06077.
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium.* NeurIPS 2017. arXiv:1706.08500.
# - T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila. *Improved Precision and Recall Metric for Assessing Generative Models.* NeurIPS 2019. arXiv:1904.06991.
# - M. Bińkowski, D. J. Sutherland, M. Arbel, A. Gretton. *Demystifying MMD GANs.* ICLR 2018. arXiv:1801.01401.
# - K. Simonyan, A. Zisserman. *Very Deep Convolutional Networks for Large-Scale Image Recognition.* ICLR 2015. arXiv:1409.1556. Weights: Visual Geometry Group, University of Oxford, CC BY 4.0, trained on ImageNet; here cut after relu3_3 and stored in half precision.
#
# Lesson text and figures: CC BY 4.0. Aerial photos: NEON, CC0. Faces are drawn; they are nobody's. Generated images are not real
# places or people.

# %%
course.show_progress()
