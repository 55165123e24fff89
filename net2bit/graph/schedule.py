"""Runs a merged graph on this machine: each stage as soon as what it needs is there, the longest chain first.

One thread decides: it asks the store about every stage and starts what has to run, each build in a thread of its own (the work itself is
done in the stage's process). Messages of those threads come in through one queue, so nothing here needs a lock.
"""

import heapq
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from net2bit.errors import Net2bitError
from net2bit.graph import signals
from net2bit.graph.execute import Done, Watcher
from net2bit.graph.merge import Merged, Node
from net2bit.graph.pools import Ledger, Limits, Share
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store, Verdict
from net2bit.job import Event

if TYPE_CHECKING:
    from net2bit.graph.build import Built

Message = Callable[[], None]
_LOOK: Final = 0.2  # seconds between two looks whether a build that waits should give up


class Local:
    """Builds on this machine, within limits. Implements `execute.Executor`."""

    def __init__(self, store: Store, workers: int, limits: Limits) -> None:
        """Build with *store*; at most *workers* stages run at once, and together they take no more than *limits*."""
        self._store = store
        self._workers = workers
        self._limits = limits

    def run(self, merged: Merged, watcher: Watcher, *, keep_going: bool) -> Mapping[str, Done]:
        """Make every node's products (see `execute.Executor.run`); call it in the main thread, which is the one that hears signals.

        Raises:
            ConfigError: A stage that may have to run needs more than the limits; nothing was started then. With *keep_going* it
                counts as failed instead.
            Stopped: The build was told to stop.
        """
        signals.install()
        signals.check()
        return _Run(self._store, self._workers, self._limits, merged, watcher, keep_going=keep_going).go()


class _Run:
    """One run of one graph."""

    def __init__(self, store: Store, workers: int, limits: Limits, merged: Merged, watcher: Watcher, *, keep_going: bool) -> None:
        self._store = store
        self._workers = workers
        self._limits = limits
        self._ledger = Ledger(limits)
        self._nodes = merged.nodes
        self._watcher = watcher
        self._keep_going = keep_going
        self._users = _users(merged)
        self._done: dict[str, Done] = {}
        self._verdicts: dict[str, Verdict | None] = {}
        self._shares: dict[str, Share] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._order = {name: number for number, name in enumerate(merged.nodes)}
        self._running: dict[str, threading.Thread] = {}
        self._resting: set[str] = set()
        self._asking: dict[str, threading.Event] = {}
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._failure: Net2bitError | None = None

    def go(self) -> Mapping[str, Done]:
        """Run until every node has ended."""
        stale = self._look()
        self._ranks = _ranks(self._nodes, self._users, self._store) if stale else {}
        self._refuse()
        for name in stale:
            self._queue(name)
        try:
            self._start()
            while self._running:
                self._inbox.get()()
                self._start()
        except signals.Stopped:
            signals.drain()
            raise
        except BaseException:
            self._settle()
            raise
        return {name: self._done[name] for name in self._nodes}

    def _look(self) -> list[str]:
        """Check every node that nothing stale stands before; returns the stale ones."""
        stale = []
        for name, node in self._nodes.items():
            if all(need in self._done for need in node.needs):
                if self._fresh(name):
                    self._finish(name, Done("fresh"))
                else:
                    stale.append(name)
        return stale

    def _fresh(self, name: str) -> bool:
        """Ask the store; where it cannot tell, building says why."""
        try:
            verdict = self._store.check(self._nodes[name].stage)
        except Net2bitError:
            verdict = None
        self._verdicts[name] = verdict
        return verdict is not None and verdict.fresh

    def _refuse(self) -> None:
        """Refuse what can never run, before anything is started."""
        for name, node in self._nodes.items():
            if name in self._done:
                continue
            share = self._shares[name] = self._limits.share(node.stage, self._store.history)
            refusal = self._limits.refusal(node.stage, share)
            if refusal is not None and not self._keep_going:
                raise refusal
            if refusal is not None:
                self._fail(name, refusal)

    def _queue(self, name: str) -> None:
        if name not in self._done:
            heapq.heappush(self._ready, (-self._ranks[name], self._order[name], name))

    def _start(self) -> None:
        """Start what fits, the longest chain first."""
        later = []
        while self._ready and len(self._running) - len(self._resting) < self._workers:
            item = heapq.heappop(self._ready)
            needs = self._needs(item[2])
            if self._ledger.fits(needs):
                self._ledger.take(needs)
                self._launch(item[2])
            else:
                later.append(item)
        for item in later:
            heapq.heappush(self._ready, item)

    def _needs(self, name: str) -> Mapping[str, int]:
        return self._shares[name].needs

    def _launch(self, name: str) -> None:
        """Start a node, or let one go on that had to wait for another process and found that it has to run after all."""
        if name in self._asking:
            self._resting.remove(name)
            self._asking.pop(name).set()
            return
        node, verdict = self._nodes[name], self._verdicts[name]
        self._watcher.started(node, verdict.reason() if verdict else "", self._store.history.estimate(node.stage))
        thread = self._running[name] = threading.Thread(target=self._work, args=(node,), name=name, daemon=True)
        thread.start()

    def _work(self, node: Node) -> None:
        """Build one node; in its own thread."""
        try:
            turn = _Turn(self, node, self._shares[node.name], self._limits.pools)
            built = self._store.build(node.stage, turn.hear, turn=turn)
        except _Cancelled:
            self._inbox.put(partial(self._ended, node.name, Done("skipped", error=self._failure)))
        except Net2bitError as error:
            self._inbox.put(partial(self._ended, node.name, Done("failed", error=error)))
        except BaseException as fault:  # noqa: BLE001 - it is raised again in the main thread
            self._inbox.put(partial(_raise, fault))
        else:
            self._inbox.put(partial(self._ended, node.name, _done(built)))

    def send(self, message: Message) -> None:
        """Have something done in the main thread."""
        self._inbox.put(message)

    def hear(self, node: Node, event: Event) -> None:
        """Pass an event on; in the node's thread."""
        self._watcher.heard(node, event)

    def check(self) -> None:
        """Give up where nothing more is to be started; in a node's thread."""
        signals.check()
        if self._failure is not None:
            raise _Cancelled

    def rest(self, name: str) -> None:
        """Take its share away from a node that waits for another process: others can use it."""
        if name in self._running and name not in self._resting:
            self._resting.add(name)
            self._ledger.give(self._needs(name))

    def ask(self, name: str, granted: threading.Event) -> None:
        """Give its share back to a node that rested, when that fits: *granted* is set then."""
        self._asking[name] = granted
        self._queue(name)

    def _ended(self, name: str, done: Done) -> None:
        self._running.pop(name).join()
        if name in self._resting:
            self._resting.remove(name)
        else:
            self._ledger.give(self._needs(name))
        if done.how == "skipped":
            self._finish(name, done)
        elif done.error is not None:
            self._fail(name, done.error)
        else:
            self._finish(name, done)
            self._advance(name)

    def _finish(self, name: str, done: Done) -> None:
        self._done[name] = done
        self._watcher.ended(self._nodes[name], done)

    def _advance(self, name: str) -> None:
        """Look at what waited for *name* alone."""
        todo = [name]
        while todo:
            for user in self._users[todo.pop()]:
                known = user in self._done or user in self._verdicts  # it may be reached by several ways
                if known or not all(need in self._done for need in self._nodes[user].needs):
                    continue
                if self._fresh(user):
                    self._finish(user, Done("fresh"))
                    todo.append(user)
                else:
                    self._queue(user)

    def _fail(self, name: str, error: Net2bitError) -> None:
        """Skip what needs *name*; where one failure ends it all, everything that does not run yet."""
        self._finish(name, Done("failed", error=error))
        lost = _below(name, self._users) if self._keep_going else [other for other in self._nodes if other not in self._running]
        if not self._keep_going:
            self._failure = self._failure or error
            self._ready.clear()
        for other in lost:
            if other not in self._done:
                self._finish(other, Done("skipped", error=error))

    def _settle(self) -> None:
        """After a fault of the program itself: leave no build behind."""
        for thread in self._running.values():
            thread.join()


