"""What a file's content is, without reading it twice: (mtime, ctime, size, inode) -> SHA-256.

A digest is remembered only when the file's clock has ticked since it was last changed: a file written within one tick of the
moment it was hashed could change again and show the same stat (git calls such an entry "racily clean").
"""

import hashlib
import os
import stat as modes
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from net2bit.errors import StoreError
from net2bit.graph.records import Records
from net2bit.job import canonical

if TYPE_CHECKING:
    from net2bit.graph.place import Made

Stamp = tuple[int, int, int, int]
Entry = tuple[str, str, bool]  # path inside the tree, SHA-256, executable; an empty folder is ("name/", "", False)

Sealed = tuple[str, int, int, int]

WRONG: Final = "wrong type"  # stands for a digest where a folder lies in a file's place, or the reverse
_COARSE: Final = 5  # Linux's CLOCK_REALTIME_COARSE: the clock that stamps files


def _tick() -> int:
    """Return, in ns, how long two changes of a file may carry the same stamp (two ticks of the clock that stamps files)."""
    try:
        return int(2e9 * time.clock_getres(_COARSE))
    except OSError:  # not Linux
        return 20_000_000


TICK: Final = _tick()
_SECOND: Final = 1_000_000_000
_TRIES: Final = 5


def stamp(found: os.stat_result) -> Stamp:
    """Return what tells whether a file was touched."""
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def recent(at: Stamp, now: int) -> bool:
    """Return whether a file was changed within one tick of *now*: a change right after it could go unseen in the file's stat."""
    newest = max(at[:2])
    coarse = newest % _SECOND == 0  # a file system with whole seconds
    return now - newest < (2 * _SECOND if coarse else TICK)


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(entries: list[Entry]) -> str:
    """Return the text that stands for a tree: its SHA-256 is the tree's digest."""
    return canonical({"format": "net2bit.tree/1", "entries": sorted(entries)})


def tree_digest(entries: list[Entry]) -> str:
    """Return the digest of a tree: over the sorted paths, contents and execute bits of all that is in it."""
    return hashlib.sha256(listing(entries).encode("utf-8", "surrogateescape")).hexdigest()


class Member(NamedTuple):
    """A file of a tree (or a folder without content, whose path ends in a slash)."""

    path: str
    found: os.stat_result

    @property
    def executable(self) -> bool:
        """Whether its owner may run it."""
        return bool(self.found.st_mode & modes.S_IXUSR) and not self.path.endswith("/")


def walk(top: str) -> list[Member]:
    """Return all files below *top*, links followed, sorted by path.

    Raises:
        StoreError: A broken link, a link that leads back into itself, or something that is neither file nor folder.
    """
    return sorted(_walk(top, "", ()), key=lambda member: member.path)


def _walk(top: str, inner: str, above: tuple[tuple[int, int], ...]) -> Iterator[Member]:
    here = os.path.join(top, inner)
    try:
        own = os.stat(here)
        entries = list(os.scandir(here))
        found = [(entry, entry.stat()) for entry in entries]
    except OSError as fault:
        raise StoreError(f"cannot read the folder: {fault.strerror}", where=str(fault.filename or here)) from fault
    if (own.st_dev, own.st_ino) in above:
        raise StoreError("a link in this folder leads back into it", where=here, remedy="remove the link")
    if not entries and inner:
        yield Member(inner, own)
    for entry, status in found:
        if modes.S_ISDIR(status.st_mode):
            yield from _walk(top, f"{inner}{entry.name}/", (*above, (own.st_dev, own.st_ino)))
        elif modes.S_ISREG(status.st_mode):
            yield Member(inner + entry.name, status)
        else:
            raise StoreError("neither a file nor a folder", where=entry.path, remedy="remove it: only files can be hashed")


def sealed(path: str, found: os.stat_result) -> tuple[Sealed, ...]:
    """Return what tells whether a file's content was touched, and what no rename and no link changes."""
    return ((path, found.st_mtime_ns, found.st_size, found.st_ino),)


def sealed_tree(members: list[Member]) -> tuple[Sealed, ...]:
    """Return the same of all files of a tree."""
    return tuple(one for member in members if not member.path.endswith("/") for one in sealed(member.path, member.found))


def signature(members: list[Member]) -> str:
    """Return a digest over the stats of a tree: equal as long as nobody touched anything in it."""
    lines = [f"{m.path}\0{m.executable:d}\0{stamp(m.found)}\n" for m in members]
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


