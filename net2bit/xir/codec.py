"""Attributes and op definitions to and from the messages of an .xmodel."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from net2bit.errors import ModelError
from net2bit.proto import xir as proto
from net2bit.xir.attrs import Wire, typed, wire_of
from net2bit.xir.graph import Attr, DataKind
from net2bit.xir.opdefs import ArgDef, AttrDef, Occur, OpDef

Known = Callable[[str], Wire | None]
"""Attribute name -> the type that its definition says, or None."""

_FIELDS = {Wire(number): f"{stem}_value" for number, stem in proto.ATTR_FIELDS.items()}
_WIRES = {field: wire for wire, field in _FIELDS.items()}


def read_attrs(messages: Mapping[str, Any], known: Known, where: str) -> dict[str, Attr]:
    """Return a map of `AttrValue` messages as attributes, in the order of their names.

    Raises:
        ModelError: A value has no type that the format knows; it names the attribute and *where*.
    """
    return {name: typed(*_read(messages[name], f"attribute '{name}' of {where}"), known(name)) for name in sorted(messages)}


def write_attrs(messages: Any, attrs: Mapping[str, Attr], known: Known, where: str) -> None:
    """Put *attrs* into a map of `AttrValue` messages.

    Raises:
        ModelError: A value has no type in the format; it names the attribute and *where*.
    """
    for name, value in attrs.items():
        try:
            _write(messages[name], value, wire_of(value, known(name)))
        except (TypeError, ValueError) as error:
            raise ModelError(f"attribute '{name}' of {where} cannot be written: {error}", where=where) from error


def read_def(message: Any) -> OpDef:
    """Return an `OpDef` message.

    Raises:
        ModelError: An attribute's default has no type, or a number is none of the format's.
    """
    where = f"the definition of op type '{message.name}'"
    try:
        args = [ArgDef(arg.name, DataKind(arg.data_type), Occur(arg.occur_type), arg.annotation) for arg in message.input_args]
        attrs = [_read_attr_def(attr, where) for attr in message.attrs]
    except ValueError as error:
        raise ModelError(f"{where} is damaged: {error}", where=where) from error
    return OpDef(message.name, tuple(args), tuple(attrs), message.annotation)


def write_defs(messages: Any, defs: Iterable[OpDef]) -> None:
    """Append *defs* as `OpDef` messages. A required attribute's default is the zero of its type: the library insists on one."""
    for known in defs:
        message = messages.add(name=known.name, annotation=known.note)
        for arg in known.args:
            message.input_args.add(name=arg.name, occur_type=arg.occur.value, data_type=arg.kind.value, annotation=arg.note)
        for attr in known.attrs:
            entry = message.attrs.add(name=attr.name, occur_type=attr.occur.value, list_length=attr.length, annotation=attr.note)
            _write(entry.default_value, _zero(attr.wire) if attr.default is None else attr.default, attr.wire)


def _read_attr_def(message: Any, where: str) -> AttrDef:
    value, wire = _read(message.default_value, f"attribute '{message.name}' in {where}")
    return AttrDef(message.name, wire, Occur(message.occur_type), message.list_length, value, message.annotation)


def _read(message: Any, where: str) -> tuple[Attr, Wire]:
    field = message.WhichOneof("value")
    if field is None:
        raise ModelError(f"{where} has no value of a type that is known", where=where)
    wire, held = _WIRES[field], getattr(message, field)
    if wire.item is None:
        return (held.value if wire is Wire.BYTES else held), wire
    if wire.is_map:
        return {key: _item(held.value[key], wire.item) for key in sorted(held.value)}, wire
    return [_item(item, wire.item) for item in held.value], wire


def _item(held: Any, wire: Wire) -> Any:
    """Return an element of a vector or a map's value."""
    if wire.item is not None:
        return list(held.value)
    return held.value if wire is Wire.BYTES else held


def _write(message: Any, value: Any, wire: Wire) -> None:
    field = _FIELDS[wire]
    if wire.item is None and wire is not Wire.BYTES:
        setattr(message, field, _plain(value, wire))
        return
    held = getattr(message, field)
    held.SetInParent()
    if wire is Wire.BYTES:
        held.value = value
    elif wire.item is Wire.BYTES and not wire.is_map:
        for item in value:
            held.value.add(value=item)
    elif wire.is_map:
        _write_map(held.value, value, wire)
    else:
        held.value.extend(_plain(item, wire) for item in value)


def _write_map(held: Any, value: Mapping[str, Any], wire: Wire) -> None:
    for key, item in value.items():
        if wire.item is Wire.BYTES:
            held[key].value = item
        elif wire.item is not None and wire.item.item is not None:
            held[key].value.extend(_plain(one, wire) for one in item)
        else:
            held[key] = _plain(item, wire)


def _plain(value: Any, wire: Wire) -> Any:
    """Return a scalar as the built-in type that protobuf wants (NumPy's are none)."""
    if "INT" in wire.name:
        return int(value)
    return float(value) if "FLOAT" in wire.name or "DOUBLE" in wire.name else value


def _zero(wire: Wire) -> Attr:
    if wire.item is not None:
        return {} if wire.is_map else []
    zeros: dict[Wire, Attr] = {Wire.BOOL: False, Wire.STRING: "", Wire.BYTES: b"", Wire.FLOAT: 0.0, Wire.DOUBLE: 0.0}
    return zeros.get(wire, 0)
