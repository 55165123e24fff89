"""Offering what a build has put into place to the shared cache."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from net2bit.graph.place import Finished, Made

if TYPE_CHECKING:
    from net2bit.cache.entry import Source
    from net2bit.graph.store import Store


def offer(store: "Store", base: str, done: Finished) -> None:
    """Send the result *done* of the stage key *base* in the background, where there is a shared cache that it did not come from.

    It takes the place of an entry that is there where it has just been made.
    """
    remote = store.remote
    if remote is not None and remote.accepts and done.statement and not done.shared:
        remote.offer(base, done.statement, list(sources(done.made, store.root)), anew=done.how == "ran")


def sources(made: Sequence[Made], root: Path) -> "Iterator[Source]":
    """Yield the files of products that lie in place below *root*."""
    from net2bit.cache.entry import Source  # noqa: PLC0415 - where there is no shared cache, nothing of it is imported

    for one in made:
        kind, top = one.artifact.kind, root / one.artifact.path
        stood = {path: (mtime, size, inode) for path, mtime, size, inode in one.sealed}
        if not one.artifact.tree:
            yield Source(kind, top, one.digest, one.executable, stood[""])
        for path, digest, executable in one.entries:
            if digest:
                yield Source(f"{kind}/{path}", top / path, digest, executable, stood[path])
