"""The command line: `python -m gritlib VERB`. Options are the fields of the configurations, so each exists once."""

import contextlib
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Literal, get_args

import tyro

from gritlib.train import PresetName, data_options, train_with

FLAT = (tyro.conf.OmitArgPrefixes,)
ROOMS = {"study": "gritlib.studies.commands", "course": "gritlib.classroom.commands", "quiz": "gritlib.quiz.commands"}
ROOMS |= {"bench": "gritlib.bench.commands", "weights": "gritlib.weights.commands"}


def demo(
    data: str = "grove",
    preset: PresetName | None = None,
    steps: int | None = None,
    seed: int = 0,
    out: Path | None = None,
) -> None:
    """Train GRIT on real images and show it on unseen ones; about two minutes on two CPU cores.

    Args:
        data: grove (layout map to aerial photo), earth (drawn map to satellite image), faces (drawn faces), or a
            folder of your own pairs.
        preset: smoke, ci, cpu, gpu or paper; by default what the device suggests.
        steps: training steps instead of the preset's.
        seed: decides weights, batches and noise.
        out: run folder; by default the next free runs/demo-DATA.
    """
    from gritlib.demo import demo

    demo(data, preset, steps, seed, out)


def train() -> None:
    """Train a method: `train grit --help` lists its settings; pix2pix, cyclegan, cut, fastcut, sincut."""


def study() -> None:
    """Measure a claim: `study list`, `study run NAME`, `study report NAME`."""


def course() -> None:
    """The lessons: `course build` makes the notebooks, `course progress` shows what is done, `course grade` marks."""


def quiz() -> None:
    """Answers of lesson 07's real-or-generated quiz: `quiz export FILE`, `quiz pool FILES` for a class."""


def weights() -> None:
    """Shipped weights: `weights list`, `weights card NAME`."""


def evaluate(
    run: tyro.conf.Positional[Path],
    split: Literal["val", "test"] = "test",
    data: str | None = None,
    scores: tuple[str, ...] = (),
    network: Literal["auto", "offline", "papers"] = "auto",
    seed: int = 0,
    json_out: Path | None = None,
) -> None:
    """Score a trained run beside real images and free baselines, and measure its spread over noise.

    Args:
        run: run folder or checkpoint file.
        split: which split of the run's dataset.
        data: where the dataset lies now; by default where it lay in training.
        scores: pixel, spectrum, colour, patches, perceptual, distribution, segmentation; by default all that the
            dataset allows.
        network: that judges images: the papers' (LPIPS, FID) are downloaded once, if GRITLIB_ALLOW_DOWNLOAD=1; auto
            takes them where they are here or may be downloaded, else the offline ones.
        seed: of the noise, and of the random training images whose style is lent.
        json_out: also write the result, with every setting that it depends on, to this file.
    """
    from gritlib import evaluation
    from gritlib.data import catalog
    from gritlib.training import checkpoint, processes
    from gritlib.training.device import best_device

    source = checkpoint.read(run)["source"]
    if not source:
        raise ValueError(f"{run} was trained on data of its own, which cannot be loaded here: use gritlib.evaluation")
    train, test = (
        catalog.load(data or source["name"], part, source["size"], **source["options"]) for part in ("train", split)
    )
    groups = scores or evaluation.suited(test)
    together = processes.connect().num_processes > 1 if "WORLD_SIZE" in os.environ else False
    method = checkpoint.load_method(run).to(best_device())
    judges = evaluation.networks(network)
    result = evaluation.evaluate(method, test, train, seed=seed, groups=groups, options=judges, together=together)
    processes.leave()
    if not result:  # the first of several processes has it
        return
    print(evaluation.table(result))
    if json_out:
        checkpoint.write_text(json.dumps({"run": str(run), **result}, indent=1) + "\n", json_out)


def translate(
    source: tyro.conf.Positional[Path],
    target: tyro.conf.Positional[Path],
    run: Path,
    style: Path | None = None,
    noise: str = "0",
    parts: bool = False,
    size: int | None = None,
    tile: int | None = None,
    overlap: int | None = None,
) -> None:
    """Translate an image, or every image of a folder, with a trained run.

    Args:
        source: input file or folder. For a run trained on label maps: PNG files of label ids.
        target: output file (PNG) or folder.
        run: run folder or checkpoint file.
        style: image whose style is taken; by default the mean style of the training images.
        noise: a seed (the same one gives the same picture), fresh, or zero.
        parts: also write the reconstruction and the residual.
        size: scale inputs first, so that their shorter side has that many pixels. A network knows things at the scale
            it was trained on; a run on a folder was trained on images scaled to its --size or load_size.
        tile: translate larger images in tiles of that side, in bounded memory. Seamless where no layer of the network
            looks at the whole image; elsewhere (instance norm) tiles are faded into each other.
        overlap: pixels that neighbouring tiles share; by default what the network needs, at most half a tile.
    """
    from gritlib.translate import translate_files

    drawn = int(noise) if noise.lstrip("-").isdigit() else noise
    for path in translate_files(run, source, target, style, drawn, parts, size, tile, overlap):
        print(path)


