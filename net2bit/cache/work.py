"""Work in threads that nobody has to wait for: what hangs in them cannot hang a build, nor the end of its process."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sized
from typing import Final, Generic, TypeVar

from net2bit.cache.transport import Unavailable

T = TypeVar("T")

SLOWEST: Final = 16_000
"""Bytes per second below which a server counts as dead: whatever it has is made anew in less time."""
_BEAT: Final = 0.2  # seconds between two looks
_WORKERS: Final = 8
_LOOK: Final = 0.01  # seconds between two looks at how fast jobs are done
_QUICK: Final = 10  # jobs that a thread finishes between two looks where it hardly waits: more threads would be in each other's way
_PAUSE: Final = 0.2  # seconds before the second try; twice that before the third


class Meter:
    """Counts the bytes of one transfer, from any thread, and tells those who move them when nobody wants them any more.

    Attributes:
        got: Bytes that were moved.
        total: Bytes that there are to move, as far as it is known.
        requests: Requests that were answered.
    """

    def __init__(self) -> None:
        self.got = 0
        self.total = 0
        self.requests = 0
        self._stopped = threading.Event()

    def add(self, count: int) -> None:
        """Count *count* bytes.

        Raises:
            Unavailable: They came too late.
        """
        self.got += count  # two threads may lose a few: this is for people, and for telling slow from dead
        if self._stopped.is_set():
            raise Unavailable("nobody waits for it any more")

    def answered(self) -> None:
        """Count an answer."""
        self.requests += 1
        self.add(0)

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._stopped.set()

    def pause(self, seconds: float) -> None:
        """Wait before another try; not where nobody wants it any more."""
        self._stopped.wait(seconds)


class Pace:
    """Tells a slow transfer from a dead one, by the bytes of the last *window* seconds."""

    def __init__(self, meter: Meter, window: float) -> None:
        self._meter = meter
        self._window = window
        self._mark = (time.monotonic(), self._moved())

    def check(self) -> None:
        """Look at the clock.

        Raises:
            Unavailable: Too little was moved.
        """
        now, (then, got) = time.monotonic(), self._mark
        if now - then < self._window:
            return
        if self._moved() - got < SLOWEST * self._window:
            raise Unavailable(f"it does not answer in {self._window:g} s, or with less than {SLOWEST // 1000} kB/s")
        self._mark = (now, self._moved())

    def _moved(self) -> int:
        """Return the bytes that were moved; an answer without any counts as a second of the slowest server."""
        return self._meter.got + self._meter.requests * SLOWEST


class Task(Generic[T]):
    """A call in a thread of its own."""

    def __init__(self, work: Callable[[], T]) -> None:
        self.done = threading.Event()
        self._work = work
        self._result: T | None = None
        self._fault: BaseException | None = None
        threading.Thread(target=self._run, name="net2bit-cache", daemon=True).start()

    def _run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as fault:  # noqa: BLE001 - it is raised again where the result is asked for
            self._fault = fault
        self.done.set()

    def result(self) -> T:
        """Return what the call returned, or raise what it raised; it is done."""
        if self._fault is not None:
            raise self._fault
        return self._result  # type: ignore[return-value]


def attend(work: Callable[[], T], meter: Meter, window: float, poll: Callable[[], None]) -> T:
    """Return the result of *work*, done in another thread; *poll* is called now and then in this one.

    Raises:
        Unavailable: Less than `SLOWEST` was moved in *window* seconds. The thread is left behind, and stops at the next byte.
    """
    task, pace = Task(work), Pace(meter, window)
    try:
        while not task.done.wait(_BEAT):
            poll()
            pace.check()
    except BaseException:
        meter.stop()
        raise
    return task.result()


def again(work: Callable[[], T], meter: Meter, retries: int) -> T:
    """Return the result of *work*, tried again where the server was at fault.

    Raises:
        Unavailable: It was at every try.
    """
    for attempt in range(retries):
        try:
            return work()
        except Unavailable:
            meter.pause(_PAUSE * 2**attempt)
            meter.add(0)
    return work()


def spread(jobs: Iterable[Callable[[], None]]) -> None:
    """Do *jobs* in as many threads as pay: another joins while those at work mostly wait. The first fault ends it and is raised."""
    todo = deque(jobs)
    if len(todo) <= 1:
        for job in todo:
            job()
        return
    faults: list[BaseException] = []

    def drain() -> None:
        try:
            while todo and not faults:
                todo.popleft()()
        except IndexError:  # another thread took the last one
            return
        except BaseException as fault:  # noqa: BLE001 - raised below
            faults.append(fault)

    for task in _crew(drain, todo):
        task.done.wait()
    if faults:
        raise faults[0]


def _crew(drain: Callable[[], None], todo: Sized) -> list[Task[None]]:
    """Return threads that *drain* what is *todo*: enough of them that they do not all wait at once."""
    crew, left = [Task(drain)], len(todo)
    while not crew[-1].done.wait(_LOOK) and len(crew) < _WORKERS:
        left, before = len(todo), left
        if left and before - left < _QUICK * len(crew):
            crew.append(Task(drain))
    return crew
