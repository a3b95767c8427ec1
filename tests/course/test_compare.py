"""What differs is named with got, wanted, how much and where; nothing a student returns makes the comparison fail."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from gritlib.course.compare import brief, difference, number, returned, same

T = torch.tensor
NAN, INF = math.nan, math.inf


class Agreeable:
    """Equal to everything."""

    __hash__ = None

    def __eq__(self, other):
        return True


class AgreeableFloat(float):
    __hash__ = None

    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0

    __rsub__ = __abs__ = __add__ = __sub__


class Shy:
    def __repr__(self):
        raise RuntimeError("no")

    __eq__ = __repr__
    __hash__ = None


def differ(got, wanted, rtol=1e-6, atol=1e-9):
    return difference(got, wanted, rtol, atol)


EQUAL = [
    (T([1.0, 2.0]), T([1.0, 2.0])),
    (T([1.0 + 5e-7]), T([1.0])),
    (T([1e-10]), T([0.0])),
    (torch.zeros(0, 3), torch.zeros(0, 3)),
    (T([INF, 1.0]), T([INF, 1.0])),
    (T([1, 2]), T([1, 2])),
    (T([True]), T([True])),
    (torch.ones(2, requires_grad=True), torch.ones(2)),
    (T([1 + 1j]), T([1 + 1j])),
    (1.0, 1.0 + 5e-7),
    (1, 1.0),
    (2.0, 2),
    (T(2.0), 2.0),
    (T([2]), 2),
    (torch.ones(1, 1, requires_grad=True) * 2, 2),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.bool_(True), True),
    (INF, INF),
    (10**400, 10**400),
    (True, True),
    (None, None),
    ("ab", "ab"),
    ([1, (2, 3)], (1, [2, 3])),
    ({"a": {"b": [T([1.0])]}}, {"a": {"b": [T([1.0])]}}),
    ({}, {}),
]


@pytest.mark.parametrize(("got", "wanted"), EQUAL, ids=str)
def test_equal_to_rounding(got, wanted):
    assert differ(got, wanted) is None


# got, wanted, words of the message
DIFFERENT = [
    (1.5, 1.0, ["got 1.5", "wanted 1", "difference 0.5"]),
    (1.00001, 1.0, ["got 1.00001", "difference 1e-05"]),
    (1000001, 2000001, ["got 1000001", "wanted 2000001", "difference 1e+06"]),
    (NAN, 1.0, ["got nan", "wanted 1"]),
    (1.0, NAN, ["got 1", "wanted nan"]),
    (NAN, NAN, ["got nan, wanted nan"]),
    (3.0, INF, ["got 3", "wanted inf"]),
    (-INF, INF, ["got -inf", "wanted inf"]),
    (INF, 3.0, ["got inf", "wanted 3"]),
    (1 + 1j, 1.0, ["got 1+1j", "wanted 1"]),
    (10**400, 1.0, ["bits", "wanted 1"]),
    (10**400, 10**400 + 1, ["bits"]),
    (10**5000, 3, ["bits", "wanted 3"]),
    (True, 1, ["got True", "the number 1"]),
    (False, 0.0, ["got False", "the number 0"]),
    (T(True), 1, ["the number 1"]),
    (1, True, ["got 1", "wanted True"]),
    (T([1.0, 2.0]), 1.0, ["tensor 2 float32 [1, 2]", "the number 1"]),
    (None, 1.0, ["got None: is a `return` missing?"]),
    (None, T([1.0]), ["got None: is a `return` missing?"]),
    (None, {"a": 1}, ["got None: is a `return` missing?"]),
    ({"a": None}, {"a": 1}, ["a: got None: is a `return` missing?"]),
    ("1", 1, ["got '1'", "the number 1"]),
    (np.ones(1), 1.0, ["array([1.])", "the number 1"]),
    (Decimal(1), 1.0, ["Decimal", "the number 1"]),
    (Fraction(1, 2), 0.5, ["Fraction", "the number 0.5"]),
    (AgreeableFloat(3), 4.0, ["got 3", "wanted 4", "difference 1"]),
    (Agreeable(), 4.0, ["Agreeable", "the number 4"]),
    (Agreeable(), "ab", ["Agreeable", "'ab'"]),
    (Agreeable(), None, ["Agreeable", "None"]),
    (Agreeable(), T([1.0]), ["Agreeable", "tensor 1 float32"]),
    (Agreeable(), {"a": 1}, ["Agreeable", "keys ['a']"]),
    (Agreeable(), [1], ["Agreeable", "[1]"]),
    (Shy(), 1.0, ["got a Shy", "the number 1"]),
    ((i for i in range(2)), 1.0, ["generator", "the number 1"]),
    (1.0, T([1.0]), ["got 1", "wanted a tensor 1 float32"]),
    (1.0, T(1.0), ["wanted a tensor 0-d float32 [1]"]),
    (np.ones(2), torch.ones(2), ["array", "wanted a tensor 2"]),
    (torch.ones(2, 3), torch.ones(3, 2), ["got shape (2, 3)", "wanted (3, 2)"]),
    (T([1.0]), T(1.0), ["got shape (1,)", "wanted ()"]),
    (torch.ones(2), torch.ones(2).double(), ["got torch.float32", "wanted torch.float64", "another dtype"]),
    (T([1]), T([1.0]), ["got torch.int64", "wanted torch.float32"]),
    (torch.eye(2).to_sparse(), torch.eye(2), ["sparse"]),
    (torch.ones(2, device="meta"), torch.ones(2), ["meta"]),
    (T([[1.0, 2.0], [3.0, 4.5]]), T([[1.0, 2.0], [3.0, 4.0]]), ["got 4.5", "wanted 4", "at [1, 1]", "difference 0.5"]),
    (T(1.5), T(1.0), ["got 1.5, wanted 1, largest difference 0.5"]),
    (T([True, False]), T([True, True]), ["got 0", "wanted 1", "at [1]"]),
    (T([1 + 2j]), T([1 + 3j]), ["got 1+2j", "wanted 1+3j", "difference 1"]),
    (T([1.0, NAN]), T([1.0, 2.0]), ["got nan", "wanted 2", "at [1]", "1 of 2 values are NaN or infinite"]),
    (T([INF, NAN]), T([1.0, 2.0]), ["2 of 2 values are NaN or infinite"]),
    (T([NAN]), T([NAN]), ["got nan, wanted nan"]),
    # Equal infinities are not where it differs.
    (T([INF, 1.0, 2.0]), T([INF, 1.0, 3.0]), ["got 2", "wanted 3", "at [2]", "difference 1"]),
    (T([INF, 1.0]), T([-INF, 1.0]), ["got inf", "wanted -inf", "at [0]", "difference inf"]),
    ({"a": 1.0}, {"a": 2.0}, ["a: got 1", "wanted 2"]),
    ({"a": 1.0}, {"a": 1.0, "b": 2.0}, ["got ['a']", "keys ['a', 'b']"]),
    ({1: 2}, {"a": 2}, ["got ['1']", "keys ['a']"]),
    (T([1.0]), {"a": T([1.0])}, ["got tensor", "a dict with the keys ['a']"]),
    ({"a": {"b": [1.0, T([1.0, 2.0])]}}, {"a": {"b": [1.0, T([1.0, 3.0])]}}, ["a.b[1]:", "at [1]", "wanted 3"]),
    ([1, 2], [1, 2, 3], ["got [1, 2]", "wanted [1, 2, 3]"]),
    (1, [1], ["got 1", "wanted [1]"]),
    ({0: 1, 1: 2}, [1, 2], ["wanted [1, 2]"]),
    ("ab", "abc", ["got 'ab'", "wanted 'abc'"]),
]


@pytest.mark.parametrize(("got", "wanted", "words"), DIFFERENT, ids=lambda x: brief(x, 30))
def test_what_differs_is_said(got, wanted, words):
    said = differ(got, wanted)
    assert said is not None, "taken for equal"
    for word in words:
        assert word in said, said
    assert "0x" not in said and "\n" not in said


def test_what_came_instead_is_said():
    assert returned(3, "a dict") == "your function returned 3, wanted a dict"
    assert returned(None, "a dict") == "your function returned None, wanted a dict: is a `return` missing?"


def test_tolerances_are_those_of_the_part():
    assert differ(1.1, 1.0, rtol=0.2) is None and differ(1.1, 1.0, rtol=0.05)
    assert differ(T([0.1]), T([0.0]), atol=0.2) is None and differ(T([0.1]), T([0.0]), rtol=1.0)
    assert differ(T([100.0]), T([101.0]), rtol=0.02) is None
    # relative to what is wanted, not to what came
    assert differ(INF, 1e300, rtol=1.0)


def test_the_largest_difference_is_the_one_shown():
    got = torch.zeros(3, 4, 5)
    got[2, 1, 3], got[0, 0, 0] = -7.0, 5.0
    assert differ(got, torch.zeros(3, 4, 5)) == "got -7, wanted 0 at [2, 1, 3], largest difference 7"


def test_places_are_written_as_one_would_index():
    assert differ({"out": [T([1.0])]}, {"out": [T([2.0])]}).startswith("out[0]: ")
    assert difference([1], [2], 0, 0, "n").startswith("n[0]: ")


SAME = [
    (T([NAN, 1.0]), T([NAN, 1.0])),
    (NAN, NAN),
    (T(2.0), 2),
    (2, 2.0),
    (np.float32(2), 2),
    (torch.zeros(0), torch.zeros(0)),
    (T([1]), T([1.0])),
    ({"a": [1, (2,)]}, {"a": (1, [2])}),
    (10**400, 10**400),
    ("a", "a"),
    (None, None),
    (1j, 1j),
]
NOT_SAME = [
    (T([1 + 1j]), T([1 + 2j])),
    (T([1 + 0j]), T([1.0])),
    (T([1.0]), T([1.0, 1.0])),
    (True, 1),
    (1, 2),
    (1, "1"),
    (None, 0),
    (INF, -INF),
    (10**400, 1.0),
    ({"a": 1}, {"b": 1}),
    ({"a": 1}, [1]),
    (np.ones(2), np.ones(2)),
    (Shy(), Shy()),
    (torch.eye(2).to_sparse(), torch.eye(2)),
    (Agreeable(), 1),
]


@pytest.mark.parametrize(("a", "b"), SAME, ids=brief)
def test_the_same_outcome(a, b):
    assert same(a, b) and same(b, a)


@pytest.mark.parametrize(("a", "b"), NOT_SAME, ids=brief)
def test_not_the_same_outcome(a, b):
    assert same(a, b) is False and same(b, a) is False


def test_numbers_of_every_library_become_plain():
    for value in (2, 2.0, np.int8(2), np.float32(2), T(2), T([[2.0]]), AgreeableFloat(2)):
        assert type(number(value)) in (int, float) and number(value) == 2
    assert all(number(value) is None for value in (True, T(True), np.bool_(True), None, "2", T([2.0, 2.0]), [2]))


BRIEF = [
    (T([1.0, 0.123456]), "tensor 2 float32 [1, 0.12346]"),
    (T(2), "tensor 0-d int64 [2]"),
    (torch.zeros(2, 3, 4), "tensor 2x3x4 float32"),
    (torch.zeros(2, device="meta"), "tensor 2 float32"),
    (0.1234567, "0.123457"),
    ([(4, 2), (1, 1)], "[(4, 2), (1, 1)]"),
    ((1,), "(1,)"),
    ({"a": T([1.0])}, "{a: tensor 1 float32 [1]}"),
    (np.float32(0.5), "0.5"),
    (np.ones((2, 2)), "array([[1., 1.], [1., 1.]])"),
    (Shy(), "a Shy"),
    (10**5000, "an integer of 16610 bits"),
]


@pytest.mark.parametrize(("value", "text"), BRIEF, ids=[text for _, text in BRIEF])
def test_values_in_brief(value, text):
    assert brief(value) == text


def test_brief_is_brief_and_names_no_address():
    circle = []
    circle.append(circle)
    for value in (
        "x" * 1000,
        list(range(1000)),
        {str(i): i for i in range(1000)},
        [[["x" * 99] * 99] * 99] * 99,
        circle,
    ):
        assert len(brief(value)) <= 90
    assert brief(i for i in range(3)).startswith("<generator object") and "0x" not in brief(object())
