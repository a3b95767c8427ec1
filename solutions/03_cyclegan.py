# %% [markdown]
# # 03 CycleGAN: without pairs
#
# **What replaces the ground truth?**
#
# *40 minutes of reading, 75 of coding, about 8 of computing on two cores. The core path, all exercises and the cells
# between them with the tag `core`, takes about two hours. You need: lesson 01 (the adversarial loss, a training step, the PatchGAN),
# lesson 02's spectrum gap, mean and variance.*
#
# ## What you will be able to do
#
# 1. Say what instance norm takes away from an image, and when that harms.
# 2. Write CycleGAN's losses, its image buffer and its residual block, and train with them.
# 3. Say which answers the losses cannot tell from the right one, and show it on clouds whose truth is known.
# 4. Test whether a translation carries a hidden message.
# 5. Judge an unpaired method with pairs that its training never saw.

# %% tags=["core"]
from dataclasses import replace

import torch
from torch import Tensor, nn

import gritlib.course as course
from gritlib import clouds, weights
from gritlib.course import check, pieces
from gritlib.data import catalog, earth
from gritlib.evaluation import scores
from gritlib.methods import CycleGAN
from gritlib.nets import ResNetGenerator
from gritlib.show import curves, dots, gallery, pictures
from gritlib.show.clouds import clouds as draw_clouds
from gritlib.show.clouds import score_table
from gritlib.show.scrub import Scrub, there_and_back
from gritlib.studies.unpaired import SHOWN
from gritlib.training import fit

smoke = course.session.current().preset == "smoke"

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# A drawn map of a place; the satellite image that a network makes of it; the map that a second network makes of that image; and
# the real satellite image. Neither network was ever shown a map and a satellite image of the *same* place. This pair was trained
# before, for 1,600 steps, and comes with the course. You will write its pieces and go on training it.

# %% tags=["core"]
shipped = weights.load("cyclegan-earth")
test = catalog.load("earth", "test", 64)
shown = test.batch(list(SHOWN["earth"].values()))
with torch.no_grad():
    fake = shipped.G(shown["A"])
    first = {"x": shown["A"], "G(x)": fake, "F(G(x))": shipped.F(fake), "truth": shown["B"]}
pictures(
    [list(row) for row in first.values()],
    labels=list(first),
    titles=list(SHOWN["earth"]),
    caption="shipped weights, gritlib's pieces",
    alt="Six unseen places; rows: the drawn map; the satellite image made of it, blue sea, green and brown land with rough texture; "
    "the map made of that image, smoother than the first; the real satellite image.",
)
print(weights.card("cyclegan-earth"))

# %% [markdown] tags=["core"]
# **What to notice.** Sea is blue, dry land brown, green lowland green: nobody said which colour belongs to which, except through
# two heaps of images. Mountains have the wrong texture, and some of their white becomes a lake. The third row is a map again,
# with little of the first one's relief. Read the card too: this seed was *chosen*. Others end with land where the sea is; section 8 shows them.

# %% [markdown] tags=["core"]
# ## 1 Instance norm by hand
#
# The paper's generator normalises with *instance norm*: of every feature map of every image it takes away the mean over the
# pixels, then divides by the standard deviation. Batch norm does the same with statistics over all images of the batch. What
# does such a layer forget? Try it behind a convolution, on two uniform images, one darker and one lighter.


# %% tags=["core"]
def instance_norm(h: Tensor, eps: float = 1e-5) -> Tensor:
    """(B, C, H, W) -> the same shape; each map of each image with mean 0 and variance 1."""
    mean, variance = h.mean((2, 3), keepdim=True), h.var((2, 3), keepdim=True, correction=0)
    return (h - mean) / (variance + eps).sqrt()


uniform = torch.stack([torch.full((3, 32, 32), grey) for grey in (0.3, 0.6)])
for mode in ("zeros", "reflect"):
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 3, padding=1, padding_mode=mode)
    with torch.no_grad():
        out = instance_norm(convolution(uniform))
    inside, between = out[..., 1:-1, 1:-1].abs().max(), (out[0] - out[1]).abs().max()
    print(f"padding {mode:8} largest value {out.abs().max():.1e}, away from the border {inside:.1e};", end=" ")
    print(f"largest difference between the two greys {between:.1e}")
with torch.no_grad():
    assert instance_norm(convolution(uniform)).abs().max() < 1e-4  # the convolution that reflects
    some = torch.randn(2, 3, 8, 8)
    assert torch.allclose(instance_norm(some), nn.InstanceNorm2d(3)(some), atol=1e-5)

# %% [markdown] tags=["core"]
# **What to notice.** With reflection nothing is left but rounding: a uniform image becomes zero, *whatever its colour*. With zeros
# around the image the layer sees its border, but hardly which of the two greys it was. A uniform area that does not
# fill the image keeps its difference from the rest. So the danger lies with images that show one thing only.

# %% [markdown] tags=["core"]
# ### What that means for a small tile of the Earth
#
# A tile of 64 pixels is often of one land cover: all desert, or all forest, and the map says which by its tint alone. Here are
# four such maps, and the same after instance norm of their three colours. Can you still tell the desert?

# %% tags=["core"]
tiles = test.batch([SHOWN["earth"][name] for name in ("desert", "forest", "steppe", "coast")])["A"]
pictures(
    [list(tiles), list((0.4 * instance_norm(tiles)).clamp(-1, 1))],
    titles=["desert", "forest", "steppe", "coast"],
    labels=["map", "normalised"],
    alt="Four maps, desert, forest, steppe and coast, each with its tint; below, after instance norm, all have the same grey mean: "
    "relief and coast remain, the tints of desert, forest and steppe are gone.",
)

