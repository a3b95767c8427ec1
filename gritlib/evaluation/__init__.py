"""Scores of a trained method on a source, beside the baselines that cost nothing.

A style code tells a network the colours of the image it was taken from. So a method with style is scored three times:
with the style of the truth (which leaks the answer), of a random training image, and with the mean training code; only
the last two may be used for ranking.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from gritlib.data.source import Source
from gritlib.methods import Method
from gritlib.metrics import high_frequency_gap, l1_255, noise_use, psnr, ssim

DRAWS = 20  # noise draws for the standard deviation, as in the paper
SPREAD_IMAGES = 16  # inputs on which it is measured


def load_all(source: Source) -> dict[str, Tensor]:
    """All crops of a source, unaugmented, as one batch."""
    return source.batch(range(len(source)))


def style_images(train: Source, n: int, seed: int = 0) -> Tensor:
    """n random training images, (n, C, H, W), whose style is lent to the images under test."""
    chosen = torch.randint(len(train), (n,), generator=torch.Generator().manual_seed(seed))
    return train.batch(chosen.tolist())["B"]


@torch.no_grad()
def translate_all(method: Method, A: Tensor, style: Tensor | None, noise, batch_size: int = 32) -> dict[str, Tensor]:
    """`method.translate` in batches; the parts as they would be displayed, clamped to [-1, 1], on the CPU.

    Args:
        noise: a seed; each batch gets its own from it. style: None, or one image or code for each input.
    """
    device = next(method.parameters()).device
    parts: dict[str, list[Tensor]] = {}
    for i in range(0, len(A), batch_size):
        lent = None if style is None else style[i : i + batch_size].to(device)
        out = method.translate(A[i : i + batch_size].to(device), style=lent, noise=noise + i)
        for name, part in out._asdict().items():
            if part is not None:
                parts.setdefault(name, []).append(part.clamp(-1, 1).cpu())
    return {name: torch.cat(chunks) for name, chunks in parts.items()}


def scores(parts: dict[str, Tensor], B: Tensor) -> dict[str, float]:
    """L1 (0-255), PSNR (dB), SSIM, spectrum gap of the image; L1 and gap of the reconstruction where there is one."""
    result = {name: metric(parts["image"], B).mean().item() for name, metric in PIXEL.items()}
    result["spectrum_gap"] = high_frequency_gap(parts["image"], B)
    if "reconstruction" in parts:
        result["L1_reconstruction"] = l1_255(parts["reconstruction"], B).mean().item()
        result["spectrum_gap_reconstruction"] = high_frequency_gap(parts["reconstruction"], B)
    return result


PIXEL = {"L1": l1_255, "PSNR": psnr, "SSIM": ssim}


@torch.no_grad()
def spread(method: Method, A: Tensor, style: Tensor | None, draws: int = DRAWS) -> dict[str, float]:
    """Mean standard deviation over noise draws, in units of [-1, 1], and the noise share of the fine detail."""
    stack = torch.stack([translate_all(method, A, style, noise=1000 * (n + 1))["image"] for n in range(draws)])
    std, share = noise_use(stack)
    return {"noise_std": std.mean().item(), "noise_share": share, "draws": draws, "images": len(A)}


def baselines(train: Source, test: dict[str, Tensor]) -> dict[str, float]:
    """L1 (0-255) of what needs no network: the training mean colour, the mean colour of each class in training, and
    the truth's own mean colour as a flat image (which no honest method knows)."""
    B = test["B"]
    mean, colours = mean_colours(train)
    guesses = {"training_mean_colour": mean.view(1, -1, 1, 1).expand_as(B)}
    if "label" in test:
        guesses["class_mean_colour"] = colours[test["label"]].permute(0, 3, 1, 2)
    guesses["own_mean_colour"] = B.mean((2, 3), keepdim=True).expand_as(B)
    return {name: l1_255(guess, B).mean().item() for name, guess in guesses.items()}


def mean_colours(train: Source, batch_size: int = 64) -> tuple[Tensor, Tensor]:
    """Mean colour of all training images (C,), and of each class (K, C); a class that never occurs has the former."""
    total, pixels, sums, counts = 0.0, 0, 0.0, 0.0
    for i in range(0, len(train), batch_size):
        batch = train.batch(range(i, min(i + batch_size, len(train))))
        total, pixels = total + batch["B"].sum((0, 2, 3)), pixels + batch["B"][:, 0].numel()
        if "label" in batch:
            sums = sums + torch.einsum("bkhw,bchw->kc", batch["A"], batch["B"])
            counts = counts + batch["A"].sum((0, 2, 3))
    mean = total / pixels
    if not torch.is_tensor(counts):
        return mean, mean[None]
    return mean, torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], mean)


def evaluate(
    method: Method, source: Source, train: Source, styles: Sequence[str] = ("truth", "random", "mean"), seed: int = 0
) -> dict:
    """Score a method on all crops of `source`.

    Args:
        method: as `fit` returns it, or from `load_method`. source: what to score on. train: the training split, for
            baselines and for the styles of random training images. styles: which of the three to report.

    Returns:
        {"images", "scores": {style: {...}}, "spread": {...}, "baselines": {...}}; for a method without style the three
        scores are one, named "none". "spread" is measured with the styles of random training images, and missing for a
        method without noise.
    """
    test = load_all(source)
    A, B = test["A"], test["B"]
    lent = {"truth": B, "random": style_images(train, len(B), seed), "mean": None} if method.styled else {"none": None}
    chosen = styles if method.styled else ("none",)
    result = {
        "dataset": source.name,
        "split": source.split,
        "images": len(B),
        "scores": {name: scores(translate_all(method, A, lent[name], noise=seed), B) for name in chosen},
        "baselines": baselines(train, test),
    }
    if method.stochastic:
        few = torch.linspace(0, len(A) - 1, min(SPREAD_IMAGES, len(A))).long()
        style = lent["random"][few] if method.styled else None
        result["spread"] = spread(method, A[few], style)
    return result


def table(result: dict) -> str:
    """The result of `evaluate` as text."""
    names = list(next(iter(result["scores"].values())))
    lines = [
        f"{result['dataset']}/{result['split']}, {result['images']} images; L1 on 0-255, PSNR in dB, gap in ln power"
    ]
    lines.append(
        f"{'style of':10s}"
        + "".join(f"{name.replace('_', ' '):>29s}" if len(name) > 12 else f"{name:>13s}" for name in names)
    )
    for style, row in result["scores"].items():
        lines.append(f"{style:10s}" + "".join(f"{v:29.3f}" if len(k) > 12 else f"{v:13.3f}" for k, v in row.items()))
    lines += [f"  L1 of {name.replace('_', ' ')}: {value:.2f}" for name, value in result["baselines"].items()]
    if "spread" in result:
        s = result["spread"]
        std = f"std {s['noise_std']:.4f} (of images in [-1, 1])"
        lines.append(f"  over {s['draws']} noise draws: {std}, noise share {s['noise_share']:.3f}")
    return "\n".join(lines)
