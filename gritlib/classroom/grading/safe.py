"""Text that somebody else wrote, made fit for a page, a table, a terminal and a file's name.

Names of students, names of files and messages of their code may hold anything: markup, formulas, terminal escapes,
characters that turn the direction of reading. None of it may act, all of it must stay visible.
"""

import hashlib
import html
import re
import unicodedata

LINE = 600  # letters of one line of a message, after which the rest is left out
LINES = 60  # lines of one message
# Steering characters that are not text: controls, formats (with the bidirectional ones), lone surrogates, separators.
# Unassigned ones are let through: which those are depends on Python's version, and reports must not.
HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")
# Names that Windows keeps for devices, with any ending.
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(10))}
PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
HASHED = re.compile(r".*-[0-9a-f]{12}")


def visible(text: str, limit: int = LINE) -> str:
    """One line in which nothing is hidden: steering characters become ⟨U+202E⟩, what is longer than `limit` is cut."""
    kept, cut = str(text)[:limit], len(str(text)) > limit
    shown = "".join(f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in HIDDEN else c for c in kept)
    return shown + ("…" if cut else "")


def lines(text: str) -> list[str]:
    """The lines of a message, each as `visible` makes it; tabs become spaces, more than LINES lines are left out."""
    # By \n only: str.splitlines would also take the characters that must become visible.
    parts = str(text).replace("\r\n", "\n").expandtabs(4).rstrip("\n").split("\n")
    shown = [visible(part) for part in parts[:LINES]]
    return shown + ([f"… {len(parts) - LINES} more lines"] if len(parts) > LINES else [])


def markup(text: str, limit: int = LINE) -> str:
    """`visible` text inside an HTML element or a quoted attribute."""
    return html.escape(visible(text, limit))


def block(texts: list[str]) -> str:
    """`lines` of several messages inside a <pre>."""
    return html.escape("\n".join(line for text in texts for line in lines(text)))


def cell(value) -> str:
    """A value in a CSV table that a spreadsheet does not compute: what begins like a formula gets an apostrophe
    (OWASP, CSV injection). Numbers stay numbers."""
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if NUMBER.fullmatch(text):
        return text
    # Before tabs and line ends become visible: a cell that began with one is neutralised all the same.
    return ("'" if text.lstrip(" ").startswith(FORMULA) else "") + visible(text)


def file_name(name: str) -> str:
    """A file's name, without an ending, that belongs to one student's name only, on every platform.

    Names of lower-case ASCII letters, digits, - and _ stay. Others keep what they have of these and get twelve digits
    of their hash, so that Ana, ana and Añá are three files; so do names that end as if they had such digits.
    """
    if PLAIN.fullmatch(name) and name not in RESERVED and not HASHED.fullmatch(name):
        return name
    known = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", known).strip("-")[:40].strip("-")
    digits = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{stem or 'student'}-{digits}"
