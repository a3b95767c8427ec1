# %% [markdown]
# # 07 Understanding GRIT
#
# **Is it really doing what it says?**
#
# *40 minutes of reading, 72 of coding, a quiz of ten, and about a minute of computing on two cores: nothing is trained. The core path, all
# exercises and the cells between them with the tag `core`, takes about 100 minutes. You need: lesson 06 (GRIT), lesson 00's spectrum and interval,
# lesson 02's perfect answer, the normal distribution.*
#
# ## What you will be able to do
#
# 1. Say what each part of GRIT's output holds, and which of the paper's sentences about it hold here.
# 2. Compare a network's variation with the true one, and its price with the price that a perfect sampler pays.
# 3. Interpolate two networks, and say when that makes sense.
# 4. Test with people whether they tell generated from real, and say how little forty answers tell.
# 5. Read a scoreboard with the perfect answer in it, and say what these networks can be misused for.

# %% tags=["core"]
import copy
import math
import tempfile
from pathlib import Path
from statistics import NormalDist

import torch
from PIL import Image
from torch import Tensor

import gritlib.course as course
from gritlib import detector, interpolation, laboratory, metrics, quiz, weights
from gritlib.course import check, pieces
from gritlib.data import catalog, faces
from gritlib.data.images import colourise, grid, save_png
from gritlib.evaluation import Lent, translate_all
from gritlib.metrics.diversity import high_pass
from gritlib.show import anatomy, claim_table, claims, curves, gallery, numbers, pictures
from gritlib.show.blend import Blend
from gritlib.show.gallery import better, verdict
from gritlib.show.quiz import QuizWidget
from gritlib.studies import runner

smoke = course.session.current().preset == "smoke"

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# One network, one forward pass, three images. GRIT was trained on drawn faces before, and comes with the course. From a label map and the style of
# the true face it makes a *reconstruction*, which L1 has seen, and a *residual*, which only a discriminator has seen, as part of their sum. In the
# residual mid-grey is zero.

# %% tags=["core"]
grit, coupled = weights.load("grit-faces"), weights.load("coupled-faces")
for name in ("grit-faces", "coupled-faces"):
    print(weights.card(name))
COUNT, DRAWS = (8, 4) if smoke else (32, 20)
test = catalog.load("faces", "test", 64, n=COUNT)
everything = test.batch(range(COUNT))
A, B, label = (everything[key] for key in ("A", "B", "label"))
made = grit.translate(A, style=B, noise=0)  # the style of the truth, and the noise that seed 0 draws

# %% tags=["core"]
some = [1, 2, 5, 6]  # four of the faces
rows = {"label map": colourise(label, test.palette)}
rows |= {part: getattr(made, part) for part in ("reconstruction", "residual", "image")} | {"truth": B}
pictures(
    [[batch[i] for i in some] for batch in rows.values()],
    labels=list(rows),
    caption="shipped weights, style of the truth; generated, nobody's faces",
    alt="Four drawn faces, one a column. Rows: the label map; the reconstruction, smooth, with the right shapes and colours; the residual, "
    "with marks at edges and in the hair, and coloured in the background; their sum, grainy, its background another colour than the truth's; "
    "the true face.",
)

# %% [markdown] tags=["core"]
# **What to notice.** The reconstruction is soft, without strands and grain; the residual has marks of hair, grain and edges. So far it is the
# paper's figure. Now compare the backgrounds. The reconstruction has their colours nearly right; the image has others. Four faces convince whoever
# wants to be convinced, of either; so this lesson asks every sentence for a number that could have come out otherwise.

# %% [markdown] tags=["core"]
# ## 1 Low and high
#
# The first sentence (claim C30): the reconstruction holds the low frequencies and is cut off above, the residual holds the high ones, the sum is
# like the truth. Nothing in the objective says so. L1 makes a network leave out what it cannot predict, and the residual may add whatever the
# discriminator likes. So it is a claim about what training finds.

# %% tags=["core"]
spectra = anatomy.measured(truth=B, image=made.image, reconstruction=made.reconstruction, residual=made.residual)
anatomy.spectra(
    spectra,
    title=f"{COUNT} faces, style of the truth",
    alt="Four spectra, means over unseen faces. Truth and image lie close together. The reconstruction follows them at low frequencies and "
    "falls below; the residual is below them at low frequencies and comes up to the image at high ones.",
)
f = spectra["frequency"]
rings = [1, 2, 4, 8, 16, 24, 32]
print(f"{'frequency':16}" + "".join(f"{f[k]:8.2f}" for k in rings))
for part in ("truth", "image", "reconstruction", "residual"):
    print(f"{part:16}" + "".join(f"{spectra[part][k] - spectra['truth'][k]:+8.2f}" for k in rings))

# %% [markdown] tags=["core"]
# **What to notice.** The table has ln(power divided by the truth's): −2.3 is a tenth. Towards high frequencies the reconstruction falls away, the
# residual comes up, and the sum has the truth's spectrum nearly everywhere. But look at the residual's curve itself: it falls, too. *Compared with
# the truth* it is strongest in the fine detail; its own power is mostly coarse. Keep that for section 6. One network is one dot: do other seeds,
# and photos, agree?

# %% [markdown] tags=["core"]
# ### Six seeds, two datasets
#
# The study `grit-ablation` of lesson 06 kept the spectra of all its runs. Three numbers of each: ln power against the truth's above half of
# Nyquist, of the reconstruction and of the image; and the frequency from which the residual is stronger than the reconstruction.

# %% tags=["core"]
records = runner.read(runner.get("grit-ablation"), runner.COMMITTED)
mine = [r for r in records if r["arm"] == "grit"]
lacks = []
print(f"{'':10}seed   reconstruction   image   residual above from")
for record in mine:
    s = {key: torch.tensor(values) for key, values in record["details"]["spectra"].items()}
    fine = (s["frequency"] >= 0.5) & (s["frequency"] <= 1)
    rec, image = ((s[part] - s["truth"])[fine].mean().item() for part in ("reconstruction", "image"))
    stronger = s["frequency"][1:][s["residual"][1:] > s["reconstruction"][1:]]
    begins = stronger.min().item() if len(stronger) else math.nan
    print(f"{record['dataset']:10}{record['seed']:4}{rec:+17.2f}{image:+8.2f}{begins:17.2f}")
    lacks.append(rec - image)
_ = course.claim(
    "C30", "the reconstruction lacks fine detail that the image has, all runs", max(lacks), -20, 0, True, "the sign"
)

# %% [markdown] tags=["core"]
# **What to notice.** The first column is below the second in every run, on drawn faces and on photos: what L1 cannot predict is missing in the
# reconstruction, and the residual brings it. "A complete cut-off" comes near on Grove; on Faces part of the detail stays in the reconstruction. And
# "like the truth" is too much on Grove: its images have *more* fine detail than the photos. The last column: from half of Nyquist on Faces, from a
# sixth to a fifth on Grove, the residual is the stronger part.

# %% [markdown]
# <details><summary><b>Think.</b> A residual that is a copy of the reconstruction, upside down, plus the truth's detail: which loss would mind?</summary>
#
# The discriminator, if the sum no longer looks like a face; L1 on the reconstruction, if that is doubled to make up for it. So the reconstruction
# is pinned by L1, and the sum by "looks real". The residual itself is pinned by nothing: its coarse part may be whatever the discriminator does not
# mind, such as another background that occurs as well. Section 6 measures what this leaves open.
#
# </details>

