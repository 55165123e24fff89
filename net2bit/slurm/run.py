"""One run of a merged graph on the cluster.

Everything is decided in one thread that goes round: submit what can be submitted, take the results that have come, and see from the queue
what became of the others. What is known lies in files and in Slurm's queue, so that a run that is killed loses nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from net2bit import errors
from net2bit.errors import Net2bitError, StageError, StoreError, ToolError
from net2bit.graph import signals
from net2bit.graph.build import Built
from net2bit.graph.execute import Done, Watcher
from net2bit.graph.merge import Merged
from net2bit.graph.place import disk
from net2bit.graph.store import Store
from net2bit.job import Event
from net2bit.slurm import attempt, client, ending, script
from net2bit.slurm.attempt import Attempt
from net2bit.slurm.client import Asking, Job, Listing, Unreachable
from net2bit.slurm.desk import Desk
from net2bit.slurm.outage import Outage
from net2bit.slurm.settings import Settings
from net2bit.slurm.task import Task
from net2bit.slurm.ticket import Ticket

_TICK: Final = 1.0  # most seconds between two looks into the folders of the jobs that may run
_HOPELESS: Final = {
    "AccountNotAllowed": "executor.account",
    "BadConstraints": "executor.options",
    "InvalidAccount": "executor.account",
    "InvalidQOS": "executor.qos",
    "PartitionConfig": "executor.partition, resources.stages",
    "PartitionNodeLimit": "executor.partition, executor.options",
    "PartitionTimeLimit": "executor.time, executor.partition",
    "QOSNotAllowed": "executor.qos",
}  # reasons that no waiting ends -> the keys that may be wrong


class Run:
    """One run; call `go` once."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        cache: Mapping[str, Any],
        merged: Merged,
        watcher: Watcher,
        notice: Callable[[str], None],
        *,
        keep_going: bool,
    ) -> None:
        self._store = store
        self._settings = settings
        self._cache = cache
        self._watcher = watcher
        self._notice = notice
        self._keep_going = keep_going
        self._tasks = {name: Task(node) for name, node in merged.nodes.items()}
        self._desk = Desk(store.state, leased=store.leased)
        self._outage = Outage(settings.poll, notice)
        self._asking: Asking | None = None
        self._next = 0.0
        self._queue: list[str] = []
        self._failure: Net2bitError | None = None

    def go(self) -> Mapping[str, Done]:
        """Run until every node has ended (see `execute.Executor.run`)."""
        self._check()
        if any(self._open()):
            with signals.busy(), self._desk:
                self._rounds()
            self._learn()
        return {name: task.done for name, task in self._tasks.items() if task.done}

    def _rounds(self) -> None:
        try:
            while any(self._open()):
                self._round()
                time.sleep(min(_TICK, self._settings.poll))
        except (signals.Stopped, KeyboardInterrupt):
            self._cancel()
            raise
        finally:
            if self._asking is not None:
                self._asking.drop()

    def _round(self) -> None:
        signals.check()
        self._skip()
        if any(self._ready()) and not self._outage.waiting:
            self._submit()
        for task in self._open():
            if task.live and self._met(task):
                self._take(task)
        self._ask()

    # What there is to do

    def _open(self) -> Iterator[Task]:
        return (task for task in self._tasks.values() if task.done is None)

    def _needs(self, task: Task) -> Iterator[Task]:
        return (self._tasks[name] for name in task.node.needs)

    def _met(self, task: Task) -> bool:
        """Tell whether everything the task needs is there."""
        return all(need.good for need in self._needs(task))

    def _ready(self) -> Iterator[Task]:
        """Yield what can be submitted: all it needs is there, or has a job to wait for."""
        return (task for task in self._open() if not task.number and all(need.good or need.live for need in self._needs(task)))

    def _check(self) -> None:
        """Ask the store about every stage that nothing stale stands before."""
        for task in self._tasks.values():
            stale = next((need for need in self._needs(task) if not need.good), None)
            if stale is not None:
                task.reason = f"{stale.node.stage.name} is built first"
                continue
            with suppress(Net2bitError):  # building says why
                verdict = self._store.check(task.node.stage)
                task.reason = verdict.reason()
                if verdict.fresh:
                    self._end(task, Done("fresh"))

    def _skip(self) -> None:
        """Give up what needs something that failed, and after a failure that ends it all whatever has no job."""
        lost = []
        for task in self._open():
            error = next((need.done.error for need in self._needs(task) if need.done and need.failed), None)
            if error is None and self._failure is not None and not task.number:
                error = self._failure
            if error is not None:
                lost += [task.number] if task.number and task.own else []
                self._end(task, Done("skipped", error=error))
        client.cancel(lost, waiting=True)

    def _learn(self) -> None:
        """Let the store know here what the nodes have made."""
        self._store.renew()
        for task in self._tasks.values():
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

    # Submitting

    def _submit(self) -> None:
        """Submit all that is ready, or adopt the jobs that are there already."""
        before = {task.number for task in self._open()}
        adopted: list[str] = []
        try:
            with disk(attempt.home(self._store.state)), self._desk.counter():
                listing = client.jobs()
                self._desk.tidy(listing, [task.attempt.folder for task in self._tasks.values() if task.attempt])
                for task in self._ready():
                    signals.check()
                    self._place(task, listing, adopted)
        except Unreachable as fault:
            self._outage.failed(str(fault))
        else:
            self._outage.over()
        self._tell([task.number for task in self._open() if task.number not in before], adopted)

    def _tell(self, new: list[str], adopted: list[str]) -> None:
        fresh = [number for number in new if number not in adopted]
        if adopted:
            self._notice(f"took over what is in Slurm's queue already: {_jobs(adopted)}")
        if fresh:
            self._notice(f"handed {len(fresh)} stage{'s' * (len(fresh) > 1)} to Slurm: {_jobs(fresh)}")

    def _place(self, task: Task, listing: Listing, adopted: list[str]) -> None:
        found = self._find(task, listing)
        if found is None and self._made_meanwhile(task):
            self._end(task, Done("fresh"))
        elif found is None:
            self._order(task)
        else:
            self._adopt(task, found)
            adopted.append(found.number)
        if task.number:
            task.news = time.monotonic()
            self._queue.append(task.number)

    def _find(self, task: Task, listing: Listing) -> Job | None:
        """Return the job that builds the stage already: whoever submitted it, and also where Slurm took it and its answer was lost."""
        shelf = str(attempt.shelf(self._store.state, task.node.stage.digest))
        mine = task.attempt and str(task.attempt.folder)
        for job in listing.jobs.values():
            if job.folder == mine or (job.live and job.folder.rpartition("/")[0] == shelf and attempt.listed(Path(job.folder))):
                return job
        return None

    def _made_meanwhile(self, task: Task) -> bool:
        """Tell whether another run has built the stage while this one waited for its turn."""
        if not self._met(task):
            return False
        self._store.renew()
        return self._fresh(task)

    def _adopt(self, task: Task, job: Job) -> None:
        task.attempt, task.number = Attempt(Path(job.folder)), job.number
        task.own = not self._desk.lives(task.attempt.owner()) or task.attempt.owner() == self._desk.name
        if task.own:
            task.attempt.write(attempt.OWNER, self._desk.name)

    def _order(self, task: Task) -> None:
        """Submit a new job."""
        stage, root = task.node.stage, self._store.root
        task.leave()
        task.attempt = made = Attempt.new(self._store.state, stage.digest)
        made.write(attempt.TICKET, Ticket(root, stage, self._cache, self._settings.grace).text())
        made.write(attempt.SCRIPT, script.script(stage, root, self._settings, shared=self._store.shared))
        made.write(attempt.OWNER, self._desk.name)
        after = [need.number for need in self._needs(task) if need.live]
        try:
            task.number = client.submit(script.words(stage, made.folder, self._settings, after, self._before()))
        except ToolError as refusal:
            if not (after and "dependency" in refusal.what.lower()):  # else a job it waits for is gone: the next round knows more
                self._fail(task, _refused(task, refusal))

    def _before(self) -> str:
        """Return the job whose end makes room for another one, where only so many may run at once: chains of jobs keep the limit."""
        live = {task.number for task in self._open()}
        self._queue = [number for number in self._queue if number in live]
        limit = self._settings.jobs
        return self._queue[-limit] if limit and len(self._queue) >= limit else ""

    # Results

    def _take(self, task: Task) -> None:
        """Take in what the job has written."""
        if task.attempt is None:
            return
        for event in task.attempt.events():
            self._hear(task, event)
        result = task.attempt.result()
        if result is not None and "stopped" not in result:
            self._begin(task)
            if "built" in result:
                built = Built(**result["built"])
                self._end(task, Done(built.how, built))
                if self._desk.alone():  # else another run may still have to read it
                    task.attempt.remove()
            else:
                self._fail(task, _error(result["error"]))

    def _hear(self, task: Task, event: Event) -> None:
        match event["event"]:
            case "running":
                task.news = time.monotonic()
                self._begin(task)
            case "notice":
                self._notice(event["text"])
            case _:
                self._watcher.heard(task.node, event)

    def _begin(self, task: Task) -> None:
        if not task.begun:
            task.begun = True
            self._watcher.started(task.node, task.reason, self._store.history.estimate(task.node.stage))

    def _say(self, task: Task, place: str) -> None:
        """Tell where a job stands: queued and why, or on which host it runs."""
        if place != task.place:
            task.place = place
            self._watcher.heard(task.node, {"event": "job", "job": task.number, "state": place})

    def _end(self, task: Task, done: Done) -> None:
        task.done = done
        self._watcher.ended(task.node, done)

    def _fail(self, task: Task, error: Net2bitError) -> None:
        self._end(task, Done("failed", error=error))
        if not self._keep_going and self._failure is None:
            self._failure, self._next = error, 0.0

    # The queue

    def _ask(self) -> None:
        """Ask Slurm from time to time how the jobs stand, and wait for no answer."""
        if self._asking is None:
            if time.monotonic() >= self._next and not self._outage.waiting and any(task.live for task in self._open()):
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

    def _see(self, listing: Listing) -> None:
        waiting = []
        for task in self._open():
            if task.live and task.attempt and task.news < listing.at:
                job = listing.jobs.get(task.number)
                job = job if job and job.folder == str(task.attempt.folder) else None  # ids begin anew on a cluster that lost its state
                if job is None or not job.live:
                    self._see_ended(task, job)
                else:
                    self._see_live(task, job)
                    waiting += [task.number] if job.waits and task.own else []
        if self._failure is not None:
            client.cancel(waiting, waiting=True)

    def _see_live(self, task: Task, job: Job) -> None:
        if not job.waits:
            task.since = None
            self._begin(task)
            self._say(task, f"on {job.nodes}")
            return
        place = "queued" if job.reason == "None" else f"queued ({job.reason})"
        if job.held and place != task.place:
            self._notice(f"{task.node.name}: job {job.number} is held ({job.reason}); `scontrol release {job.number}` lets it go")
        self._say(task, place)
        if self._failure is not None and not task.own:
            self._end(task, Done("skipped", error=self._failure))
        elif job.reason not in _HOPELESS:
            task.since = None
        elif self._waited(task):
            client.cancel([task.number] if task.own else [])
            self._fail(task, _hopeless(task, job))

    def _waited(self, task: Task) -> bool:
        """Tell whether the file system, or Slurm, has had its time since the first look."""
        now = time.monotonic()
        task.since = task.since or now
        return now - task.since >= self._settings.grace

    def _see_ended(self, task: Task, job: Job | None) -> None:
        """Judge a job that has ended and whose result is not there (yet)."""
        if task.attempt is None:
            return
        if (job is not None and job.reason == "DependencyNeverSatisfied") or not self._met(task):
            if all(need.good or (need.live and need.since is None) for need in self._needs(task)):
                task.leave()  # the job it waited for was submitted again, and so is this one
        elif self._failure is not None and job is not None and job.state == "CANCELLED":
            self._end(task, Done("skipped", error=self._failure))
        elif task.attempt.result() is not None or self._waited(task):
            self._take(task)
            if task.done is None:
                self._lose(task, job)

    def _lose(self, task: Task, job: Job | None) -> None:
        """Submit again what was lost through no fault of its own; the rest has failed."""
        if not task.own:
            task.leave()  # the run that it was adopted from has cancelled it, or has taken its result away
        elif task.tries < self._settings.retries and (job is None or job.state in ending.RETRIED or self._interrupted(task, job)):
            task.tries += 1
            self._notice(f"{task.node.name}: job {task.number} is lost ({job.state if job else 'gone'}); submitted again")
            task.leave()
        else:
            log = task.attempt.log() if task.attempt else None
            self._fail(task, ending.of(task.node.stage, task.number, job, client.end(task.number), log))

    def _interrupted(self, task: Task, job: Job) -> bool:
        """Tell whether the job was told to stop though nobody cancelled it: Slurm may start a requeued job before the old one is gone."""
        return job.state == "FAILED" and task.attempt is not None and bool((task.attempt.result() or {}).get("stopped"))

    # Stopping

    def _cancel(self) -> None:
        """Cancel this run's jobs, also one whose number Slurm could not tell any more."""
        folders = {str(task.attempt.folder): task for task in self._open() if task.attempt and task.own}
        numbers = {task.number for task in folders.values() if task.number}
        with suppress(Unreachable):
            numbers |= {job.number for job in client.jobs().jobs.values() if job.live and job.folder in folders}
        against = client.cancel(sorted(numbers, key=int))
        if against:
            self._notice(
                f"Slurm did not cancel its jobs ({against}); the next run takes them over, or: scancel {' '.join(sorted(numbers))}"
            )
        elif numbers:
            self._notice(f"cancelled {_jobs(sorted(numbers))}; what is finished is kept")


