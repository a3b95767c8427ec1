"""A dataset shown: pairs beside each other as pairs, and what is no pair never under that name."""

import numpy as np
import pytest
from PIL import Image

from gritlib import showcase


def text_of(path):
    with Image.open(path) as picture:
        return picture.text["Description"], picture.size


def test_two_sets_are_counted_and_titled_apart(tmp_path, capsys):
    showcase.show("shapes", {"n": 9}, picture=tmp_path / "apart.png", size=32)
    said = capsys.readouterr().out
    assert "at 32 px train 4 A and 5 B, val 9, test 9" in said
    description, (width, height) = text_of(tmp_path / "apart.png")
    assert description == "A and B of shapes, no pairs"
    assert height > 1.5 * width  # two columns with titles, four rows


def test_pairs_are_called_pairs(tmp_path, capsys):
    showcase.show("faces", {"n": 3}, picture=tmp_path / "pairs.png", size=32)
    assert "train 3, val 3, test 3" in capsys.readouterr().out
    assert text_of(tmp_path / "pairs.png")[0] == "pairs of faces"


@pytest.mark.parametrize("matching", [True, False])
def test_targets_are_exported_only_where_they_are_true(tmp_path, capsys, matching):
    for split in ("train", "test"):
        for side in "AB":
            for i in range(2):
                name = f"{i}.png" if matching and split == "test" else f"{side}{i}.png"
                folder = tmp_path / "own" / f"{split}{side}"
                folder.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((16, 16, 3), 40 * i, np.uint8)).save(folder / name)
    showcase.show(str(tmp_path / "own"), {"unpaired": True}, export=tmp_path / "out", size=16)
    said = capsys.readouterr().out
    assert f"train 2 A and 2 B, test 2{'' if matching else ' A and 2 B'}\n" in said
    files = sorted(f.name for f in (tmp_path / "out").iterdir())
    if matching:
        assert files == ["0_input.png", "0_target.png", "1_input.png", "1_target.png"] and "exported 2 pairs" in said
    else:
        assert files == ["0_input.png", "1_input.png"] and "exported 2 inputs" in said
