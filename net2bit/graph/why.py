"""Why a stage is stale: its last run beside what a run would be now. Not on the null path."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from net2bit.graph import owner
from net2bit.graph.reasons import CodeChanged, Interrupted, NeverBuilt, Reason, Running, TargetDamaged, TargetMissing, compare
from net2bit.graph.stage import Stage

if TYPE_CHECKING:
    from net2bit.graph.store import Store


def reasons(store: "Store", stage: Stage, base: str, digests: Sequence[str | None]) -> Iterator[Reason]:
    """Yield why *stage*, whose key is *base*, has to run; the nearest cause first."""
    marker = store.records.snapshot.markers.get(stage.outputs[0].path)
    if marker is not None and marker[1] == base:
        _, _, _, pid, node, when = marker
        yield Running(pid, when) if owner.stands(pid, node, when) else Interrupted(when)
    code = store.keys.code
    held = [one for one in store.records.snapshot.records.get(base, ()) if not one.extra or code.holds(one.extra)]
    old = earlier(store, stage)
    if old is None:
        yield NeverBuilt()
    elif old["key"] in {record.key for record in held}:
        yield from _bad_targets(store, stage, old["outputs"])
    else:
        found = list(compare(old, store.keys.parts(stage, digests)))
        yield from found or [CodeChanged(_moved(store, base))]


def _bad_targets(store: "Store", stage: Stage, known: Mapping[str, Any]) -> Iterator[Reason]:
    """Name the targets that are not what the record says that was put there."""
    for out in stage.outputs:
        found = store.prints.digest(out.path, tree=out.tree)
        if found is None:
            yield TargetMissing(out.path)
        elif found != known[out.kind]["digest"]:
            yield TargetDamaged(out.path)


def _moved(store: "Store", base: str) -> tuple[str, ...]:
    """Return the code that only runs of *base* found, and that is another now."""
    records = store.records.snapshot.records.get(base, ())
    return tuple(dict.fromkeys(name for record in records if record.extra for name in store.keys.code.moved(record.extra)))


def earlier(store: "Store", stage: Stage) -> dict[str, Any] | None:
    """Return the manifest of the run that *stage* is best compared with: the last in this place, of this name, of this op."""
    queries = (
        ("SELECT key FROM placed WHERE target=?", stage.outputs[0].path),
        ("SELECT key FROM records WHERE stage=? ORDER BY made DESC LIMIT 1", stage.name),
        ("SELECT key FROM records WHERE op=? ORDER BY made DESC LIMIT 1", stage.op.name),
    )
    for query, value in queries:
        for (key,) in store.records.ask(query, (value,)):
            return store.records.manifest(key)
    return None
