"""Looking into Slurm's queue: where the jobs stand, and what became of those that left no result."""

import time
from collections.abc import Callable
from typing import Final

from net2bit.graph.execute import Done
from net2bit.slurm import client, ending
from net2bit.slurm.client import Asking, Job, Listing, Unreachable
from net2bit.slurm.outage import Outage
from net2bit.slurm.results import Results
from net2bit.slurm.settings import Settings
from net2bit.slurm.task import Task
from net2bit.slurm.tasks import Tasks

_UNMET: Final = "DependencyNeverSatisfied"


class Look:
    """Asks Slurm from time to time, in the background, and judges the answers."""

    def __init__(self, settings: Settings, tasks: Tasks, results: Results, outage: Outage, notice: Callable[[str], None]) -> None:
        """Look after *tasks*; *notice* receives lines for people."""
        self._settings = settings
        self._tasks = tasks
        self._results = results
        self._outage = outage
        self._notice = notice
        self._asking: Asking | None = None
        self._next = 0.0
        self._hurried = False

    def step(self) -> None:
        """Ask where it is time to, and judge the answer where it has come; waits for neither."""
        if self._asking is None:
            if self._due() and not self._outage.waiting and any(self._tasks.live()):
                self._asking = Asking()
        elif self._asking.ready():
            asked, self._asking = self._asking, None
            self._next = time.monotonic() + self._settings.poll
            try:
                listing = asked.answer()
            except Unreachable as fault:
                self._outage.failed(str(fault))
            else:
                self._outage.over()
                self._see(listing)

    def _due(self) -> bool:
        """Tell whether it is time; a failure that ends it all is a reason to look at once what still waits."""
        hurry = self._tasks.failure is not None and not self._hurried
        self._hurried = self._hurried or hurry
        return hurry or time.monotonic() >= self._next

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.drop()

    def _see(self, listing: Listing) -> None:
        waiting = []
        for task in self._tasks.live():
            if task.attempt is None or task.news >= listing.at:
                continue
            job = listing.jobs.get(task.number)
            job = job if job and job.folder == str(task.attempt.folder) else None  # ids begin anew on a cluster that lost its state
            if job is None or not job.live:
                self._ended(task, job)
            elif job.waits:
                self._waits(task, job)
                waiting += [task.number] if task.live and task.own else []
            else:
                task.since = None
                self._tasks.begin(task)
                self._tasks.say(task, f"on {job.nodes}")
        if self._tasks.failure is not None:
            client.cancel(waiting, waiting=True)

    def _waits(self, task: Task, job: Job) -> None:
        place = "queued" if job.reason == "None" else f"queued ({job.reason})"
        if job.held and place != task.place:
            self._notice(f"{task.node.name}: job {job.number} is held ({job.reason}); `scontrol release {job.number}` lets it go")
        self._tasks.say(task, place)
        if self._tasks.failure is not None and not task.own:
            self._tasks.end(task, Done("skipped", error=self._tasks.failure))
        elif job.reason not in ending.HOPELESS:
            task.since = None
        elif self._had_time(task):
            client.cancel([task.number] if task.own else [])
            self._tasks.fail(task, ending.hopeless(task.node.stage, job))

    def _had_time(self, task: Task) -> bool:
        """Tell whether the file system, or Slurm, has had its time since the first look."""
        now = time.monotonic()
        task.since = task.since or now
        return now - task.since >= self._settings.grace

    def _ended(self, task: Task, job: Job | None) -> None:
        """Judge a job that has ended and whose result is not there (yet)."""
        if not _cancelled(job) and ((job is not None and job.reason == _UNMET) or not self._tasks.met(task)):
            if all(need.good or (need.live and need.since is None) for need in self._tasks.needs(task)):
                task.leave()  # the job it waited for was submitted again, and so is this one
        elif self._tasks.failure is not None and _cancelled(job):
            self._tasks.end(task, Done("skipped", error=self._tasks.failure))
        elif task.stopped or self._had_time(task):
            self._results.take(task)
            if task.done is None:
                self._lose(task, job)

    def _lose(self, task: Task, job: Job | None) -> None:
        """Submit again what was lost through no fault of its own; the rest has failed."""
        # Told to stop though nobody cancelled it: Slurm may start a requeued job before the old one is gone.
        innocent = job is None or job.state in ending.RETRIED or (job.state == "FAILED" and task.stopped)
        if not task.own:
            task.leave()  # the run that it was adopted from has cancelled it, or has taken its result away
        elif innocent and task.tries < self._settings.retries:
            task.tries += 1
            self._notice(f"{task.node.name}: job {task.number} is lost ({job.state if job else 'gone'}); submitted again")
            task.leave()
        else:
            log = task.attempt.log() if task.attempt else None
            self._tasks.fail(task, ending.of(task.node.stage, task.number, job, client.end(task.number), log))


def _cancelled(job: Job | None) -> bool:
    """Tell whether somebody has cancelled a job; Slurm itself cancels those whose need has failed."""
    return job is not None and job.state == "CANCELLED" and job.reason != _UNMET