class Fingerprints:
    """Digests of files and trees, remembered in the records; paths are relative to the project's root, or absolute."""

    def __init__(self, root: Path, records: Records) -> None:
        self.root = root
        self._base = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self._records = records
        self._session: dict[str, str | None] = {}
        self._looked: dict[str, Stamp | None] = {}

    def close(self) -> None:
        """Give the root's file descriptor back."""
        os.close(self._base)

    def renew(self) -> None:
        """Look at every file again from now on: time has passed, or something was built."""
        self._session.clear()
        self._looked.clear()

    def forget(self, path: str) -> None:
        """Trust no remembered digest of *path*: it is read in full the next time."""
        self._session.pop(path, None)
        self._records.snapshot.files.pop(path, None)
        self._records.snapshot.trees.pop(path, None)

    def looked(self) -> dict[str, Stamp | None]:
        """Return every path that was looked at (absolute) and how it stood, None where nothing was found."""
        root = str(self.root)
        return {os.path.join(root, path): found for path, found in self._looked.items()}

    def digest(self, path: str, *, tree: bool = False) -> str | None:
        """Return the SHA-256 of what lies at *path*, None when nothing does, `WRONG` when it is of the other type.

        Raises:
            StoreError: It cannot be read.
        """
        found = self._session.get(path, "")
        if found == "":
            found = self._session[path] = self._tree(path) if tree else self._file(path)
        return found

    def _stat(self, path: str) -> os.stat_result | None:
        try:
            found = os.stat(path, dir_fd=self._base)
        except (FileNotFoundError, NotADirectoryError):
            self._looked[path] = None
            return None
        except OSError as fault:
            raise StoreError(f"cannot look at the file: {fault.strerror}", where=path) from fault
        self._looked[path] = stamp(found)
        return found

    def _file(self, path: str) -> str | None:
        found = self._stat(path)
        if found is None:
            return None
        known = self._records.snapshot.files.get(path)
        if known is not None and known[1:5] == stamp(found):
            return str(known[5])
        return self._hash(path, found) if modes.S_ISREG(found.st_mode) else WRONG

    def _hash(self, path: str, found: os.stat_result) -> str | None:
        """Hash until the file stood still for the time of hashing; one that never does has the digest of some moment."""
        digest = None
        for _ in range(_TRIES):
            try:
                digest = sha256(self.root / path)
            except FileNotFoundError:
                return None
            except OSError as fault:
                raise StoreError(f"cannot read the file: {fault.strerror}", where=path) from fault
            now, again = time.time_ns(), self._stat(path)
            if again is None:
                return None
            if stamp(again) == stamp(found):
                if recent(stamp(again), now):
                    self._records.snapshot.files.pop(path, None)
                else:
                    self._remember_file(path, again, digest)
                return digest
            found = again
        return digest

    def _remember_file(self, path: str, found: os.stat_result, digest: str) -> None:
        row = (path, *stamp(found), digest)
        self._records.snapshot.files[path] = row
        self._records.later("files", row)

    def _tree(self, path: str) -> str | None:
        found = self._stat(path)
        if found is None:
            return None
        if not modes.S_ISDIR(found.st_mode):
            return WRONG
        members = walk(str(self.root / path))
        self._note(path, members)
        known = self._records.snapshot.trees.get(path)
        mark = signature(members)
        if known is not None and known[1] == mark:
            return str(known[2])
        return self._hash_tree(path, members, mark)

    def _note(self, path: str, members: list[Member]) -> None:
        for member in members:
            self._looked[f"{path}/{member.path}"] = stamp(member.found)
            folder = member.path.rpartition("/")[0]
            if folder and f"{path}/{folder}" not in self._looked:
                self._stat(f"{path}/{folder}")

    def _hash_tree(self, path: str, members: list[Member], mark: str) -> str:
        known = {row[0]: row for row in self._records.ask("SELECT path, mtime, ctime, size, inode, sha FROM members WHERE tree=?", (path,))}
        now = time.time_ns()
        entries = [self._entry(path, member, known.get(member.path)) for member in members]
        digest = tree_digest(entries)
        quiet = not any(recent(stamp(member.found), now) for member in members)
        if quiet and signature(walk(str(self.root / path))) == mark:
            self._remember_tree(path, mark, digest, list(zip(members, entries, strict=True)))
        return digest

    def _entry(self, tree: str, member: Member, known: tuple[object, ...] | None) -> Entry:
        if member.path.endswith("/"):
            return member.path, "", False
        if known is not None and known[1:5] == stamp(member.found):
            return member.path, str(known[5]), member.executable
        try:
            return member.path, sha256(self.root / tree / member.path), member.executable
        except OSError as fault:
            raise StoreError(f"cannot read the file: {fault.strerror}", where=f"{tree}/{member.path}") from fault

    def _remember_tree(self, path: str, mark: str, digest: str, members: list[tuple[Member, Entry]]) -> None:
        self._records.snapshot.trees[path] = (path, mark, digest)
        self._records.later("trees", (path, mark, digest))
        for member, entry in members:
            self._records.later("members", (path, member.path, *stamp(member.found), entry[1]))

    def adopt(self, made: "Made") -> None:
        """Remember the digest of what the store itself has just put into place, without reading it again.

        Its content was hashed before, and moving it changed no mtime. It waits until the newest of these is a tick of the clock old, so
        that a later change cannot carry the same one; what was changed until then is not remembered, and so read by the next check.
        (A server whose clock is ahead of ours is not waited for.) How long ago it was moved, which ctime tells, does not matter.
        """
        path, newest = made.artifact.path, max((mtime for _, mtime, _, _ in made.sealed), default=0)
        if not _settled(newest):
            return
        if not made.artifact.tree:
            found = os.stat(path, dir_fd=self._base)
            if sealed("", found) == made.sealed:
                self._remember_file(path, found, made.digest)
            return
        members = walk(str(self.root / path))
        if sealed_tree(members) == made.sealed:
            self._remember_tree(path, signature(members), made.digest, list(zip(members, sorted(made.entries), strict=True)))


def _settled(newest: int) -> bool:
    """Wait for the tick after the time *newest*, in ns, unless that takes long; returns whether it has come."""
    end = time.monotonic_ns() + 4 * TICK
    while recent((newest, 0, 0, 0), time.time_ns()):
        if newest % _SECOND == 0 or time.monotonic_ns() >= end:
            return False
        time.sleep(TICK / 4e9)
    return True
