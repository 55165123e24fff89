"""Attribute values, their types, and reading them."""

import copy
import pickle

import numpy as np
import pytest

from net2bit.errors import ModelError
from net2bit.xir import access
from net2bit.xir.attrs import Wire, fits, typed, wire_of
from net2bit.xir.graph import Attr, Op, Tensor


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (True, Wire.BOOL),
        (3, Wire.INT32),
        (2**31, Wire.INT64),
        (2**63, Wire.UINT64),
        (0.5, Wire.FLOAT),
        ("a", Wire.STRING),
        (b"a", Wire.BYTES),
        ([1, 2], Wire.INT32_VEC),
        ([], Wire.INT32_VEC),
        ([1, 0.5], Wire.FLOAT_VEC),
        ([True], Wire.BOOL_VEC),
        (["a"], Wire.STRING_VEC),
        ({"a": 1}, Wire.MAP_INT32),
        ({"a": b"1"}, Wire.MAP_BYTES),
        ({"a": [1]}, Wire.MAP_INT32_VEC),
        ({}, Wire.MAP_STRING),
        (np.int64(3), Wire.INT32),
        (np.float32(3), Wire.FLOAT),
    ],
)
def test_a_plain_value_has_a_natural_type(value: Attr, wire: Wire) -> None:
    """Python's and NumPy's values are written as the type that a reader would expect."""
    assert wire_of(value) is wire


def test_a_definition_decides_where_the_value_fits() -> None:
    """A whole number becomes a float where the definition says so, a truth value never becomes a number."""
    assert wire_of(2, Wire.FLOAT) is Wire.FLOAT
    assert wire_of([2, 2], Wire.FLOAT_VEC) is Wire.FLOAT_VEC
    assert wire_of(True, Wire.INT32) is Wire.BOOL  # noqa: FBT003  the value under test
    assert wire_of(-1, Wire.UINT64) is Wire.INT32


def test_a_remembered_type_survives_copies() -> None:
    """A value that carries its type equals the plain one, and keeps the type through copy and pickle."""
    for value, wire in ((5, Wire.UINT64), (0.5, Wire.DOUBLE), ([], Wire.STRING_VEC), ({}, Wire.MAP_BYTES)):
        held = typed(value, wire)
        assert held == value
        assert wire_of(copy.deepcopy(held)) is wire
        assert wire_of(pickle.loads(pickle.dumps(held))) is wire  # noqa: S301  our own bytes
    assert type(typed(5, Wire.INT32)) is int


@pytest.mark.parametrize("value", [None, object(), {1: 2}, [None], {"a": {}}])
def test_a_foreign_value_has_no_type(value: object) -> None:
    """What the format cannot hold is refused, not turned into text."""
    with pytest.raises(TypeError, match="cannot be"):
        wire_of(value)


def test_every_type_tells_its_elements() -> None:
    """A vector's element and a map's value are types of their own; scalars have none."""
    assert Wire.MAP_STRING_VEC.item is Wire.STRING_VEC
    assert Wire.BYTES_VEC.item is Wire.BYTES
    assert Wire.BYTES.item is None
    assert not fits(2**32, Wire.UINT32)


def op(**attrs: Attr) -> Op:
    """Return a convolution with *attrs*."""
    return Op("c", "conv2d", Tensor("c", (1, 1, 1, 1)), attrs)


def test_an_absent_attribute_has_its_default() -> None:
    """What an op leaves out is read from its type's definition."""
    assert access.ints(op(), "pad", 4) == [0, 0, 0, 0]
    assert access.number(op(), "group") == 1


def test_values_are_read_by_type() -> None:
    """Each reader returns its type, from plain and from typed values."""
    one = op(kernel=[3, 3], alpha=2, mode="NEAREST", on=True, scale=[1, 0.5], group=typed(4, Wire.UINT64))
    assert access.ints(one, "kernel", 2) == [3, 3]
    assert access.real(one, "alpha") == 2.0
    assert access.text(one, "mode", "NEAREST", "BILINEAR") == "NEAREST"
    assert access.flag(one, "on")
    assert access.reals(one, "scale", 2) == [1.0, 0.5]
    assert access.number(one, "group") == 4


@pytest.mark.parametrize(
    ("read", "message", "suggestion"),
    [
        (lambda: access.ints(op(strides=[1, 1]), "stride"), "conv2d 'c' lacks its attribute 'stride'", "strides"),
        (lambda: access.ints(op(stride=[1]), "stride", 2), "must be 2 whole numbers", ""),
        (lambda: access.number(op(group="1"), "group"), "must be a whole number, not '1'", ""),
        (lambda: access.number(op(group=True), "group"), "must be a whole number", ""),
        (lambda: access.real(op(alpha="x"), "alpha"), "must be a number", ""),
        (lambda: access.reals(op(scale=3), "scale"), "must be some numbers", ""),
        (lambda: access.text(op(pad_mode=3), "pad_mode"), "must be a word", ""),
        (lambda: access.text(op(pad_mode="FLOR"), "pad_mode", "FLOOR", "CEIL"), "must be one of FLOOR, CEIL", "FLOOR"),
        (lambda: access.flag(op(on=1), "on"), "must be true or false", ""),
    ],
)
def test_a_wrong_value_is_named(read: object, message: str, suggestion: str) -> None:
    """A missing or wrong attribute names the op, what it must be, and the near miss."""
    with pytest.raises(ModelError, match=message) as caught:
        read()  # type: ignore[operator]
    assert caught.value.suggestion == suggestion
