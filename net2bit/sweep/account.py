"""What a sweep tells about its points, as plain data: figures and goals, choices, artifacts, stages shared, times."""

import math
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from net2bit.graph import paths
from net2bit.graph.merge import Merged, Node, merge
from net2bit.graph.plan import Plan
from net2bit.graph.store import Store
from net2bit.sweep.metrics import TABLE, Metric
from net2bit.sweep.metrics import describe as metric
from net2bit.sweep.results import PointResult, telling
from net2bit.sweep.view import POINTS

FORM: Final = "net2bit.points/1"
MAIN: Final = frozenset(
    (
        *("accuracy.int8.dice", "accuracy.drop", "fps", "latency", "utilisation", "dpu.peak"),
        *("resources.dsp", "resources.lut", "resources.bram36", "model.params", "model.macs", "model.size"),
    )
)
"""The figures that a reader sees first; the page shows the others when asked for."""
ACCURACY, RATE, AREA = ("accuracy.int8.dice", "accuracy.float.dice"), ("fps", "dpu.peak"), ("resources.dsp",)
"""What the pictures show, the best first that any point has."""
MOST_GOALS: Final = 4
"""Goals that are drawn against each other, each with each."""
MEGA: Final = 10**6
HOW: Final = {"ran": "built", "restored": "from cache", "waited": "made by another build", "fresh": "up to date"}
GOOD: Final = frozenset(HOW)


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the figures that are numbers."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def describe(folder: Path, name: str, results: Sequence[PointResult], store: Store, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of `points.json`; the arguments are those of `compare.write`."""
    merged = merge({result.point.number: result.plan for result in results if result.plan})
    manifests = {node.stage.digest: store.manifest(node.stage) or {} for node in merged.nodes.values()}
    groups: dict[str, list[Any]] = {}
    figures = {name for result in results for name in finite(result.metrics)}
    goals = goals_of(settings) or _first(figures, ACCURACY, RATE, AREA)
    return {
        "format": FORM,
        "name": name,
        "root": os.path.relpath(store.root, folder.resolve()).replace(os.sep, "/"),
        "metrics": _metrics(figures, goals),
        "goals": list(goals),
        "pictures": pictures(goals, figures),
        "configs": groups,
        "points": [_point(folder, result, manifests, groups) for result in sorted(results, key=lambda result: result.point.number)],
        "work": _work(merged),
        "times": _times(merged, manifests, results),
    }


