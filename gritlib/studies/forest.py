"""All judged comparisons in one figure: intervals where there are five seeds or more, else one dot a seed.

An SVG written as text: the same bytes with every version of Python and without a plotting library. It brings its own
background, light or dark as the reader's system asks for; colour only repeats what the side of the line says.
"""

from html import escape

from gritlib.studies.verdicts import AGAINST, FOR, MISSING, Claim, Outcome, holds
from gritlib.studies.words import found, parts

WIDTH, ROW, TOP = 1040, 16, 58
MIDDLE, REACH = 580, 120  # the line of no difference; the plot's ends to either side
NUMBERS = 720
STYLE = """
svg { background: #fff } .ground { fill: #fff } text { fill: #1f2328; font: 12px sans-serif }
.claim { font-weight: bold }
.line { stroke: #8c959f } .for { stroke: #0550ae; fill: #0550ae } .against { stroke: #b35900; fill: #b35900 }
.open { stroke: #6e7781; fill: #6e7781 }
@media (prefers-color-scheme: dark) {
svg { background: #0d1117 } .ground { fill: #0d1117 } text { fill: #e6edf3 } .for { stroke: #79c0ff; fill: #79c0ff }
.against { stroke: #ffa657; fill: #ffa657 } .open { stroke: #9198a1; fill: #9198a1 }
}
"""
HEAD = "Right of the line is what the claim predicts. Bars are 95 % intervals of six or five seeds, dots single seeds."
SCALE = "Every row has a scale of its own, as the units differ: the farthest point of a row lies at the edge."


def svg(measured: list[tuple[Claim, str, list[Outcome]]]) -> str:
    """The figure.

    Args:
        measured: claims with their verdicts and outcomes; what is not judged or has no runs is left out.
    """
    rows, y = [], TOP
    for claim, verdict, outcomes in measured:
        drawn = [o for o in outcomes if o.verdict not in ("", MISSING)]
        if not drawn:
            continue
        good, all_ = holds(outcomes)
        rows.append(text(8, y + 11, f"C{claim.id}: {verdict}, {good} of {all_}", ' class="claim"'))
        rows += [row(o, y + ROW * (1 + number)) for number, o in enumerate(drawn)]
        y += ROW * (len(drawn) + 1) + 6
    height = y + 10
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'role="img">',
        "<title>The claims, measured: every judged comparison</title>",
        f"<desc>{HEAD} {SCALE} RESULTS.md has the same numbers as text.</desc>",
        f"<style>{STYLE}</style>",
        f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        text(8, 20, HEAD),
        text(8, 38, SCALE),
        f'<line class="line" x1="{MIDDLE}" x2="{MIDDLE}" y1="{TOP - 8}" y2="{y}"/>',
    ]
    return "\n".join([*head, *rows, "</svg>"]) + "\n"


def text(x: float, y: float, words: str, more: str = "") -> str:
    return f'<text x="{x}" y="{y}"{more}>{escape(words)}</text>'


def row(o: Outcome, y: int) -> str:
    """One comparison on one dataset: its name, its interval or dots, its number."""
    c = o.comparison
    sign = {"higher": 1, "lower": -1}[c.predicted]
    points = o.each if o.low is None else (o.low, o.estimate, o.high)
    ahead = [sign * (point - c.neutral) for point in points]
    reach = max(abs(value) for value in ahead) or 1
    places = [MIDDLE + value / reach * REACH for value in ahead]
    kind = "for" if o.verdict in FOR else "against" if o.verdict in AGAINST else "open"
    middle = y + ROW // 2
    name = f"{o.dataset}: {c.subject}" + (f" / {c.other}" if isinstance(c.other, str) and not c.against else "")
    metric, _, style, _ = parts(c.metric)
    marks = [text(20, y + 12, f"{name}, {metric}" + (f" ({style})" if style else ""))]
    if o.low is not None:
        low, high = min(places), max(places)
        marks.append(
            f'<line class="{kind}" stroke-width="2" x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}"/>'
        )
        places = places[1:2]
    marks += [f'<circle class="{kind}" cx="{place:.1f}" cy="{middle}" r="3"/>' for place in places]
    return "\n".join([*marks, text(NUMBERS, y + 12, found(o))])