def data(
    name: tyro.conf.Positional[str | None] = None,
    options: tuple[str, ...] = (),
    picture: Path | None = None,
    export: Path | None = None,
    size: int = 64,
) -> None:
    """List the datasets, or show the card of one: origin, licence, splits. `data fetch NAME` gets a public set; `data
    celebamask-hq`, `cityscapes`, `ade20k` prepare your own download; `data edges`, `pair`, `tiles` make pairs.

    Args:
        name: grove, earth, faces, shapes, a public set, or a folder of your own pairs.
        options: the dataset's own, as NAME=VALUE (see `train`).
        picture: write a PNG with some of its training images.
        export: write some pairs of the test split to this folder, N_input.png (label ids for a label map) and
            N_target.png: something to try `translate` on.
        size: side of the crops in pixels.
    """
    from gritlib import showcase
    from gritlib.fetch import commands

    if name is None:
        print(f"{showcase.all_cards()}\n\n{commands.listing()}")
    elif commands.is_public(name) and not (picture or export):  # its images may be many: the card has the counts
        print(commands.card(name))
    else:
        showcase.show(name, data_options(options), picture, export, size)


def bench() -> None:
    """Speed and rightness: `bench` times training steps beside a plain loop, `bench --help` lists the rest."""


def test(quick: bool = False, workers: int = 2) -> None:
    """Run the tests, then every notebook: the solved ones at preset ci, the students' at smoke.

    Args:
        quick: only the tests that take seconds.
        workers: processes that share the work.
    """
    from gritlib.selftest import run_tests

    sys.exit(run_tests(quick, workers))


def option(name: str, arguments: list[str]) -> str | None:
    """Value of --name in the arguments, before they are parsed: the preset decides the other defaults."""
    for i, word in enumerate(arguments):
        if word.startswith(f"--{name}="):
            return word.split("=", 1)[1]
        if word == f"--{name}" and i + 1 < len(arguments):
            return arguments[i + 1]
    return None


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Errors that speak to the person are printed without a traceback. Of several processes the first
    prints, and on each machine one says what went wrong."""
    shown = sys.stdout if os.environ.get("RANK", "0") == "0" else None
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(shown or nowhere):
            run(sys.argv[1:] if arguments is None else arguments)
            (shown or nowhere).flush()
    except BrokenPipeError:  # whoever reads has enough, as `head`; Python's own flush at the end must not complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, FileNotFoundError, FileExistsError, FloatingPointError) as error:
        if os.environ.get("GRITLIB_TRACEBACK"):
            raise
        sys.exit(f"error: {error}" if os.environ.get("LOCAL_RANK", "0") == "0" else 1)
    except KeyboardInterrupt:
        sys.exit(130)


def run(arguments: list[str]) -> None:
    """Parse and call the verb."""
    preset = option("preset", arguments)
    preset = preset if preset in get_args(PresetName) else None  # the parser complains about another word
    verbs = {"demo": demo, "train": train, "evaluate": evaluate, "translate": translate, "data": data}
    verbs |= {"study": study, "bench": bench, "course": course, "quiz": quiz, "weights": weights, "test": test}
    prog = "python -m gritlib"
    first = arguments[0] if arguments else None
    if first == "train":
        from gritlib.methods import METHODS

        verbs = {method: train_with(method, preset) for method in METHODS}
    elif first in ROOMS:
        room = import_module(ROOMS[first])
        verbs, arguments = room.VERBS, arguments + ([] if arguments[1:] else getattr(room, "DEFAULT", []))
    elif first == "data" and arguments[1:2]:
        from gritlib.fetch.commands import VERBS as more

        verbs = more if arguments[1] in more else verbs
    if first == "train" or first in ROOMS or "fetch" in verbs:
        prog, arguments = f"{prog} {arguments[0]}", arguments[1:]
    tyro.extras.subcommand_cli_from_dict(verbs, prog=prog, description=__doc__, args=arguments, config=FLAT)


if __name__ == "__main__":
    main()
