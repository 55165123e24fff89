"""Typed reading of an op's attributes: the value, else the default of the op's definition, else an error that names the op."""

from net2bit.errors import ModelError, near
from net2bit.xir.attrs import Wire, fits
from net2bit.xir.graph import Attr, Op
from net2bit.xir.opdefs import OP_DEFS


def ints(op: Op, name: str, length: int | None = None) -> list[int]:
    """Return the list of integers *name*, such as `kernel`.

    Raises:
        ModelError: It is missing without a default, no list of integers, or not *length* long.
    """
    value = _value(op, name)
    if not isinstance(value, list | tuple) or not fits(value, Wire.INT64_VEC) or len(value) != (length or len(value)):
        raise _wrong(op, name, f"{length or 'some'} whole numbers", value)
    return [int(item) for item in value]


def number(op: Op, name: str) -> int:
    """Return the integer *name*, such as `fix_point`.

    Raises:
        ModelError: It is missing without a default, or no integer.
    """
    value = _value(op, name)
    if not isinstance(value, int) or not fits(value, Wire.INT64):
        raise _wrong(op, name, "a whole number", value)
    return int(value)


def real(op: Op, name: str) -> float:
    """Return the number *name*, such as `alpha`.

    Raises:
        ModelError: It is missing without a default, or no number.
    """
    value = _value(op, name)
    if not isinstance(value, int | float) or not fits(value, Wire.DOUBLE):
        raise _wrong(op, name, "a number", value)
    return float(value)


def reals(op: Op, name: str, length: int | None = None) -> list[float]:
    """Return the list of numbers *name*, such as `scale`.

    Raises:
        ModelError: It is missing without a default, no list of numbers, or not *length* long.
    """
    value = _value(op, name)
    if not isinstance(value, list | tuple) or not fits(value, Wire.DOUBLE_VEC) or len(value) != (length or len(value)):
        raise _wrong(op, name, f"{length or 'some'} numbers", value)
    return [float(item) for item in value]


def text(op: Op, name: str, *known: str) -> str:
    """Return the word *name*, such as `pad_mode`; where *known* words are given it must be one of them.

    Raises:
        ModelError: It is missing without a default, no text, or an unknown word.
    """
    value = _value(op, name)
    if not isinstance(value, str):
        raise _wrong(op, name, "a word", value)
    if known and value not in known:
        raise _wrong(op, name, "one of " + ", ".join(known), value, near(value, known))
    return value


def flag(op: Op, name: str) -> bool:
    """Return the truth value *name*, such as `if_signed`.

    Raises:
        ModelError: It is missing without a default, or no truth value.
    """
    value = _value(op, name)
    if not isinstance(value, bool):
        raise _wrong(op, name, "true or false", value)
    return value


def _value(op: Op, name: str) -> Attr:
    if name in op.attrs:
        return op.attrs[name]
    known = OP_DEFS.get(op.type)
    attr = known.attr(name) if known else None
    if attr is None or attr.default is None:
        raise ModelError(f"{op.type} '{op.name}' lacks its attribute '{name}'", where=op.name, suggestion=near(name, op.attrs))
    return attr.default


def _wrong(op: Op, name: str, wanted: str, value: object, suggestion: str = "") -> ModelError:
    what = f"attribute '{name}' of {op.type} '{op.name}' must be {wanted}, not {value!r}"
    return ModelError(what, where=op.name, suggestion=suggestion)
