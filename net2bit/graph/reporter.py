"""doit's reporter: tells the display what doit does, and at the end what went wrong and what it came to."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TextIO

from net2bit.graph.display import Display, display, span


class Failure(Protocol):
    """What doit says about a failed task."""

    def get_msg(self) -> str:
        """Return the message."""


class Task(Protocol):
    """What the reporter reads of a doit task."""

    name: str
    meta: Mapping[str, Any] | None


class Reporter:
    """One build's account. `hear` may be called from any thread."""

    desc = "running stages with times, plain lines where there is no terminal"

    def __init__(
        self, after: Callable[[Mapping[str, str]], None] | None = None, open_display: Callable[[TextIO | None], Display] = display
    ) -> None:
        """Draw nothing yet; *after* is called when all is done, with how each stage was (`ran`, `restored`, `waited`, `fresh`)."""
        self._after = after
        self._open = open_display
        self._display: Display | None = None
        self._failures: list[tuple[str, str]] = []
        self._errors: list[str] = []
        self._how: dict[str, str] = {}
        self._began = time.monotonic()

    @property
    def display(self) -> Display:
        """The display, made when it is first needed."""
        if self._display is None:
            self._display = self._open(None)
        return self._display

    def initialize(self, tasks: Mapping[str, Task], selected_tasks: Iterable[str]) -> None:
        """Count the stages that doit will look at."""
        self._began = time.monotonic()
        self.display.open(len(_closure(tasks, selected_tasks)))

    def get_status(self, task: Task) -> None:
        """Say nothing: looking takes microseconds."""

    def execute_task(self, task: Task) -> None:
        """Show that the stage begins."""
        work = _work(task)
        if work is not None:
            self.display.start(task.name, work.reason(), work.estimate())

    def hear(self, name: str, event: Mapping[str, Any]) -> None:
        """Pass on an event of a running stage."""
        if self._display is not None:  # another reporter was chosen (-r): this one stays silent
            self._display.hear(name, event)

    def add_success(self, task: Task) -> None:
        """Show how the stage ended."""
        work = _work(task)
        if work is not None and work.built is not None:
            self._how[task.name] = work.built.how
            self.display.done(task.name, work.built.how, work.built.seconds)

    def add_failure(self, task: Task, fail: Failure) -> None:
        """Show that the stage failed; its message is printed at the end."""
        message = fail.get_msg().strip()
        self._failures.append((task.name, message))
        self.display.failed(task.name, message)

    def skip_uptodate(self, task: Task) -> None:
        """Show that the stage is up to date."""
        self._how[task.name] = "fresh"
        self.display.fresh(task.name)

    def skip_ignore(self, task: Task) -> None:
        """Show that the user asked doit to ignore the stage."""
        self.display.failed(task.name, "ignored, as `doit ignore` asked")

    def cleanup_error(self, exception: Failure) -> None:
        """Keep an error of the clean-up for the end."""
        self._errors.append(exception.get_msg())

    def runtime_error(self, msg: str) -> None:
        """Keep an error of doit itself for the end."""
        self._errors.append(msg)

    def teardown_task(self, task: Task) -> None:
        """Say nothing: stages have no tear-down."""

    def complete_run(self) -> None:
        """Give the terminal back, print the failures whole, and one line about it all."""
        self.display.close()
        for name, message in self._failures:
            sys.stderr.write(f"\n{message if message.startswith(name) else f'{name} failed: {message}'}\n")
        for message in self._errors:
            sys.stderr.write(f"\n{message}\n")
        if self._after is not None:
            self._after(self._how)
        if self._how:
            sys.stdout.write(f"{self.summary()}\n")

    def summary(self) -> str:
        """Return what the build came to, in one line."""
        said = {"ran": "ran", "restored": "from cache", "waited": "made by another build", "fresh": "up to date"}
        counts = Counter(self._how.values())
        parts = [f"{counts[how]} {word}" for how, word in said.items() if counts[how]]
        if self._failures:
            parts.insert(0, f"{len(self._failures)} failed")
        return f"{', '.join(parts)} ({span(time.monotonic() - self._began)})"


def _work(task: Task) -> Any | None:
    """Return the adapter's account of the task's stage; None for a task that is only a name for another."""
    return (task.meta or {}).get("work")


def _closure(tasks: Mapping[str, Any], selected: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(selected)
    while todo:
        name = todo.pop()
        if name not in found and name in tasks:
            found.add(name)
            todo.extend(tasks[name].task_dep)
    return {name for name in found if _work(tasks[name]) is not None}
