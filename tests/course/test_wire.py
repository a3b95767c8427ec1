"""Plain data comes back as it was sent; what is no plain data is refused with its place; hostile bytes only ever give
ValueError."""

import contextlib
import json
import math
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from gritlib.course import wire


def identical(a, b) -> bool:
    """Same kinds, same values, bit for bit, NaN included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.isnan(), b.isnan()) and torch.equal(a.nan_to_num(), b.nan_to_num())
    if isinstance(a, dict):
        return list(a) == list(b) and all(identical(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(identical, a, b))
    return repr(a) == repr(b)


def quick(examples: int):
    return settings(max_examples=examples, deadline=None, derandomize=True, database=None)


DTYPES = (torch.float64, torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
FLOATS = st.floats(width=32)


@st.composite
def tensors(draw):
    shape = draw(st.lists(st.integers(0, 3), max_size=3))
    values = draw(st.lists(FLOATS, min_size=math.prod(shape), max_size=math.prod(shape)))
    dtype = draw(st.sampled_from(DTYPES))
    if not dtype.is_floating_point:
        values = [int(abs(value)) % 200 if math.isfinite(value) else 1 for value in values]
    return torch.tensor(values, dtype=dtype).reshape(shape)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | tensors()
NESTED = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@quick(80)
@given(NESTED)
def test_plain_data_comes_back_as_it_was(value):
    assert identical(wire.unpack(wire.pack(value)), value)


@quick(50)
@given(NESTED)
def test_a_copy_equals_and_shares_nothing(value):
    before = wire.pack(value)
    copy = wire.copied(value)
    assert identical(copy, value)
    scribble(copy)
    assert wire.pack(value) == before


def scribble(value):
    """Change everything that can be changed."""
    if isinstance(value, torch.Tensor):
        value.fill_(1).logical_not_()
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ():
        scribble(item)
    if isinstance(value, (dict, list)):
        value.clear()


STORED = torch.arange(12.0).reshape(3, 4)
SAME_AFTERWARDS = {
    "not contiguous": STORED.T,
    "a view with an offset": STORED[1:, 2],
    "expanded": torch.ones(1, 3).expand(4, 3),
    "zero dimensions": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    "complex": torch.tensor([1 + 2j, -3j]),
    "conjugated": torch.tensor([1 + 2j, -3j], dtype=torch.complex128).conj(),
    "negated lazily": torch.tensor([1 + 2j, -3j]).conj().imag,
    "with a gradient": torch.ones(2, requires_grad=True) * 2,
    "a parameter": torch.nn.Parameter(torch.ones(2)),
}


@pytest.mark.parametrize("name", SAME_AFTERWARDS)
def test_tensors_of_every_build_come_back(name):
    tensor = SAME_AFTERWARDS[name]
    back = wire.unpack(wire.pack({"x": tensor}))["x"]
    assert back.dtype == tensor.dtype and torch.equal(back, tensor) and not back.requires_grad


def test_shared_memory_comes_back_as_separate_tensors():
    whole, part = wire.unpack(wire.pack((STORED, STORED[0])))
    part.zero_()
    assert torch.equal(whole, STORED)


def test_a_copy_lies_in_memory_as_what_is_unpacked():
    # An answer that needs contiguous inputs must fare alike here and in another process.
    assert wire.copied(STORED.T).stride() == wire.unpack(wire.pack(STORED.T)).stride() == (3, 1)


def test_tuples_and_their_relatives():
    assert wire.unpack(wire.pack([(1, 2), [1, 2]])) == [(1, 2), [1, 2]]
    assert wire.unpack(wire.pack(torch.Size([2, 3]))) == (2, 3)
    maximum = torch.tensor([3.0, 1.0]).max(0)
    assert type(wire.copied(maximum)) is tuple and type(wire.unpack(wire.pack(maximum))) is tuple


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.int64(3), np.bool_(True)])
def test_numbers_of_numpy_arrive_as_numbers(value):
    back = wire.unpack(wire.pack({"x": value}))["x"]
    assert back == value and type(back) in (float, int, bool)


CIRCLE: list = []
CIRCLE.append(CIRCLE)
REFUSED = {
    "an object": ({"a": [1, object()]}, "object at .a[1]"),
    "an array": ({"a": np.zeros(2)}, "ndarray at .a"),
    "a set": (({1},), "set at [0]"),
    "a function": (len, "the top"),
    "a generator": ({"x": (i for i in range(2))}, "generator at .x"),
    "bytes": ({"b": b"x"}, "bytes at .b"),
    "a complex number": ([1j], "complex at [0]"),
    "number keys": ({"a": {1: 2}}, "at .a"),
    "a sparse tensor": ({"x": torch.eye(2).to_sparse()}, "at .x"),
    "a tensor without values": ({"x": torch.zeros(2, device="meta")}, "at .x"),
    "an unusual dtype": ([torch.zeros(2, dtype=torch.float8_e4m3fn)], "float8_e4m3fn at [0]"),
    "an endless number": ({"n": 10**5000}, "bits at .n"),
    "a circle": (CIRCLE, "containing itself"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_kinds_are_refused_with_their_place(name):
    value, says = REFUSED[name]
    with pytest.raises(TypeError) as raised:
        wire.pack(value)
    assert says in str(raised.value)


def test_integers_up_to_the_limit_travel():
    for bits in (64, 1000, wire.LONGEST):
        assert wire.unpack(wire.pack(2**bits - 1)) == 2**bits - 1


GOOD = wire.pack({"x": torch.ones(3), "layers": [(4, 2), (1.5, None)], "s": "ä"})


@pytest.mark.parametrize("length", range(0, len(GOOD), 7))
def test_truncated_bytes_are_refused(length):
    with pytest.raises(ValueError, match="no packed value"):
        wire.unpack(GOOD[:length])


@quick(200)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    with pytest.raises(ValueError):
        wire.unpack(data)


@quick(300)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_one_wrong_byte_gives_a_value_or_a_refusal(place, byte):
    data = bytearray(GOOD)
    data[place] = byte
    with contextlib.suppress(ValueError):
        wire.unpack(bytes(data))


TREES = [
    *("[1]", "5", "null", '"x"', "{}", '{"a": 1}', '{"tensor": "t0", "list": []}', "", "{", "["),
    *('{"tensor": "t9"}', '{"tensor": ["t0"]}', '{"tensor": null}', '{"dict": [1]}', '{"dict": {"a": 1}}'),
    *('{"list": 5}', '{"list": "ab"}', '{"list": {"plain": 1}}', '{"tuple": [1]}', '{"tuple": null}'),
    *('{"plain": [1]}', '{"plain": {"a": 1}}', '{"float": "1_0"}', '{"float": "1.5"}', '{"float": true}'),
    *('{"float": ["nan"]}', '{"complex": {"tensor": "t0"}}', '{"complex": {"plain": 1}}', '{"complex": 1}'),
    '{"plain": ' + "9" * 6000 + "}",
    "[" * 100_000,
    '{"list": [' * 50_000 + '{"plain": 1}' + "]}" * 50_000,
    '{"dict": {"a": ' * 900 + '{"plain": 1}' + "}}" * 900,
]


@pytest.mark.parametrize("tree", TREES, ids=lambda tree: tree[:40] or "empty")
def test_a_wrong_description_is_refused(tree):
    with pytest.raises(ValueError, match="no packed value"):
        wire.unpack(save({"t0": torch.ones(3)}, {wire.KEY: tree}))


def file(header, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


TENSOR = {wire.KEY: '{"tensor": "t"}'}
FILES = {
    "no metadata": file({}),
    "metadata of another kind": file({"__metadata__": 5}),
    "metadata null": file({"__metadata__": None}),
    "a list": file([1]),
    "other metadata": file({"__metadata__": {"other": "1"}}),
    "a description that is a number": file({"__metadata__": {wire.KEY: 5}}),
    "huge header": struct.pack("<Q", 2**62) + b"{}",
    "no such dtype": file({"__metadata__": TENSOR, "t": {"dtype": "X", "shape": [1], "data_offsets": [0, 4]}}, b"0000"),
    "odd dtype": file({"__metadata__": TENSOR, "t": {"dtype": "F8_E8M0", "shape": [1], "data_offsets": [0, 1]}}, b"0"),
    "too large": file({"__metadata__": TENSOR, "t": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}),
    "overflow": file({"__metadata__": TENSOR, "t": {"dtype": "F32", "shape": [2**40] * 3, "data_offsets": [0, 0]}}),
    "negative": file({"__metadata__": TENSOR, "t": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, b"0000"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_file_is_refused(name):
    with pytest.raises(ValueError, match="no packed value"):
        wire.unpack(FILES[name])