# %% tags=["core"]
everything = test.batch(range(len(test)))
torch.manual_seed(0)
with torch.no_grad():
    maps = nn.Conv2d(3, 16, 7, padding=3, padding_mode="reflect")(everything["A"])
    for name, h in (
        ("no norm", maps),
        ("instance norm", instance_norm(maps)),
        ("batch norm", nn.BatchNorm2d(16)(maps)),
    ):
        tint = h.mean((2, 3))  # (tiles, channels)
        print(
            f"{name:14} the mean of a tile differs from tile to tile by {tint.std(0).mean():.1e} (standard deviation)"
        )

# %% [markdown] tags=["core"]
# **What to notice.** After instance norm the mean of every tile is the same. At 256 pixels and on photographs that is no loss:
# the paper's images always show many things. At our 64 pixels it would take away what tells desert from forest, so this
# course's generators have *batch norm*; the discriminators keep instance norm. This is a decision of ours, measured above; the
# table at the end lists it.

# %% [markdown] tags=["core"]
# ## 2 Two heaps of images
#
# Unpaired data are two sets, X and Y, nothing more. Ours are cut from a world map and a satellite image, but from *different*
# places: longitudes are divided into blocks of 15 degrees; some show maps only, those between satellite images only. If the two
# sets differed much in what they show, the discriminator would ask for that difference: more desert, less forest.

# %% tags=["core"]
train = catalog.load("earth", "train", 64, unpaired=True)
draw = train.batch(range(0, 173, 29), torch.Generator().manual_seed(3))
pictures(
    [list(draw["A"]), list(draw["B"])],
    labels=["X", "Y"],
    alt="Six drawn maps in the first row and six satellite images of other places in the second: no column is a pair.",
)
cover = {side: earth.land_cover(train, side) for side in "AB"}
print(f"{len(train.first)} tiles of X, {len(train.second)} of Y; land cover by the colour of the true satellite image")
for name in earth.COVER:
    print(f"{name:8} X {cover['A'][name]:6.1%}   Y {cover['B'][name]:6.1%}")
print(f"land-cover distance (total variation): {earth.land_cover_distance(cover['A'], cover['B']):.3f}")

# %% [markdown] tags=["core"]
# **What to notice.** The distance is the share of the area that would have to change its class to make the sets alike. Two
# random halves of these tiles differ about as much (the card of the data set says 0.05). So the sets are as alike as chance
# makes them. Your own data will not be: two cities, two seasons, two scanners. Measure it before you train.

# %% [markdown] tags=["core"]
# ## 3 What replaces the truth?
#
# A discriminator $D_Y$ can say whether $G(x)$ looks like an image of Y. It cannot say whether it fits $x$: any permutation of Y
# would please it. CycleGAN adds a second network $F$ from Y back to X and asks that the way there and back
# ends where it began: $F(G(x)) \approx x$ and $G(F(y)) \approx y$. What must come back cannot have been thrown away. Is that enough?

# %% [markdown] tags=["core"]
# ### Exercise 03.1: what the generators minimise
#
# > 6 points · 25 minutes · *goes into*: the step that trains the point clouds below, and CycleGAN on Earth
#
# $G$ translates X to Y and $F$ back; $D_X$ and $D_Y$ say how real an image of their side looks: 1 is real. Six terms:
# *adversarial* $\mathrm{mean}\,(D_Y(G(x))-1)^2$, and the same for $F$; *cycle* $\lambda\,\mathrm{mean}\,|F(G(x))-x|$, and the same
# from $y$; *identity* $\lambda\,\lambda_\text{id}\,\mathrm{mean}\,|F(x)-x|$: a generator leaves images of its target side alone.


# %% tags=["core"]
def generator_losses(G, F, Dx, Dy, x: Tensor, y: Tensor, lam: float, lam_id: float) -> dict[str, Tensor]:
    """The six terms that both generators minimise together, each with its weight, each a mean over everything.

    Args:
        G, F: generators, G: X -> Y, F: Y -> X. Dx, Dy: discriminators, an image of X or of Y -> outputs for patches.
        x, y: a batch of each side, no pairs: (B, C, H, W), or points (B, 2).
        lam: weight of the cycle terms. lam_id: weight of the identity terms as a share of lam; 0 is none.

    Returns:
        gan_g, gan_f: squared distance from 1 of what Dy says of G(x), Dx of F(y).
        cyc_x, cyc_y: lam times the absolute difference of x (of y) and its round trip.
        id_x, id_y: lam times lam_id times the absolute difference of x (of y) and what F makes of x (G of y).
        Tensors of one number, with a way back to both generators; nothing is detached, backward is not called.

    F is the paper's name for the way back; it hides a `functional as F`.
    """
    # BEGIN SOLUTION
    fake_y, fake_x = G(x), F(y)
    return {
        "gan_g": (Dy(fake_y) - 1).square().mean(),
        "gan_f": (Dx(fake_x) - 1).square().mean(),
        "cyc_x": lam * (F(fake_y) - x).abs().mean(),
        "cyc_y": lam * (G(fake_x) - y).abs().mean(),
        "id_x": lam * lam_id * (F(x) - x).abs().mean(),
        "id_y": lam * lam_id * (G(y) - y).abs().mean(),
    }
    # END SOLUTION


generator_losses = check("03.1", generator_losses)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Draw it: X on the left, Y on the right, G an arrow to the right, F one to the left. Where does each arrow end? The
# discriminator of that side judges. Which arrow has an image of X at its *end*? That one should leave x alone.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `fake_y, fake_x = G(x), F(y)` are used twice each: `Dy(fake_y)` and `F(fake_y)`, `Dx(fake_x)` and `G(fake_x)`. Distances:
# `(a - b).abs().mean()`. The identity terms need two more translations, `F(x)` and `G(y)`.
#
# </details>

