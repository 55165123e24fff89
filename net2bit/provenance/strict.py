"""JSON from strangers: one meaning or none.

Python's reader keeps the last of two equal keys, takes NaN, and turns a long row of digits into a number in quadratic time. Two readers of
one document could so disagree on what was signed.
"""

import json
from typing import Any, Final

from net2bit.provenance.errors import Untrusted

_DIGITS: Final = 20  # a file's size has no more
_VALUES: Final = 2_000_000  # each takes some 60 bytes of memory; a folder of 100,000 files takes half of them


def loads(text: bytes, limit: int) -> dict[str, Any]:
    """Return the JSON object that *text* holds, at most *limit* bytes of UTF-8.

    Raises:
        Untrusted: It is too large, holds too many values, is no object, nested too deeply, or says one thing twice.
    """
    if len(text) > limit:
        raise Untrusted(f"it is larger than {limit} bytes")
    if sum(map(text.count, (b"[", b"{", b","))) > _VALUES:
        raise Untrusted("it holds too many values")
    try:
        found = json.loads(text.decode(), object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant)
    except (ValueError, RecursionError) as fault:
        raise Untrusted(f"it is no JSON text: {type(fault).__name__}") from fault
    if not isinstance(found, dict):
        raise Untrusted("it is no JSON object")
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Untrusted("it says one key twice")
    return found


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise Untrusted("it holds a number of too many digits")
    return int(digits)


def _float(digits: str) -> float:
    found = float(digits) if len(digits) <= 2 * _DIGITS else float("inf")
    if found in {float("inf"), float("-inf")}:
        raise Untrusted("it holds a number of too many digits")
    return found


def _constant(name: str) -> float:
    raise Untrusted(f"it holds {name}, which is no JSON number")
