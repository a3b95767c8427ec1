# %% [markdown]
# # 01 pix2pix: a conditional GAN
#
# **How can one network do many translations without a hand-made loss?**
#
# *45 minutes of reading, 90 of coding, about 4 of computing on two cores. Half of it, the core path, takes about 90
# minutes: its cells carry the tag `core` (in JupyterLab, the property inspector shows tags). You need: Python classes,
# `nn.Module`, autograd, convolutions, and lesson 00's L1 and spectrum gap. You need no knowledge of GANs: the lesson
# begins with one.*
#
# ## What you will be able to do
#
# 1. Say what a discriminator knows, what its loss of ln 2 can mean, and why the printed GAN loss is not the one that is trained.
# 2. Build a U-Net and say what its skips carry.
# 3. Compute the receptive field of a stack of convolutions, and with it what a PatchGAN can and cannot see.
# 4. Write the training step of a conditional GAN and train it on satellite images.
# 5. Read the loss curves of a broken run and name what is broken.

# %% tags=["core"]
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gritlib.course as course
from gritlib import laboratory
from gritlib.course import check, pieces
from gritlib.data import catalog
from gritlib.evaluation import scores
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.nets import PatchGAN, UNet
from gritlib.nets.init import init_normal
from gritlib.show import curves, gallery, pictures
from gritlib.training import fit

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# Below: drawn maps of places that the networks have never seen, the real satellite images, and what four kinds of
# network make of the maps after a minute of training each. This is the committed study `skips`. By the end of this lesson
# the same network trains with pieces that *you* wrote.

# %% tags=["core"]
skips_study = gallery("skips", seeds=(1, 2), metrics=("L1", "SSIM", "spectrum_gap"), compare=False)

# %% [markdown]
# **What to notice.** `unet` and `plain` are two generators, with and without *skips*; `cgan` trains with a discriminator,
# `l1` with the pixel loss alone. Sections 1 to 5 explain these words. The two rows of one kind differ only in their seed:
# one run is one opinion. The table says what six seeds have in common; section 6 comes back to it.

# %% [markdown] tags=["core"]
# ## 1 A GAN in one dimension
#
# Before images, one number. The data $y$ are numbers near 0.8. A *generator* $G$ turns noise $z$ into a number. A
# *discriminator* sees a number and returns a *logit* $t$: the larger, the surer it is that the number is real. As a
# probability, $D = \sigma(t) = 1/(1+e^{-t})$. Both are tiny: two hidden layers of 32, from the package's *one-pixel
# laboratory*.


# %% tags=["core"]
def truth(n: int, generator: torch.Generator) -> Tensor:  # (n, 1)
    return 0.8 + 0.4 * torch.randn(n, 1, generator=generator)


# %% [markdown] tags=["core"]
# The discriminator minimises the cross-entropy of *real or fake*: half of the mean of $-\log D$ on real numbers plus half
# of the mean of $-\log(1 - D)$ on fake ones. In logits these are $\log(1+e^{-t})$ and $\log(1+e^{t})$, for which PyTorch
# has `softplus`. $G$ wants its numbers to be called real: it minimises $-\log D$ of them. The two take turns. That is the
# whole method.


# %% tags=["core"]
def play(G: nn.Module, D: nn.Module, steps: int, alone: int, seed: int = 0) -> list[float]:
    """Train D, and after `alone` steps G as well; returns D's loss at each step."""
    generator, log = torch.Generator().manual_seed(seed), []
    opt_g = torch.optim.Adam(G.parameters(), 5e-4, betas=(0.5, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), 3e-3, betas=(0.5, 0.99))
    for step in range(steps):
        real, fake = truth(256, generator), G(torch.randn(256, 1, generator=generator))
        d_loss = 0.5 * (F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean())
        opt_d.zero_grad()
        d_loss.backward()
        opt_d.step()
        log.append(d_loss.item())
        if step >= alone:
            g_loss = F.softplus(-D(fake)).mean()
            opt_g.zero_grad()
            g_loss.backward()
            opt_g.step()
    return log


# %% [markdown] tags=["core"]
# For 300 steps only the discriminator learns, then both play for 1,500. **Predict** its loss at three moments: at the
# first step, when it knows nothing; after 300 steps; and at the end, if $G$ has become perfect. Replace `None` by your
# guesses; nobody grades them.

# %% tags=["core"]
course.predict("01.a", {"first step": None, "step 300": None, "end": None})

# %% tags=["core"]
torch.manual_seed(0)
G1, D1 = laboratory.mlp(1), laboratory.mlp(1)
alone, together = (30, 60) if course.session.current().preset == "smoke" else (300, 1500)
d_log = play(G1, D1, alone, alone)


