"""Scores of a trained method on a source, beside the baselines that cost nothing.

A style code tells a network the colours of the image it was taken from. So a method with style is scored three times:
with the style of the truth (which leaks the answer), of a random training image, and with the mean training code; only
the last two may be used for ranking.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from gritlib.data.source import Source
from gritlib.evaluation.scoreboard import PAIRED, Scoreboard, networks, suited
from gritlib.methods import Method
from gritlib.metrics import l1_255, noise_use

__all__ = [
    "Lent",
    "Scoreboard",
    "baselines",
    "chunks",
    "evaluate",
    "load_all",
    "networks",
    "scores",
    "spread",
    "suited",
    "table",
    "translate_all",
]

CHUNK = 32  # images at once; a seed's noise depends on it, so it is no option
DRAWS = 20  # noise draws for the standard deviation, as in the paper
SPREAD_IMAGES = 16  # inputs on which it is measured


def load_all(source: Source) -> dict[str, Tensor]:
    """All crops of a source, unaugmented, as one batch."""
    return source.batch(range(len(source)))


def chunks(source: Source) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """All crops of a source, unaugmented, as (number of the first, batch)."""
    for i in range(0, len(source), CHUNK):
        yield i, source.batch(range(i, min(i + CHUNK, len(source))))


def in_turns(
    source: Source, outputs: Callable[[int, dict[str, Tensor]], dict], together: bool
) -> Iterator[tuple[dict[str, Tensor], dict]]:
    """Each chunk of a source with its `outputs(number of the first image, batch)`, in order. Several processes
    together compute every `world`-th chunk; the first gets all, the others get none."""
    rank, world = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if together else (0, 1)
    starts = range(0, len(source), CHUNK)
    for turn in (starts[k : k + world] for k in range(0, len(starts), world)):
        found = [None] * world
        for i in turn[rank : rank + 1]:
            batch = source.batch(range(i, min(i + CHUNK, len(source))))
            found[rank] = (batch, outputs(i, batch))
        if together:
            torch.distributed.gather_object(found[rank], found if rank == 0 else None)
        yield from found[: len(turn)] if rank == 0 else ()


class Lent:
    """n random training images, whose style is lent to the images under test; a slice of it is (k, C, H, W).

    Args:
        distinct: no image twice, where there are enough: as a set of real images, since repetitions lower its recall.
    """

    def __init__(self, train: Source, n: int, seed: int = 0, distinct: bool = False):
        self.train, generator = train, torch.Generator().manual_seed(seed)
        if distinct and n <= len(train):
            self.chosen = torch.randperm(len(train), generator=generator)[:n]
        else:
            self.chosen = torch.randint(len(train), (n,), generator=generator)

    def __getitem__(self, which: slice | Tensor) -> Tensor:
        return self.train.batch(self.chosen[which].tolist())["B"]


@torch.no_grad()
def translate_all(
    method: Method, A: Tensor, style: Tensor | None, noise: int, batch_size: int = CHUNK
) -> dict[str, Tensor]:
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
    image, half = Scoreboard().update(parts["image"], B).scores(), Scoreboard()
    if "reconstruction" in parts:
        half.update(parts["reconstruction"], B)
    return {name: image[name] for name in ("L1", "PSNR", "SSIM", "spectrum_gap")} | reconstruction(half)


@torch.no_grad()
def spread(method: Method, A: Tensor, style: Tensor | None, draws: int = DRAWS, seed: int = 0) -> dict[str, float]:
    """Mean standard deviation over noise draws, in units of [-1, 1], and the noise share of the fine detail."""
    stack = torch.stack([translate_all(method, A, style, noise=seed + 1000 * (n + 1))["image"] for n in range(draws)])
    std, share = noise_use(stack)
    return {"noise_std": std.mean().item(), "noise_share": share, "draws": draws, "images": len(A)}


def baselines(train: Source, source: Source) -> dict[str, float]:
    """L1 (0-255) of what needs no network: the training mean colour, the mean colour of each class in training, and
    the truth's own mean colour as a flat image (which no honest method knows)."""
    mean, colours = mean_colours(train)
    found: dict[str, list[Tensor]] = {}
    for _, batch in chunks(source):
        B = batch["B"]
        guesses = {"training_mean_colour": mean.view(1, -1, 1, 1).expand_as(B)}
        if "label" in batch:
            guesses["class_mean_colour"] = colours[batch["label"]].permute(0, 3, 1, 2)
        guesses["own_mean_colour"] = B.mean((2, 3), keepdim=True).expand_as(B)
        for name, guess in guesses.items():
            found.setdefault(name, []).append(l1_255(guess, B))
    return {name: torch.cat(values).mean().item() for name, values in found.items()}


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
    method: Method,
    source: Source,
    train: Source,
    styles: Sequence[str] = ("truth", "random", "mean"),
    seed: int = 0,
    groups: Sequence[str] = ("pixel", "spectrum"),
    options: dict[str, dict] | None = None,
    together: bool = False,
) -> dict:
    """Score a method on all crops of `source`, a few at a time.

    Args:
        method: as `fit` returns it, or from `load_method`. source: what to score on. train: the training split, for
            baselines and for the styles of random training images. styles: which of the three to report. seed: of the
            noise and of the random choices. groups, options: of scores, see `Scoreboard`; `suited` lists those that
            a dataset allows. together: several processes call it and share the work of the method; the first computes
            the scores, the others return {}.

    Returns:
        {"images", "scores": {style: {...}}, "settings", "references", "baselines", "spread", ...}; for a method without
        style the three scores are one, named "none". "references" are the scores of real images: where the scores of
        outputs can be expected to end. "spread" is measured with the styles of random training images, and missing for
        a method without noise.
    """
    options = {"segmentation": {"dataset": source.name}, **(options or {})}
    unknown = set(styles) - {"truth", "random", "mean"}
    if unknown or not styles or not groups:
        raise ValueError(f"styles {styles}, groups {groups}: needed are one or more of truth, random, mean, and groups")
    if not source.paired and set(groups) & PAIRED:
        raise ValueError(
            f"{source.name}/{source.split} has no pairs, and {', '.join(sorted(set(groups) & PAIRED))} compares with "
            f"the truth: ask for {', '.join(suited(source))}"
        )
    train = getattr(train, "second", train)  # of an unpaired set, what outputs should look like
    chosen = styles if method.styled else ("none",)
    lent = Lent(train, len(source), seed)
    boards = {name: Scoreboard(groups, **options) for name in chosen}
    halves = {name: Scoreboard() for name in chosen}  # of the reconstruction

    def outputs(i: int, batch: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
        given = {"truth": batch["B"], "random": lent[i : i + CHUNK], "mean": None, "none": None}
        return {name: translate_all(method, batch["A"], given[name], noise=seed + i) for name in chosen}

    for batch, made in in_turns(source, outputs, together):
        for name, parts in made.items():
            boards[name].update(parts["image"], batch["B"], batch.get("label"))
            if "reconstruction" in parts:
                halves[name].update(parts["reconstruction"], batch["B"])
    if together and torch.distributed.get_rank() > 0:
        return {}
    result = {
        "dataset": source.name,
        "options": source.options,
        "torch": torch.__version__,
        "split": source.split,
        "size": source.size,
        "images": len(source),
        "seed": seed,
        "settings": boards[chosen[0]].settings(),
        "scores": {name: board.scores() | reconstruction(halves[name]) for name, board in boards.items()},
        "references": references(source, train, groups, options, seed),
        "baselines": baselines(train, source) if source.paired else {},
    }
    if method.stochastic:
        few = torch.linspace(0, len(source) - 1, min(SPREAD_IMAGES, len(source))).long()
        style = lent[few] if method.styled else None
        result["spread"] = spread(method, source.batch(few.tolist())["A"], style, seed=seed)
    return result


def reconstruction(board: Scoreboard) -> dict[str, float]:
    """L1 and spectrum gap of the reconstruction, where there is one."""
    if not board.n:
        return {}
    return {f"{name}_reconstruction": board.scores()[name] for name in ("L1", "spectrum_gap")}


def references(
    source: Source, train: Source, groups: Sequence[str], options: dict[str, dict], seed: int
) -> dict[str, dict[str, float]]:
    """Scores of real images: as many random training images in place of the outputs, for the scores that compare sets;
    the truths themselves, for those that look for labels."""
    sets = [name for name in groups if name in ("distribution", "patches", "colour", "spectrum")]
    own = [name for name in groups if name == "segmentation"]
    others = "training images" if len(source) <= len(train) else "training images, repeated"
    boards = {others: Scoreboard(sets, **options), "the truth": Scoreboard(own, **options)}
    lent = Lent(train, len(source), seed, distinct=True)
    for i, batch in chunks(source):
        boards[others].update(lent[i : i + CHUNK], batch["B"])
        boards["the truth"].update(batch["B"], batch["B"], batch.get("label"))
    return {name: board.scores() for name, board in boards.items() if board.groups}


def said(score: str) -> str:
    """A score's name in a table; what names a network stays as it is."""
    return score if "(" in score else score.replace("_", " ")


def table(result: dict) -> str:
    """The result of `evaluate` as text: a row a score, a column a style."""
    columns = {f"style of {name}" if name != "none" else "output": row for name, row in result["scores"].items()}
    columns |= result["references"]
    rows = list(next(iter(result["scores"].values())))
    first, width = max(map(len, rows)) + 2, max(map(len, columns)) + 2
    lines = [
        f"{result['dataset']}/{result['split']}, {result['images']} images of {result['size']} pixels, seed "
        f"{result['seed']}; L1 on 0-255, PSNR in dB, gap in ln power"
        + ("; last columns: real images in place of the outputs" if result["references"] else "")
    ]
    lines.append(" " * first + "".join(f"{name:>{width}s}" for name in columns))
    for row in rows:
        cells = [f"{column[row]:.3f}" if row in column else "" for column in columns.values()]
        lines.append((f"{said(row):{first}s}" + "".join(f"{cell:>{width}s}" for cell in cells)).rstrip())
    lines += [f"  L1 of {name.replace('_', ' ')}: {value:.2f}" for name, value in result["baselines"].items()]
    if "spread" in result:
        s = result["spread"]
        std = f"std {s['noise_std']:.4f} (of images in [-1, 1])"
        lines.append(f"  over {s['draws']} noise draws: {std}, noise share {s['noise_share']:.3f}")
    return "\n".join(lines)
