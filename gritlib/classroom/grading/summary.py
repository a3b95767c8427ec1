"""The instructor's page of a class: what to look at first, how the points lie, which mistakes are common, who has what.

For the instructor alone: it names the students. The seed is not on it.
"""

import statistics
from collections import Counter
from pathlib import PurePath

from gritlib.classroom.grading import safe, tables
from gritlib.classroom.grading.pages import date, name, page, rows, title_of
from gritlib.classroom.grading.record import GRADED, MISSING, STATUSES, UNREADABLE, Batch, ExerciseGrade, Grade

KINDS = (*STATUSES, "not graded")  # of an exercise; the last for notebooks that are missing or unreadable
COLOURS = ("#009e73", "#8fd3bf", "#d55e00", "#c9c9c4", "#a5a5a0", "#e9e9e5")
BINS = 10
URGENT = ("refused", "broken", "stopped")  # verdicts that deserve a look at the notebook
STYLE = """
.bar { display: flex; height: 1rem; width: 100%; min-width: 9rem; border: 1px solid #777; }
.bar span { display: block; height: 100%; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; padding: 0; list-style: none; font-size: .9rem; }
.key .bar { display: inline-block; min-width: 0; width: 1rem; margin-right: .4rem; vertical-align: -2px; }
.bins { display: flex; align-items: flex-end; gap: 3px; height: 7rem; margin: .6rem 0 0; max-width: 34rem; }
.bins div { flex: 1; text-align: center; font-size: .8rem; }
.bins .bar { background: #0072b2; border: 0; min-width: 0; display: block; print-color-adjust: exact;
  -webkit-print-color-adjust: exact; }
.axis { display: flex; justify-content: space-between; max-width: 34rem; font-size: .8rem; color: #555;
  border-top: 1px solid #555; }
"""


def summary_page(batch: Batch, grades: list[Grade], links: dict[str, str]) -> str:
    """The page. Args: links: student -> address of the student's own page, as plain text."""
    students = tables.by_student(batch, grades)
    names = ", ".join(title_of(lesson) for lesson in batch.lessons)
    facts = [f"{len(students)} students", f"gritlib {batch.version}"]
    facts += [f"exercises of class {batch.cohort}"] if batch.cohort else []
    facts += [f"deadline {date(batch.deadline)}"] if batch.deadline else []
    facts += [f"release {PurePath(batch.release).name}"] if batch.release else []
    body = [f"<h1>Grades of a class</h1><p>{safe.markup(names)}</p>"]
    body.append(f'<p class="quiet">{" · ".join(map(safe.markup, facts))}</p>')
    body.append(
        f'<p class="note"><strong>Sandbox: {safe.markup(batch.level)}.</strong> {safe.markup(batch.unprotected)}</p>'
    )
    body += [_first(students), _missing(batch, students), _points(batch, students), _exercises(batch, students)]
    body += [_mistakes(batch, students), _students(batch, students, links)]
    return page("Grades of a class", "\n".join(body), STYLE)


def _first(students: tables.By) -> str:
    """What an instructor should look at before the grades go out."""
    found = []
    for student, theirs in students.items():
        for lesson, grade in sorted(theirs.items()):
            what = [grade.status] if grade.status == UNREADABLE else []
            what += ["late"] if grade.late else []
            what += grade.notes
            for exercise in grade.exercises:
                urgent = sorted({part.verdict for part in exercise.parts} & set(URGENT))
                what += [f"{exercise.id}: {text}" for text in [*urgent, *exercise.notes]]
            if what:
                text = "<br>".join(safe.markup(one) for one in what)
                found.append([name(student), safe.markup(lesson or grade.file), text])
    heading = "<h2>Look at these first</h2>"
    if not found:
        return f"{heading}\n<p>Nothing: every notebook was read, in time, and no answer was stopped or refused.</p>"
    return f"{heading}\n" + rows(["Student", "Lesson", "What"], found, "Notebooks with something unusual")


def _missing(batch: Batch, students: tables.By) -> str:
    """Who handed nothing in, lesson by lesson."""
    out = []
    for lesson in batch.lessons:
        absent = [name(student) for student, theirs in students.items() if tables.status(theirs.get(lesson)) == MISSING]
        out += [f"<p>No notebook of {safe.markup(lesson)}: {', '.join(absent)}.</p>"] if absent else []
    return "\n".join(out)