def densities(G: nn.Module, D: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """Histograms of real and fake numbers, what D says, and the best that it could say."""
    generator, bins = torch.Generator().manual_seed(1), torch.linspace(-1.0, 2.4, 69)
    with torch.no_grad():
        samples = truth(50_000, generator), G(torch.randn(50_000, 1, generator=generator))
        middle = (bins[1:] + bins[:-1]) / 2
        judged = torch.sigmoid(D(middle[:, None]))[:, 0]
    p, q = (torch.histogram(x.flatten(), bins).hist / 50_000 for x in samples)
    best = torch.where(p + q > 4e-4, p / (p + q).clamp(min=1e-9), torch.nan)
    named = {"real, p (relative)": p / p.max(), "fake, q (relative)": q / q.max(), "D": judged, "p / (p + q)": best}
    return {name: (middle, values) for name, values in named.items()}


def describe(shown: dict[str, tuple[Tensor, Tensor]]) -> str:
    """The figure in words, from its numbers."""
    where = {name: ((x * y).sum() / y.sum()).item() for name, (x, y) in list(shown.items())[:2]}
    x, d = shown["D"]
    said = ", ".join(f"{d[(x - at).abs().argmin()]:.2f} at {at}" for at in (-0.1, 0.4, 0.8, 1.6))
    return f"Densities; their means: {', '.join(f'{k} {v:.2f}' for k, v in where.items())}. D says {said}."


seen = densities(G1, D1)
curves(seen, "number", "density, probability", title="the discriminator alone has learned", alt=describe(seen))

# %% [markdown] tags=["core"]
# **What to notice.** If real numbers have density $p$ and fake ones $q$, the best possible answer is $p / (p + q)$ (Goodfellow
# et al. 2014, proposition 1). The trained discriminator comes close to it: it never sees a density, yet its logit estimates
# $\log p - \log q$. Where there are no numbers at all it is free to say anything.

# %% tags=["core"]
d_log += play(G1, D1, together, 0, seed=1)
smooth = torch.tensor(d_log).unfold(0, 15, 15).mean(1)
curves(
    {"discriminator": (torch.arange(len(smooth)) * 15, smooth)},
    "step",
    "loss, halved",
    ylim=(0, 1),
    lines={"ln 2": math.log(2)},
    alt=f"The discriminator's loss: {d_log[0]:.2f} at the first step, {d_log[alone - 1]:.2f} when it has learned alone, and "
    f"{d_log[-1]:.2f} at the end of playing together; ln 2 is 0.69.",
)
course.reveal("01.a", {"first step": d_log[0], "step 300": d_log[alone - 1], "end": sum(d_log[-50:]) / 50})

# %% tags=["core"]
seen = densities(G1, D1)
curves(seen, "number", "density, probability", title="after playing together", alt=describe(seen))
again = play(G1, D1, 2 * alone, 2 * alone, seed=2)
print(f"D alone for {2 * alone} more steps: loss {sum(again[-50:]) / 50:.3f}; ln 2 = {math.log(2):.3f}")

# %% [markdown] tags=["core"]
# **What to notice.** The loss is ln 2 ≈ 0.693 at first, falls, and comes back to ln 2. A loss of ln 2 says one thing only:
# *D gives no information*. Three things look like that: a discriminator that has not learned yet, a perfect generator, and
# a discriminator that has lost track, or is too weak. Here it is partly the third: in the tails lie real numbers and hardly
# a generated one, and ours says ½. Left alone again it finds them: its loss falls. Look at samples, not at the number.

# %% [markdown] tags=["core"]
# ### The loss that is printed and the loss that is trained
#
# In the paper's min-max game $G$ minimises $\log(1 - D)$. When $D$ is sure that a number is fake, the slope of that loss
# vanishes: $G$ learns nothing just when it is worst. The *non-saturating* loss $-\log D$ wants the same, and its slope is
# near −1 there. pix2pix trains it, and so does nearly everybody who uses this cross-entropy. Slopes with respect to the logit:

# %% tags=["core"]
logit = torch.tensor([-10.0, -2.0, 0.0, 2.0], dtype=torch.float64, requires_grad=True)
saturating = torch.autograd.grad(F.logsigmoid(-logit).sum(), logit)[0]
trained = torch.autograd.grad(F.softplus(-logit).sum(), logit)[0]
print("logit                 ", *(f"{x:10.1f}" for x in logit.tolist()))
print("slope of log(1 − D)   ", *(f"{x:10.6f}" for x in saturating.tolist()))
print("slope of −log D       ", *(f"{x:10.6f}" for x in trained.tolist()))
# Both in closed form; a lesson checks what it says.
assert torch.allclose(saturating, -torch.sigmoid(logit)) and torch.allclose(trained, -torch.sigmoid(-logit))

# %% [markdown]
# ### The same game with a question
#
# Now $y$ answers a question: $y = \frac12\sin(\pi x)$ plus Gaussian detail. `gan` shows $D$ only $y$, `cgan` shows it $x$
# beside $y$. W1 is the mean distance of the sorted answers to an $x$ from the right ones, sorted. `twin` is a second set
# of right answers: the W1 that chance leaves.
#
# **What to notice.** Without $x$, $G$ may answer whatever is right for *some* question. With $x$ its answers come much
# closer, and their spread is about the true one.

# %%
lab_steps = 20 if course.session.current().preset == "smoke" else 2000
answers = {name: laboratory.train(name, "gaussian", steps=lab_steps) for name in ("gan", "cgan")}
for name, candidate in {**answers, "twin": laboratory.twin("gaussian")}.items():
    n = laboratory.measure(candidate)
    print(f"{name:4}  std of the answers to one x {n['std']:.2f}, true {n['true_std']:.2f}; W1 {n['W1']:.2f}")

# %% [markdown] tags=["core"]
# ## 2 From one number to an image: the condition
#
# In pix2pix $G$ gets an image $x$ (a drawn map) and returns an image $y$ (a satellite view). $D$ sees *pairs*: $x$
# beside a real $y$, or $x$ beside $G(x)$. So an answer must be realistic **and** fit the question. The data here are
# real places of the Earth, 64 × 64 pixels, values in $[-1, 1]$.

# %% tags=["core"]
train, test = catalog.load("earth", "train", 64), catalog.load("earth", "test", 64)
places = [28, 32, 37, 38, 75, 87]
shown = test.batch(places)
pictures(
    [list(shown["A"]), list(shown["B"])],
    labels=["x, the map", "y, the place"],
    alt="Six pairs of the test set: a drawn relief map above, the satellite image of the same place below. Colours of "
    "the map stand for height, those of the image for vegetation, sand, snow and water.",
)
print(f"{len(train)} training tiles, {len(test)} test tiles; x and y are {tuple(shown['A'].shape[1:])}")

# %% [markdown]
# **What to notice.** The map tells land from sea and shows the relief. It does not tell where a forest ends or how the
# sand is rippled. The question has many right answers; the loss will have to choose. Lesson 02 is about that choice.

# %% [markdown] tags=["core"]
# ## 3 The generator: a U-Net
#
# An *encoder* halves the image again and again; a *decoder* doubles it back. The smallest layer, the *bottleneck*,
# knows the large picture but has forgotten where the edges were. A *skip* hands each decoder step the encoder's
# activation of the same size. Drawn as a letter U; `up1`, for instance, gets the bottleneck and the skip from `down3`:
#
# ```
# x ─ down1 ─────────── skip ─────────── up3 ─ head ─ G(x)
#       └ down2 ─────── skip ─────── up2 ─┘
#           └ down3 ─── skip ─── up1 ─┘
#               └ down4 (bottleneck) ─┘
# ```

# %% [markdown] tags=["core"]
# ### Exercise 01.1: one step of the decoder
#
# > 3 points · 12 minutes · *goes into*: `UNet(..., block=UpBlock)`
#
# A step of the decoder does four things, in this order: ReLU, a transposed convolution that doubles the sides,
# normalisation, and a concatenation along the channels with the skip's channels **in front of** the new ones. The layers
# are given; write `forward`.


# %% tags=["core"]
class UpBlock(nn.Module):
    """One step of a U-Net's decoder.

    Args:
        in_ch: channels of x. skip_ch: channels of the skip. out_ch: channels that this step makes.
        norm: "instance" or "none". dropout: not used here.
    """

    def __init__(self, in_ch: int, skip_ch: int, out_ch: int, norm: str = "instance", dropout: bool = False):
        super().__init__()
        self.conv = nn.ConvTranspose2d(in_ch, out_ch, kernel_size=4, stride=2, padding=1)
        self.norm = nn.InstanceNorm2d(out_ch) if norm == "instance" else nn.Identity()

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """(B, in_ch, H, W) and (B, skip_ch, 2H, 2W) -> (B, skip_ch + out_ch, 2H, 2W)."""
        # BEGIN SOLUTION
        new = self.norm(self.conv(torch.relu(x)))
        return torch.cat([skip, new], dim=1)
        # END SOLUTION


UpBlock = check("01.1", UpBlock)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Follow x alone first. What are its sides after `self.conv`? Now compare with the sides of the skip.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `torch.cat([first, second], dim=1)` joins along the channels: the text says which of the two stands in front.
#
# </details>

# %% [markdown] tags=["core"]
# ### Exercise 01.2: the way through the U
#
# > 4 points · 15 minutes · *goes into*: `MyUNet.forward` below
#
# Now the loop. Go down and keep every activation. Then go up: the first decoder step gets the bottleneck as `x` and, as
# its skip, the activation just above it. The last decoder step gets the activation of the first encoder layer.


# %% tags=["core"]
def unet_forward(x: Tensor, downs: list[nn.Module], ups: list[nn.Module], head: nn.Module) -> Tensor:
    """A U-Net's forward pass.

    Args:
        x: image (B, C, H, W). downs: n encoder layers, called as down(x), from the image inwards.
        ups: n − 1 decoder steps, called as up(x, skip), from the bottleneck outwards. head: makes the image.

    Returns:
        head of what the last decoder step gives.
    """
    # BEGIN SOLUTION
    encoded = []
    for down in downs:
        x = down(x)
        encoded.append(x)
    for up, skip in zip(ups, reversed(encoded[:-1]), strict=True):
        x = up(x, skip)
    return head(x)
    # END SOLUTION


unet_forward = check("01.2", unet_forward)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# With four encoder layers there are three decoder steps. Which of the four activations is nobody's skip?
#
# </details>
# <details><summary>Hint 2</summary>
#
# A list that grows on the way down is read from its end on the way up: look at `reversed` and at slices such as
# `encoded[:-1]`.
#
# </details>


# %% tags=["core"]
class MyUNet(UNet):
    """gritlib's layers and initialisation, your block and your way through them."""

    def forward(self, x: Tensor) -> Tensor:
        return unet_forward(x, self.down, self.up, self.head)


def my_generator() -> nn.Module:
    return init_normal(MyUNet(3, 3, width=16, depth=4, norm="instance", dropout=False, block=UpBlock))


net = my_generator()
size = sum(p.numel() for p in net.parameters())
print(f"{size:,} parameters; output {tuple(net(shown['A']).shape)}; {pieces('01.1', '01.2')}")

# %% [markdown] tags=["core"]
# ## 4 The discriminator: a PatchGAN
#
# $D$ is a small convolutional network: some layers of kernel 4 and stride 2, then two of stride 1. It returns a grid of
# logits, one for each *patch* of the image; the loss is a mean over all. How large is a patch? As large as the region of the input that one output
# can see: the *receptive field*.

# %% [markdown] tags=["core"]
# ### Exercise 01.3: the receptive field
#
# > 3 points · 12 minutes · *goes into*: the table below
#
# Before the first layer an output sees one pixel, and neighbouring outputs lie one pixel apart. A layer with kernel $k$
# lets an output see $k$ neighbours instead of one. A layer with stride $s$ moves neighbours $s$ times further apart.
# Two numbers are enough to carry along.


# %% tags=["core"]
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Side, in input pixels, of what one output of a stack of convolutions sees.

    Args:
        layers: (kernel, stride) of each convolution, from the input on.
    """
    # BEGIN SOLUTION
    side, jump = 1, 1
    for kernel, stride in layers:
        side += (kernel - 1) * jump
        jump *= stride
    return side
    # END SOLUTION


receptive_field = check("01.3", receptive_field)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Do it by hand for two layers of kernel 4, stride 2. After the first an output sees 4 pixels, and neighbours are 2
# pixels apart. The second sees 4 such neighbours.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Four neighbours that are 2 pixels apart, each 4 wide, span 4 + 3 · 2 pixels. Add first, then multiply the distance.
#
# </details>

# %% tags=["core"]
for n_layers in (0, 1, 3, 5):
    kernel, strides = (4, [2] * n_layers + [1, 1]) if n_layers else (1, [1, 1, 1])
    formula = receptive_field([(kernel, stride) for stride in strides])
    side = PatchGAN(n_layers=n_layers).receptive_field
    share = f"{side / 256:.0%} of 256, {side / 64:.0%} of 64"
    print(f"{n_layers} layers of stride 2: {formula} by the formula; the network says {side}, {share}")

# %% [markdown] tags=["core"]
# **What to notice.** 1, 16, 70 and 286 are the four discriminators of the paper, at 256 pixels. About the same fractions
# of our 64 pixels are 1, 4, 16 and 70. The discriminator of this lesson has three layers of stride 2: it sees 70 pixels, as
# the paper's does, which here is the whole image. Move the sliders: which patch does an output judge?

# %% tags=["core"]
from gritlib.show.field import FieldViewer

FieldViewer(shown["B"][0], n_layers=3)

# %% [markdown] tags=["core"]
# ## 5 The losses and the step
#
# Two losses for two players. Both take logits. $D$'s loss is *halved*, as in the authors' code: it slows $D$ down
# beside $G$.
#
# | loss | formula | moves |
# |---|---|---|
# | `d` | ½ · mean(−log D(x, y)) + ½ · mean(−log(1 − D(x, G(x)))) | D |
# | `g` | mean(−log D(x, G(x))) | G |
# | `l1` | λ · mean\|y − G(x)\|, λ = 100 | G |

# %% [markdown] tags=["core"]
# ### Exercise 01.4: the adversarial losses
#
# > 3 points · 10 minutes · *goes into*: your `train_step`
#
# Write `d` and `g` from logits. They must stay finite at logits of ±10,000: a sigmoid followed by a logarithm does not.


# %% tags=["core"]
def adversarial_losses(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Losses of a GAN, non-saturating, with D's halved.

    Args:
        real, fake: D's logits for real and for generated images; their shapes may differ.

    Returns:
        {"d": scalar, "g": scalar}, tensors. g uses fake alone: who needs only g may pass the same logits twice.
    """
    # BEGIN SOLUTION
    d = 0.5 * (F.softplus(-real).mean() + F.softplus(fake).mean())
    return {"d": d, "g": F.softplus(-fake).mean()}
    # END SOLUTION


adversarial_losses = check("01.4", adversarial_losses)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# −log σ(t) = log(1 + exp(−t)). PyTorch has a function for log(1 + exp(t)) that does not overflow.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `F.softplus`, or `F.binary_cross_entropy_with_logits` with targets of ones and zeros. 1 − σ(t) = σ(−t).
#
# </details>

# %% [markdown] tags=["core"]
# ### Exercise 01.5: one step of training
#
# > 5 points · 25 minutes · *goes into*: `fit(..., step=...)`
#
# First $D$'s half: judge the real pair and the generated one, update $D$. The generated image is *detached*: $D$'s loss
# has no business in $G$. Then $G$'s half: judge the generated image again, now with the new $D$, add λ times L1, update
# $G$. $D$ sees map and image joined along the channels, the map first.


# %% tags=["core"]
def train_step(
    x: Tensor,
    y: Tensor,
    G: nn.Module,
    D: nn.Module,
    opt_g: torch.optim.Optimizer,
    opt_d: torch.optim.Optimizer,
    lam: float,
) -> dict[str, Tensor]:
    """One step of pix2pix: D first, then G.

    Args:
        x, y: (B, C, H, W) in [-1, 1]. G: x -> image. D: torch.cat([x, image], 1) -> logits.
        opt_g, opt_d: optimisers of G's and of D's parameters. lam: weight of the L1 term.

    Returns:
        {"d": D's loss, "g": the adversarial loss of G, "l1": mean absolute difference, without lam}.
    """
    # BEGIN SOLUTION
    fake = G(x)
    d = adversarial_losses(D(torch.cat([x, y], 1)), D(torch.cat([x, fake.detach()], 1)))["d"]
    opt_d.zero_grad()
    d.backward()
    opt_d.step()

    judged = D(torch.cat([x, fake], 1))
    g, l1 = adversarial_losses(judged, judged)["g"], (fake - y).abs().mean()
    opt_g.zero_grad()
    (g + lam * l1).backward()
    opt_g.step()
    return {"d": d.detach(), "g": g.detach(), "l1": l1.detach()}
    # END SOLUTION


train_step = check("01.5", train_step)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Each half is: forward, `zero_grad` of the one who moves, `backward`, `step` of the one who moves. Nothing else is
# shared between the halves than the generated image.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `adversarial_losses(D(real pair), D(fake pair, detached))["d"]` in the first half; in the second a fresh
# `judged = D(torch.cat([x, fake], 1))`, not detached, and `adversarial_losses(judged, judged)["g"]`. λ multiplies L1, not
# the adversarial term.
#
# </details>

# %% [markdown]
# <details><summary><b>Think.</b> Would your step train worse without the <code>detach</code>?</summary>
#
# Without it, PyTorch stops you first: "backward through the graph a second time", because both halves share the graph of
# `fake`. Silence it, with `retain_graph=True` or a second `G(x)`, and in this order the weights are the same to the last
# bit: D's `backward` fills G's gradients, but `opt_g.zero_grad()` empties them before G's half. It costs one more backward
# pass. It does harm when **both** `zero_grad` stand at the top of the step: then G also descends D's loss, which wants the
# opposite. How much that takes away depends on D: most when D is fooled, little when D wins. In our runs D wins, about a
# tenth is lost, and no picture shows it. It is one of the runs of the clinic below: would you find it?
#
# </details>

# %% [markdown] tags=["core"]
# ### Your step trains
#
# `fit` seeds each step, draws the batches, averages the weights of $G$ and calls your step. The learning rate is higher than
# the paper's 2·10⁻⁴, because we train for one or two thousand steps, not for a hundred thousand.


# %% tags=["core"]
def my_step(method, batch, optimizers):
    return train_step(
        batch["A"], batch["B"], method.G, method.D, optimizers["generator"], optimizers["discriminator"], 100.0
    )


config = Pix2PixConfig(lr=5e-4, d_layers=3).fit_to(train)
torch.manual_seed(0)
method = Pix2Pix(config, generator=my_generator())
yours = fit(method, train, step=my_step, steps=course.steps("yours"), batch_size=4)

# %% tags=["core"]
with torch.no_grad():
    made = yours.method.translate(shown["A"]).image
pictures(
    [list(shown["A"]), list(made), list(shown["B"])],
    labels=["x", "G(x)", "y"],
    caption=pieces("01.1", "01.2", "01.4", "01.5"),
    alt="Six unseen places: the map, the image that the trained network makes of it, and the real satellite image.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Coasts are where the map has them; forest, dry land and deep water have plausible colours; mountains
# get a rough texture. Snow comes out as patches of blue: the map's white and the sea's pale blue are hard to tell apart in so few steps. Over land and sea lies a fine lattice, and the texture repeats: section 8 shows where a lattice comes from. This generator has no noise: it knows one answer to each map.

# %% tags=["core"]
log = yours.history
curves(
    {name: ([line["step"] for line in log], [line[name] for line in log]) for name in ("d", "g", "l1")},
    "step",
    "loss (l1: in units of [−1, 1])",
    lines={"ln 2": math.log(2)},
    alt="Your three losses, first and last value: "
    + ", ".join(f"{name} {log[0][name]:.2f} and {log[-1][name]:.2f}" for name in ("d", "g", "l1")),
)
everything = test.batch(range(len(test)))
with torch.no_grad():
    result = scores({"image": yours.method.translate(everything["A"]).image}, everything["B"])
print("100 test tiles:", {name: round(value, 2) for name, value in result.items()}, "(L1 in levels of 0 to 255)")
alone_l1 = [record["metrics"]["spectrum_gap"] for record in skips_study if record["arm"] == "unet-l1"]
course.claim("C2", "more fine detail than any run with L1 alone", result["spectrum_gap"], max(alone_l1), 0.5)

# %% [markdown]
# **What to notice.** None of the three curves tells you whether the pictures are good. $d$ and $g$ each depend on how good the opponent is, so a level or a falling curve says little. L1 falls early; after that it mostly measures what the map cannot tell. Look at the
# pictures, always.

# %% [markdown]
# ### If you had trained longer
#
# The course brings a pix2pix that trained for 6,000 steps of 8 images, narrower than yours and with a discriminator that sees 16 pixels. The squares on land are gone
# and heights get specks of white and green; the sea keeps its lattice, ridges stay out, and L1 falls little. Patience buys texture. What the map
# cannot tell it does not buy.

# %%
from gritlib import weights

print(weights.card("pix2pix-earth"))
longer = weights.load("pix2pix-earth")
pictures(
    [list(row[:4]) for row in (made, longer.translate(shown["A"]).image, shown["B"])],
    labels=["yours", "6,000 steps", "y"],
    caption=f"{yours.step} steps, {pieces('01.1', '01.2', '01.4', '01.5')}; 6,000 steps: shipped weights, gritlib's pieces",
    alt="Four of the unseen places; rows: your image; that of the network that trained longer, with coarser texture on land, "
    "specks of white and green in mountains and a fine lattice on the sea; the real satellite image.",
)
after = scores({"image": longer.translate(everything["A"]).image}, everything["B"])
for name, found in (("yours", result), ("6,000 steps", after)):
    print(f"{name:12} L1 {found['L1']:5.1f}   SSIM {found['SSIM']:.2f}   spectrum gap {found['spectrum_gap']:+.2f}")

# %% [markdown]
# ## 6 What do the pieces do?
#
# ### A variant of your choice
#
# Change `VARIANT` and run the next cells again. `dropout` is the only noise that pix2pix has: it switches off half of the
# channels' values, at random, in inner layers of the decoder, also at test time. Only a deeper U-Net has such layers, so
# this variant changes two things at once: 6 halvings instead of 4, and dropout.

# %%
VARIANT = "dropout"  # or "no_skips", "pixel", "quarter", "unconditional", "l1_only"

changes = {
    "dropout": {"depth": 6, "dropout": True},
    "no_skips": {"skips": False},
    "pixel": {"d_layers": 0},
    "quarter": {"d_layers": 1},
    "unconditional": {"conditional": False},
    "l1_only": {"gan_weight": 0.0},
}
torch.manual_seed(0)
other = Pix2Pix(Pix2PixConfig(**{"lr": 5e-4, "d_layers": 3, **changes[VARIANT]}).fit_to(train))
variant = fit(other, train, steps=course.steps("variant"), batch_size=4)

# %%
with torch.no_grad():
    draws = torch.stack([variant.method.translate(shown["A"], noise=seed).image for seed in range(10)])
rows = {"x": shown["A"], "one draw": draws[0], "another": draws[1], "y": shown["B"]}
if not other.stochastic:
    del rows["another"]
pictures(
    [list(row) for row in rows.values()],
    labels=list(rows),
    caption=f"variant {VARIANT}: gritlib's step",
    alt=f"Six unseen places with the variant {VARIANT}; rows from the top: {', '.join(rows)}.",
)
spread = 127.5 * draws.std(0).mean().item()
print(f"standard deviation over 10 draws: {spread:.2f} of 255" if other.stochastic else "This variant has no noise.")

# %% [markdown]
# <details><summary><b>Think.</b> The paper writes G(x, z): z is noise. Where is z here?</summary>
#
# It is dropout. Compare the two draws: by the printed standard deviation they differ by about one level of 255. The authors
# had first given G a noise vector; it learned to ignore it. Why would a network ignore its noise? Hold the question: lesson
# 02 finds a reason in the losses, and lesson 06 a remedy. It is the idea of GRIT.
#
# </details>

# %% [markdown] tags=["core"]
# ### Skips and the adversarial loss (claim C4)
#
# The paper's table 2 says: skips help, and the adversarial loss helps only together with skips. The picture at the top of
# this notebook is our version of that table. *Spectrum gap* is lesson 00's: ln power of the fine detail, minus the truth's.
# *Colour overlap* is the share of the colour histogram that outputs and truth have in common.
# Each line compares two arms over six seeds that began with the same weights.

# %% tags=["core"]
from gritlib.show.gallery import numbers, verdict

for row in numbers("skips"):
    if row["metric"] in ("L1", "spectrum_gap", "colour_overlap"):
        print("-", verdict(row))

# %% [markdown] tags=["core"]
# **What to notice.** The first half reproduces: with skips L1 is lower, with and without the discriminator. The second half
# comes out the other way round: the adversarial loss brings fine detail (a gap nearer to 0) to both kinds of network, and
# without skips it brings colours *nearer* to the truth's. So C4 is *not reproduced* (2 of 4): two of its four comparisons
# hold.

# %% [markdown] tags=["core"]
# Whether the detail is any good none of these scores says: without skips part of it is a lattice and specks at fixed
# places. The paper asked a segmentation network; our maps have no labels for one.

# %% [markdown]
# Such words on a whole claim follow one rule, and RESULTS.md lists what stands behind each. *Reproduced*: all comparisons
# hold, by their intervals. *Direction only*: all hold, some only in all of a few seeds. *Not reproduced*: some hold and some are
# against it, or all are. *Inconclusive*: the rest.

# %% [markdown] tags=["core"]
# ### How large should a patch be? (claim C5)
#
# In the paper, at 256 pixels, 70 and 16 are better than 286 and than 1. Our four discriminators see the same fractions
# of a 64-pixel image: *pixel* (1), *small* (4: one 4 × 4 convolution, then 1 × 1),
# *quarter* (16) and *whole* (70, more than the image).

# %% tags=["core"]
patches_study = gallery("patches", seeds=(1,), metrics=("L1", "spectrum_gap", "colour_overlap"), compare=False)

# %% [markdown]
# **What to notice.** *Pixel* and *small* have the L1 and the gap of `unet-l1` in the first table: so small a patch holds no
# texture, and a discriminator that sees no texture asks for none. With *quarter* and *whole* detail appears, and L1 rises.
# So L1 prefers the small patches and the gap the whole image; *quarter* is best by neither. For patches as shares of the
# image C5 is *not reproduced* (3 of 8). The paper's 70 pixels themselves are more than our whole image.

# %% [markdown] tags=["core"]
# ## 7 The bug clinic
#
# "Is this mode collapse?" "What should the losses look like?" These are the most asked questions about GANs. Here are six
# recorded runs of a pix2pix like yours, 700 steps each, on Earth, on Earth with a height map as second input, or on Grove, with **one fault planted in each**: every
# fault of the table once. Which recordings you get, and in which order, depends on your id.

# %% tags=["core"]
me = course.student()  # course.student("your id") sets another one, and keeps it on this machine
print("student id:", me)

# %% [markdown] tags=["core"]
# | fault | what was planted |
# |---|---|
# | `no_detach` | both `zero_grad` at the top of the step, and the fake not detached: G also descends D's loss |
# | `labels_swapped` | real and fake exchanged in D's half, not in G's |
# | `learning_rate` | ten times too high, for both |
# | `no_condition` | D does not see the map |
# | `jitter_not_joint` | map and image are cropped and mirrored by different draws |
# | `lambda_on_gan` | λ = 100 multiplies the adversarial term instead of L1 |
#
# Other answers are allowed: `d_too_strong`, `needs_longer`, `collapse`. A D that wins is a setting, not a fault.

# %% tags=["core"]
from gritlib.studies.clinic import CURVES

for name, meaning in CURVES.items():
    print(f"{name:10} {meaning}")

# %% [markdown] tags=["core"]
# Six curves are usual, five are not (`G_listens`, `D_looks`, `pull`, `update`, `left`): each costs a few lines, and they are
# what decides in doubt. Dotted grey is a healthy run on the same data; all runs have the same axes, steps to the right.

# %% tags=["core"]
from gritlib.show.clinic import ward

ward(me, places=1)  # up to 4 places a run

# %% [markdown] tags=["core"]
# ### Exercise 01.6: name the faults
#
# > 2 points · 15 minutes
#
# Decide for each run which curve is unlike the healthy one, and what would do that. Write the six names.


# %% tags=["core"]
def diagnose() -> dict[str, str]:
    """Your diagnosis.

    Returns:
        {"A": fault, …, "F": fault}, with the names of the table above.
    """
    # BEGIN SOLUTION
    # The runs of the student "guest", whom this notebook was solved for; yours are drawn by your id.
    return {
        "A": "labels_swapped",
        "B": "jitter_not_joint",
        "C": "lambda_on_gan",
        "D": "learning_rate",
        "E": "no_condition",
        "F": "no_detach",
    }
    # END SOLUTION


diagnose = check("01.6", diagnose)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Begin with the curves that have one value in five runs and another in the sixth. A curve that is exactly 0, or that lies
# a hundred times too high, needs no theory.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Two opponents cannot both win: if D's loss and G's adversarial loss both fall to 0, they do not play the same game. If L1
# stays high although its gradient arrives as usual, the targets are to blame.
#
# </details>

# %% tags=["solution"]
from gritlib.studies.clinic import drawn, rule

print({run: rule(log) for run, log in drawn(me).items()})  # one threshold for each fault, whoever you are

# %% [markdown]
# **What to notice.** Three of the faults show in the usual curves. The other three do not, and their pictures look like
# healthy ones: a log of losses alone would never have told. The solved notebook uses one threshold for each fault, and all
# eighteen recorded runs obey them. Which of the extra curves will you log in your own project?

# %% [markdown]
# ## 8 Extras
#
# ### Where do checkerboards come from?
#
# Feed a *constant* image through a random up-sampling layer: whatever pattern comes out was made by the layer. Its output
# repeats every two pixels, so look at the four positions of a 2 × 2 grid. *Pattern*: how much of the output's power differs
# between the positions. *Uneven*: power at the strongest position over power at the weakest, over many random layers.


# %%
def grid_power(make) -> tuple[float, float]:
    """(pattern, uneven) of 40 random layers that double the sides of a constant image, away from the border."""
    positions = []
    for _ in range(40):
        with torch.no_grad():
            y = make()(torch.ones(1, 64, 16, 16))[0, :, 8:24, 8:24]
        positions.append(y.unfold(1, 2, 2).unfold(2, 2, 2).mean((1, 2)).flatten(1))  # (channels, 4)
    grid = torch.cat(positions)
    power = grid.square().mean(0)
    return float(grid.var(1, unbiased=False).mean() / power.mean()), float(power.max() / power.min())


torch.manual_seed(0)
layers = {
    "transposed, kernel 3": lambda: nn.ConvTranspose2d(64, 64, 3, 2, 1, 1, bias=False),
    "transposed, kernel 4": lambda: nn.ConvTranspose2d(64, 64, 4, 2, 1, bias=False),
    "resize, then convolve": lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(64, 64, 3, 1, 1, bias=False)),
}
for name, make in layers.items():
    pattern, uneven = grid_power(make)
    print(f"{name:22} pattern {pattern:4.0%}, uneven {uneven:.1f}")
for mode in ("zeros", "reflect"):
    with torch.no_grad():
        y = nn.Conv2d(64, 64, 3, padding=1, padding_mode=mode)(torch.ones(1, 64, 16, 16))
    border = (y[..., 0, :] - y[..., 8:9, 8]).abs().mean() / y.abs().mean()
    print(f"padding {mode:8} the border differs from the middle by {border:.2f} of the mean level")

# %% [markdown]
# **What to notice.** In a transposed convolution every position has weights of its own, so an untrained one makes a pattern,
# with either kernel. With kernel 3 the positions even get different *numbers* of weights (1, 2, 2 and 4): uneven from the
# start. Kernel 4, the paper's, is even on average; resizing first makes no pattern. Zero padding marks the border of a
# constant image, reflection does not.

# %% [markdown]
# ### Trained or not: what a batch does to an image
#
# In training mode batch norm takes its statistics from the whole batch, so an image's output depends on its neighbours;
# instance norm takes them from each image. pix2pix' authors *test* in training mode, with batches of one, on purpose. Below:
# one image alone, against the same image in a batch of four.

# %%
x = shown["A"][:4]
for norm in ("batch", "instance"):
    torch.manual_seed(0)
    net = UNet(3, 3, width=16, depth=4, norm=norm, dropout=False)
    for mode in (True, False):
        with torch.no_grad():
            single, several = net.train(mode)(x[:1]), net.train(mode)(x)[:1]
        gap = 127.5 * (single - several).abs().max().item()
        print(f"{norm:8} norm, {'train' if mode else 'eval '}: up to {gap:7.3f} of 255 between batch 1 and batch 4")

# %% [markdown]
# ## Paper, official code, gritlib
#
# | | paper (v3) | official code | gritlib, this lesson |
# |---|---|---|---|
# | loss of G | min-max in the equation; trains −log D | −log D | −log D |
# | D's loss | halved | halved | halved |
# | order | alternating steps | D, then G with a fresh D | the same |
# | noise | dropout, also at test time | dropout, also at test time unless `--eval` | dropout from depth 6; `translate(noise=…)` decides |
# | norm at test time | batch statistics, batch 1 | train mode | instance norm; batch norm re-estimated |
# | size, batch, steps | 256, 1 to 10, epochs by data set | 256, 1, 200 epochs | 64, 4, one to three thousand steps |
# | learning rate | 2·10⁻⁴ | 2·10⁻⁴, falls to 0 in the second half | 5·10⁻⁴, falls to 0 in the second half |
# | weights used | last | last | averaged over the steps |
# | jitter | resize to 286, crop 256, mirror | the same, one draw for both images | crops of a larger tile, mirror, one draw |
# | U-Net bottleneck | 1 × 1 | 1 × 1 | 4 × 4: instance norm of one pixel is zero |

# %% [markdown]
# ## What is not shown here
#
# One data set, 64 pixels, one or two thousand steps, one CPU: none of the numbers above says how pix2pix does on facades at 256
# pixels. The paper judges by people and by a segmentation network; we have neither here (the segmentation score comes
# in lesson 05). The patterns in the pictures are a property of this small set-up; we did not look for the cure. That the
# saturating loss trains worse is not shown either, only that its slope vanishes: Adam rescales small gradients.
#
# ## References
#
# - P. Isola, J.-Y. Zhu, T. Zhou, A. A. Efros. *Image-to-Image Translation with Conditional Adversarial Networks.* CVPR 2017. arXiv:1611.07004.
# - I. Goodfellow et al. *Generative Adversarial Nets.* NeurIPS 2014. arXiv:1406.2661.
# - O. Ronneberger, P. Fischer, T. Brox. *U-Net: Convolutional Networks for Biomedical Image Segmentation.* MICCAI 2015. arXiv:1505.04597.
# - C. Li, M. Wand. *Precomputed Real-Time Texture Synthesis with Markovian Generative Adversarial Networks.* ECCV 2016. arXiv:1604.04382.
# - A. Odena, V. Dumoulin, C. Olah. *Deconvolution and Checkerboard Artifacts.* Distill 2016. doi:10.23915/distill.00003.
#
# Lesson text and figures: CC BY 4.0. Satellite images and maps: see `python -m gritlib data earth`. Generated images
# are not real places.

# %%
course.show_progress()
