"""What the nodes have written, taken in."""

import time
from collections.abc import Callable

from net2bit.graph.build import Built
from net2bit.graph.execute import Done
from net2bit.job import Event
from net2bit.slurm import ending
from net2bit.slurm.desk import Desk
from net2bit.slurm.task import Task
from net2bit.slurm.tasks import Tasks


class Results:
    """Reads the folders of the jobs of one run."""

    def __init__(self, tasks: Tasks, desk: Desk, notice: Callable[[str], None]) -> None:
        """Read for *tasks*; *notice* receives lines for people."""
        self._tasks = tasks
        self._desk = desk
        self._notice = notice

    def take(self, task: Task) -> None:
        """Take in the news of one job, and its result where it is there.

        That the job was told to stop is no result: Slurm may have put it back into the queue, and knows better why.
        """
        if task.attempt is None:
            return
        for event in task.attempt.events():
            self._hear(task, event)
        result = task.attempt.result()
        if result is None or "stopped" in result:
            return
        self._tasks.begin(task)
        if "error" in result:
            self._tasks.fail(task, ending.reported(result["error"]))
            return
        built = Built(**result["built"])
        self._tasks.end(task, Done(built.how, built))
        if self._desk.alone():  # else another run may still have to read it
            task.attempt.remove()

    def _hear(self, task: Task, event: Event) -> None:
        match event["event"]:
            case "running":
                task.news = time.monotonic()
                self._tasks.begin(task)
            case "notice":
                self._notice(event["text"])
            case _:
                self._tasks.hear(task, event)
