"""Keeping hold of a stage's processes: none of them outlives the build, whoever of them is killed, and in whatever way.

The supervisor is the parent of the stage's worker. It holds one end of a pipe whose other end only the build has: when the build
is gone, also by SIGKILL, the pipe ends and the supervisor kills everything below it. On Linux it is a "child subreaper", so a
grandchild whose parent died becomes its child, also one that left for a session of its own; and the worker dies when the
supervisor does.
"""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_LINUX: Final = sys.platform == "linux"
_GRACE: Final = 2.0  # seconds between SIGTERM and SIGKILL
_CONTROL: Final = 0  # standard input is the lifeline
_PAUSES: Final = (0.05, 0.1, 0.25, 0.5)  # seconds between two looks at the memory, ever longer
_BEAT: Final = 5.0  # seconds between two signs of life, as in `graph.lease`


def _prctl(option: int, value: int) -> None:
    if _LINUX:
        import ctypes  # noqa: PLC0415 - only here, only on Linux

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Kill this process when its parent dies, and at once where it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Return the children of a process (Linux; elsewhere nothing is known)."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - twice a second, for every process
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:  # it ended meanwhile
        return found
    return found


def descendants(pid: int) -> Iterator[int]:
    """Yield all processes below *pid*."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def resident(pid: int) -> int:
    """Return the resident memory of a process in bytes, 0 when it is gone."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Usage:
    """What all processes of a stage used: CPU seconds, and the largest sum of resident bytes seen."""

    cpu: float = 0.0
    peak: int = 0


class Supervisor:
    """Watches one worker until it and everything below it is gone."""

    def __init__(self, worker: int, signs: Sequence[str] = ()) -> None:
        self._worker = worker
        self._signs = signs
        self._beaten = time.monotonic()
        self._status: int | None = None
        self._usage = Usage()
        self._deadline: float | None = None
        self._wake, wakeup = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._ask())
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def watch(self) -> dict[str, Any]:
        """Return the final event: exit status (negative for a signal), CPU seconds, peak bytes."""
        looks, control = 0, [_CONTROL]
        self._reap()
        while self._status is None:
            self._measure()
            self._beat()
            ready, _, _ = select.select([self._wake, *control], [], [], self._pause(looks))
            if self._wake in ready:
                with suppress(BlockingIOError):
                    os.read(self._wake, 4096)
            if _CONTROL in ready and not os.read(_CONTROL, 4096):
                control = []
                self._kill()
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._kill()
            self._reap()
            looks += 1
        self._sweep()
        return {"event": "exit", "status": self._status, "cpu": self._usage.cpu, "peak": self._usage.peak}

    def _pause(self, looks: int) -> float:
        pause = _PAUSES[min(looks // 10, len(_PAUSES) - 1)]
        return pause if self._deadline is None else min(pause, 0.05)

    def _beat(self) -> None:
        """Keep the locks of the stage; where one was lost to another host, the stage must not go on."""
        if time.monotonic() - self._beaten < _BEAT:
            return
        self._beaten = time.monotonic()
        try:
            for path in self._signs:
                os.utime(path)
        except FileNotFoundError:
            self._kill()
        except OSError:  # the server is away: for those who wait for the lock, too
            return

    def _measure(self) -> None:
        now = sum(map(resident, descendants(os.getpid())))
        self._usage.peak = max(self._usage.peak, now)

    def _ask(self) -> None:
        """Let the worker's group end by itself, for a short while; asked twice, for no while."""
        again = self._deadline is not None
        self._deadline = time.monotonic() + (0 if again else _GRACE)
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._worker, number)

    def _kill(self) -> None:
        self._signal(signal.SIGKILL)
        for pid in list(descendants(os.getpid())):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if not pid:
                    return
                self._count(pid, status, used.ru_utime + used.ru_stime, used.ru_maxrss)

    def _count(self, pid: int, status: int, cpu: float, largest: int) -> None:
        self._usage.cpu += cpu
        self._usage.peak = max(self._usage.peak, largest * (1024 if _LINUX else 1))
        if pid == self._worker:
            self._status = os.waitstatus_to_exitcode(status)

    def _sweep(self) -> None:
        """Kill what the worker left behind; on Linux nothing escapes, since orphans come to the supervisor."""
        self._signal(signal.SIGKILL)
        while True:
            self._kill()
            try:
                pid, status, used = os.wait4(-1, 0)
            except ChildProcessError:
                return
            self._count(pid, status, used.ru_utime + used.ru_stime, used.ru_maxrss)


def split(worker: Callable[[], None], report: Callable[[dict[str, Any]], None], signs: Sequence[str] = ()) -> None:
    """Fork: run *worker* in the child, and in the parent supervise it and *report* its end.

    The files *signs* are touched as long as anything runs; when one of them is gone, so is the right to go on.
    """
    adopt_orphans()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.setpgid(0, 0)
        die_with(parent)
        worker()
        return
    with suppress(PermissionError):  # the child may have done it, and even be another program already
        os.setpgid(pid, pid)
    final = Supervisor(pid, signs).watch()
    with suppress(BrokenPipeError):  # nobody is left to hear it
        report(final)


def line(fd: int) -> Any:
    """Return the JSON value on the next line of *fd*; None where it ends first."""
    text = b""
    while not text.endswith(b"\n"):
        part = os.read(fd, 65536)
        if not part:
            return None
        text += part
    return json.loads(text)