# %% [markdown] tags=["core"]
# ### Exercise 03.2: what a discriminator minimises
#
# > 2 points · 6 minutes · *goes into*: the same step, once for each discriminator
#
# Half of the sum of two means: $\tfrac12\big(\mathrm{mean}\,(D(\text{real})-1)^2+\mathrm{mean}\,D(\text{fake})^2\big)$. No gradient may
# flow into `fake`: the generator that made it must not learn from this loss.


# %% tags=["core"]
def discriminator_loss(D, real: Tensor, fake: Tensor) -> Tensor:
    """Half of a least squares loss: D should say 1 of real images and 0 of translated ones.

    Args:
        D: images -> outputs for patches. real: (B, C, H, W) or points (B, 2). fake: the same, perhaps more or fewer.

    Returns:
        A tensor of one number. D's weights get a gradient from it; nothing flows into fake.
    """
    # BEGIN SOLUTION
    on_real, on_fake = D(real), D(fake.detach())
    return 0.5 * ((on_real - 1).square().mean() + on_fake.square().mean())
    # END SOLUTION


discriminator_loss = check("03.2", discriminator_loss)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Who must not learn here: D, or the generator behind `fake`? Cut there, before D sees the image and not after.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `D(fake.detach())`, one mean for each kind of images, and the half in front of both.
#
# </details>

# %% [markdown] tags=["core"]
# ## 4 Five variants where the truth is known
#
# Before images, points. X is a cloud of points of the plane, long and thin; Y is the same cloud bent and eight times as thick.
# Every $x$ has a true partner $T(x)$, which no training sees. Two small networks $G$ and $F$ and two discriminators learn from
# points of X and of Y that are drawn apart, with *your* `generator_losses`. Which of the terms are needed?

# %% [markdown] tags=["core"]
# **How to read it.** *to_Y*: how far the cloud of all $G(x)$ is from Y, as a set; *cover_Y*: how much of Y it reaches; *partner*: how
# far $G(x)$ is from the true partner; *cycle_X*, *cycle_Y*: how far a point is from where it began, there and back. `perfect` is
# the truth itself. `permuted` hands each $x$ the partner of another: set and cycles are perfect, and every
# answer is wrong. **Predict** an arm for each line below, as its name in quotes.

# %% tags=["core"]
for arm in ("cycle", "gan", "forward", "backward", "cyclegan"):
    print(f"{arm:9} {', '.join(clouds.ARMS[arm])}")
heights = clouds.Truth().sample_x(2000, torch.Generator().manual_seed(1))[:, 1].abs()
print(f"X is thin: its points lie {heights.mean():.3f} above or below its middle line, on average")
course.predict("03.a", {"farthest from Y": None, "partner best": None, "cycle_X smallest": None})

# %% tags=["core"]
steps = 20 if smoke else 1500
runs = {
    arm: clouds.train(arm, steps=steps, terms=generator_losses)
    for arm in ("cycle", "gan", "forward", "backward", "cyclegan")
}

# %% tags=["core"]
found = {arm: clouds.measure(run) for arm, run in runs.items()}
draw_clouds(
    runs,
    alt="Columns: the truth, cycle, gan, forward, backward, cyclegan; rows: G(x) over the cloud Y, F(G(x)) over X, G(F(y)) over Y. "
    + "; ".join(
        f"{arm}: to Y {s['to_Y']:.2f}, partner {s['partner']:.2f}, cycle X {s['cycle_X']:.2f}"
        for arm, s in found.items()
    ),
)
known = {name: clouds.measure(result) for name, result in clouds.known(clouds.Truth()).items() if name != "mirrored"}
print(f"{pieces('03.1')}; {steps} steps; distances in the plane, cover_Y is a share")
print(score_table(found | known))
course.reveal(
    "03.a",
    {
        "farthest from Y": max(found, key=lambda arm: found[arm]["to_Y"]),
        "partner best": min(found, key=lambda arm: found[arm]["partner"]),
        "cycle_X smallest": min(found, key=lambda arm: found[arm]["cycle_X"]),
    },
)

# %% [markdown] tags=["core"]
# **What to notice.** `cycle` closes its cycle and stays where it began: it covers a third of Y. `gan` lies over Y as two thin lines, as a
# set no nearer to it than `cycle`, and no point comes back. `forward` collapses to one line: it is farthest from Y, and its *cycle_X* of 0.03
# looks small, but the points of X lie only 0.04 from its middle line: the height does not come back.

# %% [markdown] tags=["core"]
# `backward` does here as well as `cyclegan`: the way $y \to x \to y$ is the demanding one. (Not so in the paper.) No loss sees the
# mistake of `permuted`. That trained networks do not end there is owed to what they are: smooth maps that begin near the identity.

# %% [markdown]
# ### An ambiguity that no loss resolves
#
# Let the cloud X be as often above as below its middle line. Then "turn X over, then do the right thing" makes the same cloud Y, is
# smooth, and closes both cycles. Below, both are scored, without training.

# %%
symmetric = clouds.known(clouds.Truth(symmetric=True))
print(score_table({name: clouds.measure(symmetric[name]) for name in ("perfect", "mirrored")}))

# %% [markdown]
# **What to notice.** Only *partner* tells them apart, and it needs pairs. On images the same happens with colours: sea may become
# land and land sea, everywhere and consistently. Section 8 has seeds that did so.

