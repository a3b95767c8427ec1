"""The script that rebuilds Grove: the layout rule on a photo whose answer is known."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from gritlib.data.grove import CLASSES

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "build_grove.py"


@pytest.fixture(scope="module")
def build_grove():
    spec = importlib.util.spec_from_file_location("build_grove", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_layout_follows_brightness_colour_and_boxes(build_grove):
    photo = np.zeros((120, 120, 3), np.uint8)
    photo[:] = (120, 150, 90)  # lit and green: grass
    photo[80:] = (170, 160, 150)  # lit, not green: bare
    photo[:, 90:] = (30, 40, 60)  # dark
    label = build_grove.layout(photo, [(20, 20, 50, 60), (95, 20, 115, 40)])

    def at(y, x):
        return CLASSES[label[y, x]]

    assert at(40, 35) == "crown" and at(22, 22) == "grass"  # middle and corner of the first box
    assert at(30, 105) == "shadow"  # a box in the dark is not a crown
    assert (at(10, 70), at(100, 40), at(100, 110)) == ("grass", "bare", "shadow")
    ellipse = (label == CLASSES.index("crown")).sum()
    assert ellipse == pytest.approx(np.pi * 15 * 20, rel=0.01)


def test_another_photo_is_refused(build_grove, tmp_path):
    import zipfile

    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"deepforest/data/{build_grove.SCENES['train'][0]}.png", b"not the photo")
    with pytest.raises(ValueError, match=r"sha256 .* use deepforest 2\.1\.0"):
        build_grove.build(wheel, tmp_path / "out")
