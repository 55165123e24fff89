"""The files in which the local cache keeps what it knows of a result; whoever shares the cache may have written them."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.graph.keys import full
from net2bit.provenance.errors import Untrusted

FORMAT: Final = 1
NAME: Final = re.compile(r"[0-9a-f]{64}(\.x)?")
"""Name of a blob."""


@dataclass(frozen=True)
class Entry:
    """The cached result of one stage key.

    Attributes:
        path: The entry's file.
        key: The whole stage key.
        extra: See `records.Record`.
        outputs: (digest, tree, executable) of each product.
        took: What the run took: seconds, cpu, peak, metrics.
        statement: SHA-256 of the statement about it (see `net2bit.provenance`); empty where there is none.
    """

    path: Path
    key: str
    extra: str
    outputs: tuple[tuple[str, bool, bool], ...]
    took: dict[str, Any]
    statement: str = ""


def read(path: Path) -> Entry | None:
    """Return the entry in a file, None where it is of another version; a damaged one is removed."""
    try:
        found = json.loads(path.read_bytes())
        if found["format"] != FORMAT:
            return None
        return _entry(path, found)
    except (OSError, ValueError, KeyError, TypeError, Untrusted):
        with suppress(OSError):
            path.unlink()
        return None


def _entry(path: Path, found: Mapping[str, Any]) -> Entry:
    """Return what the file of an entry says; whoever shares the cache may have written it.

    Raises:
        KeyError, TypeError, Untrusted, ValueError: It is damaged.
    """
    from net2bit.provenance import fields, reading, recompute  # noqa: PLC0415 - not on the null path

    base, key, extra, statement = path.parent.name, found["key"], fields.text(found, "extra"), found.get("statement", "")
    recompute.files(extra)
    outputs = tuple((digest, bool(tree), bool(executable)) for digest, tree, executable in found["outputs"])
    names = [*found["blobs"], *(digest for digest, _, _ in outputs), *([statement] if statement else [])]
    if key != path.stem or key != full(base, extra) or not all(map(NAME.fullmatch, names)):
        raise ValueError(key)
    return Entry(path, key, extra, outputs, reading.figures(fields.table(found, "took")), statement)


def readable(path: Path) -> bool:
    """Return whether an entry names its blobs; one that does not is damaged."""
    try:
        return all(isinstance(size, int) for size in blobs(path).values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def blobs(path: Path) -> dict[str, int]:
    """Return blob name -> bytes of an entry.

    Raises:
        OSError, KeyError, TypeError, ValueError: It cannot be read, or is damaged.
    """
    found: dict[str, int] = json.loads(path.read_bytes())["blobs"]
    return found
