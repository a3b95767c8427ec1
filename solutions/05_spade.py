# %% [markdown]
# # 05 SPADE: keep the layout alive
#
# **Why does a normalised network forget its label map?**
#
# *50 minutes of reading, 77 of coding, about 3 of computing on two cores. The core path, all exercises and the cells between
# them with the tag `core`, takes about 110 minutes. You need: lesson 01 (the adversarial loss, the PatchGAN), lesson 02's perceptual
# loss, mean, variance and the normal distribution. You need no knowledge of variational autoencoders.*
#
# ## What you will be able to do
#
# 1. Say what instance norm does to a map of one label, where the proof ends, and check both.
# 2. Write the SPADE layer, and let shipped weights prove that yours is right.
# 3. Write the style code's two formulas, the hinge loss and feature matching, and train with them.
# 4. Ask a segmenter whether a picture shows what its map asked for.
# 5. Paint a map, choose a style, and say what the style decides and what nothing decides.

# %% tags=["core", "needed-by-painter"]
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gritlib.course as course
from gritlib import backbones, losses, nets, weights
from gritlib.backbones.segmenter import segmenter
from gritlib.course import check, pieces
from gritlib.data import catalog
from gritlib.data.images import colourise
from gritlib.data.source import one_hot
from gritlib.evaluation import Lent, translate_all
from gritlib.methods import Spade
from gritlib.metrics import l1_255, noise_use
from gritlib.show import curves, dots, gallery, numbers, pictures
from gritlib.show.gallery import verdict
from gritlib.show.paint import paint
from gritlib.training import fit

smoke = course.session.current().preset == "smoke"

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# Label maps of drawn faces, and what one network makes of them in three styles. The map says where hair, skin and hat are. The style
# is taken from the image on the left: sixteen numbers. The network was trained before and comes with the course, as does one
# for forests. You will write its layer and its losses, and go on training the forest one.

# %% tags=["core", "needed-by-painter"]
shipped = {name: weights.load(f"spade-{name}") for name in ("grove", "faces")}
options = {"grove": {}, "faces": {"n": 128}}
train, test = (
    {name: catalog.load(name, split, 64, **options[name]) for name in shipped} for split in ("train", "test")
)
classes = test["grove"].classes
for name in shipped:
    print(weights.card(f"spade-{name}"))

