"""`dist/<experiment>/report.html`: the report, with what the stages took on this machine filled in.

The report in the build tree has the same bytes for the same inputs; times have not, so they are only in the copy that people open.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
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


def publish(plan: Plan, store: Store, how: Mapping[str, str], folder: str = "") -> None:
    """Write the copy where the report is up to date and the copy is missing, of another report, or older than this build's work.

    It goes into *folder*, relative to the project's root; `dist/<experiment>` by default. The folder is a view: where it cannot be
    written, the build is as good without it.
    """
    page = plan.chosen.get(paths.PAGE)
    if page is None or not page.maker:
        return
    stage, target = plan.by_name[page.maker], store.root / (folder or os.path.join(paths.DIST, plan.name)) / paths.PAGE
    worked = any(way in HOW for way in how.values())
    if (worked or not _copied(store.root / page.path, target)) and store.check(stage).fresh:
        _fill(store.root / page.path, facts(plan, store, how), target, store.root / paths.STATE)


def _mark(target: Path) -> Path:
    """Return where it stands which report of the build tree *target* is a copy of."""
    return target.with_name(f".{target.name}.of")


def _copied(page: Path, target: Path) -> bool:
    """Return whether *target* is there and a copy of *page*: an experiment that goes back to an earlier choice builds nothing."""
    try:
        return target.exists() and _mark(target).read_text(encoding="utf-8") == str(page)
    except OSError:
        return False


def _fill(page: Path, found: list[dict[str, Any]], target: Path, state: Path) -> None:
    notes = state / f"facts.{os.getpid()}.json"
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        notes.write_text(json.dumps(found), encoding="utf-8")
        command = [sys.executable, "-m", "net2bit.report.facts", str(page), str(notes), str(fresh)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            fresh.replace(target)
            _mark(target).write_text(str(page), encoding="utf-8")
        else:
            sys.stderr.write(f"net2bit: {target} was not written: {done.stderr}")
    except OSError as fault:
        sys.stderr.write(f"net2bit: {target} was not written: {fault.strerror}\n")
    finally:
        notes.unlink(missing_ok=True)
        fresh.unlink(missing_ok=True)
