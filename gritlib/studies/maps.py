"""What the studies of pix2pix share: one training from drawn map to satellite image at the `cpu` preset, its scores on
the test split, and four places whose pictures are kept. Arms of one seed begin with the same weights wherever their
networks agree, and see the same batches.

1,200 steps are few: no arm would be taken for a photo. Coasts, and forest against desert, are right; relief hardly
reaches the output, snow comes out blue, every arm has a faint lattice of the transposed convolutions and a frame at the
border. Five times the learning rate, tried once after the studies (seed 0), shows more relief and no less lattice.
"""

from dataclasses import asdict

from torch import Tensor

from gritlib.data import catalog
from gritlib.data.source import Source
from gritlib.evaluation import load_all, scores, translate_all
from gritlib.methods import Pix2Pix, Pix2PixConfig
from gritlib.metrics import colour_overlap
from gritlib.presets import get
from gritlib.studies.runner import stated
from gritlib.training import fit

# Tiles of the test split, chosen by their truths before any run: the Strait of Gibraltar, the western Sahara, the
# Ouachita Mountains, the Karakoram.
SHOWN = {"earth": {"coast": 37, "desert": 42, "forest": 20, "ice": 72}}
COMMON = {
    "datasets": tuple(SHOWN),
    "seeds": (1, 2, 3, 4, 5, 6),
    "steps": 1200,
    "differences": ("L1", "PSNR", "SSIM", "spectrum_gap", "colour_overlap"),
    "shown": SHOWN,
    "pictured": (1, 2, 3),
}


def config(**changed) -> Pix2PixConfig:
    """The preset's settings for RGB -> RGB, with some changed."""
    settings = {**asdict(get("pix2pix", "cpu").method), "in_channels": 3, "out_channels": 3}
    return Pix2PixConfig(**{**settings, **changed})


def same_start(method: Pix2Pix, reference: Pix2Pix) -> list[str]:
    """Copy every tensor of `reference` into the tensor of the same name and shape in `method`.

    Returns:
        The names of the tensors copied.
    """
    mine, theirs = method.state_dict(), reference.state_dict()
    shared = {k: theirs[k] for k, value in mine.items() if k in theirs and theirs[k].shape == value.shape}
    method.load_state_dict({**mine, **shared})
    return list(shared)


def train_and_score(method: Pix2Pix, dataset: str, seed: int, steps: int) -> tuple[dict[str, float], Tensor]:
    """Train at the `cpu` preset and score the averaged weights on the test split.

    Returns:
        metrics, and the outputs (n, 3, H, W) for the places of `SHOWN`. "D_loss", where a discriminator plays, is the
        mean of its loss over the last steps logged: ln 2 = 0.693 where it cannot tell truth from output.

    Raises:
        KeyboardInterrupt: the training was stopped before its end.
    """
    preset = get("pix2pix", "cpu")
    train, test = (catalog.load(dataset, split, preset.size) for split in ("train", "test"))
    result = fit(method, train, config=preset.training, steps=steps, seed=seed, progress=False)
    if not result.finished:
        raise KeyboardInterrupt
    images, truth = outputs(result.method, test)
    metrics = scores({"image": images}, truth) | {"colour_overlap": colour_overlap(images, truth)}
    last = result.history[-1]
    if "D_real" in last:
        metrics["D_loss"] = last["D_real"] + last["D_fake"]
    return {key: round(value, 5) for key, value in metrics.items()}, images[list(SHOWN[dataset].values())]


def outputs(method: Pix2Pix, test: Source) -> tuple[Tensor, Tensor]:
    """Outputs and truths for all test tiles."""
    batch = load_all(test)
    return translate_all(method, batch["A"], None, noise=0)["image"], batch["B"]


def recipe(*varied: str) -> dict:
    """The settings that all arms share, stored with every run, and the places shown.

    Args:
        varied: the settings in which the arms differ.
    """
    preset = get("pix2pix", "cpu")
    settings = {**asdict(preset.method), **stated(preset.training), "size": preset.size, "shown": SHOWN}
    # No arm has a perceptual term, and the committed runs are older than these settings.
    left_out = {"in_channels", "out_channels", "seed", "steps", "perceptual", "perceptual_weight", *varied}
    return {key: value for key, value in settings.items() if key not in left_out}