# %% tags=["core"]
faces, style = test["faces"].batch([1, 5, 8, 12]), train["faces"].batch([3, 40, 77])["B"]
white = torch.ones(3, 64, 64)
rows = [[white, *colourise(faces["label"][1:], test["faces"].palette)]]
rows += [[lent, *shipped["faces"].translate(faces["A"][1:], style=lent[None]).image] for lent in style]
pictures(
    rows,
    titles=["style of", "face 5", "face 8", "face 12"],
    labels=["map", "style 1", "style 2", "style 3"],
    caption="shipped weights, gritlib's pieces; generated, nobody's faces",
    alt="First row: the label maps of three drawn faces. Below, three rows: a training image that lends its style, and the three maps "
    "painted in it. Shapes follow the map; skin and background take the lent image's colours, "
    "hair stays brown or fair.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Every shape is where its map has it, down to the brows. Skin and background change with the lent image, hair much less. What is *not*
# there: strands of hair, freckles, grain. Keep that in mind until the last section.

# %% [markdown] tags=["core"]
# ## 1 Why does the network forget?
#
# Give a network a label map that says *grass* everywhere, then one that says *shadow* everywhere. The first convolution turns each into
# flat maps: every pixel has the same value, and that value is all that is left of the label. Then comes instance norm and
# takes the mean away. You saw it in lesson 03 with two greys; now write it yourself.

# %% [markdown] tags=["core"]
# ### Exercise 05.1: instance norm
#
# > 3 points · 10 minutes · *goes into*: the two experiments below
#
# Of each channel of each image by itself: take away the mean $\mu$ over its pixels, and divide by $\sqrt{\sigma^2+\varepsilon}$. The variance
# $\sigma^2$ is the plain mean of the squared distances from $\mu$. No scale, no shift, no running statistics.


# %% tags=["core"]
def instance_norm(h: Tensor, eps: float = 1e-5) -> Tensor:
    """Each channel of each image with mean 0 and variance 1 over its pixels.

    Args:
        h: (B, C, H, W). eps: is added to the variance, under the root; a flat channel divides by √eps.

    Returns:
        (B, C, H, W), of h's dtype.
    """
    # BEGIN SOLUTION
    mean = h.mean((2, 3), keepdim=True)
    variance = (h - mean).square().mean((2, 3), keepdim=True)
    return (h - mean) / (variance + eps).sqrt()
    # END SOLUTION


instance_norm = check("05.1", instance_norm)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Over which of the four dimensions may the mean run, if no image and no channel is to know of another? `keepdim=True` leaves a
# shape that fits to `h`.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `h.mean((2, 3), keepdim=True)`; the variance is `(h - mean).square()` with the same mean over it; `sqrt` of variance plus eps.
# `torch.var` divides by one less unless it is told `correction=0`.
#
# </details>

# %% [markdown] tags=["core"]
# ### The uniform map (claim C18)
#
# Grove has four labels. Four maps, each of one label, through one convolution and your norm, once padded by reflection, once
# with zeros. **Predict** how far from 0 the largest value is: anywhere with reflection; with zeros away from the border, and on it.

# %% tags=["core"]
course.predict("05.a", {"reflection": None, "zeros, inside": None, "zeros, border": None})

# %% tags=["core"]
uniform = one_hot(torch.arange(4)[:, None, None].expand(4, 32, 32), 4)  # map k is of label k alone
left, shown = {}, []
for mode in ("reflect", "zeros"):
    torch.manual_seed(0)
    convolution = nn.Conv2d(4, 8, 3, padding=1, padding_mode=mode)
    with torch.no_grad():
        before = convolution(uniform)
        after = instance_norm(before)
    left[mode] = after.abs()
    shown += [list(before[:, 2:3] / 0.6), list(after[:, 2:3] / 4)]
inside = left["zeros"][..., 1:-1, 1:-1].max().item()
found = {
    "reflection": left["reflect"].max().item(),
    "zeros, inside": inside,
    "zeros, border": left["zeros"].max().item(),
}
course.reveal("05.a", found)
print(f"before the norm the labels' means differ by {before.mean((2, 3)).std(0).mean():.2f}; {pieces('05.1')}")
_ = course.claim(
    "C18", "uniform maps, reflection: nothing is left", found["reflection"], 0, 1e-4, True, "float32's rounding"
)

# %% tags=["core"]
pictures(
    [[image.clamp(-1, 1) for image in row] for row in shown],
    titles=classes,
    labels=["reflect", "normalised", "zeros", "normalised"],
    alt="One channel of the four uniform maps. Padded by reflection: four flat greys of different brightness, after instance norm four "
    "times the same grey. Padded with zeros: four greys with a thin frame, after instance norm the frame remains and the inside "
    "is nearly the same grey.",
)

# %% [markdown] tags=["core"]
# **What to notice.** With reflection four different greys become one: what is left is rounding, divided by $\sqrt\varepsilon$. This is the proof in
# the paper: *a uniform map is erased, whatever its label*. With zeros around, the network sees the border of its image, very
# dark or very bright after the division, and a little of it leaks inside through the mean. So a zero-padded network is not quite blind. It guesses the label by the frame.

# %% [markdown]
# ### Where the proof ends
#
# Three things must come together: one label everywhere, a norm over *one image*, a convolution that cannot see a border. Take each away.
# Batch norm takes its mean over a batch of different labels. And a map with several labels is not flat.


# %%
def apart(h: Tensor) -> float:
    """How far the means of the images of a batch lie apart: their standard deviation, channels averaged."""
    return h.mean((2, 3)).std(0).mean().item()


maps = test["grove"].batch(range(72))["A"]
torch.manual_seed(0)
convolution = nn.Conv2d(4, 8, 3, padding=1, padding_mode="reflect")
half = uniform.clone()
half[:, :, :, 16:] = uniform.roll(1, 0)[:, :, :, 16:]  # the right half of each map has another label
with torch.no_grad():
    print(f"{'':12}{'':16}{'between images':>16}{'within':>9}")
    for name, m in (("one label", uniform), ("two halves", half), ("real maps", maps)):
        h = convolution(m)
        for norm, x in (("none", h), ("instance norm", instance_norm(h)), ("batch norm", nn.BatchNorm2d(8)(h))):
            print(f"{name:12}{norm:16}{apart(x):16.4f}{x.std((2, 3)).mean():9.4f}")

# %% [markdown]
# **What to notice.** The first number says whether images differ as a whole. Instance norm sets it to zero, *always*. The second is the deviation within an
# image: for real maps instance norm sets it to 1, so a crown still differs from the shadow beside it. What is lost is how an image stands
# as a whole. If one label covers it, that is all there was; if several do, their differences remain. Batch norm over different maps keeps both.

# %% [markdown] tags=["core"]
# ## 2 Spatially-adaptive normalisation
#
# SPADE (Park et al. 2019) turns the order round. It normalises the *features* $h$ without any parameters, and afterwards scales and shifts
# them by numbers made from the map. These differ at every pixel:
#
# $$\text{out} = \big(1+\gamma(m)\big)\cdot\frac{h-\mu}{\sigma}+\beta(m)$$
#
# The map $m$ itself passes through no norm, so nothing can erase it. $\mu$ and $\sigma$ are batch norm's. The paper writes $\gamma$, its
# code $1+\gamma$, so that a layer that has learned nothing does nothing.

# %% [markdown] tags=["core"]
# ### Exercise 05.2: the layer
#
# > 6 points · 25 minutes · *goes into*: the network with the shipped weights, and the training of section 7
#
# The map is brought to the size of $h$ by nearest neighbour. A first convolution `shared` and a ReLU make an embedding of it, from which `gamma` and
# `beta` make one value for each channel and pixel. The three convolutions are given. Yours are the norm, which must not have a scale
# and shift of its own, and `forward`.


# %% tags=["core"]
class SPADE(nn.Module):
    """Normalise h, then scale and shift each pixel by what a small network reads off the map: (1 + γ(m))·norm(h) + β(m).

    Args:
        channels: of h. labels: channels of the map. hidden: channels of the embedding.

    Attributes:
        shared, gamma, beta: 3x3 convolutions, labels -> hidden, hidden -> channels, hidden -> channels. norm: takes the
            statistics of the batch in training and running ones in eval mode; has no weights.
    """

    def __init__(self, channels: int, labels: int, hidden: int = 128):
        super().__init__()
        self.shared = nn.Conv2d(labels, hidden, kernel_size=3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, kernel_size=3, padding=1)
        # BEGIN SOLUTION
        self.norm = nn.BatchNorm2d(channels, affine=False)
        # END SOLUTION

    def forward(self, h: Tensor, m: Tensor) -> Tensor:
        """h (B, channels, H, W), m (B, labels, H', W') one-hot, any size -> (B, channels, H, W)."""
        # BEGIN SOLUTION
        m = F.interpolate(m, size=h.shape[2:], mode="nearest")
        embedding = self.shared(m).relu()
        return (1 + self.gamma(embedding)) * self.norm(h) + self.beta(embedding)
        # END SOLUTION


SPADE = check("05.2", SPADE)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Two paths that meet in the last line: h goes through the norm, and through nothing else; m goes through a resize, `shared`, a ReLU, and
# then through `gamma` and `beta`, one beside the other. What does `nn.BatchNorm2d` have that is not wanted here?
#
# </details>
# <details><summary>Hint 2</summary>
#
# `nn.BatchNorm2d(channels, affine=False)`. `F.interpolate(m, size=h.shape[2:], mode="nearest")` keeps the map one-hot. Then it is the
# formula, as it stands above.
#
# </details>

# %% [markdown]
# ### Two old acquaintances (claim C19)
#
# Let γ and β see nothing: convolutions whose weights are zero have a bias alone. Then each channel has one scale and one shift, for
# every pixel: *conditional batch norm*, when a class chooses them. With a single image in the batch, batch statistics are the image's own:
# *AdaIN*, with numbers that come from a style image. So SPADE contains both.

# %%
layer = SPADE(8, 4, 16).double()
generator = torch.Generator().manual_seed(0)
h, scale, shift = (torch.randn(*shape, generator=generator).double() for shape in ((4, 8, 16, 16), (8,), (8,)))
with torch.no_grad():
    for convolution, bias in ((layer.gamma, scale), (layer.beta, shift)):
        convolution.weight.zero_()
        convolution.bias.copy_(bias)
    conditional = F.batch_norm(h, None, None, 1 + scale, shift, training=True)
    one = h[:1]
    adain = (1 + scale[:, None, None]) * instance_norm(one) + shift[:, None, None]
    worst = (layer(h, maps[:4].double()) - conditional).abs().max(), (layer(one, maps[:1].double()) - adain).abs().max()
for name, difference in zip(("conditional batch norm", "AdaIN, batch of one"), worst, strict=True):
    print(f"{name:24} largest difference {difference:.1e}; {pieces('05.1', '05.2')}")
_ = course.claim("C19", "constant γ and β: conditional norm and AdaIN", max(worst), 0, 1e-6, True, "the band")

# %% [markdown] tags=["core"]
# ### Weights prove the layer
#
# The shipped weights were trained with gritlib's layer. Put them into a network with *yours*. If it computes the same, the picture is there at
# once, without any training. To see what a mistake would look like, the last two rows have gritlib's layer with one fault each: γ in the place
# of 1 + γ, and the norm taken behind scale and shift instead of before.


# %% tags=["core"]
class GammaAlone(nets.SPADE):
    def forward(self, h: Tensor, m: Tensor) -> Tensor:
        return super().forward(h, m) - self.norm(h)


class NormLast(nets.SPADE):
    def forward(self, h: Tensor, m: Tensor) -> Tensor:
        return F.instance_norm(super().forward(h, m))


def with_layer(layer) -> Spade:
    """The shipped forest network with SPADE layers of another class."""
    method = Spade(shipped["grove"].config, layer=layer)
    method.load_state_dict(shipped["grove"].state_dict())
    return method.eval()


# %% tags=["core"]
places = {"shadow": 3, "road": 10, "crowns": 30, "edge": 40}
grove = test["grove"].batch(list(places.values()))
made = {"gritlib's layer": shipped["grove"].translate(grove["A"]).image}
for name, layer in (("your layer", SPADE), ("γ for 1 + γ", GammaAlone), ("norm last", NormLast)):
    made[name] = with_layer(layer).translate(grove["A"]).image
drawn = colourise(grove["label"], test["grove"].palette)
pictures(
    [list(drawn), *map(list, made.values())],
    titles=list(places),
    labels=["map", *made],
    caption=pieces("05.2"),
    alt="Four unseen places. Rows: the label map; the picture by gritlib's layer; by yours, the same if it is right; with γ for 1 + γ and with "
    "the norm last: the first without texture, the second with pale areas and dark rims.",
)
right = made["gritlib's layer"]
for name, images in made.items():
    print(f"{name:16} differs from the first row by at most {127.5 * (images - right).abs().max():8.4f} of 255")

# %% [markdown] tags=["core"]
# **What to notice.** Your row is the first row, to the last digit. With γ for 1 + γ the texture is gone: where the map adds nothing, γ is near 0, and the features are
# multiplied by nothing. With the norm last areas are pale and only their rims are right: what the map says about a whole area is erased
# again, as in section 1. No loss and no seed has a say here: the layer is right or it is not.

# %% [markdown]
# ### What does γ look like?
#
# γ is a picture made of the map alone: no feature, no style takes part. Here are some channels of it, of the finest layer, for one place. Look along
# the borders between labels: two 3x3 convolutions see two pixels far.

# %%
last = shipped["grove"].G.blocks[-1].norm_0
with torch.no_grad():
    gamma = last.gamma(last.shared(grove["A"][3:]).relu())[0]
strongest = gamma.var((1, 2)).topk(6).indices.tolist()
pictures(
    [[drawn[3], *((gamma[k] / gamma[k].abs().max())[None] for k in strongest)]],
    titles=["map", *(f"γ, channel {k}" for k in strongest)],
    alt="The label map of a place and six channels of γ: areas of one label have one grey, and "
    "from one to the next it changes over a few pixels.",
)

# %% [markdown]
# <details><summary><b>Think.</b> What can a SPADE layer with 1x1 kernels not know, and does it matter?</summary>
#
# How far the next label is. With 1x1 kernels every pixel of a label gets the same γ and β; with 3x3 kernels a rim of two pixels may differ. Deeper
# layers see coarse maps, where two pixels are many. Convolutions between the layers see neighbours in any case. In the paper 1x1 costs 2 to 3 points of mean IoU;
# section 8 shows what it costs here.
#
# </details>

# %% [markdown] tags=["core"]
# ## 3 Three ways in
#
# Now compare whole stacks of layers on the four uniform maps. **input**: the map enters the first convolution, then convolution and norm alternate, as
# in pix2pixHD. **concat**: every convolution gets the map again, beside the features. **SPADE**: your layer takes the norm's place. All have instance norm,
# reflection and random weights. **Predict** how far apart the last *images* of the labels are, of 255.

# %% tags=["core"]
course.predict("05.b", {"input": None, "concat": None, "SPADE": None})


# %% tags=["core"]
@torch.no_grad()
def stack(way: str, norm=nn.InstanceNorm2d, depth: int = 6, width: int = 16) -> tuple[list[float], Tensor]:
    """Convolutions and norms on the uniform maps: how far the labels are apart behind each norm, and the images."""
    torch.manual_seed(0)
    h, distances = uniform, []
    for i in range(depth + 1):
        h = torch.cat([h, uniform], 1) if way == "concat" and i else h
        h = nn.Conv2d(h.shape[1], width if i < depth else 3, 3, padding=1, padding_mode="reflect")(h)
        if i == depth:
            return distances, h.tanh()
        if way == "SPADE":
            layer = SPADE(width, 4, width)
            layer.norm = norm(width)
            h = layer(h, uniform)
        else:
            h = norm(width)(h)
        distances.append(h[..., 8:-8, 8:-8].std(0).mean().item())
        h = F.leaky_relu(h, 0.2)


# %% tags=["core"]
ways = {way: stack(way) for way in ("input", "concat", "SPADE")}
ways["input, batch norm"] = stack("input", nn.BatchNorm2d)
curves(
    {way: (range(1, 7), [max(d, 1e-7) for d in distances]) for way, (distances, _) in ways.items()},
    "norm",
    "difference of the four labels behind it",
    logy=True,
    markers=True,
    alt="How far the four labels are apart behind each of six norms, logarithmic. "
    + "; ".join(f"{way}: {d[0]:.1e} at the first, {d[-1]:.1e} at the last" for way, (d, _) in ways.items()),
)
pictures(
    [list(images[..., 8:-8, 8:-8]) for _, images in ways.values()],
    titles=classes,
    labels=list(ways),
    scale=4,
    alt="What the random stacks make of the four uniform maps. Input: four times the same grey. Concat, SPADE and input with batch norm: "
    "four different tones.",
)
middle = {way: 127.5 * images[..., 8:-8, 8:-8].std(0).mean().item() for way, (_, images) in ways.items()}
course.reveal("05.b", {way: middle[way] for way in ("input", "concat", "SPADE")})

# %% [markdown] tags=["core"]
# **What to notice.** With the map at the *input*, the images of the four labels are equal; nothing is left behind the first norm. *Concat* brings the map back at every layer, and
# every norm takes it away again, six times. Its images differ, even more than SPADE's, only because the last convolution sees the map itself: one layer, one flat colour a label. In *SPADE* the labels are apart
# behind each norm, since γ and β come afterwards. Batch norm over four different maps erases nothing.

# %% [markdown]
# The study of section 8 has batch norm in all its networks, as the paper's comparison has. So erasing cannot be why one of its arms is better
# than another. And this is what the trained forest network makes of the four uniform maps; in training it saw only grass alone, in six of 272 tiles:

# %%
whole = one_hot(torch.arange(4)[:, None, None].expand(4, 64, 64), 4)
flat = shipped["grove"].translate(whole).image
pictures(
    [list(flat)],
    titles=classes,
    caption="shipped weights, uniform maps",
    alt="Four pictures of uniform maps by the shipped weights: crown, grass, bare ground and shadow, each with its own colour and texture.",
)
for label, colour in zip(classes, flat.mean((2, 3)), strict=True):
    print(f"{label:7} mean colour", " ".join(f"{127.5 * (value + 1):4.0f}" for value in colour.tolist()))

# %% [markdown]
# **What to notice.** Four labels, four pictures, though only grass ever filled a training map. Ask also what could *not* be erased here: batch norm in eval mode uses
# fixed statistics, so this network would tell the labels apart with concat, too. Crown and grass have nearly the same mean colour; only the grain differs. In the photos
# they are alike as well.

# %% [markdown] tags=["core"]
# ## 4 No encoder, and a style
#
# U-Net reads its map down to a bottleneck and up again. SPADE's generator has no way down: the map comes in at every layer, so it begins at 8x8 pixels
# and doubles. A block is SPADE, LeakyReLU and convolution, twice, with a shortcut; between blocks every pixel is doubled. What should it begin
# *with*? The map at 8x8, a random vector $z$, or a code $z$ of some image: the *style*.

# %% [markdown] tags=["core"]
# ### A page on variational autoencoders: the two networks
#
# An *autoencoder* squeezes an image into a few numbers, its *code*, and a second network, the *decoder*, makes the image again. That works for codes
# of images. A code that no image has, say a random one, means nothing to the decoder: it makes anything of it. A *variational* autoencoder (Kingma
# and Welling 2014) cures this. Its encoder answers with a whole region instead of a point: for each number of the code a mean $\mu$ and a variance $\sigma^2$. The decoder
# is given a random draw from it.

# %% [markdown] tags=["core"]
# ### … and the two wishes
#
# The decoder wishes small regions far from each other, so that codes say much. A second term wishes the contrary: every region should look like the
# standard normal distribution $\mathcal N(0,1)$. It is the *Kullback-Leibler divergence*, KL, which is 0 if two distributions agree and grows with what
# the code tells about its image. Between the two wishes regions overlap and fill the space round 0. Then a draw from $\mathcal N(0,1)$ is a
# code that some image could have had: a *new style*.
#
# In SPADE the decoder is the generator, and is given the map besides. So the code need only say what the map does not know: colours, light. That is all "style" means
# here. At test time take the code of any image, a draw, or the mean code of the training images. Nothing forbids that of the *true* image; remember that when you read scores.

# %% [markdown] tags=["core"]
# ### Exercise 05.3: how far, and a draw
#
# > 4 points · 12 minutes · *goes into*: KL term and style codes of the training in section 7
#
# The encoder says $\mu$ and $\ln\sigma^2$, called `logvar`, for each number of the code. Its divergence from $\mathcal N(0,1)$ is
# $\tfrac12\sum\,(\mu^2+\sigma^2-1-\ln\sigma^2)$, a sum over the code. A draw "from $\mathcal N(\mu,\sigma^2)$" has no derivative. But
# $z=\mu+\sigma\varepsilon$ has one, if $\varepsilon\sim\mathcal N(0,1)$ is drawn first: the *reparameterisation trick*.


# %% tags=["core"]
def kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL divergence of N(μ, σ²) from N(0, 1), one number for each image.

    Args:
        mu, logvar: (B, d), logvar = ln σ².

    Returns:
        (B,), summed over the d numbers of the code.
    """
    # BEGIN SOLUTION
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum(1)
    # END SOLUTION


def reparameterise(mu: Tensor, logvar: Tensor, generator: torch.Generator) -> Tensor:
    """A draw from N(μ, σ²) for each image and each number of its code, with gradients to both.

    Args:
        mu, logvar: (B, d), logvar = ln σ². generator: all random numbers come from it; it lives on the CPU.

    Returns:
        (B, d), of mu's dtype.
    """
    # BEGIN SOLUTION
    noise = torch.randn(mu.shape, generator=generator, dtype=mu.dtype).to(mu.device)
    return mu + (0.5 * logvar).exp() * noise
    # END SOLUTION


kl, reparameterise = check("05.3", kl, reparameterise)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# logvar is the logarithm of the *variance*. What is $\sigma^2$ then, and what $\sigma$? Half a logarithm is the logarithm of the root.
#
# </details>
# <details><summary>Hint 2</summary>
#
# $\sigma^2$ is `logvar.exp()`, $\sigma$ is `(0.5 * logvar).exp()`. `torch.randn(mu.shape, generator=generator, dtype=mu.dtype)` draws one number for each
# number of the code; `torch.randn_like` takes no generator.
#
# </details>

# %% [markdown] tags=["core"]
# ### What the shipped encoder says
#
# How much do the codes of unseen images tell, and how? A number of the code whose mean differs between images, with a small σ, says something. One with
# mean 0 and σ = 1 for all images says nothing: the KL term has switched it off.

# %% tags=["core"]
everything, forest = (test[name].batch(range(len(test[name]))) for name in ("faces", "grove"))
for name, batch in (("faces", everything), ("grove", forest)):
    with torch.no_grad():
        mu, logvar = shipped[name].E(batch["B"])
    order = mu.std(0).argsort(descending=True)
    print(
        f"{name}: KL of a code {kl(mu, logvar).mean():.1f} nats (bits, with the natural logarithm), mean over {len(mu)} images; the most telling number first"
    )
    print("  deviation of μ over images", " ".join(f"{value:4.2f}" for value in mu.std(0)[order]))
    print("  mean σ                    ", " ".join(f"{value:4.2f}" for value in (0.5 * logvar).exp().mean(0)[order]))

# %% tags=["core"]
generator = torch.Generator().manual_seed(1)
i = 2  # which of the four faces
with torch.no_grad():
    mu, logvar = (code.expand(4, -1) for code in shipped["faces"].E(faces["B"][i : i + 1]))
ways = {
    "around its code": reparameterise(mu, logvar, generator),
    "from N(0, 1)": torch.randn(mu.shape, generator=generator),
    "as codes are spread": shipped["faces"].new_styles(4, generator),
}
A = faces["A"][i : i + 1].expand(4, -1, -1, -1)
pictures(
    [[faces["B"][i], *shipped["faces"].translate(A, style=codes).image] for codes in ways.values()],
    titles=["the image", *(f"draw {k}" for k in range(1, 5))],
    labels=list(ways),
    caption=f"{pieces('05.3')}; generated, nobody's faces",
    alt="One label map in twelve styles. First row: four draws around the code of the true image, alike, with its skin and background, the turquoise hair blue. Second: four "
    "draws from the standard normal distribution, all near the same brownish look. Third: draws as widely spread as the codes of "
    "training images, with different colours of skin, clothes and background.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Around its code the face stays itself: σ is small, around 0.1. Draws from $\mathcal N(0,1)$ all look brownish: the codes of real *faces* lie much further out. That is the price of the KL
# term's weight, here a hundredth of the paper's. In a single run with the paper's, the forest network's code told nearly nothing, and no style image changed anything: *posterior collapse*. So this course draws new
# styles as widely as the codes of the training images lie.

# %% [markdown] tags=["core"]
# ## 5 What it minimises
#
# Three devices are given, since each is a line in a framework. The first, **spectral norm** (Miyato et al. 2018): every weight, written as a matrix, is divided by its largest
# singular value, the most that the matrix can stretch a vector. So no layer can blow up its input much, and the discriminator's slope stays bounded however sure
# it becomes. The singular value is estimated by one step of the power method in each training step, which costs next to nothing.
#
# The second, a **multi-scale discriminator** (pix2pixHD): two PatchGANs, one for the image, one for the image at half its size. The second sees patches
# twice as large, at the same price. The third, **two time scales** (TTUR, Heusel et al. 2017): the discriminator learns with four times the
# generator's rate. It should be good enough to be listened to, without several steps of it for one of the generator.

# %%
D = shipped["grove"].D
with torch.no_grad():
    judged = D(torch.cat([grove["A"], grove["B"]], 1))
for number, (logits, activations) in enumerate(judged):
    field = D.scales[number].receptive_field * 2**number
    sizes = ", ".join("x".join(map(str, a.shape[1:])) for a in activations)
    print(
        f"scale {number}: logits {'x'.join(map(str, logits.shape[2:]))}, patches of {field} pixels, activations {sizes}"
    )
for block in shipped["grove"].G.blocks[:3]:
    raw, used = block.conv_0.parametrizations.weight.original, block.conv_0.weight
    values = [torch.linalg.matrix_norm(w.detach().flatten(1), 2).item() for w in (raw, used)]
    print(
        "largest singular value of a block's first convolution: {:.2f}, divided by its estimate {:.3f}".format(*values)
    )
print(f"learning rates: G {shipped['grove'].config.lr:g}, D {shipped['grove'].config.d_lr:g}")

# %% [markdown] tags=["core"]
# ### Exercise 05.4: hinge and feature matching
#
# > 4 points · 15 minutes · *goes into*: what both players minimise in section 7
#
# *Hinge*: D is content with logits $r$ above 1 for real and $f$ below −1 for fake patches, $\mathrm{mean}\max(0,1-r)+\mathrm{mean}\max(0,1+f)$; G has no
# such margin, $-\mathrm{mean}\,f$. *Feature matching*: an image that looks real should also *activate D's layers* as the real one does. Mean absolute differences, summed over layers,
# averaged over scales. D judges each image at several scales: for each a pair of logits and a list of activations.


# %% tags=["core"]
def hinge(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """The hinge loss of both players.

    Args:
        real, fake: logits of D for real and for generated images, (B, 1, H, W); perhaps more of one than of the other.

    Returns:
        d: what D minimises, two means added, not halved. g: what G minimises. Tensors of one number; nothing is detached.
    """
    # BEGIN SOLUTION
    return {"d": (1 - real).relu().mean() + (1 + fake).relu().mean(), "g": -fake.mean()}
    # END SOLUTION


def feature_matching(fr: list, ff: list) -> Tensor:
    """How differently D's layers react to real and to generated images.

    Args:
        fr, ff: what D says of real and of generated images: for each scale a pair (logits, activations), activations a list
            of (B, C, H, W), one for each layer.

    Returns:
        A tensor of one number: mean absolute difference, summed over layers, averaged over scales. The logits play no
        part. The gradient flows into the generated side alone.
    """
    # BEGIN SOLUTION
    scales = [
        sum((a - b.detach()).abs().mean() for a, b in zip(of_fake, of_real, strict=True))
        for (_, of_real), (_, of_fake) in zip(fr, ff, strict=True)
    ]
    return sum(scales) / len(scales)
    # END SOLUTION


hinge, feature_matching = check("05.4", hinge, feature_matching)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# `torch.relu` is $\max(0,\cdot)$. Which sign stands before the real logits? A real patch with logit 3 should cost nothing. For feature matching
# loop over scales and, within, over layers.
#
# </details>
# <details><summary>Hint 2</summary>
#
# `for (_, a), (_, b) in zip(fr, ff)` walks over the scales, `zip(a, b)` over the layers. The real activations are the aim: `detach()`. Sum the
# layers' means, then divide by the number of scales.
#
# </details>

# %% [markdown] tags=["core"]
# The whole objective: hinge, ten times feature matching, ten times lesson 02's perceptual loss, all as in the authors' code, and KL. The hinge loss is
# averaged over the two scales. The weight of KL is the one that the shipped weights were trained with, a hundredth of the authors'. These two functions put your pieces together, in the form in which gritlib asks for them.


# %% tags=["core"]
vgg = backbones.perceptual("vgg16")


def d_loss(real: list, fake: list) -> dict[str, Tensor]:
    """What D minimises: your hinge loss, mean over the scales."""
    terms = [hinge(r, f)["d"] for (r, _), (f, _) in zip(real, fake, strict=True)]
    return {"D": sum(terms) / len(terms)}


def g_loss(fake: Tensor, B: Tensor, judged: list, real: list, mu: Tensor, logvar: Tensor) -> dict[str, Tensor]:
    """What G and the encoder minimise; judged and real: what D says of fake and of B."""
    terms = [hinge(r, f)["g"] for (r, _), (f, _) in zip(real, judged, strict=True)]
    net = vgg.to(fake.device)
    return {
        "adv": sum(terms) / len(terms),
        "matching": 10 * feature_matching(real, judged),
        "perceptual": 10 * losses.perceptual(net.features, fake, B, net.weights),
        "KL": shipped["grove"].config.kl_weight * kl(mu, logvar).mean(),
    }


# %% [markdown] tags=["core"]
# ## 6 Is the map found again?
#
# How would you score a picture of a forest that may look like many forests? The papers ask a *segmenter*: a network that was trained on real photos to find the
# label of every pixel. If it finds in the generated picture what the map asked for, the picture shows it. The measure is the
# *intersection over union*, IoU.

# %% [markdown] tags=["core"]
# ### Exercise 05.5: scores of a segmentation
#
# > 3 points · 15 minutes · *goes into*: the scores of your run
#
# Count first: a matrix, with the true label as row and the predicted one as column. Everything else follows from it. *IoU* of a label: pixels where truth and prediction both say it, divided
# by pixels where at least one does. Pixels whose truth is 255 do not count; labels that nobody mentions are left out of the mean.


# %% tags=["core"]
def segmentation_scores(pred: Tensor, target: Tensor, n: int) -> dict:
    """Scores of predicted labels, from one matrix of all pixels of all images.

    Args:
        pred, target: (B, H, W) int64, labels from 0 to n − 1; target 255 means that nobody knows. n: number of labels.

    Returns:
        matrix: (n, n), pixels whose truth is the row and whose prediction is the column. pixel_accuracy: share of known
        pixels that are right. iou: (n,), NaN for a label that neither truth nor prediction has. mean_iou: mean of iou
        without these. pixel_accuracy and mean_iou are numbers.
    """
    # BEGIN SOLUTION
    known = target != 255
    matrix = torch.bincount(target[known] * n + pred[known], minlength=n * n).reshape(n, n)
    hit = matrix.diagonal()
    iou = hit / (matrix.sum(0) + matrix.sum(1) - hit)  # 0/0, a label that nobody mentions, is NaN
    return {
        "matrix": matrix,
        "pixel_accuracy": (hit.sum() / matrix.sum()).item(),
        "iou": iou,
        "mean_iou": iou.nanmean().item(),
    }
    # END SOLUTION


segmentation_scores = check("05.5", segmentation_scores)

# %% [markdown]
# <details><summary>Hint 1</summary>
#
# Number the cells of the matrix from 0 to n² − 1, row by row: a pixel belongs to cell `target * n + pred`. `torch.bincount` counts how often each
# number occurs. Throw out the unknown pixels before.
#
# </details>
# <details><summary>Hint 2</summary>
#
# Hits are `matrix.diagonal()`. A label's union is its row's sum plus its column's sum, minus the hits, which both contain. 0/0 gives NaN, and
# `iou.nanmean()` leaves it out.
#
# </details>

# %% [markdown] tags=["core"]
# First score the segmenter itself: what does it find in the *real* photos? One would expect no picture to do better, and it is far from
# 1: three quarters of the crown pixels are taken for grass or bare ground. The second row is the shipped network.

# %% tags=["core"]
find_labels = segmenter("grove").labels


def told(name: str, images: Tensor) -> dict:
    """Print how well the labels are found again, and how far the pictures are from the photos."""
    found = segmentation_scores(find_labels(images), forest["label"], len(classes))
    each = "  ".join(f"{label} {value:.2f}" for label, value in zip(classes, found["iou"].tolist(), strict=True))
    rest = f"L1 {l1_255(images, forest['B']).mean():4.1f}"
    print(f"{name:15} mean IoU {found['mean_iou']:.3f}  accuracy {found['pixel_accuracy']:.3f}  {rest}   {each}")
    return found


before = translate_all(shipped["grove"], forest["A"], None, noise=0)["image"]
real_found, before_found = told("real photos", forest["B"]), told("shipped weights", before)

# %% [markdown] tags=["core"]
# **What to notice.** The generated pictures are found *better* than the photos. Are they more real than reality? No. The network paints each label as is typical of it; a photo
# has bright shadows and brown crowns, and Grove's maps are rough, with round crowns. So mean IoU asks whether a picture obeys its map, in the eyes of *this* segmenter. It is no measure
# of realism, and "real" is no upper bound. Read it beside other scores.

# %% [markdown]
# <details><summary><b>Think.</b> On Cityscapes a method called SIMS has the best FID of the paper's table, 49.7 against SPADE's 71.8, and the worst mean IoU, 47.2 against 62.3. What does it do?</summary>
#
# It pastes patches of real training photos. So its pictures have the statistics of photos, which is what FID compares, whether or not the patches fit the map. One
# number asks whether a picture looks like photos, the other whether it shows what was asked. Neither contains the other (lesson 02).
#
# </details>

# %% [markdown] tags=["core"]
# ## 7 The next minutes are yours
#
# The forest network has been trained before; you go on, with your layer, your losses and your draws of the style code. Rates are a fifth of those it was trained
# with, since Adam begins anew and knows nothing of the past. **Predict**: by how much will the mean IoU and L1 change in this short time?

# %% tags=["core"]
course.predict("05.c", {"mean IoU after": None, "L1 after": None})


# %% tags=["core"]
class MySpade(Spade):
    """gritlib's SPADE, whose style codes are drawn by your function."""

    def code(self, A: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
        return reparameterise(mu.cpu(), logvar.cpu(), draws).to(A.device)


draws = torch.Generator().manual_seed(0)
config = replace(shipped["grove"].config, lr=2e-4, d_lr=8e-4)
method = MySpade(config, layer=SPADE, d_loss=d_loss, g_loss=g_loss)
method.load_state_dict(shipped["grove"].state_dict())

# %% tags=["core"]
yours = fit(method, train["grove"], steps=course.steps("yours"), batch_size=4, log_every=10)

# %% tags=["core"]
after = translate_all(yours.method, forest["A"], None, noise=0)["image"]
where = list(places.values())
pictures(
    [list(before[where]), list(after[where]), list(forest["B"][where])],
    titles=list(places),
    labels=["before", "after", "truth"],
    caption=f"{yours.step} steps, {pieces('05.2', '05.3', '05.4')}",
    alt="Four unseen places; rows: the picture by the shipped weights; after your steps; the real photo.",
)
found = told("after your steps", after)
l1 = l1_255(after, forest["B"]).mean().item()
course.reveal("05.c", {"mean IoU after": found["mean_iou"], "L1 after": l1})

# %%
log = yours.history
names = ("D", "adv", "matching", "perceptual", "KL")
curves(
    {name: ([line["step"] for line in log], [line[name] for line in log]) for name in names},
    "step of your run",
    "term, with its weight, logarithmic",
    logy=True,
    markers=len(log) < 30,
    alt="The terms of your run, first and last value: "
    + ", ".join(f"{name} {log[0][name]:.2f} and {log[-1][name]:.2f}" for name in names),
)

# %% [markdown] tags=["core"]
# **What to notice.** Little: after 1,800 steps a hundred more, at smaller rates, move mean IoU and L1 by what chance moves them. Look at the curves instead. No term jumps or runs away, so
# your pieces carry on what gritlib's began. A sum in the place of a mean would jump; a squared σ would hardly show: that is what the checks are for. What a recipe is
# worth, only the study can say.

# %% [markdown] tags=["core"]
# ## 8 What the study says
#
# ### How the map comes in (claim C20)
#
# C20: a map in every layer, through SPADE, beats concatenation, and that a map at the input alone.
#
# Three ways for the map to come in, with generators of equal size (parameters within 5 %) and the same objective. `spade`: this lesson's layer. `concat`: ordinary batch norm, and
# the map as further channels before every convolution. `input-only`: pix2pixHD++, pix2pixHD with the recipe's further devices, which sees the map at its first layer. None has a style. 700 steps of 4 images, three seeds, scored on unseen maps; `real`
# are the test images themselves. One dot is one seed: three show a direction, no more.
#
# In Park's thesis: mean IoU 35.2, 31.9 and 32.7 on COCO-Stuff, 62.3, 61.1 and 58.8 on Cityscapes. pix2pixHD has 14.6 and 58.3; so on COCO-Stuff the recipe's further devices bring more
# than SPADE does.

# %% tags=["core"]
MAIN = ("spade", "concat", "input-only", "real")
told_of = ("mean_iou", "L1", "VGG16_distance", "KD_Lite0")
_ = gallery("spade", seeds=(1,), metrics=told_of, arms=MAIN[:3], compare=False)

# %% tags=["core"]
for place in ("grove", "faces"):
    dots("spade", told_of, MAIN, place)


def compared(*pairs: tuple[str, str]) -> None:
    """What the study's paired seeds say to these comparisons."""
    for row in numbers("spade"):
        if tuple(row["arms"]) in pairs and row["metric"] in told_of:
            print("-", verdict(row))


compared(("spade", "concat"), ("spade", "input-only"))

# %% [markdown] tags=["core"]
# **What to notice.** On **Faces** SPADE is better than the map at the input alone by all four scores, in every seed: look at eyes, brows and lips, a few pixels each. Against concat it is better by L1 and by VGG's and the kernel distance,
# not by mean IoU: there both stand a little above the test images themselves (0.64), which ranks nothing. On **Grove**, with four labels and large areas, the scores contradict each other: in every seed
# SPADE has the lowest L1 of the three and the highest kernel distance, and VGG's distance beats concat's and loses to input-only's; mean IoU has no direction.

# %% [markdown] tags=["core"]
# By mean IoU, the kind of score that the thesis reports, C20 is *inconclusive* (1 of 5): the map in every layer beats the map at the input on Faces, and that is all; the
# 1x1 kernels of the next section are counted in. All arms have batch norm, which erases nothing; *why* SPADE is ahead on Faces the study does not say.

# %% [markdown]
# ### Parts of SPADE (claims C20 and C21)
#
# C21: both further losses help, the perceptual one most. On Grove: SPADE with 1x1 kernels, which sees no neighbour in the map; SPADE that begins with a random vector instead of the map; without the perceptual loss; without
# feature matching. In the thesis, on COCO-Stuff, 35.2 becomes 32.7, 35.3, 24.7 and 33.2.

# %%
parts = ("spade", "spade-1x1", "spade-random", "no-perceptual", "no-matching")
_ = gallery("spade", "grove", seeds=(1,), metrics=told_of, arms=("spade", "no-perceptual"), compare=False)
dots("spade", told_of, parts, "grove")
compared(*(("spade", other) for other in parts[1:]))

# %% [markdown]
# **What to notice.** Look at the pictures first. Without the perceptual loss there are stripes that nobody takes for a forest, and they have the *highest* mean IoU on average and the *lowest* kernel distance in every seed. Two usual scores prefer the worst pictures: to name a label needs no
# leaves, and a small feature network at 64 pixels is no judge of them.

# %% [markdown]
# L1 and VGG's distance see it: in them both losses help in every seed. By mean IoU, the thesis' kind of score, both harm, so C21 is *not reproduced* (0 of 2). 1x1 kernels cost a little of the same
# two; a random start moves both L1 and mean IoU a little, against each other.

# %% [markdown] tags=["core"]
# ## 9 One map, many pictures (claim C22)
#
# C22: one map gives many pictures, and a style image lends its look. The arm `style` is the kind of network that made this lesson's pictures. Is a style image's look taken over? `overlap_lent`: how far the colours of the output agree with
# those of the image that lent its style, 1 is all; `overlap_mean`: the same for the output with the mean code, which knows nothing of that image. `z_std`: how much a pixel
# varies over eight new styles, in units of [−1, 1].

# %% tags=["core"]
_ = gallery(
    "spade", seeds=(), metrics=("z_std", "overlap_lent", "overlap_mean"), arms=("style", "spade-random"), compare=False
)

# %% [markdown] tags=["core"]
# **What to notice.** On Faces the lent image's colours arrive: the overlap is larger than the mean code has it. It is far from 1, since an output has its own map's areas. On Grove the code is hardly used after 700 steps: `z_std` is near 0.
# The shipped network had 1,800, and listens a little. A style is learned where colours cannot be guessed from the map: faces, not one forest in one light.
# So C22 is *inconclusive* (5 of 6): it shows on Faces and hardly on Grove, where a new style moves nothing in one seed. `spade-random` varies more there (0.08), without any style to choose.

# %% [markdown] tags=["core"]
# ### The answer leaks
#
# Give the network the style of the *true* image, and it is told the true colours. So a score with the style of the truth is no score of what the network
# knows. **Predict** L1 on unseen faces and forests, of 255: with the style of the truth, with the mean code of the training images, with the style of a random
# training image.

# %% tags=["core"]
names = ("truth", "mean code", "random")
course.predict("05.d", {f"{data}, {kind}": None for data in ("faces", "grove") for kind in names})

# %% tags=["core"]
leak = {}
for name, batch in (("faces", everything), ("grove", forest)):
    A, B = batch["A"][:64], batch["B"][:64]
    lent = Lent(train[name], len(A), seed=0)[: len(A)]
    for kind, given in (("truth", B), ("mean code", None), ("random", lent)):
        images = translate_all(shipped[name], A, given, noise=0)["image"]
        leak[f"{name}, {kind}"] = l1_255(images, B).mean().item()
course.reveal("05.d", leak)
_ = gallery("spade", seeds=(), metrics=("L1", "L1_truth", "L1_random"), arms=("style",), compare=False)

# %% [markdown] tags=["core"]
# **What to notice.** On faces the style of the truth more than halves the error: the colours of a drawn face are not in its map, and the code hands them over. A random style is worse than the mean code, since wrong
# colours cost more than average ones. The study's seeds go the same way, less far. On forests it is little: one scene has one light. An L1 with the style of the truth is no error of a prediction. In this course scores with the style of the truth are always marked so.

# %% [markdown]
# <details><summary><b>Think.</b> A table ranks one model with the style of the truth, and another without any style. Who wins, and what have you learned?</summary>
#
# The first, by colours that it was handed with the answer. You have learned that it was told something, and nothing of the two networks. Rank without the style of the
# truth, or give it to both. The study's `style` arm is scored with the mean code for that reason.
#
# </details>

# %% [markdown] tags=["core"]
# ## 10 Paint
#
# Paint a forest, or a face: choose a label, draw, lift the pointer. Names of the labels, patterns and the keyboard do what colours and the mouse do. Below the picture choose the
# style of a training image, the mean, or a new one. It runs on one core in a fraction of a second.

# %% tags=["core", "painter"]
WHAT = "grove"  # or "faces"
LOOKS = {"grove": (97, 114, 134, 152), "faces": (3, 40, 77, 120)}  # training images
paint(shipped[WHAT], test[WHAT], styles=LOOKS[WHAT], start=10)

# %% [markdown] tags=["core"]
# The same without a widget: a map is a table of numbers, and you may write into it. Here a road of bare ground, a crown, and its shadow on a meadow; change a
# line and run the cell again.

# %% tags=["core"]
y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
label = torch.full((64, 64), classes.index("grass"))
label[(x - y // 2 - 4).abs() < 6] = classes.index("bare")
label[(y - 40) ** 2 + (x - 50) ** 2 < 150] = classes.index("shadow")
label[(y - 34) ** 2 + (x - 44) ** 2 < 150] = classes.index("crown")
A = one_hot(label[None], len(classes))
looks = train["grove"].batch([97, 120, 152])["B"]
made = [shipped["grove"].translate(A).image[0], *shipped["grove"].translate(A.expand(3, -1, -1, -1), style=looks).image]
pictures(
    [[colourise(label[None], test["grove"].palette)[0], *made], [white, white, *looks]],
    titles=["your map", "mean style", "style 1", "style 2", "style 3"],
    labels=["generated", "lent by"],
    alt="A label map with a meadow, an oblique strip of bare ground and a round crown with its shadow; four generated pictures of it, with the mean "
    "style and with three styles of training photos, which stand below; in the third the strip is nearly invisible.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Layout and style are independent of each other: strip, crown and shadow stay where the map has them; in the third style strip and crown hardly differ from the meadow. The styles differ in brightness, in tint, and in how strong the grain is: the third is as smooth as its
# image. *Where* the grain lies does not change. The first style image shows fallen trunks; none of them arrives.

# %% [markdown] tags=["core"]
# ## 11 What does not move
#
# Eight styles for the same maps, and eight times the same style. Of each pixel: how much does it vary? And of the fine detail, above half of the highest frequency: which
# share of it does the style decide? Measured on unseen faces:

# %% tags=["core"]
spread = {}
for name, maps in (("faces", everything["A"][:8]), ("grove", forest["A"][:8])):
    codes = shipped[name].new_styles(8, torch.Generator().manual_seed(3))
    draws = {"eight styles": codes, "one style, eight times": codes[:1].expand(8, -1)}
    for kind, styles in draws.items():
        images = [translate_all(shipped[name], maps, z.expand(8, -1), noise=k)["image"] for k, z in enumerate(styles)]
        spread[name, kind] = torch.stack(images)
        std, share = noise_use(spread[name, kind])
        print(f"{name}, {kind:23} std {std.mean():.3f} in units of [-1, 1], share of the fine detail {share:.2f}")
pictures(
    [list(spread[name, kind][:4, k]) for name, k in (("faces", 2), ("grove", 3)) for kind in draws][:3],
    labels=["four styles", "one style", "four styles"],
    caption="generated, nobody's faces",
    alt="One face in four styles, with different colours, and four times in one style, four equal pictures; below a place in the forest "
    "in four styles, which differ in brightness and contrast.",
)

# %% [markdown] tags=["core"]
# **What to notice.** With one style the deviation is exactly 0: nothing is left to draw. Over styles it is not, but of the fine detail styles decide only a share, by making the same grain stronger or weaker and by the colours at an edge. A hundred photos of a
# crown have a hundred different leaves; this network has one pattern for each map. **Style moves colours and the strength of the grain; nothing moves where it lies: std 0.** Lesson 06 asks why a network that is given noise does not use it, and what would make it.

# %% [markdown] tags=["core"]
# ## Faces that nobody has
#
# The faces of this course are drawn by a program, from a palette that spans tones of skin and hair; they are nobody's, and have no sex or age. A network trained on
# photographs of people is another matter: whose photographs, and did they agree? With such a network a person can be shown as they never were. Every
# picture that gritlib writes says "generated" in its metadata, which a screenshot loses. Say it in the caption as well.

# %% [markdown]
# ## Paper, official code, gritlib
#
# | | paper | official code | gritlib, this lesson |
# |---|---|---|---|
# | scale | γ | 1 + γ | 1 + γ |
# | norm | synchronised batch norm | the same; plain batch norm on one device | batch norm |
# | hidden channels of the layer | figure only | 128 | 32 |
# | adversarial loss | hinge | hinge, D's not halved, mean over scales | the same |
# | feature matching | as pix2pixHD | weight 10, mean over scales, no weights of layers | the same |
# | perceptual | VGG19 | VGG19, images in [−1, 1] as they are | VGG16, images prepared as VGG was trained |
# | KL | weight 0.05 | 0.05, summed over the batch, too | 0.0005, mean over the batch |
# | new styles | draws from N(0, 1) | the same | draws as wide as the training images' codes |
# | D | 2 scales, spectral norm on every convolution | 2 scales, on the inner convolutions alone | as the code |
# | encoder | instance norm | instance norm | none: it would take away mean colours |
# | Adam | β₁ = 0, β₂ = 0.999 | 0 and 0.9 | 0 and 0.999 |
# | rates G, D | 10⁻⁴, 4·10⁻⁴ | the same | 10⁻³, 4·10⁻³ (study); 2·10⁻⁴, 8·10⁻⁴ (your steps) |
# | order | – | G, then D with a new fake | G, then D with the same fake |
# | batch, size | 32, 256 | 32 on 8 GPUs, 256 | 4, 64 |
# | weights used | not said | last | averaged over the steps |

# %% [markdown]
# ## What is not shown here
#
# The paper's numbers are of photos of 256 pixels and more, with up to 182 labels, by networks of a hundred million parameters, trained for days on eight GPUs. Here it is 64 pixels, 4 or 19 labels, 700 steps and three seeds:
# what does not show here may show there, and the other way round. Grove's test tiles are of one scene. The segmenter is small, and was trained on the same kind of images; another
# would rank differently. That norms erase uniform maps was shown with random weights and instance norm; the study's networks have batch norm, so it does not explain what the study found.
#
# Not tried: synchronised statistics, VGG19, larger kernels, one style for each label, and sparse maps, such as edges, for which SPADE was not made. How far the KL term's weight trades new styles
# against lent ones was looked at with single runs only.

# %% [markdown]
# ## References
#
# - T. Park, M.-Y. Liu, T.-C. Wang, J.-Y. Zhu. *Semantic Image Synthesis with Spatially-Adaptive Normalization.* CVPR 2019. arXiv:1903.07291.
# - T. Park. *Machine Learning for Deep Image Manipulation.* PhD thesis, University of California, Berkeley, 2021. Technical report UCB/EECS-2021-143.
# - T.-C. Wang, M.-Y. Liu, J.-Y. Zhu, A. Tao, J. Kautz, B. Catanzaro. *High-Resolution Image Synthesis and Semantic Manipulation with Conditional GANs.* CVPR 2018. arXiv:1711.11585. (pix2pixHD.)
# - D. P. Kingma, M. Welling. *Auto-Encoding Variational Bayes.* ICLR 2014. arXiv:1312.6114.
# - T. Miyato, T. Kataoka, M. Koyama, Y. Yoshida. *Spectral Normalization for Generative Adversarial Networks.* ICLR 2018. arXiv:1802.05957.
# - M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler, S. Hochreiter. *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium.* NIPS 2017. arXiv:1706.08500.
# - J. H. Lim, J. C. Ye. *Geometric GAN.* 2017. arXiv:1705.02894. (The hinge loss.)
# - H. de Vries, F. Strub, J. Mary, H. Larochelle, O. Pietquin, A. Courville. *Modulating Early Visual Processing by Language.* NIPS 2017. arXiv:1707.00683. (Conditional batch norm.)
# - X. Huang, S. Belongie. *Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization.* ICCV 2017. arXiv:1703.06868.
# - J. Long, E. Shelhamer, T. Darrell. *Fully Convolutional Networks for Semantic Segmentation.* CVPR 2015. arXiv:1411.4038. (The scores.)
#
# Lesson text and figures: CC BY 4.0. Photos of Grove: see `python -m gritlib data grove`. Generated images are not real places, and
# generated faces are nobody's.

# %%
course.show_progress()
