"""Submitting: a job for every stage that can have one, and no second job for any."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from net2bit.errors import ToolError
from net2bit.graph import signals
from net2bit.graph.execute import Done
from net2bit.graph.place import disk
from net2bit.graph.pools import told
from net2bit.graph.stage import Stage
from net2bit.graph.store import Store
from net2bit.slurm import attempt, client, ending, memory, script
from net2bit.slurm.attempt import Attempt
from net2bit.slurm.client import Job, Listing
from net2bit.slurm.desk import Desk
from net2bit.slurm.settings import Settings
from net2bit.slurm.task import Task
from net2bit.slurm.tasks import Tasks
from net2bit.slurm.ticket import Ticket


class Submit:
    """Submits the tasks of one run."""

    def __init__(
        self, store: Store, settings: Settings, cache: Mapping[str, Any], tasks: Tasks, desk: Desk, notice: Callable[[str], None]
    ) -> None:
        """Submit *tasks* as the front end *desk*; the arguments are those of `executor.Slurm`."""
        self._store = store
        self._settings = settings
        self._cache = cache
        self._tasks = tasks
        self._desk = desk
        self._notice = notice
        self._queue: list[str] = []

    def all_ready(self) -> None:
        """Submit all that is ready, or adopt the jobs that are there already.

        Raises:
            StoreError: The tree cannot be written.
            Full: Slurm takes no more jobs for now; what it has taken so far is kept.
            Unreachable: Slurm does not answer; likewise.
        """
        adopted: list[str] = []
        ordered: list[str] = []
        try:
            with disk(attempt.home(self._store.state)), self._desk.counter():
                listing = client.jobs()
                self._desk.tidy(listing, {task.attempt.folder for task in self._tasks if task.attempt})
                for task in self._tasks.ready():
                    signals.check()
                    self._place(task, listing, adopted, ordered)
        finally:
            self._tell(adopted, ordered)

    def _tell(self, adopted: list[str], ordered: list[str]) -> None:
        if adopted:
            self._notice(f"took over what is in Slurm's queue already: {named(adopted)}")
        if ordered:
            self._notice(f"handed {len(ordered)} stage{'s' * (len(ordered) > 1)} to Slurm: {named(ordered)}")

    def _place(self, task: Task, listing: Listing, adopted: list[str], ordered: list[str]) -> None:
        found = self._find(task, listing)
        if found is not None:
            self._adopt(task, found)
        elif self._tasks.made_meanwhile(task):
            self._tasks.end(task, Done("fresh"))
        else:
            self._order(task)
        if task.number:
            task.news = time.monotonic()
            self._queue.append(task.number)
            (adopted if found else ordered).append(task.number)

    def _find(self, task: Task, listing: Listing) -> Job | None:
        """Return the job that builds the stage already: whoever submitted it, and also where Slurm took it and its answer was lost."""
        shelf = str(attempt.shelf(self._store.state, task.node.stage.digest))
        mine = task.attempt and str(task.attempt.folder)
        for job in listing.jobs.values():
            if job.folder == mine or (job.live and job.folder.rpartition("/")[0] == shelf and attempt.listed(Path(job.folder))):
                return job
        return None

    def _adopt(self, task: Task, job: Job) -> None:
        task.attempt, task.number = Attempt(Path(job.folder)), job.number
        owner = task.attempt.owner()
        task.own = owner == self._desk.name or not self._desk.lives(owner)
        if task.own:
            task.attempt.write(attempt.OWNER, self._desk.name)

    def _order(self, task: Task) -> None:
        """Submit a new job."""
        stage, root = memory.asking(task.node.stage, self._settings, self._store.history), self._store.root
        task.leave()
        task.attempt = made = Attempt.new(self._store.state, stage.digest)
        made.write(attempt.TICKET, Ticket(root, stage, self._cache, self._settings.grace).text())
        made.write(attempt.SCRIPT, script.script(stage, root, self._settings, shared=self._store.shared))
        made.write(attempt.OWNER, self._desk.name)
        after = [need.number for need in self._tasks.needs(task) if need.live]
        words = script.words(task.node.name, stage, made.folder, self._settings, after, self._before())
        try:
            task.number = self._submit(words, stage)
        except ToolError as refusal:
            if not (after and "dependency" in refusal.what.lower()):  # else a job it waits for is gone: the next round knows more
                self._tasks.fail(task, ending.refused(stage, refusal))

    def _submit(self, words: list[str], stage: Stage) -> str:
        """Submit a job; where no node has the memory that *stage* is estimated to take, it gets all that a node has.

        Raises:
            ToolError: Slurm refuses the job.
            Unreachable: Slurm does not answer.
        """
        try:
            return client.submit(words)
        except ToolError as refusal:
            if not (memory.estimated(stage) and client.too_large(refusal)):
                raise
        number = client.submit([script.WHOLE if word.startswith("--mem=") else word for word in words])
        asked = told("memory", stage.resources["memory"])
        self._notice(f"{stage.name}: no node has the {asked} that it should have (an estimate); its job gets all memory of its node")
        return number

    def _before(self) -> str:
        """Return the job whose end makes room for another one, where only so many may run at once: chains of jobs keep the limit."""
        live = {task.number for task in self._tasks.live()}
        self._queue = [number for number in self._queue if number in live]
        limit = self._settings.jobs
        return self._queue[-limit] if limit and len(self._queue) >= limit else ""


def named(numbers: list[str]) -> str:
    """Return jobs for people: `job 7`, `jobs 7-9`, `jobs 3, 7`."""
    ordered = sorted(map(int, numbers))
    if len(ordered) == 1:
        return f"job {ordered[0]}"
    whole = ordered[-1] - ordered[0] + 1 == len(ordered)
    return f"jobs {ordered[0]}-{ordered[-1]}" if whole else f"jobs {', '.join(map(str, ordered))}"
