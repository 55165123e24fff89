"""The local cache: results by stage key, shared by all trees of a user. Content lies under its SHA-256.

```
cas/<2>/<sha256>[.x]        one file's content, read-only; `.x` where it is executable; the listing of a tree under the tree's digest
ac/<2>/<base>/<key>.json    the outputs of one stage key, and what its run took
```

Blobs are hard links to the products in the build trees where the file system allows it, and copies elsewhere. What is restored is
hashed again before it is put into place (see `build`), so a damaged blob costs a rebuild and nothing else. Every fault of the
cache is a notice, never an error.
"""

import fcntl
import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from net2bit.errors import ConfigError
from net2bit.graph import cache_entry as entries
from net2bit.graph.cache_entry import Entry
from net2bit.graph.fingerprint import listing, sha256
from net2bit.graph.place import Made, text_digest, write_whole

if TYPE_CHECKING:
    from net2bit.cache.fetch import Fetched
    from net2bit.provenance.statement import OutputFact

_HOUR: Final = 3600  # seconds
_WEEK: Final = 7 * 24 * _HOUR
_UNITS: Final = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_DIGITS: Final = 64  # of a SHA-256
_SIZE: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)I?B?\s*", re.IGNORECASE)


def parse_size(text: str | int) -> int:
    """Return bytes for `10GB`, `500 MB`, `2.5G` or a plain number.

    Raises:
        ConfigError: It is no size.
    """
    found = _SIZE.fullmatch(str(text))
    if found is None:
        raise ConfigError(f"not a size: {text}", where="cache.size", remedy="write a number and a unit, such as 10GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def default_folder() -> Path:
    """Return where the cache lies unless something else is said: NET2BIT_CACHE_DIR, or the user's cache folder."""
    own = os.environ.get("NET2BIT_CACHE_DIR")
    home = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    return Path(own) if own else Path(home, "net2bit")


@dataclass(frozen=True)
class CacheSettings:
    """Where the cache lies (None: the default), how many bytes it may take, whether it is used, and the shared cache behind it."""

    dir: Path | None = None
    size: int = 10 * 10**9
    enabled: bool = True
    remote: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, group: Mapping[str, Any]) -> "CacheSettings":
        """Return the settings of an experiment's `cache` group.

        Raises:
            ConfigError: The size is none.
        """
        folder = group.get("dir")
        size, enabled = parse_size(group.get("size", cls.size)), bool(group.get("enabled", True))
        return cls(Path(folder).expanduser() if folder else None, size, enabled, group.get("remote") or {})


