"""The figures by which people compare experiments, under one name each, read from the small JSON artifacts and the manifests.

Standard library only: the sweep, its comparison and the summary in CI all take names, units and directions from `TABLE`.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from net2bit.errors import ConfigError, StoreError, near
from net2bit.graph.plan import Plan
from net2bit.graph.stage import Artifact, Stage
from net2bit.graph.store import Store

Figures = Iterator[tuple[str, float | None]]


@dataclass(frozen=True)
class Metric:
    """A figure of an experiment.

    Attributes:
        name: Dotted; a last part `*` stands for every class of the data set.
        title: For people, as the head of a column.
        unit: Empty for a pure number; `share` is 1 for all of it.
        better: Which way is better; empty where neither is.
        predicted: Whether a model or formula says it, not a measurement or a count.
        kind: The artifact that tells it; empty for a figure that a stage reports by itself.
    """

    name: str
    title: str
    unit: str
    better: Literal["min", "max", ""]
    predicted: bool
    kind: str


def _accuracy(form: str, words: str) -> tuple[Metric, ...]:
    """Return what is measured of one form of the network on the validation set."""
    rows = (("dice", "Dice"), ("iou", "IoU"))
    means = (Metric(f"accuracy.{form}.{name}", f"{title}, {words}", "", "max", predicted=False, kind="ladder.json") for name, title in rows)
    each = (
        Metric(f"accuracy.{form}.{name}.*", f"{title} of {{}}, {words}", "", "max", predicted=False, kind="ladder.json")
        for name, title in rows
    )
    pixels = Metric(f"accuracy.{form}.pixels", f"pixels right, {words}", "share", "max", predicted=False, kind="ladder.json")
    return (*means, pixels, *each)


def _resource(name: str, title: str) -> tuple[Metric, ...]:
    used = Metric(f"resources.{name}", title, "", "min", predicted=True, kind="target.json")
    return (used, replace(used, name=f"{used.name}.share", title=f"{title} of the board", unit="share"))


RESOURCES: Final = {"dsp": "DSP slices", "lut": "LUTs", "ff": "flip-flops", "bram36": "BRAM (36 kbit)", "uram": "UltraRAM"}

TABLE: Final[Mapping[str, Metric]] = {
    metric.name: metric
    for metric in (
        *_accuracy("float", "float"),
        *_accuracy("int8", "int8"),
        Metric("accuracy.drop", "Dice lost by int8", "", "min", predicted=False, kind="ladder.json"),
        Metric("latency", "latency", "ms", "min", predicted=True, kind="latency.json"),
        Metric("latency.low", "latency, 80 % lower bound", "ms", "min", predicted=True, kind="latency.json"),
        Metric("latency.high", "latency, 80 % upper bound", "ms", "min", predicted=True, kind="latency.json"),
        Metric("fps", "frames per second, all cores", "FPS", "max", predicted=True, kind="latency.json"),
        Metric("fps.low", "frames per second, 80 % lower bound", "FPS", "max", predicted=True, kind="latency.json"),
        Metric("fps.high", "frames per second, 80 % upper bound", "FPS", "max", predicted=True, kind="latency.json"),
        Metric("gops", "operations reached", "GOPS", "max", predicted=True, kind="latency.json"),
        Metric("utilisation", "share of the peak", "share", "max", predicted=True, kind="latency.json"),
        Metric("ddr.traffic", "DDR bytes moved an image", "bytes", "min", predicted=True, kind="latency.json"),
        Metric("ddr.footprint", "DDR bytes held: code, parameters, maps", "bytes", "min", predicted=False, kind="latency.json"),
        Metric("dpu.peak", "peak of the DPU", "GOPS", "max", predicted=True, kind="target.json"),
        *(metric for name, title in RESOURCES.items() for metric in _resource(name, title)),
        Metric("model.macs", "multiply-accumulates", "MAC", "min", predicted=False, kind="frozen.json"),
        Metric("model.params", "parameters", "", "min", predicted=False, kind="frozen.json"),
        Metric("model.size", "compiled network", "bytes", "min", predicted=False, kind="xmodel"),
        Metric(
            "simulation.different",
            "bytes of the machine code's results that differ",
            "bytes",
            "min",
            predicted=False,
            kind="simulation.json",
        ),
    )
}
"""Name -> metric, in the order in which people read them."""


def known(name: str) -> Metric | None:
    """Return the metric *name* of the table, a class's included; None where the table has none."""
    head, _, last = name.rpartition(".")
    family = TABLE.get(f"{head}.*")
    return TABLE.get(name) or (replace(family, name=name, title=family.title.format(last)) if family and last else None)


def describe(name: str) -> Metric:
    """Return the metric *name*: that of the table, or a figure that a stage reports by itself (`train.val_dice`)."""
    return known(name) or Metric(name, name.replace(".", ": ").replace("_", " "), "", "", predicted=False, kind="")


def check(name: str, where: str) -> None:
    """Refuse a name that no table knows and that cannot be a stage's own figure (`<op>.<figure>`).

    Raises:
        ConfigError: So it is; with the near miss.
    """
    head = name.partition(".")[0]
    heads = {known.partition(".")[0] for known in TABLE}
    if known(name) is None and ("." not in name or head in heads):
        raise unknown(name, where, ())


def unknown(name: str, where: str, more: Sequence[str]) -> ConfigError:
    """Return the error for a metric that does not exist; *more* are names besides the table's."""
    names = [known for known in TABLE if not known.endswith("*")]
    close = near(name, [*names, *more]) or ", ".join(known for known in names if name in known.split("."))
    heads = dict.fromkeys(known.partition(".")[0] for known in names)
    remedy = f"there are {', '.join(head if head in TABLE else f'{head}.…' for head in heads)}; docs/reference/metrics.md lists all"
    return ConfigError(f"there is no metric {name!r}", where=where, suggestion=close, remedy=remedy)


