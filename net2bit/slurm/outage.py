"""What Slurm does not do just now: said once, tried again after ever longer pauses."""

import time
from collections.abc import Callable
from typing import Final

_LONGEST: Final = 60.0


class Outage:
    """Whether Slurm answers, or takes jobs."""

    def __init__(self, what: str, pause: float, notice: Callable[[str], None]) -> None:
        """Wait *pause* seconds after the first failure; *notice* hears at the beginning, and at the end that Slurm does *what* again."""
        self._what = what
        self._first = self._pause = pause
        self._notice = notice
        self._until = 0.0
        self._told = False

    @property
    def waiting(self) -> bool:
        """Whether it is too early to ask again."""
        return time.monotonic() < self._until

    def failed(self, words: str) -> None:
        """Count a failure, which Slurm describes with *words*."""
        if not self._told:
            self._notice(f"waiting for Slurm ({words}); jobs that run go on")
        self._told = True
        self._until = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST)

    def over(self) -> None:
        """Count a success."""
        if self._told:
            self._notice(f"Slurm {self._what} again")
        self._told, self._pause, self._until = False, self._first, 0.0
