"""The verbs of `python -m gritlib bench`: how fast, and how right."""

from pathlib import Path

import tyro

DEFAULT = ["steps"]  # `bench` alone


def steps(
    methods: tuple[str, ...] = (),
    presets: tuple[str, ...] = ("cpu",),
    against: bool = True,
    pairs: int = 20,
    threads: tuple[int, ...] = (),
    precision: tuple[str, ...] = (),
    batch: int | None = None,
    seconds: float = 300.0,
    memory: bool = True,
    strict: bool = False,
    device: str = "cpu",
    json: Path | None = None,
) -> None:
    """Full training steps of every method: images a second, memory, share of the matrix product's rate; beside a plain
    loop. `bench` alone does this at preset cpu, in a few minutes.

    Args:
        methods: by default all that have a plain loop, and sincut.
        presets: cpu is a lesson's setting, paper the published network at 256 pixels, one image.
        against: also the plain loop, in turns with ours.
        pairs: rounds of one step each.
        threads: by default all cores at preset cpu; for example `1 2`.
        precision: fp32, bf16; by default fp32, and bf16 where the hardware computes it.
        batch: images a step instead of the preset's.
        seconds: stop a row after so long, with five rounds at least.
        memory: also that, each in a process of its own.
        strict: refuse rows during which other programs used more than a fifth of a core.
        device: cpu or cuda; a GPU has not run it yet.
        json: add the rows to this file.
    """
    from gritlib.bench import steps as room
    from gritlib.bench import table
    from gritlib.training.device import best_precision

    for name in methods:
        if name not in room.COMPARED:
            raise ValueError(f"method {name!r} is unknown: choose from {', '.join(room.COMPARED)}")
    for name in precision:
        if name not in ("fp32", "bf16"):
            raise ValueError(f"precision {name!r} is unknown: choose fp32, bf16 or both")
    if device not in ("cpu", "cuda"):
        raise ValueError(f"device {device!r} is unknown: choose cpu or cuda")
    if pairs < 1 or any(count < 1 for count in threads):
        raise ValueError(f"pairs {pairs}, threads {threads}: all must be 1 or more")
    import torch

    counts = threads or (room.all_threads(),)
    asked = tuple(dict.fromkeys((*precision, "fp32", best_precision(torch.device(device)))))
    rates = {count: room.matmul_rates(device, count, asked) for count in counts}
    rows = []
    for preset in presets:
        for name in methods or room.COMPARED:
            for count in counts:
                rows.append(
                    room.measure(
                        name,
                        preset,
                        count,
                        pairs,
                        precision or None,
                        against,
                        seconds,
                        batch,
                        device,
                        strict,
                        rates[count],
                        memory,
                    )
                )
                row = rows[-1]
                print(f"{name} at {preset}, {count} thread(s): {row['rounds']} rounds, {row['ratios']}", flush=True)
                if json:
                    table.write(json, {"environment": table.environment(device, rates), "steps": [row]})
    print(table.markdown({"steps": rows}))


def peaks(file: tyro.conf.Positional[Path]) -> None:
    """Add the memory of steps to a JSON whose rows were measured without it: it does not depend on how busy the machine
    is. Of each method and preset the row with most threads gets it.

    Args:
        file: the JSON.
    """
    from gritlib.bench import table
    from gritlib.bench.prepare import peak

    found = table.read(file)
    rows = sorted(found.get("steps", []), key=lambda row: row["threads"])
    widest = {(row["method"], row["preset"], row["images"], row["device"]): row for row in rows}
    for setting, row in widest.items():
        for arm, numbers in row["arms"].items():
            if arm != "plain" and "mib" not in numbers:
                numbers["mib"] = peak(*setting, arm, row["threads"])
                print(f"{setting[0]} at {setting[1]}, {arm}: {numbers['mib']} MiB", flush=True)
                table.write(file, {"environment": found["environment"], "steps": [row]})


def growth(
    methods: tuple[str, ...] = (), axes: tuple[str, ...] = (), threads: int = 1, json: Path | None = None
) -> None:
    """How time and memory grow with pixels, images and steps: powers, fitted.

    Args:
        methods: by default pix2pix, cyclegan and grit.
        axes: pixels, images, steps; by default all.
        threads: for torch.
        json: add the rows to this file.
    """
    from gritlib.bench import growth as room

    rows = [room.growth(name, axis, threads=threads) for name in methods or room.METHODS for axis in axes or room.AXES]
    told({"growth": rows}, json)


