"""`dist/<experiment>/report.html`: the report, with what the stages took on this machine filled in.

The report in the build tree has the same bytes for the same inputs; times have not, so they are only in the copy that people open.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from net2bit.graph import paths
from net2bit.graph.plan import Plan
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store

MEGA = 2**20
HOW = {"ran": "built", "waited": "built", "restored": "cache"}


def facts(plan: Plan, store: Store, how: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return what each stage of the plan took, makers first; *how* tells of the stages that this build looked at."""
    return [_fact(stage, store, HOW.get(how.get(stage.name, ""), "kept")) for stage in plan.stages if not stage.op.source]


def _fact(stage: Stage, store: Store, how: str) -> dict[str, Any]:
    took = (store.manifest(stage) or {}).get("took", {})
    return {
        "stage": stage.op.name,
        "inputs": [os.path.basename(item.path) for item in stage.inputs],
        "outputs": [os.path.basename(item.path) for item in stage.outputs],
        "how": how,
        "seconds": took.get("seconds"),
        "cpu": took.get("cpu"),
        "peak_mb": took["peak"] / MEGA if took.get("peak") else None,
    }


@dataclass(frozen=True)
class Copy:
    """A report to be filled in: of the build tree, its copy for people, and what the stages took."""

    page: Path
    target: Path
    facts: list[dict[str, Any]]


def publish(plan: Plan, store: Store, how: Mapping[str, str]) -> None:
    """Write the copy in `dist/<experiment>` where it is due.

    The folder is a view: where it cannot be written, the build is as good without it.
    """
    fill(list(due(plan, store, how, os.path.join(paths.DIST, plan.name))), store.root / paths.STATE)


def due(plan: Plan, store: Store, how: Mapping[str, str], folder: str) -> Iterator[Copy]:
    """Yield the copy where the report is up to date and the copy is missing, of another report, or older than this build's work.

    *folder* is where it belongs, relative to the project's root.
    """
    page = plan.chosen.get(paths.PAGE)
    if page is None or not page.maker:
        return
    stage, target = plan.by_name[page.maker], store.root / folder / paths.PAGE
    worked = any(way in HOW for way in how.values())
    if (worked or not _copied(store.root / page.path, target)) and store.check(stage).fresh:
        yield Copy(store.root / page.path, target, facts(plan, store, how))


def _mark(target: Path) -> Path:
    """Return where it stands which report of the build tree *target* is a copy of."""
    return target.with_name(f".{target.name}.of")


def _copied(page: Path, target: Path) -> bool:
    """Return whether *target* is there and a copy of *page*: an experiment that goes back to an earlier choice builds nothing."""
    try:
        return target.exists() and _mark(target).read_text(encoding="utf-8") == str(page)
    except OSError:
        return False


def fill(copies: Sequence[Copy], state: Path) -> None:
    """Write *copies*, all of them by one process; *state* is a folder for what it is told."""
    if not copies:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="facts.", dir=state) as folder:
            _fill(copies, Path(folder))
    except OSError as fault:
        sys.stderr.write(f"net2bit: {copies[0].target} was not written: {fault.strerror}\n")


def _fill(copies: Sequence[Copy], folder: Path) -> None:
    words: list[str] = []
    for number, copy in enumerate(copies):
        notes = folder / f"{number}.json"
        notes.write_text(json.dumps(copy.facts), encoding="utf-8")
        words += [str(copy.page), str(notes), str(folder / f"{number}.html")]
    command = [sys.executable, "-m", "net2bit.report.facts", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    for number, copy in enumerate(copies):
        _place(copy, folder / f"{number}.html", done.stderr)


def _place(copy: Copy, fresh: Path, said: str) -> None:
    try:
        if not fresh.exists():
            sys.stderr.write(f"net2bit: {copy.target} was not written: {said}")
            return
        copy.target.parent.mkdir(parents=True, exist_ok=True)
        beside = copy.target.with_name(f".{copy.target.name}.{os.getpid()}.new")
        shutil.copyfile(fresh, beside)
        beside.replace(copy.target)
        _mark(copy.target).write_text(str(copy.page), encoding="utf-8")
    except OSError as fault:
        sys.stderr.write(f"net2bit: {copy.target} was not written: {fault.strerror}\n")
