"""Fields of a JSON document that anybody may have written."""

import math
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from net2bit.provenance.errors import Untrusted

Table = Mapping[str, Any]
T = TypeVar("T")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


def table(document: Table, name: str) -> Table:
    """Return the object under *name*.

    Raises:
        Untrusted: There is none.
    """
    return _field(document, name, dict)


def tables(document: Table, name: str) -> list[Table]:
    """Return the list of objects under *name*.

    Raises:
        Untrusted: There is none.
    """
    found = _field(document, name, list)
    if not all(isinstance(one, dict) for one in found):
        raise Untrusted(f"it lacks {name}")
    return found


def text(document: Table, name: str) -> str:
    """Return the text under *name*.

    Raises:
        Untrusted: There is none.
    """
    return _field(document, name, str)


def _field(document: Table, name: str, kind: type[T]) -> T:
    found = document.get(name)
    if not isinstance(found, kind):
        raise Untrusted(f"it lacks {name}")
    return found


def flag(document: Table, name: str) -> bool:
    """Return whether *name* is true; it is not where it is left out.

    Raises:
        Untrusted: It is something else than true or false.
    """
    found = document.get(name, False)
    if not isinstance(found, bool):
        raise Untrusted(f"{name} is neither true nor false")
    return found


def size(document: Table) -> int:
    """Return the number of bytes under `size`.

    Raises:
        Untrusted: There is none.
    """
    found = document.get("size")
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        raise Untrusted("a size that is none")
    return found


def sha(document: Table) -> str:
    """Return the SHA-256 of a resource descriptor.

    Raises:
        Untrusted: It has none.
    """
    return hexadecimal(table(document, "digest").get("sha256"))


def hexadecimal(value: object) -> str:
    """Return *value* where it is a SHA-256 in lower case.

    Raises:
        Untrusted: It is not.
    """
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise Untrusted("a digest that is none")
    return value


def is_number(value: object) -> bool:
    """Tell whether *value* is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
