"""Records that hosts pass to each other: one small file for each finished stage, in a tree that several hosts build in.

SQLite's WAL holds on one host only, so each host has records of its own there, and tells the others what it finished:

```
.net2bit/exchange/<2>/<base>.<key>.json
```

A file is written whole and renamed into place; of a key that was built twice the last one counts, as its products do. Nobody's word
is taken for a file's content: a record only says which digests the products of a key have, and those in place are read.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from net2bit.graph.lease import refresh
from net2bit.job import canonical

FORMAT: Final = 1
_WIDTHS: Final = {"record": 9, "history": 11}


class Finding(NamedTuple):
    """What a host finished: rows of the tables `records` and `history` (see `tables`)."""

    record: tuple[Any, ...]
    history: tuple[Any, ...]


class Exchange:
    """The files in one tree's exchange."""

    def __init__(self, folder: Path) -> None:
        """Use the exchange in *folder*, which need not exist."""
        self._folder = folder

    def put(self, record: Sequence[Any], history: Sequence[Any]) -> None:
        """Tell the other hosts.

        Raises:
            OSError: It cannot be written.
        """
        key, base = record[:2]
        path = self._folder / base[:2] / f"{base}.{key}.json"
        content = {"format": FORMAT, "record": list(record), "history": list(history)}
        fresh = path.with_name(f"new-{os.urandom(8).hex()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            fresh.write_text(canonical(content | {"digest": _digest(content)}), encoding="utf-8")
            fresh.replace(path)
        finally:
            fresh.unlink(missing_ok=True)

    def find(self, base: str, *, anew: bool = False) -> Iterator[Finding]:
        """Yield what any host finished under the stage key *base*; *anew* makes this host forget what it remembers of the folder.

        Damaged files are removed: who needs them builds again, and writes them again.
        """
        folder = self._folder / base[:2]
        try:
            if anew:
                refresh(folder)
            names = sorted(name for name in os.listdir(folder) if name.startswith(f"{base}."))
        except OSError:  # nobody has finished anything there, or nothing can be read
            return
        for name in names:
            found = _read(folder / name)
            if found is not None:
                yield found


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def _read(path: Path) -> Finding | None:
    try:
        content = json.loads(path.read_bytes())
        whole = content.pop("digest") == _digest(content) and content["format"] == FORMAT
        found = {name: tuple(content[name]) for name in _WIDTHS}
    except OSError:  # it was pruned, or replaced
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if whole and all(len(found[name]) == width for name, width in _WIDTHS.items()):
        return Finding(**found)
    path.unlink(missing_ok=True)
    return None
