"""The digest of a stage's own code: its module and all it imports of the project, without comments, docstrings and layout.

Imports are read, not executed. What a stage imports by a name it computes (`import_module(f"net2bit.nets.{name}")`) cannot be
read off; the run itself reports such modules, and the store keeps them with the record (`Record.extra`).
"""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from net2bit.errors import StoreError
from net2bit.graph import registry
from net2bit.graph.fingerprint import Stamp, recent, sha256, stamp
from net2bit.graph.records import Records
from net2bit.job import canonical

# These carry a stage's words and faults and never decide a byte of its result; a new error class must not retrain a network.
CARRIERS: Final = frozenset({"net2bit/__init__.py", "net2bit/errors.py", "net2bit/run.py", "net2bit/supervise.py"})
PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]


class CodeDigest(NamedTuple):
    """What a stage's code is.

    Attributes:
        sha: Over all files.
        files: Path (relative to its root) -> digest of each.
    """

    sha: str
    files: Mapping[str, str]


class Code:
    """Reads modules of the project; each file is parsed once in its life."""

    def __init__(self, root: Path, records: Records) -> None:
        users = [str(folder.resolve()) for folder in registry.users_folders()]  # their stages' code lies beside their declarations
        self.roots = tuple(dict.fromkeys((str(root.resolve()), str(PACKAGE_ROOT), *users)))
        self._prefixes = dict.fromkeys((self.roots[0], *users), "")
        self._prefixes.setdefault(str(PACKAGE_ROOT), "net2bit")  # where net2bit is installed, others are too
        self._records = records
        self._stages: dict[tuple[str, tuple[str, ...]], CodeDigest] = {}
        self._modules: dict[str, str | None] = {}
        self._files: dict[str, tuple[str, tuple[str, ...]] | None] = {}
        self._extras: dict[str, bool] = {}
        self._stats: dict[str, Stamp | None] = {}
        self._looked: dict[str, Stamp | None] = {}

    def renew(self) -> None:
        """Look at every file again from now on."""
        for memo in (self._stages, self._modules, self._files, self._extras, self._stats, self._looked):
            memo.clear()

    def looked(self) -> dict[str, Stamp | None]:
        """Return every file that was looked at (absolute) and how it stood."""
        return dict(self._looked)

    def digest(self, run: str, uses: Sequence[str] = ()) -> CodeDigest:
        """Return the digest of `"module:function"` and of the files *uses* (relative to a root).

        Raises:
            StoreError: The module or a file is not there, or is not Python.
        """
        wanted = (run, tuple(uses))
        found = self._stages.get(wanted)
        if found is None:
            found = self._stages[wanted] = self._digest(run, uses)
        return found

    def _digest(self, run: str, uses: Sequence[str]) -> CodeDigest:
        module = run.partition(":")[0]
        first = self._find(module)
        if first is None:
            raise StoreError(f"there is no module {module}", where=run, remedy="correct `run` of the op that names it")
        files: dict[str, str] = {}
        for path in uses:
            self._collect(self._used(path), files)
        self._collect(first, files)
        for package in _parents(module):
            self._collect(self._find(package), files)
        return CodeDigest(hashlib.sha256(canonical(files).encode()).hexdigest(), files)

    def _used(self, path: str) -> str:
        for root in self.roots:
            if self._stamp(f"{root}/{path}") is not None:
                return f"{root}/{path}"
        raise StoreError("a stage uses a file that is not there", where=path, remedy="correct `uses` of the op, or restore the file")

    def _collect(self, first: str | None, files: dict[str, str]) -> None:
        todo = [first]
        while todo:
            path = todo.pop()
            name = path and self.name(path)
            if path is None or not name or name in files or name in CARRIERS:
                continue
            read = self._read(path)
            if read is None:
                continue
            files[name] = read[0]
            todo += [self._find(module) for module in read[1]]

    def name(self, path: str) -> str | None:
        """Return a file's path relative to the root it lies below, None for a file of somebody else's (an installed package)."""
        for root, prefix in self._prefixes.items():
            if path.startswith(f"{root}/{prefix}"):
                return path[len(root) + 1 :]
        return None

    def _find(self, module: str) -> str | None:
        try:
            return self._modules[module]
        except KeyError:
            found = self._modules[module] = self._search(module.replace(".", "/"))
            return found

    def _search(self, inner: str) -> str | None:
        for root, prefix in self._prefixes.items():
            if inner.startswith(prefix):
                for path in (f"{root}/{inner}.py", f"{root}/{inner}/__init__.py"):
                    if self._stamp(path) is not None:
                        return path
        return None

    def _stamp(self, path: str) -> Stamp | None:
        try:
            return self._stats[path]
        except KeyError:
            pass
        found: Stamp | None = None
        with suppress(OSError):
            found = stamp(os.stat(path))
        self._stats[path] = self._looked[path] = found
        return found

    def _read(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        """Return the digest of a file and the modules it imports, None where there is no file."""
        try:
            return self._files[path]
        except KeyError:
            found = self._files[path] = self._look(path)
            return found

    def _look(self, path: str) -> tuple[str, tuple[str, ...]] | None:
        at = self._stamp(path)
        if at is None:
            return None
        known = self._records.snapshot.code.get(path)
        if known is not None and known[1:5] == at:
            return known[5], tuple(known[6].split())
        return self._parse(path, at)

    def _parse(self, path: str, at: Stamp) -> tuple[str, tuple[str, ...]]:
        if path.endswith(".py"):
            from net2bit.graph import syntax  # noqa: PLC0415 - only a file that was never seen needs the parser

            digest, imports = syntax.read(path, str(self.name(path)))
        else:
            digest, imports = sha256(path), ()
        if not recent(at, time.time_ns()):
            row = (path, *at, digest, " ".join(imports))
            self._records.snapshot.code[path] = row
            self._records.later("code", row)
        return digest, imports

    def found_by_run(self, modules: Sequence[str], known: Mapping[str, str]) -> str:
        """Return as canonical JSON the digests of *modules* (paths) that are ours and not in *known*; empty when none is."""
        found: dict[str, str] = {}
        for path in modules:
            name = self.name(path)
            if name and name not in known and name not in CARRIERS:
                self._collect(path, found)
        rest = sorted([name, digest] for name, digest in found.items() if name not in known)
        return canonical(rest) if rest else ""

    def holds(self, extra: str) -> bool:
        """Return whether the code named in a record's *extra* is still the same."""
        try:
            return self._extras[extra]
        except KeyError:
            found = self._extras[extra] = not self.moved(extra)
            return found

    def moved(self, extra: str) -> list[str]:
        """Return the files named in a record's *extra* that are another now."""
        return [name for name, digest in json.loads(extra) if not self._same(name, digest)]

    def _same(self, name: str, digest: str) -> bool:
        with suppress(OSError):  # a folder, or what nobody may read: whoever wrote the statement named it
            for root in self.roots:
                read = self._read(f"{root}/{name}")
                if read is not None:
                    return read[0] == digest
        return False


def _parents(module: str) -> Iterator[str]:
    while "." in module:
        module = module.rpartition(".")[0]
        yield module
