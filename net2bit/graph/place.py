"""Putting a stage's products into place: checked, hashed, sealed and synced beside the tree, then moved in by rename."""

import errno
import hashlib
import os
import stat as modes
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from net2bit.errors import StageError, StoreError
from net2bit.graph.fingerprint import Entry, Member, Sealed, sealed, sealed_tree, sha256, tree_digest, walk
from net2bit.graph.stage import Artifact, Stage

Took = dict[str, Any]
Stood = tuple[int, int, int]  # mtime_ns, size, inode of a file: what no rename and no link changes
_SEALED: Final = 0o444  # a product is read-only: it may share its content with the cache
_SYNC_LIMIT: Final = 64  # files of a tree that are synced one by one
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_REFUSED: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@dataclass(frozen=True)
class Made:
    """A product that was checked and hashed and waits to be moved into place.

    Attributes:
        artifact: What it is and where it belongs.
        source: Where it lies now.
        digest: SHA-256 of its content.
        size: Bytes.
        sealed: What no rename or link changes about its files: (path, mtime_ns, size, inode).
        executable: Whether it is a program.
        entries: For a tree: all that is in it.
    """

    artifact: Artifact
    source: Path
    digest: str
    size: int
    sealed: tuple[Sealed, ...]
    executable: bool = False
    entries: tuple[Entry, ...] = ()


@dataclass(frozen=True)
class Finished:
    """A result in a work folder, not yet in place.

    Attributes:
        made: Its products.
        how: `ran` or `restored`.
        extra: See `records.Record`.
        took: What its run took: seconds, own, started, cpu, peak, metrics.
        log: The log's path; empty where nothing ran.
        statement: Who made it, from what and how (see `net2bit.provenance`); empty where nobody knows.
        shared: Whether it came from the shared cache.
    """

    made: Sequence[Made]
    how: str
    extra: str
    took: Took
    log: str = ""
    statement: bytes = b""
    shared: bool = False


@contextmanager
def disk(where: Path | str) -> Iterator[None]:
    """Turn a fault of the disk into an error for people.

    Raises:
        StoreError: In place of any OSError.
    """
    try:
        yield
    except OSError as fault:
        path = str(fault.filename or where)
        if fault.errno in _FULL:
            raise StoreError("the disk is full", where=path, remedy="make room and run again: what is finished is kept") from fault
        if fault.errno in _REFUSED:
            remedy = "make the project's folder writable (for this user, on this mount) to build in it"
            raise StoreError(f"cannot write: {fault.strerror}", where=path, remedy=remedy) from fault
        raise StoreError(f"the disk failed: {fault.strerror or fault}", where=path) from fault


def paths(stage: Stage, folder: Path) -> dict[str, Path]:
    """Return kind -> path in *folder* for every product of a stage."""
    found = {out.kind: folder / Path(out.path).name for out in stage.outputs}
    if len(set(found.values())) < len(stage.outputs):
        raise StoreError("two products of one stage have the same file name", where=stage.name)
    return found


def manifest_path(root: Path, stage: Stage) -> Path:
    """Return where the manifest of a stage lies: beside its first product."""
    first = root / stage.outputs[0].path
    return first.with_name(f".{first.name}.manifest.json")


def statement_path(product: Path) -> Path:
    """Return where the statement about a product lies: beside it."""
    return product.with_name(f".{product.name}.intoto.json")


def collect(stage: Stage, folder: Path, known: Mapping[Stood, str] = MappingProxyType({})) -> list[Made]:
    """Check what a stage left in *folder* against what it declared; seal, sync and hash it.

    A file that stands as one in *known* is not hashed again: it was hashed as it was written, and nobody has touched it since.

    Raises:
        StageError: A product is missing, of the wrong type, or was never declared.
        StoreError: It cannot be read or sealed.
    """
    wanted = paths(stage, folder)
    extra = sorted(set(os.listdir(folder)) - {path.name for path in wanted.values()})
    if extra:
        raise StageError(
            f"{stage.op.name} wrote what it does not declare: {', '.join(extra)}",
            where=stage.op.run,
            remedy="write it to job.scratch, or add it to `makes` of the op",
        )
    with disk(folder):
        return [_made(stage, out, wanted[out.kind], known) for out in stage.outputs]


