"""The store: is a stage up to date, and if not, build it. The only judge of staleness.

```python
store = Store(Path.cwd())
verdict = store.check(stage)  # stats only, where nothing moved
if not verdict.fresh:
    built = store.build(stage, watch=print)
store.close()
```

Threads may share a store; processes open their own on the same tree.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self
from weakref import finalize

from net2bit.errors import StageError
from net2bit.graph import mounts, signals
from net2bit.graph.code import Code
from net2bit.graph.fingerprint import WRONG, Fingerprints, Stamp
from net2bit.graph.keys import Keys
from net2bit.graph.probe import MISSING, Probe
from net2bit.graph.records import Record, Records
from net2bit.graph.stage import Stage
from net2bit.job import Event

if TYPE_CHECKING:  # what a null build does not need is imported where it is used
    from net2bit.cache.client import RemoteCache
    from net2bit.graph.build import Built
    from net2bit.graph.cache import Cache, CacheSettings
    from net2bit.graph.exchange import Exchange
    from net2bit.graph.history import History
    from net2bit.graph.locks import Lock
    from net2bit.graph.pools import Turn
    from net2bit.graph.reasons import Reason

STATE: Final = ".net2bit"
_ATTEMPTS: Final = 3  # runs of one stage whose inputs are edited while it runs


class Verdict(NamedTuple):
    """Whether a stage is up to date.

    Attributes:
        fresh: Its products are those of its stage key.
        key: The stage key; None while an input is missing. (Where the stage is not fresh, code that only a run finds is not in it.)
        reasons: Why it is not fresh, the nearest cause first; empty when it is.
    """

    fresh: bool
    key: str | None
    reasons: "tuple[Reason, ...]" = ()

    def reason(self) -> str:
        """Return in one line why it is not fresh; empty when it is."""
        more = f" (and {len(self.reasons) - 1} more)" if len(self.reasons) > 1 else ""
        return self.reasons[0].text() + more if self.reasons else ""


def _drop(_event: Event) -> None:
    """Watch nothing."""


def _say(text: str) -> None:
    sys.stderr.write(f"net2bit: {text}\n")


def _close(parts: Mapping[str, Any]) -> None:
    for name in ("remote", "cache", "records", "prints"):
        if parts.get(name) is not None:
            parts[name].close()


class Store:
    """The build tree of one project and what is known about it."""

    def __init__(self, root: Path, cache: "CacheSettings | Mapping[str, Any] | None" = None, notice: Callable[[str], None] = _say) -> None:
        """Open the records of the project at *root*; *notice* receives lines for people (a damaged cache, …).

        *cache* may be the experiment's own group: `{dir: null, size: 10GB, enabled: true}`.

        Raises:
            StoreError: The records cannot be used.
        """
        self.root = root.resolve()
        self.state = self.root / STATE
        self.shared = mounts.shared(self.root, self.state)
        self.leased = mounts.leased(shared=self.shared)
        self.records = Records(self._place_of_records(), notice)
        self.prints = Fingerprints(self.root, self.records)
        self.keys = Keys(Code(self.root, self.records), Probe(self.records))
        self._settings = cache
        self._notice = notice
        self._doubted: set[str] = set()
        self._swept = False
        self._end = finalize(self, _close, self.__dict__)  # also when nobody closes it: bare doit does not

    def _place_of_records(self) -> Path:
        if not self.shared:
            return self.state / "store.db"
        from net2bit.graph.moving import moved_in  # noqa: PLC0415 - not on one host

        return moved_in(self.state, mounts.private(self.state))

    @cached_property
    def exchange(self) -> "Exchange":
        """What other hosts tell, and are told."""
        from net2bit.graph.exchange import Exchange  # noqa: PLC0415

        return Exchange(self.state / "exchange")

    @cached_property
    def cache(self) -> "Cache":
        """The local cache."""
        from net2bit.graph.cache import Cache, CacheSettings  # noqa: PLC0415

        given = self._settings
        return Cache(given if isinstance(given, CacheSettings) else CacheSettings.of(given or {}), self._notice)

    @cached_property
    def remote(self) -> "RemoteCache | None":
        """The shared cache; None where none is named.

        Raises:
            ConfigError: Its settings do not hold.
        """
        given = self._settings
        group = (given or {}).get("remote") if given is None or isinstance(given, Mapping) else given.remote
        if not (group and group.get("url")):
            return None
        from net2bit.cache.client import RemoteCache  # noqa: PLC0415 - only where there is one
        from net2bit.cache.settings import RemoteSettings  # noqa: PLC0415 - likewise

        return RemoteCache(RemoteSettings.of(group), self._notice, signals.check)

    @cached_property
    def history(self) -> "History":
        """What earlier runs took."""
        from net2bit.graph.history import History  # noqa: PLC0415

        return History(self.records)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Send what waits to be sent, write what waits to be written; tidy the cache when something was added to it."""
        self._end()

    def renew(self) -> None:
        """Look at every file, module and tool again from now on."""
        self.prints.renew()
        self.keys.renew()

    def looked(self) -> dict[str, Stamp | None]:
        """Return every path that was looked at since `renew` and how it stood, None where nothing was found."""
        return self.prints.looked() | self.keys.code.looked() | self.keys.probe.looked()

    def inputs(self, stage: Stage) -> list[str | None]:
        """Return the digests of a stage's inputs, in their order."""
        return [self.prints.digest(one.path, tree=one.tree) for one in stage.inputs]

    def check(self, stage: Stage) -> Verdict:
        """Return whether *stage* is up to date, and if not, why. Builds nothing and waits for nobody.

        Raises:
            StoreError: A file cannot be read, or the stage's code is not there.
        """
        digests = self.inputs(stage)
        if None in digests or not stage.op.run:
            return self._check_presence(stage, digests)
        marked = stage.outputs[0].path in self.records.snapshot.markers
        if marked:
            self._doubt(stage)
        base = self.keys.base(stage, digests)
        record = self._match(stage, base)
        if record is None and MISSING in self.keys.fixed(stage).tools.values():
            record = self._match_without_tools(stage, digests)
        if record is not None:
            if marked:
                self._settle(stage)
            return Verdict(fresh=True, key=record.key)
        from net2bit.graph.why import reasons  # noqa: PLC0415

        return Verdict(fresh=False, key=base, reasons=tuple(reasons(self, stage, base, digests)))

    def _check_presence(self, stage: Stage, digests: Sequence[str | None]) -> Verdict:
        """Judge a stage whose input is missing, and a source: that is the user's, and it is there, or it is not."""
        from net2bit.graph.reasons import InputMissing, TargetMissing  # noqa: PLC0415

        if None in digests:
            lost = [one for one, digest in zip(stage.inputs, digests, strict=True) if digest is None]
            return Verdict(fresh=False, key=None, reasons=tuple(InputMissing(one.path, one.maker) for one in lost))
        gone = [out.path for out in stage.outputs if self.prints.digest(out.path, tree=out.tree) is None]
        return Verdict(fresh=not gone, key=stage.digest, reasons=tuple(map(TargetMissing, gone)))

    def _match(self, stage: Stage, base: str) -> Record | None:
        """Return the record whose products lie in place; it may be another host's."""
        found = self._match_known(stage, base)
        if found is None and self.shared and self.records.learn(self.exchange.find(base)):
            found = self._match_known(stage, base)
        return found

    def _match_known(self, stage: Stage, base: str) -> Record | None:
        found: str | None = None
        for record in self.records.snapshot.records.get(base, ()):
            if record.extra and not self.keys.code.holds(record.extra):
                continue
            if found is None:
                found = " ".join([self.prints.digest(out.path, tree=out.tree) or "" for out in stage.outputs])
            if found == record.outs:
                return record
        return None

    def _match_without_tools(self, stage: Stage, digests: Sequence[str | None]) -> Record | None:
        """Where a tool is not installed (any more), what it made here earlier still counts."""
        found = self.keys.fixed(stage).tools
        for (key,) in self.records.ask("SELECT key FROM records WHERE target=? ORDER BY made DESC", (stage.outputs[0].path,)):
            then = (self.records.manifest(key) or {}).get("tools", {})
            tools = {name: then.get(name, MISSING) if version == MISSING else version for name, version in found.items()}
            record = self._match(stage, self.keys.base(stage, digests, self.keys.fixed(stage, tools)))
            if record is not None:
                return record
        return None

    def _doubt(self, stage: Stage) -> None:
        """A build of these targets began and did not end: trust no remembered stat of theirs."""
        target = stage.outputs[0].path
        if target not in self._doubted:
            self._doubted.add(target)
            for out in stage.outputs:
                self.prints.forget(out.path)

    def _settle(self, stage: Stage) -> None:
        """Drop a dead build's marker: its targets were read in full, and are what they should be."""
        from net2bit.graph import locks  # noqa: PLC0415

        if not locks.alive(self._place(stage), leased=self.leased):
            self.records.unmark(stage.outputs[0].path)

    def publish(self, record: Sequence[Any], history: Sequence[Any]) -> None:
        """Tell other hosts of a finished stage, where there may be any: rows of the tables `records` and `history`."""
        if not self.shared:
            return
        try:
            self.exchange.put(record, history)
        except OSError as fault:
            self._notice(f"other hosts cannot be told of {record[5]}, and will make it again: {fault}")

    def restorable(self, stage: Stage, key: str) -> bool:
        """Return whether *stage* with the key of its verdict would come from a cache (for a dry run; nothing is verified)."""
        if not stage.op.run:
            return False
        near = any(not entry.extra or self.keys.code.holds(entry.extra) for entry in self.cache.find(key))
        return near or (self.remote is not None and self.remote.has(key))

    def manifest(self, stage: Stage) -> dict[str, Any] | None:
        """Return the manifest of what lies in place for *stage*, None where nothing was built there."""
        for (key,) in self.records.ask("SELECT key FROM placed WHERE target=?", (stage.outputs[0].path,)):
            return self.records.manifest(key)
        return None

    def build(self, stage: Stage, watch: Callable[[Event], None] = _drop, *, force: bool = False, turn: "Turn | None" = None) -> "Built":
        """Make *stage* up to date; *force* runs it in any case. Where it really has to run, it waits for its *turn*.

        *watch* receives its events, in this thread: `waiting` (holder, and its pid, host, since, stage), `start` (stage, key, pid,
        log), `log` (line), `progress` (done, total, text), `metric` (name, value), `restored` (from), `again` (reason: why the
        result was thrown away).

        Raises:
            StageError: An input is missing, the stage failed, or its inputs keep changing while it runs.
            StoreError: The disk is full or cannot be written.
            ToolError: A tool is missing.
            Stopped: The build was told to stop.
        """
        signals.check()
        self._tidy()
        if not stage.op.run:
            return self._take_source(stage)
        target = stage.outputs[0].path
        with signals.busy():
            for _ in range(_ATTEMPTS):
                built = self._locked(stage, watch, turn, force=force)
                if not isinstance(built, str):
                    return built
                watch({"event": "again", "reason": built})
        raise StageError(
            f"{stage.name} was given up: its inputs are edited while it runs", where=target, remedy="run again when they stand still"
        )

    def _locked(self, stage: Stage, watch: Callable[[Event], None], turn: "Turn | None", *, force: bool) -> "Built | str":
        """Build under the lock of the place; returns why the result was thrown away where it was."""
        from net2bit.graph.build import Moved  # noqa: PLC0415
        from net2bit.graph.locks import Lost  # noqa: PLC0415

        try:
            with self._held(self._place(stage), stage, watch, turn) as lock:
                return self._attempt(stage, watch, lock, turn, force=force)
        except Moved:
            return "an input or the stage's code was edited while it ran"
        except Lost:
            return "another build took its lock over while this one stood still"

    def _attempt(self, stage: Stage, watch: Callable[[Event], None], lock: "Lock", turn: "Turn | None", *, force: bool) -> "Built":
        from net2bit.graph.build import Build, Built  # noqa: PLC0415

        digests, base = self._recheck(stage)
        verdict = self.check(stage)
        if verdict.fresh and not force and verdict.key:
            return Built(verdict.key, "waited" if lock.waited else "fresh", 0.0)
        with self._held(self.state / "locks" / f"key-{base[:32]}.lock", stage, watch, turn) as key:
            if key.waited:
                self.records.refresh(base, stage.outputs[0].path)
            try:
                built = Build(self, stage, digests, watch, [lock, key], turn).go(force=force)
            finally:
                self.renew()
        return built.after_waiting() if key.waited and built.how == "restored" else built

    def _take_source(self, stage: Stage) -> "Built":
        from net2bit.graph.build import Built  # noqa: PLC0415

        self.renew()
        verdict = self.check(stage)
        if not verdict.fresh:
            path = stage.outputs[0].path
            raise StageError(
                f"{stage.name} is the user's own and is not there", where=path, remedy=f"put it there, or set {stage.op.source}"
            )
        return Built(verdict.key or "", "fresh", 0.0)

    def _recheck(self, stage: Stage) -> tuple[list[str], str]:
        """Look at everything again, now that nobody else can build it; returns the inputs' digests and the base key.

        Raises:
            StageError: An input is missing or of the wrong type.
        """
        if self.shared:
            self._ask_server(stage)
        self.renew()
        found = self.inputs(stage)
        digests = [digest for digest in found if digest is not None and digest != WRONG]
        if len(digests) < len(found):
            bad = next(one for one, digest in zip(stage.inputs, found, strict=True) if digest in {None, WRONG})
            what = "is not there" if not (self.root / bad.path).exists() else f"is not a {'folder' if bad.tree else 'file'}"
            remedy = f"build {bad.maker} first" if bad.maker else "the path is yours: correct the key that names it, or put the file there"
            raise StageError(f"{stage.name} needs {bad.kind}, which {what}", where=bad.path, remedy=remedy)
        base = self.keys.base(stage, digests)
        self.records.refresh(base, stage.outputs[0].path)
        if self.shared:
            self.records.learn(self.exchange.find(base, anew=True))
        return digests, base

    def _ask_server(self, stage: Stage) -> None:
        """Make this host look again where another may just have put or edited something: network file systems remember for a while."""
        from net2bit.graph.lease import refresh  # noqa: PLC0415
        from net2bit.graph.place import disk  # noqa: PLC0415

        with disk(self.root):
            for one in (*stage.inputs, *stage.outputs):
                if one.maker:
                    refresh((self.root / one.path).parent)
        for one in stage.inputs:
            with suppress(OSError):  # missing ones are found out later
                os.close(os.open(self.root / one.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    def _place(self, stage: Stage) -> Path:
        """Return the lock of the place where a stage's products go."""
        from net2bit.graph.place import text_digest  # noqa: PLC0415

        return self.state / "locks" / f"place-{text_digest(stage.outputs[0].path)[:16]}.lock"

    def _held(self, path: Path, stage: Stage, watch: Callable[[Event], None], turn: "Turn | None") -> "AbstractContextManager[Lock]":
        from net2bit.graph import locks  # noqa: PLC0415

        def tell(holder: Mapping[str, Any]) -> None:
            watch({"event": "waiting", "holder": locks.named(holder), **holder})

        return locks.held(path, stage.name, tell, turn.check if turn else signals.check, leased=self.leased)

    def _tidy(self) -> None:
        if not self._swept:
            self._swept = True
            from net2bit.graph import place  # noqa: PLC0415
            from net2bit.graph.sweep import sweep  # noqa: PLC0415

            with place.disk(self.root):
                sweep(self.root, self.state)
            self.records.prune(lambda path: (self.root / path).exists())