class _Cancelled(Exception):  # noqa: N818 - no error: another node failed
    """A build that waited is not to be started any more."""


class _Turn:
    """A node's turn (see `pools.Turn`): it has its share from the start, and gives it back while it waits for other processes."""

    def __init__(self, run: _Run, node: Node, share: Share, pools: Mapping[str, int]) -> None:
        self.pools = pools
        self._share = share
        self.check = run.check
        self._run = run
        self._node = node
        self._rests = False

    def hear(self, event: Event) -> None:
        """Watch the build."""
        if event["event"] == "waiting" and not self._rests:
            self._rests = True
            self._run.send(partial(self._run.rest, self._node.name))
        self._run.hear(self._node, event)

    @contextmanager
    def taken(self, stage: Stage, watch: Callable[[Event], None]) -> Iterator[None]:
        """Wait for its share where it was given back."""
        del stage  # known from the start
        if self._share.wanted:
            watch(self._share.alone())
        if self._rests:
            granted = threading.Event()
            self._run.send(partial(self._run.ask, self._node.name, granted))
            while not granted.wait(_LOOK):
                self.check()
            self._rests = False
        yield


def _raise(fault: BaseException) -> None:
    raise fault


def _done(built: "Built") -> Done:
    return Done(built.how, built)


def _users(merged: Merged) -> dict[str, list[str]]:
    """Return name -> names of the nodes that need it."""
    found: dict[str, list[str]] = {name: [] for name in merged.nodes}
    for name, node in merged.nodes.items():
        for need in node.needs:
            found[need].append(name)
    return found


def _below(name: str, users: Mapping[str, list[str]]) -> Iterator[str]:
    """Yield everything that needs *name*, directly or not."""
    seen, todo = set[str](), [name]
    while todo:
        for user in users[todo.pop()]:
            if user not in seen:
                seen.add(user)
                todo.append(user)
                yield user


def _ranks(nodes: Mapping[str, Node], users: Mapping[str, list[str]], store: Store) -> dict[str, float]:
    """Return name -> seconds of the longest chain that begins with it; what was never timed counts as one second."""
    found: dict[str, float] = {}
    for name in reversed(list(nodes)):
        own = store.history.estimate(nodes[name].stage)
        found[name] = (1.0 if own is None else own) + max((found[user] for user in users[name]), default=0.0)
    return found