def goals_of(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the goals that a search has: the name of a figure -> `min` or `max`."""
    return dict(settings.get("goals") or {})


def _first(figures: Collection[str], *wanted: Sequence[str]) -> dict[str, str]:
    """Return the first of each of *wanted* that there is, and which way is better."""
    found = (next((name for name in names if name in figures), "") for names in wanted)
    return {name: metric(name).better for name in found if name}


def pictures(goals: Mapping[str, str], figures: Collection[str]) -> list[dict[str, str]]:
    """Return which figures are drawn against each other: each two of the goals, the third as the size of the dots.

    What is to be had stands on the vertical axis, what it costs on the other.
    """
    names = [name for name in goals if name in figures][:MOST_GOALS]
    if len(names) == 1:  # of one goal alone there is nothing to weigh: what it costs is drawn, too
        names += [name for name in _first(figures, AREA, RATE, ACCURACY) if name not in names][:1]
    found: list[dict[str, str]] = []
    for y, x in combinations(names, 2):
        rest = [name for name in (*names, *AREA) if name not in {x, y} and name in figures]
        size = rest[0] if rest and not found else ""
        found.append({"name": f"{short(y)}-{short(x)}", "x": x, "y": y, "size": size})
    return found


def short(name: str) -> str:
    """Return a figure's name as part of a file's name."""
    said = {"accuracy.int8.dice": "accuracy", "accuracy.float.dice": "accuracy"}.get(name, name.removeprefix("resources."))
    return paths.slug(said.replace(".", "-"))


def _metrics(figures: Collection[str], goals: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the figures that any point has, in the order of the table, then the others by name."""
    order = {name: place for place, name in enumerate(TABLE)}
    names = sorted(figures, key=lambda name: (order.get(name, len(order)), name))
    return [_metric(metric(name), goals) for name in names]


def _metric(about: Metric, goals: Mapping[str, str]) -> dict[str, Any]:
    main = about.name in MAIN or about.name in goals
    better = goals.get(about.name, about.better)
    return {"name": about.name, "title": about.title, "unit": about.unit, "better": better, "predicted": about.predicted, "main": main}


def choice(word: str) -> tuple[str, str]:
    """Return the key and the value of an override as written."""
    key, _, text = word.partition("=")
    return (key.lstrip("+"), text) if not key.startswith("~") else (key[1:], "deleted")


def _point(folder: Path, result: PointResult, manifests: Mapping[str, Mapping[str, Any]], groups: dict[str, list[Any]]) -> dict[str, Any]:
    files = list(_files(result.plan, result.how, manifests)) if result.plan else []
    report = next((file["path"] for file in files if file["kind"] == paths.PAGE), "")
    inside = f"{POINTS}/{result.point.label}"
    page = next((path for path in (f"{inside}/{paths.PAGE}" if report else inside, inside) if files and (folder / path).exists()), "")
    return {
        "number": result.point.number,
        "label": result.point.label,
        "words": list(result.point.overrides),
        "choices": dict(map(choice, result.point.overrides)),
        "status": result.status,
        "error": result.error or (str(result.point.refused) if result.point.refused else ""),
        "metrics": finite(result.metrics),
        "report": report,
        "page": page,
        "files": files,
        "config": {group: _place(value, groups.setdefault(group, [])) for group, value in (result.point.config or {}).items()},
        "keys": {stage.name: manifests[stage.digest].get("key") for stage in result.plan.stages} if result.plan else {},
    }


def _place(value: Any, known: list[Any]) -> int:
    """Return the place of *value* in the list of a group's values, which gets it where it is new: points share most of them."""
    if value not in known:
        known.append(value)
    return known.index(value)


def _files(plan: Plan, how: Mapping[str, str], manifests: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the finished artifacts that are there."""
    for kind, item in plan.chosen.items():
        if how.get(item.maker) in GOOD:
            about = manifests[plan.by_name[item.maker].digest].get("outputs", {}).get(kind, {})
            yield {"kind": kind, "path": item.path, "size": about.get("size"), "digest": about.get("digest")}


def _work(merged: Merged) -> dict[str, Any]:
    """Return how many stages the points want, and how many differ: altogether, and by op in the order of the plans."""
    nodes = [node for node in merged.nodes.values() if not node.stage.op.source]
    wanted, distinct = Counter[str](), Counter[str]()
    titles: dict[str, str] = {}
    for node in nodes:
        titles.setdefault(node.stage.op.name, node.stage.op.title)
        wanted[node.stage.op.name] += len(node.points)
        distinct[node.stage.op.name] += 1
    ops = [{"op": op, "title": title, "wanted": wanted[op], "distinct": distinct[op]} for op, title in titles.items()]
    return {"wanted": wanted.total(), "distinct": len(nodes), "ops": ops}


def _times(merged: Merged, manifests: Mapping[str, Mapping[str, Any]], results: Sequence[PointResult]) -> dict[str, Any]:
    """Return what each different stage took when it was made, and what the points would have taken one by one."""
    how = {result.point.number: result.how for result in results}
    stages = []
    for node in merged.nodes.values():
        took = manifests[node.stage.digest].get("took")
        way = telling(how[point][node.stage.name] for point in node.points if node.stage.name in how[point])
        if took and way in GOOD:
            stages.append(_time(node, took, way))
    if not stages:
        return {}
    apart = sum(stage["points"] * stage["seconds"] for stage in stages)
    return {"apart": apart, "spent": sum(stage["seconds"] for stage in stages), "stages": stages}


def _time(node: Node, took: Mapping[str, Any], way: str) -> dict[str, Any]:
    return {
        "stage": node.name,
        "op": node.stage.op.name,
        "points": len(node.points),
        "seconds": round(took["seconds"], 3),
        "cpu": round(took["cpu"], 3),
        "peak_mb": round(took["peak"] / MEGA, 1),
        "how": HOW[way],
    }