def _points(batch: Batch, students: tables.By) -> str:
    totals = [tables.total(batch, theirs) for theirs in students.values()]
    shares = [100 * earned / points for earned, points in totals if points]
    out = ["<h2>Points</h2>"]
    if not shares:
        return out[0] + "\n<p>No student, or nothing to earn.</p>"
    counts = Counter(min(int(share * BINS / 100 + 1e-9), BINS - 1) for share in shares)
    step, most = 100 // BINS, max(counts.values())
    said = ", ".join(f"{counts[b]} from {b * step} to {(b + 1) * step} %" for b in range(BINS) if counts[b])
    bars = "".join(
        f'<div>{counts[b] or ""}<span class="bar" style="height:{5.2 * counts[b] / most:.2f}rem"></span></div>'
        for b in range(BINS)
    )
    out.append(f'<div class="bins" role="img" aria-label="Students by share of the points: {said}">{bars}</div>')
    out.append('<div class="axis" aria-hidden="true"><span>0 %</span><span>50 %</span><span>100 %</span></div>')
    table = []
    for lesson in batch.lessons:
        graded = [t[lesson].earned for t in students.values() if tables.status(t.get(lesson)) == GRADED]
        middle = [tables.number(rule(graded)) if graded else "–" for rule in (statistics.mean, statistics.median)]
        cells = [safe.markup(title_of(lesson)), f"{len(graded)} of {len(students)}", *middle]
        table.append([*cells, tables.number(tables.worth(batch, lesson))])
    head = ["Lesson", "Notebooks graded", "Mean", "Median", "Of"]
    return "\n".join([*out, rows(head, table, "Points of the notebooks that were graded", (1, 2, 3, 4))])


def _answers(id: str, students: tables.By) -> list[ExerciseGrade | None]:
    """Everybody's grade of an exercise; None where no notebook was graded."""
    lesson = id.split(".")[0]
    found = []
    for theirs in students.values():
        grade = theirs.get(lesson)
        known = {exercise.id: exercise for exercise in grade.exercises} if grade and grade.status == GRADED else {}
        found.append(known.get(id))
    return found


def _exercises(batch: Batch, students: tables.By) -> str:
    table = []
    for lesson in batch.lessons:
        for id, points in tables.exercises(batch, lesson).items():
            answers = _answers(id, students)
            counts = Counter(answer.status if answer else KINDS[-1] for answer in answers)
            got = [answer.earned for answer in answers if answer]
            mean = f"{tables.number(statistics.mean(got))}" if got else "–"
            title = next((answer.title for answer in answers if answer), id)
            said = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind]) or "no student"
            table.append([safe.markup(title), _bar(counts, said), said, f"{mean} of {tables.number(points)}"])
    key = "".join(
        f'<li><span class="bar" style="background:{colour}"></span>{kind}</li>'
        for kind, colour in zip(KINDS, COLOURS, strict=True)
    )
    head = ["Exercise", "Answers", "In numbers", "Mean points"]
    inner = rows(head, table, "How the class answered; the mean is of notebooks that were graded", (3,))
    return f'<h2>Exercises</h2>\n<ul class="key">{key}</ul>\n{inner}'


def _bar(counts: Counter, said: str) -> str:
    total = sum(counts.values()) or 1
    pieces = "".join(
        f'<span style="width:{100 * counts[kind] / total:.2f}%;background:{colour}"></span>'
        for kind, colour in zip(KINDS, COLOURS, strict=True)
        if counts[kind]
    )
    return f'<span class="bar" role="img" aria-label="{said}">{pieces}</span>'


def _mistakes(batch: Batch, students: tables.By) -> str:
    """The most common recognised mistake of each exercise and the property missed most often, each student once."""
    table = []
    for lesson in batch.lessons:
        for id in tables.exercises(batch, lesson):
            answers = [answer for answer in _answers(id, students) if answer]
            wrong = [[part for part in answer.parts if part.verdict == "wrong"] for answer in answers]
            mistakes = Counter(m for parts in wrong for m in sorted({part.mistake for part in parts if part.mistake}))
            missed = Counter(n for parts in wrong for n in sorted({part.name for part in parts}))
            if missed:
                title = next(answer.title for answer in answers)
                table.append([safe.markup(title), _most(mistakes) or "none was recognised", _most(missed)])
    heading = "<h2>Common mistakes</h2>"
    if not table:
        return f"{heading}\n<p>No answer was wrong.</p>"
    head = ["Exercise", "Most common mistake", "Property missed most often"]
    return f"{heading}\n" + rows(
        head, table, "Of answers that were written but are not right; each student counts once"
    )


def _most(counts: Counter) -> str:
    if not counts:
        return ""
    # Equally common ones in the order of the alphabet, so that the page does not depend on the order of students.
    text, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return f"{safe.markup(text)} <span class='worth'>({count} student{'s' if count > 1 else ''})</span>"


def _students(batch: Batch, students: tables.By, links: dict[str, str]) -> str:
    table = []
    for student, theirs in students.items():
        earned, points = tables.total(batch, theirs)
        cells = [f'<a href="{safe.markup(links[student])}">{name(student)}</a>']
        for lesson in batch.lessons:
            grade = theirs.get(lesson)
            graded = grade is not None and grade.status == GRADED
            cells.append(tables.number(grade.earned) if graded else safe.markup(tables.status(grade)))
        late = ", ".join(lesson for lesson, grade in sorted(theirs.items()) if grade.late)
        table.append([*cells, f"{tables.number(earned)} of {tables.number(points)}", safe.markup(late)])
    head = ["Student", *map(safe.markup, batch.lessons), "Points", "Late"]
    numbers = tuple(range(1, len(batch.lessons) + 2))
    return "<h2>Students</h2>\n" + rows(head, table, "Each name leads to the student's own page", numbers)