def lying(stage: Stage, root: Path) -> list[Made]:
    """Return the products of *stage* that lie in place below *root*, checked and hashed in full.

    Raises:
        StageError: One is missing, or of the wrong type.
        StoreError: One cannot be read.
    """
    with disk(root):
        return [_made(stage, out, root / out.path, MappingProxyType({})) for out in stage.outputs]


def _made(stage: Stage, out: Artifact, path: Path, known: Mapping[Stood, str]) -> Made:
    try:
        found = path.lstat()
    except FileNotFoundError:
        raise StageError(f"{stage.op.name} did not make {out.kind}", where=stage.op.run, remedy="write every path of job.outputs") from None
    right = modes.S_ISDIR if out.tree else modes.S_ISREG
    if not right(found.st_mode):
        wanted = "a folder" if out.tree else "a file"
        raise StageError(f"{stage.op.name} made {out.kind} as something else than {wanted}", where=stage.op.run)
    if out.tree:
        return _made_tree(stage, out, path, known)
    _seal(path, found)
    return Made(out, path, _digest(path, found, known), found.st_size, sealed("", found), executable=bool(found.st_mode & modes.S_IXUSR))


def _digest(path: Path | str, found: os.stat_result, known: Mapping[Stood, str]) -> str:
    return known.get((found.st_mtime_ns, found.st_size, found.st_ino)) or sha256(path)


def _made_tree(stage: Stage, out: Artifact, path: Path, known: Mapping[Stood, str]) -> Made:
    _refuse_links(stage, path)
    members = walk(str(path))
    many = len(members) > _SYNC_LIMIT  # after a power cut the stats of an unsynced file differ from those remembered: it is hashed again
    for member in members:
        if not member.path.endswith("/"):
            _seal(f"{path}/{member.path}", member.found, sync=not many)
    entries = tuple(_entry(str(path), member, known) for member in members)
    size = sum(member.found.st_size for member in members if not member.path.endswith("/"))
    return Made(out, path, tree_digest(list(entries)), size, sealed_tree(members), entries=entries)


def _entry(top: str, member: Member, known: Mapping[Stood, str]) -> Entry:
    digest = "" if member.path.endswith("/") else _digest(f"{top}/{member.path}", member.found, known)
    return member.path, digest, member.executable


def _refuse_links(stage: Stage, top: Path) -> None:
    for entry in _inside(str(top)):
        if entry.is_symlink():
            raise StageError(
                f"{stage.op.name} made a symbolic link",
                where=os.path.relpath(entry.path, top.parent),
                remedy="copy the file: a product is whole",
            )


def _inside(folder: str) -> "Iterator[os.DirEntry[str]]":
    """Yield all that lies below *folder*."""
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from _inside(entry.path)


def _seal(path: Path | str, found: os.stat_result, *, sync: bool = True) -> None:
    mode = _SEALED | (0o111 if found.st_mode & modes.S_IXUSR else 0)
    if modes.S_IMODE(found.st_mode) != mode:
        os.chmod(path, mode)
    if sync:
        _sync(path)


def _sync(path: Path | str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def move_in(made: Sequence[Made], root: Path, away: Path) -> None:
    """Move products into place; at every moment each target is the old one, the new one, or absent.

    One file replaces its predecessor in one step. Where there are several, all predecessors leave (into the folder *away*) before
    the first newcomer arrives, so that the products of two runs never stand side by side. A fault brings the predecessors back.

    Raises:
        StoreError: The disk refuses.
    """
    targets = [root / one.artifact.path for one in made]
    moves = [(one.source, target) for one, target in zip(made, targets, strict=True)]
    with disk(targets[0]):
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        if len(made) > 1 or made[0].artifact.tree or targets[0].is_dir():
            away.mkdir()
            moves = [(target, away / str(index)) for index, target in enumerate(targets) if os.path.lexists(target)] + moves
        _move(moves)
        for folder in {target.parent for target in targets}:
            _sync(folder)


def _move(moves: Sequence[tuple[Path, Path]]) -> None:
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError:
        for source, target in reversed(done):
            with suppress(OSError):  # the disk is failing: what cannot go back is absent, never half
                target.rename(source)
        raise


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a small file beside *path* and rename it into place."""
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}.new")
    try:
        fresh.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
