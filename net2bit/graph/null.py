"""The memo of "nothing to do": every file the last complete check looked at, and how it stood then.

It is a memo of the store's answer, never a second opinion: whatever moved, the store is asked. The stats are those the store
hashed under, not those of the moment of writing, so an edit in between is seen.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

Stat = tuple[int, int, int, int]

FORMAT = 1
SETTLED_NS = 50_000_000  # more than two ticks of any clock that stamps files, save those of whole seconds


def stat_of(path: str) -> Stat | None:
    """Return (mtime_ns, ctime_ns, size, inode) of *path*, None where there is nothing."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def _memo(root: Path, words: Sequence[str]) -> Path:
    name = hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]
    return root / ".net2bit" / "null" / f"{name}.json"


def _surroundings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that can change what a run finds: where programs are, and this project's own."""
    return {name: value for name, value in sorted(environ.items()) if name in {"PATH", "PYTHONPATH", "HOME"} or name.startswith("NET2BIT_")}


def recall(root: Path, words: Sequence[str], environ: Mapping[str, str]) -> list[str] | None:
    """Return the names of the stages that are up to date for the command *words*; None when anything moved or nothing is remembered."""
    try:
        memo = json.loads(_memo(root, words).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(memo, dict) or memo.get("format") != FORMAT or memo["surroundings"] != _surroundings(environ):
        return None
    for path, *stat in memo["seen"]:
        if stat_of(path) != (tuple(stat) or None):
            return None
    stages: list[str] = memo["stages"]
    return stages


def sources(root: Path, words: Sequence[str]) -> Iterator[tuple[str, Stat | None]]:
    """Yield how everything stands that decides the plan: the YAML trees, the declarations, the schemas and the planning code.

    Folders count too: a file that is added may add an op, or hide another.
    """
    extra = [os.environ.get("NET2BIT_EXPERIMENTS", ""), os.environ.get("NET2BIT_TASKS", "")]
    extra += [word.split("=", 1)[1].strip("[] ").replace(",", os.pathsep) for word in words if "searchpath=" in word]
    own = [str(root / name) for name in ("experiments", "tasks", "schemas", "net2bit/graph")]
    yield str(root / "dodo.py"), stat_of(str(root / "dodo.py"))
    for folder in [*own, *(part.removeprefix("file://") for text in extra for part in text.split(os.pathsep) if part)]:
        yield from tree(os.path.expanduser(folder))


def tree(folder: str) -> Iterator[tuple[str, Stat | None]]:
    """Yield how a folder, the folders in it, and their Python and YAML files stand."""
    yield folder, stat_of(folder)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        if name.endswith((".py", ".yaml")):
            yield path, stat_of(path)
        elif not name.startswith((".", "__")) and os.path.isdir(path):
            yield from tree(path)


def unmoved(before: Mapping[str, Stat | None], after: Mapping[str, Stat | None]) -> Mapping[str, Stat | None]:
    """Return how the `sources` stand *after* a build if no file of them was added, removed or edited since *before*, else *before*.

    A folder alone moves when Python leaves its bytecode there, which the first build of a fresh clone does.
    """
    moved = any(stat != after.get(path) for path, stat in before.items() if path.endswith((".py", ".yaml")))
    return before if moved or before.keys() != after.keys() else after


def remember(
    root: Path,
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    stages: Iterable[str],
    seen: Iterable[tuple[str, Stat | None]],
    began: int,
) -> bool:
    """Keep what a complete check of *words* looked at; a stat of None says that the path was looked for and absent.

    A file that was changed within a tick of the clock before the check *began* (ns since 1970) could change again without a
    trace, so nothing is kept then. A memo that cannot be written (a read-only tree) is left out, too: the next run asks the store.

    Returns:
        False where something has just changed: another look, a tick later, may be kept.
    """
    seen = list(seen)
    if any(stat is not None and max(stat[:2]) > began - SETTLED_NS for _, stat in seen):
        return False
    memo = {
        "format": FORMAT,
        "surroundings": _surroundings(environ),
        "stages": list(stages),
        "seen": [[path, *(stat or ())] for path, stat in sorted(seen)],
    }
    path = _memo(root, words)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(memo, separators=(",", ":")), encoding="utf-8")
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
    return True


def forget(root: Path) -> None:
    """Drop every memo (after `clean`, or when records were touched by hand)."""
    for path in (root / ".net2bit" / "null").glob("*.json"):
        path.unlink(missing_ok=True)
