"""A small real project whose one stage makes a file and a folder, for the tests of the shared cache."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from net2bit.cache.client import RemoteCache
from net2bit.cache.fetch import Fetched
from net2bit.cache.settings import RemoteSettings
from net2bit.graph.build import Built
from net2bit.graph.cache import CacheSettings
from net2bit.graph.kind import Op
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store

KINDS = [("net.bin", False), ("pages", True)]

MAKE = '''
"""Make bytes that depend on the seed alone."""
import hashlib

def content(name, size):
    return (hashlib.sha512(name.encode()).digest() * (size // 64 + 1))[:size]

def run(job):
    given = job.config["make"]
    word = job.inputs["seed.txt"].read_text() + given["word"]
    job.outputs["net.bin"].write_bytes(content(word, given["size"]))
    pages = job.outputs["pages"]
    (pages / "deep" / "empty").mkdir(parents=True)
    for number in range(given["files"]):
        page = pages / "deep" / f"{number:04d}.bin"
        page.write_bytes(content(f"{word}{number}", given["each"]))
    (pages / "tool").write_text("#!/bin/sh\\n")
    (pages / "tool").chmod(0o755)
    (pages / "nothing").write_text("")
    job.metric("score", 0.5)
'''

FIRST = {"word": "first", "size": 200_000, "files": 5, "each": 30_000}
"""The least that has a large file, files that lie under /cas, and small ones that travel within the entry."""


def stage(**given: Any) -> Stage:
    """Return the stage seed.txt -> net.bin, pages."""
    op = Op(name="make", title="make", run="cachelib.make:run", makes=("net.bin", "pages"), needs=("seed.txt",), reads=("make",))
    outputs = tuple(Artifact(kind, f"build/{kind}", "net.bin", tree) for kind, tree in KINDS)
    return Stage("net.bin", op, {"make": FIRST | given}, (Artifact("seed.txt", "seed.txt"),), outputs, "0" * 64)


@dataclass
class Tree:
    """A checkout of the project on one of several machines."""

    root: Path
    remote: Mapping[str, Any] = field(default_factory=dict)
    local: Path | None = None
    notices: list[str] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Write the source and the stage's code."""
        (self.root / "cachelib").mkdir(parents=True, exist_ok=True)
        (self.root / "cachelib/__init__.py").write_text("")
        (self.root / "cachelib/make.py").write_text(MAKE)
        (self.root / "seed.txt").write_text("seed")

    @property
    def settings(self) -> CacheSettings:
        """The cache's settings."""
        return CacheSettings(self.local, enabled=self.local is not None, remote=self.remote)

    def store(self) -> Store:
        """Open the store as a new process would."""
        return Store(self.root, self.settings, self.notices.append)

    def build(self, what: Stage | None = None) -> Built:
        """Build the stage, and wait for what is sent."""
        with self.store() as store:
            return store.build(what or stage(), self.events.append)

    def key(self, what: Stage | None = None) -> str:
        """Return the stage key."""
        with self.store() as store:
            found = store.check(what or stage()).key
        assert found
        return found

    def forget(self) -> None:
        """Remove all that was built and is known here."""
        for name in ("build", ".net2bit"):
            shutil.rmtree(self.root / name, ignore_errors=True)

    def content(self) -> dict[str, tuple[bytes, int]]:
        """Return path -> (content, mode) of every product."""
        files = [path for path in (self.root / "build").rglob("*") if path.is_file() and not path.name.startswith(".")]
        return {str(path.relative_to(self.root)): (path.read_bytes(), path.stat().st_mode) for path in files}

    def leftovers(self) -> list[str]:
        """Return what no build may leave behind."""
        return [path.name for path in (self.root / "build/.work").glob("*")]


def open_settings(url: str, **given: Any) -> dict[str, Any]:
    """Return settings that trust everybody, for tests that are not about trust."""
    return {"url": url, "mode": "readwrite", "trust": "off", "timeout": 30.0, **given}


def client(url: str, notices: list[str], **given: Any) -> RemoteCache:
    """Return a client of the cache at *url*."""
    return RemoteCache(RemoteSettings.of(open_settings(url, **given)), notices.append)


def fetch(remote: RemoteCache, base: str, into: Path, **given: Any) -> Fetched | None:
    """Fetch the project's stage."""
    return remote.fetch(base, KINDS, into, **given)


def published(top: Path, what: Stage | None = None) -> Tree:
    """Return a tree in *top* that has built the stage, and whose result lies in `remote` beside it, in the layout of the shared cache."""
    tree = Tree(top / "tree", open_settings(f"file://{top}/remote"))
    assert tree.build(what).how == "ran"
    return tree


def fetching(url: str, base: str, into: Path) -> subprocess.Popen[str]:
    """Fetch the project's stage in a process of its own."""
    return in_process(_FETCH, url, base, str(into))


_FETCH = """
import sys
from pathlib import Path
from cache_project import client, fetch
fetch(client(sys.argv[1], []), sys.argv[2], Path(sys.argv[3]))
"""


def in_process(code: str, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Run Python code that may import these helpers in a process of its own."""
    here = Path(__file__).resolve().parent
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]), **(env or {})}
    return subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