# %% [markdown] tags=["core"]
# ## 2 Does it vary where the truth varies?
#
# The second sentence (C29): the noise is used, and used where detail is. The paper shows the standard deviation of each pixel over 20 draws of
# noise: large in hair and round the eyes, small on skin. There the true deviation is not known. Here it is: `conditional_moments` has the mean and
# the deviation of every pixel, given label map and style.

# %% tags=["core"]
truth = [faces.face("test", i) for i in range(COUNT)]  # label map and style of each face
moments = [faces.conditional_moments(*one) for one in truth]
true_mean, true_std = (torch.stack(part) for part in zip(*moments, strict=True))
true_map = true_std.mean(1)  # of the three channels


def draws_of(method) -> Tensor:
    """(DRAWS, COUNT, 3, 64, 64): the same faces and styles again and again, with fresh noise."""
    return torch.stack([translate_all(method, A, B, noise=1000 * (k + 1))["image"] for k in range(DRAWS)])


def true_draws(seed: int) -> Tensor:
    """As many from the true distribution."""
    each = [faces.conditional_samples(*one, DRAWS, seed=(seed, i)) for i, one in enumerate(truth)]
    return torch.stack(each, 1)


draws = {"GRIT": draws_of(grit), "coupled": draws_of(coupled), "true draws": true_draws(7)}

# %% [markdown] tags=["core"]
# ### Exercise 07.1: calibration
#
# > 4 points · 15 minutes · *goes into*: the table below
#
# Two questions, two numbers. *Where?* The correlation $r$ of the two maps over the pixels of an image, then its mean over images: a mixed batch
# would mostly ask which image varies more. *How much?* The ratio of the sums, $\sum \text{std} / \sum \text{true std}$: a mean of ratios would
# divide by pixels that hardly vary.


# %% tags=["core"]
def calibration(std_map: Tensor, true_std: Tensor) -> dict:
    """Is the spread where the truth varies, and as large?

    Args:
        std_map, true_std: (B, H, W), standard deviations, 0 or more, the true one 0 in places; both vary in every image.

    Returns:
        r: correlation over the pixels of an image, mean over images. ratio: sum of std_map over sum of true_std, all pixels of all
        images.
    """
    # BEGIN SOLUTION
    a, b = (each - each.mean((1, 2), keepdim=True) for each in (std_map, true_std))
    r = (a * b).sum((1, 2)) / (a.square().sum((1, 2)) * b.square().sum((1, 2))).sqrt()
    return {"r": r.mean().item(), "ratio": (std_map.sum() / true_std.sum()).item()}
    # END SOLUTION


calibration = check("07.1", calibration)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A correlation is a cosine: take away each image's own mean, then multiply, add up, and divide by both lengths. Which dimensions belong to one
# image?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `std_map.mean((1, 2), keepdim=True)` is one number an image. `(a * b).sum((1, 2))` over the root of `(a * a).sum((1, 2)) * (b * b).sum((1, 2))` is
# one correlation an image.
#
# </details>

# %% [markdown] tags=["core"]
# Four rows: GRIT, and the network with one head for both losses, `coupled`. *True draws* is what a perfect network would score with as many draws.
# *Another face* compares GRIT's map with the true map of the next face: what is common to all faces is worth that much. **Predict** $r$ and ratio
# of the first two.

# %% tags=["core"]
course.predict("07.a", {"GRIT, r": None, "GRIT, ratio": None, "coupled, r": None, "coupled, ratio": None})

# %% tags=["core"]
std = {name: metrics.noise_use(images)[0] for name, images in draws.items()}
calibrated = {name: calibration(maps, true_map.double()) for name, maps in std.items()}
calibrated["another face"] = calibration(std["GRIT"], true_map.double().roll(1, 0))
print(f"{DRAWS} draws of {COUNT} faces, style of the truth; {pieces('07.1')}")
for name, row in calibrated.items():
    print(f"{name:14} r {row['r']:5.2f}   ratio {row['ratio']:5.2f}")
course.reveal(
    "07.a", {f"{name}, {key}": calibrated[name][key] for name in ("GRIT", "coupled") for key in ("r", "ratio")}
)

# %% tags=["core"]
anatomy.std_maps(
    {"truth": true_map[some]} | {name: std[name][some] for name in ("true draws", "GRIT", "coupled")},
    B[some],
    alt="Maps of standard deviation for four faces. True: hair bright and even, skin and background dark. True draws: the same, speckled by "
    "freckles. GRIT: edges of hair and face brightest. Coupled: darker, the hair brightest.",
)

# %% tags=["core"]
parts = ("hair", "l_brow", "skin", "nose", "background", "cloth")
print(f"{'mean std':12}" + "".join(f"{name:>12}" for name in ("true", "GRIT", "coupled")))
for part in parts:
    where = label == test.classes.index(part)
    print(f"{part:12}" + "".join(f"{maps[where].mean():12.3f}" for maps in (true_map, std["GRIT"], std["coupled"])))
_ = gallery(
    "grit-ablation",
    "faces",
    seeds=(),
    metrics=("calibration_r", "calibration_ratio"),
    arms=("noise", "grit"),
    compare=False,
)

# %% [markdown] tags=["core"]
# **What to notice.** *How much*: GRIT varies about as much as the truth, the coupled network (`noise` in the study) half as much or a little more.
# That is the pull of L1, as lesson 06 has it. *Where*: GRIT's $r$ is no higher than the coupled network's, neither here nor in the study, where
# both are higher. GRIT's noise plays along edges, in eyes and brows, and too little in the hair, where the truth varies most. C29 shows in amount
# and not in place: it is *inconclusive* (6 of 7). And *another face* gets a part of $r$, because heads are alike: an $r$ without this control promises too much.

# %% [markdown]
# <details><summary><b>Think.</b> A network with r = 1 and ratio = 1: is its distribution right?</summary>
#
# Its deviations are. White noise, scaled by the true map, has $r=1$ and ratio 1, and no strands. That is why lesson 06 looked at the *spectrum* of
# the deviations, and why one looks at pictures.
#
# </details>

# %% [markdown] tags=["core"]
# ## 3 Does it pay the right price?
#
# Lesson 02: whoever draws a right answer of its own pays $E|Y-Y'|$ in L1, and the best single answer pays $E|Y-\text{median}|$. Their ratio is
# known: √2 for Gaussian detail. GRIT has both in one pass: the reconstruction wants to be the median, the sum wants to be a draw. So its two L1
# should stand in this ratio. If the sum costs less, it does not vary enough; if more, its detail is too strong.

# %% [markdown] tags=["core"]
# ### Exercise 07.2: what a sampler pays
#
# > 4 points · 15 minutes · *goes into*: the tables below
#
# Given are $n$ draws of the same $B$ images. *best*: the mean distance of a draw from the median of the draws, pixel by pixel. *sampler*: the mean
# distance of two *different* draws, over all pairs. A draw has distance 0 from itself: such pairs would make the price too low.


# %% tags=["core"]
def sampler_cost(samples: Tensor) -> dict:
    """What a perfect sampler pays in L1, and what the best single answer pays.

    Args:
        samples: (n, B, C, H, W), n draws of the same B images.

    Returns:
        best: mean |y_i − median over the draws|, over draws and pixels. sampler: mean |y_i − y_j| over all pairs of two different draws and
        all pixels. ratio: sampler / best. All in the unit of the samples.
    """
    # BEGIN SOLUTION
    n = len(samples)
    best = (samples - samples.median(0).values).abs().mean().item()
    apart = sum((samples[i] - samples[:i]).abs().mean((1, 2, 3, 4)).sum().item() for i in range(1, n))
    sampler = apart / (n * (n - 1) / 2)
    return {"best": best, "sampler": sampler, "ratio": sampler / best}
    # END SOLUTION


