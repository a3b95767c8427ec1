"""Rebuild Grove's four files from the package they come from.

    pip download --no-deps deepforest==2.1.0 && python data_scripts/build_grove.py deepforest-2.1.0-py3-none-any.whl OUT

Photo: NEON's 10 cm aerial photo, halved to 20 cm a pixel. Layout: crown = the ellipse inscribed in each box that a
person drew, where it is lit; shadow, bare and grass = thresholds on the blurred photo. Boxes are MIT (deepforest), the
photo CC0 (NEON).
"""

import argparse
import hashlib
import io
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from gritlib.data.grove import CLASSES, PALETTE

SCENES = {
    "train": ("2019_YELL_2_528000_4978000_image_crop2", "a9bdb0f4"),
    "test": ("2019_YELL_2_541000_4977000_image_crop", "178e58a2"),
}
BLUR = 3.0  # pixels of 20 cm
LIT, SHADOW = 80, 95  # brightness, 0-255
BARE_QUANTILE = 0.35


def layout(photo: np.ndarray, boxes: list[tuple[float, float, float, float]]) -> np.ndarray:
    """Label map (H, W) uint8 of a photo (H, W, 3) uint8; boxes are x0, y0, x1, y1 in its pixels."""
    blurred = ndimage.gaussian_filter(photo.astype(np.float32), (BLUR, BLUR, 0))
    brightness = blurred.mean(-1)
    green = blurred[..., 1] - (blurred[..., 0] + blurred[..., 2]) / 2
    shadow = brightness < SHADOW
    label = np.full(brightness.shape, CLASSES.index("grass"), np.uint8)
    label[green < np.quantile(green[~shadow], BARE_QUANTILE)] = CLASSES.index("bare")
    label[shadow] = CLASSES.index("shadow")
    y, x = np.mgrid[: label.shape[0], : label.shape[1]] + 0.5  # pixel centres
    for x0, y0, x1, y1 in boxes:
        rows, columns = slice(max(int(y0), 0), int(y1) + 2), slice(max(int(x0), 0), int(x1) + 2)
        inside = ((x[rows, columns] - (x0 + x1) / 2) / ((x1 - x0) / 2)) ** 2 + (
            (y[rows, columns] - (y0 + y1) / 2) / ((y1 - y0) / 2)
        ) ** 2 <= 1
        label[rows, columns][inside & (brightness[rows, columns] >= LIT)] = CLASSES.index("crown")
    return label


def build(wheel: Path, out: Path) -> None:
    """Write grove_{train,test}.jpg and grove_{train,test}_label.png.

    Raises:
        ValueError: the photo in the wheel is not the expected one.
    """
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for scene, (stem, digest) in SCENES.items():
            content = archive.read(f"deepforest/data/{stem}.png")
            seen = hashlib.sha256(content).hexdigest()
            if not seen.startswith(digest):
                raise ValueError(f"{stem}.png has sha256 {seen[:8]}…, expected {digest}…: use deepforest 2.1.0")
            photo = Image.open(io.BytesIO(content)).convert("RGB")
            photo = photo.resize((photo.width // 2, photo.height // 2), Image.Resampling.LANCZOS)
            boxes = [
                tuple(float(box.find(corner).text) / 2 for corner in ("xmin", "ymin", "xmax", "ymax"))
                for box in ElementTree.fromstring(archive.read(f"deepforest/data/{stem}.xml")).iter("bndbox")
            ]
            label = Image.fromarray(layout(np.asarray(photo), boxes))
            label.putpalette([value for colour in PALETTE for value in colour])
            photo.save(out / f"grove_{scene}.jpg", quality=92, subsampling=0)
            label.save(out / f"grove_{scene}_label.png", bits=2, optimize=True)
            print(f"{scene}: {photo.width}x{photo.height}, {len(boxes)} crowns")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="deepforest-2.1.0-py3-none-any.whl")
    parser.add_argument("out", type=Path, help="folder for the four files")
    arguments = parser.parse_args()
    build(arguments.wheel, arguments.out)
