"""Trains a shipped network again, scores it on the test split, and writes its file with the facts of its card.

    python data_scripts/train_weights.py NAME        # grit-grove, about 6 minutes on one core
    python data_scripts/train_weights.py NAME --out FOLDER --sheet FILE.png

Seed 0, which no study uses, except for the one network that shall be related to no other; one run each, of a recipe
that was fixed before. Generators only, with the style encoder; a discriminator is kept where a lesson trains on. GRIT
and its ablations are narrower than in the study (width 10), for the size of the files, and trained twice as long; on
Faces with a style code of 32 numbers, since 8 cannot hold the colours of a face. pix2pix and CUT are narrower too: all
files together have 10 MB. For that reason unet-faces and residual-faces, the other two of the ablation, are not
shipped: they need --out. What is scored is what is written: half precision, averaged weights.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gritlib import weights
from gritlib.data import catalog, images
from gritlib.evaluation import Lent, load_all, scores, translate_all
from gritlib.methods import GRIT, CycleGAN, Method, Pix2Pix, Pix2PixConfig
from gritlib.metrics import l1_255
from gritlib.presets import get
from gritlib.studies import maps, spade, unpaired
from gritlib.studies.losses import LEARNING_RATE
from gritlib.training import fit
from gritlib.training.device import best_device, best_precision
from gritlib.training.samples import input_picture
from gritlib.weights.files import halved

FOLDER = Path(__file__).resolve().parents[1] / "gritlib" / "weights"
SIZE, SHOWN = 64, 6  # pixels; places of a sample sheet
FACES = {"width": 10, "style_dim": 32}


@dataclass(frozen=True)
class Recipe:
    """How one network is made.

    Args:
        data: the dataset. steps, batch_size, seed: of the training. train: steps -> trained method. left_out:
            beginnings of the names that are not stored. options: of the training split.
    """

    data: str
    steps: int
    train: Callable[[int], Method]
    batch_size: int = 8
    seed: int = 0
    left_out: tuple[str, ...] = ("D.",)
    options: tuple[str, ...] = ()


def trained(method: Method, dataset: str, steps: int, seed: int = 0) -> Method:
    """The averaged weights after a training at the `cpu` preset.

    Raises:
        KeyboardInterrupt: it was stopped before its end.
    """
    training, source = get(method.name, "cpu").training, catalog.load(dataset, "train", SIZE)
    result = fit(method, source, config=training, steps=steps, seed=seed, progress=False)
    if not result.finished:
        raise KeyboardInterrupt(f"stopped at step {result.step} of {steps}: nothing is written")
    return result.method


def pix2pix(steps: int) -> Method:
    torch.manual_seed(0)
    return trained(Pix2Pix(maps.config(lr=LEARNING_RATE, width=12)), "earth", steps)


def grit(dataset: str, **changed) -> Callable[[int], Method]:
    def train(steps: int) -> Method:
        config = replace(get("grit", "cpu").method, **changed).fit_to(catalog.load(dataset, "train", SIZE))
        torch.manual_seed(0)
        return trained(GRIT(config), dataset, steps)

    return train


def dni(seed: int) -> Callable[[int], Method]:
    def train(steps: int) -> Method:
        torch.manual_seed(seed)
        return trained(Pix2Pix(replace(dni_config(), gan_weight=0.0)), "grove", steps, seed)

    return train


def fine_tuned(steps: int) -> Method:
    """Two thirds of the steps as dni-l1-grove, then one third with the conditional GAN beside L1."""
    start = dni(0)(steps - steps // 3)
    method = Pix2Pix(dni_config())
    method.G.load_state_dict(start.G.state_dict())
    return trained(method, "grove", steps // 3)


def dni_config() -> Pix2PixConfig:
    settings = {**asdict(get("pix2pix", "cpu").method), "lr": LEARNING_RATE, "width": 8}
    return Pix2PixConfig(**settings).fit_to(catalog.load("grove", "train", SIZE))


def without_pairs(arm: str, **changed) -> Callable[[int], Method]:
    kind, settings = unpaired.ARMS[arm]
    return lambda steps: unpaired.train(arm, "earth", 0, steps, {arm: (kind, settings | changed)})[0]


def styled(dataset: str) -> Callable[[int], Method]:
    return lambda steps: spade.train("style", dataset, 0, steps)


UNPAIRED = {"data": "earth", "batch_size": unpaired.BATCH, "options": ("unpaired",)}
SPADE = {"steps": 1800, "batch_size": spade.BATCH}
RECIPES = {
    "pix2pix-earth": Recipe("earth", 6000, pix2pix),
    "cyclegan-earth": Recipe(steps=1600, train=without_pairs("cyclegan"), left_out=(weights.POOLS,), **UNPAIRED),
    "cut-earth": Recipe(steps=2400, train=without_pairs("cut", width=10), left_out=("D.", "H."), **UNPAIRED),
    "spade-grove": Recipe("grove", train=styled("grove"), left_out=(weights.POOLS,), **SPADE),
    "spade-faces": Recipe("faces", train=styled("faces"), **SPADE),
    "grit-grove": Recipe("grove", 2400, grit("grove", width=10)),
    "unet-faces": Recipe("faces", 2400, grit("faces", residual=False, noise=False, **FACES)),
    "coupled-faces": Recipe("faces", 2400, grit("faces", residual=False, **FACES)),
    "residual-faces": Recipe("faces", 2400, grit("faces", noise=False, **FACES)),
    "grit-faces": Recipe("faces", 2400, grit("faces", **FACES)),
    "dni-l1-grove": Recipe("grove", 1200, dni(0)),
    "dni-gan-grove": Recipe("grove", 1800, fine_tuned),
    "dni-other-grove": Recipe("grove", 1200, dni(100), seed=100),
}


def answers(method: Method, batch: dict[str, Tensor], lent: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What a method makes of a batch in each way, and what it should be: way -> (images, truths)."""
    A, B = batch["A"], batch["B"]
    if method.styled:
        styles = {"style of the truth": B, "style of a training image": lent}
        return {way: (translate_all(method, A, style, noise=0)["image"], B) for way, style in styles.items()}
    found = {"output": (translate_all(method, A, None, noise=0)["image"], B)}
    if isinstance(method, CycleGAN):
        found["back, by F"] = (translate_all(method.inverse(), B, None, noise=0)["image"], A)
    return found


