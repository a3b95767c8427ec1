"""One table and one JSON of everything measured on a device, and the README's section, which is made from the JSON."""

import json
import os
import platform
import re
import sys
import textwrap
import time
from pathlib import Path

import torch

from gritlib import __version__
from gritlib.bench.steps import all_threads, misses
from gritlib.training import checkpoint
from gritlib.training.device import best_precision

COMMITTED = Path(__file__).parent / "results"
KEYS = {  # part of the JSON -> what tells its rows apart: a row measured again takes the place of the old one
    "steps": ("method", "preset", "images", "device", "threads"),
    "growth": ("method", "axis", "preset", "threads"),
    "loading": ("size", "images", "threads"),
}
AIMS = "Bold: the aims, bfloat16 1.4 at 64 pixels and 1.7 at 256, float32 1.05 and 1.15."
WORDS = {"fp32": "float32", "bf16": "bfloat16"}
DEAR = "convolutions and matrix products"
ALONE = ("imports", "notebooks", "demo")


def environment(device: str, rates: dict[int, dict[str, float]] | None = None) -> dict:
    """What the numbers depend on: device, versions, threads, and how busy the machine is now.

    Args:
        rates: threads -> precision -> GFLOP/s of a matrix product.
    """
    found = {"device": name_of(device), "cores": all_threads(), "bf16": best_precision(torch.device(device)) == "bf16"}
    found |= {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    found |= {"python": platform.python_version(), "torch": str(torch.__version__), "gritlib": __version__}
    if hasattr(os, "getloadavg"):
        found["load_average"] = round(os.getloadavg()[0], 2)
    found["day"] = time.strftime("%Y-%m-%d", time.gmtime())
    return found | ({"matmul_gflop_s": {str(count): rate for count, rate in rates.items()}} if rates else {})


def name_of(device: str) -> str:
    """The processor's or the GPU's own name."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    told = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", told.read_text(encoding="utf-8"), re.M) if told.exists() else []
    return names[0] if names else platform.processor() or platform.machine() or sys.platform


def file_of(device: str) -> str:
    """Name of a device's JSON."""
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") + ".json"


def merged(old: dict, new: dict) -> dict:
    """What was measured before with what is measured now: rows of the same thing are replaced, all others stay."""
    result = {**old, "environment": {**old.get("environment", {}), **new["environment"]}}
    before = old.get("environment", {}).get("matmul_gflop_s", {})
    if before:
        now = new["environment"].get("matmul_gflop_s", {})
        result["environment"]["matmul_gflop_s"] = {**before, **now}
    for part, keys in KEYS.items():
        rows = {tuple(row[key] for key in keys): row for found in (old, new) for row in found.get(part, [])}
        if rows:
            result[part] = list(rows.values())
    return result | {part: new[part] for part in ALONE if part in new}


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def write(path: Path, new: dict) -> dict:
    """Add to the JSON of a device. Returns all that is in it now.

    Raises:
        ValueError: the file holds another device's numbers.
    """
    old = read(path)
    if old and old["environment"]["device"] != new["environment"]["device"]:
        raise ValueError(f"{path} holds {old['environment']['device']}, this is {new['environment']['device']}")
    result = merged(old, new)
    path.parent.mkdir(parents=True, exist_ok=True)
    checkpoint.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n", path)
    return result


def markdown(result: dict) -> str:
    """All tables of a JSON, or of one measurement."""
    blocks = [steps(result.get("steps", [])), powers(result.get("growth", [])), images(result.get("loading", []))]
    blocks += [*waits(result), *profiles(result.get("steps", []))]
    return "\n\n".join(block for block in blocks if block) + "\n"


def steps(rows: list[dict]) -> str:
    """One row a method, preset, number of threads and way to compute."""
    if not rows:
        return ""
    lines = [
        "| method | preset | pixels, images | threads | how | step, s | images/s | ratio to plain (95 %) | GFLOP | "
    ]
    lines[0] += "GFLOP/s | of matmul | MiB | rounds | others, cores |"
    lines.append("|---" * 14 + "|")
    for row in rows:
        place = f"| {row['method']} | {row['preset']} | {row['size']}, {row['images']} | {row['threads']} "
        others = "–" if row["others"] is None else f"{row['others']:.2f}"
        for arm, m in row["arms"].items():
            share = f"{m['share']:.0%}" if "share" in m else "–"
            cells = [arm, f"{m['median']:.3g}", f"{m['images_per_second']:.3g}", ratio(row["ratios"].get(arm))]
            cells += [f"{m['gflop']:.4g}", f"{m['gflop_s']:.3g}", share, str(m.get("mib", "–"))]
            lines.append(place + "| " + " | ".join([*cells, str(row["rounds"]), others]) + " |")
    return "\n".join(lines)


def ratio(found: list[float] | None) -> str:
    return "–" if found is None else f"{found[0]:.2f} ({found[1]:.2f} to {found[2]:.2f})"


def aimed(row: dict, arm: str) -> str:
    """A ratio to the plain loop, bold where it reaches its aim."""
    said = ratio(row["ratios"].get(arm))
    return said if arm not in row["ratios"] or arm in misses(row) else f"**{said}**"


def powers(rows: list[dict]) -> str:
    if not rows:
        return ""
    lines = ["| method | against | points | time grows with power | memory with |", "|---|---|---|---|---|"]
    for row in rows:
        points = ", ".join(map(str, row["points"])) + (" a side" if row["axis"] == "pixels" else "")
        cells = [row["method"], row["axis"], points, ratio(row["seconds_power"]), ratio(row["mib_power"])]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def images(rows: list[dict]) -> str:
    if not rows:
        return ""
    lines = ["| images | threads | `Source.batch`, pairs/s | PIL and transforms, pairs/s | ratio (95 %) |"]
    lines.append("|---|---|---|---|---|")
    for row in rows:
        cells = [f"{row['images']} of {row['size']} pixels", str(row["threads"]), f"{row['source_per_second']:.4g}"]
        lines.append("| " + " | ".join([*cells, f"{row['pil_per_second']:.4g}", ratio(row["ratio"])]) + " |")
    return "\n".join(lines)


def waits(result: dict) -> list[str]:
    """Imports, notebooks and demo, a line each."""
    found = []
    if "imports" in result:
        seconds = result["imports"]["seconds"]
        found.append("Imports, s: " + ", ".join(f"{name} {value:.2f}" for name, value in seconds.items()) + ".")
    for folder, wall in result.get("notebooks", {}).get("wall", {}).items():
        each = ", ".join(f"{name} {value:.0f}" for name, value in result["notebooks"]["seconds"][folder].items())
        failed, workers = result["notebooks"]["failed"][folder], result["notebooks"]["workers"]
        found.append(f"{folder}/ under nbval, {workers} processes: {wall:.0f} s, failed cells: {failed} ({each}).")
    if "demo" in result:
        found.append(f"Demo: {result['demo']['seconds']:.0f} s.")
    return found


def profiles(rows: list[dict]) -> list[str]:
    return [
        f"{row['method']} at {row['preset']}, {row['threads']} thread(s), misses its target. {row['profile']['said']}"
        for row in rows
        if "profile" in row
    ]


def section(result: dict) -> str:
    """The README's section "How fast", from the JSON of one CPU."""
    told = result["environment"]
    rows = [row for row in result["steps"] if row["preset"] in ("cpu", "paper") and row["ratios"]]
    counts = sorted({row["threads"] for row in rows})
    bf16 = ", bfloat16 in hardware" if told["bf16"] else ""
    lines = [
        "A full training step beside a plain PyTorch loop with the same networks, weights and batch (float32, unfused",
        "Adam, `.item()` every step), in turns in one process: ratio of medians, 95 % interval.",
        f"{told['device']}, {told['cores']} cores{bf16}, torch {told['torch'].split('+')[0]}, {told['day']}.",
    ]
    lines = [wrapped(lines), ""]
    kinds = [(arm, count) for arm in ("fp32", "bf16") for count in counts]
    heads = [f"{WORDS[arm]}, {count} thread{'s' * (count > 1)}" for arm, count in kinds]
    lines.append("| method, pixels, images | images/s | of matmul's rate | " + " | ".join(heads) + " | rounds |")
    lines.append("|---" * (4 + len(kinds)) + "|")
    settings = dict.fromkeys((row["preset"], row["method"], row["images"]) for row in rows)
    for setting in sorted(settings, key=lambda setting: setting[0] != "cpu"):
        same = {row["threads"]: row for row in rows if (row["preset"], row["method"], row["images"]) == setting}
        row = same[max(same)]
        m = row["arms"]["bf16" if "bf16" in row["arms"] else "fp32"]
        cells = [
            f"{row['method']}, {row['size']}, {row['images']}",
            f"{m['images_per_second']:.3g}",
            f"{m['share']:.0%}",
        ]
        cells += [aimed(same[count], arm) if count in same else "–" for arm, count in kinds]
        lines.append("| " + " | ".join([*cells, str(min(row["rounds"] for row in same.values()))]) + " |")
    return "\n".join([*lines, "", wrapped(sentences(result))]) + "\n"


def wrapped(sentences: list[str]) -> str:
    return "\n".join(textwrap.wrap(" ".join(sentences), 140, break_on_hyphens=False))


def short_of(rows: list[dict]) -> list[str]:
    """What the profiles of all steps that miss their aim say."""
    missed = [
        (row, arm) for row in rows if "profile" in row for arm in row["ratios"] if arm in row["profile"]["groups"]
    ]
    if not missed:
        return []
    ours = [row["profile"]["groups"][arm] for row, arm in missed]
    plain = [row["profile"]["groups"]["plain"] for row, _ in missed]
    shares = [groups[DEAR] / sum(groups.values()) for groups in plain]
    faster = [theirs[DEAR] / mine[DEAR] for theirs, mine in zip(plain, ours, strict=True)]
    return [
        f"Where missed, {DEAR} take {min(shares):.0%} to {max(shares):.0%} of the plain step and are "
        f"{min(faster):.2f} to {max(faster):.2f} times as fast in ours (profiles: `bench report`)."
    ]


def growing(rows: list[dict]) -> list[str]:
    """The largest power of each axis."""
    said = []
    for kind, words in (("seconds_power", "Time grows at most with the power"), ("mib_power", "memory with")):
        found: dict[str, list[float]] = {}
        for row in rows:
            if row[kind]:
                found.setdefault(row["axis"], []).append(row[kind][0])
        if found:
            said.append(f"{words} " + ", ".join(f"{max(powers):.2f} of {axis}" for axis, powers in found.items()))
    return [f"{'; '.join(said)}."] if said else []


def sentences(result: dict) -> list[str]:
    """What else is in the JSON, in a sentence each."""
    found = [AIMS, *short_of(result["steps"]), *growing(result.get("growth", []))]
    loaded = [f"{row['ratio'][0]:.2g} times (at {row['size']} pixels)" for row in result.get("loading", [])]
    if loaded:
        found.append(f"Batches come {', '.join(loaded)} as fast as by PIL and transforms from files.")
    if "imports" in result:
        seconds = result["imports"]["seconds"]
        own = [value for name, value in seconds.items() if name not in ("torch", "gritlib")]
        more = f", a notebook's first cells at most {max(own):.1f} (aim: 4)" if own else ""
        found.append(f"Importing torch takes {seconds['torch']:.1f} s, gritlib {seconds['gritlib']:.2f}{more}.")
    if "notebooks" in result:
        minutes, workers = sum(result["notebooks"]["wall"].values()) / 60, result["notebooks"]["workers"]
        found.append(f"All notebooks of both sets run in {minutes:.0f} minutes on {workers} cores (aim: 20).")
    if "demo" in result:
        found.append(f"The demo takes {result['demo']['seconds']:.0f} s (aim: 180).")
    return [*found, "`python -m gritlib bench` measures it on your machine; no GPU has run it yet."]
