"""What the commands share: the plan and the store of the loaded dodo.py, and how they print."""

import signal
import sys
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from doit.cmd_base import DoitCmdBase
from doit.exceptions import InvalidCommand

from net2bit.errors import Net2bitError
from net2bit.graph.display import live
from net2bit.graph.options import Worded

if TYPE_CHECKING:
    from net2bit.graph.plan import Plan
    from net2bit.graph.store import Store

T = TypeVar("T")
COLOURS = {"red": "31", "green": "32", "yellow": "33", "dim": "2", "bold": "1"}


def paint(text: str, colour: str) -> str:
    """Return *text* in a colour where standard output is a terminal that takes one."""
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if live(sys.stdout) else text


def columns(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Return *rows* as lines, all columns but the last padded to their widest cell."""
    widths = [max((len(row[at]) for row in rows), default=0) for at in range(max((len(row) for row in rows), default=0))]
    return [gap.join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows]


class ProjectCommand(Worded, DoitCmdBase):
    """A command that looks at the plan and the store; its `answer` does the work."""

    execute_tasks = False

    @property
    def plan(self) -> "Plan":
        """The plan of the loaded dodo.py."""
        return cast("Plan", self.loader.namespace["PLAN"])

    @property
    def store(self) -> "Store":
        """The store of the loaded dodo.py."""
        return cast("Store", self.loader.namespace["STORE"])

    def names(self, words: Iterable[str]) -> list[str]:
        """Return the stage names that *words* (tasks, files, kinds, ops, paths) stand for.

        Raises:
            PlanError: One of them stands for nothing.
        """
        return [self.plan.find(word).name for word in words]

    @abstractmethod
    def answer(self, words: Sequence[str]) -> int:
        """Do the command's work on the targets *words*; returns the exit status."""

    def _execute(self, pos_args: Sequence[str]) -> int:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `doit status | head` ends like any other program
        return plainly(lambda: self.answer(pos_args))


def plainly(work: Callable[[], T]) -> T:
    """Return what *work* returns; a user's mistake is shown as doit shows its own, without a traceback.

    Raises:
        InvalidCommand: In place of any error of net2bit's.
    """
    try:
        return work()
    except Net2bitError as error:
        raise InvalidCommand(str(error)) from error
