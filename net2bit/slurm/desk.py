"""Several front ends in one tree: who submits just now, and whose jobs are whose."""

import os
import shutil
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from net2bit.graph import locks, signals
from net2bit.slurm import attempt
from net2bit.slurm.client import Listing

_COUNTER: Final = "submit.lock"


def _drop(_holder: dict[str, Any]) -> None:
    """Say nothing: submitting takes seconds."""


class Desk:
    """One front end. While it lives it holds a lock of its name, by which others see that its jobs have an owner."""

    def __init__(self, state: Path, *, leased: bool) -> None:
        """Work in the tree whose state lies in *state*; *leased* where other hosts may work in it, too."""
        self._leased = leased
        self._state = state
        self._home = attempt.home(state)
        self.name = f"{os.uname().nodename}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._own = locks.held(self._lock(self.name), "front end", _drop, signals.check, leased=leased)

    def __enter__(self) -> Self:
        self._own.__enter__()
        return self

    def __exit__(self, *fault: object) -> None:
        self._own.__exit__(None, None, None)
        self._forget(self._lock(self.name))

    def _forget(self, lock: Path) -> None:
        """Remove what is left of a front end's lock: its name never comes back."""
        lock.unlink(missing_ok=True)
        shutil.rmtree(lock.with_suffix(".lease"), ignore_errors=True)

    def _lock(self, name: str) -> Path:
        return self._home / f"front-{name}.lock"

    def lives(self, name: str) -> bool:
        """Return whether the front end *name* is at work."""
        return bool(name) and locks.alive(self._lock(name), leased=self._leased)

    def alone(self) -> bool:
        """Return whether no other front end is at work in the tree."""
        return not any(locks.alive(lock, leased=self._leased) for lock in self._fronts() if lock != self._lock(self.name))

    def _fronts(self) -> set[Path]:
        """Return the locks of all front ends of which there is a trace."""
        return {trace.with_suffix(".lock") for trace in self._home.glob("front-*")}

    @contextmanager
    def counter(self) -> Iterator[None]:
        """Be the only one who submits: what another front end has submitted is seen in the queue then, and adopted.

        Raises:
            StoreError: The tree cannot be written.
        """
        with locks.held(self._home / _COUNTER, "submit", _drop, signals.check, leased=self._leased):
            yield

    def tidy(self, listing: Listing, used: Collection[Path]) -> None:
        """Remove the folders of jobs that have ended and whose front end is gone; *used* are those that somebody here looks at."""
        queued = {job.folder for job in listing.jobs.values() if job.live}
        for one in attempt.all_of(self._state):
            if str(one.folder) not in queued and one.folder not in used and not self.lives(one.owner()):
                one.remove()
        for lock in self._fronts():
            if not locks.alive(lock, leased=self._leased):
                self._forget(lock)
