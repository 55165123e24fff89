"""One build of one stage: from the lock to the record.

Order: re-check, cache, start marker, private work folder, child process, check of what it made, check that nothing it depends on
moved meanwhile, cache again, rename into place, record. Whatever fails on the way, the targets stay as they were.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from net2bit.errors import Net2bitError, StoreError
from net2bit.graph import attest, fault, history, place, signals
from net2bit.graph.keys import full, used
from net2bit.graph.place import Finished, Took, disk
from net2bit.graph.restore import Restore
from net2bit.graph.stage import Stage
from net2bit.graph.sweep import WORK, remove
from net2bit.job import Event, canonical

if TYPE_CHECKING:
    from net2bit.graph.child import Outcome
    from net2bit.graph.store import Store

_NUMBERS: Final = count()
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

    def __init__(self, store: "Store", stage: Stage, digests: Sequence[str], watch: Callable[[Event], None], held: Sequence[int]) -> None:
        self._store = store
        self._stage = stage
        self._digests = digests
        self._watch = watch
        self._held = held
        self._began = time.monotonic()
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
        with self._folder() as (work, fd):
            done = None if force else Restore(self._store, self._stage, self._base, work / "out").find(self._watch)
            if done is None:
                self._store.keys.probe.require(self._stage.op.tools)
                attest.require_key()
                done = self._marked_run(work, fd)
                self._store.cache.offer(self._base, full(self._base, done.extra), done.extra, done.made, done.took, done.statement)
            built = self._commit(done, work)
            remove(self._checkpoints())
            return built

    def _checkpoints(self) -> Path:
        """Where a stage that resumes keeps what it needs for it."""
        return self._store.state / "scratch" / self._base

    @contextmanager
    def _folder(self) -> Iterator[tuple[Path, int]]:
        """Make a private folder that says, by a lock, that it is in use; leave nothing of it behind."""
        work = self._store.root / WORK / f"{self._base[:8]}-{os.getpid()}-{next(_NUMBERS)}"
        with disk(work):
            work.mkdir(parents=True)
            fd = os.open(work / "lock.new", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        try:
            with disk(work):
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                (work / "lock.new").rename(work / "lock")  # a sweeper sees it locked, or not at all
                for name in ("out", "tmp", "cwd"):
                    (work / name).mkdir()
            yield work, fd
        finally:
            remove(work)
            os.close(fd)

    def _marked_run(self, work: Path, fd: int) -> Finished:
        """Run with a start marker in the records, which stays when this process is killed."""
        stage, records = self._stage, self._store.records
        target = stage.outputs[0].path
        mark = (target, self._base, stage.name, os.getpid(), os.uname().nodename, time.time())
        records.write([("markers", mark)])
        try:
            return self._run(work, fd)
        except (Net2bitError, Moved) as fault:
            with suppress(StoreError):  # the first fault is the one to tell
                failed = (
                    [] if isinstance(fault, Moved) else [history.row(stage, self._base, "failed", self._took(None), self._parts["tools"])]
                )
                records.write(failed, unmark=target)
            raise

    def _run(self, work: Path, fd: int) -> Finished:
        log = self._store.state / "logs" / f"{self._stage.name.replace('/', '_')}-{self._base[:8]}.log"
        with disk(log):
            log.parent.mkdir(parents=True, exist_ok=True)
            scratch = self._scratch(work)
        outcome = self._child(work, fd, log, scratch)
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

    def _child(self, work: Path, fd: int, log: Path, scratch: Path) -> "Outcome":
        from net2bit.graph import child  # noqa: PLC0415 - a null build starts no process

        stage, root, roots = self._stage, self._store.root, self._store.keys.code.roots
        temporary = {"TMPDIR": str(work / "tmp")} if len(str(work / "tmp")) <= _LONGEST else {}
        held = [fd, *self._held]
        spec = {
            "run": stage.op.run,
            "config": stage.config,
            "inputs": {one.kind: str(root / one.path) for one in stage.inputs},
            "outputs": {kind: str(path) for kind, path in place.paths(stage, work / "out").items()},
            "scratch": str(scratch),
            "roots": roots,
            "held": held,
        }
        signals.check()
        with disk(work):
            process = child.Child(spec, folder=work / "cwd", log=log, env=child.environment(roots, **temporary), held=held)
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
        place.move_in(done.made, store.root, work / "old")
        with disk(store.root / target):
            for one in done.made:
                store.prints.adopt(one)
        took = done.took | {"seconds": time.monotonic() - self._began} if done.how == "ran" else done.took
        manifest = self._manifest(done, key, took)
        outs = " ".join(one.digest for one in done.made)
        now = time.time()
        lived = took if done.how == "ran" else self._took(None)
        store.records.write(
            [
                ("records", (key, self._base, done.extra, outs, target, stage.name, stage.op.name, now, canonical(manifest))),
                ("placed", (target, key, now)),
                history.row(stage, key, done.how, lived, self._parts["tools"]),
            ],
            unmark=target,
        )
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
