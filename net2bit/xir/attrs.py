"""Attribute values and their types in the file: 29 of them, against the nine that Python tells apart.

A plain `bool`, `int`, `float`, `str`, `bytes`, list or dict takes its type from the op definition, else from the value (`int` -> int32).
A value read from a file whose type would not come back that way is a subclass that carries it: it still is an `int`, a list and so on.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from numbers import Integral, Real
from typing import Any, Self, cast

from net2bit.xir.graph import Attr


class Wire(Enum):
    """The types of attribute values; each number is that of the field in the format's `AttrValue`."""

    BOOL = 4
    INT32 = 5
    UINT32 = 6
    INT64 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    STRING = 11
    BYTES = 12
    BOOL_VEC = 13
    INT32_VEC = 14
    UINT32_VEC = 15
    INT64_VEC = 16
    UINT64_VEC = 17
    FLOAT_VEC = 18
    DOUBLE_VEC = 19
    STRING_VEC = 20
    BYTES_VEC = 21
    MAP_INT32 = 22
    MAP_UINT32 = 23
    MAP_INT64 = 24
    MAP_UINT64 = 25
    MAP_STRING = 26
    MAP_BYTES = 27
    MAP_INT32_VEC = 28
    MAP_UINT32_VEC = 29
    MAP_INT64_VEC = 30
    MAP_UINT64_VEC = 31
    MAP_STRING_VEC = 32

    @property
    def item(self) -> "Wire | None":
        """The type of a vector's elements or a map's values; None for a scalar."""
        stem = self.name.removeprefix("MAP_") if self.name.startswith("MAP_") else self.name.removesuffix("_VEC")
        return None if stem == self.name else Wire[stem]

    @property
    def is_map(self) -> bool:
        """Whether values are dictionaries."""
        return self.name.startswith("MAP_")


class TypedInt(int):
    """An integer that remembers its type in the file."""

    wire: Wire

    def __new__(cls, value: int, wire: Wire = Wire.INT32) -> Self:
        """Return *value*, to be written as *wire*."""
        self = super().__new__(cls, value)
        self.wire = wire
        return self


class TypedFloat(float):
    """A number that remembers its type in the file."""

    wire: Wire

    def __new__(cls, value: float, wire: Wire = Wire.FLOAT) -> Self:
        """Return *value*, to be written as *wire*."""
        self = super().__new__(cls, value)
        self.wire = wire
        return self


class TypedList(list[Any]):
    """A list that remembers its type in the file."""

    def __init__(self, items: Iterable[Any] = (), wire: Wire = Wire.INT32_VEC) -> None:
        """Hold *items*, to be written as *wire*."""
        super().__init__(items)
        self.wire = wire


class TypedDict(dict[str, Any]):
    """A dictionary that remembers its type in the file."""

    def __init__(self, items: Mapping[str, Any] | None = None, wire: Wire = Wire.MAP_STRING) -> None:
        """Hold *items*, to be written as *wire*."""
        super().__init__(items or {})
        self.wire = wire


def typed(value: Attr, wire: Wire, known: Wire | None = None) -> Attr:
    """Return *value* so that it will be written as *wire*; plain where `wire_of` finds that type by itself.

    Args:
        value: As Python sees it.
        wire: Its type in the file.
        known: The type in the op's definition, where it has one.
    """
    if wire_of(value, known) is wire:
        return value
    if isinstance(value, int):
        return TypedInt(value, wire)
    if isinstance(value, float):
        return TypedFloat(value, wire)
    if isinstance(value, dict):
        return TypedDict(value, wire)
    return TypedList(cast("list[Any]", value), wire)


def wire_of(value: object, known: Wire | None = None) -> Wire:
    """Return the type that *value* has in a file: its own, else *known* where the value fits it, else the natural one.

    Raises:
        TypeError: No type of the format holds such a value.
    """
    own = getattr(value, "wire", None)
    if isinstance(own, Wire):
        return own
    return known if known is not None and fits(value, known) else _natural(value)


def fits(value: object, wire: Wire) -> bool:
    """Tell whether *value* can be written as *wire* without loss: a `True` is no int, an int may stand for a float."""
    if wire.item is not None:
        if wire.is_map:
            return isinstance(value, Mapping) and all(isinstance(key, str) and fits(item, wire.item) for key, item in value.items())
        return isinstance(value, list | tuple) and all(fits(item, wire.item) for item in value)
    if wire in _INTEGERS:
        low, high = _INTEGERS[wire]
        return not isinstance(value, bool) and isinstance(value, Integral) and low <= int(value) <= high
    if wire in {Wire.FLOAT, Wire.DOUBLE}:
        return not isinstance(value, bool) and isinstance(value, Real)
    return isinstance(value, {Wire.BOOL: bool, Wire.STRING: str, Wire.BYTES: bytes}[wire])


def _natural(value: object) -> Wire:
    for wire in _NATURAL:
        if fits(value, wire):
            return wire
    raise TypeError(f"an attribute cannot be {value!r}")


_INTEGERS = {
    Wire.INT32: (-(2**31), 2**31 - 1),
    Wire.UINT32: (0, 2**32 - 1),
    Wire.INT64: (-(2**63), 2**63 - 1),
    Wire.UINT64: (0, 2**64 - 1),
}
_NATURAL = (
    *(Wire.BOOL, Wire.INT32, Wire.INT64, Wire.UINT64, Wire.FLOAT, Wire.STRING, Wire.BYTES),
    *(Wire.INT32_VEC, Wire.BOOL_VEC, Wire.INT64_VEC, Wire.UINT64_VEC, Wire.FLOAT_VEC, Wire.STRING_VEC, Wire.BYTES_VEC),
    *(Wire.MAP_STRING, Wire.MAP_INT32, Wire.MAP_INT64, Wire.MAP_UINT64, Wire.MAP_BYTES),
    *(Wire.MAP_INT32_VEC, Wire.MAP_STRING_VEC, Wire.MAP_INT64_VEC, Wire.MAP_UINT64_VEC),
)
