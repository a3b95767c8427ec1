"""A page for each student: what was asked, what came, what to look at next. Static HTML that may be sent by mail,
printed, and read by a screen reader; no script, nothing fetched, every foreign word escaped.

It holds the student's own words and draws only: no seed, nobody else's inputs, no code of a reference.
"""

from datetime import datetime, timezone

from gritlib.classroom.grading import safe, tables
from gritlib.classroom.grading.record import GRADED, Batch, ExerciseGrade, Grade, PartGrade
from gritlib.course.lessons import LESSONS

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 2rem auto; max-width: 58rem; padding: 0 1.2rem; color: #1a1a1a; background: #fff;
  font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Liberation Sans", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; padding-top: .8rem; border-top: 2px solid #1a1a1a; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; display: flex; gap: 1rem; justify-content: space-between; }
p { margin: .4rem 0; max-width: 46rem; }
.end { margin-top: 2rem; }
.total { font-size: 1.3rem; font-weight: 600; }
.quiet { color: #555; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; font-size: .95rem; }
caption { text-align: left; color: #555; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #ddd;
  overflow-wrap: anywhere; }
thead th { border-bottom: 1px solid #555; overflow-wrap: normal; }
tbody th { min-width: 9.5rem; }
.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; padding: .3rem .9rem; }
ul.parts { list-style: none; margin: .3rem 0; padding: 0; }
ul.parts > li { padding: .25rem 0 .25rem 2rem; position: relative; }
.mark { position: absolute; left: .3rem; font-weight: 700; }
.right .mark, .full { color: #00613f; }
.wrong .mark { color: #a33b00; }
.worth { color: #555; white-space: nowrap; }
pre { margin: .3rem 0; padding: .4rem .7rem; background: #f4f4f2; border-left: 3px solid #999; white-space: pre-wrap;
  overflow-wrap: anywhere; font: .86rem/1.45 ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
.say { margin: .3rem 0; padding: .4rem .7rem; background: #eef5fb; border-left: 3px solid #0072b2; max-width: none; }
.note { margin: .3rem 0; padding: .4rem .7rem; background: #fdf3e3; border-left: 3px solid #e69f00; max-width: none; }
a { color: #00598c; }
@media (max-width: 36rem) { h3 { display: block; } th, td { padding-right: .4rem; } }
@media print { body { margin: 0; max-width: none; font-size: 10.5pt; } a { color: inherit; text-decoration: none; }
  li, tr, .say, .note { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .say, .note, pre, .bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact; } }
"""
# The browser itself then refuses scripts, pictures and addresses, should an escape ever be forgotten.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
VERDICTS = {
    "wrong": "not right yet",
    "not attempted": "not written yet",
    "missing": "no definition with this name was found in the notebook",
    "stopped": "stopped when its time was over",
    "broken": "the process that ran it ended before it answered",
    "refused": "not counted, for the reason in the note above",
}


def page(title: str, body: str, style: str = "") -> str:
    """A whole document. Args: title: raw text. body: markup, escaped already."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{safe.markup(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def name(text: str) -> str:
    """A name of any script, isolated so that its direction of reading ends with it."""
    return f"<bdi>{safe.markup(text)}</bdi>"


def of(earned: float, points: float) -> str:
    """ "2 of 3 points", in words."""
    return f"{tables.number(earned)} of {tables.number(points)} points"


def title_of(lesson: str) -> str:
    """A lesson's number and title."""
    return f"{lesson} {LESSONS[lesson].title}" if lesson in LESSONS else lesson or "A notebook of an unknown lesson"


def date(text: str) -> str:
    """A time of the records in words, in UTC; what is no time stays as it is."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return f"{time.astimezone(timezone.utc) if time.tzinfo else time:%Y-%m-%d %H:%M}" + (" UTC" if time.tzinfo else "")


def rows(head: list[str], body: list[list[str]], caption: str, numbers: tuple[int, ...] = ()) -> str:
    """A table with headings for both directions. Args: cells are markup. numbers: columns aligned as numbers."""

    def line(cells: list[str], kind: str) -> str:
        made = []
        for place, text in enumerate(cells):
            tag = "th" if kind == "col" or place == 0 else "td"
            scope = f' scope="{"col" if kind == "col" else "row"}"' if tag == "th" else ""
            made.append(f"<{tag}{scope}{' class=n' if place in numbers else ''}>{text}</{tag}>")
        return f"<tr>{''.join(made)}</tr>"

    inner = "\n".join(line(cells, "row") for cells in body)
    head_row = line(head, "col")
    return f"<table>\n<caption>{caption}</caption>\n<thead>{head_row}</thead>\n<tbody>\n{inner}\n</tbody>\n</table>"


def student_page(student: str, theirs: dict[str, Grade], batch: Batch) -> str:
    """A student's page: all lessons that were asked for, and notebooks of which nobody could say the lesson."""
    earned, points = tables.total(batch, theirs)
    overview = []
    for lesson in batch.lessons:
        grade = theirs.get(lesson)
        sort = tables.status(grade) + (", late" if grade and grade.late else "")
        got = grade.earned if grade else 0.0
        text = safe.markup(title_of(lesson))
        link = f'<a href="#lesson-{safe.markup(lesson)}">{text}</a>' if grade else text
        points_of = f"{tables.number(got)} of {tables.number(tables.worth(batch, lesson))}"
        overview.append([link, safe.markup(sort), points_of])
    body = [f"<h1>{name(student)}</h1>", f'<p class="total">{of(earned, points)}</p>']
    body.append(rows(["Lesson", "Notebook", "Points"], overview, "Lessons that were graded", (2,)))
    others = [grade for lesson, grade in sorted(theirs.items()) if lesson not in batch.lessons]
    graded = [theirs[lesson] for lesson in batch.lessons if lesson in theirs] + others
    body += [_lesson(grade, batch) for grade in graded]
    body.append(
        '<p class="quiet end">Each answer was run with inputs drawn for this grading, so numbers differ from those of '
        "the check in the notebook. Only the definitions of the exercises count, not what the notebook printed.</p>"
    )
    return page(f"Grades of {student}", "\n".join(body))


def _lesson(grade: Grade, batch: Batch) -> str:
    facts = [
        ("Notebook", grade.file),
        ("Handed in", date(grade.modified) + (", after the deadline" if grade.late else "")),
        ("Graded", date(grade.graded)),
        ("With", f"gritlib {grade.version}" + (f", exercises of class {grade.cohort}" if grade.cohort else "")),
    ]
    # An empty value and a value that is only an addition say nothing.
    shown = [f"{word}: {name(value)}" for word, value in facts if value and value != "gritlib "]
    points = tables.worth(batch, grade.lesson) or grade.points
    out = [f'<section id="lesson-{safe.markup(grade.lesson)}">', f"<h2>{safe.markup(title_of(grade.lesson))}</h2>"]
    out += [f'<p class="total">{of(grade.earned, points)}</p>', f'<p class="quiet">{" · ".join(shown)}</p>']
    if grade.status != GRADED:
        out.append(f"<p>This notebook is {safe.markup(grade.status)}, so nothing in it could earn points.</p>")
    out += [f'<p class="note">{safe.markup(note)}</p>' for note in grade.notes]
    return "\n".join([*out, *map(_exercise, grade.exercises), "</section>"])


def _exercise(exercise: ExerciseGrade) -> str:
    full = " full" if exercise.status == "right" else ""
    out = [
        f"<h3><span>{safe.markup(exercise.title)}</span>"
        f'<span class="worth{full}">{of(exercise.earned, exercise.points)}</span></h3>'
    ]
    out += [f'<p class="note">{safe.markup(note)}</p>' for note in exercise.notes]
    if exercise.status in ("not attempted", "missing") and not any(part.lines for part in exercise.parts):
        return "\n".join([*out, f"<p>{VERDICTS[exercise.status].capitalize()}.</p>"])
    said: set[str] = set()
    items = [_part(part, said) for part in exercise.parts]
    out += ['<ul class="parts">', *items, "</ul>"]
    if exercise.trace and exercise.status != "right":
        out.append(f"<p>Where it failed:</p>\n<pre>{safe.block([exercise.trace])}</pre>")
    return "\n".join(out)


def _part(part: PartGrade, said: set[str]) -> str:
    """One property. `said`: what stood on the page already; the same explanation three times does not help."""
    right = part.verdict == "right"
    mark, word = ("✓", "right") if right else ("✗", "not right")
    worth = ""
    if part.points:
        worth = f' <span class="worth">({tables.number(part.earned)} of {tables.number(part.points)})</span>'
    text = f'<span class="mark" role="img" aria-label="{word}">{mark}</span>{safe.markup(part.name)}{worth}'
    if not right and part.verdict != "wrong":
        text += f'<br><span class="quiet">{safe.markup(VERDICTS.get(part.verdict, part.verdict))}</span>'
    new = [line for line in part.lines if line not in said]
    if not right and any(not line.startswith("for ") for line in new):  # inputs alone explain nothing
        text += f"<pre>{safe.block(new)}</pre>"
    if not right and part.mistake and part.mistake not in said:
        text += f'<p class="say"><strong>Likely mistake:</strong> {safe.markup(part.mistake)}</p>'
    said.update([*part.lines, part.mistake])
    return f'<li class="{"right" if right else "wrong"}">{text}</li>'
