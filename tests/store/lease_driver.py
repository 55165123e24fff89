"""Takes one lease again and again in a process of its own, so that it can be stopped and killed. Prints a line for each time.

Argument: JSON of {folder, beat, stale, rounds, threads, die_at, hold}. *die_at* kills it at the n-th call of a system function in the
lease, *hold* keeps the lease until a line comes in on standard input.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from net2bit.graph import lease

SPEC = json.loads(sys.argv[1])
FOLDER = Path(SPEC["folder"])
lease.BEAT, lease.STALE = SPEC["beat"], SPEC["stale"]  # type: ignore[misc]
_STEPS = ("link", "open", "write", "pwrite", "pread", "close", "listdir", "utime", "fstat")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class Mortal:
    """The system's functions, of which the n-th call in all kills the process; before it, or after it where n is negative."""

    def __init__(self, number: int) -> None:
        self._left = abs(number)
        self._after = number < 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in _STEPS:
            return real

        def call(*args: Any, **more: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **more)
            finally:
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call


def take() -> lease.Lease:
    waiter = lease.Waiter(FOLDER / "x.lease")
    while True:
        mine = waiter.attempt("stage")
        if mine is not None:
            return mine
        time.sleep(0.005)


def count() -> None:
    """Add one to a number in a file, in a way that two at once would spoil."""
    path = FOLDER / "counter"
    number = int(path.read_text())
    time.sleep(0.0005)
    path.write_text(str(number + 1))


def rounds() -> None:
    for _ in range(SPEC["rounds"]):
        mine = take()
        try:
            os.close(os.open(FOLDER / "inside", os.O_CREAT | os.O_EXCL))
            count()
            (FOLDER / "inside").unlink()
            mine.check()
        finally:
            mine.release()


def main() -> None:
    if SPEC["die_at"]:
        lease.os = Mortal(SPEC["die_at"])  # type: ignore[attr-defined]
    if SPEC["hold"]:
        mine = take()
        say("held")
        sys.stdin.readline()
        try:
            mine.check()
            say("kept")
        except lease.Lost:
            say("lost")
        mine.release()
        return
    threads = [threading.Thread(target=rounds) for _ in range(SPEC["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say("done")


main()