def metrics_of(plan: Plan, store: Store, made: Collection[str] | None = None) -> dict[str, float]:
    """Return the figures of what *plan* has made: those of the table in its order, then those that stages report, `<op>.<figure>`.

    Args:
        plan: The experiment's plan. What its goals do not make is absent.
        store: Of the tree it was built in.
        made: Names of the stages that are up to date, where that is known already; else the store is asked.

    Raises:
        StoreError: The records or an artifact cannot be read, or it is not what its stage writes.
    """
    good = _fresh(plan, store) if made is None else made
    told: dict[str, float] = {}
    own: dict[str, float] = {}
    for stage in (stage for stage in plan.stages if stage.name in good):
        tellers = _told(stage)
        for output in tellers:
            told.update(_read(store, output))
        if not tellers and stage.op.run:
            own.update((f"{stage.op.name}.{name}", value) for name, value in _reported(store, stage).items())
    order = {name: place for place, name in enumerate(TABLE)}
    return dict(sorted(told.items(), key=lambda item: order.get(item[0], len(order)))) | own


def source(name: str, plan: Plan) -> str | None:
    """Return the kind of artifact in *plan* that tells the metric *name*, None where the plan makes none that does."""
    metric = known(name)
    if metric:
        return metric.kind if metric.kind in plan.chosen else None
    op = name.partition(".")[0]
    return next((stage.outputs[0].kind for stage in plan.stages if stage.op.name == op and stage.op.run and not _told(stage)), None)


def _told(stage: Stage) -> list[Artifact]:
    """Return the products of *stage* that tell metrics of the table."""
    return [output for output in stage.outputs if output.kind in READERS]


def _fresh(plan: Plan, store: Store) -> set[str]:
    """Return the names of the stages that are up to date, with all that they are made from."""
    good: set[str] = set()
    for stage in plan.stages:
        if good.issuperset(item.maker for item in stage.inputs if item.maker) and store.check(stage).fresh:
            good.add(stage.name)
    return good


def _reported(store: Store, stage: Stage) -> Mapping[str, float]:
    manifest = store.manifest(stage) or {}
    figures: Mapping[str, float] = manifest.get("took", {}).get("metrics", {})
    return figures


def _read(store: Store, artifact: Artifact) -> Mapping[str, float]:
    """Return what *artifact* tells; one that many points share is read once.

    Raises:
        StoreError: It cannot be read, or is not what its stage writes.
    """
    path = store.root / artifact.path
    try:
        found = path.stat()
        return _parsed(artifact.kind, path, found.st_mtime_ns, found.st_size)
    except OSError as fault:
        raise StoreError(f"{artifact.kind} cannot be read: {fault.strerror}", where=artifact.path) from fault
    except (ValueError, LookupError, TypeError, AttributeError) as fault:
        raise StoreError(
            f"{artifact.kind} does not hold what its stage writes: {fault!r}", where=artifact.path, remedy="rebuild it: remove the file"
        ) from fault


@lru_cache(maxsize=4096)
def _parsed(kind: str, path: Path, _mtime: int, size: int) -> Mapping[str, float]:
    """Return the figures in the file at *path*, as it was at that time."""
    if kind == "xmodel":
        return {"model.size": float(size)}
    return {name: float(value) for name, value in READERS[kind](json.loads(path.read_text("utf-8"))) if value is not None}


def _of_frozen(doc: Mapping[str, Any]) -> Figures:
    yield "model.macs", doc["macs"]
    yield "model.params", doc["params"]


def _of_ladder(doc: Mapping[str, Any]) -> Figures:
    first, last = doc["rungs"][0], doc["rungs"][-1]
    for form, rung in (("float", first), ("int8", last)):
        for score in ("dice", "iou"):
            yield f"accuracy.{form}.{score}", rung[score]["mean"]
            yield from ((f"accuracy.{form}.{score}.{name}", value) for name, value in rung[score]["classes"].items())
        yield f"accuracy.{form}.pixels", rung["accuracy"]
    yield "accuracy.drop", last["drop"]


def _of_simulation(doc: Mapping[str, Any]) -> Figures:
    yield "simulation.different", doc["different"]


def _of_latency(doc: Mapping[str, Any]) -> Figures:
    kernel, all_cores = doc["kernel"], doc["fps"][-1]
    yield from (("latency", doc["ms"]), ("latency.low", doc["low_ms"]), ("latency.high", doc["high_ms"]))
    yield from (("fps", all_cores["fps"]), ("fps.low", all_cores["low"]), ("fps.high", all_cores["high"]))
    yield from (("gops", doc["gops"]), ("utilisation", doc["utilisation"]))
    yield "ddr.traffic", sum(layer["bytes"] for layer in doc["layers"])
    yield "ddr.footprint", kernel["code"] + kernel["parameters"] + kernel["workspace"]


def _of_target(doc: Mapping[str, Any]) -> Figures:
    yield "dpu.peak", doc["peak_gops"]
    there = doc["board"]["resources"] or {}
    for name, value in doc["resources"].items():
        yield f"resources.{name}", value
        yield f"resources.{name}.share", value / there[name] if there.get(name) else None


def _of_nothing(_doc: object) -> Figures:
    return iter(())


READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Figures]]] = {
    "accuracy.json": _of_nothing,  # a verdict over what ladder.json tells
    "frozen.json": _of_frozen,
    "ladder.json": _of_ladder,
    "latency.json": _of_latency,
    "simulation.json": _of_simulation,
    "target.json": _of_target,
    "xmodel": _of_nothing,  # its size is all
}
"""Kind -> what finds the figures of the table in its document."""
