"""Taking a result that was made before: from another place of this tree, from the local cache, or from a shared one.

What is taken is checked and hashed like what a stage makes; a digest that is not the recorded one is a miss.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from net2bit.errors import StageError
from net2bit.graph import place
from net2bit.graph.cache import Cache, link
from net2bit.graph.place import Finished, Made, Stood
from net2bit.graph.records import Record
from net2bit.graph.stage import Stage
from net2bit.graph.sweep import empty
from net2bit.job import Event

if TYPE_CHECKING:
    from net2bit.graph.store import Store


class Restore:
    """Looks for the result of one stage key and puts it into a work folder."""

    def __init__(self, store: "Store", stage: Stage, base: str, out: Path) -> None:
        """Look for *base*, the key of *stage*; *out* is the folder for products, empty."""
        self._store = store
        self._stage = stage
        self._base = base
        self._out = out

    def find(self, watch: Callable[[Event], None]) -> Finished | None:
        """Return the result, None where there is none; *watch* is told where it came from."""
        return self._from_tree(watch) or self._from_cache(self._store.cache, watch) or self._from_remote(watch)

    def _from_tree(self, watch: Callable[[Event], None]) -> Finished | None:
        for record in self._store.records.snapshot.records.get(self._base, ()):
            manifest = self._store.records.manifest(record.key)
            if manifest is None or not self._holds(record.extra):
                continue
            places = [manifest["outputs"][out.kind]["path"] for out in self._stage.outputs]
            if self._lie(places, record) and self._copied([self._store.root / path for path in places]):
                made = self._matching(record.outs.split())
                if made:
                    watch({"event": "restored", "from": places[0]})
                    statement = _statement(place.statement_path(self._store.root / places[0]))
                    return Finished(made, "restored", record.extra, manifest["took"], statement=statement)
            empty(self._out)
        return None

    def _from_cache(
        self, cache: Cache, watch: Callable[[Event], None], origin: str = "", known: Mapping[Stood, str] = MappingProxyType({})
    ) -> Finished | None:
        """Take it from *cache*, into which it may just have come from *origin*; see `place.collect` for *known*."""
        for entry in cache.find(self._base):
            if not self._holds(entry.extra):
                continue
            if cache.restore(entry, self._targets()):
                made = self._matching([digest for digest, _, _ in entry.outputs], known)
                if made:
                    watch({"event": "restored", "from": origin or str(cache.folder)})
                    return Finished(made, "restored", entry.extra, entry.took, statement=cache.statement(entry), shared=bool(origin))
            empty(self._out)
            cache.mend(entry)
        return None

    def _from_remote(self, watch: Callable[[Event], None]) -> Finished | None:
        """Bring it from the shared cache into the local one, or into one of this build alone where that is off; then take it from there."""
        store, remote = self._store, self._store.remote
        if remote is None:
            return None
        local = store.cache if store.cache.enabled else store.cache.beside(self._out.parent / "arrived")
        arrivals = local.arrivals if local is store.cache else store.state / "arrivals"
        kinds = [(out.kind, out.tree) for out in self._stage.outputs]
        found = remote.fetch(self._base, kinds, arrivals, holds=self._holds, have=local.has, watch=watch)
        if found is None:
            return None
        local.adopt(self._base, found, arrivals)
        return self._from_cache(local, watch, remote.settings.shown, found.seals)

    def _holds(self, extra: str) -> bool:
        return not extra or self._store.keys.code.holds(extra)

    def _targets(self) -> list[Path]:
        return list(place.paths(self._stage, self._out).values())

    def _lie(self, places: Sequence[str], record: Record) -> bool:
        """Return whether a record's products still lie at *places*."""
        found = [self._store.prints.digest(path, tree=out.tree) for path, out in zip(places, self._stage.outputs, strict=True)]
        return found == record.outs.split()

    def _copied(self, sources: Sequence[Path]) -> bool:
        try:
            for source, target in zip(sources, self._targets(), strict=True):
                _copy(source, target)
        except OSError:  # gone meanwhile, or no room: built instead, which has its own words for that
            return False
        return True

    def _matching(self, digests: Sequence[str], known: Mapping[Stood, str] = MappingProxyType({})) -> list[Made] | None:
        try:
            made = place.collect(self._stage, self._out, known)
        except StageError:
            return None
        return made if [one.digest for one in made] == list(digests) else None


def _statement(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # nobody's fault: what it is about is whole
        return b""


def _copy(source: Path, target: Path) -> None:
    if not source.is_dir():
        link(source, target)
        return
    import shutil  # noqa: PLC0415 - not on the null path

    shutil.copytree(source, target, copy_function=lambda here, there: link(Path(here), Path(there)))
