"""One build of one stage: from the lock to the record.

Order: re-check, cache, start marker, private work folder, child process, check of what it made, check that nothing it depends on
moved meanwhile, cache again, rename into place, record. Whatever fails on the way, the targets stay as they were.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from signal import SIGKILL
from typing import TYPE_CHECKING, Any, Final

from net2bit.errors import Net2bitError, StoreError
from net2bit.graph import attest, fault, history, locks, mounts, place, share, signals, slots
from net2bit.graph.keys import full, used
from net2bit.graph.locks import Lost
from net2bit.graph.place import Finished, Took, disk
from net2bit.graph.restore import Restore
from net2bit.graph.stage import Stage
from net2bit.graph.sweep import WORK, remove
from net2bit.job import Event, canonical

if TYPE_CHECKING:
    from net2bit.graph.child import Outcome
    from net2bit.graph.locks import Lock
    from net2bit.graph.pools import Turn
    from net2bit.graph.records import Row
    from net2bit.graph.store import Store

_NUMBERS: Final = count()
_SINGLE: Final = 2  # of the locks, those of the place and of the key: who loses one of them may not go on
_LONGEST: Final = 60  # bytes of a TMPDIR: sockets in it have room for 108


@dataclass(frozen=True)
class Built:
    """What came of a build.

    Attributes:
        key: The stage key.
        how: `ran`, `restored` (from the cache, or from another place in the tree), `waited` (somebody else built it meanwhile), or `fresh`.
        seconds: Wall time of all of it.
        own: Wall time within the stage's function.
        started: Wall time until the stage's function was entered: starting Python and importing.
        cpu: CPU seconds of the stage's processes.
        peak: Peak memory of the stage's processes, in bytes.
        log: The log's path; empty where nothing ran.
        metrics: Figures that the stage reported.
    """

    key: str
    how: str
    seconds: float
    own: float = 0.0
    started: float = 0.0
    cpu: float = 0.0
    peak: int = 0
    log: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)

    def after_waiting(self) -> "Built":
        """Return it as the result that somebody else made while this build waited."""
        return replace(self, how="waited")


class Moved(Exception):  # noqa: N818 - no error: the build starts over
    """Something the stage depends on changed while it ran."""


class Build:
    """Builds one stage under a stage key whose locks are held."""

    def __init__(
        self,
        store: "Store",
        stage: Stage,
        digests: Sequence[str],
        watch: Callable[[Event], None],
        held: Sequence["Lock"],
        turn: "Turn | None" = None,
    ) -> None:
        self._store = store
        self._stage = stage
        self._digests = digests
        self._watch = watch
        self._held = list(held)
        self._turn = turn
        self._give_up = turn.check if turn else signals.check
        self._waited = False
        self._began = time.monotonic()
        self._outcome: Outcome | None = None
        self._parts = store.keys.parts(stage, digests)
        self._base = store.keys.base(stage, digests)

    def go(self, *, force: bool) -> Built:
        """Restore or run, and put the result into place; *force* runs in any case.

        Raises:
            Moved: An input or the code was edited meanwhile.
            StageError: The stage failed, or did not make what it declares.
            StoreError: The disk refuses.
            ToolError: A tool is missing.
        """
        with self._folder() as work:
            done = None if force else self._restored(work)
            if done is None:
                self._store.keys.probe.require(self._stage.op.tools)
                attest.require_key()
                done = self._made(work, force=force)
            built = self._commit(done, work)
            share.offer(self._store, self._base, done)
            remove(self._checkpoints())
            return built.after_waiting() if self._waited and built.how == "restored" else built

    def _restored(self, work: Path) -> Finished | None:
        return Restore(self._store, self._stage, self._base, work / "out").find(self._watch)

    def _made(self, work: Path, *, force: bool) -> Finished:
        """Run and tell the cache, unless a build of another tree has just done so."""
        with self._alone_in_cache():
            found = self._restored(work) if self._waited and not force else None
            if found is not None:
                return found
            with self._in_turn():
                done = self._marked_run(work)
            self._store.cache.offer(self._base, full(self._base, done.extra), done.extra, done.made, done.took, done.statement)
            return done

    @contextmanager
    def _alone_in_cache(self) -> Iterator[None]:
        """Keep the builds of other trees that share the cache from making the same meanwhile; a cache that does not lock is no obstacle."""
        cache = self._store.cache
        with ExitStack() as stack:
            if cache.enabled:
                path = cache.folder / "locks" / f"{self._base[:32]}.lock"
                leased = mounts.leased(shared=mounts.network(cache.folder))
                with suppress(StoreError):
                    lock = stack.enter_context(locks.held(path, self._stage.name, self._tell, self._give_up, leased=leased))
                    self._waited = lock.waited
                    self._held.append(lock)
            yield

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """Wait for what the stage takes: first of the stocks, which are scarce, then of this process's cores and memory."""
        if self._turn is None:
            yield
            return
        store, stage, turn = self._store, self._stage, self._turn
        folder = store.state / "locks"
        with (
            slots.taken(folder, stage.resources, turn.pools, stage.name, self._tell, turn.check, leased=store.leased) as mine,
            turn.taken(stage, self._watch),
        ):
            self._held += mine
            yield

    def _tell(self, holder: Mapping[str, Any]) -> None:
        self._watch({"event": "waiting", "holder": locks.named(holder), **holder})

    def _checkpoints(self) -> Path:
        """Where a stage that resumes keeps what it needs for it."""
        return self._store.state / "scratch" / self._base

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        """Make a private folder that says, by a lock, that it is in use; leave nothing of it behind."""
        host = f"-{place.text_digest(mounts.host())[:4]}" if self._store.shared else ""
        work = self._store.root / WORK / f"{self._base[:8]}-{os.getpid()}-{next(_NUMBERS)}{host}"
        with ExitStack() as stack:
            with disk(work):
                work.mkdir(parents=True)
                stack.callback(remove, work)  # after the lock is released: NFS keeps a folder with an open file in it
                own = stack.enter_context(locks.occupied(work, self._stage.name, leased=self._store.leased))
                for name in ("out", "tmp", "cwd"):
                    (work / name).mkdir()
            self._held.append(own)
            yield work

    def _marked_run(self, work: Path) -> Finished:
        """Run with a start marker in the records, which stays when this process is killed."""
        stage, records = self._stage, self._store.records
        target = stage.outputs[0].path
        mark = (target, self._base, stage.name, os.getpid(), os.uname().nodename, time.time())
        records.write([("markers", mark)])
        try:
            return self._run(work)
        except (Net2bitError, Moved, Lost) as fault:
            with suppress(StoreError):  # the first fault is the one to tell
                records.write([self._failed()] if isinstance(fault, Net2bitError) else [], unmark=target)
            raise

    def _failed(self) -> "tuple[str, Row]":
        """Return the history line of a run that failed."""
        how = "killed" if self._outcome is not None and self._outcome.status == -SIGKILL else "failed"
        return history.row(self._stage, self._base, how, self._took(self._outcome), self._parts["tools"])

    def _run(self, work: Path) -> Finished:
        log = self._store.state / "logs" / f"{self._stage.name.replace('/', '_')}-{self._base[:8]}.log"
        with disk(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._scratch(work)
        outcome = self._outcome = self._child(work, log, scratch)
        self._check_locks()
        error = fault.of(outcome, self._stage, log)
        if error is not None:
            signals.check()  # it was told to stop: no fault of its own
            raise error
        made = place.collect(self._stage, work / "out")
        extra = self._unmoved(outcome)
        done = Finished(made, "ran", extra, self._took(outcome), str(log))
        return replace(done, statement=self._statement(done))

    def _scratch(self, work: Path) -> Path:
        """Make the stage's scratch folder: of the stage key where it keeps checkpoints, of this run otherwise."""
        scratch = self._checkpoints() if self._stage.op.resumes else work / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return scratch

    def _check_locks(self) -> None:
        """Make sure that nobody took the locks over while this process was stopped.

        Raises:
            Lost: So it is.
        """
        for lock in self._held[:_SINGLE]:
            lock.check()

    def _child(self, work: Path, log: Path, scratch: Path) -> "Outcome":
        from net2bit.graph import child  # noqa: PLC0415 - a null build starts no process

        stage, root, roots = self._stage, self._store.root, self._store.keys.code.roots
        temporary = {"TMPDIR": str(work / "tmp")} if len(str(work / "tmp")) <= _LONGEST else {}
        held = [fd for lock in self._held for fd in lock.fds]
        spec = {
            "run": stage.op.run,
            "config": stage.config,
            "inputs": {one.kind: str(root / one.path) for one in stage.inputs},
            "outputs": {kind: str(path) for kind, path in place.paths(stage, work / "out").items()},
            "scratch": str(scratch),
            "roots": roots,
            "held": held,
            "signs": [path for lock in self._held for path in lock.signs],
        }
        signals.check()
        with disk(work):
            process = child.Child(spec, folder=work / "cwd", log=log, env=child.environment(roots, **temporary), held=held)
        for lock in self._held:
            lock.share(process.pid)
        self._watch({"event": "start", "stage": stage.name, "key": self._base, "pid": process.pid, "log": str(log)})
        return process.follow(self._watch)

    def _unmoved(self, outcome: "Outcome") -> str:
        """Return the code that only the run could find; refuse the result when anything it depends on is no longer what it was.

        Raises:
            Moved: So it is.
        """
        keys = self._store.keys
        known = keys.code.digest(self._stage.op.run, used(self._stage)).files
        self._store.renew()
        if self._store.inputs(self._stage) != list(self._digests) or keys.base(self._stage, self._digests) != self._base:
            raise Moved
        return keys.code.found_by_run(outcome.modules, known)

    def _took(self, outcome: "Outcome | None") -> Took:
        seconds = time.monotonic() - self._began
        if outcome is None:
            return {"seconds": seconds, "own": 0.0, "started": 0.0, "cpu": 0.0, "peak": 0, "metrics": {}}
        figures = {"own": outcome.own, "started": outcome.started, "cpu": outcome.cpu, "peak": outcome.peak}
        return {"seconds": seconds, **figures, "metrics": outcome.metrics}

    def _commit(self, done: Finished, work: Path) -> Built:
        """Rename into place, remember the digests, write the record."""
        store, stage = self._store, self._stage
        key, target = full(self._base, done.extra), stage.outputs[0].path
        self._check_locks()
        place.move_in(done.made, store.root, work / "old")
        with disk(store.root / target):
            for one in done.made:
                store.prints.adopt(one)
        took = done.took | {"seconds": time.monotonic() - self._began} if done.how == "ran" else done.took
        manifest = self._manifest(done, key, took)
        outs = " ".join(one.digest for one in done.made)
        now = time.time()
        lived = took if done.how == "ran" else self._took(None)
        record = (key, self._base, done.extra, outs, target, stage.name, stage.op.name, now, canonical(manifest))
        lived_row = history.row(stage, key, done.how, lived, self._parts["tools"])
        store.publish(record, lived_row[1])  # first: whoever reads it reads the products, too, and they are in place
        store.records.write([("records", record), ("placed", (target, key, now)), lived_row], unmark=target)
        store.records.refresh(self._base, target)
        with suppress(OSError):  # a copy for people; the records have it
            place.write_whole(place.manifest_path(store.root, stage), json.dumps(manifest, indent=1, sort_keys=True) + "\n")
        attest.place_beside([store.root / one.artifact.path for one in done.made], done.statement)
        figures = {name: took[name] for name in ("own", "started", "cpu", "peak")} if done.how == "ran" else {}
        return Built(key, done.how, lived["seconds"], **figures, log=done.log, metrics=took["metrics"])

    def _statement(self, done: Finished) -> bytes:
        """Return the sealed statement about what was just made."""
        manifest = self._manifest(done, full(self._base, done.extra), done.took)
        return attest.sealed(manifest, self._base, self._stage, done)

    def _manifest(self, done: Finished, key: str, took: Took) -> dict[str, Any]:
        outputs = {
            one.artifact.kind: {"path": one.artifact.path, "digest": one.digest, "size": one.size, "tree": one.artifact.tree}
            for one in done.made
        }
        made = datetime.now(UTC).isoformat(timespec="seconds")
        about = {"format": "net2bit.manifest/1", "stage": self._stage.name, "key": key, "how": done.how, "made": made}
        return about | self._parts | {"outputs": outputs, "took": took, "log": done.log}