# %% [markdown]
# <details><summary><b>Think.</b> The paper's ablation finds <i>GAN + forward cycle</i> a little better than CycleGAN on labels → photo, and much worse on photo → labels. How can one term help one direction and harm the other?</summary>
#
# The forward cycle trains $F$ only on what $G$ makes, and $G$ only through $F$. The way from Y, $F$ of a real $y$, is held by $D_X$ alone: it may collapse.
# So the direction whose own cycle was dropped suffers. One table of one direction would have shown the opposite.
#
# </details>

# %% [markdown] tags=["core"]
# ## 5 A buffer, and a block
#
# Two pieces are missing for images. The first is about memory. If $D$ sees the newest translations only, $G$ can walk in
# circles: as soon as $D$ has learned one fault, $G$ goes on to the next, and $D$ forgets the first. So CycleGAN shows
# its discriminators a mix of new and older translations (Shrivastava et al. 2017).

# %% [markdown] tags=["core"]
# ### Exercise 03.3: a memory of old translations
#
# > 4 points · 20 minutes · *goes into*: what the discriminators see: `CycleGAN(..., pools=...)`
#
# While it is not full, the buffer keeps a copy of every image and gives it straight back. Once full, a coin is thrown *for each
# image*: either the new image comes straight back and is not kept, or a random one of the kept images comes out, each equally
# likely, and the new one takes its place.


# %% tags=["core"]
class ImageBuffer:
    """The last translations of a generator, mixed with new ones: what a discriminator is shown.

    Args:
        size: how many images it keeps; 0 gives every image straight back. generator: all random numbers come from it.

    Not full: each image is kept and comes straight back. Full: with probability one half the image comes straight back
    and is not kept; else one of the kept images comes out, all equally likely, and the image takes its place. Images of
    a batch are taken one after the other, each with a coin of its own, so the buffer may fill up in the middle of one.
    What is kept is a copy without graph: nothing that later happens to `images` reaches it. `images` stay as they are.
    """

    def __init__(self, size: int, generator: torch.Generator):
        # BEGIN SOLUTION
        self.size, self.generator = size, generator
        self.kept = []
        # END SOLUTION

    def query(self, images: Tensor) -> Tensor:
        """(B, C, H, W) -> as many images, of the same dtype: number i is images[i] or an old one."""
        # BEGIN SOLUTION
        out = []
        for image in images:
            if len(self.kept) < self.size:
                self.kept.append(image.detach().clone())
            elif self.size and torch.rand((), generator=self.generator) < 0.5:
                k = int(torch.randint(self.size, (), generator=self.generator))
                image, self.kept[k] = self.kept[k], image.detach().clone()
            out.append(image)
        return torch.stack(out)
        # END SOLUTION


ImageBuffer = check("03.3", ImageBuffer)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A Python list is enough for what is kept. Loop over the images of the batch; for each there are three cases: room left, coin
# says new, coin says old. `detach()` shares its memory with the image, `clone()` does not.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `torch.rand((), generator=self.generator) < 0.5` is a coin, `int(torch.randint(n, (), generator=self.generator))` a number
# from 0 to n − 1. Take the old image out *before* you write the new one to its place. `torch.stack` joins what comes out.
#
# </details>

# %% [markdown] tags=["core"]
# The second piece is the generator's. U-Net's skips gave lesson 01 its sharp edges. CycleGAN's generator has none: a 7×7
# convolution, two halvings, some *residual blocks*, two doublings, and a last convolution. A residual block adds a change to what
# it gets, so that at first it does nearly nothing, and a place in the image stays the place it was.

# %% [markdown] tags=["core"]
# ### Exercise 03.4: a residual block
#
# > 3 points · 10 minutes · *goes into*: the generators of the run on Earth, `ResNetGenerator(..., block=...)`
#
# The block adds a change to its input: $x + f(x)$. In $f$ come, in this order: pad by reflection, 3x3 convolution, instance
# norm, ReLU, pad by reflection, 3x3 convolution, instance norm. Nothing follows the sum. Call the convolutions `conv1` and
# `conv2`, so that shipped weights find them. Each convolution gets a norm of its own from `norm(channels)`: as it comes that is
# instance norm, without weights, but on Earth we ask your block for batch norm, which has some.


# %% tags=["core"]
class ResidualBlock(nn.Module):
    """x + f(x), f = reflect, conv1, norm, ReLU, reflect, conv2, norm; nothing after the sum.

    Args:
        channels: of x, of the result and of what is between. norm: norm(channels) builds a norm; called twice.

    `conv1` and `conv2` are nn.Conv2d with 3x3 weights and a bias. Reflection adds one pixel at each side before each
    convolution, which takes it away again.
    """

    def __init__(self, channels: int, norm=nn.InstanceNorm2d):
        super().__init__()
        # BEGIN SOLUTION
        self.conv1 = nn.Conv2d(channels, channels, kernel_size=3)
        self.conv2 = nn.Conv2d(channels, channels, kernel_size=3)
        self.pad, self.norm1, self.norm2 = nn.ReflectionPad2d(1), norm(channels), norm(channels)
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) -> the same shape."""
        # BEGIN SOLUTION
        h = torch.relu(self.norm1(self.conv1(self.pad(x))))
        return x + self.norm2(self.conv2(self.pad(h)))
        # END SOLUTION


ResidualBlock = check("03.4", ResidualBlock)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# A 3x3 convolution without padding returns an image that is two pixels narrower. `nn.ReflectionPad2d(1)` in front of it makes
# up for that. What has no weights, such as the padding, can be used twice; convolutions and norms cannot.
#
# </details>
# <details><summary>Hint 2</summary>
#
# First `h = torch.relu(norm1(conv1(pad(x))))`, then the same with `conv2` and `norm2`, without the ReLU; then `x + ...`.
#
# </details>

# %% [markdown] tags=["core"]
# ### Weights prove the block
#
# The shipped weights were trained with gritlib's block. Put them into networks with *your* block, by kind and order: first
# convolution, second convolution, first norm, second norm. If your block computes the same, the picture of the beginning appears
# at once. If not, you see what it does instead.


# %% tags=["core"]
def my_generator() -> ResNetGenerator:
    """This course's generator at 64 pixels, with your residual blocks; they are asked for batch norm."""

    def block(channels: int) -> nn.Module:
        return ResidualBlock(channels, nn.BatchNorm2d)

    return ResNetGenerator(3, 3, 16, 4, "batch", antialias=True, block=block)


