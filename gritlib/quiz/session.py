"""A session of the quiz: pictures, their order, answers. Each is kept when it is given: a session can be left."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from gritlib import weights
from gritlib.data import catalog
from gritlib.data.images import to_uint8
from gritlib.data.source import Source
from gritlib.evaluation import Lent, translate_all
from gritlib.methods import Method
from gritlib.quiz.scores import WORDS, Score, count, finished, home, read
from gritlib.training import checkpoint

PRACTICE, SCORED = 10, 40


class Pair(NamedTuple):
    """A real and a generated picture, (C, H, W) in [-1, 1], who generated it, and of which input."""

    real: Tensor
    fake: Tensor
    method: str = "generated"
    place: int = 0


class Trial(NamedTuple):
    """number: from 1. phase: "practice" or "scored". pair: its number. real: the word for where the real one is."""

    number: int
    phase: str
    pair: int
    real: str


@torch.no_grad()
def pairs_of(
    run: str | Path | Method,
    n: int = PRACTICE + SCORED,
    style: str = "random",
    seed: int = 0,
    source: Source | None = None,
    train: Source | None = None,
    name: str | None = None,
) -> list[Pair]:
    """Real and generated pictures of the same inputs: evenly chosen places of a test split.

    Args:
        run: a run folder of `gritlib train` or its checkpoint, the name of shipped weights, or a trained method. n: how
            many. style: for a method with style, that of a "random" training image, the "mean" code, or that of the
            "truth", which shows the network the colours of the answer. seed: of styles and noise. source: test images;
            by default those of the dataset that the run was trained on. train: training images that lend their style,
            by default all of that dataset. name: of the method in the results.

    Raises:
        FileNotFoundError: no such run. ValueError: fewer places than n, an unknown style, or no known source.
    """
    method, about = run, None
    if not isinstance(run, Method):
        name = name or Path(run).stem
        if str(run) in weights.NAMES:
            method, about = weights.load(str(run)), {"name": str(run).rsplit("-", 1)[1], "size": 64}
        else:
            method, about = checkpoint.load_method(run), checkpoint.read(run)["source"]
    if source is None:
        if about is None or "name" not in about:
            raise ValueError(f"{name or method.name} does not say what it was trained on: give source=, a test split")
        source = load(about, "test")
    if n > len(source):
        raise ValueError(f"{n} pairs, and {source.name}/{source.split} has {len(source)} places: ask for fewer")
    if style not in ("random", "mean", "truth"):
        raise ValueError(f"style {style!r} is unknown: choose random, mean or truth")
    places = torch.linspace(0, len(source) - 1, n).long().tolist()
    batch, lent = source.batch(places), None
    if method.styled and style == "random":
        train = train or load({"name": source.name, "size": source.size, "options": source.options}, "train")
        lent = Lent(getattr(train, "second", train), n, seed)[:]
    elif method.styled and style == "truth":
        lent = batch["B"]
    made = translate_all(method, batch["A"], lent, noise=seed)["image"]
    return [Pair(*both, name or method.name, place) for *both, place in zip(batch["B"], made, places, strict=True)]


def load(about: dict, split: str) -> Source:
    """One split of the dataset that a checkpoint names."""
    return catalog.load(about["name"], split, about["size"], **about.get("options", {}))


def schedule(methods: Sequence[str], practice: int, scored: int, seed: int) -> list[tuple[int, int]]:
    """Which pair stands in which trial, and where its real picture is (0 or 1).

    Methods get as many trials as each other, as far as it goes, in both phases; of a method's trials in a phase the
    real picture is first in one half, and of an odd number in one half by chance. The order is drawn.
    """
    generator = torch.Generator().manual_seed(seed)
    waiting: dict[str, list[int]] = {}
    for i in torch.randperm(len(methods), generator=generator).tolist():
        waiting.setdefault(methods[i], []).append(i)
    turns = [own[k] for k in range(len(methods)) for own in waiting.values() if k < len(own)]
    order = []
    for chosen in (turns[:practice], turns[practice : practice + scored]):
        sides = {}
        for name in waiting:
            mine = [i for i in chosen if methods[i] == name]
            first = int(torch.randint(2, (), generator=generator))
            sides |= {i: (k + first) % 2 for k, i in enumerate(mine)}
        order += [(chosen[k], sides[chosen[k]]) for k in torch.randperm(len(chosen), generator=generator).tolist()]
    return order


class Quiz:
    """A session: which trial is next, what was answered, what it scores. No screen is needed to drive it.

    A session that was left is taken up again where the same pictures and settings come back.

    Args:
        pairs: see `pairs_of`; lists of several methods may be joined. practice, scored: how many trials. layout:
            "beside" or "in turn". seconds: how long pictures are shown, None without limit. seed: of the order; by
            default another in each session. folder: where sessions are kept, by default `quiz` among the student's
            files. new: begin a session although one was left.

    Attributes:
        session: a random number that names nobody. trials: all of them. answers: the words so far. file: where.

    Raises:
        ValueError: too few pairs, pictures of a pair that differ in shape, an unknown layout, or seconds not above 0.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        practice: int = PRACTICE,
        scored: int = SCORED,
        layout: str = "beside",
        seconds: float | None = None,
        seed: int | None = None,
        folder: Path | None = None,
        new: bool = False,
    ):
        if practice < 0 or scored < 1 or practice + scored > len(pairs):
            raise ValueError(
                f"{practice} practice and {scored} scored trials with {len(pairs)} pairs: needed are one scored trial "
                "or more, and a pair for each, since no picture comes twice"
            )
        if layout not in WORDS:
            raise ValueError(f"layout {layout!r} is unknown: choose one of {', '.join(WORDS)}")
        if seconds is not None and not seconds > 0:
            raise ValueError(f"seconds = {seconds}: pictures need a time above 0, or None for no limit")
        for i, pair in enumerate(pairs):
            if pair.real.shape != pair.fake.shape or pair.real.ndim != 3:
                shapes = f"{tuple(pair.real.shape)} and {tuple(pair.fake.shape)}"
                raise ValueError(f"pair {i} has pictures of {shapes}: needed is one shape, (C, H, W)")
        self.pairs, self.folder = list(pairs), home() if folder is None else Path(folder)
        self.settings = {"practice": practice, "scored": scored, "layout": layout, "seconds": seconds}
        self.settings |= {"pictures": fingerprint(pairs)}
        left = None if new else self._left(seed)
        self.session = left["session"] if left else secrets.token_hex(4)
        self.seed = left["seed"] if left else int(self.session, 16) if seed is None else seed
        order = schedule([pair.method for pair in pairs], practice, scored, self.seed)
        phases = ["practice"] * practice + ["scored"] * scored
        self.trials = [
            Trial(number, phase, pair, WORDS[layout][side])
            for number, (phase, (pair, side)) in enumerate(zip(phases, order, strict=True), 1)
        ]
        self.answers = [row["answer"] for row in left["trials"]] if left else []

    @property
    def file(self) -> Path:
        return self.folder / f"{self.session}.json"

    @property
    def trial(self) -> Trial | None:
        """The next trial, None after the last."""
        return self.trials[len(self.answers)] if len(self.answers) < len(self.trials) else None

    def shown(self, trial: Trial) -> tuple[Tensor, Tensor]:
        """The two pictures of a trial, left and right or first and second."""
        pair = self.pairs[trial.pair]
        return (pair.real, pair.fake) if trial.real == self.words[0] else (pair.fake, pair.real)

    @property
    def words(self) -> tuple[str, str]:
        """The two possible answers."""
        return WORDS[self.settings["layout"]]

    def answer(self, word: str) -> bool | None:
        """Say which picture of the next trial is real, and keep it.

        Returns:
            Whether that is so, in practice; None in the scored trials, which give no feedback.

        Raises:
            ValueError: another word, or no trial is left.
        """
        trial = self.trial
        if trial is None:
            raise ValueError(f"all {len(self.trials)} trials are answered: Quiz(..., new=True) begins another session")
        if word not in self.words:
            raise ValueError(f"answer {word!r}: say {' or '.join(self.words)}")
        self.answers.append(word)
        content = {"format": 1, "session": self.session, "seed": self.seed, "settings": self.settings}
        try:
            checkpoint.write_text(json.dumps(content | {"trials": self.rows()}, indent=1) + "\n", self.file)
        except OSError as error:
            print(f"answers are not kept: {self.file} cannot be written ({error.strerror})")
        return word == trial.real if trial.phase == "practice" else None

    def rows(self) -> list[dict]:
        """The answered trials in plain data."""
        told = []
        for trial, answer in zip(self.trials, self.answers, strict=False):
            pair = self.pairs[trial.pair]
            row = {"trial": trial.number, "phase": trial.phase, "method": pair.method, "place": pair.place}
            told.append(row | {"real": trial.real, "answer": answer})
        return told

    def scores(self) -> dict[str, Score]:
        """Scores of the scored trials so far, by method."""
        return count(row | {"session": self.session} for row in self.rows() if row["phase"] == "scored")

    def _left(self, seed: int | None) -> dict | None:
        """The latest session in the folder with these pictures and settings that is not finished."""
        for file in sorted(self.folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True):
            stored = read(file)
            same = stored is not None and stored["settings"] == self.settings and seed in (None, stored["seed"])
            if same and not finished(stored):
                return stored
        return None


def fingerprint(pairs: Iterable[Pair]) -> str:
    """A short name of the pictures and their methods, in their order."""
    digest = hashlib.sha256()
    for pair in pairs:
        digest.update(f"{pair.method} {pair.place}".encode())
        digest.update(to_uint8(torch.stack([pair.real.float(), pair.fake.float()]).cpu()).tobytes())
    return digest.hexdigest()[:16]