def _jobs(numbers: list[str]) -> str:
    if len(numbers) == 1:
        return f"job {numbers[0]}"
    ordered = sorted(map(int, numbers))
    whole = ordered[-1] - ordered[0] + 1 == len(ordered)
    return f"jobs {ordered[0]}-{ordered[-1]}" if whole else f"jobs {', '.join(map(str, ordered))}"


def _error(parts: Mapping[str, str]) -> Net2bitError:
    """Return the error that a node reported."""
    kind = getattr(errors, parts["type"], StageError)
    found: Net2bitError = kind(parts["what"], where=parts["where"], remedy=parts["remedy"], suggestion=parts["suggestion"])
    return found


def _refused(task: Task, refusal: ToolError) -> Net2bitError:
    return ToolError(
        f"Slurm takes no job for {task.node.name}: {refusal.what}",
        where="executor=slurm",
        remedy="`sinfo` shows partitions and limits, `scontrol show lic` licences; the keys are executor.* and resources.stages",
    )


def _hopeless(task: Task, job: Job) -> Net2bitError:
    return StoreError(
        f"{task.node.name} would wait for ever: Slurm holds its job back ({job.reason})",
        where=_HOPELESS[job.reason],
        remedy="ask for what the partition has: `scontrol show partition` shows its limits",
    )
