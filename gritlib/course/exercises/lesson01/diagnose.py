"""01.6: six recorded runs, each with one planted fault; which is which? The runs are drawn by the student's id, and the
reply to a wrong name points at the curve that decides.
"""

from gritlib.course.exercise import Exercise, Part
from gritlib.course.session import student
from gritlib.studies.clinic import CHOICES, confusion, drawn


def diagnose() -> dict[str, str]:
    """Run -> fault, for the runs of the student whose machine this is."""
    return {run: log.fault for run, log in drawn(student()).items()}


def draw_student(generator):
    return {"student": student()}


def answered(inputs, diagnose):
    return {"answer": diagnose()}


def wrong_runs(inputs: dict, got: dict) -> list[str]:
    """A line for each run that is not named rightly."""
    answer, lines = got["answer"], []
    if not isinstance(answer, dict):
        return [f"got {answer!r}, wanted a dict from the runs A to F to names of faults"]
    for run, log in drawn(inputs["student"]).items():
        said = answer.get(run)
        if said is None:
            lines.append(f"run {run}: no answer yet")
        elif said not in CHOICES:
            lines.append(f"run {run}: {said!r} is not in the list; it has {', '.join(CHOICES)}")
        elif said != log.fault:
            lines.append(f"run {run}, {said}: {confusion(said, log.fault)}")
    return lines


def four_or_more(inputs: dict, got: dict, wanted: dict) -> str | None:
    lines = wrong_runs(inputs, got)
    return "\n".join(lines) if len(lines) > 2 or not isinstance(got["answer"], dict) else None


def all_six(inputs: dict, got: dict, wanted: dict) -> str | None:
    return "\n".join(wrong_runs(inputs, got)) or None


DIAGNOSE = Exercise(
    id="01.6",
    names=("diagnose",),
    reference=(diagnose,),
    minutes=15,
    parts=(
        Part("four or more of the six runs", 1, draw_student, answered, judge=four_or_more),
        Part("all six", 1, draw_student, answered, judge=all_six),
    ),
)