def memory(
    methods: tuple[str, ...] = ("grit", "pix2pix"),
    preset: str = "cpu",
    sides: tuple[int, ...] = (128, 256, 512),
    tile: int = 128,
    device: str = "cpu",
) -> None:
    """Memory of one image of each size: training with and without recompute, translating at once and in tiles.

    Args:
        methods: names.
        preset: of their networks.
        sides: of the images in pixels, upwards.
        tile: side of the tiles.
        device: cpu or cuda; a GPU has not run it yet.
    """
    from gritlib.bench import memory as room

    print(room.table([room.measure(name, preset, sides, tile, device) for name in methods]))


def loading(threads: int = 1, sizes: tuple[int, ...] = (64, 256), json: Path | None = None) -> None:
    """Batches from memory beside PIL and torchvision's transforms, file by file.

    Args:
        threads: for torch.
        sizes: sides of the crops, in pixels.
        json: add the rows to this file.
    """
    from gritlib.bench import around

    told({"loading": [around.loading(size, threads=threads) for size in sizes]}, json)


def imports(repeats: int = 3, json: Path | None = None) -> None:
    """Seconds until torch, gritlib and what each notebook begins with are imported, in fresh processes.

    Args:
        repeats: processes each, of which the median counts.
        json: add them to this file.
    """
    from gritlib.bench import around

    told({"imports": around.imports(repeats)}, json)


def notebooks(workers: int = 2, lessons: tuple[str, ...] = (), json: Path | None = None) -> None:
    """Run every notebook under nbval and say how long each takes: the solved ones at preset ci, the students' at smoke.

    Args:
        workers: processes that share the work.
        lessons: numbers, for example 00 01; by default all.
        json: add the times to this file.
    """
    from gritlib.bench import around

    told({"notebooks": around.notebooks(workers, lessons)}, json)


def demo(json: Path | None = None) -> None:
    """How long `python -m gritlib demo` takes.

    Args:
        json: add it to this file.
    """
    from gritlib.bench import around

    told({"demo": around.demo()}, json)


def told(found: dict, json: Path | None) -> None:
    """Print a measurement, and add it to a JSON."""
    from gritlib.bench import table

    print(table.markdown(found))
    if json:
        table.write(json, {"environment": table.environment("cpu"), **found})


def report(file: tyro.conf.Positional[Path | None] = None, readme: bool = False) -> None:
    """Print what was measured before.

    Args:
        file: a JSON; by default the committed ones.
        readme: the section of the README instead of the tables.
    """
    from gritlib.bench import table

    files = [file] if file else sorted(table.COMMITTED.glob("*.json"))
    for path in files:
        if not path.exists():
            raise FileNotFoundError(f"no measurement at {path}: make one with `bench steps --json {path}`")
        found = table.read(path)
        print(table.section(found) if readme else f"{found['environment']['device']}\n\n{table.markdown(found)}")


def metrics(threads: int = 2) -> None:
    """Fréchet distance, precision and recall on 10,000 features of 2,048 numbers, against pytorch-fid and prdc:
    `pip install "gritlib[bench]"`.

    Args:
        threads: cores that each side may use.
    """
    from gritlib import bench

    needing("bench", lambda: bench.metrics(threads=threads))


def references() -> None:
    """Every metric beside somebody else's implementation, a table of differences; needs the test packages."""
    from gritlib import bench

    needing("test", bench.references)


def needing(extra: str, measure) -> None:
    """Raises ValueError with the line that installs what is missing."""
    try:
        measure()
    except ModuleNotFoundError as error:
        raise ValueError(f'{error.name} is needed to compare with: pip install "gritlib[{extra}]"') from error


def loader(data: str | None = None, threads: int = 2) -> None:
    """How fast images come at 256 pixels from a mapped file, beside how fast pix2pix' published networks take them.

    Args:
        data: a prepared set of pairs; by default made pairs.
        threads: for torch, and for decoding.
    """
    from gritlib.bench.loader import loader as measure

    measure(data, threads=threads)


def max_batch(
    method: tyro.conf.Positional[str],
    preset: str = "cpu",
    limit_mib: float | None = None,
    device: str = "cpu",
    precision: str = "auto",
    threads: int = 1,
) -> None:
    """The largest batch of a method whose training step fits into memory: real steps, each batch in a fresh process.

    Args:
        method: its name.
        preset: of its networks and images.
        limit_mib: MiB that a process may grow by; needed on the CPU, where nothing else says stop before the machine
            swaps.
        device: cpu or cuda; a GPU has not run it yet.
        precision: auto, fp32 or bf16.
        threads: for torch.
    """
    from gritlib.bench import batch

    batch.told(method, preset, limit_mib, device, precision, threads)


VERBS = {
    "max-batch": max_batch,
    "steps": steps,
    "peaks": peaks,
    "growth": growth,
    "memory": memory,
    "loading": loading,
    "imports": imports,
    "notebooks": notebooks,
    "demo": demo,
    "report": report,
    "metrics": metrics,
    "references": references,
    "loader": loader,
}