sampler_cost = check("07.2", sampler_cost)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# The draws are the first dimension; the median runs over it and over nothing else. Two loops over $i$ and $j < i$ meet every pair once.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `samples.median(0).values`. For the pairs: the mean of `(samples[i] - samples[j]).abs()`, added up over $j < i$, divided by the number of pairs,
# $n(n-1)/2$.
#
# </details>

# %% [markdown] tags=["core"]
# First where the answer is known: detail of the one-pixel laboratory. Then on the faces. Note the bias: the median of $n$ draws lies too near to
# these very draws, so *best* is too low, by a share of about $0.8/n$ for Gaussian detail: 4 % for 20 draws, and √2 becomes 1.47.

# %% tags=["core"]
wide = torch.zeros(40 if smoke else 100, 400)
for detail in ("gaussian", "uniform", "freckle"):
    ask = laboratory.Truth(detail)
    y = ask.sample(wide, torch.Generator().manual_seed(0))
    cost = sampler_cost(y[:, None, None, :, None])
    print(f"{detail:12} ratio {cost['ratio']:.3f}, closed form {ask.price:.3f}")
print(f"faces, {DRAWS} draws of each; {pieces('07.2')}")
for name, images in draws.items():
    cost = sampler_cost(images)
    print(
        f"{name:12} best {127.5 * cost['best']:5.2f}  sampler {127.5 * cost['sampler']:5.2f}  ratio {cost['ratio']:.3f}"
    )

# %% [markdown] tags=["core"]
# **What to notice.** The lower table compares draws of one source with each other; the true face is not in it. *sampler* says how far apart they
# are, in grey levels: GRIT's about as far as true draws, the coupled network's about half as far. Every *ratio* is near the 1.47 of bell-shaped
# detail. That does not say that the detail is right: scale it, and the ratio stays. To see whether it is right, somebody must look at the true
# face.

# %% [markdown] tags=["core"]
# ### Against the true face
#
# The reconstruction's L1, then the sum's. Four pairs: the true mean and a *twin* (mean plus true detail of another draw): what perfection pays.
# GRIT's own reconstruction plus *true* detail: what GRIT would pay if its residual were perfect. GRIT. And the coupled network has no
# reconstruction: the mean of its draws stands in for it. **Predict** the ratios of the second and the third pair: √2, less, or more?

# %% tags=["core"]
course.predict("07.b", {"GRIT's reconstruction + true detail": None, "GRIT": None})

# %% tags=["core"]
detail = true_draws(11)[0] - true_mean
averaged = draws["coupled"].mean(0)
pairs = {
    "truth: mean, twin": (true_mean, true_mean + detail),
    "GRIT's reconstruction + true detail": (made.reconstruction, made.reconstruction + detail),
    "GRIT": (made.reconstruction, made.image),
    "coupled: mean of draws, draw": (averaged, draws["coupled"][0]),
}
hair = (label == test.classes.index("hair"))[:, None].expand_as(B)
paid = {}
for name, (one, other) in pairs.items():
    whole, inside = ([127.5 * (x - B).abs()[w].mean().item() for x in (one, other)] for w in (hair | ~hair, hair))
    paid[name] = whole[1] / whole[0]
    print(
        f"{name:36} {whole[0]:6.2f} {whole[1]:6.2f} ratio {paid[name]:.3f}   hair {inside[0]:6.2f} {inside[1]:6.2f} ratio {inside[1] / inside[0]:.3f}"
    )
course.reveal("07.b", {name: paid[name] for name in ("GRIT's reconstruction + true detail", "GRIT")})
_ = gallery(
    "grit-ablation", "faces", seeds=(), metrics=("sum_over_reconstruction",), arms=("residual", "grit"), compare=False
)

# %% [markdown] tags=["core"]
# **What to notice.** Perfection pays √2, nearly. But with *true* detail GRIT's reconstruction would pay much less: part of its error is no missing
# detail, so √2 is the price of a median, and this is none. GRIT itself pays far more than the second row. Is its hair too strong? No: in the hair
# it pays nearly what true detail would. The excess lies elsewhere, and section 6 finds it. The coupled network's draw costs hardly more than the mean
# of its draws: it varies too little to pay.
#
# The table is of the study's seeds, whose codes have eight numbers. Their mean is near √2, and one could have stopped there and been content. But
# `residual` has no noise at all, draws nothing, and pays almost as much: a right number, for a wrong reason.

# %% [markdown] tags=["core"]
# ## 4 Two networks instead of one
#
# There is an older way to have both: train one network for L1 and one with a discriminator, and *interpolate their weights* (deep network
# interpolation, DNI, Wang et al. 2019). $\theta_\alpha=(1-\alpha)\,\theta_{L1}+\alpha\,\theta_{GAN}$ gives a network for every taste. GRIT's paper
# holds against it that the two must be related (claim C26). The course has such a pair for forests, the second network fine-tuned from the first,
# and a third, which is related to neither.


# %% [markdown] tags=["core"]
# ### Exercise 07.3: interpolate
#
# > 3 points · 10 minutes · *goes into*: the pictures and the slider below
#
# Two networks of the same form are two dictionaries, from names to tensors, with the same names. Mix them entry by entry, and change neither.
# Counters, such as batch norm's number of batches, are integers and are not mixed.


# %% tags=["core"]
def interpolate(theta_a: dict, theta_b: dict, alpha: float) -> dict:
    """Weights on the line from one network to another.

    Args:
        theta_a, theta_b: name -> tensor, as `state_dict()` gives them. alpha: 0 gives theta_a, 1 gives theta_b.

    Returns:
        name -> tensor, (1 − alpha)·a + alpha·b, in the dtype of the entry. Integers are copied from the nearer network.

    Raises:
        KeyError or ValueError: entries that only one of them has, with their names.
    """
    # BEGIN SOLUTION
    odd = set(theta_a) ^ set(theta_b)
    if odd:
        raise KeyError(f"only one of the two networks has {sorted(odd)}")
    nearer = theta_a if alpha < 0.5 else theta_b
    return {
        name: (1 - alpha) * a + alpha * theta_b[name] if a.is_floating_point() else nearer[name].clone()
        for name, a in theta_a.items()
    }
    # END SOLUTION


interpolate = check("07.3", interpolate)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# One dictionary comprehension over the names. Which operation on a tensor makes a new one, and which writes into the old?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `set(a) ^ set(b)` are the names that only one has. `tensor.is_floating_point()` tells weights from counters; `.clone()` copies.
#
# </details>

# %% tags=["core"]
l1, gan, other = (weights.load(f"dni-{name}-grove") for name in ("l1", "gan", "other"))
for name in ("l1", "gan", "other"):
    print(weights.card(f"dni-{name}-grove"))
forest = catalog.load("grove", "test").batch(range(8 if smoke else 72))
between = copy.deepcopy(l1)  # one more network, whose weights are written anew


@torch.no_grad()
def on_the_line(a, b, alpha: float) -> Tensor:
    """The test photos by the network at alpha between the generators of a and b."""
    between.G.load_state_dict(interpolate(a.G.state_dict(), b.G.state_dict(), alpha))
    return translate_all(between, forest["A"], None, noise=0)["image"]


# %% [markdown] tags=["core"]
# These networks have instance norm. With batch norm one thing more would be needed: its running statistics belong to the weights with which they
# were measured, and have to be measured anew for every network on the line (`interpolation.blend` does that, given training images).
#
# **Predict** the L1 on unseen photos half-way: between the L1 network and the one that was fine-tuned from it, and between the L1 network and one
# that was trained in the same way from another seed. At the three ends it is 31 to 34.

