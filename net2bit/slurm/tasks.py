"""All nodes of a run: what can be done about which, and what the watcher hears of them."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from net2bit.errors import Net2bitError
from net2bit.graph.execute import Done, Watcher
from net2bit.graph.merge import Merged
from net2bit.graph.store import Store
from net2bit.slurm.task import Task


class Tasks:
    """The nodes of one graph.

    Attributes:
        failure: The failure that ends it all; None while there is none, and always where a run keeps going.
    """

    def __init__(self, merged: Merged, store: Store, watcher: Watcher, *, keep_going: bool) -> None:
        """Begin with nothing done."""
        self.failure: Net2bitError | None = None
        self._all = {name: Task(node) for name, node in merged.nodes.items()}
        self._store = store
        self._watcher = watcher
        self._keep_going = keep_going

    def __iter__(self) -> Iterator[Task]:
        """Yield all tasks, in an order in which they can run."""
        return iter(self._all.values())

    def open(self) -> Iterator[Task]:
        """Yield what has not ended."""
        return (task for task in self if task.done is None)

    def live(self) -> Iterator[Task]:
        """Yield what has a job."""
        return (task for task in self if task.live)

    def ready(self) -> Iterator[Task]:
        """Yield what can be submitted: all it needs is there, or has a job to wait for."""
        return (task for task in self.open() if not task.number and all(need.good or need.live for need in self.needs(task)))

    def needs(self, task: Task) -> Iterator[Task]:
        """Yield the tasks whose products *task* takes."""
        return (self._all[name] for name in task.node.needs)

    def met(self, task: Task) -> bool:
        """Return whether everything that *task* needs is there."""
        return all(need.good for need in self.needs(task))

    def done(self) -> Mapping[str, Done]:
        """Return how the nodes ended, by name."""
        return {name: task.done for name, task in self._all.items() if task.done}

    def check(self) -> None:
        """Ask the store about every stage that nothing stale stands before."""
        for task in self:
            stale = next((need for need in self.needs(task) if not need.good), None)
            if stale is not None:
                task.reason = f"{stale.node.stage.name} is built first"
                continue
            with suppress(Net2bitError):  # building says why
                verdict = self._store.check(task.node.stage)
                task.reason = verdict.reason()
                if verdict.fresh:
                    self.end(task, Done("fresh"))

    def made_meanwhile(self, task: Task) -> bool:
        """Return whether another run has built the stage since this one began."""
        if not self.met(task):
            return False
        self._store.renew()
        return self._fresh(task)

    def learn(self) -> None:
        """Let the store know here what the nodes have made."""
        self._store.renew()
        for task in self:
            if task.done is not None and task.done.built is not None:
                self._fresh(task)

    def _fresh(self, task: Task) -> bool:
        """Tell whether the stage is up to date, whoever made it so since the store was opened."""
        stage = task.node.stage
        with suppress(Net2bitError):
            verdict = self._store.check(stage)
            if verdict.key and not verdict.fresh:
                self._store.records.refresh(verdict.key, stage.outputs[0].path)
                verdict = self._store.check(stage)
            return verdict.fresh
        return False

    def skip(self) -> list[str]:
        """Give up what needs something that failed, and after a failure that ends it all whatever has no job; returns the jobs in vain."""
        lost = []
        for task in self.open():
            error = next((need.done.error for need in self.needs(task) if need.done and need.failed), None)
            if error is None and not task.number:
                error = self.failure
            if error is not None:
                lost += [task.number] if task.number and task.own else []
                self.end(task, Done("skipped", error=error))
        return lost

    def begin(self, task: Task) -> None:
        """Tell that *task* runs, once for each of its jobs."""
        if not task.begun:
            task.begun = True
            self._watcher.started(task.node, task.reason, self._store.history.estimate(task.node.stage))

    def say(self, task: Task, place: str) -> None:
        """Tell where its job stands: queued and why, or on which host it runs."""
        if place != task.place:
            task.place = place
            self.hear(task, {"event": "job", "job": task.number, "state": place})

    def hear(self, task: Task, event: Mapping[str, object]) -> None:
        """Tell an event of its stage."""
        self._watcher.heard(task.node, dict(event))

    def end(self, task: Task, done: Done) -> None:
        """Tell how it ended."""
        task.done = done
        self._watcher.ended(task.node, done)

    def fail(self, task: Task, error: Net2bitError) -> None:
        """Tell that it failed, which may end it all."""
        self.end(task, Done("failed", error=error))
        if not self._keep_going and self.failure is None:
            self.failure = error