class Cache:
    """Results of earlier runs, wherever they ran on this machine."""

    def __init__(self, settings: CacheSettings, notice: Callable[[str], None]) -> None:
        self.folder = settings.dir or default_folder()
        self._contents = f"{self.folder}/cas"
        self.enabled = settings.enabled and settings.size > 0
        self.limit = settings.size
        self._notice = notice
        self._told = set[str]()
        self._added = 0

    def beside(self, folder: Path) -> "Cache":
        """Return an empty cache in *folder*, for one result on its way."""
        return Cache(CacheSettings(folder), self._notice)

    def _blob(self, digest: str, *, executable: bool = False) -> Path:
        return Path(self._place(digest, executable))

    def _place(self, digest: str, executable: bool) -> str:  # noqa: FBT001 - what makes a blob's name
        """Return the path of a blob; of a thousand of them in a hundredth of the time that a `Path` takes.

        Raises:
            ValueError: It is no digest: a way out of the folder, at worst to a file that would be opened to everybody.
        """
        if len(digest) != _DIGITS or not digest.isalnum():
            raise ValueError(f"no digest: {digest[:_DIGITS]!r}")
        return f"{self._contents}/{digest[:2]}/{digest}{'.x' if executable else ''}"

    def _entries(self, base: str) -> Path:
        return self.folder / "ac" / base[:2] / base

    def find(self, base: str) -> Iterator[Entry]:
        """Yield what is cached under the stage key *base*, each with another `extra`."""
        if not self.enabled:
            return
        with self._excused("cannot be read"):
            folder = self._entries(base)
            for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
                entry = entries.read(path)
                if entry is not None:
                    yield entry

    def restore(self, entry: Entry, targets: Sequence[Path]) -> bool:
        """Put an entry's products at *targets*, which do not exist; returns whether all of them were there."""
        done = False
        with self._excused("lost a file"):
            for (digest, tree, executable), target in zip(entry.outputs, targets, strict=True):
                if tree:
                    self._restore_tree(digest, target)
                else:
                    link(self._blob(digest, executable=executable), target)
            os.utime(entry.path)  # used: the last to be evicted
            done = True
        return done  # noqa: RET504 - false while the block above was left by an excused fault

    def _restore_tree(self, digest: str, target: Path) -> None:
        target.mkdir()
        top, known = os.path.realpath(target), {""}
        for path, sha, executable in json.loads(self._blob(digest).read_bytes())["entries"]:
            folder, _, name = path.rpartition("/")
            if name in {".", ".."}:
                raise OSError(f"an entry leads out of its tree: {path}")
            if folder not in known:
                self._make_inside(top, folder)
                known.add(folder)
            if name:
                link(self._place(sha, executable), f"{top}/{path}")

    def _make_inside(self, top: str, folder: str) -> None:
        """Make *folder* below *top*; refuse one that lies elsewhere, also by way of a link, before it is made."""
        if not os.path.realpath(f"{top}/{folder}").startswith(f"{top}/") or folder.startswith("/"):
            raise OSError(f"an entry leads out of its tree: {folder}/")
        os.makedirs(f"{top}/{folder}", exist_ok=True)

    def statement(self, entry: Entry) -> bytes:
        """Return the statement about an entry; empty where it has none, or lost it: that is no reason to build again."""
        if not entry.statement:
            return b""
        with suppress(OSError):
            found = self._blob(entry.statement).read_bytes()
            if hashlib.sha256(found).hexdigest() == entry.statement:
                return found
        return b""

    def mend(self, entry: Entry) -> None:
        """Drop the damaged blobs of an entry that could not be restored, and the entry when it has any, or lacks one."""
        with self._excused("cannot be written"):
            whole = True
            for name in entries.blobs(entry.path):
                blob = self._blob(name[:64], executable=name.endswith(".x"))
                if blob.is_symlink() or not blob.exists() or sha256(blob) != name[:64]:
                    whole = False
                    blob.unlink(missing_ok=True)
            if not whole:
                entry.path.unlink(missing_ok=True)
                self._notice(f"a result in the cache was damaged and is made again ({entry.path})")

    def offer(self, base: str, key: str, extra: str, made: Sequence[Made], took: dict[str, Any], statement: bytes = b"") -> None:
        """Take a finished result in, with the *statement* about it; what cannot be taken in is left out, with a notice."""
        if not self.enabled or sum(one.size for one in made) > self.limit:
            return
        with self._excused("cannot be written"), self._locked(fcntl.LOCK_SH):
            blobs: dict[str, int] = {}
            for one in made:
                blobs |= self._take(one)
            outputs = [[one.digest, one.artifact.tree, one.executable] for one in made]
            self._enter(base, {"key": key, "extra": extra, "outputs": outputs, "took": took}, blobs, statement)

    def _enter(self, base: str, about: Mapping[str, Any], blobs: dict[str, int], statement: bytes) -> None:
        """Write the entry of a result whose *blobs* (name -> bytes) are here; *about* is what it says beside them."""
        entry = {"format": entries.FORMAT, **about, "blobs": blobs}
        if statement:
            digest = entry["statement"] = self._take_statement(statement)
            blobs[digest] = len(statement)
        path = self._entries(base) / f"{about['key']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(entry, sort_keys=True))
        self._added += sum(blobs.values())

    def has(self, digest: str, executable: bool) -> bool:  # noqa: FBT001 - what makes a blob's name
        """Return whether a content is here, as far as its name says."""
        return self.enabled and os.path.isfile(self._place(digest, executable))

    @property
    def arrivals(self) -> Path:
        """The folder for what comes from a shared cache, until it is whole."""
        return self.folder / "arrivals"

    def adopt(self, base: str, found: "Fetched", arrivals: Path) -> None:
        """Take in the result of *base* that has come from a shared cache, its contents in the folder *arrivals*."""
        with self._excused("cannot be written"), self._locked(fcntl.LOCK_SH):
            about, blobs = found.statement, dict[str, int]()
            for one in about.outputs:
                blobs |= self._adopt_output(one, found.lies)
            outputs = [[one.digest, one.tree, one.executable] for one in about.outputs]
            said = {"key": about.key, "extra": about.extra, "outputs": outputs, "took": dict(about.took)}
            self._enter(base, said, blobs, found.sealed)
        _tidy(arrivals)

    def _adopt_output(self, one: "OutputFact", lies: Mapping[str, str]) -> dict[str, int]:
        """Move the contents of one product in from where they lie; returns blob name -> bytes."""
        if not one.tree:
            return self._adopt_blob(one.digest, one.executable, lies)
        text = listing(list(one.entries))
        self._take_text(text, self._blob(one.digest))
        found = {one.digest: len(text)}
        for _, digest, executable in one.entries:
            if digest:
                found.update(self._adopt_blob(digest, executable, lies))
        return found

    def _adopt_blob(self, digest: str, executable: bool, lies: Mapping[str, str]) -> dict[str, int]:  # noqa: FBT001 - as in has
        blob = self._place(digest, executable)
        name = os.path.basename(blob)
        try:
            size = os.stat(blob).st_size
        except FileNotFoundError:
            with suppress(FileNotFoundError, KeyError):  # another build has moved it in
                _move(lies[name], blob)
            size = os.stat(blob).st_size
        return {name: size}

    def _take(self, one: Made) -> dict[str, int]:
        """Link one product into the cache; returns blob name -> bytes."""
        if not one.artifact.tree:
            blob = self._blob(one.digest, executable=one.executable)
            self._take_file(one.source, blob)
            return {blob.name: one.size}
        text = listing(list(one.entries))
        self._take_text(text, self._blob(one.digest))
        found = {one.digest: len(text)}
        for path, sha, executable in one.entries:
            if sha:
                blob = self._blob(sha, executable=executable)
                self._take_file(one.source / path, blob)
                found[blob.name] = blob.stat().st_size
        return found

    def _take_file(self, source: Path, blob: Path) -> None:
        if blob.exists() and blob.stat().st_size == source.stat().st_size:
            return
        blob.parent.mkdir(parents=True, exist_ok=True)
        fresh = blob.with_name(f"{blob.name}.{os.urandom(8).hex()}.new")
        try:
            link(source, fresh)
            fresh.replace(blob)
        finally:
            fresh.unlink(missing_ok=True)

    def _take_statement(self, statement: bytes) -> str:
        digest = hashlib.sha256(statement).hexdigest()
        blob = self._blob(digest)
        blob.parent.mkdir(parents=True, exist_ok=True)
        write_whole(blob, statement)
        return digest

    def _take_text(self, text: str, blob: Path) -> None:
        if not blob.exists() or text_digest(text) != text_digest(blob.read_text(encoding="utf-8", errors="surrogateescape")):
            blob.parent.mkdir(parents=True, exist_ok=True)
            write_whole(blob, text)

    def close(self) -> None:
        """Bring the cache below its limit when this session added to it."""
        if self._added:
            self.evict()

    def evict(self) -> None:
        """Drop the results that were not used for the longest time until the rest fits; concurrent builds lose nothing they hold."""
        with self._excused("cannot be tidied"), self._locked(fcntl.LOCK_EX):
            kept, size = set[str](), 0
            for path in sorted(self.folder.glob("ac/*/*/*.json"), key=lambda path: -path.stat().st_mtime_ns):
                blobs = entries.blobs(path) if entries.readable(path) else {}
                size += sum(bytes_ for name, bytes_ in blobs.items() if name not in kept)
                if size > self.limit or not blobs:
                    path.unlink()
                else:
                    kept |= blobs.keys()
            for path in self.folder.glob("cas/*/*"):
                if path.name not in kept and not _in_work(path):
                    path.unlink()
        self._added = 0

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Keep taking in (shared) and evicting (alone) apart: an evictor sees no blob whose entry is still to come."""
        self.folder.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(fd, how)
            yield
        finally:
            os.close(fd)

    @contextmanager
    def _excused(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, KeyError, TypeError) as fault:
            text = f"the cache {self.folder} {what}: {getattr(fault, 'strerror', None) or fault}"
            if text not in self._told:  # once, not once for each stage
                self._notice(text)
            self._told.add(text)


def _move(source: str, target: str) -> None:
    """Rename; the target's folder is made where there is none yet."""
    try:
        os.rename(source, target)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.rename(source, target)


def link(source: Path | str, target: Path | str) -> None:
    """Make *target* the same file as *source*, or a copy of it where the file system does not link."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:
        import shutil  # noqa: PLC0415 - not on the null path

        shutil.copy(source, target)  # keeps the mode


def _in_work(path: Path) -> bool:
    """Return whether somebody may be writing the file: locks do not reach every host that shares a folder."""
    return path.suffix == ".new" and time.time() - path.stat().st_mtime < _HOUR


def _tidy(arrivals: Path) -> None:
    """Drop what has come by transfers that broke off and that nobody has continued for a week."""
    with suppress(OSError):
        for path in arrivals.iterdir():
            if entries.NAME.match(path.name) and time.time() - path.stat().st_mtime > _WEEK:
                path.unlink()
