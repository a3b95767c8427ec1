"""What differs between a notebook on disk and what its source makes, cell by cell, in words."""

import json


def differences(where: str, disk: str, fresh: str, outputs: bool) -> list[str]:
    """One line for each difference; none if there is none.

    Args:
        where: the file's name, for the lines. disk: its text. fresh: the text the source makes.
        outputs: are outputs expected? Then they and the execution counts may be anything.
    """
    try:
        mine, theirs = json.loads(disk), json.loads(fresh)
        cells = [{**cell, "source": "".join(cell["source"])} for cell in mine["cells"]]
    except (ValueError, KeyError, TypeError) as error:
        return [f"{where}: is not a notebook ({error!r})"]
    wanted = [{**cell, "source": "".join(cell["source"])} for cell in theirs["cells"]]
    lines = [
        f"{where}: {key} of the notebook is {mine.get(key)!r}, the source makes {theirs.get(key)!r}"
        for key in sorted(set(mine) | set(theirs))
        if key != "cells" and mine.get(key) != theirs.get(key)
    ]
    for number, (got, want) in enumerate(zip(cells, wanted, strict=False), 1):
        if got.get("id") != want["id"]:
            lines.append(f"{where}: cell {number} is {got.get('id')!r}, the source has {want['id']!r} there")
            break
        lines += [f"{where}: cell {number} ({want['id']}) {said}" for said in _cell(got, want, outputs)]
    if len(cells) != len(wanted):
        lines.append(f"{where}: {len(cells)} cells, the source makes {len(wanted)}")
    if not lines and disk != fresh and not outputs:
        lines.append(f"{where}: is written in another form than the builder's (spacing, order of keys)")
    return lines


def _cell(got: dict, want: dict, outputs: bool) -> list[str]:
    lines = []
    for key in sorted(set(got) | set(want)):
        mine, theirs = got.get(key), want.get(key)
        if mine == theirs or (outputs and key in ("outputs", "execution_count")):
            continue
        if key == "source":
            lines.append(f"differs: {_first_line(mine, theirs)}")
        elif key in ("outputs", "execution_count"):
            lines.append("has outputs: a student's notebook is committed without")
        else:
            lines.append(f"differs: {key} is {mine!r}, the source says {theirs!r}")
    return list(dict.fromkeys(lines))


def _first_line(got: str, want: str) -> str:
    mine, theirs = got.split("\n"), want.split("\n")
    for number, (a, b) in enumerate(zip(mine, theirs, strict=False), 1):
        if a != b:
            return f"line {number} is {a!r}, the source says {b!r}"
    return f"{len(mine)} lines, the source has {len(theirs)}"
