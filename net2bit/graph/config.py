"""The composed experiment, from a cache where nothing that decides it has changed.

Composing imports hydra and pydantic, which takes longer than everything else that a null build does. What decides the result:
the YAML trees, the words, the environment variables that either mentions, the schemas, the composing code, and the libraries.
Two steps find it again: files whose stat is known are not read, and content that is known is not composed.
"""

import hashlib
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import schemas
from net2bit.graph import words
from net2bit.job import canonical

FORMAT: Final = "net2bit.config/1"
KEEP: Final = 256
"""Files kept in the cache; the oldest go first."""

_SETTLED_NS: Final = 50_000_000
"""The stat of a file younger than this says little: it may change again within one tick of the file system's clock."""

_LIBRARIES: Final = ("hydra-core", "omegaconf", "pydantic", "pydantic-core")
_TARGET: Final = ("compat", "config", "configuration", "fingerprints", "resources")  # what the schemas check the hardware with
_COMPOSERS: Final = ("compose.py", "complaints.py", "words.py", *(f"../dpu/target/{name}.py" for name in _TARGET))
_VARIABLE: Final = re.compile(r"oc\.env:\s*([^,}\s]+)")


@dataclass(frozen=True)
class Origin:
    """What an experiment is composed from.

    Attributes:
        tree: The project's folder of YAML files, which holds `config.yaml`.
        search: More folders like it.
        overrides: Hydra overrides.
        code: More files that decide the result.
    """

    tree: Path
    search: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    def files(self) -> list[str]:
        """Return the paths of all files that decide the result, in a fixed order."""
        here = os.path.dirname(__file__)
        code = [os.path.join(here, name) for name in _COMPOSERS]
        models = [path for folder in schemas.__path__ for path in _list(folder, ".py")]
        return [path for folder in (self.tree, *self.search) for path in _list(str(folder), ".yaml")] + models + code + [*self.code]


def load(origin: Origin, cache: Path) -> dict[str, Any]:
    """Return the experiment composed from *origin*, as plain JSON data.

    Args:
        origin: What to compose.
        cache: Folder for what was composed before; where it cannot be written, nothing is kept.

    Raises:
        ConfigError: The configuration does not hold.
    """

    def make() -> dict[str, Any]:
        from net2bit.graph import compose  # noqa: PLC0415 - brings hydra and pydantic: only when nothing is known

        return compose.compose(origin.tree, origin.search, origin.overrides)

    return remembered(origin, cache, make)


def remembered(origin: Origin, cache: Path, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Return what *make* made of *origin*, now or at an earlier time, as plain JSON data.

    Args:
        origin: All that decides the result.
        cache: As for `load`.
        make: Makes it.
    """
    quick, settled = _by_stat(origin)
    known = _read(cache / f"{quick}.stat")
    if known is None:
        known = _by_content(origin)
        if settled:
            _write(cache / f"{quick}.stat", known)
    entry = cache / f"{_key(known)}.json"
    config = _read(entry)
    if config is None:
        config = json.loads(canonical(make()))
        _write(entry, config)
    return config


def origin(home: Path, given: Sequence[str]) -> Origin:
    """Return the origin of the project in *home* with the words *given* on the command line.

    Raises:
        ConfigError: The words name a folder that does not exist.
    """
    overrides, search = words.search(given, home)
    return Origin(home / "experiments", search, overrides)


def mentioned(origin: Origin) -> tuple[str, ...]:
    """Return the names of the environment variables that *origin* mentions: they decide the experiment, too."""
    return tuple(_by_content(origin)["variables"])


def _list(folder: str, suffix: str) -> Iterator[str]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.endswith(suffix):
            yield entry.path
        elif entry.is_dir() and not entry.name.startswith((".", "__")):
            yield from _list(entry.path, suffix)


def _by_stat(origin: Origin) -> tuple[str, bool]:
    """Return a digest over the stat of all that decides the result, and whether all of it has settled."""
    stats = [(path, os.stat(path)) for path in origin.files()]
    libraries = [(path, os.stat(path).st_mtime_ns) for path in sys.path if os.path.isdir(path)]
    rows = [(path, s.st_mtime_ns, s.st_ctime_ns, s.st_size, s.st_ino) for path, s in stats]
    newest = max(s.st_ctime_ns for _, s in stats)
    return _digest([FORMAT, origin.overrides, rows, libraries]), time.time_ns() - newest > _SETTLED_NS


def _by_content(origin: Origin) -> dict[str, Any]:
    """Return the digest over the content of all that decides the result, and the environment variables mentioned."""
    variables = set(_VARIABLE.findall(" ".join(origin.overrides)))
    rows = []
    for path in origin.files():
        content = Path(path).read_bytes()
        rows.append((path, hashlib.sha256(content).hexdigest()))
        variables.update(_VARIABLE.findall(content.decode(errors="replace")) if path.endswith(".yaml") else ())
    versions = [importlib.metadata.version(name) for name in _LIBRARIES]
    return {"content": _digest([FORMAT, origin.overrides, rows, versions, sys.version]), "variables": sorted(variables)}


def _key(known: dict[str, Any]) -> str:
    return _digest([known["content"], [(name, os.environ.get(name)) for name in known["variables"]]])


def _digest(value: object) -> str:
    return _sha(canonical(value))


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(path: Path) -> dict[str, Any] | None:
    """Return what `_write` put at *path*; None where it is absent, unreadable or damaged."""
    try:
        checksum, _, text = path.read_text("utf-8").partition("\n")
    except (OSError, UnicodeDecodeError):
        return None
    if checksum != _sha(text):
        return None
    found: dict[str, Any] = json.loads(text)
    return found


def _write(path: Path, value: dict[str, Any]) -> None:
    """Put *value* at *path* in one step, or leave things as they are where that cannot be done."""
    text = canonical(value)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
            file.write(f"{_sha(text)}\n{text}")
        os.replace(file.name, path)
        _prune(path.parent)
    except OSError:
        return


def _prune(folder: Path) -> None:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.stat().st_mtime_ns)
    for entry in entries[:-KEEP]:
        os.unlink(entry.path)
