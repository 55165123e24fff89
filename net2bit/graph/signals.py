"""SIGINT, SIGTERM and SIGHUP in the building process: stop the stages' processes, keep what is finished, exit with 128 + signal.

Signals arrive in the main thread only; under `doit -n 2 -P thread` the stages wait in others. So the handler stops every running
stage itself, and the waiting threads see their stage end.
"""

import atexit
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn, Protocol

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(SystemExit):
    """The build was told to stop; its code is 128 + the signal's number. No fault, and nothing to print a traceback for."""

    def __init__(self, code: int | str) -> None:
        """Take the code also as text: doit carries an exception from a thread to the main one as its text."""
        super().__init__(int(code))


class Stoppable(Protocol):
    """A running stage."""

    def stop(self) -> None:
        """Ask its processes to end; asked twice, they are killed."""


_running: Final[dict[int, Stoppable]] = {}
_state: Final[dict[str, int]] = {}
_busy: Final[set[object]] = set()


def install() -> None:
    """Take over the three signals where nobody else has; does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in SIGNALS:
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, _handle)
    atexit.register(drain)


def _handle(number: int, _frame: FrameType | None) -> NoReturn:
    _state["signal"] = number
    for child in list(_running.values()):
        child.stop()
    raise Stopped(128 + number)


def stopping() -> bool:
    """Return whether the build was told to stop: no stage is started then."""
    return "signal" in _state


def check() -> None:
    """Raise `Stopped` where the build was told to stop."""
    if stopping():
        raise Stopped(128 + _state["signal"])


def reset() -> None:
    """Forget that a stop was asked for (a process that runs several builds)."""
    _state.clear()


def register(child: Stoppable) -> None:
    """Count *child* among the running stages."""
    _running[id(child)] = child


def unregister(child: Stoppable) -> None:
    """Count *child* no longer."""
    _running.pop(id(child), None)


@contextmanager
def busy() -> Iterator[None]:
    """Count a build that the process should not end without."""
    mark = object()
    _busy.add(mark)
    try:
        yield
    finally:
        _busy.discard(mark)


def drain(seconds: float = 5.0) -> bool:
    """Wait, at most *seconds*, until the builds of other threads have tidied up after a stop; returns whether they have.

    doit's threads are daemons: the process would end in the middle of that.
    """
    end = time.monotonic() + seconds
    while stopping() and _busy and time.monotonic() < end:
        time.sleep(0.02)
    return not _busy
