"""A tree that several hosts come to use: each gets a copy of the records that were kept in common before."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from net2bit.graph.mounts import MARK


def moved_in(state: Path, own: Path) -> Path:
    """Return the path of this host's own records, in *own*, and mark the tree with state folder *state* as shared.

    A tree that cannot be written keeps its common records: nothing is built in it, and what is there can be looked at.
    """
    common, records = state / "store.db", own / "store.db"
    try:
        own.mkdir(parents=True, exist_ok=True)
        if not (state / MARK).exists():
            (state / MARK).touch()
        if common.exists() and not records.exists():
            _copy(common, records)
    except OSError:
        return records if records.exists() else common
    return records


def _copy(common: Path, records: Path) -> None:
    """Copy a database; one that cannot be read is left alone, which costs a second look at every file."""
    fresh = records.with_name(f"new-{os.urandom(8).hex()}")
    try:
        with closing(sqlite3.connect(f"{common.as_uri()}?mode=ro", uri=True)) as source, closing(sqlite3.connect(fresh)) as target:
            source.backup(target)
        os.link(fresh, records)  # another process of this host may have been faster
    except (sqlite3.Error, FileExistsError):
        return
    finally:
        fresh.unlink(missing_ok=True)