# %% tags=["core"]
course.predict("07.c", {"fine-tuned, half-way": None, "trained apart, half-way": None})

# %% tags=["core"]
alphas = [0.0, 0.5, 1.0] if smoke else [k / 8 for k in range(9)]
walks = {
    name: {alpha: on_the_line(l1, end, alpha) for alpha in alphas}
    for name, end in (("fine-tuned", gan), ("trained apart", other))
}
shown = alphas[:: max(1, len(alphas) // 4)]
pictures(
    [[made_at[alpha][3] for alpha in shown] for made_at in walks.values()],
    titles=[f"α = {alpha:g}" for alpha in shown],
    labels=list(walks),
    caption=pieces("07.3"),
    alt="One unseen place by networks on two lines that begin at the L1 network. To the fine-tuned network: texture comes in step by step. To a "
    "network that was trained apart: both ends show the place, between them it is washed out half-way, pale and grey, its shapes still to be seen.",
)
L1 = {name: [metrics.l1_255(x, forest["B"]).mean().item() for x in made_at.values()] for name, made_at in walks.items()}
gaps = {name: [metrics.high_frequency_gap(x, forest["B"]) for x in made_at.values()] for name, made_at in walks.items()}
for name in walks:
    print(f"{name:14} L1  " + " ".join(f"{value:6.1f}" for value in L1[name]))
    print(f"{'':14} gap " + " ".join(f"{value:+6.2f}" for value in gaps[name]))

# %% tags=["core"]
half = len(alphas) // 2
course.reveal("07.c", {f"{name}, half-way": L1[name][half] for name in walks})
for name, end in (("fine-tuned", gan), ("trained apart", other)):
    print(f"cosine of the weights, {name:14} {interpolation.similarity(l1, end):.3f}")
excess = {name: values[half] - max(values[0], values[-1]) for name, values in L1.items()}
print(f"half-way above the worse end, L1: {', '.join(f'{name} {value:+.1f}' for name, value in excess.items())}")
sentence = "half-way between unrelated networks L1 is worse than at both ends, by 1 of 255 or more"
_ = course.claim("C26", sentence, excess["trained apart"], 1, 99, band="the band")


# %% [markdown] tags=["core"]
# **What to notice.** On the first line every network works, and texture comes in step by step: a useful knob. On the second both ends are equally
# good, and half-way only pale, grey shapes are left. In study `interpolation`, with six pairs of each kind on Grove and Faces, C26 is *reproduced*
# (2 of 2): against the mean of the ends, L1 half-way is lower by 1.6 between related networks of Grove and higher by 7.6 between unrelated ones. An
# average of weights makes sense only if channel 3 means the same in both networks. Fine-tuning keeps the channels' numbers; another seed draws anew.

# %% [markdown]
# ### The same function, under other names
#
# Is that the reason? Here is the purest case: the L1 network with its hidden channels *renumbered*. What was channel 3 is now channel 11, in the
# layer that makes it and in all layers that read it. It computes the same function, to rounding. And half-way between it and itself?


# %%
@torch.no_grad()
def renumbered(method, seed: int = 0):
    """A copy of a pix2pix whose hidden channels have other numbers, and which computes the same."""
    twin, generator, skips, read = copy.deepcopy(method), torch.Generator().manual_seed(seed), [], None

    def moved(conv, norm, made: int) -> Tensor:
        """Renumber what a layer makes, dimension `made` of its weight, and what it reads."""
        order = torch.randperm(conv.out_channels, generator=generator)
        weight = conv.weight if read is None else conv.weight.index_select(1 - made, read)
        conv.weight.copy_(weight.index_select(made, order))
        for values in (conv.bias, *norm.parameters(), *norm.buffers()):
            if values is not None and values.ndim:
                values.copy_(values[order])
        return order

    for down in twin.G.down:
        read = moved(down[-2], down[-1], 0)
        skips.append(read)
    for up, skip in zip(twin.G.up, reversed(skips[:-1]), strict=True):
        read = torch.cat([skip, len(skip) + moved(up.conv, up.norm, 1)])
    twin.G.head[1].weight.copy_(twin.G.head[1].weight.index_select(0, read))
    return twin


# %%
same = renumbered(l1)
ends = [on_the_line(l1, same, alpha) for alpha in (0.0, 0.5, 1.0)]
print(f"the two ends differ by at most {127.5 * (ends[0] - ends[2]).abs().max():.4f} of 255")
print(f"cosine of the weights {interpolation.similarity(l1, same):.3f}")
for alpha, x in zip((0.0, 0.5, 1.0), ends, strict=True):
    print(f"α = {alpha}: L1 {metrics.l1_255(x, forest['B']).mean():.1f}")

# %% [markdown]
# **What to notice.** Two networks that agree on every image, and their average is none. "Related" is not about what networks *do*, it is about the
# numbers of their channels. Methods that undo the renumbering first, and then interpolate networks of different seeds, exist (Ainsworth et al.
# 2023).

# %% [markdown] tags=["core"]
# ### A slider
#
# Left the L1 network, right the one with a discriminator; the slider obeys the arrow keys as well. Without a widget the same is
# `interpolation.blend(l1, gan, 0.5)`, a network, or your `on_the_line` above.

# %% tags=["core"]
few = forest["A"][:6], forest["B"][:6]
Blend(l1, gan, *few, names=("L1", "with a discriminator"))

# %% [markdown]
# ### Can GRIT do that too?
#
# GRIT has both ends in one network, so there is a knob as well: $\hat I_{rec}+s\,\hat I_{res}$, with $s$ from 0 to 1. It needs one training and
# mixes *images*, so nothing can be unrelated. Both walks, as L1 and as spectrum gap:

# %%
photo_grit = weights.load("grit-grove")
by_photo = photo_grit.translate(forest["A"], noise=0)  # the mean style code
steps = [0.0, 0.25, 0.5, 0.75, 1.0]
sums = [(by_photo.reconstruction + s * by_photo.residual).clamp(-1, 1) for s in steps]
curves(
    {
        "DNI": (L1["fine-tuned"], gaps["fine-tuned"]),
        "GRIT, s from 0 to 1": (
            [metrics.l1_255(im, forest["B"]).mean().item() for im in sums],
            [metrics.high_frequency_gap(im, forest["B"]) for im in sums],
        ),
    },
    "L1 to the truth, of 255",
    "spectrum gap, 0 is right",
    markers=True,
    lines={"as the truth": 0.0},
    alt="Two walks from blurred to detailed, L1 against spectrum gap; both begin far below 0 and rise. "
    f"DNI ends at L1 {L1['fine-tuned'][-1]:.1f}, gap {gaps['fine-tuned'][-1]:+.2f}.",
)

# %% [markdown]
# **What to notice.** Along both walks detail comes in and L1 rises in the end. These are networks of other sizes, trained for other times: read the
# shapes, not which lies lower. Half of a residual is the whole texture at half contrast; DNI's half is a network of its own, which may even lower
# L1. And only GRIT has noise: along DNI's line every input keeps one answer.

# %% [markdown] tags=["core"]
# ## 5 Can you tell?
#
# All scores so far were computed. The last judge is a person: two pictures, one is a photo and one is generated; which is the photo? This is a
# *two-alternative forced choice*. Its measure is the sensitivity $d'$, in units of the observer's own noise. Each picture leaves an impression, a
# normal random number of deviation 1, and real pictures have a mean higher by $d'$. The observer takes the higher one. The difference of two
# impressions has deviation √2, so the share of right answers is $p=\Phi(d'/\sqrt2)$, where $\Phi$ is the normal distribution function.

# %% [markdown] tags=["core"]
# ### Exercise 07.4: d′ and its interval
#
# > 5 points · 20 minutes · *goes into*: the table below; the quiz scores itself with gritlib's
#
# Turn it round: $d'=\sqrt2\,\Phi^{-1}(p)$. Without the √2 it would be another experiment's formula. At 0 and at $n$ right answers the share counts
# as $1/(2n)$ away from the end: nobody is infinitely good after 40 trials. For the interval, first take one of the *share*, one that stays between
# 0 and 1 (Wilson, Jeffreys or Clopper–Pearson), then map its ends.


# %% tags=["core"]
def dprime_2afc(correct: int, total: int) -> tuple[float, float, float]:
    """Sensitivity of somebody who took the real picture in `correct` of `total` trials, with a 95 % interval.

    Args:
        correct: 0 to total. total: number of trials, 1 or more.

    Returns:
        d, lo, hi: √2·Φ⁻¹ of the share and of the ends of its 95 % interval; each share no nearer to 0 and 1 than
        1/(2·total), so that all three are finite.
    """
    # BEGIN SOLUTION
    z, share, nearest = NormalDist().inv_cdf(0.975), correct / total, 0.5 / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * math.sqrt(share * (1 - share) / total + z * z / (4 * total**2))
    low, high = middle - half, middle + half
    d, lo, hi = (math.sqrt(2) * NormalDist().inv_cdf(min(max(p, nearest), 1 - nearest)) for p in (share, low, high))
    return d, lo, hi
    # END SOLUTION


dprime_2afc = check("07.4", dprime_2afc)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `NormalDist().inv_cdf` is $\Phi^{-1}$. Write a small function from a share to $d'$ that also keeps the share away from 0 and 1, and use it three
# times.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Wilson's interval has the middle $(p+z^2/2n)/(1+z^2/n)$ and the half-width $\frac{z}{1+z^2/n}\sqrt{p(1-p)/n+z^2/4n^2}$, with $z=\Phi^{-1}(0.975)$,
# about 1.96. Or `scipy.stats.binomtest(correct, total).proportion_ci(method="wilson")`.
#
# </details>

# %% [markdown] tags=["core"]
# How much do answers tell? Three quarters right, from 8 trials to a class of 30 people with 40 each. **Predict** first: after 40 trials, 30 of them
# right, how wide is the interval of $d'$?

# %% tags=["core"]
course.predict("07.d", {"width after 40 trials": None})

# %% tags=["core"]
for trials in (8, 40, 120, 400, 1200):
    d, low, high = dprime_2afc(3 * trials // 4, trials)
    print(f"{3 * trials // 4:4} of {trials:4} right: d' {d:.2f}, 95 % interval {low:5.2f} to {high:.2f}")
d, low, high = dprime_2afc(30, 40)
print(pieces("07.4"))
course.reveal("07.d", {"width after 40 trials": high - low})

# %% [markdown] tags=["core"]
# **What to notice.** After 40 trials of yours, $d'$ may be little more than a third of what you measured, or one and a half times that. So one
# person cannot rank two methods, unless one of them is hopeless; a class can. But the interval for a pool of people assumes that all are equally
# good and all trials independent, which they are not: it is too narrow. Papers' studies have thousands of judgements for that reason.

# %% [markdown] tags=["core"]
# ### Your quiz
#
# Ten practice trials with the answer, then forty that count, without. One picture is a photo of the forest, the other is GRIT's, from the layout of
# the same place, with the style of a random training image. There is no time limit, unless you set one (`quiz.Quiz(pairs, seconds=1)`). Buttons or
# arrow keys. Any run of yours can be asked about: `quiz.pairs_of("runs/...")`.
#
# Your answers are data about a person: you. They stay in a file on this machine, under a random number instead of your name; nothing is sent. For a
# class, *you* may write them as CSV with `quiz.export`, and hand it over or not.

# %% tags=["core"]
pairs = quiz.pairs_of("grit-grove", n=12 if smoke else 50, style="random")
trials = {"practice": 2 if smoke else 10, "scored": 10 if smoke else 40}
session = quiz.Quiz(pairs, **trials)
QuizWidget(session)

# %% [markdown] tags=["core"]
# When you are through, this cell scores your session. Until then it says how far you are.

# %% tags=["core"]
if session.scores():
    (score,) = session.scores().values()
    print(f"{score.correct} of {score.total} right: d' {score.d:.2f}, interval {score.low:.2f} to {score.high:.2f}")
else:
    print(f"{len(session.answers)} of {len(session.trials)} trials answered, none that counts: press 'begin' above")

# %% [markdown]
# ### Three observers that are no people
#
# The quiz can be driven without a screen, so let rules take it: one guesses; one takes the *smoother* picture for real, by the power of its fine
# detail; one the *grainier*. Each takes it four times, with other trials, as if they were a class whose CSV files are pooled.


# %%
def sits(rule, seed: int, folder: str) -> Path:
    """A rule (left, right, generator) -> 0 or 1 takes the quiz; its answers as CSV."""
    session = quiz.Quiz(pairs, **trials, seed=seed, folder=Path(folder), new=True)
    generator = torch.Generator().manual_seed(seed)
    while session.trial:
        left, right = session.shown(session.trial)
        session.answer(session.words[rule(left, right, generator)])
    return quiz.export(Path(folder) / f"{session.session}.csv", consent=True, sessions=[session.file])


def fine(image: Tensor) -> float:
    return high_pass(image).square().mean().item()


rules = {
    "guessing": lambda left, right, generator: int(torch.randint(2, (), generator=generator)),
    "the smoother is real": lambda left, right, _: int(fine(right) < fine(left)),
    "the grainier is real": lambda left, right, _: int(fine(right) > fine(left)),
}
for name, rule in rules.items():
    with tempfile.TemporaryDirectory() as folder:
        (score,) = quiz.pool([sits(rule, seed, folder) for seed in range(4)]).values()
    told = f"d' {score.d:+.2f}, interval {score.low:+.2f} to {score.high:+.2f}"
    print(f"{name:22} {score.correct:3} of {score.total} right, {told}")

# %% [markdown]
# **What to notice.** A rule of one line is right always: GRIT's forests have more fine detail than the photos. That does not mean that *you* see
# it, at first sight, in places that you do not know. And a $d'$ far below 0 is as good an eye as one far above: it has the names exchanged. So a
# method is never "indistinguishable"; it is so for an observer.

# %% [markdown] tags=["core"]
# ## 6 What nobody asked for
#
# The paper names one weakness itself: the residual may shift *colours*; its example is a lip. L1 does not see the residual, and the discriminator
# objects only to colours that do not occur. So the sum may leave the colours of the style image, though the reconstruction kept to them. How much
# of the residual is coarse, and how far does it move the mean colour?

# %% [markdown] tags=["core"]
# ### Exercise 07.5: the coarse part
#
# > 4 points · 12 minutes · *goes into*: the table below
#
# *share*: the power of all frequencies below `edge` (relative to Nyquist, whatever the direction, the mean too), divided by the power of all.
# *colour*: of each channel of each image the mean over its pixels, as an absolute value, in grey levels of 255. The order matters: the absolute
# value of a *mean* is a shift; a mean of absolute values is only a size.


# %% tags=["core"]
def low_share(residual: Tensor, edge: float = 0.1) -> dict:
    """How much of a residual is coarse, and by how much it shifts the colour.

    Args:
        residual: (B, C, H, W), not clamped; a difference of images in [-1, 1], so 1 is 127.5 grey levels. edge: relative to Nyquist.

    Returns:
        share: power of the frequencies below edge over that of all, all images together. colour: |mean over pixels| of each channel of
        each image, averaged, in grey levels of 0 to 255.
    """
    # BEGIN SOLUTION
    fy, fx = (2 * torch.fft.fftfreq(n, dtype=residual.dtype, device=residual.device) for n in residual.shape[-2:])
    power = torch.fft.fft2(residual).abs().square()
    coarse = torch.hypot(fy[:, None], fx[None]) < edge
    share = power[..., coarse].sum() / power.sum()
    return {"share": share.item(), "colour": 127.5 * residual.mean((2, 3)).abs().mean().item()}
    # END SOLUTION


low_share = check("07.5", low_share)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `torch.fft.fftfreq(n)` gives cycles a pixel; Nyquist is 0.5, so twice that is relative to Nyquist. `torch.hypot` takes both directions together.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Power is `torch.fft.fft2(residual).abs() ** 2`; with a mask (H, W) of the coarse frequencies, `power[..., mask].sum() / power.sum()`. For the
# colour: mean over the last two dimensions, then `abs`, then mean, then times 127.5.
#
# </details>

# %% tags=["core"]
truly = photo_grit.translate(forest["A"], style=forest["B"], noise=0)
residuals = {"GRIT, faces": made.residual, "true detail, faces": detail, "GRIT, grove": truly.residual}
print(pieces("07.5"))
for name, residual in residuals.items():
    row = low_share(residual)
    print(f"{name:20} share below a tenth of Nyquist {row['share']:.3f}, colour shift {row['colour']:5.2f} of 255")
print("\ndistance of an image's mean colour from the true one, of 255")
for name, out, target in (("faces", made, B), ("grove", truly, forest["B"])):
    off = {
        part: 127.5 * (getattr(out, part) - target).mean((2, 3)).abs().mean() for part in ("reconstruction", "image")
    }
    print(f"{name:20} reconstruction {off['reconstruction']:.2f}, image {off['image']:.2f}")
_ = gallery("grit-ablation", seeds=(), metrics=("residual_low_share", "residual_colour"), arms=("grit",), compare=False)

# %% [markdown] tags=["core"]
# **What to notice.** Two thirds of this residual's power is coarse, of true detail a fourteenth. And it *shifts*: on faces the image's mean colour
# is five times as far from the truth as the reconstruction's. In the study the seeds on Faces have shares from 0.46 to 0.74. On Grove they are
# smaller, 0.08 to 0.30, and there the image's mean colour is even the better one. So C30 is *inconclusive* (5 of 6).
#
# Why? A first guess: the style code cannot hold the colours, so somebody must invent them. **Look**: whose colours are right below, the
# reconstruction's or the image's?

# %% tags=["core"]
coarse = metrics.bands(made.residual, [0, 0.1])[0].float()
mended = made.image - coarse
pictures(
    [[batch[i] for i in some] for batch in (made.reconstruction, 2 * coarse, made.image, mended, B)],
    labels=["reconstruction", "2 x coarse residual", "image", "image without it", "truth"],
    caption="mid-grey is zero in the second row; generated, nobody's faces",
    alt="Four faces. The reconstruction has nearly the colours of the truth. The residual's coarse part, twice enlarged, is pink or green, most in the "
    "background. In the image the backgrounds have moved to these colours. With the coarse part taken away they are the reconstruction's, and the grain is still there.",
)
for name, x in (
    ("reconstruction", made.reconstruction),
    ("image", made.image),
    ("image without it", mended),
    ("truth", B),
):
    x = x.clamp(-1, 1)
    off = 127.5 * (x - B).mean((2, 3)).abs().mean()
    gap = metrics.high_frequency_gap(x, B)
    print(f"{name:18} L1 {metrics.l1_255(x, B).mean():5.1f}   mean colour off by {off:5.1f}   spectrum gap {gap:+.2f}")

# %% [markdown] tags=["core"]
# The guess is wrong. This code of 32 numbers holds the colours, the reconstruction has them, and the residual *moves them away*. What does the
# shift depend on? Take one face in eight noises, one style on eight maps, eight styles on one map:

# %% tags=["core"]
n, first = 8, slice(0, 1)
kinds = {
    "eight noises": (A[first].expand(n, -1, -1, -1), B[first].expand(n, -1, -1, -1)),
    "eight maps": (A[:n], B[first].expand(n, -1, -1, -1)),
    "eight styles": (A[first].expand(n, -1, -1, -1), B[:n]),
}
for name, (inputs, styles) in kinds.items():
    shift = 127.5 * grit.translate(inputs, style=styles, noise=5).residual.mean((2, 3))  # (n, 3)
    print(f"{name:14} mean {shift.mean(0).abs().mean():5.1f}, deviation {shift.std(0).mean():5.2f} of 255")

# %% [markdown] tags=["core"]
# **What to notice.** The shift is a function of the *style*: noise and map hardly move it. So it is no sampling, which would give a background anew
# in each draw. It is drift. L1 does not see the residual. The discriminator sees one image, without style and without truth, and any background
# that occurs is as good as any other. Nobody pulls the residual's coarse part to zero.
#
# A better sentence than "low and high": **L1 pins what the reconstruction must hold; nothing pins what the residual must leave alone.** Fine detail
# is where it is *needed*; elsewhere it is free. Taking its coarse part away costs nothing in the spectrum and mends the colours. Whether training
# should forbid it, nobody has measured here.

# %% [markdown]
# <details><summary><b>Think.</b> How would you pin the residual in training? Name one way that adds no loss.</summary>
#
# A residual that is high-pass by construction: subtract its own blur in the network; then the discriminator's wishes about colour reach the
# reconstruction alone, where L1 answers them. With a loss: a small L1 on the residual's blur. With the discriminator: let it see the style image,
# or the input, beside the output; CONTRIBUTING tells what the latter did to the noise on Faces. A longer style code is no way: this network's is
# four times as long as the study's.
#
# </details>

# %% [markdown] tags=["core"]
# ## 7 The scoreboard
#
# Every method of the course on one task: label map to face, up to seven minutes each, scoring included. CycleGAN and CUT are not told which face
# belongs to which map. None is told the style of the truth; where there is a style code, it is that of a random training face. Three rows are no
# networks. `perfect`: another true face for the same map, with a style of its own. `twin`: another with the *truth's* style, which no method here
# knows. `copies`: real faces, whatever the map says. Three seeds each, a direction at most: this is a picture of the course, not a ranking of
# methods.

# %% tags=["core"]
SCORES = ("L1", "SSIM", "VGG16_distance", "mean_iou", "KD_Lite0", "FD_Lite0_24")
board = gallery("scoreboard", "faces", metrics=SCORES, compare=False)

# %% [markdown] tags=["core"]
# Now rank the means over seeds, by each score. **Predict** first: by how many of the six scores is `perfect` the best of all rows but `twin` and `copies`?

# %% tags=["core"]
course.predict("07.f", {"scores that put 'perfect' first": None})

# %% tags=["core"]
values = {}
for arm in dict.fromkeys(row["arm"] for row in board):
    runs = [row["metrics"] for row in board if row["arm"] == arm]
    values[arm] = {name: sum(run[name] for run in runs) / len(runs) for name in runs[0]}
networks = [arm for arm in values if arm not in ("twin", "copies")]
place = {}
for score in SCORES:
    order = sorted(networks, key=lambda arm: values[arm][score], reverse=better(score) == "higher")
    place[score] = {arm: 1 + order.index(arm) for arm in order}
print(f"{'rank by':12}" + "".join(f"{score:>16}" for score in SCORES))
for arm in sorted(networks, key=lambda arm: sum(place[score][arm] for score in SCORES)):
    print(f"{arm:12}" + "".join(f"{place[score][arm]:16}" for score in SCORES))
course.reveal("07.f", {"scores that put 'perfect' first": sum(place[score]["perfect"] == 1 for score in SCORES)})
print("what the style of the truth is worth, L1 with a random style and with that of the truth:")
for arm, found_here in values.items():
    if "L1_truth" in found_here:
        print(f"  {arm:10} {found_here['L1']:5.1f} {found_here['L1_truth']:5.1f}")
print(f"  twin {values['twin']['L1']:.1f}, perfect {values['perfect']['L1']:.1f}")

# %% [markdown] tags=["core"]
# **What to notice.** No row is first everywhere. L1, SSIM and VGG's distance compare with the face in the file. `perfect` has a style of its own
# and pays for it: by L1 it is last, and a blurred row is first. VGG's distance prefers the two networks that were trained with this VGG. Mean IoU
# asks for the map alone: there `perfect`, the coupled network and SPADE are nearly level. Scores of sets have `perfect` in front, and beside it
# `copies`, which answer nothing.

# %% [markdown] tags=["core"]
# GRIT is behind the coupled network in every seed by SSIM, VGG's distance, mean IoU and kernel distance, before it
# by L1; by the Fréchet distance these two lead the networks, and which of them changes with the seed.
#
# Read two scores of different kinds, always beside the perfect answer: if a score prefers something to it, the score is no aim.

# %% [markdown] tags=["core"]
# ## 8 What it can be misused for
#
# This course has made satellite images of places that do not exist. *Fake geography* is older than networks, maps have lied for centuries, but a
# satellite image is believed. Zhao et al. (2021) trained CycleGAN, as you did in lesson 03, on maps and satellite images of Tacoma, Seattle and
# Beijing, and gave neighbourhoods of the one city the look of another. To an untrained eye they pass. The authors warn of falsified places, and
# built a detector, from colours, histograms and frequencies.
#
# Faces are nearer to home. The faces here are nobody's. A network trained on photographs shows people who did not agree to it, and can show
# somebody in particular as they never were.

# %% [markdown] tags=["core"]
# ### A detector from 32 numbers
#
# Generated pictures often have another spectrum than real ones (section 1; Durall et al. 2020). So: 32 bins of ln power of each picture, a logistic
# regression, half of the pairs to fit and half to test. How many of the test pictures does it get right? Of the coupled network's faces as well as
# of GRIT's? **Predict**, in per cent.

# %% tags=["core"]
course.predict("07.e", {"grove, GRIT": None, "faces, GRIT": None, "faces, coupled": None})

# %% tags=["core"]
many = catalog.load("faces", "test", 64, n=16 if smoke else 256)
crowd = many.batch(range(len(many)))
of = {
    "grove": (forest, catalog.load("grove", "train")),
    "faces": (crowd, catalog.load("faces", "train", 64, n=len(many))),
}
fakes, found = {}, {}
for name, method, (batch, train) in (
    ("grove, GRIT", photo_grit, of["grove"]),
    ("faces, GRIT", grit, of["faces"]),
    ("faces, coupled", coupled, of["faces"]),
):
    lent = Lent(train, len(batch["A"]))[:]  # styles of random training images
    fakes[name] = batch["B"], translate_all(method, batch["A"], lent, noise=0)["image"]
    found[name] = detector.detect(*fakes[name])
    score = found[name][1]
    print(
        f"{name:15} right {score.accuracy:.0%}, interval {score.low:.0%} to {score.high:.0%}; {score.images} test pictures"
    )
course.reveal("07.e", {name: 100 * score.accuracy for name, (_, score) in found.items()})
print(detector.NOTE)

# %% [markdown] tags=["core"]
# ### … and how little defeats it
#
# Pictures on the web are resized and compressed. Blur the test pictures a little, or save them as JPEG, and ask the same detector again: once only
# the generated ones are treated, as by somebody who hides them; once all, as by a site that compresses whatever is uploaded. *Found* is the share
# of the generated pictures that it calls generated.

# %% tags=["core"]
print(f"{'':15}{'':12}{'only generated treated':>28}{'all treated':>28}")
for name in ("grove, GRIT", "faces, GRIT"):
    halves = (batch[len(batch) // 2 :] for batch in fakes[name])  # those that the detector has not seen
    for attack, kinds in detector.attacked(found[name][0], *halves).items():
        cells = [f"right {k.accuracy:.0%}, found {k.caught:.0%}" for k in (kinds["fakes"], kinds["both"])]
        print(f"{name:15}{attack:12}{cells[0]:>28}{cells[1]:>28}")

# %% [markdown] tags=["core"]
# **What to notice.** Unprocessed, nearly all forests are found; with the faces the detector is right in two of three cases, and guessing is right
# in one of two. JPEG hardly hides the forests. A blur of half a pixel, which you would hardly see, does: the detector had learned "too much fine
# detail", and now there is too little. On faces a blur gives the generated ones away; but when *all* pictures are blurred, every real one is
# accused, too. An accuracy is a statement about one network, one scene, and unprocessed files. And who wishes to deceive can train against the
# detector: its 32 numbers are differentiable.

# %% [markdown] tags=["core"]
# ### Say it
#
# A detector is a guess; a label is information. Every picture that gritlib writes says what it is in its metadata. Read it, and see what a
# screenshot or a conversion leaves of it.

# %% tags=["core"]
with tempfile.TemporaryDirectory() as folder:
    png, jpg = Path(folder) / "face.png", Path(folder) / "face.jpg"
    save_png(grid([[made.image[1]]]), png)
    with Image.open(png) as picture:
        print("PNG as gritlib writes it:", picture.info.get("Description"))
        picture.convert("RGB").save(jpg)
    with Image.open(jpg) as picture:
        print("the same, saved as JPEG: ", picture.info.get("Description"))

# %% [markdown] tags=["core"]
# **What to notice.** The label survives a copy of the file and nothing else. So say it where it cannot get lost: in the caption, in the file's
# name, in the picture itself. Before you publish a generated picture of a place or a person, ask: who could take it for real, what would they do
# then, and who would be harmed? Who is in the training data, and did they agree? Could you show a drawing instead?

# %% [markdown]
# <details><summary><b>Think.</b> Should the weights of a face network be published, if its detector is published with it?</summary>
#
# There is no right answer here, but there are wrong arguments. "The detector finds it" holds for the pictures it was fitted to, unblurred. "Others
# publish too" says nothing about harm. "It is only 64 pixels" holds until somebody trains the same code with more. What a careful answer names: who
# gains what by the release, who may be harmed, whose pictures went in, and what can be taken back afterwards. Weights cannot.
#
# </details>

# %% [markdown] tags=["core"]
# ## 9 What this course could not show
#
# - **No official code.** GRIT's authors published a paper and no code that we could find. Everything the paper leaves open is this course's decision: the next table.
# - **64 pixels, minutes.** The papers' networks have a hundred times more weights, and train for days. What did not show here may show there, and the other way round.
# - **One scene.** Grove's tiles are of one forest, its test tiles of one part of it. No number here speaks of forests.
# - **Drawn faces.** Their truth is known because a program draws them. Real faces have no known truth, and are harder.
# - **Nobody was asked.** The quiz has your answers. No claim of this course rests on a human judge.
# - **Seeds.** Six in lessons 01, 02, 06 and for section 4; three in 03 to 05, in the scoreboard and for single arms, enough for a direction.

# %% [markdown] tags=["core"]
# ### Which claims did not reproduce?
#
# The claims of lessons 02 and 06 once more, in words made from the committed numbers. Then a count over six studies: how many of the comparisons
# that were planned came out without any difference? The table below them has one line for each claim of the papers.

# %% tags=["core"]
claims("losses")
claims("grit-ablation")
for name in ("skips", "patches", "losses", "unpaired", "spade", "grit-ablation"):
    said = [verdict(row) for row in numbers(name)]
    none = sum("no difference shown" in text or "no direction" in text for text in said)
    print(f"{name:14} {len(said):4} comparisons planned, {none:4} without a difference or a direction")

# %% tags=["core"]
claim_table()

# %% [markdown] tags=["core"]
# **What to notice.** The words come from one rule, fixed before it was applied, and from the committed runs, never from a wish. *Reproduced*: every
# comparison holds by its interval, or exactly. *Direction only*: every one holds, some only in all of a few seeds. *Not reproduced*: some hold and
# some are against it, or all are against it. *Inconclusive*: the rest. The last column says how near it was. RESULTS.md has each comparison.

# %% [markdown]
# A word hides much. C4, C5 and C31 fail by comparisons whose intervals lie on the *other* side; C9, C10 and C20 are undecided at three seeds, where
# six might decide. C21 fails by a score that lesson 05 taught you to mistrust, and holds by L1. And C34, reproduced, casts doubt on every distance of
# sets in the table. What a test shows holds to rounding, whatever the seed.

# %% [markdown]
# ## 10 Three projects
#
# Each is a week or two. Begin with the question and with what would answer it; write down, before the first run, which number would make you say
# no.
#
# **GRIT without pairs.** The paper calls it possible and leaves it. Without pairs there is no $L_{rec}$ on the target. What may the reconstruction
# reconstruct: the cycle's input? CUT's patches? Begin with Faces by day and in the evening (`catalog.load("faces", "train", unpaired=True)`), whose
# true answer is known, so you can measure the price of having no pairs. Ask: does decoupling still raise the noise share, and does the residual
# stay high-pass when nothing pins the reconstruction?
#
# **Faces of people, 256 pixels.** CelebAMask-HQ (Lee et al. 2020): 30,000 photos with 19 labels, the paper's main data. `python -m gritlib data
# celebamask-hq` prepares it from your own download. Its agreement allows *non-commercial research* alone, and *no redistribution*: no copying,
# publishing or passing on of any part. Whether your course counts as research, ask. Keep pictures of people, grids of outputs and weights out of
# public repositories, and delete the data after the project. Ask: do C28 to C30 show at the paper's size?
#
# **Your own data.** Pairs of anything: sketches and photos, day and night, X-ray of fruit. First consent and licence: who made the pictures, who is
# in them, what did they agree to, and what may you publish? Write it on one page, with the source, before you train; a person may say no later, so
# note which images are whose. At least 200 pairs, split by *place or person*, not by crop. Ask one question of this lesson of it, with three seeds.

# %% [markdown]
# ## Paper, official code, gritlib
#
# There is no official code of GRIT; "authors' earlier code" is that of their *Learned Spatial Representations for Few-shot Talking-Head Synthesis*
# (2021), from which some decisions are inferred. Lesson 06 has the table of the network; here is how its output is examined.
#
# | | paper | gritlib, this lesson |
# |---|---|---|
# | spectrum | mean over angles, all test outputs, frequency relative to Nyquist | the same; power, mean over channels and images, no window |
# | what is cut off | shown as a figure | three numbers a seed |
# | deviation over draws | 20 draws, one input and style; shown as a map | the same 20; mean over channels; beside the true one |
# | price of sampling | – | L1 of sum and reconstruction, beside the known price |
# | colour shift | one picture (lips) | mean colour of the residual, share below a tenth of Nyquist |
# | DNI | cited, not run | a related pair for forests, and an unrelated third network |
# | DNI, weights that are mixed | all (Wang et al.) | all floating-point entries; counters are copied |
# | human study | – | your quiz; ten practice trials, forty scored, as CycleGAN's, but two-alternative and without a time limit |
# | other methods | pix2pixHD, SPADE retrained; DINO, MoNCE by released outputs | all methods of the course, retrained, one recipe each |
# | style in scores | implied: that of the truth | random and mean for ranking; the truth's is marked |

# %% [markdown]
# ## What is not true or not shown here
#
# The spectra, deviations and prices of sections 1 to 3 are of *one* shipped network each, with the study's seeds beside them; these are narrower
# than the study's and trained for longer, those for faces with a longer style code. Interpolation was tried with one architecture, on straight
# lines. The detector saw one generator at a time, and every tile of one scene. The scoreboard compares recipes as this course found them within
# minutes of training, not methods at their best. And that the quiz' observers are normal, equal and independent is an assumption of the formula.

# %% [markdown]
# ## Further reading
#
# - S. Suri, M. Meshry, L. S. Davis, A. Shrivastava. *GRIT: GAN Residuals for Paired Image-to-Image Translation.* WACV 2024.
# - X. Wang, K. Yu, C. Dong, X. Tang, C. C. Loy. *Deep Network Interpolation for Continuous Imagery Effect Transition.* CVPR 2019. arXiv:1811.10515.
# - J. Frankle, G. K. Dziugaite, D. M. Roy, M. Carbin. *Linear Mode Connectivity and the Lottery Ticket Hypothesis.* ICML 2020. arXiv:1912.05671. (Networks with a common start.)
# - S. K. Ainsworth, J. Hayase, S. Srinivasa. *Git Re-Basin: Merging Models modulo Permutation Symmetries.* ICLR 2023. arXiv:2209.04836.
# - K. Schwarz, Y. Liao, A. Geiger. *On the Frequency Bias of Generative Models.* NeurIPS 2021. arXiv:2111.02447.
# - R. Durall, M. Keuper, J. Keuper. *Watch your Up-Convolution: CNN Based Generative Deep Neural Networks are Failing to Reproduce Spectral Distributions.* CVPR 2020. arXiv:2003.01826.
# - S.-Y. Wang, O. Wang, R. Zhang, A. Owens, A. A. Efros. *CNN-Generated Images Are Surprisingly Easy to Spot… for Now.* CVPR 2020. arXiv:1912.11035.
# - Y. Blau, T. Michaeli. *The Perception-Distortion Tradeoff.* CVPR 2018. arXiv:1711.06077.
# - D. Freirich, T. Michaeli, R. Meir. *A Theory of the Distortion-Perception Tradeoff in Wasserstein Space.* NeurIPS 2021. arXiv:2107.02555.
# - N. A. Macmillan, C. D. Creelman. *Detection Theory: A User's Guide.* 2nd edition, Lawrence Erlbaum, 2005. (Chapter 7: two-alternative forced choice.)
# - L. D. Brown, T. T. Cai, A. DasGupta. *Interval Estimation for a Binomial Proportion.* Statistical Science 16(2), 2001, 101–133.
# - B. Zhao, S. Zhang, C. Xu, Y. Sun, C. Deng. *Deep Fake Geography? When Geospatial Data Encounter Artificial Intelligence.* Cartography and Geographic Information Science 48(4), 2021, 338–352. doi:10.1080/15230406.2021.1910075.
# - C.-H. Lee, Z. Liu, L. Wu, P. Luo. *MaskGAN: Towards Diverse and Interactive Facial Image Manipulation.* CVPR 2020. arXiv:1907.11922. (CelebAMask-HQ.)
#
# Lesson text and figures: CC BY 4.0. Photos of Grove: NEON, CC0. Faces are drawn; they are nobody's. Generated images are not real places or
# people.

# %%
course.show_progress()
