"""Numbers of real processes: larger images take more, recomputing and tiles take less."""

import pytest

from gritlib.bench import memory as room


@pytest.mark.slow
def test_larger_images_take_more_and_recompute_and_tiles_less():
    row = room.measure("grit", "cpu", (64, 256), 64)
    mib = {arm: found[1] for arm, found in row["mib"].items()}
    assert all(found[0] < found[1] for arm, found in row["mib"].items() if arm != "translation, tiles")
    assert mib["step, recompute"] < 0.95 * mib["step"] and mib["translation, tiles"] < 0.7 * mib["translation"]
    lines = room.table([row]).splitlines()
    assert len(lines) == 4 and lines[3].startswith(f"| grit | cpu | 256 | {mib['step']:.0f} |")


@pytest.mark.parametrize(("sides", "device"), [((), "cpu"), ((128, 64), "cpu"), ((64, 64), "cpu"), ((64,), "tpu")])
def test_what_cannot_be_measured_is_refused(sides, device):
    with pytest.raises(ValueError, match="sides must grow, the device is cpu or cuda"):
        room.measure("grit", "cpu", sides, 64, device)
