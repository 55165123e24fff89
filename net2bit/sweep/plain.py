"""Merging and overriding plain data by the rules of OmegaConf and hydra, as far as experiments use them; the rest is `Unusual`.

Source: OmegaConf 2.3 (`DictConfig._map_merge`, `OmegaConf.update`), hydra 1.3 (`ConfigLoaderImpl._apply_overrides_to_config`). A
property test holds them against the originals.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol, Self

Node = dict[str, Any]
_MISSING: Final = "???"
_REFERENCE: Final = "${"
_ABSENT: Final = object()


class Unusual(Exception):  # noqa: N818 - no error: somebody else is asked
    """The rules here do not cover it."""


class Absent(Unusual):
    """A value is overridden that is not there."""


class Override(Protocol):
    """What is read of hydra's parsed overrides."""

    key_or_group: str

    def value(self) -> Any:
        """Return the value."""

    def is_delete(self) -> bool:
        """Return whether it begins with `~`."""

    def is_add(self) -> bool:
        """Return whether it begins with `+`."""

    def is_force_add(self) -> bool:
        """Return whether it begins with `++`."""


def special(value: Any) -> bool:
    """Return whether a value, or anything in it, refers to others or is missing."""
    if isinstance(value, str):
        return value == _MISSING or _REFERENCE in value
    if isinstance(value, Mapping):
        return any(special(one) for one in value.values())
    return isinstance(value, list) and any(special(one) for one in value)


def _copy(node: Any) -> Any:
    """Return a copy that shares what nobody changes: lists and leaves."""
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in node.items()} if isinstance(node, dict) else node


class Tree:
    """A configuration in the making.

    Attributes:
        data: Its nested keys.
        special: Whether something in it refers to other keys, or may be missing.
    """

    def __init__(self, data: Node | None = None, *, special: bool = False) -> None:
        self.data: Node = {} if data is None else data
        self.special = special

    def copy(self) -> Self:
        """Return a copy to change."""
        return type(self)(_copy(self.data), special=self.special)

    def merge(self, other: Mapping[str, Any]) -> None:
        """Merge *other* in: mappings by their keys, all else as a whole.

        Raises:
            Unusual: A mapping meets a list or a reference.
        """
        self.special = self.special or special(other)
        _merge(self.data, other)

    def apply(self, given: Override) -> None:
        """Apply an override of a value.

        Raises:
            Unusual: The key is not there (or is, for `+`), a mapping is replaced, or the value refers to another.
        """
        value = given.value()
        if special(value) or "[" in given.key_or_group:
            raise Unusual(given.key_or_group)
        *way, last = given.key_or_group.split(".")
        node = self._walk(way, given)
        if isinstance(value, dict):
            _enter(node, last, value, new=given.is_force_add())
        elif given.is_delete():
            _delete(node, last, value)
        elif given.is_add():
            _add(node, last, value)
        else:
            _change(node, last, value, new=given.is_force_add())

    def _walk(self, way: list[str], given: Override) -> Node:
        node: Any = self.data
        adds = given.is_add() or given.is_force_add()
        for key in way:
            if key not in node and not adds and not given.is_delete():
                raise Absent(key)
            node = node.setdefault(key, {}) if adds else node.get(key)
            if not isinstance(node, dict):
                raise Unusual(key)
        found: Node = node
        return found


def _merge(into: Node, other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        old = into.get(key, _ABSENT)
        if isinstance(value, Mapping) and isinstance(old, dict):
            _merge(old, value)
        elif isinstance(old, dict | list) and value == _MISSING:
            continue
        elif old is _ABSENT or _replaces(old, value):
            into[key] = _copy(value)
        else:
            raise Unusual(key)


def _enter(node: Node, key: str, value: Node, *, new: bool) -> None:
    """Merge the mapping *value* into that which stands under *key*, *new* keys included."""
    if not new or not isinstance(node.get(key), dict) or not _named(value):
        raise Unusual(key)
    _merge(node[key], value)


def _named(value: Any) -> bool:
    """Return whether all keys of *value* are texts without dots, which hydra leaves as they are."""
    return not isinstance(value, dict) or all(isinstance(key, str) and "." not in key and _named(one) for key, one in value.items())


def _replaces(old: Any, value: Any) -> bool:
    """Return whether *value* simply takes the place of *old*."""
    if isinstance(value, dict | list) and isinstance(old, str) and _REFERENCE in old:
        return False
    return not (isinstance(value, dict | list) and isinstance(old, dict | list)) or (isinstance(value, list) and isinstance(old, list))


def _delete(node: Node, key: str, value: Any) -> None:
    old = node.get(key)
    if old is None or special(old) or isinstance(old, dict | list) or (value is not None and value != old):
        raise Unusual(key)
    del node[key]


def _add(node: Node, key: str, value: Any) -> None:
    if node.get(key) is not None:
        raise Unusual(key)
    node[key] = value


def _change(node: Node, key: str, value: Any, *, new: bool) -> None:
    if key not in node and not new:
        raise Absent(key)
    if isinstance(node.get(key), dict):
        raise Unusual(key)
    if isinstance(value, list) and special(node.get(key)):
        raise Unusual(key)
    node[key] = value