# %% tags=["core"]
G = weights.hand_over(shipped.G, my_generator()).eval()
F = weights.hand_over(shipped.F, my_generator()).eval()
with torch.no_grad():
    mine = G(shown["A"])
pictures(
    [list(fake), list(mine)],
    labels=["gritlib's block", "your block"],
    caption=pieces("03.4"),
    alt="Two rows of six satellite images made by the shipped weights, with gritlib's blocks and with yours; they look the same if "
    "the block is right.",
)
print(f"largest difference: {127.5 * (mine - fake).abs().max():.4f} of 255")

# %% [markdown] tags=["core"]
# ## 6 The next minutes are yours
#
# This run began long ago; you go on with it. One step: the generators move first, on all six terms; then the discriminators,
# which see the buffers' images. The identity terms are off, as in the paper for all but paintings; `LAM_ID = 0.5` is what the
# authors' code does. The translations for the discriminators are made once more here; gritlib's own step reuses those of the first half.

# %% tags=["core"]
LAM, LAM_ID = 10.0, 0.0
random = torch.Generator().manual_seed(0)
buffer_x, buffer_y = ImageBuffer(50, random), ImageBuffer(50, random)
snapshots = []
often = max(1, course.steps("yours") // 10)


# %% tags=["core"]
def my_step(method: CycleGAN, batch: dict[str, Tensor], optimizers: dict) -> dict[str, Tensor]:
    """One step of CycleGAN with your losses and your buffers."""
    x, y = batch["A"], batch["B"]
    terms = generator_losses(method.G, method.F, method.D_A, method.D_B, x, y, LAM, LAM_ID)
    optimizers["generators"].zero_grad()
    sum(terms.values()).backward()
    optimizers["generators"].step()

    with torch.no_grad():
        fake_y, fake_x = method.G(x), method.F(y)
    loss = discriminator_loss(method.D_A, x, buffer_x.query(fake_x))
    loss = loss + discriminator_loss(method.D_B, y, buffer_y.query(fake_y))
    optimizers["discriminators"].zero_grad()
    loss.backward()
    optimizers["discriminators"].step()
    if my_step.calls % often == 0:
        snapshots.append(there_and_back(method.G, method.F, shown["A"].to(x.device), my_step.calls))
    my_step.calls += 1
    return {"D": loss, **terms}


# %% tags=["core"]
my_step.calls = 0
config = replace(shipped.config, lr=2e-4)
method = CycleGAN(config, generators=(G, F), discriminators=(shipped.D_A, shipped.D_B))
yours = fit(method, train, step=my_step, steps=course.steps("yours"), batch_size=4, log_every=10)

# %% tags=["core"]
trained = yours.method
back = trained.inverse()
with torch.no_grad():
    made = trained.translate(shown["A"]).image.cpu()
    again = back.translate(made).image.cpu()
pictures(
    [list(shown["A"]), list(mine), list(made), list(again), list(shown["B"])],
    labels=["x", "G(x) before", "G(x) after", "F(G(x)) after", "truth"],
    titles=list(SHOWN["earth"]),
    caption=pieces("03.1", "03.2", "03.3", "03.4"),
    alt="Six unseen places; rows: the map; its translation by the shipped weights; after your steps; the map made of that; the real "
    "satellite image.",
)

# %% tags=["core"]
answers = {
    "shipped weights": shipped.translate(everything["A"]).image,
    "after your steps": trained.translate(everything["A"]).image.cpu(),
    "the map itself": everything["A"],
}
for name, images in answers.items():
    told = scores({"image": images}, everything["B"])
    print(f"{name:17} L1 {told['L1']:5.1f}  PSNR {told['PSNR']:5.2f} dB  spectrum gap {told['spectrum_gap']:+.2f}")

# %% [markdown] tags=["core"]
# **What to notice.** The true pairs that score this were hidden from the training. Compare the rows before and after: in a few
# hundred steps at a batch of 4 colours may wander, and texture changes first. There is no loss to look at
# that would tell you which row is better; the log below falls and rises, and says who is winning, not how well.

# %% tags=["core"]
log = yours.history
names = ("cyc_x", "cyc_y", "gan_g", "gan_f", "D")
curves(
    {name: ([line["step"] for line in log], [line[name] for line in log]) for name in names},
    "step of your run",
    "term, with its weight",
    markers=len(log) < 30,
    ylim=(0, 1.5 * max(line[name] for line in log for name in names)),  # room for the legend
    alt="The terms of your run, first and last value: "
    + ", ".join(f"{name} {log[0][name]:.2f} and {log[-1][name]:.2f}" for name in names),
)

# %% [markdown] tags=["core"]
# ### There, back, difference
#
# Move the slider through your run (left and right arrow keys work too). The last picture of each row is the difference of $x$ and
# $F(G(x))$, four times enlarged; grey is none. The same without a widget: `there_and_back(G, F, x)` in a cell of your own.

# %% tags=["core"]
Scrub(snapshots, place=0)

# %% [markdown] tags=["core"]
# **What to notice.** Coasts come back, since $G(x)$ shows them. Relief comes back less: where $G(x)$ has lost it, $F$ cannot know it.
# A perfect cycle would need $G(x)$ to keep everything that the map says, also what no satellite image shows. Unless ...

# %% [markdown] tags=["core"]
# ## 7 The hidden message
#
# ... unless $G$ writes it into its translation, too faint to see, and $F$ learns to read it. Chu et al. (2017) found just that in
# CycleGANs trained between maps and aerial photos: $F$ brought back roofs that could not be seen in the map it read.
# The test is simple. Lay a noise of 2 of 255 levels on $G(x)$, which no eye sees. If a message stood there, the cycle falls apart.

# %% [markdown] tags=["core"]
# ### Exercise 03.5: the hidden message
#
# > 5 points · 15 minutes · *goes into*: the picture below
#
# Measure how well $F(G(x))$ brings $x$ back, and how well when a little noise lies on $G(x)$: so little that no eye sees it. Both
# errors are wanted in grey levels from 0 to 255, and so is $\sigma$, the standard deviation of the noise. One unit of our
# images, which go from −1 to 1, is 127.5 grey levels.


# %% tags=["core"]
def hidden_message(G, F, x: Tensor, sigma: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """How far x is from its round trip, and from its round trip with noise on the translation.

    Args:
        G, F: generators, G: X -> Y, F: Y -> X; x and all translations are in [-1, 1]. x: (B, C, H, W).
        sigma: standard deviation of the Gaussian noise in grey levels of 0 to 255: one grey level is 1/127.5 of a unit.
        generator: the noise is drawn from it, for every value of every image anew.

    Returns:
        clean, noisy: (B,) each. clean: the mean over an image of |F(G(x)) − x| in grey levels, 127.5 times that in
        [-1, 1]. noisy: the same with the noise added to G(x). G translates x once, nothing is clamped, and no gradient
        is needed.

    F is the paper's name for the way back; it hides a `functional as F`.
    """
    # BEGIN SOLUTION
    with torch.no_grad():
        y = G(x)
        noise = sigma / 127.5 * torch.randn(y.shape, generator=generator).to(y)
        clean, noisy = ((F(image) - x).abs().mean(dim=(1, 2, 3)) for image in (y, y + noise))
    return 127.5 * clean, 127.5 * noisy
    # END SOLUTION


hidden_message = check("03.5", hidden_message)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `torch.randn_like` takes no generator; `torch.randn(y.shape, generator=generator)` does. Divide by 127.5 what comes in as grey
# levels, multiply by 127.5 what goes out.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Keep `y = G(x)` and use it twice: `F(y)` and `F(y + noise)`. One number an image: `.abs().mean(dim=(1, 2, 3))`.
#
# </details>

# %% [markdown] tags=["core"]
# First on the points of section 4, where the cycle closes well. Y shows openly how high above its middle line a point lies; X keeps a
# trace of it, an eighth. So $F(y)$ must carry this number where X is thin. Noise of σ = 2 levels (of 127.5 a unit) has a mean size of
# 1.6. **Predict** the error of $y \to F(y) \to G(F(y))$ with that noise on $F(y)$, in levels, for three arms.

# %% tags=["core"]
course.predict("03.b", {"cycle": None, "cyclegan": None, "gan": None})


# %% tags=["core"]
def on_points(net):
    """A network for points (n, 2), taught to read images (n, 2, 1, 1)."""
    return lambda images: net(images[..., 0, 0])[..., None, None]


def noise_first(there, home, x: Tensor, sigma: float) -> float:
    """The control: the error there and back when the noise lies on x itself."""
    generator = torch.Generator().manual_seed(2)
    return hidden_message(lambda z: z, lambda z: home(there(z)), x, sigma, generator)[1].mean().item()


y = clouds.Truth().sample_y(2000, torch.Generator().manual_seed(1))[..., None, None]
broken = {}
for arm in ("cycle", "cyclegan", "gan"):
    there, home = on_points(runs[arm].F), on_points(runs[arm].G)
    clean, noisy = (e.mean().item() for e in hidden_message(there, home, y, 2.0, torch.Generator().manual_seed(2)))
    control, broken[arm] = noise_first(there, home, y, 2.0), noisy
    print(f"{arm:9} clean {clean:7.2f}   noise on F(y) {noisy:7.2f}   noise on y {control:7.2f}")
course.reveal("03.b", broken)

# %% [markdown] tags=["core"]
# **What to notice.** `cycle` leaves its points where they are, so noise comes back as noise. In `cyclegan` it comes back several times larger:
# $G$ reads the height from a faint trace, and noise covers the trace. On $y$ it does little. `gan` has no way back that noise could break. Here the
# truth has that trace too. On images it may be a code that two networks have agreed upon: the cycle cannot say which.

# %% [markdown] tags=["core"]
# Now your CycleGAN on Earth, both ways round, with more and more noise. As a control the same noise lies on the input.

# %% tags=["core"]
nets = {"x": (trained.G.cpu().eval(), trained.F.cpu().eval(), everything["A"][::5])}
nets["y"] = (nets["x"][1], nets["x"][0], everything["B"][::5])
levels, errors = (0.0, 2.0, 16.0), {}
for side, (there, home, start) in nets.items():
    told = [hidden_message(there, home, start, sigma, torch.Generator().manual_seed(2))[1] for sigma in levels]
    errors[f"noise on the translation of {side}"] = [error.mean().item() for error in told]
    errors[f"noise on {side}"] = [noise_first(there, home, start, sigma) for sigma in levels]
curves(
    {name: (levels, values) for name, values in errors.items()},
    "standard deviation of the noise, of 255",
    "error there and back, of 255",
    markers=True,
    ylim=(0, 1.2 * max(map(max, errors.values()))),
    alt="Error there and back over the noise. "
    + "; ".join(f"{name}: {v[0]:.1f} without, {v[1]:.1f} at 2, {v[-1]:.1f} at 16" for name, v in errors.items()),
)
print(pieces("03.5"), {name: [round(value, 2) for value in values] for name, values in errors.items()})

# %% [markdown] tags=["core"]
# **What to notice.** Nothing falls apart: the curves are flat. In this small network, after one or two thousand steps, there is *no
# hidden message* that such a noise could wipe out. The widget shows why: most of the relief does not come back, so a message can have carried little.
# A closed cycle is no proof of a good translation, and an open one none of an honest one. Test your own networks: 03.5 is four lines.

# %% [markdown]
# <details><summary><b>Think.</b> Which network has more reason to hide something: the one from map to satellite image, or the one back?</summary>
#
# The one whose target can say less. A satellite image holds fields, forest and water; a map of relief has no place for most of that, and the
# backward cycle wants it back. In the paper of Chu et al. it was the map that carried the photo.
#
# </details>

# %% [markdown] tags=["core"]
# ## 8 What the study says
#
# Variants on Earth, from the same first weights, 700 steps of 4 images, three seeds, scored with 100 true pairs that no
# training saw. `pix2pix` has the same networks and *pairs*: the bound. `input` is the map itself, `copies` are real satellite
# images of other places. Three seeds are three dots: no interval, a direction at most. Two of them as pictures:

# %% tags=["core"]
MAIN = ("cyclegan", "cyclegan+identity", "gan", "cycle", "pix2pix")
_ = gallery("unpaired", seeds=(1, 2), metrics=("L1", "spectrum_gap", "KD_Lite0"), arms=MAIN, compare=False)

# %% [markdown] tags=["core"]
# **What to notice.** Look at the seas of `cyclegan`: white in one seed, dark green in the other, where a desert is blue. And it does so *consistently*: the cycle
# closes, the discriminator is content, the colours are permuted. That is the mirrored cloud of section 4, on images. The
# paper reports it too: trees and buildings exchanged. `pix2pix` has pairs and never errs that way; it is blurred, since its L1
# weighs 100 times as much as its discriminator.

# %% tags=["core"]
ONE_SIDED = ("gan+forward", "gan+backward")
dots("unpaired", ("L1", "cycle_error", "KD_Lite0"), (*MAIN, *ONE_SIDED, "input", "copies"))

# %% [markdown] tags=["core"]
# **What to notice.** L1 of `cyclegan` lies between 39 and 58: what decides is whether the colours of this seed are permuted. Two of the three are worse than
# `copies`, photos of other places. All lie above `pix2pix`: that gap is the price of having no pairs. *cycle_error* of `cyclegan` and of `gan` do not
# overlap, as they should: one of them minimises it.

# %% [markdown] tags=["core"]
# `cycle`, without any discriminator, has colours of satellite images: its $G$ must rebuild each $y$ from $F(y)$, so it has learned to speak in Y's
# colours, but not with Y's texture.

# %% [markdown]
# `gan+forward` closes only $x \to G(x) \to F(G(x))$, and *cycle_error* measures just that: about 17 in all three seeds, against 13 to 14 with both cycles and 24 to 38
# with none. `gan+backward` closes only the other way round, and leaves this one at 18 to 29. In the plane the side that was left out fell apart; on Earth, after 700 steps, it
# is worse and not broken.

# %% [markdown] tags=["core"]
# ### Cycles and identity (claims C8 and C9)
#
# C8: GAN and both cycles are needed. C9: the identity term, $\lVert G(y) - y\rVert_1$, keeps colours from drifting. Each line below compares two variants over
# the three seeds. *L1_back* is the score of the other direction, from satellite image to map; *colour_overlap* the share of the colour histogram
# that outputs and truth have in common.

# %% tags=["core"]
told = ("L1", "L1_back", "cycle_error", "KD_Lite0", "colour_overlap")
_ = gallery("unpaired", seeds=(), metrics=told, arms=MAIN)

# %% [markdown] tags=["core"]
# **What to notice.** A direction is where all three seeds agree; where nothing differs, three agree once in four times. Against `gan`, both
# cycles lower *cycle_error* and *L1_back*, not L1: a permuted seed costs more than any term brings. With the identity term all three seeds lie near the best one
# without it in L1; colours as a set, *colour_overlap*, have no direction. So C9 is *inconclusive* (1 of 2). And it is no cure: look at the white seas in its rows.

# %% [markdown] tags=["core"]
# Against `cycle` nothing speaks for C8: its kernel distance is lower in every seed, texture is all that the GAN brings (spectrum gap −0.7 with it, −1.7 without).
# The best L1 of all that had no pairs is one of its seeds (34), and two of the three have blue seas. And where only the forward cycle
# is closed, the way back is not worse, as claimed, but better in every seed: *L1_back* is 22, with both cycles 26. So C8 is *inconclusive* (0 of 4).

# %% [markdown]
# ### The buffer (claim C10)
#
# C10: the buffer of section 5 damps the swings of the discriminators. The study `unpaired-choices` trained CycleGAN with the buffer and without, three seeds of the same
# recipe. *D_wobble* is the standard deviation of the discriminators' loss over the second half of the training.

# %%
swings = ("D_wobble", "cycle_error", "KD_Lite0")
_ = gallery("unpaired-choices", seeds=(1,), metrics=swings, arms=("cyclegan", "cyclegan-no-pool"))

# %% [markdown]
# **What to notice.** C10 is *inconclusive* (0 of 1): without the buffer one seed swings more than twice as much, and two swing less. In every seed the cycle closes worse without it, and
# the kernel distance is better. Colours are exchanged in two of three seeds with the buffer, and in two of three without.

# %% [markdown]
# <details><summary><b>Think.</b> The paper says that CycleGAN changes colour and texture, and fails at changes of shape (claim C11). What in this notebook would make you expect that?</summary>
#
# The residual blocks begin near the identity: a place stays where it is. The first maps of section 4 did as well. The cycle asks for what can be undone, and a moved edge is
# harder to undo than a changed colour. The discriminator sees patches, not outlines. None of this is a proof: the next cell shows what was measured.
#
# </details>

# %%
_ = gallery("geometry", seeds=(1,), metrics=("iou_truth", "iou_input", "moved"), compare=False)

# %% [markdown]
# **What to notice.** One figure, three changes, 500 steps, three seeds: `iou_truth` says how well the output's figure covers the true one. The bar
# lies down in every seed (0.71, doing nothing has 0.26), against C11. But a square becomes no disc: 0.88, doing nothing has 0.83, and one seed stays nearer
# to the square. So C11 is *inconclusive* (0 of 2). And where only the texture should change, the figure's outline suffers (0.76).

# %% [markdown]
# In all three the colour is lost: nothing ties it to the input's, and a cycle closes with any exchange of colours. One plain figure is easy; a dog has
# more to move than a bar.

# %% [markdown]
# ## 9 Fake places
#
# The networks of this course make satellite images of places that do not look like that. Zhao et al. (2021) trained a CycleGAN to
# draw one city in the style of another: maps and satellite images count as evidence, in courts, in newspapers, in wars.

# %% [markdown]
# Every picture that gritlib writes says "generated" in its metadata, which a screenshot loses. So write it into the
# caption too, say which model made it and of what, and never publish a generated image of a real place without that line.

# %% [markdown]
# ## Paper, official code, gritlib
#
# | | paper | official code | gritlib, this lesson |
# |---|---|---|---|
# | adversarial loss | least squares in practice | `lsgan` | the same |
# | D's loss halved | the paper's text: divided by 2 | halved (PyTorch), not halved (Torch7) | halved |
# | order | – | both generators, then both D | the same |
# | λ | 10 | 10 and 10 | 10 |
# | identity term | paintings → photos only | on by default, weight 0.5 λ | off; arm `cyclegan+identity` has 0.5 |
# | buffer | 50 images | 50; full: ½ new, ½ an old one, replaced | the same; its random numbers from a generator of torch |
# | norm in G | instance | instance, without weights (Torch7: with) | batch: a tile of 64 pixels may be of one land cover |
# | G | 6 blocks at 128, 9 from 256 on | 9 blocks, transposed convolutions | 4 blocks at 64, halving and doubling with a blur, as CUT's code |
# | padding | reflection | reflection, but zeros in the halvings | the same |
# | size, batch, steps | 256, 1, 200 epochs | 286 → 256, 1, 200 epochs | 64, 4, 700 (study), 1,600 (shipped) and yours |
# | learning rate | 2·10⁻⁴, then to 0 | the same | 10⁻³ (study, shipped), 2·10⁻⁴ (your steps) |
# | weights used | last | last | averaged over the steps |
#
# ## What is not shown here
#
# One data set, 64 pixels, 700 steps, three seeds: the study shows directions, and not how well CycleGAN does at its own size. Of
# buffers (claim C10) one size was tried, of changes of shape (C11) only the simplest. That no
# message was hidden here says nothing of longer trainings: Chu et al. found one at 256 pixels. C8 is the paper's on Cityscapes with a
# segmentation network; ours is L1 to hidden pairs, which punishes a right texture at a wrong place (lesson 02). The seed of the shipped weights
# was chosen by its pictures. Lesson 04 asks whether the second half of all this, $F$ and $D_X$, is needed at all.
#
# ## References
#
# - J.-Y. Zhu, T. Park, P. Isola, A. A. Efros. *Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks.* ICCV 2017. arXiv:1703.10593.
# - C. Chu, A. Zhmoginov, M. Sandler. *CycleGAN, a Master of Steganography.* NIPS 2017 Workshop on Machine Deception. arXiv:1712.02950.
# - A. Shrivastava, T. Pfister, O. Tuzel, J. Susskind, W. Wang, R. Webb. *Learning from Simulated and Unsupervised Images through Adversarial Training.* CVPR 2017. arXiv:1612.07828.
# - X. Mao, Q. Li, H. Xie, R. Y. K. Lau, Z. Wang, S. P. Smolley. *Least Squares Generative Adversarial Networks.* ICCV 2017. arXiv:1611.04076.
# - J. Johnson, A. Alahi, L. Fei-Fei. *Perceptual Losses for Real-Time Style Transfer and Super-Resolution.* ECCV 2016. arXiv:1603.08155. (The generator.)
# - D. Ulyanov, A. Vedaldi, V. Lempitsky. *Instance Normalization: The Missing Ingredient for Fast Stylization.* 2016. arXiv:1607.08022.
# - R. Zhang. *Making Convolutional Networks Shift-Invariant Again.* ICML 2019. arXiv:1904.11486.
# - B. Zhao, S. Zhang, C. Xu, Y. Sun, C. Deng. *Deep fake geography? When geospatial data encounter Artificial Intelligence.* Cartography and Geographic Information Science 48(4), 2021, 338–352.
#
# Lesson text and figures: CC BY 4.0. Maps: Natural Earth; satellite images: NASA Blue Marble; both public domain. Generated images are
# not real places.

# %%
course.show_progress()
