"""One run of a merged graph on the cluster.

Everything is decided in one thread that goes round: submit what can be submitted, take the results that have come, and see from the queue
what became of the others. What is known lies in files and in Slurm's queue, so that a run that is killed loses nothing.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from net2bit.graph import signals
from net2bit.graph.execute import Done, Watcher
from net2bit.graph.merge import Merged
from net2bit.graph.store import Store
from net2bit.slurm import client
from net2bit.slurm.client import Full, Unreachable
from net2bit.slurm.desk import Desk
from net2bit.slurm.look import Look
from net2bit.slurm.outage import Outage
from net2bit.slurm.results import Results
from net2bit.slurm.settings import Settings
from net2bit.slurm.submit import Submit, named
from net2bit.slurm.tasks import Tasks

_TICK: Final = 1.0  # most seconds between two rounds; each looks into the folders of the jobs that may run


class Run:
    """One run; call `go` once."""

    def __init__(
        self, store: Store, settings: Settings, cache: Mapping[str, Any], merged: Merged, watcher: Watcher, *, keep_going: bool
    ) -> None:
        """Take what `executor.Slurm.run` was given; `notice` follows in `go`."""
        self._store = store
        self._settings = settings
        self._cache = cache
        self._tasks = Tasks(merged, store, watcher, keep_going=keep_going)

    def go(self, notice: Callable[[str], None]) -> Mapping[str, Done]:
        """Run until every node has ended (see `execute.Executor.run`); *notice* receives lines for people."""
        self._tasks.check()
        if any(self._tasks.open()):
            with signals.busy(), Desk(self._store.state, leased=self._store.leased) as desk:
                self._rounds(desk, notice)
            self._tasks.learn()
        return self._tasks.done()

    def _rounds(self, desk: Desk, notice: Callable[[str], None]) -> None:
        outage = Outage("answers", self._settings.poll, notice)
        full = Outage("takes jobs", self._settings.poll, notice)
        submit = Submit(self._store, self._settings, self._cache, self._tasks, desk, notice)
        results = Results(self._tasks, desk, notice)
        look = Look(self._settings, self._tasks, results, outage, notice)
        try:
            while any(self._tasks.open()):
                self._submit(submit, outage, full)
                self._take(results)
                look.step()
                time.sleep(min(_TICK, self._settings.poll))
        except (signals.Stopped, KeyboardInterrupt):
            self._cancel(notice)
            raise
        finally:
            look.close()

    def _submit(self, submit: Submit, outage: Outage, full: Outage) -> None:
        """Submit what can be, unless Slurm lately would not have it."""
        signals.check()
        client.cancel(self._tasks.skip(), waiting=True)
        if outage.waiting or full.waiting or not any(self._tasks.ready()):
            return
        try:
            submit.all_ready()
        except Unreachable as fault:
            outage.failed(str(fault))
        except Full as fault:
            outage.over()
            full.failed(str(fault))
        else:
            outage.over()
            full.over()

    def _take(self, results: Results) -> None:
        for task in self._tasks.live():
            if self._tasks.met(task):
                results.take(task)

    def _cancel(self, notice: Callable[[str], None]) -> None:
        """Cancel this run's jobs, also one whose number Slurm could not tell any more."""
        own = {str(task.attempt.folder): task.number for task in self._tasks.open() if task.attempt and task.own}
        numbers = {number for number in own.values() if number}
        with suppress(Unreachable):
            numbers |= {job.number for job in client.jobs().jobs.values() if job.live and job.folder in own}
        against = client.cancel(sorted(numbers, key=int))
        if against:
            notice(f"Slurm did not cancel its jobs ({against}); the next run takes them over, or: scancel {' '.join(sorted(numbers))}")
        elif numbers:
            notice(f"cancelled {named(sorted(numbers))}; what is finished is kept")
