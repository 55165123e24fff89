"""What an experiment was when it was last built whole: its configuration, and the stage key of every stage.

Kept in `.net2bit/experiments/<name>.json`, the newest build first, so that experiments, and a build with the one before, can be compared
(`doit compare`). The records know by the key what went in and what came out, also when the files are others by now.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from net2bit.errors import StoreError
from net2bit.graph import paths
from net2bit.graph.plan import Plan
from net2bit.graph.store import Store
from net2bit.job import canonical

FORM: Final = "net2bit.experiment/1"
FOLDER: Final = "experiments"
KEEP: Final = 10
"""Builds of one name that are kept."""
_DONE: Final = frozenset(("ran", "restored", "waited", "fresh"))


@dataclass(frozen=True)
class Snapshot:
    """A finished build.

    Attributes:
        of: Digest of the configuration and of the plan.
        words: The overrides it was built with.
        config: The composed experiment.
        keys: Stage name -> stage key.
    """

    of: str
    words: tuple[str, ...]
    config: Mapping[str, Any]
    keys: Mapping[str, str]


def remember(plan: Plan, store: Store, config: Mapping[str, Any], words: Sequence[str], how: Mapping[str, str]) -> None:
    """Keep what was built where all of *plan* is done; *how* tells how each stage was (see `Reporter`).

    A folder that cannot be written is no fault of the build's.
    """
    stages = [stage for stage in plan.stages if stage.op.run]
    if not all(how.get(stage.name) in _DONE for stage in stages):
        return
    known = recall(store.root, plan.name)
    of = hashlib.sha256(canonical([config, [stage.digest for stage in stages]]).encode()).hexdigest()
    if known and known[0].of == of and all(how[stage.name] == "fresh" for stage in stages):
        return
    keys = {stage.name: str((store.manifest(stage) or {}).get("key", "")) for stage in stages}
    if all(keys.values()) and not (known and known[0].of == of and known[0].keys == keys):
        _write(_path(store.root, plan.name), plan.name, [Snapshot(of, tuple(words), config, keys), *known][:KEEP])


def _path(root: Path, name: str) -> Path:
    return root / paths.STATE / FOLDER / f"{name}.json"


def _write(path: Path, name: str, builds: Sequence[Snapshot]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps({"format": FORM, "name": name, "builds": [asdict(one) for one in builds]}), encoding="utf-8")
        fresh.replace(path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()


def recall(root: Path, name: str) -> list[Snapshot]:
    """Return the builds of the experiment *name*, the newest first; none where it was never built, or the file is damaged."""
    try:
        found = json.loads(_path(root, name).read_bytes())
        builds = found["builds"] if found["format"] == FORM else []
        return [Snapshot(one["of"], tuple(one["words"]), one["config"], one["keys"]) for one in builds]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def names(root: Path) -> list[str]:
    """Return the names of the experiments that were built, sorted."""
    return sorted(path.stem for path in (root / paths.STATE / FOLDER).glob("*.json"))


def manifests(store: Store, keys: Mapping[str, str], whose: str) -> list[dict[str, Any]]:
    """Return the manifests of the stages of a build.

    Raises:
        StoreError: The records no longer have one of them.
    """
    found = {name: store.records.manifest(key) if key else None for name, key in keys.items()}
    lost = [name for name, one in found.items() if one is None]
    if lost:
        remedy = "build it again"
        raise StoreError(
            f"the records no longer know {len(lost)} stages of {whose}: {', '.join(lost)}", where=str(store.state), remedy=remedy
        )
    return [one for one in found.values() if one is not None]