def facts(method: Method, recipe: Recipe, steps: int, sheet: Path | None = None) -> dict:
    """What the file says of itself: training, scores on the test split, and the L1 of the places of the sheet, by
    which a loaded file can be compared.

    Args:
        sheet: PNG of inputs, outputs and truths at these places, evenly chosen.
    """
    test, train = (catalog.load(recipe.data, split, SIZE) for split in ("test", "train"))
    places = torch.linspace(0, len(test) - 1, SHOWN).long().tolist()
    few, lent = test.batch(places), Lent(train, SHOWN)[:]
    made = answers(method, few, lent)
    if sheet:
        rows = [images.to_uint8(input_picture(few, test)), *(image for image, _ in made.values()), few["B"]]
        rows += [lent] if method.styled else []
        order = ", ".join(["input", *made, "truth", *(["the training image"] if method.styled else [])])
        print(images.save_png(images.grid([list(row) for row in rows]), sheet, f"rows: {order}"), "rows:", order)
    everything = load_all(test)
    told = {
        way: scores({"image": image}, truth)
        for way, (image, truth) in answers(method, everything, Lent(train, len(test))[:]).items()
    }
    device = best_device()
    return {
        "data": {"name": recipe.data, "size": SIZE, "options": {option: True for option in recipe.options}},
        "steps": steps,
        "batch_size": recipe.batch_size,
        "seed": recipe.seed,
        "device": f"{'CPU' if device.type == 'cpu' else 'GPU'}, {best_precision(device)}",
        "images": len(test),
        "scores": {way: {key: round(value, 4) for key, value in found.items()} for way, found in told.items()},
        "places": places,
        "places_L1": {way: [round(v, 3) for v in l1_255(*pair).tolist()] for way, pair in made.items()},
    }


def make(name: str, out: Path, sheet: Path | None, steps: int | None) -> Path:
    """Train, score, write. Returns the file.

    Raises:
        ValueError: the package's folder for a network that is not shipped.
    """
    if name not in weights.NAMES and out.resolve() == FOLDER:
        raise ValueError(f"{name} is not shipped: give --out FOLDER, and gritlib.weights.load_file reads its file")
    recipe = RECIPES[name]
    steps = steps or recipe.steps
    method = recipe.train(steps).eval()
    method.load_state_dict(halved(method.state_dict()))
    return weights.pack(method, out / f"{name}.safetensors", recipe.left_out, facts(method, recipe, steps, sheet))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the file; by default the package's")
    parser.add_argument("--sheet", type=Path, help="also write this PNG: inputs, outputs and truths of six places")
    parser.add_argument("--steps", type=int, help="other steps, for a trial; the card says how many")
    given = parser.parse_args()
    print(make(given.name, given.out, given.sheet, given.steps))
