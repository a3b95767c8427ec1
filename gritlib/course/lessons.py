"""The lessons: titles, what they ask of a student's time, and how many training steps each may take at each preset.

Budgets are counted in steps, which a test adds up; seconds depend on the machine and are only printed.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Lesson:
    """Args: number, title, question: as on the first page. reading, coding: minutes for the middle student. compute:
    minutes a student waits at preset `cpu`. seconds: limit at `ci` on two cores. file: name of source and notebooks.
    steps: name of a run -> preset -> training steps."""

    number: str
    title: str
    question: str
    reading: int
    coding: int
    compute: int
    seconds: int
    file: str
    steps: dict[str, dict[str, int]] = field(default_factory=dict)

    def steps_at(self, run: str, preset: str) -> int:
        """Training steps of one of the lesson's runs.

        Raises:
            ValueError: a run that the lesson does not declare.
        """
        if run not in self.steps:
            raise ValueError(f"lesson {self.number} has no run {run!r}: it declares {', '.join(self.steps) or 'none'}")
        return self.steps[run][preset]


def runs(smoke: int, ci: int, cpu: int, gpu: int) -> dict[str, int]:
    """Steps by preset; `paper` takes those of `gpu`, since a lesson never trains for days."""
    return {"smoke": smoke, "ci": ci, "cpu": cpu, "gpu": gpu, "paper": gpu}


LESSONS = {
    "00": Lesson(
        "00",
        "Start here: images, tasks and how to be wrong about quality",
        "What does it mean for a translated image to be good?",
        reading=30,
        coding=55,
        compute=1,
        seconds=40,
        file="00_start_here",
    ),
    "01": Lesson(
        "01",
        "pix2pix: a conditional GAN",
        "How can one network do many translations without a hand-made loss?",
        reading=45,
        coding=90,
        compute=4,
        seconds=130,
        file="01_pix2pix",
        steps={"yours": runs(10, 1400, 2400, 6000), "variant": runs(10, 700, 1600, 4000)},
    ),
    "02": Lesson(
        "02",
        "What should the loss be?",
        "What does each loss ask for, and why do they disagree?",
        reading=45,
        coding=80,
        compute=4,
        seconds=110,
        file="02_losses",
        steps={
            "start": runs(10, 300, 800, 2000),
            "gan": runs(10, 300, 800, 2000),
            "vgg": runs(5, 60, 200, 600),
            "more": runs(5, 60, 200, 600),
        },
    ),
    "03": Lesson(
        "03",
        "CycleGAN: without pairs",
        "What replaces the ground truth?",
        reading=40,
        coding=75,
        compute=8,
        seconds=150,
        file="03_cyclegan",
        steps={"yours": runs(4, 200, 500, 2000)},
    ),
    "04": Lesson(
        "04",
        "CUT: one direction is enough",
        "How far can contrast within one image replace the cycle?",
        reading=40,
        coding=85,
        compute=8,
        seconds=140,
        file="04_cut",
        steps={
            "yours": runs(4, 300, 800, 3000),
            "variant": runs(4, 100, 300, 1500),
            "sincut": runs(2, 200, 480, 3000),
        },
    ),
    "05": Lesson(
        "05",
        "SPADE: keep the layout alive",
        "Why does a normalised network forget its label map?",
        reading=50,
        coding=77,
        compute=3,
        seconds=110,
        file="05_spade",
        steps={"yours": runs(4, 100, 400, 2000)},
    ),
    "06": Lesson(
        "06",
        "GRIT: let the two losses work on different things",
        "Why not reconstruct only what can be reconstructed?",
        reading=45,
        coding=72,
        compute=4,
        seconds=160,
        file="06_grit",
        steps={"yours": runs(10, 700, 1200, 6000)},
    ),
    "07": Lesson(
        "07",
        "Understanding GRIT",
        "Is it really doing what it says?",
        reading=40,
        coding=72,
        compute=1,
        seconds=80,
        file="07_understanding",
    ),
}


def get(number: str) -> Lesson:
    """A lesson by number.

    Raises:
        ValueError: unknown number.
    """
    if number not in LESSONS:
        raise ValueError(f"lesson {number!r} is unknown: the lessons are {', '.join(LESSONS)}")
    return LESSONS[number]
