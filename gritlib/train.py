"""`python -m gritlib train METHOD`: the data, the method, one `fit`, and what is said of it."""

import json
import sys
from pathlib import Path
from typing import Literal

PresetName = Literal["smoke", "ci", "cpu", "gpu", "paper"]


def train_with(method: str, preset: str | None):
    """The function behind `train METHOD`, with the preset's values as its defaults."""
    from gritlib.methods import METHODS
    from gritlib.presets import get
    from gritlib.training import TrainConfig

    chosen, view = get(method, preset), METHODS[method].view

    def train(
        config: METHODS[method].Config = chosen.method,
        training: TrainConfig = chosen.training,
        data: str = "earth" if view else "grove",
        options: tuple[str, ...] = (),
        size: int = chosen.size,
        preset: PresetName | None = preset,
        out: Path | None = None,
        resume: bool = False,
        overwrite: bool = False,
    ) -> None:
        """Train a method and leave a run folder: checkpoint, log, sample pictures.

        Args:
            data: grove, earth, faces, shapes, a fetched set, or a folder of your own pairs: FOLDER/train/ and
                FOLDER/test/ with side-by-side files, A/ and B/, or image/ and mask/; or trainA/ and trainB/.
            options: the dataset's own, as NAME=VALUE: direction=BtoA, load_size=72, flip=false or classes=12 for
                a folder, height=true or latitude=true for earth, n=500 for faces.
            size: side of the training crops in pixels.
            preset: changes the defaults of all other options.
            out: run folder; by default runs/METHOD-DATA.
            resume: go on from the checkpoint in the run folder.
            overwrite: start anew although the folder holds a run.
        """
        import torch

        from gritlib.data import catalog
        from gritlib.training import fit, processes

        own = {**view, **data_options(options)}
        source = catalog.load(data, "train", size, **own)
        torch.manual_seed(training.seed)
        network = METHODS[method](config.fit_to(source))
        out = out or Path("runs") / f"{method}-{Path(data).name}"
        if resume and not (out / "checkpoint.pt").exists():
            print(f"{out} holds no checkpoint: starting anew")
        preview = held_out(data, size, own)
        score = scorer_for(training.keep_best, preview, data)
        how = {"resume": resume, "overwrite": overwrite, "preview": preview, "score": score}
        try:
            run = fit(network, source, out, config=training, **how)
        except ConnectionError:  # another process is gone, and `fit` has said so
            sys.exit(1)
        processes.leave()
        ended = "Finished" if run.finished else "Stopped"
        images = f"{run.images_per_second:.0f} images/s"
        print(f"{ended} at step {run.step}: {out}")
        print(f"{run.steps_per_second:.1f} steps/s, {images}, peak memory {run.peak_mib:.0f} MiB")
        if run.best:
            print(f"Best {run.best['metric']} {run.best['score']:.4g} at step {run.best['step']}: {out / 'best.pt'}")
        if not run.finished:
            print("Go on with the same command and --resume.")

    train.__doc__ = train.__doc__.replace("Train a method", f"Train {method}")
    return train


def data_options(words: tuple[str, ...]) -> dict:
    """NAME=VALUE words as keyword arguments; values that are JSON (numbers, true, false) are taken as such.

    Raises:
        ValueError: a word without "=".
    """
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"option {word!r}: write NAME=VALUE, for example direction=BtoA")
        try:
            found[name] = json.loads(value)
        except json.JSONDecodeError:
            found[name] = value
    return found


def held_out(data: str, size: int, options: dict):
    """A split for sample pictures that is not trained on, if the dataset has one."""
    from gritlib.data import catalog

    for split in ("val", "test"):
        try:
            return catalog.load(data, split, size, **options)
        except ValueError as error:
            if "has no split" not in str(error):  # a split that is there and broken
                print(f"no sample pictures of split {split}: {error}")
    print("no val or test split: sample pictures show training images")
    return None


def scorer_for(metric: str | None, preview, data: str):
    """What `keep_best` scores with, None where nothing is scored.

    Raises:
        ValueError: there are no images that are not trained on.
    """
    if metric is None:
        return None
    if preview is None:
        raise ValueError(f"keep_best={metric} needs images that are not trained on: {data} has no val or test split")
    if preview.split == "test":
        print("keep_best chooses by test images, there is no val split: the best checkpoint's test scores flatter it")
    from gritlib.evaluation.scorer import scorer

    return scorer(preview, metric)
