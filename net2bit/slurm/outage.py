"""A controller that does not answer: said once, asked again after ever longer pauses."""

import time
from collections.abc import Callable
from typing import Final

_LONGEST: Final = 60.0


class Outage:
    """Whether Slurm's controller answers."""

    def __init__(self, pause: float, notice: Callable[[str], None]) -> None:
        """Wait *pause* seconds after the first failure; *notice* receives a line at the beginning and one at the end."""
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
        """Count an answer."""
        if self._told:
            self._notice("Slurm answers again")
        self._told, self._pause, self._until = False, self._first, 0.0
